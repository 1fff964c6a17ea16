#include "lib/base/err.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

static const struct hl_err_row *rows;
static unsigned count;

static void codes_and_names_are_unique(void)
{
	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = 0; k < i; k++) {
			CU_ASSERT_NOT_EQUAL(rows[i].code, rows[k].code);
			CU_ASSERT_STRING_NOT_EQUAL(rows[i].name, rows[k].name);
			CU_ASSERT_STRING_NOT_EQUAL(rows[i].text, rows[k].text);
		}
	}
}

static void success_alone_is_zero(void)
{
	for (unsigned i = 0; i < count; i++) {
		bool ok = strcmp(rows[i].name, "HL_OK") == 0;

		CU_ASSERT_EQUAL(rows[i].code == 0, ok);
		CU_ASSERT_EQUAL(rows[i].exit_code == 0, ok);
		CU_ASSERT(rows[i].code <= 0 && rows[i].code >= -9999);
	}
	CU_ASSERT_EQUAL(HL_OK, 0);
}

/* One line of plain text, which a log line or a table can hold. */
static bool is_line(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (!isprint((unsigned char)text[i]))
			return false;
	return n > 0 && text[0] != ' ' && text[n - 1] != ' ' && text[n - 1] != '.';
}

static void every_failure_has_text_cause_and_next_step(void)
{
	for (unsigned i = 0; i < count; i++) {
		CU_ASSERT(is_line(rows[i].text));
		if (rows[i].code == HL_OK)
			continue;
		CU_ASSERT(is_line(rows[i].cause));
		CU_ASSERT(is_line(rows[i].next));
		CU_ASSERT_EQUAL(strncmp(rows[i].name, "HL_E_", 5), 0);
		CU_ASSERT(rows[i].again == HL_FINAL || rows[i].again == HL_AGAIN);
	}
}

static void exit_codes_are_those_that_users_were_told(void)
{
	/* 77 and 99 would be a skipped and a broken test to automake. */
	static const int told[] = { 0, 1, 2, 10, 11, 12, 13, 14, 15, 16, 17, 69, 70, 73, 74, 75, 76,
		78 };

	for (unsigned i = 0; i < count; i++) {
		size_t k = 0;

		while (k < HL_COUNT(told) && told[k] != rows[i].exit_code)
			k++;
		CU_ASSERT(k < HL_COUNT(told));
	}
}

/* 75 tells a script to try again: no final failure may say so. */
static void only_what_may_be_tried_again_exits_so(void)
{
	for (unsigned i = 0; i < count; i++)
		if (rows[i].exit_code == 75)
			CU_ASSERT_EQUAL(rows[i].again, HL_AGAIN);
}

static void a_code_crosses_the_wire_and_comes_back(void)
{
	unsigned known = 0;

	for (unsigned i = 0; i < count; i++)
		CU_ASSERT_EQUAL(hl_err_of_wire((uint32_t)-rows[i].code), rows[i].code);
	for (uint32_t wire = 0; wire <= 65535; wire++) {
		hl_err code = hl_err_of_wire(wire);

		known += (uint32_t)-code == wire;
		CU_ASSERT((uint32_t)-code == wire || code == HL_E_BUG);
	}
	CU_ASSERT_EQUAL(known, count);
	CU_ASSERT_EQUAL(hl_err_of_wire(0xffffffff), HL_E_BUG); /* -1 is not what crosses it */
	CU_ASSERT_EQUAL(hl_err_of_wire(0xffffff38), HL_E_BUG);
}

static void a_code_has_its_row_and_a_stranger_that_of_a_bug(void)
{
	for (unsigned i = 0; i < count; i++) {
		CU_ASSERT_PTR_EQUAL(hl_err_row(rows[i].code), &rows[i]);
		CU_ASSERT_PTR_EQUAL(hl_err_text(rows[i].code), rows[i].text);
	}
	CU_ASSERT_EQUAL(hl_err_row((hl_err)1)->code, HL_E_BUG);
	CU_ASSERT_EQUAL(hl_err_row((hl_err)-9999)->code, HL_E_BUG);
	CU_ASSERT_EQUAL(hl_err_row((hl_err)INT32_MIN)->code, HL_E_BUG);
}

/* HL-nnnn: four digits for every row, as people and scripts know it. */
static void ids_have_four_digits(void)
{
	for (unsigned i = 0; i < count; i++) {
		char id[16];

		CU_ASSERT_EQUAL(snprintf(id, sizeof id, "HL-%04u", (unsigned)-rows[i].code), 7);
	}
}

static CU_TestInfo tests[] = {
	{ "codes and names are unique", codes_and_names_are_unique },
	{ "success alone is zero", success_alone_is_zero },
	{ "every failure has text, cause and next step",
		every_failure_has_text_cause_and_next_step },
	{ "exit codes are those that users were told", exit_codes_are_those_that_users_were_told },
	{ "only what may be tried again exits so", only_what_may_be_tried_again_exits_so },
	{ "a code crosses the wire and comes back", a_code_crosses_the_wire_and_comes_back },
	{ "a code has its row and a stranger that of a bug",
		a_code_has_its_row_and_a_stranger_that_of_a_bug },
	{ "ids have four digits", ids_have_four_digits },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	rows = hl_err_rows(&count);
	return hl_test_main("err", tests);
}
