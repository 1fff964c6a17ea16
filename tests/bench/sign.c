/* sign.c - signatures over a digest: by one thread, by four with a link each, by four that share one. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/numbers.h"
#include "tests/bench/bench.h"

#define THREADS 4

/* The DER of 1.2.840.10045.3.1.7. */
static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t bits_2048[8] = { [6] = 2048 >> 8 };

static const struct algorithm {
	uint32_t generate, sign;
	hsmlet_attribute size;
	unsigned share; /* one in so many signatures is enough */
	enum figure p50, p99, one, own, shared;
} algorithms[] = {
	{ HL_CKM_EC_KEY_PAIR_GEN, HL_CKM_ECDSA, { HL_CKA_EC_PARAMS, HSMLET_BYTES, p256, sizeof p256 }, 1,
		EC_P50, EC_P99, EC_ONE, EC_OWN, EC_SHARED },
	{ HL_CKM_RSA_PKCS_KEY_PAIR_GEN, HL_CKM_RSA_PKCS,
		{ HL_CKA_MODULUS_BITS, HSMLET_NUMBER, bits_2048, sizeof bits_2048 }, 4, RSA_P50, RSA_P99, RSA_ONE,
		RSA_OWN, RSA_SHARED },
};

static int make_key(hsmlet *h, const struct algorithm *a, uint64_t key[2])
{
	static const uint8_t yes = 1;
	hsmlet_attribute label = { HL_CKA_LABEL, HSMLET_BYTES, "hsmlet-bench", 12 };
	hsmlet_attribute mine[] = { label, { HL_CKA_SIGN, HSMLET_BOOL, &yes, 1 } };
	hsmlet_attribute theirs[] = { label, a->size };
	hsmlet_error e;

	if (hsmlet_generate(h, a->generate, mine, 2, theirs, 2, &key[0], &key[1], &e) != 0)
		return bench_failed("generate", &e);
	return 0;
}

static int destroy(hsmlet *h, const uint64_t key[2])
{
	hsmlet_error e;

	for (int i = 0; i < 2; i++)
		if (hsmlet_destroy(h, key[i], &e) != 0)
			return bench_failed("destroy", &e);
	return 0;
}

/* -- threads ----------------------------------------------------------------------------------------- */

struct job {
	hsmlet *h;
	const struct algorithm *a;
	uint64_t key;
	unsigned n;
	int64_t *us; /* n; NULL: nobody asks */
	pthread_barrier_t *start;
	pthread_t thread;
	int rc;
};

static void *sign_often(void *at)
{
	static const uint8_t digest[32] = "thirty-two bytes to be signed...";
	struct job *j = at;
	hsmlet_error e;

	pthread_barrier_wait(j->start);
	for (unsigned i = 0; i < j->n && j->rc == 0; i++) {
		uint8_t signature[256];
		size_t n = sizeof signature;
		int64_t begun = j->us ? bench_us() : 0;

		if (hsmlet_sign(j->h, j->key, &(hsmlet_mechanism){ .number = j->a->sign }, digest, sizeof digest, signature, &n, &e) != 0)
			j->rc = bench_failed("sign", &e);
		if (j->us)
			j->us[i] = bench_us() - begun;
	}
	return NULL;
}

/* All at once; operations in a second. */
static int measure(struct job *job, unsigned threads, double *per_second)
{
	pthread_barrier_t start;
	unsigned started = 0, n = 0;
	int64_t begun;
	int rc = 0;

	pthread_barrier_init(&start, NULL, threads + 1);
	for (; started < threads; started++) {
		job[started].start = &start;
		if (pthread_create(&job[started].thread, NULL, sign_often, &job[started]) != 0)
			abort(); /* those that wait at the barrier can be told in no other way */
	}
	pthread_barrier_wait(&start);
	begun = bench_us();
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(job[i].thread, NULL);
		rc = rc ? rc : job[i].rc;
		n += job[i].n;
	}
	*per_second = n * 1e6 / (double)(bench_us() - begun);
	pthread_barrier_destroy(&start);
	return rc;
}

static int one_thread(struct bench *b, hsmlet *h, const struct algorithm *a, uint64_t key)
{
	struct job job = { .h = h, .a = a, .key = key, .n = b->o.signs / a->share };
	double rate;
	int rc;

	job.us = calloc(job.n, sizeof *job.us);
	if (!job.us)
		return hl_err_row(HL_E_NOMEM)->exit_code;
	rc = measure(&job, 1, &rate);
	if (rc == 0) {
		bench_put(b, a->one, rate);
		bench_put_times(b, a->p50, a->p99, job.us, job.n, 1);
	}
	free(job.us);
	return rc;
}

static int four_threads(
	struct bench *b, hsmlet *const h[THREADS], const struct algorithm *a, uint64_t key, enum figure f)
{
	struct job job[THREADS] = { 0 };
	double rate;
	int rc;

	for (int i = 0; i < THREADS; i++)
		job[i] = (struct job){ .h = h[i], .a = a, .key = key, .n = b->o.signs / a->share };
	rc = measure(job, THREADS, &rate);
	if (rc == 0)
		bench_put(b, f, rate);
	return rc;
}

static int with_key(struct bench *b, hsmlet *const h[THREADS], const struct algorithm *a, uint64_t key)
{
	hsmlet *same[THREADS] = { h[0], h[0], h[0], h[0] };
	int rc = one_thread(b, h[0], a, key);

	if (rc == 0)
		rc = four_threads(b, h, a, key, a->own);
	if (rc == 0)
		rc = four_threads(b, same, a, key, a->shared);
	return rc;
}

int bench_sign(struct bench *b)
{
	hsmlet *h[THREADS] = { 0 };
	uint64_t key[2];
	int rc = 0, after;

	for (int i = 0; rc == 0 && i < THREADS; i++)
		rc = bench_open(b, &h[i]);
	for (size_t i = 0; rc == 0 && i < HL_COUNT(algorithms); i++) {
		rc = make_key(h[0], &algorithms[i], key);
		if (rc != 0)
			break;
		rc = with_key(b, h, &algorithms[i], key[0]);
		after = destroy(h[0], key);
		rc = rc ? rc : after;
	}
	for (int i = 0; i < THREADS; i++)
		hsmlet_close(h[i]);
	return rc;
}
