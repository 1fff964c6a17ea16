/* birth.c - effects that make objects: made (in a lane where that is slow), sealed, committed, then told. Session objects
 * are told only: their client keeps them. */
#include "hsm/attribute.h"
#include "hsm/rooms.h"

static void birth_clear(struct hsm_task *t)
{
	struct hsm_birth *b = (struct hsm_birth *)t;

	for (size_t i = 0; i < HSM_DERIVED_MAX; i++) {
		hsm_object_clear(&b->object[i]);
		hl_buf_clear(&b->blob[i]);
	}
	hsm_key_free(b->key);
}

#define HANDLE_DRAWN 21 /* bits; above them are 42 of a time in milliseconds */

/* Objects are found in the order of their handles. Applications that take the first one of several expect the oldest, so
 * handles ascend with time. Two members that draw the same in one millisecond meet in the store, and one draws again. */
static uint64_t new_handle(struct hsm *h)
{
	uint64_t time_ms = (uint64_t)hl_wall_ms(h->env), handle;

	do {
		hl_random(h->env, &handle, sizeof handle);
		handle &= (UINT64_C(1) << HANDLE_DRAWN) - 1;
		handle |= time_ms << HANDLE_DRAWN & INT64_MAX;
	} while (handle < HL_HANDLE_MIN);
	return handle;
}

static hl_err add_object(struct hsm_task *t, struct hsm_object *o, uint64_t partition)
{
	HL_AUTO(hl_buf_clear) struct hl_buf open = hl_buf(HL_FRAME_MAX);
	struct hsm_row row = { .table = HSM_OBJECT, .partition = partition, .version = 1 };

	row.id = new_handle(t->hsm);
	HL_TRY(hsm_object_set_handle(o, row.id));
	HL_TRY(hsm_object_encode(o, &open));
	row.open = hl_buf_view(&open);
	return hsm_change_put(t->hsm, &t->change, &row, hl_secret_view(&o->value));
}

static bool is_stored(const struct hsm_object *o)
{
	return hsm_attribute_bool(o, HL_CKA_TOKEN);
}

static size_t stored(const struct hsm_birth *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->objects; i++)
		n += is_stored(&b->object[i]);
	return n;
}

static hl_err add(struct hsm_birth *b, struct hsm_object *o, const struct hsm_partition *p, const char **detail)
{
	struct hl_buf *blob = &b->blob[b->kept_n];
	struct hsm_task *t = &b->effect.task;

	if (is_stored(o)) {
		HL_TRY(add_object(t, o, p->id));
		return hsm_log_object(&t->change, t->conn, b->kind->deed, o);
	}
	*blob = blob->base ? *blob : hl_buf(HL_BLOB_MAX);
	return hsm_kept_make(b->effect.task.conn, p, o, blob, &b->kept[b->kept_n++], detail);
}

struct hl_list hsm_birth_kept(const struct hsm_birth *b)
{
	return (struct hl_list){ .items = b->kept, .count = b->kept_n };
}

void hsm_birth_created(struct hsm_birth *b)
{
	b->effect.body.created = (struct hl_created){ .handle = b->object[0].handle, .kept = hsm_birth_kept(b) };
}

/* Who may not see it may not make it: whoever is not logged in, and a security officer. */
static hl_err check_private(struct hsm_birth *b, const struct hsm_object *o, const char **detail)
{
	if (!hsm_attribute_bool(o, HL_CKA_PRIVATE))
		return HL_OK;
	b->effect.private = true;
	if (b->effect.task.conn->logged_in)
		return HL_OK;
	*detail = "CKA_PRIVATE";
	return HL_E_LOGIN;
}

/* The commit keeps the bound; one that was stale may have been so for want of room, which is told by its name. */
static hl_err check_room(struct hsm *h, const struct hsm_partition *p, size_t more)
{
	uint64_t objects;

	HL_TRY(h->conf.store.ops->count(h->conf.store.at, HSM_OBJECT, p->id, &objects));
	return objects + more > p->row.objects_max ? HL_E_FULL : HL_OK;
}

static hl_err build(struct hsm_effect *e, const struct hsm_partition *p, const char **detail)
{
	struct hsm_birth *b = (struct hsm_birth *)e;

	if (b->kind->late) {
		hsm_object_clear(&b->object[0]);
		HL_TRY(b->kind->make(b, detail));
	}
	if (e->tries > 0)
		HL_TRY(check_room(e->task.hsm, p, stored(b)));
	b->kept_n = 0;
	for (size_t i = 0; i < b->objects; i++) {
		HL_TRY(check_private(b, &b->object[i], detail));
		HL_TRY(add(b, &b->object[i], p, detail));
	}
	HL_TRY(hsm_change_bound(&e->task.change, HSM_OBJECT, p->id, p->row.objects_max));
	b->kind->tell(b);
	return HL_OK;
}

/* Nothing of it lasts here, so there is nothing to commit. */
static void answer(struct hsm_birth *b)
{
	struct hsm_conn *c = b->effect.task.conn;
	const char *why = NULL;
	struct hsm_partition p;
	hl_err err = c && !c->closing ? HL_OK : HL_E_CLOSED;

	if (err == HL_OK)
		err = hsm_partition_load(c->hsm, hl_text(c->partition), &p);
	if (err == HL_OK) {
		hsm_login_judge(c, &p);
		err = build(&b->effect, &p, &why);
		hsm_partition_clear(&p);
	}
	hsm_effect_end(&b->effect, err, why);
}

static void made(struct hsm_task *t)
{
	struct hsm_birth *b = (struct hsm_birth *)t;

	if (b->made == HL_OK && !b->kind->late && stored(b) == 0)
		answer(b);
	else if (b->made == HL_OK)
		hsm_effect_run(&b->effect);
	else
		hsm_effect_end(&b->effect, b->made, b->why);
}

static void make(struct hl_job *j)
{
	struct hsm_birth *b = (struct hsm_birth *)j;

	b->made = b->kind->make(b, &b->why);
}

/* One that was made before is answered before another is made in vain; also where the keys it was made with are gone. */
static hl_err begin(struct hsm_birth *b)
{
	struct hsm_task *t = &b->effect.task;

	HL_TRY(hsm_task_request(t, b->kind->request, &b->request));
	b->effect.private = b->kind->private && b->kind->private(b);
	HL_TRY(hsm_effect_look(&b->effect));
	return b->kind->prepare ? b->kind->prepare(b) : HL_OK;
}

static void run(struct hsm_birth *b)
{
	struct hsm_task *t = &b->effect.task;

	if (b->slow) {
		hsm_task_work(t, HL_LANE_CPU, make, made);
	} else {
		if (!b->kind->late)
			make(&t->job);
		made(t);
	}
}

bool hsm_birth_private(const struct hl_list *template, bool by_default)
{
	struct hl_attribute a;

	return hsm_template_find(template, HL_CKA_PRIVATE, &a) && a.value.n == 1 ? a.value.p[0] != 0 : by_default;
}

hl_err hsm_birth_key(struct hsm_birth *b, uint64_t handle, uint32_t mechanism)
{
	struct hsm_cached *key;

	HL_TRY(hsm_key_of(b->effect.task.conn, handle, &key));
	b->effect.private |= key->is_private;
	HL_TRY(hsm_key_use(b->effect.task.conn, key));
	b->effect.task.conn->uses++;
	b->slow = hsm_mechanism_slow(mechanism, key->key);
	return hsm_key_share(key->key, &b->key);
}

hl_err hsm_birth_run(
	struct hsm_conn *c, const struct hl_frame *f, struct hl_bytes token, const struct hsm_birth_kind *kind)
{
	struct hsm_birth *b;
	struct hsm_effect *e;
	hl_err err;

	HL_TRY(hsm_effect_new(c, f, token, sizeof *b, &e));
	b = (struct hsm_birth *)e;
	b->kind = kind;
	e->task.clear = birth_clear;
	e->build = build;
	e->reply = kind->reply;
	err = begin(b);
	if (err == HL_OK)
		run(b);
	else if (err == HL_E_MASTER)
		hsm_effect_refuse(e, err);
	else
		hsm_effect_end(e, err, NULL);
	return HL_E_DEFER;
}
