/* dns.h - the directory's answers to DNS queries for its pool names (RFC 1035), by ldns. Pure. */
#pragma once

#include "lib/base/core.h"

#define DIR_DNS_UDP 1232 /* longest UDP answer (with EDNS0; 512 without) */

/* The addresses of `name` (lower case, no trailing dot); HL_E_NOT_FOUND where there is no such pool. */
typedef hl_err dir_dns_pool(void *at, const char *name, struct hl_addr *list, size_t max, size_t *n);

/**
 * Answer one query. `out` gets the whole response, at most `limit` bytes (truncated with TC where more).
 * A of a pool: its IPv4 members, TTL 5, in random-looking rotation by the query id; AAAA: empty; other
 * names: NXDOMAIN with SOA; other types: empty with SOA; other opcodes NOTIMP; classes REFUSED. What is
 * no query (too short, a response, broken) gets no answer: HL_E_TYPE.
 */
HL_CHECKED hl_err dir_dns_answer(
	struct hl_bytes query, size_t limit, dir_dns_pool *pool, void *at, struct hl_buf *out);
