#include "tests/sim/effect.h"

#include "client/link_impl.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

struct world *w;
struct world_client *c;

struct hl_bytes pin(void)
{
	return hl_secret_view(&w->user.pin);
}

void log_in(void)
{
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
}

void begin(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 3, 2, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	log_in();
}

void end(void)
{
	world_free(w);
	w = NULL;
}

void move(bool other)
{
	char now[HL_NAME_TEXT + 1];

	memcpy(now, client_hsm(c->core), sizeof now);
	do {
		story_close(c);
		CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	} while ((strcmp(now, client_hsm(c->core)) != 0) != other);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
}

struct hsm *member(void)
{
	return w->hsm[strcmp(client_hsm(c->core), w->hsm[0].name) == 0 ? 0 : 1].core;
}

uint64_t rows(enum hsm_table table)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	uint64_t n = 0;

	CU_ASSERT_EQUAL(store.ops->count(store.at, table, hsm_partition_id(hl_text(EFFECT_PARTITION)), &n), HL_OK);
	return n;
}

void partition(struct hsm_partition *p)
{
	CU_ASSERT_EQUAL_FATAL(hsm_partition_load(w->hsm[0].core, hl_text(EFFECT_PARTITION), p), HL_OK);
}

uint32_t failures(void)
{
	struct hsm_partition p;
	uint32_t n;

	partition(&p);
	n = p.row.pin_failures;
	hsm_partition_clear(&p);
	return n;
}

int64_t floor_ms(void)
{
	struct hsm_partition p;
	int64_t ms;

	partition(&p);
	ms = (int64_t)p.row.token_floor_ms;
	hsm_partition_clear(&p);
	return ms;
}

/* -- requests with a token of the test's own choice ----------------------------------------------------- */

void creation(struct creation *k, const char *label)
{
	*k = (struct creation){ .call = { .msg = &hl_msg_generate, .expect = &hl_msg_generated } };
	story_key_init(&k->key, label);
	k->call.body = &k->key.request;
}

hl_err create(struct creation *k)
{
	return story_send(c, &k->call, &k->made);
}

void creation_clear(struct creation *k)
{
	hl_buf_clear(&k->call.frame);
}

void set_token(struct client_call *call, int64_t time_ms, uint8_t mark)
{
	for (size_t i = 0; i < 8; i++)
		call->token[i] = (uint8_t)((uint64_t)time_ms >> 8 * (7 - i));
	memset(call->token + 8, mark, 8);
	call->token_made = true;
}

int64_t now_ms(void)
{
	return hl_wall_ms(sim_env(c->node));
}

hl_err create_at(int64_t time_ms, uint8_t mark)
{
	struct creation k;
	hl_err err;

	creation(&k, "timed");
	set_token(&k.call, time_ms, mark);
	err = create(&k);
	creation_clear(&k);
	return err;
}

void cut_after_commits(unsigned times)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };

	for (size_t i = 0; i < w->hsms; i++)
		sim_fault(w->hsm[i].node, HL_AT_HSM_COMMITTED, &cut, 0, times);
}

void raise_the_floor(void)
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
