/* identity.h - what the HSM signs in step 8 with the cluster's Ed25519 key (RFC 8032):
 *
 *	HL_IDENTITY_PREFIX | 0x00 | keying material of the channel (RFC 8446 7.5), under
 *	HL_IDENTITY_EXPORTER without context
 *
 * The exported part ties the signature to this channel, the prefix to this use of the key. */
#pragma once

#include "lib/auth/channel.h"

#define HL_IDENTITY_EXPORTER "EXPORTER-hsmlet-identity"
#define HL_IDENTITY_PREFIX "hsmlet hsm.result 1"
#define HL_IDENTITY_EXPORTED 32
#define HL_IDENTITY_TEXT (sizeof HL_IDENTITY_PREFIX + HL_IDENTITY_EXPORTED)

/** The text that is signed, the same at both ends of `c`. HL_E_CHANNEL where it is not ready,
 * HL_E_CRYPTO. */
HL_CHECKED hl_err hl_identity_text(struct hl_channel *c, uint8_t out[HL_IDENTITY_TEXT]);
