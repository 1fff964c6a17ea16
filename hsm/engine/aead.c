/* aead.c - encryption with a tag: AES-GCM (NIST SP 800-38D), ChaCha20-Poly1305 (RFC 8439, 2.8). */
#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

/* SP 800-38D, 5.2.1.2: a tag has 128, 120, 112, 104 or 96 bits; 64 and 32 are for special uses. */
static hl_err check_gcm(struct hsm_use *u)
{
	const struct hl_gcm_parameter *p = &u->p.gcm;

	if (p->iv.n < HSM_IV_MIN || p->iv.n > HSM_IV_MAX || p->tag_bits < HSM_TAG_BITS_MIN ||
		p->tag_bits > 8 * HL_TAG_MAX || p->tag_bits % 8 != 0)
		return HL_E_PARAMETER;
	return HL_OK;
}

/* The two parameters alike: iv, additional data, bytes of the tag. */
struct aead {
	struct hl_bytes iv, aad;
	size_t tag;
};

static struct aead read(const struct hsm_use *u)
{
	if (u->m->scheme->mode == HSM_GCM)
		return (struct aead){ u->p.gcm.iv, u->p.gcm.aad, u->p.gcm.tag_bits / 8 };
	return (struct aead){ u->p.aead.nonce, u->p.aead.aad, HL_TAG_MAX };
}

static EVP_CIPHER_CTX *begin(struct hsm_use *u, const struct aead *p)
{
	EVP_CIPHER_CTX *ctx = hsm_cipher_context(u->k, u->m->scheme->mode, u->way);
	int n;

	if (!ctx || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)p->iv.n, NULL) != 1 ||
		EVP_CipherInit_ex2(ctx, NULL, NULL, p->iv.p, u->way == HSM_ENCRYPT, NULL) != 1)
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

static bool take_tag(EVP_CIPHER_CTX *ctx, uint8_t *at, size_t tag)
{
	uint8_t nothing[HSM_BLOCK_MAX];
	int none;

	return EVP_CipherFinal_ex(ctx, nothing, &none) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)tag, at) == 1;
}

static hl_err encrypt(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	struct aead p = read(u);
	EVP_CIPHER_CTX *ctx;
	uint8_t *room;

	HL_TRY(hsm_room(out, data.n + p.tag, &room));
	ctx = begin(u, &p);
	if (!ctx || !convert(ctx, data, room) || !take_tag(ctx, room + data.n, p.tag))
		return HL_E_CRYPTO;
	hl_buf_grow(out, data.n + p.tag);
	return HL_OK;
}

static hl_err decrypt(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	struct aead p = read(u);
	uint8_t expected[HL_TAG_MAX], nothing[HSM_BLOCK_MAX], *room;
	EVP_CIPHER_CTX *ctx;
	size_t n;
	int none;

	if (data.n < p.tag)
		return HL_E_DECRYPT;
	n = data.n - p.tag;
	HL_TRY(hsm_room(out, n, &room));
	memcpy(expected, data.p + n, p.tag);
	ctx = begin(u, &p);
	if (!ctx || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)p.tag, expected) != 1)
		return HL_E_CRYPTO;
	if (!convert(ctx, hl_bytes(data.p, n), room) || EVP_CipherFinal_ex(ctx, nothing, &none) != 1) {
		OPENSSL_cleanse(room, n);
		return HL_E_DECRYPT;
	}
	hl_buf_grow(out, n);
	return HL_OK;
}

/* -- in pieces ------------------------------------------------------------------------------------- */

static hl_err begin_stream(struct hsm_stream *s)
{
	struct aead p = read(&s->use);

	s->cipher = begin(&s->use, &p);
	s->kept = hl_buf(HSM_STREAM_MAX + HL_TAG_MAX);
	return s->cipher ? HL_OK : HL_E_CRYPTO;
}

/* What decrypts waits until its tag was checked. */
static hl_err update(struct hsm_stream *s, struct hl_bytes data, struct hl_buf *out)
{
	uint8_t *room;

	if (s->use.way == HSM_DECRYPT) {
		hl_buf_put(&s->kept, data);
		return s->kept.err == HL_E_FULL ? HL_E_ENCRYPTED_LENGTH : s->kept.err;
	}
	HL_TRY(hsm_room(out, data.n, &room));
	if (!convert(s->cipher, data, room))
		return HL_E_CRYPTO;
	hl_buf_grow(out, data.n);
	return HL_OK;
}

static hl_err final(struct hsm_stream *s, struct hl_buf *out)
{
	struct aead p = read(&s->use);
	uint8_t *room;

	if (s->use.way == HSM_DECRYPT)
		return decrypt(&s->use, hl_buf_view(&s->kept), out);
	HL_TRY(hsm_room(out, p.tag, &room));
	if (!take_tag(s->cipher, room, p.tag))
		return HL_E_CRYPTO;
	hl_buf_grow(out, p.tag);
	return HL_OK;
}

#define USES .encrypt = encrypt, .decrypt = decrypt, .begin = begin_stream, .update = update, .final = final

const struct hsm_scheme hsm_gcm = { .mode = HSM_GCM, .check = check_gcm, USES };
const struct hsm_scheme hsm_chacha_poly = { .mode = HSM_CHACHA_POLY, USES };
