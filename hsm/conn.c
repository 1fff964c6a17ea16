/* conn.c - one connection from a proxy: ticket > handshake > proof > operations. */
#include <stdlib.h>

#include <openssl/crypto.h>

#include "hsm/rooms.h"
#include "lib/auth/identity.h"
#include "lib/auth/ticket.h"

#define IN_MAX (HL_FRAME_MAX + (64u << 10))
#define OUT_MAX (2u * HL_FRAME_MAX + (64u << 10))
/* A client that does not read its answers gets no further ones made. Half, because a shell says ROOM for what was at
 * least that much. */
#define OUT_PAUSE (OUT_MAX / 2)

static void set_deadline(struct hsm_conn *c, int limit_ms)
{
	struct hsm *h = c->hsm;

	c->deadline_us = limit_ms ? hl_mono_us(h->env) + limit_ms * 1000 : 0;
	h->deadline_us = hl_sooner(h->deadline_us, c->deadline_us);
}

hl_err hsm_conn_start(struct hsm *h, uint32_t port)
{
	struct hsm_conn *c = calloc(1, sizeof *c);

	if (!c || hl_map_put(&h->ports, port, c) != HL_OK) {
		free(c);
		return HL_E_NOMEM;
	}
	c->hsm = h;
	c->port = port;
	c->io.in = hl_buf(IN_MAX);
	c->io.out = hl_buf(OUT_MAX);
	h->connections++;
	set_deadline(c, HSM_TICKET_MS);
	return HL_OK;
}

/* -- memory for records ------------------------------------------------------------------------------- */

static void wake(struct hsm_conn *c)
{
	struct hsm *h = c->hsm;

	c->used = true;
	if (c->awake)
		return;
	c->awake = true;
	c->awake_before = NULL;
	c->awake_after = h->awake;
	if (h->awake)
		h->awake->awake_before = c;
	h->awake = c;
}

static void fall_asleep(struct hsm_conn *c)
{
	if (!c->awake)
		return;
	c->awake = false;
	*(c->awake_before ? &c->awake_before->awake_after : &c->hsm->awake) = c->awake_after;
	if (c->awake_after)
		c->awake_after->awake_before = c->awake_before;
}

void hsm_conns_rest(struct hsm *h)
{
	for (struct hsm_conn *c = h->awake, *next; c; c = next) {
		next = c->awake_after;
		if (c->used) {
			c->used = false;
			continue;
		}
		hl_channel_rest(c->channel);
		hl_buf_fit(&c->io.in);
		hl_buf_fit(&c->io.out);
		fall_asleep(c);
	}
}

/* -- open and gone ------------------------------------------------------------------------------------- */

/* Channels have numbers that ascend: who lists them page by page misses none that stays. */
static void note_open(struct hsm_conn *c)
{
	struct hsm *h = c->hsm;

	c->number = ++h->last_channel;
	c->since_ms = hl_wall_ms(h->env);
	c->older = h->last_open;
	*(c->older ? &c->older->newer : &h->first_open) = c;
	h->last_open = c;
	h->channels++;
	wake(c); /* it has shaken hands */
}

static void forget_open(struct hsm_conn *c)
{
	struct hsm *h = c->hsm;

	if (c->number == 0)
		return;
	*(c->older ? &c->older->newer : &h->first_open) = c->newer;
	*(c->newer ? &c->newer->older : &h->last_open) = c->older;
	h->channels--;
}

void hsm_conn_free(struct hsm_conn *c)
{
	struct hsm *h = c->hsm;

	for (struct hsm_task *t = h->tasks; t; t = t->next)
		if (t->conn == c)
			t->conn = NULL;
	for (struct hsm_conn **at = &h->resumed; c->resumes && *at; at = &(*at)->next_resumed)
		if (*at == c) {
			*at = c->next_resumed;
			break;
		}
	for (struct hsm_conn **at = &h->turning; c->turns && *at; at = &(*at)->next_turning)
		if (*at == c) {
			*at = c->next_turning;
			break;
		}
	hl_map_take(&h->ports, c->port);
	h->connections--;
	hsm_log_ended(c);
	forget_open(c);
	fall_asleep(c);
	hsm_streams_clear(c);
	hl_channel_free(c->channel);
	hl_buf_clear(&c->io.in);
	hl_buf_clear(&c->io.out);
	free(c);
}

/* A trace line of this connection; its id is known as soon as a ticket was good. */
static void trace(
	struct hsm_conn *c, enum hl_way way, const struct hl_msg *m, const void *body, hl_err err)
{
	static const enum hl_step step[] = {
		[HSM_TICKET] = HL_STEP_RESULT,
		[HSM_SHAKING] = HL_STEP_PROVED,
		[HSM_PROVING] = HL_STEP_PROVED,
		[HSM_OPEN] = HL_STEP_OPEN,
	};

	hl_trace_step(c->hsm->env, step[c->state], way, c->known ? c->id : NULL, m, body, err);
}

void hsm_conn_close(struct hsm_conn *c, hl_err why, bool drain)
{
	if (c->closing)
		return;
	c->closing = true;
	c->deadline_us = 0;
	trace(c, HL_DID, NULL, NULL, why);
	hl_wish_close(&c->hsm->wishes, c->port, drain);
}

void hsm_conn_end(struct hsm_conn *c, hl_err why)
{
	if (!c->closing)
		hl_channel_end(c->channel, &c->io);
	hsm_conn_close(c, why, true);
}

void hsm_conn_time(struct hsm_conn *c, int64_t now_us)
{
	if (hl_passed(c->deadline_us, now_us))
		hsm_conn_close(c, HL_E_TIMEOUT, false);
}

/* -- the ticket -------------------------------------------------------------------------------------- */

static hl_err check_ticket(struct hsm_conn *c, const struct hl_ticket *t)
{
	struct hsm *h = c->hsm;
	int64_t now = hl_wall_ms(h->env);
	const uint8_t *incarnation = h->conf.shared.ops->incarnation(h->conf.shared.at);

	if (!hl_bytes_eq(t->hsm, hl_text(h->conf.name)))
		return HL_E_TICKET;
	/* The page of used grants began anew with the incarnation, so older tickets may be used ones. */
	if (!hl_bytes_eq(t->incarnation, hl_bytes(incarnation, HL_INCARNATION)))
		return HL_E_STALE;
	if ((uint64_t)now >= t->expires_ms || t->expires_ms < t->issued_ms)
		return HL_E_TICKET;
	return HL_OK;
}

/* What the channel's answer needs, kept until the ClientHello comes. */
static hl_err keep_ticket(struct hsm_conn *c, const struct hl_ticket *t)
{
	struct hsm *h = c->hsm;
	int64_t left_s = ((int64_t)t->expires_ms - hl_wall_ms(h->env)) / 1000 + 1;

	HL_TRY(hl_bytes_str(t->partition, c->partition, sizeof c->partition));
	HL_TRY(hl_bytes_str(t->client, c->client, sizeof c->client));
	HL_TRY(hl_bytes_str(t->client_id, c->client_id, sizeof c->client_id));
	HL_TRY(hl_bytes_str(t->proxy, c->proxy, sizeof c->proxy));
	c->partition_id = hsm_partition_id(t->partition);
	c->grant_until_s = hl_mono_us(h->env) / 1000000 + left_s;
	return HL_OK;
}

/* Wrong secrets are counted by partition and client, whoever the proxy is. A pair that is locked is told so before it
 * may show another one. */
static hl_err check_lock(struct hsm_conn *c, const struct hl_ticket *t, uint32_t *retry_after_ms)
{
	struct hsm *h = c->hsm;
	char text[HL_ADDR_TEXT];
	struct hl_addr client = { 0 };

	HL_TRY(hl_bytes_str(t->client, text, sizeof text));
	HL_TRY(hl_addr_parse(text, &client));
	HL_TRY(hl_lockout_pair(h->lockout, t->partition, &client, &c->pair));
	*retry_after_ms = hl_lockout_wait_ms(h->lockout, c->pair, hl_mono_us(h->env));
	return *retry_after_ms > 0 ? HL_E_LOCKED : HL_OK;
}

static hl_err read_secret(const struct hsm_conn *c, enum hl_channel_kind kind, uint32_t generation, struct hl_secret *out)
{
	struct hsm_partition p;
	hl_err err = hsm_partition_load(c->hsm, hl_text(c->partition), &p);

	if (err != HL_OK)
		return err == HL_E_PARTITION ? HL_E_NOT_FOUND : err;
	if (kind == HL_CHANNEL_USER && generation == p.row.secret_generation)
		err = hl_secret_set(out, p.secret.secret);
	else if (kind == HL_CHANNEL_SETUP && generation == 0) /* a file does not tell its generation */
		err = hl_secret_set(out, p.secret.setup_key);
	else
		err = HL_E_NOT_FOUND;
	hsm_partition_clear(&p);
	return err;
}

static hl_err lookup_secret(
	void *at, enum hl_channel_kind kind, uint32_t generation, struct hl_secret *out)
{
	struct hsm_conn *c = at;
	hl_err err = read_secret(c, kind, generation, out);

	c->asked = true;
	c->asked_setup = kind == HL_CHANNEL_SETUP;
	c->secret_err = err == HL_E_NOT_FOUND ? HL_OK : err;
	return err;
}

/* A store that cannot be read is told here, where the proxy can still try another member. A partition that is not there
 * is not told: the handshake fails then as with a wrong secret. */
static hl_err check_partition(struct hsm_conn *c)
{
	struct hsm_partition p;
	hl_err err = hsm_partition_load(c->hsm, hl_text(c->partition), &p);

	if (err == HL_E_PARTITION)
		return HL_OK;
	HL_TRY(err);
	hsm_partition_clear(&p);
	return HL_OK;
}

static hl_err read_ticket(struct hsm_conn *c, uint32_t *retry_after_ms)
{
	struct hsm *h = c->hsm;
	struct hl_hsm_opened opened = { .hsm = hl_text(h->conf.name) };
	struct hl_channel_bond bond = {
		.initiator = "client",
		.responder = "hsm",
		.name = c->partition,
		.alpn = HL_ALPN_OP,
	};
	struct hl_hsm_open open;
	struct hl_ticket t;
	struct hl_frame f;

	HL_TRY(hl_frame_peek(hl_buf_view(&c->io.in), HL_FRAME_GATEWAY, &f));
	HL_TRY(hl_msg_get(&hl_msg_hsm_open, &f, &open));
	if (h->connections > h->conf.connections_max)
		return HL_E_BUSY;
	HL_TRY(hl_ticket_open(hl_bytes(h->ticket_key, sizeof h->ticket_key), open.ticket, &t));
	memcpy(c->id, t.connection.p, sizeof c->id);
	c->known = true;
	HL_TRY(hl_fault_err(h->env, HL_AT_HSM_TICKET, c->port));
	HL_TRY(check_ticket(c, &t));
	HL_TRY(keep_ticket(c, &t));
	HL_TRY(check_lock(c, &t, retry_after_ms));
	HL_TRY(check_partition(c));
	bond.binding = t.binding;
	HL_TRY(hl_channel_answer(h->ctx, &bond, lookup_secret, c, &c->channel));
	hl_buf_eat(&c->io.in, f.whole.n);
	hl_msg_put(&c->io.out, &hl_msg_hsm_opened, 0, &opened);
	hl_wish_send(&h->wishes, c->port);
	c->state = HSM_SHAKING;
	set_deadline(c, HSM_SHAKE_MS);
	return HL_OK;
}

static void refuse_ticket(struct hsm_conn *c, hl_err err, uint32_t retry_after_ms)
{
	bool store = err == HL_E_STORE || err == HL_E_STORE_SEAL; /* another member, or this one restarted, may do better */
	struct hl_refused no = {
		.code = (uint16_t)-err,
		.step = HL_STEP_RESULT,
		.retryable = store || hl_err_row(err)->again == HL_AGAIN,
		.retry_after_ms = retry_after_ms,
	};

	hl_msg_put(&c->io.out, &hl_msg_refused, 0, &no);
	hsm_conn_close(c, err, true);
}

/* -- the proof --------------------------------------------------------------------------------------- */

static hl_err sign_identity(struct hsm_conn *c, uint8_t signature[64])
{
	uint8_t text[HL_IDENTITY_TEXT];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 64;
	hl_err err = ctx ? hl_identity_text(c->channel, text) : HL_E_NOMEM;

	if (err == HL_OK && (EVP_DigestSignInit(ctx, NULL, NULL, NULL, c->hsm->identity) != 1 ||
				    EVP_DigestSign(ctx, signature, &n, text, sizeof text) != 1))
		err = HL_E_CRYPTO;
	EVP_MD_CTX_free(ctx);
	return err;
}

static void prove(struct hsm_conn *c)
{
	struct hsm *h = c->hsm;
	uint8_t signature[64];
	struct hl_hsm_result result = { .signature = hl_bytes(signature, sizeof signature) };
	hl_err err = sign_identity(c, signature);

	if (err != HL_OK) {
		hsm_conn_close(c, err, false);
		return;
	}
	/* A client with a user secret has the key pinned; one with a setup password learns it here. */
	if (hl_channel_kind(c->channel) == HL_CHANNEL_SETUP)
		result.identity = hl_bytes(h->identity_public, sizeof h->identity_public);
	c->state = HSM_OPEN;
	note_open(c);
	hsm_log_opened(c);
	set_deadline(c, 0);
	hsm_reply(c, &hl_msg_hsm_result, 0, &result);
	hl_trace_step(h->env, HL_STEP_PROVED, HL_SENT, c->id, &hl_msg_hsm_result, &result, HL_OK);
}

static void first_use_noted(struct hsm_task *t);
static hl_err channel_bytes(struct hsm_conn *c);

/* "7 days from first use": the first use is on disk before the HSM's signature leaves. */
static hl_err note_first_use(struct hsm_conn *c)
{
	struct hsm *h = c->hsm;
	int64_t now = hl_wall_ms(h->env);
	struct hl_frame none = { .id = 0 };
	struct hsm_partition p;
	struct hsm_task *t;
	hl_err err;

	HL_TRY(hsm_partition_load(h, hl_text(c->partition), &p));
	if (hsm_setup_expired(&p.row, now)) {
		hsm_partition_clear(&p);
		return HL_E_SETUP_EXPIRED;
	}
	if (p.row.setup_used_ms != 0) {
		hsm_partition_clear(&p);
		prove(c);
		return HL_OK;
	}
	t = hsm_task_new(h, c, &none, sizeof *t);
	p.row.setup_used_ms = (uint64_t)now;
	err = t ? hsm_change_partition(h, &t->change, &p) : HL_E_NOMEM;
	hsm_partition_clear(&p);
	if (err == HL_OK)
		hsm_task_commit(t, first_use_noted);
	else if (t)
		hsm_task_free(t);
	return err;
}

/* Told inside the channel, to whoever proved the password, in place of the signature. */
static void refuse_inside(struct hsm_conn *c, hl_err err)
{
	hsm_log_refused(c, err);
	hsm_refuse(c, 0, err, NULL, 0);
	hsm_conn_end(c, err);
}

static void first_use_noted(struct hsm_task *t)
{
	struct hsm_conn *c = t->conn;
	hl_err err = t->change.commit.result;

	hsm_task_free(t);
	if (!c || c->closing)
		return;
	if (err == HL_E_STORE_STALE) /* another connection was first: look again */
		err = note_first_use(c);
	else if (err == HL_OK)
		prove(c);
	if (err != HL_OK)
		refuse_inside(c, err);
	else if (c->state == HSM_OPEN && channel_bytes(c) != HL_OK) /* what came while the commit was under way */
		hsm_conn_close(c, HL_E_CHANNEL, true);
}

/* The client's Finished has verified: the grant is used now, once in the whole cluster. */
static hl_err finished(struct hsm_conn *c)
{
	struct hsm *h = c->hsm;

	hl_trace_step(h->env, HL_STEP_TLS, HL_GOT, c->id, NULL, NULL, HL_OK);
	HL_TRY(hl_fault_err(h->env, HL_AT_HSM_FINISHED, c->port));
	HL_TRY(h->conf.shared.ops->take_grant(
		h->conf.shared.at, c->id, hl_mono_us(h->env) / 1000000, c->grant_until_s));
	c->state = HSM_PROVING;
	if (hl_channel_kind(c->channel) == HL_CHANNEL_SETUP)
		return note_first_use(c);
	prove(c);
	return HL_OK;
}

/* -- bytes ------------------------------------------------------------------------------------------- */

/* The log tells of the lock when it is reached. Each attempt while it lasts costs its sender nothing, and must not push out
 * what stands there. */
static void wrong_secret(struct hsm_conn *c)
{
	struct hsm *h = c->hsm;

	hl_lockout_failed(h->lockout, c->pair, hl_mono_us(h->env));
	hsm_log_refused(c, HL_E_HSM_AUTH);
	if (hl_lockout_wait_ms(h->lockout, c->pair, hl_mono_us(h->env)) > 0)
		hsm_log_refused(c, HL_E_LOCKED);
}

/* Take in what has come; the handshake ends here too. */
static hl_err pump(struct hsm_conn *c)
{
	hl_err err = hl_channel_pump(c->channel, &c->io);

	if (c->secret_err != HL_OK) {
		/* Without the alert, which would tell the client that its secret is wrong. */
		hl_buf_reset(&c->io.out);
		hsm_conn_close(c, c->secret_err, false);
		return HL_OK;
	}
	if (c->io.out.n > 0)
		hl_wish_send(&c->hsm->wishes, c->port);
	if (err == HL_E_CHANNEL && c->state == HSM_SHAKING && c->asked)
		wrong_secret(c);
	if (err != HL_E_FULL) /* what waits for room goes on at ROOM */
		HL_TRY(err);
	if (c->state == HSM_SHAKING && hl_channel_ready(c->channel)) {
		err = finished(c);
		if (err != HL_OK)
			refuse_inside(c, err);
	}
	return HL_OK;
}

/* Before the proof has left, requests wait: nothing is answered to a client that is not sure of us. */
static bool takes_requests(const struct hsm_conn *c)
{
	return c->state == HSM_OPEN && !c->closing && c->io.out.n < OUT_PAUSE && c->tasks < HSM_TASKS_MAX;
}

/* Whoever sends many requests at once is answered bit by bit: the first answers are on their way, and others have their
 * turn, while the later requests are worked at. */
static bool turn_is_over(struct hsm_conn *c, int64_t begun_us)
{
	struct hsm *h = c->hsm;
	int64_t now = hl_mono_us(h->env);

	if (now - begun_us < HSM_TURN_US || !hl_channel_waits(c->channel))
		return false;
	h->turn_us = now;
	if (!c->turns) {
		c->turns = true;
		c->next_turning = h->turning;
		h->turning = c;
	}
	return true;
}

static hl_err handle_requests(struct hsm_conn *c, size_t *handled)
{
	int64_t begun_us = hl_mono_us(c->hsm->env);
	struct hl_frame f;
	hl_err err = HL_OK;

	for (*handled = 0; takes_requests(c) && !(*handled > 0 && turn_is_over(c, begun_us)); ++*handled) {
		err = hl_channel_next(c->channel, &f);
		if (err != HL_OK)
			break;
		c->requests++;
		hsm_dispatch(c, &f);
	}
	return err == HL_E_SHORT ? HL_OK : err;
}

/* While answers found no room, more may have come than the channel holds. Nobody says BYTES again for what
 * then waits in the port, so it is taken as soon as requests have left. */
static hl_err channel_bytes(struct hsm_conn *c)
{
	size_t handled;

	if (c->state == HSM_OPEN)
		wake(c);
	do {
		HL_TRY(pump(c));
		HL_TRY(handle_requests(c, &handled));
	} while (handled > 0 && c->io.in.n > 0 && !c->closing && !c->turns);
	if (hl_channel_ended(c->channel) && !c->turns)
		hsm_conn_close(c, HL_OK, true);
	return HL_OK;
}

void hsm_conn_task_ended(struct hsm_conn *c)
{
	struct hsm *h = c->hsm;

	if (c->tasks-- < HSM_TASKS_MAX || c->resumes)
		return;
	c->resumes = true;
	c->next_resumed = h->resumed;
	h->resumed = c;
}

/* Requests that wait are in the channel or in the port, and nobody says BYTES again for those. */
void hsm_conns_resume(struct hsm *h)
{
	struct hsm_conn *c;
	hl_err err;

	while ((c = h->resumed) != NULL) {
		h->resumed = c->next_resumed;
		c->resumes = false;
		err = c->closing ? HL_OK : channel_bytes(c);
		if (err != HL_OK)
			hsm_conn_close(c, err, true);
	}
}

void hsm_conns_turn(struct hsm *h)
{
	struct hsm_conn *c, *all = h->turning;
	hl_err err;

	h->turning = NULL;
	h->turn_us = 0;
	while ((c = all) != NULL) {
		all = c->next_turning;
		c->turns = false;
		err = c->closing ? HL_OK : channel_bytes(c);
		if (err != HL_OK)
			hsm_conn_close(c, err, true);
	}
}

static void on_bytes(struct hsm_conn *c)
{
	uint32_t retry_after_ms = 0;
	hl_err err;

	if (c->state == HSM_TICKET) {
		err = read_ticket(c, &retry_after_ms);
		if (err == HL_E_SHORT)
			return;
		if (err != HL_OK) {
			refuse_ticket(c, err, retry_after_ms);
			return;
		}
	}
	err = channel_bytes(c);
	if (err != HL_OK)
		hsm_conn_close(c, err, true);
}

void hsm_conn_event(struct hsm_conn *c, const struct hl_event *e)
{
	if (e->kind == HL_EV_ENDED)
		hsm_conn_free(c);
	else if ((e->kind == HL_EV_BYTES || e->kind == HL_EV_ROOM) && !c->closing)
		on_bytes(c);
}

/* -- replies ----------------------------------------------------------------------------------------- */

void hsm_reply(struct hsm_conn *c, const struct hl_msg *m, uint32_t id, void *body)
{
	struct hsm *h = c->hsm;
	struct hl_done mark = { .time_ms = (uint64_t)hl_wall_ms(h->env) };
	struct hsm_mark at;
	hl_err err;

	hsm_epoch_mark(h, &at);
	mark.term = at.term;
	mark.generation = at.generation;
	memcpy(body, &mark, sizeof mark); /* every reply begins with HL_MARK */
	wake(c); /* it may come from a lane, long after its request */
	hl_channel_age(c->channel, hl_mono_us(h->env));
	err = hl_channel_send(c->channel, &c->io, m, id, body);
	if (err == HL_E_TOO_LONG && m != &hl_msg_op_refused)
		hsm_refuse(c, id, err, NULL, 0); /* the request asked for more than a frame holds */
	else if (err != HL_OK)
		hsm_conn_close(c, err, false);
	else
		hl_wish_send(&h->wishes, c->port);
}

void hsm_refuse(struct hsm_conn *c, uint32_t id, hl_err err, const char *detail, uint32_t retry_after_ms)
{
	struct hl_op_refused no = {
		.code = (uint16_t)-err,
		.retryable = hl_err_row(err)->again == HL_AGAIN,
		.retry_after_ms = retry_after_ms,
		.detail = hl_text(detail),
	};

	trace(c, HL_SENT, &hl_msg_op_refused, &no, err);
	hsm_reply(c, &hl_msg_op_refused, id, &no);
}
