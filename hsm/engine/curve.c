#include "hsm/engine/curve.h"

#include "lib/wire/numbers.h"

/* clang-format off */
#define OID(...) { 0x06, sizeof((uint8_t[]){ __VA_ARGS__ }), __VA_ARGS__ }, 2 + sizeof((uint8_t[]){ __VA_ARGS__ })
#define EC(group, name, ...) { HL_CKK_EC, group, name, OID(__VA_ARGS__) }
static const struct hsm_curve curves[] = {
	EC("prime256v1",       "secp256r1",       0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7),
	EC("secp384r1",        "secp384r1",       0x2b, 0x81, 4, 0, 34),
	EC("secp521r1",        "secp521r1",       0x2b, 0x81, 4, 0, 35),
	EC("secp224r1",        "secp224r1",       0x2b, 0x81, 4, 0, 33),
	EC("secp224k1",        "secp224k1",       0x2b, 0x81, 4, 0, 32),
	EC("secp256k1",        "secp256k1",       0x2b, 0x81, 4, 0, 10),
	EC("prime239v1",       "x9_62_prime239v1", 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 4),
	EC("prime239v2",       "x9_62_prime239v2", 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 5),
	EC("prime239v3",       "x9_62_prime239v3", 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 6),
	EC("brainpoolP224r1",  "brainpoolP224r1", 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 5),
	EC("brainpoolP256r1",  "brainpoolP256r1", 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7),
	EC("brainpoolP320r1",  "brainpoolP320r1", 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 9),
	EC("brainpoolP384r1",  "brainpoolP384r1", 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11),
	EC("brainpoolP512r1",  "brainpoolP512r1", 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 13),
	{ HL_CKK_EC_EDWARDS,    "ED25519", "edwards25519", OID(0x2b, 101, 112) },
	{ HL_CKK_EC_EDWARDS,    "ED448",   "edwards448",   OID(0x2b, 101, 113) },
	{ HL_CKK_EC_MONTGOMERY, "X25519",  "curve25519",   OID(0x2b, 101, 110) },
	{ HL_CKK_EC_MONTGOMERY, "X448",    "curve448",     OID(0x2b, 101, 111) },
};
/* clang-format on */

const struct hsm_curve *hsm_curves(size_t *n)
{
	*n = HL_COUNT(curves);
	return curves;
}

static bool is_name(const struct hsm_curve *c, struct hl_bytes params)
{
	size_t n = strlen(c->name);

	return params.n == n + 2 && params.p[0] == 0x13 && params.p[1] == n && memcmp(params.p + 2, c->name, n) == 0;
}

const struct hsm_curve *hsm_curve_of(uint32_t key_type, struct hl_bytes params)
{
	for (size_t i = 0; i < HL_COUNT(curves); i++)
		if (curves[i].key_type == key_type &&
			(hl_bytes_eq(params, hl_bytes(curves[i].oid, curves[i].oid_n)) ||
				is_name(&curves[i], params)))
			return &curves[i];
	return NULL;
}

const struct hsm_curve *hsm_curve_named(uint32_t key_type, const char *group)
{
	for (size_t i = 0; i < HL_COUNT(curves); i++)
		if (curves[i].key_type == key_type && strcmp(curves[i].group, group) == 0)
			return &curves[i];
	return NULL;
}
