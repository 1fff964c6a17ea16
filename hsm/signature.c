/* signature.c - signing and verifying in one part: RSA with both paddings, ECDSA, EdDSA. */
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "hsm/key_impl.h"
#include "hsm/ossl.h"

/* -- what all uses share --------------------------------------------------------------------- */

/* One use under way: the mechanism, its digest and what the private or public operation eats. */
struct use {
	const struct hsm_mechanism *m;
	size_t digest; /* in hsm_digest; 0: none */
	struct hsm_pss pss;
	struct hl_bytes input;
	uint8_t hash[EVP_MAX_MD_SIZE];
};

static hl_err allowed(const struct hsm_key *k, uint32_t mechanism, enum hsm_way way, struct use *u)
{
	unsigned flag = way == HSM_SIGN ? HSM_SIGNS : HSM_VERIFIES;

	u->m = hsm_mechanism(mechanism);
	if (!u->m || !(u->m->flags & flag) || u->m->key_type != k->type || !k->pkey ||
		k->bits < u->m->min || k->bits > u->m->max)
		return HL_E_MECHANISM;
	/* A public key cannot sign even if its row said so. */
	return k->may[way] && k->private == (way == HSM_SIGN) ? HL_OK : HL_E_KEY_USE;
}

/* Without a digest the data itself is the input. RSA pads it by at least 11 bytes (RFC 8017, 9.2
 * step 3); ECDSA takes its leftmost bits (FIPS 186-4, 6.4). There must be some: an ECDSA signature
 * over nothing can be made without the key, an RSA one the library would make but never verify. */
static hl_err raw_input(const struct hsm_key *k, struct hl_bytes data, struct use *u)
{
	if (data.n == 0 || (k->type == HL_CKK_RSA && data.n > k->width - 11))
		return HL_E_DATA_LENGTH;
	u->input = data;
	return HL_OK;
}

static hl_err hash(struct hsm_key *k, struct hl_bytes data, struct use *u)
{
	const EVP_MD *md = hsm_digest[u->digest].md;
	unsigned n;

	if (!md || EVP_DigestInit_ex2(k->hash, md, NULL) != 1 ||
		EVP_DigestUpdate(k->hash, data.p, data.n) != 1 ||
		EVP_DigestFinal_ex(k->hash, u->hash, &n) != 1)
		return HL_E_CRYPTO;
	u->input = hl_bytes(u->hash, n);
	return HL_OK;
}

/* Without a digest of its own PSS takes one that was made before (PKCS #11 v3.0, 2.1.10). */
static hl_err pss_input(struct hl_bytes data, struct use *u)
{
	const EVP_MD *md = hsm_digest[u->digest].md;

	if (!md)
		return HL_E_CRYPTO;
	if (data.n != (size_t)EVP_MD_get_size(md))
		return HL_E_DATA_LENGTH;
	u->input = data;
	return HL_OK;
}

static hl_err input(struct hsm_key *k, struct hl_bytes data, struct use *u)
{
	if (k->type == HL_CKK_EC_EDWARDS) {
		u->input =
			data; /* of any length: it is hashed twice, the second time with what came of the first */
		return HL_OK;
	}
	if (u->m->digest)
		return hash(k, data, u);
	return u->m->parameter ? pss_input(data, u) : raw_input(k, data, u);
}

/* -- parameters ------------------------------------------------------------------------------ */

static size_t digest_of(const struct hsm_mechanism *m)
{
	size_t i = 0;

	while (m->digest && ++i < HSM_DIGESTS && strcmp(hsm_digest[i].name, m->digest) != 0)
		;
	return i;
}

/* RFC 8017, 9.1.1 step 3: "If emLen < hLen + sLen + 2, output 'encoding error' and stop." */
static hl_err check_salt(const struct hsm_key *k, const struct hsm_pss *pss)
{
	const EVP_MD *md = hsm_digest[pss->hash].md;
	size_t em = (k->bits - 1 + 7) / 8;

	if (!md)
		return HL_E_CRYPTO;
	return pss->salt <= em - 2 - (size_t)EVP_MD_get_size(md) ? HL_OK : HL_E_PARAMETER;
}

static hl_err read_pss(const struct hsm_key *k, struct hl_bytes parameter, struct use *u)
{
	struct hl_pss_parameter p;

	if (hl_body_get(&hl_msg_pss_parameter, parameter, &p) != HL_OK)
		return HL_E_PARAMETER;
	for (size_t i = 1; i < HSM_DIGESTS; i++) {
		u->pss.hash = hsm_digest[i].hash == p.hash ? i : u->pss.hash;
		u->pss.mgf = hsm_digest[i].mgf == p.mgf ? i : u->pss.mgf;
	}
	u->pss.salt = p.salt;
	/* A mechanism that hashes says with what, and the parameter must say the same. */
	if (!u->pss.hash || !u->pss.mgf || (u->digest && u->digest != u->pss.hash))
		return HL_E_PARAMETER;
	u->digest = u->pss.hash;
	return check_salt(k, &u->pss);
}

static hl_err read_parameter(const struct hsm_key *k, struct hl_bytes parameter, struct use *u)
{
	u->digest = digest_of(u->m);
	if (u->m->parameter)
		return read_pss(k, parameter, u);
	return parameter.n == 0 ? HL_OK : HL_E_PARAMETER;
}

/* -- contexts -------------------------------------------------------------------------------- */

static EVP_PKEY_CTX *new_context(const struct hsm_key *k, const struct use *u, enum hsm_way way)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	bool pss = u->m->parameter;
	int padding = pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;

	if (!ctx || (way == HSM_SIGN ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) != 1)
		return NULL;
	if (k->type == HL_CKK_RSA && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) != 1)
		return NULL;
	if (u->digest > 0 && EVP_PKEY_CTX_set_signature_md(ctx, hsm_digest[u->digest].md) != 1)
		return NULL;
	/* With the length of the salt given, the library verifies no signature with another. */
	if (pss && (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hsm_digest[u->pss.mgf].md) != 1 ||
			   EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)u->pss.salt) != 1))
		return NULL;
	return hl_take(ctx);
}

static EVP_PKEY_CTX *pss_context(struct hsm_key *k, const struct use *u, enum hsm_way way)
{
	struct hsm_pss *with = &k->pss[way].with;
	bool same =
		with->hash == u->pss.hash && with->mgf == u->pss.mgf && with->salt == u->pss.salt;

	if (k->pss[way].ctx && same)
		return k->pss[way].ctx;
	EVP_PKEY_CTX_free(k->pss[way].ctx);
	k->pss[way].ctx = new_context(k, u, way);
	*with = u->pss;
	return k->pss[way].ctx;
}

/* EVP_PKEY_sign() and EVP_PKEY_verify() leave their context as it was: one does for all calls. */
static EVP_PKEY_CTX *context(struct hsm_key *k, const struct use *u, enum hsm_way way)
{
	if (u->m->parameter)
		return pss_context(k, u, way);
	if (!k->ready[u->digest][way])
		k->ready[u->digest][way] = new_context(k, u, way);
	return k->ready[u->digest][way];
}

/* -- RSA ------------------------------------------------------------------------------------- */

static hl_err verify_rsa(struct hsm_key *k, const struct use *u, struct hl_bytes signature)
{
	EVP_PKEY_CTX *ctx = context(k, u, HSM_VERIFY);

	if (!ctx)
		return HL_E_CRYPTO;
	/* RFC 8017, 8.2.2 step 1: "If the length of the signature S is not k octets, output
	 * 'invalid signature' and stop." Without a digest the library lets shorter ones pass. */
	if (signature.n != k->width ||
		EVP_PKEY_verify(ctx, signature.p, signature.n, u->input.p, u->input.n) != 1)
		return HL_E_SIGNATURE;
	return HL_OK;
}

/* A wrong result of the Chinese remainder step gives the primes away (Boneh, DeMillo, Lipton), so
 * none may leave. OpenSSL 3.0 raises that step's result to e and, where it does not match, computes
 * again with d (rsa_ossl_mod_exp), but looks neither at that second result nor at the unblinding
 * after it. The whole signature is therefore verified here; it costs a fifteenth of the signing. */
static hl_err sign_rsa(struct hsm_key *k, const struct use *u, struct hl_buf *signature)
{
	EVP_PKEY_CTX *ctx = context(k, u, HSM_SIGN);
	uint8_t *room = hl_buf_room(signature, k->width);
	size_t n = k->width;

	if (!room)
		return signature->err;
	if (!ctx || EVP_PKEY_sign(ctx, room, &n, u->input.p, u->input.n) != 1 ||
		verify_rsa(k, u, hl_bytes(room, n)) != HL_OK) {
		OPENSSL_cleanse(room, k->width);
		return HL_E_CRYPTO;
	}
	hl_buf_grow(signature, n);
	return HL_OK;
}

/* -- ECDSA: PKCS #11 has r || s, OpenSSL the DER of both -------------------------------------- */

#define ECDSA_DER_MAX 160 /* P-521 needs 141 */

static hl_err sign_ec(struct hsm_key *k, const struct use *u, struct hl_buf *signature)
{
	EVP_PKEY_CTX *ctx = context(k, u, HSM_SIGN);
	uint8_t der[ECDSA_DER_MAX], *room = hl_buf_room(signature, 2 * k->width);
	const unsigned char *p = der;
	size_t n = sizeof der;
	HL_AUTO(hsm_ecdsa_freep) ECDSA_SIG *rs = NULL;

	if (!room)
		return signature->err;
	if (!ctx || EVP_PKEY_sign(ctx, der, &n, u->input.p, u->input.n) != 1)
		return HL_E_CRYPTO;
	rs = d2i_ECDSA_SIG(NULL, &p, (long)n);
	if (!rs || BN_bn2binpad(ECDSA_SIG_get0_r(rs), room, (int)k->width) < 0 ||
		BN_bn2binpad(ECDSA_SIG_get0_s(rs), room + k->width, (int)k->width) < 0)
		return HL_E_CRYPTO;
	hl_buf_grow(signature, 2 * k->width);
	return HL_OK;
}

static ECDSA_SIG *ecdsa_sig(struct hl_bytes signature)
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

static hl_err verify_ec(struct hsm_key *k, const struct use *u, struct hl_bytes signature)
{
	EVP_PKEY_CTX *ctx = context(k, u, HSM_VERIFY);
	HL_AUTO(hsm_ecdsa_freep) ECDSA_SIG *rs = NULL;
	uint8_t der[ECDSA_DER_MAX];
	unsigned char *p = der;
	int n;

	if (!ctx)
		return HL_E_CRYPTO;
	if (signature.n != 2 * k->width)
		return HL_E_SIGNATURE;
	rs = ecdsa_sig(signature);
	n = rs ? i2d_ECDSA_SIG(rs, NULL) : -1;
	if (n < 0 || n > (int)sizeof der || i2d_ECDSA_SIG(rs, &p) != n)
		return HL_E_CRYPTO;
	if (EVP_PKEY_verify(ctx, der, (size_t)n, u->input.p, u->input.n) != 1)
		return HL_E_SIGNATURE;
	return HL_OK;
}

/* -- EdDSA: pure Ed25519 (RFC 8032, 5.1), which is what the mechanism without a parameter means -- */

#define ED_SIGNATURE 64

static hl_err verify_ed(struct hsm_key *k, const struct use *u, struct hl_bytes signature)
{
	if (signature.n != ED_SIGNATURE)
		return HL_E_SIGNATURE;
	if (EVP_DigestVerifyInit_ex(k->hash, NULL, NULL, NULL, NULL, k->pkey, NULL) != 1)
		return HL_E_CRYPTO;
	if (EVP_DigestVerify(k->hash, signature.p, signature.n, u->input.p, u->input.n) != 1)
		return HL_E_SIGNATURE;
	return HL_OK;
}

/* The same data gives the same signature, so a second one that went wrong would give the key away. It is
 * verified here as RSA's are. */
static hl_err sign_ed(struct hsm_key *k, const struct use *u, struct hl_buf *signature)
{
	uint8_t *room = hl_buf_room(signature, ED_SIGNATURE);
	size_t n = ED_SIGNATURE;

	if (!room)
		return signature->err;
	if (EVP_DigestSignInit_ex(k->hash, NULL, NULL, NULL, NULL, k->pkey, NULL) != 1 ||
		EVP_DigestSign(k->hash, room, &n, u->input.p, u->input.n) != 1 ||
		verify_ed(k, u, hl_bytes(room, n)) != HL_OK) {
		OPENSSL_cleanse(room, ED_SIGNATURE);
		return HL_E_CRYPTO;
	}
	hl_buf_grow(signature, n);
	return HL_OK;
}

/* -- the two uses ---------------------------------------------------------------------------- */

static const struct scheme {
	uint32_t key_type;
	hl_err (*sign)(struct hsm_key *k, const struct use *u, struct hl_buf *signature);
	hl_err (*verify)(struct hsm_key *k, const struct use *u, struct hl_bytes signature);
} schemes[] = {
	{ HL_CKK_RSA, sign_rsa, verify_rsa },
	{ HL_CKK_EC, sign_ec, verify_ec },
	{ HL_CKK_EC_EDWARDS, sign_ed, verify_ed },
};

static hl_err prepare(struct hsm_key *k, uint32_t mechanism, enum hsm_way way,
	struct hl_bytes parameter, struct hl_bytes data, struct use *u)
{
	HL_TRY(allowed(k, mechanism, way, u));
	ERR_clear_error();
	HL_TRY(read_parameter(k, parameter, u));
	return input(k, data, u);
}

static const struct scheme *scheme_of(const struct hsm_key *k)
{
	for (size_t i = 0; i < HL_COUNT(schemes); i++)
		if (schemes[i].key_type == k->type)
			return &schemes[i];
	return NULL;
}

hl_err hsm_key_sign(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *signature)
{
	const struct scheme *s = scheme_of(k);
	struct use u = { 0 };

	if (!s)
		return HL_E_MECHANISM;
	HL_TRY(prepare(k, mechanism, HSM_SIGN, parameter, data, &u));
	return s->sign(k, &u, signature);
}

hl_err hsm_key_verify(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_bytes signature)
{
	const struct scheme *s = scheme_of(k);
	struct use u = { 0 };

	if (!s)
		return HL_E_MECHANISM;
	HL_TRY(prepare(k, mechanism, HSM_VERIFY, parameter, data, &u));
	return s->verify(k, &u, signature);
}
