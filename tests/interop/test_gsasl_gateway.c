/* GNU SASL's client logs in at the real gateway: proxy and directory of the simulated world, over frames. */
#include <stdlib.h>

#include <gsasl.h>

#include "lib/auth/scram.h"
#include "scenarios/world.h"
#include "tests/support/test.h"

/* A core that wraps their messages into our frames: step 1 when the port opens, step 3 after step 2. */
struct stranger {
	struct hl_wishes wishes;
	struct hl_port io;
	const struct hl_env *env;
	struct hl_addr proxy;
	Gsasl *gsasl;
	Gsasl_session *session;
	bool over, result;
	hl_err refused;
	int theirs; /* what they say of our server signature */
};

/* One step of theirs: `in` goes to it, `out` gets what it says. */
static int step(struct stranger *s, struct hl_bytes in, struct hl_buf *out)
{
	char *said = NULL;
	size_t n = 0;
	int rc = gsasl_step(s->session, (const char *)in.p, in.n, &said, &n);

	hl_buf_reset(out);
	if (said)
		hl_buf_put(out, hl_bytes(said, n));
	gsasl_free(said);
	return rc;
}

static void say_hello(struct stranger *s, uint32_t port)
{
	HL_AUTO(hl_buf_clear) struct hl_buf first = hl_buf(HL_SCRAM_MAX);
	uint8_t id[HL_CONNECTION_ID];
	char dialled[HL_ADDR_TEXT];
	struct hl_hello_proxy hello = {
		.version_min = HL_VERSION_MIN,
		.version_max = HL_VERSION_MAX,
		.connection = hl_bytes(id, sizeof id),
		.partition = hl_text("ACMEPARTONE"),
		.pool = hl_text(WORLD_POOL),
	};

	hl_random(s->env, id, sizeof id);
	hl_addr_text(&s->proxy, dialled);
	hello.dialled = hl_text(dialled);
	CU_ASSERT_EQUAL(step(s, hl_text(""), &first), GSASL_NEEDS_MORE);
	hello.scram = hl_buf_view(&first);
	hl_msg_put(&s->io.out, &hl_msg_hello_proxy, 0, &hello);
	hl_wish_send(&s->wishes, port);
}

static void answer(struct stranger *s, uint32_t port, const struct hl_frame *f)
{
	HL_AUTO(hl_buf_clear) struct hl_buf final = hl_buf(HL_SCRAM_MAX);
	struct hl_auth_request request;
	struct hl_auth_answer say;

	CU_ASSERT_EQUAL(hl_msg_get(&hl_msg_auth_request, f, &request), HL_OK);
	CU_ASSERT_EQUAL(step(s, request.scram, &final), GSASL_NEEDS_MORE);
	say.scram = hl_buf_view(&final);
	hl_msg_put(&s->io.out, &hl_msg_auth_answer, 0, &say);
	hl_wish_send(&s->wishes, port);
}

static void judge(struct stranger *s, const struct hl_frame *f)
{
	HL_AUTO(hl_buf_clear) struct hl_buf nothing = hl_buf(HL_SCRAM_MAX);
	struct hl_auth_result result;

	s->result = hl_msg_get(&hl_msg_auth_result, f, &result) == HL_OK;
	s->theirs = s->result ? step(s, result.scram, &nothing) : -1;
}

static void on_frame(struct stranger *s, uint32_t port, const struct hl_frame *f)
{
	struct hl_refused no;

	if (f->type == HL_T_auth_request) {
		answer(s, port, f);
		return;
	}
	if (f->type == HL_T_auth_result)
		judge(s, f);
	else if (hl_msg_get(&hl_msg_refused, f, &no) == HL_OK)
		s->refused = hl_err_of_wire(no.code);
	hl_wish_close(&s->wishes, port, false);
}

static void on_event(void *at, const struct hl_event *e)
{
	struct stranger *s = at;
	struct hl_frame f;

	if (e->kind == HL_EV_OPENED && e->err == HL_OK)
		say_hello(s, e->port);
	if (e->kind == HL_EV_ENDED || (e->kind == HL_EV_OPENED && e->err != HL_OK))
		s->over = true;
	while (e->kind == HL_EV_BYTES &&
		hl_frame_peek(hl_buf_view(&s->io.in), HL_FRAME_GATEWAY, &f) == HL_OK) {
		on_frame(s, e->port, &f);
		hl_buf_eat(&s->io.in, f.whole.n);
	}
}

static bool on_wish(void *at, struct hl_wish *out)
{
	return hl_wishes_take(&((struct stranger *)at)->wishes, 0, out);
}

static struct hl_port *port_of(void *at, uint32_t port)
{
	(void)port;
	return &((struct stranger *)at)->io;
}

static const struct hl_core_ops stranger_ops = { on_event, on_wish, port_of };

static bool is_over(void *at)
{
	return ((struct stranger *)at)->over;
}

static int set(struct stranger *s, Gsasl_property property, struct hl_bytes value)
{
	return gsasl_property_set_raw(s->session, property, (const char *)value.p, value.n);
}

/* Let them in with this password, and see how both sides take it. */
static void visit(struct stranger *s, struct hl_bytes password)
{
	struct world *w;
	struct sim_node *node;

	*s = (struct stranger){ .io = { hl_buf(HL_FRAME_MAX), hl_buf(HL_FRAME_MAX) },
		.proxy = { .family = HL_INET, .ip = { 127, 16, 0, 11 }, .port = 2310 } };
	CU_ASSERT_EQUAL_FATAL(world_new(1, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(gsasl_init(&s->gsasl), GSASL_OK);
	CU_ASSERT_EQUAL_FATAL(gsasl_client_start(s->gsasl, "SCRAM-SHA-256", &s->session), GSASL_OK);
	CU_ASSERT_EQUAL(set(s, GSASL_AUTHID, hl_text("acmeservice")), GSASL_OK);
	CU_ASSERT_EQUAL(set(s, GSASL_AUTHZID, hl_text("ACMEPARTONE")), GSASL_OK);
	CU_ASSERT_EQUAL(set(s, GSASL_PASSWORD,
				password.n ? password : hl_secret_view(&w->service.service_password)),
		GSASL_OK);
	node = sim_node(w->sim, "stranger");
	s->env = sim_env(node);
	hl_wish_dial(&s->wishes, HL_PORT_DIALLED | 1, &s->proxy, 0);
	sim_core(node, &stranger_ops, s);
	CU_ASSERT(sim_run(w->sim, is_over, s, 30000000));
	sim_kill(node);
	gsasl_finish(s->session);
	gsasl_done(s->gsasl);
	hl_buf_clear(&s->io.in);
	hl_buf_clear(&s->io.out);
	hl_wishes_clear(&s->wishes);
	world_free(w);
}

static void their_client_logs_in_at_our_directory(void)
{
	struct stranger s;

	visit(&s, hl_text(""));
	CU_ASSERT_EQUAL(s.refused, HL_OK);
	CU_ASSERT(s.result);
	CU_ASSERT_EQUAL(s.theirs, GSASL_OK);
}

static void their_client_with_a_wrong_password_is_refused(void)
{
	struct stranger s;

	visit(&s, hl_text("not-the-password-of-acmeservice"));
	CU_ASSERT_EQUAL(s.refused, HL_E_SERVICE_AUTH);
	CU_ASSERT(!s.result);
}

static CU_TestInfo tests[] = {
	{ "their client logs in at our directory", their_client_logs_in_at_our_directory },
	{ "their client with a wrong password is refused", their_client_with_a_wrong_password_is_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("gsasl_gateway", tests)
