#include <stdio.h>

#include "tests/support/objects.h"
#include "tests/support/test.h"
#include "tests/support/vectors.h"

/* -- keys -------------------------------------------------------------------------------------------- */

/* An AES key that was not made here, as an import would build it. */
static void import(struct hsm_object *o, struct hl_bytes value)
{
	CU_ASSERT_EQUAL(hsm_attribute_set_number(o, HL_CKA_CLASS, HL_CKO_SECRET_KEY), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_number(o, HL_CKA_KEY_TYPE, HL_CKK_AES), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(o, HL_CKA_ENCRYPT, true), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(o, HL_CKA_DECRYPT, true), HL_OK);
	CU_ASSERT_EQUAL(hl_secret_set(&o->value, value), HL_OK);
}

static struct hsm_key *key_with(struct hl_bytes value)
{
	AUTO_OBJECT o = { 0 };
	struct hsm_key *k = NULL;

	import(&o, value);
	CU_ASSERT_EQUAL_FATAL(hsm_key_parse(&o, &k), HL_OK);
	return k;
}

static const uint8_t bytes[256] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

static struct hsm_key *some_key(void)
{
	return key_with(hl_bytes(bytes, 32));
}

static struct hl_gcm_parameter with(struct hl_bytes iv, struct hl_bytes aad, uint32_t tag_bits)
{
	return (struct hl_gcm_parameter){ .iv = iv, .aad = aad, .tag_bits = tag_bits };
}

#define IV hl_bytes(bytes, 12)
#define AAD hl_text("additional data")

/* The fields of a parameter, as they arrive from the wire; 0 where they could not. */
static struct hl_bytes fields(const struct hl_gcm_parameter *p, struct hl_buf *memory)
{
	hl_body_put(memory, &hl_msg_gcm_parameter, p);
	return memory->err == HL_OK ? hl_buf_view(memory) : hl_bytes(NULL, 0);
}

/* Into an emptied buffer. */
static hl_err encrypt(struct hsm_key *k, const struct hl_gcm_parameter *p, struct hl_bytes data,
	struct hl_buf *out)
{
	AUTO_BUF memory = hl_buf(HL_PARAMETER_MAX);

	hl_buf_clear(out);
	*out = hl_buf(HL_DATA_MAX + HL_TAG_MAX);
	return hsm_key_encrypt(k, HL_CKM_AES_GCM, fields(p, &memory), data, out);
}

static hl_err decrypt(struct hsm_key *k, const struct hl_gcm_parameter *p, struct hl_bytes data,
	struct hl_buf *out)
{
	AUTO_BUF memory = hl_buf(HL_PARAMETER_MAX);

	hl_buf_clear(out);
	*out = hl_buf(HL_DATA_MAX + HL_TAG_MAX);
	return hsm_key_decrypt(k, HL_CKM_AES_GCM, fields(p, &memory), data, out);
}

/* -- published cases --------------------------------------------------------------------------------- */

/* One line of gcm-spec.txt: key, iv, additional data, plaintext, ciphertext, tag. Counts those whose IV is one
 * that we take. */
static void check_line(struct vectors *v, unsigned *taken)
{
	struct hl_bytes value = vectors_bytes(v, 0), iv = vectors_bytes(v, 1), aad = vectors_bytes(v, 2);
	struct hl_bytes plain = vectors_bytes(v, 3), cipher = vectors_bytes(v, 4), tag = vectors_bytes(v, 5);
	AUTO_KEY *k = key_with(value);
	AUTO_BUF expected = hl_buf(128);
	AUTO_BUF out = { 0 };

	for (uint32_t bits = 96; bits <= 128; bits += 8) {
		struct hl_gcm_parameter p = with(iv, aad, bits);

		hl_buf_reset(&expected);
		hl_buf_put(&expected, cipher);
		hl_buf_put(&expected, hl_bytes(tag.p, bits / 8));
		if (iv.n < HSM_IV_MIN) {
			CU_ASSERT_EQUAL(encrypt(k, &p, plain, &out), HL_E_PARAMETER);
			CU_ASSERT_EQUAL(
				decrypt(k, &p, hl_buf_view(&expected), &out), HL_E_PARAMETER);
			continue;
		}
		CU_ASSERT_EQUAL(encrypt(k, &p, plain, &out), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), hl_buf_view(&expected)));
		CU_ASSERT_EQUAL(decrypt(k, &p, hl_buf_view(&expected), &out), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), plain));
	}
	*taken += iv.n >= HSM_IV_MIN;
}

static void the_cases_of_the_specification_come_out(void)
{
	struct vectors v;
	unsigned taken = 0;

	vectors_open(&v, "gcm-spec.txt");
	while (vectors_next(&v, 6))
		check_line(&v, &taken);
	CU_ASSERT_EQUAL(v.lines, 18);
	CU_ASSERT_EQUAL(taken, 15); /* three have an IV of 8 bytes */
	vectors_close(&v);
}

/* -- what decrypts again ------------------------------------------------------------------------------ */

static void data_and_additional_data_of_any_length_come_back(void)
{
	static uint8_t data[HL_DATA_MAX], aad[65536];
	static const size_t length[] = { 0, 1, 15, 16, 17, 4095, 65536, sizeof data };
	AUTO_KEY *k = some_key();
	AUTO_BUF sealed = { 0 };
	AUTO_BUF open = { 0 };

	memset(data, 7, sizeof data);
	for (size_t i = 0; i < HL_COUNT(length); i++)
		for (size_t n = 0; n <= sizeof aad; n = n ? n * 16 : 1) {
			struct hl_gcm_parameter p = with(IV, hl_bytes(aad, n), 128);
			struct hl_bytes plain = hl_bytes(data, length[i]);

			CU_ASSERT_EQUAL(encrypt(k, &p, plain, &sealed), HL_OK);
			CU_ASSERT_EQUAL(sealed.n, plain.n + 16);
			CU_ASSERT_EQUAL(decrypt(k, &p, hl_buf_view(&sealed), &open), HL_OK);
			CU_ASSERT(hl_bytes_eq(hl_buf_view(&open), plain));
		}
}

static void more_data_than_a_frame_takes_is_refused(void)
{
	static uint8_t data[HL_DATA_MAX + 17];
	struct hl_gcm_parameter p = with(IV, AAD, 128);
	AUTO_KEY *k = some_key();
	AUTO_BUF out = { 0 };

	CU_ASSERT_EQUAL(encrypt(k, &p, hl_bytes(data, HL_DATA_MAX + 1), &out), HL_E_DATA_LENGTH);
	CU_ASSERT_EQUAL(decrypt(k, &p, hl_bytes(data, sizeof data), &out), HL_E_ENCRYPTED_LENGTH);
}

/* -- what does not ------------------------------------------------------------------------------------ */

static void every_bit_of_data_and_tag_counts(void)
{
	for (uint32_t bits = 96; bits <= 128; bits += 8) {
		struct hl_gcm_parameter p = with(IV, AAD, bits);
		AUTO_KEY *k = some_key();
		AUTO_BUF sealed = { 0 };
		AUTO_BUF open = { 0 };
		uint8_t *at;

		CU_ASSERT_EQUAL_FATAL(encrypt(k, &p, message, &sealed), HL_OK);
		at = sealed.base + sealed.off;
		for (size_t bit = 0; bit < 8 * sealed.n; bit++) {
			at[bit / 8] ^= (uint8_t)(1u << bit % 8);
			CU_ASSERT_EQUAL(decrypt(k, &p, hl_buf_view(&sealed), &open), HL_E_DECRYPT);
			CU_ASSERT_EQUAL(open.n, 0);
			at[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		CU_ASSERT_EQUAL(decrypt(k, &p, hl_buf_view(&sealed), &open), HL_OK);
	}
}

/* The library decrypts before it has seen the tag; where that fails nothing may be left of it. */
static void nothing_is_left_of_data_that_does_not_decrypt(void)
{
	struct hl_gcm_parameter p = with(IV, AAD, 128);
	AUTO_KEY *k = some_key();
	AUTO_BUF sealed = { 0 };
	AUTO_BUF open = { 0 };

	CU_ASSERT_EQUAL_FATAL(encrypt(k, &p, message, &sealed), HL_OK);
	sealed.base[sealed.off + sealed.n - 1] ^= 1;
	CU_ASSERT_EQUAL(decrypt(k, &p, hl_buf_view(&sealed), &open), HL_E_DECRYPT);
	CU_ASSERT_FATAL(open.cap >= message.n);
	for (size_t i = 0; i < message.n; i++)
		CU_ASSERT_EQUAL(open.base[open.off + i], 0);
}

static void every_cut_is_refused(void)
{
	struct hl_gcm_parameter p = with(IV, AAD, 96);
	AUTO_KEY *k = some_key();
	AUTO_BUF sealed = { 0 };
	AUTO_BUF open = { 0 };

	CU_ASSERT_EQUAL_FATAL(encrypt(k, &p, message, &sealed), HL_OK);
	for (size_t n = 0; n < sealed.n; n++)
		CU_ASSERT_EQUAL(
			decrypt(k, &p, hl_bytes(hl_buf_view(&sealed).p, n), &open), HL_E_DECRYPT);
	hl_buf_u8(&sealed, 0);
	CU_ASSERT_EQUAL(decrypt(k, &p, hl_buf_view(&sealed), &open), HL_E_DECRYPT);
}

static void another_iv_additional_data_tag_length_or_key_is_refused(void)
{
	const struct hl_gcm_parameter right = with(IV, AAD, 128), others[] = {
		with(hl_bytes(bytes + 1, 12), AAD, 128), with(hl_bytes(bytes, 13), AAD, 128),
		with(IV, hl_text("additional datA"), 128), with(IV, hl_text("additional dat"), 128),
		with(IV, hl_bytes(NULL, 0), 128),
		with(IV, AAD, 120), /* a tag of 128 bits is none of 120 */
	};
	AUTO_KEY *k = some_key();
	AUTO_KEY *other = key_with(hl_bytes(bytes + 1, 32));
	AUTO_KEY *shorter = key_with(hl_bytes(bytes, 16));
	AUTO_BUF sealed = { 0 };
	AUTO_BUF open = { 0 };

	CU_ASSERT_EQUAL_FATAL(encrypt(k, &right, message, &sealed), HL_OK);
	for (size_t i = 0; i < HL_COUNT(others); i++)
		CU_ASSERT_EQUAL(decrypt(k, &others[i], hl_buf_view(&sealed), &open), HL_E_DECRYPT);
	CU_ASSERT_EQUAL(decrypt(other, &right, hl_buf_view(&sealed), &open), HL_E_DECRYPT);
	CU_ASSERT_EQUAL(decrypt(shorter, &right, hl_buf_view(&sealed), &open), HL_E_DECRYPT);
	CU_ASSERT_EQUAL(decrypt(k, &right, hl_buf_view(&sealed), &open), HL_OK);
}

/* -- what is refused ---------------------------------------------------------------------------------- */

static void tags_of_other_lengths_are_refused(void)
{
	AUTO_KEY *k = some_key();
	AUTO_BUF out = { 0 };

	for (uint32_t bits = 0; bits <= 300; bits++) {
		struct hl_gcm_parameter p = with(IV, AAD, bits);
		bool good = bits >= 96 && bits <= 128 && bits % 8 == 0;

		CU_ASSERT_EQUAL(encrypt(k, &p, message, &out), good ? HL_OK : HL_E_PARAMETER);
		CU_ASSERT_EQUAL(
			decrypt(k, &p, message, &out), good ? HL_E_DECRYPT : HL_E_PARAMETER);
	}
	CU_ASSERT_EQUAL(
		encrypt(k, &(struct hl_gcm_parameter){ .iv = IV, .tag_bits = UINT32_MAX - 7 },
			message, &out),
		HL_E_PARAMETER);
}

static void ivs_of_other_lengths_are_refused(void)
{
	AUTO_KEY *k = some_key();
	AUTO_BUF sealed = { 0 };
	AUTO_BUF open = { 0 };

	for (size_t n = 0; n <= sizeof bytes; n++) {
		struct hl_gcm_parameter p = with(hl_bytes(bytes, n), AAD, 128);
		bool good = n >= 12 && n <= 128;

		CU_ASSERT_EQUAL(encrypt(k, &p, message, &sealed), good ? HL_OK : HL_E_PARAMETER);
		CU_ASSERT_EQUAL(
			decrypt(k, &p, hl_buf_view(&sealed), &open), good ? HL_OK : HL_E_PARAMETER);
	}
}

static void a_key_without_the_usage_attribute_is_refused(void)
{
	struct hl_gcm_parameter p = with(IV, AAD, 128);
	static const uint32_t use[] = { HL_CKA_ENCRYPT, HL_CKA_DECRYPT };

	for (size_t i = 0; i < HL_COUNT(use); i++) {
		AUTO_OBJECT o = { 0 };
		AUTO_KEY *k = NULL;
		AUTO_BUF out = { 0 };

		import(&o, hl_bytes(bytes, 16));
		CU_ASSERT_EQUAL(hsm_attribute_set_bool(&o, use[i], false), HL_OK);
		CU_ASSERT_EQUAL_FATAL(hsm_key_parse(&o, &k), HL_OK);
		CU_ASSERT_EQUAL(encrypt(k, &p, message, &out), i == 0 ? HL_E_KEY_USE : HL_OK);
		CU_ASSERT_EQUAL(
			decrypt(k, &p, message, &out), i == 1 ? HL_E_KEY_USE : HL_E_DECRYPT);
	}
}

static void a_mechanism_that_does_not_fit_is_refused(void)
{
	struct hl_gcm_parameter p = with(IV, AAD, 128);
	AUTO_KEY *k = some_key();
	AUTO_PAIR rsa = { 0 };
	AUTO_BUF out = hl_buf(1024);
	AUTO_BUF memory = hl_buf(1024);
	struct hl_bytes gcm = fields(&p, &memory), none = hl_bytes(NULL, 0);

	make_rsa_pair(2048, &rsa.object, &rsa.public_object);
	pair_parse(&rsa);
	CU_ASSERT_EQUAL(hsm_key_encrypt(k, HL_CKM_AES_KEY_GEN, gcm, message, &out), HL_E_MECHANISM);
	CU_ASSERT_EQUAL(hsm_key_encrypt(k, HL_CKM_RSA_PKCS, none, message, &out), HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(hsm_key_decrypt(k, 0x7fffffff, gcm, message, &out), HL_E_MECHANISM);
	CU_ASSERT_EQUAL(
		hsm_key_encrypt(rsa.public_key, HL_CKM_AES_GCM, gcm, message, &out), HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(
		hsm_key_decrypt(rsa.key, HL_CKM_AES_GCM, gcm, message, &out), HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(
		hsm_key_sign(k, HL_CKM_AES_GCM, none, message, &out), HL_E_MECHANISM);
	CU_ASSERT_EQUAL(out.n, 0);
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_AES_GCM, k));
}

static void keys_of_other_lengths_are_refused(void)
{
	for (size_t n = 0; n <= 64; n++) {
		AUTO_OBJECT o = { 0 };
		AUTO_KEY *k = NULL;

		import(&o, hl_bytes(bytes, n));
		CU_ASSERT_EQUAL(
			hsm_key_parse(&o, &k), n == 16 || n == 24 || n == 32 ? HL_OK : HL_E_CRYPTO);
	}
}

/* -- the rest ------------------------------------------------------------------------------------------ */

static void a_full_buffer_stays_as_it_was(void)
{
	struct hl_gcm_parameter p = with(IV, AAD, 128);
	AUTO_KEY *k = some_key();
	AUTO_BUF memory = hl_buf(1024);
	struct hl_bytes gcm = fields(&p, &memory);
	AUTO_BUF out = hl_buf(5 + 32 + 16);

	hl_buf_text(&out, "front");
	CU_ASSERT_EQUAL(hsm_key_encrypt(k, HL_CKM_AES_GCM, gcm, message, &out), HL_OK);
	CU_ASSERT_EQUAL(out.n, 53);
	CU_ASSERT(hl_bytes_eq(hl_bytes(hl_buf_view(&out).p, 5), hl_text("front")));
	CU_ASSERT_EQUAL(hsm_key_encrypt(k, HL_CKM_AES_GCM, gcm, message, &out), HL_E_FULL);
	CU_ASSERT_EQUAL(out.n, 53);
}

static void a_share_of_a_key_does_the_same(void)
{
	struct hl_gcm_parameter p = with(IV, AAD, 128);
	struct hsm_key *k = some_key();
	AUTO_KEY *share = NULL;
	AUTO_BUF one = { 0 };
	AUTO_BUF two = { 0 };

	CU_ASSERT_EQUAL(encrypt(k, &p, message, &one), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_key_share(k, &share), HL_OK);
	hsm_key_free(k); /* the share does not need it */
	CU_ASSERT_EQUAL(encrypt(share, &p, message, &two), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&one), hl_buf_view(&two)));
	CU_ASSERT_EQUAL(decrypt(share, &p, hl_buf_view(&two), &one), HL_OK);
}

static CU_TestInfo tests[] = {
	{ "the cases of the specification come out", the_cases_of_the_specification_come_out },
	{ "data and additional data of any length come back",
		data_and_additional_data_of_any_length_come_back },
	{ "more data than a frame takes is refused", more_data_than_a_frame_takes_is_refused },
	{ "every bit of data and tag counts", every_bit_of_data_and_tag_counts },
	{ "nothing is left of data that does not decrypt",
		nothing_is_left_of_data_that_does_not_decrypt },
	{ "every cut is refused", every_cut_is_refused },
	{ "another IV, additional data, tag length or key is refused",
		another_iv_additional_data_tag_length_or_key_is_refused },
	{ "tags of other lengths are refused", tags_of_other_lengths_are_refused },
	{ "IVs of other lengths are refused", ivs_of_other_lengths_are_refused },
	{ "a key without the usage attribute is refused",
		a_key_without_the_usage_attribute_is_refused },
	{ "a mechanism that does not fit is refused", a_mechanism_that_does_not_fit_is_refused },
	{ "keys of other lengths are refused", keys_of_other_lengths_are_refused },
	{ "a full buffer stays as it was", a_full_buffer_stays_as_it_was },
	{ "a share of a key does the same", a_share_of_a_key_does_the_same },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("gcm", tests)
