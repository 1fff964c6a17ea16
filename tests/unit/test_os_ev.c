#include "client/os_ev.h"

#include <stdio.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <ev.h>
#include <sys/socket.h>

#include "lib/os/env.h"
#include "tests/support/answerer.h"
#include "tests/support/test.h"

#define LATE_US 20000000 /* far beyond every limit: a test that gets there has failed */

/* -- names, asked for by a core that wants nothing else ------------------------------------------ */

#define NAMES 8

struct asker {
	struct ev_loop *loop;
	struct hl_os_env env;
	struct hl_wishes wishes;
	struct client_ev_names *names;
	struct hl_shell *shell;
	struct {
		hl_err err;
		size_t n;
		struct hl_addr first;
	} got[NAMES];
	unsigned asked, heard;
};

static void asker_event(void *at, const struct hl_event *e)
{
	struct asker *a = at;

	if (e->kind != HL_EV_RESOLVED)
		return;
	a->got[e->port].err = e->err;
	a->got[e->port].n = e->count;
	if (e->count > 0)
		a->got[e->port].first = e->list[0];
	a->heard++;
	if (a->heard == a->asked)
		ev_break(a->loop, EVBREAK_ALL);
}

static bool asker_wish(void *at, struct hl_wish *out)
{
	return hl_wishes_take(&((struct asker *)at)->wishes, 0, out);
}

static struct hl_port *asker_port(void *at, uint32_t port)
{
	(void)at, (void)port;
	return NULL;
}

static const struct hl_core_ops asker_ops = { asker_event, asker_wish, asker_port };

static void asker_open(struct asker *a, const struct hl_addr *resolver)
{
	struct hl_os_env_config config = { .role = "test", .who = "test" };

	*a = (struct asker){ .loop = ev_loop_new(0) };
	CU_ASSERT_PTR_NOT_NULL_FATAL(a->loop);
	CU_ASSERT_EQUAL_FATAL(hl_os_env_open(&a->env, &config), HL_OK);
	CU_ASSERT_EQUAL_FATAL(client_ev_names_new(a->loop, resolver, &a->names), HL_OK);
	CU_ASSERT_EQUAL_FATAL(
		hl_shell_new(a->loop, &a->env.env, &asker_ops, a, &a->shell), HL_OK);
	hl_shell_resolver(a->shell, client_ev_resolve, a->names);
}

static void asker_close(struct asker *a)
{
	client_ev_names_free(a->names);
	hl_shell_free(a->shell);
	hl_wishes_clear(&a->wishes);
	hl_os_env_close(&a->env);
	ev_loop_destroy(a->loop);
}

static void ask(struct asker *a, const char *name, int64_t limit_us)
{
	hl_wish_resolve(&a->wishes, a->asked++, name, hl_mono_us(&a->env.env) + limit_us);
}

/* Until all that was asked for is answered. */
static void run(struct asker *a)
{
	hl_shell_pump(a->shell);
	if (a->heard < a->asked)
		ev_run(a->loop, 0);
}

static void names_are_resolved_on_the_loop_side_by_side(void)
{
	struct answerer resolver = { 0 };
	char text[HL_ADDR_TEXT];
	struct asker a;

	answerer_start(&resolver);
	asker_open(&a, &resolver.addr);
	ask(&a, "pool.test", LATE_US);
	ask(&a, "none.test", LATE_US);
	ask(&a, "many.test", LATE_US);
	ask(&a, "127.1.2.11", LATE_US);
	ask(&a, "", LATE_US);
	run(&a);
	CU_ASSERT_EQUAL(a.heard, 5);
	CU_ASSERT_EQUAL(a.got[0].err, HL_OK);
	CU_ASSERT_EQUAL(a.got[0].n, 3);
	CU_ASSERT_EQUAL(a.got[1].err, HL_E_NAME);
	CU_ASSERT_EQUAL(a.got[1].n, 0);
	CU_ASSERT_EQUAL(a.got[2].err, HL_OK);
	CU_ASSERT_EQUAL(a.got[2].n, 64);
	CU_ASSERT_EQUAL(a.got[3].err, HL_OK);
	hl_addr_text(&a.got[3].first, text);
	CU_ASSERT_STRING_EQUAL(text, "127.1.2.11:0");
	CU_ASSERT_EQUAL(a.got[4].err, HL_E_ARG);
	asker_close(&a);
	answerer_stop(&resolver);
	CU_ASSERT_EQUAL(resolver.asked, 3);
}

static void an_address_is_known_before_the_loop_turns(void)
{
	struct asker a;

	asker_open(&a, NULL);
	ask(&a, "127.0.0.1", LATE_US);
	hl_shell_pump(a.shell);
	CU_ASSERT_EQUAL(a.heard, 1);
	asker_close(&a);
}

static void silence_ends_at_the_time_that_was_given(void)
{
	struct answerer resolver = { 0 };
	struct asker a;
	int64_t begun;

	answerer_open(&resolver);
	asker_open(&a, &resolver.addr);
	begun = hl_mono_us(&a.env.env);
	ask(&a, "pool.test", 50000);
	run(&a);
	CU_ASSERT_EQUAL(a.got[0].err, HL_E_NAME_TIMEOUT);
	CU_ASSERT(hl_mono_us(&a.env.env) - begun >= 50000);
	CU_ASSERT(hl_mono_us(&a.env.env) - begun < 2000000);
	asker_close(&a);
	answerer_stop(&resolver);
}

static void lookups_can_be_given_up_under_way(void)
{
	struct answerer resolver = { 0 };
	struct asker a;

	answerer_open(&resolver);
	asker_open(&a, &resolver.addr);
	ask(&a, "pool.test", LATE_US);
	ask(&a, "many.test", LATE_US);
	hl_shell_pump(a.shell);
	ev_run(a.loop, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(a.heard, 0);
	asker_close(&a);
	answerer_stop(&resolver);
}

/* -- links ----------------------------------------------------------------------------------------- */

struct user {
	struct ev_loop *loop;
	struct hl_os_env env;
	struct client_ev *link;
	struct client_ev_call call[3];
	struct hl_random request;
	unsigned told, submitted;
	bool frees, submitting, told_inside;
};

static const uint8_t key[32] = { 1, 2, 3 };

static void user_open(struct user *u, const char *host, uint16_t port, const struct hl_addr *resolver)
{
	struct hl_os_env_config config = { .role = "client", .who = "client" };
	struct client_conf_link conf = {
		.host = host,
		.port = port,
		.partition = "PART",
		.client_id = "",
		.service_user = "user",
		.realm = "hsmlet",
		.service_password = hl_text("password"),
		.kind = HL_CHANNEL_USER,
		.generation = 1,
		.secret = hl_bytes(key, sizeof key),
		.identity = key,
	};

	*u = (struct user){ .loop = ev_loop_new(0), .request.length = 16 };
	CU_ASSERT_PTR_NOT_NULL_FATAL(u->loop);
	CU_ASSERT_EQUAL_FATAL(hl_os_env_open(&u->env, &config), HL_OK);
	CU_ASSERT_EQUAL_FATAL(
		client_ev_new(u->loop, &u->env.env, &conf, resolver, &u->link), HL_OK);
}

static void user_close(struct user *u)
{
	client_ev_free(u->link);
	for (size_t i = 0; i < HL_COUNT(u->call); i++)
		hl_buf_clear(&u->call[i].call.frame);
	hl_os_env_close(&u->env);
	ev_loop_destroy(u->loop);
}

static void on_done(struct client_ev_call *call)
{
	struct user *u = call->at;

	u->told++;
	u->told_inside |= u->submitting;
	if (u->frees) {
		client_ev_free(u->link);
		u->link = NULL;
	}
	if (u->told == u->submitted || u->frees)
		ev_break(u->loop, EVBREAK_ALL);
}

static void submit(struct user *u, const struct hl_msg *expect)
{
	struct client_ev_call *call = &u->call[u->submitted++];

	*call = (struct client_ev_call){ .on_done = on_done, .at = u };
	call->call.msg = &hl_msg_random;
	call->call.body = &u->request;
	call->call.expect = expect;
	call->call.deadline_us = hl_mono_us(&u->env.env) + LATE_US;
	u->submitting = true;
	client_ev_submit(u->link, call);
	u->submitting = false;
}

static void a_call_that_nobody_can_carry_ends_on_the_loop(void)
{
	struct answerer resolver = { 0 };
	struct user u;

	answerer_start(&resolver);
	user_open(&u, "none.test", 2310, &resolver.addr);
	for (size_t i = 0; i < HL_COUNT(u.call); i++)
		submit(&u, &hl_msg_random_answer);
	ev_run(u.loop, 0);
	CU_ASSERT_EQUAL(u.told, HL_COUNT(u.call));
	for (size_t i = 0; i < HL_COUNT(u.call); i++) {
		CU_ASSERT(u.call[i].call.done);
		CU_ASSERT_EQUAL(u.call[i].call.err, HL_E_NAME);
		CU_ASSERT_EQUAL(u.call[i].call.failure.step, HL_STEP_DNS);
	}
	CU_ASSERT(client_ev_idle(u.link));
	user_close(&u);
	answerer_stop(&resolver);
}

/* A TCP port that is taken, so that nobody else has it, and where nobody listens. */
static int deaf_port(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof sin;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&sin, &n), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

/* A numeric address that refuses at once: everything happens before submit returns, but the telling. */
static void nothing_is_told_from_inside_a_submit(void)
{
	uint16_t port;
	int fd = deaf_port(&port);
	struct user u;

	user_open(&u, "127.0.0.1", port, NULL);
	submit(&u, &hl_msg_random_answer);
	CU_ASSERT_EQUAL(u.told, 0);
	ev_run(u.loop, 0);
	CU_ASSERT_EQUAL(u.told, 1);
	CU_ASSERT(!u.told_inside);
	CU_ASSERT_EQUAL(u.call[0].call.err, HL_E_PROXIES);
	CU_ASSERT_EQUAL(u.call[0].call.failure.attempts, CLIENT_ROUNDS);
	CU_ASSERT_EQUAL(u.call[0].call.failure.step, HL_STEP_HELLO);
	user_close(&u);
	close(fd);
}

static void whoever_is_told_may_free_the_link(void)
{
	uint16_t port;
	int fd = deaf_port(&port);
	struct user u;

	user_open(&u, "127.0.0.1", port, NULL);
	u.frees = true;
	submit(&u, &hl_msg_random_answer);
	submit(&u, &hl_msg_random_answer);
	ev_run(u.loop, 0);
	CU_ASSERT_EQUAL(u.told, 1);
	CU_ASSERT_PTR_NULL(u.link);
	ev_run(u.loop, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(u.told, 1);
	user_close(&u);
	close(fd);
}

static void a_call_that_was_cancelled_is_not_told(void)
{
	struct answerer resolver = { 0 };
	struct user u;

	answerer_start(&resolver);
	user_open(&u, "none.test", 2310, &resolver.addr);
	submit(&u, &hl_msg_random_answer);
	submit(&u, &hl_msg_random_answer);
	client_ev_cancel(u.link, &u.call[0]);
	u.submitted--;
	ev_run(u.loop, 0);
	CU_ASSERT_EQUAL(u.told, 1);
	CU_ASSERT(!u.call[0].call.done);
	CU_ASSERT(u.call[1].call.done);
	client_ev_cancel(u.link, &u.call[1]); /* is over: nothing to forget */
	user_close(&u);
	answerer_stop(&resolver);
}

static void closing_ends_what_still_waits_for_a_name(void)
{
	struct answerer resolver = { 0 };
	struct user u;

	answerer_open(&resolver);
	user_open(&u, "pool.test", 2310, &resolver.addr);
	submit(&u, &hl_msg_random_answer);
	client_ev_close(u.link);
	ev_run(u.loop, 0);
	CU_ASSERT_EQUAL(u.told, 1);
	CU_ASSERT_EQUAL(u.call[0].call.err, HL_E_CLOSED);
	CU_ASSERT(client_ev_idle(u.link));
	user_close(&u);
	answerer_stop(&resolver);
}

static CU_TestInfo tests[] = {
	{ "names are resolved on the loop, side by side", names_are_resolved_on_the_loop_side_by_side },
	{ "an address is known before the loop turns", an_address_is_known_before_the_loop_turns },
	{ "silence ends at the time that was given", silence_ends_at_the_time_that_was_given },
	{ "lookups can be given up under way", lookups_can_be_given_up_under_way },
	{ "a call that nobody can carry ends on the loop",
		a_call_that_nobody_can_carry_ends_on_the_loop },
	{ "nothing is told from inside a submit", nothing_is_told_from_inside_a_submit },
	{ "whoever is told may free the link", whoever_is_told_may_free_the_link },
	{ "a call that was cancelled is not told", a_call_that_was_cancelled_is_not_told },
	{ "closing ends what still waits for a name", closing_ends_what_still_waits_for_a_name },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("os_ev", tests)
