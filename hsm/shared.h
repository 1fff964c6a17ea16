/* shared.h - what the members and workers of a cluster share in memory: used grants, incarnation, where it stands.
 *
 * 65,536 words of 8 bytes: a 40-bit keyed hash of the connection id and the monotonic second (24
 * bits) in which the word expires. A grant is taken by one compare-and-swap; at most 16 words are
 * probed. page.c has the ops and why two takers of one id never both win; page_store.c the file. */
#pragma once

#include <stdatomic.h>

#include "lib/base/env.h"
#include "lib/wire/messages.h"

#define HSM_GRANTS 65536
/* How far ahead a grant may expire. Tickets live an hour at most. */
#define HSM_GRANT_LIFE_S 86400
/* How long its word is kept after that, so that a taker that was held up between reading the clock
 * and taking does not find it gone. */
#define HSM_GRANT_SLACK_S 60

/* Where the cluster stands, as its members have told one another; each number only rises. The store is never
 * behind it, but may be ahead for as long as it takes from a commit to its answer. */
struct hsm_mark {
	uint64_t term;       /* changes of master */
	uint64_t generation; /* of the store: all up to it is guarded */
	uint64_t epoch;      /* raised by each commit that changes or removes what members keep in memory */
};

struct hsm_shared_ops {
	/* HL_OK once per connection id until `expires_s` has passed; HL_E_USED; HL_E_BUSY: no word is
	 * free (also, rarely, for a taker that raced with the one that got the last free word).
	 * HL_E_RANGE: expires_s is before now_s or more than HSM_GRANT_LIFE_S after it. HL_E_CRYPTO.
	 * Both are seconds of the monotonic clock, which all processes of a machine share; now_s was
	 * read for this call. */
	hl_err (*take_grant)(void *shared, const uint8_t connection[HL_CONNECTION_ID],
		int64_t now_s, int64_t expires_s);
	/* A random value made when the first member came: HL_INCARNATION bytes. */
	const uint8_t *(*incarnation)(void *shared);
	void (*mark)(void *shared, struct hsm_mark *out);
	/* Raise what stands lower than in `to`. Who sees the new generation or term sees the new epoch too. */
	void (*raise)(void *shared, const struct hsm_mark *to);
};

struct hsm_shared {
	const struct hsm_shared_ops *ops;
	void *at;
};

/* The page itself, wherever it lives. A word is hash << 24 | second of expiry, 0: never used. */
struct hsm_page {
	uint8_t incarnation[HL_INCARNATION];
	uint8_t hash_key[16];
	_Atomic uint64_t term, generation, epoch;
	_Atomic uint64_t grant[HSM_GRANTS];
};
/** The ops over a page in plain memory (a simulator, a test) or in a mapped file. */
struct hsm_shared hsm_page_shared(struct hsm_page *page);
/** Begin a new life of the cluster in `page`, which nobody else uses: random incarnation and key,
 * no grants, a mark of zeros. */
void hsm_page_begin(struct hsm_page *page, const struct hl_env *env);

/* A mapped file (0600): the member that locks it when nobody holds it begins a new incarnation;
 * each member holds a shared lock for its life. Children that a member forks hold it with it. */
struct hsm_shared_file;
/** Join, waiting for a member that is just beginning. HL_E_MODE: file or folder are not ours alone;
 * HL_E_STORE: the file is something else, and left as it was; HL_E_CREATE, HL_E_FULL (no room on
 * the disk), HL_E_IO, HL_E_NOMEM. */
HL_CHECKED hl_err hsm_shared_open(
	const char *path, const struct hl_env *env, struct hsm_shared_file **out);
void hsm_shared_close(struct hsm_shared_file *f); /* NULL is allowed */
struct hsm_shared hsm_shared_file_ops(struct hsm_shared_file *f);
