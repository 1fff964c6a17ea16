#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/os/config.h"
#include "lib/os/files.h"

/* -- a schema with one row of each kind ------------------------------------------------------- */

struct slot {
	const char *name;
	int line;
	const char *user_name;
	int64_t id;
};

struct hsm {
	const char *name;
	const char *host;
	int64_t port;
	struct hl_config_list slots;
};

struct log {
	const char *file;
	int64_t trace_level;
};

struct primus {
	int64_t wait_delay;
	bool connect_on_init;
	struct hl_config_list hsms;
	struct log log;
};

struct conf {
	const char *version;
	struct primus primus;
	int profile;
	struct hl_config_list allowed;
	struct hl_config_list links;
	int64_t big;
};

static const struct hl_config_row slot_rows[] = {
	HL_CONFIG_NAME_ROW(struct slot, name),
	HL_CONFIG_LINE_ROW(struct slot, line),
	HL_CONFIG_TEXT_ROW(struct slot, user_name, 1, 8, NULL, "partition"),
	HL_CONFIG_INT_ROW(struct slot, id, 0, 100, 0, NULL, "slot number"),
};
static const struct hl_config_schema slot_schema = HL_CONFIG_SCHEMA(struct slot, slot_rows);

static const struct hl_config_row hsm_rows[] = {
	HL_CONFIG_NAME_ROW(struct hsm, name),
	HL_CONFIG_TEXT_ROW(struct hsm, host, 1, 255, NULL, "host"),
	HL_CONFIG_INT_TEXT_ROW(struct hsm, port, 1, 65535, false, 2310, NULL, "port"),
	HL_CONFIG_NAMED_ROW(struct hsm, slots, slot_schema, "slot", 0, 2, "slots"),
};
static const struct hl_config_schema hsm_schema = HL_CONFIG_SCHEMA(struct hsm, hsm_rows);

static const struct hl_config_row log_rows[] = {
	HL_CONFIG_PATH_ROW(struct log, file, false, "log file"),
	HL_CONFIG_INT_ROW(struct log, trace_level, 0, 5, 3, NULL, "how much"),
};
static const struct hl_config_schema log_schema = HL_CONFIG_SCHEMA(struct log, log_rows);

static const struct hl_config_row primus_rows[] = {
	HL_CONFIG_INT_ROW(struct primus, wait_delay, 1, 60000, 250, "ms", "wait"),
	HL_CONFIG_BOOL_ROW(struct primus, connect_on_init, true, "when to connect"),
	HL_CONFIG_NAMED_ROW(struct primus, hsms, hsm_schema, "hsm", 1, 64, "hsms"),
	HL_CONFIG_GROUP_ROW(struct primus, log, log_schema, false, "log"),
};
static const struct hl_config_schema primus_schema = HL_CONFIG_SCHEMA(struct primus, primus_rows);

static const char *const profiles[] = { "faithful", "lab", NULL };

static const struct hl_config_row conf_rows[] = {
	HL_CONFIG_TEXT_ROW(struct conf, version, 1, 8, "1.0", "file format"),
	HL_CONFIG_GROUP_ROW(struct conf, primus, primus_schema, true, "all of it"),
	HL_CONFIG_WORD_ROW(struct conf, profile, profiles, 0, "profile"),
	HL_CONFIG_TEXTS_ROW(struct conf, allowed, 0, 3, "addresses"),
	HL_CONFIG_LIST_ROW(struct conf, links, log_schema, 0, 3, "a list of groups"),
	HL_CONFIG_INT_ROW(struct conf, big, INT64_MIN, INT64_MAX, 7, NULL, "any number"),
};
static const struct hl_config_schema schema = HL_CONFIG_SCHEMA(struct conf, conf_rows);

static hl_err parse(const char *text, struct conf *conf, struct hl_config *config,
	struct hl_config_error *error)
{
	return hl_config_parse("x.cfg", hl_text(text), &schema, conf, config, error);
}

/* -- tests ----------------------------------------------------------------------------------- */

static const char vendor[] =
	"/* Primus, shipped with\n"
	"   comments */\n"
	"version = \"1.0\";\n"
	"primus :\n"
	"{\n"
	"  wait_delay = 0x1F4; # 500\n"
	"  connect_on_init = false;\n"
	"  hsms:\n"
	"  {\n"
	"    hsm0: { host = \"site-a.sim.local\"; port = \"2310\";\n"
	"      slots: { slot0: { user_name = \"PARTALPH\"; id = 0; };\n"
	"               slot7: { user_name = \"PARTBETA\"; id = 7; }; }; };\n"
	"    hsm1: { host = \"site-b.sim.local\"; port = 2320; };\n"
	"  };\n"
	"  log: { file = \"%PUBLIC%\\primus\\new\\tmp.log\"; trace_level = 4; };\n"
	"};\n";

static void the_dialect_of_the_vendor_is_read(void)
{
	HL_AUTO(hl_config_close) struct hl_config config = { 0 };
	struct hl_config_error error = { "" };
	struct conf c;
	const struct hsm *hsm;
	const struct slot *slot;

	CU_ASSERT_EQUAL_FATAL(parse(vendor, &c, &config, &error), HL_OK);
	CU_ASSERT_STRING_EQUAL(c.version, "1.0");
	CU_ASSERT_EQUAL(c.primus.wait_delay, 500);
	CU_ASSERT_FALSE(c.primus.connect_on_init);
	CU_ASSERT_STRING_EQUAL(c.primus.log.file, "%PUBLIC%\\primus\\new\\tmp.log");
	CU_ASSERT_EQUAL(c.primus.log.trace_level, 4);
	CU_ASSERT_EQUAL_FATAL(c.primus.hsms.count, 2);
	hsm = c.primus.hsms.items;
	CU_ASSERT_STRING_EQUAL(hsm[0].name, "hsm0");
	CU_ASSERT_STRING_EQUAL(hsm[0].host, "site-a.sim.local");
	CU_ASSERT_EQUAL(hsm[0].port, 2310);
	CU_ASSERT_EQUAL(hsm[1].port, 2320);
	CU_ASSERT_EQUAL(hsm[1].slots.count, 0);
	CU_ASSERT_EQUAL_FATAL(hsm[0].slots.count, 2);
	slot = hsm[0].slots.items;
	CU_ASSERT_STRING_EQUAL(slot[1].name, "slot7");
	CU_ASSERT_STRING_EQUAL(slot[1].user_name, "PARTBETA");
	CU_ASSERT_EQUAL(slot[1].id, 7);
	CU_ASSERT_EQUAL(slot[0].line, 11);
	CU_ASSERT_EQUAL(slot[1].line, 12);
}

#define LEAST "primus: { hsms: { hsm0: { host = \"h\"; }; }; };\n"

static void what_is_absent_gets_its_default(void)
{
	HL_AUTO(hl_config_close) struct hl_config config = { 0 };
	struct hl_config_error error = { "" };
	struct conf c;
	const struct hsm *hsm;

	CU_ASSERT_EQUAL_FATAL(parse(LEAST, &c, &config, &error), HL_OK);
	CU_ASSERT_STRING_EQUAL(c.version, "1.0");
	CU_ASSERT_EQUAL(c.primus.wait_delay, 250);
	CU_ASSERT(c.primus.connect_on_init);
	CU_ASSERT_PTR_NULL(c.primus.log.file);
	CU_ASSERT_EQUAL(c.primus.log.trace_level, 3);
	CU_ASSERT_EQUAL(c.profile, 0);
	CU_ASSERT_EQUAL(c.allowed.count, 0);
	CU_ASSERT_EQUAL(c.big, 7);
	hsm = c.primus.hsms.items;
	CU_ASSERT_EQUAL(hsm->port, 2310);
}

static void lists_and_words_are_read(void)
{
	HL_AUTO(hl_config_close) struct hl_config config = { 0 };
	struct hl_config_error error = { "" };
	struct conf c;
	const char *const *allowed;
	const struct log *links;

	CU_ASSERT_EQUAL_FATAL(
		parse(LEAST "profile = \"lab\"; allowed = [ \"127.0.0.1\", \"::1\" ];\n"
			    "links = ( { file = \"a\"; }, { trace_level = 1; } );\n"
			    "big = 9000000000000000000L;",
			&c, &config, &error),
		HL_OK);
	CU_ASSERT_EQUAL(c.profile, 1);
	CU_ASSERT_EQUAL(c.big, 9000000000000000000);
	CU_ASSERT_EQUAL_FATAL(c.allowed.count, 2);
	allowed = c.allowed.items;
	CU_ASSERT_STRING_EQUAL(allowed[1], "::1");
	CU_ASSERT_EQUAL_FATAL(c.links.count, 2);
	links = c.links.items;
	CU_ASSERT_STRING_EQUAL(links[0].file, "a");
	CU_ASSERT_EQUAL(links[0].trace_level, 3);
	CU_ASSERT_EQUAL(links[1].trace_level, 1);
}

/* clang-format off */
static const struct { const char *text, *error; } wrong[] = {
	{ LEAST "colour = 1;", "x.cfg:2: unknown key \"colour\"" },
	{ "primus: {\n hsms: { hsm0: { host = \"h\";\n prot = 1; }; }; };", "x.cfg:3: unknown key \"prot\"" },
	{ "primus: { hsms: {\n\n hsx0: { host = \"h\"; }; }; };", "x.cfg:3: unknown key \"hsx0\" in \"hsms\": hsm0, hsm1, ... may stand here" },
	{ "primus: { hsms: { hsm: { host = \"h\"; }; }; };", "x.cfg:1: unknown key \"hsm\" in \"hsms\": hsm0, hsm1, ... may stand here" },
	{ "primus: { hsms: { hsm0x: { host = \"h\"; }; }; };", "x.cfg:1: unknown key \"hsm0x\" in \"hsms\": hsm0, hsm1, ... may stand here" },
	{ "primus: { hsms: {\n hsm0: { }; }; };", "x.cfg:2: \"host\" is missing" },
	{ "primus: { };", "x.cfg:1: \"hsms\" is missing" },
	{ "primus: { hsms: { }; };", "x.cfg:1: \"hsms\" must hold 1 to 64 items, not 0" },
	{ "primus: { hsms = 5; };", "x.cfg:1: \"hsms\" must be a group, not a number" },
	{ "primus: { hsms: { hsm0 = \"h\"; }; };", "x.cfg:1: \"hsm0\" must be a group, not a string" },
	{ "primus: {\n wait_delay = \"long\"; };", "x.cfg:2: \"wait_delay\" must be a number, not a string" },
	{ "primus: {\n wait_delay = 1.5; };", "x.cfg:2: \"wait_delay\" must be a number, not a fraction" },
	{ "primus: {\n wait_delay = 0; };", "x.cfg:2: \"wait_delay\" must be 1 to 60000 ms, not 0" },
	{ "primus: {\n wait_delay = 60001; };", "x.cfg:2: \"wait_delay\" must be 1 to 60000 ms, not 60001" },
	{ "primus: {\n wait_delay = 9000000000L; };", "x.cfg:2: \"wait_delay\" must be 1 to 60000 ms, not 9000000000" },
	{ "primus: { connect_on_init = 1; };", "x.cfg:1: \"connect_on_init\" must be true or false, not a number" },
	{ "primus: { hsms: { hsm0: { host = \"\"; }; }; };", "x.cfg:1: \"host\" must be 1 to 255 characters long, not 0" },
	{ "primus: { hsms: { hsm0: { host = 1; }; }; };", "x.cfg:1: \"host\" must be a string, not a number" },
	{ "primus: { hsms: { hsm0: { host = \"h\"; port = \"23x\"; }; }; };", "x.cfg:1: \"port\" must be a number, not \"23x\"" },
	{ "primus: { hsms: { hsm0: { host = \"h\"; port = \"\"; }; }; };", "x.cfg:1: \"port\" must be a number, not \"\"" },
	{ "primus: { hsms: { hsm0: { host = \"h\"; port = \"65536\"; }; }; };", "x.cfg:1: \"port\" must be 1 to 65535, not 65536" },
	{ "primus: { hsms: { hsm0: { host = \"h\"; port = \"9999999999999999999\"; }; }; };", "x.cfg:1: \"port\" must be a number, not \"9999999999999999999\"" },
	{ "primus: { hsms: { hsm0: { host = \"h\"; port = true; }; }; };", "x.cfg:1: \"port\" must be a number, not true or false" },
	{ "primus: { hsms: { hsm0: { host = \"h\"; slots: { slot0: { user_name = \"123456789\"; }; }; }; }; };", "x.cfg:1: \"user_name\" must be 1 to 8 characters long, not 9" },
	{ "primus: { hsms: { hsm0: { host = \"h\"; }; }; log: { file = true; }; };", "x.cfg:1: \"file\" must be a string, not true or false" },
	{ LEAST "profile = \"bold\";", "x.cfg:2: \"profile\" must be one of faithful, lab, not \"bold\"" },
	{ LEAST "profile = 1;", "x.cfg:2: \"profile\" must be a string, not a number" },
	{ LEAST "allowed = \"127.0.0.1\";", "x.cfg:2: \"allowed\" must be a list of strings, not a string" },
	{ LEAST "allowed = ( \"a\",\n 1 );", "x.cfg:3: \"item\" must be a string, not a number" },
	{ LEAST "allowed = ( \"a\", \"b\", \"c\", \"d\" );", "x.cfg:2: \"allowed\" must hold 0 to 3 items, not 4" },
	{ LEAST "links = { };", "x.cfg:2: \"links\" must be a list of groups, not a group" },
	{ LEAST "links = ( 1 );", "x.cfg:2: \"item\" must be a group, not a number" },
	{ LEAST "primus: { };", "x.cfg:2: duplicate setting name" },
	{ LEAST "\n\nbig = ;", "x.cfg:4: syntax error" },
	{ "primus: { hsms: { hsm0: { host = \"h\n", "x.cfg:1: a string is not closed" },
	{ LEAST "\n  @include \"/etc/passwd\"\n", "x.cfg:3: @include is not supported" },
	{ "", "x.cfg:1: \"primus\" is missing" },
};
/* clang-format on */

static void every_error_names_file_and_line(void)
{
	for (size_t i = 0; i < HL_COUNT(wrong); i++) {
		struct hl_config config = { 0 };
		struct hl_config_error error = { "" };
		struct conf c = { .big = 99 };

		CU_ASSERT_EQUAL(parse(wrong[i].text, &c, &config, &error), HL_E_CONFIG);
		CU_ASSERT_STRING_EQUAL(error.text, wrong[i].error);
		if (strcmp(error.text, wrong[i].error) != 0)
			fprintf(stderr, "%s\n  not %s\n", error.text, wrong[i].error);
		CU_ASSERT_EQUAL(c.big, 99);
		CU_ASSERT_PTR_NULL(config.pieces);
	}
}

static void every_cut_of_a_file_is_an_error_or_whole(void)
{
	for (size_t cut = 0; cut < sizeof vendor; cut++) {
		HL_AUTO(hl_config_close) struct hl_config config = { 0 };
		struct hl_config_error error = { "" };
		struct conf c;
		hl_err err = hl_config_parse(
			"x.cfg", hl_bytes(vendor, cut), &schema, &c, &config, &error);

		CU_ASSERT(err == HL_E_CONFIG || cut >= sizeof vendor - 3);
		CU_ASSERT((err == HL_OK) == (error.text[0] == 0));
	}
}

static void a_nul_is_no_end_of_file(void)
{
	static const char text[] = LEAST "\n\0colour = 1;";
	struct hl_config config = { 0 };
	struct hl_config_error error = { "" };
	struct conf c;

	CU_ASSERT_EQUAL(hl_config_parse("x.cfg", hl_bytes(text, sizeof text - 1), &schema, &c,
				&config, &error),
		HL_E_CONFIG);
	CU_ASSERT_STRING_EQUAL(error.text, "x.cfg:3: a NUL byte");
}

static void a_file_is_read_by_its_name(void)
{
	char folder[] = "/tmp/hsmlet-config-XXXXXX", path[64], expected[128];
	HL_AUTO(hl_config_close) struct hl_config config = { 0 };
	struct hl_config_error error = { "" };
	struct conf c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/p.cfg", folder);
	CU_ASSERT_EQUAL(hl_config_read(path, &schema, &c, &config, &error), HL_E_CONFIG_NONE);
	snprintf(expected, sizeof expected, "%s: no configuration file was found", path);
	CU_ASSERT_STRING_EQUAL(error.text, expected);
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_text(vendor)), HL_OK);
	CU_ASSERT_EQUAL(hl_config_read(path, &schema, &c, &config, &error), HL_OK);
	CU_ASSERT_EQUAL(c.primus.wait_delay, 500);
	unlink(path);
	CU_ASSERT_EQUAL(hl_config_read(folder, &schema, &c, &config, &error), HL_E_IO);
	rmdir(folder);
	CU_ASSERT_EQUAL(hl_config_fail(&error, "a.cfg", 3, "no host %s", "x"), HL_E_CONFIG);
	CU_ASSERT_STRING_EQUAL(error.text, "a.cfg:3: no host x");
}

struct told {
	char text[512];
	unsigned n;
};

static void tell(void *at, const char *text)
{
	struct told *t = at;

	t->n++;
	strcat(strcat(t->text, text), "\n");
}

static void all_faults_are_told_and_not_the_first_alone(void)
{
	static const char bad[] = "vers = 1;\n"
				  "primus: {\n"
				  "  wait_delay = 0;\n"
				  "  hsms: {\n"
				  "    hsm0: { host = 5; port = \"2310\"; };\n"
				  "    hsm1: { port = 0; };\n"
				  "  };\n"
				  "};\n";
	static const char *const expected[] = {
		"x.cfg:1: unknown key \"vers\"\n",
		"x.cfg:3: \"wait_delay\" must be 1 to 60000 ms, not 0\n",
		"x.cfg:5: \"host\" must be a string, not a number\n",
		"x.cfg:6: \"host\" is missing\n",
		"x.cfg:6: \"port\" must be ",
	};
	struct told all = { "", 0 };

	CU_ASSERT_EQUAL(hl_config_faults("x.cfg", hl_text(bad), &schema, tell, &all), HL_E_CONFIG);
	CU_ASSERT_EQUAL(all.n, HL_COUNT(expected));
	for (size_t i = 0; i < HL_COUNT(expected); i++)
		CU_ASSERT_PTR_NOT_NULL(strstr(all.text, expected[i]));
	all = (struct told){ "", 0 };
	CU_ASSERT_EQUAL(hl_config_faults("x.cfg", hl_text(vendor), &schema, tell, &all), HL_OK);
	CU_ASSERT_EQUAL(all.n, 0);
	CU_ASSERT_EQUAL(hl_config_faults("x.cfg", hl_text("primus: {"), &schema, tell, &all), HL_E_CONFIG);
	CU_ASSERT_EQUAL(all.n, 1);
}

static CU_TestInfo tests[] = {
	{ "all faults are told, and not the first alone", all_faults_are_told_and_not_the_first_alone },
	{ "the dialect of the vendor is read", the_dialect_of_the_vendor_is_read },
	{ "what is absent gets its default", what_is_absent_gets_its_default },
	{ "lists and words are read", lists_and_words_are_read },
	{ "every error names file and line", every_error_names_file_and_line },
	{ "every cut of a file is an error or whole", every_cut_of_a_file_is_an_error_or_whole },
	{ "a NUL is no end of file", a_nul_is_no_end_of_file },
	{ "a file is read by its name", a_file_is_read_by_its_name },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("config", tests)
