/* A key that wants the PIN for each use gets it for each use, whatever its client thinks: the HSM counts. And handles that
 * were guessed lead nowhere. */
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;
static struct world_client *c;
static struct hl_generated key;

static struct hl_bytes pin(void)
{
	return hl_secret_view(&w->user.pin);
}

/* A pair whose private half wants the PIN each time. */
static hl_err make(struct hl_generated *made)
{
	static const uint8_t yes = 1;
	struct story_key k;
	struct hl_attribute mine[3];
	struct client_call call;
	hl_err err;

	story_key_init(&k, "k");
	memcpy(mine, k.mine, sizeof k.mine);
	mine[2] = (struct hl_attribute){ HL_CKA_ALWAYS_AUTHENTICATE, HL_FORM_BOOL, { &yes, 1 } };
	k.request.template = (struct hl_list){ .items = mine, .count = 3 };
	err = world_call(c, &hl_msg_generate, &k.request, &hl_msg_generated, made, &call);
	hl_buf_clear(&call.frame);
	return err;
}

static void begin(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 1, 2, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL_FATAL(make(&key), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

static hl_err sign_with(uint64_t handle, uint32_t mechanism)
{
	struct hl_sign request = { .key = handle, .mechanism = mechanism, .data = hl_text("a text") };
	struct client_call call;
	struct hl_signed made;
	hl_err err = world_call(c, &hl_msg_sign, &request, &hl_msg_signed, &made, &call);

	hl_buf_clear(&call.frame);
	return err;
}

static hl_err sign(void)
{
	return sign_with(key.handle, HL_CKM_ECDSA_SHA256);
}

/* The PIN for one use of a key. */
static hl_err authenticate(struct hl_bytes with, uint64_t handle)
{
	struct hl_login login = { .pin = with, .key = handle };
	struct hl_logged_in in = { 0 };
	struct client_call call;
	hl_err err = world_call(c, &hl_msg_login, &login, &hl_msg_logged_in, &in, &call);

	if (err == HL_OK)
		CU_ASSERT_EQUAL(in.ticket.n, 0); /* nothing of it outlives the link */
	hl_buf_clear(&call.frame);
	return err;
}

static void one_pin_is_one_use(void)
{
	begin(1);
	CU_ASSERT_EQUAL(sign(), HL_E_LOGIN);
	CU_ASSERT_EQUAL(authenticate(hl_text("no such PIN"), key.handle), HL_E_PIN);
	CU_ASSERT_EQUAL(sign(), HL_E_LOGIN);
	CU_ASSERT_EQUAL(authenticate(pin(), key.handle), HL_OK);
	CU_ASSERT_EQUAL(sign(), HL_OK);
	CU_ASSERT_EQUAL(sign(), HL_E_LOGIN);
	CU_ASSERT_EQUAL(authenticate(pin(), key.handle), HL_OK);
	CU_ASSERT_EQUAL(authenticate(pin(), key.handle), HL_OK);
	CU_ASSERT_EQUAL(sign(), HL_OK);
	CU_ASSERT_EQUAL(sign(), HL_OK);
	CU_ASSERT_EQUAL(sign(), HL_E_LOGIN);
	end();
}

static void it_is_for_one_key_and_for_who_is_logged_in(void)
{
	struct hl_generated other;

	begin(2);
	CU_ASSERT_EQUAL(make(&other), HL_OK);
	CU_ASSERT_EQUAL(authenticate(pin(), other.handle), HL_OK);
	CU_ASSERT_EQUAL(sign(), HL_E_LOGIN);
	CU_ASSERT_EQUAL(sign_with(other.handle, HL_CKM_ECDSA_SHA256), HL_OK);
	CU_ASSERT_EQUAL(authenticate(pin(), key.handle), HL_OK);
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT_EQUAL(authenticate(pin(), key.handle), HL_E_LOGIN); /* it lets nobody in */
	CU_ASSERT_EQUAL(sign(), HL_E_KEY);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(sign(), HL_E_LOGIN); /* what was not used went with the login */
	end();
}

static void it_ends_with_its_link(void)
{
	begin(3);
	CU_ASSERT_EQUAL(authenticate(pin(), key.handle), HL_OK);
	story_close(c);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(sign(), HL_E_LOGIN);
	end();
}

static void a_use_in_pieces_is_one_use(void)
{
	struct hl_stream_begin request = { .mechanism = HL_CKM_ECDSA_SHA256 };
	struct hl_stream_final final = { 0 };
	struct hl_stream_begun begun;
	struct hl_stream_data made;
	struct client_call call;

	begin(4);
	request.key = key.handle;
	CU_ASSERT_EQUAL(
		world_call(c, &hl_msg_stream_begin, &request, &hl_msg_stream_begun, &begun, &call), HL_E_LOGIN);
	hl_buf_clear(&call.frame);
	CU_ASSERT_EQUAL(authenticate(pin(), key.handle), HL_OK);
	request.mechanism = HL_CKM_EDDSA; /* what cannot begin is none */
	CU_ASSERT_NOT_EQUAL(
		world_call(c, &hl_msg_stream_begin, &request, &hl_msg_stream_begun, &begun, &call), HL_OK);
	hl_buf_clear(&call.frame);
	request.mechanism = HL_CKM_ECDSA_SHA256;
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_stream_begin, &request, &hl_msg_stream_begun, &begun, &call), HL_OK);
	hl_buf_clear(&call.frame);
	CU_ASSERT_EQUAL(sign(), HL_E_LOGIN); /* and that was it */
	final.stream = begun.stream;
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_stream_final, &final, &hl_msg_stream_data, &made, &call), HL_OK);
	CU_ASSERT_EQUAL(made.data.n, 64);
	hl_buf_clear(&call.frame);
	end();
}

/* Who asks for the PIN and never uses it is forgotten, in his turn. */
static void those_that_wait_are_bounded(void)
{
	struct hl_generated other;

	begin(5);
	CU_ASSERT_EQUAL(make(&other), HL_OK);
	CU_ASSERT_EQUAL(authenticate(pin(), key.handle), HL_OK);
	for (int i = 0; i < HSM_SINGLE_MAX; i++)
		CU_ASSERT_EQUAL(authenticate(pin(), other.handle), HL_OK);
	CU_ASSERT_EQUAL(sign(), HL_E_LOGIN);
	for (int i = 0; i < HSM_SINGLE_MAX; i++)
		CU_ASSERT_EQUAL(sign_with(other.handle, HL_CKM_ECDSA_SHA256), HL_OK);
	CU_ASSERT_EQUAL(sign_with(other.handle, HL_CKM_ECDSA_SHA256), HL_E_LOGIN);
	end();
}

/* -- handles ------------------------------------------------------------------------------------------------------------ */

static hl_err look_at(uint64_t handle)
{
	struct hl_attributes_get request = { .handle = handle };
	struct client_call call;
	struct hl_attributes told;
	hl_err err = world_call(c, &hl_msg_attributes_get, &request, &hl_msg_attributes, &told, &call);

	hl_buf_clear(&call.frame);
	return err;
}

#define GUESSES 100000

/* Numbers as somebody would try them: from the first on, around those that he knows, and any. */
static void guessed_handles_lead_nowhere(void)
{
	uint64_t at = 88172645463325252u;
	size_t n = GUESSES / hl_test_stride();

	begin(6);
	for (uint64_t i = 1; i <= n; i++) {
		uint64_t guess = i % 3 == 0 ? i : i % 3 == 1 ? key.handle + i : at;

		at ^= at << 13;
		at ^= at >> 7;
		at ^= at << 17;
		if (look_at(guess) != HL_E_KEY) {
			CU_FAIL("a guess was told of something");
			break;
		}
	}
	CU_ASSERT_EQUAL(look_at(key.handle), HL_OK);
	CU_ASSERT_EQUAL(sign_with(key.handle + 1, HL_CKM_ECDSA_SHA256), HL_E_KEY);
	end();
}

static CU_TestInfo tests[] = {
	{ "one PIN is one use", one_pin_is_one_use },
	{ "it is for one key and for who is logged in", it_is_for_one_key_and_for_who_is_logged_in },
	{ "it ends with its link", it_ends_with_its_link },
	{ "a use in pieces is one use", a_use_in_pieces_is_one_use },
	{ "those that wait are bounded", those_that_wait_are_bounded },
	{ "guessed handles lead nowhere", guessed_handles_lead_nowhere },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("single", tests)
