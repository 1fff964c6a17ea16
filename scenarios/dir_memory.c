/* dir_memory.c - a change is applied to a copy of all arrays, which then takes their place: all or
 * nothing by construction. */
#include "scenarios/dir_memory.h"

#include <stdlib.h>
#include <strings.h>

struct tenant {
	char name[HL_NAME_TEXT + 1];
};

struct allowed {
	char user[HL_NAME_TEXT + 1], range[DIR_RANGE_TEXT];
};

struct member {
	char group[HL_NAME_MAX + 1]; /* cluster or pool */
	struct dir_member member;
};

/* An array of things of `size` bytes. */
struct array {
	uint8_t *p;
	size_t n, size;
};

enum kind { TENANT, USER, PARTITION, ALLOWED, CLUSTER, POOL, KINDS };

static const size_t sizes[KINDS] = {
	[TENANT] = sizeof(struct tenant),
	[USER] = sizeof(struct dir_user),
	[PARTITION] = sizeof(struct dir_partition),
	[ALLOWED] = sizeof(struct allowed),
	[CLUSTER] = sizeof(struct member),
	[POOL] = sizeof(struct member),
};

struct tables {
	struct array of[KINDS];
};

struct dir_memory {
	struct tables tables;
};

/* ---- arrays ---- */

static void *item(const struct array *a, size_t i)
{
	return a->p + i * a->size;
}

static hl_err insert(struct array *a, size_t at, const void *thing)
{
	uint8_t *grown = realloc(a->p, (a->n + 1) * a->size);

	if (!grown)
		return HL_E_NOMEM;
	a->p = grown;
	memmove(grown + (at + 1) * a->size, grown + at * a->size, (a->n - at) * a->size);
	memcpy(grown + at * a->size, thing, a->size);
	a->n++;
	return HL_OK;
}

static void take_out(struct array *a, size_t at)
{
	a->n--;
	memmove(a->p + at * a->size, a->p + (at + 1) * a->size, (a->n - at) * a->size);
}

static void clear(struct tables *t)
{
	for (size_t k = 0; k < KINDS; k++) {
		free(t->of[k].p);
		t->of[k] = (struct array){ 0 };
	}
}

static hl_err copy(const struct tables *from, struct tables *to)
{
	for (size_t k = 0; k < KINDS; k++) {
		const struct array *a = &from->of[k];

		to->of[k] = (struct array){ .size = sizes[k] };
		if (a->n == 0)
			continue;
		to->of[k].p = malloc(a->n * a->size);
		if (!to->of[k].p)
			return HL_E_NOMEM;
		memcpy(to->of[k].p, a->p, a->n * a->size);
		to->of[k].n = a->n;
	}
	return HL_OK;
}

/* Tenants, users and partitions begin with their name and stand in its order: where `name` is, or
 * where it would be put in. */
static bool find(const struct array *a, struct hl_bytes name, size_t *at)
{
	size_t low = 0, high = a->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct hl_bytes have = hl_text(item(a, middle));
		size_t both = have.n < name.n ? have.n : name.n;
		int order = both ? memcmp(have.p, name.p, both) : 0;

		if (order == 0 && have.n == name.n) {
			*at = middle;
			return true;
		}
		if (order < 0 || (order == 0 && have.n < name.n))
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return false;
}

static hl_err add(struct array *a, const void *thing)
{
	size_t at;

	return find(a, hl_text(thing), &at) ? HL_E_EXISTS : insert(a, at, thing);
}

/* ---- reads ---- */

static hl_err get(const struct dir_memory *m, enum kind k, struct hl_bytes name, void *out)
{
	size_t at;

	if (!find(&m->tables.of[k], name, &at))
		return HL_E_NOT_FOUND;
	memcpy(out, item(&m->tables.of[k], at), sizes[k]);
	return HL_OK;
}

static hl_err get_user(void *store, struct hl_bytes name, struct dir_user *out)
{
	return get(store, USER, name, out);
}

static hl_err get_partition(void *store, struct hl_bytes name, struct dir_partition *out)
{
	return get(store, PARTITION, name, out);
}

static hl_err list_ranges(void *store, const char *user, dir_each_range *each, void *at)
{
	const struct dir_memory *m = store;
	const struct array *a = &m->tables.of[ALLOWED];

	for (size_t i = 0; i < a->n; i++) {
		const struct allowed *row = item(a, i);

		if (strcmp(row->user, user) == 0 && !each(at, row->range))
			break;
	}
	return HL_OK;
}

static hl_err list_partitions(void *store, dir_each_partition *each, void *at)
{
	const struct dir_memory *m = store;
	const struct array *a = &m->tables.of[PARTITION];

	for (size_t i = 0; i < a->n; i++)
		if (!each(at, item(a, i)))
			break;
	return HL_OK;
}

/* RFC 4343: DNS names are compared without case; the names of clusters are ours. */
static bool in_group(enum kind k, const struct member *m, const char *group)
{
	return (k == POOL ? strcasecmp(m->group, group) : strcmp(m->group, group)) == 0;
}

static hl_err list_members(
	const struct dir_memory *m, enum kind k, const char *group, dir_each_member *each, void *at)
{
	const struct array *a = &m->tables.of[k];
	bool found = false;

	for (size_t i = 0; i < a->n; i++) {
		const struct member *row = item(a, i);

		if (!in_group(k, row, group))
			continue;
		found = true;
		if (!each(at, &row->member))
			break;
	}
	return found ? HL_OK : HL_E_NOT_FOUND;
}

static hl_err list_cluster(void *store, const char *cluster, dir_each_member *each, void *at)
{
	return list_members(store, CLUSTER, cluster, each, at);
}

static hl_err list_pool(void *store, const char *pool, dir_each_member *each, void *at)
{
	return list_members(store, POOL, pool, each, at);
}

/* ---- changes ---- */

static hl_err add_tenant(struct tables *t, const char *name)
{
	struct tenant tenant = { 0 };
	hl_err err;

	HL_TRY(hl_bytes_str(hl_text(name), tenant.name, sizeof tenant.name));
	err = add(&t->of[TENANT], &tenant);
	return err == HL_E_EXISTS ? HL_OK : err;
}

/* A name that is taken is told first, as a database checks its keys before its references. */
static hl_err add_user(struct tables *t, const struct dir_user *u)
{
	size_t at;

	if (find(&t->of[USER], hl_text(u->name), &at))
		return HL_E_EXISTS;
	if (!find(&t->of[TENANT], hl_text(u->tenant), &at))
		return HL_E_NOT_FOUND;
	return add(&t->of[USER], u);
}

static hl_err add_partition(struct tables *t, const struct dir_partition *p)
{
	size_t at;
	const struct dir_user *u;

	if (find(&t->of[PARTITION], hl_text(p->name), &at))
		return HL_E_EXISTS;
	if (!find(&t->of[USER], hl_text(p->user), &at))
		return HL_E_NOT_FOUND;
	u = item(&t->of[USER], at);
	return strcmp(u->tenant, p->tenant) == 0 ? add(&t->of[PARTITION], p) : HL_E_NOT_FOUND;
}

static hl_err allow(struct tables *t, const char *user, const char *range)
{
	struct array *a = &t->of[ALLOWED];
	struct allowed fresh = { 0 };
	size_t at;

	if (!find(&t->of[USER], hl_text(user), &at))
		return HL_E_NOT_FOUND;
	HL_TRY(hl_bytes_str(hl_text(user), fresh.user, sizeof fresh.user));
	HL_TRY(hl_bytes_str(hl_text(range), fresh.range, sizeof fresh.range));
	for (at = 0; at < a->n; at++) {
		const struct allowed *row = item(a, at);
		int order = strcmp(row->user, user);

		if (order == 0)
			order = strcmp(row->range, range);
		if (order == 0)
			return HL_OK;
		if (order > 0)
			break;
	}
	return insert(a, at, &fresh);
}

static hl_err settle_partition(struct tables *t, const char *name)
{
	struct dir_partition *p;
	size_t at;

	if (!find(&t->of[PARTITION], hl_text(name), &at))
		return HL_E_NOT_FOUND;
	p = item(&t->of[PARTITION], at);
	memset(p->maker, 0, sizeof p->maker);
	return HL_OK;
}

static hl_err drop_partition(struct tables *t, const char *name)
{
	size_t at;

	if (!find(&t->of[PARTITION], hl_text(name), &at))
		return HL_E_NOT_FOUND;
	take_out(&t->of[PARTITION], at);
	return HL_OK;
}

static hl_err drop_user(struct tables *t, const char *name)
{
	size_t at;

	if (!find(&t->of[USER], hl_text(name), &at))
		return HL_E_NOT_FOUND;
	for (size_t i = 0; i < t->of[PARTITION].n; i++) {
		const struct dir_partition *p = item(&t->of[PARTITION], i);

		if (strcmp(p->user, name) == 0)
			return HL_E_EXISTS;
	}
	take_out(&t->of[USER], at);
	for (size_t i = t->of[ALLOWED].n; i-- > 0;) {
		const struct allowed *row = item(&t->of[ALLOWED], i);

		if (strcmp(row->user, name) == 0)
			take_out(&t->of[ALLOWED], i);
	}
	return HL_OK;
}

static hl_err apply(struct tables *t, const struct dir_change *c)
{
	if (c->add_tenant)
		HL_TRY(add_tenant(t, c->add_tenant));
	if (c->add_user)
		HL_TRY(add_user(t, c->add_user));
	if (c->add_partition)
		HL_TRY(add_partition(t, c->add_partition));
	for (size_t i = 0; i < c->allows; i++)
		HL_TRY(allow(t, c->allow_user, c->allow[i]));
	if (c->settle_partition)
		HL_TRY(settle_partition(t, c->settle_partition));
	if (c->drop_partition)
		HL_TRY(drop_partition(t, c->drop_partition));
	if (c->drop_user)
		HL_TRY(drop_user(t, c->drop_user));
	return HL_OK;
}

static hl_err commit(struct dir_memory *m, const struct dir_change *change)
{
	HL_AUTO(clear) struct tables next = { 0 };
	struct tables old;

	HL_TRY(dir_change_check(change));
	HL_TRY(copy(&m->tables, &next));
	HL_TRY(apply(&next, change));
	old = m->tables;
	m->tables = next;
	next = old;
	return HL_OK;
}

static void run_commit(struct hl_job *job)
{
	struct dir_commit *c = (struct dir_commit *)(void *)job; /* its first member */

	c->result = commit(c->store, c->change);
}

static void prepare(void *store, struct dir_commit *c)
{
	c->store = store;
	c->result = HL_E_DEFER;
	c->job = (struct hl_job){ .run = run_commit, .lane = HL_LANE_STORE };
}

static hl_err check_names(const struct dir_member *member, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(member[i].name, member[k].name) == 0)
				return HL_E_EXISTS;
	return HL_OK;
}

static hl_err set_members(struct dir_memory *m, enum kind k, const char *group,
	const struct dir_member *member, size_t n)
{
	HL_AUTO(clear) struct tables next = { 0 };
	struct array *a = &next.of[k];
	struct tables old;

	HL_TRY(dir_members_check(group, member, n));
	HL_TRY(check_names(member, n));
	HL_TRY(copy(&m->tables, &next));
	for (size_t i = a->n; i-- > 0;)
		if (in_group(k, item(a, i), group))
			take_out(a, i);
	for (size_t i = 0; i < n; i++) {
		struct member fresh = { .member = member[i] };

		HL_TRY(hl_bytes_str(hl_text(group), fresh.group, sizeof fresh.group));
		HL_TRY(insert(a, a->n, &fresh));
	}
	old = m->tables;
	m->tables = next;
	next = old;
	return HL_OK;
}

hl_err dir_memory_set_cluster(
	struct dir_memory *m, const char *cluster, const struct dir_member *member, size_t n)
{
	return set_members(m, CLUSTER, cluster, member, n);
}

hl_err dir_memory_set_pool(
	struct dir_memory *m, const char *pool, const struct dir_member *member, size_t n)
{
	return set_members(m, POOL, pool, member, n);
}

/* ---- making one ---- */

hl_err dir_memory_new(struct dir_memory **out)
{
	struct dir_memory *m = calloc(1, sizeof *m);

	if (!m)
		return HL_E_NOMEM;
	for (size_t k = 0; k < KINDS; k++)
		m->tables.of[k].size = sizes[k];
	*out = m;
	return HL_OK;
}

void dir_memory_free(struct dir_memory *m)
{
	if (m)
		clear(&m->tables);
	free(m);
}

void dir_memory_freep(struct dir_memory **m)
{
	dir_memory_free(*m);
	*m = NULL;
}

static const struct dir_store_ops ops = {
	.user = get_user,
	.partition = get_partition,
	.ranges = list_ranges,
	.partitions = list_partitions,
	.cluster = list_cluster,
	.pool = list_pool,
	.prepare = prepare,
};

struct dir_store dir_memory_store(struct dir_memory *m)
{
	return (struct dir_store){ &ops, m };
}
