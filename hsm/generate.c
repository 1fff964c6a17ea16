#include "hsm/key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "hsm/attribute.h"
#include "hsm/ossl.h"

static hl_err refuse(const char **why, const char *name)
{
	*why = name;
	return HL_E_ATTRIBUTE;
}

static hl_err copy_bn(struct hsm_object *o, uint32_t type, const BIGNUM *n)
{
	uint8_t bytes[1024];

	if (BN_num_bytes(n) > (int)sizeof bytes)
		return HL_E_CRYPTO;
	return hsm_attribute_set(
		o, type, HL_FORM_BYTES, hl_bytes(bytes, (size_t)BN_bn2bin(n, bytes)));
}

/* -- what all keys have ---------------------------------------------------------------------- */

static hl_err begin(const struct hsm_mechanism *m, uint64_t class, const struct hl_list *template,
	struct hsm_object *o, const char **why)
{
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_CLASS, class));
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_KEY_TYPE, m->key_type));
	HL_TRY(hsm_template_apply(template, o, why));
	HL_TRY(hsm_attribute_set_bool(o, HL_CKA_LOCAL, true));
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_KEY_GEN_MECHANISM, m->number));
	if (class == HL_CKO_PUBLIC_KEY)
		return HL_OK;
	/* The key's whole past is its birth: both hold from now on exactly if they hold now. */
	HL_TRY(hsm_attribute_set_bool(
		o, HL_CKA_ALWAYS_SENSITIVE, hsm_attribute_bool(o, HL_CKA_SENSITIVE)));
	return hsm_attribute_set_bool(
		o, HL_CKA_NEVER_EXTRACTABLE, !hsm_attribute_bool(o, HL_CKA_EXTRACTABLE));
}

static void give(struct hsm_object *o, struct hsm_object *out)
{
	*out = *o;
	*o = (struct hsm_object){ 0 };
}

/* -- RSA ------------------------------------------------------------------------------------- */

/* FIPS 186-4, B.3.1: odd and above 2^16; 65537 where the template has none. Its upper bound is
 * 2^256, but with a modulus above 3072 bits OpenSSL takes no exponent of over 64 bits. */
#define EXPONENT_BITS_MIN 17
#define EXPONENT_BITS_MAX 64

static hl_err public_exponent(const struct hsm_object *public_key, BIGNUM **out, const char **why)
{
	const struct hl_attribute *a = hsm_attribute(public_key, HL_CKA_PUBLIC_EXPONENT);
	HL_AUTO(hsm_bn_freep) BIGNUM *e = BN_new();

	if (!e || !BN_set_word(e, RSA_F4))
		return HL_E_NOMEM;
	if (a && !BN_bin2bn(a->value.p, (int)a->value.n, e))
		return HL_E_NOMEM;
	if (!BN_is_odd(e) || BN_num_bits(e) < EXPONENT_BITS_MIN ||
		BN_num_bits(e) > EXPONENT_BITS_MAX)
		return refuse(why, "CKA_PUBLIC_EXPONENT");
	*out = hl_take(e);
	return HL_OK;
}

static hl_err make_rsa(const struct hsm_mechanism *m, const struct hsm_object *public_key,
	EVP_PKEY **out, const char **why)
{
	uint64_t bits = hsm_attribute_number(public_key, HL_CKA_MODULUS_BITS);
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = NULL;
	HL_AUTO(hsm_bn_freep) BIGNUM *e = NULL;

	/* OpenSSL 3.0 makes a modulus of an odd length one bit shorter than it was asked for. */
	if (bits < m->min || bits > m->max || bits % 2 != 0)
		return refuse(why, "CKA_MODULUS_BITS");
	HL_TRY(public_exponent(public_key, &e, why));
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
		EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) != 1 ||
		EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) != 1 ||
		EVP_PKEY_generate(ctx, out) != 1)
		return HL_E_CRYPTO;
	return HL_OK;
}

static hl_err describe_rsa(
	const EVP_PKEY *pkey, struct hsm_object *key, struct hsm_object *public_key)
{
	HL_AUTO(hsm_bn_freep) BIGNUM *n = NULL;
	HL_AUTO(hsm_bn_freep) BIGNUM *e = NULL;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
		EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		return HL_E_CRYPTO;
	HL_TRY(copy_bn(key, HL_CKA_MODULUS, n));
	HL_TRY(copy_bn(key, HL_CKA_PUBLIC_EXPONENT, e));
	HL_TRY(copy_bn(public_key, HL_CKA_MODULUS, n));
	return copy_bn(public_key, HL_CKA_PUBLIC_EXPONENT, e);
}

/* -- EC -------------------------------------------------------------------------------------- */

/* CKA_EC_PARAMS is the DER of the curve's object identifier (RFC 5480, 2.1.1.1; RFC 8410, 3), or, of an
 * Edwards curve, of its name as a PrintableString (PKCS #11 v3.0, 2.3.10). */
#define DER(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })
static const struct {
	uint32_t key_type;
	const char *group; /* OpenSSL's name of it */
	uint8_t params[14];
	size_t n;
} curves[] = {
	{ HL_CKK_EC, "P-256", DER(0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07) },
	{ HL_CKK_EC, "P-384", DER(0x06, 5, 0x2b, 0x81, 0x04, 0x00, 0x22) },
	{ HL_CKK_EC, "P-521", DER(0x06, 5, 0x2b, 0x81, 0x04, 0x00, 0x23) },
	{ HL_CKK_EC_EDWARDS, "ED25519", DER(0x06, 3, 0x2b, 0x65, 0x70) },
	{ HL_CKK_EC_EDWARDS, "ED25519",
		DER(0x13, 12, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9') },
};

static const char *group_of(uint32_t key_type, struct hl_bytes params)
{
	for (size_t i = 0; i < HL_COUNT(curves); i++)
		if (curves[i].key_type == key_type &&
			hl_bytes_eq(params, hl_bytes(curves[i].params, curves[i].n)))
			return curves[i].group;
	return NULL;
}

/* To OpenSSL an Edwards curve is a type of key, the others are groups of one type. */
static hl_err make_ec(const struct hsm_mechanism *m, const struct hsm_object *public_key,
	EVP_PKEY **out, const char **why)
{
	const struct hl_attribute *params = hsm_attribute(public_key, HL_CKA_EC_PARAMS);
	const char *group = params ? group_of(m->key_type, params->value) : NULL;
	bool is_group = m->key_type == HL_CKK_EC;
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = NULL;

	if (!group)
		return refuse(why, "CKA_EC_PARAMS");
	ctx = EVP_PKEY_CTX_new_from_name(NULL, is_group ? "EC" : group, NULL);
	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
		(is_group && EVP_PKEY_CTX_set_group_name(ctx, group) != 1) ||
		EVP_PKEY_generate(ctx, out) != 1)
		return HL_E_CRYPTO;
	return HL_OK;
}

/* CKA_EC_POINT: the uncompressed point (SEC 1, 2.3.3), or the 32 bytes of RFC 8032, 5.1.2, inside a DER
 * OCTET STRING. */
static hl_err describe_ec(
	const EVP_PKEY *pkey, struct hsm_object *key, struct hsm_object *public_key)
{
	const struct hl_attribute *params = hsm_attribute(public_key, HL_CKA_EC_PARAMS);
	uint8_t point[160], head[3] = { 0x04, 0x81 };
	HL_AUTO(hl_buf_clear) struct hl_buf der = hl_buf(sizeof point + sizeof head);
	size_t n = 0;

	if (EVP_PKEY_get_octet_string_param(
		    pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) != 1)
		return HL_E_CRYPTO;
	head[n < 0x80 ? 1 : 2] = (uint8_t)n;
	hl_buf_put(&der, hl_bytes(head, n < 0x80 ? 2 : 3));
	hl_buf_put(&der, hl_bytes(point, n));
	if (der.err != HL_OK)
		return der.err;
	HL_TRY(hsm_attribute_set(key, HL_CKA_EC_PARAMS, HL_FORM_BYTES, params->value));
	return hsm_attribute_set(public_key, HL_CKA_EC_POINT, HL_FORM_BYTES, hl_buf_view(&der));
}

/* -- pairs ----------------------------------------------------------------------------------- */

static hl_err keep_public(EVP_PKEY *pkey, struct hsm_object *key, struct hsm_object *public_key)
{
	HL_AUTO(hsm_bytes_freep) unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);
	struct hl_bytes spki = hl_bytes(der, n > 0 ? (size_t)n : 0);

	if (n <= 0)
		return HL_E_CRYPTO;
	HL_TRY(hsm_attribute_set(key, HL_CKA_PUBLIC_KEY_INFO, HL_FORM_BYTES, spki));
	HL_TRY(hsm_attribute_set(public_key, HL_CKA_PUBLIC_KEY_INFO, HL_FORM_BYTES, spki));
	return hl_secret_set(&public_key->value, spki);
}

static hl_err keep_private(EVP_PKEY *pkey, struct hsm_object *key)
{
	HL_AUTO(hsm_pkcs8_freep) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	unsigned char *p;
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;

	if (n <= 0)
		return HL_E_CRYPTO;
	HL_TRY(hl_secret_make(&key->value, (size_t)n)); /* encoded in place: no copy to wipe */
	p = key->value.p;
	return i2d_PKCS8_PRIV_KEY_INFO(info, &p) == n ? HL_OK : HL_E_CRYPTO;
}

static const struct {
	uint32_t key_type;
	hl_err (*make)(const struct hsm_mechanism *m, const struct hsm_object *public_key,
		EVP_PKEY **out, const char **why);
	hl_err (*describe)(
		const EVP_PKEY *pkey, struct hsm_object *key, struct hsm_object *public_key);
} makers[] = {
	{ HL_CKK_RSA, make_rsa, describe_rsa },
	{ HL_CKK_EC, make_ec, describe_ec },
	{ HL_CKK_EC_EDWARDS, make_ec, describe_ec },
};

static hl_err make_pair(const struct hsm_mechanism *m, const struct hsm_object *public_key,
	EVP_PKEY **out, size_t *maker, const char **why)
{
	for (size_t i = 0; i < HL_COUNT(makers); i++) {
		if (makers[i].key_type == m->key_type) {
			*maker = i;
			return makers[i].make(m, public_key, out, why);
		}
	}
	return HL_E_MECHANISM;
}

static hl_err generate_pair(const struct hsm_mechanism *m, const struct hl_list *template,
	const struct hl_list *public_template, struct hsm_object *key,
	struct hsm_object *public_key, const char **why)
{
	HL_AUTO(hsm_object_clear) struct hsm_object a = { 0 };
	HL_AUTO(hsm_object_clear) struct hsm_object b = { 0 };
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = NULL;
	size_t maker;

	HL_TRY(begin(m, HL_CKO_PUBLIC_KEY, public_template, &b, why));
	HL_TRY(begin(m, HL_CKO_PRIVATE_KEY, template, &a, why));
	HL_TRY(make_pair(m, &b, &pkey, &maker, why));
	HL_TRY(makers[maker].describe(pkey, &a, &b));
	HL_TRY(keep_public(pkey, &a, &b));
	HL_TRY(keep_private(pkey, &a));
	give(&a, key);
	give(&b, public_key);
	return HL_OK;
}

/* -- secret keys ----------------------------------------------------------------------------- */

/* The library's own way to a random key of a cipher: its private generator. */
static hl_err random_key(size_t n, struct hl_secret *out)
{
	HL_AUTO(hsm_cipher_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const EVP_CIPHER *cipher = EVP_aes_256_ecb();

	if (n < 32)
		cipher = n == 16 ? EVP_aes_128_ecb() : EVP_aes_192_ecb();
	HL_TRY(hl_secret_make(out, n));
	if (!ctx || EVP_EncryptInit_ex2(ctx, cipher, NULL, NULL, NULL) != 1 ||
		EVP_CIPHER_CTX_get_key_length(ctx) != (int)n ||
		EVP_CIPHER_CTX_rand_key(ctx, out->p) != 1)
		return HL_E_CRYPTO;
	return HL_OK;
}

static hl_err generate_secret(const struct hsm_mechanism *m, const struct hl_list *template,
	struct hsm_object *key, const char **why)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	uint64_t n;

	HL_TRY(begin(m, HL_CKO_SECRET_KEY, template, &o, why));
	n = hsm_attribute_number(&o, HL_CKA_VALUE_LEN);
	if (n < m->min || n > m->max || n % 8 != 0)
		return refuse(why, "CKA_VALUE_LEN");
	HL_TRY(random_key((size_t)n, &o.value));
	give(&o, key);
	return HL_OK;
}

hl_err hsm_key_generate(uint32_t mechanism, const struct hl_list *template,
	const struct hl_list *public_template, struct hsm_object *key,
	struct hsm_object *public_key, const char **why)
{
	const struct hsm_mechanism *m = hsm_mechanism(mechanism);

	*why = "";
	if (!m || !(m->flags & HSM_GENERATES))
		return HL_E_MECHANISM;
	ERR_clear_error();
	if (m->flags & HSM_PAIR)
		return generate_pair(m, template, public_template, key, public_key, why);
	if (public_template && public_template->count > 0)
		return refuse(why, "public template of a secret key");
	return generate_secret(m, template, key, why);
}
