/* K-08, K-09, K-10: what RSA and CBC say of a padding that is wrong, through C_* functions over the network. OAEP and CBC
 * say that it is wrong, whatever is wrong; PKCS #1 v1.5 says nothing, but gives another message, always the same. How
 * long they take: tests/bench/timing.c. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/support/p11_key.h"
#include "tests/support/test.h"

static struct live *w;
static struct live_account acme, lab;
static struct p11_client acme_client, lab_client;

#define WIDTH 256 /* bytes of the moduli here */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* As this tenant, in a partition where v1.5 unwraps or in one where it does not. */
static CK_SESSION_HANDLE begin(const struct p11_client *c, const struct live_account *account)
{
	CU_ASSERT(setenv("HSMLET_CONF", c->files.conf, 1) == 0 && setenv("HSMLET_SECRETS", c->files.secrets, 1) == 0);
	return p11_begin_logged_in(account);
}

/* A pair of this session whose public half encrypts; the private one decrypts or unwraps. */
static struct p11_pair make_pair(CK_SESSION_HANDLE s, CK_ATTRIBUTE_TYPE use)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 8 * WIDTH;
	CK_ATTRIBUTE public_key[] = { { CKA_TOKEN, &no, 1 }, { CKA_ENCRYPT, &yes, 1 }, { CKA_MODULUS_BITS, &bits, sizeof bits } };
	CK_ATTRIBUTE key[] = { { CKA_TOKEN, &no, 1 }, { use, &yes, 1 } };
	struct p11_pair p = { 0 };

	CU_ASSERT_EQUAL(p11_f->C_GenerateKeyPair(s, &m, public_key, 3, key, 2, &p.public_key, &p.key), CKR_OK);
	return p;
}

/* Drawn, but the same in each run. */
static void draw(CK_BYTE *out, size_t n)
{
	static uint32_t state = 2463534242;

	for (size_t i = 0; i < n; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		out[i] = (CK_BYTE)(state >> 8);
	}
}

/* A block, 00 in front so that it is below the modulus, by the bare public operation. */
static void seal(CK_SESSION_HANDLE s, const struct p11_pair *p, CK_BYTE block[WIDTH], CK_BYTE out[WIDTH])
{
	CK_MECHANISM m = { CKM_RSA_X_509, NULL, 0 };
	CK_ULONG n = WIDTH;

	CU_ASSERT_EQUAL(p11_encrypt_data(s, &m, p->public_key, block, WIDTH, 0, out, &n), CKR_OK);
	CU_ASSERT_EQUAL(n, WIDTH);
}

/* -- PKCS #1 v1.5 ------------------------------------------------------------------------------------------------------ */

#define PADDINGS 12

/* 00 02, bytes that are not zero, 00, the message; and what is wrong with it, by number: 0 is right. */
static void block_of(unsigned wrong, CK_BYTE em[WIDTH])
{
	draw(em, WIDTH);
	em[0] = 0;
	em[1] = 2;
	for (size_t i = 2; i < WIDTH; i++)
		em[i] |= 1; /* no zero */
	em[WIDTH - 33] = 0;
	switch (wrong) {
	case 0:
		break;
	case 1:
		em[0] = 1; /* the modulus begins with 80 or more */
		break;
	case 2:
	case 3:
	case 4:
		em[1] = (CK_BYTE[]){ 0, 1, 0xff }[wrong - 2];
		break;
	case 5: /* nothing ends the padding */
		em[WIDTH - 33] = 1;
		break;
	default: /* it ends among the first eight bytes */
		em[wrong - 4] = 0;
		break;
	}
}

static CK_RV decrypt_pkcs(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, const CK_BYTE *sealed, CK_BYTE *out, CK_ULONG *n)
{
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };

	*n = WIDTH;
	return p11_decrypt_data(s, &m, key, sealed, WIDTH, 0, out, n);
}

static void wrong_v15_padding_gives_a_message_always_the_same(void)
{
	CK_SESSION_HANDLE s = begin(&acme_client, &acme);
	struct p11_pair p = make_pair(s, CKA_DECRYPT);

	for (unsigned wrong = 0; wrong < PADDINGS; wrong++) {
		CK_BYTE em[WIDTH], sealed[WIDTH], once[WIDTH], again[WIDTH];
		CK_ULONG n, m;

		block_of(wrong, em);
		seal(s, &p, em, sealed);
		CU_ASSERT_EQUAL(decrypt_pkcs(s, p.key, sealed, once, &n), CKR_OK);
		CU_ASSERT_EQUAL(decrypt_pkcs(s, p.key, sealed, again, &m), CKR_OK);
		CU_ASSERT(n == m && memcmp(once, again, n) == 0);
		CU_ASSERT_EQUAL(n == 32 && memcmp(once, em + WIDTH - 32, 32) == 0, wrong == 0);
	}
	p11_over();
}

static void each_key_has_false_messages_of_its_own(void)
{
	CK_SESSION_HANDLE s = begin(&acme_client, &acme);
	struct p11_pair p = make_pair(s, CKA_DECRYPT), q = make_pair(s, CKA_DECRYPT);
	unsigned alike = 0;

	for (unsigned i = 0; i < 20; i++) {
		CK_BYTE sealed[WIDTH], one[WIDTH], other[WIDTH];
		CK_ULONG n, m;

		draw(sealed, sizeof sealed);
		sealed[0] &= 0x7f; /* below both moduli */
		CU_ASSERT_EQUAL(decrypt_pkcs(s, p.key, sealed, one, &n), CKR_OK);
		CU_ASSERT_EQUAL(decrypt_pkcs(s, q.key, sealed, other, &m), CKR_OK);
		alike += n == m && memcmp(one, other, n) == 0; /* both of no bytes: once in 60,000 */
	}
	CU_ASSERT(alike <= 1);
	p11_over();
}

#define DRAWS 400

/* Any length from 0 to 245 is as likely as another: of 400 the mean lies within 25 of the middle (seven deviations), and
 * there are short ones and long ones. */
static void false_messages_are_as_long_as_true_ones_may_be(void)
{
	CK_SESSION_HANDLE s = begin(&acme_client, &acme);
	struct p11_pair p = make_pair(s, CKA_DECRYPT);
	unsigned seen[WIDTH] = { 0 }, different = 0, low = 0, high = 0;
	CK_ULONG sum = 0;

	for (unsigned i = 0; i < DRAWS; i++) {
		CK_BYTE sealed[WIDTH], out[WIDTH];
		CK_ULONG n;

		draw(sealed, sizeof sealed);
		sealed[0] &= 0x7f;
		CU_ASSERT_EQUAL(decrypt_pkcs(s, p.key, sealed, out, &n), CKR_OK);
		CU_ASSERT_FATAL(n <= WIDTH - 11);
		sum += n;
		low += n < 50;
		high += n >= 196;
		different += seen[n]++ == 0;
	}
	CU_ASSERT(sum > DRAWS * 97 && sum < DRAWS * 148);
	CU_ASSERT(low > DRAWS / 10 && high > DRAWS / 10 && different > 120);
	p11_over();
}

/* The length is told as for any message, and a second try gives the same. */
static void a_small_buffer_learns_no_more(void)
{
	CK_SESSION_HANDLE s = begin(&acme_client, &acme);
	struct p11_pair p = make_pair(s, CKA_DECRYPT);
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };

	for (unsigned wrong = 0; wrong < PADDINGS; wrong++) {
		CK_BYTE em[WIDTH], sealed[WIDTH], once[WIDTH], out[WIDTH];
		CK_ULONG n, told = 0;

		block_of(wrong, em);
		seal(s, &p, em, sealed);
		CU_ASSERT_EQUAL(decrypt_pkcs(s, p.key, sealed, once, &n), CKR_OK);
		CU_ASSERT_EQUAL(p11_f->C_DecryptInit(s, &m, p.key), CKR_OK);
		CU_ASSERT_EQUAL(p11_f->C_Decrypt(s, sealed, WIDTH, out, &told), n > 0 ? CKR_BUFFER_TOO_SMALL : CKR_OK);
		if (n == 0)
			continue;
		CU_ASSERT_EQUAL(told, n);
		CU_ASSERT_EQUAL(p11_f->C_Decrypt(s, sealed, WIDTH, out, &told), CKR_OK);
		CU_ASSERT(told == n && memcmp(out, once, n) == 0);
	}
	p11_over();
}

/* -- PKCS #1 v1.5, unwrapping --------------------------------------------------------------------------------------------- */

static CK_RV unwrap(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, const CK_BYTE *sealed, CK_ULONG n,
	CK_KEY_TYPE type, CK_ULONG wanted, struct p11_secret *out)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &no, 1 }, { CKA_CLASS, &class, sizeof class }, { CKA_KEY_TYPE, &type, sizeof type },
		{ CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 }, { CKA_VALUE_LEN, &wanted, sizeof wanted } };
	CK_ATTRIBUTE value = { CKA_VALUE, out->value, sizeof out->value };
	CK_RV rv = p11_f->C_UnwrapKey(
		s, m, key, (CK_BYTE *)(uintptr_t)sealed, n, t, wanted > 0 ? 6 : 5, &out->key);

	if (rv != CKR_OK)
		return rv;
	CU_ASSERT_EQUAL(p11_f->C_GetAttributeValue(s, out->key, &value, 1), CKR_OK);
	out->n = value.ulValueLen;
	return p11_f->C_DestroyObject(s, out->key);
}

static void wrong_v15_padding_unwraps_to_a_key_of_a_right_length(void)
{
	CK_SESSION_HANDLE s = begin(&lab_client, &lab);
	struct p11_pair p = make_pair(s, CKA_UNWRAP);
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };

	for (unsigned wrong = 0; wrong < PADDINGS; wrong++) {
		CK_BYTE em[WIDTH], sealed[WIDTH];
		struct p11_secret aes, again, short_one, des;

		block_of(wrong, em);
		seal(s, &p, em, sealed);
		CU_ASSERT_EQUAL(unwrap(s, &m, p.key, sealed, WIDTH, CKK_AES, 0, &aes), CKR_OK);
		CU_ASSERT(aes.n == 16 || aes.n == 24 || aes.n == 32);
		CU_ASSERT_EQUAL(unwrap(s, &m, p.key, sealed, WIDTH, CKK_AES, 0, &again), CKR_OK);
		CU_ASSERT(aes.n == again.n && memcmp(aes.value, again.value, aes.n) == 0);
		CU_ASSERT_EQUAL(aes.n == 32 && memcmp(aes.value, em + WIDTH - 32, 32) == 0, wrong == 0);
		CU_ASSERT_EQUAL(unwrap(s, &m, p.key, sealed, WIDTH, CKK_AES, 16, &short_one), CKR_OK);
		CU_ASSERT(short_one.n == 16 && memcmp(short_one.value, em + WIDTH - 32, 16) != 0);
		CU_ASSERT_EQUAL(unwrap(s, &m, p.key, sealed, WIDTH, CKK_DES3, 0, &des), CKR_OK);
		CU_ASSERT_EQUAL(des.n, 24);
		CU_ASSERT_EQUAL(
			unwrap(s, &m, p.key, sealed, WIDTH - 1, CKK_AES, 0, &aes), CKR_WRAPPED_KEY_LEN_RANGE);
	}
	p11_over();
}

/* -- OAEP ------------------------------------------------------------------------------------------------------------------ */

static void oaep_says_one_thing_whatever_is_wrong(void)
{
	CK_SESSION_HANDLE s = begin(&lab_client, &lab);
	struct p11_pair p = make_pair(s, CKA_DECRYPT), q = make_pair(s, CKA_UNWRAP);
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, 2, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep };
	CK_BYTE em[WIDTH], sealed[WIDTH], out[WIDTH];
	struct p11_secret key;
	CK_ULONG n;

	for (unsigned i = 0; i < 40; i++) { /* Manger: a block that does not begin with 00 is no other thing */
		draw(em, sizeof em);
		em[0] = i % 2 ? 0 : 1 + em[0] % 0x7e;
		seal(s, &p, em, sealed);
		n = sizeof out;
		CU_ASSERT_EQUAL(p11_decrypt_data(s, &m, p.key, sealed, WIDTH, 0, out, &n), CKR_ENCRYPTED_DATA_INVALID);
		seal(s, &q, em, sealed);
		CU_ASSERT_EQUAL(unwrap(s, &m, q.key, sealed, WIDTH, CKK_AES, 0, &key), CKR_WRAPPED_KEY_INVALID);
		CU_ASSERT_EQUAL(unwrap(s, &m, q.key, sealed, WIDTH, CKK_GENERIC_SECRET, 7, &key), CKR_WRAPPED_KEY_INVALID);
	}
	n = WIDTH; /* 20 bytes are no key of AES, but what is wrong is not told */
	CU_ASSERT_EQUAL(p11_encrypt_data(s, &m, q.public_key, em, 20, 0, sealed, &n), CKR_OK);
	CU_ASSERT_EQUAL(unwrap(s, &m, q.key, sealed, WIDTH, CKK_AES, 0, &key), CKR_WRAPPED_KEY_INVALID);
	CU_ASSERT_EQUAL(unwrap(s, &m, q.key, sealed, WIDTH, CKK_GENERIC_SECRET, 0, &key), CKR_OK);
	CU_ASSERT(key.n == 20 && memcmp(key.value, em, 20) == 0);
	p11_over();
}

/* -- CBC with padding -------------------------------------------------------------------------------------------------------- */

static CK_OBJECT_HANDLE make_aes(CK_SESSION_HANDLE s, CK_ATTRIBUTE_TYPE use)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG n = 32;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &no, 1 }, { CKA_ENCRYPT, &yes, 1 }, { use, &yes, 1 }, { CKA_VALUE_LEN, &n, sizeof n } };
	CK_OBJECT_HANDLE key = 0;

	CU_ASSERT_EQUAL(p11_f->C_GenerateKey(s, &m, t, 4, &key), CKR_OK);
	return key;
}

/* Two blocks; of the second the last `pad` bytes say so, but for the byte `wrong` of them (0: none is wrong). */
static void seal_padded(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE iv[16], unsigned pad, unsigned wrong, CK_BYTE out[32])
{
	CK_MECHANISM m = { CKM_AES_CBC, iv, 16 };
	CK_BYTE blocks[32];
	CK_ULONG n = 32;

	memset(blocks, 'x', 16);
	for (unsigned i = 0; i < 16; i++)
		blocks[31 - i] = i < pad ? (CK_BYTE)pad : 0x55;
	blocks[31] = (CK_BYTE)pad;
	if (wrong > 0)
		blocks[32 - wrong] ^= 1;
	CU_ASSERT_EQUAL(p11_encrypt_data(s, &m, key, blocks, 32, 0, out, &n), CKR_OK);
}

static bool is_padding(unsigned pad, unsigned wrong)
{
	return pad >= 1 && pad <= 16 && (wrong == 0 || wrong > pad);
}

static void cbc_says_one_thing_whatever_is_wrong(void)
{
	CK_SESSION_HANDLE s = begin(&lab_client, &lab);
	CK_OBJECT_HANDLE key = make_aes(s, CKA_DECRYPT), unwrapping = make_aes(s, CKA_UNWRAP);
	CK_BYTE iv[16] = { 9 }, sealed[32], out[64];
	CK_MECHANISM m = { CKM_AES_CBC_PAD, iv, 16 };
	struct p11_secret made;

	for (unsigned pad = 0; pad <= 18; pad++)
		for (unsigned wrong = 0; wrong <= 16; wrong += wrong ? 3 : 2) { /* 2, 5, ..: the last byte is `pad` itself */
			bool good = is_padding(pad, wrong);

			seal_padded(s, key, iv, pad, wrong, sealed);
			for (CK_ULONG cut = 0; cut < 32; cut += 8) { /* in one part and in two */
				CK_ULONG n = sizeof out;

				CU_ASSERT_EQUAL(p11_decrypt_data(s, &m, key, sealed, 32, cut, out, &n),
					good ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID);
				CU_ASSERT(!good || n == 32 - pad);
			}
			seal_padded(s, unwrapping, iv, pad, wrong, sealed);
			CU_ASSERT_EQUAL(unwrap(s, &m, unwrapping, sealed, 32, CKK_GENERIC_SECRET, 0, &made),
				good ? CKR_OK : CKR_WRAPPED_KEY_INVALID);
		}
	p11_over();
}

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(wrong_v15_padding_gives_a_message_always_the_same),
	TEST(each_key_has_false_messages_of_its_own),
	TEST(false_messages_are_as_long_as_true_ones_may_be),
	TEST(a_small_buffer_learns_no_more),
	TEST(wrong_v15_padding_unwraps_to_a_key_of_a_right_length),
	TEST(oaep_says_one_thing_whatever_is_wrong),
	TEST(cbc_says_one_thing_whatever_is_wrong),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

static bool prepare(void)
{
	static const struct live_options one = { .proxies = 1, .hsms = 1 };
	static const struct live_tenant strict = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE", .pin = "correct-horse",
	};
	static const struct live_tenant loose = {
		.tenant = "lab", .user = "labservice", .partition = "LABPARTONE", .pin = "correct-horse", .label = "test",
	};

	w = live_start(&one);
	return w && live_provision(w, &strict, &acme) == HL_OK && live_provision(w, &loose, &lab) == HL_OK &&
	       p11_client(w, "acme", &acme, &acme_client) && p11_client(w, "lab", &lab, &lab_client) && p11_load(w);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("pkcs11 padding", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
