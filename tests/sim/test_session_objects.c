/* Session objects: the HSM makes and uses them, their client keeps them, and no store knows of them. */
#include <stdio.h>

#include "client/link_impl.h"
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

#define PARTITION "ACMEPARTONE"
#define DAY_MS (24ll * 3600 * 1000)

static struct world *w;
static struct world_client *c;

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

static void end(void)
{
	world_free(w);
	w = NULL;
}

static uint64_t rows(enum hsm_table table)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	uint64_t n = 0;

	CU_ASSERT_EQUAL(store.ops->count(store.at, table, hsm_partition_id(hl_text(PARTITION)), &n), HL_OK);
	return n;
}

static size_t here(void)
{
	return strcmp(client_hsm(c->core), w->hsm[0].name) == 0 ? 0 : 1;
}

/* What the members hold is only a cache. */
static void forget_all(void)
{
	for (size_t i = 0; i < w->hsms; i++)
		hsm_keys_clear(w->hsm[i].core);
}

/* -- keys ------------------------------------------------------------------------------------------------- */

/* The DER of 1.2.840.10045.3.1.7. */
static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t yes = 1, no = 0;

struct pair {
	struct hl_attribute mine[4], theirs[4];
	struct hl_generate request;
	struct client_call call;
	struct hl_generated made;
};

static void pair_init(struct pair *p, bool mine_stored)
{
	*p = (struct pair){
		.mine = { { HL_CKA_SIGN, HL_FORM_BOOL, { &yes, 1 } },
			{ HL_CKA_TOKEN, HL_FORM_BOOL, { mine_stored ? &yes : &no, 1 } },
			{ HL_CKA_LABEL, HL_FORM_BYTES, hl_text("s") } },
		.theirs = { { HL_CKA_EC_PARAMS, HL_FORM_BYTES, { p256, sizeof p256 } },
			{ HL_CKA_VERIFY, HL_FORM_BOOL, { &yes, 1 } }, { HL_CKA_TOKEN, HL_FORM_BOOL, { &no, 1 } },
			{ HL_CKA_LABEL, HL_FORM_BYTES, hl_text("s") } },
		.call = { .msg = &hl_msg_generate, .expect = &hl_msg_generated },
	};
	p->request = (struct hl_generate){
		.mechanism = HL_CKM_EC_KEY_PAIR_GEN,
		.template = { .items = p->mine, .count = 3 },
		.public_template = { .items = p->theirs, .count = 4 },
	};
	p->call.body = &p->request;
}

static hl_err pair_make(struct pair *p)
{
	hl_err err = story_send(c, &p->call, &p->made);

	hl_buf_clear(&p->call.frame);
	return err;
}

static struct hl_generated made(void)
{
	struct pair p;

	pair_init(&p, false);
	CU_ASSERT_EQUAL_FATAL(pair_make(&p), HL_OK);
	CU_ASSERT(hsm_is_kept(p.made.handle) && hsm_is_kept(p.made.public_handle));
	return p.made;
}

static hl_err label_is(uint64_t handle, const char *label)
{
	struct hl_attribute_type type = { HL_CKA_LABEL };
	struct hl_attributes_get request = { .handle = handle, .types = { .items = &type, .count = 1 } };
	struct client_call call;
	struct hl_attributes answer;
	struct hl_attribute a = { 0 };
	hl_err err = world_call(c, &hl_msg_attributes_get, &request, &hl_msg_attributes, &answer, &call);

	if (err == HL_OK) {
		struct hl_bytes at = answer.attributes.raw;

		CU_ASSERT(hl_list_next(&hl_msg_attribute, &at, &a));
		CU_ASSERT(hl_bytes_eq(a.value, hl_text(label)));
	}
	hl_buf_clear(&call.frame);
	return err;
}

static hl_err relabel(uint64_t handle, const char *label)
{
	struct hl_attribute a = { HL_CKA_LABEL, HL_FORM_BYTES, hl_text(label) };
	struct hl_attributes_set request = { .handle = handle, .attributes = { .items = &a, .count = 1 } };
	struct client_call call;
	struct hl_done done;
	hl_err err = world_call(c, &hl_msg_attributes_set, &request, &hl_msg_done, &done, &call);

	hl_buf_clear(&call.frame);
	return err;
}

/* -- they live ---------------------------------------------------------------------------------------------- */

static void they_work_and_cost_nothing_that_lasts(void)
{
	struct hl_generated p;
	size_t n;

	begin(1);
	p = made();
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &p), HL_OK);
	CU_ASSERT_EQUAL(label_is(p.handle, "s"), HL_OK);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 0);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 0);
	CU_ASSERT_EQUAL(story_count(c, "s", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 0);
	end();
}

static void they_are_brought_to_who_forgot_them(void)
{
	struct hl_generated p;

	begin(2);
	p = made();
	for (int i = 0; i < 3; i++) {
		forget_all();
		CU_ASSERT_EQUAL(story_sign_and_verify(c, &p), HL_OK);
	}
	forget_all();
	CU_ASSERT_EQUAL(label_is(p.public_handle, "s"), HL_OK);
	end();
}

static void they_outlive_the_member_that_made_them(void)
{
	struct hl_generated p;
	size_t at;

	begin(3);
	p = made();
	at = here();
	world_kill_hsm(w, at);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &p), HL_OK);
	CU_ASSERT_NOT_EQUAL(here(), at);
	CU_ASSERT_EQUAL(world_restart_hsm(w, at), HL_OK);
	world_kill_hsm(w, here());
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &p), HL_OK);
	end();
}

/* New keys need a master only where they last. */
static void they_need_no_master(void)
{
	struct hl_generated stored;
	struct hl_generated p;

	begin(4);
	world_kill_hsm(w, (size_t)(w->master->hsm));
	CU_ASSERT_EQUAL(story_ping(c), HL_OK); /* and knows by then where it is not connected any more */
	CU_ASSERT_EQUAL(story_make_key(c, "stored", &stored), HL_E_MASTER);
	p = made();
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &p), HL_OK);
	end();
}

/* More than a member holds: the first ones are brought again. Who has to go is anybody, not whoever came last: two that are
 * used together would else put out each other for ever. */
static void there_may_be_more_than_a_member_holds(void)
{
	enum { MANY = HSM_KEY_CACHE * 3 / 2 };
	static struct hl_generated all[MANY];

	begin(5);
	for (size_t i = 0; i < MANY; i++)
		all[i] = made();
	CU_ASSERT(w->hsm[here()].core->kept.n <= HSM_KEY_CACHE);
	CU_ASSERT_PTR_NOT_NULL(hl_map_get(&w->hsm[here()].core->kept, all[MANY - 2].handle));
	CU_ASSERT_PTR_NOT_NULL(hl_map_get(&w->hsm[here()].core->kept, all[MANY - 2].public_handle));
	for (size_t i = 0; i < MANY; i += HSM_KEY_CACHE / 32)
		CU_ASSERT_EQUAL(story_sign_and_verify(c, &all[i]), HL_OK);
	CU_ASSERT(w->hsm[here()].core->kept.n <= HSM_KEY_CACHE);
	end();
}

/* The storm over the provider found it: each destruction made the members forget all session objects, and a client that
 * brought one again was overtaken by the next destruction until it gave up. */
static void destructions_of_others_do_not_disturb_them(void)
{
	struct hl_generated p;
	struct pair other;
	size_t n;

	begin(21);
	p = made();
	for (int i = 0; i < 5; i++) {
		pair_init(&other, true);
		CU_ASSERT_EQUAL(pair_make(&other), HL_OK);
		CU_ASSERT_EQUAL(story_destroy(c, other.made.handle), HL_OK);
		n = w->hsm[here()].core->kept.n;
		CU_ASSERT(n > 0);
		CU_ASSERT_EQUAL(story_sign_and_verify(c, &p), HL_OK);
		CU_ASSERT_EQUAL(w->hsm[here()].core->kept.n, n);
	}
	end();
}

static void what_is_changed_stays_changed_wherever_it_is_brought(void)
{
	struct hl_generated p;

	begin(6);
	p = made();
	CU_ASSERT_EQUAL(relabel(p.handle, "another"), HL_OK);
	CU_ASSERT_EQUAL(label_is(p.handle, "another"), HL_OK);
	forget_all();
	CU_ASSERT_EQUAL(label_is(p.handle, "another"), HL_OK);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 0);
	end();
}

/* The link breaks until the next one leads to the other member. */
static void move(void)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };

	for (size_t was = here(); here() == was;) {
		sim_fault(w->hsm[was].node, HL_AT_HSM_REQUEST, &cut, 0, 1);
		CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	}
}

/* Both members have it; one of them sees the change. */
static void what_is_changed_is_so_at_a_member_that_knew_it_before(void)
{
	struct hl_generated p;

	begin(22);
	p = made();
	move();
	CU_ASSERT_EQUAL(label_is(p.handle, "s"), HL_OK);
	CU_ASSERT_EQUAL(relabel(p.handle, "another"), HL_OK);
	move();
	CU_ASSERT_EQUAL(label_is(p.handle, "another"), HL_OK);
	CU_ASSERT_EQUAL(relabel(p.handle, "a third"), HL_OK);
	move();
	CU_ASSERT_EQUAL(label_is(p.handle, "a third"), HL_OK);
	end();
}

/* Two threads' calls, the change in front of the use. Who is asked does not know the key and wants it for each of the two;
 * the client cannot bring the new form for the second, since it has none yet. */
static void relabel_and_sign(uint64_t handle, const char *label)
{
	struct hl_attribute a = { HL_CKA_LABEL, HL_FORM_BYTES, hl_text(label) };
	struct hl_attributes_set set = { .handle = handle, .attributes = { .items = &a, .count = 1 } };
	struct client_call call = { .msg = &hl_msg_attributes_set, .body = &set, .expect = &hl_msg_done };
	struct hl_sign request = { .key = handle, .mechanism = HL_CKM_ECDSA_SHA256, .data = hl_text("data") };
	struct client_call sign = { .msg = &hl_msg_sign, .body = &request, .expect = &hl_msg_signed };
	struct hl_signed out;

	call.deadline_us = hl_mono_us(sim_env(c->node)) + 30000000;
	sim_enter(c->node);
	client_submit(c->core, &call);
	CU_ASSERT_EQUAL(story_send(c, &sign, &out), HL_OK);
	CU_ASSERT(call.done);
	CU_ASSERT_EQUAL(call.err, HL_OK);
	CU_ASSERT_EQUAL(call.brought, 1);
	CU_ASSERT_EQUAL(sign.brought, 1);
	hl_buf_clear(&call.frame);
	hl_buf_clear(&sign.frame);
}

static void a_use_that_is_brought_with_a_change_does_not_undo_it(void)
{
	struct hl_generated p;

	begin(23);
	p = made();
	forget_all();
	relabel_and_sign(p.handle, "another");
	CU_ASSERT_EQUAL(label_is(p.handle, "another"), HL_OK);
	forget_all();
	CU_ASSERT_EQUAL(label_is(p.handle, "another"), HL_OK);
	end();
}

/* Both are lost with the member that made the key, and asked of the other one. */
static void nor_where_both_were_lost_with_a_member(void)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };
	struct hl_generated p;
	size_t at;

	begin(24);
	p = made();
	at = here();
	hsm_keys_clear(w->hsm[at].core);
	sim_fault(w->hsm[at].node, HL_AT_HSM_REQUEST, &cut, 0, 100);
	relabel_and_sign(p.handle, "another");
	CU_ASSERT_NOT_EQUAL(here(), at);
	CU_ASSERT_EQUAL(label_is(p.handle, "another"), HL_OK);
	end();
}

/* One half lasts, so the request is an effect, and its first result is told with the other half in it. */
static void a_pair_of_which_one_half_is_stored_is_made_once(void)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };
	struct pair p;

	begin(7);
	pair_init(&p, true);
	for (size_t i = 0; i < w->hsms; i++)
		sim_fault(w->hsm[i].node, HL_AT_HSM_COMMITTED, &cut, 0, 1);
	CU_ASSERT_EQUAL(pair_make(&p), HL_OK);
	CU_ASSERT(p.call.lost);
	CU_ASSERT(!hsm_is_kept(p.made.handle) && hsm_is_kept(p.made.public_handle));
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 1);
	forget_all();
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &p.made), HL_OK);
	end();
}

/* -- they end ------------------------------------------------------------------------------------------------ */

static void a_destroyed_one_is_gone_on_both_sides(void)
{
	struct hl_generated p;

	begin(8);
	p = made();
	CU_ASSERT_EQUAL(story_destroy(c, p.handle), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &p), HL_E_KEY);
	CU_ASSERT_EQUAL(label_is(p.handle, "s"), HL_E_KEY);
	CU_ASSERT_EQUAL(story_destroy(c, p.handle), HL_E_KEY);
	CU_ASSERT_EQUAL(label_is(p.public_handle, "s"), HL_OK);
	CU_ASSERT_EQUAL(c->core->kept.n, 1);
	end();
}

static void with_the_login_the_private_ones_end(void)
{
	struct hl_generated p;

	begin(9);
	p = made();
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT_EQUAL(label_is(p.handle, "s"), HL_E_KEY);
	CU_ASSERT_EQUAL(label_is(p.public_handle, "s"), HL_OK);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	forget_all();
	CU_ASSERT_EQUAL(label_is(p.handle, "s"), HL_E_KEY);
	end();
}

static void a_link_that_is_closed_takes_them_along(void)
{
	struct hl_generated p;

	begin(10);
	p = made();
	story_close(c);
	CU_ASSERT_EQUAL(c->core->kept.n, 0);
	forget_all();
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &p), HL_E_KEY);
	end();
}

/* -- blobs ----------------------------------------------------------------------------------------------------- */

/* The blob of a session key, as the HSM told it. */
static void take_blob(struct pair *p, struct hl_buf *out)
{
	struct hl_bytes at;
	struct hl_kept one;

	pair_init(p, false);
	CU_ASSERT_EQUAL_FATAL(story_send(c, &p->call, &p->made), HL_OK);
	at = p->made.kept.raw;
	CU_ASSERT_FATAL(hl_list_next(&hl_msg_kept, &at, &one));
	CU_ASSERT_EQUAL(one.handle, p->made.handle);
	CU_ASSERT_EQUAL(one.private, 1);
	*out = hl_buf(HL_BLOB_MAX);
	hl_buf_put(out, one.blob);
	hl_buf_clear(&p->call.frame);
}

static hl_err load(struct world_client *by, struct hl_bytes blob)
{
	struct hl_object_load request = { .blob = blob };
	struct client_call call;
	struct hl_done done;
	hl_err err = world_call(by, &hl_msg_object_load, &request, &hl_msg_done, &done, &call);

	hl_buf_clear(&call.frame);
	return err;
}

/* As one of two links brings it that has not heard of the change. */
static void a_late_older_form_leaves_the_newer_one(void)
{
	struct hl_buf blob;
	struct pair p;

	begin(25);
	take_blob(&p, &blob);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(relabel(p.made.handle, i % 2 == 0 ? "another" : "a third"), HL_OK);
		CU_ASSERT_EQUAL(load(c, hl_buf_view(&blob)), HL_OK);
		CU_ASSERT_EQUAL(label_is(p.made.handle, i % 2 == 0 ? "another" : "a third"), HL_OK);
	}
	forget_all();
	CU_ASSERT_EQUAL(label_is(p.made.handle, "another"), HL_OK);
	hl_buf_clear(&blob);
	end();
}

static void one_that_was_altered_or_cut_is_no_object(void)
{
	struct hl_buf blob;
	struct pair p;

	begin(11);
	take_blob(&p, &blob);
	CU_ASSERT_PTR_NULL(memmem(hl_buf_view(&blob).p, blob.n, p256, sizeof p256));
	for (size_t i = 0; i < blob.n; i++) {
		blob.base[blob.off + i] ^= 1;
		CU_ASSERT_EQUAL(load(c, hl_buf_view(&blob)), HL_E_KEY);
		blob.base[blob.off + i] ^= 1;
		if (i > 0)
			CU_ASSERT_EQUAL(load(c, hl_bytes(blob.base + blob.off, i)), HL_E_KEY);
	}
	CU_ASSERT_EQUAL(load(c, hl_buf_view(&blob)), HL_OK);
	hl_buf_clear(&blob);
	end();
}

static void one_of_another_partition_is_no_object(void)
{
	struct world_client *other;
	struct hl_buf blob;
	struct pair p;

	begin(12);
	take_blob(&p, &blob);
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "other", "otherservice", "OTHERPART", NULL), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &other), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(other), HL_OK);
	CU_ASSERT_EQUAL_FATAL(story_log_in(other, pin()), HL_OK);
	CU_ASSERT_EQUAL(load(other, hl_buf_view(&blob)), HL_E_KEY);
	hl_buf_clear(&blob);
	end();
}

static void a_private_one_needs_the_login(void)
{
	struct hl_buf blob;
	struct pair p;

	begin(13);
	take_blob(&p, &blob);
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT_EQUAL(load(c, hl_buf_view(&blob)), HL_E_KEY);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(load(c, hl_buf_view(&blob)), HL_OK);
	hl_buf_clear(&blob);
	end();
}

static void one_that_is_too_old_is_no_object(void)
{
	struct hl_buf blob;
	struct pair p;

	begin(14);
	take_blob(&p, &blob);
	sim_wall_advance(w->sim, 30 * DAY_MS - 60000);
	CU_ASSERT_EQUAL(load(c, hl_buf_view(&blob)), HL_OK);
	sim_wall_advance(w->sim, 60000);
	CU_ASSERT_EQUAL(load(c, hl_buf_view(&blob)), HL_E_KEY);
	hl_buf_clear(&blob);
	end();
}

/* One number of the partition's row at a time. */
static void change_row(int which, int by)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	struct hsm_change change = { 0 };
	struct hsm_partition p;

	CU_ASSERT_EQUAL_FATAL(hsm_partition_load(w->hsm[0].core, hl_text(PARTITION), &p), HL_OK);
	*(which == 0 ? &p.row.blob_epoch : which == 1 ? &p.row.pin_generation : &p.row.secret_generation) += (uint32_t)by;
	CU_ASSERT_EQUAL(hsm_change_partition(w->hsm[0].core, &change, &p), HL_OK);
	change.commit.put = change.put;
	store.ops->prepare(store.at, &change.commit);
	change.commit.job.run(&change.commit.job);
	CU_ASSERT_EQUAL(change.commit.result, HL_OK);
	hsm_change_reset(&change);
	hsm_partition_clear(&p);
}

static void one_of_before_a_change_of_epoch_pin_or_secret_is_no_object(void)
{
	struct hl_buf blob;
	struct pair p;

	begin(15);
	take_blob(&p, &blob);
	for (int which = 0; which < 3; which++) {
		change_row(which, 1);
		CU_ASSERT_EQUAL(load(c, hl_buf_view(&blob)), HL_E_KEY);
		change_row(which, -1);
		CU_ASSERT_EQUAL(load(c, hl_buf_view(&blob)), HL_OK);
	}
	hl_buf_clear(&blob);
	end();
}

static void a_key_that_wants_the_pin_each_time_is_none_of_them(void)
{
	struct pair p;

	begin(16);
	pair_init(&p, false);
	p.mine[3] = (struct hl_attribute){ HL_CKA_ALWAYS_AUTHENTICATE, HL_FORM_BOOL, { &yes, 1 } };
	p.request.template.count = 4;
	CU_ASSERT_EQUAL(pair_make(&p), HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_STRING_EQUAL(p.call.failure.detail, "CKA_ALWAYS_AUTHENTICATE");
	end();
}

static void nobody_else_can_name_it(void)
{
	struct world_client *other;
	struct hl_sign request = { .mechanism = HL_CKM_ECDSA_SHA256, .data = hl_text("x") };
	struct client_call call;
	struct hl_signed out;

	begin(17);
	request.key = made().handle;
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "other", "otherservice", "OTHERPART", NULL), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &other), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(other), HL_OK);
	CU_ASSERT_EQUAL_FATAL(story_log_in(other, pin()), HL_OK);
	CU_ASSERT_EQUAL(world_call(other, &hl_msg_sign, &request, &hl_msg_signed, &out, &call), HL_E_KEY);
	hl_buf_clear(&call.frame);
	end();
}

static CU_TestInfo tests[] = {
	{ "they work, and cost nothing that lasts", they_work_and_cost_nothing_that_lasts },
	{ "they are brought to who forgot them", they_are_brought_to_who_forgot_them },
	{ "they outlive the member that made them", they_outlive_the_member_that_made_them },
	{ "they need no master", they_need_no_master },
	{ "there may be more than a member holds", there_may_be_more_than_a_member_holds },
	{ "destructions of others do not disturb them", destructions_of_others_do_not_disturb_them },
	{ "what is changed stays changed, wherever it is brought", what_is_changed_stays_changed_wherever_it_is_brought },
	{ "what is changed is so at a member that knew it before", what_is_changed_is_so_at_a_member_that_knew_it_before },
	{ "a use that is brought with a change does not undo it", a_use_that_is_brought_with_a_change_does_not_undo_it },
	{ "nor where both were lost with a member", nor_where_both_were_lost_with_a_member },
	{ "a pair of which one half is stored is made once", a_pair_of_which_one_half_is_stored_is_made_once },
	{ "a destroyed one is gone on both sides", a_destroyed_one_is_gone_on_both_sides },
	{ "with the login the private ones end", with_the_login_the_private_ones_end },
	{ "a link that is closed takes them along", a_link_that_is_closed_takes_them_along },
	{ "a late older form leaves the newer one", a_late_older_form_leaves_the_newer_one },
	{ "one that was altered or cut is no object", one_that_was_altered_or_cut_is_no_object },
	{ "one of another partition is no object", one_of_another_partition_is_no_object },
	{ "a private one needs the login", a_private_one_needs_the_login },
	{ "one that is too old is no object", one_that_is_too_old_is_no_object },
	{ "one of before a change of epoch, PIN or secret is no object",
		one_of_before_a_change_of_epoch_pin_or_secret_is_no_object },
	{ "a key that wants the PIN each time is none of them", a_key_that_wants_the_pin_each_time_is_none_of_them },
	{ "nobody else can name it", nobody_else_can_name_it },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("session objects", tests)
