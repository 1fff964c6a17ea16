#include "directory/store.h"
#include "tests/support/test.h"

#include <stdio.h>

#define LONG_ADDRESS "1111:2222:3333:4444:5555:6666:7777:8888"

/* clang-format off */
static const struct { const char *range, *peer; bool holds; } cases[] = {
	{ "192.0.2.7",              "192.0.2.7:1",              true },
	{ "192.0.2.7",              "192.0.2.8:1",              false },
	{ "192.0.2.7/32",           "192.0.2.7:65535",          true },
	{ "192.0.2.7/32",           "192.0.2.6:1",              false },
	{ "0.0.0.0/0",              "203.0.113.9:1",            true },
	{ "0.0.0.0/0",              "[2001:db8::1]:1",          false },
	{ "10.0.0.0/8",             "10.255.255.255:1",         true },
	{ "10.0.0.0/8",             "11.0.0.0:1",               false },
	{ "10.1.2.3/8",             "10.9.9.9:1",               true }, /* bits after the prefix do not matter */
	{ "198.51.100.128/25",      "198.51.100.128:1",         true },
	{ "198.51.100.128/25",      "198.51.100.127:1",         false },
	{ "198.51.100.0/31",        "198.51.100.1:1",           true },
	{ "198.51.100.0/31",        "198.51.100.2:1",           false },
	{ "128.0.0.0/1",            "255.0.0.1:1",              true },
	{ "128.0.0.0/1",            "127.0.0.1:1",              false },
	{ "192.0.2.0/24",           "[::ffff:192.0.2.9]:1",     true },
	{ "192.0.2.0/24",           "[::ffff:192.0.3.9]:1",     false },
	{ "::ffff:192.0.2.0/120",   "192.0.2.200:1",            true },
	{ "::ffff:192.0.2.0/120",   "192.0.3.200:1",            false },
	{ "::ffff:192.0.2.7",       "192.0.2.7:1",              true },
	{ "::ffff:0.0.0.0/96",      "192.0.2.7:1",              true },
	{ "::1",                    "[::1]:1",                  true },
	{ "::1",                    "[::2]:1",                  false },
	{ "::1",                    "0.0.0.1:1",                false },
	{ "::/0",                   "[2001:db8::1]:1",          true },
	{ "::/0",                   "192.0.2.7:1",              false },
	{ "::/0",                   "[::ffff:192.0.2.7]:1",     false },
	{ "2001:db8::/32",          "[2001:db8:ffff::1]:1",     true },
	{ "2001:db8::/32",          "[2001:db9::1]:1",          false },
	{ "2001:db8::/33",          "[2001:db8:7fff::1]:1",     true },
	{ "2001:db8::/33",          "[2001:db8:8000::1]:1",     false },
	{ "2001:db8::1/128",        "[2001:db8::1]:1",          true },
	{ LONG_ADDRESS "/127",      "[1111:2222:3333:4444:5555:6666:7777:8889]:1", true },
};

static const char *const garbage[] = {
	"", "/", "/8", " 10.0.0.0/8", "10.0.0.0/8 ", "10.0.0.0 /8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
	"10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/00", "10.0.0.0/8/8", "10.0.0.0/0x8", "10.0.0.0/4294967304",
	"10.0.0/8", "10.0.0.256", "010.0.0.1", "1.2.3.4.5", "10.0.0.0/8,11.0.0.0/8", "any", "*", "localhost",
	"::1/129", "[::1]", "[::1]:2300", "127.0.0.1:2300", "fe80::1%lo", ":::", "1::2::3", "12345::",
	"::ffff:192.0.2.0/95", "::ffff:0.0.0.0/0", LONG_ADDRESS LONG_ADDRESS, "'; DROP TABLE allowed; --",
};
/* clang-format on */

static void a_range_holds_its_hosts_and_no_others(void)
{
	for (size_t i = 0; i < HL_COUNT(cases); i++) {
		struct hl_addr peer;

		CU_ASSERT_EQUAL_FATAL(hl_addr_parse(cases[i].peer, &peer), HL_OK);
		CU_ASSERT_EQUAL(dir_range_check(hl_text(cases[i].range)), HL_OK);
		if (dir_range_holds(cases[i].range, &peer) != cases[i].holds) {
			fprintf(stderr, "%s and %s\n", cases[i].range, cases[i].peer);
			CU_FAIL("a range is wrong about a host");
		}
	}
}

static void garbage_is_no_range_and_holds_nobody(void)
{
	struct hl_addr v4, v6;

	CU_ASSERT_EQUAL_FATAL(hl_addr_parse("10.0.0.1:1", &v4), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_addr_parse("[::1]:1", &v6), HL_OK);
	for (size_t i = 0; i < HL_COUNT(garbage); i++) {
		if (dir_range_check(hl_text(garbage[i])) != HL_E_RANGE) {
			fprintf(stderr, "%s\n", garbage[i]);
			CU_FAIL("garbage is taken for a range");
		}
		CU_ASSERT_FALSE(dir_range_holds(garbage[i], &v4));
		CU_ASSERT_FALSE(dir_range_holds(garbage[i], &v6));
	}
}

static void a_nul_inside_is_not_the_end(void)
{
	CU_ASSERT_EQUAL(dir_range_check(hl_bytes("10.0.0.0\0/8", 11)), HL_E_RANGE);
	CU_ASSERT_EQUAL(dir_range_check(hl_bytes("10.0.0.0\0", 9)), HL_E_RANGE);
}

static void peers_without_an_address_are_in_no_range(void)
{
	struct hl_addr local = { .family = HL_UNIX }, none = { 0 };

	CU_ASSERT_FALSE(dir_range_holds("0.0.0.0/0", &local));
	CU_ASSERT_FALSE(dir_range_holds("::/0", &local));
	CU_ASSERT_FALSE(dir_range_holds("0.0.0.0/0", &none));
	CU_ASSERT_FALSE(dir_range_holds("::/0", &none));
}

static void every_cut_gives_a_range_or_an_error(void)
{
	static const char text[] = "::ffff:192.0.2.0/120";

	for (size_t n = 0; n < sizeof text; n++) {
		hl_err err = dir_range_check(hl_bytes(text, n));

		CU_ASSERT(err == HL_OK || err == HL_E_RANGE);
	}
}

static CU_TestInfo tests[] = {
	{ "a range holds its hosts and no others", a_range_holds_its_hosts_and_no_others },
	{ "garbage is no range and holds nobody", garbage_is_no_range_and_holds_nobody },
	{ "a NUL inside is not the end", a_nul_inside_is_not_the_end },
	{ "peers without an address are in no range", peers_without_an_address_are_in_no_range },
	{ "every cut gives a range or an error", every_cut_gives_a_range_or_an_error },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("range", tests)
