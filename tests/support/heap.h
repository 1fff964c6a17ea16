/* heap.h - how many blocks the whole process holds on the heap, counted at malloc and free.
 *
 * Blocks, not bytes: an allocator may round the same request differently from one time to the next. 0 in
 * builds with a sanitizer, which have an allocator and a leak check of their own. */
#pragma once

#include <stddef.h>

size_t heap_blocks(void);
