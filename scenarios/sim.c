/* sim.c - the queue of events, and the nodes with their envs. */
#include "scenarios/sim_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/wire/messages.h"

#define TRACE_MAX (64u << 20)
#define WALL_START_MS 1767225600000 /* 2026-01-01 */

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

void sim_put(struct sim *s, const struct happening *h, int64_t after_us)
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
	struct sim *s = ((struct sim_node *)at)->sim;

	s->now_us += s->tick_us;
	return s->now_us + 1000000; /* 0 stands for "no deadline" */
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
	sim_put(n->sim, &(struct happening){ .what = W_JOB, .node = n, .job = j }, delay_us[j->lane]);
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
	sim_conns_free(s);
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

void sim_tell(struct sim_node *n, const struct hl_event *e)
{
	if (!n->core)
		return;
	sim_enter(n);
	n->ops->event(n->core, e);
	sim_pump(n);
}

/* -- wishes and happenings ---------------------------------------------------------------------------------- */

static void resolve(struct sim_node *n, const struct hl_wish *w)
{
	struct sim *s = n->sim;
	size_t i = 0;

	while (i < s->names && strcmp(s->name[i].name, w->name) != 0)
		i++;
	sim_put(s, &(struct happening){ .what = W_RESOLVED, .node = n, .port = w->port,
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
			sim_dial(n, &w);
			break;
		case HL_WISH_SEND:
			sim_flush(n, w.port);
			break;
		case HL_WISH_CLOSE:
			sim_close(n, &w);
			break;
		case HL_WISH_RESOLVE:
			resolve(n, &w);
			break;
		case HL_WISH_RELAY:
			sim_relay(n, &w);
			break;
		case HL_WISH_WAIT:
			n->wait_us = w.at_us;
			if (w.at_us)
				sim_put(n->sim, &(struct happening){ .what = W_TIME, .node = n },
					w.at_us > env_mono(n) ? w.at_us - env_mono(n) : 0);
			break;
		}
	}
	n->pumping = false;
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
		sim_tell(n, &e);
		break;
	case W_OPENED:
		if (h->conn && h->conn->cut && h->conn->sent[0] + h->conn->sent[1] == 0)
			break; /* closed meanwhile: its ENDED is on the way */
		e.kind = HL_EV_OPENED;
		sim_tell(n, &e);
		break;
	case W_BYTES:
		sim_bytes_came(s, h);
		break;
	case W_ROOM:
		e.kind = HL_EV_ROOM;
		if (sim_find(n, h->port, &h->side))
			sim_tell(n, &e);
		break;
	case W_ENDED:
		sim_conn_ended(s, h);
		break;
	case W_RESOLVED:
		e.kind = HL_EV_RESOLVED;
		if (h->name < NAMES) {
			e.list = s->name[h->name].list;
			e.count = s->name[h->name].n;
		}
		sim_tell(n, &e);
		break;
	case W_JOB:
		e.kind = HL_EV_JOB;
		e.job = h->job;
		sim_tell(n, &e);
		break;
	case W_TIME:
		/* Told often, true once: only the last deadline counts. */
		e.kind = HL_EV_TIME;
		if (n->wait_us && n->wait_us <= env_mono(n)) {
			n->wait_us = 0;
			sim_tell(n, &e);
		}
		break;
	}
}

bool sim_step(struct sim *s)
{
	struct happening *h = take(s);

	if (!h)
		return false;
	if (h->at_us > s->now_us)
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
	n->core = NULL;
	n->wait_us = 0;
	forget_happenings(n);
	sim_conns_kill(n);
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

void sim_tick(struct sim *s, int64_t us)
{
	s->tick_us = us;
}

int64_t sim_now_us(const struct sim *s)
{
	return s->now_us;
}

void sim_wall_advance(struct sim *s, int64_t ms)
{
	s->wall_offset_ms += ms;
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
