/* env.h - the live outside world of a core: real clocks, kernel randomness, a trace file.
 *
 * One per core: the role in the trace is the core's. */
#pragma once

#include "lib/base/env.h"
#include "lib/os/clock.h"
#include "lib/os/trace.h"

typedef void hl_submit_fn(void *at, struct hl_job *j);

struct hl_os_env {
	struct hl_env env; /* what the core gets */
	struct hl_clock clock;
	struct hl_trace_log trace;
	hl_submit_fn *submit; /* NULL: jobs queue up here, see hl_os_env_next_job() */
	void *submit_at;
	struct hl_job *first, **last;
};

struct hl_os_env_config {
	const char *role, *who;  /* of the trace lines: "proxy", "proxy1" */
	const char *clock_page;  /* NULL or "": no offset */
	unsigned worker;         /* of a member that has several; 0: none */
	const char *trace;       /* NULL or "": no trace */
};

/** Make it, in place (it must not move afterwards); to be closed by hl_os_env_close(). Errors as of
 * hl_clock_open() and hl_trace_log_open(). */
HL_CHECKED hl_err hl_os_env_open(struct hl_os_env *e, const struct hl_os_env_config *config);
void hl_os_env_close(struct hl_os_env *e);
/** Which file of `config` it was that hl_os_env_open() failed on with `err`, and why, as far as `err` alone does
 * not say it: "/srv/clock: no clock page"; "" where it was no file. */
void hl_os_env_culprit(const struct hl_os_env_config *config, hl_err err, char *out, size_t size);

/** From now on jobs go to submit(at, job), which has HL_EV_JOB sent when they are done; the shells
 * of daemons call this (hl_shell_jobs). */
void hl_os_env_submit(struct hl_os_env *e, hl_submit_fn *submit, void *at);

/** A blocking client plugs in nothing: it takes each job after an event, runs it in its own thread
 * outside its locks, and then sends HL_EV_JOB itself. NULL: none waits. */
struct hl_job *hl_os_env_next_job(struct hl_os_env *e);
