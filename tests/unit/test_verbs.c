#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/say.h"
#include "tests/support/folder.h"

/* -- a call in this process, with its two outputs in files ------------------------------------------- */

struct call {
	int exit_code;
	char out[8192], err[8192];
};

static struct hl_test_folder folder;

static void read_back(FILE *f, char *out, size_t size)
{
	rewind(f);
	out[fread(out, 1, size - 1, f)] = 0;
	fclose(f);
}

static void call_with(struct call *k, int argc, const char *const *words)
{
	char *argv[16] = { NULL };
	FILE *out = tmpfile(), *err = tmpfile();
	int real_out = dup(1), real_err = dup(2);

	fflush(NULL);
	dup2(fileno(out), 1);
	dup2(fileno(err), 2);
	for (int i = 0; i < argc; i++)
		argv[i] = strdup(words[i]);
	k->exit_code = cli_main(argc, (char *[]){ argv[0], argv[1], argv[2], argv[3], argv[4], argv[5], NULL });
	fflush(NULL);
	dup2(real_out, 1);
	dup2(real_err, 2);
	close(real_out);
	close(real_err);
	read_back(out, k->out, sizeof k->out);
	read_back(err, k->err, sizeof k->err);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

#define CALL(k, ...) \
	call_with((k), (int)HL_COUNT(((const char *const[]){ "hsmlet", __VA_ARGS__ })), \
		(const char *const[]){ "hsmlet", __VA_ARGS__ })

/* -- the table ------------------------------------------------------------------------------------------ */

static void every_verb_has_a_line_and_two_examples(void)
{
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	CU_ASSERT(n > 20);
	for (size_t i = 0; i < n; i++) {
		char begin[64];

		snprintf(begin, sizeof begin, "%s%s%s", v[i].noun ? v[i].noun : "", v[i].noun ? " " : "",
			v[i].name);
		CU_ASSERT(v[i].text && strlen(v[i].text) > 5 && strlen(v[i].text) < 90);
		CU_ASSERT_PTR_NOT_NULL_FATAL(v[i].run);
		for (int e = 0; e < 2; e++) {
			CU_ASSERT_PTR_NOT_NULL_FATAL(v[i].example[e]);
			CU_ASSERT_PTR_NOT_NULL(strstr(v[i].example[e], "hsmlet"));
			CU_ASSERT_PTR_NOT_NULL(strstr(v[i].example[e], v[i].name));
		}
		CU_ASSERT_PTR_EQUAL(cli_verb_find(v[i].noun, v[i].name), &v[i]);
		CU_ASSERT(strcmp(v[i].example[0], v[i].example[1]) != 0);
	}
}

static void every_help_opens_with_its_examples(void)
{
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	for (size_t i = 0; i < n; i++) {
		char want[512];
		struct call k;

		if (v[i].noun)
			CALL(&k, v[i].noun, v[i].name, "--help");
		else
			CALL(&k, v[i].name, "--help");
		snprintf(want, sizeof want, "Examples:\n  %s\n  %s\n", v[i].example[0], v[i].example[1]);
		CU_ASSERT_EQUAL(k.exit_code, 0);
		CU_ASSERT_EQUAL(strncmp(k.out, want, strlen(want)), 0);
		CU_ASSERT_STRING_EQUAL(k.err, "");
	}
}

/* An option is also an environment variable, so a name means the same wherever it stands. */
static void no_option_of_a_verb_hides_a_global_one(void)
{
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	for (size_t i = 0; i < n; i++)
		for (size_t o = 0; o < v[i].options->rows; o++)
			for (size_t g = 0; g < cli_global_options.rows; g++)
				CU_ASSERT_STRING_NOT_EQUAL(
					v[i].options->row[o].name, cli_global_options.row[g].name);
}

/* -- exit codes ------------------------------------------------------------------------------------------ */

static void every_error_ends_in_an_exit_code_of_the_contract(void)
{
	static const int known[] = { 0, 1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 69, 70, 73, 74, 75, 76, 78 };
	unsigned n;
	const struct hl_err_row *row = hl_err_rows(&n);

	for (unsigned i = 0; i < n; i++) {
		bool found = false;

		for (size_t k = 0; k < HL_COUNT(known); k++)
			found = found || known[k] == row[i].exit_code;
		CU_ASSERT(found);
		CU_ASSERT_EQUAL(row[i].exit_code == 0, row[i].code == HL_OK);
		if (row[i].code != HL_OK)
			CU_ASSERT(*row[i].cause && *row[i].next);
	}
}

static void wrong_usage_ends_with_2_and_an_empty_stdout(void)
{
	struct call k[12];

	CALL(&k[0], "frobnicate");
	CALL(&k[1], "key");
	CALL(&k[2], "key", "frobnicate");
	CALL(&k[3], "up", "--tsb");
	CALL(&k[4], "up", "--directories", "2");
	CALL(&k[5], "up", "--ports", "auto");
	CALL(&k[6], "up", "-f", "topology.conf");
	CALL(&k[7], "up", "--proxies", "many");
	CALL(&k[8], "up", "--proxies", "0");
	CALL(&k[9], "down", "extra");
	CALL(&k[10], "key", "create", "--type", "des");
	CALL(&k[11], "cred", "import");
	for (size_t i = 0; i < HL_COUNT(k); i++) {
		CU_ASSERT_EQUAL(k[i].exit_code, 2);
		CU_ASSERT_STRING_EQUAL(k[i].out, "");
		CU_ASSERT_PTR_NOT_NULL(strstr(k[i].err, "HL-0003"));
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(k[3].err, "--tsb"));
	CU_ASSERT_PTR_NOT_NULL(strstr(k[3].err, "hsmlet up --help"));
}

static void no_verb_at_all_is_wrong_usage(void)
{
	struct call k;

	call_with(&k, 1, (const char *const[]){ "hsmlet" });
	CU_ASSERT_EQUAL(k.exit_code, 2);
	CU_ASSERT_STRING_EQUAL(k.out, "");
}

static void an_error_has_four_parts(void)
{
	static const char *const parts[] = { "hsmlet: HL-0708 the world is not running", "\n  step   ",
		"\n  cause  ", "\n  next   " };
	struct call k;

	CALL(&k, "status", "--dir", "/nonexistent/world");
	CU_ASSERT_EQUAL(k.exit_code, 69);
	CU_ASSERT_STRING_EQUAL(k.out, "");
	for (size_t i = 0; i < HL_COUNT(parts); i++)
		CU_ASSERT_PTR_NOT_NULL(strstr(k.err, parts[i]));
}

static void with_json_the_error_is_an_object_on_stdout(void)
{
	static const char *const keys[] = { "id", "step", "message", "cause", "next", "retryable" };
	struct call k[2];

	CALL(&k[0], "status", "--dir", "/nonexistent/world", "--json");
	CALL(&k[1], "--json", "up", "--tsb");
	CU_ASSERT_EQUAL(k[0].exit_code, 69);
	CU_ASSERT_EQUAL(k[1].exit_code, 2);
	for (size_t i = 0; i < HL_COUNT(k); i++) {
		json_t *j = json_loads(k[i].out, 0, NULL), *e = json_object_get(j, "error");

		for (size_t p = 0; p < HL_COUNT(keys); p++)
			CU_ASSERT_PTR_NOT_NULL(json_object_get(e, keys[p]));
		json_decref(j);
	}
}

/* -- options ----------------------------------------------------------------------------------------------- */

static void an_option_may_come_from_the_environment(void)
{
	struct call k;
	char variable[64];

	cli_option_variable("some-thing", variable);
	CU_ASSERT_STRING_EQUAL(variable, "HSMLET_SOME_THING");
	setenv("HSMLET_DIR", "/nonexistent/one", 1);
	CALL(&k, "status");
	CU_ASSERT_PTR_NOT_NULL(strstr(k.err, "/nonexistent/one"));
	CALL(&k, "status", "--dir", "/nonexistent/two"); /* what is typed wins */
	CU_ASSERT_PTR_NOT_NULL(strstr(k.err, "/nonexistent/two"));
	CALL(&k, "-i", "typed", "status");
	CU_ASSERT_PTR_NOT_NULL(strstr(k.err, "/typed"));
	unsetenv("HSMLET_DIR");
	setenv("HSMLET_TIMEOUT", "soon", 1);
	CALL(&k, "wait");
	CU_ASSERT_EQUAL(k.exit_code, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(k.err, "HSMLET_TIMEOUT"));
	unsetenv("HSMLET_TIMEOUT");
	setenv("HSMLET_JSON", "1", 1);
	CALL(&k, "version");
	CU_ASSERT_EQUAL(k.out[0], '{');
	setenv("HSMLET_JSON", "0", 1);
	CALL(&k, "version");
	CU_ASSERT_EQUAL(k.out[0], 'h');
	unsetenv("HSMLET_JSON");
}

static void global_options_stand_before_and_after_the_verb(void)
{
	struct call k[2];

	CALL(&k[0], "--dir", "/nonexistent/x", "status");
	CALL(&k[1], "status", "--dir", "/nonexistent/x");
	CU_ASSERT_EQUAL(k[0].exit_code, 69);
	CU_ASSERT_STRING_EQUAL(k[0].err, k[1].err);
}

static void it_says_that_it_is_a_simulator(void)
{
	struct call k;

	CALL(&k, "version");
	CU_ASSERT_EQUAL(k.exit_code, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(k.out, "simulator"));
	CALL(&k, "version", "--json");
	CU_ASSERT_PTR_NOT_NULL(strstr(k.out, "\"simulator\":true"));
	CU_ASSERT_PTR_NOT_NULL(strstr(k.out, "\"schema\":\"hsmlet-version/1\""));
}

/* A secret in an argument list is seen by all users of the machine. */
static void no_option_takes_a_secret_as_its_value(void)
{
	size_t n;
	const struct cli_verb *v = cli_verbs(&n);

	for (size_t i = 0; i < n; i++)
		for (size_t o = 0; o < v[i].options->rows; o++) {
			const char *name = v[i].options->row[o].name;

			CU_ASSERT(strcmp(name, "pin") != 0 && strcmp(name, "password") != 0 &&
				strcmp(name, "setup-password") != 0);
		}
}

/* -- what goes to a terminal --------------------------------------------------------------------------------- */

static void what_a_terminal_would_obey_is_made_visible(void)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "plain", "plain" },
		{ "K\xc3\xa4se", "K\xc3\xa4se" },
		{ "\x1b[2J", "\\x1b[2J" },
		{ "a\nb", "a\\x0ab" },
		{ "\xc2\x9b" "31m", "\\xc2\\x9b31m" },   /* C1: CSI */
		{ "\xff\xc3", "\\xff\\xc3" },
		{ "\xc0\xaf", "\\xc0\\xaf" },            /* overlong */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },   /* a surrogate */
		{ "\xf0\x9f\x94\x91", "\xf0\x9f\x94\x91" },
		{ "\xf0\x9f", "\\xf0\\x9f" },
	};
	char out[64];

	for (size_t i = 0; i < HL_COUNT(cases); i++) {
		cli_printable(cases[i].in, out, sizeof out);
		CU_ASSERT_STRING_EQUAL(out, cases[i].out);
	}
	cli_printable("\x1b\x1b\x1b\x1b", out, 10);
	CU_ASSERT(strlen(out) < 10);
}

static void columns_are_as_wide_as_they_need_to_be(void)
{
	HL_AUTO(cli_table_clear) struct cli_table t = { .head = { "NAME", "X" } };
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(CLI_ROW(&t, i == 50 ? "K\xc3\xa4sebrot" : "a", "b"), HL_OK);
	cli_table_print(&t, out);
	fclose(out);
	CU_ASSERT_EQUAL(strncmp(text, "NAME      X\na         b\n", 24), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "K\xc3\xa4sebrot  b\n"));
	free(text);
}

/* -- a world's folder ------------------------------------------------------------------------------------------ */

static void a_folder_with_other_things_is_left_alone(void)
{
	char file[PATH_MAX];
	struct call k;

	CU_ASSERT_FATAL(hl_test_folder_make(&folder));
	hl_test_folder_file(&folder, "thesis.tex", file);
	CU_ASSERT(hl_test_file_write(file, "x", 1, 0600));
	CALL(&k, "up", "--dir", folder.path);
	CU_ASSERT_EQUAL(k.exit_code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(k.err, "thesis.tex"));
	CU_ASSERT_EQUAL(hl_test_folder_count(&folder, "run"), 0);
	hl_test_folder_remove(&folder);
}

static void a_folder_that_cannot_be_one_is_refused(void)
{
	char longer[200] = "/tmp/";
	struct call k[3];

	memset(longer + 5, 'a', 150);
	CALL(&k[0], "up", "--dir", longer);
	CALL(&k[1], "up", "--dir", "/tmp/quote\"d");
	CALL(&k[2], "up", "-i", "../escape");
	for (size_t i = 0; i < HL_COUNT(k); i++)
		CU_ASSERT_EQUAL(k[i].exit_code, 2);
}

static CU_TestInfo tests[] = {
	{ "every verb has a line and two examples", every_verb_has_a_line_and_two_examples },
	{ "every help opens with its examples", every_help_opens_with_its_examples },
	{ "no option of a verb hides a global one", no_option_of_a_verb_hides_a_global_one },
	{ "every error ends in an exit code of the contract", every_error_ends_in_an_exit_code_of_the_contract },
	{ "wrong usage ends with 2 and an empty stdout", wrong_usage_ends_with_2_and_an_empty_stdout },
	{ "no verb at all is wrong usage", no_verb_at_all_is_wrong_usage },
	{ "an error has four parts", an_error_has_four_parts },
	{ "with --json the error is an object on stdout", with_json_the_error_is_an_object_on_stdout },
	{ "an option may come from the environment", an_option_may_come_from_the_environment },
	{ "global options stand before and after the verb", global_options_stand_before_and_after_the_verb },
	{ "it says that it is a simulator", it_says_that_it_is_a_simulator },
	{ "no option takes a secret as its value", no_option_takes_a_secret_as_its_value },
	{ "what a terminal would obey is made visible", what_a_terminal_would_obey_is_made_visible },
	{ "columns are as wide as they need to be", columns_are_as_wide_as_they_need_to_be },
	{ "a folder with other things is left alone", a_folder_with_other_things_is_left_alone },
	{ "a folder that cannot be one is refused", a_folder_that_cannot_be_one_is_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("verbs", tests)
