#include "client/os_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 10000
#define AGAIN_MS 5

const char *client_environment(const char *name)
{
	return getenv(name);
}

bool client_file_exists(const char *path)
{
	return access(path, R_OK) == 0;
}

hl_err client_file_trouble(char error[512], const char *path, hl_err err)
{
	bool of_system = errno != 0 && (err == HL_E_IO || err == HL_E_CREATE);

	snprintf(error, 512, "%s: %s", path, of_system ? strerror(errno) : hl_err_text(err));
	return err;
}

/* Locks of the open file description: they exclude threads of one process as well, and another
 * descriptor of the same file that is closed elsewhere does not release them. */
static int set_lock(int fd, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock);
}

/* Asked again and again rather than waited for: a stopped holder must not stop everybody else. */
static hl_err wait_for(int fd)
{
	static const struct timespec pause = { .tv_nsec = AGAIN_MS * 1000000L };

	for (int waited = 0; waited < WAIT_MS; waited += AGAIN_MS) {
		if (set_lock(fd, F_WRLCK) == 0)
			return HL_OK;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return HL_E_IO;
		nanosleep(&pause, NULL);
	}
	return HL_E_TIMEOUT;
}

hl_err client_lock_take(const char *path, struct client_lock *l)
{
	HL_AUTO(client_lock_release) struct client_lock held = CLIENT_LOCK_NONE;
	char name[PATH_MAX];

	if ((size_t)snprintf(name, sizeof name, "%s.lock", path) >= sizeof name)
		return HL_E_ARG;
	held.fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (held.fd < 0)
		return HL_E_CREATE;
	HL_TRY(wait_for(held.fd));
	l->fd = held.fd;
	held.fd = -1;
	return HL_OK;
}

void client_lock_release(struct client_lock *l)
{
	if (l->fd < 0)
		return;
	/* In words: a child forked meanwhile shares the lock until it closes its descriptor. */
	(void)set_lock(l->fd, F_UNLCK);
	close(l->fd);
	l->fd = -1;
}
