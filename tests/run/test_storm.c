/* A storm: eight threads make, use and destroy keys over three links while members come and go (tests/support/storm.h).
 * Whatever was acknowledged is there afterwards, once; nobody waited longer than agreed; nobody was told that credentials
 * are wrong; nothing is left open. New keys need a master that lives: without one they are refused. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/os/clock.h"
#include "lib/wire/numbers.h"
#include "tests/support/descriptors.h"
#include "tests/support/draw.h"
#include "tests/support/hand.h"
#include "tests/support/key.h"
#include "tests/support/live_world.h"
#include "tests/support/sockets.h"
#include "tests/support/test.h"

#define THREADS 8
#define LINKS 3
#define PROXIES 3
#define HSMS 2

static struct storm storm;

/* Of each link its own: one that is long enough for everything, one that is not always, one that often is not. */
static unsigned limit_ms(unsigned link)
{
	static const unsigned limit[LINKS] = { 4000, 1000, 300 };

	return limit[link % LINKS] * (hl_test_is_slow() ? 20 : 1);
}

/* -- what a thread did --------------------------------------------------------------------------------------- */

enum deed { MAKE, LOAD, SIGN, DESTROY, LOGIN, RANDOM, INFO, OPEN, DEEDS };
static const char *const deed_name[] = { "make", "load", "sign", "destroy", "login", "random", "info", "open" };

struct worker {
	struct hand hand;
	hsmlet *h;
	bool logged_in; /* once, for all links to come */
};

/* What somebody may be told while members come and go. Credentials, logins and keys are none of it: they stay what they
 * were. But a key that was destroyed is not there. */
static bool may_be_told(enum deed d, int id)
{
	static const hl_err told[] = { HL_E_EPOCH, HL_E_DIRECTORY, HL_E_STALE, HL_E_BUSY, HL_E_BEHIND, HL_E_STORE_STALE, HL_E_NAME_TIMEOUT, HL_E_PROXIES, HL_E_HSMS, HL_E_TIMEOUT, HL_E_CLOSED,
		HL_E_REFUSED, HL_E_UNKNOWN, HL_E_MASTER };

	for (size_t i = 0; i < HL_COUNT(told); i++)
		if (-(int)told[i] == id)
			return true;
	return d == DESTROY && id == -HL_E_KEY;
}

/* Whether it happened. */
static enum fate end(struct worker *t, enum deed d, int rc, const hsmlet_error *e)
{
	enum fate fate = rc == 0 ? FATE_YES : rc == -HL_E_UNKNOWN ? FATE_MAYBE : FATE_NO;

	if (rc != 0 && !may_be_told(d, rc))
		hand_wrong(&t->hand, e->what, deed_name[d], rc);
	return hand_ends(&t->hand, d, fate, rc, limit_ms(t->hand.number));
}

/* -- deeds --------------------------------------------------------------------------------------------------- */

static void log_in(struct worker *t)
{
	hsmlet_error e;
	int rc;

	hand_begins(&t->hand);
	rc = hsmlet_login(t->h, acme.pin, strlen(acme.pin), &e);
	t->logged_in = end(t, LOGIN, rc, &e) == FATE_YES;
}

static void make(struct worker *t)
{
	struct ledger_pair *p = ledger_add(&t->hand.ledger, t->hand.prefix);
	struct key_pair k;
	hsmlet_error e;
	int rc;

	hand_begins(&t->hand);
	rc = key_make_p256(t->h, p->label, &k, &e);
	p->made = end(t, MAKE, rc, &e);
	if (rc != 0)
		return;
	p->object[0].handle = k.key;
	p->object[1].handle = k.public_key;
}

static bool has_public_key(struct worker *t, struct ledger_pair *p)
{
	hsmlet_error e;
	int rc;

	if (p->public_key)
		return true;
	hand_begins(&t->hand);
	rc = key_load(t->h, p->object[1].handle, &p->public_key, &e);
	return end(t, LOAD, rc, &e) == FATE_YES;
}

static void sign(struct worker *t, struct ledger_pair *p)
{
	static const hsmlet_mechanism ecdsa = { .number = HL_CKM_ECDSA_SHA256 };
	uint8_t data[32], signature[64];
	size_t n = sizeof signature;
	hsmlet_error e;
	int rc;

	if (p->object[0].gone != FATE_NO || !has_public_key(t, p))
		return;
	draw_bytes(&t->hand.state, data, sizeof data);
	hand_begins(&t->hand);
	rc = hsmlet_sign(t->h, p->object[0].handle, &ecdsa, data, sizeof data, signature, &n, &e);
	if (end(t, SIGN, rc, &e) == FATE_YES && !key_judges(p->public_key, data, sizeof data, signature, n))
		hand_wrong(&t->hand, "a signature does not verify", p->label, 0);
}

static void destroy(struct worker *t, struct ledger_pair *p, unsigned which)
{
	hsmlet_error e;
	enum fate fate;
	int rc;

	hand_begins(&t->hand);
	rc = hsmlet_destroy(t->h, p->object[which].handle, &e);
	fate = end(t, DESTROY, rc, &e);
	hand_destroyed(&t->hand, p, which, fate, rc == -HL_E_KEY, rc);
}

static void retire(struct worker *t)
{
	size_t row;
	struct ledger_pair *p = hand_retires(&t->hand, &row);

	for (unsigned which = 0; p && which < 2; which++) {
		destroy(t, p, which);
		if (hand_repeats(&t->hand))
			destroy(t, p, which);
	}
}

static void ask_for_random(struct worker *t)
{
	uint8_t bytes[100];
	hsmlet_error e;
	int rc;

	hand_begins(&t->hand);
	rc = hsmlet_random(t->h, bytes, sizeof bytes, &e);
	end(t, RANDOM, rc, &e);
}

static void ask_for_info(struct worker *t)
{
	hsmlet_info info;
	hsmlet_error e;
	int rc;

	hand_begins(&t->hand);
	rc = hsmlet_get_info(t->h, &info, &e);
	if (end(t, INFO, rc, &e) == FATE_YES && !info.logged_in)
		hand_wrong(&t->hand, "the login is lost", deed_name[INFO], 0);
}

static int open_link(unsigned limit, hsmlet **h, hsmlet_error *e)
{
	hsmlet_options o = live_options_of(&client);

	o.limit_ms = limit;
	return hsmlet_open(&o, h, e);
}

/* A link of its own for a moment. */
static void open_another(struct worker *t)
{
	hsmlet_error e;
	hsmlet *h = NULL;
	int rc;

	hand_begins(&t->hand);
	rc = open_link(limit_ms(t->hand.number), &h, &e);
	end(t, OPEN, rc, &e);
	hsmlet_close(h);
}

static void step(struct worker *t)
{
	size_t what = draw_below(&t->hand.state, 100);
	struct ledger_pair *p;

	if (!t->logged_in) {
		log_in(t);
		return;
	}
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
	else if (what < 60 && p && p->made == FATE_YES)
		sign(t, p);
	else
		make(t);
}

static void *work(void *at)
{
	struct worker *t = at;

	while (storm_goes_on(&storm, &t->hand.tally, 1u << MAKE | 1u << SIGN | 1u << DESTROY))
		step(t);
	return NULL;
}

/* -- a fork in the middle ------------------------------------------------------------------------------------ */

/* How many calls do not say that the handle is the parent's. */
static int not_forked(hsmlet *h)
{
	static const hsmlet_mechanism m = { .number = HL_CKM_ECDSA_SHA256 };
	const hsmlet_mechanism gcm = { HL_CKM_AES_GCM, &(hsmlet_gcm){ "123456789012", 12, NULL, 0, 128 },
		sizeof(hsmlet_gcm) };
	const hsmlet_attribute a = { HL_CKA_LABEL, HSMLET_BYTES, "x", 1 };
	const uint32_t type = HL_CKA_LABEL;
	hsmlet_attributes *got;
	hsmlet_info info;
	uint8_t out[64];
	uint64_t handle;
	size_t n = sizeof out;
	const int rc[] = {
		hsmlet_login(h, acme.pin, strlen(acme.pin), NULL),
		hsmlet_logout(h, NULL),
		hsmlet_get_info(h, &info, NULL),
		hsmlet_random(h, out, sizeof out, NULL),
		hsmlet_generate(h, HL_CKM_AES_KEY_GEN, &a, 1, NULL, 0, &handle, NULL, NULL),
		hsmlet_find(h, &a, 1, 0, &handle, 1, &n, NULL),
		hsmlet_get_attributes(h, 1, &type, 1, &got, NULL),
		hsmlet_set_attributes(h, 1, &a, 1, NULL),
		hsmlet_destroy(h, 1, NULL),
		hsmlet_sign(h, 1, &m, "x", 1, out, &n, NULL),
		hsmlet_verify(h, 1, &m, "x", 1, out, sizeof out, NULL),
		hsmlet_encrypt(h, 1, &gcm, "x", 1, out, &n, NULL, NULL),
		hsmlet_decrypt(h, 1, &gcm, out, 17, out, &n, NULL),
		hsmlet_create(h, &a, 1, &handle, NULL),
		hsmlet_copy(h, 1, &a, 1, &handle, NULL),
		hsmlet_wrap(h, 1, &m, 2, out, &n, NULL),
		hsmlet_unwrap(h, 1, &m, out, sizeof out, &a, 1, &handle, NULL),
	};
	int bad = 0;

	for (size_t i = 0; i < HL_COUNT(rc); i++)
		bad += rc[i] != -(int)HL_E_FORKED;
	return bad;
}

static void fork_once(hsmlet *const link[LINKS])
{
	int status = -1, bad = 0;
	pid_t pid = fork();

	if (pid == 0) {
		alarm((unsigned)live_limit_ms() / 1000); /* a lock of the parent's would hold it for ever */
		for (unsigned i = 0; i < LINKS; i++) {
			bad += not_forked(link[i]);
			hsmlet_close(link[i]);
		}
		_exit(bad);
	}
	CU_ASSERT(pid > 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* -- afterwards ---------------------------------------------------------------------------------------------- */

static void judge(struct worker t[THREADS])
{
	static const unsigned often[] = { MAKE, SIGN, DESTROY };
	const struct hand *hand[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		hand[i] = &t[i].hand;
	hands_judged(&storm, hand, THREADS, deed_name, DEEDS, false, often, HL_COUNT(often));
}

static void audit(struct worker t[THREADS])
{
	struct ledger l[THREADS];
	char prefix[32];
	hsmlet_error e;
	hsmlet *h = NULL;

	hands_prefix(&storm, prefix);
	for (unsigned i = 0; i < THREADS; i++)
		l[i] = t[i].hand.ledger;
	CU_ASSERT_EQUAL(open_link(0, &h, &e), 0);
	if (h) {
		CU_ASSERT_EQUAL(hsmlet_login(h, acme.pin, strlen(acme.pin), &e), 0);
		CU_ASSERT_EQUAL(ledger_audit(h, prefix, l, THREADS), 0);
	}
	hsmlet_close(h);
}

/* -- the story ----------------------------------------------------------------------------------------------- */

static void set_out(struct worker *t, unsigned number, hsmlet *h)
{
	*t = (struct worker){ .hand = hand_of(&storm, number), .h = h };
	if (pthread_create(&t->hand.thread, NULL, work, t) != 0)
		abort();
}

static void weather(hsmlet *const link[LINKS])
{
	int64_t begun = hl_clock_mono_us(), whole = storm.seconds * INT64_C(1000000);

	CU_ASSERT(storm_until(&storm, begun + whole / 2));
	fork_once(link);
	CU_ASSERT(storm_until(&storm, begun + whole));
	CU_ASSERT(storm_end(&storm));
}

static void whoever_is_killed_what_was_acknowledged_is_there_once(void)
{
	int before = descriptors();
	static struct worker t[THREADS];
	hsmlet *link[LINKS] = { NULL };
	hsmlet_error e;

	for (unsigned i = 0; i < LINKS; i++)
		CU_ASSERT_EQUAL_FATAL(open_link(limit_ms(i), &link[i], &e), 0);
	CU_ASSERT_FATAL(storm_begin(&storm, w, PROXIES, HSMS));
	for (unsigned i = 0; i < THREADS; i++)
		set_out(&t[i], i, link[i % LINKS]);
	weather(link);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i].hand.thread, NULL);
	storm_settle(&storm);
	for (unsigned i = 0; i < LINKS; i++)
		hsmlet_close(link[i]);
	judge(t);
	audit(t);
	CU_ASSERT(sockets_await_none(w));
	CU_ASSERT_EQUAL(descriptors(), before);
	for (unsigned i = 0; i < THREADS; i++)
		ledger_clear(&t[i].hand.ledger);
}

static CU_TestInfo tests[] = {
	{ "whoever is killed, what was acknowledged is there once",
		whoever_is_killed_what_was_acknowledged_is_there_once },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	static const struct live_options many = { .proxies = PROXIES, .hsms = HSMS };

	storm_forecast(&storm, "storm");
	storm.hsm_share = 4; /* of two HSMs one is the master: where it is struck often, hardly a key is made */
	return live_world_end(live_world_begin(&many) ? hl_test_main("storm", tests) : 1);
}
