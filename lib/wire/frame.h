/* frame.h - what travels on every link, before and inside the channels.
 *
 *	u32 length of what follows | u16 type | u32 request id | fields        (all big-endian)
 *	a field: u16 tag | u32 length | value; tags ascend, none stands twice
 */
#pragma once

#include "lib/base/bytes.h"

#define HL_FRAME_HEAD 10u          /* length, type, request id */
#define HL_FRAME_MAX (1u << 20)    /* the largest length that a frame may announce */
#define HL_FRAME_GATEWAY (8u << 10) /* the same before anybody has proved anything */
#define HL_FIELD_HEAD 6u           /* tag, length */

struct hl_frame {
	uint16_t type;
	uint32_t id;          /* request id; an answer repeats it */
	struct hl_bytes body; /* the fields */
	struct hl_bytes whole; /* from the length on: what a transcript hash covers */
};

/**
 * The frame at the front of `in`. HL_E_SHORT: not all of it is there yet. HL_E_TOO_LONG: it
 * announces more than `max`; HL_E_TYPE: less than a head. Eat `f->whole.n` bytes when done.
 */
HL_CHECKED hl_err hl_frame_peek(struct hl_bytes in, size_t max, struct hl_frame *f);

/** Begin a frame at the end of `out`; the value is for hl_frame_end(), which fills the length in
 * and marks `out` with HL_E_TOO_LONG where the frame passes HL_FRAME_MAX. */
size_t hl_frame_begin(struct hl_buf *out, uint16_t type, uint32_t id);
void hl_frame_end(struct hl_buf *out, size_t begun);
