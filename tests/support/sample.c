#include "tests/support/sample.h"

#include <stdlib.h>

#include "tests/support/draw.h"

#define LENGTH_MOST 40 /* of what sample_make() makes, where its bounds allow */
#define ITEMS_MOST 3

static void *memory(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		abort();
	return p;
}

static void *at(const struct hl_field *f, void *body)
{
	return (uint8_t *)body + f->offset;
}

static const void *seen(const struct hl_field *f, const void *body)
{
	return (const uint8_t *)body + f->offset;
}

static void item_free(const struct hl_msg *m, void *body);

/* What the field owns. `p` and `items` are views to everybody else. */
static void field_free(const struct hl_field *f, void *body)
{
	if (f->kind == HL_BYTES || f->kind == HL_TEXT) {
		free((void *)(uintptr_t)((struct hl_bytes *)at(f, body))->p);
	} else if (f->kind == HL_LIST) {
		struct hl_list *list = at(f, body);
		uint8_t *item = (void *)(uintptr_t)list->items;

		for (size_t i = 0; i < list->count; i++)
			item_free(f->item, item + i * f->item->size);
		free(item);
	}
}

static void item_free(const struct hl_msg *m, void *body)
{
	for (size_t i = 0; i < m->fields; i++)
		field_free(&m->field[i], body);
}

void sample_free(const struct hl_msg *m, void *body)
{
	item_free(m, body);
	free(body);
}

/* Letters of one to four bytes, `n` bytes in all. */
static void write_text(uint8_t *out, size_t n, uint64_t *state)
{
	static const char *const letter[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\x91" };

	while (n > 0) {
		const char *l = letter[draw_below(state, HL_COUNT(letter))];
		size_t wide = strlen(l);

		if (wide > n || draw_below(state, 8) > 0)
			*out = (uint8_t)(' ' + draw_below(state, 95)), wide = 1;
		else
			memcpy(out, l, wide);
		out += wide;
		n -= wide;
	}
}

static void fill(const struct hl_msg *m, void *body, uint64_t *state)
{
	for (size_t i = 0; i < m->fields; i++) {
		const struct hl_field *f = &m->field[i];
		uint64_t least = f->min, most = f->max, span;

		if (f->kind == HL_LIST)
			most = most < ITEMS_MOST ? most : ITEMS_MOST;
		else if (f->kind >= HL_BYTES && most > least + LENGTH_MOST)
			most = least + LENGTH_MOST;
		if (least == 0 && most > 0 && (f->flags & HL_OPT || f->kind == HL_LIST))
			least = 1;       /* it is there */
		span = most - least + 1; /* 0: all numbers of 64 bits */
		sample_set(f, body, least + (span ? draw(state) % span : draw(state)), state);
	}
}

static void set_bytes(const struct hl_field *f, struct hl_bytes *b, size_t n, uint64_t *state)
{
	uint8_t *p = memory(n);

	if (f->kind == HL_TEXT)
		write_text(p, n, state);
	else
		draw_bytes(state, p, n);
	*b = hl_bytes(p, n);
}

static void set_items(const struct hl_field *f, struct hl_list *list, size_t count, uint64_t *state)
{
	uint8_t *items = memory(count * f->item->size);

	for (size_t i = 0; i < count; i++)
		fill(f->item, items + i * f->item->size, state);
	*list = (struct hl_list){ .items = items, .count = count };
}

void sample_set(const struct hl_field *f, void *body, uint64_t measure, uint64_t *state)
{
	field_free(f, body);
	switch (f->kind) {
	case HL_U8:
		*(uint8_t *)at(f, body) = (uint8_t)measure;
		break;
	case HL_U16:
		*(uint16_t *)at(f, body) = (uint16_t)measure;
		break;
	case HL_U32:
		*(uint32_t *)at(f, body) = (uint32_t)measure;
		break;
	case HL_U64:
		*(uint64_t *)at(f, body) = measure;
		break;
	case HL_BYTES:
	case HL_TEXT:
		set_bytes(f, at(f, body), (size_t)measure, state);
		break;
	case HL_LIST:
		set_items(f, at(f, body), (size_t)measure, state);
		break;
	}
}

uint64_t sample_most(const struct hl_field *f)
{
	switch (f->kind) {
	case HL_U8:
		return UINT8_MAX;
	case HL_U16:
		return UINT16_MAX;
	case HL_U64:
		return UINT64_MAX;
	default:
		return UINT32_MAX; /* lengths and counts are u32 on the wire */
	}
}

uint64_t sample_measure(const struct hl_field *f, const void *body)
{
	switch (f->kind) {
	case HL_U8:
		return *(const uint8_t *)seen(f, body);
	case HL_U16:
		return *(const uint16_t *)seen(f, body);
	case HL_U32:
		return *(const uint32_t *)seen(f, body);
	case HL_U64:
		return *(const uint64_t *)seen(f, body);
	case HL_LIST:
		return ((const struct hl_list *)seen(f, body))->count;
	default:
		return ((const struct hl_bytes *)seen(f, body))->n;
	}
}

static size_t aligned(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

size_t sample_extra(const struct hl_msg *m)
{
	return aligned(m->size);
}

void *sample_room(const struct hl_msg *m)
{
	return memory(aligned(m->size) + sizeof(struct hl_bytes));
}

void *sample_make(const struct hl_msg *m, uint64_t *state)
{
	void *body = sample_room(m);

	fill(m, body, state);
	return body;
}

static bool same_items(
	const struct hl_msg *m, const struct hl_list *made, const struct hl_list *decoded)
{
	struct hl_bytes rest = decoded->raw;
	const uint8_t *item = made->items;
	void *room = memory(m->size);
	bool same = made->count == decoded->count;

	for (size_t i = 0; same && i < made->count; i++, item += m->size)
		same = hl_list_next(m, &rest, room) && sample_same(m, item, room);
	same = same && rest.n == 0 && !hl_list_next(m, &rest, room);
	free(room);
	return same;
}

bool sample_same(const struct hl_msg *m, const void *made, const void *decoded)
{
	for (size_t i = 0; i < m->fields; i++) {
		const struct hl_field *f = &m->field[i];
		const void *a = seen(f, made), *b = seen(f, decoded);

		if (sample_measure(f, made) != sample_measure(f, decoded))
			return false;
		if (f->kind == HL_LIST && !same_items(f->item, a, b))
			return false;
		if ((f->kind == HL_BYTES || f->kind == HL_TEXT) &&
			!hl_bytes_eq(*(const struct hl_bytes *)a, *(const struct hl_bytes *)b))
			return false;
	}
	return true;
}
