#include "tests/fuzz/gate.h"

#include "lib/wire/messages.h"

#define ROUNDS 100 /* more deadlines than any conversation has */

static const uint8_t secret[32] = "of the link proxy1 > directory1";

static const struct proxy_conf conf = {
	.name = "proxy1",
	.directory = "directory1",
	.directory_at = { .family = HL_INET, .ip = { 127, 0, 0, 21 }, .port = 2400 },
	.link_secret = { secret, sizeof secret },
	.address = { .family = HL_INET, .ip = { 127, 0, 0, 11 }, .port = 2300 },
	.clients_max = 4,
};

/* -- a fixed outside world --------------------------------------------------------------------- */

static int64_t env_mono(void *at)
{
	return ((struct gate *)at)->now_us;
}

static int64_t env_wall(void *at)
{
	return 1767225600000 + ((struct gate *)at)->now_us / 1000;
}

static void env_random(void *at, void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] =
			(uint8_t)(0x9e3779b97f4a7c15u * ++((struct gate *)at)->draws >> 56);
}

static void env_trace(void *at, const struct hl_trace *t)
{
	struct hl_buf line = hl_buf(HL_BUF_MAX);

	(void)at;
	if (t->msg)
		hl_msg_json(&line, t->msg, t->body);
	HL_FUZZ_MUST(line.err == HL_OK);
	hl_buf_clear(&line);
}

static bool env_fault(void *at, enum hl_point p, uint64_t entity, struct hl_fault *out)
{
	(void)at, (void)p, (void)entity, (void)out;
	return false;
}

static void env_submit(void *at, struct hl_job *j)
{
	(void)at, (void)j;
	abort(); /* a proxy has no jobs */
}

static void env_halt(void *at, hl_err why)
{
	(void)at, (void)why;
	abort(); /* nor a reason to halt */
}

static const struct hl_env_ops env_ops = { env_mono, env_wall, env_random, env_trace, env_fault,
	env_submit, env_halt };

/* -- the shell --------------------------------------------------------------------------------- */

static void tell(struct gate *g, enum hl_event_kind kind, uint32_t port, hl_err err)
{
	proxy_event(g->proxy, &(struct hl_event){ .kind = kind, .port = port, .err = err });
}

/* Put bytes into a port of the proxy; how many found room. */
static size_t give(struct gate *g, uint32_t port, struct hl_bytes bytes)
{
	struct hl_port *io = proxy_core.port(g->proxy, port);
	size_t room = io ? io->in.max - io->in.n : 0;
	size_t n = bytes.n < room ? bytes.n : room;

	if (n == 0)
		return 0;
	hl_buf_put(&io->in, hl_bytes(bytes.p, n));
	HL_FUZZ_MUST(io->in.err == HL_OK);
	tell(g, HL_EV_BYTES, port, HL_OK);
	return n;
}

static hl_err link_secret(
	void *at, enum hl_channel_kind kind, uint32_t generation, struct hl_secret *out)
{
	(void)at, (void)generation;
	return kind == HL_CHANNEL_LINK ? hl_secret_set(out, conf.link_secret) : HL_E_NOT_FOUND;
}

static void link_hello(struct gate *g)
{
	uint8_t binding[HL_BINDING];
	char name[2 * HL_NAME_TEXT + 2];
	struct hl_channel_bond bond = { .binding = hl_bytes(binding, sizeof binding),
		.initiator = hl_role_text(HL_ROLE_PROXY),
		.responder = hl_role_text(HL_ROLE_DIRECTORY),
		.name = name,
		.alpn = HL_ALPN_LINK };
	struct hl_link_hello hello;
	struct hl_frame f;

	HL_FUZZ_MUST(hl_frame_peek(hl_buf_view(&g->link.in), HL_FRAME_GATEWAY, &f) == HL_OK);
	HL_FUZZ_MUST(hl_msg_get(&hl_msg_link_hello, &f, &hello) == HL_OK);
	HL_FUZZ_MUST(hl_link_bond(f.whole, &hello, binding, name) == HL_OK);
	HL_FUZZ_MUST(hl_channel_answer(g->ctx, &bond, link_secret, NULL, &g->channel) == HL_OK);
	hl_buf_eat(&g->link.in, f.whole.n);
}

static void link_flush(struct gate *g)
{
	if (g->link.out.n > 0)
		HL_FUZZ_MUST(
			give(g, PROXY_PORT_DIRECTORY, hl_buf_view(&g->link.out)) == g->link.out.n);
	hl_buf_reset(&g->link.out);
}

static void link_send(struct gate *g, const struct hl_msg *m, uint32_t id, const void *body)
{
	HL_FUZZ_MUST(hl_channel_send(g->channel, &g->link, m, id, body) == HL_OK);
	link_flush(g);
}

/* The proxy has written to the directory. */
static void directory_reads(struct gate *g, struct hl_port *io)
{
	struct hl_heartbeat_answer told = {
		.epoch = hl_text("epoch-of-12b"), .realm = hl_text("realm"), .iterations = 4096
	};
	struct hl_frame f;

	hl_buf_move(&g->link.in, &io->out);
	if (!g->channel)
		link_hello(g);
	HL_FUZZ_MUST(hl_channel_pump(g->channel, &g->link) == HL_OK);
	while (hl_channel_next(g->channel, &f) == HL_OK) {
		if (f.type == HL_T_heartbeat) {
			link_send(g, &hl_msg_heartbeat_answer, f.id, &told);
			continue;
		}
		HL_FUZZ_MUST(f.type == HL_T_dir_query && !g->asked);
		g->asked = true;
		hl_buf_put(&g->query, f.whole);
	}
	link_flush(g);
}

/* An HSM was shown a ticket. */
static void hsm_reads(struct gate *g, uint32_t port, struct hl_port *io)
{
	struct hl_bytes says = g->hsm_says;
	struct hl_frame f;

	if (hl_frame_peek(says, HL_FRAME_MAX, &f) == HL_OK)
		says = f.whole;
	g->hsm_says = hl_bytes(g->hsm_says.p + says.n, g->hsm_says.n - says.n);
	hl_buf_reset(&g->shown);
	hl_buf_move(&g->shown, &io->out);
	give(g, port, says);
}

static void dial(struct gate *g, const struct hl_wish *w)
{
	hl_err err = w->port == PROXY_PORT_DIRECTORY ? HL_OK : g->hsm_err;

	if (w->port != PROXY_PORT_DIRECTORY) {
		HL_FUZZ_MUST(g->hsm_port == 0); /* one HSM after the other */
		g->dialled++;
		g->hsm_port = err == HL_OK ? w->port : 0;
	}
	tell(g, HL_EV_OPENED, w->port, err);
}

static void send(struct gate *g, uint32_t port)
{
	struct hl_port *io = proxy_core.port(g->proxy, port);

	if (!io)
		return;
	HL_FUZZ_MUST(io->out.err == HL_OK);
	if (port == PROXY_PORT_DIRECTORY)
		directory_reads(g, io);
	else if (port == GATE_CLIENT)
		hl_buf_move(&g->heard, &io->out);
	else
		hsm_reads(g, port, io);
}

static void end_port(struct gate *g, uint32_t port)
{
	HL_FUZZ_MUST(port != PROXY_PORT_DIRECTORY); /* nothing that a client says ends the link */
	HL_FUZZ_MUST(port == GATE_CLIENT ? g->open : port == g->hsm_port);
	if (port == GATE_CLIENT)
		g->open = false;
	else
		g->hsm_port = 0;
	tell(g, HL_EV_ENDED, port, HL_OK);
}

static void fulfil(struct gate *g, const struct hl_wish *w)
{
	switch (w->kind) {
	case HL_WISH_DIAL:
		dial(g, w);
		break;
	case HL_WISH_SEND:
		send(g, w->port);
		break;
	case HL_WISH_CLOSE:
		if (w->drain)
			send(g, w->port);
		end_port(g, w->port);
		break;
	case HL_WISH_RELAY:
		g->relayed = true;
		end_port(g, w->port);
		end_port(g, w->other);
		break;
	case HL_WISH_WAIT:
		g->wait_us = w->at_us;
		break;
	default:
		abort(); /* a proxy resolves no names */
	}
}

static void drain(struct gate *g)
{
	struct hl_wish w;

	while (proxy_wish(g->proxy, &w))
		fulfil(g, &w);
}

/* -- the target's side ------------------------------------------------------------------------- */

static void set_up(struct gate *g)
{
	static struct hl_env env = { .ops = &env_ops };

	env.at = g;
	g->now_us = 1000000;
	g->heard = g->query = g->shown = hl_buf(HL_BUF_MAX);
	g->link.in = g->link.out = hl_buf(HL_BUF_MAX);
	HL_FUZZ_MUST(hl_channel_ctx_new(&g->ctx) == HL_OK);
	HL_FUZZ_MUST(proxy_new(&env, &conf, &g->proxy) == HL_OK);
	drain(g);
}

struct gate *gate_begin(void)
{
	static struct gate g;

	if (!g.proxy)
		set_up(&g);
	HL_FUZZ_MUST(proxy_ready(g.proxy));
	hl_buf_reset(&g.heard);
	hl_buf_reset(&g.query);
	hl_buf_reset(&g.shown);
	g.asked = g.relayed = false;
	g.dialled = 0;
	g.hsm_err = HL_OK;
	g.hsm_says = hl_text("");
	g.draws = 0;
	g.open = true;
	proxy_event(g.proxy, &(struct hl_event){ .kind = HL_EV_ACCEPTED,
				     .port = GATE_CLIENT,
				     .peer = { .family = HL_INET, .ip = { 127, 0, 0, 1 } } });
	drain(&g);
	return &g;
}

void gate_say(struct gate *g, struct hl_bytes bytes, size_t piece)
{
	while (g->open && bytes.n > 0) {
		size_t n = piece && piece < bytes.n ? piece : bytes.n;

		n = give(g, GATE_CLIENT, hl_bytes(bytes.p, n));
		if (n == 0)
			return;
		drain(g);
		bytes = hl_bytes(bytes.p + n, bytes.n - n);
	}
}

static uint32_t query_id(struct gate *g)
{
	struct hl_frame f;

	HL_FUZZ_MUST(g->asked && hl_frame_peek(hl_buf_view(&g->query), HL_FRAME_MAX, &f) == HL_OK);
	g->asked = false;
	return f.id;
}

void gate_answer(struct gate *g, const struct hl_msg *m, const void *body)
{
	link_send(g, m, query_id(g), body);
	drain(g);
}

void gate_answer_frame(struct gate *g, const struct hl_frame *f)
{
	struct proxy_conn *c = hl_map_take(&g->proxy->queries, query_id(g));

	HL_FUZZ_MUST(c);
	proxy_conn_answered(c, f);
	drain(g);
}

void gate_end(struct gate *g)
{
	for (unsigned i = 0; i < ROUNDS && (g->open || g->hsm_port); i++) {
		HL_FUZZ_MUST(g->wait_us > 0);
		g->now_us = g->wait_us > g->now_us ? g->wait_us : g->now_us;
		tell(g, HL_EV_TIME, 0, HL_OK);
		drain(g);
	}
	HL_FUZZ_MUST(!g->open && !g->hsm_port && proxy_clients(g->proxy) == 0);
	HL_FUZZ_MUST(g->proxy->ports.n == 0 && g->proxy->queries.n == 0);
}

bool gate_heard(struct gate *g, struct hl_frame *f)
{
	static struct hl_buf one; /* `f` is valid until the next call */
	hl_err err;

	if (g->heard.n == 0)
		return false;
	err = hl_frame_peek(hl_buf_view(&g->heard), HL_FRAME_GATEWAY, f);
	HL_FUZZ_MUST(err == HL_OK);
	one.max = HL_FRAME_MAX;
	hl_buf_reset(&one);
	hl_buf_put(&one, f->whole);
	hl_buf_eat(&g->heard, f->whole.n);
	return hl_frame_peek(hl_buf_view(&one), HL_FRAME_GATEWAY, f) == HL_OK;
}

void gate_hello(struct hl_buf *out)
{
	struct hl_hello_proxy hello = { .version_min = 1,
		.version_max = 1,
		.connection = hl_text("connection-01234"),
		.client_id = hl_text("fuzz"),
		.partition = hl_text("PRIMUSDEV001"),
		.pool = hl_text("pool.hsmlet.test"),
		.dialled = hl_text("127.0.0.11:2300"),
		.scram = hl_text("n,a=PRIMUSDEV001,n=svc,r=rOprNGfwEbeRWgbNEkqO") };

	hl_msg_put(out, &hl_msg_hello_proxy, 0, &hello);
}

void gate_proof(struct hl_buf *out)
{
	struct hl_auth_answer proof = { .scram = hl_text("c=biws,r=rOprNGfwEbeRWgbNEkqO,p=AAAA") };

	hl_msg_put(out, &hl_msg_auth_answer, 0, &proof);
}
