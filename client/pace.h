/* pace.h - how long the HSM works on what it is asked, as seen from here, and which link a request takes.
 *
 *	sent ------------ trip, work -----------> answered      alone: the work took less than this
 *	sent ----- trip ----- answered -- work -> answered      the HSM had it already when it gave the answer before
 *
 * Short work gains by being answered together, over one link. Long work does not, and one link is one HSM's core. Pure.
 * Any number of threads learn and ask at once, without a lock: what is lost is one answer's time. */
#pragma once

#include <stdatomic.h>

#include "lib/wire/messages.h"

#define CLIENT_PACE_KINDS 256
/* So many times of a kind are seen before they count: the first one may have found its key not loaded. */
#define CLIENT_PACE_SURE 8
/* Work from here on is long. Measured on two busy cores with two HSMs: P-256 shows as 15 to 50 us, and two threads with it
 * are no faster over two links than over one; RSA-2048 shows as 260, and it and P-384 are half as fast again over two. */
#define CLIENT_LONG_US 100
/* So many calls under way on one link are a crowd, however short they are. */
#define CLIENT_CROWD 4

struct client_pace {
	_Atomic uint32_t trip_us;                 /* the least that an answer took of late; 0: none yet */
	_Atomic uint64_t kind[CLIENT_PACE_KINDS]; /* its name, 32 bits; how many answers, 8; the least of late, us, 24; zeros: free */
};

/* The work of a request by key and mechanism, and by mechanism alone, for keys that are not known yet; zeros: not judged. */
struct client_kind {
	uint32_t of_key, of_mechanism;
};
struct client_kind client_kind_of(const struct hl_msg *msg, const void *body);

/* Some answers that came at once, monotonic us. */
struct client_answers {
	int64_t sent_us;   /* when the first of their requests was sent */
	int64_t before_us; /* when the answers before them came; 0: none on this link */
	int64_t now_us;
	unsigned n;
};

/** There and back took so long, to the HSM itself: a connection ends at the proxy. The least counts, and rises by little
 * with each later one, since the HSM of the next link may be farther away. `p` may be NULL, here and below. */
void client_pace_trip(struct client_pace *p, int64_t us);
/** They came, all of this kind. */
void client_pace_learn(struct client_pace *p, const struct client_answers *a, struct client_kind kind);
/** How long the HSM works on one of this kind, in us; 0: it is short, or not known yet. */
uint32_t client_pace_long_us(struct client_pace *p, struct client_kind kind);

/* What a link has to do. */
struct client_load {
	unsigned calls;   /* under way */
	uint32_t long_us; /* the long work among them */
	bool rests;       /* it has failed, and is not to be used */
};

/** Which of `n` links takes the next request that may take any. The first is home: there it stays where nothing long is
 * ahead of it and no crowd; else it goes where least is ahead. */
size_t client_pace_choose(const struct client_load *load, size_t n);
/** Until when a link that is not home may try a request with this deadline (0: none): half of the time stays for home, and
 * CLIENT_OP_MS are enough anywhere. */
int64_t client_pace_until_us(int64_t now_us, int64_t deadline_us);
