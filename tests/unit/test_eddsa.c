#include <stdio.h>

#include "hsm/ossl.h"
#include "hsm/engine/pkcs8.h"
#include "tests/support/objects.h"
#include "tests/support/test.h"
#include "tests/support/vectors.h"

static const uint8_t by_oid[] = { 0x06, 3, 0x2b, 0x65, 0x70 };
static const uint8_t by_name[] = { 0x13, 12, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1',
	'9' };

static void ed_pair(struct pair *p)
{
	struct template t = { 0 }, u = { 0 };
	const char *why;

	*p = (struct pair){ 0 };
	template_bytes(&u, HL_CKA_EC_PARAMS, by_oid, sizeof by_oid);
	CU_ASSERT_EQUAL_FATAL(
		make(HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, &t, &u, &p->object, &p->public_object, &why),
		HL_OK);
	pair_parse(p);
}

/* -- RFC 8032 --------------------------------------------------------------------------------------- */

/* Before the seed in PKCS #8, and before the point in a SubjectPublicKeyInfo (RFC 8410, 4 and 7). */
static const uint8_t pkcs8_head[] = { 0x30, 46, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 34, 4,
	32 };
static const uint8_t spki_head[] = { 0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 33, 0 };

/* An object that was not made here, as an import would build it. */
static void import(struct hsm_object *o, uint64_t class, uint32_t use, struct hl_bytes head,
	struct hl_bytes key)
{
	AUTO_BUF der = hl_buf(64);

	hl_buf_put(&der, head);
	hl_buf_put(&der, key);
	CU_ASSERT_EQUAL(hsm_attribute_set_number(o, HL_CKA_CLASS, class), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_number(o, HL_CKA_KEY_TYPE, HL_CKK_EC_EDWARDS), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(o, use, true), HL_OK);
	CU_ASSERT_EQUAL(hl_secret_set(&o->value, hl_buf_view(&der)), HL_OK);
}

static void import_pair(struct pair *p, struct hl_bytes seed, struct hl_bytes point)
{
	import(&p->object, HL_CKO_PRIVATE_KEY, HL_CKA_SIGN, hl_bytes(pkcs8_head, sizeof pkcs8_head),
		seed);
	import(&p->public_object, HL_CKO_PUBLIC_KEY, HL_CKA_VERIFY,
		hl_bytes(spki_head, sizeof spki_head), point);
	pair_parse(p);
}

/* Whether the seed's own public key is this point. */
static bool belongs(const struct hsm_object *private_, struct hl_bytes point)
{
	const unsigned char *p = private_->value.p;
	HL_AUTO(hsm_pkey_freep)
	EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)private_->value.n);
	uint8_t got[32];
	size_t n = sizeof got;

	return pkey && EVP_PKEY_get_raw_public_key(pkey, got, &n) == 1 &&
	       hl_bytes_eq(hl_bytes(got, n), point);
}

/* One line of rfc8032.txt: seed, public key, message, signature. */
static void check_line(struct vectors *v)
{
	struct hl_bytes seed = vectors_bytes(v, 0), point = vectors_bytes(v, 1);
	struct hl_bytes data = vectors_bytes(v, 2), signature = vectors_bytes(v, 3);
	AUTO_PAIR p = { 0 };
	AUTO_BUF sig = { 0 };

	import_pair(&p, seed, point);
	CU_ASSERT(belongs(&p.object, point));
	for (int again = 0; again < 2; again++) {
		CU_ASSERT_EQUAL(sign(p.key, HL_CKM_EDDSA, data, &sig), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&sig), signature));
		CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_EDDSA, data, signature), HL_OK);
		CU_ASSERT_EQUAL(
			verify(p.public_key, HL_CKM_EDDSA, message, signature), HL_E_SIGNATURE);
	}
}

static void the_signatures_of_rfc_8032_are_made_and_verify(void)
{
	struct vectors v;

	vectors_open(&v, "rfc8032.txt");
	while (vectors_next(&v, 4))
		check_line(&v);
	CU_ASSERT_EQUAL(v.lines, 5);
	vectors_close(&v);
}

/* -- pairs that are made here ------------------------------------------------------------------------ */

static void a_pair_is_complete(void)
{
	AUTO_PAIR p;
	struct hl_bytes point, seed;

	ed_pair(&p);
	CU_ASSERT_EQUAL(hsm_attribute_number(&p.object, HL_CKA_KEY_TYPE), HL_CKK_EC_EDWARDS);
	CU_ASSERT_EQUAL(hsm_attribute_number(&p.object, HL_CKA_KEY_GEN_MECHANISM),
		HL_CKM_EC_EDWARDS_KEY_PAIR_GEN);
	CU_ASSERT(hsm_attribute_bool(&p.object, HL_CKA_SIGN));
	CU_ASSERT(hsm_attribute_bool(&p.public_object, HL_CKA_VERIFY));
	CU_ASSERT(hl_bytes_eq(
		object_value(&p.object, HL_CKA_EC_PARAMS), hl_bytes(by_oid, sizeof by_oid)));
	point = object_value(&p.public_object, HL_CKA_EC_POINT);
	CU_ASSERT_EQUAL_FATAL(point.n, 34);
	CU_ASSERT_EQUAL(point.p[0], 4);
	CU_ASSERT_EQUAL(point.p[1], 32);
	CU_ASSERT(belongs(&p.object, hl_bytes(point.p + 2, 32)));
	CU_ASSERT_EQUAL(hsm_pkcs8_part(hl_secret_view(&p.object.value), HL_CKK_EC_EDWARDS,
				HL_CKA_VALUE, &seed),
		HL_OK);
	CU_ASSERT_EQUAL(seed.n, 32);
	CU_ASSERT_EQUAL(hsm_pkcs8_part(hl_secret_view(&p.object.value), HL_CKK_EC_EDWARDS,
				HL_CKA_PRIME_1, &seed),
		HL_E_NOT_FOUND);
	for (size_t cut = 0; cut < p.object.value.n; cut++)
		CU_ASSERT_NOT_EQUAL(hsm_pkcs8_part(hl_bytes(p.object.value.p, cut),
					    HL_CKK_EC_EDWARDS, HL_CKA_VALUE, &seed),
			HL_OK);
}

/* PKCS #11 v3.0 has both, and keeps what was given. */
static void the_curve_may_be_named(void)
{
	AUTO_PAIR p = { 0 };
	AUTO_BUF sig = { 0 };
	struct template t = { 0 }, u = { 0 };
	const char *why;

	template_bytes(&u, HL_CKA_EC_PARAMS, by_name, sizeof by_name);
	CU_ASSERT_EQUAL_FATAL(
		make(HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, &t, &u, &p.object, &p.public_object, &why),
		HL_OK);
	pair_parse(&p);
	CU_ASSERT(hl_bytes_eq(
		object_value(&p.object, HL_CKA_EC_PARAMS), hl_bytes(by_name, sizeof by_name)));
	CU_ASSERT_EQUAL(sign(p.key, HL_CKM_EDDSA, message, &sig), HL_OK);
	CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_EDDSA, message, hl_buf_view(&sig)), HL_OK);
}

static void refuses(uint32_t mechanism, const void *params, size_t n)
{
	AUTO_PAIR p = { 0 };
	struct template t = { 0 }, u = { 0 };
	const char *why = "";

	template_bytes(&u, HL_CKA_EC_PARAMS, params, n);
	CU_ASSERT_EQUAL(make(mechanism, &t, &u, &p.object, &p.public_object, &why), HL_E_CURVE);
	CU_ASSERT_STRING_EQUAL(why, "CKA_EC_PARAMS");
}

static void curves_of_the_other_kind_and_cut_names_are_refused(void)
{
	static const uint8_t x448[] = { 0x06, 3, 0x2b, 0x65, 0x6f }, x25519[] = { 0x06, 3, 0x2b, 0x65, 0x6e };

	refuses(HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, p256.p, p256.n);
	refuses(HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, x448, sizeof x448);
	refuses(HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, x25519, sizeof x25519);
	refuses(HL_CKM_EC_KEY_PAIR_GEN, by_oid, sizeof by_oid);
	refuses(HL_CKM_EC_KEY_PAIR_GEN, by_name, sizeof by_name);
	for (size_t cut = 0; cut < sizeof by_oid; cut++)
		refuses(HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, by_oid, cut);
	for (size_t cut = 0; cut < sizeof by_name; cut++)
		refuses(HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, by_name, cut);
}

/* -- using ------------------------------------------------------------------------------------------- */

static void data_of_any_length_signs(void)
{
	static uint8_t data[HL_DATA_MAX];
	static const size_t length[] = { 0, 1, 63, 64, 65, 127, 128, 4096, sizeof data };
	AUTO_PAIR p;
	AUTO_BUF sig = { 0 };

	ed_pair(&p);
	for (size_t i = 0; i < HL_COUNT(length); i++) {
		CU_ASSERT_EQUAL(sign(p.key, HL_CKM_EDDSA, hl_bytes(data, length[i]), &sig), HL_OK);
		CU_ASSERT_EQUAL(sig.n, 64);
		CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_EDDSA, hl_bytes(data, length[i]),
					hl_buf_view(&sig)),
			HL_OK);
	}
	CU_ASSERT_EQUAL(sign(p.key, HL_CKM_EDDSA, hl_bytes(NULL, 0), &sig), HL_OK);
	CU_ASSERT_EQUAL(
		verify(p.public_key, HL_CKM_EDDSA, hl_bytes(NULL, 0), hl_buf_view(&sig)), HL_OK);
}

static void a_signature_with_any_bit_flipped_or_of_another_length_is_refused(void)
{
	AUTO_PAIR p;
	AUTO_BUF sig = { 0 };
	uint8_t bytes[65] = { 0 };

	ed_pair(&p);
	CU_ASSERT_EQUAL_FATAL(sign(p.key, HL_CKM_EDDSA, message, &sig), HL_OK);
	memcpy(bytes, hl_buf_view(&sig).p, 64);
	for (size_t bit = 0; bit < 512; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_EDDSA, message, hl_bytes(bytes, 64)),
			HL_E_SIGNATURE);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n <= sizeof bytes; n++)
		CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_EDDSA, message, hl_bytes(bytes, n)),
			n == 64 ? HL_OK : HL_E_SIGNATURE_LENGTH);
}

/* RFC 8032, 5.1.7: S must be below L, or anybody makes a second signature of the first. */
static void a_signature_with_the_order_added_is_refused(void)
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
		0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
	AUTO_PAIR p;
	AUTO_BUF sig = { 0 };
	uint8_t bytes[64];
	unsigned carry = 0;

	ed_pair(&p);
	CU_ASSERT_EQUAL_FATAL(sign(p.key, HL_CKM_EDDSA, message, &sig), HL_OK);
	memcpy(bytes, hl_buf_view(&sig).p, 64);
	for (size_t i = 0; i < 32; i++) {
		carry += bytes[32 + i] + order[i];
		bytes[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	CU_ASSERT_EQUAL(
		verify(p.public_key, HL_CKM_EDDSA, message, hl_bytes(bytes, 64)), HL_E_SIGNATURE);
}

static void a_mechanism_that_does_not_fit_the_key_is_refused(void)
{
	AUTO_PAIR ed;
	AUTO_PAIR ec = { 0 };
	AUTO_BUF sig = hl_buf(1024);

	ed_pair(&ed);
	make_ec_pair(p256, &ec.object, &ec.public_object);
	pair_parse(&ec);
	CU_ASSERT_EQUAL(hsm_key_sign(ed.key, HL_CKM_ECDSA, hl_bytes(NULL, 0), message, &sig),
		HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(hsm_key_sign(ec.key, HL_CKM_EDDSA, hl_bytes(NULL, 0), message, &sig),
		HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(hsm_key_sign(ed.public_key, HL_CKM_EDDSA, hl_bytes(NULL, 0), message, &sig),
		HL_E_KEY_USE);
	CU_ASSERT_EQUAL(verify(ed.key, HL_CKM_EDDSA, message, message), HL_E_KEY_USE);
	/* A context or a prehash would ask for Ed25519ctx or Ed25519ph, which are not offered. */
	CU_ASSERT_EQUAL(hsm_key_sign(ed.key, HL_CKM_EDDSA, hl_bytes("x", 1), message, &sig),
		HL_E_PARAMETER);
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_EDDSA, ed.key));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL));
}

static hl_err parse_as(const struct hsm_object *from, uint64_t key_type, struct hl_bytes value)
{
	AUTO_OBJECT o = { 0 };
	AUTO_KEY *k = NULL;

	CU_ASSERT_EQUAL_FATAL(hsm_attribute_set_number(
				      &o, HL_CKA_CLASS, hsm_attribute_number(from, HL_CKA_CLASS)),
		HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_attribute_set_number(&o, HL_CKA_KEY_TYPE, key_type), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_secret_set(&o.value, value), HL_OK);
	return hsm_key_parse(&o, &k);
}

static void a_value_that_is_cut_or_of_another_type_is_refused(void)
{
	AUTO_PAIR p;

	ed_pair(&p);
	for (size_t cut = 0; cut < p.object.value.n; cut++)
		CU_ASSERT_EQUAL(
			parse_as(&p.object, HL_CKK_EC_EDWARDS, hl_bytes(p.object.value.p, cut)),
			HL_E_CRYPTO);
	for (size_t cut = 0; cut < p.public_object.value.n; cut++)
		CU_ASSERT_EQUAL(parse_as(&p.public_object, HL_CKK_EC_EDWARDS,
					hl_bytes(p.public_object.value.p, cut)),
			HL_E_CRYPTO);
	CU_ASSERT_EQUAL(
		parse_as(&p.object, HL_CKK_EC, hl_secret_view(&p.object.value)), HL_E_CRYPTO);
	CU_ASSERT_EQUAL(
		parse_as(&p.object, HL_CKK_EC_EDWARDS, hl_secret_view(&p.object.value)), HL_OK);
}

static CU_TestInfo tests[] = {
	{ "the signatures of RFC 8032 are made and verify",
		the_signatures_of_rfc_8032_are_made_and_verify },
	{ "a pair is complete", a_pair_is_complete },
	{ "the curve may be named", the_curve_may_be_named },
	{ "curves of the other kind and cut names are refused",
		curves_of_the_other_kind_and_cut_names_are_refused },
	{ "data of any length signs", data_of_any_length_signs },
	{ "a signature with any bit flipped or of another length is refused",
		a_signature_with_any_bit_flipped_or_of_another_length_is_refused },
	{ "a signature with the order added is refused",
		a_signature_with_the_order_added_is_refused },
	{ "a mechanism that does not fit the key is refused",
		a_mechanism_that_does_not_fit_the_key_is_refused },
	{ "a value that is cut or of another type is refused",
		a_value_that_is_cut_or_of_another_type_is_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("eddsa", tests)
