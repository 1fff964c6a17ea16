/* say.h - how the front command talks: data, notes, errors of four parts, JSON, tables, colour. */
#pragma once

#include <jansson.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "lib/base/bytes.h"

/** Note the trouble: what exactly, beside the error's own words. Gives `err`. */
hl_err cli_fail(struct cli *c, hl_err err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** HL_E_ARG; the next step is the verb's --help. */
hl_err cli_usage(struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A better next step than the error's own. Gives `err`, to be put around cli_fail(). */
hl_err cli_next(struct cli *c, hl_err err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** The same for the most likely cause. */
hl_err cli_cause(struct cli *c, hl_err err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** The errno of a system call that failed on `what`. Gives `err`. */
hl_err cli_fail_errno(struct cli *c, hl_err err, const char *what);

/** The same for a file that was named to us, to be read: one that is not there (HL_E_NOT_FOUND) is HL_E_IO. */
hl_err cli_fail_file(struct cli *c, hl_err err, const char *path);
/** A file that was read and is not good, and where; `line` 0: as a whole. */
hl_err cli_fail_line(struct cli *c, hl_err err, const char *path, unsigned line, const char *why);

/** "HL-0503". */
#define CLI_ERR_TEXT 16
void cli_err_text(hl_err err, char out[CLI_ERR_TEXT]);

/** Tell the trouble: four parts on stderr, or with --json one object on stdout, which has the report, too. `err` is what the
 * verb gave; where nothing was noted its own words serve. */
void cli_tell(struct cli *c, hl_err err);

/** Write `content` where a user said so: a new file takes the place of an old one, all or nothing; what is no plain
 * file (a terminal, a pipe, /dev/null, a link to a file) is written to. HL_E_CREATE, HL_E_IO, with the trouble noted. */
HL_CHECKED hl_err cli_write_file(struct cli *c, const char *path, mode_t mode, struct hl_bytes content);

/** A line on stderr, unless --quiet. */
void cli_note(const struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** The same where stderr is a terminal: long work is under way. */
void cli_progress(const struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Print `object` (taken over) with "schema": schema in front. */
hl_err cli_print_json(struct cli *c, const char *schema, json_t *object);
/** The end of a verb that has results also where it failed: without --json nothing, on HL_OK as cli_print_json(), else the
 * object is told together with the error, in one. Gives `err`, or what kept it from printing. `object` is taken over. */
hl_err cli_end_json(struct cli *c, hl_err err, const char *schema, json_t *object);
static inline void cli_json_drop(json_t **j)
{
	json_decref(*j);
}

/** Whether this stream may be coloured: a terminal, not dumb, NO_COLOR unset. */
bool cli_colour(FILE *stream);

/** `text` with everything that is not printable UTF-8 made visible as \x1b; `out` gets at most size - 1
 * bytes. Safe for a terminal and for JSON. */
void cli_printable(const char *text, char *out, size_t size);

/** Advice in which commands stand as `hsmlet VERB`, for the world that was named on the command line: to be typed as
 * it stands, it has to be named again. What needs no world (help, explain, version) is left as it is. */
#define CLI_ADVICE_TEXT 2048
void cli_advice(const struct cli *c, const char *text, char out[CLI_ADVICE_TEXT]);

/** Milliseconds since 1970 as "2026-01-31T23:59:59.123Z". */
void cli_time_text(int64_t wall_ms, char out[32]);

/* `text` as one word of a shell; `out` has room for four bytes for each of its own, and three more. */
#define CLI_SHELL_TEXT (4 * CLI_PATH + 3)
void cli_shell_quote(const char *text, char *out, size_t size);
/** The same, with quotes only where it has more than plain characters. */
void cli_shell_word(const char *text, char *out, size_t size);

/* Rows of text under a heading, columns as wide as they need to be. */
#define CLI_COLUMNS 8
struct cli_table {
	const char *head[CLI_COLUMNS]; /* ends with NULL */
	char **cell;
	size_t cells, room;
};

/** Add a row: as many texts as there are heads, copied. HL_E_NOMEM. */
hl_err cli_table_row(struct cli_table *t, const char *const *text);
#define CLI_ROW(t, ...) cli_table_row(t, (const char *const[]){ __VA_ARGS__ })
void cli_table_print(const struct cli_table *t, FILE *out);
void cli_table_clear(struct cli_table *t);
