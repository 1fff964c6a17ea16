/* help.c - `help`, and the text of every --help: two examples first. */
#include <string.h>

#include "cli/say.h"

static void put_examples(struct cli *c, const char *const example[2])
{
	fprintf(c->out, "Examples:\n  %s\n  %s\n\n", example[0], example[1]);
}

static void full_name(const struct cli_verb *v, char out[64])
{
	snprintf(out, 64, "hsmlet %s%s%s", v->noun ? v->noun : "", v->noun ? " " : "", v->name);
}

void cli_help_verb(struct cli *c, const struct cli_verb *v)
{
	char name[64];

	full_name(v, name);
	put_examples(c, v->example);
	fprintf(c->out, "%s [OPTION...]%s%s\n%s.\n\n", name, *v->operands ? " " : "", v->operands, v->text);
	fprintf(c->out, "Options (each also by the variable in brackets):\n");
	cli_options_help(c, v->options);
}

static void put_verb(struct cli *c, const struct cli_verb *v)
{
	char left[64];

	snprintf(left, sizeof left, "%s%s%s", v->noun ? v->noun : "", v->noun ? " " : "", v->name);
	fprintf(c->out, "  %-21s  %s\n", left, v->text);
}

void cli_help_all(struct cli *c)
{
	static const char *const example[2] = { "hsmlet up --dev && eval \"$(hsmlet env)\" && hsmlet try",
		"hsmlet run -- COMMAND" };
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	put_examples(c, example);
	fprintf(c->out, "hsmlet [GLOBAL OPTION...] VERB [OPERAND...] [OPTION...]\n"
			"hsmlet [GLOBAL OPTION...] NOUN VERB [OPERAND...] [OPTION...]\n"
			"A simulator of a cloud HSM service; its keys are not protected by hardware.\n\n");
	for (size_t i = 0; i < n; i++)
		put_verb(c, &v[i]);
	fprintf(c->out, "\nGlobal options (each also by the variable in brackets):\n");
	cli_options_help(c, NULL);
	fprintf(c->out, "\n`hsmlet VERB --help` tells more about one of them.\n");
}

void cli_help_noun(struct cli *c, const char *noun)
{
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	for (size_t i = 0; i < n; i++)
		if (v[i].noun && strcmp(v[i].noun, noun) == 0)
			put_verb(c, &v[i]);
}

hl_err cli_help(struct cli *c)
{
	const char *noun = c->operands == 2 ? c->operand[0] : NULL;
	const char *name = c->operands > 0 ? c->operand[c->operands - 1] : NULL;
	const struct cli_verb *v = name ? cli_verb_find(noun, name) : NULL;

	if (!name)
		cli_help_all(c);
	else if (v)
		cli_help_verb(c, v);
	else if (!noun && cli_is_noun(name))
		cli_help_noun(c, name);
	else
		return cli_next(c, cli_usage(c, "there is no verb %s%s%s", noun ? noun : "", noun ? " " : "", name),
			"see `hsmlet help`");
	return HL_OK;
}
