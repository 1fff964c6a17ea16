/* p11.c - the provider beside soft tokens: every work with every side in turn, round by round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/p11_side.h"

/* clang-format off */
static const struct row {
	const char *key, *text; /* what is asked, and what it is called */
	enum figure speed;      /* of OpenSSL, beside which it stands; FIGURES: beside none */
} rows[] = {
	{ "start:1",          "C_Initialize to logged in",      FIGURES },
	{ "open:1",           "C_OpenSession, C_CloseSession",  FIGURES },
	{ "open:4",           "- 4 threads",                    FIGURES },
	{ "open:8",           "- 8 threads",                    FIGURES },
	{ "login:1",          "C_Logout, C_Login",              FIGURES },
	{ "sign-p256:1",      "sign P-256",                     SPEED_EC },
	{ "sign-p256:4",      "- 4 threads",                    SPEED_EC },
	{ "sign-p256:8",      "- 8 threads",                    SPEED_EC },
	{ "sign-rsa2048:1",   "sign RSA-2048",                  SPEED_RSA },
	{ "sign-rsa2048:4",   "- 4 threads",                    SPEED_RSA },
	{ "sign-rsa2048:8",   "- 8 threads",                    SPEED_RSA },
	{ "gcm-1k:1",         "AES-GCM encrypt, 1 KiB",         FIGURES },
	{ "gcm-1k:4",         "- 4 threads",                    FIGURES },
	{ "gcm-1k:8",         "- 8 threads",                    FIGURES },
	{ "gcm-4k:1",         "AES-GCM encrypt, 4 KiB",         FIGURES },
	{ "gcm-4k:4",         "- 4 threads",                    FIGURES },
	{ "hmac-1k:1",        "HMAC-SHA-256, 1 KiB",            FIGURES },
	{ "hmac-1k:4",        "- 4 threads",                    FIGURES },
	{ "hmac-1k:8",        "- 8 threads",                    FIGURES },
	{ "generate-p256:1",  "P-256 pair, for the session",    FIGURES },
	{ "generate-p256:4",  "- 4 threads",                    FIGURES },
	{ "generate-p256:8",  "- 8 threads",                    FIGURES },
	{ "generate-token:1", "P-256 pair, on the token",       FIGURES },
	{ "generate-token:4", "- 4 threads",                    FIGURES },
	{ "find:1",           "find by label",                  FIGURES },
	{ "find:4",           "- 4 threads",                    FIGURES },
	{ "find:8",           "- 8 threads",                    FIGURES },
	{ "random-32:1",      "C_GenerateRandom, 32 bytes",     FIGURES },
	{ "random-32:4",      "- 4 threads",                    FIGURES },
	{ "random-32:8",      "- 8 threads",                    FIGURES },
};
/* clang-format on */

#define ROWS HL_COUNT(rows)

struct bench_p11 {
	struct sides *sides;
	struct side_answer took[ROWS][SIDES][ROUNDS_MAX];
};

/* -- a round ---------------------------------------------------------------------------------------------------------- */

int bench_p11_begin(struct bench *b)
{
	struct bench_p11 *p = calloc(1, sizeof *p);
	hl_err err = p ? sides_new(&b->o, &p->sides) : HL_E_NOMEM;

	b->p11 = p;
	if (err == HL_OK && side_absent(p->sides, OURS))
		err = HL_E_NOT_FOUND;
	if (err != HL_OK)
		fprintf(stderr, "hsmlet-bench: PKCS#11: %s: %s\n", b->o.pkcs11, hl_err_text(err));
	return err == HL_OK ? 0 : hl_err_row(err)->exit_code;
}

void bench_p11_end(struct bench *b)
{
	if (b->p11)
		sides_free(b->p11->sides);
	free(b->p11);
	b->p11 = NULL;
}

static void note_start(struct bench *b, enum side side, double ms)
{
	if (ms > 0)
		b->p11->took[0][side][b->round] = (struct side_answer){ 1e3 / ms, ms * 1e3, ms * 1e3 };
}

/* Who comes first changes with each work, so that nobody always finds the machine as one other leaves it. */
static hl_err ask_all(struct bench *b, size_t row)
{
	struct bench_p11 *p = b->p11;

	for (unsigned i = 0; i < SIDES; i++) {
		enum side side = (enum side)((row + i + b->round) % SIDES);
		hl_err err = side_ask(p->sides, side, rows[row].key, &p->took[row][side][b->round]);

		if (err != HL_OK && err != HL_E_NOT_FOUND)
			return err;
	}
	return HL_OK;
}

int bench_p11_round(struct bench *b)
{
	double ready_ms[SIDES];
	hl_err err = sides_start(b->p11->sides, ready_ms);

	for (enum side side = OURS; err == HL_OK && side < SIDES; side++)
		note_start(b, side, ready_ms[side]);
	for (size_t row = 1; err == HL_OK && row < ROWS; row++)
		err = ask_all(b, row);
	sides_stop(b->p11->sides);
	return err == HL_OK ? 0 : hl_err_row(err)->exit_code;
}

/* -- what came of it ----------------------------------------------------------------------------------------------------- */

enum part { PER_SECOND, P50_US, P99_US };

static double part_of(const struct side_answer *a, enum part part)
{
	return part == PER_SECOND ? a->per_second : part == P50_US ? a->p50_us : a->p99_us;
}

/* The median of the rounds; 0: some round has none. */
static double median(const struct bench *b, size_t row, enum side side, enum part part)
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < b->o.rounds; i++) {
		v[i] = part_of(&b->p11->took[row][side][i], part);
		if (v[i] <= 0)
			return 0;
	}
	return bench_median(v, b->o.rounds);
}

/* The median of the rounds' own ratios: ours to another side. */
static double to_side(const struct bench *b, size_t row, enum side side)
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < b->o.rounds; i++) {
		double theirs = b->p11->took[row][side][i].per_second;

		if (theirs <= 0)
			return 0;
		v[i] = b->p11->took[row][OURS][i].per_second / theirs;
	}
	return bench_median(v, b->o.rounds);
}

static double to_openssl(const struct bench *b, size_t row)
{
	double v[ROUNDS_MAX];

	if (rows[row].speed == FIGURES)
		return 0;
	for (unsigned i = 0; i < b->o.rounds; i++)
		v[i] = b->p11->took[row][OURS][i].per_second / b->took[rows[row].speed][i];
	return bench_median(v, b->o.rounds);
}

/* -- what is told ----------------------------------------------------------------------------------------------------------- */

static bool has(const struct bench *b, enum side side)
{
	return !side_absent(b->p11->sides, side);
}

static void print_cell(double value, int digits)
{
	if (value > 0)
		printf(" %9.*f", digits, value);
	else
		printf(" %9s", "-");
}

static void print_head(const struct bench *b)
{
	printf("\n%-32s", "PKCS#11");
	for (enum side side = OURS; side < SIDES; side++)
		if (has(b, side))
			printf(" %7s/s %9s %9s", side_name(side), "p50 us", "p99 us");
	for (enum side side = SOFT; side < SIDES; side++)
		if (has(b, side))
			printf(" %9s", side_name(side));
	printf(" %9s\n", "openssl");
}

static void print_row(const struct bench *b, size_t row)
{
	printf("%-32s", rows[row].text);
	for (enum side side = OURS; side < SIDES; side++)
		for (enum part part = PER_SECOND; has(b, side) && part <= P99_US; part++)
			print_cell(median(b, row, side, part), part == PER_SECOND ? 0 : 1);
	for (enum side side = SOFT; side < SIDES; side++)
		if (has(b, side))
			print_cell(to_side(b, row, side), 2);
	print_cell(to_openssl(b, row), 2);
	putchar('\n');
}

void bench_p11_print(const struct bench *b)
{
	print_head(b);
	for (size_t row = 0; row < ROWS; row++)
		print_row(b, row);
	for (enum side side = OURS; side < SIDES; side++)
		if (!has(b, side))
			printf("no column of %s: %s\n", side_name(side), side_absent(b->p11->sides, side));
	printf("The last columns: how often ours goes into theirs.\n");
}

static void put_side(FILE *out, const struct bench *b, size_t row, enum side side)
{
	fprintf(out, ",\"%s\":", side_key(side));
	if (median(b, row, side, PER_SECOND) <= 0) {
		fprintf(out, "null");
		return;
	}
	fprintf(out, "{\"per_second\":%.1f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"rounds\":[",
		median(b, row, side, PER_SECOND), median(b, row, side, P50_US), median(b, row, side, P99_US));
	for (unsigned i = 0; i < b->o.rounds; i++)
		fprintf(out, "%s%.1f", i ? ", " : "", b->p11->took[row][side][i].per_second);
	fprintf(out, "]}");
}

static void put_row(FILE *out, const struct bench *b, size_t row)
{
	fprintf(out, "%s\n\"%s\":{\"text\":\"%s\"", row ? "," : "", rows[row].key, rows[row].text);
	for (enum side side = OURS; side < SIDES; side++)
		put_side(out, b, row, side);
	for (enum side side = SOFT; side < SIDES; side++)
		if (to_side(b, row, side) > 0)
			fprintf(out, ",\"to_%s\":%.3f", side_key(side), to_side(b, row, side));
	if (to_openssl(b, row) > 0)
		fprintf(out, ",\"to_openssl\":%.3f", to_openssl(b, row));
	fprintf(out, "}");
}

void bench_p11_json(FILE *out, const struct bench *b)
{
	const char *comma = "";

	fprintf(out, ",\"pkcs11\":{\"ms\":%u,\"absent\":{", b->o.p11_ms);
	for (enum side side = SOFT; side < SIDES; side++) {
		if (has(b, side))
			continue;
		fprintf(out, "%s\"%s\":\"%s\"", comma, side_key(side), side_absent(b->p11->sides, side));
		comma = ",";
	}
	fprintf(out, "},\"rows\":{");
	for (size_t row = 0; row < ROWS; row++)
		put_row(out, b, row);
	fprintf(out, "}}");
}
