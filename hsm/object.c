#include "hsm/object.h"

#include <stdlib.h>

#include "hsm/attribute.h"
#include "hsm/engine/pkcs8.h"
#include "hsm/key.h"

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
	if (!row)
		return HL_E_FIELD;
	if (!hsm_attribute_fits(row, a))
		return HL_E_RANGE;
	o->attribute[o->attributes++] = *a;
	return HL_OK;
}

static bool holds_sealed(const struct hsm_object *o)
{
	unsigned kind = hsm_kind_of(o);

	for (size_t i = 0; i < o->attributes; i++)
		if (hsm_attribute_sealed(hsm_attribute_row(o->attribute[i].type), kind))
			return true;
	return false;
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
	if (holds_sealed(&o))
		return HL_E_FIELD;
	*out = o;
	o = (struct hsm_object){ 0 };
	return HL_OK;
}

/* -- what a user sees and may do ------------------------------------------------------------- */

bool hsm_object_matches(const struct hsm_object *o, const struct hl_list *template)
{
	struct hl_bytes at = template->raw;
	unsigned kind = hsm_kind_of(o);
	struct hl_attribute a;

	if (template->items)
		return false;
	while (hl_list_next(&hl_msg_attribute, &at, &a)) {
		const struct hsm_attribute_row *row = hsm_attribute_row(a.type);
		const struct hl_attribute *mine = hsm_attribute(o, a.type);

		/* K-16: a search that compares key values would give them away byte by byte. */
		if (!row || hsm_attribute_sealed(row, kind) || !mine || mine->form != a.form ||
			!hl_bytes_eq(mine->value, a.value))
			return false;
	}
	return true;
}

/* Key values may be read only where both attributes allow it (PKCS #11 v3.0, 4.9 and 4.10). */
static bool readable(const struct hsm_object *o)
{
	if (hsm_attribute_number(o, HL_CKA_CLASS) == HL_CKO_DATA)
		return true;
	return !hsm_attribute_bool(o, HL_CKA_SENSITIVE) &&
	       hsm_attribute_bool(o, HL_CKA_EXTRACTABLE);
}

static bool key_part(const struct hsm_object *o, uint32_t type, struct hl_bytes *out)
{
	uint32_t key_type = (uint32_t)hsm_attribute_number(o, HL_CKA_KEY_TYPE);

	switch (hsm_attribute_number(o, HL_CKA_CLASS)) {
	case HL_CKO_SECRET_KEY:
	case HL_CKO_DATA:
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
	if (!hsm_attribute_sealed(row, hsm_kind_of(o))) {
		if (a)
			*out = *a;
		return;
	}
	if (readable(o) && key_part(o, type, &part)) {
		out->form = (uint8_t)row->form;
		out->value = part;
	}
}

/* -- changing ---------------------------------------------------------------------------------- */

static hl_err refuse(hl_err code, const char **why, const char *name)
{
	*why = name;
	return code;
}

static bool may_become(unsigned rules, bool now, bool then)
{
	if (now == then)
		return true;
	return (rules & (then ? HSM_RISES : HSM_FALLS)) != 0;
}

/* K-01: a use that could be added later would undo what was checked when the key was made. */
static unsigned rules_of(const struct hsm_attribute_row *row, const struct hsm_rules *rules)
{
	unsigned r = row->rules;

	if ((r & HSM_USAGE) && rules->legacy_wrap)
		r |= HSM_RISES | HSM_FALLS;
	if ((r & HSM_OFFICER) && rules->trusts)
		r |= HSM_RISES | HSM_FALLS;
	return r;
}

hl_err hsm_attribute_may_set(const struct hsm_object *o, const struct hl_attribute *a,
	const struct hsm_rules *rules, const char **why)
{
	const struct hsm_attribute_row *row = hsm_attribute_row(a->type);
	unsigned r = row ? rules_of(row, rules) : 0;

	if (!row || !(row->has & hsm_kind_of(o)))
		return refuse(HL_E_ATTRIBUTE_TYPE, why, row ? row->name : "unknown attribute");
	if (!(r & (HSM_SETTABLE | HSM_RISES | HSM_FALLS)))
		return refuse(HL_E_ATTRIBUTE_READ_ONLY, why, row->name);
	if (!hsm_attribute_fits(row, a))
		return refuse(HL_E_ATTRIBUTE_VALUE, why, row->name);
	if (!(r & HSM_SETTABLE) && !may_become(r, hsm_attribute_bool(o, row->type), a->value.p[0]))
		return refuse(HL_E_ATTRIBUTE_READ_ONLY, why, row->name);
	if (!hsm_attribute_bool(o, HL_CKA_MODIFIABLE))
		return refuse(HL_E_PROHIBITED, why, "CKA_MODIFIABLE");
	return HL_OK;
}

/* -- copying ----------------------------------------------------------------------------------- */

static bool may_differ(const struct hsm_attribute_row *row, const struct hsm_object *o,
	const struct hl_attribute *a)
{
	unsigned r = row->rules;

	if (r & HSM_SETTABLE)
		return true;
	r |= r & HSM_COPY_RISES ? HSM_RISES : 0;
	r |= r & (HSM_COPY_FALLS | HSM_USAGE) ? HSM_FALLS : 0; /* a copy may be good for less */
	return row->form == HL_FORM_BOOL && may_become(r, hsm_attribute_bool(o, row->type), a->value.p[0]);
}

static bool is_same(const struct hsm_object *o, const struct hl_attribute *a)
{
	const struct hl_attribute *now = hsm_attribute(o, a->type);

	return now && now->form == a->form && hl_bytes_eq(now->value, a->value);
}

static hl_err change(struct hsm_object *o, const struct hl_attribute *a, const struct hsm_rules *rules,
	const char **why)
{
	const struct hsm_attribute_row *row = hsm_attribute_row(a->type);
	unsigned kind = hsm_kind_of(o);

	if (!row || !(row->has & kind))
		return refuse(HL_E_ATTRIBUTE_TYPE, why, row ? row->name : "unknown attribute");
	if (!hsm_attribute_fits(row, a))
		return refuse(HL_E_ATTRIBUTE_VALUE, why, row->name);
	if (row->type == HL_CKA_VALUE && kind == HSM_DATA)
		return hl_secret_set(&o->value, a->value);
	if (row->type == HL_CKA_TOKEN && !a->value.p[0] && !rules->session_objects)
		return refuse(HL_E_TEMPLATE_INCONSISTENT, why, row->name);
	if (!is_same(o, a) && !may_differ(row, o, a))
		return refuse(HL_E_ATTRIBUTE_READ_ONLY, why, row->name);
	return hsm_attribute_set(o, a->type, row->form, a->value);
}

hl_err hsm_object_duplicate(const struct hsm_object *from, struct hsm_object *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf row = hl_buf(HL_BUF_MAX);

	HL_TRY(hsm_object_encode(from, &row));
	HL_TRY(hsm_object_decode(hl_buf_view(&row), out));
	out->handle = from->handle;
	out->version = from->version;
	return hl_secret_set(&out->value, hl_secret_view(&from->value));
}

hl_err hsm_object_copy(const struct hsm_object *from, const struct hl_list *template,
	const struct hsm_rules *rules, struct hsm_object *out, const char **why)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	struct hl_bytes at = template->raw;
	struct hl_attribute a;

	*why = "";
	if (!hsm_attribute_bool(from, HL_CKA_COPYABLE))
		return refuse(HL_E_PROHIBITED, why, "CKA_COPYABLE");
	HL_TRY(hsm_object_duplicate(from, &o));
	o.handle = o.version = 0; /* it gets one of its own */
	while (hl_list_next(&hl_msg_attribute, &at, &a))
		HL_TRY(change(&o, &a, rules, why));
	*out = o;
	o = (struct hsm_object){ 0 };
	return HL_OK;
}

hl_err hsm_object_set_handle(struct hsm_object *o, uint64_t handle)
{
	uint8_t be[8];
	char hex[17];

	for (size_t i = 0; i < sizeof be; i++)
		be[i] = (uint8_t)(handle >> 8 * (7 - i));
	hl_hex(hl_bytes(be, sizeof be), hex);
	HL_TRY(hsm_attribute_set(o, HL_CKA_UNIQUE_ID, HL_FORM_BYTES, hl_text(hex)));
	o->handle = handle;
	return HL_OK;
}
