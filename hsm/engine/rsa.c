/* rsa.c - RSA signatures: PKCS #1 v1.5, PSS (RFC 8017), and the bare operation. */
#include <openssl/rsa.h>

#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

/* -- contexts: EVP_PKEY_sign() and EVP_PKEY_verify() leave theirs as it was, so one does for all calls - */

static EVP_PKEY_CTX *new_context(const struct hsm_use *u, int padding)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, u->k->pkey, NULL);
	bool pss = padding == RSA_PKCS1_PSS_PADDING;

	if (!ctx || (u->way == HSM_SIGN ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) != 1)
		return NULL;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx, padding) != 1)
		return NULL;
	if (u->digest > 0 && EVP_PKEY_CTX_set_signature_md(ctx, hsm_digest[u->digest].md) != 1)
		return NULL;
	/* With the length of the salt given, the library verifies no signature with another. */
	if (pss && (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hsm_digest[u->pss.mgf].md) != 1 ||
			   EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)u->pss.salt) != 1))
		return NULL;
	return hl_take(ctx);
}

static EVP_PKEY_CTX *pss_context(struct hsm_use *u)
{
	struct hsm_key *k = u->k;
	struct hsm_pss *with = &k->pss[u->way].with;
	bool same = with->hash == u->pss.hash && with->mgf == u->pss.mgf && with->salt == u->pss.salt;

	if (k->pss[u->way].ctx && same)
		return k->pss[u->way].ctx;
	EVP_PKEY_CTX_free(k->pss[u->way].ctx);
	k->pss[u->way].ctx = new_context(u, RSA_PKCS1_PSS_PADDING);
	*with = u->pss;
	return k->pss[u->way].ctx;
}

static EVP_PKEY_CTX *pkcs_context(struct hsm_use *u)
{
	EVP_PKEY_CTX **ready = &u->k->ready[u->digest][u->way];

	if (!*ready)
		*ready = new_context(u, RSA_PKCS1_PADDING);
	return *ready;
}

static EVP_PKEY_CTX *context(struct hsm_use *u)
{
	return u->m->scheme == &hsm_rsa_pss ? pss_context(u) : pkcs_context(u);
}

/* -- both paddings ------------------------------------------------------------------------------- */

static hl_err verify_padded(struct hsm_use *u, struct hl_bytes input, struct hl_bytes signature)
{
	EVP_PKEY_CTX *ctx = context(u);

	if (!ctx)
		return HL_E_CRYPTO;
	/* RFC 8017, 8.2.2 step 1: "If the length of the signature S is not k octets, output
	 * 'invalid signature' and stop." Without a digest the library lets shorter ones pass. */
	if (signature.n != u->k->width)
		return HL_E_SIGNATURE_LENGTH;
	return EVP_PKEY_verify(ctx, signature.p, signature.n, input.p, input.n) == 1 ? HL_OK : HL_E_SIGNATURE;
}

/* A wrong result of the Chinese remainder step gives the primes away (Boneh, DeMillo, Lipton), so
 * none may leave. OpenSSL 3.0 raises that step's result to e and, where it does not match, computes
 * again with d (rsa_ossl_mod_exp), but looks neither at that second result nor at the unblinding
 * after it. The whole signature is therefore verified here; it costs a fifteenth of the signing. */
static hl_err sign_padded(struct hsm_use *u, struct hl_bytes input, struct hl_buf *signature)
{
	EVP_PKEY_CTX *ctx = context(u);
	struct hsm_use check = *u;
	size_t n = u->k->width;
	uint8_t *room;

	check.way = HSM_VERIFY;
	HL_TRY(hsm_room(signature, n, &room));
	if (!ctx || EVP_PKEY_sign(ctx, room, &n, input.p, input.n) != 1 ||
		verify_padded(&check, input, hl_bytes(room, n)) != HL_OK) {
		OPENSSL_cleanse(room, u->k->width);
		return HL_E_CRYPTO;
	}
	hl_buf_grow(signature, n);
	return HL_OK;
}

/* -- PKCS #1 v1.5 -------------------------------------------------------------------------------- */

/* RSA pads data by at least 11 bytes (RFC 8017, 9.2 step 3). There must be some: a signature over
 * nothing the library would make but never verify. */
static hl_err check_input(const struct hsm_use *u, struct hl_bytes input)
{
	return input.n > 0 && input.n <= u->k->width - 11 ? HL_OK : HL_E_DATA_LENGTH;
}

static hl_err sign_pkcs(struct hsm_use *u, struct hl_bytes input, struct hl_buf *signature)
{
	HL_TRY(check_input(u, input));
	return sign_padded(u, input, signature);
}

static hl_err verify_pkcs(struct hsm_use *u, struct hl_bytes input, struct hl_bytes signature)
{
	HL_TRY(check_input(u, input));
	return verify_padded(u, input, signature);
}

/* -- PSS ----------------------------------------------------------------------------------------- */

static hl_err check_pss(struct hsm_use *u)
{
	for (size_t i = 1; i < HSM_DIGEST_ROWS; i++) {
		if (hsm_digest[i].mgf == 0)
			continue;
		u->pss.hash = hsm_digest[i].hash == u->p.pss.hash ? i : u->pss.hash;
		u->pss.mgf = hsm_digest[i].mgf == u->p.pss.mgf ? i : u->pss.mgf;
	}
	u->pss.salt = u->p.pss.salt;
	/* A mechanism that hashes says with what, and the parameter must say the same. */
	if (!u->pss.hash || !u->pss.mgf || (u->digest && u->digest != u->pss.hash))
		return HL_E_PARAMETER;
	u->digest = u->pss.hash;
	return HL_OK;
}

/* RFC 8017, 9.1.1 step 3: "If emLen < hLen + sLen + 2, output 'encoding error' and stop." */
static hl_err fits_pss(struct hsm_use *u)
{
	size_t em = (u->k->bits - 1 + 7) / 8, hash = (size_t)EVP_MD_get_size(hsm_digest[u->pss.hash].md);

	return em >= hash + 2 && u->pss.salt <= em - 2 - hash ? HL_OK : HL_E_PARAMETER;
}

/* Without a digest of its own PSS takes one that was made before (PKCS #11 v3.0, 2.1.10). */
static hl_err check_digest(const struct hsm_use *u, struct hl_bytes input)
{
	return input.n == (size_t)EVP_MD_get_size(hsm_digest[u->digest].md) ? HL_OK : HL_E_DATA_LENGTH;
}

static hl_err sign_pss(struct hsm_use *u, struct hl_bytes input, struct hl_buf *signature)
{
	HL_TRY(check_digest(u, input));
	return sign_padded(u, input, signature);
}

static hl_err verify_pss(struct hsm_use *u, struct hl_bytes input, struct hl_bytes signature)
{
	HL_TRY(check_digest(u, input));
	return verify_padded(u, input, signature);
}

/* -- X.509: nothing but the operation ------------------------------------------------------------ */

static EVP_PKEY_CTX *raw_context(const struct hsm_use *u, int (*init)(EVP_PKEY_CTX *))
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, u->k->pkey, NULL);

	if (!ctx || init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) != 1)
		return NULL;
	return hl_take(ctx);
}

/* The data as a number of the modulus' length; the library refuses one that is not below it. */
static hl_err widen(const struct hsm_use *u, struct hl_bytes data, uint8_t number[HSM_RSA_WIDTH_MAX])
{
	size_t width = u->k->width;

	if (data.n > width || width > HSM_RSA_WIDTH_MAX)
		return HL_E_DATA_LENGTH;
	memset(number, 0, width - data.n);
	if (data.n > 0)
		memcpy(number + width - data.n, data.p, data.n);
	return HL_OK;
}

static hl_err verify_raw(struct hsm_use *u, struct hl_bytes input, struct hl_bytes signature)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = raw_context(u, EVP_PKEY_verify_recover_init);
	uint8_t wanted[HSM_RSA_WIDTH_MAX], got[HSM_RSA_WIDTH_MAX];
	size_t n = sizeof got;

	if (!ctx)
		return HL_E_CRYPTO;
	HL_TRY(widen(u, input, wanted));
	if (signature.n != u->k->width)
		return HL_E_SIGNATURE_LENGTH;
	if (EVP_PKEY_verify_recover(ctx, got, &n, signature.p, signature.n) != 1 ||
		!hl_bytes_eq(hl_bytes(got, n), hl_bytes(wanted, u->k->width)))
		return HL_E_SIGNATURE;
	return HL_OK;
}

static hl_err sign_raw(struct hsm_use *u, struct hl_bytes input, struct hl_buf *signature)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = raw_context(u, EVP_PKEY_sign_init);
	uint8_t number[HSM_RSA_WIDTH_MAX], *room;
	size_t n = u->k->width;

	if (!ctx)
		return HL_E_CRYPTO;
	HL_TRY(widen(u, input, number));
	HL_TRY(hsm_room(signature, n, &room));
	if (EVP_PKEY_sign(ctx, room, &n, number, u->k->width) != 1)
		return HL_E_DATA_LENGTH; /* not below the modulus */
	if (verify_raw(u, input, hl_bytes(room, n)) != HL_OK) {
		OPENSSL_cleanse(room, u->k->width);
		return HL_E_CRYPTO;
	}
	hl_buf_grow(signature, n);
	return HL_OK;
}

static hl_err encrypt_raw(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = raw_context(u, EVP_PKEY_encrypt_init);
	uint8_t number[HSM_RSA_WIDTH_MAX], *room;
	size_t n = u->k->width;
	hl_err err;

	if (!ctx)
		return HL_E_CRYPTO;
	HL_TRY(hsm_room(out, n, &room));
	err = widen(u, data, number);
	if (err == HL_OK && EVP_PKEY_encrypt(ctx, room, &n, number, u->k->width) != 1)
		err = HL_E_DATA_LENGTH;
	OPENSSL_cleanse(number, sizeof number);
	if (err == HL_OK)
		hl_buf_grow(out, n);
	return err;
}

hl_err hsm_rsa_decrypt_raw(struct hsm_use *u, struct hl_bytes data, uint8_t number[HSM_RSA_WIDTH_MAX])
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = raw_context(u, EVP_PKEY_decrypt_init);
	size_t n = HSM_RSA_WIDTH_MAX;

	if (!ctx)
		return HL_E_CRYPTO;
	if (data.n != u->k->width)
		return HL_E_ENCRYPTED_LENGTH;
	/* It fails only for a number that is not below the modulus, which anybody can see. */
	return EVP_PKEY_decrypt(ctx, number, &n, data.p, data.n) == 1 && n == u->k->width ? HL_OK : HL_E_DECRYPT;
}

static hl_err decrypt_raw(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out)
{
	uint8_t number[HSM_RSA_WIDTH_MAX];
	hl_err err = hsm_rsa_decrypt_raw(u, data, number);

	if (err == HL_OK) {
		hl_buf_put(out, hl_bytes(number, u->k->width));
		err = out->err;
	}
	OPENSSL_cleanse(number, sizeof number);
	return err;
}

const struct hsm_scheme hsm_rsa_pkcs = {
	.hashes = true,
	.sign = sign_pkcs,
	.verify = verify_pkcs,
	.encrypt = hsm_rsa_encrypt_pkcs,
	.decrypt = hsm_rsa_decrypt_pkcs,
};
const struct hsm_scheme hsm_rsa_pss = {
	.hashes = true,
	.check = check_pss,
	.fits = fits_pss,
	.sign = sign_pss,
	.verify = verify_pss,
};
const struct hsm_scheme hsm_rsa_raw = {
	.sign = sign_raw,
	.verify = verify_raw,
	.encrypt = encrypt_raw,
	.decrypt = decrypt_raw,
};
