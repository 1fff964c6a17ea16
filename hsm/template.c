/* template.c - from what a user gives to what an object has. */
#include <stdlib.h>

#include "hsm/attribute.h"
#include "hsm/key.h"

#define ROWS_MAX 96

static hl_err refuse(hl_err code, const char **why, const char *name)
{
	*why = name;
	return code;
}

/* -- reading ------------------------------------------------------------------------------------- */

bool hsm_template_find(const struct hl_list *template, uint32_t type, struct hl_attribute *out)
{
	struct hl_bytes at = template ? template->raw : hl_bytes(NULL, 0);

	while (hl_list_next(&hl_msg_attribute, &at, out))
		if (out->type == type)
			return true;
	return false;
}

hl_err hsm_template_number(const struct hl_list *template, uint32_t type, uint64_t otherwise,
	uint64_t *out, const char **why)
{
	const struct hsm_attribute_row *row = hsm_attribute_row(type);
	struct hl_attribute a;
	struct hl_rd r;

	if (!hsm_template_find(template, type, &a)) {
		*out = otherwise;
		return HL_OK;
	}
	if (!row || !hsm_attribute_fits(row, &a))
		return refuse(HL_E_ATTRIBUTE_VALUE, why, row ? row->name : "");
	r = hl_rd(a.value);
	*out = hl_rd_u64(&r);
	return r.err;
}

/* -- merging ------------------------------------------------------------------------------------- */

void hsm_merged_clear(struct hsm_merged *m)
{
	hl_buf_clear(&m->memory);
}

static hl_err collect(const struct hl_list *from, struct hl_attribute *items, size_t room, size_t *n,
	const char **why)
{
	struct hl_bytes at = from->raw;
	struct hl_attribute a;

	while (hl_list_next(&hl_msg_attribute, &at, &a)) {
		if (*n == room)
			return refuse(HL_E_TEMPLATE_INCONSISTENT, why, "too many attributes");
		items[(*n)++] = a;
	}
	return HL_OK;
}

static hl_err add_fixed(const struct hl_list *template, struct hl_bytes fixed, struct hl_attribute *items,
	size_t room, size_t *n, const char **why)
{
	struct hl_object_row row;
	struct hl_attribute a, mine;

	HL_TRY(hl_body_get(&hl_msg_object_row, fixed, &row));
	while (hl_list_next(&hl_msg_attribute, &row.attributes.raw, &a)) {
		const struct hsm_attribute_row *known = hsm_attribute_row(a.type);

		if (!hsm_template_find(template, a.type, &mine)) {
			if (*n == room)
				return refuse(HL_E_TEMPLATE_INCONSISTENT, why, "too many attributes");
			items[(*n)++] = a;
		} else if (mine.form != a.form || !hl_bytes_eq(mine.value, a.value)) {
			return refuse(HL_E_TEMPLATE_INCONSISTENT, why, known ? known->name : "");
		}
	}
	return HL_OK;
}

hl_err hsm_template_merge(const struct hl_list *template, struct hl_bytes fixed,
	struct hsm_merged *out, const char **why)
{
	struct hl_attribute items[64];
	struct hl_object_row both = { .attributes.items = items };
	size_t n = 0;

	HL_TRY(collect(template, items, HL_COUNT(items), &n, why));
	if (fixed.n > 0)
		HL_TRY(add_fixed(template, fixed, items, HL_COUNT(items), &n, why));
	both.attributes.count = n;
	hl_buf_clear(&out->memory);
	out->memory = hl_buf(HL_BUF_MAX);
	hl_body_put(&out->memory, &hl_msg_object_row, &both);
	if (out->memory.err != HL_OK)
		return out->memory.err;
	return hl_body_get(&hl_msg_object_row, hl_buf_view(&out->memory), &out->row);
}

/* -- applying ------------------------------------------------------------------------------------ */

struct applying {
	unsigned kind;
	enum hsm_origin origin;
	const struct hsm_rules *rules;
	bool given[ROWS_MAX]; /* by row: the template has it */
	struct hsm_object *o;
	const char **why;
};

static size_t place(const struct hsm_attribute_row *row)
{
	size_t n;

	return (size_t)(row - hsm_attribute_rows(&n));
}

static unsigned may_give(const struct applying *a, const struct hsm_attribute_row *row)
{
	return (a->origin == HSM_CREATED ? row->created : row->given) & a->kind;
}

static unsigned must_give(const struct applying *a, const struct hsm_attribute_row *row)
{
	unsigned kinds = a->origin == HSM_CREATED     ? row->whole
			 : a->origin == HSM_GENERATED ? row->needed
						      : 0;

	return kinds & a->kind;
}

/* What an attribute is refused for, in the order of PKCS #11 v3.0, 4.1.1. */
static hl_err judge(const struct applying *a, const struct hsm_attribute_row *row, const struct hl_attribute *x)
{
	const struct hl_attribute *now = hsm_attribute(a->o, x->type);

	if (row->rules & HSM_OWN)
		return HL_E_ATTRIBUTE_READ_ONLY;
	if (a->given[place(row)] || !may_give(a, row))
		return HL_E_TEMPLATE_INCONSISTENT;
	if (!hsm_attribute_fits(row, x))
		return HL_E_ATTRIBUTE_VALUE;
	if ((row->rules & HSM_FIXED) && !(now && hl_bytes_eq(now->value, x->value)))
		return HL_E_TEMPLATE_INCONSISTENT;
	if ((row->rules & HSM_OFFICER) && x->value.p[0] &&
		(!a->rules->trusts || a->origin == HSM_UNWRAPPED))
		return HL_E_ATTRIBUTE_READ_ONLY;
	if (row->type == HL_CKA_TOKEN && !x->value.p[0] && !a->rules->session_objects)
		return HL_E_TEMPLATE_INCONSISTENT;
	return HL_OK;
}

static hl_err take(struct applying *a, const struct hl_attribute *x)
{
	const struct hsm_attribute_row *row = hsm_attribute_row(x->type);
	hl_err err;

	if (!row)
		return refuse(HL_E_ATTRIBUTE_TYPE, a->why, "unknown attribute");
	err = judge(a, row, x);
	if (err != HL_OK)
		return refuse(err, a->why, row->name);
	a->given[place(row)] = true;
	if (hsm_attribute_sealed(row, a->kind))
		return HL_OK; /* whoever makes the value reads it from the template */
	return hsm_attribute_set(a->o, row->type, row->form, x->value);
}

static bool usage_given(const struct applying *a)
{
	size_t n;
	const struct hsm_attribute_row *row = hsm_attribute_rows(&n);

	for (size_t i = 0; i < n; i++)
		if ((row[i].rules & HSM_USAGE) && a->given[i])
			return true;
	return false;
}

static hl_err by_default(const struct applying *a, const struct hsm_attribute_row *row, bool usage)
{
	bool held_back = ((row->rules & HSM_USAGE) && usage) || ((row->rules & HSM_LAX) && !a->rules->legacy_wrap);
	bool yes = (row->yes & a->kind) && !held_back;

	if (row->form == HL_FORM_BOOL)
		return hsm_attribute_set_bool(a->o, row->type, yes);
	if (row->rules & HSM_SETTABLE) /* label, id, subject, dates: empty by default */
		return hsm_attribute_set(a->o, row->type, row->form, hl_bytes(NULL, 0));
	return HL_OK;
}

static hl_err complete(const struct applying *a)
{
	size_t n;
	const struct hsm_attribute_row *row = hsm_attribute_rows(&n);
	bool usage = usage_given(a);

	for (size_t i = 0; i < n; i++) {
		if (!may_give(a, &row[i]) || a->given[i])
			continue;
		if (must_give(a, &row[i]))
			return refuse(HL_E_TEMPLATE_INCOMPLETE, a->why, row[i].name);
		HL_TRY(by_default(a, &row[i], usage));
	}
	return HL_OK;
}

/* -- K-01, K-02 ---------------------------------------------------------------------------------- */

static hl_err exclude(const struct hsm_object *one, uint32_t this, const struct hsm_object *two,
	uint32_t that, const char **why)
{
	if (!hsm_attribute_bool(one, this) || !hsm_attribute_bool(two, that))
		return HL_OK;
	return refuse(HL_E_TEMPLATE_INCONSISTENT, why, hsm_attribute_row(that)->name);
}

/* Who may wrap a key and decrypt the blob has the key in the clear; who may encrypt and unwrap makes a key
 * that he knows into one that the HSM vouches for. */
static hl_err judge_usage(const struct hsm_object *out, const struct hsm_object *in,
	const struct hsm_rules *rules, const char **why)
{
	if (rules->legacy_wrap)
		return HL_OK;
	HL_TRY(exclude(out, HL_CKA_WRAP, in, HL_CKA_DECRYPT, why));
	return exclude(out, HL_CKA_ENCRYPT, in, HL_CKA_UNWRAP, why);
}

hl_err hsm_pair_judge(const struct hsm_object *key, const struct hsm_object *public_key,
	const struct hsm_rules *rules, const char **why)
{
	return judge_usage(public_key, key, rules, why);
}

hl_err hsm_template_apply(const struct hl_list *template, enum hsm_origin origin,
	const struct hsm_rules *rules, struct hsm_object *o, const char **why)
{
	struct applying a = { .kind = hsm_kind_of(o), .origin = origin, .rules = rules, .o = o, .why = why };
	struct hl_bytes at = template->raw;
	struct hl_attribute x;
	size_t rows;

	hsm_attribute_rows(&rows);
	if (template->items || a.kind == 0 || rows > ROWS_MAX) /* not a decoded list: it would be passed over */
		return HL_E_BUG;
	while (hl_list_next(&hl_msg_attribute, &at, &x))
		HL_TRY(take(&a, &x));
	HL_TRY(complete(&a));
	return judge_usage(o, o, rules, why);
}

/* -- history ------------------------------------------------------------------------------------- */

/* Of a derived key both hold only where they hold for its base, too (PKCS #11 v3.0, 4.10). */
hl_err hsm_object_born(struct hsm_object *o, enum hsm_origin origin, uint64_t mechanism,
	const struct hsm_object *base)
{
	bool generated = origin == HSM_GENERATED, derived = origin == HSM_DERIVED;
	bool sensitive = hsm_attribute_bool(o, HL_CKA_SENSITIVE);
	bool extractable = hsm_attribute_bool(o, HL_CKA_EXTRACTABLE);

	HL_TRY(hsm_attribute_set_bool(o, HL_CKA_LOCAL, generated));
	HL_TRY(hsm_attribute_set_number(
		o, HL_CKA_KEY_GEN_MECHANISM, generated ? mechanism : HL_CK_UNAVAILABLE));
	if (!hsm_attribute(o, HL_CKA_SENSITIVE))
		return HL_OK;
	HL_TRY(hsm_attribute_set_bool(o, HL_CKA_ALWAYS_SENSITIVE,
		sensitive && (generated || (derived && hsm_attribute_bool(base, HL_CKA_ALWAYS_SENSITIVE)))));
	return hsm_attribute_set_bool(o, HL_CKA_NEVER_EXTRACTABLE,
		!extractable &&
			(generated || (derived && hsm_attribute_bool(base, HL_CKA_NEVER_EXTRACTABLE))));
}
