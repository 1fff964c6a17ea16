/* sqlite.h - what SQLite's results mean here. Only for stores: nobody else includes or links SQLite. */
#pragma once

#include <sqlite3.h>

#include "lib/base/err.h"

/** The error of a result, extended or not; HL_OK for SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
static inline hl_err hl_sqlite_err(int rc)
{
	switch (rc & 0xff) { /* the rest is SQLite's detail */
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return HL_OK;
	case SQLITE_BUSY:
		return HL_E_BUSY;
	case SQLITE_FULL:
		return HL_E_FULL;
	case SQLITE_NOMEM:
		return HL_E_NOMEM;
	default:
		return HL_E_STORE;
	}
}
