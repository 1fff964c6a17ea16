#include "tests/sim/knock.h"

#define PATIENCE_US 60000000

static void on_event(void *core, const struct hl_event *e)
{
	struct knock *k = core;

	k->accepted += e->kind == HL_EV_ACCEPTED;
	if (e->port != k->port)
		return;
	if (e->kind == HL_EV_OPENED && e->err == HL_OK) {
		k->open = true;
		k->opened_us = sim_now_us(k->w->sim);
	} else if (e->kind == HL_EV_OPENED || e->kind == HL_EV_ENDED) {
		k->over = true;
		k->over_us = sim_now_us(k->w->sim);
	}
}

static bool on_wish(void *core, struct hl_wish *out)
{
	return hl_wishes_take(&((struct knock *)core)->wishes, 0, out);
}

static struct hl_port *on_port(void *core, uint32_t port)
{
	(void)port;
	return &((struct knock *)core)->io;
}

static const struct hl_core_ops ops = { on_event, on_wish, on_port };

void knock_init(struct knock *k, struct world *w, const char *name)
{
	*k = (struct knock){ .w = w, .io = { hl_buf(HL_BUF_MAX), hl_buf(HL_BUF_MAX) }, .port = HL_PORT_DIALLED };
	k->node = sim_node(w->sim, name);
	if (k->node)
		sim_core(k->node, &ops, k);
}

void knock_clear(struct knock *k)
{
	sim_kill(k->node);
	hl_buf_clear(&k->io.in);
	hl_buf_clear(&k->io.out);
	hl_wishes_clear(&k->wishes);
}

static bool open_or_over(void *at)
{
	const struct knock *k = at;

	return k->open || k->over;
}

bool knock_dial(struct knock *k, const struct hl_addr *to)
{
	knock_hang_up(k);
	k->open = k->over = false;
	hl_buf_reset(&k->io.in);
	hl_buf_reset(&k->io.out);
	hl_wish_dial(&k->wishes, ++k->port, to, 0);
	sim_pump(k->node);
	return sim_run(k->w->sim, open_or_over, k, PATIENCE_US) && k->open;
}

void knock_say(struct knock *k, struct hl_bytes bytes)
{
	hl_buf_put(&k->io.out, bytes);
	hl_wish_send(&k->wishes, k->port);
	sim_pump(k->node);
}

static bool frame_or_over(void *at)
{
	const struct knock *k = at;
	struct hl_frame f;

	return k->over || hl_frame_peek(hl_buf_view(&k->io.in), HL_FRAME_MAX, &f) != HL_E_SHORT;
}

bool knock_hear(struct knock *k, struct hl_frame *f)
{
	return sim_run(k->w->sim, frame_or_over, k, PATIENCE_US) &&
		hl_frame_peek(hl_buf_view(&k->io.in), HL_FRAME_MAX, f) == HL_OK;
}

void knock_eat(struct knock *k, const struct hl_frame *f)
{
	hl_buf_eat(&k->io.in, f->whole.n);
}

static bool is_over(void *at)
{
	return ((const struct knock *)at)->over;
}

int64_t knock_ended_after(struct knock *k)
{
	return sim_run(k->w->sim, is_over, k, PATIENCE_US) ? k->over_us - k->opened_us : -1;
}

void knock_hang_up(struct knock *k)
{
	if (!k->open || k->over)
		return;
	hl_wish_close(&k->wishes, k->port, false);
	sim_pump(k->node);
	sim_run(k->w->sim, is_over, k, PATIENCE_US);
}

struct hl_addr knock_at(uint8_t last, uint16_t port)
{
	return (struct hl_addr){ .family = HL_INET, .ip = { 127, 16, 0, last }, .port = port };
}

struct speaker knock_speaker(const struct world *w)
{
	return (struct speaker){
		.user = w->service.service_user,
		.partition = w->user.partition,
		.realm = "hsmlet",
		.dialled = "127.16.0.11:2310",
		.password = hl_secret_view(&w->service.service_password),
	};
}

bool knock_through_gateway(struct knock *k, struct speaker *s)
{
	struct hl_addr at = KNOCK_PROXY;
	struct hl_frame f;

	sim_enter(k->node);
	speaker_hello(s);
	if (!knock_dial(k, &at))
		return false;
	knock_say(k, hl_buf_view(&s->hello));
	if (!knock_hear(k, &f) || speaker_answer(s, &f) != HL_OK)
		return false;
	knock_eat(k, &f);
	knock_say(k, hl_buf_view(&s->answer));
	if (!knock_hear(k, &f) || f.type != HL_T_auth_result)
		return false;
	knock_eat(k, &f);
	return true;
}

/* -- inside a channel -------------------------------------------------------------------------------- */

static bool bytes_or_over(void *at)
{
	const struct knock *k = at;

	return k->over || k->io.in.n > 0;
}

static bool more_or_over(void *at)
{
	const struct knock *k = at;

	return k->over || k->io.in.n > k->looked;
}

static void pump(struct knock *k, struct hl_channel *c)
{
	sim_enter(k->node);
	if (hl_channel_pump(c, &k->io) != HL_OK)
		knock_hang_up(k);
	hl_wish_send(&k->wishes, k->port);
	sim_pump(k->node);
}

bool knock_shake(struct knock *k, struct hl_channel *c)
{
	pump(k, c);
	while (!hl_channel_ready(c) && sim_run(k->w->sim, bytes_or_over, k, PATIENCE_US) && !k->over)
		pump(k, c);
	return hl_channel_ready(c) && !k->over;
}

void knock_say_inside(struct knock *k, struct hl_channel *c, const struct hl_msg *m, uint32_t id, const void *body)
{
	sim_enter(k->node);
	if (hl_channel_send(c, &k->io, m, id, body) != HL_OK)
		knock_hang_up(k);
	hl_wish_send(&k->wishes, k->port);
	sim_pump(k->node);
}

bool knock_hear_inside(struct knock *k, struct hl_channel *c, struct hl_frame *f)
{
	while (hl_channel_next(c, f) != HL_OK) {
		k->looked = k->io.in.n; /* a part of a record */
		if (!sim_run(k->w->sim, more_or_over, k, PATIENCE_US) || k->io.in.n == k->looked)
			return false;
		pump(k, c);
	}
	return true;
}

struct hl_channel *knock_link(struct knock *k, struct hl_channel_ctx *ctx, enum hl_role role, const char *name,
	const uint8_t key[32])
{
	HL_AUTO(hl_buf_clear) struct hl_buf first = hl_buf(1024);
	uint8_t binding[HL_BINDING], id[HL_CONNECTION_ID] = { 1 };
	char pair[2 * HL_NAME_TEXT + 2];
	struct hl_addr at = KNOCK_DIRECTORY;
	struct hl_link_hello hello = {
		.role = (uint8_t)role,
		.name = hl_text(name),
		.peer = hl_text("directory1"),
		.connection = hl_bytes(id, sizeof id),
	};
	struct hl_channel_bond bond = {
		.binding = hl_bytes(binding, sizeof binding),
		.initiator = hl_role_text(role),
		.responder = hl_role_text(HL_ROLE_DIRECTORY),
		.name = pair,
		.alpn = HL_ALPN_LINK,
	};
	struct hl_channel *c = NULL;

	hl_msg_put(&first, &hl_msg_link_hello, 0, &hello);
	if (!knock_dial(k, &at) || hl_link_bond(hl_buf_view(&first), &hello, binding, pair) != HL_OK ||
		hl_channel_dial(ctx, &bond, HL_CHANNEL_LINK, 0, hl_bytes(key, 32), &c) != HL_OK)
		return NULL;
	knock_say(k, hl_buf_view(&first));
	if (!knock_shake(k, c)) {
		hl_channel_free(c);
		return NULL;
	}
	return c;
}
