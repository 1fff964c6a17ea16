/* The same stories over the store on disk and the one in memory. test_dir_store_file.c has what only a file can do. */
#include <stdio.h>

#include "tests/support/dir_store.h"

static void what_is_kept_is_found(void)
{
	struct dir_user want = user("svcalpha", "acme"), got;
	struct dir_partition part;

	want.disabled = true;
	CU_ASSERT_EQUAL(
		commit(&(struct dir_change){ .add_tenant = "acme", .add_user = &want }), HL_OK);
	CU_ASSERT_EQUAL_FATAL(get_user("svcalpha", &got), HL_OK);
	CU_ASSERT_STRING_EQUAL(got.name, "svcalpha");
	CU_ASSERT_STRING_EQUAL(got.tenant, "acme");
	CU_ASSERT_EQUAL(memcmp(got.stored, want.stored, sizeof got.stored), 0);
	CU_ASSERT_EQUAL(memcmp(got.server, want.server, sizeof got.server), 0);
	CU_ASSERT_TRUE(got.disabled);
	CU_ASSERT_EQUAL(got.expires_ms, want.expires_ms);

	CU_ASSERT_EQUAL(provision("acme", "svcbeta", "PARTBETA"), HL_OK);
	CU_ASSERT_EQUAL_FATAL(get_partition("PARTBETA", &part), HL_OK);
	CU_ASSERT_STRING_EQUAL(part.name, "PARTBETA");
	CU_ASSERT_STRING_EQUAL(part.tenant, "acme");
	CU_ASSERT_STRING_EQUAL(part.user, "svcbeta");
	CU_ASSERT_STRING_EQUAL(part.package, "ECO-CC");
	CU_ASSERT_STRING_EQUAL(part.cluster, "cluster1");
	CU_ASSERT_EQUAL_FATAL(get_user("svcbeta", &got), HL_OK);
	CU_ASSERT_FALSE(got.disabled);
}

static void what_is_not_there_is_not_found_and_nothing_is_written(void)
{
	struct dir_user u = { .expires_ms = 77 };
	struct dir_partition p = { .name = "untouched" };
	char longer[4096];

	memset(longer, 'x', sizeof longer);
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	CU_ASSERT_EQUAL(get_user("svcalph", &u), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(get_user("svcalphaa", &u), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(get_user("SVCALPHA", &u), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(get_user("", &u), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(get_user("%", &u), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(
		here.store.ops->user(here.store.at, hl_bytes("svcalpha\0", 9), &u), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(here.store.ops->user(here.store.at, hl_bytes("\xff\xfe\x80", 3), &u),
		HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(here.store.ops->user(here.store.at, hl_bytes(longer, sizeof longer), &u),
		HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(get_partition("svcalpha", &p), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(u.expires_ms, 77);
	CU_ASSERT_STRING_EQUAL(p.name, "untouched");
	CU_ASSERT_EQUAL(ranges("nobody", 0).n, 0);
	CU_ASSERT_EQUAL(pool("pool.test", HL_E_NOT_FOUND).n, 0);
	CU_ASSERT_EQUAL(cluster("cluster1", HL_E_NOT_FOUND).n, 0);
}

static void names_are_taken_once(void)
{
	struct dir_user other = user("svcalpha", "globex");
	struct dir_partition theirs = partition("PARTALPHA", "acme", "svcalpha");
	struct dir_user got;

	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .add_tenant = "acme" }), HL_OK);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .add_tenant = "globex", .add_user = &other }),
		HL_E_EXISTS);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .add_partition = &theirs }), HL_E_EXISTS);
	CU_ASSERT_EQUAL(get_user("svcalpha", &got), HL_OK);
	CU_ASSERT_STRING_EQUAL(got.tenant, "acme");
}

static void things_belong_to_somebody_who_is_there(void)
{
	struct dir_user orphan = user("orphan", "nobody");
	struct dir_partition lost = partition("LOST", "acme", "nobody");
	struct dir_partition foreign = partition("FOREIGN", "globex", "svcalpha");

	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	CU_ASSERT_EQUAL(provision("globex", "svcglobex", "PARTGLOBEX"), HL_OK);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .add_user = &orphan }), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .add_partition = &lost }), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .add_partition = &foreign }), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(allow("nobody", "::1"), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .drop_user = "nobody" }), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .drop_partition = "LOST" }), HL_E_NOT_FOUND);
	CU_ASSERT_STRING_EQUAL(partitions(0).text, "PARTALPHA PARTGLOBEX");
}

static void a_change_is_all_or_nothing(void)
{
	struct dir_user u = user("svcbeta", "newtenant"), got;
	struct dir_partition p = partition("PARTBETA", "newtenant", "svcbeta");
	const char list[][DIR_RANGE_TEXT] = { "192.0.2.7", "::1" };
	struct dir_change c = { .add_tenant = "newtenant",
		.add_user = &u,
		.add_partition = &p,
		.allow_user = "svcbeta",
		.allow = list,
		.allows = 2,
		.drop_partition = "NOTTHERE" };
	struct dir_user later = user("svclater", "newtenant");

	CU_ASSERT_EQUAL(commit(&c), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(get_user("svcbeta", &got), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(partitions(0).n, 0);
	CU_ASSERT_EQUAL(ranges("svcbeta", 0).n, 0);
	/* The tenant is gone with the rest. */
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .add_user = &later }), HL_E_NOT_FOUND);

	c.drop_partition = NULL;
	CU_ASSERT_EQUAL(commit(&c), HL_OK);
	CU_ASSERT_EQUAL(get_user("svcbeta", &got), HL_OK);
	CU_ASSERT_STRING_EQUAL(partitions(0).text, "PARTBETA");
	CU_ASSERT_STRING_EQUAL(ranges("svcbeta", 0).text, "192.0.2.7 ::1");
}

static void allow_lists_are_sets(void)
{
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	CU_ASSERT_EQUAL(provision("acme", "svcbeta", "PARTBETA"), HL_OK);
	CU_ASSERT_EQUAL(allow("svcalpha", "::1"), HL_OK);
	CU_ASSERT_EQUAL(allow("svcalpha", "192.0.2.7"), HL_OK);
	CU_ASSERT_EQUAL(allow("svcbeta", "198.51.100.0/24"), HL_OK);
	CU_ASSERT_EQUAL(allow("svcalpha", "10.0.0.0/8"), HL_OK);
	CU_ASSERT_EQUAL(allow("svcalpha", "192.0.2.7"), HL_OK);
	CU_ASSERT_STRING_EQUAL(ranges("svcalpha", 0).text, "10.0.0.0/8 192.0.2.7 ::1");
	CU_ASSERT_STRING_EQUAL(ranges("svcbeta", 0).text, "198.51.100.0/24");
	CU_ASSERT_STRING_EQUAL(ranges("svcalpha", 2).text, "10.0.0.0/8 192.0.2.7");
	CU_ASSERT_STRING_EQUAL(ranges("svcalpha", 0).text, "10.0.0.0/8 192.0.2.7 ::1");
	CU_ASSERT_EQUAL(allow("svcalpha", "everywhere"), HL_E_RANGE);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .allows = 1 }), HL_E_ARG);
}

static void a_user_goes_with_its_allow_list_but_not_before_its_partitions(void)
{
	struct dir_user again = user("svcalpha", "acme"), got;

	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	CU_ASSERT_EQUAL(provision("acme", "svcbeta", "PARTBETA"), HL_OK);
	CU_ASSERT_EQUAL(allow("svcalpha", "192.0.2.7"), HL_OK);
	CU_ASSERT_EQUAL(allow("svcbeta", "192.0.2.8"), HL_OK);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .drop_user = "svcalpha" }), HL_E_EXISTS);
	CU_ASSERT_STRING_EQUAL(ranges("svcalpha", 0).text, "192.0.2.7");
	CU_ASSERT_EQUAL(commit(&(struct dir_change){
				.drop_partition = "PARTALPHA", .drop_user = "svcalpha" }),
		HL_OK);
	CU_ASSERT_EQUAL(get_user("svcalpha", &got), HL_E_NOT_FOUND);
	CU_ASSERT_STRING_EQUAL(partitions(0).text, "PARTBETA");
	CU_ASSERT_STRING_EQUAL(ranges("svcbeta", 0).text, "192.0.2.8");

	/* Who comes back under the name does not inherit the list. */
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .add_user = &again }), HL_OK);
	CU_ASSERT_EQUAL(ranges("svcalpha", 0).n, 0);
}

static void a_partition_is_in_the_making_until_it_is_settled(void)
{
	struct dir_user u = user("svcalpha", "acme");
	struct dir_partition p = partition("PARTALPHA", "acme", "svcalpha");
	struct dir_change add = { .add_tenant = "acme", .add_user = &u, .add_partition = &p };

	snprintf(p.maker, sizeof p.maker, "directory1");
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .settle_partition = p.name }), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(commit(&add), HL_OK);
	memset(&p, 0, sizeof p);
	CU_ASSERT_EQUAL(get_partition("PARTALPHA", &p), HL_OK);
	CU_ASSERT_STRING_EQUAL(p.maker, "directory1");
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .settle_partition = p.name }), HL_OK);
	CU_ASSERT_EQUAL(get_partition("PARTALPHA", &p), HL_OK);
	CU_ASSERT_STRING_EQUAL(p.maker, "");
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .settle_partition = "" }), HL_E_ARG);
	memset(p.maker, 'x', sizeof p.maker);
	CU_ASSERT_EQUAL(commit(&add), HL_E_ARG);
}

static void partitions_are_walked_by_name_until_told_to_stop(void)
{
	CU_ASSERT_EQUAL(provision("acme", "u3", "CCC"), HL_OK);
	CU_ASSERT_EQUAL(provision("acme", "u1", "AAA"), HL_OK);
	CU_ASSERT_EQUAL(provision("acme", "u2", "BBB"), HL_OK);
	CU_ASSERT_STRING_EQUAL(partitions(0).text, "AAA BBB CCC");
	CU_ASSERT_STRING_EQUAL(partitions(1).text, "AAA");
	CU_ASSERT_STRING_EQUAL(partitions(0).text, "AAA BBB CCC");
}

static void members_become_exactly_the_ones_set(void)
{
	struct dir_member m[] = { member("proxy2", "127.1.2.12:2310"),
		member("proxy1", "127.1.2.11:2310"), member("proxy3", "[::1]:2310") };

	CU_ASSERT_EQUAL(set_pool("pool.hsmlet.test", m, 3), HL_OK);
	CU_ASSERT_EQUAL(set_pool("other.hsmlet.test", m, 1), HL_OK);
	CU_ASSERT_EQUAL(set_cluster("pool.hsmlet.test", m + 1, 1), HL_OK);
	CU_ASSERT_STRING_EQUAL(pool("pool.hsmlet.test", HL_OK).text,
		"proxy2=127.1.2.12:2310 proxy1=127.1.2.11:2310 proxy3=[::1]:2310");
	CU_ASSERT_STRING_EQUAL(pool("other.hsmlet.test", HL_OK).text, "proxy2=127.1.2.12:2310");
	CU_ASSERT_STRING_EQUAL(cluster("pool.hsmlet.test", HL_OK).text, "proxy1=127.1.2.11:2310");

	CU_ASSERT_EQUAL(set_pool("pool.hsmlet.test", m + 1, 1), HL_OK);
	CU_ASSERT_STRING_EQUAL(pool("pool.hsmlet.test", HL_OK).text, "proxy1=127.1.2.11:2310");
	CU_ASSERT_EQUAL(set_pool("pool.hsmlet.test", m, 0), HL_OK);
	CU_ASSERT_EQUAL(pool("pool.hsmlet.test", HL_E_NOT_FOUND).n, 0);
	CU_ASSERT_STRING_EQUAL(pool("other.hsmlet.test", HL_OK).text, "proxy2=127.1.2.12:2310");
}

static void a_pool_is_found_in_either_case_and_a_cluster_is_not(void)
{
	struct dir_member m = member("proxy1", "127.1.2.11:2310");

	CU_ASSERT_EQUAL(set_pool("Pool.HSMlet.test", &m, 1), HL_OK);
	CU_ASSERT_EQUAL(pool("pool.hsmlet.TEST", HL_OK).n, 1);
	CU_ASSERT_EQUAL(set_pool("POOL.hsmlet.test", &m, 1), HL_OK);
	CU_ASSERT_EQUAL(pool("pool.hsmlet.test", HL_OK).n, 1);
	CU_ASSERT_EQUAL(set_cluster("Cluster1", &m, 1), HL_OK);
	CU_ASSERT_EQUAL(cluster("cluster1", HL_E_NOT_FOUND).n, 0);
}

static void wrong_members_change_nothing(void)
{
	struct dir_member m[] = { member("proxy1", "127.1.2.11:2310"),
		member("proxy1", "127.1.2.12:2310") };
	struct dir_member local = { .name = "proxy2", .address = { .family = HL_UNIX } };
	struct dir_member nameless = member("", "127.1.2.13:2310");

	CU_ASSERT_EQUAL(set_pool("pool.test", m, 1), HL_OK);
	CU_ASSERT_EQUAL(set_pool("pool.test", m, 2), HL_E_EXISTS);
	CU_ASSERT_EQUAL(set_pool("pool.test", &local, 1), HL_E_ARG);
	CU_ASSERT_EQUAL(set_pool("pool.test", &nameless, 1), HL_E_ARG);
	CU_ASSERT_EQUAL(set_pool("", m, 1), HL_E_ARG);
	CU_ASSERT_STRING_EQUAL(pool("pool.test", HL_OK).text, "proxy1=127.1.2.11:2310");
}

static const char *const injections[] = {
	"'; DROP TABLE service_user; --",
	"' OR '1'='1",
	"\"; DELETE FROM partition; --",
	"x'); INSERT INTO tenant VALUES ('y",
	"?1",
	":name",
	"@x",
	"$x",
	"%",
	"_",
	"*",
	"\\",
	"--",
	"/*",
	";",
	"''",
	"\"\"",
	"`",
	"NULL",
	"0",
	"1e3",
	"name\nwith\tcontrol\x01",
	"\xc3\xa9t\xc3\xa9",
	"\xff\xfe",
};

static void strange_names_are_only_names(void)
{
	struct dir_member m = member("proxy1", "127.1.2.11:2310");

	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	for (size_t i = 0; i < HL_COUNT(injections); i++) {
		const char *name = injections[i];
		struct dir_user u;
		struct dir_partition p;

		CU_ASSERT_EQUAL(get_user(name, &u), HL_E_NOT_FOUND);
		CU_ASSERT_EQUAL(get_partition(name, &p), HL_E_NOT_FOUND);
		CU_ASSERT_EQUAL(ranges(name, 0).n, 0);
		CU_ASSERT_EQUAL(provision(name, name, name), HL_OK);
		CU_ASSERT_EQUAL(provision(name, name, name), HL_E_EXISTS);
		CU_ASSERT_EQUAL(allow(name, "::1"), HL_OK);
		CU_ASSERT_EQUAL(allow(name, name), HL_E_RANGE);
		CU_ASSERT_EQUAL(set_pool(name, &m, 1), HL_OK);
		CU_ASSERT_EQUAL(set_cluster(name, &m, 1), HL_OK);
		CU_ASSERT_EQUAL_FATAL(get_user(name, &u), HL_OK);
		CU_ASSERT_STRING_EQUAL(u.name, name);
		CU_ASSERT_STRING_EQUAL(u.tenant, name);
		CU_ASSERT_EQUAL_FATAL(get_partition(name, &p), HL_OK);
		CU_ASSERT_STRING_EQUAL(p.user, name);
		CU_ASSERT_EQUAL(pool(name, HL_OK).n, 1);
		CU_ASSERT_EQUAL(cluster(name, HL_OK).n, 1);
	}
	CU_ASSERT_EQUAL(partitions(0).n, HL_COUNT(injections) + 1);
	for (size_t i = 0; i < HL_COUNT(injections); i++)
		CU_ASSERT_EQUAL(commit(&(struct dir_change){ .drop_partition = injections[i],
					.drop_user = injections[i] }),
			HL_OK);
	CU_ASSERT_STRING_EQUAL(partitions(0).text, "PARTALPHA");
}

static void names_have_a_length(void)
{
	struct dir_user u = user("svcalpha", "acme"), got;
	char longest[HL_NAME_TEXT + 2];

	memset(longest, 'n', sizeof longest);
	longest[HL_NAME_TEXT] = 0;
	CU_ASSERT_EQUAL(provision(longest, longest, longest), HL_OK);
	CU_ASSERT_EQUAL(get_user(longest, &got), HL_OK);
	longest[HL_NAME_TEXT] = 'n';
	longest[HL_NAME_TEXT + 1] = 0;
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .add_tenant = longest }), HL_E_ARG);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .add_tenant = "" }), HL_E_ARG);
	CU_ASSERT_EQUAL(commit(&(struct dir_change){ .drop_user = "" }), HL_E_ARG);
	memset(u.name, 'n', sizeof u.name); /* no end */
	CU_ASSERT_EQUAL(
		commit(&(struct dir_change){ .add_tenant = "acme", .add_user = &u }), HL_E_ARG);
	CU_ASSERT_EQUAL(get_user("nnnn", &got), HL_E_NOT_FOUND);
}

static void disk_knows_what_memory_knows(void (*story)(void))
{
	for (int i = 0; i < 2; i++) {
		in_memory = i == 1;
		set_up();
		story();
		tear_down();
	}
	in_memory = false;
}

/* clang-format off */
#define STORIES(X) \
	X(what_is_kept_is_found, "what is kept is found") \
	X(what_is_not_there_is_not_found_and_nothing_is_written, "what is not there is not found and nothing is written") \
	X(names_are_taken_once, "names are taken once") \
	X(things_belong_to_somebody_who_is_there, "things belong to somebody who is there") \
	X(a_change_is_all_or_nothing, "a change is all or nothing") \
	X(allow_lists_are_sets, "allow-lists are sets") \
	X(a_user_goes_with_its_allow_list_but_not_before_its_partitions, "a user goes with its allow-list but not before its partitions") \
	X(partitions_are_walked_by_name_until_told_to_stop, "partitions are walked by name until told to stop") \
	X(a_partition_is_in_the_making_until_it_is_settled, "a partition is in the making until it is settled") \
	X(members_become_exactly_the_ones_set, "members become exactly the ones set") \
	X(a_pool_is_found_in_either_case_and_a_cluster_is_not, "a pool is found in either case and a cluster is not") \
	X(wrong_members_change_nothing, "wrong members change nothing") \
	X(strange_names_are_only_names, "strange names are only names") \
	X(names_have_a_length, "names have a length")
/* clang-format on */

#define X(story, text) \
	static void both_##story(void) \
	{ \
		disk_knows_what_memory_knows(story); \
	}
STORIES(X)
#undef X

static CU_TestInfo tests[] = {
#define X(story, text) { text, both_##story },
	STORIES(X)
#undef X
		CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("dir_store", tests)
