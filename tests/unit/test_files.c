#include "tests/support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/os/clock.h"
#include "lib/os/files.h"

static char folder[32], path[64];

static void in_a_new_folder(void)
{
	strcpy(folder, "/tmp/hsmlet-files-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/file", folder);
}

static void and_away(void)
{
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(folder), 0); /* nothing else was left in it */
}

static mode_t mode_of(const char *name)
{
	struct stat st = { 0 };

	CU_ASSERT_EQUAL(stat(name, &st), 0);
	return st.st_mode & 07777;
}

static void what_is_written_is_read(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf b = hl_buf(1 << 20);
	static uint8_t much[100001];

	in_a_new_folder();
	CU_ASSERT_EQUAL(hl_file_read(path, 10, &b), HL_E_NOT_FOUND);
	for (size_t i = 0; i < sizeof much; i++)
		much[i] = (uint8_t)(i * 3);
	umask(077);
	CU_ASSERT_EQUAL(hl_file_write(path, 0640, hl_bytes(much, sizeof much)), HL_OK);
	CU_ASSERT_EQUAL(mode_of(path), 0640);
	CU_ASSERT_EQUAL(hl_file_read(path, sizeof much, &b), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&b), hl_bytes(much, sizeof much)));
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_text("short")), HL_OK);
	hl_buf_reset(&b);
	CU_ASSERT_EQUAL(hl_file_read(path, 5, &b), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&b), hl_text("short")));
	CU_ASSERT_EQUAL(mode_of(path), 0600);
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_text("")), HL_OK);
	hl_buf_reset(&b);
	CU_ASSERT_EQUAL(hl_file_read(path, 0, &b), HL_OK);
	CU_ASSERT_EQUAL(b.n, 0);
	and_away();
}

static void a_file_that_is_too_long_is_refused(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf b = hl_buf(100), small = hl_buf(3);

	in_a_new_folder();
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_text("12345")), HL_OK);
	CU_ASSERT_EQUAL(hl_file_read(path, 4, &b), HL_E_TOO_LONG);
	CU_ASSERT_EQUAL(hl_file_read(path, 100, &small), HL_E_TOO_LONG);
	and_away();
}

static void a_failed_write_leaves_the_old_file(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf b = hl_buf(100);
	char inside[80];

	in_a_new_folder();
	snprintf(inside, sizeof inside, "%s/none/x", folder);
	CU_ASSERT_EQUAL(hl_file_write(inside, 0600, hl_text("x")), HL_E_CREATE);
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_text("old")), HL_OK);
	CU_ASSERT_EQUAL(hl_file_write(folder, 0600, hl_text("new")), HL_E_CREATE);
	CU_ASSERT_EQUAL(hl_file_read(path, 100, &b), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&b), hl_text("old")));
	and_away();
}

static void folders_are_made_with_all_above_them(void)
{
	char a[64], ab[64], abc[80];

	in_a_new_folder();
	snprintf(a, sizeof a, "%s/a", folder);
	snprintf(ab, sizeof ab, "%s/a/b", folder);
	snprintf(abc, sizeof abc, "%s/a//b/c/", folder);
	CU_ASSERT_EQUAL(hl_folder_make(abc, 0700), HL_OK);
	CU_ASSERT_EQUAL(mode_of(abc), 0700);
	CU_ASSERT_EQUAL(chmod(a, 0755), 0);
	CU_ASSERT_EQUAL(hl_folder_make(abc, 0700), HL_OK);
	CU_ASSERT_EQUAL(mode_of(a), 0755);
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_text("x")), HL_OK);
	CU_ASSERT_EQUAL(hl_folder_make(path, 0700), HL_E_CREATE);
	CU_ASSERT_EQUAL(hl_folder_make("", 0700), HL_E_CREATE);
	rmdir(abc);
	rmdir(ab);
	rmdir(a);
	and_away();
}

static void every_mode_is_judged(void)
{
	HL_AUTO(hl_buf_clear) struct hl_buf b = hl_buf(100);

	in_a_new_folder();
	CU_ASSERT_EQUAL(hl_file_private(path, HL_SECRET_OF_DAEMON), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_text("secret")), HL_OK);
	for (mode_t mode = 0400; mode <= 0777; mode++) {
		hl_err daemon = (mode & 0177) ? HL_E_MODE : HL_OK;
		hl_err client = (mode & 0137) ? HL_E_MODE : HL_OK;

		CU_ASSERT_EQUAL(chmod(path, mode), 0);
		CU_ASSERT_EQUAL(hl_file_private(path, HL_SECRET_OF_DAEMON), daemon);
		CU_ASSERT_EQUAL(hl_file_private(path, HL_SECRET_OF_CLIENT), client);
		hl_buf_reset(&b);
		CU_ASSERT_EQUAL(hl_file_read_private(path, HL_SECRET_OF_CLIENT, 100, &b), client);
		CU_ASSERT_EQUAL(b.n, client == HL_OK ? 6 : 0);
	}
	CU_ASSERT_EQUAL(hl_file_private(folder, HL_SECRET_OF_CLIENT), HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		CU_ASSERT_EQUAL(chown(path, 12345, (gid_t)-1), 0);
		CU_ASSERT_EQUAL(hl_file_private(path, HL_SECRET_OF_DAEMON), HL_E_MODE);
		CU_ASSERT_EQUAL(hl_file_private(path, HL_SECRET_OF_CLIENT), HL_E_MODE);
	}
	and_away();
}

/* The child's verdict comes back as its exit status. */
static int in_child(int (*verdict)(pid_t parent))
{
	pid_t parent = getpid(), pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(verdict(parent));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int sees_the_lock(pid_t parent)
{
	pid_t holder = 0;

	if (hl_lock_take(path) != HL_E_BUSY)
		return 1;
	return hl_lock_holder(path, &holder) == HL_OK && holder == parent ? 0 : 2;
}

static int takes_the_lock(pid_t parent)
{
	(void)parent;
	return hl_lock_take(path) == HL_OK ? 0 : 1;
}

static void a_lock_lives_as_long_as_its_process(void)
{
	pid_t holder = 0;

	in_a_new_folder();
	CU_ASSERT_EQUAL(hl_lock_holder(path, &holder), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(in_child(takes_the_lock), 0); /* and it ends with the child */
	CU_ASSERT_EQUAL(hl_lock_holder(path, &holder), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(hl_lock_take(path), HL_OK);
	CU_ASSERT_EQUAL(mode_of(path), 0600);
	CU_ASSERT_EQUAL(in_child(sees_the_lock), 0);
	/* Asking does not open the file a second time, which would end the lock. */
	CU_ASSERT_EQUAL(hl_lock_holder(path, &holder), HL_OK);
	CU_ASSERT_EQUAL(holder, getpid());
	CU_ASSERT_EQUAL(hl_lock_take(path), HL_OK);
	CU_ASSERT_EQUAL(in_child(sees_the_lock), 0);
	and_away();
}

static void the_clock_of_a_world_moves_for_all(void)
{
	struct hl_clock here = { 0 }, none = { 0 };
	int64_t offset = 0, before;

	in_a_new_folder();
	CU_ASSERT_EQUAL(hl_clock_open(&here, path), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(hl_clock_open(&none, ""), HL_OK);
	CU_ASSERT_EQUAL(hl_clock_create(path), HL_OK);
	CU_ASSERT_EQUAL(hl_clock_create(path), HL_E_EXISTS);
	CU_ASSERT_EQUAL(mode_of(path), 0600);
	CU_ASSERT_EQUAL_FATAL(hl_clock_open(&here, path), HL_OK);
	before = hl_clock_wall_ms(&none);
	CU_ASSERT_EQUAL(hl_clock_advance(path, 8LL * 86400000, &offset), HL_OK);
	CU_ASSERT_EQUAL(hl_clock_advance(path, -1000, &offset), HL_OK);
	CU_ASSERT_EQUAL(offset, 8LL * 86400000 - 1000);
	CU_ASSERT(hl_clock_wall_ms(&here) - before >= offset);
	CU_ASSERT(hl_clock_wall_ms(&here) - before < offset + 60000);
	CU_ASSERT_EQUAL(hl_clock_advance(path, INT64_MAX, &offset), HL_E_RANGE);
	CU_ASSERT_EQUAL(hl_clock_set(path, 0), HL_OK);
	CU_ASSERT(hl_clock_wall_ms(&here) - before < 60000);
	CU_ASSERT(hl_clock_mono_us() <= hl_clock_mono_us());
	hl_clock_close(&here);
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_text("no clock page at")), HL_OK);
	CU_ASSERT_EQUAL(hl_clock_open(&here, path), HL_E_CONFIG);
	CU_ASSERT_EQUAL(hl_file_write(path, 0600, hl_text("short")), HL_OK);
	CU_ASSERT_EQUAL(hl_clock_open(&here, path), HL_E_CONFIG);
	and_away();
}

static CU_TestInfo tests[] = {
	{ "what is written is read", what_is_written_is_read },
	{ "a file that is too long is refused", a_file_that_is_too_long_is_refused },
	{ "a failed write leaves the old file", a_failed_write_leaves_the_old_file },
	{ "folders are made with all above them", folders_are_made_with_all_above_them },
	{ "every mode is judged", every_mode_is_judged },
	{ "a lock lives as long as its process", a_lock_lives_as_long_as_its_process },
	{ "the clock of a world moves for all", the_clock_of_a_world_moves_for_all },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("files", tests)
