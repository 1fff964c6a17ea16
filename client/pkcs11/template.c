/* template.c - attributes between the application and the wire: forms, lengths, what a refusal means. */
#include "client/pkcs11/module.h"

/* clang-format off */
/* All that are neither booleans nor numbers are bytes. Of those that a template may not hold, or that cannot have the
 * value that it gives, the name and the code of the refusal. */
static const struct row { CK_ATTRIBUTE_TYPE type; enum hl_form form; const char *name; CK_RV refused; } rows[] = {
#define ROW(type, form, refused) { CKA_##type, HL_FORM_##form, "CKA_" #type, CKR_##refused }
	ROW(CLASS,               NUMBER, TEMPLATE_INCONSISTENT),
	ROW(TOKEN,               BOOL,   TEMPLATE_INCONSISTENT),
	ROW(PRIVATE,             BOOL,   TEMPLATE_INCONSISTENT),
	ROW(UNIQUE_ID,           BYTES,  ATTRIBUTE_READ_ONLY),
	ROW(CERTIFICATE_TYPE,    NUMBER, TEMPLATE_INCONSISTENT),
	ROW(TRUSTED,             BOOL,   ATTRIBUTE_READ_ONLY),
	ROW(CERTIFICATE_CATEGORY, NUMBER, TEMPLATE_INCONSISTENT),
	ROW(JAVA_MIDP_SECURITY_DOMAIN, NUMBER, TEMPLATE_INCONSISTENT),
	ROW(NAME_HASH_ALGORITHM, NUMBER, TEMPLATE_INCONSISTENT),
	ROW(KEY_TYPE,            NUMBER, TEMPLATE_INCONSISTENT),
	ROW(SENSITIVE,           BOOL,   TEMPLATE_INCONSISTENT),
	ROW(ENCRYPT,             BOOL,   TEMPLATE_INCONSISTENT),
	ROW(DECRYPT,             BOOL,   TEMPLATE_INCONSISTENT),
	ROW(WRAP,                BOOL,   TEMPLATE_INCONSISTENT),
	ROW(UNWRAP,              BOOL,   TEMPLATE_INCONSISTENT),
	ROW(SIGN,                BOOL,   TEMPLATE_INCONSISTENT),
	ROW(SIGN_RECOVER,        BOOL,   TEMPLATE_INCONSISTENT),
	ROW(VERIFY,              BOOL,   TEMPLATE_INCONSISTENT),
	ROW(VERIFY_RECOVER,      BOOL,   TEMPLATE_INCONSISTENT),
	ROW(DERIVE,              BOOL,   TEMPLATE_INCONSISTENT),
	ROW(MODULUS_BITS,        NUMBER, KEY_SIZE_RANGE),
	ROW(PUBLIC_EXPONENT,     BYTES,  ATTRIBUTE_VALUE_INVALID),
	ROW(PRIME_BITS,          NUMBER, KEY_SIZE_RANGE),
	ROW(SUBPRIME_BITS,       NUMBER, KEY_SIZE_RANGE),
	ROW(VALUE_BITS,          NUMBER, KEY_SIZE_RANGE),
	ROW(VALUE_LEN,           NUMBER, KEY_SIZE_RANGE),
	ROW(EXTRACTABLE,         BOOL,   TEMPLATE_INCONSISTENT),
	ROW(LOCAL,               BOOL,   ATTRIBUTE_READ_ONLY),
	ROW(NEVER_EXTRACTABLE,   BOOL,   ATTRIBUTE_READ_ONLY),
	ROW(ALWAYS_SENSITIVE,    BOOL,   ATTRIBUTE_READ_ONLY),
	ROW(KEY_GEN_MECHANISM,   NUMBER, ATTRIBUTE_READ_ONLY),
	ROW(MODIFIABLE,          BOOL,   TEMPLATE_INCONSISTENT),
	ROW(COPYABLE,            BOOL,   TEMPLATE_INCONSISTENT),
	ROW(DESTROYABLE,         BOOL,   TEMPLATE_INCONSISTENT),
	ROW(EC_PARAMS,           BYTES,  CURVE_NOT_SUPPORTED),
	ROW(ALWAYS_AUTHENTICATE, BOOL,   TEMPLATE_INCONSISTENT),
	ROW(WRAP_WITH_TRUSTED,   BOOL,   TEMPLATE_INCONSISTENT),
	ROW(HW_FEATURE_TYPE,     NUMBER, TEMPLATE_INCONSISTENT),
	ROW(MECHANISM_TYPE,      NUMBER, TEMPLATE_INCONSISTENT),
	ROW(PROFILE_ID,          NUMBER, TEMPLATE_INCONSISTENT),
#undef ROW
};
/* clang-format on */

static enum hl_form form_of(CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < HL_COUNT(rows); i++)
		if (rows[i].type == type)
			return rows[i].form;
	return HL_FORM_BYTES;
}

/* -- to the wire ------------------------------------------------------------------------------------------------------- */

#define VALUE_MAX 65536 /* as the message has it */

/* The value stands in the application's own form at `pValue`; numbers travel as eight bytes, big-endian. */
static void take_number(const CK_ATTRIBUTE *from, uint8_t out[8])
{
	CK_ULONG v;

	memcpy(&v, from->pValue, sizeof v);
	for (size_t i = 0; i < 8; i++)
		out[i] = (uint8_t)((uint64_t)v >> 8 * (7 - i));
	if (v == CK_UNAVAILABLE_INFORMATION)
		memset(out, 0xff, 8);
}

static bool has_form(const CK_ATTRIBUTE *from, enum hl_form form)
{
	if (form == HL_FORM_BOOL)
		return from->ulValueLen == 1 && *(const CK_BYTE *)from->pValue <= 1;
	return form != HL_FORM_NUMBER || from->ulValueLen == sizeof(CK_ULONG);
}

/* -- arrays: what they point to is carried, never the pointers ------------------------------------------------------------ */

static CK_RV put_numbers(const CK_ATTRIBUTE *from, struct hl_buf *out)
{
	CK_ULONG v;

	if (from->ulValueLen % sizeof v != 0)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	for (CK_ULONG at = 0; at < from->ulValueLen; at += sizeof v) {
		memcpy(&v, (const CK_BYTE *)from->pValue + at, sizeof v);
		hl_buf_u64(out, v);
	}
	return CKR_OK;
}

/* A template in a template, which has none in it again. */
static CK_RV put_template(const CK_ATTRIBUTE *from, struct hl_buf *out)
{
	const CK_ATTRIBUTE *a = from->pValue;
	CK_ULONG n = from->ulValueLen / sizeof *a;
	struct hl_object_row row;
	struct p11_template t;

	if (from->ulValueLen % sizeof *a != 0 || n > P11_TEMPLATE_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	for (CK_ULONG i = 0; i < n; i++)
		if (a[i].type & CKF_ARRAY_ATTRIBUTE)
			return CKR_ATTRIBUTE_VALUE_INVALID;
	P11_TRY(p11_template(a, n, true, &t));
	row = (struct hl_object_row){ .attributes = { .items = t.item, .count = t.n } };
	hl_body_put(out, &hl_msg_object_row, &row);
	return CKR_OK;
}

static bool is_template(CK_ATTRIBUTE_TYPE type)
{
	return type == CKA_WRAP_TEMPLATE || type == CKA_UNWRAP_TEMPLATE || type == CKA_DERIVE_TEMPLATE;
}

/* Of an array that nobody knows the type is sent alone. */
static CK_RV take_array(const CK_ATTRIBUTE *from, struct p11_template *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf value = hl_buf(sizeof out->array - out->array_n);
	uint8_t *to = out->array + out->array_n;

	if (from->type == CKA_ALLOWED_MECHANISMS)
		P11_TRY(put_numbers(from, &value));
	else if (is_template(from->type))
		P11_TRY(put_template(from, &value));
	if (value.err != HL_OK)
		return value.err == HL_E_NOMEM ? CKR_HOST_MEMORY : CKR_ATTRIBUTE_VALUE_INVALID;
	if (value.n > 0)
		memcpy(to, hl_buf_view(&value).p, value.n);
	out->array_n += value.n;
	out->item[out->n++] = (struct hl_attribute){
		.type = (uint32_t)from->type,
		.form = HL_FORM_BYTES,
		.value = hl_bytes(to, value.n),
	};
	return CKR_OK;
}

static CK_RV take(const CK_ATTRIBUTE *from, bool exact, struct p11_template *out)
{
	struct hl_attribute *to = &out->item[out->n];
	enum hl_form form = form_of(from->type);

	if (from->ulValueLen > 0 && !from->pValue)
		return exact ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_ARGUMENTS_BAD;
	if (from->ulValueLen > VALUE_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (from->type > UINT32_MAX)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (from->type & CKF_ARRAY_ATTRIBUTE)
		return take_array(from, out);
	if (!has_form(from, form) && exact)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	form = has_form(from, form) ? form : HL_FORM_BYTES; /* of a form that no such attribute has: it matches none */
	*to = (struct hl_attribute){
		.type = (uint32_t)from->type,
		.form = (uint8_t)form,
		.value = hl_bytes(from->pValue, from->ulValueLen),
	};
	if (form == HL_FORM_NUMBER) {
		take_number(from, out->number[out->n]);
		to->value = hl_bytes(out->number[out->n], 8);
	}
	out->n++;
	return CKR_OK;
}

CK_RV p11_template(const CK_ATTRIBUTE *from, CK_ULONG n, bool exact, struct p11_template *out)
{
	out->n = out->array_n = 0;
	if ((!from && n > 0) || n > P11_TEMPLATE_MAX)
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG i = 0; i < n; i++)
		P11_TRY(take(&from[i], exact, out));
	return CKR_OK;
}

static const struct hl_attribute *find(const struct p11_template *t, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; t && i < t->n; i++)
		if (t->item[i].type == type)
			return &t->item[i];
	return NULL;
}

bool p11_template_bool(const struct p11_template *t, CK_ATTRIBUTE_TYPE type, bool otherwise)
{
	const struct hl_attribute *a = find(t, type);

	return a && a->value.n == 1 ? a->value.p[0] == 1 : otherwise;
}

CK_ULONG p11_template_number(const struct p11_template *t, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise)
{
	const struct hl_attribute *a = find(t, type);
	struct hl_rd r = hl_rd(a ? a->value : hl_bytes(NULL, 0));

	return a && a->form == HL_FORM_NUMBER ? (CK_ULONG)hl_rd_u64(&r) : otherwise;
}

CK_RV p11_template_default(struct p11_template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
	static const CK_BYTE bytes[] = { CK_FALSE, CK_TRUE };

	if (find(t, type))
		return CKR_OK;
	if (t->n == P11_TEMPLATE_MAX)
		return CKR_TEMPLATE_INCONSISTENT;
	t->item[t->n++] = (struct hl_attribute){
		.type = (uint32_t)type,
		.form = HL_FORM_BOOL,
		.value = hl_bytes(&bytes[value], 1),
	};
	return CKR_OK;
}

/* -- from the wire ------------------------------------------------------------------------------------------------------ */

/* Those parts of a key that the HSM may hold back; what it has none of it cannot hold back. */
static bool may_be_secret(CK_ATTRIBUTE_TYPE type, const struct p11_facts *f)
{
	bool rsa = f->class == CKO_PRIVATE_KEY && f->key_type == CKK_RSA;

	if (type >= CKA_PRIVATE_EXPONENT && type <= CKA_COEFFICIENT)
		return rsa;
	return type == CKA_VALUE && !rsa && (f->class == CKO_PRIVATE_KEY || f->class == CKO_SECRET_KEY);
}

/* PKCS #11 v3.0, 5.7.5: the length first, then the value where there is room for it. */
static CK_RV give(const void *value, CK_ULONG n, CK_ATTRIBUTE *to)
{
	CK_ULONG room = to->ulValueLen;

	to->ulValueLen = n;
	if (!to->pValue)
		return CKR_OK;
	if (room < n) {
		to->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (n > 0)
		memcpy(to->pValue, value, n);
	return CKR_OK;
}

static CK_RV give_numbers(struct hl_bytes value, CK_ATTRIBUTE *to)
{
	struct hl_rd r = hl_rd(value);
	CK_ULONG numbers[P11_ARRAY_BYTES / 8];
	size_t n = 0;

	while (r.left >= 8 && n < HL_COUNT(numbers))
		numbers[n++] = (CK_ULONG)hl_rd_u64(&r);
	return r.left == 0 ? give(numbers, n * sizeof numbers[0], to) : CKR_DEVICE_ERROR;
}

/* PKCS #11 v3.0, 5.7.5: where there is room for the array, each of its attributes is given by the same rules. */
static CK_RV give_template(struct hl_bytes value, const struct p11_facts *facts, CK_ATTRIBUTE *to)
{
	CK_ATTRIBUTE *inner = to->pValue;
	CK_ULONG room = to->ulValueLen, need;
	struct hl_object_row row;
	struct hl_attribute a;
	CK_RV rv = CKR_OK, one;
	size_t i = 0;

	if (hl_body_get(&hl_msg_object_row, value, &row) != HL_OK)
		return CKR_DEVICE_ERROR;
	need = row.attributes.count * sizeof *inner;
	to->ulValueLen = inner && room < need ? CK_UNAVAILABLE_INFORMATION : need;
	if (!inner || room < need)
		return inner ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	for (struct hl_bytes at = row.attributes.raw; hl_list_next(&hl_msg_attribute, &at, &a); i++) {
		inner[i].type = a.type;
		one = p11_attribute_give(&a, facts, &inner[i]);
		rv = rv == CKR_OK ? one : rv;
	}
	return rv;
}

CK_RV p11_attribute_give(const struct hl_attribute *from, const struct p11_facts *facts, CK_ATTRIBUTE *to)
{
	struct hl_rd r = hl_rd(from->value);
	CK_ULONG number;

	if (from->form == HL_FORM_UNAVAILABLE) {
		to->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return may_be_secret(to->type, facts) ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID;
	}
	if (from->type == CKA_ALLOWED_MECHANISMS)
		return give_numbers(from->value, to);
	if (is_template(from->type) && from->value.n > 0)
		return give_template(from->value, facts, to);
	if (from->form != HL_FORM_NUMBER)
		return give(from->value.p, from->value.n, to);
	number = (CK_ULONG)hl_rd_u64(&r);
	return give(&number, sizeof number, to);
}

/* -- refusals ------------------------------------------------------------------------------------------------------------- */

static const struct row *row_named(const char *name)
{
	for (size_t i = 0; i < HL_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* The HSM names the attribute. One that the template has not got was missing there. */
CK_RV p11_attribute_refused(
	const char *detail, bool set, const struct p11_template *t, const struct p11_template *more)
{
	const struct row *r = row_named(detail);

	if (strncmp(detail, "unknown", 7) == 0)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (set)
		return r && r->type == CKA_MODIFIABLE && !find(t, CKA_MODIFIABLE) ? CKR_ACTION_PROHIBITED
										  : CKR_ATTRIBUTE_READ_ONLY;
	if (!r)
		return CKR_TEMPLATE_INCONSISTENT;
	return find(t, r->type) || find(more, r->type) ? r->refused : CKR_TEMPLATE_INCOMPLETE;
}
