#include "tests/support/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/test.h"

static void on_random(void *at, void *out, size_t n)
{
	static uint8_t next;

	(void)at;
	for (uint8_t *p = out; n > 0; n--)
		*p++ = next++;
}

static const struct hl_env_ops ops = { .random = on_random };
static const struct hl_env env = { .ops = &ops };

void hl_test_store_begin(struct hl_test_store *w)
{
	CU_ASSERT_FATAL(hl_test_folder_make(&w->folder));
	hl_test_folder_file(&w->folder, "cluster.db", w->path);
	hl_test_folder_file(&w->folder, "generation", w->guard);
}

void hl_test_store_end(struct hl_test_store *w)
{
	hl_test_folder_remove(&w->folder);
}

void hl_test_store_file(const struct hl_test_store *w, const char *more, char out[PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof name, "cluster.db%s", more);
	hl_test_folder_file(&w->folder, name, out);
}

const struct hsm_seal *hl_test_seal(uint8_t key)
{
	static struct hsm_seal *made[256];
	const uint8_t device_key[HSM_DEVICE_KEY] = { key };

	if (!made[key])
		CU_ASSERT_EQUAL_FATAL(
			hsm_seal_new(&env, hl_bytes(device_key, sizeof device_key), &made[key]), HL_OK);
	return made[key];
}

void hl_test_store_closep(struct hsm_sqlite **s)
{
	hsm_sqlite_close(*s);
}

hl_err hl_test_store_open_with(const struct hl_test_store *w, uint8_t key, struct hsm_sqlite **out)
{
	HL_AUTO(hl_test_store_closep) struct hsm_sqlite *s = NULL;
	const struct hsm_macs macs = hsm_seal_macs(hl_test_seal(key));

	HL_TRY(hsm_sqlite_open(w->path, access(w->guard, F_OK) != 0, &s));
	HL_TRY(hsm_sqlite_begin(s, &macs, w->guard));
	*out = hl_take(s);
	return HL_OK;
}

hl_err hl_test_store_open(const struct hl_test_store *w, struct hsm_sqlite **out)
{
	return hl_test_store_open_with(w, 1, out);
}

hl_err hl_test_store_refusal(const struct hl_test_store *w)
{
	HL_AUTO(hl_test_store_closep) struct hsm_sqlite *s = NULL;

	return hl_test_store_open(w, &s);
}

hl_err hl_test_store_commit(struct hsm_sqlite *s, const struct hsm_put *put, size_t puts)
{
	struct hsm_store store = hsm_sqlite_store(s);
	struct hsm_commit c = { .put = put, .puts = puts, .result = HL_E_BUG };

	store.ops->prepare(store.at, &c);
	c.job.run(&c.job);
	return c.result;
}

hl_err hl_test_store_put(struct hsm_sqlite *s, uint64_t id, uint64_t version, const char *open)
{
	struct hsm_put p = { .row = { .table = HSM_OBJECT,
				     .partition = 1,
				     .id = id,
				     .version = version,
				     .open = hl_text(open),
				     .sealed = hl_text("sealed") } };

	return hl_test_store_commit(s, &p, 1);
}

struct hsm_put hl_test_store_entry(uint64_t partition, const char *text)
{
	static struct hsm_macs macs;

	macs = hsm_seal_macs(hl_test_seal(1));
	return (struct hsm_put){ .row = { .table = HSM_LOG, .partition = partition, .open = hl_text(text) },
		.append = true, .most = 1000, .macs = &macs };
}

uint64_t hl_test_store_generation(struct hsm_sqlite *s)
{
	struct hsm_store store = hsm_sqlite_store(s);
	uint64_t n = UINT64_MAX;

	CU_ASSERT_EQUAL(store.ops->generation(store.at, &n), HL_OK);
	return n;
}

bool hl_test_store_meddle(const struct hl_test_store *w, const char *sql)
{
	sqlite3 *db = NULL;
	bool ok = sqlite3_open(w->path, &db) == SQLITE_OK &&
		sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL) == SQLITE_OK &&
		sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;

	sqlite3_close(db);
	return ok;
}

struct hsm_pair hl_test_store_kept(const struct hl_test_store *w)
{
	const struct hsm_macs macs = hsm_seal_macs(hl_test_seal(1));
	struct hsm_pair p = { .generation = UINT64_MAX };
	struct hsm_guard *g = NULL;

	if (hsm_guard_open(w->guard, &macs, &g) == HL_OK)
		CU_ASSERT_EQUAL(hsm_guard_read(g, &p), HL_OK);
	hsm_guard_close(g);
	return p;
}

/* -- the files of a store -------------------------------------------------------------------------- */

/* Of a store on the disk. */
static const char *const parts[] = { "", "-wal" };

void hl_test_store_copy(const struct hl_test_store *w, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX], both[64];

	for (size_t i = 0; i < HL_COUNT(parts); i++) {
		hl_test_store_file(w, parts[i], from);
		snprintf(both, sizeof both, "%s%s", name, parts[i]);
		hl_test_folder_file(&w->folder, both, to);
		CU_ASSERT(hl_test_file_copy(from, to));
	}
	snprintf(both, sizeof both, "%s-guard", name);
	hl_test_folder_file(&w->folder, both, to);
	CU_ASSERT(hl_test_file_copy(w->guard, to));
}

void hl_test_store_put_back(const struct hl_test_store *w, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX], both[64];

	for (size_t i = 0; i < HL_COUNT(parts); i++) {
		snprintf(both, sizeof both, "%s%s", name, parts[i]);
		hl_test_folder_file(&w->folder, both, from);
		hl_test_store_file(w, parts[i], to);
		CU_ASSERT(hl_test_file_copy(from, to));
	}
	hl_test_store_file(w, "-shm", to);
	unlink(to);
}

void hl_test_store_put_guard_back(const struct hl_test_store *w, const char *name)
{
	char from[PATH_MAX], both[64];

	snprintf(both, sizeof both, "%s-guard", name);
	hl_test_folder_file(&w->folder, both, from);
	CU_ASSERT(hl_test_file_copy(from, w->guard));
}

struct content {
	struct hl_buf of[3];
};

static struct content content(const struct hl_test_store *w)
{
	struct content c;
	char log[PATH_MAX];

	hl_test_store_file(w, "-wal", log);
	c.of[0] = hl_test_file_read(w->path);
	c.of[1] = hl_test_file_read(log);
	c.of[2] = hl_test_file_read(w->guard);
	return c;
}

void hl_test_store_refused(const struct hl_test_store *w, hl_err want)
{
	struct content before = content(w), after;

	CU_ASSERT_EQUAL(hl_test_store_refusal(w), want);
	after = content(w);
	for (size_t i = 0; i < HL_COUNT(before.of); i++) {
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&before.of[i]), hl_buf_view(&after.of[i])));
		hl_buf_clear(&before.of[i]);
		hl_buf_clear(&after.of[i]);
	}
}

void hl_test_store_used(const struct hl_test_store *w)
{
	struct hsm_sqlite *s = NULL;
	struct hsm_put first[HSM_TABLES];
	struct hsm_put gone = { .row = { .table = HSM_OBJECT, .partition = 1, .id = 3, .version = 1 }, .remove = true };

	CU_ASSERT_EQUAL_FATAL(hl_test_store_open(w, &s), HL_OK);
	for (unsigned t = 0; t < HSM_TABLES; t++)
		first[t] = (struct hsm_put){ .row = { .table = (enum hsm_table)t,
						     .partition = t == HSM_CLUSTER || t == HSM_PARTITION ? 0 : 1,
						     .id = 1,
						     .version = 1,
						     .open = hl_text("open"),
						     .sealed = hl_text("sealed") } };
	first[HSM_LOG] = hl_test_store_entry(1, "an entry");
	CU_ASSERT_EQUAL(hl_test_store_commit(s, first, HL_COUNT(first)), HL_OK);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 2, 1, "another"), HL_OK);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 3, 1, "short-lived"), HL_OK);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 1, 2, "changed"), HL_OK);
	CU_ASSERT_EQUAL(hl_test_store_commit(s, &gone, 1), HL_OK);
	hsm_sqlite_close(s);
}
