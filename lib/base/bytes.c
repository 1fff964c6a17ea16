#include "lib/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

bool hl_bytes_eq_secret(struct hl_bytes a, struct hl_bytes b)
{
	return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

hl_err hl_bytes_str(struct hl_bytes b, char *out, size_t size)
{
	if (b.n >= size || (b.n > 0 && memchr(b.p, 0, b.n)))
		return HL_E_RANGE;
	if (b.n > 0)
		memcpy(out, b.p, b.n);
	out[b.n] = 0;
	return HL_OK;
}

void hl_hex(struct hl_bytes b, char *out)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < b.n; i++) {
		*out++ = digit[b.p[i] >> 4];
		*out++ = digit[b.p[i] & 15];
	}
	*out = 0;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

hl_err hl_unhex(const char *hex, size_t n, uint8_t *out, size_t max, size_t *len)
{
	if (n % 2 != 0 || n / 2 > max)
		return HL_E_RANGE;
	for (size_t i = 0; i < n; i += 2) {
		int high = nibble(hex[i]), low = nibble(hex[i + 1]);

		if (high < 0 || low < 0)
			return HL_E_RANGE;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	*len = n / 2;
	return HL_OK;
}

static void wipe_and_free(uint8_t *p, size_t n)
{
	if (p)
		OPENSSL_cleanse(p, n);
	free(p);
}

/* The old memory is wiped: buffers hold plaintext at the ends of a channel. */
static bool move_to(struct hl_buf *b, size_t cap)
{
	uint8_t *other = malloc(cap);

	if (!other)
		return false;
	if (b->n > 0)
		memcpy(other, b->base + b->off, b->n);
	wipe_and_free(b->base, b->off + b->n);
	b->base = other;
	b->cap = cap;
	b->off = 0;
	return true;
}

/* Bring the content to the front, in the old memory if it fits, else in twice as much. */
static bool make_room(struct hl_buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : 256;

	if (b->off > 0 && need <= b->cap && b->off >= b->n) {
		memcpy(b->base, b->base + b->off, b->n);
		OPENSSL_cleanse(b->base + b->off, b->n);
		b->off = 0;
		return true;
	}
	while (cap < need)
		cap *= 2;
	return move_to(b, cap);
}

uint8_t *hl_buf_room(struct hl_buf *b, size_t n)
{
	if (b->err != HL_OK)
		return NULL;
	if (n > b->max || b->n > b->max - n) {
		b->err = HL_E_FULL;
		return NULL;
	}
	if (b->cap - b->off - b->n < n && !make_room(b, b->n + n)) {
		b->err = HL_E_NOMEM;
		return NULL;
	}
	return b->base + b->off + b->n;
}

void hl_buf_grow(struct hl_buf *b, size_t n)
{
	b->n += n;
}

void hl_buf_put(struct hl_buf *b, struct hl_bytes bytes)
{
	uint8_t *room;

	if (bytes.n == 0)
		return;
	room = hl_buf_room(b, bytes.n);
	if (!room)
		return;
	memcpy(room, bytes.p, bytes.n);
	b->n += bytes.n;
}

static void put_be(struct hl_buf *b, uint64_t v, size_t width)
{
	uint8_t be[8];

	for (size_t i = 0; i < width; i++)
		be[i] = (uint8_t)(v >> 8 * (width - 1 - i));
	hl_buf_put(b, hl_bytes(be, width));
}

void hl_buf_u8(struct hl_buf *b, uint8_t v)
{
	put_be(b, v, 1);
}

void hl_buf_u16(struct hl_buf *b, uint16_t v)
{
	put_be(b, v, 2);
}

void hl_buf_u32(struct hl_buf *b, uint32_t v)
{
	put_be(b, v, 4);
}

void hl_buf_u64(struct hl_buf *b, uint64_t v)
{
	put_be(b, v, 8);
}

void hl_buf_text(struct hl_buf *b, const char *s)
{
	hl_buf_put(b, hl_text(s));
}

void hl_buf_printf(struct hl_buf *b, const char *format, ...)
{
	va_list args;
	int n;
	uint8_t *room;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		b->err = b->err == HL_OK ? HL_E_BUG : b->err;
	b->max++; /* vsnprintf also writes a NUL, which is no part of the content */
	room = hl_buf_room(b, (size_t)n + 1);
	b->max--;
	if (!room)
		return;
	va_start(args, format);
	vsnprintf((char *)room, (size_t)n + 1, format, args);
	va_end(args);
	b->n += (size_t)n;
}

void hl_buf_set_u32(struct hl_buf *b, size_t at, uint32_t v)
{
	if (b->err != HL_OK || b->n < 4 || at > b->n - 4)
		return;
	for (size_t i = 0; i < 4; i++)
		b->base[b->off + at + i] = (uint8_t)(v >> 8 * (3 - i));
}

void hl_buf_eat(struct hl_buf *b, size_t n)
{
	if (n >= b->n) {
		if (b->base)
			OPENSSL_cleanse(b->base + b->off, b->n);
		b->off = b->n = 0;
		return;
	}
	OPENSSL_cleanse(b->base + b->off, n);
	b->off += n;
	b->n -= n;
}

void hl_buf_cut(struct hl_buf *b, size_t n)
{
	if (n >= b->n)
		return;
	OPENSSL_cleanse(b->base + b->off + n, b->n - n);
	b->n = n;
}

void hl_buf_reset(struct hl_buf *b)
{
	hl_buf_eat(b, b->n);
	b->err = HL_OK;
}

void hl_buf_fit(struct hl_buf *b)
{
	hl_err err = b->err;

	if (b->n == 0)
		hl_buf_clear(b);
	else if (b->cap > b->n)
		(void)move_to(b, b->n); /* where there is no memory for less, all stays as it is */
	b->err = err;
}

void hl_buf_clear(struct hl_buf *b)
{
	wipe_and_free(b->base, b->off + b->n);
	*b = (struct hl_buf){ .max = b->max };
}

void hl_buf_move(struct hl_buf *to, struct hl_buf *from)
{
	hl_buf_put(to, hl_buf_view(from));
	hl_buf_eat(from, from->n);
}

static uint64_t take_be(struct hl_rd *r, size_t width)
{
	struct hl_bytes b = hl_rd_bytes(r, width);
	uint64_t v = 0;

	for (size_t i = 0; i < b.n; i++)
		v = v << 8 | b.p[i];
	return v;
}

uint8_t hl_rd_u8(struct hl_rd *r)
{
	return (uint8_t)take_be(r, 1);
}

uint16_t hl_rd_u16(struct hl_rd *r)
{
	return (uint16_t)take_be(r, 2);
}

uint32_t hl_rd_u32(struct hl_rd *r)
{
	return (uint32_t)take_be(r, 4);
}

uint64_t hl_rd_u64(struct hl_rd *r)
{
	return take_be(r, 8);
}

struct hl_bytes hl_rd_bytes(struct hl_rd *r, size_t n)
{
	struct hl_bytes b = { r->p, n };

	if (r->err == HL_OK && n > r->left)
		r->err = HL_E_SHORT;
	if (r->err != HL_OK)
		return (struct hl_bytes){ 0 };
	if (n > 0) /* 0 may not be added to NULL */
		r->p += n;
	r->left -= n;
	return b;
}

hl_err hl_rd_end(const struct hl_rd *r)
{
	return r->err == HL_OK && r->left > 0 ? HL_E_TRAIL : r->err;
}
