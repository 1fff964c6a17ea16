/* generate.c - new keys: made (in a lane where that is slow), sealed, committed, then told. */
#include "hsm/rooms.h"

struct generate {
	struct hsm_task task;
	struct hl_generate request; /* views into task.request */
	struct hsm_object key, public_key;
	bool pair;
	hl_err made;
	const char *why;
};

static void generate_clear(struct hsm_task *t)
{
	struct generate *g = (struct generate *)t;

	hsm_object_clear(&g->key);
	hsm_object_clear(&g->public_key);
}

static void answer(struct generate *g, hl_err err)
{
	struct hsm_conn *c = g->task.conn;
	struct hl_generated done = {
		.handle = g->key.handle,
		.public_handle = g->public_key.handle,
	};

	if (c && !c->closing) {
		if (err == HL_OK)
			hsm_reply(c, &hl_msg_generated, g->task.id, &done);
		else
			hsm_refuse(c, g->task.id, err, g->why, 0);
	}
	hsm_task_free(&g->task);
}

static void committed(struct hsm_task *t)
{
	hl_err err = t->change.commit.result;

	if (err == HL_OK)
		err = hl_fault_err(t->hsm->env, HL_AT_HSM_COMMITTED, t->id);
	if (err == HL_E_CLOSED && t->conn)
		hsm_conn_close(t->conn, err, false);
	answer((struct generate *)t, err);
}

/* Random and 63 bits wide: a handle cannot be guessed, and means nothing in another partition. */
static uint64_t new_handle(struct hsm *h)
{
	uint64_t handle;

	do {
		hl_random(h->env, &handle, sizeof handle);
		handle &= INT64_MAX;
	} while (handle == 0);
	return handle;
}

static hl_err add_object(struct generate *g, struct hsm_object *o, uint64_t partition)
{
	struct hsm *h = g->task.hsm;
	struct hl_buf open = hl_buf(HL_FRAME_MAX);
	struct hsm_row row = { .table = HSM_OBJECT, .partition = partition, .version = 1 };
	hl_err err;

	o->handle = row.id = new_handle(h);
	err = hsm_object_encode(o, &open);
	row.open = hl_buf_view(&open);
	if (err == HL_OK)
		err = hsm_change_put(h, &g->task.change, &row, hl_secret_view(&o->value));
	hl_buf_clear(&open);
	return err;
}

static hl_err check_room(struct hsm_conn *c, size_t more)
{
	struct hsm *h = c->hsm;
	struct hsm_partition p;
	uint64_t objects = 0;
	hl_err err;

	HL_TRY(hsm_partition_load(h, hl_text(c->partition), &p));
	err = h->conf.store.ops->count(h->conf.store.at, HSM_OBJECT, p.id, &objects);
	if (err == HL_OK && objects + more > p.row.objects_max)
		err = HL_E_FULL;
	hsm_partition_clear(&p);
	return err;
}

static void made(struct hsm_task *t)
{
	struct generate *g = (struct generate *)t;
	struct hsm_conn *c = t->conn;
	hl_err err = c ? g->made : HL_E_CLOSED;

	if (err == HL_OK)
		err = check_room(c, g->pair ? 2 : 1);
	if (err == HL_OK)
		err = add_object(g, &g->key, c->partition_id);
	if (err == HL_OK && g->pair)
		err = add_object(g, &g->public_key, c->partition_id);
	if (err == HL_OK)
		hsm_task_commit(t, committed);
	else
		answer(g, err);
}

static void make(struct hl_job *j)
{
	struct generate *g = (struct generate *)j;

	g->made = hsm_key_generate(g->request.mechanism, &g->request.template,
		&g->request.public_template, &g->key, &g->public_key, &g->why);
}

/* A key that nobody can see without login is for who is logged in. */
static hl_err may_generate(const struct hsm_conn *c)
{
	return c->logged_in ? HL_OK : HL_E_LOGIN;
}

hl_err hsm_op_generate(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_generate *request = body;
	const struct hsm_mechanism *mechanism = hsm_mechanism(request->mechanism);
	struct generate *g;
	struct hl_frame copy;
	hl_err err;

	(void)detail;
	if (!mechanism || !(mechanism->flags & HSM_GENERATES))
		return HL_E_MECHANISM;
	HL_TRY(may_generate(c));
	g = (struct generate *)hsm_task_new(c->hsm, c, f, sizeof *g);
	if (!g)
		return HL_E_NOMEM;
	g->task.clear = generate_clear;
	g->pair = mechanism->flags & HSM_PAIR;
	err = hl_frame_peek(hl_buf_view(&g->task.request), HL_FRAME_MAX, &copy);
	if (err == HL_OK)
		err = hl_msg_get(&hl_msg_generate, &copy, &g->request);
	if (err != HL_OK) {
		hsm_task_free(&g->task);
		return err;
	}
	if (hsm_mechanism_slow(request->mechanism, NULL)) {
		hsm_task_work(&g->task, HL_LANE_CPU, make, made);
	} else {
		make(&g->task.job);
		made(&g->task);
	}
	return HL_E_DEFER;
}
