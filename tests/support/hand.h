/* hand.h - one of the threads that go on through a storm: what it draws, which pairs it works with, what it was told.
 *
 * It works with its last pairs; the oldest one goes, or is left for good. Begin and end of each call are told here, and what
 * came of it stands in its ledger and its tally. */
#pragma once

#include "tests/support/storm.h"

#define HAND_KEPT 12       /* pairs that it works with */
#define HAND_LEFT_MOST 200 /* pairs that it leaves for good: a partition has room for 10,000 objects */

struct hand {
	unsigned number;
	uint64_t state; /* of its draws */
	char prefix[32];
	struct ledger ledger;
	size_t oldest; /* pairs before it are not worked with any more */
	unsigned left;
	struct storm_tally tally;
	int64_t begun_us;
	pthread_t thread;
};

struct hand hand_of(const struct storm *s, unsigned number);
/** What must not be. */
void hand_wrong(struct hand *h, const char *what, const char *label, int code);
void hand_begins(struct hand *h);
/** storm_note() of the call that it has begun last. */
enum fate hand_ends(struct hand *h, unsigned deed, enum fate fate, int code, unsigned limit_ms);

/** Whether it has more pairs than it works with: then hand_retires() comes. */
bool hand_is_full(const struct hand *h);
/** One of those that it works with; NULL: it has none. */
struct ledger_pair *hand_draws(struct hand *h);
/** The oldest pair is worked with no more. NULL: it is left for good, or is none; else its row, and it is to be destroyed. */
struct ledger_pair *hand_retires(struct hand *h, size_t *row);
/** Some are destroyed once more than they can be. */
bool hand_repeats(struct hand *h);
/** An object of the pair was destroyed so; or (`not_there`) there was none. */
void hand_destroyed(struct hand *h, struct ledger_pair *p, unsigned which, enum fate fate, bool not_there, int code);

/** All ended well: each of `often` was done. */
void hands_judged(struct storm *s, const struct hand *const *h, size_t n, const char *const *deed, size_t deeds, bool are_ckr,
	const unsigned *often, size_t often_n);
/** What all labels of a storm begin with. */
void hands_prefix(const struct storm *s, char out[32]);
