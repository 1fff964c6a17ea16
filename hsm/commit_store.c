/* commit_store.c - the writer's lane of the SQLite store.
 *
 * Waiting for the disk is what a commit costs, so whoever runs first takes all that wait along: one
 * transaction with a savepoint for each of them. One that finds its rows changed is undone alone;
 * when the transaction fails, all fail. Then the guard is told, once, and only then are they answered. */
#include "hsm/chain.h"
#include "hsm/sqlite.h"

static hl_err step(struct hsm_sqlite *s, enum hsm_sql what)
{
	sqlite3_stmt *st = s->stmt[what];
	hl_err rc = hsm_sqlite_err_of(st, sqlite3_step(st));

	sqlite3_reset(st);
	return rc;
}

/* The MAC of the row as it stands; who does not find it at its version is stale. */
static hl_err find(struct hsm_sqlite *s, const struct hsm_row *row, uint64_t version, uint8_t out[HSM_MAC])
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = hsm_sqlite_row(s, HSM_STANDS, row->table);
	const uint64_t numbers[] = { row->partition, row->id, version };
	struct hl_bytes mac;
	int rc;

	HL_TRY(hsm_sqlite_bind(st, HL_COUNT(numbers), numbers));
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE)
		return HL_E_STORE_STALE;
	HL_TRY(hsm_sqlite_err_of(st, rc));
	mac = hsm_sqlite_blob(st, 0);
	if (mac.n != HSM_MAC)
		return HL_E_STORE;
	memcpy(out, mac.p, HSM_MAC);
	return HL_OK;
}

/* HL_E_STORE_STALE where no row was changed. */
static hl_err write_row(
	struct hsm_sqlite *s, enum hsm_sql_row what, const struct hsm_row *row, const uint8_t mac[HSM_MAC])
{
	sqlite3_stmt *st = hsm_sqlite_row(s, what, row->table);
	const uint64_t numbers[] = { row->partition, row->id, row->version };
	hl_err rc = hsm_sqlite_bind(st, HL_COUNT(numbers), numbers);

	if (rc == HL_OK && what != HSM_REMOVE)
		rc = hsm_sqlite_bind_blob(st, 4, row->open);
	if (rc == HL_OK && what != HSM_REMOVE)
		rc = hsm_sqlite_bind_blob(st, 5, row->sealed);
	if (rc == HL_OK && what != HSM_REMOVE)
		rc = hsm_sqlite_bind_blob(st, 6, hl_bytes(mac, HSM_MAC));
	if (rc == HL_OK)
		rc = hsm_sqlite_err_of(st, sqlite3_step(st));
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	HL_TRY(rc);
	return sqlite3_changes(s->db[HSM_WRITER]) == 1 ? HL_OK : HL_E_STORE_STALE;
}

static hl_err add(struct hsm_sqlite *s, const struct hsm_row *row, uint8_t sum[HSM_MAC])
{
	uint8_t mac[HSM_MAC];

	HL_TRY(s->macs.row(s->macs.at, row, mac));
	HL_TRY(write_row(s, HSM_ADD, row, mac));
	hsm_sum_add(sum, mac);
	return HL_OK;
}

static hl_err change(struct hsm_sqlite *s, const struct hsm_row *row, uint8_t sum[HSM_MAC])
{
	uint8_t old[HSM_MAC], mac[HSM_MAC];

	HL_TRY(find(s, row, row->version - 1, old));
	HL_TRY(s->macs.row(s->macs.at, row, mac));
	HL_TRY(write_row(s, HSM_CHANGE, row, mac));
	hsm_sum_take(sum, old);
	hsm_sum_add(sum, mac);
	return HL_OK;
}

static hl_err take_away(struct hsm_sqlite *s, const struct hsm_row *row, uint8_t sum[HSM_MAC])
{
	uint8_t old[HSM_MAC];

	HL_TRY(find(s, row, row->version, old));
	HL_TRY(write_row(s, HSM_REMOVE, row, NULL));
	hsm_sum_take(sum, old);
	return HL_OK;
}

/* What the rows of a statement, which is bound, add to the sum. */
static hl_err take_macs(sqlite3_stmt *bound, uint8_t sum[HSM_MAC])
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = bound;
	struct hl_bytes mac;
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		mac = hsm_sqlite_blob(st, 0);
		if (mac.n != HSM_MAC)
			return HL_E_STORE;
		hsm_sum_take(sum, mac.p);
	}
	return hsm_sqlite_err_of(st, rc);
}

static hl_err clear(struct hsm_sqlite *s, const struct hsm_row *of, uint8_t sum[HSM_MAC])
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = hsm_sqlite_row(s, HSM_CLEAR, of->table);

	HL_TRY(hsm_sqlite_bind(hsm_sqlite_row(s, HSM_MACS, of->table), 1, &of->partition));
	HL_TRY(take_macs(hsm_sqlite_row(s, HSM_MACS, of->table), sum));
	HL_TRY(hsm_sqlite_bind(st, 1, &of->partition));
	return hsm_sqlite_err_of(st, sqlite3_step(st));
}

/* -- the log ---------------------------------------------------------------------------------------------------- */

static hl_err last_of(struct hsm_sqlite *s, uint64_t partition, struct hl_buf *memory, struct hsm_row *out)
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = s->stmt[HSM_LAST];
	struct hsm_row row;
	int rc;

	HL_TRY(hsm_sqlite_bind(st, 1, &partition));
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE)
		return HL_E_NOT_FOUND;
	HL_TRY(rc == SQLITE_ROW ? HL_OK : hsm_sqlite_err_of(st, rc));
	row = hsm_sqlite_row_of(st, HSM_LOG, partition);
	return hsm_row_copy(&row, memory, out);
}

/* Old entries give way, and what they add to the sum with them. */
static hl_err overwrite(struct hsm_sqlite *s, uint64_t partition, uint64_t up_to, uint8_t sum[HSM_MAC])
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = s->stmt[HSM_DROP];
	const uint64_t numbers[] = { partition, up_to };

	HL_TRY(hsm_sqlite_bind(s->stmt[HSM_OLD], HL_COUNT(numbers), numbers));
	HL_TRY(take_macs(s->stmt[HSM_OLD], sum));
	HL_TRY(hsm_sqlite_bind(st, HL_COUNT(numbers), numbers));
	return hsm_sqlite_err_of(st, sqlite3_step(st));
}

static hl_err append(struct hsm_sqlite *s, const struct hsm_put *p, uint8_t sum[HSM_MAC])
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(HL_BUF_MAX), made = hl_buf(HSM_PART_MAX);
	struct hsm_row last, row;
	hl_err rc = last_of(s, p->row.partition, &memory, &last);

	if (rc != HL_OK && rc != HL_E_NOT_FOUND)
		return rc;
	HL_TRY(hsm_chain_row(p, rc == HL_OK ? &last : NULL, &made, &row));
	HL_TRY(add(s, &row, sum));
	return row.id > p->most ? overwrite(s, row.partition, row.id - p->most, sum) : HL_OK;
}

/* Whether the partition has at most so many rows. */
static hl_err count(struct hsm_sqlite *s, const struct hsm_put *p)
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = hsm_sqlite_row(s, HSM_BOUND, p->row.table);
	const uint64_t numbers[] = { p->row.partition, p->most };
	int rc;

	HL_TRY(hsm_sqlite_bind(st, HL_COUNT(numbers), numbers));
	rc = sqlite3_step(st);
	return rc == SQLITE_DONE ? HL_E_STORE_STALE : hsm_sqlite_err_of(st, rc);
}

static hl_err put(struct hsm_sqlite *s, const struct hsm_put *p, uint8_t sum[HSM_MAC])
{
	uint8_t mac[HSM_MAC];

	if (!hsm_put_ok(p))
		return HL_E_ARG;
	if (p->clear)
		return clear(s, &p->row, sum);
	if (p->append)
		return append(s, p, sum);
	if (p->bound)
		return count(s, p);
	if (p->expect)
		return find(s, &p->row, p->row.version, mac);
	if (p->remove)
		return take_away(s, &p->row, sum);
	return p->row.version == 1 ? add(s, &p->row, sum) : change(s, &p->row, sum);
}

/* Of one that fails in the middle nothing counts. */
static hl_err put_all(struct hsm_sqlite *s, struct hsm_commit *c, struct hsm_pair *pair)
{
	struct hsm_pair next = *pair;

	for (size_t i = 0; i < c->puts; i++)
		HL_TRY(put(s, &c->put[i], next.sum));
	c->generation = ++next.generation;
	*pair = next;
	return HL_OK;
}

/* HL_OK also where this commit alone is refused, as c->result says; else all are lost. */
static hl_err take_in(struct hsm_sqlite *s, struct hsm_commit *c, struct hsm_pair *pair)
{
	HL_TRY(step(s, HSM_MARK));
	c->result = put_all(s, c, pair);
	if (c->result == HL_E_STORE_STALE || c->result == HL_E_ARG)
		HL_TRY(step(s, HSM_UNDO));
	else
		HL_TRY(c->result);
	return step(s, HSM_KEEP);
}

/* A COMMIT that failed may be on the disk all the same, and come to light after a crash. Only a
 * full disk and a busy store are certain to have stopped it before its last page was written. */
static hl_err end(struct hsm_sqlite *s)
{
	hl_err rc = step(s, HSM_COMMIT);

	return rc == HL_OK || rc == HL_E_FULL || rc == HL_E_BUSY ? rc : HL_E_STORE;
}

/* With the guard locked. A guard that could not be told leaves a commit that is on the disk and that nobody would
 * miss if the store were put back to before it: it may not be acknowledged, but was not undone either. So it ends
 * like a commit of unknown fate: this member writes no more and halts. The next one that starts finds the store
 * ahead of its guard, brings the guard up, and a request that is sent again finds its token. */
static hl_err end_guarded(
	struct hsm_sqlite *s, const struct hsm_pair *from, const struct hsm_pair *to, const struct hsm_pair *kept)
{
	if (hsm_sqlite_is_behind(from, kept))
		return HL_E_STORE_BEHIND; /* it was put back while we run */
	HL_TRY(end(s));
	return hsm_guard_write(s->guard, to) == HL_OK ? HL_OK : HL_E_STORE;
}

/* The guard is locked before the commit, when there is still a way back, and to the end of its write: one who is
 * stopped with it makes the others busy and not unsure, and nobody commits on top of what is not guarded yet. */
static hl_err finish(struct hsm_sqlite *s, const struct hsm_pair *from, const struct hsm_pair *to)
{
	struct hsm_pair kept;
	hl_err rc;

	HL_TRY(hsm_sqlite_set_pair(s->stmt[HSM_SET_PAIR], &s->macs, to));
	rc = hsm_guard_lock(s->guard, &kept);
	if (rc == HL_E_IO)
		return HL_E_STORE;
	HL_TRY(rc);
	rc = end_guarded(s, from, to, &kept);
	hsm_guard_unlock(s->guard);
	return rc;
}

static hl_err transact(struct hsm_sqlite *s, struct hsm_commit *list)
{
	struct hsm_pair from, to;

	HL_TRY(s->lost);
	HL_TRY(step(s, HSM_BEGIN));
	HL_TRY(hsm_sqlite_pair(s->stmt[HSM_PAIR], &s->macs, &from));
	to = from;
	for (struct hsm_commit *c = list; c; c = c->next)
		HL_TRY(take_in(s, c, &to));
	return to.generation > from.generation ? finish(s, &from, &to) : step(s, HSM_ROLLBACK);
}

static void commit_all(struct hsm_sqlite *s, struct hsm_commit *list)
{
	hl_err rc = transact(s, list);

	/* Some failures have ended the transaction already. */
	if (rc != HL_OK && !sqlite3_get_autocommit(s->db[HSM_WRITER]) &&
		step(s, HSM_ROLLBACK) != HL_OK)
		rc = HL_E_STORE;
	s->lost = hsm_store_is_lost(rc) ? rc : HL_OK;
	for (struct hsm_commit *c = list; c; c = c->next) {
		if (rc != HL_OK)
			c->result = rc;
		c->done = true;
	}
}

static void run_commit(struct hl_job *j)
{
	struct hsm_commit *c = (struct hsm_commit *)j; /* its first member */
	struct hsm_sqlite *s = c->store;
	struct hsm_commit *list;

	if (c->done) /* a job before this one took it along */
		return;
	pthread_mutex_lock(&s->lock);
	list = s->waiting;
	s->waiting = NULL;
	s->last = &s->waiting;
	pthread_mutex_unlock(&s->lock);
	commit_all(s, list);
}

void hsm_sqlite_prepare(void *store, struct hsm_commit *c)
{
	struct hsm_sqlite *s = store;

	c->job.run = run_commit;
	c->job.lane = HL_LANE_STORE;
	c->store = store;
	c->next = NULL;
	c->done = false;
	pthread_mutex_lock(&s->lock);
	*s->last = c;
	s->last = &c->next;
	pthread_mutex_unlock(&s->lock);
}
