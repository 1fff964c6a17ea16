/* The directory between two lives, and among strangers. */
#include "directory/rooms.h"
#include "proxy/gateway.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;

static void begin(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 1, 1, &w), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

/* -- provisioning that is cut short --------------------------------------------------------------------- */

static hl_err row(const char *name, struct dir_partition *out)
{
	struct dir_store store = dir_memory_store(w->dir_store);

	return store.ops->partition(store.at, hl_text(name), out);
}

static bool has_user(const char *name)
{
	struct dir_store store = dir_memory_store(w->dir_store);
	struct dir_user u;

	return store.ops->user(store.at, hl_text(name), &u) == HL_OK;
}

static hl_err provision_globex(void)
{
	return world_provision(w, "globex", "globexservice", "GLOBEXPART", NULL);
}

static struct dir_mailbox box; /* the world's own */
static bool withdrawn;

static void nothing(struct hl_job *j)
{
	(void)j;
}

/* The partition is made, its files are not yet written: the directory is gone. */
static void die_before_delivery(void *at, struct dir_delivery *d)
{
	(void)at;
	d->job.run = nothing;
	d->job.lane = HL_LANE_STORE;
	sim_kill(w->directory.node);
}

static void fail_delivery(struct hl_job *j)
{
	((struct dir_delivery *)(void *)j)->result = HL_E_CREATE;
}

static void prepare_failure(void *at, struct dir_delivery *d)
{
	(void)at;
	d->job.run = fail_delivery;
	d->job.lane = HL_LANE_STORE;
}

static void watch(void *at, struct dir_delivery *d)
{
	withdrawn |= d->withdraw;
	box.prepare(at, d);
}

static void use_mailbox(void (*prepare)(void *at, struct dir_delivery *d))
{
	box = w->directory.core->conf.mailbox;
	w->directory.core->conf.mailbox.prepare = prepare;
}

static bool all_are_up(void *at)
{
	(void)at;
	return dir_members_up(w->directory.core, HL_ROLE_HSM) == w->hsms &&
		dir_members_up(w->directory.core, HL_ROLE_PROXY) == w->proxies;
}

/* A new life over the same store. */
static void restart(void)
{
	struct dir_conf conf = w->directory.core->conf;

	conf.mailbox = box;
	dir_free(w->directory.core);
	w->directory.core = NULL;
	sim_enter(w->directory.node);
	CU_ASSERT_EQUAL_FATAL(dir_new(sim_env(w->directory.node), &conf, &w->directory.core), HL_OK);
	sim_core(w->directory.node, &dir_core, w->directory.core);
}

static void what_was_begun_and_not_delivered_is_taken_back_at_the_next_start(void)
{
	struct world_client *c;
	struct dir_partition p;

	begin(1);
	use_mailbox(die_before_delivery);
	CU_ASSERT_EQUAL(provision_globex(), HL_E_CLOSED);
	CU_ASSERT_EQUAL(row("GLOBEXPART", &p), HL_OK);
	CU_ASSERT_STRING_EQUAL(p.maker, "directory1");
	story_pass(w, 1000000);
	restart();
	CU_ASSERT_EQUAL(row("GLOBEXPART", &p), HL_E_NOT_FOUND);
	CU_ASSERT(!has_user("globexservice"));
	CU_ASSERT_EQUAL(row("ACMEPARTONE", &p), HL_OK); /* what was delivered stays */
	CU_ASSERT(sim_traced(w->sim, "provision.swept"));
	CU_ASSERT(sim_run(w->sim, all_are_up, NULL, 10000000));
	CU_ASSERT_EQUAL(provision_globex(), HL_OK);
	CU_ASSERT_EQUAL(row("GLOBEXPART", &p), HL_OK);
	CU_ASSERT_STRING_EQUAL(p.maker, "");
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	end();
}

static void another_directory_leaves_it_alone(void)
{
	struct dir_partition p;
	struct dir_conf conf;
	struct dir *other;

	begin(2);
	use_mailbox(die_before_delivery);
	CU_ASSERT_EQUAL(provision_globex(), HL_E_CLOSED);
	conf = w->directory.core->conf;
	conf.name = "directory2";
	CU_ASSERT_EQUAL_FATAL(dir_new(sim_env(w->directory.node), &conf, &other), HL_OK);
	CU_ASSERT_EQUAL(row("GLOBEXPART", &p), HL_OK);
	dir_free(other);
	end();
}

static void where_the_files_cannot_be_written_nothing_stays(void)
{
	struct dir_partition p;

	begin(3);
	use_mailbox(prepare_failure);
	CU_ASSERT_EQUAL(provision_globex(), HL_E_CREATE);
	CU_ASSERT_EQUAL(row("GLOBEXPART", &p), HL_E_NOT_FOUND);
	CU_ASSERT(!has_user("globexservice"));
	end();
}

/* -- a store that fails at the last step -------------------------------------------------------------------- */

static struct dir_store_ops spoilt;
static void (*run_under)(struct hl_job *j);

static void run_spoilt(struct hl_job *j)
{
	struct dir_commit *c = (struct dir_commit *)(void *)j;

	if (c->change->settle_partition)
		c->result = HL_E_BUSY;
	else
		run_under(j);
}

static void prepare_spoilt(void *store, struct dir_commit *c)
{
	dir_memory_store(w->dir_store).ops->prepare(store, c);
	run_under = c->job.run;
	c->job.run = run_spoilt;
}

static void where_the_rows_cannot_be_settled_the_files_are_withdrawn(void)
{
	struct dir_partition p;

	begin(4);
	use_mailbox(watch);
	spoilt = *w->directory.core->conf.store.ops;
	spoilt.prepare = prepare_spoilt;
	w->directory.core->conf.store.ops = &spoilt;
	withdrawn = false;
	CU_ASSERT_EQUAL(provision_globex(), HL_E_BUSY);
	CU_ASSERT(withdrawn);
	CU_ASSERT_EQUAL(row("GLOBEXPART", &p), HL_E_NOT_FOUND);
	end();
}

/* -- strangers ---------------------------------------------------------------------------------------------- */

#define STRANGERS 200

/* A core that opens connections and says nothing. */
static struct {
	struct hl_wishes wishes;
	struct hl_port io[STRANGERS];
	bool open[STRANGERS];
} stranger;

static void stranger_event(void *at, const struct hl_event *e)
{
	uint32_t i = e->port & ~HL_PORT_DIALLED;

	(void)at;
	if (e->kind == HL_EV_OPENED)
		stranger.open[i] = e->err == HL_OK;
	if (e->kind == HL_EV_ENDED)
		stranger.open[i] = false;
}

static bool stranger_wish(void *at, struct hl_wish *out)
{
	(void)at;
	return hl_wishes_take(&stranger.wishes, 0, out);
}

static struct hl_port *stranger_port(void *at, uint32_t port)
{
	(void)at;
	return &stranger.io[port & ~HL_PORT_DIALLED];
}

static const struct hl_core_ops stranger_ops = { stranger_event, stranger_wish, stranger_port };

static size_t strangers_open(void)
{
	size_t n = 0;

	for (size_t i = 0; i < STRANGERS; i++)
		n += stranger.open[i];
	return n;
}

static void strangers_dial(void)
{
	struct hl_addr links = { .family = HL_INET, .ip = { 127, 16, 0, 21 }, .port = 2500 };
	struct sim_node *node = sim_node(w->sim, "stranger");

	for (uint32_t i = 0; i < STRANGERS; i++) {
		stranger.io[i] = (struct hl_port){ hl_buf(1000), hl_buf(1000) };
		stranger.open[i] = false;
		hl_wish_dial(&stranger.wishes, HL_PORT_DIALLED | i, &links, 0);
	}
	sim_core(node, &stranger_ops, &stranger);
}

static bool is_down(void *at)
{
	return !all_are_up(at);
}

static void who_says_nothing_makes_room_for_those_who_come(void)
{
	begin(5);
	strangers_dial();
	story_pass(w, 500000);
	CU_ASSERT_EQUAL(strangers_open(), DIR_UNPROVEN_MAX);
	CU_ASSERT_EQUAL(w->directory.core->unproven, DIR_UNPROVEN_MAX);
	CU_ASSERT(w->directory.core->ports.n <= DIR_UNPROVEN_MAX + 2);
	hl_wish_close(&w->proxy[0].core->wishes, PROXY_PORT_DIRECTORY, false); /* a member comes back among them */
	sim_pump(w->proxy[0].node);
	CU_ASSERT(sim_run(w->sim, is_down, NULL, 10000));
	CU_ASSERT(sim_run(w->sim, all_are_up, NULL, 200000));
	CU_ASSERT_EQUAL(strangers_open(), DIR_UNPROVEN_MAX - 1);
	story_pass(w, 3000000);
	CU_ASSERT_EQUAL(strangers_open(), 0);
	CU_ASSERT_EQUAL(w->directory.core->unproven, 0);
	hl_wishes_clear(&stranger.wishes);
	end();
}

static CU_TestInfo tests[] = {
	{ "what was begun and not delivered is taken back at the next start", what_was_begun_and_not_delivered_is_taken_back_at_the_next_start },
	{ "another directory leaves it alone", another_directory_leaves_it_alone },
	{ "where the files cannot be written nothing stays", where_the_files_cannot_be_written_nothing_stays },
	{ "where the rows cannot be settled the files are withdrawn", where_the_rows_cannot_be_settled_the_files_are_withdrawn },
	{ "who says nothing makes room for those who come", who_says_nothing_makes_room_for_those_who_come },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("directory", tests)
