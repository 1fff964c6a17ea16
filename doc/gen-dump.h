/* gen-dump.h - bytes for people: offset, hex, and what each part is. Blocks begin with ```bytes NAME and are read again
 * by tests/unit/test_recorded.c. */
#pragma once

#include "lib/wire/msg.h"

struct dump {
	struct hl_buf *out;
	size_t at; /* offset of what comes next */
};

/** The first line of a block named so; dump_end() writes its last. */
struct dump dump_begin(struct hl_buf *out, const char *name);
void dump_end(struct dump *d);

/** So many rows as it takes; the first one says `note` (NULL: nothing). */
void dump_bytes(struct dump *d, struct hl_bytes bytes, const char *note);
/** Each row says in quotes what it spells. */
void dump_text(struct dump *d, struct hl_bytes text);
/** The fields of a message, lists with their items. */
void dump_fields(struct dump *d, const struct hl_msg *m, struct hl_bytes fields);
/** A whole frame. */
void dump_frame(struct dump *d, struct hl_bytes frame);
/** A TLS record: its outer framing (RFC 8446 5.1). */
void dump_record(struct dump *d, struct hl_bytes record);
