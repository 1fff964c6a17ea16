/* The shell dials where its core wishes to. */
#include <sys/socket.h>
#include <unistd.h>

#include "lib/os/listen.h"
#include "tests/support/stage.h"

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

static CU_TestInfo tests[] = {
	{ "a dial is answered once", a_dial_is_answered_once },
	{ "a dial to nobody is refused", a_dial_to_nobody_is_refused },
	{ "a dial that hangs ends at its deadline", a_dial_that_hangs_ends_at_its_deadline },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("shell dial", tests)
