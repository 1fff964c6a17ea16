/* The shell around a core: what it does with connections that were accepted, and with names, time and jobs. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/listen.h"
#include "tests/support/end.h"
#include "tests/support/stage.h"

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

static void ten_megabytes_pass_through_small_buffers(void)
{
	struct stage s;
	struct end e = { .to_send = MUCH };

	set_up(&s, ECHO, 3000, 2000);
	e.fd = connect_to(&s.at);
	/* Nothing is read at first, so that every buffer on the way fills up. */
	do
		end_send(&e);
	while (turn(&s, EVRUN_NOWAIT) && !(s.shell->paused.n == 1 && end_is_full(e.fd)));
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
	end_reset(fd);
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

/* -- names, time, jobs -------------------------------------------------------------------------- */

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
	{ "a connection nobody wants is closed unmentioned", a_connection_nobody_wants_is_closed_unmentioned },
	{ "a reset is not an orderly end", a_reset_is_not_an_orderly_end },
	{ "an early end of the peer costs no answer", an_early_end_of_the_peer_costs_no_answer },
	{ "a drain loses nothing", a_drain_loses_nothing },
	{ "a drain that nobody reads ends", a_drain_that_nobody_reads_ends },
	{ "without drain it ends at once", without_drain_it_ends_at_once },
	{ "last words are heard after a failed write", last_words_are_heard_after_a_failed_write },
	{ "names are resolved by who can", names_are_resolved_by_who_can },
	{ "time comes when it is due", time_comes_when_it_is_due },
	{ "jobs come back to their core", jobs_come_back_to_their_core },
	{ "stopped it takes no more", stopped_it_takes_no_more },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("shell", tests)
