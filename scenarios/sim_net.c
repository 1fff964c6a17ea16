/* sim_net.c - the network of the simulator: connections, relays, and the harm that comes to bytes on their way. */
#include "scenarios/sim_impl.h"

#include <stdlib.h>

/* -- connections ------------------------------------------------------------------------------------------------ */

struct conn *sim_find(struct sim_node *n, uint32_t port, unsigned *side)
{
	for (struct conn *c = n->sim->conns; c; c = c->next)
		for (*side = 0; *side < 2; (*side)++)
			if (c->end[*side].node == n && c->end[*side].port == port && c->end[*side].open)
				return c;
	return NULL;
}

static bool harms(const struct sim_harm *h, const struct sim_node *from, const struct sim_node *to)
{
	return strcmp(h->from, from->name) == 0 && strcmp(h->to, to->name) == 0;
}

void sim_dial(struct sim_node *n, const struct hl_wish *w)
{
	struct sim *s = n->sim;
	struct happening h = { .what = W_OPENED, .node = n, .port = w->port, .err = HL_E_REFUSED };
	struct conn *c;
	size_t i = 0;

	while (i < s->listens && (!hl_addr_same_host(&s->listen[i].address, &w->addr) ||
					 s->listen[i].address.port != w->addr.port || !s->listen[i].node->core))
		i++;
	if (i == s->listens) {
		sim_put(s, &h, LATENCY_US);
		return;
	}
	c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->end[0] = (struct end){ .node = n, .port = w->port, .open = true };
	c->end[1] = (struct end){ .node = s->listen[i].node, .port = s->listen[i].node->next_port++, .open = true };
	for (unsigned way = 0; way < 2; way++)
		c->harm[way] = s->harmed && s->harm.way == way && harms(&s->harm, n, c->end[1].node)
			? s->harm
			: (struct sim_harm){ .cut_after = -1, .flip_at = -1 };
	c->stalls = s->harmed && s->harm_stalls;
	c->next = s->conns;
	s->conns = c;
	sim_put(s, &(struct happening){ .what = W_ACCEPT, .node = c->end[1].node, .port = c->end[1].port,
		     .listener = s->listen[i].listener, .conn = c, .side = 1 },
		LATENCY_US);
	h.err = HL_OK;
	h.conn = c;
	sim_put(s, &h, LATENCY_US);
}

static void end_soon(struct sim *s, struct conn *c, unsigned side, hl_err err)
{
	sim_put(s, &(struct happening){ .what = W_ENDED, .node = c->end[side].node, .port = c->end[side].port,
		     .conn = c, .side = side, .err = err },
		LATENCY_US);
}

/* Whether what leaves from `side` is swallowed by now. */
static bool stands(const struct conn *c, unsigned side)
{
	const struct sim_harm *harm = &c->harm[side == 0 ? SIM_FORTH : SIM_BACK];

	return c->stalls && harm->cut_after >= 0 && c->sent[side] >= harm->cut_after;
}

/* `side` has closed: the other end hears it behind all that was said, and not at all where that is swallowed. */
static void closed_by(struct sim *s, struct conn *c, unsigned side, hl_err err)
{
	if (!stands(c, side))
		end_soon(s, c, 1 - side, err);
}

/* Bytes that leave from `side` of a connection: harmed on their way, cut where the harm says so. */
static void carry(struct sim *s, struct conn *c, unsigned side, struct hl_bytes bytes)
{
	struct sim_harm *harm = &c->harm[side == 0 ? SIM_FORTH : SIM_BACK];
	int64_t *sent = &c->sent[side];
	struct end *to = &c->end[1 - side];
	size_t piece = harm->slice ? harm->slice : bytes.n;

	if (c->cut)
		return;
	for (size_t at = 0; at < bytes.n; at += piece) {
		struct happening h = { .what = W_BYTES, .node = to->node, .port = to->port, .conn = c,
			.side = 1 - side, .bytes = hl_buf(HL_BUF_MAX) };
		size_t n = bytes.n - at < piece ? bytes.n - at : piece;

		if (harm->cut_after >= 0 && *sent + (int64_t)n > harm->cut_after)
			n = (size_t)(harm->cut_after - *sent);
		hl_buf_put(&h.bytes, hl_bytes(bytes.p + at, n));
		if (harm->flip_at >= *sent && harm->flip_at < *sent + (int64_t)n)
			h.bytes.base[harm->flip_at - *sent] ^= 1;
		*sent += (int64_t)n;
		if (s->tap && n > 0)
			s->tap(s->tap_at, c->end[side].node->name, to->node->name, hl_buf_view(&h.bytes));
		if (n > 0)
			sim_put(s, &h, LATENCY_US);
		else
			hl_buf_clear(&h.bytes);
		if (harm->cut_after >= 0 && *sent >= harm->cut_after && c->stalls)
			return;
		if (harm->cut_after >= 0 && *sent >= harm->cut_after) {
			c->cut = true;
			end_soon(s, c, 0, HL_OK);
			end_soon(s, c, 1, HL_OK);
			return;
		}
	}
}

void sim_flush(struct sim_node *n, uint32_t port)
{
	unsigned side;
	struct conn *c = sim_find(n, port, &side);
	struct hl_port *io = n->ops->port(n->core, port);

	if (!c || !io)
		return;
	/* As the live shell: a core that stopped for want of room hears when there is some. */
	if (io->out.n >= io->out.max / 2)
		sim_put(n->sim, &(struct happening){ .what = W_ROOM, .node = n, .port = port }, LATENCY_US);
	carry(n->sim, c, side, hl_buf_view(&io->out));
	hl_buf_eat(&io->out, io->out.n);
}

void sim_close(struct sim_node *n, const struct hl_wish *w)
{
	unsigned side;
	struct conn *c;

	if (w->drain)
		sim_flush(n, w->port);
	c = sim_find(n, w->port, &side);
	if (!c)
		return;
	if (!c->cut) {
		c->cut = true;
		closed_by(n->sim, c, side, HL_OK);
	}
	end_soon(n->sim, c, side, HL_OK);
}

static struct end *end_of(struct sim_node *n, uint32_t port)
{
	unsigned side;
	struct conn *c = sim_find(n, port, &side);

	return c ? &c->end[side] : NULL;
}

static struct conn *conn_of(struct sim *s, const struct end *e, unsigned *side)
{
	for (struct conn *c = s->conns; c; c = c->next)
		for (*side = 0; *side < 2; (*side)++)
			if (&c->end[*side] == e)
				return c;
	return NULL;
}

/* What the core had read already goes on first, in order. */
static void forward_rest(struct sim_node *n, struct end *from)
{
	struct hl_port *io = n->ops->port(n->core, from->port);
	unsigned side;
	struct conn *c = conn_of(n->sim, from->relay, &side);

	if (!io || !c || io->in.n == 0)
		return;
	carry(n->sim, c, side, hl_buf_view(&io->in));
	hl_buf_eat(&io->in, io->in.n);
}

static void join(struct sim_node *n, struct end *a, struct end *b)
{
	a->relay = b;
	b->relay = a;
	forward_rest(n, a);
	forward_rest(n, b);
}

void sim_relay(struct sim_node *n, const struct hl_wish *w)
{
	struct end *a = end_of(n, w->port), *b = end_of(n, w->other);

	sim_flush(n, w->port);
	sim_flush(n, w->other);
	if (!a || !b)
		return;
	if (!n->swap_relays) {
		join(n, a, b);
	} else if (!n->odd_relay[0]) {
		n->odd_relay[0] = a;
		n->odd_relay[1] = b;
	} else {
		join(n, n->odd_relay[0], b);
		join(n, a, n->odd_relay[1]);
		n->odd_relay[0] = n->odd_relay[1] = NULL;
	}
}

/* -- what arrives ---------------------------------------------------------------------------------------------------- */

/* As much as the core's port has room for, in order; the rest when it has eaten. */
static void give_held(struct sim *s, const struct happening *h, struct end *e)
{
	struct hl_port *io = e->node->ops->port(e->node->core, e->port);
	size_t room = io ? io->in.max - io->in.n : 0;
	struct hl_bytes held = hl_buf_view(&e->held);
	struct happening again = *h;

	if (!io)
		return;
	held.n = held.n < room ? held.n : room;
	hl_buf_put(&io->in, held);
	hl_buf_eat(&e->held, held.n);
	again.bytes = hl_buf(0);
	if (e->held.n > 0)
		sim_put(s, &again, LATENCY_US);
	sim_tell(e->node, &(struct hl_event){ .kind = HL_EV_BYTES, .port = e->port });
}

void sim_bytes_came(struct sim *s, struct happening *h)
{
	struct end *e = &h->conn->end[h->side];
	unsigned side;

	if (!e->open || !e->node->core)
		return;
	if (e->relay) {
		struct conn *on = conn_of(s, e->relay, &side);

		if (on && e->relay->open)
			carry(s, on, side, hl_buf_view(&h->bytes));
		return;
	}
	if (e->held.max == 0)
		e->held = hl_buf(HL_BUF_MAX);
	hl_buf_put(&e->held, hl_buf_view(&h->bytes));
	give_held(s, h, e);
}

void sim_conn_ended(struct sim *s, struct happening *h)
{
	struct end *e = &h->conn->end[h->side];
	unsigned side;

	if (!e->open)
		return;
	if (e->held.n > 0 && e->node->core) { /* what came before the end is read before it */
		sim_put(s, h, LATENCY_US);
		return;
	}
	e->open = false;
	hl_buf_clear(&e->held);
	if (e->relay) {
		struct conn *on = conn_of(s, e->relay, &side);

		e->relay->relay = NULL;
		if (on && e->relay->open) {
			on->cut = true;
			closed_by(s, on, side, h->err);
			end_soon(s, on, side, h->err);
		}
		e->relay = NULL;
	}
	sim_tell(e->node, &(struct hl_event){ .kind = HL_EV_ENDED, .port = e->port, .err = h->err });
}

void sim_conns_kill(struct sim_node *n)
{
	struct sim *s = n->sim;

	for (struct conn *c = s->conns; c; c = c->next)
		for (unsigned side = 0; side < 2; side++)
			if (c->end[side].node == n && c->end[side].open) {
				c->end[side].open = false;
				c->cut = true;
				end_soon(s, c, 1 - side, HL_OK);
			}
}

void sim_conns_free(struct sim *s)
{
	while (s->conns) {
		struct conn *c = s->conns;

		s->conns = c->next;
		hl_buf_clear(&c->end[0].held);
		hl_buf_clear(&c->end[1].held);
		free(c);
	}
}

/* -- what the scenario asks for ------------------------------------------------------------------------------ */

void sim_harm(struct sim *s, const struct sim_harm *harm)
{
	s->harmed = harm != NULL;
	s->harm_stalls = false;
	if (harm)
		s->harm = *harm;
}

void sim_harm_stall(struct sim *s, const struct sim_harm *harm)
{
	sim_harm(s, harm);
	s->harm_stalls = true;
}

void sim_stall(struct sim *s, const char *from, const char *to)
{
	for (struct conn *c = s->conns; c; c = c->next)
		for (unsigned way = 0; way < 2; way++)
			if (strcmp(c->end[0].node->name, from) == 0 && strcmp(c->end[1].node->name, to) == 0) {
				c->harm[way].cut_after = c->sent[way];
				c->stalls = true;
			}
}

void sim_swap_relays(struct sim_node *n)
{
	n->swap_relays = true;
}

void sim_tap_set(struct sim *s, sim_tap *tap, void *at)
{
	s->tap = tap;
	s->tap_at = at;
}
