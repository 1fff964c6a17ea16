/* fuzz_channel.c - bytes from a hostile peer, to an answering or a dialling channel.
 *
 *	input = u8 side (even: the answering end is fed, odd: the dialling one)
 *	      | u8 how many bytes at once (0: all) | the bytes
 *
 * OpenSSL's randomness is replaced by a fixed stream for each end, so a recorded conversation
 * completes again whenever it is played, and mutations reach the records behind the handshake. What
 * is released must be what was recorded: nobody without the keys can make anything else. */
#undef OPENSSL_NO_DEPRECATED /* RAND_set_rand_method() is, in favour of providers */
#undef OPENSSL_API_COMPAT
#define OPENSSL_SUPPRESS_DEPRECATED

#include <stdlib.h>

#include <openssl/rand.h>

#include "lib/auth/channel.h"
#include "lib/wire/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max);

#define SEEDS 8
#define PINGS 3

enum side { ANSWERS, DIALS, SIDES };

struct end {
	struct hl_channel *c;
	struct hl_port port;
	uint64_t draws; /* of its stream */
	uint32_t frames;
};

/* -- fixed randomness -------------------------------------------------------------------------- */

static uint64_t *stream; /* of the end that runs */

/* Vigna's splitmix64: any stream will do, so long as it is the same each time. */
static uint8_t draw(void)
{
	uint64_t z = *stream += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint8_t)(z >> 56);
}

static int on_bytes(unsigned char *out, int n)
{
	for (int i = 0; i < n; i++)
		out[i] = draw();
	return 1;
}

static int on_status(void)
{
	return 1;
}

/* -- ends -------------------------------------------------------------------------------------- */

static const uint8_t binding[HL_BINDING] = "what came before the channel";
static const uint8_t secret[32] = "known to both ends";

static hl_err lookup(
	void *at, enum hl_channel_kind kind, uint32_t generation, struct hl_secret *out)
{
	(void)at;
	if (kind != HL_CHANNEL_USER || generation != 1)
		return HL_E_NOT_FOUND;
	return hl_secret_set(out, hl_bytes(secret, sizeof secret));
}

static struct hl_channel_ctx *context(void)
{
	static const RAND_METHOD fixed = { .bytes = on_bytes, .pseudorand = on_bytes,
		.status = on_status };
	static struct hl_channel_ctx *ctx;
	static uint64_t own = 1;

	if (!ctx) {
		stream = &own;
		if (RAND_set_rand_method(&fixed) != 1 || hl_channel_ctx_new(&ctx) != HL_OK)
			abort();
	}
	return ctx;
}

static void open_end(struct end *e, enum side side)
{
	struct hl_channel_bond bond = { { binding, sizeof binding }, "client", "hsm", "PRIMUSDEV100",
		HL_ALPN_OP };
	struct hl_channel_ctx *ctx = context();
	hl_err err;

	*e = (struct end){ .draws = 2 + side, .port = { hl_buf(HL_BUF_MAX), hl_buf(HL_BUF_MAX) } };
	stream = &e->draws;
	err = side == DIALS ? hl_channel_dial(ctx, &bond, HL_CHANNEL_USER, 1,
				      hl_bytes(secret, sizeof secret), &e->c)
			    : hl_channel_answer(ctx, &bond, lookup, NULL, &e->c);
	if (err != HL_OK)
		abort();
}

static void close_end(struct end *e)
{
	hl_channel_free(e->c);
	hl_buf_clear(&e->port.in);
	hl_buf_clear(&e->port.out);
}

/* The pings of a recording are numbered from 1. */
static hl_err pump(struct end *e)
{
	struct hl_ping body;
	struct hl_frame f;
	hl_err err;

	stream = &e->draws;
	err = hl_channel_pump(e->c, &e->port);
	if ((err != HL_OK && err != HL_E_FULL) && hl_channel_ready(e->c))
		abort();
	while (hl_channel_next(e->c, &f) == HL_OK)
		if (!hl_channel_ready(e->c) || hl_msg_get(&hl_msg_ping, &f, &body) != HL_OK ||
			f.id != ++e->frames || f.id > PINGS)
			abort();
	return err;
}

static hl_err say(struct end *e, uint32_t id)
{
	struct hl_ping body = { .seen_term = id };

	stream = &e->draws;
	return hl_channel_send(e->c, &e->port, &hl_msg_ping, id, &body);
}

/* -- the target -------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct hl_rd r = hl_rd(hl_bytes(data, n));
	enum side side = hl_rd_u8(&r) % SIDES;
	size_t slice = hl_rd_u8(&r);
	hl_err err = HL_OK;
	struct end e;

	if (r.err != HL_OK)
		return 0;
	open_end(&e, side);
	err = pump(&e);
	while (r.left > 0 && err == HL_OK) {
		hl_buf_put(&e.port.in, hl_rd_bytes(&r, slice && slice < r.left ? slice : r.left));
		err = pump(&e);
	}
	if (say(&e, 1) == HL_OK && !hl_channel_ready(e.c))
		abort();
	hl_channel_end(e.c, &e.port);
	close_end(&e);
	return 0;
}

/* -- recordings -------------------------------------------------------------------------------- */

static void carry(struct end *from, struct end *to, struct hl_buf *record)
{
	if (pump(from) != HL_OK)
		abort();
	hl_buf_put(record, hl_buf_view(&from->port.out));
	hl_buf_move(&to->port.in, &from->port.out);
}

static void talk(struct end *e, bool rekeys)
{
	for (uint32_t id = 1; id <= PINGS; id++) {
		if (rekeys)
			hl_channel_rekey_after(e->c, 1);
		if (say(e, id) != HL_OK)
			abort();
	}
	if (rekeys)
		hl_channel_end(e->c, &e->port);
}

/* All that goes to `side`: the handshake, then its peer's pings. */
static void converse(enum side side, bool rekeys, struct hl_buf *record)
{
	struct hl_buf rest = hl_buf(HL_BUF_MAX);
	struct end e[SIDES];
	struct hl_buf *to[SIDES] = { &rest, &rest };

	to[side] = record;
	open_end(&e[ANSWERS], ANSWERS);
	open_end(&e[DIALS], DIALS);
	for (int i = 0; i < 3; i++) {
		carry(&e[DIALS], &e[ANSWERS], to[ANSWERS]);
		carry(&e[ANSWERS], &e[DIALS], to[DIALS]);
	}
	talk(&e[side == DIALS ? ANSWERS : DIALS], rekeys);
	carry(&e[DIALS], &e[ANSWERS], to[ANSWERS]);
	carry(&e[ANSWERS], &e[DIALS], to[DIALS]);
	close_end(&e[ANSWERS]);
	close_end(&e[DIALS]);
	hl_buf_clear(&rest);
}

size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	struct hl_buf b = hl_buf(max);
	size_t n;

	if (i >= SEEDS)
		return 0;
	hl_buf_u8(&b, (uint8_t)(i % SIDES));
	hl_buf_u8(&b, i & 2 ? 13 : 0);
	converse(i % SIDES, i & 4, &b);
	n = b.err == HL_OK ? b.n : 0;
	if (n > 0)
		memcpy(out, b.base, n);
	hl_buf_clear(&b);
	return n;
}
