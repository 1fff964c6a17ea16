#include "hsm/private_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
