/* build.c - keys from their parts: the parts are written as PKCS #8 (RFC 5958) or SubjectPublicKeyInfo
 * (RFC 5280, 4.1.2.7), which OpenSSL reads and, of a private key, completes by the public half. */
#include "hsm/engine/build.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "hsm/engine/curve.h"
#include "hsm/engine/engine.h"
#include "hsm/ossl.h"
#include "lib/base/der.h"

#define AUTO_DER HL_AUTO(hl_buf_clear) struct hl_buf
#define DER_MAX 32768

static struct hl_bytes part(const struct hl_list *t, uint32_t type)
{
	struct hl_attribute a;

	return hsm_template_find(t, type, &a) ? a.value : hl_bytes(NULL, 0);
}

static void numbers(struct hl_buf *out, const struct hl_list *t, const uint32_t *type, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hl_der_number(out, part(t, type[i]));
}

static void wrap(struct hl_buf *out, uint8_t tag, const struct hl_buf *content)
{
	if (content->err != HL_OK && out->err == HL_OK)
		out->err = content->err;
	hl_der_put(out, tag, hl_buf_view(content));
}

/* -- RSA (RFC 8017, A.1) ----------------------------------------------------------------------------- */

static bool number_of(BIGNUM *out, struct hl_bytes b)
{
	return BN_bin2bn(b.p, (int)b.n, out) != NULL;
}

/* What a template may leave out: d mod p-1, d mod q-1 and the inverse of q. */
static bool crt(const struct hl_list *t, BIGNUM *out[3])
{
	HL_AUTO(hsm_bn_freep) BIGNUM *d = BN_secure_new();
	HL_AUTO(hsm_bn_freep) BIGNUM *p = BN_secure_new();
	HL_AUTO(hsm_bn_freep) BIGNUM *q = BN_secure_new();
	BN_CTX *ctx = BN_CTX_secure_new();
	bool ok = ctx && d && p && q && number_of(d, part(t, HL_CKA_PRIVATE_EXPONENT)) &&
		  number_of(p, part(t, HL_CKA_PRIME_1)) && number_of(q, part(t, HL_CKA_PRIME_2));

	if (ok) {
		BN_set_flags(d, BN_FLG_CONSTTIME);
		BN_set_flags(p, BN_FLG_CONSTTIME);
		ok = BN_mod_inverse(out[2], q, p, ctx) && BN_sub_word(p, 1) && BN_sub_word(q, 1) &&
		     !BN_is_zero(p) && !BN_is_zero(q) && BN_mod(out[0], d, p, ctx) && BN_mod(out[1], d, q, ctx);
	}
	BN_CTX_free(ctx);
	return ok;
}

static void put_bn(struct hl_buf *out, const BIGNUM *n)
{
	uint8_t bytes[HSM_RSA_WIDTH_MAX];
	int length = BN_num_bytes(n) <= (int)sizeof bytes ? BN_bn2bin(n, bytes) : -1;

	if (length < 0 && out->err == HL_OK)
		out->err = HL_E_RANGE;
	hl_der_number(out, hl_bytes(bytes, length > 0 ? (size_t)length : 0));
	OPENSSL_cleanse(bytes, sizeof bytes);
}

static void put_crt(struct hl_buf *out, const struct hl_list *t)
{
	static const uint32_t type[] = { HL_CKA_EXPONENT_1, HL_CKA_EXPONENT_2, HL_CKA_COEFFICIENT };
	BIGNUM *own[3] = { BN_secure_new(), BN_secure_new(), BN_secure_new() };

	if ((!own[0] || !own[1] || !own[2] || !crt(t, own)) && out->err == HL_OK)
		out->err = HL_E_RANGE;
	for (size_t i = 0; i < HL_COUNT(own) && out->err == HL_OK; i++) {
		if (part(t, type[i]).n > 0)
			hl_der_number(out, part(t, type[i]));
		else
			put_bn(out, own[i]);
	}
	for (size_t i = 0; i < HL_COUNT(own); i++)
		BN_clear_free(own[i]);
}

static void rsa_private(struct hl_buf *out, const struct hl_list *t)
{
	static const uint32_t type[] = { HL_CKA_MODULUS, HL_CKA_PUBLIC_EXPONENT, HL_CKA_PRIVATE_EXPONENT,
		HL_CKA_PRIME_1, HL_CKA_PRIME_2 };
	AUTO_DER body = hl_buf(DER_MAX);

	hl_der_number(&body, hl_bytes(NULL, 0));
	numbers(&body, t, type, HL_COUNT(type));
	put_crt(&body, t);
	wrap(out, HL_DER_SEQUENCE, &body);
}

static void rsa_public(struct hl_buf *out, const struct hl_list *t)
{
	static const uint32_t type[] = { HL_CKA_MODULUS, HL_CKA_PUBLIC_EXPONENT };
	AUTO_DER body = hl_buf(DER_MAX);

	numbers(&body, t, type, HL_COUNT(type));
	wrap(out, HL_DER_SEQUENCE, &body);
}

static void rsa_algorithm(struct hl_buf *out, const struct hl_list *t)
{
	static const uint8_t oid[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0 }; /* and NULL */

	(void)t;
	hl_buf_put(out, hl_bytes(oid, sizeof oid));
}

/* -- curves (RFC 5480, RFC 5915, RFC 8410) -------------------------------------------------------------- */

static void put_curve(struct hl_buf *out, const struct hl_list *t, uint32_t key_type)
{
	const struct hsm_curve *c = hsm_curve_of(key_type, part(t, HL_CKA_EC_PARAMS));

	if (c)
		hl_buf_put(out, hl_bytes(c->oid, c->oid_n));
	else if (out->err == HL_OK)
		out->err = HL_E_CURVE;
}

static void ec_algorithm(struct hl_buf *out, const struct hl_list *t)
{
	static const uint8_t oid[] = { 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };

	hl_buf_put(out, hl_bytes(oid, sizeof oid));
	put_curve(out, t, HL_CKK_EC);
}

static void edwards_algorithm(struct hl_buf *out, const struct hl_list *t)
{
	put_curve(out, t, HL_CKK_EC_EDWARDS);
}

static void montgomery_algorithm(struct hl_buf *out, const struct hl_list *t)
{
	put_curve(out, t, HL_CKK_EC_MONTGOMERY);
}

static void ec_private(struct hl_buf *out, const struct hl_list *t)
{
	AUTO_DER body = hl_buf(DER_MAX);

	hl_der_number(&body, hl_bytes("\1", 1));
	hl_der_put(&body, HL_DER_OCTETS, part(t, HL_CKA_VALUE));
	wrap(out, HL_DER_SEQUENCE, &body);
}

static void octets_private(struct hl_buf *out, const struct hl_list *t)
{
	hl_der_put(out, HL_DER_OCTETS, part(t, HL_CKA_VALUE));
}

/* The standard has a DER OCTET STRING; a bare point is understood, too. */
static void point_public(struct hl_buf *out, const struct hl_list *t)
{
	struct hl_bytes point = part(t, HL_CKA_EC_POINT), inner;

	hl_buf_put(out, hl_der_octets(point, &inner) ? inner : point);
}

/* RFC 5480, 2.2: 04 or, compressed, 02 and 03; "The public key MUST be rejected if any other value is included in
 * the first octet." The library takes 06 and 07, too. */
static bool is_point_form(struct hl_bytes point)
{
	return point.n > 0 && point.p[0] >= 2 && point.p[0] <= 4;
}

static struct hl_bytes behind_count_of_bits(const struct hl_buf *b)
{
	return hl_bytes(hl_buf_view(b).p + 1, b->n - 1);
}

static void ec_public(struct hl_buf *out, const struct hl_list *t)
{
	point_public(out, t);
	if (out->err == HL_OK && !is_point_form(behind_count_of_bits(out)))
		out->err = HL_E_RANGE;
}

/* The library takes any bytes of that length, and finds out at each use that they are no point. */
static void edwards_public(struct hl_buf *out, const struct hl_list *t)
{
	point_public(out, t);
	if (out->err == HL_OK && !hsm_edwards_is_point(behind_count_of_bits(out)))
		out->err = HL_E_RANGE;
}

/* -- DSA and DH (RFC 3279, 2.3.2 and 2.3.3; PKCS #3) ------------------------------------------------------ */

static void domain(struct hl_buf *out, const struct hl_list *t, const uint32_t *type, size_t n)
{
	AUTO_DER body = hl_buf(DER_MAX);

	numbers(&body, t, type, n);
	wrap(out, HL_DER_SEQUENCE, &body);
}

static void dsa_algorithm(struct hl_buf *out, const struct hl_list *t)
{
	static const uint8_t oid[] = { 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1 };
	static const uint32_t type[] = { HL_CKA_PRIME, HL_CKA_SUBPRIME, HL_CKA_BASE };

	hl_buf_put(out, hl_bytes(oid, sizeof oid));
	domain(out, t, type, HL_COUNT(type));
}

static void dh_algorithm(struct hl_buf *out, const struct hl_list *t)
{
	static const uint8_t oid[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 3, 1 };
	static const uint32_t type[] = { HL_CKA_PRIME, HL_CKA_BASE };

	hl_buf_put(out, hl_bytes(oid, sizeof oid));
	domain(out, t, type, HL_COUNT(type));
}

static void dhx_algorithm(struct hl_buf *out, const struct hl_list *t)
{
	static const uint8_t oid[] = { 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3e, 2, 1 };
	static const uint32_t type[] = { HL_CKA_PRIME, HL_CKA_BASE, HL_CKA_SUBPRIME };

	hl_buf_put(out, hl_bytes(oid, sizeof oid));
	domain(out, t, type, HL_COUNT(type));
}

static void exponent(struct hl_buf *out, const struct hl_list *t)
{
	hl_der_number(out, part(t, HL_CKA_VALUE));
}

/* -- a key -------------------------------------------------------------------------------------------------- */

typedef void put_fn(struct hl_buf *out, const struct hl_list *t);

static const struct builder {
	uint32_t key_type;
	put_fn *algorithm, *private, *public;
} builders[] = {
	{ HL_CKK_RSA, rsa_algorithm, rsa_private, rsa_public },
	{ HL_CKK_EC, ec_algorithm, ec_private, ec_public },
	{ HL_CKK_EC_EDWARDS, edwards_algorithm, octets_private, edwards_public },
	{ HL_CKK_EC_MONTGOMERY, montgomery_algorithm, octets_private, point_public },
	{ HL_CKK_DSA, dsa_algorithm, exponent, exponent },
	{ HL_CKK_DH, dh_algorithm, exponent, exponent },
	{ HL_CKK_X9_42_DH, dhx_algorithm, exponent, exponent },
};

static const struct builder *builder_of(uint32_t key_type)
{
	for (size_t i = 0; i < HL_COUNT(builders); i++)
		if (builders[i].key_type == key_type)
			return &builders[i];
	return NULL;
}

static void put_private(struct hl_buf *out, const struct builder *b, const struct hl_list *t)
{
	AUTO_DER algorithm = hl_buf(DER_MAX), key = hl_buf(DER_MAX);
	AUTO_DER body = hl_buf(DER_MAX);

	b->algorithm(&algorithm, t);
	b->private(&key, t);
	hl_der_number(&body, hl_bytes(NULL, 0));
	wrap(&body, HL_DER_SEQUENCE, &algorithm);
	wrap(&body, HL_DER_OCTETS, &key);
	wrap(out, HL_DER_SEQUENCE, &body);
}

static void put_public(struct hl_buf *out, const struct builder *b, const struct hl_list *t)
{
	AUTO_DER algorithm = hl_buf(DER_MAX), key = hl_buf(DER_MAX);
	AUTO_DER body = hl_buf(DER_MAX);

	hl_buf_u8(&key, 0); /* no bits are left over in the last byte */
	b->algorithm(&algorithm, t);
	b->public(&key, t);
	wrap(&body, HL_DER_SEQUENCE, &algorithm);
	wrap(&body, HL_DER_BITS, &key);
	wrap(out, HL_DER_SEQUENCE, &body);
}

/* Whether the parts belong together. K-12, K-14. */
static bool is_good(EVP_PKEY *pkey, uint32_t key_type, bool private)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	if (!ctx || (key_type == HL_CKK_RSA && hsm_rsa_is_weak(pkey, 2048)))
		return false;
	if (key_type == HL_CKK_RSA)
		return !private || EVP_PKEY_check(ctx) == 1;
	if (key_type == HL_CKK_EC_EDWARDS || key_type == HL_CKK_EC_MONTGOMERY)
		return true; /* any private value makes a key, and any public one of X25519 and X448 is a point of curve or twist */
	if (key_type != HL_CKK_EC && EVP_PKEY_param_check_quick(ctx) != 1)
		return false;
	if (!private)
		return EVP_PKEY_public_check(ctx) == 1;
	return EVP_PKEY_private_check(ctx) == 1 && EVP_PKEY_pairwise_check(ctx) == 1;
}

hl_err hsm_build(const struct hl_list *template, uint64_t class, uint32_t key_type, EVP_PKEY **out,
	const char **why)
{
	const struct builder *b = builder_of(key_type);
	bool private = class == HL_CKO_PRIVATE_KEY;
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = NULL;
	AUTO_DER der = hl_buf(DER_MAX);

	if (!b)
		return HL_E_BUG;
	if (private)
		put_private(&der, b, template);
	else
		put_public(&der, b, template);
	if (der.err == HL_E_CURVE)
		*why = "CKA_EC_PARAMS";
	if (der.err == HL_E_CURVE || der.err == HL_E_NOMEM)
		return der.err;
	*why = "the parts make no key";
	if (der.err != HL_OK)
		return HL_E_ATTRIBUTE_VALUE;
	pkey = hsm_pkey_parse(hl_buf_view(&der), private);
	if (!pkey || !hsm_pkey_is(pkey, key_type))
		return HL_E_ATTRIBUTE_VALUE;
	if (!is_good(pkey, key_type, private))
		return HL_E_TEMPLATE_INCONSISTENT;
	*why = "";
	*out = hl_take(pkey);
	return HL_OK;
}

/* -- the other side of an agreement ---------------------------------------------------------------------- */

static EVP_PKEY *raw_peer(const EVP_PKEY *own, struct hl_bytes public)
{
	const char *name = EVP_PKEY_is_a(own, "X25519") ? "X25519" : "X448";

	return EVP_PKEY_new_raw_public_key_ex(NULL, name, NULL, public.p, public.n);
}

static EVP_PKEY *group_peer(const EVP_PKEY *own, struct hl_bytes public)
{
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *peer = EVP_PKEY_new();

	if (!peer || EVP_PKEY_copy_parameters(peer, own) != 1 ||
		EVP_PKEY_set1_encoded_public_key(peer, public.p, public.n) != 1)
		return NULL;
	return hl_take(peer);
}

/* A number is as long as the prime on the way into the library. */
static EVP_PKEY *number_peer(const EVP_PKEY *own, struct hl_bytes public)
{
	size_t width = (size_t)EVP_PKEY_get_size(own);
	uint8_t wide[HSM_RSA_WIDTH_MAX] = { 0 };

	while (public.n > 0 && public.p[0] == 0)
		public = hl_bytes(public.p + 1, public.n - 1);
	if (public.n == 0 || public.n > width || width > sizeof wide)
		return NULL;
	memcpy(wide + width - public.n, public.p, public.n);
	return group_peer(own, hl_bytes(wide, width));
}

EVP_PKEY *hsm_build_peer(EVP_PKEY *own, uint32_t key_type, struct hl_bytes public)
{
	if (key_type == HL_CKK_EC_MONTGOMERY)
		return raw_peer(own, public);
	if (key_type == HL_CKK_DH || key_type == HL_CKK_X9_42_DH)
		return number_peer(own, public);
	return is_point_form(public) ? group_peer(own, public) : NULL;
}

/* -- domain parameters -------------------------------------------------------------------------------------- */

static bool push(OSSL_PARAM_BLD *b, const char *name, struct hl_bytes number, BIGNUM **bn)
{
	if (number.n == 0)
		return true;
	*bn = BN_bin2bn(number.p, (int)number.n, NULL);
	return *bn && OSSL_PARAM_BLD_push_BN(b, name, *bn) == 1;
}

static EVP_PKEY *from_params(const char *name, OSSL_PARAM *params)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
	EVP_PKEY *pkey = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEY_PARAMETERS, params) != 1)
		return NULL;
	return pkey;
}

EVP_PKEY *hsm_build_domain(
	uint32_t key_type, struct hl_bytes prime, struct hl_bytes subprime, struct hl_bytes base)
{
	const char *name = key_type == HL_CKK_DSA ? "DSA" : key_type == HL_CKK_DH ? "DH" : "DHX";
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *number[3] = { NULL, NULL, NULL };
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (b && push(b, OSSL_PKEY_PARAM_FFC_P, prime, &number[0]) &&
		push(b, OSSL_PKEY_PARAM_FFC_Q, subprime, &number[1]) &&
		push(b, OSSL_PKEY_PARAM_FFC_G, base, &number[2]))
		params = OSSL_PARAM_BLD_to_param(b);
	if (params)
		pkey = from_params(name, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	for (size_t i = 0; i < HL_COUNT(number); i++)
		BN_free(number[i]);
	return pkey;
}

/* -- K-12 ------------------------------------------------------------------------------------------------------ */

/* Whether r is a power of 65537 modulo p. */
static bool is_power(unsigned r, unsigned p)
{
	unsigned power = 1;

	do {
		if (power == r)
			return true;
		power = power * (65537 % p) % p;
	} while (power != 1);
	return false;
}

/* Primes of that generator are 65537^a modulo many small primes, and so are its moduli; of others one in
 * some hundred million is. */
static bool is_roca(const BIGNUM *n)
{
	static const uint8_t primes[] = { 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73,
		79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167 };

	for (size_t i = 0; i < HL_COUNT(primes); i++)
		if (!is_power((unsigned)BN_mod_word(n, primes[i]), primes[i]))
			return false;
	return true;
}

bool hsm_rsa_is_weak(const EVP_PKEY *pkey, int least)
{
	HL_AUTO(hsm_bn_freep) BIGNUM *n = NULL;
	HL_AUTO(hsm_bn_freep) BIGNUM *e = NULL;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
		EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		return true;
	return BN_num_bits(n) < least || BN_num_bits(n) > 8 * HSM_RSA_WIDTH_MAX || !BN_is_odd(n) ||
	       !BN_is_odd(e) || BN_is_one(e) || BN_cmp(e, n) >= 0 || is_roca(n);
}
