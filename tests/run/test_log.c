/* The log of a partition when its HSM is killed: real processes, a real store. What has happened has its line, and what
 * has not has none. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/wire/numbers.h"
#include "tests/support/key.h"
#include "tests/support/live.h"
#include "tests/support/test.h"

#define HSM "hsm1"
#define ROUNDS 6
#define KEYS_MAX 200

static struct live *w;
static struct live_account acme;
static struct live_client client;

/* -- the log, and what is there ------------------------------------------------------------------------------- */

static hsmlet *logged_in(void)
{
	hsmlet_options o = live_options_of(&client);
	hsmlet_error e = { 0 };
	hsmlet *h = NULL;

	if (hsmlet_open(&o, &h, &e) == 0 && hsmlet_login(h, acme.pin, strlen(acme.pin), &e) == 0)
		return h;
	fprintf(stderr, "HL-%04d %s at %s: %s\n", e.id, e.what, e.step_name, e.detail);
	CU_FAIL("no handle");
	hsmlet_close(h);
	return NULL;
}

static char text[4 << 20]; /* the log, a line each */

static void take_page(const hsmlet_log *page, size_t *n)
{
	for (size_t i = 0; i < hsmlet_log_count(page); i++) {
		hsmlet_log_line l = hsmlet_log_at(page, i);

		*n += (size_t)snprintf(text + *n, sizeof text - *n, "%.*s\n", (int)l.n, l.text);
	}
}

static void fetch(hsmlet *h)
{
	hsmlet_error e = { 0 };
	uint64_t from = 0;
	hsmlet_log *page;
	size_t n = 0;

	do {
		CU_ASSERT_EQUAL(hsmlet_get_log(h, 0, 0, &from, &page, &e), 0);
		if (e.id != 0)
			return;
		take_page(page, &n);
		hsmlet_log_free(page);
	} while (from != 0);
}

static size_t says(const char *what)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}

/* Objects with this label. */
static size_t there(hsmlet *h, const char *label)
{
	hsmlet_attribute by = { HL_CKA_LABEL, HSMLET_BYTES, label, strlen(label) };
	uint64_t handle[8];
	hsmlet_error e;
	size_t n = 0;

	CU_ASSERT_EQUAL(hsmlet_find(h, &by, 1, 0, handle, HL_COUNT(handle), &n, &e), 0);
	return n;
}

/* -- somebody who makes keys all the time ------------------------------------------------------------------------ */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t made;
	pthread_t thread;
	hsmlet *handle;
	unsigned tried, acknowledged;
	bool ok[KEYS_MAX], stop;
} maker = { .lock = PTHREAD_MUTEX_INITIALIZER, .made = PTHREAD_COND_INITIALIZER };

static void label_of(unsigned i, char out[16])
{
	snprintf(out, 16, "key-%03u", i);
}

static bool goes_on(unsigned *i)
{
	bool on;

	pthread_mutex_lock(&maker.lock);
	on = !maker.stop && maker.tried < KEYS_MAX;
	if (on)
		*i = maker.tried++;
	pthread_mutex_unlock(&maker.lock);
	return on;
}

static void *make_keys(void *at)
{
	struct key_pair k;
	hsmlet_error e;
	unsigned i = 0;

	(void)at;
	while (goes_on(&i)) {
		char label[16];
		bool ok;

		label_of(i, label);
		ok = key_make_p256(maker.handle, label, &k, &e) == 0;
		pthread_mutex_lock(&maker.lock);
		maker.ok[i] = ok;
		maker.acknowledged += ok;
		pthread_cond_signal(&maker.made);
		pthread_mutex_unlock(&maker.lock);
	}
	pthread_mutex_lock(&maker.lock);
	maker.stop = true;
	pthread_cond_signal(&maker.made);
	pthread_mutex_unlock(&maker.lock);
	return NULL;
}

static void await_keys(unsigned more)
{
	unsigned until;

	pthread_mutex_lock(&maker.lock);
	for (until = maker.acknowledged + more; maker.acknowledged < until && !maker.stop;)
		pthread_cond_wait(&maker.made, &maker.lock);
	pthread_mutex_unlock(&maker.lock);
}

static void stop_maker(void)
{
	pthread_mutex_lock(&maker.lock);
	maker.stop = true;
	pthread_mutex_unlock(&maker.lock);
	pthread_join(maker.thread, NULL);
}

/* Each object has one line, each line its object; what was acknowledged has both. */
static void compare(hsmlet *h)
{
	char label[16], line[64];
	size_t pairs = 0;
	unsigned lost = 0;

	fetch(h);
	for (unsigned i = 0; i < maker.tried; i++) {
		size_t objects;

		label_of(i, label);
		snprintf(line, sizeof line, "Generated public key '%s'", label);
		objects = there(h, label);
		CU_ASSERT_EQUAL(objects, 2 * says(line));
		CU_ASSERT(!maker.ok[i] || objects == 2);
		pairs += objects / 2;
		lost += !maker.ok[i];
	}
	CU_ASSERT_EQUAL(says("Generated private key, handle 0x"), pairs);
	printf("%u keys, %u of them not acknowledged\n", maker.tried, lost);
}

static void whatever_is_killed_objects_and_lines_agree(void)
{
	hsmlet *h;

	maker.handle = logged_in();
	if (!maker.handle || pthread_create(&maker.thread, NULL, make_keys, NULL) != 0) {
		CU_FAIL("no maker");
		return;
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		await_keys(3 + i);
		CU_ASSERT(live_strike(w, HSM));
		CU_ASSERT(live_raise(w, HSM));
	}
	await_keys(1);
	stop_maker();
	hsmlet_close(maker.handle);
	CU_ASSERT(maker.acknowledged > ROUNDS);
	h = logged_in();
	if (h)
		compare(h);
	hsmlet_close(h);
}

/* Nobody has to look for a wrong PIN in anything but the log, not even after a crash. */
static void a_wrong_pin_outlives_the_kill(void)
{
	hsmlet_options o = live_options_of(&client);
	hsmlet_error e = { 0 };
	hsmlet *h = NULL;
	size_t before;

	CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), 0);
	fetch(h);
	before = says("Command: login, HL-0503");
	CU_ASSERT_EQUAL(hsmlet_login(h, "31415926", 8, &e), -HL_E_PIN);
	CU_ASSERT(live_strike(w, HSM));
	CU_ASSERT(live_raise(w, HSM));
	CU_ASSERT(live_await_up(w));
	fetch(h);
	CU_ASSERT_EQUAL(says("Command: login, HL-0503"), before + 1);
	CU_ASSERT_EQUAL(says("31415926"), 0);
	hsmlet_close(h);
}

static CU_TestInfo tests[] = {
	{ "whatever is killed, objects and lines agree", whatever_is_killed_objects_and_lines_agree },
	{ "a wrong PIN outlives the kill", a_wrong_pin_outlives_the_kill },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_options one = { .proxies = 1, .hsms = 1, .master_any = true };
	static const struct live_tenant tenant = { "acme", "acmeservice", "ACMEPARTONE", .pin = "12345678" };

	w = live_start(&one);
	return w && live_provision(w, &tenant, &acme) == HL_OK && live_client_ready(w, "acme", &acme, &client);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("log", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
