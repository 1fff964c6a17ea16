#include "scenarios/memstore.h"

#include <stdlib.h>

#include "hsm/chain.h"

/* What is stored of a row; its views point behind the struct. */
struct kept {
	struct hsm_row row;
	unsigned lists; /* that hold it: the store's, and the one of a commit under way */
	uint8_t parts[];
};

/* In ascending order of table, partition and id. */
struct list {
	struct kept **at;
	size_t n, cap;
};

struct sim_memstore {
	struct list list;
	uint64_t generation;
};

static void release(struct kept *k)
{
	if (--k->lists == 0)
		free(k);
}

static void list_clear(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		release(l->at[i]);
	free(l->at);
	*l = (struct list){ 0 };
}

static int order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare(const struct hsm_row *a, const struct hsm_row *b)
{
	int c = order(a->table, b->table);

	if (c == 0)
		c = order(a->partition, b->partition);
	return c ? c : order(a->id, b->id);
}

/* Where `row` stands or would stand. */
static size_t place(const struct list *l, const struct hsm_row *row)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&l->at[middle]->row, row) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool stands(const struct list *l, size_t i, const struct hsm_row *row)
{
	return i < l->n && compare(&l->at[i]->row, row) == 0;
}

/* With room for `more` further rows. */
static hl_err list_copy(const struct list *from, size_t more, struct list *to)
{
	to->cap = from->n + more;
	to->at = calloc(to->cap ? to->cap : 1, sizeof *to->at);
	if (!to->at)
		return HL_E_NOMEM;
	for (; to->n < from->n; to->n++) {
		to->at[to->n] = from->at[to->n];
		to->at[to->n]->lists++;
	}
	return HL_OK;
}

static struct kept *keep(const struct hsm_row *row)
{
	struct kept *k = malloc(sizeof *k + row->open.n + row->sealed.n);

	if (!k)
		return NULL;
	*k = (struct kept){ .row = *row, .lists = 1 };
	if (row->open.n > 0)
		memcpy(k->parts, row->open.p, row->open.n);
	if (row->sealed.n > 0)
		memcpy(k->parts + row->open.n, row->sealed.p, row->sealed.n);
	k->row.open.p = k->parts;
	k->row.sealed.p = k->parts + row->open.n;
	return k;
}

static void take_out(struct list *l, size_t i)
{
	release(l->at[i]);
	l->n--;
	memmove(&l->at[i], &l->at[i + 1], (l->n - i) * sizeof *l->at);
}

static hl_err put_in(struct list *l, size_t i, const struct hsm_row *row)
{
	struct kept *k = keep(row);

	if (!k)
		return HL_E_NOMEM;
	memmove(&l->at[i + 1], &l->at[i], (l->n - i) * sizeof *l->at);
	l->at[i] = k;
	l->n++;
	return HL_OK;
}

static size_t rows_of(const struct list *l, enum hsm_table table, uint64_t partition)
{
	struct hsm_row key = { .table = table, .partition = partition };
	struct hsm_row end = { .table = table, .partition = partition, .id = UINT64_MAX };

	return place(l, &end) - place(l, &key);
}

static void clear(struct list *l, const struct hsm_row *of)
{
	struct hsm_row first = { .table = of->table, .partition = of->partition };

	for (size_t n = rows_of(l, of->table, of->partition); n > 0; n--)
		take_out(l, place(l, &first));
}

/* The newest row of a partition's log stands before the place of the last that it could have. */
static hl_err append(struct list *l, const struct hsm_put *p)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(HSM_PART_MAX);
	struct hsm_row end = { .table = HSM_LOG, .partition = p->row.partition, .id = UINT64_MAX }, row;
	size_t n = rows_of(l, HSM_LOG, p->row.partition), i = place(l, &end);

	HL_TRY(hsm_chain_row(p, n > 0 ? &l->at[i - 1]->row : NULL, &memory, &row));
	HL_TRY(put_in(l, i, &row));
	for (size_t first = i - n; n >= p->most; n--)
		take_out(l, first);
	return HL_OK;
}

static hl_err put(struct list *l, const struct hsm_put *p)
{
	size_t i = place(l, &p->row);
	uint64_t version = stands(l, i, &p->row) ? l->at[i]->row.version : 0;

	if (!hsm_put_ok(p))
		return HL_E_ARG;
	if (p->clear) {
		clear(l, &p->row);
		return HL_OK;
	}
	if (p->append)
		return append(l, p);
	if (p->bound)
		return rows_of(l, p->row.table, p->row.partition) <= p->most ? HL_OK : HL_E_STORE_STALE;
	if (version != (p->remove || p->expect ? p->row.version : p->row.version - 1))
		return HL_E_STORE_STALE;
	if (p->expect)
		return HL_OK;
	if (version > 0)
		take_out(l, i);
	return p->remove ? HL_OK : put_in(l, i, &p->row);
}

/* All or nothing: the changes are made in a copy of the list, which then takes its place. */
static hl_err commit(struct sim_memstore *m, const struct hsm_commit *c)
{
	HL_AUTO(list_clear) struct list next = { 0 };
	struct list old = m->list;

	HL_TRY(list_copy(&m->list, c->puts, &next));
	for (size_t i = 0; i < c->puts; i++)
		HL_TRY(put(&next, &c->put[i]));
	m->list = next;
	next = old;
	return HL_OK;
}

static void run_commit(struct hl_job *j)
{
	struct hsm_commit *c = (struct hsm_commit *)j; /* its first member */
	struct sim_memstore *m = c->store;

	if (c->done)
		return;
	c->result = commit(m, c);
	if (c->result == HL_OK)
		c->generation = ++m->generation;
	c->done = true;
}

static void prepare(void *store, struct hsm_commit *c)
{
	c->job.run = run_commit;
	c->job.lane = HL_LANE_STORE;
	c->store = store;
	c->next = NULL;
	c->done = false;
}

static hl_err get(void *store, enum hsm_table table, uint64_t partition, uint64_t id,
	struct hl_buf *memory, struct hsm_row *out)
{
	const struct sim_memstore *m = store;
	struct hsm_row key = { .table = table, .partition = partition, .id = id };
	size_t i = place(&m->list, &key);

	if (!stands(&m->list, i, &key))
		return HL_E_NOT_FOUND;
	return hsm_row_copy(&m->list.at[i]->row, memory, out);
}

static hl_err scan(void *store, enum hsm_table table, uint64_t partition, uint64_t after,
	hsm_each *each, void *at)
{
	const struct sim_memstore *m = store;
	struct hsm_row key = { .table = table, .partition = partition, .id = after };
	size_t i = place(&m->list, &key);

	for (i += stands(&m->list, i, &key); i < m->list.n; i++) {
		const struct hsm_row *row = &m->list.at[i]->row;

		if (row->table != table || row->partition != partition || !each(at, row))
			break;
	}
	return HL_OK;
}

static hl_err scan_back(void *store, enum hsm_table table, uint64_t partition, uint64_t before,
	hsm_each *each, void *at)
{
	const struct sim_memstore *m = store;
	struct hsm_row key = { .table = table, .partition = partition, .id = before };

	for (size_t i = place(&m->list, &key); i > 0; i--) {
		const struct hsm_row *row = &m->list.at[i - 1]->row;

		if (row->table != table || row->partition != partition || !each(at, row))
			break;
	}
	return HL_OK;
}

static hl_err count(void *store, enum hsm_table table, uint64_t partition, uint64_t *out)
{
	const struct sim_memstore *m = store;

	*out = rows_of(&m->list, table, partition);
	return HL_OK;
}

static hl_err generation(void *store, uint64_t *out)
{
	const struct sim_memstore *m = store;

	*out = m->generation;
	return HL_OK;
}

hl_err sim_memstore_new(struct sim_memstore **out)
{
	struct sim_memstore *m = calloc(1, sizeof *m);

	if (!m)
		return HL_E_NOMEM;
	*out = m;
	return HL_OK;
}

void sim_memstore_free(struct sim_memstore *m)
{
	if (!m)
		return;
	list_clear(&m->list);
	free(m);
}

struct hsm_store sim_memstore_store(struct sim_memstore *m)
{
	static const struct hsm_store_ops ops = { get, scan, scan_back, count, generation, generation,
		prepare };

	return (struct hsm_store){ &ops, m };
}
