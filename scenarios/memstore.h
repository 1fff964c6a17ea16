/* memstore.h - the HSM's store in plain memory, for the simulator and for tests.
 *
 * A commit is made when its job runs; commits that a simulated crash keeps from running never
 * were. It keeps a generation and no sum: nobody else can reach this memory, and nothing can put it back. Used by
 * one thread. */
#pragma once

#include "hsm/store.h"

struct sim_memstore;

/** An empty store, at generation 0. HL_E_NOMEM. */
HL_CHECKED hl_err sim_memstore_new(struct sim_memstore **out);
/** NULL is allowed. */
void sim_memstore_free(struct sim_memstore *m);
struct hsm_store sim_memstore_store(struct sim_memstore *m);
