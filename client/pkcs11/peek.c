/* peek.c - looking where an application's number may point, or not. */
#include "client/pkcs11/module.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel says EFAULT where the library would crash. It is asked directly: a sanitizer looks at what write() is given
 * before that. */
bool p11_peek(const void *at, void *out, size_t n)
{
	bool good;
	int fd[2];

	if ((uintptr_t)at % n != 0 || pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	good = syscall(SYS_write, fd[1], at, n) == (long)n && read(fd[0], out, n) == (ssize_t)n;
	close(fd[0]);
	close(fd[1]);
	return good;
}
