#include "hsm/device_store.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hsm/seal.h"
#include "tests/support/folder.h"
#include "tests/support/test.h"

struct world {
	struct hl_test_folder folder;
	char path[PATH_MAX];
};

static void world_begin(struct world *w)
{
	CU_ASSERT_FATAL(hl_test_folder_make(&w->folder));
	hl_test_folder_file(&w->folder, "device.key", w->path);
}

static void world_end(struct world *w)
{
	hl_test_folder_remove(&w->folder);
}

static void a_new_store_gets_a_key_that_stays(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	HL_AUTO(hl_secret_clear) struct hl_secret one = { 0 }, two = { 0 };
	uint8_t zero[HSM_DEVICE_KEY] = { 0 };
	mode_t old = umask(0);

	world_begin(&w);
	CU_ASSERT_EQUAL(hsm_device_key_load(w.path, true, &one), HL_OK);
	umask(old);
	CU_ASSERT_EQUAL_FATAL(one.n, HSM_DEVICE_KEY);
	CU_ASSERT_NOT_EQUAL(memcmp(one.p, zero, sizeof zero), 0);
	CU_ASSERT_EQUAL(hl_test_file_mode(w.path), 0600);
	CU_ASSERT_EQUAL(
		hl_test_folder_count(&w.folder, "device.key"), 1); /* and nothing beside it */
	CU_ASSERT_EQUAL(hsm_device_key_load(w.path, false, &two), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&one), hl_secret_view(&two)));
	/* A first start that ended before the store had its first row. */
	CU_ASSERT_EQUAL(hsm_device_key_load(w.path, true, &two), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&one), hl_secret_view(&two)));
	hl_secret_clear(&two);
}

static void a_used_store_without_its_key_is_told(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	HL_AUTO(hl_secret_clear) struct hl_secret key = { 0 };

	world_begin(&w);
	CU_ASSERT_EQUAL(hsm_device_key_load(w.path, false, &key), HL_E_STORE_KEY);
	CU_ASSERT_EQUAL(hl_test_file_mode(w.path), 0); /* none is made up */
	CU_ASSERT_EQUAL(key.n, 0);
}

static void a_key_of_another_length_is_refused(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	HL_AUTO(hl_secret_clear) struct hl_secret key = { 0 };
	uint8_t bytes[HSM_DEVICE_KEY + 1] = { 1 };

	world_begin(&w);
	for (size_t n = 0; n <= sizeof bytes; n++) {
		CU_ASSERT(hl_test_file_write(w.path, bytes, n, 0600));
		CU_ASSERT_EQUAL(hsm_device_key_load(w.path, n % 2 == 0, &key),
			n == HSM_DEVICE_KEY ? HL_OK : HL_E_STORE_KEY);
	}
}

static void open_modes_are_refused(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	HL_AUTO(hl_secret_clear) struct hl_secret key = { 0 };
	char path[PATH_MAX];

	world_begin(&w);
	CU_ASSERT_EQUAL(hsm_device_key_load(w.path, true, &key), HL_OK);
	CU_ASSERT_EQUAL(chmod(w.path, 0604), 0);
	CU_ASSERT_EQUAL(hsm_device_key_load(w.path, false, &key), HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(w.path, 0400), 0); /* read-only is private too */
	CU_ASSERT_EQUAL(hsm_device_key_load(w.path, false, &key), HL_OK);
	CU_ASSERT_EQUAL(chmod(w.folder.path, 0710), 0);
	CU_ASSERT_EQUAL(hsm_device_key_load(w.path, false, &key), HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(w.folder.path, 0700), 0);
	hl_test_folder_file(&w.folder, "elsewhere", path);
	CU_ASSERT_EQUAL(rename(w.path, path), 0);
	CU_ASSERT_EQUAL(symlink(path, w.path), 0);
	CU_ASSERT_EQUAL(hsm_device_key_load(w.path, false, &key), HL_E_MODE);
	snprintf(w.path, sizeof w.path, "%s/none/device.key", w.folder.path);
	CU_ASSERT_EQUAL(hsm_device_key_load(w.path, true, &key), HL_E_CREATE);
}

static void members_that_come_at_once_get_one_key(void)
{
	HL_AUTO(world_end) struct world w = { 0 };
	HL_AUTO(hl_secret_clear) struct hl_secret key = { 0 };
	uint8_t told[HSM_DEVICE_KEY];
	int out[2];
	pid_t pid;

	world_begin(&w);
	for (unsigned round = 0; round < 20; round++) {
		unlink(w.path);
		CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
		pid = fork();
		if (pid == 0) {
			if (hsm_device_key_load(w.path, true, &key) != HL_OK)
				_exit(1);
			_exit(write(out[1], key.p, key.n) == (ssize_t)key.n ? 0 : 2);
		}
		close(out[1]);
		CU_ASSERT_EQUAL(hsm_device_key_load(w.path, true, &key), HL_OK);
		CU_ASSERT_EQUAL(read(out[0], told, sizeof told), HSM_DEVICE_KEY);
		CU_ASSERT(hl_bytes_eq(hl_secret_view(&key), hl_bytes(told, sizeof told)));
		CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
		close(out[0]);
	}
}

static CU_TestInfo tests[] = {
	{ "a new store gets a key that stays", a_new_store_gets_a_key_that_stays },
	{ "a used store without its key is told", a_used_store_without_its_key_is_told },
	{ "a key of another length is refused", a_key_of_another_length_is_refused },
	{ "files and folders open to others are refused", open_modes_are_refused },
	{ "members that come at once get one key", members_that_come_at_once_get_one_key },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("device_store", tests)
