/* options.h - the options of a verb as a table: flag, environment variable and help from one row.
 *
 * `--some-thing` is also read from HSMLET_SOME_THING; what is typed wins. argp does the parsing. */
#pragma once

#include <stddef.h>

#include "lib/base/err.h"

enum cli_kind {
	CLI_FLAG,   /* bool */
	CLI_ASK,    /* bool; never from the environment: --help */
	CLI_TEXT,   /* const char * */
	CLI_NUMBER, /* int64_t, within least and most */
	CLI_WORD,   /* const char *, one of `words` */
	CLI_TEXTS,  /* struct cli_texts: may be given again; in the environment separated by commas */
};

#define CLI_TEXTS_MAX 64
struct cli_texts {
	const char *item[CLI_TEXTS_MAX];
	size_t n;
	char *memory; /* of what came from the environment */
};

struct cli_option {
	const char *name; /* without the dashes; NULL: a letter alone, which has no variable */
	int letter;       /* 0: none */
	const char *arg;  /* NULL for flags */
	enum cli_kind kind;
	size_t at; /* in the verb's struct */
	int64_t least, most;
	const char *const *words; /* ends with NULL */
	const char *text;
};

struct cli_options {
	const struct cli_option *row;
	size_t rows;
	const void *defaults; /* a struct of `size` bytes */
	size_t size;
	bool alone; /* without the global ones */
};

#define CLI_OPTIONS(rows, defaults) { (rows), HL_COUNT(rows), &(defaults), sizeof(defaults), false }
#define CLI_OPTIONS_ALONE(rows, defaults) { (rows), HL_COUNT(rows), &(defaults), sizeof(defaults), true }

struct cli;

/** Parse argv[1..] by the verb's rows and the global ones. The operands that are left go to
 * c->operand. `values` has the verb's size and holds its defaults. HL_E_ARG, with the trouble told. */
HL_CHECKED hl_err cli_options_parse(struct cli *c, const struct cli_options *options, void *values,
	bool command_follows, int argc, char **argv);
/** The environment variables of these rows, likewise; called before the flags are parsed. */
HL_CHECKED hl_err cli_options_environment(
	struct cli *c, const struct cli_options *options, void *values);
/** Free what the values own. */
void cli_options_clear(const struct cli_options *options, void *values);

/** The rows of the global options, for struct cli_globals. */
extern const struct cli_options cli_global_options;

/** "HSMLET_SOME_THING" of "some-thing". */
void cli_option_variable(const char *name, char out[64]);
/** The list of a verb's options for its help; `options` may be NULL. */
void cli_options_help(struct cli *c, const struct cli_options *options);
