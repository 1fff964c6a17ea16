/* store.c - opening the directory's store, one SQLite file in WAL mode: its schema and its mode.
 *
 * Tables have no rowid, so that a look-up is one search of one b-tree, whether it finds something
 * or not. What is read and changed stands in store_sql.c. */
#include "directory/store_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION 0x686c6469 /* "hldi", in the file's header: a store of a directory */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define WRITER_PATIENCE_MS 2000
#define READER_PATIENCE_MS 100 /* a reader of a WAL waits for crash recovery only */

/* clang-format off */
/* Scripts that bring a store from version i to version i + 1. Released ones never change. */
static const char *const schema[] = {
	"CREATE TABLE tenant ("
	"  name TEXT NOT NULL PRIMARY KEY"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE service_user ("
	"  name TEXT NOT NULL PRIMARY KEY,"
	"  tenant TEXT NOT NULL REFERENCES tenant (name),"
	/* StoredKey and ServerKey of RFC 5802 */
	"  stored BLOB NOT NULL CHECK (length(stored) = 32),"
	"  server BLOB NOT NULL CHECK (length(server) = 32),"
	"  disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),"
	"  expires_ms INTEGER NOT NULL,"
	"  UNIQUE (name, tenant)"
	") STRICT, WITHOUT ROWID;"

	/* Both columns of the key: a partition is of the tenant that its user is of. */
	"CREATE TABLE partition ("
	"  name TEXT NOT NULL PRIMARY KEY,"
	"  tenant TEXT NOT NULL,"
	"  user TEXT NOT NULL,"
	"  package TEXT NOT NULL,"
	"  cluster TEXT NOT NULL,"
	"  FOREIGN KEY (user, tenant) REFERENCES service_user (name, tenant)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX partition_user ON partition (user, tenant);"

	"CREATE TABLE allowed ("
	"  user TEXT NOT NULL REFERENCES service_user (name) ON DELETE CASCADE,"
	"  range TEXT NOT NULL,"
	"  PRIMARY KEY (user, range)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE cluster_member ("
	"  cluster TEXT NOT NULL,"
	"  rank INTEGER NOT NULL,"
	"  name TEXT NOT NULL,"
	"  address TEXT NOT NULL,"
	"  PRIMARY KEY (cluster, rank),"
	"  UNIQUE (cluster, name)"
	") STRICT, WITHOUT ROWID;"

	/* RFC 4343: DNS names are compared without case. */
	"CREATE TABLE pool_member ("
	"  pool TEXT NOT NULL COLLATE NOCASE,"
	"  rank INTEGER NOT NULL,"
	"  name TEXT NOT NULL,"
	"  address TEXT NOT NULL,"
	"  PRIMARY KEY (pool, rank),"
	"  UNIQUE (pool, name)"
	") STRICT, WITHOUT ROWID;"

	"PRAGMA application_id = " TEXT(APPLICATION) ";"
	"PRAGMA user_version = 1;",

	/* What a directory began and did not end it takes back when it starts again. */
	"ALTER TABLE partition ADD COLUMN maker TEXT NOT NULL DEFAULT '';"
	"PRAGMA user_version = 2;",
};
/* clang-format on */

#define NEWEST ((int64_t)HL_COUNT(schema))

/* What each connection is told, and what it must answer to have understood (NULL: anything). */
/* clang-format off */
static const struct { const char *sql, *answer; } settings[] = {
	{ "PRAGMA journal_mode = WAL",   "wal" },
	{ "PRAGMA synchronous = FULL",   NULL },
	{ "PRAGMA synchronous",          "2" },
	{ "PRAGMA foreign_keys = ON",    NULL },
	{ "PRAGMA foreign_keys",         "1" },
	{ "PRAGMA secure_delete = ON",   "1" }, /* verifiers of a dropped user are overwritten */
	{ "PRAGMA trusted_schema = OFF", NULL },
	{ "PRAGMA temp_store = MEMORY",  NULL },
};
/* clang-format on */

static bool ours_alone(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

static hl_err check_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	HL_AUTO(hl_buf_clear) struct hl_buf folder = hl_buf(HL_BUF_MAX);
	struct stat st;

	if (!slash)
		hl_buf_text(&folder, ".");
	else /* the folder of "/x" is "/" */
		hl_buf_put(&folder, hl_bytes(path, slash == path ? 1 : (size_t)(slash - path)));
	hl_buf_u8(&folder, 0);
	if (folder.err != HL_OK)
		return HL_E_NOMEM;
	if (stat((const char *)hl_buf_view(&folder).p, &st) != 0)
		return HL_E_CREATE;
	return ours_alone(&st) ? HL_OK : HL_E_MODE;
}

/* The file is made here, so that it is 0600 before SQLite writes a byte; SQLite gives its mode
 * to the files beside it. One that exists is not opened here: closing it would drop the locks
 * (POSIX record locks) of another store of this process on the same file. */
static hl_err check_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	struct stat st;

	if (fd >= 0)
		return close(fd) == 0 ? HL_OK : HL_E_CREATE;
	if (errno != EEXIST || lstat(path, &st) != 0)
		return HL_E_CREATE;
	return S_ISREG(st.st_mode) && ours_alone(&st) ? HL_OK : HL_E_MODE;
}

static hl_err ask_number(sqlite3 *db, const char *sql, int64_t *out)
{
	char text[32];

	HL_TRY(dir_sql_ask(db, sql, text, sizeof text));
	*out = strtoll(text, NULL, 10);
	return HL_OK;
}

/* The version of our store, 0 for an empty file. */
static hl_err examine(sqlite3 *db, int64_t *version)
{
	int64_t application = 0, tables = 0, v = 0;

	HL_TRY(ask_number(db, "PRAGMA application_id", &application));
	HL_TRY(ask_number(db, "PRAGMA user_version", &v));
	HL_TRY(ask_number(db, "SELECT count(*) FROM sqlite_schema", &tables));
	if (application == 0 && v == 0 && tables == 0) {
		*version = 0;
		return HL_OK;
	}
	if (application != APPLICATION)
		return HL_E_STORE;
	if (v < 1 || v > NEWEST)
		return HL_E_STORE_SCHEMA;
	*version = v;
	return HL_OK;
}

/* Examined inside the transaction: two directories may start at once on a new file. */
static hl_err upgrade_locked(sqlite3 *db)
{
	int64_t version = 0;

	HL_TRY(examine(db, &version));
	for (; version < NEWEST; version++)
		HL_TRY(dir_sql_run(db, schema[version]));
	return HL_OK;
}

static hl_err upgrade(sqlite3 *db)
{
	hl_err err;

	HL_TRY(dir_sql_run(db, "BEGIN IMMEDIATE"));
	err = upgrade_locked(db);
	if (err == HL_OK)
		err = dir_sql_run(db, "COMMIT");
	if (err != HL_OK && !sqlite3_get_autocommit(db))
		if (dir_sql_run(db, "ROLLBACK") != HL_OK)
			return HL_E_STORE;
	return err;
}

static hl_err settle(sqlite3 *db)
{
	char answer[32];

	for (size_t i = 0; i < HL_COUNT(settings); i++) {
		HL_TRY(dir_sql_ask(db, settings[i].sql, answer, sizeof answer));
		if (settings[i].answer && strcmp(answer, settings[i].answer) != 0)
			return HL_E_STORE;
	}
	return dir_sql_status(
		sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL), HL_E_STORE);
}

/* A file that lost its end can still open, and would deny users that it held. */
static hl_err check_whole(sqlite3 *db)
{
	char answer[32];

	HL_TRY(dir_sql_ask(db, "PRAGMA quick_check(1)", answer, sizeof answer));
	return strcmp(answer, "ok") == 0 ? HL_OK : HL_E_STORE;
}

/* No mutex: each connection is used by one thread at a time. */
static hl_err connect_side(const char *path, sqlite3 **db)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	HL_TRY(dir_sql_status(sqlite3_open_v2(path, db, flags, NULL), HL_E_STORE));
	return dir_sql_status(sqlite3_busy_timeout(*db, WRITER_PATIENCE_MS), HL_E_STORE);
}

hl_err dir_sqlite_open(const char *path, struct dir_sqlite **out)
{
	HL_AUTO(dir_sqlite_closep) struct dir_sqlite *s = NULL;

	HL_TRY(check_folder(path));
	HL_TRY(check_file(path));
	s = calloc(1, sizeof *s);
	if (!s)
		return HL_E_NOMEM;
	HL_TRY(connect_side(path, &s->db[DIR_WRITER]));
	HL_TRY(upgrade(s->db[DIR_WRITER]));
	HL_TRY(settle(s->db[DIR_WRITER]));
	HL_TRY(check_whole(s->db[DIR_WRITER]));
	HL_TRY(connect_side(path, &s->db[DIR_READER]));
	HL_TRY(settle(s->db[DIR_READER]));
	HL_TRY(dir_sql_run(s->db[DIR_READER], "PRAGMA query_only = ON"));
	HL_TRY(dir_sql_status(
		sqlite3_busy_timeout(s->db[DIR_READER], READER_PATIENCE_MS), HL_E_STORE));
	HL_TRY(dir_sql_prepare(s));

	*out = hl_take(s);
	return HL_OK;
}

void dir_sqlite_close(struct dir_sqlite *s)
{
	if (!s)
		return;
	dir_sql_finalize(s);
	/* The writer last: it is the one that may move the WAL back into the file. */
	sqlite3_close(s->db[DIR_READER]);
	sqlite3_close(s->db[DIR_WRITER]);
	free(s);
}

void dir_sqlite_closep(struct dir_sqlite **s)
{
	dir_sqlite_close(*s);
	*s = NULL;
}
