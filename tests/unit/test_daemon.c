#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ev.h>

#include "lib/os/daemon.h"
#include "lib/os/files.h"
#include "lib/os/jobs.h"

static const struct hl_daemon_spec spec = {
	.program = "hsmlet-toy",
	.role = "toy",
	.what = "A daemon that does nothing.",
	.example = { "hsmlet-toy --config toy.cfg", "hsmlet-toy --version" },
};

/* -- a daemon in a child process ------------------------------------------------------------- */

struct child {
	pid_t pid;
	int out;  /* what it prints, its readiness line included */
	int life; /* the other end of its --die-with-fd */
	int hold; /* its job waits until this is closed */
};

/* A job that lasts until the other end of `hold` is closed. */
struct held {
	struct hl_job job;
	int fd;
	bool told;
};

static void run_held(struct hl_job *j)
{
	struct held *h = (struct held *)j;
	char byte;

	while (read(h->fd, &byte, 1) > 0)
		;
}

static void on_told(struct hl_jobs_owner *owner, struct hl_job *j)
{
	(void)owner;
	((struct held *)j)->told = true;
}

/* What hl_daemon_protect() promises, seen from inside: 0, or which promise is broken. */
static int broken_promise(const struct hl_daemon *d)
{
	struct rlimit core;
	struct sigaction hup;

	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0)
		return 21;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != (d->dumpable ? 1 : 0))
		return 22;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 23;
	if (umask(077) != 077)
		return 24;
	if (sigaction(SIGHUP, NULL, &hup) != 0 || hup.sa_handler != SIG_IGN)
		return 25;
	return 0;
}

static int daemon_main(int argc, char **argv, unsigned port, int hold)
{
	struct hl_daemon d;
	struct hl_jobs_owner owner = { on_told };
	struct held held = { .job = { .run = run_held, .lane = HL_LANE_STORE }, .fd = hold };
	int broken;

	hl_daemon_options(&d, &spec, argc, argv);
	if (hl_daemon_protect(&d) != HL_OK || hl_jobs_new(d.loop, &d.jobs) != HL_OK)
		return 20;
	broken = broken_promise(&d);
	if (broken)
		return broken;
	hl_jobs_submit(d.jobs, &held.job, &owner);
	if (hl_daemon_ready(&d, port) != HL_OK)
		return 26;
	hl_daemon_run(&d);
	if (held.told)
		hl_jobs_free(d.jobs);
	return held.told ? 0 : 27;
}

/* `more` ends with NULL; the descriptors of readiness and life come on top. */
static void start(struct child *c, unsigned port, char **more)
{
	int out[2], life[2], hold[2];
	char ready_fd[16], die_fd[16];
	char *argv[16] = { "hsmlet-toy", "--ready-fd", ready_fd, "--die-with-fd", die_fd, NULL };
	int argc = 5, status;

	CU_ASSERT_EQUAL_FATAL(pipe(out) | pipe(life) | pipe(hold), 0);
	snprintf(ready_fd, sizeof ready_fd, "%d", out[1]);
	snprintf(die_fd, sizeof die_fd, "%d", life[0]);
	for (; *more; more++)
		argv[argc++] = *more;
	c->pid = fork();
	if (c->pid == 0) {
		close(out[0]);
		close(life[1]);
		close(hold[1]);
		dup2(out[1], STDOUT_FILENO);
		hl_log_fd(-1);
		alarm(60); /* a daemon that never ends must not hold up the tests */
		status = daemon_main(argc, argv, port, hold[0]);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* a leak checker looks in at the end */
		_exit(status);
	}
	close(out[1]);
	close(life[0]);
	close(hold[0]);
	c->out = out[0];
	c->life = life[1];
	c->hold = hold[1];
}

static const char *heard(struct child *c)
{
	static char text[4096];
	ssize_t n = read(c->out, text, sizeof text - 1);

	text[n > 0 ? n : 0] = 0;
	return text;
}

/* Up to the end of its output. */
static const char *all_heard(struct child *c)
{
	static char text[8192];
	size_t n = 0;
	ssize_t got;

	while ((got = read(c->out, text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	return text;
}

static int ended(struct child *c)
{
	int status = -1;

	waitpid(c->pid, &status, 0);
	close(c->out);
	if (c->life >= 0)
		close(c->life);
	if (c->hold >= 0)
		close(c->hold);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void let_go(int *fd)
{
	close(*fd);
	*fd = -1;
}

/* -- tests ----------------------------------------------------------------------------------- */

static void it_says_that_it_is_ready_and_ends_on_sigterm(void)
{
	struct child c;

	start(&c, 2310, (char *[]){ "--name", "toy1", NULL });
	CU_ASSERT_STRING_EQUAL(heard(&c), "2310\n");
	kill(c.pid, SIGHUP); /* ignored */
	kill(c.pid, SIGTERM);
	let_go(&c.hold);
	CU_ASSERT_EQUAL(ended(&c), 0);
}

static void it_ends_with_who_started_it(void)
{
	struct child c;

	start(&c, 0, (char *[]){ "--dumpable", NULL });
	CU_ASSERT_STRING_EQUAL(heard(&c), "ready\n");
	CU_ASSERT_EQUAL(write(c.life, "x", 1), 1); /* only the end counts */
	let_go(&c.life);
	let_go(&c.hold);
	CU_ASSERT_EQUAL(ended(&c), 0);
}

static void a_job_that_does_not_end_holds_it_for_a_second(void)
{
	struct child c;

	start(&c, 0, (char *[]){ NULL });
	CU_ASSERT_STRING_EQUAL(heard(&c), "ready\n");
	kill(c.pid, SIGINT);
	CU_ASSERT_EQUAL(ended(&c), 27);
}

static void help_begins_with_examples(void)
{
	struct child c;
	const char *help, *example, *option;

	start(&c, 0, (char *[]){ "--help", NULL });
	help = all_heard(&c);
	example = strstr(help, "hsmlet-toy --config toy.cfg\n  hsmlet-toy --version\n");
	option = strstr(help, "--ready-fd");
	CU_ASSERT(example && option && example < option);
	CU_ASSERT_PTR_NOT_NULL(strstr(help, "simulator"));
	CU_ASSERT_EQUAL(ended(&c), 0);

	start(&c, 0, (char *[]){ "--version", NULL });
	CU_ASSERT_PTR_NOT_NULL(strstr(all_heard(&c), "not protected by hardware"));
	CU_ASSERT_EQUAL(ended(&c), 0);
}

static void a_wrong_command_line_ends_with_2(void)
{
	static char *const wrong[][3] = {
		{ "--no-such-option", NULL },
		{ "an operand", NULL },
		{ "--name", "no/slashes", NULL },
		{ "--name", ".", NULL },
		{ "--log-level", "loud", NULL },
		{ "--ready-fd", "999999", NULL },
		{ "--ready-fd", "1x", NULL },
		{ "--die-with-fd", "-1", NULL },
	};
	int quiet = dup(STDERR_FILENO);

	CU_ASSERT_PTR_NOT_NULL_FATAL(freopen("/dev/null", "w", stderr));
	for (size_t i = 0; i < HL_COUNT(wrong); i++) {
		char *more[3] = { wrong[i][0], wrong[i][1], NULL };
		struct child c;

		start(&c, 0, more);
		CU_ASSERT_EQUAL(ended(&c), 2);
	}
	fflush(stderr);
	dup2(quiet, STDERR_FILENO);
	close(quiet);
}

static void a_lock_that_is_held_is_told(void)
{
	struct hl_daemon d = { .spec = &spec };
	char path[] = "/tmp/hsmlet-daemon-XXXXXX";
	int fd = mkstemp(path), status = -1;
	pid_t pid;

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	hl_log_fd(-1);
	CU_ASSERT_EQUAL(hl_daemon_lock(&d, path), HL_OK);
	pid = fork();
	if (pid == 0)
		_exit(hl_daemon_fail(&d, hl_daemon_lock(&d, path), path));
	waitpid(pid, &status, 0);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == hl_err_row(HL_E_BUSY)->exit_code);
	hl_log_fd(STDERR_FILENO);
	unlink(path);
}

static int drops(const char *user, bool dumpable)
{
	struct hl_daemon d = { .spec = &spec, .dumpable = dumpable };
	hl_err err = hl_daemon_drop(&d, user);

	if (err != HL_OK)
		return err == HL_E_CONFIG ? 2 : 3;
	if (geteuid() == 0 || getegid() == 0 || setuid(0) == 0)
		return 4;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == (dumpable ? 1 : 0) ? 0 : 5;
}

static int drops_in_child(const char *user, bool dumpable)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		hl_log_fd(-1);
		_exit(drops(user, dumpable));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void rights_of_root_are_dropped_for_good(void)
{
	struct hl_daemon d = { .spec = &spec };

	CU_ASSERT_EQUAL(hl_daemon_drop(&d, NULL), HL_OK);
	CU_ASSERT_EQUAL(hl_daemon_drop(&d, ""), HL_OK);
	if (geteuid() != 0) {
		CU_ASSERT_EQUAL(hl_daemon_drop(&d, "nobody"), HL_OK); /* nothing to drop */
		return;
	}
	CU_ASSERT_EQUAL(drops_in_child("nobody", false), 0);
	CU_ASSERT_EQUAL(drops_in_child("nobody", true), 0);
	CU_ASSERT_EQUAL(drops_in_child("no such user", false), 2);
}

static CU_TestInfo tests[] = {
	{ "it says that it is ready and ends on SIGTERM",
		it_says_that_it_is_ready_and_ends_on_sigterm },
	{ "it ends with who started it", it_ends_with_who_started_it },
	{ "a job that does not end holds it for a second",
		a_job_that_does_not_end_holds_it_for_a_second },
	{ "help begins with examples", help_begins_with_examples },
	{ "a wrong command line ends with 2", a_wrong_command_line_ends_with_2 },
	{ "a lock that is held is told", a_lock_that_is_held_is_told },
	{ "rights of root are dropped for good", rights_of_root_are_dropped_for_good },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("daemon", tests)
