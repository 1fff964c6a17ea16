/* The same stories over every store: SQLite and plain memory. */
#include "hsm/chain.h"
#include "scenarios/memstore.h"
#include "tests/support/store.h"
#include "tests/support/test.h"

#define PARTITION 7

static hl_err commit(const struct hsm_store *s, const struct hsm_put *put, size_t puts)
{
	struct hsm_commit c = { .put = put, .puts = puts, .result = HL_E_BUG };

	s->ops->prepare(s->at, &c);
	CU_ASSERT_EQUAL(c.job.lane, HL_LANE_STORE);
	c.job.run(&c.job);
	return c.result;
}

static struct hsm_put object(uint64_t id, uint64_t version, const char *open, const char *sealed)
{
	return (struct hsm_put){ .row = { .table = HSM_OBJECT,
					 .partition = PARTITION,
					 .id = id,
					 .version = version,
					 .open = hl_text(open),
					 .sealed = hl_text(sealed) } };
}

static hl_err put(const struct hsm_store *s, uint64_t id, uint64_t version, const char *open)
{
	struct hsm_put p = object(id, version, open, "sealed");

	return commit(s, &p, 1);
}

static hl_err take_away(const struct hsm_store *s, uint64_t id, uint64_t version)
{
	struct hsm_put p = object(id, version, "", "");

	p.remove = true;
	return commit(s, &p, 1);
}

/* Whether the object stands so; `open` NULL: whether it is not there. */
static bool is(const struct hsm_store *s, uint64_t id, uint64_t version, const char *open)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(1 << 20);
	struct hsm_row row = { 0 };
	hl_err rc = s->ops->get(s->at, HSM_OBJECT, PARTITION, id, &memory, &row);

	if (!open)
		return rc == HL_E_NOT_FOUND && memory.n == 0;
	return rc == HL_OK && row.table == HSM_OBJECT && row.partition == PARTITION &&
		row.id == id && row.version == version && hl_bytes_eq(row.open, hl_text(open));
}

static uint64_t generation(const struct hsm_store *s)
{
	uint64_t n = UINT64_MAX;

	CU_ASSERT_EQUAL(s->ops->generation(s->at, &n), HL_OK);
	return n;
}

static uint64_t count(const struct hsm_store *s, enum hsm_table table, uint64_t partition)
{
	uint64_t n = UINT64_MAX;

	CU_ASSERT_EQUAL(s->ops->count(s->at, table, partition, &n), HL_OK);
	return n;
}

static void keeps_what_is_put(const struct hsm_store *s)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(1 << 20);
	struct hsm_put p = object(9, 1, "label", "\x01\x02\x03");
	struct hsm_row row;

	CU_ASSERT_EQUAL(commit(s, &p, 1), HL_OK);
	hl_buf_text(&memory, "what stood there before");
	CU_ASSERT_EQUAL_FATAL(s->ops->get(s->at, HSM_OBJECT, PARTITION, 9, &memory, &row), HL_OK);
	CU_ASSERT(hl_bytes_eq(row.open, hl_text("label")));
	CU_ASSERT(hl_bytes_eq(row.sealed, hl_bytes("\x01\x02\x03", 3)));
	CU_ASSERT_EQUAL(row.version, 1);
	CU_ASSERT_EQUAL(memcmp(hl_buf_view(&memory).p, "what stood", 10), 0);
	CU_ASSERT_EQUAL(
		s->ops->get(s->at, HSM_OBJECT, PARTITION + 1, 9, &memory, &row), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(
		s->ops->get(s->at, HSM_PARTITION, PARTITION, 9, &memory, &row), HL_E_NOT_FOUND);
	CU_ASSERT_EQUAL(s->ops->get(s->at, HSM_OBJECT, PARTITION, UINT64_MAX, &memory, &row),
		HL_E_NOT_FOUND);
}

static void empty_parts_stay_empty(const struct hsm_store *s)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(1 << 20);
	struct hsm_put p = object(9, 1, "", "");
	struct hsm_row row = { .open = hl_text("x"), .sealed = hl_text("y") };

	CU_ASSERT_EQUAL(commit(s, &p, 1), HL_OK);
	CU_ASSERT_EQUAL(s->ops->get(s->at, HSM_OBJECT, PARTITION, 9, &memory, &row), HL_OK);
	CU_ASSERT_EQUAL(row.open.n, 0);
	CU_ASSERT_EQUAL(row.sealed.n, 0);
}

static void a_small_memory_is_told(const struct hsm_store *s)
{
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(12);
	struct hsm_row row = { .id = 1234 };

	CU_ASSERT_EQUAL(put(s, 9, 1, "seven b"), HL_OK);
	CU_ASSERT_EQUAL(s->ops->get(s->at, HSM_OBJECT, PARTITION, 9, &memory, &row), HL_E_FULL);
	CU_ASSERT_EQUAL(memory.n, 0);
	CU_ASSERT_EQUAL(row.id, 1234);
	CU_ASSERT(is(s, 9, 1, "seven b"));
}

static void versions_rise_one_by_one(const struct hsm_store *s)
{
	CU_ASSERT_EQUAL(put(s, 9, 2, "too early"), HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(put(s, 9, 1, "made"), HL_OK);
	CU_ASSERT_EQUAL(put(s, 9, 1, "made again"), HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(put(s, 9, 3, "too far"), HL_E_STORE_STALE);
	CU_ASSERT(is(s, 9, 1, "made"));
	CU_ASSERT_EQUAL(put(s, 9, 2, "changed"), HL_OK);
	CU_ASSERT_EQUAL(put(s, 9, 2, "changed late"), HL_E_STORE_STALE);
	CU_ASSERT(is(s, 9, 2, "changed"));
}

static void removes_the_version_it_names(const struct hsm_store *s)
{
	CU_ASSERT_EQUAL(take_away(s, 9, 1), HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(put(s, 9, 1, "made"), HL_OK);
	CU_ASSERT_EQUAL(put(s, 9, 2, "changed"), HL_OK);
	CU_ASSERT_EQUAL(take_away(s, 9, 1), HL_E_STORE_STALE);
	CU_ASSERT(is(s, 9, 2, "changed"));
	CU_ASSERT_EQUAL(take_away(s, 9, 2), HL_OK);
	CU_ASSERT(is(s, 9, 0, NULL));
	CU_ASSERT_EQUAL(count(s, HSM_OBJECT, PARTITION), 0);
	CU_ASSERT_EQUAL(put(s, 9, 1, "made anew"), HL_OK);
}

static void what_is_expected_must_stand_and_stays(const struct hsm_store *s)
{
	struct hsm_put p[] = { object(1, 2, "", ""), object(2, 1, "new", "") };
	uint64_t before;

	p[0].expect = true;
	CU_ASSERT_EQUAL(commit(s, p, 2), HL_E_STORE_STALE); /* it is not there */
	CU_ASSERT_EQUAL(put(s, 1, 1, "first"), HL_OK);
	CU_ASSERT_EQUAL(commit(s, p, 2), HL_E_STORE_STALE);
	CU_ASSERT(is(s, 2, 0, NULL));
	CU_ASSERT_EQUAL(put(s, 1, 2, "second"), HL_OK);
	before = generation(s);
	CU_ASSERT_EQUAL(commit(s, p, 2), HL_OK);
	CU_ASSERT(is(s, 1, 2, "second"));
	CU_ASSERT(is(s, 2, 1, "new"));
	CU_ASSERT_EQUAL(generation(s), before + 1);
	p[0].row.version = 3;
	CU_ASSERT_EQUAL(commit(s, p, 1), HL_E_STORE_STALE);
}

/* Counted over the one partition, and after the changes that stand before it. */
static void a_bound_is_kept(const struct hsm_store *s)
{
	struct hsm_put p[] = { object(1, 1, "o", ""), { .row = { .table = HSM_OBJECT, .partition = PARTITION }, .bound = true } };
	struct hsm_put other = object(4, 1, "of another partition", "");
	uint64_t before;

	other.row.partition++;
	CU_ASSERT_EQUAL(commit(s, &other, 1), HL_OK);
	CU_ASSERT_EQUAL(commit(s, &p[1], 1), HL_OK); /* at most none */
	before = generation(s);
	CU_ASSERT_EQUAL(commit(s, p, 2), HL_E_STORE_STALE);
	CU_ASSERT(is(s, 1, 0, NULL));
	CU_ASSERT_EQUAL(generation(s), before);
	p[1].most = 2;
	CU_ASSERT_EQUAL(commit(s, p, 2), HL_OK);
	p[0].row.id = 2;
	CU_ASSERT_EQUAL(commit(s, p, 2), HL_OK);
	p[0].row.id = 3;
	CU_ASSERT_EQUAL(commit(s, p, 2), HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(commit(s, &p[1], 1), HL_OK);
	p[1].most = 1;
	CU_ASSERT_EQUAL(commit(s, &p[1], 1), HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(count(s, HSM_OBJECT, PARTITION), 2);
	p[1].most = INT64_MAX;
	CU_ASSERT_EQUAL(commit(s, &p[1], 1), HL_E_ARG);
	p[1].most = INT64_MAX - 1;
	CU_ASSERT_EQUAL(commit(s, &p[1], 1), HL_OK);
}

static void a_commit_is_all_or_nothing(const struct hsm_store *s)
{
	const struct hsm_put late[] = { object(1, 2, "changed", ""), object(2, 1, "new", ""),
		object(3, 5, "never was at 4", "") };
	uint64_t before;

	CU_ASSERT_EQUAL(put(s, 1, 1, "first"), HL_OK);
	before = generation(s);
	CU_ASSERT_EQUAL(commit(s, late, 3), HL_E_STORE_STALE);
	CU_ASSERT(is(s, 1, 1, "first"));
	CU_ASSERT(is(s, 2, 0, NULL));
	CU_ASSERT_EQUAL(generation(s), before);
	CU_ASSERT_EQUAL(commit(s, late, 2), HL_OK);
	CU_ASSERT(is(s, 1, 2, "changed"));
	CU_ASSERT(is(s, 2, 1, "new"));
}

static void changes_are_made_in_their_order(const struct hsm_store *s)
{
	struct hsm_put p[] = { object(1, 1, "a", ""), object(1, 2, "b", ""), object(1, 2, "", ""),
		object(1, 1, "c", "") };

	p[2].remove = true;
	CU_ASSERT_EQUAL(commit(s, p, 4), HL_OK);
	CU_ASSERT(is(s, 1, 1, "c"));
	CU_ASSERT_EQUAL(count(s, HSM_OBJECT, PARTITION), 1);
}

static void each_commit_raises_the_generation(const struct hsm_store *s)
{
	struct hsm_put p = object(1, 1, "a", "");
	struct hsm_commit c = { .put = &p, .puts = 1, .result = HL_E_BUG };
	uint64_t before = generation(s);

	s->ops->prepare(s->at, &c);
	c.job.run(&c.job);
	CU_ASSERT_EQUAL(c.result, HL_OK);
	CU_ASSERT_EQUAL(c.generation, before + 1);
	CU_ASSERT_EQUAL(generation(s), before + 1);
	CU_ASSERT_EQUAL(take_away(s, 1, 1), HL_OK);
	CU_ASSERT_EQUAL(generation(s), before + 2);
	CU_ASSERT_EQUAL(commit(s, NULL, 0), HL_OK);
	CU_ASSERT_EQUAL(generation(s), before + 3);
}

/* The ids of a scan, added up as decimal digits; stops after `most`. */
struct walk {
	uint64_t ids;
	unsigned n, most;
};

static bool on_row(void *at, const struct hsm_row *row)
{
	struct walk *w = at;

	CU_ASSERT_EQUAL(row->table, HSM_OBJECT);
	CU_ASSERT_EQUAL(row->partition, PARTITION);
	CU_ASSERT_EQUAL(row->version, 1);
	CU_ASSERT(hl_bytes_eq(row->open, hl_text("o")));
	CU_ASSERT(hl_bytes_eq(row->sealed, hl_text("sealed")));
	w->ids = w->ids * 10 + row->id;
	return ++w->n < w->most;
}

static uint64_t walked(const struct hsm_store *s, uint64_t after, unsigned most)
{
	struct walk w = { .most = most };

	CU_ASSERT_EQUAL(s->ops->scan(s->at, HSM_OBJECT, PARTITION, after, on_row, &w), HL_OK);
	return w.ids;
}

static uint64_t data_version(const struct hsm_store *s)
{
	uint64_t n = 0;

	CU_ASSERT_EQUAL(s->ops->data_version(s->at, &n), HL_OK);
	return n;
}

static void the_data_version_tells_that_something_was_committed(const struct hsm_store *s)
{
	uint64_t before = data_version(s);

	CU_ASSERT_EQUAL(data_version(s), before);
	CU_ASSERT_EQUAL(put(s, 9, 1, "a"), HL_OK);
	CU_ASSERT_NOT_EQUAL(data_version(s), before);
	before = data_version(s);
	CU_ASSERT_EQUAL(put(s, 9, 1, "b"), HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(data_version(s), before);
	CU_ASSERT_EQUAL(take_away(s, 9, 1), HL_OK);
	CU_ASSERT_NOT_EQUAL(data_version(s), before);
}

static void scans_ascend_from_where_they_are_told(const struct hsm_store *s)
{
	struct hsm_put other = object(4, 1, "of another partition", "");

	other.row.partition++;
	CU_ASSERT_EQUAL(walked(s, 0, 99), 0);
	CU_ASSERT_EQUAL(put(s, 5, 1, "o"), HL_OK);
	CU_ASSERT_EQUAL(put(s, 3, 1, "o"), HL_OK);
	CU_ASSERT_EQUAL(put(s, 8, 1, "o"), HL_OK);
	CU_ASSERT_EQUAL(commit(s, &other, 1), HL_OK);
	CU_ASSERT_EQUAL(walked(s, 0, 99), 358);
	CU_ASSERT_EQUAL(walked(s, 3, 99), 58);
	CU_ASSERT_EQUAL(walked(s, 4, 99), 58);
	CU_ASSERT_EQUAL(walked(s, 8, 99), 0);
	CU_ASSERT_EQUAL(walked(s, UINT64_MAX, 99), 0);
	CU_ASSERT_EQUAL(walked(s, 0, 2), 35);
	CU_ASSERT_EQUAL(walked(s, 0, 99), 358); /* one that was stopped leaves nothing behind */
	CU_ASSERT_EQUAL(count(s, HSM_OBJECT, PARTITION), 3);
	CU_ASSERT_EQUAL(count(s, HSM_OBJECT, PARTITION + 1), 1);
	CU_ASSERT_EQUAL(count(s, HSM_PARTITION, PARTITION), 0);
}

/* All of the partition, whatever stands there by then, and nothing of anybody else. */
static void what_is_cleared_is_the_partitions(const struct hsm_store *s)
{
	struct hsm_put clear[] = { object(9, 1, "made before", ""), { .row = { .table = HSM_OBJECT, .partition = PARTITION }, .clear = true },
		object(7, 1, "made after", "") };
	struct hsm_put other = object(4, 1, "of another partition", ""), token = object(4, 1, "a token", "");
	struct hsm_put stale[] = { clear[1], object(1, 7, "stale", "") };

	other.row.partition++;
	token.row.table = HSM_TOKEN;
	CU_ASSERT_EQUAL(commit(s, &clear[1], 1), HL_OK); /* nothing is there yet */
	CU_ASSERT_EQUAL(put(s, 1, 1, "first"), HL_OK);
	CU_ASSERT_EQUAL(put(s, 1, 2, "second"), HL_OK);
	CU_ASSERT_EQUAL(put(s, INT64_MAX, 1, "last"), HL_OK);
	CU_ASSERT_EQUAL(commit(s, &other, 1), HL_OK);
	CU_ASSERT_EQUAL(commit(s, &token, 1), HL_OK);
	CU_ASSERT_EQUAL(commit(s, stale, 2), HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(count(s, HSM_OBJECT, PARTITION), 2);
	CU_ASSERT_EQUAL(commit(s, clear, 3), HL_OK);
	CU_ASSERT_EQUAL(count(s, HSM_OBJECT, PARTITION), 1);
	CU_ASSERT(is(s, 7, 1, "made after"));
	CU_ASSERT_EQUAL(count(s, HSM_OBJECT, PARTITION + 1), 1);
	CU_ASSERT_EQUAL(count(s, HSM_TOKEN, PARTITION), 1);
	CU_ASSERT_EQUAL(put(s, 1, 1, "first again"), HL_OK);
}

static void rows_outside_their_bounds_are_refused(const struct hsm_store *s)
{
	struct hsm_put p[] = { object(0, 1, "", ""), object((uint64_t)INT64_MAX + 1, 1, "", ""),
		object(1, 0, "", ""), object(1, UINT64_MAX, "", ""), object(1, 1, "", ""),
		object(1, 1, "", ""), object(1, 1, "", ""), object(1, 1, "", "") };
	uint64_t before = generation(s);

	p[4].row.partition = UINT64_MAX;
	p[5].row.table = HSM_TABLES;
	p[6].row.open.n = HSM_PART_MAX + 1;
	p[7].row.sealed.n = HSM_PART_MAX + 1;
	for (size_t i = 0; i < HL_COUNT(p); i++)
		CU_ASSERT_EQUAL(commit(s, &p[i], 1), HL_E_ARG);
	CU_ASSERT_EQUAL(generation(s), before);
	CU_ASSERT_EQUAL(put(s, INT64_MAX, 1, "the last one"), HL_OK);
	CU_ASSERT(is(s, INT64_MAX, 1, "the last one"));
}

/* Two requests read version 1, both commit version 2: the first wins, in whatever way the store
 * takes the two that wait. */
static void of_two_that_wait_one_is_stale(const struct hsm_store *s)
{
	struct hsm_put p[] = { object(1, 2, "first", ""), object(1, 2, "second", ""),
		object(2, 1, "third", "") };
	struct hsm_commit c[3];
	uint64_t before;

	CU_ASSERT_EQUAL(put(s, 1, 1, "made"), HL_OK);
	before = generation(s);
	for (size_t i = 0; i < 3; i++) {
		c[i] = (struct hsm_commit){ .put = &p[i], .puts = 1, .result = HL_E_BUG };
		s->ops->prepare(s->at, &c[i]);
	}
	for (size_t i = 0; i < 3; i++)
		c[i].job.run(&c[i].job);
	CU_ASSERT_EQUAL(c[0].result, HL_OK);
	CU_ASSERT_EQUAL(c[1].result, HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(c[2].result, HL_OK);
	CU_ASSERT_EQUAL(c[0].generation, before + 1);
	CU_ASSERT_EQUAL(c[2].generation, before + 2);
	CU_ASSERT_EQUAL(generation(s), before + 2);
	CU_ASSERT(is(s, 1, 2, "first"));
	CU_ASSERT(is(s, 2, 1, "third"));
}

static void one_prepared_again_is_made_again(const struct hsm_store *s)
{
	struct hsm_put p = object(1, 2, "changed", "");
	struct hsm_commit c = { .put = &p, .puts = 1 };

	s->ops->prepare(s->at, &c);
	c.job.run(&c.job);
	CU_ASSERT_EQUAL(c.result, HL_E_STORE_STALE);
	CU_ASSERT_EQUAL(put(s, 1, 1, "made"), HL_OK);
	s->ops->prepare(s->at, &c);
	c.job.run(&c.job);
	CU_ASSERT_EQUAL(c.result, HL_OK);
	CU_ASSERT(is(s, 1, 2, "changed"));
}

/* -- the log ------------------------------------------------------------------------------------------- */

/* What a log says, and whether each entry follows the one before it. */
struct told {
	struct hl_buf before; /* behind `last` */
	struct hsm_row last;
	const struct hsm_macs *macs;
	char text[256];
	bool broken;
	uint64_t first, n;
};

static bool tell_entry(void *at, const struct hsm_row *row)
{
	struct told *t = at;
	struct hsm_entry e = { 0 };
	size_t n = strlen(t->text);

	if (hsm_chain_check(t->macs, t->n > 0 ? &t->last : NULL, row, &e) != HL_OK)
		t->broken = true;
	snprintf(t->text + n, sizeof t->text - n, "%.*s ", (int)e.text.n, (const char *)e.text.p);
	if (t->n++ == 0)
		t->first = row->id;
	hl_buf_cut(&t->before, 0);
	return hsm_row_copy(row, &t->before, &t->last) == HL_OK;
}

static bool log_says(const struct hsm_store *s, uint64_t partition, uint64_t first, const char *text)
{
	const struct hsm_macs macs = hsm_seal_macs(hl_test_seal(1));
	HL_AUTO(hl_buf_clear) struct hl_buf memory = hl_buf(1 << 20);
	struct told t = { .before = memory, .macs = &macs };

	CU_ASSERT_EQUAL(s->ops->scan(s->at, HSM_LOG, partition, 0, tell_entry, &t), HL_OK);
	memory = t.before;
	if (strcmp(t.text, text) != 0)
		fprintf(stderr, "the log of %d says: %s\n", (int)partition, t.text);
	return !t.broken && strcmp(t.text, text) == 0 && (t.n == 0 || t.first == first);
}

static hl_err append(const struct hsm_store *s, uint64_t partition, const char *text, uint64_t most)
{
	struct hsm_put p = hl_test_store_entry(partition, text);

	p.most = most;
	return commit(s, &p, 1);
}

static void a_log_grows_and_its_oldest_entries_are_overwritten(const struct hsm_store *s)
{
	CU_ASSERT(log_says(s, 1, 0, ""));
	CU_ASSERT_EQUAL(append(s, 1, "a", 3), HL_OK);
	CU_ASSERT_EQUAL(append(s, 2, "other", 3), HL_OK);
	CU_ASSERT_EQUAL(append(s, 1, "b", 3), HL_OK);
	CU_ASSERT_EQUAL(append(s, 1, "", 3), HL_OK);
	CU_ASSERT(log_says(s, 1, 1, "a b  "));
	CU_ASSERT_EQUAL(append(s, 1, "d", 3), HL_OK);
	CU_ASSERT_EQUAL(append(s, 1, "e", 3), HL_OK);
	CU_ASSERT(log_says(s, 1, 3, " d e "));
	CU_ASSERT(log_says(s, 2, 1, "other "));
	CU_ASSERT_EQUAL(append(s, 1, "f", 1), HL_OK); /* whoever has a narrower bound keeps it */
	CU_ASSERT(log_says(s, 1, 6, "f "));
	CU_ASSERT_EQUAL(append(s, 1, "g", 2), HL_OK);
	CU_ASSERT(log_says(s, 1, 6, "f g "));
}

/* Two that both look at the same last entry stand one behind the other; of a commit that is stale nothing stands. */
static void entries_are_never_stale_and_go_with_their_commit(const struct hsm_store *s)
{
	struct hsm_put both[2] = { hl_test_store_entry(1, "one"), hl_test_store_entry(1, "two") };
	struct hsm_put stale[2] = { hl_test_store_entry(1, "never"), object(5, 2, "", "") };
	struct hsm_put made[2] = { object(5, 1, "made", ""), hl_test_store_entry(1, "made") };
	struct hsm_commit c[4] = { { .put = &both[0], .puts = 1 }, { .put = stale, .puts = 2 },
		{ .put = &both[1], .puts = 1 }, { .put = made, .puts = 2 } };

	for (size_t i = 0; i < HL_COUNT(c); i++)
		s->ops->prepare(s->at, &c[i]);
	for (size_t i = 0; i < HL_COUNT(c); i++) {
		c[i].job.run(&c[i].job);
		CU_ASSERT_EQUAL(c[i].result, i == 1 ? HL_E_STORE_STALE : HL_OK);
	}
	CU_ASSERT(log_says(s, 1, 1, "one two made "));
}

struct back {
	uint64_t id[8];
	size_t n, most;
};

static bool note_id(void *at, const struct hsm_row *row)
{
	struct back *b = at;

	b->id[b->n++] = row->id;
	return b->n < b->most;
}

static void a_scan_back_descends(const struct hsm_store *s)
{
	struct back b = { .most = 8 };

	for (unsigned i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(append(s, 3, "x", 9), HL_OK);
		CU_ASSERT_EQUAL(append(s, 4, "x", 9), HL_OK);
	}
	CU_ASSERT_EQUAL(s->ops->scan_back(s->at, HSM_LOG, 3, UINT64_MAX, note_id, &b), HL_OK);
	CU_ASSERT(b.n == 5 && b.id[0] == 5 && b.id[4] == 1);
	b = (struct back){ .most = 2 };
	CU_ASSERT_EQUAL(s->ops->scan_back(s->at, HSM_LOG, 4, 4, note_id, &b), HL_OK);
	CU_ASSERT(b.n == 2 && b.id[0] == 3 && b.id[1] == 2);
	b = (struct back){ .most = 2 };
	CU_ASSERT_EQUAL(s->ops->scan_back(s->at, HSM_LOG, 4, 1, note_id, &b), HL_OK);
	CU_ASSERT_EQUAL(s->ops->scan_back(s->at, HSM_LOG, 5, 9, note_id, &b), HL_OK);
	CU_ASSERT_EQUAL(b.n, 0);
}

static void a_log_takes_entries_only_and_no_other_table_does(const struct hsm_store *s)
{
	struct hsm_put p[6];

	for (size_t i = 0; i < HL_COUNT(p); i++)
		p[i] = hl_test_store_entry(1, "x");
	p[0].append = false;
	p[0].row.id = p[0].row.version = 1;
	p[1].row.table = HSM_OBJECT;
	p[2].macs = NULL;
	p[3].most = 0;
	p[4].row.open.n = HSM_ENTRY_MAX + 1;
	p[5].row.sealed = hl_text("x");
	for (size_t i = 0; i < HL_COUNT(p); i++)
		CU_ASSERT_EQUAL(commit(s, &p[i], 1), HL_E_ARG);
	CU_ASSERT(log_says(s, 1, 0, ""));
}

/* The stores, and a new one of each for every story. */
typedef void story_fn(const struct hsm_store *s);

static void over_sqlite(story_fn *story)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct hsm_sqlite *sqlite = NULL;
	struct hsm_store store;

	hl_test_store_begin(&w);
	CU_ASSERT_EQUAL_FATAL(hl_test_store_open(&w, &sqlite), HL_OK);
	store = hsm_sqlite_store(sqlite);
	story(&store);
	hsm_sqlite_close(sqlite);
	CU_ASSERT_EQUAL(hl_test_store_refusal(&w), HL_OK); /* sum and guard fit what it left */
}

static void over_memory(story_fn *story)
{
	struct sim_memstore *memory = NULL;
	struct hsm_store store;

	CU_ASSERT_EQUAL_FATAL(sim_memstore_new(&memory), HL_OK);
	store = sim_memstore_store(memory);
	story(&store);
	sim_memstore_free(memory);
}

static void (*const stores[])(story_fn *story) = { over_sqlite, over_memory };

#define STORIES(X) \
	X(keeps_what_is_put, "keeps what is put") \
	X(empty_parts_stay_empty, "empty parts stay empty") \
	X(a_small_memory_is_told, "a memory that is too small is told") \
	X(versions_rise_one_by_one, "versions rise one by one") \
	X(removes_the_version_it_names, "removes the version that it names") \
	X(what_is_expected_must_stand_and_stays, "what is expected must stand, and stays as it is") \
	X(a_bound_is_kept, "a bound is kept") \
	X(a_commit_is_all_or_nothing, "a commit is all or nothing") \
	X(changes_are_made_in_their_order, "changes are made in their order") \
	X(each_commit_raises_the_generation, "each commit raises the generation") \
	X(the_data_version_tells_that_something_was_committed, "the data version tells that something was committed") \
	X(scans_ascend_from_where_they_are_told, "scans ascend from where they are told") \
	X(what_is_cleared_is_the_partitions, "what is cleared is the partition's") \
	X(rows_outside_their_bounds_are_refused, "rows outside their bounds are refused") \
	X(of_two_that_wait_one_is_stale, "of two that wait one is stale") \
	X(one_prepared_again_is_made_again, "one that is prepared again is made again") \
	X(a_log_grows_and_its_oldest_entries_are_overwritten, "a log grows, and its oldest entries are overwritten") \
	X(entries_are_never_stale_and_go_with_their_commit, "entries are never stale, and go with their commit") \
	X(a_scan_back_descends, "a scan back descends") \
	X(a_log_takes_entries_only_and_no_other_table_does, "a log takes entries only, and no other table does")

#define TOLD(story, text) \
	static void tell_##story(void) \
	{ \
		for (size_t i = 0; i < HL_COUNT(stores); i++) \
			stores[i](story); \
	}
STORIES(TOLD)

#define ROW(story, text) { text, tell_##story },

/* -- links, by themselves --------------------------------------------------------------------------------- */

/* Two entries in a row, with room behind them. */
static void two_linked(const struct hsm_macs *macs, struct hl_buf memory[2], struct hsm_row row[2])
{
	struct hsm_put p = hl_test_store_entry(1, "entry");

	p.macs = macs;
	CU_ASSERT_EQUAL(hsm_chain_row(&p, NULL, &memory[0], &row[0]), HL_OK);
	CU_ASSERT_EQUAL(hsm_chain_row(&p, &row[0], &memory[1], &row[1]), HL_OK);
	CU_ASSERT(row[0].id == 1 && row[1].id == 2);
}

static void a_broken_link_is_found(void)
{
	const struct hsm_macs macs = hsm_seal_macs(hl_test_seal(1)), other = hsm_seal_macs(hl_test_seal(2));
	struct hl_buf memory[2] = { hl_buf(1 << 12), hl_buf(1 << 12) };
	struct hsm_row row[2], wrong;
	struct hsm_entry e;
	uint8_t *byte;

	two_linked(&macs, memory, row);
	CU_ASSERT_EQUAL(hsm_chain_check(&macs, NULL, &row[0], &e), HL_OK);
	CU_ASSERT_EQUAL(hsm_chain_check(&macs, &row[0], &row[1], &e), HL_OK);
	CU_ASSERT(hl_bytes_eq(e.text, hl_text("entry")));
	CU_ASSERT_EQUAL(hsm_chain_check(&macs, NULL, &row[1], &e), HL_OK); /* what is before it was overwritten */
	CU_ASSERT_EQUAL(hsm_chain_check(&other, &row[0], &row[1], &e), HL_E_STORE_SUM);
	CU_ASSERT_EQUAL(hsm_chain_check(&macs, &row[1], &row[1], &e), HL_E_STORE_SUM);
	CU_ASSERT_EQUAL(hsm_chain_check(&macs, &row[1], &row[0], &e), HL_E_STORE_SUM);
	wrong = row[1];
	wrong.partition = 2;
	CU_ASSERT_EQUAL(hsm_chain_check(&macs, NULL, &wrong, &e), HL_E_STORE_SUM);
	wrong = row[1];
	wrong.id = 3;
	CU_ASSERT_EQUAL(hsm_chain_check(&macs, NULL, &wrong, &e), HL_E_STORE_SUM);
	wrong = row[1];
	wrong.id = 1;
	CU_ASSERT_EQUAL(hsm_chain_check(&macs, NULL, &wrong, &e), HL_E_STORE_SUM);
	byte = memory[1].base + memory[1].off;
	for (size_t i = 0; i < row[1].open.n; i++) {
		byte[i] ^= 1;
		CU_ASSERT_EQUAL(hsm_chain_check(&macs, &row[0], &row[1], &e), HL_E_STORE_SUM);
		byte[i] ^= 1;
	}
	for (size_t i = 0; i < 2; i++)
		hl_buf_clear(&memory[i]);
}

static void an_entry_that_is_cut_is_found(void)
{
	const struct hsm_macs macs = hsm_seal_macs(hl_test_seal(1));
	struct hl_buf memory[2] = { hl_buf(1 << 12), hl_buf(1 << 12) };
	struct hsm_row row[2], cut;
	struct hsm_entry e;

	two_linked(&macs, memory, row);
	cut = row[1];
	for (cut.open.n = 0; cut.open.n < row[1].open.n; cut.open.n++) {
		CU_ASSERT_EQUAL(hsm_chain_read(cut.open, &e), cut.open.n < 2 * HSM_MAC ? HL_E_SHORT : HL_OK);
		CU_ASSERT_EQUAL(hsm_chain_check(&macs, &row[0], &cut, &e), HL_E_STORE_SUM);
	}
	for (size_t i = 0; i < 2; i++)
		hl_buf_clear(&memory[i]);
}

static CU_TestInfo tests[] = {
	STORIES(ROW)
	{ "a broken link is found", a_broken_link_is_found },
	{ "an entry that is cut is found", an_entry_that_is_cut_is_found },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("store", tests)
