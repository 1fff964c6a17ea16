/* The whole sequence in memory: all four cores, real cryptography, virtual time. */
#include "tests/sim/story.h"
#include "tests/support/test.h"

static const char *const steps[] = { "dns.pick did", "hello.proxy sent", "hello.proxy got",
	"auth.request sent", "auth.request got", "auth.answer sent", "auth.answer got", "dir.query sent",
	"dir.query got", "dir.grant sent", "dir.grant got", "auth.result sent", "auth.result got",
	"hello.hsm sent", "hello.hsm got", "hsm.result sent", "hsm.result got" };

/* Everything a first user does; the trace is left in `trace`. */
static hl_err whole_story(uint64_t seed, struct hl_buf *trace)
{
	struct world *w;
	struct world_client *c;
	struct hl_generated key;
	hl_err err;

	HL_TRY(world_new(seed, 3, 2, &w));
	err = world_user_client(w, &c);
	if (err == HL_OK)
		err = world_open(c);
	if (err == HL_OK)
		err = story_log_in(c, hl_secret_view(&w->user.pin));
	if (err == HL_OK)
		err = story_make_key(c, "first", &key);
	if (err == HL_OK)
		err = story_sign_and_verify(c, &key);
	hl_buf_put(trace, sim_trace(w->sim));
	world_free(w);
	return err;
}

static void the_whole_sequence_holds_from_20_seeds(void)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct hl_buf trace = hl_buf(1 << 20);

		CU_ASSERT_EQUAL(whole_story(seed, &trace), HL_OK);
		hl_buf_u8(&trace, 0);
		for (size_t i = 0; i < HL_COUNT(steps); i++)
			CU_ASSERT_PTR_NOT_NULL(strstr((const char *)hl_buf_view(&trace).p, steps[i]));
		hl_buf_clear(&trace);
	}
}

static void the_same_seed_gives_the_same_trace(void)
{
	struct hl_buf one = hl_buf(1 << 20), two = hl_buf(1 << 20), other = hl_buf(1 << 20);

	CU_ASSERT_EQUAL(whole_story(7, &one), HL_OK);
	CU_ASSERT_EQUAL(whole_story(7, &two), HL_OK);
	CU_ASSERT_EQUAL(whole_story(8, &other), HL_OK);
	CU_ASSERT(one.n > 1000);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&one), hl_buf_view(&two)));
	CU_ASSERT(!hl_bytes_eq(hl_buf_view(&one), hl_buf_view(&other)));
	hl_buf_clear(&one);
	hl_buf_clear(&two);
	hl_buf_clear(&other);
}

static CU_TestInfo tests[] = {
	{ "the whole sequence holds from 20 seeds", the_whole_sequence_holds_from_20_seeds },
	{ "the same seed gives the same trace", the_same_seed_gives_the_same_trace },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("eight_steps", tests)
