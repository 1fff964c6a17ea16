/* effect.c - requests that change objects: look, build, commit, answer; again from the look where another was faster. */
#include "hsm/rooms.h"

hl_err hsm_effect_new(struct hsm_conn *c, const struct hl_frame *f, struct hl_bytes token,
	size_t size, struct hsm_effect **out)
{
	struct hsm_token read;
	struct hsm_effect *e;

	HL_TRY(hsm_token_read(c->hsm, f, token, &read));
	e = (struct hsm_effect *)hsm_task_new(c->hsm, c, f, size);
	if (!e)
		return HL_E_NOMEM;
	e->token = read;
	*out = e;
	return HL_OK;
}

/* Permissions are checked at every try, also where the effect is of long ago; the login may have ended since. Public
 * objects need none (PKCS #11 v3.0, 5.6: "R/W Public Session"). */
static hl_err look(struct hsm_effect *e, const struct hsm_partition *p)
{
	struct hsm_conn *c = e->task.conn;
	struct hsm_result first;
	hl_err err;

	hsm_login_judge(c, p);
	if (e->private && !c->logged_in)
		return HL_E_LOGIN;
	e->rules = hsm_partition_rules(c, p);
	err = hsm_token_find(c->hsm, p, &e->token, &first);
	if (err != HL_OK)
		return err == HL_E_NOT_FOUND ? HL_OK : err;
	err = first.row.private && !c->logged_in ? HL_E_LOGIN : hsm_result_send(c, e->task.id, &first);
	hsm_result_clear(&first);
	return err == HL_OK ? HL_E_DEFER : err;
}

hl_err hsm_effect_look(struct hsm_effect *e)
{
	struct hsm_conn *c = e->task.conn;
	struct hsm_partition p;
	hl_err err;

	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	err = look(e, &p);
	hsm_partition_clear(&p);
	return err;
}

void hsm_effect_end(struct hsm_effect *e, hl_err err, const char *detail)
{
	struct hsm_conn *c = e->task.conn;

	if (c && !c->closing) {
		if (err == HL_OK)
			hsm_reply(c, e->reply, e->task.id, &e->body);
		else if (err == HL_E_CLOSED)
			hsm_conn_close(c, err, false);
		else if (err != HL_E_DEFER)
			hsm_task_refuse(&e->task, err, detail, 0);
	}
	hsm_task_free(&e->task);
}

static void committed(struct hsm_task *t)
{
	struct hsm_effect *e = (struct hsm_effect *)t;
	hl_err err = t->change.commit.result;

	if (err == HL_E_STORE_STALE && ++e->tries < HSM_EFFECT_TRIES) {
		hsm_change_reset(&t->change);
		hsm_effect_run(e);
		return;
	}
	if (err == HL_E_STORE_STALE)
		err = HL_E_BUSY;
	if (err == HL_OK)
		err = hsm_task_fault(t, HL_AT_HSM_COMMITTED);
	if (err == HL_OK)
		err = e->refusal;
	hsm_effect_end(e, err, err == HL_E_FULL ? "the store's disk is full" : NULL);
}

static hl_err record(struct hsm_effect *e, struct hsm_partition *p)
{
	HL_AUTO(hl_buf_clear) struct hl_buf reply = hl_buf(HSM_PART_MAX);
	struct hl_token_result result = { .private = e->private };

	if (e->refusal == HL_OK) {
		HL_TRY(hsm_result_encode(e->reply, &e->body, &reply));
		result.type = e->reply->type;
		result.reply = hl_buf_view(&reply);
	} else {
		result.code = (uint16_t)-e->refusal;
	}
	return hsm_token_record(e->task.hsm, &e->task.change, &e->token, p, false, &result);
}

/* A member that took an earlier sending while there was a master may be in its commit just now. So a refusal for want of
 * one is kept under the token, in the same store: whichever of the two commits comes second finds the token there. What was
 * refused is then not made by anybody, and what was made is answered. */
static hl_err build(struct hsm_effect *e, const struct hsm_partition *p, const char **detail)
{
	hl_err err = e->refusal == HL_OK ? e->build(e, p, detail) : HL_OK;

	if (err != HL_E_MASTER)
		return err;
	hsm_change_reset(&e->task.change);
	e->refusal = err;
	return HL_OK;
}

static hl_err prepare(struct hsm_effect *e, const char **detail)
{
	struct hsm_conn *c = e->task.conn;
	struct hsm_partition p;
	hl_err err;

	if (!c || c->closing) /* nobody waits for it, and nothing has happened */
		return HL_E_CLOSED;
	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	err = look(e, &p);
	if (err == HL_OK)
		err = build(e, &p, detail);
	if (err == HL_OK)
		err = record(e, &p);
	hsm_partition_clear(&p);
	return err;
}

void hsm_effect_run(struct hsm_effect *e)
{
	const char *detail = NULL;
	hl_err err = prepare(e, &detail);

	if (err == HL_OK)
		hsm_task_commit(&e->task, committed);
	else
		hsm_effect_end(e, err, detail);
}

void hsm_effect_refuse(struct hsm_effect *e, hl_err err)
{
	e->refusal = err;
	hsm_effect_run(e);
}
