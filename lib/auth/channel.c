#include "lib/auth/channel_impl.h"

#include <stdlib.h>

#include <openssl/err.h>

#define RECORD 16384u    /* RFC 8446 5.1: plaintext of one record */
#define RECORD_EXTRA 22u /* header, inner type, tag */
#define PLAIN_MAX (4u << 20)
#define UNSENT_MAX (2u << 20)
#define KEEP (64u << 10) /* an empty buffer with more memory than this gives it back */
#define READ_MIN 512u

/* -- making and ending one --------------------------------------------------------------------- */

static hl_err copy_text(const char *text, char *out, size_t size)
{
	size_t n = text ? strlen(text) : 0;

	if (n == 0 || n >= size)
		return HL_E_ARG;
	memcpy(out, text, n + 1);
	return HL_OK;
}

static hl_err copy_bond(struct hl_channel *c, const struct hl_channel_bond *bond)
{
	if (bond->binding.n != sizeof c->binding)
		return HL_E_ARG;
	memcpy(c->binding, bond->binding.p, sizeof c->binding);
	HL_TRY(copy_text(bond->initiator, c->initiator, sizeof c->initiator));
	HL_TRY(copy_text(bond->responder, c->responder, sizeof c->responder));
	HL_TRY(copy_text(bond->name, c->name, sizeof c->name));
	return copy_text(bond->alpn, c->alpn, sizeof c->alpn);
}

static hl_err begin(struct hl_channel_ctx *ctx, const struct hl_channel_bond *bond, bool dials,
	struct hl_channel **out)
{
	HL_AUTO(hl_channel_freep) struct hl_channel *c = calloc(1, sizeof *c);

	if (!c)
		return HL_E_NOMEM;
	c->ctx = ctx;
	c->spill = hl_buf(CHANNEL_SPILL_MAX);
	c->unsent = hl_buf(UNSENT_MAX);
	c->plain = hl_buf(PLAIN_MAX);
	c->rekey_bytes = HL_CHANNEL_REKEY_BYTES;
	HL_TRY(copy_bond(c, bond));
	HL_TRY(channel_tls_new(c, dials));
	*out = hl_take(c);
	return HL_OK;
}

hl_err hl_channel_dial(struct hl_channel_ctx *ctx, const struct hl_channel_bond *bond,
	enum hl_channel_kind kind, uint32_t generation, struct hl_bytes secret,
	struct hl_channel **out)
{
	HL_AUTO(hl_channel_freep) struct hl_channel *c = NULL;
	struct hl_psk_use use = { .binding = bond->binding, .initiator = bond->initiator,
		.responder = bond->responder, .name = bond->name, .kind = (uint8_t)kind,
		.generation = generation };

	if (kind < HL_CHANNEL_USER || kind > HL_CHANNEL_LINK)
		return HL_E_ARG;
	HL_TRY(begin(ctx, bond, true, &c));
	HL_TRY(hl_secret_make(&c->psk, HL_PSK));
	HL_TRY(hl_psk_derive(secret, &use, c->psk.p));
	c->identity[0] = (uint8_t)kind;
	for (size_t i = 0; i < 4; i++)
		c->identity[1 + i] = (uint8_t)(generation >> 8 * (3 - i));
	*out = hl_take(c);
	return HL_OK;
}

hl_err hl_channel_answer(struct hl_channel_ctx *ctx, const struct hl_channel_bond *bond,
	hl_channel_lookup *lookup, void *at, struct hl_channel **out)
{
	struct hl_channel *c;

	HL_TRY(begin(ctx, bond, false, &c));
	c->lookup = lookup;
	c->at = at;
	*out = c;
	return HL_OK;
}

/* Keys and plaintext, but for the frame that the caller looks at. */
static void forget(struct hl_channel *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	hl_secret_clear(&c->psk);
	hl_buf_clear(&c->unsent);
	hl_buf_cut(&c->plain, c->given);
}

void hl_channel_free(struct hl_channel *c)
{
	if (!c)
		return;
	forget(c);
	hl_buf_clear(&c->plain);
	hl_buf_clear(&c->spill);
	free(c);
}

void hl_channel_freep(struct hl_channel **c)
{
	hl_channel_free(*c);
	*c = NULL;
}

/* -- what it came to --------------------------------------------------------------------------- */

bool hl_channel_ready(const struct hl_channel *c)
{
	return c->ready;
}

enum hl_channel_kind hl_channel_kind(const struct hl_channel *c)
{
	return (enum hl_channel_kind)c->identity[0];
}

uint32_t hl_channel_generation(const struct hl_channel *c)
{
	struct hl_rd r = hl_rd(hl_bytes(c->identity + 1, 4));

	return hl_rd_u32(&r);
}

bool hl_channel_ended(const struct hl_channel *c)
{
	return c->ended;
}

hl_err hl_channel_dead(const struct hl_channel *c)
{
	return c->dead;
}

hl_err hl_channel_export(struct hl_channel *c, const char *label, uint8_t *out, size_t n)
{
	int ok;

	if (!c->ready)
		return HL_E_CHANNEL;
	ok = SSL_export_keying_material(c->ssl, out, n, label, strlen(label), NULL, 0, 0);
	ERR_clear_error();
	return ok == 1 ? HL_OK : HL_E_CRYPTO;
}

/* -- reading ----------------------------------------------------------------------------------- */

/* Why OpenSSL did not do what it was asked. HL_OK: it waits for more bytes. */
static hl_err reason(struct hl_channel *c, int rc)
{
	int why = SSL_get_error(c->ssl, rc);

	ERR_clear_error();
	if (c->bio_err != HL_OK)
		return c->bio_err;
	if (why == SSL_ERROR_WANT_READ && !c->refused)
		return HL_OK;
	if (why == SSL_ERROR_ZERO_RETURN && c->ready) {
		c->ended = true;
		return HL_OK;
	}
	return HL_E_CHANNEL;
}

static hl_err shake(struct hl_channel *c)
{
	int rc;

	ERR_clear_error(); /* or SSL_get_error() takes what is left there for ours */
	rc = SSL_do_handshake(c->ssl);
	if (rc != 1)
		return reason(c, rc);
	if (!channel_tls_agreed(c))
		return HL_E_CHANNEL;
	hl_secret_clear(&c->psk);
	c->ready = true;
	return HL_OK;
}

/* The rest of a record that is decrypted already, else what there is memory for. */
static size_t read_size(const struct hl_channel *c)
{
	size_t n = c->plain.cap - c->plain.off - c->plain.n;
	size_t pending = (size_t)SSL_pending(c->ssl);

	if (n < pending)
		n = pending;
	if (n < READ_MIN)
		n = READ_MIN;
	return n < RECORD ? n : RECORD;
}

static hl_err read_some(struct hl_channel *c, bool *more)
{
	size_t size = read_size(c), got = 0;
	uint8_t *room = hl_buf_room(&c->plain, size);
	int rc;

	if (!room)
		return c->plain.err;
	ERR_clear_error();
	rc = SSL_read_ex(c->ssl, room, size, &got);
	*more = rc == 1;
	if (rc != 1)
		return reason(c, rc);
	hl_buf_grow(&c->plain, got);
	c->updates = 0;
	return c->refused ? HL_E_CHANNEL : HL_OK;
}

/* Of a part of a record OpenSSL would keep memory for a whole one, and not give it back before the rest has come. So the
 * part waits in the port. What no record of ours can be is for OpenSSL to refuse at once; and a port that is full will
 * never have more. RFC 8446 5.2: type application_data, version 0x0303, a length of at most 2^14 + 256. */
static bool is_whole(const struct hl_buf *in)
{
	struct hl_rd r = hl_rd(hl_buf_view(in));
	unsigned type = hl_rd_u8(&r), version = hl_rd_u16(&r), n = hl_rd_u16(&r);

	if (r.err != HL_OK)
		return false;
	return r.left >= n || type != SSL3_RT_APPLICATION_DATA || version != TLS1_2_VERSION ||
		n > SSL3_RT_MAX_TLS13_ENCRYPTED_LENGTH || channel_room(in) == 0;
}

/* A record is begun only where there is room for all of it, so what cannot be taken yet stays in
 * the port, where the caller sees it. */
static hl_err take_in(struct hl_channel *c)
{
	struct hl_buf *in = &c->port->in;
	bool more = true;

	while (more && !c->ended && (is_whole(in) || SSL_has_pending(c->ssl)) &&
		c->plain.n <= PLAIN_MAX - RECORD)
		HL_TRY(read_some(c, &more));
	/* RFC 8446 6.1: "Any data received after a closure alert has been received MUST be ignored." */
	if (c->ended)
		hl_buf_eat(in, in->n);
	return HL_OK;
}

/* -- writing ----------------------------------------------------------------------------------- */

static void trim(struct hl_buf *b)
{
	if (b->n == 0 && b->cap > KEEP)
		hl_buf_clear(b);
}

static void move_spill(struct hl_channel *c)
{
	struct hl_buf *out = &c->port->out;
	struct hl_bytes waiting = hl_buf_view(&c->spill);
	size_t room = channel_room(out);

	if (waiting.n > room)
		waiting.n = room;
	hl_buf_put(out, waiting);
	if (out->err == HL_OK)
		hl_buf_eat(&c->spill, waiting.n);
}

static hl_err write_record(struct hl_channel *c, size_t n)
{
	size_t put = 0;
	int rc;

	ERR_clear_error();
	if (c->aged || c->written >= c->rekey_bytes || c->records >= HL_CHANNEL_REKEY_RECORDS)
		if (SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED) != 1)
			return HL_E_CHANNEL;
	rc = SSL_write_ex(c->ssl, c->unsent.base + c->unsent.off, n, &put);
	if (rc != 1) {
		hl_err err = reason(c, rc);

		return err == HL_OK ? HL_E_CHANNEL : err;
	}
	c->written += put;
	c->records++;
	hl_buf_eat(&c->unsent, put);
	return HL_OK;
}

static void say_end(struct hl_channel *c)
{
	c->said = true;
	ERR_clear_error();
	(void)SSL_shutdown(c->ssl); /* 0: theirs has not come, and need not */
	ERR_clear_error();
}

/* Encrypt as much as port->out has room for. */
static hl_err put_out(struct hl_channel *c)
{
	move_spill(c);
	while (c->unsent.n > 0) {
		size_t room = channel_room(&c->port->out);
		size_t n = c->unsent.n < RECORD ? c->unsent.n : RECORD;

		if (c->spill.n > 0 || room <= RECORD_EXTRA)
			return HL_E_FULL;
		HL_TRY(write_record(c, n < room - RECORD_EXTRA ? n : room - RECORD_EXTRA));
	}
	trim(&c->unsent);
	if (c->ending && !c->said && c->ready)
		say_end(c);
	return c->spill.n > 0 ? HL_E_FULL : HL_OK;
}

/* -- the calls --------------------------------------------------------------------------------- */

static hl_err die(struct hl_channel *c, hl_err err)
{
	move_spill(c); /* the alert */
	c->dead = err;
	c->ready = false;
	forget(c);
	return err;
}

static hl_err outcome(struct hl_channel *c, hl_err err)
{
	return err == HL_OK || err == HL_E_FULL ? err : die(c, err);
}

static void eat_given(struct hl_channel *c)
{
	hl_buf_eat(&c->plain, c->given);
	c->given = 0;
	trim(&c->plain);
}

static hl_err run(struct hl_channel *c)
{
	if (!c->ready)
		HL_TRY(shake(c));
	if (c->ready)
		HL_TRY(take_in(c));
	return put_out(c);
}

hl_err hl_channel_pump(struct hl_channel *c, struct hl_port *port)
{
	if (c->dead != HL_OK)
		return c->dead;
	c->port = port;
	eat_given(c);
	return outcome(c, run(c));
}

hl_err hl_channel_next(struct hl_channel *c, struct hl_frame *f)
{
	if (c->dead != HL_OK)
		return c->dead;
	eat_given(c);
	HL_TRY(hl_frame_peek(hl_buf_view(&c->plain), HL_FRAME_MAX, f));
	c->given = f->whole.n;
	return HL_OK;
}

bool hl_channel_waits(const struct hl_channel *c)
{
	struct hl_bytes rest = hl_buf_view(&c->plain);
	struct hl_frame f;

	if (c->dead != HL_OK || c->given >= rest.n)
		return false;
	return hl_frame_peek(hl_bytes(rest.p + c->given, rest.n - c->given), HL_FRAME_MAX, &f) == HL_OK;
}

bool hl_channel_partial(const struct hl_channel *c)
{
	return c->dead == HL_OK && (c->plain.n > c->given || SSL_has_pending(c->ssl));
}

/* The frame at the end of `unsent`, or nothing of it. */
static hl_err encode(struct hl_channel *c, const struct hl_msg *m, uint32_t id, const void *body)
{
	size_t before = c->unsent.n;
	hl_err err;

	hl_msg_put(&c->unsent, m, id, body);
	err = c->unsent.err;
	if (err == HL_OK)
		return HL_OK;
	c->unsent.err = HL_OK;
	hl_buf_cut(&c->unsent, before);
	return err == HL_E_FULL && before == 0 ? HL_E_TOO_LONG : err; /* there never will be room */
}

hl_err hl_channel_send(struct hl_channel *c, struct hl_port *port, const struct hl_msg *m,
	uint32_t id, const void *body)
{
	hl_err err;

	if (c->dead != HL_OK)
		return c->dead;
	if (!c->ready)
		return HL_E_CHANNEL;
	if (c->ending)
		return HL_E_CLOSED;
	c->port = port;
	HL_TRY(encode(c, m, id, body));
	err = outcome(c, put_out(c));
	return err == HL_E_FULL ? HL_OK : err; /* taken, but not all of it left */
}

void hl_channel_end(struct hl_channel *c, struct hl_port *port)
{
	if (c->dead != HL_OK || c->ending)
		return;
	c->port = port;
	c->ending = true;
	(void)outcome(c, put_out(c));
}

void hl_channel_age(struct hl_channel *c, int64_t now_us)
{
	if (!c->dated) {
		c->keys_us = now_us;
		c->dated = true;
	}
	if (now_us - c->keys_us >= HL_CHANNEL_REKEY_S * (int64_t)1000000)
		c->aged = true;
}

void hl_channel_rest(struct hl_channel *c)
{
	if (c->ready)
		(void)SSL_free_buffers(c->ssl); /* 0: a record that did not fit, or one through a port that is too small for it */
	eat_given(c);
	hl_buf_fit(&c->plain);
	hl_buf_fit(&c->unsent);
	hl_buf_fit(&c->spill);
}

void hl_channel_rekey_after(struct hl_channel *c, uint64_t bytes)
{
	c->rekey_bytes = bytes ? bytes : HL_CHANNEL_REKEY_BYTES;
}
