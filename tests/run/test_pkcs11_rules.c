/* What attributes promise, through the provider: history, one-way changes, who may make what without a login or in a session
 * that only reads, mechanisms that a key allows, keys that want the PIN for each use, and what may be wrapped. */
#include <limits.h>
#include <sys/mman.h>

#include "tests/support/p11_world.h"

static CK_BYTE data[] = "what is signed here";
#define DATA_N (sizeof data - 1)

static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY, data_object = CKO_DATA, public_class = CKO_PUBLIC_KEY;
static CK_KEY_TYPE aes_type = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_BYTE p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
static CK_BYTE key_bytes[] = "sixteen byte key";
#define KEY_N 16

static CK_RV set_flag(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, CK_BBOOL value)
{
	CK_ATTRIBUTE t = { type, &value, 1 };

	return p11_f->C_SetAttributeValue(s, o, &t, 1);
}

/* An AES session key of known bytes. */
static CK_OBJECT_HANDLE import(CK_SESSION_HANDLE s, CK_ATTRIBUTE_TYPE use, CK_BBOOL open)
{
	CK_BBOOL closed = !open;
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes_type), { CKA_VALUE, key_bytes, KEY_N },
		ATTRIBUTE(CKA_SENSITIVE, closed), ATTRIBUTE(CKA_EXTRACTABLE, open), { use, &yes, 1 } };
	CK_OBJECT_HANDLE o = 0;

	IS(OK, C_CreateObject(s, t, 6, &o));
	return o;
}

/* A pair on the token that agrees or signs; `more` of the private key. */
static CK_RV make_pair(
	CK_SESSION_HANDLE s, CK_ATTRIBUTE_TYPE use, const CK_ATTRIBUTE *more, CK_ULONG n, struct p11_pair *out)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE theirs[] = { ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_EC_PARAMS, p256), ATTRIBUTE(CKA_VERIFY, yes) };
	CK_ATTRIBUTE mine[6] = { ATTRIBUTE(CKA_TOKEN, yes), { use, &yes, 1 } };

	for (CK_ULONG i = 0; i < n; i++)
		mine[2 + i] = more[i];
	return p11_f->C_GenerateKeyPair(s, &m, theirs, 3, mine, 2 + n, &out->public_key, &out->key);
}

static void destroy_pair(CK_SESSION_HANDLE s, const struct p11_pair *p)
{
	IS(OK, C_DestroyObject(s, p->key));
	IS(OK, C_DestroyObject(s, p->public_key));
}

static CK_RV agree(CK_SESSION_HANDLE s, const struct p11_pair *p, const CK_ATTRIBUTE *more, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
	CK_BYTE point[80];
	CK_ULONG length = 16;
	CK_ATTRIBUTE a = { CKA_EC_POINT, point, sizeof point };
	CK_ATTRIBUTE t[6] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes_type), ATTRIBUTE(CKA_VALUE_LEN, length) };
	CK_ECDH1_DERIVE_PARAMS params = { .kdf = CKD_NULL, .pPublicData = point };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &params, sizeof params };

	IS(OK, C_GetAttributeValue(s, p->public_key, &a, 1));
	params.ulPublicDataLen = a.ulValueLen;
	for (CK_ULONG i = 0; i < n; i++)
		t[3 + i] = more[i];
	return p11_f->C_DeriveKey(s, &m, p->key, t, 3 + n, out);
}

/* -- history --------------------------------------------------------------------------------------------------------- */

static CK_ULONG made_by(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
	CK_ULONG m = 0;
	CK_ATTRIBUTE t = ATTRIBUTE(CKA_KEY_GEN_MECHANISM, m);

	IS(OK, C_GetAttributeValue(s, o, &t, 1));
	return m;
}

static void expect_history(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_BBOOL local, CK_BBOOL always, CK_BBOOL never)
{
	CU_ASSERT_EQUAL(flag_of(s, o, CKA_LOCAL), local);
	CU_ASSERT_EQUAL(flag_of(s, o, CKA_ALWAYS_SENSITIVE), always);
	CU_ASSERT_EQUAL(flag_of(s, o, CKA_NEVER_EXTRACTABLE), never);
}

static void a_key_tells_how_it_came_about(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ATTRIBUTE open[] = { ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes) };
	CK_MECHANISM wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes_type) };
	CK_OBJECT_HANDLE made, opened, given = import(s, CKA_ENCRYPT, CK_FALSE), back, derived;
	struct p11_pair from, from_open;
	CK_BYTE blob[40];
	CK_ULONG n = sizeof blob;

	CU_ASSERT_EQUAL(make_session_aes(s, NULL, 0, &made), CKR_OK);
	expect_history(s, made, CK_TRUE, CK_TRUE, CK_TRUE);
	CU_ASSERT_EQUAL(made_by(s, made), CKM_AES_KEY_GEN);
	CU_ASSERT_EQUAL(make_session_aes(s, open, 2, &opened), CKR_OK);
	expect_history(s, opened, CK_TRUE, CK_FALSE, CK_FALSE);
	CU_ASSERT_EQUAL(set_flag(s, opened, CKA_SENSITIVE, CK_TRUE), CKR_OK);
	expect_history(s, opened, CK_TRUE, CK_FALSE, CK_FALSE); /* it was not always so */
	expect_history(s, given, CK_FALSE, CK_FALSE, CK_FALSE);
	CU_ASSERT_EQUAL(made_by(s, given), CK_UNAVAILABLE_INFORMATION);
	IS(OK, C_WrapKey(s, &wrap, import(s, CKA_WRAP, CK_FALSE), opened, blob, &n));
	IS(OK, C_UnwrapKey(s, &wrap, import(s, CKA_UNWRAP, CK_FALSE), blob, n, t, 2, &back));
	expect_history(s, back, CK_FALSE, CK_FALSE, CK_FALSE);
	CU_ASSERT_EQUAL(make_pair(s, CKA_DERIVE, NULL, 0, &from), CKR_OK);
	CU_ASSERT_EQUAL(agree(s, &from, NULL, 0, &derived), CKR_OK);
	expect_history(s, derived, CK_FALSE, CK_TRUE, CK_TRUE); /* as its base */
	CU_ASSERT_EQUAL(make_pair(s, CKA_DERIVE, open, 2, &from_open), CKR_OK);
	CU_ASSERT_EQUAL(agree(s, &from_open, NULL, 0, &derived), CKR_OK);
	expect_history(s, derived, CK_FALSE, CK_FALSE, CK_FALSE);
	destroy_pair(s, &from);
	destroy_pair(s, &from_open);
	p11_over();
}

static void what_is_closed_stays_closed(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ATTRIBUTE open[] = { ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes) };
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		CK_BBOOL from, to;
	} ways[] = { { CKA_SENSITIVE, CK_FALSE, CK_TRUE }, { CKA_EXTRACTABLE, CK_TRUE, CK_FALSE },
		{ CKA_WRAP_WITH_TRUSTED, CK_FALSE, CK_TRUE } };
	static const CK_ATTRIBUTE_TYPE never[] = { CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_TOKEN, CKA_PRIVATE,
		CKA_TRUSTED };
	CK_OBJECT_HANDLE key;

	CU_ASSERT_EQUAL(make_session_aes(s, open, 2, &key), CKR_OK);
	for (size_t i = 0; i < HL_COUNT(ways); i++) {
		CU_ASSERT_EQUAL(flag_of(s, key, ways[i].type), ways[i].from);
		CU_ASSERT_EQUAL(set_flag(s, key, ways[i].type, ways[i].to), CKR_OK);
		CU_ASSERT_EQUAL(set_flag(s, key, ways[i].type, ways[i].from), CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_EQUAL(flag_of(s, key, ways[i].type), ways[i].to);
	}
	for (size_t i = 0; i < HL_COUNT(never); i++)
		CU_ASSERT_EQUAL(
			set_flag(s, key, never[i], !flag_of(s, key, never[i])), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(make_session_aes(s, &(CK_ATTRIBUTE)ATTRIBUTE(CKA_TRUSTED, yes), 1, &key), CKR_ATTRIBUTE_READ_ONLY);
	p11_over();
}

/* K-01, K-02: by a template, and by a change. */
static void a_key_does_not_get_the_use_that_undoes_another(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ATTRIBUTE both[] = { ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_DECRYPT, yes) },
		     other[] = { ATTRIBUTE(CKA_UNWRAP, yes), ATTRIBUTE(CKA_ENCRYPT, yes) };
	CK_OBJECT_HANDLE key, copy;

	CU_ASSERT_EQUAL(make_session_aes(s, both, 2, &key), CKR_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(make_session_aes(s, other, 2, &key), CKR_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(make_session_aes(s, both, 1, &key), CKR_OK);
	CU_ASSERT_EQUAL(set_flag(s, key, CKA_DECRYPT, CK_TRUE), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(set_flag(s, key, CKA_UNWRAP, CK_TRUE), CKR_ATTRIBUTE_READ_ONLY);
	IS(ATTRIBUTE_READ_ONLY, C_CopyObject(s, key, &both[1], 1, &copy));
	CU_ASSERT_EQUAL(flag_of(s, key, CKA_DECRYPT), CK_FALSE);
	p11_over();
}

static void a_key_that_wants_a_trusted_one_is_wrapped_by_no_other(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ATTRIBUTE wants[] = { ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_WRAP_WITH_TRUSTED, yes) };
	CK_MECHANISM wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_HANDLE key;
	CK_BYTE blob[40];
	CK_ULONG n = sizeof blob;

	CU_ASSERT_EQUAL(make_session_aes(s, wants, 2, &key), CKR_OK);
	IS(KEY_NOT_WRAPPABLE, C_WrapKey(s, &wrap, import(s, CKA_WRAP, CK_FALSE), key, blob, &n));
	p11_over();
}

static void an_object_keeps_its_unique_name(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key = aes_of(s), found[2];
	CK_BYTE name[32], again[32];
	CK_ATTRIBUTE t = ATTRIBUTE(CKA_UNIQUE_ID, name), u = ATTRIBUTE(CKA_UNIQUE_ID, again);
	CK_ULONG n = 0;

	IS(OK, C_GetAttributeValue(s, key, &t, 1));
	IS(ATTRIBUTE_READ_ONLY, C_SetAttributeValue(s, key, &t, 1));
	IS(OK, C_FindObjectsInit(s, &t, 1));
	IS(OK, C_FindObjects(s, found, 2, &n));
	CU_ASSERT(n == 1 && found[0] == key);
	p11_over();
	s = p11_begin_logged_in(&acme);
	IS(OK, C_GetAttributeValue(s, aes_of(s), &u, 1));
	CU_ASSERT(t.ulValueLen == u.ulValueLen && memcmp(name, again, t.ulValueLen) == 0);
	p11_over();
}

/* -- without a login, or without writing ----------------------------------------------------------------------------- */

static void public_objects_need_no_login_and_private_ones_do(void)
{
	CK_ATTRIBUTE note[] = { ATTRIBUTE(CKA_CLASS, data_object), ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_PRIVATE, no),
		{ CKA_LABEL, "a note", 6 }, { CKA_VALUE, "text", 4 } };
	CK_ATTRIBUTE public[] = { ATTRIBUTE(CKA_PRIVATE, no) }, private[] = { ATTRIBUTE(CKA_PRIVATE, yes) },
		     label = { CKA_LABEL, "renamed", 7 };
	CK_OBJECT_HANDLE o, copy, key;
	CK_SESSION_HANDLE s;

	IS(OK, C_Initialize(NULL));
	s = open_session(RW);
	IS(OK, C_CreateObject(s, note, 5, &o));
	IS(OK, C_SetAttributeValue(s, o, &label, 1));
	IS(OK, C_CopyObject(s, o, NULL, 0, &copy));
	IS(USER_NOT_LOGGED_IN, C_CopyObject(s, o, private, 1, &key));
	IS(OK, C_DestroyObject(s, copy));
	CU_ASSERT_EQUAL(make_session_aes(s, public, 1, &key), CKR_OK);
	CU_ASSERT_EQUAL(make_session_aes(s, private, 1, &key), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(make_session_aes(s, NULL, 0, &key), CKR_USER_NOT_LOGGED_IN); /* private by default */
	CU_ASSERT_EQUAL(p11_make_aes(s, "never", &key), CKR_USER_NOT_LOGGED_IN);
	note[2].pValue = &yes;
	IS(USER_NOT_LOGGED_IN, C_CreateObject(s, note, 5, &key));
	CU_ASSERT_EQUAL(p11_find(s, "renamed", &key, 1), 1);
	IS(OK, C_DestroyObject(s, o));
	p11_over();
}

static void a_session_that_reads_makes_nothing_that_lasts(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme), ro = open_session(RO);
	CK_MECHANISM wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes_type), ATTRIBUTE(CKA_TOKEN, yes),
		{ CKA_VALUE, key_bytes, KEY_N } };
	CK_ATTRIBUTE token = ATTRIBUTE(CKA_TOKEN, yes);
	CK_OBJECT_HANDLE key = import(s, CKA_ENCRYPT, CK_TRUE), wraps = import(s, CKA_WRAP, CK_FALSE),
			 unwraps = import(s, CKA_UNWRAP, CK_FALSE), o = 0;
	struct p11_pair p;
	CK_BYTE blob[40];
	CK_ULONG n = sizeof blob;

	CU_ASSERT_EQUAL(make_pair(s, CKA_DERIVE, NULL, 0, &p), CKR_OK);
	CU_ASSERT_EQUAL(p11_make_aes(ro, "never", &o), CKR_SESSION_READ_ONLY);
	IS(SESSION_READ_ONLY, C_CreateObject(ro, t, 4, &o));
	IS(SESSION_READ_ONLY, C_CopyObject(ro, key, &token, 1, &o));
	CU_ASSERT_EQUAL(agree(ro, &p, &token, 1, &o), CKR_SESSION_READ_ONLY);
	IS(OK, C_WrapKey(ro, &wrap, wraps, key, blob, &n));
	IS(SESSION_READ_ONLY, C_UnwrapKey(ro, &wrap, unwraps, blob, n, t, 3, &o));
	CU_ASSERT_EQUAL(o, 0);
	IS(OK, C_UnwrapKey(ro, &wrap, unwraps, blob, n, t, 2, &o)); /* all of it for the session */
	CU_ASSERT_EQUAL(agree(ro, &p, NULL, 0, &o), CKR_OK);
	IS(OK, C_CopyObject(ro, key, NULL, 0, &o));
	destroy_pair(s, &p);
	p11_over();
}

/* What comes back to a session is the client's to keep like any other: it is there at the member that takes over. */
static void an_unwrapped_session_key_outlives_its_member(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_MECHANISM wrap = { CKM_AES_KEY_WRAP, NULL, 0 }, ecb = { CKM_AES_ECB, NULL, 0 };
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes_type), ATTRIBUTE(CKA_ENCRYPT, yes) };
	CK_OBJECT_HANDLE key = import(s, CKA_ENCRYPT, CK_TRUE), back;
	CK_BYTE blob[40], one[16], two[16];
	CK_ULONG n = sizeof blob, m = sizeof one, k = sizeof two;

	IS(OK, C_WrapKey(s, &wrap, import(s, CKA_WRAP, CK_FALSE), key, blob, &n));
	IS(OK, C_UnwrapKey(s, &wrap, import(s, CKA_UNWRAP, CK_FALSE), blob, n, t, 3, &back));
	CU_ASSERT(live_kill(w, "hsm1") && live_restart(w, "hsm1") && live_await_up(w));
	IS(OK, C_EncryptInit(s, &ecb, back));
	IS(OK, C_Encrypt(s, key_bytes, 16, one, &m));
	IS(OK, C_EncryptInit(s, &ecb, key));
	IS(OK, C_Encrypt(s, key_bytes, 16, two, &k));
	CU_ASSERT(m == k && memcmp(one, two, m) == 0);
	p11_over();
}

/* Each has a handle and a name of its own, and goes on without the other. */
static void a_copy_for_the_session_is_another_object(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ATTRIBUTE session = ATTRIBUTE(CKA_TOKEN, no), label = { CKA_LABEL, "copy", 4 };
	CK_OBJECT_HANDLE of[] = { import(s, CKA_ENCRYPT, CK_TRUE), aes_of(s) }, copy, found[2];

	for (int i = 0; i < 2; i++) {
		CK_BYTE name[2][32];
		CK_ATTRIBUTE a = ATTRIBUTE(CKA_UNIQUE_ID, name[0]), b = ATTRIBUTE(CKA_UNIQUE_ID, name[1]);

		IS(OK, C_CopyObject(s, of[i], &session, 1, &copy));
		CU_ASSERT_NOT_EQUAL(copy, of[i]);
		CU_ASSERT_EQUAL(flag_of(s, copy, CKA_TOKEN), CK_FALSE);
		IS(OK, C_GetAttributeValue(s, of[i], &a, 1));
		IS(OK, C_GetAttributeValue(s, copy, &b, 1));
		CU_ASSERT(memcmp(name[0], name[1], a.ulValueLen) != 0);
		IS(OK, C_SetAttributeValue(s, copy, &label, 1));
		CU_ASSERT_EQUAL(p11_find(s, "copy", found, 2), 1);
		IS(OK, C_DestroyObject(s, copy));
		CU_ASSERT_EQUAL(flag_of(s, of[i], CKA_ENCRYPT), CK_TRUE);
	}
	p11_over();
}

static void a_data_object_may_be_copied_with_another_value(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, data_object), { CKA_VALUE, "one", 3 } }, other = { CKA_VALUE, "another", 7 };
	CK_BYTE read[16];
	CK_ATTRIBUTE value = ATTRIBUTE(CKA_VALUE, read);
	CK_OBJECT_HANDLE o, copy;

	IS(OK, C_CreateObject(s, t, 2, &o));
	IS(OK, C_CopyObject(s, o, &other, 1, &copy));
	IS(OK, C_GetAttributeValue(s, copy, &value, 1));
	CU_ASSERT(value.ulValueLen == 7 && memcmp(read, "another", 7) == 0);
	value.ulValueLen = sizeof read;
	IS(OK, C_GetAttributeValue(s, o, &value, 1)); /* nothing of it is shared */
	CU_ASSERT(value.ulValueLen == 3 && memcmp(read, "one", 3) == 0);
	p11_over();
}

/* -- mechanisms that a key allows ---------------------------------------------------------------------------------------- */

static void a_key_is_used_with_the_mechanisms_that_it_allows(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_MECHANISM_TYPE only[] = { CKM_ECDSA_SHA256 }, other[] = { CKM_ECDSA };
	CK_ATTRIBUTE hashing = ATTRIBUTE(CKA_ALLOWED_MECHANISMS, only), bare = ATTRIBUTE(CKA_ALLOWED_MECHANISMS, other);
	CK_MECHANISM plain = { CKM_ECDSA, NULL, 0 }, sha384 = { CKM_ECDSA_SHA384, NULL, 0 };
	CK_BYTE signature[64], digest[32] = { 1 };
	struct p11_pair p, q;
	CK_ULONG n = sizeof signature;

	CU_ASSERT_EQUAL(make_pair(s, CKA_SIGN, &hashing, 1, &p), CKR_OK);
	CU_ASSERT_EQUAL(make_pair(s, CKA_SIGN, &bare, 1, &q), CKR_OK);
	IS(MECHANISM_INVALID, C_SignInit(s, &plain, p.key)); /* told at the Init */
	IS(MECHANISM_INVALID, C_SignInit(s, &sha384, p.key));
	IS(MECHANISM_INVALID, C_SignInit(s, &ecdsa, q.key)); /* though what is hashed here could be signed so */
	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_SignUpdate(s, data, 3)); /* hashed in parts, and still by the mechanism that is allowed */
	IS(OK, C_SignUpdate(s, data + 3, DATA_N - 3));
	IS(OK, C_SignFinal(s, signature, &n));
	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key));
	IS(OK, C_Verify(s, data, DATA_N, signature, n));
	n = sizeof signature;
	IS(OK, C_SignInit(s, &plain, q.key));
	IS(OK, C_Sign(s, digest, sizeof digest, signature, &n));
	destroy_pair(s, &p);
	destroy_pair(s, &q);
	p11_over();
}

/* -- keys that want the PIN for each use ------------------------------------------------------------------------------------ */

static CK_RV sign(CK_SESSION_HANDLE s)
{
	CK_BYTE signature[64];
	CK_ULONG n = sizeof signature;

	return p11_f->C_Sign(s, data, DATA_N, signature, &n);
}

static void a_key_that_wants_the_pin_for_each_use_is_used_once_for_each(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme), other = open_session(RO);
	CK_ATTRIBUTE each[] = { ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, yes) };
	CK_BYTE wrong[] = "wrong", signature[64];
	CK_ULONG n = sizeof signature;
	struct p11_pair p;

	CU_ASSERT_EQUAL(make_pair(s, CKA_SIGN, each, 1, &p), CKR_OK);
	IS(OPERATION_NOT_INITIALIZED, C_Login(s, CKU_CONTEXT_SPECIFIC, pin(), pin_n()));
	IS(OK, C_SignInit(s, &ecdsa, p.key));
	CU_ASSERT_EQUAL(sign(s), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(sign(s), CKR_OPERATION_NOT_INITIALIZED);
	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(PIN_INCORRECT, C_Login(s, CKU_CONTEXT_SPECIFIC, wrong, 5));
	expect_state(s, CKS_RW_USER_FUNCTIONS);
	IS(OK, C_Login(s, CKU_CONTEXT_SPECIFIC, pin(), pin_n()));
	IS(OK, C_SignInit(other, &ecdsa, p.key));
	CU_ASSERT_EQUAL(sign(other), CKR_USER_NOT_LOGGED_IN); /* it was not for this one */
	IS(OK, C_Sign(s, data, DATA_N, NULL, &n)); /* nor is asking for the length a use */
	CU_ASSERT_EQUAL(sign(s), CKR_OK);
	IS(OK, C_SignInit(s, &ecdsa, p.key));
	CU_ASSERT_EQUAL(sign(s), CKR_USER_NOT_LOGGED_IN);
	IS(OK, C_SignInit(s, &ecdsa, p.key));
	IS(OK, C_Login(s, CKU_CONTEXT_SPECIFIC, pin(), pin_n()));
	IS(OK, C_SignUpdate(s, data, DATA_N)); /* in parts it is one use, too */
	n = sizeof signature;
	IS(OK, C_SignFinal(s, signature, &n));
	IS(OK, C_VerifyInit(s, &ecdsa, p.public_key));
	IS(OK, C_Verify(s, data, DATA_N, signature, n));
	expect_state(s, CKS_RW_USER_FUNCTIONS);
	destroy_pair(s, &p);
	p11_over();
}

/* One login, one use: what has no Init for the login to follow has none. */
static void a_key_that_wants_the_pin_for_each_use_derives_nothing(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ATTRIBUTE each[] = { ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, yes) };
	CK_OBJECT_HANDLE o;
	struct p11_pair p;

	CU_ASSERT_EQUAL(make_pair(s, CKA_DERIVE, each, 1, &p), CKR_OK);
	CU_ASSERT_EQUAL(agree(s, &p, NULL, 0, &o), CKR_USER_NOT_LOGGED_IN);
	expect_state(s, CKS_RW_USER_FUNCTIONS);
	destroy_pair(s, &p);
	p11_over();
}

/* -- derived ------------------------------------------------------------------------------------------------------------------ */

static void a_derived_key_is_as_long_as_it_may_be(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_BYTE point[80];
	CK_ULONG length = 33;
	CK_ATTRIBUTE a = ATTRIBUTE(CKA_EC_POINT, point);
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, generic), ATTRIBUTE(CKA_VALUE_LEN, length) };
	CK_ATTRIBUTE told = ATTRIBUTE(CKA_VALUE_LEN, length);
	CK_ECDH1_DERIVE_PARAMS params = { .kdf = CKD_NULL, .pPublicData = point };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &params, sizeof params };
	struct p11_pair p;
	CK_OBJECT_HANDLE o;
	CK_RV rv;

	CU_ASSERT_EQUAL(make_pair(s, CKA_DERIVE, NULL, 0, &p), CKR_OK);
	IS(OK, C_GetAttributeValue(s, p.public_key, &a, 1));
	CU_ASSERT(a.ulValueLen == 67 && point[0] == 4 && point[1] == 65 && point[2] == 4); /* a DER OCTET STRING */
	params.ulPublicDataLen = a.ulValueLen;
	rv = p11_f->C_DeriveKey(s, &m, p.key, t, 3, &o);
	CU_ASSERT(rv == CKR_KEY_SIZE_RANGE || rv == CKR_TEMPLATE_INCONSISTENT); /* more than the curve gives */
	IS(OK, C_DeriveKey(s, &m, p.key, t, 2, &o));
	IS(OK, C_GetAttributeValue(s, o, &told, 1));
	CU_ASSERT_EQUAL(length, 32); /* all of it by default */
	IS(KEY_FUNCTION_NOT_PERMITTED, C_DeriveKey(s, &m, pair_of(s).key, t, 2, &o));
	destroy_pair(s, &p);
	p11_over();
}

static void a_curve_is_known_by_number_and_by_name(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_BYTE name[] = { 0x13, 12, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9' }, number[] = { 6, 3, 0x2b, 0x65, 0x70 };
	CK_MECHANISM m = { CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0 }, eddsa = { CKM_EDDSA, NULL, 0 };
	CK_BYTE signature[64];

	for (int named = 0; named < 2; named++) {
		CK_ATTRIBUTE t = { CKA_EC_PARAMS, named ? name : number, named ? sizeof name : sizeof number };
		CK_ULONG n = sizeof signature;
		struct p11_pair p;

		IS(OK, C_GenerateKeyPair(s, &m, &t, 1, NULL, 0, &p.public_key, &p.key));
		IS(OK, C_SignInit(s, &eddsa, p.key));
		IS(OK, C_Sign(s, data, DATA_N, signature, &n));
		IS(OK, C_VerifyInit(s, &eddsa, p.public_key));
		IS(OK, C_Verify(s, data, DATA_N, signature, n));
	}
	p11_over();
}

/* A page that was there, and is not. */
static CK_ULONG gone(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CU_ASSERT(page != MAP_FAILED && munmap(page, 4096) == 0);
	return (CK_ULONG)page;
}

/* The structure of version 2.40 says where the length of the password stands. */
static void a_password_may_come_in_the_old_structure(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	const CK_ULONG nowhere[] = { gone(), 65536, ~0UL, ~0UL - 7, 1UL << 62, LONG_MAX };
	CK_ULONG n = KEY_N, length = 16;
	CK_PKCS5_PBKD2_PARAMS2 p = { CKZ_SALT_SPECIFIED, data, DATA_N, 1000, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, key_bytes, KEY_N };
	CK_PKCS5_PBKD2_PARAMS old = { CKZ_SALT_SPECIFIED, data, DATA_N, 1000, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, key_bytes, &n };
	CK_MECHANISM m[] = { { CKM_PKCS5_PBKD2, &p, sizeof p }, { CKM_PKCS5_PBKD2, &old, sizeof old } };
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes_type), ATTRIBUTE(CKA_VALUE_LEN, length),
		ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes) };
	CK_BYTE value[2][16];
	CK_OBJECT_HANDLE o;

	for (int i = 0; i < 2; i++) {
		CK_ATTRIBUTE read = { CKA_VALUE, value[i], 16 };

		IS(OK, C_GenerateKey(s, &m[i], t, 5, &o));
		IS(OK, C_GetAttributeValue(s, o, &read, 1));
	}
	CU_ASSERT_EQUAL(memcmp(value[0], value[1], 16), 0);
	for (size_t i = 0; i < HL_COUNT(nowhere); i++) { /* no length, and nothing there */
		p.ulPasswordLen = nowhere[i];
		IS(MECHANISM_PARAM_INVALID, C_GenerateKey(s, &m[0], t, 5, &o));
	}
	p11_over();
}

/* -- what the provider is ---------------------------------------------------------------------------------------------------- */

static void profiles_are_objects_that_nobody_changes(void)
{
	CK_OBJECT_CLASS class = CKO_PROFILE;
	CK_ATTRIBUTE find[] = { ATTRIBUTE(CKA_CLASS, class), { 0 } }, label = { CKA_LABEL, "x", 1 };
	CK_PROFILE_ID id[2] = { 0 };
	CK_OBJECT_HANDLE o[4], copy;
	CK_SESSION_HANDLE s;
	CK_ULONG n = 0;

	IS(OK, C_Initialize(NULL));
	s = open_session(RW);
	IS(OK, C_FindObjectsInit(s, find, 1));
	IS(OK, C_FindObjects(s, o, 4, &n));
	IS(OK, C_FindObjectsFinal(s));
	CU_ASSERT_EQUAL_FATAL(n, 2);
	for (int i = 0; i < 2; i++) {
		CK_ATTRIBUTE t[] = { { CKA_PROFILE_ID, &id[i], sizeof id[i] }, { CKA_VALUE, NULL, 0 } };

		IS(OK, C_GetAttributeValue(s, o[i], t, 1));
		CU_ASSERT_EQUAL(flag_of(s, o[i], CKA_TOKEN), CK_TRUE);
		CU_ASSERT_EQUAL(flag_of(s, o[i], CKA_PRIVATE), CK_FALSE);
		IS(ATTRIBUTE_TYPE_INVALID, C_GetAttributeValue(s, o[i], t, 2));
		IS(OK, C_GetObjectSize(s, o[i], &n));
	}
	CU_ASSERT(id[0] == CKP_BASELINE_PROVIDER && id[1] == CKP_EXTENDED_PROVIDER);
	find[1] = (CK_ATTRIBUTE)ATTRIBUTE(CKA_PROFILE_ID, id[1]);
	IS(OK, C_FindObjectsInit(s, find, 2));
	IS(OK, C_FindObjects(s, o + 2, 2, &n));
	IS(OK, C_FindObjectsFinal(s));
	CU_ASSERT(n == 1 && o[2] == o[1]);
	find[0].pValue = &public_class;
	IS(OK, C_FindObjectsInit(s, find, 2));
	IS(OK, C_FindObjects(s, o + 2, 2, &n));
	CU_ASSERT_EQUAL(n, 0);
	IS(ACTION_PROHIBITED, C_DestroyObject(s, o[0]));
	IS(ACTION_PROHIBITED, C_SetAttributeValue(s, o[0], &label, 1));
	IS(ACTION_PROHIBITED, C_CopyObject(s, o[0], NULL, 0, &copy));
	IS(KEY_TYPE_INCONSISTENT, C_SignInit(s, &ecdsa, o[0]));
	p11_over();
}

/* clang-format off */
static CU_TestInfo tests[] = {
	TEST(a_key_tells_how_it_came_about),
	TEST(what_is_closed_stays_closed),
	TEST(a_key_does_not_get_the_use_that_undoes_another),
	TEST(a_key_that_wants_a_trusted_one_is_wrapped_by_no_other),
	TEST(an_object_keeps_its_unique_name),
	TEST(public_objects_need_no_login_and_private_ones_do),
	TEST(a_session_that_reads_makes_nothing_that_lasts),
	TEST(an_unwrapped_session_key_outlives_its_member),
	TEST(a_copy_for_the_session_is_another_object),
	TEST(a_data_object_may_be_copied_with_another_value),
	TEST(a_key_is_used_with_the_mechanisms_that_it_allows),
	TEST(a_key_that_wants_the_pin_for_each_use_is_used_once_for_each),
	TEST(a_key_that_wants_the_pin_for_each_use_derives_nothing),
	TEST(a_derived_key_is_as_long_as_it_may_be),
	TEST(a_curve_is_known_by_number_and_by_name),
	TEST(a_password_may_come_in_the_old_structure),
	TEST(profiles_are_objects_that_nobody_changes),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

int main(void)
{
	return p11_world_main("pkcs11 rules", tests, NULL);
}
