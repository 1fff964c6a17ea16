#include "hsm/attribute.h"
#include "hsm/engine/pkcs8.h"
#include "tests/support/objects.h"
#include "tests/support/test.h"

#include <stdlib.h>

/* -- keeping --------------------------------------------------------------------------------- */

static void attributes_ascend_however_set(void)
{
	static const uint32_t order[] = { HL_CKA_ID, HL_CKA_CLASS, HL_CKA_EC_POINT, HL_CKA_LABEL };
	AUTO_OBJECT o = { 0 };

	for (size_t i = 0; i < HL_COUNT(order); i++)
		CU_ASSERT_EQUAL(hsm_attribute_set_number(&o, order[i], i + 1), HL_OK);
	CU_ASSERT_EQUAL(o.attributes, HL_COUNT(order));
	for (size_t i = 1; i < o.attributes; i++)
		CU_ASSERT(o.attribute[i - 1].type < o.attribute[i].type);
	for (size_t i = 0; i < HL_COUNT(order); i++)
		CU_ASSERT_EQUAL(hsm_attribute_number(&o, order[i]), i + 1);
}

static void setting_again_replaces(void)
{
	AUTO_OBJECT o = { 0 };

	for (size_t n = 0; n < 40; n++) {
		uint8_t label[40];
		hl_err rc;

		memset(label, (int)n, sizeof label);
		rc = hsm_attribute_set(&o, HL_CKA_LABEL, HL_FORM_BYTES, hl_bytes(label, n));
		CU_ASSERT_EQUAL(rc, HL_OK);
		CU_ASSERT_EQUAL(o.attributes, 1);
		CU_ASSERT(hl_bytes_eq(hsm_attribute(&o, HL_CKA_LABEL)->value, hl_bytes(label, n)));
	}
	CU_ASSERT_EQUAL(o.memory.n, 39);
}

static void a_value_may_come_from_the_object_itself(void)
{
	AUTO_OBJECT o = { 0 };
	hl_err rc = hsm_attribute_set(&o, HL_CKA_LABEL, HL_FORM_BYTES, hl_text("a label"));

	CU_ASSERT_EQUAL_FATAL(rc, HL_OK);
	rc = hsm_attribute_set(
		&o, HL_CKA_ID, HL_FORM_BYTES, hsm_attribute(&o, HL_CKA_LABEL)->value);
	CU_ASSERT_EQUAL(rc, HL_OK);
	CU_ASSERT(hl_bytes_eq(hsm_attribute(&o, HL_CKA_ID)->value, hl_text("a label")));
	CU_ASSERT(hl_bytes_eq(hsm_attribute(&o, HL_CKA_LABEL)->value, hl_text("a label")));
}

static void absent_attributes_are_false_and_zero(void)
{
	AUTO_OBJECT o = { 0 };

	CU_ASSERT_PTR_NULL(hsm_attribute(&o, HL_CKA_SIGN));
	CU_ASSERT_FALSE(hsm_attribute_bool(&o, HL_CKA_SIGN));
	CU_ASSERT_EQUAL(hsm_attribute_number(&o, HL_CKA_CLASS), 0);
}

/* -- rows ------------------------------------------------------------------------------------ */

static void what_is_encoded_is_decoded(void)
{
	AUTO_OBJECT key = { 0 };
	AUTO_OBJECT public_key = { 0 };
	AUTO_OBJECT got = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf row = hl_buf(HL_BUF_MAX);
	hl_err rc;

	make_ec_pair(p256, &key, &public_key);
	CU_ASSERT_EQUAL(hsm_object_encode(&key, &row), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_object_decode(hl_buf_view(&row), &got), HL_OK);
	CU_ASSERT_EQUAL_FATAL(got.attributes, key.attributes);
	for (size_t i = 0; i < key.attributes; i++) {
		CU_ASSERT_EQUAL(got.attribute[i].type, key.attribute[i].type);
		CU_ASSERT_EQUAL(got.attribute[i].form, key.attribute[i].form);
		CU_ASSERT(hl_bytes_eq(got.attribute[i].value, key.attribute[i].value));
	}
	rc = hsm_attribute_set(&got, HL_CKA_LABEL, HL_FORM_BYTES, hl_text("new"));
	CU_ASSERT_EQUAL(rc, HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_number(&got, HL_CKA_CLASS), HL_CKO_PRIVATE_KEY);
}

static void the_open_part_of_a_row_holds_no_key_value(void)
{
	AUTO_OBJECT key = { 0 };
	AUTO_OBJECT public_key = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf row = hl_buf(HL_BUF_MAX);
	struct hl_bytes d = { 0 };
	hl_err rc;

	make_ec_pair(p256, &key, &public_key);
	CU_ASSERT_EQUAL(hsm_object_encode(&key, &row), HL_OK);
	rc = hsm_pkcs8_part(hl_secret_view(&key.value), HL_CKK_EC, HL_CKA_VALUE, &d);
	CU_ASSERT_EQUAL_FATAL(rc, HL_OK);
	CU_ASSERT_EQUAL_FATAL(d.n, 32);
	CU_ASSERT_PTR_NULL(memmem(hl_buf_view(&row).p, row.n, d.p, d.n));
}

/* A copy that ends where its memory ends, so that a sanitizer sees one byte too many. */
static uint8_t *exact(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	return memcpy(copy, p, n);
}

static void every_cut_of_a_row_is_refused(void)
{
	AUTO_OBJECT key = { 0 };
	AUTO_OBJECT public_key = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf row = hl_buf(HL_BUF_MAX);

	make_ec_pair(p256, &key, &public_key);
	CU_ASSERT_EQUAL(hsm_object_encode(&public_key, &row), HL_OK);
	for (size_t cut = 0; cut < row.n; cut++) {
		AUTO_OBJECT got = { 0 };
		uint8_t *bytes = exact(hl_buf_view(&row).p, cut);

		CU_ASSERT_NOT_EQUAL(hsm_object_decode(hl_bytes(bytes, cut), &got), HL_OK);
		CU_ASSERT_PTR_NULL(got.attribute);
		free(bytes);
	}
}

/* How a row of these attributes decodes, as it would stand in a store that somebody edited. */
static hl_err decode_of(struct template *t)
{
	AUTO_OBJECT got = { 0 };
	hl_err rc;

	template_list(t);
	rc = hsm_object_decode(hl_buf_view(&t->wire), &got);
	template_clear(t);
	return rc;
}

static void rows_that_we_never_write_are_refused(void)
{
	struct template t = { 0 };

	template_bool(&t, HL_CKA_SIGN, true);
	CU_ASSERT_EQUAL(decode_of(&t), HL_OK);
	template_bool(&t, HL_CKA_SIGN, true);
	template_bool(&t, HL_CKA_TOKEN, true);
	CU_ASSERT_EQUAL(decode_of(&t), HL_E_ORDER);
	template_bool(&t, HL_CKA_SIGN, true);
	template_bool(&t, HL_CKA_SIGN, true);
	CU_ASSERT_EQUAL(decode_of(&t), HL_E_ORDER);
	template_bool(&t, 0x7fffffff, true);
	CU_ASSERT_EQUAL(decode_of(&t), HL_E_FIELD);
	template_bytes(&t, HL_CKA_VALUE, "key", 3);
	CU_ASSERT_EQUAL(decode_of(&t), HL_E_FIELD);
	template_bytes(&t, HL_CKA_SIGN, "\1", 1);
	CU_ASSERT_EQUAL(decode_of(&t), HL_E_RANGE);
	template_raw(&t, HL_CKA_SIGN, HL_FORM_UNAVAILABLE, NULL, 0);
	CU_ASSERT_EQUAL(decode_of(&t), HL_E_RANGE);
}

static hl_err part_of(struct hl_bytes der, uint32_t key_type, uint32_t type, size_t *n)
{
	struct hl_bytes part = { 0 };
	hl_err rc = hsm_pkcs8_part(der, key_type, type, &part);

	*n = part.n;
	return rc;
}

static void every_cut_of_a_private_key_has_no_parts(void)
{
	AUTO_OBJECT key = { 0 };
	AUTO_OBJECT public_key = { 0 };
	struct hl_bytes whole;
	size_t n;

	make_ec_pair(p521, &key, &public_key);
	whole = hl_secret_view(&key.value);
	for (size_t cut = 0; cut < whole.n; cut++) {
		uint8_t *bytes = exact(whole.p, cut);
		hl_err rc = part_of(hl_bytes(bytes, cut), HL_CKK_EC, HL_CKA_VALUE, &n);

		CU_ASSERT_NOT_EQUAL(rc, HL_OK);
		CU_ASSERT_EQUAL(n, 0);
		free(bytes);
	}
	CU_ASSERT_EQUAL(part_of(whole, HL_CKK_EC, HL_CKA_VALUE, &n), HL_OK);
	CU_ASSERT_EQUAL(n, 66);
	CU_ASSERT_EQUAL(part_of(whole, HL_CKK_EC, HL_CKA_PRIME_1, &n), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(part_of(whole, HL_CKK_RSA, HL_CKA_PRIME_1, &n), HL_E_RANGE);
	CU_ASSERT_EQUAL(part_of(whole, HL_CKK_AES, HL_CKA_VALUE, &n), HL_E_NOT_FOUND);
}

/* -- the table ------------------------------------------------------------------------------- */

static void the_table_ascends_and_finds_its_rows(void)
{
	size_t n;
	const struct hsm_attribute_row *row = hsm_attribute_rows(&n);

	for (size_t i = 0; i < n; i++) {
		CU_ASSERT(i == 0 || row[i - 1].type < row[i].type);
		CU_ASSERT_PTR_EQUAL(hsm_attribute_row(row[i].type), &row[i]);
		CU_ASSERT_EQUAL(row[i].given & ~row[i].has, 0);
		CU_ASSERT_EQUAL(row[i].needed & ~row[i].given, 0);
		CU_ASSERT_EQUAL(row[i].created & ~row[i].has, 0);
		CU_ASSERT_EQUAL(row[i].whole & ~row[i].created, 0);
		CU_ASSERT_EQUAL(row[i].yes & ~(row[i].given | row[i].created), 0);
	}
	CU_ASSERT_PTR_NULL(hsm_attribute_row(0x7fffffff));
}

/* -- searching ------------------------------------------------------------------------------- */

static void make_aes(struct template *t, struct hsm_object *key)
{
	struct template none = { 0 };
	const char *why;

	template_number(t, HL_CKA_VALUE_LEN, 32);
	CU_ASSERT_EQUAL_FATAL(make(HL_CKM_AES_KEY_GEN, t, &none, key, NULL, &why), HL_OK);
}

static bool matches(const struct hsm_object *o, struct template *t)
{
	bool yes = hsm_object_matches(o, template_list(t));

	template_clear(t);
	return yes;
}

static void all_attributes_of_a_search_must_match(void)
{
	AUTO_OBJECT key = { 0 };
	struct template t = { 0 };

	template_bytes(&t, HL_CKA_LABEL, "one", 3);
	make_aes(&t, &key);
	CU_ASSERT(matches(&key, &t)); /* an empty template matches everything */
	template_number(&t, HL_CKA_CLASS, HL_CKO_SECRET_KEY);
	template_bytes(&t, HL_CKA_LABEL, "one", 3);
	template_bool(&t, HL_CKA_SENSITIVE, true);
	template_bytes(&t, HL_CKA_ID, "", 0);
	CU_ASSERT(matches(&key, &t));
	template_number(&t, HL_CKA_CLASS, HL_CKO_SECRET_KEY);
	template_bytes(&t, HL_CKA_LABEL, "two", 3);
	CU_ASSERT_FALSE(matches(&key, &t));
	template_bytes(&t, HL_CKA_SENSITIVE, "\1", 1); /* the right byte in another form */
	CU_ASSERT_FALSE(matches(&key, &t));
	template_bytes(&t, HL_CKA_EC_POINT, "", 0);
	CU_ASSERT_FALSE(matches(&key, &t));
	template_bytes(&t, 0x7fffffff, "", 0);
	CU_ASSERT_FALSE(matches(&key, &t));
}

static void key_values_never_match(void)
{
	AUTO_OBJECT key = { 0 };
	struct template t = { 0 };

	template_bool(&t, HL_CKA_SENSITIVE, false);
	template_bool(&t, HL_CKA_EXTRACTABLE, true);
	make_aes(&t, &key);
	template_bytes(&t, HL_CKA_VALUE, key.value.p, key.value.n);
	CU_ASSERT_FALSE(matches(&key, &t));
}

/* -- showing --------------------------------------------------------------------------------- */

static enum hl_form shown(const struct hsm_object *o, uint32_t type, struct hl_bytes *value)
{
	struct hl_attribute a;

	hsm_attribute_shown(o, type, &a);
	CU_ASSERT_EQUAL(a.type, type);
	*value = a.value;
	return a.form;
}

static void open_attributes_are_shown(void)
{
	AUTO_OBJECT key = { 0 };
	AUTO_OBJECT public_key = { 0 };
	struct hl_bytes v;

	make_ec_pair(p256, &key, &public_key);
	CU_ASSERT_EQUAL(shown(&key, HL_CKA_EC_PARAMS, &v), HL_FORM_BYTES);
	CU_ASSERT(hl_bytes_eq(v, p256));
	CU_ASSERT_EQUAL(shown(&key, HL_CKA_SIGN, &v), HL_FORM_BOOL);
	CU_ASSERT_EQUAL(shown(&key, HL_CKA_KEY_GEN_MECHANISM, &v), HL_FORM_NUMBER);
	CU_ASSERT_EQUAL(shown(&public_key, HL_CKA_EC_POINT, &v), HL_FORM_BYTES);
	CU_ASSERT_EQUAL(shown(&key, HL_CKA_EC_POINT, &v), HL_FORM_UNAVAILABLE);
	CU_ASSERT_EQUAL(shown(&key, HL_CKA_MODULUS, &v), HL_FORM_UNAVAILABLE);
	CU_ASSERT_EQUAL(shown(&key, 0x7fffffff, &v), HL_FORM_UNAVAILABLE);
	CU_ASSERT_EQUAL(shown(&public_key, HL_CKA_VALUE, &v), HL_FORM_UNAVAILABLE);
}

static void key_values_are_shown_only_where_both_attributes_allow(void)
{
	for (int way = 0; way < 4; way++) {
		bool sensitive = way & 1, extractable = way & 2, open = !sensitive && extractable;
		AUTO_OBJECT key = { 0 };
		struct template t = { 0 };
		struct hl_bytes v;

		template_bool(&t, HL_CKA_SENSITIVE, sensitive);
		template_bool(&t, HL_CKA_EXTRACTABLE, extractable);
		make_aes(&t, &key);
		CU_ASSERT_EQUAL(
			shown(&key, HL_CKA_VALUE, &v), open ? HL_FORM_BYTES : HL_FORM_UNAVAILABLE);
		CU_ASSERT(hl_bytes_eq(v, open ? hl_secret_view(&key.value) : hl_bytes(NULL, 0)));
		CU_ASSERT_EQUAL(shown(&key, HL_CKA_PRIME_1, &v), HL_FORM_UNAVAILABLE);
	}
}

static void the_secret_numbers_of_an_rsa_key_follow_the_same_rule(void)
{
	AUTO_OBJECT key = { 0 };
	AUTO_OBJECT public_key = { 0 };
	struct hl_bytes v;

	make_rsa_pair(2048, &key, &public_key);
	for (uint32_t a = HL_CKA_PRIVATE_EXPONENT; a <= HL_CKA_COEFFICIENT; a++)
		CU_ASSERT_EQUAL(shown(&key, a, &v), HL_FORM_UNAVAILABLE);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&key, HL_CKA_SENSITIVE, false), HL_OK);
	CU_ASSERT_EQUAL(shown(&key, HL_CKA_PRIME_1, &v), HL_FORM_UNAVAILABLE);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&key, HL_CKA_EXTRACTABLE, true), HL_OK);
	for (uint32_t a = HL_CKA_PRIVATE_EXPONENT; a <= HL_CKA_COEFFICIENT; a++)
		CU_ASSERT_EQUAL(shown(&key, a, &v), HL_FORM_BYTES);
	CU_ASSERT_EQUAL(shown(&key, HL_CKA_PRIME_1, &v), HL_FORM_BYTES);
	CU_ASSERT_EQUAL(v.n, 128);
}

/* -- changing -------------------------------------------------------------------------------- */

static hl_err may(const struct hsm_object *o, uint32_t type, enum hl_form form, const void *p,
	size_t n, const char **why)
{
	struct hl_attribute a = { type, (uint8_t)form, hl_bytes(p, n) };

	*why = "";
	return hsm_attribute_may_set(o, &a, &strict, why);
}

static bool may_bool(const struct hsm_object *o, uint32_t type, bool v)
{
	uint8_t one = v;
	const char *why;

	return may(o, type, HL_FORM_BOOL, &one, 1, &why) == HL_OK;
}

static void names_may_change(void)
{
	static const uint32_t names[] = { HL_CKA_LABEL, HL_CKA_ID, HL_CKA_SUBJECT };
	AUTO_OBJECT key = { 0 };
	AUTO_OBJECT public_key = { 0 };
	const char *why;

	make_ec_pair(p256, &key, &public_key);
	for (size_t i = 0; i < HL_COUNT(names); i++) {
		CU_ASSERT_EQUAL(may(&key, names[i], HL_FORM_BYTES, "new", 3, &why), HL_OK);
		CU_ASSERT_EQUAL(may(&public_key, names[i], HL_FORM_BYTES, NULL, 0, &why), HL_OK);
		CU_ASSERT_EQUAL(
			may(&key, names[i], HL_FORM_NUMBER, "12345678", 8, &why), HL_E_ATTRIBUTE_VALUE);
	}
}

static void what_is_fixed_at_birth_may_not_change(void)
{
	AUTO_OBJECT key = { 0 };
	AUTO_OBJECT public_key = { 0 };
	const char *why;
	size_t n;
	const struct hsm_attribute_row *row = hsm_attribute_rows(&n);

	make_ec_pair(p256, &key, &public_key);
	for (size_t i = 0; i < n; i++) {
		size_t length = row[i].form == HL_FORM_BOOL ? 1 : 8;
		hl_err rc = may(&key, row[i].type, row[i].form, "\1\0\0\0\0\0\0\0", length, &why);
		bool mine = row[i].has & HSM_EC_PRIVATE;

		if (row[i].rules & (HSM_SETTABLE | HSM_RISES | HSM_FALLS))
			continue;
		CU_ASSERT_EQUAL(rc, mine ? HL_E_ATTRIBUTE_READ_ONLY : HL_E_ATTRIBUTE_TYPE);
		CU_ASSERT_STRING_EQUAL(why, row[i].name);
	}
	CU_ASSERT_EQUAL(may(&key, 0x7fffffff, HL_FORM_BYTES, "", 0, &why), HL_E_ATTRIBUTE_TYPE);
	CU_ASSERT_STRING_EQUAL(why, "unknown attribute");
	CU_ASSERT_FALSE(may_bool(&public_key, HL_CKA_SENSITIVE, true));
}

static void sensitive_only_rises_and_extractable_only_falls(void)
{
	AUTO_OBJECT key = { 0 };
	struct template t = { 0 };

	template_bool(&t, HL_CKA_SENSITIVE, false);
	template_bool(&t, HL_CKA_EXTRACTABLE, true);
	make_aes(&t, &key);
	for (int v = 0; v < 2; v++) {
		CU_ASSERT(may_bool(&key, HL_CKA_SENSITIVE, v));
		CU_ASSERT(may_bool(&key, HL_CKA_EXTRACTABLE, v));
	}
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&key, HL_CKA_SENSITIVE, true), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&key, HL_CKA_EXTRACTABLE, false), HL_OK);
	CU_ASSERT(may_bool(&key, HL_CKA_SENSITIVE, true));
	CU_ASSERT_FALSE(may_bool(&key, HL_CKA_SENSITIVE, false));
	CU_ASSERT(may_bool(&key, HL_CKA_EXTRACTABLE, false));
	CU_ASSERT_FALSE(may_bool(&key, HL_CKA_EXTRACTABLE, true));
}

static void an_unmodifiable_object_stays_as_it_is(void)
{
	AUTO_OBJECT key = { 0 };
	struct template t = { 0 };
	const char *why;

	template_bool(&t, HL_CKA_MODIFIABLE, false);
	make_aes(&t, &key);
	CU_ASSERT_EQUAL(may(&key, HL_CKA_LABEL, HL_FORM_BYTES, "new", 3, &why), HL_E_PROHIBITED);
	CU_ASSERT_STRING_EQUAL(why, "CKA_MODIFIABLE");
	CU_ASSERT_FALSE(may_bool(&key, HL_CKA_SENSITIVE, true));
}

/* -- templates ------------------------------------------------------------------------------- */

/* Making a key from these templates must be refused, and `name` be the reason. */
static void refused(
	uint32_t mechanism, struct template *t, struct template *u, hl_err code, const char *name)
{
	struct hsm_object key = { 0 }, public_key = { 0 };
	const char *why;

	CU_ASSERT_EQUAL(make(mechanism, t, u, &key, &public_key, &why), code);
	CU_ASSERT_STRING_EQUAL(why, name);
	CU_ASSERT_PTR_NULL(key.attribute);
	CU_ASSERT_PTR_NULL(public_key.attribute);
}

static void with_curve(struct template *u)
{
	template_bytes(u, HL_CKA_EC_PARAMS, p256.p, p256.n);
}

/* An EC pair with this addition to `t`, the private template, or to `u`, the public one. */
#define REFUSED(code, name, add) \
	do { \
		struct template t = { 0 }, u = { 0 }; \
		with_curve(&u); \
		add; \
		refused(HL_CKM_EC_KEY_PAIR_GEN, &t, &u, code, name); \
	} while (0)

static void an_attribute_that_stands_twice_is_refused(void)
{
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_LABEL", {
		template_bytes(&t, HL_CKA_LABEL, "a", 1);
		template_bytes(&t, HL_CKA_LABEL, "a", 1);
	});
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_EC_PARAMS", with_curve(&u));
}

static void an_attribute_of_the_wrong_form_is_refused(void)
{
	REFUSED(HL_E_ATTRIBUTE_VALUE, "CKA_SIGN", template_bytes(&t, HL_CKA_SIGN, "\1", 1));
	REFUSED(HL_E_ATTRIBUTE_VALUE, "CKA_LABEL", template_number(&t, HL_CKA_LABEL, 1));
	REFUSED(HL_E_ATTRIBUTE_VALUE, "CKA_CLASS", template_bool(&t, HL_CKA_CLASS, true));
	REFUSED(HL_E_ATTRIBUTE_VALUE, "CKA_ID", template_raw(&t, HL_CKA_ID, HL_FORM_UNAVAILABLE, NULL, 0));
}

static void an_attribute_of_the_wrong_length_is_refused(void)
{
	REFUSED(HL_E_ATTRIBUTE_VALUE, "CKA_SIGN", template_raw(&t, HL_CKA_SIGN, HL_FORM_BOOL, "\1\0", 2));
	REFUSED(HL_E_ATTRIBUTE_VALUE, "CKA_SIGN", template_raw(&t, HL_CKA_SIGN, HL_FORM_BOOL, NULL, 0));
	REFUSED(HL_E_ATTRIBUTE_VALUE, "CKA_SIGN", template_raw(&t, HL_CKA_SIGN, HL_FORM_BOOL, "\2", 1));
	REFUSED(HL_E_ATTRIBUTE_VALUE, "CKA_CLASS", template_raw(&t, HL_CKA_CLASS, HL_FORM_NUMBER, "\0\0\0\3", 4));
}

static void what_only_the_hsm_sets_is_refused(void)
{
	REFUSED(HL_E_ATTRIBUTE_READ_ONLY, "CKA_LOCAL", template_bool(&t, HL_CKA_LOCAL, true));
	REFUSED(HL_E_ATTRIBUTE_READ_ONLY, "CKA_ALWAYS_SENSITIVE", template_bool(&t, HL_CKA_ALWAYS_SENSITIVE, true));
	REFUSED(HL_E_ATTRIBUTE_READ_ONLY, "CKA_NEVER_EXTRACTABLE", template_bool(&t, HL_CKA_NEVER_EXTRACTABLE, true));
	REFUSED(HL_E_ATTRIBUTE_READ_ONLY, "CKA_KEY_GEN_MECHANISM", template_number(&t, HL_CKA_KEY_GEN_MECHANISM, 1));
	REFUSED(HL_E_ATTRIBUTE_READ_ONLY, "CKA_UNIQUE_ID", template_bytes(&t, HL_CKA_UNIQUE_ID, "x", 1));
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_VALUE", template_bytes(&t, HL_CKA_VALUE, "x", 1));
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_EC_POINT", template_bytes(&u, HL_CKA_EC_POINT, "x", 1));
	REFUSED(HL_E_ATTRIBUTE_READ_ONLY, "CKA_PUBLIC_KEY_INFO", template_bytes(&t, HL_CKA_PUBLIC_KEY_INFO, "x", 1));
}

static void a_class_that_contradicts_the_mechanism_is_refused(void)
{
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_CLASS", template_number(&t, HL_CKA_CLASS, HL_CKO_PUBLIC_KEY));
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_CLASS", template_number(&u, HL_CKA_CLASS, HL_CKO_PRIVATE_KEY));
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_CLASS", template_number(&t, HL_CKA_CLASS, HL_CKO_SECRET_KEY));
}

static void a_key_type_that_contradicts_the_mechanism_is_refused(void)
{
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_KEY_TYPE", template_number(&t, HL_CKA_KEY_TYPE, HL_CKK_RSA));
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_KEY_TYPE", template_number(&u, HL_CKA_KEY_TYPE, HL_CKK_AES));
}

static void attributes_of_other_keys_are_refused(void)
{
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_MODULUS_BITS", template_number(&u, HL_CKA_MODULUS_BITS, 2048));
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_VALUE_LEN", template_number(&t, HL_CKA_VALUE_LEN, 32));
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_VERIFY", template_bool(&t, HL_CKA_VERIFY, true));
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_SIGN", template_bool(&u, HL_CKA_SIGN, true));
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_SENSITIVE", template_bool(&u, HL_CKA_SENSITIVE, true));
}

static void an_unknown_attribute_is_refused(void)
{
	REFUSED(HL_E_ATTRIBUTE_TYPE, "unknown attribute", template_bytes(&t, 0x80000001, "x", 1));
}

static void session_keys_are_refused(void)
{
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_TOKEN", template_bool(&t, HL_CKA_TOKEN, false));
	REFUSED(HL_E_TEMPLATE_INCONSISTENT, "CKA_TOKEN", template_bool(&u, HL_CKA_TOKEN, false));
}

static void what_the_mechanism_needs_may_not_be_missing(void)
{
	struct template t = { 0 }, u = { 0 };

	refused(HL_CKM_EC_KEY_PAIR_GEN, &t, &u, HL_E_TEMPLATE_INCOMPLETE, "CKA_EC_PARAMS");
	refused(HL_CKM_RSA_PKCS_KEY_PAIR_GEN, &t, &u, HL_E_TEMPLATE_INCOMPLETE, "CKA_MODULUS_BITS");
	refused(HL_CKM_AES_KEY_GEN, &t, &u, HL_E_TEMPLATE_INCOMPLETE, "CKA_VALUE_LEN");
}

static void sizes_outside_the_mechanism_are_refused(void)
{
	static const uint64_t bits[] = { 0, 512, 1022, 1025, 2049, 8193, 8194, 1ull << 32 | 2048 };
	static const uint64_t lengths[] = { 0, 8, 15, 17, 40, 1ull << 32 | 16 };
	struct template t = { 0 }, u = { 0 };

	for (size_t i = 0; i < HL_COUNT(bits); i++) {
		template_number(&u, HL_CKA_MODULUS_BITS, bits[i]);
		refused(HL_CKM_RSA_PKCS_KEY_PAIR_GEN, &t, &u, HL_E_ATTRIBUTE_VALUE, "CKA_MODULUS_BITS");
	}
	for (size_t i = 0; i < HL_COUNT(lengths); i++) {
		template_number(&t, HL_CKA_VALUE_LEN, lengths[i]);
		refused(HL_CKM_AES_KEY_GEN, &t, &u, HL_E_ATTRIBUTE_VALUE, "CKA_VALUE_LEN");
	}
}

static void curves_that_we_do_not_offer_are_refused(void)
{
	static const uint8_t secp160k1[] = { 0x06, 5, 0x2b, 0x81, 0x04, 0x00, 0x09 };
	struct template t = { 0 }, u = { 0 };

	template_bytes(&u, HL_CKA_EC_PARAMS, secp160k1, sizeof secp160k1);
	refused(HL_CKM_EC_KEY_PAIR_GEN, &t, &u, HL_E_CURVE, "CKA_EC_PARAMS");
	for (size_t cut = 0; cut < p256.n; cut++) {
		template_bytes(&u, HL_CKA_EC_PARAMS, p256.p, cut);
		refused(HL_CKM_EC_KEY_PAIR_GEN, &t, &u, HL_E_CURVE, "CKA_EC_PARAMS");
	}
}

static void weak_public_exponents_are_refused(void)
{
	static const struct hl_bytes weak[] = {
		{ (const uint8_t *)"", 0 },
		{ (const uint8_t *)"\1", 1 },
		{ (const uint8_t *)"\3", 1 },
		{ (const uint8_t *)"\xff\xff", 2 },
		{ (const uint8_t *)"\1\0\0", 3 },
		{ (const uint8_t *)"\1\0\2", 3 },
		{ (const uint8_t *)"\1\0\0\0\0\0\0\0\1", 9 },
	};

	for (size_t i = 0; i < HL_COUNT(weak); i++) {
		struct template t = { 0 }, u = { 0 };

		template_number(&u, HL_CKA_MODULUS_BITS, 2048);
		template_bytes(&u, HL_CKA_PUBLIC_EXPONENT, weak[i].p, weak[i].n);
		refused(HL_CKM_RSA_PKCS_KEY_PAIR_GEN, &t, &u, HL_E_ATTRIBUTE_VALUE, "CKA_PUBLIC_EXPONENT");
	}
}

static void a_secret_key_has_no_public_template(void)
{
	struct template t = { 0 }, u = { 0 };

	template_number(&t, HL_CKA_VALUE_LEN, 32);
	template_bytes(&u, HL_CKA_LABEL, "x", 1);
	refused(HL_CKM_AES_KEY_GEN, &t, &u, HL_E_TEMPLATE_INCONSISTENT, "public template of a secret key");
}

static void mechanisms_that_make_no_key_are_refused(void)
{
	struct hsm_object key = { 0 }, public_key = { 0 };
	struct template t = { 0 }, u = { 0 };
	const char *why;

	CU_ASSERT_EQUAL(make(0x7fffffff, &t, &u, &key, &public_key, &why), HL_E_MECHANISM);
	CU_ASSERT_EQUAL(make(HL_CKM_ECDSA, &t, &u, &key, &public_key, &why), HL_E_MECHANISM);
}

static CU_TestInfo tests[] = {
	{ "attributes ascend, however they were set", attributes_ascend_however_set },
	{ "setting again replaces", setting_again_replaces },
	{ "a value may come from the object itself", a_value_may_come_from_the_object_itself },
	{ "absent attributes are false and zero", absent_attributes_are_false_and_zero },
	{ "what is encoded is decoded", what_is_encoded_is_decoded },
	{ "the open part of a row holds no key value", the_open_part_of_a_row_holds_no_key_value },
	{ "every cut of a row is refused", every_cut_of_a_row_is_refused },
	{ "rows that we never write are refused", rows_that_we_never_write_are_refused },
	{ "every cut of a private key has no parts", every_cut_of_a_private_key_has_no_parts },
	{ "the table ascends and finds its rows", the_table_ascends_and_finds_its_rows },
	{ "all attributes of a search must match", all_attributes_of_a_search_must_match },
	{ "key values never match", key_values_never_match },
	{ "open attributes are shown", open_attributes_are_shown },
	{ "key values are shown only where both attributes allow",
		key_values_are_shown_only_where_both_attributes_allow },
	{ "the secret numbers of an RSA key follow the same rule",
		the_secret_numbers_of_an_rsa_key_follow_the_same_rule },
	{ "names may change", names_may_change },
	{ "what is fixed at birth may not change", what_is_fixed_at_birth_may_not_change },
	{ "SENSITIVE only rises and EXTRACTABLE only falls",
		sensitive_only_rises_and_extractable_only_falls },
	{ "an unmodifiable object stays as it is", an_unmodifiable_object_stays_as_it_is },
	{ "an attribute that stands twice is refused", an_attribute_that_stands_twice_is_refused },
	{ "an attribute of the wrong form is refused", an_attribute_of_the_wrong_form_is_refused },
	{ "an attribute of the wrong length is refused",
		an_attribute_of_the_wrong_length_is_refused },
	{ "what only the HSM sets is refused", what_only_the_hsm_sets_is_refused },
	{ "a class that contradicts the mechanism is refused",
		a_class_that_contradicts_the_mechanism_is_refused },
	{ "a key type that contradicts the mechanism is refused",
		a_key_type_that_contradicts_the_mechanism_is_refused },
	{ "attributes of other keys are refused", attributes_of_other_keys_are_refused },
	{ "an unknown attribute is refused", an_unknown_attribute_is_refused },
	{ "session keys are refused", session_keys_are_refused },
	{ "what the mechanism needs may not be missing",
		what_the_mechanism_needs_may_not_be_missing },
	{ "sizes outside the mechanism are refused", sizes_outside_the_mechanism_are_refused },
	{ "curves that we do not offer are refused", curves_that_we_do_not_offer_are_refused },
	{ "weak public exponents are refused", weak_public_exponents_are_refused },
	{ "a secret key has no public template", a_secret_key_has_no_public_template },
	{ "mechanisms that make no key are refused", mechanisms_that_make_no_key_are_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("object", tests)
