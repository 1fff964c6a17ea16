#include "client/os_blocking.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/os_dns.h"

#define READ_ROOM (64u << 10)
#define DRAIN_MS 1000
#define DNS_FDS 16
#define KEEP_IDLE_S 30
#define KEEP_INTERVAL_S 5
#define SYN_RETRIES 2 /* as the vendor's provider sets it */
/* POLLNVAL: the application has closed a descriptor that was ours. */
#define BROKEN (POLLERR | POLLHUP | POLLNVAL)

struct client_blocking {
	const struct hl_env *env;
	struct client *core;
	struct hl_addr resolver;
	/* the one connection */
	int fd;
	uint32_t port;
	bool connecting;
	int64_t dial_us;
	/* the one lookup */
	struct client_dns *dns;
	uint32_t dns_port;
	int64_t wait_us;
};

hl_err client_blocking_new(const struct hl_env *env, struct client *core, const struct hl_addr *resolver,
	struct client_blocking **out)
{
	struct client_blocking *b = calloc(1, sizeof *b);

	if (!b)
		return HL_E_NOMEM;
	b->env = env;
	b->core = core;
	b->resolver = *resolver;
	b->fd = -1;
	*out = b;
	return HL_OK;
}

static void forget_fd(struct client_blocking *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	b->connecting = false;
}

void client_blocking_abandon(struct client_blocking *b)
{
	forget_fd(b);
	client_dns_free(b->dns);
	free(b);
}

void client_blocking_free(struct client_blocking *b)
{
	if (!b)
		return;
	client_blocking_pump(b);
	client_blocking_abandon(b);
}

static void tell(struct client_blocking *b, enum hl_event_kind kind, hl_err err)
{
	client_event(b->core, &(struct hl_event){ .kind = kind, .port = b->port, .err = err });
}

static void end(struct client_blocking *b, hl_err err)
{
	bool connecting = b->connecting;

	forget_fd(b);
	tell(b, connecting ? HL_EV_OPENED : HL_EV_ENDED, connecting && err == HL_OK ? HL_E_CLOSED : err);
}

/* -- dialling -------------------------------------------------------------------------------------------- */

static void tune(int fd)
{
	int on = 1, idle = KEEP_IDLE_S, interval = KEEP_INTERVAL_S, syn = SYN_RETRIES;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
	setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &syn, sizeof syn);
}

static int begin_connect(const struct hl_addr *a)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };
	bool six = a->family == HL_INET6;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(&v4.sin_addr, a->ip, 4);
	memcpy(&v6.sin6_addr, a->ip, 16);
	if (fd < 0)
		return -1;
	tune(fd);
	if (connect(fd, six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, six ? sizeof v6 : sizeof v4) == 0 ||
		errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

static void dial(struct client_blocking *b, const struct hl_wish *w)
{
	b->port = w->port;
	b->dial_us = w->at_us;
	b->fd = begin_connect(&w->addr);
	b->connecting = b->fd >= 0;
	if (b->fd < 0)
		tell(b, HL_EV_OPENED, HL_E_REFUSED);
}

static void connected(struct client_blocking *b)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (getsockopt(b->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
		end(b, error == ETIMEDOUT ? HL_E_TIMEOUT : HL_E_REFUSED);
		return;
	}
	b->connecting = false;
	tell(b, HL_EV_OPENED, HL_OK);
}

/* -- bytes ------------------------------------------------------------------------------------------------ */

static struct hl_port *port_of(struct client_blocking *b)
{
	return client_core.port(b->core, b->port);
}

static void flush(struct client_blocking *b)
{
	struct hl_port *io = port_of(b);

	while (b->fd >= 0 && !b->connecting && io && io->out.n > 0) {
		struct hl_bytes v = hl_buf_view(&io->out);
		ssize_t n = send(b->fd, v.p, v.n, MSG_NOSIGNAL);

		if (n > 0)
			hl_buf_eat(&io->out, (size_t)n);
		else if (n < 0 && errno == EINTR)
			continue;
		else
			break; /* full: poll waits for room; broken: reading tells */
	}
}

static void receive(struct client_blocking *b)
{
	struct hl_port *io = port_of(b);
	size_t room = io ? io->in.max - io->in.n : 0;
	uint8_t *to = room ? hl_buf_room(&io->in, room < READ_ROOM ? room : READ_ROOM) : NULL;
	ssize_t n;

	if (!to)
		return;
	n = recv(b->fd, to, room < READ_ROOM ? room : READ_ROOM, 0);
	if (n > 0) {
		hl_buf_grow(&io->in, (size_t)n);
		tell(b, HL_EV_BYTES, HL_OK);
	} else if (n == 0) {
		end(b, HL_OK);
	} else if (errno != EAGAIN && errno != EINTR) {
		end(b, HL_E_CLOSED);
	}
}

/* What waits goes out first, but nobody waits long for a peer that does not read. */
static void close_port(struct client_blocking *b, bool drain)
{
	struct hl_port *io = port_of(b);

	if (drain)
		flush(b);
	if (drain && b->fd >= 0 && !b->connecting && io && io->out.n > 0) {
		poll(&(struct pollfd){ .fd = b->fd, .events = POLLOUT }, 1, DRAIN_MS);
		flush(b);
	}
	end(b, HL_OK);
}

/* -- names ------------------------------------------------------------------------------------------------- */

static void resolved(struct client_blocking *b, hl_err err, const struct hl_addr *list, size_t n)
{
	client_event(b->core,
		&(struct hl_event){
			.kind = HL_EV_RESOLVED, .port = b->dns_port, .err = err, .list = list, .count = n });
}

static void resolve(struct client_blocking *b, const struct hl_wish *w)
{
	hl_err err;

	client_dns_free(b->dns);
	b->dns = NULL;
	b->dns_port = w->port;
	err = client_dns_start(w->name, 0, &b->resolver, &b->dns);
	if (err != HL_OK)
		resolved(b, err, NULL, 0);
}

static void step_dns(struct client_blocking *b, const struct pollfd *fds, size_t n)
{
	struct client_dns *d = b->dns;
	const struct hl_addr *list = NULL;
	size_t count = 0;
	hl_err err;

	if (!client_dns_step(d, fds, n))
		return;
	err = client_dns_result(d, &list, &count);
	b->dns = NULL;
	resolved(b, err, list, count);
	client_dns_free(d);
}

/* -- the loop ---------------------------------------------------------------------------------------------- */

void client_blocking_pump(struct client_blocking *b)
{
	struct hl_wish w;

	while (client_wish(b->core, &w)) {
		switch (w.kind) {
		case HL_WISH_DIAL:
			dial(b, &w);
			break;
		case HL_WISH_SEND:
			flush(b);
			break;
		case HL_WISH_CLOSE:
			if (w.port == b->port && b->fd >= 0)
				close_port(b, w.drain);
			break;
		case HL_WISH_RESOLVE:
			resolve(b, &w);
			break;
		case HL_WISH_WAIT:
			b->wait_us = w.at_us;
			break;
		case HL_WISH_RELAY:
			break; /* a client never does */
		}
	}
}

static int until(const struct client_blocking *b, int64_t at_us, int timeout_ms)
{
	int64_t left_ms;

	if (at_us == 0)
		return timeout_ms;
	left_ms = (at_us - hl_mono_us(b->env) + 999) / 1000;
	left_ms = left_ms < 0 ? 0 : left_ms;
	return timeout_ms < 0 || left_ms < timeout_ms ? (int)left_ms : timeout_ms;
}

/* The connection first, then the lookup's descriptors. */
static size_t watch(struct client_blocking *b, struct pollfd *fds, int *timeout_ms)
{
	struct hl_port *io = port_of(b);
	size_t n = 0;

	*timeout_ms = -1;
	fds[0] = (struct pollfd){ .fd = b->fd, .events = POLLIN };
	if (b->connecting || (io && io->out.n > 0))
		fds[0].events |= POLLOUT;
	if (b->dns)
		n = client_dns_fds(b->dns, fds + 1, DNS_FDS, timeout_ms);
	*timeout_ms = until(b, b->wait_us, *timeout_ms);
	if (b->connecting)
		*timeout_ms = until(b, b->dial_us, *timeout_ms);
	return n;
}

static void connection_event(struct client_blocking *b, short events)
{
	if (b->connecting && (events & (POLLOUT | BROKEN))) {
		connected(b);
		return;
	}
	if (events & POLLOUT) {
		struct hl_port *io = port_of(b);

		flush(b);
		if (io && io->out.n == 0)
			tell(b, HL_EV_ROOM, HL_OK);
	}
	if (b->fd >= 0 && (events & (POLLIN | BROKEN)))
		receive(b);
}

/* A poll that fails tells of no descriptor, but time goes on all the same. */
static void wait_once(struct client_blocking *b, bool at_all)
{
	struct pollfd fds[1 + DNS_FDS];
	int timeout_ms;
	size_t n = watch(b, fds, &timeout_ms);
	int64_t now;

	(void)poll(fds, (nfds_t)(1 + n), at_all ? timeout_ms : 0);
	if (b->dns)
		step_dns(b, fds + 1, n);
	if (b->fd >= 0 && fds[0].fd == b->fd && fds[0].revents)
		connection_event(b, fds[0].revents);
	now = hl_mono_us(b->env);
	if (b->connecting && now >= b->dial_us)
		end(b, HL_E_TIMEOUT);
	if (b->wait_us && now >= b->wait_us) {
		b->wait_us = 0;
		tell(b, HL_EV_TIME, HL_OK);
	}
}

void client_blocking_run(struct client_blocking *b, bool (*done)(void *at), void *at)
{
	client_blocking_pump(b);
	while (!done(at)) {
		wait_once(b, true);
		client_blocking_pump(b);
	}
}

void client_blocking_catch_up(struct client_blocking *b)
{
	client_blocking_pump(b);
	wait_once(b, false);
	client_blocking_pump(b);
}
