#include "lib/wire/frame.h"

hl_err hl_frame_peek(struct hl_bytes in, size_t max, struct hl_frame *f)
{
	struct hl_rd r = hl_rd(in);
	uint32_t length = hl_rd_u32(&r);

	if (r.err != HL_OK)
		return HL_E_SHORT;
	if (length < HL_FRAME_HEAD - 4)
		return HL_E_TYPE;
	if (length > max)
		return HL_E_TOO_LONG;
	if (r.left < length)
		return HL_E_SHORT;
	f->whole = hl_bytes(in.p, 4 + (size_t)length);
	f->type = hl_rd_u16(&r);
	f->id = hl_rd_u32(&r);
	f->body = hl_rd_bytes(&r, length - (HL_FRAME_HEAD - 4));
	return r.err;
}

size_t hl_frame_begin(struct hl_buf *out, uint16_t type, uint32_t id)
{
	size_t begun = out->n;

	hl_buf_u32(out, 0);
	hl_buf_u16(out, type);
	hl_buf_u32(out, id);
	return begun;
}

void hl_frame_end(struct hl_buf *out, size_t begun)
{
	size_t length = out->n - begun - 4;

	if (out->err != HL_OK)
		return;
	if (length > HL_FRAME_MAX) {
		out->err = HL_E_TOO_LONG;
		return;
	}
	hl_buf_set_u32(out, begun, (uint32_t)length);
}
