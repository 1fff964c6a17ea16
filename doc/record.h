/* record.h - one recorded connection as a file: a line for each thing, in the order in which it happened.
 *
 *	text NAME VALUE               a name or a password, as it is
 *	bytes NAME HEX                a key, a secret
 *	frame STEP NAME FROM TO HEX   a frame of the gateway or of a ticket, in the clear
 *	inner STEP NAME FROM TO HEX   a frame inside the channel between the two
 *	record STEP NAME FROM TO HEX  a TLS record
 *
 * The first word says which kind a line is of; lines that begin with # are passed over. */
#pragma once

#include "lib/base/bytes.h"

enum record_kind { RECORD_TEXT, RECORD_BYTES, RECORD_FRAME, RECORD_INNER, RECORD_TLS };

#define RECORD_ITEMS 64
#define RECORD_BYTES_MAX 2048 /* of one item */
#define RECORD_NAME 40

struct record_item {
	enum record_kind kind;
	unsigned step; /* of a frame or a record */
	char name[RECORD_NAME], from[RECORD_NAME], to[RECORD_NAME];
	uint8_t value[RECORD_BYTES_MAX];
	size_t n;
};

struct record {
	struct record_item item[RECORD_ITEMS];
	size_t items;
};

/** HL_E_FULL: too many, or one that is too long. */
HL_CHECKED hl_err record_add(struct record *r, const struct record_item *like, struct hl_bytes value);
/** HL_E_CONFIG, with the line on stderr. */
HL_CHECKED hl_err record_read(struct record *r, const char *file);
void record_write(const struct record *r, struct hl_buf *out);

/** The first item of this name; NULL: there is none. */
const struct record_item *record_find(const struct record *r, enum record_kind kind, const char *name);
/** Its value; the empty view where there is none. */
struct hl_bytes record_value(const struct record *r, enum record_kind kind, const char *name);
