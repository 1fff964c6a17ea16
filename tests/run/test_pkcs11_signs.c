/* Signatures, MACs and RSA encryption with every mechanism of the provider, over the network: OpenSSL has the public key,
 * or the same secret one, and says whether what comes out is right. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "tests/support/p11_key.h"
#include "tests/support/p11_world.h"

static CK_BYTE data[64 << 10];
static const CK_ULONG sizes[] = { 1, 64, 1000, sizeof data };

static void fill(void)
{
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (CK_BYTE)(i * i + i / 251);
}

static CK_SESSION_HANDLE begin(void)
{
	fill();
	return p11_begin_logged_in(&acme);
}

static void destroy(CK_SESSION_HANDLE s, const struct p11_pair *p)
{
	CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, p->key), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, p->public_key), CKR_OK);
}

/* -- digests and how they are called ---------------------------------------------------------------------------------- */

/* clang-format off */
static const struct hash {
	const char *name;
	CK_MECHANISM_TYPE digest, hmac, pkcs, pss, ecdsa, dsa; /* 0: there is none */
	CK_RSA_PKCS_MGF_TYPE mgf;
} hashes[] = {
	{ "MD5",       CKM_MD5,       CKM_MD5_HMAC,       CKM_MD5_RSA_PKCS,       0, 0, 0, 0 },
	{ "RIPEMD160", CKM_RIPEMD160, CKM_RIPEMD160_HMAC, CKM_RIPEMD160_RSA_PKCS, 0, 0, 0, 0 },
#define ALL(name, sha, rsa, mgf) \
	{ name, CKM_##sha, CKM_##sha##_HMAC, CKM_##rsa##_RSA_PKCS, CKM_##rsa##_RSA_PKCS_PSS, CKM_ECDSA_##rsa, CKM_DSA_##rsa, mgf }
	ALL("SHA1",     SHA_1,    SHA1,     1),
	ALL("SHA224",   SHA224,   SHA224,   5),
	ALL("SHA256",   SHA256,   SHA256,   2),
	ALL("SHA384",   SHA384,   SHA384,   3),
	ALL("SHA512",   SHA512,   SHA512,   4),
	ALL("SHA3-224", SHA3_224, SHA3_224, 6),
	ALL("SHA3-256", SHA3_256, SHA3_256, 7),
	ALL("SHA3-384", SHA3_384, SHA3_384, 8),
	ALL("SHA3-512", SHA3_512, SHA3_512, 9),
};
/* clang-format on */

/* -- what OpenSSL says of a signature ----------------------------------------------------------------------------------- */

struct judge {
	EVP_PKEY *key;
	const char *digest; /* NULL: EdDSA */
	const char *mgf;    /* NULL: no PSS */
	int salt;
};

static bool judge(const struct judge *j, const CK_BYTE *in, size_t n, const CK_BYTE *signature, size_t signature_n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_ctx = NULL;
	bool good = ctx && EVP_DigestVerifyInit_ex(ctx, &key_ctx, j->digest, NULL, NULL, j->key, NULL) == 1;

	if (j->mgf)
		good = good && EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md_name(key_ctx, j->mgf, NULL) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, j->salt) == 1;
	CU_ASSERT(good);
	good = good && EVP_DigestVerify(ctx, signature, signature_n, in, n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

/* r || s as the SEQUENCE of two INTEGERs that OpenSSL reads. */
static bool judge_halves(const struct judge *j, const CK_BYTE *in, size_t n, const CK_BYTE *rs, size_t rs_n)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int half = (int)rs_n / 2, der_n;
	bool good;

	if (!sig || ECDSA_SIG_set0(sig, BN_bin2bn(rs, half, NULL), BN_bin2bn(rs + half, half, NULL)) != 1)
		abort();
	der_n = i2d_ECDSA_SIG(sig, &der);
	good = der_n > 0 && judge(j, in, n, der, (size_t)der_n);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return good;
}

typedef bool judgement(const struct judge *j, const CK_BYTE *in, size_t n, const CK_BYTE *signature, size_t signature_n);

/* Signed in one part and in two; OpenSSL and the HSM take it, and neither takes it for other data. */
static void sign_and_judge(CK_SESSION_HANDLE s, CK_MECHANISM *m, const struct p11_pair *p, const struct judge *j,
	judgement *says, CK_ULONG n, CK_ULONG expected)
{
	unsigned failed = CU_get_number_of_failures();

	for (CK_ULONG cut = 0; cut < 2; cut++) {
		CK_BYTE out[1024];
		CK_ULONG told = 0, out_n = sizeof out;

		CU_ASSERT_EQUAL(p11_f->C_SignInit(s, m, p->key), CKR_OK);
		CU_ASSERT_EQUAL(p11_f->C_Sign(s, data, n, NULL, &told), CKR_OK);
		CU_ASSERT_EQUAL(told, expected);
		CU_ASSERT_EQUAL(p11_f->C_SignInit(s, NULL, 0), CKR_OK);
		CU_ASSERT_EQUAL(p11_sign_data(s, m, p->key, data, n, cut, out, &out_n), CKR_OK);
		CU_ASSERT_EQUAL(out_n, expected);
		CU_ASSERT(says(j, data, n, out, out_n));
		CU_ASSERT_EQUAL(p11_verify_data(s, m, p->public_key, data, n, 1 - cut, out, out_n), CKR_OK);
		CU_ASSERT_EQUAL(p11_verify_data(s, m, p->public_key, data + 1, n, cut, out, out_n), CKR_SIGNATURE_INVALID);
		out[out_n / 2 - 1] ^= 1;
		CU_ASSERT_FALSE(says(j, data, n, out, out_n));
		CU_ASSERT_EQUAL(p11_verify_data(s, m, p->public_key, data, n, cut, out, out_n), CKR_SIGNATURE_INVALID);
		CU_ASSERT_EQUAL(
			p11_verify_data(s, m, p->public_key, data, n, cut, out, out_n - 1), CKR_SIGNATURE_LEN_RANGE);
	}
	if (CU_get_number_of_failures() > failed)
		fprintf(stderr, "mechanism %#lx, %lu bytes\n", m->mechanism, n);
}

/* The last size is left to those that hash: one more byte is read behind the data. */
static CK_ULONG size(size_t i)
{
	return sizes[i] < sizeof data ? sizes[i] : sizeof data - 1;
}

/* -- RSA ------------------------------------------------------------------------------------------------------------------ */

static struct p11_pair make_rsa(CK_SESSION_HANDLE s, CK_ULONG bits, bool encrypts)
{
	CK_ATTRIBUTE more = ATTRIBUTE(CKA_MODULUS_BITS, bits);
	struct p11_pair p = { 0 };

	CU_ASSERT_EQUAL((encrypts ? p11_make_crypting_pair : p11_make_pair)(s, CKM_RSA_PKCS_KEY_PAIR_GEN, &more, 1, &p),
		CKR_OK);
	return p;
}

static void rsa_signs_with_every_digest(void)
{
	CK_SESSION_HANDLE s = begin();
	struct p11_pair p = make_rsa(s, 2048, false);
	struct judge j = { .key = p11_public_key(s, p.public_key) };

	for (size_t i = 0; i < HL_COUNT(hashes); i++)
		for (size_t k = 0; k < HL_COUNT(sizes); k++) {
			CK_MECHANISM m = { hashes[i].pkcs, NULL, 0 };

			j.digest = hashes[i].name;
			sign_and_judge(s, &m, &p, &j, judge, size(k), 256);
		}
	EVP_PKEY_free(j.key);
	destroy(s, &p);
	p11_over();
}

/* Each digest with each mask, and a salt of any length. */
static void rsa_pss_signs_with_every_digest_and_mask(void)
{
	CK_SESSION_HANDLE s = begin();
	struct p11_pair p = make_rsa(s, 2048, false);
	struct judge j = { .key = p11_public_key(s, p.public_key) };

	for (size_t i = 0; i < HL_COUNT(hashes); i++)
		for (size_t k = 0; k < HL_COUNT(hashes); k++) {
			CK_RSA_PKCS_PSS_PARAMS pss = { hashes[i].digest, hashes[k].mgf, 5 * k };
			CK_MECHANISM m = { hashes[i].pss, &pss, sizeof pss };

			if (!hashes[i].pss || !hashes[k].mgf)
				continue;
			j = (struct judge){ j.key, hashes[i].name, hashes[k].name, (int)(5 * k) };
			sign_and_judge(s, &m, &p, &j, judge, size(k % HL_COUNT(sizes)), 256);
		}
	EVP_PKEY_free(j.key);
	destroy(s, &p);
	p11_over();
}

/* The public operation: what was padded, by plain RSA. */
static size_t open_raw(EVP_PKEY *key, const CK_BYTE *signature, size_t n, CK_BYTE *out, size_t out_n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	CU_ASSERT(ctx && EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
		  EVP_PKEY_encrypt(ctx, out, &out_n, signature, n) == 1);
	EVP_PKEY_CTX_free(ctx);
	return out_n;
}

/* RFC 8017, 9.2: 00 01 ff ... ff 00, then the data. */
static bool is_padded(const CK_BYTE *em, size_t n, const CK_BYTE *in, size_t in_n, bool pkcs)
{
	size_t i = 0;

	if (pkcs && (em[0] != 0 || em[1] != 1 || em[n - in_n - 1] != 0))
		return false;
	for (i = pkcs ? 2 : 0; i < n - in_n - (pkcs ? 1 : 0); i++)
		if (em[i] != (pkcs ? 0xff : 0))
			return false;
	return memcmp(em + n - in_n, in, in_n) == 0;
}

static void bare_rsa_signs_what_it_is_given(void)
{
	CK_SESSION_HANDLE s = begin();
	struct p11_pair p = make_rsa(s, 1024, false);
	EVP_PKEY *key = p11_public_key(s, p.public_key);

	for (CK_ULONG n = 1; n <= 117; n += 4)
		for (int pkcs = 0; pkcs < 2; pkcs++) {
			CK_MECHANISM m = { pkcs ? CKM_RSA_PKCS : CKM_RSA_X_509, NULL, 0 };
			CK_BYTE out[128], em[128];
			CK_ULONG out_n = sizeof out;

			CU_ASSERT_EQUAL(p11_sign_data(s, &m, p.key, data + 1, n, n / 2, out, &out_n), CKR_OK);
			CU_ASSERT_EQUAL(open_raw(key, out, out_n, em, sizeof em), 128);
			CU_ASSERT(is_padded(em, sizeof em, data + 1, n, pkcs));
			CU_ASSERT_EQUAL(p11_verify_data(s, &m, p.public_key, data + 1, n, 0, out, out_n), CKR_OK);
			CU_ASSERT_EQUAL(
				p11_verify_data(s, &m, p.public_key, data + 2, n, 0, out, out_n), CKR_SIGNATURE_INVALID);
		}
	for (CK_ULONG n = 118; n < 140; n++) {
		CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
		CK_BYTE out[128];
		CK_ULONG out_n = sizeof out;

		CU_ASSERT_EQUAL(p11_sign_data(s, &m, p.key, data, n, 0, out, &out_n), CKR_DATA_LEN_RANGE);
	}
	EVP_PKEY_free(key);
	destroy(s, &p);
	p11_over();
}

/* -- curves, DSA ------------------------------------------------------------------------------------------------------------ */

static CK_BYTE p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, p521[] = { 6, 5, 0x2b, 0x81, 4, 0, 35 },
	       k256[] = { 6, 5, 0x2b, 0x81, 4, 0, 10 }, ed25519[] = { 6, 3, 0x2b, 0x65, 0x70 },
	       ed448[] = { 6, 3, 0x2b, 0x65, 0x71 };

static void ecdsa_signs_with_every_digest(void)
{
	static const struct {
		CK_ATTRIBUTE params;
		CK_ULONG n;
	} curves[] = { { ATTRIBUTE(CKA_EC_PARAMS, p256), 64 }, { ATTRIBUTE(CKA_EC_PARAMS, p521), 132 },
		{ ATTRIBUTE(CKA_EC_PARAMS, k256), 64 } };
	CK_SESSION_HANDLE s = begin();

	for (size_t c = 0; c < HL_COUNT(curves); c++) {
		struct p11_pair p = { 0 };
		struct judge j = { 0 };

		CU_ASSERT_EQUAL(p11_make_pair(s, CKM_EC_KEY_PAIR_GEN, &curves[c].params, 1, &p), CKR_OK);
		j.key = p11_public_key(s, p.public_key);
		for (size_t i = 0; i < 2 * HL_COUNT(hashes); i++) {
			CK_MECHANISM m = { hashes[i / 2].ecdsa, NULL, 0 };

			j.digest = hashes[i / 2].name;
			if (m.mechanism)
				sign_and_judge(s, &m, &p, &j, judge_halves, size(i % HL_COUNT(sizes)), curves[c].n);
		}
		EVP_PKEY_free(j.key);
		destroy(s, &p);
	}
	p11_over();
}

static void edwards_curves_sign_the_data_itself(void)
{
	static CK_EDDSA_PARAMS pure = { CK_FALSE, 0, NULL }, hashed = { CK_TRUE, 0, NULL }, context = { CK_FALSE, 1, data };
	static const struct {
		CK_ATTRIBUTE params;
		CK_ULONG n;
	} curves[] = { { ATTRIBUTE(CKA_EC_PARAMS, ed25519), 64 }, { ATTRIBUTE(CKA_EC_PARAMS, ed448), 114 } };
	CK_SESSION_HANDLE s = begin();

	for (size_t c = 0; c < HL_COUNT(curves); c++) {
		CK_MECHANISM m = { CKM_EDDSA, NULL, 0 };
		struct p11_pair p = { 0 };
		struct judge j = { 0 };

		CU_ASSERT_EQUAL(p11_make_pair(s, CKM_EC_EDWARDS_KEY_PAIR_GEN, &curves[c].params, 1, &p), CKR_OK);
		j.key = p11_public_key(s, p.public_key);
		for (CK_ULONG n = 1; n < 48; n++)
			sign_and_judge(s, &m, &p, &j, judge, n, curves[c].n);
		m = (CK_MECHANISM){ CKM_EDDSA, &pure, sizeof pure };
		sign_and_judge(s, &m, &p, &j, judge, 5000, curves[c].n);
		m.pParameter = &hashed;
		CU_ASSERT_EQUAL(p11_f->C_SignInit(s, &m, p.key), CKR_MECHANISM_PARAM_INVALID);
		m.pParameter = &context;
		CU_ASSERT_EQUAL(p11_f->C_SignInit(s, &m, p.key), CKR_MECHANISM_PARAM_INVALID);
		EVP_PKEY_free(j.key);
		destroy(s, &p);
	}
	p11_over();
}

/* Domain parameters first, then a pair with them. */
static struct p11_pair make_dsa(CK_SESSION_HANDLE s, CK_ULONG bits)
{
	static CK_BYTE number[3][512];
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_PRIME_BITS, bits) };
	CK_ATTRIBUTE domain[] = { ATTRIBUTE(CKA_PRIME, number[0]), ATTRIBUTE(CKA_SUBPRIME, number[1]),
		ATTRIBUTE(CKA_BASE, number[2]) };
	CK_OBJECT_HANDLE o = 0;
	struct p11_pair p = { 0 };

	CU_ASSERT_EQUAL(
		p11_f->C_GenerateKey(s, &(CK_MECHANISM){ CKM_DSA_PARAMETER_GEN, NULL, 0 }, t, 2, &o), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_GetAttributeValue(s, o, domain, 3), CKR_OK);
	CU_ASSERT_EQUAL(p11_make_pair(s, CKM_DSA_KEY_PAIR_GEN, domain, 3, &p), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, o), CKR_OK);
	return p;
}

static void dsa_signs_with_every_digest(void)
{
	CK_SESSION_HANDLE s = begin();
	struct p11_pair p = make_dsa(s, 1024);
	struct judge j = { .key = p11_public_key(s, p.public_key) };

	for (size_t i = 0; i < HL_COUNT(hashes); i++)
		for (size_t k = 0; k < HL_COUNT(sizes); k++) {
			CK_MECHANISM m = { hashes[i].dsa, NULL, 0 };

			j.digest = hashes[i].name;
			if (m.mechanism)
				sign_and_judge(s, &m, &p, &j, judge_halves, size(k), 40);
		}
	EVP_PKEY_free(j.key);
	destroy(s, &p);
	p11_over();
}

/* -- MACs ---------------------------------------------------------------------------------------------------------------------- */

#define MAC_SWEEP 50

static CK_BYTE gmac_iv[12] = "twelve bytes";

/* clang-format off */
static const struct mac {
	CK_MECHANISM_TYPE make;
	CK_ULONG key_n;
	CK_MECHANISM m;
	const char *judge, *with;
	CK_ULONG n;
} macs[] = {
	{ CKM_AES_KEY_GEN, 16, { CKM_AES_CMAC, NULL, 0 }, "CMAC", "AES-128-CBC", 16 },
	{ CKM_AES_KEY_GEN, 24, { CKM_AES_CMAC, NULL, 0 }, "CMAC", "AES-192-CBC", 16 },
	{ CKM_AES_KEY_GEN, 32, { CKM_AES_CMAC, NULL, 0 }, "CMAC", "AES-256-CBC", 16 },
	{ CKM_AES_KEY_GEN, 32, { CKM_AES_GMAC, gmac_iv, 12 }, "GMAC", "AES-256-GCM", 16 },
	{ CKM_DES3_KEY_GEN, 0, { CKM_DES3_CMAC, NULL, 0 }, "CMAC", "DES-EDE3-CBC", 8 },
	{ CKM_POLY1305_KEY_GEN, 0, { CKM_POLY1305, NULL, 0 }, "POLY1305", NULL, 16 },
	{ CKM_AES_KEY_GEN, 32, { CKM_AES_MAC, NULL, 0 }, NULL, "AES-256-CBC", 8 },
	{ CKM_CAMELLIA_KEY_GEN, 16, { CKM_CAMELLIA_MAC, NULL, 0 }, NULL, "CAMELLIA-128-CBC", 8 },
};
/* clang-format on */

static void judge_mac(const struct mac *c, const struct p11_secret *key, CK_ULONG n, CK_BYTE out[64])
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, c->judge, NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	const char *option = strcmp(c->judge, "HMAC") == 0 ? OSSL_MAC_PARAM_DIGEST : OSSL_MAC_PARAM_CIPHER;
	OSSL_PARAM params[3], *p = params;
	size_t out_n = 0;

	if (c->with)
		*p++ = OSSL_PARAM_construct_utf8_string(option, (char *)(uintptr_t)c->with, 0);
	if (c->m.pParameter)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, c->m.pParameter, c->m.ulParameterLen);
	*p = OSSL_PARAM_construct_end();
	CU_ASSERT(ctx && EVP_MAC_init(ctx, key->value, key->n, params) == 1 && EVP_MAC_update(ctx, data, n) == 1 &&
		  EVP_MAC_final(ctx, out, &out_n, 64) == 1 && out_n == c->n);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

/* FIPS 113: the last block of CBC over data that is filled up with zeros; half of it. */
static void judge_cbc_mac(const struct mac *c, const struct p11_secret *key, CK_ULONG n, CK_BYTE out[64])
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, c->with, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	CK_BYTE filled[MAC_SWEEP + 16] = { 0 }, sealed[MAC_SWEEP + 16], iv[16] = { 0 };
	int all = n == 0 ? 16 : (int)(n + 15) / 16 * 16, some = 0;

	memcpy(filled, data, n);
	CU_ASSERT(ctx && EVP_EncryptInit_ex2(ctx, cipher, key->value, iv, NULL) == 1 &&
		  EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_EncryptUpdate(ctx, sealed, &some, filled, all) == 1);
	memcpy(out, sealed + all - 16, 8);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

static void sweep_mac(CK_SESSION_HANDLE s, const struct mac *c)
{
	struct p11_secret key = { 0 };
	unsigned failed = CU_get_number_of_failures();
	CK_MECHANISM m = c->m;

	CU_ASSERT_EQUAL(p11_make_secret(s, c->make, c->key_n, false, &key), CKR_OK);
	for (CK_ULONG n = 0; n < MAC_SWEEP; n++) {
		CK_BYTE want[64], got[64];
		CK_ULONG got_n = c->n; /* no byte more than it needs */

		(c->judge ? judge_mac : judge_cbc_mac)(c, &key, n, want);
		CU_ASSERT_EQUAL(p11_sign_data(s, &m, key.key, data, n, n / 3, got, &got_n), CKR_OK);
		CU_ASSERT(got_n == c->n && memcmp(got, want, got_n) == 0);
		CU_ASSERT_EQUAL(p11_verify_data(s, &m, key.key, data, n, 0, want, c->n), CKR_OK);
		want[n % c->n] ^= 4;
		CU_ASSERT_EQUAL(p11_verify_data(s, &m, key.key, data, n, n / 2, want, c->n), CKR_SIGNATURE_INVALID);
		CU_ASSERT_EQUAL(
			p11_verify_data(s, &m, key.key, data, n, 0, want, n % c->n), CKR_SIGNATURE_LEN_RANGE);
	}
	if (CU_get_number_of_failures() > failed)
		fprintf(stderr, "mechanism %#lx\n", m.mechanism);
	CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, key.key), CKR_OK);
}

static void every_mac_gives_what_openssl_gives(void)
{
	CK_SESSION_HANDLE s = begin();

	for (size_t i = 0; i < HL_COUNT(macs); i++)
		sweep_mac(s, &macs[i]);
	for (size_t i = 0; i < HL_COUNT(hashes); i++) {
		size_t n = 0;
		CK_BYTE digest[64];
		struct mac c = { CKM_GENERIC_SECRET_KEY_GEN, 16 + 4 * i, { hashes[i].hmac, NULL, 0 }, "HMAC",
			hashes[i].name, 0 };

		CU_ASSERT_EQUAL(EVP_Q_digest(NULL, hashes[i].name, NULL, "", 0, digest, &n), 1);
		c.n = n;
		sweep_mac(s, &c);
	}
	p11_over();
}

/* SP 800-38D, 8: an IV serves one message, and the parameter of the Init would serve many. */
static void gmac_signs_no_messages(void)
{
	CK_SESSION_HANDLE s = begin();
	CK_MECHANISM short_iv = { CKM_AES_GMAC, gmac_iv, 11 }, m = { CKM_AES_GMAC, gmac_iv, 12 };
	CK_MECHANISM_INFO info;

	CU_ASSERT_EQUAL(p11_f->C_MessageSignInit(s, &m, 1), CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL(p11_f->C_GetMechanismInfo(P11_SLOT, CKM_AES_GMAC, &info), CKR_OK);
	CU_ASSERT_FALSE(info.flags & (CKF_MESSAGE_SIGN | CKF_MULTI_MESSAGE));
	CU_ASSERT_EQUAL(p11_f->C_SignInit(s, &short_iv, 1), CKR_MECHANISM_PARAM_INVALID);
	p11_over();
}

/* -- RSA encryption ---------------------------------------------------------------------------------------------------------------- */

struct oaep {
	const char *hash, *mgf; /* NULL: PKCS #1 v1.5 */
	CK_BYTE *label;
	CK_ULONG label_n;
};

static size_t seal(EVP_PKEY *key, const struct oaep *o, const CK_BYTE *in, size_t n, CK_BYTE *out, size_t out_n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool good = ctx && EVP_PKEY_encrypt_init(ctx) == 1;

	if (o->hash)
		good = good && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, o->hash, NULL) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, o->mgf, NULL) == 1;
	if (o->label_n > 0)
		good = good && EVP_PKEY_CTX_set0_rsa_oaep_label(
				       ctx, OPENSSL_memdup(o->label, o->label_n), (int)o->label_n) == 1;
	CU_ASSERT(good && EVP_PKEY_encrypt(ctx, out, &out_n, in, n) == 1);
	EVP_PKEY_CTX_free(ctx);
	return out_n;
}

/* What OpenSSL sealed is opened, and what is sealed here; a changed byte is noticed where the padding has a check. */
static void open_and_judge(
	CK_SESSION_HANDLE s, CK_MECHANISM *m, const struct p11_pair *p, EVP_PKEY *key, const struct oaep *o, CK_ULONG n)
{
	CK_BYTE sealed[1024], out[1024];
	CK_ULONG sealed_n = seal(key, o, data + 1, n, sealed, sizeof sealed), out_n = sizeof out;

	CU_ASSERT_EQUAL(p11_decrypt_data(s, m, p->key, sealed, sealed_n, n % 2, out, &out_n), CKR_OK);
	CU_ASSERT(out_n == n && memcmp(out, data + 1, n) == 0);
	sealed[sealed_n / 2] ^= 1;
	out_n = sizeof out;
	CU_ASSERT_EQUAL(p11_decrypt_data(s, m, p->key, sealed, sealed_n, 0, out, &out_n),
		o->hash ? CKR_ENCRYPTED_DATA_INVALID : CKR_OK);
	CU_ASSERT(o->hash || n == 0 || out_n != n || memcmp(out, data + 1, n) != 0);
	out_n = sizeof out;
	CU_ASSERT_EQUAL(
		p11_decrypt_data(s, m, p->key, sealed, sealed_n - 1, 0, out, &out_n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	sealed_n = sizeof sealed;
	CU_ASSERT_EQUAL(p11_encrypt_data(s, m, p->public_key, data + 1, n, 0, sealed, &sealed_n), CKR_OK);
	out_n = sizeof out;
	CU_ASSERT_EQUAL(p11_decrypt_data(s, m, p->key, sealed, sealed_n, 0, out, &out_n), CKR_OK);
	CU_ASSERT(out_n == n && memcmp(out, data + 1, n) == 0);
}

static void rsa_opens_what_openssl_sealed(void)
{
	static const struct oaep none;
	CK_SESSION_HANDLE s = begin();
	struct p11_pair p = make_rsa(s, 2048, true);
	EVP_PKEY *key = p11_public_key(s, p.public_key);
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE out[256];
	CK_ULONG n = sizeof out;

	for (n = 0; n <= 245; n += 5)
		open_and_judge(s, &m, &p, key, &none, n);
	for (CK_ULONG too_long = 246; too_long < 250; too_long++) {
		n = sizeof out;
		CU_ASSERT_EQUAL(
			p11_encrypt_data(s, &m, p.public_key, data, too_long, 0, out, &n), CKR_DATA_LEN_RANGE);
	}
	for (size_t i = 0; i < HL_COUNT(hashes); i++)
		for (size_t k = 0; k < HL_COUNT(hashes); k++) {
			struct oaep o = { hashes[i].name, hashes[k].name, data, 7 * k };
			CK_RSA_PKCS_OAEP_PARAMS params = { hashes[i].digest, hashes[k].mgf, CKZ_DATA_SPECIFIED, data, 7 * k };
			CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &params, sizeof params };

			if (hashes[i].mgf && hashes[k].mgf)
				open_and_judge(s, &oaep, &p, key, &o, 10 * i);
		}
	EVP_PKEY_free(key);
	destroy(s, &p);
	p11_over();
}

/* Its private operation takes long enough to leave the loop of the HSM. */
static void a_long_key_opens_and_signs(void)
{
	static const struct oaep none;
	CK_SESSION_HANDLE s = begin();
	struct p11_pair p = make_rsa(s, 3072, true);
	EVP_PKEY *key = p11_public_key(s, p.public_key);
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 }, raw = { CKM_RSA_X_509, NULL, 0 };
	CK_BYTE sealed[384], out[384], in[384] = { 0 };
	CK_ULONG n = 0;

	open_and_judge(s, &m, &p, key, &none, 373);
	memcpy(in + 1, data, 383);
	CU_ASSERT_EQUAL(open_raw(key, in, sizeof in, sealed, sizeof sealed), 384);
	CU_ASSERT_EQUAL(p11_f->C_DecryptInit(s, &raw, p.key), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_Decrypt(s, sealed, sizeof sealed, NULL, &n), CKR_OK);
	CU_ASSERT_EQUAL(n, 384);
	CU_ASSERT_EQUAL(p11_f->C_Decrypt(s, sealed, sizeof sealed, out, &n), CKR_OK);
	CU_ASSERT(n == 384 && memcmp(out, in, n) == 0);
	n = sizeof out;
	memset(in, 0xff, sizeof in); /* not below the modulus */
	CU_ASSERT_EQUAL(
		p11_encrypt_data(s, &raw, p.public_key, in, sizeof in, 0, out, &n), CKR_DATA_LEN_RANGE);
	EVP_PKEY_free(key);
	destroy(s, &p);
	p11_over();
}

static void parameters_of_rsa_are_judged_at_the_init(void)
{
	static CK_RSA_PKCS_OAEP_PARAMS no_hash = { CKM_RSA_PKCS, 2, 1, NULL, 0 }, no_mgf = { CKM_SHA256, 10, 1, NULL, 0 },
				       md5 = { CKM_MD5, 2, 1, NULL, 0 }, no_source = { CKM_SHA256, 2, 0, data, 1 },
				       other_source = { CKM_SHA256, 2, 2, NULL, 0 },
				       null_label = { CKM_SHA256, 2, 1, NULL, 4 },
				       long_label = { CKM_SHA256, 2, 1, data, 1025 };
	static CK_RSA_PKCS_PSS_PARAMS pss_md5 = { CKM_MD5, 2, 16 }, pss_mgf = { CKM_SHA256, 0, 32 };
	CK_MECHANISM oaep[] = { { CKM_RSA_PKCS_OAEP, NULL, 0 }, { CKM_RSA_PKCS_OAEP, &no_hash, sizeof no_hash },
		{ CKM_RSA_PKCS_OAEP, &no_mgf, sizeof no_mgf }, { CKM_RSA_PKCS_OAEP, &md5, sizeof md5 },
		{ CKM_RSA_PKCS_OAEP, &no_source, sizeof no_source },
		{ CKM_RSA_PKCS_OAEP, &other_source, sizeof other_source },
		{ CKM_RSA_PKCS_OAEP, &null_label, sizeof null_label },
		{ CKM_RSA_PKCS_OAEP, &long_label, sizeof long_label }, { CKM_RSA_PKCS_OAEP, &long_label, 8 },
		{ CKM_RSA_PKCS, data, 1 }, { CKM_RSA_X_509, data, 1 } };
	CK_MECHANISM pss[] = { { CKM_RSA_PKCS_PSS, &pss_md5, sizeof pss_md5 }, { CKM_RSA_PKCS_PSS, &pss_mgf, sizeof pss_mgf },
		{ CKM_SHA3_256_RSA_PKCS_PSS, &pss_mgf, sizeof pss_mgf }, { CKM_RSA_PKCS_PSS, &pss_mgf, 1 },
		{ CKM_DSA_SHA256, data, 4 }, { CKM_ECDSA_SHA3_256, data, 4 }, { CKM_SHA256_HMAC, data, 4 },
		{ CKM_AES_CMAC, data, 8 }, { CKM_POLY1305, data, 16 } };
	CK_SESSION_HANDLE s = begin();

	for (size_t i = 0; i < HL_COUNT(oaep); i++)
		CU_ASSERT_EQUAL(p11_f->C_EncryptInit(s, &oaep[i], 1), CKR_MECHANISM_PARAM_INVALID);
	for (size_t i = 0; i < HL_COUNT(pss); i++)
		CU_ASSERT_EQUAL(p11_f->C_VerifyInit(s, &pss[i], 1), CKR_MECHANISM_PARAM_INVALID);
	p11_over();
}

/* clang-format off */
static CU_TestInfo tests[] = {
	TEST(rsa_signs_with_every_digest),
	TEST(rsa_pss_signs_with_every_digest_and_mask),
	TEST(bare_rsa_signs_what_it_is_given),
	TEST(ecdsa_signs_with_every_digest),
	TEST(edwards_curves_sign_the_data_itself),
	TEST(dsa_signs_with_every_digest),
	TEST(every_mac_gives_what_openssl_gives),
	TEST(gmac_signs_no_messages),
	TEST(rsa_opens_what_openssl_sealed),
	TEST(a_long_key_opens_and_signs),
	TEST(parameters_of_rsa_are_judged_at_the_init),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

int main(void)
{
	return p11_world_main("pkcs11 signs", tests, NULL);
}
