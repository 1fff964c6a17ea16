/* MACs: published answers, in one part and in pieces. */
#include "tests/support/test.h"
#include "tests/support/imports.h"

static hl_err streamed(struct hsm_key *k, enum hsm_way way, uint32_t mechanism, struct hl_bytes p, struct hl_bytes data,
	size_t piece, struct hl_bytes signature, struct hl_buf *out)
{
	struct hsm_stream *s = NULL;
	hl_err err = hsm_stream_new(k, way, mechanism, p, &s);

	for (size_t at = 0; err == HL_OK && at < data.n; at += piece) {
		size_t some = data.n - at < piece ? data.n - at : piece;

		err = hsm_stream_update(s, hl_bytes(data.p + at, some), NULL);
	}
	if (err == HL_OK)
		err = hsm_stream_final(s, signature, out);
	hsm_stream_free(s);
	return err;
}

static void check(struct hsm_key *k, uint32_t m, struct hl_bytes p, struct hl_bytes data, struct hl_bytes mac)
{
	static const size_t pieces[] = { 1, 8, 15, 16, 17, 1000 };
	AUTO_BUF out = hl_buf(64);
	AUTO_BUF bad = hl_buf(80);

	for (int again = 0; again < 2; again++) {
		hl_buf_reset(&out);
		CU_ASSERT_EQUAL(hsm_key_sign(k, m, p, data, &out), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), mac));
		CU_ASSERT_EQUAL(hsm_key_verify(k, m, p, data, mac), HL_OK);
	}
	for (size_t i = 0; i < HL_COUNT(pieces); i++) {
		hl_buf_reset(&out);
		CU_ASSERT_EQUAL(streamed(k, HSM_SIGN, m, p, data, pieces[i], mac, &out), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), mac));
		CU_ASSERT_EQUAL(streamed(k, HSM_VERIFY, m, p, data, pieces[i], mac, NULL), HL_OK);
	}
	hl_buf_put(&bad, mac);
	for (size_t i = 0; i < mac.n; i++) {
		bad.base[bad.off + i] ^= 1;
		CU_ASSERT_EQUAL(hsm_key_verify(k, m, p, data, hl_buf_view(&bad)), HL_E_SIGNATURE);
		CU_ASSERT_EQUAL(
			streamed(k, HSM_VERIFY, m, p, data, 100, hl_buf_view(&bad), NULL), HL_E_SIGNATURE);
		bad.base[bad.off + i] ^= 1;
		CU_ASSERT_EQUAL(hsm_key_verify(k, m, p, data, hl_bytes(mac.p, i)), HL_E_SIGNATURE_LENGTH);
	}
}

static uint32_t type_for(const struct hsm_mechanism *m, struct hl_bytes key)
{
	return m->also_type == HL_CKK_DES2 && key.n == 16 ? HL_CKK_DES2 : m->key_type;
}

static void published_answers_come_out(void)
{
	struct vectors v;

	vectors_open(&v, "macs.txt");
	while (vectors_next(&v, 5)) {
		const struct hsm_mechanism *m = vectors_mechanism(&v, 0, "");
		struct hl_bytes key = vectors_bytes(&v, 1), data, mac;
		struct hl_gcm_parameter gcm = { .iv = vectors_bytes(&v, 2), .tag_bits = 128 };
		AUTO_KEY *k = import_secret(type_for(m, key), key);
		AUTO_BUF memory = { 0 };

		data = vectors_bytes(&v, 3);
		mac = vectors_bytes(&v, 4);
		check(k, m->number, parameter(&memory, m->parameter, &gcm), data, mac);
		if (m->also_type == HL_CKK_GENERIC_SECRET) {
			AUTO_KEY *generic = import_secret(HL_CKK_GENERIC_SECRET, key);

			CU_ASSERT_EQUAL(hsm_key_verify(generic, m->number, hl_bytes(NULL, 0), data, mac), HL_OK);
		}
	}
	CU_ASSERT_EQUAL(v.lines, 139);
	vectors_close(&v);
}

static void a_key_of_one_hmac_does_no_other(void)
{
	AUTO_KEY *k = import_secret(HL_CKK_SHA256_HMAC, message);
	AUTO_BUF out = { 0 };

	CU_ASSERT_EQUAL(sign(k, HL_CKM_SHA256_HMAC, message, &out), HL_OK);
	CU_ASSERT_EQUAL(sign(k, HL_CKM_SHA512_HMAC, message, &out), HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(sign(k, HL_CKM_AES_CMAC, message, &out), HL_E_KEY_TYPE);
}

static void gmac_takes_the_tags_of_gcm_and_no_other_data(void)
{
	AUTO_KEY *k = import_secret(HL_CKK_AES, hl_bytes(message.p, 16));
	AUTO_BUF whole = hl_buf(64);

	for (uint32_t bits = 128; bits > 80; bits -= 8) {
		struct hl_gcm_parameter gcm = { .iv = hl_bytes(message.p, 12), .tag_bits = bits };
		AUTO_BUF memory = { 0 };
		AUTO_BUF out = hl_buf(64);
		hl_err err = hsm_key_sign(
			k, HL_CKM_AES_GMAC, parameter(&memory, &hl_msg_gcm_parameter, &gcm), message, &out);

		CU_ASSERT_EQUAL(err, bits >= 96 ? HL_OK : HL_E_PARAMETER);
		if (bits == 128)
			hl_buf_put(&whole, hl_buf_view(&out));
		if (err == HL_OK)
			CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), hl_bytes(hl_buf_view(&whole).p, bits / 8)));
		gcm.aad = hl_text("x");
		CU_ASSERT_EQUAL(hsm_key_sign(k, HL_CKM_AES_GMAC, parameter(&memory, &hl_msg_gcm_parameter, &gcm),
					message, &out),
			HL_E_PARAMETER);
	}
}

static void digests_come_out(void)
{
	static const uint8_t abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea }; /* FIPS 180-2, B.1 */
	AUTO_BUF out = hl_buf(64);
	size_t n, digests = 0;
	const struct hsm_mechanism *m = hsm_mechanisms(&n);

	CU_ASSERT_EQUAL(hsm_digest_data(HL_CKM_SHA256, hl_text("abc"), &out), HL_OK);
	CU_ASSERT_EQUAL(out.n, 32);
	CU_ASSERT(memcmp(hl_buf_view(&out).p, abc, sizeof abc) == 0);
	CU_ASSERT_EQUAL(hsm_digest_data(HL_CKM_SHA512, hl_text("abc"), &out), HL_E_FULL);
	CU_ASSERT_EQUAL(hsm_digest_data(HL_CKM_SHA256_HMAC, hl_text("abc"), &out), HL_E_MECHANISM);
	for (size_t i = 0; i < n; i++)
		if (m[i].flags & HSM_DIGESTS) {
			hl_buf_reset(&out);
			CU_ASSERT_EQUAL(hsm_digest_data(m[i].number, hl_bytes(NULL, 0), &out), HL_OK);
			digests++;
		}
	CU_ASSERT_EQUAL(digests, 11);
}

static CU_TestInfo tests[] = {
	{ "published answers come out", published_answers_come_out },
	{ "a key of one HMAC does no other", a_key_of_one_hmac_does_no_other },
	{ "GMAC takes the tags of GCM, and no other data", gmac_takes_the_tags_of_gcm_and_no_other_data },
	{ "digests come out", digests_come_out },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("mac", tests)
