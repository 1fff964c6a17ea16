/* What only the store on disk has: a file that others open, break or fill. */
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/store.h"
#include "tests/support/test.h"

/* NULL where it does not open. */
static struct hsm_sqlite *opened(const struct hl_test_store *w)
{
	struct hsm_sqlite *s = NULL;

	CU_ASSERT_EQUAL(hl_test_store_open(w, &s), HL_OK);
	return s;
}

static hl_err put_bytes(struct hsm_sqlite *s, uint64_t id, uint64_t version, struct hl_bytes open)
{
	struct hsm_put p = { .row = { .table = HSM_OBJECT,
				     .partition = 1,
				     .id = id,
				     .version = version,
				     .open = open } };

	return hl_test_store_commit(s, &p, 1);
}

static hl_err put(struct hsm_sqlite *s, uint64_t id, uint64_t version, const char *open)
{
	return put_bytes(s, id, version, hl_text(open));
}

static bool is(struct hsm_sqlite *s, uint64_t id, uint64_t version, const char *open)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(HL_BUF_MAX);
	struct hsm_store store = hsm_sqlite_store(s);
	struct hsm_row row = { 0 };
	hl_err rc = store.ops->get(store.at, HSM_OBJECT, 1, id, &memory, &row);

	if (!open)
		return rc == HL_E_NOT_FOUND;
	return rc == HL_OK && row.version == version && hl_bytes_eq(row.open, hl_text(open));
}

/* What another program would do to the file. */
static void meddle(const struct hl_test_store *w, const char *sql)
{
	CU_ASSERT(hl_test_store_meddle(w, sql));
}

static void rows_outlive_a_reopening(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	s = opened(&w);
	CU_ASSERT_EQUAL(put(s, 1, 1, "a"), HL_OK);
	CU_ASSERT_EQUAL(put(s, 1, 2, "b"), HL_OK);
	hsm_sqlite_close(s);
	s = opened(&w);
	CU_ASSERT(is(s, 1, 2, "b"));
	CU_ASSERT_EQUAL(hl_test_store_generation(s), 2);
	CU_ASSERT_EQUAL(put(s, 1, 2, "late"), HL_E_STORE_STALE);
	hsm_sqlite_close(s);
}

static void a_second_member_sees_commits_and_makes_them(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *one, *two;

	hl_test_store_begin(&w);
	one = opened(&w);
	two = opened(&w);
	CU_ASSERT_EQUAL(put(one, 1, 1, "of one"), HL_OK);
	CU_ASSERT(is(two, 1, 1, "of one"));
	CU_ASSERT_EQUAL(hl_test_store_generation(two), 1);
	CU_ASSERT_EQUAL(put(two, 1, 1, "the same again"), HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(put(two, 1, 2, "of two"), HL_OK);
	CU_ASSERT(is(one, 1, 2, "of two"));
	CU_ASSERT_EQUAL(hl_test_store_generation(one), 2);
	hsm_sqlite_close(one);
	CU_ASSERT_EQUAL(put(two, 1, 3, "alone"), HL_OK);
	hsm_sqlite_close(two);
}

static void files_are_private_from_the_start(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	mode_t old = umask(0);
	struct hsm_sqlite *s;
	char path[PATH_MAX];

	hl_test_store_begin(&w);
	s = opened(&w);
	CU_ASSERT_EQUAL(put(s, 1, 1, "a"), HL_OK);
	CU_ASSERT_EQUAL(hl_test_file_mode(w.path), 0600);
	hl_test_folder_file(&w.folder, "cluster.db-wal", path);
	CU_ASSERT_EQUAL(hl_test_file_mode(path), 0600);
	hl_test_folder_file(&w.folder, "cluster.db-shm", path);
	CU_ASSERT_EQUAL(hl_test_file_mode(path), 0600);
	hsm_sqlite_close(s);
	umask(old);
}

static void open_modes_are_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	char path[PATH_MAX];

	hl_test_store_begin(&w);
	CU_ASSERT_EQUAL(chmod(w.folder.path, 0750), 0);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_E_MODE);
	CU_ASSERT_EQUAL(hl_test_file_mode(w.path), 0); /* nothing was made there */
	CU_ASSERT_EQUAL(chmod(w.folder.path, 0700), 0);
	hsm_sqlite_close(opened(&w));
	CU_ASSERT_EQUAL(chmod(w.path, 0640), 0);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(w.path, 0600), 0);
	hl_test_folder_file(&w.folder, "elsewhere.db", path);
	CU_ASSERT_EQUAL(rename(w.path, path), 0);
	CU_ASSERT_EQUAL(symlink(path, w.path), 0);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_E_MODE);
	snprintf(w.path, sizeof w.path, "%s/none/cluster.db", w.folder.path);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_E_CREATE);
}

static void a_newer_schema_is_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	hsm_sqlite_close(opened(&w));
	meddle(&w, "PRAGMA user_version = 5");
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_E_STORE_SCHEMA);
	meddle(&w, "PRAGMA user_version = 0");
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_E_STORE);
	meddle(&w, "PRAGMA user_version = 4");
	hsm_sqlite_close(opened(&w));
}

/* What version 1 made: its three tables and marks, and a row in each. */
static const char version_1[] =
	"PRAGMA journal_mode = WAL;"
	"CREATE TABLE cluster (partition INTEGER NOT NULL, id INTEGER NOT NULL,"
	" version INTEGER NOT NULL CHECK (version > 0), open BLOB NOT NULL, sealed BLOB NOT NULL,"
	" PRIMARY KEY (partition, id)) WITHOUT ROWID, STRICT;"
	"CREATE TABLE partition (partition INTEGER NOT NULL, id INTEGER NOT NULL,"
	" version INTEGER NOT NULL CHECK (version > 0), open BLOB NOT NULL, sealed BLOB NOT NULL,"
	" PRIMARY KEY (partition, id)) WITHOUT ROWID, STRICT;"
	"CREATE TABLE object (partition INTEGER NOT NULL, id INTEGER NOT NULL,"
	" version INTEGER NOT NULL CHECK (version > 0), open BLOB NOT NULL, sealed BLOB NOT NULL,"
	" PRIMARY KEY (partition, id)) WITHOUT ROWID, STRICT;"
	"CREATE TABLE generation (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL) STRICT;"
	"INSERT INTO generation (one, n) VALUES (1, 41);"
	"INSERT INTO object (partition, id, version, open, sealed) VALUES (1, 7, 3, x'6f6c64', x'');"
	"PRAGMA application_id = 1213418828; PRAGMA user_version = 1";

static hl_err put_token(struct hsm_sqlite *s, uint64_t id)
{
	struct hsm_put p = { .row = { .table = HSM_TOKEN, .partition = 1, .id = id, .version = 1 } };

	return hl_test_store_commit(s, &p, 1);
}

static void a_store_of_version_1_is_taken_over_with_its_rows(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *one, *two;

	hl_test_store_begin(&w);
	CU_ASSERT(hl_test_file_write(w.path, "", 0, 0600));
	meddle(&w, version_1);
	one = opened(&w);
	two = opened(&w);
	CU_ASSERT(is(one, 7, 3, "old"));
	CU_ASSERT_EQUAL(hl_test_store_generation(two), 41);
	CU_ASSERT_EQUAL(put(one, 7, 4, "new"), HL_OK);
	CU_ASSERT_EQUAL(put_token(two, 9), HL_OK);
	CU_ASSERT_EQUAL(put_token(one, 9), HL_E_STORE_STALE);
	hsm_sqlite_close(one);
	hsm_sqlite_close(two);
	one = opened(&w);
	CU_ASSERT(is(one, 7, 4, "new"));
	CU_ASSERT_EQUAL(hl_test_store_generation(one), 43);
	CU_ASSERT_EQUAL(put_token(one, 9), HL_E_STORE_STALE);
	hsm_sqlite_close(one);
}

/* A step that fails in the middle leaves the file as it was. */
static void a_takeover_that_fails_changes_nothing(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	CU_ASSERT(hl_test_file_write(w.path, "", 0, 0600));
	meddle(&w, version_1);
	meddle(&w, "CREATE TABLE token (what)");
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_E_STORE_SUM);
	meddle(&w, "INSERT INTO token VALUES ('still here'); DROP TABLE token");
	s = opened(&w);
	CU_ASSERT(is(s, 7, 3, "old"));
	CU_ASSERT_EQUAL(put_token(s, 9), HL_OK);
	hsm_sqlite_close(s);
}

static void refused_untouched(const struct hl_test_store *w)
{
	HL_AUTO(hl_buf_clear) struct hl_buf before = hl_test_file_read(w->path);
	struct hl_buf after;

	CU_ASSERT(before.n > 0);
	CU_ASSERT_EQUAL(hl_test_store_refusal(w), HL_E_STORE);
	after = hl_test_file_read(w->path);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&before), hl_buf_view(&after)));
	hl_buf_clear(&after);
}

static void a_foreign_file_is_refused_and_left_alone(void)
{
	static const char text[] = "This is no database, but long enough to hold a header of one:"
				   " a hundred bytes are what it takes for that, so let us go on.";
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	CU_ASSERT(hl_test_file_write(w.path, text, sizeof text, 0600));
	refused_untouched(&w);
	CU_ASSERT_EQUAL(unlink(w.path), 0);
	CU_ASSERT(hl_test_file_write(w.path, "", 0, 0600));
	meddle(&w, "CREATE TABLE cluster (a, b)");
	refused_untouched(&w);
	meddle(&w, "DROP TABLE cluster; PRAGMA application_id = 4711");
	refused_untouched(&w);
	meddle(&w, "PRAGMA application_id = 0; PRAGMA user_version = 3");
	refused_untouched(&w);
}

static void an_empty_file_becomes_a_store(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	CU_ASSERT(hl_test_file_write(w.path, "", 0, 0600));
	hsm_sqlite_close(opened(&w));
	hsm_sqlite_close(opened(&w));
}

/* Each child opens the store, makes one object and is killed; all are there at the end. */
#define MEMBERS 4

static int member(const struct hl_test_store *w, uint64_t id)
{
	struct hsm_sqlite *s = NULL;

	if (hl_test_store_open(w, &s) != HL_OK)
		return 1;
	if (put(s, id, 1, "mine") != HL_OK)
		return 2;
	return raise(SIGKILL);
}

static void members_that_come_at_once_make_one_store(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	pid_t child[MEMBERS];
	struct hsm_sqlite *s;
	int status;

	hl_test_store_begin(&w);
	for (unsigned i = 0; i < MEMBERS; i++) {
		child[i] = fork();
		if (child[i] == 0)
			_exit(member(&w, i + 1));
	}
	for (unsigned i = 0; i < MEMBERS; i++) {
		CU_ASSERT_EQUAL(waitpid(child[i], &status, 0), child[i]);
		CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_generation(s), MEMBERS);
	for (unsigned i = 0; i < MEMBERS; i++)
		CU_ASSERT(is(s, i + 1, 1, "mine"));
	hsm_sqlite_close(s);
}

/* The system's file layer with a disk that can be full or failing, and a clock that costs no time.
 * The methods of its files are replaced by a copy with two of them changed; it has one set for
 * files that are locked (the store) and one for those that are not (its log). */
static struct {
	struct methods {
		const sqlite3_io_methods *real;
		sqlite3_io_methods ours;
	} set[4];
	int writes_end, syncs_end; /* SQLITE_OK, or how they fail */
	unsigned syncs;
	int64_t slept_us;
} disk;

static const sqlite3_io_methods *real(const sqlite3_file *f)
{
	const char *ours = (const char *)f->pMethods;

	return ((const struct methods *)(ours - offsetof(struct methods, ours)))->real;
}

static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	return disk.writes_end ? disk.writes_end : real(f)->xWrite(f, p, n, at);
}

static int on_sync(sqlite3_file *f, int flags)
{
	disk.syncs++;
	return disk.syncs_end ? disk.syncs_end : real(f)->xSync(f, flags);
}

static int on_open(
	sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *out_flags)
{
	int rc = sqlite3_vfs_find("unix")->xOpen(vfs, name, f, flags, out_flags);
	struct methods *m = disk.set;

	if (rc != SQLITE_OK)
		return rc;
	while (m->real && m->real != f->pMethods)
		m++;
	m->real = f->pMethods;
	m->ours = *f->pMethods;
	m->ours.xWrite = on_write;
	m->ours.xSync = on_sync;
	f->pMethods = &m->ours;
	return SQLITE_OK;
}

static int on_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	disk.slept_us += us;
	return us;
}

static sqlite3_vfs layer;

static void use_layer(void)
{
	disk.writes_end = disk.syncs_end = SQLITE_OK;
	disk.slept_us = 0;
	layer = *sqlite3_vfs_find("unix");
	layer.zName = "test";
	layer.xOpen = on_open;
	layer.xSleep = on_sleep;
	CU_ASSERT_EQUAL(sqlite3_vfs_register(&layer, 1), SQLITE_OK);
}

static void drop_layer(void)
{
	CU_ASSERT_EQUAL(sqlite3_vfs_unregister(&layer), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_vfs_register(sqlite3_vfs_find("unix"), 1), SQLITE_OK);
}

static void a_full_disk_is_told_and_nothing_changed(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	use_layer();
	s = opened(&w);
	CU_ASSERT_EQUAL(put(s, 1, 1, "a"), HL_OK);
	disk.writes_end = SQLITE_FULL;
	CU_ASSERT_EQUAL(put(s, 1, 2, "b"), HL_E_FULL);
	CU_ASSERT_EQUAL(put(s, 2, 1, "c"), HL_E_FULL);
	CU_ASSERT(is(s, 1, 1, "a"));
	CU_ASSERT_EQUAL(hl_test_store_generation(s), 1);
	disk.writes_end = SQLITE_OK; /* room was made */
	CU_ASSERT_EQUAL(put(s, 1, 2, "b"), HL_OK);
	CU_ASSERT(is(s, 1, 2, "b"));
	CU_ASSERT_EQUAL(hl_test_store_generation(s), 2);
	hsm_sqlite_close(s);
	drop_layer();
}

/* Larger than what SQLite keeps in memory, so that the disk is found full long before the end. */
static void a_disk_that_fills_up_halfway_changes_nothing(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	const size_t n = 8u << 20;
	uint8_t *large = calloc(1, n);
	struct hsm_sqlite *s;

	CU_ASSERT_PTR_NOT_NULL_FATAL(large);
	hl_test_store_begin(&w);
	use_layer();
	s = opened(&w);
	disk.writes_end = SQLITE_FULL;
	CU_ASSERT_EQUAL(put_bytes(s, 1, 1, hl_bytes(large, n)), HL_E_FULL);
	disk.writes_end = SQLITE_OK;
	CU_ASSERT(is(s, 1, 0, NULL));
	CU_ASSERT_EQUAL(hl_test_store_generation(s), 0);
	CU_ASSERT_EQUAL(put_bytes(s, 1, 1, hl_bytes(large, n)), HL_OK);
	hsm_sqlite_close(s);
	drop_layer();
	free(large);
}

static void after_a_failed_sync_nothing_is_acknowledged(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	use_layer();
	s = opened(&w);
	CU_ASSERT_EQUAL(put(s, 1, 1, "a"), HL_OK);
	disk.syncs_end = SQLITE_IOERR_FSYNC;
	CU_ASSERT_EQUAL(put(s, 1, 2, "b"), HL_E_STORE);
	disk.syncs_end = SQLITE_OK;
	CU_ASSERT_EQUAL(put(s, 2, 1, "c"), HL_E_STORE);
	CU_ASSERT(is(s, 2, 0, NULL));
	hsm_sqlite_close(s);
	s = opened(&w);
	CU_ASSERT_EQUAL(put(s, 2, 1, "c"), HL_OK);
	hsm_sqlite_close(s);
	drop_layer();
}

static void a_writer_that_hangs_is_waited_for_but_not_for_ever(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;
	sqlite3 *other = NULL;

	hl_test_store_begin(&w);
	use_layer();
	s = opened(&w);
	CU_ASSERT_EQUAL(put(s, 1, 1, "a"), HL_OK);
	CU_ASSERT_EQUAL(sqlite3_open(w.path, &other), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	disk.slept_us = 0;
	CU_ASSERT_EQUAL(put(s, 1, 2, "b"), HL_E_BUSY);
	CU_ASSERT(disk.slept_us > 4000000 && disk.slept_us <= 5000000);
	disk.slept_us = 0;
	CU_ASSERT(is(s, 1, 1, "a")); /* a reader never waits */
	CU_ASSERT_EQUAL(disk.slept_us, 0);
	CU_ASSERT_EQUAL(sqlite3_close(other), SQLITE_OK);
	CU_ASSERT_EQUAL(put(s, 1, 2, "b"), HL_OK);
	hsm_sqlite_close(s);
	drop_layer();
}

/* The wait for the disk is paid once for all that wait, and if it fails, it fails for all. */
static void those_that_wait_share_one_sync(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_put p[5];
	struct hsm_commit c[5];
	struct hsm_store store;
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	use_layer();
	s = opened(&w);
	store = hsm_sqlite_store(s);
	CU_ASSERT_EQUAL(put(s, 99, 1, "the log is begun"), HL_OK);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 5; i++) {
			p[i] = (struct hsm_put){ .row = { .table = HSM_OBJECT,
							 .partition = 1,
							 .id = i + 1,
							 .version = 1 } };
			c[i] = (struct hsm_commit){ .put = &p[i], .puts = 1, .result = HL_E_BUG };
			store.ops->prepare(store.at, &c[i]);
		}
		disk.writes_end = round == 0 ? SQLITE_FULL : SQLITE_OK;
		disk.syncs = 0;
		for (unsigned i = 0; i < 5; i++) {
			c[i].job.run(&c[i].job);
			CU_ASSERT_EQUAL(c[i].result, round == 0 ? HL_E_FULL : HL_OK);
		}
		CU_ASSERT_EQUAL(disk.syncs, round);
		CU_ASSERT_EQUAL(hl_test_store_generation(s), round == 0 ? 1 : 6);
	}
	hsm_sqlite_close(s);
	drop_layer();
}

static CU_TestInfo tests[] = {
	{ "rows outlive a reopening", rows_outlive_a_reopening },
	{ "a second member sees commits and makes them",
		a_second_member_sees_commits_and_makes_them },
	{ "files are private from the start", files_are_private_from_the_start },
	{ "files and folders open to others are refused", open_modes_are_refused },
	{ "a newer schema is refused", a_newer_schema_is_refused },
	{ "a store of version 1 is taken over with its rows", a_store_of_version_1_is_taken_over_with_its_rows },
	{ "a takeover that fails changes nothing", a_takeover_that_fails_changes_nothing },
	{ "a foreign file is refused and left alone", a_foreign_file_is_refused_and_left_alone },
	{ "an empty file becomes a store", an_empty_file_becomes_a_store },
	{ "members that come at once make one store", members_that_come_at_once_make_one_store },
	{ "a full disk is told and nothing changed", a_full_disk_is_told_and_nothing_changed },
	{ "a disk that fills up halfway changes nothing",
		a_disk_that_fills_up_halfway_changes_nothing },
	{ "after a failed sync nothing is acknowledged",
		after_a_failed_sync_nothing_is_acknowledged },
	{ "those that wait share one sync", those_that_wait_share_one_sync },
	{ "a writer that hangs is waited for but not for ever",
		a_writer_that_hangs_is_waited_for_but_not_for_ever },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("sqlite", tests)
