/* os_dns.h - name to addresses, by c-ares; the only file that knows c-ares.
 *
 * One c-ares channel per lookup, destroyed after it, never inside a callback. Both shells of the
 * client drive it: they wait for its descriptors and call client_dns_step(). */
#pragma once

#include <poll.h>

#include "lib/base/core.h"

#define CLIENT_DNS_MAX 64 /* addresses kept of an answer */

struct client_dns;

/** Begin to look up the IPv4 addresses of `name`; each gets `port`. `resolver` NULL or family 0:
 * the system's own configuration. A numeric address (IPv4, IPv6) is its own answer. A query that
 * got no answer is sent again after 1 s; 3 s in all. HL_E_ARG: no name, or one over HL_NAME_MAX
 * bytes; HL_E_NOMEM. On HL_OK `*out` is the caller's, for client_dns_free(). */
HL_CHECKED hl_err client_dns_start(
	const char *name, uint16_t port, const struct hl_addr *resolver, struct client_dns **out);
/** What to poll for, at most `max`; *timeout_ms: call step() then even if nothing happened. Both
 * change with every step; 0 and 0 once it is over. */
size_t client_dns_fds(struct client_dns *d, struct pollfd *fds, size_t max, int *timeout_ms);
/** Go on; `fds` as polled. True when it is over. */
bool client_dns_step(struct client_dns *d, const struct pollfd *fds, size_t n);
/** The outcome once over: HL_OK with the list (in `d`'s memory), HL_E_NAME (no such name, or no
 * address), HL_E_NAME_TIMEOUT (nobody answered, or only errors), HL_E_DEFER before it is over. */
HL_CHECKED hl_err client_dns_result(struct client_dns *d, const struct hl_addr **list, size_t *n);
/** Also under way; NULL is allowed. */
void client_dns_free(struct client_dns *d);
