/* relayed.h - a live world with a relay of the test in front of each HSM, so that answers can be cut off.
 *
 *	client ---> proxies ---> relay ---> hsm1, hsm2 */
#pragma once

#include "tests/support/live.h"
#include "tests/support/relay.h"

/** As live_start(): the relays listen where the proxies are told to find the HSMs of `options`. NULL: it did not come about;
 * relayed_stop() is due all the same. */
struct live *relayed_start(struct live_options options);
/** The relay in front of this HSM. */
struct relay *relayed_of(const char *hsm);
/** End the relays, then the world, as live_stop(). */
bool relayed_stop(struct live *w);
