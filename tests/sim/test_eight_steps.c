/* The whole sequence in memory: all four cores, real cryptography, virtual time. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/wire/numbers.h"
#include "scenarios/world.h"
#include "tests/support/test.h"

static const char *const steps[] = { "dns.pick did", "hello.proxy sent", "hello.proxy got",
	"auth.request sent", "auth.request got", "auth.answer sent", "auth.answer got", "dir.query sent",
	"dir.query got", "dir.grant sent", "dir.grant got", "auth.result sent", "auth.result got",
	"hello.hsm sent", "hello.hsm got", "hsm.result sent", "hsm.result got" };

static hl_err log_in(struct world *w, struct world_client *c)
{
	struct hl_login login = { .pin = hl_secret_view(&w->user.pin) };
	struct client_call call;
	struct hl_done done;
	hl_err err = world_call(c, &hl_msg_login, &login, &hl_msg_done, &done, &call);

	hl_buf_clear(&call.frame);
	return err;
}

/* secp256r1 as CKA_EC_PARAMS: the DER of 1.2.840.10045.3.1.7. */
static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

static hl_err make_key(struct world_client *c, struct hl_generated *made)
{
	static const uint8_t yes = 1;
	struct hl_attribute mine[] = { { HL_CKA_SIGN, HL_FORM_BOOL, { &yes, 1 } } };
	struct hl_attribute theirs[] = { { HL_CKA_EC_PARAMS, HL_FORM_BYTES, { p256, sizeof p256 } },
		{ HL_CKA_VERIFY, HL_FORM_BOOL, { &yes, 1 } } };
	uint8_t token[HL_TOKEN];
	struct hl_generate request = {
		.token = hl_bytes(token, sizeof token),
		.mechanism = HL_CKM_EC_KEY_PAIR_GEN,
		.template = { .items = mine, .count = 1 },
		.public_template = { .items = theirs, .count = 2 },
	};
	struct client_call call;
	hl_err err;

	client_token(c->core, token);
	err = world_call(c, &hl_msg_generate, &request, &hl_msg_generated, made, &call);
	hl_buf_clear(&call.frame);
	return err;
}

static hl_err sign_and_verify(struct world_client *c, const struct hl_generated *key)
{
	struct hl_sign sign = {
		.key = key->handle, .mechanism = HL_CKM_ECDSA_SHA256, .data = hl_text("to be signed")
	};
	struct hl_verify verify = {
		.key = key->public_handle, .mechanism = HL_CKM_ECDSA_SHA256, .data = sign.data
	};
	struct client_call signing, verifying = { 0 };
	struct hl_signed made;
	struct hl_done done;
	hl_err err = world_call(c, &hl_msg_sign, &sign, &hl_msg_signed, &made, &signing);

	if (err == HL_OK) {
		verify.signature = made.signature;
		err = world_call(c, &hl_msg_verify, &verify, &hl_msg_done, &done, &verifying);
	}
	hl_buf_clear(&signing.frame);
	hl_buf_clear(&verifying.frame);
	return err;
}

/* Everything a first user does; the trace is left in `trace`. */
static hl_err whole_story(uint64_t seed, struct hl_buf *trace)
{
	struct world *w;
	struct world_client *c;
	struct hl_generated key;
	hl_err err;

	HL_TRY(world_new(seed, 3, 2, &w));
	err = world_user_client(w, &c);
	if (err == HL_OK)
		err = world_open(c);
	if (err == HL_OK)
		err = log_in(w, c);
	if (err == HL_OK)
		err = make_key(c, &key);
	if (err == HL_OK)
		err = sign_and_verify(c, &key);
	hl_buf_put(trace, sim_trace(w->sim));
	world_free(w);
	return err;
}

static void the_whole_sequence_holds_from_20_seeds(void)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct hl_buf trace = hl_buf(1 << 20);

		CU_ASSERT_EQUAL(whole_story(seed, &trace), HL_OK);
		hl_buf_u8(&trace, 0);
		for (size_t i = 0; i < HL_COUNT(steps); i++)
			CU_ASSERT_PTR_NOT_NULL(strstr((const char *)hl_buf_view(&trace).p, steps[i]));
		hl_buf_clear(&trace);
	}
}

static void the_same_seed_gives_the_same_trace(void)
{
	struct hl_buf one = hl_buf(1 << 20), two = hl_buf(1 << 20), other = hl_buf(1 << 20);

	CU_ASSERT_EQUAL(whole_story(7, &one), HL_OK);
	CU_ASSERT_EQUAL(whole_story(7, &two), HL_OK);
	CU_ASSERT_EQUAL(whole_story(8, &other), HL_OK);
	CU_ASSERT(one.n > 1000);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&one), hl_buf_view(&two)));
	CU_ASSERT(!hl_bytes_eq(hl_buf_view(&one), hl_buf_view(&other)));
	hl_buf_clear(&one);
	hl_buf_clear(&two);
	hl_buf_clear(&other);
}

static CU_TestInfo tests[] = {
	{ "the whole sequence holds from 20 seeds", the_whole_sequence_holds_from_20_seeds },
	{ "the same seed gives the same trace", the_same_seed_gives_the_same_trace },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("eight_steps", tests)
