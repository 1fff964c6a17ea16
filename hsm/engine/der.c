#include "hsm/engine/der.h"

void hsm_der_put(struct hl_buf *out, uint8_t tag, struct hl_bytes content)
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
void hsm_der_number(struct hl_buf *out, struct hl_bytes number)
{
	HL_AUTO(hl_buf_clear) struct hl_buf content = hl_buf(UINT16_MAX);

	while (number.n > 0 && number.p[0] == 0)
		number = hl_bytes(number.p + 1, number.n - 1);
	if (number.n == 0 || number.p[0] & 0x80)
		hl_buf_u8(&content, 0);
	hl_buf_put(&content, number);
	if (content.err != HL_OK && out->err == HL_OK)
		out->err = content.err;
	hsm_der_put(out, HSM_DER_INTEGER, hl_buf_view(&content));
}

struct hl_bytes hsm_der_take(struct hl_rd *r, uint8_t tag)
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

bool hsm_der_octets(struct hl_bytes der, struct hl_bytes *content)
{
	struct hl_rd r = hl_rd(der);

	*content = hsm_der_take(&r, HSM_DER_OCTETS);
	return r.err == HL_OK && hl_rd_end(&r) == HL_OK;
}
