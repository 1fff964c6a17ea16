/* Several links of one client: where a further one leads, and what it learns of the time that work takes. */
#include "client/link_impl.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;
static struct world_client *c;

static void begin(uint64_t seed, size_t hsms)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 2, hsms, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

/* -- where a link leads ------------------------------------------------------------------------------------ */

#define OPENINGS 24 /* by chance alone, all of them would go well once in 16 million times */

/* Open a link of a client whose others lead there. */
static const char *reached(const char hsm[][HL_NAME_TEXT + 1], size_t n)
{
	client_keep_apart(c->core, hsm, n);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	story_close(c);
	return client_hsm(c->core);
}

static void a_further_link_leads_to_another_hsm(void)
{
	static const char one[][HL_NAME_TEXT + 1] = { "hsm1" }, two[][HL_NAME_TEXT + 1] = { "", "hsm2" };

	begin(1, 2);
	for (unsigned i = 0; i < OPENINGS; i++) {
		CU_ASSERT_STRING_EQUAL(reached(one, HL_COUNT(one)), "hsm2");
		CU_ASSERT_STRING_EQUAL(reached(two, HL_COUNT(two)), "hsm1");
	}
	end();
}

static void where_all_have_links_it_leads_to_one_with_the_fewest(void)
{
	static const char beside[][HL_NAME_TEXT + 1] = { "hsm2", "hsm1", "hsm3", "hsm2" };
	unsigned often[2] = { 0 };

	begin(2, 3);
	for (unsigned i = 0; i < OPENINGS; i++) {
		const char *hsm = reached(beside, HL_COUNT(beside));

		CU_ASSERT_STRING_NOT_EQUAL(hsm, "hsm2");
		often[strcmp(hsm, "hsm3") == 0]++;
	}
	CU_ASSERT(often[0] > 0 && often[1] > 0); /* those two still share the load */
	end();
}

static void an_hsm_that_has_a_link_is_better_than_none(void)
{
	static const char beside[][HL_NAME_TEXT + 1] = { "hsm1" };

	begin(3, 2);
	world_kill_hsm(w, 1);
	CU_ASSERT_STRING_EQUAL(reached(beside, HL_COUNT(beside)), "hsm1");
	end();
}

/* A client may say what it likes: it is the same HSMs that it may choose among. */
static void names_of_no_hsm_change_nothing(void)
{
	static const char beside[CLIENT_BESIDE_MAX][HL_NAME_TEXT + 1] = { "hsm9", "HSM1", "hsm", "hsm11", "directory1",
		"0123456789012345678901234567890123456789012345678901234567890123", "hsm 1", "proxy1" };
	unsigned often[2] = { 0 };

	begin(4, 2);
	for (unsigned i = 0; i < OPENINGS; i++)
		often[strcmp(reached(beside, HL_COUNT(beside)), "hsm2") == 0]++;
	CU_ASSERT(often[0] > 0 && often[1] > 0);
	end();
}

/* -- what it learns ---------------------------------------------------------------------------------------- */

static struct client_pace pace;

#define LONG_US (CLIENT_LONG_US + 40) /* and less than an answer takes here */

static uint64_t begin_to_learn(uint64_t seed)
{
	struct hl_generated made = { 0 };

	begin(seed, 1);
	memset(&pace, 0, sizeof pace);
	c->core->conf.pace = &pace;
	CU_ASSERT_EQUAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "pace", &made), HL_OK);
	CU_ASSERT(atomic_load(&pace.trip_us) > 0);
	client_pace_trip(&pace, 1); /* all that is sent before an answer is at the HSM by then */
	return made.handle;
}

/* A request with each of two keys, `apart_us` apart: the second answer comes so long after the first. */
static struct client_kind sign_two(uint64_t one, uint64_t two, int64_t apart_us, hl_err end)
{
	const uint64_t key[2] = { one, two };
	struct hl_sign sign[2];
	struct client_call call[2];
	struct hl_signed reply;

	for (size_t i = 0; i < 2; i++) {
		sign[i] = (struct hl_sign){ .key = key[i], .mechanism = HL_CKM_ECDSA_SHA256, .data = hl_text("data") };
		call[i] = (struct client_call){ .msg = &hl_msg_sign, .body = &sign[i], .expect = &hl_msg_signed,
			.kind = client_kind_of(&hl_msg_sign, &sign[i]) };
	}
	sim_enter(c->node);
	client_submit(c->core, &call[0]);
	if (apart_us > 0) { /* else both go in one write */
		sim_pump(c->node);
		story_pass(w, apart_us);
	}
	CU_ASSERT(!call[0].done);
	CU_ASSERT_EQUAL(story_send(c, &call[1], &reply), end);
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT(call[i].done && call[i].err == end);
		hl_buf_clear(&call[i].frame);
	}
	return call[1].kind;
}

static struct client_kind sign_often(uint64_t key, int64_t apart_us, hl_err end)
{
	struct client_kind kind = { 0 };

	for (unsigned i = 0; i < CLIENT_PACE_SURE; i++)
		kind = sign_two(key, key, apart_us, end);
	return kind;
}

static void a_link_learns_what_passes_between_its_answers(void)
{
	uint64_t key = begin_to_learn(5);
	struct client_kind kind = sign_often(key, LONG_US, HL_OK);
	uint32_t long_us = client_pace_long_us(&pace, kind);

	CU_ASSERT(long_us >= CLIENT_LONG_US && long_us <= LONG_US);
	sign_often(key, CLIENT_LONG_US / 4, HL_OK);
	CU_ASSERT_EQUAL(client_pace_long_us(&pace, kind), 0);
	end();
}

/* A refusal says nothing of how long the work would have been. */
static void what_is_refused_teaches_nothing(void)
{
	struct client_kind kind;

	begin_to_learn(6);
	kind = sign_often(4711, LONG_US, HL_E_KEY);
	CU_ASSERT_EQUAL(client_pace_long_us(&pace, kind), 0);
	end();
}

/* Whose of the two works took how long, nobody can tell. */
static void answers_of_two_kinds_at_once_teach_of_none(void)
{
	uint64_t one = begin_to_learn(7);
	struct hl_generated other = { 0 };
	struct client_kind kind = { 0 };

	CU_ASSERT_EQUAL(story_make_key(c, "other", &other), HL_OK);
	sign_often(other.handle, LONG_US, HL_OK);
	for (unsigned i = 0; i < CLIENT_PACE_SURE; i++)
		kind = sign_two(one, other.handle, 0, HL_OK);
	CU_ASSERT(client_pace_long_us(&pace, kind) > 0); /* as before */
	end();
}

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(a_further_link_leads_to_another_hsm),
	TEST(where_all_have_links_it_leads_to_one_with_the_fewest),
	TEST(an_hsm_that_has_a_link_is_better_than_none),
	TEST(names_of_no_hsm_change_nothing),
	TEST(a_link_learns_what_passes_between_its_answers),
	TEST(what_is_refused_teaches_nothing),
	TEST(answers_of_two_kinds_at_once_teach_of_none),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

HL_TEST_MAIN("lanes", tests)
