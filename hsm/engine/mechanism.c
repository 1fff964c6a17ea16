/* mechanism.c - every mechanism that there is, one a row. */
#include "hsm/engine/engine.h"

#define PAIR (HSM_GENERATES | HSM_PAIR)
#define MAKES HSM_GENERATES
#define SIGNS (HSM_SIGNS | HSM_VERIFIES)
#define SIGNS_P (SIGNS | HSM_IN_PIECES)
#define CRYPTS (HSM_ENCRYPTS | HSM_DECRYPTS)
#define CRYPTS_P (CRYPTS | HSM_IN_PIECES)
#define WRAPS (HSM_WRAPS | HSM_UNWRAPS)
#define LEGACY (WRAPS | HSM_LEGACY_WRAP | HSM_LEGACY_UNWRAP)
#define DERIVES HSM_DERIVES

#define PSS &hl_msg_pss_parameter
#define OAEP &hl_msg_oaep_parameter
#define GCM &hl_msg_gcm_parameter
#define AEAD &hl_msg_aead_parameter
#define IV &hl_msg_iv_parameter
#define CTR &hl_msg_ctr_parameter
#define CHACHA &hl_msg_chacha_parameter
#define EDDSA &hl_msg_eddsa_parameter
#define AGREE &hl_msg_agree_parameter
#define DATA &hl_msg_data_parameter
#define KDF &hl_msg_kdf_parameter
#define PBKDF2 &hl_msg_pbkdf2_parameter

#define RSA HL_CKK_RSA, HSM_NO_TYPE, 1024, 8192
#define DSA HL_CKK_DSA, HSM_NO_TYPE, 1024, 8192
#define DH HL_CKK_DH, HSM_NO_TYPE, 1024, 8192
#define DHX HL_CKK_X9_42_DH, HSM_NO_TYPE, 1024, 8192
#define EC HL_CKK_EC, HSM_NO_TYPE, 224, 521
#define ED HL_CKK_EC_EDWARDS, HSM_NO_TYPE, 256, 448
#define AES HL_CKK_AES, HSM_NO_TYPE, 16, 32
#define CAMELLIA HL_CKK_CAMELLIA, HSM_NO_TYPE, 16, 32
#define DES HL_CKK_DES3, HL_CKK_DES2, 16, 24
#define CHACHA20 HL_CKK_CHACHA20, HSM_NO_TYPE, 32, 32
#define POLY HL_CKK_POLY1305, HSM_NO_TYPE, 32, 32
#define HMAC_OF(hash) HL_CKK_##hash##_HMAC, HL_CKK_GENERIC_SECRET, 0, 0
#define SECRET HL_CKK_GENERIC_SECRET, HSM_ANY_SECRET
#define NO_KEY HSM_NO_TYPE, HSM_NO_TYPE, 0, 0

/* clang-format off */
#define ROW(name, ...) { HL_CKM_##name, "CKM_" #name, __VA_ARGS__ }
#define HASH_RSA(name, hash) ROW(name, RSA, SIGNS_P, hash, NULL, &hsm_rsa_pkcs)
#define HASH_PSS(name, hash) ROW(name, RSA, SIGNS_P, hash, PSS, &hsm_rsa_pss)
#define HASH_DSA(name, hash) ROW(name, DSA, SIGNS_P, hash, NULL, &hsm_dsa)
#define HASH_EC(name, hash) ROW(name, EC, SIGNS_P, hash, NULL, &hsm_ecdsa)
#define HASH(name, key, hash) \
	ROW(name, NO_KEY, HSM_DIGESTS, hash, NULL, &hsm_digest_only), \
	ROW(name##_HMAC, HMAC_OF(key), SIGNS_P, hash, NULL, &hsm_hmac)
#define DERIVATION(name, hash) ROW(name##_KEY_DERIVATION, SECRET, 0, 0, DERIVES, hash, NULL, &hsm_sha_derive)

static const struct hsm_mechanism rows[] = {
	ROW(RSA_PKCS_KEY_PAIR_GEN,   RSA, PAIR, NULL, NULL, &hsm_rsa_pair),
	ROW(RSA_PKCS,                RSA, SIGNS | CRYPTS | WRAPS | HSM_LEGACY_UNWRAP, NULL, NULL, &hsm_rsa_pkcs),
	ROW(RSA_X_509,               RSA, SIGNS | CRYPTS | LEGACY, NULL, NULL, &hsm_rsa_raw),
	ROW(RSA_PKCS_OAEP,           RSA, CRYPTS | WRAPS, NULL, OAEP, &hsm_rsa_oaep),
	ROW(RSA_PKCS_PSS,            RSA, SIGNS, NULL, PSS, &hsm_rsa_pss),
	HASH_RSA(MD5_RSA_PKCS,       "MD5"),
	HASH_RSA(RIPEMD160_RSA_PKCS, "RIPEMD160"),
	HASH_RSA(SHA1_RSA_PKCS,      "SHA1"),
	HASH_RSA(SHA224_RSA_PKCS,    "SHA224"),
	HASH_RSA(SHA256_RSA_PKCS,    "SHA256"),
	HASH_RSA(SHA384_RSA_PKCS,    "SHA384"),
	HASH_RSA(SHA512_RSA_PKCS,    "SHA512"),
	HASH_RSA(SHA3_224_RSA_PKCS,  "SHA3-224"),
	HASH_RSA(SHA3_256_RSA_PKCS,  "SHA3-256"),
	HASH_RSA(SHA3_384_RSA_PKCS,  "SHA3-384"),
	HASH_RSA(SHA3_512_RSA_PKCS,  "SHA3-512"),
	HASH_PSS(SHA1_RSA_PKCS_PSS,     "SHA1"),
	HASH_PSS(SHA224_RSA_PKCS_PSS,   "SHA224"),
	HASH_PSS(SHA256_RSA_PKCS_PSS,   "SHA256"),
	HASH_PSS(SHA384_RSA_PKCS_PSS,   "SHA384"),
	HASH_PSS(SHA512_RSA_PKCS_PSS,   "SHA512"),
	HASH_PSS(SHA3_224_RSA_PKCS_PSS, "SHA3-224"),
	HASH_PSS(SHA3_256_RSA_PKCS_PSS, "SHA3-256"),
	HASH_PSS(SHA3_384_RSA_PKCS_PSS, "SHA3-384"),
	HASH_PSS(SHA3_512_RSA_PKCS_PSS, "SHA3-512"),

	ROW(DSA_PARAMETER_GEN, HL_CKK_DSA, HSM_NO_TYPE, 1024, 3072, MAKES, NULL, NULL, &hsm_dsa_domain),
	ROW(DSA_KEY_PAIR_GEN,  DSA, PAIR, NULL, NULL, &hsm_dsa_pair),
	HASH_DSA(DSA_SHA1,     "SHA1"),
	HASH_DSA(DSA_SHA224,   "SHA224"),
	HASH_DSA(DSA_SHA256,   "SHA256"),
	HASH_DSA(DSA_SHA384,   "SHA384"),
	HASH_DSA(DSA_SHA512,   "SHA512"),
	HASH_DSA(DSA_SHA3_224, "SHA3-224"),
	HASH_DSA(DSA_SHA3_256, "SHA3-256"),
	HASH_DSA(DSA_SHA3_384, "SHA3-384"),
	HASH_DSA(DSA_SHA3_512, "SHA3-512"),

	ROW(DH_PKCS_PARAMETER_GEN,    HL_CKK_DH, HSM_NO_TYPE, 1024, 1024, MAKES, NULL, NULL, &hsm_dh_domain),
	ROW(DH_PKCS_KEY_PAIR_GEN,     DH, PAIR, NULL, NULL, &hsm_dh_pair),
	ROW(DH_PKCS_DERIVE,           DH, DERIVES, NULL, AGREE, &hsm_dh),
	ROW(X9_42_DH_PARAMETER_GEN,   HL_CKK_X9_42_DH, HSM_NO_TYPE, 1024, 3072, MAKES, NULL, NULL, &hsm_dhx_domain),
	ROW(X9_42_DH_KEY_PAIR_GEN,    DHX, PAIR, NULL, NULL, &hsm_dhx_pair),
	ROW(X9_42_DH_DERIVE,          DHX, DERIVES, NULL, AGREE, &hsm_dhx),

	ROW(EC_KEY_PAIR_GEN,  EC, PAIR | HSM_EC_FLAGS, NULL, NULL, &hsm_ec_pair),
	ROW(ECDSA,            EC, SIGNS, NULL, NULL, &hsm_ecdsa),
	HASH_EC(ECDSA_SHA1,     "SHA1"),
	HASH_EC(ECDSA_SHA224,   "SHA224"),
	HASH_EC(ECDSA_SHA256,   "SHA256"),
	HASH_EC(ECDSA_SHA384,   "SHA384"),
	HASH_EC(ECDSA_SHA512,   "SHA512"),
	HASH_EC(ECDSA_SHA3_224, "SHA3-224"),
	HASH_EC(ECDSA_SHA3_256, "SHA3-256"),
	HASH_EC(ECDSA_SHA3_384, "SHA3-384"),
	HASH_EC(ECDSA_SHA3_512, "SHA3-512"),
	ROW(ECDH1_DERIVE, HL_CKK_EC, HL_CKK_EC_MONTGOMERY, 224, 521, DERIVES, NULL, AGREE, &hsm_ecdh),
	ROW(EC_EDWARDS_KEY_PAIR_GEN, ED, PAIR, NULL, NULL, &hsm_ec_pair),
	ROW(EC_MONTGOMERY_KEY_PAIR_GEN, HL_CKK_EC_MONTGOMERY, HSM_NO_TYPE, 256, 448, PAIR, NULL, NULL, &hsm_ec_pair),
	ROW(EDDSA, ED, SIGNS, NULL, EDDSA, &hsm_eddsa),

	ROW(AES_KEY_GEN,          AES, MAKES, NULL, NULL, &hsm_secret),
	ROW(AES_ECB,              AES, CRYPTS_P | LEGACY, NULL, NULL, &hsm_ecb),
	ROW(AES_CBC,              AES, CRYPTS_P | LEGACY, NULL, IV, &hsm_cbc),
	ROW(AES_CBC_PAD,          AES, CRYPTS_P | LEGACY, NULL, IV, &hsm_cbc_pad),
	ROW(AES_CTR,              AES, CRYPTS_P, NULL, CTR, &hsm_ctr),
	ROW(AES_GCM,              AES, CRYPTS_P, NULL, GCM, &hsm_gcm),
	ROW(AES_MAC,              AES, SIGNS_P, NULL, NULL, &hsm_cbc_mac),
	ROW(AES_CMAC,             AES, SIGNS_P, NULL, NULL, &hsm_cmac),
	ROW(AES_GMAC,             AES, SIGNS_P, NULL, GCM, &hsm_gmac),
	ROW(AES_KEY_WRAP,         AES, WRAPS, NULL, NULL, &hsm_key_wrap_plain),
	ROW(AES_KEY_WRAP_PAD,     AES, WRAPS, NULL, NULL, &hsm_key_wrap_pad),
	ROW(AES_ECB_ENCRYPT_DATA, AES, DERIVES, NULL, DATA, &hsm_ecb_data),
	ROW(AES_CBC_ENCRYPT_DATA, AES, DERIVES, NULL, DATA, &hsm_cbc_data),

	ROW(CAMELLIA_KEY_GEN, CAMELLIA, MAKES, NULL, NULL, &hsm_secret),
	ROW(CAMELLIA_ECB,     CAMELLIA, CRYPTS_P, NULL, NULL, &hsm_ecb),
	ROW(CAMELLIA_CBC,     CAMELLIA, CRYPTS_P, NULL, IV, &hsm_cbc),
	ROW(CAMELLIA_CBC_PAD, CAMELLIA, CRYPTS_P, NULL, IV, &hsm_cbc_pad),
	ROW(CAMELLIA_MAC,     CAMELLIA, SIGNS_P, NULL, NULL, &hsm_cbc_mac),

	ROW(DES2_KEY_GEN,          HL_CKK_DES2, HSM_NO_TYPE, 16, 16, MAKES, NULL, NULL, &hsm_secret),
	ROW(DES3_KEY_GEN,          HL_CKK_DES3, HSM_NO_TYPE, 24, 24, MAKES, NULL, NULL, &hsm_secret),
	ROW(DES3_ECB,              DES, CRYPTS_P | LEGACY, NULL, NULL, &hsm_ecb),
	ROW(DES3_CBC,              DES, CRYPTS_P | LEGACY, NULL, IV, &hsm_cbc),
	ROW(DES3_CBC_PAD,          DES, CRYPTS_P | LEGACY, NULL, IV, &hsm_cbc_pad),
	ROW(DES3_CMAC,             DES, SIGNS_P, NULL, NULL, &hsm_cmac),
	ROW(DES3_ECB_ENCRYPT_DATA, DES, DERIVES, NULL, DATA, &hsm_ecb_data),
	ROW(DES3_CBC_ENCRYPT_DATA, DES, DERIVES, NULL, DATA, &hsm_cbc_data),

	ROW(CHACHA20_KEY_GEN,  CHACHA20, MAKES, NULL, NULL, &hsm_secret),
	ROW(CHACHA20,          CHACHA20, CRYPTS_P, NULL, CHACHA, &hsm_chacha),
	ROW(CHACHA20_POLY1305, CHACHA20, CRYPTS_P, NULL, AEAD, &hsm_chacha_poly),
	ROW(POLY1305_KEY_GEN,  POLY, MAKES, NULL, NULL, &hsm_secret),
	ROW(POLY1305,          POLY, SIGNS_P, NULL, NULL, &hsm_poly1305),

	HASH(MD5,       MD5,       "MD5"),
	HASH(RIPEMD160, RIPEMD160, "RIPEMD160"),
	HASH(SHA_1,     SHA_1,     "SHA1"),
	HASH(SHA224,    SHA224,    "SHA224"),
	HASH(SHA256,    SHA256,    "SHA256"),
	HASH(SHA384,    SHA384,    "SHA384"),
	HASH(SHA512,    SHA512,    "SHA512"),
	HASH(SHA3_224,  SHA3_224,  "SHA3-224"),
	HASH(SHA3_256,  SHA3_256,  "SHA3-256"),
	HASH(SHA3_384,  SHA3_384,  "SHA3-384"),
	HASH(SHA3_512,  SHA3_512,  "SHA3-512"),

	ROW(GENERIC_SECRET_KEY_GEN, HL_CKK_GENERIC_SECRET, HSM_NO_TYPE, 16, 8192, MAKES, NULL, NULL, &hsm_secret),
	DERIVATION(SHA1,   "SHA1"),
	DERIVATION(SHA224, "SHA224"),
	DERIVATION(SHA256, "SHA256"),
	DERIVATION(SHA384, "SHA384"),
	DERIVATION(SHA512, "SHA512"),
	ROW(SP800_108_COUNTER_KDF,         SECRET, 16, 4096, DERIVES, NULL, KDF, &hsm_kdf_counter),
	ROW(SP800_108_FEEDBACK_KDF,        SECRET, 16, 4096, DERIVES, NULL, KDF, &hsm_kdf_feedback),
	ROW(SP800_108_DOUBLE_PIPELINE_KDF, SECRET, 16, 4096, DERIVES, NULL, KDF, &hsm_kdf_pipeline),
	ROW(PKCS5_PBKD2, SECRET, 0, 0, MAKES, NULL, PBKDF2, &hsm_pbkdf2),
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
