/* bench.c - hsmlet-bench: figures of a running world beside those of `openssl speed`, taken in turns.
 *
 *	each round:  openssl speed > first connections > reconnections > logins > signatures > PKCS#11 (p11.c)
 *
 * The table and the JSON file have the median of the rounds. No figure is a failure. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "lib/base/secret.h"
#include "lib/os/files.h"
#include "tests/bench/bench.h"
#include "tests/bench/number.h"

/* clang-format off */
static const struct row {
	const char *key, *text, *unit;
	enum figure speed; /* beside which it stands; FIGURES: beside none */
	bool is_time;      /* us; else operations in a second */
} rows[FIGURES] = {
	[READY_MS]   = { "ready_ms",            "hsmlet up to ready",                 "ms",  FIGURES,   false },
	[MEMORY_MIB] = { "memory_mib",          "memory of the world (Pss)",          "MiB", FIGURES,   false },
	[FIRST_P50]  = { "first_connect_p50_ms", "first connect, p50",                "ms",  FIGURES,   false },
	[FIRST_P99]  = { "first_connect_p99_ms", "first connect, p99",                "ms",  FIGURES,   false },
	[AGAIN_P50]  = { "reconnect_p50_ms",    "reconnect, p50",                     "ms",  FIGURES,   false },
	[AGAIN_P99]  = { "reconnect_p99_ms",    "reconnect, p99",                     "ms",  FIGURES,   false },
	[LOGIN_P50]  = { "login_p50_ms",        "login (check of the PIN), p50",      "ms",  FIGURES,   false },
	[EC_P50]     = { "p256_p50_us",         "sign P-256, p50",                    "us",  SPEED_EC,  true },
	[EC_P99]     = { "p256_p99_us",         "sign P-256, p99",                    "us",  SPEED_EC,  true },
	[EC_ONE]     = { "p256_1_thread",       "sign P-256, 1 thread",               "/s",  SPEED_EC,  false },
	[EC_OWN]     = { "p256_4_threads",      "sign P-256, 4 threads, 4 links",     "/s",  SPEED_EC,  false },
	[EC_SHARED]  = { "p256_4_threads_1_link", "sign P-256, 4 threads, 1 link",    "/s",  SPEED_EC,  false },
	[SPEED_EC]   = { "openssl_p256",        "openssl speed, P-256, one core",     "/s",  FIGURES,   false },
	[RSA_P50]    = { "rsa2048_p50_us",      "sign RSA-2048, p50",                 "us",  SPEED_RSA, true },
	[RSA_P99]    = { "rsa2048_p99_us",      "sign RSA-2048, p99",                 "us",  SPEED_RSA, true },
	[RSA_ONE]    = { "rsa2048_1_thread",    "sign RSA-2048, 1 thread",            "/s",  SPEED_RSA, false },
	[RSA_OWN]    = { "rsa2048_4_threads",   "sign RSA-2048, 4 threads, 4 links",  "/s",  SPEED_RSA, false },
	[RSA_SHARED] = { "rsa2048_4_threads_1_link", "sign RSA-2048, 4 threads, 1 link", "/s", SPEED_RSA, false },
	[SPEED_RSA]  = { "openssl_rsa2048",     "openssl speed, RSA-2048, one core",  "/s",  FIGURES,   false },
};
/* clang-format on */

/* -- figures ------------------------------------------------------------------------------------------ */

int64_t bench_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void bench_put(struct bench *b, enum figure f, double value)
{
	b->took[f][b->round] = value;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void bench_put_times(
	struct bench *b, enum figure p50, enum figure p99, int64_t *us, unsigned n, double unit)
{
	qsort(us, n, sizeof *us, ascending);
	bench_put(b, p50, (double)us[(n * 50 + 99) / 100 - 1] / unit);
	if (p99 < FIGURES)
		bench_put(b, p99, (double)us[(n * 99 + 99) / 100 - 1] / unit);
}

static int ascending_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(const double *of, unsigned n)
{
	double v[ROUNDS_MAX];

	memcpy(v, of, n * sizeof *v);
	qsort(v, n, sizeof *v, ascending_double);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double median(const struct bench *b, enum figure f)
{
	return bench_median(b->took[f], b->o.rounds);
}

/* A rate beside OpenSSL's rate, a time beside its time: the median of the rounds' own ratios. */
static double ratio(const struct bench *b, enum figure f)
{
	struct bench r = { .o.rounds = b->o.rounds };
	const struct row *row = &rows[f];

	if (row->speed == FIGURES)
		return -1;
	for (unsigned i = 0; i < b->o.rounds; i++)
		r.took[f][i] = b->took[f][i] * (row->is_time ? b->took[row->speed][i] / 1e6 : 1 / b->took[row->speed][i]);
	return median(&r, f);
}

/* -- what is told ------------------------------------------------------------------------------------- */

int bench_failed(const char *what, const hsmlet_error *e)
{
	fprintf(stderr, "hsmlet-bench: %s: HL-%04d %s at %s. %s. %s. %s\n", what, e->id, e->what, e->step_name,
		e->cause, e->next, e->detail);
	return e->exit_code;
}

static int failed(const char *what, hl_err err)
{
	const struct hl_err_row *row = hl_err_row(err);

	fprintf(stderr, "hsmlet-bench: %s: HL-%04d %s\n", what, -(int)err, row->text);
	return row->exit_code;
}

static void print_table(const struct bench *b)
{
	printf("%-36s %12s %-4s %s\n", "", "median", "", "to openssl");
	for (enum figure f = 0; f < FIGURES; f++) {
		double value = median(b, f), to = ratio(b, f);

		if (value < 0)
			printf("%-36s %12s\n", rows[f].text, "not read");
		else
			printf("%-36s %12.*f %-4s", rows[f].text, value < 100 ? 2 : 0, value, rows[f].unit);
		if (value >= 0 && to >= 0)
			printf(" %6.2f", to);
		if (value >= 0)
			putchar('\n');
	}
}

static void put_rounds(FILE *out, const struct bench *b, enum figure f)
{
	for (unsigned i = 0; i < b->o.rounds; i++)
		fprintf(out, "%s%.3f", i ? ", " : "", b->took[f][i]);
}

static void print_json(FILE *out, const struct bench *b)
{
	fprintf(out, "{\"schema\":\"hsmlet.bench.1\",\"rounds\":%u,\"cores\":%ld,\"openssl\":\"%s\",\"figures\":{",
		b->o.rounds, sysconf(_SC_NPROCESSORS_ONLN), OpenSSL_version(OPENSSL_VERSION_STRING));
	for (enum figure f = 0; f < FIGURES; f++) {
		double value = median(b, f), to = ratio(b, f);

		fprintf(out, "%s\n\"%s\":", f ? "," : "", rows[f].key);
		if (value < 0) {
			fprintf(out, "null");
			continue;
		}
		fprintf(out, "{\"median\":%.3f,\"unit\":\"%s\",\"rounds\":[", value, rows[f].unit);
		put_rounds(out, b, f);
		fprintf(out, "]");
		if (to >= 0)
			fprintf(out, ",\"to_openssl\":%.3f", to);
		fprintf(out, "}");
	}
	fprintf(out, "}");
	if (b->p11)
		bench_p11_json(out, b);
	fprintf(out, "}\n");
}

static int write_json(const struct bench *b)
{
	FILE *out = b->o.json ? fopen(b->o.json, "w") : NULL;
	bool bad = b->o.json && !out;

	if (out) {
		print_json(out, b);
		bad = ferror(out) != 0;
		bad = fclose(out) != 0 || bad;
	}
	return bad ? failed(b->o.json, HL_E_CREATE) : 0;
}

/* -- a round ------------------------------------------------------------------------------------------ */

int bench_open(const struct bench *b, hsmlet **out)
{
	hsmlet_options o = { .size = sizeof o, .conf = b->o.conf, .secrets = b->o.secrets };
	hsmlet_error e;

	*out = NULL;
	if (hsmlet_open(&o, out, &e) != 0)
		return bench_failed("open", &e);
	return hsmlet_login(*out, b->pin, b->pin_n, &e) == 0 ? 0 : bench_failed("login", &e);
}

static int one_round(struct bench *b)
{
	double ec, rsa;
	hl_err err = bench_speed(b->o.seconds, &ec, &rsa);
	int rc;

	if (err != HL_OK)
		return failed("openssl speed", err);
	bench_put(b, SPEED_EC, ec);
	bench_put(b, SPEED_RSA, rsa);
	rc = bench_connect(b);
	if (rc == 0)
		rc = bench_sign(b);
	if (rc == 0 && b->p11)
		rc = bench_p11_round(b);
	bench_put(b, MEMORY_MIB, b->o.world ? bench_memory(b->o.world) : -1);
	return rc;
}

/* As many as there are rounds; where fewer were given, the last one stands for the rest. */
static void take_ready(struct bench *b)
{
	const char *at = b->o.ready ? b->o.ready : "";
	double last = -1;

	for (unsigned i = 0; i < b->o.rounds; i++) {
		char *rest;
		double value = strtod(at, &rest);

		if (rest != at)
			last = value;
		at = *rest == ',' ? rest + 1 : rest;
		b->took[READY_MS][i] = last;
	}
}

static hl_err read_pin(struct bench *b)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(sizeof b->pin);

	if (!b->o.pin_file)
		return HL_E_ARG;
	HL_TRY(hl_file_read_private(b->o.pin_file, HL_SECRET_OF_CLIENT, sizeof b->pin - 1, &text));
	b->pin_n = text.n;
	memcpy(b->pin, hl_buf_view(&text).p, text.n);
	while (b->pin_n > 0 && (b->pin[b->pin_n - 1] == '\n' || b->pin[b->pin_n - 1] == '\r'))
		b->pin_n--;
	return b->pin_n > 0 ? HL_OK : HL_E_ARG;
}

static int run(struct bench *b)
{
	hl_err err = read_pin(b);
	int rc = err == HL_OK ? 0 : failed("--pin-file", err);

	take_ready(b);
	if (rc == 0 && b->o.pkcs11)
		rc = bench_p11_begin(b);
	for (; rc == 0 && b->round < b->o.rounds; b->round++)
		rc = one_round(b);
	if (rc == 0) {
		print_table(b);
		if (b->p11)
			bench_p11_print(b);
		rc = write_json(b);
	}
	bench_p11_end(b);
	return rc;
}

/* -- options ------------------------------------------------------------------------------------------ */

enum {
	KEY_CONF = 0x100, KEY_SECRETS, KEY_PIN, KEY_JSON, KEY_WORLD, KEY_READY, KEY_P11, KEY_SOFTHSM, KEY_P11_KIT,
	KEY_ROUNDS, KEY_SECONDS, KEY_OPENS, KEY_LOGINS, KEY_SIGNS, KEY_P11_MS
};

/* clang-format off */
static const struct argp_option option_rows[] = {
	{ "conf",     KEY_CONF,    "FILE", 0, "primus.cfg (as the library finds it)", 0 },
	{ "secrets",  KEY_SECRETS, "FILE", 0, ".secrets.cfg (as the library finds it)", 0 },
	{ "pin-file", KEY_PIN,     "FILE", 0, "file with the PIN", 0 },
	{ "json",     KEY_JSON,    "FILE", 0, "write the figures there too", 0 },
	{ "world",    KEY_WORLD,   "DIR",  0, "folder of the world, to read its memory", 0 },
	{ "ready-ms", KEY_READY,   "MS,...", 0, "how long `hsmlet up` took", 0 },
	{ "pkcs11",   KEY_P11,     "FILE", 0, "our provider, to be measured beside soft tokens", 0 },
	{ "softhsm",  KEY_SOFTHSM, "FILE", 0, "module of SoftHSMv2 (where Debian has it)", 0 },
	{ "p11-kit",  KEY_P11_KIT, "FILE", 0, "module that asks a p11-kit server (where Debian has it)", 0 },
	{ "rounds",   KEY_ROUNDS,  "N",    0, "rounds, of which the median is told (3)", 0 },
	{ "seconds",  KEY_SECONDS, "N",    0, "of each run of openssl speed (1)", 0 },
	{ "opens",    KEY_OPENS,   "N",    0, "first connections and reconnections a round (100)", 0 },
	{ "logins",   KEY_LOGINS,  "N",    0, "logins a round (20)", 0 },
	{ "signs",    KEY_SIGNS,   "N",    0, "signatures a thread and round with P-256; RSA a quarter (4000)", 0 },
	{ "p11-ms",   KEY_P11_MS,  "N",    0, "how long each work of a module is measured (400)", 0 },
	{ 0 },
};
/* clang-format on */

static error_t on_number(int key, const char *arg, struct argp_state *state)
{
	struct bench_options *o = state->input;

	switch (key) {
	case KEY_ROUNDS:
		o->rounds = bench_number(arg, 1, ROUNDS_MAX, state);
		return 0;
	case KEY_SECONDS:
		o->seconds = bench_number(arg, 1, 60, state);
		return 0;
	case KEY_OPENS:
		o->opens = bench_number(arg, 1, 100000, state);
		return 0;
	case KEY_LOGINS:
		o->logins = bench_number(arg, 1, 100000, state);
		return 0;
	case KEY_SIGNS:
		o->signs = bench_number(arg, 4, 10000000, state);
		return 0;
	case KEY_P11_MS:
		o->p11_ms = bench_number(arg, 1, 60000, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct bench_options *o = state->input;
	const char **const text[] = { &o->conf, &o->secrets, &o->pin_file, &o->json, &o->world, &o->ready,
		&o->pkcs11, &o->softhsm, &o->p11_kit };

	if (key < KEY_CONF || key > KEY_P11_KIT)
		return on_number(key, arg, state);
	*text[key - KEY_CONF] = arg;
	return 0;
}

int main(int argc, char **argv)
{
	static const char doc[] = "Example:\n  hsmlet-bench --pin-file pin --rounds 1\n\n"
				  "Figures of a running world, beside those of openssl speed.";
	static const struct argp argp = { option_rows, on_option, NULL, doc, NULL, NULL, NULL };
	struct bench b = { .o = { .rounds = 3, .seconds = 1, .opens = 100, .logins = 20, .signs = 4000, .p11_ms = 400 } };
	int rc;

	argp_err_exit_status = hl_err_row(HL_E_ARG)->exit_code;
	argp_parse(&argp, argc, argv, 0, NULL, &b.o);
	hl_secret_heap();
	rc = run(&b);
	OPENSSL_cleanse(b.pin, sizeof b.pin);
	return rc;
}
