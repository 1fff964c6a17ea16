/* msg.h - messages as tables: one row a field encodes, checks, decodes, traces and documents it.
 *
 * The tables stand in messages.h. A decoded struct holds views into the frame and is valid as long
 * as the frame is. */
#pragma once

#include "lib/wire/frame.h"

enum hl_kind { HL_U8, HL_U16, HL_U32, HL_U64, HL_BYTES, HL_TEXT, HL_LIST };

enum {
	HL_OPT = 1,    /* may be absent; then it decodes to zero or to the empty view */
	HL_SECRET = 2, /* never in a trace or a log */
};

#define HL_TAG_SKIP 0x8000u /* unknown tags from here on are skipped, below they are errors */
#define HL_DEPTH_MAX 4

struct hl_field {
	uint16_t tag;
	enum hl_kind kind;
	unsigned flags;
	const char *name;
	size_t offset;
	uint64_t min, max; /* of a number: its value; of BYTES and TEXT: the length; of a LIST: items */
	const struct hl_msg *item; /* LIST */
	const char *text;
};

struct hl_msg {
	uint16_t type; /* 0: only ever inside another message, or inside a ticket or a store row */
	const char *name;
	const char *way; /* who sends it to whom */
	const char *text;
	size_t size; /* of the struct */
	const struct hl_field *field;
	size_t fields;
};

/* A list of structs. To encode, point `items` at `count` of them. After decoding `items` is NULL
 * and every item has been checked; walk them with hl_list_next(). */
struct hl_list {
	const void *items;
	size_t count;
	struct hl_bytes raw;
};

/** Append a whole frame. Fields outside their bounds mark `out` with HL_E_RANGE. An optional field
 * that is zero or empty is left out. */
void hl_msg_put(struct hl_buf *out, const struct hl_msg *m, uint32_t id, const void *body);

/** Decode `f`, which must be of m's type: HL_E_TYPE, HL_E_SHORT, HL_E_TRAIL, HL_E_ORDER,
 * HL_E_FIELD, HL_E_RANGE, HL_E_DEPTH. `body` (m->size bytes) is zeroed first. */
HL_CHECKED hl_err hl_msg_get(const struct hl_msg *m, const struct hl_frame *f, void *body);

/** The same for the fields alone, without a frame: tickets and store rows. */
void hl_body_put(struct hl_buf *out, const struct hl_msg *m, const void *body);
HL_CHECKED hl_err hl_body_get(const struct hl_msg *m, struct hl_bytes fields, void *body);

/** The next item of a decoded list into `item` (zeroed first); false after the last one. Start
 * with a copy of the list's `raw` in `*at`. */
bool hl_list_next(const struct hl_msg *item_msg, struct hl_bytes *at, void *item);

/** `"name":value` pairs of the fields that are not secret, comma-separated, as JSON. */
void hl_msg_json(struct hl_buf *out, const struct hl_msg *m, const void *body);

/** A JSON string of any bytes, quotes included; what is not printable ASCII becomes \u00xx. */
void hl_json_text(struct hl_buf *out, struct hl_bytes text);

/** The message of this type, or NULL. */
const struct hl_msg *hl_msg_of_type(uint16_t type);
/** All messages in the order of messages.h. */
const struct hl_msg *const *hl_msg_all(size_t *n);
