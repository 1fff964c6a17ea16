/* Calls that the link does not take at once, whose answer nobody understands, or that outlive an opening. */
#include <stdlib.h>

#include "client/link_impl.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;
static struct world_client *c;

static void begin(uint64_t seed, size_t proxies)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, proxies, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

static int64_t now_us(void)
{
	return hl_mono_us(sim_env(c->node));
}

static void submit(struct client_call *call, int64_t limit_us)
{
	call->deadline_us = now_us() + limit_us;
	sim_enter(c->node);
	client_submit(c->core, call);
	sim_pump(c->node);
}

static bool is_done(void *at)
{
	return ((struct client_call *)at)->done;
}

static hl_err outcome(struct client_call *call)
{
	CU_ASSERT_FATAL(sim_run(w->sim, is_done, call, 60000000));
	hl_buf_clear(&call->frame);
	return call->err;
}

/* -- room ---------------------------------------------------------------------------------------------------- */

#define MANY 16 /* of half a megabyte: more than port and channel hold */

/* Requests that need no login, about data that nobody has signed. */
struct much {
	uint8_t data[HL_DATA_MAX], signature[64];
	struct hl_verify body;
	struct client_call call[MANY];
};

static struct much *much(void)
{
	struct much *m = calloc(1, sizeof *m);
	struct hl_generated key;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(story_make_key(c, "much", &key), HL_OK);
	m->body = (struct hl_verify){ .key = key.public_handle, .mechanism = HL_CKM_ECDSA_SHA256,
		.data = { m->data, sizeof m->data }, .signature = { m->signature, sizeof m->signature } };
	for (size_t i = 0; i < MANY; i++)
		m->call[i] = (struct client_call){ .msg = &hl_msg_verify, .body = &m->body, .expect = &hl_msg_done };
	return m;
}

static void all_are_answered(struct much *m)
{
	for (size_t i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL(outcome(&m->call[i]), HL_E_SIGNATURE);
}

/* As many threads do while another one is writing. */
static void more_than_a_link_holds_waits_for_room(void)
{
	struct much *m;

	begin(1, 1);
	m = much();
	sim_enter(c->node);
	for (size_t i = 0; i < MANY; i++) {
		m->call[i].deadline_us = now_us() + 30000000;
		client_submit(c->core, &m->call[i]);
		CU_ASSERT(!m->call[i].done);
	}
	sim_pump(c->node);
	all_are_answered(m);
	end();
	free(m);
}

/* One by one they found room; all are lost with the link, and sent again together. */
static void what_was_lost_and_finds_no_room_waits_as_well(void)
{
	struct much *m;

	begin(2, 2);
	m = much();
	for (size_t i = 0; i < MANY; i++)
		submit(&m->call[i], 30000000);
	sim_kill(w->proxy[strcmp(c->core->failure.where, "127.16.0.11:2310") == 0 ? 0 : 1].node);
	all_are_answered(m);
	for (size_t i = 0; i < MANY; i++)
		CU_ASSERT(m->call[i].lost);
	end();
	free(m);
}

/* -- answers ------------------------------------------------------------------------------------------------- */

/* The key was made. To be told of a wrong type, as if nothing had happened, would be no help. */
static void an_effect_whose_answer_is_not_understood_has_an_unknown_outcome(void)
{
	struct client_call call = { .msg = &hl_msg_generate, .expect = &hl_msg_done };
	struct client_call harmless = { .msg = &hl_msg_ping, .expect = &hl_msg_done };
	struct hl_ping ping = { 0 };
	struct story_key k;
	size_t n;

	begin(3, 1);
	story_key_init(&k, "not understood");
	call.body = &k.request;
	harmless.body = &ping;
	submit(&call, 30000000);
	CU_ASSERT_EQUAL(outcome(&call), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(story_count(c, "not understood", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 2);
	submit(&harmless, 30000000);
	CU_ASSERT_EQUAL(outcome(&harmless), HL_E_TYPE);
	end();
}

static struct hl_destroy of(uint64_t key)
{
	return (struct hl_destroy){ .handle = key };
}

/* The key is gone, or it is not: who sees no private keys is told so of each. */
static void an_effect_that_is_lost_with_its_login_has_an_unknown_outcome(void)
{
	struct client_call call = { .msg = &hl_msg_destroy, .expect = &hl_msg_done };
	struct hl_generated key;
	struct hl_destroy body;

	begin(6, 2);
	CU_ASSERT_EQUAL(story_make_key(c, "lost", &key), HL_OK);
	body = of(key.handle);
	call.body = &body;
	submit(&call, 30000000);
	client_ticket_forget(c->core); /* the login is of the link that breaks */
	sim_kill(w->proxy[strcmp(c->core->failure.where, "127.16.0.11:2310") == 0 ? 0 : 1].node);
	CU_ASSERT_EQUAL(outcome(&call), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(call.failure.err, HL_E_UNKNOWN);
	CU_ASSERT_PTR_NOT_NULL(strstr(call.failure.detail, "log in"));
	end();
}

/* Whoever is logged in is told the truth, also of what was sent before. */
static void after_a_login_a_refusal_of_what_was_lost_is_a_refusal(void)
{
	struct client_call call = { .msg = &hl_msg_destroy, .expect = &hl_msg_done };
	struct hl_destroy body = of(1);

	begin(7, 2);
	call.body = &body;
	submit(&call, 30000000);
	CU_ASSERT_EQUAL(outcome(&call), HL_E_KEY);
	story_close(c);
	CU_ASSERT_EQUAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
	submit(&call, 30000000);
	CU_ASSERT(call.lost);
	CU_ASSERT_EQUAL(outcome(&call), HL_E_KEY);
	end();
}

/* The opening that failed may pass; the effect, tried again as another request, might be had twice. */
static void nobody_is_told_to_try_again_what_may_have_happened(void)
{
	struct client_call call = { .msg = &hl_msg_generate, .expect = &hl_msg_generated };
	struct story_key k;

	begin(8, 1);
	story_key_init(&k, "unknown");
	call.body = &k.request;
	submit(&call, 5000000);
	world_kill_hsm(w, 0);
	CU_ASSERT_EQUAL(outcome(&call), HL_E_UNKNOWN);
	CU_ASSERT(c->core->failure.retryable);
	CU_ASSERT(!call.failure.retryable);
	end();
}

/* -- openings ------------------------------------------------------------------------------------------------ */

static struct world_client *knows(const struct client_target *hosts, size_t n)
{
	struct client_conf_link conf = c->conf;
	struct world_client *other;

	conf.hosts = hosts;
	conf.host_count = n;
	CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &other), HL_OK);
	return other;
}

/* The first opening is given up while its name is looked up; what comes of that is no address of the second one's. */
static void the_answer_to_an_earlier_lookup_comes_too_late(void)
{
	static const struct client_target hosts[] = { { "one.hsmlet.test", 2310, 0 }, { "two.hsmlet.test", 2310, 0 } };
	struct world_client *other;
	const char *first;

	begin(4, 2);
	for (uint8_t i = 0; i < HL_COUNT(hosts); i++) {
		struct hl_addr at = { .family = HL_INET, .ip = { 127, 16, 0, (uint8_t)(11 + i) } };

		CU_ASSERT_EQUAL_FATAL(sim_name(w->sim, hosts[i].host, &at, 1), HL_OK);
	}
	other = knows(hosts, HL_COUNT(hosts));
	sim_enter(other->node);
	client_open(other->core);
	sim_pump(other->node);
	first = other->core->route.at->host;
	client_close(other->core);
	CU_ASSERT_EQUAL(world_open(other), HL_OK);
	CU_ASSERT_STRING_NOT_EQUAL(other->core->route.at->host, first);
	CU_ASSERT_STRING_EQUAL(other->core->failure.where,
		other->core->route.at->host == hosts[0].host ? "127.16.0.11:2310" : "127.16.0.12:2310");
	end();
}

static void what_became_of_an_opening_before_the_close_is_told_to_nobody_after_it(void)
{
	struct client_call lost = { .msg = &hl_msg_generate, .expect = &hl_msg_generated };
	struct client_call late = { .msg = &hl_msg_ping, .expect = &hl_msg_pong };
	struct hl_ping ping = { 0 };
	struct story_key k;

	begin(5, 1);
	story_key_init(&k, "lost");
	lost.body = &k.request;
	late.body = &ping;
	submit(&lost, 30000000);
	sim_kill(w->proxy[0].node);
	story_pass(w, 1000000);
	CU_ASSERT(!lost.done);
	CU_ASSERT(c->core->reopenings > 0);
	story_close(c);
	CU_ASSERT_EQUAL(outcome(&lost), HL_E_UNKNOWN);
	submit(&late, 1);
	CU_ASSERT_EQUAL(outcome(&late), HL_E_TIMEOUT);
	end();
}

static CU_TestInfo tests[] = {
	{ "more than a link holds waits for room", more_than_a_link_holds_waits_for_room },
	{ "what was lost and finds no room waits as well", what_was_lost_and_finds_no_room_waits_as_well },
	{ "an effect whose answer is not understood has an unknown outcome",
		an_effect_whose_answer_is_not_understood_has_an_unknown_outcome },
	{ "an effect that is lost with its login has an unknown outcome",
		an_effect_that_is_lost_with_its_login_has_an_unknown_outcome },
	{ "after a login a refusal of what was lost is a refusal", after_a_login_a_refusal_of_what_was_lost_is_a_refusal },
	{ "nobody is told to try again what may have happened", nobody_is_told_to_try_again_what_may_have_happened },
	{ "the answer to an earlier lookup comes too late", the_answer_to_an_earlier_lookup_comes_too_late },
	{ "what became of an opening before the close is told to nobody after it",
		what_became_of_an_opening_before_the_close_is_told_to_nobody_after_it },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("lost", tests)
