/* dns.h - the directory's answers to DNS queries for its pool names (RFC 1035), by ldns. Pure. */
#pragma once

#include "lib/base/core.h"

#define DIR_DNS_UDP 1232   /* longest UDP answer (with EDNS0; 512 without) */
#define DIR_DNS_TCP 65535  /* longest answer over TCP */
#define DIR_DNS_TTL_S 5    /* of addresses, and of the news that there are none */
#define DIR_DNS_MEMBERS 64 /* of a pool; `max` below */

/**
 * The addresses of `name` (lower case, no trailing dot, "" for the root): at most `max` into
 * `list`, their number into `n`. HL_E_NOT_FOUND where there is no such pool; any other error is
 * answered SERVFAIL.
 */
typedef hl_err dir_dns_pool(
	void *at, const char *name, struct hl_addr *list, size_t max, size_t *n);

/**
 * Answer one query. `out` gets the whole response appended, at most `limit` bytes (truncated with
 * TC where more). A `limit` up to DIR_DNS_UDP means a datagram: then no more than the asker can
 * take either, which is 512 bytes or what its EDNS0 record says.
 *
 * A of a pool: its IPv4 members, AAAA: its IPv6 members, TTL 5, rotated by the query id, which
 * spreads askers who take the first one but promises no randomness (our client draws). No such
 * member, or another type: empty, with SOA; other names: NXDOMAIN with SOA; other opcodes NOTIMP;
 * classes REFUSED; EDNS versions above 0 BADVERS. Names are compared without case and repeated as
 * they were asked. AA is set, RA is not; EDNS0 is answered where it is asked, with our size.
 *
 * HL_E_TYPE: it is no query (too short, a response, broken) and gets no answer. HL_E_FULL: not
 * even the question fits. HL_E_NOMEM. `out` has nothing of it then.
 */
HL_CHECKED hl_err dir_dns_answer(
	struct hl_bytes query, size_t limit, dir_dns_pool *pool, void *at, struct hl_buf *out);
