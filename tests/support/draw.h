/* draw.h - numbers that look random and are the same in every run: splitmix64 (Vigna). */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/** One of 0 to n - 1; 0 where n is 0. */
static inline size_t draw_below(uint64_t *state, size_t n)
{
	return n ? (size_t)(draw(state) % n) : 0;
}

static inline void draw_bytes(uint64_t *state, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)draw(state);
}
