/* sqlite.h - inside the SQLite store, what its files share: store.c (statements, reading), open_store.c (the file
 * and its schema), check_store.c (before the first use), commit_store.c (the writer's lane). */
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "hsm/guard_store.h"
#include "lib/os/sqlite.h"

/* Statements that each table of rows has, then those of the store. */
enum hsm_sql_row { HSM_GET, HSM_SCAN, HSM_SCAN_BACK, HSM_COUNT, HSM_ADD, HSM_CHANGE, HSM_REMOVE, HSM_STANDS, HSM_BOUND, HSM_MACS, HSM_CLEAR, HSM_ROW_SQL };
enum hsm_sql {
	HSM_GENERATION = HSM_ROW_SQL * HSM_TABLES,
	HSM_DATA_VERSION,
	HSM_BEGIN,
	HSM_COMMIT,
	HSM_ROLLBACK,
	HSM_MARK, /* a savepoint */
	HSM_KEEP, /* what was done since */
	HSM_UNDO,
	HSM_PAIR, /* generation, sum, their MAC */
	HSM_SET_PAIR,
	HSM_LAST, /* entry of a partition's log */
	HSM_OLD,  /* MACs of the entries up to one */
	HSM_DROP, /* those entries */
	HSM_SQL
};

enum hsm_side { HSM_READER, HSM_WRITER, HSM_SIDES };

struct hsm_sqlite {
	sqlite3 *db[HSM_SIDES]; /* each used by one thread only */
	sqlite3_stmt *stmt[HSM_SQL];
	struct hsm_macs macs;    /* from hsm_sqlite_begin() on */
	struct hsm_guard *guard; /* the writer's, from then on */
	bool old;                /* its schema is one before ours, */
	bool marked;             /* but its rows have MACs already; known once it is upgraded */
	hl_err lost; /* the writer's: not begun, or how a commit ended after which nothing more is written; else HL_OK */
	/* Under the lock: what is prepared and has not run, oldest first. */
	pthread_mutex_t lock;
	struct hsm_commit *waiting, **last;
};

static inline sqlite3_stmt *hsm_sqlite_row(
	const struct hsm_sqlite *s, enum hsm_sql_row what, enum hsm_table table)
{
	return s->stmt[table * HSM_ROW_SQL + what];
}

/** The hl_err of a step just made that may write. */
hl_err hsm_sqlite_err_of(sqlite3_stmt *st, int rc);
/** Bind ?1, ?2, ... */
hl_err hsm_sqlite_bind(sqlite3_stmt *st, size_t n, const uint64_t *v);
/** Bind a part of a row, or a MAC; it is not copied. */
hl_err hsm_sqlite_bind_blob(sqlite3_stmt *st, int at, struct hl_bytes part);
struct hl_bytes hsm_sqlite_blob(sqlite3_stmt *st, int column);
uint64_t hsm_sqlite_number(sqlite3_stmt *st, int column);
/** The row in the columns id, version, open, sealed. */
struct hsm_row hsm_sqlite_row_of(sqlite3_stmt *st, enum hsm_table table, uint64_t partition);
/** For HL_AUTO. A statement is reset on leaving: a read transaction that stays open would keep the writer
 * from ever emptying the log. */
void hsm_sqlite_resetp(sqlite3_stmt **st);
void hsm_sqlite_finalizep(sqlite3_stmt **st);
hl_err hsm_sqlite_run(sqlite3 *db, const char *text);

/** Prepare it, unless it is. */
hl_err hsm_sqlite_statement(struct hsm_sqlite *s, enum hsm_sql i);

/** SQLite does not wait where waiting might never end: while several members turn one new file into a log, or
 * recover the log of one that was killed. They begin again instead, until so many milliseconds. */
int64_t hsm_sqlite_until(void);
bool hsm_sqlite_again(hl_err err, int64_t until);
/** Bring the schema up to ours, with a MAC for each row that there is; nothing is done where another member
 * has done so, and s->old is then false. The transaction is begun and not ended, also after a failure. */
hl_err hsm_sqlite_upgrade(struct hsm_sqlite *s);
/** What is left to do once the store has been found good. */
hl_err hsm_sqlite_use(struct hsm_sqlite *s);
/** Whether `err`, just met, comes of a damaged file, which is HL_E_STORE_SUM; else `err`. */
hl_err hsm_sqlite_blame(const struct hsm_sqlite *s, hl_err err);

/** Generation and sum as the store's own row has them. HL_E_STORE_SUM where they do not bear its MAC. */
hl_err hsm_sqlite_pair(sqlite3_stmt *st, const struct hsm_macs *macs, struct hsm_pair *out);
hl_err hsm_sqlite_set_pair(sqlite3_stmt *st, const struct hsm_macs *macs, const struct hsm_pair *p);
/** Whether a store at `now` is not what its guard remembers. */
bool hsm_sqlite_is_behind(const struct hsm_pair *now, const struct hsm_pair *kept);
void hsm_sqlite_prepare(void *store, struct hsm_commit *c);
