/* generate.c - new keys: made (in a lane where that is slow), sealed, committed, then told. Session objects are told
 * only: their client keeps them. */
#include "hsm/attribute.h"
#include "hsm/rooms.h"

struct generate {
	struct hsm_effect effect;
	struct hl_generate request; /* views into the task's copy */
	struct hsm_object key, public_key;
	bool pair;
	struct hl_buf blob[2]; /* behind the views of */
	struct hl_kept kept[2];
	size_t kept_n;
	hl_err made;
	const char *why;
};

static void generate_clear(struct hsm_task *t)
{
	struct generate *g = (struct generate *)t;

	hsm_object_clear(&g->key);
	hsm_object_clear(&g->public_key);
	hl_buf_clear(&g->blob[0]);
	hl_buf_clear(&g->blob[1]);
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
	struct hsm_task *t = &g->effect.task;
	struct hl_buf open = hl_buf(HL_FRAME_MAX);
	struct hsm_row row = { .table = HSM_OBJECT, .partition = partition, .version = 1 };
	hl_err err;

	row.id = new_handle(t->hsm);
	err = hsm_object_set_handle(o, row.id);
	if (err == HL_OK)
		err = hsm_object_encode(o, &open);
	row.open = hl_buf_view(&open);
	if (err == HL_OK)
		err = hsm_change_put(t->hsm, &t->change, &row, hl_secret_view(&o->value));
	hl_buf_clear(&open);
	return err;
}

static bool is_stored(const struct hsm_object *o)
{
	return hsm_attribute_bool(o, HL_CKA_TOKEN);
}

static hl_err add(struct generate *g, struct hsm_object *o, const struct hsm_partition *p, const char **detail)
{
	struct hl_buf *blob = &g->blob[g->kept_n];

	if (is_stored(o))
		return add_object(g, o, p->id);
	*blob = blob->base ? *blob : hl_buf(HL_BLOB_MAX);
	return hsm_kept_make(g->effect.task.conn, p, o, blob, &g->kept[g->kept_n++], detail);
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
	struct generate *g = (struct generate *)e;

	g->kept_n = 0;
	if (e->tries > 0)
		HL_TRY(check_room(e->task.hsm, p, g->pair ? 2 : 1));
	HL_TRY(add(g, &g->key, p, detail));
	if (g->pair)
		HL_TRY(add(g, &g->public_key, p, detail));
	HL_TRY(hsm_change_bound(&e->task.change, HSM_OBJECT, p->id, p->row.objects_max));
	e->body.generated = (struct hl_generated){
		.handle = g->key.handle,
		.public_handle = g->public_key.handle,
		.kept = { .items = g->kept, .count = g->kept_n },
	};
	return HL_OK;
}

/* Nothing of it lasts here, so there is nothing to commit. */
static void tell(struct generate *g)
{
	struct hsm_conn *c = g->effect.task.conn;
	const char *why = NULL;
	struct hsm_partition p;
	hl_err err = c && !c->closing ? HL_OK : HL_E_CLOSED;

	if (err == HL_OK)
		err = c->logged_in ? hsm_partition_load(c->hsm, hl_text(c->partition), &p) : HL_E_LOGIN;
	if (err == HL_OK) {
		err = build(&g->effect, &p, &why);
		hsm_partition_clear(&p);
	}
	hsm_effect_end(&g->effect, err, why);
}

static void made(struct hsm_task *t)
{
	struct generate *g = (struct generate *)t;
	bool stored = is_stored(&g->key) || (g->pair && is_stored(&g->public_key));

	if (g->made == HL_OK && !stored)
		tell(g);
	else if (g->made == HL_OK)
		hsm_effect_run(&g->effect);
	else
		hsm_effect_end(&g->effect, g->made, g->why);
}

static void make(struct hl_job *j)
{
	static const struct hsm_rules rules = { .session_objects = true }; /* else the strict ones */
	struct generate *g = (struct generate *)j;

	g->made = hsm_key_generate(g->request.mechanism, hl_bytes(NULL, 0), &g->request.template,
		&g->request.public_template, &rules, &g->key, &g->public_key, &g->why);
}

static bool wants_stored(const struct hl_list *template)
{
	struct hl_attribute token;

	return !hsm_template_find(template, HL_CKA_TOKEN, &token) || token.value.n != 1 || token.value.p[0];
}

/* One that was made before is answered before another is made in vain; also where there is no master. */
static hl_err begin(struct generate *g, const struct hsm_mechanism *mechanism)
{
	struct hsm_task *t = &g->effect.task;

	HL_TRY(hsm_task_request(t, &hl_msg_generate, &g->request));
	HL_TRY(hsm_effect_look(&g->effect));
	g->pair = mechanism->flags & HSM_PAIR;
	if (wants_stored(&g->request.template) || (g->pair && wants_stored(&g->request.public_template)))
		HL_TRY(hsm_master_check(t->hsm));
	if (hsm_mechanism_slow(mechanism->number, NULL)) {
		hsm_task_work(t, HL_LANE_CPU, make, made);
	} else {
		make(&t->job);
		made(t);
	}
	return HL_OK;
}

hl_err hsm_op_generate(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_generate *request = body;
	const struct hsm_mechanism *mechanism = hsm_mechanism(request->mechanism);
	struct hsm_effect *e;
	hl_err err;

	(void)detail;
	if (!mechanism || !(mechanism->flags & HSM_GENERATES))
		return HL_E_MECHANISM;
	HL_TRY(hsm_effect_new(c, f, request->token, sizeof(struct generate), &e));
	e->task.clear = generate_clear;
	e->build = build;
	e->reply = &hl_msg_generated;
	err = begin((struct generate *)e, mechanism);
	if (err != HL_OK)
		hsm_effect_end(e, err, NULL);
	return HL_E_DEFER;
}
