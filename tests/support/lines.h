/* lines.h - what stands in trace files (lib/os/trace.h). */
#pragma once

#include "tests/support/live.h"

/* NULL: anything. An err of "" means that there is none. */
struct line {
	const char *conn, *step, *way, *err, *what, *msg;
	unsigned worker; /* 0: anything */
};

/** How many lines of the file are like this; -1: one is not JSON, or there is no file. */
int lines_count(const char *path, const struct line *like);
/** The same over the traces of all members whose name begins with `role`. */
int lines_of(const struct live *w, const char *role, const struct line *like);
/** The member ("proxy2") of this role in whose trace the step of this connection stands; false: in none, or in several. */
bool lines_member(const struct live *w, const char *role, const char *conn, const char *step, char out[16]);
