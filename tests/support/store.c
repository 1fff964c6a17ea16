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
