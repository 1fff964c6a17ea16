/* What conformance suites ask of a PKCS#11 provider, and modules often get wrong: the library itself, its interfaces, its
 * slots and tokens and what these can do. The provider is loaded as applications load it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/p11_world.h"

static CK_BYTE data[] = "what is signed, hashed and encrypted here";
#define DATA_N (sizeof data - 1)

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

struct waiter {
	pthread_t thread;
	_Atomic pid_t id; /* of the thread; 0: not yet */
	atomic_bool back;
	CK_RV rv;
};

static void *wait_for_event(void *at)
{
	struct waiter *r = at;
	CK_SLOT_ID slot;

	atomic_store(&r->id, gettid());
	r->rv = p11_f->C_WaitForSlotEvent(0, &slot, NULL);
	atomic_store(&r->back, true);
	return NULL;
}

/* Whether the kernel has put the thread to sleep: third word of its stat. */
static bool sleeps(pid_t thread)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (f)
		fclose(f);
	return state == 'S';
}

static void a_wait_for_a_slot_event_blocks_until_finalize(void)
{
	struct waiter r = { 0 };
	CK_SLOT_ID slot;

	IS(OK, C_Initialize(NULL));
	IS(NO_EVENT, C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL));
	IS(ARGUMENTS_BAD, C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL));
	IS(ARGUMENTS_BAD, C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &yes));
	if (pthread_create(&r.thread, NULL, wait_for_event, &r) != 0)
		abort();
	while (!atomic_load(&r.id) || !(sleeps(r.id) || atomic_load(&r.back)))
		sched_yield();
	CU_ASSERT_FALSE(atomic_load(&r.back)); /* it blocks, and no slot has anything to tell */
	p11_over();
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

	IS(FUNCTION_NOT_PARALLEL, C_GetFunctionStatus(s));
	IS(FUNCTION_NOT_PARALLEL, C_CancelFunction(s));
	IS(FUNCTION_NOT_SUPPORTED, C_InitToken(P11_SLOT, pin(), pin_n(), data));
	IS(FUNCTION_NOT_SUPPORTED, C_InitPIN(s, pin(), pin_n()));
	IS(FUNCTION_NOT_SUPPORTED, C_SetPIN(s, pin(), pin_n(), pin(), pin_n()));
	IS(TEMPLATE_INCOMPLETE, C_CreateObject(s, &t, 1, &o));
	IS(FUNCTION_NOT_SUPPORTED, C_SignRecoverInit(s, &ecdsa, 1));
	IS(SLOT_ID_INVALID, C_InitToken(NO_SLOT, pin(), pin_n(), data));
	IS(SESSION_HANDLE_INVALID, C_CreateObject(NO_HANDLE, &t, 1, &o));
	IS(RANDOM_SEED_NOT_SUPPORTED, C_SeedRandom(s, data, 4));
	p11_over();
}

/* -- slots and tokens ------------------------------------------------------------------------------------------------ */

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

/* PKCS #11 v3.0, 5.5.1: it is fixed until somebody asks for its length again. */
static void the_list_of_slots_is_the_same_each_time(void)
{
	CK_SLOT_ID first[8], again[8];
	CK_ULONG n = 8, m = 8;

	IS(OK, C_Initialize(NULL));
	IS(OK, C_GetSlotList(CK_FALSE, first, &n));
	for (int i = 0; i < 5; i++) {
		m = 8;
		IS(OK, C_GetSlotList(CK_TRUE, again, &m));
		CU_ASSERT(m == n && memcmp(first, again, n * sizeof first[0]) == 0);
	}
	p11_over();
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

/* An Init with no key that could be meant: it is refused for the mechanism where the flag is not there, and for the key
 * where it is. (That what has a flag really works is in test_pkcs11_signs, _ciphers and _objects.) */
static CK_RV begin(CK_SESSION_HANDLE s, CK_FLAGS flag, CK_MECHANISM *m)
{
	CK_BYTE out[16];
	CK_ULONG n = sizeof out;
	CK_OBJECT_HANDLE o, p;

	switch (flag) {
	case CKF_DIGEST:
		return p11_f->C_DigestInit(s, m);
	case CKF_SIGN:
		return p11_f->C_SignInit(s, m, NO_HANDLE);
	case CKF_VERIFY:
		return p11_f->C_VerifyInit(s, m, NO_HANDLE);
	case CKF_ENCRYPT:
		return p11_f->C_EncryptInit(s, m, NO_HANDLE);
	case CKF_DECRYPT:
		return p11_f->C_DecryptInit(s, m, NO_HANDLE);
	case CKF_MESSAGE_SIGN:
		return p11_f->C_MessageSignInit(s, m, NO_HANDLE);
	case CKF_MESSAGE_VERIFY:
		return p11_f->C_MessageVerifyInit(s, m, NO_HANDLE);
	case CKF_MESSAGE_ENCRYPT:
		return p11_f->C_MessageEncryptInit(s, m, NO_HANDLE);
	case CKF_MESSAGE_DECRYPT:
		return p11_f->C_MessageDecryptInit(s, m, NO_HANDLE);
	case CKF_WRAP:
		return p11_f->C_WrapKey(s, m, NO_HANDLE, NO_HANDLE, out, &n);
	case CKF_UNWRAP:
		return p11_f->C_UnwrapKey(s, m, NO_HANDLE, out, n, NULL, 0, &o);
	case CKF_DERIVE:
		return p11_f->C_DeriveKey(s, m, NO_HANDLE, NULL, 0, &o);
	case CKF_GENERATE:
		return p11_f->C_GenerateKey(s, m, NULL, 1, &o);
	default:
		return p11_f->C_GenerateKeyPair(s, m, NULL, 1, NULL, 1, &o, &p);
	}
}

static void flags_say_what_a_mechanism_does_and_nothing_else(void)
{
	static const CK_FLAGS all[] = { CKF_DIGEST, CKF_SIGN, CKF_VERIFY, CKF_ENCRYPT, CKF_DECRYPT, CKF_MESSAGE_SIGN,
		CKF_MESSAGE_VERIFY, CKF_MESSAGE_ENCRYPT, CKF_MESSAGE_DECRYPT, CKF_WRAP, CKF_UNWRAP, CKF_DERIVE, CKF_GENERATE,
		CKF_GENERATE_KEY_PAIR };
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_MECHANISM_TYPE list[256];
	CK_MECHANISM_INFO info;
	CK_ULONG n = HL_COUNT(list);

	IS(OK, C_GetMechanismList(P11_SLOT, list, &n));
	for (CK_ULONG i = 0; i < n; i++)
		for (size_t k = 0; k < HL_COUNT(all); k++) {
			CK_MECHANISM m = { list[i], NULL, 0 };
			bool has = flags_of(list[i], &info) & all[k], refused = begin(s, all[k], &m) == CKR_MECHANISM_INVALID;

			CU_ASSERT_EQUAL(refused, !has);
			if (refused == has)
				fprintf(stderr, "mechanism %#lx, flag %#lx\n", list[i], all[k]);
			p11_f->C_SessionCancel(s, ~0UL);
		}
	p11_over();
}

/* clang-format off */
static CU_TestInfo tests[] = {
	TEST(before_initialize_nothing_works_but_asking_for_functions),
	TEST(it_can_be_initialised_again_and_again),
	TEST(of_threads_that_race_to_initialise_exactly_one_succeeds),
	TEST(arguments_of_initialize_are_checked),
	TEST(a_wait_for_a_slot_event_blocks_until_finalize),
	TEST(both_interfaces_are_found_by_name_and_exact_version),
	TEST(no_function_pointer_is_missing),
	TEST(functions_that_are_not_there_say_so),
	TEST(equal_ids_are_one_slot_and_each_id_is_listed),
	TEST(a_slot_that_is_not_there_and_one_without_a_token_say_so),
	TEST(the_list_of_slots_is_the_same_each_time),
	TEST(slot_and_token_describe_the_partition_without_zeros),
	TEST(counts_of_sessions_follow_the_sessions),
	TEST(mechanisms_are_those_of_the_hsm_and_the_digests),
	TEST(flags_say_what_a_mechanism_does_and_nothing_else),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

int main(void)
{
	return p11_world_main("pkcs11 library", tests, p11_world_more_slots);
}
