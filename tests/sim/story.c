#include "tests/sim/story.h"

hl_err story_log_in(struct world_client *c, struct hl_bytes pin)
{
	struct hl_login login = { .pin = pin };
	struct client_call call;
	struct hl_logged_in done;
	hl_err err = world_call(c, &hl_msg_login, &login, &hl_msg_logged_in, &done, &call);

	hl_buf_clear(&call.frame);
	return err;
}

hl_err story_log_out(struct world_client *c)
{
	struct hl_logout logout = { 0 };
	struct client_call call;
	struct hl_done done;
	hl_err err = world_call(c, &hl_msg_logout, &logout, &hl_msg_done, &done, &call);

	hl_buf_clear(&call.frame);
	return err;
}

/* secp256r1 as CKA_EC_PARAMS: the DER of 1.2.840.10045.3.1.7. */
static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

void story_key_init(struct story_key *k, const char *label)
{
	static const uint8_t yes = 1;

	k->mine[0] = (struct hl_attribute){ HL_CKA_SIGN, HL_FORM_BOOL, { &yes, 1 } };
	k->mine[1] = (struct hl_attribute){ HL_CKA_LABEL, HL_FORM_BYTES, hl_text(label) };
	k->theirs[0] = (struct hl_attribute){ HL_CKA_EC_PARAMS, HL_FORM_BYTES, { p256, sizeof p256 } };
	k->theirs[1] = (struct hl_attribute){ HL_CKA_VERIFY, HL_FORM_BOOL, { &yes, 1 } };
	k->theirs[2] = k->mine[1];
	k->request = (struct hl_generate){
		.mechanism = HL_CKM_EC_KEY_PAIR_GEN,
		.template = { .items = k->mine, .count = HL_COUNT(k->mine) },
		.public_template = { .items = k->theirs, .count = HL_COUNT(k->theirs) },
	};
}

static bool call_done(void *at)
{
	return ((struct client_call *)at)->done;
}

hl_err story_send(struct world_client *c, struct client_call *call, void *reply)
{
	hl_buf_clear(&call->frame);
	call->deadline_us = hl_mono_us(sim_env(c->node)) + 30000000;
	sim_enter(c->node);
	client_submit(c->core, call);
	sim_pump(c->node);
	if (!sim_run(c->world->sim, call_done, call, 60000000)) {
		client_cancel(c->core, call);
		return HL_E_TIMEOUT;
	}
	return call->err != HL_OK ? call->err : hl_msg_get(call->expect, &call->reply, reply);
}

hl_err story_make_key(struct world_client *c, const char *label, struct hl_generated *made)
{
	struct story_key k;
	struct client_call call;
	hl_err err;

	story_key_init(&k, label);
	err = world_call(c, &hl_msg_generate, &k.request, &hl_msg_generated, made, &call);
	hl_buf_clear(&call.frame);
	return err;
}

hl_err story_sign_and_verify(struct world_client *c, const struct hl_generated *key)
{
	struct hl_sign sign = {
		.key = key->handle, .mechanism = HL_CKM_ECDSA_SHA256, .data = hl_text("to be signed")
	};
	struct hl_verify verify = {
		.key = key->public_handle, .mechanism = HL_CKM_ECDSA_SHA256, .data = sign.data
	};
	struct client_call signing, verifying = { 0 };
	struct hl_signed made;
	struct hl_done done;
	hl_err err = world_call(c, &hl_msg_sign, &sign, &hl_msg_signed, &made, &signing);

	if (err == HL_OK) {
		verify.signature = made.signature;
		err = world_call(c, &hl_msg_verify, &verify, &hl_msg_done, &done, &verifying);
	}
	hl_buf_clear(&signing.frame);
	hl_buf_clear(&verifying.frame);
	return err;
}

hl_err story_destroy(struct world_client *c, uint64_t handle)
{
	struct hl_destroy request = { .handle = handle };
	struct client_call call;
	struct hl_done done;
	hl_err err;

	err = world_call(c, &hl_msg_destroy, &request, &hl_msg_done, &done, &call);
	hl_buf_clear(&call.frame);
	return err;
}

hl_err story_count(struct world_client *c, const char *label, size_t *n)
{
	struct hl_attribute like = { HL_CKA_LABEL, HL_FORM_BYTES, hl_text(label) };
	struct hl_find request = { .limit = 100, .template = { .items = &like, .count = label ? 1 : 0 } };
	struct client_call call;
	struct hl_found found;
	hl_err err;

	*n = 0;
	do {
		err = world_call(c, &hl_msg_find, &request, &hl_msg_found, &found, &call);
		if (err == HL_OK) {
			*n += found.handles.count;
			request.after = found.last;
		}
		hl_buf_clear(&call.frame);
	} while (err == HL_OK && found.more);
	return err;
}

hl_err story_ping(struct world_client *c)
{
	struct hl_ping ping = { 0 };
	struct client_call call;
	struct hl_pong pong;
	hl_err err = world_call(c, &hl_msg_ping, &ping, &hl_msg_pong, &pong, &call);

	hl_buf_clear(&call.frame);
	return err;
}

static bool never(void *at)
{
	(void)at;
	return false;
}

void story_pass(struct world *w, int64_t us)
{
	sim_run(w->sim, never, NULL, us);
}

void story_close(struct world_client *c)
{
	client_close(c->core);
	sim_pump(c->node);
	story_pass(c->world, 1000000);
}
