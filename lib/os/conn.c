#include "lib/os/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "lib/os/listen.h"

/* Room that a read offers in port.in itself; what comes beyond it goes through the scratch, so that
 * ten thousand idle connections do not hold ten thousand large buffers. */
#define LEAST_ROOM 1024

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* -- lists and watchers ---------------------------------------------------------------------- */

static void list_add(struct hl_conn_list *list, struct hl_conn *c)
{
	c->prev = NULL;
	c->next = list->first;
	if (c->next)
		c->next->prev = c;
	list->first = c;
	list->n++;
}

static void list_take(struct hl_conn_list *list, struct hl_conn *c)
{
	if (c->next)
		c->next->prev = c->prev;
	*(c->prev ? &c->prev->next : &list->first) = c->next;
	list->n--;
}

void hl_conn_watch(struct hl_conn *c, ev_io *w, bool on)
{
	if (on == (bool)ev_is_active(w))
		return;
	if (on)
		ev_io_start(c->shell->loop, w);
	else
		ev_io_stop(c->shell->loop, w);
}

void hl_conn_limit(struct hl_conn *c, int64_t at_us)
{
	c->limit_us = at_us;
	hl_shell_arm(c->shell, &c->limit, at_us);
}

static int64_t after(const struct hl_conn *c, int64_t us)
{
	return hl_mono_us(c->shell->env) + us;
}

static void set_paused(struct hl_conn *c, bool paused)
{
	if (paused == c->paused)
		return;
	c->paused = paused;
	if (paused)
		list_add(&c->shell->paused, c);
	else
		list_take(&c->shell->paused, c);
}

void hl_conn_unpause(struct hl_conn *c)
{
	set_paused(c, false);
}

void hl_conn_balance(struct hl_conn *c)
{
	const struct hl_port *p = c->shell->ops->port(c->shell->core, c->port);
	bool full = p && p->in.n >= p->in.max;

	if (c->state != CONN_OPEN || full == c->paused)
		return;
	set_paused(c, full);
	hl_conn_watch(c, &c->rd, !full);
}

static void flush(struct hl_conn *c, struct hl_buf *out);

/* -- the end --------------------------------------------------------------------------------- */

void hl_conn_free(struct hl_conn *c)
{
	struct hl_shell *s = c->shell;

	set_paused(c, false);
	if (c->state == CONN_LINGERING)
		list_take(&s->lingering, c);
	else
		hl_map_take(&s->conns, c->port);
	ev_io_stop(s->loop, &c->rd);
	ev_io_stop(s->loop, &c->wr);
	ev_timer_stop(s->loop, &c->limit);
	close(c->fd);
	hl_buf_clear(&c->pend);
	free(c);
}

/* A socket that is closed while bytes of the peer wait in it sends a reset, and that may overtake
 * our last words. So what still comes is read and dropped for a while (RFC 1122, 4.2.2.13). */
void hl_conn_retire(struct hl_conn *c)
{
	struct hl_shell *s = c->shell;

	if (c->fin || c->broken || s->lingering.n >= HL_LINGERING_MAX ||
		shutdown(c->fd, SHUT_WR) != 0) {
		hl_conn_free(c);
		return;
	}
	set_paused(c, false);
	hl_map_take(&s->conns, c->port);
	hl_buf_clear(&c->pend);
	c->state = CONN_LINGERING;
	list_add(&s->lingering, c);
	hl_conn_watch(c, &c->wr, false);
	hl_conn_watch(c, &c->rd, true);
	hl_conn_limit(c, after(c, HL_LINGER_US));
}

static void end(struct hl_conn *c, hl_err err)
{
	struct hl_shell *s = c->shell;
	struct hl_event e = { .kind = HL_EV_ENDED, .port = c->port, .err = err };

	if (err != HL_OK)
		c->broken = true;
	hl_conn_retire(c);
	hl_shell_tell(s, &e);
}

static void opened(struct hl_shell *s, uint32_t port, hl_err err)
{
	hl_shell_tell(s, &(struct hl_event){ .kind = HL_EV_OPENED, .port = port, .err = err });
}

/* A dialling that does not come about. */
static void give_up(struct hl_conn *c, hl_err err)
{
	struct hl_shell *s = c->shell;
	uint32_t port = c->port;

	hl_conn_free(c);
	opened(s, port, err);
}

static void drain(struct hl_conn *c)
{
	set_paused(c, false);
	hl_conn_watch(c, &c->rd, false);
	c->state = CONN_DRAINING;
	hl_conn_limit(c, after(c, HL_DRAIN_US));
}

static void close_open(struct hl_conn *c, bool drained)
{
	struct hl_port *p = c->shell->ops->port(c->shell->core, c->port);

	if (!drained) {
		c->broken = true; /* nothing lingers */
		end(c, HL_OK);
		return;
	}
	if (p && !c->stuck)
		flush(c, &p->out);
	if (p && c->stuck)
		drain(c);
	else
		end(c, c->broken ? HL_E_CLOSED : HL_OK);
}

void hl_conn_close(struct hl_conn *c, bool drained)
{
	switch (c->state) {
	case CONN_DIALLING:
		give_up(c, HL_E_CLOSED);
		break;
	case CONN_OPEN:
		close_open(c, drained);
		break;
	case CONN_DRAINING:
		if (!drained)
			close_open(c, false);
		break;
	case CONN_RELAY:
		hl_relay_close(c, drained);
		break;
	case CONN_LINGERING:
		break;
	}
}

/* -- read ------------------------------------------------------------------------------------ */

/* One read, as much as the core takes. */
static ssize_t receive(struct hl_conn *c, struct hl_buf *in)
{
	size_t room = in->max - in->n, own;
	uint8_t *p = hl_buf_room(in, smaller(room, LEAST_ROOM)), *scratch = c->shell->scratch;
	struct iovec v[2];
	ssize_t n;

	if (!p) {
		errno = ENOMEM;
		return -1;
	}
	own = smaller(in->cap - in->off - in->n, room);
	v[0] = (struct iovec){ p, own };
	v[1] = (struct iovec){ scratch, smaller(room - own, HL_SCRATCH) };
	n = readv(c->fd, v, v[1].iov_len > 0 ? 2 : 1);
	if (n <= 0)
		return n;
	hl_buf_grow(in, smaller((size_t)n, own));
	if ((size_t)n > own) {
		hl_buf_put(in, hl_bytes(scratch, (size_t)n - own));
		OPENSSL_cleanse(scratch, (size_t)n - own);
	}
	return n;
}

static bool is_nothing(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* The peer has ended its side, or is gone. What it may still be waiting for is written first. */
static void ended_by_peer(struct hl_conn *c, ssize_t n)
{
	if (n < 0) {
		end(c, errno == ENOMEM ? HL_E_NOMEM : HL_E_CLOSED);
		return;
	}
	c->fin = true;
	if (c->stuck && !c->broken)
		drain(c);
	else
		end(c, c->broken ? HL_E_CLOSED : HL_OK);
}

static void read_open(struct hl_conn *c)
{
	struct hl_shell *s = c->shell;
	uint32_t port = c->port;
	struct hl_port *p = s->ops->port(s->core, port);
	ssize_t n;

	if (!p) {
		hl_conn_free(c);
		return;
	}
	if (p->in.n >= p->in.max) {
		hl_conn_balance(c);
		return;
	}
	n = receive(c, &p->in);
	if (is_nothing(n))
		return;
	if (n > 0 && p->in.err == HL_OK)
		hl_shell_tell(s, &(struct hl_event){ .kind = HL_EV_BYTES, .port = port });
	else if (n > 0)
		end(c, p->in.err);
	else
		ended_by_peer(c, n);
	hl_shell_pump(s);
	c = hl_map_get(&s->conns, port);
	if (c)
		hl_conn_balance(c);
}

static void discard(struct hl_conn *c)
{
	ssize_t n = recv(c->fd, c->shell->scratch, HL_SCRATCH, 0);

	if (n <= 0 && !is_nothing(n))
		hl_conn_free(c);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
	struct hl_conn *c = w->data;

	(void)loop, (void)events;
	if (c->state == CONN_OPEN)
		read_open(c);
	else if (c->state == CONN_RELAY)
		hl_relay_readable(c);
	else if (c->state == CONN_LINGERING)
		discard(c);
}

/* -- write ----------------------------------------------------------------------------------- */

ssize_t hl_conn_send(struct hl_conn *c, const void *p, size_t n)
{
	ssize_t sent;

	do
		sent = send(c->fd, p, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return sent;
}

/* Where a write fails, the peer's last words may still wait to be read: the connection ends when
 * reading says so. */
static void flush(struct hl_conn *c, struct hl_buf *out)
{
	ssize_t n = 0;

	if (out->n > 0 && !c->broken) {
		struct hl_bytes b = hl_buf_view(out);

		n = hl_conn_send(c, b.p, b.n);
		c->broken = n < 0;
	}
	if (n > 0)
		hl_buf_eat(out, (size_t)n);
	if (c->broken)
		hl_buf_eat(out, out->n);
	c->stuck = out->n > 0;
	hl_conn_watch(c, &c->wr, c->stuck);
}

/* A core may have stopped for want of room in `out` without any socket having been full: it hears
 * of ROOM whenever much has gone. */
void hl_conn_write(struct hl_conn *c)
{
	struct hl_port *p = c->shell->ops->port(c->shell->core, c->port);
	bool waits;

	if (!p)
		return;
	waits = c->stuck || (p->out.n > 0 && p->out.n >= p->out.max / 2);
	flush(c, &p->out);
	if (waits && !c->stuck && !c->broken)
		hl_shell_tell(c->shell, &(struct hl_event){ .kind = HL_EV_ROOM, .port = c->port });
}

static void write_open(struct hl_conn *c)
{
	struct hl_shell *s = c->shell;

	hl_conn_write(c);
	hl_shell_pump(s);
}

static void write_draining(struct hl_conn *c)
{
	struct hl_shell *s = c->shell;
	struct hl_port *p = s->ops->port(s->core, c->port);

	if (p)
		flush(c, &p->out);
	if (p && c->stuck)
		return;
	end(c, c->broken ? HL_E_CLOSED : HL_OK);
	hl_shell_pump(s);
}

/* -- dial ------------------------------------------------------------------------------------ */

static hl_err dial_error(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case EADDRNOTAVAIL:
		return HL_E_FULL;
	case ENOMEM:
		return HL_E_NOMEM;
	case EINVAL:
	case EAFNOSUPPORT:
		return HL_E_ARG;
	case ETIMEDOUT:
		return HL_E_TIMEOUT;
	default: /* ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ... */
		return HL_E_REFUSED;
	}
}

/* What the core has put into `out` before the port opened goes at once. */
static void establish(struct hl_conn *c)
{
	struct hl_shell *s = c->shell;
	uint32_t port = c->port;

	c->state = CONN_OPEN;
	ev_timer_stop(s->loop, &c->limit);
	hl_conn_watch(c, &c->wr, false);
	hl_conn_watch(c, &c->rd, true);
	opened(s, port, HL_OK);
	hl_conn_write(c);
}

static void write_dialling(struct hl_conn *c)
{
	struct hl_shell *s = c->shell;
	int error = 0;
	socklen_t n = sizeof error;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error == 0)
		establish(c);
	else
		give_up(c, dial_error(error));
	hl_shell_pump(s);
}

/* Returns a descriptor that connects or has connected, or -1. */
static int start_dial(const struct hl_addr *to, bool *connected)
{
	struct sockaddr_storage ss;
	socklen_t n = hl_addr_to_system(to, &ss);
	int fd, kept;

	if (n == 0) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	hl_tcp_tune(fd);
	*connected = connect(fd, (struct sockaddr *)&ss, n) == 0;
	if (*connected || errno == EINPROGRESS)
		return fd;
	kept = errno;
	close(fd);
	errno = kept;
	return -1;
}

void hl_conn_dial(struct hl_shell *s, const struct hl_wish *w)
{
	bool connected = false;
	int fd = start_dial(&w->addr, &connected);
	struct hl_conn *c;

	if (fd < 0) {
		opened(s, w->port, dial_error(errno));
		return;
	}
	c = hl_conn_new(s, w->port, fd, CONN_DIALLING);
	if (!c) {
		opened(s, w->port, HL_E_NOMEM);
		return;
	}
	if (connected) {
		establish(c);
		return;
	}
	hl_conn_watch(c, &c->wr, true);
	if (w->at_us > 0)
		hl_conn_limit(c, w->at_us);
}

/* -- life ------------------------------------------------------------------------------------ */

static void on_writable(struct ev_loop *loop, ev_io *w, int events)
{
	struct hl_conn *c = w->data;

	(void)loop, (void)events;
	if (c->state == CONN_OPEN)
		write_open(c);
	else if (c->state == CONN_RELAY)
		hl_relay_writable(c);
	else if (c->state == CONN_DRAINING)
		write_draining(c);
	else if (c->state == CONN_DIALLING)
		write_dialling(c);
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct hl_conn *c = timer->data;
	struct hl_shell *s = c->shell;

	(void)loop, (void)events;
	if (hl_mono_us(s->env) < c->limit_us)
		hl_shell_arm(s, timer, c->limit_us);
	else if (c->state == CONN_DIALLING)
		give_up(c, HL_E_TIMEOUT);
	else if (c->state == CONN_DRAINING)
		end(c, HL_E_TIMEOUT);
	else if (c->state == CONN_RELAY)
		hl_relay_expired(c);
	else
		hl_conn_free(c);
	hl_shell_pump(s);
}

struct hl_conn *hl_conn_new(struct hl_shell *s, uint32_t port, int fd, enum hl_conn_state state)
{
	struct hl_conn *c = calloc(1, sizeof *c);

	if (!c || hl_map_put(&s->conns, port, c) != HL_OK) {
		free(c);
		close(fd);
		return NULL;
	}
	c->shell = s;
	c->port = port;
	c->fd = fd;
	c->state = state;
	c->pend = hl_buf(HL_BUF_MAX);
	ev_io_init(&c->rd, on_readable, fd, EV_READ);
	ev_io_init(&c->wr, on_writable, fd, EV_WRITE);
	ev_timer_init(&c->limit, on_limit, 0., 0.);
	c->rd.data = c->wr.data = c->limit.data = c;
	return c;
}
