/* object.c - finding, looking at, changing and destroying objects. */
#include <stdlib.h>

#include "hsm/rooms.h"

/* -- find ---------------------------------------------------------------------------------------------- */

struct search {
	struct hsm_conn *conn;
	const struct hl_find *request;
	struct hl_handle *found;
	size_t n;
	bool more;
	hl_err err;
};

static bool look(void *at, const struct hsm_row *row)
{
	struct search *s = at;
	struct hsm_object o = { 0 };
	bool match;

	s->err = hsm_object_decode(row->open, &o);
	if (s->err != HL_OK)
		return false;
	match = (s->conn->logged_in || !hsm_attribute_bool(&o, HL_CKA_PRIVATE)) &&
		hsm_object_matches(&o, &s->request->template);
	hsm_object_clear(&o);
	if (!match)
		return true;
	if (s->n == s->request->limit) {
		s->more = true;
		return false;
	}
	s->found[s->n++].handle = row->id;
	return true;
}

hl_err hsm_op_find(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_find *request = body;
	struct hsm_store *store = &c->hsm->conf.store;
	struct search s = { .conn = c, .request = request };
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

static void committed(struct hsm_task *t)
{
	struct hsm_conn *c = t->conn;
	hl_err err = t->change.commit.result;
	struct hl_done done;

	if (err == HL_OK)
		err = hl_fault_err(t->hsm->env, HL_AT_HSM_COMMITTED, t->id);
	if (c && !c->closing) {
		if (err == HL_OK)
			hsm_reply(c, &hl_msg_done, t->id, &done);
		else if (err == HL_E_CLOSED)
			hsm_conn_close(c, err, false);
		else
			hsm_refuse(c, t->id, err, NULL, 0);
	}
	hsm_task_free(t);
}

static hl_err change(struct hsm_object *o, const struct hl_list *attributes, const char **detail)
{
	struct hl_bytes at = attributes->raw;
	struct hl_attribute a;

	while (hl_list_next(&hl_msg_attribute, &at, &a)) {
		HL_TRY(hsm_attribute_may_set(o, &a, detail));
		HL_TRY(hsm_attribute_set(o, a.type, (enum hl_form)a.form, a.value));
	}
	return HL_OK;
}

static hl_err put_object(struct hsm_conn *c, struct hsm_task *t, const struct hsm_object *o)
{
	struct hl_buf open = hl_buf(HL_FRAME_MAX);
	struct hsm_row row = {
		.table = HSM_OBJECT,
		.partition = c->partition_id,
		.id = o->handle,
		.version = o->version + 1,
	};
	hl_err err = hsm_object_encode(o, &open);

	row.open = hl_buf_view(&open);
	if (err == HL_OK)
		err = hsm_change_put(c->hsm, &t->change, &row, hl_secret_view(&o->value));
	hl_buf_clear(&open);
	return err;
}

static hl_err commit_or_free(struct hsm_task *t, hl_err err)
{
	if (err == HL_OK) {
		hsm_task_commit(t, committed);
		return HL_E_DEFER;
	}
	hsm_task_free(t);
	return err;
}

hl_err hsm_op_attributes_set(
	struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_attributes_set *request = body;
	struct hsm_object o = { 0 };
	struct hsm_task *t;
	hl_err err;

	if (!c->logged_in)
		return HL_E_LOGIN;
	HL_TRY(hsm_object_load(c, request->handle, &o));
	t = hsm_task_new(c->hsm, c, f, sizeof *t);
	if (!t) {
		hsm_object_clear(&o);
		return HL_E_NOMEM;
	}
	err = change(&o, &request->attributes, detail);
	if (err == HL_OK)
		err = put_object(c, t, &o);
	hsm_object_clear(&o);
	return commit_or_free(t, err);
}

hl_err hsm_op_destroy(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_destroy *request = body;
	struct hsm_object o = { 0 };
	struct hsm_row row = { .table = HSM_OBJECT, .partition = c->partition_id, .id = request->handle };
	struct hsm_task *t;
	bool may;

	if (!c->logged_in)
		return HL_E_LOGIN;
	HL_TRY(hsm_object_load(c, request->handle, &o));
	row.version = o.version;
	may = hsm_attribute_bool(&o, HL_CKA_DESTROYABLE);
	hsm_object_clear(&o);
	if (!may) {
		*detail = "CKA_DESTROYABLE";
		return HL_E_ATTRIBUTE;
	}
	t = hsm_task_new(c->hsm, c, f, sizeof *t);
	if (!t)
		return HL_E_NOMEM;
	return commit_or_free(t, hsm_change_remove(&t->change, &row));
}
