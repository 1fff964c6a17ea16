/* timing.c - hsmlet-timing: whether the time that decrypting takes tells of the padding (K-08 to K-10).
 *
 * The engine of the HSM alone, in this process: a network would hide what is looked for. Two classes of messages in random
 * order, each copied to one place first; Welch's t-test says whether their times have one mean. Noise gives an |t| above 4.5
 * seven times in a million. An interruption lasts longer than what is looked for, so t is told for all times, and for those
 * that are among the shorter 90 of a hundred. */
#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/secret.h"
#include "tests/bench/number.h"
#include "tests/support/draw.h"
#include "tests/support/objects.h"

#define POOL 512 /* messages of a class */
#define WIDTH_MAX 512
#define T_MAX 4.5
#define WARM_UP 500

static struct {
	unsigned timings; /* of each class */
	unsigned bits;    /* of the modulus */
	unsigned leak_ns; /* what is added to one class */
	const char *only; /* the questions that contain this */
} options = { .timings = 1000000, .bits = 2048, .only = "" };

static struct hl_bytes none;
static struct pair rsa;
static struct hsm_key *aes;
static size_t width;

/* -- draws and keys ----------------------------------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252;

static void must(hl_err err, const char *what)
{
	if (err == HL_OK)
		return;
	fprintf(stderr, "hsmlet-timing: %s: HL-%04d %s\n", what, -(int)err, hl_err_text(err));
	exit(1);
}

static void make_keys(void)
{
	struct template t = { 0 }, u = { 0 }, a = { 0 };
	AUTO_OBJECT o = { 0 };
	const char *why;

	template_bool(&t, HL_CKA_DECRYPT, true);
	template_bool(&u, HL_CKA_ENCRYPT, true);
	template_number(&u, HL_CKA_MODULUS_BITS, options.bits);
	must(make(HL_CKM_RSA_PKCS_KEY_PAIR_GEN, &t, &u, &rsa.object, &rsa.public_object, &why), "RSA key");
	pair_parse(&rsa);
	width = options.bits / 8;
	template_bool(&a, HL_CKA_ENCRYPT, true);
	template_bool(&a, HL_CKA_DECRYPT, true);
	template_number(&a, HL_CKA_VALUE_LEN, 32);
	must(make(HL_CKM_AES_KEY_GEN, &a, &u, &o, NULL, &why), "AES key");
	must(hsm_key_parse(&o, &aes), "AES key");
}

/* -- messages ------------------------------------------------------------------------------------------------------------- */

static struct hl_bytes fields(const struct hl_msg *m, const void *p)
{
	static struct hl_buf memory;

	hl_buf_clear(&memory);
	memory = hl_buf(512);
	hl_body_put(&memory, m, p);
	must(memory.err, "parameter");
	return hl_buf_view(&memory);
}

static struct hl_bytes oaep(void)
{
	return fields(&hl_msg_oaep_parameter, &(struct hl_oaep_parameter){ HL_CKM_SHA256, HL_CKG_MGF1_SHA256, none });
}

static struct hl_bytes iv(void)
{
	static const uint8_t zeros[16];

	return fields(&hl_msg_iv_parameter, &(struct hl_iv_parameter){ hl_bytes(zeros, sizeof zeros) });
}

static struct hl_bytes nothing(void)
{
	return none;
}

static void encrypt(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter, const uint8_t *p, size_t n, uint8_t *out)
{
	AUTO_BUF sealed = hl_buf(WIDTH_MAX);

	must(hsm_key_encrypt(k, mechanism, parameter, hl_bytes(p, n), &sealed), "encrypt");
	memcpy(out, hl_buf_view(&sealed).p, sealed.n);
}

/* A block that is no padding of any kind, as a number below the modulus. */
static void no_padding(uint8_t first, uint8_t *out)
{
	uint8_t block[WIDTH_MAX];

	draw_bytes(&state, block, width);
	block[0] = first;
	block[1] = 0xff;
	encrypt(rsa.public_key, HL_CKM_RSA_X_509, none, block, width, out);
}

/* A message of any length, as false ones are. */
static void pkcs(bool good, uint8_t *out)
{
	uint8_t message_[WIDTH_MAX];

	draw_bytes(&state, message_, width);
	if (good)
		encrypt(rsa.public_key, HL_CKM_RSA_PKCS, none, message_, draw_below(&state, (uint32_t)width - 10), out);
	else
		no_padding(0, out);
}

static void oaep_good_or_bad(bool good, uint8_t *out)
{
	uint8_t text[32];

	draw_bytes(&state, text, sizeof text);
	if (good)
		encrypt(rsa.public_key, HL_CKM_RSA_PKCS_OAEP, oaep(), text, sizeof text, out);
	else
		no_padding(0, out);
}

/* Manger's question. */
static void oaep_first_byte(bool zero, uint8_t *out)
{
	no_padding(zero ? 0 : (uint8_t)(1 + draw_below(&state, 0x7f)), out);
}

#define CBC 64

static void cbc(uint8_t blocks[CBC], uint8_t *out)
{
	encrypt(aes, HL_CKM_AES_CBC, iv(), blocks, CBC, out);
}

static void cbc_good_or_bad(bool good, uint8_t *out)
{
	uint8_t blocks[CBC];
	size_t pad = 1 + draw_below(&state, 16);

	draw_bytes(&state, blocks, CBC);
	memset(blocks + CBC - pad, (int)pad, pad);
	if (!good)
		blocks[CBC - 1] = (uint8_t)(17 + draw_below(&state, 239));
	cbc(blocks, out);
}

/* Vaudenay's question: how many bytes of it are right. */
static void cbc_first_or_last(bool first, uint8_t *out)
{
	uint8_t blocks[CBC];

	draw_bytes(&state, blocks, CBC);
	memset(blocks + CBC - 16, 16, 16);
	blocks[CBC - (first ? 16 : 2)] ^= 1;
	cbc(blocks, out);
}

/* clang-format off */
static const struct question {
	const char *text;
	uint32_t mechanism;
	struct hl_bytes (*parameter)(void);
	void (*make)(bool one, uint8_t *out);
} questions[] = {
	{ "PKCS #1 v1.5, right or wrong",         HL_CKM_RSA_PKCS,      nothing, pkcs },
	{ "OAEP, right or wrong",                 HL_CKM_RSA_PKCS_OAEP, oaep,    oaep_good_or_bad },
	{ "OAEP, wrong at the first byte or not", HL_CKM_RSA_PKCS_OAEP, oaep,    oaep_first_byte },
	{ "CBC-PAD, right or wrong",              HL_CKM_AES_CBC_PAD,   iv,      cbc_good_or_bad },
	{ "CBC-PAD, wrong at its front or end",   HL_CKM_AES_CBC_PAD,   iv,      cbc_first_or_last },
};
/* clang-format on */

/* -- timings --------------------------------------------------------------------------------------------------------------- */

struct timing {
	bool one;
	float ns;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void leak(unsigned ns)
{
	int64_t until = now_ns() + ns;

	while (now_ns() < until)
		;
}

/* Nothing in it depends on the class, unless a leak is wanted; what it answers is looked at later. */
static float take(const struct question *q, struct hl_bytes parameter, struct hl_bytes message_, unsigned leak_ns)
{
	struct hsm_key *k = q->mechanism == HL_CKM_AES_CBC_PAD ? aes : rsa.key;
	AUTO_BUF out = hl_buf(2 * WIDTH_MAX);
	int64_t begun;
	hl_err err;

	must(hl_buf_room(&out, 2 * WIDTH_MAX) ? HL_OK : HL_E_NOMEM, "room");
	begun = now_ns();
	err = hsm_key_decrypt(k, q->mechanism, parameter, message_, &out);
	if (leak_ns > 0)
		leak(leak_ns);
	begun = now_ns() - begun;
	must(err == HL_E_DECRYPT ? HL_OK : err, q->text);
	return (float)begun;
}

static void take_all(const struct question *q, struct timing *t, size_t n)
{
	static uint8_t pool[POOL][2][WIDTH_MAX], at[WIDTH_MAX];
	size_t length = q->mechanism == HL_CKM_AES_CBC_PAD ? CBC : width;
	struct hl_bytes parameter;

	for (size_t i = 0; i < POOL; i++)
		for (size_t one = 0; one < 2; one++)
			q->make(one == 1, pool[i][one]);
	parameter = q->parameter();
	for (size_t i = 0; i < n + WARM_UP; i++) {
		bool one = draw_below(&state, 2) == 1;
		float ns;

		memcpy(at, pool[draw_below(&state, POOL)][one], length);
		ns = take(q, parameter, hl_bytes(at, length), one ? options.leak_ns : 0);
		if (i >= WARM_UP)
			t[i - WARM_UP] = (struct timing){ one, ns };
	}
}

/* -- what they say ------------------------------------------------------------------------------------------------------------ */

struct sums {
	double n, mean, squares;
};

/* Welford's way: squares are of what the mean leaves over. */
static void count(struct sums *s, double v)
{
	double off = v - s->mean;

	s->n++;
	s->mean += off / s->n;
	s->squares += off * (v - s->mean);
}

static double variance_of_mean(const struct sums *s)
{
	return s->squares / (s->n - 1) / s->n;
}

static double welch(const struct timing *t, size_t n, float most, double *apart)
{
	struct sums s[2] = { { 0 } };
	double v;

	for (size_t i = 0; i < n; i++)
		if (t[i].ns <= most)
			count(&s[t[i].one], t[i].ns);
	*apart = s[1].mean - s[0].mean;
	v = variance_of_mean(&s[0]) + variance_of_mean(&s[1]);
	return v > 0 ? *apart / sqrt(v) : 0;
}

static int ascending(const void *a, const void *b)
{
	float x = ((const struct timing *)a)->ns, y = ((const struct timing *)b)->ns;

	return (x > y) - (x < y);
}

static bool ask(const struct question *q, struct timing *t, size_t n)
{
	double all_apart, apart, all, shorter;

	take_all(q, t, n);
	qsort(t, n, sizeof *t, ascending); /* the order of classes was random: sorting hides nothing */
	all = welch(t, n, t[n - 1].ns, &all_apart);
	shorter = welch(t, n, t[n / 10 * 9].ns, &apart);
	printf("%-38s %9zu %11.1f %8.2f %8.1f %8.2f\n", q->text, n, (double)t[n / 2].ns / 1000, all, apart, shorter);
	fflush(stdout);
	return fabs(all) < T_MAX && fabs(shorter) < T_MAX;
}

/* -- options ------------------------------------------------------------------------------------------------------------------- */

enum { KEY_TIMINGS = 0x100, KEY_BITS, KEY_LEAK, KEY_ONLY };

/* clang-format off */
static const struct argp_option option_rows[] = {
	{ "timings", KEY_TIMINGS, "N",  0, "timings of each class (1000000)", 0 },
	{ "bits",    KEY_BITS,    "N",  0, "bits of the RSA key (2048)", 0 },
	{ "leak",    KEY_LEAK,    "NS", 0, "add so much to one class, to see that it is found", 0 },
	{ "only",    KEY_ONLY,    "TEXT", 0, "the rows that contain this, as \"CBC\"", 0 },
	{ 0 },
};
/* clang-format on */

static error_t on_option(int key, char *arg, struct argp_state *argp)
{
	switch (key) {
	case KEY_TIMINGS:
		options.timings = bench_number(arg, 10, 100000000, argp);
		return 0;
	case KEY_BITS:
		options.bits = bench_number(arg, 1024, 8 * WIDTH_MAX, argp);
		options.bits -= options.bits % 8;
		return 0;
	case KEY_LEAK:
		options.leak_ns = bench_number(arg, 1, 1000000000, argp);
		return 0;
	case KEY_ONLY:
		options.only = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const char doc[] = "Example:\n  hsmlet-timing --timings 100000\n\n"
				  "Whether the time that decrypting takes in the HSM's engine tells of the padding.";
	static const struct argp argp = { option_rows, on_option, NULL, doc, NULL, NULL, NULL };
	struct timing *t;
	bool same = true;
	size_t n;

	argp_err_exit_status = hl_err_row(HL_E_ARG)->exit_code;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	hl_secret_heap();
	n = 2 * (size_t)options.timings;
	t = calloc(n, sizeof *t);
	must(t ? HL_OK : HL_E_NOMEM, "timings");
	make_keys();
	printf("%-38s %9s %11s %8s %8s %8s\n", "", "timings", "median us", "t, all", "ns apart", "t");
	for (size_t i = 0; i < HL_COUNT(questions); i++)
		if (strstr(questions[i].text, options.only))
			same = ask(&questions[i], t, n) && same;
	printf("%s\n", same ? "no difference" : "a difference: |t| is not below 4.5");
	free(t);
	pair_clear(&rsa);
	hsm_key_free(aes);
	return same ? 0 : 1;
}
