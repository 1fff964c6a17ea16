/* p11_measure.c - threads that work for a while, and what came of it. */
#include <stdlib.h>
#include <time.h>

#include "tests/bench/p11_player.h"

#define SAMPLES (1u << 19) /* of a thread; what comes after that is counted and not timed */

/* A thread and what it found. */
struct player {
	struct seat seat;
	const struct work *work;
	int64_t for_ns;
	pthread_barrier_t *together;
	pthread_t thread;
	uint32_t *ns; /* SAMPLES */
	size_t timed, done;
	double per_second;
	CK_RV rv;
	const char *refusing;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void once(struct player *p)
{
	p->rv = p->work->once(&p->seat);
	p->seat.count++;
}

static void warm_up(struct player *p)
{
	int64_t stop = now_ns() + p->for_ns / 4;

	do
		once(p);
	while (p->rv == CKR_OK && now_ns() < stop);
}

static void play(struct player *p)
{
	int64_t begun = now_ns(), last = begun, now = begun;

	while (p->rv == CKR_OK && now - begun < p->for_ns) {
		once(p);
		now = now_ns();
		p->done++;
		if (p->timed < SAMPLES)
			p->ns[p->timed++] = now - last > UINT32_MAX ? UINT32_MAX : (uint32_t)(now - last);
		last = now;
	}
	p->per_second = (double)p->done * 1e9 / (double)(now - begun + 1);
}

static void *sit(void *at)
{
	struct player *p = at;

	pthread_barrier_wait(p->together);
	warm_up(p);
	pthread_barrier_wait(p->together);
	play(p);
	p->refusing = refusing;
	return NULL;
}

/* -- what came of it ---------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static CK_RV sum_up(const struct player *p, unsigned threads, struct figures *out)
{
	size_t n = 0, at = 0;
	uint32_t *all;

	for (unsigned i = 0; i < threads; i++)
		n += p[i].timed;
	all = calloc(n + 1, sizeof *all);
	if (!all)
		return CKR_HOST_MEMORY;
	*out = (struct figures){ 0 };
	for (unsigned i = 0; i < threads; i++) {
		out->per_second += p[i].per_second;
		out->times += p[i].seat.count;
		for (size_t k = 0; k < p[i].timed; k++)
			all[at++] = p[i].ns[k];
	}
	qsort(all, n, sizeof *all, ascending);
	out->p50_us = all[n / 2] / 1e3;
	out->p99_us = all[n * 99 / 100] / 1e3;
	free(all);
	return CKR_OK;
}

static CK_RV first_refusal(const struct player *p, unsigned threads)
{
	for (unsigned i = 0; i < threads; i++)
		if (p[i].rv != CKR_OK) {
			refusing = p[i].refusing;
			return p[i].rv;
		}
	return CKR_OK;
}

/* -- all together --------------------------------------------------------------------------------------------------- */

static CK_RV take_seats(struct token *t, struct player *p, unsigned threads)
{
	for (unsigned i = 0; i < threads; i++) {
		p[i].seat.token = t;
		p[i].seat.number = i;
		p[i].ns = malloc(SAMPLES * sizeof *p[i].ns);
		if (!p[i].ns)
			return CKR_HOST_MEMORY;
		ASK(t, OpenSession, t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &p[i].seat.session);
	}
	return CKR_OK;
}

static void leave_seats(struct token *t, struct player *p, unsigned threads)
{
	for (unsigned i = 0; i < threads; i++) {
		if (p[i].seat.session != CK_INVALID_HANDLE)
			t->f->C_CloseSession(p[i].seat.session);
		free(p[i].ns);
	}
	free(p);
}

static CK_RV play_together(struct player *p, unsigned threads)
{
	pthread_barrier_t together;

	pthread_barrier_init(&together, NULL, threads);
	for (unsigned i = 0; i < threads; i++) {
		p[i].together = &together;
		if (pthread_create(&p[i].thread, NULL, sit, &p[i]) != 0)
			abort(); /* those that wait at the barrier can be told in no other way */
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(p[i].thread, NULL);
	pthread_barrier_destroy(&together);
	return first_refusal(p, threads);
}

CK_RV measure(struct token *t, const struct work *w, unsigned threads, unsigned ms, struct figures *out)
{
	struct player *p = calloc(threads, sizeof *p);
	CK_RV rv = p ? take_seats(t, p, threads) : CKR_HOST_MEMORY;

	refusing = rv == CKR_HOST_MEMORY ? "malloc" : refusing;
	for (unsigned i = 0; p && i < threads; i++) {
		p[i].work = w;
		p[i].for_ns = (int64_t)ms * 1000000;
	}
	if (rv == CKR_OK)
		rv = play_together(p, threads);
	if (rv == CKR_OK)
		rv = sum_up(p, threads, out);
	if (p)
		leave_seats(t, p, threads);
	return rv;
}
