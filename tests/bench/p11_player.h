/* p11_player.h - inside hsmlet-bench-p11: one PKCS#11 module, what it is asked to do, and how long that takes.
 *
 * It sees the module only through C_GetFunctionList, and knows nothing of whose it is. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/pkcs11/cryptoki.h"

#define THREADS_MAX 64

struct token {
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session; /* logged in; the keys are its objects */
	CK_BYTE pin[65];
	CK_ULONG pin_n;
	CK_OBJECT_HANDLE key, public_key; /* of the work that is prepared; 0: none */
};

/* What one thread needs for its work. */
struct seat {
	const struct token *token;
	CK_SESSION_HANDLE session;
	unsigned number;
	uint64_t count; /* how often it has worked: no two of its initialisation vectors are alike */
	CK_BYTE out[5120];
};

struct work {
	const char *name;
	CK_RV (*prepare)(struct token *t); /* NULL: it needs no key */
	CK_RV (*once)(struct seat *s);
	bool alone; /* it changes what all threads share */
};

/** The function that said no last, in this thread: "C_SignInit". */
extern _Thread_local const char *refusing;

/* Leave with the function's answer where it is not CKR_OK, and remember which it was. */
#define ASK(t, fn, ...) \
	do { \
		CK_RV rv_ = (t)->f->C_##fn(__VA_ARGS__); \
		if (rv_ != CKR_OK) { \
			refusing = "C_" #fn; \
			return rv_; \
		} \
	} while (0)

/** NULL: there is none of that name. */
const struct work *work_named(const char *name);
/** Destroy what prepare() has made. */
CK_RV work_forget(struct token *t);

struct figures {
	double per_second, p50_us, p99_us;
	uint64_t times; /* in all, while it warmed up, too: what a processor's time is to be divided by */
};
/** Let `threads` (1 to THREADS_MAX) work at once for `ms`, after a quarter of that to warm up. The first refusal ends it,
 * and `refusing` is of this thread then. CKR_HOST_MEMORY. */
CK_RV measure(struct token *t, const struct work *w, unsigned threads, unsigned ms, struct figures *out);
