#include "tests/support/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/live_impl.h"
#include "tests/support/test.h"

#define VARIABLES 256
#define WORDS 16

extern char **environ;

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Ours, without what would lead the command to another world. */
static void make_environment(char *conf, char *secrets, char *out[VARIABLES])
{
	size_t n = 0;

	for (char **at = environ; *at && n < VARIABLES - 3; at++)
		if (!begins(*at, "HSMLET_") && !begins(*at, "SECUROSYS_"))
			out[n++] = *at;
	out[n++] = conf;
	out[n++] = secrets;
	out[n] = NULL;
}

static pid_t spawn(const char *program, char *const argv[], char *const env[], int err)
{
	posix_spawn_file_actions_t files;
	pid_t pid = -1;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, err, 2);
	if (posix_spawn(&pid, program, &files, NULL, argv, env) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&files);
	return pid;
}

/* All that it says, until it has ended. False: it takes too long. */
static bool listen_to(int fd, char out[COMMAND_TEXT])
{
	int64_t deadline = live_deadline();
	size_t n = 0;

	for (;;) {
		char dropped[256];
		bool room = n < COMMAND_TEXT - 1;
		ssize_t got = -1;

		if (live_poll(fd, POLLIN, deadline))
			got = room ? read(fd, out + n, COMMAND_TEXT - 1 - n) : read(fd, dropped, sizeof dropped);
		if (got <= 0) {
			out[n] = 0;
			return got == 0;
		}
		n += room ? (size_t)got : 0;
	}
}

/* Valgrind, where it runs around the command, tells on its stderr which calls of the system it does not know. */
static void drop_notes(char text[COMMAND_TEXT])
{
	char *to = text;

	for (char *line = text; *line;) {
		size_t n = strcspn(line, "\n");

		n += line[n] == '\n';
		if (!begins(line, "--")) {
			memmove(to, line, n);
			to += n;
		}
		line += n;
	}
	*to = 0;
}

static bool await(pid_t pid, int fd, struct command_end *out)
{
	bool in_time = listen_to(fd, out->err);
	int status = 0;

	if (hl_test_is_slow())
		drop_notes(out->err);
	if (!in_time)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	out->exit_code = in_time && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return in_time || live_fail("hsmlet did not end: %s", out->err);
}

bool command_run(const struct live *w, const struct live_client *c, const char *const words[],
	struct command_end *out)
{
	char program[PATH_MAX], conf[PATH_MAX + 32], secrets[PATH_MAX + 32];
	char *env[VARIABLES], *argv[WORDS] = { program };
	int err[2];
	pid_t pid;
	bool ok;

	*out = (struct command_end){ .exit_code = -1 };
	snprintf(program, sizeof program, "%s/hsmlet", w->bin);
	snprintf(conf, sizeof conf, "HSMLET_CONF=%s", c->conf);
	snprintf(secrets, sizeof secrets, "HSMLET_SECRETS=%s", c->secrets);
	make_environment(conf, secrets, env);
	for (size_t i = 0; words[i] && i + 2 < WORDS; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	if (pipe2(err, O_CLOEXEC) != 0)
		return live_fail("pipe: %s", strerror(errno));
	pid = spawn(program, argv, env, err[1]);
	close(err[1]);
	ok = pid > 0 ? await(pid, err[0], out) : live_fail("%s cannot be run", program);
	close(err[0]);
	return ok;
}

bool command_says(const struct command_end *e, const char *head, char out[COMMAND_TEXT])
{
	for (const char *line = e->err; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		if (!begins(line, head))
			continue;
		line += strlen(head);
		snprintf(out, COMMAND_TEXT, "%.*s", (int)strcspn(line, "\n"), line);
		return true;
	}
	out[0] = 0;
	return false;
}
