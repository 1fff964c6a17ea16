/* Ranges of versions in the hello, and the refusal that every version must be able to read, byte for byte. */
#include <stdio.h>

#include "tests/sim/knock.h"
#include "tests/support/test.h"

static struct world *w;
static struct knock k;
static struct speaker speaker;

static void begin(void)
{
	CU_ASSERT_EQUAL_FATAL(world_new(61, 1, 1, &w), HL_OK);
	knock_init(&k, w, "stranger");
	speaker = knock_speaker(w);
	speaker_hello(&speaker);
}

static void end(void)
{
	speaker_clear(&speaker);
	knock_clear(&k);
	world_free(w);
}

static bool asks(struct hl_frame *f)
{
	struct hl_addr at = KNOCK_PROXY;

	if (!knock_dial(&k, &at))
		return false;
	knock_say(&k, hl_buf_view(&speaker.hello));
	return knock_hear(&k, f);
}

/* doc/protocol.md: u32 length, u16 type, u32 request id; then code, step, retryable, retry-after. */
static const uint8_t frozen[] = {
	0, 0, 0, 38, 0x00, 0x01, 0, 0, 0, 0,
	0, 1, 0, 0, 0, 2, 0, 207,
	0, 2, 0, 0, 0, 1, 1,
	0, 3, 0, 0, 0, 1, 0,
	0, 4, 0, 0, 0, 4, 0, 0, 0, 0,
};

static void is_refused_frozen(uint16_t lowest, uint16_t highest)
{
	struct hl_frame f;

	CU_ASSERT_FATAL(asks(&f));
	if (!hl_bytes_eq(f.whole, hl_bytes(frozen, sizeof frozen))) {
		fprintf(stderr, "versions %u to %u\n", lowest, highest);
		CU_FAIL("not the frozen refusal");
	}
	knock_eat(&k, &f);
	CU_ASSERT(knock_ended_after(&k) >= 0);
	CU_ASSERT_EQUAL(k.io.in.n, 0);
}

static void ranges_without_our_version_are_refused_for_good(void)
{
	static const uint16_t range[][2] = { { 0, 0 }, { 2, 9 }, { 2, 2 }, { 65535, 65535 },
		/* reversed */
		{ 9, 2 }, { 2, 1 }, { 255, 1 }, { 1, 0 }, { 65535, 0 } };

	begin();
	for (size_t i = 0; i < HL_COUNT(range); i++) {
		speaker_versions(&speaker, range[i][0], range[i][1]);
		is_refused_frozen(range[i][0], range[i][1]);
	}
	end();
}

static void ranges_with_our_version_are_answered_in_it(void)
{
	static const uint16_t range[][2] = { { 1, 1 }, { 1, 2 }, { 1, 255 }, { 1, 65535 } };
	struct hl_auth_request request;
	struct hl_frame f;

	begin();
	for (size_t i = 0; i < HL_COUNT(range); i++) {
		speaker_versions(&speaker, range[i][0], range[i][1]);
		CU_ASSERT_FATAL(asks(&f));
		CU_ASSERT_EQUAL(hl_msg_get(&hl_msg_auth_request, &f, &request), HL_OK);
		CU_ASSERT_EQUAL(request.version, HL_VERSION_MAX);
	}
	end();
}

/* Version 0 was never one: a range that begins there has ours, and is malformed all the same. */
static void a_range_from_zero_is_malformed(void)
{
	struct hl_refused no;
	struct hl_frame f;

	begin();
	speaker_versions(&speaker, 0, 1);
	CU_ASSERT_FATAL(asks(&f));
	CU_ASSERT_EQUAL(hl_msg_get(&hl_msg_refused, &f, &no), HL_OK);
	CU_ASSERT_EQUAL(hl_err_of_wire(no.code), HL_E_RANGE);
	end();
}

/* All that any version promises are the first two fields. */
static void what_follows_the_versions_of_a_later_hello_is_not_looked_at(void)
{
	size_t keep = HL_FRAME_HEAD + 2 * (HL_FIELD_HEAD + 2);

	begin();
	speaker_versions(&speaker, 2, 9);
	for (size_t i = keep; i < speaker.hello.n; i++)
		speaker.hello.base[speaker.hello.off + i] = 0xff;
	is_refused_frozen(2, 9);
	/* Nothing follows at all. */
	hl_buf_cut(&speaker.hello, keep);
	hl_buf_set_u32(&speaker.hello, 0, (uint32_t)keep - 4);
	is_refused_frozen(2, 9);
	end();
}

/* The same refusal, as the client hears it: nobody of the pool speaks its version, and it says so at once. */
static void a_client_that_is_refused_for_its_version_asks_nobody_else(void)
{
	struct hl_fault refuse = { HL_FAULT_ERROR, -HL_E_VERSION };
	struct world_client *c;

	begin();
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	sim_fault(w->proxy[0].node, HL_AT_PROXY_HELLO, &refuse, 0, 1);
	CU_ASSERT_EQUAL(world_open(c), HL_E_VERSION);
	CU_ASSERT_EQUAL(client_failed(c->core)->attempts, 1);
	CU_ASSERT_EQUAL(client_failed(c->core)->step, HL_STEP_REQUEST);
	CU_ASSERT_EQUAL(sim_fired(w->proxy[0].node, HL_AT_PROXY_HELLO), 1);
	CU_ASSERT_EQUAL(hl_err_row(HL_E_VERSION)->exit_code, 76);
	end();
}

static CU_TestInfo tests[] = {
	{ "ranges without our version are refused for good", ranges_without_our_version_are_refused_for_good },
	{ "ranges with our version are answered in it", ranges_with_our_version_are_answered_in_it },
	{ "a range from zero is malformed", a_range_from_zero_is_malformed },
	{ "what follows the versions of a later hello is not looked at",
		what_follows_the_versions_of_a_later_hello_is_not_looked_at },
	{ "a client that is refused for its version asks nobody else",
		a_client_that_is_refused_for_its_version_asks_nobody_else },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("versions in the simulator", tests)
