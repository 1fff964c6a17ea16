/* os_files.h - what the client asks of the file system beyond lib/os/files.h, and of the environment. */
#pragma once

#include "lib/base/bytes.h"

/** The environment's variable of this name; NULL: there is none. */
const char *client_environment(const char *name);

/** Whether there is something at `path` that can be opened for reading, as far as the mode tells. */
bool client_file_exists(const char *path);

/**
 * "path: why" into error[512]: the system's own reason where one of the calls here or in lib/os/files.h
 * failed by it (errno was 0 before), else the error's text. Gives `err`.
 */
hl_err client_file_trouble(char error[512], const char *path, hl_err err);

struct client_lock {
	int fd; /* -1: not held */
};

#define CLIENT_LOCK_NONE ((struct client_lock){ .fd = -1 })

/**
 * Hold the file `path`.lock (made with 0600 where there is none, and left behind), so that of
 * many processes and threads one at a time reads, changes and replaces `path`. The kernel
 * releases it when the process ends. HL_E_TIMEOUT: somebody held it for 10 s; HL_E_CREATE,
 * HL_E_IO, HL_E_ARG (the path is too long).
 */
HL_CHECKED hl_err client_lock_take(const char *path, struct client_lock *l);
/** Release it; usable with HL_AUTO, also where it is not held. */
void client_lock_release(struct client_lock *l);
