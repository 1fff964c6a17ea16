#include "lib/base/bytes.h"
#include "tests/support/draw.h"
#include "tests/support/test.h"

static bool is(struct hl_bytes b, const char *text)
{
	return hl_bytes_eq(b, hl_text(text));
}

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* -- views ------------------------------------------------------------------------------------- */

static void views_compare_by_content(void)
{
	struct hl_bytes empty = { 0 };

	CU_ASSERT(hl_bytes_eq(hl_text("abc"), hl_bytes("abcd", 3)));
	CU_ASSERT(!hl_bytes_eq(hl_text("abc"), hl_text("abd")));
	CU_ASSERT(!hl_bytes_eq(hl_text("abc"), hl_text("ab")));
	CU_ASSERT(hl_bytes_eq(empty, hl_text("")));
	CU_ASSERT(hl_bytes_eq(empty, hl_text(NULL)));
	CU_ASSERT(hl_bytes_eq_secret(hl_text("abc"), hl_bytes("abcd", 3)));
	CU_ASSERT(!hl_bytes_eq_secret(hl_text("abc"), hl_text("abd")));
	CU_ASSERT(!hl_bytes_eq_secret(hl_text("abc"), hl_text("abcd")));
	CU_ASSERT(hl_bytes_eq_secret(empty, hl_text("")));
}

static void a_view_becomes_a_c_string_only_where_it_fits(void)
{
	char out[4] = "old";

	CU_ASSERT_EQUAL(hl_bytes_str(hl_text("four"), out, sizeof out), HL_E_RANGE);
	CU_ASSERT_EQUAL(hl_bytes_str(hl_bytes("a\0b", 3), out, sizeof out), HL_E_RANGE);
	CU_ASSERT_EQUAL(hl_bytes_str(hl_bytes("\0", 1), out, sizeof out), HL_E_RANGE);
	CU_ASSERT_EQUAL(hl_bytes_str(hl_text(""), out, 0), HL_E_RANGE);
	CU_ASSERT_STRING_EQUAL(out, "old");
	CU_ASSERT_EQUAL(hl_bytes_str(hl_text("new"), out, sizeof out), HL_OK);
	CU_ASSERT_STRING_EQUAL(out, "new");
	CU_ASSERT_EQUAL(hl_bytes_str(hl_text(NULL), out, 1), HL_OK);
	CU_ASSERT_STRING_EQUAL(out, "");
}

static void hex_goes_there_and_back(void)
{
	uint8_t all[256], back[256];
	char hex[2 * sizeof all + 1];
	size_t n = 0;

	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (uint8_t)i;
	hl_hex(hl_bytes(all, sizeof all), hex);
	CU_ASSERT_EQUAL(strlen(hex), 512);
	CU_ASSERT_EQUAL(strncmp(hex, "000102030405060708090a0b0c0d0e0f10", 34), 0);
	CU_ASSERT_EQUAL(hl_unhex(hex, 512, back, sizeof back, &n), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_bytes(back, n), hl_bytes(all, sizeof all)));
	CU_ASSERT_EQUAL(hl_unhex("aBcDeF", 6, back, 3, &n), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_bytes(back, n), hl_bytes("\xab\xcd\xef", 3)));
	hl_hex(hl_text(""), hex);
	CU_ASSERT_STRING_EQUAL(hex, "");
}

static void what_is_not_hex_is_refused(void)
{
	uint8_t out[2];
	size_t n = 7;

	CU_ASSERT_EQUAL(hl_unhex("abc", 3, out, sizeof out, &n), HL_E_RANGE);
	CU_ASSERT_EQUAL(hl_unhex("abcdef", 6, out, sizeof out, &n), HL_E_RANGE);
	for (int c = 0; c < 256; c++) {
		char hex[2] = { 'a', (char)c };
		bool digit = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;

		CU_ASSERT_EQUAL(hl_unhex(hex, 2, out, 1, &n) == HL_OK, digit);
		hex[0] = (char)c, hex[1] = 'a';
		CU_ASSERT_EQUAL(hl_unhex(hex, 2, out, 1, &n) == HL_OK, digit);
	}
	CU_ASSERT_EQUAL(n, 1);
}

/* -- the buffer -------------------------------------------------------------------------------- */

static void numbers_are_big_endian(void)
{
	struct hl_buf b = hl_buf(64);

	hl_buf_u8(&b, 0x01);
	hl_buf_u16(&b, 0x0203);
	hl_buf_u32(&b, 0x04050607);
	hl_buf_u64(&b, 0x08090a0b0c0d0e0f);
	CU_ASSERT(is(
		hl_buf_view(&b), "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"));
	hl_buf_set_u32(&b, 11, 0xfffefdfc);
	CU_ASSERT(is(
		hl_buf_view(&b), "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\xff\xfe\xfd\xfc"));
	hl_buf_set_u32(&b, 12, 0); /* its last byte would be outside */
	CU_ASSERT_EQUAL(hl_buf_view(&b).p[12], 0xfe);
	hl_buf_clear(&b);
}

static void the_first_failure_sticks(void)
{
	struct hl_buf b = hl_buf(4);

	hl_buf_text(&b, "abc");
	hl_buf_text(&b, "de");
	CU_ASSERT_EQUAL(b.err, HL_E_FULL);
	hl_buf_text(&b, "d");
	hl_buf_u8(&b, 'd');
	hl_buf_printf(&b, "d");
	hl_buf_set_u32(&b, 0, 0);
	CU_ASSERT_PTR_NULL(hl_buf_room(&b, 0));
	CU_ASSERT(is(hl_buf_view(&b), "abc"));
	CU_ASSERT_EQUAL(b.err, HL_E_FULL);
	hl_buf_reset(&b);
	CU_ASSERT_EQUAL(b.err, HL_OK);
	hl_buf_text(&b, "defg");
	CU_ASSERT(b.err == HL_OK && is(hl_buf_view(&b), "defg"));
	hl_buf_clear(&b);
}

static void it_takes_its_maximum_and_not_a_byte_more(void)
{
	for (size_t max = 0; max < 600; max += 7) {
		struct hl_buf b = hl_buf(max);

		for (size_t i = 0; i < max; i++)
			hl_buf_u8(&b, (uint8_t)i);
		CU_ASSERT(b.err == HL_OK && b.n == max);
		hl_buf_put(&b, (struct hl_bytes){ 0 });
		CU_ASSERT_EQUAL(b.err, HL_OK);
		hl_buf_u8(&b, 0);
		CU_ASSERT(b.err == HL_E_FULL && b.n == max);
		hl_buf_clear(&b);
	}
}

static void no_size_is_too_large_to_be_refused(void)
{
	struct hl_buf b = hl_buf(16);

	hl_buf_text(&b, "abc");
	CU_ASSERT_PTR_NULL(hl_buf_room(&b, SIZE_MAX));
	CU_ASSERT_EQUAL(b.err, HL_E_FULL);
	b.err = HL_OK;
	CU_ASSERT_PTR_NULL(hl_buf_room(&b, SIZE_MAX - 2)); /* with what is there it would wrap */
	CU_ASSERT_EQUAL(b.err, HL_E_FULL);
	hl_buf_clear(&b);
}

static void printed_text_may_fill_it(void)
{
	struct hl_buf b = hl_buf(8);

	hl_buf_printf(&b, "%s-%03d", "abc", 7);
	CU_ASSERT(is(hl_buf_view(&b), "abc-007"));
	hl_buf_printf(&b, "%c", '!');
	CU_ASSERT(b.err == HL_OK && is(hl_buf_view(&b), "abc-007!"));
	hl_buf_printf(&b, "%s", "");
	CU_ASSERT_EQUAL(b.err, HL_OK);
	hl_buf_printf(&b, "%c", '!');
	CU_ASSERT(b.err == HL_E_FULL && is(hl_buf_view(&b), "abc-007!"));
	hl_buf_clear(&b);
}

static void fitted_it_holds_its_content_and_no_more(void)
{
	struct hl_buf b = hl_buf(1000);

	hl_buf_text(&b, "eaten and kept");
	hl_buf_eat(&b, 6);
	hl_buf_fit(&b);
	CU_ASSERT_EQUAL(b.cap, 8);
	hl_buf_text(&b, ", and more");
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&b), hl_text("and kept, and more")));
	hl_buf_eat(&b, b.n);
	b.err = HL_E_FULL;
	hl_buf_fit(&b);
	CU_ASSERT(b.base == NULL && b.cap == 0 && b.max == 1000);
	CU_ASSERT_EQUAL(b.err, HL_E_FULL);
	hl_buf_reset(&b);
	hl_buf_text(&b, "again");
	CU_ASSERT_EQUAL(b.n, 5);
	hl_buf_clear(&b);
}

static void room_counts_only_once_it_is_grown(void)
{
	struct hl_buf b = hl_buf(1024);
	uint8_t *room = hl_buf_room(&b, 500);

	CU_ASSERT_PTR_NOT_NULL_FATAL(room);
	memset(room, 'x', 500);
	CU_ASSERT_EQUAL(b.n, 0);
	hl_buf_grow(&b, 2);
	CU_ASSERT(is(hl_buf_view(&b), "xx"));
	hl_buf_clear(&b);
}

/* What was eaten, cut or forgotten does not stay in memory. */
static void it_wipes_what_it_gives_up(void)
{
	struct hl_buf b = hl_buf(64);

	hl_buf_text(&b, "0123456789");
	hl_buf_eat(&b, 4);
	CU_ASSERT(is(hl_buf_view(&b), "456789"));
	CU_ASSERT(all_zero(b.base, 4));
	hl_buf_cut(&b, 2);
	CU_ASSERT(is(hl_buf_view(&b), "45"));
	CU_ASSERT(all_zero(b.base + 6, 4));
	hl_buf_cut(&b, 3); /* there is less than that */
	CU_ASSERT(is(hl_buf_view(&b), "45"));
	hl_buf_reset(&b);
	CU_ASSERT(b.n == 0 && b.base && all_zero(b.base, 10));
	hl_buf_text(&b, "abc");
	hl_buf_eat(&b, SIZE_MAX);
	CU_ASSERT(b.n == 0 && b.off == 0 && all_zero(b.base, 10));
	hl_buf_clear(&b);
	CU_ASSERT(!b.base && b.n == 0 && b.cap == 0 && b.max == 64);
	hl_buf_eat(&b, 1);
	hl_buf_cut(&b, 1);
	hl_buf_reset(&b);
	hl_buf_clear(&b); /* each is fine without memory, too */
}

static void moving_to_the_front_leaves_nothing_behind(void)
{
	struct hl_buf b = hl_buf(256);
	uint8_t *base;

	for (size_t i = 0; i < 256; i++)
		hl_buf_u8(&b, 'x');
	base = b.base;
	hl_buf_eat(&b, 250);
	for (size_t i = 0; i < 20; i++)
		hl_buf_u8(&b, 'y');
	CU_ASSERT(is(hl_buf_view(&b), "xxxxxxyyyyyyyyyyyyyyyyyyyy"));
	CU_ASSERT_PTR_EQUAL(b.base, base);
	CU_ASSERT_EQUAL(b.off, 0);
	CU_ASSERT(all_zero(base + 26, 256 - 26));
	hl_buf_clear(&b);
}

static void one_buffer_moves_to_another(void)
{
	struct hl_buf a = hl_buf(8), b = hl_buf(64);

	hl_buf_text(&a, "ab");
	hl_buf_text(&b, "cdef");
	hl_buf_move(&a, &b);
	CU_ASSERT(is(hl_buf_view(&a), "abcdef") && b.n == 0);
	hl_buf_text(&b, "ghi");
	hl_buf_move(&a, &b);
	CU_ASSERT(a.err == HL_E_FULL && is(hl_buf_view(&a), "abcdef"));
	hl_buf_clear(&a);
	hl_buf_clear(&b);
}

/* Against an array that never moves: appended at random, eaten and cut at random. */
static void it_is_first_in_first_out(void)
{
	static uint8_t all[200000];
	struct hl_buf b = hl_buf(5000);
	size_t first = 0, last = 0;
	uint64_t r = 1;

	draw_bytes(&r, all, sizeof all);
	while (last + 500 < sizeof all) {
		size_t n = draw_below(&r, 500);

		if (b.n + n <= b.max) {
			hl_buf_put(&b, hl_bytes(all + last, n));
			last += n;
		}
		n = draw_below(&r, draw_below(&r, 8) ? 300 : 5000);
		hl_buf_eat(&b, n);
		first += n < last - first ? n : last - first;
		n = draw_below(&r, b.n + 10);
		if (draw_below(&r, 16) == 0) {
			hl_buf_cut(&b, n);
			last = first + (n < last - first ? n : last - first);
		}
		CU_ASSERT(b.err == HL_OK &&
			  hl_bytes_eq(hl_buf_view(&b), hl_bytes(all + first, last - first)));
	}
	hl_buf_clear(&b);
}

/* -- the cursor -------------------------------------------------------------------------------- */

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static void read_all(struct hl_rd *r, uint64_t got[4])
{
	got[0] = hl_rd_u8(r);
	got[1] = hl_rd_u16(r);
	got[2] = hl_rd_u32(r);
	got[3] = hl_rd_u64(r);
}

static void what_was_put_is_read(void)
{
	struct hl_rd r = hl_rd(hl_bytes(bytes, sizeof bytes));
	uint64_t got[4];

	read_all(&r, got);
	CU_ASSERT(got[0] == 1 && got[1] == 0x0203 && got[2] == 0x04050607);
	CU_ASSERT_EQUAL(got[3], 0x08090a0b0c0d0e0f);
	CU_ASSERT_EQUAL(hl_rd_end(&r), HL_OK);
}

static void every_cut_fails_once_and_yields_zeros_from_there(void)
{
	static const size_t end[] = { 1, 3, 7, 15 }; /* of each number */
	uint64_t whole[4], got[4];
	struct hl_rd r = hl_rd(hl_bytes(bytes, sizeof bytes));

	read_all(&r, whole);
	for (size_t cut = 0; cut < sizeof bytes; cut++) {
		r = hl_rd(hl_bytes(bytes, cut));
		read_all(&r, got);
		CU_ASSERT_EQUAL(r.err, HL_E_SHORT);
		CU_ASSERT_EQUAL(hl_rd_end(&r), HL_E_SHORT);
		for (size_t i = 0; i < 4; i++)
			CU_ASSERT_EQUAL(got[i], cut >= end[i] ? whole[i] : 0);
	}
}

static void a_view_that_is_too_long_is_empty(void)
{
	struct hl_rd r = hl_rd(hl_bytes(bytes, 4));
	struct hl_bytes b = hl_rd_bytes(&r, 3);

	CU_ASSERT(b.p == bytes && b.n == 3);
	CU_ASSERT_EQUAL(hl_rd_end(&r), HL_E_TRAIL);
	b = hl_rd_bytes(&r, SIZE_MAX);
	CU_ASSERT(!b.p && b.n == 0 && r.err == HL_E_SHORT);
	CU_ASSERT_EQUAL(hl_rd_u8(&r), 0); /* there is one, but a failure is final */
	CU_ASSERT_EQUAL(hl_rd_end(&r), HL_E_SHORT);
}

static void nothing_can_be_read_from_nothing(void)
{
	struct hl_rd r = hl_rd((struct hl_bytes){ 0 });

	CU_ASSERT_EQUAL(hl_rd_end(&r), HL_OK);
	CU_ASSERT_EQUAL(hl_rd_bytes(&r, 0).n, 0);
	CU_ASSERT_EQUAL(hl_rd_end(&r), HL_OK);
	CU_ASSERT_EQUAL(hl_rd_u8(&r), 0);
	CU_ASSERT_EQUAL(hl_rd_end(&r), HL_E_SHORT);
}

static CU_TestInfo tests[] = {
	{ "views compare by content", views_compare_by_content },
	{ "a view becomes a C string only where it fits",
		a_view_becomes_a_c_string_only_where_it_fits },
	{ "hex goes there and back", hex_goes_there_and_back },
	{ "what is not hex is refused", what_is_not_hex_is_refused },
	{ "numbers are big-endian", numbers_are_big_endian },
	{ "the first failure sticks", the_first_failure_sticks },
	{ "it takes its maximum and not a byte more", it_takes_its_maximum_and_not_a_byte_more },
	{ "no size is too large to be refused", no_size_is_too_large_to_be_refused },
	{ "printed text may fill it", printed_text_may_fill_it },
	{ "room counts only once it is grown", room_counts_only_once_it_is_grown },
	{ "fitted, it holds its content and no more", fitted_it_holds_its_content_and_no_more },
	{ "it wipes what it gives up", it_wipes_what_it_gives_up },
	{ "moving to the front leaves nothing behind", moving_to_the_front_leaves_nothing_behind },
	{ "one buffer moves to another", one_buffer_moves_to_another },
	{ "it is first in, first out", it_is_first_in_first_out },
	{ "what was put is read", what_was_put_is_read },
	{ "every cut fails once and yields zeros from there",
		every_cut_fails_once_and_yields_zeros_from_there },
	{ "a view that is too long is empty", a_view_that_is_too_long_is_empty },
	{ "nothing can be read from nothing", nothing_can_be_read_from_nothing },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("bytes", tests)
