/* curve.c - the curves of keys under the names that `key` uses; whether the HSM has one is its own to say. */
#include <string.h>

#include <openssl/objects.h>

#include "cli/keys.h"

/* clang-format off */
/* CKA_EC_PARAMS is the DER of the curve's object identifier (RFC 5480, 2.1.1.1; RFC 8410, 3). */
#define OID(...) { 0x06, sizeof((uint8_t[]){ __VA_ARGS__ }), __VA_ARGS__ }, 2 + sizeof((uint8_t[]){ __VA_ARGS__ })
static const struct {
	const char *name;
	uint8_t params[12];
	size_t n;
} curves[] = {
	{ "ec-p224",            OID(0x2b, 0x81, 4, 0, 33) },
	{ "ec-p256",            OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7) },
	{ "ec-p384",            OID(0x2b, 0x81, 4, 0, 34) },
	{ "ec-p521",            OID(0x2b, 0x81, 4, 0, 35) },
	{ "ec-secp224k1",       OID(0x2b, 0x81, 4, 0, 32) },
	{ "ec-secp256k1",       OID(0x2b, 0x81, 4, 0, 10) },
	{ "ec-prime239v1",      OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 4) },
	{ "ec-prime239v2",      OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 5) },
	{ "ec-prime239v3",      OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 6) },
	{ "ec-brainpoolP224r1", OID(0x2b, 0x24, 3, 3, 2, 8, 1, 1, 5) },
	{ "ec-brainpoolP256r1", OID(0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7) },
	{ "ec-brainpoolP320r1", OID(0x2b, 0x24, 3, 3, 2, 8, 1, 1, 9) },
	{ "ec-brainpoolP384r1", OID(0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11) },
	{ "ec-brainpoolP512r1", OID(0x2b, 0x24, 3, 3, 2, 8, 1, 1, 13) },
	{ "ed25519",            OID(0x2b, 101, 112) },
	{ "ed448",              OID(0x2b, 101, 113) },
	{ "x25519",             OID(0x2b, 101, 110) },
	{ "x448",               OID(0x2b, 101, 111) },
};
/* clang-format on */

struct hl_bytes cli_curve_params(const char *name)
{
	for (size_t i = 0; i < HL_COUNT(curves); i++)
		if (strcmp(curves[i].name, name) == 0)
			return hl_bytes(curves[i].params, curves[i].n);
	return hl_bytes(NULL, 0);
}

const char *cli_curve_name(struct hl_bytes params)
{
	for (size_t i = 0; i < HL_COUNT(curves); i++)
		if (hl_bytes_eq(params, hl_bytes(curves[i].params, curves[i].n)))
			return curves[i].name;
	return NULL;
}

void cli_oid_name(struct hl_bytes oid, char out[CLI_OID_NAME])
{
	const unsigned char *p = oid.p;
	ASN1_OBJECT *o = d2i_ASN1_OBJECT(NULL, &p, (long)oid.n);

	if (!o || OBJ_obj2txt(out, CLI_OID_NAME, o, 0) <= 0)
		snprintf(out, CLI_OID_NAME, "unknown");
	ASN1_OBJECT_free(o);
}
