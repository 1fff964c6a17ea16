/* admin.h - one question to a member over its admin socket, and its answer. */
#pragma once

#include "cli/world.h"

#define CLI_ADMIN_MS 15000
#define CLI_ADMIN_PATIENCE_MS 1000 /* then the user is told who is waited for */

/**
 * Send `body` as `msg` to `m`, a directory or an HSM (to its `worker`, 0 where it is one process), and wait for
 * `expect`, which is decoded into `answer`; its views live in `keep`, which the caller has made with a max and clears. HL_E_WORLD: nobody listens;
 * HL_E_TIMEOUT (at once where the process is stopped by a signal), HL_E_CLOSED, or what it refused with.
 */
HL_CHECKED hl_err cli_admin_ask(struct cli *c, const struct cli_world *w, const struct cli_member *m,
	unsigned worker, const struct hl_msg *msg, const void *body, const struct hl_msg *expect, void *answer, struct hl_buf *keep);

#define CLI_ANSWER_MAX (HL_FRAME_MAX + HL_FRAME_HEAD)

/** What the directory knows of members and partitions. Errors and `keep` as above. */
HL_CHECKED hl_err cli_admin_status(struct cli *c, const struct cli_world *w, struct hl_status_answer *answer,
	struct hl_buf *keep);

/** How many members of the world the directory lists as up. Errors as above. */
HL_CHECKED hl_err cli_admin_up(struct cli *c, const struct cli_world *w, unsigned *up);
/** Whether this partition is there, of whatever tenant. */
HL_CHECKED hl_err cli_admin_has_partition(
	struct cli *c, const struct cli_world *w, const char *partition, bool *there);
