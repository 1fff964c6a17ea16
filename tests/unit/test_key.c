/* Keys: made, parsed, and what the table says of them. test_key_sign.c has what they are used for. */
#include "hsm/engine/engine.h"
#include "hsm/key.h"

#include "hsm/ossl.h"
#include "tests/support/objects.h"
#include "tests/support/test.h"

/* -- making ---------------------------------------------------------------------------------- */

/* One character for each attribute: 1 true, 0 false, - the object has none. */
static void expect_bools(
	const struct hsm_object *o, const char *yes, const uint32_t *type, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(hsm_attribute(o, type[i]) != NULL, yes[i] != '-');
		CU_ASSERT_EQUAL(hsm_attribute_bool(o, type[i]), yes[i] == '1');
	}
}

static const uint32_t common[] = { HL_CKA_TOKEN, HL_CKA_PRIVATE, HL_CKA_SENSITIVE,
	HL_CKA_EXTRACTABLE, HL_CKA_LOCAL, HL_CKA_NEVER_EXTRACTABLE, HL_CKA_ALWAYS_SENSITIVE,
	HL_CKA_MODIFIABLE, HL_CKA_COPYABLE, HL_CKA_DESTROYABLE };
static const uint32_t usage[] = { HL_CKA_ENCRYPT, HL_CKA_DECRYPT, HL_CKA_WRAP, HL_CKA_UNWRAP,
	HL_CKA_SIGN, HL_CKA_VERIFY, HL_CKA_DERIVE };

static void an_rsa_pair_is_complete(void)
{
	AUTO_PAIR p;

	pair_make_rsa(&p, 2048);
	expect_bools(&p.object, "1110111111", common, HL_COUNT(common));
	expect_bools(&p.public_object, "10--1--111", common, HL_COUNT(common));
	expect_bools(&p.object, "-1-01-0", usage, HL_COUNT(usage));
	expect_bools(&p.public_object, "1-0--10", usage, HL_COUNT(usage));
	CU_ASSERT_EQUAL(hsm_attribute_number(&p.public_object, HL_CKA_MODULUS_BITS), 2048);
	CU_ASSERT_EQUAL(object_value(&p.object, HL_CKA_MODULUS).n, 256);
	CU_ASSERT(hl_bytes_eq(
		object_value(&p.object, HL_CKA_MODULUS), object_value(&p.public_object, HL_CKA_MODULUS)));
	CU_ASSERT(hl_bytes_eq(
		object_value(&p.public_object, HL_CKA_PUBLIC_EXPONENT), hl_bytes("\1\0\1", 3)));
	CU_ASSERT(hl_bytes_eq(object_value(&p.object, HL_CKA_PUBLIC_KEY_INFO),
		hl_secret_view(&p.public_object.value)));
	CU_ASSERT_PTR_NULL(hsm_attribute(&p.object, HL_CKA_MODULUS_BITS));
	CU_ASSERT_EQUAL(hsm_attribute_number(&p.object, HL_CKA_KEY_GEN_MECHANISM),
		HL_CKM_RSA_PKCS_KEY_PAIR_GEN);
}

static void another_public_exponent_is_taken(void)
{
	AUTO_PAIR p = { 0 };
	struct template t = { 0 }, u = { 0 };
	const char *why;

	template_number(&u, HL_CKA_MODULUS_BITS, 2048);
	template_bytes(&u, HL_CKA_PUBLIC_EXPONENT, "\0\1\0\3", 4);
	CU_ASSERT_EQUAL_FATAL(
		make(HL_CKM_RSA_PKCS_KEY_PAIR_GEN, &t, &u, &p.object, &p.public_object, &why),
		HL_OK);
	CU_ASSERT(hl_bytes_eq(object_value(&p.object, HL_CKA_PUBLIC_EXPONENT), hl_bytes("\1\0\3", 3)));
	CU_ASSERT(hl_bytes_eq(
		object_value(&p.public_object, HL_CKA_PUBLIC_EXPONENT), hl_bytes("\1\0\3", 3)));
}

static void an_ec_pair_is_complete_on_each_curve(void)
{
	const struct {
		struct hl_bytes params;
		size_t head, width;
	} curve[] = {
		{ p256, 2, 32 },
		{ p384, 2, 48 },
		{ p521, 3, 66 },
	};

	for (size_t i = 0; i < HL_COUNT(curve); i++) {
		AUTO_PAIR p;
		struct hl_bytes point;

		pair_make_ec(&p, curve[i].params);
		expect_bools(&p.object, "1110111111", common, HL_COUNT(common));
		expect_bools(&p.object, "-0-01-1", usage, HL_COUNT(usage));
		expect_bools(&p.public_object, "0-0--10", usage, HL_COUNT(usage));
		CU_ASSERT(hl_bytes_eq(object_value(&p.object, HL_CKA_EC_PARAMS), curve[i].params));
		CU_ASSERT(
			hl_bytes_eq(object_value(&p.public_object, HL_CKA_EC_PARAMS), curve[i].params));
		CU_ASSERT_PTR_NULL(hsm_attribute(&p.object, HL_CKA_EC_POINT));
		point = object_value(&p.public_object, HL_CKA_EC_POINT);
		CU_ASSERT_EQUAL_FATAL(point.n, curve[i].head + 1 + 2 * curve[i].width);
		CU_ASSERT_EQUAL(point.p[0], 4);
		CU_ASSERT_EQUAL(point.p[curve[i].head - 1], 1 + 2 * curve[i].width);
		CU_ASSERT_EQUAL(point.p[curve[i].head], 4);
		/* The point is the tail of the SubjectPublicKeyInfo. */
		CU_ASSERT(hl_bytes_eq(hl_bytes(point.p + curve[i].head, point.n - curve[i].head),
			hl_bytes(p.public_object.value.p + p.public_object.value.n -
					 (point.n - curve[i].head),
				point.n - curve[i].head)));
	}
}

static void an_aes_key_of_each_length_is_complete(void)
{
	for (uint64_t n = 16; n <= 32; n += 8) {
		AUTO_OBJECT one = { 0 };
		AUTO_OBJECT two = { 0 };
		AUTO_KEY *parsed = NULL;
		struct template t = { 0 };
		const char *why;

		template_number(&t, HL_CKA_VALUE_LEN, n);
		CU_ASSERT_EQUAL_FATAL(hsm_key_generate(HL_CKM_AES_KEY_GEN, hl_bytes(NULL, 0),
					      template_list(&t), NULL, &strict, &one, NULL, &why),
			HL_OK);
		CU_ASSERT_EQUAL_FATAL(hsm_key_generate(HL_CKM_AES_KEY_GEN, hl_bytes(NULL, 0),
					      template_list(&t), NULL, &strict, &two, NULL, &why),
			HL_OK);
		template_clear(&t);
		expect_bools(&one, "1110111111", common, HL_COUNT(common));
		expect_bools(&one, "1100000", usage, HL_COUNT(usage));
		CU_ASSERT_EQUAL(hsm_attribute_number(&one, HL_CKA_VALUE_LEN), n);
		CU_ASSERT_EQUAL(one.value.n, n);
		CU_ASSERT_FALSE(
			hl_bytes_eq(hl_secret_view(&one.value), hl_secret_view(&two.value)));
		CU_ASSERT_EQUAL(hsm_key_parse(&one, &parsed), HL_OK);
	}
}

static void what_a_template_gives_is_kept(void)
{
	AUTO_PAIR p = { 0 };
	struct template t = { 0 }, u = { 0 };
	const char *why;

	template_number(&t, HL_CKA_CLASS, HL_CKO_PRIVATE_KEY);
	template_number(&t, HL_CKA_KEY_TYPE, HL_CKK_EC);
	template_bool(&t, HL_CKA_TOKEN, true);
	template_bytes(&t, HL_CKA_LABEL, "a key", 5);
	template_bytes(&t, HL_CKA_ID, "\1\2", 2);
	template_bool(&t, HL_CKA_SENSITIVE, false);
	template_bool(&t, HL_CKA_EXTRACTABLE, true);
	template_bool(&t, HL_CKA_PRIVATE, false);
	template_bool(&t, HL_CKA_DERIVE, true);
	template_bytes(&u, HL_CKA_EC_PARAMS, p256.p, p256.n);
	CU_ASSERT_EQUAL_FATAL(
		make(HL_CKM_EC_KEY_PAIR_GEN, &t, &u, &p.object, &p.public_object, &why), HL_OK);
	CU_ASSERT(hl_bytes_eq(object_value(&p.object, HL_CKA_LABEL), hl_text("a key")));
	CU_ASSERT(hl_bytes_eq(object_value(&p.object, HL_CKA_ID), hl_bytes("\1\2", 2)));
	expect_bools(&p.object, "1001100111", common, HL_COUNT(common));
	/* One usage attribute was given: the others are false. The public template gave none. */
	expect_bools(&p.object, "-0-00-1", usage, HL_COUNT(usage));
	expect_bools(&p.public_object, "0-0--10", usage, HL_COUNT(usage));
}

/* -- parsing --------------------------------------------------------------------------------- */

static hl_err parse_value(const struct hsm_object *from, struct hl_bytes value)
{
	AUTO_OBJECT o = { 0 };
	AUTO_KEY *k = NULL;

	CU_ASSERT_EQUAL_FATAL(hsm_attribute_set_number(
				      &o, HL_CKA_CLASS, hsm_attribute_number(from, HL_CKA_CLASS)),
		HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_attribute_set_number(&o, HL_CKA_KEY_TYPE,
				      hsm_attribute_number(from, HL_CKA_KEY_TYPE)),
		HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_secret_set(&o.value, value), HL_OK);
	return hsm_key_parse(&o, &k);
}

static void cut_value(const struct hsm_object *o)
{
	for (size_t cut = 0; cut < o->value.n; cut++)
		CU_ASSERT_EQUAL(parse_value(o, hl_bytes(o->value.p, cut)), HL_E_CRYPTO);
	CU_ASSERT_EQUAL(parse_value(o, hl_secret_view(&o->value)), HL_OK);
}

static void every_cut_of_a_key_value_is_refused(void)
{
	AUTO_PAIR p;

	pair_make_ec(&p, p256);
	cut_value(&p.object);
	cut_value(&p.public_object);
}

static void a_value_with_bytes_left_over_or_of_another_key_is_refused(void)
{
	AUTO_PAIR ec;
	AUTO_PAIR rsa;
	AUTO_BUF longer = hl_buf(1024);

	pair_make_ec(&ec, p256);
	pair_make_rsa(&rsa, 2048);
	hl_buf_put(&longer, hl_secret_view(&ec.object.value));
	hl_buf_u8(&longer, 0);
	CU_ASSERT_EQUAL(parse_value(&ec.object, hl_buf_view(&longer)), HL_E_CRYPTO);
	CU_ASSERT_EQUAL(parse_value(&ec.object, hl_secret_view(&rsa.object.value)), HL_E_CRYPTO);
	CU_ASSERT_EQUAL(
		parse_value(&ec.object, hl_secret_view(&ec.public_object.value)), HL_E_CRYPTO);
	CU_ASSERT_EQUAL(
		parse_value(&rsa.public_object, hl_secret_view(&rsa.object.value)), HL_E_CRYPTO);
}

/* -- the table ------------------------------------------------------------------------------- */

static bool does(const struct hsm_mechanism *m)
{
	const struct hsm_scheme *s = m->scheme;
	unsigned f = m->flags;

	return s && (!(f & HSM_SIGNS) || s->sign) && (!(f & HSM_VERIFIES) || s->verify) &&
	       (!(f & (HSM_ENCRYPTS | HSM_WRAPS)) || s->encrypt) &&
	       (!(f & (HSM_DECRYPTS | HSM_UNWRAPS)) || s->decrypt) && (!(f & HSM_DERIVES) || s->derive) &&
	       (!(f & HSM_GENERATES) || s->make) && (!(f & HSM_DIGESTS) || hsm_digest_of(m->number)) &&
	       (!(f & HSM_IN_PIECES) || (s->begin ? s->update && s->final : s->hashes && m->digest));
}

static void every_mechanism_can_do_what_its_row_says(void)
{
	size_t n;
	const struct hsm_mechanism *m = hsm_mechanisms(&n);

	CU_ASSERT_EQUAL(n, 120);
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT(does(&m[i]));
		CU_ASSERT_PTR_EQUAL(hsm_mechanism(m[i].number), &m[i]);
		CU_ASSERT(!m[i].digest || hsm_digest_named(m[i].digest));
		CU_ASSERT(m[i].min <= m[i].max);
		CU_ASSERT_EQUAL(!(m[i].flags & HSM_SIGNS), !(m[i].flags & HSM_VERIFIES));
		CU_ASSERT_EQUAL(!(m[i].flags & HSM_ENCRYPTS), !(m[i].flags & HSM_DECRYPTS));
		CU_ASSERT_EQUAL(!(m[i].flags & HSM_WRAPS), !(m[i].flags & HSM_UNWRAPS));
		CU_ASSERT(!(m[i].flags & (HSM_LEGACY_WRAP | HSM_LEGACY_UNWRAP)) || m[i].flags & HSM_WRAPS);
	}
}

static CU_TestInfo tests[] = {
	{ "an RSA pair is complete", an_rsa_pair_is_complete },
	{ "another public exponent is taken", another_public_exponent_is_taken },
	{ "an EC pair is complete on each curve", an_ec_pair_is_complete_on_each_curve },
	{ "an AES key of each length is complete", an_aes_key_of_each_length_is_complete },
	{ "what a template gives is kept", what_a_template_gives_is_kept },
	{ "every cut of a key value is refused", every_cut_of_a_key_value_is_refused },
	{ "a value with bytes left over or of another key is refused", a_value_with_bytes_left_over_or_of_another_key_is_refused },
	{ "every mechanism can do what its row says", every_mechanism_can_do_what_its_row_says },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("key", tests)
