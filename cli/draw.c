#include "cli/draw.h"

#include <stdio.h>

/* Each column has its lifeline at a multiple of this. */
#define APART 12
#define WIDTH ((CLI_COLS - 1) * APART + 1)

/* clang-format off */
enum glyph { SPACE, LIFELINE, PLAIN, SEALED, RIGHT, LEFT };
static const char *const glyphs[2][6] = {
	{ " ", "|", "-", "=", ">", "<" },
	{ " ", "│", "─", "═", "▶", "◀" },
};
/* From column, to column. A step that travels inside the TLS channel is drawn double. */
static const struct { enum cli_column from, to; bool sealed; } arrows[] = {
	[HL_STEP_DNS]     = { CLI_COL_CLIENT, CLI_COL_DNS, false },
	[HL_STEP_HELLO]   = { CLI_COL_CLIENT, CLI_COL_PROXY, false },
	[HL_STEP_REQUEST] = { CLI_COL_PROXY, CLI_COL_CLIENT, false },
	[HL_STEP_ANSWER]  = { CLI_COL_CLIENT, CLI_COL_PROXY, false },
	[HL_STEP_QUERY]   = { CLI_COL_PROXY, CLI_COL_DIRECTORY, false },
	[HL_STEP_GRANT]   = { CLI_COL_DIRECTORY, CLI_COL_PROXY, false },
	[HL_STEP_RESULT]  = { CLI_COL_PROXY, CLI_COL_CLIENT, false },
	[HL_STEP_TLS]     = { CLI_COL_CLIENT, CLI_COL_HSM, true },
	[HL_STEP_PROVED]  = { CLI_COL_HSM, CLI_COL_CLIENT, true },
};
/* clang-format on */

static const char *const roles[CLI_COLS] = { "client", "dns", "proxy", "directory", "hsm" };

static void put_cells(const enum glyph cell[WIDTH], struct cli_style style, struct hl_buf *out)
{
	for (size_t i = 0; i < WIDTH; i++)
		hl_buf_text(out, glyphs[style.utf8][cell[i]]);
}

static void lifelines(enum glyph cell[WIDTH])
{
	for (size_t i = 0; i < WIDTH; i++)
		cell[i] = i % APART == 0 ? LIFELINE : SPACE;
}

static void arrow(enum glyph cell[WIDTH], size_t step)
{
	size_t from = (size_t)arrows[step].from * APART, to = (size_t)arrows[step].to * APART;
	size_t low = from < to ? from : to, high = from < to ? to : from;

	for (size_t i = low + 1; i < high; i++)
		cell[i] = arrows[step].sealed ? SEALED : PLAIN;
	if (from < to)
		cell[high - 1] = RIGHT;
	else
		cell[low + 1] = LEFT;
}

static void put_colour(struct hl_buf *out, struct cli_style style, const char *code)
{
	if (style.colour)
		hl_buf_printf(out, "\033[%sm", code);
}

static void put_heads(const struct cli_connection *k, struct hl_buf *out)
{
	hl_buf_printf(out, "%-18s", "");
	for (size_t i = 0; i < CLI_COLS; i++)
		hl_buf_printf(out, i + 1 < CLI_COLS ? "%-12.11s" : "%.24s\n", k->who[i] ? k->who[i] : roles[i]);
}

static void put_error(struct hl_buf *out, struct cli_style style, hl_err err)
{
	put_colour(out, style, "31");
	hl_buf_printf(out, "HL-%04d %s", -(int)err, hl_err_text(err));
	put_colour(out, style, "0");
}

static void put_note(const struct cli_connection *k, size_t step, struct hl_buf *out)
{
	if (k->step[step].note)
		hl_buf_printf(out, "  %.80s", k->step[step].note);
	else if (step == HL_STEP_HELLO && k->partition)
		hl_buf_printf(out, "  partition %.64s", k->partition);
	else if (step == HL_STEP_RESULT && k->who[CLI_COL_HSM])
		hl_buf_printf(out, "  %.64s reached", k->who[CLI_COL_HSM]);
}

static void put_step(const struct cli_connection *k, size_t step, struct cli_style style, struct hl_buf *out)
{
	enum glyph cell[WIDTH];
	bool seen = k->step[step].seen;

	lifelines(cell);
	if (seen)
		arrow(cell, step);
	hl_buf_printf(out, "%2zu  %-14s", step, hl_step_row((unsigned)step)->name);
	put_cells(cell, style, out);
	if (seen)
		hl_buf_printf(out, "  %8.3f ms", (double)(k->step[step].at_us - k->start_us) / 1000);
	else
		hl_buf_printf(out, "  %11s", (int)step > k->reached ? "not reached" : "not traced");
	if (k->step[step].err != HL_OK) {
		hl_buf_text(out, "  ");
		put_error(out, style, k->step[step].err);
	} else if (seen) {
		put_note(k, step, out);
	}
	hl_buf_text(out, "\n");
}

static void put_end(const struct cli_connection *k, struct cli_style style, struct hl_buf *out)
{
	if (k->failed >= 0) {
		hl_buf_printf(out, "failed at step %d %s: ", k->failed, hl_step_row((unsigned)k->failed)->name);
		put_error(out, style, k->err);
		hl_buf_text(out, "\n");
	} else if (k->reached == HL_STEP_PROVED) {
		put_colour(out, style, "32");
		hl_buf_printf(out, "open after %.3f ms", (double)(k->end_us - k->start_us) / 1000);
		put_colour(out, style, "0");
		hl_buf_text(out, "\n");
	} else {
		hl_buf_printf(out, "ended after step %d, without a reason in the trace\n", k->reached);
	}
}

void cli_draw(const struct cli_connection *k, struct cli_style style, struct hl_buf *out)
{
	enum glyph cell[WIDTH];

	hl_buf_printf(out, "connection %s\n\n", k->nameless ? "without an id: it ended before it had one" : k->id);
	put_heads(k, out);
	lifelines(cell);
	hl_buf_printf(out, "%-18s", "");
	put_cells(cell, style, out);
	hl_buf_text(out, "\n");
	for (size_t i = 0; i < CLI_STEPS; i++)
		put_step(k, i, style, out);
	hl_buf_text(out, "\n");
	put_end(k, style, out);
}

/* -- JSON --------------------------------------------------------------------------------------------- */

static json_t *step_json(const struct cli_connection *k, size_t step)
{
	const struct hl_step_row *row = hl_step_row((unsigned)step);
	json_t *j = json_pack("{s:i, s:s, s:s, s:s, s:b, s:s?}", "n", (int)step, "step", row->name, "from",
		row->from, "to", row->to, "seen", k->step[step].seen, "note", k->step[step].note);
	char id[16];

	if (k->step[step].seen)
		json_object_set_new(j, "at_us", json_integer(k->step[step].at_us - k->start_us));
	if (k->step[step].err != HL_OK) {
		snprintf(id, sizeof id, "HL-%04d", -(int)k->step[step].err);
		json_object_set_new(j, "err", json_string(id));
	}
	return j;
}

json_t *cli_draw_json(const struct cli_connection *k)
{
	json_t *steps = json_array(), *who = json_object();

	for (size_t i = 0; i < CLI_STEPS; i++)
		json_array_append_new(steps, step_json(k, i));
	for (size_t i = 0; i < CLI_COLS; i++)
		if (k->who[i])
			json_object_set_new(who, roles[i], json_string(k->who[i]));
	return json_pack("{s:s?, s:I, s:b, s:s?, s:o, s:o}", "connection", k->nameless ? NULL : k->id, "wall_ms",
		(json_int_t)k->wall_ms, "open", k->failed < 0 && k->reached == HL_STEP_PROVED, "partition",
		k->partition, "who", who, "steps", steps);
}
