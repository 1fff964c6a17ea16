#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <ev.h>

#include "lib/os/conn.h"
#include "lib/os/env.h"
#include "lib/os/listen.h"
#include "lib/os/log.h"

/* -- a toy core ------------------------------------------------------------------------------ */

#define PORTS 8
#define DIALLED(i) (HL_PORT_DIALLED | (i))

struct toy_port {
	struct hl_port port;
	uint32_t number;
	bool open;
	unsigned opened, ended, rooms;
	hl_err err;
	uint64_t moved;
};

enum play { ECHO, HOLD, RELAY };

struct toy {
	struct hl_wishes wishes;
	int64_t deadline_us;
	enum play play;
	size_t in_max, out_max;
	struct hl_addr target;
	struct toy_port port[PORTS]; /* in the order of their birth */
	unsigned ports, listener, resolved, jobs, times;
	size_t addresses;
	hl_err resolve_err;
	bool deaf; /* wants no connection */
};

static struct toy_port *find(struct toy *t, uint32_t number)
{
	for (unsigned i = 0; i < t->ports; i++)
		if (t->port[i].number == number)
			return &t->port[i];
	return NULL;
}

static struct toy_port *add(struct toy *t, uint32_t number)
{
	struct toy_port *p = &t->port[t->ports++];

	*p = (struct toy_port){ .number = number, .open = true };
	p->port.in = hl_buf(t->in_max);
	p->port.out = hl_buf(t->out_max);
	return p;
}

static void toy_dial(struct toy *t, uint32_t number, const struct hl_addr *to, int64_t at_us)
{
	add(t, number);
	hl_wish_dial(&t->wishes, number, to, at_us);
}

static void echo(struct toy *t, struct toy_port *p)
{
	size_t room = p->port.out.max - p->port.out.n;
	struct hl_bytes b = hl_buf_view(&p->port.in);

	b.n = b.n < room ? b.n : room;
	hl_buf_put(&p->port.out, b);
	hl_buf_eat(&p->port.in, b.n);
	hl_wish_send(&t->wishes, p->number);
}

static void accepted(struct toy *t, const struct hl_event *e)
{
	struct toy_port *p;

	if (t->deaf)
		return;
	p = add(t, e->port);
	t->listener = e->listener;
	p->opened++;
	if (t->play == RELAY)
		toy_dial(t, DIALLED(e->port), &t->target, 0);
}

static void opened(struct toy *t, const struct hl_event *e)
{
	struct toy_port *p = find(t, e->port);

	p->opened++;
	p->err = e->err;
	p->open = e->err == HL_OK;
	if (e->err == HL_OK && t->play == RELAY) {
		/* What the core has to say itself goes before what it passes on. */
		hl_buf_text(&p->port.out, "<");
		hl_buf_text(&find(t, e->port & ~HL_PORT_DIALLED)->port.out, ">");
		hl_wish_relay(&t->wishes, e->port & ~HL_PORT_DIALLED, e->port);
	}
}

static void ended(struct toy *t, const struct hl_event *e)
{
	struct toy_port *p = find(t, e->port);

	p->ended++;
	p->err = e->err;
	p->moved = e->moved;
	p->open = false;
	hl_buf_clear(&p->port.in);
	hl_buf_clear(&p->port.out);
}

static void toy_event(void *core, const struct hl_event *e)
{
	struct toy *t = core;
	struct toy_port *p = find(t, e->port);

	switch (e->kind) {
	case HL_EV_ACCEPTED:
		accepted(t, e);
		break;
	case HL_EV_OPENED:
		opened(t, e);
		break;
	case HL_EV_BYTES:
		if (t->play == ECHO)
			echo(t, p);
		break;
	case HL_EV_ROOM:
		p->rooms++;
		if (t->play == ECHO)
			echo(t, p);
		break;
	case HL_EV_ENDED:
		ended(t, e);
		break;
	case HL_EV_RESOLVED:
		t->resolved++;
		t->resolve_err = e->err;
		t->addresses = e->count;
		break;
	case HL_EV_JOB:
		t->jobs++;
		break;
	case HL_EV_TIME:
		t->times++;
		t->deadline_us = 0;
		break;
	}
}

static bool toy_wish(void *core, struct hl_wish *out)
{
	struct toy *t = core;

	return hl_wishes_take(&t->wishes, t->deadline_us, out);
}

static struct hl_port *toy_port(void *core, uint32_t number)
{
	struct toy_port *p = find(core, number);

	return p && p->open ? &p->port : NULL;
}

static const struct hl_core_ops toy_ops = { toy_event, toy_wish, toy_port };

/* -- the stage ------------------------------------------------------------------------------- */

struct stage {
	struct ev_loop *loop;
	struct hl_os_env env;
	struct toy toy;
	struct hl_shell *shell;
	struct hl_addr at; /* where the toy listens */
	int64_t until_us;
};

#define LIMIT_US 60000000

static const struct hl_addr anywhere = { .family = HL_INET, .ip = { 127, 0, 0, 1 } };

static void set_up(struct stage *s, enum play play, size_t in_max, size_t out_max)
{
	static const struct hl_os_env_config config = { .role = "toy", .who = "toy" };
	int fd = -1;

	*s = (struct stage){ .loop = ev_loop_new(0) };
	s->toy = (struct toy){ .play = play, .in_max = in_max, .out_max = out_max };
	CU_ASSERT_FATAL(s->loop != NULL);
	CU_ASSERT_EQUAL_FATAL(hl_os_env_open(&s->env, &config), HL_OK);
	CU_ASSERT_EQUAL_FATAL(
		hl_shell_new(s->loop, &s->env.env, &toy_ops, &s->toy, &s->shell), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_listen_tcp(&anywhere, &fd, &s->at), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_shell_listen(s->shell, fd, 7, 0), HL_OK);
	s->until_us = hl_clock_mono_us() + LIMIT_US;
}

static void tear_down(struct stage *s)
{
	hl_shell_free(s->shell);
	for (unsigned i = 0; i < s->toy.ports; i++) {
		hl_buf_clear(&s->toy.port[i].port.in);
		hl_buf_clear(&s->toy.port[i].port.out);
	}
	hl_wishes_clear(&s->toy.wishes);
	hl_os_env_close(&s->env);
	ev_loop_destroy(s->loop);
}

/* Let the loop turn once, waiting or not; false when the test has taken too long. */
static bool turn(struct stage *s, int how)
{
	ev_run(s->loop, how);
	return hl_clock_mono_us() < s->until_us;
}

static void on_bound(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)w, (void)events;
}

/* Block in the loop until it has brought about what is expected. */
#define WAIT_UNTIL(s, condition) \
	do { \
		ev_timer bound_; \
		ev_timer_init(&bound_, on_bound, LIMIT_US / 1e6, 0.); \
		ev_timer_start((s)->loop, &bound_); \
		while (!(condition) && turn(s, EVRUN_ONCE)) \
			; \
		ev_timer_stop((s)->loop, &bound_); \
		CU_ASSERT((condition) != 0); \
	} while (0)

static struct hl_conn *conn_of(struct stage *s, unsigned i)
{
	return hl_map_get(&s->shell->conns, s->toy.port[i].number);
}

static int connect_to(const struct hl_addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = hl_addr_to_system(to, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&ss, n), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* One end of a test's connection: what it still sends, and what has come. */
struct end {
	int fd;
	size_t to_send, sent, got;
	size_t skip; /* bytes in front that are not of the pattern */
	bool fin;    /* end the side after the last byte */
	bool eof, cut, wrong;
};

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static void end_send(struct end *e)
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

static void end_receive(struct end *e)
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

static void end_turn(struct end *e)
{
	end_send(e);
	if (e->sent == e->to_send && e->fin) {
		shutdown(e->fd, SHUT_WR);
		e->fin = false;
	}
	end_receive(e);
}

static void reset(int fd)
{
	struct linger hard = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
}

/* -- echo ------------------------------------------------------------------------------------ */

static void what_is_sent_is_echoed(void)
{
	struct stage s;
	struct end e = { .to_send = 100 };

	set_up(&s, ECHO, 4096, 4096);
	e.fd = connect_to(&s.at);
	while (e.got < 100 && turn(&s, EVRUN_NOWAIT))
		end_turn(&e);
	CU_ASSERT_EQUAL(e.got, 100);
	CU_ASSERT_FALSE(e.wrong);
	CU_ASSERT_EQUAL(s.toy.listener, 7);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 1);
	close(e.fd);
	WAIT_UNTIL(&s, s.toy.port[0].ended);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_OK);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 0);
	turn(&s, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 1);
	tear_down(&s);
}

static void accepted_sockets_are_tuned(void)
{
	struct stage s;
	int fd, nodelay = 0, idle = 0, user = 0, accepted_fd;
	socklen_t n = sizeof(int);

	set_up(&s, ECHO, 4096, 4096);
	fd = connect_to(&s.at);
	WAIT_UNTIL(&s, s.toy.ports == 1);
	accepted_fd = conn_of(&s, 0)->fd;
	getsockopt(accepted_fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &n);
	getsockopt(accepted_fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &n);
	getsockopt(accepted_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user, &n);
	CU_ASSERT_NOT_EQUAL(nodelay, 0);
	CU_ASSERT_EQUAL(idle, 30);
	CU_ASSERT_EQUAL(user, 45000);
	CU_ASSERT(fcntl(accepted_fd, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT(fcntl(accepted_fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	tear_down(&s); /* with a connection open */
}

#define MUCH (10u << 20)

static bool is_full(int fd)
{
	return poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, 0) == 0;
}

static void ten_megabytes_pass_through_small_buffers(void)
{
	struct stage s;
	struct end e = { .to_send = MUCH };

	set_up(&s, ECHO, 3000, 2000);
	e.fd = connect_to(&s.at);
	/* Nothing is read at first, so that every buffer on the way fills up. */
	do
		end_send(&e);
	while (turn(&s, EVRUN_NOWAIT) && !(s.shell->paused.n == 1 && is_full(e.fd)));
	CU_ASSERT_EQUAL(s.toy.port[0].port.in.n, 3000);
	CU_ASSERT_EQUAL(s.toy.port[0].port.out.n, 2000);
	CU_ASSERT(hl_shell_busy(s.shell));
	while (e.got < MUCH && turn(&s, EVRUN_NOWAIT))
		end_turn(&e);
	CU_ASSERT_EQUAL(e.got, MUCH);
	CU_ASSERT_FALSE(e.wrong);
	CU_ASSERT(s.toy.port[0].rooms > 0);
	CU_ASSERT_FALSE(hl_shell_busy(s.shell));
	close(e.fd);
	tear_down(&s);
}

static void a_connection_nobody_wants_is_closed_unmentioned(void)
{
	struct stage s;
	struct end e = { 0 };

	set_up(&s, ECHO, 100, 100);
	s.toy.deaf = true;
	e.fd = connect_to(&s.at);
	while (!e.eof && !e.cut && turn(&s, EVRUN_NOWAIT))
		end_receive(&e);
	CU_ASSERT(e.eof);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 0);
	close(e.fd);
	tear_down(&s);
}

static void a_reset_is_not_an_orderly_end(void)
{
	struct stage s;
	int fd;

	set_up(&s, ECHO, 100, 100);
	fd = connect_to(&s.at);
	WAIT_UNTIL(&s, s.toy.ports == 1);
	reset(fd);
	WAIT_UNTIL(&s, s.toy.port[0].ended);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_E_CLOSED);
	tear_down(&s);
}

/* The peer ends its side while the answer still waits for room: it gets all of it. */
static void an_early_end_of_the_peer_costs_no_answer(void)
{
	struct stage s;
	struct end e = { 0 };
	const size_t much = 8u << 20;

	set_up(&s, HOLD, 100, much);
	e.fd = connect_to(&s.at);
	WAIT_UNTIL(&s, s.toy.ports == 1);
	for (size_t i = 0; i < much; i++)
		hl_buf_u8(&s.toy.port[0].port.out, pattern(i));
	hl_wish_send(&s.toy.wishes, s.toy.port[0].number);
	hl_shell_pump(s.shell);
	shutdown(e.fd, SHUT_WR);
	while (!e.eof && !e.cut && turn(&s, EVRUN_NOWAIT))
		end_receive(&e);
	CU_ASSERT_EQUAL(e.got, much);
	CU_ASSERT_FALSE(e.wrong || e.cut);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_OK);
	close(e.fd);
	tear_down(&s);
}

/* -- close ----------------------------------------------------------------------------------- */

static void a_drain_loses_nothing(void)
{
	struct stage s;
	struct end e = { .to_send = 5000 };
	const size_t much = 8u << 20;

	set_up(&s, HOLD, 1000, much);
	e.fd = connect_to(&s.at);
	end_send(&e); /* more than the core reads: unread bytes must not turn into a reset */
	WAIT_UNTIL(&s, s.toy.ports == 1 && s.toy.port[0].port.in.n == 1000);
	for (size_t i = 0; i < much; i++)
		hl_buf_u8(&s.toy.port[0].port.out, pattern(i));
	hl_wish_close(&s.toy.wishes, s.toy.port[0].number, true);
	hl_shell_pump(s.shell);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 0);
	CU_ASSERT(hl_shell_busy(s.shell));
	while (!e.eof && !e.cut && turn(&s, EVRUN_NOWAIT))
		end_receive(&e);
	CU_ASSERT_FALSE(e.cut);
	CU_ASSERT_EQUAL(e.got, much);
	CU_ASSERT_FALSE(e.wrong);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_OK);
	CU_ASSERT_EQUAL(s.shell->lingering.n, 1);
	close(e.fd);
	WAIT_UNTIL(&s, s.shell->lingering.n == 0);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 1);
	tear_down(&s);
}

/* Five seconds pass in no time: the shell's clock is moved, and libev told that it is time. */
static int64_t skew_us;

static int64_t skewed_us(void *at)
{
	(void)at;
	return hl_clock_mono_us() + skew_us;
}

static void fill_and_drain(struct stage *s)
{
	for (size_t i = 0; i < 8u << 20; i++)
		hl_buf_u8(&s->toy.port[0].port.out, 'x');
	hl_wish_close(&s->toy.wishes, s->toy.port[0].number, true);
	hl_shell_pump(s->shell);
}

static void a_drain_that_nobody_reads_ends(void)
{
	struct stage s;
	struct hl_env_ops ops;
	struct hl_conn *c;
	int fd;

	set_up(&s, HOLD, 1000, 8u << 20);
	ops = *s.env.env.ops;
	ops.mono_us = skewed_us;
	s.env.env.ops = &ops;
	skew_us = 0;
	fd = connect_to(&s.at);
	WAIT_UNTIL(&s, s.toy.ports == 1);
	fill_and_drain(&s);
	c = conn_of(&s, 0);
	CU_ASSERT_FATAL(c && c->state == CONN_DRAINING);
	skew_us = HL_DRAIN_US - 3000000;
	ev_feed_event(s.loop, &c->limit, EV_TIMER);
	turn(&s, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL_FATAL(s.toy.port[0].ended, 0);
	skew_us = HL_DRAIN_US;
	ev_feed_event(s.loop, &c->limit, EV_TIMER);
	turn(&s, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_E_TIMEOUT);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 0);
	close(fd);
	tear_down(&s);
}

static void without_drain_it_ends_at_once(void)
{
	struct stage s;
	int fd;

	set_up(&s, HOLD, 1000, 8u << 20);
	fd = connect_to(&s.at);
	WAIT_UNTIL(&s, s.toy.ports == 1);
	fill_and_drain(&s);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 0);
	hl_wish_close(&s.toy.wishes, s.toy.port[0].number, false);
	hl_wish_close(&s.toy.wishes, s.toy.port[0].number, true);
	hl_wish_send(&s.toy.wishes, s.toy.port[0].number);
	hl_shell_pump(s.shell);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_OK);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 0);
	close(fd);
	tear_down(&s);
}

static void last_words_are_heard_after_a_failed_write(void)
{
	struct stage s;
	struct hl_port *p;
	int fd;

	set_up(&s, HOLD, 1000, 1000);
	fd = connect_to(&s.at);
	WAIT_UNTIL(&s, s.toy.ports == 1);
	p = &s.toy.port[0].port;
	CU_ASSERT_EQUAL(send(fd, "bye", 3, MSG_NOSIGNAL), 3);
	shutdown(conn_of(&s, 0)->fd, SHUT_WR); /* from here on a write fails with EPIPE */
	hl_buf_text(&p->out, "hello");
	hl_wish_send(&s.toy.wishes, s.toy.port[0].number);
	hl_shell_pump(s.shell);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 0);
	CU_ASSERT_EQUAL(p->out.n, 0);
	WAIT_UNTIL(&s, p->in.n == 3);
	close(fd);
	WAIT_UNTIL(&s, s.toy.port[0].ended);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_E_CLOSED);
	tear_down(&s);
}

/* -- dial ------------------------------------------------------------------------------------ */

static void a_dial_is_answered_once(void)
{
	struct stage s;
	struct toy_port *p;

	set_up(&s, HOLD, 1000, 1000);
	toy_dial(&s.toy, DIALLED(1), &s.at, hl_clock_mono_us() + LIMIT_US);
	p = &s.toy.port[0];
	hl_buf_text(&p->port.out, "early");
	hl_wish_send(&s.toy.wishes, p->number);
	hl_shell_pump(s.shell);
	WAIT_UNTIL(&s, s.toy.ports == 2 && s.toy.port[1].port.in.n == 5);
	CU_ASSERT_EQUAL(p->opened, 1);
	CU_ASSERT_EQUAL(p->err, HL_OK);
	hl_wish_close(&s.toy.wishes, p->number, false);
	hl_shell_pump(s.shell);
	WAIT_UNTIL(&s, s.toy.port[1].ended);
	CU_ASSERT_EQUAL(p->opened, 1);
	CU_ASSERT_EQUAL(p->ended, 1);
	tear_down(&s);
}

static void dial_and_expect(struct stage *s, const struct hl_addr *to, int64_t in_us, hl_err err)
{
	toy_dial(&s->toy, DIALLED(1), to, hl_clock_mono_us() + in_us);
	hl_shell_pump(s->shell);
	WAIT_UNTIL(s, s->toy.port[0].opened);
	CU_ASSERT_EQUAL(s->toy.port[0].err, err);
	CU_ASSERT_EQUAL(s->toy.port[0].opened, 1);
	CU_ASSERT_EQUAL(s->toy.port[0].ended, 0);
	CU_ASSERT_EQUAL(hl_shell_connections(s->shell), 0);
}

static int bound_socket(struct hl_addr *at)
{
	struct sockaddr_storage ss;
	socklen_t n = hl_addr_to_system(&anywhere, &ss);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&ss, n), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	hl_addr_of_system(&ss, at);
	return fd;
}

static void a_dial_to_nobody_is_refused(void)
{
	struct stage s;
	struct hl_addr nobody;
	int fd = bound_socket(&nobody); /* a port that is ours and does not listen */

	set_up(&s, HOLD, 100, 100);
	dial_and_expect(&s, &nobody, LIMIT_US, HL_E_REFUSED);
	close(fd);
	tear_down(&s);

	set_up(&s, HOLD, 100, 100);
	dial_and_expect(&s, &(struct hl_addr){ .family = HL_UNIX }, LIMIT_US, HL_E_ARG);
	tear_down(&s);
}

/* A listening socket whose queue is full answers no SYN: a connect to it hangs. */
static int silent_listener(struct hl_addr *at, int *filler, unsigned n)
{
	struct sockaddr_storage ss;
	int fd = bound_socket(at);
	socklen_t len = hl_addr_to_system(at, &ss);

	listen(fd, 0);
	for (unsigned i = 0; i < n; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(filler[i], (struct sockaddr *)&ss, len);
	}
	return fd;
}

static void a_dial_that_hangs_ends_at_its_deadline(void)
{
	struct stage s;
	struct hl_addr at;
	int filler[4], fd = silent_listener(&at, filler, HL_COUNT(filler));
	int64_t begun = hl_clock_mono_us();

	set_up(&s, HOLD, 100, 100);
	dial_and_expect(&s, &at, 50000, HL_E_TIMEOUT);
	CU_ASSERT(hl_clock_mono_us() - begun >= 50000);
	tear_down(&s);

	set_up(&s, HOLD, 100, 100); /* closed while it hangs */
	toy_dial(&s.toy, DIALLED(1), &at, 0);
	hl_wish_close(&s.toy.wishes, DIALLED(1), false);
	hl_shell_pump(s.shell);
	CU_ASSERT_EQUAL(s.toy.port[0].opened, 1);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_E_CLOSED);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 0);
	tear_down(&s);
	for (unsigned i = 0; i < HL_COUNT(filler); i++)
		close(filler[i]);
	close(fd);
}

/* -- relay ----------------------------------------------------------------------------------- */

/* A client at the toy, and the server that the toy dials for it. */
static void set_up_relay(struct stage *s, struct end *client, struct end *server)
{
	int listening = -1;

	set_up(s, RELAY, 2500, 100);
	CU_ASSERT_EQUAL_FATAL(hl_listen_tcp(&anywhere, &listening, &s->toy.target), HL_OK);
	client->fd = connect_to(&s->at);
	end_send(client); /* some of it comes before the relay stands */
	do
		server->fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (server->fd < 0 && turn(s, EVRUN_NOWAIT));
	CU_ASSERT_FATAL(server->fd >= 0);
	close(listening);
	client->skip = server->skip = 1;
}

static void a_relay_moves_both_ways_and_passes_half_closes(void)
{
	struct stage s;
	struct end client = { .to_send = MUCH, .fin = true };
	struct end server = { .to_send = MUCH / 2, .fin = true };
	struct toy_port *a, *b;

	set_up_relay(&s, &client, &server);
	/* The server's half is over before the client's begins: its end goes through alone. */
	while (!client.eof && turn(&s, EVRUN_NOWAIT)) {
		end_receive(&client);
		end_turn(&server);
	}
	CU_ASSERT_EQUAL(client.got, 1 + MUCH / 2);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 2);
	while (!server.eof && turn(&s, EVRUN_NOWAIT)) {
		end_turn(&client);
		end_receive(&server);
	}
	CU_ASSERT_EQUAL(server.got, 1 + MUCH);
	CU_ASSERT_FALSE(client.wrong || server.wrong || server.cut);
	a = &s.toy.port[0];
	b = &s.toy.port[1];
	CU_ASSERT_EQUAL(a->ended, 1);
	CU_ASSERT_EQUAL(b->ended, 1);
	CU_ASSERT_EQUAL(a->moved, MUCH); /* without the core's own bytes */
	CU_ASSERT_EQUAL(b->moved, MUCH / 2);
	CU_ASSERT_EQUAL(a->err, HL_OK);
	CU_ASSERT_EQUAL(b->err, HL_OK);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 0);
	close(client.fd);
	close(server.fd);
	tear_down(&s);
}

/* A reader that lags behind: everything that is not yet taken waits in one place, bounded. */
static void a_slow_reader_holds_back_the_sender(void)
{
	struct stage s;
	struct end client = { .to_send = MUCH, .fin = true }, server = { 0 };

	set_up_relay(&s, &client, &server);
	do
		end_send(&client);
	while (turn(&s, EVRUN_NOWAIT) && !(conn_of(&s, 1)->pend.n > 0 && is_full(client.fd)));
	CU_ASSERT(conn_of(&s, 1)->pend.n <= HL_SCRATCH);
	CU_ASSERT(client.sent < MUCH);
	while (!server.eof && turn(&s, EVRUN_NOWAIT)) {
		end_turn(&client);
		end_receive(&server);
	}
	CU_ASSERT_EQUAL(server.got, 1 + MUCH);
	CU_ASSERT_FALSE(server.wrong);
	close(client.fd);
	close(server.fd);
	tear_down(&s);
}

static void a_cut_on_one_side_cuts_the_other(void)
{
	struct stage s;
	struct end client = { .to_send = 1000 }, server = { .to_send = 500 };

	set_up_relay(&s, &client, &server);
	while ((server.got < 1001 || client.got < 501) && turn(&s, EVRUN_NOWAIT)) {
		end_turn(&client);
		end_turn(&server);
	}
	reset(server.fd);
	while (!client.eof && !client.cut && turn(&s, EVRUN_NOWAIT))
		end_receive(&client);
	CU_ASSERT_EQUAL(client.got, 501);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[1].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_E_CLOSED);
	CU_ASSERT_EQUAL(s.toy.port[1].err, HL_E_CLOSED);
	close(client.fd);
	tear_down(&s);
}

/* The server answers and closes without reading on; its answer reaches the client all the same. */
static void a_server_that_stops_reading_is_still_heard(void)
{
	struct stage s;
	struct end client = { .to_send = MUCH }, server = { .to_send = 3000 };

	set_up_relay(&s, &client, &server);
	while (server.sent < server.to_send)
		end_send(&server);
	shutdown(server.fd, SHUT_RD);
	close(server.fd); /* unread bytes wait in it: a reset */
	while (!client.eof && !client.cut && turn(&s, EVRUN_NOWAIT)) {
		end_send(&client);
		end_receive(&client);
	}
	CU_ASSERT_FALSE(client.wrong);
	WAIT_UNTIL(&s, s.toy.port[0].ended && s.toy.port[1].ended);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_E_CLOSED);
	CU_ASSERT_EQUAL(hl_shell_connections(s.shell), 0);
	close(client.fd);
	tear_down(&s);
}

static void closing_one_closes_both(bool drain)
{
	struct stage s;
	struct end client = { .to_send = 1000 }, server = { 0 };

	set_up_relay(&s, &client, &server);
	while ((server.got < 1001 || client.got < 1) && turn(&s, EVRUN_NOWAIT)) {
		end_turn(&client);
		end_turn(&server);
	}
	hl_wish_close(&s.toy.wishes, s.toy.port[1].number, drain);
	hl_wish_close(&s.toy.wishes, s.toy.port[0].number, drain);
	hl_shell_pump(s.shell);
	CU_ASSERT_EQUAL(s.toy.port[0].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[1].ended, 1);
	CU_ASSERT_EQUAL(s.toy.port[0].err, HL_OK);
	while (!(client.eof && server.eof) && turn(&s, EVRUN_NOWAIT)) {
		end_receive(&client);
		end_receive(&server);
	}
	CU_ASSERT(client.eof && server.eof);
	close(client.fd);
	close(server.fd);
	tear_down(&s);
}

static void closing_one_side_of_a_relay_closes_both(void)
{
	closing_one_closes_both(false);
	closing_one_closes_both(true);
}

/* -- the rest -------------------------------------------------------------------------------- */

static void a_socket_file_serves_its_own_user(void)
{
	struct stage s;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/hsmlet-shell-XXXXXX";
	struct end e = { .to_send = 10 };
	struct stat st;
	int fd = -1, other = -1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(un.sun_path, sizeof un.sun_path, "%s/admin", folder);
	set_up(&s, ECHO, 100, 100);
	CU_ASSERT_EQUAL_FATAL(hl_listen_unix(un.sun_path, &fd), HL_OK);
	close(fd); /* the file stays, nobody listens */
	CU_ASSERT_EQUAL_FATAL(hl_listen_unix(un.sun_path, &fd), HL_OK);
	CU_ASSERT_EQUAL(hl_listen_unix(un.sun_path, &other), HL_E_EXISTS);
	CU_ASSERT(stat(un.sun_path, &st) == 0 && (st.st_mode & 0777) == 0600);
	CU_ASSERT_EQUAL_FATAL(hl_shell_listen(s.shell, fd, 3, HL_LISTEN_SAME_USER), HL_OK);
	e.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(connect(e.fd, (struct sockaddr *)&un, sizeof un), 0);
	fcntl(e.fd, F_SETFL, O_NONBLOCK);
	while (e.got < 10 && turn(&s, EVRUN_NOWAIT))
		end_turn(&e);
	CU_ASSERT_EQUAL(e.got, 10);
	CU_ASSERT_EQUAL(s.toy.listener, 3);
	close(e.fd);
	tear_down(&s);
	unlink(un.sun_path);
	rmdir(folder);
}

static void an_address_that_is_taken_is_told(void)
{
	struct hl_addr at;
	int a = -1, b = -1;

	CU_ASSERT_EQUAL_FATAL(hl_listen_tcp(&anywhere, &a, &at), HL_OK);
	CU_ASSERT_NOT_EQUAL(at.port, 0);
	CU_ASSERT_EQUAL(hl_listen_tcp(&at, &b, NULL), HL_E_EXISTS);
	close(a);
	CU_ASSERT_EQUAL_FATAL(hl_listen_udp(&anywhere, &a, &at), HL_OK);
	CU_ASSERT_EQUAL(hl_listen_udp(&at, &b, NULL), HL_E_EXISTS);
	close(a);
	at.family = HL_UNIX;
	CU_ASSERT_EQUAL(hl_listen_tcp(&at, &b, NULL), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_listen_unix("", &b), HL_E_ARG);
}

static bool connects(const struct hl_addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = hl_addr_to_system(to, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM, 0);
	bool ok = connect(fd, (struct sockaddr *)&ss, n) == 0;

	close(fd);
	return ok;
}

/* How many wait at a socket that listens. */
static unsigned waiting_at(int listening)
{
	unsigned n = 0;
	int fd;

	while ((fd = accept(listening, NULL, NULL)) >= 0) {
		close(fd);
		n++;
	}
	return n;
}

static void connections_are_spread_among_sockets_of_one_address(void)
{
	enum { SOCKETS = 4, DIALS = 64 }; /* that one of them gets none has a chance of 4 in 100 million */
	int fd[SOCKETS], other[2], alone = -1;
	unsigned sum = 0;
	struct hl_addr at;

	CU_ASSERT_EQUAL_FATAL(hl_listen_tcp_many(&anywhere, SOCKETS, fd, &at), HL_OK);
	for (int i = 0; i < DIALS; i++)
		CU_ASSERT(connects(&at));
	for (int i = 0; i < SOCKETS; i++) {
		unsigned n = waiting_at(fd[i]);

		CU_ASSERT(n > 0);
		sum += n;
	}
	CU_ASSERT_EQUAL(sum, DIALS);
	CU_ASSERT_EQUAL(hl_listen_tcp_many(&at, 2, other, &at), HL_E_EXISTS); /* a stranger gets no share */
	CU_ASSERT_EQUAL(hl_listen_tcp(&at, &alone, NULL), HL_E_EXISTS);
	for (int i = 0; i < SOCKETS; i++)
		close(fd[i]);
	CU_ASSERT_EQUAL(hl_listen_tcp(&at, &alone, NULL), HL_OK);
	close(alone);
}

static void without_descriptors_it_waits(void)
{
	struct stage s;
	struct rlimit was, few;
	int fd, top;

	if (hl_test_is_slow())
		return; /* Valgrind plays the limit: it lets the kernel accept, and throws the connection away */
	set_up(&s, ECHO, 100, 100);
	turn(&s, EVRUN_NOWAIT); /* libev has opened its own */
	hl_log_fd(-1);
	fd = connect_to(&s.at);
	top = dup(fd);
	close(top);
	getrlimit(RLIMIT_NOFILE, &was);
	few = (struct rlimit){ (rlim_t)top, was.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	turn(&s, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(s.toy.ports, 0);
	CU_ASSERT_EQUAL(ev_pending_count(s.loop), 0);
	setrlimit(RLIMIT_NOFILE, &was);
	WAIT_UNTIL(&s, s.toy.ports == 1);
	hl_log_fd(STDERR_FILENO);
	close(fd);
	tear_down(&s);
}

static void on_resolve(
	void *at, struct hl_shell *shell, uint32_t port, const char *name, int64_t at_us)
{
	struct hl_addr list[2] = { anywhere, anywhere };

	CU_ASSERT_EQUAL(at_us, 99);
	CU_ASSERT_STRING_EQUAL(name, "pool");
	CU_ASSERT_PTR_EQUAL(at, shell);
	hl_shell_resolved(shell, port, HL_OK, list, 2);
}

static void names_are_resolved_by_who_can(void)
{
	struct stage s;

	set_up(&s, HOLD, 100, 100);
	hl_wish_resolve(&s.toy.wishes, 4, "pool", 99);
	hl_shell_pump(s.shell);
	CU_ASSERT_EQUAL(s.toy.resolved, 1);
	CU_ASSERT_EQUAL(s.toy.resolve_err, HL_E_NAME);
	hl_shell_resolver(s.shell, on_resolve, s.shell);
	hl_wish_resolve(&s.toy.wishes, 4, "pool", 99);
	hl_shell_pump(s.shell);
	CU_ASSERT_EQUAL(s.toy.resolved, 2);
	CU_ASSERT_EQUAL(s.toy.resolve_err, HL_OK);
	CU_ASSERT_EQUAL(s.toy.addresses, 2);
	tear_down(&s);
}

static void time_comes_when_it_is_due(void)
{
	struct stage s;
	int64_t due;

	set_up(&s, HOLD, 100, 100);
	s.toy.deadline_us = hl_clock_mono_us() + 1000;
	hl_shell_pump(s.shell);
	due = s.toy.deadline_us = hl_clock_mono_us() + 20000; /* put off: the timer is left alone */
	hl_shell_pump(s.shell);
	WAIT_UNTIL(&s, s.toy.times == 1);
	CU_ASSERT(hl_clock_mono_us() >= due);
	s.toy.deadline_us = hl_clock_mono_us() + LIMIT_US;
	hl_shell_pump(s.shell);
	s.toy.deadline_us = hl_clock_mono_us() + 1000; /* brought forward */
	hl_shell_pump(s.shell);
	WAIT_UNTIL(&s, s.toy.times == 2);
	s.toy.deadline_us = hl_clock_mono_us() - 5; /* in the past */
	hl_shell_pump(s.shell);
	WAIT_UNTIL(&s, s.toy.times == 3);
	s.toy.deadline_us = hl_clock_mono_us() + 1000;
	hl_shell_pump(s.shell);
	s.toy.deadline_us = 0; /* called off */
	hl_shell_pump(s.shell);
	WAIT_UNTIL(&s, !ev_is_active(&s.shell->wait));
	CU_ASSERT_EQUAL(s.toy.times, 3);
	tear_down(&s);
}

static void run_nothing(struct hl_job *j)
{
	(void)j;
}

static void jobs_come_back_to_their_core(void)
{
	struct stage s;
	struct hl_jobs *jobs = NULL;
	struct hl_job j = { .run = run_nothing, .lane = HL_LANE_PIN };

	set_up(&s, HOLD, 100, 100);
	CU_ASSERT_EQUAL_FATAL(hl_jobs_new(s.loop, &jobs), HL_OK);
	hl_shell_jobs(s.shell, &s.env, jobs);
	hl_submit(&s.env.env, &j);
	WAIT_UNTIL(&s, s.toy.jobs == 1);
	CU_ASSERT_EQUAL(hl_jobs_under_way(jobs), 0);
	hl_jobs_free(jobs);
	tear_down(&s);
}

static void stopped_it_takes_no_more(void)
{
	struct stage s;
	struct end e = { .to_send = 10 };
	struct sockaddr_storage ss;
	socklen_t n;
	int fd;

	set_up(&s, ECHO, 100, 100);
	e.fd = connect_to(&s.at);
	WAIT_UNTIL(&s, s.toy.ports == 1);
	hl_shell_stop(s.shell);
	while (e.got < 10 && turn(&s, EVRUN_NOWAIT)) /* what is open goes on */
		end_turn(&e);
	CU_ASSERT_EQUAL(e.got, 10);
	n = hl_addr_to_system(&s.at, &ss);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT(connect(fd, (struct sockaddr *)&ss, n) != 0 && errno == ECONNREFUSED);
	close(fd);
	close(e.fd);
	tear_down(&s);
}

static CU_TestInfo tests[] = {
	{ "what is sent is echoed", what_is_sent_is_echoed },
	{ "accepted sockets are tuned", accepted_sockets_are_tuned },
	{ "ten megabytes pass through small buffers", ten_megabytes_pass_through_small_buffers },
	{ "a connection nobody wants is closed unmentioned",
		a_connection_nobody_wants_is_closed_unmentioned },
	{ "a reset is not an orderly end", a_reset_is_not_an_orderly_end },
	{ "an early end of the peer costs no answer", an_early_end_of_the_peer_costs_no_answer },
	{ "a drain loses nothing", a_drain_loses_nothing },
	{ "a drain that nobody reads ends", a_drain_that_nobody_reads_ends },
	{ "without drain it ends at once", without_drain_it_ends_at_once },
	{ "last words are heard after a failed write", last_words_are_heard_after_a_failed_write },
	{ "a dial is answered once", a_dial_is_answered_once },
	{ "a dial to nobody is refused", a_dial_to_nobody_is_refused },
	{ "a dial that hangs ends at its deadline", a_dial_that_hangs_ends_at_its_deadline },
	{ "a relay moves both ways and passes half-closes",
		a_relay_moves_both_ways_and_passes_half_closes },
	{ "a slow reader holds back the sender", a_slow_reader_holds_back_the_sender },
	{ "a cut on one side cuts the other", a_cut_on_one_side_cuts_the_other },
	{ "a server that stops reading is still heard",
		a_server_that_stops_reading_is_still_heard },
	{ "closing one side of a relay closes both", closing_one_side_of_a_relay_closes_both },
	{ "a socket file serves its own user", a_socket_file_serves_its_own_user },
	{ "an address that is taken is told", an_address_that_is_taken_is_told },
	{ "connections are spread among sockets of one address", connections_are_spread_among_sockets_of_one_address },
	{ "without descriptors it waits", without_descriptors_it_waits },
	{ "names are resolved by who can", names_are_resolved_by_who_can },
	{ "time comes when it is due", time_comes_when_it_is_due },
	{ "jobs come back to their core", jobs_come_back_to_their_core },
	{ "stopped it takes no more", stopped_it_takes_no_more },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("shell", tests)
