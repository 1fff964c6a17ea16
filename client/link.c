/* link.c - one link through the eight steps, told in the order it happens.
 * `story` is the table of contents; each step stands below it in that order. */
#include "client/link.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "lib/auth/identity.h"
#include "lib/auth/scram.h"
#include "lib/auth/ticket.h"

#define IN_MAX (HL_FRAME_MAX + (64u << 10))
#define OUT_MAX (4u << 20)
#define RESOLVE_ID 1

/* Where the link stands. From AWAIT_REQUEST to AWAIT_PROOF it waits for the peer's next word. */
enum state { IDLE, RESOLVING, DIALLING, AWAIT_REQUEST, AWAIT_RESULT, SHAKING, AWAIT_PROOF, OPEN };

struct client {
	const struct hl_env *env;
	struct client_conf_link conf;
	struct hl_channel_ctx *ctx;
	struct hl_wishes wishes;
	enum state state;
	bool connected;         /* the shell has a connection for `port`, or is dialling it */
	bool closing;           /* CLOSE was wished for; its end is still to come */
	bool again;             /* open anew after that end */
	int64_t step_us;        /* deadline of the state */
	int64_t open_us;        /* deadline of the whole opening */
	/* steps 0 and 1 */
	struct hl_addr address[CLIENT_ADDRESSES];
	size_t addresses, next_address;
	unsigned epoch_retries;
	uint32_t port;
	struct hl_port io;
	uint8_t id[HL_CONNECTION_ID];
	/* steps 1 to 6 */
	struct hl_secret keys; /* struct hl_scram_keys, kept: making them takes milliseconds */
	struct hl_scram_client scram;
	struct hl_buf hello, request, answer; /* exact frames: B is made of them */
	char hsm[HL_NAME_TEXT + 1];
	/* steps 7 and 8 */
	struct hl_channel *channel;
	uint8_t identity[32];
	/* what is known of the cluster */
	uint64_t term, generation;
	int64_t offset_ms; /* HSM time minus our wall clock */
	/* requests */
	struct client_call *calls;
	uint32_t next_id;
	struct client_failure failure;
};

/* The conversation by what is awaited: which frame, at which step, who reads it. */
typedef hl_err read_fn(struct client *c, const struct hl_frame *f);
static read_fn read_request, read_result, read_proof;

/* clang-format off */
static const struct { enum hl_step step; int limit_ms; read_fn *read; } story[] = {
	[IDLE]          = { HL_STEP_DNS,     0,                NULL },
	[RESOLVING]     = { HL_STEP_DNS,     0,                NULL },         /* 0 */
	[DIALLING]      = { HL_STEP_HELLO,   0,                NULL },         /* 1 */
	[AWAIT_REQUEST] = { HL_STEP_REQUEST, CLIENT_STEP_MS,   read_request }, /* 2, 3 */
	[AWAIT_RESULT]  = { HL_STEP_RESULT,  CLIENT_RESULT_MS, read_result },  /* 6 */
	[SHAKING]       = { HL_STEP_PROVED,  CLIENT_STEP_MS,   NULL },         /* 7 */
	[AWAIT_PROOF]   = { HL_STEP_PROVED,  CLIENT_STEP_MS,   read_proof },   /* 8 */
	[OPEN]          = { HL_STEP_OPEN,    0,                NULL },
};
/* clang-format on */

static void trace(
	struct client *c, enum hl_step step, enum hl_way way, const struct hl_msg *m, const void *body)
{
	hl_trace_step(c->env, step, way, c->id, m, body, HL_OK);
}

static uint64_t entity(const struct client *c)
{
	return c->port;
}

static void enter(struct client *c, enum state state)
{
	c->state = state;
	c->step_us = story[state].limit_ms ? hl_mono_us(c->env) + story[state].limit_ms * 1000 : 0;
}

/* -- life ------------------------------------------------------------------------------------------ */

static bool is_missing(const char *s, size_t max)
{
	return !s || !*s || strlen(s) > max;
}

hl_err client_new(const struct hl_env *env, const struct client_conf_link *conf, struct client **out)
{
	struct client *c;
	hl_err err;

	if (is_missing(conf->host, HL_NAME_MAX) || is_missing(conf->partition, HL_NAME_TEXT) ||
		is_missing(conf->service_user, HL_NAME_TEXT) || is_missing(conf->realm, HL_NAME_TEXT) ||
		conf->secret.n == 0 || conf->service_password.n == 0 ||
		(conf->kind == HL_CHANNEL_USER && !conf->identity))
		return HL_E_ARG;
	c = calloc(1, sizeof *c);
	if (!c)
		return HL_E_NOMEM;
	c->env = env;
	c->conf = *conf;
	c->port = HL_PORT_DIALLED;
	c->io.in = hl_buf(IN_MAX);
	c->io.out = hl_buf(OUT_MAX);
	c->hello = c->request = c->answer = hl_buf(HL_FRAME_GATEWAY + 4);
	err = hl_channel_ctx_new(&c->ctx);
	if (err != HL_OK) {
		free(c);
		return err;
	}
	*out = c;
	return HL_OK;
}

static void forget_connection(struct client *c)
{
	hl_channel_free(c->channel);
	c->channel = NULL;
	hl_buf_clear(&c->io.in);
	hl_buf_clear(&c->io.out);
	hl_buf_clear(&c->hello);
	hl_buf_clear(&c->request);
	hl_buf_clear(&c->answer);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	forget_connection(c);
	hl_secret_clear(&c->keys);
	hl_wishes_clear(&c->wishes);
	hl_channel_ctx_free(c->ctx);
	OPENSSL_cleanse(&c->scram, sizeof c->scram);
	free(c);
}

/* -- ends ------------------------------------------------------------------------------------------ */

static void finish(struct client *c, struct client_call *call, hl_err err)
{
	call->done = true;
	call->err = err;
	if (err != HL_OK) {
		call->failure = c->failure;
		call->failure.err = err;
	}
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

/* A request that was sent and not answered may have had its effect. */
static bool has_effect(const struct hl_msg *m)
{
	return m == &hl_msg_generate || m == &hl_msg_destroy || m == &hl_msg_attributes_set;
}

static void fail_calls(struct client *c, hl_err err)
{
	while (c->calls) {
		struct client_call *call = c->calls;

		unlink_call(c, call);
		finish(c, call, call->sent && has_effect(call->msg) ? HL_E_UNKNOWN : err);
	}
}

static void shut(struct client *c)
{
	if (c->closing || !c->connected)
		return;
	c->closing = true;
	c->step_us = 0;
	hl_wish_close(&c->wishes, c->port, false);
}

/* The opening has failed for good. */
static void give_up(struct client *c, hl_err err)
{
	c->failure.err = err;
	c->failure.step = story[c->state].step;
	hl_trace_step(c->env, c->failure.step, HL_DID, c->id, NULL, NULL, err);
	shut(c);
	c->state = IDLE;
	c->step_us = c->open_us = 0;
	fail_calls(c, err);
}

static void dial_next(struct client *c);

/* This attempt has failed; the next address may serve, once this connection has ended. What is final here
 * is final everywhere. */
static void attempt_failed(struct client *c, hl_err err, bool elsewhere)
{
	if (!elsewhere || c->next_address >= c->addresses) {
		give_up(c, err);
		return;
	}
	hl_trace_step(c->env, story[c->state].step, HL_DID, c->id, NULL, NULL, err);
	c->failure.err = err;
	c->failure.step = story[c->state].step;
	c->again = true;
	c->state = DIALLING;
	c->step_us = 0;
	shut(c);
}

/* -- step 0: draw an address ------------------------------------------------------------------------- */

/* Fisher and Yates, with draws that are not biased: every order of the pool is as likely. */
static void shuffle(struct client *c)
{
	for (size_t i = c->addresses; i > 1; i--) {
		uint32_t limit = UINT32_MAX - UINT32_MAX % (uint32_t)i, draw;
		struct hl_addr swap;

		do
			hl_random(c->env, &draw, sizeof draw);
		while (draw >= limit);
		swap = c->address[i - 1];
		c->address[i - 1] = c->address[draw % i];
		c->address[draw % i] = swap;
	}
}

static void dial_next(struct client *c);

static void resolved(struct client *c, const struct hl_event *e)
{
	if (c->state != RESOLVING)
		return;
	if (e->err != HL_OK || e->count == 0) {
		give_up(c, e->err != HL_OK ? e->err : HL_E_NAME);
		return;
	}
	c->addresses = e->count < CLIENT_ADDRESSES ? e->count : CLIENT_ADDRESSES;
	memcpy(c->address, e->list, c->addresses * sizeof *e->list);
	for (size_t i = 0; i < c->addresses; i++)
		c->address[i].port = c->conf.port;
	shuffle(c);
	c->next_address = 0;
	dial_next(c);
}

static void dial_next(struct client *c)
{
	int64_t now = hl_mono_us(c->env);
	const struct hl_addr *to = &c->address[c->next_address++];

	hl_random(c->env, c->id, sizeof c->id);
	hl_addr_text(to, c->failure.where);
	hl_trace(c->env,
		&(struct hl_trace){
			.step = HL_STEP_DNS, .way = HL_DID, .conn = c->id, .note = c->failure.where });
	c->failure.attempts++;
	c->hsm[0] = 0;
	c->port = HL_PORT_DIALLED | ((c->port + 1) & ~HL_PORT_DIALLED); /* late events of an old port are not ours */
	c->connected = true;
	enter(c, DIALLING);
	hl_wish_dial(&c->wishes, c->port, to, now + CLIENT_DIAL_MS * 1000);
}

void client_open(struct client *c)
{
	if (c->state != IDLE)
		return;
	c->failure = (struct client_failure){ 0 };
	c->epoch_retries = 0;
	c->open_us = hl_mono_us(c->env) + CLIENT_OPEN_MS * 1000;
	if (c->closing) { /* the old connection first */
		c->again = true;
		c->addresses = 0;
		c->state = RESOLVING;
		return;
	}
	enter(c, RESOLVING);
	hl_wish_resolve(&c->wishes, RESOLVE_ID, c->conf.host, hl_mono_us(c->env) + CLIENT_DNS_MS * 1000);
}

/* -- step 1 ------------------------------------------------------------------------------------------ */

static hl_err make_keys(struct client *c)
{
	uint8_t salt[HL_SCRAM_SALT];

	if (c->keys.n > 0)
		return HL_OK;
	HL_TRY(hl_scram_salt(hl_text(c->conf.realm), hl_text(c->conf.service_user), salt));
	HL_TRY(hl_secret_make(&c->keys, sizeof(struct hl_scram_keys)));
	return hl_scram_derive(c->conf.service_password, hl_bytes(salt, sizeof salt),
		HL_SCRAM_ITERATIONS, (struct hl_scram_keys *)(void *)c->keys.p);
}

static hl_err say_hello(struct client *c)
{
	uint8_t fresh[18];
	char nonce[25];
	struct hl_buf scram = hl_buf(HL_SCRAM_MAX);
	struct hl_hello_proxy hello = {
		.version_min = HL_VERSION_MIN,
		.version_max = HL_VERSION_MAX,
		.connection = hl_bytes(c->id, sizeof c->id),
		.client_id = hl_text(c->conf.client_id),
		.partition = hl_text(c->conf.partition),
		.pool = hl_text(c->conf.host),
		.dialled = hl_text(c->failure.where),
	};
	hl_err err = make_keys(c);

	if (err == HL_OK)
		err = hl_fault_err(c->env, HL_AT_CLIENT_HELLO, entity(c));
	hl_random(c->env, fresh, sizeof fresh);
	EVP_EncodeBlock((uint8_t *)nonce, fresh, sizeof fresh);
	if (err == HL_OK)
		err = hl_scram_client_first(&c->scram, hl_text(c->conf.service_user),
			hl_text(c->conf.partition), hl_text(nonce), &scram);
	if (err == HL_OK) {
		hello.scram = hl_buf_view(&scram);
		hl_msg_put(&c->hello, &hl_msg_hello_proxy, 0, &hello);
		hl_buf_put(&c->io.out, hl_buf_view(&c->hello));
		trace(c, HL_STEP_HELLO, HL_SENT, &hl_msg_hello_proxy, &hello);
		err = c->hello.err;
	}
	hl_buf_clear(&scram);
	return err;
}

/* Every address has been tried. A proxy that was reached and said why tells more than one that was not. */
static hl_err unreached(const struct client *c)
{
	bool said = c->failure.err != HL_OK && c->failure.err != HL_E_REFUSED &&
		c->failure.err != HL_E_TIMEOUT;

	return said ? c->failure.err : HL_E_PROXIES;
}

/* The connection is gone, or did not come about: begin the next one where that is wanted. */
static void gone(struct client *c)
{
	forget_connection(c);
	c->connected = c->closing = false;
	if (!c->again)
		return;
	c->again = false;
	if (c->state == DIALLING) {
		dial_next(c);
	} else if (c->state == RESOLVING) {
		c->state = IDLE;
		client_open(c);
	}
}

static void not_opened(struct client *c, hl_err err)
{
	bool expected = c->closing;

	c->connected = false;
	if (!expected && c->next_address >= c->addresses)
		give_up(c, unreached(c));
	else if (!expected)
		attempt_failed(c, err, true);
	gone(c);
}

static void opened(struct client *c, hl_err err)
{
	if (err != HL_OK) {
		not_opened(c, err);
		return;
	}
	if (c->closing)
		return; /* its ENDED is on the way */
	enter(c, AWAIT_REQUEST);
	err = say_hello(c);
	if (err != HL_OK)
		give_up(c, err);
	else
		hl_wish_send(&c->wishes, c->port);
}

/* -- steps 2 and 3 ------------------------------------------------------------------------------------ */

static hl_err read_request(struct client *c, const struct hl_frame *f)
{
	struct hl_buf scram = hl_buf(HL_SCRAM_MAX);
	uint8_t salt[HL_SCRAM_SALT];
	struct hl_auth_request request;
	struct hl_auth_answer answer;
	hl_err err;

	HL_TRY(hl_msg_get(&hl_msg_auth_request, f, &request));
	if (request.version < HL_VERSION_MIN || request.version > HL_VERSION_MAX)
		return HL_E_VERSION;
	HL_TRY(hl_fault_err(c->env, HL_AT_CLIENT_REQUEST, entity(c)));
	trace(c, HL_STEP_REQUEST, HL_GOT, &hl_msg_auth_request, &request);
	hl_buf_put(&c->request, f->whole);
	HL_TRY(hl_scram_salt(hl_text(c->conf.realm), hl_text(c->conf.service_user), salt));
	err = hl_scram_client_final(&c->scram, request.scram, hl_bytes(salt, sizeof salt),
		HL_SCRAM_ITERATIONS, (const struct hl_scram_keys *)(const void *)c->keys.p, &scram);
	if (err == HL_OK) {
		answer.scram = hl_buf_view(&scram);
		hl_msg_put(&c->answer, &hl_msg_auth_answer, 0, &answer);
		hl_buf_put(&c->io.out, hl_buf_view(&c->answer));
		hl_wish_send(&c->wishes, c->port);
		trace(c, HL_STEP_ANSWER, HL_SENT, &hl_msg_auth_answer, &answer);
		err = c->answer.err;
		enter(c, AWAIT_RESULT);
	}
	hl_buf_clear(&scram);
	return err;
}

/* -- steps 6 and 7 ------------------------------------------------------------------------------------ */

static hl_err begin_channel(struct client *c)
{
	uint8_t binding[HL_BINDING];
	struct hl_channel_bond bond = {
		.binding = hl_bytes(binding, sizeof binding),
		.initiator = "client",
		.responder = "hsm",
		.name = c->conf.partition,
		.alpn = HL_ALPN_OP,
	};

	HL_TRY(hl_binding(hl_buf_view(&c->hello), hl_buf_view(&c->request), hl_buf_view(&c->answer), binding));
	return hl_channel_dial(
		c->ctx, &bond, c->conf.kind, c->conf.generation, c->conf.secret, &c->channel);
}

static hl_err read_result(struct client *c, const struct hl_frame *f)
{
	struct hl_auth_result result;

	HL_TRY(hl_msg_get(&hl_msg_auth_result, f, &result));
	HL_TRY(hl_fault_err(c->env, HL_AT_CLIENT_RESULT, entity(c)));
	HL_TRY(hl_scram_client_check(&c->scram, result.scram));
	HL_TRY(hl_bytes_str(result.hsm, c->hsm, sizeof c->hsm));
	trace(c, HL_STEP_RESULT, HL_GOT, &hl_msg_auth_result, &result);
	HL_TRY(begin_channel(c));
	trace(c, HL_STEP_TLS, HL_SENT, NULL, NULL);
	enter(c, SHAKING);
	return HL_OK;
}

/* -- step 8 -------------------------------------------------------------------------------------------- */

/* The HSM's key must be the one that was pinned when the secret was fetched. With a setup password it
 * stands beside the signature, and is pinned with the secret that comes next. */
static hl_err check_identity(struct client *c, const struct hl_hsm_result *r)
{
	uint8_t text[HL_IDENTITY_TEXT];
	const uint8_t *key = c->conf.kind == HL_CHANNEL_USER ? c->conf.identity : r->identity.p;
	EVP_PKEY *pkey;
	EVP_MD_CTX *ctx;
	bool good;

	if (!key || (c->conf.kind == HL_CHANNEL_SETUP && r->identity.n != 32))
		return HL_E_IDENTITY;
	HL_TRY(hl_identity_text(c->channel, text));
	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	ctx = EVP_MD_CTX_new();
	good = pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		EVP_DigestVerify(ctx, r->signature.p, r->signature.n, text, sizeof text) == 1;
	memcpy(c->identity, key, sizeof c->identity);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good ? HL_OK : HL_E_IDENTITY;
}

/* Every reply says where the cluster stands and what time it is there. */
static void learn_mark(struct client *c, const struct hl_done *mark)
{
	if (mark->term > c->term || (mark->term == c->term && mark->generation > c->generation)) {
		c->term = mark->term;
		c->generation = mark->generation;
	}
	c->offset_ms = (int64_t)mark->time_ms - hl_wall_ms(c->env);
}

static hl_err take_refusal(struct client *c, struct client_failure *failure, const struct hl_frame *f)
{
	struct hl_op_refused no;
	hl_err err;

	HL_TRY(hl_msg_get(&hl_msg_op_refused, f, &no));
	err = hl_err_of_wire(no.code);
	failure->retry_after_ms = no.retry_after_ms;
	HL_TRY(hl_bytes_str(no.detail, failure->detail, sizeof failure->detail));
	hl_trace_step(c->env, story[c->state].step, HL_GOT, c->id, &hl_msg_op_refused, &no, err);
	return err;
}

static void flush_calls(struct client *c);

static hl_err read_proof(struct client *c, const struct hl_frame *f)
{
	struct hl_hsm_result result;
	struct hl_done mark;

	if (f->type == HL_T_op_refused)
		return take_refusal(c, &c->failure, f);
	HL_TRY(hl_msg_get(&hl_msg_hsm_result, f, &result));
	HL_TRY(hl_fault_err(c->env, HL_AT_CLIENT_PROOF, entity(c)));
	HL_TRY(check_identity(c, &result));
	memcpy(&mark, &result, sizeof mark);
	learn_mark(c, &mark);
	trace(c, HL_STEP_PROVED, HL_GOT, &hl_msg_hsm_result, &result);
	enter(c, OPEN);
	c->open_us = 0;
	c->failure.err = HL_OK; /* attempts and address stay: calls that fail tell them */
	c->failure.retry_after_ms = 0;
	c->failure.detail[0] = 0;
	flush_calls(c);
	return HL_OK;
}

/* -- requests -------------------------------------------------------------------------------------------- */

static void send_call(struct client *c, struct client_call *call)
{
	uint64_t body[64];
	struct hl_ping seen = { .seen_term = c->term, .seen_generation = c->generation };
	hl_err err = call->msg->size <= sizeof body ? HL_OK : HL_E_BUG;

	if (err == HL_OK) {
		memcpy(body, call->body, call->msg->size);
		memcpy(body, &seen, sizeof seen); /* every request begins with HL_SEEN */
		do
			c->next_id++;
		while (c->next_id == 0);
		call->id = c->next_id;
		hl_channel_age(c->channel, hl_mono_us(c->env));
		err = hl_channel_send(c->channel, &c->io, call->msg, call->id, body);
		OPENSSL_cleanse(body, call->msg->size);
	}
	if (err != HL_OK) {
		unlink_call(c, call);
		finish(c, call, err == HL_E_RANGE ? HL_E_ARG : err);
		return;
	}
	call->sent = true;
	hl_wish_send(&c->wishes, c->port);
}

static void flush_calls(struct client *c)
{
	for (struct client_call *call = c->calls, *next; call; call = next) {
		next = call->next;
		if (!call->sent)
			send_call(c, call);
	}
}

void client_submit(struct client *c, struct client_call *call)
{
	struct client_call **last = &c->calls;

	call->done = call->sent = false;
	call->frame = hl_buf(HL_FRAME_MAX + HL_FRAME_HEAD);
	call->next = NULL;
	while (*last)
		last = &(*last)->next;
	*last = call;
	if (c->state == OPEN && !c->closing)
		send_call(c, call);
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
		return take_refusal(c, &call->failure, &call->reply);
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

static hl_err read_reply(struct client *c, const struct hl_frame *f)
{
	struct client_call *call = c->calls;
	struct hl_done mark;
	hl_err err;

	HL_TRY(mark_of(f, &mark));
	learn_mark(c, &mark);
	while (call && !(call->sent && call->id == f->id))
		call = call->next;
	if (!call)
		return HL_OK; /* its owner gave up waiting */
	unlink_call(c, call);
	err = answer_call(c, call, f);
	call->done = true;
	call->err = err;
	if (err != HL_OK) {
		call->failure.err = err;
		call->failure.step = HL_STEP_OPEN;
	}
	return HL_OK;
}

/* -- bytes ------------------------------------------------------------------------------------------------ */

/* A refusal in the clear, steps 1 to 6: unauthenticated, so it never changes a stored credential. */
static void refused(struct client *c, const struct hl_frame *f)
{
	struct hl_refused no;
	hl_err err = hl_msg_get(&hl_msg_refused, f, &no);

	if (err != HL_OK) {
		attempt_failed(c, err, true);
		return;
	}
	err = hl_err_of_wire(no.code);
	c->failure.retry_after_ms = no.retry_after_ms;
	if (err == HL_E_EPOCH && c->epoch_retries++ < CLIENT_EPOCH_RETRIES)
		c->next_address--; /* the proxy knows the new epoch now */
	attempt_failed(c, err, hl_err_row(err)->again == HL_AGAIN && err != HL_E_LOCKED);
}

/* Which failures of an attempt may go away at another proxy or HSM. */
static bool is_elsewhere(hl_err err)
{
	return err == HL_E_CLOSED || err == HL_E_TIMEOUT || hl_err_row(err)->exit_code == 76;
}

static void gateway_bytes(struct client *c)
{
	struct hl_frame f;
	hl_err err = hl_frame_peek(hl_buf_view(&c->io.in), HL_FRAME_GATEWAY, &f);

	if (err == HL_E_SHORT)
		return;
	if (err == HL_OK && f.id != 0) /* in the gateway there is one conversation, and nothing to tell apart */
		err = HL_E_TYPE;
	if (err == HL_OK && f.type == HL_T_refused) {
		refused(c, &f);
		return;
	}
	if (err == HL_OK)
		err = story[c->state].read(c, &f);
	if (err != HL_OK)
		attempt_failed(c, err, is_elsewhere(err));
	else
		hl_buf_eat(&c->io.in, f.whole.n);
}

static hl_err channel_frames(struct client *c)
{
	struct hl_frame f;
	hl_err err = HL_OK;

	if (c->state == SHAKING && hl_channel_ready(c->channel))
		enter(c, AWAIT_PROOF);
	while (!c->closing && (c->state == AWAIT_PROOF || c->state == OPEN) &&
		(err = hl_channel_next(c->channel, &f)) == HL_OK) {
		err = c->state == OPEN ? read_reply(c, &f) : read_proof(c, &f);
		if (err != HL_OK)
			return err;
	}
	return err == HL_E_SHORT ? HL_OK : err;
}

/* The link was open and is no more. */
static void broken(struct client *c, hl_err err)
{
	c->failure.err = err; /* where it was dialled still holds */
	c->failure.step = HL_STEP_OPEN;
	hl_trace_step(c->env, HL_STEP_OPEN, HL_DID, c->id, NULL, NULL, err);
	shut(c);
	c->state = IDLE;
	fail_calls(c, err);
}

static void channel_bytes(struct client *c)
{
	bool shaking = c->state == SHAKING;
	hl_err err = hl_channel_pump(c->channel, &c->io);

	if (c->io.out.n > 0)
		hl_wish_send(&c->wishes, c->port);
	/* Who cannot finish the handshake with us does not know the secret, or we do not. */
	if (err == HL_E_CHANNEL && shaking)
		err = HL_E_HSM_AUTH;
	if (err == HL_OK || err == HL_E_FULL) /* what waits for room goes on at ROOM */
		err = channel_frames(c);
	if (err == HL_OK && c->state == OPEN && hl_channel_ended(c->channel))
		err = HL_E_CLOSED;
	if (err == HL_OK)
		return;
	if (c->state == OPEN)
		broken(c, err);
	else
		attempt_failed(c, err, is_elsewhere(err) || err == HL_E_USED || err == HL_E_BUSY);
}

static void on_bytes(struct client *c)
{
	enum state before;

	do {
		before = c->state;
		if (c->channel)
			channel_bytes(c);
		else if (story[c->state].read)
			gateway_bytes(c);
	} while (c->state != before && c->state != OPEN && !c->closing && c->state >= AWAIT_REQUEST);
}

static void ended(struct client *c, hl_err err)
{
	bool expected = c->closing;

	if (err == HL_OK)
		err = HL_E_CLOSED;
	c->connected = false;
	if (!expected && c->state == OPEN)
		broken(c, err);
	else if (!expected)
		attempt_failed(c, err, true);
	gone(c);
}

/* -- time ---------------------------------------------------------------------------------------------------- */

static void time_calls(struct client *c, int64_t now)
{
	for (struct client_call *call = c->calls, *next; call; call = next) {
		next = call->next;
		if (call->deadline_us == 0 || now < call->deadline_us)
			continue;
		unlink_call(c, call);
		c->failure.step = story[c->state].step;
		finish(c, call, call->sent && has_effect(call->msg) ? HL_E_UNKNOWN : HL_E_TIMEOUT);
	}
}

static void time_passed(struct client *c)
{
	int64_t now = hl_mono_us(c->env);

	time_calls(c, now);
	if (c->open_us && now >= c->open_us && c->state != OPEN)
		give_up(c, HL_E_TIMEOUT);
	else if (c->step_us && now >= c->step_us && !c->closing)
		attempt_failed(c, HL_E_TIMEOUT, true);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

bool client_wish(struct client *c, struct hl_wish *out)
{
	int64_t at = sooner(c->step_us, c->open_us);

	for (const struct client_call *call = c->calls; call; call = call->next)
		at = sooner(at, call->deadline_us);
	return hl_wishes_take(&c->wishes, at, out);
}

void client_event(struct client *c, const struct hl_event *e)
{
	switch (e->kind) {
	case HL_EV_RESOLVED:
		resolved(c, e);
		break;
	case HL_EV_TIME:
		time_passed(c);
		break;
	case HL_EV_OPENED:
		if (e->port == c->port)
			opened(c, e->err);
		break;
	case HL_EV_BYTES:
	case HL_EV_ROOM:
		if (e->port == c->port && !c->closing)
			on_bytes(c);
		break;
	case HL_EV_ENDED:
		if (e->port == c->port)
			ended(c, e->err);
		break;
	default:
		break;
	}
}

/* -- what the owner may ask ------------------------------------------------------------------------------------ */

bool client_is_open(const struct client *c)
{
	return c->state == OPEN && !c->closing;
}

const struct client_failure *client_failed(const struct client *c)
{
	return c->state == IDLE && c->failure.err != HL_OK ? &c->failure : NULL;
}

void client_close(struct client *c)
{
	bool connected = c->connected && !c->closing;

	if (connected && c->channel) {
		hl_channel_end(c->channel, &c->io);
		hl_wish_send(&c->wishes, c->port);
	}
	if (connected)
		hl_wish_close(&c->wishes, c->port, true);
	c->closing = c->connected;
	c->again = false;
	c->state = IDLE; /* names that are still being looked up lead nowhere */
	c->step_us = c->open_us = 0;
	c->failure = (struct client_failure){ 0 };
	fail_calls(c, HL_E_CLOSED);
}

const uint8_t *client_identity(const struct client *c)
{
	return c->identity;
}

const uint8_t *client_connection(const struct client *c)
{
	return c->id;
}

const char *client_hsm(const struct client *c)
{
	return c->hsm;
}

void client_token(const struct client *c, uint8_t out[HL_TOKEN])
{
	uint64_t time_ms = (uint64_t)(hl_wall_ms(c->env) + c->offset_ms);

	for (size_t i = 0; i < 8; i++)
		out[i] = (uint8_t)(time_ms >> 8 * (7 - i));
	hl_random(c->env, out + 8, 8);
}

static void core_event(void *core, const struct hl_event *e)
{
	client_event(core, e);
}

static bool core_wish(void *core, struct hl_wish *out)
{
	return client_wish(core, out);
}

static struct hl_port *core_port(void *core, uint32_t port)
{
	struct client *c = core;

	return port == c->port ? &c->io : NULL;
}

const struct hl_core_ops client_core = { core_event, core_wish, core_port };
