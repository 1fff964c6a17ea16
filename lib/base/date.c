#include "lib/base/date.h"

#define DAY_MS 86400000

/* Years are counted from March, so that the leap day is the last of its year, and in eras of 400
 * years, which all have 146,097 days. */
#define ERA 146097
#define EPOCH 719468 /* days from 1 March of year 0 to 1 January 1970 */

hl_err hl_date_of(int64_t wall_ms, struct hl_date *out)
{
	int64_t days = wall_ms / DAY_MS + EPOCH;
	int64_t era = days / ERA, day = days % ERA;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t in_year = day - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153; /* 0: March */
	int64_t in_month = in_year - (153 * month + 2) / 5 + 1;

	year += era * 400 + (month >= 10);
	if (wall_ms < 0 || year > 9999)
		return HL_E_RANGE;
	*out = (struct hl_date){ (unsigned)year, (unsigned)(month < 10 ? month + 3 : month - 9), (unsigned)in_month };
	return HL_OK;
}

/* A day that there is not, the 31st of February, would be read back as another one. */
hl_err hl_date_begin(const struct hl_date *d, int64_t *wall_ms)
{
	int64_t month = ((int64_t)d->month + 9) % 12; /* 0: March */
	int64_t year = (int64_t)d->year - (month >= 10), era = year / 400, of_era = year % 400, ms;
	struct hl_date back;

	if (d->month < 1 || d->month > 12 || d->year < 1970 || d->year > 9999)
		return HL_E_RANGE;
	ms = (era * ERA + 365 * of_era + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + (int64_t)d->day - 1 - EPOCH) *
		DAY_MS;
	HL_TRY(hl_date_of(ms, &back));
	if (back.year != d->year || back.month != d->month || back.day != d->day)
		return HL_E_RANGE;
	*wall_ms = ms;
	return HL_OK;
}
