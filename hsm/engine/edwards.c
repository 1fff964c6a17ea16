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

const struct hsm_scheme hsm_eddsa = { .check = check, .sign = sign, .verify = verify };
