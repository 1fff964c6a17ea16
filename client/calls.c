/* calls.c - requests and their answers, in any order, each with its own deadline. */
#include "client/link_impl.h"

#include <stdio.h>

#include <openssl/crypto.h>

void client_learn_mark(struct client *c, const struct hl_done *mark)
{
	if (mark->term > c->term || (mark->term == c->term && mark->generation > c->generation)) {
		c->term = mark->term;
		c->generation = mark->generation;
	}
	c->offset_ms = (int64_t)mark->time_ms - hl_wall_ms(c->env);
}

hl_err client_take_refusal(struct client *c, struct client_failure *failure, const struct hl_frame *f)
{
	struct hl_op_refused no;
	hl_err err;

	HL_TRY(hl_msg_get(&hl_msg_op_refused, f, &no));
	err = hl_err_of_wire(no.code);
	failure->retry_after_ms = no.retry_after_ms;
	failure->retryable = no.retryable;
	HL_TRY(hl_bytes_str(no.detail, failure->detail, sizeof failure->detail));
	hl_trace_step(c->env, client_story[c->state].step, HL_GOT, c->id, &hl_msg_op_refused, &no, err);
	return err;
}

/* -- ends ------------------------------------------------------------------------------------------ */

/* Why an opening failed may pass, but what may have happened must not be asked for anew. */
static void set_outcome(struct client_call *call, hl_err err)
{
	call->done = true;
	call->err = err;
	if (err != HL_OK)
		call->failure.err = err;
	if (err == HL_E_UNKNOWN)
		call->failure.retryable = false;
}

static void unlink_call(struct client *c, struct client_call *call)
{
	struct client_call **at = &c->calls;

	while (*at && *at != call)
		at = &(*at)->next;
	if (*at)
		*at = call->next;
	call->next = NULL;
}

static const struct hl_field *field_named(const struct hl_msg *m, const char *name)
{
	for (size_t i = 0; i < m->fields; i++)
		if (strcmp(m->field[i].name, name) == 0)
			return &m->field[i];
	return NULL;
}

/* A request with a token has an effect: one that was sent and not answered may have had it. */
static const struct hl_field *token_of(const struct hl_msg *m)
{
	return field_named(m, "token");
}

bool client_has_effect(const struct hl_msg *m)
{
	return token_of(m);
}

/* What it speaks of is gone with the link that it was begun on: over another it could only be refused. */
static bool is_of_its_link(const struct client_call *call)
{
	return field_named(call->msg, "stream");
}

static bool may_have_happened(const struct client_call *call)
{
	return (call->sent || call->lost) && token_of(call->msg);
}

static void end_call(struct client *c, struct client_call *call, hl_err err)
{
	unlink_call(c, call);
	call->failure = c->failure;
	set_outcome(call, may_have_happened(call) ? HL_E_UNKNOWN : err);
}

void client_fail_calls(struct client *c, hl_err err)
{
	while (c->calls)
		end_call(c, c->calls, err);
}

/* -- tried again ----------------------------------------------------------------------------------- */

int64_t client_pause_us(const struct client *c, unsigned n)
{
	int64_t most_ms = CLIENT_PAUSE_MS;
	uint32_t draw;

	for (; n > 0 && most_ms < CLIENT_PAUSE_MOST_MS; n--)
		most_ms *= 2;
	hl_random(c->env, &draw, sizeof draw);
	return draw % (most_ms * 1000 + 1);
}

static void end_with_link(struct client *c, struct client_call *call)
{
	end_call(c, call, HL_E_STREAM);
	call->failure.step = HL_STEP_OPEN;
	snprintf(call->failure.detail, sizeof call->failure.detail, "the link that it was begun on broke");
}

/* Once at once: the member has gone and another is there. A request that breaks one link after another waits. */
void client_lose_calls(struct client *c)
{
	for (struct client_call *call = c->calls, *next; call; call = next) {
		next = call->next;
		if (is_of_its_link(call)) {
			end_with_link(c, call);
			continue;
		}
		if (!call->sent)
			continue;
		call->sent = false;
		call->lost = true;
		if (call->losses++ > 0)
			call->not_before_us = hl_mono_us(c->env) + client_pause_us(c, call->losses - 2);
	}
}

/* A lock-out is told at once: more attempts would only make it last. */
void client_drop_calls(struct client *c, hl_err err)
{
	bool may_pass = (c->failure.retryable || hl_err_row(err)->again == HL_AGAIN) && err != HL_E_LOCKED;

	for (struct client_call *call = c->calls, *next; call; call = next) {
		next = call->next;
		if (!(may_pass && call->lost))
			end_call(c, call, err);
	}
}

/* The HSM does not take this token's time. One that it never saw before is made anew, once. */
static bool renew(struct client_call *call, hl_err *err)
{
	if (call->lost)
		*err = HL_E_UNKNOWN;
	if (call->lost || call->token_renewed)
		return false;
	call->token_renewed = true;
	call->token_made = false;
	return true;
}

/* What may have happened before is asked for until the deadline: to be told "busy" would not answer that. */
static bool pause(struct client *c, struct client_call *call)
{
	int64_t now = hl_mono_us(c->env), wait = client_pause_us(c, call->refusals++);
	bool must_know = call->lost && token_of(call->msg);

	if (wait < call->failure.retry_after_ms * INT64_C(1000))
		wait = call->failure.retry_after_ms * INT64_C(1000);
	if (!must_know && (call->refusals > CLIENT_RETRIES ||
				  (call->deadline_us && now + wait >= call->deadline_us)))
		return false;
	call->not_before_us = now + wait;
	return true;
}

/* Whether a refused call is tried again; else `*err` is what its caller is told. */
static bool again(struct client *c, struct client_call *call, hl_err *err)
{
	switch (*err) {
	case HL_E_TOKEN_TIME:
		return token_of(call->msg) && renew(call, err);
	case HL_E_BEHIND:
	case HL_E_BUSY:
	case HL_E_STORE_STALE:
		return call->failure.retryable && pause(c, call);
	case HL_E_MASTER: /* that is kept under its token: it was not made, and will not be. Another try is another request */
		call->token_made = false;
		return false;
	case HL_E_BLOB:
		if (call->brought++ < CLIENT_RETRIES && client_kept_bring(c, call))
			return true;
		*err = HL_E_KEY;
		return false;
	default:
		return false;
	}
}

/* 8 bytes of the HSM's time as this client estimates it, 8 random (design section 3). The estimate moves with
 * the wall clock. */
static void make_token(const struct client *c, uint8_t out[HL_TOKEN])
{
	uint64_t time_ms = (uint64_t)(hl_wall_ms(c->env) + c->offset_ms);

	for (size_t i = 0; i < 8; i++)
		out[i] = (uint8_t)(time_ms >> 8 * (7 - i));
	hl_random(c->env, out + 8, 8);
}

/* The request as it is sent: what the client has seen, and its token, are filled in here. */
static void complete(const struct client *c, struct client_call *call, uint8_t *body)
{
	struct hl_ping seen = { .seen_term = c->term, .seen_generation = c->generation };
	const struct hl_field *token = token_of(call->msg);

	memcpy(body, call->body, call->msg->size);
	memcpy(body, &seen, sizeof seen); /* every request begins with HL_SEEN */
	if (!token)
		return;
	if (!call->token_made)
		make_token(c, call->token);
	call->token_made = true;
	*(struct hl_bytes *)(void *)(body + token->offset) = hl_bytes(call->token, sizeof call->token);
}

/* -- requests -------------------------------------------------------------------------------------- */

/* What was refused was no work. */
static void note_answer(struct client *c, const struct client_call *call, hl_err err)
{
	struct client_answers *a = &c->answers;
	bool same = err == HL_OK && (a->n == 0 || memcmp(&call->kind, &c->answers_kind, sizeof call->kind) == 0);

	c->answers_kind = same ? call->kind : (struct client_kind){ 0 };
	a->sent_us = a->n > 0 && a->sent_us < call->sent_us ? a->sent_us : call->sent_us;
	a->n++;
}

void client_learn_pace(struct client *c)
{
	struct client_answers *a = &c->answers;

	if (a->n == 0)
		return;
	a->now_us = hl_mono_us(c->env);
	client_pace_learn(c->conf.pace, a, c->answers_kind);
	*a = (struct client_answers){ .before_us = a->now_us };
}

uint32_t client_next_id(struct client *c)
{
	do
		c->next_id++;
	while (c->next_id == 0);
	return c->next_id;
}

static void send_call(struct client *c, struct client_call *call)
{
	uint64_t body[64]; /* aligned room for any request's struct */
	hl_err err = call->msg->size <= sizeof body ? HL_OK : HL_E_BUG;

	if (err == HL_OK) {
		complete(c, call, (uint8_t *)body);
		call->id = client_next_id(c);
		call->sent_us = hl_mono_us(c->env);
		hl_channel_age(c->channel, call->sent_us);
		client_alive_ask(c);
		err = client_kept_refresh(c, call);
		if (err == HL_OK)
			err = hl_channel_send(c->channel, &c->io, call->msg, call->id, body);
		OPENSSL_cleanse(body, call->msg->size);
	}
	if (err == HL_OK) {
		call->sent = true;
		call->as_user = client_logged_in(c);
		hl_wish_send(&c->wishes, c->port);
	} else if (err == HL_E_FULL) {
		call->not_before_us = 0; /* much is under way: it waits until some of that has left */
	} else if (hl_channel_dead(c->channel) != HL_OK) {
		/* Nothing of it left, so it is not lost. It goes over the next link. */
		call->not_before_us = hl_mono_us(c->env) + client_pause_us(c, call->losses++);
		client_broken(c, err);
	} else {
		end_call(c, call, err == HL_E_RANGE ? HL_E_ARG : err);
	}
}

void client_flush_calls(struct client *c)
{
	int64_t now = hl_mono_us(c->env);

	for (struct client_call *call = c->calls, *next; call && client_is_open(c); call = next) {
		next = call->next;
		if (!call->sent && call->not_before_us <= now)
			send_call(c, call);
	}
}

static void append(struct client *c, struct client_call *call)
{
	struct client_call **last = &c->calls;

	call->next = NULL;
	while (*last)
		last = &(*last)->next;
	*last = call;
}

void client_submit(struct client *c, struct client_call *call)
{
	call->done = call->sent = call->token_renewed = false;
	call->lost = call->token_made; /* it was submitted before, and is not known to have failed */
	call->losses = call->refusals = call->brought = 0;
	call->not_before_us = 0;
	call->frame = hl_buf(HL_FRAME_MAX + HL_FRAME_HEAD);
	if (call->msg == &hl_msg_logout) { /* not when it is answered: the link may break before that */
		client_ticket_forget(c);
		client_kept_clear(c, false);
	}
	append(c, call);
	if (c->state == OPEN && !c->closing)
		send_call(c, call);
	else if (is_of_its_link(call))
		end_with_link(c, call);
	else
		client_open(c);
}

void client_cancel(struct client *c, struct client_call *call)
{
	unlink_call(c, call);
}

static hl_err answer_call(struct client *c, struct client_call *call, const struct hl_frame *f)
{
	call->failure = c->failure; /* where it was dialled */
	hl_buf_put(&call->frame, f->whole);
	if (call->frame.err != HL_OK)
		return call->frame.err;
	HL_TRY(hl_frame_peek(hl_buf_view(&call->frame), HL_FRAME_MAX, &call->reply));
	if (f->type == HL_T_op_refused)
		return client_take_refusal(c, &call->failure, &call->reply);
	return f->type == call->expect->type ? HL_OK : HL_E_TYPE;
}

/* term, generation, time: three U64 fields with tags 1 to 3 at the head of every reply. */
static hl_err mark_of(const struct hl_frame *f, struct hl_done *mark)
{
	const size_t each = HL_FIELD_HEAD + 8;

	if (f->body.n < 3 * each)
		return HL_E_SHORT;
	return hl_body_get(&hl_msg_done, hl_bytes(f->body.p, 3 * each), mark);
}

/* The HSM did not take the login on the new link, so the second sending was refused where the first was not. Only who is
 * logged in is told what became of an effect: to anybody else a refusal says nothing about the first sending. */
static void explain(struct client_call *call, hl_err *err)
{
	const char *text = "the login ended with the link that broke";

	if (!call->lost || (*err != HL_E_LOGIN && (*err != HL_E_KEY || call->as_user)))
		return;
	if (token_of(call->msg)) {
		text = "the link broke after it was sent, and the login with it: log in, and look whether it happened";
		*err = HL_E_UNKNOWN;
	}
	if (!call->failure.detail[0])
		snprintf(call->failure.detail, sizeof call->failure.detail, "%s", text);
}

/* The answer is there: what it says is the end of the call. */
static void answered(struct client_call *call, hl_err err)
{
	explain(call, &err);
	call->failure.step = HL_STEP_OPEN;
	set_outcome(call, err);
}

/* It goes out again, after its pause. A member that is behind stays so: another one is asked. */
static void send_again(struct client *c, struct client_call *call, hl_err err)
{
	call->sent = false;
	hl_buf_clear(&call->frame);
	append(c, call);
	if (err == HL_E_BEHIND)
		client_broken(c, err);
	else
		client_flush_calls(c);
}

hl_err client_read_reply(struct client *c, const struct hl_frame *f)
{
	struct client_call *call = c->calls;
	struct hl_done mark;
	hl_err err;

	HL_TRY(mark_of(f, &mark));
	client_learn_mark(c, &mark);
	if (f->id == 0) {
		client_ticket_renew(c, f);
		client_kept_renew(c, f);
	}
	while (call && !(call->sent && call->id == f->id))
		call = call->next;
	if (!call)
		return HL_OK; /* its owner gave up waiting */
	unlink_call(c, call);
	err = answer_call(c, call, f);
	note_answer(c, call, err);
	if (err != HL_OK && f->type != HL_T_op_refused && token_of(call->msg))
		err = HL_E_UNKNOWN; /* it was answered, but not understood */
	if (f->type == HL_T_op_refused && again(c, call, &err)) {
		send_again(c, call, err);
		return HL_OK;
	}
	if (err == HL_OK)
		err = client_kept_take(c, call->expect, &call->reply);
	if (err == HL_OK && call->expect == &hl_msg_logged_in)
		client_ticket_take(c, &call->reply);
	if (err == HL_OK && call->msg == &hl_msg_destroy)
		client_forget_object(c, ((const struct hl_destroy *)call->body)->handle);
	answered(call, err);
	return HL_OK;
}

/* Where the link could not be opened again, how that failed tells more than that time has passed. */
static hl_err late(struct client *c)
{
	if (c->reopenings > 0)
		return c->reopening;
	c->failure.step = client_story[c->state].step;
	return HL_E_TIMEOUT;
}

void client_time_calls(struct client *c, int64_t now)
{
	for (struct client_call *call = c->calls, *next; call; call = next) {
		next = call->next;
		if (!hl_passed(call->deadline_us, now))
			continue;
		end_call(c, call, late(c));
	}
}

int64_t client_calls_deadline(const struct client *c)
{
	int64_t at = 0;

	for (const struct client_call *call = c->calls; call; call = call->next) {
		at = hl_sooner(at, call->deadline_us);
		if (c->state == OPEN && !call->sent)
			at = hl_sooner(at, call->not_before_us);
	}
	return at;
}
