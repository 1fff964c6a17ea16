#include "hsm/shared.h"

#include <pthread.h>
#include <stdlib.h>

#include "tests/support/test.h"

static void on_random(void *at, void *out, size_t n)
{
	uint64_t *state = at;

	for (uint8_t *p = out; n > 0; n--) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		*p++ = (uint8_t)(*state >> 56);
	}
}

static uint64_t state;
static const struct hl_env_ops ops = { .random = on_random };
static const struct hl_env env = { .ops = &ops, .at = &state };

static struct hsm_page page;

/* From the second of expiry to the first in which the id is forgotten. */
#define OVER (HSM_GRANT_SLACK_S + 1)

static hl_err take(uint64_t number, int64_t now_s, int64_t expires_s)
{
	struct hsm_shared s = hsm_page_shared(&page);
	uint8_t id[HL_CONNECTION_ID] = { 0 };

	memcpy(id, &number, sizeof number);
	return s.ops->take_grant(s.at, id, now_s, expires_s);
}

static void a_grant_is_taken_once(void)
{
	hsm_page_begin(&page, &env);
	CU_ASSERT_EQUAL(take(1, 100, 160), HL_OK);
	CU_ASSERT_EQUAL(take(1, 100, 160), HL_E_USED);
	CU_ASSERT_EQUAL(take(2, 100, 160), HL_OK);
	CU_ASSERT_EQUAL(take(1, 130, 190), HL_E_USED); /* whatever expiry it comes with */
	CU_ASSERT_EQUAL(take(2, 160, 160), HL_E_USED);
}

static void an_expired_grant_is_forgotten(void)
{
	hsm_page_begin(&page, &env);
	CU_ASSERT_EQUAL(take(1, 100, 160), HL_OK);
	CU_ASSERT_EQUAL(take(1, 160 + OVER - 1, 300), HL_E_USED); /* its last second */
	CU_ASSERT_EQUAL(take(1, 160 + OVER, 300), HL_OK);
	CU_ASSERT_EQUAL(take(1, 160 + OVER, 300), HL_E_USED);
}

static void an_expiry_that_makes_no_sense_is_refused(void)
{
	hsm_page_begin(&page, &env);
	CU_ASSERT_EQUAL(take(1, 100, 99), HL_E_RANGE);
	CU_ASSERT_EQUAL(take(1, 100, 100 + HSM_GRANT_LIFE_S + 1), HL_E_RANGE);
	CU_ASSERT_EQUAL(take(1, -1, 10), HL_E_RANGE);
	CU_ASSERT_EQUAL(take(1, 100, 100 + HSM_GRANT_LIFE_S), HL_OK);
	CU_ASSERT_EQUAL(take(1, 100 + HSM_GRANT_LIFE_S, 100 + HSM_GRANT_LIFE_S), HL_E_USED);
}

/* 2^24 seconds are 194 days: a host may be up for longer. */
static void the_seconds_wrap_around(void)
{
	const int64_t wrap = 1 << 24;

	for (int64_t expires_s = wrap - 99; expires_s <= wrap + 99; expires_s++) {
		hsm_page_begin(&page, &env);
		CU_ASSERT_EQUAL(take(1, wrap - 99, expires_s), HL_OK);
		CU_ASSERT_EQUAL(take(1, wrap - 99, wrap), HL_E_USED);
		CU_ASSERT_EQUAL(take(1, expires_s + OVER - 1, expires_s + 99), HL_E_USED);
		CU_ASSERT_EQUAL(take(1, expires_s + OVER, expires_s + 99), HL_OK);
	}
	for (int64_t days = 0; days < 180; days++) {
		hsm_page_begin(&page, &env);
		CU_ASSERT_EQUAL(take(1, wrap - 50, wrap + 50), HL_OK);
		CU_ASSERT_EQUAL(take(1, wrap + 50 + OVER + days * 86400, wrap + 200 + days * 86400), HL_OK);
	}
}

/* The first word of the bucket of this id, found by taking it in an empty page. */
static size_t bucket_of(uint64_t number)
{
	size_t at = 0;

	for (size_t i = 0; i < HSM_GRANTS; i++)
		atomic_store_explicit(&page.grant[i], 0, memory_order_relaxed);
	CU_ASSERT_EQUAL(take(number, 0, 10), HL_OK);
	while (at < HSM_GRANTS && atomic_load(&page.grant[at]) == 0)
		at++;
	atomic_store(&page.grant[at], 0);
	return at;
}

/* Whether this id has its word there. */
static bool falls_into(size_t at, uint64_t number)
{
	atomic_store(&page.grant[at], 0);
	return take(number, 0, 10) == HL_OK && atomic_load(&page.grant[at]) != 0;
}

/* Sixteen words are probed: the seventeenth id of a bucket finds no room until one expires. */
static void a_full_bucket_is_busy_until_a_word_expires(void)
{
	uint64_t id[18];
	size_t n = 1, bucket;

	hsm_page_begin(&page, &env);
	id[0] = 1;
	bucket = bucket_of(1);
	for (uint64_t i = 2; n < HL_COUNT(id); i++)
		if (falls_into(bucket, i))
			id[n++] = i;
	for (size_t i = 0; i < HSM_GRANTS; i++)
		atomic_store(&page.grant[i], 0);
	for (n = 0; n < 16; n++)
		CU_ASSERT_EQUAL(take(id[n], 100, n == 5 ? 120 : 200), HL_OK);
	CU_ASSERT_EQUAL(take(id[16], 100, 160), HL_E_BUSY);
	for (n = 0; n < 16; n++)
		CU_ASSERT_EQUAL(take(id[n], 100, 160), HL_E_USED);
	CU_ASSERT_EQUAL(take(id[16], 120 + OVER, 300), HL_OK);
	CU_ASSERT_EQUAL(take(id[17], 120 + OVER, 300), HL_E_BUSY);
	for (n = 0; n < 17; n++)
		CU_ASSERT_EQUAL(take(id[n], 120 + OVER, 300), n == 5 ? HL_E_BUSY : HL_E_USED);
}

static void a_full_page_is_busy(void)
{
	hsm_page_begin(&page, &env);
	for (uint64_t i = 0; i < HSM_GRANTS; i++)
		atomic_store(&page.grant[i], (i + 1) << 24 | 160);
	for (uint64_t i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(take(i, 100, 160), HL_E_BUSY);
	for (uint64_t i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(take(i, 161, 200), HL_OK);
}

static void a_quarter_of_the_page_fills_without_a_refusal(void)
{
	hsm_page_begin(&page, &env);
	for (uint64_t i = 0; i < HSM_GRANTS / 4; i++)
		CU_ASSERT_EQUAL(take(i, 100, 160), HL_OK);
	for (uint64_t i = 0; i < HSM_GRANTS / 4; i++)
		CU_ASSERT_EQUAL(take(i, 100, 160), HL_E_USED);
}

/* Four threads take the same ids in the same order; each counts what it won. */
#define THREADS 4
#define IDS 10000

static pthread_barrier_t gate;
static _Atomic unsigned won[IDS], odd;

static void *take_all(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&gate);
	for (uint64_t i = 0; i < IDS; i++) {
		hl_err rc = take(i, 100, 160);

		if (rc == HL_OK)
			atomic_fetch_add(&won[i], 1);
		else if (rc != HL_E_USED)
			atomic_fetch_add(&odd, 1);
	}
	return NULL;
}

static void run_threads(void *(*run)(void *), size_t n)
{
	pthread_t thread[THREADS];
	static size_t number[THREADS];

	CU_ASSERT_EQUAL_FATAL(pthread_barrier_init(&gate, NULL, (unsigned)n), 0);
	for (size_t i = 0; i < n; i++) {
		number[i] = i;
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, run, &number[i]), 0);
	}
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_EQUAL(pthread_join(thread[i], NULL), 0);
	pthread_barrier_destroy(&gate);
}

static void of_racing_takers_one_wins(void)
{
	unsigned wrong = 0;

	hsm_page_begin(&page, &env);
	run_threads(take_all, THREADS);
	for (size_t i = 0; i < IDS; i++)
		wrong += atomic_load(&won[i]) != 1;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(atomic_load(&odd), 0);
}

/* The hard case: to the first taker the front half of the bucket is occupied, to the second it has
 * just expired, so that they would choose different free words. */
#define ROUNDS 20000

static size_t bucket;
static hl_err result[2];

static void set_bucket(void)
{
	for (size_t i = 1; i < 16; i++)
		atomic_store(&page.grant[bucket + i], i < 8 ? (0x1000 + i) << 24 | 100 : 0);
	atomic_store(&page.grant[bucket], (uint64_t)0x2000 << 24 | 105);
}

static void *take_at_the_edge(void *number)
{
	const size_t me = *(size_t *)number;

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (me == 0)
			set_bucket();
		pthread_barrier_wait(&gate);
		result[me] = take(1, 100 + (int64_t)me, 160);
		pthread_barrier_wait(&gate);
		if (me == 0 && (result[0] == HL_OK) + (result[1] == HL_OK) != 1)
			atomic_fetch_add(&odd, 1);
	}
	return NULL;
}

static void clocks_a_second_apart_change_nothing(void)
{
	hsm_page_begin(&page, &env);
	bucket = bucket_of(1);
	atomic_store(&odd, 0);
	run_threads(take_at_the_edge, 2);
	CU_ASSERT_EQUAL(atomic_load(&odd), 0);
}

static void a_new_life_forgets_and_is_another(void)
{
	struct hsm_shared s = hsm_page_shared(&page);
	uint8_t before[HL_INCARNATION];

	hsm_page_begin(&page, &env);
	memcpy(before, s.ops->incarnation(s.at), sizeof before);
	CU_ASSERT_EQUAL(take(1, 100, 160), HL_OK);
	hsm_page_begin(&page, &env);
	CU_ASSERT_NOT_EQUAL(memcmp(before, s.ops->incarnation(s.at), sizeof before), 0);
	CU_ASSERT_EQUAL(take(1, 100, 160), HL_OK);
}

static struct hsm_mark mark(void)
{
	struct hsm_shared s = hsm_page_shared(&page);
	struct hsm_mark m;

	s.ops->mark(s.at, &m);
	return m;
}

static void raise_to(uint64_t term, uint64_t generation, uint64_t epoch)
{
	struct hsm_shared s = hsm_page_shared(&page);

	s.ops->raise(s.at, &(struct hsm_mark){ term, generation, epoch });
}

static bool stands_at(uint64_t term, uint64_t generation, uint64_t epoch)
{
	struct hsm_mark m = mark();

	return m.term == term && m.generation == generation && m.epoch == epoch;
}

static void each_number_of_the_mark_only_rises(void)
{
	hsm_page_begin(&page, &env);
	CU_ASSERT(stands_at(0, 0, 0));
	raise_to(1, 20, 3);
	CU_ASSERT(stands_at(1, 20, 3));
	raise_to(2, 19, 3);
	CU_ASSERT(stands_at(2, 20, 3));
	raise_to(0, 0, 4);
	CU_ASSERT(stands_at(2, 20, 4));
	hsm_page_begin(&page, &env);
	CU_ASSERT(stands_at(0, 0, 0));
}

/* All raise to the same numbers in a different order, and each looks at what it sees meanwhile. */
#define RAISES 20000
static void *raise_all(void *at)
{
	uint64_t step = *(const uint64_t *)at;
	struct hsm_mark before = mark();

	for (uint64_t i = step; i <= RAISES; i += step) {
		struct hsm_mark now;

		raise_to(0, i, i);
		now = mark();
		/* Who sees a generation sees the epoch that was raised with it. */
		if (now.epoch < now.generation || now.generation < before.generation || now.generation < i)
			atomic_fetch_add(&odd, 1);
		before = now;
	}
	return NULL;
}

static void racing_raisers_lose_nothing(void)
{
	uint64_t step[] = { 1, 2, 4 };
	pthread_t thread[HL_COUNT(step)];

	hsm_page_begin(&page, &env);
	atomic_store(&odd, 0);
	for (size_t i = 0; i < HL_COUNT(step); i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, raise_all, &step[i]), 0);
	for (size_t i = 0; i < HL_COUNT(step); i++)
		pthread_join(thread[i], NULL);
	CU_ASSERT_EQUAL(atomic_load(&odd), 0);
	CU_ASSERT(stands_at(0, RAISES, RAISES));
}

static CU_TestInfo tests[] = {
	{ "a grant is taken once", a_grant_is_taken_once },
	{ "an expired grant is forgotten", an_expired_grant_is_forgotten },
	{ "an expiry that makes no sense is refused", an_expiry_that_makes_no_sense_is_refused },
	{ "the seconds wrap around", the_seconds_wrap_around },
	{ "a full bucket is busy until a word expires",
		a_full_bucket_is_busy_until_a_word_expires },
	{ "a full page is busy", a_full_page_is_busy },
	{ "a quarter of the page fills without a refusal",
		a_quarter_of_the_page_fills_without_a_refusal },
	{ "of racing takers one wins", of_racing_takers_one_wins },
	{ "clocks a second apart change nothing", clocks_a_second_apart_change_nothing },
	{ "a new life forgets and is another", a_new_life_forgets_and_is_another },
	{ "each number of the mark only rises", each_number_of_the_mark_only_rises },
	{ "racing raisers lose nothing", racing_raisers_lose_nothing },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("page", tests)
