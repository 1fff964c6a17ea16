/* key_show.c - `key show`: every attribute of a key, under its PKCS#11 name; what is sensitive stays in the HSM. */
#include <string.h>

#include "cli/keys.h"
#include "cli/say.h"

struct show_options {
	const char *partition;
	struct cli_pin pin;
};

static const struct show_options defaults = { .pin.pin_fd = -1 };
/* clang-format off */
static const struct cli_option rows[] = {
	{ "partition", 0, "NAME", CLI_TEXT, offsetof(struct show_options, partition), 0, 0, NULL, "where (that of the first slot)" },
	CLI_PIN_ROWS(struct show_options),
};
/* clang-format on */
const struct cli_options cli_key_show_options = CLI_OPTIONS(rows, defaults);

/* -- attributes ---------------------------------------------------------------------------------------- */

enum form { TEXT, HEX, YES_NO, NUMBER, CLASS, KEY_TYPE, MECHANISM, CURVE };

/* Of which keys an attribute is part of the value: those are never shown. */
enum { OF_RSA = 1, OF_EC = 2, OF_SECRET = 4 };

/* clang-format off */
/* As the standard calls them, without CKA_ and in small letters. */
static const struct attribute { uint32_t type; const char *name; enum form form; unsigned value_of; } attributes[] = {
	{ HL_CKA_CLASS,             "class",             CLASS,     0 },
	{ HL_CKA_KEY_TYPE,          "key_type",          KEY_TYPE,  0 },
	{ HL_CKA_LABEL,             "label",             TEXT,      0 },
	{ HL_CKA_ID,                "id",                HEX,       0 },
	{ HL_CKA_UNIQUE_ID,         "unique_id",         TEXT,      0 },
	{ HL_CKA_SUBJECT,           "subject",           HEX,       0 },
	{ HL_CKA_TOKEN,             "token",             YES_NO,    0 },
	{ HL_CKA_PRIVATE,           "private",           YES_NO,    0 },
	{ HL_CKA_MODIFIABLE,        "modifiable",        YES_NO,    0 },
	{ HL_CKA_COPYABLE,          "copyable",          YES_NO,    0 },
	{ HL_CKA_DESTROYABLE,       "destroyable",       YES_NO,    0 },
	{ HL_CKA_ENCRYPT,           "encrypt",           YES_NO,    0 },
	{ HL_CKA_DECRYPT,           "decrypt",           YES_NO,    0 },
	{ HL_CKA_SIGN,              "sign",              YES_NO,    0 },
	{ HL_CKA_VERIFY,            "verify",            YES_NO,    0 },
	{ HL_CKA_WRAP,              "wrap",              YES_NO,    0 },
	{ HL_CKA_UNWRAP,            "unwrap",            YES_NO,    0 },
	{ HL_CKA_DERIVE,            "derive",            YES_NO,    0 },
	{ HL_CKA_SENSITIVE,         "sensitive",         YES_NO,    0 },
	{ HL_CKA_ALWAYS_SENSITIVE,  "always_sensitive",  YES_NO,    0 },
	{ HL_CKA_EXTRACTABLE,       "extractable",       YES_NO,    0 },
	{ HL_CKA_NEVER_EXTRACTABLE, "never_extractable", YES_NO,    0 },
	{ HL_CKA_LOCAL,             "local",             YES_NO,    0 },
	{ HL_CKA_KEY_GEN_MECHANISM, "key_gen_mechanism", MECHANISM, 0 },
	{ HL_CKA_EC_PARAMS,         "ec_params",         CURVE,     0 },
	{ HL_CKA_EC_POINT,          "ec_point",          HEX,       0 },
	{ HL_CKA_MODULUS_BITS,      "modulus_bits",      NUMBER,    0 },
	{ HL_CKA_MODULUS,           "modulus",           HEX,       0 },
	{ HL_CKA_PUBLIC_EXPONENT,   "public_exponent",   HEX,       0 },
	{ HL_CKA_PUBLIC_KEY_INFO,   "public_key_info",   HEX,       0 },
	{ HL_CKA_VALUE_LEN,         "value_len",         NUMBER,    0 },
	{ HL_CKA_VALUE,             "value",             HEX,       OF_EC | OF_SECRET },
	{ HL_CKA_PRIVATE_EXPONENT,  "private_exponent",  HEX,       OF_RSA },
	{ HL_CKA_PRIME_1,           "prime_1",           HEX,       OF_RSA },
	{ HL_CKA_PRIME_2,           "prime_2",           HEX,       OF_RSA },
	{ HL_CKA_EXPONENT_1,        "exponent_1",        HEX,       OF_RSA },
	{ HL_CKA_EXPONENT_2,        "exponent_2",        HEX,       OF_RSA },
	{ HL_CKA_COEFFICIENT,       "coefficient",       HEX,       OF_RSA },
};
/* clang-format on */

/* Whose value it is, by class and type; 0: an object without anything to hide. */
static unsigned kind_of(const hsmlet_attributes *a)
{
	uint64_t class = cli_attribute_number(hsmlet_attributes_at(a, 0));
	uint64_t type = cli_attribute_number(hsmlet_attributes_at(a, 1));

	if (class == HL_CKO_SECRET_KEY)
		return OF_SECRET;
	if (class != HL_CKO_PRIVATE_KEY)
		return 0;
	return type == HL_CKK_RSA ? OF_RSA : OF_EC;
}

static void put_hex(struct hl_buf *out, hsmlet_attribute v)
{
	for (size_t i = 0; i < v.n; i++)
		hl_buf_printf(out, "%02x", ((const uint8_t *)v.value)[i]);
}

static void put_curve(struct hl_buf *out, hsmlet_attribute v)
{
	const char *name = cli_curve_name(hl_bytes(v.value, v.n));

	if (name)
		hl_buf_text(out, name);
	else
		put_hex(out, v);
}

static void put_number(struct hl_buf *out, enum form form, hsmlet_attribute v)
{
	static void (*const names[])(uint64_t number, char out[CLI_NUMBER_NAME]) = {
		[CLASS] = cli_class_name,
		[MECHANISM] = cli_mechanism_name,
	};
	uint64_t number = cli_attribute_number(v);
	char name[CLI_NUMBER_NAME];

	if (form == NUMBER) {
		hl_buf_printf(out, "%llu", (unsigned long long)number);
		return;
	}
	names[form](number, name);
	hl_buf_text(out, number == UINT64_MAX ? "unknown" : name);
}

static void put_value(struct hl_buf *out, enum form form, hsmlet_attribute v)
{
	if (v.form == HSMLET_BOOL)
		hl_buf_text(out, v.n == 1 && *(const uint8_t *)v.value ? "true" : "false");
	else if (v.form == HSMLET_NUMBER)
		put_number(out, form, v);
	else if (form == TEXT)
		cli_put_text(out, v);
	else if (form == CURVE)
		put_curve(out, v);
	else
		put_hex(out, v);
}

/* -- one object ------------------------------------------------------------------------------------------ */

struct shown {
	struct cli *c;
	json_t *known, *hidden; /* of the object under way */
};

static json_t *value_json(const struct attribute *a, hsmlet_attribute v, const char *text)
{
	if (v.form == HSMLET_BOOL)
		return json_boolean(strcmp(text, "true") == 0);
	return a->form == NUMBER ? json_integer((json_int_t)cli_attribute_number(v)) : json_string(text);
}

static void put_line(struct shown *s, const char *name, const char *value)
{
	if (!s->c->global.json)
		fprintf(s->c->out, "  %-18s %s\n", name, *value ? value : "-");
}

static void put_key_type(struct hl_buf *out, hsmlet_attribute type, const hsmlet_attributes *all)
{
	hsmlet_attribute params = { .form = HSMLET_UNAVAILABLE };
	char name[CLI_NUMBER_NAME];

	for (size_t i = 0; i < HL_COUNT(attributes); i++)
		if (attributes[i].type == HL_CKA_EC_PARAMS)
			params = hsmlet_attributes_at(all, i);
	cli_key_type_of(type, params, name);
	hl_buf_text(out, cli_attribute_number(type) == UINT64_MAX ? "unknown" : name);
}

static hl_err show_known(struct shown *s, const struct attribute *a, hsmlet_attribute v, const hsmlet_attributes *all)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_FRAME_MAX);

	if (a->form == KEY_TYPE)
		put_key_type(&text, v, all);
	else
		put_value(&text, a->form, v);
	hl_buf_u8(&text, 0);
	if (text.err != HL_OK)
		return cli_fail(s->c, text.err, "%s", a->name);
	json_object_set_new(s->known, a->name, value_json(a, v, (const char *)hl_buf_view(&text).p));
	put_line(s, a->name, (const char *)hl_buf_view(&text).p);
	return HL_OK;
}

/* Part of the key's value, which the HSM gives away only where the key allows it: not to a screen, though. */
static void show_hidden(struct shown *s, const struct attribute *a, hsmlet_attribute v)
{
	bool sensitive = v.form == HSMLET_UNAVAILABLE;

	json_array_append_new(s->hidden, json_string(a->name));
	put_line(s, a->name, sensitive ? "(sensitive: not shown)" : "(the key's value: not shown)");
}

static hl_err show_attributes(struct shown *s, const hsmlet_attributes *all)
{
	unsigned kind = kind_of(all);

	for (size_t i = 0; i < HL_COUNT(attributes); i++) {
		hsmlet_attribute v = hsmlet_attributes_at(all, i);

		if (attributes[i].value_of & kind)
			show_hidden(s, &attributes[i], v);
		else if (v.form != HSMLET_UNAVAILABLE)
			HL_TRY(show_known(s, &attributes[i], v, all));
	}
	return HL_OK;
}

static hl_err show_object(struct cli *c, hsmlet *h, uint64_t object, json_t *all)
{
	struct shown s = { c, json_object(), json_array() };
	uint32_t types[HL_COUNT(attributes)];
	hsmlet_attributes *a = NULL;
	hsmlet_error e;
	char handle[24];
	hl_err err;

	for (size_t i = 0; i < HL_COUNT(attributes); i++)
		types[i] = attributes[i].type;
	if (hsmlet_get_attributes(h, object, types, HL_COUNT(types), &a, &e) != 0) {
		err = cli_object_trouble(c, object, &e);
	} else {
		cli_handle_text(object, handle);
		if (!c->global.json)
			fprintf(c->out, "%sobject %s\n", json_array_size(all) > 0 ? "\n" : "", handle);
		err = show_attributes(&s, a);
		json_array_append_new(
			all, json_pack("{s:s, s:O, s:O}", "handle", handle, "attributes", s.known, "not_shown", s.hidden));
	}
	hsmlet_attributes_free(a);
	json_decref(s.known);
	json_decref(s.hidden);
	return err;
}

hl_err cli_key_show(struct cli *c)
{
	const struct show_options *o = c->options;
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	struct cli_objects found = { .n = 0 };
	bool pin_given;

	HL_TRY(cli_key_connect(c, o->partition, &o->pin, &pin_given, &h));
	HL_TRY(cli_objects_find(c, h, c->operand[0], &found));
	for (size_t i = 0; i < found.n; i++)
		HL_TRY(show_object(c, h, found.object[i], all));
	if (!pin_given)
		cli_note(c, "without a PIN (HSMLET_PIN, --pin-file) only public objects are shown");
	if (c->global.json)
		return cli_print_json(c, "hsmlet-key-show/1", json_pack("{s:O}", "objects", all));
	return HL_OK;
}
