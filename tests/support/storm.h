/* storm.h - bad weather over a live world: members are killed with SIGKILL, stand still and are started again, at random,
 * while threads of the test go on. What these are told is counted here, and how long they waited.
 *
 *	HL_STORM_SECONDS  how long, 15 where it is not set
 *	HL_STORM_SEED     the seed that was printed: the same victims and the same requests again, though not the same moments */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "tests/support/ledger.h"
#include "tests/support/live.h"

struct storm_victim {
	char name[16];
	bool hangs;       /* stands still until then; else it is dead */
	int64_t back_us;  /* when it is started again; 0: it runs */
	unsigned strikes;
};

struct storm {
	struct live *w;
	uint64_t seed, state;
	unsigned seconds;
	unsigned hsm_share; /* of 20 strikes so many are for HSMs, one is for the directory, the others are for proxies */
	struct storm_victim victim[1 + 2 * LIVE_EACH]; /* the directory, the proxies, the HSMs */
	size_t victims;
	unsigned proxies, hsms;
	atomic_bool over, settled;
	atomic_int_least64_t over_us; /* when it was */
	atomic_int_least64_t late_us; /* how late this machine wakes a thread that does nothing but wait */
	pthread_t gauge;
};

/** Look at the environment, and print what the storm will be. */
void storm_forecast(struct storm *s, const char *name);
/** It comes over this world. False: it cannot be. */
bool storm_begin(struct storm *s, struct live *w, unsigned proxies, unsigned hsms);
/** Strike until then. False: a member did not come back, or ended by itself. */
bool storm_until(struct storm *s, int64_t until_us);
/** Until then there is no HSM, but all members behind it. False: as above. */
bool storm_darkness(struct storm *s, int64_t until_us);
/** All members are back; storm_is_over() from now on. False: one is not. */
bool storm_end(struct storm *s);
bool storm_is_over(struct storm *s);
/** No thread goes on any more. */
void storm_settle(struct storm *s);
/** How long a call may be under way when its limit has passed: some wake-ups, each as late as this machine was, and
 * the work that a thread may have begun, a key derivation or half a handshake. */
int64_t storm_slack_us(struct storm *s);

/* -- what a thread was told ---------------------------------------------------------------------------------------- */

#define STORM_DEEDS 16
#define STORM_CODES 1000

struct storm_tally {
	unsigned done[STORM_DEEDS], refused[STORM_DEEDS], unknown[STORM_DEEDS];
	unsigned code[STORM_CODES];    /* of what was not done */
	int64_t longest_us, worst_us;  /* call; beyond its limit */
	unsigned wrong;                /* what must not be, each printed */
};

/** Nothing yet. */
struct storm_tally storm_tally(void);
/** Whether a thread goes on: until the storm is over, and behind it until it has done each of these deeds (1 << deed) once,
 * since a machine that is busy elsewhere may have left it no time; but not for ever. */
bool storm_goes_on(struct storm *s, const struct storm_tally *t, unsigned deeds);
/** A deed is over: how it ended, with which code (0: it is done), when it had begun, how long it might have taken. */
void storm_note(struct storm_tally *t, unsigned deed, enum fate fate, int code, int64_t begun_us, unsigned limit_ms);
/** It must not be, and is printed. */
void storm_wrong(struct storm_tally *t, unsigned thread, const char *label, const char *what, int code);
void storm_add(struct storm_tally *to, const struct storm_tally *from);
/** All of it, and who was struck; codes are CK_RVs, or ids of HL errors. */
void storm_print(struct storm *s, const struct storm_tally *all, const char *const *deed, size_t deeds, bool are_ckr);
