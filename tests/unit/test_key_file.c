/* What files with keys hold: the parts of every kind, as OpenSSL knows them; whatever was cut, altered or is something else. */
#include "cli/key_file.h"
#include "lib/base/der.h"
#include "lib/wire/numbers.h"
#include "tests/support/test.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* DER in memory of just its size, so that a sanitizer sees a read behind it. */
struct der {
	unsigned char *p;
	size_t n;
};

static void der_clear(struct der *d)
{
	free(d->p);
	*d = (struct der){ 0 };
}

static struct der der_of(const unsigned char *p, size_t n)
{
	struct der d = { malloc(n ? n : 1), n };

	CU_ASSERT_PTR_NOT_NULL_FATAL(d.p);
	if (n > 0)
		memcpy(d.p, p, n);
	return d;
}

static struct der der_take(unsigned char *p, int n)
{
	struct der d;

	CU_ASSERT_FATAL(n > 0);
	d = der_of(p, (size_t)n);
	OPENSSL_free(p);
	return d;
}

/* -- keys of every kind ------------------------------------------------------------------------------------- */

static const struct sample {
	const char *algorithm, *curve, *kind;
	uint32_t type;
} samples[] = {
	{ "RSA", NULL, "rsa-2048", HL_CKK_RSA },
	{ "EC", "P-256", "ec-p256", HL_CKK_EC },
	{ "EC", "P-521", "ec-p521", HL_CKK_EC },
	{ "EC", "secp256k1", "ec-secp256k1", HL_CKK_EC },
	{ "EC", "brainpoolP512r1", "ec-brainpoolP512r1", HL_CKK_EC },
	{ "EC", "sect283k1", "ec", HL_CKK_EC }, /* none that has a name here */
	{ "ED25519", NULL, "ed25519", HL_CKK_EC_EDWARDS },
	{ "ED448", NULL, "ed448", HL_CKK_EC_EDWARDS },
	{ "X25519", NULL, "x25519", HL_CKK_EC_MONTGOMERY },
	{ "X448", NULL, "x448", HL_CKK_EC_MONTGOMERY },
};
static EVP_PKEY *keys[HL_COUNT(samples)];

static EVP_PKEY *key(size_t i)
{
	if (!keys[i])
		keys[i] = samples[i].type == HL_CKK_RSA ? EVP_RSA_gen(2048)
			  : samples[i].curve	       ? EVP_EC_gen(samples[i].curve)
						       : EVP_PKEY_Q_keygen(NULL, NULL, samples[i].algorithm);
	CU_ASSERT_PTR_NOT_NULL_FATAL(keys[i]);
	return keys[i];
}

static struct der private_der(EVP_PKEY *pkey)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	unsigned char *p = NULL;
	int n = i2d_PKCS8_PRIV_KEY_INFO(info, &p);

	PKCS8_PRIV_KEY_INFO_free(info);
	return der_take(p, n);
}

static struct der public_der(EVP_PKEY *pkey)
{
	unsigned char *p = NULL;
	int n = i2d_PUBKEY(pkey, &p);

	return der_take(p, n);
}

static struct der certificate_der(void)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_NAME_new();
	unsigned char *p = NULL;
	int n;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 0x1234);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"issuer", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_ASC, (const unsigned char *)"subject", -1, -1, 0);
	X509_set_subject_name(x, name);
	X509_set_pubkey(x, key(1));
	X509_sign(x, key(1), EVP_sha256());
	n = i2d_X509(x, &p);
	X509_NAME_free(name);
	X509_free(x);
	return der_take(p, n);
}

/* -- parts -------------------------------------------------------------------------------------------------------- */

static hl_err parse(const struct der *d, struct cli_key_parts *out)
{
	char why[CLI_KEY_WHY] = "";
	hl_err err = cli_key_parse(hl_bytes(d->p, d->n), out, why);

	if (err == HL_OK)
		return err;
	CU_ASSERT_EQUAL(err, HL_E_KEY_FILE);
	CU_ASSERT_NOT_EQUAL(why[0], 0); /* it is told why */
	return err;
}

static struct hl_bytes part(const struct cli_key_parts *k, uint32_t type)
{
	for (size_t i = 0; i < k->parts; i++)
		if (k->part[i].type == type)
			return hl_bytes(k->part[i].value, k->part[i].n);
	return hl_bytes(NULL, 0);
}

static bool is_number(EVP_PKEY *pkey, const char *name, struct hl_bytes got)
{
	BIGNUM *want = NULL, *have = BN_bin2bn(got.p, (int)got.n, NULL);
	bool same = EVP_PKEY_get_bn_param(pkey, name, &want) == 1 && have && BN_cmp(want, have) == 0;

	BN_clear_free(want);
	BN_clear_free(have);
	return same;
}

static void check_rsa(EVP_PKEY *pkey, const struct cli_key_parts *k, bool private)
{
	static const struct { const char *name; uint32_t type; } numbers[] = {
		{ OSSL_PKEY_PARAM_RSA_N, HL_CKA_MODULUS }, { OSSL_PKEY_PARAM_RSA_E, HL_CKA_PUBLIC_EXPONENT },
		{ OSSL_PKEY_PARAM_RSA_D, HL_CKA_PRIVATE_EXPONENT }, { OSSL_PKEY_PARAM_RSA_FACTOR1, HL_CKA_PRIME_1 },
		{ OSSL_PKEY_PARAM_RSA_FACTOR2, HL_CKA_PRIME_2 }, { OSSL_PKEY_PARAM_RSA_EXPONENT1, HL_CKA_EXPONENT_1 },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT2, HL_CKA_EXPONENT_2 },
		{ OSSL_PKEY_PARAM_RSA_COEFFICIENT1, HL_CKA_COEFFICIENT },
	};

	CU_ASSERT_EQUAL(k->parts, private ? 8 : 2);
	for (size_t i = 0; i < k->parts; i++)
		CU_ASSERT(is_number(pkey, numbers[i].name, part(k, numbers[i].type)));
	CU_ASSERT_EQUAL(part(k, HL_CKA_MODULUS).p[0] & 0x80, 0x80); /* no zero before it */
}

static void check_private(size_t i, const struct cli_key_parts *k)
{
	struct hl_bytes value = part(k, HL_CKA_VALUE);
	unsigned char raw[64];
	size_t n = sizeof raw;

	if (samples[i].type == HL_CKK_RSA) {
		check_rsa(key(i), k, true);
		return;
	}
	CU_ASSERT_EQUAL(k->parts, 2);
	if (samples[i].type == HL_CKK_EC) {
		CU_ASSERT(is_number(key(i), OSSL_PKEY_PARAM_PRIV_KEY, value));
		return;
	}
	CU_ASSERT_EQUAL(EVP_PKEY_get_raw_private_key(key(i), raw, &n), 1);
	CU_ASSERT(hl_bytes_eq(value, hl_bytes(raw, n)));
}

static void a_private_key_has_its_parts(void)
{
	for (size_t i = 0; i < HL_COUNT(samples); i++) {
		HL_AUTO(der_clear) struct der d = private_der(key(i));
		struct cli_key_parts k;

		CU_ASSERT_EQUAL_FATAL(parse(&d, &k), HL_OK);
		CU_ASSERT_EQUAL(k.class, HL_CKO_PRIVATE_KEY);
		CU_ASSERT_EQUAL(k.type, samples[i].type);
		CU_ASSERT_STRING_EQUAL(k.kind, samples[i].kind);
		check_private(i, &k);
	}
}

/* PKCS #11 v3.0, 2.3.3: the point as an OCTET STRING. */
static void check_point(size_t i, const struct cli_key_parts *k)
{
	unsigned char raw[256];
	size_t n = sizeof raw;
	struct hl_bytes point;

	CU_ASSERT_EQUAL(k->parts, 2);
	CU_ASSERT(hl_der_octets(part(k, HL_CKA_EC_POINT), &point));
	if (samples[i].type == HL_CKK_EC)
		CU_ASSERT(EVP_PKEY_get_octet_string_param(key(i), OSSL_PKEY_PARAM_PUB_KEY, raw, sizeof raw, &n) == 1)
	else
		CU_ASSERT(EVP_PKEY_get_raw_public_key(key(i), raw, &n) == 1)
	CU_ASSERT(hl_bytes_eq(point, hl_bytes(raw, n)));
}

static void a_public_key_has_its_parts(void)
{
	for (size_t i = 0; i < HL_COUNT(samples); i++) {
		HL_AUTO(der_clear) struct der d = public_der(key(i));
		struct cli_key_parts k;

		CU_ASSERT_EQUAL_FATAL(parse(&d, &k), HL_OK);
		CU_ASSERT_EQUAL(k.class, HL_CKO_PUBLIC_KEY);
		CU_ASSERT_EQUAL(k.type, samples[i].type);
		CU_ASSERT_STRING_EQUAL(k.kind, samples[i].kind);
		if (samples[i].type == HL_CKK_RSA)
			check_rsa(key(i), &k, false);
		else
			check_point(i, &k);
	}
}

static void a_certificate_has_its_parts(void)
{
	HL_AUTO(der_clear) struct der d = certificate_der();
	static const uint8_t serial[] = { 0x02, 0x02, 0x12, 0x34 };
	const unsigned char *p = d.p;
	X509 *x = d2i_X509(NULL, &p, (long)d.n);
	struct cli_key_parts k;
	const unsigned char *name;
	size_t n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(x);
	CU_ASSERT_EQUAL_FATAL(parse(&d, &k), HL_OK);
	CU_ASSERT_EQUAL(k.class, HL_CKO_CERTIFICATE);
	CU_ASSERT_STRING_EQUAL(k.kind, "x509");
	CU_ASSERT(hl_bytes_eq(part(&k, HL_CKA_VALUE), hl_bytes(d.p, d.n)));
	CU_ASSERT(hl_bytes_eq(part(&k, HL_CKA_SERIAL_NUMBER), hl_bytes(serial, sizeof serial)));
	X509_NAME_get0_der(X509_get_subject_name(x), &name, &n);
	CU_ASSERT(hl_bytes_eq(part(&k, HL_CKA_SUBJECT), hl_bytes(name, n)));
	X509_NAME_get0_der(X509_get_issuer_name(x), &name, &n);
	CU_ASSERT(hl_bytes_eq(part(&k, HL_CKA_ISSUER), hl_bytes(name, n)));
	X509_free(x);
}

/* RFC 5958 adds the public key to the private one. */
static void attributes_and_a_public_key_behind_a_private_one_are_passed_over(void)
{
	static const uint8_t more[] = { 0xa0, 2, 0x31, 0, 0x81, 2, 0, 1 };
	HL_AUTO(der_clear) struct der d = private_der(key(6));
	HL_AUTO(hl_buf_clear) struct hl_buf body = hl_buf(256);
	HL_AUTO(hl_buf_clear) struct hl_buf all = hl_buf(256);
	struct hl_rd r = hl_rd(hl_bytes(d.p, d.n));
	struct cli_key_parts k;
	struct der longer;

	hl_buf_put(&body, hl_der_take(&r, HL_DER_SEQUENCE));
	hl_buf_put(&body, hl_bytes(more, sizeof more));
	hl_der_put(&all, HL_DER_SEQUENCE, hl_buf_view(&body));
	longer = der_of(hl_buf_view(&all).p, all.n);
	CU_ASSERT_EQUAL(parse(&longer, &k), HL_OK);
	check_private(6, &k);
	der_clear(&longer);
}

/* -- what is not good ------------------------------------------------------------------------------------------------- */

static void is_refused_in_pieces(const struct der *whole)
{
	struct cli_key_parts k;

	for (size_t n = 0; n < whole->n; n += hl_test_stride()) {
		HL_AUTO(der_clear) struct der cut = der_of(whole->p, n);

		CU_ASSERT_EQUAL(parse(&cut, &k), HL_E_KEY_FILE);
	}
	for (size_t more = 1; more < 4; more++) {
		HL_AUTO(der_clear) struct der d = { calloc(1, whole->n + more), whole->n + more };

		memcpy(d.p, whole->p, whole->n);
		CU_ASSERT_EQUAL(parse(&d, &k), HL_E_KEY_FILE);
	}
}

static void every_cut_is_refused(void)
{
	HL_AUTO(der_clear) struct der certificate = certificate_der();

	is_refused_in_pieces(&certificate);
	for (size_t i = 0; i < HL_COUNT(samples); i++) {
		HL_AUTO(der_clear) struct der private = private_der(key(i));
		HL_AUTO(der_clear) struct der public = public_der(key(i));

		is_refused_in_pieces(&private);
		is_refused_in_pieces(&public);
	}
}

static bool lies_in(hsmlet_attribute a, const struct der *d, const struct cli_key_parts *k)
{
	uintptr_t at = (uintptr_t)a.value, in = (uintptr_t)d->p, point = (uintptr_t)k->point;

	return (at >= in && at + a.n <= in + d->n) || (at >= point && at + a.n <= point + sizeof k->point);
}

/* An altered byte leaves another key, or none; never a view of anything else. */
static void is_safe_altered(struct der *d)
{
	static const uint8_t flips[] = { 0x01, 0x02, 0x04, 0x10, 0x20, 0x80, 0xff };
	struct cli_key_parts k;

	for (size_t at = 0; at < d->n; at += hl_test_stride()) {
		for (size_t i = 0; i < HL_COUNT(flips); i++) {
			d->p[at] ^= flips[i];
			if (parse(d, &k) == HL_OK)
				for (size_t n = 0; n < k.parts; n++)
					CU_ASSERT(lies_in(k.part[n], d, &k));
			d->p[at] ^= flips[i];
		}
	}
}

static void every_altered_byte_is_survived(void)
{
	HL_AUTO(der_clear) struct der certificate = certificate_der();

	is_safe_altered(&certificate);
	for (size_t i = 0; i < HL_COUNT(samples); i++) {
		HL_AUTO(der_clear) struct der private = private_der(key(i));
		HL_AUTO(der_clear) struct der public = public_der(key(i));

		is_safe_altered(&private);
		is_safe_altered(&public);
	}
}

static const char *refusal(const struct der *d)
{
	static char why[CLI_KEY_WHY];
	struct cli_key_parts k;

	why[0] = 0;
	CU_ASSERT_EQUAL(cli_key_parse(hl_bytes(d->p, d->n), &k, why), HL_E_KEY_FILE);
	return why;
}

static void other_forms_are_known_by_their_elements(void)
{
	static const struct { size_t key; bool public; enum cli_key_form form; } others[] = {
		{ 0, false, CLI_KEY_RSA_PRIVATE }, { 0, true, CLI_KEY_RSA_PUBLIC }, { 1, false, CLI_KEY_EC_PRIVATE },
	};

	for (size_t i = 0; i < HL_COUNT(others); i++) {
		unsigned char *p = NULL;
		int n = others[i].public ? i2d_PublicKey(key(others[i].key), &p) : i2d_PrivateKey(key(others[i].key), &p);
		HL_AUTO(der_clear) struct der d = der_take(p, n);

		CU_ASSERT_EQUAL(cli_key_form_of(hl_bytes(d.p, d.n)), others[i].form);
		CU_ASSERT_PTR_NOT_NULL(strstr(refusal(&d), cli_key_form_row(others[i].form)->what));
		CU_ASSERT_PTR_NOT_NULL(cli_key_form_row(others[i].form)->next);
	}
}

static void a_key_of_another_algorithm_is_named(void)
{
	EVP_PKEY *pss = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);

	CU_ASSERT_FATAL(EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_generate(ctx, &pss) == 1);
	{
		HL_AUTO(der_clear) struct der d = private_der(pss);
		HL_AUTO(der_clear) struct der public = public_der(pss);

		CU_ASSERT_PTR_NOT_NULL(strstr(refusal(&d), "rsassaPss"));
		CU_ASSERT_PTR_NOT_NULL(strstr(refusal(&public), "rsassaPss"));
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pss);
}

static void a_curve_that_is_spelt_out_is_refused(void)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	HL_AUTO(der_clear) struct der d = { 0 };

	CU_ASSERT_EQUAL(EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
	d = private_der(pkey);
	CU_ASSERT_PTR_NOT_NULL(strstr(refusal(&d), "spells it out"));
	der_clear(&d);
	d = public_der(pkey);
	CU_ASSERT_PTR_NOT_NULL(strstr(refusal(&d), "spells it out"));
	EVP_PKEY_free(pkey);
}

static void what_is_no_der_is_called_so(void)
{
	static const char text[] = "0123456789abcdef";
	HL_AUTO(der_clear) struct der d = der_of((const unsigned char *)text, sizeof text - 1);
	HL_AUTO(der_clear) struct der empty = der_of(NULL, 0);

	CU_ASSERT_EQUAL(cli_key_form_of(hl_bytes(d.p, d.n)), CLI_KEY_UNKNOWN);
	(void)refusal(&d);
	(void)refusal(&empty);
	d.p[0] = 'x';
	CU_ASSERT_PTR_NOT_NULL(strstr(refusal(&d), "neither PEM nor DER"));
}

static void every_label_leads_to_its_form(void)
{
	for (unsigned i = 0; i <= CLI_KEY_UNKNOWN; i++) {
		const struct cli_key_form_row *row = cli_key_form_row((enum cli_key_form)i);

		CU_ASSERT_PTR_NOT_NULL(row->what);
		if (row->label)
			CU_ASSERT_EQUAL(cli_key_form_named(row->label), i);
	}
	CU_ASSERT_EQUAL(cli_key_form_named("PUBLIC"), CLI_KEY_UNKNOWN);
}

/* At the end of the program. */
__attribute__((destructor)) static void forget_keys(void)
{
	for (size_t i = 0; i < HL_COUNT(keys); i++)
		EVP_PKEY_free(keys[i]);
}

static CU_TestInfo tests[] = {
	{ "a private key has its parts", a_private_key_has_its_parts },
	{ "a public key has its parts", a_public_key_has_its_parts },
	{ "a certificate has its parts", a_certificate_has_its_parts },
	{ "attributes and a public key behind a private one are passed over",
		attributes_and_a_public_key_behind_a_private_one_are_passed_over },
	{ "every cut is refused", every_cut_is_refused },
	{ "every altered byte is survived", every_altered_byte_is_survived },
	{ "other forms are known by their elements", other_forms_are_known_by_their_elements },
	{ "a key of another algorithm is named", a_key_of_another_algorithm_is_named },
	{ "a curve that is spelt out is refused", a_curve_that_is_spelt_out_is_refused },
	{ "what is no DER is called so", what_is_no_der_is_called_so },
	{ "every label leads to its form", every_label_leads_to_its_form },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("key_file", tests)
