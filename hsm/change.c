/* change.c - commits being built, and the tasks that wait for them. */
#include <stdlib.h>

#include "hsm/rooms.h"

hl_err hsm_change_put(
	struct hsm *h, struct hsm_change *c, const struct hsm_row *row, struct hl_bytes secret)
{
	size_t i = c->commit.puts;
	struct hsm_row *to = &c->put[i].row;

	if (i == HSM_PUTS)
		return HL_E_BUG;
	c->open[i] = c->sealed[i] = hl_buf(HL_FRAME_MAX);
	hl_buf_put(&c->open[i], row->open);
	*to = *row;
	to->open = hl_buf_view(&c->open[i]);
	HL_TRY(c->open[i].err);
	HL_TRY(hsm_seal(h->conf.seal, to, secret, &c->sealed[i]));
	to->sealed = hl_buf_view(&c->sealed[i]);
	c->put[i].remove = false;
	c->commit.puts++;
	return HL_OK;
}

hl_err hsm_change_remove(struct hsm_change *c, const struct hsm_row *row)
{
	size_t i = c->commit.puts;

	if (i == HSM_PUTS)
		return HL_E_BUG;
	c->open[i] = c->sealed[i] = hl_buf(0);
	c->put[i] = (struct hsm_put){ .row = *row, .remove = true };
	c->put[i].row.open = c->put[i].row.sealed = hl_bytes(NULL, 0);
	c->commit.puts++;
	return HL_OK;
}

hl_err hsm_change_partition(struct hsm *h, struct hsm_change *c, const struct hsm_partition *p)
{
	struct hl_buf open = hl_buf(HL_FRAME_MAX), secret = hl_buf(HL_FRAME_MAX);
	struct hsm_row row = { .table = HSM_PARTITION, .id = p->id, .version = p->version + 1 };
	hl_err err;

	hl_body_put(&open, &hl_msg_partition_row, &p->row);
	hl_body_put(&secret, &hl_msg_partition_secret, &p->secret);
	row.open = hl_buf_view(&open);
	err = open.err != HL_OK ? open.err : secret.err;
	if (err == HL_OK)
		err = hsm_change_put(h, c, &row, hl_buf_view(&secret));
	hl_buf_clear(&open);
	hl_buf_clear(&secret);
	return err;
}

void hsm_change_reset(struct hsm_change *c)
{
	for (size_t i = 0; i < c->commit.puts; i++) {
		hl_buf_clear(&c->open[i]);
		hl_buf_clear(&c->sealed[i]);
	}
	*c = (struct hsm_change){ 0 };
}

struct hsm_task *hsm_task_new(struct hsm *h, struct hsm_conn *conn, const struct hl_frame *f, size_t size)
{
	struct hsm_task *t = calloc(1, size);

	if (!t)
		return NULL;
	t->hsm = h;
	t->conn = conn;
	t->id = f->id;
	t->request = hl_buf(HL_FRAME_MAX + HL_FRAME_HEAD);
	hl_buf_put(&t->request, f->whole);
	if (t->request.err != HL_OK) {
		free(t);
		return NULL;
	}
	t->next = h->tasks;
	h->tasks = t;
	return t;
}

void hsm_task_free(struct hsm_task *t)
{
	struct hsm_task **at = &t->hsm->tasks;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	if (t->clear)
		t->clear(t);
	hsm_change_reset(&t->change);
	hl_buf_clear(&t->request);
	free(t);
}

/* The continuation of a task travels in its job as a function of the job. */
static void work_done(struct hl_job *j)
{
	struct hsm_task *t = (struct hsm_task *)j;

	t->after(t);
}

static void commit_done(struct hl_job *j)
{
	struct hsm_change *c = (struct hsm_change *)j;
	struct hsm_task *t = (struct hsm_task *)((char *)c - offsetof(struct hsm_task, change));

	t->after(t);
}

void hsm_task_work(struct hsm_task *t, enum hl_lane lane, void (*run)(struct hl_job *),
	void (*done)(struct hsm_task *))
{
	t->after = done;
	t->job = (struct hl_job){ .run = run, .done = work_done, .lane = lane };
	hl_submit(t->hsm->env, &t->job);
}

void hsm_task_commit(struct hsm_task *t, void (*done)(struct hsm_task *))
{
	struct hsm_commit *c = &t->change.commit;

	t->after = done;
	c->put = t->change.put;
	t->hsm->conf.store.ops->prepare(t->hsm->conf.store.at, c);
	c->job.done = commit_done;
	hl_submit(t->hsm->env, &c->job);
}
