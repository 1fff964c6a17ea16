#include "tests/support/canary.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "lib/os/files.h"

#define FILE_MAX (64u << 20)

static void put(struct canary *c, enum canary_form form, const void *p, size_t n)
{
	memcpy(c->form[form].p, p, n);
	c->form[form].n = n;
}

/* A secret that stands behind `shift` other bytes is encoded to other characters, and at its ends share
 * characters with its neighbours: those in between are sure. */
static void put_base64(struct canary *c, struct hl_bytes secret, size_t shift)
{
	uint8_t in[CANARY_MAX + 2] = { 0 };
	char text[2 * CANARY_MAX];
	size_t first = (8 * shift + 5) / 6, last = 8 * (shift + secret.n) / 6;

	memcpy(in + shift, secret.p, secret.n);
	EVP_EncodeBlock((uint8_t *)text, in, (int)(shift + secret.n));
	put(c, CANARY_BASE64 + (enum canary_form)shift, text + first, last - first);
	for (size_t i = first; i < last; i++)
		text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	put(c, CANARY_URL + (enum canary_form)shift, text + first, last - first);
}

void canary_make(struct canary *c, const char *name, struct hl_bytes secret)
{
	char hex[2 * CANARY_MAX + 1];
	uint8_t reversed[CANARY_MAX];

	*c = (struct canary){ 0 };
	snprintf(c->name, sizeof c->name, "%s", name);
	put(c, CANARY_RAW, secret.p, secret.n);
	for (size_t i = 0; i < secret.n; i++)
		reversed[i] = secret.p[secret.n - 1 - i];
	put(c, CANARY_REVERSED, reversed, secret.n);
	hl_hex(secret, hex);
	put(c, CANARY_HEX, hex, 2 * secret.n);
	for (size_t i = 0; i < 2 * secret.n; i++)
		hex[i] = hex[i] >= 'a' ? (char)(hex[i] - 'a' + 'A') : hex[i];
	put(c, CANARY_HEX_UPPER, hex, 2 * secret.n);
	for (size_t shift = 0; shift < 3; shift++)
		put_base64(c, secret, shift);
}

struct hl_bytes canary_form(const struct canary *c, enum canary_form form)
{
	return hl_bytes(c->form[form].p, c->form[form].n);
}

bool canary_in(const struct canary *c, struct hl_bytes place, const char *where)
{
	bool found = false;

	for (enum canary_form f = 0; f < CANARY_FORMS; f++) {
		if (place.n == 0 || !memmem(place.p, place.n, c->form[f].p, c->form[f].n))
			continue;
		found = true;
		if (where)
			fprintf(stderr, "canary: %s, form %d, in %s\n", c->name, (int)f, where);
	}
	return found;
}

bool canary_in_file(const struct canary *c, const char *path, bool tell)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);
	hl_err err = hl_file_read(path, FILE_MAX, &text);

	if (err == HL_OK)
		return canary_in(c, hl_buf_view(&text), tell ? path : NULL);
	fprintf(stderr, "canary: %s: %s\n", path, hl_err_text(err));
	return true;
}
