#include "lib/base/core.h"

#include <stdio.h>

#include "tests/support/draw.h"
#include "tests/support/test.h"

/* -- addresses --------------------------------------------------------------------------------- */

static bool same(const struct hl_addr *a, const struct hl_addr *b)
{
	return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, 16) == 0;
}

static struct hl_addr parsed(const char *text)
{
	struct hl_addr a = { 0 };

	CU_ASSERT_EQUAL(hl_addr_parse(text, &a), HL_OK);
	return a;
}

static void addresses_are_written_as_people_write_them(void)
{
	static const char *const text[] = { "127.1.2.11:2310", "[::1]:2310", "0.0.0.0:0", "[::]:0",
		"255.255.255.255:65535", "[2001:db8::7]:5300", "[::ffff:10.1.2.3]:80",
		"[1234:5678:9abc:def0:1234:5678:9abc:def0]:65535" };
	char out[HL_ADDR_TEXT];

	for (size_t i = 0; i < HL_COUNT(text); i++) {
		struct hl_addr a = parsed(text[i]);

		hl_addr_text(&a, out);
		CU_ASSERT_STRING_EQUAL(out, text[i]);
	}
	hl_addr_text(&(struct hl_addr){ .family = HL_UNIX }, out);
	CU_ASSERT_STRING_EQUAL(out, "unix");
	hl_addr_text(&(struct hl_addr){ 0 }, out);
	CU_ASSERT_STRING_EQUAL(out, "none");
}

static void what_is_written_is_read(void)
{
	char text[HL_ADDR_TEXT];
	uint64_t r = 1;

	for (size_t i = 0; i < 2000; i++) {
		struct hl_addr a = { .family = i % 2 ? HL_INET : HL_INET6,
			.port = (uint16_t)draw(&r) },
			       b;

		draw_bytes(&r, a.ip, a.family == HL_INET ? 4 : 16);
		memset(a.ip + draw_below(&r, 4), 0, draw_below(&r, 12)); /* "::" has its rules */
		if (a.family == HL_INET)
			memset(a.ip + 4, 0, 12);
		hl_addr_text(&a, text);
		b = parsed(text);
		CU_ASSERT(same(&a, &b));
	}
}

/* clang-format off */
static const char *const bad[] = {
	"", ":", "::", "1", "80", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:x", "127.0.0.1:80x",
	"127.0.0.1: 80", "127.0.0.1:+80", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:655350",
	"127.0.0.1:18446744073709551696", "127.0.0.1:0x50", "127.0.0:80", "127.0.0.1.1:80",
	"127.0.0.256:80", "127.0.0.01:80", "127..0.1:80", " 127.0.0.1:80", "127.0.0.1 :80",
	"127.0.0.1:80 ", "127.0.0.1:80:80", "127.0.0.1:80\n", "127.0.0.1.:80", ".127.0.0.1:80",
	"2130706433:80", "localhost:80", "unix", "none", "unix:1", "[]:80", "[:80", "]:80", "[::1]",
	"[::1]80", "[::1]:", "[::1]:65536", "[::1:80", "::1]:80", "::1:80", "[::g]:80", "[:::]:80",
	"[1:2:3:4:5:6:7:8:9]:80", "[1:2:3:4:5:6:7]:80", "[12345::]:80", "[::1%lo]:80", "[[::1]]:80",
	"[127.0.0.1]:80", "[::1] :80", "[::ffff:1.2.3]:80",
	"[1234:5678:9abc:def0:1234:5678:255.255.255.255.255]:80",
	"1111111111111111111111111111111111111111111111111111111111111111111111111111111111:80",
};
/* clang-format on */

static void bad_spellings_are_refused(void)
{
	struct hl_addr old = { .family = HL_INET, .ip = { 9 }, .port = 9 }, a = old;

	for (size_t i = 0; i < HL_COUNT(bad); i++) {
		if (hl_addr_parse(bad[i], &a) != HL_E_RANGE)
			CU_FAIL(bad[i]);
		CU_ASSERT(same(&a, &old));
	}
}

static void a_host_is_the_same_at_every_port_and_in_both_families(void)
{
	struct hl_addr a = parsed("10.1.2.3:80"), b = parsed("10.1.2.3:81"),
		       other = parsed("10.1.2.4:80");
	struct hl_addr mapped = parsed("[::ffff:10.1.2.3]:9"), six = parsed("[2001:db8::1]:80");
	struct hl_addr also_six = parsed("[2001:db8::1]:81"),
		       not_mapped = parsed("[::10.1.2.3]:80");
	struct hl_addr local = { .family = HL_UNIX }, none = { 0 };

	CU_ASSERT(hl_addr_same_host(&a, &b));
	CU_ASSERT(hl_addr_same_host(&a, &mapped) && hl_addr_same_host(&mapped, &a));
	CU_ASSERT(hl_addr_same_host(&six, &also_six));
	CU_ASSERT(!hl_addr_same_host(&a, &other) && !hl_addr_same_host(&other, &mapped));
	CU_ASSERT(!hl_addr_same_host(&a, &not_mapped) && !hl_addr_same_host(&not_mapped, &mapped));
	CU_ASSERT(!hl_addr_same_host(&a, &six) && !hl_addr_same_host(&six, &a));
	/* The first bytes agree, the families do not. */
	memcpy(six.ip, a.ip, sizeof six.ip);
	CU_ASSERT(!hl_addr_same_host(&a, &six));
	CU_ASSERT(!hl_addr_same_host(&local, &local) && !hl_addr_same_host(&none, &none));
	CU_ASSERT(!hl_addr_same_host(&none, &a) && !hl_addr_same_host(&a, &local));
}

/* -- wishes ------------------------------------------------------------------------------------ */

static void wishes_come_in_the_order_they_were_made(void)
{
	struct hl_wishes w = { 0 };
	struct hl_wish got;
	uint32_t put = 0, taken = 0;
	uint64_t r = 1;

	/* More is put than taken, then the other way round: the ring grows and turns. */
	for (size_t i = 0; i < 4000; i++) {
		if (draw_below(&r, 4000) > i)
			hl_wishes_put(
				&w, &(struct hl_wish){ .kind = HL_WISH_CLOSE, .port = put++ });
		else if (hl_wishes_take(&w, 0, &got))
			CU_ASSERT(got.kind == HL_WISH_CLOSE && got.port == taken++);
		CU_ASSERT_EQUAL(w.n, put - taken);
	}
	while (hl_wishes_take(&w, 0, &got))
		CU_ASSERT_EQUAL(got.port, taken++);
	CU_ASSERT(put == taken && put > 1000 && w.err == HL_OK);
	hl_wishes_clear(&w);
}

static void a_deadline_is_told_last_and_only_when_it_changed(void)
{
	struct hl_wishes w = { 0 };
	struct hl_wish got;

	CU_ASSERT(!hl_wishes_take(&w, 0, &got)); /* none, as at the beginning */
	hl_wish_close(&w, 7, false);
	CU_ASSERT(hl_wishes_take(&w, 100, &got) && got.kind == HL_WISH_CLOSE);
	CU_ASSERT(hl_wishes_take(&w, 100, &got) && got.kind == HL_WISH_WAIT && got.at_us == 100);
	CU_ASSERT(!hl_wishes_take(&w, 100, &got));
	hl_wish_close(&w, 8, false);
	CU_ASSERT(hl_wishes_take(&w, 100, &got) && got.kind == HL_WISH_CLOSE);
	CU_ASSERT(!hl_wishes_take(&w, 100, &got));
	CU_ASSERT(hl_wishes_take(&w, 99, &got) && got.kind == HL_WISH_WAIT && got.at_us == 99);
	CU_ASSERT(hl_wishes_take(&w, 0, &got) && got.kind == HL_WISH_WAIT && got.at_us == 0);
	CU_ASSERT(!hl_wishes_take(&w, 0, &got));
	hl_wishes_clear(&w);
}

static void each_wish_carries_what_it_was_given(void)
{
	struct hl_addr addr = parsed("10.1.2.3:80");
	struct hl_wishes w = { 0 };
	char name[HL_NAME_MAX + 1];
	struct hl_wish got;

	memset(name, 'n', HL_NAME_MAX);
	name[HL_NAME_MAX] = 0;
	hl_wish_dial(&w, 1, &addr, 11);
	hl_wish_relay(&w, 2, 3);
	hl_wish_resolve(&w, 4, name, 12);
	hl_wish_close(&w, 5, true);
	hl_wish_send(&w, 6);
	CU_ASSERT(hl_wishes_take(&w, 0, &got) && got.kind == HL_WISH_DIAL && got.port == 1);
	CU_ASSERT(same(&got.addr, &addr) && got.at_us == 11);
	CU_ASSERT(hl_wishes_take(&w, 0, &got) && got.kind == HL_WISH_RELAY);
	CU_ASSERT(got.port == 2 && got.other == 3);
	CU_ASSERT(hl_wishes_take(&w, 0, &got) && got.kind == HL_WISH_RESOLVE && got.port == 4);
	CU_ASSERT_STRING_EQUAL(got.name, name);
	CU_ASSERT_EQUAL(got.at_us, 12);
	CU_ASSERT(hl_wishes_take(&w, 0, &got) && got.kind == HL_WISH_CLOSE && got.port == 5 &&
		  got.drain);
	CU_ASSERT(hl_wishes_take(&w, 0, &got) && got.kind == HL_WISH_SEND && got.port == 6);
	CU_ASSERT(!hl_wishes_take(&w, 0, &got));
	hl_wishes_clear(&w);
}

static void sending_twice_in_a_row_is_one_wish(void)
{
	static const uint32_t expect[] = { 1, 2, 1 };
	struct hl_wishes w = { 0 };
	struct hl_wish got;

	hl_wish_send(&w, 1);
	hl_wish_send(&w, 1);
	hl_wish_send(&w, 2);
	hl_wish_send(&w, 1); /* behind the other: order between ports is kept */
	hl_wish_send(&w, 1);
	for (size_t i = 0; i < HL_COUNT(expect); i++)
		CU_ASSERT(hl_wishes_take(&w, 0, &got) && got.port == expect[i]);
	CU_ASSERT(!hl_wishes_take(&w, 0, &got));
	hl_wish_close(&w, 1, true);
	hl_wish_send(&w, 1);
	CU_ASSERT_EQUAL(w.n, 2);
	hl_wishes_clear(&w);
	CU_ASSERT(!hl_wishes_take(&w, 0, &got));
}

static CU_TestInfo tests[] = {
	{ "addresses are written as people write them",
		addresses_are_written_as_people_write_them },
	{ "what is written is read", what_is_written_is_read },
	{ "bad spellings are refused", bad_spellings_are_refused },
	{ "a host is the same at every port and in both families",
		a_host_is_the_same_at_every_port_and_in_both_families },
	{ "wishes come in the order they were made", wishes_come_in_the_order_they_were_made },
	{ "a deadline is told last and only when it changed",
		a_deadline_is_told_last_and_only_when_it_changed },
	{ "each wish carries what it was given", each_wish_carries_what_it_was_given },
	{ "sending twice in a row is one wish", sending_twice_in_a_row_is_one_wish },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("core", tests)
