/* Encryption with every secret-key mechanism of the provider, over the network: OpenSSL has the same key and says what
 * must come out, for every length that matters, and what must be refused. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "tests/support/p11_key.h"
#include "tests/support/p11_world.h"

#define MOST 4112 /* a big piece of data */
#define SWEEP 49  /* bytes: three blocks of AES, and one more */

/* clang-format off */
static const struct cipher {
	CK_MECHANISM_TYPE make;
	CK_ULONG key_n; /* 0: given by the mechanism */
	CK_MECHANISM_TYPE type;
	const char *judge;
	size_t block, iv_n, tag_n; /* block 1: data of any length */
	bool pads;
} ciphers[] = {
	{ CKM_AES_KEY_GEN, 16, CKM_AES_ECB,     "AES-128-ECB", 16, 0,  0, false },
	{ CKM_AES_KEY_GEN, 24, CKM_AES_ECB,     "AES-192-ECB", 16, 0,  0, false },
	{ CKM_AES_KEY_GEN, 32, CKM_AES_ECB,     "AES-256-ECB", 16, 0,  0, false },
	{ CKM_AES_KEY_GEN, 16, CKM_AES_CBC,     "AES-128-CBC", 16, 16, 0, false },
	{ CKM_AES_KEY_GEN, 24, CKM_AES_CBC,     "AES-192-CBC", 16, 16, 0, false },
	{ CKM_AES_KEY_GEN, 32, CKM_AES_CBC,     "AES-256-CBC", 16, 16, 0, false },
	{ CKM_AES_KEY_GEN, 16, CKM_AES_CBC_PAD, "AES-128-CBC", 16, 16, 0, true },
	{ CKM_AES_KEY_GEN, 32, CKM_AES_CBC_PAD, "AES-256-CBC", 16, 16, 0, true },
	{ CKM_AES_KEY_GEN, 16, CKM_AES_CTR,     "AES-128-CTR", 1,  16, 0, false },
	{ CKM_AES_KEY_GEN, 24, CKM_AES_CTR,     "AES-192-CTR", 1,  16, 0, false },
	{ CKM_AES_KEY_GEN, 32, CKM_AES_CTR,     "AES-256-CTR", 1,  16, 0, false },
	{ CKM_AES_KEY_GEN, 16, CKM_AES_GCM,     "AES-128-GCM", 1,  12, 16, false },
	{ CKM_AES_KEY_GEN, 32, CKM_AES_GCM,     "AES-256-GCM", 1,  16, 12, false },
	{ CKM_CAMELLIA_KEY_GEN, 16, CKM_CAMELLIA_ECB,     "CAMELLIA-128-ECB", 16, 0,  0, false },
	{ CKM_CAMELLIA_KEY_GEN, 24, CKM_CAMELLIA_CBC,     "CAMELLIA-192-CBC", 16, 16, 0, false },
	{ CKM_CAMELLIA_KEY_GEN, 32, CKM_CAMELLIA_CBC_PAD, "CAMELLIA-256-CBC", 16, 16, 0, true },
	{ CKM_DES2_KEY_GEN, 0, CKM_DES3_ECB,     "DES-EDE3-ECB", 8, 0, 0, false },
	{ CKM_DES3_KEY_GEN, 0, CKM_DES3_ECB,     "DES-EDE3-ECB", 8, 0, 0, false },
	{ CKM_DES2_KEY_GEN, 0, CKM_DES3_CBC,     "DES-EDE3-CBC", 8, 8, 0, false },
	{ CKM_DES3_KEY_GEN, 0, CKM_DES3_CBC,     "DES-EDE3-CBC", 8, 8, 0, false },
	{ CKM_DES3_KEY_GEN, 0, CKM_DES3_CBC_PAD, "DES-EDE3-CBC", 8, 8, 0, true },
	{ CKM_CHACHA20_KEY_GEN, 0, CKM_CHACHA20,          "ChaCha20",          1, 16, 0,  false },
	{ CKM_CHACHA20_KEY_GEN, 0, CKM_CHACHA20_POLY1305, "ChaCha20-Poly1305", 1, 12, 16, false },
};
/* clang-format on */

/* A mechanism with its parameter, and the same for OpenSSL. */
struct given {
	CK_BYTE iv[16], aad[20];
	CK_ULONG aad_n;
	union {
		CK_AES_CTR_PARAMS ctr;
		CK_GCM_PARAMS gcm;
		CK_CHACHA20_PARAMS chacha;
		CK_SALSA20_CHACHA20_POLY1305_PARAMS aead;
	} p;
	CK_MECHANISM m;
};

static void use_struct(struct given *g, CK_ULONG n)
{
	g->m.pParameter = &g->p;
	g->m.ulParameterLen = n;
}

/* IV and additional data are others for each `round`; a counter has room before its end. */
static void give(const struct cipher *c, unsigned round, struct given *g)
{
	*g = (struct given){ .aad_n = round % sizeof g->aad, .m = { c->type, g->iv, c->iv_n } };
	for (size_t i = 0; i < sizeof g->iv; i++)
		g->iv[i] = (CK_BYTE)(round * 5 + i * 11);
	for (size_t i = 0; i < sizeof g->aad; i++)
		g->aad[i] = (CK_BYTE)(round + i);
	g->iv[0] &= 0x7f;
	switch (c->type) {
	case CKM_AES_CTR:
		g->p.ctr.ulCounterBits = 128;
		memcpy(g->p.ctr.cb, g->iv, 16);
		use_struct(g, sizeof g->p.ctr);
		break;
	case CKM_AES_GCM:
		g->p.gcm = (CK_GCM_PARAMS){ g->iv, c->iv_n, 8 * c->iv_n, g->aad, g->aad_n, 8 * c->tag_n };
		use_struct(g, sizeof g->p.gcm);
		break;
	case CKM_CHACHA20:
		g->iv[3] = 0; /* the counter is little-endian */
		g->p.chacha = (CK_CHACHA20_PARAMS){ g->iv, 32, g->iv + 4, 96 };
		if (round % 2 == 1) {
			g->iv[7] = 0;
			g->p.chacha = (CK_CHACHA20_PARAMS){ g->iv, 64, g->iv + 8, 64 };
		}
		use_struct(g, sizeof g->p.chacha);
		break;
	case CKM_CHACHA20_POLY1305:
		g->p.aead = (CK_SALSA20_CHACHA20_POLY1305_PARAMS){ g->iv, c->iv_n, g->aad, g->aad_n };
		use_struct(g, sizeof g->p.aead);
		break;
	default:
		if (c->iv_n == 0)
			g->m.pParameter = NULL;
		break;
	}
}

static struct p11_secret make(CK_SESSION_HANDLE s, const struct cipher *c)
{
	struct p11_secret key = { 0 };

	CU_ASSERT_EQUAL(p11_make_secret(s, c->make, c->key_n, true, &key), CKR_OK);
	if (c->make == CKM_DES2_KEY_GEN) /* FIPS 46-3: two keys are three, of which the first is the third */
		memcpy(key.value + 16, key.value, 8);
	return key;
}

/* What OpenSSL makes of it, with the tag behind it. */
static size_t judge(const struct cipher *c, bool pads, const struct p11_secret *key, const struct given *g,
	const CK_BYTE *data, size_t n, CK_BYTE *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, c->judge, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int some = 0, rest = 0;
	bool good = cipher && ctx && EVP_EncryptInit_ex2(ctx, cipher, NULL, NULL, NULL) == 1;

	if (c->tag_n > 0)
		good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)c->iv_n, NULL) == 1;
	good = good && EVP_EncryptInit_ex2(ctx, NULL, key->value, g->iv, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_padding(ctx, pads) == 1;
	if (c->tag_n > 0 && g->aad_n > 0)
		good = good && EVP_EncryptUpdate(ctx, NULL, &some, g->aad, (int)g->aad_n) == 1;
	some = 0;
	good = good && (n == 0 || EVP_EncryptUpdate(ctx, out, &some, data, (int)n) == 1) &&
	       EVP_EncryptFinal_ex(ctx, out + some, &rest) == 1;
	some += rest;
	if (c->tag_n > 0)
		good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)c->tag_n, out + some) == 1;
	CU_ASSERT(good);
	EVP_CIPHER_free(cipher);
	EVP_CIPHER_CTX_free(ctx);
	return (size_t)some + c->tag_n;
}

static bool same(const CK_BYTE *a, CK_ULONG a_n, const CK_BYTE *b, CK_ULONG b_n)
{
	return a_n == b_n && (a_n == 0 || memcmp(a, b, a_n) == 0);
}

/* In one part, and cut into two. */
static void round_trip(
	CK_SESSION_HANDLE s, const struct cipher *c, const struct p11_secret *key, unsigned round, size_t n)
{
	static CK_BYTE data[MOST], want[MOST + 32], got[MOST + 32];
	struct given g;
	size_t want_n;

	for (size_t i = 0; i < n; i++)
		data[i] = (CK_BYTE)(i * 3 + round);
	give(c, round, &g);
	want_n = judge(c, c->pads, key, &g, data, n, want);
	for (CK_ULONG cut = 0; cut <= n && cut < 22; cut += 7) {
		CK_ULONG m = sizeof got;

		CU_ASSERT_EQUAL(p11_encrypt_data(s, &g.m, key->key, data, n, cut, got, &m), CKR_OK);
		CU_ASSERT(same(got, m, want, want_n));
		m = sizeof got;
		CU_ASSERT_EQUAL(p11_decrypt_data(s, &g.m, key->key, want, want_n, cut, got, &m), CKR_OK);
		CU_ASSERT(same(got, m, data, n));
	}
}

static void every_cipher_gives_what_openssl_gives(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);

	for (size_t i = 0; i < HL_COUNT(ciphers); i++) {
		const struct cipher *c = &ciphers[i];
		size_t step = c->pads ? 1 : c->block;
		struct p11_secret key = make(s, c);
		unsigned round = 0, failed = CU_get_number_of_failures();

		for (size_t n = 0; n < SWEEP; n += step)
			round_trip(s, c, &key, round++, n);
		for (; round < 42; round++) /* whole blocks alone are few */
			round_trip(s, c, &key, round, round * step);
		round_trip(s, c, &key, round, MOST - MOST % c->block);
		if (CU_get_number_of_failures() > failed)
			fprintf(stderr, "mechanism %#lx, %s\n", c->type, c->judge);
		CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, key.key), CKR_OK);
	}
	p11_over();
}

/* -- messages of version 3.0: each has its parameter ------------------------------------------------------------------- */

static CK_MECHANISM message_of(
	const struct cipher *c, struct given *g, CK_BYTE *tag, CK_GCM_MESSAGE_PARAMS *gcm, CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS *aead)
{
	*gcm = (CK_GCM_MESSAGE_PARAMS){ g->iv, c->iv_n, 0, CKG_NO_GENERATE, tag, 8 * c->tag_n };
	*aead = (CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS){ g->iv, c->iv_n, tag };
	if (c->type == CKM_AES_GCM)
		return (CK_MECHANISM){ c->type, gcm, sizeof *gcm };
	if (c->type == CKM_CHACHA20_POLY1305)
		return (CK_MECHANISM){ c->type, aead, sizeof *aead };
	return g->m;
}

/* Whole, and in two parts with the tag after the last. */
static void message_round_trip(
	CK_SESSION_HANDLE s, const struct cipher *c, const struct p11_secret *key, unsigned round, CK_ULONG n)
{
	CK_BYTE data[64], want[96], got[96], tag[16] = { 0 };
	CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS aead;
	CK_GCM_MESSAGE_PARAMS gcm;
	CK_ULONG got_n = sizeof got, sealed_n, aad_n;
	struct given g;
	CK_MECHANISM m;

	memset(data, (int)round, sizeof data);
	give(c, round, &g);
	aad_n = c->tag_n > 0 ? g.aad_n : 0;
	m = message_of(c, &g, tag, &gcm, &aead);
	sealed_n = judge(c, c->pads, key, &g, data, n, want) - c->tag_n;
	CU_ASSERT_EQUAL(p11_f->C_EncryptMessage(s, m.pParameter, m.ulParameterLen, g.aad, aad_n, data, n, got, &got_n), CKR_OK);
	CU_ASSERT(same(got, got_n, want, sealed_n) && same(tag, c->tag_n, want + sealed_n, c->tag_n));
	CU_ASSERT_EQUAL(p11_f->C_DecryptMessageBegin(s, m.pParameter, m.ulParameterLen, g.aad, aad_n), CKR_OK);
	got_n = sizeof got;
	CU_ASSERT_EQUAL(p11_f->C_DecryptMessageNext(s, m.pParameter, m.ulParameterLen, want, n / 2, got, &got_n, 0), CKR_OK);
	CU_ASSERT_EQUAL(got_n, 0);
	got_n = sizeof got;
	CU_ASSERT_EQUAL(p11_f->C_DecryptMessageNext(s, m.pParameter, m.ulParameterLen, want + n / 2, sealed_n - n / 2, got,
				&got_n, CKF_END_OF_MESSAGE),
		CKR_OK);
	CU_ASSERT(same(got, got_n, data, n));
	if (c->tag_n == 0)
		return;
	tag[round % c->tag_n] ^= 1;
	got_n = sizeof got;
	CU_ASSERT_EQUAL(p11_f->C_DecryptMessage(s, m.pParameter, m.ulParameterLen, g.aad, aad_n, want, sealed_n, got, &got_n),
		CKR_AEAD_DECRYPT_FAILED);
}

static void every_cipher_does_messages_with_a_parameter_each(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);

	for (size_t i = 0; i < HL_COUNT(ciphers); i++) {
		const struct cipher *c = &ciphers[i];
		struct p11_secret key = make(s, c);
		CK_MECHANISM m = { c->type, NULL, 0 };
		CK_BYTE out[32] = { 0 };
		CK_ULONG n = sizeof out;

		CU_ASSERT_EQUAL(p11_f->C_MessageEncryptInit(s, &m, key.key), CKR_OK);
		CU_ASSERT_EQUAL(p11_f->C_MessageDecryptInit(s, &m, key.key), CKR_OK);
		for (unsigned round = 0; round < 5; round++)
			message_round_trip(s, c, &key, round, round * c->block);
		CU_ASSERT_EQUAL(p11_f->C_EncryptMessage(s, out, 5, NULL, 0, out, 16, out, &n), CKR_MECHANISM_PARAM_INVALID);
		CU_ASSERT_EQUAL(p11_f->C_MessageEncryptFinal(s), CKR_OK);
		CU_ASSERT_EQUAL(p11_f->C_MessageDecryptFinal(s), CKR_OK);
		CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, key.key), CKR_OK);
	}
	p11_over();
}

/* -- lengths ---------------------------------------------------------------------------------------------------------- */

static void lengths_that_no_cipher_takes_are_told(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	static CK_BYTE in[64], out[96];

	for (size_t i = 0; i < HL_COUNT(ciphers); i++) {
		const struct cipher *c = &ciphers[i];
		struct p11_secret key = make(s, c);
		struct given g;

		give(c, 1, &g);
		for (CK_ULONG n = 1; n < c->block; n++) {
			CK_ULONG m = sizeof out;

			if (!c->pads)
				CU_ASSERT_EQUAL(p11_encrypt_data(s, &g.m, key.key, in, n, 0, out, &m), CKR_DATA_LEN_RANGE);
			CU_ASSERT_EQUAL(
				p11_decrypt_data(s, &g.m, key.key, in, n, 0, out, &m), CKR_ENCRYPTED_DATA_LEN_RANGE);
		}
		for (CK_ULONG n = 0; n < c->tag_n; n++) {
			CK_ULONG m = sizeof out;

			CU_ASSERT_EQUAL(
				p11_decrypt_data(s, &g.m, key.key, in, n, 0, out, &m), CKR_ENCRYPTED_DATA_LEN_RANGE);
		}
		CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, key.key), CKR_OK);
	}
	p11_over();
}

/* PKCS #11 v3.0, 5.2: the length may be told too large, and room for the true one is enough. */
static void padded_data_needs_room_for_itself_alone(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	static const struct cipher c = { CKM_AES_KEY_GEN, 16, CKM_AES_CBC_PAD, "AES-128-CBC", 16, 16, 0, true };
	struct p11_secret key = make(s, &c);
	CK_BYTE data[20] = "twenty bytes of data", sealed[32], out[32];
	CK_ULONG n = 0;
	struct given g;

	give(&c, 3, &g);
	CU_ASSERT_EQUAL(p11_f->C_EncryptInit(s, &g.m, key.key), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_Encrypt(s, data, 20, NULL, &n), CKR_OK);
	CU_ASSERT_EQUAL(n, 32);
	n = 31;
	CU_ASSERT_EQUAL(p11_f->C_Encrypt(s, data, 20, sealed, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 32);
	CU_ASSERT_EQUAL(p11_f->C_Encrypt(s, data, 20, sealed, &n), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_DecryptInit(s, &g.m, key.key), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_Decrypt(s, sealed, 32, NULL, &n), CKR_OK);
	CU_ASSERT(n >= 20 && n <= 32);
	n = 19;
	CU_ASSERT_EQUAL(p11_f->C_Decrypt(s, sealed, 32, out, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 20);
	CU_ASSERT_EQUAL(p11_f->C_Decrypt(s, sealed, 32, out, &n), CKR_OK);
	CU_ASSERT(same(out, n, data, 20));
	CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, key.key), CKR_OK);
	p11_over();
}

/* -- what must not decrypt ---------------------------------------------------------------------------------------------- */

static void padding_that_is_none_is_refused(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);

	for (size_t i = 0; i < HL_COUNT(ciphers); i++) {
		const struct cipher *c = &ciphers[i];
		CK_BYTE last[16] = { 0 }, sealed[32], out[32];
		struct p11_secret key;
		struct given g;

		if (!c->pads)
			continue;
		key = make(s, c);
		give(c, 9, &g);
		for (unsigned pad = 0; pad < 256; pad++) {
			CK_ULONG n = sizeof out;
			CK_RV rv;

			last[c->block - 1] = (CK_BYTE)pad; /* zeros before it: only 1 is a padding */
			judge(c, false, &key, &g, last, c->block, sealed);
			rv = p11_decrypt_data(s, &g.m, key.key, sealed, c->block, 0, out, &n);
			CU_ASSERT_EQUAL(rv, pad == 1 ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID);
		}
		CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, key.key), CKR_OK);
	}
	p11_over();
}

static void data_with_a_tag_is_refused_with_any_byte_changed(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);

	for (size_t i = 0; i < HL_COUNT(ciphers); i++) {
		const struct cipher *c = &ciphers[i];
		CK_BYTE data[30] = "thirty bytes that are sealed", sealed[64], out[64];
		struct p11_secret key;
		struct given g;
		CK_ULONG n;
		size_t all;

		if (c->tag_n == 0)
			continue;
		key = make(s, c);
		give(c, 9, &g);
		all = judge(c, false, &key, &g, data, sizeof data, sealed);
		for (size_t at = 0; at < all + c->iv_n + g.aad_n; at++) {
			CK_BYTE *changed = at < all ? &sealed[at] : at < all + c->iv_n ? &g.iv[at - all]
										       : &g.aad[at - all - c->iv_n];

			*changed ^= 0x20;
			n = sizeof out;
			CU_ASSERT_EQUAL(p11_decrypt_data(s, &g.m, key.key, sealed, all, 0, out, &n),
				CKR_ENCRYPTED_DATA_INVALID);
			*changed ^= 0x20;
		}
		n = sizeof out;
		CU_ASSERT_EQUAL(p11_decrypt_data(s, &g.m, key.key, sealed, all, 0, out, &n), CKR_OK);
		CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, key.key), CKR_OK);
	}
	p11_over();
}

/* SP 800-38A, B.2: no block of a counter comes twice under one key. */
static void a_counter_does_not_come_round(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	static const struct cipher c = { CKM_AES_KEY_GEN, 16, CKM_AES_CTR, "AES-128-CTR", 1, 16, 0, false };
	struct p11_secret key = make(s, &c);
	CK_AES_CTR_PARAMS p = { .ulCounterBits = 8, .cb = { 1, 2, 3, [15] = 0xfe } };
	CK_MECHANISM m = { CKM_AES_CTR, &p, sizeof p };
	CK_BYTE data[33] = { 0 }, out[33];
	CK_ULONG n = sizeof out;

	CU_ASSERT_EQUAL(p11_encrypt_data(s, &m, key.key, data, 32, 0, out, &n), CKR_OK);
	n = sizeof out;
	CU_ASSERT_EQUAL(p11_encrypt_data(s, &m, key.key, data, 33, 0, out, &n), CKR_DATA_LEN_RANGE);
	p.ulCounterBits = 9; /* the bit before has room */
	n = sizeof out;
	CU_ASSERT_EQUAL(p11_encrypt_data(s, &m, key.key, data, 33, 0, out, &n), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, key.key), CKR_OK);
	p11_over();
}

/* -- parameters --------------------------------------------------------------------------------------------------------- */

static CK_BYTE bytes[64];

static void parameters_of_ciphers_are_judged_at_the_init(void)
{
	static CK_AES_CTR_PARAMS no_bits = { 0, { 0 } }, many_bits = { 129, { 0 } };
	static CK_GCM_PARAMS short_iv = { bytes, 11, 88, NULL, 0, 128 }, long_iv = { bytes, 129, 1032, NULL, 0, 128 },
			     short_tag = { bytes, 12, 96, NULL, 0, 88 }, odd_tag = { bytes, 12, 96, NULL, 0, 100 },
			     no_iv = { NULL, 12, 96, NULL, 0, 128 }, no_aad = { bytes, 12, 96, NULL, 5, 128 };
	static CK_CHACHA20_PARAMS mixed = { bytes, 32, bytes, 64 }, odd = { bytes, 33, bytes, 95 },
				  no_nonce = { bytes, 32, NULL, 96 }, no_counter = { NULL, 32, bytes, 96 };
	static CK_SALSA20_CHACHA20_POLY1305_PARAMS short_nonce = { bytes, 8, NULL, 0 }, null_nonce = { NULL, 12, NULL, 0 },
						   null_aad = { bytes, 12, NULL, 4 },
						   long_aad = { bytes, 12, bytes, 65537 };
	static CK_MECHANISM wrong[] = {
		{ CKM_AES_ECB, bytes, 16 },
		{ CKM_AES_CBC, NULL, 0 },
		{ CKM_AES_CBC, NULL, 16 },
		{ CKM_AES_CBC, bytes, 15 },
		{ CKM_AES_CBC, bytes, 17 },
		{ CKM_AES_CBC_PAD, bytes, 8 },
		{ CKM_CAMELLIA_CBC, bytes, 8 },
		{ CKM_DES3_CBC, bytes, 16 },
		{ CKM_DES3_CBC_PAD, bytes, 7 },
		{ CKM_DES3_ECB, bytes, 8 },
		{ CKM_AES_CTR, bytes, 16 },
		{ CKM_AES_CTR, &no_bits, sizeof no_bits },
		{ CKM_AES_CTR, &many_bits, sizeof many_bits },
		{ CKM_AES_GCM, &short_iv, sizeof short_iv },
		{ CKM_AES_GCM, &long_iv, sizeof long_iv },
		{ CKM_AES_GCM, &short_tag, sizeof short_tag },
		{ CKM_AES_GCM, &odd_tag, sizeof odd_tag },
		{ CKM_AES_GCM, &no_iv, sizeof no_iv },
		{ CKM_AES_GCM, &no_aad, sizeof no_aad },
		{ CKM_AES_GCM, &no_aad, sizeof no_aad - 1 },
		{ CKM_CHACHA20, &mixed, sizeof mixed },
		{ CKM_CHACHA20, &odd, sizeof odd },
		{ CKM_CHACHA20, &no_nonce, sizeof no_nonce },
		{ CKM_CHACHA20, &no_counter, sizeof no_counter },
		{ CKM_CHACHA20, NULL, 0 },
		{ CKM_CHACHA20_POLY1305, &short_nonce, sizeof short_nonce },
		{ CKM_CHACHA20_POLY1305, &null_nonce, sizeof null_nonce },
		{ CKM_CHACHA20_POLY1305, &null_aad, sizeof null_aad },
		{ CKM_CHACHA20_POLY1305, &long_aad, sizeof long_aad },
		{ CKM_CHACHA20_POLY1305, &long_aad, 1 },
	};
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);

	for (size_t i = 0; i < HL_COUNT(wrong); i++) {
		CU_ASSERT_EQUAL(p11_f->C_EncryptInit(s, &wrong[i], 1), CKR_MECHANISM_PARAM_INVALID);
		CU_ASSERT_EQUAL(p11_f->C_DecryptInit(s, &wrong[i], 1), CKR_MECHANISM_PARAM_INVALID);
	}
	p11_over();
}

static void a_cipher_takes_keys_of_its_own_type(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	static const struct cipher aes = { CKM_AES_KEY_GEN, 32, CKM_AES_ECB, "", 16, 0, 0, false };
	struct p11_secret key = make(s, &aes);

	for (size_t i = 0; i < HL_COUNT(ciphers); i++) {
		struct given g;

		give(&ciphers[i], 1, &g);
		if (ciphers[i].make == CKM_AES_KEY_GEN)
			continue;
		CU_ASSERT_EQUAL(p11_f->C_EncryptInit(s, &g.m, key.key), CKR_KEY_TYPE_INCONSISTENT);
	}
	CU_ASSERT_EQUAL(p11_f->C_SignInit(s, &(CK_MECHANISM){ CKM_AES_CMAC, NULL, 0 }, key.key),
		CKR_KEY_FUNCTION_NOT_PERMITTED);
	CU_ASSERT_EQUAL(p11_f->C_DestroyObject(s, key.key), CKR_OK);
	p11_over();
}

/* clang-format off */
static CU_TestInfo tests[] = {
	TEST(every_cipher_gives_what_openssl_gives),
	TEST(every_cipher_does_messages_with_a_parameter_each),
	TEST(lengths_that_no_cipher_takes_are_told),
	TEST(padded_data_needs_room_for_itself_alone),
	TEST(padding_that_is_none_is_refused),
	TEST(data_with_a_tag_is_refused_with_any_byte_changed),
	TEST(a_counter_does_not_come_round),
	TEST(parameters_of_ciphers_are_judged_at_the_init),
	TEST(a_cipher_takes_keys_of_its_own_type),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

int main(void)
{
	return p11_world_main("pkcs11 ciphers", tests, NULL);
}
