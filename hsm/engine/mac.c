/* mac.c - message authentication: HMAC (RFC 2104), CMAC (NIST SP 800-38B), CBC-MAC, GMAC, Poly1305. */
#include <openssl/core_names.h>

#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

#define MAC_MAX EVP_MAX_MD_SIZE

/* -- making a context ------------------------------------------------------------------------------ */

static EVP_MAC_CTX *fresh(const char *name)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	return ctx;
}

/* `option`: name of the digest or cipher that `name` stands on, or NULL. */
static EVP_MAC_CTX *keyed(const char *name, const char *parameter, const char *option, struct hl_bytes key,
	struct hl_bytes iv)
{
	HL_AUTO(hsm_mac_freep) EVP_MAC_CTX *ctx = fresh(name);
	OSSL_PARAM params[3], *p = params;

	if (option)
		*p++ = OSSL_PARAM_construct_utf8_string(parameter, (char *)(uintptr_t)option, 0);
	if (iv.n > 0)
		*p++ = OSSL_PARAM_construct_octet_string(
			OSSL_MAC_PARAM_IV, (void *)(uintptr_t)iv.p, iv.n);
	*p = OSSL_PARAM_construct_end();
	if (!ctx || EVP_MAC_init(ctx, key.p, key.n, params) != 1)
		return NULL;
	return hl_take(ctx);
}

EVP_MAC_CTX *hsm_hmac_context(size_t digest, struct hl_bytes key)
{
	return keyed("HMAC", OSSL_MAC_PARAM_DIGEST, hsm_digest[digest].name, key, hl_bytes(NULL, 0));
}

EVP_MAC_CTX *hsm_cmac_context(const struct hsm_key *k)
{
	const char *cipher = hsm_cipher_name(k->type, k->value.n, HSM_CBC);

	if (!cipher)
		return NULL;
	return keyed("CMAC", OSSL_MAC_PARAM_CIPHER, cipher, hl_secret_view(&k->value), hl_bytes(NULL, 0));
}

static EVP_MAC_CTX *new_context(const struct hsm_use *u)
{
	struct hl_bytes key = hl_secret_view(&u->k->value);

	if (u->m->scheme == &hsm_hmac)
		return hsm_hmac_context(u->digest, key);
	if (u->m->scheme == &hsm_cmac)
		return hsm_cmac_context(u->k);
	if (u->m->scheme == &hsm_gmac)
		return keyed("GMAC", OSSL_MAC_PARAM_CIPHER, hsm_cipher_name(u->k->type, key.n, HSM_GCM), key,
			u->p.gcm.iv);
	return keyed("POLY1305", NULL, NULL, key, hl_bytes(NULL, 0));
}

/* HMAC and CMAC begin again with the key that they have; the others need a new one each time anyway. */
static EVP_MAC_CTX *context(struct hsm_use *u)
{
	struct hsm_key *k = u->k;
	bool again = u->m->scheme == &hsm_hmac || u->m->scheme == &hsm_cmac;

	if (again && k->mac.ctx && k->mac.m == u->m)
		return EVP_MAC_init(k->mac.ctx, NULL, 0, NULL) == 1 ? k->mac.ctx : NULL;
	EVP_MAC_CTX_free(k->mac.ctx);
	k->mac.m = u->m;
	k->mac.ctx = new_context(u);
	return k->mac.ctx;
}

/* -- in one part ----------------------------------------------------------------------------------- */

static size_t width(const struct hsm_use *u, size_t whole)
{
	return u->m->scheme == &hsm_gmac ? u->p.gcm.tag_bits / 8 : whole;
}

static hl_err finish(const struct hsm_use *u, EVP_MAC_CTX *ctx, uint8_t mac[MAC_MAX], size_t *n)
{
	if (EVP_MAC_final(ctx, mac, n, MAC_MAX) != 1)
		return HL_E_CRYPTO;
	*n = width(u, *n);
	return HL_OK;
}

static hl_err compute(struct hsm_use *u, struct hl_bytes data, uint8_t mac[MAC_MAX], size_t *n)
{
	EVP_MAC_CTX *ctx = context(u);

	if (!ctx || (data.n > 0 && EVP_MAC_update(ctx, data.p, data.n) != 1))
		return HL_E_CRYPTO;
	return finish(u, ctx, mac, n);
}

/* CBC-MAC of the old kind (FIPS 113): zeros fill the last block up, half a block of what comes out is the
 * MAC. Data of no bytes is a block of zeros. */
static hl_err cbc_round(EVP_CIPHER_CTX *ctx, struct hl_bytes blocks, uint8_t last[HSM_BLOCK_MAX])
{
	uint8_t out[256];
	int n = 0;

	while (blocks.n > 0) {
		size_t some = blocks.n < sizeof out ? blocks.n : sizeof out;

		if (EVP_CipherUpdate(ctx, out, &n, blocks.p, (int)some) != 1 || (size_t)n != some)
			return HL_E_CRYPTO;
		memcpy(last, out + some - HSM_BLOCK_MAX, HSM_BLOCK_MAX);
		blocks = hl_bytes(blocks.p + some, blocks.n - some);
	}
	return HL_OK;
}

static hl_err cbc_begin(struct hsm_use *u, EVP_CIPHER_CTX **out)
{
	static const uint8_t zeros[HSM_BLOCK_MAX];
	EVP_CIPHER_CTX *ctx = hsm_cipher_context(u->k, HSM_CBC, HSM_ENCRYPT);

	if (!ctx || EVP_CipherInit_ex2(ctx, NULL, NULL, zeros, 1, NULL) != 1 ||
		EVP_CIPHER_CTX_set_padding(ctx, 0) != 1)
		return HL_E_CRYPTO;
	*out = ctx;
	return HL_OK;
}

static hl_err compute_cbc(struct hsm_use *u, struct hl_bytes data, uint8_t mac[MAC_MAX], size_t *n)
{
	size_t whole = data.n - data.n % HSM_BLOCK_MAX;
	uint8_t filled[HSM_BLOCK_MAX] = { 0 };
	EVP_CIPHER_CTX *ctx;

	HL_TRY(cbc_begin(u, &ctx));
	HL_TRY(cbc_round(ctx, hl_bytes(data.p, whole), mac));
	if (data.n > whole)
		memcpy(filled, data.p + whole, data.n - whole);
	if (data.n > whole || data.n == 0)
		HL_TRY(cbc_round(ctx, hl_bytes(filled, sizeof filled), mac));
	*n = HSM_BLOCK_MAX / 2;
	return HL_OK;
}

static hl_err mac_of(struct hsm_use *u, struct hl_bytes data, uint8_t mac[MAC_MAX], size_t *n)
{
	return u->m->scheme == &hsm_cbc_mac ? compute_cbc(u, data, mac, n) : compute(u, data, mac, n);
}

static hl_err sign(struct hsm_use *u, struct hl_bytes data, struct hl_buf *signature)
{
	uint8_t mac[MAC_MAX];
	size_t n;

	HL_TRY(mac_of(u, data, mac, &n));
	hl_buf_put(signature, hl_bytes(mac, n));
	return signature->err;
}

static hl_err verify(struct hsm_use *u, struct hl_bytes data, struct hl_bytes signature)
{
	uint8_t mac[MAC_MAX];
	hl_err err = HL_OK;
	size_t n;

	HL_TRY(mac_of(u, data, mac, &n));
	if (signature.n != n)
		err = HL_E_SIGNATURE_LENGTH;
	else if (!hl_bytes_eq_secret(hl_bytes(mac, n), signature))
		err = HL_E_SIGNATURE;
	OPENSSL_cleanse(mac, sizeof mac); /* the right one is not for whoever brought a wrong one */
	return err;
}

/* As of a GCM tag; there is no data but the additional one, which is what is signed. */
static hl_err check_gmac(struct hsm_use *u)
{
	if (u->p.gcm.aad.n > 0)
		return HL_E_PARAMETER;
	return hsm_gcm.check(u);
}

/* -- in pieces ------------------------------------------------------------------------------------- */

static hl_err begin_stream(struct hsm_stream *s)
{
	s->mac = context(&s->use);
	return s->mac ? HL_OK : HL_E_CRYPTO;
}

static hl_err update(struct hsm_stream *s, struct hl_bytes data, struct hl_buf *out)
{
	(void)out;
	return data.n == 0 || EVP_MAC_update(s->mac, data.p, data.n) == 1 ? HL_OK : HL_E_CRYPTO;
}

static hl_err final(struct hsm_stream *s, struct hl_buf *out)
{
	uint8_t mac[MAC_MAX];
	size_t n;

	HL_TRY(finish(&s->use, s->mac, mac, &n));
	hl_buf_put(out, hl_bytes(mac, n));
	OPENSSL_cleanse(mac, sizeof mac);
	return out->err;
}

/* The last block that came out stands in `kept`, what has not filled one yet in `held`. */
static hl_err begin_cbc(struct hsm_stream *s)
{
	s->kept = hl_buf(HSM_BLOCK_MAX);
	return cbc_begin(&s->use, &s->cipher);
}

static hl_err cbc_blocks(struct hsm_stream *s, struct hl_bytes blocks)
{
	uint8_t last[HSM_BLOCK_MAX];

	if (blocks.n == 0)
		return HL_OK;
	HL_TRY(cbc_round(s->cipher, blocks, last));
	hl_buf_reset(&s->kept);
	hl_buf_put(&s->kept, hl_bytes(last, sizeof last));
	return s->kept.err;
}

static hl_err update_cbc(struct hsm_stream *s, struct hl_bytes data, struct hl_buf *out)
{
	(void)out;
	while (data.n > 0) {
		size_t some = HSM_BLOCK_MAX - s->held_n;

		if (s->held_n == 0 && data.n >= HSM_BLOCK_MAX) {
			some = data.n - data.n % HSM_BLOCK_MAX;
			HL_TRY(cbc_blocks(s, hl_bytes(data.p, some)));
		} else {
			some = some < data.n ? some : data.n;
			memcpy(s->held + s->held_n, data.p, some);
			s->held_n += some;
		}
		data = hl_bytes(data.p + some, data.n - some);
		if (s->held_n == HSM_BLOCK_MAX) {
			HL_TRY(cbc_blocks(s, hl_bytes(s->held, HSM_BLOCK_MAX)));
			s->held_n = 0;
		}
	}
	return HL_OK;
}

static hl_err final_cbc(struct hsm_stream *s, struct hl_buf *out)
{
	if (s->held_n > 0 || s->total == 0) {
		memset(s->held + s->held_n, 0, HSM_BLOCK_MAX - s->held_n);
		HL_TRY(cbc_blocks(s, hl_bytes(s->held, HSM_BLOCK_MAX)));
	}
	hl_buf_put(out, hl_bytes(hl_buf_view(&s->kept).p, HSM_BLOCK_MAX / 2));
	return out->err;
}

#define MAC .sign = sign, .verify = verify, .begin = begin_stream, .update = update, .final = final

const struct hsm_scheme hsm_hmac = { MAC };
const struct hsm_scheme hsm_cmac = { MAC };
const struct hsm_scheme hsm_gmac = { .check = check_gmac, MAC };
const struct hsm_scheme hsm_poly1305 = { MAC };
const struct hsm_scheme hsm_cbc_mac = {
	.sign = sign,
	.verify = verify,
	.begin = begin_cbc,
	.update = update_cbc,
	.final = final_cbc,
};
