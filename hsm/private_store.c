#include "hsm/private_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OTHERS (S_IRWXG | S_IRWXO)

static hl_err folder_of(const char *path, char out[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n >= PATH_MAX)
		return HL_E_CREATE;
	if (n == 0) {
		strcpy(out, slash ? "/" : ".");
		return HL_OK;
	}
	memcpy(out, path, n);
	out[n] = 0;
	return HL_OK;
}

hl_err hsm_private_folder(const char *path)
{
	char folder[PATH_MAX];
	struct stat st;

	HL_TRY(folder_of(path, folder));
	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
		return HL_E_CREATE;
	return st.st_uid == geteuid() && !(st.st_mode & OTHERS) ? HL_OK : HL_E_MODE;
}

hl_err hsm_private_file(const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_uid != geteuid() || (st->st_mode & OTHERS))
		return HL_E_MODE;
	return HL_OK;
}

hl_err hsm_private_make(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);

	if (fd < 0)
		return errno == EEXIST ? HL_OK : HL_E_CREATE;
	close(fd);
	return hsm_private_sync(path);
}

hl_err hsm_private_sync(const char *path)
{
	char folder[PATH_MAX];
	hl_err rc;
	int fd;

	HL_TRY(folder_of(path, folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return HL_E_IO;
	rc = fsync(fd) == 0 ? HL_OK : HL_E_IO;
	close(fd);
	return rc;
}

static bool write_all(int fd, struct hl_bytes b)
{
	while (b.n > 0) {
		ssize_t put = write(fd, b.p, b.n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		b = hl_bytes(b.p + put, b.n - (size_t)put);
	}
	return true;
}

/* link() refuses where rename() would replace what another member has just made. */
hl_err hsm_private_write(const char *path, struct hl_bytes content)
{
	char fresh[PATH_MAX];
	int fd, n = snprintf(fresh, sizeof fresh, "%s.XXXXXX", path);
	hl_err rc;

	if (n < 0 || (size_t)n >= sizeof fresh)
		return HL_E_CREATE;
	fd = mkostemp(fresh, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return HL_E_CREATE;
	rc = write_all(fd, content) && fsync(fd) == 0 ? HL_OK : HL_E_IO;
	close(fd);
	if (rc == HL_OK && link(fresh, path) != 0 && errno != EEXIST)
		rc = HL_E_CREATE;
	unlink(fresh);
	return rc == HL_OK ? hsm_private_sync(path) : rc;
}

bool hsm_private_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}
