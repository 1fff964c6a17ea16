/* derive.c - keys from keys: from what a mechanism yields to new objects. */
#include "hsm/engine/engine.h"
#include "hsm/engine/finish.h"

static hl_err refuse(hl_err code, const char **why, const char *name)
{
	*why = name;
	return code;
}

struct deriving {
	struct hsm_use u;
	const struct hsm_rules *rules;
	struct hsm_object *out;
	size_t n[HSM_DERIVED_MAX]; /* bytes of each; 0: all there are */
	size_t keys;
	const char **why;
};

/* -- what is asked for --------------------------------------------------------------------------------------- */

static hl_err begin(struct deriving *d, const struct hl_list *template, struct hsm_object *o)
{
	uint64_t class, type;

	HL_TRY(hsm_template_number(template, HL_CKA_CLASS, HL_CKO_SECRET_KEY, &class, d->why));
	HL_TRY(hsm_template_number(template, HL_CKA_KEY_TYPE, HL_CKK_GENERIC_SECRET, &type, d->why));
	if (class != HL_CKO_SECRET_KEY)
		return refuse(HL_E_TEMPLATE_INCONSISTENT, d->why, "CKA_CLASS");
	if (!hsm_kind_row(class, type))
		return refuse(HL_E_TEMPLATE_INCONSISTENT, d->why, "CKA_KEY_TYPE");
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_CLASS, class));
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_KEY_TYPE, type));
	return hsm_template_apply(template, HSM_DERIVED, d->rules, o, d->why);
}

/* PKCS #11 v3.0, 2.3.8: a length that is given must be one of the type; a type of one length says it itself;
 * where neither does, the key has all there is, which only suits a generic secret. */
static hl_err length_of(const struct deriving *d, const struct hsm_object *o, size_t *n)
{
	const struct hsm_kind_row *kind = hsm_kind_row(HL_CKO_SECRET_KEY, hsm_attribute_number(o, HL_CKA_KEY_TYPE));
	uint64_t given = hsm_attribute_number(o, HL_CKA_VALUE_LEN);

	*n = 0;
	if (hsm_attribute(o, HL_CKA_VALUE_LEN)) {
		if (given > kind->most || !hsm_kind_takes(kind, (size_t)given))
			return refuse(HL_E_ATTRIBUTE_VALUE, d->why, "CKA_VALUE_LEN");
		*n = (size_t)given;
	} else if (kind->least == kind->most) {
		*n = kind->most;
	} else if (kind->kind != HSM_GENERIC) {
		return refuse(HL_E_TEMPLATE_INCOMPLETE, d->why, "CKA_VALUE_LEN");
	}
	return HL_OK;
}

/* K-03, K-07: what comes of a sensitive secret stays so. What comes of an agreement is a secret of its own. */
static hl_err judge(const struct deriving *d, const struct hsm_object *o)
{
	const struct hsm_object *base = &d->u.k->about;

	if (d->rules->legacy_wrap || d->u.k->pkey)
		return HL_OK;
	if (hsm_attribute_bool(base, HL_CKA_SENSITIVE) && !hsm_attribute_bool(o, HL_CKA_SENSITIVE))
		return refuse(HL_E_TEMPLATE_INCONSISTENT, d->why, "CKA_SENSITIVE");
	if (!hsm_attribute_bool(base, HL_CKA_EXTRACTABLE) && hsm_attribute_bool(o, HL_CKA_EXTRACTABLE))
		return refuse(HL_E_TEMPLATE_INCONSISTENT, d->why, "CKA_EXTRACTABLE");
	return HL_OK;
}

static hl_err add(struct deriving *d, const struct hl_list *template)
{
	const struct hl_attribute *fixed = hsm_attribute(&d->u.k->about, HL_CKA_DERIVE_TEMPLATE);
	HL_AUTO(hsm_merged_clear) struct hsm_merged both = { 0 };
	struct hsm_object *o = &d->out[d->keys];

	if (d->keys == HSM_DERIVED_MAX)
		return HL_E_PARAMETER;
	*o = (struct hsm_object){ 0 };
	d->keys++;
	HL_TRY(hsm_template_merge(template, fixed ? fixed->value : hl_bytes(NULL, 0), &both, d->why));
	HL_TRY(begin(d, &both.row.attributes, o));
	HL_TRY(judge(d, o));
	return length_of(d, o, &d->n[d->keys - 1]);
}

/* Of several keys each must say how long it is. */
static hl_err add_more(struct deriving *d)
{
	struct hl_bytes at = d->u.p.kdf.more.raw;
	struct hl_kdf_key more;

	while (hl_list_next(&hl_msg_kdf_key, &at, &more))
		HL_TRY(add(d, &more.template));
	for (size_t i = 0; d->keys > 1 && i < d->keys; i++)
		if (d->n[i] == 0)
			return refuse(HL_E_TEMPLATE_INCOMPLETE, d->why, "CKA_VALUE_LEN");
	return HL_OK;
}

/* -- what they become ------------------------------------------------------------------------------------------ */

static hl_err finish(struct deriving *d, struct hsm_object *o, struct hl_bytes value)
{
	const struct hsm_kind_row *kind = hsm_kind_row(HL_CKO_SECRET_KEY, hsm_attribute_number(o, HL_CKA_KEY_TYPE));

	if (!hsm_kind_takes(kind, value.n))
		return HL_E_KEY_SIZE;
	HL_TRY(hl_secret_set(&o->value, value));
	hsm_set_parity(kind->key_type, &o->value);
	HL_TRY(hsm_finish_secret(o, d->why));
	return hsm_object_born(o, HSM_DERIVED, 0, &d->u.k->about);
}

static hl_err run(struct deriving *d)
{
	HL_AUTO(hl_secret_clear) struct hl_secret all = { 0 };
	size_t wanted = 0, at = 0;

	for (size_t i = 0; i < d->keys; i++)
		wanted += d->n[i];
	HL_TRY(d->u.m->scheme->derive(&d->u, wanted, &all));
	for (size_t i = 0; i < d->keys; i++) {
		size_t n = d->n[i] ? d->n[i] : all.n;

		HL_TRY(finish(d, &d->out[i], hl_bytes(all.p + at, n)));
		at += n;
	}
	return HL_OK;
}

hl_err hsm_key_derive(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	const struct hl_list *template, const struct hsm_rules *rules,
	struct hsm_object out[HSM_DERIVED_MAX], size_t *n, const char **why)
{
	struct deriving d = { .rules = rules, .out = out, .why = why };
	hl_err err;

	*why = "";
	HL_TRY(hsm_use_begin(&d.u, k, HSM_DERIVE, mechanism, parameter));
	err = add(&d, template);
	if (err == HL_OK && d.u.m->parameter == &hl_msg_kdf_parameter)
		err = add_more(&d);
	if (err == HL_OK)
		err = run(&d);
	for (size_t i = 0; err != HL_OK && i < d.keys; i++)
		hsm_object_clear(&out[i]);
	if (err == HL_OK)
		*n = d.keys;
	return err;
}
