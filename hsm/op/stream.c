/* stream.c - keys used with data that comes in pieces. What is under way belongs to one connection, and ends with it. */
#include <stdlib.h>

#include "hsm/rooms.h"

#define PIECE_MAX (HL_DATA_MAX + 2 * HL_TAG_MAX) /* of what comes out at once */
#define REST_MAX (HSM_STREAM_MAX + 2 * HL_TAG_MAX) /* of what comes out in the end */

struct hsm_running {
	uint64_t id;  /* random: one of an earlier connection means nothing on this */
	struct hsm_claim key; /* of which `stream` has a share */
	enum hsm_way way;
	bool slow; /* its end */
	size_t kept; /* bytes that came and have not come out yet */
	struct hsm_stream *stream; /* NULL: it has ended, and of what came of it this is left: */
	struct hl_buf rest;
	struct hsm_running *next;
};

static void running_free(struct hsm_running *r)
{
	hsm_stream_free(r->stream);
	hl_buf_clear(&r->rest);
	free(r);
}

void hsm_streams_clear(struct hsm_conn *c)
{
	for (struct hsm_running *r; (r = c->running) != NULL;) {
		c->running = r->next;
		running_free(r);
	}
}

static bool is_with(const struct hsm_running *r, uint64_t key)
{
	return key ? r->key.handle == key : r->key.is_private;
}

void hsm_streams_end(struct hsm_conn *c, uint64_t key)
{
	for (struct hsm_running **at = &c->running, *r; (r = *at) != NULL;) {
		if (is_with(r, key)) {
			*at = r->next;
			running_free(r);
		} else {
			at = &r->next;
		}
	}
}

static struct hsm_running **place_of(struct hsm_conn *c, uint64_t id)
{
	struct hsm_running **at = &c->running;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

/* Take it out of its connection. HL_E_STREAM: there is none. Or as hsm_claim_check(), and then it has ended. */
static hl_err take(struct hsm_conn *c, uint64_t id, struct hsm_running **out)
{
	struct hsm_running **at = place_of(c, id), *r = *at;
	hl_err err;

	if (!r)
		return HL_E_STREAM;
	*at = r->next;
	err = hsm_claim_check(c, &r->key);
	if (err == HL_OK)
		*out = r;
	else
		running_free(r);
	return err;
}

static void put(struct hsm_conn *c, struct hsm_running *r)
{
	r->next = c->running;
	c->running = r;
}

/* -- begin ---------------------------------------------------------------------------------------------- */

/* Also those whose end is being made. */
static size_t count(const struct hsm_conn *c, size_t *kept)
{
	size_t n = c->ending.streams;

	*kept = c->ending.kept;
	for (const struct hsm_running *r = c->running; r; r = r->next, n++)
		*kept += r->kept;
	return n;
}

static uint64_t new_id(struct hsm_conn *c)
{
	uint64_t id;

	do
		hl_random(c->hsm->env, &id, sizeof id);
	while (id == 0 || *place_of(c, id));
	return id;
}

hl_err hsm_op_stream_begin(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const enum hsm_way ways[] = { HSM_SIGN, HSM_VERIFY, HSM_ENCRYPT, HSM_DECRYPT };
	const struct hl_stream_begin *request = body;
	struct hl_stream_begun answer = { 0 };
	struct hsm_running *r;
	struct hsm_cached *key;
	size_t kept;
	hl_err err;

	HL_TRY(hsm_key_of(c, request->key, &key));
	if (count(c, &kept) >= HSM_STREAMS_MAX) {
		*detail = "too many of them are under way on this connection";
		return HL_E_FULL;
	}
	r = calloc(1, sizeof *r);
	if (!r)
		return HL_E_NOMEM;
	r->rest = hl_buf(REST_MAX);
	r->way = ways[request->way];
	r->key = hsm_key_claim(c->hsm, key);
	r->slow = r->way == HSM_SIGN && hsm_mechanism_slow(request->mechanism, key->key);
	err = hsm_stream_new(key->key, r->way, request->mechanism, request->parameter, &r->stream);
	if (err == HL_OK)
		err = hsm_key_use(c, key);
	if (err != HL_OK) {
		running_free(r);
		return err;
	}
	c->uses++;
	answer.stream = r->id = new_id(c);
	put(c, r);
	hsm_reply(c, &hl_msg_stream_begun, f->id, &answer);
	return HL_OK;
}

/* -- a piece -------------------------------------------------------------------------------------------- */

static hl_err update(struct hsm_conn *c, struct hsm_running *r, struct hl_bytes data, struct hl_buf *out,
	const char **detail)
{
	size_t kept;

	if (!r->stream)
		return HL_E_STREAM;
	count(c, &kept); /* of the others */
	if (kept + r->kept + data.n > HSM_STREAMS_KEPT_MAX) {
		*detail = "too much data is kept back on this connection";
		return HL_E_FULL;
	}
	HL_TRY(hsm_stream_update(r->stream, data, out));
	if (r->way == HSM_ENCRYPT || r->way == HSM_DECRYPT)
		r->kept += data.n - out->n;
	return HL_OK;
}

static void send(struct hsm_conn *c, uint32_t id, struct hl_bytes data, bool more)
{
	struct hl_stream_data answer = { .data = data, .more = more };

	hsm_reply(c, &hl_msg_stream_data, id, &answer);
}

hl_err hsm_op_stream_update(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(PIECE_MAX);
	const struct hl_stream_update *request = body;
	struct hsm_running *r;
	hl_err err;

	HL_TRY(take(c, request->stream, &r));
	err = update(c, r, request->data, &out, detail);
	if (err != HL_OK) {
		running_free(r);
		return err;
	}
	put(c, r);
	send(c, f->id, hl_buf_view(&out), false);
	return HL_OK;
}

/* -- the end -------------------------------------------------------------------------------------------- */

/* All that came is done with before anything of it is told. */
static hl_err finish(struct hsm_running *r, struct hl_bytes signature)
{
	hl_err err = hsm_stream_final(r->stream, signature, &r->rest);

	hsm_stream_free(r->stream);
	r->stream = NULL;
	r->kept = r->rest.n;
	return err;
}

/* What is more than an answer holds is asked for again. */
static void tell(struct hsm_conn *c, uint32_t id, struct hsm_running *r)
{
	size_t n = r->rest.n < PIECE_MAX ? r->rest.n : PIECE_MAX;
	bool more = r->rest.n > n;

	send(c, id, hl_bytes(hl_buf_view(&r->rest).p, n), more);
	if (more) {
		hl_buf_eat(&r->rest, n);
		r->kept = r->rest.n;
		put(c, r);
	} else {
		running_free(r);
	}
}

struct ending {
	struct hsm_task task;
	struct hsm_running *running;
	size_t kept; /* when it began: what `running` says is the lane's until it is done */
	unsigned logins_ended; /* as of the connection, then */
	hl_err err;
};

static void begin_ending(struct ending *e, struct hsm_conn *c, struct hsm_running *r)
{
	e->running = r;
	e->kept = r->kept;
	e->logins_ended = c->logins_ended;
	c->ending.streams++;
	c->ending.kept += e->kept;
}

static void ended(const struct ending *e, struct hsm_conn *c)
{
	c->ending.streams--;
	c->ending.kept -= e->kept;
}

static void ending_clear(struct hsm_task *t)
{
	struct ending *e = (struct ending *)t;

	if (e->running)
		running_free(e->running);
}

static void work(struct hl_job *j)
{
	struct ending *e = (struct ending *)j;

	e->err = finish(e->running, hl_bytes(NULL, 0));
}

static void done(struct hsm_task *t)
{
	struct ending *e = (struct ending *)t;
	struct hsm_conn *c = t->conn;

	if (c)
		ended(e, c);
	if (c && e->err == HL_OK && e->running->key.is_private && e->logins_ended != c->logins_ended)
		e->err = HL_E_LOGIN; /* it was that login's */
	if (c && !c->closing) {
		if (e->err == HL_OK)
			tell(c, t->id, hl_take(e->running));
		else
			hsm_task_refuse(t, e->err, NULL, 0);
	}
	hsm_task_free(t);
}

static hl_err end_later(struct hsm_conn *c, const struct hl_frame *f, struct hsm_running *r)
{
	struct ending *e = (struct ending *)hsm_task_new(c->hsm, c, f, sizeof *e);

	if (!e) {
		running_free(r);
		return HL_E_NOMEM;
	}
	e->task.clear = ending_clear;
	begin_ending(e, c, r);
	hsm_task_work(&e->task, HL_LANE_CPU, work, done);
	return HL_E_DEFER;
}

/* Much data that was kept back is decrypted in the end, all at once. */
static bool is_slow(const struct hsm_running *r)
{
	return r->slow || (r->way == HSM_DECRYPT && r->kept > HL_DATA_MAX);
}

hl_err hsm_op_stream_final(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_stream_final *request = body;
	struct hsm_running *r;
	hl_err err = HL_OK;

	(void)detail;
	HL_TRY(take(c, request->stream, &r));
	if (r->stream && is_slow(r))
		return end_later(c, f, r);
	if (r->stream)
		err = finish(r, request->signature);
	if (err == HL_OK)
		tell(c, f->id, r);
	else
		running_free(r);
	return err;
}
