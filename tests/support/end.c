#include "tests/support/end.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

void end_send(struct end *e)
{
	uint8_t b[8192];
	size_t n = e->to_send - e->sent < sizeof b ? e->to_send - e->sent : sizeof b;
	ssize_t sent;

	for (size_t i = 0; i < n; i++)
		b[i] = pattern(e->sent + i);
	sent = n > 0 ? send(e->fd, b, n, MSG_NOSIGNAL) : 0;
	if (sent > 0)
		e->sent += (size_t)sent;
	if (sent < 0 && errno != EAGAIN)
		e->cut = true;
}

void end_receive(struct end *e)
{
	uint8_t b[8192];
	ssize_t n = recv(e->fd, b, sizeof b, 0);

	if (n == 0)
		e->eof = true;
	if (n < 0 && errno != EAGAIN)
		e->cut = true;
	for (ssize_t i = 0; i < n; i++, e->got++)
		if (e->got >= e->skip && b[i] != pattern(e->got - e->skip))
			e->wrong = true;
}

void end_turn(struct end *e)
{
	end_send(e);
	if (e->sent == e->to_send && e->fin) {
		shutdown(e->fd, SHUT_WR);
		e->fin = false;
	}
	end_receive(e);
}

void end_reset(int fd)
{
	struct linger hard = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
}

bool end_is_full(int fd)
{
	return poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, 0) == 0;
}
