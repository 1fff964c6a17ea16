/* sign.c - signatures in one part: at once in the loop, or in a lane where the key is slow. */
#include "hsm/rooms.h"

#define SIGNATURE_MAX 4096

struct sign {
	struct hsm_task task;
	struct hl_sign request; /* views into task.request */
	struct hsm_key *key;    /* a share of the cached one */
	struct hl_buf signature;
	hl_err err;
};

static void sign_clear(struct hsm_task *t)
{
	struct sign *s = (struct sign *)t;

	hsm_key_free(s->key);
	hl_buf_clear(&s->signature);
}

static void send(struct hsm_conn *c, uint32_t id, const struct hl_buf *signature)
{
	struct hl_signed answer = { .signature = hl_buf_view(signature) };

	hsm_reply(c, &hl_msg_signed, id, &answer);
}

static void work(struct hl_job *j)
{
	struct sign *s = (struct sign *)j;

	s->err = hsm_key_sign(
		s->key, s->request.mechanism, s->request.parameter, s->request.data, &s->signature);
}

static void done(struct hsm_task *t)
{
	struct sign *s = (struct sign *)t;
	struct hsm_conn *c = t->conn;

	if (c && !c->closing) {
		if (s->err == HL_OK)
			send(c, t->id, &s->signature);
		else
			hsm_refuse(c, t->id, s->err, NULL, 0);
	}
	hsm_task_free(t);
}

static hl_err later(struct hsm_conn *c, const struct hl_frame *f, struct hsm_cached *key)
{
	struct sign *s = (struct sign *)hsm_task_new(c->hsm, c, f, sizeof *s);
	hl_err err;

	if (!s)
		return HL_E_NOMEM;
	s->task.clear = sign_clear;
	s->signature = hl_buf(SIGNATURE_MAX);
	err = hsm_task_request(&s->task, &hl_msg_sign, &s->request);
	if (err == HL_OK)
		err = hsm_key_share(key->key, &s->key);
	if (err != HL_OK) {
		hsm_task_free(&s->task);
		return err;
	}
	hsm_task_work(&s->task, HL_LANE_CPU, work, done);
	return HL_E_DEFER;
}

hl_err hsm_op_sign(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_sign *request = body;
	struct hl_buf signature = hl_buf(SIGNATURE_MAX);
	struct hsm_cached *key;
	hl_err err;

	(void)detail;
	HL_TRY(hsm_key_of(c, request->key, &key));
	if (hsm_mechanism_slow(request->mechanism, key->key))
		return later(c, f, key);
	err = hsm_key_sign(key->key, request->mechanism, request->parameter, request->data, &signature);
	if (err == HL_OK)
		send(c, f->id, &signature);
	hl_buf_clear(&signature);
	return err;
}

hl_err hsm_op_verify(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_verify *request = body;
	struct hsm_cached *key;
	struct hl_done answer;

	(void)detail;
	HL_TRY(hsm_key_of(c, request->key, &key));
	HL_TRY(hsm_key_verify(
		key->key, request->mechanism, request->parameter, request->data, request->signature));
	hsm_reply(c, &hl_msg_done, f->id, &answer);
	return HL_OK;
}
