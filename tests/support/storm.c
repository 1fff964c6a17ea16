#include "tests/support/storm.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/os/clock.h"
#include "tests/support/draw.h"
#include "tests/support/live_impl.h"
#include "tests/support/test.h"

#define SECONDS 15
#define DOWN_US 1000000 /* at most, and others meanwhile */
#define LONG_US 6000000 /* that some proxies hang longer */
#define CALM_US 700000  /* between two strikes, at most */

void storm_forecast(struct storm *s, const char *name)
{
	const char *given = getenv("HL_STORM_SEED"), *long_ = getenv("HL_STORM_SECONDS");

	*s = (struct storm){ .hsm_share = 10 };
	s->seed = given ? strtoull(given, NULL, 0) : (uint64_t)hl_clock_mono_us();
	s->state = s->seed;
	s->seconds = long_ ? (unsigned)strtoul(long_, NULL, 0) : SECONDS;
	printf("%s: %u s, HL_STORM_SEED=%llu\n", name, s->seconds, (unsigned long long)s->seed);
	fflush(stdout); /* else a child that is forked would say it again */
}

/* -- how late it is here -------------------------------------------------------------------------------------------- */

static void *gauge(void *at)
{
	const int each_ms = 10;
	struct storm *s = at;

	while (!atomic_load(&s->settled)) {
		int64_t begun = hl_clock_mono_us(), late;

		poll(NULL, 0, each_ms);
		late = hl_clock_mono_us() - begun - each_ms * 1000;
		if (late > atomic_load(&s->late_us))
			atomic_store(&s->late_us, late);
	}
	return NULL;
}

/* Between the moment at which a call's limit has passed and its return lie some wake-ups: of the leader, of whom it
 * promotes, of whoever holds the lock. */
#define WAKE_UPS 8

int64_t storm_slack_us(struct storm *s)
{
	return (hl_test_is_slow() ? 2000000 : 100000) + WAKE_UPS * atomic_load(&s->late_us);
}

/* -- who is struck ---------------------------------------------------------------------------------------------------- */

static void name_victims(struct storm *s)
{
	snprintf(s->victim[s->victims++].name, sizeof s->victim->name, "directory1");
	for (unsigned i = 1; i <= s->proxies; i++)
		snprintf(s->victim[s->victims++].name, sizeof s->victim->name, "proxy%u", i);
	for (unsigned i = 1; i <= s->hsms; i++)
		snprintf(s->victim[s->victims++].name, sizeof s->victim->name, "hsm%u", i);
}

static struct storm_victim *draw_victim(struct storm *s)
{
	size_t what = draw_below(&s->state, 20);

	if (what == 0)
		return &s->victim[0];
	return what > s->hsm_share ? &s->victim[1 + draw_below(&s->state, s->proxies)]
				   : &s->victim[1 + s->proxies + draw_below(&s->state, s->hsms)];
}

static bool is_hsm(const struct storm *s, const struct storm_victim *v)
{
	return v >= &s->victim[1 + s->proxies];
}

/* One of four hangs all the time that it is away, and is killed at its end. Some of the proxies hang for longer than
 * anybody waits for them. */
static bool strike_one(struct storm *s, struct storm_victim *v)
{
	int64_t down_us = (int64_t)draw_below(&s->state, DOWN_US);
	bool hangs = draw_below(&s->state, 4) == 0, is_long = draw_below(&s->state, 8) == 0;

	if (v->back_us)
		return true;
	if (hangs && is_long && v != &s->victim[0] && !is_hsm(s, v))
		down_us += LONG_US;
	v->strikes++;
	v->hangs = hangs;
	v->back_us = hl_clock_mono_us() + down_us;
	return hangs ? live_pause(s->w, v->name) : live_strike(s->w, v->name);
}

/* All HSMs die, for so long at least. */
static bool strike_all(struct storm *s, int64_t down_us)
{
	for (struct storm_victim *v = &s->victim[1 + s->proxies]; v < &s->victim[s->victims]; v++) {
		bool runs = !v->back_us || v->hangs;

		v->strikes += runs;
		v->hangs = false;
		v->back_us = hl_clock_mono_us() + down_us;
		if (runs && !live_strike(s->w, v->name))
			return false;
	}
	return true;
}

static bool strike(struct storm *s)
{
	if (draw_below(&s->state, 12) == 0)
		return strike_all(s, (int64_t)draw_below(&s->state, 2 * DOWN_US));
	return strike_one(s, draw_victim(s));
}

/* An HSM that stands still may hold the store's lock, which one that starts waits for, and we for that one. */
static bool bury_hsms_that_hang(struct storm *s)
{
	for (struct storm_victim *v = &s->victim[1 + s->proxies]; v < &s->victim[s->victims]; v++) {
		if (!v->back_us || !v->hangs)
			continue;
		v->hangs = false;
		if (!live_strike(s->w, v->name))
			return false;
	}
	return true;
}

static bool raise_one(struct storm *s, struct storm_victim *v)
{
	bool hangs = v->hangs;

	v->hangs = false;
	if (hangs && !live_strike(s->w, v->name))
		return false;
	v->back_us = 0;
	return (!is_hsm(s, v) || bury_hsms_that_hang(s)) && live_raise(s->w, v->name);
}

static bool raise_due(struct storm *s, int64_t now_us)
{
	for (size_t i = 0; i < s->victims; i++) {
		struct storm_victim *v = &s->victim[i];

		if (v->back_us && v->back_us <= now_us && !raise_one(s, v))
			return false;
	}
	return true;
}

/* -- the storm -------------------------------------------------------------------------------------------------------- */

bool storm_begin(struct storm *s, struct live *w, unsigned proxies, unsigned hsms)
{
	s->w = w;
	s->proxies = proxies;
	s->hsms = hsms;
	name_victims(s);
	return pthread_create(&s->gauge, NULL, gauge, s) == 0;
}

bool storm_until(struct storm *s, int64_t until_us)
{
	bool well = true;

	while (well && hl_clock_mono_us() < until_us) {
		int64_t next_us = hl_clock_mono_us() + (int64_t)draw_below(&s->state, CALM_US);

		well = strike(s);
		while (well && hl_clock_mono_us() < next_us)
			well = live_watch(s->w, hl_clock_mono_us() + 20000) && raise_due(s, hl_clock_mono_us());
	}
	return well;
}

bool storm_darkness(struct storm *s, int64_t until_us)
{
	return strike_all(s, until_us - hl_clock_mono_us()) && live_watch(s->w, until_us) && raise_due(s, INT64_MAX);
}

bool storm_end(struct storm *s)
{
	bool well = raise_due(s, INT64_MAX) && live_await_up(s->w);

	atomic_store(&s->over_us, hl_clock_mono_us());
	atomic_store(&s->over, true);
	return well;
}

void storm_settle(struct storm *s)
{
	atomic_store(&s->settled, true);
	pthread_join(s->gauge, NULL);
}

bool storm_is_over(struct storm *s)
{
	return atomic_load(&s->over);
}

/* -- what a thread was told ---------------------------------------------------------------------------------------- */

struct storm_tally storm_tally(void)
{
	return (struct storm_tally){ .worst_us = INT64_MIN };
}

bool storm_goes_on(struct storm *s, const struct storm_tally *t, unsigned deeds)
{
	bool all = true;

	if (!storm_is_over(s))
		return true;
	for (unsigned d = 0; d < STORM_DEEDS; d++)
		all = all && (!(deeds & 1u << d) || t->done[d] > 0);
	return !all && hl_clock_mono_us() < atomic_load(&s->over_us) + live_limit_ms() * INT64_C(3000);
}

static void note_time(struct storm_tally *t, int64_t longest_us, int64_t worst_us)
{
	t->longest_us = longest_us > t->longest_us ? longest_us : t->longest_us;
	t->worst_us = worst_us > t->worst_us ? worst_us : t->worst_us;
}

void storm_note(struct storm_tally *t, unsigned deed, enum fate fate, int code, int64_t begun_us, unsigned limit_ms)
{
	int64_t took = hl_clock_mono_us() - begun_us;

	note_time(t, took, took - limit_ms * INT64_C(1000));
	t->done[deed] += fate == FATE_YES;
	t->refused[deed] += fate == FATE_NO;
	t->unknown[deed] += fate == FATE_MAYBE;
	if (code > 0 && code < STORM_CODES)
		t->code[code]++;
}

void storm_wrong(struct storm_tally *t, unsigned thread, const char *label, const char *what, int code)
{
	fprintf(stderr, "storm: thread %u: %s: %s (%d, %#x)\n", thread, label, what, code, (unsigned)code);
	t->wrong++;
}

static void add(unsigned *to, const unsigned *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] += from[i];
}

void storm_add(struct storm_tally *to, const struct storm_tally *from)
{
	add(to->done, from->done, STORM_DEEDS);
	add(to->refused, from->refused, STORM_DEEDS);
	add(to->unknown, from->unknown, STORM_DEEDS);
	add(to->code, from->code, STORM_CODES);
	to->wrong += from->wrong;
	note_time(to, from->longest_us, from->worst_us);
}

static unsigned sum(const unsigned *of)
{
	unsigned n = 0;

	for (size_t i = 0; i < STORM_DEEDS; i++)
		n += of[i];
	return n;
}

static void print_row(const char *name, unsigned done, unsigned refused, unsigned unknown)
{
	printf("  %-12s %7u done %7u refused %5u unknown\n", name, done, refused, unknown);
}

void storm_print(struct storm *s, const struct storm_tally *all, const char *const *deed, size_t deeds, bool are_ckr)
{
	for (size_t d = 0; d < deeds; d++)
		print_row(deed[d], all->done[d], all->refused[d], all->unknown[d]);
	print_row("all", sum(all->done), sum(all->refused), sum(all->unknown));
	printf("  told:");
	for (int i = 0; i < STORM_CODES; i++)
		if (all->code[i])
			printf(are_ckr ? " %#x %u" : " HL-%04d %u", i, all->code[i]);
	printf("\n  struck:");
	for (size_t i = 0; i < s->victims; i++)
		printf(" %s %u", s->victim[i].name, s->victim[i].strikes);
	printf("\n  longest call %lld ms, beyond its limit at most %lld ms of %lld\n", (long long)all->longest_us / 1000,
		(long long)all->worst_us / 1000, (long long)storm_slack_us(s) / 1000);
}
