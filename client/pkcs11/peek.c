/* peek.c - looking where an application's number may point, or not. */
#include "client/pkcs11/module.h"

#include <fcntl.h>
#include <unistd.h>

/* The kernel says EFAULT where the library would crash. */
bool p11_peek(const void *at, void *out, size_t n)
{
	bool good;
	int fd[2];

	if ((uintptr_t)at % n != 0 || pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	good = write(fd[1], at, n) == (ssize_t)n && read(fd[0], out, n) == (ssize_t)n;
	close(fd[0]);
	close(fd[1]);
	return good;
}
