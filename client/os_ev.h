/* os_ev.h - the libev shell of the client: names, links and their calls on the loop of a process.
 *
 * Everything here is for the thread of the loop. */
#pragma once

#include "client/link.h"
#include "lib/os/shell.h"

/* Names for any shell (lib/os/shell.h): c-ares' descriptors become watchers of the loop. */
struct client_ev_names;
/** Ask `resolver` (copied; NULL or family 0: the system's). HL_E_NOMEM. */
HL_CHECKED hl_err client_ev_names_new(
	struct ev_loop *loop, const struct hl_addr *resolver, struct client_ev_names **out);
/** An hl_resolve_fn; `at` is the struct client_ev_names. A numeric address is its own answer, at once. */
void client_ev_resolve(
	void *at, struct hl_shell *shell, uint32_t port, const char *name, int64_t at_us);
/** Lookups under way end untold. Before the shells that asked are freed; NULL is allowed. */
void client_ev_names_free(struct client_ev_names *names);

/* A link on the loop. */
struct client_ev;

/* A request. Its owner fills in msg, body, expect and deadline_us of `call` (link.h), `on_done` and
 * `at`, and keeps it all until on_done(). */
struct client_ev_call {
	struct client_call call;
	void (*on_done)(struct client_ev_call *call);
	void *at;
	struct client_ev_call *next; /* the link's */
};

/** A link that is not open yet; `conf` and what it points to, and `env`, outlive it. Errors as of
 * client_new(). */
HL_CHECKED hl_err client_ev_new(struct ev_loop *loop, struct hl_env *env,
	const struct client_conf_link *conf, const struct hl_addr *resolver, struct client_ev **out);

/** Queue a request; the link is opened where it is not open. on_done() is called once, by the loop
 * and never from inside this function, at the call's deadline at the latest; what came is in
 * `call`, whose frame the owner clears. on_done() may submit again, or free the link. */
void client_ev_submit(struct client_ev *c, struct client_ev_call *call);
/** Forget a request: its on_done() is not called any more. */
void client_ev_cancel(struct client_ev *c, struct client_ev_call *call);

/** The core: whether it is open, what it reached, tokens. Whoever changes something in it calls
 * client_ev_pump() then. */
struct client *client_ev_core(struct client_ev *c);
void client_ev_pump(struct client_ev *c);

/** End in order; requests under way end with HL_E_CLOSED. It is over when client_ev_idle(). */
void client_ev_close(struct client_ev *c);
/** There is no connection. */
bool client_ev_idle(const struct client_ev *c);
/** Close at once what is open and free; requests under way end untold. NULL is allowed. */
void client_ev_free(struct client_ev *c);
