#include "client/os_ev.h"

#include <stdlib.h>

#include <ev.h>

#include "client/os_dns.h"
#include "lib/os/clock.h"

/* -- names --------------------------------------------------------------------------------------- */

#define DNS_FDS 16

struct lookup {
	struct client_ev_names *names;
	struct lookup *next;
	struct client_dns *dns;
	struct hl_shell *shell;
	uint32_t port;
	int64_t at_us;
	ev_io io[DNS_FDS];
	size_t ios;
	ev_timer timer;
};

struct client_ev_names {
	struct ev_loop *loop;
	struct hl_addr resolver;
	struct lookup *first;
};

hl_err client_ev_names_new(
	struct ev_loop *loop, const struct hl_addr *resolver, struct client_ev_names **out)
{
	struct client_ev_names *n = calloc(1, sizeof *n);

	if (!n)
		return HL_E_NOMEM;
	n->loop = loop;
	if (resolver)
		n->resolver = *resolver;
	*out = n;
	return HL_OK;
}

static void unwatch(struct lookup *l)
{
	for (size_t i = 0; i < l->ios; i++)
		ev_io_stop(l->names->loop, &l->io[i]);
	l->ios = 0;
	ev_timer_stop(l->names->loop, &l->timer);
}

static void lookup_free(struct lookup *l)
{
	struct lookup **at = &l->names->first;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	unwatch(l);
	client_dns_free(l->dns);
	free(l);
}

static short poll_of(int events)
{
	return (short)((events & EV_READ ? POLLIN : 0) | (events & EV_WRITE ? POLLOUT : 0));
}

static int events_of(short poll)
{
	return (poll & POLLIN ? EV_READ : 0) | (poll & POLLOUT ? EV_WRITE : 0);
}

static void on_io(struct ev_loop *loop, ev_io *w, int events);

/* c-ares opens and closes descriptors as it likes: they are asked for anew after every step. */
static void watch(struct lookup *l)
{
	struct pollfd fds[DNS_FDS];
	int64_t left_us = l->at_us - hl_clock_mono_us();
	int timeout_ms;
	double wait;

	l->ios = client_dns_fds(l->dns, fds, DNS_FDS, &timeout_ms);
	for (size_t i = 0; i < l->ios; i++) {
		ev_io_init(&l->io[i], on_io, fds[i].fd, events_of(fds[i].events));
		l->io[i].data = l;
		ev_io_start(l->names->loop, &l->io[i]);
	}
	left_us = left_us > 0 ? left_us : 0;
	wait = left_us < (int64_t)timeout_ms * 1000 ? (double)left_us / 1e6 : timeout_ms / 1e3;
	ev_timer_set(&l->timer, wait, 0.);
	ev_timer_start(l->names->loop, &l->timer);
}

static void tell(struct lookup *l, hl_err err)
{
	const struct hl_addr *list = NULL;
	struct hl_shell *shell = l->shell;
	uint32_t port = l->port;
	struct hl_addr copy[CLIENT_DNS_MAX];
	size_t n = 0;

	if (err == HL_OK)
		err = client_dns_result(l->dns, &list, &n);
	if (err == HL_OK)
		memcpy(copy, list, n * sizeof *copy);
	else
		n = 0;
	lookup_free(l); /* the core may ask for the next name at once */
	hl_shell_resolved(shell, port, err, copy, n);
}

static void step(struct lookup *l, const struct pollfd *fds, size_t n)
{
	unwatch(l);
	if (client_dns_step(l->dns, fds, n))
		tell(l, HL_OK);
	else if (hl_clock_mono_us() >= l->at_us)
		tell(l, HL_E_NAME_TIMEOUT);
	else
		watch(l);
}

static void on_io(struct ev_loop *loop, ev_io *w, int events)
{
	struct pollfd fd = { .fd = w->fd, .events = poll_of(w->events), .revents = poll_of(events) };

	(void)loop;
	step(w->data, &fd, 1);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	step(w->data, NULL, 0);
}

void client_ev_resolve(
	void *at, struct hl_shell *shell, uint32_t port, const char *name, int64_t at_us)
{
	struct client_ev_names *names = at;
	struct lookup *l = calloc(1, sizeof *l);
	hl_err err = l ? client_dns_start(name, 0, &names->resolver, &l->dns) : HL_E_NOMEM;

	if (err != HL_OK) {
		free(l);
		hl_shell_resolved(shell, port, err, NULL, 0);
		return;
	}
	l->names = names;
	l->shell = shell;
	l->port = port;
	l->at_us = at_us;
	l->next = names->first;
	names->first = l;
	ev_timer_init(&l->timer, on_timer, 0., 0.);
	l->timer.data = l;
	step(l, NULL, 0); /* what needs no asking is answered already */
}

void client_ev_names_free(struct client_ev_names *names)
{
	while (names && names->first)
		lookup_free(names->first);
	free(names);
}

/* -- links --------------------------------------------------------------------------------------- */

struct list {
	struct client_ev_call *first, **last;
};

struct client_ev {
	struct ev_loop *loop;
	struct client *core;
	struct hl_shell *shell;
	struct client_ev_names *names;
	struct list waiting, over;
	ev_timer news; /* never started, only fed: calls are over */
};

static void list_init(struct list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void list_add(struct list *l, struct client_ev_call *call)
{
	call->next = NULL;
	*l->last = call;
	l->last = &call->next;
}

/* Take out what stands at *at. */
static void list_take(struct list *l, struct client_ev_call **at)
{
	struct client_ev_call *call = *at;

	*at = call->next;
	if (l->last == &call->next)
		l->last = at;
}

static bool list_drop(struct list *l, const struct client_ev_call *call)
{
	for (struct client_ev_call **at = &l->first; *at; at = &(*at)->next) {
		if (*at != call)
			continue;
		list_take(l, at);
		return true;
	}
	return false;
}

/* Owners are told by the loop: here the shell may be in the middle of something. */
static void collect(struct client_ev *c)
{
	struct client_ev_call **at = &c->waiting.first;

	while (*at) {
		struct client_ev_call *call = *at;

		if (!call->call.done) {
			at = &call->next;
			continue;
		}
		list_take(&c->waiting, at);
		list_add(&c->over, call);
	}
	if (c->over.first)
		ev_feed_event(c->loop, &c->news, EV_CUSTOM);
}

/* One at a time: it may free the link. */
static void on_news(struct ev_loop *loop, ev_timer *w, int events)
{
	struct client_ev *c = w->data;
	struct client_ev_call *call = c->over.first;

	(void)events;
	if (!call)
		return;
	list_take(&c->over, &c->over.first);
	if (c->over.first)
		ev_feed_event(loop, w, EV_CUSTOM);
	call->on_done(call);
}

static void on_event(void *at, const struct hl_event *e)
{
	struct client_ev *c = at;

	client_event(c->core, e);
	collect(c);
}

static bool on_wish(void *at, struct hl_wish *out)
{
	return client_wish(((struct client_ev *)at)->core, out);
}

static struct hl_port *on_port(void *at, uint32_t port)
{
	return client_core.port(((struct client_ev *)at)->core, port);
}

static const struct hl_core_ops ops = { on_event, on_wish, on_port };

static void freep(struct client_ev **c)
{
	client_ev_free(*c);
}

hl_err client_ev_new(struct ev_loop *loop, struct hl_env *env, const struct client_conf_link *conf,
	const struct hl_addr *resolver, struct client_ev **out)
{
	HL_AUTO(freep) struct client_ev *c = calloc(1, sizeof *c);

	if (!c)
		return HL_E_NOMEM;
	c->loop = loop;
	list_init(&c->waiting);
	list_init(&c->over);
	ev_timer_init(&c->news, on_news, 0., 0.);
	c->news.data = c;
	HL_TRY(client_new(env, conf, &c->core));
	HL_TRY(client_ev_names_new(loop, resolver, &c->names));
	HL_TRY(hl_shell_new(loop, env, &ops, c, &c->shell));
	hl_shell_resolver(c->shell, client_ev_resolve, c->names);
	*out = hl_take(c);
	return HL_OK;
}

void client_ev_pump(struct client_ev *c)
{
	hl_shell_pump(c->shell);
	collect(c);
}

void client_ev_submit(struct client_ev *c, struct client_ev_call *call)
{
	list_add(&c->waiting, call);
	client_submit(c->core, &call->call);
	client_ev_pump(c);
}

void client_ev_cancel(struct client_ev *c, struct client_ev_call *call)
{
	if (list_drop(&c->waiting, call))
		client_cancel(c->core, &call->call);
	else
		list_drop(&c->over, call);
}

struct client *client_ev_core(struct client_ev *c)
{
	return c->core;
}

void client_ev_close(struct client_ev *c)
{
	client_close(c->core);
	client_ev_pump(c);
}

bool client_ev_idle(const struct client_ev *c)
{
	return hl_shell_connections(c->shell) == 0;
}

void client_ev_free(struct client_ev *c)
{
	if (!c)
		return;
	ev_clear_pending(c->loop, &c->news);
	client_ev_names_free(c->names);
	hl_shell_free(c->shell);
	client_free(c->core);
	free(c);
}
