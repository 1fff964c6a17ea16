#include "hsm/sqlite.h"

#include <stdlib.h>

#include "hsm/private_store.h"
#include "lib/os/sqlite.h"

#define APPLICATION_ID 0x48534d4c /* "HSML", in the header of each file of ours */
#define SCHEMA 2
#define BUSY_MS 5000
#define RETRY_MS 10

#define TEXT(x) TEXT_(x)
#define TEXT_(x) #x

/* All SQL of the store. ------------------------------------------------------------------------ */

/* Application id, version of the schema, number of things in it. */
static const char who_made_it[] =
	"SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)"
	" FROM pragma_application_id AS a, pragma_user_version AS v";

#define MAKE(table) \
	"CREATE TABLE " table " (partition INTEGER NOT NULL, id INTEGER NOT NULL," \
	" version INTEGER NOT NULL CHECK (version > 0), open BLOB NOT NULL, sealed BLOB NOT NULL," \
	" PRIMARY KEY (partition, id)) WITHOUT ROWID, STRICT;"

/* clang-format off */
/* From each version of the schema to the next, beginning with an empty file. In one transaction with
 * the marks, so that a file has them all or nothing. */
static const char *const upgrade[SCHEMA] = {
	MAKE("cluster")
	MAKE("partition")
	MAKE("object")
	"CREATE TABLE generation (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL) STRICT;"
	"INSERT INTO generation (one, n) VALUES (1, 0);"
	"PRAGMA application_id = " TEXT(APPLICATION_ID) ";"
	"PRAGMA user_version = 1",

	MAKE("token")
	"PRAGMA user_version = 2",
};
/* clang-format on */

static const char *const settings[HSM_SIDES] = {
	[HSM_READER] = "PRAGMA query_only = ON",
	/* NORMAL would lose acknowledged commits with the power. */
	[HSM_WRITER] = "PRAGMA synchronous = FULL",
};

/* clang-format off */
#define ROWS(t, name) \
	[t * HSM_ROW_SQL + HSM_GET] = { HSM_READER, \
		"SELECT id, version, open, sealed FROM " name " WHERE partition = ?1 AND id = ?2" }, \
	[t * HSM_ROW_SQL + HSM_SCAN] = { HSM_READER, \
		"SELECT id, version, open, sealed FROM " name " WHERE partition = ?1 AND id > ?2 ORDER BY id" }, \
	[t * HSM_ROW_SQL + HSM_COUNT] = { HSM_READER, \
		"SELECT count(*) FROM " name " WHERE partition = ?1" }, \
	[t * HSM_ROW_SQL + HSM_ADD] = { HSM_WRITER, \
		"INSERT INTO " name " (partition, id, version, open, sealed) VALUES (?1, ?2, ?3, ?4, ?5)" \
		" ON CONFLICT DO NOTHING" }, \
	[t * HSM_ROW_SQL + HSM_CHANGE] = { HSM_WRITER, \
		"UPDATE " name " SET version = ?3, open = ?4, sealed = ?5" \
		" WHERE partition = ?1 AND id = ?2 AND version = ?3 - 1" }, \
	[t * HSM_ROW_SQL + HSM_REMOVE] = { HSM_WRITER, \
		"DELETE FROM " name " WHERE partition = ?1 AND id = ?2 AND version = ?3" }, \
	[t * HSM_ROW_SQL + HSM_STANDS] = { HSM_WRITER, \
		"SELECT 1 FROM " name " WHERE partition = ?1 AND id = ?2 AND version = ?3" }, \
	[t * HSM_ROW_SQL + HSM_BOUND] = { HSM_WRITER, \
		"SELECT 1 FROM (SELECT count(*) AS n FROM (SELECT 1 FROM " name \
		" WHERE partition = ?1 LIMIT ?2 + 1)) WHERE n <= ?2" }

static const struct { enum hsm_side side; const char *text; } sql[HSM_SQL] = {
	ROWS(HSM_CLUSTER, "cluster"),
	ROWS(HSM_PARTITION, "partition"),
	ROWS(HSM_OBJECT, "object"),
	ROWS(HSM_TOKEN, "token"),
	[HSM_GENERATION] = { HSM_READER, "SELECT n FROM generation" },
	[HSM_DATA_VERSION] = { HSM_READER, "PRAGMA data_version" },
	[HSM_BEGIN]      = { HSM_WRITER, "BEGIN IMMEDIATE" },
	[HSM_COMMIT]     = { HSM_WRITER, "COMMIT" },
	[HSM_ROLLBACK]   = { HSM_WRITER, "ROLLBACK" },
	[HSM_MARK]       = { HSM_WRITER, "SAVEPOINT one" },
	[HSM_KEEP]       = { HSM_WRITER, "RELEASE one" },
	[HSM_UNDO]       = { HSM_WRITER, "ROLLBACK TO one" },
	[HSM_RAISE]      = { HSM_WRITER, "UPDATE generation SET n = n + 1 RETURNING n" },
};
/* clang-format on */

/* Errors and values. --------------------------------------------------------------------------- */

hl_err hsm_sqlite_err(int rc)
{
	return hl_sqlite_err(rc);
}

hl_err hsm_sqlite_bind(sqlite3_stmt *st, size_t n, const uint64_t *v)
{
	for (size_t i = 0; i < n; i++)
		HL_TRY(hsm_sqlite_err(sqlite3_bind_int64(st, (int)i + 1, (sqlite3_int64)v[i])));
	return HL_OK;
}

static struct hl_bytes blob(sqlite3_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st, column); /* before its length, says SQLite */

	return hl_bytes(p, (size_t)sqlite3_column_bytes(st, column));
}

static uint64_t number(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

/* Reading. ------------------------------------------------------------------------------------- */

/* A statement that is reset on leaving: a read transaction that stays open would keep the writer
 * from ever emptying the log. */
static void resetp(sqlite3_stmt **st)
{
	sqlite3_reset(*st);
}

static struct hsm_row row_of(sqlite3_stmt *st, enum hsm_table table, uint64_t partition)
{
	return (struct hsm_row){ .table = table,
		.partition = partition,
		.id = number(st, 0),
		.version = number(st, 1),
		.open = blob(st, 2),
		.sealed = blob(st, 3) };
}

static hl_err get(void *store, enum hsm_table table, uint64_t partition, uint64_t id,
	struct hl_buf *memory, struct hsm_row *out)
{
	HL_AUTO(resetp) sqlite3_stmt *st = hsm_sqlite_row(store, HSM_GET, table);
	struct hsm_row row;
	int rc;

	HL_TRY(hsm_sqlite_bind(st, 2, (const uint64_t[]){ partition, id }));
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE)
		return HL_E_NOT_FOUND;
	HL_TRY(hsm_sqlite_err(rc));
	row = row_of(st, table, partition);
	return hsm_row_copy(&row, memory, out);
}

static hl_err scan(void *store, enum hsm_table table, uint64_t partition, uint64_t after,
	hsm_each *each, void *at)
{
	HL_AUTO(resetp) sqlite3_stmt *st = hsm_sqlite_row(store, HSM_SCAN, table);
	int rc;

	if (after > INT64_MAX) /* SQLite would take it for a negative number */
		return HL_OK;
	HL_TRY(hsm_sqlite_bind(st, 2, (const uint64_t[]){ partition, after }));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct hsm_row row = row_of(st, table, partition);

		if (!each(at, &row))
			return HL_OK;
	}
	return hsm_sqlite_err(rc);
}

static hl_err read_number(sqlite3_stmt *st, uint64_t *out)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		*out = number(st, 0);
	return rc == SQLITE_DONE ? HL_E_STORE : hsm_sqlite_err(rc);
}

static hl_err count(void *store, enum hsm_table table, uint64_t partition, uint64_t *out)
{
	HL_AUTO(resetp) sqlite3_stmt *st = hsm_sqlite_row(store, HSM_COUNT, table);

	HL_TRY(hsm_sqlite_bind(st, 1, &partition));
	return read_number(st, out);
}

static hl_err generation(void *store, uint64_t *out)
{
	struct hsm_sqlite *s = store;
	HL_AUTO(resetp) sqlite3_stmt *st = s->stmt[HSM_GENERATION];

	return read_number(st, out);
}

/* Our own writer is another connection than the reader: its commits count too. */
static hl_err data_version(void *store, uint64_t *out)
{
	struct hsm_sqlite *s = store;
	HL_AUTO(resetp) sqlite3_stmt *st = s->stmt[HSM_DATA_VERSION];

	return read_number(st, out);
}

/* Opening and closing. ------------------------------------------------------------------------- */

static void closep(struct hsm_sqlite **s)
{
	hsm_sqlite_close(*s);
}

static void finalizep(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}

static hl_err run(sqlite3 *db, const char *text)
{
	return hsm_sqlite_err(sqlite3_exec(db, text, NULL, NULL, NULL));
}

/* Whose file is it? `*version`: that of our schema; 0: the file is empty. Anything else is an error,
 * found before the first byte of the file is changed. */
static hl_err identify(sqlite3 *db, uint64_t *version)
{
	HL_AUTO(finalizep) sqlite3_stmt *st = NULL;
	int rc;

	HL_TRY(hsm_sqlite_err(sqlite3_prepare_v2(db, who_made_it, -1, &st, NULL)));
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? HL_E_STORE : hsm_sqlite_err(rc);
	*version = number(st, 1);
	if (number(st, 0) != APPLICATION_ID)
		return number(st, 0) == 0 && *version == 0 && number(st, 2) == 0 ? HL_OK : HL_E_STORE;
	if (*version > SCHEMA)
		return HL_E_STORE_SCHEMA;
	return *version > 0 ? HL_OK : HL_E_STORE;
}

/* Of two members that open a new or an old file at once, the second finds it done. */
static hl_err make(sqlite3 *db)
{
	uint64_t version;

	HL_TRY(run(db, "BEGIN IMMEDIATE"));
	HL_TRY(identify(db, &version));
	for (; version < SCHEMA; version++)
		HL_TRY(run(db, upgrade[version]));
	return run(db, "COMMIT");
}

/* Write to a log beside the store, so that readers and the writer do not wait for each other. */
static hl_err use_wal(sqlite3 *db)
{
	HL_AUTO(finalizep) sqlite3_stmt *st = NULL;
	int rc;

	HL_TRY(hsm_sqlite_err(sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &st, NULL)));
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? HL_E_STORE : hsm_sqlite_err(rc);
	if (sqlite3_stricmp((const char *)sqlite3_column_text(st, 0), "wal") != 0)
		return HL_E_STORE;
	return HL_OK;
}

static hl_err connect(const char *path, enum hsm_side side, sqlite3 **db)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	uint64_t version;

	HL_TRY(hsm_sqlite_err(sqlite3_open_v2(path, db, flags, NULL)));
	sqlite3_busy_timeout(*db, BUSY_MS);
	/* The file may have been prepared by somebody else: nothing in its schema may run code. */
	sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (sqlite3_db_readonly(*db, "main") != 0)
		return HL_E_STORE;
	HL_TRY(identify(*db, &version));
	if (side == HSM_WRITER) {
		HL_TRY(use_wal(*db));
		HL_TRY(run(*db, settings[side]));
		return version == SCHEMA ? HL_OK : make(*db);
	}
	return run(*db, settings[side]);
}

static hl_err prepare_all(struct hsm_sqlite *s)
{
	for (size_t i = 0; i < HSM_SQL; i++)
		HL_TRY(hsm_sqlite_err(sqlite3_prepare_v3(s->db[sql[i].side], sql[i].text, -1,
			SQLITE_PREPARE_PERSISTENT, &s->stmt[i], NULL)));
	return HL_OK;
}

/* By name and not by descriptor: closing a descriptor of the file would drop the locks that another
 * store of this process holds on it (POSIX locks belong to the process). */
static hl_err check_file(const char *path)
{
	struct stat st;

	HL_TRY(hsm_private_folder(path));
	HL_TRY(hsm_private_make(path));
	return lstat(path, &st) == 0 ? hsm_private_file(&st) : HL_E_STORE;
}

static hl_err open_once(const char *path, struct hsm_sqlite **out)
{
	HL_AUTO(closep) struct hsm_sqlite *s = calloc(1, sizeof *s);

	if (!s)
		return HL_E_NOMEM;
	s->last = &s->waiting;
	pthread_mutex_init(&s->lock, NULL);
	HL_TRY(connect(path, HSM_WRITER, &s->db[HSM_WRITER]));
	HL_TRY(connect(path, HSM_READER, &s->db[HSM_READER]));
	HL_TRY(prepare_all(s));
	sqlite3_busy_timeout(s->db[HSM_READER], 0);

	*out = hl_take(s);
	return HL_OK;
}

/* SQLite does not wait where waiting might never end: while several members turn one new file into a log, or
 * recover the log of one that was killed. They try again from the start instead. */
hl_err hsm_sqlite_open(const char *path, struct hsm_sqlite **out)
{
	hl_err err = HL_E_BUSY;

	HL_TRY(check_file(path));
	for (int waited_ms = 0; err == HL_E_BUSY && waited_ms < BUSY_MS; waited_ms += RETRY_MS) {
		if (waited_ms > 0)
			sqlite3_sleep(RETRY_MS);
		err = open_once(path, out);
	}
	return err;
}

void hsm_sqlite_close(struct hsm_sqlite *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < HSM_SQL; i++)
		sqlite3_finalize(s->stmt[i]);
	for (size_t i = 0; i < HSM_SIDES; i++)
		sqlite3_close(s->db[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct hsm_store hsm_sqlite_store(struct hsm_sqlite *s)
{
	static const struct hsm_store_ops ops = { get, scan, count, generation,
		data_version, hsm_sqlite_prepare };

	return (struct hsm_store){ &ops, s };
}
