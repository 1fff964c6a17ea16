/* channel_impl.h - the inside of a channel, for channel.c (the flow) and channel_tls.c (what
 * OpenSSL is told). Nobody else includes it. */
#pragma once

#include <openssl/ssl.h>

#include "lib/auth/channel.h"
#include "lib/auth/psk.h"
#include "lib/wire/messages.h"

#define CHANNEL_IDENTITY 5        /* u8 kind, u32 generation */
#define CHANNEL_ROLE_MAX 31
#define CHANNEL_SPILL_MAX (64u << 10)

struct hl_channel_ctx {
	SSL_CTX *ssl;
	BIO_METHOD *bio;
	struct hl_secret nobody; /* stands in for a secret that there is not; random */
};

struct hl_channel {
	SSL *ssl; /* NULL once dead */
	const struct hl_channel_ctx *ctx;
	struct hl_port *port; /* during a call */
	hl_err bio_err;       /* what the BIO could not do */
	hl_err dead;          /* HL_OK: alive */
	bool ready;           /* both Finished have verified */
	bool ended;           /* their close_notify came */
	bool ending, said;    /* ours is wanted, is said */
	bool refused;         /* a handshake message that has no place after the handshake */

	struct hl_buf spill;  /* records that port->out had no room for */
	struct hl_buf unsent; /* frames, or the rest of one, to be encrypted */
	struct hl_buf plain;  /* decrypted */
	size_t given;         /* bytes at its front that the caller looks at */

	uint8_t identity[CHANNEL_IDENTITY];
	uint8_t binding[HL_BINDING];
	char initiator[CHANNEL_ROLE_MAX + 1], responder[CHANNEL_ROLE_MAX + 1];
	char name[HL_PSK_FIELD_MAX + 1], alpn[CHANNEL_ROLE_MAX + 1];
	struct hl_secret psk;      /* dialling end, until the handshake is over */
	hl_channel_lookup *lookup; /* answering end */
	void *at;
	bool asked;

	uint64_t written, rekey_bytes; /* under the present sending key, and its limit */
	uint32_t records;
	int64_t keys_us; /* the first time told under it, if `dated` */
	bool dated, aged;
	unsigned updates, owed; /* theirs, in a row; answers that ours asked for */
};

/** The SSL object of a new channel, not yet shaking hands. HL_E_NOMEM, HL_E_CRYPTO. */
HL_CHECKED hl_err channel_tls_new(struct hl_channel *c, bool dials);
/** Whether the handshake came to what it had to come to: PSK, suite, group, ALPN. */
bool channel_tls_agreed(const struct hl_channel *c);
/** Bytes that `b` still takes. */
size_t channel_room(const struct hl_buf *b);
