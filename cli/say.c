#include "cli/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/step.h"

/* -- trouble ------------------------------------------------------------------------------------ */

hl_err cli_fail(struct cli *c, hl_err err, const char *format, ...)
{
	va_list args;

	c->trouble = (struct cli_trouble){ .err = err, .step = -1 };
	va_start(args, format);
	vsnprintf(c->trouble.detail, sizeof c->trouble.detail, format, args);
	va_end(args);
	return err;
}

hl_err cli_usage(struct cli *c, const char *format, ...)
{
	va_list args;

	c->trouble = (struct cli_trouble){ .err = HL_E_ARG, .step = -1 };
	va_start(args, format);
	vsnprintf(c->trouble.detail, sizeof c->trouble.detail, format, args);
	va_end(args);
	if (c->verb)
		return cli_next(c, HL_E_ARG, "see `%s --help`", c->command);
	return cli_next(c, HL_E_ARG, "see `hsmlet help`");
}

hl_err cli_next(struct cli *c, hl_err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->trouble.next, sizeof c->trouble.next, format, args);
	va_end(args);
	return err;
}

hl_err cli_cause(struct cli *c, hl_err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->trouble.cause, sizeof c->trouble.cause, format, args);
	va_end(args);
	return err;
}

hl_err cli_fail_errno(struct cli *c, hl_err err, const char *what)
{
	return cli_fail(c, err, "%s: %s", what, errno ? strerror(errno) : hl_err_text(err));
}

hl_err cli_fail_file(struct cli *c, hl_err err, const char *path)
{
	if (err != HL_E_NOT_FOUND)
		return cli_fail_errno(c, err, path);
	cli_fail(c, HL_E_IO, "%s: %s", path, strerror(ENOENT));
	cli_cause(c, HL_E_IO, "there is no such file");
	return cli_next(c, HL_E_IO, "check the path");
}

hl_err cli_fail_line(struct cli *c, hl_err err, const char *path, unsigned line, const char *why)
{
	return line > 0 ? cli_fail(c, err, "%s:%u: %s", path, line, why) : cli_fail(c, err, "%s: %s", path, why);
}

/* One object: `report`, where there is one, and in it the error. */
static void tell_json(const struct cli_trouble *t, const struct hl_err_row *row, const char *message, const char *next,
	json_t *report)
{
	char id[CLI_ERR_TEXT];
	json_t *j;

	cli_err_text(row->code, id);
	j = json_pack("{s:{s:s, s:s?, s:s, s:s, s:s, s:b}}", "error", "id", id, "step",
		t->step < 0 ? NULL : hl_step_row((unsigned)t->step)->name, "message", message, "cause",
		*t->cause ? t->cause : row->cause, "next", next, "retryable",
		row->again == HL_AGAIN);
	if (j && t->retry_after_ms)
		json_object_set_new(
			json_object_get(j, "error"), "retry_after_ms", json_integer(t->retry_after_ms));
	if (j && report)
		json_object_update_missing(j, report);
	if (!j || json_dumpf(j, stdout, JSON_COMPACT) != 0)
		fprintf(stderr, "hsmlet: %s\n", message);
	printf("\n");
	json_decref(j);
}

static void tell_text(
	const struct cli_trouble *t, const struct hl_err_row *row, const char *message, const char *next)
{
	bool colour = cli_colour(stderr);

	fprintf(stderr, "hsmlet: %sHL-%04d%s %s\n", colour ? "\033[1;31m" : "", -(int)row->code,
		colour ? "\033[0m" : "", message);
	if (t->step < 0)
		fprintf(stderr, "  step   none: not on a connection\n");
	else
		fprintf(stderr, "  step   %d %s\n", t->step, hl_step_row((unsigned)t->step)->name);
	fprintf(stderr, "  cause  %s\n", *t->cause ? t->cause : row->cause);
	if (t->retry_after_ms)
		fprintf(stderr, "  wait   %u s\n", (t->retry_after_ms + 999) / 1000);
	fprintf(stderr, "  next   %s\n", next);
}

/* Some have the error's own text at their end, for those who show nothing else. */
static void cut_repetition(const char *text, char *detail)
{
	size_t n = strlen(detail), rest = strlen(text);

	if (n > rest + 2 && strcmp(detail + n - rest, text) == 0 && memcmp(detail + n - rest - 2, ": ", 2) == 0)
		detail[n - rest - 2] = 0;
}

void cli_tell(struct cli *c, hl_err err)
{
	const struct hl_err_row *row = hl_err_row(err);
	char message[1280], detail[1024], next[CLI_ADVICE_TEXT];

	if (c->trouble.err != err)
		c->trouble = (struct cli_trouble){ .err = err, .step = -1 };
	cli_printable(c->trouble.detail, detail, sizeof detail);
	cut_repetition(row->text, detail);
	cli_advice(c, *c->trouble.next ? c->trouble.next : row->next, next);
	snprintf(message, sizeof message, "%s%s%s", row->text, *detail ? ": " : "", detail);
	if (c->global.json)
		tell_json(&c->trouble, row, message, next, c->report);
	else
		tell_text(&c->trouble, row, message, next);
	json_decref(c->report);
	c->report = NULL;
}

void cli_err_text(hl_err err, char out[CLI_ERR_TEXT])
{
	snprintf(out, CLI_ERR_TEXT, "HL-%04d", -(int)err);
}

/* -- notes -------------------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 0))) static void line(const char *format, va_list args)
{
	fputs("hsmlet: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void cli_note(const struct cli *c, const char *format, ...)
{
	va_list args;

	if (c->global.quiet)
		return;
	va_start(args, format);
	line(format, args);
	va_end(args);
}

void cli_progress(const struct cli *c, const char *format, ...)
{
	va_list args;

	if (c->global.quiet || !isatty(STDERR_FILENO))
		return;
	va_start(args, format);
	line(format, args);
	va_end(args);
}

bool cli_colour(FILE *stream)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(stream)) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* -- data --------------------------------------------------------------------------------------- */

/* `object` is taken over; NULL: no memory, or `object` was NULL. */
static json_t *with_schema(const char *schema, json_t *object)
{
	json_t *all = json_pack("{s:s}", "schema", schema);
	bool good = all && object && json_object_update(all, object) == 0;

	json_decref(object);
	if (good)
		return all;
	json_decref(all);
	return NULL;
}

hl_err cli_print_json(struct cli *c, const char *schema, json_t *object)
{
	const bool made = object != NULL;
	json_t *all = with_schema(schema, object);
	bool good = all && json_dumpf(all, c->out, JSON_COMPACT) == 0 && fputc('\n', c->out) != EOF;

	json_decref(all);
	if (good)
		return HL_OK;
	if (made)
		return cli_fail(c, HL_E_NOMEM, "the JSON output");
	return cli_fail(c, HL_E_BUG, "the JSON output: text that is not UTF-8");
}

hl_err cli_end_json(struct cli *c, hl_err err, const char *schema, json_t *object)
{
	if (c->global.json && err == HL_OK)
		return cli_print_json(c, schema, object);
	if (c->global.json)
		c->report = with_schema(schema, object);
	else
		json_decref(object);
	return err;
}

static bool within(unsigned char c, unsigned char least, unsigned char most)
{
	return c >= least && c <= most;
}

/* How many bytes the printable character at `p` has (RFC 3629, section 4); 0: there is none. C0 and C1
 * controls are none: a terminal would obey them. */
static size_t character(const unsigned char *p)
{
	if (*p < 0x80)
		return *p >= 0x20 && *p != 0x7f;
	if (within(*p, 0xc2, 0xdf))
		return within(p[1], *p == 0xc2 ? 0xa0 : 0x80, 0xbf) ? 2 : 0;
	if (within(*p, 0xe0, 0xef))
		return within(p[1], *p == 0xe0 ? 0xa0 : 0x80, *p == 0xed ? 0x9f : 0xbf) &&
				within(p[2], 0x80, 0xbf) ? 3 : 0;
	if (within(*p, 0xf0, 0xf4))
		return within(p[1], *p == 0xf0 ? 0x90 : 0x80, *p == 0xf4 ? 0x8f : 0xbf) &&
				within(p[2], 0x80, 0xbf) && within(p[3], 0x80, 0xbf) ? 4 : 0;
	return 0;
}

void cli_printable(const char *text, char *out, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = 0;

	while (*p && n + 5 < size) {
		size_t whole = character(p);

		if (whole) {
			memcpy(out + n, p, whole);
			n += whole;
			p += whole;
		} else {
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", *p++);
		}
	}
	out[n] = 0;
}

void cli_time_text(int64_t wall_ms, char out[32])
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t n = gmtime_r(&s, &tm) ? strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm) : 0;

	snprintf(out + n, 32 - n, ".%03dZ", (int)(wall_ms % 1000));
}

/* In single quotes a shell takes everything as it stands, but the single quote. */
void cli_shell_quote(const char *text, char *out, size_t size)
{
	static const char quote[] = "'\\''";
	size_t n = 0;

	out[n++] = '\'';
	for (; *text && n + sizeof quote + 1 < size; text++) {
		if (*text == '\'') {
			memcpy(out + n, quote, sizeof quote - 1);
			n += sizeof quote - 1;
		} else {
			out[n++] = *text;
		}
	}
	out[n++] = '\'';
	out[n] = 0;
}

void cli_shell_word(const char *text, char *out, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+:@%-";

	if (*text && !text[strspn(text, plain)])
		snprintf(out, size, "%s", text);
	else
		cli_shell_quote(text, out, size);
}

/* -- tables ------------------------------------------------------------------------------------- */

static size_t columns(const struct cli_table *t)
{
	size_t n = 0;

	while (n < CLI_COLUMNS && t->head[n])
		n++;
	return n;
}

static hl_err grow(struct cli_table *t, size_t more)
{
	size_t room = t->room ? 2 * t->room : 64;
	char **cell;

	if (t->cells + more <= t->room)
		return HL_OK;
	cell = reallocarray(t->cell, room, sizeof *cell);
	if (!cell)
		return HL_E_NOMEM;
	t->cell = cell;
	t->room = room;
	return HL_OK;
}

hl_err cli_table_row(struct cli_table *t, const char *const *text)
{
	size_t n = columns(t);
	char cell[512];

	HL_TRY(grow(t, n));
	for (size_t i = 0; i < n; i++) {
		cli_printable(text[i], cell, sizeof cell);
		t->cell[t->cells] = strdup(cell);
		if (!t->cell[t->cells])
			return HL_E_NOMEM;
		t->cells++;
	}
	return HL_OK;
}

/* Columns on a terminal: the bytes that begin a character of UTF-8. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void print_cell(FILE *out, const char *text, size_t wide, bool last)
{
	fputs(text, out);
	for (size_t i = width(text); !last && i < wide + 2; i++)
		fputc(' ', out);
	if (last)
		fputc('\n', out);
}

void cli_table_print(const struct cli_table *t, FILE *out)
{
	size_t n = columns(t), wide[CLI_COLUMNS] = { 0 };

	for (size_t i = 0; i < n; i++)
		wide[i] = width(t->head[i]);
	for (size_t i = 0; i < t->cells; i++)
		if (width(t->cell[i]) > wide[i % n])
			wide[i % n] = width(t->cell[i]);
	for (size_t i = 0; i < n; i++)
		print_cell(out, t->head[i], wide[i], i + 1 == n);
	for (size_t i = 0; i < t->cells; i++)
		print_cell(out, t->cell[i], wide[i % n], (i + 1) % n == 0);
}

void cli_table_clear(struct cli_table *t)
{
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	t->cell = NULL;
	t->cells = t->room = 0;
}
