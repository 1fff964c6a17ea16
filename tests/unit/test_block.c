/* The ciphers that need no tag, and ChaCha20-Poly1305: published answers, in one part and in pieces. */
#include "tests/support/test.h"
#include "tests/support/imports.h"

#include <stdlib.h>

/* -- one case: a key, a parameter and both sides --------------------------------------------------- */

struct crypt {
	struct hsm_key *k;
	uint32_t mechanism;
	struct hl_buf memory;
	struct hl_bytes parameter, plain, sealed;
};

static void crypt_clear(struct crypt *c)
{
	hsm_key_free(c->k);
	hl_buf_clear(&c->memory);
}

static hl_err one_part(const struct crypt *c, enum hsm_way way, struct hl_bytes from, struct hl_buf *out)
{
	hl_buf_clear(out);
	*out = hl_buf(HSM_STREAM_MAX + HL_TAG_MAX);
	return way == HSM_ENCRYPT ? hsm_key_encrypt(c->k, c->mechanism, c->parameter, from, out)
				  : hsm_key_decrypt(c->k, c->mechanism, c->parameter, from, out);
}

static hl_err in_pieces(
	const struct crypt *c, enum hsm_way way, struct hl_bytes from, size_t piece, struct hl_buf *out)
{
	struct hsm_stream *s = NULL;
	hl_err err;

	hl_buf_clear(out);
	*out = hl_buf(HSM_STREAM_MAX + HL_TAG_MAX);
	err = hsm_stream_new(c->k, way, c->mechanism, c->parameter, &s);
	for (size_t at = 0; err == HL_OK && at < from.n; at += piece) {
		size_t some = from.n - at < piece ? from.n - at : piece;

		err = hsm_stream_update(s, hl_bytes(from.p + at, some), out);
	}
	if (err == HL_OK)
		err = hsm_stream_final(s, hl_bytes(NULL, 0), out);
	hsm_stream_free(s);
	return err;
}

static void check(const struct crypt *c)
{
	static const size_t pieces[] = { 1, 7, 8, 15, 16, 17, 32, 1000 };
	AUTO_BUF out = { 0 };

	for (int again = 0; again < 2; again++) { /* the context is used again */
		CU_ASSERT_EQUAL(one_part(c, HSM_ENCRYPT, c->plain, &out), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), c->sealed));
		CU_ASSERT_EQUAL(one_part(c, HSM_DECRYPT, c->sealed, &out), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), c->plain));
	}
	for (size_t i = 0; i < HL_COUNT(pieces); i++) {
		CU_ASSERT_EQUAL(in_pieces(c, HSM_ENCRYPT, c->plain, pieces[i], &out), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), c->sealed));
		CU_ASSERT_EQUAL(in_pieces(c, HSM_DECRYPT, c->sealed, pieces[i], &out), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), c->plain));
	}
}

/* -- published and foreign answers ------------------------------------------------------------------- */

static struct hl_bytes parameter_of(const struct hsm_mechanism *m, struct hl_bytes iv, struct hl_buf *memory)
{
	struct hl_iv_parameter cbc = { iv };
	struct hl_ctr_parameter ctr = { 128, iv };
	struct hl_chacha_parameter chacha = { 0 };

	if (m->parameter == &hl_msg_iv_parameter)
		return parameter(memory, m->parameter, &cbc);
	if (m->parameter == &hl_msg_ctr_parameter)
		return parameter(memory, m->parameter, &ctr);
	if (m->parameter != &hl_msg_chacha_parameter)
		return hl_bytes(NULL, 0);
	for (size_t i = 0; i < 4; i++)
		chacha.counter |= (uint64_t)iv.p[i] << 8 * i;
	chacha.nonce = hl_bytes(iv.p + 4, 12);
	return parameter(memory, m->parameter, &chacha);
}

static void published_answers_come_out(void)
{
	struct vectors v;

	vectors_open(&v, "ciphers.txt");
	while (vectors_next(&v, 5)) {
		const struct hsm_mechanism *m = vectors_mechanism(&v, 0, "");
		struct hl_bytes key = vectors_bytes(&v, 1);
		HL_AUTO(crypt_clear) struct crypt c = {
			.mechanism = m->number,
			.k = import_secret(m->also_type == HL_CKK_DES2 && key.n == 16 ? HL_CKK_DES2 : m->key_type, key),
		};

		c.parameter = parameter_of(m, vectors_bytes(&v, 2), &c.memory);
		c.plain = vectors_bytes(&v, 3);
		c.sealed = vectors_bytes(&v, 4);
		check(&c);
	}
	CU_ASSERT_EQUAL(v.lines, 100);
	vectors_close(&v);
}

static void chacha20_poly1305_comes_out_and_every_bit_counts(void)
{
	struct vectors v;

	vectors_open(&v, "chacha20-poly1305.txt");
	while (vectors_next(&v, 5)) {
		HL_AUTO(crypt_clear) struct crypt c = {
			.mechanism = HL_CKM_CHACHA20_POLY1305,
			.k = import_secret(HL_CKK_CHACHA20, vectors_bytes(&v, 0)),
		};
		struct hl_aead_parameter p = { vectors_bytes(&v, 1), vectors_bytes(&v, 2) };
		AUTO_BUF out = { 0 };
		AUTO_BUF bad = hl_buf(1024);
		uint8_t *at;

		c.parameter = parameter(&c.memory, &hl_msg_aead_parameter, &p);
		c.plain = vectors_bytes(&v, 3);
		c.sealed = vectors_bytes(&v, 4);
		check(&c);
		hl_buf_put(&bad, c.sealed);
		at = bad.base + bad.off;
		for (size_t i = 0; i < bad.n; i++) {
			at[i] ^= 1;
			CU_ASSERT_EQUAL(one_part(&c, HSM_DECRYPT, hl_buf_view(&bad), &out), HL_E_DECRYPT);
			CU_ASSERT_EQUAL(in_pieces(&c, HSM_DECRYPT, hl_buf_view(&bad), 16, &out), HL_E_DECRYPT);
			CU_ASSERT_EQUAL(out.n, 0);
			at[i] ^= 1;
		}
	}
	CU_ASSERT_EQUAL(v.lines, 15);
	vectors_close(&v);
}

/* -- what is refused --------------------------------------------------------------------------------- */

static const uint8_t bytes[600] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };

static struct crypt aes(uint32_t mechanism)
{
	const struct hsm_mechanism *m = hsm_mechanism(mechanism);
	struct crypt c = { .mechanism = mechanism, .k = import_secret(HL_CKK_AES, hl_bytes(bytes, 16)) };

	c.parameter = parameter_of(m, hl_bytes(bytes, 16), &c.memory);
	return c;
}

static void data_that_is_not_whole_blocks_is_refused(void)
{
	static const uint32_t whole[] = { HL_CKM_AES_ECB, HL_CKM_AES_CBC };

	for (size_t i = 0; i < HL_COUNT(whole); i++) {
		HL_AUTO(crypt_clear) struct crypt c = aes(whole[i]);
		AUTO_BUF out = { 0 };

		for (size_t n = 0; n <= 48; n++) {
			struct hl_bytes data = hl_bytes(bytes, n);

			CU_ASSERT_EQUAL(one_part(&c, HSM_ENCRYPT, data, &out), n % 16 ? HL_E_DATA_LENGTH : HL_OK);
			CU_ASSERT_EQUAL(
				one_part(&c, HSM_DECRYPT, data, &out), n % 16 ? HL_E_ENCRYPTED_LENGTH : HL_OK);
			CU_ASSERT_EQUAL(in_pieces(&c, HSM_ENCRYPT, data, 5, &out), n % 16 ? HL_E_DATA_LENGTH : HL_OK);
			CU_ASSERT_EQUAL(
				in_pieces(&c, HSM_DECRYPT, data, 5, &out), n % 16 ? HL_E_ENCRYPTED_LENGTH : HL_OK);
		}
	}
}

/* K-10. Every last block that there can be, as far as its padding goes: right ones decrypt, all others give one
 * and the same refusal and nothing of the data. */
static void false_padding_has_one_answer(void)
{
	HL_AUTO(crypt_clear) struct crypt raw = aes(HL_CKM_AES_CBC);
	HL_AUTO(crypt_clear) struct crypt padded = aes(HL_CKM_AES_CBC_PAD);
	AUTO_BUF sealed = { 0 };
	AUTO_BUF out = { 0 };
	uint8_t data[32];

	for (unsigned pad = 0; pad < 256; pad++)
		for (size_t wrong = 0; wrong < 17; wrong++) {
			bool good = pad >= 1 && pad <= 16 && (wrong == 16 || wrong < 16 - pad);

			memset(data, 0x55, sizeof data);
			for (size_t i = 0; i < 16; i++)
				if (i >= 16 - (pad < 16 ? pad : 16) || i == 15)
					data[16 + i] = (uint8_t)pad;
			if (wrong < 15)
				data[16 + wrong] ^= 0x80;
			good = good || (pad >= 1 && pad <= 16 && wrong == 15);
			CU_ASSERT_EQUAL_FATAL(one_part(&raw, HSM_ENCRYPT, hl_bytes(data, 32), &sealed), HL_OK);
			CU_ASSERT_EQUAL(one_part(&padded, HSM_DECRYPT, hl_buf_view(&sealed), &out),
				good ? HL_OK : HL_E_DECRYPT);
			CU_ASSERT_EQUAL(out.n, good ? 32 - pad : 0);
			CU_ASSERT_EQUAL(in_pieces(&padded, HSM_DECRYPT, hl_buf_view(&sealed), 9, &out),
				good ? HL_OK : HL_E_DECRYPT);
		}
	for (size_t n = 0; n <= 64; n++)
		if (n == 0 || n % 16 != 0)
			CU_ASSERT_EQUAL(one_part(&padded, HSM_DECRYPT, hl_bytes(bytes, n), &out), HL_E_ENCRYPTED_LENGTH);
}

static void ivs_of_other_lengths_are_refused(void)
{
	static const struct {
		uint32_t mechanism, type;
		size_t key, iv;
	} row[] = {
		{ HL_CKM_AES_CBC, HL_CKK_AES, 16, 16 },
		{ HL_CKM_AES_CBC_PAD, HL_CKK_AES, 32, 16 },
		{ HL_CKM_CAMELLIA_CBC, HL_CKK_CAMELLIA, 16, 16 },
		{ HL_CKM_DES3_CBC, HL_CKK_DES3, 24, 8 },
		{ HL_CKM_DES3_CBC_PAD, HL_CKK_DES2, 16, 8 },
	};

	for (size_t i = 0; i < HL_COUNT(row); i++) {
		AUTO_KEY *k = import_secret(row[i].type, hl_bytes(bytes, row[i].key));
		AUTO_BUF out = hl_buf(256);

		for (size_t n = 8; n <= 16; n++) {
			struct hl_iv_parameter iv = { hl_bytes(bytes, n) };
			AUTO_BUF memory = { 0 };

			CU_ASSERT_EQUAL(hsm_key_encrypt(k, row[i].mechanism, parameter(&memory, &hl_msg_iv_parameter, &iv),
						hl_bytes(bytes, 16), &out),
				n == row[i].iv ? HL_OK : HL_E_PARAMETER);
		}
		CU_ASSERT_EQUAL(
			hsm_key_encrypt(k, row[i].mechanism, hl_bytes(NULL, 0), hl_bytes(bytes, 16), &out), HL_E_PARAMETER);
	}
}

/* How many blocks pass where the counter has these bits and stands so many before its end. */
static void a_counter_never_comes_round(void)
{
	static const uint32_t widths[] = { 1, 4, 8, 9, 32, 63, 64, 65, 127, 128 };

	for (size_t i = 0; i < HL_COUNT(widths); i++)
		for (size_t left = 1; left <= 2; left++) {
			HL_AUTO(crypt_clear) struct crypt c = aes(HL_CKM_AES_CTR);
			struct hl_ctr_parameter p = { .bits = widths[i] };
			AUTO_BUF out = { 0 };
			uint8_t block[16];

			memset(block, 0xff, sizeof block);
			block[15] = (uint8_t)(0x100 - left);
			p.block = hl_bytes(block, 16);
			c.parameter = parameter(&c.memory, &hl_msg_ctr_parameter, &p);
			CU_ASSERT_EQUAL(one_part(&c, HSM_ENCRYPT, hl_bytes(bytes, 16 * left), &out), HL_OK);
			CU_ASSERT_EQUAL(
				one_part(&c, HSM_ENCRYPT, hl_bytes(bytes, 16 * left + 1), &out), HL_E_DATA_LENGTH);
			CU_ASSERT_EQUAL(in_pieces(&c, HSM_ENCRYPT, hl_bytes(bytes, 16 * left + 1), 16, &out),
				HL_E_DATA_LENGTH);
		}
}

static void neither_does_that_of_chacha20(void)
{
	HL_AUTO(crypt_clear) struct crypt c = { .mechanism = HL_CKM_CHACHA20,
		.k = import_secret(HL_CKK_CHACHA20, hl_bytes(bytes, 32)) };
	struct hl_chacha_parameter p = { UINT32_MAX, hl_bytes(bytes, 12) };
	AUTO_BUF out = { 0 };

	c.parameter = parameter(&c.memory, &hl_msg_chacha_parameter, &p);
	CU_ASSERT_EQUAL(one_part(&c, HSM_ENCRYPT, hl_bytes(bytes, 64), &out), HL_OK);
	CU_ASSERT_EQUAL(one_part(&c, HSM_ENCRYPT, hl_bytes(bytes, 65), &out), HL_E_DATA_LENGTH);
	p.nonce = hl_bytes(bytes, 8); /* with a counter of 64 bits there is more to come */
	c.parameter = parameter(&c.memory, &hl_msg_chacha_parameter, &p);
	CU_ASSERT_EQUAL(one_part(&c, HSM_ENCRYPT, hl_bytes(bytes, 65), &out), HL_OK);
	p.counter = UINT64_MAX;
	c.parameter = parameter(&c.memory, &hl_msg_chacha_parameter, &p);
	CU_ASSERT_EQUAL(one_part(&c, HSM_ENCRYPT, hl_bytes(bytes, 65), &out), HL_E_DATA_LENGTH);
	p.nonce = hl_bytes(bytes, 12); /* a counter of 32 bits has no such number */
	c.parameter = parameter(&c.memory, &hl_msg_chacha_parameter, &p);
	CU_ASSERT_EQUAL(one_part(&c, HSM_ENCRYPT, hl_bytes(bytes, 1), &out), HL_E_PARAMETER);
	p.nonce = hl_bytes(bytes, 10);
	c.parameter = parameter(&c.memory, &hl_msg_chacha_parameter, &p);
	CU_ASSERT_EQUAL(one_part(&c, HSM_ENCRYPT, hl_bytes(bytes, 1), &out), HL_E_PARAMETER);
}

/* -- streams -------------------------------------------------------------------------------------------- */

static void a_stream_outlives_its_key_and_ends_once(void)
{
	struct crypt c = aes(HL_CKM_AES_GCM);
	struct hl_gcm_parameter p = { hl_bytes(bytes, 12), hl_text("header"), 128 };
	struct hsm_stream *s = NULL;
	AUTO_BUF whole = { 0 };
	AUTO_BUF out = hl_buf(1024);

	c.parameter = parameter(&c.memory, &hl_msg_gcm_parameter, &p);
	CU_ASSERT_EQUAL(one_part(&c, HSM_ENCRYPT, hl_bytes(bytes, 40), &whole), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_stream_new(c.k, HSM_ENCRYPT, c.mechanism, c.parameter, &s), HL_OK);
	crypt_clear(&c);
	CU_ASSERT_EQUAL(hsm_stream_update(s, hl_bytes(bytes, 40), &out), HL_OK);
	CU_ASSERT_EQUAL(hsm_stream_final(s, hl_bytes(NULL, 0), &out), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), hl_buf_view(&whole)));
	CU_ASSERT_EQUAL(hsm_stream_final(s, hl_bytes(NULL, 0), &out), HL_E_BUG);
	CU_ASSERT_EQUAL(hsm_stream_update(s, hl_bytes(bytes, 1), &out), HL_E_BUG);
	hsm_stream_free(s);
}

static void what_waits_for_its_tag_is_bounded(void)
{
	static uint8_t data[HSM_STREAM_MAX + HL_TAG_MAX + 1];
	HL_AUTO(crypt_clear) struct crypt c = aes(HL_CKM_AES_GCM);
	struct hl_gcm_parameter p = { hl_bytes(bytes, 12), hl_bytes(NULL, 0), 128 };
	AUTO_BUF out = { 0 };

	c.parameter = parameter(&c.memory, &hl_msg_gcm_parameter, &p);
	CU_ASSERT_EQUAL(in_pieces(&c, HSM_DECRYPT, hl_bytes(data, sizeof data - 1), 65536, &out), HL_E_DECRYPT);
	CU_ASSERT_EQUAL(in_pieces(&c, HSM_DECRYPT, hl_bytes(data, sizeof data), 65536, &out), HL_E_ENCRYPTED_LENGTH);
	CU_ASSERT_EQUAL(out.n, 0);
}

static void mechanisms_of_one_part_have_no_stream(void)
{
	AUTO_KEY *k = import_secret(HL_CKK_AES, hl_bytes(bytes, 16));
	struct hsm_stream *s = NULL;

	CU_ASSERT_EQUAL(hsm_stream_new(k, HSM_WRAP, HL_CKM_AES_KEY_WRAP, hl_bytes(NULL, 0), &s), HL_E_MECHANISM);
	CU_ASSERT_EQUAL(hsm_stream_new(k, HSM_ENCRYPT, HL_CKM_AES_KEY_WRAP, hl_bytes(NULL, 0), &s), HL_E_MECHANISM);
	CU_ASSERT_EQUAL(hsm_stream_new(k, HSM_SIGN, HL_CKM_AES_ECB, hl_bytes(NULL, 0), &s), HL_E_MECHANISM);
	CU_ASSERT_PTR_NULL(s);
}

static CU_TestInfo tests[] = {
	{ "published answers come out", published_answers_come_out },
	{ "ChaCha20-Poly1305 comes out, and every bit counts", chacha20_poly1305_comes_out_and_every_bit_counts },
	{ "data that is not whole blocks is refused", data_that_is_not_whole_blocks_is_refused },
	{ "false padding has one answer", false_padding_has_one_answer },
	{ "IVs of other lengths are refused", ivs_of_other_lengths_are_refused },
	{ "a counter never comes round", a_counter_never_comes_round },
	{ "neither does that of ChaCha20", neither_does_that_of_chacha20 },
	{ "a stream outlives its key, and ends once", a_stream_outlives_its_key_and_ends_once },
	{ "what waits for its tag is bounded", what_waits_for_its_tag_is_bounded },
	{ "mechanisms of one part have no stream", mechanisms_of_one_part_have_no_stream },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("block", tests)
