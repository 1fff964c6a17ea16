/* config.h - configuration files: libconfig's grammar, checked and copied by a table.
 *
 * A schema is a table of rows, one a key; it says what a group may hold and where in a C struct
 * each value goes. Reading fills the whole struct, defaults included, or fails with `file:line: what`.
 *
 *	struct conf { int64_t limit; bool proud; const char *name; struct hl_config_list hsms; };
 *	static const struct hl_config_row rows[] = {
 *		HL_CONFIG_INT_ROW(struct conf, limit, 1, 10, 5, "s", "how long"),
 *		HL_CONFIG_BOOL_ROW(struct conf, proud, false, "whether"),
 *		HL_CONFIG_TEXT_ROW(struct conf, name, 1, 64, NULL, "a name; NULL: it must be there"),
 *		HL_CONFIG_NAMED_ROW(struct conf, hsms, hsm_schema, "hsm", 0, 64, "hsm0, hsm1, ..."),
 *	};
 *	static const struct hl_config_schema schema = HL_CONFIG_SCHEMA(struct conf, rows);
 *
 * Strings and lists are owned by the struct hl_config and live until hl_config_close(), which wipes
 * them, because some are passwords. What libconfig makes of escapes in strings is kept (an unknown
 * one stands for itself); a PATH takes every backslash as it is written, C:\new\tmp included. */
#pragma once

#include "lib/base/bytes.h"

enum hl_config_kind {
	HL_CONFIG_INT,      /* int64_t */
	HL_CONFIG_INT_TEXT, /* int64_t; in the file a number, or a string of decimal digits */
	HL_CONFIG_BOOL,     /* bool */
	HL_CONFIG_TEXT,     /* const char * */
	HL_CONFIG_PATH,     /* const char *; backslashes are literal */
	HL_CONFIG_WORD,     /* int: index of the word in `words` */
	HL_CONFIG_TEXTS,    /* struct hl_config_list of const char *: ( "a", "b" ) or [ "a", "b" ] */
	HL_CONFIG_GROUP,    /* a struct inside, by `sub`; an absent group gets its defaults */
	HL_CONFIG_LIST,     /* struct hl_config_list of structs by `sub`: ( { ... }, { ... } ) */
	HL_CONFIG_NAMED,    /* the same, from a group with free names: { hsm0: { ... }; hsm1: { ... }; } */
	/* Not in the file; for the caller's own messages: */
	HL_CONFIG_NAME,     /* const char *: the name of this group, "hsm0" */
	HL_CONFIG_LINE,     /* int: the line where this group begins */
};

struct hl_config_list {
	const void *items; /* an array of `count` structs, or of const char * */
	size_t count;
};

struct hl_config_row {
	const char *name;
	enum hl_config_kind kind;
	bool required;
	size_t offset;
	int64_t least, most; /* INT: the value; TEXT, PATH: its length; lists: how many items */
	int64_t number;      /* default of INT, BOOL, WORD */
	const char *string;  /* default of TEXT, PATH (may be NULL); NAMED: what names begin with,
				digits follow; NULL: any name */
	const char *const *words; /* WORD: NULL-terminated */
	const struct hl_config_schema *sub;
	const char *unit, *text; /* for people */
};

struct hl_config_schema {
	const struct hl_config_row *row;
	size_t rows, size; /* size of the struct that it fills */
	bool open;         /* keys that no row names are passed over instead of refused */
};

#define HL_CONFIG_SCHEMA(S, r) { .row = (r), .rows = HL_COUNT(r), .size = sizeof(S) }
#define HL_CONFIG_OPEN_SCHEMA(S, r) \
	{ .row = (r), .rows = HL_COUNT(r), .size = sizeof(S), .open = true }

/* The offset of a member, which must be of type T: a wrong one does not compile. */
#define HL_CONFIG_AT(S, m, T) \
	(offsetof(S, m) + \
		0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((S *)0)->m), T) ? 1 : -1]))

/* clang-format off */
#define HL_CONFIG_INT_ROW(S, m, lo, hi, dflt, u, t) \
	{ .name = #m, .kind = HL_CONFIG_INT, .offset = HL_CONFIG_AT(S, m, int64_t), .least = lo, .most = hi, .number = dflt, .unit = u, .text = t }
#define HL_CONFIG_INT_TEXT_ROW(S, m, lo, hi, need, dflt, u, t) \
	{ .name = #m, .kind = HL_CONFIG_INT_TEXT, .offset = HL_CONFIG_AT(S, m, int64_t), .least = lo, .most = hi, .required = need, .number = dflt, .unit = u, .text = t }
#define HL_CONFIG_BOOL_ROW(S, m, dflt, t) \
	{ .name = #m, .kind = HL_CONFIG_BOOL, .offset = HL_CONFIG_AT(S, m, bool), .number = dflt, .text = t }
/* `dflt` NULL: it must be there. For an optional one that may be absent use HL_CONFIG_OPT_TEXT_ROW. */
#define HL_CONFIG_TEXT_ROW(S, m, lo, hi, dflt, t) \
	{ .name = #m, .kind = HL_CONFIG_TEXT, .offset = HL_CONFIG_AT(S, m, const char *), .least = lo, .most = hi, .string = dflt, .required = (const char *)(dflt) == NULL, .text = t }
#define HL_CONFIG_OPT_TEXT_ROW(S, m, lo, hi, t) \
	{ .name = #m, .kind = HL_CONFIG_TEXT, .offset = HL_CONFIG_AT(S, m, const char *), .least = lo, .most = hi, .text = t }
#define HL_CONFIG_PATH_ROW(S, m, need, t) \
	{ .name = #m, .kind = HL_CONFIG_PATH, .offset = HL_CONFIG_AT(S, m, const char *), .least = 1, .most = 4095, .required = need, .text = t }
#define HL_CONFIG_WORD_ROW(S, m, w, dflt, t) \
	{ .name = #m, .kind = HL_CONFIG_WORD, .offset = HL_CONFIG_AT(S, m, int), .words = w, .number = dflt, .text = t }
#define HL_CONFIG_TEXTS_ROW(S, m, lo, hi, t) \
	{ .name = #m, .kind = HL_CONFIG_TEXTS, .offset = HL_CONFIG_AT(S, m, struct hl_config_list), .least = lo, .most = hi, .text = t }
#define HL_CONFIG_GROUP_ROW(S, m, schema, need, t) \
	{ .name = #m, .kind = HL_CONFIG_GROUP, .offset = offsetof(S, m), .sub = &(schema), .required = need, .text = t }
#define HL_CONFIG_LIST_ROW(S, m, schema, lo, hi, t) \
	{ .name = #m, .kind = HL_CONFIG_LIST, .offset = HL_CONFIG_AT(S, m, struct hl_config_list), .sub = &(schema), .least = lo, .most = hi, .text = t }
#define HL_CONFIG_NAMED_ROW(S, m, schema, begins, lo, hi, t) \
	{ .name = #m, .kind = HL_CONFIG_NAMED, .offset = HL_CONFIG_AT(S, m, struct hl_config_list), .sub = &(schema), .string = begins, .least = lo, .most = hi, .text = t }
#define HL_CONFIG_NAME_ROW(S, m) \
	{ .kind = HL_CONFIG_NAME, .offset = HL_CONFIG_AT(S, m, const char *) }
#define HL_CONFIG_LINE_ROW(S, m) \
	{ .kind = HL_CONFIG_LINE, .offset = HL_CONFIG_AT(S, m, int) }
/* clang-format on */

#define HL_CONFIG_TEXT_MAX 512
struct hl_config_error {
	char text[HL_CONFIG_TEXT_MAX]; /* "primus.cfg:12: unknown key \"prot\"" */
};

/* Owns what a filled struct points to; {0} owns nothing. */
struct hl_config {
	struct hl_config_piece *pieces;
};

/**
 * Read the file into `out` (schema->size bytes). On HL_OK `*config` is to be closed by the caller,
 * and `out` is valid until then. HL_E_CONFIG_NONE: no such file; HL_E_CONFIG; HL_E_IO; HL_E_NOMEM;
 * with `error` filled for all of them, and `out` and `config` left alone.
 */
HL_CHECKED hl_err hl_config_read(const char *path, const struct hl_config_schema *schema, void *out,
	struct hl_config *config, struct hl_config_error *error);

/** The same from bytes in memory; `name` stands for the file in messages. */
HL_CHECKED hl_err hl_config_parse(const char *name, struct hl_bytes text,
	const struct hl_config_schema *schema, void *out, struct hl_config *config,
	struct hl_config_error *error);

/** Call `each` with every fault of the text, "file:line: what", in the order in which they are found; what stands inside of
 * something unknown is not looked at. HL_E_CONFIG: there was one; HL_E_NOMEM. */
typedef void hl_config_fault(void *at, const char *text);
HL_CHECKED hl_err hl_config_faults(const char *name, struct hl_bytes text, const struct hl_config_schema *schema,
	hl_config_fault *each, void *at);

/** For the caller's own checks: fills "file:line: what" and gives HL_E_CONFIG. */
HL_CHECKED hl_err hl_config_fail(struct hl_config_error *error, const char *file, int line,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

void hl_config_close(struct hl_config *config); /* usable with HL_AUTO */
