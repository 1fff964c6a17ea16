/* Objects of the token and of sessions: who sees them, how they are found, read and changed. */
#include "tests/support/p11_world.h"

static CK_BYTE data[] = "what is signed, hashed and encrypted here";
#define DATA_N (sizeof data - 1)

/* -- objects --------------------------------------------------------------------------------------------------------------- */

static void token_objects_need_a_session_that_writes_and_private_ones_a_login(void)
{
	CK_SESSION_HANDLE s, ro;
	CK_OBJECT_HANDLE key;
	struct p11_pair p;
	CK_ATTRIBUTE label = { CKA_LABEL, "x", 1 };

	IS(OK, C_Initialize(NULL));
	s = open_session(RW);
	CU_ASSERT_EQUAL(p11_make_aes(s, "never", &key), CKR_USER_NOT_LOGGED_IN);
	ro = open_session(RO);
	IS(OK, C_Login(s, CKU_USER, pin(), pin_n()));
	CU_ASSERT_EQUAL(p11_make_aes(ro, "never", &key), CKR_SESSION_READ_ONLY);
	CU_ASSERT_EQUAL(p11_make_p256(ro, "never", &p), CKR_SESSION_READ_ONLY);
	p = pair_of(s);
	IS(SESSION_READ_ONLY, C_DestroyObject(ro, p.key));
	IS(SESSION_READ_ONLY, C_SetAttributeValue(ro, p.key, &label, 1));
	CU_ASSERT_EQUAL(p11_find(s, "never", &key, 1), 0);
	p11_over();
}

static void token_objects_live_on_after_finalize(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key, old;

	CU_ASSERT_EQUAL(p11_make_aes(s, "lives on", &old), CKR_OK);
	p11_over();
	s = p11_begin_logged_in(&acme);
	IS(OBJECT_HANDLE_INVALID, C_DestroyObject(s, old)); /* handles are of one life */
	CU_ASSERT_EQUAL(p11_find(s, "lives on", &key, 1), 1);
	IS(OK, C_DestroyObject(s, key));
	IS(OBJECT_HANDLE_INVALID, C_DestroyObject(s, key));
	CU_ASSERT_EQUAL(p11_find(s, "lives on", &key, 1), 0);
	p11_over();
}

/* -- session objects ------------------------------------------------------------------------------------------------------ */

/* What a template without CKA_TOKEN asks for. */
static CK_OBJECT_HANDLE session_aes(CK_SESSION_HANDLE s, const char *label, CK_BBOOL private)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG n = 16;
	CK_ATTRIBUTE t[] = { { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) }, { CKA_VALUE_LEN, &n, sizeof n },
		{ CKA_PRIVATE, &private, 1 } };
	CK_OBJECT_HANDLE key = 0;

	IS(OK, C_GenerateKey(s, &m, t, 3, &key));
	return key;
}

static void session_objects_are_seen_by_all_sessions_and_end_with_their_own(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme), own = open_session(RO);
	CK_OBJECT_HANDLE key, others, found[3];
	CK_BBOOL token = 1;
	CK_ATTRIBUTE t = { CKA_TOKEN, &token, 1 };

	key = session_aes(own, "of a session", 1); /* one that only reads makes them too */
	others = session_aes(s, "of a session", 1);
	CU_ASSERT_EQUAL(p11_find(s, "of a session", found, 3), 2);
	CU_ASSERT_EQUAL(p11_find(own, "of a session", found, 3), 2);
	CU_ASSERT(found[0] == key && found[1] == others);
	CU_ASSERT_EQUAL(p11_find(s, "of another", found, 3), 0);
	IS(OK, C_GetAttributeValue(s, key, &t, 1));
	CU_ASSERT_EQUAL(token, 0);
	IS(OK, C_CloseSession(own));
	CU_ASSERT_EQUAL(p11_find(s, "of a session", found, 3), 1);
	CU_ASSERT_EQUAL(found[0], others);
	IS(OBJECT_HANDLE_INVALID, C_GetAttributeValue(s, key, &t, 1));
	IS(OK, C_CloseAllSessions(P11_SLOT));
	s = open_session(RW);
	IS(OK, C_Login(s, CKU_USER, pin(), pin_n()));
	CU_ASSERT_EQUAL(p11_find(s, "of a session", found, 3), 0);
	p11_over();
}

static void at_logout_private_session_objects_end_and_public_ones_stay(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE mine = session_aes(s, "both", 1), everybodys = session_aes(s, "both", 0), found[3];

	CU_ASSERT_EQUAL(p11_find(s, "both", found, 3), 2);
	IS(OK, C_Logout(s));
	CU_ASSERT_EQUAL(p11_find(s, "both", found, 3), 1);
	CU_ASSERT_EQUAL(found[0], everybodys);
	IS(OBJECT_HANDLE_INVALID, C_DestroyObject(s, mine));
	IS(OK, C_Login(s, CKU_USER, pin(), pin_n()));
	CU_ASSERT_EQUAL(p11_find(s, "both", found, 3), 1);
	p11_over();
}

static void a_session_key_signs_changes_its_label_and_is_destroyed_once(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme), ro = open_session(RO);
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE params[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, signature[64];
	CK_ATTRIBUTE theirs[] = { { CKA_EC_PARAMS, params, sizeof params }, { CKA_VERIFY, &yes, 1 } };
	CK_ATTRIBUTE mine = { CKA_SIGN, &yes, 1 }, label = { CKA_LABEL, "changed", 7 };
	CK_OBJECT_HANDLE key, public_key, found[3];
	CK_ULONG n = sizeof signature;

	IS(OK, C_GenerateKeyPair(ro, &m, theirs, 2, &mine, 1, &public_key, &key));
	IS(OK, C_SignInit(s, &ecdsa, key));
	IS(OK, C_Sign(s, (CK_BYTE *)"x", 1, signature, &n));
	IS(OK, C_VerifyInit(s, &ecdsa, public_key));
	IS(OK, C_Verify(s, (CK_BYTE *)"x", 1, signature, n));
	IS(OK, C_SetAttributeValue(ro, key, &label, 1));
	CU_ASSERT_EQUAL(p11_find(s, "changed", found, 3), 1);
	IS(OK, C_SignInit(s, &ecdsa, key));
	IS(OK, C_DestroyObject(ro, key));
	IS(KEY_HANDLE_INVALID, C_Sign(s, (CK_BYTE *)"x", 1, signature, &n));
	IS(OBJECT_HANDLE_INVALID, C_DestroyObject(ro, key));
	CU_ASSERT_EQUAL(p11_find(s, "changed", found, 3), 0);
	p11_over();
}

static CK_RV generate_aes(CK_SESSION_HANDLE s, CK_ATTRIBUTE *extra)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG n = 16;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VALUE_LEN, &n, sizeof n }, *extra };
	CK_OBJECT_HANDLE key = 0;
	CK_RV rv = p11_f->C_GenerateKey(s, &m, t, 3, &key);

	if (rv == CKR_OK)
		IS(OK, C_DestroyObject(s, key));
	return rv;
}

static void templates_are_judged_attribute_by_attribute(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 }, hkdf = { CKM_HKDF_KEY_GEN, NULL, 0 };
	CK_ULONG n = 17, rsa = CKK_RSA;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VALUE_LEN, &n, sizeof n } };
	CK_OBJECT_HANDLE key;

	IS(TEMPLATE_INCOMPLETE, C_GenerateKey(s, &m, t, 1, &key));
	IS(ATTRIBUTE_VALUE_INVALID, C_GenerateKey(s, &m, t, 2, &key));
	IS(MECHANISM_INVALID, C_GenerateKey(s, &hkdf, t, 1, &key));
	IS(MECHANISM_INVALID, C_GenerateKey(s, &ecdsa, t, 1, &key));
	IS(ARGUMENTS_BAD, C_GenerateKey(s, NULL, t, 1, &key));
	IS(ARGUMENTS_BAD, C_GenerateKey(s, &m, t, 1, NULL));
	IS(ARGUMENTS_BAD, C_GenerateKey(s, &m, NULL, 1, &key));
	n = 16;
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_LABEL, "ok", 2 }), CKR_OK);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ 0x12345, "ok", 2 }), CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_SIGN, &n, 4 }), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_KEY_TYPE, &n, 4 }), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_KEY_TYPE, &rsa, sizeof rsa }), CKR_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_LOCAL, &yes, 1 }), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_ALWAYS_SENSITIVE, &yes, 1 }), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(generate_aes(s, &(CK_ATTRIBUTE){ CKA_UNIQUE_ID, "1", 1 }), CKR_ATTRIBUTE_READ_ONLY);
	p11_over();
}

static void every_attribute_asked_for_is_dealt_with(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	struct p11_pair p = pair_of(s);
	CK_OBJECT_CLASS class = 0;
	CK_BYTE small[2], label[16], value[64], prime[64];
	CK_BBOOL local = 0;
	CK_ATTRIBUTE many[100];
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof class }, { CKA_VALUE, value, sizeof value },
		{ CKA_PRIME_1, prime, sizeof prime }, { CKA_LABEL, small, sizeof small }, { CKA_LABEL, label, sizeof label },
		{ CKA_LABEL, NULL, 0 }, { CKA_LOCAL, &local, sizeof local } };

	IS(ATTRIBUTE_SENSITIVE, C_GetAttributeValue(s, p.key, t, 7));
	CU_ASSERT(class == CKO_PRIVATE_KEY && t[0].ulValueLen == sizeof class);
	CU_ASSERT_EQUAL(t[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_EQUAL(t[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_EQUAL(t[3].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT(t[4].ulValueLen == 6 && memcmp(label, "shared", 6) == 0);
	CU_ASSERT_EQUAL(t[5].ulValueLen, 6);
	CU_ASSERT_EQUAL(local, CK_TRUE);
	t[2].ulValueLen = sizeof prime;
	IS(ATTRIBUTE_TYPE_INVALID, C_GetAttributeValue(s, p.key, t + 2, 1));
	t[3].ulValueLen = sizeof small;
	IS(BUFFER_TOO_SMALL, C_GetAttributeValue(s, p.key, t + 3, 1));
	for (size_t i = 0; i < HL_COUNT(many); i++)
		many[i] = (CK_ATTRIBUTE){ i == 70 ? (CK_ATTRIBUTE_TYPE)CKA_PRIME_1 : i == 99 ? 0x100000001UL : CKA_LABEL, NULL, 0 };
	IS(ATTRIBUTE_TYPE_INVALID, C_GetAttributeValue(s, p.key, many, HL_COUNT(many))); /* more than a message takes */
	CU_ASSERT(many[69].ulValueLen == 6 && many[71].ulValueLen == 6 && many[98].ulValueLen == 6);
	CU_ASSERT(many[70].ulValueLen == CK_UNAVAILABLE_INFORMATION && many[99].ulValueLen == CK_UNAVAILABLE_INFORMATION);
	IS(ARGUMENTS_BAD, C_GetAttributeValue(s, p.key, NULL, 1));
	IS(OBJECT_HANDLE_INVALID, C_GetAttributeValue(s, NO_HANDLE, t, 1));
	p11_over();
}

static void attributes_that_may_change_change_and_the_others_stay(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key = 0, found;
	CK_ATTRIBUTE label = { CKA_LABEL, "renamed", 7 }, down = { CKA_SENSITIVE, &no, 1 }, local = { CKA_LOCAL, &no, 1 },
		     unknown = { 0x12345, "x", 1 };

	CU_ASSERT_EQUAL(p11_make_aes(s, "to be renamed", &key), CKR_OK);
	IS(OK, C_SetAttributeValue(s, key, &label, 1));
	CU_ASSERT_EQUAL(p11_find(s, "renamed", &found, 1), 1);
	CU_ASSERT_EQUAL(found, key);
	IS(ATTRIBUTE_READ_ONLY, C_SetAttributeValue(s, key, &down, 1));
	IS(ATTRIBUTE_READ_ONLY, C_SetAttributeValue(s, key, &local, 1));
	IS(ATTRIBUTE_TYPE_INVALID, C_SetAttributeValue(s, key, &unknown, 1));
	IS(ARGUMENTS_BAD, C_SetAttributeValue(s, key, NULL, 1));
	IS(OBJECT_HANDLE_INVALID, C_SetAttributeValue(s, NO_HANDLE, &label, 1));
	IS(OK, C_DestroyObject(s, key));
	p11_over();
}

static CK_OBJECT_HANDLE make_with(CK_SESSION_HANDLE s, CK_ATTRIBUTE_TYPE not)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG n = 16;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_VALUE_LEN, &n, sizeof n }, { not, &no, 1 } };
	CK_OBJECT_HANDLE key = 0;

	IS(OK, C_GenerateKey(s, &m, t, 3, &key));
	return key;
}

static void objects_that_forbid_it_are_neither_changed_nor_destroyed(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE fixed = make_with(s, CKA_MODIFIABLE), lasting = make_with(s, CKA_DESTROYABLE);
	CK_ATTRIBUTE label = { CKA_LABEL, "x", 1 };

	IS(ACTION_PROHIBITED, C_SetAttributeValue(s, fixed, &label, 1));
	IS(OK, C_DestroyObject(s, fixed));
	IS(ACTION_PROHIBITED, C_DestroyObject(s, lasting));
	IS(OK, C_SetAttributeValue(s, lasting, &label, 1));
	p11_over();
}

static void a_search_keeps_its_result_and_can_be_paged(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_OBJECT_HANDLE key[3], got[4];
	CK_ATTRIBUTE label = { CKA_LABEL, "paged", 5 };
	CK_ULONG n = 9;

	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(p11_make_aes(s, "paged", &key[i]), CKR_OK);
	IS(OPERATION_NOT_INITIALIZED, C_FindObjects(s, got, 4, &n));
	IS(OPERATION_NOT_INITIALIZED, C_FindObjectsFinal(s));
	IS(ARGUMENTS_BAD, C_FindObjectsInit(s, NULL, 1));
	IS(OK, C_FindObjectsInit(s, &label, 1));
	IS(OPERATION_ACTIVE, C_FindObjectsInit(s, &label, 1));
	IS(OK, C_FindObjects(s, got, 0, &n));
	CU_ASSERT_EQUAL(n, 0);
	IS(OK, C_DestroyObject(s, key[0]));
	IS(OK, C_FindObjects(s, got, 2, &n));
	CU_ASSERT_EQUAL(n, 2);
	IS(ARGUMENTS_BAD, C_FindObjects(s, NULL, 2, &n));
	IS(ARGUMENTS_BAD, C_FindObjects(s, got, 2, NULL));
	IS(OK, C_FindObjects(s, got + 2, 2, &n));
	CU_ASSERT_EQUAL(n, 1);
	IS(OK, C_FindObjects(s, got, 2, &n));
	CU_ASSERT_EQUAL(n, 0);
	IS(OK, C_FindObjectsFinal(s));
	IS(OK, C_DestroyObject(s, key[1]));
	IS(OK, C_DestroyObject(s, key[2]));
	IS(OK, C_FindObjectsInit(s, NULL, 0)); /* all that is visible */
	IS(OK, C_FindObjects(s, got, 4, &n));
	CU_ASSERT(n >= 2);
	IS(OK, C_SessionCancel(s, CKF_FIND_OBJECTS));
	IS(OPERATION_NOT_INITIALIZED, C_FindObjectsFinal(s));
	p11_over();
}

static CK_ULONG count(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_OBJECT_HANDLE got[16];
	CK_ULONG found = 0;

	IS(OK, C_FindObjectsInit(s, t, n));
	IS(OK, C_FindObjects(s, got, 16, &found));
	IS(OK, C_FindObjectsFinal(s));
	return found;
}

static void both_halves_of_a_pair_have_the_id_they_were_given(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_MECHANISM make = { CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0 }, eddsa = { CKM_EDDSA, NULL, 0 };
	CK_BYTE params[] = { 6, 3, 0x2b, 0x65, 0x70 }, one[] = { 1, 2 }, two[] = { 3 };
	CK_ATTRIBUTE public_t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_EC_PARAMS, params, sizeof params }, { CKA_ID, two, 1 } };
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 }, { CKA_ID, one, 2 }, { CKA_SENSITIVE, &yes, 1 } };
	CK_OBJECT_HANDLE key = 0, public_key = 0;
	CK_BYTE id[4], out[64];
	CK_ATTRIBUTE get = { CKA_ID, id, sizeof id };
	CK_ULONG n = sizeof out;

	IS(OK, C_GenerateKeyPair(s, &make, public_t, 3, t, 3, &public_key, &key));
	IS(OK, C_GetAttributeValue(s, key, &get, 1));
	CU_ASSERT(get.ulValueLen == 2 && memcmp(id, one, 2) == 0);
	get.ulValueLen = sizeof id;
	IS(OK, C_GetAttributeValue(s, public_key, &get, 1));
	CU_ASSERT(get.ulValueLen == 1 && id[0] == 3);
	IS(OK, C_SignInit(s, &eddsa, key)); /* pure: all of the data, gathered where it comes in parts */
	IS(OK, C_SignUpdate(s, data, 9));
	IS(OK, C_SignUpdate(s, data + 9, DATA_N - 9));
	IS(OK, C_SignFinal(s, out, &n));
	CU_ASSERT_EQUAL(n, 64);
	IS(OK, C_VerifyInit(s, &eddsa, public_key));
	IS(OK, C_Verify(s, data, DATA_N, out, n));
	IS(OK, C_DestroyObject(s, key));
	IS(OK, C_DestroyObject(s, public_key));
	p11_over();
}

static void a_search_sees_defaults_and_never_key_values(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_BYTE value[32] = { 0 };
	CK_ATTRIBUTE t[] = { { CKA_LABEL, "shared aes", 10 }, { CKA_VALUE, value, sizeof value } };
	CK_ULONG odd = 3;

	aes_of(s);
	CU_ASSERT_EQUAL(count(s, t, 1), 1);
	CU_ASSERT_EQUAL(count(s, t, 2), 0);
	t[1] = (CK_ATTRIBUTE){ CKA_DERIVE, &no, 1 };
	CU_ASSERT_EQUAL(count(s, t, 2), 1);
	t[1] = (CK_ATTRIBUTE){ CKA_ID, NULL, 0 };
	CU_ASSERT_EQUAL(count(s, t, 2), 1); /* an empty one matches an empty one */
	t[1] = (CK_ATTRIBUTE){ CKA_TOKEN, &odd, sizeof odd };
	CU_ASSERT_EQUAL(count(s, t, 2), 0); /* no boolean is so long */
	p11_over();
}

static void the_size_of_an_object_is_told_or_unavailable(void)
{
	CK_SESSION_HANDLE s = p11_begin_logged_in(&acme);
	CK_ULONG n = 0;

	IS(OK, C_GetObjectSize(s, pair_of(s).key, &n));
	CU_ASSERT_EQUAL(n, CK_UNAVAILABLE_INFORMATION);
	IS(OBJECT_HANDLE_INVALID, C_GetObjectSize(s, NO_HANDLE, &n));
	IS(ARGUMENTS_BAD, C_GetObjectSize(s, pair_of(s).key, NULL));
	p11_over();
}

/* clang-format off */
static CU_TestInfo tests[] = {
	TEST(token_objects_need_a_session_that_writes_and_private_ones_a_login),
	TEST(token_objects_live_on_after_finalize),
	TEST(session_objects_are_seen_by_all_sessions_and_end_with_their_own),
	TEST(at_logout_private_session_objects_end_and_public_ones_stay),
	TEST(a_session_key_signs_changes_its_label_and_is_destroyed_once),
	TEST(templates_are_judged_attribute_by_attribute),
	TEST(every_attribute_asked_for_is_dealt_with),
	TEST(attributes_that_may_change_change_and_the_others_stay),
	TEST(objects_that_forbid_it_are_neither_changed_nor_destroyed),
	TEST(a_search_keeps_its_result_and_can_be_paged),
	TEST(both_halves_of_a_pair_have_the_id_they_were_given),
	TEST(a_search_sees_defaults_and_never_key_values),
	TEST(the_size_of_an_object_is_told_or_unavailable),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

int main(void)
{
	return p11_world_main("pkcs11 stored", tests, NULL);
}
