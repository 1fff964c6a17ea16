/* open_store.c - the file under the SQLite store: whose it is, its schema, its connections. */
#include "hsm/sqlite.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hsm/private_store.h"

#define APPLICATION_ID 0x48534d4c /* "HSML", in the header of each file of ours */
#define SCHEMA 4
#define MARKED 3 /* from this one on rows have MACs, and the store a guard */
#define BUSY_MS 5000
#define RETRY_MS 10

#define TEXT(x) TEXT_(x)
#define TEXT_(x) #x

/* The schema. ------------------------------------------------------------------------------------ */

/* Application id, version of the schema, number of things in it. */
static const char who_made_it[] =
	"SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)"
	" FROM pragma_application_id AS a, pragma_user_version AS v";

#define MAKE(table) \
	"CREATE TABLE " table " (partition INTEGER NOT NULL, id INTEGER NOT NULL," \
	" version INTEGER NOT NULL CHECK (version > 0), open BLOB NOT NULL, sealed BLOB NOT NULL," \
	" PRIMARY KEY (partition, id)) WITHOUT ROWID, STRICT;"

#define MAKE_MARKED(table) \
	"CREATE TABLE " table " (partition INTEGER NOT NULL, id INTEGER NOT NULL," \
	" version INTEGER NOT NULL CHECK (version > 0), open BLOB NOT NULL, sealed BLOB NOT NULL," \
	" mac BLOB NOT NULL CHECK (length(mac) = 32)," \
	" PRIMARY KEY (partition, id)) WITHOUT ROWID, STRICT;"

/* With a MAC for each row, which the function row_mac makes of it. Who still runs the version before cannot
 * write to such a table, and halts. */
#define ADD_MACS(number, table) \
	"ALTER TABLE " table " RENAME TO old;" \
	MAKE_MARKED(table) \
	"INSERT INTO " table " SELECT partition, id, version, open, sealed," \
	" row_mac(" TEXT(number) ", id, version, open, sealed, partition) FROM old;" \
	"DROP TABLE old;"

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

	ADD_MACS(0, "cluster")
	ADD_MACS(1, "partition")
	ADD_MACS(2, "object")
	ADD_MACS(3, "token")
	"ALTER TABLE generation RENAME TO old;"
	"CREATE TABLE generation (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL,"
	" sum BLOB NOT NULL CHECK (length(sum) = 32), mac BLOB NOT NULL) STRICT;"
	"INSERT INTO generation SELECT one, n, zeroblob(32), x'' FROM old;"
	"DROP TABLE old;"
	"PRAGMA user_version = 3",

	MAKE_MARKED("log")
	"PRAGMA user_version = 4",
};
_Static_assert(HSM_CLUSTER == 0 && HSM_PARTITION == 1 && HSM_OBJECT == 2 && HSM_TOKEN == 3 && HSM_LOG == 4, "numbers of tables");
_Static_assert(HSM_MAC == 32, "lengths in the schema");
/* clang-format on */

static const char *const settings[HSM_SIDES] = {
	[HSM_READER] = "PRAGMA query_only = ON",
	/* NORMAL would lose acknowledged commits with the power. */
	[HSM_WRITER] = "PRAGMA synchronous = FULL",
};

/* Whose file is it? `*version`: that of our schema; 0: the file is empty. Anything else is an error,
 * found before the first byte of the file is changed. */
static hl_err identify(sqlite3 *db, uint64_t *version)
{
	HL_AUTO(hsm_sqlite_finalizep) sqlite3_stmt *st = NULL;
	uint64_t application;
	int rc;

	HL_TRY(hl_sqlite_err(sqlite3_prepare_v2(db, who_made_it, -1, &st, NULL)));
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? HL_E_STORE : hl_sqlite_err(rc);
	application = hsm_sqlite_number(st, 0);
	*version = hsm_sqlite_number(st, 1);
	if (application == 0 && *version == 0 && hsm_sqlite_number(st, 2) == 0)
		return HL_OK;
	if (application != APPLICATION_ID)
		return HL_E_STORE;
	if (*version > SCHEMA)
		return HL_E_STORE_SCHEMA;
	return *version > 0 ? HL_OK : HL_E_STORE;
}

static struct hl_bytes value(sqlite3_value *v)
{
	const void *p = sqlite3_value_blob(v);

	return hl_bytes(p, (size_t)sqlite3_value_bytes(v));
}

/* The SQL function row_mac, of the columns that hsm_sqlite_row_of() reads. */
static void on_row_mac(sqlite3_context *c, int n, sqlite3_value **v)
{
	const struct hsm_sqlite *s = sqlite3_user_data(c);
	uint8_t mac[HSM_MAC];
	struct hsm_row row = { .table = (enum hsm_table)sqlite3_value_int(v[0]),
		.id = (uint64_t)sqlite3_value_int64(v[1]),
		.version = (uint64_t)sqlite3_value_int64(v[2]),
		.open = value(v[3]),
		.sealed = value(v[4]),
		.partition = (uint64_t)sqlite3_value_int64(v[5]) };

	(void)n;
	if (s->macs.row(s->macs.at, &row, mac) == HL_OK)
		sqlite3_result_blob(c, mac, HSM_MAC, SQLITE_TRANSIENT);
	else
		sqlite3_result_error_nomem(c);
}

/* Of two members that open a new or an old file at once, the second finds it done. */
hl_err hsm_sqlite_upgrade(struct hsm_sqlite *s)
{
	sqlite3 *db = s->db[HSM_WRITER];
	uint64_t version;

	HL_TRY(hsm_sqlite_run(db, "BEGIN IMMEDIATE"));
	HL_TRY(identify(db, &version));
	s->old = version < SCHEMA;
	s->marked = version >= MARKED;
	for (; version < SCHEMA; version++)
		HL_TRY(hsm_sqlite_run(db, upgrade[version]));
	return HL_OK;
}

/* Connections. ----------------------------------------------------------------------------------- */

/* Write to a log beside the store, so that readers and the writer do not wait for each other. */
static hl_err use_wal(sqlite3 *db)
{
	HL_AUTO(hsm_sqlite_finalizep) sqlite3_stmt *st = NULL;
	int rc;

	HL_TRY(hl_sqlite_err(sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &st, NULL)));
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? HL_E_STORE : hl_sqlite_err(rc);
	if (sqlite3_stricmp((const char *)sqlite3_column_text(st, 0), "wal") != 0)
		return HL_E_STORE;
	return HL_OK;
}

static hl_err connect(struct hsm_sqlite *s, const char *path, enum hsm_side side, uint64_t *version)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	int rc = sqlite3_open_v2(path, &s->db[side], flags, NULL);
	sqlite3 *db = s->db[side];

	HL_TRY(hl_sqlite_err(rc));
	sqlite3_busy_timeout(db, BUSY_MS);
	/* The file may have been prepared by somebody else: nothing in its schema may run code. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	/* A store that is refused is left as it was, its log too. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (sqlite3_db_readonly(db, "main") != 0)
		return HL_E_STORE;
	HL_TRY(hl_sqlite_err(sqlite3_create_function_v2(db, "row_mac", 6, SQLITE_UTF8 | SQLITE_DIRECTONLY, s,
		on_row_mac, NULL, NULL, NULL)));
	HL_TRY(identify(db, version));
	return hsm_sqlite_run(db, settings[side]);
}

/* No rows, so no MACs and nothing to guard. */
static hl_err make(struct hsm_sqlite *s)
{
	HL_TRY(use_wal(s->db[HSM_WRITER]));
	HL_TRY(hsm_sqlite_upgrade(s));
	return hsm_sqlite_run(s->db[HSM_WRITER], "COMMIT");
}

static hl_err look(struct hsm_sqlite *s, const char *path, bool create)
{
	uint64_t version;

	HL_TRY(connect(s, path, HSM_WRITER, &version));
	if (version == 0 && !create)
		return HL_E_STORE_BEHIND;
	if (version == 0)
		HL_TRY(make(s));
	HL_TRY(connect(s, path, HSM_READER, &version));
	s->old = version < SCHEMA;
	HL_TRY(hsm_sqlite_statement(s, HSM_CLUSTER * HSM_ROW_SQL + HSM_GET));
	return hsm_sqlite_statement(s, HSM_GENERATION);
}

/* Pages that SQLite finds damaged, or columns that it does not find. */
hl_err hsm_sqlite_blame(const struct hsm_sqlite *s, hl_err err)
{
	for (size_t i = 0; i < HSM_SIDES && err == HL_E_STORE; i++) {
		int rc = s->db[i] ? sqlite3_errcode(s->db[i]) : SQLITE_OK;

		if (rc == SQLITE_CORRUPT || rc == SQLITE_ERROR)
			return HL_E_STORE_SUM;
	}
	return err;
}

static void closep(struct hsm_sqlite **s)
{
	hsm_sqlite_close(*s);
}

static hl_err open_once(const char *path, bool create, struct hsm_sqlite **out)
{
	HL_AUTO(closep) struct hsm_sqlite *s = calloc(1, sizeof *s);
	hl_err err;

	if (!s)
		return HL_E_NOMEM;
	s->last = &s->waiting;
	s->lost = HL_E_STORE;
	pthread_mutex_init(&s->lock, NULL);
	err = look(s, path, create);
	if (err != HL_OK)
		return hsm_sqlite_blame(s, err);

	*out = hl_take(s);
	return HL_OK;
}

/* Opening. --------------------------------------------------------------------------------------- */

/* Whether there is nothing to open, or what may be left of a store. In this order: a member that is making one
 * writes to the log after the store. And before SQLite sees it, which removes the log of an empty file. */
static hl_err check_lost(const char *path, bool create)
{
	char log[PATH_MAX];
	struct stat st;
	int n = snprintf(log, sizeof log, "%s-wal", path);

	if (n < 0 || (size_t)n >= sizeof log)
		return HL_E_CREATE;
	create = create && !hsm_private_exists(log);
	if (!create && (lstat(path, &st) != 0 || st.st_size == 0))
		return HL_E_STORE_BEHIND;
	return HL_OK;
}

/* By name and not by descriptor: closing a descriptor of the file would drop the locks that another
 * store of this process holds on it (POSIX locks belong to the process). */
static hl_err check_file(const char *path, bool create)
{
	struct stat st;

	HL_TRY(hsm_private_folder(path));
	HL_TRY(check_lost(path, create));
	if (create)
		HL_TRY(hsm_private_make(path));
	return lstat(path, &st) == 0 ? hsm_private_file(&st) : HL_E_STORE;
}

int64_t hsm_sqlite_until(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + BUSY_MS;
}

bool hsm_sqlite_again(hl_err err, int64_t until)
{
	if (err != HL_E_BUSY || hsm_sqlite_until() - BUSY_MS >= until)
		return false;
	sqlite3_sleep(RETRY_MS);
	return true;
}

hl_err hsm_sqlite_open(const char *path, bool create, struct hsm_sqlite **out)
{
	int64_t until = hsm_sqlite_until();
	hl_err err;

	HL_TRY(check_file(path, create));
	do
		err = open_once(path, create, out);
	while (hsm_sqlite_again(err, until));
	return err;
}

hl_err hsm_sqlite_use(struct hsm_sqlite *s)
{
	HL_TRY(use_wal(s->db[HSM_WRITER]));
	for (size_t i = 0; i < HSM_SQL; i++)
		HL_TRY(hsm_sqlite_statement(s, (enum hsm_sql)i));
	for (size_t i = 0; i < HSM_SIDES; i++)
		sqlite3_db_config(s->db[i], SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	sqlite3_busy_timeout(s->db[HSM_READER], 0);
	s->lost = HL_OK;
	return HL_OK;
}
