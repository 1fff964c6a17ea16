/* token.c - the table of effect tokens: what is kept of requests that had their effect, and how long.
 *
 * A token is 8 bytes of time and 8 random ones. Its row's id is made of its time and 20 of the random bits, so that
 * ids ascend with time and the oldest tokens are found first. What leaves the table is remembered by one number, the
 * partition's floor: no token of an earlier time is taken any more. Each commit with an effect expects the
 * partition's row as it was when the floor was looked at; so between the look and the commit no token can come,
 * have its effect and be forgotten again. */
#include <stdlib.h>

#include "hsm/rooms.h"

#define RANDOM_BITS 20
#define TIME_MAX (INT64_MAX >> RANDOM_BITS) /* of the year 2248 */
#define MARK_BYTES (3 * (HL_FIELD_HEAD + 8)) /* term, generation, time */

/* -- reading ------------------------------------------------------------------------------------------- */

/* The fields of a request but those of HL_SEEN, which may differ from one sending to the next. */
static struct hl_bytes lasting(struct hl_bytes fields)
{
	const uint16_t seen = hl_msg_ping.field[hl_msg_ping.fields - 1].tag; /* has no others */
	struct hl_rd r = hl_rd(fields);

	while (r.left > 0) {
		struct hl_bytes rest = hl_bytes(r.p, r.left);

		if (hl_rd_u16(&r) > seen)
			return rest;
		hl_rd_bytes(&r, hl_rd_u32(&r));
	}
	return hl_bytes(NULL, 0);
}

hl_err hsm_token_read(
	struct hsm *h, const struct hl_frame *f, struct hl_bytes token, struct hsm_token *out)
{
	struct hl_rd r = hl_rd(token);
	struct hsm_token t = { .time_ms = hl_rd_u64(&r) };

	if (t.time_ms == 0 || t.time_ms > TIME_MAX)
		return HL_E_TOKEN_TIME;
	t.id = t.time_ms << RANDOM_BITS | hl_rd_u64(&r) >> (64 - RANDOM_BITS);
	if (r.err != HL_OK || r.left > 0)
		return HL_E_RANGE;
	memcpy(t.bytes, token.p, sizeof t.bytes);
	HL_TRY(hsm_request_mac(h->conf.seal, f->type, lasting(f->body), t.mac));
	*out = t;
	return HL_OK;
}

void hsm_result_clear(struct hsm_result *r)
{
	hl_secret_clear(&r->plain);
	*r = (struct hsm_result){ 0 };
}

static hl_err check_time(struct hsm *h, const struct hsm_partition *p, const struct hsm_token *t)
{
	int64_t now = hl_wall_ms(h->env), time = (int64_t)t->time_ms;

	if (time > now + HSM_TOKEN_AHEAD_MS || time < now - HSM_TOKEN_LIFE_MS ||
		t->time_ms < p->row.token_floor_ms)
		return HL_E_TOKEN_TIME;
	return HL_E_NOT_FOUND;
}

/* Two tokens that met in one id: the later one is as good as one that is too old, make another. */
static hl_err compare(const struct hsm_token *t, const struct hl_token_row *row)
{
	if (!hl_bytes_eq(row->token, hl_bytes(t->bytes, sizeof t->bytes)))
		return HL_E_TOKEN_TIME;
	return hl_bytes_eq_secret(row->mac, hl_bytes(t->mac, sizeof t->mac)) ? HL_OK : HL_E_TOKEN;
}

hl_err hsm_token_find(struct hsm *h, const struct hsm_partition *p, const struct hsm_token *t,
	struct hsm_result *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(HSM_PART_MAX);
	HL_AUTO(hsm_result_clear) struct hsm_result found = { 0 };
	struct hl_token_row open;
	struct hsm_row row;
	hl_err err = h->conf.store.ops->get(h->conf.store.at, HSM_TOKEN, p->id, t->id, &memory, &row);

	if (err == HL_E_NOT_FOUND)
		return check_time(h, p, t);
	HL_TRY(err);
	HL_TRY(hsm_unseal(h->conf.seal, &row, &found.plain)); /* it vouches for the open part too */
	HL_TRY(hl_body_get(&hl_msg_token_row, row.open, &open));
	HL_TRY(compare(t, &open));
	HL_TRY(hl_body_get(&hl_msg_token_result, hl_secret_view(&found.plain), &found.row));
	HL_TRY(hsm_epoch_settle(h)); /* whoever made that commit may have died before it told guard and page */
	*out = found;
	found = (struct hsm_result){ 0 };
	return HL_OK;
}

/* -- results ------------------------------------------------------------------------------------------- */

hl_err hsm_result_encode(const struct hl_msg *m, const void *body, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf all = hl_buf(HL_FRAME_MAX);

	hl_body_put(&all, m, body);
	if (all.err != HL_OK)
		return all.err;
	hl_buf_eat(&all, MARK_BYTES);
	hl_buf_put(out, hl_buf_view(&all));
	return out->err;
}

hl_err hsm_result_send(struct hsm_conn *c, uint32_t id, const struct hsm_result *r)
{
	HL_AUTO(hl_buf_clear) struct hl_buf all = hl_buf(HL_FRAME_MAX);
	const struct hl_msg *m = hl_msg_of_type(r->row.type);
	uint64_t body[16]; /* room for the reply of any effect */

	if (r->row.code != 0) {
		hsm_refuse(c, id, hl_err_of_wire(r->row.code), NULL, 0);
		return HL_OK;
	}
	if (!m || m->size > sizeof body)
		return HL_E_STORE_SEAL;
	hl_body_put(&all, &hl_msg_done, &(struct hl_done){ 0 }); /* a mark, to be filled in */
	hl_buf_put(&all, r->row.reply);
	if (all.err != HL_OK)
		return all.err;
	HL_TRY(hl_body_get(m, hl_buf_view(&all), body));
	hsm_reply(c, m, id, body);
	return HL_OK;
}

/* -- forgetting ---------------------------------------------------------------------------------------- */

void hsm_tokens_clear(struct hsm *h)
{
	struct hsm_tokens *k;
	size_t at = 0;

	while ((k = hl_map_next(&h->tokens, &at)) != NULL)
		free(k);
	hl_map_clear(&h->tokens);
}

static hl_err tokens_of(struct hsm *h, uint64_t partition, struct hsm_tokens **out)
{
	struct hsm_tokens *k = hl_map_get(&h->tokens, partition);
	hl_err err;

	if (!k) {
		k = calloc(1, sizeof *k);
		if (!k)
			return HL_E_NOMEM;
		k->count = h->conf.tokens_max; /* as far as we know: to be counted */
		err = hl_map_put(&h->tokens, partition, k);
		if (err != HL_OK) {
			free(k);
			return err;
		}
	}
	*out = k;
	return HL_OK;
}

/* How many must go so that one more may come. Counting thousands of rows takes milliseconds, so it is done only where
 * the limit may have been reached, and then some more go than must. Commits that are under way at once do not see one
 * another's tokens, so the limit may be passed by their number. */
static hl_err excess(struct hsm *h, uint64_t partition, uint64_t *out)
{
	const uint64_t max = h->conf.tokens_max;
	const struct hsm_store *store = &h->conf.store;
	struct hsm_tokens *k;
	uint64_t generation;

	*out = 0;
	HL_TRY(tokens_of(h, partition, &k));
	HL_TRY(store->ops->generation(store->at, &generation)); /* before the count: the bound holds */
	if (k->count + (generation - k->generation) < max)
		return HL_OK;
	HL_TRY(store->ops->count(store->at, HSM_TOKEN, partition, &k->count));
	k->generation = generation;
	if (k->count >= max)
		*out = k->count + 1 - max + max / 16;
	return HL_OK;
}

struct eviction {
	struct hsm_change *change;
	uint64_t excess, before_ms; /* what goes: so many, and all of an earlier time */
	uint64_t n, floor_ms;
	hl_err err;
};

static bool evict_one(void *at, const struct hsm_row *row)
{
	struct eviction *e = at;
	uint64_t time_ms = row->id >> RANDOM_BITS;

	if (e->n == HSM_TOKENS_EVICTED || (e->n >= e->excess && time_ms >= e->before_ms))
		return false;
	e->err = hsm_change_remove(e->change, row);
	e->floor_ms = time_ms + 1;
	e->n++;
	return e->err == HL_OK;
}

/* The oldest go, in the commit that needs their room; the floor rises above them. */
static hl_err evict(struct hsm *h, struct hsm_change *c, struct hsm_partition *p, bool *raised)
{
	struct eviction e = { .change = c };
	int64_t oldest = hl_wall_ms(h->env) - HSM_TOKEN_LIFE_MS;

	e.before_ms = oldest > 0 ? (uint64_t)oldest : 0;
	HL_TRY(excess(h, p->id, &e.excess));
	HL_TRY(h->conf.store.ops->scan(h->conf.store.at, HSM_TOKEN, p->id, 0, evict_one, &e));
	HL_TRY(e.err);
	*raised = e.floor_ms > p->row.token_floor_ms;
	if (*raised)
		p->row.token_floor_ms = e.floor_ms;
	return HL_OK;
}

/* -- recording ----------------------------------------------------------------------------------------- */

static hl_err put_token(struct hsm *h, struct hsm_change *c, uint64_t partition,
	const struct hsm_token *t, const struct hl_token_result *result)
{
	HL_AUTO(hl_buf_clear) struct hl_buf open = hl_buf(HSM_PART_MAX);
	HL_AUTO(hl_buf_clear) struct hl_buf secret = hl_buf(HSM_PART_MAX);
	struct hsm_row row = { .table = HSM_TOKEN, .partition = partition, .id = t->id, .version = 1 };

	hl_body_put(&open, &hl_msg_token_row,
		&(struct hl_token_row){ .token = hl_bytes(t->bytes, sizeof t->bytes),
			.mac = hl_bytes(t->mac, sizeof t->mac),
			.made_ms = (uint64_t)hl_wall_ms(h->env) });
	hl_body_put(&secret, &hl_msg_token_result, result);
	HL_TRY(open.err);
	HL_TRY(secret.err);
	row.open = hl_buf_view(&open);
	return hsm_change_put(h, c, &row, hl_buf_view(&secret));
}

hl_err hsm_token_record(struct hsm *h, struct hsm_change *c, const struct hsm_token *t,
	struct hsm_partition *p, bool changed, const struct hl_token_result *result)
{
	struct hsm_row row = { .table = HSM_PARTITION, .id = p->id, .version = p->version };
	bool raised;

	HL_TRY(put_token(h, c, p->id, t, result));
	HL_TRY(evict(h, c, p, &raised));
	if (changed || raised)
		return hsm_change_partition(h, c, p);
	return hsm_change_expect(c, &row);
}
