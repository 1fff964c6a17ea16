/* slow.c - uses of a private key: at once in the loop, or in a lane where the key is slow. */
#include "hsm/rooms.h"

#define REQUEST_WORDS 24 /* of 8 bytes: room for the struct of any request that uses a key */

struct slow {
	struct hsm_task task;
	const struct hsm_private_use *use;
	uint64_t request[REQUEST_WORDS]; /* views into task.request */
	struct hsm_key *key;		 /* a share of the cached one */
	struct hl_buf out;
	hl_err err;
};

static void slow_clear(struct hsm_task *t)
{
	struct slow *s = (struct slow *)t;

	hsm_key_free(s->key);
	hl_buf_clear(&s->out);
}

static void work(struct hl_job *j)
{
	struct slow *s = (struct slow *)j;

	s->err = s->use->run(s->key, s->request, &s->out);
}

static void done(struct hsm_task *t)
{
	struct slow *s = (struct slow *)t;
	struct hsm_conn *c = t->conn;

	if (c && !c->closing) {
		if (s->err == HL_OK)
			s->use->answer(c, t->id, hl_buf_view(&s->out));
		else
			hsm_refuse(c, t->id, s->err, NULL, 0);
	}
	hsm_task_free(t);
}

static hl_err later(
	struct hsm_conn *c, const struct hl_frame *f, const struct hsm_cached *key, const struct hsm_private_use *use)
{
	struct slow *s = (struct slow *)hsm_task_new(c->hsm, c, f, sizeof *s);
	hl_err err;

	if (!s)
		return HL_E_NOMEM;
	s->task.clear = slow_clear;
	s->use = use;
	s->out = hl_buf(use->most);
	err = use->msg->size > sizeof s->request ? HL_E_BUG : hsm_task_request(&s->task, use->msg, s->request);
	if (err == HL_OK)
		err = hsm_key_share(key->key, &s->key);
	if (err != HL_OK) {
		hsm_task_free(&s->task);
		return err;
	}
	hsm_task_work(&s->task, HL_LANE_CPU, work, done);
	return HL_E_DEFER;
}

hl_err hsm_private_use(struct hsm_conn *c, const struct hl_frame *f, const struct hsm_private_use *use,
	const void *request, uint64_t handle, uint32_t mechanism)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(use->most);
	struct hsm_cached *key;

	HL_TRY(hsm_key_of(c, handle, &key));
	if (hsm_mechanism_slow(mechanism, key->key))
		return later(c, f, key, use);
	HL_TRY(use->run(key->key, request, &out));
	use->answer(c, f->id, hl_buf_view(&out));
	return HL_OK;
}
