/* The log of a partition: what stands in it, from when on, and who may read it. */
#include <stdio.h>
#include <stdlib.h>

#include "client/link_impl.h"
#include "hsm/chain.h"
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;
static struct world_client *c;
static char text[1 << 20]; /* of the lines fetched last, each with its end */
static size_t lines;

static void open_one(void)
{
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
}

static void begin(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 1, 1, &w), HL_OK);
	open_one();
	CU_ASSERT_EQUAL_FATAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

/* One page; `request` is then ready for the next one. */
static hl_err fetch_page(struct hl_log_fetch *request, bool *more)
{
	struct hl_log_lines page;
	struct client_call call;
	struct hl_log_line l;
	size_t n = strlen(text);
	hl_err err = world_call(c, &hl_msg_log_fetch, request, &hl_msg_log_lines, &page, &call);

	for (struct hl_bytes at = page.lines.raw; err == HL_OK && hl_list_next(&hl_msg_log_line, &at, &l); lines++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%.*s\n", (int)l.line.n, (const char *)l.line.p);
	if (err == HL_OK) {
		*more = page.more;
		request->from = page.last;
	}
	hl_buf_clear(&call.frame);
	return err;
}

static hl_err fetch(struct hl_log_fetch request)
{
	bool more = true;
	hl_err err = HL_OK;

	text[0] = 0;
	lines = 0;
	while (more && err == HL_OK)
		err = fetch_page(&request, &more);
	return err;
}

static void fetch_all(void)
{
	CU_ASSERT_EQUAL(fetch((struct hl_log_fetch){ .limit = HL_LOG_LINES_MAX }), HL_OK);
}

/* How many lines have this in them. */
static size_t says(const char *what)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}

/* So many of the lines that are there now. */
static void logged(const char *what, size_t times)
{
	fetch_all();
	CU_ASSERT_EQUAL(says(what), times);
	if (says(what) != times)
		fprintf(stderr, "not %zu times \"%s\" in:\n%s", times, what, text);
}

/* -- effects ----------------------------------------------------------------------------------------------- */

static void an_effect_has_its_line_at_once(void)
{
	struct hl_generated key;

	begin(1);
	CU_ASSERT_EQUAL(story_make_key(c, "it's mine", &key), HL_OK);
	logged("Interaction: User: ACMEPARTONE, Client: sim@127.", 1 + 1 + 2); /* fetched, logged in, made two */
	CU_ASSERT_EQUAL(says("Created partition"), 1);
	CU_ASSERT_EQUAL(says("Retrieved permanent login credentials\n"), 1);
	CU_ASSERT_EQUAL(says("Generated private key, handle 0x"), 1); /* to see its label takes the PIN */
	CU_ASSERT_EQUAL(says("Generated public key 'it\\x27s mine', handle 0x"), 1);
	CU_ASSERT_EQUAL(story_destroy(c, key.handle), HL_OK);
	CU_ASSERT_EQUAL(story_destroy(c, key.public_handle), HL_OK);
	logged("Destroyed private key, handle 0x", 1);
	CU_ASSERT_EQUAL(says("Destroyed public key 'it\\x27s mine', handle 0x"), 1);
	CU_ASSERT_EQUAL(says("mine'"), 2);
	CU_ASSERT_EQUAL(says(" UTC hsm1 notice Crypto Process: Interaction: "), 7);
	end();
}

static hl_err sign_with_nothing(void)
{
	struct hl_sign request = { .key = 4711, .mechanism = HL_CKM_ECDSA };
	struct client_call call;
	struct hl_signed made;
	hl_err err = world_call(c, &hl_msg_sign, &request, &hl_msg_signed, &made, &call);

	hl_buf_clear(&call.frame);
	return err;
}

/* The member dies with the answer on its lips: the line is there because the effect is. */
static void after_a_crash_the_line_is_there_exactly_if_the_effect_is(void)
{
	struct hl_generated key;

	begin(2);
	CU_ASSERT_EQUAL(story_make_key(c, "kept", &key), HL_OK);
	CU_ASSERT_EQUAL(sign_with_nothing(), HL_E_KEY);
	world_kill_hsm(w, 0);
	CU_ASSERT_EQUAL_FATAL(world_restart_hsm(w, 0), HL_OK);
	open_one();
	logged("Generated public key 'kept'", 1);
	CU_ASSERT_EQUAL(says("Generated private key, "), 1);
	CU_ASSERT_EQUAL(says("HL-0506"), 0); /* that was queued */
	end();
}

static hl_err result; /* of the commits that are spoilt */
static struct hsm_store under;

static void fail(struct hl_job *j)
{
	((struct hsm_commit *)j)->result = result;
}

static void prepare_failing(void *store, struct hsm_commit *commit)
{
	under.ops->prepare(store, commit);
	if (result != HL_OK)
		commit->job.run = fail;
}

static void spoil(hl_err by)
{
	static struct hsm_store_ops ops;

	under = sim_memstore_store(w->hsm_store);
	ops = *under.ops;
	ops.prepare = prepare_failing;
	w->hsm[0].core->conf.store.ops = &ops;
	result = by;
}

static void what_did_not_happen_has_no_line(void)
{
	struct hl_generated key;

	begin(3);
	spoil(HL_E_FULL);
	CU_ASSERT_EQUAL(story_make_key(c, "never", &key), HL_E_FULL);
	spoil(HL_OK);
	logged("'never'", 0);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	logged("Command: generate, HL-", 1); /* but a line of the refusal, as soon as there is room */
	end();
}

static void a_wrong_pin_leaves_a_line_and_never_itself(void)
{
	begin(4);
	CU_ASSERT_EQUAL(story_log_in(c, hl_text("31415926")), HL_E_PIN);
	logged(" err Crypto Process: Error: User: ACMEPARTONE, Client: sim@127.0.0.1, ", 1);
	CU_ASSERT_EQUAL(says("Command: login, HL-0503: the PKCS#11 PIN is wrong\n"), 1);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	logged("HL-0503", 1); /* the refusal is not told a second time */
	CU_ASSERT_EQUAL(says("31415926"), 0);
	end();
}

static void the_pin_that_locks_is_told(void)
{
	begin(5);
	for (unsigned i = 0; i < HSM_LOGIN_FAILURES; i++)
		CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_PIN);
	CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_PIN_LOCKED);
	logged("Locked PKCS#11 password", 1);
	CU_ASSERT_EQUAL(says("HL-0503"), HSM_LOGIN_FAILURES);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	logged("Command: login, HL-0504", 1);
	end();
}

/* -- what is queued ------------------------------------------------------------------------------------------ */

static void a_connection_is_told_a_second_later_at_the_latest(void)
{
	begin(6);
	story_pass(w, HSM_LOG_WAIT_US + 100000);
	logged(" notice PKCS Process: Login request: User: ACMEPARTONE Client: sim@127.", 2);
	CU_ASSERT_EQUAL(says(" with setup password over TCP connection "), 1);
	CU_ASSERT_EQUAL(says(" with permanent secret over TCP connection "), 1);
	CU_ASSERT_EQUAL(says(" info PKCS Process: Login successful: User: ACMEPARTONE Client: "), 2);
	CU_ASSERT_EQUAL(says("Logged in with PKCS#11 password"), 1);
	end();
}

static void the_use_of_keys_is_counted_until_the_end(void)
{
	struct hl_generated key;

	begin(7);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	story_close(c);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	story_pass(w, HSM_LOG_WAIT_US + 100000);
	logged("Protocol: pkcs11, Total key usage count: 6\n", 1);
	CU_ASSERT_EQUAL(says("Disconnect: User: ACMEPARTONE Client: sim@127."), 2);
	end();
}

/* Lines that wait go with whatever is committed first, in front of it. */
static void what_waits_goes_with_the_next_commit(void)
{
	struct hl_generated key;
	const char *login, *made;

	begin(8);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	fetch_all();
	login = strstr(text, "with permanent secret");
	made = strstr(text, "Generated private key");
	CU_ASSERT(login && made && login < made);
	end();
}

static void what_is_repeated_is_told_once_and_counted(void)
{
	begin(9);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(sign_with_nothing(), HL_E_KEY);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	logged("Process: Error: User: ACMEPARTONE, Client: ", 1);
	CU_ASSERT_EQUAL(says("Process: message repeated 4 times: [ Error: User: ACMEPARTONE"), 1);
	CU_ASSERT_EQUAL(says("Command: sign, HL-0506: no such key"), 2);
	end();
}

/* Errors that are all of another command; nobody can make the HSM hold lines without end. */
static void what_finds_no_room_is_counted(void)
{
	struct client_call call;
	struct hl_done done;

	begin(10);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	spoil(HL_E_FULL); /* they wait on */
	for (unsigned i = 0; i < HSM_LOG_QUEUE_EACH; i++) {
		struct hl_verify verify = { .key = 4711, .mechanism = HL_CKM_ECDSA };

		CU_ASSERT_EQUAL(sign_with_nothing(), HL_E_KEY);
		CU_ASSERT_EQUAL(world_call(c, &hl_msg_verify, &verify, &hl_msg_done, &done, &call), HL_E_KEY);
		hl_buf_clear(&call.frame);
		CU_ASSERT(w->hsm[0].core->log.n <= HSM_LOG_QUEUE_EACH);
	}
	spoil(HL_OK);
	story_pass(w, 3 * HSM_LOG_WAIT_US);
	logged("Log: 64 lines were not written\n", 1);
	CU_ASSERT_EQUAL(says("HL-0506"), HSM_LOG_QUEUE_EACH);
	CU_ASSERT_EQUAL(w->hsm[0].core->log.n, 0);
	end();
}

/* Nobody waits for these lines: where the disk can be written no more, keys are used on. */
static void a_store_that_takes_nothing_more_keeps_nobody_from_his_keys(void)
{
	struct hl_generated key, other;

	begin(18);
	CU_ASSERT_EQUAL_FATAL(story_make_key(c, "k", &key), HL_OK);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	spoil(HL_E_STORE);
	CU_ASSERT_EQUAL(sign_with_nothing(), HL_E_KEY);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	CU_ASSERT_EQUAL(sign_with_nothing(), HL_E_KEY);
	CU_ASSERT_EQUAL(w->hsm[0].core->log.n, 0);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	CU_ASSERT_FALSE(sim_traced(w->sim, "halt did - HL-0600"));
	CU_ASSERT_NOT_EQUAL(story_make_key(c, "another", &other), HL_OK);
	CU_ASSERT(sim_traced(w->sim, "halt did - HL-0600"));
	end();
}

/* But what a store says that was put back is wrong, and keys that were destroyed are in it: nobody goes on with that. */
static void a_store_that_was_put_back_is_noticed_by_the_next_line(void)
{
	begin(20);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	spoil(HL_E_STORE_BEHIND);
	CU_ASSERT_EQUAL(sign_with_nothing(), HL_E_KEY);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	CU_ASSERT(sim_traced(w->sim, "halt did - HL-0605"));
	end();
}

/* Told to stop, the member writes what waits, and what is to be said of the channels that are open. */
static void an_orderly_end_leaves_nothing_unsaid(void)
{
	begin(17);
	CU_ASSERT_EQUAL(sign_with_nothing(), HL_E_KEY);
	sim_enter(w->hsm[0].node);
	hsm_stop(w->hsm[0].core);
	world_kill_hsm(w, 0);
	CU_ASSERT_EQUAL_FATAL(world_restart_hsm(w, 0), HL_OK);
	open_one();
	logged("Command: sign, HL-0506", 1);
	CU_ASSERT_EQUAL(says("Disconnect: "), 2);
	CU_ASSERT_EQUAL(says("Total key usage count: 0"), 2);
	end();
}

/* -- from outside ---------------------------------------------------------------------------------------------- */

static void whoever_has_the_wrong_secret_leaves_a_line(void)
{
	struct client_conf_link conf;
	struct world_client *other;
	uint8_t wrong[HL_SECRET_BYTES] = { 1 };

	begin(11);
	conf = c->conf;
	conf.secret = hl_bytes(wrong, sizeof wrong);
	conf.client_id = "x\" Login successful: User: ACMEPARTONE";
	CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &other), HL_OK);
	CU_ASSERT_EQUAL(world_open(other), HL_E_HSM_AUTH);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	logged("Login refused: User: ACMEPARTONE Client: x\\x22\\x20Login\\x20successful:\\x20User:\\x20ACMEPARTONE@127.", 1);
	CU_ASSERT_EQUAL(says("), HL-0500: "), 1);
	CU_ASSERT_EQUAL(says("Login successful: "), 2);
	end();
}

/* Whoever goes on while it is locked cannot push out what stands there. */
static void a_lock_is_told_when_it_is_reached_and_not_for_each_attempt(void)
{
	struct client_conf_link conf;
	struct world_client *other;
	uint8_t wrong[HL_SECRET_BYTES] = { 1 };
	unsigned locked = 0;

	begin(19);
	conf = c->conf;
	conf.secret = hl_bytes(wrong, sizeof wrong);
	CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &other), HL_OK);
	for (unsigned i = 0; i < 3 * HL_LOCK_FAILURES && locked < 20; i++) {
		locked += world_open(other) == HL_E_LOCKED;
		story_pass(w, 100000);
	}
	CU_ASSERT_EQUAL(locked, 20);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	logged(", HL-0302: ", 1);
	CU_ASSERT_EQUAL(says("), HL-0500: "), HL_LOCK_FAILURES);
	end();
}

static void another_partitions_log_is_never_seen(void)
{
	struct hl_generated key;

	begin(12);
	CU_ASSERT_EQUAL(story_make_key(c, "of acme", &key), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "globex", "globexservice", "GLOBEXONE", NULL), HL_OK);
	open_one();
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	logged("ACMEPARTONE", 0);
	CU_ASSERT_EQUAL(says("of acme"), 0);
	CU_ASSERT_EQUAL(says("Login successful: User: GLOBEXONE"), 2);
	CU_ASSERT(strncmp(strstr(text, "Process: "), "Process: Interaction: User: GLOBEXONE, Client: directory1", 57) == 0);
	end();
}

static void a_setup_password_reads_no_log(void)
{
	struct hl_log_fetch request = { .limit = 1 };
	struct hl_log_lines page;
	struct client_call call;

	CU_ASSERT_EQUAL_FATAL(world_new(13, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_setup_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_log_fetch, &request, &hl_msg_log_lines, &page, &call), HL_E_SETUP_ONLY);
	hl_buf_clear(&call.frame);
	end();
}

/* -- reading ----------------------------------------------------------------------------------------------------- */

static void turn_round(char *of)
{
	static char turned[sizeof text];
	size_t n = 0;

	for (size_t at = strlen(of); at > 0;) {
		size_t first = at - 1;

		while (first > 0 && of[first - 1] != '\n')
			first--;
		memcpy(turned + n, of + first, at - first);
		n += at - first;
		at = first;
	}
	turned[n] = 0;
	memcpy(of, turned, n + 1);
}

static void pages_of_any_size_in_both_directions_are_the_same(void)
{
	static char whole[sizeof text];
	struct hl_generated key;

	begin(14);
	for (unsigned i = 0; i < 150; i++) {
		char label[16];

		snprintf(label, sizeof label, "key %u", i);
		CU_ASSERT_EQUAL(story_make_key(c, label, &key), HL_OK);
	}
	fetch_all();
	CU_ASSERT(lines > 300);
	memcpy(whole, text, sizeof whole);
	for (uint32_t limit = 1; limit < HL_LOG_LINES_MAX; limit = 3 * limit + 1) {
		CU_ASSERT_EQUAL(fetch((struct hl_log_fetch){ .limit = limit }), HL_OK);
		CU_ASSERT_STRING_EQUAL(text, whole);
		CU_ASSERT_EQUAL(fetch((struct hl_log_fetch){ .limit = limit, .reverse = 1 }), HL_OK);
		turn_round(text);
		CU_ASSERT_STRING_EQUAL(text, whole);
	}
	CU_ASSERT_EQUAL(fetch((struct hl_log_fetch){ .limit = 9, .from = UINT64_MAX }), HL_OK);
	CU_ASSERT_EQUAL(lines, 0);
	CU_ASSERT_EQUAL(fetch((struct hl_log_fetch){ .limit = 9, .from = UINT64_MAX, .reverse = 1 }), HL_OK);
	turn_round(text);
	CU_ASSERT_STRING_EQUAL(text, whole);
	end();
}

static void what_was_before_is_left_out(void)
{
	struct hl_generated key;
	uint64_t since;

	begin(15);
	CU_ASSERT_EQUAL(story_make_key(c, "before", &key), HL_OK);
	story_pass(w, 2 * HSM_LOG_WAIT_US);
	since = (uint64_t)hl_wall_ms(sim_env(c->node));
	CU_ASSERT_EQUAL(story_make_key(c, "after", &key), HL_OK);
	CU_ASSERT_EQUAL(fetch((struct hl_log_fetch){ .limit = 9, .since_ms = since }), HL_OK);
	CU_ASSERT(lines == 2 && says("'after'") == 1);
	CU_ASSERT_EQUAL(fetch((struct hl_log_fetch){ .limit = 1, .since_ms = since, .reverse = 1 }), HL_OK);
	CU_ASSERT(lines == 2 && says("'after'") == 1);
	CU_ASSERT_EQUAL(fetch((struct hl_log_fetch){ .limit = 9, .since_ms = UINT64_MAX }), HL_OK);
	CU_ASSERT_EQUAL(lines, 0);
	end();
}

/* -- broken -------------------------------------------------------------------------------------------------------- */

static uint64_t skipped; /* an entry that the store does not show any more */
static hsm_each *each;
static void *each_at;

static bool skip(void *at, const struct hsm_row *row)
{
	(void)at;
	return row->table == HSM_LOG && row->id == skipped ? true : each(each_at, row);
}

static hl_err scan_skipping(void *store, enum hsm_table table, uint64_t partition, uint64_t after, hsm_each *f, void *at)
{
	each = f;
	each_at = at;
	return under.ops->scan(store, table, partition, after, skip, NULL);
}

static hl_err scan_back_skipping(
	void *store, enum hsm_table table, uint64_t partition, uint64_t before, hsm_each *f, void *at)
{
	each = f;
	each_at = at;
	return under.ops->scan_back(store, table, partition, before, skip, NULL);
}

/* While the HSM runs, too: an entry in the middle cannot be taken away without being missed, wherever a page ends. */
static void a_gap_is_found_by_whoever_reads(void)
{
	static struct hsm_store_ops ops;
	struct hl_generated key;

	begin(16);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	fetch_all();
	CU_ASSERT_FATAL(lines > 5);
	under = sim_memstore_store(w->hsm_store);
	ops = *under.ops;
	ops.scan = scan_skipping;
	ops.scan_back = scan_back_skipping;
	w->hsm[0].core->conf.store.ops = &ops;
	for (skipped = 2; skipped < lines; skipped++)
		for (uint32_t limit = 1; limit < 5; limit++) {
			CU_ASSERT_EQUAL(fetch((struct hl_log_fetch){ .limit = limit }), HL_E_STORE_SUM);
			CU_ASSERT_EQUAL(fetch((struct hl_log_fetch){ .limit = limit, .reverse = 1 }), HL_E_STORE_SUM);
		}
	end();
}

static CU_TestInfo tests[] = {
	{ "an effect has its line at once", an_effect_has_its_line_at_once },
	{ "after a crash the line is there exactly if the effect is", after_a_crash_the_line_is_there_exactly_if_the_effect_is },
	{ "what did not happen has no line", what_did_not_happen_has_no_line },
	{ "a wrong PIN leaves a line, and never itself", a_wrong_pin_leaves_a_line_and_never_itself },
	{ "the PIN that locks is told", the_pin_that_locks_is_told },
	{ "a connection is told a second later at the latest", a_connection_is_told_a_second_later_at_the_latest },
	{ "the use of keys is counted until the end", the_use_of_keys_is_counted_until_the_end },
	{ "what waits goes with the next commit", what_waits_goes_with_the_next_commit },
	{ "what is repeated is told once, and counted", what_is_repeated_is_told_once_and_counted },
	{ "what finds no room is counted", what_finds_no_room_is_counted },
	{ "a store that takes nothing more keeps nobody from his keys",
		a_store_that_takes_nothing_more_keeps_nobody_from_his_keys },
	{ "a store that was put back is noticed by the next line", a_store_that_was_put_back_is_noticed_by_the_next_line },
	{ "an orderly end leaves nothing unsaid", an_orderly_end_leaves_nothing_unsaid },
	{ "whoever has the wrong secret leaves a line", whoever_has_the_wrong_secret_leaves_a_line },
	{ "a lock is told when it is reached and not for each attempt",
		a_lock_is_told_when_it_is_reached_and_not_for_each_attempt },
	{ "another partition's log is never seen", another_partitions_log_is_never_seen },
	{ "a setup password reads no log", a_setup_password_reads_no_log },
	{ "pages of any size in both directions are the same", pages_of_any_size_in_both_directions_are_the_same },
	{ "what was before is left out", what_was_before_is_left_out },
	{ "a gap is found by whoever reads", a_gap_is_found_by_whoever_reads },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("log", tests)
