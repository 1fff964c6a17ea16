/* mechanism.c - what is known here of each mechanism: one row. Which of them a token has, it says itself. */
#include "client/pkcs11/module.h"

static CK_ULONG rsa_n(CK_ULONG bits)
{
	return (bits + 7) / 8;
}

/* r || s; where the curve is not known, as much as the largest needs. */
static CK_ULONG ec_n(CK_ULONG bits)
{
	return 2 * ((bits ? bits + 7 : 521 + 7) / 8);
}

/* RFC 8032, 5.1.6 and 5.2.6 */
static CK_ULONG ed_n(CK_ULONG bits)
{
	return bits > 256 ? 114 : 64;
}

/* clang-format off */
#define MAKES(name, key)            { CKM_##name, CKK_##key, P11_ONE, 0, 0, NULL, NULL }
#define RSA(name, ...)              { CKM_##name, CKK_RSA, __VA_ARGS__, NULL, rsa_n }
#define PSS(name, ...)              { CKM_##name, CKK_RSA, __VA_ARGS__, p11_parameter_pss, rsa_n }
#define EC(name, ...)               { CKM_##name, CKK_EC, __VA_ARGS__, NULL, ec_n }
static const struct p11_mechanism rows[] = {
	MAKES(RSA_PKCS_KEY_PAIR_GEN,   RSA),
	MAKES(EC_KEY_PAIR_GEN,         EC),
	MAKES(EC_EDWARDS_KEY_PAIR_GEN, EC_EDWARDS),
	MAKES(AES_KEY_GEN,             AES),
	RSA(RSA_PKCS,            P11_ONE,    0,          0),
	RSA(SHA1_RSA_PKCS,       P11_HASHED, CKM_SHA_1,  CKM_RSA_PKCS),
	RSA(SHA224_RSA_PKCS,     P11_HASHED, CKM_SHA224, CKM_RSA_PKCS),
	RSA(SHA256_RSA_PKCS,     P11_HASHED, CKM_SHA256, CKM_RSA_PKCS),
	RSA(SHA384_RSA_PKCS,     P11_HASHED, CKM_SHA384, CKM_RSA_PKCS),
	RSA(SHA512_RSA_PKCS,     P11_HASHED, CKM_SHA512, CKM_RSA_PKCS),
	PSS(RSA_PKCS_PSS,        P11_ONE,    0,          0),
	PSS(SHA1_RSA_PKCS_PSS,   P11_HASHED, CKM_SHA_1,  CKM_RSA_PKCS_PSS),
	PSS(SHA224_RSA_PKCS_PSS, P11_HASHED, CKM_SHA224, CKM_RSA_PKCS_PSS),
	PSS(SHA256_RSA_PKCS_PSS, P11_HASHED, CKM_SHA256, CKM_RSA_PKCS_PSS),
	PSS(SHA384_RSA_PKCS_PSS, P11_HASHED, CKM_SHA384, CKM_RSA_PKCS_PSS),
	PSS(SHA512_RSA_PKCS_PSS, P11_HASHED, CKM_SHA512, CKM_RSA_PKCS_PSS),
	EC(ECDSA,                P11_ONE,    0,          0),
	EC(ECDSA_SHA1,           P11_HASHED, CKM_SHA_1,  CKM_ECDSA),
	EC(ECDSA_SHA224,         P11_HASHED, CKM_SHA224, CKM_ECDSA),
	EC(ECDSA_SHA256,         P11_HASHED, CKM_SHA256, CKM_ECDSA),
	EC(ECDSA_SHA384,         P11_HASHED, CKM_SHA384, CKM_ECDSA),
	EC(ECDSA_SHA512,         P11_HASHED, CKM_SHA512, CKM_ECDSA),
	{ CKM_EDDSA,   CKK_EC_EDWARDS, P11_ONE, 0, 0, NULL, ed_n },
	{ CKM_AES_GCM, CKK_AES,        P11_ONE, 0, 0, p11_parameter_gcm, NULL },
};

/* The prefixes of RFC 8017, 9.2 note 1: AlgorithmIdentifier and the head of the OCTET STRING. */
#define PREFIX(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })
#define SHA2(last, n, all) PREFIX(0x30, all, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last, 5, 0, 4, n)
static const struct p11_digest digests[] = {
	{ CKM_MD5,      "MD5",      16, 0,                PREFIX(0x30, 0x20, 0x30, 12, 6, 8, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 2, 5, 5, 0, 4, 16) },
	{ CKM_SHA_1,    "SHA1",     20, CKG_MGF1_SHA1,    PREFIX(0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 14, 3, 2, 0x1a, 5, 0, 4, 20) },
	{ CKM_SHA224,   "SHA224",   28, CKG_MGF1_SHA224,  SHA2(4, 28, 0x2d) },
	{ CKM_SHA256,   "SHA256",   32, CKG_MGF1_SHA256,  SHA2(1, 32, 0x31) },
	{ CKM_SHA384,   "SHA384",   48, CKG_MGF1_SHA384,  SHA2(2, 48, 0x41) },
	{ CKM_SHA512,   "SHA512",   64, CKG_MGF1_SHA512,  SHA2(3, 64, 0x51) },
	{ CKM_SHA3_224, "SHA3-224", 28, CKG_MGF1_SHA3_224, SHA2(7, 28, 0x2d) },
	{ CKM_SHA3_256, "SHA3-256", 32, CKG_MGF1_SHA3_256, SHA2(8, 32, 0x31) },
	{ CKM_SHA3_384, "SHA3-384", 48, CKG_MGF1_SHA3_384, SHA2(9, 48, 0x41) },
	{ CKM_SHA3_512, "SHA3-512", 64, CKG_MGF1_SHA3_512, SHA2(10, 64, 0x51) },
};
/* clang-format on */

const struct p11_mechanism *p11_mechanism(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < HL_COUNT(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return p11_mechanism_of_keys(type);
}

const struct p11_digest *p11_digests(size_t *n)
{
	*n = HL_COUNT(digests);
	return digests;
}

const struct p11_digest *p11_digest(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < HL_COUNT(digests); i++)
		if (digests[i].type == type)
			return &digests[i];
	return NULL;
}
