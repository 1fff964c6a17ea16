#include <stdio.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "hsm/ossl.h"
#include "tests/support/objects.h"
#include "tests/support/test.h"
#include "tests/support/vectors.h"

#define AUTO_BN HL_AUTO(hsm_bn_freep) BIGNUM

/* clang-format off */
static const struct digest {
	const char *name;
	uint32_t hash, mgf, mechanism;
} digests[] = {
	{ "SHA1",   HL_CKM_SHA_1,  HL_CKG_MGF1_SHA1,   HL_CKM_SHA1_RSA_PKCS_PSS },
	{ "SHA224", HL_CKM_SHA224, HL_CKG_MGF1_SHA224, HL_CKM_SHA224_RSA_PKCS_PSS },
	{ "SHA256", HL_CKM_SHA256, HL_CKG_MGF1_SHA256, HL_CKM_SHA256_RSA_PKCS_PSS },
	{ "SHA384", HL_CKM_SHA384, HL_CKG_MGF1_SHA384, HL_CKM_SHA384_RSA_PKCS_PSS },
	{ "SHA512", HL_CKM_SHA512, HL_CKG_MGF1_SHA512, HL_CKM_SHA512_RSA_PKCS_PSS },
};
/* clang-format on */
#define SHA1 (&digests[0])
#define SHA256 (&digests[2])
#define SHA512 (&digests[4])

static const struct digest *digest_named(const char *name)
{
	for (size_t i = 0; i < HL_COUNT(digests); i++)
		if (strcmp(digests[i].name, name) == 0)
			return &digests[i];
	abort();
}

static uint32_t size_of(const struct digest *d)
{
	EVP_MD *md = EVP_MD_fetch(NULL, d->name, NULL);
	int n = EVP_MD_get_size(md);

	EVP_MD_free(md);
	return (uint32_t)n;
}

/* The fields of a parameter, as they arrive from the wire. */
static void put_parameter(struct hl_buf *out, uint32_t hash, uint32_t mgf, uint32_t salt)
{
	struct hl_pss_parameter p = { hash, mgf, salt };

	hl_buf_clear(out);
	*out = hl_buf(256);
	hl_body_put(out, &hl_msg_pss_parameter, &p);
	CU_ASSERT_EQUAL_FATAL(out->err, HL_OK);
}

static hl_err sign_pss(struct hsm_key *k, const struct digest *d, const struct digest *mgf,
	uint32_t salt, struct hl_bytes data, struct hl_buf *out)
{
	AUTO_BUF parameter = { 0 };

	put_parameter(&parameter, d->hash, mgf->mgf, salt);
	hl_buf_clear(out);
	*out = hl_buf(1024);
	return hsm_key_sign(k, d->mechanism, hl_buf_view(&parameter), data, out);
}

static hl_err verify_pss(struct hsm_key *k, const struct digest *d, const struct digest *mgf,
	uint32_t salt, struct hl_bytes data, struct hl_bytes signature)
{
	AUTO_BUF parameter = { 0 };

	put_parameter(&parameter, d->hash, mgf->mgf, salt);
	return hsm_key_verify(k, d->mechanism, hl_buf_view(&parameter), data, signature);
}

/* -- an independent opinion: RFC 8017, 9.1.2, by hand --------------------------------------------- */

static void hash(const struct digest *d, struct hl_bytes data, uint8_t *out)
{
	size_t n;

	CU_ASSERT_EQUAL_FATAL(EVP_Q_digest(NULL, d->name, NULL, data.p, data.n, out, &n), 1);
}

/* B.2.1: the digests of seed | counter, one after another. */
static void unmask(const struct digest *d, struct hl_bytes seed, uint8_t *db, size_t n)
{
	uint8_t text[EVP_MAX_MD_SIZE + 4], mask[EVP_MAX_MD_SIZE];
	size_t width = size_of(d);

	memcpy(text, seed.p, seed.n);
	for (size_t i = 0; i < n; i++) {
		if (i % width == 0) {
			memset(text + seed.n, 0, 4);
			text[seed.n + 3] = (uint8_t)(i / width);
			hash(d, hl_bytes(text, seed.n + 4), mask);
		}
		db[i] ^= mask[i % width];
	}
}

static bool is_encoded(const struct digest *d, const struct digest *mgf, size_t salt,
	struct hl_bytes data, uint8_t *em, size_t bits)
{
	size_t n = (bits + 7) / 8, width = size_of(d), db = n - width - 1, zeros = db - salt - 1;
	uint8_t text[8 + EVP_MAX_MD_SIZE + 512] = { 0 }, again[EVP_MAX_MD_SIZE];

	if (em[n - 1] != 0xbc || (bits % 8 && em[0] >> bits % 8))
		return false;
	unmask(mgf, hl_bytes(em + db, width), em, db);
	if (bits % 8)
		em[0] &= (uint8_t)(0xff >> (8 - bits % 8));
	for (size_t i = 0; i < zeros; i++)
		if (em[i])
			return false;
	hash(d, data, text + 8);
	memcpy(text + 8 + width, em + zeros + 1, salt);
	hash(d, hl_bytes(text, 8 + width + salt), again);
	return em[zeros] == 1 && memcmp(again, em + db, width) == 0;
}

static bool verifies_by_hand(const struct hsm_object *public_key, const struct digest *d,
	const struct digest *mgf, size_t salt, struct hl_bytes data, struct hl_bytes signature)
{
	struct hl_bytes n_bytes = hsm_attribute(public_key, HL_CKA_MODULUS)->value;
	struct hl_bytes e_bytes = hsm_attribute(public_key, HL_CKA_PUBLIC_EXPONENT)->value;
	AUTO_BN *n = BN_bin2bn(n_bytes.p, (int)n_bytes.n, NULL);
	AUTO_BN *e = BN_bin2bn(e_bytes.p, (int)e_bytes.n, NULL);
	AUTO_BN *s = BN_bin2bn(signature.p, (int)signature.n, NULL);
	AUTO_BN *m = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	size_t bits = (size_t)BN_num_bits(n) - 1;
	uint8_t em[520];
	bool ok = BN_mod_exp(m, s, e, n, ctx) == 1 &&
		  BN_bn2binpad(m, em, (int)(bits + 7) / 8) > 0 &&
		  is_encoded(d, mgf, salt, data, em, bits);

	BN_CTX_free(ctx);
	return ok;
}

/* -- what is right -------------------------------------------------------------------------------- */

static struct pair rsa; /* 2048 bits, for all that need no special one */

static uint32_t longest_salt(size_t bits, const struct digest *d)
{
	return (uint32_t)((bits - 1 + 7) / 8 - size_of(d) - 2);
}

static void try_one(struct pair *p, const struct digest *d, const struct digest *mgf, uint32_t salt,
	size_t width)
{
	AUTO_BUF sig = { 0 };
	struct hl_bytes other = hl_bytes(message.p, message.n - 1), got;

	CU_ASSERT_EQUAL_FATAL(sign_pss(p->key, d, mgf, salt, message, &sig), HL_OK);
	got = hl_buf_view(&sig);
	CU_ASSERT_EQUAL(got.n, width);
	CU_ASSERT(verifies_by_hand(&p->public_object, d, mgf, salt, message, got));
	CU_ASSERT_EQUAL(verify_pss(p->public_key, d, mgf, salt, message, got), HL_OK);
	CU_ASSERT_EQUAL(verify_pss(p->public_key, d, mgf, salt, other, got), HL_E_SIGNATURE);
	CU_ASSERT_EQUAL(verify_pss(p->public_key, d, mgf, salt + 1, message, got), HL_E_SIGNATURE);
}

static void every_digest_goes_with_every_mask_and_salt(void)
{
	for (size_t i = 0; i < HL_COUNT(digests); i++)
		for (size_t k = 0; k < HL_COUNT(digests); k++) {
			try_one(&rsa, &digests[i], &digests[k], 0, 256);
			try_one(&rsa, &digests[i], &digests[k], size_of(&digests[i]), 256);
			try_one(&rsa, &digests[i], &digests[k], longest_salt(2048, &digests[i]) - 1,
				256);
		}
}

static void moduli_that_end_within_a_byte_do(void)
{
	static const uint64_t bits[] = { 2050, 2054, 2056 };

	for (size_t i = 0; i < HL_COUNT(bits); i++) {
		AUTO_PAIR p = { 0 };
		AUTO_BUF sig = { 0 };

		make_rsa_pair(bits[i], &p.object, &p.public_object);
		pair_parse(&p);
		try_one(&p, SHA256, SHA256, 32, 257);
		CU_ASSERT_EQUAL(sign_pss(p.key, SHA256, SHA256, longest_salt(bits[i], SHA256),
					message, &sig),
			HL_OK);
		CU_ASSERT_EQUAL(sign_pss(p.key, SHA256, SHA256, longest_salt(bits[i], SHA256) + 1,
					message, &sig),
			HL_E_PARAMETER);
	}
}

static void a_digest_made_before_signs_as_its_data_does(void)
{
	for (size_t i = 0; i < HL_COUNT(digests); i++) {
		const struct digest *d = &digests[i];
		AUTO_BUF parameter = { 0 };
		AUTO_BUF sig = hl_buf(1024);
		uint8_t digest[EVP_MAX_MD_SIZE];
		uint32_t n = size_of(d);

		hash(d, message, digest);
		put_parameter(&parameter, d->hash, d->mgf, n);
		CU_ASSERT_EQUAL(hsm_key_sign(rsa.key, HL_CKM_RSA_PKCS_PSS, hl_buf_view(&parameter),
					hl_bytes(digest, n), &sig),
			HL_OK);
		CU_ASSERT_EQUAL(
			verify_pss(rsa.public_key, d, d, n, message, hl_buf_view(&sig)), HL_OK);
		CU_ASSERT_EQUAL(
			hsm_key_verify(rsa.public_key, HL_CKM_RSA_PKCS_PSS, hl_buf_view(&parameter),
				hl_bytes(digest, n), hl_buf_view(&sig)),
			HL_OK);
		for (size_t odd = 0; odd < EVP_MAX_MD_SIZE; odd++) {
			if (odd == n)
				continue;
			CU_ASSERT_EQUAL(
				hsm_key_sign(rsa.key, HL_CKM_RSA_PKCS_PSS, hl_buf_view(&parameter),
					hl_bytes(digest, odd), &sig),
				HL_E_DATA_LENGTH);
		}
	}
}

static void two_signatures_of_the_same_differ_by_their_salt(void)
{
	AUTO_BUF one = { 0 };
	AUTO_BUF two = { 0 };

	CU_ASSERT_EQUAL(sign_pss(rsa.key, SHA256, SHA256, 32, message, &one), HL_OK);
	CU_ASSERT_EQUAL(sign_pss(rsa.key, SHA256, SHA256, 32, message, &two), HL_OK);
	CU_ASSERT_FALSE(hl_bytes_eq(hl_buf_view(&one), hl_buf_view(&two)));
	CU_ASSERT_EQUAL(sign_pss(rsa.key, SHA256, SHA256, 0, message, &one), HL_OK);
	CU_ASSERT_EQUAL(sign_pss(rsa.key, SHA256, SHA256, 0, message, &two), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&one), hl_buf_view(&two)));
}

/* -- published signatures --------------------------------------------------------------------------- */

static BIGNUM *number(const char *hex)
{
	BIGNUM *n = NULL;

	CU_ASSERT_FATAL(BN_hex2bn(&n, hex) > 0);
	return n;
}

static void import_modulus(struct hsm_object *o, const char *hex)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = NULL;
	HL_AUTO(hsm_bytes_freep) unsigned char *der = NULL;
	AUTO_BN *n = number(hex);
	AUTO_BN *e = number("010001");
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params;
	int length;

	CU_ASSERT_FATAL(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) &&
			OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e));
	params = OSSL_PARAM_BLD_to_param(b);
	CU_ASSERT_EQUAL(EVP_PKEY_fromdata_init(ctx), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	length = i2d_PUBKEY(pkey, &der);
	CU_ASSERT_FATAL(length > 0);
	CU_ASSERT_EQUAL(hsm_attribute_set_number(o, HL_CKA_CLASS, HL_CKO_PUBLIC_KEY), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_number(o, HL_CKA_KEY_TYPE, HL_CKK_RSA), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(o, HL_CKA_VERIFY, true), HL_OK);
	CU_ASSERT_EQUAL(hl_secret_set(&o->value, hl_bytes(der, (size_t)length)), HL_OK);
}

/* One line of rsa-pss.txt: digest, digest of MGF1, salt, modulus, message, signature. */
static void check_line(struct vectors *v)
{
	const struct digest *d = digest_named(v->column[0]), *mgf = digest_named(v->column[1]);
	uint32_t salt = vectors_number(v, 2);
	struct hl_bytes m = vectors_bytes(v, 4), s = vectors_bytes(v, 5);
	AUTO_OBJECT o = { 0 };
	AUTO_KEY *k = NULL;

	import_modulus(&o, v->column[3]);
	CU_ASSERT_EQUAL_FATAL(hsm_key_parse(&o, &k), HL_OK);
	CU_ASSERT_EQUAL(verify_pss(k, d, mgf, salt, m, s), HL_OK);
	CU_ASSERT_EQUAL(verify_pss(k, d, mgf, salt + 1, m, s), HL_E_SIGNATURE);
	if (salt > 0)
		CU_ASSERT_EQUAL(verify_pss(k, d, mgf, salt - 1, m, s), HL_E_SIGNATURE);
	CU_ASSERT_EQUAL(verify_pss(k, d, SHA512, salt, m, s), HL_E_SIGNATURE);
	CU_ASSERT_EQUAL(verify_pss(k, d, mgf, salt, message, s), HL_E_SIGNATURE);
}

static void published_signatures_verify_with_their_own_parameter_only(void)
{
	struct vectors v;

	vectors_open(&v, "rsa-pss.txt");
	while (vectors_next(&v, 6))
		check_line(&v);
	CU_ASSERT_EQUAL(v.lines, 9);
	vectors_close(&v);
}

/* -- what is refused -------------------------------------------------------------------------------- */

static void a_signature_with_any_byte_flipped_is_refused(void)
{
	AUTO_BUF sig = { 0 };
	uint8_t *byte;

	CU_ASSERT_EQUAL_FATAL(sign_pss(rsa.key, SHA256, SHA256, 32, message, &sig), HL_OK);
	byte = sig.base + sig.off;
	for (size_t i = 0; i < sig.n; i++) {
		byte[i] ^= 1;
		CU_ASSERT_EQUAL(
			verify_pss(rsa.public_key, SHA256, SHA256, 32, message, hl_buf_view(&sig)),
			HL_E_SIGNATURE);
		byte[i] ^= 1;
	}
	for (size_t n = 0; n < sig.n; n++)
		CU_ASSERT_EQUAL(
			verify_pss(rsa.public_key, SHA256, SHA256, 32, message, hl_bytes(byte, n)),
			HL_E_SIGNATURE_LENGTH);
}

static void the_two_paddings_do_not_pass_for_each_other(void)
{
	AUTO_BUF pss = { 0 };
	AUTO_BUF v15 = { 0 };

	CU_ASSERT_EQUAL(sign_pss(rsa.key, SHA256, SHA256, 32, message, &pss), HL_OK);
	CU_ASSERT_EQUAL(sign(rsa.key, HL_CKM_SHA256_RSA_PKCS, message, &v15), HL_OK);
	CU_ASSERT_EQUAL(verify_pss(rsa.public_key, SHA256, SHA256, 32, message, hl_buf_view(&v15)),
		HL_E_SIGNATURE);
	CU_ASSERT_EQUAL(verify(rsa.public_key, HL_CKM_SHA256_RSA_PKCS, message, hl_buf_view(&pss)),
		HL_E_SIGNATURE);
}

static void refused(uint32_t mechanism, uint32_t hash, uint32_t mgf, uint32_t salt)
{
	AUTO_BUF parameter = { 0 };
	AUTO_BUF sig = hl_buf(1024);

	put_parameter(&parameter, hash, mgf, salt);
	CU_ASSERT_EQUAL(hsm_key_sign(rsa.key, mechanism, hl_buf_view(&parameter), message, &sig),
		HL_E_PARAMETER);
	CU_ASSERT_EQUAL(sig.n, 0);
	CU_ASSERT_EQUAL(hsm_key_verify(rsa.public_key, mechanism, hl_buf_view(&parameter), message,
				message),
		HL_E_PARAMETER);
}

static void a_parameter_that_does_not_fit_is_refused(void)
{
	const uint32_t m = HL_CKM_SHA256_RSA_PKCS_PSS, h = HL_CKM_SHA256, g = HL_CKG_MGF1_SHA256;

	refused(m, HL_CKM_SHA_1, g, 32); /* the mechanism hashes with another */
	refused(m, HL_CKM_SHA512, g, 32);
	refused(m, 0, g, 32);
	refused(m, UINT32_MAX, g, 32);
	refused(m, HL_CKM_RSA_PKCS, g, 32);
	refused(m, h, 0, 32);
	refused(m, h, 10, 32);
	refused(m, h, UINT32_MAX, 32);
	refused(m, h, g, longest_salt(2048, SHA256) + 1);
	refused(m, h, g, 0x80000000u);
	refused(m, h, g, UINT32_MAX); /* the library's -1 and -2 mean something else */
	refused(m, h, g, UINT32_MAX - 1);
	refused(HL_CKM_RSA_PKCS_PSS, 0, g, 32);
	refused(HL_CKM_RSA_PKCS_PSS, h, 0, 32);
}

static void every_cut_of_a_parameter_is_refused(void)
{
	AUTO_BUF parameter = { 0 };
	AUTO_BUF sig = hl_buf(1024);
	struct hl_bytes all;

	put_parameter(&parameter, HL_CKM_SHA256, HL_CKG_MGF1_SHA256, 32);
	hl_buf_u8(&parameter, 0);
	all = hl_buf_view(&parameter);
	for (size_t n = 0; n <= all.n; n++)
		CU_ASSERT_EQUAL(hsm_key_sign(rsa.key, HL_CKM_SHA256_RSA_PKCS_PSS,
					hl_bytes(all.p, n), message, &sig),
			n == all.n - 1 ? HL_OK : HL_E_PARAMETER);
}

static void mechanisms_without_a_parameter_refuse_one(void)
{
	AUTO_BUF parameter = { 0 };
	AUTO_BUF sig = hl_buf(1024);

	put_parameter(&parameter, HL_CKM_SHA256, HL_CKG_MGF1_SHA256, 32);
	CU_ASSERT_EQUAL(hsm_key_sign(rsa.key, HL_CKM_SHA256_RSA_PKCS, hl_buf_view(&parameter),
				message, &sig),
		HL_E_PARAMETER);
	CU_ASSERT_EQUAL(hsm_key_verify(rsa.public_key, HL_CKM_RSA_PKCS, hl_buf_view(&parameter),
				message, message),
		HL_E_PARAMETER);
}

static void an_ec_key_refuses_pss(void)
{
	AUTO_PAIR p = { 0 };
	AUTO_BUF sig = { 0 };

	make_ec_pair(p256, &p.object, &p.public_object);
	pair_parse(&p);
	CU_ASSERT_EQUAL(sign_pss(p.key, SHA256, SHA256, 32, message, &sig), HL_E_KEY_TYPE);
}

/* Contexts are kept with their parameter: each part of it must tell. */
static void a_parameter_that_changes_in_one_part_is_heeded(void)
{
	const struct {
		const struct digest *d, *mgf;
		uint32_t salt;
	} row[] = { { SHA256, SHA256, 32 }, { SHA256, SHA1, 32 }, { SHA256, SHA1, 20 },
		{ SHA1, SHA1, 20 } };

	for (size_t i = 0; i < 3 * HL_COUNT(row); i++) {
		const struct digest *d = row[i % HL_COUNT(row)].d,
				    *mgf = row[i % HL_COUNT(row)].mgf;
		uint32_t salt = row[i % HL_COUNT(row)].salt;
		AUTO_BUF sig = { 0 };

		CU_ASSERT_EQUAL(sign_pss(rsa.key, d, mgf, salt, message, &sig), HL_OK);
		CU_ASSERT(verifies_by_hand(
			&rsa.public_object, d, mgf, salt, message, hl_buf_view(&sig)));
		CU_ASSERT_EQUAL(
			verify_pss(rsa.public_key, d, mgf, salt, message, hl_buf_view(&sig)),
			HL_OK);
	}
}

/* A key is shared with a lane's thread, which has contexts of its own. */
static void a_share_of_a_key_signs_with_its_own_parameter(void)
{
	AUTO_KEY *share = NULL;
	AUTO_BUF one = { 0 };
	AUTO_BUF two = { 0 };

	CU_ASSERT_EQUAL(sign_pss(rsa.key, SHA256, SHA256, 32, message, &one), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_key_share(rsa.key, &share), HL_OK);
	CU_ASSERT_EQUAL(sign_pss(share, SHA512, SHA1, 7, message, &two), HL_OK);
	CU_ASSERT_EQUAL(sign_pss(rsa.key, SHA256, SHA256, 32, message, &one), HL_OK);
	CU_ASSERT(verifies_by_hand(
		&rsa.public_object, SHA256, SHA256, 32, message, hl_buf_view(&one)));
	CU_ASSERT(
		verifies_by_hand(&rsa.public_object, SHA512, SHA1, 7, message, hl_buf_view(&two)));
}

static CU_TestInfo tests[] = {
	{ "every digest goes with every mask and salt",
		every_digest_goes_with_every_mask_and_salt },
	{ "moduli that end within a byte do", moduli_that_end_within_a_byte_do },
	{ "a digest made before signs as its data does",
		a_digest_made_before_signs_as_its_data_does },
	{ "two signatures of the same differ by their salt",
		two_signatures_of_the_same_differ_by_their_salt },
	{ "published signatures verify with their own parameter only",
		published_signatures_verify_with_their_own_parameter_only },
	{ "a signature with any byte flipped is refused",
		a_signature_with_any_byte_flipped_is_refused },
	{ "the two paddings do not pass for each other",
		the_two_paddings_do_not_pass_for_each_other },
	{ "a parameter that does not fit is refused", a_parameter_that_does_not_fit_is_refused },
	{ "every cut of a parameter is refused", every_cut_of_a_parameter_is_refused },
	{ "mechanisms without a parameter refuse one", mechanisms_without_a_parameter_refuse_one },
	{ "an EC key refuses PSS", an_ec_key_refuses_pss },
	{ "a parameter that changes in one part is heeded",
		a_parameter_that_changes_in_one_part_is_heeded },
	{ "a share of a key signs with its own parameter",
		a_share_of_a_key_signs_with_its_own_parameter },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	int rc;

	make_rsa_pair(2048, &rsa.object, &rsa.public_object);
	pair_parse(&rsa);
	rc = hl_test_main("pss", tests);
	pair_clear(&rsa);
	return rc;
}
