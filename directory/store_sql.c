/* store_sql.c - the statements of a directory's store, and the reads and changes made of them.
 *
 * Every statement stands in one table; values are always bound. */
#include "directory/store_sql.h"

#include <stdlib.h>

#include "lib/os/sqlite.h"

/* clang-format off */
enum statement {
	GET_USER, GET_PARTITION, LIST_RANGES, LIST_PARTITIONS, LIST_CLUSTER, LIST_POOL,
	BEGIN, COMMIT, ROLLBACK,
	ADD_TENANT, ADD_USER, ADD_PARTITION, ALLOW, SETTLE_PARTITION, DROP_PARTITION, DROP_USER,
	CLEAR_CLUSTER, ADD_CLUSTER, CLEAR_POOL, ADD_POOL,
	STATEMENTS
};

/* `broken`: what a broken foreign key means to whoever asked for the change. */
static const struct { enum dir_side side; const char *sql; hl_err broken; } table[STATEMENTS] = {
	[GET_USER] = { DIR_READER, "SELECT name, tenant, stored, server, disabled, expires_ms"
		" FROM service_user WHERE name = ?1", HL_E_BUG },
	[GET_PARTITION] = { DIR_READER, "SELECT name, tenant, user, package, cluster, maker"
		" FROM partition WHERE name = ?1", HL_E_BUG },
	[LIST_RANGES] = { DIR_READER, "SELECT range"
		" FROM allowed WHERE user = ?1 ORDER BY range", HL_E_BUG },
	[LIST_PARTITIONS] = { DIR_READER, "SELECT name, tenant, user, package, cluster, maker"
		" FROM partition ORDER BY name", HL_E_BUG },
	[LIST_CLUSTER] = { DIR_READER, "SELECT name, address"
		" FROM cluster_member WHERE cluster = ?1 ORDER BY rank", HL_E_BUG },
	[LIST_POOL] = { DIR_READER, "SELECT name, address"
		" FROM pool_member WHERE pool = ?1 ORDER BY rank", HL_E_BUG },

	[BEGIN] =    { DIR_WRITER, "BEGIN IMMEDIATE", HL_E_BUG },
	[COMMIT] =   { DIR_WRITER, "COMMIT", HL_E_BUG },
	[ROLLBACK] = { DIR_WRITER, "ROLLBACK", HL_E_BUG },

	[ADD_TENANT] = { DIR_WRITER, "INSERT INTO tenant (name) VALUES (?1)"
		" ON CONFLICT DO NOTHING", HL_E_BUG },
	[ADD_USER] = { DIR_WRITER, "INSERT INTO service_user"
		" (name, tenant, stored, server, disabled, expires_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)", HL_E_NOT_FOUND },
	[ADD_PARTITION] = { DIR_WRITER, "INSERT INTO partition"
		" (name, tenant, user, package, cluster, maker)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)", HL_E_NOT_FOUND },
	[ALLOW] = { DIR_WRITER, "INSERT INTO allowed (user, range) VALUES (?1, ?2)"
		" ON CONFLICT DO NOTHING", HL_E_NOT_FOUND },
	[SETTLE_PARTITION] = { DIR_WRITER, "UPDATE partition SET maker = '' WHERE name = ?1", HL_E_BUG },
	[DROP_PARTITION] = { DIR_WRITER, "DELETE FROM partition WHERE name = ?1", HL_E_BUG },
	[DROP_USER] = { DIR_WRITER, "DELETE FROM service_user WHERE name = ?1", HL_E_EXISTS },

	[CLEAR_CLUSTER] = { DIR_WRITER, "DELETE FROM cluster_member WHERE cluster = ?1", HL_E_BUG },
	[ADD_CLUSTER] = { DIR_WRITER, "INSERT INTO cluster_member (cluster, rank, name, address)"
		" VALUES (?1, ?2, ?3, ?4)", HL_E_BUG },
	[CLEAR_POOL] = { DIR_WRITER, "DELETE FROM pool_member WHERE pool = ?1", HL_E_BUG },
	[ADD_POOL] = { DIR_WRITER, "INSERT INTO pool_member (pool, rank, name, address)"
		" VALUES (?1, ?2, ?3, ?4)", HL_E_BUG },
};
/* clang-format on */

hl_err dir_sql_status(int rc, hl_err broken)
{
	if (rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_UNIQUE)
		return HL_E_EXISTS;
	if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
		return broken;
	return hl_sqlite_err(rc);
}

/* One use of a statement: bind in order, step, take columns in order. The first failure sticks. */
struct call {
	sqlite3_stmt *st;
	int at;
	hl_err err, broken;
};

static struct call call(struct dir_sqlite *s, enum statement which)
{
	return (struct call){ .st = s->stmt[which], .broken = table[which].broken };
}

/* Ends the read transaction too, so that the WAL can be moved back into the file. */
static void hang_up(struct call *c)
{
	sqlite3_reset(c->st);
	sqlite3_clear_bindings(c->st);
}

static void note(struct call *c, int rc)
{
	if (c->err == HL_OK)
		c->err = dir_sql_status(rc, c->broken);
}

/* What is bound outlives the call, so SQLite need not copy it. */
static void put_text(struct call *c, struct hl_bytes b)
{
	note(c, sqlite3_bind_text64(
			c->st, ++c->at, (const char *)b.p, b.n, SQLITE_STATIC, SQLITE_UTF8));
}

static void put_str(struct call *c, const char *s)
{
	put_text(c, hl_text(s));
}

static void put_blob(struct call *c, const uint8_t *p, size_t n)
{
	note(c, sqlite3_bind_blob64(c->st, ++c->at, p, n, SQLITE_STATIC));
}

static void put_int(struct call *c, int64_t v)
{
	note(c, sqlite3_bind_int64(c->st, ++c->at, v));
}

/* Whether there is a row (more). */
static bool step(struct call *c)
{
	int rc;

	if (c->err != HL_OK)
		return false;
	rc = sqlite3_step(c->st);
	note(c, rc);
	c->at = 0;
	return rc == SQLITE_ROW;
}

static void take_text(struct call *c, char *out, size_t size)
{
	const void *p = sqlite3_column_text(c->st, c->at);
	int n = sqlite3_column_bytes(c->st, c->at++);

	/* Longer than anything we wrote: the file was edited by another hand. */
	if (!p || hl_bytes_str(hl_bytes(p, (size_t)n), out, size) != HL_OK)
		note(c, SQLITE_CORRUPT);
}

static void take_blob(struct call *c, uint8_t *out, size_t size)
{
	const void *p = sqlite3_column_blob(c->st, c->at);
	int n = sqlite3_column_bytes(c->st, c->at++);

	if (!p || (size_t)n != size)
		note(c, SQLITE_CORRUPT);
	else
		memcpy(out, p, size);
}

static int64_t take_int(struct call *c)
{
	return sqlite3_column_int64(c->st, c->at++);
}

/* Run a change to its end and tell how many rows it touched. */
static hl_err run(struct dir_sqlite *s, struct call *c, int *changed)
{
	if (step(c))
		return HL_E_STORE;
	*changed = sqlite3_changes(s->db[DIR_WRITER]);
	return c->err;
}

/* ---- for store.c ---- */

hl_err dir_sql_ask(sqlite3 *db, const char *sql, char *out, size_t size)
{
	struct call c = { .broken = HL_E_STORE };

	*out = 0;
	note(&c, sqlite3_prepare_v2(db, sql, -1, &c.st, NULL));
	if (step(&c))
		take_text(&c, out, size);
	sqlite3_finalize(c.st);
	return c.err;
}

hl_err dir_sql_run(sqlite3 *db, const char *script)
{
	return dir_sql_status(sqlite3_exec(db, script, NULL, NULL, NULL), HL_E_STORE);
}

hl_err dir_sql_prepare(struct dir_sqlite *s)
{
	s->stmt = calloc(STATEMENTS, sizeof *s->stmt);
	if (!s->stmt)
		return HL_E_NOMEM;
	for (size_t i = 0; i < STATEMENTS; i++)
		HL_TRY(dir_sql_status(sqlite3_prepare_v3(s->db[table[i].side], table[i].sql, -1,
					      SQLITE_PREPARE_PERSISTENT, &s->stmt[i], NULL),
			HL_E_STORE));
	return HL_OK;
}

void dir_sql_finalize(struct dir_sqlite *s)
{
	for (size_t i = 0; s->stmt && i < STATEMENTS; i++)
		sqlite3_finalize(s->stmt[i]);
	free(s->stmt);
	s->stmt = NULL;
}

/* ---- reads ---- */

static hl_err get_user(void *store, struct hl_bytes name, struct dir_user *out)
{
	HL_AUTO(hang_up) struct call c = call(store, GET_USER);
	struct dir_user u = { 0 };

	put_text(&c, name);
	if (!step(&c))
		return c.err != HL_OK ? c.err : HL_E_NOT_FOUND;
	take_text(&c, u.name, sizeof u.name);
	take_text(&c, u.tenant, sizeof u.tenant);
	take_blob(&c, u.stored, sizeof u.stored);
	take_blob(&c, u.server, sizeof u.server);
	u.disabled = take_int(&c) != 0;
	u.expires_ms = take_int(&c);
	if (c.err == HL_OK)
		*out = u;
	return c.err;
}

static void take_partition(struct call *c, struct dir_partition *p)
{
	take_text(c, p->name, sizeof p->name);
	take_text(c, p->tenant, sizeof p->tenant);
	take_text(c, p->user, sizeof p->user);
	take_text(c, p->package, sizeof p->package);
	take_text(c, p->cluster, sizeof p->cluster);
	take_text(c, p->maker, sizeof p->maker);
}

static hl_err get_partition(void *store, struct hl_bytes name, struct dir_partition *out)
{
	HL_AUTO(hang_up) struct call c = call(store, GET_PARTITION);
	struct dir_partition p = { 0 };

	put_text(&c, name);
	if (!step(&c))
		return c.err != HL_OK ? c.err : HL_E_NOT_FOUND;
	take_partition(&c, &p);
	if (c.err == HL_OK)
		*out = p;
	return c.err;
}

static hl_err list_ranges(void *store, const char *user, dir_each_range *each, void *at)
{
	HL_AUTO(hang_up) struct call c = call(store, LIST_RANGES);
	char range[DIR_RANGE_TEXT];

	put_str(&c, user);
	while (step(&c)) {
		take_text(&c, range, sizeof range);
		if (c.err != HL_OK || !each(at, range))
			break;
	}
	return c.err;
}

static hl_err list_partitions(void *store, dir_each_partition *each, void *at)
{
	HL_AUTO(hang_up) struct call c = call(store, LIST_PARTITIONS);

	while (step(&c)) {
		struct dir_partition p = { 0 };

		take_partition(&c, &p);
		if (c.err != HL_OK || !each(at, &p))
			break;
	}
	return c.err;
}

static void take_member(struct call *c, struct dir_member *m)
{
	char address[HL_ADDR_TEXT] = "";

	take_text(c, m->name, sizeof m->name);
	take_text(c, address, sizeof address);
	if (hl_addr_parse(address, &m->address) != HL_OK)
		note(c, SQLITE_CORRUPT);
}

static hl_err list_members(struct dir_sqlite *s, enum statement which, const char *group,
	dir_each_member *each, void *at)
{
	HL_AUTO(hang_up) struct call c = call(s, which);
	bool found = false;

	put_str(&c, group);
	while (step(&c)) {
		struct dir_member m = { 0 };

		found = true;
		take_member(&c, &m);
		if (c.err != HL_OK || !each(at, &m))
			break;
	}
	return c.err == HL_OK && !found ? HL_E_NOT_FOUND : c.err;
}

static hl_err list_cluster(void *store, const char *cluster, dir_each_member *each, void *at)
{
	return list_members(store, LIST_CLUSTER, cluster, each, at);
}

static hl_err list_pool(void *store, const char *pool, dir_each_member *each, void *at)
{
	return list_members(store, LIST_POOL, pool, each, at);
}

/* ---- changes ---- */

/* A statement with one text to bind; the rows that it touched go to `changed`. */
static hl_err run_named(struct dir_sqlite *s, enum statement which, const char *name, int *changed)
{
	HL_AUTO(hang_up) struct call c = call(s, which);

	if (name)
		put_str(&c, name);
	return run(s, &c, changed);
}

static hl_err add_user(struct dir_sqlite *s, const struct dir_user *u)
{
	HL_AUTO(hang_up) struct call c = call(s, ADD_USER);
	int changed;

	put_str(&c, u->name);
	put_str(&c, u->tenant);
	put_blob(&c, u->stored, sizeof u->stored);
	put_blob(&c, u->server, sizeof u->server);
	put_int(&c, u->disabled);
	put_int(&c, u->expires_ms);
	return run(s, &c, &changed);
}

static hl_err add_partition(struct dir_sqlite *s, const struct dir_partition *p)
{
	HL_AUTO(hang_up) struct call c = call(s, ADD_PARTITION);
	int changed;

	put_str(&c, p->name);
	put_str(&c, p->tenant);
	put_str(&c, p->user);
	put_str(&c, p->package);
	put_str(&c, p->cluster);
	put_str(&c, p->maker);
	return run(s, &c, &changed);
}

static hl_err allow(struct dir_sqlite *s, const char *user, const char *range)
{
	HL_AUTO(hang_up) struct call c = call(s, ALLOW);
	int changed;

	put_str(&c, user);
	put_str(&c, range);
	return run(s, &c, &changed);
}

/* A change of the one row of this name. */
static hl_err change(struct dir_sqlite *s, enum statement which, const char *name)
{
	int changed = 0;

	HL_TRY(run_named(s, which, name, &changed));
	return changed > 0 ? HL_OK : HL_E_NOT_FOUND;
}

static hl_err apply(struct dir_sqlite *s, const struct dir_change *c)
{
	int changed;

	if (c->add_tenant)
		HL_TRY(run_named(s, ADD_TENANT, c->add_tenant, &changed));
	if (c->add_user)
		HL_TRY(add_user(s, c->add_user));
	if (c->add_partition)
		HL_TRY(add_partition(s, c->add_partition));
	for (size_t i = 0; i < c->allows; i++)
		HL_TRY(allow(s, c->allow_user, c->allow[i]));
	if (c->settle_partition)
		HL_TRY(change(s, SETTLE_PARTITION, c->settle_partition));
	if (c->drop_partition)
		HL_TRY(change(s, DROP_PARTITION, c->drop_partition));
	if (c->drop_user)
		HL_TRY(change(s, DROP_USER, c->drop_user));
	return HL_OK;
}

static hl_err begin(struct dir_sqlite *s)
{
	int changed;

	return run_named(s, BEGIN, NULL, &changed);
}

/* Commit where `err` is HL_OK, else undo. After a full disk SQLite has undone it all by itself. */
static hl_err end(struct dir_sqlite *s, hl_err err)
{
	int changed;

	if (err == HL_OK)
		err = run_named(s, COMMIT, NULL, &changed);
	if (err != HL_OK && !sqlite3_get_autocommit(s->db[DIR_WRITER]))
		if (run_named(s, ROLLBACK, NULL, &changed) != HL_OK)
			return HL_E_STORE;
	return err;
}

static hl_err commit(struct dir_sqlite *s, const struct dir_change *c)
{
	HL_TRY(dir_change_check(c));
	HL_TRY(begin(s));
	return end(s, apply(s, c));
}

static void run_commit(struct hl_job *job)
{
	struct dir_commit *c = (struct dir_commit *)(void *)job; /* its first member */

	c->result = commit(c->store, c->change);
}

static void prepare(void *store, struct dir_commit *c)
{
	c->store = store;
	c->result = HL_E_DEFER;
	c->job = (struct hl_job){ .run = run_commit, .lane = HL_LANE_STORE };
}

static hl_err add_member(struct dir_sqlite *s, enum statement which, const char *group, size_t rank,
	const struct dir_member *m)
{
	HL_AUTO(hang_up) struct call c = call(s, which);
	char address[HL_ADDR_TEXT];
	int changed;

	hl_addr_text(&m->address, address);
	put_str(&c, group);
	put_int(&c, (int64_t)rank);
	put_str(&c, m->name);
	put_str(&c, address);
	return run(s, &c, &changed);
}

static hl_err set_members(struct dir_sqlite *s, enum statement clear, enum statement add,
	const char *group, const struct dir_member *member, size_t n)
{
	hl_err err;
	int changed;

	HL_TRY(dir_members_check(group, member, n));
	HL_TRY(begin(s));
	err = run_named(s, clear, group, &changed);
	for (size_t i = 0; i < n && err == HL_OK; i++)
		err = add_member(s, add, group, i, &member[i]);
	return end(s, err);
}

hl_err dir_sqlite_set_cluster(
	struct dir_sqlite *s, const char *cluster, const struct dir_member *member, size_t n)
{
	return set_members(s, CLEAR_CLUSTER, ADD_CLUSTER, cluster, member, n);
}

hl_err dir_sqlite_set_pool(
	struct dir_sqlite *s, const char *pool, const struct dir_member *member, size_t n)
{
	return set_members(s, CLEAR_POOL, ADD_POOL, pool, member, n);
}

static const struct dir_store_ops ops = {
	.user = get_user,
	.partition = get_partition,
	.ranges = list_ranges,
	.partitions = list_partitions,
	.cluster = list_cluster,
	.pool = list_pool,
	.prepare = prepare,
};

struct dir_store dir_sqlite_store(struct dir_sqlite *s)
{
	return (struct dir_store){ &ops, s };
}
