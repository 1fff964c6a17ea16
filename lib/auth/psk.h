/* psk.h - from a long-lived secret to the pre-shared key of one channel (RFC 8446 2.2, RFC 9257).
 *
 *	PSK = HKDF-SHA384 (RFC 5869), salt = binding, key = secret, 48 bytes, info =
 *	      HL_PSK_LABEL | initiator | responder | name | u8 kind | u32 generation
 *
 * with a big-endian u16 length before each of the six. Who differs in any of it has another key. */
#pragma once

#include "lib/base/bytes.h"

#define HL_PSK_LABEL "hsmlet psk 1"
#define HL_PSK 48             /* as long as the hash of the one cipher suite */
#define HL_PSK_SECRET_MIN 16  /* RFC 9257 6: at least 128 bits */
#define HL_PSK_FIELD_MAX 255  /* of each text */

struct hl_psk_use {
	struct hl_bytes binding;
	const char *initiator, *responder; /* roles: who dials, who answers */
	const char *name;                  /* the partition, or the two ends of a link */
	uint8_t kind;
	uint32_t generation;
};

/** The key; the caller wipes `out`. HL_E_ARG where `secret` is shorter than HL_PSK_SECRET_MIN, the
 * binding is empty or a text is longer than HL_PSK_FIELD_MAX; HL_E_CRYPTO, HL_E_NOMEM. */
HL_CHECKED hl_err hl_psk_derive(
	struct hl_bytes secret, const struct hl_psk_use *use, uint8_t out[HL_PSK]);
