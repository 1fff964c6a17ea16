/* Effects happen once: what becomes of requests that are sent again, and of commits that another was faster than. */
#include <stdio.h>
#include <stdlib.h>

#include "client/link_impl.h"
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

#define PARTITION "ACMEPARTONE"

static struct world *w;
static struct world_client *c;

static struct hl_bytes pin(void)
{
	return hl_secret_view(&w->user.pin);
}

static void log_in(void)
{
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
}

static void begin(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 3, 2, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	log_in();
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

/* Log in at a member: the one that the link leads to now, or another. */
static void move(bool other)
{
	char now[HL_NAME_TEXT + 1];

	memcpy(now, client_hsm(c->core), sizeof now);
	do {
		story_close(c);
		CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	} while ((strcmp(now, client_hsm(c->core)) != 0) != other);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
}

static struct hsm *member(void)
{
	return w->hsm[strcmp(client_hsm(c->core), w->hsm[0].name) == 0 ? 0 : 1].core;
}

static uint64_t rows(enum hsm_table table)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	uint64_t n = 0;

	CU_ASSERT_EQUAL(store.ops->count(store.at, table, hsm_partition_id(hl_text(PARTITION)), &n), HL_OK);
	return n;
}

static void partition(struct hsm_partition *p)
{
	CU_ASSERT_EQUAL_FATAL(hsm_partition_load(w->hsm[0].core, hl_text(PARTITION), p), HL_OK);
}

static uint32_t failures(void)
{
	struct hsm_partition p;
	uint32_t n;

	partition(&p);
	n = p.row.pin_failures;
	hsm_partition_clear(&p);
	return n;
}

static int64_t floor_ms(void)
{
	struct hsm_partition p;
	int64_t ms;

	partition(&p);
	ms = (int64_t)p.row.token_floor_ms;
	hsm_partition_clear(&p);
	return ms;
}

/* -- requests with a token of the test's own choice ----------------------------------------------------- */

struct creation {
	struct story_key key;
	struct client_call call;
	struct hl_generated made;
};

static void creation(struct creation *k, const char *label)
{
	*k = (struct creation){ .call = { .msg = &hl_msg_generate, .expect = &hl_msg_generated } };
	story_key_init(&k->key, label);
	k->call.body = &k->key.request;
}

static hl_err create(struct creation *k)
{
	return story_send(c, &k->call, &k->made);
}

static void creation_clear(struct creation *k)
{
	hl_buf_clear(&k->call.frame);
}

static void set_token(struct client_call *call, int64_t time_ms, uint8_t mark)
{
	for (size_t i = 0; i < 8; i++)
		call->token[i] = (uint8_t)((uint64_t)time_ms >> 8 * (7 - i));
	memset(call->token + 8, mark, 8);
	call->token_made = true;
}

static int64_t now_ms(void)
{
	return hl_wall_ms(sim_env(c->node));
}

/* To the client a token that it did not make is one of an earlier try: that its time is refused leaves the outcome
 * unknown. */
static hl_err create_at(int64_t time_ms, uint8_t mark)
{
	struct creation k;
	hl_err err;

	creation(&k, "timed");
	set_token(&k.call, time_ms, mark);
	err = create(&k);
	creation_clear(&k);
	return err;
}

/* Cut the link after the next commit of each member, `times` times; 0: no more. */
static void cut_after_commits(unsigned times)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };

	for (size_t i = 0; i < w->hsms; i++)
		sim_fault(w->hsm[i].node, HL_AT_HSM_COMMITTED, &cut, 0, times);
}

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

/* -- commits that fail ---------------------------------------------------------------------------------- */

/* The store of a member, with commits that end as the test says. */
static struct {
	struct hsm_store under;
	void (*run)(struct hl_job *j); /* the store's own */
	void (*before)(void);          /* what somebody else commits first, `times` times */
	hl_err result;                 /* instead of a commit, `times` times */
	unsigned times, commits;
} spoilt;

/* Lines of the log, which nobody waits for. */
static bool is_log(const struct hsm_commit *commit)
{
	for (size_t i = 0; i < commit->puts; i++)
		if (!commit->put[i].append)
			return false;
	return commit->puts > 0;
}

static void run_spoilt(struct hl_job *j)
{
	struct hsm_commit *commit = (struct hsm_commit *)j;

	spoilt.commits += !is_log(commit);
	if (spoilt.times == 0 || is_log(commit)) {
		spoilt.run(j);
		return;
	}
	spoilt.times--;
	if (spoilt.before) {
		spoilt.before();
		spoilt.run(j);
	} else {
		commit->result = spoilt.result;
	}
}

static void prepare_spoilt(void *store, struct hsm_commit *commit)
{
	spoilt.under.ops->prepare(store, commit);
	spoilt.run = commit->job.run;
	commit->job.run = run_spoilt;
}

static void spoil(unsigned times, hl_err result, void (*before)(void))
{
	static struct hsm_store_ops ops;
	struct hsm *h = member();

	spoilt.under = sim_memstore_store(w->hsm_store);
	ops = *spoilt.under.ops;
	ops.prepare = prepare_spoilt;
	h->conf.store.ops = &ops;
	spoilt.times = times;
	spoilt.result = result;
	spoilt.before = before;
	spoilt.commits = 0;
}

static struct hl_generated contested;

/* Another member changes the row that is about to be changed here. */
static void change_the_row(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(1 << 20);
	HL_AUTO(hl_secret_clear) struct hl_secret value = { 0 };
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	struct hsm_change change = { 0 };
	struct hsm_row row;

	CU_ASSERT_EQUAL(store.ops->get(store.at, HSM_OBJECT, hsm_partition_id(hl_text(PARTITION)),
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
static void raise_the_floor(void)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	struct hsm_change change = { 0 };
	struct hsm_partition p;

	partition(&p);
	p.row.token_floor_ms = (uint64_t)now_ms() + 1000000;
	CU_ASSERT_EQUAL(hsm_change_partition(w->hsm[0].core, &change, &p), HL_OK);
	change.commit.put = change.put;
	store.ops->prepare(store.at, &change.commit);
	change.commit.job.run(&change.commit.job);
	CU_ASSERT_EQUAL(change.commit.result, HL_OK);
	hsm_change_reset(&change);
	hsm_partition_clear(&p);
}

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
	struct dir_change drop = { .drop_partition = PARTITION, .drop_user = "acmeservice" };
	struct dir_commit commit = { .change = &drop };

	store.ops->prepare(store.at, &commit);
	commit.job.run(&commit.job);
	CU_ASSERT_EQUAL(commit.result, HL_OK);
	return world_provision(w, "acme", "acmeservice", PARTITION, NULL);
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

/* -- what the client does by itself --------------------------------------------------------------------- */

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
	{ "a change that was overtaken runs again", a_change_that_was_overtaken_runs_again },
	{ "a floor that rose meanwhile counts", a_floor_that_rose_meanwhile_counts },
	{ "a key that comes before the renewal is committed stops it", a_key_that_comes_before_the_renewal_is_committed_stops_it },
	{ "a renewal that was overtaken runs again", a_renewal_that_was_overtaken_runs_again },
	{ "a busy and a full store are named and nothing happened", a_busy_and_a_full_store_are_named_and_nothing_happened },
	{ "a busy store is asked again", a_busy_store_is_asked_again },
	{ "a token made by a wrong clock is made anew, once", a_token_made_by_a_wrong_clock_is_made_anew_once },
	{ "a request without an effect goes on over a new link", a_request_without_an_effect_goes_on_over_a_new_link },
	{ "a request that breaks every link is sent with pauses", a_request_that_breaks_every_link_is_sent_with_pauses },
	{ "a login goes on over a new link", a_login_goes_on_over_a_new_link },
	{ "without an answer until the deadline the outcome is unknown", without_an_answer_until_the_deadline_the_outcome_is_unknown },
	{ "what was acknowledged is there once, whatever was cut", what_was_acknowledged_is_there_once_whatever_was_cut },
	{ "a member whose store failed halts and acknowledges nothing", a_member_whose_store_failed_halts_and_acknowledges_nothing },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("effects", tests)
