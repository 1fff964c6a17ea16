/* The handshake broken on purpose: cut after every byte, turned over at bytes, crossed between clients. */
#include "scenarios/world.h"
#include "tests/support/heap.h"
#include "tests/support/test.h"

/* What a pair of nodes said to each other on the newest connection, by the tap. */
struct heard {
	const char *from, *to;
	size_t n;
};

static void listen_in(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	struct heard *h = at;

	if (strcmp(from, h->from) == 0 && strcmp(to, h->to) == 0)
		h->n += bytes.n;
}

static bool in_table(hl_err err)
{
	return err != HL_OK && hl_err_row(err)->code == err;
}

/* Bytes of a whole opening in one direction. The tap sees each byte once. */
static size_t length_of(struct world_client *c, const char *from, const char *to)
{
	struct heard h = { from, to, 0 };

	sim_tap_set(c->world->sim, listen_in, &h);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	sim_tap_set(c->world->sim, NULL, NULL);
	client_close(c->core);
	sim_pump(c->node);
	return h.n;
}

static bool quiet(void *at)
{
	(void)at;
	return false;
}

/* Let the proxy and the HSM notice; nobody must be left half-way. */
static void settle(struct world *w)
{
	sim_run(w->sim, quiet, NULL, 20000000);
}

/* Longer than any grant is remembered, so that what is held can be compared. */
static void settle_long(struct world *w)
{
	sim_run(w->sim, quiet, NULL, 200000000);
}

static bool hsms_are_empty(const struct world *w)
{
	for (size_t i = 0; i < w->hsms; i++)
		if (hsm_channels(w->hsm[i].core) != 0)
			return false;
	return true;
}

static bool proxies_are_empty(const struct world *w)
{
	for (size_t i = 0; i < w->proxies; i++)
		if (proxy_clients(w->proxy[i].core) != 0)
			return false;
	return true;
}

/* Each row of the store is a block, and the log of the partition grows. */
static size_t log_rows(struct world *w)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	uint64_t n = 0;

	CU_ASSERT_EQUAL(store.ops->count(store.at, HSM_LOG, hsm_partition_id(hl_text("ACMEPARTONE")), &n), HL_OK);
	return (size_t)n;
}

/* Blocks held when nothing is under way: the lesser of two looks, since a service link may just be changing
 * its keys (it does so every hour) at one of them. */
static size_t held_now(struct world *w)
{
	size_t first = heap_blocks() - sim_blocks(w->sim) - log_rows(w), second;

	if (heap_blocks() == 0)
		return 0; /* a build whose leak check looks at the end */
	sim_run(w->sim, quiet, NULL, 5000000);
	second = heap_blocks() - sim_blocks(w->sim) - log_rows(w);
	return first < second ? first : second;
}

#define WARM_UP 3 /* openings until every table and pool has its size */

/* One proxy and one HSM: there is nowhere else to go, so every cut must show. After each of them nothing is left
 * half-way and as many blocks are held as before. */
static void cut_everywhere(enum sim_way way, const char *from, const char *to, const char *dialler,
	const char *answerer)
{
	struct sim_harm harm = { dialler, answerer, way, 0, -1, 0 };
	struct world_client *c;
	struct world *w;
	size_t n, opened = 0, held = 0;

	CU_ASSERT_EQUAL_FATAL(world_new(3, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	n = length_of(c, from, to);
	CU_ASSERT(n > 100);
	settle(w);
	for (int64_t i = 0; i < (int64_t)n; i += i < WARM_UP ? 1 : (int64_t)hl_test_stride()) {
		hl_err err;

		harm.cut_after = i;
		sim_harm(w->sim, &harm);
		err = world_open(c);
		sim_harm(w->sim, NULL);
		/* The client's own last flight may be cut after it believed the HSM. */
		opened += err == HL_OK;
		CU_ASSERT(err == HL_OK || in_table(err));
		client_close(c->core);
		sim_pump(c->node);
		settle_long(w);
		CU_ASSERT(hsms_are_empty(w));
		CU_ASSERT(proxies_are_empty(w));
		if (i == WARM_UP)
			held = held_now(w);
		CU_ASSERT(i <= WARM_UP || held_now(w) == held);
	}
	CU_ASSERT_EQUAL(opened, 0);
	CU_ASSERT_EQUAL(world_open(c), HL_OK); /* nothing stayed behind */
	world_free(w);
}

static void cut_after_every_byte_from_the_client(void)
{
	cut_everywhere(SIM_FORTH, "client2", "proxy1", "client2", "proxy1");
}

static void cut_after_every_byte_to_the_client(void)
{
	cut_everywhere(SIM_BACK, "proxy1", "client2", "client2", "proxy1");
}

static void cut_after_every_byte_from_proxy_to_hsm(void)
{
	cut_everywhere(SIM_FORTH, "proxy1", "hsm1", "proxy1", "hsm1");
}

static void cut_after_every_byte_from_hsm_to_proxy(void)
{
	cut_everywhere(SIM_BACK, "hsm1", "proxy1", "proxy1", "hsm1");
}

/* A record needs a buffer to be read in and one to be written from: the HSM keeps none for who is idle. */
static void an_idle_channel_gives_memory_back(void)
{
	struct world_client *c;
	struct world *w;
	size_t used;

	CU_ASSERT_EQUAL_FATAL(world_new(3, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	used = heap_blocks() - sim_blocks(w->sim);
	sim_run(w->sim, quiet, NULL, 3000000);
	CU_ASSERT(heap_blocks() == 0 || heap_blocks() - sim_blocks(w->sim) + 2 <= used);
	CU_ASSERT(client_is_open(c->core));
	world_free(w);
}

/* Where things stand in the streams of an opening, learnt from one that went well. */
struct frames {
	size_t bytes[2];       /* by way, all of them */
	size_t chunks[2];
	size_t hello[2];       /* offset of the TLS record with ClientHello, with ServerHello */
	size_t result, result_n; /* the frame of step 6, on the way back */
};

static void measure(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	struct frames *f = at;
	int way = strcmp(from, "client2") == 0 ? SIM_FORTH : SIM_BACK;

	if (strcmp(way == SIM_FORTH ? to : from, "proxy1") != 0 ||
		strcmp(way == SIM_FORTH ? from : to, "client2") != 0)
		return;
	f->chunks[way]++;
	if (f->chunks[way] == 3) /* after steps 1 and 3, after steps 2 and 6 */
		f->hello[way] = f->bytes[way];
	if (way == SIM_BACK && f->chunks[way] == 2) {
		f->result = f->bytes[way];
		f->result_n = bytes.n;
	}
	f->bytes[way] += bytes.n;
}

/* The places where a byte says nothing that anybody relies on: the name of the HSM in step 6, which is for
 * people (the HSM proves itself in step 8), and the low byte of legacy_record_version of the two hellos, which
 * RFC 8446 5.1 wants ignored. */
static bool is_for_nobody(const struct frames *f, enum sim_way way, size_t byte)
{
	size_t end = f->result + f->result_n;

	if (byte == f->hello[way] + 2)
		return true;
	return way == SIM_BACK && byte >= end - strlen("hsm1") && byte < end;
}

static void flip_everywhere(struct world_client *c, enum sim_way way, const struct frames *f)
{
	struct sim_harm harm = { "client2", "proxy1", way, -1, 0, 0 };
	struct world *w = c->world;

	for (size_t byte = 0; byte < f->bytes[way]; byte += hl_test_stride()) {
		hl_err err;

		harm.flip_at = (int64_t)byte;
		sim_harm(w->sim, &harm);
		err = world_open(c);
		sim_harm(w->sim, NULL);
		CU_ASSERT_EQUAL(err == HL_OK, is_for_nobody(f, way, byte));
		CU_ASSERT(err == HL_OK || in_table(err));
		client_close(c->core);
		sim_pump(c->node);
		settle(w);
	}
}

static void a_flipped_byte_never_opens_a_channel(void)
{
	struct frames f = { 0 };
	struct world_client *c;
	struct world *w;

	CU_ASSERT_EQUAL_FATAL(world_new(4, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	settle(w);
	sim_tap_set(w->sim, measure, &f);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	sim_tap_set(w->sim, NULL, NULL);
	client_close(c->core);
	sim_pump(c->node);
	settle(w);
	CU_ASSERT(f.bytes[SIM_FORTH] > 400 && f.bytes[SIM_BACK] > 400);
	flip_everywhere(c, SIM_FORTH, &f);
	flip_everywhere(c, SIM_BACK, &f);
	world_free(w);
}

static void one_byte_at_a_time_is_as_good_as_all_at_once(void)
{
	struct sim_harm harm = { "client2", "proxy1", SIM_FORTH, -1, -1, 1 };
	struct world_client *c;
	struct world *w;

	CU_ASSERT_EQUAL_FATAL(world_new(5, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	sim_harm(w->sim, &harm);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	client_close(c->core);
	sim_pump(c->node);
	settle(w);
	harm.way = SIM_BACK;
	sim_harm(w->sim, &harm);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	world_free(w);
}

static bool both_over(void *at)
{
	struct world_client *const *c = at;

	return (client_is_open(c[0]->core) || client_failed(c[0]->core)) &&
		(client_is_open(c[1]->core) || client_failed(c[1]->core));
}

/* A proxy that joins each client to the other's HSM: B differs, so neither handshake can finish. */
static void streams_of_two_clients_swapped_are_both_refused(void)
{
	struct world_client *c[2];
	struct world *w;

	CU_ASSERT_EQUAL_FATAL(world_new(6, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c[0]), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c[1]), HL_OK);
	settle(w);
	sim_swap_relays(w->proxy[0].node);
	for (int i = 0; i < 2; i++) {
		sim_enter(c[i]->node);
		client_open(c[i]->core);
		sim_pump(c[i]->node);
	}
	CU_ASSERT(sim_run(w->sim, both_over, c, 60000000));
	for (int i = 0; i < 2; i++) {
		CU_ASSERT(!client_is_open(c[i]->core));
		CU_ASSERT_PTR_NOT_NULL_FATAL(client_failed(c[i]->core));
		CU_ASSERT_EQUAL(client_failed(c[i]->core)->err, HL_E_HSM_AUTH);
		CU_ASSERT_EQUAL(client_failed(c[i]->core)->step, HL_STEP_PROVED);
	}
	settle(w);
	CU_ASSERT(hsms_are_empty(w));
	world_free(w);
}

static CU_TestInfo tests[] = {
	{ "cut after every byte from the client", cut_after_every_byte_from_the_client },
	{ "cut after every byte to the client", cut_after_every_byte_to_the_client },
	{ "cut after every byte from proxy to HSM", cut_after_every_byte_from_proxy_to_hsm },
	{ "cut after every byte from HSM to proxy", cut_after_every_byte_from_hsm_to_proxy },
	{ "a flipped byte never opens a channel", a_flipped_byte_never_opens_a_channel },
	{ "one byte at a time is as good as all at once", one_byte_at_a_time_is_as_good_as_all_at_once },
	{ "streams of two clients swapped are both refused", streams_of_two_clients_swapped_are_both_refused },
	{ "an idle channel gives memory back", an_idle_channel_gives_memory_back },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("cuts", tests)
