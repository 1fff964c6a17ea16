#include "hsm/key.h"

#define PAIR (HSM_GENERATES | HSM_PAIR)
#define SIGNS (HSM_SIGNS | HSM_VERIFIES)
#define PSS (SIGNS | HSM_PSS)

/* clang-format off */
#define ROW(name, ...) { HL_CKM_##name, "CKM_" #name, __VA_ARGS__ }
static const struct hsm_mechanism rows[] = {
	ROW(RSA_PKCS_KEY_PAIR_GEN,   HL_CKK_RSA,        2048, 4096, PAIR,          NULL),
	ROW(EC_KEY_PAIR_GEN,         HL_CKK_EC,         256,  521,  PAIR,          NULL),
	ROW(EC_EDWARDS_KEY_PAIR_GEN, HL_CKK_EC_EDWARDS, 256,  256,  PAIR,          NULL),
	ROW(AES_KEY_GEN,             HL_CKK_AES,        16,   32,   HSM_GENERATES, NULL),
	ROW(RSA_PKCS,                HL_CKK_RSA,        2048, 4096, SIGNS,         NULL),
	ROW(SHA1_RSA_PKCS,           HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA1"),
	ROW(SHA224_RSA_PKCS,         HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA224"),
	ROW(SHA256_RSA_PKCS,         HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA256"),
	ROW(SHA384_RSA_PKCS,         HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA384"),
	ROW(SHA512_RSA_PKCS,         HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA512"),
	ROW(RSA_PKCS_PSS,            HL_CKK_RSA,        2048, 4096, PSS,           NULL),
	ROW(SHA1_RSA_PKCS_PSS,       HL_CKK_RSA,        2048, 4096, PSS,           "SHA1"),
	ROW(SHA224_RSA_PKCS_PSS,     HL_CKK_RSA,        2048, 4096, PSS,           "SHA224"),
	ROW(SHA256_RSA_PKCS_PSS,     HL_CKK_RSA,        2048, 4096, PSS,           "SHA256"),
	ROW(SHA384_RSA_PKCS_PSS,     HL_CKK_RSA,        2048, 4096, PSS,           "SHA384"),
	ROW(SHA512_RSA_PKCS_PSS,     HL_CKK_RSA,        2048, 4096, PSS,           "SHA512"),
	ROW(ECDSA,                   HL_CKK_EC,         256,  521,  SIGNS,         NULL),
	ROW(ECDSA_SHA1,              HL_CKK_EC,         256,  521,  SIGNS,         "SHA1"),
	ROW(ECDSA_SHA224,            HL_CKK_EC,         256,  521,  SIGNS,         "SHA224"),
	ROW(ECDSA_SHA256,            HL_CKK_EC,         256,  521,  SIGNS,         "SHA256"),
	ROW(ECDSA_SHA384,            HL_CKK_EC,         256,  521,  SIGNS,         "SHA384"),
	ROW(ECDSA_SHA512,            HL_CKK_EC,         256,  521,  SIGNS,         "SHA512"),
	ROW(EDDSA,                   HL_CKK_EC_EDWARDS, 256,  256,  SIGNS,         NULL),
};
/* clang-format on */

const struct hsm_mechanism *hsm_mechanisms(size_t *n)
{
	*n = HL_COUNT(rows);
	return rows;
}

const struct hsm_mechanism *hsm_mechanism(uint32_t number)
{
	for (size_t i = 0; i < HL_COUNT(rows); i++)
		if (rows[i].number == number)
			return &rows[i];
	return NULL;
}
