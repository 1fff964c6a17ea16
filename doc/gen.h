/* gen.h - the parts of gen-protocol, the program that makes the tables of doc/protocol.md. */
#pragma once

#include "lib/base/bytes.h"

/* A section stands in the document between `<!-- generated: NAME -->` and `<!-- end -->`. */
struct gen_section {
	const char *name;
	void (*print)(struct hl_buf *out);
};
const struct gen_section *gen_sections(size_t *n);

/** The connection that the section `connection` shows, from doc/recorded.txt. Errors as of record_read(). */
HL_CHECKED hl_err gen_connection_read(const char *file);
void gen_connection(struct hl_buf *out);

/* A number or a string that both ends must agree on, as the header has it that owns it. */
struct gen_constant {
	const char *name;       /* of the macro */
	const char *string;     /* NULL: a number */
	unsigned long long number;
	const char *unit, *use; /* for people */
};
const struct gen_constant *gen_constants(size_t *n);

/** Look up every name that the prose has in backticks, every quoted label and every HL-nnnn; tell
 * unknown ones on stderr as `file:line: what`, and give their number. */
unsigned gen_check_names(const char *file, struct hl_bytes text);
