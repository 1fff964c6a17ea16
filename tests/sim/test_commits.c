/* Commits that fail, those that another was faster than, and those that keep a refusal. */
#include "tests/sim/spoil.h"
#include "tests/support/test.h"

static struct hl_generated contested;

/* Another member changes the row that is about to be changed here. */
static void change_the_row(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(1 << 20);
	HL_AUTO(hl_secret_clear) struct hl_secret value = { 0 };
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	struct hsm_change change = { 0 };
	struct hsm_row row;

	CU_ASSERT_EQUAL(store.ops->get(store.at, HSM_OBJECT, hsm_partition_id(hl_text(EFFECT_PARTITION)),
				contested.handle, &memory, &row), HL_OK);
	CU_ASSERT_EQUAL(hsm_unseal(w->seal, &row, &value), HL_OK);
	row.version++;
	CU_ASSERT_EQUAL(hsm_change_put(w->hsm[0].core, &change, &row, hl_secret_view(&value)), HL_OK);
	change.commit.put = change.put;
	store.ops->prepare(store.at, &change.commit);
	change.commit.job.run(&change.commit.job);
	CU_ASSERT_EQUAL(change.commit.result, HL_OK);
	hsm_change_reset(&change);
}

static hl_err set_label(const char *text)
{
	struct hl_attribute label = { HL_CKA_LABEL, HL_FORM_BYTES, hl_text(text) };
	struct hl_attributes_set set = {
		.handle = contested.handle,
		.attributes = { .items = &label, .count = 1 },
	};
	struct client_call call;
	struct hl_done done;
	hl_err err = world_call(c, &hl_msg_attributes_set, &set, &hl_msg_done, &done, &call);

	hl_buf_clear(&call.frame);
	return err;
}

static void a_change_that_was_overtaken_runs_again(void)
{
	size_t n;

	begin(14);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &contested), HL_OK);
	spoil(7, HL_OK, change_the_row);
	CU_ASSERT_EQUAL(set_label("changed"), HL_OK);
	CU_ASSERT_EQUAL(spoilt.commits, 8);
	CU_ASSERT_EQUAL(story_count(c, "changed", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 1);
	spoil(1, HL_OK, change_the_row);
	CU_ASSERT_EQUAL(story_destroy(c, contested.handle), HL_OK);
	CU_ASSERT_EQUAL(spoilt.commits, 2);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 1);
	end();
}

/* The partition's row is expected as it was when the token's time was judged. */
static void a_floor_that_rose_meanwhile_counts(void)
{
	begin(15);
	spoil(1, HL_OK, raise_the_floor);
	CU_ASSERT_EQUAL(create_at(now_ms(), 1), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 0);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 0);
	end();
}

/* -- a partition that is made again ----------------------------------------------------------------------- */

/* The directory has lost the rows, say by a crash before the files were delivered, and is asked again. */
static hl_err make_again(void)
{
	struct dir_store store = dir_memory_store(w->dir_store);
	struct dir_change drop = { .drop_partition = EFFECT_PARTITION, .drop_user = "acmeservice" };
	struct dir_commit commit = { .change = &drop };

	store.ops->prepare(store.at, &commit);
	commit.job.run(&commit.job);
	CU_ASSERT_EQUAL(commit.result, HL_OK);
	return world_provision(w, "acme", "acmeservice", EFFECT_PARTITION, NULL);
}

static uint32_t setup_generation(void)
{
	struct hsm_partition p;
	uint32_t n;

	partition(&p);
	n = p.row.setup_generation;
	hsm_partition_clear(&p);
	return n;
}

/* As a creation does: the partition's row must stand as it is, and is not changed. */
static void make_an_object(void)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	struct hsm_change change = { 0 };
	struct hsm_partition p;
	struct hsm_row object = { .table = HSM_OBJECT, .id = 77, .version = 1, .open = hl_text("o") };
	struct hsm_row row = { .table = HSM_PARTITION };

	partition(&p);
	object.partition = row.id = p.id;
	row.version = p.version;
	CU_ASSERT_EQUAL(hsm_change_put(w->hsm[0].core, &change, &object, hl_text("value")), HL_OK);
	CU_ASSERT_EQUAL(hsm_change_expect(&change, &row), HL_OK);
	change.commit.put = change.put;
	store.ops->prepare(store.at, &change.commit);
	change.commit.job.run(&change.commit.job);
	CU_ASSERT_EQUAL(change.commit.result, HL_OK);
	hsm_change_reset(&change);
	hsm_partition_clear(&p);
}

static void begin_alone(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 3, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	log_in();
}

static void a_key_that_comes_before_the_renewal_is_committed_stops_it(void)
{
	begin_alone(24);
	spoil(1, HL_OK, make_an_object);
	CU_ASSERT_EQUAL(make_again(), HL_E_HOLDS_KEYS);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 1);
	CU_ASSERT_EQUAL(setup_generation(), 1);
	end();
}

static void a_renewal_that_was_overtaken_runs_again(void)
{
	begin_alone(25);
	spoil(2, HL_OK, raise_the_floor);
	CU_ASSERT_EQUAL(make_again(), HL_OK);
	CU_ASSERT_EQUAL(spoilt.commits, 3);
	CU_ASSERT_EQUAL(setup_generation(), 2);
	spoil(1000, HL_E_STORE_STALE, NULL);
	CU_ASSERT_EQUAL(make_again(), HL_E_BUSY);
	CU_ASSERT_EQUAL(spoilt.commits, HSM_EFFECT_TRIES);
	CU_ASSERT_EQUAL(setup_generation(), 2);
	end();
}

static void a_busy_and_a_full_store_are_named_and_nothing_happened(void)
{
	struct hl_generated key;

	begin(16);
	spoil(1, HL_E_FULL, NULL);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_E_FULL);
	spoil(1000, HL_E_BUSY, NULL);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_E_BUSY);
	CU_ASSERT_EQUAL(spoilt.commits, 1 + CLIENT_RETRIES);
	spoil(1000, HL_E_STORE_STALE, NULL);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_E_BUSY);
	CU_ASSERT_EQUAL(spoilt.commits % HSM_EFFECT_TRIES, 0);
	spoil(1000, HL_E_STORE_STALE, NULL);
	CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_BUSY);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 0);
	CU_ASSERT_EQUAL(failures(), 0);
	spoil(0, HL_OK, NULL);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	end();
}

/* Nobody knows whether it is on the disk: the member says nothing more. */
static void a_member_whose_store_failed_halts_and_acknowledges_nothing(void)
{
	struct hl_generated key;

	begin(17);
	spoil(1, HL_E_STORE, NULL);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK); /* at the other */
	CU_ASSERT(sim_traced(w->sim, "halt did - HL-0600"));
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	end();
}

/* -- refused for want of a master --------------------------------------------------------------------------- */

/* What a member has under way that took the creation while there was a master: an object, and the token. */
static struct hsm_change late;

static void prepare_late_commit(const struct client_call *call)
{
	struct hsm *h = w->hsm[1].core;
	struct hl_rd r = hl_rd(hl_bytes(call->token, sizeof call->token));
	struct hsm_row row = { .table = HSM_OBJECT, .id = 4711, .version = 1, .open = hl_text("an object") };
	const struct hl_token_result result = { .type = HL_T_generated };
	struct hsm_token t = { .time_ms = hl_rd_u64(&r) };
	struct hsm_partition p;

	t.id = t.time_ms << 20 | hl_rd_u64(&r) >> 44; /* as in hsm/token.c */
	memcpy(t.bytes, call->token, sizeof t.bytes);
	partition(&p);
	row.partition = p.id;
	CU_ASSERT_EQUAL(hsm_change_put(h, &late, &row, hl_text("its value")), HL_OK);
	CU_ASSERT_EQUAL(hsm_token_record(h, &late, &t, &p, false, &result), HL_OK);
	hsm_partition_clear(&p);
}

static hl_err commit_late(void)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	hl_err err;

	late.commit.put = late.put;
	store.ops->prepare(store.at, &late.commit);
	late.commit.job.run(&late.commit.job);
	err = late.commit.result;
	hsm_change_reset(&late);
	return err;
}

static void late_is_committed(void)
{
	CU_ASSERT_EQUAL(commit_late(), HL_OK);
}

/* To the client it was sent before; a member has it still under way, and the master dies. */
static void begin_late(uint64_t seed, struct creation *k)
{
	begin(seed);
	creation(k, "sent before");
	set_token(&k->call, now_ms(), 9);
	prepare_late_commit(&k->call);
	world_kill_hsm(w, w->master->hsm);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
}

/* Who is told that it was not made can rely on that: the refusal stands where the late commit has to put its token. */
static void what_was_refused_for_want_of_a_master_is_not_made_later(void)
{
	uint8_t token[HL_TOKEN];
	struct creation k;

	begin_late(30, &k);
	memcpy(token, k.call.token, sizeof token);
	CU_ASSERT_EQUAL(create(&k), HL_E_MASTER);
	CU_ASSERT(k.call.lost && k.call.failure.retryable);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 1);
	CU_ASSERT_EQUAL(commit_late(), HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 0);
	CU_ASSERT_EQUAL(world_restart_hsm(w, 0), HL_OK);
	CU_ASSERT_FALSE(k.call.token_made);
	memcpy(k.call.token, token, sizeof token);
	k.call.token_made = true;
	CU_ASSERT_EQUAL(create(&k), HL_E_MASTER); /* that request, for ever */
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 0);
	CU_ASSERT_EQUAL(create(&k), HL_OK); /* another one */
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	creation_clear(&k);
	end();
}

/* The other way round: the look did not find the token yet, and the commit of the refusal does. (It is of another request
 * here, so the look that follows refuses it as that; of the same one, it answers.) */
static void what_is_made_while_it_is_refused_is_not_refused(void)
{
	struct creation k;

	begin_late(31, &k);
	spoil(1, HL_OK, late_is_committed);
	CU_ASSERT_EQUAL(create(&k), HL_E_TOKEN);
	CU_ASSERT_EQUAL(spoilt.commits, 1);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 1);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 1);
	creation_clear(&k);
	end();
}

/* Where the refusal cannot be kept it is not told either. */
static void a_refusal_that_cannot_be_kept_leaves_the_outcome_unknown(void)
{
	struct creation k;

	begin_late(32, &k);
	spoil(1000000, HL_E_BUSY, NULL);
	CU_ASSERT_EQUAL(create(&k), HL_E_UNKNOWN);
	CU_ASSERT_EQUAL(rows(HSM_TOKEN), 0);
	late_is_committed();
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 1);
	creation_clear(&k);
	end();
}

static CU_TestInfo tests[] = {
	{ "a change that was overtaken runs again", a_change_that_was_overtaken_runs_again },
	{ "a floor that rose meanwhile counts", a_floor_that_rose_meanwhile_counts },
	{ "a key that comes before the renewal is committed stops it", a_key_that_comes_before_the_renewal_is_committed_stops_it },
	{ "a renewal that was overtaken runs again", a_renewal_that_was_overtaken_runs_again },
	{ "a busy and a full store are named and nothing happened", a_busy_and_a_full_store_are_named_and_nothing_happened },
	{ "a member whose store failed halts and acknowledges nothing", a_member_whose_store_failed_halts_and_acknowledges_nothing },
	{ "what was refused for want of a master is not made later",
		what_was_refused_for_want_of_a_master_is_not_made_later },
	{ "what is made while it is refused is not refused", what_is_made_while_it_is_refused_is_not_refused },
	{ "a refusal that cannot be kept leaves the outcome unknown",
		a_refusal_that_cannot_be_kept_leaves_the_outcome_unknown },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("commits", tests)
