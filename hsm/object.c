#include "hsm/object.h"

#include <stdlib.h>

#include "hsm/attribute.h"
#include "hsm/pkcs8.h"

void hsm_object_clear(struct hsm_object *o)
{
	hl_secret_clear(&o->value);
	hl_buf_clear(&o->memory);
	free(o->attribute);
	*o = (struct hsm_object){ 0 };
}

const struct hl_attribute *hsm_attribute(const struct hsm_object *o, uint32_t type)
{
	for (size_t i = 0; i < o->attributes && o->attribute[i].type <= type; i++)
		if (o->attribute[i].type == type)
			return &o->attribute[i];
	return NULL;
}

bool hsm_attribute_bool(const struct hsm_object *o, uint32_t type)
{
	const struct hl_attribute *a = hsm_attribute(o, type);

	return a && a->form == HL_FORM_BOOL && a->value.n == 1 && a->value.p[0] == 1;
}

uint64_t hsm_attribute_number(const struct hsm_object *o, uint32_t type)
{
	const struct hl_attribute *a = hsm_attribute(o, type);
	struct hl_rd r = hl_rd(a && a->form == HL_FORM_NUMBER ? a->value : hl_bytes(NULL, 0));

	return hl_rd_u64(&r);
}

/* -- setting --------------------------------------------------------------------------------- */

/* Copy every value into `memory` and point the list there. */
static hl_err pack(struct hl_attribute *list, size_t n, struct hl_buf *memory)
{
	const uint8_t *p;

	for (size_t i = 0; i < n; i++)
		hl_buf_put(memory, list[i].value);
	if (memory->err != HL_OK)
		return memory->err;
	p = hl_buf_view(memory).p;
	for (size_t i = 0; i < n; i++) {
		list[i].value.p = list[i].value.n > 0 ? p : NULL;
		p = list[i].value.n > 0 ? p + list[i].value.n : p;
	}
	return HL_OK;
}

static void attributes_freep(struct hl_attribute **list)
{
	free(*list);
}

/* List and memory are made anew each time: the old views may be the very value that is set, and
 * nothing of a replaced value stays behind. */
hl_err hsm_attribute_set(
	struct hsm_object *o, uint32_t type, enum hl_form form, struct hl_bytes value)
{
	HL_AUTO(attributes_freep) struct hl_attribute *list = NULL;
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(HL_BUF_MAX);
	size_t n = 0, i = 0;

	list = calloc(o->attributes + 1, sizeof *list);
	if (!list)
		return HL_E_NOMEM;
	while (i < o->attributes && o->attribute[i].type < type)
		list[n++] = o->attribute[i++];
	list[n++] = (struct hl_attribute){ .type = type, .form = (uint8_t)form, .value = value };
	if (i < o->attributes && o->attribute[i].type == type)
		i++;
	while (i < o->attributes)
		list[n++] = o->attribute[i++];
	HL_TRY(pack(list, n, &memory));
	free(o->attribute);
	hl_buf_clear(&o->memory);
	o->attribute = hl_take(list);
	o->attributes = n;
	o->memory = memory;
	memory = (struct hl_buf){ 0 };
	return HL_OK;
}

hl_err hsm_attribute_set_bool(struct hsm_object *o, uint32_t type, bool v)
{
	uint8_t one = v;

	return hsm_attribute_set(o, type, HL_FORM_BOOL, hl_bytes(&one, 1));
}

hl_err hsm_attribute_set_number(struct hsm_object *o, uint32_t type, uint64_t v)
{
	uint8_t be[8];

	for (size_t i = 0; i < sizeof be; i++)
		be[i] = (uint8_t)(v >> 8 * (7 - i));
	return hsm_attribute_set(o, type, HL_FORM_NUMBER, hl_bytes(be, sizeof be));
}

/* -- rows ------------------------------------------------------------------------------------ */

hl_err hsm_object_encode(const struct hsm_object *o, struct hl_buf *out)
{
	struct hl_object_row row = { { .items = o->attribute, .count = o->attributes } };

	hl_body_put(out, &hl_msg_object_row, &row);
	return out->err;
}

/* A row that we wrote ascends and has only attributes that we know, in their form. */
static hl_err add_decoded(struct hsm_object *o, const struct hl_attribute *a)
{
	const struct hsm_attribute_row *row = hsm_attribute_row(a->type);

	if (o->attributes > 0 && a->type <= o->attribute[o->attributes - 1].type)
		return HL_E_ORDER;
	if (!row || (row->rules & HSM_SENSITIVE))
		return HL_E_FIELD;
	if (!hsm_attribute_fits(row, a))
		return HL_E_RANGE;
	o->attribute[o->attributes++] = *a;
	return HL_OK;
}

hl_err hsm_object_decode(struct hl_bytes open, struct hsm_object *out)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { .memory = hl_buf(HL_BUF_MAX) };
	struct hl_object_row row;
	struct hl_attribute a;

	hl_buf_put(&o.memory, open);
	if (o.memory.err != HL_OK)
		return o.memory.err;
	HL_TRY(hl_body_get(&hl_msg_object_row, hl_buf_view(&o.memory), &row));
	o.attribute = calloc(row.attributes.count + 1, sizeof *o.attribute);
	if (!o.attribute)
		return HL_E_NOMEM;
	while (hl_list_next(&hl_msg_attribute, &row.attributes.raw, &a))
		HL_TRY(add_decoded(&o, &a));
	*out = o;
	o = (struct hsm_object){ 0 };
	return HL_OK;
}

/* -- what a user sees and may do ------------------------------------------------------------- */

bool hsm_object_matches(const struct hsm_object *o, const struct hl_list *template)
{
	struct hl_bytes at = template->raw;
	struct hl_attribute a;

	if (template->items)
		return false;
	while (hl_list_next(&hl_msg_attribute, &at, &a)) {
		const struct hsm_attribute_row *row = hsm_attribute_row(a.type);
		const struct hl_attribute *mine = hsm_attribute(o, a.type);

		/* K-16: a search that compares key values would give them away byte by byte. */
		if (!row || (row->rules & HSM_SENSITIVE) || !mine || mine->form != a.form ||
			!hl_bytes_eq(mine->value, a.value))
			return false;
	}
	return true;
}

/* Key values may be read only where both attributes allow it (PKCS #11 v3.0, 4.9 and 4.10). */
static bool readable(const struct hsm_object *o)
{
	return !hsm_attribute_bool(o, HL_CKA_SENSITIVE) &&
	       hsm_attribute_bool(o, HL_CKA_EXTRACTABLE);
}

static bool key_part(const struct hsm_object *o, uint32_t type, struct hl_bytes *out)
{
	uint32_t key_type = (uint32_t)hsm_attribute_number(o, HL_CKA_KEY_TYPE);

	switch (hsm_attribute_number(o, HL_CKA_CLASS)) {
	case HL_CKO_SECRET_KEY:
		*out = hl_secret_view(&o->value);
		return type == HL_CKA_VALUE;
	case HL_CKO_PRIVATE_KEY:
		return hsm_pkcs8_part(hl_secret_view(&o->value), key_type, type, out) == HL_OK;
	default:
		return false;
	}
}

void hsm_attribute_shown(const struct hsm_object *o, uint32_t type, struct hl_attribute *out)
{
	const struct hsm_attribute_row *row = hsm_attribute_row(type);
	const struct hl_attribute *a = hsm_attribute(o, type);
	struct hl_bytes part = { 0 };

	*out = (struct hl_attribute){ .type = type, .form = HL_FORM_UNAVAILABLE };
	if (!row)
		return;
	if (!(row->rules & HSM_SENSITIVE)) {
		if (a)
			*out = *a;
		return;
	}
	if (readable(o) && key_part(o, type, &part)) {
		out->form = (uint8_t)row->form;
		out->value = part;
	}
}

static hl_err refuse(const char **why, const char *name)
{
	*why = name;
	return HL_E_ATTRIBUTE;
}

static bool may_become(const struct hsm_attribute_row *row, bool now, bool then)
{
	if (row->rules & HSM_RISES)
		return then || !now;
	if (row->rules & HSM_FALLS)
		return !then || now;
	return (row->rules & HSM_SETTABLE) != 0;
}

hl_err hsm_attribute_may_set(
	const struct hsm_object *o, const struct hl_attribute *a, const char **why)
{
	const struct hsm_attribute_row *row = hsm_attribute_row(a->type);
	unsigned kind = hsm_kind(
		hsm_attribute_number(o, HL_CKA_CLASS), hsm_attribute_number(o, HL_CKA_KEY_TYPE));

	if (!row)
		return refuse(why, "unknown attribute");
	if (!(row->has & kind) || !hsm_attribute_fits(row, a))
		return refuse(why, row->name);
	if (!may_become(row, hsm_attribute_bool(o, row->type),
		    row->form == HL_FORM_BOOL && a->value.p[0] == 1))
		return refuse(why, row->name);
	if (!hsm_attribute_bool(o, HL_CKA_MODIFIABLE))
		return refuse(why, "CKA_MODIFIABLE");
	return HL_OK;
}
