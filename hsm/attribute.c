#include "hsm/attribute.h"

#define RSA (HSM_RSA_PUBLIC | HSM_RSA_PRIVATE)
#define EC (HSM_EC_PUBLIC | HSM_EC_PRIVATE)
#define PUBLIC (HSM_RSA_PUBLIC | HSM_EC_PUBLIC)
#define PRIVATE (HSM_RSA_PRIVATE | HSM_EC_PRIVATE)
#define SECRET HSM_AES
#define HIDDEN (PRIVATE | SECRET)
#define KEYS (PUBLIC | HIDDEN)

#define BYTES HL_FORM_BYTES
#define BOOL HL_FORM_BOOL
#define NUMBER HL_FORM_NUMBER

/* clang-format off */
/* Ascending by type: hsm_attribute_row() halves its way through.
 * As in the standard, CKA_EC_POINT and CKA_MODULUS_BITS stand on the public key alone. */
#define ROW(type, form, ...) { HL_CKA_##type, form, "CKA_" #type, __VA_ARGS__ }
static const struct hsm_attribute_row rows[] = {
	/*                            who has it       may be given   must be given   true by default   rules */
	ROW(CLASS,             NUMBER, KEYS,            KEYS,           0,              0,                HSM_FIXED),
	ROW(TOKEN,             BOOL,   KEYS,            KEYS,           0,              KEYS,             HSM_FIXED),
	ROW(PRIVATE,           BOOL,   KEYS,            KEYS,           0,              HIDDEN,           0),
	ROW(LABEL,             BYTES,  KEYS,            KEYS,           0,              0,                HSM_SETTABLE),
	ROW(UNIQUE_ID,         BYTES,  KEYS,            0,              0,              0,                0),
	ROW(VALUE,             BYTES,  HSM_EC_PRIVATE | SECRET, 0,      0,              0,                HSM_SENSITIVE),
	ROW(KEY_TYPE,          NUMBER, KEYS,            KEYS,           0,              0,                HSM_FIXED),
	ROW(SUBJECT,           BYTES,  PUBLIC | PRIVATE, PUBLIC | PRIVATE, 0,           0,                HSM_SETTABLE),
	ROW(ID,                BYTES,  KEYS,            KEYS,           0,              0,                HSM_SETTABLE),
	ROW(SENSITIVE,         BOOL,   HIDDEN,          HIDDEN,         0,              HIDDEN,           HSM_RISES),
	ROW(ENCRYPT,           BOOL,   PUBLIC | SECRET, PUBLIC | SECRET, 0,             HSM_RSA_PUBLIC | SECRET, HSM_USAGE),
	ROW(DECRYPT,           BOOL,   HIDDEN,          HIDDEN,         0,              HSM_RSA_PRIVATE | SECRET, HSM_USAGE),
	ROW(WRAP,              BOOL,   PUBLIC | SECRET, PUBLIC | SECRET, 0,             0,                HSM_USAGE),
	ROW(UNWRAP,            BOOL,   HIDDEN,          HIDDEN,         0,              0,                HSM_USAGE),
	ROW(SIGN,              BOOL,   HIDDEN,          HIDDEN,         0,              PRIVATE,          HSM_USAGE),
	ROW(VERIFY,            BOOL,   PUBLIC | SECRET, PUBLIC | SECRET, 0,             PUBLIC,           HSM_USAGE),
	ROW(DERIVE,            BOOL,   KEYS,            KEYS,           0,              0,                HSM_USAGE),
	ROW(MODULUS,           BYTES,  RSA,             0,              0,              0,                0),
	ROW(MODULUS_BITS,      NUMBER, HSM_RSA_PUBLIC,  HSM_RSA_PUBLIC, HSM_RSA_PUBLIC, 0,                0),
	ROW(PUBLIC_EXPONENT,   BYTES,  RSA,             HSM_RSA_PUBLIC, 0,              0,                0),
	ROW(PRIVATE_EXPONENT,  BYTES,  HSM_RSA_PRIVATE, 0,              0,              0,                HSM_SENSITIVE),
	ROW(PRIME_1,           BYTES,  HSM_RSA_PRIVATE, 0,              0,              0,                HSM_SENSITIVE),
	ROW(PRIME_2,           BYTES,  HSM_RSA_PRIVATE, 0,              0,              0,                HSM_SENSITIVE),
	ROW(EXPONENT_1,        BYTES,  HSM_RSA_PRIVATE, 0,              0,              0,                HSM_SENSITIVE),
	ROW(EXPONENT_2,        BYTES,  HSM_RSA_PRIVATE, 0,              0,              0,                HSM_SENSITIVE),
	ROW(COEFFICIENT,       BYTES,  HSM_RSA_PRIVATE, 0,              0,              0,                HSM_SENSITIVE),
	ROW(PUBLIC_KEY_INFO,   BYTES,  PUBLIC | PRIVATE, 0,             0,              0,                0),
	ROW(VALUE_LEN,         NUMBER, SECRET,          SECRET,         SECRET,         0,                0),
	ROW(EXTRACTABLE,       BOOL,   HIDDEN,          HIDDEN,         0,              0,                HSM_FALLS),
	ROW(LOCAL,             BOOL,   KEYS,            0,              0,              0,                0),
	ROW(NEVER_EXTRACTABLE, BOOL,   HIDDEN,          0,              0,              0,                0),
	ROW(ALWAYS_SENSITIVE,  BOOL,   HIDDEN,          0,              0,              0,                0),
	ROW(KEY_GEN_MECHANISM, NUMBER, KEYS,            0,              0,              0,                0),
	ROW(MODIFIABLE,        BOOL,   KEYS,            KEYS,           0,              KEYS,             0),
	ROW(COPYABLE,          BOOL,   KEYS,            KEYS,           0,              KEYS,             0),
	ROW(DESTROYABLE,       BOOL,   KEYS,            KEYS,           0,              KEYS,             0),
	ROW(EC_PARAMS,         BYTES,  EC,              HSM_EC_PUBLIC,  HSM_EC_PUBLIC,  0,                0),
	ROW(EC_POINT,          BYTES,  HSM_EC_PUBLIC,   0,              0,              0,                0),
};

static const struct { uint64_t class, key_type; unsigned kind; } kinds[] = {
	{ HL_CKO_PUBLIC_KEY,  HL_CKK_RSA,        HSM_RSA_PUBLIC },
	{ HL_CKO_PRIVATE_KEY, HL_CKK_RSA,        HSM_RSA_PRIVATE },
	{ HL_CKO_PUBLIC_KEY,  HL_CKK_EC,         HSM_EC_PUBLIC },
	{ HL_CKO_PRIVATE_KEY, HL_CKK_EC,         HSM_EC_PRIVATE },
	{ HL_CKO_PUBLIC_KEY,  HL_CKK_EC_EDWARDS, HSM_EC_PUBLIC },
	{ HL_CKO_PRIVATE_KEY, HL_CKK_EC_EDWARDS, HSM_EC_PRIVATE },
	{ HL_CKO_SECRET_KEY,  HL_CKK_AES,        HSM_AES },
};
/* clang-format on */

/* One bit a row marks what a template has given so far. */
_Static_assert(HL_COUNT(rows) <= 64, "more rows than bits");

const struct hsm_attribute_row *hsm_attribute_rows(size_t *n)
{
	*n = HL_COUNT(rows);
	return rows;
}

const struct hsm_attribute_row *hsm_attribute_row(uint32_t type)
{
	size_t low = 0, high = HL_COUNT(rows);

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (rows[mid].type == type)
			return &rows[mid];
		if (rows[mid].type < type)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool hsm_attribute_fits(const struct hsm_attribute_row *row, const struct hl_attribute *a)
{
	if (a->form != row->form)
		return false;
	switch (row->form) {
	case HL_FORM_BYTES:
		return true;
	case HL_FORM_BOOL:
		return a->value.n == 1 && a->value.p[0] <= 1;
	case HL_FORM_NUMBER:
		return a->value.n == 8;
	default:
		return false;
	}
}

unsigned hsm_kind(uint64_t class, uint64_t key_type)
{
	for (size_t i = 0; i < HL_COUNT(kinds); i++)
		if (kinds[i].class == class && kinds[i].key_type == key_type)
			return kinds[i].kind;
	return 0;
}

/* -- templates ------------------------------------------------------------------------------- */

static hl_err refuse(const char **why, const char *name)
{
	*why = name;
	return HL_E_ATTRIBUTE;
}

static uint64_t bit(const struct hsm_attribute_row *row)
{
	return 1ull << (row - rows);
}

static hl_err take(unsigned kind, const struct hl_attribute *a, uint64_t *given,
	struct hsm_object *o, const char **why)
{
	const struct hsm_attribute_row *row = hsm_attribute_row(a->type);
	const struct hl_attribute *now = hsm_attribute(o, a->type);

	if (!row)
		return refuse(why, "unknown attribute");
	if ((*given & bit(row)) || !(row->given & kind) || !hsm_attribute_fits(row, a))
		return refuse(why, row->name);
	if ((row->rules & HSM_FIXED) && !(now && hl_bytes_eq(now->value, a->value)))
		return refuse(why, row->name);
	*given |= bit(row);
	return hsm_attribute_set(o, row->type, row->form, a->value);
}

static bool by_default(const struct hsm_attribute_row *row, unsigned kind, bool usage_given)
{
	return (row->yes & kind) && !((row->rules & HSM_USAGE) && usage_given);
}

static hl_err complete(unsigned kind, uint64_t given, struct hsm_object *o, const char **why)
{
	bool usage_given = false;

	for (size_t i = 0; i < HL_COUNT(rows); i++)
		if ((rows[i].rules & HSM_USAGE) && (given & bit(&rows[i])))
			usage_given = true;
	for (const struct hsm_attribute_row *r = rows; r < rows + HL_COUNT(rows); r++) {
		if (!(r->given & kind) || (given & bit(r)))
			continue;
		if (r->needed & kind)
			return refuse(why, r->name);
		if (r->form == HL_FORM_BOOL)
			HL_TRY(hsm_attribute_set_bool(
				o, r->type, by_default(r, kind, usage_given)));
		else if (r->rules & HSM_SETTABLE) /* label, id, subject: empty by default */
			HL_TRY(hsm_attribute_set(o, r->type, r->form, hl_bytes(NULL, 0)));
	}
	return HL_OK;
}

hl_err hsm_template_apply(const struct hl_list *template, struct hsm_object *o, const char **why)
{
	unsigned kind = hsm_kind(
		hsm_attribute_number(o, HL_CKA_CLASS), hsm_attribute_number(o, HL_CKA_KEY_TYPE));
	struct hl_bytes at = template->raw;
	struct hl_attribute a;
	uint64_t given = 0;

	if (template->items || kind == 0) /* not a decoded list: its content would be passed over */
		return HL_E_BUG;
	/* Session keys come in a later version; until then a template that asks for one is refused,
	 * and one that says nothing gets a token object. */
	HL_TRY(hsm_attribute_set_bool(o, HL_CKA_TOKEN, true));
	while (hl_list_next(&hl_msg_attribute, &at, &a))
		HL_TRY(take(kind, &a, &given, o, why));
	return complete(kind, given, o, why);
}
