/* command.c - one call of the front command: words to a verb, options, the verb, what it said, exit code. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/say.h"
#include "lib/base/secret.h"

/* -- output ------------------------------------------------------------------------------------------ */

static bool print_text(struct cli *c, FILE *to)
{
	fflush(c->out);
	return c->text_n == 0 || (fwrite(c->text, 1, c->text_n, to) == c->text_n && fflush(to) == 0);
}

void cli_print_now(struct cli *c)
{
	if (!print_text(c, stdout) && !c->unprinted)
		c->unprinted = errno ? errno : EIO;
	fseeko(c->out, 0, SEEK_SET);
}

/* Data of a success belongs to stdout; on a failure it may still tell a person something. */
static hl_err print_output(struct cli *c, hl_err err)
{
	if (err != HL_OK) {
		if (!c->global.json)
			print_text(c, stderr);
		return err;
	}
	if (!c->unprinted && print_text(c, stdout))
		return HL_OK;
	if (c->unprinted)
		errno = c->unprinted;
	if (errno == EPIPE) { /* the reader has seen enough: end as everybody does in a pipe */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	c->global.json = false; /* stdout is what has failed */
	return cli_fail_errno(c, HL_E_IO, "stdout");
}

/* -- dispatch ----------------------------------------------------------------------------------------- */

/* `hsmlet key --help`: the options end at the first word, so this one stands where a verb would. */
static bool asks_for_help(const struct cli *c)
{
	const char *second = c->operands == 2 && cli_is_noun(c->operand[0]) ? c->operand[1] : "";

	return strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0;
}

static hl_err find_verb(struct cli *c, int *words)
{
	const char *first = c->operands > 0 ? c->operand[0] : NULL;
	const char *second = c->operands > 1 ? c->operand[1] : NULL;
	bool noun = first && cli_is_noun(first);

	if (!first)
		return cli_usage(c, "no verb is given");
	if (noun && !second)
		return cli_next(c, cli_usage(c, "%s needs a verb", first), "see `hsmlet help %s`", first);
	c->verb = noun ? cli_verb_find(first, second) : cli_verb_find(NULL, first);
	*words = noun ? 2 : 1;
	if (c->verb)
		return HL_OK;
	return cli_usage(c, "there is no verb %s%s%s", first, noun ? " " : "", noun ? second : "");
}

static hl_err check_operands(struct cli *c)
{
	const struct cli_verb *v = c->verb;

	if (c->operands < v->least)
		return cli_usage(c, "%s needs %s", c->command, v->operands);
	if (v->most >= 0 && c->operands > v->most)
		return cli_usage(c, "%s does not take this: %s", c->command, c->operand[v->most]);
	return HL_OK;
}

static hl_err run_verb(struct cli *c, void *values, int argc, char **argv)
{
	const struct cli_verb *v = c->verb;

	HL_TRY(cli_options_environment(c, v->options, values));
	HL_TRY(cli_options_parse(c, v->options, values, v->command_follows, argc, argv));
	if (c->global.help) {
		cli_help_verb(c, v);
		return HL_OK;
	}
	HL_TRY(check_operands(c));
	c->options = values;
	return v->run(c);
}

/* The words of the verb become one, as argv[0] of its own options. */
static hl_err with_verb(struct cli *c, int words)
{
	const struct cli_verb *v = c->verb;
	char **argv = c->operand + words - 1;
	int argc = c->operands - words + 1;
	void *values = calloc(1, v->options->size + 1);
	hl_err err;

	if (!values)
		return cli_fail(c, HL_E_NOMEM, "the options");
	snprintf(c->command, sizeof c->command, "hsmlet %s%s%s", v->noun ? v->noun : "", v->noun ? " " : "",
		v->name);
	if (v->options->defaults)
		memcpy(values, v->options->defaults, v->options->size);
	argv[0] = c->command;
	err = run_verb(c, values, argc, argv);
	cli_options_clear(v->options, values);
	free(values);
	return err;
}

static hl_err dispatch(struct cli *c, int argc, char **argv)
{
	static const struct cli_options none;
	int words = 1;

	HL_TRY(cli_options_environment(c, &cli_global_options, &c->global));
	HL_TRY(cli_options_parse(c, &none, NULL, true, argc, argv));
	if (c->global.help && c->operands == 0) {
		cli_help_all(c);
		return HL_OK;
	}
	if (c->global.version)
		return cli_version(c);
	if (asks_for_help(c)) {
		cli_help_noun(c, c->operand[0]);
		return HL_OK;
	}
	HL_TRY(find_verb(c, &words));
	return with_verb(c, words);
}

/* A usage error before --json could be read must be told as JSON too. */
static bool asks_for_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

/* What stands in the place of a closed one refuses what it is for, as that does: stdout that is closed stays an error. */
void cli_keep_places(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int cli_main(int argc, char **argv)
{
	struct cli c = { .command = "hsmlet" };
	char *name = c.command;
	hl_err err;

	signal(SIGPIPE, SIG_IGN);
	hl_secret_heap();
	c.out = open_memstream(&c.text, &c.text_n);
	if (!c.out)
		return hl_err_row(HL_E_NOMEM)->exit_code;
	if (argc > 0)
		argv[0] = name;
	err = dispatch(&c, argc, argv);
	c.global.json |= asks_for_json(argc, argv);
	err = print_output(&c, err);
	fclose(c.out);
	free(c.text);
	if (err == HL_OK)
		return c.exit_code;
	cli_tell(&c, err);
	return hl_err_row(err)->exit_code;
}
