/* describe.c - from a key to the attributes and the value of its object. */
#include <openssl/core_names.h>

#include "hsm/engine/build.h"
#include "hsm/engine/curve.h"
#include "hsm/engine/engine.h"
#include "hsm/ossl.h"
#include "lib/base/der.h"

hl_err hsm_describe_number(const EVP_PKEY *pkey, const char *name, struct hsm_object *o, uint32_t type)
{
	HL_AUTO(hsm_bn_freep) BIGNUM *n = NULL;
	uint8_t bytes[HSM_RSA_WIDTH_MAX];

	if (EVP_PKEY_get_bn_param(pkey, name, &n) != 1 || BN_num_bytes(n) > (int)sizeof bytes)
		return HL_E_CRYPTO;
	return hsm_attribute_set(o, type, HL_FORM_BYTES, hl_bytes(bytes, (size_t)BN_bn2bin(n, bytes)));
}

static bool is_public(const struct hsm_object *o)
{
	return hsm_attribute_number(o, HL_CKA_CLASS) == HL_CKO_PUBLIC_KEY;
}

static hl_err describe_rsa(const EVP_PKEY *pkey, struct hsm_object *o)
{
	if (is_public(o))
		HL_TRY(hsm_attribute_set_number(o, HL_CKA_MODULUS_BITS, (uint64_t)EVP_PKEY_get_bits(pkey)));
	HL_TRY(hsm_describe_number(pkey, OSSL_PKEY_PARAM_RSA_N, o, HL_CKA_MODULUS));
	return hsm_describe_number(pkey, OSSL_PKEY_PARAM_RSA_E, o, HL_CKA_PUBLIC_EXPONENT);
}

/* CKA_EC_POINT: the uncompressed point (SEC 1, 2.3.3), or the bytes of RFC 8032, 5.1.2, or RFC 7748, 5,
 * inside a DER OCTET STRING. */
static hl_err describe_point(const EVP_PKEY *pkey, struct hsm_object *o)
{
	HL_AUTO(hl_buf_clear) struct hl_buf der = hl_buf(256);
	uint8_t point[160];
	size_t n = 0;

	if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) != 1)
		return HL_E_CRYPTO;
	hl_der_put(&der, HL_DER_OCTETS, hl_bytes(point, n));
	if (der.err != HL_OK)
		return der.err;
	return hsm_attribute_set(o, HL_CKA_EC_POINT, HL_FORM_BYTES, hl_buf_view(&der));
}

static const struct hsm_curve *curve_of(const EVP_PKEY *pkey, uint32_t key_type)
{
	char group[64];
	size_t n;
	const struct hsm_curve *c = hsm_curves(&n);

	if (key_type == HL_CKK_EC)
		return EVP_PKEY_get_group_name(pkey, group, sizeof group, &n) == 1 ? hsm_curve_named(key_type, group)
										   : NULL;
	for (; n > 0; n--, c++)
		if (c->key_type == key_type && EVP_PKEY_is_a(pkey, c->group))
			return c;
	return NULL;
}

/* How the curve was named when the key was made stays. */
static hl_err describe_curve(const EVP_PKEY *pkey, struct hsm_object *o)
{
	uint32_t key_type = (uint32_t)hsm_attribute_number(o, HL_CKA_KEY_TYPE);

	if (!hsm_attribute(o, HL_CKA_EC_PARAMS)) {
		const struct hsm_curve *c = curve_of(pkey, key_type);

		if (!c)
			return HL_E_CURVE;
		HL_TRY(hsm_attribute_set(o, HL_CKA_EC_PARAMS, HL_FORM_BYTES, hl_bytes(c->oid, c->oid_n)));
	}
	return is_public(o) ? describe_point(pkey, o) : HL_OK;
}

static hl_err describe_exponents(const EVP_PKEY *pkey, struct hsm_object *o)
{
	HL_TRY(hsm_describe_number(pkey, OSSL_PKEY_PARAM_FFC_P, o, HL_CKA_PRIME));
	HL_TRY(hsm_describe_number(pkey, OSSL_PKEY_PARAM_FFC_G, o, HL_CKA_BASE));
	if (hsm_attribute_number(o, HL_CKA_KEY_TYPE) != HL_CKK_DH)
		HL_TRY(hsm_describe_number(pkey, OSSL_PKEY_PARAM_FFC_Q, o, HL_CKA_SUBPRIME));
	if (is_public(o))
		return hsm_describe_number(pkey, OSSL_PKEY_PARAM_PUB_KEY, o, HL_CKA_VALUE);
	return HL_OK;
}

/* The length of the exponent is what was asked for, or that of the key. */
static hl_err describe_dh(const EVP_PKEY *pkey, struct hsm_object *o)
{
	HL_AUTO(hsm_bn_freep) BIGNUM *x = NULL;

	HL_TRY(describe_exponents(pkey, o));
	if (is_public(o) || hsm_attribute(o, HL_CKA_VALUE_BITS))
		return HL_OK;
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &x) != 1)
		return HL_E_CRYPTO;
	return hsm_attribute_set_number(o, HL_CKA_VALUE_BITS, (uint64_t)BN_num_bits(x));
}

/* -- values -------------------------------------------------------------------------------------------------- */

static hl_err keep_public(struct hl_bytes spki, struct hsm_object *o)
{
	HL_TRY(hsm_attribute_set(o, HL_CKA_PUBLIC_KEY_INFO, HL_FORM_BYTES, spki));
	return is_public(o) ? hl_secret_set(&o->value, spki) : HL_OK;
}

static hl_err keep_private(EVP_PKEY *pkey, struct hsm_object *o)
{
	HL_AUTO(hsm_pkcs8_freep) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	unsigned char *p;
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;

	if (n <= 0)
		return HL_E_CRYPTO;
	hl_secret_clear(&o->value);
	HL_TRY(hl_secret_make(&o->value, (size_t)n)); /* encoded in place: no copy to wipe */
	p = o->value.p;
	return i2d_PKCS8_PRIV_KEY_INFO(info, &p) == n ? HL_OK : HL_E_CRYPTO;
}

static const struct {
	uint32_t key_type;
	hl_err (*describe)(const EVP_PKEY *pkey, struct hsm_object *o);
} describers[] = {
	{ HL_CKK_RSA, describe_rsa },
	{ HL_CKK_EC, describe_curve },
	{ HL_CKK_EC_EDWARDS, describe_curve },
	{ HL_CKK_EC_MONTGOMERY, describe_curve },
	{ HL_CKK_DSA, describe_exponents },
	{ HL_CKK_DH, describe_dh },
	{ HL_CKK_X9_42_DH, describe_exponents },
};

static hl_err describe(EVP_PKEY *pkey, struct hl_bytes spki, struct hsm_object *o)
{
	uint64_t key_type = hsm_attribute_number(o, HL_CKA_KEY_TYPE);

	for (size_t i = 0; i < HL_COUNT(describers); i++) {
		if (describers[i].key_type != key_type)
			continue;
		HL_TRY(describers[i].describe(pkey, o));
		HL_TRY(keep_public(spki, o));
		return is_public(o) ? HL_OK : keep_private(pkey, o);
	}
	return HL_E_BUG;
}

hl_err hsm_describe_all(EVP_PKEY *pkey, struct hsm_object *const o[], size_t n)
{
	HL_AUTO(hsm_bytes_freep) unsigned char *der = NULL;
	int der_n = i2d_PUBKEY(pkey, &der);

	for (size_t i = 0; i < n && der_n > 0; i++)
		HL_TRY(describe(pkey, hl_bytes(der, (size_t)der_n), o[i]));
	return der_n > 0 ? HL_OK : HL_E_CRYPTO;
}

hl_err hsm_describe(EVP_PKEY *pkey, struct hsm_object *o)
{
	return hsm_describe_all(pkey, &o, 1);
}
