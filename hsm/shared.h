/* shared.h - what the members and workers of a cluster share in memory: used grants, incarnation.
 *
 * 65,536 words of 8 bytes: a 40-bit keyed hash of the connection id and the monotonic second (24
 * bits) in which the word expires. A slot is taken by one compare-and-swap; at most 16 are probed. */
#pragma once

#include "lib/base/env.h"
#include "lib/wire/messages.h"

struct hsm_shared_ops {
	/* HL_OK once per connection id until `expires_s` (monotonic) has passed; HL_E_USED; HL_E_BUSY: no slot. */
	hl_err (*take_grant)(void *shared, const uint8_t connection[HL_CONNECTION_ID], int64_t now_s,
		int64_t expires_s);
	/* A random value made when the first member came: HL_INCARNATION bytes. */
	const uint8_t *(*incarnation)(void *shared);
};

struct hsm_shared {
	const struct hsm_shared_ops *ops;
	void *at;
};

/* The page itself, wherever it lives. */
struct hsm_page {
	uint8_t incarnation[HL_INCARNATION];
	uint8_t hash_key[16];
	uint64_t grant[65536];
};
/** The ops over a page in plain memory (a simulator, a test) or in a mapped file. */
struct hsm_shared hsm_page_shared(struct hsm_page *page);
/** Begin a new life of the cluster in `page`: random incarnation and key, no grants. */
void hsm_page_begin(struct hsm_page *page, const struct hl_env *env);

/* A mapped file (0600): the member that locks it when nobody holds it begins a new incarnation;
 * each member holds a shared lock for its life. */
struct hsm_shared_file;
HL_CHECKED hl_err hsm_shared_open(const char *path, const struct hl_env *env, struct hsm_shared_file **out);
void hsm_shared_close(struct hsm_shared_file *f);
struct hsm_shared hsm_shared_file_ops(struct hsm_shared_file *f);
