/* key.c - `key create / list / delete`. */
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/keys.h"
#include "cli/say.h"

/* -- kinds ------------------------------------------------------------------------------------------ */

/* clang-format off */
static const struct kind {
	const char *name; /* of a curve its own */
	uint32_t mechanism;
	uint64_t size;    /* RSA: bits; AES: bytes */
} kinds[] = {
	{ "ec-p256",  HL_CKM_EC_KEY_PAIR_GEN, 0 },
	{ "ec-p384",  HL_CKM_EC_KEY_PAIR_GEN, 0 },
	{ "ec-p521",  HL_CKM_EC_KEY_PAIR_GEN, 0 },
	{ "ed25519",  HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, 0 },
	{ "rsa-2048", HL_CKM_RSA_PKCS_KEY_PAIR_GEN, 2048 },
	{ "rsa-3072", HL_CKM_RSA_PKCS_KEY_PAIR_GEN, 3072 },
	{ "rsa-4096", HL_CKM_RSA_PKCS_KEY_PAIR_GEN, 4096 },
	{ "aes-128",  HL_CKM_AES_KEY_GEN, 16 },
	{ "aes-192",  HL_CKM_AES_KEY_GEN, 24 },
	{ "aes-256",  HL_CKM_AES_KEY_GEN, 32 },
};
static const char *const kind_names[] = { "ec-p256", "ec-p384", "ec-p521", "ed25519", "rsa-2048", "rsa-3072",
	"rsa-4096", "aes-128", "aes-192", "aes-256", NULL };
/* clang-format on */

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < HL_COUNT(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* -- options ---------------------------------------------------------------------------------------- */

struct key_options {
	const char *type, *partition;
	struct cli_key_wish wish;
	struct cli_pin pin;
};

static const struct key_options defaults = { .pin.pin_fd = -1 };
/* clang-format off */
#define AT(member) offsetof(struct key_options, member)
#define PARTITION_ROW { "partition", 0, "NAME", CLI_TEXT, AT(partition), 0, 0, NULL, "where (that of the first slot)" }
static const struct cli_option create_rows[] = {
	{ "type",  0, "TYPE", CLI_WORD, AT(type), 0, 0, kind_names, "what key" },
	CLI_KEY_WISH_ROWS(struct key_options),
	PARTITION_ROW,
	CLI_PIN_ROWS(struct key_options),
};
static const struct cli_option other_rows[] = { PARTITION_ROW, CLI_PIN_ROWS(struct key_options) };
/* clang-format on */
const struct cli_options cli_key_create_options = CLI_OPTIONS(create_rows, defaults);
const struct cli_options cli_key_list_options = CLI_OPTIONS(other_rows, defaults);
const struct cli_options cli_key_delete_options = CLI_OPTIONS(other_rows, defaults);

/* -- what is marked on a key ---------------------------------------------------------------------------- */

static const uint8_t yes = 1, no = 0;

hsmlet_attribute cli_key_number(uint32_t type, uint64_t v, uint8_t at[8])
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(v >> (56 - 8 * i));
	return (hsmlet_attribute){ type, HSMLET_NUMBER, at, 8 };
}

static hsmlet_attribute boolean(uint32_t type, bool v)
{
	return (hsmlet_attribute){ type, HSMLET_BOOL, v ? &yes : &no, 1 };
}

hl_err cli_key_marks(struct cli *c, const struct cli_key_wish *w, struct cli_key_marks *out)
{
	*out = (struct cli_key_marks){ .label = w->label, .extractable = w->extractable, .sensitive = !w->no_sensitive };
	if (!w->label)
		return cli_usage(c, "--label is needed");
	if (w->no_sensitive && !w->extractable)
		return cli_usage(c, "--no-sensitive wants --extractable: without it the value stays in the HSM all the same");
	if (w->id && hl_unhex(w->id, strlen(w->id), out->id, sizeof out->id, &out->id_n) != HL_OK)
		return cli_usage(c, "--id takes up to %d bytes as an even number of hex digits: %s", CLI_KEY_ID, w->id);
	return HL_OK;
}

size_t cli_key_marked(const struct cli_key_marks *m, uint32_t class, hsmlet_attribute out[CLI_KEY_MARKED])
{
	size_t n = 0;

	out[n++] = (hsmlet_attribute){ HL_CKA_LABEL, HSMLET_BYTES, m->label, strlen(m->label) };
	out[n++] = boolean(HL_CKA_TOKEN, true);
	if (m->id_n > 0)
		out[n++] = (hsmlet_attribute){ HL_CKA_ID, HSMLET_BYTES, m->id, m->id_n };
	if (class != HL_CKO_PRIVATE_KEY && class != HL_CKO_SECRET_KEY)
		return n;
	out[n++] = boolean(HL_CKA_SENSITIVE, m->sensitive);
	out[n++] = boolean(HL_CKA_EXTRACTABLE, m->extractable);
	return n;
}

/* -- create ------------------------------------------------------------------------------------------ */

hl_err cli_key_make(struct cli *c, hsmlet *h, const char *type, const struct cli_key_marks *m, struct cli_key *out)
{
	const struct kind *kind = kind_of(type);
	const bool pair = kind->mechanism != HL_CKM_AES_KEY_GEN;
	struct hl_bytes curve = cli_curve_params(type);
	hsmlet_attribute own[CLI_KEY_MARKED + 1], public[CLI_KEY_MARKED + 1];
	uint8_t size[8];
	size_t n = cli_key_marked(m, pair ? HL_CKO_PRIVATE_KEY : HL_CKO_SECRET_KEY, own);
	size_t public_n = cli_key_marked(m, HL_CKO_PUBLIC_KEY, public);
	hsmlet_error e;

	if (!pair)
		own[n++] = cli_key_number(HL_CKA_VALUE_LEN, kind->size, size);
	else if (curve.n > 0)
		public[public_n++] = (hsmlet_attribute){ HL_CKA_EC_PARAMS, HSMLET_BYTES, curve.p, curve.n };
	else
		public[public_n++] = cli_key_number(HL_CKA_MODULUS_BITS, kind->size, size);
	*out = (struct cli_key){ 0 };
	if (hsmlet_generate(h, kind->mechanism, own, n, pair ? public : NULL, pair ? public_n : 0,
		    &out->handle, pair ? &out->public_handle : NULL, &e) != 0)
		return cli_client_trouble(c, &e);
	return HL_OK;
}

/* A label is bytes: what is no text of UTF-8 is told as in C, to a screen and to JSON alike. `text` owns it. */
static hl_err label_text(struct cli *c, hsmlet_attribute label, struct hl_buf *text, const char **out)
{
	cli_put_text(text, label);
	hl_buf_u8(text, 0);
	if (text->err != HL_OK)
		return cli_fail(c, text->err, "the label");
	*out = (const char *)hl_buf_view(text).p;
	return HL_OK;
}

hl_err cli_key_print(struct cli *c, const struct cli_key *key, uint32_t class, const char *type, const char *label)
{
	HL_AUTO(cli_table_clear) struct cli_table t = { .head = { "HANDLE", "CLASS", "TYPE", "LABEL" } };
	bool pair = key->public_handle != 0;
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_FRAME_MAX);
	char handle[24], public_handle[24], name[CLI_NUMBER_NAME];
	const char *shown = NULL;

	HL_TRY(label_text(c, (hsmlet_attribute){ HL_CKA_LABEL, HSMLET_BYTES, label, strlen(label) }, &text, &shown));
	cli_handle_text(key->handle, handle);
	cli_handle_text(key->public_handle, public_handle);
	cli_class_name(class, name);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-key/1",
			json_pack("{s:s, s:s?, s:s, s:s, s:s}", "handle", handle, "public_handle",
				pair ? public_handle : NULL, "class", name, "type", type, "label", shown));
	HL_TRY(CLI_ROW(&t, handle, name, type, shown));
	if (pair)
		HL_TRY(CLI_ROW(&t, public_handle, "public", type, shown));
	cli_table_print(&t, c->out);
	return HL_OK;
}

hl_err cli_key_create(struct cli *c)
{
	const struct key_options *o = c->options;
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	struct cli_key_marks marks;
	struct cli_key key;
	bool pin_given;

	if (!o->type)
		return cli_usage(c, "--type is needed");
	HL_TRY(cli_key_marks(c, &o->wish, &marks));
	HL_TRY(cli_key_connect(c, o->partition, &o->pin, &pin_given, &h));
	HL_TRY(cli_key_make(c, h, o->type, &marks, &key));
	return cli_key_print(c, &key, key.public_handle ? HL_CKO_PRIVATE_KEY : HL_CKO_SECRET_KEY, o->type, marks.label);
}

/* -- list -------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct { uint32_t type; const char *name; } flags[] = {
	{ HL_CKA_SIGN, "sign" }, { HL_CKA_VERIFY, "verify" }, { HL_CKA_ENCRYPT, "encrypt" },
	{ HL_CKA_DECRYPT, "decrypt" }, { HL_CKA_WRAP, "wrap" }, { HL_CKA_UNWRAP, "unwrap" },
	{ HL_CKA_DERIVE, "derive" }, { HL_CKA_PRIVATE, "needs-login" }, { HL_CKA_SENSITIVE, "sensitive" },
	{ HL_CKA_EXTRACTABLE, "extractable" }, { HL_CKA_LOCAL, "local" },
};
/* clang-format on */

#define LABEL_SHOWN 64

enum { CLASS, KEY_TYPE, LABEL, ID, CURVE, FLAGS, WANTED = FLAGS + HL_COUNT(flags) };

/* A long label would make the table too wide for any screen: JSON and `key show` have all of it. */
static void shorten(const char *label, char out[LABEL_SHOWN + 4])
{
	size_t n = strlen(label);

	if (n > LABEL_SHOWN) {
		n = LABEL_SHOWN;
		while (n > 0 && ((unsigned char)label[n] & 0xc0) == 0x80)
			n--;
	}
	snprintf(out, LABEL_SHOWN + 4, "%.*s%s", (int)n, label, label[n] ? "..." : "");
}

static void type_text(const hsmlet_attributes *a, char out[CLI_NUMBER_NAME])
{
	if (cli_attribute_number(hsmlet_attributes_at(a, CLASS)) == HL_CKO_CERTIFICATE)
		snprintf(out, CLI_NUMBER_NAME, "x509");
	else
		cli_key_type_of(hsmlet_attributes_at(a, KEY_TYPE), hsmlet_attributes_at(a, CURVE), out);
}

static void id_text(hsmlet_attribute a, char out[132])
{
	if (a.form == HSMLET_BYTES && a.n <= 64)
		hl_hex(hl_bytes(a.value, a.n), out);
	else
		snprintf(out, 132, "%s", a.form == HSMLET_BYTES ? "(long)" : "");
}

static void flags_text(const hsmlet_attributes *a, char out[160])
{
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < HL_COUNT(flags); i++) {
		hsmlet_attribute f = hsmlet_attributes_at(a, FLAGS + i);

		if (f.form == HSMLET_BOOL && f.n == 1 && *(const uint8_t *)f.value)
			n += (size_t)snprintf(out + n, 160 - n, "%s%s", n ? "," : "", flags[i].name);
	}
}

static hl_err add_key(struct cli *c, uint64_t object, const hsmlet_attributes *a, struct cli_table *t, json_t *all)
{
	char handle[24], class[CLI_NUMBER_NAME], type[CLI_NUMBER_NAME], shown[LABEL_SHOWN + 4], id[132], said[160];
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_FRAME_MAX);
	const char *label = NULL;

	HL_TRY(label_text(c, hsmlet_attributes_at(a, LABEL), &text, &label));
	shorten(label, shown);
	cli_handle_text(object, handle);
	cli_class_name(cli_attribute_number(hsmlet_attributes_at(a, CLASS)), class);
	type_text(a, type);
	id_text(hsmlet_attributes_at(a, ID), id);
	flags_text(a, said);
	json_array_append_new(all,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "handle", handle, "class", class, "type", type,
			"label", label, "id", id, "flags", said));
	return CLI_ROW(t, handle, class, type, shown, *id ? id : "-", said);
}

struct listing {
	struct cli_table table;
	json_t *all;
};

static hl_err list_one(struct cli *c, hsmlet *h, uint64_t object, void *at)
{
	uint32_t types[WANTED] = { HL_CKA_CLASS, HL_CKA_KEY_TYPE, HL_CKA_LABEL, HL_CKA_ID, HL_CKA_EC_PARAMS };
	struct listing *l = at;
	hsmlet_attributes *a = NULL;
	hsmlet_error e;
	hl_err err;

	for (size_t i = 0; i < HL_COUNT(flags); i++)
		types[FLAGS + i] = flags[i].type;
	if (hsmlet_get_attributes(h, object, types, WANTED, &a, &e) != 0)
		/* Somebody may have destroyed it since it was found. */
		return e.id == -(int)HL_E_KEY ? HL_OK : cli_object_trouble(c, object, &e);
	err = add_key(c, object, a, &l->table, l->all);
	hsmlet_attributes_free(a);
	return err;
}

hl_err cli_key_list(struct cli *c)
{
	const struct key_options *o = c->options;
	struct listing l = { .table.head = { "HANDLE", "CLASS", "TYPE", "LABEL", "ID", "FLAGS" } };
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	bool pin_given;
	hl_err err;

	HL_TRY(cli_key_connect(c, o->partition, &o->pin, &pin_given, &h));
	l.all = json_array();
	err = cli_objects_each(c, h, NULL, 0, list_one, &l);
	if (err == HL_OK && c->global.json)
		err = cli_print_json(c, "hsmlet-keys/1", json_pack("{s:O}", "keys", l.all));
	else if (err == HL_OK)
		cli_table_print(&l.table, c->out);
	if (err == HL_OK && !pin_given)
		cli_note(c, "without a PIN (HSMLET_PIN, --pin-file) only public objects are listed");
	cli_table_clear(&l.table);
	json_decref(l.all);
	return err;
}

/* -- delete ------------------------------------------------------------------------------------------ */

hl_err cli_key_delete(struct cli *c)
{
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	HL_AUTO(cli_json_drop) json_t *gone = json_array();
	const struct key_options *o = c->options;
	struct cli_objects d = { .n = 0 };
	bool pin_given;
	hsmlet_error e;

	HL_TRY(cli_key_connect(c, o->partition, &o->pin, &pin_given, &h));
	HL_TRY(cli_objects_find(c, h, c->operand[0], &d));
	for (size_t i = 0; i < d.n; i++) {
		char handle[24];

		if (hsmlet_destroy(h, d.object[i], &e) != 0)
			return cli_object_trouble(c, d.object[i], &e);
		cli_handle_text(d.object[i], handle);
		json_array_append_new(gone, json_string(handle));
	}
	cli_note(c, "deleted %zu object%s", d.n, d.n == 1 ? "" : "s");
	if (c->global.json)
		return cli_print_json(c, "hsmlet-key-delete/1", json_pack("{s:O}", "deleted", gone));
	return HL_OK;
}
