#include "lib/os/jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <ev.h>

/* How many threads a lane has. Two for the processor: one long RSA generation must not hold up the
 * next request. One for PINs and one a store: their order matters. */
static const unsigned threads_of[HL_LANES] = {
	[HL_LANE_CPU] = 2,
	[HL_LANE_PIN] = 1,
	[HL_LANE_STORE] = 1,
};
#define THREADS_MAX 8

struct queue {
	struct hl_job *first, **last;
};

struct lane {
	struct queue waiting;
	pthread_cond_t filled;
	struct hl_jobs *jobs;
};

struct hl_jobs {
	struct ev_loop *loop;
	ev_async wake;
	size_t under_way; /* the loop's thread only */
	pthread_t thread[THREADS_MAX];
	unsigned threads;
	/* below: with the lock */
	pthread_mutex_t lock;
	pthread_cond_t finished; /* something came to `done` */
	struct lane lane[HL_LANES];
	struct queue done;
	bool ending;
};

static void queue_init(struct queue *q)
{
	*q = (struct queue){ NULL, &q->first };
}

static void queue_put(struct queue *q, struct hl_job *j)
{
	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
}

static struct hl_job *queue_take(struct queue *q)
{
	struct hl_job *j = q->first;

	if (!j)
		return NULL;
	q->first = j->next;
	if (!q->first)
		q->last = &q->first;
	return j;
}

/* -- on the threads -------------------------------------------------------------------------- */

/* The next job of the lane, or NULL when all ends; called and left with the lock. */
static struct hl_job *await(struct hl_jobs *jobs, struct lane *lane)
{
	while (!jobs->ending && !lane->waiting.first)
		pthread_cond_wait(&lane->filled, &jobs->lock);
	return jobs->ending ? NULL : queue_take(&lane->waiting);
}

static void *work(void *at)
{
	struct lane *lane = at;
	struct hl_jobs *jobs = lane->jobs;
	struct hl_job *j;

	pthread_mutex_lock(&jobs->lock);
	while ((j = await(jobs, lane))) {
		pthread_mutex_unlock(&jobs->lock);
		j->run(j);
		pthread_mutex_lock(&jobs->lock);
		/* One wake-up serves all that is done by the time the loop looks. */
		if (!jobs->done.first)
			ev_async_send(jobs->loop, &jobs->wake);
		queue_put(&jobs->done, j);
		pthread_cond_signal(&jobs->finished);
	}
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

/* -- on the loop's thread -------------------------------------------------------------------- */

static struct hl_job *take_done(struct hl_jobs *jobs)
{
	struct hl_job *j;

	pthread_mutex_lock(&jobs->lock);
	j = queue_take(&jobs->done);
	pthread_mutex_unlock(&jobs->lock);
	return j;
}

static void tell(struct hl_jobs *jobs)
{
	struct hl_job *j;

	while ((j = take_done(jobs))) {
		struct hl_jobs_owner *owner = j->owner;

		jobs->under_way--;
		owner->done(owner, j);
	}
}

static void on_wake(struct ev_loop *loop, ev_async *w, int events)
{
	(void)loop, (void)events;
	tell(w->data);
}

static hl_err start_lane(struct hl_jobs *jobs, enum hl_lane l)
{
	for (unsigned i = 0; i < threads_of[l]; i++) {
		if (pthread_create(&jobs->thread[jobs->threads], NULL, work, &jobs->lane[l]) != 0)
			return HL_E_IO;
		jobs->threads++;
	}
	return HL_OK;
}

/* Threads inherit the mask of who starts them: signals are for the loop's thread alone. */
static hl_err start_threads(struct hl_jobs *jobs)
{
	sigset_t all, before;
	hl_err err = HL_OK;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned l = 0; l < HL_LANES && err == HL_OK; l++)
		err = start_lane(jobs, (enum hl_lane)l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static void init(struct hl_jobs *jobs, struct ev_loop *loop)
{
	pthread_condattr_t monotonic;

	jobs->loop = loop;
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&jobs->finished, &monotonic);
	pthread_condattr_destroy(&monotonic);
	queue_init(&jobs->done);
	for (unsigned l = 0; l < HL_LANES; l++) {
		jobs->lane[l].jobs = jobs;
		queue_init(&jobs->lane[l].waiting);
		pthread_cond_init(&jobs->lane[l].filled, NULL);
	}
	ev_async_init(&jobs->wake, on_wake);
	jobs->wake.data = jobs;
	ev_async_start(loop, &jobs->wake);
}

hl_err hl_jobs_new(struct ev_loop *loop, struct hl_jobs **out)
{
	struct hl_jobs *jobs = calloc(1, sizeof *jobs);
	hl_err err;

	if (!jobs)
		return HL_E_NOMEM;
	init(jobs, loop);
	err = start_threads(jobs);
	if (err != HL_OK) {
		hl_jobs_free(jobs);
		return err;
	}
	*out = jobs;
	return HL_OK;
}

void hl_jobs_submit(struct hl_jobs *jobs, struct hl_job *j, struct hl_jobs_owner *owner)
{
	struct lane *lane = &jobs->lane[j->lane];

	j->owner = owner;
	jobs->under_way++;
	pthread_mutex_lock(&jobs->lock);
	queue_put(&lane->waiting, j);
	pthread_cond_signal(&lane->filled);
	pthread_mutex_unlock(&jobs->lock);
}

size_t hl_jobs_under_way(const struct hl_jobs *jobs)
{
	return jobs->under_way;
}

static struct timespec from_now(int64_t us)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += us / 1000000;
	t.tv_nsec += us % 1000000 * 1000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

bool hl_jobs_drain(struct hl_jobs *jobs, int64_t limit_us)
{
	struct timespec until = from_now(limit_us);
	int rc = 0;

	for (tell(jobs); jobs->under_way > 0 && rc == 0; tell(jobs)) {
		pthread_mutex_lock(&jobs->lock);
		while (!jobs->done.first && rc == 0)
			rc = pthread_cond_timedwait(&jobs->finished, &jobs->lock, &until);
		pthread_mutex_unlock(&jobs->lock);
	}
	return jobs->under_way == 0;
}

void hl_jobs_free(struct hl_jobs *jobs)
{
	if (!jobs)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->ending = true;
	for (unsigned l = 0; l < HL_LANES; l++)
		pthread_cond_broadcast(&jobs->lane[l].filled);
	pthread_mutex_unlock(&jobs->lock);
	for (unsigned i = 0; i < jobs->threads; i++)
		pthread_join(jobs->thread[i], NULL);
	ev_async_stop(jobs->loop, &jobs->wake);
	for (unsigned l = 0; l < HL_LANES; l++)
		pthread_cond_destroy(&jobs->lane[l].filled);
	pthread_cond_destroy(&jobs->finished);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}
