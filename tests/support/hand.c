#include "tests/support/hand.h"

#include <stdio.h>

#include "lib/os/clock.h"
#include "tests/support/draw.h"
#include "tests/support/test.h"

void hands_prefix(const struct storm *s, char out[32])
{
	snprintf(out, 32, "storm-%llx/", (unsigned long long)s->seed);
}

struct hand hand_of(const struct storm *s, unsigned number)
{
	struct hand h = { .number = number, .state = s->seed + number + 1, .tally = storm_tally() };

	snprintf(h.prefix, sizeof h.prefix, "storm-%llx/%u", (unsigned long long)s->seed, number);
	return h;
}

void hand_wrong(struct hand *h, const char *what, const char *label, int code)
{
	storm_wrong(&h->tally, h->number, label, what, code);
}

void hand_begins(struct hand *h)
{
	h->begun_us = hl_clock_mono_us();
}

enum fate hand_ends(struct hand *h, unsigned deed, enum fate fate, int code, unsigned limit_ms)
{
	storm_note(&h->tally, deed, fate, code, h->begun_us, limit_ms);
	return fate;
}

static size_t kept(const struct hand *h)
{
	return h->ledger.n - h->oldest;
}

bool hand_is_full(const struct hand *h)
{
	return kept(h) > HAND_KEPT;
}

struct ledger_pair *hand_draws(struct hand *h)
{
	return kept(h) ? &h->ledger.pair[h->oldest + draw_below(&h->state, kept(h))] : NULL;
}

struct ledger_pair *hand_retires(struct hand *h, size_t *row)
{
	bool leave = draw_below(&h->state, 4) == 0 && h->left < HAND_LEFT_MOST;
	struct ledger_pair *p;

	*row = h->oldest++;
	p = &h->ledger.pair[*row];
	h->left += leave;
	return p->made == FATE_YES && !leave ? p : NULL;
}

bool hand_repeats(struct hand *h)
{
	return draw_below(&h->state, 3) == 0;
}

void hand_destroyed(struct hand *h, struct ledger_pair *p, unsigned which, enum fate fate, bool not_there, int code)
{
	enum fate *gone = &p->object[which].gone;

	if (fate == FATE_YES && *gone == FATE_YES)
		hand_wrong(h, "destroyed twice", p->label, code);
	if (not_there && *gone == FATE_NO)
		hand_wrong(h, "a key is lost", p->label, code);
	if (not_there)
		fate = FATE_YES;
	*gone = fate > *gone ? fate : *gone;
}

void hands_judged(struct storm *s, const struct hand *const *h, size_t n, const char *const *deed, size_t deeds, bool are_ckr,
	const unsigned *often, size_t often_n)
{
	struct storm_tally all = storm_tally();

	for (size_t i = 0; i < n; i++)
		storm_add(&all, &h[i]->tally);
	storm_print(s, &all, deed, deeds, are_ckr);
	CU_ASSERT_EQUAL(all.wrong, 0);
	CU_ASSERT(all.worst_us <= storm_slack_us(s));
	for (size_t i = 0; i < often_n; i++)
		CU_ASSERT(all.done[often[i]] > 0);
}
