/* Objects from their parts: what must be there, what must fit, and what is shown of it. Also all that generates. */
#include "tests/support/test.h"
#include "tests/support/vectors.h"
#include "tests/support/imports.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm/engine/pkcs8.h"
#include "hsm/ossl.h"

static struct hl_bytes none;

static hl_err create(struct template *t, struct hsm_object *out, const char **why)
{
	hl_err err;

	hsm_object_clear(out);
	err = hsm_object_create(template_list(t), &strict, out, why);
	template_clear(t);
	return err;
}

static bool shows(const struct hsm_object *o, uint32_t type, struct hl_bytes wanted)
{
	struct hl_attribute a;

	hsm_attribute_shown(o, type, &a);
	return a.form == HL_FORM_BYTES && hl_bytes_eq(a.value, wanted);
}

static void begin(struct template *t, uint64_t class, uint64_t type)
{
	template_number(t, HL_CKA_CLASS, class);
	template_number(t, HL_CKA_KEY_TYPE, type);
}

/* -- RSA ---------------------------------------------------------------------------------------------------------- */

#define PARTS 8

/* The numbers of a fresh key, in the order of their attributes. */
struct numbers {
	uint8_t room[PARTS][512];
	size_t n[PARTS];
};

static const uint32_t rsa_part[PARTS] = { HL_CKA_MODULUS, HL_CKA_PUBLIC_EXPONENT, HL_CKA_PRIVATE_EXPONENT, HL_CKA_PRIME_1,
	HL_CKA_PRIME_2, HL_CKA_EXPONENT_1, HL_CKA_EXPONENT_2, HL_CKA_COEFFICIENT };

static void fresh_rsa(unsigned bits, struct numbers *out)
{
	static const char *const name[PARTS] = { OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
		OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
		OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = EVP_RSA_gen(bits);

	for (size_t i = 0; i < PARTS; i++) {
		HL_AUTO(hsm_bn_freep) BIGNUM *n = NULL;

		CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_bn_param(pkey, name[i], &n), 1);
		out->n[i] = (size_t)BN_bn2bin(n, out->room[i]);
	}
}

static void put_rsa(struct template *t, const struct numbers *n, size_t parts, size_t without)
{
	begin(t, HL_CKO_PRIVATE_KEY, HL_CKK_RSA);
	template_bool(t, HL_CKA_SENSITIVE, false);
	template_bool(t, HL_CKA_EXTRACTABLE, true);
	for (size_t i = 0; i < parts; i++)
		if (i != without)
			template_bytes(t, rsa_part[i], n->room[i], n->n[i]);
}

static void rsa_keys_come_with_all_numbers_or_with_five(void)
{
	struct numbers n;
	struct template t = { 0 };
	AUTO_OBJECT o = { 0 };
	const char *why;

	fresh_rsa(2048, &n);
	for (size_t parts = 5; parts <= PARTS; parts++) {
		put_rsa(&t, &n, parts, PARTS);
		CU_ASSERT_EQUAL_FATAL(create(&t, &o, &why), HL_OK);
		for (size_t i = 0; i < PARTS; i++)
			CU_ASSERT(shows(&o, rsa_part[i], hl_bytes(n.room[i], n.n[i])));
		CU_ASSERT_FALSE(hsm_attribute_bool(&o, HL_CKA_LOCAL));
		CU_ASSERT_FALSE(hsm_attribute_bool(&o, HL_CKA_NEVER_EXTRACTABLE));
	}
	for (size_t i = 0; i < 5; i++) {
		put_rsa(&t, &n, PARTS, i);
		CU_ASSERT_EQUAL(create(&t, &o, &why), HL_E_TEMPLATE_INCOMPLETE);
	}
	for (size_t i = 0; i < PARTS; i++) { /* a number that belongs to another key */
		n.room[i][n.n[i] - 1] ^= 4;
		put_rsa(&t, &n, PARTS, PARTS);
		CU_ASSERT_EQUAL(create(&t, &o, &why), HL_E_TEMPLATE_INCONSISTENT);
		n.room[i][n.n[i] - 1] ^= 4;
	}
}

static hl_err create_public(struct hl_bytes modulus, struct hl_bytes e)
{
	struct template t = { 0 };
	AUTO_OBJECT o = { 0 };
	const char *why;

	begin(&t, HL_CKO_PUBLIC_KEY, HL_CKK_RSA);
	template_bytes(&t, HL_CKA_MODULUS, modulus.p, modulus.n);
	template_bytes(&t, HL_CKA_PUBLIC_EXPONENT, e.p, e.n);
	return create(&t, &o, &why);
}

/* A product of two numbers as that generator makes them: 65537 to some power, modulo the product of small primes. */
static size_t roca_modulus(uint8_t out[300])
{
	HL_AUTO(hsm_bn_freep) BIGNUM *m = BN_new();
	HL_AUTO(hsm_bn_freep) BIGNUM *p = BN_new();
	HL_AUTO(hsm_bn_freep) BIGNUM *e = BN_new();
	HL_AUTO(hsm_bn_freep) BIGNUM *n = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	int length;

	BN_one(m);
	for (unsigned i = 2; i <= 167; i++) {
		bool prime = true;

		for (unsigned d = 2; d < i; d++)
			prime = prime && i % d != 0;
		if (prime)
			BN_mul_word(m, i);
	}
	BN_set_word(p, 65537);
	BN_set_word(e, 987654321);
	BN_mod_exp(p, p, e, m, ctx);
	BN_lshift(n, m, 1100); /* some multiple of m besides: it is odd and long enough */
	BN_mul(n, n, m, ctx);
	BN_lshift(n, n, 730);
	BN_add(n, n, p);
	length = BN_bn2bin(n, out);
	BN_CTX_free(ctx);
	return (size_t)length;
}

/* K-12 */
static void weak_keys_are_refused(void)
{
	struct numbers n;
	struct template t = { 0 };
	AUTO_OBJECT o = { 0 };
	struct hl_bytes f4 = hl_bytes("\1\0\1", 3), modulus;
	uint8_t roca[300], even[256];
	size_t roca_n;
	const char *why;

	fresh_rsa(2048, &n);
	modulus = hl_bytes(n.room[0], n.n[0]);
	CU_ASSERT_EQUAL(create_public(modulus, f4), HL_OK);
	CU_ASSERT_EQUAL(create_public(modulus, hl_bytes("\3", 1)), HL_OK);
	CU_ASSERT_EQUAL(create_public(modulus, hl_bytes("\1", 1)), HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(create_public(modulus, hl_bytes("\1\0\0", 3)), HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(create_public(modulus, modulus), HL_E_TEMPLATE_INCONSISTENT);
	memcpy(even, modulus.p, 256);
	even[255] ^= 1;
	CU_ASSERT_EQUAL(create_public(hl_bytes(even, 256), f4), HL_E_TEMPLATE_INCONSISTENT);
	roca_n = roca_modulus(roca);
	CU_ASSERT_EQUAL(create_public(hl_bytes(roca, roca_n), f4), HL_E_TEMPLATE_INCONSISTENT);
	roca[roca_n - 1] ^= 2; /* another number of that length is none of them */
	CU_ASSERT_EQUAL(create_public(hl_bytes(roca, roca_n), f4), HL_OK);
	memcpy(n.room[4], n.room[3], n.n[3]); /* p = q */
	n.n[4] = n.n[3];
	put_rsa(&t, &n, 5, PARTS);
	CU_ASSERT_NOT_EQUAL(create(&t, &o, &why), HL_OK);
	fresh_rsa(1024, &n);
	CU_ASSERT_EQUAL(create_public(hl_bytes(n.room[0], n.n[0]), f4), HL_E_TEMPLATE_INCONSISTENT);
	put_rsa(&t, &n, PARTS, PARTS);
	CU_ASSERT_EQUAL(create(&t, &o, &why), HL_E_TEMPLATE_INCONSISTENT);
}

/* -- curves ------------------------------------------------------------------------------------------------------------ */

static hl_err create_ec(uint64_t class, struct hl_bytes params, uint32_t part, struct hl_bytes value)
{
	struct template t = { 0 };
	AUTO_OBJECT o = { 0 };
	const char *why;

	begin(&t, class, HL_CKK_EC);
	template_bytes(&t, HL_CKA_EC_PARAMS, params.p, params.n);
	template_bytes(&t, part, value.p, value.n);
	return create(&t, &o, &why);
}

static void values_and_points_outside_their_curve_are_refused(void)
{
	/* SP 800-186, 3.2.1.3: the order of P-256. */
	static const uint8_t order[] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
	static const uint8_t zeros[32], other[] = { 0x06, 3, 0x2b, 0x65, 0x70 };
	AUTO_PAIR p = { 0 };
	struct hl_bytes point;
	uint8_t bad[67];

	CU_ASSERT_EQUAL(create_ec(HL_CKO_PRIVATE_KEY, p256, HL_CKA_VALUE, message), HL_OK);
	CU_ASSERT_NOT_EQUAL(create_ec(HL_CKO_PRIVATE_KEY, p256, HL_CKA_VALUE, hl_bytes(order, 32)), HL_OK);
	CU_ASSERT_NOT_EQUAL(create_ec(HL_CKO_PRIVATE_KEY, p256, HL_CKA_VALUE, hl_bytes(zeros, 32)), HL_OK);
	CU_ASSERT_EQUAL(
		create_ec(HL_CKO_PRIVATE_KEY, hl_bytes(other, sizeof other), HL_CKA_VALUE, message), HL_E_CURVE);
	make_ec_pair(p256, &p.object, &p.public_object);
	point = hsm_attribute(&p.public_object, HL_CKA_EC_POINT)->value;
	CU_ASSERT_EQUAL(create_ec(HL_CKO_PUBLIC_KEY, p256, HL_CKA_EC_POINT, point), HL_OK);
	CU_ASSERT_EQUAL(create_ec(HL_CKO_PUBLIC_KEY, p256, HL_CKA_EC_POINT, hl_bytes(point.p + 2, 65)), HL_OK); /* bare */
	memcpy(bad, point.p, 67);
	bad[66] ^= 1;
	CU_ASSERT_NOT_EQUAL(create_ec(HL_CKO_PUBLIC_KEY, p256, HL_CKA_EC_POINT, hl_bytes(bad, 67)), HL_OK);
	for (size_t n = 0; n < 67; n++)
		CU_ASSERT_NOT_EQUAL(create_ec(HL_CKO_PUBLIC_KEY, p256, HL_CKA_EC_POINT, hl_bytes(point.p, n)), HL_OK);
	CU_ASSERT_NOT_EQUAL(create_ec(HL_CKO_PUBLIC_KEY, p384, HL_CKA_EC_POINT, point), HL_OK);
}

/* -- Edwards curves ------------------------------------------------------------------------------------------------ */

static const uint8_t ed25519[] = { 6, 3, 0x2b, 101, 112 }, ed448[] = { 6, 3, 0x2b, 101, 113 };

static hl_err create_point(size_t width, struct hl_bytes point)
{
	struct template t = { 0 };
	AUTO_OBJECT o = { 0 };
	const char *why;

	begin(&t, HL_CKO_PUBLIC_KEY, HL_CKK_EC_EDWARDS);
	template_bytes(&t, HL_CKA_EC_PARAMS, width == 32 ? ed25519 : ed448, sizeof ed448);
	template_bytes(&t, HL_CKA_EC_POINT, point.p, point.n);
	return create(&t, &o, &why);
}

/* RFC 8032, 7.1 and 7.4, and points that are those of other libraries. */
static void points_of_edwards_curves_are_taken(void)
{
	struct vectors v;

	vectors_open(&v, "rfc8032.txt");
	while (vectors_next(&v, 4)) {
		struct hl_bytes point = vectors_bytes(&v, 1);

		CU_ASSERT_EQUAL(create_point(32, point), HL_OK);
		for (size_t n = 0; n < point.n; n++)
			CU_ASSERT_EQUAL(create_point(32, hl_bytes(point.p, n)), HL_E_ATTRIBUTE_VALUE);
	}
	vectors_close(&v);
	vectors_open(&v, "ed448.txt");
	while (vectors_next(&v, 5)) {
		struct hl_bytes point = vectors_bytes(&v, 2);

		CU_ASSERT_EQUAL(create_point(point.n, point), HL_OK);
		CU_ASSERT_EQUAL(create_point(point.n == 32 ? 57 : 32, point), HL_E_ATTRIBUTE_VALUE); /* the other curve */
	}
	vectors_close(&v);
}

/* Whether there is an x to y = 0, 1, 2 and so on: computed by (y^2 - 1) / (d y^2 - a) and Euler's criterion, elsewhere. */
static void what_is_no_point_of_an_edwards_curve_is_refused(void)
{
	static const struct {
		size_t width;
		const char *on;
		uint8_t p[2]; /* the prime's lowest byte, and its byte 28 */
	} row[] = {
		{ 32, "1101111001100011101101011111111011010101", { 0xed, 0xff } },
		{ 57, "1101110111001100000101001111010101011111", { 0xff, 0xfe } },
	};

	for (size_t i = 0; i < HL_COUNT(row); i++) {
		uint8_t point[57] = { 0 }, *sign = &point[row[i].width - 1];
		const struct hl_bytes encoded = { point, row[i].width };

		for (; row[i].on[point[0]]; point[0]++)
			for (*sign = 0; *sign <= 0x80; *sign = (uint8_t)(*sign + 0x80)) {
				bool on = row[i].on[point[0]] == '1' && !(point[0] == 1 && *sign); /* x = 0 has no sign */

				CU_ASSERT_EQUAL(create_point(encoded.n, encoded), on ? HL_OK : HL_E_ATTRIBUTE_VALUE);
				if (*sign)
					break;
			}
		memset(point, 0xff, sizeof point);
		point[0] = row[i].p[0];
		point[28] = row[i].p[1];
		*sign = i == 0 ? 0x7f : 0;
		CU_ASSERT_EQUAL(create_point(encoded.n, encoded), HL_E_ATTRIBUTE_VALUE); /* p, which is 0 once more */
		point[0]--;
		CU_ASSERT_EQUAL(create_point(encoded.n, encoded), HL_OK); /* -1: x is 0 */
		*sign |= 0x80;
		CU_ASSERT_EQUAL(create_point(encoded.n, encoded), HL_E_ATTRIBUTE_VALUE);
		memset(point, 0xff, sizeof point);
		CU_ASSERT_EQUAL(create_point(encoded.n, encoded), HL_E_ATTRIBUTE_VALUE);
	}
}

/* Of each type the private value is found in its PKCS #8 and shown, and in no cut of it. */
static void private_values_are_shown_as_they_came(void)
{
	static const uint8_t x448[] = { 6, 3, 0x2b, 101, 111 };
	static const uint8_t long_value[57] = { 0x40, 1, 2, 3 };
	const struct {
		uint64_t type;
		struct hl_bytes params, value;
	} row[] = {
		{ HL_CKK_EC, p256, message },
		{ HL_CKK_EC_EDWARDS, hl_bytes(ed448, 5), hl_bytes(long_value, 57) },
		{ HL_CKK_EC_MONTGOMERY, hl_bytes(x448, 5), hl_bytes(long_value, 56) },
	};

	for (size_t i = 0; i < HL_COUNT(row); i++) {
		struct template t = { 0 };
		AUTO_OBJECT o = { 0 };
		struct hl_bytes part, all;
		const char *why;

		begin(&t, HL_CKO_PRIVATE_KEY, row[i].type);
		template_bool(&t, HL_CKA_SENSITIVE, false);
		template_bool(&t, HL_CKA_EXTRACTABLE, true);
		template_bytes(&t, HL_CKA_EC_PARAMS, row[i].params.p, row[i].params.n);
		template_bytes(&t, HL_CKA_VALUE, row[i].value.p, row[i].value.n);
		CU_ASSERT_EQUAL_FATAL(create(&t, &o, &why), HL_OK);
		CU_ASSERT(shows(&o, HL_CKA_VALUE, row[i].value));
		all = hl_secret_view(&o.value);
		for (size_t n = 0; n < all.n; n++) {
			uint8_t *exact = malloc(n ? n : 1);

			memcpy(exact, all.p, n);
			CU_ASSERT_NOT_EQUAL(
				hsm_pkcs8_part(hl_bytes(exact, n), (uint32_t)row[i].type, HL_CKA_VALUE, &part), HL_OK);
			free(exact);
		}
	}
}

/* -- secret keys ---------------------------------------------------------------------------------------------------------- */

static hl_err create_secret(uint64_t type, size_t n, const char *check, size_t check_n, struct hsm_object *o)
{
	static const uint8_t bytes[9000];
	struct template t = { 0 };
	const char *why;

	begin(&t, HL_CKO_SECRET_KEY, type);
	template_bytes(&t, HL_CKA_VALUE, bytes, n);
	if (check)
		template_bytes(&t, HL_CKA_CHECK_VALUE, check, check_n);
	return create(&t, o, &why);
}

static void secret_keys_have_lengths_and_check_values(void)
{
	/* What a key of zeros makes of a block of zeros: FIPS 197 and SP 800-67 by another library. */
	static const uint8_t aes[] = { 0x66, 0xe9, 0x4b }, des[] = { 0x8c, 0xa6, 0x4d };
	AUTO_OBJECT o = { 0 };

	for (size_t n = 0; n <= 40; n++) {
		CU_ASSERT_EQUAL(create_secret(HL_CKK_AES, n, NULL, 0, &o),
			n == 16 || n == 24 || n == 32 ? HL_OK : HL_E_ATTRIBUTE_VALUE);
		CU_ASSERT_EQUAL(create_secret(HL_CKK_DES2, n, NULL, 0, &o), n == 16 ? HL_OK : HL_E_ATTRIBUTE_VALUE);
		CU_ASSERT_EQUAL(create_secret(HL_CKK_DES3, n, NULL, 0, &o), n == 24 ? HL_OK : HL_E_ATTRIBUTE_VALUE);
		CU_ASSERT_EQUAL(create_secret(HL_CKK_CHACHA20, n, NULL, 0, &o), n == 32 ? HL_OK : HL_E_ATTRIBUTE_VALUE);
		CU_ASSERT_EQUAL(create_secret(HL_CKK_GENERIC_SECRET, n, NULL, 0, &o), n ? HL_OK : HL_E_ATTRIBUTE_VALUE);
	}
	CU_ASSERT_EQUAL(create_secret(HL_CKK_GENERIC_SECRET, 8193, NULL, 0, &o), HL_E_ATTRIBUTE_VALUE);
	CU_ASSERT_EQUAL(create_secret(HL_CKK_AES, 16, NULL, 0, &o), HL_OK);
	CU_ASSERT(shows(&o, HL_CKA_CHECK_VALUE, hl_bytes(aes, 3)));
	CU_ASSERT_EQUAL(create_secret(HL_CKK_DES2, 16, NULL, 0, &o), HL_OK);
	CU_ASSERT(shows(&o, HL_CKA_CHECK_VALUE, hl_bytes(des, 3)));
	CU_ASSERT_EQUAL(create_secret(HL_CKK_AES, 16, (const char *)aes, 3, &o), HL_OK);
	CU_ASSERT_EQUAL(create_secret(HL_CKK_AES, 16, "", 0, &o), HL_OK);
	CU_ASSERT(shows(&o, HL_CKA_CHECK_VALUE, none));
	CU_ASSERT_EQUAL(create_secret(HL_CKK_AES, 16, (const char *)des, 3, &o), HL_E_ATTRIBUTE_VALUE);
	CU_ASSERT_EQUAL(create_secret(HL_CKK_GENERIC_SECRET, 16, (const char *)aes, 3, &o), HL_E_TEMPLATE_INCONSISTENT);
}

/* -- no keys ---------------------------------------------------------------------------------------------------------------- */

static struct hl_bytes certificate(uint8_t room[2048])
{
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	unsigned char *p = room;
	int n;

	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, pkey);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"name", -1, -1, 0);
	CU_ASSERT(X509_sign(x, pkey, EVP_sha256()) > 0);
	n = i2d_X509(x, &p);
	X509_free(x);
	CU_ASSERT_FATAL(n > 0 && n <= 2048);
	return hl_bytes(room, (size_t)n);
}

static hl_err create_certificate(struct hl_bytes der, uint64_t type, struct hsm_object *o)
{
	struct template t = { 0 };
	const char *why;

	template_number(&t, HL_CKA_CLASS, HL_CKO_CERTIFICATE);
	template_number(&t, HL_CKA_CERTIFICATE_TYPE, type);
	template_bytes(&t, HL_CKA_SUBJECT, "name", 4);
	template_bytes(&t, HL_CKA_VALUE, der.p, der.n);
	return create(&t, o, &why);
}

static void certificates_are_read_whole(void)
{
	uint8_t room[2049];
	struct hl_bytes der = certificate(room);
	AUTO_OBJECT o = { 0 };
	AUTO_OBJECT again = { 0 };
	AUTO_BUF row = hl_buf(HL_BUF_MAX);

	CU_ASSERT_EQUAL_FATAL(create_certificate(der, HL_CKC_X_509, &o), HL_OK);
	CU_ASSERT(shows(&o, HL_CKA_VALUE, der));
	CU_ASSERT_FALSE(hsm_attribute_bool(&o, HL_CKA_PRIVATE));
	CU_ASSERT_PTR_NOT_NULL(hsm_attribute(&o, HL_CKA_PUBLIC_KEY_INFO));
	CU_ASSERT_EQUAL(hsm_attribute(&o, HL_CKA_CHECK_VALUE)->value.n, 3);
	CU_ASSERT_EQUAL(hsm_object_encode(&o, &row), HL_OK);
	CU_ASSERT_EQUAL(hsm_object_decode(hl_buf_view(&row), &again), HL_OK);
	CU_ASSERT(shows(&again, HL_CKA_VALUE, der));
	CU_ASSERT_EQUAL(create_certificate(der, 1, &again), HL_E_ATTRIBUTE_VALUE);
	for (size_t n = 0; n < der.n; n++)
		CU_ASSERT_EQUAL(create_certificate(hl_bytes(der.p, n), HL_CKC_X_509, &again), HL_E_ATTRIBUTE_VALUE);
	room[der.n] = 0;
	CU_ASSERT_EQUAL(create_certificate(hl_bytes(der.p, der.n + 1), HL_CKC_X_509, &again), HL_E_ATTRIBUTE_VALUE);
}

static void data_is_sealed_shown_and_may_change_in_a_copy(void)
{
	struct template t = { 0 };
	AUTO_OBJECT o = { 0 };
	AUTO_OBJECT same = { 0 };
	AUTO_BUF row = hl_buf(HL_BUF_MAX);
	const char *why;

	template_number(&t, HL_CKA_CLASS, HL_CKO_DATA);
	template_bytes(&t, HL_CKA_APPLICATION, "app", 3);
	template_bytes(&t, HL_CKA_VALUE, "a secret", 8);
	CU_ASSERT_EQUAL_FATAL(create(&t, &o, &why), HL_OK);
	CU_ASSERT(shows(&o, HL_CKA_VALUE, hl_text("a secret")));
	CU_ASSERT(hsm_attribute_bool(&o, HL_CKA_PRIVATE));
	CU_ASSERT_EQUAL(hsm_object_encode(&o, &row), HL_OK);
	CU_ASSERT_PTR_NULL(memmem(hl_buf_view(&row).p, row.n, "a secret", 8));
	template_bytes(&t, HL_CKA_VALUE, "another", 7);
	CU_ASSERT_EQUAL(hsm_object_copy(&o, template_list(&t), &strict, &same, &why), HL_OK);
	template_clear(&t);
	CU_ASSERT(shows(&same, HL_CKA_VALUE, hl_text("another")));
	CU_ASSERT(shows(&o, HL_CKA_VALUE, hl_text("a secret")));
}

static void what_says_too_little_or_too_much_is_refused(void)
{
	struct template t = { 0 };
	AUTO_OBJECT o = { 0 };
	const char *why;

	CU_ASSERT_EQUAL(create(&t, &o, &why), HL_E_TEMPLATE_INCOMPLETE);
	CU_ASSERT_STRING_EQUAL(why, "CKA_CLASS");
	template_number(&t, HL_CKA_CLASS, 99);
	CU_ASSERT_EQUAL(create(&t, &o, &why), HL_E_ATTRIBUTE_VALUE);
	template_number(&t, HL_CKA_CLASS, HL_CKO_SECRET_KEY);
	CU_ASSERT_EQUAL(create(&t, &o, &why), HL_E_TEMPLATE_INCOMPLETE);
	CU_ASSERT_STRING_EQUAL(why, "CKA_KEY_TYPE");
	begin(&t, HL_CKO_SECRET_KEY, HL_CKK_RSA);
	CU_ASSERT_EQUAL(create(&t, &o, &why), HL_E_ATTRIBUTE_VALUE);
	begin(&t, HL_CKO_SECRET_KEY, HL_CKK_AES);
	CU_ASSERT_EQUAL(create(&t, &o, &why), HL_E_TEMPLATE_INCOMPLETE);
	CU_ASSERT_STRING_EQUAL(why, "CKA_VALUE");
	begin(&t, HL_CKO_SECRET_KEY, HL_CKK_AES);
	template_bytes(&t, HL_CKA_VALUE, message.p, 16);
	template_bytes(&t, HL_CKA_MODULUS, message.p, 16);
	CU_ASSERT_EQUAL(create(&t, &o, &why), HL_E_TEMPLATE_INCONSISTENT);
	begin(&t, HL_CKO_SECRET_KEY, HL_CKK_AES);
	template_bytes(&t, HL_CKA_VALUE, message.p, 16);
	template_bytes(&t, HL_CKA_START_DATE, "2026112x", 8);
	CU_ASSERT_EQUAL(create(&t, &o, &why), HL_E_ATTRIBUTE_VALUE);
	CU_ASSERT_STRING_EQUAL(why, "CKA_START_DATE");
}

/* -- everything that generates ---------------------------------------------------------------------------------------------- */

static void secrets_of_every_kind_are_generated(void)
{
	static const struct {
		uint32_t mechanism;
		uint64_t length; /* 0: not given */
		size_t n;
	} row[] = {
		{ HL_CKM_AES_KEY_GEN, 24, 24 },
		{ HL_CKM_CAMELLIA_KEY_GEN, 32, 32 },
		{ HL_CKM_DES2_KEY_GEN, 0, 16 },
		{ HL_CKM_DES3_KEY_GEN, 0, 24 },
		{ HL_CKM_CHACHA20_KEY_GEN, 0, 32 },
		{ HL_CKM_POLY1305_KEY_GEN, 0, 32 },
		{ HL_CKM_GENERIC_SECRET_KEY_GEN, 17, 17 },
		{ HL_CKM_GENERIC_SECRET_KEY_GEN, 8192, 8192 },
	};

	for (size_t i = 0; i < HL_COUNT(row); i++) {
		struct template t = { 0 }, u = { 0 };
		AUTO_OBJECT o = { 0 };
		AUTO_KEY *k = NULL;
		const char *why;

		if (row[i].length)
			template_number(&t, HL_CKA_VALUE_LEN, row[i].length);
		CU_ASSERT_EQUAL_FATAL(make(row[i].mechanism, &t, &u, &o, NULL, &why), HL_OK);
		CU_ASSERT_EQUAL(o.value.n, row[i].n);
		CU_ASSERT_EQUAL(hsm_attribute_number(&o, HL_CKA_VALUE_LEN), row[i].n);
		CU_ASSERT(hsm_attribute_bool(&o, HL_CKA_LOCAL));
		CU_ASSERT_EQUAL(hsm_key_parse(&o, &k), HL_OK);
		for (size_t b = 0; row[i].mechanism <= HL_CKM_DES3_KEY_GEN && b < o.value.n; b++)
			CU_ASSERT_EQUAL(__builtin_popcount(o.value.p[b]) % 2, 1);
	}
}

static void every_curve_makes_pairs_that_work(void)
{
	static const struct {
		uint64_t type;
		size_t n;
		uint8_t oid[11];
	} curve[] = {
		{ HL_CKK_EC, 7, { 6, 5, 0x2b, 0x81, 4, 0, 32 } },
		{ HL_CKK_EC, 7, { 6, 5, 0x2b, 0x81, 4, 0, 33 } },
		{ HL_CKK_EC, 7, { 6, 5, 0x2b, 0x81, 4, 0, 10 } },
		{ HL_CKK_EC, 10, { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 4 } },
		{ HL_CKK_EC, 10, { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 5 } },
		{ HL_CKK_EC, 10, { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 6 } },
		{ HL_CKK_EC, 11, { 6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 5 } },
		{ HL_CKK_EC, 11, { 6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7 } },
		{ HL_CKK_EC, 11, { 6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 9 } },
		{ HL_CKK_EC, 11, { 6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11 } },
		{ HL_CKK_EC, 11, { 6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 13 } },
		{ HL_CKK_EC_EDWARDS, 5, { 6, 3, 0x2b, 101, 113 } },
		{ HL_CKK_EC_MONTGOMERY, 5, { 6, 3, 0x2b, 101, 110 } },
		{ HL_CKK_EC_MONTGOMERY, 5, { 6, 3, 0x2b, 101, 111 } },
	};

	for (size_t i = 0; i < HL_COUNT(curve); i++) {
		uint32_t m = curve[i].type == HL_CKK_EC		  ? HL_CKM_EC_KEY_PAIR_GEN
			     : curve[i].type == HL_CKK_EC_EDWARDS ? HL_CKM_EC_EDWARDS_KEY_PAIR_GEN
								  : HL_CKM_EC_MONTGOMERY_KEY_PAIR_GEN;
		struct template t = { 0 }, u = { 0 };
		AUTO_PAIR p = { 0 };
		AUTO_BUF sig = { 0 };
		const char *why;

		template_bytes(&u, HL_CKA_EC_PARAMS, curve[i].oid, curve[i].n);
		CU_ASSERT_EQUAL_FATAL(make(m, &t, &u, &p.object, &p.public_object, &why), HL_OK);
		pair_parse(&p);
		if (curve[i].type == HL_CKK_EC_MONTGOMERY)
			continue; /* test_derive agrees with such */
		m = curve[i].type == HL_CKK_EC ? HL_CKM_ECDSA_SHA256 : HL_CKM_EDDSA;
		CU_ASSERT_EQUAL(sign(p.key, m, message, &sig), HL_OK);
		CU_ASSERT_EQUAL(verify(p.public_key, m, message, hl_buf_view(&sig)), HL_OK);
	}
}

static void make_domain(uint32_t mechanism, uint64_t bits, struct hsm_object *o)
{
	struct template t = { 0 }, u = { 0 };
	const char *why;

	template_number(&t, HL_CKA_PRIME_BITS, bits);
	CU_ASSERT_EQUAL_FATAL(make(mechanism, &t, &u, o, NULL, &why), HL_OK);
}

static void take_over(struct template *t, const struct hsm_object *domain)
{
	static const uint32_t type[] = { HL_CKA_PRIME, HL_CKA_SUBPRIME, HL_CKA_BASE };

	for (size_t i = 0; i < HL_COUNT(type); i++) {
		const struct hl_attribute *a = hsm_attribute(domain, type[i]);

		if (a)
			template_bytes(t, type[i], a->value.p, a->value.n);
	}
}

static void domain_parameters_make_pairs(void)
{
	static const struct {
		uint32_t domain, pair;
		uint64_t type;
	} row[] = {
		{ HL_CKM_DSA_PARAMETER_GEN, HL_CKM_DSA_KEY_PAIR_GEN, HL_CKK_DSA },
		{ HL_CKM_X9_42_DH_PARAMETER_GEN, HL_CKM_X9_42_DH_KEY_PAIR_GEN, HL_CKK_X9_42_DH },
	};

	for (size_t i = 0; i < HL_COUNT(row); i++) {
		struct template t = { 0 }, u = { 0 };
		AUTO_OBJECT domain = { 0 };
		AUTO_OBJECT again = { 0 };
		AUTO_PAIR p = { 0 };
		AUTO_BUF sig = { 0 };
		const char *why;

		make_domain(row[i].domain, 1024, &domain);
		CU_ASSERT_EQUAL(hsm_attribute(&domain, HL_CKA_SUBPRIME)->value.n, 20);
		begin(&t, HL_CKO_DOMAIN_PARAMETERS, row[i].type);
		take_over(&t, &domain);
		CU_ASSERT_EQUAL(create(&t, &again, &why), HL_OK);
		take_over(&u, &domain);
		CU_ASSERT_EQUAL_FATAL(make(row[i].pair, &t, &u, &p.object, &p.public_object, &why), HL_OK);
		pair_parse(&p);
		if (row[i].type == HL_CKK_DSA) {
			CU_ASSERT_EQUAL(sign(p.key, HL_CKM_DSA_SHA256, message, &sig), HL_OK);
			CU_ASSERT_EQUAL(sig.n, 40);
			CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_DSA_SHA256, message, hl_buf_view(&sig)), HL_OK);
		}
	}
}

/* RFC 3526 has primes for it; those of its own take the library a while, so only the refusals are tried. */
static void dh_takes_published_primes_and_a_length(void)
{
	struct template t = { 0 }, u = { 0 };
	AUTO_PAIR p = { 0 };
	struct vectors v;
	struct hl_bytes prime;
	const char *why;

	vectors_open(&v, "dh.txt");
	CU_ASSERT_FATAL(vectors_next(&v, 2));
	prime = vectors_bytes(&v, 0);
	template_number(&t, HL_CKA_VALUE_BITS, 256);
	template_bytes(&u, HL_CKA_PRIME, prime.p, prime.n);
	template_bytes(&u, HL_CKA_BASE, "\2", 1);
	CU_ASSERT_EQUAL_FATAL(make(HL_CKM_DH_PKCS_KEY_PAIR_GEN, &t, &u, &p.object, &p.public_object, &why), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_number(&p.object, HL_CKA_VALUE_BITS), 256);
	template_bytes(&u, HL_CKA_PRIME, prime.p, prime.n);
	template_bytes(&u, HL_CKA_BASE, "\1", 1);
	CU_ASSERT_EQUAL(make(HL_CKM_DH_PKCS_KEY_PAIR_GEN, &t, &u, &p.object, &p.public_object, &why), HL_E_DOMAIN);
	template_bytes(&u, HL_CKA_PRIME, prime.p, 100);
	template_bytes(&u, HL_CKA_BASE, "\2", 1);
	CU_ASSERT_EQUAL(make(HL_CKM_DH_PKCS_KEY_PAIR_GEN, &t, &u, &p.object, &p.public_object, &why), HL_E_ATTRIBUTE_VALUE);
	template_number(&t, HL_CKA_PRIME_BITS, 2048);
	CU_ASSERT_EQUAL(make(HL_CKM_DH_PKCS_PARAMETER_GEN, &t, &u, &p.object, NULL, &why), HL_E_ATTRIBUTE_VALUE);
	vectors_close(&v);
}

static CU_TestInfo tests[] = {
	{ "RSA keys come with all numbers, or with five", rsa_keys_come_with_all_numbers_or_with_five },
	{ "weak keys are refused", weak_keys_are_refused },
	{ "values and points outside their curve are refused", values_and_points_outside_their_curve_are_refused },
	{ "points of Edwards curves are taken", points_of_edwards_curves_are_taken },
	{ "what is no point of an Edwards curve is refused", what_is_no_point_of_an_edwards_curve_is_refused },
	{ "private values are shown as they came", private_values_are_shown_as_they_came },
	{ "secret keys have lengths and check values", secret_keys_have_lengths_and_check_values },
	{ "certificates are read whole", certificates_are_read_whole },
	{ "data is sealed, shown, and may change in a copy", data_is_sealed_shown_and_may_change_in_a_copy },
	{ "what says too little or too much is refused", what_says_too_little_or_too_much_is_refused },
	{ "secrets of every kind are generated", secrets_of_every_kind_are_generated },
	{ "every curve makes pairs that work", every_curve_makes_pairs_that_work },
	{ "domain parameters make pairs", domain_parameters_make_pairs },
	{ "DH takes published primes and a length", dh_takes_published_primes_and_a_length },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("create", tests)
