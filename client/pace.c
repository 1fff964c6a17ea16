#include "client/pace.h"

#include <string.h>

#include "client/link.h"
#include "lib/base/deadline.h"

#define US_BITS 24
#define SEEN_BITS 8
#define US_MAX ((UINT32_C(1) << US_BITS) - 1)

/* -- kinds ------------------------------------------------------------------------------------------------- */

static uint64_t number(const struct hl_msg *msg, const void *body, const char *name)
{
	const uint8_t *at = body;
	uint64_t wide = 0;
	uint32_t narrow = 0;

	for (size_t i = 0; i < msg->fields; i++) {
		const struct hl_field *f = &msg->field[i];

		if (strcmp(f->name, name) != 0)
			continue;
		if (f->kind == HL_U64)
			memcpy(&wide, at + f->offset, sizeof wide);
		else if (f->kind == HL_U32)
			memcpy(&narrow, at + f->offset, sizeof narrow);
	}
	return wide | narrow;
}

/* A name of 32 bits, never 0. The finishing steps of splitmix64 spread handles that follow one another. */
static uint32_t name_of(uint16_t type, uint64_t mechanism, uint64_t key)
{
	uint64_t x = key ^ mechanism << 32 ^ (uint64_t)type << 16;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(x >> 32) | 1;
}

struct client_kind client_kind_of(const struct hl_msg *msg, const void *body)
{
	uint64_t mechanism = number(msg, body, "mechanism");

	return (struct client_kind){
		.of_key = name_of(msg->type, mechanism, number(msg, body, "key")),
		.of_mechanism = name_of(msg->type, mechanism, 0),
	};
}

/* -- learning ---------------------------------------------------------------------------------------------- */

/* What else held an answer up, a busy machine or network, made it later and never earlier: so the least counts, and
 * rises by little with each later one. */
static uint32_t least_of_late(uint32_t least, uint32_t us)
{
	uint32_t risen = least + least / 32 + 1;

	return us < risen ? us : risen;
}

static _Atomic uint64_t *place_of(struct client_pace *p, uint32_t name)
{
	return &p->kind[(name >> 1) % CLIENT_PACE_KINDS];
}

struct time {
	uint32_t least, seen;
};

/* Two kinds at one place put each other out, and neither is ever known. */
static struct time time_of(struct client_pace *p, uint32_t name)
{
	uint64_t is = atomic_load_explicit(place_of(p, name), memory_order_relaxed);

	if (is >> (US_BITS + SEEN_BITS) != name)
		return (struct time){ 0 };
	return (struct time){ .least = is & US_MAX, .seen = is >> US_BITS & UINT8_MAX };
}

static void keep(struct client_pace *p, uint32_t name, struct time t)
{
	atomic_store_explicit(place_of(p, name),
		(uint64_t)name << (US_BITS + SEEN_BITS) | (uint64_t)t.seen << US_BITS | t.least, memory_order_relaxed);
}

/* Its work took so long; where it is a bound only, perhaps less. */
static void note(struct client_pace *p, uint32_t name, uint32_t us, bool bound)
{
	struct time t = name ? time_of(p, name) : (struct time){ 0 };

	if (!name || (bound && t.least <= us))
		return;
	t.least = t.seen == 0 ? us : least_of_late(t.least, us);
	t.seen += !bound && t.seen < UINT8_MAX;
	keep(p, name, t);
}

static uint32_t bounded(int64_t us)
{
	return us < 0 ? 0 : us < US_MAX ? (uint32_t)us : US_MAX;
}

void client_pace_trip(struct client_pace *p, int64_t us)
{
	uint32_t least, now = us > 0 ? bounded(us) : 1;

	if (!p)
		return;
	least = atomic_load_explicit(&p->trip_us, memory_order_relaxed);
	atomic_store_explicit(&p->trip_us, least == 0 ? now : least_of_late(least, now), memory_order_relaxed);
}

/* The work of a kind may be long: were it taken for a part of the trip, who has used a key alone for a while would never
 * learn how long that is. It shows only that the trip is no longer. */
static void learn_trip(struct client_pace *p, int64_t us, struct client_kind kind)
{
	if (!kind.of_key || us < (int64_t)atomic_load_explicit(&p->trip_us, memory_order_relaxed))
		client_pace_trip(p, us);
}

/* The first of them was at the HSM when the answer before it left there: from then on nothing else was waited for. */
static bool were_waiting(const struct client_pace *p, const struct client_answers *a)
{
	return a->before_us - a->sent_us >= (int64_t)atomic_load_explicit(&p->trip_us, memory_order_relaxed);
}

void client_pace_learn(struct client_pace *p, const struct client_answers *a, struct client_kind kind)
{
	bool alone = a->sent_us >= a->before_us;
	int64_t us = a->now_us - (alone ? a->sent_us : a->before_us);
	bool bound;

	if (!p || a->n == 0)
		return;
	if (alone)
		learn_trip(p, us, kind);
	bound = alone || !were_waiting(p, a);
	us /= a->n;
	note(p, kind.of_key, bounded(us), bound);
	note(p, kind.of_mechanism, bounded(us), bound);
}

/* -- asking ------------------------------------------------------------------------------------------------ */

uint32_t client_pace_long_us(struct client_pace *p, struct client_kind kind)
{
	struct time t = p ? time_of(p, kind.of_key) : (struct time){ 0 };

	if (p && t.seen < CLIENT_PACE_SURE)
		t = time_of(p, kind.of_mechanism);
	return t.seen >= CLIENT_PACE_SURE && t.least >= CLIENT_LONG_US ? t.least : 0;
}

size_t client_pace_choose(const struct client_load *load, size_t n)
{
	size_t best = n;

	if (load[0].calls < CLIENT_CROWD && load[0].long_us == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!load[i].rests && load[i].calls < CLIENT_CROWD && (best == n || load[i].long_us < load[best].long_us))
			best = i;
	return best < n ? best : 0;
}

int64_t client_pace_until_us(int64_t now_us, int64_t deadline_us)
{
	int64_t most_us = now_us + CLIENT_OP_MS * 1000;

	return deadline_us ? hl_sooner(most_us, now_us + (deadline_us - now_us) / 2) : most_us;
}
