/* What `config show` tells of a configuration. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/conf_text.h"

/* Every key there is, one a line. */
static const char all_keys[] =
	"version = \"1.0\"; primus: {\n"
	"wait_delay = 300;\n"
	"wait_max_tries = 7;\n"
	"connect_on_init = false;\n"
	"hsms: { hsm0: {\n"
	"host = \"pool.example\";\n"
	"port = \"2310\";\n"
	"priority = 3;\n"
	"slots: { slot0: {\n"
	"user_name = \"PARTALPHA\";\n"
	"client_id = \"billing\";\n"
	"proxy_user = \"svcalpha\";\n"
	"proxy_password = \"never-shown-0001\";\n"
	"id = 17;\n"
	"}; }; }; }; log: {\n"
	"file = \"/var/log/primus.log\";\n"
	"write_log_file = false;\n"
	"write_syslog = false;\n"
	"trace_linenumber = true;\n"
	"trace_timestamp = false;\n"
	"trace_function = false;\n"
	"trace_inout = true;\n"
	"trace_pid = false;\n"
	"trace_filename = true;\n"
	"trace_mask = 5;\n"
	"trace_level = 6;\n"
	"}; hsmlet: {\n"
	"resolver = \"127.1.2.1:5300\";\n"
	"realm = \"acme\";\n"
	"clock_page = \"/run/w/clock\";\n"
	"trace = \"/run/w/client.trace\";\n"
	"}; };\n";

struct told {
	struct cli_setting setting[64];
	size_t n;
};

static void keep(void *at, const struct cli_setting *s)
{
	struct told *t = at;

	if (t->n < HL_COUNT(t->setting))
		t->setting[t->n++] = *s;
}

static void tell(const char *text, struct told *t)
{
	struct client_conf conf;
	char error[512];

	CU_ASSERT_EQUAL_FATAL(client_conf_parse("f", hl_text(text), &conf, error), HL_OK);
	t->n = 0;
	cli_settings_each(&conf, hl_text(text), keep, t);
	client_conf_clear(&conf);
}

static const struct cli_setting *find(const struct told *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->setting[i].name, name) == 0)
			return &t->setting[i];
	return NULL;
}

static unsigned told_at(const struct told *t, int line)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->setting[i].line == line;
	return n;
}

static void every_key_is_told_with_its_line(void)
{
	static struct told t;
	const char *p = all_keys;

	tell(all_keys, &t);
	for (int line = 1; *p; line++, p = strchr(p, '\n') + 1) {
		size_t name = strspn(p, "abcdefghijklmnopqrstuvwxyz_");
		bool is_key = name > 0 && strncmp(p + name, " = ", 3) == 0 && strncmp(p, "version", 7) != 0;

		CU_ASSERT_EQUAL(told_at(&t, line), is_key);
	}
	CU_ASSERT_STRING_EQUAL(find(&t, "primus.wait_delay")->value, "300 ms");
	CU_ASSERT_STRING_EQUAL(find(&t, "primus.wait_delay")->source, "file");
	CU_ASSERT_STRING_EQUAL(find(&t, "primus.connect_on_init")->value, "false");
	CU_ASSERT_STRING_EQUAL(find(&t, "primus.hsms.hsm0.port")->value, "2310");
	CU_ASSERT_STRING_EQUAL(find(&t, "primus.hsmlet.resolver")->value, "127.1.2.1:5300");
}

static void what_no_file_says_is_a_default(void)
{
	static struct told t;

	tell("primus: { hsms: { hsm0: { host = \"h\"; port = 1; slots: { slot0: { user_name = \"P\"; "
	     "proxy_user = \"s\"; }; }; }; }; };",
		&t);
	CU_ASSERT_STRING_EQUAL(find(&t, "primus.wait_delay")->value, "250 ms");
	CU_ASSERT_STRING_EQUAL(find(&t, "primus.wait_delay")->source, "default");
	CU_ASSERT_EQUAL(find(&t, "primus.wait_delay")->line, 0);
	CU_ASSERT_STRING_EQUAL(find(&t, "primus.hsmlet.resolver")->value, "that of the system");
	CU_ASSERT_EQUAL(find(&t, "primus.hsms.hsm0.host")->line, 1);
}

static void no_password_is_told(void)
{
	static struct told t;

	tell(all_keys, &t);
	for (size_t i = 0; i < t.n; i++)
		CU_ASSERT_PTR_NULL(strstr(t.setting[i].value, "never-shown"));
	CU_ASSERT_STRING_EQUAL(find(&t, "primus.hsms.hsm0.slots.slot0.proxy_password")->value, "(set, not shown)");
}

/* -- where the files are -------------------------------------------------------------------------------------- */

static void the_first_place_that_names_the_file_is_why_it_is_used(void)
{
	struct cli c = { .global.dir = "/nonexistent/world" };
	struct cli_place place[CLI_PLACES];
	size_t n;

	setenv("HSMLET_CONF", "/nonexistent/a", 1);
	setenv("SECUROSYS_PKCS11_CONF", "/nonexistent/a", 1);
	n = cli_client_places(&c, false, "/nonexistent/a", place);
	CU_ASSERT_EQUAL_FATAL(n, 5);
	CU_ASSERT_STRING_EQUAL(place[0].by, "HSMLET_CONF");
	CU_ASSERT_STRING_EQUAL(place[0].state, "used");
	CU_ASSERT_STRING_EQUAL(place[1].path, "/nonexistent/world/client/primus.cfg");
	CU_ASSERT_STRING_EQUAL(place[2].by, "SECUROSYS_PKCS11_CONF");
	CU_ASSERT_STRING_EQUAL(place[2].state, "not there");
	unsetenv("HSMLET_CONF");
	unsetenv("SECUROSYS_PKCS11_CONF");
	n = cli_client_places(&c, false, "", place);
	CU_ASSERT_STRING_EQUAL(place[0].state, "not set");
	c.global.world_typed = true;
	n = cli_client_places(&c, true, "", place);
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT_STRING_EQUAL(place[0].path, "/nonexistent/world/client/.secrets.cfg");
}

static CU_TestInfo tests[] = {
	{ "every key is told with its line", every_key_is_told_with_its_line },
	{ "what no file says is a default", what_no_file_says_is_a_default },
	{ "no password is told", no_password_is_told },
	{ "the first place that names the file is why it is used", the_first_place_that_names_the_file_is_why_it_is_used },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("conf_text", tests)
