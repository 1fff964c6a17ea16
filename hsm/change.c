/* change.c - commits being built, and the tasks that wait for them. */
#include <stdlib.h>

#include "hsm/rooms.h"

#define ROOM_FIRST 8

static hl_err grow(struct hsm_change *c)
{
	size_t room = c->room ? 2 * c->room : ROOM_FIRST;
	struct hsm_put *put = realloc(c->put, room * sizeof *put);
	struct hl_buf *memory;

	if (!put)
		return HL_E_NOMEM;
	c->put = put;
	memory = realloc(c->memory, room * sizeof *memory);
	if (!memory)
		return HL_E_NOMEM;
	c->memory = memory;
	c->room = room;
	return HL_OK;
}

/* The place of one more row, which counts from now on. */
static hl_err add(struct hsm_change *c, const struct hsm_put *put, size_t *at)
{
	if (c->commit.puts == c->room)
		HL_TRY(grow(c));
	*at = c->commit.puts++;
	c->put[*at] = *put;
	c->put[*at].row.open = c->put[*at].row.sealed = hl_bytes(NULL, 0);
	c->memory[*at] = hl_buf(HL_BUF_MAX);
	return HL_OK;
}

hl_err hsm_change_put(
	struct hsm *h, struct hsm_change *c, const struct hsm_row *row, struct hl_bytes secret)
{
	struct hl_buf *memory;
	struct hl_bytes all;
	size_t i;

	if (row->table == HSM_OBJECT && row->version == 1)
		HL_TRY(hsm_master_check(h));
	HL_TRY(add(c, &(struct hsm_put){ .row = *row }, &i));
	c->raises |= row->table == HSM_OBJECT && row->version > 1;
	memory = &c->memory[i];
	hl_buf_put(memory, row->open);
	HL_TRY(memory->err);
	HL_TRY(hsm_seal(h->conf.seal, row, secret, memory));
	all = hl_buf_view(memory);
	c->put[i].row.open = hl_bytes(all.p, row->open.n);
	c->put[i].row.sealed = hl_bytes(all.p + row->open.n, all.n - row->open.n);
	return HL_OK;
}

hl_err hsm_change_remove(struct hsm_change *c, const struct hsm_row *row)
{
	size_t i;

	c->raises |= row->table == HSM_OBJECT;
	return add(c, &(struct hsm_put){ .row = *row, .remove = true }, &i);
}

hl_err hsm_change_clear(struct hsm_change *c, enum hsm_table table, uint64_t partition)
{
	struct hsm_put all = { .row = { .table = table, .partition = partition }, .clear = true };
	size_t i;

	c->raises |= table == HSM_OBJECT;
	return add(c, &all, &i);
}

hl_err hsm_change_expect(struct hsm_change *c, const struct hsm_row *row)
{
	size_t i;

	return add(c, &(struct hsm_put){ .row = *row, .expect = true }, &i);
}

hl_err hsm_change_bound(struct hsm_change *c, enum hsm_table table, uint64_t partition, uint64_t most)
{
	struct hsm_put bound = { .row = { .table = table, .partition = partition }, .bound = true, .most = most };
	size_t i;

	return add(c, &bound, &i);
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

hl_err hsm_change_append(struct hsm *h, struct hsm_change *c, uint64_t partition, struct hl_bytes entry)
{
	struct hsm_put put = { .row = { .table = HSM_LOG, .partition = partition }, .append = true,
		.most = HSM_LOG_LINES, .macs = &h->macs };
	size_t i;

	HL_TRY(add(c, &put, &i));
	hl_buf_put(&c->memory[i], entry);
	HL_TRY(c->memory[i].err);
	c->put[i].row.open = hl_buf_view(&c->memory[i]);
	return HL_OK;
}

void hsm_change_reset(struct hsm_change *c)
{
	for (size_t i = 0; i < c->commit.puts; i++)
		hl_buf_clear(&c->memory[i]);
	free(c->memory);
	free(c->put);
	*c = (struct hsm_change){ 0 };
}

struct hsm_task *hsm_task_new(struct hsm *h, struct hsm_conn *conn, const struct hl_frame *f, size_t size)
{
	struct hsm_task *t = calloc(1, size);

	if (!t)
		return NULL;
	t->hsm = h;
	t->id = f->id;
	t->request = hl_buf(HL_FRAME_MAX + HL_FRAME_HEAD);
	hl_buf_put(&t->request, f->whole);
	if (t->request.err != HL_OK) {
		free(t);
		return NULL;
	}
	t->conn = conn;
	if (conn)
		conn->tasks++;
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
	if (t->conn)
		hsm_conn_task_ended(t->conn);
	if (t->clear)
		t->clear(t);
	hsm_change_reset(&t->change);
	hl_buf_clear(&t->request);
	free(t);
}

hl_err hsm_task_request(const struct hsm_task *t, const struct hl_msg *m, void *body)
{
	struct hl_frame f;

	HL_TRY(hl_frame_peek(hl_buf_view(&t->request), HL_FRAME_MAX, &f));
	return hl_msg_get(m, &f, body);
}

void hsm_task_refuse(struct hsm_task *t, hl_err err, const char *detail, uint32_t retry_after_ms)
{
	struct hl_frame f = { 0 };

	if (hl_frame_peek(hl_buf_view(&t->request), HL_FRAME_MAX, &f) == HL_OK)
		hsm_log_error(t->conn, f.type, err, detail);
	hsm_refuse(t->conn, t->id, err, detail, retry_after_ms);
}

/* Connections are told apart by their ports at all points; one that is gone has none. */
hl_err hsm_task_fault(const struct hsm_task *t, enum hl_point p)
{
	return hl_fault_err(t->hsm->env, p, t->conn ? t->conn->port : 0);
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
	const struct hl_env *env = t->hsm->env;

	hsm_epoch_committed(t->hsm, c);
	/* It may be on the disk or not: whatever we said could be wrong. Who opens the store anew knows. */
	if (hsm_store_is_lost(c->commit.result))
		env->ops->halt(env->at, c->commit.result);
	else
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
	struct hl_job *lines;

	t->after = done;
	c->result = hsm_epoch_record(t->hsm, &t->change);
	if (c->result != HL_OK) {
		done(t);
		return;
	}
	c->put = t->change.put;
	lines = hsm_log_prepare(t->hsm);
	t->hsm->conf.store.ops->prepare(t->hsm->conf.store.at, c);
	c->job.done = commit_done;
	if (lines)
		hl_submit(t->hsm->env, lines);
	hl_submit(t->hsm->env, &c->job);
}
