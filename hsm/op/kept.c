/* kept.c - session objects: sealed here, kept by the client, brought back by it where we have forgotten them. */
#include "hsm/rooms.h"

/* -- given ------------------------------------------------------------------------------------------- */

static hl_err seal(struct hsm_conn *c, const struct hsm_partition *p, const struct hsm_object *o, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf open = hl_buf(HL_BLOB_MAX), plain = hl_buf(HL_BLOB_MAX - HSM_KEPT_MORE);
	struct hl_kept_state state = {
		.serial = p->row.serial,
		.blob_epoch = p->row.blob_epoch,
		.pin_generation = hsm_attribute_bool(o, HL_CKA_PRIVATE) ? p->row.pin_generation : 0,
		.secret_generation = p->row.secret_generation,
		.expires_ms = (uint64_t)(hl_wall_ms(c->hsm->env) + HSM_BLOB_LIFE_MS),
		.handle = o->handle,
		.value = hl_secret_view(&o->value),
		.changes = (uint32_t)o->version,
	};

	HL_TRY(hsm_object_encode(o, &open));
	state.open = hl_buf_view(&open);
	hl_body_put(&plain, &hl_msg_kept_state, &state);
	if (plain.err != HL_OK)
		return plain.err == HL_E_FULL ? HL_E_RANGE : plain.err;
	return hsm_seal_kept(c->hsm->conf.seal, HSM_KEPT_OBJECT, p->id, hl_buf_view(&plain), out);
}

hl_err hsm_kept_make(struct hsm_conn *c, const struct hsm_partition *p, struct hsm_object *o, struct hl_buf *blob,
	struct hl_kept *out, const char **why)
{
	uint64_t handle;

	if (hsm_attribute_bool(o, HL_CKA_ALWAYS_AUTHENTICATE)) {
		*why = "CKA_ALWAYS_AUTHENTICATE";
		return HL_E_TEMPLATE_INCONSISTENT;
	}
	if (o->handle == 0) {
		hl_random(c->hsm->env, &handle, sizeof handle);
		HL_TRY(hsm_object_set_handle(o, handle | HL_SESSION_OBJECT));
	}
	hl_buf_reset(blob);
	HL_TRY(seal(c, p, o, blob));
	HL_TRY(hsm_keys_keep(c, p, o));
	*out = (struct hl_kept){
		.handle = o->handle,
		.private = hsm_attribute_bool(o, HL_CKA_PRIVATE),
		.blob = hl_buf_view(blob),
	};
	return HL_OK;
}

hl_err hsm_kept_change(struct hsm_conn *c, struct hsm_object *o)
{
	HL_AUTO(hl_buf_clear) struct hl_buf blob = hl_buf(HL_BLOB_MAX);
	struct hl_object_kept told = { 0 };
	struct hsm_partition p;
	struct hl_kept one;
	const char *why;
	hl_err err;

	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	o->version += o->version < UINT32_MAX;
	err = hsm_kept_make(c, &p, o, &blob, &one, &why);
	hsm_partition_clear(&p);
	HL_TRY(err);
	told.kept = (struct hl_list){ .items = &one, .count = 1 };
	hsm_reply(c, &hl_msg_object_kept, 0, &told);
	return HL_OK;
}

/* -- brought ------------------------------------------------------------------------------------------- */

static bool is_of(const struct hl_kept_state *s, bool private, const struct hl_partition_row *row, int64_t now)
{
	return hl_bytes_eq(s->serial, row->serial) && s->blob_epoch == row->blob_epoch &&
		s->secret_generation == row->secret_generation && (int64_t)s->expires_ms > now &&
		(!private || s->pin_generation == row->pin_generation);
}

static hl_err take(struct hsm_conn *c, const struct hl_kept_state *state, const struct hsm_partition *p)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	bool private;

	HL_TRY(hsm_object_decode(state->open, &o));
	private = hsm_attribute_bool(&o, HL_CKA_PRIVATE);
	if (!is_of(state, private, &p->row, hl_wall_ms(c->hsm->env)) || (private && !c->logged_in))
		return HL_E_KEY;
	o.handle = state->handle;
	o.version = state->changes;
	HL_TRY(hl_secret_set(&o.value, state->value));
	return hsm_keys_keep(c, p, &o);
}

/* Whatever is wrong with it, there is no such object any more. */
static hl_err load(struct hsm_conn *c, struct hl_bytes blob, const struct hsm_partition *p)
{
	HL_AUTO(hl_secret_clear) struct hl_secret plain = { 0 };
	struct hl_kept_state state;
	hl_err err = hsm_unseal_kept(c->hsm->conf.seal, HSM_KEPT_OBJECT, c->partition_id, blob, &plain);

	if (err == HL_E_STORE_SEAL)
		return HL_E_KEY;
	HL_TRY(err);
	HL_TRY(hl_body_get(&hl_msg_kept_state, hl_secret_view(&plain), &state));
	return take(c, &state, p);
}

hl_err hsm_op_object_load(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_object_load *request = body;
	struct hsm_partition p;
	struct hl_done done;
	hl_err err;

	(void)detail;
	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	err = load(c, request->blob, &p);
	hsm_partition_clear(&p);
	if (err == HL_OK)
		hsm_reply(c, &hl_msg_done, f->id, &done);
	return err;
}
