/* channel.h - the secure channel: TLS 1.3 with an external PSK, over a port (RFC 8446, RFC 9257).
 *
 * psk_dhe_ke, X25519, TLS_AES_256_GCM_SHA384 and nothing else; no certificates, no tickets, no
 * early data. The PSK belongs to one granted connection (lib/auth/psk.h):
 *
 *	PSK (48 bytes) = HKDF-SHA384(salt = binding, key = secret, info = label, initiator role,
 *	                 responder role, name, kind, generation), each field with its length before it
 *
 * The TLS identity is u8 kind, u32 generation, no more; the responder takes `name` (the partition,
 * or the two ends of a service link) from elsewhere. The channel never touches a socket or a clock:
 *
 *	port.in  --- pump ---> decrypted, waiting --- next ---> frames
 *	port.out <-- pump, send ------------------------------- messages
 *
 * It leaves OpenSSL's error queue empty. */
#pragma once

#include "lib/base/core.h"
#include "lib/base/secret.h"
#include "lib/wire/msg.h"

enum hl_channel_kind { HL_CHANNEL_USER = 1, HL_CHANNEL_SETUP = 2, HL_CHANNEL_LINK = 3 };

#define HL_ALPN_OP "hsmlet-op/1"
#define HL_ALPN_LINK "hsmlet-link/1"

/* A sending key is changed after so many bytes, so many records, or so long in use.
 * RFC 8446 5.5: 2^24.5 records are safe under one AES-GCM key. */
#define HL_CHANNEL_REKEY_BYTES (1ull << 30)
#define HL_CHANNEL_REKEY_RECORDS (1u << 22)
#define HL_CHANNEL_REKEY_S 3600
#define HL_CHANNEL_UPDATES 32 /* KeyUpdates that a peer may send without data in between */

/* One per process and core: the SSL_CTX. It outlives its channels. */
struct hl_channel_ctx;
/** HL_E_NOMEM; HL_E_CRYPTO where OpenSSL lacks one of the algorithms or has no randomness. */
HL_CHECKED hl_err hl_channel_ctx_new(struct hl_channel_ctx **out);
void hl_channel_ctx_free(struct hl_channel_ctx *ctx);

/* What both ends must agree on, though it never crosses the wire. Views, copied. */
struct hl_channel_bond {
	struct hl_bytes binding; /* HL_BINDING bytes: a hash of what came before on this connection */
	const char *initiator;   /* roles: "client", "proxy", "hsm", ... */
	const char *responder;
	const char *name;        /* partition, or "proxy1>directory1" */
	const char *alpn;
};

/* The responder's answer to "which secret belongs to this kind and generation?". HL_OK with `out`
 * set (at least 16 bytes); any error makes the handshake go on with a secret that nobody knows, so
 * that an unknown identity and a wrong secret look alike. */
typedef hl_err hl_channel_lookup(
	void *at, enum hl_channel_kind kind, uint32_t generation, struct hl_secret *out);

struct hl_channel;

/** The dialling end; its first pump says hello. HL_E_ARG: a text of `bond` is empty or too long
 * (roles and alpn 31, name 255), the binding is not HL_BINDING bytes, or `secret` has fewer than 16.
 * HL_E_NOMEM, HL_E_CRYPTO. `secret` is not kept. */
HL_CHECKED hl_err hl_channel_dial(struct hl_channel_ctx *ctx, const struct hl_channel_bond *bond,
	enum hl_channel_kind kind, uint32_t generation, struct hl_bytes secret,
	struct hl_channel **out);
/** The answering end; `lookup` is called at most once, in hl_channel_pump(). Errors as above. */
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

/** Keying material of this channel (RFC 8446 7.5) under `label`, the same at both ends.
 * HL_E_CHANNEL where the channel is not ready. */
HL_CHECKED hl_err hl_channel_export(
	struct hl_channel *c, const char *label, uint8_t *out, size_t n);

/**
 * Take everything from `port->in`, shake hands or decrypt, and put what the peer must get into
 * `port->out`. A part of a record stays in `port->in` until its rest has come. Decrypted bytes wait
 * inside for hl_channel_next(), 4 MiB at most: more than a part of a record left in `port->in` means
 * that they must be taken first, and then pumped again.
 *
 * HL_E_CHANNEL: the handshake or a record failed; nothing that was not handed out before will be,
 * and the channel is dead (the alert, if TLS made one, is in `port->out`). HL_E_NOMEM: likewise.
 * HL_E_FULL: all is well, but something waits for room in `port->out`; pump again when there is.
 */
HL_CHECKED hl_err hl_channel_pump(struct hl_channel *c, struct hl_port *port);

/** The next whole frame that was decrypted: HL_OK, HL_E_SHORT (not yet), HL_E_TOO_LONG, HL_E_TYPE,
 * or what killed the channel. It is valid until the next hl_channel_next() or hl_channel_pump() for
 * this channel, and wiped then; hl_channel_send() leaves it alone: an answer may refer to it. */
HL_CHECKED hl_err hl_channel_next(struct hl_channel *c, struct hl_frame *f);

/** Whether another whole frame waits for hl_channel_next(). */
bool hl_channel_waits(const struct hl_channel *c);

/** Whether a frame has begun to come and is not whole yet, or a record of the handshake; meant for after
 * hl_channel_next() said HL_E_SHORT. Later a part of a record stays in `port->in`. */
bool hl_channel_partial(const struct hl_channel *c);

/** Encrypt one message into `port->out`. HL_OK: it is taken; what `port->out` (64 bytes at least) has
 * no room for waits inside and leaves with the next pumps. HL_E_FULL: over 2 MiB would wait.
 * HL_E_RANGE: a field is outside its bounds; HL_E_TOO_LONG. None of the message is sent then, and
 * the channel lives on. HL_E_CLOSED: after hl_channel_end(). HL_E_CHANNEL: not ready, or dead. */
HL_CHECKED hl_err hl_channel_send(struct hl_channel *c, struct hl_port *port,
	const struct hl_msg *m, uint32_t id, const void *body);

/** Give back the memory that OpenSSL keeps for records, some 34 KiB, and what else holds no byte; the next record takes it
 * anew. The frame that was handed out last is no longer valid. For whoever has many channels of which most are idle: to
 * take it for each record costs as much as to encrypt it. */
void hl_channel_rest(struct hl_channel *c);

/** What killed the channel; HL_OK while it lives. */
hl_err hl_channel_dead(const struct hl_channel *c);

/** Say that nothing more will come (close_notify), behind what still waits. Reading goes on. */
void hl_channel_end(struct hl_channel *c, struct hl_port *port);

/** What time it is (monotonic): the first message sent after the keys were in use for an hour
 * changes them. The channel has no clock; call this before sending, as often as convenient. */
void hl_channel_age(struct hl_channel *c, int64_t now_us);

/** For tests: rekey after so many bytes instead of the default 1 GiB; 0 restores it. */
void hl_channel_rekey_after(struct hl_channel *c, uint64_t bytes);
