/* The same stories over every store: SQLite and plain memory. */
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
	X(one_prepared_again_is_made_again, "one that is prepared again is made again")

#define TOLD(story, text) \
	static void tell_##story(void) \
	{ \
		for (size_t i = 0; i < HL_COUNT(stores); i++) \
			stores[i](story); \
	}
STORIES(TOLD)

#define ROW(story, text) { text, tell_##story },
static CU_TestInfo tests[] = { STORIES(ROW) CU_TEST_INFO_NULL };

HL_TEST_MAIN("store", tests)
