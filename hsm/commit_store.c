/* commit_store.c - the writer's lane of the SQLite store.
 *
 * Waiting for the disk is what a commit costs, so whoever runs first takes all that wait along: one
 * transaction with a savepoint for each of them. One that finds its rows changed is undone alone;
 * when the transaction fails, all fail. */
#include "hsm/sqlite.h"

static hl_err step(struct hsm_sqlite *s, enum hsm_sql what)
{
	sqlite3_stmt *st = s->stmt[what];
	int rc = sqlite3_step(st);

	sqlite3_reset(st);
	return hsm_sqlite_err(rc);
}

/* SQLite takes a null pointer for NULL, which no part is. */
static hl_err bind_part(sqlite3_stmt *st, int at, struct hl_bytes part)
{
	return hsm_sqlite_err(sqlite3_bind_blob64(
		st, at, part.n ? (const void *)part.p : "", part.n, SQLITE_STATIC));
}

static hl_err bind_put(sqlite3_stmt *st, const struct hsm_put *p)
{
	const uint64_t numbers[] = { p->row.partition, p->bound ? p->most : p->row.id, p->row.version };

	HL_TRY(hsm_sqlite_bind(st, p->bound ? 2 : HL_COUNT(numbers), numbers));
	if (p->remove || p->expect || p->bound)
		return HL_OK;
	HL_TRY(bind_part(st, 4, p->row.open));
	return bind_part(st, 5, p->row.sealed);
}

static enum hsm_sql_row statement(const struct hsm_put *p)
{
	if (p->bound)
		return HSM_BOUND;
	if (p->expect)
		return HSM_STANDS;
	if (p->remove)
		return HSM_REMOVE;
	return p->row.version == 1 ? HSM_ADD : HSM_CHANGE;
}

/* Each statement names the version that it expects, so that the row it does not find is stale. */
static hl_err put(struct hsm_sqlite *s, const struct hsm_put *p)
{
	sqlite3_stmt *st;
	int step = SQLITE_DONE;
	hl_err rc;

	if (!hsm_put_ok(p))
		return HL_E_ARG;
	st = hsm_sqlite_row(s, statement(p), p->row.table);
	rc = bind_put(st, p);
	if (rc == HL_OK)
		rc = hsm_sqlite_err(step = sqlite3_step(st));
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (rc != HL_OK)
		return rc;
	if (p->expect || p->bound)
		return step == SQLITE_ROW ? HL_OK : HL_E_STORE_STALE;
	return sqlite3_changes(s->db[HSM_WRITER]) == 1 ? HL_OK : HL_E_STORE_STALE;
}

static hl_err raise_generation(struct hsm_sqlite *s, uint64_t *out)
{
	sqlite3_stmt *st = s->stmt[HSM_RAISE];
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW) {
		*out = (uint64_t)sqlite3_column_int64(st, 0);
		rc = sqlite3_step(st);
	} else if (rc == SQLITE_DONE) {
		rc = SQLITE_CORRUPT; /* there is always this row */
	}
	sqlite3_reset(st);
	return hsm_sqlite_err(rc);
}

static hl_err put_all(struct hsm_sqlite *s, struct hsm_commit *c)
{
	for (size_t i = 0; i < c->puts; i++)
		HL_TRY(put(s, &c->put[i]));
	return raise_generation(s, &c->generation);
}

/* HL_OK also where this commit alone is refused, as c->result says; else all are lost. */
static hl_err take_in(struct hsm_sqlite *s, struct hsm_commit *c)
{
	HL_TRY(step(s, HSM_MARK));
	c->result = put_all(s, c);
	if (c->result == HL_E_STORE_STALE || c->result == HL_E_ARG)
		HL_TRY(step(s, HSM_UNDO));
	else
		HL_TRY(c->result);
	return step(s, HSM_KEEP);
}

/* A COMMIT that failed may be on the disk all the same, and come to light after a crash. Only a
 * full disk and a busy store are certain to have stopped it before its last page was written. */
static hl_err end(struct hsm_sqlite *s, bool something)
{
	hl_err rc = step(s, something ? HSM_COMMIT : HSM_ROLLBACK);

	return rc == HL_OK || rc == HL_E_FULL || rc == HL_E_BUSY ? rc : HL_E_STORE;
}

static hl_err transact(struct hsm_sqlite *s, struct hsm_commit *list)
{
	bool something = false;

	if (s->lost)
		return HL_E_STORE;
	HL_TRY(step(s, HSM_BEGIN));
	for (struct hsm_commit *c = list; c; c = c->next) {
		HL_TRY(take_in(s, c));
		something = something || c->result == HL_OK;
	}
	return end(s, something);
}

static void commit_all(struct hsm_sqlite *s, struct hsm_commit *list)
{
	hl_err rc = transact(s, list);

	/* Some failures have ended the transaction already. */
	if (rc != HL_OK && !sqlite3_get_autocommit(s->db[HSM_WRITER]) &&
		step(s, HSM_ROLLBACK) != HL_OK)
		rc = HL_E_STORE;
	s->lost = rc == HL_E_STORE;
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
