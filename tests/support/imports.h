/* imports.h - files of tests/vectors, line by line, and keys made of what stands in them. */
#pragma once

#include <stdio.h>

#include "tests/support/objects.h"

/* A line is columns with blanks between; `-` is an empty one, and a line with `#` in front says what is what. */
struct vectors {
	FILE *f;
	char line[16384];
	char *column[10];
	size_t lines;
};

/** Open the file of tests/vectors with this name; aborts where it is missing. */
void vectors_open(struct vectors *v, const char *name);
void vectors_close(struct vectors *v);
/** The next line, which must have `columns` of them (else it aborts); false at the end. */
bool vectors_next(struct vectors *v, size_t columns);
/** The bytes of a column in hex, valid until the next line; once for each column. */
struct hl_bytes vectors_bytes(struct vectors *v, size_t i);
uint32_t vectors_number(struct vectors *v, size_t i);
/** The mechanism CKM_ and this column, with `suffix` behind it. */
const struct hsm_mechanism *vectors_mechanism(struct vectors *v, size_t i, const char *suffix);

/** An object from its parts, good for everything; the template is then cleared. Aborts where that fails. */
void import(struct template *t, uint64_t class, uint64_t key_type, struct hsm_object *out);
/** The same for a secret key, parsed. */
struct hsm_key *import_secret(uint64_t key_type, struct hl_bytes value);
struct hsm_key *import_parsed(struct template *t, uint64_t class, uint64_t key_type);

/** Fields of a parameter, as they arrive from the wire, into an emptied buffer. */
struct hl_bytes parameter(struct hl_buf *memory, const struct hl_msg *m, const void *body);
