/* mechanism.c - what is known here of each mechanism: one row. Which of them a token has, it says itself. */
#include "client/pkcs11/module.h"

#define NO_TYPE CK_UNAVAILABLE_INFORMATION
#define KEY(name) .key_type = CKK_##name, .also_type = NO_TYPE
#define HASHED(digest) .way = P11_HASHED, .hash = CKM_##digest
#define DES_KEY .key_type = CKK_DES3, .also_type = CKK_DES2, .block = 8
#define AES_KEY KEY(AES), .block = 16
#define CAMELLIA_KEY KEY(CAMELLIA), .block = 16
#define BLOCKS .crypted_n = p11_length_blocks
#define PADDED .crypted_n = p11_length_padded
#define TAGGED .crypted_n = p11_length_tagged
#define IV .parameter = p11_parameter_iv

/* clang-format off */
#define MAKES(name, key) { CKM_##name, KEY(key) }
#define RSA(name, ...) { CKM_##name, KEY(RSA), .signature_n = p11_rsa_n, __VA_ARGS__ }
#define RSA_HASH(name, hash) RSA(name##_RSA_PKCS, HASHED(hash))
#define PSS(name, ...) RSA(name, .parameter = p11_parameter_pss, __VA_ARGS__)
#define PSS_HASH(name, hash) PSS(name##_RSA_PKCS_PSS, HASHED(hash))
#define DSA(name, hash) { CKM_DSA_##name, KEY(DSA), .signature_n = p11_dsa_n, HASHED(hash) }
#define EC(name, ...) { CKM_##name, KEY(EC), .signature_n = p11_ec_n, __VA_ARGS__ }
#define HMAC(digest) \
	{ CKM_##digest##_HMAC, CKK_##digest##_HMAC, CKK_GENERIC_SECRET, .hash = CKM_##digest, .signature_n = p11_hash_n }
/* What bears no `way` is P11_ONE. */
static const struct p11_mechanism rows[] = {
	MAKES(RSA_PKCS_KEY_PAIR_GEN,     RSA),
	MAKES(DSA_PARAMETER_GEN,         DSA),
	MAKES(DSA_KEY_PAIR_GEN,          DSA),
	MAKES(DH_PKCS_PARAMETER_GEN,     DH),
	MAKES(DH_PKCS_KEY_PAIR_GEN,      DH),
	MAKES(X9_42_DH_PARAMETER_GEN,    X9_42_DH),
	MAKES(X9_42_DH_KEY_PAIR_GEN,     X9_42_DH),
	MAKES(EC_KEY_PAIR_GEN,           EC),
	MAKES(EC_EDWARDS_KEY_PAIR_GEN,   EC_EDWARDS),
	MAKES(EC_MONTGOMERY_KEY_PAIR_GEN, EC_MONTGOMERY),
	MAKES(GENERIC_SECRET_KEY_GEN,    GENERIC_SECRET),
	MAKES(AES_KEY_GEN,               AES),
	MAKES(CAMELLIA_KEY_GEN,          CAMELLIA),
	MAKES(DES2_KEY_GEN,              DES2),
	MAKES(DES3_KEY_GEN,              DES3),
	MAKES(CHACHA20_KEY_GEN,          CHACHA20),
	MAKES(POLY1305_KEY_GEN,          POLY1305),

	RSA(RSA_PKCS,      .crypted_n = p11_length_rsa),
	RSA(RSA_X_509,     .crypted_n = p11_length_rsa),
	RSA(RSA_PKCS_OAEP, .crypted_n = p11_length_rsa, .parameter = p11_parameter_oaep),
	RSA_HASH(MD5,       MD5),
	RSA_HASH(RIPEMD160, RIPEMD160),
	RSA_HASH(SHA1,      SHA_1),
	RSA_HASH(SHA224,    SHA224),
	RSA_HASH(SHA256,    SHA256),
	RSA_HASH(SHA384,    SHA384),
	RSA_HASH(SHA512,    SHA512),
	RSA_HASH(SHA3_224,  SHA3_224),
	RSA_HASH(SHA3_256,  SHA3_256),
	RSA_HASH(SHA3_384,  SHA3_384),
	RSA_HASH(SHA3_512,  SHA3_512),
	PSS(RSA_PKCS_PSS),
	PSS_HASH(SHA1,      SHA_1),
	PSS_HASH(SHA224,    SHA224),
	PSS_HASH(SHA256,    SHA256),
	PSS_HASH(SHA384,    SHA384),
	PSS_HASH(SHA512,    SHA512),
	PSS_HASH(SHA3_224,  SHA3_224),
	PSS_HASH(SHA3_256,  SHA3_256),
	PSS_HASH(SHA3_384,  SHA3_384),
	PSS_HASH(SHA3_512,  SHA3_512),

	DSA(SHA1, SHA_1),
	DSA(SHA224, SHA224),
	DSA(SHA256, SHA256),
	DSA(SHA384, SHA384),
	DSA(SHA512, SHA512),
	DSA(SHA3_224, SHA3_224),
	DSA(SHA3_256, SHA3_256),
	DSA(SHA3_384, SHA3_384),
	DSA(SHA3_512, SHA3_512),

	EC(ECDSA),
	EC(ECDSA_SHA1,     HASHED(SHA_1)),
	EC(ECDSA_SHA224,   HASHED(SHA224)),
	EC(ECDSA_SHA256,   HASHED(SHA256)),
	EC(ECDSA_SHA384,   HASHED(SHA384)),
	EC(ECDSA_SHA512,   HASHED(SHA512)),
	EC(ECDSA_SHA3_224, HASHED(SHA3_224)),
	EC(ECDSA_SHA3_256, HASHED(SHA3_256)),
	EC(ECDSA_SHA3_384, HASHED(SHA3_384)),
	EC(ECDSA_SHA3_512, HASHED(SHA3_512)),
	{ CKM_EDDSA, KEY(EC_EDWARDS), .parameter = p11_parameter_eddsa, .signature_n = p11_ed_n },

	{ CKM_AES_ECB,          AES_KEY, BLOCKS },
	{ CKM_AES_CBC,          AES_KEY, BLOCKS, IV },
	{ CKM_AES_CBC_PAD,      AES_KEY, PADDED, IV },
	{ CKM_AES_CTR,          AES_KEY, TAGGED, .parameter = p11_parameter_ctr },
	{ CKM_AES_GCM,          AES_KEY, TAGGED, .parameter = p11_parameter_gcm },
	{ CKM_AES_MAC,          AES_KEY, .signature_n = p11_half_block_n },
	{ CKM_AES_CMAC,         AES_KEY, .signature_n = p11_block_n },
	{ CKM_AES_GMAC,         AES_KEY, .signature_n = p11_block_n, .parameter = p11_parameter_gmac, .once = true },
	{ CKM_CAMELLIA_ECB,     CAMELLIA_KEY, BLOCKS },
	{ CKM_CAMELLIA_CBC,     CAMELLIA_KEY, BLOCKS, IV },
	{ CKM_CAMELLIA_CBC_PAD, CAMELLIA_KEY, PADDED, IV },
	{ CKM_CAMELLIA_MAC,     CAMELLIA_KEY, .signature_n = p11_half_block_n },
	{ CKM_DES3_ECB,         DES_KEY, BLOCKS },
	{ CKM_DES3_CBC,         DES_KEY, BLOCKS, IV },
	{ CKM_DES3_CBC_PAD,     DES_KEY, PADDED, IV },
	{ CKM_DES3_CMAC,        DES_KEY, .signature_n = p11_block_n },
	{ CKM_CHACHA20,          KEY(CHACHA20), TAGGED, .parameter = p11_parameter_chacha },
	{ CKM_CHACHA20_POLY1305, KEY(CHACHA20), TAGGED, .parameter = p11_parameter_aead },
	{ CKM_POLY1305,          KEY(POLY1305), .block = 16, .signature_n = p11_block_n },

	HMAC(MD5),
	HMAC(RIPEMD160),
	HMAC(SHA_1),
	HMAC(SHA224),
	HMAC(SHA256),
	HMAC(SHA384),
	HMAC(SHA512),
	HMAC(SHA3_224),
	HMAC(SHA3_256),
	HMAC(SHA3_384),
	HMAC(SHA3_512),
};

static const struct p11_digest digests[] = {
	{ CKM_MD5,       "MD5",       16, 0 },
	{ CKM_RIPEMD160, "RIPEMD160", 20, 0 },
	{ CKM_SHA_1,     "SHA1",      20, CKG_MGF1_SHA1 },
	{ CKM_SHA224,    "SHA224",    28, CKG_MGF1_SHA224 },
	{ CKM_SHA256,    "SHA256",    32, CKG_MGF1_SHA256 },
	{ CKM_SHA384,    "SHA384",    48, CKG_MGF1_SHA384 },
	{ CKM_SHA512,    "SHA512",    64, CKG_MGF1_SHA512 },
	{ CKM_SHA3_224,  "SHA3-224",  28, CKG_MGF1_SHA3_224 },
	{ CKM_SHA3_256,  "SHA3-256",  32, CKG_MGF1_SHA3_256 },
	{ CKM_SHA3_384,  "SHA3-384",  48, CKG_MGF1_SHA3_384 },
	{ CKM_SHA3_512,  "SHA3-512",  64, CKG_MGF1_SHA3_512 },
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
