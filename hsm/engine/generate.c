/* generate.c - new keys, pairs and domain parameters. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "hsm/engine/build.h"
#include "hsm/engine/curve.h"
#include "hsm/engine/engine.h"
#include "hsm/engine/finish.h"
#include "hsm/ossl.h"

static hl_err refuse(hl_err code, const char **why, const char *name)
{
	*why = name;
	return code;
}

/* -- pairs --------------------------------------------------------------------------------------------- */

/* What the private half takes over from the public template, and what can be read off the key. */
static hl_err finish_pair(struct hsm_making *g, EVP_PKEY *pkey)
{
	const struct hl_attribute *params = hsm_attribute(g->public_key, HL_CKA_EC_PARAMS);

	if (params)
		HL_TRY(hsm_attribute_set(g->key, HL_CKA_EC_PARAMS, HL_FORM_BYTES, params->value));
	return hsm_describe_all(pkey, (struct hsm_object *const[]){ g->key, g->public_key }, 2);
}

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
		return refuse(HL_E_ATTRIBUTE_VALUE, why, "CKA_PUBLIC_EXPONENT");
	*out = hl_take(e);
	return HL_OK;
}

static hl_err make_rsa(struct hsm_making *g)
{
	const struct hsm_mechanism *m = g->u->m;
	uint64_t bits = hsm_attribute_number(g->public_key, HL_CKA_MODULUS_BITS);
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = NULL;
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = NULL;
	HL_AUTO(hsm_bn_freep) BIGNUM *e = NULL;

	/* OpenSSL 3.0 makes a modulus of an odd length one bit shorter than it was asked for. */
	if (bits < m->min || bits > m->max || bits % 2 != 0)
		return refuse(HL_E_ATTRIBUTE_VALUE, g->why, "CKA_MODULUS_BITS");
	HL_TRY(public_exponent(g->public_key, &e, g->why));
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
		EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) != 1 ||
		EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) != 1 ||
		EVP_PKEY_generate(ctx, &pkey) != 1 || hsm_rsa_is_weak(pkey, (int)bits))
		return HL_E_CRYPTO;
	return finish_pair(g, pkey);
}

/* To OpenSSL an Edwards or Montgomery curve is a type of key, the others are groups of one type. */
static hl_err make_ec(struct hsm_making *g)
{
	uint32_t type = g->u->m->key_type;
	const struct hsm_curve *c = hsm_curve_of(type, hsm_attribute(g->public_key, HL_CKA_EC_PARAMS)->value);
	bool is_group = type == HL_CKK_EC;
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = NULL;
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = NULL;

	if (!c)
		return refuse(HL_E_CURVE, g->why, "CKA_EC_PARAMS");
	ctx = EVP_PKEY_CTX_new_from_name(NULL, is_group ? "EC" : c->group, NULL);
	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
		(is_group && EVP_PKEY_CTX_set_group_name(ctx, c->group) != 1) ||
		EVP_PKEY_generate(ctx, &pkey) != 1)
		return HL_E_CRYPTO;
	return finish_pair(g, pkey);
}

static struct hl_bytes value_of(const struct hsm_object *o, uint32_t type)
{
	const struct hl_attribute *a = hsm_attribute(o, type);

	return a ? a->value : hl_bytes(NULL, 0);
}

static size_t bits_of(struct hl_bytes number)
{
	size_t bits;

	while (number.n > 0 && number.p[0] == 0)
		number = hl_bytes(number.p + 1, number.n - 1);
	bits = 8 * number.n;
	for (uint8_t top = number.n > 0 ? number.p[0] : 0x80; !(top & 0x80); top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

/* The checks of the library that are quick; those of primes take seconds, and whoever brings a bad prime
 * harms his own key only. */
static hl_err domain_of(const struct hsm_making *g, EVP_PKEY **out)
{
	struct hl_bytes p = value_of(g->public_key, HL_CKA_PRIME), q = value_of(g->public_key, HL_CKA_SUBPRIME);
	size_t bits = bits_of(p);
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *domain = NULL;
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = NULL;

	if (bits < g->u->m->min || bits > g->u->m->max)
		return refuse(HL_E_ATTRIBUTE_VALUE, g->why, "CKA_PRIME");
	domain = hsm_build_domain(g->u->m->key_type, p, q, value_of(g->public_key, HL_CKA_BASE));
	ctx = domain ? EVP_PKEY_CTX_new_from_pkey(NULL, domain, NULL) : NULL;
	if (!ctx || EVP_PKEY_param_check_quick(ctx) != 1)
		return refuse(HL_E_DOMAIN, g->why, "CKA_PRIME");
	*out = hl_take(domain);
	return HL_OK;
}

/* PKCS #3: CKA_VALUE_BITS is the length of the private value. */
static hl_err set_length(EVP_PKEY_CTX *ctx, const struct hsm_making *g, EVP_PKEY *domain)
{
	uint64_t bits = hsm_attribute_number(g->key, HL_CKA_VALUE_BITS);
	int length = (int)bits;
	OSSL_PARAM params[] = { OSSL_PARAM_int(OSSL_PKEY_PARAM_DH_PRIV_LEN, &length), OSSL_PARAM_END };

	if (bits == 0)
		return HL_OK;
	if (bits < 160 || bits >= (uint64_t)EVP_PKEY_get_bits(domain))
		return refuse(HL_E_ATTRIBUTE_VALUE, g->why, "CKA_VALUE_BITS");
	return EVP_PKEY_CTX_set_params(ctx, params) == 1 ? HL_OK : HL_E_CRYPTO;
}

static hl_err make_exponent(struct hsm_making *g)
{
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *domain = NULL;
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = NULL;
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = NULL;

	HL_TRY(domain_of(g, &domain));
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, domain, NULL);
	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1)
		return HL_E_CRYPTO;
	HL_TRY(set_length(ctx, g, domain));
	if (EVP_PKEY_generate(ctx, &pkey) != 1)
		return refuse(HL_E_DOMAIN, g->why, "CKA_PRIME");
	return finish_pair(g, pkey);
}

const struct hsm_scheme hsm_rsa_pair = { .make = make_rsa };
const struct hsm_scheme hsm_ec_pair = { .make = make_ec };
const struct hsm_scheme hsm_dsa_pair = { .make = make_exponent };
const struct hsm_scheme hsm_dh_pair = { .make = make_exponent };
const struct hsm_scheme hsm_dhx_pair = { .make = make_exponent };

/* -- domain parameters ------------------------------------------------------------------------------------ */

static hl_err keep_domain(struct hsm_making *g, const EVP_PKEY *pkey)
{
	HL_TRY(hsm_describe_number(pkey, OSSL_PKEY_PARAM_FFC_P, g->key, HL_CKA_PRIME));
	HL_TRY(hsm_describe_number(pkey, OSSL_PKEY_PARAM_FFC_G, g->key, HL_CKA_BASE));
	if (g->u->m->key_type == HL_CKK_DH)
		return HL_OK;
	return hsm_describe_number(pkey, OSSL_PKEY_PARAM_FFC_Q, g->key, HL_CKA_SUBPRIME);
}

static hl_err domain_bits(const struct hsm_making *g, int *prime, int *subprime)
{
	uint64_t p = hsm_attribute_number(g->key, HL_CKA_PRIME_BITS);
	uint64_t q = hsm_attribute_number(g->key, HL_CKA_SUBPRIME_BITS);

	if (p < g->u->m->min || p > g->u->m->max || p % 64 != 0)
		return refuse(HL_E_ATTRIBUTE_VALUE, g->why, "CKA_PRIME_BITS");
	if (q == 0)
		q = p < 2048 ? 160 : 256; /* FIPS 186-4, 4.2 */
	if (q != 160 && q != 224 && q != 256)
		return refuse(HL_E_ATTRIBUTE_VALUE, g->why, "CKA_SUBPRIME_BITS");
	*prime = (int)p;
	*subprime = (int)q;
	return HL_OK;
}

static hl_err make_domain(struct hsm_making *g)
{
	static const char *const names[] = { [HL_CKK_DSA] = "DSA", [HL_CKK_DH] = "DH", [HL_CKK_X9_42_DH] = "DHX" };
	bool dh = g->u->m->key_type == HL_CKK_DH;
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = NULL;
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = NULL;
	char type[] = "fips186_4", safe[] = "generator";
	int prime = 0, subprime = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_FFC_TYPE, dh ? safe : type, 0),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_FFC_PBITS, &prime),
		dh ? (OSSL_PARAM)OSSL_PARAM_END : (OSSL_PARAM)OSSL_PARAM_int(OSSL_PKEY_PARAM_FFC_QBITS, &subprime),
		OSSL_PARAM_END,
	};

	HL_TRY(domain_bits(g, &prime, &subprime));
	ctx = EVP_PKEY_CTX_new_from_name(NULL, names[g->u->m->key_type], NULL);
	if (!ctx || EVP_PKEY_paramgen_init(ctx) != 1 || EVP_PKEY_CTX_set_params(ctx, params) != 1 ||
		EVP_PKEY_generate(ctx, &pkey) != 1)
		return HL_E_CRYPTO;
	return keep_domain(g, pkey);
}

const struct hsm_scheme hsm_dsa_domain = { .make = make_domain };
const struct hsm_scheme hsm_dh_domain = { .make = make_domain };
const struct hsm_scheme hsm_dhx_domain = { .make = make_domain };

/* -- secret keys ------------------------------------------------------------------------------------------ */

/* The library's own way to a random key of a cipher: its private generator, 32 bytes at a time. */
static hl_err random_bytes(struct hl_secret *out)
{
	HL_AUTO(hsm_cipher_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t some[32];
	bool ok = ctx && EVP_EncryptInit_ex2(ctx, EVP_aes_256_ecb(), NULL, NULL, NULL) == 1;

	for (size_t i = 0; ok && i < out->n; i += sizeof some) {
		size_t left = out->n - i;

		ok = EVP_CIPHER_CTX_rand_key(ctx, some) == 1;
		if (ok)
			memcpy(out->p + i, some, left < sizeof some ? left : sizeof some);
	}
	OPENSSL_cleanse(some, sizeof some);
	return ok ? HL_OK : HL_E_CRYPTO;
}

/* NIST SP 800-67, 3.2: the parts of a bundle differ. */
static bool parts_differ(const struct hl_secret *s)
{
	for (size_t i = 8; i < s->n; i += 8)
		if (memcmp(s->p, s->p + i, 8) == 0 || (i > 8 && memcmp(s->p + 8, s->p + i, 8) == 0))
			return false;
	return true;
}

static hl_err make_secret(struct hsm_making *g)
{
	struct hl_secret *value = &g->key->value;
	uint32_t type = g->u->m->key_type;

	HL_TRY(hl_secret_make(value, (size_t)hsm_attribute_number(g->key, HL_CKA_VALUE_LEN)));
	do {
		HL_TRY(random_bytes(value));
		hsm_set_parity(type, value);
	} while ((type == HL_CKK_DES2 || type == HL_CKK_DES3) && !parts_differ(value));
	return HL_OK;
}

const struct hsm_scheme hsm_secret = { .make = make_secret };

/* -- all of them -------------------------------------------------------------------------------------------- */

static hl_err begin(struct hsm_object *o, uint64_t class, uint64_t key_type, const struct hl_list *template,
	const struct hsm_rules *rules, const char **why)
{
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_CLASS, class));
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_KEY_TYPE, key_type));
	return hsm_template_apply(template, HSM_GENERATED, rules, o, why);
}

static void give(struct hsm_object *o, struct hsm_object *out)
{
	*out = *o;
	*o = (struct hsm_object){ 0 };
}

static hl_err generate_pair(const struct hsm_use *u, const struct hl_list *template,
	const struct hl_list *public_template, const struct hsm_rules *rules, struct hsm_object *key,
	struct hsm_object *public_key, const char **why)
{
	static const struct hl_list none;
	HL_AUTO(hsm_object_clear) struct hsm_object a = { 0 };
	HL_AUTO(hsm_object_clear) struct hsm_object b = { 0 };
	struct hsm_making g = { .u = u, .key = &a, .public_key = &b, .why = why };

	HL_TRY(begin(&b, HL_CKO_PUBLIC_KEY, u->m->key_type, public_template ? public_template : &none, rules, why));
	HL_TRY(begin(&a, HL_CKO_PRIVATE_KEY, u->m->key_type, template, rules, why));
	HL_TRY(hsm_pair_judge(&a, &b, rules, why));
	HL_TRY(u->m->scheme->make(&g));
	HL_TRY(hsm_object_born(&a, HSM_GENERATED, u->m->number, NULL));
	HL_TRY(hsm_object_born(&b, HSM_GENERATED, u->m->number, NULL));
	give(&a, key);
	give(&b, public_key);
	return HL_OK;
}

static hl_err generate_domain(const struct hsm_use *u, const struct hl_list *template,
	const struct hsm_rules *rules, struct hsm_object *key, const char **why)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	struct hsm_making g = { .u = u, .key = &o, .why = why };

	HL_TRY(begin(&o, HL_CKO_DOMAIN_PARAMETERS, u->m->key_type, template, rules, why));
	HL_TRY(u->m->scheme->make(&g));
	HL_TRY(hsm_attribute_set_bool(&o, HL_CKA_LOCAL, true));
	give(&o, key);
	return HL_OK;
}

/* Of one type, or (PBKDF2) of that which the template names. */
static hl_err secret_type(const struct hsm_use *u, const struct hl_list *template, uint64_t *type, const char **why)
{
	*type = u->m->key_type;
	if (u->m->also_type != HSM_ANY_SECRET)
		return HL_OK;
	HL_TRY(hsm_template_number(template, HL_CKA_KEY_TYPE, *type, type, why));
	if (!hsm_kind_row(HL_CKO_SECRET_KEY, *type))
		return refuse(HL_E_TEMPLATE_INCONSISTENT, why, "CKA_KEY_TYPE");
	return HL_OK;
}

static hl_err secret_length(const struct hsm_use *u, struct hsm_object *o, uint64_t type, const char **why)
{
	const struct hsm_kind_row *kind = hsm_kind_row(HL_CKO_SECRET_KEY, type);
	uint64_t n = hsm_attribute_number(o, HL_CKA_VALUE_LEN);

	if (!hsm_attribute(o, HL_CKA_VALUE_LEN) && kind->least == kind->most)
		n = kind->most;
	else if (!hsm_attribute(o, HL_CKA_VALUE_LEN))
		return refuse(HL_E_TEMPLATE_INCOMPLETE, why, "CKA_VALUE_LEN");
	if (n > kind->most || !hsm_kind_takes(kind, (size_t)n) || (u->m->max > 0 && (n < u->m->min || n > u->m->max)))
		return refuse(HL_E_ATTRIBUTE_VALUE, why, "CKA_VALUE_LEN");
	return hsm_attribute_set_number(o, HL_CKA_VALUE_LEN, n);
}

static hl_err generate_secret(const struct hsm_use *u, const struct hl_list *template,
	const struct hsm_rules *rules, struct hsm_object *key, const char **why)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	struct hsm_making g = { .u = u, .key = &o, .why = why };
	uint64_t type;

	HL_TRY(secret_type(u, template, &type, why));
	HL_TRY(begin(&o, HL_CKO_SECRET_KEY, type, template, rules, why));
	HL_TRY(secret_length(u, &o, type, why));
	HL_TRY(u->m->scheme->make(&g));
	HL_TRY(hsm_finish_secret(&o, why));
	/* Whoever knows the password of PBKDF2 knows the key: it was not made here. */
	HL_TRY(hsm_object_born(&o, u->m->parameter ? HSM_CREATED : HSM_GENERATED, u->m->number, NULL));
	give(&o, key);
	return HL_OK;
}

hl_err hsm_key_generate(uint32_t mechanism, struct hl_bytes parameter,
	const struct hl_list *template, const struct hl_list *public_template,
	const struct hsm_rules *rules, struct hsm_object *key, struct hsm_object *public_key,
	const char **why)
{
	struct hsm_use u = { .m = hsm_mechanism(mechanism) };

	*why = "";
	if (!u.m || !(u.m->flags & HSM_GENERATES))
		return HL_E_MECHANISM;
	if (!hsm_engine_start())
		return HL_E_CRYPTO;
	ERR_clear_error();
	HL_TRY(hsm_use_parameter(&u, parameter));
	if (u.m->flags & HSM_PAIR)
		return generate_pair(&u, template, public_template, rules, key, public_key, why);
	if (public_template && public_template->count > 0)
		return refuse(HL_E_TEMPLATE_INCONSISTENT, why, "public template of a secret key");
	if (hsm_mechanism_in_bits(u.m))
		return generate_domain(&u, template, rules, key, why);
	return generate_secret(&u, template, rules, key, why);
}
