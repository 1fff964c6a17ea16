/* fuzz.h - what a fuzz target gives.
 *
 * With --enable-fuzzers (clang) tests/fuzz/fuzz_NAME is a libFuzzer program. In every other build it
 * is linked with replay.c instead and is a test of `make check`. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/bytes.h"

/** Feed one input; 0. Aborts where something happened that must never happen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/** Write sample `i`, an input that gets far, into `out` (at most `max` bytes; see hl_fuzz_give())
 * and return its length; 0 when `i` is past the last. A target without samples leaves it out. */
__attribute__((weak)) size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max);

/* Also in builds without assert(). */
#define HL_FUZZ_MUST(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what); \
			abort(); \
		} \
	} while (0)

/* A sample that did not fit, or could not be made, is a mistake in the target. */
static inline size_t hl_fuzz_give(struct hl_buf *from, uint8_t *out, size_t max)
{
	size_t n = from->n;

	HL_FUZZ_MUST(from->err == HL_OK && n > 0 && n <= max);
	memcpy(out, hl_buf_view(from).p, n);
	hl_buf_clear(from);
	return n;
}
