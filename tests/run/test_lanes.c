/* Many threads with one handle: a few share one link, a crowd gets more of them, and nobody can tell which one an answer
 * came over. Two HSMs with one store; the one that serves the first link stands still, so that what else is answered
 * came over another one. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "client/hsmlet_impl.h"
#include "client/os_remote.h"
#include "lib/os/clock.h"
#include "lib/wire/numbers.h"
#include "tests/support/descriptors.h"
#include "tests/support/key.h"
#include "tests/support/lines.h"
#include "tests/support/live_world.h"
#include "tests/support/sockets.h"
#include "tests/support/test.h"

#define FEW 4   /* that share one link, */
#define CROWD 8 /* and more than those */

static struct live_account lab; /* its keys may get other uses later */
static struct live_client lab_client;

/* -- threads that sign once ---------------------------------------------------------------------------------------- */

struct signer {
	hsmlet *h;
	uint64_t key;
	hsmlet_mechanism mechanism;
	int rc;
	char connection[33]; /* of an error */
	uint8_t signature[256];
	size_t n;
	atomic_uint *answered;
	pthread_t thread;
};

static void *sign_once(void *at)
{
	struct signer *s = at;
	hsmlet_error e;

	s->n = sizeof s->signature;
	s->rc = hsmlet_sign(s->h, s->key, &s->mechanism, "data", 4, s->signature, &s->n, &e);
	snprintf(s->connection, sizeof s->connection, "%s", s->rc == 0 ? "" : e.connection);
	atomic_fetch_add(s->answered, 1);
	return NULL;
}

static void await_answers(const atomic_uint *answered, unsigned n)
{
	int64_t deadline = hl_clock_mono_us() + live_limit_ms() * INT64_C(1000);

	while (atomic_load(answered) < n && hl_clock_mono_us() < deadline)
		poll(NULL, 0, 5);
	CU_ASSERT(atomic_load(answered) >= n);
}

static unsigned under_way(hsmlet *h)
{
	struct client_load load[CLIENT_REMOTE_LINKS];
	unsigned n = 0;

	client_remote_load(client_api_remote(h), load);
	for (size_t i = 0; i < CLIENT_REMOTE_LINKS; i++)
		n += load[i].calls;
	return n;
}

/* Each of them has begun, or is over. */
static void await_calls(hsmlet *h, const atomic_uint *answered, unsigned n)
{
	int64_t deadline = hl_clock_mono_us() + live_limit_ms() * INT64_C(1000);
	bool begun = false;

	while (!begun && hl_clock_mono_us() < deadline) {
		begun = under_way(h) + atomic_load(answered) >= n;
		poll(NULL, 0, begun ? 0 : 5);
	}
	CU_ASSERT(begun);
}

/* `n` threads sign so while the HSM of the first link stands still; `early` of them are answered meanwhile. */
static void sign_all_by(struct signer *s, unsigned n, hsmlet *h, uint64_t key, uint32_t mechanism, unsigned early)
{
	atomic_uint answered = 0;
	hsmlet_info info = { 0 };
	hsmlet_error e;

	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	CU_ASSERT(live_pause(w, info.hsm));
	for (unsigned i = 0; i < n; i++) {
		s[i] = (struct signer){ .h = h, .key = key, .mechanism.number = mechanism, .answered = &answered };
		if (pthread_create(&s[i].thread, NULL, sign_once, &s[i]) != 0)
			abort();
	}
	await_calls(h, &answered, n);
	await_answers(&answered, early);
	CU_ASSERT(live_resume(w, info.hsm));
	for (unsigned i = 0; i < n; i++)
		pthread_join(s[i].thread, NULL);
}

static void sign_all(struct signer *s, unsigned n, hsmlet *h, uint64_t key, unsigned early)
{
	sign_all_by(s, n, h, key, HL_CKM_ECDSA_SHA256, early);
}

static void expect_signatures(const struct signer *s, unsigned n, uint64_t public_key)
{
	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(s[i].rc, 0);
		CU_ASSERT(key_verifies(s[i].h, public_key, "data", 4, s[i].signature, s[i].n));
	}
}

static void expect_errors(const struct signer *s, unsigned n, hl_err err)
{
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT_EQUAL(s[i].rc, -(int)err);
}

/* Have the handle believe that such a signature takes the HSM so long. */
static void teach(hsmlet *h, uint64_t key, uint32_t mechanism, int64_t us)
{
	const struct hl_sign sign = { .key = key, .mechanism = mechanism };
	const struct client_answers a = { .sent_us = 0, .before_us = 1000000000, .now_us = 1000000000 + us, .n = 1 };

	for (unsigned i = 0; i < CLIENT_PACE_SURE; i++)
		client_pace_learn(client_remote_pace(client_api_remote(h)), &a, client_kind_of(&hl_msg_sign, &sign));
}

static int links_made(void)
{
	return lines_count(client.trace, &(struct line){ .step = "hsm.result", .way = "got" });
}

static hsmlet *begin_as(const struct live_client *c, const struct live_account *a)
{
	hsmlet_options o = live_options_of(c);
	hsmlet_error e;
	hsmlet *h = NULL;

	CU_ASSERT_EQUAL_FATAL(hsmlet_open(&o, &h, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_login(h, a->pin, strlen(a->pin), &e), 0);
	return h;
}

static hsmlet *begin(void)
{
	return begin_as(&client, &acme);
}

/* -- stories --------------------------------------------------------------------------------------------------------- */

static void a_few_threads_share_one_link(void)
{
	hsmlet *h = begin();
	struct signer s[FEW];
	struct key_pair k;
	hsmlet_error e;
	int before;

	CU_ASSERT_EQUAL(key_make_p256(h, "few", &k, &e), 0);
	before = links_made();
	sign_all(s, FEW, h, k.key, 0);
	expect_signatures(s, FEW, k.public_key);
	CU_ASSERT_EQUAL(links_made(), before);
	hsmlet_close(h);
}

static void two_threads_with_short_work_share_one_link(void)
{
	hsmlet *h = begin();
	struct signer s[2];
	struct key_pair k;
	hsmlet_error e;
	int before;

	CU_ASSERT_EQUAL(key_make_p256(h, "short", &k, &e), 0);
	teach(h, k.key, HL_CKM_ECDSA_SHA256, 20);
	before = links_made();
	sign_all(s, 2, h, k.key, 0);
	expect_signatures(s, 2, k.public_key);
	CU_ASSERT_EQUAL(links_made(), before);
	hsmlet_close(h);
}

/* The one that is answered was so by another HSM: the first one's stands still. */
static void two_threads_with_long_work_have_two_links(void)
{
	hsmlet *h = begin();
	struct signer s[2];
	struct key_pair k;
	hsmlet_error e;
	int before;

	CU_ASSERT_EQUAL(key_make_rsa(h, 2048, "long", &k, &e), 0);
	teach(h, k.key, HL_CKM_SHA256_RSA_PKCS, 250);
	before = links_made();
	sign_all_by(s, 2, h, k.key, HL_CKM_SHA256_RSA_PKCS, 1);
	expect_signatures(s, 2, k.public_key);
	CU_ASSERT_EQUAL(links_made(), before + 1);
	hsmlet_close(h);
}

static void a_crowd_is_answered_over_another_link_while_the_first_stands_still(void)
{
	hsmlet *h = begin();
	struct signer s[CROWD];
	struct key_pair k;
	hsmlet_error e;
	int before;

	CU_ASSERT_EQUAL(key_make_p256(h, "crowd", &k, &e), 0);
	before = links_made();
	sign_all(s, CROWD, h, k.key, CROWD - FEW);
	expect_signatures(s, CROWD, k.public_key);
	CU_ASSERT(links_made() > before);
	hsmlet_close(h);
	CU_ASSERT(sockets_await_none(w));
}

static void an_error_names_the_connection_that_it_came_over(void)
{
	hsmlet *h = begin();
	struct signer s[CROWD];
	struct key_pair k;
	hsmlet_info info = { 0 };
	hsmlet_error e;
	unsigned elsewhere = 0;

	CU_ASSERT_EQUAL(key_make_p256(h, "error", &k, &e), 0);
	sign_all_by(s, CROWD, h, k.key, HL_CKM_RSA_PKCS, CROWD - FEW);
	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	for (unsigned i = 0; i < CROWD; i++) {
		struct line refused = { .conn = s[i].connection, .step = "operation", .err = "HL-0530" };

		CU_ASSERT_EQUAL(s[i].rc, -(int)HL_E_KEY_TYPE);
		CU_ASSERT(lines_count(client.trace, &refused) > 0);
		elsewhere += strcmp(s[i].connection, info.connection) != 0;
	}
	CU_ASSERT(elsewhere >= CROWD - FEW);
	hsmlet_close(h);
}

/* Each link is logged in on its own, and forgets it when the user says so once. */
static void a_logout_is_of_every_link(void)
{
	hsmlet *h = begin();
	struct signer s[CROWD];
	struct key_pair k;
	hsmlet_error e;

	CU_ASSERT_EQUAL(key_make_p256(h, "logout", &k, &e), 0);
	sign_all(s, CROWD, h, k.key, CROWD - FEW);
	expect_signatures(s, CROWD, k.public_key);
	CU_ASSERT_EQUAL(hsmlet_logout(h, &e), 0);
	sign_all(s, CROWD, h, k.key, 0);
	expect_errors(s, CROWD, HL_E_KEY);
	CU_ASSERT_EQUAL(hsmlet_login(h, acme.pin, strlen(acme.pin), &e), 0);
	sign_all(s, CROWD, h, k.key, 0);
	expect_signatures(s, CROWD, k.public_key);
	hsmlet_close(h);
}

static const uint8_t yes = 1, no = 0;

/* A pair of the handle: neither half is on the token. */
static void make_short(hsmlet *h, struct key_pair *out)
{
	static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	const hsmlet_attribute off_token = { HL_CKA_TOKEN, HSMLET_BOOL, &no, 1 };
	const hsmlet_attribute mine[] = { off_token, { HL_CKA_SIGN, HSMLET_BOOL, &yes, 1 } };
	const hsmlet_attribute theirs[] = { off_token, { HL_CKA_VERIFY, HSMLET_BOOL, &yes, 1 },
		{ HL_CKA_EC_PARAMS, HSMLET_BYTES, p256, sizeof p256 } };
	hsmlet_error e;

	CU_ASSERT_EQUAL(hsmlet_generate(h, HL_CKM_EC_KEY_PAIR_GEN, mine, HL_COUNT(mine), theirs, HL_COUNT(theirs),
				&out->key, &out->public_key, &e),
		0);
}

/* It is kept with the first link: another one learns of it when it is needed, and unlearns it too. */
static void a_session_key_is_used_over_every_link_until_it_is_destroyed(void)
{
	hsmlet *h = begin();
	struct signer s[CROWD];
	struct key_pair k;
	hsmlet_info info = { 0 };
	hsmlet_error e;

	make_short(h, &k);
	for (int i = 0; i < 2; i++) {
		sign_all(s, CROWD, h, k.key, i == 0 ? 0 : CROWD - FEW);
		expect_signatures(s, CROWD, k.public_key);
	}
	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_destroy(h, k.key, &e), 0);
	sign_all(s, CROWD, h, k.key, 0);
	expect_errors(s, CROWD, HL_E_KEY);
	CU_ASSERT(live_kill(w, info.hsm)); /* the other one was not told, and remembers it */
	sign_all(s, CROWD, h, k.key, 0);
	expect_errors(s, CROWD, HL_E_KEY);
	CU_ASSERT(live_restart(w, info.hsm));
	hsmlet_close(h);
}

#define TIMES 100

struct insister {
	hsmlet *h;
	uint64_t key;
	unsigned signed_, refused;
	pthread_t thread;
};

static void *sign_often(void *at)
{
	struct insister *s = at;
	const hsmlet_mechanism ecdsa = { .number = HL_CKM_ECDSA_SHA256 };

	for (unsigned i = 0; i < TIMES; i++) {
		uint8_t signature[64];
		size_t n = sizeof signature;
		hsmlet_error e;
		int rc = hsmlet_sign(s->h, s->key, &ecdsa, "data", 4, signature, &n, &e);

		s->signed_ += rc == 0;
		s->refused += rc == -(int)HL_E_KEY_USE;
	}
	return NULL;
}

/* So many at once, and so often, that every link is used. All are told the same. */
static void expect_of_all(hsmlet *h, uint64_t key, bool may_sign)
{
	struct insister s[CROWD];

	for (unsigned i = 0; i < CROWD; i++) {
		s[i] = (struct insister){ .h = h, .key = key };
		if (pthread_create(&s[i].thread, NULL, sign_often, &s[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < CROWD; i++) {
		pthread_join(s[i].thread, NULL);
		CU_ASSERT_EQUAL(s[i].signed_, may_sign ? TIMES : 0);
		CU_ASSERT_EQUAL(s[i].refused, may_sign ? 0 : TIMES);
	}
}

/* A member that had the key before keeps the older form of it, and would go by that. */
static void a_session_key_that_was_changed_is_as_it_is_now_over_every_link(void)
{
	const hsmlet_attribute signs[] = { { HL_CKA_SIGN, HSMLET_BOOL, &no, 1 }, { HL_CKA_SIGN, HSMLET_BOOL, &yes, 1 } };
	hsmlet *h = begin_as(&lab_client, &lab);
	struct signer s[CROWD];
	struct key_pair k;
	hsmlet_error e;

	make_short(h, &k);
	sign_all(s, CROWD, h, k.key, CROWD - FEW); /* at the other member, too */
	expect_signatures(s, CROWD, k.public_key);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(hsmlet_set_attributes(h, k.key, &signs[0], 1, &e), 0);
		expect_of_all(h, k.key, false);
		CU_ASSERT_EQUAL(hsmlet_set_attributes(h, k.key, &signs[1], 1, &e), 0);
		expect_of_all(h, k.key, true);
	}
	hsmlet_close(h);
}

/* With the HSM of another link gone as well, all that is left is what the first link can do. */
static void a_crowd_gets_its_answers_whoever_dies(void)
{
	hsmlet *h = begin();
	struct signer s[CROWD];
	struct key_pair k;
	hsmlet_info info = { 0 };
	hsmlet_error e;
	const char *other;

	CU_ASSERT_EQUAL(key_make_p256(h, "dies", &k, &e), 0);
	sign_all(s, CROWD, h, k.key, CROWD - FEW);
	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	other = strcmp(info.hsm, "hsm1") == 0 ? "hsm2" : "hsm1";
	CU_ASSERT(live_kill(w, other));
	sign_all(s, CROWD, h, k.key, 0);
	expect_signatures(s, CROWD, k.public_key);
	CU_ASSERT(live_restart(w, other));
	CU_ASSERT(live_kill(w, info.hsm));
	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	CU_ASSERT_STRING_EQUAL(info.hsm, other);
	CU_ASSERT(live_restart(w, strcmp(other, "hsm1") == 0 ? "hsm2" : "hsm1"));
	sign_all(s, CROWD, h, k.key, 0);
	expect_signatures(s, CROWD, k.public_key);
	hsmlet_close(h);
}

static void all_links_are_closed_with_the_handle(void)
{
	int before = descriptors();
	hsmlet *h = begin();
	struct signer s[CROWD];
	struct key_pair k;
	hsmlet_error e;

	CU_ASSERT_EQUAL(key_make_p256(h, "closed", &k, &e), 0);
	sign_all(s, CROWD, h, k.key, CROWD - FEW);
	CU_ASSERT(descriptors() > before + 5);
	hsmlet_close(h);
	CU_ASSERT_EQUAL(descriptors(), before);
	CU_ASSERT(sockets_await_none(w));
}

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(a_few_threads_share_one_link),
	TEST(two_threads_with_short_work_share_one_link),
	TEST(two_threads_with_long_work_have_two_links),
	TEST(a_crowd_is_answered_over_another_link_while_the_first_stands_still),
	TEST(an_error_names_the_connection_that_it_came_over),
	TEST(a_logout_is_of_every_link),
	TEST(a_session_key_is_used_over_every_link_until_it_is_destroyed),
	TEST(a_session_key_that_was_changed_is_as_it_is_now_over_every_link),
	TEST(a_crowd_gets_its_answers_whoever_dies),
	TEST(all_links_are_closed_with_the_handle),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

static bool prepare(void)
{
	static const struct live_options two = { .proxies = 2, .hsms = 2 };
	static const struct live_tenant lenient = {
		.tenant = "lab", .user = "labservice", .partition = "LABPARTITION", .pin = "12345678", .label = "lanes",
	};

	return live_world_begin(&two) && live_provision(w, &lenient, &lab) == HL_OK &&
		live_client_ready(w, "lab", &lab, &lab_client);
}

int main(void)
{
	return live_world_end(prepare() ? hl_test_main("lanes", tests) : 1);
}
