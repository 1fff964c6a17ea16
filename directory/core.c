#include "directory/core.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "directory/rooms.h"

#define IN_MAX (HL_FRAME_MAX + (64u << 10))
#define IN_UNPROVEN_MAX (64u << 10)
#define OUT_MAX (4u << 20)

static hl_err new_lockout(struct dir *d)
{
	uint8_t key[HL_LOCK_KEY];
	hl_err err;

	hl_random(d->env, key, sizeof key);
	err = hl_lockout_new(key, &d->lockout);
	OPENSSL_cleanse(key, sizeof key);
	return err;
}

hl_err dir_new(const struct hl_env *env, const struct dir_conf *conf, struct dir **out)
{
	struct dir *d = calloc(1, sizeof *d);
	hl_err err;

	if (!d)
		return HL_E_NOMEM;
	d->env = env;
	d->conf = *conf;
	err = new_lockout(d);
	if (err == HL_OK)
		err = hl_channel_ctx_new(&d->ctx);
	if (err == HL_OK)
		err = dir_provision_sweep(d);
	if (err != HL_OK) {
		hl_lockout_free(d->lockout);
		hl_channel_ctx_free(d->ctx);
		free(d);
		return err;
	}
	hl_random(env, d->epoch, sizeof d->epoch);
	hl_random(env, d->epoch_before, sizeof d->epoch_before);
	hl_random(env, d->nobody, sizeof d->nobody);
	d->epoch_us = hl_mono_us(env) + DIR_EPOCH_US;
	*out = d;
	return HL_OK;
}

/* One that only says who it is; it has a deadline until that is proved. */
static bool is_unproven(const struct dir_conn *c)
{
	return !c->closing && (c->state == DIR_HELLO || c->state == DIR_SHAKING);
}

static void conn_free(struct dir_conn *c)
{
	c->dir->unproven -= is_unproven(c);
	dir_member_gone(c);
	dir_provision_gone(c);
	hl_map_take(&c->dir->ports, c->port);
	hl_channel_free(c->channel);
	hl_buf_clear(&c->io.in);
	hl_buf_clear(&c->io.out);
	free(c);
}

void dir_free(struct dir *d)
{
	struct dir_conn *c;
	size_t at = 0;

	if (!d)
		return;
	dir_provisions_clear(d);
	while ((c = hl_map_next(&d->ports, &at)) != NULL) {
		conn_free(c);
		at = 0;
	}
	dir_grants_clear(d);
	hl_lockout_free(d->lockout);
	hl_map_clear(&d->ports);
	hl_wishes_clear(&d->wishes);
	hl_channel_ctx_free(d->ctx);
	OPENSSL_cleanse(d->nobody, sizeof d->nobody);
	free(d);
}

size_t dir_members_up(const struct dir *d, enum hl_role role)
{
	size_t n = 0;

	for (size_t i = 0; i < d->members; i++)
		n += d->member[i].role == role && d->member[i].conn;
	return n;
}

static void conn_close(struct dir_conn *c, hl_err why, bool drain)
{
	if (c->closing)
		return;
	if (why != HL_OK)
		hl_trace_life(c->dir->env, "link.refused", why, c->name);
	c->dir->unproven -= is_unproven(c);
	c->closing = true;
	c->deadline_us = 0;
	hl_wish_close(&c->dir->wishes, c->port, drain);
}

void dir_send(struct dir_conn *c, const struct hl_msg *m, uint32_t id, const void *body)
{
	hl_err err = HL_OK;

	if (c->closing)
		return;
	if (c->state == DIR_ADMIN) {
		hl_msg_put(&c->io.out, m, id, body);
		err = c->io.out.err;
	} else {
		hl_channel_age(c->channel, hl_mono_us(c->dir->env));
		err = hl_channel_send(c->channel, &c->io, m, id, body);
	}
	if (err != HL_OK)
		conn_close(c, err, false);
	else
		hl_wish_send(&c->dir->wishes, c->port);
}

void dir_refuse(struct dir_conn *c, uint32_t id, hl_err err, const char *detail)
{
	struct hl_refused no = {
		.code = (uint16_t)-err,
		.retryable = hl_err_row(err)->again == HL_AGAIN,
		.detail = hl_text(detail),
	};

	dir_send(c, &hl_msg_refused, id, &no);
}

/* -- opening ----------------------------------------------------------------------------------- */

/* Anybody may dial. A member proves itself within milliseconds, so the one that has taken longest makes room: who
 * opens links and says nothing keeps nobody out. */
static void make_room(struct dir *d)
{
	struct dir_conn *c, *oldest = NULL;
	size_t at = 0;

	if (d->unproven < DIR_UNPROVEN_MAX)
		return;
	while ((c = hl_map_next(&d->ports, &at)) != NULL)
		if (is_unproven(c) && (!oldest || c->deadline_us < oldest->deadline_us))
			oldest = c;
	conn_close(oldest, HL_E_BUSY, false);
}

static void accept_conn(struct dir *d, const struct hl_event *e)
{
	struct dir_conn *c = calloc(1, sizeof *c);

	if (e->listener != DIR_LISTEN_ADMIN)
		make_room(d);
	if (!c || hl_map_put(&d->ports, e->port, c) != HL_OK) {
		free(c);
		hl_wish_close(&d->wishes, e->port, false);
		return;
	}
	c->dir = d;
	c->port = e->port;
	c->state = e->listener == DIR_LISTEN_ADMIN ? DIR_ADMIN : DIR_HELLO;
	c->io.in = hl_buf(IN_MAX);
	c->io.out = hl_buf(OUT_MAX);
	if (c->state == DIR_ADMIN)
		return;
	d->unproven++;
	c->io.in.max = IN_UNPROVEN_MAX;
	c->deadline_us = hl_mono_us(d->env) + DIR_SHAKE_MS * 1000;
}

static hl_err lookup_secret(
	void *at, enum hl_channel_kind kind, uint32_t generation, struct hl_secret *out)
{
	const struct dir_conn *c = at;

	if (kind != HL_CHANNEL_LINK || generation != 0 || !c->peer)
		return HL_E_NOT_FOUND;
	return hl_secret_set(out, hl_secret_view(&c->peer->secret));
}

/* The hello says who dials; whether that is true, the handshake tells. */
static hl_err read_hello(struct dir_conn *c)
{
	uint8_t binding[HL_BINDING];
	char name[2 * HL_NAME_TEXT + 2];
	struct hl_link_hello hello;
	struct hl_frame f;
	struct hl_channel_bond bond = {
		.binding = hl_bytes(binding, sizeof binding),
		.responder = hl_role_text(HL_ROLE_DIRECTORY),
		.name = name,
		.alpn = HL_ALPN_LINK,
	};

	HL_TRY(hl_frame_peek(hl_buf_view(&c->io.in), HL_FRAME_GATEWAY, &f));
	HL_TRY(hl_msg_get(&hl_msg_link_hello, &f, &hello));
	HL_TRY(hl_bytes_str(hello.name, c->name, sizeof c->name));
	if (!hl_bytes_eq(hello.peer, hl_text(c->dir->conf.name)))
		return HL_E_NOT_FOUND;
	c->role = hello.role;
	c->peer = dir_peer(c->dir, c->role, c->name);
	bond.initiator = hl_role_text(c->role);
	HL_TRY(hl_link_bond(f.whole, &hello, binding, name));
	HL_TRY(hl_channel_answer(c->dir->ctx, &bond, lookup_secret, c, &c->channel));
	hl_buf_eat(&c->io.in, f.whole.n);
	c->state = DIR_SHAKING;
	return HL_OK;
}

/* -- frames ------------------------------------------------------------------------------------ */

/* The dialling end notices by unanswered heartbeats that the link is dead; nobody tells this one. */
static void heard(struct dir_conn *c)
{
	c->deadline_us = hl_mono_us(c->dir->env) + DIR_BEAT_MS * 1000;
}

/* Who may say what on an open link. */
#define ROLE(r) (1u << (r))
static const struct {
	uint16_t type;
	unsigned roles;
	void (*take)(struct dir_conn *c, const struct hl_frame *f);
} turns[] = {
	{ HL_T_heartbeat, ROLE(HL_ROLE_PROXY) | ROLE(HL_ROLE_HSM) | ROLE(HL_ROLE_REST), dir_member_beat },
	{ HL_T_dir_query, ROLE(HL_ROLE_PROXY), dir_authorise },
	{ HL_T_partition_made, ROLE(HL_ROLE_HSM), dir_provision_answer },
	{ HL_T_refused, ROLE(HL_ROLE_HSM), dir_provision_answer },
};

static void link_frame(struct dir_conn *c, const struct hl_frame *f)
{
	size_t i = 0;

	while (i < HL_COUNT(turns) && (turns[i].type != f->type || !(turns[i].roles & ROLE(c->role))))
		i++;
	if (i < HL_COUNT(turns))
		turns[i].take(c, f);
	else
		conn_close(c, HL_E_TYPE, false);
}

static hl_err link_bytes(struct dir_conn *c)
{
	struct hl_frame f;
	hl_err err = HL_OK;

	if (c->state == DIR_HELLO) {
		err = read_hello(c);
		if (err != HL_OK)
			return err == HL_E_SHORT ? HL_OK : err;
	}
	err = hl_channel_pump(c->channel, &c->io);
	if (c->io.out.n > 0)
		hl_wish_send(&c->dir->wishes, c->port);
	if (err != HL_E_FULL) /* what waits for room goes on at ROOM */
		HL_TRY(err);
	err = HL_OK;
	if (c->state == DIR_SHAKING && hl_channel_ready(c->channel)) {
		c->dir->unproven--;
		c->state = DIR_OPEN;
		c->io.in.max = IN_MAX;
		heard(c);
	}
	while (c->state == DIR_OPEN && !c->closing && (err = hl_channel_next(c->channel, &f)) == HL_OK) {
		heard(c);
		link_frame(c, &f);
	}
	return err == HL_E_SHORT ? HL_OK : err;
}

static hl_err admin_bytes(struct dir_conn *c)
{
	struct hl_frame f;
	hl_err err;

	while ((err = hl_frame_peek(hl_buf_view(&c->io.in), HL_FRAME_MAX, &f)) == HL_OK) {
		if (f.type == HL_T_provision)
			dir_provision(c, &f);
		else if (f.type == HL_T_status)
			dir_status(c, &f);
		else
			return HL_E_TYPE;
		hl_buf_eat(&c->io.in, f.whole.n);
	}
	return err == HL_E_SHORT ? HL_OK : err;
}

static void conn_event(struct dir_conn *c, const struct hl_event *e)
{
	hl_err err = HL_OK;

	if (e->kind == HL_EV_ENDED) {
		conn_free(c);
		return;
	}
	if ((e->kind == HL_EV_BYTES || (e->kind == HL_EV_ROOM && c->channel)) && !c->closing)
		err = c->state == DIR_ADMIN ? admin_bytes(c) : link_bytes(c);
	if (err != HL_OK)
		conn_close(c, err, true);
}

/* -- events ------------------------------------------------------------------------------------ */

static int64_t deadline(struct dir *d)
{
	int64_t at = hl_sooner(d->epoch_us, dir_provision_deadline(d));
	struct dir_conn *c;
	size_t i = 0;

	while ((c = hl_map_next(&d->ports, &i)) != NULL)
		at = hl_sooner(at, c->deadline_us);
	return at;
}

static void time_passed(struct dir *d)
{
	int64_t now = hl_mono_us(d->env);
	struct dir_conn *c;
	size_t i = 0;

	dir_epoch_time(d, now);
	dir_grants_time(d, now);
	dir_provision_time(d, now);
	while ((c = hl_map_next(&d->ports, &i)) != NULL)
		if (hl_passed(c->deadline_us, now))
			conn_close(c, HL_E_TIMEOUT, false);
}

void dir_event(struct dir *d, const struct hl_event *e)
{
	struct dir_conn *c;

	switch (e->kind) {
	case HL_EV_ACCEPTED:
		accept_conn(d, e);
		break;
	case HL_EV_TIME:
		time_passed(d);
		break;
	case HL_EV_JOB:
		dir_provision_job(d, e->job);
		break;
	default:
		c = hl_map_get(&d->ports, e->port);
		if (c)
			conn_event(c, e);
	}
}

bool dir_wish(struct dir *d, struct hl_wish *out)
{
	if (hl_wishes_lost(&d->wishes)) {
		d->env->ops->halt(d->env->at, HL_E_NOMEM);
		return false;
	}
	return hl_wishes_take(&d->wishes, deadline(d), out);
}

static void core_event(void *core, const struct hl_event *e)
{
	dir_event(core, e);
}

static bool core_wish(void *core, struct hl_wish *out)
{
	return dir_wish(core, out);
}

static struct hl_port *core_port(void *core, uint32_t port)
{
	struct dir *d = core;
	struct dir_conn *c = hl_map_get(&d->ports, port);

	return c ? &c->io : NULL;
}

const struct hl_core_ops dir_core = { core_event, core_wish, core_port };
