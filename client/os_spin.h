/* os_spin.h - to look for an answer for a moment before one sleeps.
 *
 * A short operation is answered in half the time that it takes to fall asleep, let the core go idle, and be woken on
 * it again; and a core that is busy keeps proxy and HSM together on the other one. So a thread that waits looks a few
 * times first. Three things keep that from costing anybody more than it gains:
 *
 *	few      one thread of the process at a time, and nobody where more than two wait on its link: the cores have work then
 *	yield    between two looks whoever else has work on this core gets it
 *	luck     where answers take longer (RSA, a network) looking is given up, and tried once in a while */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/env.h"

#define CLIENT_SPIN_US 100   /* the most time that one wait looks: what a P-256 signature takes on cores that sleep */
#define CLIENT_SPIN_LUCK 8   /* so many waits in vain in a row end it, */
#define CLIENT_SPIN_AGAIN 64 /* and then each one of so many tries it again */

struct client_spin {
	bool alone;     /* there is no other core: nobody can answer while one looks */
	unsigned luck;  /* waits in vain that are still forgiven */
	unsigned slept; /* waits without a look since then */
};

void client_spin_init(struct client_spin *s);
/** Whether this wait should look first; if so, client_spin_end() follows. */
bool client_spin_begin(struct client_spin *s);
/** Whether there was an answer: returns just that. */
bool client_spin_end(struct client_spin *s, bool answered);
/** recv(2) without waiting, again and again for CLIENT_SPIN_US, or until the core is given back after that: what it returned
 * last, and errno. */
ssize_t client_spin_recv(const struct hl_env *env, int fd, void *to, size_t n);
