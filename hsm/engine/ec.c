/* ec.c - ECDSA and DSA: PKCS #11 has r || s, OpenSSL the DER of both. */
#include <openssl/core_names.h>

#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

#define DER_MAX 160 /* P-521 needs 141 */

size_t hsm_pkey_subprime_width(const EVP_PKEY *pkey)
{
	HL_AUTO(hsm_bn_freep) BIGNUM *q = NULL;

	return EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_FFC_Q, &q) == 1 ? (size_t)BN_num_bytes(q) : 0;
}

static EVP_PKEY_CTX *new_context(const struct hsm_use *u)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, u->k->pkey, NULL);

	if (!ctx || (u->way == HSM_SIGN ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) != 1)
		return NULL;
	return hl_take(ctx);
}

/* One for all digests: the library takes what they gave as it is. EVP_PKEY_sign() and EVP_PKEY_verify()
 * leave a context as it was. */
static EVP_PKEY_CTX *context(struct hsm_use *u)
{
	EVP_PKEY_CTX **ready = &u->k->ready[0][u->way];

	if (!*ready)
		*ready = new_context(u);
	return *ready;
}

/* Only the leftmost bits of the data count (FIPS 186-4, 6.4). There must be some: a signature over
 * nothing can be made without the key. */
static hl_err sign(struct hsm_use *u, struct hl_bytes input, struct hl_buf *signature)
{
	EVP_PKEY_CTX *ctx = context(u);
	size_t n = DER_MAX, width = u->k->width;
	uint8_t der[DER_MAX], *room;
	const unsigned char *p = der;
	HL_AUTO(hsm_ecdsa_freep) ECDSA_SIG *rs = NULL;

	if (input.n == 0)
		return HL_E_DATA_LENGTH;
	HL_TRY(hsm_room(signature, 2 * width, &room));
	if (!ctx || EVP_PKEY_sign(ctx, der, &n, input.p, input.n) != 1)
		return HL_E_CRYPTO;
	rs = d2i_ECDSA_SIG(NULL, &p, (long)n);
	if (!rs || BN_bn2binpad(ECDSA_SIG_get0_r(rs), room, (int)width) < 0 ||
		BN_bn2binpad(ECDSA_SIG_get0_s(rs), room + width, (int)width) < 0)
		return HL_E_CRYPTO;
	hl_buf_grow(signature, 2 * width);
	return HL_OK;
}

static ECDSA_SIG *numbers(struct hl_bytes signature)
{
	int half = (int)(signature.n / 2);
	HL_AUTO(hsm_ecdsa_freep) ECDSA_SIG *rs = ECDSA_SIG_new();
	HL_AUTO(hsm_bn_freep) BIGNUM *r = BN_bin2bn(signature.p, half, NULL);
	HL_AUTO(hsm_bn_freep) BIGNUM *s = BN_bin2bn(signature.p + half, half, NULL);

	if (!rs || !r || !s || ECDSA_SIG_set0(rs, r, s) != 1)
		return NULL;
	r = s = NULL; /* they belong to rs now */
	return hl_take(rs);
}

/* PKCS #11 v3.0, 2.3.1: where the two numbers are short, both halves may be, alike. */
static hl_err verify(struct hsm_use *u, struct hl_bytes input, struct hl_bytes signature)
{
	EVP_PKEY_CTX *ctx = context(u);
	HL_AUTO(hsm_ecdsa_freep) ECDSA_SIG *rs = NULL;
	uint8_t der[DER_MAX];
	unsigned char *p = der;
	int n;

	if (input.n == 0)
		return HL_E_DATA_LENGTH;
	if (!ctx)
		return HL_E_CRYPTO;
	if (signature.n == 0 || signature.n % 2 != 0 || signature.n > 2 * u->k->width)
		return HL_E_SIGNATURE_LENGTH;
	rs = numbers(signature);
	n = rs ? i2d_ECDSA_SIG(rs, NULL) : -1;
	if (n < 0 || n > DER_MAX || i2d_ECDSA_SIG(rs, &p) != n)
		return HL_E_CRYPTO;
	return EVP_PKEY_verify(ctx, der, (size_t)n, input.p, input.n) == 1 ? HL_OK : HL_E_SIGNATURE;
}

const struct hsm_scheme hsm_ecdsa = { .hashes = true, .sign = sign, .verify = verify };
const struct hsm_scheme hsm_dsa = { .hashes = true, .sign = sign, .verify = verify };
