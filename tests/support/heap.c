#include "tests/support/heap.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static atomic_size_t blocks;

size_t heap_blocks(void)
{
	return atomic_load(&blocks);
}

#ifndef SANITIZED
/* glibc's own functions under their second names. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);
void __libc_free(void *p);

#define EXPORT __attribute__((visibility("default")))

static void *counted(void *p)
{
	if (p)
		atomic_fetch_add(&blocks, 1);
	return p;
}

EXPORT void *malloc(size_t n)
{
	return counted(__libc_malloc(n));
}

EXPORT void *calloc(size_t n, size_t size)
{
	return counted(__libc_calloc(n, size));
}

EXPORT void *realloc(void *p, size_t n)
{
	void *q = __libc_realloc(p, n);

	if (!p)
		return counted(q);
	if (n == 0) /* glibc has freed it */
		atomic_fetch_sub(&blocks, 1);
	return q;
}

EXPORT void *aligned_alloc(size_t alignment, size_t n)
{
	return counted(__libc_memalign(alignment, n));
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t n)
{
	*out = counted(__libc_memalign(alignment, n));
	return *out ? 0 : ENOMEM;
}

EXPORT void free(void *p)
{
	if (p)
		atomic_fetch_sub(&blocks, 1);
	__libc_free(p);
}
#endif
