/* Lines of a partition's log: their grammar, and that nobody can forge a part of one; dates. */
#include "hsm/line.h"
#include "lib/base/date.h"
#include "tests/support/test.h"

/* 2026-02-03 10:11:12 UTC */
#define WHEN INT64_C(1770113472000)

static bool is(const struct hl_buf *b, const char *text)
{
	bool same = b->err == HL_OK && hl_bytes_eq(hl_buf_view(b), hl_text(text));

	if (!same)
		fprintf(stderr, "it says: %.*s\n", (int)b->n, (const char *)hl_buf_view(b).p);
	return same;
}

static bool head_is(int64_t wall_ms, enum hsm_severity severity, enum hsm_facility facility, const char *text)
{
	HL_AUTO(hl_buf_clear) struct hl_buf b = hl_buf(256);

	hsm_line_head(&b, wall_ms, "hsm1", severity, facility);
	return is(&b, text);
}

static void the_head_is_that_of_the_product(void)
{
	CU_ASSERT(head_is(WHEN, HSM_NOTICE, HSM_BY_PKCS11, "2026 Feb  3 10:11:12 UTC hsm1 notice PKCS Process: "));
	CU_ASSERT(head_is(WHEN + 999, HSM_INFO, HSM_CRYPTO, "2026 Feb  3 10:11:12 UTC hsm1 info Crypto Process: "));
	CU_ASSERT(head_is(INT64_C(1798761599000), HSM_ERR, HSM_CRYPTO, "2026 Dec 31 23:59:59 UTC hsm1 err Crypto Process: "));
	CU_ASSERT(head_is(-1, HSM_ERR, HSM_CRYPTO, "1970 Jan  1 00:00:00 UTC hsm1 err Crypto Process: "));
}

static bool name_is(struct hl_bytes name, const char *text)
{
	HL_AUTO(hl_buf_clear) struct hl_buf b = hl_buf(1024);

	hsm_line_name(&b, name);
	return is(&b, text);
}

static bool quoted_is(struct hl_bytes text, const char *want)
{
	HL_AUTO(hl_buf_clear) struct hl_buf b = hl_buf(1024);

	hsm_line_quoted(&b, text);
	return is(&b, want);
}

static void what_others_chose_cannot_look_like_another_part(void)
{
	CU_ASSERT(name_is(hl_text("app@host:[::1]"), "app@host:[::1]"));
	CU_ASSERT(name_is(hl_text(""), "-"));
	CU_ASSERT(name_is(hl_text("a, Protocol: jce"), "a\\x2c\\x20Protocol:\\x20jce"));
	CU_ASSERT(name_is(hl_text("a\\x20b"), "a\\x5cx20b"));
	CU_ASSERT(name_is(hl_text("a\n2026 Feb"), "a\\x0a2026\\x20Feb"));
	CU_ASSERT(name_is(hl_bytes("a\0b", 3), "a\\x00b"));
	CU_ASSERT(quoted_is(hl_text("my key"), "'my key'"));
	CU_ASSERT(quoted_is(hl_text(""), "''"));
	CU_ASSERT(quoted_is(hl_text("it's, handle 0x1"), "'it\\x27s, handle 0x1'"));
	CU_ASSERT(quoted_is(hl_text("\\x27"), "'\\x5cx27'"));
	CU_ASSERT(quoted_is(hl_text("\x1b[2J\xc2\x9b\xe2\x80\xae"), "'\\x1b[2J\\xc2\\x9b\\xe2\\x80\\xae'"));
}

static void every_byte_is_printable_in_the_end(void)
{
	for (unsigned c = 0; c < 256; c++) {
		HL_AUTO(hl_buf_clear) struct hl_buf b = hl_buf(64);
		uint8_t byte = (uint8_t)c;
		struct hl_bytes all;

		hsm_line_name(&b, hl_bytes(&byte, 1));
		CU_ASSERT(b.n == 1 || b.n == 4);
		hsm_line_quoted(&b, hl_bytes(&byte, 1));
		all = hl_buf_view(&b);
		for (size_t i = 0; i < all.n; i++)
			CU_ASSERT(all.p[i] >= ' ' && all.p[i] <= '~');
	}
}

static void each_day_is_read_back(void)
{
	const int64_t day_ms = 86400000;
	struct hl_date d, before = { 0 };
	int64_t ms;

	for (int64_t at = 0; at < 366 * 200 * day_ms; at += day_ms, before = d) {
		CU_ASSERT_EQUAL(hl_date_of(at, &d), HL_OK);
		CU_ASSERT_EQUAL(hl_date_begin(&d, &ms), HL_OK);
		CU_ASSERT_EQUAL(ms, at);
		CU_ASSERT(d.year > before.year || d.month > before.month || d.day == before.day + 1);
	}
	CU_ASSERT_EQUAL(hl_date_of(WHEN, &d), HL_OK);
	CU_ASSERT(d.year == 2026 && d.month == 2 && d.day == 3);
}

static void days_that_there_are_not_are_refused(void)
{
	static const struct hl_date none[] = { { 2026, 2, 29 }, { 2100, 2, 29 }, { 2026, 13, 1 }, { 2026, 0, 1 },
		{ 2026, 1, 0 }, { 2026, 4, 31 }, { 1969, 12, 31 }, { 10000, 1, 1 }, { 2026, 1, 4294967295u },
		{ 2026, 4294967295u, 1 } };
	static const struct hl_date some[] = { { 2024, 2, 29 }, { 2000, 2, 29 }, { 1970, 1, 1 }, { 9999, 12, 31 } };
	struct hl_date d;
	int64_t ms = 7;

	for (size_t i = 0; i < HL_COUNT(none); i++)
		CU_ASSERT_EQUAL(hl_date_begin(&none[i], &ms), HL_E_RANGE);
	CU_ASSERT_EQUAL(ms, 7);
	for (size_t i = 0; i < HL_COUNT(some); i++)
		CU_ASSERT_EQUAL(hl_date_begin(&some[i], &ms), HL_OK);
	CU_ASSERT_EQUAL(hl_date_of(ms + 86400000, &d), HL_E_RANGE);
	CU_ASSERT_EQUAL(hl_date_of(-1, &d), HL_E_RANGE);
}

static CU_TestInfo tests[] = {
	{ "the head is that of the product", the_head_is_that_of_the_product },
	{ "what others chose cannot look like another part", what_others_chose_cannot_look_like_another_part },
	{ "every byte is printable in the end", every_byte_is_printable_in_the_end },
	{ "each day is read back", each_day_is_read_back },
	{ "days that there are not are refused", days_that_there_are_not_are_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("line", tests)
