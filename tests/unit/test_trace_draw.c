#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "cli/draw.h"

#define ID "0123456789abcdef0123456789abcdef"

static void line(struct hl_buf *out, int ms, const char *who, const char *role, const char *conn, int n,
	const char *more)
{
	hl_buf_printf(out,
		"{\"mono_us\":%d,\"wall_ms\":%d,\"who\":\"%s\",\"role\":\"%s\",\"conn\":\"%s\",\"n\":%d,"
		"\"step\":\"%s\",\"way\":\"did\"%s}\n",
		ms * 1000, ms, who, role, conn, n, hl_step_row((unsigned)n)->name, more);
}

/* What four processes write about one connection, each into its own file. */
static void whole_connection(struct cli_lines *l)
{
	HL_AUTO(hl_buf_clear) struct hl_buf client = hl_buf(1 << 16);
	HL_AUTO(hl_buf_clear) struct hl_buf proxy = hl_buf(1 << 16);
	HL_AUTO(hl_buf_clear) struct hl_buf others = hl_buf(1 << 16);

	line(&client, 100, "client", "client", ID, 0, ",\"note\":\"127.16.0.12:2310\"");
	line(&client, 101, "client", "client", ID, 1, ",\"fields\":{\"partition\":\"PARTALPHA\"}");
	line(&client, 103, "client", "client", ID, 2, "");
	line(&client, 104, "client", "client", ID, 3, "");
	line(&client, 109, "client", "client", ID, 6, "");
	line(&client, 113, "client", "client", ID, 8, "");
	line(&proxy, 102, "proxy2", "proxy", ID, 2, "");
	line(&proxy, 105, "proxy2", "proxy", ID, 4, "");
	line(&others, 106, "directory1", "directory", ID, 5, "");
	line(&others, 110, "hsm1", "hsm", ID, 7, "");
	line(&others, 112, "hsm1", "hsm", ID, 8, "");
	hl_buf_text(&others, "{\"mono_us\":1,\"wall_ms\":1,\"who\":\"hsm1\",\"role\":\"hsm\","
			     "\"what\":\"partition.made\",\"way\":\"did\"}\n");
	CU_ASSERT_EQUAL(cli_lines_add(l, hl_buf_view(&others)), HL_OK);
	CU_ASSERT_EQUAL(cli_lines_add(l, hl_buf_view(&client)), HL_OK);
	CU_ASSERT_EQUAL(cli_lines_add(l, hl_buf_view(&proxy)), HL_OK);
	cli_lines_sort(l);
}

static char *drawn(const struct cli_lines *l, const char *id, struct cli_style style)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(1 << 16);
	struct cli_connection k;

	CU_ASSERT_EQUAL_FATAL(cli_lines_find(l, id, &k), HL_OK);
	cli_draw(&k, style, &out);
	CU_ASSERT_EQUAL_FATAL(out.err, HL_OK);
	return strndup((const char *)hl_buf_view(&out).p, out.n);
}

static void the_files_of_all_processes_are_one_story(void)
{
	HL_AUTO(cli_lines_clear) struct cli_lines l = { 0 };
	struct cli_connection k;

	whole_connection(&l);
	CU_ASSERT_EQUAL_FATAL(cli_lines_find(&l, NULL, &k), HL_OK);
	CU_ASSERT_STRING_EQUAL(k.id, ID);
	CU_ASSERT_EQUAL(k.lines, 11);
	CU_ASSERT_EQUAL(k.reached, 8);
	CU_ASSERT_EQUAL(k.failed, -1);
	CU_ASSERT_EQUAL(k.end_us - k.start_us, 13000);
	CU_ASSERT_EQUAL(k.step[2].at_us - k.start_us, 2000); /* sent before it was got */
	CU_ASSERT_STRING_EQUAL(k.partition, "PARTALPHA");
	CU_ASSERT_STRING_EQUAL(k.who[CLI_COL_PROXY], "proxy2");
	CU_ASSERT_STRING_EQUAL(k.who[CLI_COL_HSM], "hsm1");
}

static void the_eight_steps_are_drawn_in_order(void)
{
	HL_AUTO(cli_lines_clear) struct cli_lines l = { 0 };
	const char *at, *before;
	char *text;

	whole_connection(&l);
	text = drawn(&l, ID, (struct cli_style){ false, false });
	before = text;
	for (unsigned i = 0; i < CLI_STEPS; i++) {
		at = strstr(text, hl_step_row(i)->name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		CU_ASSERT(at > before);
		before = at;
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " 0  dns.pick      |---------->|           |           |           |"
					    "     0.000 ms  127.16.0.12:2310\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " 5  dir.grant     |           |           |<----------|           |"
					    "     6.000 ms\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " 8  hsm.result    |<==============================================|"
					    "    12.000 ms\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "open after 13.000 ms\n"));
	CU_ASSERT_PTR_NULL(strchr(text, '\033'));
	free(text);
}

static void a_plain_terminal_gets_ascii_only(void)
{
	HL_AUTO(cli_lines_clear) struct cli_lines l = { 0 };
	char *plain, *rich;
	bool ascii = true;

	whole_connection(&l);
	plain = drawn(&l, ID, (struct cli_style){ false, false });
	rich = drawn(&l, ID, (struct cli_style){ true, true });
	for (const char *p = plain; *p; p++)
		ascii = ascii && (*p & 0x80) == 0;
	CU_ASSERT(ascii);
	CU_ASSERT_PTR_NOT_NULL(strstr(rich, "│"));
	CU_ASSERT_PTR_NOT_NULL(strstr(rich, "\033[32m"));
	free(plain);
	free(rich);
}

static void a_failure_stands_at_its_step(void)
{
	HL_AUTO(cli_lines_clear) struct cli_lines l = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf t = hl_buf(1 << 16);
	struct cli_connection k;
	char *text;

	line(&t, 1, "client", "client", ID, 0, "");
	line(&t, 2, "client", "client", ID, 1, "");
	line(&t, 3, "proxy1", "proxy", ID, 5, ",\"err\":\"HL-0300\"");
	line(&t, 4, "client", "client", ID, 6, ",\"err\":\"HL-0300\"");
	CU_ASSERT_EQUAL(cli_lines_add(&l, hl_buf_view(&t)), HL_OK);
	cli_lines_sort(&l);
	CU_ASSERT_EQUAL_FATAL(cli_lines_find(&l, ID, &k), HL_OK);
	CU_ASSERT_EQUAL(k.failed, 6); /* where the client met it */
	CU_ASSERT_EQUAL(k.err, HL_E_SERVICE_AUTH);
	text = drawn(&l, ID, (struct cli_style){ false, false });
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "failed at step 6 auth.result: HL-0300 the gateway refused"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "not reached"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "not traced"));
	CU_ASSERT_PTR_NULL(strstr(text, "open after"));
	free(text);
}

static void broken_lines_are_counted_and_passed_over(void)
{
	HL_AUTO(cli_lines_clear) struct cli_lines l = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf t = hl_buf(1 << 16);

	line(&t, 1, "client", "client", ID, 0, "");
	hl_buf_text(&t, "no JSON at all\n{\"mono_us\":1}\n[]\n\n{\"mono_us\":\"1\",\"who\":\"a\",\"role\":\"b\"}\n");
	line(&t, 2, "client", "client", ID, 1, "");
	hl_buf_text(&t, "{\"mono_us\":3,\"wall_ms\":3,\"who\":\"client\",\"role\":\"client\",\"n\":99}\n");
	CU_ASSERT_EQUAL(cli_lines_add(&l, hl_buf_view(&t)), HL_OK);
	CU_ASSERT_EQUAL(l.n, 2);
	CU_ASSERT_EQUAL(l.broken, 5);
}

/* A process may have been killed in the middle of a line. */
static void a_line_cut_at_any_byte_is_read_or_counted(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf t = hl_buf(1 << 16);

	line(&t, 1, "client", "client", ID, 0, ",\"note\":\"x\",\"err\":\"HL-0706\"");
	for (size_t cut = 1; cut < t.n; cut++) {
		HL_AUTO(cli_lines_clear) struct cli_lines l = { 0 };

		CU_ASSERT_EQUAL(cli_lines_add(&l, hl_bytes(hl_buf_view(&t).p, cut)), HL_OK);
		CU_ASSERT_EQUAL(l.n + l.broken, 1);
		CU_ASSERT_EQUAL(l.n, cut == t.n - 1); /* all but the newline */
	}
}

static void a_connection_is_found_by_the_beginning_of_its_id(void)
{
	HL_AUTO(cli_lines_clear) struct cli_lines l = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf t = hl_buf(1 << 16);
	struct cli_connection k;

	line(&t, 50, "client", "client", "aa11", 0, "");
	line(&t, 10, "client", "client", "aa22", 0, "");
	line(&t, 20, "client", "client", "bb33", 0, "");
	CU_ASSERT_EQUAL(cli_lines_add(&l, hl_buf_view(&t)), HL_OK);
	cli_lines_sort(&l);
	CU_ASSERT_EQUAL(cli_lines_find(&l, "BB", &k), HL_OK);
	CU_ASSERT_STRING_EQUAL(k.id, "bb33");
	CU_ASSERT_EQUAL(cli_lines_find(&l, "aa", &k), HL_E_ARG);
	CU_ASSERT_EQUAL(cli_lines_find(&l, "cc", &k), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(cli_lines_find(&l, NULL, &k), HL_OK);
	CU_ASSERT_STRING_EQUAL(k.id, "aa11"); /* began last */
}

static void attempts_without_an_id_stay_apart(void)
{
	HL_AUTO(cli_lines_clear) struct cli_lines l = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf t = hl_buf(1 << 16);
	struct cli_connection k;
	size_t at = 0, n = 0;

	line(&t, 1, "client", "client", "0000", 0, ",\"err\":\"HL-0701\"");
	line(&t, 2, "client", "client", "0000", 0, ",\"err\":\"HL-0700\"");
	CU_ASSERT_EQUAL(cli_lines_add(&l, hl_buf_view(&t)), HL_OK);
	cli_lines_sort(&l);
	while (cli_lines_next(&l, &at, &k))
		n++;
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_EQUAL(k.err, HL_E_NAME);
}

static void nobody_is_asked_to_tell_zeros_apart(void)
{
	HL_AUTO(cli_lines_clear) struct cli_lines l = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf t = hl_buf(1 << 16);
	struct cli_connection k;
	char *text;
	json_t *j;

	line(&t, 1, "client", "client", "00000000000000000000000000000000", 0, ",\"err\":\"HL-0701\"");
	CU_ASSERT_EQUAL(cli_lines_add(&l, hl_buf_view(&t)), HL_OK);
	cli_lines_sort(&l);
	CU_ASSERT_EQUAL(cli_lines_find(&l, "0", &k), HL_E_NOT_FOUND);
	text = drawn(&l, NULL, (struct cli_style){ false, false });
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "connection without an id"));
	CU_ASSERT_PTR_NULL(strstr(text, "00000000"));
	free(text);
	CU_ASSERT_EQUAL(cli_lines_find(&l, NULL, &k), HL_OK);
	CU_ASSERT(k.nameless);
	j = cli_draw_json(&k);
	CU_ASSERT(json_is_null(json_object_get(j, "connection")));
	json_decref(j);
}

static void the_json_says_the_same(void)
{
	HL_AUTO(cli_lines_clear) struct cli_lines l = { 0 };
	struct cli_connection k;
	json_t *j, *steps;

	whole_connection(&l);
	CU_ASSERT_EQUAL_FATAL(cli_lines_find(&l, ID, &k), HL_OK);
	j = cli_draw_json(&k);
	steps = json_object_get(j, "steps");
	CU_ASSERT_EQUAL(json_array_size(steps), CLI_STEPS);
	CU_ASSERT(json_is_true(json_object_get(j, "open")));
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_array_get(steps, 8), "at_us")), 12000);
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(json_array_get(steps, 0), "step")), "dns.pick");
	json_decref(j);
}

static CU_TestInfo tests[] = {
	{ "the files of all processes are one story", the_files_of_all_processes_are_one_story },
	{ "the eight steps are drawn in order", the_eight_steps_are_drawn_in_order },
	{ "a plain terminal gets ASCII only", a_plain_terminal_gets_ascii_only },
	{ "a failure stands at its step", a_failure_stands_at_its_step },
	{ "broken lines are counted and passed over", broken_lines_are_counted_and_passed_over },
	{ "a line cut at any byte is read or counted", a_line_cut_at_any_byte_is_read_or_counted },
	{ "a connection is found by the beginning of its id", a_connection_is_found_by_the_beginning_of_its_id },
	{ "attempts without an id stay apart", attempts_without_an_id_stay_apart },
	{ "nobody is asked to tell zeros apart", nobody_is_asked_to_tell_zeros_apart },
	{ "the JSON says the same", the_json_says_the_same },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("trace_draw", tests)
