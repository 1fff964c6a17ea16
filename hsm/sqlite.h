/* sqlite.h - inside the SQLite store: what store.c (opening, reading) and commit_store.c share. */
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "hsm/store.h"

/* Statements that each table of rows has, then those of the store. */
enum hsm_sql_row { HSM_GET, HSM_SCAN, HSM_COUNT, HSM_ADD, HSM_CHANGE, HSM_REMOVE, HSM_STANDS, HSM_BOUND, HSM_ROW_SQL };
enum hsm_sql {
	HSM_GENERATION = HSM_ROW_SQL * HSM_TABLES,
	HSM_DATA_VERSION,
	HSM_BEGIN,
	HSM_COMMIT,
	HSM_ROLLBACK,
	HSM_MARK, /* a savepoint */
	HSM_KEEP, /* what was done since */
	HSM_UNDO,
	HSM_RAISE, /* the generation */
	HSM_SQL
};

enum hsm_side { HSM_READER, HSM_WRITER, HSM_SIDES };

struct hsm_sqlite {
	sqlite3 *db[HSM_SIDES]; /* each used by one thread only */
	sqlite3_stmt *stmt[HSM_SQL];
	bool lost; /* the writer's: a commit ended as HL_E_STORE, nothing more is written */
	/* Under the lock: what is prepared and has not run, oldest first. */
	pthread_mutex_t lock;
	struct hsm_commit *waiting, **last;
};

static inline sqlite3_stmt *hsm_sqlite_row(
	const struct hsm_sqlite *s, enum hsm_sql_row what, enum hsm_table table)
{
	return s->stmt[table * HSM_ROW_SQL + what];
}

/** The hl_err of a result of SQLite; HL_OK for SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
hl_err hsm_sqlite_err(int rc);
/** Bind ?1, ?2, ... */
hl_err hsm_sqlite_bind(sqlite3_stmt *st, size_t n, const uint64_t *v);
void hsm_sqlite_prepare(void *store, struct hsm_commit *c);
