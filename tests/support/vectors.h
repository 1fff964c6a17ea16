/* vectors.h - files of tests/vectors: lines of words, those that begin with # left out. */
#pragma once

#include <stdio.h>

#include "lib/base/bytes.h"

/** The file of tests/vectors with this name, to be closed by the caller; aborts where it is missing. */
FILE *vectors_file(const char *name);

typedef void vectors_check(void *at, char *const word[]);
/** Hand each line of the file of this name over, in its first `words` words (8 at most); how many lines there were. Aborts
 * where the file is missing or a line has fewer. */
unsigned vectors_each(const char *name, size_t words, vectors_check *check, void *at);
/** The bytes of a word of hex, "-" for none, in `out`; aborts where they are none, or too many for it. */
struct hl_bytes vectors_hex(const char *hex, uint8_t *out, size_t size);
