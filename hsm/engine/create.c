/* create.c - objects from their parts: keys, certificates, domain parameters, data. */
#include <openssl/err.h>
#include <openssl/x509.h>

#include "hsm/engine/build.h"
#include "hsm/engine/engine.h"
#include "hsm/engine/finish.h"
#include "hsm/ossl.h"

static hl_err refuse(hl_err code, const char **why, const char *name)
{
	*why = name;
	return code;
}

/* -- the classes ------------------------------------------------------------------------------------------- */

static hl_err create_pair(const struct hl_list *t, struct hsm_object *o, const char **why)
{
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = NULL;

	HL_TRY(hsm_build(t, hsm_attribute_number(o, HL_CKA_CLASS),
		(uint32_t)hsm_attribute_number(o, HL_CKA_KEY_TYPE), &pkey, why));
	HL_TRY(hsm_describe(pkey, o));
	return hsm_object_born(o, HSM_CREATED, 0, NULL);
}

static hl_err create_secret(const struct hl_list *t, struct hsm_object *o, const char **why)
{
	const struct hsm_kind_row *kind =
		hsm_kind_row(HL_CKO_SECRET_KEY, hsm_attribute_number(o, HL_CKA_KEY_TYPE));
	struct hl_attribute value;

	if (!hsm_template_find(t, HL_CKA_VALUE, &value))
		return HL_E_BUG; /* the table says that it must be there */
	if (!hsm_kind_takes(kind, value.value.n))
		return refuse(HL_E_ATTRIBUTE_VALUE, why, "CKA_VALUE");
	HL_TRY(hl_secret_set(&o->value, value.value));
	HL_TRY(hsm_finish_secret(o, why));
	return hsm_object_born(o, HSM_CREATED, 0, NULL);
}

HSM_FREEP(x509, X509, X509_free)

static hl_err keep_certificate(X509 *x, struct hl_bytes der, struct hsm_object *o, const char **why)
{
	HL_AUTO(hsm_bytes_freep) unsigned char *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	uint8_t hash[EVP_MAX_MD_SIZE];
	size_t hash_n;

	if (n <= 0 || EVP_Q_digest(NULL, "SHA1", NULL, der.p, der.n, hash, &hash_n) != 1)
		return HL_E_CRYPTO;
	HL_TRY(hsm_attribute_set(o, HL_CKA_PUBLIC_KEY_INFO, HL_FORM_BYTES, hl_bytes(spki, (size_t)n)));
	return hsm_finish_check_value(o, hl_bytes(hash, 3), why);
}

static hl_err create_certificate(const struct hl_list *t, struct hsm_object *o, const char **why)
{
	struct hl_bytes der = hsm_attribute(o, HL_CKA_VALUE)->value;
	const unsigned char *p = der.p;
	HL_AUTO(hsm_x509_freep) X509 *x = NULL;

	(void)t;
	if (hsm_attribute_number(o, HL_CKA_CERTIFICATE_TYPE) != HL_CKC_X_509)
		return refuse(HL_E_ATTRIBUTE_VALUE, why, "CKA_CERTIFICATE_TYPE");
	x = d2i_X509(NULL, &p, (long)der.n);
	if (!x || p != der.p + der.n)
		return refuse(HL_E_ATTRIBUTE_VALUE, why, "CKA_VALUE");
	return keep_certificate(x, der, o, why);
}

static hl_err create_data(const struct hl_list *t, struct hsm_object *o, const char **why)
{
	struct hl_attribute value;

	(void)why;
	return hsm_template_find(t, HL_CKA_VALUE, &value) ? hl_secret_set(&o->value, value.value) : HL_OK;
}

static struct hl_bytes value_of(const struct hsm_object *o, uint32_t type)
{
	const struct hl_attribute *a = hsm_attribute(o, type);

	return a ? a->value : hl_bytes(NULL, 0);
}

static hl_err create_domain(const struct hl_list *t, struct hsm_object *o, const char **why)
{
	uint32_t type = (uint32_t)hsm_attribute_number(o, HL_CKA_KEY_TYPE);
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *domain = hsm_build_domain(type, value_of(o, HL_CKA_PRIME),
		value_of(o, HL_CKA_SUBPRIME), value_of(o, HL_CKA_BASE));
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = domain ? EVP_PKEY_CTX_new_from_pkey(NULL, domain, NULL) : NULL;

	(void)t;
	if (!ctx || EVP_PKEY_param_check_quick(ctx) != 1)
		return refuse(HL_E_DOMAIN, why, "CKA_PRIME");
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_PRIME_BITS, (uint64_t)EVP_PKEY_get_bits(domain)));
	return hsm_attribute_set_bool(o, HL_CKA_LOCAL, false);
}

static const struct {
	uint64_t class;
	bool typed; /* has a CKA_KEY_TYPE */
	hl_err (*create)(const struct hl_list *t, struct hsm_object *o, const char **why);
} classes[] = {
	{ HL_CKO_DATA, false, create_data },
	{ HL_CKO_CERTIFICATE, false, create_certificate },
	{ HL_CKO_PUBLIC_KEY, true, create_pair },
	{ HL_CKO_PRIVATE_KEY, true, create_pair },
	{ HL_CKO_SECRET_KEY, true, create_secret },
	{ HL_CKO_DOMAIN_PARAMETERS, true, create_domain },
};

/* -- the way in ---------------------------------------------------------------------------------------------- */

static hl_err read_class(const struct hl_list *t, size_t *row, const char **why)
{
	uint64_t class;

	HL_TRY(hsm_template_number(t, HL_CKA_CLASS, UINT64_MAX, &class, why));
	if (class == UINT64_MAX)
		return refuse(HL_E_TEMPLATE_INCOMPLETE, why, "CKA_CLASS");
	for (*row = 0; *row < HL_COUNT(classes); ++*row)
		if (classes[*row].class == class)
			return HL_OK;
	return refuse(HL_E_ATTRIBUTE_VALUE, why, "CKA_CLASS");
}

static hl_err read_type(const struct hl_list *t, uint64_t class, uint64_t *type, const char **why)
{
	HL_TRY(hsm_template_number(t, HL_CKA_KEY_TYPE, UINT64_MAX, type, why));
	if (*type == UINT64_MAX)
		return refuse(HL_E_TEMPLATE_INCOMPLETE, why, "CKA_KEY_TYPE");
	return hsm_kind_row(class, *type) ? HL_OK : refuse(HL_E_ATTRIBUTE_VALUE, why, "CKA_KEY_TYPE");
}

hl_err hsm_object_create(const struct hl_list *template, const struct hsm_rules *rules,
	struct hsm_object *out, const char **why)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	uint64_t type;
	size_t row;

	*why = "";
	if (!hsm_engine_start())
		return HL_E_CRYPTO;
	ERR_clear_error();
	HL_TRY(read_class(template, &row, why));
	HL_TRY(hsm_attribute_set_number(&o, HL_CKA_CLASS, classes[row].class));
	if (classes[row].typed) {
		HL_TRY(read_type(template, classes[row].class, &type, why));
		HL_TRY(hsm_attribute_set_number(&o, HL_CKA_KEY_TYPE, type));
	}
	HL_TRY(hsm_template_apply(template, HSM_CREATED, rules, &o, why));
	HL_TRY(classes[row].create(template, &o, why));
	*out = o;
	o = (struct hsm_object){ 0 };
	return HL_OK;
}
