#include "tests/support/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/listen.h"

#define CONNECTIONS 256
#define READ_ROOM 65536u

struct end {
	int fd; /* -1: gone */
	struct hl_buf said;    /* everything that came from it */
	struct hl_buf waiting; /* for it */
	bool fin, shut;        /* it will say no more; nothing more is said to it */
};

struct conn {
	struct end end[RELAY_SIDES];
	bool may_cross, crossed;
	bool stalled; /* its far side is heard no more */
};

struct relay {
	pthread_t thread;
	pthread_mutex_t lock; /* over all that follows; not held while waiting */
	int listener, wake[2];
	bool stopping, crossing, cutting, stalling;
	struct hl_addr to;
	struct conn *conn[CONNECTIONS];
	size_t conns;
	unsigned crossed, cuts, stalls;
};

/* -- one connection ---------------------------------------------------------------------------------- */

static void end_close(struct end *e)
{
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
	e->fin = e->shut = true;
}

static void conn_close(struct conn *c)
{
	end_close(&c->end[RELAY_NEAR]);
	end_close(&c->end[RELAY_FAR]);
}

static void conn_free(struct conn *c)
{
	conn_close(c);
	for (size_t i = 0; i < RELAY_SIDES; i++) {
		hl_buf_clear(&c->end[i].said);
		hl_buf_clear(&c->end[i].waiting);
	}
	free(c);
}

static int dial(const struct hl_addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = hl_addr_to_system(to, &ss);
	int fd = n ? socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (fd >= 0 && connect(fd, (struct sockaddr *)&ss, n) == 0 &&
		fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void welcome(struct relay *r)
{
	int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c = fd >= 0 && r->conns < CONNECTIONS ? calloc(1, sizeof *c) : NULL;

	if (!c) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (size_t i = 0; i < RELAY_SIDES; i++)
		c->end[i].said = c->end[i].waiting = hl_buf(HL_BUF_MAX);
	c->end[RELAY_NEAR].fd = fd;
	c->end[RELAY_FAR].fd = dial(&r->to);
	c->may_cross = r->crossing;
	hl_tcp_tune(fd);
	hl_tcp_tune(c->end[RELAY_FAR].fd);
	r->conn[r->conns++] = c;
	if (c->end[RELAY_FAR].fd < 0)
		conn_close(c);
}

static void cut(struct relay *r, struct conn *c)
{
	r->cutting = false;
	r->cuts++;
	conn_close(c);
}

/* How many of `n` bytes are passed on. */
static size_t stall(struct relay *r, struct conn *c, size_t n)
{
	size_t pass = c->stalled ? 0 : n;

	if (r->stalling && !c->stalled) {
		r->stalling = false;
		r->stalls++;
		c->stalled = true;
		pass = n / 2;
	}
	return pass;
}

static void take(struct relay *r, struct conn *c, enum relay_side side)
{
	struct end *from = &c->end[side], *to = &c->end[!side];
	uint8_t bytes[READ_ROOM];
	ssize_t n = recv(from->fd, bytes, sizeof bytes, 0);

	if (n > 0) {
		hl_buf_put(&from->said, hl_bytes(bytes, (size_t)n));
		hl_buf_put(&to->waiting, hl_bytes(bytes, side == RELAY_FAR ? stall(r, c, (size_t)n) : (size_t)n));
		if (side == RELAY_FAR && r->cutting)
			cut(r, c);
	} else if (n == 0) {
		from->fin = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		conn_close(c);
	}
}

static void give(struct conn *c, enum relay_side side)
{
	struct end *to = &c->end[side];
	struct hl_bytes v = hl_buf_view(&to->waiting);
	ssize_t n = v.n > 0 ? send(to->fd, v.p, v.n, MSG_NOSIGNAL) : 0;

	if (n > 0)
		hl_buf_eat(&to->waiting, (size_t)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		conn_close(c);
	if (to->fd >= 0 && to->waiting.n == 0 && c->end[!side].fin && !to->shut) {
		shutdown(to->fd, SHUT_WR);
		to->shut = true;
	}
	if (c->end[RELAY_NEAR].shut && c->end[RELAY_FAR].shut)
		conn_close(c);
}

/* -- crossing ------------------------------------------------------------------------------------------ */

/* The far ends change places, each with its socket, what waits for it and what it has said. */
static void cross(struct relay *r, struct conn *a, struct conn *b)
{
	struct end far = a->end[RELAY_FAR];

	a->end[RELAY_FAR] = b->end[RELAY_FAR];
	b->end[RELAY_FAR] = far;
	a->crossed = b->crossed = true;
	r->crossed++;
}

static bool is_held(const struct conn *c)
{
	return c->may_cross && !c->crossed && c->end[RELAY_FAR].said.n > 0 &&
		c->end[RELAY_FAR].fd >= 0;
}

static void cross_held(struct relay *r)
{
	struct conn *first = NULL;

	for (size_t i = 0; i < r->conns; i++) {
		if (!is_held(r->conn[i]))
			continue;
		if (first) {
			cross(r, first, r->conn[i]);
			first = NULL;
		} else {
			first = r->conn[i];
		}
	}
}

/* -- the thread ------------------------------------------------------------------------------------------ */

static short interest(const struct conn *c, enum relay_side side)
{
	const struct end *e = &c->end[side];
	bool held = side == RELAY_NEAR && is_held(c);

	return (short)((!e->fin && !held ? POLLIN : 0) | (e->waiting.n > 0 ? POLLOUT : 0));
}

static size_t watch(struct relay *r, struct pollfd *fds)
{
	fds[0] = (struct pollfd){ .fd = r->wake[0], .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = r->listener, .events = POLLIN };
	for (size_t i = 0; i < r->conns; i++)
		for (enum relay_side s = 0; s < RELAY_SIDES; s++)
			fds[2 + 2 * i + s] = (struct pollfd){
				/* A descriptor without interest would still report that it hung up. */
				.fd = interest(r->conn[i], s) ? r->conn[i]->end[s].fd : -1,
				.events = interest(r->conn[i], s),
			};
	return 2 + 2 * r->conns;
}

static void serve(struct relay *r, const struct pollfd *fds, size_t n)
{
	char drop[16];

	if (fds[0].revents && read(r->wake[0], drop, sizeof drop) < 0)
		return;
	for (size_t i = 0; 2 + 2 * i < n; i++)
		for (enum relay_side s = 0; s < RELAY_SIDES; s++) {
			const struct pollfd *p = &fds[2 + 2 * i + s];
			struct conn *c = r->conn[i];

			/* It may have been closed, or crossed, since. */
			if (p->fd < 0 || p->fd != c->end[s].fd || !p->revents)
				continue;
			if (p->events & POLLIN)
				take(r, c, s);
		}
	cross_held(r);
	for (size_t i = 0; i < r->conns; i++)
		for (enum relay_side s = 0; s < RELAY_SIDES; s++)
			if (r->conn[i]->end[s].fd >= 0)
				give(r->conn[i], s);
	if (fds[1].revents)
		welcome(r);
}

static void *run(void *at)
{
	struct pollfd *fds = calloc(2 + 2 * CONNECTIONS, sizeof *fds);
	struct relay *r = at;
	size_t n;

	pthread_mutex_lock(&r->lock);
	while (fds && !r->stopping) {
		n = watch(r, fds);
		pthread_mutex_unlock(&r->lock);
		poll(fds, n, -1);
		pthread_mutex_lock(&r->lock);
		serve(r, fds, n);
	}
	pthread_mutex_unlock(&r->lock);
	free(fds);
	return NULL;
}

/* -- the test's side -------------------------------------------------------------------------------------- */

static void wake(struct relay *r)
{
	if (write(r->wake[1], "", 1) < 0)
		abort();
}

struct relay *relay_start(const struct hl_addr *at, struct hl_addr *real)
{
	struct relay *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	if (pipe2(r->wake, O_CLOEXEC) == 0 && hl_listen_tcp(at, &r->listener, real) == HL_OK &&
		pthread_create(&r->thread, NULL, run, r) == 0)
		return r;
	free(r);
	return NULL;
}

void relay_to(struct relay *r, const struct hl_addr *to)
{
	pthread_mutex_lock(&r->lock);
	r->to = *to;
	pthread_mutex_unlock(&r->lock);
}

void relay_stop(struct relay *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_mutex_unlock(&r->lock);
	wake(r);
	pthread_join(r->thread, NULL);
	for (size_t i = 0; i < r->conns; i++)
		conn_free(r->conn[i]);
	close(r->listener);
	close(r->wake[0]);
	close(r->wake[1]);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void relay_cross_answered(struct relay *r, bool on)
{
	pthread_mutex_lock(&r->lock);
	r->crossing = on;
	pthread_mutex_unlock(&r->lock);
}

bool relay_cross_now(struct relay *r)
{
	struct conn *a = NULL, *b = NULL;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->conns; i++) {
		if (r->conn[i]->end[RELAY_NEAR].fd < 0)
			continue;
		a = b;
		b = r->conn[i];
	}
	if (a)
		cross(r, a, b);
	pthread_mutex_unlock(&r->lock);
	wake(r); /* what is watched has changed */
	return a;
}

unsigned relay_crossed(struct relay *r)
{
	unsigned n;

	pthread_mutex_lock(&r->lock);
	n = r->crossed;
	pthread_mutex_unlock(&r->lock);
	return n;
}

void relay_cut_answer(struct relay *r)
{
	pthread_mutex_lock(&r->lock);
	r->cutting = true;
	pthread_mutex_unlock(&r->lock);
}

unsigned relay_cuts(struct relay *r)
{
	unsigned n;

	pthread_mutex_lock(&r->lock);
	n = r->cuts;
	pthread_mutex_unlock(&r->lock);
	return n;
}

void relay_stall_answer(struct relay *r)
{
	pthread_mutex_lock(&r->lock);
	r->stalling = true;
	pthread_mutex_unlock(&r->lock);
}

unsigned relay_stalls(struct relay *r)
{
	unsigned n;

	pthread_mutex_lock(&r->lock);
	n = r->stalls;
	pthread_mutex_unlock(&r->lock);
	return n;
}

size_t relay_count(struct relay *r)
{
	size_t n;

	pthread_mutex_lock(&r->lock);
	n = r->conns;
	pthread_mutex_unlock(&r->lock);
	return n;
}

struct hl_buf relay_said(struct relay *r, size_t i, enum relay_side side)
{
	struct hl_buf copy = hl_buf(HL_BUF_MAX);

	pthread_mutex_lock(&r->lock);
	if (i < r->conns)
		hl_buf_put(&copy, hl_buf_view(&r->conn[i]->end[side].said));
	pthread_mutex_unlock(&r->lock);
	return copy;
}
