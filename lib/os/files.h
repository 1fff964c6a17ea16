/* files.h - whole files, folders, secrecy of files, process locks.
 *
 * Where a function fails, errno still holds the system's reason. */
#pragma once

#include <sys/types.h>

#include "lib/base/bytes.h"

/** Append all of `path` to `out`. HL_E_NOT_FOUND; HL_E_TOO_LONG: more than `most` bytes, or than
 * `out` takes; HL_E_IO. */
HL_CHECKED hl_err hl_file_read(const char *path, size_t most, struct hl_buf *out);
/** The same of a descriptor, to its end. HL_E_TOO_LONG, HL_E_IO. */
HL_CHECKED hl_err hl_fd_read(int fd, size_t most, struct hl_buf *out);

/**
 * Replace `path` by `content`, all or nothing, also across a power cut: a new file in the same
 * folder with `mode` (not masked), synced, renamed over it, the folder synced.
 * HL_E_CREATE, HL_E_IO; the old file then stays.
 */
HL_CHECKED hl_err hl_file_write(const char *path, mode_t mode, struct hl_bytes content);

/** Make the folder and what is missing above it, each with `mode` (not masked). One that is there
 * already keeps its mode. HL_E_CREATE. */
HL_CHECKED hl_err hl_folder_make(const char *path, mode_t mode);

enum hl_secrecy {
	HL_SECRET_OF_DAEMON, /* ours, 0600 or less */
	HL_SECRET_OF_CLIENT, /* ours or root's; the group may read, never write; others nothing */
};

/** Whether a file with secrets is as private as it must be. HL_E_MODE, HL_E_NOT_FOUND, HL_E_IO. */
HL_CHECKED hl_err hl_file_private(const char *path, enum hl_secrecy whose);

/** hl_file_read() of a file with secrets: what is read is the very file that was checked. HL_E_MODE
 * as well; `out` is the caller's to clear (hl_buf_clear wipes). */
HL_CHECKED hl_err hl_file_read_private(
	const char *path, enum hl_secrecy whose, size_t most, struct hl_buf *out);

/**
 * Lock the file (made with 0600 where there is none) for the life of this process; the kernel ends
 * the lock with the process, however it ends. HL_E_BUSY: another process holds it; HL_E_CREATE,
 * HL_E_IO. Not to be called by two threads at once.
 */
HL_CHECKED hl_err hl_lock_take(const char *path);

/** Who holds it (also where this process does). HL_E_NOT_FOUND: nobody, or there is no such file;
 * HL_E_IO. */
HL_CHECKED hl_err hl_lock_holder(const char *path, pid_t *pid);
