/* A cluster of several members: what one of them changes is known to all before anybody is told, and what becomes of
 * new keys when the master has died. */
#include "client/link_impl.h"
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

#define CLIENTS 3 /* one at each member */
#define LOOK_US (HSM_LOOK_US + 100000)

static struct world *w;
static struct world_client *at[CLIENTS]; /* logged in at hsm1, hsm2, hsm3 */

static struct hl_bytes pin(void)
{
	return hl_secret_view(&w->user.pin);
}

static void log_in_at(struct world_client *c, size_t hsm)
{
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	while (strcmp(client_hsm(c->core), w->hsm[hsm].name) != 0) {
		story_close(c);
		CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	}
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
}

static void begin_as(uint64_t seed, size_t hsms, bool master_any)
{
	const struct world_options options = { .seed = seed, .proxies = 1, .hsms = hsms, .master_any = master_any };

	CU_ASSERT_EQUAL_FATAL(world_new_as(&options, &w), HL_OK);
	for (size_t i = 0; i < hsms; i++) {
		CU_ASSERT_EQUAL_FATAL(world_user_client(w, &at[i]), HL_OK);
		log_in_at(at[i], i);
	}
}

static void begin(uint64_t seed, size_t hsms)
{
	begin_as(seed, hsms, false);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

static struct hsm_mark mark(void)
{
	struct hsm_shared page = hsm_page_shared(w->page);
	struct hsm_mark m;

	page.ops->mark(page.at, &m);
	return m;
}

static uint64_t rows(enum hsm_table table)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	uint64_t n = 0;

	CU_ASSERT_EQUAL(
		store.ops->count(store.at, table, hsm_partition_id(hl_text(w->user.partition)), &n), HL_OK);
	return n;
}

static hl_err sign(struct world_client *c, uint64_t key)
{
	struct hl_sign request = { .key = key, .mechanism = HL_CKM_ECDSA_SHA256, .data = hl_text("a text") };
	struct client_call call;
	struct hl_signed made;
	hl_err err = world_call(c, &hl_msg_sign, &request, &hl_msg_signed, &made, &call);

	hl_buf_clear(&call.frame);
	return err;
}

static hl_err relabel(struct world_client *c, uint64_t key, const char *label)
{
	struct hl_attribute a = { HL_CKA_LABEL, HL_FORM_BYTES, hl_text(label) };
	struct hl_attributes_set request = { .handle = key, .attributes = { .items = &a, .count = 1 } };
	struct client_call call;
	struct hl_done done;
	hl_err err = world_call(c, &hl_msg_attributes_set, &request, &hl_msg_done, &done, &call);

	hl_buf_clear(&call.frame);
	return err;
}

/* A key that all members have parsed and keep. */
static void make_known(struct hl_generated *key)
{
	CU_ASSERT_EQUAL_FATAL(story_make_key(at[0], "k", key), HL_OK);
	for (size_t i = 0; i < w->hsms; i++)
		CU_ASSERT_EQUAL(sign(at[i], key->handle), HL_OK);
}

/* -- what members keep -------------------------------------------------------------------------------- */

static void a_key_that_was_destroyed_at_one_member_signs_at_none(void)
{
	struct hl_generated key;

	begin(1, 3);
	make_known(&key);
	CU_ASSERT_EQUAL(story_destroy(at[0], key.handle), HL_OK);
	CU_ASSERT_EQUAL(sign(at[1], key.handle), HL_E_KEY);
	CU_ASSERT_EQUAL(sign(at[2], key.handle), HL_E_KEY);
	CU_ASSERT_EQUAL(sign(at[0], key.handle), HL_E_KEY);
	end();
}

/* The store below, counting the reads. */
static struct hsm_store beneath;
static unsigned reads;

static hl_err counting_get(void *store, enum hsm_table table, uint64_t partition, uint64_t id, struct hl_buf *memory,
	struct hsm_row *out)
{
	reads++;
	return beneath.ops->get(store, table, partition, id, memory, out);
}

static hl_err counting_number(void *store, uint64_t *out)
{
	reads++;
	return beneath.ops->generation(store, out);
}

static void count_reads(size_t hsm)
{
	static struct hsm_store_ops ops;

	beneath = sim_memstore_store(w->hsm_store);
	ops = *beneath.ops;
	ops.get = counting_get;
	ops.generation = counting_number;
	w->hsm[hsm].core->conf.store.ops = &ops;
	reads = 0;
}

static void a_signature_does_not_read_the_store(void)
{
	struct hl_generated key, other;
	uint64_t epoch;

	begin(3, 2);
	make_known(&key);
	story_pass(w, 2 * LOOK_US); /* those who look once a second have seen all of it */
	count_reads(1);
	CU_ASSERT_EQUAL(sign(at[1], key.handle), HL_OK);
	CU_ASSERT_EQUAL(story_ping(at[1]), HL_OK);
	CU_ASSERT_EQUAL(reads, 0);
	epoch = mark().epoch;
	CU_ASSERT_EQUAL(story_make_key(at[0], "another", &other), HL_OK); /* nothing that anybody keeps */
	CU_ASSERT_EQUAL(mark().epoch, epoch);
	CU_ASSERT_EQUAL(sign(at[1], key.handle), HL_OK);
	CU_ASSERT_EQUAL(reads, 0);
	CU_ASSERT_EQUAL(story_destroy(at[0], other.handle), HL_OK);
	CU_ASSERT_EQUAL(mark().epoch, epoch + 1);
	CU_ASSERT_EQUAL(sign(at[1], key.handle), HL_OK);
	CU_ASSERT_EQUAL(reads, 1); /* the key's row, parsed anew */
	end();
}

/* What is kept of a key may follow from any of its attributes. */
static void after_a_change_of_an_attribute_all_members_read_the_key_anew(void)
{
	struct hl_generated key;
	uint64_t epoch;

	begin(2, 2);
	make_known(&key);
	story_pass(w, 2 * LOOK_US);
	epoch = mark().epoch;
	CU_ASSERT_EQUAL(relabel(at[0], key.handle, "another"), HL_OK);
	CU_ASSERT_EQUAL(mark().epoch, epoch + 1);
	count_reads(1);
	CU_ASSERT_EQUAL(sign(at[1], key.handle), HL_OK);
	CU_ASSERT_EQUAL(reads, 1);
	CU_ASSERT_EQUAL(sign(at[1], key.handle), HL_OK);
	CU_ASSERT_EQUAL(reads, 1);
	end();
}

static void counters_and_tokens_leave_the_epoch_alone(void)
{
	uint64_t epoch;

	begin(4, 2);
	epoch = mark().epoch;
	CU_ASSERT_EQUAL(story_log_in(at[0], hl_text("wrong")), HL_E_PIN);
	CU_ASSERT_EQUAL(story_log_in(at[0], pin()), HL_OK); /* the counter falls again */
	CU_ASSERT_EQUAL(mark().epoch, epoch);
	end();
}

/* -- a member that dies between its commit and the page ------------------------------------------------ */

static bool is_committed(void *objects)
{
	return rows(HSM_OBJECT) == *(uint64_t *)objects;
}

/* Send a destruction to hsm1, and kill that as soon as the store has it. */
static void destroy_and_die(struct client_call *call)
{
	uint64_t left = rows(HSM_OBJECT) - 1;

	call->deadline_us = hl_mono_us(sim_env(at[0]->node)) + 60000000;
	sim_enter(at[0]->node);
	client_submit(at[0]->core, call);
	sim_pump(at[0]->node);
	CU_ASSERT_FATAL(sim_run(w->sim, is_committed, &left, 1000000));
	world_kill_hsm(w, 0);
	CU_ASSERT(!call->done);
}

static void a_member_that_dies_after_its_commit_has_told_nobody_and_the_others_learn_of_it(void)
{
	struct hl_destroy request = { 0 };
	struct client_call call = { .msg = &hl_msg_destroy, .body = &request, .expect = &hl_msg_done };
	struct hl_generated key;
	uint64_t epoch;

	begin(5, 3);
	make_known(&key);
	epoch = mark().epoch;
	request.handle = key.handle;
	destroy_and_die(&call);
	client_cancel(at[0]->core, &call);
	CU_ASSERT_EQUAL(mark().epoch, epoch);
	CU_ASSERT_EQUAL(sign(at[1], key.handle), HL_OK); /* which nobody can tell from one before the destruction */
	story_pass(w, LOOK_US);
	CU_ASSERT_EQUAL(mark().epoch, epoch + 1);
	CU_ASSERT_EQUAL(sign(at[1], key.handle), HL_E_KEY);
	CU_ASSERT_EQUAL(sign(at[2], key.handle), HL_E_KEY);
	hl_buf_clear(&call.frame);
	end();
}

/* Asked again at hsm2, whose answer comes from the table of tokens: hsm3 knows before it leaves. */
static void an_answer_from_the_table_of_tokens_raises_the_epoch_first(void)
{
	struct hl_destroy request = { 0 };
	struct client_call call = { .msg = &hl_msg_destroy, .body = &request, .expect = &hl_msg_done };
	struct hl_generated key;
	struct hl_done done;
	uint64_t epoch;

	begin(6, 3);
	make_known(&key);
	epoch = mark().epoch;
	request.handle = key.handle;
	destroy_and_die(&call);
	client_cancel(at[0]->core, &call);
	/* hsm2 and hsm3 do not look at the store by themselves. */
	w->hsm[1].core->epoch.look_us = w->hsm[2].core->epoch.look_us = INT64_MAX;
	story_close(at[0]);
	log_in_at(at[0], 1);
	CU_ASSERT_EQUAL(mark().epoch, epoch);
	CU_ASSERT_EQUAL(sign(at[2], key.handle), HL_OK);
	CU_ASSERT_EQUAL(story_send(at[0], &call, &done), HL_OK);
	CU_ASSERT_EQUAL(mark().epoch, epoch + 1);
	CU_ASSERT_EQUAL(sign(at[2], key.handle), HL_E_KEY);
	hl_buf_clear(&call.frame);
	end();
}

static uint64_t generation(void)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	uint64_t n = 0;

	CU_ASSERT_EQUAL(store.ops->generation(store.at, &n), HL_OK);
	return n;
}

/* Who died after the commit may not have written the guard. To look at the store does not make it guarded, a commit
 * does, and only then is the answer told. */
static void an_answer_from_the_table_of_tokens_waits_for_the_guard(void)
{
	struct hl_destroy request = { 0 };
	struct client_call call = { .msg = &hl_msg_destroy, .body = &request, .expect = &hl_msg_done };
	struct hl_generated key;
	struct hl_done done;
	uint64_t guarded, made;

	begin(19, 2);
	make_known(&key);
	story_pass(w, LOOK_US); /* what was queued for the log is written */
	guarded = mark().generation;
	CU_ASSERT_EQUAL(guarded, generation());
	request.handle = key.handle;
	destroy_and_die(&call);
	client_cancel(at[0]->core, &call);
	story_pass(w, LOOK_US);
	made = generation();
	CU_ASSERT(made > guarded);
	CU_ASSERT_EQUAL(mark().generation, guarded);
	at[0] = at[1];
	call.done = false;
	CU_ASSERT_EQUAL(story_send(at[0], &call, &done), HL_OK);
	CU_ASSERT_EQUAL(generation(), made + 1);
	CU_ASSERT_EQUAL(mark().generation, made + 1);
	CU_ASSERT_EQUAL(done.generation, made + 1);
	hl_buf_clear(&call.frame);
	end();
}

static hl_err cannot_tell(void *store, uint64_t *out)
{
	(void)store, (void)out;
	return HL_E_STORE;
}

static void who_cannot_ask_the_store_uses_nothing_that_it_keeps(void)
{
	static struct hsm_store_ops ops;
	struct hl_generated key;

	begin(7, 2);
	make_known(&key);
	ops = *w->hsm[1].core->conf.store.ops;
	ops.data_version = cannot_tell;
	w->hsm[1].core->conf.store.ops = &ops;
	CU_ASSERT_EQUAL(w->hsm[1].core->keys.n, 1);
	story_pass(w, LOOK_US);
	CU_ASSERT_EQUAL(w->hsm[1].core->keys.n, 0);
	end();
}

/* Changes that are under way at once build on one another; the loser of two members runs again. */
static void changes_at_once_all_raise_the_epoch(void)
{
	enum { EACH = 5 };
	struct hl_destroy request[2][EACH];
	struct client_call call[2][EACH];
	uint64_t epoch;

	begin(8, 2);
	for (size_t i = 0; i < 2 * EACH; i++) {
		struct hl_generated key;

		CU_ASSERT_EQUAL_FATAL(story_make_key(at[0], "k", &key), HL_OK);
		request[i % 2][i / 2] = (struct hl_destroy){ .handle = key.handle };
	}
	epoch = mark().epoch;
	for (size_t i = 0; i < 2 * EACH; i++) {
		struct client_call *one = &call[i % 2][i / 2];

		*one = (struct client_call){
			.msg = &hl_msg_destroy, .body = &request[i % 2][i / 2], .expect = &hl_msg_done
		};
		sim_enter(at[i % 2]->node);
		client_submit(at[i % 2]->core, one);
		sim_pump(at[i % 2]->node);
	}
	story_pass(w, 1000000);
	for (size_t i = 0; i < 2 * EACH; i++) {
		CU_ASSERT(call[i % 2][i / 2].done);
		CU_ASSERT_EQUAL(call[i % 2][i / 2].err, HL_OK);
		hl_buf_clear(&call[i % 2][i / 2].frame);
	}
	CU_ASSERT_EQUAL(mark().epoch, epoch + 2 * EACH);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2 * EACH);
	end();
}

/* -- master -------------------------------------------------------------------------------------------- */

static void a_new_key_needs_a_master_that_lives(void)
{
	struct hl_generated key, none;
	size_t n;

	begin(10, 2);
	make_known(&key);
	CU_ASSERT_EQUAL(story_make_key(at[1], "made elsewhere", &none), HL_OK); /* at any member, nothing is forwarded */
	world_kill_hsm(w, 0);
	CU_ASSERT_EQUAL(story_make_key(at[1], "no", &none), HL_E_MASTER);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 4);
	CU_ASSERT_EQUAL(story_sign_and_verify(at[1], &key), HL_OK);
	CU_ASSERT_EQUAL(story_count(at[1], "k", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_EQUAL(relabel(at[1], key.handle, "other"), HL_OK);
	CU_ASSERT_EQUAL(story_destroy(at[1], key.handle), HL_OK);
	story_pass(w, 60000000);
	CU_ASSERT_EQUAL(story_make_key(at[1], "no", &none), HL_E_MASTER); /* nobody takes over by itself */
	end();
}

static void a_member_that_is_not_master_may_die(void)
{
	struct hl_generated key;

	begin(11, 2);
	world_kill_hsm(w, 1);
	CU_ASSERT_EQUAL(story_make_key(at[0], "k", &key), HL_OK);
	CU_ASSERT_EQUAL(world_restart_hsm(w, 1), HL_OK);
	CU_ASSERT_EQUAL(mark().term, 1);
	end();
}

static void whoever_starts_next_is_master_in_the_next_term(void)
{
	struct hl_generated key;
	uint64_t before;

	begin(12, 2);
	before = mark().term;
	CU_ASSERT_EQUAL(before, 1);
	CU_ASSERT_EQUAL(at[1]->core->term, before);
	world_kill_hsm(w, 0);
	CU_ASSERT_EQUAL(story_make_key(at[1], "k", &key), HL_E_MASTER);
	CU_ASSERT_EQUAL(world_restart_hsm(w, 0), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(at[1], "k", &key), HL_OK);
	CU_ASSERT_EQUAL(at[1]->core->term, before + 1);
	/* The cluster stands still, whoever was master: hsm2 takes it from hsm1. */
	world_kill_hsm(w, 1);
	world_kill_hsm(w, 0);
	CU_ASSERT_EQUAL(world_restart_hsm(w, 1), HL_OK);
	CU_ASSERT_EQUAL(world_restart_hsm(w, 0), HL_OK);
	log_in_at(at[0], 0);
	CU_ASSERT_EQUAL(story_make_key(at[0], "k", &key), HL_OK);
	CU_ASSERT_EQUAL(at[0]->core->term, before + 2);
	CU_ASSERT_EQUAL(story_sign_and_verify(at[0], &key), HL_OK);
	end();
}

/* Workers die and come again, and with one of them as master the cluster would lose it. */
static void a_worker_that_is_started_anew_becomes_no_master(void)
{
	struct hsm_conf conf;
	struct hsm *worker = NULL;

	begin(20, 2);
	world_kill_hsm(w, 0);
	conf = w->hsm[1].core->conf;
	conf.follows = true;
	sim_enter(w->hsm[1].node);
	CU_ASSERT_EQUAL(hsm_new(sim_env(w->hsm[1].node), &conf, &worker), HL_OK);
	CU_ASSERT_EQUAL(conf.master.ops->lives(conf.master.at), HL_E_MASTER);
	CU_ASSERT_EQUAL(mark().term, 1);
	hsm_free(worker);
	end();
}

/* The key was made at the master, which died before it could say so. */
static void what_was_committed_is_answered_anywhere_without_a_master(void)
{
	struct client_call call = { .msg = &hl_msg_generate, .expect = &hl_msg_generated };
	struct hl_generated first, again;
	struct story_key k;

	begin(13, 2);
	story_key_init(&k, "once");
	call.body = &k.request;
	CU_ASSERT_EQUAL(story_send(at[0], &call, &first), HL_OK);
	world_kill_hsm(w, 0);
	story_pass(w, 1000000);
	log_in_at(at[0], 1);
	CU_ASSERT_EQUAL(story_send(at[0], &call, &again), HL_OK);
	CU_ASSERT_EQUAL(again.handle, first.handle);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 2);
	call.token_made = false; /* another request */
	CU_ASSERT_EQUAL(story_send(at[0], &call, &again), HL_E_MASTER);
	CU_ASSERT(call.failure.retryable);
	/* And the one that was refused succeeds as another request, once there is a master again. */
	CU_ASSERT_EQUAL(world_restart_hsm(w, 0), HL_OK);
	CU_ASSERT_EQUAL(story_send(at[0], &call, &again), HL_OK);
	CU_ASSERT_NOT_EQUAL(again.handle, first.handle);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 4);
	hl_buf_clear(&call.frame);
	end();
}

/* An RSA key takes its time, and the master dies meanwhile. */
static void a_key_under_way_is_refused_too(void)
{
	struct hl_generated key;
	struct hl_attribute bits = { HL_CKA_MODULUS_BITS, HL_FORM_NUMBER, { NULL, 8 } };
	static const uint8_t b2048[8] = { [6] = 2048 >> 8 };
	struct hl_generate request = {
		.mechanism = HL_CKM_RSA_PKCS_KEY_PAIR_GEN,
		.public_template = { .items = &bits, .count = 1 },
	};
	struct client_call call = { .msg = &hl_msg_generate, .body = &request, .expect = &hl_msg_generated };

	begin(14, 2);
	bits.value.p = b2048;
	call.deadline_us = hl_mono_us(sim_env(at[1]->node)) + 30000000;
	sim_enter(at[1]->node);
	client_submit(at[1]->core, &call);
	sim_pump(at[1]->node);
	story_pass(w, 1000); /* it is there, and its job takes 2 ms */
	CU_ASSERT_PTR_NOT_NULL(w->hsm[1].core->tasks);
	world_kill_hsm(w, 0);
	story_pass(w, 1000000);
	CU_ASSERT(call.done);
	CU_ASSERT_EQUAL(call.err, HL_E_MASTER);
	CU_ASSERT_EQUAL(rows(HSM_OBJECT), 0);
	CU_ASSERT_EQUAL(story_make_key(at[1], "k", &key), HL_E_MASTER);
	hl_buf_clear(&call.frame);
	end();
}

static void where_any_member_will_do_the_cluster_goes_on(void)
{
	struct hl_generated key;

	begin_as(15, 2, true);
	world_kill_hsm(w, 0);
	CU_ASSERT_EQUAL(story_make_key(at[1], "k", &key), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(at[1], &key), HL_OK);
	CU_ASSERT_EQUAL(at[1]->core->term, 1);
	CU_ASSERT_EQUAL(world_restart_hsm(w, 0), HL_OK);
	CU_ASSERT_EQUAL(story_ping(at[1]), HL_OK);
	CU_ASSERT_EQUAL(at[1]->core->term, 2);
	end();
}

/* -- who has seen more --------------------------------------------------------------------------------- */

static hl_err ping_having_seen(uint64_t term, uint64_t generation)
{
	at[0]->core->term = term;
	at[0]->core->generation = generation;
	return story_ping(at[0]);
}

static void a_member_that_is_behind_says_so(void)
{
	struct hsm_mark now;

	begin(16, 1);
	now = mark();
	CU_ASSERT_EQUAL(ping_having_seen(now.term, now.generation), HL_OK);
	CU_ASSERT_EQUAL(ping_having_seen(now.term, now.generation + 1), HL_E_BEHIND);
	CU_ASSERT_EQUAL(ping_having_seen(now.term + 1, 0), HL_E_BEHIND);
	CU_ASSERT_EQUAL(ping_having_seen(now.term - 1, now.generation + 1), HL_OK);
	end();
}

static void nothing(void *shared, struct hsm_mark *out)
{
	(void)shared;
	*out = (struct hsm_mark){ 0 };
}

static void tell_nobody(void *shared, const struct hsm_mark *to)
{
	(void)shared, (void)to;
}

static hl_err no_commits(void *store, uint64_t *out)
{
	(void)store;
	*out = 0;
	return HL_OK;
}

/* It would be behind the next time too. */
static void who_is_told_that_a_member_is_behind_asks_another(void)
{
	static struct hsm_shared_ops page;
	static struct hsm_store_ops store;

	begin(18, 2);
	page = *w->hsm[0].core->conf.shared.ops;
	page.mark = nothing;
	page.raise = tell_nobody;
	w->hsm[0].core->conf.shared.ops = &page;
	store = *w->hsm[0].core->conf.store.ops;
	store.generation = no_commits;
	w->hsm[0].core->conf.store.ops = &store;
	CU_ASSERT_EQUAL(story_ping(at[0]), HL_OK);
	CU_ASSERT_STRING_EQUAL(client_hsm(at[0]->core), w->hsm[1].name);
	end();
}

/* What a member left untold is no reason to refuse: the store has it. */
static void a_page_that_is_behind_the_store_refuses_nobody(void)
{
	struct hsm_mark before;
	struct hl_generated key;

	begin(17, 1);
	before = mark();
	CU_ASSERT_EQUAL(story_make_key(at[0], "k", &key), HL_OK);
	w->hsm[0].core->epoch.look_us = INT64_MAX;
	atomic_store(&w->page->generation, before.generation);
	CU_ASSERT_EQUAL(story_ping(at[0]), HL_OK);
	CU_ASSERT_EQUAL(mark().generation, at[0]->core->generation);
	end();
}

static CU_TestInfo tests[] = {
	{ "a key that was destroyed at one member signs at none", a_key_that_was_destroyed_at_one_member_signs_at_none },
	{ "a signature does not read the store", a_signature_does_not_read_the_store },
	{ "after a change of an attribute all members read the key anew",
		after_a_change_of_an_attribute_all_members_read_the_key_anew },
	{ "counters and tokens leave the epoch alone", counters_and_tokens_leave_the_epoch_alone },
	{ "a member that dies after its commit has told nobody, and the others learn of it",
		a_member_that_dies_after_its_commit_has_told_nobody_and_the_others_learn_of_it },
	{ "an answer from the table of tokens raises the epoch first",
		an_answer_from_the_table_of_tokens_raises_the_epoch_first },
	{ "an answer from the table of tokens waits for the guard",
		an_answer_from_the_table_of_tokens_waits_for_the_guard },
	{ "who cannot ask the store uses nothing that it keeps", who_cannot_ask_the_store_uses_nothing_that_it_keeps },
	{ "changes at once all raise the epoch", changes_at_once_all_raise_the_epoch },
	{ "a new key needs a master that lives", a_new_key_needs_a_master_that_lives },
	{ "a member that is not master may die", a_member_that_is_not_master_may_die },
	{ "whoever starts next is master, in the next term", whoever_starts_next_is_master_in_the_next_term },
	{ "a worker that is started anew becomes no master", a_worker_that_is_started_anew_becomes_no_master },
	{ "what was committed is answered anywhere, without a master",
		what_was_committed_is_answered_anywhere_without_a_master },
	{ "a key under way is refused too", a_key_under_way_is_refused_too },
	{ "where any member will do, the cluster goes on", where_any_member_will_do_the_cluster_goes_on },
	{ "a member that is behind says so", a_member_that_is_behind_says_so },
	{ "who is told that a member is behind asks another", who_is_told_that_a_member_is_behind_asks_another },
	{ "a page that is behind the store refuses nobody", a_page_that_is_behind_the_store_refuses_nobody },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("cluster", tests)
