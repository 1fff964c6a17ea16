#include "lib/auth/link.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define LINK_IN_MAX (HL_FRAME_MAX + (64u << 10))
#define LINK_OUT_MAX (4u << 20)

const char *hl_role_text(unsigned role)
{
	static const char *const text[] = {
		[HL_ROLE_PROXY] = "proxy",
		[HL_ROLE_HSM] = "hsm",
		[HL_ROLE_REST] = "rest",
		[HL_ROLE_DIRECTORY] = "directory",
	};

	return role < HL_COUNT(text) && text[role] ? text[role] : "nobody";
}

hl_err hl_link_bond(struct hl_bytes hello_frame, const struct hl_link_hello *hello,
	uint8_t binding[HL_BINDING], char name[2 * HL_NAME_TEXT + 2])
{
	unsigned n = 0;

	snprintf(name, 2 * HL_NAME_TEXT + 2, "%.*s>%.*s", (int)hello->name.n,
		(const char *)hello->name.p, (int)hello->peer.n, (const char *)hello->peer.p);
	if (!EVP_Digest(hello_frame.p, hello_frame.n, binding, &n, EVP_sha256(), NULL))
		return HL_E_CRYPTO;
	return HL_OK;
}

hl_err hl_link_ticket_key(struct hl_bytes secret, uint8_t out[32])
{
	static const char label[] = HL_LINK_TICKET_LABEL;
	unsigned n = 0;

	if (secret.n == 0 || secret.n > INT32_MAX ||
		!HMAC(EVP_sha256(), secret.p, (int)secret.n, (const uint8_t *)label, sizeof label - 1, out, &n))
		return HL_E_CRYPTO;
	return HL_OK;
}

void hl_link_init(struct hl_link *l, const struct hl_env *env, struct hl_channel_ctx *ctx,
	struct hl_wishes *wishes, const struct hl_link_conf *conf)
{
	*l = (struct hl_link){ .conf = *conf, .env = env, .ctx = ctx, .wishes = wishes };
	l->io.in = hl_buf(LINK_IN_MAX);
	l->io.out = hl_buf(LINK_OUT_MAX);
}

void hl_link_clear(struct hl_link *l)
{
	hl_channel_free(l->channel);
	l->channel = NULL;
	hl_buf_clear(&l->io.in);
	hl_buf_clear(&l->io.out);
}

void hl_link_start(struct hl_link *l)
{
	l->state = HL_LINK_DIALLING;
	l->deadline_us = 0; /* the shell ends a dial in time and says so */
	hl_wish_dial(l->wishes, l->conf.port, &l->conf.address,
		hl_mono_us(l->env) + HL_LINK_DIAL_MS * 1000);
}

/* Back-off with full jitter: many members that lost one directory do not come back as one crowd. */
static void rest(struct hl_link *l)
{
	unsigned shift = l->failures < 6 ? l->failures : 6;
	int64_t most = (int64_t)HL_LINK_REST_FIRST_MS * 1000 << shift;
	uint32_t draw;

	hl_random(l->env, &draw, sizeof draw);
	most = most < HL_LINK_REST_MOST_MS * 1000 ? most : HL_LINK_REST_MOST_MS * 1000;
	l->failures++;
	l->deadline_us = hl_mono_us(l->env) + 1000 + draw % most;
}

static void down(struct hl_link *l, hl_err err)
{
	if (l->state == HL_LINK_UP)
		hl_trace_life(l->env, "link.down", err, l->conf.peer);
	hl_channel_free(l->channel);
	l->channel = NULL;
	hl_buf_clear(&l->io.in);
	hl_buf_clear(&l->io.out);
	l->state = HL_LINK_DOWN;
	l->closing = false;
	l->answer_us = 0;
	rest(l);
}

/* End it from our side; the rest happens when ENDED comes. */
static void give_up(struct hl_link *l, hl_err err)
{
	if (l->closing)
		return;
	hl_trace_life(l->env, "link.giving-up", err, l->conf.peer);
	l->closing = true;
	l->deadline_us = 0;
	hl_wish_close(l->wishes, l->conf.port, false);
}

static hl_err say_hello(struct hl_link *l)
{
	uint8_t id[HL_CONNECTION_ID], binding[HL_BINDING];
	char name[2 * HL_NAME_TEXT + 2];
	struct hl_link_hello hello = {
		.role = (uint8_t)l->conf.role,
		.name = hl_text(l->conf.self),
		.peer = hl_text(l->conf.peer),
		.connection = hl_bytes(id, sizeof id),
	};
	struct hl_channel_bond bond = {
		.binding = hl_bytes(binding, sizeof binding),
		.initiator = hl_role_text(l->conf.role),
		.responder = hl_role_text(HL_ROLE_DIRECTORY),
		.name = name,
		.alpn = HL_ALPN_LINK,
	};

	hl_random(l->env, id, sizeof id);
	hl_msg_put(&l->io.out, &hl_msg_link_hello, 0, &hello);
	if (l->io.out.err != HL_OK)
		return l->io.out.err;
	HL_TRY(hl_link_bond(hl_buf_view(&l->io.out), &hello, binding, name));
	HL_TRY(hl_channel_dial(l->ctx, &bond, HL_CHANNEL_LINK, 0, l->conf.secret, &l->channel));
	/* The ClientHello follows in the same write; out has room for both. */
	return hl_channel_pump(l->channel, &l->io);
}

static void opened(struct hl_link *l, hl_err err)
{
	if (err != HL_OK) {
		down(l, err);
		return;
	}
	l->state = HL_LINK_SHAKING;
	l->deadline_us = hl_mono_us(l->env) + HL_LINK_SHAKE_MS * 1000;
	err = say_hello(l);
	hl_wish_send(l->wishes, l->conf.port);
	if (err != HL_OK)
		give_up(l, err);
}

static void bytes(struct hl_link *l)
{
	hl_err err = l->channel ? hl_channel_pump(l->channel, &l->io) : HL_E_CLOSED;

	if (l->io.out.n > 0)
		hl_wish_send(l->wishes, l->conf.port);
	if (err != HL_OK && err != HL_E_FULL) { /* what waits for room goes on at ROOM */
		give_up(l, err);
		return;
	}
	if (l->state == HL_LINK_SHAKING && hl_channel_ready(l->channel)) {
		l->state = HL_LINK_UP;
		l->failures = 0;
		l->deadline_us = 0;
		l->beat_us = 0; /* say who we are at once */
		hl_trace_life(l->env, "link.up", HL_OK, l->conf.peer);
	}
}

static void time_passed(struct hl_link *l)
{
	int64_t now = hl_mono_us(l->env);

	if (l->state == HL_LINK_DOWN && l->deadline_us && now >= l->deadline_us)
		hl_link_start(l);
	else if (l->state == HL_LINK_SHAKING && l->deadline_us && now >= l->deadline_us)
		give_up(l, HL_E_TIMEOUT);
	else if (l->state == HL_LINK_UP && l->answer_us && now >= l->answer_us)
		give_up(l, HL_E_TIMEOUT);
}

void hl_link_event(struct hl_link *l, const struct hl_event *e)
{
	switch (e->kind) {
	case HL_EV_OPENED:
		opened(l, e->err);
		break;
	case HL_EV_BYTES:
	case HL_EV_ROOM:
		if (!l->closing)
			bytes(l);
		break;
	case HL_EV_ENDED:
		down(l, e->err);
		break;
	case HL_EV_TIME:
		time_passed(l);
		break;
	default:
		break;
	}
}

hl_err hl_link_next(struct hl_link *l, struct hl_frame *f)
{
	hl_err err;

	if (l->state != HL_LINK_UP || l->closing)
		return HL_E_SHORT;
	err = hl_channel_next(l->channel, f);
	if (err != HL_OK && err != HL_E_SHORT)
		give_up(l, err);
	return err;
}

hl_err hl_link_send(struct hl_link *l, const struct hl_msg *m, uint32_t id, const void *body)
{
	if (l->state != HL_LINK_UP || l->closing)
		return HL_E_DIRECTORY;
	hl_channel_age(l->channel, hl_mono_us(l->env));
	HL_TRY(hl_channel_send(l->channel, &l->io, m, id, body));
	hl_wish_send(l->wishes, l->conf.port);
	return HL_OK;
}

bool hl_link_beat_due(struct hl_link *l)
{
	int64_t now = hl_mono_us(l->env);

	if (l->state != HL_LINK_UP || l->closing || now < l->beat_us)
		return false;
	l->beat_us = now + HL_LINK_BEAT_MS * 1000;
	if (!l->answer_us)
		l->answer_us = now + HL_LINK_ANSWER_MS * 1000;
	return true;
}

void hl_link_beat_answered(struct hl_link *l)
{
	l->answer_us = 0;
}

int64_t hl_link_deadline(const struct hl_link *l)
{
	int64_t at = l->deadline_us;

	if (l->state == HL_LINK_UP && !l->closing)
		at = hl_sooner(hl_sooner(at, l->beat_us), l->answer_us);
	return at;
}
