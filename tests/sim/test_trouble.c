/* A store in trouble: what cannot be read, what was edited, what is large. */
#include "client/link_impl.h"
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/objects.h"
#include "tests/support/test.h"

static struct world *w;

static void begin(uint64_t seed, size_t hsms)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 2, hsms, &w), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

static struct world_client *user(void)
{
	struct world_client *c;

	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	return c;
}

static uint64_t partition_id(void)
{
	return hsm_partition_id(hl_text(w->user.partition));
}

/* -- reads that fail ------------------------------------------------------------------------------------ */

/* The store of the members, where reads of partitions fail after `good` of them. */
static struct {
	struct hsm_store_ops ops;
	hl_err err;
	unsigned good, bad;
	size_t scans, rows, most_rows; /* in one scan */
} spoilt;

static hl_err spoilt_get(void *store, enum hsm_table table, uint64_t partition, uint64_t id,
	struct hl_buf *memory, struct hsm_row *out)
{
	struct hsm_store under = sim_memstore_store(w->hsm_store);

	if (table == HSM_PARTITION && spoilt.good > 0)
		spoilt.good--;
	else if (table == HSM_PARTITION && spoilt.bad > 0) {
		spoilt.bad--;
		return spoilt.err;
	}
	return under.ops->get(store, table, partition, id, memory, out);
}

static void spoil(size_t member, hl_err err, unsigned good, unsigned bad)
{
	spoilt.ops = *sim_memstore_store(w->hsm_store).ops;
	spoilt.ops.get = spoilt_get;
	spoilt.err = err;
	spoilt.good = good;
	spoilt.bad = bad;
	w->hsm[member].core->conf.store.ops = &spoilt.ops;
}

static void where_one_member_cannot_read_the_store_another_serves(void)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct world_client *c;

		begin(seed, 2);
		c = user();
		spoil(0, HL_E_BUSY, 0, 1000);
		CU_ASSERT_EQUAL(world_open(c), HL_OK);
		CU_ASSERT_STRING_EQUAL(client_hsm(c->core), "hsm2");
		CU_ASSERT_EQUAL(client_failed(c->core), NULL);
		end();
	}
}

static void is_told(hl_err err)
{
	struct world_client *c;

	begin(5, 2);
	c = user();
	spoil(0, err, 0, 1000000);
	spoil(1, err, 0, 1000000);
	CU_ASSERT_EQUAL(world_open(c), err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(client_failed(c->core));
	CU_ASSERT_EQUAL(client_failed(c->core)->step, HL_STEP_RESULT);
	CU_ASSERT(client_failed(c->core)->retryable);
	CU_ASSERT(client_failed(c->core)->attempts > 1);
	spoil(0, err, 0, 0);
	spoil(1, err, 0, 0);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	end();
}

static void where_no_member_can_it_is_told_what_it_is_and_that_it_may_pass(void)
{
	is_told(HL_E_BUSY);
	is_told(HL_E_STORE);
	is_told(HL_E_NOMEM);
}

/* The ticket was taken, and then, at the ClientHello, the secret cannot be read. */
static void trouble_in_the_handshake_does_not_look_like_a_wrong_secret(void)
{
	struct world_client *c;

	begin(6, 1);
	c = user();
	spoil(0, HL_E_STORE, 1, 1);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(spoilt.bad, 0);
	CU_ASSERT(!sim_traced(w->sim, "HL-0500"));
	end();
}

/* -- finding -------------------------------------------------------------------------------------------- */

static hsm_each *each_under;

static bool count_row(void *at, const struct hsm_row *row)
{
	spoilt.rows++;
	return each_under(at, row);
}

static hl_err counted_scan(void *store, enum hsm_table table, uint64_t partition, uint64_t after,
	hsm_each *each, void *at)
{
	struct hsm_store under = sim_memstore_store(w->hsm_store);
	hl_err err;

	if (table != HSM_OBJECT)
		return under.ops->scan(store, table, partition, after, each, at);
	spoilt.scans++;
	spoilt.rows = 0;
	each_under = each;
	err = under.ops->scan(store, table, partition, after, count_row, at);
	spoilt.most_rows = spoilt.rows > spoilt.most_rows ? spoilt.rows : spoilt.most_rows;
	return err;
}

static void count_scans(void)
{
	spoilt.ops = *sim_memstore_store(w->hsm_store).ops;
	spoilt.ops.scan = counted_scan;
	spoilt.scans = spoilt.most_rows = 0;
	w->hsm[0].core->conf.store.ops = &spoilt.ops;
}

#define MANY 10000

/* A public key, as far as finding it goes. */
static void add_key(struct hsm_change *change, uint64_t handle, const struct hsm_object *key)
{
	struct hl_buf open = hl_buf(HL_FRAME_MAX);
	struct hsm_row row = { .table = HSM_OBJECT, .partition = partition_id(), .id = handle, .version = 1 };

	CU_ASSERT_EQUAL(hsm_object_encode(key, &open), HL_OK);
	row.open = hl_buf_view(&open);
	CU_ASSERT_EQUAL(hsm_change_put(w->hsm[0].core, change, &row, hl_secret_view(&key->value)), HL_OK);
	hl_buf_clear(&open);
}

static void make_many(void)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	struct hsm_change change = { 0 };
	struct hsm_object key = { 0 }, public_key = { 0 };

	make_ec_pair(p256, &key, &public_key);
	for (uint64_t i = 1; i <= MANY; i++) {
		if (i == 7 || i == MANY - 7)
			CU_ASSERT_EQUAL(hsm_attribute_set(&public_key, HL_CKA_LABEL, HL_FORM_BYTES, hl_text("rare")), HL_OK);
		if (i == 8)
			CU_ASSERT_EQUAL(hsm_attribute_set(&public_key, HL_CKA_LABEL, HL_FORM_BYTES, hl_text("usual")), HL_OK);
		add_key(&change, i, &public_key);
	}
	change.commit.put = change.put;
	store.ops->prepare(store.at, &change.commit);
	change.commit.job.run(&change.commit.job);
	CU_ASSERT_EQUAL(change.commit.result, HL_OK);
	hsm_change_reset(&change);
	hsm_object_clear(&key);
	hsm_object_clear(&public_key);
}

static void ten_thousand_objects_are_looked_at_in_parts(void)
{
	struct world_client *c;
	size_t n;

	begin(7, 1);
	make_many();
	c = user();
	count_scans();
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_count(c, "rare", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 9); /* the 7th, and the last 8 */
	CU_ASSERT(spoilt.scans >= MANY / 256 && spoilt.scans < MANY / 64);
	CU_ASSERT_EQUAL(story_count(c, NULL, &n), HL_OK);
	CU_ASSERT_EQUAL(n, MANY);
	CU_ASSERT(spoilt.most_rows <= 257);
	end();
}

/* Somebody opens a private object to everybody, in the part of its row that is not sealed. */
static void edit(uint64_t handle)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(1 << 20);
	HL_AUTO(hl_buf_clear) struct hl_buf open = hl_buf(1 << 20);
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	struct hsm_put put[2] = { 0 };
	struct hsm_commit commit = { .put = put, .puts = 2 };

	CU_ASSERT_EQUAL_FATAL(store.ops->get(store.at, HSM_OBJECT, partition_id(), handle, &memory, &put[0].row), HL_OK);
	CU_ASSERT_EQUAL(hsm_object_decode(put[0].row.open, &o), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&o, HL_CKA_PRIVATE, false), HL_OK);
	CU_ASSERT_EQUAL(hsm_object_encode(&o, &open), HL_OK);
	put[0].remove = true;
	put[1].row = put[0].row;
	put[1].row.open = hl_buf_view(&open);
	store.ops->prepare(store.at, &commit);
	commit.job.run(&commit.job);
	CU_ASSERT_EQUAL(commit.result, HL_OK);
}

static void an_object_whose_row_was_edited_is_not_listed(void)
{
	struct hl_generated key;
	struct world_client *c;
	size_t n;

	begin(8, 1);
	c = user();
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "mine", &key), HL_OK);
	story_close(c);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_count(c, "mine", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 1); /* the public key */
	edit(key.handle);
	CU_ASSERT_EQUAL(story_count(c, "mine", &n), HL_E_STORE_SEAL);
	end();
}

static CU_TestInfo tests[] = {
	{ "where one member cannot read the store another serves", where_one_member_cannot_read_the_store_another_serves },
	{ "where no member can, it is told what it is, and that it may pass", where_no_member_can_it_is_told_what_it_is_and_that_it_may_pass },
	{ "trouble in the handshake does not look like a wrong secret", trouble_in_the_handshake_does_not_look_like_a_wrong_secret },
	{ "ten thousand objects are looked at in parts", ten_thousand_objects_are_looked_at_in_parts },
	{ "an object whose row was edited is not listed", an_object_whose_row_was_edited_is_not_listed },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("trouble", tests)
