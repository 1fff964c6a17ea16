/* Keys, from words. */
#include "tests/support/p11_case_impl.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/base/err.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* clang-format off */
static const struct kind {
	const char *name; /* with wildcards */
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE type;
} kinds[] = {
	{ "AES*",              CKO_SECRET_KEY,  CKK_AES }, /* AES_CMAC: what that takes */
	{ "DES3*",             CKO_SECRET_KEY,  CKK_DES3 },
	{ "GENERIC",           CKO_SECRET_KEY,  CKK_GENERIC_SECRET },
	{ "*_HMAC",            CKO_SECRET_KEY,  CKK_GENERIC_SECRET },
	{ "RSA",               CKO_PRIVATE_KEY, CKK_RSA },
	{ "RSA.public",        CKO_PUBLIC_KEY,  CKK_RSA },
	{ "EC",                CKO_PRIVATE_KEY, CKK_EC },
	{ "EC.public",         CKO_PUBLIC_KEY,  CKK_EC },
	{ "EDWARDS",           CKO_PRIVATE_KEY, CKK_EC_EDWARDS },
	{ "EDWARDS.public",    CKO_PUBLIC_KEY,  CKK_EC_EDWARDS },
	{ "MONTGOMERY",        CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY },
	{ "MONTGOMERY.public", CKO_PUBLIC_KEY,  CKK_EC_MONTGOMERY },
};

static const struct {
	const char *name;
	CK_ATTRIBUTE_TYPE type;
} parts[] = {
	{ "value",  CKA_VALUE },            { "params", CKA_EC_PARAMS },        { "der", CKA_EC_POINT },
	{ "point",  CKA_EC_POINT }, /* put into an OCTET STRING */
	{ "n",      CKA_MODULUS },          { "e",      CKA_PUBLIC_EXPONENT },  { "d",   CKA_PRIVATE_EXPONENT },
	{ "p",      CKA_PRIME_1 },          { "q",      CKA_PRIME_2 },
};
/* clang-format on */

void p11_case_add(struct p11_template *t, CK_ATTRIBUTE_TYPE type, struct hl_bytes value)
{
	t->item[t->n++] = (CK_ATTRIBUTE){ type, p11_case_writable(value), value.n };
}

void p11_case_allow(struct p11_template *t, CK_ATTRIBUTE_TYPE type)
{
	p11_case_add(t, type, hl_bytes(&yes, 1));
}

static struct hl_bytes in_octets(struct p11_cases *c, struct hl_bytes point)
{
	CK_BYTE *at = c->arena + c->used, *p = at;

	*p++ = 4;
	if (point.n >= 128)
		*p++ = 0x81;
	*p++ = (CK_BYTE)point.n;
	if (point.n > 0)
		memcpy(p, point.p, point.n);
	c->used += (size_t)(p - at) + point.n;
	return hl_bytes(at, (size_t)(p - at) + point.n);
}

static void add_numbers(struct p11_cases *c, struct p11_template *t, struct hl_bytes pkcs8)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const char *name;
	} number[] = { { CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N }, { CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E },
		{ CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D }, { CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1 },
		{ CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2 } };
	const unsigned char *p = pkcs8.p;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)pkcs8.n);

	for (size_t i = 0; i < HL_COUNT(number); i++) {
		CK_BYTE *at = c->arena + c->used;
		BIGNUM *v = NULL;

		if (!key || EVP_PKEY_get_bn_param(key, number[i].name, &v) != 1)
			p11_case_give_up(c, "no key", number[i].name);
		p11_case_add(t, number[i].type, hl_bytes(at, (size_t)BN_bn2bin(v, at)));
		c->used += (size_t)BN_num_bytes(v);
		BN_free(v);
	}
	EVP_PKEY_free(key);
}

static void add_part(struct p11_cases *c, struct p11_template *t, char *text)
{
	char *value = text, *name = strsep(&value, "=");
	struct hl_bytes b = p11_case_bytes(c, value ? value : "");

	if (strcmp(name, "pkcs8") == 0) {
		add_numbers(c, t, b);
		return;
	}
	for (size_t i = 0; i < HL_COUNT(parts); i++)
		if (strcmp(parts[i].name, name) == 0) {
			p11_case_add(t, parts[i].type, strcmp(name, "point") == 0 ? in_octets(c, b) : b);
			return;
		}
	p11_case_give_up(c, "no part of a key", name);
}

CK_RV p11_case_make_key(
	struct p11_cases *c, const struct named *k, const CK_ATTRIBUTE_TYPE use[2], CK_OBJECT_HANDLE *out)
{
	char words[16384], *rest = words, *part, *kind_name;
	const struct kind *kind = kinds;
	struct p11_template t = { .n = 0 };

	snprintf(words, sizeof words, "%s", k->words);
	kind_name = p11_case_word(c, &rest);
	while (kind < kinds + HL_COUNT(kinds) && fnmatch(kind->name, kind_name, 0) != 0)
		kind++;
	if (kind == kinds + HL_COUNT(kinds))
		p11_case_give_up(c, "no kind of key", kind_name);
	p11_case_add(&t, CKA_CLASS, hl_bytes(&kind->class, sizeof kind->class));
	p11_case_add(&t, CKA_KEY_TYPE, hl_bytes(&kind->type, sizeof kind->type));
	p11_case_add(&t, CKA_TOKEN, hl_bytes(&no, 1));
	for (size_t i = 0; i < 2 && use[i]; i++)
		p11_case_allow(&t, use[i]);
	while ((part = strtok_r(rest, " \n", &rest)))
		add_part(c, &t, part);
	return p11_f->C_CreateObject(c->s, t.item, t.n, out);
}
