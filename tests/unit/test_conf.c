#include "client/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>

#include "lib/os/files.h"
#include "tests/support/test.h"

/* In the vendor's shape, comments and a Windows path included. */
static const char sample[] =
	"# a cluster behind the service proxy\n"
	"version = \"1.0\";\n"
	"primus:\n"
	"{\n"
	"  wait_delay = 300;\n"
	"  wait_max_tries = 7;\n"
	"  connect_on_init = false;\n"
	"  hsms:\n"
	"  {\n"
	"    hsm0: { host = \"site-a.example\"; port = \"2310\"; priority = 0;\n"
	"      slots: { slot0: { client_id = \"billing\"; user_name = \"PARTALPHA\";"
	" proxy_user = \"svcalpha\"; id = 0; }; }; };\n"
	"    hsm1: { host = \"site-b.example\"; port = 2311; priority = 127; /* } */\n"
	"      slots: { slot0: { client_id = \"billing\"; user_name = \"PARTALPHA\";"
	" proxy_user = \"svcalpha\"; proxy_password = \"pw-0001\"; id = 0; };\n"
	"               slot1: { user_name = \"PARTBETA\"; proxy_user = \"svcbeta\"; id = 0x11; }; }; };\n"
	"  };\n"
	"  log: { file = \"C:\\tmp\\new\\primus.log\"; write_log_file = false; write_syslog = false;\n"
	"    trace_linenumber = true; trace_timestamp = false; trace_function = false;\n"
	"    trace_inout = true; trace_pid = false; trace_filename = true;\n"
	"    trace_mask = 0x05; trace_level = 6; };\n"
	"  hsmlet: { resolver = \"127.1.2.1:5300\"; realm = \"acme\"; clock_page = \"/run/w/clock\";\n"
	"    trace = \"/run/w/client.trace\"; };\n"
	"};\n";

#define SLOT "slots: { slot0: { user_name = \"P\"; proxy_user = \"s\"; }; };"
#define HOST "hsm0: { host = \"h\"; port = 1; " SLOT " };"
static const char least[] = "primus: { hsms: { " HOST " }; };";

static char error[512];

static hl_err parse(const char *text, struct client_conf *c)
{
	return client_conf_parse("f", hl_text(text), c, error);
}

static void the_whole_grammar_is_read(void)
{
	struct client_conf c;
	char resolver[HL_ADDR_TEXT];

	CU_ASSERT_EQUAL_FATAL(parse(sample, &c), HL_OK);
	CU_ASSERT_STRING_EQUAL(c.path, "f");
	CU_ASSERT(c.wait_delay_ms == 300 && c.wait_max_tries == 7 && !c.connect_on_init);
	CU_ASSERT_EQUAL(c.hosts, 2);
	CU_ASSERT_STRING_EQUAL(c.host[0].name, "hsm0");
	CU_ASSERT_STRING_EQUAL(c.host[0].host, "site-a.example");
	CU_ASSERT(c.host[0].port == 2310 && c.host[0].priority == 0 && c.host[0].slots == 1);
	CU_ASSERT(c.host[1].port == 2311 && c.host[1].priority == 127 && c.host[1].slots == 2);
	CU_ASSERT_STRING_EQUAL(c.host[1].slot[0].name, "slot0");
	CU_ASSERT_STRING_EQUAL(c.host[1].slot[0].partition, "PARTALPHA");
	CU_ASSERT_STRING_EQUAL(c.host[1].slot[0].client_id, "billing");
	CU_ASSERT_STRING_EQUAL(c.host[1].slot[0].service_user, "svcalpha");
	CU_ASSERT_STRING_EQUAL(c.host[1].slot[0].service_password, "pw-0001");
	CU_ASSERT_STRING_EQUAL(c.host[1].slot[1].name, "slot1");
	CU_ASSERT_EQUAL(c.host[1].slot[1].id, 17);
	CU_ASSERT_STRING_EQUAL(c.log.file, "C:\\tmp\\new\\primus.log");
	CU_ASSERT(!c.log.write_log_file && !c.log.write_syslog && c.log.linenumber &&
		  !c.log.timestamp);
	CU_ASSERT(!c.log.function && c.log.inout && !c.log.pid && c.log.filename);
	CU_ASSERT(c.log.mask == 5 && c.log.level == 6);
	hl_addr_text(&c.own.resolver, resolver);
	CU_ASSERT_STRING_EQUAL(resolver, "127.1.2.1:5300");
	CU_ASSERT_STRING_EQUAL(c.own.realm, "acme");
	CU_ASSERT_STRING_EQUAL(c.own.clock_page, "/run/w/clock");
	CU_ASSERT_STRING_EQUAL(c.own.trace, "/run/w/client.trace");
}

static void what_is_left_out_gets_its_default(void)
{
	struct client_conf c, d;

	CU_ASSERT_EQUAL_FATAL(parse(least, &c), HL_OK);
	CU_ASSERT(c.wait_delay_ms == 250 && c.wait_max_tries == 5 && c.connect_on_init);
	CU_ASSERT(c.hosts == 1 && c.host[0].priority == 0 && c.host[0].slots == 1);
	CU_ASSERT(c.host[0].slot[0].id == 0 && !*c.host[0].slot[0].client_id);
	CU_ASSERT(!*c.host[0].slot[0].service_password);
	CU_ASSERT_STRING_EQUAL(c.log.file, "/tmp/primus.log");
	CU_ASSERT(
		c.log.write_log_file && c.log.write_syslog && !c.log.linenumber && c.log.timestamp);
	CU_ASSERT(c.log.function && !c.log.inout && c.log.pid && !c.log.filename);
	CU_ASSERT(c.log.mask == 0 && c.log.level == 4);
	CU_ASSERT_EQUAL(c.own.resolver.family, 0);
	CU_ASSERT_STRING_EQUAL(c.own.realm, "hsmlet");
	CU_ASSERT(!*c.own.clock_page && !*c.own.trace);
	CU_ASSERT_EQUAL_FATAL(client_conf_defaults(&d), HL_OK);
	CU_ASSERT_EQUAL(d.hosts, 0);
	CU_ASSERT(memcmp(&c.log, &d.log, sizeof c.log) == 0 &&
		  memcmp(&c.own, &d.own, sizeof c.own) == 0);
}

/* Each fault stands in line 3. */
#define IN_HOST(s) "primus: { hsms: {\nhsm0: { host = \"h\"; port = 1; " SLOT "\n" s "}; }; };"
#define IN_HOSTS(s) "primus: { hsms: {\n\n" s "}; };"
#define IN_SLOT(s) \
	"primus: { hsms: { hsm0: { host = \"h\"; port = 1; slots: {\n" \
	"slot0: { user_name = \"P\"; proxy_user = \"s\";\n" s "}; }; }; }; };"
#define IN_PRIMUS(s) "primus: {\nhsms: { " HOST " };\n" s "};"
#define LONG65 "12345678901234567890123456789012345678901234567890123456789012345"

/* clang-format off */
static const struct { const char *text, *says; } faults[] = {
	{ IN_PRIMUS("colour = 1;"),                      "unknown key \"colour\"" },
	{ IN_PRIMUS("wait_delay = 0;"),                  "wait_delay" },
	{ IN_PRIMUS("wait_delay = \"1\";"),              "wait_delay" },
	{ IN_PRIMUS("wait_max_tries = 1001;"),           "wait_max_tries" },
	{ IN_PRIMUS("connect_on_init = 1;"),             "connect_on_init" },
	{ IN_PRIMUS("log: { trace_level = 8; };"),       "trace_level" },
	{ IN_PRIMUS("log: { colour = 1; };"),            "unknown key \"colour\"" },
	{ IN_PRIMUS("log = 1;"),                         "log" },
	{ IN_PRIMUS("hsmlet: { resolver = \"dns\"; };"), "resolver" },
	{ IN_PRIMUS("hsmlet: { realm = \"\"; };"),       "realm" },
	{ IN_PRIMUS("hsmlet: { pool = 1; };"),           "unknown key \"pool\"" },
	{ IN_PRIMUS("wait_delay = = 1;"),                "syntax error" },
	{ IN_PRIMUS("@include \"other.cfg\"\n"),         "@include" },
	{ IN_PRIMUS("\"lost\""),                         "a string may not stand here" },
	{ IN_PRIMUS("wait_delay = 1, \"lost\";"),        "a string may not stand here" },
	{ "primus: { hsms: { " HOST " }; };\n\n\"open",    "a string may not stand here" },
	{ "primus: { hsms: { " HOST " }; }; version = \"1\"\n\n\".0", "a string is not closed" },
	{ "primus: { hsms: { " HOST " }; };\n\n/* open",  "a comment is not closed" },
	{ "version = \"1.0\";\n\nprimus: { };",          "\"hsms\" is missing" },
	{ "primus: {\n\nhsms: { }; };",                  "hsms" },
	{ "primus: {\n\nhsms: 1; };",                    "hsms" },
	{ "\n\nversion = \"2.0\"; primus: { hsms: { " HOST " }; };", "version" },
	{ "\n\nhsms: { };",                              "unknown key \"hsms\"" },
	{ IN_HOSTS("site0: { };"),                       "unknown key \"site0\"" },
	{ IN_HOSTS("hsm: { };"),                         "unknown key \"hsm\"" },
	{ IN_HOSTS("hsm0: { port = 1; " SLOT " };"),     "\"host\" is missing" },
	{ IN_HOSTS("hsm0: { host = \"h\"; " SLOT " };"), "\"port\" is missing" },
	{ IN_HOSTS("hsm0: { host = \"h\"; port = 0; " SLOT " };"),         "port" },
	{ IN_HOSTS("hsm0: { host = \"h\"; port = \"65536\"; " SLOT " };"), "port" },
	{ IN_HOSTS("hsm0: { host = \"h\"; port = \"http\"; " SLOT " };"),  "port" },
	{ IN_HOSTS("hsm0: { host = \"h\"; port = 1; };"),                  "\"slots\" is missing" },
	{ IN_HOSTS("hsm0000000000000: { host = \"h\"; port = 1; " SLOT " };"), "too long" },
	{ IN_HOST("priority = 128;"),                    "priority" },
	{ IN_HOST("priority = -1;"),                     "priority" },
	{ IN_HOST("pin = \"AB12C-34DEF\";"),             "\"pin\" (the setup password) is not supported" },
	{ IN_HOST("prot = 1;"),                          "unknown key \"prot\"" },
	{ IN_SLOT("id = -1;"),                           "id" },
	{ IN_SLOT("client_id = \"" LONG65 "\";"),        "client_id" },
	{ IN_SLOT("proxy_password = \"" LONG65 "\";"),   "proxy_password" },
	{ IN_SLOT("pin = \"x\";"),                       "unknown key \"pin\"" },
	{ IN_SLOT("}; user1: {"),                        "unknown key \"user1\"" },
	{ IN_SLOT("}; slot1: { user_name = \"Q\"; proxy_user = \"s\"; id = 0;"), "id 0 is already that of partition \"P\" (line 2)" },
	{ IN_SLOT("}; slot1: { user_name = \"Q\"; id = 1;"),           "\"proxy_user\" is missing" },
	{ IN_SLOT("}; slot1: { proxy_user = \"s\"; id = 1;"),          "\"user_name\" is missing" },
	{ IN_SLOT("}; slot1: { user_name = \"\\x01\"; proxy_user = \"s\"; id = 1;"), "printable ASCII" },
	{ IN_SLOT("}; slot1: { user_name = \"Q\"; proxy_user = \"\xc3\xa9\"; id = 1;"), "printable ASCII" },
};
/* clang-format on */

static void every_fault_is_named_with_its_line(void)
{
	for (size_t i = 0; i < HL_COUNT(faults); i++) {
		struct client_conf c = { .hosts = 77 };
		hl_err err = parse(faults[i].text, &c);

		if (err != HL_E_CONFIG || strncmp(error, "f:3: ", 5) != 0 ||
			!strstr(error, faults[i].says))
			fprintf(stderr, "%s\n%s\n", faults[i].text, error);
		CU_ASSERT_EQUAL(err, HL_E_CONFIG);
		CU_ASSERT_EQUAL(strncmp(error, "f:3: ", 5), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(error, faults[i].says));
		CU_ASSERT_EQUAL(c.hosts, 77); /* a result is written on success only */
	}
}

static void one_partition_may_have_one_id_on_many_hosts_and_many_ids(void)
{
	struct client_conf c;

	CU_ASSERT_EQUAL(
		parse("primus: { hsms: { hsm0: { host = \"a\"; port = 1; " SLOT " };"
		      " hsm1: { host = \"b\"; port = 1; slots: {"
		      " slot0: { user_name = \"P\"; proxy_user = \"s\"; id = 0; };"
		      " slot1: { user_name = \"P\"; proxy_user = \"s\"; id = 1; }; }; }; }; };",
			&c),
		HL_OK);
	CU_ASSERT_EQUAL(c.host[1].slots, 2);
}

static void escapes_that_mean_nothing_stand_for_themselves(void)
{
	struct client_conf c;

	CU_ASSERT_EQUAL_FATAL(
		parse("primus: { hsms: { " HOST " };"
		      " log: { file = \"%PUBLIC%\\Securosys\\Primus P11\\primus.log\"; }; };",
			&c),
		HL_OK);
	CU_ASSERT_STRING_EQUAL(c.log.file, "%PUBLIC%\\Securosys\\Primus P11\\primus.log");
}

/* `n` hosts with one slot each, or one host with `n` slots. */
static hl_err many(unsigned n, bool hosts)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);
	struct client_conf c;

	hl_buf_text(&text, "primus: { hsms: {");
	if (!hosts)
		hl_buf_text(&text, "hsm0: { host = \"h\"; port = 1; slots: {");
	for (unsigned i = 0; i < n && hosts; i++)
		hl_buf_printf(&text, "hsm%u: { host = \"h\"; port = 1; " SLOT " };", i);
	for (unsigned i = 0; i < n && !hosts; i++)
		hl_buf_printf(&text, "slot%u: { user_name = \"P\"; proxy_user = \"s\"; };", i);
	hl_buf_text(&text, hosts ? "}; };" : "}; }; }; };");
	return client_conf_parse("f", hl_buf_view(&text), &c, error);
}

static void more_hosts_or_slots_than_fit_are_refused(void)
{
	CU_ASSERT_EQUAL(many(CLIENT_HOSTS, true), HL_OK);
	CU_ASSERT_EQUAL(many(CLIENT_HOSTS + 1, true), HL_E_CONFIG);
	CU_ASSERT_EQUAL(many(CLIENT_SLOTS, false), HL_OK);
	CU_ASSERT_EQUAL(many(CLIENT_SLOTS + 1, false), HL_E_CONFIG);
}

static void every_cut_is_refused_or_means_something(void)
{
	size_t n = strlen(sample), valid = 0;

	for (size_t cut = 0; cut < n; cut++) {
		struct client_conf c;
		hl_err err = client_conf_parse("f", hl_bytes(sample, cut), &c, error);

		CU_ASSERT(err == HL_OK || (err == HL_E_CONFIG && strncmp(error, "f:", 2) == 0));
		valid += err == HL_OK;
	}
	CU_ASSERT_EQUAL(valid, 2); /* without the newline, and without the last semicolon */
}

static void bytes_that_change_are_refused_or_mean_something(void)
{
	char text[sizeof sample];

	for (size_t i = 0; i < sizeof sample - 1; i++)
		for (unsigned v = 0; v < 256; v += 5) {
			struct client_conf c;
			hl_err err;

			memcpy(text, sample, sizeof sample);
			text[i] = (char)v;
			err = client_conf_parse("f", hl_bytes(text, sizeof sample - 1), &c, error);
			CU_ASSERT(err == HL_OK || err == HL_E_CONFIG);
		}
}

/* -- files ------------------------------------------------------------------------------------- */

static char folder[64], path[128];

static void make_folder(void)
{
	snprintf(folder, sizeof folder, "conf-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/primus.cfg", folder);
}

static void remove_folder(void)
{
	char lock[160];

	snprintf(lock, sizeof lock, "%s.lock", path);
	unlink(path);
	unlink(lock);
	CU_ASSERT_EQUAL(rmdir(folder), 0); /* nothing else was left behind */
}

static void write_file(const char *text)
{
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_text(text)), HL_OK);
}

/* The whole file as a C string. */
static const char *file_text(void)
{
	static char text[8192];
	HL_AUTO(hl_buf_clear) struct hl_buf b = hl_buf(sizeof text);

	CU_ASSERT_EQUAL(hl_file_read(path, sizeof text - 1, &b), HL_OK);
	CU_ASSERT_EQUAL(hl_bytes_str(hl_buf_view(&b), text, sizeof text), HL_OK);
	return text;
}

static struct client_host a_host(const char *name, const char *partition, unsigned id)
{
	struct client_host h = { .port = 2310, .priority = 1, .slots = 1 };

	snprintf(h.host, sizeof h.host, "%s", name);
	h.slot[0].id = id;
	snprintf(h.slot[0].partition, sizeof h.slot[0].partition, "%s", partition);
	snprintf(h.slot[0].client_id, sizeof h.slot[0].client_id, "say \"hi\" \\ n");
	snprintf(h.slot[0].service_user, sizeof h.slot[0].service_user, "svc");
	return h;
}

static void what_is_saved_is_loaded(void)
{
	struct client_host h = a_host("pool.example", "P", 3);
	struct client_conf own, c;
	struct stat st;

	make_folder();
	CU_ASSERT_EQUAL(client_conf_defaults(&own), HL_OK);
	own.wait_delay_ms = 111;
	own.connect_on_init = false;
	own.log.level = 7;
	own.log.mask = UINT32_MAX;
	snprintf(own.log.file, sizeof own.log.file, "/run/w/new\\tab.log");
	snprintf(own.own.realm, sizeof own.own.realm, "acme");
	snprintf(own.own.trace, sizeof own.own.trace, "/run/w/t");
	CU_ASSERT_EQUAL(hl_addr_parse("127.1.2.1:5300", &own.own.resolver), HL_OK);
	CU_ASSERT_EQUAL(client_conf_save(path, &h, &own, error), HL_OK);
	CU_ASSERT(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	CU_ASSERT_EQUAL(client_conf_load(path, &c, error), HL_OK);
	CU_ASSERT_STRING_EQUAL(c.path, path);
	CU_ASSERT(c.hosts == 1 && c.host[0].port == 2310 && c.host[0].priority == 1);
	CU_ASSERT_STRING_EQUAL(c.host[0].host, "pool.example");
	CU_ASSERT_STRING_EQUAL(c.host[0].slot[0].client_id, "say \"hi\" \\ n");
	CU_ASSERT_EQUAL(c.host[0].slot[0].id, 3);
	CU_ASSERT(c.wait_delay_ms == 111 && !c.connect_on_init);
	CU_ASSERT_STRING_EQUAL(c.log.file, "/run/w/new\\tab.log");
	CU_ASSERT(c.log.level == 7 && c.log.mask == UINT32_MAX && c.log.write_log_file);
	CU_ASSERT_STRING_EQUAL(c.own.realm, "acme");
	CU_ASSERT_STRING_EQUAL(c.own.trace, "/run/w/t");
	CU_ASSERT_STRING_EQUAL(c.own.clock_page, "");
	CU_ASSERT_EQUAL(memcmp(&c.own.resolver, &own.own.resolver, sizeof c.own.resolver), 0);
	remove_folder();
}

static void saving_keeps_other_hosts_slots_and_comments(void)
{
	struct client_host a = a_host("a.example", "P", 0), b = a_host("b.example", "P", 0),
			   a2 = a_host("a.example", "Q", 1);
	struct client_conf c;

	make_folder();
	CU_ASSERT_EQUAL(client_conf_save(path, &a, NULL, error), HL_OK);
	CU_ASSERT_EQUAL(client_conf_save(path, &b, NULL, error), HL_OK);
	CU_ASSERT_EQUAL(client_conf_save(path, &a2, NULL, error), HL_OK);
	CU_ASSERT_EQUAL(client_conf_load(path, &c, error), HL_OK);
	CU_ASSERT(c.hosts == 2 && c.host[0].slots == 2 && c.host[1].slots == 1);
	CU_ASSERT_STRING_EQUAL(c.host[0].slot[1].partition, "Q");

	write_file(sample);
	snprintf(a.host, sizeof a.host, "site-b.example");
	a.port = 2311;
	snprintf(a.slot[0].partition, sizeof a.slot[0].partition, "PARTALPHA");
	CU_ASSERT_EQUAL(client_conf_save(path, &a, NULL, error), HL_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(file_text(), "# a cluster behind the service proxy\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(file_text(), "/* } */"));
	CU_ASSERT_PTR_NOT_NULL(strstr(file_text(), "C:\\tmp\\new\\primus.log"));
	CU_ASSERT_EQUAL(client_conf_load(path, &c, error), HL_OK);
	CU_ASSERT(c.hosts == 2 && c.host[0].slots == 1 && c.host[1].slots == 2 && c.log.level == 6);
	CU_ASSERT_STRING_EQUAL(c.host[0].slot[0].service_user, "svcalpha");
	CU_ASSERT_STRING_EQUAL(c.host[1].slot[0].service_user, "svc");
	CU_ASSERT_STRING_EQUAL(c.host[1].slot[0].service_password, ""); /* the old one went */
	CU_ASSERT_STRING_EQUAL(c.host[1].slot[1].partition, "PARTBETA");
	CU_ASSERT_STRING_EQUAL(c.own.realm, "acme");
	remove_folder();
}

static void saving_twice_changes_nothing_more(void)
{
	struct client_host h = a_host("a.example", "PARTALPHA", 0);
	char first[8192];

	make_folder();
	write_file(sample);
	CU_ASSERT_EQUAL(client_conf_save(path, &h, NULL, error), HL_OK);
	snprintf(first, sizeof first, "%s", file_text());
	CU_ASSERT_EQUAL(client_conf_save(path, &h, NULL, error), HL_OK);
	CU_ASSERT_STRING_EQUAL(file_text(), first);
	remove_folder();
}

static void hsmlets_own_settings_are_replaced(void)
{
	struct client_host h = a_host("a.example", "P", 5);
	struct client_conf own, c;

	make_folder();
	write_file(sample);
	CU_ASSERT_EQUAL(client_conf_defaults(&own), HL_OK);
	CU_ASSERT_EQUAL(client_conf_save(path, &h, &own, error), HL_OK);
	CU_ASSERT_EQUAL(client_conf_load(path, &c, error), HL_OK);
	CU_ASSERT_EQUAL(c.own.resolver.family, 0);
	CU_ASSERT_STRING_EQUAL(c.own.realm, "hsmlet");
	CU_ASSERT(c.wait_delay_ms == 300 && c.log.level == 6); /* these are the user's */
	remove_folder();
}

static void what_cannot_be_saved_changes_nothing(void)
{
	struct client_host h = a_host("a.example", "Q", 0);
	struct client_conf own;

	make_folder();
	write_file(sample); /* id 0 is PARTALPHA's */
	CU_ASSERT_EQUAL(client_conf_save(path, &h, NULL, error), HL_E_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "id 0 is already that of partition \"PARTALPHA\""));
	CU_ASSERT_STRING_EQUAL(file_text(), sample);
	h.slot[0].id = 1;
	snprintf(h.slot[0].client_id, sizeof h.slot[0].client_id, "two\nlines");
	CU_ASSERT_EQUAL(client_conf_save(path, &h, NULL, error), HL_E_ARG);
	*h.slot[0].client_id = 0;
	CU_ASSERT_EQUAL(client_conf_defaults(&own), HL_OK);
	snprintf(own.own.trace, sizeof own.own.trace, "a\"b");
	CU_ASSERT_EQUAL(client_conf_save(path, &h, &own, error), HL_E_ARG);
	CU_ASSERT_STRING_EQUAL(file_text(), sample);
	for (size_t cut = 1; cut < strlen(sample) - 3; cut += 7) {
		CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_bytes(sample, cut)), HL_OK);
		CU_ASSERT_EQUAL(client_conf_save(path, &h, NULL, error), HL_E_CONFIG);
		CU_ASSERT_EQUAL(strlen(file_text()), cut);
	}
	remove_folder();
}

static void a_missing_file_is_its_own_error(void)
{
	struct client_conf c;

	CU_ASSERT_EQUAL(client_conf_load("conf-nowhere/primus.cfg", &c, error), HL_E_CONFIG_NONE);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "conf-nowhere/primus.cfg: "));
}

/* -- search ------------------------------------------------------------------------------------ */

static const char *set_name[2], *set_value[2];

static const char *lookup(const char *name)
{
	for (size_t i = 0; i < HL_COUNT(set_name); i++)
		if (set_name[i] && strcmp(set_name[i], name) == 0)
			return set_value[i];
	return NULL;
}

static void our_variable_wins_over_the_vendors(void)
{
	char found[CLIENT_PATH];

	set_name[0] = "SECUROSYS_PKCS11_CONF", set_value[0] = "/theirs";
	CU_ASSERT_EQUAL(client_conf_find(lookup, found), HL_OK);
	CU_ASSERT_STRING_EQUAL(found, "/theirs");
	set_name[1] = "HSMLET_CONF", set_value[1] = "/ours";
	CU_ASSERT_EQUAL(client_conf_find(lookup, found), HL_OK);
	CU_ASSERT_STRING_EQUAL(found, "/ours");
	set_name[0] = "SECUROSYS_SECRETS_CONF", set_value[0] = "/their-secrets";
	CU_ASSERT_EQUAL(client_secrets_find(lookup, found), HL_OK);
	CU_ASSERT_STRING_EQUAL(found, "/their-secrets");
	set_name[1] = "HSMLET_SECRETS", set_value[1] = "/our-secrets";
	CU_ASSERT_EQUAL(client_secrets_find(lookup, found), HL_OK);
	CU_ASSERT_STRING_EQUAL(found, "/our-secrets");
}

static void without_variables_the_known_places_are_searched(void)
{
	char found[CLIENT_PATH] = "", longest[CLIENT_PATH + 1];
	hl_err err;

	set_name[0] = set_name[1] = NULL;
	err = client_conf_find(lookup, found);
	CU_ASSERT(err == HL_E_CONFIG_NONE || access(found, F_OK) == 0);
	err = client_secrets_find(lookup, found);
	CU_ASSERT(err == HL_E_SECRETS_NONE || access(found, F_OK) == 0);
	memset(longest, 'a', sizeof longest);
	longest[CLIENT_PATH] = 0;
	set_name[0] = "HSMLET_CONF", set_value[0] = longest;
	CU_ASSERT_EQUAL(client_conf_find(lookup, found), HL_E_ARG);
}

static CU_TestInfo tests[] = {
	{ "the whole grammar is read", the_whole_grammar_is_read },
	{ "what is left out gets its default", what_is_left_out_gets_its_default },
	{ "every fault is named with its line", every_fault_is_named_with_its_line },
	{ "one partition may have one id on many hosts, and many ids",
		one_partition_may_have_one_id_on_many_hosts_and_many_ids },
	{ "escapes that mean nothing stand for themselves",
		escapes_that_mean_nothing_stand_for_themselves },
	{ "more hosts or slots than fit are refused", more_hosts_or_slots_than_fit_are_refused },
	{ "every cut is refused or means something", every_cut_is_refused_or_means_something },
	{ "bytes that change are refused or mean something",
		bytes_that_change_are_refused_or_mean_something },
	{ "what is saved is loaded", what_is_saved_is_loaded },
	{ "saving keeps other hosts, slots and comments",
		saving_keeps_other_hosts_slots_and_comments },
	{ "saving twice changes nothing more", saving_twice_changes_nothing_more },
	{ "hsmlet's own settings are replaced", hsmlets_own_settings_are_replaced },
	{ "what cannot be saved changes nothing", what_cannot_be_saved_changes_nothing },
	{ "a missing file is its own error", a_missing_file_is_its_own_error },
	{ "our variable wins over the vendor's", our_variable_wins_over_the_vendors },
	{ "without variables the known places are searched",
		without_variables_the_known_places_are_searched },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("conf", tests)
