/* map.h - numbers to pointers: ports, requests under way, handles. Open addressing, no order. */
#pragma once

#include "lib/base/err.h"

#include <stddef.h>

struct hl_map_slot {
	uint64_t key;
	void *value; /* NULL: free */
};

struct hl_map {
	struct hl_map_slot *slot;
	size_t cap, n; /* cap is a power of two */
};

/** Keep `value` (not NULL) under `key`, instead of what was there. HL_E_NOMEM. */
HL_CHECKED hl_err hl_map_put(struct hl_map *m, uint64_t key, void *value);
/** What is kept under `key`, or NULL. */
void *hl_map_get(const struct hl_map *m, uint64_t key);
/** Take it out; NULL if it was not there. */
void *hl_map_take(struct hl_map *m, uint64_t key);
/** Walk: start with *at = 0; NULL at the end. The map must not change meanwhile. */
void *hl_map_next(const struct hl_map *m, size_t *at);
/** Free the map, not what it pointed to. */
void hl_map_clear(struct hl_map *m);
