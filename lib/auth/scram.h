/* scram.h - SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides, as pure functions over text.
 *
 * The client's part runs in the client. The server's part is split: the proxy writes server-first
 * without asking anyone, the directory checks the proof from the exact messages. User names and
 * passwords are printable ASCII, for which SASLprep is the identity; anything else is refused.
 *
 *	client     n,a=partition,n=user,r=NONCE             hl_scram_client_first
 *	proxy      r=NONCEtail,s=salt,i=4096                hl_scram_first_parse, _server_first
 *	client     c=(n,a=partition,),r=NONCEtail,p=proof   hl_scram_client_final
 *	directory  v=signature                              hl_scram_verify
 *	client     (content)                                hl_scram_client_check
 *
 * Extensions are ignored where the grammar lets them stand; the proof covers all but those of
 * server-final. Channel binding (p=) and the reserved m= are refused. No message is longer than
 * HL_SCRAM_MAX, no combined nonce longer than HL_SCRAM_NONCE_MAX. Whatever appends to a buffer
 * appends a whole message or nothing, and hands on the buffer's own failure (HL_E_FULL,
 * HL_E_NOMEM). */
#pragma once

#include "lib/base/secret.h"

#define HL_SCRAM_HASH 32
#define HL_SCRAM_SALT 16
#define HL_SCRAM_SALT_LABEL "hsmlet scram salt"
#define HL_SCRAM_MAX 512       /* longest message */
#define HL_SCRAM_NONCE_MAX 128 /* longest combined nonce; the client's own part is shorter */
#define HL_SCRAM_ITERATIONS 4096

/* The client keeps all three; the directory stores StoredKey and ServerKey alone. */
struct hl_scram_keys {
	uint8_t client[HL_SCRAM_HASH], stored[HL_SCRAM_HASH], server[HL_SCRAM_HASH];
};

/** Wipe; usable with HL_AUTO. */
void hl_scram_keys_clear(struct hl_scram_keys *keys);

/** The salt of `user` in `realm`, the same for known and unknown names: the first 16 bytes of
 * HMAC-SHA-256(key = realm, HL_SCRAM_SALT_LABEL | 0x00 | user), the name unescaped.
 * HL_E_ARG for a realm or a name that is empty, not printable ASCII, or longer than a message. */
HL_CHECKED hl_err hl_scram_salt(
	struct hl_bytes realm, struct hl_bytes user, uint8_t out[HL_SCRAM_SALT]);

/** RFC 5802 section 3, 3 to 5 ms at 4096 iterations. HL_E_ARG for a password that is empty, not
 * printable ASCII or longer than HL_SCRAM_MAX, an empty salt, no iterations or over 2^31 - 1. The
 * caller wipes `out`. */
HL_CHECKED hl_err hl_scram_derive(struct hl_bytes password, struct hl_bytes salt,
	uint32_t iterations, struct hl_scram_keys *out);

/* The client's side of one exchange. */
struct hl_scram_client {
	char bare[HL_SCRAM_MAX]; /* client-first-message-bare */
	char gs2[HL_SCRAM_MAX];  /* gs2-header: "n,a=...," */
	char nonce[HL_SCRAM_NONCE_MAX];
	bool proved; /* client-final was made; before that there is no server signature to compare */
	uint8_t server_signature[HL_SCRAM_HASH];
};

/** Append client-first to `out`. `authzid` may be empty; `nonce` is printable ASCII without comma.
 * HL_E_ARG for names that are empty, not printable ASCII, or too long. */
HL_CHECKED hl_err hl_scram_client_first(struct hl_scram_client *c, struct hl_bytes user,
	struct hl_bytes authzid, struct hl_bytes nonce, struct hl_buf *out);

/** Check server-first against our own nonce, `salt` and `iterations`, and append client-final.
 * HL_E_SCRAM where it is malformed or its nonce does not continue ours, HL_E_PROXY_AUTH where salt
 * or count are not the expected ones: who could choose them could have a weak proof made. */
HL_CHECKED hl_err hl_scram_client_final(struct hl_scram_client *c, struct hl_bytes server_first,
	struct hl_bytes salt, uint32_t iterations, const struct hl_scram_keys *keys,
	struct hl_buf *out);

/** HL_OK where `server_final` is "v=" and the right server signature; else HL_E_PROXY_AUTH, also
 * before hl_scram_client_final() has succeeded. */
HL_CHECKED hl_err hl_scram_client_check(
	const struct hl_scram_client *c, struct hl_bytes server_final);

/* The parts of a client-first message; names are unescaped (=2C, =3D). */
struct hl_scram_first {
	char user[HL_SCRAM_MAX], authzid[HL_SCRAM_MAX]; /* authzid may be empty, user is not */
	struct hl_bytes nonce, gs2, bare;               /* views into the message */
};

/** Take a client-first message apart (RFC 5802 section 7). HL_E_SCRAM where it is malformed. */
HL_CHECKED hl_err hl_scram_first_parse(struct hl_bytes client_first, struct hl_scram_first *out);

/** Append server-first: the client's nonce followed by `nonce_tail` (printable, no comma).
 * HL_E_SCRAM where the client's nonce leaves no room for the tail; HL_E_ARG for a tail that is
 * empty or not printable, a salt that is empty or longer than 64 bytes, no iterations. */
HL_CHECKED hl_err hl_scram_server_first(const struct hl_scram_first *first,
	struct hl_bytes nonce_tail, struct hl_bytes salt, uint32_t iterations, struct hl_buf *out);

/** The combined nonce of a server-first message, as a view into it; HL_E_SCRAM where the message is
 * malformed in any part. */
HL_CHECKED hl_err hl_scram_server_nonce(struct hl_bytes server_first, struct hl_bytes *nonce);

/** Whether the exchange proves the password behind `stored`; all three messages as they were sent.
 * Appends server-final ("v=...") on HL_OK. HL_E_SCRAM: malformed, or the parts do not belong
 * together (nonce, channel-binding header). HL_E_SERVICE_AUTH: wrong proof. The time does not
 * depend on where the proof differs. */
HL_CHECKED hl_err hl_scram_verify(struct hl_bytes client_first, struct hl_bytes server_first,
	struct hl_bytes client_final, const uint8_t stored[HL_SCRAM_HASH],
	const uint8_t server[HL_SCRAM_HASH], struct hl_buf *out);
