/* One handle, used by many threads at once: answers reach who asked, each waits within its own limit, and a
 * fork in the middle harms nobody. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/wire/numbers.h"
#include "tests/support/descriptors.h"
#include "tests/support/key.h"
#include "tests/support/lines.h"
#include "tests/support/live_impl.h"
#include "tests/support/live_world.h"
#include "tests/support/test.h"

#define THREADS 8
#define SIGNS 500
#define FORKS 20


static hsmlet *open_with_limit(unsigned limit_ms)
{
	hsmlet_options o = live_options_of(&client);
	hsmlet_error e;
	hsmlet *h = NULL;

	o.limit_ms = limit_ms;
	CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), 0);
	if (h && hsmlet_login(h, acme.pin, strlen(acme.pin), &e) == 0)
		return h;
	CU_FAIL("no handle");
	hsmlet_close(h);
	return NULL;
}

/* -- eight threads sign ---------------------------------------------------------------------------------- */

static const hsmlet_mechanism ecdsa = { .number = HL_CKM_ECDSA_SHA256 };

struct signer {
	hsmlet *h;
	struct key_pair key;
	unsigned number;
	struct {
		uint8_t data[16], signature[64];
	} made[SIGNS];
	atomic_uint *under_way;
	unsigned failed, worst;
	pthread_t thread;
};

/* No two of all signers sign the same. */
static void fill(uint8_t data[16], unsigned number, unsigned i)
{
	snprintf((char *)data, 16, "%u/%u", number, i);
}

static void *sign_often(void *at)
{
	struct signer *s = at;
	hsmlet_error e;

	for (unsigned i = 0; i < SIGNS; i++) {
		size_t n = sizeof s->made[i].signature;
		unsigned others = atomic_fetch_add(s->under_way, 1);

		fill(s->made[i].data, s->number, i);
		s->worst = others > s->worst ? others : s->worst;
		if (hsmlet_sign(s->h, s->key.key, &ecdsa, s->made[i].data, 16, s->made[i].signature, &n,
			    &e) != 0 || n != 64)
			s->failed++;
		atomic_fetch_sub(s->under_way, 1);
	}
	return NULL;
}

/* What the caller itself asked for: another's answer would not verify. */
static void verify(hsmlet *h, const struct signer *s)
{
	unsigned step = live_limit_ms() > 10000 ? 16 : 1; /* all, where it does not take minutes */

	for (unsigned i = 0; i < SIGNS; i += step)
		CU_ASSERT(key_verifies(h, s->key.public_key, s->made[i].data, 16, s->made[i].signature, 64));
}

/* Each thread has a key of its own. */
static struct signer *start(hsmlet *h, atomic_uint *under_way)
{
	struct signer *s = calloc(THREADS, sizeof *s);
	hsmlet_error e;

	for (unsigned i = 0; s && i < THREADS; i++) {
		char label[16];

		snprintf(label, sizeof label, "thread%u", i);
		s[i].h = h;
		s[i].number = i;
		s[i].under_way = under_way;
		CU_ASSERT_EQUAL(key_make_p256(h, label, &s[i].key, &e), 0);
	}
	for (unsigned i = 0; s && i < THREADS; i++)
		if (pthread_create(&s[i].thread, NULL, sign_often, &s[i]) != 0)
			abort();
	return s;
}

static void finish(hsmlet *h, struct signer *s)
{
	hsmlet_error e;
	unsigned worst = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(s[i].thread, NULL);
		CU_ASSERT_EQUAL(s[i].failed, 0);
		worst = s[i].worst > worst ? s[i].worst : worst;
	}
	CU_ASSERT(worst > 0); /* calls were under way together */
	for (unsigned i = 0; i < THREADS; i++) {
		verify(h, &s[i]);
		CU_ASSERT_EQUAL(hsmlet_destroy(h, s[i].key.key, &e), 0);
		CU_ASSERT_EQUAL(hsmlet_destroy(h, s[i].key.public_key, &e), 0);
	}
	free(s);
}

static void eight_threads_share_one_handle_and_each_gets_its_own_answers(void)
{
	hsmlet *h = open_with_limit(0);
	atomic_uint under_way = 0;
	struct signer *s = h ? start(h, &under_way) : NULL;

	if (s)
		finish(h, s);
	hsmlet_close(h);
}

/* -- one question by each thread -------------------------------------------------------------------------- */

struct asker {
	hsmlet *h;
	int rc;
	int64_t took_us;
	atomic_uint *asked;
	pthread_t thread;
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void *ask_once(void *at)
{
	struct asker *a = at;
	int64_t begun = now_us();
	hsmlet_error e;
	uint8_t byte;

	atomic_fetch_add(a->asked, 1);
	a->rc = hsmlet_random(a->h, &byte, 1, &e);
	a->took_us = now_us() - begun;
	return NULL;
}

static void ask_all(struct asker *a, hsmlet *h, atomic_uint *asked)
{
	for (unsigned i = 0; i < THREADS; i++) {
		a[i] = (struct asker){ .h = h, .asked = asked };
		if (pthread_create(&a[i].thread, NULL, ask_once, &a[i]) != 0)
			abort();
	}
}

/* -- a fork in the middle --------------------------------------------------------------------------------- */

/* What a child finds: every call is refused at once, and closing harms nobody. Its exit code. */
static int in_the_child(hsmlet *h)
{
	hsmlet_error e = { 0 };
	uint8_t byte;
	int own;

	alarm((unsigned)live_limit_ms() / 1000); /* a lock of the parent's would hold it for ever */
	if (hsmlet_random(h, &byte, 1, &e) != e.id || e.id != -(int)HL_E_FORKED)
		return 2;
	/* Whatever number a descriptor of the link had may be another file's by now. */
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	own = open("/dev/null", O_RDONLY);
	for (int fd = own + 1; fd < 256; fd++)
		dup2(own, fd);
	hsmlet_close(h);
	for (int fd = own; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return 3;
	return 0;
}

static void fork_once(hsmlet *h)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		hl_test_leave_child(in_the_child(h) == 0);
	CU_ASSERT(pid > 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_fork_in_the_middle_leaves_the_parent_unharmed_and_tells_the_child(void)
{
	hsmlet *h = open_with_limit(0);
	atomic_uint under_way = 0;
	struct signer *s = h ? start(h, &under_way) : NULL;
	hsmlet_info before = { 0 }, after = { 0 };
	hsmlet_error e;

	if (s) {
		CU_ASSERT_EQUAL(hsmlet_get_info(h, &before, &e), 0);
		for (int i = 0; i < FORKS; i++)
			fork_once(h);
		finish(h, s);
		CU_ASSERT_EQUAL(hsmlet_get_info(h, &after, &e), 0);
		CU_ASSERT_STRING_EQUAL(before.connection, after.connection); /* the link is still the same */
	}
	hsmlet_close(h);
}

/* The connection, the two ends of a pipe, the trace. */
static void a_child_that_closes_gives_its_descriptors_back(void)
{
	hsmlet *h = open_with_limit(0);
	hsmlet_error e;
	uint8_t byte;
	int status = -1;
	pid_t pid;

	if (!h)
		return;
	pid = fork();
	if (pid == 0) {
		int before = descriptors();

		hsmlet_close(h);
		hl_test_leave_child(descriptors() == before - 4);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_EQUAL(hsmlet_random(h, &byte, 1, &e), 0);
	hsmlet_close(h);
}

/* -- limits ------------------------------------------------------------------------------------------------- */

#define LIMIT_MS 1000

static void every_caller_returns_within_its_own_limit_while_the_hsm_stands_still(void)
{
	hsmlet *h = open_with_limit(LIMIT_MS);
	struct asker a[THREADS];
	atomic_uint asked = 0;
	hsmlet_info info;
	hsmlet_error e;
	uint8_t byte;

	if (!h)
		return;
	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	CU_ASSERT(live_pause(w, info.hsm));
	ask_all(a, h, &asked);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(a[i].thread, NULL);
		CU_ASSERT_EQUAL(a[i].rc, -(int)HL_E_TIMEOUT);
		CU_ASSERT(a[i].took_us >= LIMIT_MS * 1000);
		CU_ASSERT(a[i].took_us < THREADS / 2 * LIMIT_MS * 1000); /* not one after the other */
	}
	CU_ASSERT(live_resume(w, info.hsm));
	CU_ASSERT_EQUAL(hsmlet_random(h, &byte, 1, &e), 0); /* late answers were nobody's */
	hsmlet_close(h);
}

/* Who leads gives up first; those who followed it get their answers all the same. */
static void calls_that_wait_are_answered_when_the_hsm_goes_on(void)
{
	hsmlet *h = open_with_limit(0);
	struct asker a[THREADS];
	atomic_uint asked = 0;
	hsmlet_info info;
	hsmlet_error e;

	if (!h)
		return;
	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	CU_ASSERT(live_pause(w, info.hsm));
	ask_all(a, h, &asked);
	while (atomic_load(&asked) < THREADS)
		sched_yield();
	CU_ASSERT(live_resume(w, info.hsm));
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(a[i].thread, NULL);
		CU_ASSERT_EQUAL(a[i].rc, 0);
	}
	hsmlet_close(h);
}

/* All find the link lost, one connection is made for all. */
static void many_threads_open_a_lost_link_again_once(void)
{
	hsmlet *h = open_with_limit(0);
	struct asker a[THREADS];
	struct line dialled = { .step = "dns.pick", .way = "did" };
	atomic_uint asked = 0;
	hsmlet_info info;
	hsmlet_error e;
	uint8_t byte;
	int before;

	if (!h)
		return;
	CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	CU_ASSERT(live_kill(w, info.hsm));
	CU_ASSERT(live_restart(w, info.hsm));
	hsmlet_random(h, &byte, 1, &e); /* whether it notices here or later */
	before = lines_count(client.trace, &dialled);
	ask_all(a, h, &asked);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(a[i].thread, NULL);
		CU_ASSERT_EQUAL(a[i].rc, 0);
	}
	CU_ASSERT(lines_count(client.trace, &dialled) - before <= 1);
	hsmlet_close(h);
}

/* -- more than fits ----------------------------------------------------------------------------------------- */

#define SENDERS 24
#define MOST (512u << 10)

struct sender {
	hsmlet *h;
	uint64_t public_key;
	int rc;
	pthread_t thread;
};

static void *send_much(void *at)
{
	struct sender *s = at;
	uint8_t *data = calloc(1, MOST), signature[64] = { 0 };
	hsmlet_error e;

	s->rc = hsmlet_verify(s->h, s->public_key, &ecdsa, data, MOST, signature, sizeof signature, &e);
	free(data);
	return NULL;
}

/* While one writes, the others fill what there is of room: who finds none waits, and is told nothing of it. */
static void callers_that_send_more_at_once_than_a_link_holds_are_all_answered(void)
{
	hsmlet *h = open_with_limit(0);
	struct sender s[SENDERS];
	struct key_pair k;
	hsmlet_error e;

	if (!h)
		return;
	CU_ASSERT_EQUAL(key_make_p256(h, "much", &k, &e), 0);
	for (unsigned i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){ .h = h, .public_key = k.public_key };
		if (pthread_create(&s[i].thread, NULL, send_much, &s[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < SENDERS; i++) {
		pthread_join(s[i].thread, NULL);
		CU_ASSERT_EQUAL(s[i].rc, -(int)HL_E_SIGNATURE);
	}
	hsmlet_close(h);
}

static CU_TestInfo tests[] = {
	{ "eight threads share one handle and each gets its own answers",
		eight_threads_share_one_handle_and_each_gets_its_own_answers },
	{ "a fork in the middle leaves the parent unharmed and tells the child",
		a_fork_in_the_middle_leaves_the_parent_unharmed_and_tells_the_child },
	{ "a child that closes gives its descriptors back", a_child_that_closes_gives_its_descriptors_back },
	{ "every caller returns within its own limit while the HSM stands still",
		every_caller_returns_within_its_own_limit_while_the_hsm_stands_still },
	{ "calls that wait are answered when the HSM goes on", calls_that_wait_are_answered_when_the_hsm_goes_on },
	{ "many threads open a lost link again once", many_threads_open_a_lost_link_again_once },
	{ "callers that send more at once than a link holds are all answered",
		callers_that_send_more_at_once_than_a_link_holds_are_all_answered },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	static const struct live_options one = { .proxies = 1, .hsms = 1 };

	return live_world_end(live_world_begin(&one) ? hl_test_main("threads", tests) : 1);
}
