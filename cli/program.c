/* program.c - our own programs: where they lie, and what one says that is asked and ends. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/process.h"
#include "cli/say.h"

void cli_signals_default(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
}

/* -- programs ----------------------------------------------------------------------------------- */

static bool is_there(const char *folder, const char *rest, const char *name, int mode, char out[CLI_PATH])
{
	int n = snprintf(out, CLI_PATH, "%s/%s%s", folder, rest, name);

	return n > 0 && n < CLI_PATH && access(out, mode) == 0;
}

static bool own_folder(char folder[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
	char *slash;

	if (n <= 0)
		return false;
	folder[n] = 0;
	slash = strrchr(folder, '/');
	if (slash)
		*slash = 0;
	return true;
}

hl_err cli_program_path(struct cli *c, const char *program, char out[CLI_PATH])
{
	/* in the build tree; where libtool puts what it wraps; installed */
	static const char *const places[] = { "", "../", "../libexec/hsmlet/", "../libexec/", "../bin/" };
	char folder[PATH_MAX];

	if (!own_folder(folder))
		return cli_fail_errno(c, HL_E_IO, "/proc/self/exe");
	for (size_t i = 0; i < HL_COUNT(places); i++)
		if (is_there(folder, places[i], program, X_OK, out))
			return HL_OK;
	return cli_next(c, cli_fail(c, HL_E_NOT_FOUND, "the program %s beside %s", program, folder),
		"build it (./run build) or install hsmlet again");
}

bool cli_module_path(char out[CLI_PATH])
{
	/* in the build tree; where libtool puts what it wraps */
	static const char *const places[] = { ".libs/", "" };
	static const char name[] = "libhsmlet-pkcs11.so";
	char folder[PATH_MAX];

	if (!own_folder(folder))
		return false;
	for (size_t i = 0; i < HL_COUNT(places); i++)
		if (is_there(folder, places[i], name, R_OK, out))
			return true;
	return is_there(HL_PKCS11_DIR, "/", name, R_OK, out);
}

/* -- asked and ended ---------------------------------------------------------------------------- */

static void become_asked(const char *path, char **argv, int out)
{
	int null = open("/dev/null", O_RDWR);

	cli_signals_default();
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(out, 1) >= 0 && dup2(null, 2) >= 0 &&
		close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		execv(path, argv);
	_exit(74);
}

static void read_text(int fd, char out[CLI_ASK_TEXT])
{
	size_t n = 0;
	ssize_t got = 1;
	char rest[512];

	while (got > 0) {
		size_t room = CLI_ASK_TEXT - 1 - n;

		got = room > 0 ? read(fd, out + n, room) : read(fd, rest, sizeof rest);
		if (got > 0 && room > 0)
			n += (size_t)got;
		else if (got < 0 && errno == EINTR)
			got = 1;
	}
	out[n] = 0;
}

hl_err cli_program_ask(struct cli *c, const char *program, const char *const *argument, char out[CLI_ASK_TEXT],
	int *status)
{
	char path[CLI_PATH], *argv[8] = { path };
	int pipe_fd[2], ended = 0;
	pid_t pid;

	HL_TRY(cli_program_path(c, program, path));
	for (size_t i = 0; i < 6 && argument[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)argument[i];
	if (pipe2(pipe_fd, O_CLOEXEC) != 0)
		return cli_fail_errno(c, HL_E_IO, "pipe");
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become_asked(path, argv, pipe_fd[1]);
	close(pipe_fd[1]);
	if (pid > 0)
		read_text(pipe_fd[0], out);
	close(pipe_fd[0]);
	if (pid < 0)
		return cli_fail_errno(c, HL_E_IO, "fork");
	while (waitpid(pid, &ended, 0) < 0 && errno == EINTR)
		;
	*status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
	return HL_OK;
}
