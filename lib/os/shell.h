/* shell.h - drives any core (lib/base/core.h) with real sockets around a libev loop.
 *
 * One callback does it all: read once, run the core, fulfil its wishes, write at once; a write
 * watcher only ever waits for a socket that was full. The thread of the loop calls everything here.
 *
 * What a core can rely on:
 * - OPENED comes exactly once for each DIAL: with HL_OK, HL_E_REFUSED, HL_E_TIMEOUT (at_us),
 *   HL_E_CLOSED (the core closed it meanwhile), HL_E_ARG, HL_E_FULL (no descriptors), HL_E_NOMEM.
 * - ENDED comes exactly once for each port that opened, and no event for it afterwards. err is
 *   HL_OK when the peer has ended its side, or the core had it closed; HL_E_CLOSED when it was cut;
 *   HL_E_TIMEOUT when a CLOSE with drain could not write everything within 5 s.
 * - ROOM comes when all of `out` has been written, if it had been stuck, or if it was at least half
 *   full: a core that stops for want of room is always told.
 * - An event may come while a wish is being fulfilled, never inside event() or wish().
 * - A port whose `in` is full is not read; it is looked at again after every event.
 * - After RELAY: what was in `out` and `in` goes first, in order; a half-close is passed on; ENDED
 *   of each port comes when both directions have ended, its `moved` is what came from that port and
 *   was written to the other. CLOSE of one closes both. Where one side is cut, so is the other.
 * - A port that port() does not know after its ACCEPTED was not wanted: it is closed, unmentioned.
 */
#pragma once

#include "lib/base/env.h"

struct ev_loop;
struct hl_shell;
struct hl_jobs;
struct hl_os_env;

/** A shell around `core`; all four outlive it. HL_E_NOMEM. */
HL_CHECKED hl_err hl_shell_new(struct ev_loop *loop, struct hl_env *env,
	const struct hl_core_ops *ops, void *core, struct hl_shell **out);
/** Close everything and free, without a word to the core; NULL is allowed. */
void hl_shell_free(struct hl_shell *shell);
void hl_shell_freep(struct hl_shell **shell);

enum {
	HL_LISTEN_SAME_USER = 1, /* unix sockets: only processes of our own user (SO_PEERCRED) */
};

/** Take connections from `fd` (of lib/os/listen.h), which is the shell's from now on. The core
 * hears `listener` with every one. HL_E_NOMEM (`fd` is still the caller's). */
HL_CHECKED hl_err hl_shell_listen(
	struct hl_shell *shell, int fd, unsigned listener, unsigned flags);

/** Let the jobs of the core, which has `env`, run on `jobs`; its HL_EV_JOB comes through here. */
void hl_shell_jobs(struct hl_shell *shell, struct hl_os_env *env, struct hl_jobs *jobs);

/**
 * How to fulfil RESOLVE: resolve(at, shell, port, name, at_us) sees to it that hl_shell_resolved()
 * is called once, at the latest at `at_us` (monotonic), now or later. Without one the answer is
 * HL_E_NAME.
 */
typedef void hl_resolve_fn(
	void *at, struct hl_shell *shell, uint32_t port, const char *name, int64_t at_us);
void hl_shell_resolver(struct hl_shell *shell, hl_resolve_fn *resolve, void *at);
void hl_shell_resolved(struct hl_shell *shell, uint32_t port, hl_err err,
	const struct hl_addr *list, size_t count);

/** Fulfil the wishes that a call into the core from outside has left. */
void hl_shell_pump(struct hl_shell *shell);

/** Listen no longer. Connections go on. */
void hl_shell_stop(struct hl_shell *shell);
/** Whether something is still to be written, relays left aside. */
bool hl_shell_busy(const struct hl_shell *shell);
/** How many connections there are, dialling ones included. */
size_t hl_shell_connections(const struct hl_shell *shell);
