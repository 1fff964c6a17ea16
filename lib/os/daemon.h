/* daemon.h - the life of a daemon: options, protection, lock, readiness, the loop, goodbye.
 *
 *	hl_daemon_options()  hl_daemon_protect()  read the configuration  listen
 *	hl_daemon_lock()  hl_daemon_drop()  hl_daemon_ready()  hl_daemon_run()
 */
#pragma once

#include "lib/os/log.h"

struct ev_loop;
struct hl_daemon_run;
struct hl_shell;
struct hl_jobs;

/* What differs from daemon to daemon. */
struct hl_daemon_spec {
	const char *program;    /* "hsmlet-proxy" */
	const char *role;       /* "proxy"; the name where --name is not given */
	const char *what;       /* one sentence for --help */
	const char *example[2]; /* two command lines, shown first */
};

#define HL_DAEMON_SHELLS 4
#define HL_DAEMON_LISTENS 8

struct hl_daemon {
	const struct hl_daemon_spec *spec;
	/* from the command line */
	const char *config; /* NULL: not given */
	const char *name;
	int ready_fd, die_fd; /* -1: none */
	bool dumpable;
	bool check; /* read the configuration and end */
	enum hl_log_level level;
	/* A worker's, from its parent (lib/os/workers.h). */
	unsigned worker; /* which one, from 1; 0: this is no worker */
	int parent;      /* its process */
	int listen_fd[HL_DAEMON_LISTENS];
	size_t listens;
	struct ev_loop *loop; /* made by hl_daemon_options() */
	/* what runs, to be set before hl_daemon_run(); each may be missing */
	struct hl_jobs *jobs;
	struct hl_shell *shell[HL_DAEMON_SHELLS];
	void (*on_stop)(void *at); /* tell the cores that the end is near */
	bool (*busy)(void *at);    /* whether the end must wait for something else */
	void *at;
	struct hl_daemon_run *run; /* while hl_daemon_run() does */
};

/** Read the command line. --help and --version are answered and end the process (0), a wrong line
 * ends it too (2). Also sets the log's name and level. */
void hl_daemon_options(
	struct hl_daemon *d, const struct hl_daemon_spec *spec, int argc, char **argv);

/** No core files, no ptrace or /proc/pid/mem (unless --dumpable, which is logged), no new rights by
 * exec, umask 077, SIGHUP and SIGPIPE ignored, locked memory for secrets. HL_E_IO. */
HL_CHECKED hl_err hl_daemon_protect(const struct hl_daemon *d);

/** Hold the lock file for the life of the process (files.h); logs who else holds it. HL_E_BUSY. */
HL_CHECKED hl_err hl_daemon_lock(const struct hl_daemon *d, const char *path);

/** Become `user` for good where the process is root's; NULL or "" and other users: nothing to do.
 * HL_E_CONFIG: no such user; HL_E_IO. */
HL_CHECKED hl_err hl_daemon_drop(const struct hl_daemon *d, const char *user);

/** Say that all sockets listen: "<port>\n" (or "ready\n" for port 0) on --ready-fd, which is then
 * closed, and a log line. HL_E_IO. */
HL_CHECKED hl_err hl_daemon_ready(struct hl_daemon *d, unsigned port);

/** Run the loop until SIGTERM, SIGINT or the end of file of --die-with-fd; then stop listening,
 * write out what waits, finish the jobs under way, 1 s at most for all of it. Jobs may still be
 * under way when it returns: hl_jobs_free() would wait for them, leaving the process does not. */
void hl_daemon_run(struct hl_daemon *d);
/** The same end from inside, while it runs. */
void hl_daemon_stop(struct hl_daemon *d, const char *why);

/** A worker ends with its parent, by SIGKILL. What a process has asked for is forgotten when it becomes another user, so
 * hl_daemon_drop() asks again. No worker: nothing to do. HL_E_IO: the parent is gone already. */
HL_CHECKED hl_err hl_daemon_follow(const struct hl_daemon *d);

/** Log why the daemon ends; gives its exit code (lib/base/err.h). */
int hl_daemon_fail(const struct hl_daemon *d, hl_err why, const char *text);
