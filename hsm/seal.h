/* seal.h - secret parts of rows: AES-256-GCM under keys derived from the device key.
 *
 *	sealed = u8 format | u8 key id | 12-byte nonce | ciphertext | 16-byte tag
 *
 * bound (as associated data) to format, key id, table, partition, row id, version and the SHA-256
 * of the open part, so that a row that was moved, rolled back to another version or edited does not
 * open. Sealing draws from the env; opening touches nothing but its arguments, on any thread. */
#pragma once

#include "hsm/store.h"
#include "lib/base/secret.h"
#include "lib/wire/messages.h"

#define HSM_DEVICE_KEY 32

/* HKDF's info for the key of each table; part of the format. */
#define HSM_SEAL_CLUSTER_LABEL "hsmlet row seal 1: cluster"
#define HSM_SEAL_PARTITION_LABEL "hsmlet row seal 1: partition"
#define HSM_SEAL_OBJECT_LABEL "hsmlet row seal 1: object"
#define HSM_SEAL_TOKEN_LABEL "hsmlet row seal 1: token"
/* and for the key of the MACs of requests. */
#define HSM_REQUEST_MAC_LABEL "hsmlet request mac 1"
/* and for the one of the MACs by which a store knows its own rows. */
#define HSM_STORE_MAC_LABEL "hsmlet store mac 1"
/* and for the one of the links of a partition's log. */
#define HSM_LOG_LINK_LABEL "hsmlet log link 1"
/* and for what clients keep for us. */
#define HSM_TICKET_LABEL "hsmlet login ticket 1"
#define HSM_BLOB_LABEL "hsmlet session object 1"

/* A sealed part is so much longer than the secret in it. */
#define HSM_SEAL_MORE (2 + 12 + 16)

/* What clients keep for us, each kind under a key of its own and each piece under one derived from that:
 *
 *	sealed = u8 format | u8 key id | 16-byte salt | ciphertext | 16-byte tag
 *
 * bound to format, key id, kind and partition. */
enum hsm_kept { HSM_KEPT_LOGIN, HSM_KEPT_OBJECT, HSM_KEPTS };
#define HSM_KEPT_SALT 16
#define HSM_KEPT_MORE (2 + HSM_KEPT_SALT + 16)
#define HSM_KEPT_MAX 65536

struct hsm_seal;

/** Derive the sealing keys. `device_key` has HSM_DEVICE_KEY bytes (else HL_E_STORE_KEY) and is not
 * kept; `env` outlives the seal. HL_E_CRYPTO, HL_E_NOMEM. */
HL_CHECKED hl_err hsm_seal_new(
	const struct hl_env *env, struct hl_bytes device_key, struct hsm_seal **out);
void hsm_seal_free(struct hsm_seal *s); /* NULL is allowed */

/* Rows of the tables before this one have a sealed part. */
#define HSM_SEALED_TABLES HSM_LOG

/** Seal `secret` (it may be empty) for `row` (all but row->sealed is read) and append it to `out`.
 * HL_E_ARG: too long for a row's part, or a table without a sealed one; HL_E_CRYPTO; or the failure of `out`. */
HL_CHECKED hl_err hsm_seal(const struct hsm_seal *s, const struct hsm_row *row,
	struct hl_bytes secret, struct hl_buf *out);
/** Replace the content of `out` by the secret of row->sealed. HL_E_STORE_SEAL where it does not
 * open, HL_E_NOMEM; `out` is then left alone. */
HL_CHECKED hl_err hsm_unseal(
	const struct hsm_seal *s, const struct hsm_row *row, struct hl_secret *out);

/** Seal `secret` (HSM_KEPT_MAX bytes at most) for a client of the partition and append it to `out`. HL_E_ARG,
 * HL_E_CRYPTO, HL_E_NOMEM, or the failure of `out`. */
HL_CHECKED hl_err hsm_seal_kept(const struct hsm_seal *s, enum hsm_kept kind, uint64_t partition,
	struct hl_bytes secret, struct hl_buf *out);
/** Replace the content of `out` by what was sealed. HL_E_STORE_SEAL where it does not open, HL_E_NOMEM; `out` is then
 * left alone. */
HL_CHECKED hl_err hsm_unseal_kept(const struct hsm_seal *s, enum hsm_kept kind, uint64_t partition,
	struct hl_bytes sealed, struct hl_secret *out);

/** HMAC-SHA-256 over `type` (big-endian) and `fields` of a request, under a key of its own: who reads
 * the store cannot try PINs against it. HL_E_CRYPTO. */
HL_CHECKED hl_err hsm_request_mac(
	const struct hsm_seal *s, uint16_t type, struct hl_bytes fields, uint8_t out[HL_MAC]);

/** For hsm_sqlite_begin(): HMAC-SHA-256 under a key of their own. Over u8 1, u8 format, table, partition, row id,
 * version, the SHA-256 of the open part and that of the sealed one for a row (with a link's key for a link); over u8 2,
 * u8 kind of mark and its bytes for a mark. `s` outlives them. */
struct hsm_macs hsm_seal_macs(const struct hsm_seal *s);

/** A row's id from a partition's name: the first 8 bytes of its SHA-256 (big-endian) with the top
 * bit cleared, and 1 instead of 0. 0, the id of no row, where OpenSSL has no memory. */
uint64_t hsm_partition_id(struct hl_bytes name);
