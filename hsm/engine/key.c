/* key.c - parsing keys: once, for many uses. */
#include <stdlib.h>

#include <openssl/err.h>

#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

void hsm_key_free(struct hsm_key *k)
{
	if (!k)
		return;
	for (int way = 0; way < HSM_WAYS; way++)
		EVP_CIPHER_CTX_free(k->cipher[way].ctx);
	for (int way = 0; way < HSM_SIGN_WAYS; way++) {
		for (size_t i = 0; i < HSM_DIGEST_ROWS; i++)
			EVP_PKEY_CTX_free(k->ready[i][way]);
		EVP_PKEY_CTX_free(k->pss[way].ctx);
	}
	EVP_MAC_CTX_free(k->mac.ctx);
	EVP_MD_CTX_free(k->hash);
	EVP_PKEY_free(k->pkey);
	hl_secret_clear(&k->value);
	hl_secret_clear(&k->rejection);
	hsm_object_clear(&k->about);
	free(k);
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

EVP_PKEY *hsm_pkey_parse(struct hl_bytes der, bool private)
{
	return private ? parse_private(der) : parse_public(der);
}

bool hsm_pkey_is(const EVP_PKEY *pkey, uint32_t type)
{
	static const struct {
		uint32_t type;
		const char *name;
	} names[] = {
		{ HL_CKK_RSA, "RSA" },
		{ HL_CKK_EC, "EC" },
		{ HL_CKK_EC_EDWARDS, "ED25519" },
		{ HL_CKK_EC_EDWARDS, "ED448" },
		{ HL_CKK_EC_MONTGOMERY, "X25519" },
		{ HL_CKK_EC_MONTGOMERY, "X448" },
		{ HL_CKK_DSA, "DSA" },
		{ HL_CKK_DH, "DH" },
		{ HL_CKK_X9_42_DH, "DHX" },
	};

	for (size_t i = 0; i < HL_COUNT(names); i++)
		if (names[i].type == type && EVP_PKEY_is_a(pkey, names[i].name))
			return true;
	return false;
}

/* PKCS #11 counts the encoded point of an Edwards or Montgomery curve: b of RFC 8032, but for Ed448,
 * whose 448 bits the mechanism list of the standard means. */
static void measure(struct hsm_key *k)
{
	k->bits = (unsigned)EVP_PKEY_get_bits(k->pkey);
	if (k->type == HL_CKK_EC_EDWARDS || k->type == HL_CKK_EC_MONTGOMERY)
		k->bits = EVP_PKEY_get_bits(k->pkey) < 300 ? 256 : 448;
	k->width = (k->bits + 7) / 8;
	if (k->type == HL_CKK_DSA)
		k->width = hsm_pkey_subprime_width(k->pkey);
}

static hl_err parse_pair(struct hsm_key *k, struct hl_bytes der)
{
	k->pkey = hsm_pkey_parse(der, k->private);
	if (!k->pkey || !hsm_pkey_is(k->pkey, k->type))
		return HL_E_CRYPTO;
	measure(k);
	return HL_OK;
}

/* Two keys of DES are three, the third being the first (NIST SP 800-67, 3.1). */
static hl_err set_secret(struct hsm_key *k, struct hl_bytes value)
{
	k->value_n = value.n;
	if (k->type != HL_CKK_DES2)
		return hl_secret_set(&k->value, value);
	HL_TRY(hl_secret_make(&k->value, 24));
	memcpy(k->value.p, value.p, 16);
	memcpy(k->value.p + 16, value.p, 8);
	return HL_OK;
}

static hl_err parse_secret(struct hsm_key *k, struct hl_bytes value)
{
	const struct hsm_kind_row *kind = hsm_kind_row(HL_CKO_SECRET_KEY, k->type);

	if (!kind || !hsm_kind_takes(kind, value.n))
		return HL_E_CRYPTO;
	return set_secret(k, value);
}

static hl_err keep_attributes(struct hsm_key *k, const struct hsm_object *o)
{
	HL_AUTO(hl_buf_clear) struct hl_buf row = hl_buf(HL_BUF_MAX);

	HL_TRY(hsm_object_encode(o, &row));
	return hsm_object_decode(hl_buf_view(&row), &k->about);
}

static void read_uses(struct hsm_key *k)
{
	static const uint32_t attribute[HSM_WAYS] = { [HSM_SIGN] = HL_CKA_SIGN,
		[HSM_VERIFY] = HL_CKA_VERIFY, [HSM_ENCRYPT] = HL_CKA_ENCRYPT,
		[HSM_DECRYPT] = HL_CKA_DECRYPT, [HSM_WRAP] = HL_CKA_WRAP,
		[HSM_UNWRAP] = HL_CKA_UNWRAP, [HSM_DERIVE] = HL_CKA_DERIVE };

	for (int way = 0; way < HSM_WAYS; way++)
		k->may[way] = hsm_attribute_bool(&k->about, attribute[way]);
}

hl_err hsm_key_parse(const struct hsm_object *o, struct hsm_key **out)
{
	HL_AUTO(hsm_parsed_freep) struct hsm_key *k = calloc(1, sizeof *k);
	uint64_t class = hsm_attribute_number(o, HL_CKA_CLASS);

	if (!k)
		return HL_E_NOMEM;
	if (o->value.n == 0 || !hsm_engine_start())
		return HL_E_CRYPTO;
	ERR_clear_error();
	k->hash = EVP_MD_CTX_new();
	if (!k->hash)
		return HL_E_NOMEM;
	HL_TRY(keep_attributes(k, o));
	read_uses(k);
	k->type = (uint32_t)hsm_attribute_number(o, HL_CKA_KEY_TYPE);
	k->private = class == HL_CKO_PRIVATE_KEY;
	if (class == HL_CKO_PRIVATE_KEY || class == HL_CKO_PUBLIC_KEY)
		HL_TRY(parse_pair(k, hl_secret_view(&o->value)));
	else if (class == HL_CKO_SECRET_KEY)
		HL_TRY(parse_secret(k, hl_secret_view(&o->value)));
	else
		return HL_E_CRYPTO;
	*out = hl_take(k);
	return HL_OK;
}

hl_err hsm_key_share(const struct hsm_key *k, struct hsm_key **out)
{
	HL_AUTO(hsm_parsed_freep) struct hsm_key *same = calloc(1, sizeof *same);

	if (!same)
		return HL_E_NOMEM;
	same->type = k->type;
	memcpy(same->may, k->may, sizeof same->may);
	same->private = k->private;
	same->bits = k->bits;
	same->width = k->width;
	same->value_n = k->value_n;
	same->hash = EVP_MD_CTX_new();
	if (k->pkey && EVP_PKEY_up_ref(k->pkey) == 1)
		same->pkey = k->pkey;
	if (!same->hash || !same->pkey != !k->pkey)
		return HL_E_NOMEM;
	HL_TRY(hl_secret_set(&same->value, hl_secret_view(&k->value)));
	HL_TRY(keep_attributes(same, &k->about));
	*out = hl_take(same);
	return HL_OK;
}

bool hsm_key_always_authenticates(const struct hsm_key *k)
{
	return hsm_attribute_bool(&k->about, HL_CKA_ALWAYS_AUTHENTICATE);
}
