#include "lib/base/secret.h"

#include <openssl/crypto.h>

/* 256 KiB hold a few thousand secrets and stay far below the usual 8 MiB of locked memory. */
#define HEAP_BYTES (256u << 10)
#define HEAP_SMALLEST 32

bool hl_secret_heap(void)
{
	if (CRYPTO_secure_malloc_initialized())
		return true;
	return CRYPTO_secure_malloc_init(HEAP_BYTES, HEAP_SMALLEST) == 1;
}

hl_err hl_secret_make(struct hl_secret *s, size_t n)
{
	hl_secret_clear(s);
	s->p = OPENSSL_secure_zalloc(n ? n : 1);
	if (!s->p)
		s->p = OPENSSL_zalloc(n ? n : 1);
	if (!s->p)
		return HL_E_NOMEM;
	s->n = n;
	return HL_OK;
}

hl_err hl_secret_set(struct hl_secret *s, struct hl_bytes b)
{
	struct hl_secret fresh = { 0 };

	HL_TRY(hl_secret_make(&fresh, b.n));
	if (b.n > 0)
		memcpy(fresh.p, b.p, b.n);
	hl_secret_clear(s);
	*s = fresh;
	return HL_OK;
}

void hl_secret_clear(struct hl_secret *s)
{
	if (s->p)
		OPENSSL_secure_clear_free(s->p, s->n ? s->n : 1);
	*s = (struct hl_secret){ 0 };
}
