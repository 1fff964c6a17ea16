/* block.c - ciphers without authentication: ECB, CBC with and without padding (NIST SP 800-38A), and the
 * stream ciphers CTR and ChaCha20 (RFC 8439, 2.4). */
#include "hsm/engine/constant.h"
#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

/* -- contexts: one keeps the key, whose schedule takes longer than a short message; the IV is new ------ */

static EVP_CIPHER_CTX *new_context(const struct hsm_key *k, enum hsm_mode mode, enum hsm_way way)
{
	HL_AUTO(hsm_cipher_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const EVP_CIPHER *cipher = hsm_cipher(k->type, k->value.n, mode);
	bool out = way == HSM_ENCRYPT || way == HSM_WRAP;

	if (!ctx || !cipher)
		return NULL;
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex2(ctx, cipher, k->value.p, NULL, out, NULL) != 1)
		return NULL;
	return hl_take(ctx);
}

EVP_CIPHER_CTX *hsm_cipher_context(struct hsm_key *k, enum hsm_mode mode, enum hsm_way way)
{
	if (k->cipher[way].ctx && k->cipher[way].mode == mode)
		return k->cipher[way].ctx;
	EVP_CIPHER_CTX_free(k->cipher[way].ctx);
	k->cipher[way].mode = mode;
	k->cipher[way].ctx = new_context(k, mode, way);
	return k->cipher[way].ctx;
}

static size_t block_size(const struct hsm_use *u)
{
	return u->k->type == HL_CKK_DES2 || u->k->type == HL_CKK_DES3 ? 8 : 16;
}

/* -- parameters ---------------------------------------------------------------------------------- */

/* The IV is a block of the cipher; the rows of DES say which that is. */
static hl_err check_iv(struct hsm_use *u)
{
	size_t n = u->m->key_type == HL_CKK_DES3 ? 8 : 16;

	return u->p.iv.iv.n == n ? HL_OK : HL_E_PARAMETER;
}

static hl_err check_chacha(struct hsm_use *u)
{
	const struct hl_chacha_parameter *p = &u->p.chacha;

	if (p->nonce.n == 8)
		return HL_OK;
	return p->nonce.n == 12 && p->counter <= UINT32_MAX ? HL_OK : HL_E_PARAMETER;
}

/* OpenSSL wants the counter, little-endian, before the nonce. */
static void chacha_iv(const struct hl_chacha_parameter *p, uint8_t iv[16])
{
	size_t n = 16 - p->nonce.n;

	for (size_t i = 0; i < n; i++)
		iv[i] = (uint8_t)(p->counter >> 8 * i);
	memcpy(iv + n, p->nonce.p, p->nonce.n);
}

static bool bit(const uint8_t *block, size_t i)
{
	return block[i / 8] >> (7 - i % 8) & 1;
}

/* Whether the counter's own bits are enough for `more` blocks after the first: those before stay. */
static bool ctr_holds(const struct hl_ctr_parameter *p, uint64_t more)
{
	uint8_t last[16];
	unsigned carry = 0;

	for (size_t i = 16; i-- > 0;) {
		unsigned digit = i >= 8 ? (unsigned)(more >> 8 * (15 - i)) & 0xff : 0;

		carry += p->block.p[i] + digit;
		last[i] = (uint8_t)carry;
		carry >>= 8;
	}
	for (size_t i = 0; i < 128 - p->bits; i++)
		if (bit(last, i) != bit(p->block.p, i))
			return false;
	return carry == 0;
}

static bool chacha_holds(const struct hl_chacha_parameter *p, uint64_t more)
{
	return more <= (p->nonce.n == 12 ? UINT32_MAX : UINT64_MAX) - p->counter;
}

/* A counter that came round would give the same stream again. */
static hl_err check_length(const struct hsm_use *u, uint64_t n)
{
	if (n == 0)
		return HL_OK;
	if (u->m->scheme->mode == HSM_CTR && !ctr_holds(&u->p.ctr, (n - 1) / 16))
		return HL_E_DATA_LENGTH;
	if (u->m->scheme->mode == HSM_CHACHA && !chacha_holds(&u->p.chacha, (n - 1) / 64))
		return HL_E_DATA_LENGTH;
	return HL_OK;
}

static const uint8_t *iv_of(const struct hsm_use *u, uint8_t room[16])
{
	switch (u->m->scheme->mode) {
	case HSM_CBC:
		return u->p.iv.iv.p;
	case HSM_CTR:
		return u->p.ctr.block.p;
	case HSM_CHACHA:
		chacha_iv(&u->p.chacha, room);
		return room;
	default:
		return NULL;
	}
}

static hl_err begin(struct hsm_use *u, EVP_CIPHER_CTX **out)
{
	EVP_CIPHER_CTX *ctx = hsm_cipher_context(u->k, u->m->scheme->mode, u->way);
	bool encrypts = u->way == HSM_ENCRYPT || u->way == HSM_WRAP;
	uint8_t room[16];

	if (!ctx || EVP_CipherInit_ex2(ctx, NULL, NULL, iv_of(u, room), encrypts, NULL) != 1 ||
		EVP_CIPHER_CTX_set_padding(ctx, 0) != 1)
		return HL_E_CRYPTO;
	*out = ctx;
	return HL_OK;
}

static bool convert(EVP_CIPHER_CTX *ctx, struct hl_bytes from, uint8_t *to)
{
	int n = 0;

	return from.n == 0 ||
	       (EVP_CipherUpdate(ctx, to, &n, from.p, (int)from.n) == 1 && (size_t)n == from.n);
}

/* -- whole blocks, and streams --------------------------------------------------------------------- */

static hl_err run(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	EVP_CIPHER_CTX *ctx;
	uint8_t *room;

	HL_TRY(check_length(u, data.n));
	HL_TRY(hsm_room(out, data.n, &room));
	HL_TRY(begin(u, &ctx));
	if (!convert(ctx, data, room)) {
		OPENSSL_cleanse(room, data.n);
		return HL_E_CRYPTO;
	}
	hl_buf_grow(out, data.n);
	return HL_OK;
}

/* PKCS #11 v3.0, 2.10.3: a key that is wrapped is filled up with zeros. */
static hl_err wrap_blocks(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf filled = hl_buf(HL_DATA_MAX);

	hl_buf_put(&filled, data);
	while (filled.n % block_size(u) != 0 && filled.err == HL_OK)
		hl_buf_u8(&filled, 0);
	if (filled.err != HL_OK)
		return filled.err;
	return run(u, hl_buf_view(&filled), out);
}

static hl_err encrypt_blocks(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	if (u->way == HSM_WRAP)
		return wrap_blocks(u, data, out);
	return data.n % block_size(u) == 0 ? run(u, data, out) : HL_E_DATA_LENGTH;
}

static hl_err decrypt_blocks(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	return data.n % block_size(u) == 0 ? run(u, data, out) : HL_E_ENCRYPTED_LENGTH;
}

/* -- CBC with padding (RFC 5652, 6.3) --------------------------------------------------------------- */

static size_t put_padding(uint8_t *at, size_t n, size_t block)
{
	size_t pad = block - n % block;

	memset(at, (int)pad, pad);
	return pad;
}

static hl_err encrypt_padded(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	size_t block = block_size(u), whole = data.n - data.n % block;
	uint8_t last[HSM_BLOCK_MAX], *room;
	EVP_CIPHER_CTX *ctx;
	bool ok;

	HL_TRY(hsm_room(out, whole + block, &room));
	HL_TRY(begin(u, &ctx));
	if (data.n > whole)
		memcpy(last, data.p + whole, data.n - whole);
	put_padding(last + (data.n - whole), data.n, block);
	ok = convert(ctx, hl_bytes(data.p, whole), room) && convert(ctx, hl_bytes(last, block), room + whole);
	OPENSSL_cleanse(last, sizeof last);
	if (!ok)
		return HL_E_CRYPTO;
	hl_buf_grow(out, whole + block);
	return HL_OK;
}

/* K-10: how many bytes of the last block are padding, 0 where it is none, in the same steps for each. */
static size_t padding_of(const uint8_t *last, size_t block)
{
	size_t pad = last[block - 1], good = ~hsm_ct_is_zero(pad) & ~hsm_ct_less(block, pad);

	for (size_t i = 0; i < block; i++) {
		size_t within = hsm_ct_less(block - 1 - i, pad);

		good &= ~within | hsm_ct_equal(last[i], pad);
	}
	return hsm_ct_select(good, pad, 0);
}

/* Whole words: each block has one or two. */
static void mask(uint8_t *at, size_t n, uint64_t with)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word;

		memcpy(&word, at + i, 8);
		word &= with;
		memcpy(at + i, &word, 8);
	}
}

/* K-10: of the n bytes at `room` (some blocks) those stay that are no padding, and none where that is wrong. The others
 * become zeros, by the same pass for each. How many stay: `*stay`. */
static hl_err strip_padding(uint8_t *room, size_t n, size_t block, size_t *stay)
{
	size_t pad = padding_of(room + n - block, block), good = ~hsm_ct_is_zero(pad);

	mask(room, n - block, (uint64_t)0 - (good & 1));
	for (size_t i = n - block; i < n; i++)
		room[i] &= (uint8_t)(good & hsm_ct_less(i, n - pad));
	*stay = hsm_ct_select(good, n - pad, 0);
	return (hl_err)(int)hsm_ct_select(good, (size_t)HL_OK, (size_t)HL_E_DECRYPT);
}

static hl_err decrypt_padded(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	size_t block = block_size(u), stay;
	EVP_CIPHER_CTX *ctx;
	uint8_t *room;
	hl_err err;

	if (data.n == 0 || data.n % block != 0)
		return HL_E_ENCRYPTED_LENGTH;
	HL_TRY(hsm_room(out, data.n, &room));
	HL_TRY(begin(u, &ctx));
	if (!convert(ctx, data, room))
		return HL_E_CRYPTO;
	err = strip_padding(room, data.n, block, &stay);
	hl_buf_grow(out, stay);
	return err;
}

/* -- in pieces ------------------------------------------------------------------------------------- */

static hl_err begin_stream(struct hsm_stream *s)
{
	EVP_CIPHER_CTX *ctx;

	HL_TRY(begin(&s->use, &ctx));
	s->cipher = ctx; /* of the stream's own share of the key */
	return HL_OK;
}

static bool holds_back(const struct hsm_stream *s)
{
	return s->use.m->scheme == &hsm_cbc_pad && s->use.way == HSM_DECRYPT;
}

/* Whole blocks go through; what is left of one waits, and of padded data always a whole last block. */
static hl_err update_blocks(struct hsm_stream *s, struct hl_bytes data, struct hl_buf *out)
{
	size_t block = block_size(&s->use), all = s->held_n + data.n, whole = all - all % block, first;
	uint8_t *room;

	if (holds_back(s) && whole == all && whole > 0)
		whole -= block;
	HL_TRY(hsm_room(out, whole, &room));
	first = whole > 0 ? s->held_n : 0;
	if (first > 0) { /* what was held and the start of the data make a block */
		size_t some = block - first;

		memcpy(s->held + first, data.p, some);
		if (!convert(s->cipher, hl_bytes(s->held, block), room))
			return HL_E_CRYPTO;
		data = hl_bytes(data.p + some, data.n - some);
		s->held_n = 0;
		hl_buf_grow(out, block);
		room += block;
		whole -= block;
	}
	if (!convert(s->cipher, hl_bytes(data.p, whole), room))
		return HL_E_CRYPTO;
	hl_buf_grow(out, whole);
	if (data.n > whole)
		memcpy(s->held + s->held_n, data.p + whole, data.n - whole);
	s->held_n += data.n - whole;
	return HL_OK;
}

static hl_err update_stream(struct hsm_stream *s, struct hl_bytes data, struct hl_buf *out)
{
	uint8_t *room;

	HL_TRY(check_length(&s->use, s->total));
	HL_TRY(hsm_room(out, data.n, &room));
	if (!convert(s->cipher, data, room))
		return HL_E_CRYPTO;
	hl_buf_grow(out, data.n);
	return HL_OK;
}

static hl_err final_blocks(struct hsm_stream *s, struct hl_buf *out)
{
	(void)out;
	if (s->held_n == 0)
		return HL_OK;
	return s->use.way == HSM_ENCRYPT ? HL_E_DATA_LENGTH : HL_E_ENCRYPTED_LENGTH;
}

static hl_err final_stream(struct hsm_stream *s, struct hl_buf *out)
{
	(void)s, (void)out;
	return HL_OK;
}

static hl_err final_padded(struct hsm_stream *s, struct hl_buf *out)
{
	size_t block = block_size(&s->use), stay = block;
	uint8_t *room;
	hl_err err = HL_OK;

	if (s->use.way == HSM_ENCRYPT)
		put_padding(s->held + s->held_n, s->held_n, block);
	else if (s->held_n != block)
		return HL_E_ENCRYPTED_LENGTH;
	HL_TRY(hsm_room(out, block, &room));
	if (!convert(s->cipher, hl_bytes(s->held, block), room))
		return HL_E_CRYPTO;
	if (s->use.way == HSM_DECRYPT)
		err = strip_padding(room, block, block, &stay);
	hl_buf_grow(out, stay);
	return err;
}

#define BLOCKS \
	.encrypt = encrypt_blocks, .decrypt = decrypt_blocks, .begin = begin_stream, .update = update_blocks, \
	.final = final_blocks
#define STREAM \
	.encrypt = run, .decrypt = run, .begin = begin_stream, .update = update_stream, .final = final_stream

const struct hsm_scheme hsm_ecb = { .mode = HSM_ECB, BLOCKS };
const struct hsm_scheme hsm_cbc = { .mode = HSM_CBC, .check = check_iv, BLOCKS };
const struct hsm_scheme hsm_cbc_pad = {
	.mode = HSM_CBC,
	.check = check_iv,
	.encrypt = encrypt_padded,
	.decrypt = decrypt_padded,
	.begin = begin_stream,
	.update = update_blocks,
	.final = final_padded,
};
const struct hsm_scheme hsm_ctr = { .mode = HSM_CTR, STREAM };
const struct hsm_scheme hsm_chacha = { .mode = HSM_CHACHA, .check = check_chacha, STREAM };
