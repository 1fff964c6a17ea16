#include "hsm/key.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "hsm/ossl.h"

enum way { SIGN, VERIFY, WAYS };

/* An explicit fetch walks the providers under locks, so each digest is fetched once a process. */
static const char *const digest_name[] = { NULL, "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" };
#define DIGESTS HL_COUNT(digest_name)
static EVP_MD *digest_of[DIGESTS];
static CRYPTO_ONCE fetch_once = CRYPTO_ONCE_STATIC_INIT;

struct hsm_key {
	uint32_t type; /* CKK_ */
	bool may[WAYS];
	bool private;
	unsigned bits;  /* of the modulus, of the curve's order */
	size_t width;   /* the same in bytes */
	EVP_PKEY *pkey; /* NULL: a secret key */
	EVP_MD_CTX *hash;
	EVP_PKEY_CTX *ready[DIGESTS][WAYS]; /* made at first use, then used again and again */
};

static void fetch_digests(void)
{
	for (size_t i = 1; i < DIGESTS; i++)
		digest_of[i] = EVP_MD_fetch(NULL, digest_name[i], NULL);
}

/* -- parsing --------------------------------------------------------------------------------- */

void hsm_key_free(struct hsm_key *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < DIGESTS; i++)
		for (int way = 0; way < WAYS; way++)
			EVP_PKEY_CTX_free(k->ready[i][way]);
	EVP_MD_CTX_free(k->hash);
	EVP_PKEY_free(k->pkey);
	free(k);
}

static void key_freep(struct hsm_key **k)
{
	hsm_key_free(*k);
}

static EVP_PKEY *parse_private(struct hl_bytes der)
{
	const unsigned char *p = der.p;
	HL_AUTO(hsm_pkcs8_freep) PKCS8_PRIV_KEY_INFO *info = NULL;

	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.n);
	return info && p == der.p + der.n ? EVP_PKCS82PKEY_ex(info, NULL, NULL) : NULL;
}

static EVP_PKEY *parse_public(struct hl_bytes der)
{
	const unsigned char *p = der.p;
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = d2i_PUBKEY_ex(NULL, &p, (long)der.n, NULL, NULL);

	return pkey && p == der.p + der.n ? hl_take(pkey) : NULL;
}

static const char *type_name(uint32_t key_type)
{
	return key_type == HL_CKK_RSA ? "RSA" : key_type == HL_CKK_EC ? "EC" : "";
}

static hl_err parse_pair(struct hsm_key *k, struct hl_bytes der)
{
	k->pkey = k->private ? parse_private(der) : parse_public(der);
	if (!k->pkey || !EVP_PKEY_is_a(k->pkey, type_name(k->type)))
		return HL_E_CRYPTO;
	k->bits = (unsigned)EVP_PKEY_get_bits(k->pkey);
	k->width = (k->bits + 7) / 8;
	k->hash = EVP_MD_CTX_new();
	return k->hash ? HL_OK : HL_E_NOMEM;
}

hl_err hsm_key_parse(const struct hsm_object *o, struct hsm_key **out)
{
	HL_AUTO(key_freep) struct hsm_key *k = calloc(1, sizeof *k);
	uint64_t class = hsm_attribute_number(o, HL_CKA_CLASS);

	if (!k)
		return HL_E_NOMEM;
	if (o->value.n == 0 || !CRYPTO_THREAD_run_once(&fetch_once, fetch_digests))
		return HL_E_CRYPTO;
	ERR_clear_error();
	k->type = (uint32_t)hsm_attribute_number(o, HL_CKA_KEY_TYPE);
	k->may[SIGN] = hsm_attribute_bool(o, HL_CKA_SIGN);
	k->may[VERIFY] = hsm_attribute_bool(o, HL_CKA_VERIFY);
	k->private = class == HL_CKO_PRIVATE_KEY;
	if (class == HL_CKO_PRIVATE_KEY || class == HL_CKO_PUBLIC_KEY)
		HL_TRY(parse_pair(k, hl_secret_view(&o->value)));
	*out = hl_take(k);
	return HL_OK;
}

hl_err hsm_key_share(const struct hsm_key *k, struct hsm_key **out)
{
	HL_AUTO(key_freep) struct hsm_key *same = calloc(1, sizeof *same);

	if (!same)
		return HL_E_NOMEM;
	*same = *k;
	memset(same->ready, 0, sizeof same->ready);
	same->hash = EVP_MD_CTX_new();
	if (same->pkey && EVP_PKEY_up_ref(same->pkey) != 1)
		same->pkey = NULL;
	if (!same->hash || !same->pkey != !k->pkey)
		return HL_E_NOMEM;
	*out = hl_take(same);
	return HL_OK;
}

/* RSA is slow where the private exponent or a search for primes is long; curves never are. */
bool hsm_mechanism_slow(uint32_t mechanism, const struct hsm_key *k)
{
	const struct hsm_mechanism *m = hsm_mechanism(mechanism);

	if (!m || m->key_type != HL_CKK_RSA)
		return false;
	return k ? k->private && k->bits > 2048 : (m->flags & HSM_GENERATES) != 0;
}

/* -- what all uses share --------------------------------------------------------------------- */

/* One use under way: the mechanism, its digest and what the private or public operation eats. */
struct use {
	const struct hsm_mechanism *m;
	size_t digest;
	struct hl_bytes input;
	uint8_t hash[EVP_MAX_MD_SIZE];
};

static hl_err allowed(const struct hsm_key *k, uint32_t mechanism, enum way way, struct use *u)
{
	unsigned flag = way == SIGN ? HSM_SIGNS : HSM_VERIFIES;

	u->m = hsm_mechanism(mechanism);
	if (!u->m || !(u->m->flags & flag) || u->m->key_type != k->type || !k->pkey ||
		k->bits < u->m->min || k->bits > u->m->max)
		return HL_E_MECHANISM;
	/* A public key cannot sign even if its row said so. */
	return k->may[way] && k->private == (way == SIGN) ? HL_OK : HL_E_KEY_USE;
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

static hl_err input(struct hsm_key *k, struct hl_bytes data, struct use *u)
{
	const EVP_MD *md;
	unsigned n;

	if (!u->m->digest)
		return raw_input(k, data, u);
	while (u->digest < DIGESTS &&
		(!digest_name[u->digest] || strcmp(digest_name[u->digest], u->m->digest) != 0))
		u->digest++;
	md = u->digest < DIGESTS ? digest_of[u->digest] : NULL;
	if (!md || EVP_DigestInit_ex2(k->hash, md, NULL) != 1 ||
		EVP_DigestUpdate(k->hash, data.p, data.n) != 1 ||
		EVP_DigestFinal_ex(k->hash, u->hash, &n) != 1)
		return HL_E_CRYPTO;
	u->input = hl_bytes(u->hash, n);
	return HL_OK;
}

static EVP_PKEY_CTX *new_context(const struct hsm_key *k, size_t digest, enum way way)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);

	if (!ctx || (way == SIGN ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) != 1)
		return NULL;
	if (k->type == HL_CKK_RSA && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
		return NULL;
	if (digest > 0 && EVP_PKEY_CTX_set_signature_md(ctx, digest_of[digest]) != 1)
		return NULL;
	return hl_take(ctx);
}

/* EVP_PKEY_sign() and EVP_PKEY_verify() leave their context as it was: one does for all calls. */
static EVP_PKEY_CTX *context(struct hsm_key *k, size_t digest, enum way way)
{
	if (!k->ready[digest][way])
		k->ready[digest][way] = new_context(k, digest, way);
	return k->ready[digest][way];
}

/* -- RSA ------------------------------------------------------------------------------------- */

static hl_err verify_rsa(struct hsm_key *k, const struct use *u, struct hl_bytes signature)
{
	EVP_PKEY_CTX *ctx = context(k, u->digest, VERIFY);

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
	EVP_PKEY_CTX *ctx = context(k, u->digest, SIGN);
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
	EVP_PKEY_CTX *ctx = context(k, u->digest, SIGN);
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
	EVP_PKEY_CTX *ctx = context(k, u->digest, VERIFY);
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

/* -- the two uses ---------------------------------------------------------------------------- */

hl_err hsm_key_sign(
	struct hsm_key *k, uint32_t mechanism, struct hl_bytes data, struct hl_buf *signature)
{
	struct use u = { 0 };

	HL_TRY(allowed(k, mechanism, SIGN, &u));
	ERR_clear_error();
	HL_TRY(input(k, data, &u));
	return k->type == HL_CKK_RSA ? sign_rsa(k, &u, signature) : sign_ec(k, &u, signature);
}

hl_err hsm_key_verify(
	struct hsm_key *k, uint32_t mechanism, struct hl_bytes data, struct hl_bytes signature)
{
	struct use u = { 0 };

	HL_TRY(allowed(k, mechanism, VERIFY, &u));
	ERR_clear_error();
	HL_TRY(input(k, data, &u));
	return k->type == HL_CKK_RSA ? verify_rsa(k, &u, signature) : verify_ec(k, &u, signature);
}
