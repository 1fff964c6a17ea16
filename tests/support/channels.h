/* channels.h - two ends of a channel in one process, the line between them, and OpenSSL by itself
 * as a foreign peer. Tests take bytes from one end's port.out and decide what the other end gets. */
#pragma once

#include <openssl/ssl.h>

#include "lib/auth/channel.h"
#include "lib/auth/psk.h"

/* What both ends believe. setting() is a pair that agrees; a test changes one thing in it. */
struct setting {
	uint8_t binding[2][32]; /* [0] of the dialling end, [1] of the answering one */
	const char *initiator[2], *responder[2], *name[2], *alpn[2];
	enum hl_channel_kind kind[2];
	uint32_t generation[2];
	uint8_t secret[2][32];
};
struct setting setting(void);

struct end {
	struct hl_channel *c;
	struct hl_port port;
	struct hl_buf got; /* the frames that it released */
	hl_err err;        /* the first error of a pump or of next */
};

struct pair {
	struct setting set;
	struct hl_channel_ctx *ctx;
	struct end dials, answers;
	unsigned lookups;
};

#define PORT_MAX (2u << 20)

void pair_open(struct pair *p, const struct setting *set);
void pair_clear(struct pair *p);
/** Carry bytes until neither end has more to say. */
void pair_run(struct pair *p);
/** pair_open() and pair_run(): both are ready. */
void pair_ready(struct pair *p);

/** Pump once and collect the frames. */
void end_pump(struct end *e);
/** Give `bytes` to the end and pump. */
void end_feed(struct end *e, struct hl_bytes bytes);
/** Send a `sign` whose data are `n` bytes of `fill`. */
hl_err end_send(struct end *e, uint8_t fill, size_t n);
/** Take all of port.out; to be cleared by the caller. */
struct hl_buf end_take(struct end *e);
/** How many frames it released; each must be a `sign` whose data repeat one byte. -1: no. */
int end_frames(const struct end *e);
/** Not ready any more, or never, with HL_E_CHANNEL. */
bool end_refused(const struct end *e);

/* The PSK, derived with HMAC alone (RFC 5869) from the words of lib/auth/psk.h. */
void psk_by_hand(const struct setting *set, int side, uint8_t out[HL_PSK]);

/* OpenSSL as peer. Set what is to be odd in `ctx` between foreign_init() and foreign_start(). */
struct foreign {
	SSL_CTX *ctx;
	SSL *ssl;
	uint8_t psk[HL_PSK], identity[16];
	size_t identity_n;
	const uint8_t *suite; /* of its PSK, two bytes; NULL: it has none */
	const char *alpn;     /* NULL: none */
	bool answers;
};

/* A peer that has everything right. */
void foreign_init(struct foreign *f, const struct setting *set, bool answers);
void foreign_start(struct foreign *f);
/** Shake hands with `e` until nothing moves; whether the foreign side thinks it is through. */
bool foreign_run(struct foreign *f, struct end *e);
void foreign_clear(struct foreign *f);
/** Give it a fresh self-signed certificate. */
void foreign_certify(struct foreign *f);
