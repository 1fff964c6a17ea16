#include "lib/os/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ev.h>

#include "lib/os/clock.h"
#include "lib/os/listen.h"

#define REST_FIRST_S .05 /* before a worker that died is replaced; doubled for each that dies young */
#define REST_MOST_S 5.
#define YOUNG_US 10000000
/* Workers of a parent that was killed end with it, but not at the same instant. */
#define TAKEN_US 1000000
#define TAKEN_NAP_US 10000

#define NUMBER 12 /* digits of an argument */
#define ARGS (16 + 2 * HL_DAEMON_LISTENS)

struct workers;

struct worker {
	struct workers *all;
	unsigned number;
	pid_t pid;     /* 0: there is none now */
	int said_fd;   /* where it says that it is ready; -1: it did, or there is none */
	bool ready;
	unsigned young; /* how many in a row died young */
	int64_t since_us;
	int listen[HL_DAEMON_LISTENS];
	ev_child end;
	ev_io said;
	ev_timer again;
};

struct workers {
	struct hl_member *m;
	struct worker *worker;
	unsigned n;
	size_t listens;
	unsigned port;
	char program[PATH_MAX];
	bool told, stopping, failed;
};

/* -- starting one -------------------------------------------------------------------------------------- */

/* The arguments of a worker, in one place that a fork copies. */
struct args {
	char *v[ARGS];
	char text[ARGS][NUMBER];
	size_t n;
};

static void add(struct args *a, const char *option)
{
	a->v[a->n++] = (char *)(uintptr_t)option; /* execv() does not write to it */
}

static void add_number(struct args *a, const char *option, int number)
{
	add(a, option);
	snprintf(a->text[a->n], NUMBER, "%d", number);
	add(a, a->text[a->n]);
}

static void make_args(const struct worker *w, int ready, struct args *a)
{
	const struct hl_daemon *d = &w->all->m->daemon;

	*a = (struct args){ .n = 0 };
	add(a, d->spec->program);
	add(a, "--config");
	add(a, d->config);
	add(a, "--name");
	add(a, d->name);
	add(a, "--log-level");
	add(a, hl_log_level_text(d->level));
	if (d->dumpable)
		add(a, "--dumpable");
	add_number(a, "--worker", (int)w->number);
	add_number(a, "--ready-fd", ready);
	for (size_t i = 0; i < w->all->listens; i++)
		add_number(a, "--listen-fd", w->listen[i]);
}

/* In the child: only what is safe after fork() in a process with threads. */
static void become(const struct worker *w, int ready, pid_t parent, const struct args *a)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	fcntl(ready, F_SETFD, 0);
	for (size_t i = 0; i < w->all->listens; i++)
		fcntl(w->listen[i], F_SETFD, 0);
	execv(w->all->program, a->v);
	execv("/proc/self/exe", a->v); /* the file was replaced: by what still runs here */
	_exit(EXIT_FAILURE);
}

static void on_said(struct ev_loop *loop, ev_io *io, int events);
static void on_end(struct ev_loop *loop, ev_child *child, int events);

static void watch(struct worker *w)
{
	struct ev_loop *loop = w->all->m->daemon.loop;

	ev_child_init(&w->end, on_end, w->pid, 0);
	ev_io_init(&w->said, on_said, w->said_fd, EV_READ);
	w->end.data = w->said.data = w;
	ev_child_start(loop, &w->end);
	ev_io_start(loop, &w->said);
}

/* Told to stop before it has become the program, the child would take the signal for its parent's and lose it. It is
 * held until that program waits for it. */
static pid_t fork_held(void)
{
	sigset_t held, before;
	pid_t pid;

	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGINT);
	pthread_sigmask(SIG_BLOCK, &held, &before);
	pid = fork();
	if (pid != 0)
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static hl_err start(struct worker *w)
{
	pid_t parent = getpid();
	struct args args;
	int ready[2];

	if (pipe2(ready, O_CLOEXEC) != 0)
		return HL_E_IO;
	make_args(w, ready[1], &args);
	w->since_us = hl_clock_mono_us();
	w->pid = fork_held();
	if (w->pid == 0)
		become(w, ready[1], parent, &args);
	close(ready[1]);
	w->said_fd = ready[0];
	if (w->pid < 0) {
		close(ready[0]);
		w->pid = 0;
		w->said_fd = -1;
		return HL_E_IO;
	}
	watch(w);
	return HL_OK;
}

static void rest(struct worker *w);

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct worker *w = timer->data;

	(void)loop, (void)events;
	if (start(w) != HL_OK) {
		hl_log(HL_LOG_ERROR, "worker.failed", "worker=%u errno=%d", w->number, errno);
		rest(w);
	}
}

/* One that dies again and again must not keep the machine busy with starting it. */
static void rest(struct worker *w)
{
	double wait_s = REST_FIRST_S;

	for (unsigned i = 0; i < w->young && wait_s < REST_MOST_S; i++)
		wait_s *= 2;
	w->young++;
	ev_timer_init(&w->again, on_again, wait_s < REST_MOST_S ? wait_s : REST_MOST_S, 0.);
	w->again.data = w;
	ev_timer_start(w->all->m->daemon.loop, &w->again);
}

/* An event in the life of a worker, as its parent sees it. */
static void trace(const struct worker *w, const char *what, hl_err err)
{
	char number[NUMBER];

	snprintf(number, sizeof number, "%u", w->number);
	hl_trace_life(&w->all->m->env.env, what, err, number);
}

/* -- what they say ------------------------------------------------------------------------------------- */

static void close_said(struct worker *w)
{
	if (w->said_fd < 0)
		return;
	ev_io_stop(w->all->m->daemon.loop, &w->said);
	close(w->said_fd);
	w->said_fd = -1;
}

static void fail(struct workers *all)
{
	all->failed = true;
	hl_daemon_stop(&all->m->daemon, "a worker did not start");
}

static void all_ready(struct workers *all)
{
	for (unsigned i = 0; i < all->n; i++)
		if (!all->worker[i].ready)
			return;
	if (all->told)
		return;
	all->told = true;
	if (hl_daemon_ready(&all->m->daemon, all->port) != HL_OK)
		fail(all);
}

static void on_said(struct ev_loop *loop, ev_io *io, int events)
{
	struct worker *w = io->data;
	char line[16];
	ssize_t n = read(w->said_fd, line, sizeof line);

	(void)loop, (void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	close_said(w);
	if (n <= 0)
		return; /* it has ended, and on_end() hears that */
	w->ready = true;
	trace(w, "worker.ready", HL_OK);
	all_ready(w->all);
}

static void on_end(struct ev_loop *loop, ev_child *child, int events)
{
	struct worker *w = child->data;
	struct workers *all = w->all;

	(void)events;
	ev_child_stop(loop, child);
	close_said(w);
	hl_log(all->stopping ? HL_LOG_DEBUG : HL_LOG_WARN, "worker.ended", "worker=%u pid=%d status=%#x", w->number,
		(int)w->pid, (unsigned)child->rstatus);
	w->pid = 0;
	w->ready = false;
	if (all->stopping)
		return;
	trace(w, "worker.ended", HL_E_CLOSED);
	if (!all->told) {
		fail(all);
		return;
	}
	if (hl_clock_mono_us() - w->since_us >= YOUNG_US)
		w->young = 0;
	rest(w);
}

/* -- stopping ------------------------------------------------------------------------------------------ */

static void close_sockets(struct workers *all)
{
	for (unsigned i = 0; i < all->n; i++)
		for (size_t k = 0; k < all->listens; k++) {
			if (all->worker[i].listen[k] >= 0)
				close(all->worker[i].listen[k]);
			all->worker[i].listen[k] = -1;
		}
}

static void on_stop(void *at)
{
	struct workers *all = at;

	all->stopping = true;
	close_sockets(all);
	for (unsigned i = 0; i < all->n; i++) {
		ev_timer_stop(all->m->daemon.loop, &all->worker[i].again);
		if (all->worker[i].pid > 0)
			kill(all->worker[i].pid, SIGTERM);
	}
}

static bool is_busy(void *at)
{
	const struct workers *all = at;

	for (unsigned i = 0; i < all->n; i++)
		if (all->worker[i].pid > 0)
			return true;
	return false;
}

/* Who is left now had its second. */
static void clear(struct workers *all)
{
	for (unsigned i = 0; i < all->n && all->worker; i++) {
		struct worker *w = &all->worker[i];

		close_said(w);
		if (w->pid <= 0)
			continue;
		ev_child_stop(all->m->daemon.loop, &w->end);
		kill(w->pid, SIGKILL);
		while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (all->worker)
		close_sockets(all);
	free(all->worker);
}

/* -- all of it ----------------------------------------------------------------------------------------- */

static hl_err listen_at(struct workers *all, size_t which, const char *text)
{
	int fd[HL_WORKERS_MAX];
	struct hl_addr at, real;
	int64_t until = hl_clock_mono_us() + TAKEN_US;
	hl_err err;

	HL_TRY(hl_member_address("listen", text, &at));
	while ((err = hl_listen_tcp_many(&at, all->n, fd, &real)) == HL_E_EXISTS && hl_clock_mono_us() < until)
		usleep(TAKEN_NAP_US);
	HL_TRY(hl_member_named(text, err));
	for (unsigned i = 0; i < all->n; i++)
		all->worker[i].listen[which] = fd[i];
	all->port = which == 0 ? real.port : all->port;
	return HL_OK;
}

static hl_err prepare(struct workers *all, unsigned n)
{
	ssize_t length = readlink("/proc/self/exe", all->program, sizeof all->program - 1);

	if (length <= 0)
		return HL_E_IO;
	all->program[length] = 0;
	all->worker = calloc(n, sizeof *all->worker);
	if (!all->worker)
		return HL_E_NOMEM;
	all->n = n;
	for (unsigned i = 0; i < n; i++) {
		struct worker *w = &all->worker[i];

		*w = (struct worker){ .all = all, .number = i + 1, .said_fd = -1 };
		ev_timer_init(&w->again, on_again, 0., 0.);
		for (size_t k = 0; k < HL_DAEMON_LISTENS; k++)
			w->listen[k] = -1;
	}
	return HL_OK;
}

static hl_err run(struct workers *all, const struct hl_member_conf *conf, const char *const *listen)
{
	struct hl_daemon *d = &all->m->daemon;

	for (size_t i = 0; i < all->listens; i++)
		HL_TRY(listen_at(all, i, listen[i]));
	for (unsigned i = 0; i < all->n; i++)
		HL_TRY(start(&all->worker[i]));
	d->on_stop = on_stop;
	d->busy = is_busy;
	d->at = all;
	hl_trace_life(&all->m->env.env, "start", HL_OK, conf->name);
	hl_daemon_run(d);
	hl_trace_life(&all->m->env.env, "stop", HL_OK, conf->name);
	return all->failed ? HL_E_IO : HL_OK;
}

hl_err hl_workers_run(struct hl_member *m, const struct hl_member_conf *conf, unsigned n,
	const char *const *listen, size_t listens)
{
	struct workers all = { .m = m, .listens = listens };
	hl_err err;

	if (n < 2 || n > HL_WORKERS_MAX || listens > HL_DAEMON_LISTENS)
		return HL_E_ARG;
	if (conf->lock)
		HL_TRY(hl_daemon_lock(&m->daemon, conf->lock));
	err = prepare(&all, n);
	if (err == HL_OK)
		err = run(&all, conf, listen);
	clear(&all);
	return err;
}
