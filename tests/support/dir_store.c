#include "tests/support/dir_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct place here;
bool in_memory;

void make_folder(void)
{
	here = (struct place){ 0 };
	snprintf(here.folder, sizeof here.folder, "test_dir_store.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(here.folder));
	snprintf(here.path, sizeof here.path, "%s/directory.db", here.folder);
}

void remove_folder(void)
{
	DIR *d = opendir(here.folder);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL)
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	CU_ASSERT_EQUAL(rmdir(here.folder), 0);
}

void open_file(void)
{
	CU_ASSERT_EQUAL_FATAL(dir_sqlite_open(here.path, &here.sqlite), HL_OK);
	here.store = dir_sqlite_store(here.sqlite);
}

void set_up(void)
{
	make_folder();
	if (!in_memory) {
		open_file();
		return;
	}
	CU_ASSERT_EQUAL_FATAL(dir_memory_new(&here.memory), HL_OK);
	here.store = dir_memory_store(here.memory);
}

void tear_down(void)
{
	dir_sqlite_closep(&here.sqlite);
	dir_memory_freep(&here.memory);
	remove_folder();
}

hl_err commit(const struct dir_change *change)
{
	struct dir_commit c = { .change = change };

	here.store.ops->prepare(here.store.at, &c);
	CU_ASSERT_EQUAL(c.job.lane, HL_LANE_STORE);
	CU_ASSERT_EQUAL(c.result, HL_E_DEFER);
	c.job.run(&c.job);
	return c.result;
}

hl_err set_pool(const char *pool, const struct dir_member *m, size_t n)
{
	return here.memory ? dir_memory_set_pool(here.memory, pool, m, n)
			   : dir_sqlite_set_pool(here.sqlite, pool, m, n);
}

hl_err set_cluster(const char *cluster, const struct dir_member *m, size_t n)
{
	return here.memory ? dir_memory_set_cluster(here.memory, cluster, m, n)
			   : dir_sqlite_set_cluster(here.sqlite, cluster, m, n);
}

hl_err get_user(const char *name, struct dir_user *out)
{
	return here.store.ops->user(here.store.at, hl_text(name), out);
}

hl_err get_partition(const char *name, struct dir_partition *out)
{
	return here.store.ops->partition(here.store.at, hl_text(name), out);
}

struct dir_user user(const char *name, const char *tenant)
{
	struct dir_user u = { .expires_ms = INT64_C(1) << 60 };

	snprintf(u.name, sizeof u.name, "%s", name);
	snprintf(u.tenant, sizeof u.tenant, "%s", tenant);
	memset(u.stored, 0x51, sizeof u.stored);
	memset(u.server, 0xa7, sizeof u.server);
	u.stored[3] = 0;
	return u;
}

struct dir_partition partition(const char *name, const char *tenant, const char *owner)
{
	struct dir_partition p = { .package = "ECO-CC", .cluster = "cluster1" };

	snprintf(p.name, sizeof p.name, "%s", name);
	snprintf(p.tenant, sizeof p.tenant, "%s", tenant);
	snprintf(p.user, sizeof p.user, "%s", owner);
	return p;
}

hl_err provision(const char *tenant, const char *name, const char *part)
{
	struct dir_user u = user(name, tenant);
	struct dir_partition p = partition(part, tenant, name);

	return commit(
		&(struct dir_change){ .add_tenant = tenant, .add_user = &u, .add_partition = &p });
}

hl_err allow(const char *name, const char *range)
{
	char list[1][DIR_RANGE_TEXT];

	snprintf(list[0], sizeof list[0], "%s", range);
	return commit(&(struct dir_change){
		.allow_user = name, .allow = (const char(*)[DIR_RANGE_TEXT])list, .allows = 1 });
}

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

struct seen ranges(const char *name, size_t most)
{
	struct seen s = { .most = most };

	CU_ASSERT_EQUAL(here.store.ops->ranges(here.store.at, name, saw_range, &s), HL_OK);
	return s;
}

struct seen partitions(size_t most)
{
	struct seen s = { .most = most };

	CU_ASSERT_EQUAL(here.store.ops->partitions(here.store.at, saw_partition, &s), HL_OK);
	return s;
}

struct seen pool(const char *name, hl_err want)
{
	struct seen s = { 0 };

	CU_ASSERT_EQUAL(here.store.ops->pool(here.store.at, name, saw_member, &s), want);
	return s;
}

struct seen cluster(const char *name, hl_err want)
{
	struct seen s = { 0 };

	CU_ASSERT_EQUAL(here.store.ops->cluster(here.store.at, name, saw_member, &s), want);
	return s;
}

struct dir_member member(const char *name, const char *address)
{
	struct dir_member m = { 0 };

	snprintf(m.name, sizeof m.name, "%s", name);
	CU_ASSERT_EQUAL(hl_addr_parse(address, &m.address), HL_OK);
	return m;
}
