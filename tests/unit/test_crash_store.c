/* What crashes, missing files, rights and full disks do to a store: what was acknowledged is there, or the store is
 * refused. */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/support/store.h"
#include "tests/support/test.h"

#define PAGE 4096
#define FRAME (24 + PAGE) /* of SQLite's log, behind 32 bytes */

/* A sync that fails, of the guard alone: the store's own are SQLite's. */
static bool syncs_fail;

int fdatasync(int fd)
{
	struct stat st;

	if (syncs_fail && fstat(fd, &st) == 0 && st.st_size == 2 * PAGE) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static struct hsm_sqlite *opened(const struct hl_test_store *w)
{
	struct hsm_sqlite *s = NULL;

	CU_ASSERT_EQUAL(hl_test_store_open(w, &s), HL_OK);
	return s;
}

/* -- cut (F-STO-11, F-STO-12) ------------------------------------------------------------------------- */

/* Store and log as a member that is killed leaves them. */
static void killed(const struct hl_test_store *w)
{
	struct hsm_sqlite *s;

	hl_test_store_used(w);
	s = opened(w);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 8, 1, "acknowledged"), HL_OK);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "acknowledged"), HL_OK);
	hl_test_store_copy(w, "good");
	hsm_sqlite_close(s);
	hl_test_store_put_back(w, "good");
}

static void a_log_that_lacks_what_was_acknowledged_is_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	char log[PATH_MAX];
	struct stat st = { 0 };

	hl_test_store_begin(&w);
	killed(&w);
	hl_test_store_file(&w, "-wal", log);
	CU_ASSERT(stat(log, &st) == 0 && st.st_size > FRAME);
	for (off_t n = st.st_size - 1; n >= 0; n -= n % FRAME == 32 || n < 64 ? 1 : FRAME / 3) {
		hl_test_store_put_back(&w, "good");
		CU_ASSERT_EQUAL(truncate(log, n), 0);
		hl_test_store_refused(&w, HL_E_STORE_BEHIND);
	}
	hl_test_store_put_back(&w, "good");
	CU_ASSERT_EQUAL(unlink(log), 0);
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
	hl_test_store_put_back(&w, "good");
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

static void a_store_that_was_cut_is_never_begun_anew(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct stat st = { 0 };
	hl_err rc;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "good");
	CU_ASSERT_EQUAL(stat(w.path, &st), 0);
	for (off_t n = 0; n < st.st_size; n += n % 1024 == 0 ? 1 : n % 1024 == 1 ? 509 : 514) {
		hl_test_store_put_back(&w, "good");
		CU_ASSERT_EQUAL(truncate(w.path, n), 0);
		rc = hl_test_store_refusal(&w);
		CU_ASSERT(n == 0 ? rc == HL_E_STORE_BEHIND : rc != HL_OK);
		hl_test_store_refused(&w, rc);
	}
	hl_test_store_put_back(&w, "good");
	CU_ASSERT_EQUAL(unlink(w.path), 0);
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
	CU_ASSERT_NOT_EQUAL(access(w.path, F_OK), 0); /* nor is an empty one left there */
}

/* SQLite removes the log of an empty file, so it may not see it. */
static void a_log_alone_is_no_new_store(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	killed(&w);
	CU_ASSERT_EQUAL(unlink(w.guard), 0);
	CU_ASSERT_EQUAL(truncate(w.path, 0), 0);
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
	CU_ASSERT_EQUAL(unlink(w.path), 0);
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
}

/* The schema is in the log at first: without it the file is a database, and empty. */
static void an_emptied_store_is_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;
	char log[PATH_MAX];

	hl_test_store_begin(&w);
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 1, 1, "acknowledged"), HL_OK);
	hl_test_store_copy(&w, "good");
	hsm_sqlite_close(s);
	hl_test_store_put_back(&w, "good");
	hl_test_store_file(&w, "-wal", log);
	CU_ASSERT_EQUAL(unlink(log), 0);
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
}

/* -- the guard ------------------------------------------------------------------------------------------ */

static void a_used_store_without_its_guard_is_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "good");
	CU_ASSERT_EQUAL(unlink(w.guard), 0);
	hl_test_store_refused(&w, HL_E_STORE_GUARD);
	CU_ASSERT(hl_test_file_write(w.guard, "", 0, 0600));
	hl_test_store_refused(&w, HL_E_STORE_GUARD);
	CU_ASSERT(hl_test_file_write(w.guard, "guard", 5, 0600));
	hl_test_store_refused(&w, HL_E_STORE_GUARD);
	hl_test_store_put_guard_back(&w, "good");
	CU_ASSERT_EQUAL(chmod(w.guard, 0644), 0);
	hl_test_store_refused(&w, HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(w.guard, 0600), 0);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

static void a_new_store_whose_guard_was_not_made_yet_gets_one(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s = NULL;

	hl_test_store_begin(&w);
	CU_ASSERT_EQUAL(hsm_sqlite_open(w.path, true, &s), HL_OK);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 1, 1, "too early"), HL_E_STORE);
	hsm_sqlite_close(s); /* a first start that ended here */
	CU_ASSERT_NOT_EQUAL(access(w.guard, F_OK), 0);
	hsm_sqlite_close(opened(&w));
	CU_ASSERT_EQUAL(hl_test_store_kept(&w).generation, 0);
}

static void another_device_key_is_told(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s = NULL;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	CU_ASSERT_EQUAL(hl_test_store_open_with(&w, 2, &s), HL_E_STORE_KEY);
	CU_ASSERT_PTR_NULL(s);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

/* -- crashes -------------------------------------------------------------------------------------------- */

static void a_crash_between_commit_and_guard_is_mended(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "before");
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "on the disk"), HL_OK);
	hl_test_store_copy(&w, "after");
	hsm_sqlite_close(s);
	hl_test_store_put_back(&w, "after");
	hl_test_store_put_guard_back(&w, "before");
	CU_ASSERT_EQUAL(hl_test_store_kept(&w).generation, 5);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
	CU_ASSERT_EQUAL(hl_test_store_kept(&w).generation, 6);
	hl_test_store_put_back(&w, "before"); /* from now on that is too old */
	hl_test_store_refused(&w, HL_E_STORE_BEHIND);
}

static void a_guard_that_fails_leaves_nothing_acknowledged(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "before");
	s = opened(&w);
	syncs_fail = true;
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "on the disk"), HL_E_STORE);
	syncs_fail = false;
	CU_ASSERT_EQUAL(hl_test_store_put(s, 10, 1, "never tried"), HL_E_STORE);
	CU_ASSERT_EQUAL(hl_test_store_generation(s), 6);
	hsm_sqlite_close(s);
	hl_test_store_put_guard_back(&w, "before"); /* what was written and never synced */
	syncs_fail = true;
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_E_IO);
	syncs_fail = false;
	hl_test_store_put_guard_back(&w, "before");
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_kept(&w).generation, 6);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "the same again"), HL_E_STORE_STALE);
	hsm_sqlite_close(s);
}

static void a_guard_that_cannot_be_read_stops_the_commit_before_it_is_made(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	hl_test_store_copy(&w, "good");
	s = opened(&w);
	CU_ASSERT_EQUAL(truncate(w.guard, 100), 0);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "not made"), HL_E_STORE_GUARD);
	CU_ASSERT_EQUAL(hl_test_store_generation(s), 5);
	hsm_sqlite_close(s);
	hl_test_store_put_guard_back(&w, "good");
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

/* SQLite's file layer with a clock that costs no time. */
static sqlite3_vfs layer;
static int64_t slept_us;

static int on_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	slept_us += us;
	return us;
}

/* A member that is stopped between its commit and the end of its guard's write. */
static void a_guard_that_another_holds_makes_busy_and_not_unsure(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *s;
	int fd;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	s = opened(&w);
	layer = *sqlite3_vfs_find("unix");
	layer.zName = "test";
	layer.xSleep = on_sleep;
	CU_ASSERT_EQUAL(sqlite3_vfs_register(&layer, 1), SQLITE_OK);
	fd = open(w.guard, O_RDWR | O_CLOEXEC);
	CU_ASSERT_EQUAL(flock(fd, LOCK_EX), 0);
	slept_us = 0;
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "not made"), HL_E_BUSY);
	CU_ASSERT(slept_us >= 5000000 && slept_us < 5100000);
	CU_ASSERT_EQUAL(hl_test_store_generation(s), 5);
	close(fd);
	CU_ASSERT_EQUAL(hl_test_store_put(s, 9, 1, "made"), HL_OK);
	hsm_sqlite_close(s);
	CU_ASSERT_EQUAL(sqlite3_vfs_unregister(&layer), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_vfs_register(sqlite3_vfs_find("unix"), 1), SQLITE_OK);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

/* -- members --------------------------------------------------------------------------------------------- */

#define COMMITS 60

static int writer(const struct hl_test_store *w)
{
	struct hsm_sqlite *s = NULL;

	if (hl_test_store_open(w, &s) != HL_OK)
		return 1;
	for (uint64_t n = 1; n <= COMMITS; n++)
		if (hl_test_store_put(s, 50, n, "again") != HL_OK)
			return 2;
	return raise(SIGKILL);
}

/* What a start reads of the guard is never newer than what it reads of the store. */
static void members_start_while_others_write(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	int status = 0, starts = 0;
	struct hsm_sqlite *s;
	pid_t child;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	child = fork();
	if (child == 0)
		_exit(writer(&w));
	for (; waitpid(child, &status, WNOHANG) == 0; starts++)
		CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CU_ASSERT(starts > 0);
	s = opened(&w);
	CU_ASSERT_EQUAL(hl_test_store_generation(s), 5 + COMMITS);
	hsm_sqlite_close(s);
}

/* -- rights and room ------------------------------------------------------------------------------------------ */

#define NOBODY 65534

/* As somebody whom modes hold back, which they do not do for root. */
static int unwritable(const struct hl_test_store *w)
{
	struct hsm_sqlite *s = NULL;

	if (geteuid() == 0 && (chown(w->folder.path, NOBODY, NOBODY) != 0 || chown(w->path, NOBODY, NOBODY) != 0 ||
		chown(w->guard, NOBODY, NOBODY) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
		return 1;
	if (hl_test_store_open(w, &s) != HL_OK)
		return 2;
	hsm_sqlite_close(s);
	if (chmod(w->path, 0400) != 0 || hl_test_store_refusal(w) != HL_E_STORE)
		return 3;
	if (chmod(w->path, 0000) != 0 || hl_test_store_refusal(w) != HL_E_STORE)
		return 4;
	if (chmod(w->path, 0600) != 0 || chmod(w->guard, 0400) != 0 || hl_test_store_refusal(w) != HL_E_IO)
		return 5;
	return chmod(w->guard, 0600) == 0 && hl_test_store_refusal(w) == HL_OK ? 0 : 6;
}

static void files_that_may_not_be_written_are_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	int status = 0;
	pid_t child;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	child = fork();
	if (child == 0)
		_exit(unwritable(&w));
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

/* Make objects until one is refused; how it is. */
static hl_err fill(struct hsm_sqlite *s, uint64_t first, uint64_t *last)
{
	static const char large[2048] = { [0 ... 2046] = 'x' };
	hl_err rc = HL_OK;

	for (*last = first; rc == HL_OK && *last < first + 1000; ++*last)
		rc = hl_test_store_put(s, *last, 1, large);
	return rc;
}

/* A quota says EDQUOT, a limit EFBIG, a disk ENOSPC: the limit is the one that anybody can set. */
static void a_file_that_may_not_grow_is_a_full_disk(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct rlimit old, small;
	struct hsm_sqlite *s;
	uint64_t last;

	hl_test_store_begin(&w);
	hl_test_store_used(&w);
	s = opened(&w);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	small = (struct rlimit){ 100000, old.rlim_max };
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
	CU_ASSERT_EQUAL(fill(s, 100, &last), HL_E_FULL);
	CU_ASSERT_EQUAL(fill(s, last + 1, &last), HL_E_FULL); /* and still */
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &old), 0);
	CU_ASSERT_EQUAL(hl_test_store_generation(s), hl_test_store_kept(&w).generation);
	CU_ASSERT_EQUAL(hl_test_store_put(s, last + 1, 1, "there is room again"), HL_OK);
	hsm_sqlite_close(s);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK);
}

static CU_TestInfo tests[] = {
	{ "a log that lacks what was acknowledged is refused", a_log_that_lacks_what_was_acknowledged_is_refused },
	{ "a store that was cut is never begun anew", a_store_that_was_cut_is_never_begun_anew },
	{ "a log alone is no new store", a_log_alone_is_no_new_store },
	{ "an emptied store is refused", an_emptied_store_is_refused },
	{ "a used store without its guard is refused", a_used_store_without_its_guard_is_refused },
	{ "a new store whose guard was not made yet gets one", a_new_store_whose_guard_was_not_made_yet_gets_one },
	{ "another device key is told", another_device_key_is_told },
	{ "a crash between commit and guard is mended", a_crash_between_commit_and_guard_is_mended },
	{ "a guard that fails leaves nothing acknowledged", a_guard_that_fails_leaves_nothing_acknowledged },
	{ "a guard that cannot be read stops the commit before it is made",
		a_guard_that_cannot_be_read_stops_the_commit_before_it_is_made },
	{ "a guard that another holds makes busy and not unsure",
		a_guard_that_another_holds_makes_busy_and_not_unsure },
	{ "members start while others write", members_start_while_others_write },
	{ "files that may not be written are refused", files_that_may_not_be_written_are_refused },
	{ "a file that may not grow is a full disk", a_file_that_may_not_grow_is_a_full_disk },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("crash_store", tests)
