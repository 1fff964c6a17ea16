#include "lib/os/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <libconfig.h>
#include <openssl/crypto.h>

#include "lib/os/config_text.h"
#include "lib/os/files.h"

#define FILE_MAX (1u << 20)

/* Strings and arrays that a filled struct points to. */
struct hl_config_piece {
	struct hl_config_piece *next;
	size_t n;
	_Alignas(16) uint8_t bytes[];
};

struct reading {
	const char *file;
	struct hl_config config;
	struct hl_config_error *error;
	hl_config_fault *each; /* NULL: the first fault ends it */
	void *at;
	unsigned faults;
};

static void *new_piece(struct reading *r, size_t n)
{
	struct hl_config_piece *piece = calloc(1, sizeof *piece + n);

	if (!piece)
		return NULL;
	piece->n = n;
	piece->next = r->config.pieces;
	r->config.pieces = piece;
	return piece->bytes;
}

void hl_config_close(struct hl_config *config)
{
	while (config->pieces) {
		struct hl_config_piece *piece = config->pieces;

		config->pieces = piece->next;
		OPENSSL_cleanse(piece->bytes, piece->n);
		free(piece);
	}
}

/* -- messages -------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 4, 0)))
say(struct hl_config_error *error, const char *file, int line, const char *format, va_list args)
{
	char *out = error->text;
	int n = snprintf(out, sizeof error->text, "%s:%d: ", file, line);

	if (n > 0 && (size_t)n < sizeof error->text)
		vsnprintf(out + n, sizeof error->text - (size_t)n, format, args);
}

hl_err hl_config_fail(
	struct hl_config_error *error, const char *file, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(error, file, line, format, args);
	va_end(args);
	return HL_E_CONFIG;
}

static hl_err __attribute__((format(printf, 3, 4)))
fail(const struct reading *r, const config_setting_t *at, const char *format, ...)
{
	int line = (int)config_setting_source_line(at);
	va_list args;

	va_start(args, format);
	say(r->error, r->file, line > 0 ? line : 1, format, args); /* 0: the file as a whole */
	va_end(args);
	return HL_E_CONFIG;
}

/* Who wants to hear of all faults hears of this one, and the rest is looked at too. */
static hl_err go_on(struct reading *r, hl_err err)
{
	if (!r->each || err != HL_E_CONFIG)
		return err;
	r->faults++;
	r->each(r->at, r->error->text);
	return HL_OK;
}

static hl_err out_of_memory(const struct reading *r)
{
	snprintf(r->error->text, sizeof r->error->text, "%s: %s", r->file, hl_err_text(HL_E_NOMEM));
	return HL_E_NOMEM;
}

/* What a setting is called in messages; an item of a list has no name. */
static const char *name_of(const config_setting_t *s)
{
	const char *name = config_setting_name(s);

	return name ? name : "item";
}

static hl_err wrong_type(const struct reading *r, const config_setting_t *s, const char *wanted)
{
	static const char *const are[] = {
		[CONFIG_TYPE_NONE] = "nothing",
		[CONFIG_TYPE_GROUP] = "a group",
		[CONFIG_TYPE_INT] = "a number",
		[CONFIG_TYPE_INT64] = "a number",
		[CONFIG_TYPE_FLOAT] = "a fraction",
		[CONFIG_TYPE_STRING] = "a string",
		[CONFIG_TYPE_BOOL] = "true or false",
		[CONFIG_TYPE_ARRAY] = "an array",
		[CONFIG_TYPE_LIST] = "a list",
	};

	return fail(
		r, s, "\"%s\" must be %s, not %s", name_of(s), wanted, are[config_setting_type(s)]);
}

/* -- values ---------------------------------------------------------------------------------- */

typedef hl_err read_fn(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at);

static hl_err check_number(const struct reading *r, const struct hl_config_row *row,
	const config_setting_t *s, int64_t v)
{
	const char *gap = row->unit ? " " : "", *unit = row->unit ? row->unit : "";

	if (v >= row->least && v <= row->most)
		return HL_OK;
	return fail(r, s, "\"%s\" must be %lld to %lld%s%s, not %lld", row->name,
		(long long)row->least, (long long)row->most, gap, unit, (long long)v);
}

static bool is_number(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_INT ||
	       config_setting_type(s) == CONFIG_TYPE_INT64;
}

static hl_err read_int(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	if (!is_number(s))
		return wrong_type(r, s, "a number");
	HL_TRY(check_number(r, row, s, config_setting_get_int64(s)));
	*(int64_t *)at = config_setting_get_int64(s);
	return HL_OK;
}

/* The vendor's files write a port as "2310". */
static hl_err read_int_text(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	const char *text = config_setting_get_string(s);
	int64_t v = 0;
	size_t n;

	if (!text)
		return read_int(r, row, s, at);
	n = strspn(text, "0123456789");
	if (n == 0 || n > 18 || text[n] != 0)
		return fail(r, s, "\"%s\" must be a number, not \"%s\"", row->name, text);
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (text[i] - '0');
	HL_TRY(check_number(r, row, s, v));
	*(int64_t *)at = v;
	return HL_OK;
}

static hl_err read_bool(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	(void)row;
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return wrong_type(r, s, "true or false");
	*(bool *)at = config_setting_get_bool(s) != 0;
	return HL_OK;
}

static hl_err keep_text(struct reading *r, struct hl_bytes text, const char **out)
{
	char *copy = new_piece(r, text.n + 1);

	if (!copy)
		return out_of_memory(r);
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	*out = copy;
	return HL_OK;
}

static hl_err check_length(const struct reading *r, const struct hl_config_row *row,
	const config_setting_t *s, size_t n)
{
	if ((int64_t)n >= row->least && (int64_t)n <= row->most)
		return HL_OK;
	if (row->least == row->most)
		return fail(r, s, "\"%s\" must be %lld characters long, not %zu", row->name, (long long)row->most, n);
	return fail(r, s, "\"%s\" must be %lld to %lld characters long, not %zu", row->name,
		(long long)row->least, (long long)row->most, n);
}

static hl_err read_text(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	struct hl_bytes text = hl_text(config_setting_get_string(s));

	if (!text.p)
		return wrong_type(r, s, "a string");
	HL_TRY(check_length(r, row, s, text.n));
	return keep_text(r, text, at);
}

/* libconfig has turned \t of C:\tmp into a tab; no path holds one, so it goes back. */
static hl_err read_path(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	static const char letter[] = "abtnvfr"; /* BEL (7) to CR (13) */
	HL_AUTO(hl_buf_clear) struct hl_buf path = hl_buf(FILE_MAX);
	const char *text = config_setting_get_string(s);

	if (!text)
		return wrong_type(r, s, "a string");
	for (; *text; text++)
		if (*text >= 7 && *text <= 13)
			hl_buf_put(&path, hl_bytes((char[]){ '\\', letter[*text - 7] }, 2));
		else
			hl_buf_u8(&path, (uint8_t)*text);
	if (path.err != HL_OK)
		return out_of_memory(r);
	HL_TRY(check_length(r, row, s, path.n));
	return keep_text(r, hl_buf_view(&path), at);
}

static hl_err read_word(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	const char *text = config_setting_get_string(s);
	HL_AUTO(hl_buf_clear) struct hl_buf all = hl_buf(HL_CONFIG_TEXT_MAX);

	if (!text)
		return wrong_type(r, s, "a string");
	for (int i = 0; row->words[i]; i++) {
		if (strcmp(text, row->words[i]) == 0) {
			*(int *)at = i;
			return HL_OK;
		}
		hl_buf_printf(&all, "%s%s", i ? ", " : "", row->words[i]);
	}
	return fail(r, s, "\"%s\" must be one of %.*s, not \"%s\"", row->name, (int)all.n,
		(const char *)hl_buf_view(&all).p, text);
}

/* -- groups and lists ------------------------------------------------------------------------ */

static hl_err read_group(
	struct reading *r, const struct hl_config_schema *schema, config_setting_t *s, void *at);

static hl_err check_count(
	const struct reading *r, const struct hl_config_row *row, const config_setting_t *s)
{
	int n = config_setting_length(s);

	if (n >= row->least && n <= row->most)
		return HL_OK;
	return fail(r, s, "\"%s\" must hold %lld to %lld items, not %d", row->name,
		(long long)row->least, (long long)row->most, n);
}

static hl_err read_sub(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	if (!config_setting_is_group(s))
		return wrong_type(r, s, "a group");
	return read_group(r, row->sub, s, at);
}

static hl_err read_texts(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	static const struct hl_config_row item = { .name = "item", .least = 1, .most = 4095 };
	size_t n = (size_t)config_setting_length(s);
	const char **texts;

	if (!config_setting_is_list(s) && !config_setting_is_array(s))
		return wrong_type(r, s, "a list of strings");
	HL_TRY(check_count(r, row, s));
	texts = new_piece(r, n * sizeof *texts);
	if (!texts)
		return out_of_memory(r);
	for (size_t i = 0; i < n; i++)
		HL_TRY(read_text(r, &item, config_setting_get_elem(s, (unsigned)i), &texts[i]));
	*(struct hl_config_list *)at = (struct hl_config_list){ texts, n };
	return HL_OK;
}

/* hsm0, hsm1, ...: what all names begin with, then digits. */
static bool fits(const char *name, const char *begins)
{
	size_t n = begins ? strlen(begins) : 0;

	if (!begins)
		return true;
	return strncmp(name, begins, n) == 0 && name[n] &&
	       name[n + strspn(name + n, "0123456789")] == 0;
}

static hl_err read_items(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	size_t n = (size_t)config_setting_length(s);
	uint8_t *items;

	HL_TRY(check_count(r, row, s));
	items = new_piece(r, n * row->sub->size);
	if (!items)
		return out_of_memory(r);
	for (size_t i = 0; i < n; i++) {
		config_setting_t *item = config_setting_get_elem(s, (unsigned)i);

		if (row->kind == HL_CONFIG_NAMED && !fits(config_setting_name(item), row->string))
			HL_TRY(go_on(r,
				fail(r, item, "unknown key \"%s\" in \"%s\": %s0, %s1, ... may stand here",
					config_setting_name(item), row->name, row->string, row->string)));
		HL_TRY(go_on(r, read_sub(r, row, item, items + i * row->sub->size)));
	}
	*(struct hl_config_list *)at = (struct hl_config_list){ items, n };
	return HL_OK;
}

static hl_err read_list(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	if (!config_setting_is_list(s))
		return wrong_type(r, s, "a list of groups");
	return read_items(r, row, s, at);
}

static hl_err read_named(
	struct reading *r, const struct hl_config_row *row, config_setting_t *s, void *at)
{
	if (!config_setting_is_group(s))
		return wrong_type(r, s, "a group");
	return read_items(r, row, s, at);
}

static read_fn *const readers[] = {
	[HL_CONFIG_INT] = read_int,
	[HL_CONFIG_INT_TEXT] = read_int_text,
	[HL_CONFIG_BOOL] = read_bool,
	[HL_CONFIG_TEXT] = read_text,
	[HL_CONFIG_PATH] = read_path,
	[HL_CONFIG_WORD] = read_word,
	[HL_CONFIG_TEXTS] = read_texts,
	[HL_CONFIG_GROUP] = read_sub,
	[HL_CONFIG_LIST] = read_list,
	[HL_CONFIG_NAMED] = read_named,
};

static void set_defaults(const struct hl_config_schema *schema, void *at);

static void set_default(const struct hl_config_row *row, void *at)
{
	switch (row->kind) {
	case HL_CONFIG_INT:
	case HL_CONFIG_INT_TEXT:
		*(int64_t *)at = row->number;
		break;
	case HL_CONFIG_BOOL:
		*(bool *)at = row->number != 0;
		break;
	case HL_CONFIG_WORD:
		*(int *)at = (int)row->number;
		break;
	case HL_CONFIG_TEXT:
	case HL_CONFIG_PATH:
		*(const char **)at = row->string;
		break;
	case HL_CONFIG_GROUP:
		set_defaults(row->sub, at);
		break;
	default: /* lists and what is not in the file stay empty */
		break;
	}
}

static void set_defaults(const struct hl_config_schema *schema, void *at)
{
	for (size_t i = 0; i < schema->rows; i++)
		set_default(&schema->row[i], (uint8_t *)at + schema->row[i].offset);
}

static hl_err known_keys_only(
	struct reading *r, const struct hl_config_schema *schema, config_setting_t *s)
{
	for (int i = 0; i < config_setting_length(s); i++) {
		config_setting_t *key = config_setting_get_elem(s, (unsigned)i);
		bool known = false;

		for (size_t k = 0; k < schema->rows && !known; k++)
			known = schema->row[k].name &&
				strcmp(schema->row[k].name, config_setting_name(key)) == 0;
		if (!known)
			HL_TRY(go_on(r, fail(r, key, "unknown key \"%s\"", config_setting_name(key))));
	}
	return HL_OK;
}

static bool is_needed(const struct hl_config_row *row)
{
	bool list = row->kind == HL_CONFIG_TEXTS || row->kind == HL_CONFIG_LIST ||
		    row->kind == HL_CONFIG_NAMED;

	return row->required || (list && row->least > 0);
}

static hl_err read_row(
	struct reading *r, const struct hl_config_row *row, config_setting_t *group, void *at)
{
	config_setting_t *s;

	switch (row->kind) {
	case HL_CONFIG_LINE:
		*(int *)at = (int)config_setting_source_line(group);
		return HL_OK;
	case HL_CONFIG_NAME:
		return keep_text(r, hl_text(name_of(group)), at);
	default:
		s = config_setting_get_member(group, row->name);
		if (!s && is_needed(row))
			return fail(r, group, "\"%s\" is missing", row->name);
		return s ? readers[row->kind](r, row, s, at) : HL_OK;
	}
}

static hl_err read_group(
	struct reading *r, const struct hl_config_schema *schema, config_setting_t *s, void *at)
{
	if (!schema->open)
		HL_TRY(known_keys_only(r, schema, s));
	set_defaults(schema, at);
	for (size_t i = 0; i < schema->rows; i++)
		HL_TRY(go_on(r, read_row(r, &schema->row[i], s, (uint8_t *)at + schema->row[i].offset)));
	return HL_OK;
}

/* -- files ----------------------------------------------------------------------------------- */

/* libconfig frees its strings as they are; some were passwords. */
static void wipe(config_setting_t *s)
{
	char *text = (char *)(uintptr_t)config_setting_get_string(s);

	if (text)
		OPENSSL_cleanse(text, strlen(text));
	for (int i = 0; i < config_setting_length(s); i++)
		wipe(config_setting_get_elem(s, (unsigned)i));
}

static hl_err read_all(struct reading *r, config_t *parsed, const char *text,
	const struct hl_config_schema *schema, void *filled)
{
	if (!config_read_string(parsed, text))
		return hl_config_fail(r->error, r->file, config_error_line(parsed), "%s",
			config_error_text(parsed));
	return read_group(r, schema, config_root_setting(parsed), filled);
}

/* What is filled belongs to r->config, which the caller closes. */
static hl_err parse(struct reading *r, struct hl_bytes text, const struct hl_config_schema *schema, void **filled)
{
	HL_AUTO(hl_buf_clear) struct hl_buf copy = hl_buf(FILE_MAX + 1);
	config_t parsed;
	hl_err err;

	*filled = new_piece(r, schema->size);
	hl_buf_put(&copy, text);
	hl_buf_u8(&copy, 0);
	if (!*filled || copy.err != HL_OK)
		return out_of_memory(r);
	config_init(&parsed);
	err = hl_config_check_text(r->file, text, r->error);
	if (err == HL_OK)
		err = read_all(r, &parsed, (const char *)hl_buf_view(&copy).p, schema, *filled);
	wipe(config_root_setting(&parsed));
	config_destroy(&parsed);
	return err;
}

hl_err hl_config_parse(const char *name, struct hl_bytes text,
	const struct hl_config_schema *schema, void *out, struct hl_config *config,
	struct hl_config_error *error)
{
	struct reading r = { .file = name, .error = error };
	void *filled;
	hl_err err = parse(&r, text, schema, &filled);

	if (err != HL_OK) {
		hl_config_close(&r.config);
		return err;
	}
	memcpy(out, filled, schema->size);
	*config = r.config;
	return HL_OK;
}

hl_err hl_config_faults(const char *name, struct hl_bytes text, const struct hl_config_schema *schema,
	hl_config_fault *each, void *at)
{
	struct hl_config_error error;
	struct reading r = { .file = name, .error = &error, .each = each, .at = at };
	void *filled;
	hl_err err = go_on(&r, parse(&r, text, schema, &filled)); /* a text that cannot be read is one fault */

	hl_config_close(&r.config);
	return err == HL_OK && r.faults > 0 ? HL_E_CONFIG : err;
}

hl_err hl_config_read(const char *path, const struct hl_config_schema *schema, void *out,
	struct hl_config *config, struct hl_config_error *error)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);
	hl_err err = hl_file_read(path, FILE_MAX, &text);

	if (err == HL_OK)
		return hl_config_parse(path, hl_buf_view(&text), schema, out, config, error);
	if (err == HL_E_NOT_FOUND)
		err = HL_E_CONFIG_NONE;
	else if (err == HL_E_TOO_LONG)
		return hl_config_fail(error, path, 1, "longer than %u bytes", FILE_MAX);
	snprintf(error->text, sizeof error->text, "%s: %s", path, hl_err_text(err));
	return err;
}
