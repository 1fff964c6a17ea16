/* store_sql.h - one store's connections and prepared statements, shared by store.c and
 * store_sql.c. */
#pragma once

#include "directory/store.h"

#include <sqlite3.h>

enum dir_side { DIR_READER, DIR_WRITER, DIR_SIDES };

struct dir_sqlite {
	sqlite3 *db[DIR_SIDES];
	sqlite3_stmt **stmt; /* by number of statement */
};

/** What an extended result code of SQLite means; `broken` stands for a broken foreign key. */
hl_err dir_sql_status(int rc, hl_err broken);

/** Prepare every statement on the connection that it belongs to. HL_E_NOMEM, HL_E_STORE. */
HL_CHECKED hl_err dir_sql_prepare(struct dir_sqlite *s);
/** Before the connections are closed. */
void dir_sql_finalize(struct dir_sqlite *s);

/** Run `sql` on `db` and put the first column of its first row into `out`; empty where there is
 * no row. */
HL_CHECKED hl_err dir_sql_ask(sqlite3 *db, const char *sql, char *out, size_t size);
/** Run a script of any length, no answer wanted. */
HL_CHECKED hl_err dir_sql_run(sqlite3 *db, const char *script);
