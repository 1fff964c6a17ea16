/* work.c - uses of a key that answer with bytes: at once in the loop, or in a lane where the key is slow. */
#include "hsm/rooms.h"

#define BODY_WORDS 32 /* of 8 bytes */

struct work {
	struct hsm_task task;
	const struct hsm_work *kind;
	uint64_t body[BODY_WORDS]; /* views into task.request */
	struct hsm_key *key;       /* a share of the cached one */
	struct hl_buf out;
	hl_err err;
};

static void work_clear(struct hsm_task *t)
{
	struct work *w = (struct work *)t;

	hsm_key_free(w->key);
	hl_buf_clear(&w->out);
}

static void work(struct hl_job *j)
{
	struct work *w = (struct work *)j;

	w->err = w->kind->run(w->key, w->body, &w->out);
}

static void done(struct hsm_task *t)
{
	struct work *w = (struct work *)t;
	struct hsm_conn *c = t->conn;

	if (c && !c->closing) {
		if (w->err == HL_OK)
			w->kind->send(c, t->id, hl_buf_view(&w->out));
		else
			hsm_task_refuse(t, w->err, NULL, 0);
	}
	hsm_task_free(t);
}

static hl_err later(struct hsm_conn *c, const struct hl_frame *f, const struct hsm_work *kind, struct hsm_key *key)
{
	struct work *w;
	hl_err err;

	if (kind->request->size > sizeof w->body)
		return HL_E_BUG;
	w = (struct work *)hsm_task_new(c->hsm, c, f, sizeof *w);
	if (!w)
		return HL_E_NOMEM;
	w->task.clear = work_clear;
	w->kind = kind;
	w->out = hl_buf(kind->most);
	err = hsm_task_request(&w->task, kind->request, w->body);
	if (err == HL_OK)
		err = hsm_key_share(key, &w->key);
	if (err != HL_OK) {
		hsm_task_free(&w->task);
		return err;
	}
	hsm_task_work(&w->task, HL_LANE_CPU, work, done);
	return HL_E_DEFER;
}

hl_err hsm_work_run(struct hsm_conn *c, const struct hl_frame *f, const void *body, const struct hsm_work *kind,
	uint64_t key, uint32_t mechanism)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(kind->most);
	struct hsm_cached *k;

	HL_TRY(hsm_key_of(c, key, &k));
	HL_TRY(hsm_key_use(c, k));
	c->uses++;
	if (hsm_mechanism_slow(mechanism, k->key))
		return later(c, f, kind, k->key);
	HL_TRY(kind->run(k->key, body, &out));
	kind->send(c, f->id, hl_buf_view(&out));
	return HL_OK;
}
