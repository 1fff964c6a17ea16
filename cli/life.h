/* life.h - the members of a world together: started in order, awaited, stopped. */
#pragma once

#include "cli/process.h"
#include "client/os_files.h"

/* What one call has started; it is ended again where the call fails. */
struct cli_start {
	struct cli_process process[CLI_MEMBERS_MAX];
	size_t n;
	int die_fd; /* passed on to the daemons; -1: they outlive us */
};

#define CLI_AWAIT_MS 60000

/** Keep others from starting or stopping the same world until client_lock_release(). Waits for them 10 s at
 * most: HL_E_BUSY. */
HL_CHECKED hl_err cli_world_lock(
	struct cli *c, const struct cli_world *w, struct client_lock *lock);

/** Start one member and wait for its ready line. */
HL_CHECKED hl_err cli_member_start(
	struct cli *c, const struct cli_world *w, const struct cli_member *m, struct cli_start *s);
/** Start those that do not run, directory first, each after the one before is ready. */
HL_CHECKED hl_err cli_world_start(struct cli *c, const struct cli_world *w, struct cli_start *s);
/** End what `s` has started. */
void cli_world_undo(struct cli_start *s);

/** Wait until the directory lists all members as up; at once where one of `s` (may be NULL) ends.
 * HL_E_TIMEOUT, HL_E_WORLD. */
HL_CHECKED hl_err cli_world_await(
	struct cli *c, const struct cli_world *w, struct cli_start *s, int64_t limit_ms);

/** Stop all that run: proxies, HSMs, directory. *ran (may be NULL) is how many did. */
HL_CHECKED hl_err cli_world_stop(struct cli *c, const struct cli_world *w, unsigned *ran);

/** HL_E_TIMEOUT where a signal has stopped one of the daemons; the trouble names it. */
HL_CHECKED hl_err cli_world_awake(struct cli *c, const struct cli_world *w);

/** How many members run, by their locks. */
unsigned cli_world_running(const struct cli_world *w);
