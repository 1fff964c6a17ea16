/* seal.h - secret parts of rows: AES-256-GCM under keys derived from the device key.
 *
 *	sealed = u8 format | u8 key id | 12-byte nonce | ciphertext | 16-byte tag
 *
 * bound (as associated data) to table, partition, row id, version and the SHA-256 of the open part,
 * so that a row that was moved, rolled back to another version or edited does not open. */
#pragma once

#include "hsm/store.h"
#include "lib/base/secret.h"

#define HSM_DEVICE_KEY 32

struct hsm_seal;

/** Derive the sealing keys. `device_key` has HSM_DEVICE_KEY bytes and is not kept. */
HL_CHECKED hl_err hsm_seal_new(const struct hl_env *env, struct hl_bytes device_key, struct hsm_seal **out);
void hsm_seal_free(struct hsm_seal *s);

/** Seal `secret` for `row` (all but row->sealed is read) and append it to `out`. */
HL_CHECKED hl_err hsm_seal(const struct hsm_seal *s, const struct hsm_row *row, struct hl_bytes secret,
	struct hl_buf *out);
/** HL_E_STORE_SEAL where it does not open. */
HL_CHECKED hl_err hsm_unseal(const struct hsm_seal *s, const struct hsm_row *row, struct hl_secret *out);

/** A row's id from a partition's name: the first 8 bytes of its SHA-256 with the top bit cleared, never 0. */
uint64_t hsm_partition_id(struct hl_bytes name);
