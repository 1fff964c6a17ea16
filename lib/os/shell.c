#include "lib/os/shell.h"

#include <stdlib.h>

#include "lib/os/conn.h"
#include "lib/os/env.h"

void hl_shell_tell(struct hl_shell *s, const struct hl_event *e)
{
	s->ops->event(s->core, e);
}

/* -- time ------------------------------------------------------------------------------------ */

/* libev counts from the time at which its loop last woke, so a timer may fire a little early: those
 * who wait look at the clock and arm it again. */
void hl_shell_arm(struct hl_shell *s, ev_timer *timer, int64_t at_us)
{
	int64_t left_us = at_us - hl_mono_us(s->env);

	ev_timer_stop(s->loop, timer);
	ev_timer_set(timer, left_us > 0 ? (double)left_us / 1e6 : 0., 0.);
	ev_timer_start(s->loop, timer);
}

static void on_wait(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct hl_shell *s = timer->data;

	(void)loop, (void)events;
	if (s->wait_us == 0)
		return;
	if (hl_mono_us(s->env) < s->wait_us) {
		hl_shell_arm(s, &s->wait, s->wait_us);
		return;
	}
	s->wait_us = 0;
	hl_shell_tell(s, &(struct hl_event){ .kind = HL_EV_TIME });
	hl_shell_pump(s);
}

/* A later deadline leaves the timer alone, which then fires too early and is armed again: deadlines
 * move with every event, timers once in a while. */
static void wish_wait(struct hl_shell *s, const struct hl_wish *w)
{
	bool later = s->wait_us != 0 && w->at_us >= s->wait_us && ev_is_active(&s->wait);

	s->wait_us = w->at_us;
	if (w->at_us != 0 && !later)
		hl_shell_arm(s, &s->wait, w->at_us);
}

/* -- wishes ---------------------------------------------------------------------------------- */

static struct hl_conn *conn_of(const struct hl_shell *s, uint32_t port)
{
	return hl_map_get(&s->conns, port);
}

static void wish_dial(struct hl_shell *s, const struct hl_wish *w)
{
	if (conn_of(s, w->port))
		s->env->ops->halt(s->env->at, HL_E_BUG);
	else
		hl_conn_dial(s, w);
}

/* A socket that was full is written to when it has room again. */
static void wish_send(struct hl_shell *s, const struct hl_wish *w)
{
	struct hl_conn *c = conn_of(s, w->port);

	if (c && c->state == CONN_OPEN && !c->stuck)
		hl_conn_write(c);
}

static void wish_close(struct hl_shell *s, const struct hl_wish *w)
{
	struct hl_conn *c = conn_of(s, w->port);

	if (c)
		hl_conn_close(c, w->drain);
}

static void wish_relay(struct hl_shell *s, const struct hl_wish *w)
{
	struct hl_conn *a = conn_of(s, w->port), *b = conn_of(s, w->other);

	if (a && b && a != b && a->state == CONN_OPEN && b->state == CONN_OPEN)
		hl_relay_start(a, b);
}

static void wish_resolve(struct hl_shell *s, const struct hl_wish *w)
{
	if (s->resolve)
		s->resolve(s->resolve_at, s, w->port, w->name, w->at_us);
	else
		hl_shell_resolved(s, w->port, HL_E_NAME, NULL, 0);
}

static void (*const fulfil[])(struct hl_shell *s, const struct hl_wish *w) = {
	[HL_WISH_DIAL] = wish_dial,
	[HL_WISH_SEND] = wish_send,
	[HL_WISH_CLOSE] = wish_close,
	[HL_WISH_RESOLVE] = wish_resolve,
	[HL_WISH_RELAY] = wish_relay,
	[HL_WISH_WAIT] = wish_wait,
};

/* What a wish leads to may be told to the core at once, as the core is not running then; what the
 * core wishes in turn is fetched by this very loop. */
void hl_shell_pump(struct hl_shell *s)
{
	struct hl_conn *c, *next;
	struct hl_wish w;

	if (s->pumping)
		return;
	s->pumping = true;
	while (s->ops->wish(s->core, &w))
		fulfil[w.kind](s, &w);
	s->pumping = false;
	for (c = s->paused.first; c; c = next) {
		next = c->next;
		hl_conn_balance(c);
	}
}

/* -- names and jobs -------------------------------------------------------------------------- */

void hl_shell_resolver(struct hl_shell *s, hl_resolve_fn *resolve, void *at)
{
	s->resolve = resolve;
	s->resolve_at = at;
}

void hl_shell_resolved(
	struct hl_shell *s, uint32_t port, hl_err err, const struct hl_addr *list, size_t count)
{
	hl_shell_tell(s, &(struct hl_event){ .kind = HL_EV_RESOLVED,
				 .port = port,
				 .err = err,
				 .list = list,
				 .count = count });
	hl_shell_pump(s);
}

static void submit(void *at, struct hl_job *j)
{
	struct hl_shell *s = at;

	hl_jobs_submit(s->jobs, j, &s->owner);
}

static void on_done(struct hl_jobs_owner *owner, struct hl_job *j)
{
	struct hl_shell *s =
		(struct hl_shell *)(void *)((char *)owner - offsetof(struct hl_shell, owner));

	hl_shell_tell(s, &(struct hl_event){ .kind = HL_EV_JOB, .job = j });
	hl_shell_pump(s);
}

void hl_shell_jobs(struct hl_shell *s, struct hl_os_env *env, struct hl_jobs *jobs)
{
	s->jobs = jobs;
	s->owner.done = on_done;
	hl_os_env_submit(env, submit, s);
}

/* -- life ------------------------------------------------------------------------------------ */

hl_err hl_shell_new(struct ev_loop *loop, struct hl_env *env, const struct hl_core_ops *ops,
	void *core, struct hl_shell **out)
{
	struct hl_shell *s = calloc(1, sizeof *s);

	if (!s)
		return HL_E_NOMEM;
	s->loop = loop;
	s->env = env;
	s->ops = ops;
	s->core = core;
	ev_timer_init(&s->wait, on_wait, 0., 0.);
	s->wait.data = s;
	*out = s;
	return HL_OK;
}

void hl_shell_free(struct hl_shell *s)
{
	struct hl_map conns;
	struct hl_conn *c;
	size_t at = 0;

	if (!s)
		return;
	hl_listeners_stop(s);
	conns = s->conns; /* a map must not change while it is walked */
	s->conns = (struct hl_map){ 0 };
	while ((c = hl_map_next(&conns, &at)))
		hl_conn_free(c);
	hl_map_clear(&conns);
	while ((c = s->lingering.first))
		hl_conn_free(c);
	ev_timer_stop(s->loop, &s->wait);
	free(s);
}

void hl_shell_freep(struct hl_shell **s)
{
	hl_shell_free(*s);
	*s = NULL;
}

void hl_shell_stop(struct hl_shell *s)
{
	hl_listeners_stop(s);
}

bool hl_shell_busy(const struct hl_shell *s)
{
	const struct hl_conn *c;
	size_t at = 0;

	while ((c = hl_map_next(&s->conns, &at)))
		if (c->state == CONN_DRAINING || (c->state == CONN_OPEN && c->stuck))
			return true;
	return false;
}

size_t hl_shell_connections(const struct hl_shell *s)
{
	return s->conns.n;
}
