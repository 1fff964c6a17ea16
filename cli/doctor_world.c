/* doctor_world.c - what `doctor` looks at in a world: its folder, its clock, its processes. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/members.h"
#include "cli/say.h"
#include "lib/os/clock.h"
#include "lib/os/files.h"

static bool skipped(const struct cli_doctor *d, struct cli_finding *f)
{
	if (!d->has_world)
		cli_found(f, CLI_SKIP, "there is no world to look at");
	return !d->has_world;
}

/* Somebody who brings a configuration of his own needs no world here. */
void cli_check_world(struct cli_doctor *d, struct cli_finding *f)
{
	struct cli *c = d->c;
	bool own = false;

	if (cli_client_find(c, &d->files) == HL_OK) {
		d->has_conf = true;
		d->has_world = cli_client_world(c, &d->files, &d->world);
		own = !d->has_world;
	}
	if (own) {
		cli_found(f, CLI_SKIP, "%s belongs to no world", d->files.conf);
		return;
	}
	if (!d->has_world && cli_world_find(c, &d->world) != HL_OK) {
		cli_found(f, CLI_BAD, "%s", c->trouble.detail);
		cli_found_next(f, "%s", *c->trouble.next ? c->trouble.next : hl_err_row(c->trouble.err)->next);
		return;
	}
	d->has_world = true;
	cli_found(f, CLI_OK, "\"%s\" in %s", d->world.name, d->world.dir);
}

/* -- its folder ------------------------------------------------------------------------------------------ */

static const char *fault_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return strerror(errno);
	if (!S_ISDIR(st.st_mode))
		return "no folder";
	if (st.st_uid != geteuid())
		return "belongs to another user";
	if (st.st_mode & 077)
		return "open to others";
	return access(path, W_OK | X_OK) == 0 ? NULL : "not writable";
}

void cli_check_modes(struct cli_doctor *d, struct cli_finding *f)
{
	static const char *const folders[] = { "", "etc", "etc/links", "run", "log", "trace", "directory", "hsm",
		"credentials", "client" };
	char path[CLI_PATH];

	if (skipped(d, f))
		return;
	for (size_t i = 0; i < HL_COUNT(folders); i++) {
		const char *fault;

		cli_world_path(&d->world, path, "%s", folders[i]);
		fault = fault_of(path);
		if (!fault)
			continue;
		cli_found(f, CLI_BAD, "%s: %s", path, fault);
		cli_found_next(f, "make it yours alone: `chown` and `chmod 700`");
		return;
	}
	cli_found(f, CLI_OK, "the folder and all in it are this user's alone");
}

#define SPACE_LEAST (10ull << 20)
#define SPACE_USUAL (100ull << 20)

void cli_check_space(struct cli_doctor *d, struct cli_finding *f)
{
	struct statvfs fs;
	unsigned long long left;

	if (skipped(d, f))
		return;
	if (statvfs(d->world.dir, &fs) != 0) {
		cli_found(f, CLI_BAD, "%s: %s", d->world.dir, strerror(errno));
		return;
	}
	left = (unsigned long long)fs.f_bavail * fs.f_frsize;
	cli_found(f, left < SPACE_LEAST ? CLI_BAD : left < SPACE_USUAL ? CLI_WARN : CLI_OK, "%llu MiB left", left >> 20);
	cli_found_next(f, "make room: stores refuse to grow (HL-0600), traces and logs may be removed");
}

/* -- locks ----------------------------------------------------------------------------------------------- */

static const struct cli_member *member_of(const struct cli_world *w, const char *name, size_t n)
{
	for (size_t i = 0; i < w->members; i++)
		if (strlen(w->member[i].name) == n && memcmp(w->member[i].name, name, n) == 0)
			return &w->member[i];
	return NULL;
}

/* What runs as process `pid`; "" where that is not to be seen. */
static void program_of(pid_t pid, char out[CLI_PATH])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
	n = readlink(link, out, CLI_PATH - 1);
	out[n > 0 ? n : 0] = 0;
}

/* A debugger's or a test's wrapper may stand before the name, "(deleted)" behind it. */
static bool runs(pid_t pid, const char *program)
{
	char path[CLI_PATH];

	program_of(pid, path);
	return !*path || strstr(path, program);
}

static bool lock_is_good(struct cli_doctor *d, struct cli_finding *f, const char *name)
{
	const char *dot = strchr(name, '.'); /* names of members have none */
	size_t n = dot ? (size_t)(dot - name) : strlen(name);
	const struct cli_member *m = member_of(&d->world, name, n);
	bool change = strcmp(name, "change.lock") == 0;
	char path[CLI_PATH];
	pid_t pid = m ? cli_member_pid(&d->world, m) : 0;

	cli_world_path(&d->world, path, "run/%s", name);
	if (!m && !change) {
		cli_found(f, CLI_WARN, "%s is left over: the world has no such member", path);
		cli_found_next(f, "remove it: `rm %s`", path);
	} else if (pid && !runs(pid, m->program)) {
		cli_found(f, CLI_BAD, "%s is held by process %d, which is no %s", path, (int)pid, m->program);
		cli_found_next(f, "end that process: `kill %d`", (int)pid);
	} else if (change && hl_lock_holder(path, &pid) == HL_OK) {
		cli_found(f, CLI_WARN, "%s is held: another command starts or stops the world", path);
		cli_found_next(f, "wait for it, or find it with fuser(1)");
	}
	return f->verdict == CLI_OK;
}

void cli_check_locks(struct cli_doctor *d, struct cli_finding *f)
{
	char path[CLI_PATH];
	unsigned n = 0;
	DIR *run;

	if (skipped(d, f))
		return;
	cli_world_path(&d->world, path, "run");
	run = opendir(path);
	for (const struct dirent *e = run ? readdir(run) : NULL; e; e = readdir(run)) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (!lock_is_good(d, f, e->d_name))
			break;
	}
	if (run)
		closedir(run);
	if (f->verdict == CLI_OK)
		cli_found(f, CLI_OK, "%u locks and sockets, all of this world's members", n);
}

/* -- its clock ------------------------------------------------------------------------------------------- */

void cli_check_clock(struct cli_doctor *d, struct cli_finding *f)
{
	HL_AUTO(hl_clock_close) struct hl_clock clock = { 0 };
	char path[CLI_PATH], now[32];
	int64_t offset_ms;

	if (skipped(d, f))
		return;
	cli_world_path(&d->world, path, "clock");
	if (hl_clock_open(&clock, path) != HL_OK) {
		cli_found(f, CLI_BAD, "%s is missing or no clock page", path);
		cli_found_next(f, "`hsmlet down`, remove the file, `hsmlet up`: it makes a new one");
		return;
	}
	offset_ms = hl_clock_wall_ms(&clock) - hl_clock_wall_ms(NULL);
	cli_time_text(hl_clock_wall_ms(&clock), now);
	if (offset_ms > -1000 && offset_ms < 1000) {
		cli_found(f, CLI_OK, "real time");
		return;
	}
	cli_found(f, CLI_WARN, "moved by %lld s: it is %s here, and credentials live by that",
		(long long)(offset_ms / 1000), now);
	cli_found_next(f, "nothing, if it was meant; another world has a clock of its own: `hsmlet -i NAME up`");
}

/* -- its processes --------------------------------------------------------------------------------------- */

static void tell_member(struct cli_finding *f, const struct cli_seen *s)
{
	const char *role = cli_role_name(s->member->role), *name = s->member->name;

	cli_found(f, CLI_BAD, "%s is %s", name, cli_seen_state(s));
	if (s->paused)
		cli_found_next(f, "let it go on: `kill -CONT %d`", (int)s->pid);
	else if (s->pid)
		cli_found_next(f, "see its log, then `hsmlet %s restart %s`", role, name);
	else
		cli_found_next(f, "start it: `hsmlet %s restart %s`", role, name);
}

void cli_check_members(struct cli_doctor *d, struct cli_finding *f)
{
	struct cli_seen seen[CLI_MEMBERS_MAX];
	unsigned runs_now = 0;
	hl_err asked;

	if (skipped(d, f))
		return;
	cli_members_look(d->c, &d->world, seen, &asked);
	for (size_t i = d->world.members; i > 0; i--) {
		if (!seen[i - 1].up)
			tell_member(f, &seen[i - 1]); /* the first of them is told: the directory, where it is that */
		runs_now += seen[i - 1].pid != 0;
	}
	if (runs_now == 0) {
		cli_found(f, CLI_BAD, "nothing runs of it");
		cli_found_next(f, "`hsmlet up`");
	} else if (f->verdict == CLI_OK) {
		cli_found(f, CLI_OK, "all %zu are up", d->world.members);
	}
}

/* The program of a daemon that runs is the one that would be started now: the same file. */
void cli_check_versions(struct cli_doctor *d, struct cli_finding *f)
{
	unsigned n = 0;

	if (skipped(d, f))
		return;
	for (size_t i = 0; i < d->world.members; i++) {
		const struct cli_member *m = &d->world.member[i];
		pid_t pid = cli_member_pid(&d->world, m);
		char path[CLI_PATH], link[32];
		struct stat runs_now, installed;

		snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
		if (!pid || stat(link, &runs_now) != 0 || cli_program_path(d->c, m->program, path) != HL_OK ||
			stat(path, &installed) != 0)
			continue;
		n++;
		if (runs_now.st_dev == installed.st_dev && runs_now.st_ino == installed.st_ino)
			continue;
		cli_found(f, CLI_WARN, "%s runs another build than %s", m->name, path);
		cli_found_next(f, "`hsmlet down && hsmlet up`");
		return;
	}
	cli_found(f, n > 0 ? CLI_OK : CLI_SKIP, n > 0 ? "the programs installed here run" : "no daemon to look at");
}
