/* What primus.cfg says of hosts and of waiting, and what the provider does: whom it asks first, who is next, how long half
 * an answer is waited for, when it connects at all. Three proxies, each a host of its own, one HSM, and a relay of the test
 * in front of that.
 *
 *	application, provider ---> proxy1, 2, 3 ---> relay ---> hsm1 */
#include <stdio.h>

#include "client/link.h"
#include "lib/os/clock.h"
#include "tests/support/lines.h"
#include "tests/support/p11.h"
#include "tests/support/relay.h"
#include "tests/support/test.h"

#define PROXIES 3

static struct live *w;
static struct relay *relay;
static struct live_account acme;
static struct p11_client client;
static char proxy_at[PROXIES][HL_ADDR_TEXT];

#define IS(code, call) CU_ASSERT_EQUAL(p11_f->call, CKR_##code)

/* -- who is asked -------------------------------------------------------------------------------------------------- */

/* The proxies with these priorities; below 0: it is not in the file. */
static void hosts_are(int first, int second, int third)
{
	const int priority[PROXIES] = { first, second, third };
	struct p11_host host[PROXIES];
	size_t n = 0;

	for (size_t i = 0; i < PROXIES; i++)
		if (priority[i] >= 0)
			host[n++] = (struct p11_host){ proxy_at[i], (unsigned)priority[i] };
	CU_ASSERT(p11_hosts(&client, &acme, host, n));
}

static CK_SESSION_HANDLE begin(void)
{
	CK_SESSION_HANDLE s = 0;

	IS(OK, C_Initialize(NULL));
	IS(OK, C_OpenSession(P11_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &s));
	return s;
}

static void ask(CK_SESSION_HANDLE s)
{
	CK_BYTE byte;

	IS(OK, C_GenerateRandom(s, &byte, 1));
}

/* The proxy, from 1, that the connection of now goes through; 0: the test has failed. */
static unsigned serving(void)
{
	char connection[33] = "", name[16] = "";
	unsigned n = 0;

	CU_ASSERT(p11_connection(&client, connection));
	CU_ASSERT(lines_member(w, "proxy", connection, "hello.proxy", name));
	CU_ASSERT_EQUAL(sscanf(name, "proxy%u", &n), 1);
	return n;
}

static bool kill_proxy(unsigned n)
{
	char name[16];

	snprintf(name, sizeof name, "proxy%u", n);
	return live_kill(w, name);
}

static bool restart_proxy(unsigned n)
{
	char name[16];

	snprintf(name, sizeof name, "proxy%u", n);
	return live_restart(w, name);
}

/* With three hosts, sixty times the same two by chance: once in ten thousand million. */
static void the_first_choice_is_drawn_among_the_best(void)
{
	unsigned seen[PROXIES + 1] = { 0 }, different = 0;

	hosts_are(3, 3, 3);
	for (int i = 0; i < 60 && different < PROXIES; i++) {
		begin();
		different += seen[serving()]++ == 0;
		p11_over();
	}
	CU_ASSERT_EQUAL(different, PROXIES);
}

static void who_has_the_best_priority_serves_whatever_the_order_of_the_file(void)
{
	hosts_are(2, 0, 1);
	for (int i = 0; i < 5; i++) {
		begin();
		CU_ASSERT_EQUAL(serving(), 2);
		p11_over();
	}
}

/* The next connection is the next host's, round the hosts of the best priority. */
static void hosts_of_one_priority_take_turns(void)
{
	CK_SESSION_HANDLE s;
	unsigned was;

	hosts_are(0, 0, 0);
	s = begin();
	for (int i = 0; i < 4; i++) {
		was = serving();
		CU_ASSERT(kill_proxy(was));
		ask(s);
		CU_ASSERT_EQUAL(serving(), was % PROXIES + 1);
		CU_ASSERT(restart_proxy(was));
	}
	p11_over();
}

static void the_next_priority_is_for_when_no_host_of_a_better_one_answers(void)
{
	CK_SESSION_HANDLE s;

	hosts_are(5, 0, 127);
	s = begin();
	CU_ASSERT_EQUAL(serving(), 2);
	CU_ASSERT(kill_proxy(2));
	ask(s);
	CU_ASSERT_EQUAL(serving(), 1);
	CU_ASSERT(kill_proxy(1));
	ask(s);
	CU_ASSERT_EQUAL(serving(), 3);
	CU_ASSERT(restart_proxy(1) && restart_proxy(2));
	ask(s); /* a connection that stands is not left for a better one */
	CU_ASSERT_EQUAL(serving(), 3);
	CU_ASSERT(kill_proxy(3));
	ask(s);
	CU_ASSERT_EQUAL(serving(), 2);
	CU_ASSERT(restart_proxy(3));
	p11_over();
}

static void a_host_that_does_not_answer_or_has_no_address_is_passed_over(void)
{
	const struct p11_host host[] = { { "nowhere.hsmlet.test", 0 }, { proxy_at[0], 1 }, { proxy_at[1], 2 } };

	CU_ASSERT(p11_hosts(&client, &acme, host, HL_COUNT(host)));
	CU_ASSERT(live_pause(w, "proxy1"));
	begin();
	CU_ASSERT_EQUAL(serving(), 2);
	p11_over();
	CU_ASSERT(live_resume(w, "proxy1"));
}

static void all_hosts_are_asked_before_there_is_no_token(void)
{
	const struct line dialled = { .step = "dns.pick", .way = "did" };
	CK_SESSION_HANDLE s;
	int before, after;
	CK_BYTE byte;

	hosts_are(0, 1, 1);
	s = begin();
	CU_ASSERT(kill_proxy(1) && kill_proxy(2) && kill_proxy(3));
	IS(TOKEN_NOT_PRESENT, C_GenerateRandom(s, &byte, 1)); /* what is sent tells that the connection is gone */
	before = lines_count(client.files.trace, &dialled);
	IS(TOKEN_NOT_PRESENT, C_OpenSession(P11_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &s));
	after = lines_count(client.files.trace, &dialled);
	CU_ASSERT_EQUAL(after - before, CLIENT_ROUNDS * PROXIES);
	CU_ASSERT(restart_proxy(3));
	IS(OK, C_OpenSession(P11_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &s));
	CU_ASSERT_EQUAL(serving(), 3);
	CU_ASSERT(restart_proxy(1) && restart_proxy(2));
	p11_over();
}

/* -- waiting ----------------------------------------------------------------------------------------------------------- */

/* Longer than by default, so that it is the file's. */
static void half_an_answer_is_waited_for_as_long_as_the_file_says(void)
{
	const int64_t patience_us = 2000000;
	unsigned stalls = relay_stalls(relay);
	CK_SESSION_HANDLE s;
	int64_t begun;

	hosts_are(0, 0, 0);
	CU_ASSERT(p11_set(&client, "primus.wait_delay", "400") && p11_set(&client, "primus.wait_max_tries", "5"));
	s = begin();
	relay_stall_answer(relay);
	begun = hl_clock_mono_us();
	ask(s);
	CU_ASSERT(hl_clock_mono_us() - begun >= patience_us);
	CU_ASSERT(hl_clock_mono_us() - begun < CLIENT_CALL_MS * INT64_C(1000));
	CU_ASSERT_EQUAL(relay_stalls(relay), stalls + 1);
	p11_over();
	CU_ASSERT(p11_set(&client, "primus.wait_delay", "250") && p11_set(&client, "primus.wait_max_tries", "5"));
}

static void connecting_waits_for_the_first_call_where_the_file_says_so(void)
{
	const struct line dialled = { .step = "dns.pick", .way = "did" };
	CK_SESSION_HANDLE s;
	int before;

	hosts_are(0, 0, 0);
	before = lines_count(client.files.trace, &dialled);
	IS(OK, C_Initialize(NULL));
	CU_ASSERT_EQUAL(lines_count(client.files.trace, &dialled), before + 1);
	p11_over();
	CU_ASSERT(p11_set(&client, "primus.connect_on_init", "false"));
	IS(OK, C_Initialize(NULL));
	CU_ASSERT_EQUAL(lines_count(client.files.trace, &dialled), before + 1);
	IS(OK, C_OpenSession(P11_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &s));
	CU_ASSERT_EQUAL(lines_count(client.files.trace, &dialled), before + 2);
	p11_over();
	CU_ASSERT(p11_set(&client, "primus.connect_on_init", "true"));
}

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(the_first_choice_is_drawn_among_the_best),
	TEST(who_has_the_best_priority_serves_whatever_the_order_of_the_file),
	TEST(hosts_of_one_priority_take_turns),
	TEST(the_next_priority_is_for_when_no_host_of_a_better_one_answers),
	TEST(a_host_that_does_not_answer_or_has_no_address_is_passed_over),
	TEST(all_hosts_are_asked_before_there_is_no_token),
	TEST(half_an_answer_is_waited_for_as_long_as_the_file_says),
	TEST(connecting_waits_for_the_first_call_where_the_file_says_so),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

static bool start(void)
{
	static const struct hl_addr here = { .family = HL_INET, .ip = { 127, 0, 0, 1 } };
	struct live_options options = { .proxies = PROXIES };
	char text[HL_ADDR_TEXT];
	struct hl_addr at;

	relay = relay_start(&here, &at);
	if (!relay)
		return false;
	hl_addr_text(&at, text);
	options.hsm_address[0] = text;
	w = live_start(&options);
	if (!w)
		return false;
	at = live_address(w, LIVE_HSM, LIVE_HSM_PORT);
	relay_to(relay, &at);
	for (unsigned i = 0; i < PROXIES; i++) {
		at = live_address(w, LIVE_PROXY + i, 0);
		snprintf(proxy_at[i], sizeof proxy_at[i], "%u.%u.%u.%u", at.ip[0], at.ip[1], at.ip[2], at.ip[3]);
	}
	return true;
}

static bool prepare(void)
{
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE", .pin = "12345678",
	};

	return start() && live_provision(w, &tenant, &acme) == HL_OK && p11_client(w, "acme", &acme, &client) && p11_load(w);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("pkcs11 hosts", tests) : 1;

	if (rc != 0)
		live_dump(w);
	relay_stop(relay);
	return live_stop(w) ? rc : 1;
}
