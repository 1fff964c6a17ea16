/* wrap.c - keys out of the HSM and into it, under another key; and who may do that to whom. */
#include "hsm/engine/build.h"
#include "hsm/engine/engine.h"
#include "hsm/engine/finish.h"
#include "hsm/ossl.h"

static hl_err refuse(hl_err code, const char **why, const char *name)
{
	*why = name;
	return code;
}

/* -- K-05: how strong a key is, in bits (NIST SP 800-57 part 1, table 2) ------------------------------------------ */

static unsigned strength_of_modulus(unsigned bits)
{
	static const unsigned step[][2] = { { 15360, 256 }, { 7680, 192 }, { 3072, 128 }, { 2048, 112 }, { 1024, 80 } };

	for (size_t i = 0; i < HL_COUNT(step); i++)
		if (bits >= step[i][0])
			return step[i][1];
	return 0;
}

/* Half the bits of the order, on the same steps: P-521 is as good as 256 bits, Ed25519 as 128. */
static unsigned strength_of_curve(unsigned bits)
{
	unsigned half = bits / 2;

	return half >= 256 ? 256 : half >= 192 ? 192 : half >= 120 ? 128 : 112;
}

static unsigned strength_of_secret(uint32_t type, size_t n)
{
	if (type == HL_CKK_DES2)
		return 80;
	if (type == HL_CKK_DES3)
		return 112;
	return n < 32 ? (unsigned)(8 * n) : 256;
}

static unsigned strength(const struct hsm_key *k)
{
	switch (k->type) {
	case HL_CKK_RSA:
	case HL_CKK_DSA:
	case HL_CKK_DH:
	case HL_CKK_X9_42_DH:
		return strength_of_modulus(k->bits);
	case HL_CKK_EC:
	case HL_CKK_EC_EDWARDS:
	case HL_CKK_EC_MONTGOMERY:
		return strength_of_curve(k->bits);
	default:
		return strength_of_secret(k->type, k->value_n);
	}
}

static hl_err judge_strength(const struct hsm_key *k, const struct hsm_object *target, const char **why)
{
	HL_AUTO(hsm_parsed_freep) struct hsm_key *parsed = NULL;

	HL_TRY(hsm_key_parse(target, &parsed));
	if (strength(k) < strength(parsed))
		return refuse(HL_E_MECHANISM, why, "weaker than the key that it would wrap");
	return HL_OK;
}

/* -- who may be wrapped ------------------------------------------------------------------------------------------ */

/* PKCS #11 v3.0, 4.10: "the attributes of the key to be wrapped must match" the template. */
static bool matches(const struct hsm_key *k, const struct hsm_object *target)
{
	const struct hl_attribute *a = hsm_attribute(&k->about, HL_CKA_WRAP_TEMPLATE);
	struct hl_object_row row;

	if (!a || a->value.n == 0)
		return true;
	return hl_body_get(&hl_msg_object_row, a->value, &row) == HL_OK &&
	       hsm_object_matches(target, &row.attributes);
}

/* K-04: a key that wraps could come back as one that decrypts, unless somebody vouches for who brings it. */
static bool may_come_back(const struct hsm_object *target, const struct hsm_rules *rules, bool trusted)
{
	bool wraps = hsm_attribute_bool(target, HL_CKA_WRAP) || hsm_attribute_bool(target, HL_CKA_UNWRAP);

	return !wraps || trusted || rules->legacy_wrap;
}

static hl_err judge(const struct hsm_key *k, const struct hsm_object *target, const struct hsm_rules *rules,
	const char **why)
{
	uint64_t class = hsm_attribute_number(target, HL_CKA_CLASS);
	bool trusted = hsm_attribute_bool(&k->about, HL_CKA_TRUSTED);

	if (class != HL_CKO_SECRET_KEY && class != HL_CKO_PRIVATE_KEY)
		return refuse(HL_E_KEY_TYPE, why, "CKA_CLASS");
	if (!hsm_attribute_bool(target, HL_CKA_EXTRACTABLE))
		return refuse(HL_E_UNEXTRACTABLE, why, "CKA_EXTRACTABLE");
	if (hsm_attribute_bool(target, HL_CKA_WRAP_WITH_TRUSTED) && !trusted)
		return refuse(HL_E_NOT_WRAPPABLE, why, "CKA_WRAP_WITH_TRUSTED");
	if (!matches(k, target))
		return refuse(HL_E_NOT_WRAPPABLE, why, "CKA_WRAP_TEMPLATE");
	if (!may_come_back(target, rules, trusted))
		return refuse(HL_E_NOT_WRAPPABLE, why, "CKA_WRAP");
	return rules->legacy_wrap ? HL_OK : judge_strength(k, target, why);
}

hl_err hsm_key_wrap(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	const struct hsm_object *target, const struct hsm_rules *rules, struct hl_buf *out,
	const char **why)
{
	struct hsm_use u;

	*why = "";
	HL_TRY(hsm_use_begin(&u, k, HSM_WRAP, mechanism, parameter));
	if ((u.m->flags & HSM_LEGACY_WRAP) && !rules->legacy_wrap)
		return refuse(HL_E_MECHANISM, why, "what it wraps can be altered");
	HL_TRY(judge(k, target, rules, why));
	return u.m->scheme->encrypt(&u, hl_secret_view(&target->value), out);
}

/* -- unwrapping ---------------------------------------------------------------------------------------------------- */

static hl_err read_kind(const struct hl_list *t, const struct hsm_kind_row **out, const char **why)
{
	uint64_t class, type;

	HL_TRY(hsm_template_number(t, HL_CKA_CLASS, UINT64_MAX, &class, why));
	if (class == UINT64_MAX)
		return refuse(HL_E_TEMPLATE_INCOMPLETE, why, "CKA_CLASS");
	if (class != HL_CKO_SECRET_KEY && class != HL_CKO_PRIVATE_KEY)
		return refuse(HL_E_TEMPLATE_INCONSISTENT, why, "CKA_CLASS");
	HL_TRY(hsm_template_number(t, HL_CKA_KEY_TYPE, UINT64_MAX, &type, why));
	if (type == UINT64_MAX)
		return refuse(HL_E_TEMPLATE_INCOMPLETE, why, "CKA_KEY_TYPE");
	*out = hsm_kind_row(class, type);
	return *out ? HL_OK : refuse(HL_E_TEMPLATE_INCONSISTENT, why, "CKA_KEY_TYPE");
}

/* K-02, K-04: the blob says nothing of what the key was good for. So what comes back is sensitive, and neither
 * wraps nor unwraps, unless the unwrapping key's own template says otherwise. */
static hl_err judge_unwrapped(const struct hsm_object *o, const struct hl_object_row *fixed, const char **why)
{
	static const struct {
		uint32_t type;
		bool wanted;
	} rule[] = { { HL_CKA_SENSITIVE, true }, { HL_CKA_WRAP, false }, { HL_CKA_UNWRAP, false } };
	struct hl_attribute a;

	for (size_t i = 0; i < HL_COUNT(rule); i++)
		if (hsm_attribute(o, rule[i].type) && hsm_attribute_bool(o, rule[i].type) != rule[i].wanted &&
			!hsm_template_find(&fixed->attributes, rule[i].type, &a))
			return refuse(HL_E_TEMPLATE_INCONSISTENT, why, hsm_attribute_row(rule[i].type)->name);
	return HL_OK;
}

static hl_err begin(struct hsm_key *k, const struct hl_list *template, const struct hsm_rules *rules,
	const struct hsm_kind_row **kind, struct hsm_object *o, const char **why)
{
	const struct hl_attribute *a = hsm_attribute(&k->about, HL_CKA_UNWRAP_TEMPLATE);
	struct hl_bytes fixed = a ? a->value : hl_bytes(NULL, 0);
	HL_AUTO(hsm_merged_clear) struct hsm_merged both = { 0 };
	struct hl_object_row row = { 0 };

	HL_TRY(hsm_template_merge(template, fixed, &both, why));
	HL_TRY(read_kind(&both.row.attributes, kind, why));
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_CLASS, (*kind)->class));
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_KEY_TYPE, (*kind)->key_type));
	HL_TRY(hsm_template_apply(&both.row.attributes, HSM_UNWRAPPED, rules, o, why));
	if (rules->legacy_wrap)
		return HL_OK;
	if (fixed.n > 0)
		HL_TRY(hl_body_get(&hl_msg_object_row, fixed, &row));
	return judge_unwrapped(o, &row, why);
}

/* A mode that fills up with zeros says nothing of where they begin: then the template does. Behind a bare RSA
 * operation the key is the end of the number. */
static struct hl_bytes trim(const struct hsm_use *u, const struct hsm_kind_row *kind, const struct hsm_object *o,
	struct hl_bytes value)
{
	uint64_t n = hsm_attribute_number(o, HL_CKA_VALUE_LEN);

	if (n == 0 && kind->least == kind->most)
		n = kind->most;
	if (n == 0 || n > value.n)
		return value;
	if (u->m->scheme == &hsm_rsa_raw)
		return hl_bytes(value.p + value.n - (size_t)n, (size_t)n);
	if (u->m->scheme == &hsm_ecb || u->m->scheme == &hsm_cbc)
		return hl_bytes(value.p, (size_t)n);
	return value;
}

static hl_err keep_secret(const struct hsm_use *u, const struct hsm_kind_row *kind, struct hl_bytes value,
	struct hsm_object *o, const char **why)
{
	const struct hl_attribute *given;

	value = trim(u, kind, o, value);
	given = hsm_attribute(o, HL_CKA_VALUE_LEN);
	if (!hsm_kind_takes(kind, value.n) || (given && hsm_attribute_number(o, HL_CKA_VALUE_LEN) != value.n))
		return HL_E_WRAPPED;
	HL_TRY(hl_secret_set(&o->value, value));
	return hsm_finish_secret(o, why);
}

/* Zeros that fill the last block up stand behind the DER. */
static struct hl_bytes trim_der(const struct hsm_use *u, struct hl_bytes value)
{
	if (u->m->scheme == &hsm_ecb || u->m->scheme == &hsm_cbc)
		for (size_t i = 0; i < HSM_BLOCK_MAX - 1 && value.n > 0 && value.p[value.n - 1] == 0; i++) {
			HL_AUTO(hsm_pkey_freep) EVP_PKEY *whole = hsm_pkey_parse(value, true);

			if (whole)
				break;
			value.n--;
		}
	return value;
}

static hl_err keep_private(const struct hsm_use *u, const struct hsm_kind_row *kind, struct hl_bytes value,
	struct hsm_object *o)
{
	HL_AUTO(hsm_pkey_freep) EVP_PKEY *pkey = hsm_pkey_parse(trim_der(u, value), true);

	if (!pkey || !hsm_pkey_is(pkey, (uint32_t)kind->key_type))
		return HL_E_WRAPPED;
	if (kind->key_type == HL_CKK_RSA && hsm_rsa_is_weak(pkey, 2048))
		return HL_E_WRAPPED;
	return hsm_describe(pkey, o) == HL_OK ? HL_OK : HL_E_WRAPPED;
}

/* The template says how long the key is, or its type leaves few lengths. */
static void want(struct hsm_use *u, const struct hsm_kind_row *kind, const struct hsm_object *o)
{
	size_t n = (size_t)hsm_attribute_number(o, HL_CKA_VALUE_LEN);
	bool given = hsm_attribute(o, HL_CKA_VALUE_LEN) != NULL;

	u->wanted.least = given ? n : kind->least;
	u->wanted.most = given ? n : kind->most;
	u->wanted.step = given ? 1 : kind->step;
}

static hl_err open_blob(struct hsm_use *u, struct hl_bytes wrapped, struct hl_buf *out)
{
	hl_err err = u->m->scheme->decrypt(u, wrapped, out);

	return err == HL_E_ENCRYPTED_LENGTH ? HL_E_WRAPPED_LENGTH : err == HL_E_DECRYPT ? HL_E_WRAPPED : err;
}

hl_err hsm_key_unwrap(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes wrapped, const struct hl_list *template, const struct hsm_rules *rules,
	struct hsm_object *out, const char **why)
{
	HL_AUTO(hsm_object_clear) struct hsm_object o = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf value = hl_buf(HL_DATA_MAX + 64);
	const struct hsm_kind_row *kind;
	struct hsm_use u;

	*why = "";
	HL_TRY(hsm_use_begin(&u, k, HSM_UNWRAP, mechanism, parameter));
	if ((u.m->flags & HSM_LEGACY_UNWRAP) && !rules->legacy_wrap)
		return refuse(HL_E_MECHANISM, why, "what it unwraps can have been altered");
	HL_TRY(begin(k, template, rules, &kind, &o, why));
	if (wrapped.n > HL_DATA_MAX)
		return HL_E_WRAPPED_LENGTH;
	if (kind->class == HL_CKO_SECRET_KEY)
		want(&u, kind, &o);
	HL_TRY(open_blob(&u, wrapped, &value));
	if (kind->class == HL_CKO_SECRET_KEY)
		HL_TRY(keep_secret(&u, kind, hl_buf_view(&value), &o, why));
	else
		HL_TRY(keep_private(&u, kind, hl_buf_view(&value), &o));
	HL_TRY(hsm_object_born(&o, HSM_UNWRAPPED, 0, NULL));
	*out = o;
	o = (struct hsm_object){ 0 };
	return HL_OK;
}
