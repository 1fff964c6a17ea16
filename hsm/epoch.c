/* epoch.c - where the cluster stands, and until when what is kept in memory may be used.
 *
 * Each commit that changes or removes something that members keep (a parsed key) also raises the epoch: it puts the
 * epoch's row, whose version is the epoch. The member that made the commit raises the page before it answers anybody,
 * and every member looks at the page before it uses what it keeps: no disk is touched for that. A member that dies
 * between its commit and the page has told nobody; the store then tells the others, once a second, and whoever
 * answers from the table of tokens looks at once.
 *
 *	commit (row + 1)  >  guard written  >  page raised  >  answer
 *	        ^ dies here: the next look, or the answer from the table of tokens, raises the epoch of the page
 *
 * The generation of the page says more than the store's: the guard remembers it. So only who made a commit raises it,
 * or the first member of a new page, who has just compared store and guard. An answer that rests on a commit beyond it would be forgotten if the store
 * was put back in that moment; it has to wait for one commit more, whose guard covers all before it.
 */
#include "hsm/rooms.h"

void hsm_epoch_mark(struct hsm *h, struct hsm_mark *out)
{
	h->conf.shared.ops->mark(h->conf.shared.at, out);
}

/* The page is read before the store is: what is read from then on is of this epoch or a later one. */
void hsm_epoch_check(struct hsm *h)
{
	struct hsm_mark now;

	hsm_epoch_mark(h, &now);
	if (now.epoch != h->epoch.kept)
		hsm_keys_stale(h);
	h->epoch.kept = now.epoch;
}

/* -- the store ----------------------------------------------------------------------------------------- */

static hl_err read_epoch(struct hsm *h, uint64_t *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(HSM_PART_MAX);
	const struct hsm_store *store = &h->conf.store;
	struct hsm_row row = { .version = 0 };
	hl_err err = store->ops->get(store->at, HSM_CLUSTER, 0, HSM_EPOCH_ROW, &memory, &row);

	if (err != HL_OK && err != HL_E_NOT_FOUND) /* there is none before the first change */
		return err;
	*out = row.version;
	return HL_OK;
}

static hl_err read_mark(struct hsm *h, struct hsm_mark *out)
{
	const struct hsm_store *store = &h->conf.store;

	HL_TRY(hsm_cluster_term(h, &out->term));
	HL_TRY(store->ops->generation(store->at, &out->generation));
	return read_epoch(h, &out->epoch); /* last: it is not older than the generation */
}

hl_err hsm_epoch_join(struct hsm *h)
{
	struct hsm_mark m, page;

	HL_TRY(read_mark(h, &m));
	hsm_epoch_mark(h, &page);
	if (page.generation > 0) /* others live, and may not have guarded their last commit */
		m.generation = 0;
	h->conf.shared.ops->raise(h->conf.shared.at, &m);
	return HL_OK;
}

/* All but the generation, which is told in `*generation`. */
static hl_err adopt(struct hsm *h, uint64_t *generation)
{
	struct hsm_mark m;

	HL_TRY(read_mark(h, &m));
	*generation = m.generation;
	m.generation = 0;
	h->conf.shared.ops->raise(h->conf.shared.at, &m);
	return HL_OK;
}

static void settled(struct hl_job *j)
{
	struct hsm_settle *s = (struct hsm_settle *)j;
	struct hsm *h = s->hsm;
	const struct hsm_mark m = { .generation = s->commit.generation };
	uint64_t generation;

	s->under_way = false;
	if (hsm_store_is_lost(s->commit.result)) /* as any other */
		h->env->ops->halt(h->env->at, s->commit.result);
	else if (s->commit.result == HL_OK && adopt(h, &generation) == HL_OK) /* the epoch first */
		h->conf.shared.ops->raise(h->conf.shared.at, &m);
}

/* A commit without changes. */
static void settle(struct hsm *h)
{
	struct hsm_settle *s = &h->epoch.settle;

	if (s->under_way)
		return;
	s->under_way = true;
	s->hsm = h;
	h->conf.store.ops->prepare(h->conf.store.at, &s->commit);
	s->commit.job.done = settled;
	hl_submit(h->env, &s->commit.job);
}

hl_err hsm_epoch_settle(struct hsm *h)
{
	struct hsm_mark page;
	uint64_t generation;

	HL_TRY(adopt(h, &generation));
	hsm_epoch_mark(h, &page);
	if (page.generation >= generation)
		return HL_OK;
	settle(h);
	return HL_E_BUSY;
}

static hl_err look(struct hsm *h)
{
	const struct hsm_store *store = &h->conf.store;
	uint64_t version, generation; /* the version is read first: what is committed after it is seen at the next look */

	HL_TRY(store->ops->data_version(store->at, &version));
	if (version == h->epoch.data_version)
		return HL_OK;
	HL_TRY(adopt(h, &generation));
	h->epoch.data_version = version;
	return HL_OK;
}

void hsm_epoch_time(struct hsm *h)
{
	int64_t now = hl_mono_us(h->env);

	if (now < h->epoch.look_us)
		return;
	h->epoch.look_us = now + HSM_LOOK_US;
	/* Who cannot ask whether it was changed does not use what it keeps. */
	if (look(h) != HL_OK)
		hsm_keys_clear(h);
}

/* -- commits ------------------------------------------------------------------------------------------- */

/* Commits of one worker are made in the order in which they are submitted, so each builds on the row as the one
 * before will leave it. Where that one fails, this one finds another version and fails too, and both run again from
 * their reads; so do those of another member that was slower. */
hl_err hsm_epoch_record(struct hsm *h, struct hsm_change *c)
{
	struct hsm_row row = { .table = HSM_CLUSTER, .id = HSM_EPOCH_ROW };
	uint64_t before = h->epoch.under_way;

	if (!c->raises)
		return HL_OK;
	if (before == 0)
		HL_TRY(read_epoch(h, &before));
	row.version = before + 1;
	HL_TRY(hsm_change_put(h, c, &row, hl_bytes(NULL, 0)));
	c->epoch = h->epoch.under_way = row.version;
	return HL_OK;
}

void hsm_epoch_committed(struct hsm *h, const struct hsm_change *c)
{
	const struct hsm_mark m = { .generation = c->commit.generation, .epoch = c->epoch };
	bool made = c->commit.result == HL_OK;

	if (c->epoch != 0 && (!made || c->epoch == h->epoch.under_way))
		h->epoch.under_way = 0;
	if (made)
		h->conf.shared.ops->raise(h->conf.shared.at, &m);
}
