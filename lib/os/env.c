#include "lib/os/env.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/os/log.h"

static int64_t mono_us(void *at)
{
	(void)at;
	return hl_clock_mono_us();
}

static int64_t wall_ms(void *at)
{
	const struct hl_os_env *e = at;

	return hl_clock_wall_ms(&e->clock);
}

static void halt(void *at, hl_err why)
{
	const struct hl_os_env *e = at;

	hl_trace_life(&e->env, "halted", why, NULL);
	hl_log(HL_LOG_ERROR, "halted", "err=HL-%04d text=%s", -(int)why, hl_err_text(why));
	_exit(hl_err_row(HL_E_BUG)->exit_code);
}

/* Straight from the kernel: nothing to seed, nothing that a fork would share. */
static void random_bytes(void *at, void *out, size_t n)
{
	uint8_t *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			halt(at, HL_E_CRYPTO);
			return;
		}
		p += got;
		n -= (size_t)got;
	}
}

static void trace(void *at, const struct hl_trace *t)
{
	const struct hl_os_env *e = at;

	if (e->trace.fd >= 0)
		hl_trace_log_write(&e->trace, mono_us(at), wall_ms(at), t);
}

/* Reached only while env.faults is true, which needs a plan. */
static bool fault(void *at, enum hl_point p, uint64_t entity, struct hl_fault *out)
{
	(void)at, (void)p, (void)entity, (void)out;
	return false;
}

static void submit(void *at, struct hl_job *j)
{
	struct hl_os_env *e = at;

	if (e->submit) {
		e->submit(e->submit_at, j);
		return;
	}
	j->next = NULL;
	*e->last = j;
	e->last = &j->next;
}

static const struct hl_env_ops ops = {
	.mono_us = mono_us,
	.wall_ms = wall_ms,
	.random = random_bytes,
	.trace = trace,
	.fault = fault,
	.submit = submit,
	.halt = halt,
};

hl_err hl_os_env_open(struct hl_os_env *e, const struct hl_os_env_config *config)
{
	HL_AUTO(hl_clock_close) struct hl_clock clock = { 0 };
	struct hl_trace_log log;

	HL_TRY(hl_clock_open(&clock, config->clock_page));
	HL_TRY(hl_trace_log_open(&log, config->trace, config->role, config->who));
	*e = (struct hl_os_env){ .env = { .ops = &ops, .at = e }, .clock = clock, .trace = log };
	e->trace.worker = config->worker;
	e->last = &e->first;
	clock.page = NULL; /* from here on it is the environment's */
	return HL_OK;
}

/* Only a trace is created, and only a clock page is read. */
void hl_os_env_culprit(const struct hl_os_env_config *config, hl_err err, char *out, size_t size)
{
	const char *path = err == HL_E_CREATE ? config->trace : err == HL_E_NOMEM ? NULL : config->clock_page;

	snprintf(out, size, "%s%s", path ? path : "", path && err == HL_E_CONFIG ? ": no clock page" : "");
}

void hl_os_env_close(struct hl_os_env *e)
{
	hl_clock_close(&e->clock);
	hl_trace_log_close(&e->trace);
}

void hl_os_env_submit(struct hl_os_env *e, hl_submit_fn *how, void *at)
{
	e->submit = how;
	e->submit_at = at;
}

struct hl_job *hl_os_env_next_job(struct hl_os_env *e)
{
	struct hl_job *j = e->first;

	if (!j)
		return NULL;
	e->first = j->next;
	if (!e->first)
		e->last = &e->first;
	j->next = NULL;
	return j;
}
