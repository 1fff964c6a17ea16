/* workers.h - one member in several processes: a parent that listens, and workers that serve.
 *
 *	parent: lock, listening sockets ---+--- worker 1: the member's own program, with --worker 1
 *	        supervises, serves nobody   +--- worker 2
 *
 * Each worker is the same program started anew, so it shares no memory, thread or generator with the parent. It has a
 * socket of its own at the same address (SO_REUSEPORT), among which the kernel spreads connections evenly; the parent
 * made it and keeps it, so that what waits there is served by the worker that takes the place of one that died. */
#pragma once

#include "lib/os/member.h"

#define HL_WORKERS_MAX 64

/**
 * Be the parent of `n` workers (2 to HL_WORKERS_MAX) that listen at these addresses: take the member's lock, listen,
 * start them, say that the member is ready once all are, and start another for each that ends, until told to stop;
 * then all of them end within 1 s. They also end with this process, however it ends. HL_E_CONFIG (an address),
 * HL_E_BUSY (the lock), HL_E_EXISTS (an address is taken), HL_E_IO: a worker ended before all were ready; HL_E_NOMEM.
 */
HL_CHECKED hl_err hl_workers_run(struct hl_member *m, const struct hl_member_conf *conf, unsigned n,
	const char *const *listen, size_t listens);
