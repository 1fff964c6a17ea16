#include "lib/base/map.h"
#include "tests/support/draw.h"
#include "tests/support/test.h"

#define KEYS 200

/* What the map should hold: a plain array. */
struct both {
	struct hl_map map;
	uint64_t key[KEYS];
	void *value[KEYS]; /* NULL: not in */
	size_t n;
};

static char thing[KEYS * 4]; /* things to point at */

static void set_up(struct both *b, uint64_t *r)
{
	*b = (struct both){ 0 };
	/* Neighbours, ends of the range, and numbers from anywhere. */
	for (size_t i = 0; i < KEYS; i++)
		b->key[i] = i < 60    ? i
			    : i < 120 ? 0u - (uint64_t)i
			    : i < 150 ? (uint64_t)i << 40
				      : draw(r);
}

static void is_as_the_array(const struct both *b)
{
	size_t walked = 0, at = 0;
	void *value;

	CU_ASSERT_EQUAL(b->map.n, b->n);
	for (size_t i = 0; i < KEYS; i++)
		CU_ASSERT_PTR_EQUAL(hl_map_get(&b->map, b->key[i]), b->value[i]);
	while ((value = hl_map_next(&b->map, &at)) != NULL) {
		size_t i = 0;

		while (i < KEYS && b->value[i] != value)
			i++;
		CU_ASSERT(i < KEYS);
		walked++;
	}
	CU_ASSERT_EQUAL(walked, b->n);
}

static void put(struct both *b, size_t i, void *value)
{
	CU_ASSERT_EQUAL(hl_map_put(&b->map, b->key[i], value), HL_OK);
	b->n += b->value[i] == NULL;
	b->value[i] = value;
}

static void take(struct both *b, size_t i)
{
	CU_ASSERT_PTR_EQUAL(hl_map_take(&b->map, b->key[i]), b->value[i]);
	b->n -= b->value[i] != NULL;
	b->value[i] = NULL;
}

/* Fewer and fewer keys in use, so that the map is full of chains first and nearly empty last. */
static void it_is_as_a_plain_array(void)
{
	uint64_t r = 1;
	struct both b;

	set_up(&b, &r);
	for (size_t round = 0; round < 4000; round++) {
		size_t i = draw_below(&r, KEYS);

		/* A value stands under one key only, so that a walk can tell them apart. */
		if (draw_below(&r, 4000) > round)
			put(&b, i, &thing[4 * i + draw_below(&r, 4)]);
		else
			take(&b, i);
		is_as_the_array(&b);
	}
	hl_map_clear(&b.map);
}

/* Keys that want three neighbouring slots of the smallest table, at each place of it, its end too:
 * the hash multiplies by the golden ratio and takes bits from 32 on; this is the inverse. */
#define INVERSE 0xf1de83e19937733du

static void taking_from_a_chain_leaves_the_rest_reachable(void)
{
	for (uint64_t slot = 0; slot < 16 * 32; slot++) {
		uint64_t r = slot;
		struct both b;

		set_up(&b, &r);
		for (size_t i = 0; i < KEYS; i++)
			b.key[i] = ((slot + draw_below(&r, 3)) << 32 | i) * INVERSE;
		for (size_t i = 0; i < 8; i++) /* of 16: the most before it grows */
			put(&b, i, &thing[4 * i]);
		CU_ASSERT_EQUAL(b.map.cap, 16);
		while (b.n > 0) {
			take(&b, draw_below(&r, 8));
			is_as_the_array(&b);
		}
		hl_map_clear(&b.map);
	}
}

static void an_empty_map_has_nothing(void)
{
	struct hl_map m = { 0 };
	size_t at = 0;

	CU_ASSERT_PTR_NULL(hl_map_get(&m, 0));
	CU_ASSERT_PTR_NULL(hl_map_take(&m, 0));
	CU_ASSERT_PTR_NULL(hl_map_next(&m, &at));
	hl_map_clear(&m);
	CU_ASSERT_EQUAL(hl_map_put(&m, 0, thing), HL_OK); /* 0 is a key as any other */
	CU_ASSERT_PTR_EQUAL(hl_map_get(&m, 0), thing);
	hl_map_clear(&m);
	CU_ASSERT(m.n == 0 && !hl_map_get(&m, 0));
}

static CU_TestInfo tests[] = {
	{ "it is as a plain array", it_is_as_a_plain_array },
	{ "taking from a chain leaves the rest reachable",
		taking_from_a_chain_leaves_the_rest_reachable },
	{ "an empty map has nothing", an_empty_map_has_nothing },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("map", tests)
