/* secret.h - memory for passwords, keys and PINs: locked, never dumped, wiped when released.
 *
 * It stands on OpenSSL's secure heap (mlock, MADV_DONTDUMP, guard pages). A process starts that
 * heap once with hl_secret_heap(); where it was never started, or is full, ordinary memory serves,
 * still wiped. */
#pragma once

#include "lib/base/bytes.h"

struct hl_secret {
	uint8_t *p;
	size_t n;
};

/** Start the locked heap; true if its pages are locked and kept out of dumps. A second call, or
 * an application that started OpenSSL's secure heap before us, is fine. */
bool hl_secret_heap(void);

/** Make `s` (cleared or zeroed before) hold `n` zero bytes. HL_E_NOMEM. */
HL_CHECKED hl_err hl_secret_make(struct hl_secret *s, size_t n);
/** Replace the content of `s` by a copy of `b`. HL_E_NOMEM leaves it empty. */
HL_CHECKED hl_err hl_secret_set(struct hl_secret *s, struct hl_bytes b);
/** Wipe and free; usable with HL_AUTO. */
void hl_secret_clear(struct hl_secret *s);

static inline struct hl_bytes hl_secret_view(const struct hl_secret *s)
{
	return (struct hl_bytes){ s->p, s->n };
}
