#include "lib/auth/lockout.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define LASTS_US (HL_LOCK_WINDOW_MS * 1000ll)
#define BUCKETS 4096u /* a power of two */
#define NONE 0u       /* entries count from 1 */

_Static_assert(HL_LOCK_PAIRS < UINT16_MAX, "an entry's number has 16 bits");
_Static_assert(HL_LOCK_FAILURES <= UINT8_MAX, "a count has 8 bits");
/* So who began first ends first, and one line has them in both orders. */
_Static_assert(HL_LOCK_WINDOW_MS == HL_LOCK_MS, "windows and locks last equally long");

/* An entry stands in two lines, of those with as many failures and of all that are in use. In both,
 * who came first stands first. */
enum order { BY_FAILURES, BY_END, ORDERS };

struct line {
	uint16_t first, last;
};

struct entry {
	uint64_t pair;
	int64_t until_us; /* its window's end, or its lock's */
	uint16_t next;    /* in its bucket */
	struct {
		uint16_t before, after;
	} in[ORDERS];
	uint8_t failures; /* 0: free; HL_LOCK_FAILURES: locked */
};

struct hl_lockout {
	uint8_t key[HL_LOCK_KEY];
	size_t pairs;
	uint8_t floor;
	int64_t floor_until_us;
	struct line line[HL_LOCK_FAILURES + 1]; /* by failures; line 0 has the free entries */
	struct line ends;
	uint16_t bucket[BUCKETS];
	struct entry entry[HL_LOCK_PAIRS + 1];
};

/* -- lines and buckets ---------------------------------------------------------------------------- */

static void leave(struct hl_lockout *l, struct line *line, enum order o, uint16_t i)
{
	uint16_t before = l->entry[i].in[o].before, after = l->entry[i].in[o].after;

	*(before ? &l->entry[before].in[o].after : &line->first) = after;
	*(after ? &l->entry[after].in[o].before : &line->last) = before;
}

static void join(struct hl_lockout *l, struct line *line, enum order o, uint16_t i)
{
	l->entry[i].in[o].before = line->last;
	l->entry[i].in[o].after = NONE;
	*(line->last ? &l->entry[line->last].in[o].after : &line->first) = i;
	line->last = i;
}

static void set_failures(struct hl_lockout *l, uint16_t i, uint8_t failures)
{
	struct entry *e = &l->entry[i];

	leave(l, &l->line[e->failures], BY_FAILURES, i);
	e->failures = failures;
	join(l, &l->line[failures], BY_FAILURES, i);
}

static uint16_t find(const struct hl_lockout *l, uint64_t pair)
{
	uint16_t i = l->bucket[pair & (BUCKETS - 1)];

	while (i && l->entry[i].pair != pair)
		i = l->entry[i].next;
	return i;
}

static void forget(struct hl_lockout *l, uint16_t i)
{
	uint16_t *at = &l->bucket[l->entry[i].pair & (BUCKETS - 1)];

	while (*at != i)
		at = &l->entry[*at].next;
	*at = l->entry[i].next;
	leave(l, &l->ends, BY_END, i);
	set_failures(l, i, 0);
	l->pairs--;
}

/* -- room ----------------------------------------------------------------------------------------- */

static void forget_ended(struct hl_lockout *l, int64_t now_us)
{
	while (l->ends.first && l->entry[l->ends.first].until_us <= now_us)
		forget(l, l->ends.first);
}

static uint8_t floor_at(const struct hl_lockout *l, int64_t now_us)
{
	return now_us < l->floor_until_us ? l->floor : 0;
}

/* The oldest of those with the fewest failures goes; what it takes along becomes the floor. */
static void push_out(struct hl_lockout *l, int64_t now_us)
{
	uint8_t failures = 1;
	uint16_t i;

	while (!l->line[failures].first)
		failures++;
	i = l->line[failures].first;
	if (failures == HL_LOCK_FAILURES)
		failures--; /* all are locked: one failure more locks the next, too */
	if (failures > floor_at(l, now_us))
		l->floor = failures;
	if (l->entry[i].until_us > l->floor_until_us)
		l->floor_until_us = l->entry[i].until_us;
	forget(l, i);
}

/* -- what is asked ---------------------------------------------------------------------- */

hl_err hl_lockout_new(const uint8_t key[HL_LOCK_KEY], struct hl_lockout **out)
{
	struct hl_lockout *l = calloc(1, sizeof *l);

	if (!l)
		return HL_E_NOMEM;
	memcpy(l->key, key, HL_LOCK_KEY);
	for (uint16_t i = 1; i <= HL_LOCK_PAIRS; i++)
		join(l, &l->line[0], BY_FAILURES, i);
	*out = l;
	return HL_OK;
}

void hl_lockout_free(struct hl_lockout *l)
{
	if (l)
		OPENSSL_cleanse(l, sizeof *l);
	free(l);
}

/* The part of an address that its owner cannot change at will. */
static struct hl_bytes network(const struct hl_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a->family == HL_INET)
		return hl_bytes(a->ip, 4);
	if (a->family != HL_INET6)
		return hl_bytes(NULL, 0);
	if (memcmp(a->ip, mapped, sizeof mapped) == 0)
		return hl_bytes(a->ip + sizeof mapped, 4);
	return hl_bytes(a->ip, 8);
}

/* The length before the address keeps the two apart: no name can end in somebody's address. */
hl_err hl_lockout_pair(const struct hl_lockout *l, struct hl_bytes name,
	const struct hl_addr *peer, uint64_t *pair)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(1024);
	struct hl_bytes host = network(peer);
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	hl_buf_u8(&text, (uint8_t)host.n);
	hl_buf_put(&text, host);
	hl_buf_put(&text, name);
	HL_TRY(text.err);
	if (!HMAC(EVP_sha256(), l->key, HL_LOCK_KEY, hl_buf_view(&text).p, text.n, mac, &n))
		return HL_E_CRYPTO;
	memcpy(pair, mac, sizeof *pair);
	return HL_OK;
}

uint32_t hl_lockout_wait_ms(const struct hl_lockout *l, uint64_t pair, int64_t now_us)
{
	const struct entry *e = &l->entry[find(l, pair)];

	if (e->failures < HL_LOCK_FAILURES || e->until_us <= now_us)
		return 0;
	return (uint32_t)((e->until_us - now_us + 999) / 1000);
}

static uint16_t enter(struct hl_lockout *l, uint64_t pair, int64_t now_us)
{
	uint16_t *bucket = &l->bucket[pair & (BUCKETS - 1)], i;

	if (!l->line[0].first)
		push_out(l, now_us);
	i = l->line[0].first;
	l->entry[i].pair = pair;
	l->entry[i].until_us = now_us + LASTS_US;
	l->entry[i].next = *bucket;
	*bucket = i;
	join(l, &l->ends, BY_END, i);
	set_failures(l, i, (uint8_t)(floor_at(l, now_us) + 1));
	l->pairs++;
	return i;
}

static void lock(struct hl_lockout *l, uint16_t i, int64_t now_us)
{
	leave(l, &l->ends, BY_END, i);
	l->entry[i].until_us = now_us + LASTS_US;
	join(l, &l->ends, BY_END, i);
}

void hl_lockout_failed(struct hl_lockout *l, uint64_t pair, int64_t now_us)
{
	uint16_t i;

	forget_ended(l, now_us);
	i = find(l, pair);
	if (i && l->entry[i].failures == HL_LOCK_FAILURES)
		return;
	if (i)
		set_failures(l, i, (uint8_t)(l->entry[i].failures + 1));
	else
		i = enter(l, pair, now_us);
	if (l->entry[i].failures == HL_LOCK_FAILURES)
		lock(l, i, now_us);
}

size_t hl_lockout_pairs(const struct hl_lockout *l)
{
	return l->pairs;
}
