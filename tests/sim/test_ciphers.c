/* Encryption over the channel: who makes the IV, who may, and what of a parameter the HSM takes. */
#include <stdlib.h>

#include "tests/sim/story.h"
#include "tests/support/test.h"

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

static uint64_t make_aes(void)
{
	static const uint8_t length[8] = { [7] = 32 };
	struct hl_attribute size = { HL_CKA_VALUE_LEN, HL_FORM_NUMBER, { length, sizeof length } };
	struct hl_generate request = { .mechanism = HL_CKM_AES_KEY_GEN,
		.template = { .items = &size, .count = 1 } };
	struct hl_generated made = { 0 };
	struct client_call call;

	CU_ASSERT_EQUAL_FATAL(
		world_call(c, &hl_msg_generate, &request, &hl_msg_generated, &made, &call), HL_OK);
	hl_buf_clear(&call.frame);
	return made.handle;
}

static void put_parameter(struct hl_buf *out, struct hl_bytes iv, uint32_t tag_bits)
{
	struct hl_gcm_parameter p = { .iv = iv, .aad = hl_text("header"), .tag_bits = tag_bits };

	hl_buf_clear(out);
	*out = hl_buf(HL_PARAMETER_MAX);
	hl_body_put(out, &hl_msg_gcm_parameter, &p);
	CU_ASSERT_EQUAL_FATAL(out->err, HL_OK);
}

/* The answer points into call->frame, which is the caller's to clear. */
static hl_err encrypt(uint64_t key, struct hl_bytes parameter, struct hl_bytes data,
	struct hl_encrypted *out, struct client_call *call)
{
	struct hl_encrypt request = {
		.key = key, .mechanism = HL_CKM_AES_GCM, .data = data, .parameter = parameter
	};

	return world_call(c, &hl_msg_encrypt, &request, &hl_msg_encrypted, out, call);
}

static hl_err decrypt(uint64_t key, struct hl_bytes parameter, struct hl_bytes data,
	struct hl_decrypted *out, struct client_call *call)
{
	struct hl_decrypt request = {
		.key = key, .mechanism = HL_CKM_AES_GCM, .data = data, .parameter = parameter
	};

	return world_call(c, &hl_msg_decrypt, &request, &hl_msg_decrypted, out, call);
}

static hl_err tries_to_encrypt(uint64_t key, struct hl_bytes parameter)
{
	struct hl_encrypted out;
	struct client_call call;
	hl_err err = encrypt(key, parameter, hl_text("data"), &out, &call);

	hl_buf_clear(&call.frame);
	return err;
}

static hl_err tries_to_decrypt(uint64_t key, struct hl_bytes parameter, struct hl_bytes data)
{
	struct hl_decrypted out;
	struct client_call call;
	hl_err err = decrypt(key, parameter, data, &out, &call);

	hl_buf_clear(&call.frame);
	return err;
}

#define IV hl_text("twelve bytes")

static void an_iv_that_is_left_out_is_made_and_told(void)
{
	struct hl_buf parameter = { 0 };
	struct client_call first, second, back;
	struct hl_encrypted one, two;
	struct hl_decrypted open;
	uint64_t key;

	begin(31);
	key = make_aes();
	put_parameter(&parameter, hl_bytes(NULL, 0), 128);
	CU_ASSERT_EQUAL_FATAL(
		encrypt(key, hl_buf_view(&parameter), hl_text("data"), &one, &first), HL_OK);
	CU_ASSERT_EQUAL_FATAL(
		encrypt(key, hl_buf_view(&parameter), hl_text("data"), &two, &second), HL_OK);
	CU_ASSERT_EQUAL(one.iv.n, 12);
	CU_ASSERT_EQUAL(one.data.n, 4 + 16);
	CU_ASSERT_FALSE(hl_bytes_eq(one.iv, two.iv));
	CU_ASSERT_FALSE(hl_bytes_eq(one.data, two.data));
	CU_ASSERT_EQUAL(tries_to_decrypt(key, hl_buf_view(&parameter), one.data), HL_E_PARAMETER);
	put_parameter(&parameter, two.iv, 128);
	CU_ASSERT_EQUAL(tries_to_decrypt(key, hl_buf_view(&parameter), one.data), HL_E_DECRYPT);
	put_parameter(&parameter, one.iv, 128);
	CU_ASSERT_EQUAL_FATAL(decrypt(key, hl_buf_view(&parameter), one.data, &open, &back), HL_OK);
	CU_ASSERT(hl_bytes_eq(open.data, hl_text("data")));
	hl_buf_clear(&first.frame);
	hl_buf_clear(&second.frame);
	hl_buf_clear(&back.frame);
	hl_buf_clear(&parameter);
	end();
}

static void an_iv_that_is_given_is_used_and_not_repeated(void)
{
	struct hl_buf parameter = { 0 };
	struct client_call call;
	struct hl_encrypted out;

	begin(32);
	put_parameter(&parameter, IV, 96);
	CU_ASSERT_EQUAL_FATAL(
		encrypt(make_aes(), hl_buf_view(&parameter), hl_bytes(NULL, 0), &out, &call),
		HL_OK);
	CU_ASSERT_EQUAL(out.iv.n, 0);
	CU_ASSERT_EQUAL(out.data.n, 12); /* of nothing there is a tag, too */
	hl_buf_clear(&call.frame);
	hl_buf_clear(&parameter);
	end();
}

static void the_largest_data_goes_there_and_back(void)
{
	struct hl_bytes data = hl_bytes(calloc(1, HL_DATA_MAX), HL_DATA_MAX);
	struct hl_buf parameter = { 0 };
	struct client_call there, back;
	struct hl_encrypted sealed;
	struct hl_decrypted open;
	uint64_t key;

	begin(33);
	CU_ASSERT_PTR_NOT_NULL_FATAL(data.p);
	key = make_aes();
	put_parameter(&parameter, IV, 128);
	CU_ASSERT_EQUAL_FATAL(encrypt(key, hl_buf_view(&parameter), data, &sealed, &there), HL_OK);
	CU_ASSERT_EQUAL(sealed.data.n, HL_DATA_MAX + HL_TAG_MAX);
	CU_ASSERT_EQUAL_FATAL(
		decrypt(key, hl_buf_view(&parameter), sealed.data, &open, &back), HL_OK);
	CU_ASSERT(hl_bytes_eq(open.data, data));
	hl_buf_clear(&there.frame);
	hl_buf_clear(&back.frame);
	hl_buf_clear(&parameter);
	free((void *)(uintptr_t)data.p);
	end();
}

static void a_parameter_that_is_cut_too_long_or_of_another_mechanism_is_refused(void)
{
	struct hl_pss_parameter pss = { HL_CKM_SHA256, HL_CKG_MGF1_SHA256, 32 };
	struct hl_buf parameter = { 0 }, other = hl_buf(256);
	struct hl_bytes all;
	uint64_t key;

	begin(34);
	key = make_aes();
	put_parameter(&parameter, IV, 128);
	all = hl_buf_view(&parameter);
	for (size_t n = 0; n < all.n; n++)
		CU_ASSERT_EQUAL(tries_to_encrypt(key, hl_bytes(all.p, n)), HL_E_PARAMETER);
	CU_ASSERT_EQUAL(tries_to_encrypt(key, all), HL_OK);
	hl_buf_u8(&parameter, 0);
	CU_ASSERT_EQUAL(tries_to_encrypt(key, hl_buf_view(&parameter)), HL_E_PARAMETER);
	hl_body_put(&other, &hl_msg_pss_parameter, &pss);
	CU_ASSERT_EQUAL(tries_to_encrypt(key, hl_buf_view(&other)), HL_E_PARAMETER);
	put_parameter(&parameter, hl_text("eleven byte"), 128);
	CU_ASSERT_EQUAL(tries_to_encrypt(key, hl_buf_view(&parameter)), HL_E_PARAMETER);
	put_parameter(&parameter, IV, 88);
	CU_ASSERT_EQUAL(tries_to_encrypt(key, hl_buf_view(&parameter)), HL_E_PARAMETER);
	hl_buf_clear(&parameter);
	hl_buf_clear(&other);
	end();
}

static void a_secret_key_is_not_there_without_login_and_no_pair_encrypts(void)
{
	struct hl_buf parameter = { 0 };
	struct hl_generated pair;
	uint64_t key;

	begin(35);
	key = make_aes();
	put_parameter(&parameter, IV, 128);
	CU_ASSERT_EQUAL_FATAL(story_make_key(c, "pair", &pair), HL_OK);
	CU_ASSERT_EQUAL(
		tries_to_encrypt(pair.public_handle, hl_buf_view(&parameter)), HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(tries_to_decrypt(pair.handle, hl_buf_view(&parameter), IV), HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT_EQUAL(tries_to_encrypt(key, hl_buf_view(&parameter)), HL_E_KEY);
	CU_ASSERT_EQUAL(tries_to_decrypt(key, hl_buf_view(&parameter), IV), HL_E_KEY);
	hl_buf_clear(&parameter);
	end();
}

static void a_mechanism_that_does_not_encrypt_is_refused(void)
{
	struct hl_encrypt request = { .mechanism = HL_CKM_ECDSA, .data = hl_text("data") };
	struct hl_encrypted out;
	struct client_call call;

	begin(36);
	request.key = make_aes();
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_encrypt, &request, &hl_msg_encrypted, &out, &call),
		HL_E_MECHANISM);
	hl_buf_clear(&call.frame);
	request.mechanism = 0x7fffffff;
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_encrypt, &request, &hl_msg_encrypted, &out, &call),
		HL_E_MECHANISM);
	hl_buf_clear(&call.frame);
	end();
}

static CU_TestInfo tests[] = {
	{ "an IV that is left out is made, and told", an_iv_that_is_left_out_is_made_and_told },
	{ "an IV that is given is used and not repeated",
		an_iv_that_is_given_is_used_and_not_repeated },
	{ "the largest data goes there and back", the_largest_data_goes_there_and_back },
	{ "a parameter that is cut, too long or of another mechanism is refused",
		a_parameter_that_is_cut_too_long_or_of_another_mechanism_is_refused },
	{ "a secret key is not there without login, and no pair encrypts",
		a_secret_key_is_not_there_without_login_and_no_pair_encrypts },
	{ "a mechanism that does not encrypt is refused",
		a_mechanism_that_does_not_encrypt_is_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("ciphers in the simulator", tests)
