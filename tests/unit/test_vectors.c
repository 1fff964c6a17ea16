#include "hsm/key.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "hsm/ossl.h"
#include "tests/support/objects.h"
#include "tests/support/test.h"
#include "tests/support/vectors.h"

#define AUTO_BN HL_AUTO(hsm_bn_freep) BIGNUM

/* -- RFC 6979 -------------------------------------------------------------------------------- */

/* A public key object that was not made here, as an import would build it. */
static void import_public(struct hsm_object *o, uint32_t key_type, EVP_PKEY *pkey)
{
	HL_AUTO(hsm_bytes_freep) unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);

	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT_EQUAL(hsm_attribute_set_number(o, HL_CKA_CLASS, HL_CKO_PUBLIC_KEY), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_number(o, HL_CKA_KEY_TYPE, key_type), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(o, HL_CKA_VERIFY, true), HL_OK);
	CU_ASSERT_EQUAL(hl_secret_set(&o->value, hl_bytes(der, (size_t)n)), HL_OK);
}

static EVP_PKEY *ec_public(const char *group, struct hl_bytes point)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)group, 0),
		OSSL_PARAM_octet_string(
			OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.p, point.n),
		OSSL_PARAM_END,
	};
	EVP_PKEY *pkey = NULL;

	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return pkey;
}

static void put_hex(struct hl_buf *out, const char *hex)
{
	uint8_t bytes[512];
	size_t n;

	CU_ASSERT_EQUAL_FATAL(hl_unhex(hex, strlen(hex), bytes, sizeof bytes, &n), HL_OK);
	hl_buf_put(out, hl_bytes(bytes, n));
}

static uint32_t ecdsa_with(const char *digest)
{
	size_t n;
	const struct hsm_mechanism *m = hsm_mechanisms(&n);

	for (size_t i = 0; i < n; i++)
		if (m[i].key_type == HL_CKK_EC && m[i].digest && strcmp(m[i].digest, digest) == 0)
			return m[i].number;
	return 0;
}

/* One line of rfc6979.txt: curve, digest, message, Ux, Uy, r, s. */
static void check_rfc6979(struct vectors *v)
{
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = NULL;
	AUTO_OBJECT o = { 0 };
	AUTO_KEY *k = NULL;
	AUTO_BUF point = hl_buf(256);
	AUTO_BUF sig = hl_buf(256);
	struct hl_bytes data = hl_text(v->column[2]);
	uint32_t mechanism = ecdsa_with(v->column[1]);

	hl_buf_u8(&point, 4);
	put_hex(&point, v->column[3]);
	put_hex(&point, v->column[4]);
	put_hex(&sig, v->column[5]);
	put_hex(&sig, v->column[6]);
	pkey = ec_public(v->column[0], hl_buf_view(&point));
	CU_ASSERT_PTR_NOT_NULL_FATAL(pkey);
	import_public(&o, HL_CKK_EC, pkey);
	CU_ASSERT_EQUAL_FATAL(hsm_key_parse(&o, &k), HL_OK);
	CU_ASSERT_EQUAL(verify(k, mechanism, data, hl_buf_view(&sig)), HL_OK);
	CU_ASSERT_EQUAL(
		verify(k, mechanism, hl_text("Sample"), hl_buf_view(&sig)), HL_E_SIGNATURE);
}

static void the_signatures_of_rfc_6979_verify(void)
{
	struct vectors v;

	vectors_open(&v, "rfc6979.txt");
	while (vectors_next(&v, 7))
		check_rfc6979(&v);
	CU_ASSERT_EQUAL(v.lines, 30);
	vectors_close(&v);
}

/* -- RFC 7515 and RFC 8017 ------------------------------------------------------------------- */

/* The RSA key of RFC 7515, A.2, and its signature; dp, dq and qinv are worked out here. */
struct rsa_vector {
	BIGNUM *n, *e, *d, *p, *q, *dp, *dq, *qinv;
	struct hl_buf input, signature;
};

static void rsa_vector_clear(struct rsa_vector *v)
{
	BIGNUM *all[] = { v->n, v->e, v->d, v->p, v->q, v->dp, v->dq, v->qinv };

	for (size_t i = 0; i < HL_COUNT(all); i++)
		BN_free(all[i]);
	hl_buf_clear(&v->input);
	hl_buf_clear(&v->signature);
}

static void take_line(struct rsa_vector *v, const char *name, const char *hex)
{

	if (strcmp(name, "input") == 0) {
		put_hex(&v->input, hex);
	} else if (strcmp(name, "signature") == 0) {
		put_hex(&v->signature, hex);
	} else {
		BIGNUM **number[] = { &v->n, &v->e, &v->d, &v->p, &v->q };
		static const char names[] = "nedpq";
		const char *which = strchr(names, name[0]);

		CU_ASSERT_FATAL(which && BN_hex2bn(number[which - names], hex) > 0);
	}
}

static void read_rsa_vector(struct rsa_vector *v)
{
	HL_AUTO(hsm_bn_freep) BIGNUM *less = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	struct vectors file;

	*v = (struct rsa_vector){ .input = hl_buf(512),
		.signature = hl_buf(512),
		.dp = BN_new(),
		.dq = BN_new(),
		.qinv = BN_new() };
	vectors_open(&file, "rfc7515-a2.txt");
	while (vectors_next(&file, 2))
		take_line(v, file.column[0], file.column[1]);
	vectors_close(&file);
	BN_copy(less, v->p);
	BN_sub_word(less, 1);
	BN_mod(v->dp, v->d, less, ctx);
	BN_copy(less, v->q);
	BN_sub_word(less, 1);
	BN_mod(v->dq, v->d, less, ctx);
	BN_mod_inverse(v->qinv, v->q, v->p, ctx);
	BN_CTX_free(ctx);
}

static EVP_PKEY *rsa_from(const struct rsa_vector *v)
{
	HL_AUTO(hsm_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	const struct {
		const char *name;
		const BIGNUM *v;
	} part[] = {
		{ OSSL_PKEY_PARAM_RSA_N, v->n },
		{ OSSL_PKEY_PARAM_RSA_E, v->e },
		{ OSSL_PKEY_PARAM_RSA_D, v->d },
		{ OSSL_PKEY_PARAM_RSA_FACTOR1, v->p },
		{ OSSL_PKEY_PARAM_RSA_FACTOR2, v->q },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT1, v->dp },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT2, v->dq },
		{ OSSL_PKEY_PARAM_RSA_COEFFICIENT1, v->qinv },
	};
	OSSL_PARAM *params;
	EVP_PKEY *pkey = NULL;

	for (size_t i = 0; i < HL_COUNT(part); i++)
		CU_ASSERT_FATAL(OSSL_PARAM_BLD_push_BN(b, part[i].name, part[i].v));
	params = OSSL_PARAM_BLD_to_param(b);
	CU_ASSERT_EQUAL(EVP_PKEY_fromdata_init(ctx), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	return pkey;
}

/* Both halves of the vector's key, parsed. */
static void import_rsa(const struct rsa_vector *v, struct pair *p)
{
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = rsa_from(v);
	HL_AUTO(hsm_pkcs8_freep) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	HL_AUTO(hsm_bytes_freep) unsigned char *der = NULL;
	int n = i2d_PKCS8_PRIV_KEY_INFO(info, &der);

	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT_EQUAL(
		hsm_attribute_set_number(&p->object, HL_CKA_CLASS, HL_CKO_PRIVATE_KEY), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_number(&p->object, HL_CKA_KEY_TYPE, HL_CKK_RSA), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&p->object, HL_CKA_SIGN, true), HL_OK);
	CU_ASSERT_EQUAL(hl_secret_set(&p->object.value, hl_bytes(der, (size_t)n)), HL_OK);
	import_public(&p->public_object, HL_CKK_RSA, pkey);
	pair_parse(p);
}

static void the_signature_of_rfc_7515_is_made_and_verifies(void)
{
	HL_AUTO(rsa_vector_clear) struct rsa_vector v;
	AUTO_PAIR p = { 0 };
	AUTO_BUF sig = { 0 };

	read_rsa_vector(&v);
	import_rsa(&v, &p);
	CU_ASSERT_EQUAL(sign(p.key, HL_CKM_SHA256_RSA_PKCS, hl_buf_view(&v.input), &sig), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&sig), hl_buf_view(&v.signature)));
	CU_ASSERT_EQUAL(verify(p.public_key, HL_CKM_SHA256_RSA_PKCS, hl_buf_view(&v.input),
				hl_buf_view(&v.signature)),
		HL_OK);
}

/* DigestInfo up to the digest (RFC 8017, 9.2, note 1). */
static const struct {
	uint32_t mechanism;
	const char *digest, *info;
} digest_info[] = {
	{ HL_CKM_SHA1_RSA_PKCS, "SHA1", "3021300906052b0e03021a05000414" },
	{ HL_CKM_SHA224_RSA_PKCS, "SHA224", "302d300d06096086480165030402040500041c" },
	{ HL_CKM_SHA256_RSA_PKCS, "SHA256", "3031300d060960864801650304020105000420" },
	{ HL_CKM_SHA384_RSA_PKCS, "SHA384", "3041300d060960864801650304020205000430" },
	{ HL_CKM_SHA512_RSA_PKCS, "SHA512", "3051300d060960864801650304020305000440" },
};

/* EMSA-PKCS1-v1_5 by hand: 00 01 ff .. ff 00 T, then the power of d in plain arithmetic. */
static void by_hand(const struct rsa_vector *v, struct hl_bytes t, uint8_t out[256])
{
	AUTO_BN *m = NULL;
	AUTO_BN *s = BN_new();
	BN_CTX *ctx = BN_CTX_new();

	memset(out, 0xff, 256);
	out[0] = 0;
	out[1] = 1;
	out[255 - t.n] = 0;
	memcpy(out + 256 - t.n, t.p, t.n);
	m = BN_bin2bn(out, 256, NULL);
	CU_ASSERT_EQUAL(BN_mod_exp(s, m, v->d, v->n, ctx), 1);
	CU_ASSERT_EQUAL(BN_bn2binpad(s, out, 256), 256);
	BN_CTX_free(ctx);
}

static void rsa_signatures_equal_those_made_by_hand(void)
{
	HL_AUTO(rsa_vector_clear) struct rsa_vector v;
	AUTO_PAIR p = { 0 };

	read_rsa_vector(&v);
	import_rsa(&v, &p);
	for (size_t i = 0; i < HL_COUNT(digest_info); i++) {
		AUTO_BUF t = hl_buf(256);
		AUTO_BUF sig = { 0 };
		uint8_t expected[256], digest[EVP_MAX_MD_SIZE];
		size_t n;

		CU_ASSERT_EQUAL(EVP_Q_digest(NULL, digest_info[i].digest, NULL, message.p,
					message.n, digest, &n),
			1);
		put_hex(&t, digest_info[i].info);
		hl_buf_put(&t, hl_bytes(digest, n));
		by_hand(&v, hl_buf_view(&t), expected);
		CU_ASSERT_EQUAL(sign(p.key, digest_info[i].mechanism, message, &sig), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&sig), hl_bytes(expected, 256)));
		CU_ASSERT_EQUAL(sign(p.key, HL_CKM_RSA_PKCS, hl_buf_view(&t), &sig), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&sig), hl_bytes(expected, 256)));
	}
}

/* K-15: a fault in the private operation, played by exponents that are wrong: the library's own
 * check falls back on d and looks no further. */
static void a_wrong_rsa_signature_never_leaves(void)
{
	HL_AUTO(rsa_vector_clear) struct rsa_vector v;
	AUTO_PAIR p = { 0 };
	AUTO_BUF sig = { 0 };

	read_rsa_vector(&v);
	BN_add_word(v.dp, 2);
	BN_add_word(v.d, 2);
	import_rsa(&v, &p);
	CU_ASSERT_EQUAL(sign(p.key, HL_CKM_SHA256_RSA_PKCS, message, &sig), HL_E_CRYPTO);
	CU_ASSERT_EQUAL(sig.n, 0);
	CU_ASSERT_EQUAL(sign(p.key, HL_CKM_RSA_PKCS, message, &sig), HL_E_CRYPTO);
	CU_ASSERT_EQUAL(sig.n, 0);
}

static CU_TestInfo tests[] = {
	{ "the signatures of RFC 6979 verify", the_signatures_of_rfc_6979_verify },
	{ "the signature of RFC 7515 is made and verifies",
		the_signature_of_rfc_7515_is_made_and_verifies },
	{ "RSA signatures equal those made by hand", rsa_signatures_equal_those_made_by_hand },
	{ "a wrong RSA signature never leaves", a_wrong_rsa_signature_never_leaves },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("vectors", tests)
