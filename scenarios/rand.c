/* RAND_set_rand_method is deprecated in 3.0 and has no successor that works for the whole process with a
 * few lines: a provider would be needed. The simulator alone uses it. */
#undef OPENSSL_NO_DEPRECATED
#undef OPENSSL_API_COMPAT
#define OPENSSL_SUPPRESS_DEPRECATED

#include "scenarios/rand.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

static struct sim_stream *current;

/* Block n = SHA-256(seed | entity | n): independent of what any other entity draws. */
static void block(const struct sim_stream *s, uint8_t out[32])
{
	uint8_t text[8 + sizeof s->entity + 8];
	unsigned n = 0;

	memcpy(text, &s->seed, 8);
	memcpy(text + 8, s->entity, sizeof s->entity);
	memcpy(text + 8 + sizeof s->entity, &s->n, 8);
	EVP_Digest(text, sizeof text, out, &n, EVP_sha256(), NULL);
}

void sim_stream_draw(struct sim_stream *s, void *out, size_t n)
{
	uint8_t *to = out, bytes[32];

	while (n > 0) {
		size_t part = n < sizeof bytes ? n : sizeof bytes;

		block(s, bytes);
		s->n++;
		memcpy(to, bytes, part);
		to += part;
		n -= part;
	}
}

static int draw(unsigned char *out, int n)
{
	if (!current || n < 0)
		return 0;
	sim_stream_draw(current, out, (size_t)n);
	return 1;
}

static int status(void)
{
	return 1;
}

void sim_rand_use(struct sim_stream *s)
{
	current = s;
}

void sim_rand_install(void)
{
	static RAND_METHOD method;

	method.bytes = draw;
	method.pseudorand = draw;
	method.status = status;
	RAND_set_rand_method(&method);
}

void sim_rand_remove(void)
{
	RAND_set_rand_method(NULL);
	current = NULL;
}
