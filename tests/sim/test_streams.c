/* Keys used with data that comes in pieces: what belongs to one link, and ends with it. */
#include "client/link_impl.h"
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/objects.h"
#include "tests/support/test.h"

static struct world *w;
static struct world_client *c;

static void log_in(void)
{
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
}

static void begin(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 2, 2, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	log_in();
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

static const uint32_t crypts[] = { HL_CKA_ENCRYPT, HL_CKA_DECRYPT, 0 }, signs[] = { HL_CKA_SIGN, HL_CKA_VERIFY, 0 };

static uint64_t make_aes_as(const uint32_t *uses, bool stored)
{
	struct template t = { 0 };
	struct hl_generate request = { .mechanism = HL_CKM_AES_KEY_GEN };
	struct hl_generated made = { 0 };
	struct client_call call;

	template_number(&t, HL_CKA_VALUE_LEN, 32);
	template_bool(&t, HL_CKA_TOKEN, stored);
	for (; *uses; uses++)
		template_bool(&t, *uses, true);
	request.template = (struct hl_list){ .items = t.item, .count = t.n };
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_generate, &request, &hl_msg_generated, &made, &call), HL_OK);
	hl_buf_clear(&call.frame);
	return made.handle;
}

static uint64_t make_aes(const uint32_t *uses)
{
	return make_aes_as(uses, true);
}

/* -- one of them --------------------------------------------------------------------------------------------- */

enum way { SIGN, VERIFY, ENCRYPT, DECRYPT };

static hl_err begin_stream(enum way way, uint64_t key, uint32_t mechanism, const struct hl_buf *parameter, uint64_t *id)
{
	struct hl_stream_begin request = { .way = (uint8_t)way, .key = key, .mechanism = mechanism };
	struct hl_stream_begun begun = { 0 };
	struct client_call call;
	hl_err err;

	if (parameter)
		request.parameter = hl_buf_view(parameter);
	err = world_call(c, &hl_msg_stream_begin, &request, &hl_msg_stream_begun, &begun, &call);
	hl_buf_clear(&call.frame);
	*id = begun.stream;
	return err;
}

static hl_err update(uint64_t id, struct hl_bytes data, struct hl_buf *out)
{
	struct hl_stream_update request = { .stream = id, .data = data };
	struct hl_stream_data got;
	struct client_call call;
	hl_err err = world_call(c, &hl_msg_stream_update, &request, &hl_msg_stream_data, &got, &call);

	if (err == HL_OK)
		hl_buf_put(out, got.data);
	hl_buf_clear(&call.frame);
	return err;
}

static hl_err final(uint64_t id, struct hl_bytes signature, struct hl_buf *out)
{
	struct hl_stream_final request = { .stream = id, .signature = signature };
	struct hl_stream_data got;
	struct client_call call;
	hl_err err = world_call(c, &hl_msg_stream_final, &request, &hl_msg_stream_data, &got, &call);

	if (err == HL_OK)
		hl_buf_put(out, got.data);
	hl_buf_clear(&call.frame);
	return err;
}

static void put_iv(struct hl_buf *out)
{
	struct hl_iv_parameter p = { .iv = hl_text("sixteen bytes iv") };

	hl_body_put(out, &hl_msg_iv_parameter, &p);
}

/* -- pieces and the whole --------------------------------------------------------------------------------------- */

#define TEXT hl_text("what is long enough for some blocks, and does not end with one")
#define PIECE 7

static hl_err in_pieces(enum way way, uint64_t key, uint32_t mechanism, const struct hl_buf *parameter,
	struct hl_bytes data, struct hl_bytes signature, struct hl_buf *out)
{
	uint64_t id;

	HL_TRY(begin_stream(way, key, mechanism, parameter, &id));
	for (size_t at = 0; at < data.n; at += PIECE)
		HL_TRY(update(id, hl_bytes(data.p + at, data.n - at < PIECE ? data.n - at : PIECE), out));
	return final(id, signature, out);
}

static void pieces_give_what_the_whole_gives(void)
{
	AUTO_BUF iv = hl_buf(64);
	AUTO_BUF pieces = hl_buf(HL_DATA_MAX);
	AUTO_BUF back = hl_buf(HL_DATA_MAX);
	struct hl_encrypt request = { .mechanism = HL_CKM_AES_CBC_PAD, .data = TEXT };
	struct hl_encrypted whole;
	struct client_call call;

	begin(1);
	put_iv(&iv);
	request.key = make_aes(crypts);
	request.parameter = hl_buf_view(&iv);
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_encrypt, &request, &hl_msg_encrypted, &whole, &call), HL_OK);
	CU_ASSERT_EQUAL(in_pieces(ENCRYPT, request.key, HL_CKM_AES_CBC_PAD, &iv, TEXT, hl_bytes(NULL, 0), &pieces), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&pieces), whole.data));
	CU_ASSERT_EQUAL(in_pieces(DECRYPT, request.key, HL_CKM_AES_CBC_PAD, &iv, whole.data, hl_bytes(NULL, 0), &back), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&back), TEXT));
	hl_buf_clear(&call.frame);
	end();
}

static void a_mac_in_pieces_is_made_and_compared(void)
{
	AUTO_BUF mac = hl_buf(64);
	AUTO_BUF none = hl_buf(64);
	uint64_t key;

	begin(2);
	key = make_aes(signs);
	CU_ASSERT_EQUAL(in_pieces(SIGN, key, HL_CKM_AES_CMAC, NULL, TEXT, hl_bytes(NULL, 0), &mac), HL_OK);
	CU_ASSERT_EQUAL(mac.n, 16);
	CU_ASSERT_EQUAL(in_pieces(VERIFY, key, HL_CKM_AES_CMAC, NULL, TEXT, hl_buf_view(&mac), &none), HL_OK);
	CU_ASSERT_EQUAL(in_pieces(VERIFY, key, HL_CKM_AES_CMAC, NULL, hl_text("other"), hl_buf_view(&mac), &none),
		HL_E_SIGNATURE);
	CU_ASSERT_EQUAL(none.n, 0);
	end();
}

static hl_err make_rsa(uint64_t bits, struct hl_generated *made)
{
	struct template mine = { 0 }, theirs = { 0 };
	struct hl_generate request = { .mechanism = HL_CKM_RSA_PKCS_KEY_PAIR_GEN };
	struct client_call call;
	hl_err err;

	template_bool(&mine, HL_CKA_SIGN, true);
	template_number(&theirs, HL_CKA_MODULUS_BITS, bits);
	template_bool(&theirs, HL_CKA_VERIFY, true);
	request.template = (struct hl_list){ .items = mine.item, .count = mine.n };
	request.public_template = (struct hl_list){ .items = theirs.item, .count = theirs.n };
	err = world_call(c, &hl_msg_generate, &request, &hl_msg_generated, made, &call);
	hl_buf_clear(&call.frame);
	return err;
}

/* Its end is made in a lane; in the meantime the stream is nobody's. */
static void a_slow_signature_ends_in_a_lane(void)
{
	AUTO_BUF signature = hl_buf(1024);
	AUTO_BUF none = hl_buf(64);
	struct hl_generated key;

	begin(3);
	CU_ASSERT_EQUAL_FATAL(make_rsa(3072, &key), HL_OK);
	CU_ASSERT_EQUAL(
		in_pieces(SIGN, key.handle, HL_CKM_SHA256_RSA_PKCS, NULL, TEXT, hl_bytes(NULL, 0), &signature), HL_OK);
	CU_ASSERT_EQUAL(signature.n, 384);
	CU_ASSERT_EQUAL(in_pieces(VERIFY, key.public_handle, HL_CKM_SHA256_RSA_PKCS, NULL, TEXT,
				hl_buf_view(&signature), &none),
		HL_OK);
	end();
}

/* -- ends -------------------------------------------------------------------------------------------------------- */

static void a_piece_that_is_refused_ends_it(void)
{
	AUTO_BUF iv = hl_buf(64);
	AUTO_BUF out = hl_buf(HL_DATA_MAX);
	uint64_t key, id;

	begin(4);
	put_iv(&iv);
	key = make_aes(crypts);
	CU_ASSERT_EQUAL(begin_stream(ENCRYPT, key, HL_CKM_AES_CBC, &iv, &id), HL_OK);
	CU_ASSERT_EQUAL(update(id, hl_text("not a block"), &out), HL_OK);
	CU_ASSERT_EQUAL(final(id, hl_bytes(NULL, 0), &out), HL_E_DATA_LENGTH);
	CU_ASSERT_EQUAL(final(id, hl_bytes(NULL, 0), &out), HL_E_STREAM);
	CU_ASSERT_EQUAL(update(id, hl_text("more"), &out), HL_E_STREAM);
	CU_ASSERT_EQUAL(update(4711, hl_text("more"), &out), HL_E_STREAM);
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &id), HL_E_KEY_USE);
	end();
}

static void it_ends_with_the_login_and_with_its_key(void)
{
	AUTO_BUF out = hl_buf(64);
	struct hl_logout logout = { 0 };
	struct client_call call;
	struct hl_done done;
	uint64_t key, one, two;

	begin(5);
	key = make_aes(signs);
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &one), HL_OK);
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &two), HL_OK);
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_logout, &logout, &hl_msg_done, &done, &call), HL_OK);
	hl_buf_clear(&call.frame);
	CU_ASSERT_EQUAL(update(one, TEXT, &out), HL_E_STREAM);
	CU_ASSERT_EQUAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
	CU_ASSERT_EQUAL(update(two, TEXT, &out), HL_E_STREAM);
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &two), HL_OK);
	CU_ASSERT_EQUAL(story_destroy(c, key), HL_OK);
	CU_ASSERT_EQUAL(final(two, hl_bytes(NULL, 0), &out), HL_E_KEY);
	CU_ASSERT_EQUAL(out.n, 0);
	end();
}

/* -- session keys -------------------------------------------------------------------------------------------------- */

static void forget_all(void)
{
	for (size_t i = 0; i < w->hsms; i++)
		hsm_keys_clear(w->hsm[i].core);
}

/* A member keeps so many session objects, and whoever comes puts out another one: the stream holds what it needs. */
static void one_with_a_session_key_outlives_its_place_in_memory(void)
{
	AUTO_BUF mac = hl_buf(64);
	AUTO_BUF whole = hl_buf(64);
	uint64_t key, id;

	begin(11);
	key = make_aes_as(signs, false);
	CU_ASSERT_FATAL(hsm_is_kept(key));
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &id), HL_OK);
	for (size_t at = 0; at < TEXT.n; at += PIECE) {
		forget_all();
		CU_ASSERT_EQUAL(update(id, hl_bytes(TEXT.p + at, TEXT.n - at < PIECE ? TEXT.n - at : PIECE), &mac), HL_OK);
	}
	forget_all();
	CU_ASSERT_EQUAL(final(id, hl_bytes(NULL, 0), &mac), HL_OK);
	CU_ASSERT_EQUAL(mac.n, 16);
	CU_ASSERT_EQUAL(in_pieces(SIGN, key, HL_CKM_AES_CMAC, NULL, TEXT, hl_bytes(NULL, 0), &whole), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_buf_view(&mac), hl_buf_view(&whole)));
	end();
}

enum revoked { TOKEN, PIN, SECRET, REVOKED };

/* One number of the partition's row, and the epoch, as the commit that changes it has it. */
static void revoke(enum revoked what)
{
	struct hsm *h = w->hsm[0].core;
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	struct hsm_change change = { .raises = true };
	struct hsm_partition p;

	CU_ASSERT_EQUAL_FATAL(hsm_partition_load(h, hl_text("ACMEPARTONE"), &p), HL_OK);
	++*(what == TOKEN ? &p.row.blob_epoch : what == PIN ? &p.row.pin_generation : &p.row.secret_generation);
	CU_ASSERT_EQUAL(hsm_change_partition(h, &change, &p), HL_OK);
	CU_ASSERT_EQUAL(hsm_epoch_record(h, &change), HL_OK);
	change.commit.put = change.put;
	store.ops->prepare(store.at, &change.commit);
	change.commit.job.run(&change.commit.job);
	CU_ASSERT_EQUAL(change.commit.result, HL_OK);
	hsm_epoch_committed(h, &change);
	hsm_change_reset(&change);
	hsm_partition_clear(&p);
}

static void one_with_a_session_key_ends_when_that_is_revoked(void)
{
	AUTO_BUF out = hl_buf(64);
	uint64_t key, id;

	begin(12);
	for (enum revoked what = TOKEN; what < REVOKED; what++) {
		key = make_aes_as(signs, false);
		CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &id), HL_OK);
		forget_all();
		CU_ASSERT_EQUAL(update(id, TEXT, &out), HL_OK);
		revoke(what);
		CU_ASSERT_EQUAL(final(id, hl_bytes(NULL, 0), &out), HL_E_KEY);
		CU_ASSERT_EQUAL(final(id, hl_bytes(NULL, 0), &out), HL_E_STREAM);
	}
	CU_ASSERT_EQUAL(out.n, 0);
	end();
}

static void one_with_a_session_key_ends_with_the_login_and_with_the_key(void)
{
	AUTO_BUF out = hl_buf(64);
	uint64_t key, one, two;

	begin(13);
	key = make_aes_as(signs, false);
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &one), HL_OK);
	CU_ASSERT_EQUAL(story_destroy(c, key), HL_OK);
	CU_ASSERT_EQUAL(update(one, TEXT, &out), HL_E_STREAM);
	key = make_aes_as(signs, false);
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &one), HL_OK);
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &two), HL_OK);
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT_EQUAL(update(one, TEXT, &out), HL_E_STREAM);
	CU_ASSERT_EQUAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
	CU_ASSERT_EQUAL(update(two, TEXT, &out), HL_E_STREAM);
	CU_ASSERT_EQUAL(out.n, 0);
	end();
}

/* -- other links --------------------------------------------------------------------------------------------------- */

static void cut_at_requests(unsigned times)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };

	for (size_t i = 0; i < w->hsms; i++)
		sim_fault(w->hsm[i].node, HL_AT_HSM_REQUEST, &cut, 0, times);
}

/* The client tells the loss at once, and does not open a link to carry what no link can carry. */
static void a_piece_is_never_sent_over_another_link(void)
{
	AUTO_BUF out = hl_buf(64);
	struct hl_stream_update request = { .data = TEXT };
	struct client_call call = { .msg = &hl_msg_stream_update, .body = &request, .expect = &hl_msg_stream_data };
	struct hl_stream_data got;
	uint64_t key;

	begin(6);
	key = make_aes(signs);
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &request.stream), HL_OK);
	cut_at_requests(1);
	CU_ASSERT_EQUAL(story_send(c, &call, &got), HL_E_STREAM);
	CU_ASSERT_STRING_NOT_EQUAL(call.failure.detail, "");
	CU_ASSERT_EQUAL(call.losses, 0);
	cut_at_requests(0);
	story_pass(w, 5000000);
	CU_ASSERT_FALSE(client_is_open(c->core));
	CU_ASSERT_EQUAL(story_send(c, &call, &got), HL_E_STREAM);
	CU_ASSERT_FALSE(client_is_open(c->core));
	log_in();
	CU_ASSERT_EQUAL(update(request.stream, TEXT, &out), HL_E_STREAM);
	hl_buf_clear(&call.frame);
	end();
}

/* What begins one has no state yet: it goes on over another link like any request. */
static void a_beginning_goes_on_over_another_link(void)
{
	AUTO_BUF out = hl_buf(64);
	struct hl_generated pair;
	uint64_t id;

	begin(7);
	CU_ASSERT_EQUAL(story_make_key(c, "public half", &pair), HL_OK);
	cut_at_requests(1);
	CU_ASSERT_EQUAL(begin_stream(VERIFY, pair.public_handle, HL_CKM_ECDSA_SHA256, NULL, &id), HL_OK);
	cut_at_requests(0);
	CU_ASSERT_EQUAL(update(id, TEXT, &out), HL_OK);
	CU_ASSERT_EQUAL(final(id, hl_bytes((const uint8_t[64]){ 1 }, 64), &out), HL_E_SIGNATURE);
	end();
}

/* -- bounds ------------------------------------------------------------------------------------------------------ */

static void a_connection_has_so_many_and_no_more(void)
{
	AUTO_BUF out = hl_buf(64);
	uint64_t key, first = 0, id;

	begin(8);
	key = make_aes(signs);
	for (unsigned i = 0; i < HSM_STREAMS_MAX; i++) {
		CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &id), HL_OK);
		first = i == 0 ? id : first;
	}
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &id), HL_E_FULL);
	CU_ASSERT_EQUAL(final(first, hl_bytes(NULL, 0), &out), HL_OK);
	CU_ASSERT_EQUAL(begin_stream(SIGN, key, HL_CKM_AES_CMAC, NULL, &id), HL_OK);
	end();
}

/* Nothing of it may be seen before its tag was checked, so all of it is kept, and that has an end. */
static void what_is_kept_back_is_bounded(void)
{
	static const uint8_t zeros[HL_DATA_MAX];
	const unsigned most = HSM_STREAMS_KEPT_MAX / HL_DATA_MAX;
	struct hl_gcm_parameter gcm = { .iv = hl_text("twelve bytes"), .tag_bits = 128 };
	AUTO_BUF parameter = hl_buf(HL_PARAMETER_MAX);
	AUTO_BUF out = hl_buf(64);
	uint64_t key, id;

	begin(9);
	key = make_aes(crypts);
	hl_body_put(&parameter, &hl_msg_gcm_parameter, &gcm);
	for (unsigned i = 0; i <= most; i++) {
		CU_ASSERT_EQUAL(begin_stream(DECRYPT, key, HL_CKM_AES_GCM, &parameter, &id), HL_OK);
		CU_ASSERT_EQUAL(update(id, hl_bytes(zeros, sizeof zeros), &out), i < most ? HL_OK : HL_E_FULL);
	}
	CU_ASSERT_EQUAL(out.n, 0);
	end();
}

static void submit(struct client_call *call)
{
	call->deadline_us = hl_mono_us(sim_env(c->node)) + 30000000;
	sim_enter(c->node);
	client_submit(c->core, call);
	sim_pump(c->node);
}

static hl_err outcome(struct client_call *call)
{
	if (!call->done)
		story_pass(w, 5000000);
	hl_buf_clear(&call->frame);
	return call->done ? call->err : HL_E_TIMEOUT;
}

/* Two ends are made in the lane, and both hold all that was kept back for them: before they are done there is no room for
 * a third. */
static void what_is_ending_still_counts(void)
{
	static const uint8_t zeros[HL_DATA_MAX];
	const unsigned each = HSM_STREAMS_KEPT_MAX / HL_DATA_MAX / 2;
	struct hl_gcm_parameter gcm = { .iv = hl_text("twelve bytes"), .tag_bits = 128 };
	struct hl_stream_final last[2] = { { 0 } };
	struct hl_stream_update more = { .data = { zeros, sizeof zeros } };
	struct client_call ends[2], call = { .msg = &hl_msg_stream_update, .body = &more, .expect = &hl_msg_stream_data };
	AUTO_BUF parameter = hl_buf(HL_PARAMETER_MAX);
	AUTO_BUF out = hl_buf(64);
	uint64_t key, id;

	begin(14);
	key = make_aes(crypts);
	hl_body_put(&parameter, &hl_msg_gcm_parameter, &gcm);
	CU_ASSERT_EQUAL(begin_stream(DECRYPT, key, HL_CKM_AES_GCM, &parameter, &more.stream), HL_OK);
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(begin_stream(DECRYPT, key, HL_CKM_AES_GCM, &parameter, &last[i].stream), HL_OK);
		for (unsigned n = 0; n < each; n++)
			CU_ASSERT_EQUAL(update(last[i].stream, hl_bytes(zeros, sizeof zeros), &out), HL_OK);
		ends[i] = (struct client_call){
			.msg = &hl_msg_stream_final, .body = &last[i], .expect = &hl_msg_stream_data
		};
	}
	submit(&ends[0]);
	submit(&ends[1]);
	submit(&call);
	CU_ASSERT_EQUAL(outcome(&call), HL_E_FULL);
	CU_ASSERT_EQUAL(outcome(&ends[0]), HL_E_DECRYPT); /* there was no tag */
	CU_ASSERT_EQUAL(outcome(&ends[1]), HL_E_DECRYPT);
	CU_ASSERT_EQUAL(begin_stream(DECRYPT, key, HL_CKM_AES_GCM, &parameter, &id), HL_OK);
	CU_ASSERT_EQUAL(update(id, hl_bytes(zeros, sizeof zeros), &out), HL_OK);
	end();
}

/* What was kept back comes out when its tag was checked, and more of it than an answer holds. */
static void the_end_of_much_comes_in_pieces(void)
{
	static uint8_t zeros[HL_DATA_MAX];
	struct hl_gcm_parameter gcm = { .iv = hl_text("twelve bytes"), .tag_bits = 128 };
	struct hl_stream_final request = { 0 };
	AUTO_BUF parameter = hl_buf(HL_PARAMETER_MAX);
	AUTO_BUF sealed = hl_buf(HL_BUF_MAX);
	AUTO_BUF none = hl_buf(64);
	size_t n = 0, answers = 0;
	uint64_t key, id;
	bool more = true;

	begin(10);
	key = make_aes(crypts);
	hl_body_put(&parameter, &hl_msg_gcm_parameter, &gcm);
	CU_ASSERT_EQUAL(begin_stream(ENCRYPT, key, HL_CKM_AES_GCM, &parameter, &id), HL_OK);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(update(id, hl_bytes(zeros, sizeof zeros), &sealed), HL_OK);
	CU_ASSERT_EQUAL(final(id, hl_bytes(NULL, 0), &sealed), HL_OK);
	CU_ASSERT_EQUAL(begin_stream(DECRYPT, key, HL_CKM_AES_GCM, &parameter, &id), HL_OK);
	for (size_t at = 0, some; at < sealed.n; at += some) {
		some = sealed.n - at < HL_DATA_MAX ? sealed.n - at : HL_DATA_MAX;
		CU_ASSERT_EQUAL(update(id, hl_bytes(hl_buf_view(&sealed).p + at, some), &none), HL_OK);
	}
	for (request.stream = id; more; answers++) {
		struct client_call call;
		struct hl_stream_data got;

		CU_ASSERT_EQUAL_FATAL(
			world_call(c, &hl_msg_stream_final, &request, &hl_msg_stream_data, &got, &call), HL_OK);
		n += got.data.n;
		more = got.more;
		hl_buf_clear(&call.frame);
		if (answers == 0) /* no more goes in */
			CU_ASSERT(more && got.data.n > HL_DATA_MAX);
	}
	CU_ASSERT(none.n == 0 && n == 3 * sizeof zeros && answers == 3);
	CU_ASSERT_EQUAL(final(id, hl_bytes(NULL, 0), &none), HL_E_STREAM);
	end();
}

static CU_TestInfo tests[] = {
	{ "pieces give what the whole gives", pieces_give_what_the_whole_gives },
	{ "a MAC in pieces is made and compared", a_mac_in_pieces_is_made_and_compared },
	{ "a slow signature ends in a lane", a_slow_signature_ends_in_a_lane },
	{ "a piece that is refused ends it", a_piece_that_is_refused_ends_it },
	{ "it ends with the login and with its key", it_ends_with_the_login_and_with_its_key },
	{ "one with a session key outlives its place in memory", one_with_a_session_key_outlives_its_place_in_memory },
	{ "one with a session key ends when that is revoked", one_with_a_session_key_ends_when_that_is_revoked },
	{ "one with a session key ends with the login, and with the key",
		one_with_a_session_key_ends_with_the_login_and_with_the_key },
	{ "a piece is never sent over another link", a_piece_is_never_sent_over_another_link },
	{ "a beginning goes on over another link", a_beginning_goes_on_over_another_link },
	{ "a connection has so many and no more", a_connection_has_so_many_and_no_more },
	{ "what is kept back is bounded", what_is_kept_back_is_bounded },
	{ "what is ending still counts", what_is_ending_still_counts },
	{ "the end of much comes in pieces", the_end_of_much_comes_in_pieces },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("streams", tests)
