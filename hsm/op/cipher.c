/* cipher.c - encryption and decryption in one part, at once in the loop: the largest data takes some 0.2 ms. */
#include "hsm/rooms.h"

#define IV_MADE \
	12 /* SP 800-38D, 8.2.2: a random IV has at least 96 bits; with 96 it is used as it is */

static hl_err read_parameter(
	uint32_t mechanism, struct hl_bytes fields, struct hl_gcm_parameter *out)
{
	const struct hsm_mechanism *m = hsm_mechanism(mechanism);

	if (!m || m->parameter != &hl_msg_gcm_parameter)
		return HL_E_MECHANISM;
	return hl_body_get(m->parameter, fields, out) == HL_OK ? HL_OK : HL_E_PARAMETER;
}

hl_err hsm_op_encrypt(
	struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_encrypt *request = body;
	struct hl_buf out = hl_buf(HL_DATA_MAX + HL_TAG_MAX);
	struct hl_encrypted answer = { 0 };
	struct hl_gcm_parameter parameter;
	uint8_t made[IV_MADE];
	struct hsm_cached *key;
	hl_err err;

	(void)detail;
	HL_TRY(read_parameter(request->mechanism, request->parameter, &parameter));
	HL_TRY(hsm_key_of(c, request->key, &key));
	if (parameter.iv.n == 0) {
		hl_random(c->hsm->env, made, sizeof made);
		parameter.iv = answer.iv = hl_bytes(made, sizeof made);
	}
	err = hsm_key_encrypt(key->key, request->mechanism, &parameter, request->data, &out);
	if (err == HL_OK) {
		answer.data = hl_buf_view(&out);
		hsm_reply(c, &hl_msg_encrypted, f->id, &answer);
	}
	hl_buf_clear(&out);
	return err;
}

hl_err hsm_op_decrypt(
	struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_decrypt *request = body;
	struct hl_buf out = hl_buf(HL_DATA_MAX + HL_TAG_MAX);
	struct hl_decrypted answer = { 0 };
	struct hl_gcm_parameter parameter;
	struct hsm_cached *key;
	hl_err err;

	(void)detail;
	HL_TRY(read_parameter(request->mechanism, request->parameter, &parameter));
	HL_TRY(hsm_key_of(c, request->key, &key));
	err = hsm_key_decrypt(key->key, request->mechanism, &parameter, request->data, &out);
	if (err == HL_OK) {
		answer.data = hl_buf_view(&out);
		hsm_reply(c, &hl_msg_decrypted, f->id, &answer);
	}
	hl_buf_clear(&out);
	return err;
}
