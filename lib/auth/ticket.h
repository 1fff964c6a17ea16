/* ticket.h - what the directory vouches for, under a key that it shares with one HSM alone.
 *
 *	ticket = fields of hl_ticket (lib/wire/messages.h) | HMAC-SHA-256(key, HL_TICKET_LABEL | fields)
 */
#pragma once

#include "lib/base/secret.h"
#include "lib/wire/messages.h"

#define HL_TICKET_LABEL "hsmlet ticket"
#define HL_TICKET_MAX 1024   /* bytes, sealed; the bounds of the fields keep far below it */
#define HL_TICKET_KEY_MIN 16 /* bytes; a shorter key is a mistake of whoever configured it */

/** SHA-256 over the frames of steps 1 to 3, exact bytes: B, which ties ticket, channel and gateway.
 * Frames begin with their length, so the hash covers where one ends and the next begins. */
HL_CHECKED hl_err hl_binding(struct hl_bytes hello, struct hl_bytes request, struct hl_bytes answer,
	uint8_t out[HL_BINDING]);

/** Append the sealed ticket to `out`, whole or not at all. HL_E_RANGE: a field is out of bounds;
 * HL_E_ARG for a key below HL_TICKET_KEY_MIN, HL_E_FULL or HL_E_NOMEM of the buffer. */
HL_CHECKED hl_err hl_ticket_seal(
	struct hl_bytes key, const struct hl_ticket *t, struct hl_buf *out);

/** Check the MAC, then decode; `out` holds views into `sealed`. HL_E_TICKET: anything is wrong. */
HL_CHECKED hl_err hl_ticket_open(
	struct hl_bytes key, struct hl_bytes sealed, struct hl_ticket *out);
