/* What soft tokens let a security officer do, and suites for them expect: over PKCS#11, through a whole world, in the lab
 * profile. In the faithful one each of these functions is refused. */
#include <stdio.h>

#include "tests/support/p11.h"
#include "tests/support/test.h"

/* The function says so: IS(ARGUMENTS_BAD, C_GetInfo(NULL)) */
#define IS(code, call) CU_ASSERT_EQUAL(p11_f->call, CKR_##code)

#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)
#define RO CKF_SERIAL_SESSION

static struct live *w;
static struct live_account account;
static struct p11_client client;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* A PIN as two arguments. */
#define PIN(text) (CK_UTF8CHAR *)(uintptr_t)(text), strlen(text)
#define FIRST account.pin

static CK_UTF8CHAR *padded(const char *label)
{
	static CK_UTF8CHAR room[32];

	memset(room, ' ', sizeof room);
	memcpy(room, label, strlen(label));
	return room;
}

static CK_SESSION_HANDLE open_session(CK_FLAGS flags)
{
	CK_SESSION_HANDLE s = 0;

	IS(OK, C_OpenSession(P11_SLOT, flags, NULL, NULL, &s));
	return s;
}

static void expect_state(CK_SESSION_HANDLE s, CK_STATE state)
{
	CK_SESSION_INFO info = { 0 };

	IS(OK, C_GetSessionInfo(s, &info));
	CU_ASSERT_EQUAL(info.state, state);
}

static CK_TOKEN_INFO token(void)
{
	CK_TOKEN_INFO info = { 0 };

	IS(OK, C_GetTokenInfo(P11_SLOT, &info));
	return info;
}

static CK_ULONG objects(CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE h[16];
	CK_ULONG n = 0;

	IS(OK, C_FindObjectsInit(s, NULL, 0));
	IS(OK, C_FindObjects(s, h, 16, &n));
	IS(OK, C_FindObjectsFinal(s));
	return n - p11_profiles(s);
}

/* A partition of its own for each test. */
static void begin_as(const char *label, bool blank)
{
	static unsigned n;
	char user[32], partition[32], name[32];
	struct live_tenant tenant = { .tenant = "acme", .user = user, .partition = partition, .label = label, .blank = blank };

	n++;
	snprintf(user, sizeof user, "service%u", n);
	snprintf(partition, sizeof partition, "PART%u", n);
	snprintf(name, sizeof name, "client%u", n);
	CU_ASSERT_EQUAL_FATAL(live_provision(w, &tenant, &account), HL_OK);
	CU_ASSERT_FATAL(p11_client(w, name, &account, &client));
	IS(OK, C_Initialize(NULL));
}

static void begin(void)
{
	begin_as("test", false);
}

static CK_RV make_aes(CK_SESSION_HANDLE s, CK_BBOOL private, CK_BBOOL trusted, CK_OBJECT_HANDLE *out)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG n = 16;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VALUE_LEN, &n, sizeof n }, { CKA_PRIVATE, &private, 1 },
		{ CKA_TRUSTED, &trusted, 1 } };

	return p11_f->C_GenerateKey(s, &m, t, trusted ? 4 : 3, out);
}

/* -- faithful ------------------------------------------------------------------------------------------------------- */

static void in_the_faithful_profile_there_is_no_security_officer(void)
{
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO info;

	begin_as(NULL, false);
	IS(FUNCTION_NOT_SUPPORTED, C_InitToken(P11_SLOT, PIN(FIRST), padded("mine")));
	s = open_session(RW);
	IS(FUNCTION_NOT_SUPPORTED, C_InitToken(P11_SLOT, PIN(FIRST), padded("mine")));
	IS(FUNCTION_NOT_SUPPORTED, C_Login(s, CKU_SO, PIN(FIRST)));
	IS(FUNCTION_NOT_SUPPORTED, C_InitPIN(s, PIN("87654321")));
	IS(FUNCTION_NOT_SUPPORTED, C_SetPIN(s, PIN(FIRST), PIN("87654321")));
	IS(OK, C_Login(s, CKU_USER, PIN(FIRST)));
	IS(FUNCTION_NOT_SUPPORTED, C_SetPIN(s, PIN(FIRST), PIN("87654321")));
	IS(FUNCTION_NOT_SUPPORTED, C_InitPIN(s, PIN("87654321")));
	info = token();
	CU_ASSERT_EQUAL(memcmp(info.label, padded(account.partition), 32), 0);
	CU_ASSERT(info.flags & CKF_TOKEN_INITIALIZED);
	p11_over();
}

/* -- the token --------------------------------------------------------------------------------------------------------- */

static void a_lab_token_has_a_label_of_its_own(void)
{
	CK_TOKEN_INFO info;

	begin();
	info = token();
	CU_ASSERT_EQUAL(memcmp(info.label, padded("test"), 32), 0);
	CU_ASSERT((info.flags & CKF_TOKEN_INITIALIZED) && (info.flags & CKF_USER_PIN_INITIALIZED));
	CU_ASSERT_FALSE(info.flags & (CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_FINAL_TRY | CKF_SO_PIN_LOCKED));
	CU_ASSERT_EQUAL(info.ulMinPinLen, 4);
	CU_ASSERT_EQUAL(info.ulMaxPinLen, 32);
	p11_over();
}

static void a_token_is_initialised_by_who_knows_the_pin(void)
{
	CK_SESSION_HANDLE s;
	struct p11_pair pair;
	CK_TOKEN_INFO info;

	begin();
	s = open_session(RW);
	IS(OK, C_Login(s, CKU_USER, PIN(FIRST)));
	CU_ASSERT_EQUAL(p11_make_p256(s, "k", &pair), CKR_OK);
	IS(SESSION_EXISTS, C_InitToken(P11_SLOT, PIN(FIRST), padded("mine")));
	IS(OK, C_CloseAllSessions(P11_SLOT));
	IS(PIN_INCORRECT, C_InitToken(P11_SLOT, PIN("wrong"), padded("mine")));
	CU_ASSERT(token().flags & CKF_SO_PIN_COUNT_LOW);
	IS(PIN_INCORRECT, C_InitToken(P11_SLOT, PIN(""), padded("mine")));
	IS(PIN_LEN_RANGE, C_InitToken(P11_SLOT, PIN("123456789012345678901234567890123"), padded("mine")));
	IS(ARGUMENTS_BAD, C_InitToken(P11_SLOT, PIN(FIRST), NULL));
	IS(SLOT_ID_INVALID, C_InitToken(4711, PIN(FIRST), padded("mine")));
	IS(OK, C_InitToken(P11_SLOT, PIN(FIRST), padded("m\xc3\xbcller's token")));
	info = token();
	CU_ASSERT_EQUAL(memcmp(info.label, padded("m\xc3\xbcller's token"), 32), 0);
	CU_ASSERT(info.flags & CKF_TOKEN_INITIALIZED);
	CU_ASSERT_FALSE(info.flags & (CKF_USER_PIN_INITIALIZED | CKF_USER_PIN_LOCKED | CKF_SO_PIN_COUNT_LOW));
	s = open_session(RW);
	CU_ASSERT_EQUAL(objects(s), 0);
	IS(USER_PIN_NOT_INITIALIZED, C_Login(s, CKU_USER, PIN(FIRST)));
	IS(OK, C_Login(s, CKU_SO, PIN(FIRST)));
	IS(OK, C_InitPIN(s, PIN("1234")));
	IS(OK, C_Logout(s));
	IS(OK, C_Login(s, CKU_USER, PIN("1234")));
	CU_ASSERT_EQUAL(p11_make_p256(s, "k", &pair), CKR_OK);
	CU_ASSERT_EQUAL(objects(s), 2);
	p11_over();
}

static void a_blank_token_takes_the_pin_that_it_is_given(void)
{
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO info;

	begin_as("", true);
	info = token();
	CU_ASSERT_FALSE(info.flags & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED));
	IS(TOKEN_NOT_RECOGNIZED, C_OpenSession(P11_SLOT, RW, NULL, NULL, &s));
	IS(PIN_LEN_RANGE, C_InitToken(P11_SLOT, PIN("123"), padded("spare")));
	IS(OK, C_InitToken(P11_SLOT, PIN("officer's"), padded("spare")));
	CU_ASSERT(token().flags & CKF_TOKEN_INITIALIZED);
	IS(PIN_INCORRECT, C_InitToken(P11_SLOT, PIN("somebody's"), padded("theirs")));
	s = open_session(RW);
	IS(PIN_INCORRECT, C_Login(s, CKU_SO, PIN("somebody's")));
	IS(OK, C_Login(s, CKU_SO, PIN("officer's")));
	IS(OK, C_InitPIN(s, PIN("user's")));
	p11_over();
}

/* -- states -------------------------------------------------------------------------------------------------------------- */

static void a_security_officer_works_with_sessions_that_write(void)
{
	CK_SESSION_HANDLE s, reads, other;

	begin();
	s = open_session(RW);
	reads = open_session(RO);
	IS(SESSION_READ_ONLY_EXISTS, C_Login(s, CKU_SO, PIN(FIRST)));
	IS(SESSION_READ_ONLY_EXISTS, C_Login(reads, CKU_SO, PIN(FIRST)));
	IS(OK, C_CloseSession(reads));
	IS(PIN_INCORRECT, C_Login(s, CKU_SO, PIN("wrong")));
	expect_state(s, CKS_RW_PUBLIC_SESSION);
	IS(OK, C_Login(s, CKU_SO, PIN(FIRST)));
	expect_state(s, CKS_RW_SO_FUNCTIONS);
	IS(SESSION_READ_WRITE_SO_EXISTS, C_OpenSession(P11_SLOT, RO, NULL, NULL, &reads));
	other = open_session(RW);
	expect_state(other, CKS_RW_SO_FUNCTIONS);
	IS(USER_ALREADY_LOGGED_IN, C_Login(other, CKU_SO, PIN(FIRST)));
	IS(USER_ANOTHER_ALREADY_LOGGED_IN, C_Login(other, CKU_USER, PIN(FIRST)));
	IS(OK, C_Logout(other));
	expect_state(s, CKS_RW_PUBLIC_SESSION);
	IS(USER_NOT_LOGGED_IN, C_Logout(s));
	reads = open_session(RO);
	IS(OK, C_Login(reads, CKU_USER, PIN(FIRST)));
	IS(USER_ALREADY_LOGGED_IN, C_Login(s, CKU_USER, PIN(FIRST)));
	IS(USER_ANOTHER_ALREADY_LOGGED_IN, C_Login(s, CKU_SO, PIN(FIRST)));
	expect_state(reads, CKS_RO_USER_FUNCTIONS);
	IS(OK, C_CloseAllSessions(P11_SLOT));
	expect_state(s = open_session(RW), CKS_RW_PUBLIC_SESSION);
	IS(OK, C_Login(s, CKU_SO, PIN(FIRST)));
	IS(OK, C_CloseSession(s)); /* the login ends with the last of them */
	expect_state(open_session(RO), CKS_RO_PUBLIC_SESSION);
	p11_over();
}

static void a_security_officer_trusts_keys_and_uses_no_private_ones(void)
{
	CK_ATTRIBUTE trusted = { CKA_TRUSTED, &yes, 1 };
	CK_SESSION_HANDLE s;
	struct p11_pair pair;
	CK_OBJECT_HANDLE k, other;

	begin();
	s = open_session(RW);
	IS(OK, C_Login(s, CKU_USER, PIN(FIRST)));
	CU_ASSERT_EQUAL(p11_make_p256(s, "k", &pair), CKR_OK);
	CU_ASSERT_EQUAL(make_aes(s, no, no, &k), CKR_OK);
	CU_ASSERT_EQUAL(make_aes(s, no, yes, &other), CKR_ATTRIBUTE_READ_ONLY);
	IS(ATTRIBUTE_READ_ONLY, C_SetAttributeValue(s, k, &trusted, 1));
	IS(OK, C_Logout(s));
	IS(OK, C_Login(s, CKU_SO, PIN(FIRST)));
	CU_ASSERT_EQUAL(objects(s), 2); /* not the private half */
	CU_ASSERT_EQUAL(make_aes(s, yes, no, &other), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(p11_find(s, "k", &other, 1), 1);
	trusted.pValue = &yes;
	IS(OK, C_SetAttributeValue(s, k, &trusted, 1));
	CU_ASSERT_EQUAL(make_aes(s, no, yes, &other), CKR_OK);
	IS(OK, C_DestroyObject(s, other));
	p11_over();
}

/* -- PINs --------------------------------------------------------------------------------------------------------------------- */

static void the_users_pin_is_given_by_the_security_officer(void)
{
	CK_SESSION_HANDLE s, reads;

	begin();
	s = open_session(RW);
	IS(USER_NOT_LOGGED_IN, C_InitPIN(s, PIN("87654321")));
	IS(OK, C_Login(s, CKU_USER, PIN(FIRST)));
	IS(USER_NOT_LOGGED_IN, C_InitPIN(s, PIN("87654321")));
	reads = open_session(RO);
	IS(USER_NOT_LOGGED_IN, C_InitPIN(reads, PIN("87654321")));
	IS(OK, C_CloseSession(reads));
	IS(OK, C_Logout(s));
	IS(OK, C_Login(s, CKU_SO, PIN(FIRST)));
	IS(PIN_LEN_RANGE, C_InitPIN(s, PIN("123")));
	IS(PIN_LEN_RANGE, C_InitPIN(s, PIN("")));
	IS(PIN_LEN_RANGE, C_InitPIN(s, PIN("123456789012345678901234567890123")));
	IS(ARGUMENTS_BAD, C_InitPIN(s, NULL, 4));
	IS(SESSION_HANDLE_INVALID, C_InitPIN(4711, PIN("87654321")));
	IS(OK, C_InitPIN(s, PIN("87654321")));
	expect_state(s, CKS_RW_SO_FUNCTIONS);
	IS(OK, C_Logout(s));
	IS(PIN_INCORRECT, C_Login(s, CKU_USER, PIN(FIRST)));
	IS(OK, C_Login(s, CKU_USER, PIN("87654321")));
	p11_over();
}

static void a_pin_is_changed_by_who_knows_it(void)
{
	CK_SESSION_HANDLE s, reads;
	struct p11_pair pair;

	begin();
	s = open_session(RW);
	reads = open_session(RO);
	IS(SESSION_READ_ONLY, C_SetPIN(reads, PIN(FIRST), PIN("87654321")));
	IS(OK, C_CloseSession(reads));
	IS(PIN_INCORRECT, C_SetPIN(s, PIN("wrong"), PIN("87654321")));
	CU_ASSERT(token().flags & CKF_USER_PIN_COUNT_LOW);
	IS(PIN_LEN_RANGE, C_SetPIN(s, PIN(FIRST), PIN("123")));
	IS(PIN_LEN_RANGE, C_SetPIN(s, PIN(FIRST), PIN("123456789012345678901234567890123")));
	IS(ARGUMENTS_BAD, C_SetPIN(s, NULL, 4, PIN("87654321")));
	IS(ARGUMENTS_BAD, C_SetPIN(s, PIN(FIRST), NULL, 4));
	IS(OK, C_SetPIN(s, PIN(FIRST), PIN("public's"))); /* nobody is logged in: the user's */
	CU_ASSERT_FALSE(token().flags & CKF_USER_PIN_COUNT_LOW);
	IS(OK, C_Login(s, CKU_USER, PIN("public's")));
	CU_ASSERT_EQUAL(p11_make_p256(s, "k", &pair), CKR_OK);
	IS(OK, C_SetPIN(s, PIN("public's"), PIN("user's")));
	expect_state(s, CKS_RW_USER_FUNCTIONS);
	CU_ASSERT_EQUAL(objects(s), 2);
	IS(OK, C_Logout(s));
	IS(OK, C_Login(s, CKU_SO, PIN(FIRST)));
	IS(PIN_INCORRECT, C_SetPIN(s, PIN("user's"), PIN("officer's")));
	IS(OK, C_SetPIN(s, PIN(FIRST), PIN("officer's")));
	expect_state(s, CKS_RW_SO_FUNCTIONS);
	IS(OK, C_Logout(s));
	IS(OK, C_Login(s, CKU_USER, PIN("user's")));
	CU_ASSERT_EQUAL(p11_logged(&client, "user's") + p11_logged(&client, "officer's") + p11_logged(&client, FIRST), 0);
	p11_over();
}

/* -- members that come and go --------------------------------------------------------------------------------------------------- */

/* All that was set is the cluster's, and logins are shown again by themselves. */
static void it_holds_at_every_member_and_after_a_restart(void)
{
	CK_SESSION_HANDLE s;
	struct p11_pair pair;

	begin();
	CU_ASSERT(live_kill(w, "hsm1"));
	IS(OK, C_InitToken(P11_SLOT, PIN(FIRST), padded("mine")));
	s = open_session(RW);
	IS(OK, C_Login(s, CKU_SO, PIN(FIRST)));
	IS(OK, C_SetPIN(s, PIN(FIRST), PIN("officer's")));
	CU_ASSERT(live_restart(w, "hsm1"));
	CU_ASSERT(live_kill(w, "hsm2"));
	expect_state(s, CKS_RW_SO_FUNCTIONS);
	IS(OK, C_InitPIN(s, PIN("user's")));
	IS(OK, C_Logout(s));
	IS(OK, C_Login(s, CKU_USER, PIN("user's")));
	CU_ASSERT_EQUAL(p11_make_p256(s, "k", &pair), CKR_OK);
	IS(OK, C_SetPIN(s, PIN("user's"), PIN("another")));
	CU_ASSERT(live_kill(w, "hsm1"));
	CU_ASSERT(live_restart(w, "hsm2"));
	CU_ASSERT(live_restart(w, "hsm1"));
	CU_ASSERT_EQUAL(objects(s), 2); /* logged in still, with what the change of the PIN was answered with */
	expect_state(s, CKS_RW_USER_FUNCTIONS);
	CU_ASSERT_EQUAL(memcmp(token().label, padded("mine"), 32), 0);
	IS(OK, C_Logout(s));
	IS(PIN_INCORRECT, C_Login(s, CKU_USER, PIN("user's")));
	IS(OK, C_Login(s, CKU_USER, PIN("another")));
	p11_over();
}

/* Another application, with a link of its own. */
static void what_others_were_logged_in_for_is_gone(void)
{
	hsmlet_options options;
	hsmlet_error e;
	hsmlet *other = NULL;
	char out[64];

	begin();
	options = live_options_of(&client.files);
	CU_ASSERT_EQUAL_FATAL(hsmlet_open(&options, &other, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_login(other, FIRST, strlen(FIRST), &e), 0);
	CU_ASSERT_EQUAL(hsmlet_random(other, (unsigned char *)out, sizeof out, &e), 0);
	IS(OK, C_InitToken(P11_SLOT, PIN(FIRST), padded("mine")));
	CU_ASSERT_NOT_EQUAL(hsmlet_login(other, FIRST, strlen(FIRST), &e), 0);
	CU_ASSERT_EQUAL(e.id, 515);
	hsmlet_close(other);
	p11_over();
}

static CU_TestInfo tests[] = {
	{ "in the faithful profile there is no security officer", in_the_faithful_profile_there_is_no_security_officer },
	{ "a lab token has a label of its own", a_lab_token_has_a_label_of_its_own },
	{ "a token is initialised by who knows the PIN", a_token_is_initialised_by_who_knows_the_pin },
	{ "a blank token takes the PIN that it is given", a_blank_token_takes_the_pin_that_it_is_given },
	{ "a security officer works with sessions that write", a_security_officer_works_with_sessions_that_write },
	{ "a security officer trusts keys and uses no private ones", a_security_officer_trusts_keys_and_uses_no_private_ones },
	{ "the user's PIN is given by the security officer", the_users_pin_is_given_by_the_security_officer },
	{ "a PIN is changed by who knows it", a_pin_is_changed_by_who_knows_it },
	{ "it holds at every member and after a restart", it_holds_at_every_member_and_after_a_restart },
	{ "what others were logged in for is gone", what_others_were_logged_in_for_is_gone },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	int rc;

	w = live_start(&(struct live_options){ .hsms = 2 });
	rc = w && p11_load(w) ? hl_test_main("pkcs11_lab", tests) : 1;
	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
