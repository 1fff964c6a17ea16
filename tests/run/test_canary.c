/* Where secrets must not be: after a whole life of a client, none of its passwords, secrets, PINs and
 * plaintexts is in a log, a trace, a store, an argument list, or in what went over the wires between
 * client and proxy and between proxy and HSM. The same search finds what is put there on purpose. */
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "client/secrets.h"
#include "lib/wire/numbers.h"
#include "tests/support/canary.h"
#include "tests/support/folder.h"
#include "tests/support/key.h"
#include "tests/support/tapped.h"
#include "tests/support/test.h"

static struct tapped t;
static const hsmlet_mechanism ecdsa = { .number = HL_CKM_ECDSA_SHA256 };
static struct live_account acme;

/* -- the search ------------------------------------------------------------------------------------------ */

#define CANARIES 16

static struct canary canary[CANARIES];
static size_t canaries;

static void watch_for(const char *name, struct hl_bytes secret)
{
	CU_ASSERT(canaries < CANARIES);
	CU_ASSERT(secret.n >= 8 && secret.n <= CANARY_MAX);
	canary_make(&canary[canaries++], name, secret);
}

/* nftw() hands nothing on to its callback. */
static struct {
	const struct canary *c;
	size_t n, files, found;
	bool tell;
	char only[PATH_MAX]; /* "" or the one file that counts */
} walk;

static int look_into(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)at;
	if (type == FTW_D && strcmp(path + at->base, "credentials") == 0)
		return FTW_SKIP_SUBTREE; /* they are delivered there */
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return FTW_CONTINUE;
	walk.files++;
	for (size_t i = 0; i < walk.n; i++)
		if (canary_in_file(&walk.c[i], path, walk.tell) && (!walk.only[0] || strcmp(path, walk.only) == 0))
			walk.found++;
	return FTW_CONTINUE;
}

/* All files of the world. */
static size_t found_in_files(const struct canary *c, size_t n, bool tell)
{
	char path[PATH_MAX];

	walk.c = c;
	walk.n = n;
	walk.files = walk.found = 0;
	walk.tell = tell;
	live_path(t.w, "", path);
	CU_ASSERT_EQUAL(nftw(path, look_into, 16, FTW_PHYS | FTW_ACTIONRETVAL), 0);
	return walk.found;
}

static size_t found_on_wire(struct relay *r, const char *name, const struct canary *c, size_t n, bool tell)
{
	size_t found = 0;

	for (size_t i = 0; i < relay_count(r); i++)
		for (enum relay_side s = 0; s < RELAY_SIDES; s++) {
			HL_AUTO(hl_buf_clear) struct hl_buf said = relay_said(r, i, s);

			for (size_t k = 0; k < n; k++)
				found += canary_in(&c[k], hl_buf_view(&said), tell ? name : NULL);
		}
	return found;
}

static size_t found_in_arguments(const struct canary *c, size_t n)
{
	static const char *const member[] = { "directory1", "proxy1", "hsm1" };
	size_t found = 0;

	for (size_t i = 0; i < HL_COUNT(member); i++) {
		char path[64];

		snprintf(path, sizeof path, "/proc/%d/cmdline", live_pid(t.w, member[i]));
		for (size_t k = 0; k < n; k++)
			found += canary_in_file(&c[k], path, true);
	}
	return found;
}

/* -- a client's life --------------------------------------------------------------------------------------- */

static void watch_user_secret(const struct live_client *c)
{
	struct client_secret s = { 0 };
	char error[512];

	CU_ASSERT_EQUAL(client_secret_get(c->secrets, acme.partition, &s, error), HL_OK);
	watch_for("user secret", hl_secret_view(&s.secret));
	hl_secret_clear(&s.secret);
}

static void sign_canary(hsmlet *h)
{
	uint8_t data[32], signature[64];
	size_t n = sizeof signature;
	struct key_pair k = { 0 };
	hsmlet_error e;

	CU_ASSERT_EQUAL(RAND_bytes(data, sizeof data), 1);
	watch_for("signed data", hl_bytes(data, sizeof data));
	CU_ASSERT_EQUAL(key_make_p256(h, "canary", &k, &e), 0);
	CU_ASSERT_EQUAL(hsmlet_sign(h, k.key, &ecdsa, data, sizeof data, signature, &n, &e), 0);
	CU_ASSERT(key_verifies(h, k.public_key, data, sizeof data, signature, n));
}

static void use(hsmlet *h)
{
	uint8_t wrong[24], bytes[48];
	char text[2 * sizeof wrong + 1];
	hsmlet_error e;

	CU_ASSERT_EQUAL(RAND_bytes(wrong, sizeof wrong), 1);
	hl_hex(hl_bytes(wrong, sizeof wrong), text);
	watch_for("wrong PIN", hl_text(text));
	CU_ASSERT_EQUAL(hsmlet_login(h, text, strlen(text), &e), 503);
	CU_ASSERT_EQUAL(hsmlet_login(h, acme.pin, strlen(acme.pin), &e), 0);
	CU_ASSERT_EQUAL(hsmlet_random(h, bytes, sizeof bytes, &e), 0);
	watch_for("random bytes", hl_bytes(bytes, sizeof bytes));
	sign_canary(h);
}

static void no_secret_of_a_whole_life_is_found_anywhere(void)
{
	struct live_client c;
	struct canary name;
	hsmlet_options o;
	hsmlet_error e;
	hsmlet *h = NULL;

	watch_for("service password", hl_text(acme.password));
	watch_for("setup password", hl_text(acme.setup));
	watch_for("PIN", hl_text(acme.pin));
	CU_ASSERT(tapped_client(&t, "canary", &acme, NULL, &c));
	o = live_options_of(&c);
	CU_ASSERT_EQUAL(hsmlet_exchange(&o, acme.setup, strlen(acme.setup), &e), 0);
	watch_user_secret(&c);
	CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), 0);
	if (h)
		use(h);
	hsmlet_close(h);
	CU_ASSERT_EQUAL(canaries, 7);
	/* A search through nothing would find nothing. Three connections went through both relays, and each
	 * has the partition's name in the clear: in the client's hello, in the proxy's ticket. */
	canary_make(&name, "partition", hl_text(acme.partition));
	CU_ASSERT_EQUAL(found_on_wire(t.outer, "", &name, 1, false), 3);
	CU_ASSERT_EQUAL(found_on_wire(t.inner, "", &name, 1, false), 3);
	CU_ASSERT_EQUAL(found_on_wire(t.outer, "client to proxy", canary, canaries, true), 0);
	CU_ASSERT_EQUAL(found_on_wire(t.inner, "proxy to HSM", canary, canaries, true), 0);
	CU_ASSERT_EQUAL(found_in_files(canary, canaries, true), 0);
	CU_ASSERT(walk.files >= 16);
	CU_ASSERT_EQUAL(found_in_arguments(canary, canaries), 0);
}

/* -- leaks on purpose ------------------------------------------------------------------------------------- */

/* A client id is no secret: it goes over the wires in the clear, into traces and into the log of the partition. One that
 * is a secret is found on its way through real processes. */
static void a_secret_that_a_client_gives_away_is_found_on_its_way(void)
{
	struct live_client c;
	struct canary leak;
	uint8_t secret[32];
	char id[2 * sizeof secret + 1];
	hsmlet_options o;
	hsmlet_error e;
	hsmlet *h;
	size_t found;

	CU_ASSERT_EQUAL(RAND_bytes(secret, sizeof secret), 1);
	hl_hex(hl_bytes(secret, sizeof secret), id);
	canary_make(&leak, "leak", hl_bytes(secret, sizeof secret));
	CU_ASSERT_EQUAL(found_on_wire(t.outer, "", &leak, 1, false), 0);
	CU_ASSERT_EQUAL(found_in_files(&leak, 1, false), 0);
	CU_ASSERT(tapped_client(&t, "leak", &acme, id, &c));
	CU_ASSERT(live_client_secret(&c, NULL, acme.partition, false));
	o = live_options_of(&c);
	CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), 500);
	CU_ASSERT_EQUAL(found_on_wire(t.outer, "", &leak, 1, false), 1);
	CU_ASSERT_EQUAL(found_on_wire(t.inner, "", &leak, 1, false), 1); /* in the ticket */
	live_path(t.w, "trace/proxy1.jsonl", walk.only);
	CU_ASSERT_EQUAL(found_in_files(&leak, 1, false), 1);
	live_path(t.w, "trace/client-leak.jsonl", walk.only);
	CU_ASSERT_EQUAL(found_in_files(&leak, 1, false), 1);
	walk.only[0] = 0;
	found = found_in_files(&leak, 1, false);
	CU_ASSERT(found >= 3 && found <= 5); /* those two, primus.cfg, and within a second the store and its own log */
}

/* Say something to the HSM through the relay: a frame that is too long, so that it answers at once, and the
 * leak behind it. When it has hung up, all that was said has been copied. */
static void say_to_hsm(const struct canary *leak)
{
	HL_AUTO(hl_buf_clear) struct hl_buf answer = hl_buf(0), all = hl_buf(4096);
	int fd = raw_dial(&t.inner_at);
	bool ended = false;

	for (enum canary_form f = 0; f < CANARY_FORMS; f++)
		hl_buf_put(&all, canary_form(leak, f));
	CU_ASSERT(raw_send(fd, hl_buf_view(&all)));
	answer = raw_read_all(fd, &ended);
	CU_ASSERT(ended);
	close(fd);
}

static void a_leak_between_proxy_and_hsm_is_found(void)
{
	uint8_t secret[32];
	struct canary leak;

	CU_ASSERT_EQUAL(RAND_bytes(secret, sizeof secret), 1);
	secret[0] = 0xff; /* as the length of a frame: far too long */
	canary_make(&leak, "leak", hl_bytes(secret, sizeof secret));
	CU_ASSERT_EQUAL(found_on_wire(t.inner, "", &leak, 1, false), 0);
	say_to_hsm(&leak);
	CU_ASSERT_EQUAL(found_on_wire(t.inner, "", &leak, 1, false), 1);
	CU_ASSERT_EQUAL(found_in_files(&leak, 1, false), 0);
}

static void a_leak_is_found_in_each_folder_in_each_form(void)
{
	static const char *const place[] = { "log/proxy9.log", "trace/proxy9.jsonl", "hsm/cluster9.db-wal",
		"directory/directory9.db", "run/core", "client/history" };
	uint8_t secret[32];
	struct canary leak;

	CU_ASSERT_EQUAL(RAND_bytes(secret, sizeof secret), 1);
	canary_make(&leak, "leak", hl_bytes(secret, sizeof secret));
	for (size_t i = 0; i < HL_COUNT(place); i++) {
		char path[PATH_MAX];

		live_path(t.w, place[i], path);
		for (enum canary_form f = 0; f < CANARY_FORMS; f++) {
			HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(1024);

			hl_buf_text(&text, "{\"note\":\"");
			hl_buf_put(&text, canary_form(&leak, f));
			hl_buf_text(&text, "\"}\n");
			CU_ASSERT(hl_test_file_write(path, hl_buf_view(&text).p, text.n, 0600));
			CU_ASSERT_EQUAL(found_in_files(&leak, 1, false), 1);
		}
		unlink(path);
		CU_ASSERT_EQUAL(found_in_files(&leak, 1, false), 0);
	}
}

/* RFC 4648: a secret in the middle of longer data has other characters, by where it begins. */
static void base64_is_found_wherever_the_secret_stands(void)
{
	uint8_t secret[32], around[64];
	struct canary leak;

	CU_ASSERT_EQUAL(RAND_bytes(secret, sizeof secret), 1);
	canary_make(&leak, "leak", hl_bytes(secret, sizeof secret));
	for (size_t at = 0; at < 8; at++) {
		char text[2 * sizeof around];
		int n;

		CU_ASSERT_EQUAL(RAND_bytes(around, sizeof around), 1);
		memcpy(around + at, secret, sizeof secret);
		n = EVP_EncodeBlock((uint8_t *)text, around, sizeof around);
		CU_ASSERT(canary_in(&leak, hl_bytes(text, (size_t)n), NULL));
		around[at + 15] ^= 1;
		n = EVP_EncodeBlock((uint8_t *)text, around, sizeof around);
		CU_ASSERT(!canary_in(&leak, hl_bytes(text, (size_t)n), NULL));
	}
}

static CU_TestInfo tests[] = {
	{ "no secret of a whole life is found anywhere", no_secret_of_a_whole_life_is_found_anywhere },
	{ "a secret that a client gives away is found on its way",
		a_secret_that_a_client_gives_away_is_found_on_its_way },
	{ "a leak between proxy and HSM is found", a_leak_between_proxy_and_hsm_is_found },
	{ "a leak is found in each folder, in each form", a_leak_is_found_in_each_folder_in_each_form },
	{ "base64 is found wherever the secret stands", base64_is_found_wherever_the_secret_stands },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE",
	};
	bool ready = tapped_start(&t, 2) && live_provision(t.w, &tenant, &acme) == HL_OK;
	int rc = ready ? hl_test_main("canary", tests) : 1;

	if (rc != 0)
		live_dump(t.w);
	return tapped_stop(&t) ? rc : 1;
}
