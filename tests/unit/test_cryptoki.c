/* The header of the PKCS#11 interface: what is fixed by the standard and by how C lays structures out. */
#include <stddef.h>

#include "client/pkcs11/module.h"
#include "tests/support/test.h"

#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member)
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define L sizeof(CK_ULONG)
#define P sizeof(void *)

/* Natural alignment: nothing is packed. */
SIZE(CK_VERSION, 2);
AT(CK_INFO, flags, 34 + (L - 34 % L) % L);
AT(CK_SLOT_INFO, flags, 96);
AT(CK_SLOT_INFO, hardwareVersion, 96 + L);
AT(CK_TOKEN_INFO, flags, 96);
AT(CK_TOKEN_INFO, hardwareVersion, 96 + 11 * L);
AT(CK_TOKEN_INFO, utcTime, 96 + 11 * L + 4);
SIZE(CK_SESSION_INFO, 4 * L);
SIZE(CK_ATTRIBUTE, 2 * L + P);
SIZE(CK_MECHANISM, 2 * L + P);
SIZE(CK_MECHANISM_INFO, 3 * L);
SIZE(CK_DATE, 8);
SIZE(CK_C_INITIALIZE_ARGS, 5 * P + L);
SIZE(CK_INTERFACE, 2 * P + L);
SIZE(CK_RSA_PKCS_PSS_PARAMS, 3 * L);
SIZE(CK_RSA_PKCS_OAEP_PARAMS, 4 * L + P);
SIZE(CK_ECDH1_DERIVE_PARAMS, 3 * L + 2 * P);
AT(CK_EDDSA_PARAMS, ulContextDataLen, L);
SIZE(CK_GCM_PARAMS, 4 * L + 2 * P);
AT(CK_GCM_PARAMS, pAAD, P + 2 * L);
SIZE(CK_GCM_MESSAGE_PARAMS, 4 * L + 2 * P);
SIZE(CK_CCM_PARAMS, 4 * L + 2 * P);
SIZE(CK_AES_CTR_PARAMS, L + 16);
SIZE(CK_AES_CBC_ENCRYPT_DATA_PARAMS, 16 + P + L);
SIZE(CK_CHACHA20_PARAMS, 2 * L + 2 * P);
SIZE(CK_SALSA20_CHACHA20_POLY1305_PARAMS, 2 * L + 2 * P);
SIZE(CK_KEY_DERIVATION_STRING_DATA, P + L);
SIZE(CK_SP800_108_KDF_PARAMS, 3 * L + 2 * P);
SIZE(CK_SP800_108_FEEDBACK_KDF_PARAMS, 4 * L + 3 * P);
SIZE(CK_PKCS5_PBKD2_PARAMS2, 6 * L + 3 * P);
/* 68 functions in the list of 2.40, 92 in that of 3.0, each behind the version. */
SIZE(CK_FUNCTION_LIST, P + 68 * P);
SIZE(CK_FUNCTION_LIST_3_0, P + 92 * P);
AT(CK_FUNCTION_LIST, C_GetFunctionList, 4 * P);
AT(CK_FUNCTION_LIST, C_WaitForSlotEvent, 68 * P);
AT(CK_FUNCTION_LIST_3_0, C_WaitForSlotEvent, 68 * P);
AT(CK_FUNCTION_LIST_3_0, C_MessageVerifyFinal, 92 * P);

/* What crosses the wire has one number on both sides. */
#define SAME(name) _Static_assert((CK_ULONG)HL_##name == name, #name)
SAME(CKO_SECRET_KEY);
SAME(CKK_AES);
SAME(CKK_EC_EDWARDS);
SAME(CKA_UNIQUE_ID);
SAME(CKA_PUBLIC_KEY_INFO);
SAME(CKA_EC_POINT);
SAME(CKM_SHA224_RSA_PKCS_PSS);
SAME(CKM_EDDSA);
SAME(CKM_AES_GCM);
SAME(CKM_AES_GMAC);
SAME(CKM_DES3_CMAC);
SAME(CKM_DSA_SHA3_224);
SAME(CKM_CHACHA20_POLY1305);
SAME(CKK_POLY1305);
SAME(CKG_MGF1_SHA224);
SAME(CKF_ENCRYPT);
SAME(CKF_DECRYPT);
SAME(CKF_SIGN);
SAME(CKF_VERIFY);
SAME(CKF_GENERATE);
SAME(CKF_GENERATE_KEY_PAIR);
SAME(CKF_EC_F_P);
SAME(CKF_EC_NAMEDCURVE);
SAME(CKF_EC_UNCOMPRESS);

/* -- return values ----------------------------------------------------------------------------------------------- */

static void every_error_has_a_return_value_and_a_number_for_the_log(void)
{
	unsigned n;
	const struct hl_err_row *row = hl_err_rows(&n);

	for (unsigned i = 0; i < n; i++) {
		uint32_t log = 1;
		CK_RV rv = p11_ckr(row[i].code, HL_STEP_HELLO, &log);

		CU_ASSERT_STRING_NOT_EQUAL(p11_ckr_name(rv), "CKR_?");
		CU_ASSERT_EQUAL(rv == CKR_OK, row[i].code == HL_OK);
		CU_ASSERT_EQUAL(log == 0, row[i].code == HL_OK);
		/* HL_E_BUG's row is also that of an error that the table does not know. */
		if (rv == CKR_GENERAL_ERROR && log == CKR_GENERAL_ERROR)
			CU_ASSERT(row[i].exit_code == 70 || row[i].exit_code == 73 || row[i].exit_code == 74);
	}
}

static void a_silent_peer_is_no_token_before_the_channel_and_a_broken_device_after(void)
{
	CU_ASSERT_EQUAL(p11_ckr(HL_E_TIMEOUT, HL_STEP_HELLO, NULL), CKR_TOKEN_NOT_PRESENT);
	CU_ASSERT_EQUAL(p11_ckr(HL_E_TIMEOUT, HL_STEP_OPEN, NULL), CKR_DEVICE_ERROR);
	CU_ASSERT_EQUAL(p11_ckr(HL_E_CLOSED, HL_STEP_PROVED, NULL), CKR_TOKEN_NOT_PRESENT);
	CU_ASSERT_EQUAL(p11_ckr(HL_E_CLOSED, HL_STEP_OPEN, NULL), CKR_DEVICE_ERROR);
}

static void return_values_have_names_and_none_twice(void)
{
#define NAMED(name, value) \
	CU_ASSERT_STRING_EQUAL(p11_ckr_name(CKR_##name), "CKR_" #name);
	CK_RETURN_VALUES(NAMED)
	CU_ASSERT_STRING_EQUAL(p11_ckr_name(0x80000001), "CKR_?");
}

static CU_TestInfo tests[] = {
	{ "every error has a return value and a number for the log",
		every_error_has_a_return_value_and_a_number_for_the_log },
	{ "a silent peer is no token before the channel and a broken device after",
		a_silent_peer_is_no_token_before_the_channel_and_a_broken_device_after },
	{ "return values have names and none twice", return_values_have_names_and_none_twice },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("cryptoki", tests)
