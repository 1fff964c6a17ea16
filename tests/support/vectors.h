/* vectors.h - files of tests/vectors, line by line. */
#pragma once

#include <stdio.h>

#include "lib/base/bytes.h"

/* A line is columns with blanks between; `-` is an empty one, and a line with `#` in front says what is what. */
struct vectors {
	FILE *f;
	const char *name;
	char line[16384];
	char *column[10];
	char *rest; /* of the line, behind the columns asked for */
	size_t lines;
	size_t at; /* the line's number in the file */
};

/** Open the file of tests/vectors with this name; aborts where it is missing. */
void vectors_open(struct vectors *v, const char *name);
void vectors_close(struct vectors *v);
/** The next line, which must have `columns` of them, 10 at most (else it aborts); false at the end. */
bool vectors_next(struct vectors *v, size_t columns);
/** The bytes of a column in hex, valid until the next line; once for each column. Aborts where they are none. */
struct hl_bytes vectors_bytes(struct vectors *v, size_t i);
uint32_t vectors_number(struct vectors *v, size_t i);
