/* os_blocking.h - the blocking shell: drives one link (link.h) from the calling thread with poll().
 *
 * No thread of its own, no signal handler; used under its owner's lock. */
#pragma once

#include "client/link.h"

struct client_blocking;

/** A shell around `core` that asks `resolver` (family 0: the system's). Both outlive it. HL_E_NOMEM. */
HL_CHECKED hl_err client_blocking_new(const struct hl_env *env, struct client *core,
	const struct hl_addr *resolver, struct client_blocking **out);
/** Close what is open (after client_close() in order, else at once) and free. */
void client_blocking_free(struct client_blocking *b);
/** In a child after fork(): give the descriptor back without a byte on the connection. */
void client_blocking_abandon(struct client_blocking *b);

/** Let events happen until `done(at)`; the core's own deadlines bound it. */
void client_blocking_run(struct client_blocking *b, bool (*done)(void *at), void *at);
/** Take notice of what happened while nobody waited, without waiting: that the peer has ended the link, say. */
void client_blocking_catch_up(struct client_blocking *b);
/** Fulfil the wishes that wait, without waiting for anything. */
void client_blocking_pump(struct client_blocking *b);
