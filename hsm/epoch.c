/* epoch.c - where the cluster stands, and until when what is kept in memory may be used.
 *
 * Each commit that changes or removes something that members keep (a parsed key) also raises the epoch: it puts the
 * epoch's row, whose version is the epoch. The member that made the commit raises the page before it answers anybody,
 * and every member looks at the page before it uses what it keeps: no disk is touched for that. A member that dies
 * between its commit and the page has told nobody; the store then tells the others, once a second, and whoever
 * answers from the table of tokens looks at once.
 *
 *	commit (row + 1)  >  page raised  >  answer
 *	        ^ dies here: the next look, or the answer from the table of tokens, raises the page
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
		hsm_keys_clear(h);
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

hl_err hsm_epoch_adopt(struct hsm *h)
{
	const struct hsm_store *store = &h->conf.store;
	struct hsm_mark m;

	HL_TRY(hsm_cluster_term(h, &m.term));
	HL_TRY(store->ops->generation(store->at, &m.generation));
	HL_TRY(read_epoch(h, &m.epoch)); /* last: it is not older than the generation */
	h->conf.shared.ops->raise(h->conf.shared.at, &m);
	return HL_OK;
}

static hl_err look(struct hsm *h)
{
	const struct hsm_store *store = &h->conf.store;
	uint64_t version; /* read first: what is committed after it is seen at the next look */

	HL_TRY(store->ops->data_version(store->at, &version));
	if (version == h->epoch.data_version)
		return HL_OK;
	HL_TRY(hsm_epoch_adopt(h));
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
