#include "client/os_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEP_IDLE_S 30
#define KEEP_INTERVAL_S 5
#define UNACKED_MS 10000 /* bytes that nobody acknowledges end the connection */
#define SYN_RETRIES 2    /* as the vendor's provider sets it */

struct client_fd client_fd_of(int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return CLIENT_FD_NONE;
	return (struct client_fd){ fd, st.st_dev, st.st_ino };
}

bool client_fd_is_ours(const struct client_fd *f)
{
	struct stat st;

	return f->fd >= 0 && fstat(f->fd, &st) == 0 && st.st_dev == f->device && st.st_ino == f->inode;
}

void client_fd_close(struct client_fd *f)
{
	if (client_fd_is_ours(f))
		close(f->fd);
	*f = CLIENT_FD_NONE;
}

static void tune(int fd)
{
	int on = 1, idle = KEEP_IDLE_S, interval = KEEP_INTERVAL_S, syn = SYN_RETRIES;
	unsigned unacked = UNACKED_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof unacked);
	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &syn, sizeof syn);
}

struct client_fd client_fd_dial(const struct hl_addr *to)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(to->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(to->port) };
	bool six = to->family == HL_INET6;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(&v4.sin_addr, to->ip, 4);
	memcpy(&v6.sin6_addr, to->ip, 16);
	if (fd < 0)
		return CLIENT_FD_NONE;
	tune(fd);
	if (connect(fd, six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, six ? sizeof v6 : sizeof v4) == 0 ||
		errno == EINPROGRESS)
		return client_fd_of(fd);
	close(fd);
	return CLIENT_FD_NONE;
}

hl_err client_fd_connected(const struct client_fd *f)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0)
		return HL_OK;
	return error == ETIMEDOUT ? HL_E_TIMEOUT : HL_E_REFUSED;
}

hl_err client_fd_pipe(struct client_fd out[2])
{
	int fds[2];

	out[0] = out[1] = CLIENT_FD_NONE;
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0)
		return HL_E_IO;
	out[0] = client_fd_of(fds[0]);
	out[1] = client_fd_of(fds[1]);
	return HL_OK;
}
