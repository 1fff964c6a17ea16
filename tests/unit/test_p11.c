/* The PKCS#11 provider without a network: a wire of the test's own counts what is asked, answers as it likes, and breaks
 * where it is told to. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/pkcs11/module.h"
#include "lib/os/clock.h"
#include "tests/support/folder.h"
#include "tests/support/test.h"

#define IS(code, call) CU_ASSERT_EQUAL(call, CKR_##code)
#define PIN "2468"
#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)

static struct hl_test_folder folder;
static char conf[PATH_MAX], secrets[PATH_MAX], logged[PATH_MAX];

/* -- the wire --------------------------------------------------------------------------------------------------------- */

enum { PRIVATE_KEY = 4711, PUBLIC_KEY };

/* One EC key pair; the private one may want the PIN for each use. */
static struct {
	unsigned asked, signs, logins, closes;
	uint8_t connection;
	uint64_t single;          /* key that the last login was for */
	bool logged_in, always_authenticate, may_sign;
	hl_err next;              /* how the next request fails */
	size_t signature_n;
	uint8_t verified[256];    /* the signature of the last request */
	size_t verified_n;
	bool forgets;             /* logins: a new link is not logged in */
	unsigned slow_ms;         /* that each request takes */
	unsigned limit_ms[2];     /* of the last two */
	void (*meanwhile)(void);  /* what the application does while a PIN is checked */
} hsm;

static hl_err wire_open(const char *c, const char *s, const char *partition, void **out, char detail[512])
{
	(void)c, (void)s, (void)partition, (void)detail;
	*out = &hsm;
	return HL_OK;
}

static void wire_connection(void *wire, uint8_t id[HL_CONNECTION_ID])
{
	(void)wire;
	memset(id, hsm.connection, HL_CONNECTION_ID);
}

static bool wire_logged_in(void *wire)
{
	(void)wire;
	return hsm.logged_in;
}

static void wire_forget(void *wire, uint64_t remote)
{
	(void)wire, (void)remote;
}

static void wire_close(void *wire)
{
	(void)wire;
	hsm.closes++;
}

static void wire_none(void *wire)
{
	(void)wire;
}

static void break_link(void)
{
	hsm.connection++;
	hsm.single = 0;
	hsm.logged_in = hsm.logged_in && !hsm.forgets;
}

/* As it comes from the network: encoded, then decoded. */
static hl_err answer(struct client_call *call, const struct hl_msg *m, const void *body, void *reply)
{
	struct hl_frame f;

	call->frame = hl_buf(HL_FRAME_MAX + HL_FRAME_HEAD);
	hl_msg_put(&call->frame, m, 1, body);
	HL_TRY(call->frame.err);
	HL_TRY(hl_frame_peek(hl_buf_view(&call->frame), HL_FRAME_MAX, &f));
	return hl_msg_get(m, &f, reply);
}

static hl_err on_info(const void *body, struct client_call *call, void *reply)
{
	struct hl_info_answer a = {
		.device = hl_text("d"), .version = hl_text("7.8.9"), .partition = hl_text("P"),
		.serial = hl_text("0123456789abcdef"), .pin_set = 1, .logged_in = hsm.logged_in, .pin_left = 1,
		.pin_failed = 1,
	};

	(void)body;
	return answer(call, &hl_msg_info_answer, &a, reply);
}

static hl_err on_login(const void *body, struct client_call *call, void *reply)
{
	const struct hl_login *request = body;
	struct hl_logged_in in = { 0 };

	hsm.logins++;
	if (hsm.meanwhile)
		hsm.meanwhile();
	if (!hl_bytes_eq(request->pin, hl_text(PIN)))
		return HL_E_PIN;
	hsm.single = request->key;
	hsm.logged_in = hsm.logged_in || !request->key;
	return answer(call, &hl_msg_logged_in, &in, reply);
}

static hl_err on_logout(const void *body, struct client_call *call, void *reply)
{
	struct hl_done done = { 0 };

	(void)body;
	hsm.logged_in = false;
	return answer(call, &hl_msg_done, &done, reply);
}

static hl_err on_mechanisms(const void *body, struct client_call *call, void *reply)
{
	struct hl_mechanism m[] = {
		{ CKM_ECDSA_SHA256, 256, 521, CKF_SIGN | CKF_VERIFY },
		{ CKM_ECDSA, 384, 521, CKF_SIGN | CKF_VERIFY },
		{ 0x80001234, 1, 2, CKF_SIGN }, /* of a newer HSM */
	};
	struct hl_mechanisms_answer a = { .mechanisms = { .items = m, .count = 3 } };

	(void)body;
	return answer(call, &hl_msg_mechanisms_answer, &a, reply);
}

static hl_err on_find(const void *body, struct client_call *call, void *reply)
{
	struct hl_handle h[] = { { .handle = PRIVATE_KEY, .private = 1 }, { .handle = PUBLIC_KEY } };
	bool first = hsm.logged_in;
	struct hl_found a = { .handles = { .items = first ? h : h + 1, .count = first ? 2 : 1 } };

	(void)body;
	return answer(call, &hl_msg_found, &a, reply);
}

static struct hl_attribute bool_of(uint32_t type, bool v)
{
	static const uint8_t bytes[] = { 0, 1 };

	return (struct hl_attribute){ .type = type, .form = HL_FORM_BOOL, .value = hl_bytes(&bytes[v], 1) };
}

static struct hl_attribute number_of(uint32_t type, uint8_t last)
{
	static uint8_t numbers[8][8];
	static unsigned next;
	uint8_t *n = numbers[next++ % 8];

	n[7] = last;
	return (struct hl_attribute){ .type = type, .form = HL_FORM_NUMBER, .value = hl_bytes(n, 8) };
}

static struct hl_attribute attribute_of(bool private, uint32_t type)
{
	static const uint8_t p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };

	switch (type) {
	case CKA_CLASS:
		return number_of(type, private ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY);
	case CKA_KEY_TYPE:
		return number_of(type, CKK_EC);
	case CKA_PRIVATE:
		return bool_of(type, private);
	case CKA_SIGN:
		return bool_of(type, private && hsm.may_sign);
	case CKA_VERIFY:
		return bool_of(type, !private);
	case CKA_ALWAYS_AUTHENTICATE:
		return bool_of(type, private && hsm.always_authenticate);
	case CKA_EC_PARAMS:
		return (struct hl_attribute){ .type = type, .value = hl_bytes(p256, sizeof p256) };
	default:
		return (struct hl_attribute){ .type = type, .form = HL_FORM_UNAVAILABLE };
	}
}

static hl_err on_attributes(const void *body, struct client_call *call, void *reply)
{
	const struct hl_attributes_get *request = body;
	const struct hl_attribute_type *types = request->types.items;
	struct hl_attribute item[64];
	struct hl_attributes a = { .attributes = { .items = item, .count = request->types.count } };

	if (request->handle == PRIVATE_KEY && !hsm.logged_in)
		return HL_E_KEY;
	for (size_t i = 0; i < request->types.count; i++)
		item[i] = attribute_of(request->handle == PRIVATE_KEY, types[i].type);
	return answer(call, &hl_msg_attributes, &a, reply);
}

/* The signature tells how often was signed. */
static hl_err on_sign(const void *body, struct client_call *call, void *reply)
{
	uint8_t made[256] = { 0 };
	struct hl_signed a = { .signature = hl_bytes(made, hsm.signature_n) };

	(void)body;
	if (hsm.always_authenticate && hsm.single != PRIVATE_KEY)
		return HL_E_LOGIN;
	hsm.single = 0;
	made[0] = (uint8_t)++hsm.signs;
	return hsm.logged_in ? answer(call, &hl_msg_signed, &a, reply) : HL_E_KEY;
}

static hl_err on_verify(const void *body, struct client_call *call, void *reply)
{
	const struct hl_verify *request = body;
	struct hl_done done = { 0 };

	hsm.verified_n = request->signature.n;
	memcpy(hsm.verified, request->signature.p, request->signature.n);
	return answer(call, &hl_msg_done, &done, reply);
}

static const struct {
	const struct hl_msg *msg;
	hl_err (*on)(const void *body, struct client_call *call, void *reply);
} handlers[] = {
	{ &hl_msg_info, on_info }, { &hl_msg_login, on_login }, { &hl_msg_logout, on_logout },
	{ &hl_msg_mechanisms, on_mechanisms }, { &hl_msg_find, on_find }, { &hl_msg_attributes_get, on_attributes },
	{ &hl_msg_sign, on_sign }, { &hl_msg_verify, on_verify },
};

static hl_err wire_ask(void *wire, const struct hl_msg *msg, const void *body, const struct hl_msg *expect,
	void *reply, struct client_call *call, unsigned limit_ms)
{
	hl_err err = hsm.next;

	(void)wire, (void)expect;
	CU_ASSERT(limit_ms > 0);
	hsm.limit_ms[0] = hsm.limit_ms[1];
	hsm.limit_ms[1] = limit_ms;
	for (int64_t begun = hl_clock_mono_us(); hl_clock_mono_us() - begun < hsm.slow_ms * 1000;)
		;
	hsm.asked++;
	hsm.next = HL_OK;
	call->failure.step = HL_STEP_OPEN;
	for (size_t i = 0; err == HL_OK && i < HL_COUNT(handlers); i++)
		if (handlers[i].msg == msg)
			return handlers[i].on(body, call, reply);
	return err == HL_OK ? HL_E_TYPE : err;
}

static const struct p11_wire wire = { wire_open, wire_ask, wire_connection, wire_logged_in, wire_forget, wire_close, wire_none, wire_none };

/* -- beginnings ----------------------------------------------------------------------------------------------------------- */

static void write_conf(const char *log)
{
	char text[2 * PATH_MAX];
	int n = snprintf(text, sizeof text,
		"version = \"1.0\";\nprimus: { hsms: { hsm0: { host = \"h\"; port = 1; slots: { slot0: { user_name = \"P\"; "
		"proxy_user = \"s\"; id = 5; }; }; }; };\nlog: { file = \"%s\"; write_syslog = false; %s }; };\n",
		logged, log);

	CU_ASSERT(hl_test_file_write(conf, text, (size_t)n, 0600));
	unlink(logged);
}

static CK_MECHANISM ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
static CK_OBJECT_HANDLE key, public_key;

static CK_SESSION_HANDLE begin(const char *log)
{
	CK_SESSION_HANDLE s = 0;

	memset(&hsm, 0, sizeof hsm);
	hsm.connection = 1;
	hsm.may_sign = true;
	hsm.signature_n = 64;
	p11.wire = &wire;
	write_conf(log);
	IS(OK, C_Initialize(NULL));
	IS(OK, C_OpenSession(5, RW, NULL, NULL, &s));
	return s;
}

static void find_keys(CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE both[2] = { 0 };
	CK_ULONG n = 0;

	IS(OK, C_FindObjectsInit(s, NULL, 0));
	IS(OK, C_FindObjects(s, both, 2, &n));
	IS(OK, C_FindObjectsFinal(s));
	CU_ASSERT_EQUAL(n, 2);
	key = both[0];
	public_key = both[1];
}

static CK_RV log_in(CK_SESSION_HANDLE s, CK_USER_TYPE type, const char *pin)
{
	return C_Login(s, type, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
}

static CK_SESSION_HANDLE begin_logged_in(void)
{
	CK_SESSION_HANDLE s = begin("");

	IS(OK, log_in(s, CKU_USER, PIN));
	find_keys(s);
	return s;
}

static void over(void)
{
	IS(OK, C_Finalize(NULL));
}

static CK_RV sign(CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *n)
{
	return C_Sign(s, (CK_BYTE *)"data", 4, out, n);
}

/* -- requests --------------------------------------------------------------------------------------------------------------- */

static void an_init_and_its_call_share_one_request(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	CK_BYTE out[64];
	CK_ULONG n;
	unsigned before;

	for (int i = 0; i < 3; i++) {
		before = hsm.asked;
		n = sizeof out;
		IS(OK, C_SignInit(s, &ecdsa, key));
		CU_ASSERT_EQUAL(hsm.asked - before, i == 0 ? 2 : 0); /* mechanisms and attributes, once */
		before = hsm.asked;
		IS(OK, sign(s, NULL, &n));
		CU_ASSERT_EQUAL(hsm.asked, before);
		IS(OK, sign(s, out, &n));
		CU_ASSERT_EQUAL(hsm.asked, before + 1);
	}
	over();
}

static void the_requests_of_one_call_share_its_time(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;

	hsm.slow_ms = 20;
	IS(OK, C_SignInit(s, &ecdsa, key)); /* mechanisms and attributes */
	CU_ASSERT_EQUAL(hsm.limit_ms[0], CLIENT_CALL_MS);
	CU_ASSERT(hsm.limit_ms[1] <= CLIENT_CALL_MS - hsm.slow_ms);
	IS(OK, sign(s, out, &n));
	CU_ASSERT_EQUAL(hsm.limit_ms[1], CLIENT_CALL_MS);
	over();
}

static void a_result_that_does_not_fit_is_told_again_and_not_made_again(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	CK_BYTE out[80];
	CK_ULONG n = 64;

	hsm.signature_n = 70; /* more than anybody could know before */
	IS(OK, C_SignInit(s, &ecdsa, key));
	IS(BUFFER_TOO_SMALL, sign(s, out, &n));
	CU_ASSERT_EQUAL(n, 70);
	IS(OK, sign(s, NULL, &n));
	n = sizeof out;
	IS(OK, sign(s, out, &n));
	CU_ASSERT(n == 70 && out[0] == 1 && hsm.signs == 1);
	IS(OPERATION_NOT_INITIALIZED, sign(s, out, &n));
	over();
}

static void what_is_known_of_a_key_is_forgotten_when_it_may_have_changed(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	CK_ATTRIBUTE label = { CKA_LABEL, "x", 1 };

	IS(OK, C_SignInit(s, &ecdsa, key));
	IS(OK, C_SignInit(s, NULL, 0));
	hsm.may_sign = false;
	IS(OK, C_SignInit(s, &ecdsa, key)); /* the HSM would refuse the use itself */
	IS(OK, C_SignInit(s, NULL, 0));
	IS(DEVICE_ERROR, C_SetAttributeValue(s, key, &label, 1)); /* whatever came of it */
	IS(KEY_FUNCTION_NOT_PERMITTED, C_SignInit(s, &ecdsa, key));
	over();
}

static void sizes_and_mechanisms_are_those_that_the_hsm_tells(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	CK_MECHANISM plain = { CKM_ECDSA, NULL, 0 };
	CK_MECHANISM_INFO info;
	CK_TOKEN_INFO token;
	CK_ULONG n = 0;
	size_t digests;

	IS(KEY_SIZE_RANGE, C_SignInit(s, &plain, key));
	p11_digests(&digests);
	IS(OK, C_GetMechanismList(5, NULL, &n));
	CU_ASSERT_EQUAL(n, 2 + digests);
	IS(MECHANISM_INVALID, C_GetMechanismInfo(5, 0x80001234, &info)); /* we could not carry its parameter */
	IS(OK, C_GetTokenInfo(5, &token));
	CU_ASSERT(token.hardwareVersion.major == 7 && token.hardwareVersion.minor == 8);
	CU_ASSERT(token.flags & CKF_USER_PIN_FINAL_TRY && token.flags & CKF_USER_PIN_COUNT_LOW);
	CU_ASSERT(memcmp(token.serialNumber, "0123456789abcdef", 16) == 0);
	over();
}

static void short_halves_of_a_signature_are_padded(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	CK_BYTE rs[6] = { 1, 2, 3, 4, 5, 6 };

	IS(OK, C_VerifyInit(s, &ecdsa, public_key));
	IS(OK, C_Verify(s, NULL, 0, rs, sizeof rs));
	CU_ASSERT_EQUAL(hsm.verified_n, 64);
	CU_ASSERT(memcmp(hsm.verified + 29, rs, 3) == 0 && memcmp(hsm.verified + 61, rs + 3, 3) == 0);
	for (size_t i = 0; i < 29; i++)
		CU_ASSERT(hsm.verified[i] == 0 && hsm.verified[32 + i] == 0);
	over();
}

/* -- logins -------------------------------------------------------------------------------------------------------------------- */

static void a_login_goes_on_over_new_links_and_costs_one(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;

	for (int i = 0; i < 3; i++) {
		IS(OK, C_SignInit(s, &ecdsa, key));
		break_link();
		IS(OK, sign(s, out, &n));
	}
	CU_ASSERT_EQUAL(hsm.logins, 1);
	IS(USER_ALREADY_LOGGED_IN, log_in(s, CKU_USER, PIN));
	over();
}

static void a_login_that_is_not_taken_any_more_has_ended_and_another_can_begin(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	CK_SESSION_INFO info;
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;

	hsm.forgets = true;
	IS(OK, C_SignInit(s, &ecdsa, key));
	break_link();
	IS(USER_NOT_LOGGED_IN, sign(s, out, &n));
	IS(OK, C_GetSessionInfo(s, &info)); /* the session lives on */
	CU_ASSERT_EQUAL(info.state, CKS_RW_PUBLIC_SESSION);
	IS(OK, log_in(s, CKU_USER, PIN));
	find_keys(s);
	IS(OK, C_SignInit(s, &ecdsa, key));
	IS(OK, sign(s, out, &n));
	over();
}

static void a_search_without_its_login_does_not_pass_over_private_objects(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	CK_ULONG n = 0;

	hsm.forgets = true;
	break_link();
	IS(USER_NOT_LOGGED_IN, C_FindObjectsInit(s, NULL, 0));
	IS(OBJECT_HANDLE_INVALID, C_GetObjectSize(s, key, &n));
	IS(OK, C_GetObjectSize(s, public_key, &n));
	IS(OK, C_FindObjectsInit(s, NULL, 0)); /* who was told goes on without */
	over();
}

static void what_the_hsm_says_of_a_pin_has_its_codes(void)
{
	static const struct {
		hl_err err;
		CK_RV rv;
	} all[] = { { HL_E_PIN, CKR_PIN_INCORRECT }, { HL_E_PIN_LOCKED, CKR_PIN_LOCKED },
		{ HL_E_NO_PIN, CKR_USER_PIN_NOT_INITIALIZED }, { HL_E_TIMEOUT, CKR_DEVICE_ERROR },
		{ HL_E_UNKNOWN, CKR_DEVICE_ERROR }, { HL_E_PROXIES, CKR_TOKEN_NOT_PRESENT } };
	CK_SESSION_HANDLE s = begin("");

	for (size_t i = 0; i < HL_COUNT(all); i++) {
		hsm.next = all[i].err;
		CU_ASSERT_EQUAL(log_in(s, CKU_USER, PIN), all[i].rv);
	}
	IS(OK, log_in(s, CKU_USER, PIN));
	over();
}

static void a_logout_that_cannot_be_told_ends_the_connection(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	unsigned before = hsm.closes;

	hsm.next = HL_E_TIMEOUT;
	IS(OK, C_Logout(s));
	CU_ASSERT_EQUAL(hsm.closes, before + 1);
	over();
}

static CK_SESSION_HANDLE asking, later;

static void close_it(void)
{
	IS(OK, C_CloseSession(asking));
}

static void close_all(void)
{
	IS(OK, C_CloseAllSessions(5));
}

static void close_it_and_open_another(void)
{
	close_it();
	IS(OK, C_OpenSession(5, RW, NULL, NULL, &later));
}

static void close_it_and_lose_the_next_request(void)
{
	close_it();
	hsm.next = HL_E_TIMEOUT;
}

static void nobody_is_in(CK_SESSION_HANDLE s)
{
	CK_SESSION_INFO info;

	IS(OK, C_GetSessionInfo(s, &info));
	CU_ASSERT_EQUAL(info.state, CKS_RW_PUBLIC_SESSION);
	CU_ASSERT_FALSE(hsm.logged_in);
}

/* PKCS #11 v3.0, 5.6.2: with its last session an application is logged out, so nobody may come in behind that. */
static void a_login_whose_session_is_closed_meanwhile_lets_nobody_in(void)
{
	static void (*const meanwhile[])(void) = { close_it, close_all, close_it_and_open_another };

	for (size_t i = 0; i < HL_COUNT(meanwhile); i++) {
		asking = begin("");
		later = 0;
		hsm.meanwhile = meanwhile[i];
		IS(SESSION_CLOSED, log_in(asking, CKU_USER, PIN));
		CU_ASSERT_EQUAL(hsm.logins, 1);
		hsm.meanwhile = NULL;
		IS(SESSION_HANDLE_INVALID, log_in(asking, CKU_USER, PIN));
		if (!later) {
			IS(OK, C_OpenSession(5, RW, NULL, NULL, &later));
		}
		nobody_is_in(later);
		IS(OK, log_in(later, CKU_USER, PIN));
		CU_ASSERT(hsm.logged_in);
		over();
	}
}

/* The HSM cannot be told that the login is not wanted any more: the link ends, and with it what it knows. */
static void a_login_that_cannot_be_undone_ends_the_connection(void)
{
	asking = begin("");
	hsm.meanwhile = close_it_and_lose_the_next_request;
	IS(SESSION_CLOSED, log_in(asking, CKU_USER, PIN));
	CU_ASSERT_EQUAL(hsm.closes, 1);
	over();
}

static void a_login_ends_with_the_last_session_however_it_is_closed(void)
{
	for (int all = 0; all < 2; all++) {
		CK_SESSION_HANDLE s = begin_logged_in(), other;

		IS(OK, C_OpenSession(5, RW, NULL, NULL, &other));
		IS(OK, C_CloseSession(other));
		CU_ASSERT(hsm.logged_in); /* one is left */
		IS(OK, all ? C_CloseAllSessions(5) : C_CloseSession(s));
		CU_ASSERT_FALSE(hsm.logged_in);
		IS(OK, C_OpenSession(5, RW, NULL, NULL, &s));
		nobody_is_in(s);
		over();
	}
}

static void a_key_that_wants_the_pin_each_time_gets_it_each_time(void)
{
	CK_SESSION_HANDLE s;
	CK_SESSION_INFO info;
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;

	s = begin("");
	hsm.always_authenticate = true;
	IS(OK, log_in(s, CKU_USER, PIN));
	find_keys(s);
	IS(OPERATION_NOT_INITIALIZED, log_in(s, CKU_CONTEXT_SPECIFIC, PIN));
	IS(OK, C_SignInit(s, &ecdsa, key));
	IS(USER_NOT_LOGGED_IN, sign(s, out, &n));
	IS(OPERATION_NOT_INITIALIZED, sign(s, out, &n));
	IS(OK, C_SignInit(s, &ecdsa, key));
	IS(PIN_INCORRECT, log_in(s, CKU_CONTEXT_SPECIFIC, "1357"));
	IS(OK, C_GetSessionInfo(s, &info));
	CU_ASSERT_EQUAL(info.state, CKS_RW_USER_FUNCTIONS); /* the login is as it was */
	IS(OK, log_in(s, CKU_CONTEXT_SPECIFIC, PIN));
	IS(OK, sign(s, out, &n));
	IS(OK, C_SignInit(s, &ecdsa, key)); /* good for one */
	IS(USER_NOT_LOGGED_IN, sign(s, out, &n));
	IS(OK, C_SignInit(s, &ecdsa, key));
	break_link(); /* the login that is taken along is none for one use */
	IS(USER_NOT_LOGGED_IN, sign(s, out, &n));
	over();
}

static void a_key_that_the_hsm_has_no_more_is_forgotten(void)
{
	CK_SESSION_HANDLE s = begin_logged_in();
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;

	IS(OK, C_SignInit(s, &ecdsa, key));
	hsm.next = HL_E_KEY;
	IS(KEY_HANDLE_INVALID, sign(s, out, &n));
	IS(OBJECT_HANDLE_INVALID, C_GetObjectSize(s, key, &n));
	over();
}

/* -- the log ------------------------------------------------------------------------------------------------------------------------ */

static size_t read_log(char *out, size_t size)
{
	FILE *f = fopen(logged, "r");
	size_t n = f ? fread(out, 1, size - 1, f) : 0;

	out[n] = 0;
	if (f)
		fclose(f);
	return n;
}

/* A pattern of a line: 0 stands for any digit, all else for itself. */
static bool looks_like(const char *line, const char *pattern)
{
	for (; *pattern; pattern++, line++)
		if (*pattern == '0' ? !(*line >= '0' && *line <= '9') : *line != *pattern)
			return false;
	return true;
}

static void lines_have_the_grammar_of_the_vendor(void)
{
	char log[8192], program[64];

	begin("trace_level = 5;");
	over();
	read_log(log, sizeof log);
	CU_ASSERT(looks_like(log, "0000-00-00 00:00:00.000 - "));
	snprintf(program, sizeof program, "%s[%d:%d] - 5 - C_Initialize() - rv: 0x0\n", program_invocation_short_name,
		(int)getpid(), (int)gettid());
	CU_ASSERT_PTR_NOT_NULL(strstr(log, program));
}

static void parts_of_a_line_are_switched_by_the_configuration(void)
{
	char log[8192];

	begin("trace_level = 5; trace_timestamp = false; trace_pid = false; trace_filename = true; trace_linenumber = true;");
	over();
	read_log(log, sizeof log);
	CU_ASSERT(strncmp(log, "5 - library.c:", 14) == 0);
	begin("trace_level = 5; trace_timestamp = false; trace_pid = false; trace_function = false;");
	over();
	read_log(log, sizeof log);
	CU_ASSERT_STRING_EQUAL(log, "5 - rv: 0x0\n");
	begin("trace_level = 4;");
	over();
	CU_ASSERT_EQUAL(read_log(log, sizeof log), 0);
	begin("write_log_file = false; trace_level = 6;");
	over();
	CU_ASSERT_EQUAL(read_log(log, sizeof log), 0);
}

static void pins_are_masked_and_arguments_told_only_where_wanted(void)
{
	char log[16384];
	CK_SESSION_HANDLE s = begin("trace_level = 6; trace_mask = 3; trace_inout = true;");

	IS(PIN_INCORRECT, log_in(s, CKU_USER, "wrongpin"));
	IS(OK, log_in(s, CKU_USER, PIN));
	IS(KEY_HANDLE_INVALID, C_SignInit(s, &ecdsa, 4711));
	over();
	read_log(log, sizeof log);
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "C_Login() - hSession="));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "userType=1 pPin=*** ulPinLen=8"));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "C_SignInit() - hSession="));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "mechanism=0x1044 hKey=4711"));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "- 3 - HSM_Login() - rv: 0x8000000b"));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "- 3 - C_SignInit() - rv: 0x60"));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "C_Login() - begin"));
	CU_ASSERT_PTR_NULL(strstr(log, PIN "\"")); /* as a value of a message */
	CU_ASSERT_PTR_NULL(strstr(log, "wrongpin"));
	s = begin("trace_level = 6;");
	IS(OK, log_in(s, CKU_USER, PIN));
	over();
	read_log(log, sizeof log);
	CU_ASSERT_PTR_NULL(strstr(log, "userType"));
}

static void without_a_configuration_the_default_file_tells_why(void)
{
	char log[8192];

	write_conf("");
	p11.wire = &wire;
	setenv("HSMLET_CONF", "/no/such\nprimus.cfg", 1);
	IS(GENERAL_ERROR, C_Initialize(NULL));
	read_log(log, sizeof log);
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "- 3 - readConfig() - rv: 0x80005003 - HL-0101"));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "/no/such?primus.cfg")); /* one line all the same */
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "- 3 - C_Initialize() - rv: 0x5"));
	setenv("HSMLET_CONF", secrets, 1);
	IS(GENERAL_ERROR, C_Initialize(NULL));
	read_log(log, sizeof log);
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "rv: 0x80005005"));
	setenv("HSMLET_CONF", conf, 1);
}

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(an_init_and_its_call_share_one_request),
	TEST(the_requests_of_one_call_share_its_time),
	TEST(a_result_that_does_not_fit_is_told_again_and_not_made_again),
	TEST(what_is_known_of_a_key_is_forgotten_when_it_may_have_changed),
	TEST(sizes_and_mechanisms_are_those_that_the_hsm_tells),
	TEST(short_halves_of_a_signature_are_padded),
	TEST(a_login_goes_on_over_new_links_and_costs_one),
	TEST(a_login_that_is_not_taken_any_more_has_ended_and_another_can_begin),
	TEST(a_search_without_its_login_does_not_pass_over_private_objects),
	TEST(what_the_hsm_says_of_a_pin_has_its_codes),
	TEST(a_logout_that_cannot_be_told_ends_the_connection),
	TEST(a_login_whose_session_is_closed_meanwhile_lets_nobody_in),
	TEST(a_login_that_cannot_be_undone_ends_the_connection),
	TEST(a_login_ends_with_the_last_session_however_it_is_closed),
	TEST(a_key_that_wants_the_pin_each_time_gets_it_each_time),
	TEST(a_key_that_the_hsm_has_no_more_is_forgotten),
	TEST(lines_have_the_grammar_of_the_vendor),
	TEST(parts_of_a_line_are_switched_by_the_configuration),
	TEST(pins_are_masked_and_arguments_told_only_where_wanted),
	TEST(without_a_configuration_the_default_file_tells_why),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

int main(void)
{
	int rc;

	if (!hl_test_folder_make(&folder))
		return 1;
	hl_test_folder_file(&folder, "primus.cfg", conf);
	hl_test_folder_file(&folder, ".secrets.cfg", secrets);
	hl_test_folder_file(&folder, "provider.log", logged);
	p11_log_default = logged;
	setenv("HSMLET_CONF", conf, 1);
	setenv("HSMLET_SECRETS", secrets, 1);
	rc = hl_test_file_write(secrets, "no = \"configuration\";\n", 22, 0600) ? hl_test_main("p11", tests) : 1;
	hl_test_folder_remove(&folder);
	return rc;
}
