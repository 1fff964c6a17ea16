/* blind.h - values of a secrets file, made unreadable for eyes and searches. Pure.
 *
 *	hex( version 0x01 | nonce, 12 | ciphertext | tag, 16 )        AES-256-GCM
 *
 * The key is a constant of hsmlet: whoever has the file and this source has the value. The entry
 * that a value stands in is authenticated with it, so values cannot change places and nothing
 * beside them can be altered unnoticed. */
#pragma once

#include "lib/base/env.h"
#include "lib/base/secret.h"

#define CLIENT_BLIND_LABEL "hsmlet: values of .secrets.cfg, version 1" /* its SHA-256 is the key */
#define CLIENT_BLIND_MAX 1024 /* longest value, in bytes */

/**
 * Append `clear` (1 to CLIENT_BLIND_MAX bytes) to `out`, blinded, as lowercase hex, bound to
 * `entry` (any bytes, which are not kept). The nonce is drawn from `env`. HL_E_RANGE,
 * HL_E_NOMEM, HL_E_FULL, HL_E_CRYPTO; `out` is then as before.
 */
HL_CHECKED hl_err client_blind(
	const struct hl_env *env, struct hl_bytes entry, struct hl_bytes clear, struct hl_buf *out);

/**
 * The value of `hex`, blinded with the same `entry`. On HL_OK `out` (zeroed or cleared before)
 * is the caller's. HL_E_SECRETS: not hex, of another version, altered, or of another entry;
 * HL_E_NOMEM.
 */
HL_CHECKED hl_err client_unblind(struct hl_bytes entry, struct hl_bytes hex, struct hl_secret *out);
