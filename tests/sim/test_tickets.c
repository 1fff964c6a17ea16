/* The end of a ticket, to the millisecond of the world's wall clock, and a clock that is moved in between. */
#include "tests/sim/knock.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;
static struct knock k;
static struct speaker speaker;
static struct hl_buf shown; /* what the proxy said to the HSM */

static void tap(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	(void)at;
	if (strcmp(from, "proxy1") == 0 && strcmp(to, "hsm1") == 0)
		hl_buf_put(&shown, bytes);
}

static void begin(void)
{
	CU_ASSERT_EQUAL_FATAL(world_new(71, 1, 1, &w), HL_OK);
	knock_init(&k, w, "stranger");
	speaker = knock_speaker(w);
	shown = hl_buf(HL_BUF_MAX);
}

static void end(void)
{
	speaker_clear(&speaker);
	hl_buf_clear(&shown);
	knock_clear(&k);
	world_free(w);
}

/* The ticket's own times stand in the clear, before its MAC. */
static void take_ticket(struct hl_frame *f, struct hl_ticket *t)
{
	struct hl_hsm_open open;

	hl_buf_reset(&shown);
	sim_tap_set(w->sim, tap, NULL);
	CU_ASSERT_FATAL(knock_through_gateway(&k, &speaker));
	sim_tap_set(w->sim, NULL, NULL);
	CU_ASSERT_EQUAL_FATAL(hl_frame_peek(hl_buf_view(&shown), HL_FRAME_GATEWAY, f), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_msg_get(&hl_msg_hsm_open, f, &open), HL_OK);
	CU_ASSERT_EQUAL_FATAL(
		hl_body_get(&hl_msg_ticket, hl_bytes(open.ticket.p, open.ticket.n - HL_MAC), t), HL_OK);
}

/* Show it so many milliseconds after its end; what the HSM says. */
static hl_err shown_after_its_end(int64_t ms)
{
	struct hl_addr at = KNOCK_HSM;
	struct hl_frame ticket, f;
	struct hl_refused no;
	struct hl_ticket t;

	take_ticket(&ticket, &t);
	CU_ASSERT_EQUAL(t.expires_ms - t.issued_ms, 30000);
	CU_ASSERT_FATAL(knock_dial(&k, &at));
	/* From the beginning of a millisecond it arrives within the same one. */
	story_pass(w, 1000 - sim_now_us(w->sim) % 1000);
	sim_wall_advance(w->sim, (int64_t)t.expires_ms + ms - hl_wall_ms(sim_env(k.node)));
	knock_say(&k, ticket.whole);
	if (!knock_hear(&k, &f))
		return HL_E_CLOSED;
	if (f.type == HL_T_hsm_opened)
		return HL_OK;
	CU_ASSERT_EQUAL(hl_msg_get(&hl_msg_refused, &f, &no), HL_OK);
	CU_ASSERT_EQUAL(no.step, HL_STEP_RESULT);
	return hl_err_of_wire(no.code);
}

static void a_ticket_is_good_to_its_last_millisecond_and_not_beyond(void)
{
	static const struct {
		int64_t ms;
		hl_err err;
	} shows[] = { { -29999, HL_OK }, { -1, HL_OK }, { 0, HL_E_TICKET }, { 1, HL_E_TICKET }, { 86400000, HL_E_TICKET } };

	begin();
	for (size_t i = 0; i < HL_COUNT(shows); i++)
		CU_ASSERT_EQUAL(shown_after_its_end(shows[i].ms), shows[i].err);
	end();
}

/* In the middle of an opening the clock page moves: the ticket is on its way, and not yet read. */
struct leap {
	int64_t ms;
	unsigned leaps;
};

static void leap(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	struct leap *l = at;

	(void)bytes;
	if (strcmp(from, "proxy1") != 0 || strcmp(to, "hsm1") != 0 || l->leaps++ > 0)
		return;
	sim_wall_advance(w->sim, l->ms);
}

static void a_clock_moved_forward_between_grant_and_ticket_ends_the_ticket(void)
{
	static const struct {
		int64_t ms;
		hl_err err;
	} moved[] = { { 29000, HL_OK }, { 30001, HL_E_TICKET } };
	struct world_client *c;

	begin();
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	for (size_t i = 0; i < HL_COUNT(moved); i++) {
		struct leap l = { .ms = moved[i].ms };

		sim_tap_set(w->sim, leap, &l);
		CU_ASSERT_EQUAL(world_open(c), moved[i].err);
		sim_tap_set(w->sim, NULL, NULL);
		CU_ASSERT(l.leaps >= 1);
		if (moved[i].err != HL_OK) {
			CU_ASSERT_EQUAL(client_failed(c->core)->step, HL_STEP_RESULT);
			CU_ASSERT_EQUAL(client_failed(c->core)->attempts, 1);
		}
		story_close(c);
		CU_ASSERT_EQUAL(world_open(c), HL_OK); /* with a ticket of now */
		story_close(c);
	}
	end();
}

/* The page of used grants began anew, so nobody knows whether this one was used. */
static void a_ticket_of_before_the_cluster_began_anew_is_stale(void)
{
	struct hl_addr at = KNOCK_HSM;
	struct hl_frame ticket, f;
	struct hl_refused no;
	struct hl_ticket t;

	begin();
	take_ticket(&ticket, &t);
	hsm_page_begin(w->page, sim_env(w->hsm[0].node));
	CU_ASSERT_FATAL(knock_dial(&k, &at));
	knock_say(&k, ticket.whole);
	CU_ASSERT_FATAL(knock_hear(&k, &f));
	CU_ASSERT_EQUAL_FATAL(hl_msg_get(&hl_msg_refused, &f, &no), HL_OK);
	CU_ASSERT_EQUAL(hl_err_of_wire(no.code), HL_E_STALE);
	CU_ASSERT(no.retryable);
	end();
}

static CU_TestInfo tests[] = {
	{ "a ticket is good to its last millisecond and not beyond",
		a_ticket_is_good_to_its_last_millisecond_and_not_beyond },
	{ "a clock moved forward between grant and ticket ends the ticket",
		a_clock_moved_forward_between_grant_and_ticket_ends_the_ticket },
	{ "a ticket of before the cluster began anew is stale", a_ticket_of_before_the_cluster_began_anew_is_stale },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("tickets in the simulator", tests)
