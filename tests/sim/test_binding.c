/* What was said on one connection is bound to it: said again, elsewhere, by another, or mixed with that of another
 * connection it is worth nothing. */
#include "tests/sim/knock.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;
static struct world_client *client;
static struct knock k;
static struct speaker speaker;
static struct hl_channel_ctx *ctx;
static struct hl_buf shown[2]; /* what the proxies said to hsm1, hsm2 */

static void tap(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	(void)at;
	if (strncmp(from, "proxy", 5) == 0 && strncmp(to, "hsm", 3) == 0)
		hl_buf_put(&shown[to[3] - '1'], bytes);
}

static void begin(uint64_t seed, size_t proxies, size_t hsms)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, proxies, hsms, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &client), HL_OK);
	knock_init(&k, w, "stranger");
	sim_enter(k.node);
	CU_ASSERT_EQUAL_FATAL(hl_channel_ctx_new(&ctx), HL_OK);
	speaker = knock_speaker(w);
	shown[0] = shown[1] = hl_buf(HL_BUF_MAX);
	story_pass(w, 1000000);
}

static void end(void)
{
	hl_channel_ctx_free(ctx);
	speaker_clear(&speaker);
	hl_buf_clear(&shown[0]);
	hl_buf_clear(&shown[1]);
	knock_clear(&k);
	world_free(w);
}

/* Through the gateway, and what went to the HSMs; which of them it was, 0 or 1. */
static unsigned let_in(void)
{
	hl_buf_reset(&shown[0]);
	hl_buf_reset(&shown[1]);
	sim_tap_set(w->sim, tap, NULL);
	CU_ASSERT_FATAL(knock_through_gateway(&k, &speaker));
	return shown[0].n > 0 ? 0 : 1;
}

static struct hl_channel *channel_of(const struct speaker *s)
{
	struct hl_channel *c = NULL;

	sim_enter(k.node);
	CU_ASSERT_EQUAL_FATAL(speaker_channel(s, ctx, HL_CHANNEL_USER, client->conf.generation, client->conf.secret, &c),
		HL_OK);
	return c;
}

static hl_err code_in_clear(void)
{
	struct hl_refused no;
	struct hl_frame f;

	if (!knock_hear(&k, &f))
		return HL_E_CLOSED;
	if (f.type != HL_T_refused)
		return HL_OK;
	return hl_msg_get(&hl_msg_refused, &f, &no) == HL_OK ? hl_err_of_wire(no.code) : HL_E_BUG;
}

/* -- replays ------------------------------------------------------------------------------------------------ */

static hl_err said_again_at_proxy(uint8_t last)
{
	struct hl_addr at = knock_at(last, 2310);
	struct hl_frame f;

	CU_ASSERT_FATAL(knock_dial(&k, &at));
	knock_say(&k, hl_buf_view(&speaker.hello));
	knock_say(&k, hl_buf_view(&speaker.answer));
	CU_ASSERT_FATAL(knock_hear(&k, &f) && f.type == HL_T_auth_request);
	knock_eat(&k, &f);
	return code_in_clear();
}

static hl_err shown_to_hsm(uint8_t last, struct hl_bytes bytes)
{
	struct hl_addr at = knock_at(last, 2400);

	CU_ASSERT_FATAL(knock_dial(&k, &at));
	knock_say(&k, bytes);
	return code_in_clear();
}

#define SESSIONS 100

/* A whole session, with a request inside, and then every part of it once more. */
static void one_session(void)
{
	unsigned hsm = let_in();
	struct hl_channel *c = channel_of(&speaker);
	struct hl_buf recorded;
	struct hl_ping ping = { 0 };
	struct hl_frame f, ticket;

	CU_ASSERT(knock_shake(&k, c) && knock_hear_inside(&k, c, &f));
	knock_say_inside(&k, c, &hl_msg_ping, 1, &ping);
	CU_ASSERT(knock_hear_inside(&k, c, &f) && f.type == HL_T_pong);
	sim_tap_set(w->sim, NULL, NULL);
	hl_channel_free(c);
	knock_hang_up(&k);
	recorded = shown[hsm];
	CU_ASSERT_EQUAL_FATAL(hl_frame_peek(hl_buf_view(&recorded), HL_FRAME_GATEWAY, &ticket), HL_OK);

	CU_ASSERT_EQUAL(said_again_at_proxy(11), HL_E_SCRAM);
	CU_ASSERT_EQUAL(said_again_at_proxy(12), HL_E_SCRAM);
	CU_ASSERT_EQUAL(shown_to_hsm((uint8_t)(32 - hsm), ticket.whole), HL_E_TICKET);
	/* At its own HSM it opens until its time is over, and then the handshake is what does not come about. */
	CU_ASSERT_EQUAL(shown_to_hsm((uint8_t)(31 + hsm), hl_buf_view(&recorded)), HL_OK);
	CU_ASSERT(knock_ended_after(&k) >= 0);
	CU_ASSERT_EQUAL(hsm_channels(w->hsm[0].core) + hsm_channels(w->hsm[1].core), 0);
}

static void a_recorded_session_is_worth_nothing_at_any_proxy_or_hsm(void)
{
	begin(81, 2, 2);
	for (size_t i = 0; i < SESSIONS; i += hl_test_stride())
		one_session();
	CU_ASSERT_EQUAL(world_open(client), HL_OK);
	end();
}

/* -- mixtures -------------------------------------------------------------------------------------------------- */

/* Both were granted, to the same user for the same partition, and the secret is known: only B differs. */
static void a_ticket_does_not_carry_the_channel_of_another_connection(void)
{
	struct hl_addr at = KNOCK_HSM;
	struct speaker first;
	struct hl_channel *c;
	struct hl_frame f;

	begin(82, 1, 1);
	let_in();
	c = channel_of(&speaker);
	first = speaker;
	speaker = knock_speaker(w);
	let_in();
	sim_tap_set(w->sim, NULL, NULL);
	CU_ASSERT_EQUAL_FATAL(hl_frame_peek(hl_buf_view(&shown[0]), HL_FRAME_GATEWAY, &f), HL_OK);
	CU_ASSERT_FATAL(knock_dial(&k, &at));
	knock_say(&k, f.whole);
	CU_ASSERT_FATAL(knock_hear(&k, &f) && f.type == HL_T_hsm_opened);
	knock_eat(&k, &f);
	CU_ASSERT(!knock_shake(&k, c));
	CU_ASSERT_EQUAL(hsm_channels(w->hsm[0].core), 0);
	hl_channel_free(c);
	/* Its own channel does, on the same ticket. */
	c = channel_of(&speaker);
	CU_ASSERT_EQUAL_FATAL(hl_frame_peek(hl_buf_view(&shown[0]), HL_FRAME_GATEWAY, &f), HL_OK);
	CU_ASSERT_FATAL(knock_dial(&k, &at));
	knock_say(&k, f.whole);
	CU_ASSERT_FATAL(knock_hear(&k, &f));
	knock_eat(&k, &f);
	CU_ASSERT(knock_shake(&k, c));
	hl_channel_free(c);
	speaker_clear(&first);
	end();
}

/* The proof is over a=, the ticket is for the field: whoever changes one of them on the way is found out. */
static void a_proof_for_one_partition_does_not_serve_another(void)
{
	struct hl_addr at = KNOCK_PROXY;
	struct hl_frame f;
	uint8_t *name;

	begin(83, 1, 1);
	speaker_hello(&speaker);
	name = memmem(speaker.hello.base + speaker.hello.off, speaker.hello.n, "ACMEPARTONE", 11);
	CU_ASSERT_PTR_NOT_NULL_FATAL(name);
	memcpy(name, "ACMEPARTTWO", 11);
	CU_ASSERT_FATAL(knock_dial(&k, &at));
	knock_say(&k, hl_buf_view(&speaker.hello));
	CU_ASSERT_FATAL(knock_hear(&k, &f));
	CU_ASSERT_EQUAL_FATAL(speaker_answer(&speaker, &f), HL_OK);
	knock_eat(&k, &f);
	knock_say(&k, hl_buf_view(&speaker.answer));
	CU_ASSERT_EQUAL(code_in_clear(), HL_E_SCRAM);
	end();
}

/* -- hostile proxies --------------------------------------------------------------------------------------------- */

/* A proxy with its own link, which asks about what was said at another: the frames are those of the speaker. */
static hl_err asked_by(const char *link, const uint8_t key[32], const char *says)
{
	struct hl_dir_query query = {
		.hello = hl_buf_view(&speaker.hello),
		.request = hl_buf_view(&speaker.request),
		.answer = hl_buf_view(&speaker.answer),
		.peer = hl_text("127.0.0.1:40000"),
		.proxy = hl_text(says),
	};
	struct hl_channel *c = knock_link(&k, ctx, HL_ROLE_PROXY, link, key);
	struct hl_dir_refused no;
	struct hl_frame f;
	hl_err err = HL_E_CLOSED;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	knock_say_inside(&k, c, &hl_msg_dir_query, 1, &query);
	if (knock_hear_inside(&k, c, &f))
		err = hl_msg_get(&hl_msg_dir_refused, &f, &no) == HL_OK ? hl_err_of_wire(no.code) : HL_OK;
	hl_channel_free(c);
	return err;
}

static void a_proof_that_was_granted_is_granted_to_nobody_else(void)
{
	begin(84, 2, 1);
	let_in();
	sim_tap_set(w->sim, NULL, NULL);
	/* The same proxy may ask again, where its link broke: with the client's address as it saw it. */
	CU_ASSERT_EQUAL(asked_by("proxy1", w->link_key[0], "proxy1"), HL_OK);
	CU_ASSERT_EQUAL(asked_by("proxy2", w->link_key[1], "proxy2"), HL_E_SERVICE_AUTH);
	end();
}

/* What a directory has granted it forgets one day, and by then no nonce of that time is good any more. */
static void a_proof_of_two_epochs_ago_is_granted_to_nobody(void)
{
	begin(88, 2, 1);
	let_in();
	sim_tap_set(w->sim, NULL, NULL);
	story_pass(w, 100 * 1000000ll);
	CU_ASSERT_EQUAL(asked_by("proxy1", w->link_key[0], "proxy1"), HL_E_EPOCH);
	CU_ASSERT_EQUAL(asked_by("proxy2", w->link_key[1], "proxy2"), HL_E_EPOCH);
	end();
}

static void a_proxy_cannot_ask_in_the_name_of_another(void)
{
	begin(85, 2, 1);
	let_in();
	sim_tap_set(w->sim, NULL, NULL);
	CU_ASSERT_EQUAL(asked_by("proxy2", w->link_key[1], "proxy1"), HL_E_ARG);
	end();
}

static void a_members_secret_is_good_for_that_member_alone(void)
{
	begin(86, 2, 1);
	CU_ASSERT_PTR_NULL(knock_link(&k, ctx, HL_ROLE_PROXY, "proxy2", w->link_key[0]));
	CU_ASSERT_PTR_NULL(knock_link(&k, ctx, HL_ROLE_HSM, "proxy1", w->link_key[0]));
	CU_ASSERT_PTR_NULL(knock_link(&k, ctx, HL_ROLE_HSM, "hsm1", w->link_key[0]));
	CU_ASSERT_PTR_NULL(knock_link(&k, ctx, HL_ROLE_PROXY, "proxy9", w->link_key[0]));
	end();
}

static CU_TestInfo tests[] = {
	{ "a recorded session is worth nothing at any proxy or HSM",
		a_recorded_session_is_worth_nothing_at_any_proxy_or_hsm },
	{ "a ticket does not carry the channel of another connection",
		a_ticket_does_not_carry_the_channel_of_another_connection },
	{ "a proof for one partition does not serve another", a_proof_for_one_partition_does_not_serve_another },
	{ "a proof that was granted is granted to nobody else", a_proof_that_was_granted_is_granted_to_nobody_else },
	{ "a proof of two epochs ago is granted to nobody", a_proof_of_two_epochs_ago_is_granted_to_nobody },
	{ "a proxy cannot ask in the name of another", a_proxy_cannot_ask_in_the_name_of_another },
	{ "a member's secret is good for that member alone", a_members_secret_is_good_for_that_member_alone },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("binding in the simulator", tests)
