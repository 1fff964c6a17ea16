#include "lib/wire/frame.h"
#include "tests/support/test.h"

#include <stdlib.h>

static const struct hl_frame untouched = { .type = 7, .id = 7 };

static bool is_untouched(const struct hl_frame *f)
{
	return f->type == 7 && f->id == 7 && !f->body.p && !f->whole.p;
}

/* A frame of type 0x0102 and this many bytes behind its head. */
static struct hl_buf frame(size_t n)
{
	struct hl_buf out = hl_buf(HL_BUF_MAX);
	size_t begun = hl_frame_begin(&out, 0x0102, 0x03040506);

	for (size_t i = 0; i < n; i++)
		hl_buf_u8(&out, (uint8_t)i);
	hl_frame_end(&out, begun);
	return out;
}

static void what_is_framed_is_found(void)
{
	static const uint8_t expect[] = { 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 0, 1 };
	struct hl_buf b = frame(2);
	struct hl_frame f;

	CU_ASSERT(hl_bytes_eq(hl_buf_view(&b), hl_bytes(expect, sizeof expect)));
	hl_buf_text(&b, "what follows is of no concern");
	CU_ASSERT_EQUAL(hl_frame_peek(hl_buf_view(&b), HL_FRAME_MAX, &f), HL_OK);
	CU_ASSERT(f.type == 0x0102 && f.id == 0x03040506);
	CU_ASSERT(f.whole.p == hl_buf_view(&b).p && f.whole.n == sizeof expect);
	CU_ASSERT(f.body.p == f.whole.p + HL_FRAME_HEAD && f.body.n == 2);
	hl_buf_clear(&b);
}

static void every_cut_waits_for_the_rest(void)
{
	struct hl_buf b = frame(30);

	for (size_t cut = 0; cut < b.n; cut++) {
		struct hl_frame f = untouched;
		uint8_t *copy = malloc(cut ? cut : 1);

		CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
		memcpy(copy, hl_buf_view(&b).p, cut);
		CU_ASSERT_EQUAL(hl_frame_peek(hl_bytes(copy, cut), HL_FRAME_MAX, &f), HL_E_SHORT);
		CU_ASSERT(is_untouched(&f));
		free(copy);
	}
	hl_buf_clear(&b);
}

/* Four bytes are enough to know: nobody waits for a megabyte that will be refused. */
static void a_length_outside_its_limits_is_refused_at_once(void)
{
	static const struct {
		uint32_t length;
		size_t max;
		hl_err err;
	} row[] = {
		{ 0, HL_FRAME_MAX, HL_E_TYPE }, { 5, HL_FRAME_MAX, HL_E_TYPE },
		{ 6, HL_FRAME_MAX, HL_E_SHORT }, { HL_FRAME_GATEWAY, HL_FRAME_GATEWAY, HL_E_SHORT },
		{ HL_FRAME_GATEWAY + 1, HL_FRAME_GATEWAY, HL_E_TOO_LONG },
		{ HL_FRAME_MAX, HL_FRAME_MAX, HL_E_SHORT },
		{ HL_FRAME_MAX + 1, HL_FRAME_MAX, HL_E_TOO_LONG },
		{ UINT32_MAX, HL_FRAME_MAX, HL_E_TOO_LONG },
		{ 0x47455420, HL_FRAME_GATEWAY, HL_E_TOO_LONG }, /* "GET " */
	};

	for (size_t i = 0; i < HL_COUNT(row); i++) {
		struct hl_buf b = hl_buf(4);
		struct hl_frame f = untouched;

		hl_buf_u32(&b, row[i].length);
		CU_ASSERT_EQUAL(hl_frame_peek(hl_buf_view(&b), row[i].max, &f), row[i].err);
		CU_ASSERT(is_untouched(&f));
		hl_buf_clear(&b);
	}
}

static void the_largest_frame_passes_and_one_more_byte_does_not(void)
{
	size_t room = HL_FRAME_MAX - (HL_FRAME_HEAD - 4);
	struct hl_buf b = frame(room), over = frame(room + 1);
	struct hl_frame f;

	CU_ASSERT_EQUAL(b.err, HL_OK);
	CU_ASSERT_EQUAL(hl_frame_peek(hl_buf_view(&b), HL_FRAME_MAX, &f), HL_OK);
	CU_ASSERT_EQUAL(f.body.n, room);
	CU_ASSERT_EQUAL(over.err, HL_E_TOO_LONG);
	hl_buf_clear(&b);
	hl_buf_clear(&over);
}

static void frames_stand_one_behind_the_other(void)
{
	struct hl_buf b = frame(0), next = frame(300);
	struct hl_frame f;

	hl_buf_move(&b, &next);
	CU_ASSERT_EQUAL(hl_frame_peek(hl_buf_view(&b), HL_FRAME_MAX, &f), HL_OK);
	CU_ASSERT(f.whole.n == HL_FRAME_HEAD && f.body.n == 0);
	hl_buf_eat(&b, f.whole.n);
	CU_ASSERT_EQUAL(hl_frame_peek(hl_buf_view(&b), HL_FRAME_MAX, &f), HL_OK);
	CU_ASSERT_EQUAL(f.body.n, 300);
	hl_buf_eat(&b, f.whole.n);
	CU_ASSERT_EQUAL(hl_frame_peek(hl_buf_view(&b), HL_FRAME_MAX, &f), HL_E_SHORT);
	hl_buf_clear(&b);
	hl_buf_clear(&next);
}

static void a_buffer_without_room_says_so(void)
{
	for (size_t max = 0; max < HL_FRAME_HEAD + 1; max++) {
		struct hl_buf b = hl_buf(max);
		size_t begun = hl_frame_begin(&b, 1, 1);

		hl_buf_u8(&b, 1);
		hl_frame_end(&b, begun);
		CU_ASSERT_EQUAL(b.err, HL_E_FULL);
		hl_buf_clear(&b);
	}
}

static CU_TestInfo tests[] = {
	{ "what is framed is found", what_is_framed_is_found },
	{ "every cut waits for the rest", every_cut_waits_for_the_rest },
	{ "a length outside its limits is refused at once",
		a_length_outside_its_limits_is_refused_at_once },
	{ "the largest frame passes and one more byte does not",
		the_largest_frame_passes_and_one_more_byte_does_not },
	{ "frames stand one behind the other", frames_stand_one_behind_the_other },
	{ "a buffer without room says so", a_buffer_without_room_says_so },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("frame", tests)
