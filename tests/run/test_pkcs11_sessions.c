/* Sessions and logins of the PKCS#11 provider, and what its log tells of them. */
#include "tests/support/p11_world.h"

static CK_BYTE data[] = "what is signed, hashed and encrypted here";
#define DATA_N (sizeof data - 1)

/* -- sessions and logins ------------------------------------------------------------------------------------------------ */

static void sessions_are_serial_and_closed_ones_are_unknown(void)
{
	CK_SESSION_HANDLE s, t;
	CK_SESSION_INFO info;

	IS(OK, C_Initialize(NULL));
	IS(SESSION_PARALLEL_NOT_SUPPORTED, C_OpenSession(P11_SLOT, CKF_RW_SESSION, NULL, NULL, &s));
	IS(ARGUMENTS_BAD, C_OpenSession(P11_SLOT, RW, NULL, NULL, NULL));
	s = open_session(RW);
	expect_state(s, CKS_RW_PUBLIC_SESSION);
	IS(ARGUMENTS_BAD, C_GetSessionInfo(s, NULL));
	IS(OK, C_CloseSession(s));
	IS(SESSION_HANDLE_INVALID, C_CloseSession(s));
	IS(SESSION_HANDLE_INVALID, C_GetSessionInfo(s, &info));
	IS(SESSION_HANDLE_INVALID, C_FindObjectsInit(s, NULL, 0));
	IS(SESSION_HANDLE_INVALID, C_GenerateRandom(s, data, 1));
	IS(SESSION_HANDLE_INVALID, C_MessageSignInit(s, &ecdsa, 1));
	IS(SESSION_HANDLE_INVALID, C_GetSessionInfo(0, &info));
	t = open_session(RW);
	CU_ASSERT_NOT_EQUAL(s, t); /* not used again at once */
	p11_over();
	IS(OK, C_Initialize(NULL));
	IS(SESSION_HANDLE_INVALID, C_GetSessionInfo(t, &info));
	CU_ASSERT_NOT_EQUAL(open_session(RW), t);
	p11_over();
}

static void closing_all_sessions_is_of_one_slot(void)
{
	CK_SESSION_HANDLE a, b = 0;

	IS(OK, C_Initialize(NULL));
	a = open_session(RW);
	IS(OK, C_OpenSession(7, RW, NULL, NULL, &b));
	IS(OK, C_CloseAllSessions(P11_SLOT));
	IS(SESSION_HANDLE_INVALID, C_CloseSession(a));
	IS(OK, C_CloseSession(b));
	p11_over();
}

static void a_login_is_everybodys_and_ends_with_the_last_session(void)
{
	CK_SESSION_HANDLE ro, rw, late;

	IS(OK, C_Initialize(NULL));
	ro = open_session(RO);
	rw = open_session(RW);
	expect_state(ro, CKS_RO_PUBLIC_SESSION);
	IS(OK, C_Login(ro, CKU_USER, pin(), pin_n()));
	expect_state(ro, CKS_RO_USER_FUNCTIONS);
	expect_state(rw, CKS_RW_USER_FUNCTIONS);
	late = open_session(RO);
	expect_state(late, CKS_RO_USER_FUNCTIONS);
	IS(USER_ALREADY_LOGGED_IN, C_Login(rw, CKU_USER, pin(), pin_n()));
	IS(USER_ANOTHER_ALREADY_LOGGED_IN, C_Login(rw, CKU_SO, pin(), pin_n()));
	IS(OK, C_CloseSession(ro));
	IS(OK, C_CloseSession(rw));
	expect_state(late, CKS_RO_USER_FUNCTIONS);
	IS(OK, C_CloseSession(late));
	late = open_session(RO);
	expect_state(late, CKS_RO_PUBLIC_SESSION);
	IS(USER_NOT_LOGGED_IN, C_Logout(late));
	IS(OK, C_Login(late, CKU_USER, pin(), pin_n()));
	IS(OK, C_CloseAllSessions(P11_SLOT));
	late = open_session(RO);
	expect_state(late, CKS_RO_PUBLIC_SESSION);
	p11_over();
}

static void logins_are_checked_and_wrong_pins_show_in_the_flags(void)
{
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO t;
	CK_BYTE lengthy[33] = "123456789012345678901234567890123";

	IS(OK, C_Initialize(NULL));
	s = open_session(RW);
	IS(USER_TYPE_INVALID, C_Login(s, 3, pin(), pin_n()));
	IS(ARGUMENTS_BAD, C_Login(s, CKU_USER, NULL, 4));
	IS(ARGUMENTS_BAD, C_Login(s, CKU_USER, NULL, 0));
	IS(PIN_LEN_RANGE, C_Login(s, CKU_USER, lengthy, 33));
	IS(PIN_INCORRECT, C_Login(s, CKU_USER, pin(), 0));
	IS(FUNCTION_NOT_SUPPORTED, C_Login(s, CKU_SO, pin(), pin_n()));
	IS(OPERATION_NOT_INITIALIZED, C_Login(s, CKU_CONTEXT_SPECIFIC, pin(), pin_n()));
	IS(PIN_INCORRECT, C_Login(s, CKU_USER, pin(), pin_n() - 1));
	expect_state(s, CKS_RW_PUBLIC_SESSION);
	IS(OK, C_GetTokenInfo(P11_SLOT, &t));
	CU_ASSERT_EQUAL(t.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED),
		CKF_USER_PIN_COUNT_LOW);
	IS(OK, C_LoginUser(s, CKU_USER, pin(), pin_n(), NULL, 0));
	IS(OK, C_GetTokenInfo(P11_SLOT, &t));
	CU_ASSERT_EQUAL(t.flags & CKF_USER_PIN_COUNT_LOW, 0);
	open_session(RO);
	IS(OK, C_Logout(s));
	IS(SESSION_READ_ONLY_EXISTS, C_Login(s, CKU_SO, pin(), pin_n()));
	p11_over();
}

static void a_logout_hides_private_objects_and_ends_what_uses_them(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s), later;
	CK_BYTE signature[64];
	CK_ULONG n = sizeof signature;

	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_DigestInit(s, &sha256));
	IS(OK, C_Logout(s));
	IS(OPERATION_NOT_INITIALIZED, C_Sign(s, data, DATA_N, signature, &n));
	IS(OK, C_DigestUpdate(s, data, DATA_N)); /* nothing private in it */
	IS(OBJECT_HANDLE_INVALID, C_GetObjectSize(s, p.key, &n));
	IS(KEY_HANDLE_INVALID, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_GetObjectSize(s, p.public_key, &n));
	CU_ASSERT_EQUAL(p11_find(s, "shared", &later.key, 1), 1);
	CU_ASSERT_EQUAL(later.key, p.public_key); /* all that is left, by its old handle */
	IS(OK, C_Login(s, CKU_USER, pin(), pin_n()));
	later = pair_of(s);
	CU_ASSERT_NOT_EQUAL(later.key, p.key);
	IS(KEY_HANDLE_INVALID, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_SignInit(s, &ecdsa, later.key));
	p11_over();
}

/* -- the log ------------------------------------------------------------------------------------------------------------------- */

static void the_log_tells_calls_and_their_ends_and_no_pin(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	int lines = p11_logged(&client, "- 3 - C_GetSlotInfo() - rv: 0xe0");
	CK_SLOT_INFO info;

	CU_ASSERT(s != 0);
	IS(TOKEN_NOT_PRESENT, C_GetSlotInfo(3, &info));
	CU_ASSERT_EQUAL(p11_logged(&client, "- 3 - C_GetSlotInfo() - rv: 0xe0"), lines + 1);
	CU_ASSERT(p11_logged(&client, "- 5 - C_Initialize() - rv: 0x0") > 0);
	CU_ASSERT(p11_logged(&client, "- 6 - C_Login() - hSession=") > 0);
	CU_ASSERT(p11_logged(&client, "pPin=***") > 0);
	CU_ASSERT(p11_logged(&client, "HSM_message() - sent login") > 0);
	CU_ASSERT(p11_logged(&client, "connectHSM() - Connected to HSM (slot: 0), connection ") > 0);
	CU_ASSERT(p11_logged(&client, "rv: 0x8000000b") > 0); /* a wrong PIN of another test */
	CU_ASSERT_EQUAL(p11_logged(&client, acme.pin), 0);
	p11_over();
}

/* The last test: nobody logs in after it. */
static void a_hundred_wrong_pins_lock_the_pin(void)
{
	CK_BYTE wrong[] = "wrong";
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO t;

	IS(OK, C_Initialize(NULL));
	s = open_session(RW);
	for (int i = 0; i < 99; i++)
		IS(PIN_INCORRECT, C_Login(s, CKU_USER, wrong, 5));
	IS(OK, C_GetTokenInfo(P11_SLOT, &t));
	CU_ASSERT(t.flags & CKF_USER_PIN_COUNT_LOW && t.flags & CKF_USER_PIN_FINAL_TRY);
	CU_ASSERT_FALSE(t.flags & CKF_USER_PIN_LOCKED);
	IS(PIN_INCORRECT, C_Login(s, CKU_USER, wrong, 5));
	IS(PIN_LOCKED, C_Login(s, CKU_USER, pin(), pin_n()));
	IS(OK, C_GetTokenInfo(P11_SLOT, &t));
	CU_ASSERT(t.flags & CKF_USER_PIN_LOCKED);
	expect_state(s, CKS_RW_PUBLIC_SESSION);
	p11_over();
}

/* What a security officer does is not offered here (the lab has it); a session that reads is told that first. */
static void pins_are_not_set_here(void)
{
	CK_SESSION_HANDLE rw, ro;

	IS(OK, C_Initialize(NULL));
	rw = open_session(RW);
	ro = open_session(RO);
	IS(SESSION_READ_ONLY, C_SetPIN(ro, pin(), pin_n(), pin(), pin_n()));
	IS(FUNCTION_NOT_SUPPORTED, C_SetPIN(rw, pin(), pin_n(), pin(), pin_n()));
	IS(ARGUMENTS_BAD, C_SetPIN(rw, NULL, 4, pin(), pin_n()));
	IS(FUNCTION_NOT_SUPPORTED, C_InitPIN(rw, pin(), pin_n()));
	p11_over();
}

/* clang-format off */
static CU_TestInfo tests[] = {
	TEST(sessions_are_serial_and_closed_ones_are_unknown),
	TEST(closing_all_sessions_is_of_one_slot),
	TEST(a_login_is_everybodys_and_ends_with_the_last_session),
	TEST(logins_are_checked_and_wrong_pins_show_in_the_flags),
	TEST(a_logout_hides_private_objects_and_ends_what_uses_them),
	TEST(pins_are_not_set_here),
	TEST(the_log_tells_calls_and_their_ends_and_no_pin),
	TEST(a_hundred_wrong_pins_lock_the_pin),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

int main(void)
{
	return p11_world_main("pkcs11 sessions", tests, p11_world_more_slots);
}
