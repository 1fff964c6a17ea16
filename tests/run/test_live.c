/* The service as its users see it: real processes, real sockets, the public API. What it signs is verified
 * by OpenSSL alone. What is refused on the way in stands in test_refusals.c. */
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
static struct live_account acme;
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
	pss = (hsmlet_pss){ HL_CKM_SHA3_256, HL_CKG_MGF1_SHA3_256, 32 };
	m = (hsmlet_mechanism){ HL_CKM_SHA3_256_RSA_PKCS_PSS, &pss, sizeof pss };
	n = sizeof signature;
	CU_ASSERT_EQUAL(hsmlet_sign(h, k->key, &m, "data", 4, signature, &n, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_verify(h, k->public_key, &m, "data", 4, signature, n, &e), 0);
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

#define NUMBER(type, n) { type, HSMLET_NUMBER, (const uint8_t[8]){ [7] = n }, 8 }
#define YES(type) { type, HSMLET_BOOL, "\1", 1 }

/* What one key encrypted, the same key decrypts after it has been out and in again. */
static void a_key_that_was_brought_along_is_wrapped_copied_and_unwrapped(void)
{
	const hsmlet_attribute brought[] = { NUMBER(HL_CKA_CLASS, 4), NUMBER(HL_CKA_KEY_TYPE, 0x1f),
		{ HL_CKA_VALUE, HSMLET_BYTES, "0123456789abcdef", 16 }, YES(HL_CKA_ENCRYPT), YES(HL_CKA_EXTRACTABLE) };
	const hsmlet_attribute wrapping[] = { NUMBER(HL_CKA_VALUE_LEN, 32), YES(HL_CKA_WRAP), YES(HL_CKA_UNWRAP) };
	const hsmlet_attribute again[] = { NUMBER(HL_CKA_CLASS, 4), NUMBER(HL_CKA_KEY_TYPE, 0x1f),
		YES(HL_CKA_DECRYPT) };
	static const hsmlet_attribute name = { HL_CKA_LABEL, HSMLET_BYTES, "copy", 4 };
	const hsmlet_gcm p = { "123456789012", 12, NULL, 0, 128 };
	const hsmlet_mechanism gcm = { HL_CKM_AES_GCM, &p, sizeof p }, wrap = { HL_CKM_AES_KEY_WRAP, NULL, 0 };
	uint64_t key = 0, kek = 0, copy = 0, back = 0, is;
	uint8_t wrapped[64], sealed[32], open[32];
	size_t wrapped_n = 4, sealed_n = sizeof sealed, open_n = sizeof open;
	hsmlet *h = logged_in();
	hsmlet_error e;

	if (!h)
		return;
	CU_ASSERT_EQUAL(hsmlet_create(h, brought, HL_COUNT(brought), &key, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_generate(h, HL_CKM_AES_KEY_GEN, wrapping, HL_COUNT(wrapping), NULL, 0, &kek, NULL, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_copy(h, key, &name, 1, &copy, &e), 0);
	CU_ASSERT(found(h, "copy", &is) == 1 && is == copy);
	CU_ASSERT_EQUAL(hsmlet_encrypt(h, copy, &gcm, "out and in", 10, sealed, &sealed_n, NULL, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_wrap(h, kek, &wrap, key, wrapped, &wrapped_n, &e), 8); /* no room */
	wrapped_n = sizeof wrapped;
	CU_ASSERT_EQUAL(hsmlet_wrap(h, kek, &wrap, key, wrapped, &wrapped_n, &e), 0);
	CU_ASSERT_EQUAL(wrapped_n, 24);
	CU_ASSERT_EQUAL(hsmlet_unwrap(h, kek, &wrap, wrapped, wrapped_n, again, HL_COUNT(again), &back, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_decrypt(h, back, &gcm, sealed, sealed_n, open, &open_n, &e), 0);
	CU_ASSERT(open_n == 10 && memcmp(open, "out and in", 10) == 0);
	wrapped[3] ^= 1;
	CU_ASSERT_EQUAL(hsmlet_unwrap(h, kek, &wrap, wrapped, wrapped_n, again, HL_COUNT(again), &back, &e), 540);
	CU_ASSERT_EQUAL(hsmlet_create(h, brought, 65, &key, &e), 3);
	hsmlet_close(h);
}

/* Steps 0 to 6 alone: nothing of a user secret is needed for them, and no HSM sees a channel. */
static void a_service_password_is_checked_at_the_gateway_alone(void)
{
	struct live_client stranger;
	hsmlet_options o;
	hsmlet_error e;

	CU_ASSERT(live_client(w, "knocks", &acme, NULL, &stranger));
	o = live_options_of(&stranger);
	CU_ASSERT_EQUAL(hsmlet_check_password(&o, NULL, 0, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_check_password(&o, acme.password, strlen(acme.password), &e), 0);
	CU_ASSERT_EQUAL(hsmlet_check_password(&o, "wrong", 5, &e), 300);
	CU_ASSERT_STRING_EQUAL(e.step_name, "auth.result");
	CU_ASSERT_EQUAL(hsmlet_check_password(&o, "", 0, &e), 3);
	o.host = "hsm0";
	CU_ASSERT_EQUAL(hsmlet_check_password(&o, NULL, 0, &e), 0);
	o.host = LIVE_POOL;
	CU_ASSERT_EQUAL(hsmlet_check_password(&o, NULL, 0, &e), 0);
	o.host = "hsm1";
	CU_ASSERT_EQUAL(hsmlet_check_password(&o, NULL, 0, &e), 100);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.detail, "no host hsm1 has a slot of "));
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

/* On the open channel it is the HSM that says no: all four parts, and the step that both traces name. */
static void a_wrong_pin_is_refused_on_the_open_channel(void)
{
	struct line at = { .step = "operation", .err = "HL-0503" };
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT_EQUAL(open_as(&client, &h, &e), 0);
	if (!h)
		return;
	CU_ASSERT_EQUAL(hsmlet_login(h, "not the PIN", 11, &e), 503);
	CU_ASSERT_EQUAL(e.id, 503);
	CU_ASSERT_EQUAL(e.exit_code, 12);
	CU_ASSERT_STRING_EQUAL(e.step_name, "operation");
	CU_ASSERT_EQUAL(e.attempts, 1);
	CU_ASSERT_EQUAL(e.retryable, 0);
	CU_ASSERT(e.what[0] && e.where[0] && e.cause[0] && e.next[0]);
	at.conn = e.connection;
	CU_ASSERT_EQUAL(lines_count(client.trace, &at), 1);
	CU_ASSERT_EQUAL(lines_of(w, "hsm", &at), 1);
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

/* Its kernel still accepts for it, and the directory still grants tickets for it. */
static void an_hsm_that_stands_still_is_passed_over(void)
{
	hsmlet_info info = { 0 };
	hsmlet_error e;
	hsmlet *h;

	CU_ASSERT(live_pause(w, "hsm1"));
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(open_as(&client, &h, &e), 0);
		if (h)
			CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
		CU_ASSERT_STRING_EQUAL(info.hsm, "hsm2");
		hsmlet_close(h);
	}
	CU_ASSERT(live_resume(w, "hsm1"));
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
	CU_ASSERT_EQUAL(hsmlet_destroy(h, 1, &e), -HL_E_KEY); /* not: the outcome is unknown */
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
	{ "a key that was brought along is wrapped, copied and unwrapped",
		a_key_that_was_brought_along_is_wrapped_copied_and_unwrapped },
	{ "a service password is checked at the gateway alone", a_service_password_is_checked_at_the_gateway_alone },
	{ "random bytes come in any amount", random_bytes_come_in_any_amount },
	{ "a wrong PIN is refused on the open channel", a_wrong_pin_is_refused_on_the_open_channel },
	{ "a private key is not there without login", a_private_key_is_not_there_without_login },
	{ "a key outlives the HSM that made it", a_key_outlives_the_hsm_that_made_it },
	{ "a new key needs the master, and waits for its return",
		a_new_key_needs_the_master_and_waits_for_its_return },
	{ "a proxy that stands still is passed over", a_proxy_that_stands_still_is_passed_over },
	{ "an HSM that stands still is passed over", an_hsm_that_stands_still_is_passed_over },
	{ "a link that ended while idle is opened anew by the next call",
		a_link_that_ended_while_idle_is_opened_anew_by_the_next_call },
	{ "a directory that was killed comes back with all it knew",
		a_directory_that_was_killed_comes_back_with_all_it_knew },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_options two = { .proxies = 2, .hsms = 2 };
	static const struct live_tenant tenant = { "acme", "acmeservice", "ACMEPARTONE", .pin = "12345678" };

	w = live_start(&two);
	return w && live_provision(w, &tenant, &acme) == HL_OK && live_client_ready(w, "acme", &acme, &client);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("live", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
