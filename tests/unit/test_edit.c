#include "client/edit.h"

#include "tests/support/test.h"

/* `before` with `path` set to `value` (NULL: removed) is `after`. */
static const struct {
	const char *before, *path, *value, *after;
} rows[] = {
	{ "a = 1;", "a", "2", "a = 2;" },
	{ "a = 1; b: \"x;y\" # c\n", "b", "3", "a = 1; b: 3 # c\n" },
	{ "", "a", "1", "a = 1;\n" },
	{ "# c", "a", "1", "# c\na = 1;\n" },
	{ "a = 1;\n", "b", "2", "a = 1;\nb = 2;\n" },
	{ "", "a.b", "1", "a: {\n\tb = 1;\n};\n" },
	{ "a: {\n};\n", "a.b.c", "1", "a: {\n\tb: {\n\t\tc = 1;\n\t};\n};\n" },
	{ "a: { b = 1; };", "a.c", "2", "a: { b = 1; c = 2; };" },
	{ "a: {b = 1}", "a.c", "2", "a: {b = 1 c = 2; }" },
	{ "a: { /* } */ b = \"}\\\"}\"; };", "a.b", "1", "a: { /* } */ b = 1; };" },
	{ "a: {\n\tb = 1; # }\n};\n", "a.c", "2", "a: {\n\tb = 1; # }\n\tc = 2;\n};\n" },
	{ "a = ( { b = 1; } ); b = 2;", "b", "3", "a = ( { b = 1; } ); b = 3;" },
	{ "a = \"x\" /* and */ \"y\"; b = 2;", "a", "1", "a = 1; b = 2;" },
	{ "@include \"x\"\na = 1;", "a", "2", "@include \"x\"\na = 2;" },
	{ "ab = 1; a = 1;", "a", "2", "ab = 1; a = 2;" },
	{ "a = 1;\nb = 2;\n", "a", NULL, "b = 2;\n" },
	{ "a: {\n\tb = 1;\n\tc = 2;\n};\n", "a.b", NULL, "a: {\n\tc = 2;\n};\n" },
	{ "a = 1; b = 2; c = 3;", "b", NULL, "a = 1; c = 3;" },
	{ "a = 1; # c\nb = 2;\n", "a", NULL, "# c\nb = 2;\n" },
};

static void one_setting_changes_and_no_other_byte(void)
{
	for (size_t i = 0; i < HL_COUNT(rows); i++) {
		HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(4096);

		hl_buf_text(&text, rows[i].before);
		if (rows[i].value)
			client_edit_set(&text, rows[i].path, rows[i].value);
		else
			CU_ASSERT_EQUAL(client_edit_remove(&text, rows[i].path), HL_OK);
		CU_ASSERT_EQUAL(text.err, HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&text), hl_text(rows[i].after)));
	}
}

static void what_cannot_be_followed_is_refused(void)
{
	static const struct {
		const char *text, *path;
	} bad[] = {
		{ "a = 1;", "a.b" },
		{ "a: {", "a.b" },
		{ "a: ( { } );", "a.b" },
		{ "a: { b = \"x; };", "a.b" },
		{ "a: { /* };", "a.b.c" },
	};

	for (size_t i = 0; i < HL_COUNT(bad); i++) {
		HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(4096);

		hl_buf_text(&text, bad[i].text);
		CU_ASSERT_EQUAL(client_edit_remove(&text, bad[i].path), HL_E_NOT_FOUND);
		CU_ASSERT_EQUAL(text.err, HL_OK);
		client_edit_set(&text, bad[i].path, "1");
		CU_ASSERT_EQUAL(text.err, HL_E_CONFIG);
	}
}

static void a_setting_is_found_with_its_line(void)
{
	struct hl_bytes text = hl_text("# x\na: {\n  b = 1;\n\n  c: { d = \"\n\"; e = 2; };\n};");

	CU_ASSERT_EQUAL(client_edit_line(text, "a"), 2);
	CU_ASSERT_EQUAL(client_edit_line(text, "a.b"), 3);
	CU_ASSERT_EQUAL(client_edit_line(text, "a.c.e"), 6);
	CU_ASSERT_EQUAL(client_edit_line(text, "a.d"), 0);
	CU_ASSERT_EQUAL(client_edit_line(text, "e"), 0);
}

static void every_cut_ends_well(void)
{
	static const char all[] =
		"# x\n@include \"y\"\na: { b = 1, /* z */ c = \"p\\\"q\" \"r\"; d = [ 1, 2 ]; e = ( { f = 0x1; } ); };\n";

	for (size_t cut = 0; cut < sizeof all; cut++) {
		HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(4096);

		hl_buf_put(&text, hl_bytes(all, cut));
		client_edit_set(&text, "a.e", "1");
		CU_ASSERT(text.err == HL_OK || text.err == HL_E_CONFIG);
	}
}

static void strings_are_quoted(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(64);

	CU_ASSERT_EQUAL(client_edit_quote(&out, "say \"hi\" \\ \xc3\xa9"), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), hl_text("\"say \\\"hi\\\" \\\\ \xc3\xa9\"")));
	CU_ASSERT_EQUAL(client_edit_quote(&out, "two\nlines"), HL_E_ARG);
	CU_ASSERT_EQUAL(client_edit_quote(&out, "\x7f"), HL_E_ARG);
}

static CU_TestInfo tests[] = {
	{ "one setting changes and no other byte", one_setting_changes_and_no_other_byte },
	{ "what cannot be followed is refused", what_cannot_be_followed_is_refused },
	{ "a setting is found with its line", a_setting_is_found_with_its_line },
	{ "every cut ends well", every_cut_ends_well },
	{ "strings are quoted", strings_are_quoted },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("edit", tests)
