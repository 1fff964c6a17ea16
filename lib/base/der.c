#include "lib/base/der.h"

void hl_der_put(struct hl_buf *out, uint8_t tag, struct hl_bytes content)
{
	if (content.n > UINT16_MAX && out->err == HL_OK)
		out->err = HL_E_RANGE;
	hl_buf_u8(out, tag);
	if (content.n >= 0x100) {
		hl_buf_u8(out, 0x82);
		hl_buf_u16(out, (uint16_t)content.n);
	} else {
		if (content.n >= 0x80)
			hl_buf_u8(out, 0x81);
		hl_buf_u8(out, (uint8_t)content.n);
	}
	hl_buf_put(out, content);
}

/* X.690, 8.3.2: no nine leading bits alike; and a number without sign has its top bit clear. */
void hl_der_number(struct hl_buf *out, struct hl_bytes number)
{
	HL_AUTO(hl_buf_clear) struct hl_buf content = hl_buf(UINT16_MAX);

	while (number.n > 0 && number.p[0] == 0)
		number = hl_bytes(number.p + 1, number.n - 1);
	if (number.n == 0 || number.p[0] & 0x80)
		hl_buf_u8(&content, 0);
	hl_buf_put(&content, number);
	if (content.err != HL_OK && out->err == HL_OK)
		out->err = content.err;
	hl_der_put(out, HL_DER_INTEGER, hl_buf_view(&content));
}

struct hl_bytes hl_der_take(struct hl_rd *r, uint8_t tag)
{
	uint8_t got = hl_rd_u8(r);
	size_t n = hl_rd_u8(r);

	if (n == 0x81)
		n = hl_rd_u8(r);
	else if (n == 0x82)
		n = hl_rd_u16(r);
	else if (n >= 0x80 && r->err == HL_OK)
		r->err = HL_E_RANGE;
	if (got != tag && r->err == HL_OK)
		r->err = HL_E_RANGE;
	return hl_rd_bytes(r, n);
}

struct hl_bytes hl_der_whole(struct hl_rd *r, uint8_t tag)
{
	const uint8_t *begin = r->p;
	struct hl_bytes content = hl_der_take(r, tag);

	return r->err == HL_OK ? hl_bytes(begin, (size_t)(content.p + content.n - begin)) : content;
}

struct hl_rd hl_der_inside(struct hl_rd *r, uint8_t tag)
{
	struct hl_bytes content = hl_der_take(r, tag);
	struct hl_rd in = hl_rd(content);

	in.err = r->err;
	return in;
}

uint8_t hl_der_next(const struct hl_rd *r)
{
	return r->err == HL_OK && r->left > 0 ? r->p[0] : 0;
}

struct hl_bytes hl_der_unsigned(struct hl_bytes integer)
{
	while (integer.n > 1 && integer.p[0] == 0)
		integer = hl_bytes(integer.p + 1, integer.n - 1);
	return integer;
}

bool hl_der_octets(struct hl_bytes der, struct hl_bytes *content)
{
	struct hl_rd r = hl_rd(der);

	*content = hl_der_take(&r, HL_DER_OCTETS);
	return r.err == HL_OK && hl_rd_end(&r) == HL_OK;
}
