/* explain.c - `explain`: an error or an exit code, told from the tables that the code itself works with. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/explain.h"
#include "cli/say.h"
#include "lib/base/err_steps.h"

/* -- exit codes ---------------------------------------------------------------------------------------- */

static const struct cli_exit exits[] = {
	{ 0, "done, or yes" },
	{ 1, "no: a check failed, or there is no such thing" },
	{ 2, "wrong usage" },
	{ 10, "the gateway refused the service credentials" },
	{ 11, "the directory refused, or was not reachable" },
	{ 12, "the HSM refused its credentials" },
	{ 13, "a credential has expired" },
	{ 14, "locked out" },
	{ 16, "no member reachable: name, proxies or HSMs" },
	{ 17, "outcome unknown" },
	{ 69, "the world is not running" },
	{ 70, "a defect of hsmlet" },
	{ 73, "cannot create" },
	{ 74, "input or output failed" },
	{ 75, "timed out or busy, try again" },
	{ 76, "a peer broke the protocol" },
	{ 78, "configuration" },
};

const struct cli_exit *cli_exits(size_t *n)
{
	*n = HL_COUNT(exits);
	return exits;
}

static const struct cli_exit *exit_of(int code)
{
	for (size_t i = 0; i < HL_COUNT(exits); i++)
		if (exits[i].code == code)
			return &exits[i];
	return NULL;
}

/* -- one error ------------------------------------------------------------------------------------------ */

static json_t *steps_json(unsigned steps)
{
	json_t *all = json_array();

	for (unsigned n = 0; n < HL_STEP_COUNT; n++)
		if (steps & 1u << n)
			json_array_append_new(
				all, json_pack("{s:i, s:s}", "n", (int)n, "step", hl_step_row(n)->name));
	return all;
}

static json_t *row_json(const struct hl_err_row *row)
{
	char id[CLI_ERR_TEXT];

	cli_err_text(row->code, id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:o}", "id", id, "name", row->name, "message", row->text,
		"cause", row->cause, "next", row->next, "exit_code", row->exit_code, "retryable",
		row->again == HL_AGAIN, "steps", steps_json(hl_err_steps(row->code)));
}

static void put_steps(FILE *out, unsigned steps)
{
	const char *between = "";

	fprintf(out, "  steps  ");
	if (steps == 0)
		fprintf(out, "none: not on a connection");
	for (unsigned n = 0; n < HL_STEP_COUNT; n++) {
		if (!(steps & 1u << n))
			continue;
		fprintf(out, "%s%u %s", between, n, hl_step_row(n)->name);
		between = ", ";
	}
	fprintf(out, "\n");
}

static hl_err tell_error(struct cli *c, const struct hl_err_row *row)
{
	const struct cli_exit *e = exit_of(row->exit_code);

	if (c->global.json)
		return cli_print_json(c, "hsmlet-explain/1", row_json(row));
	fprintf(c->out, "HL-%04d %s\n  name   %s\n  cause  %s\n  next   %s\n", -(int)row->code, row->text, row->name,
		row->cause, row->next);
	fprintf(c->out, "  exit   %d: %s\n", row->exit_code, e ? e->text : "");
	fprintf(c->out, "  retry  %s\n",
		row->again == HL_AGAIN ? "yes: the same, unchanged, may succeed later" :
					 "no: not before something else has changed");
	put_steps(c->out, hl_err_steps(row->code));
	return HL_OK;
}

/* -- several --------------------------------------------------------------------------------------------- */

/* All errors (exit_code -1), or those of one exit code. */
static hl_err list(struct cli *c, int exit_code, json_t *head)
{
	HL_AUTO(cli_table_clear) struct cli_table t = { .head = { "ID", "NAME", "EXIT", "RETRY", "WHAT" } };
	json_t *all = json_array();
	unsigned n;
	const struct hl_err_row *row = hl_err_rows(&n);
	hl_err err = HL_OK;

	for (unsigned i = 0; i < n && err == HL_OK; i++) {
		char id[16], code[16];

		if (row[i].code == HL_OK || (exit_code >= 0 && row[i].exit_code != exit_code))
			continue;
		snprintf(id, sizeof id, "HL-%04d", -(int)row[i].code);
		snprintf(code, sizeof code, "%d", row[i].exit_code);
		json_array_append_new(all, row_json(&row[i]));
		err = CLI_ROW(&t, id, row[i].name, code, row[i].again == HL_AGAIN ? "yes" : "no", row[i].text);
	}
	json_object_set_new(head, "errors", all);
	if (err == HL_OK && c->global.json)
		return cli_print_json(c, "hsmlet-errors/1", head);
	json_decref(head);
	if (err == HL_OK && t.cells > 0)
		cli_table_print(&t, c->out);
	return err;
}

static hl_err tell_exit(struct cli *c, const char *text)
{
	char *end;
	long code = strtol(text, &end, 10);
	const struct cli_exit *e = *text && !*end ? exit_of((int)code) : NULL;

	if (!e)
		return cli_next(c, cli_fail(c, HL_E_NOT_FOUND, "hsmlet has no exit code %s", text),
			"see EXIT STATUS in hsmlet(1)");
	if (!c->global.json)
		fprintf(c->out, "exit %d: %s\n", e->code, e->text);
	return list(c, e->code, json_pack("{s:i, s:s}", "exit_code", e->code, "meaning", e->text));
}

/* -- what was meant -------------------------------------------------------------------------------------- */

/* "HL-0302", "hl-302", "0302", "302", "HL_E_LOCKED", "locked". */
static const struct hl_err_row *find(const char *word)
{
	bool marked = strncasecmp(word, "HL-", 3) == 0;
	const char *digits = marked ? word + 3 : word;
	char *end;
	long code = strtol(digits, &end, 10);
	bool number = isdigit((unsigned char)*digits) && !*end;
	unsigned n;
	const struct hl_err_row *row = hl_err_rows(&n);

	for (unsigned i = 0; i < n; i++) {
		if (row[i].code == HL_OK)
			continue;
		if (number ? -(long)row[i].code == code :
			     strcasecmp(word, row[i].name) == 0 || strcasecmp(word, row[i].name + 5) == 0)
			return &row[i];
	}
	return NULL;
}

hl_err cli_explain(struct cli *c)
{
	const struct hl_err_row *row;

	if (c->operands == 0)
		return list(c, -1, json_object());
	if (strcmp(c->operand[0], "exit") == 0)
		return c->operands == 2 ? tell_exit(c, c->operand[1]) : cli_usage(c, "exit needs a number");
	if (c->operands > 1)
		return cli_usage(c, "%s takes one error, or `exit` and a number", c->command);
	row = find(c->operand[0]);
	if (row)
		return tell_error(c, row);
	return cli_next(c, cli_fail(c, HL_E_NOT_FOUND, "hsmlet has no error %s", c->operand[0]),
		"`hsmlet explain` lists all errors, `hsmlet explain exit N` tells an exit code");
}
