/* Objects that come from outside, from one another, or wrapped: over the channel, each of them once. */
#include <stdlib.h>

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

static void begin_as(const struct world_options *o)
{
	CU_ASSERT_EQUAL_FATAL(world_new_as(o, &w), HL_OK);
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &c), HL_OK);
	log_in();
}

static void begin(uint64_t seed)
{
	begin_as(&(struct world_options){ .seed = seed, .proxies = 2, .hsms = 2 });
}

static void end(void)
{
	world_free(w);
	w = NULL;
}

static uint64_t objects(void)
{
	struct hsm_store store = sim_memstore_store(w->hsm_store);
	uint64_t n = 0;

	CU_ASSERT_EQUAL(
		store.ops->count(store.at, HSM_OBJECT, hsm_partition_id(hl_text("ACMEPARTONE")), &n), HL_OK);
	return n;
}

/* -- requests ------------------------------------------------------------------------------------------- */

/* A template from its pieces; the list is valid as long as it is. */
static struct hl_list list_of(struct template *t)
{
	return (struct hl_list){ .items = t->item, .count = t->n };
}

#define AES(value) .class = HL_CKO_SECRET_KEY, .type = HL_CKK_AES, .bytes = { (const uint8_t *)(value), 16 }
struct given {
	uint64_t class, type;
	struct hl_bytes bytes;
	bool open; /* may be read, and be wrapped */
	bool session;
	uint32_t uses[4];
	const char *label;
};

static void describe(struct template *t, const struct given *g)
{
	*t = (struct template){ 0 };
	template_number(t, HL_CKA_CLASS, g->class);
	if (g->class != HL_CKO_DATA)
		template_number(t, HL_CKA_KEY_TYPE, g->type);
	if (g->session)
		template_bool(t, HL_CKA_TOKEN, false);
	if (g->bytes.n > 0)
		template_bytes(t, HL_CKA_VALUE, g->bytes.p, g->bytes.n);
	if (g->class != HL_CKO_DATA) {
		template_bool(t, HL_CKA_SENSITIVE, !g->open);
		template_bool(t, HL_CKA_EXTRACTABLE, g->open);
	}
	for (size_t i = 0; i < HL_COUNT(g->uses) && g->uses[i]; i++)
		template_bool(t, g->uses[i], true);
	if (g->label)
		template_bytes(t, HL_CKA_LABEL, g->label, strlen(g->label));
}

static hl_err create(const struct given *g, uint64_t *handle)
{
	struct template t;
	struct hl_create request;
	struct hl_created made = { 0 };
	struct client_call call;
	hl_err err;

	describe(&t, g);
	request = (struct hl_create){ .template = list_of(&t) };
	err = world_call(c, &hl_msg_create, &request, &hl_msg_created, &made, &call);
	*handle = made.handle;
	hl_buf_clear(&call.frame);
	return err;
}

static hl_err wrap(uint64_t key, uint32_t mechanism, uint64_t target, struct hl_buf *out)
{
	struct hl_wrap request = { .key = key, .mechanism = mechanism, .target = target };
	struct hl_wrapped made;
	struct client_call call;
	hl_err err = world_call(c, &hl_msg_wrap, &request, &hl_msg_wrapped, &made, &call);

	hl_buf_clear(out);
	*out = hl_buf(HL_WRAPPED_MAX);
	if (err == HL_OK)
		hl_buf_put(out, made.wrapped);
	hl_buf_clear(&call.frame);
	return err;
}

/* CMAC of a text: two keys that give the same are the same. */
static hl_err mac(uint64_t key, uint8_t out[16])
{
	struct hl_sign request = { .key = key, .mechanism = HL_CKM_AES_CMAC, .data = hl_text("which key is this") };
	struct hl_signed made;
	struct client_call call;
	hl_err err = world_call(c, &hl_msg_sign, &request, &hl_msg_signed, &made, &call);

	if (err == HL_OK && made.signature.n == 16)
		memcpy(out, made.signature.p, 16);
	hl_buf_clear(&call.frame);
	return err;
}

static bool same_key(uint64_t a, uint64_t b)
{
	uint8_t one[16] = { 1 }, two[16] = { 2 };

	return mac(a, one) == HL_OK && mac(b, two) == HL_OK && memcmp(one, two, 16) == 0;
}

static bool is_true(uint64_t handle, uint32_t type)
{
	struct hl_attribute_type want = { type };
	struct hl_attributes_get request = { .handle = handle, .types = { .items = &want, .count = 1 } };
	struct hl_attribute one = { 0 };
	struct client_call call;
	struct hl_attributes got;
	bool yes = world_call(c, &hl_msg_attributes_get, &request, &hl_msg_attributes, &got, &call) == HL_OK &&
		hl_list_next(&hl_msg_attribute, &got.attributes.raw, &one) && one.form == HL_FORM_BOOL &&
		one.value.n == 1 && one.value.p[0] == 1;

	hl_buf_clear(&call.frame);
	return yes;
}

static const struct given wrapper = { AES("a wrapping key 1"), .uses = { HL_CKA_WRAP }, .label = "wraps" };
static const struct given unwrapper = { AES("a wrapping key 1"), .uses = { HL_CKA_UNWRAP }, .label = "unwraps" };
static const struct given guest = { AES("the key itself.."), .open = true, .uses = { HL_CKA_SIGN }, .label = "guest" };

/* -- created and copied ----------------------------------------------------------------------------------- */

static void a_key_from_outside_is_the_key_it_was(void)
{
	uint64_t first, second, other;
	struct given another = guest;

	begin(1);
	another.bytes = hl_text("another key, too");
	CU_ASSERT_EQUAL(create(&guest, &first), HL_OK);
	CU_ASSERT_EQUAL(create(&guest, &second), HL_OK);
	CU_ASSERT_EQUAL(create(&another, &other), HL_OK);
	CU_ASSERT_NOT_EQUAL(first, second);
	CU_ASSERT(same_key(first, second));
	CU_ASSERT_FALSE(same_key(first, other));
	CU_ASSERT_FALSE(is_true(first, HL_CKA_LOCAL));
	CU_ASSERT_EQUAL(objects(), 3);
	end();
}

static void a_bad_template_names_what_is_wrong_and_makes_nothing(void)
{
	struct given g = guest;
	struct client_call call;
	struct hl_created made;
	struct template t;
	struct hl_create request;

	begin(2);
	g.bytes.n = 5;
	describe(&t, &g);
	request = (struct hl_create){ .template = list_of(&t) };
	CU_ASSERT_NOT_EQUAL(world_call(c, &hl_msg_create, &request, &hl_msg_created, &made, &call), HL_OK);
	CU_ASSERT_STRING_EQUAL(call.failure.detail, "CKA_VALUE");
	hl_buf_clear(&call.frame);
	CU_ASSERT_EQUAL(objects(), 0);
	end();
}

static void objects_are_made_by_who_has_logged_in(void)
{
	uint64_t key, mine, none;
	struct hl_buf blob = { 0 };

	begin(3);
	CU_ASSERT_EQUAL(create(&wrapper, &key), HL_OK);
	CU_ASSERT_EQUAL(create(&guest, &mine), HL_OK);
	story_close(c);
	CU_ASSERT_EQUAL(world_open(c), HL_OK);
	CU_ASSERT_EQUAL(create(&guest, &none), HL_E_LOGIN);
	CU_ASSERT_EQUAL(wrap(key, HL_CKM_AES_KEY_WRAP, mine, &blob), HL_E_KEY);
	CU_ASSERT_EQUAL(objects(), 2);
	hl_buf_clear(&blob);
	end();
}

static hl_err copy(uint64_t from, uint32_t type, bool value, uint64_t *handle)
{
	struct hl_copy request = { .handle = from };
	struct hl_created made = { 0 };
	struct client_call call;
	struct template t = { 0 };
	hl_err err;

	template_bool(&t, type, value);
	request.template = list_of(&t);
	err = world_call(c, &hl_msg_copy, &request, &hl_msg_created, &made, &call);
	*handle = made.handle;
	hl_buf_clear(&call.frame);
	return err;
}

static void a_copy_may_only_be_stricter(void)
{
	uint64_t from, strict_one, never;

	begin(4);
	CU_ASSERT_EQUAL(create(&guest, &from), HL_OK);
	CU_ASSERT_EQUAL(copy(from, HL_CKA_SENSITIVE, true, &strict_one), HL_OK);
	CU_ASSERT(same_key(from, strict_one));
	CU_ASSERT(is_true(strict_one, HL_CKA_SENSITIVE));
	CU_ASSERT_FALSE(is_true(from, HL_CKA_SENSITIVE));
	CU_ASSERT_EQUAL(copy(strict_one, HL_CKA_SENSITIVE, false, &never), HL_E_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(copy(from, HL_CKA_COPYABLE, false, &strict_one), HL_OK);
	CU_ASSERT_EQUAL(copy(strict_one, HL_CKA_SENSITIVE, true, &never), HL_E_PROHIBITED);
	CU_ASSERT_EQUAL(copy(0x4711, HL_CKA_SENSITIVE, true, &never), HL_E_KEY);
	CU_ASSERT_EQUAL(story_destroy(c, from), HL_OK);
	CU_ASSERT(same_key(strict_one, strict_one));
	end();
}

/* -- once --------------------------------------------------------------------------------------------------- */

static void cut_after_commits(unsigned times)
{
	const struct hl_fault cut = { HL_FAULT_CUT, 0 };

	for (size_t i = 0; i < w->hsms; i++)
		sim_fault(w->hsm[i].node, HL_AT_HSM_COMMITTED, &cut, 0, times);
}

/* The link breaks after the commit, so the answer is lost; who asks again gets the first one, however often. */
static void expect_once(struct client_call *call, uint64_t (*handle)(const void *reply), void *reply)
{
	uint64_t before = objects(), first;

	cut_after_commits(1);
	CU_ASSERT_EQUAL(story_send(c, call, reply), HL_OK); /* sent again by the client, which took its login along */
	CU_ASSERT(call->lost);
	cut_after_commits(0);
	CU_ASSERT_EQUAL(objects(), before + 1);
	first = handle(reply);
	story_close(c);
	log_in();
	CU_ASSERT_EQUAL(story_send(c, call, reply), HL_OK);
	CU_ASSERT_EQUAL(handle(reply), first);
	CU_ASSERT_EQUAL(objects(), before + 1);
	hl_buf_clear(&call->frame);
}

static uint64_t created(const void *reply)
{
	return ((const struct hl_created *)reply)->handle;
}

static uint64_t derived(const void *reply)
{
	return ((const struct hl_derived *)reply)->handle;
}

static void each_of_them_happens_once_for_its_token(void)
{
	struct hl_create making = { 0 };
	struct hl_copy copying = { 0 };
	struct hl_unwrap unwrapping = { .mechanism = HL_CKM_AES_KEY_WRAP };
	struct hl_derive deriving = { .mechanism = HL_CKM_SHA256_KEY_DERIVATION };
	struct client_call a = { .msg = &hl_msg_create, .body = &making, .expect = &hl_msg_created },
			   b = { .msg = &hl_msg_copy, .body = &copying, .expect = &hl_msg_created },
			   d = { .msg = &hl_msg_unwrap, .body = &unwrapping, .expect = &hl_msg_created },
			   e = { .msg = &hl_msg_derive, .body = &deriving, .expect = &hl_msg_derived };
	const struct given base = { .class = HL_CKO_SECRET_KEY, .type = HL_CKK_GENERIC_SECRET,
		.bytes = hl_text("a secret to derive from"), .uses = { HL_CKA_DERIVE } };
	struct given come_back = { .class = HL_CKO_SECRET_KEY, .type = HL_CKK_AES, .uses = { HL_CKA_SIGN } };
	struct hl_buf blob = { 0 };
	struct template of_guest, of_new, of_derived, none = { 0 };
	struct hl_created made;
	struct hl_derived more;
	uint64_t wraps;

	begin(5);
	describe(&of_guest, &guest);
	making.template = list_of(&of_guest);
	expect_once(&a, created, &made);
	copying.handle = made.handle;
	copying.template = list_of(&none);
	expect_once(&b, created, &made);
	CU_ASSERT_EQUAL(create(&wrapper, &wraps), HL_OK);
	CU_ASSERT_EQUAL(create(&unwrapper, &unwrapping.key), HL_OK);
	CU_ASSERT_EQUAL(wrap(wraps, HL_CKM_AES_KEY_WRAP, made.handle, &blob), HL_OK);
	come_back.open = false;
	describe(&of_new, &come_back);
	unwrapping.template = list_of(&of_new);
	unwrapping.wrapped = hl_buf_view(&blob);
	expect_once(&d, created, &made);
	CU_ASSERT_EQUAL(create(&base, &deriving.key), HL_OK);
	describe(&of_derived, &come_back);
	template_number(&of_derived, HL_CKA_VALUE_LEN, 16);
	deriving.template = list_of(&of_derived);
	expect_once(&e, derived, &more);
	CU_ASSERT_EQUAL(more.more.count, 0);
	hl_buf_clear(&blob);
	end();
}

/* -- told again ---------------------------------------------------------------------------------------------- */

/* Whether a request that has had its effect is answered once more where nobody is logged in; to whoever is, it is. */
static void expect_login(struct client_call *call, void *reply, bool login)
{
	CU_ASSERT_EQUAL(story_send(c, call, reply), HL_OK);
	CU_ASSERT_EQUAL(story_log_out(c), HL_OK);
	CU_ASSERT_EQUAL(story_send(c, call, reply), login ? HL_E_UNKNOWN : HL_OK); /* a refusal does not undo it */
	CU_ASSERT_EQUAL(story_log_in(c, hl_secret_view(&w->user.pin)), HL_OK);
	CU_ASSERT_EQUAL(story_send(c, call, reply), HL_OK);
	hl_buf_clear(&call->frame);
}

/* Permissions are checked at each retry, also where only the object tells that it takes a login, and the object is gone. */
static void what_took_a_login_is_told_again_only_after_one(void)
{
	const struct given base = { .class = HL_CKO_SECRET_KEY, .type = HL_CKK_GENERIC_SECRET,
		.bytes = hl_text("a secret to derive from"), .uses = { HL_CKA_DERIVE } };
	struct hl_attribute label = { HL_CKA_LABEL, HL_FORM_BYTES, hl_text("another") };
	struct hl_attributes_set set = { .attributes = { .items = &label, .count = 1 } };
	struct hl_derive derive = { .mechanism = HL_CKM_SHA256_KEY_DERIVATION };
	struct hl_destroy destroy = { 0 };
	struct hl_copy copy = { 0 };
	struct template open = { 0 };
	struct client_call a = { .msg = &hl_msg_copy, .body = &copy, .expect = &hl_msg_created },
			   b = { .msg = &hl_msg_attributes_set, .body = &set, .expect = &hl_msg_done },
			   d = { .msg = &hl_msg_derive, .body = &derive, .expect = &hl_msg_derived },
			   e = { .msg = &hl_msg_destroy, .body = &destroy, .expect = &hl_msg_done };
	struct hl_created made;
	struct hl_derived more;
	struct hl_done done;

	begin(14);
	CU_ASSERT_EQUAL(create(&base, &copy.handle), HL_OK);
	set.handle = destroy.handle = derive.key = copy.handle;
	expect_login(&a, &made, true);
	expect_login(&b, &done, true);
	template_number(&open, HL_CKA_CLASS, HL_CKO_SECRET_KEY);
	template_number(&open, HL_CKA_KEY_TYPE, HL_CKK_GENERIC_SECRET);
	template_bool(&open, HL_CKA_PRIVATE, false);
	derive.template = list_of(&open);
	expect_login(&d, &more, true); /* what came of it is public, what it came from is not */
	CU_ASSERT_FALSE(is_true(more.handle, HL_CKA_PRIVATE));
	expect_login(&e, &done, true);
	copy.handle = more.handle;
	a.token_made = false;
	expect_login(&a, &made, false);
	CU_ASSERT_EQUAL(objects(), 3);
	end();
}

/* -- wrapped ------------------------------------------------------------------------------------------------- */

static hl_err unwrap_as(
	const struct given *back, uint64_t key, uint32_t mechanism, struct hl_bytes blob, uint64_t *handle)
{
	struct hl_unwrap request = { .key = key, .mechanism = mechanism, .wrapped = blob };
	struct hl_created made = { 0 };
	struct client_call call;
	struct template t;
	hl_err err;

	describe(&t, back);
	request.template = list_of(&t);
	err = world_call(c, &hl_msg_unwrap, &request, &hl_msg_created, &made, &call);
	*handle = made.handle;
	hl_buf_clear(&call.frame);
	return err;
}

static hl_err unwrap(uint64_t key, uint32_t mechanism, struct hl_bytes blob, uint64_t *handle)
{
	static const struct given back = { .class = HL_CKO_SECRET_KEY, .type = HL_CKK_AES, .uses = { HL_CKA_SIGN } };

	return unwrap_as(&back, key, mechanism, blob, handle);
}

static void a_key_that_was_wrapped_comes_back_as_the_same_key(void)
{
	static const uint32_t ways[] = { HL_CKM_AES_KEY_WRAP, HL_CKM_AES_KEY_WRAP_PAD };
	uint64_t out, in, key, back;
	struct hl_buf blob = { 0 };

	begin(6);
	CU_ASSERT_EQUAL(create(&wrapper, &out), HL_OK);
	CU_ASSERT_EQUAL(create(&unwrapper, &in), HL_OK);
	CU_ASSERT_EQUAL(create(&guest, &key), HL_OK);
	for (size_t i = 0; i < HL_COUNT(ways); i++) {
		CU_ASSERT_EQUAL(wrap(out, ways[i], key, &blob), HL_OK);
		CU_ASSERT_EQUAL(unwrap(in, ways[i], hl_buf_view(&blob), &back), HL_OK);
		CU_ASSERT(same_key(key, back));
		CU_ASSERT(is_true(back, HL_CKA_SENSITIVE)); /* K-02: from outside nobody knows what it was */
		CU_ASSERT_EQUAL(unwrap(in, ways[i], hl_bytes(hl_buf_view(&blob).p, blob.n - 1), &back),
			HL_E_WRAPPED_LENGTH);
	}
	CU_ASSERT_EQUAL(unwrap(out, ways[0], hl_buf_view(&blob), &back), HL_E_KEY_USE);
	CU_ASSERT_EQUAL(wrap(in, ways[0], key, &blob), HL_E_KEY_USE);
	hl_buf_clear(&blob);
	end();
}

static void what_may_not_leave_does_not(void)
{
	struct given closed = guest;
	uint64_t out, key;
	struct hl_buf blob = { 0 };
	struct hl_wrap request = { .key = 0x4711, .mechanism = HL_CKM_AES_KEY_WRAP };
	struct hl_wrapped made;
	struct client_call call;

	begin(7);
	closed.open = false;
	CU_ASSERT_EQUAL(create(&wrapper, &out), HL_OK);
	CU_ASSERT_EQUAL(create(&closed, &key), HL_OK);
	CU_ASSERT_EQUAL(wrap(out, HL_CKM_AES_KEY_WRAP, key, &blob), HL_E_UNEXTRACTABLE);
	CU_ASSERT_EQUAL(wrap(out, HL_CKM_AES_KEY_WRAP, 0x4711, &blob), HL_E_KEY);
	request.target = key;
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_wrap, &request, &hl_msg_wrapped, &made, &call), HL_E_KEY);
	CU_ASSERT_STRING_EQUAL(call.failure.detail, HSM_WRAPPING_KEY);
	hl_buf_clear(&call.frame);
	hl_buf_clear(&blob);
	end();
}

/* A page whose epoch rises as somebody looks at it: another member has destroyed a key in that moment. */
static struct {
	const struct hsm_shared_ops *under;
	unsigned looks, rises_at;
} page;

static void look_and_rise(void *shared, struct hsm_mark *out)
{
	struct hsm_mark risen;

	page.under->mark(shared, &risen);
	if (++page.looks == page.rises_at) {
		risen.epoch++;
		page.under->raise(shared, &risen);
	}
	page.under->mark(shared, out);
}

/* Whichever look of the member it is: what it holds of a key that it is using stays, though its cache is emptied. */
static void a_wrapping_key_that_is_dropped_meanwhile_wraps_to_the_end(void)
{
	struct given short_lived = guest;
	struct hsm_shared_ops ops;
	uint64_t out, in, key, back;
	struct hl_buf blob = { 0 };
	unsigned most;

	begin(14);
	short_lived.session = true; /* such a target is looked for in the cache, not in the store */
	CU_ASSERT_EQUAL(create(&wrapper, &out), HL_OK);
	CU_ASSERT_EQUAL(create(&unwrapper, &in), HL_OK);
	CU_ASSERT_EQUAL(create(&short_lived, &key), HL_OK);
	page.under = w->hsm[0].core->conf.shared.ops;
	ops = *page.under;
	ops.mark = look_and_rise;
	for (size_t i = 0; i < w->hsms; i++)
		w->hsm[i].core->conf.shared.ops = &ops;
	page.looks = page.rises_at = 0;
	CU_ASSERT_EQUAL(wrap(out, HL_CKM_AES_KEY_WRAP, key, &blob), HL_OK);
	most = page.looks;
	CU_ASSERT(most >= 2); /* for the one key and for the other */
	for (unsigned at = 1; at <= most; at++) {
		page.looks = 0;
		page.rises_at = at;
		CU_ASSERT_EQUAL(wrap(out, HL_CKM_AES_KEY_WRAP, key, &blob), HL_OK);
		CU_ASSERT_EQUAL(unwrap(in, HL_CKM_AES_KEY_WRAP, hl_buf_view(&blob), &back), HL_OK);
		CU_ASSERT(same_key(key, back));
	}
	hl_buf_clear(&blob);
	end();
}

/* The member that wraps has kept it; the other one destroys it. */
static void a_wrapping_key_that_was_destroyed_elsewhere_wraps_no_more(void)
{
	struct world_client *mine, *other;
	uint64_t out, key;
	struct hl_buf blob = { 0 };
	struct hl_wrap request = { .mechanism = HL_CKM_AES_KEY_WRAP };
	struct hl_wrapped made;
	struct client_call call;

	begin(15);
	CU_ASSERT_EQUAL(create(&wrapper, &out), HL_OK);
	CU_ASSERT_EQUAL(create(&guest, &key), HL_OK);
	CU_ASSERT_EQUAL(wrap(out, HL_CKM_AES_KEY_WRAP, key, &blob), HL_OK);
	mine = c;
	CU_ASSERT_EQUAL_FATAL(world_user_client(w, &other), HL_OK);
	c = other;
	do {
		story_close(other);
		log_in();
	} while (strcmp(client_hsm(mine->core), client_hsm(other->core)) == 0);
	CU_ASSERT_EQUAL(story_destroy(other, out), HL_OK);
	c = mine;
	request.key = out;
	request.target = key;
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_wrap, &request, &hl_msg_wrapped, &made, &call), HL_E_KEY);
	CU_ASSERT_STRING_EQUAL(call.failure.detail, HSM_WRAPPING_KEY);
	hl_buf_clear(&call.frame);
	hl_buf_clear(&blob);
	end();
}

/* K-01: no key both wraps and decrypts. The lab is for applications that were written for tokens without that rule. */
static void the_lab_takes_what_the_faithful_service_refuses(void)
{
	const struct given both = { AES("a double-dealer."), .uses = { HL_CKA_WRAP, HL_CKA_DECRYPT } };
	const struct world_options lab = { .seed = 8, .proxies = 1, .hsms = 1, .lab = true };
	uint64_t key;

	begin(8);
	CU_ASSERT_EQUAL(create(&both, &key), HL_E_TEMPLATE_INCONSISTENT);
	end();
	begin_as(&lab);
	CU_ASSERT_EQUAL(create(&both, &key), HL_OK);
	end();
}

/* -- derived and generated ------------------------------------------------------------------------------------- */

static void both_sides_of_an_agreement_derive_the_same_key(void)
{
	struct template mine = { 0 }, theirs = { 0 }, wanted;
	const struct given aes = { .class = HL_CKO_SECRET_KEY, .type = HL_CKK_AES, .uses = { HL_CKA_SIGN } };
	struct hl_generate making = { .mechanism = HL_CKM_EC_KEY_PAIR_GEN };
	struct hl_attribute_type point = { HL_CKA_EC_POINT };
	struct hl_generated pair[2];
	struct hl_derived made[2];
	struct client_call call;

	begin(9);
	template_bool(&mine, HL_CKA_DERIVE, true);
	template_bytes(&theirs, HL_CKA_EC_PARAMS, p256.p, p256.n);
	making.template = list_of(&mine);
	making.public_template = list_of(&theirs);
	describe(&wanted, &aes);
	template_number(&wanted, HL_CKA_VALUE_LEN, 16);
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL_FATAL(
			world_call(c, &hl_msg_generate, &making, &hl_msg_generated, &pair[i], &call), HL_OK);
		hl_buf_clear(&call.frame);
	}
	for (size_t i = 0; i < 2; i++) {
		AUTO_BUF parameter = hl_buf(HL_PARAMETER_MAX);
		struct hl_attributes_get asking = { .handle = pair[1 - i].public_handle,
			.types = { .items = &point, .count = 1 } };
		struct hl_derive deriving = { .key = pair[i].handle, .mechanism = HL_CKM_ECDH1_DERIVE };
		struct hl_attribute public = { 0 };
		struct hl_attributes got;

		CU_ASSERT_EQUAL(
			world_call(c, &hl_msg_attributes_get, &asking, &hl_msg_attributes, &got, &call), HL_OK);
		CU_ASSERT(hl_list_next(&hl_msg_attribute, &got.attributes.raw, &public));
		hl_body_put(&parameter, &hl_msg_agree_parameter,
			&(struct hl_agree_parameter){ .kdf = HL_CKD_NULL, .public = public.value });
		hl_buf_clear(&call.frame);
		deriving.parameter = hl_buf_view(&parameter);
		deriving.template = list_of(&wanted);
		CU_ASSERT_EQUAL(
			world_call(c, &hl_msg_derive, &deriving, &hl_msg_derived, &made[i], &call), HL_OK);
		hl_buf_clear(&call.frame);
	}
	CU_ASSERT(same_key(made[0].handle, made[1].handle));
	end();
}

/* One request, three keys, and the retry tells all three again. */
static void a_derivation_of_several_keys_is_told_as_a_whole(void)
{
	const struct given base = { .class = HL_CKO_SECRET_KEY, .type = HL_CKK_GENERIC_SECRET,
		.bytes = hl_text("a secret to derive from"), .uses = { HL_CKA_DERIVE } };
	const struct given aes = { .class = HL_CKO_SECRET_KEY, .type = HL_CKK_AES, .uses = { HL_CKA_SIGN } };
	AUTO_BUF parameter = hl_buf(HL_PARAMETER_MAX);
	struct hl_kdf_part parts[] = { { .type = HL_CK_SP800_108_ITERATION_VARIABLE, .bits = 32 },
		{ .type = HL_CK_SP800_108_BYTE_ARRAY, .value = hl_text("label") } };
	struct hl_kdf_key more[2];
	struct hl_kdf_parameter kdf = { .prf = HL_CKM_SHA256_HMAC, .parts = { .items = parts, .count = 2 },
		.more = { .items = more, .count = 2 } };
	struct hl_derive request = { .mechanism = HL_CKM_SP800_108_COUNTER_KDF };
	struct client_call call = { .msg = &hl_msg_derive, .body = &request, .expect = &hl_msg_derived };
	uint64_t handle[2][2] = { { 0 } };
	struct hl_derived made;
	struct hl_handle one;
	struct template t;

	begin(10);
	CU_ASSERT_EQUAL(create(&base, &request.key), HL_OK);
	describe(&t, &aes);
	template_number(&t, HL_CKA_VALUE_LEN, 16);
	more[0].template = more[1].template = request.template = list_of(&t);
	hl_body_put(&parameter, &hl_msg_kdf_parameter, &kdf);
	request.parameter = hl_buf_view(&parameter);
	for (size_t i = 0; i < 2; i++) {
		size_t n = 0;

		CU_ASSERT_EQUAL(story_send(c, &call, &made), HL_OK);
		CU_ASSERT_EQUAL(made.more.count, 2);
		for (struct hl_bytes at = made.more.raw; n < 2 && hl_list_next(&hl_msg_handle, &at, &one);)
			handle[i][n++] = one.handle;
	}
	CU_ASSERT_EQUAL(memcmp(handle[0], handle[1], sizeof handle[0]), 0);
	CU_ASSERT_EQUAL(objects(), 4);
	CU_ASSERT_FALSE(same_key(made.handle, handle[0][0]));
	hl_buf_clear(&call.frame);
	end();
}

static void a_parameter_makes_the_key_of_a_password(void)
{
	AUTO_BUF parameter = hl_buf(HL_PARAMETER_MAX);
	struct hl_pbkdf2_parameter pbkdf2 = { .prf = HL_CKP_PBKD2_HMAC_SHA256, .iterations = 1000,
		.salt = hl_text("salt and pepper."), .password = hl_text("correct horse") };
	const struct given aes = { .class = HL_CKO_SECRET_KEY, .type = HL_CKK_AES, .uses = { HL_CKA_SIGN } };
	struct hl_generate request = { .mechanism = HL_CKM_PKCS5_PBKD2 };
	struct hl_generated made[2];
	struct client_call call;
	struct template t;

	begin(11);
	describe(&t, &aes);
	template_number(&t, HL_CKA_VALUE_LEN, 16);
	request.template = list_of(&t);
	CU_ASSERT_EQUAL(
		world_call(c, &hl_msg_generate, &request, &hl_msg_generated, &made[0], &call), HL_E_PARAMETER);
	hl_buf_clear(&call.frame);
	hl_body_put(&parameter, &hl_msg_pbkdf2_parameter, &pbkdf2);
	request.parameter = hl_buf_view(&parameter);
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(world_call(c, &hl_msg_generate, &request, &hl_msg_generated, &made[i], &call), HL_OK);
		hl_buf_clear(&call.frame);
	}
	CU_ASSERT(same_key(made[0].handle, made[1].handle));
	end();
}

static void domain_parameters_are_generated_like_keys(void)
{
	struct hl_generate request = { .mechanism = HL_CKM_DSA_PARAMETER_GEN };
	struct template t = { 0 };
	struct hl_generated made;
	struct client_call call;

	begin(12);
	template_number(&t, HL_CKA_PRIME_BITS, 1024);
	request.template = list_of(&t);
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_generate, &request, &hl_msg_generated, &made, &call), HL_OK);
	CU_ASSERT_EQUAL(made.public_handle, 0);
	CU_ASSERT_EQUAL(objects(), 1);
	hl_buf_clear(&call.frame);
	end();
}

/* -- made for a session ------------------------------------------------------------------------------------- */

static uint64_t derive(uint64_t key, const struct given *g)
{
	struct hl_derive request = { .key = key, .mechanism = HL_CKM_SHA256_KEY_DERIVATION };
	struct hl_derived made = { 0 };
	struct client_call call;
	struct template t;

	describe(&t, g);
	template_number(&t, HL_CKA_VALUE_LEN, 16);
	request.template = list_of(&t);
	CU_ASSERT_EQUAL(world_call(c, &hl_msg_derive, &request, &hl_msg_derived, &made, &call), HL_OK);
	hl_buf_clear(&call.frame);
	return made.handle;
}

/* What the members hold is only a cache; each way of making one has to give its client what to bring back. */
static void however_a_session_object_was_made_its_client_keeps_it(void)
{
	const struct given base = { .class = HL_CKO_SECRET_KEY, .type = HL_CKK_GENERIC_SECRET, .session = true,
		.bytes = hl_text("a secret to derive from"), .uses = { HL_CKA_DERIVE } };
	struct given mine = guest, back = { .class = HL_CKO_SECRET_KEY, .type = HL_CKK_AES,
		.uses = { HL_CKA_SIGN }, .session = true };
	uint64_t wraps, unwraps, from, made[4];
	struct hl_buf blob = { 0 };
	uint8_t before[HL_COUNT(made)][16], after[16];

	begin(12);
	mine.session = true;
	CU_ASSERT_EQUAL(create(&wrapper, &wraps), HL_OK);
	CU_ASSERT_EQUAL(create(&unwrapper, &unwraps), HL_OK);
	CU_ASSERT_EQUAL(create(&mine, &made[0]), HL_OK);
	CU_ASSERT_EQUAL(copy(made[0], HL_CKA_TOKEN, false, &made[1]), HL_OK);
	CU_ASSERT_EQUAL(wrap(wraps, HL_CKM_AES_KEY_WRAP, made[0], &blob), HL_OK);
	CU_ASSERT_EQUAL(unwrap_as(&back, unwraps, HL_CKM_AES_KEY_WRAP, hl_buf_view(&blob), &made[2]), HL_OK);
	CU_ASSERT_EQUAL(create(&base, &from), HL_OK);
	made[3] = derive(from, &back);
	for (size_t i = 0; i < HL_COUNT(made); i++) {
		CU_ASSERT(hsm_is_kept(made[i]));
		CU_ASSERT_EQUAL(mac(made[i], before[i]), HL_OK);
	}
	for (size_t i = 0; i < w->hsms; i++)
		hsm_keys_clear(w->hsm[i].core);
	for (size_t i = 0; i < HL_COUNT(made); i++) {
		CU_ASSERT_EQUAL(mac(made[i], after), HL_OK);
		CU_ASSERT_EQUAL(memcmp(before[i], after, sizeof after), 0);
	}
	CU_ASSERT_EQUAL(objects(), 2); /* the two that wrap */
	hl_buf_clear(&blob);
	end();
}

/* ssh and its like take the first key that they find. */
static void the_oldest_is_found_first(void)
{
	struct hl_generated made[5];

	begin(41);
	for (size_t i = 0; i < HL_COUNT(made); i++) {
		CU_ASSERT_EQUAL_FATAL(story_make_key(c, "one after another", &made[i]), HL_OK);
		CU_ASSERT(i == 0 || made[i].handle > made[i - 1].handle);
		CU_ASSERT(i == 0 || made[i].handle > made[i - 1].public_handle);
		story_pass(w, 1000);
	}
	end();
}

static CU_TestInfo tests[] = {
	{ "a key from outside is the key it was", a_key_from_outside_is_the_key_it_was },
	{ "a bad template names what is wrong and makes nothing", a_bad_template_names_what_is_wrong_and_makes_nothing },
	{ "objects are made by who has logged in", objects_are_made_by_who_has_logged_in },
	{ "a copy may only be stricter", a_copy_may_only_be_stricter },
	{ "each of them happens once for its token", each_of_them_happens_once_for_its_token },
	{ "what took a login is told again only after one", what_took_a_login_is_told_again_only_after_one },
	{ "a key that was wrapped comes back as the same key", a_key_that_was_wrapped_comes_back_as_the_same_key },
	{ "what may not leave does not", what_may_not_leave_does_not },
	{ "a wrapping key that is dropped meanwhile wraps to the end", a_wrapping_key_that_is_dropped_meanwhile_wraps_to_the_end },
	{ "a wrapping key that was destroyed elsewhere wraps no more", a_wrapping_key_that_was_destroyed_elsewhere_wraps_no_more },
	{ "the lab takes what the faithful service refuses", the_lab_takes_what_the_faithful_service_refuses },
	{ "both sides of an agreement derive the same key", both_sides_of_an_agreement_derive_the_same_key },
	{ "a derivation of several keys is told as a whole", a_derivation_of_several_keys_is_told_as_a_whole },
	{ "a parameter makes the key of a password", a_parameter_makes_the_key_of_a_password },
	{ "domain parameters are generated like keys", domain_parameters_are_generated_like_keys },
	{ "however a session object was made, its client keeps it", however_a_session_object_was_made_its_client_keeps_it },
	{ "the oldest is found first", the_oldest_is_found_first },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("objects", tests)
