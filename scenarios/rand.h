/* rand.h - OpenSSL's generator replaced by PRF(seed, entity, n). Linked into the simulator only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A stream of pseudo-random bytes with a name. */
struct sim_stream {
	uint64_t seed;
	char entity[64];
	uint64_t n;
};

void sim_stream_draw(struct sim_stream *s, void *out, size_t n);

/** From now on OpenSSL draws from `s` (NULL: none is set, drawing fails). */
void sim_rand_use(struct sim_stream *s);
void sim_rand_install(void);
void sim_rand_remove(void);
