/* Members of several processes: real ones, killed and stopped. */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/os/clock.h"
#include "lib/wire/numbers.h"
#include "tests/support/key.h"
#include "tests/support/lines.h"
#include "tests/support/live.h"
#include "tests/support/test.h"

#define WORKERS 3
#define OPENINGS 24 /* that all of them meet one worker has a chance of 3 to the minus 23 */

static const hsmlet_mechanism ecdsa = { .number = HL_CKM_ECDSA_SHA256 };
static struct live *w;
static struct live_account acme;
static struct live_client client;

static hsmlet *logged_in(void)
{
	hsmlet_options o = live_options_of(&client);
	hsmlet *h = NULL;
	hsmlet_error e;

	if (hsmlet_open(&o, &h, &e) == 0 && hsmlet_login(h, acme.pin, strlen(acme.pin), &e) == 0)
		return h;
	fprintf(stderr, "HL-%04d %s at %s: %s\n", e.id, e.what, e.step_name, e.detail);
	hsmlet_close(h);
	CU_FAIL_FATAL("no handle");
	return NULL;
}

static int sign(hsmlet *h, uint64_t key)
{
	uint8_t signature[128];
	size_t n = sizeof signature;
	hsmlet_error e;

	return hsmlet_sign(h, key, &ecdsa, "data", 4, signature, &n, &e);
}

/* -- the workers of a member ----------------------------------------------------------------------------- */

static pid_t parent_of(pid_t pid)
{
	char path[64], text[512] = "";
	const char *after;
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(text, sizeof text, f) && (after = strrchr(text, ')')) != NULL)
		sscanf(after, ") %*c %d", &parent);
	fclose(f);
	return parent;
}

/* How many there are; the first WORKERS of them in `pid`. */
static unsigned workers_of(const char *name, pid_t pid[WORKERS])
{
	pid_t parent = live_pid(w, name);
	DIR *all = opendir("/proc");
	unsigned n = 0;

	for (struct dirent *e; all && (e = readdir(all)) != NULL;) {
		pid_t one = (pid_t)atoi(e->d_name);

		if (one <= 0 || parent_of(one) != parent)
			continue;
		if (n < WORKERS)
			pid[n] = one;
		n++;
	}
	if (all)
		closedir(all);
	return n;
}

/* Descriptors that tell when these processes have ended. */
static void follow(const pid_t pid[WORKERS], unsigned n, int fd[WORKERS])
{
	for (unsigned i = 0; i < n; i++) {
		fd[i] = (int)syscall(SYS_pidfd_open, pid[i], 0);
		CU_ASSERT(fd[i] >= 0);
	}
}

static void all_end(unsigned n, const int fd[WORKERS], int limit_ms)
{
	for (unsigned i = 0; i < n; i++) {
		struct pollfd p = { .fd = fd[i], .events = POLLIN };

		CU_ASSERT_EQUAL(poll(&p, 1, limit_ms), 1);
		close(fd[i]);
	}
}

/* How many of the connections that a member has served were at this worker. */
static int served(const char *role, const char *step, unsigned worker)
{
	struct line like = { .step = step, .way = "got", .worker = worker };

	return lines_of(w, role, &like);
}

/* -- stories --------------------------------------------------------------------------------------------- */

/* Until each that died has a successor that is ready; the directory's answers are the pace. */
static bool are_back(const char *role, const char *name, int ready)
{
	struct line replaced = { .what = "worker.ready" };
	int64_t deadline = hl_clock_mono_us() + (int64_t)live_limit_ms() * 1000;

	while (hl_clock_mono_us() < deadline)
		if (live_state(w, name) == LIVE_UP && lines_of(w, role, &replaced) == ready)
			return true;
	return false;
}

static void connections_are_spread_among_the_workers(void)
{
	unsigned at_proxy = 0, at_hsm = 0;
	pid_t pid[WORKERS];

	CU_ASSERT_EQUAL(workers_of("hsm1", pid), WORKERS);
	CU_ASSERT_EQUAL(workers_of("proxy1", pid), WORKERS);
	for (int i = 0; i < OPENINGS; i++)
		hsmlet_close(logged_in());
	for (unsigned i = 1; i <= WORKERS; i++) {
		at_proxy += served("proxy", "hello.proxy", i) > 0;
		at_hsm += served("hsm", "hello.hsm", i) > 0;
	}
	CU_ASSERT(at_proxy > 1);
	CU_ASSERT(at_hsm > 1);
	CU_ASSERT_EQUAL(served("hsm", "hello.hsm", WORKERS + 1), 0);
}

/* What one worker does counts for all: they share the store and its epoch. */
static void a_key_destroyed_at_one_worker_signs_at_none(void)
{
	hsmlet *h[OPENINGS] = { NULL };
	struct key_pair k;
	hsmlet_error e;

	for (int i = 0; i < OPENINGS; i++)
		h[i] = logged_in();
	CU_ASSERT_EQUAL(key_make_p256(h[0], "spread", &k, &e), 0);
	for (int i = 0; i < OPENINGS; i++)
		CU_ASSERT_EQUAL(sign(h[i], k.key), 0);
	CU_ASSERT_EQUAL(hsmlet_destroy(h[0], k.key, &e), 0);
	for (int i = 0; i < OPENINGS; i++) {
		CU_ASSERT_EQUAL(sign(h[i], k.key), 506);
		hsmlet_close(h[i]);
	}
}

/* Connections that were meant for it wait in its socket, which its parent keeps. */
static void a_worker_that_is_killed_is_replaced(void)
{
	struct line replaced = { .what = "worker.ready" }, down = { .what = "member.down" };
	pid_t before[WORKERS], after[WORKERS];
	int fd[WORKERS], ready = lines_of(w, "hsm", &replaced);
	unsigned n = workers_of("hsm1", before);

	follow(before, n, fd);
	kill(before[0], SIGKILL);
	all_end(1, fd, live_limit_ms());
	/* One in three of them meets its successor, or waits until there is one. */
	for (int i = 0; i < 10 * OPENINGS && lines_of(w, "hsm", &replaced) == ready; i++)
		hsmlet_close(logged_in());
	CU_ASSERT_EQUAL(lines_of(w, "hsm", &replaced), ready + 1);
	CU_ASSERT_EQUAL(workers_of("hsm1", after), WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		CU_ASSERT_NOT_EQUAL(after[i], before[0]);
	for (unsigned i = 1; i < n; i++)
		close(fd[i]);
	CU_ASSERT_EQUAL(lines_of(w, "directory", &down), 0); /* the member was up all the time */
}

/* The parent is the master; its workers come and go. All die here, and with them every link to the directory. */
static void the_master_outlives_its_workers(void)
{
	struct line replaced = { .what = "worker.ready" };
	pid_t before[WORKERS];
	int fd[WORKERS], ready = lines_of(w, "hsm", &replaced);
	unsigned n = workers_of("hsm1", before);
	struct key_pair k;
	hsmlet_error e;
	hsmlet *h;

	follow(before, n, fd);
	for (unsigned i = 0; i < n; i++)
		kill(before[i], SIGKILL);
	all_end(n, fd, live_limit_ms());
	/* There is no other HSM, and a client's three rounds may be over before one of the new workers is there. */
	CU_ASSERT_FATAL(are_back("hsm", "hsm1", ready + WORKERS));
	h = logged_in();
	CU_ASSERT_EQUAL(key_make_p256(h, "after", &k, &e), 0);
	CU_ASSERT_EQUAL(sign(h, k.key), 0);
	CU_ASSERT_EQUAL(hsmlet_destroy(h, k.key, &e), 0);
	hsmlet_close(h);
}

static void workers_die_with_their_parent(void)
{
	pid_t pid[WORKERS];
	unsigned n = workers_of("hsm1", pid);
	int fd[WORKERS];

	CU_ASSERT_EQUAL(n, WORKERS);
	follow(pid, n, fd);
	CU_ASSERT(live_kill(w, "hsm1"));
	all_end(n, fd, live_limit_ms());
	CU_ASSERT(live_restart(w, "hsm1"));
	hsmlet_close(logged_in());
}

static void they_end_in_order_when_told_to(void)
{
	pid_t pid[2][WORKERS];
	int fd[2][WORKERS];

	CU_ASSERT_EQUAL(workers_of("hsm1", pid[0]), WORKERS);
	CU_ASSERT_EQUAL(workers_of("proxy1", pid[1]), WORKERS);
	follow(pid[0], WORKERS, fd[0]);
	follow(pid[1], WORKERS, fd[1]);
	CU_ASSERT(live_stop(w));
	w = NULL;
	all_end(WORKERS, fd[0], 0); /* none outlives its parent */
	all_end(WORKERS, fd[1], 0);
}

static CU_TestInfo tests[] = {
	{ "connections are spread among the workers", connections_are_spread_among_the_workers },
	{ "a key destroyed at one worker signs at none", a_key_destroyed_at_one_worker_signs_at_none },
	{ "a worker that is killed is replaced", a_worker_that_is_killed_is_replaced },
	{ "the master outlives its workers", the_master_outlives_its_workers },
	{ "workers die with their parent", workers_die_with_their_parent },
	{ "they end in order when told to", they_end_in_order_when_told_to },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_options options = { .workers = WORKERS };
	static const struct live_tenant tenant = { "acme", "acmeservice", "ACMEPARTONE", .pin = "12345678" };

	w = live_start(&options);
	return w && live_provision(w, &tenant, &acme) == HL_OK && live_client_ready(w, "acme", &acme, &client);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("workers", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
