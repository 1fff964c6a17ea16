/* A store that was edited, put back or mixed up with another is refused and left as it is; the sum is kept right
 * through all that members do. */
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/store.h"
#include "tests/support/test.h"

static struct hsm_sqlite *opened(const struct hl_test_store *w)
{
	struct hsm_sqlite *s = NULL;

	CU_ASSERT_EQUAL(hl_test_store_open(w, &s), HL_OK);
	return s;
}

static void meddle(const struct hl_test_store *w, const char *sql)
{
	CU_ASSERT(hl_test_store_meddle(w, sql));
}

/* -- generation, sum and guard in order ------------------------------------------------------------ */

static void each_commit_moves_the_guard(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;
	struct hsm_pair before, after;

	hl_test_store_begin(&w);
	CU_ASSERT_EQUAL(hl_test_store_kept(&w).generation, UINT64_MAX);
	s = opened(&w);
	before = hl_test_store_kept(&w);
	CU_ASSERT_EQUAL(before.generation, 0);
	for (uint64_t n = 1; n < 5; n++, before = after) {
		CU_ASSERT_EQUAL(hl_test_store_put(s, 1, n, "a"), HL_OK);
		after = hl_test_store_kept(&w);
		CU_ASSERT_EQUAL(after.generation, n);
		CU_ASSERT_NOT_EQUAL(memcmp(before.sum, after.sum, HSM_MAC), 0);
	}
	CU_ASSERT_EQUAL(hl_test_store_put(s, 1, 2, "stale"), HL_E_STORE_STALE);
	after = hl_test_store_kept(&w);
	CU_ASSERT(hsm_pair_eq(&before, &after));
	CU_ASSERT_EQUAL(hl_test_store_commit(s, NULL, 0), HL_OK); /* nothing changes, and all before it is guarded */
	after = hl_test_store_kept(&w);
	CU_ASSERT_EQUAL(after.generation, 5);
	CU_ASSERT_EQUAL(memcmp(before.sum, after.sum, HSM_MAC), 0);
	hsm_sqlite_close(s);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

static void a_store_without_rows_has_no_sum(void)
{
	static const uint8_t zero[HSM_MAC];
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_put gone = { .row = { .table = HSM_OBJECT, .partition = 1, .id = 1, .version = 2 }, .remove = true };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 1, 1, "a"), HL_OK);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 1, 2, "b"), HL_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(hl_test_store_kept(&w).sum, zero, HSM_MAC), 0);
	CU_ASSERT_EQUAL(hl_test_store_commit(s, &gone, 1), HL_OK);
	CU_ASSERT_EQUAL(memcmp(hl_test_store_kept(&w).sum, zero, HSM_MAC), 0);
	CU_ASSERT_EQUAL(hl_test_store_kept(&w).generation, 3);
	hsm_sqlite_close(s);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

/* Of five that share a transaction the third is stale half-way through: what it did before does not count. */
static void what_is_undone_alone_is_not_in_the_sum(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_put p[5][2];
	struct hsm_commit c[5];
	struct hsm_store store;
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	s = opened(&w);
	store = hsm_sqlite_store(s);
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned k = 0; k < 2; k++)
			p[i][k] = (struct hsm_put){ .row = { .table = HSM_OBJECT,
							    .partition = k + 1,
							    .id = i + 1,
							    .version = i == 2 && k == 1 ? 2 : 1 } };
		c[i] = (struct hsm_commit){ .put = p[i], .puts = 2, .result = HL_E_BUG };
		store.ops->prepare(store.at, &c[i]);
	}
	for (unsigned i = 0; i < 5; i++) {
		c[i].job.run(&c[i].job);
		CU_ASSERT_EQUAL(c[i].result, i == 2 ? HL_E_STORE_STALE : HL_OK);
	}
	CU_ASSERT_EQUAL(hl_test_store_kept(&w).generation, 4);
	hsm_sqlite_close(s);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

/* -- edited (S-02) ----------------------------------------------------------------------------------- */

/* Do `sql` to a store that is good, and refuse it. */
static void edited(const struct hl_test_store *w, const char *sql)
{
	hl_test_store_put_back(w, "good");
	if (!hl_test_store_meddle(w, sql)) {
		fprintf(stderr, "not done: %s\n", sql);
		CU_FAIL("SQLite refused");
	}
	hl_test_store_refused(w, HL_E_STORE_SUM);
}

/* In each way that its type allows. */
static void column_edited(const struct hl_test_store *w, const char *table, const char *column, const char *type)
{
	static const char *const number[][2] = { { "", " + 7" }, { "", " + 1000000" },
		{ "9223372036854775807 - ", "" } };
	static const char *const blob[][2] = { { "CAST(", " || x'00' AS BLOB)" }, { "substr(", ", 2)" },
		{ "zeroblob(31 + length(", ") % 2)" }, { "randomblob(31 + length(", ") % 2)" } };
	bool is_number = strcmp(type, "INTEGER") == 0;
	char value[128], text[512];

	for (size_t i = 0; i < (is_number ? HL_COUNT(number) : HL_COUNT(blob)); i++) {
		const char *const *around = is_number ? number[i] : blob[i];

		snprintf(value, sizeof value, "%s%s%s", around[0], column, around[1]);
		snprintf(text, sizeof text,
			"PRAGMA ignore_check_constraints = ON; UPDATE %s SET %s = %s"
			" WHERE rowid = (SELECT min(rowid) FROM %s)", table, column, value, table);
		if (strcmp(table, "generation") != 0)
			snprintf(text, sizeof text,
				"PRAGMA ignore_check_constraints = ON; UPDATE %s SET %s = %s WHERE id = 1",
				table, column, value);
		edited(w, text);
	}
}

static int on_column(void *at, int n, char **v, char **names)
{
	(void)n, (void)names;
	bool empty = strcmp(v[0], "log") == 0 && strcmp(v[1], "sealed") == 0; /* nothing to cut there */

	if (strcmp(v[1], "one") != 0 && !empty) /* which says nothing: there is one row */
		column_edited(at, v[0], v[1], v[2]);
	return 0;
}

static void every_column_of_every_table_counts(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	sqlite3 *db = NULL;
	char path[PATH_MAX];

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "good");
	hl_test_folder_file(&w.folder, "good", path);
	CU_ASSERT_EQUAL(sqlite3_open(path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db,
		"SELECT s.name, c.name, c.type FROM sqlite_schema AS s, pragma_table_info(s.name) AS c"
		" WHERE s.type = 'table'", on_column, &w, NULL), SQLITE_OK);
	sqlite3_close(db);
	hl_test_store_put_back(&w, "good");
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

static void rows_that_were_moved_are_found(void)
{
	static const char *const done[] = {
		"DELETE FROM object WHERE id = 2",
		"DELETE FROM cluster",
		"DELETE FROM token",
		"DELETE FROM log",
		"UPDATE log SET sealed = x'00'",
		/* as if it had never had one: an upgrade does not make that good */
		"DROP TABLE log; PRAGMA user_version = 3",
		"DELETE FROM cluster; DELETE FROM partition; DELETE FROM object; DELETE FROM token",
		"DELETE FROM generation",
		/* two that changed places: all of them, and with their MACs */
		"UPDATE object SET id = 9 WHERE id = 1; UPDATE object SET id = 1 WHERE id = 2;"
		" UPDATE object SET id = 2 WHERE id = 9",
		"CREATE TEMP TABLE t AS SELECT * FROM object; UPDATE object SET (open, sealed, mac) ="
		" (SELECT open, sealed, mac FROM t WHERE t.id = 3 - object.id)",
		"INSERT INTO object SELECT 2, id, version, open, sealed, mac FROM object WHERE id = 1",
		"INSERT INTO object SELECT partition, 5, version, open, sealed, mac FROM object WHERE id = 1",
		"INSERT INTO partition SELECT * FROM object WHERE id = 1",
		"INSERT INTO token SELECT partition, 7, 1, x'', x'', randomblob(32) FROM token",
		/* as new as can be */
		"DELETE FROM cluster; DELETE FROM partition; DELETE FROM object; DELETE FROM token;"
		" UPDATE generation SET sum = zeroblob(32)",
		/* what would do something else at the next commit */
		"CREATE TRIGGER t AFTER INSERT ON object BEGIN DELETE FROM token; END",
		"CREATE INDEX i ON object (id, partition)",
		"CREATE VIEW v AS SELECT * FROM object",
		"CREATE TABLE other (a)",
		"ALTER TABLE object DROP COLUMN sealed",
		"DROP TABLE token",
	};
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "good");
	for (size_t i = 0; i < HL_COUNT(done); i++)
		edited(&w, done[i]);
}

/* What `sql` selects, a MAC or a sum. */
static void column_of(const struct hl_test_store *w, const char *sql, uint8_t out[HSM_MAC])
{
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;

	CU_ASSERT_EQUAL(sqlite3_open(w->path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_step(st), SQLITE_ROW);
	CU_ASSERT_EQUAL_FATAL(sqlite3_column_bytes(st, 0), HSM_MAC);
	memcpy(out, sqlite3_column_blob(st, 0), HSM_MAC);
	sqlite3_finalize(st);
	sqlite3_close(db);
}

/* MACs and sum stand in the open: anybody can subtract. */
static void a_sum_that_was_computed_anew_is_found(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	uint8_t sum[HSM_MAC], mac[HSM_MAC];
	char hex[2 * HSM_MAC + 1], text[256];

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "good");
	column_of(&w, "SELECT sum FROM generation", sum);
	column_of(&w, "SELECT mac FROM object WHERE id = 2", mac);
	hsm_sum_take(sum, mac);
	hl_hex(hl_bytes(sum, sizeof sum), hex);
	snprintf(text, sizeof text,
		"DELETE FROM object WHERE id = 2; UPDATE generation SET n = n + 1, sum = x'%s'", hex);
	edited(&w, text);
}

/* A row as it was once, with the MAC that it had; and the pair that there was then. */
static void a_single_row_put_back_is_found(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;
	char old[PATH_MAX], text[PATH_MAX + 512];

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "old");
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 2, 2, "newer"), HL_OK);
	hsm_sqlite_close(s);
	hl_test_store_copy(&w, "good");
	hl_test_folder_file(&w.folder, "old", old);
	snprintf(text, sizeof text, "ATTACH '%s' AS was; REPLACE INTO object SELECT * FROM was.object", old);
	edited(&w, text);
	snprintf(text, sizeof text, "ATTACH '%s' AS was; REPLACE INTO generation SELECT * FROM was.generation", old);
	edited(&w, text);
	/* The whole content, under the generation of today. */
	snprintf(text, sizeof text,
		"ATTACH '%s' AS was; REPLACE INTO object SELECT * FROM was.object;"
		" UPDATE generation SET (sum, mac) = (SELECT sum, mac FROM was.generation)", old);
	edited(&w, text);
	/* And all of it, which is the store of then. */
	hl_test_store_put_back(&w, "good");
	snprintf(text, sizeof text,
		"ATTACH '%s' AS was; REPLACE INTO object SELECT * FROM was.object;"
		" REPLACE INTO generation SELECT * FROM was.generation", old);
	meddle(&w, text);
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
}

/* Two rows of a page that changed places are both there and have the same sum, and are not found by their keys. In
 * SQLite's format an index leaf begins with 10, has its number of cells in bytes 3 and 4, and from byte 8 on where
 * each of them is. */
static bool swap_cells(uint8_t *page)
{
	uint8_t first[2];

	if (page[0] != 10 || page[3] * 256 + page[4] < 2)
		return false;
	memcpy(first, page + 8, 2);
	memcpy(page + 8, page + 10, 2);
	memcpy(page + 10, first, 2);
	return true;
}

static void rows_that_stand_out_of_order_are_found(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf b = { 0 };
	unsigned done = 0;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	b = hl_test_file_read(w.path);
	for (size_t at = 4096; at < b.n; at += 4096)
		done += swap_cells(b.base + b.off + at);
	CU_ASSERT_EQUAL(done, 1); /* of object, the only one with two rows */
	CU_ASSERT(hl_test_file_write(w.path, b.base + b.off, b.n, 0600));
	hl_test_store_refused(&w, HL_E_STORE_SUM);
}

/* Whatever a page had, it is refused, and as damaged; a byte that no row needs may be anything. */
static void a_flipped_byte_is_found_or_harmless(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf good = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf changed = { 0 };
	uint8_t *byte;
	size_t harmless = 0, found = 0;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "good");
	good = hl_test_file_read(w.path);
	changed = hl_test_file_read(w.path);
	byte = changed.base + changed.off;
	for (size_t i = 0; i < good.n; i += 29 * hl_test_stride()) {
		hl_err rc;

		hl_test_store_put_back(&w, "good");
		byte[i] ^= 0x20;
		CU_ASSERT(hl_test_file_write(w.path, byte, changed.n, 0600));
		rc = hl_test_store_refusal(&w);
		byte[i] ^= 0x20;
		harmless += rc == HL_OK;
		found += rc != HL_OK;
		CU_ASSERT(rc == HL_OK || rc == HL_E_STORE || rc == HL_E_STORE_SUM || rc == HL_E_STORE_BEHIND ||
			rc == HL_E_STORE_SCHEMA);
	}
	CU_ASSERT(found > 0 && harmless > 0);
	hl_test_store_put_back(&w, "good");
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

/* -- the log ------------------------------------------------------------------------------------------- */

/* Ten entries of partition 1, the newest four of them kept, and one of partition 2. */
static void a_log(const struct hl_test_store *w)
{
	struct hsm_sqlite *s = opened(w);
	struct hsm_put p;

	for (unsigned i = 0; i < 10; i++) {
		p = hl_test_store_entry(1, "an entry");
		p.most = 4;
		CU_ASSERT_EQUAL(hl_test_store_commit(s, &p, 1), HL_OK);
	}
	p = hl_test_store_entry(2, "of another");
	CU_ASSERT_EQUAL(hl_test_store_commit(s, &p, 1), HL_OK);
	hsm_sqlite_close(s);
	CU_ASSERT_EQUAL(hl_test_store_refusal(w), HL_OK);
}

static void an_entry_cannot_be_taken_out_of_a_log(void)
{
	static const char *const done[] = {
		"DELETE FROM log WHERE id = 7",
		"DELETE FROM log WHERE id = 8 AND partition = 1",
		"DELETE FROM log WHERE id = 10",
		"DELETE FROM log WHERE partition = 1",
		"UPDATE log SET id = id + 1 WHERE id = 10",
		"UPDATE log SET partition = 3 WHERE partition = 2",
		"UPDATE log SET open = CAST(open || x'0a' AS BLOB) WHERE id = 9",
		"INSERT INTO log SELECT partition, 11, version, open, sealed, mac FROM log WHERE id = 10",
	};
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	a_log(&w);
	hl_test_store_copy(&w, "good");
	for (size_t i = 0; i < HL_COUNT(done); i++)
		edited(&w, done[i]);
}

/* Version 3 had all but the log. */
static void a_store_of_version_3_gets_a_log(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;
	struct hsm_put p = hl_test_store_entry(1, "the first");

	hl_test_store_begin(&w);
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 1, 1, "old"), HL_OK);
	hsm_sqlite_close(s);
	meddle(&w, "DROP TABLE log; PRAGMA user_version = 3");
	hl_test_store_copy(&w, "three");
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_commit(s, &p, 1), HL_OK);
	hsm_sqlite_close(s);
	CU_ASSERT_EQUAL(hl_test_store_kept(&w).generation, 2);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
	hl_test_store_put_back(&w, "three");
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
	hl_test_store_put_guard_back(&w, "three");
	meddle(&w, "UPDATE object SET open = x'00'");
	hl_test_store_refused(&w, HL_E_STORE_SUM);
	hl_test_store_put_back(&w, "three");
	CU_ASSERT_EQUAL(unlink(w.guard), 0);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_E_STORE_GUARD);
}

/* -- put back (F-STO-10) ------------------------------------------------------------------------------ */

static void an_older_copy_is_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "old");
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "acknowledged"), HL_OK);
	hsm_sqlite_close(s);
	hl_test_store_copy(&w, "new");
	hl_test_store_put_back(&w, "old");
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
	hl_test_store_put_back(&w, "new");
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

/* Two copies that went on apart have the same generation and not the same rows. */
static void another_branch_is_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "old");
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "one way"), HL_OK);
	hsm_sqlite_close(s);
	hl_test_store_copy(&w, "one");
	hl_test_store_put_back(&w, "old");
	hl_test_store_put_guard_back(&w, "old");
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "the other way"), HL_OK);
	hsm_sqlite_close(s);
	hl_test_store_put_back(&w, "one");
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
}

static void a_store_that_is_put_back_under_a_member_is_noticed(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	const struct hsm_macs macs = hsm_seal_macs(hl_test_seal(1));
	struct hsm_pair ahead = { .generation = 100 }, newest;
	struct hsm_guard *g = NULL;
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	s = opened(&w);
	CU_ASSERT_EQUAL(hsm_guard_open(w.guard, &macs, &g), HL_OK);
	CU_ASSERT_EQUAL(hsm_guard_lock(g, &newest), HL_OK);
	CU_ASSERT_EQUAL(hsm_guard_write(g, &ahead), HL_OK);
	hsm_guard_unlock(g);
	hsm_guard_close(g);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "on an old store"), HL_E_STORE_BEHIND);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "ever after"), HL_E_STORE_BEHIND);
	CU_ASSERT_EQUAL(hl_test_store_generation(s), 5);
	hsm_sqlite_close(s);
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
}

/* -- older schemas ------------------------------------------------------------------------------------------ */

#define TABLE_2(name) \
	"CREATE TABLE " name " (partition INTEGER NOT NULL, id INTEGER NOT NULL," \
	" version INTEGER NOT NULL CHECK (version > 0), open BLOB NOT NULL, sealed BLOB NOT NULL," \
	" PRIMARY KEY (partition, id)) WITHOUT ROWID, STRICT;"

/* What version 2 made, with a cluster row that was sealed under device key `key`. */
static void version_2(const struct hl_test_store *w, uint8_t key)
{
	HL_AUTO(hl_buf_clear) struct hl_buf sealed = hl_buf(4096);
	const struct hsm_row row = { .table = HSM_CLUSTER, .id = 1, .version = 1, .open = hl_text("open") };
	char hex[1024], text[2048];

	CU_ASSERT_EQUAL(hsm_seal(hl_test_seal(key), &row, hl_text("identity"), &sealed), HL_OK);
	hl_hex(hl_buf_view(&sealed), hex);
	CU_ASSERT(hl_test_file_write(w->path, "", 0, 0600));
	meddle(w, "PRAGMA journal_mode = WAL;"
		TABLE_2("cluster") TABLE_2("partition") TABLE_2("object") TABLE_2("token")
		"CREATE TABLE generation (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL) STRICT;"
		"INSERT INTO generation (one, n) VALUES (1, 41);"
		"INSERT INTO object VALUES (1, 7, 3, x'6f6c64', x'01');"
		"INSERT INTO token VALUES (1, 8, 1, x'', x'02');"
		"PRAGMA application_id = 1213418828; PRAGMA user_version = 2");
	snprintf(text, sizeof text, "INSERT INTO cluster VALUES (0, 1, 1, CAST('open' AS BLOB), x'%s')", hex);
	meddle(w, text);
}

static void a_store_of_version_2_gets_macs_and_a_guard(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	version_2(&w, 1);
	hl_test_store_copy(&w, "two");
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_kept(&w).generation, 41);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 7, 4, "new"), HL_OK);
	hsm_sqlite_close(s);
	hl_test_store_copy(&w, "good");
	edited(&w, "UPDATE token SET sealed = x'03'");
	hl_test_store_put_back(&w, "two"); /* put back, it is an old store like any other */
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
}

static void a_takeover_that_a_crash_ended_is_resumed(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	version_2(&w, 1);
	hl_test_store_copy(&w, "two");
	hsm_sqlite_close(opened(&w));
	hl_test_store_put_back(&w, "two"); /* the guard was made, the transaction never ended */
	hsm_sqlite_close(opened(&w));
	CU_ASSERT_EQUAL(hl_test_store_kept(&w).generation, 41);
	hl_test_store_put_back(&w, "two"); /* and rows that changed in between were not changed by us */
	meddle(&w, "UPDATE token SET sealed = x'03'");
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
}

static void an_old_store_of_another_device_is_not_taken_over(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	version_2(&w, 2);
	hl_test_store_refused(&w, HL_E_STORE_KEY);
	CU_ASSERT_NOT_EQUAL(access(w.guard, F_OK), 0);
	version_2(&w, 1);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

static CU_TestInfo tests[] = {
	{ "each commit moves the guard", each_commit_moves_the_guard },
	{ "a store without rows has no sum", a_store_without_rows_has_no_sum },
	{ "what is undone alone is not in the sum", what_is_undone_alone_is_not_in_the_sum },
	{ "every column of every table counts", every_column_of_every_table_counts },
	{ "rows that were moved are found", rows_that_were_moved_are_found },
	{ "a sum that was computed anew is found", a_sum_that_was_computed_anew_is_found },
	{ "a single row put back is found", a_single_row_put_back_is_found },
	{ "rows that stand out of order are found", rows_that_stand_out_of_order_are_found },
	{ "a flipped byte is found or harmless", a_flipped_byte_is_found_or_harmless },
	{ "an older copy is refused", an_older_copy_is_refused },
	{ "another branch is refused", another_branch_is_refused },
	{ "a store that is put back under a member is noticed", a_store_that_is_put_back_under_a_member_is_noticed },
	{ "a store of version 2 gets MACs and a guard", a_store_of_version_2_gets_macs_and_a_guard },
	{ "a takeover that a crash ended is resumed", a_takeover_that_a_crash_ended_is_resumed },
	{ "an old store of another device is not taken over", an_old_store_of_another_device_is_not_taken_over },
	{ "an entry cannot be taken out of a log", an_entry_cannot_be_taken_out_of_a_log },
	{ "a store of version 3 gets a log", a_store_of_version_3_gets_a_log },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("check_store", tests)
