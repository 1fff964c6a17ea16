/* jobs.h - threads for the work that would hold up a loop: two for HL_LANE_CPU, one a lane else.
 *
 * Jobs of one lane with one thread run in the order in which they were submitted. All functions are
 * for the loop's thread; the threads touch nothing but the jobs, and take no signals. */
#pragma once

#include "lib/base/env.h"

struct ev_loop;
struct hl_jobs;

/* Whom to tell, on the loop's thread; lives as long as its jobs are under way. */
struct hl_jobs_owner {
	void (*done)(struct hl_jobs_owner *owner, struct hl_job *j);
};

/** Start the threads. HL_E_NOMEM, HL_E_IO. */
HL_CHECKED hl_err hl_jobs_new(struct ev_loop *loop, struct hl_jobs **out);
void hl_jobs_submit(struct hl_jobs *jobs, struct hl_job *j, struct hl_jobs_owner *owner);
/** How many were submitted and not yet told as done. */
size_t hl_jobs_under_way(const struct hl_jobs *jobs);
/** Wait for all that is under way, also for what its owners submit when told, at most `limit_us`.
 * True: nothing is left. */
bool hl_jobs_drain(struct hl_jobs *jobs, int64_t limit_us);
/** End the threads after the jobs that they have begun, and free; what still waits is not run.
 * NULL is allowed. */
void hl_jobs_free(struct hl_jobs *jobs);
