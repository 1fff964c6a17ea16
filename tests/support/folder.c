#include "tests/support/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool hl_test_folder_make(struct hl_test_folder *f)
{
	const char *under = getenv("TMPDIR");
	int n = snprintf(f->path, sizeof f->path, "%s/hsmlet-test-XXXXXX", under ? under : "/tmp");

	if (n < 0 || (size_t)n >= sizeof f->path || !mkdtemp(f->path)) {
		f->path[0] = 0;
		return false;
	}
	return true;
}

void hl_test_folder_file(const struct hl_test_folder *f, const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%.254s", f->path, name);
}

void hl_test_folder_remove(struct hl_test_folder *f)
{
	DIR *d = f->path[0] ? opendir(f->path) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	if (f->path[0])
		rmdir(f->path);
	f->path[0] = 0;
}

size_t hl_test_folder_count(const struct hl_test_folder *f, const char *prefix)
{
	DIR *d = opendir(f->path);
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)))
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	if (d)
		closedir(d);
	return n;
}

bool hl_test_file_write(const char *path, const void *p, size_t n, unsigned mode)
{
	/* Cut afterwards: some file systems sync what is written to a file that was cut to nothing. */
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, p, n) == (ssize_t)n && ftruncate(fd, (off_t)n) == 0 &&
		fchmod(fd, (mode_t)mode) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

unsigned hl_test_file_mode(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode & 07777u : 0;
}

struct hl_buf hl_test_file_read(const char *path)
{
	struct hl_buf b = hl_buf(HL_BUF_MAX);
	FILE *f = fopen(path, "rbe");
	uint8_t part[4096];
	size_t n;

	while (f && (n = fread(part, 1, sizeof part, f)) > 0)
		hl_buf_put(&b, hl_bytes(part, n));
	if (f)
		fclose(f);
	return b;
}

bool hl_test_file_copy(const char *from, const char *to)
{
	HL_AUTO(hl_buf_clear) struct hl_buf b = { 0 };
	struct hl_bytes all;

	if (access(from, F_OK) != 0)
		return unlink(to) == 0 || access(to, F_OK) != 0;
	b = hl_test_file_read(from);
	all = hl_buf_view(&b);
	return hl_test_file_write(to, all.p ? all.p : (const uint8_t *)"", all.n, 0600);
}
