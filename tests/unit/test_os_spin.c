/* A thread that waits looks for its answer before it sleeps, as long as that pays. */
#include "client/os_spin.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

/* -- when it pays --------------------------------------------------------------------------------------------- */

static struct client_spin on_two_cores(void)
{
	return (struct client_spin){ .luck = CLIENT_SPIN_LUCK };
}

static bool wait_once(struct client_spin *s, bool answered)
{
	return client_spin_begin(s) && (client_spin_end(s, answered) || true);
}

static unsigned looks_of(struct client_spin *s, unsigned waits, bool answered)
{
	unsigned n = 0;

	for (unsigned i = 0; i < waits; i++)
		n += wait_once(s, answered);
	return n;
}

static void a_wait_that_is_answered_soon_goes_on_looking(void)
{
	struct client_spin s = on_two_cores();

	CU_ASSERT_EQUAL(looks_of(&s, 1000, true), 1000);
}

static void waits_in_vain_end_it(void)
{
	struct client_spin s = on_two_cores();

	CU_ASSERT_EQUAL(looks_of(&s, CLIENT_SPIN_LUCK, false), CLIENT_SPIN_LUCK);
	CU_ASSERT_EQUAL(looks_of(&s, CLIENT_SPIN_AGAIN - 1, false), 0);
}

static void once_in_a_while_it_is_tried_again(void)
{
	struct client_spin s = on_two_cores();

	looks_of(&s, CLIENT_SPIN_LUCK, false);
	CU_ASSERT_EQUAL(looks_of(&s, 10 * CLIENT_SPIN_AGAIN, false), 10);
	looks_of(&s, CLIENT_SPIN_AGAIN - 1, true);
	CU_ASSERT_EQUAL(looks_of(&s, 100, true), 100);
}

static void a_few_slow_answers_are_forgiven(void)
{
	struct client_spin s = on_two_cores();

	for (unsigned i = 0; i < 100; i++)
		CU_ASSERT_TRUE(wait_once(&s, i % CLIENT_SPIN_LUCK == 0));
}

static void one_thread_of_the_process_looks_at_a_time(void)
{
	struct client_spin one = on_two_cores(), other = on_two_cores();

	CU_ASSERT_TRUE(client_spin_begin(&one));
	CU_ASSERT_FALSE(client_spin_begin(&other));
	CU_ASSERT_TRUE(client_spin_end(&one, true));
	CU_ASSERT_TRUE(client_spin_begin(&other));
	CU_ASSERT_FALSE(client_spin_end(&other, false));
}

static void a_child_looks_although_a_thread_of_its_parent_did(void)
{
	struct client_spin s = on_two_cores();

	pid_t child;
	int status;

	CU_ASSERT_TRUE(client_spin_begin(&s));
	child = fork();
	if (child == 0)
		hl_test_leave_child(client_spin_begin(&s));
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	client_spin_end(&s, true);
}

static void on_a_single_core_nobody_looks(void)
{
	cpu_set_t all, one;
	struct client_spin s;

	CU_ASSERT_EQUAL_FATAL(sched_getaffinity(0, sizeof all, &all), 0);
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	CU_ASSERT_EQUAL_FATAL(sched_setaffinity(0, sizeof one, &one), 0);
	client_spin_init(&s);
	CU_ASSERT_EQUAL_FATAL(sched_setaffinity(0, sizeof all, &all), 0);
	CU_ASSERT_EQUAL(looks_of(&s, 100, true), 0);
}

/* -- looking -------------------------------------------------------------------------------------------------- */

/* A clock that moves by ten microseconds whenever somebody looks at it; on the fifth look something happens. */
struct scene {
	int64_t now_us;
	unsigned asked;
	void (*fifth)(struct scene *s);
	int fd[2];
	struct hl_env env;
};

static int64_t on_mono(void *at)
{
	struct scene *s = at;

	if (++s->asked == 5 && s->fifth)
		s->fifth(s);
	return s->now_us += 10;
}

static const struct hl_env_ops ops = { .mono_us = on_mono };

static void begin(struct scene *s, void (*fifth)(struct scene *s))
{
	*s = (struct scene){ .fifth = fifth, .env = { .ops = &ops, .at = s } };
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s->fd), 0);
}

static ssize_t look(struct scene *s, char to[8])
{
	return client_spin_recv(&s->env, s->fd[0], to, 8);
}

static void end(struct scene *s)
{
	close(s->fd[0]);
	if (s->fd[1] >= 0)
		close(s->fd[1]);
}

static void answer(struct scene *s)
{
	CU_ASSERT_EQUAL(send(s->fd[1], "yes", 3, MSG_NOSIGNAL), 3);
}

static void hang_up(struct scene *s)
{
	close(s->fd[1]);
	s->fd[1] = -1;
}

static void an_answer_that_comes_meanwhile_is_taken(void)
{
	struct scene s;
	char got[8];

	begin(&s, answer);
	CU_ASSERT_EQUAL(look(&s, got), 3);
	CU_ASSERT_EQUAL(s.asked, 5);
	end(&s);
}

static void the_end_of_the_link_is_noticed(void)
{
	struct scene s;
	char got[8];

	begin(&s, hang_up);
	CU_ASSERT_EQUAL(look(&s, got), 0);
	CU_ASSERT_EQUAL(s.asked, 5);
	end(&s);
}

static void a_link_that_says_nothing_is_left_in_time(void)
{
	struct scene s;
	char got[8];

	begin(&s, NULL);
	CU_ASSERT_EQUAL(look(&s, got), -1);
	CU_ASSERT_EQUAL(errno, EAGAIN);
	CU_ASSERT_EQUAL(s.asked, 1 + CLIENT_SPIN_US / 10);
	end(&s);
}

static CU_TestInfo tests[] = {
	{ "a wait that is answered soon goes on looking", a_wait_that_is_answered_soon_goes_on_looking },
	{ "waits in vain end it", waits_in_vain_end_it },
	{ "once in a while it is tried again", once_in_a_while_it_is_tried_again },
	{ "a few slow answers are forgiven", a_few_slow_answers_are_forgiven },
	{ "one thread of the process looks at a time", one_thread_of_the_process_looks_at_a_time },
	{ "a child looks although a thread of its parent did", a_child_looks_although_a_thread_of_its_parent_did },
	{ "on a single core nobody looks", on_a_single_core_nobody_looks },
	{ "an answer that comes meanwhile is taken", an_answer_that_comes_meanwhile_is_taken },
	{ "the end of the link is noticed", the_end_of_the_link_is_noticed },
	{ "a link that says nothing is left in time", a_link_that_says_nothing_is_left_in_time },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("os_spin", tests)
