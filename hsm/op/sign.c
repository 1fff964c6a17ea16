/* sign.c - signatures in one part. */
#include "hsm/rooms.h"

#define SIGNATURE_MAX 4096

static hl_err sign(struct hsm_key *k, const void *body, struct hl_buf *out)
{
	const struct hl_sign *r = body;

	return (r->hashed ? hsm_key_sign_digest : hsm_key_sign)(k, r->mechanism, r->parameter, r->data, out);
}

static void send(struct hsm_conn *c, uint32_t id, struct hl_bytes signature)
{
	struct hl_signed answer = { .signature = signature };

	hsm_reply(c, &hl_msg_signed, id, &answer);
}

hl_err hsm_op_sign(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_work kind = { &hl_msg_sign, SIGNATURE_MAX, sign, send };
	const struct hl_sign *request = body;

	(void)detail;
	return hsm_work_run(c, f, body, &kind, request->key, request->mechanism);
}

hl_err hsm_op_verify(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_verify *request = body;
	struct hsm_cached *key;
	struct hl_done reply;

	(void)detail;
	HL_TRY(hsm_key_of(c, request->key, &key));
	c->uses++;
	HL_TRY((request->hashed ? hsm_key_verify_digest : hsm_key_verify)(
		key->key, request->mechanism, request->parameter, request->data, request->signature));
	hsm_reply(c, &hl_msg_done, f->id, &reply);
	return HL_OK;
}
