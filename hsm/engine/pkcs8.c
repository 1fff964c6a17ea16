#include "hsm/engine/pkcs8.h"

#include "lib/base/der.h"
#include "lib/wire/numbers.h"

/* Which INTEGER of RSAPrivateKey: version, n, e, then these six in the order of their numbers. */
static hl_err rsa_part(struct hl_rd *key, uint32_t type, struct hl_bytes *out)
{
	struct hl_bytes number = { 0 };

	if (type < HL_CKA_PRIVATE_EXPONENT || type > HL_CKA_COEFFICIENT)
		return HL_E_NOT_FOUND;
	for (uint32_t skip = 3 + type - HL_CKA_PRIVATE_EXPONENT + 1; skip > 0; skip--)
		number = hl_der_take(key, HL_DER_INTEGER);
	if (key->err != HL_OK)
		return key->err;
	*out = hl_der_unsigned(number);
	return HL_OK;
}

static hl_err ec_part(struct hl_rd *key, uint32_t type, struct hl_bytes *out)
{
	struct hl_bytes scalar;

	if (type != HL_CKA_VALUE)
		return HL_E_NOT_FOUND;
	hl_der_take(key, HL_DER_INTEGER); /* version */
	scalar = hl_der_take(key, HL_DER_OCTETS);
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
	seed = hl_der_take(wrapped, HL_DER_OCTETS);
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
	x = hl_der_take(wrapped, HL_DER_INTEGER);
	if (wrapped->err != HL_OK)
		return wrapped->err;
	*out = hl_der_unsigned(x);
	return HL_OK;
}

hl_err hsm_pkcs8_part(struct hl_bytes der, uint32_t key_type, uint32_t type, struct hl_bytes *out)
{
	struct hl_rd all = hl_rd(der);
	struct hl_rd info = hl_der_inside(&all, HL_DER_SEQUENCE), wrapped, key;

	hl_der_take(&info, HL_DER_INTEGER);  /* version */
	hl_der_take(&info, HL_DER_SEQUENCE); /* algorithm */
	wrapped = hl_der_inside(&info, HL_DER_OCTETS);
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
	key = hl_der_inside(&wrapped, HL_DER_SEQUENCE);
	switch (key_type) {
	case HL_CKK_RSA:
		return rsa_part(&key, type, out);
	case HL_CKK_EC:
		return ec_part(&key, type, out);
	default:
		return HL_E_NOT_FOUND;
	}
}
