/* The gateway's lock-out: who is locked, what that costs and tells, and who does not notice. */
#include <openssl/hmac.h>

#include "directory/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;

/* -- what is counted: the directory's look-ups, and every HMAC that we ask for (the linker leads our
 * calls of HMAC() here) ----------------------------------------------------------------------------- */

struct cost {
	unsigned users, partitions, ranges, clusters, hmacs;
};

static struct cost cost;
static const struct dir_store_ops *beneath;

unsigned char *__wrap_HMAC(const EVP_MD *md, const void *key, int key_n, const unsigned char *data,
	size_t n, unsigned char *out, unsigned *out_n);
unsigned char *__real_HMAC(const EVP_MD *md, const void *key, int key_n, const unsigned char *data,
	size_t n, unsigned char *out, unsigned *out_n);

unsigned char *__wrap_HMAC(const EVP_MD *md, const void *key, int key_n, const unsigned char *data,
	size_t n, unsigned char *out, unsigned *out_n)
{
	cost.hmacs++;
	return __real_HMAC(md, key, key_n, data, n, out, out_n);
}

static hl_err count_user(void *store, struct hl_bytes name, struct dir_user *out)
{
	cost.users++;
	return beneath->user(store, name, out);
}

static hl_err count_partition(void *store, struct hl_bytes name, struct dir_partition *out)
{
	cost.partitions++;
	return beneath->partition(store, name, out);
}

static hl_err count_ranges(void *store, const char *user, dir_each_range *each, void *at)
{
	cost.ranges++;
	return beneath->ranges(store, user, each, at);
}

static hl_err count_cluster(void *store, const char *cluster, dir_each_member *each, void *at)
{
	cost.clusters++;
	return beneath->cluster(store, cluster, each, at);
}

static struct dir_store_ops counted;

static void begin(uint64_t seed)
{
	struct dir_store *store;

	CU_ASSERT_EQUAL_FATAL(world_new(seed, 2, 1, &w), HL_OK);
	store = &w->directory.core->conf.store;
	beneath = store->ops;
	counted = *beneath;
	counted.user = count_user;
	counted.partition = count_partition;
	counted.ranges = count_ranges;
	counted.cluster = count_cluster;
	store->ops = &counted;
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

/* -- who knocks -------------------------------------------------------------------------------------- */

static const struct hl_addr here = { .family = HL_INET, .ip = { 192, 0, 2, 7 } };
static const struct hl_addr there = { .family = HL_INET, .ip = { 192, 0, 2, 8 } };

/* A client like `like` at `address`; name and password NULL: as they are. */
static struct world_client *knocker(const struct world_client *like, const struct hl_addr *address,
	const char *name, const char *password)
{
	struct client_conf_link conf = like->conf;
	struct world_client *c = NULL;

	if (name)
		conf.service_user = name;
	if (password)
		conf.service_password = hl_text(password);
	CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &c), HL_OK);
	sim_address(c->node, address);
	return c;
}

static void fails_times(struct world_client *c, unsigned n)
{
	while (n-- > 0)
		CU_ASSERT_EQUAL(world_open(c), HL_E_SERVICE_AUTH);
}

static void gets_in(struct world_client *c)
{
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	story_close(c);
}

/* -- stories ----------------------------------------------------------------------------------------- */

static void a_hundred_wrong_proofs_lock_one_user_at_one_address(void)
{
	struct world_client *good, *guesser, *owner, *elsewhere, *neighbour;
	const struct client_failure *f;

	begin(21);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &good), HL_OK);
	guesser = knocker(good, &here, NULL, "not-the-password-of-acmeservice");
	owner = knocker(good, &here, NULL, NULL);
	elsewhere = knocker(good, &there, NULL, NULL);
	fails_times(guesser, 99);
	gets_in(owner);
	fails_times(guesser, 1);
	cost = (struct cost){ 0 };
	CU_ASSERT_EQUAL(world_open(owner), HL_E_LOCKED); /* the right password does not help */
	CU_ASSERT_EQUAL(cost.users, 0);                  /* the proof was not looked at */
	f = client_failed(owner->core);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->step, HL_STEP_RESULT);
	CU_ASSERT_EQUAL(f->attempts, 1); /* no other proxy was asked */
	CU_ASSERT(f->retry_after_ms > 290000 && f->retry_after_ms <= HL_LOCK_MS);
	CU_ASSERT_EQUAL(hl_err_row(f->err)->exit_code, 14);
	gets_in(elsewhere);
	CU_ASSERT_EQUAL_FATAL(
		world_provision(w, "globex", "globexservice", "GLOBEXPART", NULL), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_setup_client(w, &neighbour), HL_OK);
	sim_address(neighbour->node, &here);
	gets_in(neighbour);
	end();
}

static void a_lock_ends_by_the_time_that_was_named_whatever_the_wall_clock_says(void)
{
	struct world_client *good, *guesser, *owner;
	uint32_t wait_ms;

	begin(22);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &good), HL_OK);
	guesser = knocker(good, &here, NULL, "not-the-password-of-acmeservice");
	owner = knocker(good, &here, NULL, NULL);
	fails_times(guesser, 100);
	sim_wall_advance(w->sim, 8ll * 24 * 3600 * 1000);
	CU_ASSERT_EQUAL(world_open(owner), HL_E_LOCKED);
	wait_ms = client_failed(owner->core)->retry_after_ms;
	story_pass(w, (wait_ms - 5000) * 1000ll);
	CU_ASSERT_EQUAL(world_open(owner), HL_E_LOCKED);
	CU_ASSERT(client_failed(owner->core)->retry_after_ms <= 5000);
	story_pass(w, 5000000);
	gets_in(owner);
	fails_times(guesser, 99); /* it begins anew */
	gets_in(owner);
	end();
}

static bool is_same(const struct cost *a, const struct cost *b)
{
	return a->users == b->users && a->partitions == b->partitions && a->ranges == b->ranges &&
	       a->clusters == b->clusters && a->hmacs == b->hmacs;
}

/* What one more attempt costs, the client's and the proxy's part included, which do not know either. */
static struct cost cost_of(struct world_client *c, hl_err err)
{
	cost = (struct cost){ 0 };
	CU_ASSERT_EQUAL(world_open(c), err);
	return cost;
}

static void an_unknown_name_is_locked_alike_at_the_same_cost(void)
{
	static const char wrong[] = "not-the-password-of-acmeservice";
	struct world_client *good, *known, *unknown;
	struct cost a, b;

	begin(23);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &good), HL_OK);
	known = knocker(good, &here, NULL, wrong);
	unknown = knocker(good, &here, "nobodyserve", wrong);
	for (unsigned i = 0; i < HL_LOCK_FAILURES + 5; i++) {
		hl_err err = i < HL_LOCK_FAILURES ? HL_E_SERVICE_AUTH : HL_E_LOCKED;

		a = cost_of(known, err);
		b = cost_of(unknown, err);
		CU_ASSERT(is_same(&a, &b));
		CU_ASSERT_EQUAL(a.users, i < HL_LOCK_FAILURES ? 1 : 0);
		CU_ASSERT(a.hmacs > 0);
		CU_ASSERT_EQUAL(a.partitions + a.ranges + a.clusters, 0);
	}
	CU_ASSERT(client_failed(known->core)->retry_after_ms > 0);
	CU_ASSERT(client_failed(unknown->core)->retry_after_ms > 0);
	end();
}

/* -- the channel's secret ---------------------------------------------------------------------------- */

static struct world_client *with_secret(const struct world_client *like, const struct hl_addr *address, const char *secret)
{
	struct client_conf_link conf = like->conf;
	struct world_client *c = NULL;

	conf.secret = hl_text(secret);
	CU_ASSERT_EQUAL_FATAL(world_client(w, &conf, &c), HL_OK);
	sim_address(c->node, address);
	return c;
}

static void a_hundred_wrong_secrets_lock_one_partition_at_one_address(void)
{
	struct world_client *good, *guesser, *owner, *elsewhere, *neighbour;
	const struct client_failure *f;

	begin(24);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &good), HL_OK);
	guesser = with_secret(good, &here, "this is not the partition's secret");
	owner = knocker(good, &here, NULL, NULL);
	elsewhere = knocker(good, &there, NULL, NULL);
	for (unsigned i = 0; i < HL_LOCK_FAILURES - 1; i++)
		CU_ASSERT_EQUAL(world_open(guesser), HL_E_HSM_AUTH);
	gets_in(owner);
	CU_ASSERT_EQUAL(world_open(guesser), HL_E_HSM_AUTH);
	CU_ASSERT_EQUAL(world_open(guesser), HL_E_LOCKED);
	CU_ASSERT_EQUAL(world_open(owner), HL_E_LOCKED); /* the right secret does not help */
	f = client_failed(owner->core);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->step, HL_STEP_RESULT); /* told before the handshake */
	CU_ASSERT_EQUAL(f->attempts, 1);
	CU_ASSERT(f->retry_after_ms > 290000 && f->retry_after_ms <= HL_LOCK_MS);
	gets_in(elsewhere);
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "globex", "globexservice", "GLOBEXPART", NULL), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_setup_client(w, &neighbour), HL_OK);
	sim_address(neighbour->node, &here);
	gets_in(neighbour);
	story_pass(w, HL_LOCK_MS * 1000ll);
	gets_in(owner);
	end();
}

static CU_TestInfo tests[] = {
	{ "a hundred wrong secrets lock one partition at one address",
		a_hundred_wrong_secrets_lock_one_partition_at_one_address },
	{ "a hundred wrong proofs lock one user at one address",
		a_hundred_wrong_proofs_lock_one_user_at_one_address },
	{ "a lock ends by the time that was named, whatever the wall clock says",
		a_lock_ends_by_the_time_that_was_named_whatever_the_wall_clock_says },
	{ "an unknown name is locked alike, at the same cost",
		an_unknown_name_is_locked_alike_at_the_same_cost },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("lockout in the simulator", tests)
