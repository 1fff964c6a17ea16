/* Derivations: agreements, key derivation functions, PBKDF2, and what the derived keys are like. */
#include "lib/base/der.h"
#include "tests/support/imports.h"
#include "tests/support/test.h"

#include <stdlib.h>


static struct hl_bytes none;

/* A generic secret of n bytes (0: all), to be looked at. */
static hl_err derive(struct hsm_key *k, uint32_t mechanism, struct hl_bytes fields, size_t n, struct hsm_object *out)
{
	struct hsm_object keys[HSM_DERIVED_MAX];
	struct template t = { 0 };
	const char *why;
	size_t count = 0;
	hl_err err;

	template_bool(&t, HL_CKA_SENSITIVE, false);
	template_bool(&t, HL_CKA_EXTRACTABLE, true);
	if (n > 0)
		template_number(&t, HL_CKA_VALUE_LEN, n);
	err = hsm_key_derive(k, mechanism, fields, template_list(&t), &legacy, keys, &count, &why);
	template_clear(&t);
	if (err == HL_OK) {
		CU_ASSERT_EQUAL(count, 1);
		hsm_object_clear(out);
		*out = keys[0];
	}
	return err;
}

/* -- agreements ------------------------------------------------------------------------------------------- */

static struct hsm_key *curve_key(uint64_t key_type, struct hl_bytes params, struct hl_bytes value)
{
	struct template t = { 0 };

	template_bytes(&t, HL_CKA_EC_PARAMS, params.p, params.n);
	template_bytes(&t, HL_CKA_VALUE, value.p, value.n);
	return import_parsed(&t, HL_CKO_PRIVATE_KEY, key_type);
}

static hl_err agree(struct hsm_key *k, uint32_t mechanism, const struct hl_agree_parameter *p, size_t n,
	struct hsm_object *out)
{
	AUTO_BUF memory = { 0 };

	return derive(k, mechanism, parameter(&memory, &hl_msg_agree_parameter, p), n, out);
}

static void check_agreement(struct hsm_key *k, struct hl_agree_parameter p, struct hl_bytes wanted)
{
	AUTO_OBJECT o = { 0 };
	AUTO_BUF der = hl_buf(512);

	CU_ASSERT_EQUAL(agree(k, HL_CKM_ECDH1_DERIVE, &p, wanted.n, &o), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), wanted));
	hl_der_put(&der, HL_DER_OCTETS, p.public);
	p.public = hl_buf_view(&der);
	CU_ASSERT_EQUAL(agree(k, HL_CKM_ECDH1_DERIVE, &p, wanted.n, &o), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), wanted));
	if (p.kdf != HL_CKD_NULL)
		return;
	CU_ASSERT_EQUAL(agree(k, HL_CKM_ECDH1_DERIVE, &p, 0, &o), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), wanted));
	CU_ASSERT_EQUAL(agree(k, HL_CKM_ECDH1_DERIVE, &p, 16, &o), HL_OK); /* the end of it */
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), hl_bytes(wanted.p + wanted.n - 16, 16)));
	CU_ASSERT_EQUAL(agree(k, HL_CKM_ECDH1_DERIVE, &p, wanted.n + 1, &o), HL_E_KEY_SIZE);
}

static void agreements_on_curves_come_out(void)
{
	struct vectors v;

	vectors_open(&v, "agreements.txt");
	while (vectors_next(&v, 7)) {
		uint64_t type = v.column[0][0] == 'E' ? HL_CKK_EC : HL_CKK_EC_MONTGOMERY;
		AUTO_KEY *k = curve_key(type, vectors_bytes(&v, 1), vectors_bytes(&v, 2));
		struct hl_agree_parameter p = { .kdf = vectors_number(&v, 4) };

		p.public = vectors_bytes(&v, 3);
		p.shared = vectors_bytes(&v, 5);
		check_agreement(k, p, vectors_bytes(&v, 6));
	}
	CU_ASSERT_EQUAL(v.lines, 60);
	vectors_close(&v);
}

/* K-14 */
static void points_that_are_none_are_refused(void)
{
	static const uint8_t x25519[] = { 0x06, 3, 0x2b, 0x65, 0x6e }, zeros[32], one[32] = { 1 };
	AUTO_PAIR p = { 0 };
	AUTO_KEY *k = curve_key(HL_CKK_EC_MONTGOMERY, hl_bytes(x25519, sizeof x25519), hl_bytes(message.p, 32));
	AUTO_KEY *ec = NULL;
	AUTO_OBJECT o = { 0 };
	struct hl_agree_parameter a = { HL_CKD_NULL, none, hl_bytes(zeros, 32) };
	uint8_t point[65];

	CU_ASSERT_EQUAL(agree(k, HL_CKM_ECDH1_DERIVE, &a, 0, &o), HL_E_PARAMETER);
	a.public = hl_bytes(one, 32); /* of order 1 or 2: the result would be zero */
	CU_ASSERT_EQUAL(agree(k, HL_CKM_ECDH1_DERIVE, &a, 0, &o), HL_E_PARAMETER);
	make_ec_pair(p256, &p.object, &p.public_object);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&p.object, HL_CKA_DERIVE, true), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_key_parse(&p.object, &ec), HL_OK);
	memcpy(point, hsm_attribute(&p.public_object, HL_CKA_EC_POINT)->value.p + 2, 65);
	for (size_t n = 1; n < 65; n++) { /* every cut */
		a.public = hl_bytes(point, n);
		CU_ASSERT_EQUAL(agree(ec, HL_CKM_ECDH1_DERIVE, &a, 0, &o), HL_E_PARAMETER);
	}
	a.public = hl_bytes(point, 65);
	CU_ASSERT_EQUAL(agree(ec, HL_CKM_ECDH1_DERIVE, &a, 0, &o), HL_OK);
	point[64] ^= 1; /* off the curve */
	CU_ASSERT_EQUAL(agree(ec, HL_CKM_ECDH1_DERIVE, &a, 0, &o), HL_E_PARAMETER);
	a.public = hl_bytes(zeros, 1); /* the point at infinity */
	CU_ASSERT_EQUAL(agree(ec, HL_CKM_ECDH1_DERIVE, &a, 0, &o), HL_E_PARAMETER);
	a = (struct hl_agree_parameter){ 9, none, hl_bytes(point, 65) };
	CU_ASSERT_EQUAL(agree(ec, HL_CKM_ECDH1_DERIVE, &a, 0, &o), HL_E_PARAMETER);
	a = (struct hl_agree_parameter){ HL_CKD_NULL, message, hl_bytes(point, 65) };
	CU_ASSERT_EQUAL(agree(ec, HL_CKM_ECDH1_DERIVE, &a, 0, &o), HL_E_PARAMETER);
}

static struct hsm_key *dh_key(uint64_t type, struct hl_bytes p, struct hl_bytes q, struct hl_bytes x)
{
	struct template t = { 0 };
	bool x942 = type == HL_CKK_X9_42_DH;

	template_bytes(&t, HL_CKA_PRIME, p.p, p.n);
	if (x942)
		template_bytes(&t, HL_CKA_SUBPRIME, q.p, q.n);
	template_bytes(&t, HL_CKA_BASE, x942 ? "\4" : "\2", 1);
	template_bytes(&t, HL_CKA_VALUE, x.p, x.n);
	return import_parsed(&t, HL_CKO_PRIVATE_KEY, type);
}

static void agreements_by_exponents_come_out(void)
{
	uint8_t room[2][256];
	struct hl_bytes p, q;
	struct vectors v;

	vectors_open(&v, "dh.txt");
	CU_ASSERT_FATAL(vectors_next(&v, 2));
	p = hl_bytes(room[0], vectors_bytes(&v, 0).n);
	q = hl_bytes(room[1], 256);
	memcpy(room[0], v.column[0], 256);
	memcpy(room[1], vectors_bytes(&v, 1).p, 256);
	while (vectors_next(&v, 6)) {
		bool x942 = v.column[0][0] == 'X';
		AUTO_KEY *k = dh_key(x942 ? HL_CKK_X9_42_DH : HL_CKK_DH, p, q, vectors_bytes(&v, 1));
		uint32_t m = x942 ? HL_CKM_X9_42_DH_DERIVE : HL_CKM_DH_PKCS_DERIVE;
		struct hl_agree_parameter a = { vectors_number(&v, 3), vectors_bytes(&v, 4), vectors_bytes(&v, 2) };
		struct hl_bytes wanted = vectors_bytes(&v, 5);
		AUTO_OBJECT o = { 0 };

		CU_ASSERT_EQUAL(agree(k, m, &a, wanted.n, &o), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), wanted));
		a.public = hl_bytes("\1", 1);
		CU_ASSERT_EQUAL(agree(k, m, &a, 16, &o), HL_E_PARAMETER);
		a.public = p;
		CU_ASSERT_EQUAL(agree(k, m, &a, 16, &o), HL_E_PARAMETER);
	}
	CU_ASSERT_EQUAL(v.lines, 19);
	vectors_close(&v);
}

/* -- SP 800-108 --------------------------------------------------------------------------------------------- */

static uint32_t prf_type(uint32_t prf)
{
	return prf == HL_CKM_AES_CMAC ? HL_CKK_AES : prf == HL_CKM_DES3_CMAC ? HL_CKK_DES3 : HL_CKK_GENERIC_SECRET;
}

/* What the vectors hash: what is iterated, a counter, label, 00, context, length. */
static size_t parts_of(struct hl_kdf_part part[6], bool counter, uint32_t bits, struct hl_bytes label,
	struct hl_bytes context)
{
	size_t n = 0;

	part[n++] = (struct hl_kdf_part){ .type = HL_CK_SP800_108_ITERATION_VARIABLE, .bits = counter ? bits : 0 };
	if (!counter && bits > 0)
		part[n++] = (struct hl_kdf_part){ .type = HL_CK_SP800_108_OPTIONAL_COUNTER, .bits = bits };
	part[n++] = (struct hl_kdf_part){ .type = HL_CK_SP800_108_BYTE_ARRAY, .value = label };
	part[n++] = (struct hl_kdf_part){ .type = HL_CK_SP800_108_BYTE_ARRAY, .value = hl_bytes("", 1) };
	part[n++] = (struct hl_kdf_part){ .type = HL_CK_SP800_108_BYTE_ARRAY, .value = context };
	part[n++] = (struct hl_kdf_part){ .type = HL_CK_SP800_108_DKM_LENGTH, .bits = 32,
		.method = HL_CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS };
	return n;
}

static void derivations_of_sp_800_108_come_out(void)
{
	struct vectors v;

	vectors_open(&v, "kdfs.txt");
	while (vectors_next(&v, 8)) {
		uint32_t mode = 0, prf = vectors_mechanism(&v, 1, "")->number;
		AUTO_KEY *k = import_secret(prf_type(prf), vectors_bytes(&v, 2));
		struct hl_kdf_part part[6];
		struct hl_kdf_parameter p = { .prf = prf, .iv = vectors_bytes(&v, 3), .parts = { .items = part } };
		AUTO_BUF memory = { 0 };
		AUTO_OBJECT o = { 0 };
		struct hl_bytes wanted;

		mode = v.column[0][0] == 'C'   ? HL_CKM_SP800_108_COUNTER_KDF
		       : v.column[0][0] == 'F' ? HL_CKM_SP800_108_FEEDBACK_KDF
					       : HL_CKM_SP800_108_DOUBLE_PIPELINE_KDF;
		p.parts.count = parts_of(part, v.column[0][0] == 'C', vectors_number(&v, 4), vectors_bytes(&v, 5),
			vectors_bytes(&v, 6));
		wanted = vectors_bytes(&v, 7);
		CU_ASSERT_EQUAL(derive(k, mode, parameter(&memory, &hl_msg_kdf_parameter, &p), wanted.n, &o), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), wanted));
	}
	CU_ASSERT_EQUAL(v.lines, 42);
	vectors_close(&v);
}

static hl_err kdf_with(const struct hl_kdf_part *part, size_t n, uint32_t mode, size_t wanted)
{
	AUTO_KEY *k = import_secret(HL_CKK_GENERIC_SECRET, message);
	struct hl_kdf_parameter p = { .prf = HL_CKM_SHA256_HMAC, .parts = { .items = part, .count = n } };
	AUTO_BUF memory = { 0 };
	AUTO_OBJECT o = { 0 };

	return derive(k, mode, parameter(&memory, &hl_msg_kdf_parameter, &p), wanted, &o);
}

static void parts_that_do_not_fit_are_refused(void)
{
	const uint32_t counter = HL_CKM_SP800_108_COUNTER_KDF, feedback = HL_CKM_SP800_108_FEEDBACK_KDF;
	const struct hl_kdf_part i8 = { .type = 1, .bits = 8 }, fed = { .type = 1 }, c8 = { .type = 2, .bits = 8 };
	const struct hl_kdf_part length = { .type = 3, .bits = 8, .method = 1 }, text = { .type = 4, .value = message };
	const struct hl_kdf_part bad[] = { { .type = 1, .bits = 9 }, { .type = 1, .bits = 40 }, { .type = 1, .bits = 8, .method = 1 },
		{ .type = 1, .bits = 8, .value = message } };

	CU_ASSERT_EQUAL(kdf_with(&i8, 1, counter, 32), HL_OK);
	CU_ASSERT_EQUAL(kdf_with(&fed, 1, counter, 32), HL_E_PARAMETER); /* no width */
	CU_ASSERT_EQUAL(kdf_with(&i8, 1, feedback, 32), HL_E_PARAMETER); /* a width */
	CU_ASSERT_EQUAL(kdf_with(&text, 1, counter, 32), HL_E_PARAMETER); /* nothing is iterated */
	CU_ASSERT_EQUAL(kdf_with((struct hl_kdf_part[]){ i8, i8 }, 2, counter, 32), HL_E_PARAMETER);
	CU_ASSERT_EQUAL(kdf_with((struct hl_kdf_part[]){ i8, c8 }, 2, counter, 32), HL_E_PARAMETER);
	CU_ASSERT_EQUAL(kdf_with((struct hl_kdf_part[]){ fed, c8, c8 }, 3, feedback, 32), HL_E_PARAMETER);
	CU_ASSERT_EQUAL(kdf_with((struct hl_kdf_part[]){ i8, length, length }, 3, counter, 16), HL_E_PARAMETER);
	for (size_t i = 0; i < HL_COUNT(bad); i++)
		CU_ASSERT_EQUAL(kdf_with(&bad[i], 1, counter, 32), HL_E_PARAMETER);
	/* 255 rounds of 32 bytes, and lengths of up to 255 bits, are what eight bits can tell. */
	CU_ASSERT_EQUAL(kdf_with(&i8, 1, counter, 255 * 32), HL_OK);
	CU_ASSERT_EQUAL(kdf_with(&i8, 1, counter, 255 * 32 + 1), HL_E_KEY_SIZE);
	CU_ASSERT_EQUAL(kdf_with((struct hl_kdf_part[]){ i8, length }, 2, counter, 31), HL_OK);
	CU_ASSERT_EQUAL(kdf_with((struct hl_kdf_part[]){ i8, length }, 2, counter, 32), HL_E_KEY_SIZE);
}

/* Three keys stand one after another in what one long key would have. */
static void several_keys_come_of_one_derivation(void)
{
	AUTO_KEY *k = import_secret(HL_CKK_GENERIC_SECRET, message);
	const struct hl_kdf_part part = { .type = 1, .bits = 32 };
	struct template first = { 0 }, second = { 0 }, third = { 0 };
	struct hl_kdf_key more[2];
	struct hl_kdf_parameter p = { .prf = HL_CKM_SHA512_HMAC, .parts = { .items = &part, .count = 1 } };
	struct hsm_object out[HSM_DERIVED_MAX];
	AUTO_OBJECT all = { 0 };
	AUTO_BUF memory = { 0 };
	struct hl_bytes fields;
	const char *why;
	size_t n = 0;

	fields = parameter(&memory, &hl_msg_kdf_parameter, &p);
	CU_ASSERT_EQUAL(derive(k, HL_CKM_SP800_108_COUNTER_KDF, fields, 20 + 32 + 24, &all), HL_OK);
	template_number(&first, HL_CKA_VALUE_LEN, 20);
	template_number(&second, HL_CKA_KEY_TYPE, HL_CKK_AES);
	template_number(&second, HL_CKA_VALUE_LEN, 32);
	template_number(&third, HL_CKA_KEY_TYPE, HL_CKK_DES3);
	template_list(&second);
	template_list(&third);
	more[0].template = (struct hl_list){ .items = second.item, .count = second.n };
	more[1].template = (struct hl_list){ .items = third.item, .count = third.n };
	p.more = (struct hl_list){ .items = more, .count = 2 };
	fields = parameter(&memory, &hl_msg_kdf_parameter, &p);
	CU_ASSERT_EQUAL_FATAL(hsm_key_derive(k, HL_CKM_SP800_108_COUNTER_KDF, fields, template_list(&first), &strict, out,
				      &n, &why),
		HL_OK);
	CU_ASSERT_EQUAL(n, 3);
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&out[0].value), hl_bytes(all.value.p, 20)));
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&out[1].value), hl_bytes(all.value.p + 20, 32)));
	CU_ASSERT_EQUAL(hsm_attribute_number(&out[1], HL_CKA_KEY_TYPE), HL_CKK_AES);
	for (size_t i = 0; i < 24; i++) { /* parity was set */
		CU_ASSERT_EQUAL(out[2].value.p[i] & 0xfe, all.value.p[52 + i] & 0xfe);
		CU_ASSERT_EQUAL(__builtin_popcount(out[2].value.p[i]) % 2, 1);
	}
	for (size_t i = 0; i < n; i++)
		hsm_object_clear(&out[i]);
	template_clear(&first);
	first.n = 0;
	CU_ASSERT_EQUAL(hsm_key_derive(k, HL_CKM_SP800_108_COUNTER_KDF, fields, template_list(&first), &strict, out, &n, &why),
		HL_E_TEMPLATE_INCOMPLETE); /* the first does not say how long it is */
	CU_ASSERT_STRING_EQUAL(why, "CKA_VALUE_LEN");
	template_clear(&first);
	template_clear(&second);
	template_clear(&third);
}

/* -- by digest, by encryption, from passwords ------------------------------------------------------------------ */

static void digests_and_encrypted_data_make_keys(void)
{
	static const uint32_t digest[] = { HL_CKM_SHA_1, HL_CKM_SHA224, HL_CKM_SHA256, HL_CKM_SHA384, HL_CKM_SHA512 };
	static const uint32_t derivation[] = { HL_CKM_SHA1_KEY_DERIVATION, HL_CKM_SHA224_KEY_DERIVATION,
		HL_CKM_SHA256_KEY_DERIVATION, HL_CKM_SHA384_KEY_DERIVATION, HL_CKM_SHA512_KEY_DERIVATION };
	AUTO_KEY *aes = import_secret(HL_CKK_AES, message);
	struct hl_data_parameter data = { none, message };
	AUTO_BUF memory = { 0 };
	AUTO_OBJECT o = { 0 };

	for (size_t i = 0; i < HL_COUNT(digest); i++) {
		AUTO_BUF out = hl_buf(64);

		CU_ASSERT_EQUAL(hsm_digest_data(digest[i], message, &out), HL_OK);
		CU_ASSERT_EQUAL(derive(aes, derivation[i], none, 0, &o), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), hl_buf_view(&out)));
		CU_ASSERT_EQUAL(derive(aes, derivation[i], none, out.n + 1, &o), HL_E_KEY_SIZE);
	}
	{
		AUTO_BUF out = hl_buf(64);

		CU_ASSERT_EQUAL(hsm_key_encrypt(aes, HL_CKM_AES_ECB, none, message, &out), HL_OK);
		CU_ASSERT_EQUAL(derive(aes, HL_CKM_AES_ECB_ENCRYPT_DATA, parameter(&memory, &hl_msg_data_parameter, &data), 20,
					&o),
			HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), hl_bytes(hl_buf_view(&out).p, 20)));
	}
	CU_ASSERT_EQUAL(
		derive(aes, HL_CKM_AES_CBC_ENCRYPT_DATA, parameter(&memory, &hl_msg_data_parameter, &data), 0, &o),
		HL_E_PARAMETER); /* no IV */
	data.iv = hl_bytes(message.p, 16);
	CU_ASSERT_EQUAL(
		derive(aes, HL_CKM_AES_CBC_ENCRYPT_DATA, parameter(&memory, &hl_msg_data_parameter, &data), 0, &o), HL_OK);
	data.data.n = 31;
	CU_ASSERT_EQUAL(
		derive(aes, HL_CKM_AES_CBC_ENCRYPT_DATA, parameter(&memory, &hl_msg_data_parameter, &data), 0, &o),
		HL_E_PARAMETER);
}

static void passwords_make_keys(void)
{
	struct vectors v;

	vectors_open(&v, "pbkdf2.txt");
	while (vectors_next(&v, 5)) {
		struct hl_pbkdf2_parameter p = { .prf = vectors_number(&v, 0), .iterations = vectors_number(&v, 3) };
		struct template t = { 0 };
		struct hl_bytes wanted;
		AUTO_BUF memory = { 0 };
		AUTO_OBJECT o = { 0 };
		const char *why;

		p.password = vectors_bytes(&v, 1);
		p.salt = vectors_bytes(&v, 2);
		wanted = vectors_bytes(&v, 4);
		template_number(&t, HL_CKA_VALUE_LEN, wanted.n);
		CU_ASSERT_EQUAL(hsm_key_generate(HL_CKM_PKCS5_PBKD2, parameter(&memory, &hl_msg_pbkdf2_parameter, &p),
					template_list(&t), NULL, &strict, &o, NULL, &why),
			HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), wanted));
		CU_ASSERT_FALSE(hsm_attribute_bool(&o, HL_CKA_LOCAL));
		template_clear(&t);
	}
	CU_ASSERT_EQUAL(v.lines, 23);
	vectors_close(&v);
}

/* -- parameters ------------------------------------------------------------------------------------------------ */

/* A cut at the end of a field may be a parameter of its own; any other is none. Nothing is read past the end. */
static void cut(struct hsm_key *k, uint32_t mechanism, const struct hl_msg *m, const void *body)
{
	AUTO_BUF memory = { 0 };
	struct hl_bytes whole = parameter(&memory, m, body);
	size_t refused = 0;
	AUTO_OBJECT o = { 0 };

	CU_ASSERT_EQUAL(derive(k, mechanism, whole, 16, &o), HL_OK);
	for (size_t n = 0; n < whole.n; n++) {
		uint8_t *exact = malloc(n ? n : 1);
		hl_err err;

		memcpy(exact, whole.p, n);
		err = derive(k, mechanism, hl_bytes(exact, n), 16, &o);
		CU_ASSERT(err == HL_OK || err == HL_E_PARAMETER);
		refused += err != HL_OK;
		free(exact);
	}
	CU_ASSERT(refused + 3 >= whole.n);
	hl_buf_u8(&memory, 0);
	CU_ASSERT_EQUAL(derive(k, mechanism, hl_buf_view(&memory), 16, &o), HL_E_PARAMETER);
}

static void every_cut_of_a_parameter_is_refused(void)
{
	static const uint8_t x25519[] = { 0x06, 3, 0x2b, 0x65, 0x6e };
	AUTO_KEY *x = curve_key(HL_CKK_EC_MONTGOMERY, hl_bytes(x25519, sizeof x25519), message);
	AUTO_KEY *aes = import_secret(HL_CKK_AES, message);
	const struct hl_kdf_part part[] = { { .type = 1, .bits = 32 }, { .type = 4, .value = message } };
	struct hl_agree_parameter agreement = { HL_CKD_SHA256_KDF, message, hl_bytes("\11" "2345678901234567890123456789012", 32) };
	struct hl_data_parameter data = { hl_bytes(message.p, 16), message };
	struct hl_kdf_parameter kdf = { .prf = HL_CKM_AES_CMAC, .parts = { .items = part, .count = HL_COUNT(part) } };

	cut(x, HL_CKM_ECDH1_DERIVE, &hl_msg_agree_parameter, &agreement);
	cut(aes, HL_CKM_AES_CBC_ENCRYPT_DATA, &hl_msg_data_parameter, &data);
	cut(aes, HL_CKM_SP800_108_COUNTER_KDF, &hl_msg_kdf_parameter, &kdf);
}

static CU_TestInfo tests[] = {
	{ "agreements on curves come out", agreements_on_curves_come_out },
	{ "points that are none are refused", points_that_are_none_are_refused },
	{ "agreements by exponents come out", agreements_by_exponents_come_out },
	{ "derivations of SP 800-108 come out", derivations_of_sp_800_108_come_out },
	{ "parts that do not fit are refused", parts_that_do_not_fit_are_refused },
	{ "several keys come of one derivation", several_keys_come_of_one_derivation },
	{ "digests and encrypted data make keys", digests_and_encrypted_data_make_keys },
	{ "passwords make keys", passwords_make_keys },
	{ "every cut of a parameter is refused", every_cut_of_a_parameter_is_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("derive", tests)
