#include "client/os_dns.h"

#include <stdio.h>
#include <time.h>

#include "tests/support/answerer.h"
#include "tests/support/test.h"

/* Look it up as the blocking shell does. */
static struct client_dns *looked_up(const char *name, const struct hl_addr *resolver)
{
	struct client_dns *d = NULL;
	struct pollfd fds[8];
	int ms;

	CU_ASSERT_EQUAL_FATAL(client_dns_start(name, 2310, resolver, &d), HL_OK);
	for (;;) {
		size_t n = client_dns_fds(d, fds, HL_COUNT(fds), &ms);

		CU_ASSERT(ms >= 0 && ms <= 3000);
		if (poll(fds, n, ms) >= 0 && client_dns_step(d, fds, n))
			return d;
	}
}

static hl_err outcome(const char *name, const struct hl_addr *resolver)
{
	struct client_dns *d = looked_up(name, resolver);
	const struct hl_addr *list;
	size_t n;
	hl_err err = client_dns_result(d, &list, &n);

	client_dns_free(d);
	return err;
}

static void a_name_yields_its_addresses_with_the_port(void)
{
	struct answerer a = { 0 };
	struct client_dns *d;
	const struct hl_addr *list = NULL;
	char text[HL_ADDR_TEXT];
	size_t n = 0;

	answerer_start(&a);
	d = looked_up("pool.test", &a.addr);
	CU_ASSERT_EQUAL(client_dns_result(d, &list, &n), HL_OK);
	CU_ASSERT_EQUAL(n, 3);
	for (size_t i = 0; i < n; i++) {
		char want[HL_ADDR_TEXT];

		snprintf(want, sizeof want, "10.0.0.%zu:2310", i);
		hl_addr_text(&list[i], text);
		CU_ASSERT_STRING_EQUAL(text, want);
	}
	client_dns_free(d);
	answerer_stop(&a);
	CU_ASSERT_EQUAL(a.asked, 1);
}

static void a_name_without_dots_is_asked_as_it_is(void)
{
	struct answerer a = { 0 };

	answerer_start(&a);
	CU_ASSERT_EQUAL(outcome("pool", &a.addr), HL_OK);
	answerer_stop(&a);
	CU_ASSERT_EQUAL(a.asked, 1);
}

static void more_addresses_than_fit_are_cut(void)
{
	struct answerer a = { 0 };
	struct client_dns *d;
	const struct hl_addr *list;
	size_t n = 0;

	answerer_start(&a);
	d = looked_up("many.test", &a.addr);
	CU_ASSERT_EQUAL(client_dns_result(d, &list, &n), HL_OK);
	CU_ASSERT_EQUAL(n, CLIENT_DNS_MAX);
	client_dns_free(d);
	answerer_stop(&a);
}

static void a_missing_name_is_told_from_a_dead_resolver(void)
{
	struct answerer a = { 0 };
	struct hl_addr gone;

	answerer_start(&a);
	CU_ASSERT_EQUAL(outcome("none.test", &a.addr), HL_E_NAME);
	CU_ASSERT_EQUAL(outcome("empty.test", &a.addr), HL_E_NAME);
	CU_ASSERT_EQUAL(outcome("broken.test", &a.addr), HL_E_NAME_TIMEOUT);
	CU_ASSERT_EQUAL(outcome("cut.test", &a.addr), HL_E_NAME_TIMEOUT);
	gone = a.addr;
	answerer_stop(&a);
	/* The port is closed now: the kernel says so, and nobody waits. */
	CU_ASSERT_EQUAL(outcome("pool.test", &gone), HL_E_NAME_TIMEOUT);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void silence_ends_after_three_seconds(void)
{
	struct answerer a = { 0 };
	double begin = seconds();

	answerer_open(&a); /* takes what comes and never answers */
	CU_ASSERT_EQUAL(outcome("pool.test", &a.addr), HL_E_NAME_TIMEOUT);
	CU_ASSERT(seconds() - begin >= 2.9);
	CU_ASSERT(seconds() - begin < 6); /* a loaded machine is slow, a hanging lookup is slower */
	answerer_stop(&a);
}

static void a_numeric_address_is_its_own_answer(void)
{
	static const char *const name[] = { "127.1.2.11", "::1" };
	static const char *const want[] = { "127.1.2.11:2310", "[::1]:2310" };

	for (size_t i = 0; i < HL_COUNT(name); i++) {
		struct client_dns *d = looked_up(name[i], NULL);
		const struct hl_addr *list = NULL;
		char text[HL_ADDR_TEXT];
		size_t n = 0;

		CU_ASSERT_EQUAL(client_dns_result(d, &list, &n), HL_OK);
		CU_ASSERT_EQUAL(n, 1);
		hl_addr_text(&list[0], text);
		CU_ASSERT_STRING_EQUAL(text, want[i]);
		client_dns_free(d);
	}
}

static void names_that_cannot_be_are_refused(void)
{
	struct answerer a = { 0 };
	struct client_dns *d = NULL;
	char longest[HL_NAME_MAX + 2];

	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	CU_ASSERT_EQUAL(client_dns_start("", 1, NULL, &d), HL_E_ARG);
	CU_ASSERT_EQUAL(client_dns_start(NULL, 1, NULL, &d), HL_E_ARG);
	CU_ASSERT_EQUAL(client_dns_start(longest, 1, NULL, &d), HL_E_ARG);
	CU_ASSERT_PTR_NULL(d);
	answerer_start(&a);
	longest[100] = 0; /* RFC 1035 2.3.4: a label has 63 octets at most */
	CU_ASSERT_EQUAL(outcome(longest, &a.addr), HL_E_NAME);
	answerer_stop(&a);
	CU_ASSERT_EQUAL(a.asked, 0);
}

static void a_lookup_can_be_given_up_under_way(void)
{
	struct answerer a = { 0 };
	struct client_dns *d = NULL;
	const struct hl_addr *list;
	size_t n;

	answerer_open(&a);
	CU_ASSERT_EQUAL_FATAL(client_dns_start("pool.test", 1, &a.addr, &d), HL_OK);
	CU_ASSERT_EQUAL(client_dns_result(d, &list, &n), HL_E_DEFER);
	client_dns_free(d);
	client_dns_free(NULL);
	answerer_stop(&a);
}

static CU_TestInfo tests[] = {
	{ "a name yields its addresses with the port", a_name_yields_its_addresses_with_the_port },
	{ "a name without dots is asked as it is", a_name_without_dots_is_asked_as_it_is },
	{ "more addresses than fit are cut", more_addresses_than_fit_are_cut },
	{ "a missing name is told from a dead resolver",
		a_missing_name_is_told_from_a_dead_resolver },
	{ "silence ends after three seconds", silence_ends_after_three_seconds },
	{ "a numeric address is its own answer", a_numeric_address_is_its_own_answer },
	{ "names that cannot be are refused", names_that_cannot_be_are_refused },
	{ "a lookup can be given up under way", a_lookup_can_be_given_up_under_way },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("os_dns", tests)
