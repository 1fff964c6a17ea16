#include "tests/support/test.h"

#include <string.h>
#include <unistd.h>

#include "cli/world.h"
#include "lib/os/listen.h"

static struct cli_world sample(void)
{
	struct cli_world w = { .dev = true, .workers = 3, .allows = 2 };

	strcpy(w.dir, "/tmp/a world");
	strcpy(w.name, "lab");
	strcpy(w.block, "127.20.7");
	strcpy(w.profile, "lab");
	strcpy(w.pool, "pool.hsmlet.test");
	strcpy(w.realm, "hsmlet");
	strcpy(w.cluster, "cluster1");
	strcpy(w.tenant, "acme");
	strcpy(w.service_user, "acmeservice");
	strcpy(w.partition, "ACMEPARTONE");
	strcpy(w.package, "ECO-CC");
	strcpy(w.allow[0], "127.0.0.0/8");
	strcpy(w.allow[1], "::1");
	strcpy(w.service_file, "/tmp/a world/credentials/s.txt");
	cli_world_people(&w, 3, 2);
	return w;
}

/* -- members ---------------------------------------------------------------------------------------- */

static void members_stand_in_the_order_of_their_start(void)
{
	static const char *const names[] = { "directory1", "hsm1", "hsm2", "proxy1", "proxy2", "proxy3" };
	static const char *const addresses[] = { "127.20.7.21:2500", "127.20.7.31:2400", "127.20.7.32:2400",
		"127.20.7.11:2310", "127.20.7.12:2310", "127.20.7.13:2310" };
	struct cli_world w = sample();

	CU_ASSERT_EQUAL_FATAL(w.members, HL_COUNT(names));
	for (size_t i = 0; i < w.members; i++) {
		CU_ASSERT_STRING_EQUAL(w.member[i].name, names[i]);
		CU_ASSERT_STRING_EQUAL(w.member[i].address, addresses[i]);
	}
	CU_ASSERT_EQUAL(cli_world_count(&w, CLI_PROXY), 3);
}

static void a_move_takes_all_members_along(void)
{
	struct cli_world w = sample();

	cli_world_move(&w, "127.99.0");
	CU_ASSERT_STRING_EQUAL(w.block, "127.99.0");
	CU_ASSERT_STRING_EQUAL(w.member[0].address, "127.99.0.21:2500");
	CU_ASSERT_STRING_EQUAL(w.member[5].address, "127.99.0.13:2310");
}

/* The largest world has no two members at one address, and none where the directory answers DNS. */
static void no_two_members_share_an_address(void)
{
	struct cli_world w = sample();

	cli_world_people(&w, CLI_PROXIES_MAX, CLI_HSMS_MAX);
	CU_ASSERT_EQUAL_FATAL(w.members, CLI_MEMBERS_MAX);
	for (size_t i = 0; i < w.members; i++)
		for (size_t k = 0; k < i; k++)
			CU_ASSERT(strncmp(w.member[i].address, w.member[k].address,
					  strcspn(w.member[i].address, ":") + 1) != 0);
}

/* -- blocks ------------------------------------------------------------------------------------------ */

static void a_folder_has_its_own_first_block(void)
{
	char a[12], b[12], again[12];

	cli_block_name("/home/a/world", 0, a);
	cli_block_name("/home/b/world", 0, b);
	cli_block_name("/home/a/world", 0, again);
	CU_ASSERT_STRING_EQUAL(a, again);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
}

static void blocks_go_round_and_stay_in_range(void)
{
	static bool seen[256][256];
	unsigned a, b, n = 0;
	char block[12], end;

	for (unsigned i = 0; i < CLI_BLOCKS; i++) {
		cli_block_name("/w", i, block);
		CU_ASSERT_EQUAL_FATAL(sscanf(block, "127.%u.%u%c", &a, &b, &end), 2);
		CU_ASSERT_FATAL(a >= 16 && a <= 254 && b <= 255);
		n += !seen[a][b];
		seen[a][b] = true;
	}
	CU_ASSERT_EQUAL(n, CLI_BLOCKS);
	cli_block_name("/w", CLI_BLOCKS, block);
	CU_ASSERT_EQUAL(sscanf(block, "127.%u.%u", &a, &b), 2);
}

static void a_block_that_is_held_is_passed_over(void)
{
	char first[12], next[12], text[HL_ADDR_TEXT];
	unsigned i = 0, k;
	struct hl_addr at;
	int fd = -1;

	CU_ASSERT_EQUAL_FATAL(cli_block_choose("/some/world", &i, first), HL_OK);
	snprintf(text, sizeof text, "%s.1:5300", first);
	CU_ASSERT_EQUAL(hl_addr_parse(text, &at), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_listen_udp(&at, &fd, NULL), HL_OK);
	CU_ASSERT_FALSE(cli_block_is_free(first));
	k = i;
	CU_ASSERT_EQUAL(cli_block_choose("/some/world", &k, next), HL_OK);
	CU_ASSERT_STRING_NOT_EQUAL(first, next);
	CU_ASSERT(k > i);
	close(fd);
	CU_ASSERT(cli_block_is_free(first));
}

/* -- world.json --------------------------------------------------------------------------------------- */

static hl_err reread(json_t *j, struct cli_world *out, char why[64])
{
	char *text = json_dumps(j, 0);
	json_t *again = json_loads(text, 0, NULL);
	hl_err err = cli_world_parse(again, out, why);

	free(text);
	json_decref(again);
	return err;
}

static void a_world_comes_back_from_its_file(void)
{
	struct cli_world w = sample(), back = { 0 };
	json_t *j = cli_world_json(&w);
	char why[64] = "";

	strcpy(back.dir, w.dir);
	CU_ASSERT_EQUAL(reread(j, &back, why), HL_OK);
	CU_ASSERT_EQUAL(memcmp(&w, &back, sizeof w), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "schema")), "hsmlet-world/1");
	json_decref(j);
}

static void a_world_of_before_workers_has_one_of_each(void)
{
	struct cli_world w = sample(), back = { 0 };
	json_t *j = cli_world_json(&w);
	char why[64] = "";

	json_object_del(j, "workers");
	CU_ASSERT_EQUAL(reread(j, &back, why), HL_OK);
	CU_ASSERT_EQUAL(back.workers, 1);
	json_decref(j);
}

static void a_key_that_is_missing_is_named(void)
{
	static const char *const keys[] = { "schema", "name", "block", "profile", "pool", "realm", "cluster",
		"tenant", "service_user", "partition", "package", "service_file", "hsm_file",
		"members" };

	for (size_t i = 0; i < HL_COUNT(keys); i++) {
		struct cli_world w = sample(), back = { 0 };
		json_t *j = cli_world_json(&w);
		char why[64] = "";

		json_object_del(j, keys[i]);
		CU_ASSERT_EQUAL(reread(j, &back, why), HL_E_CONFIG);
		CU_ASSERT_STRING_EQUAL(why, keys[i]);
		CU_ASSERT_EQUAL(back.members, 0);
		json_decref(j);
	}
}

static hl_err with(const char *key, json_t *value)
{
	struct cli_world w = sample(), back = { 0 };
	json_t *j = cli_world_json(&w);
	char why[64] = "";
	hl_err err;

	json_object_set_new(j, key, value);
	err = reread(j, &back, why);
	json_decref(j);
	return err;
}

static json_t *member(const char *role, const char *name, const char *address, const char *program)
{
	return json_pack("[{s:s, s:s, s:s, s:s}]", "role", role, "name", name, "address", address, "program",
		program);
}

/* The file names what is started: only our own programs, under names that fit into a path. */
static void a_world_that_was_tampered_with_is_refused(void)
{
	const char *d = "directory", *p = "hsmlet-directory", *a = "127.20.7.21:2500";

	CU_ASSERT_EQUAL(with("members", member(d, "directory1", a, p)), HL_OK);
	CU_ASSERT_EQUAL(with("members", member(d, "directory1", a, "../../bin/sh")), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("members", member(d, "../x", a, p)), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("members", member(d, "directory1", "nowhere", p)), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("members", member("king", "directory1", a, p)), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("members", member("proxy", "proxy1", a, "hsmlet-proxy")), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("workers", json_integer(0)), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("workers", json_integer(65)), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("workers", json_string("2")), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("members", json_array()), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("pool", json_string("a\"; evil = \"b")), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("name", json_integer(3)), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("allow", json_pack("[i]", 3)), HL_E_CONFIG);
	CU_ASSERT_EQUAL(with("schema", json_string("hsmlet-world/2")), HL_E_CONFIG);
}

/* -- configurations ------------------------------------------------------------------------------------ */

static void text_of(const struct cli_world *w, const char *name, struct hl_buf *out)
{
	*out = hl_buf(1 << 16);
	for (size_t i = 0; i < w->members; i++)
		if (strcmp(w->member[i].name, name) == 0)
			cli_world_config(w, &w->member[i], out);
	hl_buf_u8(out, 0);
	CU_ASSERT_EQUAL(out->err, HL_OK);
}

static void holds(const struct hl_buf *text, const char *line)
{
	CU_ASSERT_PTR_NOT_NULL(strstr((const char *)hl_buf_view(text).p, line));
	if (!strstr((const char *)hl_buf_view(text).p, line))
		fprintf(stderr, "missing: %s\n", line);
}

static void a_directory_knows_its_peers(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf t = { 0 };
	struct cli_world w = sample();

	text_of(&w, "directory1", &t);
	holds(&t, "name = \"directory1\";\n");
	holds(&t, "links = \"127.20.7.21:2500\";\n");
	holds(&t, "dns = \"127.20.7.1:5300\";\n");
	holds(&t, "admin = \"/tmp/a world/run/directory1.sock\";\n");
	holds(&t, "lock = \"/tmp/a world/run/directory1.lock\";\n");
	holds(&t, "{ role = \"hsm\"; name = \"hsm2\"; "
		  "secret = \"/tmp/a world/etc/links/hsm2-directory1.key\"; address = \"127.20.7.32:2400\"; }");
	holds(&t, "{ role = \"proxy\"; name = \"proxy3\";");
}

static void a_proxy_listens_on_a_port_for_each_api(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf t = { 0 };
	struct cli_world w = sample();

	text_of(&w, "proxy2", &t);
	holds(&t, "listen = ( \"127.20.7.12:2300\", \"127.20.7.12:2310\", \"127.20.7.12:2320\" );\n");
	holds(&t, "address = \"127.20.7.12:2310\";\n");
	holds(&t, "directory_at = \"127.20.7.21:2500\";\n");
	holds(&t, "secret = \"/tmp/a world/etc/links/proxy2-directory1.key\";\n");
	holds(&t, "trace = \"/tmp/a world/trace/proxy2.jsonl\";\n");
}

static void hsms_of_a_cluster_share_store_and_key(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf t = { 0 };
	struct cli_world w = sample();

	text_of(&w, "hsm2", &t);
	holds(&t, "cluster = \"cluster1\";\n");
	holds(&t, "listen = \"127.20.7.32:2400\";\n");
	holds(&t, "store = \"/tmp/a world/hsm/cluster1.db\";\n");
	holds(&t, "device_key = \"/tmp/a world/hsm/device.key\";\n");
	holds(&t, "guard = \"/tmp/a world/hsm/generation\";\n");
	holds(&t, "page = \"/tmp/a world/hsm/page\";\n");
	holds(&t, "master_lock = \"/tmp/a world/hsm/master\";\n");
	holds(&t, "workers = 3;\n");
	holds(&t, "clock_page = \"/tmp/a world/clock\";\n");
}

static void the_profile_says_whether_keys_need_a_master(void)
{
	static const char *const profile[] = { "lab", "faithful" };
	static const char *const line[] = { "master = \"any\";\n", "master = \"required\";\n" };

	for (size_t i = 0; i < HL_COUNT(profile); i++) {
		HL_AUTO(hl_buf_clear) struct hl_buf t = { 0 };
		struct cli_world w = sample();

		strcpy(w.profile, profile[i]);
		text_of(&w, "hsm1", &t);
		holds(&t, line[i]);
	}
}

static CU_TestInfo tests[] = {
	{ "members stand in the order of their start", members_stand_in_the_order_of_their_start },
	{ "a move takes all members along", a_move_takes_all_members_along },
	{ "no two members share an address", no_two_members_share_an_address },
	{ "a folder has its own first block", a_folder_has_its_own_first_block },
	{ "blocks go round and stay in range", blocks_go_round_and_stay_in_range },
	{ "a block that is held is passed over", a_block_that_is_held_is_passed_over },
	{ "a world comes back from its file", a_world_comes_back_from_its_file },
	{ "a world of before workers has one of each", a_world_of_before_workers_has_one_of_each },
	{ "a key that is missing is named", a_key_that_is_missing_is_named },
	{ "a world that was tampered with is refused", a_world_that_was_tampered_with_is_refused },
	{ "a directory knows its peers", a_directory_knows_its_peers },
	{ "a proxy listens on a port for each API", a_proxy_listens_on_a_port_for_each_api },
	{ "HSMs of a cluster share store and key", hsms_of_a_cluster_share_store_and_key },
	{ "the profile says whether keys need a master", the_profile_says_whether_keys_need_a_master },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("world", tests)
