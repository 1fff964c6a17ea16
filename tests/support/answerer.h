/* answerer.h - a toy resolver on a UDP socket of its own, in a thread.
 *
 * The first label of a name chooses its behaviour: "pool" has three addresses, 10.0.0.0 to 10.0.0.2,
 * "many" has 70, "none" does not exist, "empty" has no address, "broken" is a failure, "cut" an
 * answer that lacks its end; to all others it says nothing. */
#pragma once

#include <pthread.h>

#include "lib/base/core.h"

struct answerer {
	int fd;
	struct hl_addr addr;
	pthread_t thread;
	bool running;
	unsigned asked; /* to be read after answerer_stop() */
};

/** The socket alone: it takes what comes and never answers. */
void answerer_open(struct answerer *a);
/** Open it and answer from then on. */
void answerer_start(struct answerer *a);
void answerer_stop(struct answerer *a);
