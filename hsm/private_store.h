/* private_store.h - files that nobody but their owner may touch: made and checked. */
#pragma once

#include <sys/stat.h>

#include "lib/base/bytes.h"

/** Whether the folder that `path` stands in is ours and closed to others: HL_E_MODE. HL_E_CREATE
 * where there is no such folder. */
HL_CHECKED hl_err hsm_private_folder(const char *path);
/** Whether this is a plain file, ours and closed to others: HL_E_MODE. */
HL_CHECKED hl_err hsm_private_file(const struct stat *st);
/** Make an empty file (0600 from its first moment), unless something stands at `path`, which is
 * then left as it is. HL_E_CREATE. */
HL_CHECKED hl_err hsm_private_make(const char *path);
/** Write a whole new file (0600), on disk before this returns: under its name appears all of it or nothing.
 * HL_OK also where something stands at `path` already, which is then left as it is. HL_E_CREATE, HL_E_IO. */
HL_CHECKED hl_err hsm_private_write(const char *path, struct hl_bytes content);
/** Whether anything stands at `path`. */
bool hsm_private_exists(const char *path);
/** Make what was created or linked in the folder of `path` survive a loss of power. HL_E_IO. */
HL_CHECKED hl_err hsm_private_sync(const char *path);
