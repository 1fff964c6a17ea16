/* cipher.c - encryption and decryption in one part: AES-GCM (NIST SP 800-38D). */
#include <openssl/err.h>

#include "hsm/key_impl.h"
#include "hsm/ossl.h"

static hl_err allowed(const struct hsm_key *k, uint32_t mechanism, enum hsm_way way)
{
	const struct hsm_mechanism *m = hsm_mechanism(mechanism);
	unsigned flag = way == HSM_ENCRYPT ? HSM_ENCRYPTS : HSM_DECRYPTS;

	if (!m || !(m->flags & flag) || m->key_type != k->type || k->value.n == 0)
		return HL_E_MECHANISM;
	return k->may[way] ? HL_OK : HL_E_KEY_USE;
}

/* SP 800-38D, 5.2.1.2: a tag has 128, 120, 112, 104 or 96 bits; 64 and 32 are for special uses. */
static hl_err check_parameter(const struct hl_gcm_parameter *p)
{
	if (p->iv.n < HSM_IV_MIN || p->iv.n > HSM_IV_MAX || p->tag_bits < HSM_TAG_BITS_MIN ||
		p->tag_bits > 8 * HL_TAG_MAX || p->tag_bits % 8 != 0)
		return HL_E_PARAMETER;
	return HL_OK;
}

static EVP_CIPHER_CTX *new_context(const struct hsm_key *k, enum hsm_way way)
{
	HL_AUTO(hsm_cipher_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const EVP_CIPHER *cipher = NULL;

	for (size_t i = 0; i < HSM_GCMS; i++)
		if (hsm_gcm[i].key_n == k->value.n)
			cipher = hsm_gcm[i].cipher;
	if (!ctx || !cipher ||
		EVP_CipherInit_ex2(ctx, cipher, k->value.p, NULL, way == HSM_ENCRYPT, NULL) != 1)
		return NULL;
	return hl_take(ctx);
}

/* The context keeps the key, whose schedule takes longer than a short message; the IV is new each time. */
static EVP_CIPHER_CTX *begin(struct hsm_key *k, enum hsm_way way, const struct hl_gcm_parameter *p)
{
	EVP_CIPHER_CTX *ctx;
	int n;

	if (!k->gcm[way])
		k->gcm[way] = new_context(k, way);
	ctx = k->gcm[way];
	if (!ctx || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)p->iv.n, NULL) != 1 ||
		EVP_CipherInit_ex2(ctx, NULL, NULL, p->iv.p, way == HSM_ENCRYPT, NULL) != 1)
		return NULL;
	if (p->aad.n > 0 && EVP_CipherUpdate(ctx, NULL, &n, p->aad.p, (int)p->aad.n) != 1)
		return NULL;
	return ctx;
}

static bool convert(EVP_CIPHER_CTX *ctx, struct hl_bytes from, uint8_t *to)
{
	int n = 0;

	return from.n == 0 ||
	       (EVP_CipherUpdate(ctx, to, &n, from.p, (int)from.n) == 1 && (size_t)n == from.n);
}

hl_err hsm_key_encrypt(struct hsm_key *k, uint32_t mechanism,
	const struct hl_gcm_parameter *parameter, struct hl_bytes data, struct hl_buf *out)
{
	size_t tag = parameter->tag_bits / 8;
	EVP_CIPHER_CTX *ctx;
	uint8_t *room;
	int none;

	HL_TRY(allowed(k, mechanism, HSM_ENCRYPT));
	HL_TRY(check_parameter(parameter));
	if (data.n > HL_DATA_MAX)
		return HL_E_DATA_LENGTH;
	room = hl_buf_room(out, data.n + tag);
	if (!room)
		return out->err;
	ERR_clear_error();
	ctx = begin(k, HSM_ENCRYPT, parameter);
	if (!ctx || !convert(ctx, data, room) ||
		EVP_CipherFinal_ex(ctx, room + data.n, &none) != 1 ||
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)tag, room + data.n) != 1)
		return HL_E_CRYPTO;
	hl_buf_grow(out, data.n + tag);
	return HL_OK;
}

hl_err hsm_key_decrypt(struct hsm_key *k, uint32_t mechanism,
	const struct hl_gcm_parameter *parameter, struct hl_bytes data, struct hl_buf *out)
{
	size_t tag = parameter->tag_bits / 8, n;
	uint8_t expected[HL_TAG_MAX], *room;
	EVP_CIPHER_CTX *ctx;
	int none;

	HL_TRY(allowed(k, mechanism, HSM_DECRYPT));
	HL_TRY(check_parameter(parameter));
	if (data.n < tag)
		return HL_E_DECRYPT;
	n = data.n - tag;
	if (n > HL_DATA_MAX)
		return HL_E_DATA_LENGTH;
	room = hl_buf_room(out, n + 1); /* some even for nothing */
	if (!room)
		return out->err;
	memcpy(expected, data.p + n, tag);
	ERR_clear_error();
	ctx = begin(k, HSM_DECRYPT, parameter);
	if (!ctx || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag, expected) != 1)
		return HL_E_CRYPTO;
	if (!convert(ctx, hl_bytes(data.p, n), room) ||
		EVP_CipherFinal_ex(ctx, room + n, &none) != 1) {
		OPENSSL_cleanse(room, n);
		return HL_E_DECRYPT;
	}
	hl_buf_grow(out, n);
	return HL_OK;
}
