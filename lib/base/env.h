/* env.h - the outside world of a core: time, randomness, traces, faults, jobs.
 *
 * One per process, real (lib/os/env.h) or simulated (scenarios/sim.h). A core reaches the world
 * through these functions and in no other way. */
#pragma once

#include "lib/base/core.h"
#include "lib/base/point.h"
#include "lib/base/step.h"

struct hl_msg; /* lib/wire/msg.h */

enum hl_way { HL_GOT, HL_SENT, HL_DID };

#define HL_CONNECTION_ID 16

/* One line of a trace: a step of a connection, or an event in the life of a process. */
struct hl_trace {
	int step;            /* enum hl_step; -1: a life event */
	const char *what;    /* life events: "link.up", "partition.made", ... */
	enum hl_way way;
	const uint8_t *conn; /* HL_CONNECTION_ID bytes, or NULL */
	hl_err err;          /* HL_OK, or how it ended */
	const struct hl_msg *msg; /* NULL, or the message whose insensitive fields are written */
	const void *body;         /* its struct */
	const char *note;         /* NULL, or a few words: an address, a member's name */
};

/* Lanes of work that would hold up a loop (over 2 ms). One thread each where there are threads. */
enum hl_lane { HL_LANE_CPU, HL_LANE_PIN, HL_LANE_STORE, HL_LANES };

/* A piece of work that touches no core: it reads and writes only what hangs on itself. The core
 * owns it, and may free it only after its HL_EV_JOB. */
struct hl_job {
	void (*run)(struct hl_job *j);
	enum hl_lane lane;
	struct hl_job *next; /* the env's, while it waits */
	void *owner;         /* the env's: whom to tell when it is done */
};

enum hl_fault_action { HL_FAULT_NONE, HL_FAULT_ERROR, HL_FAULT_CUT, HL_FAULT_FLIP };

struct hl_fault {
	enum hl_fault_action action;
	uint64_t arg; /* ERROR: absolute wire code; FLIP: which bit */
};

struct hl_env_ops {
	int64_t (*mono_us)(void *at); /* deadlines; never moved */
	int64_t (*wall_ms)(void *at); /* lifetimes; real clock and the world's offset page */
	void (*random)(void *at, void *out, size_t n);
	void (*trace)(void *at, const struct hl_trace *t);
	bool (*fault)(void *at, enum hl_point p, uint64_t entity, struct hl_fault *out);
	void (*submit)(void *at, struct hl_job *j); /* done: event HL_EV_JOB */
	void (*halt)(void *at, hl_err why);         /* safe stop; ends the process */
};

struct hl_env {
	const struct hl_env_ops *ops;
	void *at;
	bool faults; /* some point may fire: the one branch that an idle fault point costs */
};

static inline int64_t hl_mono_us(const struct hl_env *env)
{
	return env->ops->mono_us(env->at);
}

static inline int64_t hl_wall_ms(const struct hl_env *env)
{
	return env->ops->wall_ms(env->at);
}

static inline void hl_random(const struct hl_env *env, void *out, size_t n)
{
	env->ops->random(env->at, out, n);
}

static inline void hl_trace(const struct hl_env *env, const struct hl_trace *t)
{
	env->ops->trace(env->at, t);
}

/** A step of connection `conn`, with the message that made it (`msg` may be NULL). */
void hl_trace_step(const struct hl_env *env, enum hl_step step, enum hl_way way,
	const uint8_t *conn, const struct hl_msg *msg, const void *body, hl_err err);
/** Something in the life of the process. */
void hl_trace_life(const struct hl_env *env, const char *what, hl_err err, const char *note);

static inline void hl_submit(const struct hl_env *env, struct hl_job *j)
{
	env->ops->submit(env->at, j);
}

/** Whether a fault fires here; `entity` tells connections apart. */
static inline bool hl_fault(
	const struct hl_env *env, enum hl_point p, uint64_t entity, struct hl_fault *out)
{
#ifdef HL_NO_FAULTS
	(void)env, (void)p, (void)entity, (void)out;
	return false;
#else
	return __builtin_expect(env->faults, 0) && env->ops->fault(env->at, p, entity, out);
#endif
}

/** The error that a fault at `p` stands for; HL_OK where none fires. CUT stands for HL_E_CLOSED. */
hl_err hl_fault_err(const struct hl_env *env, enum hl_point p, uint64_t entity);
