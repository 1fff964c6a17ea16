/* memory.c - what a world takes of the machine's memory: pages that processes share are counted once. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "lib/os/files.h"
#include "tests/bench/bench.h"

/* KiB; negative where it may not be read. */
static double pss_of(int pid)
{
	char path[64], line[128];
	double kib = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Pss: %lf kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static int holder(const char *folder, const char *name)
{
	const char *dot = strrchr(name, '.');
	char path[1024];
	pid_t pid = 0;

	if (!dot || strcmp(dot, ".lock") != 0)
		return 0;
	snprintf(path, sizeof path, "%.700s/%.255s", folder, name);
	return hl_lock_holder(path, &pid) == HL_OK ? (int)pid : 0;
}

double bench_memory(const char *world)
{
	double sum = 0, one;
	char folder[768];
	struct dirent *e;
	DIR *d;
	int pid;

	snprintf(folder, sizeof folder, "%.700s/run", world);
	d = opendir(folder);
	while (d && (e = readdir(d))) {
		pid = holder(folder, e->d_name);
		one = pid > 0 ? pss_of(pid) : 0;
		sum = one < 0 || sum < 0 ? -1 : sum + one;
	}
	if (!d)
		return -1;
	closedir(d);
	return sum > 0 ? sum / 1024 : -1;
}
