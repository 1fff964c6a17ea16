/* Messages of version 3.0: one Init, then any number of messages, each with a parameter of its own. */
#include "tests/support/p11_world.h"

static CK_BYTE data[] = "what is signed, hashed and encrypted here";
#define DATA_N (sizeof data - 1)

/* -- version 3.0 -------------------------------------------------------------------------------------------------------------- */

static void messages_get_an_iv_and_a_tag_each(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key = aes_of(s);
	CK_MECHANISM gcm = { CKM_AES_GCM, NULL, 0 };
	CK_BYTE iv[2][12] = { { 0 } }, tag[16], out[80], clear[80];
	CK_GCM_MESSAGE_PARAMS g = { iv[0], 12, 0, CKG_GENERATE, tag, 128 };
	CK_ULONG n = sizeof out, m = sizeof clear;

	IS(OPERATION_NOT_INITIALIZED, C_MessageEncryptFinal(s));
	IS(OK, C_MessageEncryptInit(s, &gcm, key));
	IS(OPERATION_ACTIVE, C_MessageEncryptInit(s, &gcm, key));
	IS(OK, C_MessageDecryptInit(s, &gcm, key));
	for (int i = 0; i < 2; i++) {
		g.pIv = iv[i];
		g.ivGenerator = CKG_GENERATE;
		n = sizeof out;
		IS(OK, C_EncryptMessage(s, &g, sizeof g, data, 5, data, DATA_N, out, &n));
		CU_ASSERT_EQUAL(n, DATA_N);
		g.ivGenerator = CKG_NO_GENERATE;
		m = sizeof clear;
		IS(OK, C_DecryptMessage(s, &g, sizeof g, data, 5, out, n, clear, &m));
		CU_ASSERT(m == DATA_N && memcmp(clear, data, m) == 0);
		IS(AEAD_DECRYPT_FAILED, C_DecryptMessage(s, &g, sizeof g, data, 6, out, n, clear, &m));
	}
	CU_ASSERT(memcmp(iv[0], iv[1], 12) != 0);
	IS(MECHANISM_PARAM_INVALID, C_EncryptMessage(s, &g, sizeof g - 1, data, 5, data, DATA_N, out, &n));
	IS(OK, C_MessageEncryptFinal(s));
	IS(OPERATION_NOT_INITIALIZED, C_EncryptMessage(s, &g, sizeof g, data, 5, data, DATA_N, out, &n));
	IS(OK, C_SessionCancel(s, CKF_MESSAGE_DECRYPT));
	IS(OPERATION_NOT_INITIALIZED, C_MessageDecryptFinal(s));
	p11_over();
}

static void a_message_in_parts_ends_where_it_is_said_to(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key = aes_of(s);
	CK_MECHANISM gcm = { CKM_AES_GCM, NULL, 0 };
	CK_BYTE iv[12] = { 0 }, tag[16], out[80], clear[80];
	CK_GCM_MESSAGE_PARAMS g = { iv, 12, 0, CKG_GENERATE_RANDOM, tag, 128 };
	CK_ULONG n = sizeof out, m = sizeof clear;

	IS(OK, C_MessageEncryptInit(s, &gcm, key));
	IS(OPERATION_NOT_INITIALIZED, C_EncryptMessageNext(s, &g, sizeof g, data, 4, out, &n, 0));
	IS(OK, C_EncryptMessageBegin(s, &g, sizeof g, data, 3));
	IS(OPERATION_ACTIVE, C_EncryptMessageBegin(s, &g, sizeof g, data, 3));
	IS(OK, C_EncryptMessageNext(s, &g, sizeof g, data, 4, out, &n, 0));
	CU_ASSERT_EQUAL(n, 0);
	n = 4;
	IS(BUFFER_TOO_SMALL, C_EncryptMessageNext(s, &g, sizeof g, data + 4, DATA_N - 4, out, &n, CKF_END_OF_MESSAGE));
	IS(OK, C_EncryptMessageNext(s, &g, sizeof g, data + 4, DATA_N - 4, out, &n, CKF_END_OF_MESSAGE));
	CU_ASSERT_EQUAL(n, DATA_N);
	IS(OK, C_MessageDecryptInit(s, &gcm, key));
	IS(OK, C_DecryptMessageBegin(s, &g, sizeof g, data, 3));
	IS(OK, C_DecryptMessageNext(s, &g, sizeof g, out, 7, clear, &m, 0));
	m = sizeof clear;
	IS(OK, C_DecryptMessageNext(s, &g, sizeof g, out + 7, n - 7, clear, &m, CKF_END_OF_MESSAGE));
	CU_ASSERT(m == DATA_N && memcmp(clear, data, m) == 0);
	p11_over();
}

static void messages_are_signed_and_verified_one_after_another(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;

	IS(OK, C_MessageSignInit(s, &ecdsa, p.key));
	IS(OK, C_MessageVerifyInit(s, &ecdsa, p.public_key));
	for (CK_ULONG i = 1; i < 4; i++) {
		n = sizeof out;
		IS(OK, C_SignMessage(s, NULL, 0, data, i, out, &n));
		IS(OK, C_VerifyMessage(s, NULL, 0, data, i, out, n));
		IS(SIGNATURE_INVALID, C_VerifyMessage(s, NULL, 0, data, i + 1, out, n));
	}
	IS(OK, C_SignMessageBegin(s, NULL, 0));
	IS(OPERATION_ACTIVE, C_SignMessage(s, NULL, 0, data, 1, out, &n));
	IS(OK, C_SignMessageNext(s, NULL, 0, data, 3, NULL, NULL));
	n = sizeof out;
	IS(OK, C_SignMessageNext(s, NULL, 0, data + 3, 4, out, &n));
	IS(OK, C_VerifyMessageBegin(s, NULL, 0));
	IS(OK, C_VerifyMessageNext(s, NULL, 0, data, 5, NULL, 0));
	IS(OK, C_VerifyMessageNext(s, NULL, 0, data + 5, 2, out, n));
	IS(OK, C_MessageSignFinal(s));
	IS(OK, C_MessageVerifyFinal(s));
	IS(OPERATION_NOT_INITIALIZED, C_MessageVerifyFinal(s));
	p11_over();
}

/* clang-format off */
static CU_TestInfo tests[] = {
	TEST(messages_get_an_iv_and_a_tag_each),
	TEST(a_message_in_parts_ends_where_it_is_said_to),
	TEST(messages_are_signed_and_verified_one_after_another),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

int main(void)
{
	return p11_world_main("pkcs11 messages", tests, NULL);
}
