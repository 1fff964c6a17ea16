/* guard_store.h - the guard of a store: a file outside it that remembers how far the store had come.
 *
 *	guard = slot | slot, of 4096 bytes each
 *	slot  = "hsmguard" | u64 generation | 32 bytes sum | 32 bytes MAC over these two | zeros
 *
 * The newest pair is that of the slot with the higher generation. A writer replaces the other one, so that
 * a write that is cut off, by a crash or by the power, leaves the newest pair as it was; it was not
 * acknowledged then. All members of a cluster share the file, by its lock. */
#pragma once

#include "hsm/store.h"

/* What a store is at one moment. */
struct hsm_pair {
	uint64_t generation;
	uint8_t sum[HSM_MAC]; /* of its rows' MACs, big-endian, modulo 2^256 */
};

/** sum += mac, sum -= mac. */
void hsm_sum_add(uint8_t sum[HSM_MAC], const uint8_t mac[HSM_MAC]);
void hsm_sum_take(uint8_t sum[HSM_MAC], const uint8_t mac[HSM_MAC]);
/** Whether both are the same, in generation and sum. */
bool hsm_pair_eq(const struct hsm_pair *a, const struct hsm_pair *b);
/** The MAC of a pair. As `macs->mark`. */
HL_CHECKED hl_err hsm_pair_mac(const struct hsm_macs *macs, enum hsm_pair_place what, const struct hsm_pair *p,
	uint8_t out[HSM_MAC]);

struct hsm_guard;
/** Make the file (0600, on disk before this returns) with `first` in both slots, where there is none; its folder
 * must be ours alone. HL_E_MODE, HL_E_CREATE, HL_E_IO, HL_E_CRYPTO, HL_E_NOMEM. */
HL_CHECKED hl_err hsm_guard_make(
	const char *path, const struct hsm_macs *macs, const struct hsm_pair *first);
/** Open it; `macs` is copied. HL_E_NOT_FOUND: there is none. HL_E_MODE: file or folder are not ours alone.
 * HL_E_STORE_GUARD: it has another length. HL_E_CREATE: no such folder; HL_E_IO, HL_E_NOMEM. */
HL_CHECKED hl_err hsm_guard_open(
	const char *path, const struct hsm_macs *macs, struct hsm_guard **out);
/** The newest pair. Nobody is waited for, unless both slots seem damaged: that may be a writer at work.
 * HL_E_STORE_GUARD: they are damaged. HL_E_BUSY as hsm_guard_lock(), HL_E_IO, HL_E_CRYPTO, HL_E_NOMEM. */
HL_CHECKED hl_err hsm_guard_read(struct hsm_guard *g, struct hsm_pair *out);
/** Take the lock of the file and read the newest pair. HL_E_BUSY: another held it for 5 s. Or as hsm_guard_read();
 * it is not locked then. */
HL_CHECKED hl_err hsm_guard_lock(struct hsm_guard *g, struct hsm_pair *out);
/** While it is locked: see to it that `p`, or a pair that is not older, is on the disk. HL_E_IO, HL_E_CRYPTO,
 * HL_E_NOMEM: it may be or not. */
HL_CHECKED hl_err hsm_guard_write(struct hsm_guard *g, const struct hsm_pair *p);
void hsm_guard_unlock(struct hsm_guard *g);
void hsm_guard_close(struct hsm_guard *g); /* NULL is allowed */
