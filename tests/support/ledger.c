#include "tests/support/ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/numbers.h"

#define PAGE 256

struct ledger_pair *ledger_add(struct ledger *l, const char *prefix)
{
	struct ledger_pair *p;

	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->pair = realloc(l->pair, l->cap * sizeof *l->pair);
		if (!l->pair)
			abort();
	}
	p = &l->pair[l->n];
	*p = (struct ledger_pair){ .made = FATE_NO };
	snprintf(p->label, sizeof p->label, "%.32s/%zu", prefix, l->n++);
	return p;
}

void ledger_clear(struct ledger *l)
{
	for (size_t i = 0; i < l->n; i++)
		EVP_PKEY_free(l->pair[i].public_key);
	free(l->pair);
	*l = (struct ledger){ 0 };
}

/* -- the judge ----------------------------------------------------------------------------------------------- */

static int wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("ledger: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return 1;
}

struct objects {
	struct ledger_object *object;
	size_t n;
};

static int by_label(const void *a, const void *b)
{
	return strcmp(((const struct ledger_object *)a)->label, ((const struct ledger_object *)b)->label);
}

/* The first object with this label; *n is how many have it. */
static const struct ledger_object *labelled(const struct objects *o, const char *label, size_t *n)
{
	size_t from = 0, to = o->n;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (strcmp(o->object[middle].label, label) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	for (*n = 0; from + *n < o->n && strcmp(o->object[from + *n].label, label) == 0;)
		++*n;
	return &o->object[from];
}

static int audit_made(const struct ledger_pair *p, unsigned is, const struct ledger_object *o, size_t n)
{
	unsigned there = 0;

	for (size_t i = 0; i < n; i++) {
		if (o[i].is_public != is)
			continue;
		there++;
		if (o[i].handle != p->object[is].handle)
			return wrong("%s: an object that nobody was told of", p->label);
	}
	if (there > 1)
		return wrong("%s: there %u times", p->label, there);
	if (there == 0 && p->object[is].gone == FATE_NO)
		return wrong("%s: the %s key is lost", p->label, is ? "public" : "private");
	if (there == 1 && p->object[is].gone == FATE_YES)
		return wrong("%s: the %s key was destroyed and is there", p->label, is ? "public" : "private");
	return 0;
}

static int audit_pair(const struct ledger_pair *p, const struct objects *all)
{
	size_t n;
	const struct ledger_object *o = labelled(all, p->label, &n);

	if (p->made == FATE_YES)
		return audit_made(p, 0, o, n) + audit_made(p, 1, o, n);
	if (p->made == FATE_NO && n > 0)
		return wrong("%s: said not to be made, and is there", p->label);
	if (n > 2)
		return wrong("%s: made twice", p->label);
	if (n == 1 || (n == 2 && o[0].is_public == o[1].is_public))
		return wrong("%s: half a pair", p->label);
	return 0;
}

/* Objects that no row speaks of. */
static int audit_strangers(const struct objects *all, const char *prefix, const struct ledger *l, size_t n)
{
	size_t known = 0, there = 0, one;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < l[i].n; k++) {
			labelled(all, l[i].pair[k].label, &one);
			known += one;
		}
	for (size_t i = 0; i < all->n; i++)
		there += strncmp(all->object[i].label, prefix, strlen(prefix)) == 0;
	return known == there ? 0 : wrong("%zu objects that nobody asked for", there - known);
}

int ledger_judge(struct ledger_object *seen, size_t seen_n, const char *prefix, const struct ledger *l, size_t n)
{
	const struct objects all = { seen, seen_n };
	int bad = 0;

	if (seen_n > 0)
		qsort(seen, seen_n, sizeof *seen, by_label);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < l[i].n; k++)
			bad += audit_pair(&l[i].pair[k], &all);
	return bad + audit_strangers(&all, prefix, l, n);
}

/* -- what the partition holds -------------------------------------------------------------------------------- */

/* False: it could not be read. */
static bool read_object(hsmlet *h, uint64_t handle, struct ledger_object *out)
{
	static const uint32_t types[] = { HL_CKA_LABEL, HL_CKA_CLASS };
	hsmlet_attribute label, class_;
	hsmlet_attributes *a;
	hsmlet_error e;

	if (hsmlet_get_attributes(h, handle, types, 2, &a, &e) != 0)
		return false;
	label = hsmlet_attributes_at(a, 0);
	class_ = hsmlet_attributes_at(a, 1);
	*out = (struct ledger_object){ .handle = handle };
	if (label.form == HSMLET_BYTES && label.n < sizeof out->label)
		memcpy(out->label, label.value, label.n);
	out->is_public = class_.form == HSMLET_NUMBER && ((const uint8_t *)class_.value)[7] == HL_CKO_PUBLIC_KEY;
	hsmlet_attributes_free(a);
	return true;
}

static bool read_all(hsmlet *h, struct objects *out)
{
	uint64_t handle[PAGE], after = 0;
	hsmlet_error e;
	size_t n;

	do {
		if (hsmlet_find(h, NULL, 0, after, handle, PAGE, &n, &e) != 0)
			return false;
		out->object = realloc(out->object, (out->n + n + 1) * sizeof *out->object);
		if (!out->object)
			abort();
		for (size_t i = 0; i < n; i++)
			if (!read_object(h, handle[i], &out->object[out->n++]))
				return false;
		after = n ? handle[n - 1] : 0;
	} while (n == PAGE);
	return true;
}

int ledger_audit(hsmlet *h, const char *prefix, const struct ledger *l, size_t n)
{
	struct objects all = { 0 };
	int bad = read_all(h, &all) ? ledger_judge(all.object, all.n, prefix, l, n) : -1;

	free(all.object);
	return bad;
}
