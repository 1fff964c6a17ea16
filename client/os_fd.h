/* os_fd.h - descriptors of the blocking shell, known by what they are and not by their number alone.
 *
 * An application may close numbers that it did not open (a daemon closes all of them), and get the same
 * numbers again for files of its own; a child after fork() may do so more than anybody. Whoever
 * closes looks first whether the number still names what was opened. */
#pragma once

#include <sys/types.h>

#include "lib/base/core.h"

struct client_fd {
	int fd; /* -1: none */
	dev_t device;
	ino_t inode;
};

#define CLIENT_FD_NONE ((struct client_fd){ .fd = -1 })

/** Remember what `fd` is; -1 gives CLIENT_FD_NONE. */
struct client_fd client_fd_of(int fd);
/** Whether the number still names it. */
bool client_fd_is_ours(const struct client_fd *f);
/** Close it, if it is still ours; CLIENT_FD_NONE afterwards. */
void client_fd_close(struct client_fd *f);

/** A TCP connection that begins to `to`; CLIENT_FD_NONE: the system refused at once. */
struct client_fd client_fd_dial(const struct hl_addr *to);
/** How connecting has ended. HL_E_TIMEOUT, HL_E_REFUSED. */
HL_CHECKED hl_err client_fd_connected(const struct client_fd *f);
/** A pipe that neither blocks nor outlives exec. HL_E_IO. */
HL_CHECKED hl_err client_fd_pipe(struct client_fd out[2]);
