/* The rules that stand against the known attacks on PKCS #11, row by row.
 *
 *	K-01  a key that wraps does not decrypt, nor does the other half of its pair; no use is added later
 *	K-02  a key that unwraps does not encrypt; what was unwrapped is not local and never trusted
 *	K-03  SENSITIVE only rises, EXTRACTABLE only falls: set, copied, unwrapped, derived
 *	K-04  what comes back from wrapping is sensitive and wraps nothing
 *	K-05  no key is wrapped by a weaker one
 *	K-06  no wrapping that can be altered
 *	K-07  no derivation that shortens or mixes keys
 *	K-08  test_pairs: RSA decrypts, and tells nothing of its padding
 *	K-09  test_pairs, the same
 *	K-10  test_block: false padding has one answer
 *	K-11  test_gcm: tags and IVs of other lengths are refused
 *	K-12  test_create: weak keys are refused
 *	K-14  test_derive: points that are none are refused
 *	K-16  test_object: key values never match
 *	K-19  here: who wants a login each time says so */
#include "tests/support/test.h"
#include "tests/support/imports.h"

static struct hl_bytes none;

static hl_err aes_with(const struct hsm_rules *rules, uint32_t one, uint32_t two, const char **why)
{
	AUTO_OBJECT o = { 0 };
	struct template t = { 0 };
	hl_err err;

	template_number(&t, HL_CKA_VALUE_LEN, 32);
	template_bool(&t, one, true);
	template_bool(&t, two, true);
	err = hsm_key_generate(HL_CKM_AES_KEY_GEN, none, template_list(&t), NULL, rules, &o, NULL, why);
	template_clear(&t);
	return err;
}

static hl_err imported_with(const struct hsm_rules *rules, uint32_t one, uint32_t two, const char **why)
{
	AUTO_OBJECT o = { 0 };
	struct template t = { 0 };
	hl_err err;

	template_number(&t, HL_CKA_CLASS, HL_CKO_SECRET_KEY);
	template_number(&t, HL_CKA_KEY_TYPE, HL_CKK_AES);
	template_bytes(&t, HL_CKA_VALUE, message.p, 32);
	template_bool(&t, one, true);
	template_bool(&t, two, true);
	err = hsm_object_create(template_list(&t), rules, &o, why);
	template_clear(&t);
	return err;
}

static hl_err rsa_with(const struct hsm_rules *rules, uint32_t private_use, uint32_t public_use)
{
	AUTO_PAIR p = { 0 };
	struct template t = { 0 }, u = { 0 };
	const char *why;
	hl_err err;

	template_bool(&t, private_use, true);
	template_number(&u, HL_CKA_MODULUS_BITS, 1024);
	template_bool(&u, public_use, true);
	err = hsm_key_generate(HL_CKM_RSA_PKCS_KEY_PAIR_GEN, none, template_list(&t), template_list(&u), rules, &p.object,
		&p.public_object, &why);
	template_clear(&t);
	template_clear(&u);
	return err;
}

static void k01_and_k02_uses_that_undo_one_another(void)
{
	static const uint32_t uses[][2] = { { HL_CKA_WRAP, HL_CKA_DECRYPT }, { HL_CKA_UNWRAP, HL_CKA_ENCRYPT } };
	const char *why;

	for (size_t i = 0; i < HL_COUNT(uses); i++) {
		CU_ASSERT_EQUAL(aes_with(&strict, uses[i][0], uses[i][1], &why), HL_E_TEMPLATE_INCONSISTENT);
		CU_ASSERT_EQUAL(imported_with(&strict, uses[i][0], uses[i][1], &why), HL_E_TEMPLATE_INCONSISTENT);
		CU_ASSERT_EQUAL(aes_with(&legacy, uses[i][0], uses[i][1], &why), HL_OK);
		CU_ASSERT_EQUAL(imported_with(&legacy, uses[i][0], uses[i][1], &why), HL_OK);
	}
	CU_ASSERT_EQUAL(aes_with(&strict, HL_CKA_WRAP, HL_CKA_UNWRAP, &why), HL_OK);
	CU_ASSERT_EQUAL(aes_with(&strict, HL_CKA_ENCRYPT, HL_CKA_DECRYPT, &why), HL_OK);
	CU_ASSERT_EQUAL(rsa_with(&strict, HL_CKA_DECRYPT, HL_CKA_WRAP), HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(rsa_with(&strict, HL_CKA_UNWRAP, HL_CKA_ENCRYPT), HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(rsa_with(&strict, HL_CKA_UNWRAP, HL_CKA_WRAP), HL_OK);
	CU_ASSERT_EQUAL(rsa_with(&legacy, HL_CKA_DECRYPT, HL_CKA_WRAP), HL_OK);
}

/* No use was named: each key gets those it is made for, and all of them only where none shuts out another. */
static void k01_no_default_opens_what_a_rule_shuts(void)
{
	static const uint32_t lax[] = { HL_CKA_WRAP, HL_CKA_UNWRAP, HL_CKA_EXTRACTABLE };
	const struct hsm_rules *both[] = { &strict, &legacy };

	for (size_t i = 0; i < HL_COUNT(both); i++) {
		AUTO_OBJECT o = { 0 };
		struct template t = { 0 };
		const char *why;

		template_number(&t, HL_CKA_VALUE_LEN, 32);
		CU_ASSERT_EQUAL_FATAL(
			hsm_key_generate(HL_CKM_AES_KEY_GEN, none, template_list(&t), NULL, both[i], &o, NULL, &why), HL_OK);
		template_clear(&t);
		CU_ASSERT(hsm_attribute_bool(&o, HL_CKA_ENCRYPT));
		CU_ASSERT(hsm_attribute_bool(&o, HL_CKA_DECRYPT));
		CU_ASSERT(hsm_attribute_bool(&o, HL_CKA_SENSITIVE));
		for (size_t j = 0; j < HL_COUNT(lax); j++)
			CU_ASSERT_EQUAL(hsm_attribute_bool(&o, lax[j]), both[i]->legacy_wrap);
	}
}

static hl_err set(const struct hsm_object *o, uint32_t type, bool v, const struct hsm_rules *rules)
{
	uint8_t one = v;
	struct hl_attribute a = { type, HL_FORM_BOOL, hl_bytes(&one, 1) };
	const char *why;

	return hsm_attribute_may_set(o, &a, rules, &why);
}

static void open_aes(struct hsm_object *o)
{
	struct template t = { 0 }, u = { 0 };
	const char *why;

	template_number(&t, HL_CKA_VALUE_LEN, 32);
	template_bool(&t, HL_CKA_SENSITIVE, false);
	template_bool(&t, HL_CKA_EXTRACTABLE, true);
	CU_ASSERT_EQUAL_FATAL(make(HL_CKM_AES_KEY_GEN, &t, &u, o, NULL, &why), HL_OK);
}

static void k01_no_use_is_added_later(void)
{
	static const uint32_t uses[] = { HL_CKA_WRAP, HL_CKA_UNWRAP, HL_CKA_SIGN, HL_CKA_DERIVE };
	static const struct hsm_rules officer = { .trusts = true };
	AUTO_OBJECT o = { 0 };

	open_aes(&o);
	for (size_t i = 0; i < HL_COUNT(uses); i++) {
		CU_ASSERT_EQUAL(set(&o, uses[i], true, &strict), HL_E_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_EQUAL(set(&o, uses[i], true, &legacy), HL_OK);
	}
	CU_ASSERT_EQUAL(set(&o, HL_CKA_DECRYPT, false, &strict), HL_E_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(set(&o, HL_CKA_TRUSTED, true, &strict), HL_E_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(set(&o, HL_CKA_TRUSTED, true, &officer), HL_OK);
}

/* -- K-03 ------------------------------------------------------------------------------------------------------ */

static hl_err copy(const struct hsm_object *from, uint32_t type, bool v, struct hsm_object *out)
{
	struct template t = { 0 };
	const char *why;
	hl_err err;

	hsm_object_clear(out);
	template_bool(&t, type, v);
	err = hsm_object_copy(from, template_list(&t), &strict, out, &why);
	template_clear(&t);
	return err;
}

static void k03_copies_only_tighten(void)
{
	static const struct {
		uint32_t type;
		bool down, up; /* may a copy have it false, or true, where the original has it otherwise? */
	} row[] = {
		{ HL_CKA_SENSITIVE, false, true },
		{ HL_CKA_EXTRACTABLE, true, false },
		{ HL_CKA_WRAP_WITH_TRUSTED, false, true },
		{ HL_CKA_PRIVATE, false, true },
		{ HL_CKA_MODIFIABLE, true, false },
		{ HL_CKA_COPYABLE, true, false },
		{ HL_CKA_DESTROYABLE, true, false },
		{ HL_CKA_ENCRYPT, true, false },
		{ HL_CKA_WRAP, true, false },
		{ HL_CKA_LOCAL, false, false },
		{ HL_CKA_ALWAYS_SENSITIVE, false, false },
		{ HL_CKA_NEVER_EXTRACTABLE, false, false },
		{ HL_CKA_TRUSTED, false, false },
	};

	for (size_t i = 0; i < HL_COUNT(row); i++)
		for (int from = 0; from < 2; from++)
			for (int to = 0; to < 2; to++) {
				bool may = from == to || (to ? row[i].up : row[i].down);
				AUTO_OBJECT o = { 0 };
				AUTO_OBJECT same = { 0 };

				open_aes(&o);
				CU_ASSERT_EQUAL(hsm_attribute_set_bool(&o, row[i].type, from), HL_OK);
				if (row[i].type == HL_CKA_COPYABLE && !from)
					may = false;
				CU_ASSERT_EQUAL(copy(&o, row[i].type, to, &same) == HL_OK, may);
				if (may)
					CU_ASSERT_EQUAL(hsm_attribute_bool(&same, row[i].type), to);
			}
}

static void k03_a_copy_is_deep_and_has_its_own_name(void)
{
	AUTO_OBJECT o = { 0 };
	AUTO_OBJECT same = { 0 };

	open_aes(&o);
	CU_ASSERT_EQUAL(hsm_object_set_handle(&o, 0x123456789abcdef), HL_OK);
	CU_ASSERT(hl_bytes_eq(hsm_attribute(&o, HL_CKA_UNIQUE_ID)->value, hl_text("0123456789abcdef")));
	CU_ASSERT_EQUAL_FATAL(copy(&o, HL_CKA_SENSITIVE, true, &same), HL_OK);
	CU_ASSERT_EQUAL(hsm_object_set_handle(&same, 7), HL_OK);
	CU_ASSERT(hl_bytes_eq(hl_secret_view(&o.value), hl_secret_view(&same.value)));
	CU_ASSERT_PTR_NOT_EQUAL(o.value.p, same.value.p);
	CU_ASSERT_FALSE(hl_bytes_eq(
		hsm_attribute(&o, HL_CKA_UNIQUE_ID)->value, hsm_attribute(&same, HL_CKA_UNIQUE_ID)->value));
	CU_ASSERT(hsm_attribute_bool(&same, HL_CKA_LOCAL));
	CU_ASSERT_FALSE(hsm_attribute_bool(&same, HL_CKA_ALWAYS_SENSITIVE)); /* the original was not */
}

static hl_err derived_with(bool sensitive, bool extractable, const struct hsm_rules *rules, struct hsm_object *out)
{
	struct template base = { 0 }, t = { 0 }, u = { 0 };
	struct hsm_object keys[HSM_DERIVED_MAX];
	AUTO_OBJECT o = { 0 };
	AUTO_KEY *k = NULL;
	const char *why;
	size_t n;
	hl_err err;

	template_number(&base, HL_CKA_VALUE_LEN, 32);
	template_bool(&base, HL_CKA_DERIVE, true);
	CU_ASSERT_EQUAL_FATAL(make(HL_CKM_AES_KEY_GEN, &base, &u, &o, NULL, &why), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_key_parse(&o, &k), HL_OK);
	template_bool(&t, HL_CKA_SENSITIVE, sensitive);
	template_bool(&t, HL_CKA_EXTRACTABLE, extractable);
	err = hsm_key_derive(k, HL_CKM_SHA256_KEY_DERIVATION, none, template_list(&t), rules, keys, &n, &why);
	template_clear(&t);
	hsm_object_clear(out);
	if (err == HL_OK)
		*out = keys[0];
	return err;
}

static void k03_what_comes_of_a_sensitive_key_stays_so(void)
{
	AUTO_OBJECT o = { 0 };

	CU_ASSERT_EQUAL(derived_with(false, false, &strict, &o), HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(derived_with(true, true, &strict, &o), HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(derived_with(false, true, &legacy, &o), HL_OK);
	CU_ASSERT_FALSE(hsm_attribute_bool(&o, HL_CKA_ALWAYS_SENSITIVE));
	CU_ASSERT_EQUAL(derived_with(true, false, &strict, &o), HL_OK);
	CU_ASSERT(hsm_attribute_bool(&o, HL_CKA_ALWAYS_SENSITIVE));
	CU_ASSERT(hsm_attribute_bool(&o, HL_CKA_NEVER_EXTRACTABLE));
	CU_ASSERT_FALSE(hsm_attribute_bool(&o, HL_CKA_LOCAL));
}

/* What a key says of its past is what was so when it came into being. */
static void k03_a_key_tells_the_truth_about_its_past(void)
{
	for (int sensitive = 0; sensitive < 2; sensitive++)
		for (int extractable = 0; extractable < 2; extractable++) {
			struct template t = { 0 }, u = { 0 };
			AUTO_OBJECT o = { 0 };
			const char *why;

			template_number(&t, HL_CKA_VALUE_LEN, 32);
			template_bool(&t, HL_CKA_SENSITIVE, sensitive);
			template_bool(&t, HL_CKA_EXTRACTABLE, extractable);
			CU_ASSERT_EQUAL_FATAL(make(HL_CKM_AES_KEY_GEN, &t, &u, &o, NULL, &why), HL_OK);
			CU_ASSERT(hsm_attribute_bool(&o, HL_CKA_LOCAL));
			CU_ASSERT_EQUAL(hsm_attribute_bool(&o, HL_CKA_ALWAYS_SENSITIVE), sensitive);
			CU_ASSERT_EQUAL(hsm_attribute_bool(&o, HL_CKA_NEVER_EXTRACTABLE), !extractable);
			template_clear(&t);
		}
}

/* -- K-04 to K-06 -------------------------------------------------------------------------------------------------- */

static void wrapping_key(uint64_t length, struct template *t, struct hsm_object *o, struct hsm_key **k)
{
	struct template u = { 0 };
	const char *why;

	template_number(t, HL_CKA_VALUE_LEN, length);
	template_bool(t, HL_CKA_WRAP, true);
	template_bool(t, HL_CKA_UNWRAP, true);
	CU_ASSERT_EQUAL_FATAL(make(HL_CKM_AES_KEY_GEN, t, &u, o, NULL, &why), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hsm_key_parse(o, k), HL_OK);
}

static hl_err wrapped_by(struct hsm_key *k, const struct hsm_object *target, const struct hsm_rules *rules,
	struct hl_buf *out)
{
	const char *why;

	hl_buf_clear(out);
	*out = hl_buf(8192);
	return hsm_key_wrap(k, HL_CKM_AES_KEY_WRAP_PAD, none, target, rules, out, &why);
}

static hl_err comes_back_with(struct hsm_key *k, struct hl_bytes wrapped, uint32_t type, bool v,
	const struct hsm_rules *rules)
{
	AUTO_OBJECT o = { 0 };
	struct template t = { 0 };
	const char *why;
	hl_err err;

	template_number(&t, HL_CKA_CLASS, HL_CKO_SECRET_KEY);
	template_number(&t, HL_CKA_KEY_TYPE, HL_CKK_AES);
	template_bool(&t, type, v);
	err = hsm_key_unwrap(k, HL_CKM_AES_KEY_WRAP_PAD, none, wrapped, template_list(&t), rules, &o, &why);
	template_clear(&t);
	return err;
}

static void k04_what_comes_back_is_sensitive_and_wraps_nothing(void)
{
	AUTO_OBJECT wrapper = { 0 };
	AUTO_OBJECT target = { 0 };
	AUTO_KEY *k = NULL;
	AUTO_BUF out = { 0 };
	struct template t = { 0 };

	wrapping_key(32, &t, &wrapper, &k);
	open_aes(&target);
	CU_ASSERT_EQUAL_FATAL(wrapped_by(k, &target, &strict, &out), HL_OK);
	CU_ASSERT_EQUAL(comes_back_with(k, hl_buf_view(&out), HL_CKA_SENSITIVE, true, &strict), HL_OK);
	CU_ASSERT_EQUAL(
		comes_back_with(k, hl_buf_view(&out), HL_CKA_SENSITIVE, false, &strict), HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(comes_back_with(k, hl_buf_view(&out), HL_CKA_WRAP, true, &strict), HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(comes_back_with(k, hl_buf_view(&out), HL_CKA_UNWRAP, true, &strict), HL_E_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(comes_back_with(k, hl_buf_view(&out), HL_CKA_WRAP, true, &legacy), HL_OK);
	CU_ASSERT_EQUAL(comes_back_with(k, hl_buf_view(&out), HL_CKA_TRUSTED, true,
				&(struct hsm_rules){ .trusts = true, .legacy_wrap = true }),
		HL_E_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(
		comes_back_with(k, hl_buf_view(&out), HL_CKA_LOCAL, true, &strict), HL_E_ATTRIBUTE_READ_ONLY);
}

static void k04_a_key_that_wraps_is_wrapped_by_a_trusted_one_only(void)
{
	static const struct hsm_rules officer = { .trusts = true };
	AUTO_OBJECT wrapper = { 0 };
	AUTO_OBJECT target = { 0 };
	AUTO_OBJECT trusted = { 0 };
	AUTO_KEY *k = NULL;
	AUTO_KEY *t_key = NULL;
	AUTO_KEY *unused = NULL;
	AUTO_BUF out = { 0 };
	struct template t = { 0 };
	const char *why;

	wrapping_key(32, &t, &wrapper, &k);
	template_bool(&t, HL_CKA_EXTRACTABLE, true);
	wrapping_key(32, &t, &target, &unused);
	CU_ASSERT_EQUAL(wrapped_by(k, &target, &strict, &out), HL_E_NOT_WRAPPABLE);
	CU_ASSERT_EQUAL(wrapped_by(k, &target, &legacy, &out), HL_OK);
	template_number(&t, HL_CKA_VALUE_LEN, 32);
	template_bool(&t, HL_CKA_WRAP, true);
	template_bool(&t, HL_CKA_TRUSTED, true);
	CU_ASSERT_EQUAL(hsm_key_generate(HL_CKM_AES_KEY_GEN, none, template_list(&t), NULL, &strict, &trusted, NULL, &why),
		HL_E_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_STRING_EQUAL(why, "CKA_TRUSTED");
	CU_ASSERT_EQUAL_FATAL(
		hsm_key_generate(HL_CKM_AES_KEY_GEN, none, template_list(&t), NULL, &officer, &trusted, NULL, &why), HL_OK);
	template_clear(&t);
	CU_ASSERT_EQUAL_FATAL(hsm_key_parse(&trusted, &t_key), HL_OK);
	CU_ASSERT_EQUAL(wrapped_by(t_key, &target, &strict, &out), HL_OK);
	/* CKA_WRAP_WITH_TRUSTED holds under legacy_wrap, too. */
	hsm_object_clear(&target);
	open_aes(&target);
	CU_ASSERT_EQUAL(hsm_attribute_set_bool(&target, HL_CKA_WRAP_WITH_TRUSTED, true), HL_OK);
	CU_ASSERT_EQUAL(wrapped_by(k, &target, &legacy, &out), HL_E_NOT_WRAPPABLE);
	CU_ASSERT_EQUAL(wrapped_by(t_key, &target, &strict, &out), HL_OK);
}

/* Wrapping keys of 128, 192 and 256 bits, and what each may wrap: one character a target. */
static void k05_no_key_is_wrapped_by_a_weaker_one(void)
{
	static const char *const may[] = { "1001100", "1101110", "1111111" };
	struct hsm_object target[7];
	struct hsm_object public_[4];
	AUTO_BUF out = { 0 };

	memset(target, 0, sizeof target);
	memset(public_, 0, sizeof public_);
	for (size_t i = 0; i < 3; i++) {
		struct template t = { 0 }, u = { 0 };
		const char *why;

		template_number(&t, HL_CKA_VALUE_LEN, 16 + 8 * i);
		CU_ASSERT_EQUAL_FATAL(make(HL_CKM_AES_KEY_GEN, &t, &u, &target[i], NULL, &why), HL_OK);
	}
	make_ec_pair(p256, &target[3], &public_[0]);
	make_rsa_pair(3072, &target[4], &public_[1]);
	make_ec_pair(p384, &target[5], &public_[2]);
	make_ec_pair(p521, &target[6], &public_[3]);
	for (size_t i = 0; i < 3; i++) {
		AUTO_OBJECT wrapper = { 0 };
		AUTO_KEY *k = NULL;
		struct template t = { 0 };

		wrapping_key(16 + 8 * i, &t, &wrapper, &k);
		for (size_t j = 0; j < HL_COUNT(target); j++) {
			CU_ASSERT_EQUAL(hsm_attribute_set_bool(&target[j], HL_CKA_EXTRACTABLE, true), HL_OK);
			CU_ASSERT_EQUAL(wrapped_by(k, &target[j], &strict, &out), may[i][j] == '1' ? HL_OK : HL_E_MECHANISM);
			CU_ASSERT_EQUAL(wrapped_by(k, &target[j], &legacy, &out), HL_OK);
		}
	}
	for (size_t j = 0; j < HL_COUNT(target); j++)
		hsm_object_clear(&target[j]);
	for (size_t j = 0; j < HL_COUNT(public_); j++)
		hsm_object_clear(&public_[j]);
}

static void k06_no_wrapping_that_can_be_altered(void)
{
	static const uint32_t refused[] = { HL_CKM_AES_ECB, HL_CKM_AES_CBC, HL_CKM_AES_CBC_PAD };
	AUTO_OBJECT wrapper = { 0 };
	AUTO_OBJECT target = { 0 };
	AUTO_KEY *k = NULL;
	AUTO_BUF out = hl_buf(1024);
	struct template t = { 0 };
	const char *why;

	wrapping_key(32, &t, &wrapper, &k);
	open_aes(&target);
	for (size_t i = 0; i < HL_COUNT(refused); i++) {
		struct hl_iv_parameter iv = { hl_bytes(message.p, 16) };
		AUTO_BUF memory = { 0 };
		struct hl_bytes p = i ? parameter(&memory, &hl_msg_iv_parameter, &iv) : none;
		AUTO_OBJECT back = { 0 };

		CU_ASSERT_EQUAL(hsm_key_wrap(k, refused[i], p, &target, &strict, &out, &why), HL_E_MECHANISM);
		CU_ASSERT_STRING_EQUAL(why, "what it wraps can be altered");
		CU_ASSERT_EQUAL(hsm_key_wrap(k, refused[i], p, &target, &legacy, &out, &why), HL_OK);
		template_number(&t, HL_CKA_CLASS, HL_CKO_SECRET_KEY);
		template_number(&t, HL_CKA_KEY_TYPE, HL_CKK_AES);
		CU_ASSERT_EQUAL(hsm_key_unwrap(k, refused[i], p, hl_buf_view(&out), template_list(&t), &strict, &back, &why),
			HL_E_MECHANISM);
		template_clear(&t);
	}
	/* Of RSA: the bare operation, and unwrapping by PKCS #1 v1.5. */
	CU_ASSERT(hsm_mechanism(HL_CKM_RSA_X_509)->flags & HSM_LEGACY_WRAP);
	CU_ASSERT(hsm_mechanism(HL_CKM_RSA_X_509)->flags & HSM_LEGACY_UNWRAP);
	CU_ASSERT(hsm_mechanism(HL_CKM_RSA_PKCS)->flags & HSM_LEGACY_UNWRAP);
	CU_ASSERT_FALSE(hsm_mechanism(HL_CKM_RSA_PKCS_OAEP)->flags & (HSM_LEGACY_WRAP | HSM_LEGACY_UNWRAP));
}

/* CKM_EXTRACT_KEY_FROM_KEY, CKM_XOR_BASE_AND_DATA and the three CKM_CONCATENATEs. */
static void k07_nothing_shortens_or_mixes_keys(void)
{
	static const uint32_t absent[] = { 0x365, 0x364, 0x360, 0x362, 0x363 };

	for (size_t i = 0; i < HL_COUNT(absent); i++)
		CU_ASSERT_PTR_NULL(hsm_mechanism(absent[i]));
}

/* -- uses ------------------------------------------------------------------------------------------------------------- */

static void k19_who_wants_a_login_each_time_says_so(void)
{
	AUTO_PAIR p = { 0 };
	struct template t = { 0 }, u = { 0 };
	const char *why;

	template_bool(&t, HL_CKA_ALWAYS_AUTHENTICATE, true);
	template_bytes(&u, HL_CKA_EC_PARAMS, p256.p, p256.n);
	CU_ASSERT_EQUAL_FATAL(make(HL_CKM_EC_KEY_PAIR_GEN, &t, &u, &p.object, &p.public_object, &why), HL_OK);
	pair_parse(&p);
	CU_ASSERT(hsm_key_always_authenticates(p.key));
	CU_ASSERT_FALSE(hsm_key_always_authenticates(p.public_key));
	CU_ASSERT_EQUAL(set(&p.object, HL_CKA_ALWAYS_AUTHENTICATE, false, &legacy), HL_E_ATTRIBUTE_READ_ONLY);
}

static void only_allowed_mechanisms_run(void)
{
	static const uint8_t two[16] = { [6] = HL_CKM_SHA256_HMAC >> 8, [7] = HL_CKM_SHA256_HMAC & 0xff,
		[14] = HL_CKM_SHA384_HMAC >> 8, [15] = HL_CKM_SHA384_HMAC & 0xff };
	struct template t = { 0 };
	AUTO_KEY *k = NULL;
	AUTO_BUF out = { 0 };

	template_bytes(&t, HL_CKA_VALUE, message.p, 32);
	template_bytes(&t, HL_CKA_ALLOWED_MECHANISMS, two, sizeof two);
	k = import_parsed(&t, HL_CKO_SECRET_KEY, HL_CKK_GENERIC_SECRET);
	CU_ASSERT_EQUAL(sign(k, HL_CKM_SHA256_HMAC, message, &out), HL_OK);
	CU_ASSERT_EQUAL(sign(k, HL_CKM_SHA384_HMAC, message, &out), HL_OK);
	CU_ASSERT_EQUAL(sign(k, HL_CKM_SHA512_HMAC, message, &out), HL_E_MECHANISM);
}

static CU_TestInfo tests[] = {
	{ "K-01, K-02: uses that undo one another", k01_and_k02_uses_that_undo_one_another },
	{ "K-01: no default opens what a rule shuts", k01_no_default_opens_what_a_rule_shuts },
	{ "K-01: no use is added later", k01_no_use_is_added_later },
	{ "K-03: copies only tighten", k03_copies_only_tighten },
	{ "K-03: a copy is deep and has its own name", k03_a_copy_is_deep_and_has_its_own_name },
	{ "K-03: a key tells the truth about its past", k03_a_key_tells_the_truth_about_its_past },
	{ "K-03: what comes of a sensitive key stays so", k03_what_comes_of_a_sensitive_key_stays_so },
	{ "K-04: what comes back is sensitive and wraps nothing", k04_what_comes_back_is_sensitive_and_wraps_nothing },
	{ "K-04: a key that wraps is wrapped by a trusted one only",
		k04_a_key_that_wraps_is_wrapped_by_a_trusted_one_only },
	{ "K-05: no key is wrapped by a weaker one", k05_no_key_is_wrapped_by_a_weaker_one },
	{ "K-06: no wrapping that can be altered", k06_no_wrapping_that_can_be_altered },
	{ "K-07: nothing shortens or mixes keys", k07_nothing_shortens_or_mixes_keys },
	{ "K-19: who wants a login each time says so", k19_who_wants_a_login_each_time_says_so },
	{ "only allowed mechanisms run", only_allowed_mechanisms_run },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("rules", tests)
