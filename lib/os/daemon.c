#include "lib/os/daemon.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

#include "lib/base/secret.h"
#include "lib/os/files.h"
#include "lib/os/jobs.h"
#include "lib/os/shell.h"

#define STOP_S 1.

/* -- options --------------------------------------------------------------------------------- */

enum {
	KEY_CONFIG = 'c',
	KEY_NAME = 'n',
	KEY_READY = 0x100,
	KEY_DIE,
	KEY_DUMPABLE,
	KEY_LEVEL,
	KEY_CHECK,
	KEY_WORKER,
	KEY_LISTEN
};

/* clang-format off */
static const struct argp_option options[] = {
	{ "config",      KEY_CONFIG,   "FILE",  0, "configuration file", 0 },
	{ "name",        KEY_NAME,     "NAME",  0, "who this is, in logs, traces and locks", 0 },
	{ "log-level",   KEY_LEVEL,    "LEVEL", 0, "error, warn, info (default) or debug", 0 },
	{ "ready-fd",    KEY_READY,    "N",     0, "write \"<port>\\n\" or \"ready\\n\" to descriptor N once all sockets listen", 0 },
	{ "die-with-fd", KEY_DIE,      "N",     0, "end when descriptor N reads end of file: its other end is held by whoever started this", 0 },
	{ "check",       KEY_CHECK,    NULL,    0, "read the configuration, say whether it is good, and end", 0 },
	{ "dumpable",    KEY_DUMPABLE, NULL,    0, "let the same user look into this process's memory (tests only)", 0 },
	/* what a parent tells its workers */
	{ "worker",      KEY_WORKER,   "N",     OPTION_HIDDEN, NULL, 0 },
	{ "listen-fd",   KEY_LISTEN,   "N",     OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};
/* clang-format on */

static int descriptor(const char *text, struct argp_state *state)
{
	char *rest;
	long n;

	errno = 0;
	n = strtol(text, &rest, 10);
	if (errno != 0 || *rest || rest == text || n < 0 || n > 1 << 20 ||
		fcntl((int)n, F_GETFD) < 0)
		argp_error(state, "%s is no open descriptor", text);
	fcntl((int)n, F_SETFD, FD_CLOEXEC);
	return (int)n;
}

static void check_name(const char *name, struct argp_state *state)
{
	size_t n = strlen(name);

	if (n == 0 || n > 64 || name[0] == '.' ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
			n)
		argp_error(state, "a name is 1 to 64 of [A-Za-z0-9._-], not beginning with a dot");
}

static void take_listen(struct hl_daemon *d, const char *arg, struct argp_state *state)
{
	if (d->listens == HL_DAEMON_LISTENS)
		argp_error(state, "at most %d times --listen-fd", HL_DAEMON_LISTENS);
	d->listen_fd[d->listens++] = descriptor(arg, state);
}

static void take_worker(struct hl_daemon *d, const char *arg, struct argp_state *state)
{
	int n = atoi(arg);

	if (n < 1)
		argp_error(state, "%s is no number of a worker", arg);
	d->worker = (unsigned)n;
	d->parent = getppid();
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct hl_daemon *d = state->input;

	switch (key) {
	case KEY_CONFIG:
		d->config = arg;
		return 0;
	case KEY_NAME:
		check_name(arg, state);
		d->name = arg;
		return 0;
	case KEY_LEVEL:
		if (hl_log_parse(arg, &d->level) != HL_OK)
			argp_error(state, "%s is no log level: error, warn, info, debug", arg);
		return 0;
	case KEY_READY:
		d->ready_fd = descriptor(arg, state);
		return 0;
	case KEY_DIE:
		d->die_fd = descriptor(arg, state);
		return 0;
	case KEY_DUMPABLE:
		d->dumpable = true;
		return 0;
	case KEY_CHECK:
		d->check = true;
		return 0;
	case KEY_WORKER:
		take_worker(d, arg, state);
		return 0;
	case KEY_LISTEN:
		take_listen(d, arg, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

#define SIMULATOR "A simulator: its keys are not protected by hardware."

void hl_daemon_options(
	struct hl_daemon *d, const struct hl_daemon_spec *spec, int argc, char **argv)
{
	static char version[256]; /* argp keeps the pointer */
	char doc[1024];
	struct argp argp = { options, on_option, NULL, doc, NULL, NULL, NULL };

	*d = (struct hl_daemon){ .spec = spec, .name = spec->role, .ready_fd = -1, .die_fd = -1 };
	d->level = HL_LOG_INFO;
	snprintf(doc, sizeof doc, "Examples:\n  %s\n  %s\n\n%s\v%s", spec->example[0],
		spec->example[1], spec->what, SIMULATOR);
	snprintf(version, sizeof version, "%s %s\n" SIMULATOR, spec->program, VERSION);
	argp_err_exit_status = hl_err_row(HL_E_ARG)->exit_code;
	argp_program_version = version;
	argp_parse(&argp, argc, argv, 0, NULL, d);
	hl_log_who(d->name);
	hl_log_limit(d->level);
	d->loop = ev_default_loop(0);
	if (!d->loop)
		exit(hl_daemon_fail(d, HL_E_IO, "the event loop does not start"));
}

int hl_daemon_fail(const struct hl_daemon *d, hl_err why, const char *text)
{
	(void)d;
	hl_log(HL_LOG_ERROR, "failed", "err=HL-%04d text=%s detail=%s", -(int)why, hl_err_text(why),
		text ? text : "");
	return hl_err_row(why)->exit_code;
}

/* -- protection ------------------------------------------------------------------------------ */

static bool set_dumpable(const struct hl_daemon *d)
{
	return prctl(PR_SET_DUMPABLE, d->dumpable ? 1L : 0L, 0L, 0L, 0L) == 0;
}

/* Between the ready line and the loop a signal to stop must wait, not kill. */
static void hold_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(how, &set, NULL);
}

hl_err hl_daemon_protect(const struct hl_daemon *d)
{
	static const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0 || !set_dumpable(d) ||
		prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return HL_E_IO;
	umask(077);
	hold_signals(SIG_BLOCK);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write that passes RLIMIT_FSIZE fails then, like one on a full disk */
	if (d->dumpable)
		hl_log(HL_LOG_WARN, "dumpable", "text=%s",
			"the same user can read this process's memory");
	if (!hl_secret_heap())
		hl_log(HL_LOG_WARN, "secrets.unlocked", "text=%s",
			"the limit of locked memory is too low");
	return HL_OK;
}

hl_err hl_daemon_lock(const struct hl_daemon *d, const char *path)
{
	hl_err err = hl_lock_take(path);
	pid_t holder = 0;

	(void)d;
	if (err == HL_E_BUSY && hl_lock_holder(path, &holder) == HL_OK)
		hl_log(HL_LOG_ERROR, "locked", "file=%s holder=%d", path, (int)holder);
	else if (err != HL_OK)
		hl_log(HL_LOG_ERROR, "lock", "file=%s err=HL-%04d text=%s", path, -(int)err, strerror(errno));
	return err;
}

hl_err hl_daemon_follow(const struct hl_daemon *d)
{
	if (d->worker == 0)
		return HL_OK;
	return prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) == 0 && getppid() == d->parent ? HL_OK : HL_E_IO;
}

hl_err hl_daemon_drop(const struct hl_daemon *d, const char *user)
{
	const struct passwd *pw;

	if (!user || !*user || geteuid() != 0)
		return HL_OK;
	pw = getpwnam(user);
	if (!pw)
		return HL_E_CONFIG;
	if (pw->pw_uid == 0)
		return HL_OK;
	if (initgroups(user, pw->pw_gid) != 0 ||
		setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return HL_E_IO;
	/* Rights that can be had back were never dropped. A change of user resets dumpability, and who ends with whom. */
	if (setuid(0) == 0 || !set_dumpable(d))
		return HL_E_IO;
	HL_TRY(hl_daemon_follow(d));
	hl_log(HL_LOG_INFO, "rights.dropped", "user=%s", user);
	return HL_OK;
}

/* -- the loop -------------------------------------------------------------------------------- */

hl_err hl_daemon_ready(struct hl_daemon *d, unsigned port)
{
	int n = 0;

	hl_log(HL_LOG_INFO, "ready", "port=%u pid=%d", port, (int)getpid());
	if (d->ready_fd < 0)
		return HL_OK;
	n = port ? dprintf(d->ready_fd, "%u\n", port) : dprintf(d->ready_fd, "ready\n");
	close(d->ready_fd);
	d->ready_fd = -1;
	return n > 0 ? HL_OK : HL_E_IO;
}

/* The watchers of one hl_daemon_run(). */
struct hl_daemon_run {
	struct hl_daemon *d;
	ev_signal term, interrupt;
	ev_io die;
	ev_prepare idle;
	ev_timer limit;
	bool stopping;
};

static bool is_idle(const struct hl_daemon *d)
{
	for (unsigned i = 0; i < HL_DAEMON_SHELLS; i++)
		if (d->shell[i] && hl_shell_busy(d->shell[i]))
			return false;
	if (d->busy && d->busy(d->at))
		return false;
	return !d->jobs || hl_jobs_under_way(d->jobs) == 0;
}

static void on_idle(struct ev_loop *loop, ev_prepare *w, int events)
{
	(void)events;
	if (is_idle(w->data))
		ev_break(loop, EVBREAK_ALL);
}

static void on_limit(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w, (void)events;
	hl_log(HL_LOG_WARN, "stop.cut", "text=%s", "work was left after 1 s");
	ev_break(loop, EVBREAK_ALL);
}

static void stop(struct hl_daemon_run *r, const char *why)
{
	struct hl_daemon *d = r->d;

	if (r->stopping)
		return;
	r->stopping = true;
	hl_log(HL_LOG_INFO, "stopping", "reason=%s", why);
	for (unsigned i = 0; i < HL_DAEMON_SHELLS; i++)
		if (d->shell[i])
			hl_shell_stop(d->shell[i]);
	if (d->on_stop)
		d->on_stop(d->at);
	for (unsigned i = 0; i < HL_DAEMON_SHELLS; i++)
		if (d->shell[i])
			hl_shell_pump(d->shell[i]);
	ev_io_stop(d->loop, &r->die);
	ev_prepare_start(d->loop, &r->idle);
	ev_timer_start(d->loop, &r->limit);
}

void hl_daemon_stop(struct hl_daemon *d, const char *why)
{
	if (d->run)
		stop(d->run, why);
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
	(void)loop, (void)events;
	stop(w->data, w->signum == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void on_die(struct ev_loop *loop, ev_io *w, int events)
{
	char dropped[64];
	ssize_t n = read(w->fd, dropped, sizeof dropped);

	(void)loop, (void)events;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		stop(w->data, "die-with-fd");
}

static void watch(struct hl_daemon_run *r)
{
	struct ev_loop *loop = r->d->loop;

	ev_signal_init(&r->term, on_signal, SIGTERM);
	ev_signal_init(&r->interrupt, on_signal, SIGINT);
	ev_prepare_init(&r->idle, on_idle);
	ev_timer_init(&r->limit, on_limit, STOP_S, 0.);
	ev_io_init(&r->die, on_die, r->d->die_fd, EV_READ);
	r->term.data = r->interrupt.data = r->die.data = r;
	r->idle.data = r->d;
	ev_signal_start(loop, &r->term);
	ev_signal_start(loop, &r->interrupt);
	if (r->d->die_fd >= 0)
		ev_io_start(loop, &r->die);
}

void hl_daemon_run(struct hl_daemon *d)
{
	struct hl_daemon_run r = { .d = d };

	d->run = &r;
	watch(&r);
	hold_signals(SIG_UNBLOCK);
	ev_run(d->loop, 0);
	ev_signal_stop(d->loop, &r.term);
	ev_signal_stop(d->loop, &r.interrupt);
	ev_io_stop(d->loop, &r.die);
	ev_prepare_stop(d->loop, &r.idle);
	ev_timer_stop(d->loop, &r.limit);
	d->run = NULL;
	hl_log(HL_LOG_INFO, "stopped", "pid=%d", (int)getpid());
}
