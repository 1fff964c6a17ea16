#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/say.h"
#include "lib/os/clock.h"
#include "lib/os/files.h"


/* -- signals ------------------------------------------------------------------------------------ */

volatile sig_atomic_t cli_signal, cli_signal_was_sent;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	cli_signal = number;
	cli_signal_was_sent = info->si_code <= 0; /* kill() and its like; the terminal's are SI_KERNEL */
}

void cli_signals_catch(void)
{
	/* no SA_RESTART: poll() is to end */
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

void cli_signals_obey(void)
{
	if (!cli_signal)
		return;
	signal(cli_signal, SIG_DFL);
	raise(cli_signal);
}

/* -- start -------------------------------------------------------------------------------------- */

/* In the child. Nothing that our caller has open may live on in a daemon: a shell that reads our output
 * would wait for the daemon's end. */
static void become(const char *path, char **argv, int log, const int *kept, size_t n)
{
	int null = open("/dev/null", O_RDONLY);

	setsid();
	cli_signals_default();
	if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(74);
	if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
		_exit(74);
	for (size_t i = 0; i < n; i++)
		if (kept[i] >= 0)
			fcntl(kept[i], F_SETFD, 0);
	execv(path, argv);
	dprintf(2, "%s: %s\n", path, strerror(errno));
	_exit(74);
}

struct command {
	char path[CLI_PATH], config[CLI_PATH], ready[16], die[16];
	char *argv[12];
};

static void make_command(struct command *k, const struct cli_world *w, const struct cli_member *m,
	int ready, int die_fd)
{
	size_t n = 0;

	cli_world_path(w, k->config, "etc/%s.cfg", m->name);
	snprintf(k->ready, sizeof k->ready, "%d", ready);
	snprintf(k->die, sizeof k->die, "%d", die_fd);
	k->argv[n++] = k->path;
	k->argv[n++] = (char *)(uintptr_t)"--config";
	k->argv[n++] = k->config;
	k->argv[n++] = (char *)(uintptr_t)"--name";
	k->argv[n++] = (char *)(uintptr_t)m->name;
	k->argv[n++] = (char *)(uintptr_t)"--ready-fd";
	k->argv[n++] = k->ready;
	if (die_fd >= 0) {
		k->argv[n++] = (char *)(uintptr_t)"--die-with-fd";
		k->argv[n++] = k->die;
	}
	if (w->dumpable)
		k->argv[n++] = (char *)(uintptr_t)"--dumpable";
	k->argv[n] = NULL;
}

static hl_err open_log(struct cli *c, const struct cli_world *w, struct cli_process *p, int *log)
{
	char path[CLI_PATH];
	struct stat st;

	cli_world_path(w, path, "log/%s.log", p->member->name);
	*log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (*log < 0)
		return cli_fail_errno(c, HL_E_CREATE, path);
	p->log_at = fstat(*log, &st) == 0 ? st.st_size : 0;
	return HL_OK;
}

hl_err cli_process_start(struct cli *c, const struct cli_world *w, const struct cli_member *m, int die_fd,
	struct cli_process *out)
{
	struct cli_process p = { .member = m };
	struct command k;
	int pipe_fd[2], log;

	HL_TRY(cli_program_path(c, m->program, k.path));
	HL_TRY(open_log(c, w, &p, &log));
	if (pipe2(pipe_fd, O_CLOEXEC) != 0) {
		close(log);
		return cli_fail_errno(c, HL_E_IO, "pipe");
	}
	make_command(&k, w, m, pipe_fd[1], die_fd);
	cli_progress(c, "starting %s at %s", m->name, m->address);
	fflush(NULL);
	p.pid = fork();
	if (p.pid == 0)
		become(k.path, k.argv, log, (int[]){ pipe_fd[1], die_fd }, 2);
	close(log);
	close(pipe_fd[1]);
	p.ready = pipe_fd[0];
	if (p.pid < 0) {
		close(p.ready);
		return cli_fail_errno(c, HL_E_IO, "fork");
	}
	*out = p;
	return HL_OK;
}

/* -- ready -------------------------------------------------------------------------------------- */

/* Up to the newline; 1: there it is, 0: end of file, -1: not yet. */
static int read_ready(struct cli_process *p)
{
	char text[64];
	ssize_t n = read(p->ready, text, sizeof text);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? -1 : 0;
	return n == 0 ? 0 : memchr(text, '\n', (size_t)n) ? 1 : -1;
}

hl_err cli_process_ready(struct cli *c, const struct cli_world *w, struct cli_process *p)
{
	int64_t until = hl_clock_mono_us() + CLI_START_MS * 1000;
	int got = -1;

	while (got < 0) {
		struct pollfd fd = { .fd = p->ready, .events = POLLIN };
		int64_t left = until - hl_clock_mono_us();

		if (cli_signal || left <= 0)
			return cli_fail(c, HL_E_TIMEOUT, "%s is not ready", p->member->name);
		if (poll(&fd, 1, (int)(left / 1000) + 1) > 0)
			got = read_ready(p);
	}
	close(p->ready);
	p->ready = -1;
	return got == 1 ? HL_OK : cli_process_trouble(c, w, p);
}

bool cli_process_gone(struct cli_process *p)
{
	if (p->pid > 0 && waitpid(p->pid, NULL, WNOHANG) == p->pid)
		p->pid = 0;
	return p->pid == 0;
}

void cli_process_kill(struct cli_process *p)
{
	if (p->ready >= 0)
		close(p->ready);
	p->ready = -1;
	if (p->pid <= 0)
		return;
	kill(p->pid, SIGKILL); /* our child, not yet collected: the number is still its own */
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
}

/* -- those that run ------------------------------------------------------------------------------ */

pid_t cli_member_pid(const struct cli_world *w, const struct cli_member *m)
{
	char path[CLI_PATH];
	pid_t pid;

	cli_world_path(w, path, "run/%s.lock", m->name);
	return hl_lock_holder(path, &pid) == HL_OK ? pid : 0;
}

bool cli_process_is_paused(pid_t pid)
{
	HL_AUTO(hl_buf_clear) struct hl_buf stat = hl_buf(4096);
	char path[32], text[4096];
	const char *name_end;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (hl_file_read(path, sizeof text - 1, &stat) != HL_OK ||
		hl_bytes_str(hl_buf_view(&stat), text, sizeof text) != HL_OK)
		return false;
	name_end = strrchr(text, ')'); /* the name in the second field may hold anything */
	return name_end && (strncmp(name_end, ") T", 3) == 0 || strncmp(name_end, ") t", 3) == 0);
}

hl_err cli_member_awake(struct cli *c, const struct cli_world *w, const struct cli_member *m)
{
	pid_t pid = cli_member_pid(w, m);
	hl_err err;

	if (!pid || !cli_process_is_paused(pid))
		return HL_OK;
	err = cli_fail(c, HL_E_TIMEOUT, "%s (process %d) does not answer", m->name, (int)pid);
	cli_cause(c, err, "a signal has stopped the process");
	return cli_next(c, err, "let it go on: `kill -CONT %d`", (int)pid);
}

/* A pidfd of the process that holds the lock, in *out; -1: none does. If it still holds it once the descriptor
 * is open, the descriptor is of that process. */
static hl_err member_pidfd(struct cli *c, const struct cli_world *w, const struct cli_member *m, int *out)
{
	pid_t pid = cli_member_pid(w, m);
	int fd = -1;

	*out = -1;
	if (pid <= 0 || pid == getpid())
		return HL_OK;
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return errno == ESRCH ? HL_OK : cli_fail_errno(c, HL_E_IO, "pidfd_open");
	if (cli_member_pid(w, m) == pid)
		*out = fd;
	else
		close(fd);
	return HL_OK;
}

/* Wait until all have ended, at most `limit_ms`; those that have are closed and become -1. */
static bool await_ends(struct pollfd *fd, size_t n, int limit_ms)
{
	int64_t until = hl_clock_mono_us() + limit_ms * 1000;

	for (;;) {
		size_t alive = 0;
		int64_t left = until - hl_clock_mono_us();

		for (size_t i = 0; i < n; i++) {
			if (fd[i].fd >= 0 && fd[i].revents) {
				close(fd[i].fd);
				fd[i].fd = -1;
			}
			alive += fd[i].fd >= 0;
		}
		if (alive == 0 || left <= 0)
			return alive == 0;
		if (poll(fd, n, (int)(left / 1000) + 1) < 0)
			for (size_t i = 0; i < n; i++)
				fd[i].revents = 0;
	}
}

static void signal_all(const struct pollfd *fd, size_t n, int number)
{
	for (size_t i = 0; i < n; i++)
		if (fd[i].fd >= 0)
			pidfd_send_signal(fd[i].fd, number, NULL, 0);
}

static void collect_children(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void close_all(struct pollfd *fd, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fd[i].fd >= 0)
			close(fd[i].fd);
}

static hl_err open_all(struct cli *c, const struct cli_world *w, const struct cli_member *const *m,
	size_t count, struct pollfd *fd, unsigned *ran)
{
	*ran = 0;
	for (size_t i = 0; i < count; i++) {
		hl_err err;

		fd[i] = (struct pollfd){ .events = POLLIN };
		err = member_pidfd(c, w, m[i], &fd[i].fd);
		if (err != HL_OK) {
			close_all(fd, i);
			return err;
		}
		*ran += fd[i].fd >= 0;
		if (fd[i].fd >= 0)
			cli_progress(c, "stopping %s", m[i]->name);
	}
	return HL_OK;
}

hl_err cli_members_stop(struct cli *c, const struct cli_world *w, const struct cli_member *const *m,
	size_t count, int number, unsigned *n)
{
	struct pollfd fd[CLI_MEMBERS_MAX];
	unsigned ran;
	bool ended;

	HL_TRY(open_all(c, w, m, count, fd, &ran));
	signal_all(fd, count, number);
	ended = await_ends(fd, count, CLI_STOP_MS);
	if (!ended) {
		cli_note(c, "not all ended within %d s: killing them", CLI_STOP_MS / 1000);
		signal_all(fd, count, SIGKILL);
		ended = await_ends(fd, count, CLI_STOP_MS);
	}
	close_all(fd, count);
	collect_children();
	if (n)
		*n = ran;
	return ended ? HL_OK : cli_fail(c, HL_E_TIMEOUT, "a daemon does not end");
}
