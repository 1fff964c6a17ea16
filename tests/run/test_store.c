/* What an operator meets whose store was put back, cut or edited, or whose disk is full: real processes, and what
 * they say in their logs. One HSM, so that nobody else mends anything. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/wire/numbers.h"
#include "tests/support/folder.h"
#include "tests/support/key.h"
#include "tests/support/live.h"
#include "tests/support/test.h"

#define HSM "hsm1"
#define STORE_EXIT 74 /* EX_IOERR, of every HL-06nn that is final */

static const hsmlet_mechanism ecdsa = { .number = HL_CKM_ECDSA_SHA256 };
static struct live *w;
static struct live_account acme;
static struct live_client client;
static struct key_pair first; /* acknowledged before anything went wrong */

/* -- the client's side ----------------------------------------------------------------------------- */

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

static bool signs(hsmlet *h, const struct key_pair *k)
{
	uint8_t signature[512];
	size_t n = sizeof signature;
	hsmlet_error e;

	return h && hsmlet_sign(h, k->key, &ecdsa, "data", 4, signature, &n, &e) == 0 &&
		key_verifies(h, k->public_key, "data", 4, signature, n);
}

/* One more key, acknowledged. */
static struct key_pair made(void)
{
	hsmlet *h = logged_in();
	struct key_pair k = { 0 };
	hsmlet_error e;

	if (h && key_make_p256(h, "acknowledged", &k, &e) != 0)
		CU_FAIL("no key");
	hsmlet_close(h);
	return k;
}

static void serves(void)
{
	hsmlet *h = logged_in();

	CU_ASSERT(signs(h, &first));
	hsmlet_close(h);
}

/* -- files ----------------------------------------------------------------------------------------- */

static const char *const files[] = { "cluster1.db", "cluster1.db-wal", "generation", "device.key" };

static void path_of(const char *name, const char *end, char out[PATH_MAX])
{
	char in_world[128];

	snprintf(in_world, sizeof in_world, "hsm/%s%s", name, end);
	live_path(w, in_world, out);
}

static void copy(const char *name, const char *from_end, const char *to_end)
{
	char from[PATH_MAX], to[PATH_MAX];

	path_of(name, from_end, from);
	path_of(name, to_end, to);
	CU_ASSERT(hl_test_file_copy(from, to));
}

static void copy_all(const char *from_end, const char *to_end)
{
	for (size_t i = 0; i < HL_COUNT(files); i++)
		copy(files[i], from_end, to_end);
}

/* Store and log, as they were. */
static void put_back(const char *end)
{
	char shm[PATH_MAX];

	copy(files[0], end, "");
	copy(files[1], end, "");
	path_of("cluster1.db-shm", "", shm);
	unlink(shm);
}

static void edit(const char *sql)
{
	sqlite3 *db = NULL;
	char path[PATH_MAX];

	path_of("cluster1.db", "", path);
	CU_ASSERT_EQUAL(sqlite3_open(path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

static bool same_bytes(const char *name)
{
	char path[PATH_MAX], before_path[PATH_MAX];
	struct hl_buf is, was;
	bool same;

	path_of(name, "", path);
	path_of(name, ".now", before_path);
	is = hl_test_file_read(path);
	was = hl_test_file_read(before_path);
	same = hl_bytes_eq(hl_buf_view(&is), hl_buf_view(&was));
	hl_buf_clear(&is);
	hl_buf_clear(&was);
	return same;
}

/* -- refusals -------------------------------------------------------------------------------------- */

/* Whether the log has a line, from byte `since` on, with both texts. */
static bool logged(size_t since, const char *one, const char *two)
{
	char path[PATH_MAX], line[2048];
	bool found = false;
	FILE *f;

	live_path(w, "log/" HSM ".log", path);
	f = fopen(path, "re");
	if (f && fseek(f, (long)since, SEEK_SET) == 0)
		while (!found && fgets(line, sizeof line, f))
			found = strstr(line, one) && strstr(line, two);
	if (f)
		fclose(f);
	return found;
}

static size_t log_size(void)
{
	char path[PATH_MAX];
	struct stat st = { 0 };

	live_path(w, "log/" HSM ".log", path);
	return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

/* The HSM, which does not run, does not start, says why and of which file, and changes nothing. */
static void refuses(const char *code, const char *file, int exit_code)
{
	size_t since = log_size();
	char path[PATH_MAX], at[PATH_MAX + 8], err[32];

	path_of(file, "", path);
	snprintf(at, sizeof at, "value=%s", path);
	snprintf(err, sizeof err, "err=%s", code);
	copy_all("", ".now");
	CU_ASSERT_EQUAL(live_try(w, HSM), exit_code);
	CU_ASSERT(logged(since, err, at));
	CU_ASSERT(logged(since, "next=", at));
	for (size_t i = 0; i < HL_COUNT(files); i++)
		CU_ASSERT(same_bytes(files[i]));
}

/* Killed, and a copy is made of what it left. */
static void stopped(void)
{
	CU_ASSERT(live_kill(w, HSM));
	copy_all("", ".good");
}

/* All that was done to its files is undone, and it serves as before. */
static void mended(void)
{
	put_back(".good");
	copy("generation", ".good", "");
	copy("device.key", ".good", "");
	CU_ASSERT(live_restart(w, HSM));
	serves();
}

static void an_older_store_is_refused(void)
{
	struct key_pair k;
	hsmlet *h;

	CU_ASSERT(live_kill(w, HSM));
	copy_all("", ".old");
	CU_ASSERT(live_restart(w, HSM));
	k = made();
	stopped();
	put_back(".old");
	refuses("HL-0605", "cluster1.db", STORE_EXIT);
	mended();
	h = logged_in();
	CU_ASSERT(signs(h, &k));
	hsmlet_close(h);
}

/* The members were killed, so the newest commits are in the log alone. */
static void a_store_whose_log_was_lost_is_refused(void)
{
	char path[PATH_MAX];

	made();
	stopped();
	path_of("cluster1.db-wal", "", path);
	CU_ASSERT_EQUAL(truncate(path, 32 + 24 + 4096), 0);
	refuses("HL-0605", "cluster1.db", STORE_EXIT);
	CU_ASSERT_EQUAL(unlink(path), 0);
	refuses("HL-0605", "cluster1.db", STORE_EXIT);
	mended();
}

static void a_store_that_is_gone_is_not_made_anew(void)
{
	char path[PATH_MAX];

	stopped();
	path_of("cluster1.db", "", path);
	CU_ASSERT_EQUAL(truncate(path, 0), 0);
	refuses("HL-0605", "cluster1.db", STORE_EXIT);
	CU_ASSERT_EQUAL(unlink(path), 0);
	refuses("HL-0605", "cluster1.db", STORE_EXIT);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
	copy("generation", ".none", ""); /* which removes it: the device key tells as well */
	refuses("HL-0605", "cluster1.db", STORE_EXIT);
	mended();
}

static void a_store_that_was_edited_is_refused(void)
{
	static const char *const edits[] = {
		"UPDATE object SET open = CAST(open || x'00' AS BLOB) WHERE id = (SELECT min(id) FROM object)",
		"DELETE FROM object WHERE id = (SELECT max(id) FROM object)",
		"UPDATE generation SET n = n + 1",
		"DELETE FROM token",
		"UPDATE cluster SET sealed = zeroblob(length(sealed))",
	};

	stopped();
	for (size_t i = 0; i < HL_COUNT(edits); i++) {
		put_back(".good");
		edit(edits[i]);
		refuses("HL-0606", "cluster1.db", STORE_EXIT);
	}
	mended();
}

static void a_store_without_its_guard_is_refused(void)
{
	char path[PATH_MAX];

	stopped();
	path_of("generation", "", path);
	CU_ASSERT_EQUAL(unlink(path), 0);
	refuses("HL-0607", "generation", STORE_EXIT);
	CU_ASSERT(hl_test_file_write(path, "HL", 2, 0600));
	refuses("HL-0607", "generation", STORE_EXIT);
	copy("generation", ".good", "");
	CU_ASSERT_EQUAL(chmod(path, 0640), 0);
	refuses("HL-0105", "generation", 78);
	mended();
}

static void a_store_without_its_device_key_is_refused(void)
{
	static const uint8_t other[32] = "the device key of another world";
	char path[PATH_MAX];

	stopped();
	path_of("device.key", "", path);
	CU_ASSERT_EQUAL(unlink(path), 0);
	refuses("HL-0604", "device.key", STORE_EXIT);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
	CU_ASSERT(hl_test_file_write(path, other, sizeof other, 0600));
	refuses("HL-0604", "device.key", STORE_EXIT);
	mended();
}

static void a_store_of_the_future_or_open_to_others_is_refused(void)
{
	char path[PATH_MAX];

	stopped();
	edit("PRAGMA user_version = 1000");
	refuses("HL-0603", "cluster1.db", STORE_EXIT);
	put_back(".good");
	path_of("cluster1.db", "", path);
	CU_ASSERT_EQUAL(chmod(path, 0644), 0);
	refuses("HL-0105", "cluster1.db", 78);
	mended();
}

/* As after a crash between the two: killed, and the guard is as it was before the last commit. */
static void a_store_ahead_of_its_guard_is_accepted(void)
{
	struct key_pair k;
	hsmlet *h;

	copy("generation", "", ".before");
	k = made();
	CU_ASSERT(live_kill(w, HSM));
	copy_all("", ".good");
	copy("generation", ".before", "");
	CU_ASSERT(live_restart(w, HSM));
	h = logged_in();
	CU_ASSERT(signs(h, &k));
	hsmlet_close(h);
}

/* -- a full disk (F-STO-03) ------------------------------------------------------------------------- */

/* No file of the HSM may grow any more. The system refuses such a write with another number than on a full disk
 * (EFBIG), which takes no rights to bring about; the log is what grows, so it is the one that is refused. */
static void limit(rlim_t bytes, rlim_t hard)
{
	const struct rlimit r = { bytes, hard };

	CU_ASSERT_EQUAL(prlimit(live_pid(w, HSM), RLIMIT_FSIZE, &r, NULL), 0);
}

static rlim_t largest(void)
{
	char path[PATH_MAX];
	struct stat st;
	off_t most = 0;

	for (size_t i = 0; i < HL_COUNT(files); i++) {
		path_of(files[i], "", path);
		if (stat(path, &st) == 0 && st.st_size > most)
			most = st.st_size;
	}
	return (rlim_t)most;
}

static int fill(hsmlet *h, hsmlet_error *e)
{
	struct key_pair k;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < 1000; i++)
		rc = key_make_p256(h, "one more", &k, e);
	return rc;
}

static void a_full_disk_refuses_what_is_new_and_nothing_else(void)
{
	struct rlimit old = { 0 };
	struct key_pair k;
	hsmlet *h = logged_in();
	hsmlet_error e = { 0 };
	uint8_t byte;

	if (!h)
		return;
	CU_ASSERT_EQUAL(prlimit(live_pid(w, HSM), RLIMIT_FSIZE, NULL, &old), 0);
	limit(largest() + 50000, old.rlim_max);
	CU_ASSERT_EQUAL(fill(h, &e), -HL_E_FULL);
	CU_ASSERT_STRING_EQUAL(e.detail, "the store's disk is full");
	CU_ASSERT_EQUAL(e.exit_code, 75);
	CU_ASSERT(signs(h, &first));
	CU_ASSERT_EQUAL(hsmlet_random(h, &byte, 1, &e), 0);
	CU_ASSERT_EQUAL(fill(h, &e), -HL_E_FULL); /* again: a smaller one may still have found its place */
	CU_ASSERT(signs(h, &first));
	limit(old.rlim_cur, old.rlim_max);
	CU_ASSERT_EQUAL(key_make_p256(h, "there is room again", &k, &e), 0);
	CU_ASSERT(signs(h, &k));
	hsmlet_close(h);
	CU_ASSERT(live_kill(w, HSM));
	CU_ASSERT(live_restart(w, HSM)); /* sum and guard fit */
	serves();
}

static CU_TestInfo tests[] = {
	{ "an older store is refused", an_older_store_is_refused },
	{ "a store whose log was lost is refused", a_store_whose_log_was_lost_is_refused },
	{ "a store that is gone is not made anew", a_store_that_is_gone_is_not_made_anew },
	{ "a store that was edited is refused", a_store_that_was_edited_is_refused },
	{ "a store without its guard is refused", a_store_without_its_guard_is_refused },
	{ "a store without its device key is refused", a_store_without_its_device_key_is_refused },
	{ "a store of the future or open to others is refused", a_store_of_the_future_or_open_to_others_is_refused },
	{ "a store ahead of its guard is accepted", a_store_ahead_of_its_guard_is_accepted },
	{ "a full disk refuses what is new and nothing else", a_full_disk_refuses_what_is_new_and_nothing_else },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_options one = { .proxies = 1, .hsms = 1 };
	static const struct live_tenant tenant = { "acme", "acmeservice", "ACMEPARTONE", .pin = "12345678" };

	w = live_start(&one);
	if (!w || live_provision(w, &tenant, &acme) != HL_OK || !live_client_ready(w, "acme", &acme, &client))
		return false;
	first = made();
	return first.key != 0;
}

int main(void)
{
	int rc = prepare() ? hl_test_main("store", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
