#include "hsm/pkcs8.h"

#include "lib/wire/numbers.h"

enum { INTEGER = 0x02, OCTET_STRING = 0x04, SEQUENCE = 0x30 };

/* The content of the next element, which must have this tag; its length takes at most two bytes. */
static struct hl_bytes element(struct hl_rd *r, uint8_t tag)
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

static struct hl_rd inside(struct hl_rd *r, uint8_t tag)
{
	struct hl_bytes content = element(r, tag);
	struct hl_rd in = hl_rd(content);

	in.err = r->err;
	return in;
}

/* DER puts a zero before a number whose top bit is set; PKCS #11 big integers have none. */
static struct hl_bytes unsigned_number(struct hl_bytes b)
{
	while (b.n > 1 && b.p[0] == 0)
		b = hl_bytes(b.p + 1, b.n - 1);
	return b;
}

/* Which INTEGER of RSAPrivateKey: version, n, e, then these six in the order of their numbers. */
static hl_err rsa_part(struct hl_rd *key, uint32_t type, struct hl_bytes *out)
{
	struct hl_bytes number = { 0 };

	if (type < HL_CKA_PRIVATE_EXPONENT || type > HL_CKA_COEFFICIENT)
		return HL_E_NOT_FOUND;
	for (uint32_t skip = 3 + type - HL_CKA_PRIVATE_EXPONENT + 1; skip > 0; skip--)
		number = element(key, INTEGER);
	if (key->err != HL_OK)
		return key->err;
	*out = unsigned_number(number);
	return HL_OK;
}

static hl_err ec_part(struct hl_rd *key, uint32_t type, struct hl_bytes *out)
{
	struct hl_bytes scalar;

	if (type != HL_CKA_VALUE)
		return HL_E_NOT_FOUND;
	element(key, INTEGER); /* version */
	scalar = element(key, OCTET_STRING);
	if (key->err != HL_OK)
		return key->err;
	*out = scalar;
	return HL_OK;
}

/* RFC 8410, 7: CurvePrivateKey ::= OCTET STRING, which stands inside the one of PKCS #8. */
static hl_err edwards_part(struct hl_rd *wrapped, uint32_t type, struct hl_bytes *out)
{
	struct hl_bytes seed;

	if (type != HL_CKA_VALUE)
		return HL_E_NOT_FOUND;
	seed = element(wrapped, OCTET_STRING);
	if (wrapped->err != HL_OK)
		return wrapped->err;
	*out = seed;
	return HL_OK;
}

hl_err hsm_pkcs8_part(struct hl_bytes der, uint32_t key_type, uint32_t type, struct hl_bytes *out)
{
	struct hl_rd all = hl_rd(der);
	struct hl_rd info = inside(&all, SEQUENCE), wrapped, key;

	element(&info, INTEGER);  /* version */
	element(&info, SEQUENCE); /* algorithm */
	wrapped = inside(&info, OCTET_STRING);
	if (key_type == HL_CKK_EC_EDWARDS)
		return edwards_part(&wrapped, type, out);
	key = inside(&wrapped, SEQUENCE);
	switch (key_type) {
	case HL_CKK_RSA:
		return rsa_part(&key, type, out);
	case HL_CKK_EC:
		return ec_part(&key, type, out);
	default:
		return HL_E_NOT_FOUND;
	}
}
