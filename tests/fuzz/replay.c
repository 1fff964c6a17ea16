/* replay.c - runs a fuzz target without libFuzzer.
 *
 *	fuzz_NAME FILE...   feeds each file, as libFuzzer does: crashes found, a corpus
 *	fuzz_NAME           feeds the target's samples, then mutations of them, always the same ones
 */
#include "tests/fuzz/fuzz.h"

#define MUTATIONS 20000
#define INPUT_MAX 4096

struct input {
	uint8_t p[INPUT_MAX];
	size_t n;
};

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static size_t below(uint64_t *state, size_t n)
{
	return n ? (size_t)(draw(state) % n) : 0;
}

/* From memory of the exact size, so that a sanitizer or Valgrind sees a byte read past the end. */
static void feed(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	HL_FUZZ_MUST(copy);
	if (n > 0)
		memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void insert(struct input *in, size_t at, const uint8_t *p, size_t n)
{
	if (n > INPUT_MAX - in->n)
		return;
	memmove(in->p + at + n, in->p + at, in->n - at);
	memcpy(in->p + at, p, n);
	in->n += n;
}

static void cut_out(struct input *in, size_t at, size_t n)
{
	n = n < in->n - at ? n : in->n - at;
	memmove(in->p + at, in->p + at + n, in->n - at - n);
	in->n -= n;
}

enum { FLIP, SET, PUT_IN, TAKE_OUT, REPEAT, CUT, SPLICE, WAYS };

static void mutate(struct input *in, const struct input *other, uint64_t *r)
{
	uint8_t piece[16];
	size_t at = below(r, in->n), n = 1 + below(r, sizeof piece);

	switch (in->n ? below(r, WAYS) : PUT_IN) {
	case FLIP:
		in->p[at] ^= (uint8_t)(1u << below(r, 8));
		break;
	case SET:
		in->p[at] = (uint8_t)draw(r);
		break;
	case PUT_IN:
		for (size_t i = 0; i < n; i++)
			piece[i] = (uint8_t)draw(r);
		insert(in, at, piece, n);
		break;
	case TAKE_OUT:
		cut_out(in, at, n);
		break;
	case REPEAT:
		n = n < in->n - at ? n : in->n - at;
		memcpy(piece, in->p + at, n);
		insert(in, below(r, in->n + 1), piece, n);
		break;
	case CUT:
		in->n = at;
		break;
	default: /* SPLICE: begin as one sample and end as another */
		in->n = at;
		at = below(r, other->n);
		insert(in, in->n, other->p + at, other->n - at);
	}
}

static size_t sample(unsigned i, struct input *in)
{
	return in->n = hl_fuzz_seed ? hl_fuzz_seed(i, in->p, sizeof in->p) : 0;
}

static int run_samples(void)
{
	static struct input in, other;
	uint64_t r = 1;
	unsigned samples = 0;

	feed(NULL, 0);
	while (sample(samples, &in) > 0) {
		feed(in.p, in.n);
		samples++;
	}
	for (unsigned i = 0; i < MUTATIONS; i++) {
		sample(samples ? i % samples : 0, &in);
		sample((unsigned)below(&r, samples), &other);
		for (size_t times = 1 + below(&r, 4); times > 0; times--)
			mutate(&in, &other, &r);
		feed(in.p, in.n);
	}
	printf("%u samples, %d mutations\n", samples, MUTATIONS);
	return 0;
}

static int run_file(const char *path)
{
	struct hl_buf b = hl_buf(HL_BUF_MAX);
	FILE *f = fopen(path, "rb");
	uint8_t chunk[4096];
	size_t n;
	int bad;

	if (!f) {
		perror(path);
		return 1;
	}
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		hl_buf_put(&b, hl_bytes(chunk, n));
	bad = ferror(f) || b.err != HL_OK;
	fclose(f);
	if (bad)
		fprintf(stderr, "%s: cannot be read whole\n", path);
	else
		feed(hl_buf_view(&b).p, b.n);
	hl_buf_clear(&b);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;

	if (argc < 2)
		return run_samples();
	for (int i = 1; i < argc; i++)
		bad |= run_file(argv[i]);
	return bad;
}
