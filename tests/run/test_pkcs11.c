/* What conformance suites ask of a PKCS#11 provider, and modules often get wrong: the library and its slots, sessions and
 * logins, objects, operations, messages of version 3.0. The provider is loaded as applications load it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "lib/base/err.h"
#include "tests/support/p11.h"
#include "tests/support/test.h"

static struct live *w;
static struct live_account acme;
static struct p11_client client;

/* The function says so: IS(ARGUMENTS_BAD, C_GetInfo(NULL)) */
#define IS(code, call) CU_ASSERT_EQUAL(p11_f->call, CKR_##code)

#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)
#define RO CKF_SERIAL_SESSION
#define NO_SLOT 4711
#define NO_HANDLE 0x7fff1234UL

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_MECHANISM ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
static CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
static CK_BYTE data[] = "what is signed, hashed and encrypted here";
#define DATA_N (sizeof data - 1)

static CK_UTF8CHAR *pin(void)
{
	return (CK_UTF8CHAR *)acme.pin;
}

static CK_ULONG pin_n(void)
{
	return strlen(acme.pin);
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
	CU_ASSERT_EQUAL(info.slotID, P11_SLOT);
}

/* A pair that all tests may use; its handles are of this session's life. */
static struct p11_pair pair_of(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t[] = { { CKA_LABEL, "shared", 6 }, { CKA_CLASS, &class, sizeof class } };
	struct p11_pair p = { 0 };
	CK_ULONG n = 0;

	IS(OK, C_FindObjectsInit(s, t, 2));
	IS(OK, C_FindObjects(s, &p.key, 1, &n));
	IS(OK, C_FindObjectsFinal(s));
	if (n == 0) {
		CU_ASSERT_EQUAL(p11_make_p256(s, "shared", &p), CKR_OK);
		return p;
	}
	class = CKO_PUBLIC_KEY;
	IS(OK, C_FindObjectsInit(s, t, 2));
	IS(OK, C_FindObjects(s, &p.public_key, 1, &n));
	IS(OK, C_FindObjectsFinal(s));
	CU_ASSERT_EQUAL(n, 1);
	return p;
}

static CK_OBJECT_HANDLE aes_of(CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE key = 0;

	if (p11_find(s, "shared aes", &key, 1) == 0)
		CU_ASSERT_EQUAL(p11_make_aes(s, "shared aes", &key), CKR_OK);
	return key;
}

/* -- the library -------------------------------------------------------------------------------------------------- */

static void before_initialize_nothing_works_but_asking_for_functions(void)
{
	CK_FUNCTION_LIST *list = NULL;
	CK_SLOT_ID slot;
	CK_ULONG n = 0;
	CK_INFO info;

	IS(CRYPTOKI_NOT_INITIALIZED, C_GetInfo(&info));
	IS(CRYPTOKI_NOT_INITIALIZED, C_GetInfo(NULL));
	IS(CRYPTOKI_NOT_INITIALIZED, C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL));
	IS(CRYPTOKI_NOT_INITIALIZED, C_GetSlotList(CK_TRUE, NULL, &n));
	IS(CRYPTOKI_NOT_INITIALIZED, C_Finalize(NULL));
	IS(CRYPTOKI_NOT_INITIALIZED, C_GetFunctionStatus(1));
	IS(CRYPTOKI_NOT_INITIALIZED, C_SessionCancel(1, 0));
	IS(OK, C_GetFunctionList(&list));
	CU_ASSERT_PTR_NOT_NULL(list);
	IS(ARGUMENTS_BAD, C_GetFunctionList(NULL));
	IS(OK, C_GetInterfaceList(NULL, &n));
	CU_ASSERT_EQUAL(n, 2);
}

static void it_can_be_initialised_again_and_again(void)
{
	IS(OK, C_Initialize(NULL));
	IS(CRYPTOKI_ALREADY_INITIALIZED, C_Initialize(NULL));
	IS(ARGUMENTS_BAD, C_Finalize(&yes));
	p11_over();
	for (int i = 0; i < 10; i++) {
		IS(OK, C_Initialize(NULL));
		open_session(RW);
		p11_over();
	}
	IS(CRYPTOKI_NOT_INITIALIZED, C_Finalize(NULL));
}

struct race {
	pthread_t thread;
	CK_RV rv;
	atomic_bool *go;
};

static void *initialise(void *at)
{
	struct race *r = at;

	while (!atomic_load(r->go))
		;
	r->rv = p11_f->C_Initialize(NULL);
	return NULL;
}

#define RACERS 8

static void of_threads_that_race_to_initialise_exactly_one_succeeds(void)
{
	for (int round = 0; round < 20; round++) {
		struct race r[RACERS];
		atomic_bool go = false;
		int good = 0, already = 0;

		for (int i = 0; i < RACERS; i++) {
			r[i].go = &go;
			if (pthread_create(&r[i].thread, NULL, initialise, &r[i]) != 0)
				abort();
		}
		atomic_store(&go, true);
		for (int i = 0; i < RACERS; i++) {
			pthread_join(r[i].thread, NULL);
			good += r[i].rv == CKR_OK;
			already += r[i].rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
		}
		CU_ASSERT_EQUAL(good, 1);
		CU_ASSERT_EQUAL(already, RACERS - 1);
		p11_over();
	}
}

static CK_RV no_mutex(CK_VOID_PTR mutex)
{
	(void)mutex;
	return CKR_OK;
}

static CK_RV no_new_mutex(CK_VOID_PTR_PTR mutex)
{
	*mutex = NULL;
	return CKR_OK;
}

static void arguments_of_initialize_are_checked(void)
{
	CK_C_INITIALIZE_ARGS a = { .pReserved = &yes };

	IS(ARGUMENTS_BAD, C_Initialize(&a));
	a = (CK_C_INITIALIZE_ARGS){ .CreateMutex = no_new_mutex, .flags = CKF_OS_LOCKING_OK };
	IS(ARGUMENTS_BAD, C_Initialize(&a));
	a = (CK_C_INITIALIZE_ARGS){ no_new_mutex, no_mutex, no_mutex, no_mutex, 0, NULL };
	IS(CANT_LOCK, C_Initialize(&a)); /* it locks as the system does, or not at all */
	a.flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS;
	IS(OK, C_Initialize(&a)); /* it makes no threads */
	p11_over();
}

static void *wait_for_event(void *at)
{
	CK_SLOT_ID slot;
	struct race *r = at;

	atomic_store(r->go, true);
	r->rv = p11_f->C_WaitForSlotEvent(0, &slot, NULL);
	return NULL;
}

static void finalize_ends_a_wait_for_a_slot_event(void)
{
	struct race r;
	atomic_bool waiting = false;
	CK_SLOT_ID slot;

	r.go = &waiting;
	IS(OK, C_Initialize(NULL));
	IS(NO_EVENT, C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL));
	IS(ARGUMENTS_BAD, C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL));
	IS(ARGUMENTS_BAD, C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &yes));
	if (pthread_create(&r.thread, NULL, wait_for_event, &r) != 0)
		abort();
	while (!atomic_load(&waiting))
		sched_yield();
	p11_over(); /* whether it waits by now or comes later, it is told the same */
	pthread_join(r.thread, NULL);
	CU_ASSERT_EQUAL(r.rv, CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void both_interfaces_are_found_by_name_and_exact_version(void)
{
	CK_VERSION v2 = { 2, 40 }, v3 = { 3, 0 }, v9 = { 9, 9 };
	CK_UTF8CHAR name[] = "PKCS 11", other[] = "PKCS 12";
	CK_INTERFACE all[2], *found = NULL;
	CK_ULONG n = 1;

	IS(BUFFER_TOO_SMALL, C_GetInterfaceList(all, &n));
	CU_ASSERT_EQUAL(n, 2);
	IS(OK, C_GetInterfaceList(all, &n));
	IS(ARGUMENTS_BAD, C_GetInterfaceList(all, NULL));
	IS(OK, C_GetInterface(NULL, NULL, &found, 0));
	CU_ASSERT_EQUAL(((CK_VERSION *)found->pFunctionList)->major, 3);
	IS(OK, C_GetInterface(name, &v3, &found, CKF_INTERFACE_FORK_SAFE));
	CU_ASSERT_PTR_EQUAL(found->pFunctionList, p11_f);
	IS(OK, C_GetInterface(name, &v2, &found, 0));
	CU_ASSERT_EQUAL(((CK_VERSION *)found->pFunctionList)->minor, 40);
	IS(FUNCTION_FAILED, C_GetInterface(name, &v9, &found, 0));
	IS(FUNCTION_FAILED, C_GetInterface(other, NULL, &found, 0));
	IS(FUNCTION_FAILED, C_GetInterface(NULL, NULL, &found, 0x80));
	IS(ARGUMENTS_BAD, C_GetInterface(NULL, NULL, NULL, 0));
}

static void no_function_pointer_is_missing(void)
{
	CK_FUNCTION_LIST *list = NULL;
	void **p;

	IS(OK, C_GetFunctionList(&list));
	CU_ASSERT_EQUAL(list->version.major, 2);
	p = (void **)(void *)&list->C_Initialize;
	for (size_t i = 0; i < 68; i++)
		CU_ASSERT_PTR_NOT_NULL(p[i]);
	p = (void **)(void *)&p11_f->C_Initialize;
	for (size_t i = 0; i < 92; i++)
		CU_ASSERT_PTR_NOT_NULL(p[i]);
#define EXPORTED(name, ...) CU_ASSERT_PTR_NOT_NULL(p11_symbol("C_" #name));
	CK_FUNCTIONS(EXPORTED)
	CU_ASSERT_PTR_NULL(p11_symbol("client_new"));
	CU_ASSERT_PTR_NULL(p11_symbol("hl_buf_put"));
}

static void functions_that_are_not_there_say_so(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE o;
	CK_ATTRIBUTE t = { CKA_LABEL, "x", 1 };
	CK_BYTE out[16];
	CK_ULONG n = sizeof out;

	IS(FUNCTION_NOT_PARALLEL, C_GetFunctionStatus(s));
	IS(FUNCTION_NOT_PARALLEL, C_CancelFunction(s));
	IS(FUNCTION_NOT_SUPPORTED, C_InitToken(P11_SLOT, pin(), pin_n(), data));
	IS(FUNCTION_NOT_SUPPORTED, C_InitPIN(s, pin(), pin_n()));
	IS(FUNCTION_NOT_SUPPORTED, C_SetPIN(s, pin(), pin_n(), pin(), pin_n()));
	IS(TEMPLATE_INCOMPLETE, C_CreateObject(s, &t, 1, &o));
	IS(FUNCTION_NOT_SUPPORTED, C_SignRecoverInit(s, &ecdsa, 1));
	IS(FUNCTION_NOT_SUPPORTED, C_DigestEncryptUpdate(s, data, 1, out, &n));
	IS(SLOT_ID_INVALID, C_InitToken(NO_SLOT, pin(), pin_n(), data));
	IS(SESSION_HANDLE_INVALID, C_CreateObject(NO_HANDLE, &t, 1, &o));
	IS(RANDOM_SEED_NOT_SUPPORTED, C_SeedRandom(s, data, 4));
	p11_over();
}

/* -- slots and tokens ------------------------------------------------------------------------------------------------ */

/* Two hosts with one id, a second id of the same partition, and a partition whose secret we do not have. */
static bool add_hosts(void)
{
	char value[1024];

	snprintf(value, sizeof value, "{ user_name = \"%s\"; proxy_user = \"%s\"; id = 7; }", acme.partition, acme.user);
	if (!p11_set(&client, "primus.hsms.hsm0.slots.slot1", value))
		return false;
	snprintf(value, sizeof value, "{ user_name = \"NOSECRETHERE\"; proxy_user = \"%s\"; id = 3; }", acme.user);
	if (!p11_set(&client, "primus.hsms.hsm0.slots.slot2", value))
		return false;
	snprintf(value, sizeof value,
		"{ host = \"127.0.0.1\"; port = 1; priority = 1; slots = { slot0 = { user_name = \"%s\"; proxy_user = \"%s\"; id = 0; }; }; }",
		acme.partition, acme.user);
	return p11_set(&client, "primus.hsms.hsm1", value);
}

static void equal_ids_are_one_slot_and_each_id_is_listed(void)
{
	CK_SLOT_ID id[8] = { 0 };
	CK_ULONG n = 0;

	IS(OK, C_Initialize(NULL));
	IS(ARGUMENTS_BAD, C_GetSlotList(CK_TRUE, NULL, NULL));
	IS(OK, C_GetSlotList(CK_TRUE, NULL, &n));
	CU_ASSERT_EQUAL(n, 3);
	n = 2;
	IS(BUFFER_TOO_SMALL, C_GetSlotList(CK_TRUE, id, &n));
	CU_ASSERT_EQUAL(n, 3);
	n = 8;
	IS(OK, C_GetSlotList(CK_FALSE, id, &n));
	CU_ASSERT_EQUAL(n, 3);
	CU_ASSERT(id[0] == 0 && id[1] == 3 && id[2] == 7);
	p11_over();
}

static void a_slot_that_is_not_there_and_one_without_a_token_say_so(void)
{
	CK_SESSION_HANDLE s;
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
	CK_MECHANISM_INFO m;
	CK_ULONG n = 0;

	IS(OK, C_Initialize(NULL));
	IS(SLOT_ID_INVALID, C_GetSlotInfo(NO_SLOT, &slot));
	IS(SLOT_ID_INVALID, C_GetTokenInfo(NO_SLOT, &token));
	IS(SLOT_ID_INVALID, C_GetMechanismList(NO_SLOT, NULL, &n));
	IS(SLOT_ID_INVALID, C_GetMechanismInfo(NO_SLOT, CKM_ECDSA, &m));
	IS(SLOT_ID_INVALID, C_OpenSession(NO_SLOT, RW, NULL, NULL, &s));
	IS(SLOT_ID_INVALID, C_CloseAllSessions(NO_SLOT));
	IS(TOKEN_NOT_PRESENT, C_GetSlotInfo(3, &slot));
	IS(TOKEN_NOT_PRESENT, C_GetTokenInfo(3, &token));
	IS(TOKEN_NOT_PRESENT, C_GetMechanismList(3, NULL, &n));
	IS(TOKEN_NOT_PRESENT, C_OpenSession(3, RW, NULL, NULL, &s));
	IS(ARGUMENTS_BAD, C_GetSlotInfo(P11_SLOT, NULL));
	IS(ARGUMENTS_BAD, C_GetTokenInfo(P11_SLOT, NULL));
	p11_over();
}

static bool is_padded(const CK_BYTE *text, size_t size, const char *is)
{
	size_t n = strlen(is);

	for (size_t i = n; i < size; i++)
		if (text[i] != ' ')
			return false;
	return memcmp(text, is, n) == 0;
}

static void slot_and_token_describe_the_partition_without_zeros(void)
{
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token, other;
	CK_INFO info;

	IS(OK, C_Initialize(NULL));
	IS(OK, C_GetInfo(&info));
	CU_ASSERT(info.cryptokiVersion.major == 3 && info.cryptokiVersion.minor == 0 && info.flags == 0);
	CU_ASSERT(is_padded(info.manufacturerID, 32, "hsmlet (simulator)"));
	CU_ASSERT(is_padded(info.libraryDescription, 32, "PKCS#11 Library"));
	IS(ARGUMENTS_BAD, C_GetInfo(NULL));
	IS(OK, C_GetSlotInfo(P11_SLOT, &slot));
	CU_ASSERT(is_padded(slot.slotDescription, 64, acme.partition));
	CU_ASSERT_EQUAL(slot.flags, CKF_TOKEN_PRESENT | CKF_HW_SLOT);
	IS(OK, C_GetTokenInfo(P11_SLOT, &token));
	CU_ASSERT(is_padded(token.label, 32, acme.partition));
	CU_ASSERT_EQUAL(token.flags, 0xc6d);
	CU_ASSERT_EQUAL(token.ulTotalPublicMemory, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_EQUAL(token.ulMaxSessionCount, CK_EFFECTIVELY_INFINITE);
	CU_ASSERT(token.ulMaxPinLen == 32 && token.ulMinPinLen == 0);
	CU_ASSERT(memcmp(token.utcTime, "20", 2) == 0);
	IS(OK, C_GetTokenInfo(7, &other)); /* the same partition by another id */
	CU_ASSERT(memcmp(token.serialNumber, other.serialNumber, 16) == 0);
	p11_over();
}

static void counts_of_sessions_follow_the_sessions(void)
{
	CK_SESSION_HANDLE ro, rw;
	CK_TOKEN_INFO t;

	IS(OK, C_Initialize(NULL));
	ro = open_session(RO);
	rw = open_session(RW);
	IS(OK, C_GetTokenInfo(P11_SLOT, &t));
	CU_ASSERT(t.ulSessionCount == 2 && t.ulRwSessionCount == 1);
	IS(OK, C_CloseSession(rw));
	IS(OK, C_GetTokenInfo(P11_SLOT, &t));
	CU_ASSERT(t.ulSessionCount == 1 && t.ulRwSessionCount == 0);
	IS(OK, C_CloseSession(ro));
	p11_over();
}

static CK_FLAGS flags_of(CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *m)
{
	*m = (CK_MECHANISM_INFO){ 0 };
	IS(OK, C_GetMechanismInfo(P11_SLOT, type, m));
	return m->flags;
}

static void mechanisms_are_those_of_the_hsm_and_the_digests(void)
{
	CK_MECHANISM_TYPE list[256];
	CK_MECHANISM_INFO m;
	CK_ULONG n = 0, few = 3;

	IS(OK, C_Initialize(NULL));
	IS(OK, C_GetMechanismList(P11_SLOT, NULL, &n));
	CU_ASSERT(n >= 91 + 11); /* what makes, signs and encrypts, and the digests */
	IS(BUFFER_TOO_SMALL, C_GetMechanismList(P11_SLOT, list, &few));
	CU_ASSERT_EQUAL(few, n);
	few = 256;
	IS(OK, C_GetMechanismList(P11_SLOT, list, &few));
	CU_ASSERT_EQUAL(few, n);
	IS(ARGUMENTS_BAD, C_GetMechanismList(P11_SLOT, list, NULL));
	for (CK_ULONG i = 0; i < n; i++) {
		CU_ASSERT(flags_of(list[i], &m) != 0);
		for (CK_ULONG k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(list[k], list[i]);
	}
	CU_ASSERT(flags_of(CKM_ECDSA_SHA256, &m) & CKF_SIGN);
	CU_ASSERT(m.flags & CKF_EC_F_P && m.flags & CKF_EC_NAMEDCURVE && m.flags & CKF_MESSAGE_SIGN);
	CU_ASSERT(m.ulMinKeySize == 224 && m.ulMaxKeySize == 521); /* bits */
	CU_ASSERT_FALSE(m.flags & (CKF_ENCRYPT | CKF_WRAP | CKF_GENERATE));
	flags_of(CKM_AES_KEY_GEN, &m);
	CU_ASSERT(m.ulMinKeySize == 16 && m.ulMaxKeySize == 32 && m.flags & CKF_GENERATE); /* bytes */
	CU_ASSERT_EQUAL(flags_of(CKM_SHA256, &m), CKF_DIGEST);
	IS(MECHANISM_INVALID, C_GetMechanismInfo(P11_SLOT, CKM_AES_CCM, &m));
	IS(ARGUMENTS_BAD, C_GetMechanismInfo(P11_SLOT, CKM_SHA256, NULL));
	p11_over();
}

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

/* -- objects --------------------------------------------------------------------------------------------------------------- */

static void token_objects_need_a_session_that_writes_and_private_ones_a_login(void)
{
	CK_SESSION_HANDLE s, ro;
	CK_OBJECT_HANDLE key;
	struct p11_pair p;
	CK_ATTRIBUTE label = { CKA_LABEL, "x", 1 };

	IS(OK, C_Initialize(NULL));
	s = open_session(RW);
	CU_ASSERT_EQUAL(p11_make_aes(s, "never", &key), CKR_USER_NOT_LOGGED_IN);
	ro = open_session(RO);
	IS(OK, C_Login(s, CKU_USER, pin(), pin_n()));
	CU_ASSERT_EQUAL(p11_make_aes(ro, "never", &key), CKR_SESSION_READ_ONLY);
	CU_ASSERT_EQUAL(p11_make_p256(ro, "never", &p), CKR_SESSION_READ_ONLY);
	p = pair_of(s);
	IS(SESSION_READ_ONLY, C_DestroyObject(ro, p.key));
	IS(SESSION_READ_ONLY, C_SetAttributeValue(ro, p.key, &label, 1));
	CU_ASSERT_EQUAL(p11_find(s, "never", &key, 1), 0);
	p11_over();
}

static void token_objects_live_on_after_finalize(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key, old;

	CU_ASSERT_EQUAL(p11_make_aes(s, "lives on", &old), CKR_OK);
	p11_over();
	s = p11_begin_logged_in(&acme);
	IS(OBJECT_HANDLE_INVALID, C_DestroyObject(s, old)); /* handles are of one life */
	CU_ASSERT_EQUAL(p11_find(s, "lives on", &key, 1), 1);
	IS(OK, C_DestroyObject(s, key));
	IS(OBJECT_HANDLE_INVALID, C_DestroyObject(s, key));
	CU_ASSERT_EQUAL(p11_find(s, "lives on", &key, 1), 0);
	p11_over();
}

/* -- session objects ------------------------------------------------------------------------------------------------------ */

/* What a template without CKA_TOKEN asks for. */
static CK_OBJECT_HANDLE session_aes(CK_SESSION_HANDLE s, const char *label, CK_BBOOL private)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG n = 16;
	CK_ATTRIBUTE t[] = { { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_VALUE_LEN, &n, sizeof n },
		{ CKA_PRIVATE, &private, 1 } };
	CK_OBJECT_HANDLE key = 0;

	IS(OK, C_GenerateKey(s, &m, t, 3, &key));
	return key;
}

static void session_objects_are_seen_by_all_sessions_and_end_with_their_own(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme), own = open_session(RO);
	CK_OBJECT_HANDLE key, others, found[3];
	CK_BBOOL token = 1;
	CK_ATTRIBUTE t = { CKA_TOKEN, &token, 1 };

	key = session_aes(own, "of a session", 1); /* one that only reads makes them too */
	others = session_aes(s, "of a session", 1);
	CU_ASSERT_EQUAL(p11_find(s, "of a session", found, 3), 2);
	CU_ASSERT_EQUAL(p11_find(own, "of a session", found, 3), 2);
	CU_ASSERT(found[0] == key && found[1] == others);
	CU_ASSERT_EQUAL(p11_find(s, "of another", found, 3), 0);
	IS(OK, C_GetAttributeValue(s, key, &t, 1));
	CU_ASSERT_EQUAL(token, 0);
	IS(OK, C_CloseSession(own));
	CU_ASSERT_EQUAL(p11_find(s, "of a session", found, 3), 1);
	CU_ASSERT_EQUAL(found[0], others);
	IS(OBJECT_HANDLE_INVALID, C_GetAttributeValue(s, key, &t, 1));
	IS(OK, C_CloseAllSessions(P11_SLOT));
	s = open_session(RW);
	IS(OK, C_Login(s, CKU_USER, pin(), pin_n()));
	CU_ASSERT_EQUAL(p11_find(s, "of a session", found, 3), 0);
	p11_over();
}

static void at_logout_private_session_objects_end_and_public_ones_stay(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE mine = session_aes(s, "both", 1), everybodys = session_aes(s, "both", 0), found[3];

	CU_ASSERT_EQUAL(p11_find(s, "both", found, 3), 2);
	IS(OK, C_Logout(s));
	CU_ASSERT_EQUAL(p11_find(s, "both", found, 3), 1);
	CU_ASSERT_EQUAL(found[0], everybodys);
	IS(OBJECT_HANDLE_INVALID, C_DestroyObject(s, mine));
	IS(OK, C_Login(s, CKU_USER, pin(), pin_n()));
	CU_ASSERT_EQUAL(p11_find(s, "both", found, 3), 1);
	p11_over();
}

static void a_session_key_signs_changes_its_label_and_is_destroyed_once(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme), ro = open_session(RO);
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE params[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, signature[64];
	CK_ATTRIBUTE theirs[] = { { CKA_EC_PARAMS, params, sizeof params }, { CKA_VERIFY, &yes, 1 } };
	CK_ATTRIBUTE mine = { CKA_SIGN, &yes, 1 }, label = { CKA_LABEL, "changed", 7 };
	CK_OBJECT_HANDLE key, public_key, found[3];
	CK_ULONG n = sizeof signature;

	IS(OK, C_GenerateKeyPair(ro, &m, theirs, 2, &mine, 1, &public_key, &key));
	IS(OK, C_SignInit(s, &ecdsa, key));
	IS(OK, C_Sign(s, (CK_BYTE *)"x", 1, signature, &n));
	IS(OK, C_VerifyInit(s, &ecdsa, public_key));
	IS(OK, C_Verify(s, (CK_BYTE *)"x", 1, signature, n));
	IS(OK, C_SetAttributeValue(ro, key, &label, 1));
	CU_ASSERT_EQUAL(p11_find(s, "changed", found, 3), 1);
	IS(OK, C_SignInit(s, &ecdsa, key));
	IS(OK, C_DestroyObject(ro, key));
	IS(KEY_HANDLE_INVALID, C_Sign(s, (CK_BYTE *)"x", 1, signature, &n));
	IS(OBJECT_HANDLE_INVALID, C_DestroyObject(ro, key));
	CU_ASSERT_EQUAL(p11_find(s, "changed", found, 3), 0);
	p11_over();
}

static CK_RV generate_aes(CK_SESSION_HANDLE s, CK_ATTRIBUTE *extra)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG n = 16;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VALUE_LEN, &n, sizeof n }, *extra };
	CK_OBJECT_HANDLE key = 0;
	CK_RV rv = p11_f->C_GenerateKey(s, &m, t, 3, &key);

	if (rv == CKR_OK)
		IS(OK, C_DestroyObject(s, key));
	return rv;
}

static void templates_are_judged_attribute_by_attribute(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 }, hkdf = { CKM_HKDF_KEY_GEN, NULL, 0 };
	CK_ULONG n = 17, rsa = CKK_RSA;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VALUE_LEN, &n, sizeof n } };
	CK_OBJECT_HANDLE key;

	IS(TEMPLATE_INCOMPLETE, C_GenerateKey(s, &m, t, 1, &key));
	IS(ATTRIBUTE_VALUE_INVALID, C_GenerateKey(s, &m, t, 2, &key));
	IS(MECHANISM_INVALID, C_GenerateKey(s, &hkdf, t, 1, &key));
	IS(MECHANISM_INVALID, C_GenerateKey(s, &ecdsa, t, 1, &key));
	IS(ARGUMENTS_BAD, C_GenerateKey(s, NULL, t, 1, &key));
	IS(ARGUMENTS_BAD, C_GenerateKey(s, &m, t, 1, NULL));
	IS(ARGUMENTS_BAD, C_GenerateKey(s, &m, NULL, 1, &key));
	n = 16;
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_LABEL, "ok", 2 }), CKR_OK);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ 0x12345, "ok", 2 }), CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_SIGN, &n, 4 }), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_KEY_TYPE, &n, 4 }), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_KEY_TYPE, &rsa, sizeof rsa }), CKR_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_LOCAL, &yes, 1 }), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_ALWAYS_SENSITIVE, &yes, 1 }), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_UNIQUE_ID, "1", 1 }), CKR_ATTRIBUTE_READ_ONLY);
	p11_over();
}

static void every_attribute_asked_for_is_dealt_with(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_OBJECT_CLASS class = 0;
	CK_BYTE small[2], label[16], value[64], prime[64];
	CK_BBOOL local = 0;
	CK_ATTRIBUTE many[100];
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof class }, { CKA_VALUE, value, sizeof value },
		{ CKA_PRIME_1, prime, sizeof prime }, { CKA_LABEL, small, sizeof small }, { CKA_LABEL, label, sizeof label },
		{ CKA_LABEL, NULL, 0 }, { CKA_LOCAL, &local, sizeof local } };

	IS(ATTRIBUTE_SENSITIVE, C_GetAttributeValue(s, p.key, t, 7));
	CU_ASSERT(class == CKO_PRIVATE_KEY && t[0].ulValueLen == sizeof class);
	CU_ASSERT_EQUAL(t[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_EQUAL(t[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_EQUAL(t[3].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT(t[4].ulValueLen == 6 && memcmp(label, "shared", 6) == 0);
	CU_ASSERT_EQUAL(t[5].ulValueLen, 6);
	CU_ASSERT_EQUAL(local, CK_TRUE);
	t[2].ulValueLen = sizeof prime;
	IS(ATTRIBUTE_TYPE_INVALID, C_GetAttributeValue(s, p.key, t + 2, 1));
	t[3].ulValueLen = sizeof small;
	IS(BUFFER_TOO_SMALL, C_GetAttributeValue(s, p.key, t + 3, 1));
	for (size_t i = 0; i < HL_COUNT(many); i++)
		many[i] = (CK_ATTRIBUTE){ i == 70 ? (CK_ATTRIBUTE_TYPE)CKA_PRIME_1 : i == 99 ? 0x100000001UL : CKA_LABEL, NULL, 0 };
	IS(ATTRIBUTE_TYPE_INVALID, C_GetAttributeValue(s, p.key, many, HL_COUNT(many))); /* more than a message takes */
	CU_ASSERT(many[69].ulValueLen == 6 && many[71].ulValueLen == 6 && many[98].ulValueLen == 6);
	CU_ASSERT(many[70].ulValueLen == CK_UNAVAILABLE_INFORMATION && many[99].ulValueLen == CK_UNAVAILABLE_INFORMATION);
	IS(ARGUMENTS_BAD, C_GetAttributeValue(s, p.key, NULL, 1));
	IS(OBJECT_HANDLE_INVALID, C_GetAttributeValue(s, NO_HANDLE, t, 1));
	p11_over();
}

static void attributes_that_may_change_change_and_the_others_stay(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key = 0, found;
	CK_ATTRIBUTE label = { CKA_LABEL, "renamed", 7 }, down = { CKA_SENSITIVE, &no, 1 }, local = { CKA_LOCAL, &no, 1 },
		     unknown = { 0x12345, "x", 1 };

	CU_ASSERT_EQUAL(p11_make_aes(s, "to be renamed", &key), CKR_OK);
	IS(OK, C_SetAttributeValue(s, key, &label, 1));
	CU_ASSERT_EQUAL(p11_find(s, "renamed", &found, 1), 1);
	CU_ASSERT_EQUAL(found, key);
	IS(ATTRIBUTE_READ_ONLY, C_SetAttributeValue(s, key, &down, 1));
	IS(ATTRIBUTE_READ_ONLY, C_SetAttributeValue(s, key, &local, 1));
	IS(ATTRIBUTE_TYPE_INVALID, C_SetAttributeValue(s, key, &unknown, 1));
	IS(ARGUMENTS_BAD, C_SetAttributeValue(s, key, NULL, 1));
	IS(OBJECT_HANDLE_INVALID, C_SetAttributeValue(s, NO_HANDLE, &label, 1));
	IS(OK, C_DestroyObject(s, key));
	p11_over();
}

static CK_OBJECT_HANDLE make_with(CK_SESSION_HANDLE s, CK_ATTRIBUTE_TYPE not)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG n = 16;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VALUE_LEN, &n, sizeof n }, { not, &no, 1 } };
	CK_OBJECT_HANDLE key = 0;

	IS(OK, C_GenerateKey(s, &m, t, 3, &key));
	return key;
}

static void objects_that_forbid_it_are_neither_changed_nor_destroyed(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE fixed = make_with(s, CKA_MODIFIABLE), lasting = make_with(s, CKA_DESTROYABLE);
	CK_ATTRIBUTE label = { CKA_LABEL, "x", 1 };

	IS(ACTION_PROHIBITED, C_SetAttributeValue(s, fixed, &label, 1));
	IS(OK, C_DestroyObject(s, fixed));
	IS(ACTION_PROHIBITED, C_DestroyObject(s, lasting));
	IS(OK, C_SetAttributeValue(s, lasting, &label, 1));
	p11_over();
}

static void a_search_keeps_its_result_and_can_be_paged(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key[3], got[4];
	CK_ATTRIBUTE label = { CKA_LABEL, "paged", 5 };
	CK_ULONG n = 9;

	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(p11_make_aes(s, "paged", &key[i]), CKR_OK);
	IS(OPERATION_NOT_INITIALIZED, C_FindObjects(s, got, 4, &n));
	IS(OPERATION_NOT_INITIALIZED, C_FindObjectsFinal(s));
	IS(ARGUMENTS_BAD, C_FindObjectsInit(s, NULL, 1));
	IS(OK, C_FindObjectsInit(s, &label, 1));
	IS(OPERATION_ACTIVE, C_FindObjectsInit(s, &label, 1));
	IS(OK, C_FindObjects(s, got, 0, &n));
	CU_ASSERT_EQUAL(n, 0);
	IS(OK, C_DestroyObject(s, key[0]));
	IS(OK, C_FindObjects(s, got, 2, &n));
	CU_ASSERT_EQUAL(n, 2);
	IS(ARGUMENTS_BAD, C_FindObjects(s, NULL, 2, &n));
	IS(ARGUMENTS_BAD, C_FindObjects(s, got, 2, NULL));
	IS(OK, C_FindObjects(s, got + 2, 2, &n));
	CU_ASSERT_EQUAL(n, 1);
	IS(OK, C_FindObjects(s, got, 2, &n));
	CU_ASSERT_EQUAL(n, 0);
	IS(OK, C_FindObjectsFinal(s));
	IS(OK, C_DestroyObject(s, key[1]));
	IS(OK, C_DestroyObject(s, key[2]));
	IS(OK, C_FindObjectsInit(s, NULL, 0)); /* all that is visible */
	IS(OK, C_FindObjects(s, got, 4, &n));
	CU_ASSERT(n >= 2);
	IS(OK, C_SessionCancel(s, CKF_FIND_OBJECTS));
	IS(OPERATION_NOT_INITIALIZED, C_FindObjectsFinal(s));
	p11_over();
}

static CK_ULONG count(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_OBJECT_HANDLE got[16];
	CK_ULONG found = 0;

	IS(OK, C_FindObjectsInit(s, t, n));
	IS(OK, C_FindObjects(s, got, 16, &found));
	IS(OK, C_FindObjectsFinal(s));
	return found;
}

static void both_halves_of_a_pair_have_the_id_they_were_given(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_MECHANISM make = { CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0 }, eddsa = { CKM_EDDSA, NULL, 0 };
	CK_BYTE params[] = { 6, 3, 0x2b, 0x65, 0x70 }, one[] = { 1, 2 }, two[] = { 3 };
	CK_ATTRIBUTE public_t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_EC_PARAMS, params, sizeof params }, { CKA_ID, two, 1 } };
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_ID, one, 2 }, { CKA_SENSITIVE, &yes, 1 } };
	CK_OBJECT_HANDLE key = 0, public_key = 0;
	CK_BYTE id[4], out[64];
	CK_ATTRIBUTE get = { CKA_ID, id, sizeof id };
	CK_ULONG n = sizeof out;

	IS(OK, C_GenerateKeyPair(s, &make, public_t, 3, t, 3, &public_key, &key));
	IS(OK, C_GetAttributeValue(s, key, &get, 1));
	CU_ASSERT(get.ulValueLen == 2 && memcmp(id, one, 2) == 0);
	get.ulValueLen = sizeof id;
	IS(OK, C_GetAttributeValue(s, public_key, &get, 1));
	CU_ASSERT(get.ulValueLen == 1 && id[0] == 3);
	IS(OK, C_SignInit(s, &eddsa, key)); /* pure: all of the data, gathered where it comes in parts */
	IS(OK, C_SignUpdate(s, data, 9));
	IS(OK, C_SignUpdate(s, data + 9, DATA_N - 9));
	IS(OK, C_SignFinal(s, out, &n));
	CU_ASSERT_EQUAL(n, 64);
	IS(OK, C_VerifyInit(s, &eddsa, public_key));
	IS(OK, C_Verify(s, data, DATA_N, out, n));
	IS(OK, C_DestroyObject(s, key));
	IS(OK, C_DestroyObject(s, public_key));
	p11_over();
}

static void a_search_sees_defaults_and_never_key_values(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_BYTE value[32] = { 0 };
	CK_ATTRIBUTE t[] = { { CKA_LABEL, "shared aes", 10 }, { CKA_VALUE, value, sizeof value } };
	CK_ULONG odd = 3;

	aes_of(s);
	CU_ASSERT_EQUAL(count(s, t, 1), 1);
	CU_ASSERT_EQUAL(count(s, t, 2), 0);
	t[1] = (CK_ATTRIBUTE){ CKA_DERIVE, &no, 1 };
	CU_ASSERT_EQUAL(count(s, t, 2), 1);
	t[1] = (CK_ATTRIBUTE){ CKA_ID, NULL, 0 };
	CU_ASSERT_EQUAL(count(s, t, 2), 1); /* an empty one matches an empty one */
	t[1] = (CK_ATTRIBUTE){ CKA_TOKEN, &odd, sizeof odd };
	CU_ASSERT_EQUAL(count(s, t, 2), 0); /* no boolean is so long */
	p11_over();
}

static void the_size_of_an_object_is_told_or_unavailable(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ULONG n = 0;

	IS(OK, C_GetObjectSize(s, pair_of(s).key, &n));
	CU_ASSERT_EQUAL(n, CK_UNAVAILABLE_INFORMATION);
	IS(OBJECT_HANDLE_INVALID, C_GetObjectSize(s, NO_HANDLE, &n));
	IS(ARGUMENTS_BAD, C_GetObjectSize(s, pair_of(s).key, NULL));
	p11_over();
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
	IS(STATE_UNSAVEABLE, C_GetOperationState(s, NULL, &n));
	IS(OK, C_SessionCancel(s, CKF_DIGEST | CKF_FIND_OBJECTS));
	IS(OPERATION_NOT_INITIALIZED, C_GetOperationState(s, NULL, &n));
	p11_over();
}

static CK_GCM_PARAMS gcm_params(CK_BYTE *iv, CK_ULONG tag_bits)
{
	return (CK_GCM_PARAMS){ iv, 12, 96, data, 7, tag_bits };
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

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(before_initialize_nothing_works_but_asking_for_functions),
	TEST(it_can_be_initialised_again_and_again),
	TEST(of_threads_that_race_to_initialise_exactly_one_succeeds),
	TEST(arguments_of_initialize_are_checked),
	TEST(finalize_ends_a_wait_for_a_slot_event),
	TEST(both_interfaces_are_found_by_name_and_exact_version),
	TEST(no_function_pointer_is_missing),
	TEST(functions_that_are_not_there_say_so),
	TEST(equal_ids_are_one_slot_and_each_id_is_listed),
	TEST(a_slot_that_is_not_there_and_one_without_a_token_say_so),
	TEST(slot_and_token_describe_the_partition_without_zeros),
	TEST(counts_of_sessions_follow_the_sessions),
	TEST(mechanisms_are_those_of_the_hsm_and_the_digests),
	TEST(sessions_are_serial_and_closed_ones_are_unknown),
	TEST(closing_all_sessions_is_of_one_slot),
	TEST(a_login_is_everybodys_and_ends_with_the_last_session),
	TEST(logins_are_checked_and_wrong_pins_show_in_the_flags),
	TEST(a_logout_hides_private_objects_and_ends_what_uses_them),
	TEST(token_objects_need_a_session_that_writes_and_private_ones_a_login),
	TEST(token_objects_live_on_after_finalize),
	TEST(session_objects_are_seen_by_all_sessions_and_end_with_their_own),
	TEST(at_logout_private_session_objects_end_and_public_ones_stay),
	TEST(a_session_key_signs_changes_its_label_and_is_destroyed_once),
	TEST(templates_are_judged_attribute_by_attribute),
	TEST(every_attribute_asked_for_is_dealt_with),
	TEST(attributes_that_may_change_change_and_the_others_stay),
	TEST(objects_that_forbid_it_are_neither_changed_nor_destroyed),
	TEST(a_search_keeps_its_result_and_can_be_paged),
	TEST(both_halves_of_a_pair_have_the_id_they_were_given),
	TEST(a_search_sees_defaults_and_never_key_values),
	TEST(the_size_of_an_object_is_told_or_unavailable),
	TEST(lengths_are_told_twice_over_and_cost_nothing),
	TEST(any_other_error_ends_an_operation),
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
	TEST(messages_get_an_iv_and_a_tag_each),
	TEST(a_message_in_parts_ends_where_it_is_said_to),
	TEST(messages_are_signed_and_verified_one_after_another),
	TEST(the_log_tells_calls_and_their_ends_and_no_pin),
	TEST(a_hundred_wrong_pins_lock_the_pin),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

static bool prepare(void)
{
	static const struct live_options one = { .proxies = 1, .hsms = 1 };
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE", .pin = "correct-horse",
	};

	w = live_start(&one);
	return w && live_provision(w, &tenant, &acme) == HL_OK && p11_client(w, "acme", &acme, &client) && add_hosts() &&
	       p11_load(w);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("pkcs11", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
