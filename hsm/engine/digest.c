/* digest.c - the digests and ciphers that there are, fetched once. */
#include <openssl/crypto.h>

#include "hsm/engine/engine.h"

/* clang-format off */
#define HASH(name, hash, n, mgf, kdf, prf) { name, HL_CKM_##hash, HL_CKM_##n##_HMAC, mgf, kdf, prf, NULL }
struct hsm_digest hsm_digest[HSM_DIGEST_ROWS] = {
	{ 0 },
	HASH("MD5",       MD5,       MD5,       0,                     0,                   0),
	HASH("RIPEMD160", RIPEMD160, RIPEMD160, 0,                     0,                   0),
	HASH("SHA1",      SHA_1,     SHA_1,     HL_CKG_MGF1_SHA1,      HL_CKD_SHA1_KDF,     HL_CKP_PBKD2_HMAC_SHA1),
	HASH("SHA224",    SHA224,    SHA224,    HL_CKG_MGF1_SHA224,    HL_CKD_SHA224_KDF,   HL_CKP_PBKD2_HMAC_SHA224),
	HASH("SHA256",    SHA256,    SHA256,    HL_CKG_MGF1_SHA256,    HL_CKD_SHA256_KDF,   HL_CKP_PBKD2_HMAC_SHA256),
	HASH("SHA384",    SHA384,    SHA384,    HL_CKG_MGF1_SHA384,    HL_CKD_SHA384_KDF,   HL_CKP_PBKD2_HMAC_SHA384),
	HASH("SHA512",    SHA512,    SHA512,    HL_CKG_MGF1_SHA512,    HL_CKD_SHA512_KDF,   HL_CKP_PBKD2_HMAC_SHA512),
	HASH("SHA3-224",  SHA3_224,  SHA3_224,  HL_CKG_MGF1_SHA3_224,  HL_CKD_SHA3_224_KDF, 0),
	HASH("SHA3-256",  SHA3_256,  SHA3_256,  HL_CKG_MGF1_SHA3_256,  HL_CKD_SHA3_256_KDF, 0),
	HASH("SHA3-384",  SHA3_384,  SHA3_384,  HL_CKG_MGF1_SHA3_384,  HL_CKD_SHA3_384_KDF, 0),
	HASH("SHA3-512",  SHA3_512,  SHA3_512,  HL_CKG_MGF1_SHA3_512,  HL_CKD_SHA3_512_KDF, 0),
};

/* A key of DES2 stands as three keys in a parsed key, so it is one of DES3 here. */
static struct cipher {
	uint32_t key_type;
	size_t key_n;
	enum hsm_mode mode;
	const char *name;
	EVP_CIPHER *cipher;
} ciphers[] = {
#define EACH(type, name, mode, suffix) \
	{ type, 16, mode, name "-128-" suffix, NULL }, \
	{ type, 24, mode, name "-192-" suffix, NULL }, \
	{ type, 32, mode, name "-256-" suffix, NULL }
	EACH(HL_CKK_AES, "AES", HSM_ECB, "ECB"),
	EACH(HL_CKK_AES, "AES", HSM_CBC, "CBC"),
	EACH(HL_CKK_AES, "AES", HSM_CTR, "CTR"),
	EACH(HL_CKK_AES, "AES", HSM_GCM, "GCM"),
	EACH(HL_CKK_AES, "AES", HSM_KW,  "WRAP"),
	EACH(HL_CKK_AES, "AES", HSM_KWP, "WRAP-PAD"),
	EACH(HL_CKK_CAMELLIA, "CAMELLIA", HSM_ECB, "ECB"),
	EACH(HL_CKK_CAMELLIA, "CAMELLIA", HSM_CBC, "CBC"),
	{ HL_CKK_DES3,     24, HSM_ECB,         "DES-EDE3-ECB",      NULL },
	{ HL_CKK_DES3,     24, HSM_CBC,         "DES-EDE3-CBC",      NULL },
	{ HL_CKK_CHACHA20, 32, HSM_CHACHA,      "ChaCha20",          NULL },
	{ HL_CKK_CHACHA20, 32, HSM_CHACHA_POLY, "ChaCha20-Poly1305", NULL },
};
/* clang-format on */

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static bool complete;

static void fetch(void)
{
	complete = true;
	for (size_t i = 1; i < HSM_DIGEST_ROWS; i++) {
		hsm_digest[i].md = EVP_MD_fetch(NULL, hsm_digest[i].name, NULL);
		complete = complete && hsm_digest[i].md;
	}
	for (size_t i = 0; i < HL_COUNT(ciphers); i++) {
		ciphers[i].cipher = EVP_CIPHER_fetch(NULL, ciphers[i].name, NULL);
		complete = complete && ciphers[i].cipher;
	}
}

bool hsm_engine_start(void)
{
	return CRYPTO_THREAD_run_once(&once, fetch) && complete;
}

static const struct cipher *find(uint32_t key_type, size_t key_n, enum hsm_mode mode)
{
	uint32_t type = key_type == HL_CKK_DES2 ? HL_CKK_DES3 : key_type;

	for (size_t i = 0; i < HL_COUNT(ciphers); i++)
		if (ciphers[i].key_type == type && ciphers[i].key_n == key_n && ciphers[i].mode == mode)
			return &ciphers[i];
	return NULL;
}

const EVP_CIPHER *hsm_cipher(uint32_t key_type, size_t key_n, enum hsm_mode mode)
{
	const struct cipher *c = find(key_type, key_n, mode);

	return c ? c->cipher : NULL;
}

const char *hsm_cipher_name(uint32_t key_type, size_t key_n, enum hsm_mode mode)
{
	const struct cipher *c = find(key_type, key_n, mode);

	return c ? c->name : NULL;
}

size_t hsm_digest_of(uint32_t hash)
{
	for (size_t i = 1; i < HSM_DIGEST_ROWS; i++)
		if (hsm_digest[i].hash == hash)
			return i;
	return 0;
}

size_t hsm_digest_named(const char *name)
{
	for (size_t i = 1; name && i < HSM_DIGEST_ROWS; i++)
		if (strcmp(hsm_digest[i].name, name) == 0)
			return i;
	return 0;
}

hl_err hsm_hash(EVP_MD_CTX *ctx, size_t digest, struct hl_bytes data, uint8_t *out, size_t *n)
{
	unsigned length;

	if (EVP_DigestInit_ex2(ctx, hsm_digest[digest].md, NULL) != 1 ||
		EVP_DigestUpdate(ctx, data.p, data.n) != 1 || EVP_DigestFinal_ex(ctx, out, &length) != 1)
		return HL_E_CRYPTO;
	*n = length;
	return HL_OK;
}

hl_err hsm_digest_data(uint32_t mechanism, struct hl_bytes data, struct hl_buf *out)
{
	const struct hsm_mechanism *m = hsm_mechanism(mechanism);
	size_t digest = m && (m->flags & HSM_DIGESTS) ? hsm_digest_of(mechanism) : 0, n;
	EVP_MD_CTX *ctx;
	uint8_t *room;
	hl_err err;

	if (!digest)
		return HL_E_MECHANISM;
	if (!hsm_engine_start())
		return HL_E_CRYPTO;
	HL_TRY(hsm_room(out, EVP_MAX_MD_SIZE, &room));
	ctx = EVP_MD_CTX_new();
	err = ctx ? hsm_hash(ctx, digest, data, room, &n) : HL_E_NOMEM;
	EVP_MD_CTX_free(ctx);
	if (err == HL_OK)
		hl_buf_grow(out, n);
	return err;
}

const struct hsm_scheme hsm_digest_only = { 0 };
