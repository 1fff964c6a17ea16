/* The file outside a store: two slots, of which one may always be broken, and a lock. */
#include "hsm/guard_store.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/support/store.h"
#include "tests/support/test.h"

#define SLOT 4096
#define SIZE (2 * SLOT)

static struct hsm_macs macs(uint8_t key)
{
	return hsm_seal_macs(hl_test_seal(key));
}

static struct hsm_pair pair(uint64_t generation)
{
	return (struct hsm_pair){ .generation = generation, .sum = { 1, [31] = (uint8_t)generation } };
}

static void closep(struct hsm_guard **g)
{
	hsm_guard_close(*g);
}

static void made(const struct hl_test_store *w, uint64_t generation)
{
	const struct hsm_macs m = macs(1);
	const struct hsm_pair p = pair(generation);

	CU_ASSERT_EQUAL_FATAL(hsm_guard_make(w->guard, &m, &p), HL_OK);
}

static hl_err opened(const struct hl_test_store *w, struct hsm_guard **g)
{
	const struct hsm_macs m = macs(1);

	return hsm_guard_open(w->guard, &m, g);
}

/* The generation that the file says, or how it fails. */
static int64_t says(const struct hl_test_store *w)
{
	HL_AUTO(closep) struct hsm_guard *g = NULL;
	struct hsm_pair p, right;
	hl_err rc = opened(w, &g);

	if (rc == HL_OK)
		rc = hsm_guard_read(g, &p);
	if (rc != HL_OK)
		return rc;
	right = pair(p.generation);
	CU_ASSERT(hsm_pair_eq(&p, &right)); /* the sum is the one of that generation */
	return (int64_t)p.generation;
}

static hl_err wrote(const struct hl_test_store *w, uint64_t generation)
{
	HL_AUTO(closep) struct hsm_guard *g = NULL;
	const struct hsm_pair p = pair(generation);
	struct hsm_pair newest;
	hl_err rc;

	HL_TRY(opened(w, &g));
	HL_TRY(hsm_guard_lock(g, &newest));
	rc = hsm_guard_write(g, &p);
	hsm_guard_unlock(g);
	return rc;
}

/* -- sums ------------------------------------------------------------------------------------------ */

static void sums_are_those_of_numbers_of_256_bits(void)
{
	uint8_t sum[HSM_MAC] = { 0 }, one[HSM_MAC] = { [31] = 1 }, ones[HSM_MAC], zero[HSM_MAC] = { 0 };

	memset(ones, 0xff, sizeof ones);
	hsm_sum_take(sum, one);
	CU_ASSERT_EQUAL(memcmp(sum, ones, HSM_MAC), 0); /* 0 - 1 */
	hsm_sum_add(sum, one);
	CU_ASSERT_EQUAL(memcmp(sum, zero, HSM_MAC), 0);
	sum[30] = 1;
	hsm_sum_take(sum, one);
	CU_ASSERT(sum[30] == 0 && sum[31] == 0xff);
	hsm_sum_add(sum, ones);
	CU_ASSERT(sum[30] == 0 && sum[31] == 0xfe && sum[0] == 0);
}

/* -- slots ----------------------------------------------------------------------------------------- */

static void what_was_written_last_is_read(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct stat st;

	hl_test_store_begin(&w);
	CU_ASSERT_EQUAL(says(&w), HL_E_NOT_FOUND);
	made(&w, 7);
	CU_ASSERT_EQUAL(hl_test_file_mode(w.guard), 0600);
	CU_ASSERT_EQUAL(says(&w), 7);
	for (uint64_t n = 8; n < 20; n += 3) {
		CU_ASSERT_EQUAL(wrote(&w, n), HL_OK);
		CU_ASSERT_EQUAL(says(&w), (int64_t)n);
	}
	CU_ASSERT(stat(w.guard, &st) == 0 && st.st_size == SIZE);
	CU_ASSERT_EQUAL(hl_test_folder_count(&w.folder, "generation"), 1); /* and nothing beside it */
}

static void it_never_goes_back(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	made(&w, 7);
	CU_ASSERT_EQUAL(wrote(&w, 6), HL_OK); /* what is there covers it */
	CU_ASSERT_EQUAL(says(&w), 7);
	made(&w, 3); /* one that comes late to make it */
	CU_ASSERT_EQUAL(says(&w), 7);
}

/* The bytes of the file, and of one that is changed. */
struct image {
	uint8_t is[SIZE];
};

static struct image image(const struct hl_test_store *w)
{
	HL_AUTO(hl_buf_clear) struct hl_buf b = hl_test_file_read(w->guard);
	struct image i = { { 0 } };

	CU_ASSERT_EQUAL_FATAL(b.n, SIZE);
	memcpy(i.is, hl_buf_view(&b).p, SIZE);
	return i;
}

static void put_image(const struct hl_test_store *w, const struct image *i, size_t n)
{
	CU_ASSERT(hl_test_file_write(w->guard, i->is, n, 0600));
}

/* 9 in one slot, 8 in the other; where 9 stands. */
static size_t two_generations(const struct hl_test_store *w)
{
	struct image before, after;

	made(w, 8);
	before = image(w);
	CU_ASSERT_EQUAL(wrote(w, 9), HL_OK);
	after = image(w);
	return memcmp(before.is, after.is, SLOT) == 0 ? SLOT : 0;
}

static void a_write_that_is_cut_off_leaves_the_pair_before(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct image before, after, torn;
	size_t at;

	hl_test_store_begin(&w);
	at = SLOT - two_generations(&w); /* 10 goes where 8 stands */
	before = image(&w);
	CU_ASSERT_EQUAL(wrote(&w, 10), HL_OK);
	after = image(&w);
	CU_ASSERT_EQUAL(memcmp(before.is + (SLOT - at), after.is + (SLOT - at), SLOT), 0); /* 9 stays */
	CU_ASSERT_NOT_EQUAL(memcmp(before.is, after.is, SIZE), 0);
	for (size_t n = 0; n <= SLOT; n += n < 256 ? 1 : 128) {
		torn = before;
		memcpy(torn.is + at, after.is + at, n);
		put_image(&w, &torn, SIZE);
		CU_ASSERT_EQUAL(says(&w), memcmp(torn.is, after.is, SIZE) == 0 ? 10 : 9);
		/* The next one mends it. */
		CU_ASSERT_EQUAL(wrote(&w, 11), HL_OK);
		CU_ASSERT_EQUAL(says(&w), 11);
	}
}

static void a_byte_that_is_changed_spoils_its_slot_and_no_more(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct image right, i;
	size_t newest;

	hl_test_store_begin(&w);
	newest = two_generations(&w);
	right = image(&w);
	for (size_t n = 0; n < SIZE; n += hl_test_stride()) {
		i = right;
		i.is[n] ^= (uint8_t)(1 << n % 8);
		put_image(&w, &i, SIZE);
		CU_ASSERT_EQUAL(says(&w), n / SLOT == newest / SLOT ? 8 : 9);
		i.is[(n + SLOT) % SIZE] ^= 1;
		put_image(&w, &i, SIZE);
		CU_ASSERT_EQUAL(says(&w), HL_E_STORE_GUARD);
		CU_ASSERT_EQUAL(wrote(&w, 10), HL_E_STORE_GUARD); /* and is not made good by writing */
	}
}

static void a_file_of_another_length_is_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	struct image right;

	hl_test_store_begin(&w);
	two_generations(&w);
	right = image(&w);
	for (size_t n = 0; n < SIZE; n += hl_test_stride()) {
		put_image(&w, &right, n);
		CU_ASSERT_EQUAL(says(&w), HL_E_STORE_GUARD);
	}
	put_image(&w, &right, SIZE);
	CU_ASSERT_EQUAL(says(&w), 9);
	CU_ASSERT_EQUAL(truncate(w.guard, SIZE + 1), 0);
	CU_ASSERT_EQUAL(says(&w), HL_E_STORE_GUARD);
}

static void a_guard_under_another_key_is_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	HL_AUTO(closep) struct hsm_guard *g = NULL;
	const struct hsm_macs other = macs(2);
	struct hsm_pair p;

	hl_test_store_begin(&w);
	made(&w, 1);
	CU_ASSERT_EQUAL_FATAL(hsm_guard_open(w.guard, &other, &g), HL_OK);
	CU_ASSERT_EQUAL(hsm_guard_read(g, &p), HL_E_STORE_GUARD);
}

static void files_and_folders_open_to_others_are_refused(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	const struct hsm_macs m = macs(1);
	const struct hsm_pair p = pair(1);
	char elsewhere[PATH_MAX];

	hl_test_store_begin(&w);
	CU_ASSERT_EQUAL(chmod(w.folder.path, 0750), 0);
	CU_ASSERT_EQUAL(hsm_guard_make(w.guard, &m, &p), HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(w.folder.path, 0700), 0);
	made(&w, 1);
	CU_ASSERT_EQUAL(chmod(w.guard, 0640), 0);
	CU_ASSERT_EQUAL(says(&w), HL_E_MODE);
	CU_ASSERT_EQUAL(chmod(w.guard, 0600), 0);
	hl_test_folder_file(&w.folder, "elsewhere", elsewhere);
	CU_ASSERT_EQUAL(rename(w.guard, elsewhere), 0);
	CU_ASSERT_EQUAL(symlink(elsewhere, w.guard), 0);
	CU_ASSERT_EQUAL(says(&w), HL_E_MODE);
	snprintf(w.guard, sizeof w.guard, "%s/none/generation", w.folder.path);
	CU_ASSERT_EQUAL(says(&w), HL_E_CREATE);
}

/* -- members --------------------------------------------------------------------------------------- */

#define ROUNDS 100

/* Take the next generation, like a commit does. */
static int writer(const struct hl_test_store *w)
{
	HL_AUTO(closep) struct hsm_guard *g = NULL;
	struct hsm_pair p;

	if (opened(w, &g) != HL_OK)
		return 1;
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (hsm_guard_lock(g, &p) != HL_OK)
			return 2;
		p = pair(p.generation + 1);
		if (hsm_guard_write(g, &p) != HL_OK)
			return 3;
		hsm_guard_unlock(g);
	}
	return 0;
}

static void writers_take_turns_and_a_reader_sees_it_rise(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };
	int64_t n, last = 0;
	pid_t child[2];
	int status;

	hl_test_store_begin(&w);
	made(&w, 0);
	for (unsigned i = 0; i < HL_COUNT(child); i++) {
		child[i] = fork();
		if (child[i] == 0)
			_exit(writer(&w));
	}
	for (unsigned i = 0; i < ROUNDS; i++, last = n) {
		n = says(&w);
		CU_ASSERT(n >= last);
	}
	for (unsigned i = 0; i < HL_COUNT(child); i++) {
		CU_ASSERT_EQUAL(waitpid(child[i], &status, 0), child[i]);
		CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	CU_ASSERT_EQUAL(says(&w), 2 * ROUNDS);
}

/* SQLite's file layer with a clock that costs no time; somebody's lock ends when it has run so far. */
static struct {
	int64_t slept_us, until_us;
	int fd;
} lock;
static sqlite3_vfs layer;

static int on_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	lock.slept_us += us;
	if (lock.until_us > 0 && lock.slept_us >= lock.until_us)
		flock(lock.fd, LOCK_UN);
	return us;
}

static void a_lock_is_waited_for_but_not_for_ever(void)
{
	HL_AUTO(hl_test_store_end) struct hl_test_store w = { 0 };

	hl_test_store_begin(&w);
	made(&w, 1);
	layer = *sqlite3_vfs_find("unix");
	layer.zName = "test";
	layer.xSleep = on_sleep;
	CU_ASSERT_EQUAL(sqlite3_vfs_register(&layer, 1), SQLITE_OK);
	lock.fd = open(w.guard, O_RDWR | O_CLOEXEC);
	CU_ASSERT_EQUAL(flock(lock.fd, LOCK_EX), 0);
	lock.slept_us = lock.until_us = 0;
	CU_ASSERT_EQUAL(wrote(&w, 2), HL_E_BUSY);
	CU_ASSERT(lock.slept_us >= 5000000 && lock.slept_us < 5100000);
	CU_ASSERT_EQUAL(says(&w), 1); /* who only reads does not wait */
	lock.slept_us = 0;
	lock.until_us = 4000000;
	CU_ASSERT_EQUAL(wrote(&w, 2), HL_OK);
	CU_ASSERT_EQUAL(lock.slept_us, 4000000);
	CU_ASSERT_EQUAL(says(&w), 2);
	close(lock.fd);
	CU_ASSERT_EQUAL(sqlite3_vfs_unregister(&layer), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_vfs_register(sqlite3_vfs_find("unix"), 1), SQLITE_OK);
}

static CU_TestInfo tests[] = {
	{ "sums are those of numbers of 256 bits", sums_are_those_of_numbers_of_256_bits },
	{ "what was written last is read", what_was_written_last_is_read },
	{ "it never goes back", it_never_goes_back },
	{ "a write that is cut off leaves the pair before", a_write_that_is_cut_off_leaves_the_pair_before },
	{ "a byte that is changed spoils its slot and no more", a_byte_that_is_changed_spoils_its_slot_and_no_more },
	{ "a file of another length is refused", a_file_of_another_length_is_refused },
	{ "a guard under another key is refused", a_guard_under_another_key_is_refused },
	{ "files and folders open to others are refused", files_and_folders_open_to_others_are_refused },
	{ "writers take turns and a reader sees it rise", writers_take_turns_and_a_reader_sees_it_rise },
	{ "a lock is waited for but not for ever", a_lock_is_waited_for_but_not_for_ever },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("guard_store", tests)
