/* agree.c - key agreement: ECDH with X25519 and X448, DH of PKCS #3 and X9.42. */
#include <openssl/dh.h>

#include "hsm/engine/build.h"
#include "hsm/engine/engine.h"
#include "hsm/ossl.h"
#include "lib/base/der.h"

/* -- the other side's public value ------------------------------------------------------------------- */

/* K-14: the library checks that a point lies on the curve, and that a number is in range and, where the
 * group has a subprime, in the group. */
static hl_err peer_of(const struct hsm_use *u, struct hl_bytes public, EVP_PKEY **out)
{
	EVP_PKEY *pkey = hsm_build_peer(u->k->pkey, u->k->type, public);

	if (!pkey)
		return HL_E_PARAMETER;
	*out = pkey;
	return HL_OK;
}

static hl_err agree_with(const struct hsm_use *u, EVP_PKEY *peer, struct hl_secret *out)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, u->k->pkey, NULL);
	size_t n = 0;

	if (!ctx || EVP_PKEY_derive_init(ctx) != 1)
		return HL_E_CRYPTO;
	/* PKCS #11 v3.0, 2.4.7: the leading zeros of DH stay, so that the length tells nothing. */
	if ((u->k->type == HL_CKK_DH || u->k->type == HL_CKK_X9_42_DH) && EVP_PKEY_CTX_set_dh_pad(ctx, 1) != 1)
		return HL_E_CRYPTO;
	if (EVP_PKEY_derive_set_peer(ctx, peer) != 1 || EVP_PKEY_derive(ctx, NULL, &n) != 1)
		return HL_E_PARAMETER;
	HL_TRY(hl_secret_make(out, n));
	if (EVP_PKEY_derive(ctx, out->p, &n) != 1 || n != out->n) {
		hl_secret_clear(out);
		return HL_E_PARAMETER; /* a point of small order: the result would be zero */
	}
	return HL_OK;
}

static hl_err agree(const struct hsm_use *u, struct hl_bytes public, struct hl_secret *out)
{
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *peer = NULL;

	HL_TRY(peer_of(u, public, &peer));
	return agree_with(u, peer, out);
}

/* A point may come as it is or inside a DER OCTET STRING (PKCS #11 v3.0, 2.3.8). */
static hl_err agree_point(const struct hsm_use *u, struct hl_bytes public, struct hl_secret *out)
{
	struct hl_bytes inner;

	if (agree(u, public, out) == HL_OK)
		return HL_OK;
	if (!hl_der_octets(public, &inner))
		return HL_E_PARAMETER;
	return agree(u, inner, out);
}

/* -- what becomes of the shared secret ----------------------------------------------------------------- */

/* ANSI X9.63, 5.6.3 (SEC 1, 3.6.1): Hash(Z | counter | shared info), counter from 1. */
static hl_err x963(EVP_MD_CTX *ctx, size_t digest, struct hl_bytes z, struct hl_bytes info, uint8_t *out, size_t n)
{
	const EVP_MD *md = hsm_digest[digest].md;
	size_t width = (size_t)EVP_MD_get_size(md);
	uint8_t block[EVP_MAX_MD_SIZE];
	bool ok = true;

	for (size_t i = 0; ok && i * width < n; i++) {
		uint32_t c = (uint32_t)i + 1;
		uint8_t counter[4] = { (uint8_t)(c >> 24), (uint8_t)(c >> 16), (uint8_t)(c >> 8), (uint8_t)c };
		size_t left = n - i * width;

		ok = EVP_DigestInit_ex2(ctx, md, NULL) == 1 && EVP_DigestUpdate(ctx, z.p, z.n) == 1 &&
		     EVP_DigestUpdate(ctx, counter, 4) == 1 && EVP_DigestUpdate(ctx, info.p, info.n) == 1 &&
		     EVP_DigestFinal_ex(ctx, block, NULL) == 1;
		if (ok)
			memcpy(out + i * width, block, left < width ? left : width);
	}
	OPENSSL_cleanse(block, sizeof block);
	return ok ? HL_OK : HL_E_CRYPTO;
}

static size_t kdf_digest(uint32_t kdf)
{
	for (size_t i = 1; i < HSM_DIGEST_ROWS; i++)
		if (hsm_digest[i].kdf == kdf)
			return i;
	return 0;
}

/* PKCS #11 v3.0, 2.3.8: of a bare shared secret the leading bytes are dropped ("truncated from the leading
 * end"), as many as are too many. */
static hl_err take_end(struct hl_secret *z, size_t n, struct hl_secret *out)
{
	if (n > z->n)
		return HL_E_KEY_SIZE;
	return hl_secret_set(out, hl_bytes(z->p + z->n - (n ? n : z->n), n ? n : z->n));
}

static hl_err expand(struct hsm_use *u, size_t digest, struct hl_secret *z, size_t n, struct hl_secret *out)
{
	const struct hl_agree_parameter *p = &u->p.agree;

	if (digest == 0)
		return take_end(z, n, out);
	HL_TRY(hl_secret_make(out, n ? n : z->n));
	return x963(u->k->hash, digest, hl_secret_view(z), p->shared, out->p, out->n);
}

/* -- the mechanisms -------------------------------------------------------------------------------------- */

static hl_err check_ecdh(struct hsm_use *u)
{
	const struct hl_agree_parameter *p = &u->p.agree;

	if (p->kdf == HL_CKD_NULL)
		return p->shared.n == 0 ? HL_OK : HL_E_PARAMETER;
	return kdf_digest(p->kdf) ? HL_OK : HL_E_PARAMETER;
}

/* PKCS #3 knows no function; X9.42 the one with concatenation, which is X9.63's with SHA-1. */
static hl_err check_dh(struct hsm_use *u)
{
	const struct hl_agree_parameter *p = &u->p.agree;

	if (p->kdf == HL_CKD_NULL)
		return p->shared.n == 0 ? HL_OK : HL_E_PARAMETER;
	return u->m->scheme == &hsm_dhx && p->kdf == HL_CKD_SHA1_KDF_CONCATENATE ? HL_OK : HL_E_PARAMETER;
}

static hl_err derive_ecdh(struct hsm_use *u, size_t n, struct hl_secret *out)
{
	HL_AUTO(hl_secret_clear) struct hl_secret z = { 0 };

	HL_TRY(agree_point(u, u->p.agree.public, &z));
	return expand(u, kdf_digest(u->p.agree.kdf), &z, n, out);
}

static hl_err derive_dh(struct hsm_use *u, size_t n, struct hl_secret *out)
{
	HL_AUTO(hl_secret_clear) struct hl_secret z = { 0 };
	bool bare = u->p.agree.kdf == HL_CKD_NULL;

	HL_TRY(agree(u, u->p.agree.public, &z));
	return expand(u, bare ? 0 : hsm_digest_named("SHA1"), &z, n, out);
}

const struct hsm_scheme hsm_ecdh = { .check = check_ecdh, .derive = derive_ecdh };
const struct hsm_scheme hsm_dh = { .check = check_dh, .derive = derive_dh };
const struct hsm_scheme hsm_dhx = { .check = check_dh, .derive = derive_dh };
