#include "tests/support/p11_world.h"

#include <stdio.h>

struct live *w;
struct live_account acme;
struct p11_client client;

CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
CK_MECHANISM ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };

CK_UTF8CHAR *pin(void)
{
	return (CK_UTF8CHAR *)acme.pin;
}

CK_ULONG pin_n(void)
{
	return strlen(acme.pin);
}

/* -- sessions and keys ------------------------------------------------------------------------------------------ */

CK_SESSION_HANDLE p11_world_session(void)
{
	CK_SESSION_HANDLE s = 0;

	if (p11_f->C_Initialize(NULL) != CKR_OK || p11_f->C_OpenSession(P11_SLOT, RW, NULL, NULL, &s) != CKR_OK ||
		p11_f->C_Login(s, CKU_USER, pin(), pin_n()) != CKR_OK)
		return 0;
	return s;
}

CK_SESSION_HANDLE open_session(CK_FLAGS flags)
{
	CK_SESSION_HANDLE s = 0;

	IS(OK, C_OpenSession(P11_SLOT, flags, NULL, NULL, &s));
	return s;
}

void expect_state(CK_SESSION_HANDLE s, CK_STATE state)
{
	CK_SESSION_INFO info = { 0 };

	IS(OK, C_GetSessionInfo(s, &info));
	CU_ASSERT_EQUAL(info.state, state);
	CU_ASSERT_EQUAL(info.slotID, P11_SLOT);
}

struct p11_pair pair_of(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t[] = { { CKA_LABEL, "shared", 6 }, { CKA_CLASS, &class, sizeof class } };
	struct p11_pair p = { 0 };
	CK_ULONG n = 0;

	IS(OK, C_FindObjectsInit(s, t, 2));
	IS(OK, C_FindObjects(s, &p.key, 1, &n));
	IS(OK, C_FindObjectsFinal(s));
	if (n == 0) {
		CU_ASSERT_EQUAL(p11_make_p256(s, "shared", &p), CKR_OK);
		return p;
	}
	class = CKO_PUBLIC_KEY;
	IS(OK, C_FindObjectsInit(s, t, 2));
	IS(OK, C_FindObjects(s, &p.public_key, 1, &n));
	IS(OK, C_FindObjectsFinal(s));
	CU_ASSERT_EQUAL(n, 1);
	return p;
}

CK_OBJECT_HANDLE aes_of(CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE key = 0;

	if (p11_find(s, "shared aes", &key, 1) == 0)
		CU_ASSERT_EQUAL(p11_make_aes(s, "shared aes", &key), CKR_OK);
	return key;
}

CK_BBOOL flag_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 2;
	CK_ATTRIBUTE t = { type, &value, sizeof value };

	IS(OK, C_GetAttributeValue(s, o, &t, 1));
	return value;
}

CK_RV make_session_aes(CK_SESSION_HANDLE s, const CK_ATTRIBUTE *more, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 16;
	CK_ATTRIBUTE t[5] = { { CKA_VALUE_LEN, &length, sizeof length } };

	for (CK_ULONG i = 0; i < n; i++)
		t[1 + i] = more[i];
	return p11_f->C_GenerateKey(s, &m, t, 1 + n, out);
}

/* -- slots ---------------------------------------------------------------------------------------------------- */

bool p11_world_more_slots(void)
{
	char value[1024];

	snprintf(value, sizeof value, "{ user_name = \"%s\"; proxy_user = \"%s\"; id = 7; }", acme.partition, acme.user);
	if (!p11_set(&client, "primus.hsms.hsm0.slots.slot1", value))
		return false;
	snprintf(value, sizeof value, "{ user_name = \"NOSECRETHERE\"; proxy_user = \"%s\"; id = 3; }", acme.user);
	if (!p11_set(&client, "primus.hsms.hsm0.slots.slot2", value))
		return false;
	snprintf(value, sizeof value,
		"{ host = \"127.0.0.1\"; port = 1; priority = 1; slots = { slot0 = { user_name = \"%s\"; proxy_user = \"%s\"; id = 0; }; }; }",
		acme.partition, acme.user);
	return p11_set(&client, "primus.hsms.hsm1", value);
}

/* -- the world ---------------------------------------------------------------------------------------------------- */

static bool prepare(void)
{
	static const struct live_options one = { .proxies = 1, .hsms = 1 };
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE", .pin = "correct-horse",
	};

	w = live_start(&one);
	return w && live_provision(w, &tenant, &acme) == HL_OK && p11_client(w, "acme", &acme, &client) && p11_load(w);
}

int p11_world_main(const char *name, CU_TestInfo *tests, bool (*more)(void))
{
	bool ready = prepare() && (!more || more());
	int rc = ready ? hl_test_main(name, tests) : 1;

	if (rc != 0)
		live_dump(w);
	if (p11_f)
		p11_f->C_Finalize(NULL); /* of a story that is initialised all the time, or has failed */
	return live_stop(w) ? rc : 1;
}
