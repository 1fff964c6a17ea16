/* sim.c - the queue of events, the nodes, and the network between them. */
#include "scenarios/sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/wire/messages.h"
#include "scenarios/rand.h"

#define LATENCY_US 50
#define NODES 32
#define LISTENS 64
#define NAMES 8
#define NAME_ADDRESSES 64
#define TRACE_MAX (64u << 20)
#define WALL_START_MS 1767225600000 /* 2026-01-01 */

/* One end of a connection. */
struct end {
	struct sim_node *node;
	uint32_t port;
	bool open;       /* the core knows it and has not heard ENDED */
	bool draining;   /* closed by its core, bytes still leave */
	struct end *relay; /* bytes that arrive here go on from there */
	struct hl_buf held; /* came, but the core's port had no room: what a socket would hold back */
};

struct conn {
	struct end end[2]; /* dialling, answering */
	struct sim_harm harm[2]; /* by way */
	bool stalls;             /* where harm says cut */
	int64_t sent[2];
	bool cut;
	struct conn *next;
};

enum what { W_ACCEPT, W_OPENED, W_BYTES, W_ROOM, W_ENDED, W_RESOLVED, W_JOB, W_TIME };

struct happening {
	int64_t at_us;
	uint64_t serial; /* first come, first served at the same time */
	enum what what;
	struct sim_node *node;
	uint32_t port;
	hl_err err;
	unsigned listener;
	struct conn *conn;
	unsigned side; /* whose end it concerns */
	struct hl_buf bytes;
	struct hl_job *job;
	size_t name; /* RESOLVED: which row of names; NAMES: none */
};

struct armed {
	struct hl_fault fault;
	unsigned skip, count, visits, fired;
};

struct sim_node {
	struct sim *sim;
	char name[64];
	const struct hl_core_ops *ops;
	void *core;
	struct hl_env env;
	struct hl_addr address;
	struct sim_stream stream;
	int64_t wait_us; /* the deadline it told */
	uint32_t next_port;
	bool pumping, swap_relays;
	struct end *odd_relay[2]; /* a pair that waits for another to be joined with crosswise */
	struct armed armed[HL_POINT_COUNT];
};

struct sim {
	uint64_t seed;
	int64_t now_us, wall_offset_ms;
	uint64_t serial;
	struct happening **heap;
	size_t heap_n, heap_cap;
	struct sim_node *node[NODES];
	size_t nodes;
	struct {
		struct hl_addr address;
		struct sim_node *node;
		unsigned listener;
	} listen[LISTENS];
	size_t listens;
	struct {
		char name[HL_NAME_MAX + 1];
		struct hl_addr list[NAME_ADDRESSES];
		size_t n;
	} name[NAMES];
	size_t names;
	struct conn *conns;
	struct sim_harm harm;
	bool harmed, harm_stalls;
	sim_tap *tap;
	void *tap_at;
	struct hl_buf trace;
};

/* -- the queue: a heap by time, then by order of arrival -------------------------------------------------- */

static bool before(const struct happening *a, const struct happening *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->serial < b->serial;
}

static void swap(struct sim *s, size_t i, size_t j)
{
	struct happening *h = s->heap[i];

	s->heap[i] = s->heap[j];
	s->heap[j] = h;
}

static void put(struct sim *s, const struct happening *h, int64_t after_us)
{
	struct happening *copy = malloc(sizeof *copy);
	size_t i = s->heap_n;

	if (s->heap_n == s->heap_cap) {
		s->heap_cap = s->heap_cap ? s->heap_cap * 2 : 64;
		s->heap = realloc(s->heap, s->heap_cap * sizeof *s->heap);
	}
	if (!copy || !s->heap)
		abort(); /* a simulation without memory proves nothing */
	*copy = *h;
	copy->at_us = s->now_us + after_us;
	copy->serial = s->serial++;
	s->heap[s->heap_n++] = copy;
	for (; i > 0 && before(s->heap[i], s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(s, i, (i - 1) / 2);
}

static struct happening *take(struct sim *s)
{
	struct happening *first = s->heap_n ? s->heap[0] : NULL;
	size_t i = 0;

	if (!first)
		return NULL;
	s->heap[0] = s->heap[--s->heap_n];
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < s->heap_n; child++)
			if (before(s->heap[child], s->heap[least]))
				least = child;
		if (least == i)
			return first;
		swap(s, i, least);
		i = least;
	}
}

static void happening_free(struct happening *h)
{
	hl_buf_clear(&h->bytes);
	free(h);
}

/* -- the env of a node -------------------------------------------------------------------------------------- */

static int64_t env_mono(void *at)
{
	return ((struct sim_node *)at)->sim->now_us + 1000000; /* 0 stands for "no deadline" */
}

static int64_t env_wall(void *at)
{
	const struct sim *s = ((struct sim_node *)at)->sim;

	return WALL_START_MS + s->wall_offset_ms + s->now_us / 1000;
}

static void env_random(void *at, void *out, size_t n)
{
	sim_stream_draw(&((struct sim_node *)at)->stream, out, n);
}

static void env_trace(void *at, const struct hl_trace *t)
{
	static const char *const way[] = { "got", "sent", "did" };
	struct sim_node *node = at;
	struct hl_buf *out = &node->sim->trace;
	char conn[2 * HL_CONNECTION_ID + 1] = "-";

	if (t->conn)
		hl_hex(hl_bytes(t->conn, HL_CONNECTION_ID), conn);
	hl_buf_printf(out, "%lld %s %s %s %s HL-%04u", (long long)node->sim->now_us, node->name,
		t->step >= 0 ? hl_step_row((unsigned)t->step)->name : t->what, way[t->way], conn,
		(unsigned)-t->err);
	if (t->msg) {
		hl_buf_printf(out, " %s {", t->msg->name);
		hl_msg_json(out, t->msg, t->body);
		hl_buf_text(out, "}");
	}
	if (t->note)
		hl_buf_printf(out, " %s", t->note);
	hl_buf_u8(out, '\n');
}

static bool env_fault(void *at, enum hl_point p, uint64_t entity, struct hl_fault *out)
{
	struct armed *a = &((struct sim_node *)at)->armed[p];

	(void)entity;
	if (a->count == 0 || a->visits++ < a->skip || a->fired >= a->count)
		return false;
	a->fired++;
	*out = a->fault;
	return true;
}

static void env_submit(void *at, struct hl_job *j)
{
	static const int64_t delay_us[HL_LANES] = {
		[HL_LANE_CPU] = 2000, [HL_LANE_PIN] = 10000, [HL_LANE_STORE] = 1000
	};
	struct sim_node *n = at;

	j->run(j);
	put(n->sim, &(struct happening){ .what = W_JOB, .node = n, .job = j }, delay_us[j->lane]);
}

static void env_halt(void *at, hl_err why)
{
	struct sim_node *n = at;

	env_trace(at, &(struct hl_trace){ .step = -1, .what = "halt", .way = HL_DID, .err = why });
	sim_kill(n);
}

static const struct hl_env_ops env_ops = { env_mono, env_wall, env_random, env_trace, env_fault,
	env_submit, env_halt };

/* -- nodes ---------------------------------------------------------------------------------------------------- */

hl_err sim_new(uint64_t seed, struct sim **out)
{
	struct sim *s = calloc(1, sizeof *s);

	if (!s)
		return HL_E_NOMEM;
	s->seed = seed;
	s->trace = hl_buf(TRACE_MAX);
	sim_rand_install();
	*out = s;
	return HL_OK;
}

void sim_free(struct sim *s)
{
	struct happening *h;

	if (!s)
		return;
	while ((h = take(s)) != NULL)
		happening_free(h);
	while (s->conns) {
		struct conn *c = s->conns;

		s->conns = c->next;
		hl_buf_clear(&c->end[0].held);
		hl_buf_clear(&c->end[1].held);
		free(c);
	}
	for (size_t i = 0; i < s->nodes; i++)
		free(s->node[i]);
	free(s->heap);
	hl_buf_clear(&s->trace);
	free(s);
	sim_rand_remove();
}

struct sim_node *sim_node(struct sim *s, const char *name)
{
	struct sim_node *n = s->nodes < NODES ? calloc(1, sizeof *n) : NULL;

	if (!n)
		return NULL;
	n->sim = s;
	n->env = (struct hl_env){ .ops = &env_ops, .at = n };
	n->next_port = 1;
	snprintf(n->name, sizeof n->name, "%s", name);
	n->stream.seed = s->seed;
	snprintf(n->stream.entity, sizeof n->stream.entity, "%s", name);
	n->address = (struct hl_addr){ .family = HL_INET, .ip = { 127, 0, 0, 1 }, .port = 40000 };
	s->node[s->nodes++] = n;
	return n;
}

const struct hl_env *sim_env(struct sim_node *n)
{
	return &n->env;
}

void sim_core(struct sim_node *n, const struct hl_core_ops *ops, void *core)
{
	n->ops = ops;
	n->core = core;
	sim_pump(n);
}

hl_err sim_listen(struct sim_node *n, const struct hl_addr *address, unsigned listener)
{
	struct sim *s = n->sim;

	if (s->listens == LISTENS)
		return HL_E_FULL;
	s->listen[s->listens].address = *address;
	s->listen[s->listens].node = n;
	s->listen[s->listens++].listener = listener;
	return HL_OK;
}

void sim_address(struct sim_node *n, const struct hl_addr *address)
{
	n->address = *address;
}

hl_err sim_name(struct sim *s, const char *name, const struct hl_addr *list, size_t n)
{
	if (s->names == NAMES || n > NAME_ADDRESSES)
		return HL_E_FULL;
	snprintf(s->name[s->names].name, sizeof s->name[s->names].name, "%s", name);
	memcpy(s->name[s->names].list, list, n * sizeof *list);
	s->name[s->names++].n = n;
	return HL_OK;
}

void sim_enter(struct sim_node *n)
{
	sim_rand_use(&n->stream);
}

static void tell(struct sim_node *n, const struct hl_event *e)
{
	if (!n->core)
		return;
	sim_enter(n);
	n->ops->event(n->core, e);
	sim_pump(n);
}

/* -- connections ------------------------------------------------------------------------------------------------ */

static struct conn *find(struct sim_node *n, uint32_t port, unsigned *side)
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

static void dial(struct sim_node *n, const struct hl_wish *w)
{
	struct sim *s = n->sim;
	struct happening h = { .what = W_OPENED, .node = n, .port = w->port, .err = HL_E_REFUSED };
	struct conn *c;
	size_t i = 0;

	while (i < s->listens && (!hl_addr_same_host(&s->listen[i].address, &w->addr) ||
					 s->listen[i].address.port != w->addr.port || !s->listen[i].node->core))
		i++;
	if (i == s->listens) {
		put(s, &h, LATENCY_US);
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
	put(s, &(struct happening){ .what = W_ACCEPT, .node = c->end[1].node, .port = c->end[1].port,
		     .listener = s->listen[i].listener, .conn = c, .side = 1 },
		LATENCY_US);
	h.err = HL_OK;
	h.conn = c;
	put(s, &h, LATENCY_US);
}

static void end_soon(struct sim *s, struct conn *c, unsigned side, hl_err err)
{
	put(s, &(struct happening){ .what = W_ENDED, .node = c->end[side].node, .port = c->end[side].port,
		     .conn = c, .side = side, .err = err },
		LATENCY_US);
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
			put(s, &h, LATENCY_US);
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

static void flush(struct sim_node *n, uint32_t port)
{
	unsigned side;
	struct conn *c = find(n, port, &side);
	struct hl_port *io = n->ops->port(n->core, port);

	if (!c || !io)
		return;
	/* As the live shell: a core that stopped for want of room hears when there is some. */
	if (io->out.n >= io->out.max / 2)
		put(n->sim, &(struct happening){ .what = W_ROOM, .node = n, .port = port }, LATENCY_US);
	carry(n->sim, c, side, hl_buf_view(&io->out));
	hl_buf_eat(&io->out, io->out.n);
}

static void close_port(struct sim_node *n, const struct hl_wish *w)
{
	unsigned side;
	struct conn *c;

	if (w->drain)
		flush(n, w->port);
	c = find(n, w->port, &side);
	if (!c)
		return;
	if (!c->cut) {
		c->cut = true;
		end_soon(n->sim, c, 1 - side, HL_OK);
	}
	end_soon(n->sim, c, side, HL_OK);
}

static struct end *end_of(struct sim_node *n, uint32_t port)
{
	unsigned side;
	struct conn *c = find(n, port, &side);

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

static void relay(struct sim_node *n, const struct hl_wish *w)
{
	struct end *a = end_of(n, w->port), *b = end_of(n, w->other);

	flush(n, w->port);
	flush(n, w->other);
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

static void resolve(struct sim_node *n, const struct hl_wish *w)
{
	struct sim *s = n->sim;
	size_t i = 0;

	while (i < s->names && strcmp(s->name[i].name, w->name) != 0)
		i++;
	put(s, &(struct happening){ .what = W_RESOLVED, .node = n, .port = w->port,
		     .name = i < s->names ? i : NAMES, .err = i < s->names ? HL_OK : HL_E_NAME },
		LATENCY_US);
}

void sim_pump(struct sim_node *n)
{
	struct hl_wish w;

	if (n->pumping || !n->core)
		return;
	n->pumping = true;
	while (n->core && n->ops->wish(n->core, &w)) {
		switch (w.kind) {
		case HL_WISH_DIAL:
			dial(n, &w);
			break;
		case HL_WISH_SEND:
			flush(n, w.port);
			break;
		case HL_WISH_CLOSE:
			close_port(n, &w);
			break;
		case HL_WISH_RESOLVE:
			resolve(n, &w);
			break;
		case HL_WISH_RELAY:
			relay(n, &w);
			break;
		case HL_WISH_WAIT:
			n->wait_us = w.at_us;
			if (w.at_us)
				put(n->sim, &(struct happening){ .what = W_TIME, .node = n },
					w.at_us > env_mono(n) ? w.at_us - env_mono(n) : 0);
			break;
		}
	}
	n->pumping = false;
}

/* -- happenings ---------------------------------------------------------------------------------------------------- */

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
		put(s, &again, LATENCY_US);
	tell(e->node, &(struct hl_event){ .kind = HL_EV_BYTES, .port = e->port });
}

static void bytes_came(struct sim *s, struct happening *h)
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

static void conn_ended(struct sim *s, struct happening *h)
{
	struct end *e = &h->conn->end[h->side];
	unsigned side;

	if (!e->open)
		return;
	if (e->held.n > 0 && e->node->core) { /* what came before the end is read before it */
		put(s, h, LATENCY_US);
		return;
	}
	e->open = false;
	hl_buf_clear(&e->held);
	if (e->relay) {
		struct conn *on = conn_of(s, e->relay, &side);

		e->relay->relay = NULL;
		if (on && e->relay->open) {
			on->cut = true;
			end_soon(s, on, 1 - side, h->err);
			end_soon(s, on, side, h->err);
		}
		e->relay = NULL;
	}
	tell(e->node, &(struct hl_event){ .kind = HL_EV_ENDED, .port = e->port, .err = h->err });
}

static void happen(struct sim *s, struct happening *h)
{
	struct sim_node *n = h->node;
	struct hl_event e = { .port = h->port, .err = h->err };

	if (!n) /* it was killed */
		return;
	switch (h->what) {
	case W_ACCEPT:
		e.kind = HL_EV_ACCEPTED;
		e.listener = h->listener;
		e.peer = h->conn->end[0].node->address;
		tell(n, &e);
		break;
	case W_OPENED:
		if (h->conn && h->conn->cut && h->conn->sent[0] + h->conn->sent[1] == 0)
			break; /* closed meanwhile: its ENDED is on the way */
		e.kind = HL_EV_OPENED;
		tell(n, &e);
		break;
	case W_BYTES:
		bytes_came(s, h);
		break;
	case W_ROOM:
		e.kind = HL_EV_ROOM;
		if (find(n, h->port, &h->side))
			tell(n, &e);
		break;
	case W_ENDED:
		conn_ended(s, h);
		break;
	case W_RESOLVED:
		e.kind = HL_EV_RESOLVED;
		if (h->name < NAMES) {
			e.list = s->name[h->name].list;
			e.count = s->name[h->name].n;
		}
		tell(n, &e);
		break;
	case W_JOB:
		e.kind = HL_EV_JOB;
		e.job = h->job;
		tell(n, &e);
		break;
	case W_TIME:
		/* Told often, true once: only the last deadline counts. */
		e.kind = HL_EV_TIME;
		if (n->wait_us && n->wait_us <= env_mono(n)) {
			n->wait_us = 0;
			tell(n, &e);
		}
		break;
	}
}

bool sim_step(struct sim *s)
{
	struct happening *h = take(s);

	if (!h)
		return false;
	s->now_us = h->at_us;
	happen(s, h);
	happening_free(h);
	return true;
}

bool sim_run(struct sim *s, bool (*done)(void *at), void *at, int64_t limit_us)
{
	int64_t end = s->now_us + limit_us;

	while (!done(at)) {
		if (s->heap_n == 0 || s->heap[0]->at_us > end) {
			s->now_us = end;
			return false;
		}
		sim_step(s);
	}
	return true;
}

/* What was on its way to the core that is gone: a core that takes its place knows nothing of it. */
static void forget_happenings(struct sim_node *n)
{
	struct sim *s = n->sim;

	for (size_t i = 0; i < s->heap_n; i++)
		if (s->heap[i]->node == n)
			s->heap[i]->node = NULL;
}

void sim_kill(struct sim_node *n)
{
	struct sim *s = n->sim;

	n->core = NULL;
	n->wait_us = 0;
	forget_happenings(n);
	for (struct conn *c = s->conns; c; c = c->next)
		for (unsigned side = 0; side < 2; side++)
			if (c->end[side].node == n && c->end[side].open) {
				c->end[side].open = false;
				c->cut = true;
				end_soon(s, c, 1 - side, HL_OK);
			}
}

bool sim_alive(const struct sim_node *n)
{
	return n->core != NULL;
}

size_t sim_blocks(const struct sim *s)
{
	size_t n = (s->trace.base ? 1u : 0u) + (s->heap ? 1u : 0u);

	for (const struct conn *c = s->conns; c; c = c->next)
		n += 1 + (c->end[0].held.base ? 1u : 0u) + (c->end[1].held.base ? 1u : 0u);
	for (size_t i = 0; i < s->heap_n; i++)
		n += s->heap[i]->bytes.base ? 2 : 1;
	return n;
}

int64_t sim_now_us(const struct sim *s)
{
	return s->now_us;
}

void sim_wall_advance(struct sim *s, int64_t ms)
{
	s->wall_offset_ms += ms;
}

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

void sim_fault(struct sim_node *n, enum hl_point p, const struct hl_fault *f, unsigned skip, unsigned count)
{
	n->armed[p] = (struct armed){ .fault = *f, .skip = skip, .count = count };
	n->env.faults = true;
}

unsigned sim_fired(const struct sim_node *n, enum hl_point p)
{
	return n->armed[p].fired;
}

struct hl_bytes sim_trace(const struct sim *s)
{
	return hl_buf_view(&s->trace);
}

bool sim_traced(const struct sim *s, const char *text)
{
	return memmem(s->trace.base + s->trace.off, s->trace.n, text, strlen(text)) != NULL;
}
