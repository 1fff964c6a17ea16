/* rsa_cipher.c - RSA encryption: PKCS #1 v1.5 without a padding oracle, and OAEP (RFC 8017, 7). */
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "hsm/engine/constant.h"
#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

#define HASH 32

static EVP_PKEY_CTX *context(const struct hsm_use *u, int (*init)(EVP_PKEY_CTX *), int padding)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, u->k->pkey, NULL);

	if (!ctx || init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) != 1)
		return NULL;
	return hl_take(ctx);
}

hl_err hsm_rsa_encrypt_pkcs(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = context(u, EVP_PKEY_encrypt_init, RSA_PKCS1_PADDING);
	size_t n = u->k->width;
	uint8_t *room;

	if (!ctx)
		return HL_E_CRYPTO;
	if (data.n > n - 11)
		return HL_E_DATA_LENGTH;
	HL_TRY(hsm_room(out, n, &room));
	if (EVP_PKEY_encrypt(ctx, room, &n, data.n > 0 ? data.p : room, data.n) != 1)
		return HL_E_CRYPTO;
	hl_buf_grow(out, n);
	return HL_OK;
}

/* -- PKCS #1 v1.5, decrypting -----------------------------------------------------------------------
 *
 * OpenSSL 3.0 tells whether the padding was right; 3.2 does not. As there, and as
 * draft-irtf-cfrg-rsa-guidance (implicit rejection) has it: wrong padding gives a message that is made of
 * the private key and what was to be decrypted, and so looks like any other and is always the same. */

/* The secret that is its own for each key: SHA-256 of d. */
static hl_err rejection_key(struct hsm_key *k)
{
	HL_AUTO(hsm_bn_freep) BIGNUM *d = NULL;
	uint8_t bytes[HSM_RSA_WIDTH_MAX];
	size_t n;
	hl_err err = HL_OK;

	if (k->rejection.n > 0)
		return HL_OK;
	if (k->width > sizeof bytes || EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_RSA_D, &d) != 1 ||
		BN_bn2binpad(d, bytes, (int)k->width) < 0)
		return HL_E_CRYPTO;
	HL_TRY(hl_secret_make(&k->rejection, HASH));
	err = hsm_hash(k->hash, hsm_digest_named("SHA256"), hl_bytes(bytes, k->width), k->rejection.p, &n);
	OPENSSL_cleanse(bytes, sizeof bytes);
	if (err != HL_OK)
		hl_secret_clear(&k->rejection);
	return err;
}

/* HMAC-SHA-256(key, number of the block | label | bits wanted), block after block. */
static hl_err stretch(const uint8_t key[HASH], const char *label, uint8_t *out, size_t n)
{
	size_t bits = 8 * n, label_n = strlen(label);
	uint8_t text[16], block[HASH];

	for (size_t i = 0; i * HASH < n; i++) {
		size_t left = n - i * HASH;

		text[0] = (uint8_t)(i >> 8);
		text[1] = (uint8_t)i;
		memcpy(text + 2, label, label_n);
		text[2 + label_n] = (uint8_t)(bits >> 8);
		text[3 + label_n] = (uint8_t)bits;
		if (!HMAC(EVP_sha256(), key, HASH, text, label_n + 4, block, NULL))
			return HL_E_CRYPTO;
		memcpy(out + i * HASH, block, left < HASH ? left : HASH);
	}
	OPENSSL_cleanse(block, sizeof block);
	return HL_OK;
}

#define CANDIDATES 128

/* How long the false message is: the last candidate that is in range. */
static size_t any_length(const uint8_t candidates[2 * CANDIDATES], size_t width)
{
	size_t most = width - 2 - 8, mask = most, length = 0;

	for (unsigned shift = 1; shift <= 16; shift <<= 1)
		mask |= mask >> shift;
	for (size_t i = 0; i < CANDIDATES; i++) {
		size_t c = ((size_t)candidates[2 * i] << 8 | candidates[2 * i + 1]) & mask;

		length = hsm_ct_select(hsm_ct_less(c, most), c, length);
	}
	return length;
}

/* Unwrapping, the message is a key of a type, and another length would tell that the padding was right: so
 * the false one, too, has a length of that type. */
static size_t key_length(const struct hsm_use *u, const uint8_t candidates[2 * CANDIDATES])
{
	size_t room = u->k->width - 11, most = u->wanted.most < room ? u->wanted.most : room;
	size_t lengths = (most - u->wanted.least) / u->wanted.step + 1;

	return u->wanted.least + u->wanted.step * (((size_t)candidates[0] << 8 | candidates[1]) % lengths);
}

/* Whether a message of n bytes is what is wanted. */
static size_t fits(const struct hsm_use *u, size_t n)
{
	if (u->wanted.most == 0)
		return ~(size_t)0;
	return ~hsm_ct_less(n, u->wanted.least) & ~hsm_ct_less(u->wanted.most, n) &
	       hsm_ct_is_zero(n & (u->wanted.step - 1));
}

struct rejection {
	uint8_t message[HSM_RSA_WIDTH_MAX];
	size_t length;
};

static hl_err make_rejection(const struct hsm_use *u, struct hl_bytes data, struct rejection *r)
{
	struct hsm_key *k = u->k;
	uint8_t key[HASH], candidates[2 * CANDIDATES];
	hl_err err;

	HL_TRY(rejection_key(k));
	if (!HMAC(EVP_sha256(), k->rejection.p, HASH, data.p, data.n, key, NULL))
		return HL_E_CRYPTO;
	err = stretch(key, "length", candidates, sizeof candidates);
	if (err == HL_OK)
		err = stretch(key, "message", r->message, k->width);
	r->length = 0;
	if (err == HL_OK)
		r->length = u->wanted.most == 0 ? any_length(candidates, k->width) : key_length(u, candidates);
	OPENSSL_cleanse(key, sizeof key);
	OPENSSL_cleanse(candidates, sizeof candidates);
	return err;
}

/* RFC 8017, 7.2.2 step 3: 00 | 02 | at least 8 bytes that are not 0 | 00 | the message. Where that message
 * begins, or 0; in the same steps for each block. */
static size_t message_start(const uint8_t *em, size_t width)
{
	size_t found = 0, start = 0, good = hsm_ct_is_zero(em[0]) & hsm_ct_equal(em[1], 2);

	for (size_t i = 2; i < width; i++) {
		size_t zero = hsm_ct_is_zero(em[i]);

		start = hsm_ct_select(zero & ~found, i + 1, start);
		found |= zero;
	}
	good &= found & ~hsm_ct_less(start, 2 + 8 + 1);
	return hsm_ct_select(good, start, 0);
}

/* The length alone is told by what follows: that of the true message, or of the false one. */
static hl_err give_message(
	const struct hsm_use *u, const uint8_t *em, const struct rejection *r, struct hl_buf *out)
{
	size_t width = u->k->width, start = message_start(em, width);
	size_t good = ~hsm_ct_is_zero(start) & fits(u, width - start);
	uint8_t chosen[HSM_RSA_WIDTH_MAX];

	for (size_t i = 0; i < width; i++)
		chosen[i] = (uint8_t)hsm_ct_select(good, em[i], r->message[i]);
	start = hsm_ct_select(good, start, width - r->length);
	hl_buf_put(out, hl_bytes(chosen + start, width - start));
	OPENSSL_cleanse(chosen, sizeof chosen);
	return out->err;
}

hl_err hsm_rsa_decrypt_pkcs(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	uint8_t em[HSM_RSA_WIDTH_MAX];
	struct rejection r;
	hl_err err;

	if (u->wanted.least > u->k->width - 11)
		return HL_E_DECRYPT; /* no such key has room in it: that does not depend on the data */
	err = hsm_rsa_decrypt_raw(u, data, em);
	if (err == HL_OK)
		err = make_rejection(u, data, &r);
	if (err == HL_OK)
		err = give_message(u, em, &r, out);
	OPENSSL_cleanse(em, sizeof em);
	OPENSSL_cleanse(&r, sizeof r);
	return err;
}

/* -- OAEP ---------------------------------------------------------------------------------------- */

static hl_err check_oaep(struct hsm_use *u)
{
	for (size_t i = 1; i < HSM_DIGEST_ROWS; i++) {
		if (hsm_digest[i].mgf == 0)
			continue;
		u->pss.hash = hsm_digest[i].hash == u->p.oaep.hash ? i : u->pss.hash;
		u->pss.mgf = hsm_digest[i].mgf == u->p.oaep.mgf ? i : u->pss.mgf;
	}
	return u->pss.hash && u->pss.mgf ? HL_OK : HL_E_PARAMETER;
}

/* RFC 8017, 7.1.1 step 1: "If mLen > k - 2hLen - 2, output 'message too long' and stop." */
static hl_err oaep_room(const struct hsm_use *u, size_t *n)
{
	size_t hash = (size_t)EVP_MD_get_size(hsm_digest[u->pss.hash].md);

	if (u->k->width < 2 * hash + 2)
		return HL_E_KEY_SIZE;
	*n = u->k->width - 2 * hash - 2;
	return HL_OK;
}

static EVP_PKEY_CTX *oaep_context(const struct hsm_use *u, int (*init)(EVP_PKEY_CTX *))
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = context(u, init, RSA_PKCS1_OAEP_PADDING);
	struct hl_bytes label = u->p.oaep.label;
	unsigned char *copy;

	if (!ctx || EVP_PKEY_CTX_set_rsa_oaep_md(ctx, hsm_digest[u->pss.hash].md) != 1 ||
		EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hsm_digest[u->pss.mgf].md) != 1)
		return NULL;
	if (label.n == 0)
		return hl_take(ctx);
	copy = OPENSSL_memdup(label.p, label.n); /* the context's from then on */
	if (!copy || EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label.n) != 1) {
		OPENSSL_free(copy);
		return NULL;
	}
	return hl_take(ctx);
}

static hl_err encrypt_oaep(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = oaep_context(u, EVP_PKEY_encrypt_init);
	size_t most, n = u->k->width;
	uint8_t *room;

	if (!ctx)
		return HL_E_CRYPTO;
	HL_TRY(oaep_room(u, &most));
	if (data.n > most)
		return HL_E_DATA_LENGTH;
	HL_TRY(hsm_room(out, n, &room));
	if (EVP_PKEY_encrypt(ctx, room, &n, data.n > 0 ? data.p : room, data.n) != 1)
		return HL_E_CRYPTO;
	hl_buf_grow(out, n);
	return HL_OK;
}

/* K-09: whatever is wrong, one code; the library checks in constant time. */
static hl_err decrypt_oaep(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = oaep_context(u, EVP_PKEY_decrypt_init);
	size_t n = u->k->width;
	uint8_t *room;

	if (!ctx)
		return HL_E_CRYPTO;
	if (data.n != n)
		return HL_E_ENCRYPTED_LENGTH;
	HL_TRY(hsm_room(out, n, &room));
	if (EVP_PKEY_decrypt(ctx, room, &n, data.p, data.n) != 1) {
		OPENSSL_cleanse(room, u->k->width);
		return HL_E_DECRYPT;
	}
	hl_buf_grow(out, n);
	return HL_OK;
}

const struct hsm_scheme hsm_rsa_oaep = {
	.check = check_oaep,
	.encrypt = encrypt_oaep,
	.decrypt = decrypt_oaep,
};
