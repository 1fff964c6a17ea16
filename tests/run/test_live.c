/* The service as its users see it: real processes, real sockets, the public API. What it signs is verified
 * by OpenSSL alone; what it refuses is looked up in the traces of all who took part. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "lib/wire/numbers.h"
#include "tests/support/key.h"
#include "tests/support/lines.h"
#include "tests/support/live.h"
#include "tests/support/test.h"

static const hsmlet_mechanism ecdsa = { .number = HL_CKM_ECDSA_SHA256 };
static const hsmlet_mechanism rsa = { .number = HL_CKM_SHA256_RSA_PKCS };
static struct live *w;
static struct live_account acme, other; /* two tenants */
static struct live_client client;       /* of acme, with its user secret */

/* -- ways to open ------------------------------------------------------------------------------------- */

static int open_as(const struct live_client *c, hsmlet **h, hsmlet_error *e)
{
	hsmlet_options o = live_options_of(c);

	*e = (hsmlet_error){ 0 };
	*h = NULL;
	return hsmlet_open(&o, h, e);
}

/* An open and logged-in handle; NULL: the test has failed. */
static hsmlet *logged_in(void)
{
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT_EQUAL(open_as(&client, &h, &e), 0);
	if (h && hsmlet_login(h, acme.pin, strlen(acme.pin), &e) == 0)
		return h;
	fprintf(stderr, "HL-%04d %s at %s: %s\n", e.id, e.what, e.step_name, e.detail);
	CU_FAIL("no handle");
	hsmlet_close(h);
	return NULL;
}

/* -- the eight steps ------------------------------------------------------------------------------------ */

/* By whom each step must have been seen, of one connection. */
static const struct {
	const char *role, *step, *way;
} seen[] = {
	{ "client", "dns.pick", "did" },
	{ "client", "hello.proxy", "sent" }, { "proxy", "hello.proxy", "got" },
	{ "proxy", "auth.request", "sent" }, { "client", "auth.request", "got" },
	{ "client", "auth.answer", "sent" }, { "proxy", "auth.answer", "got" },
	{ "proxy", "dir.query", "sent" }, { "directory", "dir.query", "got" },
	{ "directory", "dir.grant", "sent" }, { "proxy", "dir.grant", "got" },
	{ "proxy", "auth.result", "sent" }, { "client", "auth.result", "got" },
	{ "client", "hello.hsm", "sent" }, { "hsm", "hello.hsm", "got" },
	{ "hsm", "hsm.result", "sent" }, { "client", "hsm.result", "got" },
};

static int lines_at(const char *role, const struct live_client *c, const struct line *like)
{
	return strcmp(role, "client") == 0 ? lines_count(c->trace, like) : lines_of(w, role, like);
}

static void a_key_is_made_and_signs_through_all_eight_steps(void)
{
	static const char data[] = "to be signed";
	hsmlet *h = logged_in();
	hsmlet_info info = { 0 };
	hsmlet_error e;
	struct key_pair k;
	uint8_t signature[512];
	size_t n = sizeof signature;

	if (!h)
		return;
	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	CU_ASSERT_STRING_EQUAL(info.partition, acme.partition);
	CU_ASSERT_EQUAL(info.logged_in, 1);
	CU_ASSERT_EQUAL(key_make_p256(h, "eight steps", &k, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_sign(h, k.key, &ecdsa, data, sizeof data, signature, &n, &e), 0);
	CU_ASSERT_EQUAL(n, 64);
	CU_ASSERT(key_verifies(h, k.public_key, data, sizeof data, signature, n));
	CU_ASSERT(!key_verifies(h, k.public_key, data, sizeof data - 1, signature, n));
	CU_ASSERT_EQUAL(
		hsmlet_verify(h, k.public_key, &ecdsa, data, sizeof data, signature, n, &e), 0);
	signature[n - 1] ^= 1;
	CU_ASSERT(!key_verifies(h, k.public_key, data, sizeof data, signature, n));
	CU_ASSERT_EQUAL(
		hsmlet_verify(h, k.public_key, &ecdsa, data, sizeof data, signature, n, &e), 511);
	for (size_t i = 0; i < HL_COUNT(seen); i++) {
		struct line like = { .conn = info.connection, .step = seen[i].step, .way = seen[i].way, .err = "" };

		CU_ASSERT_EQUAL(lines_at(seen[i].role, &client, &like), 1);
	}
	hsmlet_close(h);
}

/* -- what keys can do ------------------------------------------------------------------------------------- */

/* The parameter crosses the wire, and is the HSM's to judge. */
static void signs_with_pss(hsmlet *h, const struct key_pair *k)
{
	hsmlet_pss pss = { HL_CKM_SHA256, HL_CKG_MGF1_SHA384, 20 };
	hsmlet_mechanism m = { HL_CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss };
	uint8_t signature[512];
	size_t n = sizeof signature;
	hsmlet_error e;

	CU_ASSERT_EQUAL(hsmlet_sign(h, k->key, &m, "data", 4, signature, &n, &e), 0);
	CU_ASSERT_EQUAL(n, 256);
	CU_ASSERT_EQUAL(hsmlet_verify(h, k->public_key, &m, "data", 4, signature, n, &e), 0);
	pss.salt = 32;
	CU_ASSERT_EQUAL(hsmlet_verify(h, k->public_key, &m, "data", 4, signature, n, &e), 511);
	pss.salt = 500;
	CU_ASSERT_EQUAL(hsmlet_sign(h, k->key, &m, "data", 4, signature, &n, &e), 520);
	CU_ASSERT_EQUAL(e.step, 9);
	m.parameter_n--; /* here it does not get that far */
	CU_ASSERT_EQUAL(hsmlet_sign(h, k->key, &m, "data", 4, signature, &n, &e), 520);
	m = (hsmlet_mechanism){ HL_CKM_SHA256_RSA_PKCS, &pss, sizeof pss };
	CU_ASSERT_EQUAL(hsmlet_sign(h, k->key, &m, "data", 4, signature, &n, &e), 520);
	CU_ASSERT_EQUAL(e.exit_code, 1);
}

static void an_rsa_key_signs_and_keeps_its_value(void)
{
	static const char data[] = "signed by RSA";
	hsmlet *h = logged_in();
	hsmlet_attributes *a = NULL;
	uint32_t types[] = { HL_CKA_PRIVATE_EXPONENT, HL_CKA_MODULUS };
	uint8_t signature[512];
	size_t n = sizeof signature;
	struct key_pair k;
	hsmlet_error e;

	if (!h)
		return;
	CU_ASSERT_EQUAL(key_make_rsa(h, 2048, "rsa", &k, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_sign(h, k.key, &rsa, data, sizeof data, signature, &n, &e), 0);
	CU_ASSERT_EQUAL(n, 256);
	CU_ASSERT(key_verifies(h, k.public_key, data, sizeof data, signature, n));
	CU_ASSERT(!key_verifies(h, k.public_key, data, sizeof data - 1, signature, n));
	signs_with_pss(h, &k);
	CU_ASSERT_EQUAL(hsmlet_get_attributes(h, k.key, types, HL_COUNT(types), &a, &e), 0);
	if (a) {
		CU_ASSERT_EQUAL(hsmlet_attributes_at(a, 0).form, HSMLET_UNAVAILABLE);
		CU_ASSERT_EQUAL(hsmlet_attributes_at(a, 1).n, 256);
	}
	hsmlet_attributes_free(a);
	hsmlet_close(h);
}

static size_t found(hsmlet *h, const char *label, uint64_t *first)
{
	hsmlet_attribute by[] = { { HL_CKA_LABEL, HSMLET_BYTES, label, strlen(label) } };
	uint64_t handle[8] = { 0 };
	hsmlet_error e;
	size_t n = 0;

	CU_ASSERT_EQUAL(hsmlet_find(h, by, 1, 0, handle, HL_COUNT(handle), &n, &e), 0);
	*first = handle[0];
	return n;
}

static void an_aes_key_is_found_renamed_and_destroyed(void)
{
	static const uint8_t length[8] = { [7] = 32 };
	hsmlet_attribute template[] = { { HL_CKA_VALUE_LEN, HSMLET_NUMBER, length, 8 },
		{ HL_CKA_LABEL, HSMLET_BYTES, "aes", 3 } };
	hsmlet_attribute name = { HL_CKA_LABEL, HSMLET_BYTES, "renamed", 7 };
	hsmlet *h = logged_in();
	hsmlet_attributes *a = NULL;
	uint32_t types[] = { HL_CKA_VALUE, HL_CKA_LABEL };
	uint64_t key = 0, is;
	hsmlet_error e;

	if (!h)
		return;
	CU_ASSERT_EQUAL(hsmlet_generate(h, HL_CKM_AES_KEY_GEN, template, 2, NULL, 0, &key, NULL, &e), 0);
	CU_ASSERT_EQUAL(found(h, "aes", &is), 1);
	CU_ASSERT_EQUAL(is, key);
	CU_ASSERT_EQUAL(hsmlet_set_attributes(h, key, &name, 1, &e), 0);
	CU_ASSERT_EQUAL(found(h, "aes", &is), 0);
	CU_ASSERT_EQUAL(found(h, "renamed", &is), 1);
	CU_ASSERT_EQUAL(hsmlet_get_attributes(h, key, types, HL_COUNT(types), &a, &e), 0);
	if (a) {
		CU_ASSERT_EQUAL(hsmlet_attributes_at(a, 0).form, HSMLET_UNAVAILABLE);
		CU_ASSERT(memcmp(hsmlet_attributes_at(a, 1).value, "renamed", 7) == 0);
	}
	hsmlet_attributes_free(a);
	CU_ASSERT_EQUAL(hsmlet_destroy(h, key, &e), 0);
	CU_ASSERT_EQUAL(found(h, "renamed", &is), 0);
	CU_ASSERT_EQUAL(hsmlet_destroy(h, key, &e), 506);
	hsmlet_close(h);
}

/* The key never leaves, so the way back is the judge: all parts of the parameter cross the wire. */
static void an_aes_key_encrypts_and_decrypts(void)
{
	static const uint8_t length[8] = { [7] = 16 };
	hsmlet_attribute template[] = { { HL_CKA_VALUE_LEN, HSMLET_NUMBER, length, 8 } };
	hsmlet_gcm gcm = { NULL, 0, "header", 6, 128 };
	hsmlet_mechanism m = { HL_CKM_AES_GCM, &gcm, sizeof gcm };
	uint8_t iv[HSMLET_MADE_IV], sealed[64], open[64];
	size_t n = sizeof sealed, back = sizeof open;
	hsmlet *h = logged_in();
	uint64_t key = 0;
	hsmlet_error e;

	if (!h)
		return;
	CU_ASSERT_EQUAL(hsmlet_generate(h, HL_CKM_AES_KEY_GEN, template, 1, NULL, 0, &key, NULL, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_encrypt(h, key, &m, "to be hidden", 12, sealed, &n, NULL, &e), 3);
	CU_ASSERT_EQUAL(hsmlet_encrypt(h, key, &m, "to be hidden", 12, sealed, &n, iv, &e), 0);
	CU_ASSERT_EQUAL(n, 28);
	gcm.iv = iv;
	gcm.iv_n = sizeof iv;
	CU_ASSERT_EQUAL(hsmlet_decrypt(h, key, &m, sealed, n, open, &back, &e), 0);
	CU_ASSERT(back == 12 && memcmp(open, "to be hidden", 12) == 0);
	sealed[0] ^= 1;
	CU_ASSERT_EQUAL(hsmlet_decrypt(h, key, &m, sealed, n, open, &back, &e), 519);
	CU_ASSERT_EQUAL(e.exit_code, 1);
	gcm.tag_bits = 64;
	CU_ASSERT_EQUAL(hsmlet_encrypt(h, key, &m, "x", 1, sealed, &n, NULL, &e), 520);
	gcm.tag_bits = 128;
	n = 16; /* too little by one */
	CU_ASSERT_EQUAL(hsmlet_encrypt(h, key, &m, "x", 1, sealed, &n, NULL, &e), 8);
	CU_ASSERT_EQUAL(hsmlet_destroy(h, key, &e), 0);
	hsmlet_close(h);
}

static void random_bytes_come_in_any_amount(void)
{
	enum { MANY = 100000 };
	uint8_t *a = calloc(2, MANY), *b = a + MANY;
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT_EQUAL(open_as(&client, &h, &e), 0); /* no login is needed */
	if (h && a) {
		CU_ASSERT_EQUAL(hsmlet_random(h, a, MANY, &e), 0);
		CU_ASSERT_EQUAL(hsmlet_random(h, b, MANY, &e), 0);
		CU_ASSERT(memcmp(a, b, MANY) != 0);
		CU_ASSERT(memcmp(a + MANY - 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16) != 0);
	}
	hsmlet_close(h);
	free(a);
}

/* -- refusals ----------------------------------------------------------------------------------------------- */

/* What a refusal must look like; `err` is as traces have it. */
struct refusal {
	int id, exit_code;
	const char *err, *step;
	unsigned attempts;
};

/* All four parts, and the step that the trace names as well. */
static void is_refused(int rc, const hsmlet_error *e, const struct live_client *c, const struct refusal *want)
{
	struct line at = { .conn = e->connection, .step = want->step, .err = want->err };

	CU_ASSERT_EQUAL(rc, want->id);
	CU_ASSERT_EQUAL(e->id, want->id);
	CU_ASSERT_EQUAL(e->exit_code, want->exit_code);
	CU_ASSERT_STRING_EQUAL(e->step_name, want->step);
	CU_ASSERT_EQUAL(e->attempts, want->attempts);
	CU_ASSERT_EQUAL(e->retryable, 0);
	CU_ASSERT(e->what[0] && e->where[0] && e->cause[0] && e->next[0]);
	CU_ASSERT_EQUAL(strlen(e->connection), 32);
	CU_ASSERT_EQUAL(lines_count(c->trace, &at), 1);
}

static void seen_by(const char *role, const hsmlet_error *e, const char *step, const char *err)
{
	struct line like = { .conn = e->connection, .step = step, .err = err };

	CU_ASSERT(lines_of(w, role, &like) >= 1);
}

static void not_seen_by(const char *role, const hsmlet_error *e)
{
	struct line like = { .conn = e->connection };

	CU_ASSERT_EQUAL(lines_of(w, role, &like), 0);
}

/* Open with the files of `account`, which lack the user secret, as somebody would who has another's. */
static void open_is_refused_at_the_gateway(
	const char *name, const struct live_account *account, const struct refusal *want)
{
	struct live_client c;
	hsmlet_error e;
	hsmlet *h;

	if (!live_client(w, name, account, NULL, &c) ||
		!live_client_secret(&c, NULL, account->partition, false)) {
		CU_FAIL("no client");
		return;
	}
	is_refused(open_as(&c, &h, &e), &e, &c, want);
	hsmlet_close(h);
	seen_by("proxy", &e, "dir.grant", want->err);
	seen_by("directory", &e, "dir.grant", want->err);
	not_seen_by("hsm", &e);
}

static const struct refusal bad_service = { 300, 10, "HL-0300", "auth.result", 1 };

static void a_wrong_service_password_is_refused(void)
{
	struct live_account a = acme;

	a.password[0] = a.password[0] == 'x' ? 'y' : 'x';
	open_is_refused_at_the_gateway("wrong-password", &a, &bad_service);
}

static void an_unknown_service_user_looks_the_same(void)
{
	struct live_account a = acme;

	snprintf(a.user, sizeof a.user, "nobody");
	open_is_refused_at_the_gateway("unknown-user", &a, &bad_service);
}

/* The name is nobody's, so that no other test is locked out with it; it is locked like any other. */
static void a_hundred_wrong_passwords_lock_and_say_how_long(void)
{
	struct live_account a = acme;
	struct live_client c;
	hsmlet_error e;
	hsmlet *h;

	snprintf(a.user, sizeof a.user, "guesser");
	if (!live_client(w, "guesser", &a, NULL, &c) || !live_client_secret(&c, NULL, a.partition, false)) {
		CU_FAIL("no client");
		return;
	}
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(open_as(&c, &h, &e), 300);
	CU_ASSERT_EQUAL(open_as(&c, &h, &e), 302);
	CU_ASSERT_EQUAL(e.exit_code, 14);
	CU_ASSERT_EQUAL(e.retryable, 1);
	CU_ASSERT_EQUAL(e.attempts, 1);
	CU_ASSERT_STRING_EQUAL(e.step_name, "auth.result");
	CU_ASSERT(e.retry_after_ms > 0 && e.retry_after_ms <= 300000);
	seen_by("directory", &e, "dir.grant", "HL-0302");
	CU_ASSERT_EQUAL(open_as(&client, &h, &e), 0); /* another user at the same address */
	hsmlet_close(h);
}

static void an_address_that_is_not_listed_is_refused(void)
{
	static const struct live_tenant walled = {
		.tenant = "walled", .user = "walledservice", .partition = "WALLED", .allowed = "192.0.2.0/24",
	};
	static const struct refusal want = { 400, 11, "HL-0400", "auth.result", 1 };
	struct live_account a;

	CU_ASSERT_EQUAL(live_provision(w, &walled, &a), HL_OK);
	open_is_refused_at_the_gateway("walled", &a, &want);
}

static const struct refusal bad_partition = { 401, 11, "HL-0401", "auth.result", 1 };

static void a_partition_of_another_tenant_is_refused(void)
{
	struct live_account a = acme;

	memcpy(a.partition, other.partition, sizeof a.partition);
	open_is_refused_at_the_gateway("foreign", &a, &bad_partition);
}

static void a_missing_partition_looks_the_same(void)
{
	struct live_account a = acme;

	snprintf(a.partition, sizeof a.partition, "NOSUCHPART");
	open_is_refused_at_the_gateway("missing", &a, &bad_partition);
}

static const struct refusal bad_secret = { 500, 12, "HL-0500", "hsm.result", 1 };

static void a_wrong_user_secret_is_refused_by_the_hsm(void)
{
	struct live_client c;
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT(live_client(w, "wrong-secret", &acme, NULL, &c));
	CU_ASSERT(live_client_secret(&c, &client, acme.partition, true));
	is_refused(open_as(&c, &h, &e), &e, &c, &bad_secret);
	hsmlet_close(h);
	seen_by("proxy", &e, "auth.result", "");
	seen_by("directory", &e, "dir.grant", "");
	seen_by("hsm", &e, "hsm.result", "HL-0208");
}

static void a_wrong_setup_password_is_refused_and_changes_nothing(void)
{
	struct live_client c;
	struct live_account a = acme;
	hsmlet_options o;
	hsmlet_error e = { 0 };

	a.setup[0] = a.setup[0] == 'A' ? 'B' : 'A';
	CU_ASSERT(live_client(w, "wrong-setup", &acme, NULL, &c));
	o = live_options_of(&c);
	is_refused(hsmlet_exchange(&o, a.setup, strlen(a.setup), &e), &e, &c, &bad_secret);
	seen_by("hsm", &e, "hsm.result", "HL-0208");
	CU_ASSERT_EQUAL(hsmlet_exchange(&o, acme.setup, strlen(acme.setup), &e), 0);
}

static void a_wrong_pin_is_refused_on_the_open_channel(void)
{
	static const struct refusal want = { 503, 12, "HL-0503", "operation", 1 };
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT_EQUAL(open_as(&client, &h, &e), 0);
	if (!h)
		return;
	is_refused(hsmlet_login(h, "not the PIN", 11, &e), &e, &client, &want);
	seen_by("hsm", &e, "operation", "HL-0503");
	CU_ASSERT_EQUAL(hsmlet_login(h, acme.pin, strlen(acme.pin), &e), 0);
	hsmlet_close(h);
}

static void a_private_key_is_not_there_without_login(void)
{
	hsmlet *h = logged_in();
	struct key_pair k = { 0 };
	uint8_t signature[64];
	size_t n = sizeof signature;
	hsmlet_error e;

	if (!h)
		return;
	CU_ASSERT_EQUAL(key_make_p256(h, "private", &k, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_logout(h, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_sign(h, k.key, &ecdsa, "x", 1, signature, &n, &e), 506);
	hsmlet_close(h);
}

/* -- faults --------------------------------------------------------------------------------------------------- */

static bool signs(hsmlet *h, const struct key_pair *k)
{
	uint8_t signature[64];
	size_t n = sizeof signature;
	hsmlet_error e;

	return h && hsmlet_sign(h, k->key, &ecdsa, "data", 4, signature, &n, &e) == 0 &&
		key_verifies(h, k->public_key, "data", 4, signature, n);
}

/* The HSM that acknowledged the key is killed at once, and later serves it alone. */
static void a_key_outlives_the_hsm_that_made_it(void)
{
	hsmlet *h = logged_in();
	hsmlet_info info = { 0 };
	struct key_pair k = { 0 };
	const char *survivor;
	hsmlet_error e;
	uint8_t byte;

	if (!h)
		return;
	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	CU_ASSERT_EQUAL(key_make_p256(h, "outlives", &k, &e), 0);
	CU_ASSERT(live_kill(w, info.hsm));
	survivor = strcmp(info.hsm, "hsm1") == 0 ? "hsm2" : "hsm1";
	CU_ASSERT_EQUAL(hsmlet_random(h, &byte, 1, &e), 0); /* the link was lost, and nobody notices */
	hsmlet_close(h);
	h = logged_in();
	CU_ASSERT(signs(h, &k));
	hsmlet_close(h);
	CU_ASSERT(live_restart(w, info.hsm));
	CU_ASSERT(live_kill(w, survivor));
	h = logged_in();
	CU_ASSERT(signs(h, &k));
	if (h)
		CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	hsmlet_close(h);
	CU_ASSERT_STRING_NOT_EQUAL(info.hsm, survivor);
	CU_ASSERT(live_restart(w, survivor));
}

/* hsm1 is master, whoever was before: it starts where nobody runs. */
static bool crown_hsm1(void)
{
	return live_kill(w, "hsm1") && live_kill(w, "hsm2") && live_restart(w, "hsm1") && live_restart(w, "hsm2");
}

static void a_new_key_needs_the_master_and_waits_for_its_return(void)
{
	struct key_pair k = { 0 }, none;
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT(crown_hsm1());
	h = logged_in();
	CU_ASSERT_EQUAL(key_make_p256(h, "kept", &k, &e), 0);
	hsmlet_close(h);
	CU_ASSERT(live_kill(w, "hsm1"));
	h = logged_in();
	CU_ASSERT_EQUAL(key_make_p256(h, "refused", &none, &e), 521);
	CU_ASSERT_EQUAL(e.exit_code, 16);
	CU_ASSERT_EQUAL(e.retryable, 1);
	CU_ASSERT(signs(h, &k));
	CU_ASSERT(live_restart(w, "hsm1"));
	CU_ASSERT_EQUAL(key_make_p256(h, "made", &none, &e), 0); /* still at hsm2 */
	hsmlet_close(h);
}

static void a_proxy_that_stands_still_is_passed_over(void)
{
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT(live_pause(w, "proxy1"));
	CU_ASSERT_EQUAL(open_as(&client, &h, &e), 0);
	hsmlet_close(h);
	CU_ASSERT(live_resume(w, "proxy1"));
}

/* It is certain that a request which was never sent had no effect: nobody is told otherwise. */
static void a_link_that_ended_while_idle_is_opened_anew_by_the_next_call(void)
{
	hsmlet *h = logged_in();
	hsmlet_info info = { 0 };
	hsmlet_error e;

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	CU_ASSERT(live_kill(w, info.hsm));
	CU_ASSERT(live_restart(w, info.hsm));
	CU_ASSERT_EQUAL(hsmlet_destroy(h, 1, &e), -HL_E_LOGIN); /* not: the outcome is unknown */
	CU_ASSERT_EQUAL(hsmlet_login(h, acme.pin, strlen(acme.pin), &e), 0);
	CU_ASSERT_EQUAL(hsmlet_destroy(h, 1, &e), -HL_E_KEY);
	hsmlet_close(h);
}

static void a_directory_that_was_killed_comes_back_with_all_it_knew(void)
{
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT(live_kill(w, "directory1"));
	CU_ASSERT(live_restart(w, "directory1"));
	CU_ASSERT_EQUAL(open_as(&client, &h, &e), 0);
	hsmlet_close(h);
}

static CU_TestInfo tests[] = {
	{ "a key is made and signs through all eight steps", a_key_is_made_and_signs_through_all_eight_steps },
	{ "an RSA key signs and keeps its value", an_rsa_key_signs_and_keeps_its_value },
	{ "an AES key is found, renamed and destroyed", an_aes_key_is_found_renamed_and_destroyed },
	{ "an AES key encrypts and decrypts", an_aes_key_encrypts_and_decrypts },
	{ "random bytes come in any amount", random_bytes_come_in_any_amount },
	{ "a wrong service password is refused", a_wrong_service_password_is_refused },
	{ "an unknown service user looks the same", an_unknown_service_user_looks_the_same },
	{ "a hundred wrong passwords lock, and say how long", a_hundred_wrong_passwords_lock_and_say_how_long },
	{ "an address that is not listed is refused", an_address_that_is_not_listed_is_refused },
	{ "a partition of another tenant is refused", a_partition_of_another_tenant_is_refused },
	{ "a missing partition looks the same", a_missing_partition_looks_the_same },
	{ "a wrong user secret is refused by the HSM", a_wrong_user_secret_is_refused_by_the_hsm },
	{ "a wrong setup password is refused and changes nothing",
		a_wrong_setup_password_is_refused_and_changes_nothing },
	{ "a wrong PIN is refused on the open channel", a_wrong_pin_is_refused_on_the_open_channel },
	{ "a private key is not there without login", a_private_key_is_not_there_without_login },
	{ "a key outlives the HSM that made it", a_key_outlives_the_hsm_that_made_it },
	{ "a new key needs the master, and waits for its return",
		a_new_key_needs_the_master_and_waits_for_its_return },
	{ "a proxy that stands still is passed over", a_proxy_that_stands_still_is_passed_over },
	{ "a link that ended while idle is opened anew by the next call",
		a_link_that_ended_while_idle_is_opened_anew_by_the_next_call },
	{ "a directory that was killed comes back with all it knew",
		a_directory_that_was_killed_comes_back_with_all_it_knew },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_options two = { .proxies = 2, .hsms = 2 };
	static const struct live_tenant first = { "acme", "acmeservice", "ACMEPARTONE", .pin = "12345678" };
	static const struct live_tenant second = { "zeta", "zetaservice", "ZETAPARTONE", .pin = "87654321" };

	w = live_start(&two);
	return w && live_provision(w, &first, &acme) == HL_OK && live_provision(w, &second, &other) == HL_OK &&
		live_client_ready(w, "acme", &acme, &client);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("live", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
