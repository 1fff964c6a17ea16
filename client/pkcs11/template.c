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
	out->n = 0;
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

CK_RV p11_attribute_give(const struct hl_attribute *from, const struct p11_facts *facts, CK_ATTRIBUTE *to)
{
	struct hl_rd r = hl_rd(from->value);
	CK_ULONG number;

	if (from->form == HL_FORM_UNAVAILABLE) {
		to->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return may_be_secret(to->type, facts) ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID;
	}
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
