/* Who is killed, and what its users notice: as a rule nothing. Three proxies, two HSMs with one store, and a relay of the
 * test in front of each HSM, which can cut an answer off.
 *
 *	client ---> proxy1, 2, 3 ---> relay ---> hsm1, hsm2 */
#include <stdio.h>
#include <stdlib.h>

#include "client/account.h"
#include "client/os_blocking.h"
#include "lib/os/env.h"
#include "lib/wire/numbers.h"
#include "tests/support/key.h"
#include "tests/support/lines.h"
#include "tests/support/live_world.h"
#include "tests/support/relayed.h"
#include "tests/support/test.h"

#define PROXIES 3
#define HSMS 2

static const hsmlet_mechanism ecdsa = { .number = HL_CKM_ECDSA_SHA256 };

/* -- users of the public API --------------------------------------------------------------------------------- */

static void log_in(hsmlet *h)
{
	hsmlet_error e;

	CU_ASSERT_EQUAL(hsmlet_login(h, acme.pin, strlen(acme.pin), &e), 0);
}

static hsmlet *logged_in(void)
{
	hsmlet_options o = live_options_of(&client);
	hsmlet_error e;
	hsmlet *h = NULL;

	CU_ASSERT_EQUAL_FATAL(hsmlet_open(&o, &h, &e), 0);
	log_in(h);
	return h;
}

static hsmlet_info info_of(hsmlet *h)
{
	hsmlet_info info = { 0 };
	hsmlet_error e;

	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	return info;
}

/* The proxy that a connection goes through: the one in whose trace it stands. */
static void proxy_of(const hsmlet_info *info, char out[16])
{
	out[0] = 0;
	CU_ASSERT(lines_member(w, "proxy", info->connection, "hello.proxy", out));
}

static bool signs(hsmlet *h, const struct key_pair *k)
{
	uint8_t signature[64];
	size_t n = sizeof signature;
	hsmlet_error e;

	return hsmlet_sign(h, k->key, &ecdsa, "data", 4, signature, &n, &e) == 0 &&
		key_verifies(h, k->public_key, "data", 4, signature, n);
}

static size_t found(hsmlet *h, const char *label)
{
	hsmlet_attribute by = { HL_CKA_LABEL, HSMLET_BYTES, label, strlen(label) };
	uint64_t handle[8];
	hsmlet_error e;
	size_t n = 0;

	CU_ASSERT_EQUAL(hsmlet_find(h, &by, 1, 0, handle, HL_COUNT(handle), &n, &e), 0);
	return n;
}

/* -- somebody is killed -------------------------------------------------------------------------------------- */

static void one_proxy_of_three_is_killed_and_the_next_operation_takes_another(void)
{
	hsmlet *h = logged_in();
	hsmlet_info before = info_of(h), after;
	char was[16], is[16];
	struct key_pair k;
	hsmlet_error e;

	CU_ASSERT_EQUAL(key_make_p256(h, "proxy", &k, &e), 0);
	proxy_of(&before, was);
	CU_ASSERT(live_kill(w, was));
	after = info_of(h);
	proxy_of(&after, is);
	CU_ASSERT_STRING_NOT_EQUAL(is, was);
	log_in(h);
	CU_ASSERT(signs(h, &k));
	hsmlet_close(h);
	CU_ASSERT(live_restart(w, was));
}

static void one_hsm_of_two_is_killed_and_the_next_operation_finds_the_same_keys_at_the_other(void)
{
	hsmlet *h = logged_in();
	hsmlet_info before = info_of(h), after;
	struct key_pair k;
	hsmlet_error e;

	CU_ASSERT_EQUAL(key_make_p256(h, "hsm", &k, &e), 0);
	CU_ASSERT(signs(h, &k));
	CU_ASSERT(live_kill(w, before.hsm));
	after = info_of(h);
	CU_ASSERT_STRING_NOT_EQUAL(after.hsm, before.hsm);
	log_in(h);
	CU_ASSERT(signs(h, &k));
	CU_ASSERT_EQUAL(found(h, "hsm"), 2);
	hsmlet_close(h);
	CU_ASSERT(live_restart(w, before.hsm));
}

/* No member that could have kept anything in memory is left. */
static void every_hsm_is_killed_right_after_a_creation_and_the_key_is_there_after_the_restart(void)
{
	hsmlet *h = logged_in();
	struct key_pair k;
	hsmlet_error e;

	CU_ASSERT_EQUAL(key_make_p256(h, "restart", &k, &e), 0);
	CU_ASSERT(live_strike(w, "hsm1") && live_strike(w, "hsm2"));
	CU_ASSERT(live_raise(w, "hsm1") && live_raise(w, "hsm2") && live_await_up(w));
	log_in(h);
	CU_ASSERT_EQUAL(found(h, "restart"), 2);
	CU_ASSERT(signs(h, &k));
	hsmlet_close(h);
}

static void while_nobody_is_left_a_call_says_so_and_the_next_one_is_answered_when_somebody_is_back(void)
{
	hsmlet *h = logged_in();
	hsmlet_error e;
	uint8_t byte;

	CU_ASSERT(live_kill(w, "hsm1") && live_kill(w, "hsm2"));
	/* The directory knows; whether our link has heard of it a call without an effect finds out. */
	CU_ASSERT_EQUAL(hsmlet_random(h, &byte, 1, &e), -(int)HL_E_HSMS);
	CU_ASSERT_EQUAL(hsmlet_destroy(h, 1, &e), -(int)HL_E_HSMS); /* never sent, so its outcome is known */
	CU_ASSERT_EQUAL(e.retryable, 1);
	CU_ASSERT(live_restart(w, "hsm1"));
	CU_ASSERT_EQUAL(hsmlet_random(h, &byte, 1, &e), 0);
	hsmlet_close(h);
	CU_ASSERT(live_restart(w, "hsm2"));
}

/* -- an answer is cut off ------------------------------------------------------------------------------------ */

/* A link without the public API over it, which has no way to send a request once more. */
struct caller {
	struct client_account account;
	struct client_conf_link link;
	struct hl_os_env env;
	struct client *core;
	struct client_blocking *shell;
};

static void caller_begin(struct caller *c)
{
	struct hl_os_env_config env = { .role = "client", .who = "client", .trace = client.trace };
	char detail[512];

	*c = (struct caller){ 0 };
	CU_ASSERT_EQUAL_FATAL(client_account_find(&c->account, client.conf, client.secrets, NULL, detail), HL_OK);
	CU_ASSERT_EQUAL_FATAL(client_account_password(&c->account, detail), HL_OK);
	CU_ASSERT_EQUAL_FATAL(client_account_secret(&c->account, detail), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_os_env_open(&c->env, &env), HL_OK);
	client_account_link(&c->account, &c->link);
}

static bool once(void *at)
{
	(void)at;
	return true;
}

static void caller_close(struct caller *c)
{
	if (!c->core)
		return;
	client_close(c->core);
	CU_ASSERT_EQUAL(client_blocking_run(c->shell, once, NULL), HL_OK);
	client_blocking_free(c->shell);
	client_free(c->core);
	c->core = NULL;
}

static void caller_end(struct caller *c)
{
	caller_close(c);
	hl_os_env_close(&c->env);
	client_account_clear(&c->account);
}

static hl_err ask(struct caller *c, struct client_call *call, void *reply)
{
	hl_buf_clear(&call->frame);
	call->deadline_us = hl_mono_us(&c->env.env) + live_limit_ms() * INT64_C(1000);
	HL_TRY(client_blocking_call(c->shell, call));
	return call->err == HL_OK ? hl_msg_get(call->expect, &call->reply, reply) : call->err;
}

static void caller_log_in(struct caller *c)
{
	struct hl_login login = { .pin = hl_text(acme.pin) };
	struct client_call call = { .msg = &hl_msg_login, .body = &login, .expect = &hl_msg_logged_in };
	struct hl_logged_in done;

	CU_ASSERT_EQUAL(ask(c, &call, &done), HL_OK);
	hl_buf_clear(&call.frame);
}

static bool opened_or_failed(void *at)
{
	return client_is_open(at) || client_failed(at);
}

/* A new link, logged in, to the HSM of this name, or (`is` false) to another one. */
static void caller_open(struct caller *c, const char *hsm, bool is)
{
	do {
		caller_close(c);
		CU_ASSERT_EQUAL_FATAL(client_new(&c->env.env, &c->link, &c->core), HL_OK);
		CU_ASSERT_EQUAL_FATAL(client_blocking_new(&c->env.env, c->core, &c->account.conf.own.resolver, &c->shell),
			HL_OK);
		client_open(c->core);
		CU_ASSERT_EQUAL_FATAL(client_blocking_run(c->shell, opened_or_failed, c->core), HL_OK);
		CU_ASSERT_FATAL(client_is_open(c->core));
	} while ((strcmp(client_hsm(c->core), hsm) == 0) != is);
	caller_log_in(c);
}

/* The DER of 1.2.840.10045.3.1.7. */
static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

/* The key is made and committed, and its answer does not come: the client sends the request again by itself, over a link
 * that it logs in by itself. Then its user logs in where the story wants it, and sends it once more. */
static void creation_cut_off(const char *label, bool at_the_same)
{
	const uint8_t yes = 1;
	struct hl_attribute mine[] = { { HL_CKA_SIGN, HL_FORM_BOOL, { &yes, 1 } },
		{ HL_CKA_LABEL, HL_FORM_BYTES, hl_text(label) } };
	struct hl_attribute theirs[] = { { HL_CKA_EC_PARAMS, HL_FORM_BYTES, { p256, sizeof p256 } },
		{ HL_CKA_VERIFY, HL_FORM_BOOL, { &yes, 1 } }, { HL_CKA_LABEL, HL_FORM_BYTES, hl_text(label) } };
	struct hl_generate request = {
		.mechanism = HL_CKM_EC_KEY_PAIR_GEN,
		.template = { .items = mine, .count = HL_COUNT(mine) },
		.public_template = { .items = theirs, .count = HL_COUNT(theirs) },
	};
	struct client_call call = { .msg = &hl_msg_generate, .body = &request, .expect = &hl_msg_generated };
	struct hl_generated made = { 0 }, first_made;
	char first[HL_NAME_TEXT + 1];
	struct caller c;
	unsigned cuts;
	hsmlet *h;

	caller_begin(&c);
	caller_open(&c, "", false);
	snprintf(first, sizeof first, "%s", client_hsm(c.core));
	cuts = relay_cuts(relayed_of(first));
	relay_cut_answer(relayed_of(first));
	CU_ASSERT_EQUAL(ask(&c, &call, &first_made), HL_OK);
	CU_ASSERT_EQUAL(relay_cuts(relayed_of(first)), cuts + 1);
	CU_ASSERT(call.lost);
	caller_open(&c, first, at_the_same);
	CU_ASSERT_EQUAL(ask(&c, &call, &made), HL_OK);
	CU_ASSERT_EQUAL(made.handle, first_made.handle);
	hl_buf_clear(&call.frame);
	caller_end(&c);
	h = logged_in();
	CU_ASSERT_EQUAL(found(h, label), 2); /* one pair */
	CU_ASSERT(signs(h, &(struct key_pair){ made.handle, made.public_handle }));
	hsmlet_close(h);
}

static void a_creation_whose_answer_was_cut_off_is_sent_again_to_the_same_hsm_and_there_is_one_key(void)
{
	creation_cut_off("cut, same", true);
}

static void a_creation_whose_answer_was_cut_off_is_sent_to_the_other_hsm_and_there_is_one_key(void)
{
	creation_cut_off("cut, other", false);
}

static void a_signature_whose_answer_was_cut_off_is_made_again_without_another_login(void)
{
	hsmlet *h = logged_in();
	struct relay *r = relayed_of(info_of(h).hsm);
	unsigned cuts = relay_cuts(r);
	struct key_pair k;
	hsmlet_error e;

	CU_ASSERT_EQUAL(key_make_p256(h, "cut, sign", &k, &e), 0);
	relay_cut_answer(r);
	CU_ASSERT(signs(h, &k));
	CU_ASSERT_EQUAL(relay_cuts(r), cuts + 1);
	CU_ASSERT(info_of(h).logged_in);
	hsmlet_close(h);
}

static CU_TestInfo tests[] = {
	{ "one proxy of three is killed, and the next operation takes another",
		one_proxy_of_three_is_killed_and_the_next_operation_takes_another },
	{ "one HSM of two is killed, and the next operation finds the same keys at the other",
		one_hsm_of_two_is_killed_and_the_next_operation_finds_the_same_keys_at_the_other },
	{ "every HSM is killed right after a creation, and the key is there after the restart",
		every_hsm_is_killed_right_after_a_creation_and_the_key_is_there_after_the_restart },
	{ "while nobody is left a call says so, and the next one is answered when somebody is back",
		while_nobody_is_left_a_call_says_so_and_the_next_one_is_answered_when_somebody_is_back },
	{ "a creation whose answer was cut off is sent again to the same HSM, and there is one key",
		a_creation_whose_answer_was_cut_off_is_sent_again_to_the_same_hsm_and_there_is_one_key },
	{ "a creation whose answer was cut off is sent to the other HSM, and there is one key",
		a_creation_whose_answer_was_cut_off_is_sent_to_the_other_hsm_and_there_is_one_key },
	{ "a signature whose answer was cut off is made again without another login",
		a_signature_whose_answer_was_cut_off_is_made_again_without_another_login },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	int rc;

	w = relayed_start((struct live_options){ .proxies = PROXIES, .hsms = HSMS });
	rc = live_world_begin(NULL) ? hl_test_main("failover", tests) : 1;
	if (rc != 0)
		live_dump(w);
	return relayed_stop(w) ? rc : 1;
}
