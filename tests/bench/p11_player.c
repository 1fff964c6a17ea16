/* p11_player.c - hsmlet-bench-p11: how fast a PKCS#11 module is, whichever it is.
 *
 *	WORK:THREADS > WORK:THREADS PER_SECOND P50_US P99_US TIMES	(TIMES: while it warmed up, too)
 *	             > WORK:THREADS - C_SignInit 0x70		where the module says no
 *
 * hsmlet-bench starts one for each module and asks them in turns, on their standard inputs; a person names the work as
 * arguments. Before the first answer it says "ready MS": from C_Initialize to being logged in. */
#include <argp.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "lib/os/files.h"
#include "tests/bench/p11_player.h"

#define SLOTS 64
#define LABEL 32 /* PKCS #11 v3.0, 3.2: padded with blanks */

struct options {
	const char *module, *pin_file, *label;
	unsigned ms;
	bool make;
	char *const *work;
	int works;
};

static int failed(const char *what, CK_RV rv)
{
	fprintf(stderr, "hsmlet-bench-p11: %s: 0x%lx\n", what, rv);
	return 1;
}

/* -- the module --------------------------------------------------------------------------------------------------- */

static bool load(const char *path, struct token *t)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;

	if (module)
		*(void **)&get = dlsym(module, "C_GetFunctionList");
	if (get && get(&t->f) == CKR_OK)
		return true;
	fprintf(stderr, "hsmlet-bench-p11: %s\n", module ? "it has no C_GetFunctionList" : dlerror());
	return false;
}

static CK_RV initialize(struct token *t)
{
	CK_C_INITIALIZE_ARGS threads = { .flags = CKF_OS_LOCKING_OK };

	ASK(t, Initialize, &threads);
	return CKR_OK;
}

static bool is_labelled(const CK_TOKEN_INFO *info, const char *label)
{
	CK_UTF8CHAR padded[LABEL];
	size_t n = strlen(label);

	memset(padded, ' ', sizeof padded);
	memcpy(padded, label, n < LABEL ? n : LABEL);
	return memcmp(padded, info->label, LABEL) == 0;
}

/* The first token that has `label`, or any; with `label` NULL and `blank` one that is not initialised. */
static CK_RV choose(struct token *t, const char *label, bool blank)
{
	CK_SLOT_ID slot[SLOTS];
	CK_ULONG n = SLOTS;
	CK_TOKEN_INFO info;

	ASK(t, GetSlotList, CK_TRUE, slot, &n);
	for (CK_ULONG i = 0; i < n; i++) {
		bool is_blank;

		ASK(t, GetTokenInfo, slot[i], &info);
		is_blank = !(info.flags & CKF_TOKEN_INITIALIZED);
		if (is_blank != blank || (label && !is_labelled(&info, label)))
			continue;
		t->slot = slot[i];
		return CKR_OK;
	}
	refusing = "no such token";
	return CKR_TOKEN_NOT_PRESENT;
}

static CK_RV enter(struct token *t, CK_USER_TYPE who)
{
	ASK(t, OpenSession, t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &t->session);
	ASK(t, Login, t->session, who, t->pin, t->pin_n);
	return CKR_OK;
}

/* A token with this label and PIN, where there is a blank one. */
static CK_RV make(struct token *t, const char *label)
{
	CK_UTF8CHAR padded[LABEL];
	CK_RV rv = choose(t, NULL, true);

	if (rv != CKR_OK)
		return rv;
	memset(padded, ' ', sizeof padded);
	memcpy(padded, label, strlen(label));
	ASK(t, InitToken, t->slot, t->pin, t->pin_n, padded);
	rv = choose(t, label, false); /* perhaps at another slot now */
	if (rv == CKR_OK)
		rv = enter(t, CKU_SO);
	if (rv == CKR_OK)
		ASK(t, InitPIN, t->session, t->pin, t->pin_n);
	return rv;
}

/* -- what is asked ------------------------------------------------------------------------------------------------- */

static CK_RV prepare_and_measure(
	struct token *t, const struct work *w, unsigned threads, unsigned ms, struct figures *out)
{
	CK_RV rv = w->prepare ? w->prepare(t) : CKR_OK, after;

	if (rv == CKR_OK)
		rv = measure(t, w, threads, ms, out);
	after = work_forget(t);
	return rv != CKR_OK ? rv : after;
}

/* False: nobody knows what that is. */
static bool answer(struct token *t, const char *asked, unsigned ms)
{
	const char *colon = strrchr(asked, ':');
	struct figures f;
	const struct work *w;
	unsigned threads = 0;
	char name[32];
	CK_RV rv;

	snprintf(name, sizeof name, "%.*s", colon ? (int)(colon - asked) : 31, asked);
	if (!colon || sscanf(colon, ":%u", &threads) != 1)
		threads = 1;
	w = work_named(name);
	if (!w || threads < 1 || threads > THREADS_MAX || (w->alone && threads > 1)) {
		fprintf(stderr, "hsmlet-bench-p11: %s: no such work\n", asked);
		return false;
	}
	rv = prepare_and_measure(t, w, threads, ms, &f);
	if (rv == CKR_OK)
		printf("%s:%u %.1f %.2f %.2f %llu\n", name, threads, f.per_second, f.p50_us, f.p99_us,
			(unsigned long long)f.times);
	else
		printf("%s:%u - %s 0x%lx\n", name, threads, refusing, rv);
	return fflush(stdout) == 0;
}

static int answer_all(struct token *t, const struct options *o)
{
	char line[64];

	for (int i = 0; i < o->works; i++)
		if (!answer(t, o->work[i], o->ms))
			return 2;
	while (o->works == 0 && fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!answer(t, line, o->ms))
			return 2;
	}
	return 0;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int run(const struct options *o, struct token *t)
{
	double begun = now_ms();
	CK_RV rv = initialize(t);
	int rc = 0;

	if (rv == CKR_OK && o->make)
		rv = make(t, o->label);
	else if (rv == CKR_OK)
		rv = choose(t, o->label, false);
	if (rv == CKR_OK && !o->make)
		rv = enter(t, CKU_USER);
	if (rv != CKR_OK)
		return failed(refusing, rv);
	if (!o->make) {
		printf("ready %.3f\n", now_ms() - begun);
		fflush(stdout);
		rc = answer_all(t, o);
	}
	rv = t->f->C_Finalize(NULL);
	return rc == 0 && rv != CKR_OK ? failed("C_Finalize", rv) : rc;
}

/* -- options --------------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct argp_option option_rows[] = {
	{ "module",   'm', "FILE",  0, "the module", 0 },
	{ "pin-file", 'p', "FILE",  0, "file with the PIN", 0 },
	{ "label",    'l', "LABEL", 0, "of the token (the first one)", 0 },
	{ "ms",       't', "N",     0, "how long each work is measured (500)", 0 },
	{ "make",     'i', NULL,    0, "initialise a blank token with that label; the PIN is the security officer's, too", 0 },
	{ 0 },
};
/* clang-format on */

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	if (key == 'm')
		o->module = arg;
	else if (key == 'p')
		o->pin_file = arg;
	else if (key == 'l')
		o->label = arg;
	else if (key == 't')
		o->ms = (unsigned)strtoul(arg, NULL, 10);
	else if (key == 'i')
		o->make = true;
	else if (key == ARGP_KEY_ARGS) {
		o->work = state->argv + state->next;
		o->works = state->argc - state->next;
	} else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static void check(const struct options *o, struct argp *argp)
{
	bool bad_label = (o->label && strlen(o->label) > LABEL) || (o->make && !o->label);

	if (o->module && o->pin_file && o->ms > 0 && o->ms <= 600000 && !bad_label)
		return;
	argp_help(argp, stderr, ARGP_HELP_STD_USAGE, (char *)"hsmlet-bench-p11");
	exit(2);
}

static hl_err read_pin(const char *path, struct token *t)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(sizeof t->pin);
	const char *end = "\r\n";

	HL_TRY(hl_file_read_private(path, HL_SECRET_OF_CLIENT, sizeof t->pin - 1, &text));
	memcpy(t->pin, hl_buf_view(&text).p, text.n);
	t->pin_n = strcspn((char *)t->pin, end);
	return t->pin_n > 0 ? HL_OK : HL_E_ARG;
}

int main(int argc, char **argv)
{
	static const char doc[] =
		"Example:\n  hsmlet-bench-p11 --module libhsmlet-pkcs11.so --pin-file pin sign-p256:1 sign-p256:4\n\n"
		"How fast a PKCS#11 module is.\vWithout WORK it reads lines of it.";
	struct argp argp = { option_rows, on_option, "[WORK:THREADS...]", doc, NULL, NULL, NULL };
	struct options o = { .ms = 500 };
	struct token t = { 0 };
	int rc;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	check(&o, &argp);
	if (read_pin(o.pin_file, &t) != HL_OK) {
		fprintf(stderr, "hsmlet-bench-p11: %s: no PIN can be read there\n", o.pin_file);
		return 1;
	}
	rc = load(o.module, &t) ? run(&o, &t) : 1;
	OPENSSL_cleanse(&t, sizeof t);
	return rc;
}
