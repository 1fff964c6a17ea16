#include "lib/base/map.h"

#include <stdlib.h>

static size_t home(const struct hl_map *m, uint64_t key)
{
	/* Fibonacci hashing: 2^64 divided by the golden ratio. */
	return (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (m->cap - 1);
}

/* The slot of `key`, or the free one where it would go. */
static struct hl_map_slot *find(const struct hl_map *m, uint64_t key)
{
	size_t i = home(m, key);

	while (m->slot[i].value && m->slot[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slot[i];
}

static hl_err grow(struct hl_map *m)
{
	struct hl_map bigger = { .cap = m->cap ? m->cap * 2 : 16, .n = m->n };

	bigger.slot = calloc(bigger.cap, sizeof *bigger.slot);
	if (!bigger.slot)
		return HL_E_NOMEM;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slot[i].value)
			*find(&bigger, m->slot[i].key) = m->slot[i];
	free(m->slot);
	*m = bigger;
	return HL_OK;
}

hl_err hl_map_put(struct hl_map *m, uint64_t key, void *value)
{
	struct hl_map_slot *s;

	if (m->n >= m->cap / 2)
		HL_TRY(grow(m));
	s = find(m, key);
	if (!s->value)
		m->n++;
	*s = (struct hl_map_slot){ key, value };
	return HL_OK;
}

void *hl_map_get(const struct hl_map *m, uint64_t key)
{
	return m->cap ? find(m, key)->value : NULL;
}

void *hl_map_take(struct hl_map *m, uint64_t key)
{
	struct hl_map_slot *s = m->cap ? find(m, key) : NULL;
	void *value = s ? s->value : NULL;
	size_t hole, i;

	if (!value)
		return NULL;
	s->value = NULL;
	m->n--;
	/* Close the gap: move back what probed past it (no tombstones needed). */
	hole = (size_t)(s - m->slot);
	for (i = (hole + 1) & (m->cap - 1); m->slot[i].value; i = (i + 1) & (m->cap - 1)) {
		size_t want = home(m, m->slot[i].key);

		if (((i - want) & (m->cap - 1)) < ((i - hole) & (m->cap - 1)))
			continue;
		m->slot[hole] = m->slot[i];
		m->slot[i].value = NULL;
		hole = i;
	}
	return value;
}

void *hl_map_next(const struct hl_map *m, size_t *at)
{
	while (*at < m->cap) {
		void *value = m->slot[(*at)++].value;

		if (value)
			return value;
	}
	return NULL;
}

void hl_map_clear(struct hl_map *m)
{
	free(m->slot);
	*m = (struct hl_map){ 0 };
}
