/* object.c - finding, looking at, changing and destroying objects. */
#include <stdlib.h>

#include "hsm/rooms.h"

/* -- find ---------------------------------------------------------------------------------------------- */

/* What one request looks at, some 1 ms; the client asks again for what is behind it, and others come in between. */
#define FIND_ROWS 256
#define FIND_BYTES (256u << 10)

struct search {
	struct hsm_conn *conn;
	const struct hl_find *request;
	struct hl_handle *found;
	size_t n, rows, bytes;
	uint64_t last; /* looked at */
	bool more;
	hl_err err;
};

/* What stands in the open part decides who sees the object: only the seal says that it is what we wrote. A row that
 * does not match need not be opened, as whoever could edit it could also have removed it. */
static hl_err vouch(struct search *s, const struct hsm_row *row)
{
	HL_AUTO(hl_secret_clear) struct hl_secret value = { 0 };

	return hsm_unseal(s->conn->hsm->conf.seal, row, &value);
}

static hl_err consider(struct search *s, const struct hsm_row *row, bool *match, uint8_t *is_private)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };

	HL_TRY(hsm_object_decode(row->open, &o));
	*is_private = hsm_attribute_bool(&o, HL_CKA_PRIVATE);
	*match = (s->conn->logged_in || !*is_private) &&
		hsm_object_matches(&o, &s->request->template);
	return *match ? vouch(s, row) : HL_OK;
}

static bool look(void *at, const struct hsm_row *row)
{
	struct search *s = at;
	struct hl_handle one = { .handle = row->id };
	bool match = false;

	s->more = s->rows == FIND_ROWS || s->bytes >= FIND_BYTES;
	if (!s->more)
		s->err = consider(s, row, &match, &one.private);
	if (match && s->n == s->request->limit)
		s->more = true;
	if (s->more || s->err != HL_OK)
		return false;
	if (match)
		s->found[s->n++] = one;
	s->rows++;
	s->bytes += row->open.n + row->sealed.n;
	s->last = row->id;
	return true;
}

hl_err hsm_op_find(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_find *request = body;
	struct hsm_store *store = &c->hsm->conf.store;
	struct search s = { .conn = c, .request = request, .last = request->after };
	struct hl_found found;
	hl_err err;

	(void)detail;
	s.found = calloc(request->limit, sizeof *s.found);
	if (!s.found)
		return HL_E_NOMEM;
	err = store->ops->scan(store->at, HSM_OBJECT, c->partition_id, request->after, look, &s);
	if (err == HL_OK)
		err = s.err;
	if (err == HL_OK) {
		found.handles = (struct hl_list){ .items = s.found, .count = s.n };
		found.more = s.more;
		found.last = s.more ? s.last : 0;
		hsm_reply(c, &hl_msg_found, f->id, &found);
	}
	free(s.found);
	return err;
}

/* -- attributes ------------------------------------------------------------------------------------------ */

#define ATTRIBUTES_MAX 64

static size_t shown_all(const struct hsm_object *o, struct hl_attribute *out)
{
	size_t n = 0;

	for (size_t i = 0; i < o->attributes && n < ATTRIBUTES_MAX; i++)
		hsm_attribute_shown(o, o->attribute[i].type, &out[n++]);
	return n;
}

static size_t shown_some(const struct hsm_object *o, const struct hl_list *types, struct hl_attribute *out)
{
	struct hl_bytes at = types->raw;
	struct hl_attribute_type t;
	size_t n = 0;

	while (n < ATTRIBUTES_MAX && hl_list_next(&hl_msg_attribute_type, &at, &t))
		hsm_attribute_shown(o, t.type, &out[n++]);
	return n;
}

hl_err hsm_op_attributes_get(
	struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_attributes_get *request = body;
	struct hl_attribute shown[ATTRIBUTES_MAX];
	struct hsm_object o = { 0 };
	struct hl_attributes answer = { .attributes.items = shown };

	(void)detail;
	HL_TRY(hsm_object_load(c, request->handle, &o));
	answer.attributes.count = request->types.count == 0 ? shown_all(&o, shown)
							    : shown_some(&o, &request->types, shown);
	hsm_reply(c, &hl_msg_attributes, f->id, &answer);
	hsm_object_clear(&o);
	return HL_OK;
}

/* -- changes ----------------------------------------------------------------------------------------------- */

static hl_err change(struct hsm_object *o, const struct hl_list *attributes, const struct hsm_rules *rules,
	const char **detail)
{
	struct hl_bytes at = attributes->raw;
	struct hl_attribute a;

	while (hl_list_next(&hl_msg_attribute, &at, &a)) {
		HL_TRY(hsm_attribute_may_set(o, &a, rules, detail));
		HL_TRY(hsm_attribute_set(o, a.type, (enum hl_form)a.form, a.value));
	}
	return HL_OK;
}

/* A session object is in no store, and what happens to it is no effect: sent again, it happens again. */
static hl_err set_kept(struct hsm_conn *c, const struct hl_frame *f, const struct hl_attributes_set *request,
	const char **detail)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	struct hsm_rules rules;
	struct hl_done done;

	HL_TRY(hsm_rules_load(c, &rules));
	HL_TRY(hsm_object_load(c, request->handle, &o));
	HL_TRY(change(&o, &request->attributes, &rules, detail));
	HL_TRY(hsm_kept_change(c, &o));
	hsm_reply(c, &hl_msg_done, f->id, &done);
	return HL_OK;
}

static hl_err destroy_kept(struct hsm_conn *c, const struct hl_frame *f, uint64_t handle, const char **detail)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	struct hl_done done;

	HL_TRY(hsm_object_load(c, handle, &o));
	if (!hsm_attribute_bool(&o, HL_CKA_DESTROYABLE)) {
		*detail = "CKA_DESTROYABLE";
		return HL_E_PROHIBITED;
	}
	hsm_keys_forget(c->hsm, handle);
	hsm_streams_end(c, handle);
	hsm_reply(c, &hl_msg_done, f->id, &done);
	return HL_OK;
}

static hl_err put_object(struct hsm_task *t, const struct hsm_partition *p, const struct hsm_object *o)
{
	HL_AUTO(hl_buf_clear) struct hl_buf open = hl_buf(HL_FRAME_MAX);
	struct hsm_row row = {
		.table = HSM_OBJECT,
		.partition = p->id,
		.id = o->handle,
		.version = o->version + 1,
	};

	HL_TRY(hsm_object_encode(o, &open));
	row.open = hl_buf_view(&open);
	return hsm_change_put(t->hsm, &t->change, &row, hl_secret_view(&o->value));
}

/* The object that the effect is about. */
static hl_err load(struct hsm_effect *e, uint64_t handle, struct hsm_object *out)
{
	HL_TRY(hsm_object_load(e->task.conn, handle, out));
	e->private |= hsm_attribute_bool(out, HL_CKA_PRIVATE);
	return HL_OK;
}

static hl_err build_set(struct hsm_effect *e, const struct hsm_partition *p, const char **detail)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	struct hl_attributes_set request;

	HL_TRY(hsm_task_request(&e->task, &hl_msg_attributes_set, &request));
	HL_TRY(load(e, request.handle, &o));
	HL_TRY(change(&o, &request.attributes, &e->rules, detail));
	HL_TRY(put_object(&e->task, p, &o));
	return hsm_log_object(&e->task.change, e->task.conn, "Changed", &o);
}

static hl_err build_destroy(struct hsm_effect *e, const struct hsm_partition *p, const char **detail)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	struct hsm_row row = { .table = HSM_OBJECT, .partition = p->id };
	struct hl_destroy request;

	HL_TRY(hsm_task_request(&e->task, &hl_msg_destroy, &request));
	HL_TRY(load(e, request.handle, &o));
	if (!hsm_attribute_bool(&o, HL_CKA_DESTROYABLE)) {
		*detail = "CKA_DESTROYABLE";
		return HL_E_PROHIBITED;
	}
	row.id = o.handle;
	row.version = o.version;
	HL_TRY(hsm_change_remove(&e->task.change, &row));
	return hsm_log_object(&e->task.change, e->task.conn, "Destroyed", &o);
}

static hl_err start(struct hsm_conn *c, const struct hl_frame *f, struct hl_bytes token,
	hl_err (*build)(struct hsm_effect *, const struct hsm_partition *, const char **))
{
	struct hsm_effect *e;

	HL_TRY(hsm_effect_new(c, f, token, sizeof *e, &e));
	e->build = build;
	e->reply = &hl_msg_done;
	hsm_effect_run(e);
	return HL_E_DEFER;
}

hl_err hsm_op_attributes_set(
	struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_attributes_set *request = body;

	if (hsm_is_kept(request->handle))
		return set_kept(c, f, request, detail);
	return start(c, f, request->token, build_set);
}

hl_err hsm_op_destroy(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_destroy *request = body;

	if (hsm_is_kept(request->handle))
		return destroy_kept(c, f, request->handle, detail);
	return start(c, f, request->token, build_destroy);
}
