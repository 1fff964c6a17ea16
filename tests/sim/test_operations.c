/* What the HSM does inside the channel, seen by clients of the simulated world. */
#include "hsm/rooms.h"
#include "tests/sim/story.h"
#include "tests/support/test.h"

static struct world *w;
static struct world_client *c;

static void begin(uint64_t seed)
{
	CU_ASSERT_EQUAL_FATAL(world_new(seed, 3, 2, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

static struct hl_bytes pin(void)
{
	return hl_secret_view(&w->user.pin);
}

static void private_objects_are_for_who_has_logged_in(void)
{
	struct hl_generated key;
	size_t n;

	begin(1);
	CU_ASSERT_EQUAL(story_make_key(c, "mine", &key), HL_E_LOGIN);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "mine", &key), HL_OK);
	CU_ASSERT_EQUAL(story_count(c, "mine", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT_EQUAL(story_count(c, "mine", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 1); /* the public key */
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_E_KEY);
	CU_ASSERT_EQUAL(story_destroy(c, key.handle), HL_E_KEY); /* nor is it told that it is there */
	end();
}

static void all_members_of_the_cluster_have_the_same_keys(void)
{
	struct hl_generated key;
	char first[HL_NAME_TEXT + 1];
	bool other = false;

	begin(2);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "shared", &key), HL_OK);
	memcpy(first, client_hsm(c->core), sizeof first);
	for (int i = 0; i < 20 && !other; i++) {
		story_close(c);
		CU_ASSERT_EQUAL(world_open(c), HL_OK);
		other = strcmp(first, client_hsm(c->core)) != 0;
	}
	CU_ASSERT(other);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	end();
}

/* A key that one member has parsed and another destroys is gone at both. */
static void a_destroyed_key_is_gone_at_every_member(void)
{
	struct world_client *d;
	struct hl_generated key;
	size_t n;

	begin(3);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &d), HL_OK);
	CU_ASSERT_EQUAL(world_open(d), HL_OK);
	for (int i = 0; i < 20 && strcmp(client_hsm(c->core), client_hsm(d->core)) == 0; i++) {
		story_close(d);
		CU_ASSERT_EQUAL(world_open(d), HL_OK);
	}
	CU_ASSERT_STRING_NOT_EQUAL(client_hsm(c->core), client_hsm(d->core));
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_log_in(d, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "doomed", &key), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(d, &key), HL_OK);
	CU_ASSERT_EQUAL(story_destroy(c, key.handle), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(d, &key), HL_E_KEY);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_E_KEY);
	CU_ASSERT_EQUAL(story_destroy(c, key.handle), HL_E_KEY);
	CU_ASSERT_EQUAL(story_count(c, "doomed", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 1);
	end();
}

static void keys_of_another_partition_are_not_there(void)
{
	struct world_client *other;
	struct hl_generated key;
	size_t n;

	begin(4);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "acme's", &key), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_provision(w, "globex", "globexservice", "GLOBEXPART", NULL), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &other), HL_OK);
	CU_ASSERT_EQUAL(world_open(other), HL_OK);
	CU_ASSERT_EQUAL(story_log_in(other, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_sign_and_verify(other, &key), HL_E_KEY);
	CU_ASSERT_EQUAL(story_destroy(other, key.handle), HL_E_KEY);
	CU_ASSERT_EQUAL(story_count(other, "acme's", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	end();
}

static void the_pin_locks_after_100_wrong_ones_and_opens_after_its_time(void)
{
	begin(5);
	for (int i = 0; i < 99; i++)
		CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_PIN);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK); /* a right one starts the count anew */
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_PIN);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_E_PIN_LOCKED);
	CU_ASSERT_EQUAL(story_ping(c), HL_OK); /* the channel itself goes on */
	sim_wall_advance(w->sim, 299000);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_E_PIN_LOCKED);
	sim_wall_advance(w->sim, 2000);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	end();
}

static hl_err get(uint64_t handle, uint32_t type, uint8_t *form, size_t *length)
{
	struct hl_attribute_type want = { type };
	struct hl_attributes_get request = { .handle = handle, .types = { .items = &want, .count = 1 } };
	struct client_call call;
	struct hl_attributes got;
	struct hl_attribute one;
	hl_err err = world_call(c, &hl_msg_attributes_get, &request, &hl_msg_attributes, &got, &call);

	if (err == HL_OK && hl_list_next(&hl_msg_attribute, &got.attributes.raw, &one)) {
		*form = one.form;
		*length = one.value.n;
	}
	hl_buf_clear(&call.frame);
	return err;
}

static void the_value_of_a_private_key_is_never_shown(void)
{
	struct hl_generated key;
	uint8_t form = 99;
	size_t n = 0;

	begin(6);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "k", &key), HL_OK);
	CU_ASSERT_EQUAL(get(key.handle, HL_CKA_VALUE, &form, &n), HL_OK);
	CU_ASSERT_EQUAL(form, HL_FORM_UNAVAILABLE);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(get(key.public_handle, HL_CKA_PUBLIC_KEY_INFO, &form, &n), HL_OK);
	CU_ASSERT_EQUAL(form, HL_FORM_BYTES);
	CU_ASSERT_EQUAL(n, 91); /* SPKI of a P-256 key */
	end();
}

static void a_label_can_be_changed_and_a_class_cannot(void)
{
	struct hl_attribute label = { HL_CKA_LABEL, HL_FORM_BYTES, hl_text("new") };
	uint8_t three[8] = { [7] = HL_CKO_SECRET_KEY };
	struct hl_attribute class = { HL_CKA_CLASS, HL_FORM_NUMBER, { three, sizeof three } };
	struct hl_attributes_set request = { 0 };
	struct hl_generated key;
	struct client_call call;
	struct hl_done done;
	size_t n;

	begin(7);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "old", &key), HL_OK);
	request.handle = key.handle;
	request.attributes = (struct hl_list){ .items = &label, .count = 1 };
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_attributes_set, &request, &hl_msg_done, &done, &call), HL_OK);
	hl_buf_clear(&call.frame);
	CU_ASSERT_EQUAL(story_count(c, "new", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK);
	request.attributes.items = &class;
	CU_ASSERT_EQUAL(
		world_call(c, &hl_msg_attributes_set, &request, &hl_msg_done, &done, &call), HL_E_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_STRING_EQUAL(call.failure.detail, "CKA_CLASS");
	hl_buf_clear(&call.frame);
	end();
}

static void random_bytes_come_as_many_as_asked_for(void)
{
	struct hl_random request = { .length = 65536 };
	struct hl_random_answer answer;
	struct client_call call;

	begin(8);
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_random, &request, &hl_msg_random_answer, &answer, &call), HL_OK);
	CU_ASSERT_EQUAL(answer.bytes.n, 65536);
	hl_buf_clear(&call.frame);
	end();
}

static bool answered(void *at)
{
	const struct client_call *calls = at;

	return calls[0].done && calls[1].done && calls[2].done;
}

/* A slow RSA key on its way does not hold up who comes after it: answers come in any order. */
static void answers_come_in_any_order(void)
{
	uint8_t bits[8] = { [6] = 0x08 };
	struct hl_attribute theirs = { HL_CKA_MODULUS_BITS, HL_FORM_NUMBER, { bits, sizeof bits } };
	struct hl_generate slow = {
		.mechanism = HL_CKM_RSA_PKCS_KEY_PAIR_GEN,
		.public_template = { .items = &theirs, .count = 1 },
	};
	struct hl_ping ping = { 0 };
	struct client_call call[3] = {
		{ .msg = &hl_msg_generate, .body = &slow, .expect = &hl_msg_generated },
		{ .msg = &hl_msg_ping, .body = &ping, .expect = &hl_msg_pong },
		{ .msg = &hl_msg_ping, .body = &ping, .expect = &hl_msg_pong },
	};

	begin(9);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	for (int i = 0; i < 3; i++) {
		call[i].deadline_us = hl_mono_us(sim_env(c->node)) + 60000000;
		client_submit(c->core, &call[i]);
	}
	sim_pump(c->node);
	while (!call[1].done || !call[2].done)
		sim_step(w->sim);
	CU_ASSERT(!call[0].done);
	CU_ASSERT(sim_run(w->sim, answered, call, 60000000));
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(call[i].err, HL_OK);
		hl_buf_clear(&call[i].frame);
	}
	end();
}

#define BIG_CALLS 96

static bool all_answered(void *at)
{
	const struct client_call *calls = at;

	for (size_t i = 0; i < BIG_CALLS; i++)
		if (!calls[i].done)
			return false;
	return true;
}

/* 6 MiB of answers asked for at once: more than the HSM keeps for a client, so it stops and goes on. */
static void more_answers_than_there_is_room_for_all_come(void)
{
	static struct client_call call[BIG_CALLS];
	struct hl_random request = { .length = 65536 };

	begin(11);
	for (size_t i = 0; i < BIG_CALLS; i++) {
		call[i] = (struct client_call){
			.msg = &hl_msg_random,
			.body = &request,
			.expect = &hl_msg_random_answer,
			.deadline_us = hl_mono_us(sim_env(c->node)) + 60000000,
		};
		client_submit(c->core, &call[i]);
	}
	sim_pump(c->node);
	CU_ASSERT(sim_run(w->sim, all_answered, call, 60000000));
	for (size_t i = 0; i < BIG_CALLS; i++) {
		CU_ASSERT_EQUAL(call[i].err, HL_OK);
		hl_buf_clear(&call[i].frame);
	}
	end();
}

#define MANY 20

static unsigned chunks; /* from the HSM */

static void count_chunks(void *at, const char *from, const char *to, struct hl_bytes bytes)
{
	(void)at, (void)to, (void)bytes;
	chunks += strncmp(from, "hsm", 3) == 0;
}

static void ask_at_once(struct world_client *by, struct client_call *call, size_t n)
{
	static struct hl_ping ping;

	for (size_t i = 0; i < n; i++) {
		call[i] = (struct client_call){ .msg = &hl_msg_ping,
			.body = &ping,
			.expect = &hl_msg_pong,
			.deadline_us = hl_mono_us(sim_env(by->node)) + 60000000 };
		client_submit(by->core, &call[i]);
	}
	sim_pump(by->node);
}

static void await_all(const struct client_call *call, size_t n)
{
	for (size_t i = 0; i < n; i++)
		while (!call[i].done && sim_step(w->sim))
			;
}

static void clear_all(struct client_call *call, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(call[i].err, HL_OK);
		hl_buf_clear(&call[i].frame);
	}
}

/* Its first answers are on their way, and others have had their turn, before its last request is looked at. */
static void who_asks_for_much_at_once_is_answered_bit_by_bit(void)
{
	struct client_call call[MANY], one[1];
	struct world_client *other;

	CU_ASSERT_EQUAL_FATAL(world_new(13, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &other), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(other), HL_OK);
	sim_tap_set(w->sim, count_chunks, NULL);
	chunks = 0;
	ask_at_once(c, call, MANY);
	await_all(call, MANY);
	CU_ASSERT_EQUAL(chunks, 1); /* what takes no time */
	clear_all(call, MANY);
	sim_tick(w->sim, 10);
	chunks = 0;
	ask_at_once(c, call, MANY);
	ask_at_once(other, one, 1);
	await_all(one, 1);
	CU_ASSERT(call[0].done && !call[MANY - 1].done);
	await_all(call, MANY);
	CU_ASSERT(chunks > MANY / 4);
	clear_all(call, MANY);
	clear_all(one, 1);
	end();
}

/* The open port of a core with the highest number from `first` on. */
static struct hl_port *last_port(const struct hl_core_ops *ops, void *core, uint32_t first, uint32_t *number)
{
	struct hl_port *last = NULL;

	for (uint32_t n = first; n < first + 1000; n++) {
		struct hl_port *p = ops->port(core, n);

		if (p) {
			last = p;
			*number = n;
		}
	}
	return last;
}

/* A shell by hand: as much as there is room for, and a word where something came, or where much has gone. */
static bool carry(const struct hl_core_ops *ops, void *core, uint32_t number, const struct hl_core_ops *to_ops,
	void *to_core, uint32_t to_number)
{
	struct hl_port *from = ops->port(core, number), *to = to_ops->port(to_core, to_number);
	bool much = from->out.n >= from->out.max / 2;
	struct hl_bytes b = hl_buf_view(&from->out);

	b.n = b.n < to->in.max - to->in.n ? b.n : to->in.max - to->in.n;
	if (b.n == 0)
		return false;
	hl_buf_put(&to->in, b);
	hl_buf_eat(&from->out, b.n);
	to_ops->event(to_core, &(struct hl_event){ .kind = HL_EV_BYTES, .port = to_number });
	if (much && from->out.n == 0)
		ops->event(core, &(struct hl_event){ .kind = HL_EV_ROOM, .port = number });
	return true;
}

static void hand_over(struct hl_port *to, uint32_t port, struct hl_buf *from, size_t n)
{
	hl_buf_put(&to->in, hl_bytes(from->base + from->off, n));
	hl_buf_eat(from, n);
	sim_enter(w->hsm[0].node);
	hsm_core.event(w->hsm[0].core, &(struct hl_event){ .kind = HL_EV_BYTES, .port = port });
	sim_pump(w->hsm[0].node);
}

/* A client may fall silent wherever it likes: the HSM then keeps what came, and no room for what may come. */
static void who_falls_asleep_in_mid_frame_holds_what_came_and_no_more(void)
{
	static const struct hl_random request = { .length = 32 };
	struct client_call call = { .msg = &hl_msg_random, .body = &request, .expect = &hl_msg_random_answer };
	struct hl_port *hsm, *mine;
	uint32_t port = 0, my_port = 0;

	CU_ASSERT_EQUAL_FATAL(world_new(19, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	mine = last_port(&client_core, c->core, HL_PORT_DIALLED, &my_port);
	hsm = last_port(&hsm_core, w->hsm[0].core, 1, &port);
	CU_ASSERT_FATAL(mine && hsm);
	sim_enter(c->node);
	client_submit(c->core, &call);
	for (size_t n = 1; mine->out.n > 20; n++) {
		hand_over(hsm, port, &mine->out, n);
		story_pass(w, 100000);
		CU_ASSERT_PTR_NOT_NULL(w->hsm[0].core->awake);
		story_pass(w, 2000000);
		CU_ASSERT_PTR_NULL(w->hsm[0].core->awake);
		CU_ASSERT_EQUAL(hsm->in.n, n * (n + 1) / 2);
		CU_ASSERT_EQUAL(hsm->in.cap, hsm->in.n);
		CU_ASSERT_EQUAL(hsm->out.cap, 0);
	}
	hand_over(hsm, port, &mine->out, mine->out.n);
	story_pass(w, 1000000);
	CU_ASSERT(call.done && call.err == HL_OK);
	CU_ASSERT_EQUAL(hsm->in.n, 0);
	hl_buf_clear(&call.frame);
	world_free(w);
}

#define LONG_RANDOMS 33
#define LONG_SIGNS 11
#define LONG_CALLS (LONG_RANDOMS + LONG_SIGNS)

static void submit_long_ones(struct client_call *call)
{
	static const uint8_t data[500000];
	static const struct hl_random request = { .length = 65536 };
	static const struct hl_sign sign = { .key = 1, .data = { data, sizeof data } };

	for (size_t i = 0; i < LONG_CALLS; i++) {
		bool random = i < LONG_RANDOMS;

		call[i] = (struct client_call){
			.msg = random ? &hl_msg_random : &hl_msg_sign,
			.body = random ? (const void *)&request : &sign,
			.expect = random ? &hl_msg_random_answer : &hl_msg_signed,
		};
		client_submit(c->core, &call[i]);
	}
}

/* A client that reads nothing sends over 5 MiB: more than waits decrypted at the HSM, so some waits encrypted.
 * Then it reads all, and nothing that comes later reminds the HSM of what waits. */
static void more_requests_than_there_is_room_for_are_all_answered(void)
{
	static struct client_call call[LONG_CALLS];
	uint32_t mine = 0, theirs = 0;
	struct hl_port *hsm;

	CU_ASSERT_EQUAL_FATAL(world_new(12, 1, 1, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_open(c), HL_OK);
	CU_ASSERT_FATAL(last_port(&client_core, c->core, HL_PORT_DIALLED, &mine) != NULL);
	hsm = last_port(&hsm_core, w->hsm[0].core, 1, &theirs);
	CU_ASSERT_PTR_NOT_NULL_FATAL(hsm);
	submit_long_ones(call);
	while (carry(&client_core, c->core, mine, &hsm_core, w->hsm[0].core, theirs))
		;
	CU_ASSERT(hsm->in.n > 0);
	do
		while (carry(&hsm_core, w->hsm[0].core, theirs, &client_core, c->core, mine))
			;
	while (carry(&client_core, c->core, mine, &hsm_core, w->hsm[0].core, theirs));
	CU_ASSERT_EQUAL(hsm->in.n, 0);
	for (size_t i = 0; i < LONG_CALLS; i++) {
		CU_ASSERT(call[i].done);
		CU_ASSERT_EQUAL(call[i].err, i < LONG_RANDOMS ? HL_OK : HL_E_KEY);
		hl_buf_clear(&call[i].frame);
	}
	end();
}

/* 64 times a label of 60,000 bytes is more than a frame holds. */
static void an_answer_that_is_too_long_is_refused_and_the_channel_lives(void)
{
	static char label[60001];
	struct hl_attribute_type want[64];
	struct hl_attributes_get request = { .types = { .items = want, .count = HL_COUNT(want) } };
	struct hl_generated key;
	struct hl_attributes got;
	struct client_call call;

	begin(13);
	memset(label, 'l', sizeof label - 1);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, label, &key), HL_OK);
	request.handle = key.handle;
	for (size_t i = 0; i < HL_COUNT(want); i++)
		want[i].type = HL_CKA_LABEL;
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_attributes_get, &request, &hl_msg_attributes, &got, &call),
		HL_E_TOO_LONG);
	hl_buf_clear(&call.frame);
	CU_ASSERT_EQUAL(story_sign_and_verify(c, &key), HL_OK); /* still logged in */
	end();
}

/* The client sends it again by itself. */
static void a_cut_after_the_commit_leaves_one_key(void)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };
	struct hl_generated key;
	size_t n;

	begin(10);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	for (size_t i = 0; i < w->hsms; i++)
		sim_fault(w->hsm[i].node, HL_AT_HSM_COMMITTED, &cut, 0, 1);
	CU_ASSERT_EQUAL(story_make_key(c, "maybe", &key), HL_OK);
	CU_ASSERT_EQUAL(story_count(c, "maybe", &n), HL_OK);
	CU_ASSERT_EQUAL(n, 2); /* the pair: it happened, once */
	end();
}

/* Providers list what they were told: each mechanism once, with a use, and none that is not there. */
static void the_hsm_tells_what_it_can_do(void)
{
	struct hl_mechanisms request = { 0 };
	struct hl_mechanisms_answer answer;
	struct client_call call;
	struct hl_mechanism m;
	struct hl_bytes at;
	size_t offered, n = 0;
	const struct hsm_mechanism *row = hsm_mechanisms(&offered);

	begin(14);
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_mechanisms, &request, &hl_msg_mechanisms_answer, &answer, &call), HL_OK);
	for (at = answer.mechanisms.raw; hl_list_next(&hl_msg_mechanism, &at, &m); n++) {
		CU_ASSERT(n < offered && m.number == row[n].number && m.min == row[n].min && m.max == row[n].max);
		CU_ASSERT_EQUAL(!(m.flags & HL_CKF_SIGN), !(row[n].flags & HSM_SIGNS));
		CU_ASSERT_EQUAL(!(m.flags & HL_CKF_DECRYPT), !(row[n].flags & HSM_DECRYPTS));
		CU_ASSERT_EQUAL(!(m.flags & HL_CKF_EC_NAMEDCURVE),
			row[n].key_type != HL_CKK_EC && row[n].key_type != HL_CKK_EC_EDWARDS);
		CU_ASSERT_NOT_EQUAL(m.flags & ~(uint32_t)(HL_CKF_EC_F_P | HL_CKF_EC_NAMEDCURVE | HL_CKF_EC_UNCOMPRESS), 0);
	}
	CU_ASSERT_EQUAL(n, offered);
	hl_buf_clear(&call.frame);
	end();
}

static void expect_pin(uint32_t left, uint8_t failed)
{
	struct hl_info request = { 0 };
	struct hl_info_answer answer;
	struct client_call call;

	CU_ASSERT_EQUAL(world_call(c, &hl_msg_info, &request, &hl_msg_info_answer, &answer, &call), HL_OK);
	CU_ASSERT_EQUAL(answer.pin_left, left);
	CU_ASSERT_EQUAL(answer.pin_failed, failed);
	hl_buf_clear(&call.frame);
}

static void the_pins_that_are_left_are_told(void)
{
	begin(15);
	expect_pin(100, 0);
	CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_PIN);
	expect_pin(99, 1);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	expect_pin(100, 0);
	CU_ASSERT_EQUAL(story_log_in(c, hl_text("wrong")), HL_E_PIN);
	story_pass(w, INT64_C(300) * 1000000); /* the window ends, and what failed in it counts no more */
	expect_pin(100, 0);
	end();
}

static void found_objects_say_whether_they_are_private(void)
{
	struct hl_find request = { .limit = 10 };
	struct hl_generated key;
	struct hl_found found;
	struct client_call call;
	struct hl_handle one;
	struct hl_bytes at;
	size_t n = 0;

	begin(16);
	CU_ASSERT_EQUAL(story_log_in(c, pin()), HL_OK);
	CU_ASSERT_EQUAL(story_make_key(c, "pair", &key), HL_OK);
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_find, &request, &hl_msg_found, &found, &call), HL_OK);
	for (at = found.handles.raw; hl_list_next(&hl_msg_handle, &at, &one); n++)
		CU_ASSERT_EQUAL(one.private, one.handle == key.handle);
	CU_ASSERT_EQUAL(n, 2);
	hl_buf_clear(&call.frame);
	end();
}

static CU_TestInfo tests[] = {
	{ "private objects are for who has logged in", private_objects_are_for_who_has_logged_in },
	{ "all members of the cluster have the same keys", all_members_of_the_cluster_have_the_same_keys },
	{ "a destroyed key is gone at every member", a_destroyed_key_is_gone_at_every_member },
	{ "keys of another partition are not there", keys_of_another_partition_are_not_there },
	{ "the PIN locks after 100 wrong ones and opens after its time", the_pin_locks_after_100_wrong_ones_and_opens_after_its_time },
	{ "the value of a private key is never shown", the_value_of_a_private_key_is_never_shown },
	{ "a label can be changed and a class cannot", a_label_can_be_changed_and_a_class_cannot },
	{ "random bytes come as many as asked for", random_bytes_come_as_many_as_asked_for },
	{ "answers come in any order", answers_come_in_any_order },
	{ "more answers than there is room for all come", more_answers_than_there_is_room_for_all_come },
	{ "more requests than there is room for are all answered", more_requests_than_there_is_room_for_are_all_answered },
	{ "who falls asleep in mid-frame holds what came and no more",
		who_falls_asleep_in_mid_frame_holds_what_came_and_no_more },
	{ "an answer that is too long is refused and the channel lives", an_answer_that_is_too_long_is_refused_and_the_channel_lives },
	{ "a cut after the commit leaves one key", a_cut_after_the_commit_leaves_one_key },
	{ "the HSM tells what it can do", the_hsm_tells_what_it_can_do },
	{ "the PINs that are left are told", the_pins_that_are_left_are_told },
	{ "found objects say whether they are private", found_objects_say_whether_they_are_private },
	{ "who asks for much at once is answered bit by bit", who_asks_for_much_at_once_is_answered_bit_by_bit },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("operations", tests)
