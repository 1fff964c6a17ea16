/* edwards.c - EdDSA (RFC 8032): pure Ed25519 and Ed448. */
#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

/* OpenSSL 3.0 has neither the prehashed variants nor contexts. */
static hl_err check(struct hsm_use *u)
{
	return u->p.eddsa.prehash || u->p.eddsa.context.n > 0 ? HL_E_PARAMETER : HL_OK;
}

static size_t signature_width(const struct hsm_key *k)
{
	return k->bits == 448 ? 114 : 64;
}

static hl_err verify(struct hsm_use *u, struct hl_bytes input, struct hl_bytes signature)
{
	EVP_MD_CTX *ctx = u->k->hash;

	if (signature.n != signature_width(u->k))
		return HL_E_SIGNATURE_LENGTH;
	if (EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, u->k->pkey, NULL) != 1)
		return HL_E_CRYPTO;
	if (EVP_DigestVerify(ctx, signature.p, signature.n, input.p, input.n) != 1)
		return HL_E_SIGNATURE;
	return HL_OK;
}

/* The same data gives the same signature, so a second one that went wrong would give the key away. It is
 * verified here as RSA's are. */
static hl_err sign(struct hsm_use *u, struct hl_bytes input, struct hl_buf *signature)
{
	EVP_MD_CTX *ctx = u->k->hash;
	size_t width = signature_width(u->k), n = width;
	uint8_t *room;

	HL_TRY(hsm_room(signature, width, &room));
	if (EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, u->k->pkey, NULL) != 1 ||
		EVP_DigestSign(ctx, room, &n, input.p, input.n) != 1 ||
		verify(u, input, hl_bytes(room, n)) != HL_OK) {
		OPENSSL_cleanse(room, width);
		return HL_E_CRYPTO;
	}
	hl_buf_grow(signature, n);
	return HL_OK;
}

/* -- points ------------------------------------------------------------------------------------------ */

/* a x^2 + y^2 = 1 + d x^2 y^2 over the numbers below p (RFC 8032, 5.1 and 5.2). */
static const struct edwards {
	size_t width; /* of an encoded point: y, little-endian, and in its top bit the sign of x */
	int a;
	const char *p, *d;
} edwards[] = {
	{ 32, -1, "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
		"52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3" },
	{ 57, 1,
		"fffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"-98a9" },
};

/* x^2 = u / v with u = y^2 - 1 and v = d y^2 - a, which is never 0: so there is an x where u v is a square. */
static bool square(const struct edwards *e, const BIGNUM *y, const BIGNUM *p, BIGNUM *uv, BN_CTX *ctx)
{
	HL_AUTO(hsm_bn_freep) BIGNUM *d = NULL;
	HL_AUTO(hsm_bn_freep) BIGNUM *u = BN_new();
	HL_AUTO(hsm_bn_freep) BIGNUM *v = BN_new();

	return u && v && BN_hex2bn(&d, e->d) && BN_mod_sqr(u, y, p, ctx) && BN_mod_mul(v, d, u, p, ctx) &&
		BN_sub_word(u, 1) && (e->a < 0 ? BN_add_word(v, 1) : BN_sub_word(v, 1)) && BN_mod_mul(uv, u, v, p, ctx);
}

/* "If the resulting value is >= p, decoding fails." "If x = 0, and x_0 = 1, decoding fails." Of a small order it says
 * nothing: such a point is a point. */
static bool is_on(const struct edwards *e, const BIGNUM *y, bool sign, BN_CTX *ctx)
{
	HL_AUTO(hsm_bn_freep) BIGNUM *p = NULL;
	HL_AUTO(hsm_bn_freep) BIGNUM *uv = BN_new();

	if (!uv || !BN_hex2bn(&p, e->p) || BN_cmp(y, p) >= 0 || !square(e, y, p, uv, ctx))
		return false;
	return BN_is_zero(uv) ? !sign : BN_kronecker(uv, p, ctx) == 1;
}

static bool decodes(const struct edwards *e, struct hl_bytes encoded)
{
	HL_AUTO(hsm_bn_freep) BIGNUM *y = BN_lebin2bn(encoded.p, (int)encoded.n, NULL);
	bool sign = encoded.p[e->width - 1] & 0x80, on = false;
	BN_CTX *ctx = BN_CTX_new();

	if (y && ctx && (!sign || BN_clear_bit(y, 8 * (int)e->width - 1)))
		on = is_on(e, y, sign, ctx);
	BN_CTX_free(ctx);
	return on;
}

bool hsm_edwards_is_point(struct hl_bytes encoded)
{
	for (size_t i = 0; i < HL_COUNT(edwards); i++)
		if (edwards[i].width == encoded.n)
			return decodes(&edwards[i], encoded);
	return false;
}

const struct hsm_scheme hsm_eddsa = { .check = check, .sign = sign, .verify = verify };
