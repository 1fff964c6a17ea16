/* fuzz_secrets.c - any bytes as a .secrets.cfg: find, list, put and remove entries. */
#include <stdio.h>
#include <stdlib.h>

#include "client/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max);

static void draw(void *at, void *out, size_t n)
{
	(void)at;
	memset(out, 0x5a, n); /* the same input must always do the same */
}

static const struct hl_env_ops ops = { .random = draw };
static const struct hl_env env = { .ops = &ops };
static char error[512];

static void make(struct client_entry *e, enum client_entry_kind kind, const char *name)
{
	*e = (struct client_entry){ .kind = kind, .generation = kind == CLIENT_ENTRY_USER };
	snprintf(e->name, sizeof e->name, "%s", name);
	if (hl_secret_make(&e->value, HL_SECRET_BYTES) != HL_OK)
		abort();
}

static void note(void *at, const char *name)
{
	*(size_t *)at += strlen(name);
}

/* What was put into a file that can be read is found there, and gone once it is removed. */
static void edit(const uint8_t *data, size_t n, enum client_entry_kind kind)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);
	struct client_entry e, got;
	hl_err err;

	make(&e, kind, "new");
	hl_buf_put(&text, hl_bytes(data, n));
	err = client_entry_put(&env, "f", &text, &e, error);
	hl_secret_clear(&e.value);
	if (err != HL_OK)
		return;
	if (client_entry_get("f", hl_buf_view(&text), kind, "new", &got, error) != HL_OK)
		abort();
	hl_secret_clear(&got.value);
	if (client_entry_remove("f", &text, kind, "new", error) == HL_OK &&
		client_entry_get("f", hl_buf_view(&text), kind, "new", &got, error) == HL_OK)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum client_entry_kind kinds[] = { CLIENT_ENTRY_USER, CLIENT_ENTRY_PROXY };

	for (size_t i = 0; i < HL_COUNT(kinds); i++) {
		struct client_entry e = { 0 };
		size_t letters = 0;

		if (client_entry_get("f", hl_bytes(data, n), kinds[i], "P", &e, error) == HL_OK)
			hl_secret_clear(&e.value);
		if (client_entry_list("f", hl_bytes(data, n), kinds[i], note, &letters, error) ==
			HL_OK)
			edit(data, n, kinds[i]);
	}
	return 0;
}

/* 0: one user; 1: a user and a service user, with a comment and a key that is not ours. */
size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(HL_BUF_MAX);
	struct client_entry e;

	if (i > 1)
		return 0;
	if (i == 1)
		hl_buf_text(&text, "# c\nversion = \"1.0\"; primus: { later = 1; };\n");
	for (unsigned kind = CLIENT_ENTRY_USER; kind <= i; kind++) {
		make(&e, kind, "P");
		if (client_entry_put(&env, "f", &text, &e, error) != HL_OK)
			abort();
		hl_secret_clear(&e.value);
	}
	if (text.n > max)
		return 0;
	memcpy(out, hl_buf_view(&text).p, text.n);
	return text.n;
}
