/* tapped.h - a live world with one proxy and one HSM, and a relay of the test on both wires.
 *
 *	client ---> outer ---> proxy ---> inner ---> HSM
 */
#pragma once

#include "tests/support/live.h"
#include "tests/support/relay.h"

struct tapped {
	struct live *w;
	struct relay *outer, *inner;
	struct hl_addr outer_at, inner_at; /* of the relays */
	struct hl_addr proxy_at, hsm_at;   /* of the daemons */
};

/* One proxy and one HSM of so many workers each: with two, what is said twice may come to two processes. */
bool tapped_start(struct tapped *t, unsigned workers);
/** As live_stop(); also of what did not start. */
bool tapped_stop(struct tapped *t);
/** live_client() whose proxy is the outer relay; `client_id` may be NULL. */
bool tapped_client(struct tapped *t, const char *name, const struct live_account *account,
	const char *client_id, struct live_client *out);
/** The same, and the setup password is exchanged. */
bool tapped_client_ready(struct tapped *t, const char *name, const struct live_account *account,
	struct live_client *out);

/* -- connections of the test's own ----------------------------------------------------------------- */

/** -1: it did not come about. */
int raw_dial(const struct hl_addr *to);
bool raw_send(int fd, struct hl_bytes bytes);
/** Everything until the peer has ended, or the time is up (*ended false); to be cleared by the caller. */
struct hl_buf raw_read_all(int fd, bool *ended);
/** Read more into `in`; false: the peer has ended, or the time is up. */
bool raw_read(int fd, struct hl_buf *in);
