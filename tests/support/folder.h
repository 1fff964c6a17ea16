/* folder.h - a folder of its own (0700) for a test, and what tests do with the files in it. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/bytes.h"

struct hl_test_folder {
	char path[PATH_MAX - 256]; /* room for a name behind it */
};

/** Make it, under TMPDIR or /tmp; false where that fails. */
bool hl_test_folder_make(struct hl_test_folder *f);
/** Remove it with the files in it (it has no folders); usable with HL_AUTO. */
void hl_test_folder_remove(struct hl_test_folder *f);
/** The path of `name` in it. */
void hl_test_folder_file(const struct hl_test_folder *f, const char *name, char out[PATH_MAX]);
/** Number of entries whose name begins with `prefix`. */
size_t hl_test_folder_count(const struct hl_test_folder *f, const char *prefix);
/** Write a file with these bytes and this mode. */
bool hl_test_file_write(const char *path, const void *p, size_t n, unsigned mode);
/** All bytes of a file, to be cleared; nothing where there is none. */
struct hl_buf hl_test_file_read(const char *path);
/** Copy a file, with mode 0600; where `from` is missing, remove `to`. */
bool hl_test_file_copy(const char *from, const char *to);
/** The permission bits of a file, 0 where there is none. */
unsigned hl_test_file_mode(const char *path);
