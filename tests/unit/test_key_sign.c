/* Signatures by keys of the engine, judged by OpenSSL, and what is refused. */
#include "hsm/engine/engine.h"
#include "hsm/key.h"

#include "hsm/ossl.h"
#include "tests/support/objects.h"
#include "tests/support/test.h"

/* -- an independent opinion: OpenSSL's one-shot calls, from CKA_PUBLIC_KEY_INFO ----------- */

static EVP_PKEY *public_of(const struct hsm_object *o)
{
	struct hl_bytes spki = object_value(o, HL_CKA_PUBLIC_KEY_INFO);
	const unsigned char *p = spki.p;

	return d2i_PUBKEY(NULL, &p, (long)spki.n);
}

/* One DER INTEGER from a number of fixed width. */
static void put_integer(struct hl_buf *out, const uint8_t *p, size_t n)
{
	for (; n > 1 && p[0] == 0; n--)
		p++;
	hl_buf_u8(out, 2);
	hl_buf_u8(out, (uint8_t)(n + (p[0] >> 7)));
	if (p[0] >> 7)
		hl_buf_u8(out, 0);
	hl_buf_put(out, hl_bytes(p, n));
}

/* ECDSA-Sig-Value (RFC 3279, 2.2.3) from r || s. */
static void put_der(struct hl_buf *out, struct hl_bytes rs)
{
	AUTO_BUF body = hl_buf(1024);

	put_integer(&body, rs.p, rs.n / 2);
	put_integer(&body, rs.p + rs.n / 2, rs.n / 2);
	hl_buf_u8(out, 0x30);
	if (body.n >= 0x80)
		hl_buf_u8(out, 0x81);
	hl_buf_u8(out, (uint8_t)body.n);
	hl_buf_move(out, &body);
}

static bool openssl_verifies(const struct hsm_object *o, const struct hsm_mechanism *m,
	struct hl_bytes data, struct hl_bytes signature)
{
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = public_of(o);
	AUTO_BUF sig = hl_buf(1024);
	int ok;

	if (m->key_type == HL_CKK_EC)
		put_der(&sig, signature);
	else
		hl_buf_put(&sig, signature);
	if (m->digest) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();

		ok = EVP_DigestVerifyInit_ex(ctx, NULL, m->digest, NULL, NULL, pkey, NULL);
		if (ok == 1)
			ok = EVP_DigestVerify(ctx, hl_buf_view(&sig).p, sig.n, data.p, data.n);
		EVP_MD_CTX_free(ctx);
	} else {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

		ok = EVP_PKEY_verify_init(ctx);
		if (ok == 1)
			ok = EVP_PKEY_verify(ctx, hl_buf_view(&sig).p, sig.n, data.p, data.n);
		EVP_PKEY_CTX_free(ctx);
	}
	return ok == 1;
}

/* -- using ----------------------------------------------------------------------------------- */

/* Sign and verify with every mechanism of this key's type; nobody else's data or bits will do. */
static void try_all(struct pair *p, uint32_t key_type, size_t width)
{
	size_t n;
	const struct hsm_mechanism *m = hsm_mechanisms(&n);

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF sig = { 0 };
		struct hl_bytes got, other = hl_bytes(message.p, 31);

		if (!(m[i].flags & HSM_SIGNS) || m[i].parameter || m[i].key_type != key_type ||
			m[i].number == HL_CKM_RSA_X_509) /* it does not pad: test_rsa has it */
			continue;
		CU_ASSERT_EQUAL_FATAL(sign(p->key, m[i].number, message, &sig), HL_OK);
		got = hl_buf_view(&sig);
		CU_ASSERT_EQUAL(got.n, width);
		CU_ASSERT_EQUAL(verify(p->public_key, m[i].number, message, got), HL_OK);
		CU_ASSERT(openssl_verifies(&p->object, &m[i], message, got));
		CU_ASSERT_EQUAL(
			verify(p->public_key, m[i].number, other, got), HL_E_SIGNATURE);
		CU_ASSERT_FALSE(openssl_verifies(&p->object, &m[i], other, got));
	}
}

static void every_rsa_mechanism_signs_and_verifies(void)
{
	AUTO_PAIR p;

	pair_make_rsa(&p, 2048);
	for (int again = 0; again < 3; again++) /* the contexts are used again */
		try_all(&p, HL_CKK_RSA, 256);
}

static void every_ecdsa_mechanism_signs_and_verifies(void)
{
	const struct {
		struct hl_bytes params;
		size_t width;
	} curve[] = {
		{ p256, 64 },
		{ p384, 96 },
		{ p521, 132 },
	};

	for (size_t i = 0; i < HL_COUNT(curve); i++) {
		AUTO_PAIR p;

		pair_make_ec(&p, curve[i].params);
		for (int again = 0; again < 20; again++) /* short r and s come up, too */
			try_all(&p, HL_CKK_EC, curve[i].width);
	}
}

static void flip_every_byte(struct pair *p, uint32_t mechanism)
{
	AUTO_BUF sig = { 0 };
	uint8_t *byte;

	CU_ASSERT_EQUAL_FATAL(sign(p->key, mechanism, message, &sig), HL_OK);
	byte = sig.base + sig.off;
	for (size_t i = 0; i < sig.n; i++) {
		byte[i] ^= 1;
		CU_ASSERT_EQUAL(
			verify(p->public_key, mechanism, message, hl_buf_view(&sig)),
			HL_E_SIGNATURE);
		byte[i] ^= 1;
	}
	CU_ASSERT_EQUAL(
		verify(p->public_key, mechanism, message, hl_buf_view(&sig)), HL_OK);
}

static void a_signature_with_any_byte_flipped_is_refused(void)
{
	AUTO_PAIR rsa;
	AUTO_PAIR ec;

	pair_make_rsa(&rsa, 2048);
	flip_every_byte(&rsa, HL_CKM_RSA_PKCS);
	flip_every_byte(&rsa, HL_CKM_SHA256_RSA_PKCS);
	pair_make_ec(&ec, p256);
	flip_every_byte(&ec, HL_CKM_ECDSA);
	flip_every_byte(&ec, HL_CKM_ECDSA_SHA512);
}

/* Of ECDSA two equal halves may be shorter; they are other numbers then, and do not verify. */
static hl_err refusal_of(uint32_t mechanism, size_t n, size_t whole)
{
	if (n == whole)
		return HL_OK;
	return mechanism == HL_CKM_ECDSA && n > 0 && n < whole && n % 2 == 0 ? HL_E_SIGNATURE : HL_E_SIGNATURE_LENGTH;
}

static void other_lengths(struct pair *p, uint32_t mechanism)
{
	AUTO_BUF sig = { 0 };
	uint8_t longer[600] = { 0 };

	CU_ASSERT_EQUAL_FATAL(sign(p->key, mechanism, message, &sig), HL_OK);
	memcpy(longer, hl_buf_view(&sig).p, sig.n);
	for (size_t n = 0; n < sig.n + 3; n++)
		CU_ASSERT_EQUAL(
			verify(p->public_key, mechanism, message, hl_bytes(longer, n)),
			refusal_of(mechanism, n, sig.n));
	memmove(longer + 1, longer, sig.n);
	longer[0] = 0; /* the same numbers with a zero before them */
	CU_ASSERT_EQUAL(
		verify(p->public_key, mechanism, message, hl_bytes(longer, sig.n + 1)),
		HL_E_SIGNATURE_LENGTH);
}

static void a_signature_of_any_other_length_is_refused(void)
{
	AUTO_PAIR rsa;
	AUTO_PAIR ec;

	pair_make_rsa(&rsa, 2048);
	other_lengths(&rsa, HL_CKM_RSA_PKCS);
	other_lengths(&rsa, HL_CKM_SHA1_RSA_PKCS);
	pair_make_ec(&ec, p521);
	other_lengths(&ec, HL_CKM_ECDSA);
}

/* Small RSA signatures start with zero bytes; without these they must not pass. */
static void an_rsa_signature_without_its_leading_zero_is_refused(void)
{
	AUTO_PAIR p;

	pair_make_rsa(&p, 2048);
	for (uint32_t i = 0; i < 4000; i++) {
		AUTO_BUF sig = { 0 };

		CU_ASSERT_EQUAL_FATAL(
			sign(p.key, HL_CKM_RSA_PKCS, hl_bytes(&i, sizeof i), &sig), HL_OK);
		if (hl_buf_view(&sig).p[0] != 0)
			continue;
		hl_buf_eat(&sig, 1);
		CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_RSA_PKCS,
					hl_bytes(&i, sizeof i), hl_buf_view(&sig)),
			HL_E_SIGNATURE_LENGTH);
		return;
	}
	CU_FAIL("no signature began with a zero byte");
}

static void zero_and_oversized_ecdsa_numbers_are_refused(void)
{
	static const uint8_t fill[] = { 0x00, 0xff };
	AUTO_PAIR p;
	uint8_t sig[132];

	pair_make_ec(&p, p521);
	for (size_t i = 0; i < HL_COUNT(fill); i++) {
		memset(sig, fill[i], sizeof sig);
		CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_ECDSA, message,
					hl_bytes(sig, sizeof sig)),
			HL_E_SIGNATURE);
	}
}

/* Hashed by who asks, the mechanism is the one that is named all the same: for the signature, and for the rules. */
static void a_digest_signs_as_its_data_does(void)
{
	static const struct {
		uint32_t mechanism;
		const char *digest;
		bool rsa;
	} all[] = { { HL_CKM_SHA256_RSA_PKCS, "SHA256", true }, { HL_CKM_SHA512_RSA_PKCS, "SHA512", true },
		{ HL_CKM_ECDSA_SHA256, "SHA256", false }, { HL_CKM_ECDSA_SHA384, "SHA384", false } };
	AUTO_PAIR ec;
	AUTO_PAIR rsa;

	pair_make_ec(&ec, p256);
	pair_make_rsa(&rsa, 2048);
	for (size_t i = 0; i < HL_COUNT(all); i++) {
		struct pair *p = all[i].rsa ? &rsa : &ec;
		struct hl_bytes none = hl_bytes(NULL, 0), digest;
		uint8_t hash[EVP_MAX_MD_SIZE];
		AUTO_BUF sig = hl_buf(512);
		size_t n = 0;

		CU_ASSERT_EQUAL(EVP_Q_digest(NULL, all[i].digest, NULL, message.p, message.n, hash, &n), 1);
		digest = hl_bytes(hash, n);
		CU_ASSERT_EQUAL(hsm_key_sign_digest(p->key, all[i].mechanism, none, digest, &sig), HL_OK);
		CU_ASSERT_EQUAL(verify(p->public_key, all[i].mechanism, message, hl_buf_view(&sig)), HL_OK);
		CU_ASSERT_EQUAL(
			hsm_key_verify_digest(p->public_key, all[i].mechanism, none, digest, hl_buf_view(&sig)), HL_OK);
		hash[0] ^= 1;
		CU_ASSERT_EQUAL(hsm_key_verify_digest(p->public_key, all[i].mechanism, none, digest, hl_buf_view(&sig)),
			HL_E_SIGNATURE);
		digest.n--;
		CU_ASSERT_EQUAL(hsm_key_sign_digest(p->key, all[i].mechanism, none, digest, &sig), HL_E_DATA_LENGTH);
		CU_ASSERT_EQUAL(hsm_key_sign_digest(p->key, all[i].rsa ? HL_CKM_RSA_PKCS : HL_CKM_ECDSA, none, digest, &sig),
			HL_E_MECHANISM);
	}
}

#define SIGNATURES 10000

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* K-13: who uses a random number twice, or one of which some bits are known, has given the key away. The numbers are told
 * by r, which follows from them alone. */
static void no_two_signatures_of_a_curve_share_their_number(void)
{
	static uint8_t r[SIGNATURES][32];
	size_t n = SIGNATURES / hl_test_stride(), ones[256] = { 0 };
	AUTO_PAIR p;

	pair_make_ec(&p, p256);
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF sig = hl_buf(64);

		CU_ASSERT_EQUAL_FATAL(sign(p.key, HL_CKM_ECDSA, message, &sig), HL_OK);
		memcpy(r[i], hl_buf_view(&sig).p, 32);
		for (size_t bit = 0; bit < 256; bit++)
			ones[bit] += r[i][bit / 8] >> (7 - bit % 8) & 1;
	}
	qsort(r, n, sizeof r[0], by_bytes);
	for (size_t i = 1; i < n; i++)
		CU_ASSERT(memcmp(r[i - 1], r[i], 32) != 0);
	/* Six standard deviations of n tosses: 3 sqrt(n); the order of the curve begins with 32 ones, and so does not show. */
	for (size_t bit = 0; bit < 256; bit++) {
		size_t d = ones[bit] > n / 2 ? ones[bit] - n / 2 : n / 2 - ones[bit];

		CU_ASSERT(d * d <= 9 * n);
	}
}

static void a_mechanism_that_does_not_fit_the_key_is_refused(void)
{
	AUTO_PAIR ec;
	AUTO_BUF sig = { 0 };

	pair_make_ec(&ec, p256);
	CU_ASSERT_EQUAL(sign(ec.key, HL_CKM_RSA_PKCS, message, &sig), HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(sign(ec.key, HL_CKM_SHA256_RSA_PKCS, message, &sig), HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(sign(ec.key, HL_CKM_EC_KEY_PAIR_GEN, message, &sig), HL_E_MECHANISM);
	CU_ASSERT_EQUAL(sign(ec.key, 0x7fffffff, message, &sig), HL_E_MECHANISM);
	CU_ASSERT_EQUAL(sig.n, 0);
	CU_ASSERT_EQUAL(
		verify(ec.public_key, HL_CKM_RSA_PKCS, message, message), HL_E_KEY_TYPE);
}

static void an_aes_key_signs_nothing_by_pairs(void)
{
	AUTO_OBJECT key = { 0 };
	AUTO_KEY *k = NULL;
	AUTO_BUF sig = { 0 };
	struct template t = { 0 }, u = { 0 };
	const char *why;

	template_number(&t, HL_CKA_VALUE_LEN, 16);
	template_bool(&t, HL_CKA_SIGN, true);
	CU_ASSERT_EQUAL_FATAL(make(HL_CKM_AES_KEY_GEN, &t, &u, &key, NULL, &why), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_key_parse(&key, &k), HL_OK);
	CU_ASSERT_EQUAL(sign(k, HL_CKM_ECDSA, message, &sig), HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(sign(k, HL_CKM_RSA_PKCS, message, &sig), HL_E_KEY_TYPE);
}

static void a_key_without_the_usage_attribute_is_refused(void)
{
	AUTO_PAIR p = { 0 };
	AUTO_BUF sig = { 0 };
	struct template t = { 0 }, u = { 0 };
	const char *why;

	template_bool(&t, HL_CKA_SIGN, false);
	template_bool(&u, HL_CKA_VERIFY, false);
	template_bytes(&u, HL_CKA_EC_PARAMS, p256.p, p256.n);
	CU_ASSERT_EQUAL_FATAL(
		make(HL_CKM_EC_KEY_PAIR_GEN, &t, &u, &p.object, &p.public_object, &why), HL_OK);
	pair_parse(&p);
	CU_ASSERT_EQUAL(sign(p.key, HL_CKM_ECDSA, message, &sig), HL_E_KEY_USE);
	CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_ECDSA, message, message), HL_E_KEY_USE);
}

static void each_half_does_its_own_work_only(void)
{
	AUTO_PAIR p;
	AUTO_KEY *odd = NULL;
	AUTO_BUF sig = { 0 };

	pair_make_ec(&p, p256);
	CU_ASSERT_EQUAL(sign(p.public_key, HL_CKM_ECDSA, message, &sig), HL_E_KEY_USE);
	CU_ASSERT_EQUAL(verify(p.key, HL_CKM_ECDSA, message, message), HL_E_KEY_USE);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&p.public_object, HL_CKA_SIGN, true), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_key_parse(&p.public_object, &odd), HL_OK);
	CU_ASSERT_EQUAL(sign(odd, HL_CKM_ECDSA, message, &sig), HL_E_KEY_USE);
}

static void data_of_the_wrong_length_is_refused(void)
{
	AUTO_PAIR rsa;
	AUTO_PAIR ec;
	AUTO_BUF sig = { 0 };
	uint8_t data[300] = { 1 };

	pair_make_rsa(&rsa, 2048);
	CU_ASSERT_EQUAL(
		sign(rsa.key, HL_CKM_RSA_PKCS, hl_bytes(data, 246), &sig), HL_E_DATA_LENGTH);
	CU_ASSERT_EQUAL(verify(rsa.public_key, HL_CKM_RSA_PKCS, hl_bytes(data, 246),
				hl_bytes(data, 256)),
		HL_E_DATA_LENGTH);
	CU_ASSERT_EQUAL(sign(rsa.key, HL_CKM_RSA_PKCS, hl_bytes(data, 0), &sig), HL_E_DATA_LENGTH);
	for (size_t n = 1; n <= 245; n += 61) {
		CU_ASSERT_EQUAL(sign(rsa.key, HL_CKM_RSA_PKCS, hl_bytes(data, n), &sig), HL_OK);
		CU_ASSERT_EQUAL(verify(rsa.public_key, HL_CKM_RSA_PKCS, hl_bytes(data, n),
					hl_buf_view(&sig)),
			HL_OK);
	}
	pair_make_ec(&ec, p256);
	CU_ASSERT_EQUAL(sign(ec.key, HL_CKM_ECDSA, hl_bytes(data, 0), &sig), HL_E_DATA_LENGTH);
	CU_ASSERT_EQUAL(sign(ec.key, HL_CKM_ECDSA_SHA256, hl_bytes(NULL, 0), &sig), HL_OK);
}

/* FIPS 186-4, 6.4: only the leftmost bits of the data count, as many as the order has. */
static void ecdsa_takes_the_leftmost_bits(void)
{
	AUTO_PAIR p;
	AUTO_BUF sig = { 0 };
	uint8_t data[64] = { 0 };

	pair_make_ec(&p, p256);
	memcpy(data, message.p, 32);
	CU_ASSERT_EQUAL(sign(p.key, HL_CKM_ECDSA, hl_bytes(data, 64), &sig), HL_OK);
	data[63] = 1;
	CU_ASSERT_EQUAL(
		verify(p.public_key, HL_CKM_ECDSA, message, hl_buf_view(&sig)), HL_OK);
	CU_ASSERT_EQUAL(
		verify(p.public_key, HL_CKM_ECDSA, hl_bytes(data, 64), hl_buf_view(&sig)),
		HL_OK);
	data[31] ^= 1;
	CU_ASSERT_EQUAL(
		verify(p.public_key, HL_CKM_ECDSA, hl_bytes(data, 64), hl_buf_view(&sig)),
		HL_E_SIGNATURE);
}

static void signatures_are_appended_and_a_full_buffer_stays_as_it_was(void)
{
	AUTO_PAIR p;
	AUTO_BUF out = hl_buf(64 + 5);

	pair_make_ec(&p, p256);
	hl_buf_text(&out, "front");
	CU_ASSERT_EQUAL(hsm_key_sign(p.key, HL_CKM_ECDSA, hl_bytes(NULL, 0), message, &out), HL_OK);
	CU_ASSERT_EQUAL(out.n, 69);
	CU_ASSERT(hl_bytes_eq(hl_bytes(hl_buf_view(&out).p, 5), hl_text("front")));
	CU_ASSERT_EQUAL(hsm_key_sign(p.key, HL_CKM_ECDSA, hl_bytes(NULL, 0), message, &out), HL_E_FULL);
	CU_ASSERT_EQUAL(out.n, 69);
}

static void only_long_rsa_work_is_slow(void)
{
	AUTO_PAIR rsa;
	AUTO_PAIR longer;
	AUTO_PAIR ec;

	pair_make_rsa(&rsa, 2048);
	pair_make_rsa(&longer, 2056);
	pair_make_ec(&ec, p521);
	CU_ASSERT(hsm_mechanism_slow(HL_CKM_RSA_PKCS_KEY_PAIR_GEN, NULL));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_EC_KEY_PAIR_GEN, NULL));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_AES_KEY_GEN, NULL));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_SHA256_RSA_PKCS, rsa.key));
	CU_ASSERT(hsm_mechanism_slow(HL_CKM_SHA256_RSA_PKCS, longer.key));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_SHA256_RSA_PKCS, longer.public_key));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_ECDSA, ec.key));
	CU_ASSERT_FALSE(hsm_mechanism_slow(0x7fffffff, ec.key));
}

static CU_TestInfo tests[] = {
	{ "every RSA mechanism signs and verifies", every_rsa_mechanism_signs_and_verifies },
	{ "every ECDSA mechanism signs and verifies", every_ecdsa_mechanism_signs_and_verifies },
	{ "a signature with any byte flipped is refused", a_signature_with_any_byte_flipped_is_refused },
	{ "a signature of any other length is refused", a_signature_of_any_other_length_is_refused },
	{ "an RSA signature without its leading zero is refused", an_rsa_signature_without_its_leading_zero_is_refused },
	{ "zero and oversized ECDSA numbers are refused", zero_and_oversized_ecdsa_numbers_are_refused },
	{ "a digest signs as its data does", a_digest_signs_as_its_data_does },
	{ "no two signatures of a curve share their number", no_two_signatures_of_a_curve_share_their_number },
	{ "a mechanism that does not fit the key is refused", a_mechanism_that_does_not_fit_the_key_is_refused },
	{ "an AES key signs nothing that a pair signs", an_aes_key_signs_nothing_by_pairs },
	{ "a key without the usage attribute is refused", a_key_without_the_usage_attribute_is_refused },
	{ "each half does its own work only", each_half_does_its_own_work_only },
	{ "data of the wrong length is refused", data_of_the_wrong_length_is_refused },
	{ "ECDSA takes the leftmost bits", ecdsa_takes_the_leftmost_bits },
	{ "signatures are appended, and a full buffer stays as it was", signatures_are_appended_and_a_full_buffer_stays_as_it_was },
	{ "only long RSA work is slow", only_long_rsa_work_is_slow },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("key sign", tests)
