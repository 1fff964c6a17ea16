/* Calls made by a table: every function, each of its arguments and each pair of them in turn null, zero, one, huge or
 * of another kind, with nothing begun and with everything begun. Each ends with a code that the standard has, and none that
 * tells of a defect; buffers are on the heap, each alone, so that a sanitizer sees a byte too far. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/p11_world.h"

#define ARGS 9
#define ROOM 4096 /* of each buffer */
#define SMALL 64  /* what lengths say where nothing is wrong */
#define CALLS_MIN 2000

static CK_SESSION_HANDLE session;
static struct p11_pair pair;
static CK_OBJECT_HANDLE aes;

/* -- functions as rows -------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define CAST_1(T, a) (T)v[0]
#define CAST_2(T, a, U, b) (T)v[0], (U)v[1]
#define CAST_3(T, a, ...) (T)v[0], CAST_2_1(__VA_ARGS__)
#define CAST_4(T, a, ...) (T)v[0], CAST_3_1(__VA_ARGS__)
#define CAST_5(T, a, ...) (T)v[0], CAST_4_1(__VA_ARGS__)
#define CAST_6(T, a, ...) (T)v[0], CAST_5_1(__VA_ARGS__)
#define CAST_7(T, a, ...) (T)v[0], CAST_6_1(__VA_ARGS__)
#define CAST_8(T, a, ...) (T)v[0], CAST_7_1(__VA_ARGS__)
#define CAST_9(T, a, ...) (T)v[0], CAST_8_1(__VA_ARGS__)
#define CAST_2_1(T, a, U, b) (T)v[1], (U)v[2]
#define CAST_3_1(T, a, ...) (T)v[1], CAST_2_2(__VA_ARGS__)
#define CAST_4_1(T, a, ...) (T)v[1], CAST_3_2(__VA_ARGS__)
#define CAST_5_1(T, a, ...) (T)v[1], CAST_4_2(__VA_ARGS__)
#define CAST_6_1(T, a, ...) (T)v[1], CAST_5_2(__VA_ARGS__)
#define CAST_7_1(T, a, ...) (T)v[1], CAST_6_2(__VA_ARGS__)
#define CAST_8_1(T, a, ...) (T)v[1], CAST_7_2(__VA_ARGS__)
#define CAST_2_2(T, a, U, b) (T)v[2], (U)v[3]
#define CAST_3_2(T, a, ...) (T)v[2], CAST_2_3(__VA_ARGS__)
#define CAST_4_2(T, a, ...) (T)v[2], CAST_3_3(__VA_ARGS__)
#define CAST_5_2(T, a, ...) (T)v[2], CAST_4_3(__VA_ARGS__)
#define CAST_6_2(T, a, ...) (T)v[2], CAST_5_3(__VA_ARGS__)
#define CAST_7_2(T, a, ...) (T)v[2], CAST_6_3(__VA_ARGS__)
#define CAST_2_3(T, a, U, b) (T)v[3], (U)v[4]
#define CAST_3_3(T, a, ...) (T)v[3], CAST_2_4(__VA_ARGS__)
#define CAST_4_3(T, a, ...) (T)v[3], CAST_3_4(__VA_ARGS__)
#define CAST_5_3(T, a, ...) (T)v[3], CAST_4_4(__VA_ARGS__)
#define CAST_6_3(T, a, ...) (T)v[3], CAST_5_4(__VA_ARGS__)
#define CAST_2_4(T, a, U, b) (T)v[4], (U)v[5]
#define CAST_3_4(T, a, ...) (T)v[4], CAST_2_5(__VA_ARGS__)
#define CAST_4_4(T, a, ...) (T)v[4], CAST_3_5(__VA_ARGS__)
#define CAST_5_4(T, a, ...) (T)v[4], CAST_4_5(__VA_ARGS__)
#define CAST_2_5(T, a, U, b) (T)v[5], (U)v[6]
#define CAST_3_5(T, a, ...) (T)v[5], CAST_2_6(__VA_ARGS__)
#define CAST_4_5(T, a, ...) (T)v[5], CAST_3_6(__VA_ARGS__)
#define CAST_2_6(T, a, U, b) (T)v[6], (U)v[7]
#define CAST_3_6(T, a, ...) (T)v[6], CAST_2_7(__VA_ARGS__)
#define CAST_2_7(T, a, U, b) (T)v[7], (U)v[8]

#define STRINGS_1(T, a) { #T, #a }
#define STRINGS_2(T, a, ...) { #T, #a }, STRINGS_1(__VA_ARGS__)
#define STRINGS_3(T, a, ...) { #T, #a }, STRINGS_2(__VA_ARGS__)
#define STRINGS_4(T, a, ...) { #T, #a }, STRINGS_3(__VA_ARGS__)
#define STRINGS_5(T, a, ...) { #T, #a }, STRINGS_4(__VA_ARGS__)
#define STRINGS_6(T, a, ...) { #T, #a }, STRINGS_5(__VA_ARGS__)
#define STRINGS_7(T, a, ...) { #T, #a }, STRINGS_6(__VA_ARGS__)
#define STRINGS_8(T, a, ...) { #T, #a }, STRINGS_7(__VA_ARGS__)
#define STRINGS_9(T, a, ...) { #T, #a }, STRINGS_8(__VA_ARGS__)

#define CALL(name, n, ...) \
	static CK_RV call_##name(const uintptr_t *v) \
	{ \
		return p11_f->C_##name(CAST_##n(__VA_ARGS__)); \
	}
CK_FUNCTIONS(CALL)
#undef CALL

static const struct function {
	const char *name;
	CK_RV (*call)(const uintptr_t *v);
	unsigned args;
	struct { const char *type, *name; } arg[ARGS];
} functions[] = {
#define ROW(name, n, ...) { #name, call_##name, n, { STRINGS_##n(__VA_ARGS__) } },
	CK_FUNCTIONS(ROW)
#undef ROW
};

#define VALUE(name, value) { value, #name },
static const struct { CK_RV rv; const char *name; } codes[] = { CK_RETURN_VALUES(VALUE) };
#undef VALUE
/* clang-format on */

/* -- arguments --------------------------------------------------------------------------------------------------------- */

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_pointer(const char *type)
{
	return strstr(type, "_PTR") != NULL || is(type, "CK_NOTIFY");
}

/* Buffers of the call under way, to be freed after it. */
static void *heap[4 * ARGS];
static size_t heaps;

static void *buffer(const void *from, size_t n)
{
	void *p = calloc(1, ROOM);

	if (!p)
		abort();
	memcpy(p, from, n);
	return heap[heaps++] = p;
}

static void free_buffers(void)
{
	while (heaps > 0)
		free(heap[--heaps]);
}

static CK_MECHANISM_TYPE mechanism_for(const char *function)
{
	if (strstr(function, "Encrypt") || strstr(function, "Decrypt"))
		return CKM_AES_GCM;
	if (strstr(function, "Digest"))
		return CKM_SHA256;
	if (is(function, "GenerateKey"))
		return CKM_AES_KEY_GEN;
	return is(function, "GenerateKeyPair") ? CKM_EC_KEY_PAIR_GEN : CKM_ECDSA_SHA256;
}

static uintptr_t mechanism(const char *function)
{
	CK_MECHANISM m = { mechanism_for(function), NULL, 0 };
	CK_BYTE iv[12] = { 7 };

	if (m.mechanism == CKM_AES_GCM && !begins(function, "Message")) {
		CK_GCM_PARAMS g = { buffer(iv, sizeof iv), 12, 96, NULL, 0, 128 };

		m.pParameter = buffer(&g, sizeof g);
		m.ulParameterLen = sizeof g;
	}
	return (uintptr_t)buffer(&m, sizeof m);
}

static uintptr_t pointer(const char *function, const char *type)
{
	CK_ATTRIBUTE id = { CKA_ID, NULL, 4 };
	CK_ULONG small = SMALL;

	if (is(type, "CK_MECHANISM_PTR"))
		return mechanism(function);
	if (is(type, "CK_ATTRIBUTE_PTR")) {
		id.pValue = buffer("args", 4);
		return (uintptr_t)buffer(&id, sizeof id);
	}
	if (is(type, "CK_ULONG_PTR"))
		return (uintptr_t)buffer(&small, sizeof small);
	return is(type, "CK_NOTIFY") ? 0 : (uintptr_t)buffer("", 0);
}

static uintptr_t handle(const char *function)
{
	if (strstr(function, "Verify"))
		return pair.public_key;
	return strstr(function, "Encrypt") || strstr(function, "Decrypt") ? aes : pair.key;
}

/* Where nothing is wrong. */
static uintptr_t good(const struct function *f, unsigned i)
{
	const char *type = f->arg[i].type, *name = f->arg[i].name;

	if (is_pointer(type))
		return pointer(f->name, type);
	if (is(type, "CK_SESSION_HANDLE"))
		return session;
	if (is(type, "CK_OBJECT_HANDLE"))
		return handle(f->name);
	if (is(type, "CK_MECHANISM_TYPE"))
		return CKM_SHA256;
	if (is(type, "CK_SLOT_ID") || is(type, "CK_BBOOL"))
		return 0;
	if (is(type, "CK_FLAGS"))
		return begins(f->name, "Wait") ? CKF_DONT_BLOCK : CKF_SERIAL_SESSION;
	if (is(type, "CK_USER_TYPE"))
		return CKU_USER;
	return strstr(name, "Count") ? 1 : SMALL;
}

/* Every function of the list is a row, and the last row is the list's last. */
static void every_function_is_called(void)
{
	CU_ASSERT_EQUAL(HL_COUNT(functions) * sizeof(void *) + offsetof(CK_FUNCTION_LIST_3_0, C_Initialize),
		sizeof(CK_FUNCTION_LIST_3_0));
}

static uintptr_t wrong(const struct function *f, unsigned i, unsigned how)
{
	static const uintptr_t numbers[] = { 0, 1, UINTPTR_MAX, INTPTR_MAX };

	if (is_pointer(f->arg[i].type))
		return how == 0 ? 0 : pointer("", "");
	return numbers[how];
}

static unsigned ways(const struct function *f, unsigned i)
{
	return is_pointer(f->arg[i].type) ? 1 : 4;
}

/* -- what is begun -------------------------------------------------------------------------------------------------------- */

static const char *const inits[] = { "FindObjectsInit", "DigestInit", "SignInit", "VerifyInit", "EncryptInit",
	"DecryptInit", "MessageSignInit", "MessageVerifyInit", "MessageEncryptInit", "MessageDecryptInit" };

static void run_good(const char *name)
{
	for (size_t i = 0; i < HL_COUNT(functions); i++) {
		const struct function *f = &functions[i];
		uintptr_t v[ARGS];

		if (!is(f->name, name))
			continue;
		for (unsigned k = 0; k < f->args; k++)
			v[k] = good(f, k);
		CU_ASSERT_EQUAL(f->call(v), CKR_OK);
		free_buffers();
	}
}

/* A session that is logged in, with nothing begun or everything. */
static void arm(bool everything)
{
	CK_SESSION_INFO info;

	if (p11_f->C_GetSessionInfo(session, &info) != CKR_OK)
		CU_ASSERT_EQUAL(
			p11_f->C_OpenSession(P11_SLOT, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
	if (p11_f->C_Login(session, CKU_USER, (CK_UTF8CHAR *)acme.pin, strlen(acme.pin)) == CKR_OK) {
		pair.key = pair.public_key = aes = 0;
		CU_ASSERT_EQUAL(p11_find(session, "args aes", &aes, 1), 1);
		CU_ASSERT_EQUAL(p11_find(session, "args private", &pair.key, 1), 1);
		CU_ASSERT_EQUAL(p11_find(session, "args public", &pair.public_key, 1), 1);
	}
	p11_f->C_SessionCancel(session, ~0UL);
	for (size_t i = 0; everything && i < HL_COUNT(inits); i++)
		run_good(inits[i]);
}

/* What would end the library, or wait until somebody else does. Keys that others need stay. */
static bool is_left_out(const struct function *f, const uintptr_t *v)
{
	if (is(f->name, "Finalize"))
		return v[0] == 0;
	if (is(f->name, "WaitForSlotEvent"))
		return !(v[0] & CKF_DONT_BLOCK) && v[1] && !v[2];
	return is(f->name, "DestroyObject") && (v[1] == pair.key || v[1] == aes || v[1] == pair.public_key);
}

static unsigned calls;

static void judge(const struct function *f, const uintptr_t *v, CK_RV rv)
{
	const char *name = NULL;

	for (size_t i = 0; i < HL_COUNT(codes); i++)
		if (codes[i].rv == rv)
			name = codes[i].name;
	if (name && rv != CKR_GENERAL_ERROR && rv != CKR_DEVICE_ERROR && rv != CKR_FUNCTION_FAILED && rv != CKR_HOST_MEMORY)
		return;
	fprintf(stderr, "C_%s: %s 0x%lx (", f->name, name ? name : "unknown", rv);
	for (unsigned i = 0; i < f->args; i++)
		fprintf(stderr, "%s=0x%lx ", f->arg[i].name, (unsigned long)v[i]);
	fprintf(stderr, ")\n");
	CU_FAIL("no code that this call may have");
}

/* Arguments `a` and `b` are wrong, all others good. */
static void call(const struct function *f, bool armed, unsigned a, unsigned how_a, unsigned b, unsigned how_b)
{
	uintptr_t v[ARGS];
	CK_RV rv;

	arm(armed);
	for (unsigned i = 0; i < f->args; i++)
		v[i] = good(f, i);
	v[a] = wrong(f, a, how_a);
	v[b] = a == b ? v[a] : wrong(f, b, how_b);
	if (!is_left_out(f, v)) {
		rv = f->call(v);
		calls++;
		if (!is(f->name, "GetInterface"))
			judge(f, v, rv);
	}
	free_buffers();
}

static void sweep(const struct function *f, bool armed)
{
	for (unsigned a = 0; a < f->args; a++)
		for (unsigned how_a = 0; how_a < ways(f, a); how_a++)
			for (unsigned b = a; b < f->args; b++)
				for (unsigned how_b = 0; how_b < (a == b ? 1 : ways(f, b)); how_b++)
					call(f, armed, a, how_a, b, how_b);
}

static void sweep_all(bool armed)
{
	size_t stride = hl_test_is_slow() ? 5 : 1; /* of the functions, where each call takes long */

	for (size_t i = 0; i < HL_COUNT(functions); i += stride)
		sweep(&functions[i], armed);
}

static void wrong_arguments_are_told_by_a_code_where_nothing_is_begun(void)
{
	calls = 0;
	sweep_all(false);
	CU_ASSERT(calls >= CALLS_MIN || hl_test_is_slow());
}

static void wrong_arguments_are_told_by_a_code_where_everything_is_begun(void)
{
	calls = 0;
	sweep_all(true);
	CU_ASSERT(calls >= CALLS_MIN || hl_test_is_slow());
}

/* Whatever else is right or wrong, the session is looked at first. */
static void a_closed_session_is_none_to_any_function(void)
{
	CK_SESSION_HANDLE mine = session, closed = 0;

	arm(false);
	CU_ASSERT_EQUAL(p11_f->C_OpenSession(P11_SLOT, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &closed), CKR_OK);
	CU_ASSERT_EQUAL(p11_f->C_CloseSession(closed), CKR_OK);
	mine = session;
	session = closed;
	for (size_t i = 0; i < HL_COUNT(functions); i++) {
		const struct function *f = &functions[i];
		uintptr_t v[ARGS] = { 0 };

		if (!is(f->arg[0].type, "CK_SESSION_HANDLE"))
			continue;
		v[0] = closed;
		CU_ASSERT_EQUAL(f->call(v), CKR_SESSION_HANDLE_INVALID); /* nothing else given */
		for (unsigned k = 0; k < f->args; k++)
			v[k] = good(f, k);
		CU_ASSERT_EQUAL(f->call(v), CKR_SESSION_HANDLE_INVALID);
		v[0] = 0;
		CU_ASSERT_EQUAL(f->call(v), CKR_SESSION_HANDLE_INVALID);
		free_buffers();
	}
	session = mine;
}

static void without_a_library_every_call_says_so(void)
{
	CU_ASSERT_EQUAL(p11_f->C_Finalize(NULL), CKR_OK);
	for (size_t i = 0; i < HL_COUNT(functions); i++) {
		const struct function *f = &functions[i];
		uintptr_t v[ARGS] = { 0 };

		if (!is(f->name, "Initialize") && !begins(f->name, "GetFunctionList") && !begins(f->name, "GetInterface"))
			CU_ASSERT_EQUAL(f->call(v), CKR_CRYPTOKI_NOT_INITIALIZED);
	}
	CU_ASSERT_EQUAL(p11_f->C_Initialize(NULL), CKR_OK);
}

static CU_TestInfo tests[] = {
	{ "every function is called", every_function_is_called },
	{ "wrong arguments are told by a code where nothing is begun",
		wrong_arguments_are_told_by_a_code_where_nothing_is_begun },
	{ "wrong arguments are told by a code where everything is begun",
		wrong_arguments_are_told_by_a_code_where_everything_is_begun },
	{ "a closed session is none to any function", a_closed_session_is_none_to_any_function },
	{ "without a library every call says so", without_a_library_every_call_says_so },
	CU_TEST_INFO_NULL,
};

static void rename_to(CK_OBJECT_HANDLE o, const char *label)
{
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };

	p11_f->C_SetAttributeValue(session, o, &t, 1);
}

static bool prepare(void)
{
	if (!p11_set(&client, "primus.log.trace_level", "0") || !p11_set(&client, "primus.log.trace_mask", "1"))
		return false;
	session = p11_world_session();
	if (p11_make_p256(session, "args", &pair) != CKR_OK || p11_make_aes(session, "args aes", &aes) != CKR_OK)
		return false;
	rename_to(pair.key, "args private");
	rename_to(pair.public_key, "args public");
	return true;
}

int main(void)
{
	return p11_world_main("pkcs11 args", tests, prepare);
}
