/* lockout.h - who has guessed too often: failed proofs, counted by a name and the client's address.
 *
 * At a directory the name is the service user's, at an HSM the partition's. Each process counts for itself.
 *
 * Pure and bounded: the time is the caller's, monotonic; HL_LOCK_PAIRS pairs take about 140 KiB, and no
 * memory is asked for after the start. Names are counted whether somebody has them or not. A pair is
 * known by a keyed hash, so nobody can choose names that collide, and the table keeps no name.
 *
 * What happens when the table is full decides whether it can be washed out. A guesser picks as many
 * names as he likes, each a new pair, so:
 *
 *  - The pair with the fewest failures goes first, among equals the oldest. To push out a pair with n
 *    failures, all the others must have n too.
 *  - The most failures that a pair took along when it went are remembered (the floor) until its window
 *    would have ended, and every pair that comes in begins above them. So whoever comes back has at
 *    least the count that he left with: with other names a guesser wins nothing for this one.
 *  - A locked pair goes only when all are locked. The floor then is the limit itself: a pair that comes
 *    in is locked by its first failure, and one more try for a certain pair costs as many failures as
 *    there are pairs, because the lock that began first goes first.
 *
 * The price is paid by those who fail themselves while the table overflows: the floor counts against
 * them, too, and at worst one wrong proof locks them. It takes HL_LOCK_PAIRS failures to raise the floor
 * by one, and 300 s without an overflow take it away. A pair that never failed is not in the table and is
 * never held up: a right proof needs no room in it.
 */
#pragma once

#include "lib/base/core.h"

#define HL_LOCK_FAILURES 100 /* failed proofs of one pair within the window, then it is locked */
#define HL_LOCK_WINDOW_MS 300000
#define HL_LOCK_MS 300000
#define HL_LOCK_PAIRS 4096
#define HL_LOCK_KEY 32

struct hl_lockout;
/** `key`: random, of this process. HL_E_NOMEM. */
HL_CHECKED hl_err hl_lockout_new(const uint8_t key[HL_LOCK_KEY], struct hl_lockout **out);
/** NULL is allowed. */
void hl_lockout_free(struct hl_lockout *l);

/**
 * The number by which this pair is known. The port does not matter, ::ffff:a.b.c.d is a.b.c.d, and of
 * an IPv6 address the first 64 bits count: whoever has one host of such a network has 2^64 of its
 * addresses (RFC 4291, 2.5.4). HL_E_CRYPTO.
 */
HL_CHECKED hl_err hl_lockout_pair(const struct hl_lockout *l, struct hl_bytes name,
	const struct hl_addr *peer, uint64_t *pair);

/** How long this pair is locked yet, rounded up; 0: it is not. */
uint32_t hl_lockout_wait_ms(const struct hl_lockout *l, uint64_t pair, int64_t now_us);

/** One more failed proof of this pair. Its window begins with its first one; a pair that is locked stays
 * so no longer for it. */
void hl_lockout_failed(struct hl_lockout *l, uint64_t pair, int64_t now_us);

/** Pairs that are kept, those included that have ended since the last failure. */
size_t hl_lockout_pairs(const struct hl_lockout *l);
