/* p11_world.h - what the stories of the PKCS#11 provider begin with: a live world with one tenant, its account and files,
 * the provider loaded, and the small things that each of them needs.
 *
 *	int main(void)
 *	{
 *		return p11_world_main("pkcs11 sessions", tests, NULL);
 *	} */
#pragma once

#include "lib/base/err.h"
#include "tests/support/p11.h"
#include "tests/support/test.h"

extern struct live *w;
extern struct live_account acme;
extern struct p11_client client;

/** Start the world, let the story prepare what it needs more (NULL: nothing), run its tests, and end it. The exit status. */
int p11_world_main(const char *name, CU_TestInfo *tests, bool (*more)(void));

/** For that: two hosts with one id, slot 7 of the same partition, and slot 3 of one whose secret we do not have. */
bool p11_world_more_slots(void);

/* The function says so: IS(ARGUMENTS_BAD, C_GetInfo(NULL)) */
#define IS(code, call) CU_ASSERT_EQUAL(p11_f->call, CKR_##code)
#define ATTRIBUTE(type, value) { type, &(value), sizeof(value) }
#define TEST(name) { #name, name } /* the name of a test is its sentence */

#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)
#define RO CKF_SERIAL_SESSION
#define NO_SLOT 4711
#define NO_HANDLE 0x7fff1234UL

extern CK_BBOOL yes, no;
extern CK_MECHANISM ecdsa; /* with SHA-256 */
extern CK_MECHANISM sha256;

CK_UTF8CHAR *pin(void);
CK_ULONG pin_n(void);

/** Initialised, and a session that is logged in, for stories that have one for all their tests: outside of a test nothing is
 * asserted. 0: it failed. */
CK_SESSION_HANDLE p11_world_session(void);
/** At the first slot. 0: the test has failed. */
CK_SESSION_HANDLE open_session(CK_FLAGS flags);
void expect_state(CK_SESSION_HANDLE s, CK_STATE state);
/** A P-256 pair on the token that all tests may use; its handles are of this login. */
struct p11_pair pair_of(CK_SESSION_HANDLE s);
/** An AES-256 key, the same. */
CK_OBJECT_HANDLE aes_of(CK_SESSION_HANDLE s);
/** A boolean of it; 2: the test has failed. */
CK_BBOOL flag_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type);
/** An AES-128 session key; `more` (n of them, 4 at most) go into its template. */
CK_RV make_session_aes(CK_SESSION_HANDLE s, const CK_ATTRIBUTE *more, CK_ULONG n, CK_OBJECT_HANDLE *out);
