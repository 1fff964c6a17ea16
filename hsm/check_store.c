/* check_store.c - whether a store is what its members left, before the first use.
 *
 * Each MAC is computed anew and compared with the one in its row, their sum with the store's own row, that row
 * with its MAC, and generation and sum with the guard. The MAC of the pair is what makes the sum worth anything:
 * the MACs of rows stand in the open, so anybody can subtract the one of a row that he removes. */
#include "hsm/sqlite.h"

#include "hsm/chain.h"
#include "hsm/private_store.h"

/* The columns of hsm_sqlite_row_of(), then two more. By its key, so that rows must ascend: one that stands
 * at a wrong place would be in the sum and not be found. */
#define ALL(name) "SELECT id, version, open, sealed, partition, mac FROM " name " ORDER BY partition, id"

static const char *const all_rows[HSM_TABLES] = {
	[HSM_CLUSTER] = ALL("cluster"),
	[HSM_PARTITION] = ALL("partition"),
	[HSM_OBJECT] = ALL("object"),
	[HSM_TOKEN] = ALL("token"),
	[HSM_LOG] = ALL("log"),
};

static const char foreign[] =
	"SELECT count(*) FROM sqlite_schema WHERE type <> 'table'"
	" OR name NOT IN ('cluster', 'partition', 'object', 'token', 'log', 'generation')";
static const char pair_row[] = "SELECT n, sum, mac FROM generation";

/* What is found in a store. */
struct look {
	struct hsm_pair said, found; /* `found` has the sum of the rows as they are */
	bool altered;                /* something is not as it was written */
	bool known;                  /* at least one MAC is right: the key is */
};

/* Generation and sum. ---------------------------------------------------------------------------- */

/* What the store's own row says, true or not. */
static hl_err read_pair(sqlite3_stmt *statement, struct hsm_pair *p, uint8_t mac[HSM_MAC], bool *has_mac)
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = statement;
	int rc = sqlite3_step(st);
	struct hl_bytes part;

	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? HL_E_STORE_SUM : hl_sqlite_err(rc);
	p->generation = hsm_sqlite_number(st, 0);
	part = hsm_sqlite_blob(st, 1);
	if (part.n != HSM_MAC)
		return HL_E_STORE_SUM;
	memcpy(p->sum, part.p, HSM_MAC);
	part = hsm_sqlite_blob(st, 2);
	*has_mac = part.n > 0;
	if (part.n == HSM_MAC)
		memcpy(mac, part.p, HSM_MAC);
	return part.n == HSM_MAC || part.n == 0 ? HL_OK : HL_E_STORE_SUM;
}

/* Before the first commit there may be no key yet, so there is no MAC, and no rows. */
static hl_err check_pair(
	const struct hsm_macs *macs, const struct hsm_pair *p, const uint8_t mac[HSM_MAC], bool has_mac)
{
	static const struct hsm_pair nothing = { 0 };
	uint8_t right[HSM_MAC];

	if (!has_mac)
		return hsm_pair_eq(p, &nothing) ? HL_OK : HL_E_STORE_SUM;
	HL_TRY(hsm_pair_mac(macs, HSM_PAIR_ROW, p, right));
	return p->generation > 0 && memcmp(mac, right, HSM_MAC) == 0 ? HL_OK : HL_E_STORE_SUM;
}

hl_err hsm_sqlite_pair(sqlite3_stmt *st, const struct hsm_macs *macs, struct hsm_pair *out)
{
	uint8_t mac[HSM_MAC] = { 0 };
	struct hsm_pair p;
	bool has_mac;

	HL_TRY(read_pair(st, &p, mac, &has_mac));
	HL_TRY(check_pair(macs, &p, mac, has_mac));
	*out = p;
	return HL_OK;
}

hl_err hsm_sqlite_set_pair(sqlite3_stmt *statement, const struct hsm_macs *macs, const struct hsm_pair *p)
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = statement;
	uint8_t mac[HSM_MAC];
	hl_err rc;

	HL_TRY(hsm_pair_mac(macs, HSM_PAIR_ROW, p, mac));
	HL_TRY(hsm_sqlite_bind(st, 1, &p->generation));
	HL_TRY(hsm_sqlite_bind_blob(st, 2, hl_bytes(p->sum, HSM_MAC)));
	HL_TRY(hsm_sqlite_bind_blob(st, 3, hl_bytes(mac, HSM_MAC)));
	rc = hsm_sqlite_err_of(st, sqlite3_step(st));
	sqlite3_clear_bindings(st); /* which point into this function */
	return rc;
}

/* The same generation with another sum is another store that grew out of an older copy of this one. */
bool hsm_sqlite_is_behind(const struct hsm_pair *now, const struct hsm_pair *kept)
{
	if (now->generation == kept->generation)
		return !hsm_pair_eq(now, kept);
	return now->generation < kept->generation;
}

/* All rows. -------------------------------------------------------------------------------------- */

static hl_err look_at_row(const struct hsm_macs *macs, const struct hsm_row *row, struct hl_bytes mac, struct look *l)
{
	uint8_t right[HSM_MAC];

	HL_TRY(macs->row(macs->at, row, right));
	hsm_sum_add(l->found.sum, right);
	if (hl_bytes_eq(mac, hl_bytes(right, sizeof right)))
		l->known = true;
	else
		l->altered = true;
	return HL_OK;
}

static bool ascends(const struct hsm_row *before, const struct hsm_row *row)
{
	if (row->partition != before->partition)
		return row->partition > before->partition;
	return row->id > before->id;
}

/* The oldest entries of a log are overwritten, so that what a log begins with may have any number. */
static bool follows(const struct hsm_row *before, const struct hsm_row *row)
{
	if (row->table != HSM_LOG)
		return true;
	if (row->partition == before->partition)
		return hsm_chain_follows(before, row);
	return row->id > 1 || hsm_chain_follows(NULL, row);
}

/* SQLite's own views end with its next step. */
static hl_err remember(const struct hsm_row *row, struct hl_buf *memory, struct hsm_row *out)
{
	struct hsm_row head = *row;

	if (row->table != HSM_LOG) /* else only where it stands counts */
		head.open = head.sealed = hl_bytes(NULL, 0);
	hl_buf_cut(memory, 0);
	return hsm_row_copy(&head, memory, out);
}

static hl_err look_at_table(sqlite3 *db, const struct hsm_macs *macs, enum hsm_table table, struct look *l)
{
	HL_AUTO(hsm_sqlite_finalizep) sqlite3_stmt *st = NULL;
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(HL_BUF_MAX);
	struct hsm_row row, before = { 0 };
	int rc;

	HL_TRY(hl_sqlite_err(sqlite3_prepare_v2(db, all_rows[table], -1, &st, NULL)));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		row = hsm_sqlite_row_of(st, table, hsm_sqlite_number(st, 4));
		HL_TRY(look_at_row(macs, &row, hsm_sqlite_blob(st, 5), l));
		if (!ascends(&before, &row) || !follows(&before, &row))
			l->altered = true;
		HL_TRY(remember(&row, &memory, &before));
	}
	return hl_sqlite_err(rc);
}

static hl_err look_at_pair(sqlite3 *db, const struct hsm_macs *macs, struct look *l)
{
	HL_AUTO(hsm_sqlite_finalizep) sqlite3_stmt *st = NULL;
	uint8_t mac[HSM_MAC] = { 0 };
	bool has_mac;
	hl_err rc;

	HL_TRY(hl_sqlite_err(sqlite3_prepare_v2(db, pair_row, -1, &st, NULL)));
	HL_TRY(read_pair(st, &l->said, mac, &has_mac));
	l->found.generation = l->said.generation;
	rc = check_pair(macs, &l->said, mac, has_mac);
	if (rc == HL_E_STORE_SUM)
		l->altered = true;
	else if (rc == HL_OK && has_mac)
		l->known = true;
	return rc == HL_E_STORE_SUM ? HL_OK : rc;
}

/* A trigger, a view or an index could make the statements of the store do something else. */
static hl_err look_at_schema(sqlite3 *db, struct look *l)
{
	HL_AUTO(hsm_sqlite_finalizep) sqlite3_stmt *st = NULL;
	int rc;

	HL_TRY(hl_sqlite_err(sqlite3_prepare_v2(db, foreign, -1, &st, NULL)));
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? HL_E_STORE : hl_sqlite_err(rc);
	if (hsm_sqlite_number(st, 0) > 0)
		l->altered = true;
	return HL_OK;
}

/* In one transaction, which the caller has begun. */
static hl_err look_at_all(sqlite3 *db, const struct hsm_macs *macs, struct look *l)
{
	HL_TRY(look_at_schema(db, l));
	for (unsigned t = 0; t < HSM_TABLES; t++)
		HL_TRY(look_at_table(db, macs, (enum hsm_table)t, l));
	return look_at_pair(db, macs, l);
}

/* The guard. ------------------------------------------------------------------------------------- */

static hl_err open_guard(struct hsm_sqlite *s, const char *path, struct hsm_pair *kept)
{
	hsm_guard_close(s->guard);
	s->guard = NULL;
	HL_TRY(hsm_guard_open(path, &s->macs, &s->guard));
	return hsm_guard_read(s->guard, kept);
}

/* A crash between a commit and its guard leaves the store ahead. */
static hl_err bring_up(struct hsm_guard *g, const struct hsm_pair *kept, const struct hsm_pair *now)
{
	struct hsm_pair newest;
	hl_err rc;

	if (hsm_pair_eq(kept, now))
		return HL_OK;
	HL_TRY(hsm_guard_lock(g, &newest));
	rc = hsm_guard_write(g, now);
	hsm_guard_unlock(g);
	return rc;
}

/* What is found, against the guard. ------------------------------------------------------------------ */

static bool whole(const struct look *l)
{
	return !l->altered && hsm_pair_eq(&l->said, &l->found);
}

/* HL_E_DEFER: the guard has just been made, look again. */
static hl_err make_guard(struct hsm_sqlite *s, const char *path, const struct hsm_pair *now)
{
	if (now->generation > 0) /* another member may have made it after we looked, and then committed */
		return hsm_private_exists(path) ? HL_E_DEFER : HL_E_STORE_GUARD;
	HL_TRY(hsm_guard_make(path, &s->macs, now));
	return HL_E_DEFER;
}

/* `guard`: how reading it ended. */
static hl_err judge(struct hsm_sqlite *s, const char *path, const struct look *l, hl_err guard, const struct hsm_pair *kept)
{
	if (guard != HL_OK && !l->known && l->altered)
		return HL_E_STORE_KEY;
	if (!whole(l))
		return HL_E_STORE_SUM;
	if (guard == HL_E_NOT_FOUND)
		return make_guard(s, path, &l->said);
	HL_TRY(guard);
	return hsm_sqlite_is_behind(&l->said, kept) ? HL_E_STORE_BEHIND : bring_up(s->guard, kept, &l->said);
}

/* Older schemas. --------------------------------------------------------------------------------- */

/* Rows that have no MACs yet are taken as they are, unless the cluster's was sealed under another key. */
static hl_err check_key(struct hsm_sqlite *s)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(HL_BUF_MAX);
	const struct hsm_store store = hsm_sqlite_store(s);
	struct hsm_row row;
	hl_err rc = store.ops->get(store.at, HSM_CLUSTER, 0, HSM_CLUSTER_ROW, &memory, &row);

	if (rc == HL_E_NOT_FOUND)
		return HL_OK;
	HL_TRY(rc);
	return s->macs.opens(s->macs.at, &row) ? HL_OK : HL_E_STORE_KEY;
}

/* Before the transaction ends, or a crash would leave a used store of our schema without a guard. One that an
 * attempt before this left is met: the same rows give the same sum. */
static hl_err guard_upgrade(struct hsm_sqlite *s, const char *path, const struct hsm_pair *now)
{
	struct hsm_pair kept;

	if (!hsm_private_exists(path))
		HL_TRY(hsm_guard_make(path, &s->macs, now));
	HL_TRY(open_guard(s, path, &kept));
	return hsm_sqlite_is_behind(now, &kept) ? HL_E_STORE_BEHIND : bring_up(s->guard, &kept, now);
}

static hl_err set_pair(sqlite3 *db, const struct hsm_macs *macs, const struct hsm_pair *p)
{
	HL_AUTO(hsm_sqlite_finalizep) sqlite3_stmt *st = NULL;

	HL_TRY(hl_sqlite_err(sqlite3_prepare_v2(
		db, "UPDATE generation SET n = ?1, sum = ?2, mac = ?3", -1, &st, NULL)));
	return hsm_sqlite_set_pair(st, macs, p);
}

/* It is as its members left it, and not older than its guard says: what an upgrade may not make good. */
static hl_err upgrade_marked(struct hsm_sqlite *s, const char *path)
{
	struct look l = { 0 };
	struct hsm_pair kept;
	hl_err guard = open_guard(s, path, &kept);

	if (guard != HL_OK && guard != HL_E_NOT_FOUND && guard != HL_E_STORE_GUARD)
		return guard;
	HL_TRY(look_at_all(s->db[HSM_WRITER], &s->macs, &l));
	return judge(s, path, &l, guard, &kept);
}

static hl_err upgrade(struct hsm_sqlite *s, const char *path)
{
	sqlite3 *db = s->db[HSM_WRITER];
	struct look l = { 0 };

	HL_TRY(hsm_sqlite_upgrade(s));
	if (!s->old)
		return HL_OK;
	if (s->marked)
		return upgrade_marked(s, path);
	HL_TRY(check_key(s));
	HL_TRY(look_at_schema(db, &l));
	if (l.altered)
		return HL_E_STORE_SUM;
	HL_TRY(look_at_all(db, &s->macs, &l));
	if (l.found.generation > 0)
		HL_TRY(set_pair(db, &s->macs, &l.found));
	return guard_upgrade(s, path, &l.found);
}

static hl_err take_over(struct hsm_sqlite *s, const char *path)
{
	hl_err rc = upgrade(s, path);

	if (rc == HL_OK)
		rc = hsm_sqlite_run(s->db[HSM_WRITER], "COMMIT");
	rc = hsm_sqlite_blame(s, rc);
	if (!sqlite3_get_autocommit(s->db[HSM_WRITER]))
		sqlite3_exec(s->db[HSM_WRITER], "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* The comparison. -------------------------------------------------------------------------------- */

static hl_err look_at_store(struct hsm_sqlite *s, struct look *l)
{
	sqlite3 *db = s->db[HSM_READER];
	hl_err rc;

	HL_TRY(hsm_sqlite_run(db, "BEGIN"));
	rc = hsm_sqlite_blame(s, look_at_all(db, &s->macs, l));
	HL_TRY(hsm_sqlite_run(db, "COMMIT"));
	return rc;
}

/* The guard is read before the store: what it says was committed before, so that others may go on and the
 * store that is read then is still not behind it. */
static hl_err compare(struct hsm_sqlite *s, const char *path)
{
	struct look l = { 0 };
	struct hsm_pair kept;
	hl_err guard = open_guard(s, path, &kept);

	if (guard != HL_OK && guard != HL_E_NOT_FOUND && guard != HL_E_STORE_GUARD)
		return guard;
	HL_TRY(look_at_store(s, &l));
	return judge(s, path, &l, guard, &kept);
}

static hl_err begin_once(struct hsm_sqlite *s, const char *path)
{
	hl_err rc = HL_OK;

	if (s->old)
		do
			rc = take_over(s, path);
		while (rc == HL_E_DEFER);
	HL_TRY(rc);
	do
		rc = compare(s, path);
	while (rc == HL_E_DEFER);
	HL_TRY(rc);
	return hsm_sqlite_use(s);
}

hl_err hsm_sqlite_begin(struct hsm_sqlite *s, const struct hsm_macs *macs, const char *guard)
{
	int64_t until = hsm_sqlite_until();
	hl_err err;

	s->macs = *macs;
	do
		err = begin_once(s, guard);
	while (hsm_sqlite_again(err, until));
	return err;
}
