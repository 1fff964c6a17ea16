/* bench.h - the figures of `./run bench`: what they are called, and who takes them. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "client/hsmlet.h"
#include "lib/base/err.h"

enum figure {
	READY_MS, MEMORY_MIB,
	FIRST_P50, FIRST_P99, AGAIN_P50, AGAIN_P99, LOGIN_P50,
	EC_P50, EC_P99, EC_ONE, EC_OWN, EC_SHARED, SPEED_EC,
	RSA_P50, RSA_P99, RSA_ONE, RSA_OWN, RSA_SHARED, SPEED_RSA,
	FIGURES
};

#define ROUNDS_MAX 9

struct bench_options {
	const char *conf, *secrets, *pin_file, *json, *world;
	const char *ready;                 /* "812.5,790.1": `hsmlet up` to ready, ms */
	unsigned rounds, seconds;          /* seconds: of each run of `openssl speed` */
	unsigned opens, logins, signs;     /* signs: of P-256, and a quarter as many of RSA */
	const char *pkcs11;                /* our provider; NULL: no PKCS#11 */
	const char *softhsm, *p11_kit;     /* modules beside it; NULL: where Debian has them */
	unsigned p11_ms;                   /* how long each work of a module is measured */
};

struct bench_p11;

/* What each round took; a figure that could not be taken is negative. */
struct bench {
	struct bench_options o;
	char pin[65];
	size_t pin_n;
	unsigned round;
	double took[FIGURES][ROUNDS_MAX];
	struct bench_p11 *p11; /* NULL: no PKCS#11 */
};

/** Put a figure of this round. */
void bench_put(struct bench *b, enum figure f, double value);
/** Sort `us` and put the times that 50 and 99 of a hundred did not pass, each divided by `unit`. */
void bench_put_times(
	struct bench *b, enum figure p50, enum figure p99, int64_t *us, unsigned n, double unit);
int64_t bench_us(void);
/** Of `n` values, 1 to ROUNDS_MAX. */
double bench_median(const double *v, unsigned n);

/** memory.c: proportional set size of the processes that hold the locks WORLD/run/NAME.lock, MiB; negative
 * where it may not be read. */
double bench_memory(const char *world);
/** speed.c: ask `openssl speed` how often one core signs in a second. HL_E_NOT_FOUND: it did not say. */
HL_CHECKED hl_err bench_speed(unsigned seconds, double *p256, double *rsa2048);
/** connect.c: first connections, reconnections, logins. What fails is told on stderr, and returned as exit code. */
int bench_connect(struct bench *b);
/** sign.c: one thread, four threads with a link each, four threads that share one. Likewise. */
int bench_sign(struct bench *b);
/** p11.c: our provider beside soft tokens. begin and round: exit code, and what failed is told on stderr. */
int bench_p11_begin(struct bench *b);
int bench_p11_round(struct bench *b);
void bench_p11_print(const struct bench *b);
/** Another member of the object: ,"pkcs11":{...} */
void bench_p11_json(FILE *out, const struct bench *b);
void bench_p11_end(struct bench *b);
/** An open and logged-in handle. */
int bench_open(const struct bench *b, hsmlet **out);
/** Tell what failed; its exit code. */
int bench_failed(const char *what, const hsmlet_error *e);
