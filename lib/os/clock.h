/* clock.h - the two clocks of a live process.
 *
 * Monotonic time counts deadlines and is never moved. Wall time counts lifetimes: it is the real
 * clock plus the offset of the world, which all processes of a world (its clients included) read
 * from one small mapped file, the clock page:
 *
 *	8 bytes magic | i64 offset in ms            (in the machine's own byte order)
 */
#pragma once

#include "lib/base/err.h"

struct hl_clock_page;

struct hl_clock {
	const struct hl_clock_page *page; /* NULL: no offset */
};

/** Microseconds of CLOCK_MONOTONIC. */
int64_t hl_clock_mono_us(void);
/** Milliseconds since 1970 UTC, offset included; {0} and NULL are clocks without offset. */
int64_t hl_clock_wall_ms(const struct hl_clock *c);

/** Make the page at `path` with offset 0, mode 0600. HL_E_EXISTS, HL_E_CREATE, HL_E_IO. */
HL_CHECKED hl_err hl_clock_create(const char *path);

/**
 * Map the page read-only; to be closed by hl_clock_close(). A `path` of NULL or "" means no
 * offset. HL_E_NOT_FOUND: no file there; HL_E_CONFIG: it is no clock page; HL_E_IO.
 */
HL_CHECKED hl_err hl_clock_open(struct hl_clock *c, const char *path);
void hl_clock_close(struct hl_clock *c);

/** Move the world's wall time by `by_ms`, in one atomic step; `*offset_ms` (may be NULL) gets the
 * new offset. Errors as of hl_clock_open, and HL_E_RANGE where the sum would overflow. */
HL_CHECKED hl_err hl_clock_advance(const char *path, int64_t by_ms, int64_t *offset_ms);
/** Set the offset itself. Errors as of hl_clock_open. */
HL_CHECKED hl_err hl_clock_set(const char *path, int64_t offset_ms);
