/* sockets.h - the TCP connections of a live world, as the system counts them. */
#pragma once

#include "tests/support/live.h"

/** How many ends of connections some process holds, at addresses of this world: those of clients to proxies and of
 * proxies to HSMs. Service links, which stand for life, are left out. -1: the system does not tell. */
int sockets_of(const struct live *w);
/** Wait until there are none. False: time is up, and those that are left are printed. */
bool sockets_await_none(const struct live *w);
