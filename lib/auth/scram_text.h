/* scram_text.h - SCRAM's messages as text: the grammar of RFC 5802 section 7. For scram.c alone.
 *
 * Every parser takes one whole message of at most HL_SCRAM_MAX bytes and answers HL_E_SCRAM for one
 * that does not follow the grammar. Views point into the message. */
#pragma once

#include "lib/auth/scram.h"

#define HL_SCRAM_SALT_MAX 64 /* longest salt that is understood, in bytes */

/* server-first: r=, s=, i= */
struct hl_scram_challenge {
	struct hl_bytes nonce; /* the combined one */
	uint8_t salt[HL_SCRAM_SALT_MAX];
	size_t salt_n;
	uint32_t iterations;
};

/* client-final: c=, r=, p= */
struct hl_scram_answer {
	struct hl_bytes header;   /* base64 as it stands there: only one spelling can be right */
	struct hl_bytes nonce;    /* the combined one */
	struct hl_bytes unproved; /* client-final-message-without-proof */
	uint8_t proof[HL_SCRAM_HASH];
};

HL_CHECKED hl_err hl_scram_challenge_parse(struct hl_bytes text, struct hl_scram_challenge *out);
HL_CHECKED hl_err hl_scram_answer_parse(struct hl_bytes text, struct hl_scram_answer *out);
/** server-final with v=; one with e= is HL_E_SCRAM too, as it proves nothing. */
HL_CHECKED hl_err hl_scram_verdict_parse(struct hl_bytes text, uint8_t signature[HL_SCRAM_HASH]);

/** Not empty and all of it printable ASCII: where SASLprep (RFC 4013) changes nothing. */
bool hl_scram_is_plain(struct hl_bytes text);
/** Not empty, printable ASCII without space and comma: what a nonce is made of. */
bool hl_scram_is_nonce(struct hl_bytes text);

/** Append a name with ',' as =2C and '=' as =3D. */
void hl_scram_put_name(struct hl_buf *out, struct hl_bytes name);
/** Append base64 with padding (RFC 4648 section 4). */
void hl_scram_put_base64(struct hl_buf *out, struct hl_bytes bytes);
