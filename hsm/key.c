#include <stdlib.h>

#include <openssl/err.h>

#include "hsm/key_impl.h"
#include "hsm/ossl.h"

/* clang-format off */
struct hsm_digest hsm_digest[HSM_DIGESTS] = {
	{ 0 },
	{ "SHA1",   HL_CKM_SHA_1,  HL_CKG_MGF1_SHA1,   NULL },
	{ "SHA224", HL_CKM_SHA224, HL_CKG_MGF1_SHA224, NULL },
	{ "SHA256", HL_CKM_SHA256, HL_CKG_MGF1_SHA256, NULL },
	{ "SHA384", HL_CKM_SHA384, HL_CKG_MGF1_SHA384, NULL },
	{ "SHA512", HL_CKM_SHA512, HL_CKG_MGF1_SHA512, NULL },
};
struct hsm_gcm hsm_gcm[HSM_GCMS] = {
	{ 16, "AES-128-GCM", NULL },
	{ 24, "AES-192-GCM", NULL },
	{ 32, "AES-256-GCM", NULL },
};
/* clang-format on */
static CRYPTO_ONCE fetch_once = CRYPTO_ONCE_STATIC_INIT;

static void fetch(void)
{
	for (size_t i = 1; i < HSM_DIGESTS; i++)
		hsm_digest[i].md = EVP_MD_fetch(NULL, hsm_digest[i].name, NULL);
	for (size_t i = 0; i < HSM_GCMS; i++)
		hsm_gcm[i].cipher = EVP_CIPHER_fetch(NULL, hsm_gcm[i].name, NULL);
}

/* -- parsing --------------------------------------------------------------------------------- */

void hsm_key_free(struct hsm_key *k)
{
	if (!k)
		return;
	for (int way = 0; way < HSM_WAYS; way++)
		EVP_CIPHER_CTX_free(k->gcm[way]);
	for (int way = 0; way < HSM_SIGN_WAYS; way++) {
		for (size_t i = 0; i < HSM_DIGESTS; i++)
			EVP_PKEY_CTX_free(k->ready[i][way]);
		EVP_PKEY_CTX_free(k->pss[way].ctx);
	}
	EVP_MD_CTX_free(k->hash);
	EVP_PKEY_free(k->pkey);
	hl_secret_clear(&k->value);
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

static const struct {
	uint32_t type;
	const char *name;
} types[] = { { HL_CKK_RSA, "RSA" }, { HL_CKK_EC, "EC" }, { HL_CKK_EC_EDWARDS, "ED25519" } };

static bool is_of_type(const EVP_PKEY *pkey, uint32_t type)
{
	for (size_t i = 0; i < HL_COUNT(types); i++)
		if (types[i].type == type)
			return EVP_PKEY_is_a(pkey, types[i].name);
	return false;
}

static hl_err parse_pair(struct hsm_key *k, struct hl_bytes der)
{
	k->pkey = k->private ? parse_private(der) : parse_public(der);
	if (!k->pkey || !is_of_type(k->pkey, k->type))
		return HL_E_CRYPTO;
	k->bits = (unsigned)EVP_PKEY_get_bits(k->pkey);
	if (k->type == HL_CKK_EC_EDWARDS)
		k->bits = 256; /* b of RFC 8032, 5.1: PKCS #11 counts an encoded point */
	k->width = (k->bits + 7) / 8;
	k->hash = EVP_MD_CTX_new();
	return k->hash ? HL_OK : HL_E_NOMEM;
}

static hl_err parse_secret(struct hsm_key *k, struct hl_bytes value)
{
	if (k->type == HL_CKK_AES && value.n != 16 && value.n != 24 && value.n != 32)
		return HL_E_CRYPTO;
	return hl_secret_set(&k->value, value);
}

hl_err hsm_key_parse(const struct hsm_object *o, struct hsm_key **out)
{
	HL_AUTO(key_freep) struct hsm_key *k = calloc(1, sizeof *k);
	uint64_t class = hsm_attribute_number(o, HL_CKA_CLASS);

	if (!k)
		return HL_E_NOMEM;
	if (o->value.n == 0 || !CRYPTO_THREAD_run_once(&fetch_once, fetch))
		return HL_E_CRYPTO;
	ERR_clear_error();
	k->type = (uint32_t)hsm_attribute_number(o, HL_CKA_KEY_TYPE);
	k->may[HSM_SIGN] = hsm_attribute_bool(o, HL_CKA_SIGN);
	k->may[HSM_VERIFY] = hsm_attribute_bool(o, HL_CKA_VERIFY);
	k->may[HSM_ENCRYPT] = hsm_attribute_bool(o, HL_CKA_ENCRYPT);
	k->may[HSM_DECRYPT] = hsm_attribute_bool(o, HL_CKA_DECRYPT);
	k->private = class == HL_CKO_PRIVATE_KEY;
	if (class == HL_CKO_PRIVATE_KEY || class == HL_CKO_PUBLIC_KEY)
		HL_TRY(parse_pair(k, hl_secret_view(&o->value)));
	else if (class == HL_CKO_SECRET_KEY)
		HL_TRY(parse_secret(k, hl_secret_view(&o->value)));
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
	memset(same->pss, 0, sizeof same->pss);
	memset(same->gcm, 0, sizeof same->gcm);
	same->value = (struct hl_secret){ 0 };
	same->hash = EVP_MD_CTX_new();
	if (same->pkey && EVP_PKEY_up_ref(same->pkey) != 1)
		same->pkey = NULL;
	if (!same->hash || !same->pkey != !k->pkey)
		return HL_E_NOMEM;
	HL_TRY(hl_secret_set(&same->value, hl_secret_view(&k->value)));
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
