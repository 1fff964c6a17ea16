/* How long kinds of work take, learned from answers alone, and which link that sends a request to. */
#include "client/link.h"
#include "client/pace.h"

#include "tests/support/test.h"

static struct client_pace p;

static const struct client_kind quick = { 0x11, 0x13 }, slow = { 0x21, 0x23 };

static void begin(void)
{
	memset(&p, 0, sizeof p);
	client_pace_trip(&p, 60);
}

static void answer(struct client_kind kind, int64_t sent_us, int64_t before_us, int64_t now_us, unsigned n)
{
	const struct client_answers a = { .sent_us = sent_us, .before_us = before_us, .now_us = now_us, .n = n };

	client_pace_learn(&p, &a, kind);
}

/* One request, with nothing ahead of it. */
static void answer_alone(struct client_kind kind, int64_t us)
{
	answer(kind, 1000000, 900000, 1000000 + us, 1);
}

/* One that was waiting at the HSM when the answer before it was given. */
static void answer_next(struct client_kind kind, int64_t us)
{
	answer(kind, 1000000, 1000500, 1000500 + us, 1);
}

static void answer_often(struct client_kind kind, int64_t us, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		answer_next(kind, us);
}

/* -- learning ---------------------------------------------------------------------------------------------- */

static void work_is_what_passes_from_answer_to_answer(void)
{
	begin();
	answer_often(slow, 250, CLIENT_PACE_SURE);
	answer_often(quick, 20, CLIENT_PACE_SURE);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 250);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, quick), 0);
}

static void the_bound_itself_is_long(void)
{
	begin();
	answer_often(slow, CLIENT_LONG_US, CLIENT_PACE_SURE);
	answer_often(quick, CLIENT_LONG_US - 1, CLIENT_PACE_SURE);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), CLIENT_LONG_US);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, quick), 0);
}

static void nothing_is_long_before_it_was_seen_some_times(void)
{
	begin();
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 0);
	answer_often(slow, 5000, CLIENT_PACE_SURE - 1);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 0);
	answer_next(slow, 5000);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 5000);
	CU_ASSERT_EQUAL(client_pace_long_us(NULL, slow), 0);
}

/* Who waits for each answer before the next request needs no other link; and how far away the HSM is, is no work of its. */
static void what_is_asked_alone_is_never_long(void)
{
	begin();
	for (unsigned i = 0; i < 100; i++)
		answer_alone(slow, 10250);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 0);
}

/* It may have been on the way still when the answer before it left: what it took is no more than a bound. */
static void what_was_sent_within_a_trip_of_the_last_answer_is_never_long(void)
{
	begin();
	for (unsigned i = 0; i < 100; i++)
		answer(slow, 1000, 1000 + 59, 2000, 1);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 0);
	for (unsigned i = 0; i < CLIENT_PACE_SURE; i++)
		answer(slow, 1000, 1000 + 60, 2000, 1);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 940);
}

static void an_answer_bounds_the_trip(void)
{
	begin();
	answer_alone((struct client_kind){ 0 }, 40);
	answer_alone(slow, 300);
	for (unsigned i = 0; i < CLIENT_PACE_SURE; i++)
		answer(slow, 1000, 1000 + 40, 1290, 1);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 250);
}

/* The next link led to an HSM that is farther away. What has its work in it tells nothing of that. */
static void a_trip_that_has_become_longer_is_so_in_time(void)
{
	begin();
	for (unsigned i = 0; i < 200; i++)
		answer_alone(slow, 2000);
	CU_ASSERT_EQUAL(atomic_load(&p.trip_us), 60);
	for (unsigned i = 0; i < 200; i++)
		answer_alone((struct client_kind){ 0 }, 2000);
	CU_ASSERT_EQUAL(atomic_load(&p.trip_us), 2000);
	answer_alone(slow, 400);
	CU_ASSERT_EQUAL(atomic_load(&p.trip_us), 400);
}

/* A proxy nearby, and the HSM far behind it: what is on its way is no work. */
static void what_a_far_hsm_is_sent_in_a_row_is_never_long(void)
{
	memset(&p, 0, sizeof p);
	answer_alone((struct client_kind){ 0 }, 20000);
	for (unsigned i = 0; i < 100; i++)
		answer(quick, 1000, 6000, 16000, 1);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, quick), 0);
}

/* Work that was taken for long is not, where request, work and answer take less. */
static void an_answer_bounds_the_work(void)
{
	begin();
	answer_often(slow, 250, 100);
	answer_alone(slow, 260);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 250);
	answer_alone(slow, 180);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 180);
	answer_alone(slow, 90);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 0);
}

static void answers_that_come_together_share_their_time(void)
{
	begin();
	for (unsigned i = 0; i < CLIENT_PACE_SURE; i++) {
		answer(slow, 1000, 1200, 1200 + 3 * 250, 3);
		answer(quick, 1000, 1200, 1200 + 4 * 30, 4);
	}
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 250);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, quick), 0);
	answer(slow, 1300, 1200, 1300 + 4 * 120, 4);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 120);
}

/* Where all but one of twenty are held up for milliseconds, the twentieth still tells. */
static void a_busy_machine_makes_nothing_long(void)
{
	begin();
	for (unsigned i = 0; i < 2000; i++) {
		answer_next(quick, i % 20 == 0 ? 20 : 5000);
		answer_next(slow, i % 20 == 0 ? 250 : 5000);
		CU_ASSERT_EQUAL(client_pace_long_us(&p, quick), 0);
	}
	CU_ASSERT(client_pace_long_us(&p, slow) >= 250);
}

/* The same key is used with more data from now on. */
static void what_has_become_long_is_long_in_time(void)
{
	begin();
	answer_often(quick, 20, 100);
	answer_often(quick, 340, 150);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, quick), 340);
	answer_next(quick, 20);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, quick), 0);
}

static void a_new_key_is_judged_by_its_mechanism(void)
{
	const struct client_kind fresh = { 0x31, slow.of_mechanism };

	begin();
	answer_often(slow, 250, CLIENT_PACE_SURE);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, fresh), 250);
	answer_often(fresh, 20, CLIENT_PACE_SURE);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, fresh), 0);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 250);
}

static void two_kinds_of_one_place_are_not_taken_for_one_another(void)
{
	const struct client_kind other = { slow.of_key + 2 * CLIENT_PACE_KINDS, 0 };

	begin();
	answer_often((struct client_kind){ slow.of_key, 0 }, 310, CLIENT_PACE_SURE);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, other), 0);
	answer_next(other, 310);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, other), 0);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, (struct client_kind){ slow.of_key, 0 }), 0);
}

static void times_beyond_all_measure_stay_within_bounds(void)
{
	begin();
	answer_often(slow, INT64_C(1) << 60, 300);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), (1 << 24) - 1);
	answer_often(slow, -5, 1);
	CU_ASSERT_EQUAL(client_pace_long_us(&p, slow), 0);
}

static void key_and_mechanism_make_a_kind(void)
{
	const struct hl_sign a = { .key = 300, .mechanism = 1 }, b = { .key = 301, .mechanism = 1 };
	const struct hl_sign c = { .key = 300, .mechanism = 2, .data = hl_text("data") };
	const struct hl_verify d = { .key = 300, .mechanism = 1 };
	struct client_kind of[] = { client_kind_of(&hl_msg_sign, &a), client_kind_of(&hl_msg_sign, &b),
		client_kind_of(&hl_msg_sign, &c), client_kind_of(&hl_msg_verify, &d) };

	CU_ASSERT_EQUAL(of[0].of_mechanism, of[1].of_mechanism);
	for (size_t i = 0; i < HL_COUNT(of); i++)
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(of[i].of_key, of[k].of_key);
	CU_ASSERT_NOT_EQUAL(of[0].of_mechanism, of[2].of_mechanism);
	CU_ASSERT_NOT_EQUAL(of[0].of_mechanism, of[3].of_mechanism);
}

/* -- choosing ---------------------------------------------------------------------------------------------- */

#define CHOSEN(...) client_pace_choose((const struct client_load[]){ __VA_ARGS__ }, 4)
#define FREE { 0 }

static void short_work_shares_home_until_there_is_a_crowd(void)
{
	for (unsigned calls = 0; calls < CLIENT_CROWD; calls++)
		CU_ASSERT_EQUAL(CHOSEN({ .calls = calls }, FREE, FREE, FREE), 0);
	CU_ASSERT_EQUAL(CHOSEN({ .calls = CLIENT_CROWD }, FREE, FREE, FREE), 1);
	CU_ASSERT_EQUAL(CHOSEN({ .calls = 9 }, { .calls = CLIENT_CROWD - 1 }, FREE, FREE), 1);
	CU_ASSERT_EQUAL(CHOSEN({ .calls = 4 }, { .calls = CLIENT_CROWD }, FREE, FREE), 2);
	CU_ASSERT_EQUAL(CHOSEN({ .calls = 4 }, { .calls = 4 }, { .calls = 4 }, { .calls = 4 }), 0);
}

static void behind_long_work_there_is_no_waiting(void)
{
	const struct client_load busy = { .calls = 1, .long_us = 250 };

	CU_ASSERT_EQUAL(CHOSEN(busy, FREE, FREE, FREE), 1);
	CU_ASSERT_EQUAL(CHOSEN(busy, busy, FREE, FREE), 2);
	CU_ASSERT_EQUAL(CHOSEN(FREE, busy, busy, FREE), 0);
}

static void where_all_have_long_work_the_least_is_taken(void)
{
	CU_ASSERT_EQUAL(CHOSEN({ 1, 250, 0 }, { 1, 250, 0 }, { 1, 250, 0 }, { 1, 250, 0 }), 0);
	CU_ASSERT_EQUAL(CHOSEN({ 2, 500, 0 }, { 2, 500, 0 }, { 1, 250, 0 }, { 1, 250, 0 }), 2);
	CU_ASSERT_EQUAL(CHOSEN({ 1, 250, 0 }, { 1, 4000, 0 }, { 1, 4000, 0 }, { 1, 4000, 0 }), 0);
	CU_ASSERT_EQUAL(CHOSEN({ 4, 250, 0 }, { 1, 4000, 0 }, { 4, 100, 0 }, { 2, 3000, 0 }), 3);
}

static void a_link_that_failed_is_left_alone(void)
{
	const struct client_load failed = { .rests = true };

	CU_ASSERT_EQUAL(CHOSEN({ .calls = 4 }, failed, FREE, FREE), 2);
	CU_ASSERT_EQUAL(CHOSEN({ .calls = 4 }, failed, failed, failed), 0);
	CU_ASSERT_EQUAL(CHOSEN({ 1, 250, 0 }, failed, failed, failed), 0);
}

static void home_has_half_of_the_time_left(void)
{
	const int64_t now = 7000000, most = CLIENT_OP_MS * 1000;

	CU_ASSERT_EQUAL(client_pace_until_us(now, 0), now + most);
	CU_ASSERT_EQUAL(client_pace_until_us(now, now + 10 * most), now + most);
	CU_ASSERT_EQUAL(client_pace_until_us(now, now + 2 * most - 2), now + most - 1);
	CU_ASSERT_EQUAL(client_pace_until_us(now, now + 1000), now + 500);
	CU_ASSERT(client_pace_until_us(now, now - 1000) <= now);
}

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(work_is_what_passes_from_answer_to_answer),
	TEST(the_bound_itself_is_long),
	TEST(nothing_is_long_before_it_was_seen_some_times),
	TEST(what_is_asked_alone_is_never_long),
	TEST(what_was_sent_within_a_trip_of_the_last_answer_is_never_long),
	TEST(an_answer_bounds_the_trip),
	TEST(a_trip_that_has_become_longer_is_so_in_time),
	TEST(what_a_far_hsm_is_sent_in_a_row_is_never_long),
	TEST(an_answer_bounds_the_work),
	TEST(answers_that_come_together_share_their_time),
	TEST(a_busy_machine_makes_nothing_long),
	TEST(what_has_become_long_is_long_in_time),
	TEST(a_new_key_is_judged_by_its_mechanism),
	TEST(two_kinds_of_one_place_are_not_taken_for_one_another),
	TEST(times_beyond_all_measure_stay_within_bounds),
	TEST(key_and_mechanism_make_a_kind),
	TEST(short_work_shares_home_until_there_is_a_crowd),
	TEST(behind_long_work_there_is_no_waiting),
	TEST(where_all_have_long_work_the_least_is_taken),
	TEST(a_link_that_failed_is_left_alone),
	TEST(home_has_half_of_the_time_left),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

HL_TEST_MAIN("pace", tests)
