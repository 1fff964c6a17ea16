/* The same stories over the store on disk and the one in memory, then what only a file can do. */
#include "directory/store.h"
#include "directory/store_sql.h"
#include "scenarios/dir_memory.h"
#include "tests/support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

/* A store of either kind, in a folder of its own. */
struct place {
	char folder[64], path[128];
	struct dir_sqlite *sqlite;
	struct dir_memory *memory;
	struct dir_store store;
};

static struct place here;
static bool in_memory;

static void make_folder(void)
{
	here = (struct place){ 0 };
	snprintf(here.folder, sizeof here.folder, "test_dir_store.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(here.folder));
	snprintf(here.path, sizeof here.path, "%s/directory.db", here.folder);
}

static void remove_folder(void)
{
	DIR *d = opendir(here.folder);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL)
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	CU_ASSERT_EQUAL(rmdir(here.folder), 0);
}

static void open_file(void)
{
	CU_ASSERT_EQUAL_FATAL(dir_sqlite_open(here.path, &here.sqlite), HL_OK);
	here.store = dir_sqlite_store(here.sqlite);
}

static void set_up(void)
{
	make_folder();
	if (!in_memory) {
		open_file();
		return;
	}
	CU_ASSERT_EQUAL_FATAL(dir_memory_new(&here.memory), HL_OK);
	here.store = dir_memory_store(here.memory);
}

static void tear_down(void)
{
	dir_sqlite_closep(&here.sqlite);
	dir_memory_freep(&here.memory);
	remove_folder();
}

static hl_err commit(const struct dir_change *change)
{
	struct dir_commit c = { .change = change };

	here.store.ops->prepare(here.store.at, &c);
	CU_ASSERT_EQUAL(c.job.lane, HL_LANE_STORE);
	CU_ASSERT_EQUAL(c.result, HL_E_DEFER);
	c.job.run(&c.job);
	return c.result;
}

static hl_err set_pool(const char *pool, const struct dir_member *m, size_t n)
{
	return here.memory ? dir_memory_set_pool(here.memory, pool, m, n)
			   : dir_sqlite_set_pool(here.sqlite, pool, m, n);
}

static hl_err set_cluster(const char *cluster, const struct dir_member *m, size_t n)
{
	return here.memory ? dir_memory_set_cluster(here.memory, cluster, m, n)
			   : dir_sqlite_set_cluster(here.sqlite, cluster, m, n);
}

static hl_err get_user(const char *name, struct dir_user *out)
{
	return here.store.ops->user(here.store.at, hl_text(name), out);
}

static hl_err get_partition(const char *name, struct dir_partition *out)
{
	return here.store.ops->partition(here.store.at, hl_text(name), out);
}

static struct dir_user user(const char *name, const char *tenant)
{
	struct dir_user u = { .expires_ms = INT64_C(1) << 60 };

	snprintf(u.name, sizeof u.name, "%s", name);
	snprintf(u.tenant, sizeof u.tenant, "%s", tenant);
	memset(u.stored, 0x51, sizeof u.stored);
	memset(u.server, 0xa7, sizeof u.server);
	u.stored[3] = 0;
	return u;
}

static struct dir_partition partition(const char *name, const char *tenant, const char *owner)
{
	struct dir_partition p = { .package = "ECO-CC", .cluster = "cluster1" };

	snprintf(p.name, sizeof p.name, "%s", name);
	snprintf(p.tenant, sizeof p.tenant, "%s", tenant);
	snprintf(p.user, sizeof p.user, "%s", owner);
	return p;
}

/* Tenant, user and partition in one commit. */
static hl_err provision(const char *tenant, const char *name, const char *part)
{
	struct dir_user u = user(name, tenant);
	struct dir_partition p = partition(part, tenant, name);

	return commit(
		&(struct dir_change){ .add_tenant = tenant, .add_user = &u, .add_partition = &p });
}

static hl_err allow(const char *name, const char *range)
{
	char list[1][DIR_RANGE_TEXT];

	snprintf(list[0], sizeof list[0], "%s", range);
	return commit(&(struct dir_change){
		.allow_user = name, .allow = (const char(*)[DIR_RANGE_TEXT])list, .allows = 1 });
}

/* What a walk came past, joined by blanks; it stops after `most`. */
struct seen {
	char text[512];
	size_t n, most;
};

static bool saw(struct seen *s, const char *text)
{
	size_t used = strlen(s->text);

	snprintf(s->text + used, sizeof s->text - used, "%s%s", s->n ? " " : "", text);
	return ++s->n != s->most;
}

static bool saw_range(void *at, const char *range)
{
	return saw(at, range);
}

static bool saw_partition(void *at, const struct dir_partition *p)
{
	return saw(at, p->name);
}

static bool saw_member(void *at, const struct dir_member *m)
{
	char address[HL_ADDR_TEXT], both[HL_ADDR_TEXT + sizeof m->name + 1];

	hl_addr_text(&m->address, address);
	snprintf(both, sizeof both, "%s=%s", m->name, address);
	return saw(at, both);
}

static struct seen ranges(const char *name, size_t most)
{
	struct seen s = { .most = most };

	CU_ASSERT_EQUAL(here.store.ops->ranges(here.store.at, name, saw_range, &s), HL_OK);
	return s;
}

static struct seen partitions(size_t most)
{
	struct seen s = { .most = most };

	CU_ASSERT_EQUAL(here.store.ops->partitions(here.store.at, saw_partition, &s), HL_OK);
	return s;
}

static struct seen pool(const char *name, hl_err want)
{
	struct seen s = { 0 };

	CU_ASSERT_EQUAL(here.store.ops->pool(here.store.at, name, saw_member, &s), want);
	return s;
}

static struct seen cluster(const char *name, hl_err want)
{
	struct seen s = { 0 };

	CU_ASSERT_EQUAL(here.store.ops->cluster(here.store.at, name, saw_member, &s), want);
	return s;
}

static struct dir_member member(const char *name, const char *address)
{
	struct dir_member m = { 0 };

	snprintf(m.name, sizeof m.name, "%s", name);
	CU_ASSERT_EQUAL(hl_addr_parse(address, &m.address), HL_OK);
	return m;
}

/* ---- stories ---- */

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

/* ---- what only a file can do ---- */

static unsigned mode_of(const char *suffix)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof path, "%s%s", here.path, suffix);
	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void the_store_survives_closing(void)
{
	struct dir_member m = member("hsm1", "127.1.2.31:2400");
	struct dir_user u;

	set_up();
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	CU_ASSERT_EQUAL(allow("svcalpha", "192.0.2.7"), HL_OK);
	CU_ASSERT_EQUAL(set_cluster("cluster1", &m, 1), HL_OK);
	dir_sqlite_closep(&here.sqlite);
	open_file();
	CU_ASSERT_EQUAL(get_user("svcalpha", &u), HL_OK);
	CU_ASSERT_STRING_EQUAL(ranges("svcalpha", 0).text, "192.0.2.7");
	CU_ASSERT_STRING_EQUAL(cluster("cluster1", HL_OK).text, "hsm1=127.1.2.31:2400");
	tear_down();
}

static void two_directories_share_one_file(void)
{
	struct dir_sqlite *other = NULL;
	struct dir_user u;
	struct dir_store store;

	set_up();
	CU_ASSERT_EQUAL_FATAL(dir_sqlite_open(here.path, &other), HL_OK);
	store = dir_sqlite_store(other);
	CU_ASSERT_EQUAL(store.ops->user(store.at, hl_text("svcalpha"), &u), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	CU_ASSERT_EQUAL(store.ops->user(store.at, hl_text("svcalpha"), &u), HL_OK);
	dir_sqlite_close(other);
	CU_ASSERT_EQUAL(get_user("svcalpha", &u), HL_OK);
	CU_ASSERT_EQUAL(provision("acme", "svcbeta", "PARTBETA"), HL_OK);
	tear_down();
}

static void the_file_is_closed_to_others_whatever_the_umask(void)
{
	mode_t old = umask(0);

	set_up();
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	CU_ASSERT_EQUAL(mode_of(""), 0600);
	CU_ASSERT_EQUAL(mode_of("-wal"), 0600);
	CU_ASSERT_EQUAL(mode_of("-shm"), 0600);
	umask(old);
	tear_down();
}

static void an_open_file_or_folder_is_refused(void)
{
	static const mode_t open_to_others[] = { 0640, 0604, 0620, 0602, 0666 };
	struct dir_sqlite *s = NULL;

	set_up();
	dir_sqlite_closep(&here.sqlite);
	for (size_t i = 0; i < HL_COUNT(open_to_others); i++) {
		CU_ASSERT_EQUAL(chmod(here.path, open_to_others[i]), 0);
		CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_MODE);
	}
	CU_ASSERT_EQUAL(chmod(here.path, 0600), 0);
	CU_ASSERT_EQUAL(chmod(here.folder, 0750), 0);
	CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(here.folder, 0701), 0);
	CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_MODE);
	CU_ASSERT_EQUAL(unlink(here.path), 0);
	CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_MODE);
	CU_ASSERT_EQUAL(access(here.path, F_OK), -1); /* not even made */
	CU_ASSERT_EQUAL(chmod(here.folder, 0700), 0);
	CU_ASSERT_PTR_NULL(s);
	tear_down();
}

static void what_is_no_file_is_refused(void)
{
	struct dir_sqlite *s = NULL;
	char path[160];

	make_folder();
	snprintf(path, sizeof path, "%s/none/directory.db", here.folder);
	CU_ASSERT_EQUAL(dir_sqlite_open(path, &s), HL_E_CREATE);
	CU_ASSERT_EQUAL(symlink("elsewhere", here.path), 0);
	CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_MODE);
	snprintf(path, sizeof path, "%s/elsewhere", here.folder);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	CU_ASSERT_EQUAL(unlink(here.path), 0);
	CU_ASSERT_EQUAL(mkdir(here.path, 0700), 0);
	CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_MODE);
	CU_ASSERT_EQUAL(rmdir(here.path), 0);
	CU_ASSERT_PTR_NULL(s);
	remove_folder();
}

/* Run SQL on the file by another hand. */
static void by_hand(const char *sql)
{
	sqlite3 *db = NULL;

	CU_ASSERT_EQUAL(sqlite3_open(here.path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
	CU_ASSERT_EQUAL(chmod(here.path, 0600), 0);
}

static void a_newer_schema_is_left_to_a_newer_program(void)
{
	struct dir_sqlite *s = NULL;
	struct dir_user u;

	set_up();
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	dir_sqlite_closep(&here.sqlite);
	by_hand("PRAGMA user_version = 3");
	CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_STORE_SCHEMA);
	by_hand("PRAGMA user_version = 0");
	CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_STORE_SCHEMA);
	CU_ASSERT_PTR_NULL(s);
	by_hand("PRAGMA user_version = 2");
	open_file();
	CU_ASSERT_EQUAL(get_user("svcalpha", &u), HL_OK);
	tear_down();
}

static void a_store_of_the_first_schema_is_brought_up_to_date(void)
{
	struct dir_partition p;

	set_up();
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	dir_sqlite_closep(&here.sqlite);
	by_hand("ALTER TABLE partition DROP COLUMN maker; PRAGMA user_version = 1");
	open_file();
	CU_ASSERT_EQUAL(get_partition("PARTALPHA", &p), HL_OK);
	CU_ASSERT_STRING_EQUAL(p.maker, "");
	CU_ASSERT_EQUAL(provision("acme", "svcbeta", "PARTBETA"), HL_OK);
	tear_down();
}

static void write_file(const char *text, size_t n)
{
	int fd = open(here.path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CU_ASSERT_NOT_EQUAL_FATAL(fd, -1);
	CU_ASSERT_EQUAL(write(fd, text, n), (ssize_t)n);
	CU_ASSERT_EQUAL(close(fd), 0);
}

static size_t read_file(uint8_t *out, size_t max)
{
	FILE *f = fopen(here.path, "rb");
	size_t n = f ? fread(out, 1, max, f) : 0;

	if (f)
		fclose(f);
	return n;
}

static void a_foreign_file_is_refused_and_left_as_it_was(void)
{
	static const char notes[] =
		"These are my notes, and they are longer than the header of a database, "
		"which has one hundred bytes and begins with its own name.\n";
	static uint8_t before[65536], after[65536];
	struct dir_sqlite *s = NULL;
	size_t n;

	make_folder();
	write_file(notes, sizeof notes - 1);
	CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_STORE);
	CU_ASSERT_EQUAL(read_file(after, sizeof after), sizeof notes - 1);
	CU_ASSERT_EQUAL(memcmp(after, notes, sizeof notes - 1), 0);

	CU_ASSERT_EQUAL(unlink(here.path), 0);
	by_hand("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')");
	n = read_file(before, sizeof before);
	CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_STORE);
	CU_ASSERT_EQUAL(read_file(after, sizeof after), n);
	CU_ASSERT_EQUAL(memcmp(after, before, n), 0);

	by_hand("PRAGMA application_id = 7; PRAGMA user_version = 1");
	CU_ASSERT_EQUAL(dir_sqlite_open(here.path, &s), HL_E_STORE);
	CU_ASSERT_PTR_NULL(s);
	remove_folder();
}

static void an_empty_file_becomes_a_store(void)
{
	make_folder();
	write_file("", 0);
	open_file();
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	tear_down();
}

static void a_file_cut_anywhere_is_refused_or_lacks_nothing(void)
{
	static uint8_t whole[1 << 18];
	size_t n;

	set_up();
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	dir_sqlite_closep(&here.sqlite);
	n = read_file(whole, sizeof whole);
	CU_ASSERT_FATAL(n > 4096 && n < sizeof whole);
	/* From 2 on: SQLite takes a file of one byte for an empty one. */
	for (size_t cut = 2; cut < n; cut += 509) {
		struct dir_sqlite *s = NULL;
		hl_err err;

		write_file((const char *)whole, cut);
		err = dir_sqlite_open(here.path, &s);
		if (err == HL_OK) {
			struct dir_store store = dir_sqlite_store(s);
			struct dir_user u;

			err = store.ops->user(store.at, hl_text("svcalpha"), &u);
			CU_ASSERT_EQUAL(err, HL_OK); /* what was cut off held no row */
		} else {
			CU_ASSERT_EQUAL(err, HL_E_STORE);
		}
		dir_sqlite_close(s);
	}
	tear_down();
}

static void rows_edited_by_another_hand_are_an_error(void)
{
	struct dir_user u;
	struct dir_member m = member("hsm1", "127.1.2.31:2400");

	set_up();
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	CU_ASSERT_EQUAL(set_cluster("cluster1", &m, 1), HL_OK);
	by_hand("UPDATE cluster_member SET address = 'nowhere';"
		"INSERT INTO service_user SELECT replace(hex(zeroblob(100)), '0', 'n'), tenant, stored, server,"
		" disabled, expires_ms FROM service_user");
	CU_ASSERT_EQUAL(cluster("cluster1", HL_E_STORE).n, 0);
	CU_ASSERT_EQUAL(get_user("svcalpha", &u), HL_OK);
	tear_down();
}

/* The lane of the store, as in a daemon: twenty commits in a row. */
static atomic_bool lane_ended;

static void *commit_twenty(void *at)
{
	unsigned *done = at;

	for (*done = 0; *done < 20; ++*done) {
		char name[32];
		struct dir_user u;
		struct dir_change change = { .add_tenant = "acme", .add_user = &u };
		struct dir_commit c = { .change = &change };

		snprintf(name, sizeof name, "svc%02u", *done);
		u = user(name, "acme");
		here.store.ops->prepare(here.store.at, &c);
		c.job.run(&c.job);
		if (c.result != HL_OK)
			break;
	}
	atomic_store(&lane_ended, true);
	return NULL;
}

static void commits_on_another_thread_do_not_disturb_reads(void)
{
	pthread_t thread;
	unsigned done = 0;
	size_t known = 0;

	set_up();
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, commit_twenty, &done), 0);
	while (known < 20) { /* each user stays once it was seen */
		char name[32];
		struct dir_user u;
		bool last = atomic_load(&lane_ended);
		hl_err err;

		snprintf(name, sizeof name, "svc%02zu", known);
		err = get_user(name, &u);
		if (err == HL_OK)
			known++;
		else if (err != HL_E_NOT_FOUND || last)
			break;
	}
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
	CU_ASSERT_EQUAL(done, 20);
	CU_ASSERT_EQUAL(known, 20);
	tear_down();
}

static void another_writer_makes_it_busy_and_readers_go_on(void)
{
	sqlite3 *db = NULL;
	struct dir_user u;

	set_up();
	CU_ASSERT_EQUAL(provision("acme", "svcalpha", "PARTALPHA"), HL_OK);
	CU_ASSERT_EQUAL(sqlite3_open(here.path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(
		sqlite3_exec(db, "BEGIN IMMEDIATE; DELETE FROM partition", NULL, NULL, NULL),
		SQLITE_OK);
	CU_ASSERT_EQUAL(get_user("svcalpha", &u), HL_OK);
	CU_ASSERT_STRING_EQUAL(partitions(0).text, "PARTALPHA");
	CU_ASSERT_EQUAL(provision("acme", "svcbeta", "PARTBETA"), HL_E_BUSY);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
	CU_ASSERT_EQUAL(provision("acme", "svcbeta", "PARTBETA"), HL_OK);
	tear_down();
}

/* The disk is full: said by its name, and nothing has changed. */
static void a_full_store_is_told(void)
{
	struct dir_partition p;
	char name[32];
	hl_err err = HL_OK;
	int i;

	set_up();
	CU_ASSERT_EQUAL(sqlite3_exec(here.sqlite->db[DIR_WRITER], "PRAGMA max_page_count = 1", NULL, NULL, NULL), SQLITE_OK);
	for (i = 0; i < 1000 && err == HL_OK; i++) {
		snprintf(name, sizeof name, "part%d", i);
		err = provision("acme", name, name);
	}
	CU_ASSERT_EQUAL(err, HL_E_FULL);
	CU_ASSERT_EQUAL(get_partition(name, &p), HL_E_NOT_FOUND);
	tear_down();
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
		{ "the store survives closing", the_store_survives_closing },
	{ "two directories share one file", two_directories_share_one_file },
	{ "the file is closed to others whatever the umask",
		the_file_is_closed_to_others_whatever_the_umask },
	{ "an open file or folder is refused", an_open_file_or_folder_is_refused },
	{ "what is no file is refused", what_is_no_file_is_refused },
	{ "a store of the first schema is brought up to date", a_store_of_the_first_schema_is_brought_up_to_date },
	{ "a full store is told", a_full_store_is_told },
	{ "a newer schema is left to a newer program", a_newer_schema_is_left_to_a_newer_program },
	{ "a foreign file is refused and left as it was",
		a_foreign_file_is_refused_and_left_as_it_was },
	{ "an empty file becomes a store", an_empty_file_becomes_a_store },
	{ "a file cut anywhere is refused or lacks nothing",
		a_file_cut_anywhere_is_refused_or_lacks_nothing },
	{ "rows edited by another hand are an error", rows_edited_by_another_hand_are_an_error },
	{ "commits on another thread do not disturb reads",
		commits_on_another_thread_do_not_disturb_reads },
	{ "another writer makes it busy and readers go on",
		another_writer_makes_it_busy_and_readers_go_on },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("dir_store", tests)
