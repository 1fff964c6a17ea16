/* Credential files on their way to the folder: both or none. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory/shell.h"
#include "lib/os/files.h"
#include "tests/support/folder.h"
#include "tests/support/test.h"

static struct hl_test_folder folder;

static void delivery(struct dir_delivery *d, const char *first, const char *second)
{
	const char *name[] = { first, second };

	*d = (struct dir_delivery){ .result = HL_E_DEFER };
	for (size_t i = 0; i < HL_COUNT(name); i++) {
		snprintf(d->file[i].name, sizeof d->file[i].name, "%s", name[i]);
		d->file[i].text = hl_buf(4096);
		hl_buf_text(&d->file[i].text, name[i]);
	}
}

static hl_err hand_over(struct dir_delivery *d)
{
	struct dir_mailbox box = dir_folder_mailbox(folder.path);

	box.prepare(box.at, d);
	CU_ASSERT_EQUAL(d->job.lane, HL_LANE_STORE);
	d->job.run(&d->job);
	return d->result;
}

static void clear(struct dir_delivery *d)
{
	for (size_t i = 0; i < HL_COUNT(d->file); i++)
		hl_buf_clear(&d->file[i].text);
}

static bool holds(const char *path, const char *text)
{
	HL_AUTO(hl_buf_clear) struct hl_buf got = hl_buf(4096);

	return hl_file_read_private(path, HL_SECRET_OF_DAEMON, 4096, &got) == HL_OK &&
		hl_bytes_eq(hl_buf_view(&got), hl_text(text));
}

static void both_files_arrive_and_can_be_taken_back(void)
{
	struct dir_delivery d;

	CU_ASSERT_FATAL(hl_test_folder_make(&folder));
	delivery(&d, "one.txt", "two.txt");
	CU_ASSERT_EQUAL(hand_over(&d), HL_OK);
	CU_ASSERT(holds(d.file[0].path, "one.txt"));
	CU_ASSERT(holds(d.file[1].path, "two.txt"));
	d.withdraw = true;
	CU_ASSERT_EQUAL(hand_over(&d), HL_OK);
	CU_ASSERT_EQUAL(hl_test_folder_count(&folder, ""), hl_test_folder_count(&folder, "."));
	CU_ASSERT_EQUAL(hand_over(&d), HL_OK); /* nothing is left to do */
	clear(&d);
	hl_test_folder_remove(&folder);
}

static void where_the_second_cannot_be_written_the_first_does_not_stay(void)
{
	struct dir_delivery d;
	char path[PATH_MAX];

	CU_ASSERT_FATAL(hl_test_folder_make(&folder));
	hl_test_folder_file(&folder, "two.txt", path);
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0); /* a folder stands in the way */
	delivery(&d, "one.txt", "two.txt");
	CU_ASSERT_NOT_EQUAL(hand_over(&d), HL_OK);
	CU_ASSERT_EQUAL(hl_test_folder_count(&folder, "one"), 0);
	clear(&d);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	hl_test_folder_remove(&folder);
}

static CU_TestInfo tests[] = {
	{ "both files arrive and can be taken back", both_files_arrive_and_can_be_taken_back },
	{ "where the second cannot be written the first does not stay", where_the_second_cannot_be_written_the_first_does_not_stay },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("mailbox", tests)
