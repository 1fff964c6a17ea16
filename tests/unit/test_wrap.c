/* Wrapping and unwrapping, and the rules that keep wrapped keys what they were. For the rows K-01 to K-06 of the
 * usual attacks see test_rules. */
#include "tests/support/test.h"
#include "tests/support/imports.h"

#include <stdlib.h>

static struct hl_bytes none;

/* What to unwrap as: class, type, and with `shown` to be looked at. */
static void want(struct template *t, uint64_t class, uint64_t type, bool shown)
{
	template_number(t, HL_CKA_CLASS, class);
	template_number(t, HL_CKA_KEY_TYPE, type);
	template_bool(t, HL_CKA_EXTRACTABLE, true);
	if (shown)
		template_bool(t, HL_CKA_SENSITIVE, false);
}

static hl_err unwrap(struct hsm_key *k, uint32_t mechanism, struct hl_bytes p, struct hl_bytes wrapped,
	struct template *t, const struct hsm_rules *rules, struct hsm_object *out)
{
	const char *why;
	hl_err err;

	hsm_object_clear(out);
	err = hsm_key_unwrap(k, mechanism, p, wrapped, template_list(t), rules, out, &why);
	template_clear(t);
	return err;
}

static hl_err wrap(struct hsm_key *k, uint32_t mechanism, struct hl_bytes p, const struct hsm_object *target,
	const struct hsm_rules *rules, struct hl_buf *out)
{
	const char *why;

	hl_buf_clear(out);
	*out = hl_buf(HL_DATA_MAX);
	return hsm_key_wrap(k, mechanism, p, target, rules, out, &why);
}

static void extractable(struct hl_bytes value, struct hsm_object *out)
{
	struct template t = { 0 };

	template_bytes(&t, HL_CKA_VALUE, value.p, value.n);
	template_bool(&t, HL_CKA_EXTRACTABLE, true);
	import(&t, HL_CKO_SECRET_KEY, HL_CKK_GENERIC_SECRET, out);
}

/* -- published answers ---------------------------------------------------------------------------------------- */

static void check_broken(struct hsm_key *k, uint32_t m, struct hl_bytes wrapped)
{
	AUTO_BUF bad = hl_buf(512);
	AUTO_OBJECT o = { 0 };

	hl_buf_put(&bad, wrapped);
	for (size_t i = 0; i < bad.n; i++) {
		struct template t = { 0 };

		want(&t, HL_CKO_SECRET_KEY, HL_CKK_GENERIC_SECRET, false);
		bad.base[bad.off + i] ^= 1;
		CU_ASSERT_EQUAL(unwrap(k, m, none, hl_buf_view(&bad), &t, &strict, &o), HL_E_WRAPPED);
		bad.base[bad.off + i] ^= 1;
	}
	for (size_t n = 0; n < bad.n; n++) {
		struct template t = { 0 };
		size_t least = m == HL_CKM_AES_KEY_WRAP ? 24 : 16;

		want(&t, HL_CKO_SECRET_KEY, HL_CKK_GENERIC_SECRET, false);
		CU_ASSERT_EQUAL(unwrap(k, m, none, hl_bytes(wrapped.p, n), &t, &strict, &o),
			n < least || n % 8 ? HL_E_WRAPPED_LENGTH : HL_E_WRAPPED);
	}
}

static void published_answers_come_out(void)
{
	struct vectors v;

	vectors_open(&v, "wraps.txt");
	while (vectors_next(&v, 4)) {
		uint32_t m = vectors_mechanism(&v, 0, "")->number;
		AUTO_KEY *k = import_secret(HL_CKK_AES, vectors_bytes(&v, 1));
		struct hl_bytes value = vectors_bytes(&v, 2), wrapped = vectors_bytes(&v, 3);
		struct template t = { 0 };
		AUTO_OBJECT target = { 0 };
		AUTO_OBJECT back = { 0 };
		AUTO_BUF out = { 0 };

		extractable(value, &target);
		CU_ASSERT_EQUAL(wrap(k, m, none, &target, &legacy, &out), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), wrapped));
		want(&t, HL_CKO_SECRET_KEY, HL_CKK_GENERIC_SECRET, true);
		CU_ASSERT_EQUAL(unwrap(k, m, none, wrapped, &t, &legacy, &back), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_secret_view(&back.value), value));
		CU_ASSERT_EQUAL(hsm_attribute_number(&back, HL_CKA_VALUE_LEN), value.n);
		if (wrapped.n <= 48)
			check_broken(k, m, wrapped);
	}
	CU_ASSERT_EQUAL(v.lines, 56);
	vectors_close(&v);
}

/* -- every key by every mechanism ---------------------------------------------------------------------------------- */

static struct hl_bytes some_parameter(const struct hsm_mechanism *m, struct hl_buf *memory)
{
	struct hl_iv_parameter iv = { hl_bytes(message.p, m->key_type == HL_CKK_AES ? 16 : 8) };
	struct hl_oaep_parameter oaep = { HL_CKM_SHA256, HL_CKG_MGF1_SHA256, none };

	if (!m->parameter)
		return none;
	return parameter(memory, m->parameter,
		m->parameter == &hl_msg_oaep_parameter ? (const void *)&oaep : (const void *)&iv);
}

struct wrapping {
	struct hsm_key *out, *in; /* the same, where that is no pair */
};

static void round_trip(const struct wrapping *w, const struct hsm_mechanism *m, const struct hsm_object *target)
{
	uint64_t class = hsm_attribute_number(target, HL_CKA_CLASS), type = hsm_attribute_number(target, HL_CKA_KEY_TYPE);
	AUTO_BUF memory = { 0 };
	AUTO_BUF wrapped = { 0 };
	AUTO_OBJECT back = { 0 };
	struct template t = { 0 };
	struct hl_bytes p = some_parameter(m, &memory);
	hl_err err = wrap(w->out, m->number, p, target, &legacy, &wrapped);

	if (err == HL_E_DATA_LENGTH) { /* too long for RSA, or not whole blocks for the key wrap without padding */
		CU_ASSERT(m->key_type == HL_CKK_RSA || m->number == HL_CKM_AES_KEY_WRAP);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(err, HL_OK);
	want(&t, class, type, true);
	/* Where zeros fill up, or stand before, the length must be told. */
	if (class == HL_CKO_SECRET_KEY && type != HL_CKK_DES3)
		template_number(&t, HL_CKA_VALUE_LEN, target->value.n);
	err = unwrap(w->in, m->number, p, hl_buf_view(&wrapped), &t, &legacy, &back);
	if (m->number == HL_CKM_RSA_X_509 && class == HL_CKO_PRIVATE_KEY) {
		CU_ASSERT_EQUAL(err, HL_E_WRAPPED); /* the bare operation does not tell where the key begins */
		return;
	}
	CU_ASSERT_EQUAL(err, HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&back.value), hl_secret_view(&target->value)));
	CU_ASSERT_FALSE(hsm_attribute_bool(&back, HL_CKA_LOCAL));
	CU_ASSERT_FALSE(hsm_attribute_bool(&back, HL_CKA_ALWAYS_SENSITIVE));
	CU_ASSERT_FALSE(hsm_attribute_bool(&back, HL_CKA_NEVER_EXTRACTABLE));
	CU_ASSERT_EQUAL(hsm_attribute_number(&back, HL_CKA_KEY_GEN_MECHANISM), HL_CK_UNAVAILABLE);
}

static void make_targets(struct hsm_object o[4])
{
	AUTO_OBJECT ec = { 0 };
	AUTO_OBJECT rsa = { 0 };
	struct template t = { 0 };

	extractable(hl_bytes(message.p, 21), &o[0]);
	template_bytes(&t, HL_CKA_VALUE, message.p, 24);
	template_bool(&t, HL_CKA_EXTRACTABLE, true);
	import(&t, HL_CKO_SECRET_KEY, HL_CKK_DES3, &o[1]);
	make_ec_pair(p256, &o[2], &ec);
	make_rsa_pair(2048, &o[3], &rsa);
	for (size_t i = 2; i < 4; i++)
		CU_ASSERT_EQUAL(hsm_attribute_set_bool(&o[i], HL_CKA_EXTRACTABLE, true), HL_OK);
}

static void every_key_comes_back_by_every_mechanism(void)
{
	struct hsm_object target[4] = { { 0 }, { 0 }, { 0 }, { 0 } };
	AUTO_PAIR rsa = { 0 };
	AUTO_KEY *aes = import_secret(HL_CKK_AES, message);
	AUTO_KEY *des = import_secret(HL_CKK_DES3, hl_bytes(message.p, 24));
	size_t n;
	const struct hsm_mechanism *m = hsm_mechanisms(&n);

	make_rsa_pair(3072, &rsa.object, &rsa.public_object);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&rsa.object, HL_CKA_UNWRAP, true), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&rsa.public_object, HL_CKA_WRAP, true), HL_OK);
	pair_parse(&rsa);
	make_targets(target);
	for (; n > 0; n--, m++) {
		struct hsm_key *secret = m->key_type == HL_CKK_AES ? aes : des;
		struct wrapping w = { secret, secret };

		if (!(m->flags & HSM_WRAPS))
			continue;
		if (m->key_type == HL_CKK_RSA)
			w = (struct wrapping){ rsa.public_key, rsa.key };
		for (size_t i = 0; i < HL_COUNT(target); i++)
			round_trip(&w, m, &target[i]);
	}
	for (size_t i = 0; i < HL_COUNT(target); i++)
		hsm_object_clear(&target[i]);
}

/* -- templates ----------------------------------------------------------------------------------------------------- */

/* A key of AES that wraps and unwraps, with a template attribute. */
static struct hsm_key *with_template(uint32_t attribute, struct template *inner)
{
	struct template t = { 0 };
	struct hsm_key *k;

	template_list(inner);
	template_bytes(&t, attribute, hl_buf_view(&inner->wire).p, inner->wire.n);
	template_bytes(&t, HL_CKA_VALUE, message.p, 32);
	k = import_parsed(&t, HL_CKO_SECRET_KEY, HL_CKK_AES);
	template_clear(inner);
	return k;
}

static void a_wrap_template_must_match(void)
{
	struct template t = { 0 };
	AUTO_KEY *k = NULL;
	AUTO_OBJECT target = { 0 };
	AUTO_BUF out = { 0 };

	template_bool(&t, HL_CKA_SENSITIVE, true);
	template_number(&t, HL_CKA_KEY_TYPE, HL_CKK_GENERIC_SECRET);
	k = with_template(HL_CKA_WRAP_TEMPLATE, &t);
	extractable(hl_bytes(message.p, 16), &target);
	CU_ASSERT_EQUAL(wrap(k, HL_CKM_AES_KEY_WRAP, none, &target, &legacy, &out), HL_OK);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&target, HL_CKA_SENSITIVE, false), HL_OK);
	CU_ASSERT_EQUAL(wrap(k, HL_CKM_AES_KEY_WRAP, none, &target, &legacy, &out), HL_E_NOT_WRAPPABLE);
}

static void an_unwrap_template_is_added_and_must_not_be_contradicted(void)
{
	struct template t = { 0 };
	AUTO_KEY *k = NULL;
	AUTO_OBJECT target = { 0 };
	AUTO_OBJECT back = { 0 };
	AUTO_BUF out = { 0 };

	template_bool(&t, HL_CKA_SIGN, true);
	template_bytes(&t, HL_CKA_LABEL, "fixed", 5);
	k = with_template(HL_CKA_UNWRAP_TEMPLATE, &t);
	extractable(hl_bytes(message.p, 16), &target);
	CU_ASSERT_EQUAL(wrap(k, HL_CKM_AES_KEY_WRAP, none, &target, &legacy, &out), HL_OK);
	want(&t, HL_CKO_SECRET_KEY, HL_CKK_GENERIC_SECRET, false);
	CU_ASSERT_EQUAL(unwrap(k, HL_CKM_AES_KEY_WRAP, none, hl_buf_view(&out), &t, &strict, &back), HL_OK);
	CU_ASSERT(hsm_attribute_bool(&back, HL_CKA_SIGN));
	CU_ASSERT(hl_bytes_eq(hsm_attribute(&back, HL_CKA_LABEL)->value, hl_text("fixed")));
	want(&t, HL_CKO_SECRET_KEY, HL_CKK_GENERIC_SECRET, false);
	template_bool(&t, HL_CKA_SIGN, true); /* the same is no contradiction */
	CU_ASSERT_EQUAL(unwrap(k, HL_CKM_AES_KEY_WRAP, none, hl_buf_view(&out), &t, &strict, &back), HL_OK);
	want(&t, HL_CKO_SECRET_KEY, HL_CKK_GENERIC_SECRET, false);
	template_bool(&t, HL_CKA_SIGN, false);
	CU_ASSERT_EQUAL(unwrap(k, HL_CKM_AES_KEY_WRAP, none, hl_buf_view(&out), &t, &strict, &back),
		HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_PTR_NULL(back.attribute);
}

static void templates_that_are_broken_or_nested_are_refused(void)
{
	struct template inner = { 0 }, t = { 0 };
	AUTO_OBJECT o = { 0 };
	const char *why;

	template_bytes(&inner, HL_CKA_WRAP_TEMPLATE, NULL, 0);
	template_list(&inner);
	for (size_t i = 0; i <= inner.wire.n; i++) {
		template_number(&t, HL_CKA_CLASS, HL_CKO_SECRET_KEY);
		template_number(&t, HL_CKA_KEY_TYPE, HL_CKK_AES);
		template_bytes(&t, HL_CKA_VALUE, message.p, 16);
		template_bytes(&t, HL_CKA_UNWRAP_TEMPLATE, hl_buf_view(&inner.wire).p, i);
		if (i > 0) { /* an empty one is none */
			CU_ASSERT_EQUAL(hsm_object_create(template_list(&t), &strict, &o, &why), HL_E_ATTRIBUTE_VALUE);
			CU_ASSERT_STRING_EQUAL(why, "CKA_UNWRAP_TEMPLATE");
		}
		template_clear(&t);
	}
	template_clear(&inner);
}

static void what_is_no_key_or_incomplete_is_refused(void)
{
	AUTO_KEY *k = import_secret(HL_CKK_AES, message);
	AUTO_PAIR ec = { 0 };
	AUTO_OBJECT target = { 0 };
	AUTO_OBJECT back = { 0 };
	AUTO_BUF out = { 0 };
	struct template t = { 0 };

	make_ec_pair(p256, &ec.object, &ec.public_object);
	pair_parse(&ec);
	CU_ASSERT_EQUAL(wrap(k, HL_CKM_AES_KEY_WRAP_PAD, none, &ec.public_object, &legacy, &out), HL_E_KEY_TYPE);
	CU_ASSERT_EQUAL(wrap(k, HL_CKM_AES_KEY_WRAP_PAD, none, &ec.object, &legacy, &out), HL_E_UNEXTRACTABLE);
	CU_ASSERT_EQUAL(wrap(ec.public_key, HL_CKM_AES_KEY_WRAP_PAD, none, &ec.object, &legacy, &out), HL_E_KEY_TYPE);
	extractable(hl_bytes(message.p, 16), &target);
	CU_ASSERT_EQUAL(wrap(k, HL_CKM_AES_KEY_WRAP_PAD, none, &target, &legacy, &out), HL_OK);
	template_number(&t, HL_CKA_CLASS, HL_CKO_SECRET_KEY);
	CU_ASSERT_EQUAL(unwrap(k, HL_CKM_AES_KEY_WRAP_PAD, none, hl_buf_view(&out), &t, &strict, &back),
		HL_E_TEMPLATE_INCOMPLETE);
	template_number(&t, HL_CKA_KEY_TYPE, HL_CKK_AES);
	CU_ASSERT_EQUAL(unwrap(k, HL_CKM_AES_KEY_WRAP_PAD, none, hl_buf_view(&out), &t, &strict, &back),
		HL_E_TEMPLATE_INCOMPLETE);
	want(&t, HL_CKO_PUBLIC_KEY, HL_CKK_EC, false);
	CU_ASSERT_EQUAL(unwrap(k, HL_CKM_AES_KEY_WRAP_PAD, none, hl_buf_view(&out), &t, &strict, &back),
		HL_E_TEMPLATE_INCONSISTENT);
	want(&t, HL_CKO_PRIVATE_KEY, HL_CKK_EC, false); /* sixteen bytes are no PKCS #8 */
	CU_ASSERT_EQUAL(unwrap(k, HL_CKM_AES_KEY_WRAP_PAD, none, hl_buf_view(&out), &t, &strict, &back), HL_E_WRAPPED);
	want(&t, HL_CKO_SECRET_KEY, HL_CKK_CHACHA20, false); /* nor a key of 32 bytes */
	CU_ASSERT_EQUAL(unwrap(k, HL_CKM_AES_KEY_WRAP_PAD, none, hl_buf_view(&out), &t, &strict, &back), HL_E_WRAPPED);
}

/* -- K-08: what PKCS #1 v1.5 unwraps --------------------------------------------------------------------------------- */

static hl_err unwrap_type(struct hsm_key *k, struct hl_bytes wrapped, uint64_t type, uint64_t n, struct hsm_object *out)
{
	struct template t = { 0 };

	want(&t, HL_CKO_SECRET_KEY, type, true);
	if (n > 0)
		template_number(&t, HL_CKA_VALUE_LEN, n);
	return unwrap(k, HL_CKM_RSA_PKCS, none, wrapped, &t, &legacy, out);
}

/* Of a pair that encrypts and unwraps, which K-01 forbids elsewhere. */
static void make_wrapping_pair(struct pair *p)
{
	struct template t = { 0 }, u = { 0 };
	const char *why;

	template_bool(&t, HL_CKA_UNWRAP, true);
	template_number(&u, HL_CKA_MODULUS_BITS, 2048);
	template_bool(&u, HL_CKA_ENCRYPT, true);
	CU_ASSERT_EQUAL_FATAL(hsm_key_generate(HL_CKM_RSA_PKCS_KEY_PAIR_GEN, none, template_list(&t), template_list(&u),
				      &legacy, &p->object, &p->public_object, &why),
		HL_OK);
	template_clear(&t);
	template_clear(&u);
	pair_parse(p);
}

static const struct {
	uint64_t type, given;
	size_t least, most, step;
} wishes[] = {
	{ HL_CKK_AES, 0, 16, 32, 8 },
	{ HL_CKK_AES, 24, 24, 24, 8 },
	{ HL_CKK_DES3, 0, 24, 24, 8 },
	{ HL_CKK_GENERIC_SECRET, 0, 1, 245, 1 },
	{ HL_CKK_GENERIC_SECRET, 100, 100, 100, 1 },
};

/* Whatever it is, it comes out as a key, and as the same one again. */
static void check_rejection(struct hsm_key *k, struct hl_bytes wrapped)
{
	for (size_t i = 0; i < HL_COUNT(wishes); i++) {
		AUTO_OBJECT o = { 0 };
		AUTO_OBJECT again = { 0 };

		CU_ASSERT_EQUAL(unwrap_type(k, wrapped, wishes[i].type, wishes[i].given, &o), HL_OK);
		CU_ASSERT(o.value.n >= wishes[i].least && o.value.n <= wishes[i].most && o.value.n % wishes[i].step == 0);
		CU_ASSERT_EQUAL(unwrap_type(k, wrapped, wishes[i].type, wishes[i].given, &again), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), hl_secret_view(&again.value)));
	}
}

static void no_padding_tells_itself_by_the_length_of_a_key(void)
{
	AUTO_PAIR p = { 0 };
	uint8_t em[256] = { 0, 1 };
	AUTO_OBJECT o = { 0 };

	make_wrapping_pair(&p);
	for (unsigned i = 0; i < 32; i++) { /* 17 bytes, which no type but one has; and no padding at all */
		AUTO_BUF good = hl_buf(256);
		AUTO_BUF bad = hl_buf(256);

		em[100] = (uint8_t)i;
		CU_ASSERT_EQUAL(
			hsm_key_encrypt(p.public_key, HL_CKM_RSA_PKCS, none, hl_bytes(message.p, 17), &good), HL_OK);
		CU_ASSERT_EQUAL(hsm_key_encrypt(p.public_key, HL_CKM_RSA_X_509, none, hl_bytes(em, 256), &bad), HL_OK);
		check_rejection(p.key, hl_buf_view(&bad));
		CU_ASSERT_EQUAL(unwrap_type(p.key, hl_buf_view(&good), HL_CKK_GENERIC_SECRET, 17, &o), HL_OK);
		CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), hl_bytes(message.p, 17)));
		CU_ASSERT_EQUAL(unwrap_type(p.key, hl_buf_view(&good), HL_CKK_AES, 0, &o), HL_OK);
		CU_ASSERT(o.value.n >= 16 && o.value.n <= 32 && o.value.n % 8 == 0);
		CU_ASSERT_EQUAL(unwrap_type(p.key, hl_buf_view(&good), HL_CKK_GENERIC_SECRET, 18, &o), HL_OK);
		CU_ASSERT_EQUAL(o.value.n, 18);
		CU_ASSERT_FALSE(hl_bytes_eq(hl_bytes(o.value.p, 17), hl_bytes(message.p, 17)));
		CU_ASSERT_EQUAL(unwrap_type(p.key, hl_buf_view(&good), HL_CKK_GENERIC_SECRET, 246, &o), HL_E_WRAPPED);
		CU_ASSERT_EQUAL(unwrap_type(p.key, hl_buf_view(&bad), HL_CKK_GENERIC_SECRET, 246, &o), HL_E_WRAPPED);
		CU_ASSERT_EQUAL(unwrap_type(p.key, hl_buf_view(&good), HL_CKK_AES, 17, &o), HL_E_WRAPPED);
		CU_ASSERT_EQUAL(unwrap_type(p.key, hl_buf_view(&bad), HL_CKK_AES, 17, &o), HL_E_WRAPPED);
	}
}

static CU_TestInfo tests[] = {
	{ "no padding tells itself by the length of a key", no_padding_tells_itself_by_the_length_of_a_key },
	{ "published answers come out", published_answers_come_out },
	{ "every key comes back by every mechanism", every_key_comes_back_by_every_mechanism },
	{ "a wrap template must match", a_wrap_template_must_match },
	{ "an unwrap template is added, and must not be contradicted",
		an_unwrap_template_is_added_and_must_not_be_contradicted },
	{ "templates that are broken or nested are refused", templates_that_are_broken_or_nested_are_refused },
	{ "what is no key or incomplete is refused", what_is_no_key_or_incomplete_is_refused },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("wrap", tests)
