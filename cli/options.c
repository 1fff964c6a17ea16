#include "cli/options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cli/say.h"

#define ROWS_MAX 40
#define KEY_FIRST 0x100 /* above all letters */

/* clang-format off */
static const struct cli_globals global_defaults;
static const struct cli_option global_rows[] = {
	{ "dir",      0,   "DIR",  CLI_TEXT, offsetof(struct cli_globals, dir), 0, 0, NULL, "folder of the world" },
	{ "instance", 'i', "NAME", CLI_TEXT, offsetof(struct cli_globals, instance), 0, 0, NULL, "name of the world (default: \"default\"), kept under the state folder" },
	{ "json",     0,   NULL,   CLI_FLAG, offsetof(struct cli_globals, json), 0, 0, NULL, "print JSON" },
	{ "quiet",    'q', NULL,   CLI_FLAG, offsetof(struct cli_globals, quiet), 0, 0, NULL, "no progress and no notes on stderr" },
	{ "help",     'h', NULL,   CLI_ASK,  offsetof(struct cli_globals, help), 0, 0, NULL, "this text" },
	{ "version",  'V', NULL,   CLI_ASK,  offsetof(struct cli_globals, version), 0, 0, NULL, "the version of hsmlet" },
};
/* clang-format on */

const struct cli_options cli_global_options = CLI_OPTIONS(global_rows, global_defaults);

/* -- one value --------------------------------------------------------------------------------- */

static const char *set_number(const struct cli_option *o, int64_t *out, const char *value)
{
	long long n;
	char *end;

	errno = 0;
	n = strtoll(value, &end, 10);
	if (end == value || *end || errno != 0)
		return "is not a number";
	if (n < o->least || n > o->most)
		return "is out of range";
	*out = n;
	return NULL;
}

static const char *set_word(const struct cli_option *o, const char **out, const char *value)
{
	for (const char *const *w = o->words; *w; w++) {
		if (strcmp(*w, value) == 0) {
			*out = *w;
			return NULL;
		}
	}
	return "is none of the words allowed";
}

static const char *add_text(struct cli_texts *t, const char *value)
{
	if (t->n == CLI_TEXTS_MAX)
		return "is given too often";
	t->item[t->n++] = value;
	return NULL;
}

/* NULL, or why the value is not good. */
static const char *set(const struct cli_option *o, void *values, const char *value)
{
	void *at = (char *)values + o->at;

	switch (o->kind) {
	case CLI_FLAG:
	case CLI_ASK:
		*(bool *)at = true;
		return NULL;
	case CLI_TEXT:
		*(const char **)at = value;
		return *value ? NULL : "is empty";
	case CLI_NUMBER:
		return set_number(o, at, value);
	case CLI_WORD:
		return set_word(o, at, value);
	case CLI_TEXTS:
		return *value ? add_text(at, value) : "is empty";
	}
	return "is of no known kind";
}

/* The cause of a wrong value, where there is a list of the right ones. */
static hl_err tell_allowed(struct cli *c, const struct cli_option *o, hl_err err)
{
	char words[128];
	size_t n = 0;

	if (o->kind == CLI_NUMBER)
		return cli_cause(c, err, "it takes a number from %lld to %lld", (long long)o->least,
			(long long)o->most);
	if (o->kind != CLI_WORD)
		return err;
	for (const char *const *w = o->words; *w && n < sizeof words; w++)
		n += (size_t)snprintf(words + n, sizeof words - n, "%s%s", w == o->words ? "" : ", ", *w);
	return cli_cause(c, err, "it takes one of %s", words);
}

/* -- environment -------------------------------------------------------------------------------- */

void cli_option_variable(const char *name, char out[64])
{
	size_t n = (size_t)snprintf(out, 64, "HSMLET_%s", name);

	for (size_t i = 0; i < n && i < 63; i++)
		out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

static const char *set_texts(struct cli_texts *t, const char *value)
{
	char *rest = NULL;
	const char *why = NULL;

	free(t->memory);
	t->memory = strdup(value);
	if (!t->memory)
		return "does not fit into memory";
	for (char *p = strtok_r(t->memory, ",", &rest); p && !why; p = strtok_r(NULL, ",", &rest))
		why = add_text(t, p);
	return why;
}

static bool means_no(const char *value)
{
	return strcmp(value, "0") == 0 || strcasecmp(value, "no") == 0 || strcasecmp(value, "false") == 0;
}

static const char *set_from_environment(const struct cli_option *o, void *values, const char *value)
{
	if (o->kind == CLI_FLAG && means_no(value))
		return NULL;
	if (o->kind == CLI_TEXTS)
		return set_texts((struct cli_texts *)(void *)((char *)values + o->at), value);
	return set(o, values, value);
}

hl_err cli_options_environment(struct cli *c, const struct cli_options *options, void *values)
{
	for (size_t i = 0; i < options->rows; i++) {
		const struct cli_option *o = &options->row[i];
		const char *value, *why;
		char variable[64];

		cli_option_variable(o->name, variable);
		value = o->kind == CLI_ASK ? NULL : getenv(variable);
		if (!value || !*value)
			continue;
		why = set_from_environment(o, values, value);
		if (why)
			return tell_allowed(c, o,
				cli_usage(c, "the environment's %s %s: %s", variable, why, value));
	}
	return HL_OK;
}

void cli_options_clear(const struct cli_options *options, void *values)
{
	for (size_t i = 0; options && i < options->rows; i++)
		if (options->row[i].kind == CLI_TEXTS)
			free(((struct cli_texts *)(void *)((char *)values + options->row[i].at))->memory);
}

/* -- flags -------------------------------------------------------------------------------------- */

struct parse {
	struct cli *c;
	const struct cli_option *row[ROWS_MAX];
	void *values[ROWS_MAX];
	struct argp_option argp[ROWS_MAX + 1];
	size_t rows;
	bool typed[ROWS_MAX];
	const struct cli_option *wrong; /* whose value is not good */
	bool command_follows;
};

static int key_of(const struct cli_option *o, size_t i)
{
	return o->letter ? o->letter : KEY_FIRST + (int)i;
}

static void add_rows(struct parse *p, const struct cli_options *options, void *values)
{
	for (size_t i = 0; options && i < options->rows && p->rows < ROWS_MAX; i++) {
		const struct cli_option *o = &options->row[i];

		p->row[p->rows] = o;
		p->values[p->rows] = values;
		p->argp[p->rows] = (struct argp_option){
			.name = o->name,
			.key = key_of(o, p->rows),
			.arg = o->arg,
			.doc = o->text,
			.group = values == &p->c->global ? 1 : 0,
		};
		p->rows++;
	}
}

/* A list that is typed replaces the one of the environment. */
static void forget_environment(struct parse *p, size_t i)
{
	struct cli_texts *t = (struct cli_texts *)(void *)((char *)p->values[i] + p->row[i]->at);

	if (p->row[i]->kind == CLI_TEXTS && !p->typed[i])
		t->n = 0;
	p->typed[i] = true;
}

static error_t on_option(struct parse *p, size_t i, char *arg, struct argp_state *state)
{
	const struct cli_option *o = p->row[i];
	const char *why;

	forget_environment(p, i);
	why = set(o, p->values[i], arg);
	if (!why)
		return 0;
	p->wrong = o;
	if (o->kind == CLI_NUMBER)
		argp_error(state, "the value of --%s %s: %s, not %lld to %lld", o->name, why, arg,
			(long long)o->least, (long long)o->most);
	else
		argp_error(state, "the value of --%s %s: %s", o->name, why, arg);
	return EINVAL;
}

static error_t on_key(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;

	for (size_t i = 0; i < p->rows; i++)
		if (p->argp[i].key == key)
			return on_option(p, i, arg, state);
	if (key != ARGP_KEY_ARG)
		return key == ARGP_KEY_ARGS ? ARGP_ERR_UNKNOWN : 0;
	if (p->command_follows) { /* all that is left belongs to the command */
		p->c->operand = state->argv + state->next - 1;
		p->c->operands = state->argc - state->next + 1;
		state->next = state->argc;
		return 0;
	}
	p->c->operand[p->c->operands++] = arg;
	return 0;
}

/* "unrecognized option '--pasword=secret'", "option '--p=secret' is ambiguous; ...": getopt tells the value of an option that
 * it does not know, too. That may be a secret, and may have a newline or a quote in it. `said` is one line. */
static void hide_value(char *said)
{
	char *name = strstr(said, "'--"), *value = name ? strchr(name, '=') : NULL;
	char *rest = value ? strstr(value, "' is ambiguous") : NULL;

	if (!value)
		return;
	if (rest)
		memmove(value, rest, strlen(rest) + 1);
	else
		memcpy(value, "'", sizeof "'");
}

/* getopt and argp tell the mistake to stderr in a line of their own; it becomes the detail of ours. */
static hl_err wrong_usage(struct cli *c, char *said, const char *name)
{
	size_t n, skip = strlen(name);

	said[strcspn(said, "\n")] = 0;
	hide_value(said);
	n = strlen(said);
	if (strncmp(said, name, skip) == 0 && said[skip] == ':')
		said += skip + 2, n -= skip + 2;
	return n > 0 ? cli_usage(c, "%.*s", (int)n, said) : cli_usage(c, "the options cannot be read");
}

static bool is_typed(const struct parse *p, size_t at)
{
	for (size_t i = 0; i < p->rows; i++)
		if (p->values[i] == &p->c->global && p->row[i]->at == at)
			return p->typed[i];
	return false;
}

/* --dir goes before -i, but a typed -i before a folder of the environment. */
static void note_typed(struct parse *p)
{
	struct cli_globals *g = &p->c->global;
	bool dir = is_typed(p, offsetof(struct cli_globals, dir));
	bool instance = is_typed(p, offsetof(struct cli_globals, instance));

	if (instance && !dir)
		g->dir = NULL;
	if (instance || dir)
		g->world_typed = true;
}

hl_err cli_options_parse(struct cli *c, const struct cli_options *options, void *values,
	bool command_follows, int argc, char **argv)
{
	struct parse p = { .c = c, .command_follows = command_follows };
	struct argp argp = { p.argp, on_key, NULL, NULL, NULL, NULL, NULL };
	unsigned flags = ARGP_NO_EXIT | ARGP_NO_HELP | (command_follows ? ARGP_IN_ORDER : 0u);
	FILE *real = stderr;
	char *said = NULL;
	size_t said_n = 0;
	error_t wrong;
	hl_err err = HL_OK;

	add_rows(&p, options, values);
	if (!options->alone)
		add_rows(&p, &cli_global_options, &c->global);
	c->operands = 0;
	c->operand = argv + 1; /* operands move to the front: there are never more of them than words */
	stderr = open_memstream(&said, &said_n);
	if (!stderr) {
		stderr = real;
		return cli_fail(c, HL_E_NOMEM, "the command line");
	}
	wrong = argp_parse(&argp, argc, argv, flags, NULL, &p);
	fclose(stderr);
	stderr = real;
	note_typed(&p);
	if (wrong)
		err = wrong_usage(c, said, argv[0]);
	if (p.wrong)
		err = tell_allowed(c, p.wrong, err);
	OPENSSL_cleanse(said, said_n);
	free(said);
	return err;
}

/* -- help --------------------------------------------------------------------------------------- */

static void describe(struct cli *c, const struct cli_option *o)
{
	char left[64], variable[64];

	snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
		o->letter ? "," : " ", o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
	cli_option_variable(o->name, variable);
	fprintf(c->out, "  %-30s %s", left, o->text);
	for (const char *const *w = o->words; w && *w; w++)
		fprintf(c->out, "%s%s", w == o->words ? ": " : ", ", *w);
	if (o->kind != CLI_ASK)
		fprintf(c->out, " [%s]", variable);
	fprintf(c->out, "\n");
}

void cli_options_help(struct cli *c, const struct cli_options *options)
{
	for (size_t i = 0; options && i < options->rows; i++)
		describe(c, &options->row[i]);
	if (options && options->rows > 0)
		fprintf(c->out, "\n");
	for (size_t i = 0; i < HL_COUNT(global_rows); i++)
		describe(c, &global_rows[i]);
}
