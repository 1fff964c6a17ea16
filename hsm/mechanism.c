#include "hsm/key.h"

#define PAIR (HSM_GENERATES | HSM_PAIR)
#define SIGNS (HSM_SIGNS | HSM_VERIFIES)
#define ENCRYPTS (HSM_ENCRYPTS | HSM_DECRYPTS)
#define PSS &hl_msg_pss_parameter
#define GCM &hl_msg_gcm_parameter

/* clang-format off */
#define ROW(name, ...) { HL_CKM_##name, "CKM_" #name, __VA_ARGS__ }
static const struct hsm_mechanism rows[] = {
	ROW(RSA_PKCS_KEY_PAIR_GEN,   HL_CKK_RSA,        2048, 4096, PAIR,          NULL,     NULL),
	ROW(EC_KEY_PAIR_GEN,         HL_CKK_EC,         256,  521,  PAIR,          NULL,     NULL),
	ROW(EC_EDWARDS_KEY_PAIR_GEN, HL_CKK_EC_EDWARDS, 256,  256,  PAIR,          NULL,     NULL),
	ROW(AES_KEY_GEN,             HL_CKK_AES,        16,   32,   HSM_GENERATES, NULL,     NULL),
	ROW(RSA_PKCS,                HL_CKK_RSA,        2048, 4096, SIGNS,         NULL,     NULL),
	ROW(SHA1_RSA_PKCS,           HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA1",   NULL),
	ROW(SHA224_RSA_PKCS,         HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA224", NULL),
	ROW(SHA256_RSA_PKCS,         HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA256", NULL),
	ROW(SHA384_RSA_PKCS,         HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA384", NULL),
	ROW(SHA512_RSA_PKCS,         HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA512", NULL),
	ROW(RSA_PKCS_PSS,            HL_CKK_RSA,        2048, 4096, SIGNS,         NULL,     PSS),
	ROW(SHA1_RSA_PKCS_PSS,       HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA1",   PSS),
	ROW(SHA224_RSA_PKCS_PSS,     HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA224", PSS),
	ROW(SHA256_RSA_PKCS_PSS,     HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA256", PSS),
	ROW(SHA384_RSA_PKCS_PSS,     HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA384", PSS),
	ROW(SHA512_RSA_PKCS_PSS,     HL_CKK_RSA,        2048, 4096, SIGNS,         "SHA512", PSS),
	ROW(ECDSA,                   HL_CKK_EC,         256,  521,  SIGNS,         NULL,     NULL),
	ROW(ECDSA_SHA1,              HL_CKK_EC,         256,  521,  SIGNS,         "SHA1",   NULL),
	ROW(ECDSA_SHA224,            HL_CKK_EC,         256,  521,  SIGNS,         "SHA224", NULL),
	ROW(ECDSA_SHA256,            HL_CKK_EC,         256,  521,  SIGNS,         "SHA256", NULL),
	ROW(ECDSA_SHA384,            HL_CKK_EC,         256,  521,  SIGNS,         "SHA384", NULL),
	ROW(ECDSA_SHA512,            HL_CKK_EC,         256,  521,  SIGNS,         "SHA512", NULL),
	ROW(EDDSA,                   HL_CKK_EC_EDWARDS, 256,  256,  SIGNS,         NULL,     NULL),
	ROW(AES_GCM,                 HL_CKK_AES,        16,   32,   ENCRYPTS,      NULL,     GCM),
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
