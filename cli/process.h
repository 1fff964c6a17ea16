/* process.h - daemons: started, waited for, found by the lock that they hold, ended.
 *
 * A running daemon is known by its lock alone. It is signalled through a pidfd that was opened while
 * it held that lock, so a number that the kernel has given to somebody else is never hit. */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "cli/world.h"

#define CLI_START_MS 30000
#define CLI_STOP_MS 5000

/* One that this call has started. */
struct cli_process {
	const struct cli_member *member;
	pid_t pid;   /* 0: none */
	int ready;   /* what it writes its ready line to */
	off_t log_at; /* where its part of the log begins */
};

/** Whether SIGINT or SIGTERM came since cli_signals_catch(). */
extern volatile sig_atomic_t cli_signal;
/** Whether that one was sent by a process, and not by the terminal to all that run there. */
extern volatile sig_atomic_t cli_signal_was_sent;
/** From now on they only set cli_signal; waiting calls end early with HL_E_TIMEOUT. */
void cli_signals_catch(void);
/** End by the signal that came, as if it had never been caught; returns where none came. */
void cli_signals_obey(void);

/** In a child, before exec: signals as a program expects them. */
void cli_signals_default(void);

/** Start the daemon of `m` in a session of its own, stdio to its log; `die_fd` (-1: none) ends it
 * when the other end is closed. HL_E_IO, HL_E_NOT_FOUND (the program). */
HL_CHECKED hl_err cli_process_start(struct cli *c, const struct cli_world *w,
	const struct cli_member *m, int die_fd, struct cli_process *out);
/** Wait for its ready line. HL_E_TIMEOUT, or what it ended with (HL_E_EXISTS: its address is taken); the
 * trouble names the last lines of its log. */
HL_CHECKED hl_err cli_process_ready(struct cli *c, const struct cli_world *w, struct cli_process *p);
/** Whether it has ended; collects it. */
bool cli_process_gone(struct cli_process *p);
/** End it at once and collect it. */
void cli_process_kill(struct cli_process *p);

/** The trouble of a daemon that ended: the end of its log. */
hl_err cli_process_trouble(struct cli *c, const struct cli_world *w, const struct cli_process *p);

/** Who holds the lock of `m`; 0: nobody. */
pid_t cli_member_pid(const struct cli_world *w, const struct cli_member *m);
/** Whether a signal (SIGSTOP) has stopped this process, so that it runs but does nothing. */
bool cli_process_is_paused(pid_t pid);
/** HL_E_TIMEOUT where the daemon of `m` is stopped so; the trouble names it, and how it goes on. */
HL_CHECKED hl_err cli_member_awake(struct cli *c, const struct cli_world *w, const struct cli_member *m);
/** Send `signal` to the daemon of each of these members that runs, and wait until all of them have
 * ended; SIGKILL after CLI_STOP_MS. *n (may be NULL) is how many ran. HL_E_TIMEOUT, HL_E_IO. */
HL_CHECKED hl_err cli_members_stop(struct cli *c, const struct cli_world *w,
	const struct cli_member *const *m, size_t count, int signal, unsigned *n);

#define CLI_ASK_TEXT 8192
/** Run one of our programs (its name, then NULL-terminated arguments: at most 6) and take what it prints: the first
 * CLI_ASK_TEXT - 1 bytes of its stdout; *status is its exit code, 128 + n where signal n ended it. HL_E_NOT_FOUND, HL_E_IO. */
HL_CHECKED hl_err cli_program_ask(struct cli *c, const char *program, const char *const *argument,
	char out[CLI_ASK_TEXT], int *status);

/** Where our daemons lie: beside this program, or in the folders where they are installed. */
HL_CHECKED hl_err cli_program_path(struct cli *c, const char *program, char out[CLI_PATH]);
/** The PKCS#11 provider: of the build that this program belongs to, else where it is installed. False: neither. */
bool cli_module_path(char out[CLI_PATH]);
