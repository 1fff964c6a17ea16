#include "lib/auth/lockout.h"
#include "tests/support/test.h"

#define SECOND 1000000ll
#define WINDOW (HL_LOCK_WINDOW_MS * 1000ll)
#define LOCK (HL_LOCK_MS * 1000ll)

static const uint8_t key[HL_LOCK_KEY] = "a key of thirty-two bytes, fixed";

static void lockout_freep(struct hl_lockout **l)
{
	hl_lockout_free(*l);
}

#define AUTO_LOCKOUT HL_AUTO(lockout_freep) struct hl_lockout

static struct hl_lockout *fresh(void)
{
	struct hl_lockout *l = NULL;

	CU_ASSERT_EQUAL_FATAL(hl_lockout_new(key, &l), HL_OK);
	return l;
}

/* The numbers of pairs are as good as random; these are, too, and none of the few that tests name. */
static uint64_t some_pair(uint64_t i)
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void fail_times(struct hl_lockout *l, uint64_t pair, unsigned n, int64_t now)
{
	while (n-- > 0)
		hl_lockout_failed(l, pair, now);
}

static bool is_locked(const struct hl_lockout *l, uint64_t pair, int64_t now)
{
	return hl_lockout_wait_ms(l, pair, now) > 0;
}

/* -- the rule -------------------------------------------------------------------------------------- */

static void a_hundred_failures_lock_the_pair_for_300_seconds(void)
{
	AUTO_LOCKOUT *l = fresh();
	int64_t last = 5 * SECOND;

	fail_times(l, 7, 99, 0);
	CU_ASSERT_EQUAL(hl_lockout_wait_ms(l, 7, last), 0);
	fail_times(l, 7, 1, last);
	CU_ASSERT_EQUAL(hl_lockout_wait_ms(l, 7, last), 300000);
	CU_ASSERT_EQUAL(hl_lockout_wait_ms(l, 7, last + SECOND), 299000);
	CU_ASSERT_EQUAL(hl_lockout_wait_ms(l, 7, last + LOCK - 1), 1);
	CU_ASSERT_EQUAL(hl_lockout_wait_ms(l, 7, last + LOCK), 0);
	fail_times(l, 7, 99, last + LOCK);
	CU_ASSERT_FALSE(is_locked(l, 7, last + LOCK));
	fail_times(l, 7, 1, last + LOCK);
	CU_ASSERT_TRUE(is_locked(l, 7, last + LOCK));
}

static void failures_of_an_earlier_window_do_not_count(void)
{
	AUTO_LOCKOUT *l = fresh();

	fail_times(l, 7, 99, 0);
	fail_times(l, 7, 99, WINDOW);
	CU_ASSERT_FALSE(is_locked(l, 7, WINDOW));
	fail_times(l, 7, 1, 2 * WINDOW - 1);
	CU_ASSERT_TRUE(is_locked(l, 7, 2 * WINDOW - 1));
}

static void failing_while_locked_does_not_lock_longer(void)
{
	AUTO_LOCKOUT *l = fresh();

	fail_times(l, 7, 100, 0);
	fail_times(l, 7, 500, LOCK - 1);
	CU_ASSERT_EQUAL(hl_lockout_wait_ms(l, 7, LOCK - 1), 1);
	CU_ASSERT_FALSE(is_locked(l, 7, LOCK));
}

static void other_pairs_are_not_touched(void)
{
	AUTO_LOCKOUT *l = fresh();

	fail_times(l, 7, 100, 0);
	for (uint64_t i = 0; i < 1000; i++)
		CU_ASSERT_FALSE(is_locked(l, some_pair(i), 0));
	fail_times(l, 7 + 4096, 1, 0); /* the same bucket */
	CU_ASSERT_FALSE(is_locked(l, 7 + 4096, 0));
	CU_ASSERT_TRUE(is_locked(l, 7, 0));
	CU_ASSERT_EQUAL(hl_lockout_pairs(l), 2);
}

/* -- which pair ------------------------------------------------------------------------------------ */

static uint64_t pair_of(const struct hl_lockout *l, const char *user, const char *peer)
{
	struct hl_addr a;
	uint64_t pair = 0;

	CU_ASSERT_EQUAL_FATAL(hl_addr_parse(peer, &a), HL_OK);
	CU_ASSERT_EQUAL(hl_lockout_pair(l, hl_text(user), &a, &pair), HL_OK);
	return pair;
}

static void a_pair_is_a_user_and_a_host(void)
{
	static const struct {
		const char *user, *peer, *user2, *peer2;
		bool same;
	} cases[] = {
		{ "acme", "192.0.2.7:1", "acme", "192.0.2.7:60000", true },
		{ "acme", "192.0.2.7:1", "acme", "[::ffff:192.0.2.7]:1", true },
		{ "acme", "192.0.2.7:1", "acme", "192.0.2.8:1", false },
		{ "acme", "192.0.2.7:1", "acmf", "192.0.2.7:1", false },
		{ "acme", "192.0.2.7:1", "acm", "192.0.2.7:1", false },
		{ "acme", "192.0.2.7:1", "", "192.0.2.7:1", false },
		{ "acme", "[2001:db8::1]:1", "acme", "[2001:db8::2]:2", true },
		{ "acme", "[2001:db8::1]:1", "acme", "[2001:db8::ffff:ffff:ffff:ffff]:2", true },
		{ "acme", "[2001:db8::1]:1", "acme", "[2001:db8:0:1::1]:1", false },
		{ "acme", "[2001:db8::1]:1", "acmf", "[2001:db8::1]:1", false },
		/* 61626364 is "abcd": as an address, and as the beginning of a name */
		{ "acme", "[6162:6364:6566:6768::]:1", "efghacme", "97.98.99.100:1", false },
	};
	AUTO_LOCKOUT *l = fresh();

	for (size_t i = 0; i < HL_COUNT(cases); i++)
		CU_ASSERT_EQUAL(pair_of(l, cases[i].user, cases[i].peer) ==
					pair_of(l, cases[i].user2, cases[i].peer2),
			cases[i].same);
}

static void the_number_of_a_pair_depends_on_the_key(void)
{
	AUTO_LOCKOUT *l = fresh();
	AUTO_LOCKOUT *other = NULL;
	uint8_t changed[HL_LOCK_KEY];

	memcpy(changed, key, sizeof changed);
	changed[31] ^= 1;
	CU_ASSERT_EQUAL_FATAL(hl_lockout_new(changed, &other), HL_OK);
	CU_ASSERT_NOT_EQUAL(
		pair_of(l, "acme", "192.0.2.7:1"), pair_of(other, "acme", "192.0.2.7:1"));
}

static void the_longest_name_has_a_pair(void)
{
	AUTO_LOCKOUT *l = fresh();
	char name[513];

	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = 0;
	CU_ASSERT_NOT_EQUAL(pair_of(l, name, "192.0.2.7:1"), pair_of(l, name + 1, "192.0.2.7:1"));
}

/* -- a table that is full -------------------------------------------------------------------------- */

/* One failure each of `n` pairs that were not there before. */
static uint64_t flood(struct hl_lockout *l, uint64_t from, uint64_t n, int64_t now)
{
	for (uint64_t i = 0; i < n; i++)
		hl_lockout_failed(l, some_pair(from + i), now);
	return from + n;
}

static void the_table_is_bounded(void)
{
	AUTO_LOCKOUT *l = fresh();

	flood(l, 0, 100, 0);
	CU_ASSERT_EQUAL(hl_lockout_pairs(l), 100);
	flood(l, 100, 5 * HL_LOCK_PAIRS, 0);
	CU_ASSERT_EQUAL(hl_lockout_pairs(l), HL_LOCK_PAIRS);
	/* What has run out makes room. */
	flood(l, 0, 1, WINDOW);
	CU_ASSERT_EQUAL(hl_lockout_pairs(l), 1);
}

static void a_pair_with_many_failures_is_not_washed_out_by_many_with_few(void)
{
	AUTO_LOCKOUT *l = fresh();

	fail_times(l, 7, 50, 0);
	flood(l, 0, 30 * HL_LOCK_PAIRS, SECOND);
	fail_times(l, 7, 49, SECOND);
	CU_ASSERT_FALSE(is_locked(l, 7, SECOND));
	fail_times(l, 7, 1, SECOND);
	CU_ASSERT_TRUE(is_locked(l, 7, SECOND));
	flood(l, 40 * HL_LOCK_PAIRS, 30 * HL_LOCK_PAIRS, SECOND);
	CU_ASSERT_TRUE(is_locked(l, 7, SECOND));
}

/* How often the pair may fail before it is locked. */
static unsigned tries_left(struct hl_lockout *l, uint64_t pair, int64_t now)
{
	unsigned n = 0;

	for (; !is_locked(l, pair, now); n++)
		hl_lockout_failed(l, pair, now);
	return n;
}

static void who_was_washed_out_comes_back_with_what_he_left_with(void)
{
	AUTO_LOCKOUT *l = fresh();

	fail_times(l, 7, 20, 0);
	flood(l, 0, 25 * HL_LOCK_PAIRS, SECOND); /* 25 a slot: it is gone now */
	CU_ASSERT(tries_left(l, 7, 2 * SECOND) <= 80);
	CU_ASSERT(tries_left(l, 8, 2 * SECOND) >= 70);
}

/* Entries run out one after another and leave free slots; a pair that was pushed out must not begin at
 * one in these. `between`: failures of other names for each of this pair's tries. */
static unsigned tries_under_a_steady_flood(unsigned between, int64_t step)
{
	AUTO_LOCKOUT *l = fresh();
	int64_t now = 0, begun;
	uint64_t other = 0;
	unsigned tries = 0;

	for (; now < WINDOW; now += WINDOW / HL_LOCK_PAIRS)
		other = flood(l, other, 1, now);
	for (begun = now; now < begun + WINDOW; now += step) {
		if (!is_locked(l, 7, now)) {
			hl_lockout_failed(l, 7, now);
			tries++;
		}
		other = flood(l, other, between, now);
	}
	return tries;
}

static void no_flood_of_other_names_buys_a_pair_more_tries(void)
{
	for (unsigned between = 0; between < 5; between++) {
		CU_ASSERT(tries_under_a_steady_flood(between, WINDOW / HL_LOCK_PAIRS) <= 100);
		CU_ASSERT(tries_under_a_steady_flood(between, WINDOW / HL_LOCK_PAIRS / 8) <= 100);
		CU_ASSERT(tries_under_a_steady_flood(between, WINDOW / 1000) <= 100);
	}
}

static void where_all_are_locked_the_first_goes_and_one_failure_locks_the_next(void)
{
	AUTO_LOCKOUT *l = fresh();

	for (uint64_t i = 0; i < HL_LOCK_PAIRS; i++)
		fail_times(l, some_pair(i), 100, SECOND);
	for (uint64_t i = 0; i < HL_LOCK_PAIRS; i++)
		CU_ASSERT_TRUE(is_locked(l, some_pair(i), SECOND));
	CU_ASSERT_FALSE(is_locked(l, 7, SECOND)); /* a right proof would pass */
	CU_ASSERT_EQUAL(tries_left(l, 7, SECOND), 1);
	CU_ASSERT_FALSE(is_locked(l, some_pair(0), SECOND));
	CU_ASSERT_TRUE(is_locked(l, some_pair(1), SECOND));
	CU_ASSERT_EQUAL(tries_left(l, some_pair(0), SECOND), 1);
	/* One more try for a certain pair takes as many failures as there are pairs. */
	flood(l, HL_LOCK_PAIRS, HL_LOCK_PAIRS - 2, 2 * SECOND);
	CU_ASSERT_TRUE(is_locked(l, some_pair(0), 2 * SECOND));
	flood(l, 3 * HL_LOCK_PAIRS, 2, 2 * SECOND);
	CU_ASSERT_FALSE(is_locked(l, some_pair(0), 2 * SECOND));
	CU_ASSERT_EQUAL(tries_left(l, some_pair(0), 2 * SECOND), 1);
}

static void the_floor_ends_with_the_windows_of_those_that_went(void)
{
	AUTO_LOCKOUT *l = fresh();

	flood(l, 0, 50 * HL_LOCK_PAIRS, 0);
	CU_ASSERT(tries_left(l, 8, WINDOW - 1) <= 60);
	CU_ASSERT_EQUAL(tries_left(l, 9, WINDOW), 100);
	/* The next one begins at the bottom. */
	flood(l, 60 * HL_LOCK_PAIRS, 2 * HL_LOCK_PAIRS, WINDOW);
	CU_ASSERT(tries_left(l, 10, WINDOW) >= 95);
}

static void who_never_failed_is_never_held_up(void)
{
	AUTO_LOCKOUT *l = fresh();

	for (uint64_t i = 0; i < 120; i++) {
		flood(l, i * HL_LOCK_PAIRS, HL_LOCK_PAIRS, SECOND);
		CU_ASSERT_FALSE(is_locked(l, 7, SECOND));
	}
}

static CU_TestInfo tests[] = {
	{ "a hundred failures lock the pair for 300 seconds",
		a_hundred_failures_lock_the_pair_for_300_seconds },
	{ "failures of an earlier window do not count",
		failures_of_an_earlier_window_do_not_count },
	{ "failing while locked does not lock longer", failing_while_locked_does_not_lock_longer },
	{ "other pairs are not touched", other_pairs_are_not_touched },
	{ "a pair is a user and a host", a_pair_is_a_user_and_a_host },
	{ "the number of a pair depends on the key", the_number_of_a_pair_depends_on_the_key },
	{ "the longest name has a pair", the_longest_name_has_a_pair },
	{ "the table is bounded", the_table_is_bounded },
	{ "a pair with many failures is not washed out by many with few",
		a_pair_with_many_failures_is_not_washed_out_by_many_with_few },
	{ "who was washed out comes back with what he left with",
		who_was_washed_out_comes_back_with_what_he_left_with },
	{ "no flood of other names buys a pair more tries",
		no_flood_of_other_names_buys_a_pair_more_tries },
	{ "where all are locked the first goes, and one failure locks the next",
		where_all_are_locked_the_first_goes_and_one_failure_locks_the_next },
	{ "the floor ends with the windows of those that went",
		the_floor_ends_with_the_windows_of_those_that_went },
	{ "who never failed is never held up", who_never_failed_is_never_held_up },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("lockout", tests)
