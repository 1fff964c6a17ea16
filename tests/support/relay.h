/* relay.h - a TCP relay of the test, in a thread of its own: it keeps a copy of every byte, can cross the
 * streams of two connections, and can cut an answer off or let it stop half-way. The NEAR side is the one that dialled the relay. */
#pragma once

#include "lib/base/core.h"

enum relay_side { RELAY_NEAR, RELAY_FAR, RELAY_SIDES };

struct relay;
/** Listen at `at` (port 0: a free one); `real` gets where. Connections are passed on to relay_to().
 * NULL: it did not come about. */
struct relay *relay_start(const struct hl_addr *at, struct hl_addr *real);
/** Whom new connections are passed on to; before the first call they are closed. */
void relay_to(struct relay *r, const struct hl_addr *to);
/** End all connections and the thread. NULL is allowed. */
void relay_stop(struct relay *r);

/** From now on, of each two new connections that the far side has answered (with its first bytes), the
 * streams are crossed: what one says goes to the other's far side, and back. Until there are
 * two, what the first has to say waits. */
void relay_cross_answered(struct relay *r, bool on);
/** Cross the streams of the last two connections, now. False: there are no two that are open. */
bool relay_cross_now(struct relay *r);
/** Pairs that were crossed. */
unsigned relay_crossed(struct relay *r);

/** The next bytes that a far side says are not passed on; their connection is cut instead, at both sides. */
void relay_cut_answer(struct relay *r);
/** How often that has happened. */
unsigned relay_cuts(struct relay *r);

/** Of the next bytes that a far side says the first half is passed on, and nothing that it says from then on. */
void relay_stall_answer(struct relay *r);
/** How often that has happened. */
unsigned relay_stalls(struct relay *r);

/** Connections so far. */
size_t relay_count(struct relay *r);
/** A copy of what that side of the i-th connection has sent; to be cleared by the caller. */
struct hl_buf relay_said(struct relay *r, size_t i, enum relay_side side);
