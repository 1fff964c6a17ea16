/* What one client may have under way at an HSM: so much, and no more, and all of it is answered. */
#include <stdlib.h>

#include "client/link_impl.h"
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

#define PIN_US 10000 /* a check in the simulator's lane */

static struct world *w;
static struct world_client *c;

static void begin(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

/* -- many requests at once ----------------------------------------------------------------------------- */

#define CALLS 200

static struct client_call call[CALLS];
static size_t calls, most_tasks, most_waiting;

static size_t tasks(void)
{
	size_t n = 0;

	for (const struct hsm_task *t = w->hsm[0].core->tasks; t; t = t->next)
		n++;
	return n;
}

/* Bytes that came and have not gone into a channel. */
static size_t waiting(void)
{
	const struct hsm *h = w->hsm[0].core;
	const struct hsm_conn *conn;
	size_t n = 0, at = 0;

	while ((conn = hl_map_next(&h->ports, &at)) != NULL)
		n += conn->io.in.n;
	return n;
}

static void submit(struct world_client *by, const struct hl_msg *m, const void *body, const struct hl_msg *expect)
{
	struct client_call *one = &call[calls++];

	*one = (struct client_call){ .msg = m, .body = body, .expect = expect,
		.deadline_us = hl_mono_us(sim_env(by->node)) + 60000000 };
	sim_enter(by->node);
	client_submit(by->core, one);
	sim_pump(by->node);
}

static bool all_done(void *at)
{
	size_t n = tasks(), bytes = waiting();

	(void)at;
	most_tasks = n > most_tasks ? n : most_tasks;
	most_waiting = bytes > most_waiting ? bytes : most_waiting;
	for (size_t i = 0; i < calls; i++)
		if (!call[i].done)
			return false;
	return true;
}

/* Wait for all of them; how many ended so. */
static size_t await(hl_err how)
{
	size_t n = 0;

	CU_ASSERT(sim_run(w->sim, all_done, NULL, 60000000));
	for (size_t i = 0; i < calls; i++) {
		n += call[i].err == how;
		hl_buf_clear(&call[i].frame);
	}
	calls = 0;
	return n;
}

static void a_client_has_so_many_tasks_and_no_more(void)
{
	struct story_key key;
	size_t n;

	begin(1);
	story_key_init(&key, "k");
	most_tasks = 0;
	for (int i = 0; i < CALLS; i++)
		submit(c, &hl_msg_generate, &key.request, &hl_msg_generated);
	CU_ASSERT_EQUAL(await(HL_OK), CALLS);
	CU_ASSERT_EQUAL(most_tasks, HSM_TASKS_MAX);
	CU_ASSERT_EQUAL(story_count(c, "k", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 2 * CALLS);
	end();
}

/* More than the channel holds: what waits in the port comes in when tasks end, though nothing more is sent. */
static void what_waits_in_the_port_is_taken_when_tasks_end(void)
{
	enum { LARGE = 56 };
	static uint8_t filler[60000];
	struct story_key key;
	struct hl_attribute mine[3], theirs[4];

	begin(2);
	story_key_init(&key, "k");
	key.mine[1].value = key.theirs[2].value = hl_bytes(filler, sizeof filler);
	memcpy(mine, key.mine, sizeof key.mine);
	memcpy(theirs, key.theirs, sizeof key.theirs);
	mine[2] = theirs[3] = (struct hl_attribute){ HL_CKA_ID, HL_FORM_BYTES, { filler, sizeof filler } };
	key.request.template = (struct hl_list){ .items = mine, .count = HL_COUNT(mine) };
	key.request.public_template = (struct hl_list){ .items = theirs, .count = HL_COUNT(theirs) };
	most_tasks = most_waiting = 0;
	for (int i = 0; i < LARGE; i++)
		submit(c, &hl_msg_generate, &key.request, &hl_msg_generated);
	CU_ASSERT_EQUAL(await(HL_OK), LARGE);
	CU_ASSERT_EQUAL(most_tasks, HSM_TASKS_MAX);
	CU_ASSERT(most_waiting > 100000);
	end();
}

static bool one_is_done(void *at)
{
	return ((struct client_call *)at)->done;
}

/* What waits at a connection that ends is nobody's, and holds up nobody. */
static void a_connection_that_ends_leaves_nothing_behind(void)
{
	struct story_key key;

	begin(3);
	story_key_init(&key, "k");
	for (int i = 0; i < CALLS; i++)
		submit(c, &hl_msg_generate, &key.request, &hl_msg_generated);
	CU_ASSERT(sim_run(w->sim, one_is_done, &call[0], 1000000));
	client_close(c->core);
	sim_pump(c->node);
	CU_ASSERT(await(HL_E_UNKNOWN) > 0);
	story_pass(w, 1000000);
	CU_ASSERT_EQUAL(tasks(), 0);
	end();
}

/* -- objects -------------------------------------------------------------------------------------------- */

static void set_objects_max(uint32_t max)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	struct hsm_change change = { 0 };
	struct hsm_partition p;

	CU_ASSERT_EQUAL_FATAL(hsm_partition_load(w->hsm[0].core, hl_text(w->user.partition), &p), HL_OK);
	p.row.objects_max = max;
	CU_ASSERT_EQUAL(hsm_change_partition(w->hsm[0].core, &change, &p), HL_OK);
	change.commit.put = change.put;
	store.ops->prepare(store.at, &change.commit);
	change.commit.job.run(&change.commit.job);
	CU_ASSERT_EQUAL(change.commit.result, HL_OK);
	hsm_change_reset(&change);
	hsm_partition_clear(&p);
}

static void creations_side_by_side_do_not_pass_the_limit(void)
{
	struct story_key key;
	size_t n;

	begin(9);
	set_objects_max(5);
	story_key_init(&key, "k");
	for (int i = 0; i < 10; i++)
		submit(c, &hl_msg_generate, &key.request, &hl_msg_generated);
	CU_ASSERT_EQUAL(await(HL_E_FULL), 8);
	CU_ASSERT_EQUAL(story_count(c, "k", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 4); /* two pairs */
	end();
}

/* -- PIN checks ---------------------------------------------------------------------------------------- */

static struct hl_login right, wrong;

static void submit_logins(struct world_client *by, const struct hl_login *login, int n)
{
	for (int i = 0; i < n; i++)
		submit(by, &hl_msg_login, login, &hl_msg_logged_in);
}

static struct world_client *another(void)
{
	struct world_client *other;

	CU_ASSERT_EQUAL_FATAL(world_client(w, &c->conf, &other), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(other), HL_OK);
	return other;
}

static void begin_logins(uint64_t seed)
{
	begin(seed);
	right.pin = hl_secret_view(&w->user.pin);
	wrong.pin = hl_text("wrong");
}

static void one_pin_of_a_partition_is_checked_at_a_time(void)
{
	int64_t begun;

	begin_logins(4);
	begun = sim_now_us(w->sim);
	submit_logins(c, &right, 10);
	submit_logins(another(), &right, 10);
	CU_ASSERT_EQUAL(await(HL_OK), 20);
	CU_ASSERT(sim_now_us(w->sim) - begun >= 20 * PIN_US);
	end();
}

static void pins_of_two_partitions_are_checked_side_by_side(void)
{
	struct world_client *other;
	int64_t begun;

	begin_logins(5);
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "globex", "globexservice", "GLOBEXPART", NULL), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &other), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(other), HL_OK);
	begun = sim_now_us(w->sim);
	submit_logins(c, &wrong, 20);
	submit_logins(other, &wrong, 20);
	CU_ASSERT_EQUAL(await(HL_E_PIN), 40);
	CU_ASSERT(sim_now_us(w->sim) - begun < 40 * PIN_US);
	end();
}

static void a_line_that_is_full_is_busy(void)
{
	struct world_client *other;

	begin_logins(6);
	other = another();
	submit_logins(c, &right, HSM_TASKS_MAX);
	story_pass(w, PIN_US / 2);
	submit_logins(other, &right, 1);
	story_pass(w, PIN_US / 4);
	CU_ASSERT(sim_traced(w->sim, "HL-0408"));
	CU_ASSERT_EQUAL(await(HL_OK), HSM_TASKS_MAX + 1); /* the client tries again by itself */
	end();
}

/* What was learned while a login waited in the line counts when its turn comes. */
static void a_lock_is_told_to_those_who_wait(void)
{
	size_t locked;

	begin_logins(7);
	submit_logins(c, &wrong, HSM_LOGIN_FAILURES + 20);
	CU_ASSERT(sim_run(w->sim, all_done, NULL, 60000000));
	locked = await(HL_E_PIN_LOCKED);
	CU_ASSERT_EQUAL(locked, 20);
	end();
}

static void logins_of_a_connection_that_is_gone_hold_up_nobody(void)
{
	struct world_client *other;
	int64_t begun;

	begin_logins(8);
	other = another();
	submit_logins(c, &right, 20);
	story_pass(w, PIN_US / 2);
	client_close(c->core);
	sim_pump(c->node);
	story_pass(w, PIN_US / 10);
	calls = 0;
	begun = sim_now_us(w->sim);
	submit_logins(other, &right, 1);
	CU_ASSERT_EQUAL(await(HL_OK), 1);
	CU_ASSERT(sim_now_us(w->sim) - begun < 3 * PIN_US);
	end();
}

static CU_TestInfo tests[] = {
	{ "a client has so many tasks and no more", a_client_has_so_many_tasks_and_no_more },
	{ "what waits in the port is taken when tasks end", what_waits_in_the_port_is_taken_when_tasks_end },
	{ "a connection that ends leaves nothing behind", a_connection_that_ends_leaves_nothing_behind },
	{ "creations side by side do not pass the limit", creations_side_by_side_do_not_pass_the_limit },
	{ "one PIN of a partition is checked at a time", one_pin_of_a_partition_is_checked_at_a_time },
	{ "PINs of two partitions are checked side by side", pins_of_two_partitions_are_checked_side_by_side },
	{ "a line that is full is busy", a_line_that_is_full_is_busy },
	{ "a lock is told to those who wait", a_lock_is_told_to_those_who_wait },
	{ "logins of a connection that is gone hold up nobody", logins_of_a_connection_that_is_gone_hold_up_nobody },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("bounds", tests)
