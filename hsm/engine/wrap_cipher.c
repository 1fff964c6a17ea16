/* wrap_cipher.c - AES key wrap without padding (RFC 3394) and with it (RFC 5649). */
#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

/* Each time from the beginning: the library leaves a context of these modes in no state to be used again. */
static hl_err run(struct hsm_use *u, struct hl_bytes data, uint8_t *to, size_t *n)
{
	HL_AUTO(hsm_cipher_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const EVP_CIPHER *cipher = hsm_cipher(u->k->type, u->k->value.n, u->m->scheme->mode);
	int got = 0, rest = 0;

	if (!ctx || !cipher)
		return HL_E_CRYPTO;
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex2(ctx, cipher, u->k->value.p, NULL, u->way == HSM_WRAP, NULL) != 1)
		return HL_E_CRYPTO;
	if (EVP_CipherUpdate(ctx, to, &got, data.p, (int)data.n) != 1 ||
		EVP_CipherFinal_ex(ctx, to + got, &rest) != 1)
		return HL_E_DECRYPT;
	*n = (size_t)(got + rest);
	return HL_OK;
}

/* RFC 3394, 2.2.1: at least two blocks of 8 bytes. */
static bool takes(const struct hsm_use *u, size_t n)
{
	if (u->m->scheme->mode == HSM_KW)
		return n >= 16 && n % 8 == 0;
	return n >= 1;
}

static hl_err encrypt(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	uint8_t *room;
	size_t n;

	if (!takes(u, data.n) || data.n > HL_DATA_MAX)
		return HL_E_DATA_LENGTH;
	HL_TRY(hsm_room(out, data.n + 16, &room));
	if (run(u, data, room, &n) != HL_OK)
		return HL_E_CRYPTO;
	hl_buf_grow(out, n);
	return HL_OK;
}

static hl_err decrypt(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	size_t least = u->m->scheme->mode == HSM_KW ? 24 : 16, n;
	uint8_t *room;
	hl_err err;

	if (data.n < least || data.n % 8 != 0 || data.n > HL_DATA_MAX)
		return HL_E_ENCRYPTED_LENGTH;
	HL_TRY(hsm_room(out, data.n + 16, &room));
	err = run(u, data, room, &n);
	if (err != HL_OK) {
		OPENSSL_cleanse(room, data.n + 16);
		return err;
	}
	hl_buf_grow(out, n);
	return HL_OK;
}

const struct hsm_scheme hsm_key_wrap_plain = { .mode = HSM_KW, .encrypt = encrypt, .decrypt = decrypt };
const struct hsm_scheme hsm_key_wrap_pad = { .mode = HSM_KWP, .encrypt = encrypt, .decrypt = decrypt };
