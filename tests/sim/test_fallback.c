/* What a client does where somebody cannot be reached: whom it asks, in which order, how often. */
#include "client/link_impl.h"
#include "directory/rooms.h"
#include "hsm/rooms.h"
#include "lib/auth/channel_impl.h"
#include "proxy/gateway.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;

static struct hl_addr proxy_at(uint8_t n)
{
	return (struct hl_addr){ .family = HL_INET, .ip = { 127, 16, 0, (uint8_t)(10 + n) }, .port = 2310 };
}

/* Names of one proxy each. */
static const char *const site[] = { "one.hsmlet.test", "two.hsmlet.test", "three.hsmlet.test" };

static void begin(uint64_t seed, size_t proxies, size_t hsms)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, proxies, hsms, &w), HL_OK);
	for (uint8_t i = 0; i < HL_COUNT(site); i++) {
		struct hl_addr at = proxy_at((uint8_t)(i + 1));

		CU_ASSERT_EQUAL_FATAL(sim_name(w->sim, site[i], &at, 1), HL_OK);
	}
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

/* A client that knows these hosts. */
static struct world_client *knows(const struct client_target *hosts, size_t n)
{
	struct world_client *like, *c;
	struct client_conf_link conf;

	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &like), HL_OK);
	conf = like->conf;
	conf.hosts = hosts;
	conf.host_count = n;
	CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &c), HL_OK);
	return c;
}

static struct world_client *knows_the_pool(void)
{
	struct world_client *c;

	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	return c;
}

/* Which proxy it reached or tried last, from 1. */
static unsigned where(const struct world_client *c)
{
	struct hl_addr at = { 0 };
	const struct client_failure *f = client_failed(c->core);
	struct client_call call;
	struct hl_ping ping = { 0 };
	struct hl_pong pong;

	if (!f && world_call((struct world_client *)c, &hl_msg_ping, &ping, &hl_msg_pong, &pong, &call) == HL_OK) {
		CU_ASSERT_EQUAL(hl_addr_parse(call.failure.where, &at), HL_OK);
		hl_buf_clear(&call.frame);
	} else if (f) {
		CU_ASSERT_EQUAL(hl_addr_parse(f->where, &at), HL_OK);
	}
	return at.ip[3] - 10u;
}

static void fails(struct world_client *c, hl_err err, enum hl_step step, unsigned attempts)
{
	CU_ASSERT_EQUAL(world_open(c), err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(client_failed(c->core));
	CU_ASSERT_EQUAL(client_failed(c->core)->step, step);
	CU_ASSERT_EQUAL(client_failed(c->core)->attempts, attempts);
}

/* -- rounds ---------------------------------------------------------------------------------------------- */

static void who_is_not_reached_is_tried_once_per_address_and_round(void)
{
	struct world_client *c;
	int64_t begun;

	begin(1, 3, 1);
	c = knows_the_pool();
	for (size_t i = 0; i < w->proxies; i++)
		sim_kill(w->proxy[i].node);
	begun = sim_now_us(w->sim);
	fails(c, HL_E_PROXIES, HL_STEP_HELLO, 9);
	CU_ASSERT(sim_now_us(w->sim) - begun < 310000); /* pauses of at most 100 and 200 ms */
	end();
}

static void pauses_between_rounds_are_drawn(void)
{
	int64_t took[8];
	bool differ = false;

	for (uint64_t seed = 0; seed < HL_COUNT(took); seed++) {
		struct world_client *c;

		begin(seed, 1, 1);
		c = knows_the_pool();
		sim_kill(w->proxy[0].node);
		took[seed] = sim_now_us(w->sim);
		fails(c, HL_E_PROXIES, HL_STEP_HELLO, 3);
		took[seed] = sim_now_us(w->sim) - took[seed];
		differ = differ || took[seed] / 1000 != took[0] / 1000;
		end();
	}
	CU_ASSERT(differ);
}

static void a_member_that_comes_back_between_rounds_is_found(void)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };
	struct world_client *c;

	begin(2, 1, 1);
	c = knows_the_pool();
	sim_fault(w->proxy[0].node, HL_AT_PROXY_HELLO, &cut, 0, 2);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(sim_fired(w->proxy[0].node, HL_AT_PROXY_HELLO), 2);
	end();
}

static void the_time_limit_of_opening_ends_the_rounds(void)
{
	struct client_conf_link conf;
	struct world_client *like, *c;

	begin(3, 1, 1);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &like), HL_OK);
	conf = like->conf;
	conf.open_ms = 1;
	CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &c), HL_OK);
	sim_kill(w->proxy[0].node);
	fails(c, HL_E_PROXIES, HL_STEP_HELLO, 1);
	end();
}

/* -- several hosts ----------------------------------------------------------------------------------------- */

static const struct client_target equals[] = { { "one.hsmlet.test", 2310, 0 }, { "two.hsmlet.test", 2310, 0 },
	{ "three.hsmlet.test", 2310, 0 } };
static const struct client_target ranked[] = { { "three.hsmlet.test", 2310, 7 }, { "one.hsmlet.test", 2310, 0 },
	{ "two.hsmlet.test", 2310, 0 } };

static void the_first_choice_among_equals_is_drawn_and_then_they_take_turns(void)
{
	bool first[4] = { false };

	for (uint64_t seed = 0; seed < 12; seed++) {
		struct world_client *c;
		unsigned at[4];

		begin(seed, 3, 1);
		c = knows(equals, HL_COUNT(equals));
		for (size_t i = 0; i < HL_COUNT(at); i++) {
			CU_ASSERT_EQUAL(world_open(c), HL_OK);
			at[i] = where(c);
			story_close(c);
		}
		first[at[0]] = true;
		for (size_t i = 1; i < HL_COUNT(at); i++)
			CU_ASSERT_EQUAL(at[i], at[i - 1] % 3 + 1);
		end();
	}
	CU_ASSERT(first[1] && first[2] && first[3]);
}

static void hosts_of_a_lower_priority_are_for_when_no_other_answers(void)
{
	for (uint64_t seed = 0; seed < 6; seed++) {
		struct world_client *c;

		begin(seed, 3, 1);
		c = knows(ranked, HL_COUNT(ranked));
		CU_ASSERT_EQUAL(world_open(c), HL_OK);
		CU_ASSERT_NOT_EQUAL(where(c), 3);
		story_close(c);
		sim_kill(w->proxy[0].node);
		CU_ASSERT_EQUAL(world_open(c), HL_OK);
		CU_ASSERT_EQUAL(where(c), 2);
		story_close(c);
		sim_kill(w->proxy[1].node);
		CU_ASSERT_EQUAL(world_open(c), HL_OK);
		CU_ASSERT_EQUAL(where(c), 3);
		story_close(c);
		sim_kill(w->proxy[2].node);
		fails(c, HL_E_PROXIES, HL_STEP_HELLO, 9);
		end();
	}
}

static void a_host_without_a_name_is_passed_over(void)
{
	static const struct client_target hosts[] = { { "nowhere.hsmlet.test", 2310, 0 },
		{ "one.hsmlet.test", 2310, 1 } };
	static const struct client_target lost[] = { { "nowhere.hsmlet.test", 2310, 0 },
		{ "neither.hsmlet.test", 2310, 1 } };
	struct world_client *c;

	begin(4, 1, 1);
	c = knows(hosts, HL_COUNT(hosts));
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(where(c), 1);
	fails(knows(lost, HL_COUNT(lost)), HL_E_NAME, HL_STEP_DNS, 0);
	end();
}

static void an_address_with_two_names_is_dialled_once_a_round(void)
{
	static const struct client_target hosts[] = { { "one.hsmlet.test", 2310, 0 },
		{ "also.hsmlet.test", 2310, 0 } };
	struct hl_addr at = proxy_at(1);
	struct world_client *c;

	begin(5, 1, 1);
	CU_ASSERT_EQUAL(sim_name(w->sim, "also.hsmlet.test", &at, 1), HL_OK);
	c = knows(hosts, HL_COUNT(hosts));
	sim_kill(w->proxy[0].node);
	fails(c, HL_E_PROXIES, HL_STEP_HELLO, 3);
	end();
}

static void a_refusal_is_final_whatever_other_hosts_there_are(void)
{
	struct world_client *like, *c;
	struct client_conf_link conf;

	begin(6, 3, 2);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &like), HL_OK);
	conf = like->conf;
	conf.hosts = equals;
	conf.host_count = HL_COUNT(equals);
	conf.service_password = hl_text("not-the-password-of-acmeservice");
	CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &c), HL_OK);
	fails(c, HL_E_SERVICE_AUTH, HL_STEP_RESULT, 1);
	end();
}

static void more_hosts_than_a_file_may_have_are_refused(void)
{
	struct client_target many[CLIENT_HOSTS_MAX + 1];
	struct client_conf_link conf;
	struct world_client *like;
	struct client *core;

	begin(7, 1, 1);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &like), HL_OK);
	for (size_t i = 0; i < HL_COUNT(many); i++)
		many[i] = equals[0];
	conf = like->conf;
	conf.hosts = many;
	conf.host_count = HL_COUNT(many);
	CU_ASSERT_EQUAL(client_new(sim_env(like->node), &conf, &core), HL_E_ARG);
	many[1].host = "";
	conf.host_count = 2;
	CU_ASSERT_EQUAL(client_new(sim_env(like->node), &conf, &core), HL_E_ARG);
	end();
}

/* -- signs of life ------------------------------------------------------------------------------------------- */

/* `bytes` of what the proxy says arrive, then nothing: patience is shorter than the step's limit. */
static void half_an_answer_is_waited_for_as_long_as_configured(void)
{
	static const unsigned patience[] = { 0, 300 };

	for (size_t i = 0; i < HL_COUNT(patience); i++) {
		unsigned ms = patience[i] ? patience[i] : CLIENT_PATIENCE_MS;
		struct client_conf_link conf;
		struct world_client *like, *c;
		int64_t begun;

		begin(8, 1, 1);
		CU_ASSERT_EQUAL_FATAL(world_user_client(w, &like), HL_OK);
		conf = like->conf;
		conf.patience_ms = patience[i];
		CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &c), HL_OK);
		sim_harm_stall(w->sim, &(struct sim_harm){ .from = "client3", .to = "proxy1", .way = SIM_BACK,
					       .cut_after = 10, .flip_at = -1 });
		begun = sim_now_us(w->sim);
		fails(c, HL_E_TIMEOUT, HL_STEP_REQUEST, 3);
		CU_ASSERT(sim_now_us(w->sim) - begun >= 3 * ms * 1000);
		CU_ASSERT(sim_now_us(w->sim) - begun < 3 * ms * 1000 + 310000);
		end();
	}
}

static void an_answer_in_small_pieces_is_no_half_answer(void)
{
	struct world_client *c;

	begin(9, 1, 1);
	sim_harm(w->sim, &(struct sim_harm){ .from = "client2", .to = "proxy1", .way = SIM_BACK, .cut_after = -1,
				 .flip_at = -1, .slice = 1 });
	c = knows_the_pool();
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	CU_ASSERT(client_is_open(c->core));
	end();
}

/* story_pass() ends with the last event before that time: somebody's heartbeat. */
static void pause_of(int64_t least_us)
{
	int64_t until = sim_now_us(w->sim) + least_us;

	while (sim_now_us(w->sim) < until)
		sim_step(w->sim);
}

/* What the client has sent to the proxy: in how many pieces, and how much. */
struct heard {
	unsigned pieces;
	size_t bytes;
};

static void hear(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	struct heard *h = at;

	if (strcmp(from, "client2") != 0 || strcmp(to, "proxy1") != 0)
		return;
	h->pieces++;
	h->bytes += bytes.n;
}

static struct heard heard_of_one_request(struct world_client *c)
{
	struct heard h = { 0 };

	sim_tap_set(w->sim, hear, &h);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	sim_tap_set(w->sim, NULL, NULL);
	return h;
}

static void the_first_request_after_a_pause_follows_a_ping_in_the_same_write(void)
{
	struct world_client *c;
	struct heard usual, before, after, again;

	begin(10, 1, 1);
	c = knows_the_pool();
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	usual = heard_of_one_request(c);
	story_pass(w, 29900000);
	before = heard_of_one_request(c);
	pause_of(CLIENT_IDLE_MS * 1000);
	after = heard_of_one_request(c);
	again = heard_of_one_request(c);
	CU_ASSERT_EQUAL(usual.pieces, 1);
	CU_ASSERT_EQUAL(before.bytes, usual.bytes);
	CU_ASSERT_EQUAL(after.pieces, 1);
	CU_ASSERT_EQUAL(after.bytes, 2 * usual.bytes); /* the request of this test is a ping itself */
	CU_ASSERT_EQUAL(again.bytes, usual.bytes);
	end();
}

/* The tunnel was cut for idleness and nobody said so. */
static void a_link_that_swallows_everything_after_a_pause_is_given_up_within_a_second(void)
{
	uint8_t id[HL_CONNECTION_ID];
	struct world_client *c;
	int64_t begun;
	hl_err err;

	begin(11, 1, 1);
	c = knows_the_pool();
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	memcpy(id, client_connection(c->core), sizeof id);
	pause_of(CLIENT_IDLE_MS * 1000);
	sim_stall(w->sim, "client2", "proxy1");
	begun = sim_now_us(w->sim);
	err = story_ping(c);
	CU_ASSERT(err == HL_OK); /* the link was lost, or the request has gone elsewhere */
	CU_ASSERT(sim_now_us(w->sim) - begun >= 1000000);
	CU_ASSERT(sim_now_us(w->sim) - begun < 1200000);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	CU_ASSERT(memcmp(id, client_connection(c->core), sizeof id) != 0);
	CU_ASSERT(sim_now_us(w->sim) - begun < 1200000);
	end();
}

/* A member that stands still, in the middle of everything: its connections stay. */
static void a_request_that_nobody_answers_for_five_seconds_goes_elsewhere(void)
{
	uint8_t id[HL_CONNECTION_ID];
	struct world_client *c;
	int64_t begun;

	begin(12, 1, 1);
	c = knows_the_pool();
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	memcpy(id, client_connection(c->core), sizeof id);
	sim_stall(w->sim, "client2", "proxy1");
	begun = sim_now_us(w->sim);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	CU_ASSERT(sim_now_us(w->sim) - begun >= CLIENT_OP_MS * 1000);
	CU_ASSERT(sim_now_us(w->sim) - begun < CLIENT_OP_MS * 1000 + 200000);
	CU_ASSERT(memcmp(id, client_connection(c->core), sizeof id) != 0);
	end();
}

/* -- a channel and wishes that are gone ------------------------------------------------------------------ */

/* Encryption itself failed: the channel is dead, and the request has not left. */
static void a_request_that_kills_the_channel_goes_over_a_new_link(void)
{
	struct world_client *c;
	uint8_t first[HL_CONNECTION_ID];

	begin(30, 2, 1);
	c = knows_the_pool();
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	memcpy(first, client_connection(c->core), sizeof first);
	c->core->channel->dead = HL_E_CHANNEL;
	c->core->channel->ready = false;
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	CU_ASSERT(memcmp(first, client_connection(c->core), sizeof first) != 0);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	end();
}

static void a_client_that_lost_a_wish_begins_with_a_new_connection(void)
{
	struct world_client *c;

	begin(31, 2, 1);
	c = knows_the_pool();
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	c->core->wishes.err = HL_E_NOMEM;
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	c->core->wishes.err = HL_E_NOMEM;
	story_close(c);
	c->core->wishes.err = HL_E_NOMEM;
	CU_ASSERT_EQUAL(world_open(c), HL_E_NOMEM); /* in the middle of the opening */
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	story_close(c);
	end();
}

/* Of nobody can be said what it waits for in vain. */
static void a_daemon_that_lost_a_wish_halts(void)
{
	begin(32, 1, 1);
	w->proxy[0].core->wishes.err = HL_E_NOMEM;
	w->hsm[0].core->wishes.err = HL_E_NOMEM;
	w->directory.core->wishes.err = HL_E_NOMEM;
	sim_pump(w->proxy[0].node);
	CU_ASSERT(sim_traced(w->sim, "proxy1 halt did - HL-0001"));
	sim_pump(w->hsm[0].node);
	CU_ASSERT(sim_traced(w->sim, "hsm1 halt did - HL-0001"));
	sim_pump(w->directory.node);
	CU_ASSERT(sim_traced(w->sim, "directory1 halt did - HL-0001"));
	end();
}

/* -- a refusal of a later version ------------------------------------------------------------------------ */

#define STRANGE 9998 /* no error of ours */

static struct {
	struct hl_wishes wishes;
	struct hl_port io;
	unsigned visits;
	uint8_t retryable;
} later;

static void later_event(void *at, const struct hl_event *e)
{
	struct hl_refused no = { .code = STRANGE, .step = 1, .retryable = later.retryable };

	(void)at;
	if (e->kind != HL_EV_BYTES)
		return;
	later.visits++;
	hl_buf_reset(&later.io.in);
	hl_msg_put(&later.io.out, &hl_msg_refused, 0, &no);
	hl_wish_close(&later.wishes, e->port, true);
}

static bool later_wish(void *at, struct hl_wish *out)
{
	(void)at;
	return hl_wishes_take(&later.wishes, 0, out);
}

static struct hl_port *later_port(void *at, uint32_t port)
{
	(void)at, (void)port;
	return &later.io;
}

static const struct hl_core_ops later_ops = { later_event, later_wish, later_port };

/* A proxy of a later version, of better priority than one of ours. */
static struct world_client *knows_a_later_one(uint64_t seed, bool retryable)
{
	static const struct client_target hosts[] = { { "later.hsmlet.test", 2310, 0 }, { "one.hsmlet.test", 2310, 1 } };
	struct hl_addr at = proxy_at(9);
	struct sim_node *node;

	begin(seed, 1, 1);
	node = sim_node(w->sim, "later");
	CU_ASSERT_EQUAL_FATAL(sim_name(w->sim, hosts[0].host, &at, 1), HL_OK);
	CU_ASSERT_EQUAL_FATAL(sim_listen(node, &at, 0), HL_OK);
	later.io = (struct hl_port){ hl_buf(10000), hl_buf(10000) };
	later.visits = 0;
	later.retryable = retryable;
	sim_core(node, &later_ops, &later);
	return knows(hosts, HL_COUNT(hosts));
}

static void later_clear(void)
{
	hl_buf_clear(&later.io.in);
	hl_buf_clear(&later.io.out);
	hl_wishes_clear(&later.wishes);
	end();
}

static void an_unknown_refusal_that_may_pass_is_tried_elsewhere(void)
{
	struct world_client *c = knows_a_later_one(33, true);

	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(later.visits, 1);
	later_clear();
}

static void an_unknown_refusal_that_is_final_ends_it_and_is_named(void)
{
	struct world_client *c = knows_a_later_one(34, false);

	fails(c, HL_E_BUG, HL_STEP_REQUEST, 1);
	CU_ASSERT_STRING_EQUAL(client_failed(c->core)->detail, "refused as HL-9998");
	CU_ASSERT(!client_failed(c->core)->retryable);
	later_clear();
}

static CU_TestInfo tests[] = {
	{ "a request that kills the channel goes over a new link", a_request_that_kills_the_channel_goes_over_a_new_link },
	{ "a client that lost a wish begins with a new connection", a_client_that_lost_a_wish_begins_with_a_new_connection },
	{ "a daemon that lost a wish halts", a_daemon_that_lost_a_wish_halts },
	{ "an unknown refusal that may pass is tried elsewhere", an_unknown_refusal_that_may_pass_is_tried_elsewhere },
	{ "an unknown refusal that is final ends it, and is named", an_unknown_refusal_that_is_final_ends_it_and_is_named },
	{ "who is not reached is tried once per address and round",
		who_is_not_reached_is_tried_once_per_address_and_round },
	{ "pauses between rounds are drawn", pauses_between_rounds_are_drawn },
	{ "a member that comes back between rounds is found", a_member_that_comes_back_between_rounds_is_found },
	{ "the time limit of opening ends the rounds", the_time_limit_of_opening_ends_the_rounds },
	{ "the first choice among equals is drawn, and then they take turns",
		the_first_choice_among_equals_is_drawn_and_then_they_take_turns },
	{ "hosts of a lower priority are for when no other answers",
		hosts_of_a_lower_priority_are_for_when_no_other_answers },
	{ "a host without a name is passed over", a_host_without_a_name_is_passed_over },
	{ "an address with two names is dialled once a round", an_address_with_two_names_is_dialled_once_a_round },
	{ "a refusal is final, whatever other hosts there are", a_refusal_is_final_whatever_other_hosts_there_are },
	{ "more hosts than a file may have are refused", more_hosts_than_a_file_may_have_are_refused },
	{ "half an answer is waited for as long as configured", half_an_answer_is_waited_for_as_long_as_configured },
	{ "an answer in small pieces is no half answer", an_answer_in_small_pieces_is_no_half_answer },
	{ "the first request after a pause follows a ping in the same write",
		the_first_request_after_a_pause_follows_a_ping_in_the_same_write },
	{ "a link that swallows everything after a pause is given up within a second",
		a_link_that_swallows_everything_after_a_pause_is_given_up_within_a_second },
	{ "a request that nobody answers for five seconds goes elsewhere",
		a_request_that_nobody_answers_for_five_seconds_goes_elsewhere },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("fallback", tests)
