/* A login outlives its link: what the HSM gave for the PIN is shown on the next one, and is good for nothing else. */
#include "client/link_impl.h"
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

#define HOUR_MS (3600ll * 1000)

static struct world *w;
static struct world_client *c;
static struct hl_generated key;

static struct hl_bytes pin(void)
{
	return hl_secret_view(&w->user.pin);
}

static void begin(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 1, 2, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(story_log_in(c, pin()), HL_OK);
}

/* With a key that is there for who is logged in. */
static void begin_with_key(uint64_t seed)
{
	begin(seed);
	CU_ASSERT_EQUAL_FATAL(story_make_key(c, "k", &key), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

static size_t here(void)
{
	return strcmp(client_hsm(c->core), w->hsm[0].name) == 0 ? 0 : 1;
}

/* The member is killed, and started again: whatever it had in memory is gone. */
static void cut(void)
{
	size_t at = here();

	world_kill_hsm(w, at);
	CU_ASSERT_EQUAL(world_restart_hsm(w, at), HL_OK);
	story_pass(w, 1000000);
	CU_ASSERT(!client_is_open(c->core));
}

static hl_err sign(char detail[129])
{
	struct hl_sign request = { .key = key.handle, .mechanism = HL_CKM_ECDSA_SHA256, .data = hl_text("a text") };
	struct client_call call;
	struct hl_signed made;
	hl_err err = world_call(c, &hl_msg_sign, &request, &hl_msg_signed, &made, &call);

	if (detail)
		memcpy(detail, call.failure.detail, sizeof call.failure.detail);
	hl_buf_clear(&call.frame);
	return err;
}

static hl_err show(struct world_client *by, struct hl_bytes ticket, char detail[129])
{
	struct hl_login_ticket request = { .ticket = ticket };
	struct client_call call;
	struct hl_logged_in in;
	hl_err err = world_call(by, &hl_msg_login_ticket, &request, &hl_msg_logged_in, &in, &call);

	if (detail)
		memcpy(detail, call.failure.detail, sizeof call.failure.detail);
	hl_buf_clear(&call.frame);
	return err;
}

static struct hl_bytes ticket(void)
{
	return hl_bytes(c->core->ticket.p, c->core->ticket_n);
}

/* -- it goes on ----------------------------------------------------------------------------------------- */

static void a_signature_goes_on_without_another_pin(void)
{
	begin_with_key(1);
	for (int i = 0; i < 5; i++) {
		cut();
		CU_ASSERT_EQUAL(sign(NULL), HL_OK);
		CU_ASSERT(client_logged_in(c->core));
	}
	end();
}

static void it_goes_on_at_the_other_member(void)
{
	size_t at;

	begin_with_key(2);
	at = here();
	world_kill_hsm(w, at);
	CU_ASSERT_EQUAL(sign(NULL), HL_OK);
	CU_ASSERT_NOT_EQUAL(here(), at);
	end();
}

/* The request was on its way: it is sent again behind the ticket. */
static void a_signature_that_was_cut_off_is_made(void)
{
	const struct hl_fault once = { HL_FAULT_CUT, 0 };

	begin_with_key(3);
	sim_fault(w->hsm[here()].node, HL_AT_HSM_REQUEST, &once, 0, 1);
	CU_ASSERT_EQUAL(sign(NULL), HL_OK);
	end();
}

/* The ticket itself is lost with its link, again and again. */
static void a_ticket_that_is_cut_off_is_shown_again(void)
{
	const struct hl_fault often = { HL_FAULT_CUT, 0 };

	begin_with_key(4);
	cut();
	for (size_t i = 0; i < w->hsms; i++)
		sim_fault(w->hsm[i].node, HL_AT_HSM_REQUEST, &often, 0, 1);
	CU_ASSERT_EQUAL(sign(NULL), HL_OK);
	end();
}

/* Else anybody who may connect could end everybody's login. */
static void a_locked_pin_does_not_matter_to_who_was_logged_in(void)
{
	struct world_client *other;

	begin_with_key(5);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &other), HL_OK);
	CU_ASSERT_EQUAL(world_open(other), HL_OK);
	for (int i = 0; i < HSM_LOGIN_FAILURES; i++)
		CU_ASSERT_EQUAL(story_log_in(other, hl_text("wrong")), HL_E_PIN);
	CU_ASSERT_EQUAL(story_log_in(other, pin()), HL_E_PIN_LOCKED);
	cut();
	CU_ASSERT_EQUAL(sign(NULL), HL_OK);
	end();
}

/* -- it ends -------------------------------------------------------------------------------------------- */

static void refused_for(const char *why)
{
	uint8_t copy[HL_LOGIN_TICKET];
	struct hl_bytes old = hl_bytes(copy, ticket().n);
	char detail[129];

	memcpy(copy, ticket().p, ticket().n);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	CU_ASSERT(!client_logged_in(c->core));
	CU_ASSERT_EQUAL(show(c, old, detail), HL_E_LOGIN);
	CU_ASSERT_STRING_EQUAL(detail, why);
}

static void it_ends_after_a_day_but_not_on_an_open_link(void)
{
	begin_with_key(6);
	sim_wall_advance(w->sim, 24 * HOUR_MS);
	cut();
	refused_for("the login ticket has expired");
	CU_ASSERT_EQUAL(sign(NULL), HL_E_KEY);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	sim_wall_advance(w->sim, 30 * HOUR_MS);
	CU_ASSERT_EQUAL(sign(NULL), HL_OK);
	cut(); /* with the answer came a new one */
	CU_ASSERT_EQUAL(sign(NULL), HL_OK);
	end();
}

static void it_is_good_to_its_last_minute(void)
{
	begin_with_key(7);
	sim_wall_advance(w->sim, 24 * HOUR_MS - 60000);
	cut();
	CU_ASSERT_EQUAL(sign(NULL), HL_OK);
	end();
}

static void who_works_keeps_it_for_days(void)
{
	uint8_t first[HL_LOGIN_TICKET];

	begin_with_key(8);
	memcpy(first, ticket().p, ticket().n);
	sim_wall_advance(w->sim, 11 * HOUR_MS);
	CU_ASSERT_EQUAL(sign(NULL), HL_OK);
	CU_ASSERT_EQUAL(memcmp(first, ticket().p, ticket().n), 0);
	for (int i = 0; i < 7; i++) {
		sim_wall_advance(w->sim, 13 * HOUR_MS);
		if (i % 2)
			cut(); /* the new one comes with the answer to the old one */
		CU_ASSERT_EQUAL(sign(NULL), HL_OK);
		CU_ASSERT_NOT_EQUAL(memcmp(first, ticket().p, ticket().n), 0);
	}
	end();
}

/* A partition without keys can be renewed, and has another PIN then. */
static void renew(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf made = hl_buf(HL_FRAME_MAX);
	struct hl_partition_make make = { .partition = hl_text("ACMEPARTONE"), .setup_life_ms = 604800000,
		.pin_wanted = 1, .pin = hl_text("87654321") };
	struct hl_frame f;

	hl_msg_put(&made, &hl_msg_partition_make, 4711, &make);
	CU_ASSERT_EQUAL_FATAL(hl_frame_peek(hl_buf_view(&made), HL_FRAME_MAX, &f), HL_OK);
	sim_enter(w->hsm[0].node);
	hsm_partition_make(w->hsm[0].core, &f);
	sim_pump(w->hsm[0].node);
	story_pass(w, 1000000);
}

static void another_pin_ends_it(void)
{
	begin(9);
	renew();
	cut();
	refused_for("the PIN or the secret was changed after the login");
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_E_LOGIN);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_E_PIN);
	CU_ASSERT_EQUAL(story_log_in(c, hl_text("87654321")), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	cut();
	CU_ASSERT_EQUAL(sign(NULL), HL_OK);
	end();
}

/* What an open link is given after the change is as old as its login. */
static void another_pin_is_not_got_round_by_a_renewal(void)
{
	begin(10);
	renew();
	sim_wall_advance(w->sim, 13 * HOUR_MS);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	cut();
	refused_for("the PIN or the secret was changed after the login");
	end();
}

static void raise_secret_generation(void)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	struct hsm_change change = { 0 };
	struct hsm_partition p;

	CU_ASSERT_EQUAL_FATAL(hsm_partition_load(w->hsm[0].core, hl_text("ACMEPARTONE"), &p), HL_OK);
	p.row.secret_generation++;
	CU_ASSERT_EQUAL(hsm_change_partition(w->hsm[0].core, &change, &p), HL_OK);
	change.commit.put = change.put;
	store.ops->prepare(store.at, &change.commit);
	change.commit.job.run(&change.commit.job);
	CU_ASSERT_EQUAL(change.commit.result, HL_OK);
	hsm_change_reset(&change);
	hsm_partition_clear(&p);
}

static void another_secret_ends_it(void)
{
	begin_with_key(11);
	raise_secret_generation();
	CU_ASSERT_EQUAL(sign(NULL), HL_OK); /* the link outlives that */
	cut();
	c->core->conf.generation++;
	refused_for("the PIN or the secret was changed after the login");
	CU_ASSERT_EQUAL(sign(NULL), HL_E_KEY);
	end();
}

/* Who waited through a lost link learns why there was nothing. */
static void a_request_that_was_lost_with_its_login_says_so(void)
{
	const struct hl_fault once = { HL_FAULT_CUT, 0 };
	char detail[129];

	begin_with_key(12);
	raise_secret_generation();
	c->core->conf.generation++;
	sim_fault(w->hsm[here()].node, HL_AT_HSM_REQUEST, &once, 0, 1);
	CU_ASSERT_EQUAL(sign(detail), HL_E_KEY);
	CU_ASSERT_STRING_EQUAL(detail, "the login ended with the link that broke");
	end();
}

/* -- it is wiped ----------------------------------------------------------------------------------------- */

static bool is_wiped(void)
{
	for (size_t i = 0; i < c->core->ticket.n; i++)
		if (c->core->ticket.p[i])
			return false;
	return c->core->ticket.n > 0 && !client_logged_in(c->core);
}

static void a_logout_wipes_it_and_what_comes_after_that_is_not_kept(void)
{
	begin_with_key(13);
	sim_wall_advance(w->sim, 13 * HOUR_MS); /* before the answer to the logout comes a new ticket */
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT(is_wiped());
	CU_ASSERT_EQUAL(sign(NULL), HL_E_KEY);
	cut();
	CU_ASSERT_EQUAL(sign(NULL), HL_E_KEY);
	end();
}

static void a_logout_whose_link_is_gone_is_a_logout(void)
{
	begin_with_key(14);
	cut();
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT(is_wiped());
	CU_ASSERT_EQUAL(sign(NULL), HL_E_KEY);
	end();
}

static void a_link_that_is_closed_takes_it_along(void)
{
	begin_with_key(15);
	story_close(c);
	CU_ASSERT(is_wiped());
	CU_ASSERT_EQUAL(sign(NULL), HL_E_KEY);
	end();
}

static void a_child_of_a_fork_wipes_it(void)
{
	begin(16);
	client_abandon(c->core);
	for (size_t i = 0; i < c->core->ticket.n; i++)
		CU_ASSERT_EQUAL(c->core->ticket.p[i], 0);
	end();
}

/* -- it is nothing else ----------------------------------------------------------------------------------- */

static void a_ticket_of_another_partition_is_refused(void)
{
	struct world_client *other;
	char detail[129];

	begin(17);
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "other", "otherservice", "OTHERPART", NULL), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &other), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(other), HL_OK);
	CU_ASSERT_EQUAL(show(other, ticket(), detail), HL_E_LOGIN);
	CU_ASSERT_STRING_EQUAL(detail, "no login ticket of this partition");
	CU_ASSERT_EQUAL(story_make_key(other, "k", &key), HL_E_LOGIN);
	end();
}

static void a_ticket_that_is_altered_cut_or_longer_is_refused(void)
{
	uint8_t whole[HL_LOGIN_TICKET] = { 0 };
	size_t n;

	begin(18);
	n = ticket().n;
	CU_ASSERT_FATAL(n < sizeof whole);
	memcpy(whole, ticket().p, n);
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	for (size_t i = 0; i < n; i++) {
		whole[i] ^= (uint8_t)(1u << i % 8);
		CU_ASSERT_EQUAL(show(c, hl_bytes(whole, n), NULL), HL_E_LOGIN);
		whole[i] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t i = 1; i < n; i++)
		CU_ASSERT_EQUAL(show(c, hl_bytes(whole, i), NULL), HL_E_LOGIN);
	CU_ASSERT_EQUAL(show(c, hl_bytes(whole, n + 1), NULL), HL_E_LOGIN);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_E_LOGIN);
	CU_ASSERT_EQUAL(show(c, hl_bytes(whole, n), NULL), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	end();
}

/* The secret is not known to whoever has the setup password. */
static void a_ticket_opens_nothing_on_a_setup_channel(void)
{
	struct world_client *setup;

	begin(19);
	CU_ASSERT_EQUAL_FATAL(world_setup_client(w, &setup), HL_OK);
	CU_ASSERT_EQUAL(world_open(setup), HL_OK);
	CU_ASSERT_EQUAL(show(setup, ticket(), NULL), HL_E_SETUP_ONLY);
	end();
}

static CU_TestInfo tests[] = {
	{ "a signature goes on without another PIN", a_signature_goes_on_without_another_pin },
	{ "it goes on at the other member", it_goes_on_at_the_other_member },
	{ "a signature that was cut off is made", a_signature_that_was_cut_off_is_made },
	{ "a ticket that is cut off is shown again", a_ticket_that_is_cut_off_is_shown_again },
	{ "a locked PIN does not matter to who was logged in", a_locked_pin_does_not_matter_to_who_was_logged_in },
	{ "it ends after a day, but not on an open link", it_ends_after_a_day_but_not_on_an_open_link },
	{ "it is good to its last minute", it_is_good_to_its_last_minute },
	{ "who works keeps it for days", who_works_keeps_it_for_days },
	{ "another PIN ends it", another_pin_ends_it },
	{ "another PIN is not got round by a renewal", another_pin_is_not_got_round_by_a_renewal },
	{ "another secret ends it", another_secret_ends_it },
	{ "a request that was lost with its login says so", a_request_that_was_lost_with_its_login_says_so },
	{ "a logout wipes it, and what comes after that is not kept",
		a_logout_wipes_it_and_what_comes_after_that_is_not_kept },
	{ "a logout whose link is gone is a logout", a_logout_whose_link_is_gone_is_a_logout },
	{ "a link that is closed takes it along", a_link_that_is_closed_takes_it_along },
	{ "a child of a fork wipes it", a_child_of_a_fork_wipes_it },
	{ "a ticket of another partition is refused", a_ticket_of_another_partition_is_refused },
	{ "a ticket that is altered, cut or longer is refused", a_ticket_that_is_altered_cut_or_longer_is_refused },
	{ "a ticket opens nothing on a setup channel", a_ticket_opens_nothing_on_a_setup_channel },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("logins", tests)
