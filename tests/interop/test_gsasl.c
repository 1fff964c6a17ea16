/* Logins between our SCRAM-SHA-256 and that of GNU SASL, in both directions. */
#include "lib/auth/scram.h"

#include <stdlib.h>

#include <gsasl.h>
#include <openssl/evp.h>

#include "tests/support/test.h"

#define REALM "hsmlet"
#define PASSWORD "right = password, 1"
#define WRONG "right = password, 2"
#define ITERATIONS "4096"

static void gsasl_donep(Gsasl **g)
{
	gsasl_done(*g);
}

static void gsasl_finishp(Gsasl_session **s)
{
	gsasl_finish(*s);
}

/* One step of theirs: `in` goes to it, `out` is replaced by what it says. */
static int step(Gsasl_session *s, struct hl_bytes in, struct hl_buf *out)
{
	char *said = NULL;
	size_t n = 0;
	int rc = gsasl_step(s, (const char *)in.p, in.n, &said, &n);

	hl_buf_reset(out);
	if (said)
		hl_buf_put(out, hl_bytes(said, n));
	gsasl_free(said);
	return rc;
}

static void derived(const char *user, const char *password, uint8_t salt[HL_SCRAM_SALT],
	struct hl_scram_keys *keys)
{
	CU_ASSERT_EQUAL(hl_scram_salt(hl_text(REALM), hl_text(user), salt), HL_OK);
	CU_ASSERT_EQUAL(hl_scram_derive(hl_text(password), hl_bytes(salt, HL_SCRAM_SALT),
				HL_SCRAM_ITERATIONS, keys),
		HL_OK);
}

/* -- their client, our server ---------------------------------------------------------------- */

struct talk {
	struct hl_buf first, challenge, final, verdict, nothing;
};

static struct talk talk(void)
{
	struct hl_buf b = hl_buf(HL_SCRAM_MAX);

	return (struct talk){ b, b, b, b, b };
}

static void talk_clear(struct talk *t)
{
	hl_buf_clear(&t->first);
	hl_buf_clear(&t->challenge);
	hl_buf_clear(&t->final);
	hl_buf_clear(&t->verdict);
	hl_buf_clear(&t->nothing);
}

static int set(Gsasl_session *s, Gsasl_property property, const char *value)
{
	return gsasl_property_set(s, property, value);
}

/* How our server ends it; `theirs` is how their client takes our signature. */
static hl_err their_client(const char *user, const char *authzid, const char *password, int *theirs)
{
	HL_AUTO(gsasl_donep) Gsasl *g = NULL;
	HL_AUTO(gsasl_finishp) Gsasl_session *s = NULL;
	HL_AUTO(talk_clear) struct talk t = talk();
	HL_AUTO(hl_scram_keys_clear) struct hl_scram_keys keys = { 0 };
	struct hl_scram_first got;
	uint8_t salt[HL_SCRAM_SALT];
	hl_err err;

	derived(user, PASSWORD, salt, &keys);
	if (gsasl_init(&g) != GSASL_OK || gsasl_client_start(g, "SCRAM-SHA-256", &s) != GSASL_OK)
		return HL_E_BUG;
	if (set(s, GSASL_AUTHID, user) != GSASL_OK ||
		set(s, GSASL_PASSWORD, password) != GSASL_OK ||
		(authzid && set(s, GSASL_AUTHZID, authzid) != GSASL_OK))
		return HL_E_BUG;
	CU_ASSERT_EQUAL(step(s, hl_text(""), &t.first), GSASL_NEEDS_MORE);
	HL_TRY(hl_scram_first_parse(hl_buf_view(&t.first), &got));
	CU_ASSERT_STRING_EQUAL(got.user, user);
	CU_ASSERT_STRING_EQUAL(got.authzid, authzid ? authzid : "");
	HL_TRY(hl_scram_server_first(&got, hl_text("3rfcNHYJY1ZVvWVs7j"),
		hl_bytes(salt, sizeof salt), HL_SCRAM_ITERATIONS, &t.challenge));
	CU_ASSERT_EQUAL(step(s, hl_buf_view(&t.challenge), &t.final), GSASL_NEEDS_MORE);
	err = hl_scram_verify(hl_buf_view(&t.first), hl_buf_view(&t.challenge),
		hl_buf_view(&t.final), keys.stored, keys.server, &t.verdict);
	*theirs = step(s, hl_buf_view(&t.verdict), &t.nothing);
	return err;
}

static void their_client_logs_in_here(void)
{
	int theirs = -1;

	CU_ASSERT_EQUAL(their_client("alice", "PRIMUSDEV001", PASSWORD, &theirs), HL_OK);
	CU_ASSERT_EQUAL(theirs, GSASL_OK);
	CU_ASSERT_EQUAL(their_client("alice", NULL, PASSWORD, &theirs), HL_OK);
	CU_ASSERT_EQUAL(theirs, GSASL_OK);
}

static void their_client_with_a_comma_in_its_names_logs_in_here(void)
{
	int theirs = -1;

	CU_ASSERT_EQUAL(their_client("a,b=c", "=2C,", PASSWORD, &theirs), HL_OK);
	CU_ASSERT_EQUAL(theirs, GSASL_OK);
}

static void their_client_with_a_wrong_password_does_not(void)
{
	int theirs = GSASL_OK;

	CU_ASSERT_EQUAL(their_client("alice", "PRIMUSDEV001", WRONG, &theirs), HL_E_SERVICE_AUTH);
	CU_ASSERT_NOT_EQUAL(theirs, GSASL_OK);
}

/* -- our client, their server ---------------------------------------------------------------- */

/* What their server asks its application for. */
struct account {
	uint8_t salt[HL_SCRAM_SALT];
	const char *password;                   /* either this, */
	const uint8_t *stored_key, *server_key; /* or both of these */
};

static int set_base64(Gsasl_session *s, Gsasl_property property, const uint8_t *p, int n)
{
	char text[64] = { 0 };

	if (!p)
		return GSASL_NO_CALLBACK;
	EVP_EncodeBlock((unsigned char *)text, p, n);
	return set(s, property, text);
}

static int on_ask(Gsasl *g, Gsasl_session *s, Gsasl_property property)
{
	const struct account *a = gsasl_callback_hook_get(g);

	switch ((int)property) {
	case GSASL_SCRAM_ITER:
		return set(s, property, ITERATIONS);
	case GSASL_SCRAM_SALT:
		return set_base64(s, property, a->salt, HL_SCRAM_SALT);
	case GSASL_PASSWORD:
		return a->password ? set(s, property, a->password) : GSASL_NO_CALLBACK;
	case GSASL_SCRAM_STOREDKEY:
		return set_base64(s, property, a->stored_key, HL_SCRAM_HASH);
	case GSASL_SCRAM_SERVERKEY:
		return set_base64(s, property, a->server_key, HL_SCRAM_HASH);
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* How our client takes their signature; `theirs` is how their server ends it. */
static hl_err our_client(const char *user, const char *authzid, const struct hl_scram_keys *keys,
	struct account *a, int *theirs)
{
	HL_AUTO(gsasl_donep) Gsasl *g = NULL;
	HL_AUTO(gsasl_finishp) Gsasl_session *s = NULL;
	HL_AUTO(talk_clear) struct talk t = talk();
	struct hl_scram_client c;

	if (gsasl_init(&g) != GSASL_OK)
		return HL_E_BUG;
	gsasl_callback_set(g, on_ask);
	gsasl_callback_hook_set(g, a);
	if (gsasl_server_start(g, "SCRAM-SHA-256", &s) != GSASL_OK)
		return HL_E_BUG;
	HL_TRY(hl_scram_client_first(&c, hl_text(user), hl_text(authzid),
		hl_text("fyko+d2lbbFgONRv9qkxdawL"), &t.first));
	CU_ASSERT_EQUAL(step(s, hl_buf_view(&t.first), &t.challenge), GSASL_NEEDS_MORE);
	HL_TRY(hl_scram_client_final(&c, hl_buf_view(&t.challenge),
		hl_bytes(a->salt, sizeof a->salt), HL_SCRAM_ITERATIONS, keys, &t.final));
	*theirs = step(s, hl_buf_view(&t.final), &t.verdict);
	if (*theirs == GSASL_OK) {
		CU_ASSERT_STRING_EQUAL(gsasl_property_fast(s, GSASL_AUTHID), user);
		CU_ASSERT_STRING_EQUAL(gsasl_property_fast(s, GSASL_AUTHZID), authzid);
	}
	return hl_scram_client_check(&c, hl_buf_view(&t.verdict));
}

static void our_client_logs_in_there(void)
{
	struct account a = { .password = PASSWORD };
	struct hl_scram_keys keys;
	int theirs = -1;

	derived("alice", PASSWORD, a.salt, &keys);
	CU_ASSERT_EQUAL(our_client("alice", "PRIMUSDEV001", &keys, &a, &theirs), HL_OK);
	CU_ASSERT_EQUAL(theirs, GSASL_OK);
	hl_scram_keys_clear(&keys);
}

static void our_client_logs_in_where_only_our_keys_are_stored(void)
{
	struct hl_scram_keys keys;
	struct account a = { .stored_key = keys.stored, .server_key = keys.server };
	int theirs = -1;

	derived("a,b=c", PASSWORD, a.salt, &keys);
	CU_ASSERT_EQUAL(our_client("a,b=c", "=2C,", &keys, &a, &theirs), HL_OK);
	CU_ASSERT_EQUAL(theirs, GSASL_OK);
	hl_scram_keys_clear(&keys);
}

static void our_client_with_a_wrong_password_does_not(void)
{
	struct account a = { .password = PASSWORD };
	struct hl_scram_keys keys;
	int theirs = GSASL_OK;

	derived("alice", WRONG, a.salt, &keys);
	CU_ASSERT_EQUAL(our_client("alice", "PRIMUSDEV001", &keys, &a, &theirs), HL_E_PROXY_AUTH);
	CU_ASSERT_EQUAL(theirs, GSASL_AUTHENTICATION_ERROR);
	hl_scram_keys_clear(&keys);
}

static CU_TestInfo tests[] = {
	{ "their client logs in here", their_client_logs_in_here },
	{ "their client with a comma in its names logs in here",
		their_client_with_a_comma_in_its_names_logs_in_here },
	{ "their client with a wrong password does not",
		their_client_with_a_wrong_password_does_not },
	{ "our client logs in there", our_client_logs_in_there },
	{ "our client logs in where only our keys are stored",
		our_client_logs_in_where_only_our_keys_are_stored },
	{ "our client with a wrong password does not", our_client_with_a_wrong_password_does_not },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("gsasl", tests)
