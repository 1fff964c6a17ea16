/* How a member of the service ends. */
#include "lib/os/member.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/os/log.h"
#include "tests/support/test.h"

static const struct hl_daemon_spec spec = {
	.program = "hsmlet-toy",
	.role = "toy",
	.what = "A member that does nothing.",
	.example = { "hsmlet-toy --config toy.cfg", "hsmlet-toy --version" },
};

/* A job that lasts until the other end of `fd` is closed. */
struct held {
	struct hl_job job;
	int fd;
};

static void run_held(struct hl_job *j)
{
	char byte;

	while (read(((struct held *)j)->fd, &byte, 1) > 0)
		;
}

static void on_told(struct hl_jobs_owner *owner, struct hl_job *j)
{
	(void)owner, (void)j;
}

static int member_main(int ready, int hold)
{
	char fd[16];
	char *argv[] = { "hsmlet-toy", "--ready-fd", fd, NULL };
	struct hl_member m = { 0 };
	struct hl_member_conf conf = { .name = "toy1" };
	struct hl_os_env_config env = { .role = "toy", .who = "toy1" };
	struct hl_jobs_owner owner = { on_told };
	struct held held = { .job = { .run = run_held, .lane = HL_LANE_CPU }, .fd = hold };
	hl_err err;

	snprintf(fd, sizeof fd, "%d", ready);
	hl_daemon_options(&m.daemon, &spec, 3, argv);
	err = hl_daemon_protect(&m.daemon);
	if (err == HL_OK)
		err = hl_os_env_open(&m.env, &env);
	if (err == HL_OK)
		err = hl_jobs_new(m.daemon.loop, &m.jobs);
	if (err == HL_OK) {
		m.daemon.jobs = m.jobs;
		hl_jobs_submit(m.jobs, &held.job, &owner);
		err = hl_member_run(&m, &conf, 0);
	}
	return hl_member_end(&m, err);
}

static void a_job_that_does_not_end_does_not_keep_it(void)
{
	int ready[2], hold[2], status = -1;
	char line[16] = "";
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(ready) | pipe(hold), 0);
	pid = fork();
	if (pid == 0) {
		close(hold[1]);
		hl_log_fd(-1);
		alarm(20); /* a member that never ends must not hold up the tests */
		_exit(member_main(ready[1], hold[0]));
	}
	close(ready[1]);
	CU_ASSERT_EQUAL(read(ready[0], line, sizeof line - 1), 6);
	CU_ASSERT_STRING_EQUAL(line, "ready\n");
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(ready[0]);
	close(hold[0]);
	close(hold[1]);
}

static CU_TestInfo tests[] = {
	{ "a job that does not end does not keep it", a_job_that_does_not_end_does_not_keep_it },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("member", tests)
