/* What the client does by itself where a link breaks or a member is busy, and that whatever is cut, what was acknowledged is
 * there once. */
#include <stdio.h>
#include <stdlib.h>

#include "client/link_impl.h"
#include "tests/sim/spoil.h"
#include "tests/support/test.h"

static void a_busy_store_is_asked_again(void)
{
	struct hl_generated key;

	begin(18);
	spoil(CLIENT_RETRIES, HL_E_BUSY, NULL);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(spoilt.commits, CLIENT_RETRIES + 1);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 1);
	end();
}

static void a_token_made_by_a_wrong_clock_is_made_anew_once(void)
{
	struct hl_generated key;

	begin(19);
	c->core->offset_ms = 3600000;
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT(sim_traced(w->sim, "HL-0518"));
	CU_ASSERT(llabs(c->core->offset_ms) < 1000);
	raise_the_floor(); /* no time of the HSM's is above it */
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_E_TOKEN_TIME);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	end();
}

static void cut_at_requests(unsigned times)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };

	for (size_t i = 0; i < w->hsms; i++)
		sim_fault(w->hsm[i].node, HL_AT_HSM_REQUEST, &cut, 0, times);
}

static void a_request_without_an_effect_goes_on_over_a_new_link(void)
{
	struct hl_random request = { .length = 32 };
	struct hl_random_answer answer;
	struct client_call call;

	begin(20);
	cut_at_requests(3);
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_random, &request, &hl_msg_random_answer, &answer, &call), HL_OK);
	CU_ASSERT(call.losses > 0);
	hl_buf_clear(&call.frame);
	cut_at_requests(0);
	end();
}

/* A request that ends every link that carries it is not sent as fast as links can be opened. */
static void a_request_that_breaks_every_link_is_sent_with_pauses(void)
{
	struct hl_ping ping = { 0 };
	struct client_call call;
	struct hl_pong pong;

	begin(21);
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK); /* a login would be what breaks them */
	cut_at_requests(100000);
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_ping, &ping, &hl_msg_pong, &pong, &call), HL_E_TIMEOUT);
	CU_ASSERT(call.losses > 5 && call.losses < 60);
	hl_buf_clear(&call.frame);
	end();
}

static void a_login_goes_on_over_a_new_link(void)
{
	struct hl_generated key;

	begin(22);
	CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_PIN);
	story_close(c);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	cut_after_commits(1); /* of the counter that a right PIN sets back */
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	cut_after_commits(0);
	CU_ASSERT_EQUAL(failures(), 0);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	end();
}

static bool committed_somewhere(void *at)
{
	(void)at;
	return rows(HSM_TOKEN) > 0;
}

static bool both_done(void *at)
{
	struct client_call **call = at;

	return call[0]->done && call[1]->done;
}

static void submit(struct client_call *call)
{
	call->deadline_us = hl_mono_us(sim_env(c->node)) + 10000000;
	client_submit(c->core, call);
}

/* No HSM comes back: the one says so, the other has had an effect or not. */
static void without_an_answer_until_the_deadline_the_outcome_is_unknown(void)
{
	struct hl_ping ping = { 0 };
	struct client_call asking = { .msg = &hl_msg_ping, .body = &ping, .expect = &hl_msg_pong };
	struct creation k;
	struct client_call *both[] = { &k.call, &asking };
	int64_t begun;

	begin(23);
	creation(&k, "maybe");
	begun = sim_now_us(w->sim);
	submit(&k.call);
	sim_pump(c->node);
	CU_ASSERT(sim_run(w->sim, committed_somewhere, NULL, 1000000));
	submit(&asking);
	sim_pump(c->node);
	for (size_t i = 0; i < w->hsms; i++)
		sim_kill(w->hsm[i].node);
	CU_ASSERT(sim_run(w->sim, both_done, both, 60000000));
	CU_ASSERT(sim_now_us(w->sim) - begun >= 9000000);
	CU_ASSERT_EQUAL(k.call.err, HL_E_UNKNOWN);
	CU_ASSERT(asking.err == HL_E_HSMS || asking.err == HL_E_DIRECTORY);
	creation_clear(&k);
	hl_buf_clear(&asking.frame);
	end();
}

/* -- random cuts ---------------------------------------------------------------------------------------- */

#define SEEDS 100
#define KEYS 10

static uint32_t draw(uint32_t below)
{
	uint32_t n;

	hl_random(sim_env(w->admin), &n, sizeof n);
	return n % below;
}

/* Something goes wrong with every other request: before it is read, after its commit, or somewhere on the way. */
static void harm_something(struct sim_harm *harm)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };
	enum hl_point at = draw(2) ? HL_AT_HSM_COMMITTED : HL_AT_HSM_REQUEST;

	sim_harm(w->sim, NULL);
	switch (draw(4)) {
	case 0:
		for (size_t i = 0; i < w->hsms; i++)
			sim_fault(w->hsm[i].node, at, &cut, draw(2), 1);
		break;
	case 1:
		*harm = (struct sim_harm){ "client2", w->proxy[draw(3)].name, draw(2) ? SIM_FORTH : SIM_BACK,
			(int64_t)draw(3000), -1, 0 };
		sim_harm(w->sim, harm);
		story_close(c); /* it is for new connections */
		break;
	default:
		break;
	}
}

/* As an application does it: log in where that is needed, and ask again with the same call. */
static hl_err create_stubbornly(struct creation *k)
{
	hl_err err = HL_E_LOGIN;

	for (int i = 0; i < 20 && err != HL_OK; i++) {
		if (err == HL_E_LOGIN || err == HL_E_UNKNOWN)
			(void)story_log_in(c, pin());
		err = create(k);
		sim_harm(w->sim, NULL);
	}
	return err;
}

static void check_key(unsigned i, bool acknowledged, const struct hl_generated *made)
{
	char label[16];
	size_t n;

	snprintf(label, sizeof label, "key %u", i);
	CU_ASSERT_EQUAL(story_count(c, label, &n), HL_OK);
	CU_ASSERT(n == 2 || (n == 0 && !acknowledged));
	if (acknowledged)
		CU_ASSERT_EQUAL(story_sign_and_verify(c, made), HL_OK);
}

static unsigned create_ten(uint64_t seed)
{
	struct hl_generated made[KEYS];
	bool acknowledged[KEYS];
	struct sim_harm harm;
	struct creation k;
	char label[16];
	unsigned lost = 0;

	begin(1000 + seed);
	for (unsigned i = 0; i < KEYS; i++) {
		snprintf(label, sizeof label, "key %u", i);
		creation(&k, label);
		harm_something(&harm);
		acknowledged[i] = create_stubbornly(&k) == HL_OK;
		made[i] = k.made;
		lost += k.call.lost;
		creation_clear(&k);
	}
	sim_harm(w->sim, NULL);
	cut_after_commits(0);
	cut_at_requests(0);
	story_close(c); /* this link may still be one that is to be cut */
	log_in();
	for (unsigned i = 0; i < KEYS; i++) {
		CU_ASSERT(acknowledged[i]);
		check_key(i, acknowledged[i], &made[i]);
	}
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2 * KEYS);
	end();
	return lost;
}

static void what_was_acknowledged_is_there_once_whatever_was_cut(void)
{
	unsigned lost = 0, worlds = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed += hl_test_stride(), worlds++)
		lost += create_ten(seed);
	CU_ASSERT(lost > worlds); /* the cuts did hit */
}

static CU_TestInfo tests[] = {
	{ "a busy store is asked again", a_busy_store_is_asked_again },
	{ "a token made by a wrong clock is made anew, once", a_token_made_by_a_wrong_clock_is_made_anew_once },
	{ "a request without an effect goes on over a new link", a_request_without_an_effect_goes_on_over_a_new_link },
	{ "a request that breaks every link is sent with pauses", a_request_that_breaks_every_link_is_sent_with_pauses },
	{ "a login goes on over a new link", a_login_goes_on_over_a_new_link },
	{ "without an answer until the deadline the outcome is unknown", without_an_answer_until_the_deadline_the_outcome_is_unknown },
	{ "what was acknowledged is there once, whatever was cut", what_was_acknowledged_is_there_once_whatever_was_cut },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("retries", tests)
