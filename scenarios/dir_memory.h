/* dir_memory.h - the directory's store over plain arrays, for the simulator and for tests.
 *
 * The same rules and results as directory/store.c. Nothing survives it; one thread. */
#pragma once

#include "directory/store.h"

struct dir_memory;

/** An empty store, to be freed with dir_memory_free(). HL_E_NOMEM. */
HL_CHECKED hl_err dir_memory_new(struct dir_memory **out);
/** NULL is allowed. */
void dir_memory_free(struct dir_memory *m);
void dir_memory_freep(struct dir_memory **m); /* for HL_AUTO */
struct dir_store dir_memory_store(struct dir_memory *m);

/** As dir_sqlite_set_cluster() and dir_sqlite_set_pool(). */
HL_CHECKED hl_err dir_memory_set_cluster(
	struct dir_memory *m, const char *cluster, const struct dir_member *member, size_t n);
HL_CHECKED hl_err dir_memory_set_pool(
	struct dir_memory *m, const char *pool, const struct dir_member *member, size_t n);
