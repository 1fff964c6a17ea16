/* The lab profile at the HSM: a security officer, PINs that are set, tokens that are initialised; and that nothing of it is
 * to be had of any other partition. */
#include "client/link_impl.h"
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

#define FIRST_PIN "12345678"

static struct world *w;
static struct world_client *c;
static struct hl_generated key;

static void begin_as(struct world_options o, uint64_t seed)
{
	o.seed = seed;
	o.proxies = 1;
	o.hsms = 2;
	o.dev = o.master_any = true;
	CU_ASSERT_EQUAL_FATAL(world_new_as(&o, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
}

static void begin(uint64_t seed)
{
	begin_as((struct world_options){ .lab = true }, seed);
}

static void begin_blank(uint64_t seed)
{
	begin_as((struct world_options){ .lab = true, .blank = true }, seed);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

static struct world_client *another(void)
{
	struct world_client *other;

	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &other), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(other), HL_OK);
	return other;
}

static size_t here(void)
{
	return strcmp(client_hsm(c->core), w->hsm[0].name) == 0 ? 0 : 1;
}

static void cut(void)
{
	size_t at = here();

	world_kill_hsm(w, at);
	CU_ASSERT_EQUAL(world_restart_hsm(w, at), HL_OK);
	story_pass(w, 1000000);
}

static void cut_after_commit(void)
{
	const struct hl_fault once = { HL_FAULT_CUT, 0 };

	sim_fault(w->hsm[here()].node, HL_AT_HSM_COMMITTED, &once, 0, 1);
}

/* What the store says of the partition: its numbers, until the next call. */
static const struct hl_partition_row *row(void)
{
	static struct hl_partition_row numbers;
	struct hsm_partition p;

	CU_ASSERT_EQUAL_FATAL(hsm_partition_load(w->hsm[0].core, hl_text("ACMEPARTONE"), &p), HL_OK);
	numbers = p.row;
	hsm_partition_clear(&p);
	return &numbers;
}

static uint64_t objects(void)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	uint64_t n = 0;

	CU_ASSERT_EQUAL(store.ops->count(store.at, HSM_OBJECT, hsm_partition_id(hl_text("ACMEPARTONE")), &n), HL_OK);
	return n;
}

static uint64_t generation(void)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	uint64_t n = 0;

	CU_ASSERT_EQUAL(store.ops->generation(store.at, &n), HL_OK);
	return n;
}

/* -- requests -------------------------------------------------------------------------------------------- */

static hl_err ask(struct world_client *by, const struct hl_msg *m, const void *body, const struct hl_msg *expect)
{
	uint64_t reply[64];
	struct client_call call;
	hl_err err = world_call(by, m, body, expect, reply, &call);

	hl_buf_clear(&call.frame);
	return err;
}

static hl_err officer(struct world_client *by, const char *pin)
{
	return ask(by, &hl_msg_login, &(struct hl_login){ .pin = hl_text(pin), .role = 1 }, &hl_msg_logged_in);
}

static hl_err user(struct world_client *by, const char *pin)
{
	return story_log_in(by, hl_text(pin));
}

static hl_err set_pin(struct world_client *by, enum hsm_role role, const char *old, const char *fresh)
{
	struct hl_pin_set request = { .pin = hl_text(old), .role = (uint8_t)role, .fresh = hl_text(fresh) };

	return ask(by, &hl_msg_pin_set, &request, &hl_msg_logged_in);
}

static hl_err init_pin(struct world_client *by, const char *fresh)
{
	return ask(by, &hl_msg_pin_init, &(struct hl_pin_init){ .fresh = hl_text(fresh) }, &hl_msg_done);
}

static hl_err init_token(struct world_client *by, const char *pin, const char *label)
{
	struct hl_token_init request = { .pin = hl_text(pin), .label = hl_text(label) };

	return ask(by, &hl_msg_token_init, &request, &hl_msg_done);
}

static struct hl_info_answer info(struct world_client *by)
{
	struct client_call call;
	struct hl_info_answer a = { 0 };

	CU_ASSERT_EQUAL(world_call(by, &hl_msg_info, &(struct hl_info){ 0 }, &hl_msg_info_answer, &a, &call), HL_OK);
	hl_buf_clear(&call.frame);
	return a;
}

/* An AES key with these two attributes. */
static hl_err make_aes(struct world_client *by, bool private, bool trusted, uint64_t *handle)
{
	static const uint8_t yes = 1, no = 0;
	const uint8_t length[8] = { 0, 0, 0, 0, 0, 0, 0, 16 };
	struct hl_attribute t[] = {
		{ HL_CKA_VALUE_LEN, HL_FORM_NUMBER, { length, 8 } },
		{ HL_CKA_PRIVATE, HL_FORM_BOOL, { private ? &yes : &no, 1 } },
		{ HL_CKA_TRUSTED, HL_FORM_BOOL, { trusted ? &yes : &no, 1 } },
	};
	struct hl_generate request = { .mechanism = HL_CKM_AES_KEY_GEN, .template = { .items = t, .count = trusted ? 3 : 2 } };
	struct client_call call;
	struct hl_generated made = { 0 };
	hl_err err = world_call(by, &hl_msg_generate, &request, &hl_msg_generated, &made, &call);

	hl_buf_clear(&call.frame);
	*handle = made.handle;
	return err;
}

static hl_err set_trusted(struct world_client *by, uint64_t handle, bool trusted)
{
	uint8_t value = trusted;
	struct hl_attribute a = { HL_CKA_TRUSTED, HL_FORM_BOOL, { &value, 1 } };
	struct hl_attributes_set request = { .handle = handle, .attributes = { .items = &a, .count = 1 } };

	return ask(by, &hl_msg_attributes_set, &request, &hl_msg_done);
}

/* -- elsewhere there is none ------------------------------------------------------------------------------- */

static void a_faithful_partition_knows_no_security_officer(void)
{
	uint64_t before, handle;

	begin_as((struct world_options){ .lab = false }, 1);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(make_aes(c, false, false, &handle), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	before = generation();
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_E_UNSUPPORTED);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_USER, FIRST_PIN, "87654321"), HL_E_UNSUPPORTED);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_OFFICER, FIRST_PIN, "87654321"), HL_E_UNSUPPORTED);
	CU_ASSERT_EQUAL(init_pin(c, "87654321"), HL_E_UNSUPPORTED);
	CU_ASSERT_EQUAL(init_token(c, FIRST_PIN, "mine"), HL_E_UNSUPPORTED);
	CU_ASSERT_EQUAL(set_trusted(c, handle, true), HL_E_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(generation(), before);
	CU_ASSERT_EQUAL(objects(), 3);
	CU_ASSERT_EQUAL(info(c).lab, 0);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	end();
}

/* -- the security officer ------------------------------------------------------------------------------------- */

static void the_pin_is_at_first_that_of_both(void)
{
	struct hl_info_answer a;

	begin(2);
	a = info(c);
	CU_ASSERT(a.lab && a.pin_set && !a.blank && !a.officer);
	CU_ASSERT_EQUAL(a.officer_left, HSM_LOGIN_FAILURES);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(info(c).officer, 1);
	CU_ASSERT_EQUAL(info(c).logged_in, 0);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK); /* one or the other */
	CU_ASSERT_EQUAL(info(c).officer, 0);
	CU_ASSERT_EQUAL(info(c).logged_in, 1);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT_EQUAL(info(c).officer, 0);
	end();
}

static void a_security_officer_sees_and_makes_nothing_private(void)
{
	uint64_t handle;
	size_t n;

	begin(3);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(story_count(c, "k", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 1); /* the public half */
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_E_KEY);
	CU_ASSERT_EQUAL(story_destroy(c, key.handle), HL_E_KEY);
	CU_ASSERT_EQUAL(make_aes(c, true, false, &handle), HL_E_LOGIN);
	CU_ASSERT_EQUAL(objects(), 2);
	CU_ASSERT_EQUAL(make_aes(c, false, false, &handle), HL_OK);
	CU_ASSERT_EQUAL(story_destroy(c, handle), HL_OK);
	end();
}

static void who_trusts_keys_is_the_security_officer(void)
{
	uint64_t handle, trusted;

	begin(4);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(make_aes(c, false, true, &trusted), HL_E_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(make_aes(c, false, false, &handle), HL_OK);
	CU_ASSERT_EQUAL(set_trusted(c, handle, true), HL_E_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(set_trusted(c, handle, true), HL_OK);
	CU_ASSERT_EQUAL(make_aes(c, false, true, &trusted), HL_OK);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(set_trusted(c, handle, false), HL_E_ATTRIBUTE_READ_ONLY);
	end();
}

static void a_security_officers_login_outlives_its_link(void)
{
	begin(5);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	cut();
	CU_ASSERT_EQUAL(init_pin(c, "new one"), HL_OK);
	CU_ASSERT_EQUAL(info(c).officer, 1);
	cut(); /* with a ticket that the user's new PIN does not touch */
	CU_ASSERT_EQUAL(init_pin(c, "another"), HL_OK);
	CU_ASSERT_EQUAL(user(another(), "another"), HL_OK);
	end();
}

/* -- wrong PINs ---------------------------------------------------------------------------------------------- */

static void each_pin_is_counted_on_its_own(void)
{
	begin(6);
	for (int i = 0; i < HSM_LOGIN_FAILURES - 2; i++)
		CU_ASSERT_EQUAL(officer(c, "wrong"), HL_E_PIN);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_OFFICER, "wrong", "new one"), HL_E_PIN);
	CU_ASSERT_EQUAL(info(c).officer_left, 1);
	CU_ASSERT(info(c).officer_failed && !info(c).pin_failed);
	CU_ASSERT_EQUAL(init_token(c, "wrong", "mine"), HL_E_PIN);
	CU_ASSERT_EQUAL(info(c).officer_left, 0);
	cut(); /* kill -9 keeps it, and so does the other member */
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_E_PIN_LOCKED);
	CU_ASSERT_EQUAL(init_token(c, FIRST_PIN, "mine"), HL_E_PIN_LOCKED);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_OFFICER, FIRST_PIN, "new one"), HL_E_PIN_LOCKED);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	sim_wall_advance(w->sim, HSM_LOGIN_LOCK_MS);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	end();
}

static void a_wrong_pin_that_is_sent_again_counts_once(void)
{
	begin(7);
	cut_after_commit();
	CU_ASSERT_EQUAL(init_token(c, "wrong", "mine"), HL_E_PIN);
	CU_ASSERT_EQUAL(row()->officer_failures, 1);
	cut_after_commit();
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_USER, "wrong", "new one"), HL_E_PIN);
	CU_ASSERT_EQUAL(row()->pin_failures, 1);
	CU_ASSERT_EQUAL(row()->officer_failures, 1);
	end();
}

/* -- PINs that are set ------------------------------------------------------------------------------------------ */

static void who_sets_the_pin_stays_logged_in(void)
{
	struct world_client *other;

	begin(8);
	other = another();
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(user(other, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_USER, FIRST_PIN, "new one"), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(other, &key), HL_OK); /* an open link outlives it, */
	for (size_t i = 0; i < w->hsms; i++) {
		world_kill_hsm(w, i);
		CU_ASSERT_EQUAL(world_restart_hsm(w, i), HL_OK);
	}
	story_pass(w, 1000000);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(other, &key), HL_E_KEY); /* a ticket does not */
	CU_ASSERT_EQUAL(user(other, FIRST_PIN), HL_E_PIN);
	CU_ASSERT_EQUAL(user(other, "new one"), HL_OK);
	end();
}

/* Whoever kept the request must not come in by it after somebody else has set another PIN. */
static void a_new_pin_that_is_sent_again_lets_nobody_in(void)
{
	struct hl_pin_set request = { .fresh = hl_text("the second") };
	struct client_call call = { .msg = &hl_msg_pin_set, .body = &request, .expect = &hl_msg_logged_in };
	struct hl_logged_in answer;

	begin(31);
	request.pin = hl_secret_view(&w->user.pin);
	CU_ASSERT_EQUAL(story_log_in(c, request.pin), HL_OK);
	CU_ASSERT_EQUAL(story_send(c, &call, &answer), HL_OK);
	CU_ASSERT(answer.ticket.n > 0);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_USER, "the second", "the third"), HL_OK);
	CU_ASSERT_EQUAL(story_send(c, &call, &answer), HL_OK);
	CU_ASSERT_EQUAL(answer.ticket.n, 0);
	hl_buf_clear(&call.frame);
	end();
}

static void the_old_pin_is_asked_for(void)
{
	begin(9);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_USER, "wrong", "new one"), HL_E_PIN);
	CU_ASSERT_EQUAL(row()->pin_failures, 1);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_USER, FIRST_PIN, "new one"), HL_OK); /* nobody need be logged in */
	CU_ASSERT_EQUAL(row()->pin_failures, 0);
	CU_ASSERT_EQUAL(info(c).logged_in, 0);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_E_PIN);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_OFFICER, FIRST_PIN, "officer's"), HL_OK);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_E_PIN);
	CU_ASSERT_EQUAL(officer(c, "officer's"), HL_OK);
	CU_ASSERT_EQUAL(user(c, "new one"), HL_OK);
	end();
}

static void the_users_pin_is_the_security_officers_to_give(void)
{
	begin(10);
	CU_ASSERT_EQUAL(init_pin(c, "new one"), HL_E_LOGIN);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(init_pin(c, "new one"), HL_E_LOGIN);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(init_pin(c, "new one"), HL_OK);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_E_PIN);
	CU_ASSERT_EQUAL(user(c, "new one"), HL_OK);
	end();
}

static void a_new_pin_is_not_locked(void)
{
	struct world_client *other;

	begin(11);
	other = another();
	for (int i = 0; i < HSM_LOGIN_FAILURES; i++)
		CU_ASSERT_EQUAL(user(other, "wrong"), HL_E_PIN);
	CU_ASSERT_EQUAL(user(other, FIRST_PIN), HL_E_PIN_LOCKED);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(init_pin(c, "new one"), HL_OK);
	CU_ASSERT_EQUAL(user(other, "new one"), HL_OK);
	end();
}

static void a_new_pin_has_four_to_thirty_two_bytes(void)
{
	static const char *const wrong[] = { "", "1", "123", "123456789012345678901234567890123" };
	uint64_t before;

	begin(12);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	before = generation();
	for (size_t i = 0; i < HL_COUNT(wrong); i++) {
		CU_ASSERT_EQUAL(init_pin(c, wrong[i]), HL_E_PIN_LENGTH);
		CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_USER, FIRST_PIN, wrong[i]), HL_E_PIN_LENGTH);
		CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_OFFICER, FIRST_PIN, wrong[i]), HL_E_PIN_LENGTH);
	}
	CU_ASSERT_EQUAL(generation(), before);
	CU_ASSERT_EQUAL(init_pin(c, "1234"), HL_OK);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_USER, "1234", "12345678901234567890123456789012"), HL_OK);
	end();
}

static void a_pin_is_set_once_whatever_is_cut_off(void)
{
	begin(13);
	cut_after_commit();
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_USER, FIRST_PIN, "new one"), HL_OK); /* the old one is wrong by now */
	CU_ASSERT_EQUAL(row()->pin_generation, 2);
	CU_ASSERT_EQUAL(row()->pin_failures, 0);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	cut_after_commit();
	CU_ASSERT_EQUAL(init_pin(c, "another"), HL_OK);
	CU_ASSERT_EQUAL(row()->pin_generation, 3);
	CU_ASSERT_EQUAL(user(c, "another"), HL_OK);
	end();
}

/* -- tokens that are initialised ----------------------------------------------------------------------------------- */

static void a_token_that_is_initialised_is_empty(void)
{
	struct hl_info_answer a;
	uint64_t handle;

	begin(14);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(make_aes(c, true, false, &handle), HL_OK);
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT_EQUAL(init_token(c, "wrong", "mine"), HL_E_PIN);
	CU_ASSERT_EQUAL(objects(), 3);
	CU_ASSERT_EQUAL(init_token(c, FIRST_PIN, "mine"), HL_OK);
	CU_ASSERT_EQUAL(objects(), 0);
	a = info(c);
	CU_ASSERT(a.lab && !a.pin_set && !a.blank);
	CU_ASSERT_EQUAL(a.objects, 0);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_E_NO_PIN);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_USER, FIRST_PIN, "new one"), HL_E_NO_PIN);
	cut();
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK); /* that PIN stays */
	CU_ASSERT_EQUAL(init_pin(c, "new one"), HL_OK);
	CU_ASSERT_EQUAL(user(c, "new one"), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	end();
}

static void other_partitions_keep_what_they_have(void)
{
	struct world_client *other;

	begin(15);
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "globex", "globexservice", "PARTX", NULL), HL_OK);
	other = another();
	CU_ASSERT_EQUAL(story_log_in(other, hl_secret_view(&w->user.pin)), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(other, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(init_token(c, FIRST_PIN, "mine"), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(other, &key), HL_OK);
	CU_ASSERT_EQUAL(init_token(other, FIRST_PIN, "mine"), HL_E_UNSUPPORTED);
	CU_ASSERT_EQUAL(story_sign_and_verify(other, &key), HL_OK);
	end();
}

/* Unlike after a change of the PIN: what they were good for is gone. */
static void logins_of_before_are_over_everywhere(void)
{
	struct world_client *other, *third;
	struct hl_generated made;

	begin(16);
	other = another();
	third = another();
	CU_ASSERT_EQUAL(user(other, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(officer(third, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(other, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(other, &key), HL_OK);
	CU_ASSERT_EQUAL(init_token(c, FIRST_PIN, "mine"), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(other, &key), HL_E_KEY);
	CU_ASSERT_EQUAL(story_make_key(other, "l", &made), HL_E_LOGIN);
	CU_ASSERT_EQUAL(init_pin(third, "new one"), HL_E_LOGIN);
	CU_ASSERT_EQUAL(objects(), 0);
	end();
}

static void a_token_is_initialised_once_whatever_is_cut_off(void)
{
	begin(17);
	cut_after_commit();
	CU_ASSERT_EQUAL(init_token(c, FIRST_PIN, "mine"), HL_OK);
	CU_ASSERT_EQUAL(row()->blob_epoch, 2);
	CU_ASSERT_EQUAL(row()->pin_generation, 2);
	end();
}

static bool both_done(void *at)
{
	struct client_call *call = at;

	return call[0].done && call[1].done;
}

/* Whichever is first: there is no key that anybody was told of, and that the token does not have. */
static void a_key_that_is_made_meanwhile_is_not_left_behind(void)
{
	struct world_client *other;
	struct story_key k;
	struct hl_token_init wipe = { .pin = hl_text(FIRST_PIN), .label = hl_text("mine") };
	struct client_call call[2];

	for (uint64_t seed = 18; seed < 26; seed++) {
		begin(seed);
		other = another();
		CU_ASSERT_EQUAL(user(other, FIRST_PIN), HL_OK);
		story_key_init(&k, "k");
		call[0] = (struct client_call){ .msg = &hl_msg_token_init, .body = &wipe, .expect = &hl_msg_done };
		call[1] = (struct client_call){ .msg = &hl_msg_generate, .body = &k.request, .expect = &hl_msg_generated };
		sim_enter(c->node);
		client_submit(c->core, &call[0]);
		sim_pump(c->node);
		sim_run(w->sim, both_done, call, (int64_t)(seed - 18) * 3000);
		sim_enter(other->node);
		client_submit(other->core, &call[1]);
		sim_pump(other->node);
		CU_ASSERT(sim_run(w->sim, both_done, call, 30000000));
		CU_ASSERT_EQUAL(call[0].err, HL_OK);
		CU_ASSERT(call[1].err == HL_OK || call[1].err == HL_E_LOGIN);
		CU_ASSERT_EQUAL(objects(), 0);
		hl_buf_clear(&call[0].frame);
		hl_buf_clear(&call[1].frame);
		end();
	}
}

static void session_objects_end_with_it(void)
{
	static const uint8_t no = 0;
	const uint8_t length[8] = { 0, 0, 0, 0, 0, 0, 0, 16 };
	struct hl_attribute t[] = {
		{ HL_CKA_TOKEN, HL_FORM_BOOL, { &no, 1 } },
		{ HL_CKA_PRIVATE, HL_FORM_BOOL, { &no, 1 } },
		{ HL_CKA_VALUE_LEN, HL_FORM_NUMBER, { length, 8 } },
	};
	struct hl_generate request = { .mechanism = HL_CKM_AES_KEY_GEN, .template = { .items = t, .count = 3 } };
	struct hl_attributes_get get = { 0 };
	struct client_call call;
	struct hl_generated made;
	struct world_client *other;

	begin(26);
	other = another();
	CU_ASSERT_EQUAL(user(other, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(world_call(other, &hl_msg_generate, &request, &hl_msg_generated, &made, &call), HL_OK);
	hl_buf_clear(&call.frame);
	get.handle = made.handle;
	CU_ASSERT_EQUAL(ask(other, &hl_msg_attributes_get, &get, &hl_msg_attributes), HL_OK);
	CU_ASSERT_EQUAL(init_token(c, FIRST_PIN, "mine"), HL_OK);
	CU_ASSERT_EQUAL(ask(other, &hl_msg_attributes_get, &get, &hl_msg_attributes), HL_E_KEY);
	end();
}

/* -- a token that is not --------------------------------------------------------------------------------------------- */

static void a_blank_token_takes_its_first_officers_pin(void)
{
	struct hl_info_answer a;

	begin_blank(27);
	a = info(c);
	CU_ASSERT(a.lab && a.blank && !a.pin_set);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_E_NO_PIN);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_E_BLANK);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_OFFICER, FIRST_PIN, "new one"), HL_E_BLANK);
	CU_ASSERT_EQUAL(init_pin(c, "new one"), HL_E_LOGIN);
	CU_ASSERT_EQUAL(init_token(c, "123", "mine"), HL_E_PIN_LENGTH);
	CU_ASSERT_EQUAL(init_token(c, "officer's", "mine"), HL_OK);
	CU_ASSERT_EQUAL(info(c).blank, 0);
	cut();
	CU_ASSERT_EQUAL(init_token(c, FIRST_PIN, "mine"), HL_E_PIN); /* from now on it is asked for */
	CU_ASSERT_EQUAL(init_token(c, "officer's", "again"), HL_OK);
	CU_ASSERT_EQUAL(officer(c, "officer's"), HL_OK);
	CU_ASSERT_EQUAL(init_pin(c, "user's"), HL_OK);
	CU_ASSERT_EQUAL(user(c, "user's"), HL_OK);
	end();
}

/* Two at once: one of them is the officer. */
static void of_two_who_initialise_it_one_is_the_officer(void)
{
	struct hl_token_init one = { .pin = hl_text("the one"), .label = hl_text("1") };
	struct hl_token_init two = { .pin = hl_text("the other"), .label = hl_text("2") };
	struct client_call call[2] = {
		{ .msg = &hl_msg_token_init, .body = &one, .expect = &hl_msg_done },
		{ .msg = &hl_msg_token_init, .body = &two, .expect = &hl_msg_done },
	};
	struct world_client *other;

	begin_blank(28);
	other = another();
	sim_enter(c->node);
	client_submit(c->core, &call[0]);
	sim_pump(c->node);
	sim_enter(other->node);
	client_submit(other->core, &call[1]);
	sim_pump(other->node);
	CU_ASSERT(sim_run(w->sim, both_done, call, 30000000));
	CU_ASSERT((call[0].err == HL_OK && call[1].err == HL_E_PIN) || (call[0].err == HL_E_PIN && call[1].err == HL_OK));
	CU_ASSERT_EQUAL(officer(c, "the one"), call[0].err);
	CU_ASSERT_EQUAL(officer(c, "the other"), call[1].err);
	hl_buf_clear(&call[0].frame);
	hl_buf_clear(&call[1].frame);
	end();
}

/* -- reset, from the admin's socket --------------------------------------------------------------------------------- */

#define PORT 0x7000000u

static struct hl_port *io(void)
{
	return hsm_core.port(w->hsm[0].core, PORT);
}

static void tell(enum hl_event_kind kind)
{
	sim_enter(w->hsm[0].node);
	hsm_event(w->hsm[0].core, &(struct hl_event){ .kind = kind, .port = PORT, .listener = HSM_LISTEN_ADMIN });
}

static void request(const struct hl_token_reset *ask)
{
	struct hl_buf frame = hl_buf(HL_FRAME_MAX);

	tell(HL_EV_ACCEPTED);
	hl_msg_put(&frame, &hl_msg_token_reset, 7, ask);
	hl_buf_put(&io()->in, hl_buf_view(&frame));
	hl_buf_clear(&frame);
	tell(HL_EV_BYTES);
	sim_pump(w->hsm[0].node);
}

/* HL_OK, or what it was refused with. */
static hl_err reset(const struct hl_token_reset *ask, uint64_t *removed)
{
	struct hl_token_was_reset done = { 0 };
	struct hl_refused no;
	struct hl_frame f;
	hl_err err = HL_E_TIMEOUT;

	request(ask);
	story_pass(w, 1000000);
	if (hl_frame_peek(hl_buf_view(&io()->out), HL_FRAME_MAX, &f) == HL_OK && f.id == 7) {
		if (f.type != HL_T_refused)
			err = hl_msg_get(&hl_msg_token_was_reset, &f, &done);
		else
			err = hl_msg_get(&hl_msg_refused, &f, &no) == HL_OK ? hl_err_of_wire(no.code) : HL_E_BUG;
	}
	*removed = done.objects;
	tell(HL_EV_ENDED);
	return err;
}

static void a_reset_makes_a_token_new(void)
{
	struct hl_token_reset as_first = {
		.partition = hl_text("ACMEPARTONE"), .label = hl_text("test"), .pin = hl_text(FIRST_PIN),
	};
	struct hl_token_reset blank = { .partition = hl_text("ACMEPARTONE") };
	uint64_t n;

	begin(29);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(set_pin(c, HSM_ROLE_OFFICER, FIRST_PIN, "forgotten"), HL_OK);
	CU_ASSERT_EQUAL(reset(&as_first, &n), HL_OK);
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_EQUAL(objects(), 0);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_E_LOGIN);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(reset(&blank, &n), HL_OK);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(info(c).blank, 1);
	CU_ASSERT_EQUAL(officer(c, FIRST_PIN), HL_E_BLANK);
	CU_ASSERT_EQUAL(init_token(c, FIRST_PIN, "mine"), HL_OK);
	end();
}

static void a_reset_is_refused_where_it_cannot_be(void)
{
	struct hl_token_reset ask = { .partition = hl_text("ACMEPARTONE"), .pin = hl_text(FIRST_PIN) };
	uint64_t n;

	begin_as((struct world_options){ .lab = false }, 30);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(reset(&ask, &n), HL_E_UNSUPPORTED);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	ask.partition = hl_text("NOBODY");
	CU_ASSERT_EQUAL(reset(&ask, &n), HL_E_PARTITION);
	end();
	begin(31);
	ask.partition = hl_text("ACMEPARTONE");
	ask.pin = hl_text("123");
	CU_ASSERT_EQUAL(reset(&ask, &n), HL_E_PIN_LENGTH);
	CU_ASSERT_EQUAL(user(c, FIRST_PIN), HL_OK);
	ask.pin = hl_text("1234");
	request(&ask); /* and nobody waits for the answer */
	tell(HL_EV_ENDED);
	story_pass(w, 1000000);
	CU_ASSERT_EQUAL(user(c, "1234"), HL_OK);
	end();
}

static CU_TestInfo tests[] = {
	{ "a faithful partition knows no security officer", a_faithful_partition_knows_no_security_officer },
	{ "the PIN is at first that of both", the_pin_is_at_first_that_of_both },
	{ "a security officer sees and makes nothing private", a_security_officer_sees_and_makes_nothing_private },
	{ "who trusts keys is the security officer", who_trusts_keys_is_the_security_officer },
	{ "a security officer's login outlives its link", a_security_officers_login_outlives_its_link },
	{ "each PIN is counted on its own", each_pin_is_counted_on_its_own },
	{ "a wrong PIN that is sent again counts once", a_wrong_pin_that_is_sent_again_counts_once },
	{ "who sets the PIN stays logged in", who_sets_the_pin_stays_logged_in },
	{ "a new PIN that is sent again lets nobody in", a_new_pin_that_is_sent_again_lets_nobody_in },
	{ "the old PIN is asked for", the_old_pin_is_asked_for },
	{ "the user's PIN is the security officer's to give", the_users_pin_is_the_security_officers_to_give },
	{ "a new PIN is not locked", a_new_pin_is_not_locked },
	{ "a new PIN has four to thirty-two bytes", a_new_pin_has_four_to_thirty_two_bytes },
	{ "a PIN is set once, whatever is cut off", a_pin_is_set_once_whatever_is_cut_off },
	{ "a token that is initialised is empty", a_token_that_is_initialised_is_empty },
	{ "other partitions keep what they have", other_partitions_keep_what_they_have },
	{ "logins of before are over everywhere", logins_of_before_are_over_everywhere },
	{ "a token is initialised once, whatever is cut off", a_token_is_initialised_once_whatever_is_cut_off },
	{ "a key that is made meanwhile is not left behind", a_key_that_is_made_meanwhile_is_not_left_behind },
	{ "session objects end with it", session_objects_end_with_it },
	{ "a blank token takes its first officer's PIN", a_blank_token_takes_its_first_officers_pin },
	{ "of two who initialise it one is the officer", of_two_who_initialise_it_one_is_the_officer },
	{ "a reset makes a token new", a_reset_makes_a_token_new },
	{ "a reset is refused where it cannot be", a_reset_is_refused_where_it_cannot_be },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("lab", tests)
