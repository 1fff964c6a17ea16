#include "hsm/shared.h"

#include <openssl/evp.h>

/* The words stand in 4096 buckets of 16, and the hash of an id names its bucket. The first word of
 * a bucket is its latest grant, the others are earlier ones in no order:
 *
 *	| latest | earlier | earlier | free | earlier | free | ... |
 *
 * To take a grant: read the first word, then search the others for the id; copy the first word to a
 * free place among the others unless it is there already or has expired; then replace it by
 * compare-and-swap. Why of many takers of one id T exactly one wins:
 *
 * - Every winner wins by a swap of the first word, and only winners change it. It never takes a
 *   value a second time: T's word could come back only with the same second of expiry, and until
 *   then T is found. So a swap that succeeds shows that nobody has won since the taker read it.
 * - Whoever replaces a first word that has not expired has seen its copy among the others before,
 *   and copies are overwritten only once they have expired. So T, once won, is in the first word
 *   when it is read, or among the others before it is read (the swap releases, the read acquires),
 *   until it expires.
 * - Therefore a taker that found T nowhere and whose swap succeeds is the first. If the swap fails,
 *   it looks again and finds T if T was what won.
 *
 * Searching for the first free word and taking that would not do: a word that expires between the
 * searches of two takers gives the later one an earlier place, and both would win.
 *
 * Copies may be made twice, by takers that help at once with clocks a second apart, or late, by one
 * that was paused; they are copies of grants that were truly taken, and cost a word until they
 * expire. A taker that dies leaves at most such a copy. Nobody waits for anybody. */
#define BUCKET 16
#define BUCKETS (HSM_GRANTS / BUCKET)

#define SECONDS 0xffffffu /* 2^24 of them are 194 days */
/* A second of expiry so far ahead is really of the past: 12 days. Far more than HSM_GRANT_LIFE_S,
 * so that takers whose clocks were read at different times agree; far less than 194 days, so that a
 * word that nobody overwrote seems to live again only for 12 days of them, and then only costs its
 * place. */
#define AHEAD (1u << 20)

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock inside an atomic would not cross processes");
_Static_assert(HSM_GRANT_LIFE_S + HSM_GRANT_SLACK_S < AHEAD / 2,
	"a new grant must be well inside what counts as ahead");

struct bucket {
	_Atomic uint64_t *word;
	uint64_t hash; /* of the id that is looked for: 40 bits, not 0 */
};

static bool has_expired(uint64_t word, int64_t now_s)
{
	return word == 0 || ((word - (uint64_t)now_s) & SECONDS) >= AHEAD;
}

/* Keyed, so that nobody who chooses connection ids can fill one bucket. */
static hl_err find_bucket(struct hsm_page *page, const uint8_t *connection, struct bucket *out)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	size_t n = 0;
	struct hl_rd r;

	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, page->hash_key, sizeof page->hash_key,
		    connection, HL_CONNECTION_ID, mac, sizeof mac, &n))
		return HL_E_CRYPTO;
	r = hl_rd(hl_bytes(mac, n));
	out->word = &page->grant[hl_rd_u16(&r) % BUCKETS * BUCKET];
	out->hash = hl_rd_u64(&r) >> 24;
	if (out->hash == 0)
		out->hash = 1; /* a word of 0 is a free one */
	return r.err == HL_OK ? HL_OK : HL_E_CRYPTO;
}

/* What a search saw; the words are as they were when it passed them. */
struct seen {
	uint64_t latest;
	bool used;     /* the id that was looked for is there */
	bool copied;   /* `latest` is also among the earlier ones */
	unsigned room; /* a free place, 0: none */
	uint64_t room_word;
};

static struct seen search(const struct bucket *b, int64_t now_s)
{
	struct seen s = { .latest = atomic_load(&b->word[0]) }; /* before all others: see above */

	s.used = s.latest >> 24 == b->hash && !has_expired(s.latest, now_s);
	for (unsigned i = 1; i < BUCKET && !s.used; i++) {
		uint64_t word = atomic_load(&b->word[i]);

		if (word == s.latest)
			s.copied = true;
		if (!has_expired(word, now_s)) {
			s.used = word >> 24 == b->hash;
		} else if (s.room == 0) {
			s.room = i;
			s.room_word = word;
		}
	}
	return s;
}

/* One attempt. HL_E_DEFER: another taker was faster, look again. */
static hl_err try_take(const struct bucket *b, int64_t now_s, uint64_t mine)
{
	struct seen s = search(b, now_s);

	if (s.used)
		return HL_E_USED;
	if (!s.copied && !has_expired(s.latest, now_s)) {
		if (s.room == 0)
			return HL_E_BUSY;
		if (!atomic_compare_exchange_strong(&b->word[s.room], &s.room_word, s.latest))
			return HL_E_DEFER;
	}
	return atomic_compare_exchange_strong(&b->word[0], &s.latest, mine) ? HL_OK : HL_E_DEFER;
}

static hl_err take_grant(
	void *shared, const uint8_t connection[HL_CONNECTION_ID], int64_t now_s, int64_t expires_s)
{
	struct bucket b;
	uint64_t mine;
	hl_err rc;

	/* An expiry of the past would be free at once and could be taken twice. */
	if (now_s < 0 || expires_s < now_s || expires_s - now_s > HSM_GRANT_LIFE_S)
		return HL_E_RANGE;
	HL_TRY(find_bucket(shared, connection, &b));
	mine = b.hash << 24 | ((uint64_t)(expires_s + HSM_GRANT_SLACK_S) & SECONDS);
	do
		rc = try_take(&b, now_s, mine);
	while (rc == HL_E_DEFER); /* each failure is the success of another */
	return rc;
}

static const uint8_t *incarnation(void *shared)
{
	struct hsm_page *page = shared;

	return page->incarnation;
}

static void mark(void *shared, struct hsm_mark *out)
{
	struct hsm_page *page = shared;

	out->term = atomic_load(&page->term);
	out->generation = atomic_load(&page->generation);
	out->epoch = atomic_load(&page->epoch);
}

static void raise_word(_Atomic uint64_t *word, uint64_t to)
{
	uint64_t at = atomic_load(word);

	while (at < to && !atomic_compare_exchange_weak(word, &at, to))
		;
}

/* The epoch first, and mark() reads it last: the order that raise() promises. */
static void raise(void *shared, const struct hsm_mark *to)
{
	struct hsm_page *page = shared;

	raise_word(&page->epoch, to->epoch);
	raise_word(&page->generation, to->generation);
	raise_word(&page->term, to->term);
}

struct hsm_shared hsm_page_shared(struct hsm_page *page)
{
	static const struct hsm_shared_ops ops = { take_grant, incarnation, mark, raise };

	return (struct hsm_shared){ &ops, page };
}

void hsm_page_begin(struct hsm_page *page, const struct hl_env *env)
{
	hl_random(env, page->incarnation, sizeof page->incarnation);
	hl_random(env, page->hash_key, sizeof page->hash_key);
	atomic_store(&page->term, 0);
	atomic_store(&page->generation, 0);
	atomic_store(&page->epoch, 0);
	for (size_t i = 0; i < HSM_GRANTS; i++)
		atomic_store_explicit(&page->grant[i], 0, memory_order_relaxed);
}
