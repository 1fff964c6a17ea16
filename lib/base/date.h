/* date.h - days of the calendar (proleptic Gregorian, UTC); gmtime() would read the zone files. */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"

struct hl_date {
	unsigned year, month, day; /* month and day from 1 */
};

/** The day of this wall clock. HL_E_RANGE: before 1970, or in a year above 9999. */
HL_CHECKED hl_err hl_date_of(int64_t wall_ms, struct hl_date *out);
/** When the day began. HL_E_RANGE: there is no such day, or it is before 1970 or in a year above 9999. */
HL_CHECKED hl_err hl_date_begin(const struct hl_date *d, int64_t *wall_ms);
