/* Effects happen once: what becomes of requests that are sent again. */
#include "client/link_impl.h"
#include "tests/sim/effect.h"
#include "tests/support/test.h"

static void retried_creation(bool at_the_other)
{
	struct hl_generated first;
	struct creation k;

	creation(&k, "once");
	cut_after_commits(1);
	CU_ASSERT_EQUAL(create(&k), HL_OK); /* sent again by the client, which took its login along */
	CU_ASSERT(k.call.lost);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	cut_after_commits(0);
	first = k.made;
	move(at_the_other);
	CU_ASSERT_EQUAL(create(&k), HL_OK);
	CU_ASSERT_EQUAL(k.made.handle, first.handle);
	CU_ASSERT_EQUAL(k.made.public_handle, first.public_handle);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &first), HL_OK);
	creation_clear(&k);
}

static void a_creation_retried_at_the_same_member_makes_one_pair(void)
{
	begin(1);
	retried_creation(false);
	end();
}

static void a_creation_retried_at_the_other_member_makes_one_pair(void)
{
	begin(2);
	retried_creation(true);
	end();
}

static void a_retry_needs_its_permissions(void)
{
	struct creation k;

	begin(3);
	creation(&k, "mine");
	CU_ASSERT_EQUAL(create(&k), HL_OK);
	story_close(c);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(create(&k), HL_E_UNKNOWN); /* refused for want of a login, which does not undo it */
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(create(&k), HL_OK);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	creation_clear(&k);
	end();
}

static void changes_and_destructions_happen_once(void)
{
	struct hl_attribute label = { HL_CKA_LABEL, HL_FORM_BYTES, hl_text("second") };
	struct hl_attributes_set set = { .attributes = { .items = &label, .count = 1 } };
	struct client_call setting = { .msg = &hl_msg_attributes_set, .body = &set, .expect = &hl_msg_done };
	struct hl_destroy destroy = { 0 };
	struct client_call ending = { .msg = &hl_msg_destroy, .body = &destroy, .expect = &hl_msg_done };
	struct hl_generated key;
	struct hl_done done;
	size_t n;

	begin(4);
	CU_ASSERT_EQUAL(story_make_key(c, "first", &key), HL_OK);
	set.handle = destroy.handle = key.handle;
	CU_ASSERT_EQUAL(story_send(c, &setting, &done), HL_OK);
	label.value = hl_text("third");
	setting.token_made = false; /* another request */
	CU_ASSERT_EQUAL(story_send(c, &setting, &done), HL_OK);
	CU_ASSERT_EQUAL(story_count(c, "third", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(story_send(c, &ending, &done), HL_OK);
	CU_ASSERT_EQUAL(story_send(c, &ending, &done), HL_OK); /* it is gone, and was asked for by this very request */
	CU_ASSERT_EQUAL(story_send(c, &setting, &done), HL_OK);
	ending.token_made = setting.token_made = false;
	CU_ASSERT_EQUAL(story_send(c, &ending, &done), HL_E_KEY);
	CU_ASSERT_EQUAL(story_send(c, &setting, &done), HL_E_KEY);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 1);
	hl_buf_clear(&setting.frame);
	hl_buf_clear(&ending.frame);
	end();
}

static void one_token_does_not_serve_two_requests(void)
{
	struct hl_destroy destroy = { 0 };
	struct client_call ending = { .msg = &hl_msg_destroy, .body = &destroy, .expect = &hl_msg_done };
	struct creation k, other;
	struct hl_done done;

	begin(5);
	creation(&k, "this");
	creation(&other, "that");
	CU_ASSERT_EQUAL(create(&k), HL_OK);
	memcpy(other.call.token, k.call.token, HL_TOKEN);
	other.call.token_made = true;
	CU_ASSERT_EQUAL(create(&other), HL_E_TOKEN);
	destroy.handle = k.made.handle;
	memcpy(ending.token, k.call.token, HL_TOKEN);
	ending.token_made = true;
	CU_ASSERT_EQUAL(story_send(c, &ending, &done), HL_E_TOKEN);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &k.made), HL_OK);
	creation_clear(&k);
	creation_clear(&other);
	hl_buf_clear(&ending.frame);
	end();
}

/* Tokens that differ and would stand in one row: the later one is refused, not taken for the first. */
static void two_tokens_that_meet_in_one_row_are_told_apart(void)
{
	struct creation k, other;

	begin(6);
	creation(&k, "same");
	creation(&other, "same");
	set_token(&k.call, now_ms(), 7);
	CU_ASSERT_EQUAL(create(&k), HL_OK);
	memcpy(other.call.token, k.call.token, HL_TOKEN);
	other.call.token[HL_TOKEN - 1] ^= 1;
	other.call.token_made = true;
	CU_ASSERT_EQUAL(create(&other), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	creation_clear(&k);
	creation_clear(&other);
	end();
}

static void tokens_are_of_their_partition(void)
{
	struct creation k, other;

	begin(7);
	creation(&k, "same");
	CU_ASSERT_EQUAL(create(&k), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "globex", "globexservice", "GLOBEXPART", NULL), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	log_in();
	creation(&other, "same");
	memcpy(other.call.token, k.call.token, HL_TOKEN);
	other.call.token_made = true;
	CU_ASSERT_EQUAL(create(&other), HL_OK);
	CU_ASSERT_NOT_EQUAL(other.made.handle, k.made.handle);
	creation_clear(&k);
	creation_clear(&other);
	end();
}

/* -- time ----------------------------------------------------------------------------------------------- */

static void a_token_of_the_future_or_of_yesterday_is_refused(void)
{
	begin(8);
	CU_ASSERT_EQUAL(create_at(now_ms() + 61000, 1), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(create_at(now_ms() - 86400001, 2), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(create_at(0, 3), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(create_at(INT64_MAX, 4), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(create_at(-1, 5), HL_E_UNKNOWN);
	CU_ASSERT(sim_traced(w->sim, "HL-0518"));
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 0);
	CU_ASSERT_EQUAL(create_at(now_ms() + 59000, 6), HL_OK);
	CU_ASSERT_EQUAL(create_at(now_ms() - 86390000, 7), HL_OK);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 4);
	end();
}

static void an_old_token_in_the_table_is_answered_until_the_next_effect(void)
{
	struct hl_generated key;
	struct creation k;
	int64_t made_ms;

	begin(9);
	creation(&k, "old");
	CU_ASSERT_EQUAL(create(&k), HL_OK);
	made_ms = now_ms();
	sim_wall_advance(w->sim, 25 * 3600000);
	CU_ASSERT_EQUAL(create(&k), HL_OK);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 1);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK); /* the time in its answer sets the client's clock right */
	CU_ASSERT_EQUAL(story_make_key(c, "new", &key), HL_OK);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 1);
	CU_ASSERT(floor_ms() <= made_ms && floor_ms() > made_ms - 1000);
	CU_ASSERT_EQUAL(create(&k), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 4);
	creation_clear(&k);
	end();
}

static void eviction_raises_the_floor(void)
{
	struct hl_generated key;
	struct creation first;
	int64_t floor;

	begin(10);
	for (size_t i = 0; i < w->hsms; i++)
		w->hsm[i].core->conf.tokens_max = 5;
	creation(&first, "first");
	CU_ASSERT_EQUAL(create(&first), HL_OK);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 5);
	CU_ASSERT_EQUAL(floor_ms(), 0);
	CU_ASSERT_EQUAL(create(&first), HL_OK);
	for (int i = 0; i < 20; i++) {
		if (i % 5 == 0)
			move(true);
		CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
		CU_ASSERT(rows(HSM_TOKEN) <= 5);
	}
	floor = floor_ms();
	CU_ASSERT(floor > 0);
	CU_ASSERT_EQUAL(create(&first), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(create_at(floor - 1, 1), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(create_at(floor, 2), HL_OK);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2 * 26);
	creation_clear(&first);
	end();
}

/* -- the PIN -------------------------------------------------------------------------------------------- */

static void a_wrong_pin_that_is_retried_counts_once(void)
{
	struct hl_login login = { .pin = hl_text("wrong") };
	struct client_call call = { .msg = &hl_msg_login, .body = &login, .expect = &hl_msg_logged_in };
	struct hl_logged_in done;

	begin(11);
	CU_ASSERT_EQUAL(story_send(c, &call, &done), HL_E_PIN);
	CU_ASSERT_EQUAL(failures(), 1);
	for (int i = 0; i < 150; i++)
		CU_ASSERT_EQUAL(story_send(c, &call, &done), HL_E_PIN);
	CU_ASSERT_EQUAL(failures(), 1);
	move(true); /* a right PIN */
	CU_ASSERT_EQUAL(failures(), 0);
	CU_ASSERT_EQUAL(story_send(c, &call, &done), HL_E_PIN);
	CU_ASSERT_EQUAL(failures(), 0);
	login.pin = hl_text("other");
	CU_ASSERT_EQUAL(story_send(c, &call, &done), HL_E_TOKEN); /* no guess is free */
	login.pin = pin();
	CU_ASSERT_EQUAL(story_send(c, &call, &done), HL_E_TOKEN);
	hl_buf_clear(&call.frame);
	end();
}

static void a_wrong_pin_whose_answer_was_cut_off_counts_once(void)
{
	struct hl_login login = { .pin = hl_text("wrong") };
	struct client_call call = { .msg = &hl_msg_login, .body = &login, .expect = &hl_msg_logged_in };
	struct hl_logged_in done;

	begin(12);
	cut_after_commits(1);
	CU_ASSERT_EQUAL(story_send(c, &call, &done), HL_E_PIN);
	CU_ASSERT(call.lost);
	CU_ASSERT_EQUAL(failures(), 1);
	hl_buf_clear(&call.frame);
	end();
}

/* A right PIN that began the count anew lets in when it is sent again, but not while the PIN is locked. */
static void a_right_pin_is_checked_at_every_retry(void)
{
	struct hl_login login = { 0 };
	struct client_call call = { .msg = &hl_msg_login, .body = &login, .expect = &hl_msg_logged_in };
	struct hl_generated key;
	struct hl_logged_in done;

	begin(13);
	login.pin = pin();
	CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_PIN);
	CU_ASSERT_EQUAL(story_send(c, &call, &done), HL_OK);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 2);
	CU_ASSERT_EQUAL(failures(), 0);
	story_close(c);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_send(c, &call, &done), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 3);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_PIN);
	CU_ASSERT_EQUAL(story_send(c, &call, &done), HL_E_PIN_LOCKED);
	hl_buf_clear(&call.frame);
	end();
}

/* A clock that is put back makes the lock last longer than a refusal can say. */
static void a_lock_is_told_whatever_the_clock_does(void)
{
	struct hl_login login = { .pin = hl_text("wrong") };
	struct client_call call;
	struct hl_logged_in done;

	begin(26);
	for (int i = 0; i < HSM_LOGIN_FAILURES; i++)
		CU_ASSERT_EQUAL(story_log_in(c, login.pin), HL_E_PIN);
	sim_wall_advance(w->sim, -8ll * 24 * 3600 * 1000);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK); /* the client's clock follows */
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_login, &login, &hl_msg_logged_in, &done, &call), HL_E_PIN_LOCKED);
	CU_ASSERT_EQUAL(call.failure.retry_after_ms, HL_RETRY_MAX_MS);
	hl_buf_clear(&call.frame);
	end();
}

/* -- faults --------------------------------------------------------------------------------------------- */

static uint64_t seen_entity[HL_POINT_COUNT];

static bool see_fault(void *at, enum hl_point p, uint64_t entity, struct hl_fault *out)
{
	(void)at, (void)out;
	seen_entity[p] = entity;
	return false;
}

/* At each point of the HSM one connection goes by one number, so that a plan can mean this one. */
static void a_connection_has_one_number_at_all_fault_points(void)
{
	struct hl_env_ops ops;
	struct hl_env env;
	struct hl_generated key;

	begin(27);
	env = *member()->env;
	ops = *env.ops;
	ops.fault = see_fault;
	env.ops = &ops;
	env.faults = true;
	member()->env = &env;
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_NOT_EQUAL(seen_entity[HL_AT_HSM_REQUEST], 0);
	CU_ASSERT_EQUAL(seen_entity[HL_AT_HSM_COMMITTED], seen_entity[HL_AT_HSM_REQUEST]);
	seen_entity[HL_AT_HSM_COMMITTED] = 0;
	CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_PIN);
	CU_ASSERT_EQUAL(seen_entity[HL_AT_HSM_COMMITTED], seen_entity[HL_AT_HSM_REQUEST]);
	end();
}

static CU_TestInfo tests[] = {
	{ "a creation retried at the same member makes one pair", a_creation_retried_at_the_same_member_makes_one_pair },
	{ "a creation retried at the other member makes one pair", a_creation_retried_at_the_other_member_makes_one_pair },
	{ "a retry needs its permissions", a_retry_needs_its_permissions },
	{ "changes and destructions happen once", changes_and_destructions_happen_once },
	{ "one token does not serve two requests", one_token_does_not_serve_two_requests },
	{ "two tokens that meet in one row are told apart", two_tokens_that_meet_in_one_row_are_told_apart },
	{ "tokens are of their partition", tokens_are_of_their_partition },
	{ "a token of the future or of yesterday is refused", a_token_of_the_future_or_of_yesterday_is_refused },
	{ "an old token in the table is answered until the next effect", an_old_token_in_the_table_is_answered_until_the_next_effect },
	{ "eviction raises the floor", eviction_raises_the_floor },
	{ "a wrong PIN that is retried counts once", a_wrong_pin_that_is_retried_counts_once },
	{ "a wrong PIN whose answer was cut off counts once", a_wrong_pin_whose_answer_was_cut_off_counts_once },
	{ "a right PIN is checked at every retry", a_right_pin_is_checked_at_every_retry },
	{ "a lock is told, whatever the clock does", a_lock_is_told_whatever_the_clock_does },
	{ "a connection has one number at all fault points", a_connection_has_one_number_at_all_fault_points },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("effects", tests)
