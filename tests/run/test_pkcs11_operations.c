/* How operations of the PKCS#11 provider begin, go on and end, whichever they are. */
#include <stdlib.h>

#include <openssl/evp.h>

#include "tests/support/p11_world.h"

static CK_BYTE data[] = "what is signed, hashed and encrypted here";
#define DATA_N (sizeof data - 1)

static CK_GCM_PARAMS gcm_params(CK_BYTE *iv, CK_ULONG tag_bits)
{
	return (CK_GCM_PARAMS){ iv, 12, 96, data, 7, tag_bits };
}

/* -- operations --------------------------------------------------------------------------------------------------------------- */

static void lengths_are_told_twice_over_and_cost_nothing(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_BYTE signature[80], digest[64];
	CK_ULONG n = 0;

	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_Sign(s, data, DATA_N, NULL, &n));
	CU_ASSERT_EQUAL(n, 64);
	n = 63;
	IS(BUFFER_TOO_SMALL, C_Sign(s, data, DATA_N, signature, &n));
	CU_ASSERT_EQUAL(n, 64);
	n = sizeof signature;
	IS(OK, C_Sign(s, data, DATA_N, signature, &n));
	CU_ASSERT_EQUAL(n, 64);
	IS(OPERATION_NOT_INITIALIZED, C_Sign(s, data, DATA_N, signature, &n));
	IS(OK, C_DigestInit(s, &sha256));
	n = 31;
	IS(BUFFER_TOO_SMALL, C_Digest(s, data, DATA_N, digest, &n));
	IS(OK, C_Digest(s, data, DATA_N, digest, &n));
	CU_ASSERT_EQUAL(n, 32);
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_DigestUpdate(s, data, DATA_N));
	IS(OK, C_DigestFinal(s, NULL, &n));
	n = 8;
	IS(BUFFER_TOO_SMALL, C_DigestFinal(s, signature, &n));
	IS(OK, C_DigestFinal(s, signature, &n));
	CU_ASSERT(memcmp(digest, signature, 32) == 0);
	p11_over();
}

static void any_other_error_ends_an_operation(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_BYTE out[80] = { 0 };
	CK_ULONG n = sizeof out;

	IS(OK, C_DigestInit(s, &sha256));
	IS(ARGUMENTS_BAD, C_Digest(s, NULL, 4, out, &n));
	IS(OPERATION_NOT_INITIALIZED, C_Digest(s, data, 4, out, &n));
	IS(OK, C_DigestInit(s, &sha256));
	IS(ARGUMENTS_BAD, C_DigestUpdate(s, NULL, 4));
	IS(OPERATION_NOT_INITIALIZED, C_DigestFinal(s, out, &n));
	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(ARGUMENTS_BAD, C_Sign(s, data, 4, out, NULL));
	IS(OPERATION_NOT_INITIALIZED, C_Sign(s, data, 4, out, &n));
	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key));
	IS(SIGNATURE_INVALID, C_Verify(s, data, 4, out, 64));
	IS(OPERATION_NOT_INITIALIZED, C_Verify(s, data, 4, out, 64));
	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key));
	IS(SIGNATURE_LEN_RANGE, C_Verify(s, data, 4, out, 65));
	IS(OPERATION_NOT_INITIALIZED, C_VerifyUpdate(s, data, 4));
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_DigestUpdate(s, data, 4));
	IS(OPERATION_ACTIVE, C_Digest(s, data, 4, out, &n)); /* in one part after another began */
	IS(OPERATION_NOT_INITIALIZED, C_DigestFinal(s, out, &n));
	IS(OK, C_DigestInit(s, &sha256));
	p11_over();
}

/* How each kind of operation is ended by an error of its data, and may begin anew. */
static void whatever_an_error_it_ends_the_operation(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key = aes_of(s);
	CK_BYTE iv[16] = { 7 }, in[48] = { 9 }, out[80];
	CK_GCM_PARAMS g = gcm_params(iv, 128);
	CK_MECHANISM cbc = { CKM_AES_CBC, iv, 16 }, pad = { CKM_AES_CBC_PAD, iv, 16 }, gcm = { CKM_AES_GCM, &g, sizeof g };
	const struct {
		CK_MECHANISM *m;
		CK_ULONG n;
		CK_RV encrypt, decrypt; /* CKR_OK: not tried */
	} all[] = { { &cbc, 15, CKR_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE }, { &pad, 15, CKR_OK, CKR_ENCRYPTED_DATA_LEN_RANGE },
		{ &pad, 0, CKR_OK, CKR_ENCRYPTED_DATA_LEN_RANGE }, { &pad, 32, CKR_OK, CKR_ENCRYPTED_DATA_INVALID },
		{ &gcm, 15, CKR_OK, CKR_ENCRYPTED_DATA_LEN_RANGE }, { &gcm, 40, CKR_OK, CKR_ENCRYPTED_DATA_INVALID } };

	for (size_t i = 0; i < HL_COUNT(all); i++) {
		CK_ULONG n = sizeof out;

		if (all[i].encrypt != CKR_OK) {
			IS(OK, C_EncryptInit(s, all[i].m, key));
			CU_ASSERT_EQUAL(p11_f->C_Encrypt(s, in, all[i].n, out, &n), all[i].encrypt);
			IS(OPERATION_NOT_INITIALIZED, C_Encrypt(s, in, 16, out, &n));
			IS(OK, C_EncryptInit(s, all[i].m, key));
			IS(OK, C_EncryptUpdate(s, in, all[i].n, out, &n));
			CU_ASSERT_EQUAL(p11_f->C_EncryptFinal(s, out, &n), all[i].encrypt);
			IS(OPERATION_NOT_INITIALIZED, C_EncryptFinal(s, out, &n));
		}
		n = sizeof out;
		IS(OK, C_DecryptInit(s, all[i].m, key));
		CU_ASSERT_EQUAL(p11_f->C_Decrypt(s, in, all[i].n, out, &n), all[i].decrypt);
		IS(OPERATION_NOT_INITIALIZED, C_Decrypt(s, in, 16, out, &n));
		IS(OPERATION_NOT_INITIALIZED, C_DecryptUpdate(s, in, 16, out, &n));
		IS(OK, C_DecryptInit(s, all[i].m, key));
		IS(ARGUMENTS_BAD, C_DecryptUpdate(s, NULL, 3, out, &n));
		IS(OPERATION_NOT_INITIALIZED, C_DecryptFinal(s, out, &n));
		IS(OK, C_DecryptInit(s, all[i].m, key));
		IS(ARGUMENTS_BAD, C_DecryptFinal(s, out, NULL));
		IS(OPERATION_NOT_INITIALIZED, C_DecryptFinal(s, out, &n));
	}
	p11_over();
}

static void different_operations_run_together_and_the_same_does_not(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_BYTE out[80];
	CK_ULONG n = sizeof out;

	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(OPERATION_ACTIVE, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key));
	IS(OK, C_DigestInit(s, &sha256));
	IS(OPERATION_ACTIVE, C_DigestInit(s, &sha256));
	IS(OK, C_FindObjectsInit(s, NULL, 0));
	IS(OK, C_Sign(s, data, DATA_N, out, &n));
	IS(OK, C_Verify(s, data, DATA_N, out, n));
	IS(OK, C_DigestInit(s, NULL)); /* 3.0: ends it */
	IS(OPERATION_NOT_INITIALIZED, C_DigestFinal(s, out, &n));
	IS(ARGUMENTS_BAD, C_DigestInit(s, NULL));
	IS(KEY_HANDLE_INVALID, C_SignInit(s, &ecdsa, NO_HANDLE));
	IS(OPERATION_NOT_INITIALIZED, C_Sign(s, data, DATA_N, out, &n)); /* a failed Init leaves none */
	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_SessionCancel(s, CKF_SIGN));
	IS(OPERATION_NOT_INITIALIZED, C_Sign(s, data, DATA_N, out, &n));
	IS(OK, C_DigestUpdate(s, data, 1)); /* the others go on */
	IS(OK, C_SessionCancel(s, CKF_DIGEST | CKF_FIND_OBJECTS));
	IS(OPERATION_NOT_INITIALIZED, C_GetOperationState(s, NULL, &n));
	p11_over();
}

static void an_init_is_checked_in_the_order_of_the_standard(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_OBJECT_HANDLE aes = aes_of(s);
	CK_BYTE iv[12] = { 0 };
	CK_GCM_PARAMS g = gcm_params(iv, 128);
	CK_MECHANISM gcm = { CKM_AES_GCM, &g, sizeof g }, ccm = { CKM_AES_CCM, NULL, 0 };
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA384, CKG_MGF1_SHA256, 32 };
	CK_MECHANISM bad = { CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss };

	IS(SESSION_HANDLE_INVALID, C_EncryptInit(NO_HANDLE, &ccm, NO_HANDLE));
	IS(MECHANISM_INVALID, C_EncryptInit(s, &ccm, NO_HANDLE));
	IS(MECHANISM_INVALID, C_EncryptInit(s, &ecdsa, p.key));
	IS(MECHANISM_INVALID, C_SignInit(s, &sha256, p.key));
	g.ulIvLen = 11;
	IS(MECHANISM_PARAM_INVALID, C_EncryptInit(s, &gcm, NO_HANDLE));
	g = gcm_params(iv, 64);
	IS(MECHANISM_PARAM_INVALID, C_EncryptInit(s, &gcm, NO_HANDLE));
	g = gcm_params(NULL, 128);
	IS(MECHANISM_PARAM_INVALID, C_EncryptInit(s, &gcm, NO_HANDLE));
	IS(MECHANISM_PARAM_INVALID, C_SignInit(s, &bad, NO_HANDLE)); /* its own digest is another */
	bad.pParameter = NULL;
	IS(MECHANISM_PARAM_INVALID, C_SignInit(s, &bad, NO_HANDLE));
	g = gcm_params(iv, 128);
	IS(KEY_HANDLE_INVALID, C_EncryptInit(s, &gcm, NO_HANDLE));
	IS(KEY_TYPE_INCONSISTENT, C_EncryptInit(s, &gcm, p.key));
	IS(KEY_TYPE_INCONSISTENT, C_SignInit(s, &ecdsa, p.public_key));
	IS(KEY_TYPE_INCONSISTENT, C_VerifyInit(s, &ecdsa, p.key));
	IS(KEY_TYPE_INCONSISTENT, C_SignInit(s, &ecdsa, aes));
	IS(OK, C_EncryptInit(s, &gcm, aes));
	p11_over();
}

static void a_key_that_may_not_is_refused_at_the_init(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_BYTE iv[12] = { 0 };
	CK_GCM_PARAMS g = gcm_params(iv, 128);
	CK_MECHANISM gcm = { CKM_AES_GCM, &g, sizeof g }, make = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG n = 16;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VALUE_LEN, &n, sizeof n }, { CKA_ENCRYPT, &yes, 1 } };
	CK_OBJECT_HANDLE key = 0;

	IS(OK, C_GenerateKey(s, &make, t, 3, &key));
	IS(OK, C_EncryptInit(s, &gcm, key));
	IS(KEY_FUNCTION_NOT_PERMITTED, C_DecryptInit(s, &gcm, key));
	IS(OK, C_DestroyObject(s, key));
	IS(KEY_HANDLE_INVALID, C_DecryptInit(s, &gcm, key));
	p11_over();
}

static void data_in_parts_gives_what_one_part_gives(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_MECHANISM plain = { CKM_ECDSA, NULL, 0 };
	CK_BYTE out[80], digest[32];
	CK_ULONG n = sizeof out, d = sizeof digest;

	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_SignUpdate(s, data, 5));
	IS(OK, C_SignUpdate(s, NULL, 0));
	IS(OK, C_SignUpdate(s, data + 5, DATA_N - 5));
	IS(OK, C_SignFinal(s, NULL, &n));
	IS(OK, C_SignFinal(s, out, &n));
	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key)); /* what was hashed here, in one part by the HSM, */
	IS(OK, C_Verify(s, data, DATA_N, out, n));
	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key)); /* in parts, */
	IS(OK, C_VerifyUpdate(s, data, 20));
	IS(OK, C_VerifyUpdate(s, data + 20, DATA_N - 20));
	IS(OK, C_VerifyFinal(s, out, n));
	IS(OK, C_DigestInit(s, &sha256)); /* and by its digest */
	IS(OK, C_Digest(s, data, DATA_N, digest, &d));
	IS(OK, C_VerifyInit(s, &plain, p.public_key));
	IS(OK, C_VerifyUpdate(s, digest, 16));
	IS(OK, C_VerifyUpdate(s, digest + 16, 16));
	IS(OK, C_VerifyFinal(s, out, n));
	p11_over();
}

static void rsa_signatures_in_parts_carry_their_prefix(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_MECHANISM make = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA384, CKG_MGF1_SHA384, 48 };
	CK_MECHANISM m[] = { { CKM_SHA1_RSA_PKCS, NULL, 0 }, { CKM_SHA224_RSA_PKCS, NULL, 0 },
		{ CKM_SHA256_RSA_PKCS, NULL, 0 }, { CKM_SHA384_RSA_PKCS, NULL, 0 }, { CKM_SHA512_RSA_PKCS, NULL, 0 },
		{ CKM_SHA384_RSA_PKCS_PSS, &pss, sizeof pss } };
	CK_ULONG bits = 2048, n;
	CK_ATTRIBUTE public_t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_MODULUS_BITS, &bits, sizeof bits } };
	CK_OBJECT_HANDLE key = 0, public_key = 0;
	CK_BYTE out[256];

	IS(OK, C_GenerateKeyPair(s, &make, public_t, 2, public_t, 1, &public_key, &key));
	for (size_t i = 0; i < HL_COUNT(m); i++) {
		n = sizeof out;
		IS(OK, C_SignInit(s, &m[i], key));
		IS(OK, C_SignUpdate(s, data, DATA_N));
		IS(OK, C_SignFinal(s, out, &n));
		CU_ASSERT_EQUAL(n, 256);
		IS(OK, C_VerifyInit(s, &m[i], public_key));
		IS(OK, C_Verify(s, data, DATA_N, out, n));
	}
	IS(OK, C_SignInit(s, &(CK_MECHANISM){ CKM_RSA_PKCS, NULL, 0 }, key));
	IS(DATA_LEN_RANGE, C_Sign(s, out, 246, out, &n));
	IS(OK, C_DestroyObject(s, key));
	IS(OK, C_DestroyObject(s, public_key));
	p11_over();
}

static void digests_are_those_of_the_library(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		const char *name;
	} all[] = { { CKM_MD5, "MD5" }, { CKM_RIPEMD160, "RIPEMD160" }, { CKM_SHA_1, "SHA1" }, { CKM_SHA224, "SHA224" }, { CKM_SHA256, "SHA256" },
		{ CKM_SHA384, "SHA384" }, { CKM_SHA512, "SHA512" }, { CKM_SHA3_224, "SHA3-224" }, { CKM_SHA3_256, "SHA3-256" },
		{ CKM_SHA3_384, "SHA3-384" }, { CKM_SHA3_512, "SHA3-512" } };
	CK_SESSION_HANDLE s;
	CK_BYTE got[64], want[64];
	size_t want_n;

	IS(OK, C_Initialize(NULL));
	s = open_session(RO); /* without a login */
	for (size_t i = 0; i < HL_COUNT(all); i++) {
		CK_ULONG n = sizeof got;

		IS(OK, C_DigestInit(s, &(CK_MECHANISM){ all[i].type, NULL, 0 }));
		IS(OK, C_DigestUpdate(s, data, 3));
		IS(OK, C_DigestUpdate(s, data + 3, DATA_N - 3));
		IS(OK, C_DigestFinal(s, got, &n));
		CU_ASSERT_EQUAL(EVP_Q_digest(NULL, all[i].name, NULL, data, DATA_N, want, &want_n), 1);
		CU_ASSERT(n == want_n && memcmp(got, want, n) == 0);
	}
	IS(MECHANISM_PARAM_INVALID, C_DigestInit(s, &(CK_MECHANISM){ CKM_SHA256, data, 1 }));
	p11_over();
}

static void empty_data_without_a_pointer_is_legal(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_BYTE iv[12] = { 1 }, out[80];
	CK_GCM_PARAMS g = gcm_params(iv, 128);
	CK_MECHANISM gcm = { CKM_AES_GCM, &g, sizeof g };
	CK_ULONG n = sizeof out;

	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_Digest(s, NULL, 0, out, &n));
	CU_ASSERT(out[0] == 0xe3 && out[31] == 0x55);
	n = sizeof out;
	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_Sign(s, NULL, 0, out, &n));
	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key));
	IS(OK, C_Verify(s, NULL, 0, out, n));
	n = sizeof out;
	IS(OK, C_EncryptInit(s, &gcm, aes_of(s)));
	IS(OK, C_Encrypt(s, NULL, 0, out, &n));
	CU_ASSERT_EQUAL(n, 16); /* the tag */
	p11_over();
}

static void aes_gcm_encrypts_whole_and_in_parts_and_tells_nothing_of_what_was_changed(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key = aes_of(s);
	CK_BYTE iv[12] = { 2 }, out[80], clear[80];
	CK_GCM_PARAMS g = gcm_params(iv, 128);
	CK_MECHANISM gcm = { CKM_AES_GCM, &g, sizeof g };
	CK_ULONG n = 0, m = sizeof clear;

	IS(OK, C_EncryptInit(s, &gcm, key));
	IS(OK, C_Encrypt(s, data, DATA_N, NULL, &n));
	CU_ASSERT_EQUAL(n, DATA_N + 16);
	n = DATA_N + 15;
	IS(BUFFER_TOO_SMALL, C_Encrypt(s, data, DATA_N, out, &n));
	IS(OK, C_Encrypt(s, data, DATA_N, out, &n));
	IS(OK, C_DecryptInit(s, &gcm, key));
	IS(OK, C_DecryptUpdate(s, out, 10, clear, &m));
	CU_ASSERT_EQUAL(m, 0); /* nothing before the tag was seen */
	m = sizeof clear;
	IS(OK, C_DecryptUpdate(s, out + 10, n - 10, clear, &m));
	m = 3;
	IS(BUFFER_TOO_SMALL, C_DecryptFinal(s, clear, &m));
	CU_ASSERT_EQUAL(m, DATA_N);
	IS(OK, C_DecryptFinal(s, clear, &m));
	CU_ASSERT(m == DATA_N && memcmp(clear, data, m) == 0);
	out[0] ^= 1;
	IS(OK, C_DecryptInit(s, &gcm, key));
	m = sizeof clear;
	IS(ENCRYPTED_DATA_INVALID, C_Decrypt(s, out, n, clear, &m));
	IS(OPERATION_NOT_INITIALIZED, C_Decrypt(s, out, n, clear, &m));
	IS(OK, C_DecryptInit(s, &gcm, key));
	IS(ENCRYPTED_DATA_LEN_RANGE, C_Decrypt(s, out, 15, clear, &m));
	p11_over();
}

static void a_signature_of_another_length_is_told_from_a_wrong_one(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_BYTE out[66] = { 1 };

	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key));
	IS(SIGNATURE_INVALID, C_Verify(s, data, DATA_N, out, 62)); /* halves may be short */
	for (CK_ULONG n = 0; n <= sizeof out; n += n == 0 ? 63 : 3) {
		IS(OK, C_VerifyInit(s, &ecdsa, p.public_key));
		IS(SIGNATURE_LEN_RANGE, C_Verify(s, data, DATA_N, out, n));
	}
	p11_over();
}

static void more_than_a_message_holds_is_hashed_here(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_ULONG big = (1u << 20) + 1, n = 64;
	CK_BYTE *much = calloc(1, big), out[64], random[70000];
	CK_MECHANISM plain = { CKM_ECDSA, NULL, 0 };

	IS(OK, C_GenerateRandom(s, random, sizeof random));
	CU_ASSERT(memcmp(random, random + 65536, 64) != 0);
	IS(OK, C_GenerateRandom(s, NULL, 0));
	IS(ARGUMENTS_BAD, C_GenerateRandom(s, NULL, 1));
	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_Sign(s, much, big, out, &n));
	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key));
	IS(OK, C_Verify(s, much, big, out, n));
	IS(OK, C_SignInit(s, &plain, p.key));
	IS(DATA_LEN_RANGE, C_Sign(s, much, big, out, &n));
	free(much);
	p11_over();
}

/* clang-format off */
static CU_TestInfo tests[] = {
	TEST(lengths_are_told_twice_over_and_cost_nothing),
	TEST(any_other_error_ends_an_operation),
	TEST(whatever_an_error_it_ends_the_operation),
	TEST(different_operations_run_together_and_the_same_does_not),
	TEST(an_init_is_checked_in_the_order_of_the_standard),
	TEST(a_key_that_may_not_is_refused_at_the_init),
	TEST(data_in_parts_gives_what_one_part_gives),
	TEST(rsa_signatures_in_parts_carry_their_prefix),
	TEST(digests_are_those_of_the_library),
	TEST(empty_data_without_a_pointer_is_legal),
	TEST(aes_gcm_encrypts_whole_and_in_parts_and_tells_nothing_of_what_was_changed),
	TEST(a_signature_of_another_length_is_told_from_a_wrong_one),
	TEST(more_than_a_message_holds_is_hashed_here),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

int main(void)
{
	return p11_world_main("pkcs11 operations", tests, NULL);
}
