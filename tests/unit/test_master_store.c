/* The lock of the master, among processes. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hsm/core.h"
#include "tests/support/folder.h"
#include "tests/support/test.h"

static struct hl_test_folder folder;
static char path[PATH_MAX];

static hl_err take(void)
{
	struct hsm_master m = hsm_master_file(path);

	return m.ops->take(m.at);
}

static hl_err lives(void)
{
	struct hsm_master m = hsm_master_file(path);

	return m.ops->lives(m.at);
}

/* A member in a process of its own takes the lock, and has a child that stays. */
struct member {
	pid_t pid;
	int told, stay;
};

static void live(int tell, int stay)
{
	uint8_t taken = take() == HL_OK && lives() == HL_OK;
	pid_t child = fork();
	char c;

	if (child == 0) {
		close(tell);
		_exit(read(stay, &c, 1) == 0 ? 0 : 1);
	}
	if (write(tell, &taken, 1) != 1 || read(stay, &c, 1) != 0)
		_exit(1);
	_exit(0);
}

static bool start(struct member *m)
{
	int told[2], stay[2];
	uint8_t taken = 0;

	if (pipe(told) != 0 || pipe(stay) != 0)
		return false;
	m->pid = fork();
	if (m->pid == 0) {
		close(told[0]);
		close(stay[1]);
		live(told[1], stay[0]);
	}
	close(told[1]);
	close(stay[0]);
	m->told = told[0];
	m->stay = stay[1];
	return read(m->told, &taken, 1) == 1 && taken == 1;
}

/* The member is killed; its child goes when the pipe is closed. */
static void kill_member(struct member *m)
{
	kill(m->pid, SIGKILL);
	waitpid(m->pid, NULL, 0);
	close(m->told);
}

static void one_is_master_until_it_dies(void)
{
	struct member m = { .told = -1, .stay = -1 };

	CU_ASSERT_FATAL(hl_test_folder_make(&folder));
	hl_test_folder_file(&folder, "master", path);
	CU_ASSERT_EQUAL(lives(), HL_E_MASTER); /* there is not even a file */
	CU_ASSERT(start(&m));
	CU_ASSERT_EQUAL(lives(), HL_OK);
	CU_ASSERT_EQUAL(take(), HL_E_BUSY);
	kill_member(&m);
	CU_ASSERT_EQUAL(lives(), HL_E_MASTER); /* though its child lives: it did not inherit the lock */
	CU_ASSERT_EQUAL(take(), HL_OK);
	CU_ASSERT_EQUAL(lives(), HL_OK);
	CU_ASSERT_EQUAL(hl_test_file_mode(path), 0600);
	close(m.stay);
	hl_test_folder_remove(&folder);
}

static void a_folder_open_to_others_is_refused(void)
{
	CU_ASSERT_FATAL(hl_test_folder_make(&folder));
	hl_test_folder_file(&folder, "master", path);
	CU_ASSERT_EQUAL(chmod(folder.path, 0755), 0);
	CU_ASSERT_EQUAL(take(), HL_E_MODE);
	CU_ASSERT_EQUAL(lives(), HL_E_MASTER);
	CU_ASSERT_EQUAL(chmod(folder.path, 0700), 0);
	hl_test_folder_file(&folder, "none/master", path);
	CU_ASSERT_EQUAL(take(), HL_E_CREATE);
	hl_test_folder_remove(&folder);
}

static CU_TestInfo tests[] = {
	{ "one is master until it dies", one_is_master_until_it_dies },
	{ "a folder open to others is refused", a_folder_open_to_others_is_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("master_store", tests)
