/* recorded.h - the recorded connection as doc/protocol.md shows it, read without any of our own code. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDED_ROOM 4096

struct bytes {
	const uint8_t *p;
	size_t n;
};

/* A block of bytes, or a value that stands in a line of its own. */
struct part {
	char name[48];
	char from[16]; /* who speaks, by the heading above */
	uint8_t p[RECORDED_ROOM];
	size_t n;
};

/* A row of a block: so many bytes from `at` on, and what stands beside them. */
struct row {
	const struct part *part;
	size_t at, n;
	char note[80];
};

/** Read $srcdir/doc/protocol.md. False: it has no such section, or one without an end. */
bool recorded_read(void);
/** NULL: there is none of this name. */
const struct part *recorded_part(const char *name);
const struct row *recorded_rows(size_t *n);
/** Rows whose offset is not what it should be, and values that are not hex. */
size_t recorded_misplaced(void);
/** What the tables of messages, further down in the document, say of a message's type; 0: nothing. */
unsigned recorded_type(const char *message);
