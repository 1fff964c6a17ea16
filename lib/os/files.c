#include "lib/os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 4096

/* For HL_AUTO; errno tells why the function fails, so it is kept. */
static void close_fd(int *fd)
{
	int kept = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = kept;
}

/* -- read ------------------------------------------------------------------------------------ */

static hl_err open_file(const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd >= 0)
		return HL_OK;
	return errno == ENOENT || errno == ENOTDIR ? HL_E_NOT_FOUND : HL_E_IO;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One read past the bound, into a byte of its own, tells a file that is too long from one that just
 * fits. */
hl_err hl_fd_read(int fd, size_t most, struct hl_buf *out)
{
	size_t left = smaller(most, out->max - out->n);

	for (;;) {
		uint8_t over, *room = &over;
		size_t want = 1;
		ssize_t n;

		if (left > 0) {
			want = smaller(left, CHUNK);
			room = hl_buf_room(out, want);
			if (!room)
				return out->err;
		}
		n = read(fd, room, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return HL_E_IO;
		if (n == 0)
			return HL_OK;
		if (left == 0)
			return HL_E_TOO_LONG;
		hl_buf_grow(out, (size_t)n);
		left -= (size_t)n;
	}
}

hl_err hl_file_read(const char *path, size_t most, struct hl_buf *out)
{
	HL_AUTO(close_fd) int fd = -1;

	HL_TRY(open_file(path, &fd));
	return hl_fd_read(fd, most, out);
}

/* -- secrecy --------------------------------------------------------------------------------- */

static hl_err check_private(int fd, enum hl_secrecy whose)
{
	static const struct {
		mode_t denied;
		bool of_root;
	} rules[] = {
		[HL_SECRET_OF_DAEMON] = { 0177, false },
		[HL_SECRET_OF_CLIENT] = { 0137, true },
	};
	struct stat st;

	if (fstat(fd, &st) != 0)
		return HL_E_IO;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 07777 & rules[whose].denied))
		return HL_E_MODE;
	if (st.st_uid != geteuid() && !(rules[whose].of_root && st.st_uid == 0))
		return HL_E_MODE;
	return HL_OK;
}

hl_err hl_file_private(const char *path, enum hl_secrecy whose)
{
	HL_AUTO(close_fd) int fd = -1;

	HL_TRY(open_file(path, &fd));
	return check_private(fd, whose);
}

hl_err hl_file_read_private(
	const char *path, enum hl_secrecy whose, size_t most, struct hl_buf *out)
{
	HL_AUTO(close_fd) int fd = -1;

	HL_TRY(open_file(path, &fd));
	HL_TRY(check_private(fd, whose));
	return hl_fd_read(fd, most, out);
}

/* -- write ----------------------------------------------------------------------------------- */

static hl_err write_all(int fd, struct hl_bytes b)
{
	while (b.n > 0) {
		ssize_t n = write(fd, b.p, b.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return HL_E_IO;
		b.p += n;
		b.n -= (size_t)n;
	}
	return HL_OK;
}

/* The folder of `path` as a text of its own: "." where it names none. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* A rename lasts only once the folder that holds the name is on the disk. */
static hl_err sync_folder(const char *path)
{
	char *folder = folder_of(path);
	HL_AUTO(close_fd) int fd = -1;

	if (!folder)
		return HL_E_NOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	return fd >= 0 && fsync(fd) == 0 ? HL_OK : HL_E_IO;
}

/* `name` ends in XXXXXX, which become random: two writers never meet. */
static hl_err fill_temp(char *name, mode_t mode, struct hl_bytes content)
{
	HL_AUTO(close_fd) int fd = mkostemp(name, O_CLOEXEC);

	if (fd < 0)
		return HL_E_CREATE;
	if (fchmod(fd, mode) != 0)
		return HL_E_CREATE;
	HL_TRY(write_all(fd, content));
	return fsync(fd) == 0 ? HL_OK : HL_E_IO;
}

hl_err hl_file_write(const char *path, mode_t mode, struct hl_bytes content)
{
	char temp[4096];
	hl_err err;
	int n = snprintf(temp, sizeof temp, "%s.XXXXXX", path), kept;

	if (n < 0 || (size_t)n >= sizeof temp)
		return HL_E_CREATE;
	err = fill_temp(temp, mode, content);
	if (err == HL_OK && rename(temp, path) != 0)
		err = HL_E_CREATE;
	if (err == HL_OK)
		return sync_folder(path);
	kept = errno;
	unlink(temp);
	errno = kept;
	return err;
}

/* -- folders --------------------------------------------------------------------------------- */

static hl_err make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return chmod(path, mode) == 0 ? HL_OK : HL_E_CREATE;
	if (errno == EEXIST && stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return HL_OK;
		errno = ENOTDIR;
	}
	return HL_E_CREATE;
}

hl_err hl_folder_make(const char *path, mode_t mode)
{
	char part[4096];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof part)
		return HL_E_CREATE;
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != 0)
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		HL_TRY(make_one(part, mode));
	}
	return HL_OK;
}

/* -- locks ----------------------------------------------------------------------------------- */

/* POSIX: closing any descriptor of a file ends the process's locks on it. So a file that we hold is
 * known by its inode, and never opened a second time. */
#define HELD_MAX 16
static struct {
	dev_t dev;
	ino_t ino;
	pid_t pid; /* a child does not inherit the lock */
} held[HELD_MAX];
static unsigned n_held;

static bool holds(const struct stat *st)
{
	for (unsigned i = 0; i < n_held; i++)
		if (held[i].dev == st->st_dev && held[i].ino == st->st_ino &&
			held[i].pid == getpid())
			return true;
	return false;
}

static struct flock whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

hl_err hl_lock_take(const char *path)
{
	HL_AUTO(close_fd) int fd = -1;
	struct flock lock = whole_file();
	struct stat st;

	if (stat(path, &st) == 0 && holds(&st))
		return HL_OK;
	if (n_held == HELD_MAX)
		return HL_E_FULL;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return HL_E_CREATE;
	if (fcntl(fd, F_SETLK, &lock) != 0)
		return errno == EACCES || errno == EAGAIN ? HL_E_BUSY : HL_E_IO;
	if (fstat(fd, &st) != 0)
		return HL_E_IO;
	held[n_held].dev = st.st_dev;
	held[n_held].ino = st.st_ino;
	held[n_held++].pid = getpid();
	fd = -1; /* open for life: with it the lock would go */
	return HL_OK;
}

hl_err hl_lock_holder(const char *path, pid_t *pid)
{
	HL_AUTO(close_fd) int fd = -1;
	struct flock lock = whole_file();
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOENT ? HL_E_NOT_FOUND : HL_E_IO;
	if (holds(&st)) {
		*pid = getpid();
		return HL_OK;
	}
	HL_TRY(open_file(path, &fd));
	if (fcntl(fd, F_GETLK, &lock) != 0)
		return HL_E_IO;
	if (lock.l_type == F_UNLCK)
		return HL_E_NOT_FOUND;
	*pid = lock.l_pid;
	return HL_OK;
}
