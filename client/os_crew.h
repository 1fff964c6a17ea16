/* os_crew.h - threads that share one link: one leads, which means that it reads for all; the others wait.
 *
 *	      join                  leave, done             promoted
 *	thread ---> follower ---------------------> out   follower ---> leader
 *	      \---> leader (where nobody leads) ---> out, and promotes one follower
 *
 * One lock guards the link and the crew. It is never held over a system call: who is to be woken is
 * marked, and woken after the lock was given back. */
#pragma once

#include <pthread.h>

#include "lib/base/env.h"

/* One thread that waits. They are kept and used again until the crew is cleared, so a late wake-up hits
 * nothing that is gone. */
struct client_waiter {
	struct client_waiter *next;
	bool (*done)(void *at); /* asked under the lock */
	void *at;
	bool due; /* to be woken at the next unlock */
	pthread_cond_t wake;
};

struct client_crew {
	pthread_mutex_t lock;
	struct client_waiter *first, *spare;
	bool led;
};

HL_CHECKED hl_err client_crew_init(struct client_crew *c);
/** No thread may be in it. */
void client_crew_clear(struct client_crew *c);

void client_crew_lock(struct client_crew *c);
/** Give the lock back, then wake those who are due. */
void client_crew_unlock(struct client_crew *c);

/* All below: under the lock. */

/** NULL: out of memory. */
struct client_waiter *client_crew_join(struct client_crew *c, bool (*done)(void *at), void *at);
/** Where nobody leads, exactly one of those who still wait is woken to do so. */
void client_crew_leave(struct client_crew *c, struct client_waiter *w);
/** Whether one or two threads are in it. */
bool client_crew_is_few(const struct client_crew *c);
/** Something has happened: those whose wait is over are due. */
void client_crew_look(struct client_crew *c);
/** Wait until somebody wakes `w`, or until `until_us` (monotonic; 0: without end). The lock is given back
 * meanwhile. False: that time has passed. */
bool client_crew_follow(struct client_crew *c, struct client_waiter *w, int64_t until_us);
