#include "client/os_dns.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "tests/support/test.h"

/* A resolver with one behaviour, which the first label of the name chooses. */
struct answerer {
	int fd;
	struct hl_addr addr;
	pthread_t thread;
	bool running;
	unsigned asked;
};

#define HEADER 12
#define RR_A 16

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* The length of the question that follows the header; 0 where it is broken. */
static size_t question(const uint8_t *q, size_t n)
{
	size_t at = HEADER;

	while (at < n && q[at] != 0)
		at += 1u + q[at];
	return at + 5 <= n ? at + 5 - HEADER : 0;
}

/* A records 10.0.x.y, each with a pointer to the name in the question (RFC 1035 4.1.4). */
static size_t put_records(uint8_t *out, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		/* name, type A, class IN, 5 s, 4 bytes */
		static const uint8_t fixed[] = { 0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4,
			10, 0 };

		memcpy(out + i * RR_A, fixed, sizeof fixed);
		put16(out + i * RR_A + sizeof fixed, i);
	}
	return (size_t)count * RR_A;
}

/* clang-format off */
static const struct { const char *label; unsigned rcode, records, cut; } behaviours[] = {
	{ "pool",   0,  3, 0 },
	{ "many",   0, 70, 0 },
	{ "none",   3,  0, 0 },
	{ "empty",  0,  0, 0 },
	{ "broken", 2,  0, 0 },
	{ "cut",    0,  3, 7 },
};
/* clang-format on */

static size_t answer(uint8_t *q, size_t n, uint8_t *out)
{
	size_t length = n > HEADER ? question(q, n) : 0;

	if (length == 0)
		return 0;
	for (size_t i = 0; i < HL_COUNT(behaviours); i++) {
		size_t label = strlen(behaviours[i].label);

		if (q[HEADER] != label || memcmp(q + HEADER + 1, behaviours[i].label, label) != 0)
			continue;
		memcpy(out, q, HEADER + length);
		out[2] = 0x81; /* a response, to a query with recursion desired */
		out[3] = (uint8_t)(0x80 | behaviours[i].rcode);
		put16(out + 6, behaviours[i].records);
		put16(out + 8, 0);
		put16(out + 10, 0);
		n = HEADER + length + put_records(out + HEADER + length, behaviours[i].records);
		return n - behaviours[i].cut;
	}
	return 0;
}

/* Until an empty datagram comes. */
static void *serve(void *at)
{
	struct answerer *a = at;
	uint8_t q[1500], out[1500];
	struct sockaddr_in from;

	for (;;) {
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(a->fd, q, sizeof q, 0, (struct sockaddr *)&from, &size);
		size_t length;

		if (n <= 0)
			return NULL;
		a->asked++;
		length = answer(q, (size_t)n, out);
		if (length > 0 && sendto(a->fd, out, length, 0, (struct sockaddr *)&from, size) < 0)
			return NULL;
	}
}

static void open_socket(struct answerer *a)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof sin;

	a->fd = socket(AF_INET, SOCK_DGRAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(a->fd, (struct sockaddr *)&sin, sizeof sin), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(a->fd, (struct sockaddr *)&sin, &size), 0);
	a->addr = (struct hl_addr){ .family = HL_INET, .port = ntohs(sin.sin_port) };
	memcpy(a->addr.ip, &sin.sin_addr, 4);
}

static void start(struct answerer *a)
{
	open_socket(a);
	a->running = pthread_create(&a->thread, NULL, serve, a) == 0;
	CU_ASSERT(a->running);
}

static void stop(struct answerer *a)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(a->addr.port) };

	memcpy(&sin.sin_addr, a->addr.ip, 4);
	if (a->running) {
		CU_ASSERT_EQUAL(sendto(a->fd, "", 0, 0, (struct sockaddr *)&sin, sizeof sin), 0);
		pthread_join(a->thread, NULL);
	}
	close(a->fd);
}

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

	start(&a);
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
	stop(&a);
	CU_ASSERT_EQUAL(a.asked, 1);
}

static void a_name_without_dots_is_asked_as_it_is(void)
{
	struct answerer a = { 0 };

	start(&a);
	CU_ASSERT_EQUAL(outcome("pool", &a.addr), HL_OK);
	stop(&a);
	CU_ASSERT_EQUAL(a.asked, 1);
}

static void more_addresses_than_fit_are_cut(void)
{
	struct answerer a = { 0 };
	struct client_dns *d;
	const struct hl_addr *list;
	size_t n = 0;

	start(&a);
	d = looked_up("many.test", &a.addr);
	CU_ASSERT_EQUAL(client_dns_result(d, &list, &n), HL_OK);
	CU_ASSERT_EQUAL(n, CLIENT_DNS_MAX);
	client_dns_free(d);
	stop(&a);
}

static void a_missing_name_is_told_from_a_dead_resolver(void)
{
	struct answerer a = { 0 };
	struct hl_addr gone;

	start(&a);
	CU_ASSERT_EQUAL(outcome("none.test", &a.addr), HL_E_NAME);
	CU_ASSERT_EQUAL(outcome("empty.test", &a.addr), HL_E_NAME);
	CU_ASSERT_EQUAL(outcome("broken.test", &a.addr), HL_E_NAME_TIMEOUT);
	CU_ASSERT_EQUAL(outcome("cut.test", &a.addr), HL_E_NAME_TIMEOUT);
	gone = a.addr;
	stop(&a);
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

	open_socket(&a); /* takes what comes and never answers */
	CU_ASSERT_EQUAL(outcome("pool.test", &a.addr), HL_E_NAME_TIMEOUT);
	CU_ASSERT(seconds() - begin >= 2.9);
	CU_ASSERT(seconds() - begin < 6); /* a loaded machine is slow, a hanging lookup is slower */
	stop(&a);
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
	start(&a);
	longest[100] = 0; /* RFC 1035 2.3.4: a label has 63 octets at most */
	CU_ASSERT_EQUAL(outcome(longest, &a.addr), HL_E_NAME);
	stop(&a);
	CU_ASSERT_EQUAL(a.asked, 0);
}

static void a_lookup_can_be_given_up_under_way(void)
{
	struct answerer a = { 0 };
	struct client_dns *d = NULL;
	const struct hl_addr *list;
	size_t n;

	open_socket(&a);
	CU_ASSERT_EQUAL_FATAL(client_dns_start("pool.test", 1, &a.addr, &d), HL_OK);
	CU_ASSERT_EQUAL(client_dns_result(d, &list, &n), HL_E_DEFER);
	client_dns_free(d);
	client_dns_free(NULL);
	stop(&a);
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
