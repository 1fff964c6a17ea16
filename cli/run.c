/* run.c - `hsmlet run -- COMMAND`: a private world around a command, gone with it. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/raise.h"
#include "cli/say.h"
#include "cli/variables.h"

struct run_options {
	struct cli_wish wish;
};

static const struct run_options defaults;
/* clang-format off */
#define AT(member) offsetof(struct run_options, member)
static const struct cli_option rows[] = {
	{ "profile",      0, "WORD",  CLI_WORD,   AT(wish.profile), 0, 0, cli_profiles, "how strict the service is" },
	{ "proxies",      0, "N",     CLI_NUMBER, AT(wish.proxies), 1, CLI_PROXIES_MAX, NULL, "members of the pool, 1 to " CLI_STR(CLI_PROXIES_MAX) " (3)" },
	{ "hsms",         0, "N",     CLI_NUMBER, AT(wish.hsms), 1, CLI_HSMS_MAX, NULL, "members of the cluster, 1 to " CLI_STR(CLI_HSMS_MAX) " (2)" },
	{ "allow",        0, "RANGE", CLI_TEXTS,  AT(wish.allow), 0, 0, NULL, "address, or address/prefix, that the service user may come from; may be repeated (all)" },
	{ "dumpable",     0, NULL,    CLI_FLAG,   AT(wish.dumpable), 0, 0, NULL, "let this user look into the daemons' memory (tests only)" },
};
/* clang-format on */
const struct cli_options cli_run_options = CLI_OPTIONS(rows, defaults);

/* -- the folder ------------------------------------------------------------------------------------- */

/* Under TMPDIR, or /tmp where the name would be too long for the world's sockets. */
static hl_err make_folder(struct cli *c, char dir[CLI_DIR_TEXT])
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(dir, CLI_DIR_TEXT, "%s/hsmlet-run-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");

	if (n < 0 || n >= CLI_DIR_TEXT)
		snprintf(dir, CLI_DIR_TEXT, "/tmp/hsmlet-run-XXXXXX");
	return mkdtemp(dir) ? HL_OK : cli_fail_errno(c, HL_E_CREATE, dir);
}

static int on_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)where;
	if (type == FTW_DP)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

static void remove_folder(const char *dir)
{
	nftw(dir, on_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* -- the command ------------------------------------------------------------------------------------- */

static void set_environment(const struct cli_world *w)
{
	struct cli_variable v[CLI_VARIABLES];
	size_t n = cli_variables(w, NULL, v);

	for (size_t i = 0; i < n; i++) {
		if (*v[i].value)
			setenv(v[i].name, v[i].value, 1);
		else
			unsetenv(v[i].name);
	}
	unsetenv("HSMLET_INSTANCE");
}

static void become(struct cli *c, const struct cli_world *w, const sigset_t *before)
{
	set_environment(w);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, before, NULL);
	execvp(c->operand[0], c->operand);
	fprintf(stderr, "hsmlet: %s: %s\n", c->operand[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126); /* as a shell does */
}

static void on_child(int number)
{
	(void)number; /* it only has to end sigsuspend() */
}

/* A signal to us is for the command: it may want to end in its own way. One of the terminal has reached it
 * already. `before` lets signals in while we wait, and only then: none slips through in between. */
static hl_err await_command(struct cli *c, pid_t pid, const sigset_t *before, int *status)
{
	pid_t ended;

	while ((ended = waitpid(pid, status, WNOHANG)) == 0) {
		sigsuspend(before);
		if (cli_signal && cli_signal_was_sent)
			kill(pid, cli_signal); /* not yet collected: the number is still its own */
		cli_signal = 0;
	}
	return ended == pid ? HL_OK : cli_fail_errno(c, HL_E_IO, "waitpid");
}

static hl_err run_command(struct cli *c, const struct cli_world *w, const sigset_t *before)
{
	int status = 0;
	pid_t pid;

	if (cli_signal)
		return cli_fail(c, HL_E_TIMEOUT, "interrupted");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return cli_fail_errno(c, HL_E_IO, "fork");
	if (pid == 0)
		become(c, w, before);
	HL_TRY(await_command(c, pid, before, &status));
	c->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return HL_OK;
}

static hl_err live(struct cli *c, const char *dir, const struct cli_wish *wish, int die_fd)
{
	struct cli_world w;
	bool already;
	hl_err err, stopped;
	sigset_t stop, before;

	HL_TRY(cli_raise(c, dir, wish, die_fd, &w, &already));
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGCHLD);
	signal(SIGCHLD, on_child);
	sigprocmask(SIG_BLOCK, &stop, &before);
	err = run_command(c, &w, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGCHLD, SIG_DFL);
	stopped = cli_world_stop(c, &w, NULL);
	return err != HL_OK ? err : stopped;
}

hl_err cli_run_command(struct cli *c)
{
	const struct run_options *o = c->options;
	struct cli_wish wish = o->wish;
	bool quiet = c->global.quiet;
	char dir[CLI_DIR_TEXT];
	int life[2];
	hl_err err;

	if (c->global.world_typed)
		return cli_usage(c, "%s makes a world of its own: it takes neither --dir nor -i", c->command);
	wish.dev = true;
	HL_TRY(cli_wish_check(c, &wish));
	HL_TRY(make_folder(c, dir));
	cli_signals_catch();
	c->global.quiet = true; /* the terminal is the command's */
	/* The daemons hold the other end: they end with us even where we are killed. */
	err = pipe2(life, O_CLOEXEC) == 0 ? live(c, dir, &wish, life[0]) :
					    cli_fail_errno(c, HL_E_IO, "pipe");
	c->global.quiet = quiet;
	remove_folder(dir);
	if (err == HL_OK)
		return HL_OK;
	cli_signals_obey();
	return cli_next(c, err, "`hsmlet up --dev` starts a world that keeps its logs");
}
