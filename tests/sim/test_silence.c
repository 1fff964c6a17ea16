/* Who connects and then says nothing more, at each step and on each side: how long he is waited for, to the
 * millisecond, what he is told, and that nothing of him is left. Time is the simulator's. */
#include "directory/rooms.h"
#include "hsm/rooms.h"
#include "proxy/gateway.h"
#include "tests/sim/knock.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

#define SLACK_US 2000 /* some hops of 50 us */

static struct world *w;
static struct world_client *client; /* with the user secret; named client2 */

/* -- what there must be again afterwards ------------------------------------------------------------- */

struct held {
	size_t clients, connections, channels, links;
};

static struct held held(void)
{
	return (struct held){
		.clients = proxy_clients(w->proxy[0].core),
		.connections = w->hsm[0].core->connections,
		.channels = hsm_channels(w->hsm[0].core),
		.links = w->directory.core->ports.n,
	};
}

/* Those who are told nothing of an end wait for their own limit; that of a link is the longest. */
static void nothing_is_left(const struct held *before)
{
	struct held now;

	story_pass(w, DIR_BEAT_MS * 1000 + 1000000);
	now = held();
	CU_ASSERT_EQUAL(now.clients, before->clients);
	CU_ASSERT_EQUAL(now.connections, before->connections);
	CU_ASSERT_EQUAL(now.channels, before->channels);
	CU_ASSERT_EQUAL(now.links, before->links);
}

/* -- what a client says to its HSM, recorded ------------------------------------------------------------ */

static struct hl_buf to_hsm;   /* the ticket frame, the ClientHello, ... */
static struct hl_buf from_hsm; /* the frame that opens, the ServerHello, ... */
static struct hl_buf to_client, to_directory;

static void tap(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	(void)at;
	if (strcmp(from, "proxy1") == 0 && strcmp(to, "hsm1") == 0)
		hl_buf_put(&to_hsm, bytes);
	else if (strcmp(from, "hsm1") == 0 && strcmp(to, "proxy1") == 0)
		hl_buf_put(&from_hsm, bytes);
	else if (strcmp(from, "proxy1") == 0 && strcmp(to, "client2") == 0)
		hl_buf_put(&to_client, bytes);
}

static void begin(uint64_t seed, size_t hsms)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 1, hsms, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &client), HL_OK);
	story_pass(w, 1000000);
}

static void record_one_opening(void)
{
	to_hsm = from_hsm = to_client = hl_buf(HL_BUF_MAX);
	sim_tap_set(w->sim, tap, NULL);
	CU_ASSERT_EQUAL(world_open(client), HL_OK);
	sim_tap_set(w->sim, NULL, NULL);
	story_close(client);
}

static void end(void)
{
	world_free(w);
	w = NULL;
	hl_buf_clear(&to_hsm);
	hl_buf_clear(&from_hsm);
	hl_buf_clear(&to_client);
	hl_buf_clear(&to_directory);
}

/* The length of the n-th thing said in the clear and of the TLS record behind it (RFC 8446 5.1). */
static size_t frames(const struct hl_buf *b, unsigned n)
{
	struct hl_bytes at = hl_buf_view(b);
	struct hl_frame f;
	size_t all = 0;

	while (n-- > 0 && hl_frame_peek(at, HL_FRAME_GATEWAY, &f) == HL_OK) {
		all += f.whole.n;
		at = hl_bytes(at.p + f.whole.n, at.n - f.whole.n);
	}
	return all;
}

static size_t record_at(const struct hl_buf *b, size_t off)
{
	struct hl_bytes v = hl_buf_view(b);

	CU_ASSERT_FATAL(v.n > off + 5);
	return 5u + ((size_t)v.p[off + 3] << 8) + v.p[off + 4];
}

/* -- strangers who fall silent ------------------------------------------------------------------------------ */

static struct speaker speaker;

static bool at_proxy(struct knock *k)
{
	struct hl_addr at = KNOCK_PROXY;

	return knock_dial(k, &at);
}

static void say_part(struct knock *k, struct hl_bytes bytes, size_t n)
{
	CU_ASSERT_FATAL(n <= bytes.n);
	knock_say(k, hl_bytes(bytes.p, n));
}

static bool half_a_hello(struct knock *k)
{
	speaker_hello(&speaker);
	if (!at_proxy(k))
		return false;
	say_part(k, hl_buf_view(&speaker.hello), speaker.hello.n / 2);
	return true;
}

static bool to_step_3(struct knock *k)
{
	struct hl_frame f;

	speaker_hello(&speaker);
	if (!at_proxy(k))
		return false;
	knock_say(k, hl_buf_view(&speaker.hello));
	if (!knock_hear(k, &f) || speaker_answer(&speaker, &f) != HL_OK)
		return false;
	knock_eat(k, &f);
	return true;
}

static bool half_an_answer(struct knock *k)
{
	if (!to_step_3(k))
		return false;
	say_part(k, hl_buf_view(&speaker.answer), speaker.answer.n - 1);
	return true;
}

static bool to_step_7(struct knock *k)
{
	return knock_through_gateway(k, &speaker);
}

static bool at_hsm(struct knock *k)
{
	struct hl_addr at = KNOCK_HSM;

	return knock_dial(k, &at);
}

static bool half_a_ticket(struct knock *k)
{
	if (!at_hsm(k))
		return false;
	say_part(k, hl_buf_view(&to_hsm), frames(&to_hsm, 1) / 2);
	return true;
}

/* A ticket opens as often as it is shown, until a channel was completed with it: only then it is used. */
static bool ticket_and(struct knock *k, size_t more)
{
	size_t ticket = frames(&to_hsm, 1);
	struct hl_frame f;

	if (!at_hsm(k))
		return false;
	say_part(k, hl_buf_view(&to_hsm), ticket);
	if (!knock_hear(k, &f) || f.type != HL_T_hsm_opened)
		return false;
	knock_eat(k, &f);
	say_part(k, hl_bytes(hl_buf_view(&to_hsm).p + ticket, to_hsm.n - ticket), more);
	return true;
}

static bool a_ticket(struct knock *k)
{
	return ticket_and(k, 0);
}

static bool half_a_client_hello(struct knock *k)
{
	return ticket_and(k, record_at(&to_hsm, frames(&to_hsm, 1)) / 2);
}

static bool a_client_hello(struct knock *k)
{
	return ticket_and(k, record_at(&to_hsm, frames(&to_hsm, 1)));
}

static bool at_directory(struct knock *k)
{
	struct hl_addr at = KNOCK_DIRECTORY;

	return knock_dial(k, &at);
}

static void put_link_hello(struct hl_buf *out)
{
	uint8_t id[HL_CONNECTION_ID] = { 1 };
	struct hl_link_hello hello = {
		.role = HL_ROLE_PROXY,
		.name = hl_text("proxy1"),
		.peer = hl_text("directory1"),
		.connection = hl_bytes(id, sizeof id),
	};

	*out = hl_buf(4096);
	hl_msg_put(out, &hl_msg_link_hello, 0, &hello);
}

static bool half_a_link_hello(struct knock *k)
{
	put_link_hello(&to_directory);
	if (!at_directory(k))
		return false;
	say_part(k, hl_buf_view(&to_directory), to_directory.n - 1);
	return true;
}

static bool a_link_hello(struct knock *k)
{
	put_link_hello(&to_directory);
	if (!at_directory(k))
		return false;
	knock_say(k, hl_buf_view(&to_directory));
	return true;
}

/* clang-format off */
/* name, what is done before the silence, how long it is borne (ms), told at which step (-1: hung up on, no word) */
#define SILENCES(X) \
	X(nothing_to_the_proxy,     "a client that says nothing",                      at_proxy,            PROXY_CLIENT_MS, HL_STEP_HELLO) \
	X(half_hello,               "a client that says half a hello",                 half_a_hello,        PROXY_CLIENT_MS, HL_STEP_HELLO) \
	X(no_answer,                "a client that answers no auth.request",           to_step_3,           PROXY_CLIENT_MS, HL_STEP_ANSWER) \
	X(half_answer,              "a client whose answer lacks its last byte",       half_an_answer,      PROXY_CLIENT_MS, HL_STEP_ANSWER) \
	X(nothing_after_the_result, "a client that was let in and says no ClientHello", to_step_7,          HSM_SHAKE_MS,    -1) \
	X(nothing_to_the_hsm,       "a proxy that shows no ticket",                    at_hsm,              HSM_TICKET_MS,   -1) \
	X(half_ticket,              "a proxy that shows half a ticket",                half_a_ticket,       HSM_TICKET_MS,   -1) \
	X(no_client_hello,          "a ticket without a ClientHello",                  a_ticket,            HSM_SHAKE_MS,    -1) \
	X(half_client_hello,        "a ticket with half a ClientHello",                half_a_client_hello, HSM_SHAKE_MS,    -1) \
	X(no_finished,              "a ClientHello without a Finished",                a_client_hello,      HSM_SHAKE_MS,    -1) \
	X(nothing_to_the_directory, "a member that says nothing",                      at_directory,        DIR_SHAKE_MS,    -1) \
	X(half_link_hello,          "a member whose hello lacks its last byte",        half_a_link_hello,   DIR_SHAKE_MS,    -1) \
	X(no_link_handshake,        "a member that says hello and nothing more",       a_link_hello,        DIR_SHAKE_MS,    -1)
/* clang-format on */

struct silence {
	bool (*prepare)(struct knock *k);
	int limit_ms, told;
};

/* The last words in the clear, where there were any: HL-0704 and the step. */
static int told(struct knock *k)
{
	struct hl_refused no;
	struct hl_frame f;

	if (!knock_hear(k, &f) || hl_msg_get(&hl_msg_refused, &f, &no) != HL_OK)
		return -1;
	CU_ASSERT_EQUAL(no.code, -HL_E_TIMEOUT);
	CU_ASSERT_EQUAL(no.retryable, 1);
	knock_eat(k, &f);
	CU_ASSERT_EQUAL(k->io.in.n, 0);
	return no.step;
}

static void is_borne(const struct silence *s)
{
	struct held before;
	struct knock k;
	int64_t after;

	begin(31, 1);
	record_one_opening();
	before = held();
	knock_init(&k, w, "stranger");
	speaker = knock_speaker(w);
	CU_ASSERT(s->prepare(&k));
	after = knock_ended_after(&k);
	CU_ASSERT(after >= s->limit_ms * 1000ll);
	CU_ASSERT(after <= s->limit_ms * 1000ll + SLACK_US);
	CU_ASSERT_EQUAL(told(&k), s->told);
	nothing_is_left(&before);
	CU_ASSERT_EQUAL(world_open(client), HL_OK);
	speaker_clear(&speaker);
	knock_clear(&k);
	end();
}

#define X(id, text, prepare, limit, step) \
	static void id(void) \
	{ \
		is_borne(&(struct silence){ prepare, limit, step }); \
	}
SILENCES(X)
#undef X

/* -- and those who are slow ------------------------------------------------------------------------------------- */

/* A byte each 400 ms: every byte is a sign of life, and none of them buys time. */
static void drips(struct knock *k, struct hl_bytes bytes, int limit_ms)
{
	int64_t after;

	for (size_t i = 0; i < bytes.n && !k->over; i++) {
		knock_say(k, hl_bytes(bytes.p + i, 1));
		story_pass(w, 400000);
	}
	after = knock_ended_after(k);
	CU_ASSERT(after >= limit_ms * 1000ll);
	CU_ASSERT(after <= limit_ms * 1000ll + SLACK_US);
}

static void a_byte_now_and_then_buys_no_time(void)
{
	struct held before;
	struct knock k;

	begin(32, 1);
	record_one_opening();
	before = held();
	knock_init(&k, w, "stranger");
	speaker = knock_speaker(w);
	speaker_hello(&speaker);
	CU_ASSERT(at_proxy(&k));
	drips(&k, hl_buf_view(&speaker.hello), PROXY_CLIENT_MS);
	CU_ASSERT_EQUAL(told(&k), HL_STEP_HELLO);
	CU_ASSERT(at_hsm(&k));
	drips(&k, hl_buf_view(&to_hsm), HSM_TICKET_MS);
	CU_ASSERT(a_ticket(&k));
	drips(&k, hl_bytes(hl_buf_view(&to_hsm).p + frames(&to_hsm, 1), 200), HSM_SHAKE_MS);
	put_link_hello(&to_directory);
	CU_ASSERT(at_directory(&k));
	drips(&k, hl_buf_view(&to_directory), DIR_SHAKE_MS);
	nothing_is_left(&before);
	speaker_clear(&speaker);
	knock_clear(&k);
	end();
}

/* -- peers that leave the client waiting --------------------------------------------------------------------------- */

struct wait {
	const char *from, *to; /* whose connection stands, */
	size_t (*after)(void); /* behind how many bytes that come back; NULL: those that are open stand at once */
	hl_err err;
	enum hl_step step;
	int each_ms;           /* an attempt's share of the time, of which there are CLIENT_ROUNDS */
};

static size_t at_once(void)
{
	return 0;
}

static size_t behind_request(void)
{
	return frames(&to_client, 1);
}

static size_t behind_result(void)
{
	return frames(&to_client, 2);
}

static size_t behind_half_a_server_hello(void)
{
	return frames(&to_client, 2) + record_at(&to_client, frames(&to_client, 2)) / 2;
}

/* The ticket is answered, and then nothing. */
static size_t behind_opened(void)
{
	return frames(&from_hsm, 1);
}

/* clang-format off */
#define WAITS(X) \
	X(proxy_at_2,         "a proxy that asks for nothing",              "client2", "proxy1",     at_once,        HL_E_TIMEOUT,   HL_STEP_REQUEST, CLIENT_STEP_MS) \
	X(proxy_at_6,         "a proxy that gives no result",               "client2", "proxy1",     behind_request, HL_E_TIMEOUT,   HL_STEP_RESULT,  CLIENT_RESULT_MS) \
	X(proxy_at_8,         "a proxy that passes nothing back",           "client2", "proxy1",     behind_result,  HL_E_TIMEOUT,   HL_STEP_PROVED,  CLIENT_STEP_MS) \
	X(half_a_server_hello, "a ServerHello that does not end",           "client2", "proxy1",     behind_half_a_server_hello, HL_E_TIMEOUT, HL_STEP_PROVED, CLIENT_PATIENCE_MS) \
	X(directory_at_5,     "a directory that grants nothing",            "proxy1",  "directory1", NULL,           HL_E_DIRECTORY, HL_STEP_RESULT,  PROXY_GRANT_MS) \
	X(hsm_at_ticket,      "an HSM that answers no ticket",              "proxy1",  "hsm1",       at_once,        HL_E_HSMS,      HL_STEP_RESULT,  PROXY_HSM_MS) \
	X(hsm_at_8,           "an HSM that answers no ClientHello",         "proxy1",  "hsm1",       behind_opened,  HL_E_TIMEOUT,   HL_STEP_PROVED,  CLIENT_STEP_MS)
/* clang-format on */

#define PAUSES_MS (CLIENT_BACK_OFF_MS + 2 * CLIENT_BACK_OFF_MS) /* between three rounds, at most */

static void hold(const struct wait *a)
{
	struct sim_harm harm = { a->from, a->to, SIM_BACK, 0, -1, 0 };

	if (!a->after) {
		sim_stall(w->sim, a->from, a->to);
		return;
	}
	harm.cut_after = (int64_t)a->after();
	sim_harm_stall(w->sim, &harm);
}

/* Three rounds over one address, as far as the time of the whole opening goes. */
static void client_gives_up(const struct wait *a)
{
	int64_t least = CLIENT_ROUNDS * a->each_ms, most = least + PAUSES_MS, took;
	const struct client_failure *f;
	struct held before;

	begin(33, 1);
	record_one_opening();
	story_pass(w, 1000000);
	before = held();
	hold(a);
	took = sim_now_us(w->sim);
	CU_ASSERT_EQUAL(world_open(client), a->err);
	took = sim_now_us(w->sim) - took;
	f = client_failed(client->core);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->step, a->step);
	CU_ASSERT_EQUAL(f->attempts, CLIENT_ROUNDS);
	least = least < CLIENT_OPEN_MS ? least : CLIENT_OPEN_MS;
	most = most < CLIENT_OPEN_MS ? most : CLIENT_OPEN_MS;
	CU_ASSERT(took >= least * 1000);
	CU_ASSERT(took <= most * 1000 + 10 * SLACK_US);
	sim_harm(w->sim, NULL);
	nothing_is_left(&before);
	CU_ASSERT_EQUAL(world_open(client), HL_OK);
	end();
}

#define X(id, text, from, to, after, err, step, each) \
	static void id(void) \
	{ \
		client_gives_up(&(struct wait){ from, to, after, err, step, each }); \
	}
WAITS(X)
#undef X

/* It takes tickets and says nothing, as a process that was stopped does: the kernel still accepts for it. */
static void an_hsm_that_answers_no_ticket_is_passed_over(void)
{
	for (uint64_t seed = 40; seed < 48; seed++) {
		struct sim_harm harm = { "proxy1", "hsm1", SIM_BACK, 0, -1, 0 };
		int64_t took;

		begin(seed, 2);
		sim_harm_stall(w->sim, &harm);
		took = sim_now_us(w->sim);
		CU_ASSERT_EQUAL(world_open(client), HL_OK);
		took = sim_now_us(w->sim) - took;
		CU_ASSERT_STRING_EQUAL(client_hsm(client->core), "hsm2");
		CU_ASSERT(took <= PROXY_HSM_ANSWER_MS * 1000 + 10 * SLACK_US);
		end();
	}
}

#define X(id, text, ...) { text " is waited for to the millisecond", id },
#define Y(id, text, ...) { text " is given up in time", id },
static CU_TestInfo tests[] = {
	SILENCES(X)
	{ "a byte now and then buys no time", a_byte_now_and_then_buys_no_time },
	WAITS(Y)
	{ "an HSM that answers no ticket is passed over", an_hsm_that_answers_no_ticket_is_passed_over },
	CU_TEST_INFO_NULL,
};
#undef X
#undef Y

HL_TEST_MAIN("silence in the simulator", tests)
