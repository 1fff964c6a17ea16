/* Who is killed, who stands still, and what an application notices of it through the provider: as a rule that a call
 * took longer. Three proxies, two HSMs with one store, and a relay of the test in front of each HSM, which can cut an
 * answer off.
 *
 *	application, provider ---> proxy1, 2, 3 ---> relay ---> hsm1, hsm2
 *
 * SIGPIPE would end this process: nobody here ignores it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/link.h"
#include "lib/os/clock.h"
#include "tests/support/lines.h"
#include "tests/support/p11.h"
#include "tests/support/relayed.h"
#include "tests/support/test.h"

#define PROXIES 3
#define HSMS 2

static struct live *w;
static struct live_account acme;
static struct p11_client client;

#define IS(code, call) CU_ASSERT_EQUAL(p11_f->call, CKR_##code)
#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_MECHANISM ecdsa = { CKM_ECDSA_SHA256, NULL, 0 }, ecb = { CKM_AES_ECB, NULL, 0 };
static CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
static CK_BYTE iv[12] = "twelve bytes", block[16] = "a block of bytes";
static CK_GCM_PARAMS gcm_parameter = { .pIv = iv, .ulIvLen = sizeof iv, .ulTagBits = 128 };
static CK_MECHANISM gcm = { CKM_AES_GCM, &gcm_parameter, sizeof gcm_parameter };

/* -- what a session has, and whether it has it still ------------------------------------------------------------- */

struct belongings {
	CK_SESSION_HANDLE s;
	struct p11_pair pair;
	CK_OBJECT_HANDLE aes; /* of the session, private: sealed by the HSM, held here */
	CK_BYTE sealed[16];   /* a block under it */
};

static CK_RV make_session_key(CK_SESSION_HANDLE s, const char *label, CK_OBJECT_HANDLE *out)
{
	CK_MECHANISM make = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 16;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &no, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_ENCRYPT, &yes, 1 },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_VALUE_LEN, &length, sizeof length } };

	return p11_f->C_GenerateKey(s, &make, t, 5, out);
}

static CK_RV seal(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE out[16])
{
	CK_ULONG n = 16;
	CK_RV rv = p11_f->C_EncryptInit(s, &ecb, key);

	return rv == CKR_OK ? p11_f->C_Encrypt(s, block, sizeof block, out, &n) : rv;
}

static CK_RV sign(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE out[64])
{
	CK_ULONG n = 64;
	CK_RV rv = p11_f->C_SignInit(s, &ecdsa, key);

	return rv == CKR_OK ? p11_f->C_Sign(s, block, sizeof block, out, &n) : rv;
}

static CK_RV verify(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE signature[64])
{
	CK_RV rv = p11_f->C_VerifyInit(s, &ecdsa, key);

	return rv == CKR_OK ? p11_f->C_Verify(s, block, sizeof block, signature, 64) : rv;
}

static struct belongings settle(const char *label)
{
	struct belongings b = { .s = p11_begin_logged_in(&acme) };

	CU_ASSERT_EQUAL(p11_make_p256(b.s, label, &b.pair), CKR_OK);
	CU_ASSERT_EQUAL(make_session_key(b.s, label, &b.aes), CKR_OK);
	CU_ASSERT_EQUAL(seal(b.s, b.aes, b.sealed), CKR_OK);
	return b;
}

static void expect_all(const struct belongings *b)
{
	CK_BYTE signature[64], sealed[16];
	CK_SESSION_INFO info;

	CU_ASSERT_EQUAL(sign(b->s, b->pair.key, signature), CKR_OK);
	CU_ASSERT_EQUAL(verify(b->s, b->pair.public_key, signature), CKR_OK);
	CU_ASSERT_EQUAL(seal(b->s, b->aes, sealed), CKR_OK);
	CU_ASSERT_EQUAL(memcmp(sealed, b->sealed, 16), 0);
	IS(OK, C_GetSessionInfo(b->s, &info));
	CU_ASSERT_EQUAL(info.state, CKS_RW_USER_FUNCTIONS);
	IS(USER_ALREADY_LOGGED_IN, C_Login(b->s, CKU_USER, (CK_UTF8CHAR *)acme.pin, strlen(acme.pin)));
}

/* -- who serves ---------------------------------------------------------------------------------------------------- */

static void serving(const char *role, const char *step, char out[16])
{
	char connection[33] = "";

	out[0] = 0;
	CU_ASSERT(p11_connection(&client, connection));
	CU_ASSERT(lines_member(w, role, connection, step, out));
}

static void proxy_of_now(char out[16])
{
	serving("proxy", "hello.proxy", out);
}

static void hsm_of_now(char out[16])
{
	serving("hsm", "hello.hsm", out);
}

/* -- somebody is killed ----------------------------------------------------------------------------------------------- */

static void everything_outlives_the_proxy(void)
{
	struct belongings b = settle("proxy");
	char was[16], is[16];

	proxy_of_now(was);
	CU_ASSERT(live_kill(w, was));
	expect_all(&b);
	proxy_of_now(is);
	CU_ASSERT_STRING_NOT_EQUAL(is, was);
	p11_over();
	CU_ASSERT(live_restart(w, was));
}

static void everything_outlives_the_hsm(void)
{
	struct belongings b = settle("hsm");
	char was[16], is[16];

	hsm_of_now(was);
	CU_ASSERT(live_kill(w, was));
	expect_all(&b);
	hsm_of_now(is);
	CU_ASSERT_STRING_NOT_EQUAL(is, was);
	p11_over();
	CU_ASSERT(live_restart(w, was));
}

/* Nobody is left who had any of it in memory. */
static void everything_outlives_all_members_at_once(void)
{
	struct belongings b = settle("all");

	for (unsigned i = 1; i <= HSMS; i++) {
		char name[16];

		snprintf(name, sizeof name, "hsm%u", i);
		CU_ASSERT(live_strike(w, name) && live_raise(w, name));
	}
	CU_ASSERT(live_await_up(w));
	expect_all(&b);
	p11_over();
}

/* What is hashed or kept here goes on; what the HSM held of an operation is gone with the link. */
static void of_operations_in_parts_those_that_the_hsm_holds_end_and_say_so(void)
{
	struct belongings b = settle("parts");
	CK_BYTE signature[64], digest[2][32], out[64];
	CK_OBJECT_HANDLE found[4], streamed;
	CK_ATTRIBUTE by_label = { CKA_LABEL, "parts", 5 };
	CK_ULONG n = sizeof out;
	char was[16];

	CU_ASSERT_EQUAL(p11_make_aes(b.s, "streamed", &streamed), CKR_OK);
	IS(OK, C_EncryptInit(b.s, &gcm, streamed));
	IS(OK, C_EncryptUpdate(b.s, block, 10, out, &n));
	IS(OK, C_SignInit(b.s, &ecdsa, b.pair.key));
	IS(OK, C_SignUpdate(b.s, block, 7));
	IS(OK, C_DigestInit(b.s, &sha256));
	IS(OK, C_DigestUpdate(b.s, block, 7));
	IS(OK, C_FindObjectsInit(b.s, &by_label, 1));
	hsm_of_now(was);
	CU_ASSERT(live_kill(w, was));
	n = sizeof out;
	IS(DEVICE_ERROR, C_EncryptUpdate(b.s, block, 6, out, &n));
	n = sizeof out;
	IS(OPERATION_NOT_INITIALIZED, C_EncryptUpdate(b.s, block, 6, out, &n));
	IS(OPERATION_NOT_INITIALIZED, C_EncryptFinal(b.s, out, &n));
	IS(OK, C_FindObjects(b.s, found, 4, &n));
	CU_ASSERT_EQUAL(n, 3);
	IS(OK, C_FindObjectsFinal(b.s));
	n = sizeof digest[0];
	IS(OK, C_DigestUpdate(b.s, block + 7, 9));
	IS(OK, C_DigestFinal(b.s, digest[0], &n));
	IS(OK, C_DigestInit(b.s, &sha256));
	IS(OK, C_Digest(b.s, block, sizeof block, digest[1], &n));
	CU_ASSERT_EQUAL(memcmp(digest[0], digest[1], 32), 0);
	n = sizeof signature;
	IS(OK, C_SignUpdate(b.s, block + 7, 9));
	IS(OK, C_SignFinal(b.s, signature, &n));
	CU_ASSERT_EQUAL(verify(b.s, b.pair.public_key, signature), CKR_OK);
	n = sizeof out;
	IS(OK, C_EncryptInit(b.s, &gcm, streamed));
	IS(OK, C_EncryptUpdate(b.s, block, 10, out, &n));
	p11_over();
	CU_ASSERT(live_restart(w, was));
}

/* -- somebody stands still ---------------------------------------------------------------------------------------------- */

static void who_stands_still_is_left_within_the_bound_of_an_attempt(void)
{
	struct belongings b = settle("still");
	char was[16], is[16];
	CK_BYTE byte;
	int64_t begun;

	proxy_of_now(was);
	CU_ASSERT(live_pause(w, was));
	begun = hl_clock_mono_us();
	IS(OK, C_GenerateRandom(b.s, &byte, 1));
	CU_ASSERT(hl_clock_mono_us() - begun >= CLIENT_OP_MS * 1000);
	CU_ASSERT(hl_clock_mono_us() - begun < CLIENT_CALL_MS * 1000);
	proxy_of_now(is);
	CU_ASSERT_STRING_NOT_EQUAL(is, was);
	expect_all(&b);
	CU_ASSERT(live_resume(w, was));
	p11_over();
}

/* The request waits in the socket of the HSM that stands still, and goes to the other one with the same token. */
static void a_creation_that_two_members_were_asked_for_happens_once(void)
{
	struct belongings b = settle("twice");
	CK_OBJECT_HANDLE found[8];
	struct p11_pair made;
	CK_BYTE signature[64];
	char was[16], is[16];

	hsm_of_now(was);
	CU_ASSERT(live_pause(w, was));
	CU_ASSERT_EQUAL(p11_make_p256(b.s, "asked twice", &made), CKR_OK);
	hsm_of_now(is);
	CU_ASSERT_STRING_NOT_EQUAL(is, was);
	CU_ASSERT_EQUAL(p11_find(b.s, "asked twice", found, 8), 2);
	CU_ASSERT(live_resume(w, was));
	CU_ASSERT(live_await_up(w));
	CU_ASSERT(live_kill(w, is)); /* who was asked first answers now, and has done by then what it was asked for */
	CU_ASSERT_EQUAL(sign(b.s, made.key, signature), CKR_OK);
	CU_ASSERT_EQUAL(p11_find(b.s, "asked twice", found, 8), 2);
	expect_all(&b);
	p11_over();
	CU_ASSERT(live_restart(w, is));
}

static void with_everybody_standing_still_a_call_ends_at_its_bound(void)
{
	struct belongings b = settle("bound");
	CK_BYTE byte;
	int64_t begun, took;
	char name[16];

	for (unsigned i = 1; i <= PROXIES; i++) {
		snprintf(name, sizeof name, "proxy%u", i);
		CU_ASSERT(live_pause(w, name));
	}
	begun = hl_clock_mono_us();
	IS(TOKEN_NOT_PRESENT, C_GenerateRandom(b.s, &byte, 1));
	took = hl_clock_mono_us() - begun;
	CU_ASSERT(took < (CLIENT_CALL_MS + 5000) * INT64_C(1000));
	for (unsigned i = 1; i <= PROXIES; i++) {
		snprintf(name, sizeof name, "proxy%u", i);
		CU_ASSERT(live_resume(w, name));
	}
	CU_ASSERT(live_await_up(w)); /* the directory has given them up meanwhile, so they dial it anew */
	IS(OK, C_GenerateRandom(b.s, &byte, 1));
	expect_all(&b);
	p11_over();
}

/* -- an answer is cut off ------------------------------------------------------------------------------------------------- */

struct deeds {
	struct belongings b;
	CK_OBJECT_HANDLE made, copied;
};

static CK_RV make_pair(struct deeds *d)
{
	struct p11_pair k;

	return p11_make_p256(d->b.s, "cut: pair", &k);
}

static CK_RV make_key(struct deeds *d)
{
	CK_OBJECT_HANDLE k;

	return make_session_key(d->b.s, "cut: of the session", &k);
}

static CK_RV create(struct deeds *d)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof class }, { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, "cut: data", 9 },
		{ CKA_VALUE, "value", 5 } };

	return p11_f->C_CreateObject(d->b.s, t, 4, &d->made);
}

static CK_RV copy(struct deeds *d)
{
	CK_ATTRIBUTE t = { CKA_LABEL, "cut: copy", 9 };

	return p11_f->C_CopyObject(d->b.s, d->made, &t, 1, &d->copied);
}

static CK_RV change(struct deeds *d)
{
	CK_ATTRIBUTE t = { CKA_LABEL, "cut: changed", 12 };

	return p11_f->C_SetAttributeValue(d->b.s, d->copied, &t, 1);
}

static CK_RV destroy(struct deeds *d)
{
	return p11_f->C_DestroyObject(d->b.s, d->made);
}

static CK_RV destroy_again(struct deeds *d)
{
	return p11_f->C_DestroyObject(d->b.s, d->made) == CKR_OBJECT_HANDLE_INVALID ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV sign_something(struct deeds *d)
{
	CK_BYTE signature[64];
	CK_RV rv = sign(d->b.s, d->b.pair.key, signature);

	return rv == CKR_OK ? verify(d->b.s, d->b.pair.public_key, signature) : rv;
}

static CK_RV log_out_and_in(struct deeds *d)
{
	CK_RV rv = p11_f->C_Logout(d->b.s);

	return rv == CKR_OK ? p11_f->C_Login(d->b.s, CKU_USER, (CK_UTF8CHAR *)acme.pin, strlen(acme.pin)) : rv;
}

static CK_RV log_in_with_a_wrong_pin(struct deeds *d)
{
	CK_RV rv = p11_f->C_Logout(d->b.s), wrong = p11_f->C_Login(d->b.s, CKU_USER, (CK_UTF8CHAR *)"wrong", 5);

	if (rv == CKR_OK)
		rv = p11_f->C_Login(d->b.s, CKU_USER, (CK_UTF8CHAR *)acme.pin, strlen(acme.pin));
	return wrong == CKR_PIN_INCORRECT ? rv : CKR_GENERAL_ERROR;
}

static void an_answer_that_is_cut_off_is_asked_for_again_and_nothing_happens_twice(void)
{
	/* clang-format off */
	static const struct {
		CK_RV (*deed)(struct deeds *d);
		const char *label;
		CK_ULONG there; /* objects with that label, afterwards */
		bool local;     /* nothing is asked, so nothing can be cut off */
	} story[] = {
		{ make_pair,               "cut: pair",           2, false },
		{ make_key,                "cut: of the session", 1, false },
		{ create,                  "cut: data",           1, false },
		{ copy,                    "cut: copy",           1, false },
		{ change,                  "cut: changed",        1, false },
		{ change,                  "cut: copy",           0, false },
		{ destroy,                 "cut: data",           0, false },
		{ destroy_again,           "cut: data",           0, true  },
		{ sign_something,          "cut: pair",           2, false },
		{ log_in_with_a_wrong_pin, "cut: pair",           2, false },
		{ log_out_and_in,          "cut: of the session", 0, false }, /* it was private */
	};
	/* clang-format on */
	struct deeds d = { .b = settle("cut") };
	CK_OBJECT_HANDLE found[8];
	char hsm[16];

	for (size_t i = 0; i < HL_COUNT(story); i++) {
		struct relay *r;
		unsigned cuts;

		hsm_of_now(hsm);
		r = relayed_of(hsm);
		cuts = relay_cuts(r);
		if (!story[i].local)
			relay_cut_answer(r);
		CU_ASSERT_EQUAL(story[i].deed(&d), CKR_OK);
		CU_ASSERT_EQUAL(relay_cuts(r), cuts + !story[i].local);
		CU_ASSERT_EQUAL(p11_find(d.b.s, story[i].label, found, 8), story[i].there);
	}
	p11_over();
}

/* -- nobody is left ---------------------------------------------------------------------------------------------------------- */

static CK_RV ask_slot(const struct belongings *b)
{
	CK_SLOT_INFO info;

	(void)b;
	return p11_f->C_GetSlotInfo(P11_SLOT, &info);
}

static CK_RV ask_token(const struct belongings *b)
{
	CK_TOKEN_INFO info;

	(void)b;
	return p11_f->C_GetTokenInfo(P11_SLOT, &info);
}

static CK_RV open_session(const struct belongings *b)
{
	CK_SESSION_HANDLE s;

	(void)b;
	return p11_f->C_OpenSession(P11_SLOT, RW, NULL, NULL, &s);
}

static CK_RV ask_random(const struct belongings *b)
{
	CK_BYTE byte;

	return p11_f->C_GenerateRandom(b->s, &byte, 1);
}

static CK_RV sign_one(const struct belongings *b)
{
	CK_BYTE signature[64];

	return sign(b->s, b->pair.key, signature);
}

static CK_RV seal_one(const struct belongings *b)
{
	CK_BYTE sealed[16];

	return seal(b->s, b->aes, sealed);
}

static CK_RV make_one(const struct belongings *b)
{
	CK_OBJECT_HANDLE key;

	return p11_make_aes(b->s, "nobody makes it", &key);
}

static CK_RV destroy_one(const struct belongings *b)
{
	return p11_f->C_DestroyObject(b->s, b->pair.public_key);
}

static CK_RV find_one(const struct belongings *b)
{
	return p11_f->C_FindObjectsInit(b->s, NULL, 0);
}

static void nobody_is_there(const struct belongings *b)
{
	static CK_RV (*const calls[])(const struct belongings *b) = { ask_slot, ask_token, open_session, ask_random, sign_one,
		seal_one, make_one, destroy_one, find_one };
	CK_SESSION_INFO info;
	CK_ULONG n = 0;

	for (size_t i = 0; i < HL_COUNT(calls); i++) {
		int64_t begun = hl_clock_mono_us();

		CU_ASSERT_EQUAL(calls[i](b), CKR_TOKEN_NOT_PRESENT);
		CU_ASSERT(hl_clock_mono_us() - begun < (CLIENT_CALL_MS + 5000) * INT64_C(1000));
	}
	IS(OK, C_GetSlotList(CK_TRUE, NULL, &n)); /* the slot and what is known here stay */
	CU_ASSERT_EQUAL(n, 1);
	IS(OK, C_GetSessionInfo(b->s, &info));
	CU_ASSERT_EQUAL(info.state, CKS_RW_USER_FUNCTIONS);
}

static void without_hsms_there_is_no_token_and_it_recovers_by_itself(void)
{
	struct belongings b = settle("nobody");
	CK_OBJECT_HANDLE found[2];

	CU_ASSERT(live_kill(w, "hsm1") && live_kill(w, "hsm2"));
	nobody_is_there(&b);
	CU_ASSERT(live_restart(w, "hsm2"));
	expect_all(&b);
	CU_ASSERT_EQUAL(p11_find(b.s, "nobody makes it", found, 2), 0);
	p11_over();
	CU_ASSERT(live_restart(w, "hsm1"));
}

static void without_proxies_there_is_no_token_and_it_recovers_by_itself(void)
{
	struct belongings b = settle("no proxy");
	CK_OBJECT_HANDLE found[2];

	CU_ASSERT(live_kill(w, "proxy1") && live_kill(w, "proxy2") && live_kill(w, "proxy3"));
	nobody_is_there(&b);
	CU_ASSERT(live_restart(w, "proxy3"));
	expect_all(&b);
	CU_ASSERT_EQUAL(p11_find(b.s, "nobody makes it", found, 2), 0);
	p11_over();
	CU_ASSERT(live_restart(w, "proxy1") && live_restart(w, "proxy2"));
}

/* Each call is bounded by itself, and so is C_Initialize, which connects and does not mind. */
static void it_can_be_initialised_while_nobody_is_there(void)
{
	CK_SESSION_HANDLE s;
	int64_t begun;

	CU_ASSERT(live_kill(w, "hsm1") && live_kill(w, "hsm2"));
	begun = hl_clock_mono_us();
	IS(OK, C_Initialize(NULL));
	CU_ASSERT(hl_clock_mono_us() - begun < (CLIENT_CALL_MS + 5000) * INT64_C(1000));
	IS(TOKEN_NOT_PRESENT, C_OpenSession(P11_SLOT, RW, NULL, NULL, &s));
	CU_ASSERT(p11_logged(&client, "connectHSM() - Failed to login on HSM") > 0);
	CU_ASSERT(live_restart(w, "hsm1"));
	IS(OK, C_OpenSession(P11_SLOT, RW, NULL, NULL, &s));
	p11_over();
	CU_ASSERT(live_restart(w, "hsm2"));
}

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(everything_outlives_the_proxy),
	TEST(everything_outlives_the_hsm),
	TEST(everything_outlives_all_members_at_once),
	TEST(of_operations_in_parts_those_that_the_hsm_holds_end_and_say_so),
	TEST(who_stands_still_is_left_within_the_bound_of_an_attempt),
	TEST(a_creation_that_two_members_were_asked_for_happens_once),
	TEST(with_everybody_standing_still_a_call_ends_at_its_bound),
	TEST(an_answer_that_is_cut_off_is_asked_for_again_and_nothing_happens_twice),
	TEST(without_hsms_there_is_no_token_and_it_recovers_by_itself),
	TEST(without_proxies_there_is_no_token_and_it_recovers_by_itself),
	TEST(it_can_be_initialised_while_nobody_is_there),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

static bool prepare(void)
{
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE", .pin = "12345678",
	};

	signal(SIGPIPE, SIG_DFL);
	w = relayed_start((struct live_options){ .proxies = PROXIES, .hsms = HSMS });
	return w && live_provision(w, &tenant, &acme) == HL_OK && p11_client(w, "acme", &acme, &client) && p11_load(w);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("pkcs11 failover", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return relayed_stop(w) ? rc : 1;
}
