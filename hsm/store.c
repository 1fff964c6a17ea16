#include "hsm/sqlite.h"

#include <errno.h>
#include <stdlib.h>

/* All SQL of the store. ------------------------------------------------------------------------ */

/* clang-format off */
#define ROWS(t, name) \
	[t * HSM_ROW_SQL + HSM_GET] = { HSM_READER, \
		"SELECT id, version, open, sealed FROM " name " WHERE partition = ?1 AND id = ?2" }, \
	[t * HSM_ROW_SQL + HSM_SCAN] = { HSM_READER, \
		"SELECT id, version, open, sealed FROM " name " WHERE partition = ?1 AND id > ?2 ORDER BY id" }, \
	[t * HSM_ROW_SQL + HSM_SCAN_BACK] = { HSM_READER, \
		"SELECT id, version, open, sealed FROM " name " WHERE partition = ?1 AND id < ?2 ORDER BY id DESC" }, \
	[t * HSM_ROW_SQL + HSM_COUNT] = { HSM_READER, \
		"SELECT count(*) FROM " name " WHERE partition = ?1" }, \
	[t * HSM_ROW_SQL + HSM_ADD] = { HSM_WRITER, \
		"INSERT INTO " name " (partition, id, version, open, sealed, mac)" \
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)" \
		" ON CONFLICT DO NOTHING" }, \
	[t * HSM_ROW_SQL + HSM_CHANGE] = { HSM_WRITER, \
		"UPDATE " name " SET version = ?3, open = ?4, sealed = ?5, mac = ?6" \
		" WHERE partition = ?1 AND id = ?2 AND version = ?3 - 1" }, \
	[t * HSM_ROW_SQL + HSM_REMOVE] = { HSM_WRITER, \
		"DELETE FROM " name " WHERE partition = ?1 AND id = ?2 AND version = ?3" }, \
	[t * HSM_ROW_SQL + HSM_STANDS] = { HSM_WRITER, \
		"SELECT mac FROM " name " WHERE partition = ?1 AND id = ?2 AND version = ?3" }, \
	[t * HSM_ROW_SQL + HSM_BOUND] = { HSM_WRITER, \
		"SELECT 1 FROM (SELECT count(*) AS n FROM (SELECT 1 FROM " name \
		" WHERE partition = ?1 LIMIT ?2 + 1)) WHERE n <= ?2" }, \
	[t * HSM_ROW_SQL + HSM_MACS] = { HSM_WRITER, "SELECT mac FROM " name " WHERE partition = ?1" }, \
	[t * HSM_ROW_SQL + HSM_CLEAR] = { HSM_WRITER, "DELETE FROM " name " WHERE partition = ?1" }

static const struct { enum hsm_side side; const char *text; } sql[HSM_SQL] = {
	ROWS(HSM_CLUSTER, "cluster"),
	ROWS(HSM_PARTITION, "partition"),
	ROWS(HSM_OBJECT, "object"),
	ROWS(HSM_TOKEN, "token"),
	ROWS(HSM_LOG, "log"),
	[HSM_GENERATION] = { HSM_READER, "SELECT n FROM generation" },
	[HSM_DATA_VERSION] = { HSM_READER, "PRAGMA data_version" },
	[HSM_BEGIN]      = { HSM_WRITER, "BEGIN IMMEDIATE" },
	[HSM_COMMIT]     = { HSM_WRITER, "COMMIT" },
	[HSM_ROLLBACK]   = { HSM_WRITER, "ROLLBACK" },
	[HSM_MARK]       = { HSM_WRITER, "SAVEPOINT one" },
	[HSM_KEEP]       = { HSM_WRITER, "RELEASE one" },
	[HSM_UNDO]       = { HSM_WRITER, "ROLLBACK TO one" },
	[HSM_PAIR]       = { HSM_WRITER, "SELECT n, sum, mac FROM generation" },
	[HSM_SET_PAIR]   = { HSM_WRITER, "UPDATE generation SET n = ?1, sum = ?2, mac = ?3" },
	[HSM_LAST]       = { HSM_WRITER, "SELECT id, version, open, sealed FROM log WHERE partition = ?1 ORDER BY id DESC LIMIT 1" },
	[HSM_OLD]        = { HSM_WRITER, "SELECT mac FROM log WHERE partition = ?1 AND id <= ?2" },
	[HSM_DROP]       = { HSM_WRITER, "DELETE FROM log WHERE partition = ?1 AND id <= ?2" },
};
/* clang-format on */

/* Errors and values. --------------------------------------------------------------------------- */

/* Why the last write to the log failed: SQLite keeps that with the file. */
static int log_errno(sqlite3 *db)
{
	sqlite3_file *log = NULL;
	int e = 0;

	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log && log->pMethods)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &e);
	return e;
}

/* A quota and a limit on the size of files are full disks to us; SQLite knows ENOSPC only. Either stops a write
 * before its last byte. */
hl_err hsm_sqlite_err_of(sqlite3_stmt *st, int rc)
{
	sqlite3 *db = sqlite3_db_handle(st);
	int e = (rc & 0xff) == SQLITE_IOERR && sqlite3_extended_errcode(db) == SQLITE_IOERR_WRITE ? log_errno(db) : 0;

	return e == EDQUOT || e == EFBIG ? HL_E_FULL : hl_sqlite_err(rc);
}

hl_err hsm_sqlite_bind(sqlite3_stmt *st, size_t n, const uint64_t *v)
{
	for (size_t i = 0; i < n; i++)
		HL_TRY(hl_sqlite_err(sqlite3_bind_int64(st, (int)i + 1, (sqlite3_int64)v[i])));
	return HL_OK;
}

/* SQLite takes a null pointer for NULL, which no part is. */
hl_err hsm_sqlite_bind_blob(sqlite3_stmt *st, int at, struct hl_bytes part)
{
	return hl_sqlite_err(sqlite3_bind_blob64(
		st, at, part.n ? (const void *)part.p : "", part.n, SQLITE_STATIC));
}

struct hl_bytes hsm_sqlite_blob(sqlite3_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st, column); /* before its length, says SQLite */

	return hl_bytes(p, (size_t)sqlite3_column_bytes(st, column));
}

uint64_t hsm_sqlite_number(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

void hsm_sqlite_finalizep(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}

hl_err hsm_sqlite_run(sqlite3 *db, const char *text)
{
	return hl_sqlite_err(sqlite3_exec(db, text, NULL, NULL, NULL));
}

hl_err hsm_sqlite_statement(struct hsm_sqlite *s, enum hsm_sql i)
{
	if (s->stmt[i])
		return HL_OK;
	return hl_sqlite_err(sqlite3_prepare_v3(s->db[sql[i].side], sql[i].text, -1, SQLITE_PREPARE_PERSISTENT,
		&s->stmt[i], NULL));
}

/* Reading. ------------------------------------------------------------------------------------- */

void hsm_sqlite_resetp(sqlite3_stmt **st)
{
	sqlite3_reset(*st);
}

struct hsm_row hsm_sqlite_row_of(sqlite3_stmt *st, enum hsm_table table, uint64_t partition)
{
	return (struct hsm_row){ .table = table,
		.partition = partition,
		.id = hsm_sqlite_number(st, 0),
		.version = hsm_sqlite_number(st, 1),
		.open = hsm_sqlite_blob(st, 2),
		.sealed = hsm_sqlite_blob(st, 3) };
}

static hl_err get(void *store, enum hsm_table table, uint64_t partition, uint64_t id,
	struct hl_buf *memory, struct hsm_row *out)
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = hsm_sqlite_row(store, HSM_GET, table);
	struct hsm_row row;
	int rc;

	HL_TRY(hsm_sqlite_bind(st, 2, (const uint64_t[]){ partition, id }));
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE)
		return HL_E_NOT_FOUND;
	HL_TRY(hl_sqlite_err(rc));
	row = hsm_sqlite_row_of(st, table, partition);
	return hsm_row_copy(&row, memory, out);
}

static hl_err each_row(sqlite3_stmt *statement, enum hsm_table table, uint64_t partition, uint64_t from, hsm_each *each,
	void *at)
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = statement;
	int rc;

	HL_TRY(hsm_sqlite_bind(st, 2, (const uint64_t[]){ partition, from }));
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct hsm_row row = hsm_sqlite_row_of(st, table, partition);

		if (!each(at, &row))
			return HL_OK;
	}
	return hl_sqlite_err(rc);
}

static hl_err scan(void *store, enum hsm_table table, uint64_t partition, uint64_t after,
	hsm_each *each, void *at)
{
	if (after > INT64_MAX) /* SQLite would take it for a negative number */
		return HL_OK;
	return each_row(hsm_sqlite_row(store, HSM_SCAN, table), table, partition, after, each, at);
}

/* No id is above 2^63 - 1, and none of a log ever comes to it. */
static hl_err scan_back(void *store, enum hsm_table table, uint64_t partition, uint64_t before,
	hsm_each *each, void *at)
{
	uint64_t from = before > INT64_MAX ? INT64_MAX : before;

	return each_row(hsm_sqlite_row(store, HSM_SCAN_BACK, table), table, partition, from, each, at);
}

static hl_err read_number(sqlite3_stmt *st, uint64_t *out)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		*out = hsm_sqlite_number(st, 0);
	return rc == SQLITE_DONE ? HL_E_STORE : hl_sqlite_err(rc);
}

static hl_err count(void *store, enum hsm_table table, uint64_t partition, uint64_t *out)
{
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = hsm_sqlite_row(store, HSM_COUNT, table);

	HL_TRY(hsm_sqlite_bind(st, 1, &partition));
	return read_number(st, out);
}

static hl_err generation(void *store, uint64_t *out)
{
	struct hsm_sqlite *s = store;
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = s->stmt[HSM_GENERATION];

	return read_number(st, out);
}

/* Our own writer is another connection than the reader: its commits count too. */
static hl_err data_version(void *store, uint64_t *out)
{
	struct hsm_sqlite *s = store;
	HL_AUTO(hsm_sqlite_resetp) sqlite3_stmt *st = s->stmt[HSM_DATA_VERSION];

	return read_number(st, out);
}

hl_err hsm_sqlite_is_new(struct hsm_sqlite *s, bool *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(HL_BUF_MAX);
	struct hsm_row row;
	uint64_t n = 0;
	hl_err err = get(s, HSM_CLUSTER, 0, HSM_CLUSTER_ROW, &memory, &row);

	if (err != HL_OK && err != HL_E_NOT_FOUND)
		return hsm_sqlite_blame(s, err);
	HL_TRY(generation(s, &n));
	*out = err == HL_E_NOT_FOUND && n == 0;
	return HL_OK;
}

void hsm_sqlite_close(struct hsm_sqlite *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < HSM_SQL; i++)
		sqlite3_finalize(s->stmt[i]);
	for (size_t i = 0; i < HSM_SIDES; i++)
		sqlite3_close(s->db[i]);
	hsm_guard_close(s->guard);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct hsm_store hsm_sqlite_store(struct hsm_sqlite *s)
{
	static const struct hsm_store_ops ops = { get, scan, scan_back, count, generation,
		data_version, hsm_sqlite_prepare };

	return (struct hsm_store){ &ops, s };
}
