/* A storm over the PKCS#11 provider: eight threads of one application sign, make and destroy keys, of the token and of
 * their sessions, while members come and go (tests/support/storm.h). Whatever was acknowledged is there afterwards, once;
 * no call is longer under way than its bound; no login, no session and no session object is lost; nothing is left open.
 * New keys need no master here, so that as many as can be are made. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509.h>

#include "client/link.h"
#include "lib/os/clock.h"
#include "tests/support/descriptors.h"
#include "tests/support/draw.h"
#include "tests/support/hand.h"
#include "tests/support/key.h"
#include "tests/support/p11.h"
#include "tests/support/sockets.h"
#include "tests/support/test.h"

#define THREADS 8
#define PROXIES 3
#define HSMS 2

#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)
#define IS(code, call) CU_ASSERT_EQUAL(p11_f->call, CKR_##code)

static struct live *w;
static struct live_account acme;
static struct p11_client client;
static struct storm storm;

/* -- what a thread did --------------------------------------------------------------------------------------------- */

enum deed { MAKE, MAKE_SHORT, LOAD, INIT, SIGN, DESTROY, DESTROY_SHORT, RANDOM, INFO, OPEN, DEEDS };
static const char *const deed_name[] = { "make", "make session", "load", "sign init", "sign", "destroy", "destroy sess.",
	"random", "token info", "open session" };

struct worker {
	struct hand hand;
	CK_SESSION_HANDLE s;
	uint8_t *is_short; /* by row of the ledger: of the session */
};

/* What somebody may be told while members come and go: that nobody was reached, that nobody knows how it ended, or (of a
 * cluster that does not let keys be made just now) that it failed. */
static bool may_be_told(enum deed d, CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_DEVICE_ERROR || rv == CKR_FUNCTION_FAILED ||
		((d == DESTROY || d == DESTROY_SHORT) && rv == CKR_OBJECT_HANDLE_INVALID);
}

static unsigned limit_ms(enum deed d)
{
	return (d == MAKE || d == MAKE_SHORT ? CLIENT_GENERATE_MS : CLIENT_CALL_MS) * (hl_test_is_slow() ? 2u : 1u);
}

/* Whether it happened. */
static enum fate end(struct worker *t, enum deed d, CK_RV rv)
{
	enum fate fate = rv == CKR_OK ? FATE_YES : rv == CKR_DEVICE_ERROR ? FATE_MAYBE : FATE_NO;

	if (!may_be_told(d, rv))
		hand_wrong(&t->hand, "was told what nobody may be told", deed_name[d], (int)rv);
	return hand_ends(&t->hand, d, fate, (int)rv, limit_ms(d));
}

/* -- deeds ------------------------------------------------------------------------------------------------------------ */

static CK_RV generate(CK_SESSION_HANDLE s, const char *label, bool is_short, struct p11_pair *out)
{
	static CK_BYTE p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE, on_token = !is_short;
	CK_ATTRIBUTE name = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	CK_ATTRIBUTE public_key[] = { name, { CKA_TOKEN, &on_token, 1 }, { CKA_VERIFY, &yes, 1 },
		{ CKA_EC_PARAMS, p256, sizeof p256 } };
	CK_ATTRIBUTE key[] = { name, { CKA_TOKEN, &on_token, 1 }, { CKA_SIGN, &yes, 1 } };

	return p11_f->C_GenerateKeyPair(s, &m, public_key, 4, key, 3, &out->public_key, &out->key);
}

static void make(struct worker *t, bool is_short)
{
	struct ledger_pair *p = ledger_add(&t->hand.ledger, t->hand.prefix);
	struct p11_pair k;
	CK_RV rv;

	t->is_short = realloc(t->is_short, t->hand.ledger.n);
	if (!t->is_short)
		abort();
	t->is_short[t->hand.ledger.n - 1] = is_short;
	hand_begins(&t->hand);
	rv = generate(t->s, p->label, is_short, &k);
	p->made = end(t, is_short ? MAKE_SHORT : MAKE, rv);
	if (rv != CKR_OK)
		return;
	p->object[0].handle = k.key;
	p->object[1].handle = k.public_key;
}

static bool has_public_key(struct worker *t, struct ledger_pair *p)
{
	CK_BYTE der[256];
	CK_ATTRIBUTE info = { CKA_PUBLIC_KEY_INFO, der, sizeof der };
	const unsigned char *at = der;

	if (p->public_key)
		return true;
	hand_begins(&t->hand);
	if (end(t, LOAD, p11_f->C_GetAttributeValue(t->s, p->object[1].handle, &info, 1)) != FATE_YES)
		return false;
	p->public_key = d2i_PUBKEY(NULL, &at, (long)info.ulValueLen);
	return p->public_key;
}

static void sign(struct worker *t, struct ledger_pair *p)
{
	CK_MECHANISM ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE data[32], signature[64];
	CK_ULONG n = sizeof signature;

	if (p->object[0].gone != FATE_NO || !has_public_key(t, p))
		return;
	draw_bytes(&t->hand.state, data, sizeof data);
	hand_begins(&t->hand);
	if (end(t, INIT, p11_f->C_SignInit(t->s, &ecdsa, p->object[0].handle)) != FATE_YES)
		return;
	hand_begins(&t->hand);
	if (end(t, SIGN, p11_f->C_Sign(t->s, data, sizeof data, signature, &n)) == FATE_YES &&
		!key_judges(p->public_key, data, sizeof data, signature, n))
		hand_wrong(&t->hand, "a signature does not verify", p->label, 0);
}

static void destroy(struct worker *t, struct ledger_pair *p, unsigned which, bool is_short)
{
	enum fate fate;
	CK_RV rv;

	hand_begins(&t->hand);
	rv = p11_f->C_DestroyObject(t->s, p->object[which].handle);
	fate = end(t, is_short ? DESTROY_SHORT : DESTROY, rv);
	hand_destroyed(&t->hand, p, which, fate, rv == CKR_OBJECT_HANDLE_INVALID, (int)rv);
}

static void retire(struct worker *t)
{
	size_t row;
	struct ledger_pair *p = hand_retires(&t->hand, &row);

	for (unsigned which = 0; p && which < 2; which++) {
		destroy(t, p, which, t->is_short[row]);
		if (hand_repeats(&t->hand))
			destroy(t, p, which, t->is_short[row]);
	}
}

static void ask_for_random(struct worker *t)
{
	CK_BYTE bytes[100];

	hand_begins(&t->hand);
	end(t, RANDOM, p11_f->C_GenerateRandom(t->s, bytes, sizeof bytes));
}

static void ask_for_info(struct worker *t)
{
	CK_SESSION_INFO session;
	CK_TOKEN_INFO token;

	hand_begins(&t->hand);
	end(t, INFO, p11_f->C_GetTokenInfo(P11_SLOT, &token));
	if (p11_f->C_GetSessionInfo(t->s, &session) != CKR_OK || session.state != CKS_RW_USER_FUNCTIONS)
		hand_wrong(&t->hand, "the login is lost", deed_name[INFO], (int)session.state);
}

/* A session more for a moment. */
static void open_another(struct worker *t)
{
	CK_SESSION_HANDLE s;
	CK_RV rv;

	hand_begins(&t->hand);
	rv = p11_f->C_OpenSession(P11_SLOT, RW, NULL, NULL, &s);
	if (end(t, OPEN, rv) != FATE_YES)
		return;
	rv = p11_f->C_CloseSession(s);
	if (rv != CKR_OK)
		hand_wrong(&t->hand, "a session does not close", deed_name[OPEN], (int)rv);
}

static void step(struct worker *t)
{
	size_t what = draw_below(&t->hand.state, 100);
	struct ledger_pair *p;

	if (hand_is_full(&t->hand)) {
		retire(t);
		return;
	}
	p = hand_draws(&t->hand);
	if (what < 3)
		open_another(t);
	else if (what < 6)
		ask_for_info(t);
	else if (what < 9)
		ask_for_random(t);
	else if (what < 70 && p && p->made == FATE_YES)
		sign(t, p);
	else
		make(t, what % 2);
}

static void *work(void *at)
{
	const unsigned each = 1u << MAKE | 1u << MAKE_SHORT | 1u << SIGN | 1u << DESTROY | 1u << DESTROY_SHORT;
	struct worker *t = at;

	while (storm_goes_on(&storm, &t->hand.tally, each))
		step(t);
	return NULL;
}

/* -- afterwards ------------------------------------------------------------------------------------------------------- */

static void judge(struct worker t[THREADS])
{
	static const unsigned often[] = { MAKE, MAKE_SHORT, SIGN, DESTROY, DESTROY_SHORT };
	const struct hand *hand[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		hand[i] = &t[i].hand;
	hands_judged(&storm, hand, THREADS, deed_name, DEEDS, true, often, HL_COUNT(often));
}

static void look_at(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, struct ledger_object *out)
{
	CK_OBJECT_CLASS class = 0;
	CK_ATTRIBUTE t[] = { { CKA_LABEL, out->label, sizeof out->label - 1 }, { CKA_CLASS, &class, sizeof class } };

	IS(OK, C_GetAttributeValue(s, o, t, 2));
	out->handle = o;
	out->is_public = class == CKO_PUBLIC_KEY;
}

/* Everything that the application sees. */
static struct ledger_object *see_all(CK_SESSION_HANDLE s, size_t *n)
{
	CK_OBJECT_HANDLE some[256];
	struct ledger_object *all = NULL;
	CK_ULONG more;

	*n = 0;
	IS(OK, C_FindObjectsInit(s, NULL, 0));
	do {
		more = 0;
		IS(OK, C_FindObjects(s, some, HL_COUNT(some), &more));
		all = realloc(all, (*n + more + 1) * sizeof *all);
		if (!all)
			abort();
		memset(all + *n, 0, (more + 1) * sizeof *all);
		for (CK_ULONG i = 0; i < more; i++)
			look_at(s, some[i], &all[(*n)++]);
	} while (more > 0);
	IS(OK, C_FindObjectsFinal(s));
	return all;
}

static void audit(struct worker t[THREADS], CK_SESSION_HANDLE s)
{
	struct ledger l[THREADS];
	struct ledger_object *all;
	char prefix[32];
	size_t n;

	hands_prefix(&storm, prefix);
	for (unsigned i = 0; i < THREADS; i++)
		l[i] = t[i].hand.ledger;
	all = see_all(s, &n);
	CU_ASSERT_EQUAL(ledger_judge(all, n, prefix, l, THREADS), 0);
	free(all);
}

/* Of what was made for a session nothing is left when that is closed, of all else everything. */
static void audit_after_the_sessions(struct worker t[THREADS], CK_SESSION_HANDLE s)
{
	size_t there, expected = 0, unsure = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		IS(OK, C_CloseSession(t[i].s));
		for (size_t row = 0; row < t[i].hand.ledger.n; row++) {
			const struct ledger_pair *p = &t[i].hand.ledger.pair[row];

			if (t[i].is_short[row] || p->made == FATE_NO)
				continue;
			for (unsigned which = 0; which < 2; which++) {
				expected += p->made == FATE_YES && p->object[which].gone == FATE_NO;
				unsure += p->made == FATE_MAYBE || p->object[which].gone == FATE_MAYBE;
			}
		}
	}
	free(see_all(s, &there));
	there -= p11_profiles(s);
	CU_ASSERT(there >= expected && there <= expected + unsure);
}

/* -- the story ---------------------------------------------------------------------------------------------------------- */

/* In a storm that is long enough nobody is there for longer than a call may take: then nobody knows what became of those
 * that were under way. */
static void weather(void)
{
	const int64_t dark_us = (CLIENT_CALL_MS + 3000) * INT64_C(1000), whole = storm.seconds * INT64_C(1000000);
	int64_t begun = hl_clock_mono_us(), half = begun + whole / 2;

	CU_ASSERT(storm_until(&storm, half));
	if (whole > 2 * dark_us)
		CU_ASSERT(storm_darkness(&storm, half + dark_us));
	CU_ASSERT(storm_until(&storm, begun + whole));
	CU_ASSERT(storm_end(&storm));
}

static void set_out(struct worker *t, unsigned number)
{
	*t = (struct worker){ .hand = hand_of(&storm, number) };
	IS(OK, C_OpenSession(P11_SLOT, RW, NULL, NULL, &t->s));
	if (pthread_create(&t->hand.thread, NULL, work, t) != 0)
		abort();
}

static void whoever_is_killed_what_was_acknowledged_is_there_once(void)
{
	int before = descriptors();
	static struct worker t[THREADS];
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);

	CU_ASSERT_FATAL(storm_begin(&storm, w, PROXIES, HSMS));
	for (unsigned i = 0; i < THREADS; i++)
		set_out(&t[i], i);
	weather();
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i].hand.thread, NULL);
	storm_settle(&storm);
	judge(t);
	audit(t, s);
	audit_after_the_sessions(t, s);
	p11_over();
	CU_ASSERT(sockets_await_none(w));
	CU_ASSERT_EQUAL(descriptors(), before);
	for (unsigned i = 0; i < THREADS; i++) {
		ledger_clear(&t[i].hand.ledger);
		free(t[i].is_short);
	}
}

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(whoever_is_killed_what_was_acknowledged_is_there_once),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

static bool prepare(void)
{
	static const struct live_options many = { .proxies = PROXIES, .hsms = HSMS, .master_any = true };
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE", .pin = "12345678",
	};

	signal(SIGPIPE, SIG_DFL); /* it would end this process */
	storm_forecast(&storm, "pkcs11 storm");
	w = live_start(&many);
	/* Tens of thousands of calls, each with its arguments, would be a log that nobody reads. */
	return w && live_provision(w, &tenant, &acme) == HL_OK && p11_client(w, "acme", &acme, &client) &&
		p11_set(&client, "primus.log.trace_level", "3") && p11_set(&client, "primus.log.trace_mask", "1") && p11_load(w);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("pkcs11 storm", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
