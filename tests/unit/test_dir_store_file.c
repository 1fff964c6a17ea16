/* What only a store on disk can do: last, be shared, damaged, refused, busy and full. */
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/dir_store.h"

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

static CU_TestInfo tests[] = {
	{ "the store survives closing", the_store_survives_closing },
	{ "two directories share one file", two_directories_share_one_file },
	{ "the file is closed to others whatever the umask", the_file_is_closed_to_others_whatever_the_umask },
	{ "an open file or folder is refused", an_open_file_or_folder_is_refused },
	{ "what is no file is refused", what_is_no_file_is_refused },
	{ "a store of the first schema is brought up to date", a_store_of_the_first_schema_is_brought_up_to_date },
	{ "a full store is told", a_full_store_is_told },
	{ "a newer schema is left to a newer program", a_newer_schema_is_left_to_a_newer_program },
	{ "a foreign file is refused and left as it was", a_foreign_file_is_refused_and_left_as_it_was },
	{ "an empty file becomes a store", an_empty_file_becomes_a_store },
	{ "a file cut anywhere is refused or lacks nothing", a_file_cut_anywhere_is_refused_or_lacks_nothing },
	{ "rows edited by another hand are an error", rows_edited_by_another_hand_are_an_error },
	{ "commits on another thread do not disturb reads", commits_on_another_thread_do_not_disturb_reads },
	{ "another writer makes it busy and readers go on", another_writer_makes_it_busy_and_readers_go_on },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("dir_store file", tests)
