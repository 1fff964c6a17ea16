/* cipher.c - encryption and decryption in one part: the largest data takes some 0.2 ms, so only private keys can be
 * slow. */
#include "hsm/rooms.h"

#define IV_MADE \
	12 /* SP 800-38D, 8.2.2: a random IV has at least 96 bits; with 96 it is used as it is */

/* Of GCM alone the HSM makes the IV, where there is none: `memory` gets the parameter with it. */
static hl_err make_iv(struct hsm_conn *c, const struct hl_encrypt *request, uint8_t made[IV_MADE],
	struct hl_buf *memory, struct hl_bytes *parameter)
{
	const struct hsm_mechanism *m = hsm_mechanism(request->mechanism);
	struct hl_gcm_parameter gcm;

	*parameter = request->parameter;
	if (!m || m->parameter != &hl_msg_gcm_parameter)
		return HL_E_NOT_FOUND;
	if (hl_body_get(m->parameter, request->parameter, &gcm) != HL_OK || gcm.iv.n > 0)
		return HL_E_NOT_FOUND;
	hl_random(c->hsm->env, made, IV_MADE);
	gcm.iv = hl_bytes(made, IV_MADE);
	hl_body_put(memory, m->parameter, &gcm);
	*parameter = hl_buf_view(memory);
	return memory->err;
}

static hl_err encrypt(struct hsm_conn *c, const struct hl_frame *f, const struct hl_encrypt *request,
	struct hsm_key *key, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(HL_PARAMETER_MAX + IV_MADE);
	struct hl_encrypted answer = { 0 };
	struct hl_bytes parameter;
	uint8_t made[IV_MADE];
	hl_err err = make_iv(c, request, made, &memory, &parameter);

	if (err == HL_OK)
		answer.iv = hl_bytes(made, sizeof made);
	else if (err != HL_E_NOT_FOUND)
		return err;
	HL_TRY(hsm_key_encrypt(key, request->mechanism, parameter, request->data, out));
	answer.data = hl_buf_view(out);
	hsm_reply(c, &hl_msg_encrypted, f->id, &answer);
	return HL_OK;
}

hl_err hsm_op_encrypt(
	struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_encrypt *request = body;
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(HL_DATA_MAX + HL_TAG_MAX);
	struct hsm_cached *key;

	(void)detail;
	HL_TRY(hsm_key_of(c, request->key, &key));
	c->uses++;
	return encrypt(c, f, request, key->key, &out);
}

static hl_err decrypt(struct hsm_key *k, const void *body, struct hl_buf *out)
{
	const struct hl_decrypt *r = body;

	return hsm_key_decrypt(k, r->mechanism, r->parameter, r->data, out);
}

static void send_decrypted(struct hsm_conn *c, uint32_t id, struct hl_bytes data)
{
	struct hl_decrypted answer = { .data = data };

	hsm_reply(c, &hl_msg_decrypted, id, &answer);
}

hl_err hsm_op_decrypt(
	struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_work kind = {
		&hl_msg_decrypt, HL_DATA_MAX + HL_TAG_MAX, decrypt, send_decrypted
	};
	const struct hl_decrypt *request = body;

	(void)detail;
	return hsm_work_run(c, f, body, &kind, request->key, request->mechanism);
}
