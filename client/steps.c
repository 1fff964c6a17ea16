/* steps.c - the eight steps as the client sees them, told in the order they happen.
 * `client_story` is the table of contents; each step stands below it in that order. */
#include "client/link_impl.h"

#include <openssl/evp.h>

#include "lib/auth/identity.h"
#include "lib/auth/ticket.h"

/* The conversation by what is awaited: which frame, at which step, who reads it. */
static client_read_fn read_request, read_result, read_proof;

/* clang-format off */
const struct client_step client_story[] = {
	[IDLE]          = { HL_STEP_DNS,     0,                NULL },
	[PAUSED]        = { HL_STEP_HELLO,   0,                NULL },
	[RESOLVING]     = { HL_STEP_DNS,     0,                NULL },         /* 0 */
	[DIALLING]      = { HL_STEP_HELLO,   0,                NULL },         /* 1 */
	[AWAIT_REQUEST] = { HL_STEP_REQUEST, CLIENT_STEP_MS,   read_request }, /* 2, 3 */
	[AWAIT_RESULT]  = { HL_STEP_RESULT,  CLIENT_RESULT_MS, read_result },  /* 6 */
	[SHAKING]       = { HL_STEP_PROVED,  CLIENT_STEP_MS,   NULL },         /* 7 */
	[AWAIT_PROOF]   = { HL_STEP_PROVED,  CLIENT_STEP_MS,   read_proof },   /* 8 */
	[AWAIT_LOGIN]   = { HL_STEP_OPEN,    CLIENT_STEP_MS,   client_ticket_read }, /* again, where there was one */
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

void client_enter(struct client *c, enum client_state state)
{
	c->state = state;
	c->step_us = client_story[state].limit_ms ? hl_mono_us(c->env) + client_story[state].limit_ms * 1000 : 0;
}

/* -- step 1 ------------------------------------------------------------------------------------------ */

static hl_err make_keys(struct client *c)
{
	uint8_t salt[HL_SCRAM_SALT];
	hl_err err;

	if (c->keys.n > 0)
		return HL_OK;
	HL_TRY(hl_scram_salt(hl_text(c->conf.realm), hl_text(c->conf.service_user), salt));
	HL_TRY(hl_secret_make(&c->keys, sizeof(struct hl_scram_keys)));
	err = hl_scram_derive(c->conf.service_password, hl_bytes(salt, sizeof salt),
		HL_SCRAM_ITERATIONS, (struct hl_scram_keys *)(void *)c->keys.p);
	if (err != HL_OK)
		hl_secret_clear(&c->keys);
	return err;
}

static size_t list_beside(const struct client *c, struct hl_hsm_name out[CLIENT_BESIDE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < CLIENT_BESIDE_MAX; i++)
		if (c->beside[i][0])
			out[n++].name = hl_text(c->beside[i]);
	return n;
}

hl_err client_say_hello(struct client *c)
{
	struct hl_hsm_name beside[CLIENT_BESIDE_MAX];
	uint8_t fresh[18];
	char nonce[25];
	struct hl_buf scram = hl_buf(HL_SCRAM_MAX);
	struct hl_hello_proxy hello = {
		.version_min = HL_VERSION_MIN,
		.version_max = HL_VERSION_MAX,
		.connection = hl_bytes(c->id, sizeof c->id),
		.client_id = hl_text(c->conf.client_id),
		.partition = hl_text(c->conf.partition),
		.pool = hl_text(c->route.at->host),
		.dialled = hl_text(c->failure.where),
		.beside = { .items = beside, .count = list_beside(c, beside) },
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
		client_enter(c, AWAIT_RESULT);
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
	if (c->conf.knock) {
		client_let_in(c);
		return HL_OK;
	}
	HL_TRY(begin_channel(c));
	trace(c, HL_STEP_TLS, HL_SENT, NULL, NULL);
	client_enter(c, SHAKING);
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

void client_opened(struct client *c)
{
	client_enter(c, OPEN);
	c->open_us = 0;
	c->reopenings = 0;
	c->failure.err = HL_OK; /* attempts and address stay: calls that fail tell them */
	c->failure.step = HL_STEP_OPEN;
	c->failure.retry_after_ms = 0;
	c->failure.detail[0] = 0;
	client_flush_calls(c);
}

/* Every reply says where the cluster stands and what time it is there. */
static hl_err read_proof(struct client *c, const struct hl_frame *f)
{
	struct hl_hsm_result result;
	struct hl_done mark;

	if (f->type == HL_T_op_refused)
		return client_take_refusal(c, &c->failure, f);
	HL_TRY(hl_msg_get(&hl_msg_hsm_result, f, &result));
	HL_TRY(hl_fault_err(c->env, HL_AT_CLIENT_PROOF, entity(c)));
	HL_TRY(check_identity(c, &result));
	memcpy(&mark, &result, sizeof mark);
	client_learn_mark(c, &mark);
	trace(c, HL_STEP_PROVED, HL_GOT, &hl_msg_hsm_result, &result);
	if (client_logged_in(c))
		return client_ticket_show(c);
	client_opened(c);
	return HL_OK;
}
