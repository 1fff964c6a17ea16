/* completion.c - `completion bash | zsh | fish`: what a shell needs to complete our words, out of the tables of verbs
 * and options. */
#include <stdlib.h>
#include <string.h>

#include "cli/say.h"

/* -- the tables, walked ---------------------------------------------------------------------------------- */

static bool is_first_of_noun(const struct cli_verb *all, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (all[k].noun && strcmp(all[k].noun, all[i].noun) == 0)
			return false;
	return true;
}

/* "key create", or "up". */
static void name_of(const struct cli_verb *v, char out[64])
{
	snprintf(out, 64, "%s%s%s", v->noun ? v->noun : "", v->noun ? " " : "", v->name);
}

/* What can stand first: nouns, and verbs without one. */
static void put_first_words(FILE *out, const char *between)
{
	const char *before = "";
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	for (size_t i = 0; i < n; i++) {
		if (v[i].noun && !is_first_of_noun(v, i))
			continue;
		fprintf(out, "%s%s", before, v[i].noun ? v[i].noun : v[i].name);
		before = between;
	}
}

static void put_verbs_of(FILE *out, const char *noun)
{
	const char *before = "";
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	for (size_t i = 0; i < n; i++) {
		if (!v[i].noun || strcmp(v[i].noun, noun) != 0)
			continue;
		fprintf(out, "%s%s", before, v[i].name);
		before = " ";
	}
}

/* Each option of any verb once, the global ones first; `at` starts with zeros. False after the last. */
struct walk {
	size_t verb, row; /* verb 0: the global options */
};

static const struct cli_options *options_at(size_t verb)
{
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	return verb == 0 ? &cli_global_options : verb <= n ? v[verb - 1].options : NULL;
}

static bool came_before(const struct walk *w, const char *name)
{
	for (size_t verb = 0; verb < w->verb; verb++) {
		const struct cli_options *o = options_at(verb);

		for (size_t i = 0; i < o->rows; i++)
			if (strcmp(o->row[i].name, name) == 0)
				return true;
	}
	return false;
}

static bool next_option(struct walk *w, const struct cli_option **out)
{
	const struct cli_options *o;

	for (; (o = options_at(w->verb)) != NULL; w->verb++, w->row = 0) {
		while (w->row < o->rows) {
			*out = &o->row[w->row++];
			if (!came_before(w, (*out)->name))
				return true;
		}
	}
	return false;
}

/* -- what a value or an operand can be -------------------------------------------------------------------- */

enum sort { NOTHING, WORDS, FILES, FOLDERS, COMMANDS };

static enum sort sort_of_option(const struct cli_option *o)
{
	if (o->kind == CLI_WORD)
		return WORDS;
	return strcmp(o->arg, "FILE") == 0 ? FILES : strcmp(o->arg, "DIR") == 0 ? FOLDERS : NOTHING;
}

/* By the help's own words: "[FILE]", "-- COMMAND [ARG...]", "bash|zsh|fish". */
static enum sort sort_of_operands(const char *operands)
{
	if (strstr(operands, "COMMAND"))
		return COMMANDS;
	if (strstr(operands, "FILE"))
		return FILES;
	return *operands && !operands[strspn(operands, "abcdefghijklmnopqrstuvwxyz|")] ? WORDS : NOTHING;
}

static void put_words(FILE *out, const char *const *words)
{
	for (const char *const *w = words; *w; w++)
		fprintf(out, "%s%s", w == words ? "" : " ", *w);
}

static void put_alternatives(FILE *out, const char *operands)
{
	for (; *operands; operands++)
		fputc(*operands == '|' ? ' ' : *operands, out);
}

static void put_option_names(FILE *out, const struct cli_options *o)
{
	for (size_t i = 0; i < o->rows; i++)
		fprintf(out, "--%s ", o->row[i].name);
	for (size_t i = 0; i < cli_global_options.rows; i++)
		fprintf(out, "%s--%s", i > 0 ? " " : "", cli_global_options.row[i].name);
}

/* "--dir|--instance|-i|...": the options that take the next word. */
static void put_taking(FILE *out, const char *between)
{
	const struct cli_option *o;
	const char *before = "";

	for (struct walk w = { 0 }; next_option(&w, &o);) {
		if (!o->arg)
			continue;
		fprintf(out, "%s--%s", before, o->name);
		before = between;
		if (o->letter)
			fprintf(out, "%s-%c", between, o->letter);
	}
}

/* A letter stands beside its long name. */
static void put_names(FILE *out, const struct cli_option *o)
{
	fprintf(out, "--%s", o->name);
	if (o->letter)
		fprintf(out, "|-%c", o->letter);
}

/* -- bash and zsh ------------------------------------------------------------------------------------------- */

/* Their scripts have one shape: what differs are these phrases. */
struct dialect {
	const char *head, *after_taking; /* the options that take a word stand between them */
	const char *reply_words, *reply_end, *files, *folders, *commands, *tail;
};

/* clang-format off */
static const struct dialect bash = {
	.head =
		"_hsmlet()\n{\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} said=() i\n"
		"\t# readline breaks --type=ec-p256 into three words\n"
		"\t[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
		"\t[[ $cur == = ]] && cur=\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\tcase ${COMP_WORDS[i]} in\n"
		"\t\t",
	.after_taking =
		") [[ ${COMP_WORDS[i+1]} == = ]] && ((i++)); ((i++)) ;;\n"
		"\t\t-*) ;;\n"
		"\t\t*) said+=(\"${COMP_WORDS[i]}\") ;;\n"
		"\t\tesac\n\tdone\n\tCOMPREPLY=()\n\tset -- \"${said[0]}\" \"${said[1]}\" ${#said[@]}\n",
	.reply_words = "mapfile -t COMPREPLY < <(compgen -W '",
	.reply_end = "' -- \"$cur\")",
	.files = "compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")",
	.folders = "compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")",
	.commands = "mapfile -t COMPREPLY < <(compgen -c -- \"$cur\")",
	.tail = "}\ncomplete -F _hsmlet hsmlet\n",
};
static const struct dialect zsh = {
	.head =
		"_hsmlet()\n{\n"
		"\tlocal cur=$PREFIX prev=${words[CURRENT-1]} i=2\n\tlocal -a said\n"
		"\tif [[ $PREFIX == --*=* ]]; then\n\t\tprev=${PREFIX%%=*} cur=${PREFIX#*=}\n\t\tcompset -P '*='\n\tfi\n"
		"\twhile (( i < CURRENT )); do\n"
		"\t\tcase ${words[i]} in\n"
		"\t\t",
	.after_taking =
		") (( i++ )) ;;\n"
		"\t\t-*) ;;\n"
		"\t\t*) said+=(\"${words[i]}\") ;;\n"
		"\t\tesac\n\t\t(( i++ ))\n\tdone\n\tset -- \"${said[1]}\" \"${said[2]}\" ${#said}\n",
	.reply_words = "compadd -- ",
	.reply_end = "",
	.files = "_files",
	.folders = "_files -/",
	.commands = "_command_names -e",
	.tail =
		"}\n"
		"if [ \"${funcstack[1]}\" = _hsmlet ]; then\n\t_hsmlet \"$@\"\nelse\n\tcompdef _hsmlet hsmlet\nfi\n",
};
/* clang-format on */

static void put_sort(FILE *out, const struct dialect *d, enum sort sort)
{
	const char *const phrases[] = { [NOTHING] = ":", [FILES] = d->files, [FOLDERS] = d->folders,
		[COMMANDS] = d->commands };

	fputs(phrases[sort], out);
}

static void put_values(FILE *out, const struct dialect *d)
{
	const struct cli_option *o;

	fprintf(out, "\tcase $prev in\n");
	for (struct walk w = { 0 }; next_option(&w, &o);) {
		if (!o->arg)
			continue;
		fprintf(out, "\t");
		put_names(out, o);
		fprintf(out, ") ");
		if (sort_of_option(o) == WORDS) {
			fputs(d->reply_words, out);
			put_words(out, o->words);
			fputs(d->reply_end, out);
		} else {
			put_sort(out, d, sort_of_option(o));
		}
		fprintf(out, "; return ;;\n");
	}
	fprintf(out, "\tesac\n");
}

static void put_options(FILE *out, const struct dialect *d)
{
	static const struct cli_options none;
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);
	char name[64];

	fprintf(out, "\tif [[ $cur == -* ]]; then\n\t\tcase \"$1 $2 \" in\n");
	for (size_t i = 0; i < n; i++) {
		name_of(&v[i], name);
		fprintf(out, "\t\t'%s '*) %s", name, d->reply_words);
		put_option_names(out, v[i].options);
		fprintf(out, "%s ;;\n", d->reply_end);
	}
	fprintf(out, "\t\t*) %s", d->reply_words);
	put_option_names(out, &none);
	fprintf(out, "%s ;;\n\t\tesac\n\t\treturn\n\tfi\n", d->reply_end);
}

static void put_operands(FILE *out, const struct dialect *d, const struct cli_verb *v)
{
	enum sort sort = sort_of_operands(v->operands);
	char name[64];

	if (sort == NOTHING)
		return;
	name_of(v, name);
	fprintf(out, "\t'%s '*) ", name);
	if (sort == WORDS) {
		fputs(d->reply_words, out);
		put_alternatives(out, v->operands);
		fputs(d->reply_end, out);
	} else {
		put_sort(out, d, sort);
	}
	fprintf(out, " ;;\n");
}

static void put_nouns(FILE *out, const struct dialect *d)
{
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	for (size_t i = 0; i < n; i++) {
		if (!v[i].noun || !is_first_of_noun(v, i))
			continue;
		fprintf(out, "\t1%s) %s", v[i].noun, d->reply_words);
		put_verbs_of(out, v[i].noun);
		fprintf(out, "%s; return ;;\n", d->reply_end);
	}
}

static void put_script(FILE *out, const struct dialect *d)
{
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	fputs(d->head, out);
	put_taking(out, "|");
	fputs(d->after_taking, out);
	put_values(out, d);
	put_options(out, d);
	fprintf(out, "\tcase $3$1 in\n\t0) %s", d->reply_words);
	put_first_words(out, " ");
	fprintf(out, "%s; return ;;\n", d->reply_end);
	put_nouns(out, d);
	fprintf(out, "\tesac\n\tcase \"$1 $2 \" in\n");
	for (size_t i = 0; i < n; i++)
		put_operands(out, d, &v[i]);
	fprintf(out, "\tesac\n%s", d->tail);
}

/* -- fish ----------------------------------------------------------------------------------------------------- */

/* In single quotes fish knows two escapes. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

static const char fish_head[] =
	"function __hsmlet_said\n"
	"\tset -l said\n\tset -l skip 0\n"
	"\tfor word in (commandline -opc)[2..-1]\n"
	"\t\tif test $skip = 1\n\t\t\tset skip 0\n\t\t\tcontinue\n\t\tend\n"
	"\t\tswitch $word\n\t\t\tcase ";
static const char fish_after_taking[] =
	"\n\t\t\t\tset skip 1\n\t\t\tcase '-*'\n\t\t\tcase '*'\n\t\t\t\tset -a said $word\n"
	"\t\tend\n\tend\n\tstring join ' ' -- $said\nend\n"
	"function __hsmlet_at\n\tset -l said (__hsmlet_said)\n\ttest \"$said\" = \"$argv\"\nend\n"
	"function __hsmlet_in\n\tset -l said (__hsmlet_said)\n\tstring match -q -- \"$argv *\" \"$said \"\nend\n"
	"complete -c hsmlet -f\n";

/* Options: of one verb, or (name "") of all. */
static void put_fish_options(FILE *out, const char *name, const struct cli_options *o)
{
	static const char *const sorts[] = { [NOTHING] = " -x", [FILES] = " -r -F", [FOLDERS] = " -r -F" };

	for (size_t i = 0; i < o->rows; i++) {
		const struct cli_option *row = &o->row[i];

		fprintf(out, "complete -c hsmlet");
		if (*name)
			fprintf(out, " -n '__hsmlet_in %s'", name);
		fprintf(out, " -l %s", row->name);
		if (row->letter)
			fprintf(out, " -s %c", row->letter);
		if (row->arg && sort_of_option(row) == WORDS) {
			fprintf(out, " -x -a '");
			put_words(out, row->words);
			fputc('\'', out);
		} else if (row->arg) {
			fputs(sorts[sort_of_option(row)], out);
		}
		fprintf(out, " -d ");
		put_quoted(out, row->text);
		fputc('\n', out);
	}
}

static void put_fish_operands(FILE *out, const char *name, const char *operands)
{
	switch (sort_of_operands(operands)) {
	case FILES:
	case FOLDERS:
		fprintf(out, "complete -c hsmlet -n '__hsmlet_in %s' -F\n", name);
		break;
	case COMMANDS:
		fprintf(out, "complete -c hsmlet -n '__hsmlet_in %s' -a '(__fish_complete_command)'\n", name);
		break;
	case WORDS:
		fprintf(out, "complete -c hsmlet -n '__hsmlet_at %s' -a '", name);
		put_alternatives(out, operands);
		fprintf(out, "'\n");
		break;
	case NOTHING:
		break;
	}
}

static void put_fish_verb(FILE *out, const struct cli_verb *v)
{
	char name[64];

	name_of(v, name);
	fprintf(out, "complete -c hsmlet -n '__hsmlet_at%s%s' -a %s -d ", v->noun ? " " : "", v->noun ? v->noun : "",
		v->name);
	put_quoted(out, v->text);
	fputc('\n', out);
	put_fish_options(out, name, v->options);
	put_fish_operands(out, name, v->operands);
}

static void put_fish(FILE *out)
{
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	fputs(fish_head, out);
	put_taking(out, " ");
	fputs(fish_after_taking, out);
	put_fish_options(out, "", &cli_global_options);
	for (size_t i = 0; i < n; i++) {
		if (v[i].noun && is_first_of_noun(v, i))
			fprintf(out, "complete -c hsmlet -n __hsmlet_at -a %s\n", v[i].noun);
		put_fish_verb(out, &v[i]);
	}
}

/* -- the verb --------------------------------------------------------------------------------------------------- */

static void put_shell(FILE *out, const char *shell)
{
	bool is_zsh = strcmp(shell, "zsh") == 0;

	fprintf(out, "%s# Completion of hsmlet for %s: `hsmlet completion %s` made it.\n", is_zsh ? "#compdef hsmlet\n" : "",
		shell, shell);
	if (strcmp(shell, "fish") == 0)
		put_fish(out);
	else
		put_script(out, is_zsh ? &zsh : &bash);
}

static hl_err print_json(struct cli *c, const char *shell)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	hl_err err;

	if (!out)
		return cli_fail(c, HL_E_NOMEM, "the script");
	put_shell(out, shell);
	fclose(out);
	err = cli_print_json(c, "hsmlet-completion/1", json_pack("{s:s, s:s}", "shell", shell, "script", text));
	free(text);
	return err;
}

hl_err cli_completion(struct cli *c)
{
	const char *shell = c->operand[0];

	if (strcmp(shell, "bash") != 0 && strcmp(shell, "zsh") != 0 && strcmp(shell, "fish") != 0)
		return cli_cause(c, cli_usage(c, "there is no completion for %s", shell), "it takes one of bash, zsh, fish");
	if (c->global.json)
		return print_json(c, shell);
	put_shell(c->out, shell);
	return HL_OK;
}
