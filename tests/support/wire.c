#include "tests/support/wire.h"

#include <stdlib.h>

struct hl_buf wire_encode(const struct hl_msg *m, const void *body)
{
	struct hl_buf out = hl_buf(HL_BUF_MAX);

	hl_msg_put(&out, m, WIRE_ID, body);
	return out;
}

hl_err wire_decode(const struct hl_msg *m, struct hl_bytes bytes, void *body)
{
	struct hl_frame f;

	HL_TRY(hl_frame_peek(bytes, HL_FRAME_MAX, &f));
	if (f.whole.n != bytes.n)
		return HL_E_TRAIL;
	return hl_msg_get(m, &f, body);
}

/* The frame without the fields that a later version may add. */
static struct hl_buf known_part(const struct hl_frame *f)
{
	struct hl_buf out = hl_buf(HL_BUF_MAX);
	struct hl_rd r = hl_rd(f->body);
	size_t begun = hl_frame_begin(&out, f->type, f->id);

	while (r.left > 0 && r.err == HL_OK) {
		uint16_t tag = hl_rd_u16(&r);
		uint32_t n = hl_rd_u32(&r);
		struct hl_bytes value = hl_rd_bytes(&r, n);

		if (tag >= HL_TAG_SKIP)
			continue;
		hl_buf_u16(&out, tag);
		hl_buf_u32(&out, n);
		hl_buf_put(&out, value);
	}
	hl_frame_end(&out, begun);
	return out;
}

static bool says_the_same_again(const struct hl_msg *m, const struct hl_frame *f, const void *body)
{
	struct hl_buf again = hl_buf(HL_BUF_MAX), expect = known_part(f);
	bool same;

	hl_msg_put(&again, m, f->id, body);
	same = again.err == HL_OK && hl_bytes_eq(hl_buf_view(&again), hl_buf_view(&expect));
	hl_buf_clear(&again);
	hl_buf_clear(&expect);
	return same;
}

/* Codes 02xx are about the bytes; any other would blame somebody else. */
static bool is_wire_error(hl_err err)
{
	return err <= HL_E_SHORT && err > HL_E_SHORT - 100;
}

bool wire_exact(const struct hl_msg *m, struct hl_bytes bytes, hl_err *err)
{
	struct hl_frame f;
	void *body = sample_room(m);
	bool exact;

	*err = hl_frame_peek(bytes, HL_FRAME_MAX, &f);
	if (*err == HL_OK)
		*err = hl_msg_get(m, &f, body);
	exact = *err == HL_OK ? says_the_same_again(m, &f, body) : is_wire_error(*err);
	free(body);
	return exact;
}
