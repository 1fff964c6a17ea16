/* os_blocking.h - the blocking shell: drives one link (link.h) from the threads that wait for it.
 *
 * No thread of its own, no signal handler. Of the threads that wait one leads: it polls, reads, dials and
 * closes for all (os_crew.h). Whoever has something to say writes it itself. The core is touched
 * under the crew's lock alone: here, in `done`, and in client_blocking_with(). */
#pragma once

#include "client/link.h"

struct client_blocking;

/** A shell around `core` that asks `resolver` (family 0: the system's). Both outlive it. HL_E_NOMEM, HL_E_IO. */
HL_CHECKED hl_err client_blocking_new(const struct hl_env *env, struct client *core,
	const struct hl_addr *resolver, struct client_blocking **out);
/** Close what is open (after client_close() in order, else at once) and free. No other thread uses it any
 * more. NULL is allowed. */
void client_blocking_free(struct client_blocking *b);

/** Submit and wait until it is done; its deadline bounds it. Any number of threads at once. HL_E_NOMEM: it
 * was not submitted. */
HL_CHECKED hl_err client_blocking_call(struct client_blocking *b, struct client_call *call);
/** Let events happen until `done(at)`; the core's own deadlines bound it. HL_E_NOMEM. */
HL_CHECKED hl_err client_blocking_run(struct client_blocking *b, bool (*done)(void *at), void *at);
/** See or change the core while other threads use it. */
void client_blocking_with(
	struct client_blocking *b, void (*with)(struct client *core, void *at), void *at);

/** In a child after fork(): give the descriptors back, without a byte on the connection and without a
 * lock. Nothing is freed: other threads of the parent may have left anything half done. */
void client_blocking_abandon(struct client_blocking *b);
