/* entry.c - C_*: every call comes in here and leaves here. */
#include "client/pkcs11/module.h"

#include <stdio.h>

#define API __attribute__((visibility("default")))

#define ARGS_MAX 9

/* A function, for the log. */
struct entry {
	const char *name;
	const char *type[ARGS_MAX], *arg[ARGS_MAX];
	unsigned args;
	bool any_time; /* also while the library is not initialised */
};

/* clang-format off */
#define TYPES_1(T, a) #T
#define TYPES_2(T, a, ...) #T, TYPES_1(__VA_ARGS__)
#define TYPES_3(T, a, ...) #T, TYPES_2(__VA_ARGS__)
#define TYPES_4(T, a, ...) #T, TYPES_3(__VA_ARGS__)
#define TYPES_5(T, a, ...) #T, TYPES_4(__VA_ARGS__)
#define TYPES_6(T, a, ...) #T, TYPES_5(__VA_ARGS__)
#define TYPES_7(T, a, ...) #T, TYPES_6(__VA_ARGS__)
#define TYPES_8(T, a, ...) #T, TYPES_7(__VA_ARGS__)
#define TYPES_9(T, a, ...) #T, TYPES_8(__VA_ARGS__)
#define NAMES_1(T, a) #a
#define NAMES_2(T, a, ...) #a, NAMES_1(__VA_ARGS__)
#define NAMES_3(T, a, ...) #a, NAMES_2(__VA_ARGS__)
#define NAMES_4(T, a, ...) #a, NAMES_3(__VA_ARGS__)
#define NAMES_5(T, a, ...) #a, NAMES_4(__VA_ARGS__)
#define NAMES_6(T, a, ...) #a, NAMES_5(__VA_ARGS__)
#define NAMES_7(T, a, ...) #a, NAMES_6(__VA_ARGS__)
#define NAMES_8(T, a, ...) #a, NAMES_7(__VA_ARGS__)
#define NAMES_9(T, a, ...) #a, NAMES_8(__VA_ARGS__)
#define VALUES_1(T, a) (uintptr_t)(a)
#define VALUES_2(T, a, ...) (uintptr_t)(a), VALUES_1(__VA_ARGS__)
#define VALUES_3(T, a, ...) (uintptr_t)(a), VALUES_2(__VA_ARGS__)
#define VALUES_4(T, a, ...) (uintptr_t)(a), VALUES_3(__VA_ARGS__)
#define VALUES_5(T, a, ...) (uintptr_t)(a), VALUES_4(__VA_ARGS__)
#define VALUES_6(T, a, ...) (uintptr_t)(a), VALUES_5(__VA_ARGS__)
#define VALUES_7(T, a, ...) (uintptr_t)(a), VALUES_6(__VA_ARGS__)
#define VALUES_8(T, a, ...) (uintptr_t)(a), VALUES_7(__VA_ARGS__)
#define VALUES_9(T, a, ...) (uintptr_t)(a), VALUES_8(__VA_ARGS__)

enum {
#define ID(name, n, ...) ID_##name,
	CK_FUNCTIONS(ID)
#undef ID
};
/* What works without C_Initialize. */
#define ANY_TIME(id) ((id) == ID_Initialize || (id) == ID_GetFunctionList || (id) == ID_GetInterfaceList || (id) == ID_GetInterface)

static const struct entry entries[] = {
#define ROW(fn, n, ...) { "C_" #fn, { TYPES_##n(__VA_ARGS__) }, { NAMES_##n(__VA_ARGS__) }, n, ANY_TIME(ID_##fn) },
	CK_FUNCTIONS(ROW)
#undef ROW
};
/* clang-format on */

/* -- the log of calls -------------------------------------------------------------------------------------------- */

static bool is_number(const char *type)
{
	static const char *const pointers[] = { "_PTR", "CK_NOTIFY" };

	for (size_t i = 0; i < HL_COUNT(pointers); i++)
		if (strstr(type, pointers[i]))
			return false;
	return true;
}

/* Names with Pin are never told, not even where they point; of a mechanism its number is worth more. */
static int print_arg(char *out, size_t size, const char *type, const char *name, uintptr_t value)
{
	if (strstr(name, "Pin") && !is_number(type))
		return snprintf(out, size, " %s=***", name);
	if (strcmp(type, "CK_MECHANISM_PTR") == 0 && value)
		return snprintf(out, size, " mechanism=0x%lx", ((const CK_MECHANISM *)value)->mechanism);
	return snprintf(out, size, is_number(type) ? " %s=%lu" : " %s=0x%lx", name, (unsigned long)value);
}

static void log_input(const struct entry *e, const uintptr_t *value)
{
	char text[512];
	size_t n = 0;

	text[0] = 0;
	for (unsigned i = 0; i < e->args && n < sizeof text; i++)
		n += (size_t)print_arg(text + n, sizeof text - n, e->type[i], e->arg[i], value[i]);
	p11_log(P11_LOG_INFO, e->name, "%s", text[0] == ' ' ? text + 1 : text);
}

static CK_RV enter(const struct entry *e, const uintptr_t *value)
{
	p11_own();
	if (e->any_time)
		return CKR_OK;
	P11_TRY(p11_begin());
	p11_call_begins();
	if (p11_log_inout())
		p11_log(P11_LOG_INFO, e->name, "begin");
	if (p11_log_masks(P11_MASK_INPUT))
		log_input(e, value);
	return CKR_OK;
}

/* What is asked for on purpose and answered as it should be is no error. */
static int level_of(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL || rv == CKR_NO_EVENT ? P11_LOG_INFO : P11_LOG_ERROR;
}

/* The log is there while the library is: what begins and ends that logs for itself. */
static CK_RV leave(const struct entry *e, CK_RV rv)
{
	bool ended = e == &entries[ID_Finalize] && rv == CKR_OK;

	if (e->any_time)
		return rv;
	if (!ended && (level_of(rv) == P11_LOG_ERROR || p11_log_inout() || p11_log_masks(P11_MASK_INPUT)))
		p11_log(level_of(rv), e->name, "rv: 0x%lx", rv);
	p11_end();
	return rv;
}

/* -- the entry points ----------------------------------------------------------------------------------------------- */

#define ENTRY(fn, n, ...) \
	API CK_RV C_##fn(CK_PARAMS_##n(__VA_ARGS__)) \
	{ \
		const struct entry *e = &entries[ID_##fn]; \
		const uintptr_t value[] = { VALUES_##n(__VA_ARGS__) }; \
		CK_RV rv = enter(e, value); \
\
		return rv == CKR_OK ? leave(e, p11_##fn(CK_ARGS_##n(__VA_ARGS__))) : rv; \
	}
CK_FUNCTIONS(ENTRY)
