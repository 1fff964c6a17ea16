/* bytes.h - views of bytes, a growing buffer, a reading cursor; both remember their first failure. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/err.h"

/* A view: it owns nothing and lives as long as what it points into. */
struct hl_bytes {
	const uint8_t *p;
	size_t n;
};

static inline struct hl_bytes hl_bytes(const void *p, size_t n)
{
	return (struct hl_bytes){ p, n };
}

/** The view of a C string, without its NUL; NULL gives the empty view. */
static inline struct hl_bytes hl_text(const char *s)
{
	return (struct hl_bytes){ (const uint8_t *)s, s ? strlen(s) : 0 };
}

static inline bool hl_bytes_eq(struct hl_bytes a, struct hl_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/** Equal, in time that depends on the lengths only: for MACs, proofs and passwords. */
bool hl_bytes_eq_secret(struct hl_bytes a, struct hl_bytes b);

/** Copy the view as a C string into `out`; HL_E_RANGE if it does not fit or holds a NUL. */
HL_CHECKED hl_err hl_bytes_str(struct hl_bytes b, char *out, size_t size);

/** Lowercase hex of `b` and a NUL; `out` has room for 2 * b.n + 1. */
void hl_hex(struct hl_bytes b, char *out);

/** The bytes of `n` hex digits (n even, either case); HL_E_RANGE on anything else or over `max`. */
HL_CHECKED hl_err hl_unhex(const char *hex, size_t n, uint8_t *out, size_t max, size_t *len);

/* A first-in first-out buffer: appended at the end, consumed at the front, wiped when released.
 * The first failed append sticks in `err`; later ones do nothing, so a writer checks once. */
struct hl_buf {
	uint8_t *base;
	size_t off, n, cap; /* the content is base[off .. off + n) */
	size_t max;         /* n never passes it */
	hl_err err;
};

#define HL_BUF_MAX (16u << 20)

static inline struct hl_buf hl_buf(size_t max)
{
	return (struct hl_buf){ .max = max };
}

static inline struct hl_bytes hl_buf_view(const struct hl_buf *b)
{
	return (struct hl_bytes){ b->base ? b->base + b->off : NULL, b->n };
}

/** Append; HL_E_FULL past `max`, HL_E_NOMEM. */
void hl_buf_put(struct hl_buf *b, struct hl_bytes bytes);
void hl_buf_u8(struct hl_buf *b, uint8_t v);
void hl_buf_u16(struct hl_buf *b, uint16_t v); /* big-endian, as all on the wire */
void hl_buf_u32(struct hl_buf *b, uint32_t v);
void hl_buf_u64(struct hl_buf *b, uint64_t v);
void hl_buf_text(struct hl_buf *b, const char *s); /* without the NUL */
void hl_buf_printf(struct hl_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Room for `n` more bytes at the end, not yet counted; NULL (and `err`) if there is none. */
uint8_t *hl_buf_room(struct hl_buf *b, size_t n);
/** Count `n` bytes written into the room. */
void hl_buf_grow(struct hl_buf *b, size_t n);
/** Overwrite a u32 written before at `at` (counted from the front): a length filled in later. */
void hl_buf_set_u32(struct hl_buf *b, size_t at, uint32_t v);

/** Forget the first `n` bytes. */
void hl_buf_eat(struct hl_buf *b, size_t n);
/** Cut back to the first `n` bytes. */
void hl_buf_cut(struct hl_buf *b, size_t n);
/** Empty it and forget a failure, keeping the memory (wiped). */
void hl_buf_reset(struct hl_buf *b);
/** Give back the memory that its content does not need; what pointed into it is invalid afterwards. */
void hl_buf_fit(struct hl_buf *b);
/** Wipe and free; the buffer may be used again. */
void hl_buf_clear(struct hl_buf *b);
/** Move everything from `from` to the end of `to`. */
void hl_buf_move(struct hl_buf *to, struct hl_buf *from);

/* A cursor over bytes from outside: the first failure sticks and later reads yield zeros and
 * empty views, so a parser reads ten fields and checks once. It never reads past its end. */
struct hl_rd {
	const uint8_t *p;
	size_t left;
	hl_err err;
};

static inline struct hl_rd hl_rd(struct hl_bytes b)
{
	return (struct hl_rd){ b.p, b.n, HL_OK };
}

uint8_t hl_rd_u8(struct hl_rd *r);
uint16_t hl_rd_u16(struct hl_rd *r);
uint32_t hl_rd_u32(struct hl_rd *r);
uint64_t hl_rd_u64(struct hl_rd *r);
struct hl_bytes hl_rd_bytes(struct hl_rd *r, size_t n);
/** HL_E_TRAIL where bytes are left and nothing failed before. */
HL_CHECKED hl_err hl_rd_end(const struct hl_rd *r);
