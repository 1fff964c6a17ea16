/* channel.h - the secure channel: TLS 1.3 with an external PSK over memory BIOs (RFC 8446, 9257).
 *
 * psk_dhe_ke, X25519, TLS_AES_256_GCM_SHA384 and nothing else; no certificates, no tickets, no
 * early data. The PSK belongs to one granted connection:
 *
 *	PSK (48 bytes) = HKDF-SHA384(salt = binding, key = secret, info = label, initiator role,
 *	                 responder role, name, kind, generation), each field with its length before it
 *
 * The TLS identity is (kind, generation) only; the responder takes `name` (the partition, or the two
 * ends of a service link) from elsewhere. It never touches a socket: feed() takes what came from
 * the peer, drain() gives what must go to it. */
#pragma once

#include "lib/base/core.h"
#include "lib/base/secret.h"
#include "lib/wire/msg.h"

enum hl_channel_kind { HL_CHANNEL_USER = 1, HL_CHANNEL_SETUP = 2, HL_CHANNEL_LINK = 3 };

#define HL_ALPN_OP "hsmlet-op/1"
#define HL_ALPN_LINK "hsmlet-link/1"

/* One per process and core: the SSL_CTX. */
struct hl_channel_ctx;
HL_CHECKED hl_err hl_channel_ctx_new(struct hl_channel_ctx **out);
void hl_channel_ctx_free(struct hl_channel_ctx *ctx);

/* What both ends must agree on, though it never crosses the wire. Views; copied by hl_channel_new. */
struct hl_channel_bond {
	struct hl_bytes binding;   /* HL_BINDING bytes: SHA-256 of what came before on this connection */
	const char *initiator;     /* roles: "client", "proxy", "hsm", ... */
	const char *responder;
	const char *name;          /* partition, or "proxy1>directory1" */
	const char *alpn;
};

/* The responder's answer to "which secret belongs to this kind and generation?". HL_OK with `out`
 * set; any error makes the handshake go on with a random secret, so that an unknown identity and a
 * wrong secret look alike. */
typedef hl_err hl_channel_lookup(
	void *at, enum hl_channel_kind kind, uint32_t generation, struct hl_secret *out);

struct hl_channel;

/** The dialling end. */
HL_CHECKED hl_err hl_channel_dial(struct hl_channel_ctx *ctx, const struct hl_channel_bond *bond,
	enum hl_channel_kind kind, uint32_t generation, struct hl_bytes secret, struct hl_channel **out);
/** The answering end; `lookup` is called once, during feed(). */
HL_CHECKED hl_err hl_channel_answer(struct hl_channel_ctx *ctx, const struct hl_channel_bond *bond,
	hl_channel_lookup *lookup, void *at, struct hl_channel **out);
void hl_channel_free(struct hl_channel *c);
void hl_channel_freep(struct hl_channel **c);

/** Both Finished have verified (the dialling end: the responder's has, and ours is on its way). */
bool hl_channel_ready(const struct hl_channel *c);
/** Answering end: what the initiator showed; valid once ready. */
enum hl_channel_kind hl_channel_kind(const struct hl_channel *c);
uint32_t hl_channel_generation(const struct hl_channel *c);
/** The peer has closed in order (close_notify): no truncation. */
bool hl_channel_ended(const struct hl_channel *c);

/** Keying material of this channel (RFC 8446 7.5) under `label`, the same at both ends. */
HL_CHECKED hl_err hl_channel_export(struct hl_channel *c, const char *label, uint8_t *out, size_t n);

/**
 * Take everything from `port->in`, shake hands or decrypt, and put what the peer must get into
 * `port->out`. Decrypted bytes wait inside for hl_channel_next(). HL_E_CHANNEL: the handshake or a
 * record failed, nothing of it is released, and the channel is dead. HL_E_FULL: port->out is full.
 */
HL_CHECKED hl_err hl_channel_pump(struct hl_channel *c, struct hl_port *port);

/** The next whole frame that was decrypted: HL_OK, HL_E_SHORT (not yet), HL_E_TOO_LONG, HL_E_TYPE. It is
 * valid until the next call for this channel. */
HL_CHECKED hl_err hl_channel_next(struct hl_channel *c, struct hl_frame *f);

/** Encrypt one message into `port->out`. HL_E_RANGE: outside its bounds. HL_E_FULL. */
HL_CHECKED hl_err hl_channel_send(
	struct hl_channel *c, struct hl_port *port, const struct hl_msg *m, uint32_t id, const void *body);

/** Say that nothing more will come (close_notify). */
void hl_channel_end(struct hl_channel *c, struct hl_port *port);

/** For tests: rekey after so many bytes instead of the default 1 GiB; 0 restores it. */
void hl_channel_rekey_after(struct hl_channel *c, uint64_t bytes);
