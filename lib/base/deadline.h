/* deadline.h - deadlines in microseconds of the monotonic clock; 0: there is none.
 *
 * Who has many of them keeps the soonest as a lower bound: a new one lowers it (hl_sooner), one that is taken away
 * leaves it. When it has passed, a walk over all ends those that are over and makes it exact again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline int64_t hl_sooner(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static inline bool hl_passed(int64_t deadline_us, int64_t now_us)
{
	return deadline_us && now_us >= deadline_us;
}
