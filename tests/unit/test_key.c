#include "hsm/engine/engine.h"
#include "hsm/key.h"

#include "hsm/ossl.h"
#include "tests/support/objects.h"
#include "tests/support/test.h"

static void ec_pair(struct pair *p, struct hl_bytes params)
{
	*p = (struct pair){ 0 };
	make_ec_pair(params, &p->object, &p->public_object);
	pair_parse(p);
}

static void rsa_pair(struct pair *p, uint64_t bits)
{
	*p = (struct pair){ 0 };
	make_rsa_pair(bits, &p->object, &p->public_object);
	pair_parse(p);
}

static struct hl_bytes value_of(const struct hsm_object *o, uint32_t type)
{
	const struct hl_attribute *a = hsm_attribute(o, type);

	return a ? a->value : hl_bytes(NULL, 0);
}

/* -- an independent opinion: OpenSSL's one-shot calls, from CKA_PUBLIC_KEY_INFO ----------- */

static EVP_PKEY *public_of(const struct hsm_object *o)
{
	struct hl_bytes spki = value_of(o, HL_CKA_PUBLIC_KEY_INFO);
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

	rsa_pair(&p, 2048);
	expect_bools(&p.object, "1110111111", common, HL_COUNT(common));
	expect_bools(&p.public_object, "10--1--111", common, HL_COUNT(common));
	expect_bools(&p.object, "-1-01-0", usage, HL_COUNT(usage));
	expect_bools(&p.public_object, "1-0--10", usage, HL_COUNT(usage));
	CU_ASSERT_EQUAL(hsm_attribute_number(&p.public_object, HL_CKA_MODULUS_BITS), 2048);
	CU_ASSERT_EQUAL(value_of(&p.object, HL_CKA_MODULUS).n, 256);
	CU_ASSERT(hl_bytes_eq(
		value_of(&p.object, HL_CKA_MODULUS), value_of(&p.public_object, HL_CKA_MODULUS)));
	CU_ASSERT(hl_bytes_eq(
		value_of(&p.public_object, HL_CKA_PUBLIC_EXPONENT), hl_bytes("\1\0\1", 3)));
	CU_ASSERT(hl_bytes_eq(value_of(&p.object, HL_CKA_PUBLIC_KEY_INFO),
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
	CU_ASSERT(hl_bytes_eq(value_of(&p.object, HL_CKA_PUBLIC_EXPONENT), hl_bytes("\1\0\3", 3)));
	CU_ASSERT(hl_bytes_eq(
		value_of(&p.public_object, HL_CKA_PUBLIC_EXPONENT), hl_bytes("\1\0\3", 3)));
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

		ec_pair(&p, curve[i].params);
		expect_bools(&p.object, "1110111111", common, HL_COUNT(common));
		expect_bools(&p.object, "-0-01-1", usage, HL_COUNT(usage));
		expect_bools(&p.public_object, "0-0--10", usage, HL_COUNT(usage));
		CU_ASSERT(hl_bytes_eq(value_of(&p.object, HL_CKA_EC_PARAMS), curve[i].params));
		CU_ASSERT(
			hl_bytes_eq(value_of(&p.public_object, HL_CKA_EC_PARAMS), curve[i].params));
		CU_ASSERT_PTR_NULL(hsm_attribute(&p.object, HL_CKA_EC_POINT));
		point = value_of(&p.public_object, HL_CKA_EC_POINT);
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
	CU_ASSERT(hl_bytes_eq(value_of(&p.object, HL_CKA_LABEL), hl_text("a key")));
	CU_ASSERT(hl_bytes_eq(value_of(&p.object, HL_CKA_ID), hl_bytes("\1\2", 2)));
	expect_bools(&p.object, "1001100111", common, HL_COUNT(common));
	/* One usage attribute was given: the others are false. The public template gave none. */
	expect_bools(&p.object, "-0-00-1", usage, HL_COUNT(usage));
	expect_bools(&p.public_object, "0-0--10", usage, HL_COUNT(usage));
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

	rsa_pair(&p, 2048);
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

		ec_pair(&p, curve[i].params);
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

	rsa_pair(&rsa, 2048);
	flip_every_byte(&rsa, HL_CKM_RSA_PKCS);
	flip_every_byte(&rsa, HL_CKM_SHA256_RSA_PKCS);
	ec_pair(&ec, p256);
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

	rsa_pair(&rsa, 2048);
	other_lengths(&rsa, HL_CKM_RSA_PKCS);
	other_lengths(&rsa, HL_CKM_SHA1_RSA_PKCS);
	ec_pair(&ec, p521);
	other_lengths(&ec, HL_CKM_ECDSA);
}

/* Small RSA signatures start with zero bytes; without these they must not pass. */
static void an_rsa_signature_without_its_leading_zero_is_refused(void)
{
	AUTO_PAIR p;

	rsa_pair(&p, 2048);
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

	ec_pair(&p, p521);
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

	ec_pair(&ec, p256);
	rsa_pair(&rsa, 2048);
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

	ec_pair(&p, p256);
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

	ec_pair(&ec, p256);
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

	ec_pair(&p, p256);
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

	rsa_pair(&rsa, 2048);
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
	ec_pair(&ec, p256);
	CU_ASSERT_EQUAL(sign(ec.key, HL_CKM_ECDSA, hl_bytes(data, 0), &sig), HL_E_DATA_LENGTH);
	CU_ASSERT_EQUAL(sign(ec.key, HL_CKM_ECDSA_SHA256, hl_bytes(NULL, 0), &sig), HL_OK);
}

/* FIPS 186-4, 6.4: only the leftmost bits of the data count, as many as the order has. */
static void ecdsa_takes_the_leftmost_bits(void)
{
	AUTO_PAIR p;
	AUTO_BUF sig = { 0 };
	uint8_t data[64] = { 0 };

	ec_pair(&p, p256);
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

	ec_pair(&p, p256);
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

	rsa_pair(&rsa, 2048);
	rsa_pair(&longer, 2056);
	ec_pair(&ec, p521);
	CU_ASSERT(hsm_mechanism_slow(HL_CKM_RSA_PKCS_KEY_PAIR_GEN, NULL));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_EC_KEY_PAIR_GEN, NULL));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_AES_KEY_GEN, NULL));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_SHA256_RSA_PKCS, rsa.key));
	CU_ASSERT(hsm_mechanism_slow(HL_CKM_SHA256_RSA_PKCS, longer.key));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_SHA256_RSA_PKCS, longer.public_key));
	CU_ASSERT_FALSE(hsm_mechanism_slow(HL_CKM_ECDSA, ec.key));
	CU_ASSERT_FALSE(hsm_mechanism_slow(0x7fffffff, ec.key));
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

	ec_pair(&p, p256);
	cut_value(&p.object);
	cut_value(&p.public_object);
}

static void a_value_with_bytes_left_over_or_of_another_key_is_refused(void)
{
	AUTO_PAIR ec;
	AUTO_PAIR rsa;
	AUTO_BUF longer = hl_buf(1024);

	ec_pair(&ec, p256);
	rsa_pair(&rsa, 2048);
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
	{ "every RSA mechanism signs and verifies", every_rsa_mechanism_signs_and_verifies },
	{ "every ECDSA mechanism signs and verifies", every_ecdsa_mechanism_signs_and_verifies },
	{ "a signature with any byte flipped is refused",
		a_signature_with_any_byte_flipped_is_refused },
	{ "a signature of any other length is refused",
		a_signature_of_any_other_length_is_refused },
	{ "an RSA signature without its leading zero is refused",
		an_rsa_signature_without_its_leading_zero_is_refused },
	{ "zero and oversized ECDSA numbers are refused",
		zero_and_oversized_ecdsa_numbers_are_refused },
	{ "a digest signs as its data does", a_digest_signs_as_its_data_does },
	{ "no two signatures of a curve share their number", no_two_signatures_of_a_curve_share_their_number },
	{ "a mechanism that does not fit the key is refused",
		a_mechanism_that_does_not_fit_the_key_is_refused },
	{ "an AES key signs nothing that a pair signs", an_aes_key_signs_nothing_by_pairs },
	{ "a key without the usage attribute is refused",
		a_key_without_the_usage_attribute_is_refused },
	{ "each half does its own work only", each_half_does_its_own_work_only },
	{ "data of the wrong length is refused", data_of_the_wrong_length_is_refused },
	{ "ECDSA takes the leftmost bits", ecdsa_takes_the_leftmost_bits },
	{ "signatures are appended, and a full buffer stays as it was",
		signatures_are_appended_and_a_full_buffer_stays_as_it_was },
	{ "only long RSA work is slow", only_long_rsa_work_is_slow },
	{ "every cut of a key value is refused", every_cut_of_a_key_value_is_refused },
	{ "a value with bytes left over or of another key is refused",
		a_value_with_bytes_left_over_or_of_another_key_is_refused },
	{ "every mechanism can do what its row says", every_mechanism_can_do_what_its_row_says },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("key", tests)
