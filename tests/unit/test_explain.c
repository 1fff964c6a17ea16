#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "cli/explain.h"
#include "cli/say.h"
#include "lib/base/err_steps.h"

/* What the call printed on success, NULL where it failed; to be freed. */
static char *explain(struct cli *c, int operands, char **operand)
{
	hl_err err;

	c->operands = operands;
	c->operand = operand;
	c->out = open_memstream(&c->text, &c->text_n);
	err = cli_explain(c);
	fclose(c->out);
	if (err == HL_OK)
		return c->text;
	free(c->text);
	CU_ASSERT_EQUAL(c->trouble.err, err);
	return NULL;
}

static char *explain_word(const char *word)
{
	struct cli c = { .command = "hsmlet explain" };
	char copy[64];

	strcpy(copy, word);
	return explain(&c, 1, (char *[]){ copy });
}

static void an_error_is_known_under_all_its_names(void)
{
	static const char *const words[] = { "HL-0302", "hl-302", "0302", "302", "HL_E_LOCKED", "hl_e_locked", "locked" };

	for (size_t i = 0; i < HL_COUNT(words); i++) {
		char *text = explain_word(words[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(text);
		CU_ASSERT_EQUAL(strncmp(text, "HL-0302 too many failed attempts\n", 33), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n  exit   14: locked out\n"));
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n  retry  yes"));
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n  steps  5 dir.grant, 6 auth.result\n"));
		free(text);
	}
}

static void what_is_no_error_is_not_found(void)
{
	static const char *const words[] = { "", "HL-", "HL-0312", "0", "HL-0000", "HL_OK", "9999999999999999999", "302x",
		"-302", "HL-0x12e" };

	for (size_t i = 0; i < HL_COUNT(words); i++)
		CU_ASSERT_PTR_NULL(explain_word(words[i]));
}

static void an_exit_code_lists_its_errors(void)
{
	struct cli c = { .command = "hsmlet explain" };
	char word[] = "exit", number[] = "14", wrong[] = "15x";
	char *text = explain(&c, 2, (char *[]){ word, number });

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(strncmp(text, "exit 14: locked out\n", 20), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "HL-0302"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "HL-0504"));
	CU_ASSERT_PTR_NULL(strstr(text, "HL-0300"));
	free(text);
	CU_ASSERT_PTR_NULL(explain(&c, 2, (char *[]){ word, wrong }));
	CU_ASSERT_EQUAL(c.trouble.err, HL_E_NOT_FOUND);
	CU_ASSERT_PTR_NULL(explain(&c, 1, (char *[]){ word }));
	CU_ASSERT_EQUAL(c.trouble.err, HL_E_ARG);
}

static void alone_it_lists_every_error_in_a_line(void)
{
	struct cli c = { .command = "hsmlet explain" };
	char *text = explain(&c, 0, NULL);
	unsigned n, lines = 0;
	const struct hl_err_row *row = hl_err_rows(&n);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	CU_ASSERT_EQUAL(lines, n); /* the head, and all but HL_OK */
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT_EQUAL(strstr(text, row[i].name) != NULL, row[i].code != HL_OK);
	free(text);
}

static void every_exit_code_has_a_meaning(void)
{
	size_t exits;
	unsigned n;
	const struct cli_exit *e = cli_exits(&exits);
	const struct hl_err_row *row = hl_err_rows(&n);

	for (unsigned i = 0; i < n; i++) {
		bool found = false;

		for (size_t k = 0; k < exits; k++)
			found = found || e[k].code == row[i].exit_code;
		CU_ASSERT(found);
	}
}

/* The groups of lib/base/err.h: files are read before a connection, PINs and keys belong to operations. */
static void steps_follow_from_where_an_error_arises(void)
{
	unsigned n;
	const struct hl_err_row *row = hl_err_rows(&n);

	for (unsigned i = 0; i < n; i++) {
		int code = -(int)row[i].code;

		CU_ASSERT_EQUAL(hl_err_steps(row[i].code) >> HL_STEP_COUNT, 0);
		if (code >= 100 && code < 200)
			CU_ASSERT_EQUAL(hl_err_steps(row[i].code), 0);
		if (code >= 200 && code < 600)
			CU_ASSERT_NOT_EQUAL(hl_err_steps(row[i].code), 0);
	}
	CU_ASSERT_EQUAL(hl_err_steps(HL_E_NAME), 1u << HL_STEP_DNS);
	CU_ASSERT_EQUAL(hl_err_steps(HL_E_PIN), 1u << HL_STEP_OPEN);
	CU_ASSERT_EQUAL(hl_err_steps(HL_E_WORLD), 0);
}

static CU_TestInfo tests[] = {
	{ "an error is known under all its names", an_error_is_known_under_all_its_names },
	{ "what is no error is not found", what_is_no_error_is_not_found },
	{ "an exit code lists its errors", an_exit_code_lists_its_errors },
	{ "alone it lists every error in a line", alone_it_lists_every_error_in_a_line },
	{ "every exit code has a meaning", every_exit_code_has_a_meaning },
	{ "steps follow from where an error arises", steps_follow_from_where_an_error_arises },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("explain", tests)
