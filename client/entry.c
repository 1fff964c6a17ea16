#include "client/entry.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/blind.h"
#include "client/edit.h"
#include "lib/os/config.h"

#define ERROR_TEXT 512
#define ENTRIES_MAX 1000
#define KEY_MAX 128

/* -- the grammar ------------------------------------------------------------------------------- */

struct file_entry {
	const char *group;
	int line;
	const char *name, *value, *identity;
	int64_t generation;
};

struct file_primus {
	struct hl_config_list list[2]; /* by enum client_entry_kind */
};

struct file {
	int version;
	struct file_primus primus;
};

#define HEX_MAX (2 * (1 + 12 + CLIENT_BLIND_MAX + 16))

/* clang-format off */
#define TEXT(key, m, lo, hi, t) \
	{ .name = key, .kind = HL_CONFIG_TEXT, .required = true, .offset = HL_CONFIG_AT(struct file_entry, m, const char *), .least = lo, .most = hi, .text = t }
#define ENTRIES(key, which, schema, begins, t) \
	{ .name = key, .kind = HL_CONFIG_NAMED, .offset = HL_CONFIG_AT(struct file_primus, list[which], struct hl_config_list), .sub = &(schema), .string = begins, .most = ENTRIES_MAX, .text = t }

static const struct hl_config_row user_rows[] = {
	HL_CONFIG_NAME_ROW(struct file_entry, group),
	HL_CONFIG_LINE_ROW(struct file_entry, line),
	TEXT("name", name, 1, HL_NAME_TEXT, "partition"),
	TEXT("secret", value, 1, HEX_MAX, "user secret, blinded"),
	TEXT("identity", identity, 2 * CLIENT_IDENTITY, 2 * CLIENT_IDENTITY, "Ed25519 key of the cluster, hex"),
	{ .name = "generation", .kind = HL_CONFIG_INT, .required = true, .offset = HL_CONFIG_AT(struct file_entry, generation, int64_t), .least = 1, .most = UINT32_MAX, .text = "of the user secret" },
};
static const struct hl_config_schema user_schema = HL_CONFIG_OPEN_SCHEMA(struct file_entry, user_rows);

static const struct hl_config_row proxy_rows[] = {
	HL_CONFIG_NAME_ROW(struct file_entry, group),
	HL_CONFIG_LINE_ROW(struct file_entry, line),
	TEXT("name", name, 1, HL_NAME_TEXT, "service user"),
	TEXT("password", value, 1, HEX_MAX, "service password, blinded"),
};
static const struct hl_config_schema proxy_schema = HL_CONFIG_OPEN_SCHEMA(struct file_entry, proxy_rows);

static const struct hl_config_row primus_rows[] = {
	ENTRIES("users", CLIENT_ENTRY_USER, user_schema, "user", "user0, user1, ..."),
	ENTRIES("proxies", CLIENT_ENTRY_PROXY, proxy_schema, "proxy", "proxy0, proxy1, ..."),
};
static const struct hl_config_schema primus_schema = HL_CONFIG_OPEN_SCHEMA(struct file_primus, primus_rows);

static const char *const versions[] = { "1.0", NULL };
static const struct hl_config_row file_rows[] = {
	{ .name = "version", .kind = HL_CONFIG_WORD, .required = true, .offset = HL_CONFIG_AT(struct file, version, int), .words = versions, .text = "version of the format" },
	HL_CONFIG_GROUP_ROW(struct file, primus, primus_schema, true, "everything"),
};
static const struct hl_config_schema file_schema = HL_CONFIG_OPEN_SCHEMA(struct file, file_rows);

static const struct { const char *group, *item, *value; hl_err none; size_t least, most; } kinds[] = {
	[CLIENT_ENTRY_USER] =  { "primus.users",   "user",  "secret",   HL_E_SECRETS_NONE,  HL_SECRET_BYTES, HL_SECRET_BYTES },
	[CLIENT_ENTRY_PROXY] = { "primus.proxies", "proxy", "password", HL_E_PASSWORD_NONE, 1,               HL_NAME_TEXT },
};
/* clang-format on */

/* -- reading ----------------------------------------------------------------------------------- */

struct reading {
	const char *file;
	char *out; /* ERROR_TEXT bytes of the caller's */
	struct hl_config config;
	struct hl_config_error error;
	struct file parsed;
};

static void reading_end(struct reading *r)
{
	hl_config_close(&r->config);
}

/* Tell the caller what was found, and that it is the secrets file that is malformed. */
static hl_err fail(struct reading *r, hl_err err)
{
	snprintf(r->out, ERROR_TEXT, "%s", r->error.text);
	return err == HL_E_CONFIG ? HL_E_SECRETS : err;
}

static hl_err __attribute__((format(printf, 3, 4)))
say(struct reading *r, hl_err err, const char *format, ...)
{
	int n = snprintf(r->out, ERROR_TEXT, "%s: ", r->file);
	va_list args;

	va_start(args, format);
	if (n > 0 && n < ERROR_TEXT)
		vsnprintf(r->out + n, (size_t)(ERROR_TEXT - n), format, args);
	va_end(args);
	return err;
}

static const struct file_entry *entry(
	const struct reading *r, enum client_entry_kind kind, size_t i)
{
	const struct hl_config_list *list = &r->parsed.primus.list[kind];

	return i < list->count ? (const struct file_entry *)list->items + i : NULL;
}

static const struct file_entry *find(
	const struct reading *r, enum client_entry_kind kind, const char *name)
{
	const struct file_entry *f;

	for (size_t i = 0; (f = entry(r, kind, i)); i++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* Which of two entries of one name would be the right one, nobody knows. */
static hl_err check_twins(struct reading *r, enum client_entry_kind kind)
{
	const struct file_entry *f;

	for (size_t i = 0; (f = entry(r, kind, i)); i++)
		if (find(r, kind, f->name) != f)
			return hl_config_fail(&r->error, r->file, f->line,
				"\"%s\" has an entry already (line %d)", f->name,
				find(r, kind, f->name)->line);
	return HL_OK;
}

static hl_err read_text(struct reading *r, struct hl_bytes text)
{
	hl_err err;

	if (text.n == 0)
		return HL_OK;
	err = hl_config_parse(r->file, text, &file_schema, &r->parsed, &r->config, &r->error);
	for (unsigned kind = 0; kind < HL_COUNT(kinds) && err == HL_OK; kind++)
		err = check_twins(r, kind);
	return err == HL_OK ? HL_OK : fail(r, err);
}

/* What a value is bound to: everything else in its entry. */
static hl_err bound(const struct client_entry *e, struct hl_buf *out)
{
	hl_buf_u8(out, (uint8_t)e->kind);
	hl_buf_u16(out, (uint16_t)strlen(e->name));
	hl_buf_text(out, e->name);
	hl_buf_u32(out, e->generation);
	hl_buf_put(out, hl_bytes(e->identity, sizeof e->identity));
	return out->err;
}

static hl_err open_entry(struct reading *r, const struct file_entry *f, enum client_entry_kind kind,
	struct client_entry *e)
{
	HL_AUTO(hl_buf_clear) struct hl_buf entry_bytes = hl_buf(256);
	hl_err err = HL_OK;
	size_t n;

	*e = (struct client_entry){ .kind = kind, .generation = (uint32_t)f->generation };
	snprintf(e->name, sizeof e->name, "%s", f->name);
	if (f->identity)
		err = hl_unhex(
			f->identity, strlen(f->identity), e->identity, sizeof e->identity, &n);
	if (err == HL_OK)
		err = bound(e, &entry_bytes);
	if (err == HL_OK)
		err = client_unblind(hl_buf_view(&entry_bytes), hl_text(f->value), &e->value);
	if (err == HL_E_NOMEM)
		return say(r, err, "%s", hl_err_text(err));
	if (err != HL_OK || e->value.n < kinds[kind].least || e->value.n > kinds[kind].most) {
		hl_secret_clear(&e->value);
		return fail(r, hl_config_fail(&r->error, r->file, f->line,
				       "the entry of \"%s\" was altered", f->name));
	}
	return HL_OK;
}

hl_err client_entry_get(const char *file, struct hl_bytes text, enum client_entry_kind kind,
	const char *name, struct client_entry *out, char error[ERROR_TEXT])
{
	HL_AUTO(reading_end) struct reading r = { .file = file, .out = error };
	const struct file_entry *f;
	struct client_entry e;

	HL_TRY(read_text(&r, text));
	f = find(&r, kind, name);
	if (!f)
		return say(&r, kinds[kind].none, "no entry of \"%s\"", name);
	HL_TRY(open_entry(&r, f, kind, &e));
	*out = e;
	return HL_OK;
}

hl_err client_entry_list(const char *file, struct hl_bytes text, enum client_entry_kind kind,
	client_name_seen *seen, void *at, char error[ERROR_TEXT])
{
	HL_AUTO(reading_end) struct reading r = { .file = file, .out = error };
	const struct file_entry *f;

	HL_TRY(read_text(&r, text));
	for (size_t i = 0; (f = entry(&r, kind, i)); i++)
		seen(at, f->name);
	return HL_OK;
}

/* -- writing ----------------------------------------------------------------------------------- */

static hl_err check_entry(struct reading *r, const struct client_entry *e)
{
	size_t n = strlen(e->name);

	if (n == 0 || n > HL_NAME_TEXT)
		return say(r, HL_E_ARG, "a name needs 1 to 64 characters: \"%.80s\"", e->name);
	for (const char *c = e->name; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			return say(r, HL_E_ARG, "a name is printable ASCII: \"%s\"", e->name);
	if (e->value.n < kinds[e->kind].least || e->value.n > kinds[e->kind].most)
		return say(r, HL_E_ARG, "the %s has the wrong length", kinds[e->kind].value);
	if (e->kind == CLIENT_ENTRY_USER && e->generation == 0)
		return say(r, HL_E_ARG, "generations of \"%s\" count from 1", e->name);
	return HL_OK;
}

/* Where the entry of this name stands or is to stand: "primus.users.user3". */
static void choose(const struct reading *r, const struct hl_buf *text, const struct client_entry *e,
	char group[KEY_MAX])
{
	const struct file_entry *old = find(r, e->kind, e->name);
	struct client_place at;

	if (old) {
		snprintf(group, KEY_MAX, "%s.%.64s", kinds[e->kind].group, old->group);
		return;
	}
	for (unsigned i = 0; i <= ENTRIES_MAX; i++) {
		snprintf(group, KEY_MAX, "%s.%s%u", kinds[e->kind].group, kinds[e->kind].item, i);
		if (!client_edit_find(hl_buf_view(text), group, &at))
			return;
	}
}

static void set(struct hl_buf *text, const char *group, const char *key, struct hl_buf *value)
{
	char path[KEY_MAX + 32];

	hl_buf_u8(value, 0);
	if (text->err == HL_OK)
		text->err = value->err;
	if (text->err != HL_OK)
		return;
	snprintf(path, sizeof path, "%s.%s", group, key);
	client_edit_set(text, path, (const char *)hl_buf_view(value).p);
}

static hl_err set_name(struct hl_buf *text, const char *group, const char *name)
{
	HL_AUTO(hl_buf_clear) struct hl_buf value = hl_buf(4 * HL_NAME_TEXT);

	HL_TRY(client_edit_quote(&value, name));
	set(text, group, "name", &value);
	return text->err;
}

static hl_err set_value(const struct hl_env *env, struct hl_buf *text, const char *group,
	const struct client_entry *e)
{
	HL_AUTO(hl_buf_clear) struct hl_buf entry_bytes = hl_buf(256), value = hl_buf(HEX_MAX + 8);

	HL_TRY(bound(e, &entry_bytes));
	hl_buf_u8(&value, '"');
	HL_TRY(client_blind(env, hl_buf_view(&entry_bytes), hl_secret_view(&e->value), &value));
	hl_buf_u8(&value, '"');
	set(text, group, kinds[e->kind].value, &value);
	return text->err;
}

static hl_err set_origin(struct hl_buf *text, const char *group, const struct client_entry *e)
{
	HL_AUTO(hl_buf_clear) struct hl_buf generation = hl_buf(32), identity = hl_buf(128);
	char hex[2 * CLIENT_IDENTITY + 1];

	hl_hex(hl_bytes(e->identity, sizeof e->identity), hex);
	hl_buf_printf(&identity, "\"%s\"", hex);
	/* libconfig's plain numbers have 32 bits and a sign. */
	hl_buf_printf(&generation, e->generation > INT32_MAX ? "%uL" : "%u", e->generation);
	set(text, group, "generation", &generation);
	set(text, group, "identity", &identity);
	return text->err;
}

static hl_err write_entry(const struct hl_env *env, struct hl_buf *text, const char *group,
	const struct client_entry *e)
{
	HL_TRY(set_name(text, group, e->name));
	if (e->kind == CLIENT_ENTRY_USER)
		HL_TRY(set_origin(text, group, e));
	return set_value(env, text, group, e);
}

static bool is_same(const struct client_entry *a, const struct client_entry *b)
{
	return a->generation == b->generation &&
	       memcmp(a->identity, b->identity, CLIENT_IDENTITY) == 0 &&
	       hl_bytes_eq_secret(hl_secret_view(&a->value), hl_secret_view(&b->value));
}

/* The text is read once more before it may replace the old one. */
static hl_err check_written(
	struct reading *r, const struct hl_buf *text, const struct client_entry *e)
{
	struct client_entry got;
	bool same;

	HL_TRY(client_entry_get(r->file, hl_buf_view(text), e->kind, e->name, &got, r->out));
	same = is_same(&got, e);
	hl_secret_clear(&got.value);
	return same ? HL_OK : say(r, HL_E_BUG, "%s", hl_err_text(HL_E_BUG));
}

hl_err client_entry_put(const struct hl_env *env, const char *file, struct hl_buf *text,
	const struct client_entry *e, char error[ERROR_TEXT])
{
	HL_AUTO(reading_end) struct reading r = { .file = file, .out = error };
	char group[KEY_MAX];
	hl_err err;

	HL_TRY(check_entry(&r, e));
	HL_TRY(read_text(&r, hl_buf_view(text)));
	if (text->n == 0)
		hl_buf_text(text, "version = \"1.0\";\n");
	choose(&r, text, e, group);
	err = write_entry(env, text, group, e);
	if (err != HL_OK)
		return say(&r, err, "%s", hl_err_text(err));
	return check_written(&r, text, e);
}

hl_err client_entry_remove(const char *file, struct hl_buf *text, enum client_entry_kind kind,
	const char *name, char error[ERROR_TEXT])
{
	HL_AUTO(reading_end) struct reading r = { .file = file, .out = error };
	HL_AUTO(reading_end) struct reading after = { .file = file, .out = error };
	const struct file_entry *f;
	char group[KEY_MAX];
	hl_err err;

	HL_TRY(read_text(&r, hl_buf_view(text)));
	f = find(&r, kind, name);
	if (!f)
		return say(&r, kinds[kind].none, "no entry of \"%s\"", name);
	snprintf(group, sizeof group, "%s.%.64s", kinds[kind].group, f->group);
	err = client_edit_remove(text, group);
	if (err != HL_OK)
		return say(&r, err == HL_E_NOT_FOUND ? HL_E_SECRETS : err, "%s", hl_err_text(err));
	return read_text(&after, hl_buf_view(text));
}
