/* trace.c - `trace list / show`. */
#include "cli/trace.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "cli/draw.h"
#include "cli/world.h"

#define DRAWING_MAX (64u << 10)

struct list_options {
	int64_t last;
};

static const struct list_options defaults = { .last = 20 };
static const struct cli_option rows[] = {
	{ "last", 0, "N", CLI_NUMBER, offsetof(struct list_options, last), 1, 1000000, NULL,
		"at most so many connections (20)" },
};
const struct cli_options cli_trace_list_options = CLI_OPTIONS(rows, defaults);

hl_err cli_trace_load(struct cli *c, const char *folder, struct cli_lines *out)
{
	hl_err err;

	errno = 0;
	err = cli_lines_read(out, folder);
	if (err != HL_OK)
		return cli_fail_errno(c, err, folder);
	cli_lines_sort(out);
	if (out->broken > 0)
		cli_note(c, "%zu broken line%s passed over in %s", out->broken, out->broken == 1 ? "" : "s",
			folder);
	return HL_OK;
}

static bool terminal_has_utf8(void)
{
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

hl_err cli_trace_draw(struct cli *c, const struct cli_connection *k)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(DRAWING_MAX);
	struct cli_style style = { terminal_has_utf8(), cli_colour(stdout) };
	struct hl_bytes drawn;

	cli_draw(k, style, &text);
	drawn = hl_buf_view(&text);
	if (text.err != HL_OK || fwrite(drawn.p, 1, drawn.n, c->out) != drawn.n)
		return cli_fail(c, HL_E_NOMEM, "the drawing");
	return HL_OK;
}

static hl_err load_world(struct cli *c, struct cli_lines *out)
{
	struct cli_world w;
	char folder[CLI_PATH];

	HL_TRY(cli_world_find(c, &w));
	cli_world_path(&w, folder, "trace");
	return cli_trace_load(c, folder, out);
}

/* -- list -------------------------------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct cli_connection *x = a, *y = b;

	return x->start_us < y->start_us ? -1 : x->start_us > y->start_us;
}

/* All connections in the order in which they began; a new array. */
static hl_err collect(const struct cli_lines *l, struct cli_connection **out, size_t *n)
{
	struct cli_connection k;
	size_t at = 0;

	*n = 0;
	while (cli_lines_next(l, &at, &k))
		++*n;
	*out = calloc(*n + 1, sizeof **out);
	if (!*out)
		return HL_E_NOMEM;
	at = 0;
	for (size_t i = 0; cli_lines_next(l, &at, &k); i++)
		(*out)[i] = k;
	qsort(*out, *n, sizeof **out, by_start);
	return HL_OK;
}

static void result_text(const struct cli_connection *k, char out[64])
{
	if (k->failed >= 0)
		snprintf(out, 64, "HL-%04d at %s", -(int)k->err, hl_step_row((unsigned)k->failed)->name);
	else if (k->reached == HL_STEP_PROVED)
		snprintf(out, 64, "open");
	else
		snprintf(out, 64, "ended after step %d", k->reached);
}

static const char *or_dash(const char *s)
{
	return s ? s : "-";
}

static hl_err add_row(struct cli_table *t, const struct cli_connection *k)
{
	char when[32], took[24], result[64];

	cli_time_text(k->wall_ms, when);
	snprintf(took, sizeof took, "%.3f", (double)(k->end_us - k->start_us) / 1000);
	result_text(k, result);
	return CLI_ROW(t, k->nameless ? "-" : k->id, when, or_dash(k->partition), or_dash(k->who[CLI_COL_PROXY]),
		or_dash(k->who[CLI_COL_HSM]), took, result);
}

hl_err cli_trace_list(struct cli *c)
{
	const struct list_options *o = c->options;
	HL_AUTO(cli_table_clear) struct cli_table t = { .head = { "CONNECTION", "BEGAN", "PARTITION", "PROXY",
								"HSM", "MS", "RESULT" } };
	HL_AUTO(cli_lines_clear) struct cli_lines lines = { 0 };
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	struct cli_connection *k = NULL;
	size_t n;
	hl_err err = HL_OK;

	HL_TRY(load_world(c, &lines));
	if (collect(&lines, &k, &n) != HL_OK)
		return cli_fail(c, HL_E_NOMEM, "the list");
	for (size_t i = n > (size_t)o->last ? n - (size_t)o->last : 0; i < n && err == HL_OK; i++) {
		err = add_row(&t, &k[i]);
		json_array_append_new(all, cli_draw_json(&k[i]));
	}
	free(k);
	if (err != HL_OK)
		return cli_fail(c, err, "the list");
	if (c->global.json)
		return cli_print_json(c, "hsmlet-traces/1", json_pack("{s:O}", "connections", all));
	cli_table_print(&t, c->out);
	return HL_OK;
}

/* -- show -------------------------------------------------------------------------------------------- */

static hl_err print_json(struct cli *c, const struct cli_connection *k)
{
	json_t *lines = json_array(), *j = cli_draw_json(k);

	for (size_t i = 0; i < k->lines; i++)
		json_array_append(lines, k->line[i].json);
	json_object_set_new(j, "lines", lines);
	return cli_print_json(c, "hsmlet-trace/1", j);
}

hl_err cli_trace_show(struct cli *c)
{
	HL_AUTO(cli_lines_clear) struct cli_lines lines = { 0 };
	const char *id = c->operands > 0 ? c->operand[0] : NULL;
	struct cli_connection k;
	hl_err err;

	HL_TRY(load_world(c, &lines));
	err = cli_lines_find(&lines, id, &k);
	if (err == HL_E_ARG)
		return cli_usage(c, "several connections begin with %s", id);
	if (err != HL_OK)
		return cli_next(c, cli_fail(c, err, "%s", id ? id : "no connection was made yet"),
			"see `hsmlet trace list`; `hsmlet try` makes one");
	return c->global.json ? print_json(c, &k) : cli_trace_draw(c, &k);
}
