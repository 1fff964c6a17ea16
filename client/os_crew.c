#include "client/os_crew.h"

#include <errno.h>
#include <stdlib.h>

#define WAKE_AT_ONCE 32

hl_err client_crew_init(struct client_crew *c)
{
	*c = (struct client_crew){ 0 };
	return pthread_mutex_init(&c->lock, NULL) == 0 ? HL_OK : HL_E_NOMEM;
}

void client_crew_clear(struct client_crew *c)
{
	while (c->spare) {
		struct client_waiter *w = c->spare;

		c->spare = w->next;
		pthread_cond_destroy(&w->wake);
		free(w);
	}
	pthread_mutex_destroy(&c->lock);
}

void client_crew_lock(struct client_crew *c)
{
	pthread_mutex_lock(&c->lock);
}

static size_t take_due(struct client_crew *c, pthread_cond_t *due[WAKE_AT_ONCE])
{
	size_t n = 0;

	for (struct client_waiter *w = c->first; w && n < WAKE_AT_ONCE; w = w->next) {
		if (!w->due)
			continue;
		w->due = false;
		due[n++] = &w->wake;
	}
	return n;
}

void client_crew_unlock(struct client_crew *c)
{
	pthread_cond_t *due[WAKE_AT_ONCE];
	size_t n = take_due(c, due);

	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < n; i++)
		pthread_cond_signal(due[i]);
	if (n == WAKE_AT_ONCE) { /* perhaps there are more */
		client_crew_lock(c);
		client_crew_unlock(c);
	}
}

static struct client_waiter *new_waiter(void)
{
	struct client_waiter *w = calloc(1, sizeof *w);
	pthread_condattr_t monotonic;

	if (!w)
		return NULL;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return w;
}

/* At the end: who has waited longest is promoted first. */
struct client_waiter *client_crew_join(struct client_crew *c, bool (*done)(void *at), void *at)
{
	struct client_waiter *w = c->spare, **last = &c->first;

	if (w)
		c->spare = w->next;
	else
		w = new_waiter();
	if (!w)
		return NULL;
	w->done = done;
	w->at = at;
	w->due = false;
	w->next = NULL;
	while (*last)
		last = &(*last)->next;
	*last = w;
	return w;
}

static void promote_one(struct client_crew *c)
{
	struct client_waiter *w = c->first;

	while (w && w->done(w->at))
		w = w->next;
	if (w)
		w->due = true;
}

void client_crew_leave(struct client_crew *c, struct client_waiter *w)
{
	struct client_waiter **at = &c->first;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->next = c->spare;
	c->spare = w;
	if (!c->led)
		promote_one(c);
}

bool client_crew_is_few(const struct client_crew *c)
{
	return !c->first || !c->first->next || !c->first->next->next;
}

void client_crew_look(struct client_crew *c)
{
	for (struct client_waiter *w = c->first; w; w = w->next)
		w->due = w->due || w->done(w->at);
}

bool client_crew_follow(struct client_crew *c, struct client_waiter *w, int64_t until_us)
{
	struct timespec until = { .tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000 };

	for (struct client_waiter *other = c->first; other; other = other->next) {
		if (!other->due)
			continue;
		client_crew_unlock(c); /* they first: a condition gives the lock back without a look at them */
		client_crew_lock(c);
		return true;
	}
	if (until_us == 0) {
		pthread_cond_wait(&w->wake, &c->lock);
		return true;
	}
	return pthread_cond_timedwait(&w->wake, &c->lock, &until) != ETIMEDOUT;
}
