#include "hsm/engine/pkcs8.h"

#include "hsm/engine/der.h"
#include "lib/wire/numbers.h"

static struct hl_rd inside(struct hl_rd *r, uint8_t tag)
{
	struct hl_bytes content = hsm_der_take(r, tag);
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
		number = hsm_der_take(key, HSM_DER_INTEGER);
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
	hsm_der_take(key, HSM_DER_INTEGER); /* version */
	scalar = hsm_der_take(key, HSM_DER_OCTETS);
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
	seed = hsm_der_take(wrapped, HSM_DER_OCTETS);
	if (wrapped->err != HL_OK)
		return wrapped->err;
	*out = seed;
	return HL_OK;
}

/* RFC 3279, 2.3.2 and 2.3.3: the private value is an INTEGER of its own. */
static hl_err exponent_part(struct hl_rd *wrapped, uint32_t type, struct hl_bytes *out)
{
	struct hl_bytes x;

	if (type != HL_CKA_VALUE)
		return HL_E_NOT_FOUND;
	x = hsm_der_take(wrapped, HSM_DER_INTEGER);
	if (wrapped->err != HL_OK)
		return wrapped->err;
	*out = unsigned_number(x);
	return HL_OK;
}

hl_err hsm_pkcs8_part(struct hl_bytes der, uint32_t key_type, uint32_t type, struct hl_bytes *out)
{
	struct hl_rd all = hl_rd(der);
	struct hl_rd info = inside(&all, HSM_DER_SEQUENCE), wrapped, key;

	hsm_der_take(&info, HSM_DER_INTEGER);  /* version */
	hsm_der_take(&info, HSM_DER_SEQUENCE); /* algorithm */
	wrapped = inside(&info, HSM_DER_OCTETS);
	switch (key_type) {
	case HL_CKK_EC_EDWARDS:
	case HL_CKK_EC_MONTGOMERY:
		return edwards_part(&wrapped, type, out);
	case HL_CKK_DSA:
	case HL_CKK_DH:
	case HL_CKK_X9_42_DH:
		return exponent_part(&wrapped, type, out);
	default:
		break;
	}
	key = inside(&wrapped, HSM_DER_SEQUENCE);
	switch (key_type) {
	case HL_CKK_RSA:
		return rsa_part(&key, type, out);
	case HL_CKK_EC:
		return ec_part(&key, type, out);
	default:
		return HL_E_NOT_FOUND;
	}
}
