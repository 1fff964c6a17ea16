/* The admin port of an HSM: which channels are open, and the end of one. */
#include "tests/sim/story.h"
#include "tests/support/test.h"

#define PORT 0x7000000u /* far from those that the simulator gives out */

static struct world *w;
static struct world_client *c;

static void begin(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

/* -- an admin's connection, without a socket ----------------------------------------------------------- */

static struct hsm *hsm(void)
{
	return w->hsm[0].core;
}

static struct hl_port *io(void)
{
	return hsm_core.port(hsm(), PORT);
}

static void tell(enum hl_event_kind kind)
{
	sim_enter(w->hsm[0].node);
	hsm_event(hsm(), &(struct hl_event){ .kind = kind, .port = PORT, .listener = HSM_LISTEN_ADMIN });
}

static void dial(void)
{
	tell(HL_EV_ACCEPTED);
	CU_ASSERT_PTR_NOT_NULL_FATAL(io());
}

static void hang_up(void)
{
	tell(HL_EV_ENDED);
	CU_ASSERT_PTR_NULL(io());
}

static void send_bytes(struct hl_bytes bytes)
{
	hl_buf_put(&io()->in, bytes);
	tell(HL_EV_BYTES);
}

static void send_request(const struct hl_msg *m, const void *body)
{
	struct hl_buf frame = hl_buf(HL_FRAME_MAX);

	hl_msg_put(&frame, m, 7, body);
	send_bytes(hl_buf_view(&frame));
	hl_buf_clear(&frame);
	sim_pump(w->hsm[0].node);
}

/* The answer stays in the port's buffer until the next one is asked for. */
static hl_err answer(const struct hl_msg *m, void *body, struct hl_frame *f)
{
	struct hl_refused no;

	if (hl_frame_peek(hl_buf_view(&io()->out), HL_FRAME_MAX, f) != HL_OK || f->id != 7)
		return HL_E_TIMEOUT;
	if (f->type != HL_T_refused)
		return hl_msg_get(m, f, body);
	return hl_msg_get(&hl_msg_refused, f, &no) == HL_OK ? hl_err_of_wire(no.code) : HL_E_BUG;
}

static hl_err ask_sessions(uint64_t after, uint32_t limit, struct hl_sessions_answer *out)
{
	struct hl_sessions ask = { .after = after, .limit = limit };
	struct hl_frame f;

	hl_buf_eat(&io()->out, io()->out.n);
	send_request(&hl_msg_sessions, &ask);
	return answer(&hl_msg_sessions_answer, out, &f);
}

static struct hl_session first_of(const struct hl_sessions_answer *a)
{
	struct hl_bytes at = a->sessions.raw;
	struct hl_session s = { 0 };

	CU_ASSERT(hl_list_next(&hl_msg_session, &at, &s));
	return s;
}

/* -- list ------------------------------------------------------------------------------------------------ */

static void a_channel_is_listed_with_who_holds_it(void)
{
	struct hl_sessions_answer a;
	struct hl_session s;
	uint64_t before;

	begin(1);
	dial();
	CU_ASSERT_EQUAL(ask_sessions(0, 10, &a), HL_OK);
	CU_ASSERT_EQUAL(a.sessions.count, 1);
	CU_ASSERT_EQUAL(a.more, 0);
	s = first_of(&a);
	CU_ASSERT(hl_bytes_eq(s.connection, hl_bytes(client_connection(c->core), HL_CONNECTION_ID)));
	CU_ASSERT(hl_bytes_eq(s.partition, hl_text("ACMEPARTONE")));
	CU_ASSERT(hl_bytes_eq(s.proxy, hl_text("proxy1")));
	CU_ASSERT(s.client.n > 0);
	CU_ASSERT_EQUAL(s.setup, 0);
	CU_ASSERT_EQUAL(s.logged_in, 0);
	CU_ASSERT(s.since_ms > 0);
	before = s.requests;

	CU_ASSERT_EQUAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	CU_ASSERT_EQUAL(ask_sessions(0, 10, &a), HL_OK);
	s = first_of(&a);
	CU_ASSERT_EQUAL(s.logged_in, 1);
	CU_ASSERT_EQUAL(s.requests, before + 2);

	story_close(c);
	CU_ASSERT_EQUAL(ask_sessions(0, 10, &a), HL_OK);
	CU_ASSERT_EQUAL(a.sessions.count, 0);
	hang_up();
	end();
}

static void a_long_list_comes_in_pages(void)
{
	struct hl_sessions_answer a;
	struct world_client *more;
	uint64_t after = 0;
	unsigned seen = 0;

	begin(2);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL_FATAL(world_user_client(w, &more), HL_OK);
		CU_ASSERT_EQUAL(world_open(more), HL_OK);
	}
	dial();
	do {
		struct hl_session s;

		CU_ASSERT_EQUAL_FATAL(ask_sessions(after, 1, &a), HL_OK);
		CU_ASSERT_EQUAL(a.sessions.count, 1);
		s = first_of(&a);
		CU_ASSERT(s.number > after);
		after = s.number;
		seen++;
	} while (a.more && seen < 10);
	CU_ASSERT_EQUAL(seen, 4);
	CU_ASSERT_EQUAL(ask_sessions(after, 1, &a), HL_OK);
	CU_ASSERT_EQUAL(a.sessions.count, 0);
	hang_up();
	end();
}

/* -- close ------------------------------------------------------------------------------------------------ */

static void a_closed_channel_is_gone_and_its_client_opens_another(void)
{
	uint8_t id[HL_CONNECTION_ID];
	struct hl_session_close ask = { .connection = hl_bytes(id, sizeof id) };
	struct hl_session_closed closed;
	struct hl_sessions_answer a;
	struct hl_frame f;

	begin(3);
	dial();
	memcpy(id, client_connection(c->core), sizeof id);
	send_request(&hl_msg_session_close, &ask);
	CU_ASSERT_EQUAL(answer(&hl_msg_session_closed, &closed, &f), HL_OK);
	CU_ASSERT(hl_bytes_eq(closed.partition, hl_text("ACMEPARTONE")));
	CU_ASSERT_EQUAL(ask_sessions(0, 10, &a), HL_OK);
	CU_ASSERT_EQUAL(a.sessions.count, 0);

	hl_buf_eat(&io()->out, io()->out.n);
	send_request(&hl_msg_session_close, &ask);
	CU_ASSERT_EQUAL(answer(&hl_msg_session_closed, &closed, &f), HL_E_NOT_FOUND);

	story_pass(w, 1000000);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(id, client_connection(c->core), sizeof id), 0);
	hang_up();
	end();
}

/* -- what is no request -------------------------------------------------------------------------------------- */

static void every_cut_of_a_request_waits_for_the_rest(void)
{
	struct hl_sessions ask = { .limit = 10 };
	struct hl_buf frame = hl_buf(HL_FRAME_MAX);
	struct hl_sessions_answer a;
	struct hl_frame f;

	begin(4);
	hl_msg_put(&frame, &hl_msg_sessions, 7, &ask);
	for (size_t cut = 1; cut < frame.n; cut++) {
		struct hl_bytes all = hl_buf_view(&frame);

		dial();
		send_bytes(hl_bytes(all.p, cut));
		CU_ASSERT_EQUAL(io()->out.n, 0);
		send_bytes(hl_bytes(all.p + cut, all.n - cut));
		CU_ASSERT_EQUAL(answer(&hl_msg_sessions_answer, &a, &f), HL_OK);
		hang_up();
	}
	hl_buf_clear(&frame);
	end();
}

static void what_is_no_request_is_refused_and_nothing_read_after_it(void)
{
	static const uint8_t noise[] = { 0, 0, 0, 6, 0x20, 0x05, 0, 0, 0, 7 };
	struct hl_ping ping = { 0 };
	struct hl_sessions_answer a;
	struct hl_frame f;
	size_t n;

	begin(5);
	dial();
	send_request(&hl_msg_ping, &ping); /* a client's, not an admin's */
	CU_ASSERT_EQUAL(answer(&hl_msg_sessions_answer, &a, &f), HL_E_TYPE);
	n = io()->out.n;
	send_request(&hl_msg_sessions, &(struct hl_sessions){ .limit = 1 });
	CU_ASSERT_EQUAL(io()->out.n, n);
	hang_up();

	dial();
	send_bytes(hl_bytes(noise, sizeof noise)); /* `sessions` without its limit */
	CU_ASSERT_EQUAL(answer(&hl_msg_sessions_answer, &a, &f), HL_E_SHORT);
	hang_up();
	CU_ASSERT_EQUAL(story_ping(c), HL_OK); /* clients do not notice */
	end();
}

static CU_TestInfo tests[] = {
	{ "a channel is listed with who holds it", a_channel_is_listed_with_who_holds_it },
	{ "a long list comes in pages", a_long_list_comes_in_pages },
	{ "a closed channel is gone and its client opens another",
		a_closed_channel_is_gone_and_its_client_opens_another },
	{ "every cut of a request waits for the rest", every_cut_of_a_request_waits_for_the_rest },
	{ "what is no request is refused and nothing read after it",
		what_is_no_request_is_refused_and_nothing_read_after_it },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("sessions", tests)
