#include "lib/auth/scram.h"

#include <stdlib.h>

#include "tests/support/test.h"

/* The example of RFC 7677 section 3. */
#define USER "user"
#define PASSWORD "pencil"
#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define NONCE_TAIL "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define BARE "n=user,r=" CLIENT_NONCE
#define FIRST "n,," BARE
#define NONCE "r=" CLIENT_NONCE NONCE_TAIL
#define SALT "s=W22ZaJ0SNY7soEsUEjb6gQ=="
#define CHALLENGE NONCE "," SALT ",i=4096"
#define PROOF "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define FINAL "c=biws," NONCE "," PROOF
#define VERDICT "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static const uint8_t salt_bytes[] = { 0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0,
	0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81 };
static const struct hl_bytes salt = { salt_bytes, sizeof salt_bytes };

/* Derived once: it takes milliseconds, and thousands of messages are checked below. */
static const struct hl_scram_keys *keys(void)
{
	static struct hl_scram_keys made;
	static bool done;

	if (!done)
		CU_ASSERT_EQUAL_FATAL(hl_scram_derive(hl_text(PASSWORD), salt, 4096, &made), HL_OK);
	done = true;
	return &made;
}

static bool holds(const struct hl_buf *b, const char *text)
{
	return b->err == HL_OK && hl_bytes_eq(hl_buf_view(b), hl_text(text));
}

/* Copies of the exact size, so that a sanitizer or Valgrind sees a byte read past the end. */
static struct hl_bytes exact(struct hl_bytes b)
{
	uint8_t *copy = malloc(b.n ? b.n : 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	if (b.n > 0)
		memcpy(copy, b.p, b.n);
	return hl_bytes(copy, b.n);
}

static void drop(struct hl_bytes b)
{
	free((void *)(uintptr_t)b.p);
}

static hl_err verified(struct hl_bytes first, struct hl_bytes challenge, struct hl_bytes final)
{
	struct hl_bytes copy[] = { exact(first), exact(challenge), exact(final) };
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);
	hl_err err =
		hl_scram_verify(copy[0], copy[1], copy[2], keys()->stored, keys()->server, &out);

	CU_ASSERT_EQUAL(out.n > 0, err == HL_OK);
	for (size_t i = 0; i < HL_COUNT(copy); i++)
		drop(copy[i]);
	hl_buf_clear(&out);
	return err;
}

static hl_err verified_text(const char *first, const char *challenge, const char *final)
{
	return verified(hl_text(first), hl_text(challenge), hl_text(final));
}

/* A client that has sent FIRST. */
static struct hl_scram_client begun(void)
{
	struct hl_scram_client c;
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);

	CU_ASSERT_EQUAL(
		hl_scram_client_first(&c, hl_text(USER), hl_text(""), hl_text(CLIENT_NONCE), &out),
		HL_OK);
	CU_ASSERT(holds(&out, FIRST));
	hl_buf_clear(&out);
	return c;
}

static hl_err answered(struct hl_scram_client *c, struct hl_bytes challenge, struct hl_buf *out)
{
	struct hl_bytes copy = exact(challenge);
	hl_err err = hl_scram_client_final(c, copy, salt, 4096, keys(), out);

	CU_ASSERT_EQUAL(out->n > 0, err == HL_OK);
	drop(copy);
	return err;
}

static hl_err answered_text(const char *challenge)
{
	struct hl_scram_client c = begun();
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);
	hl_err err = answered(&c, hl_text(challenge), &out);

	hl_buf_clear(&out);
	return err;
}

/* A client that has sent FINAL. */
static struct hl_scram_client proved(void)
{
	struct hl_scram_client c = begun();
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);

	CU_ASSERT_EQUAL(answered(&c, hl_text(CHALLENGE), &out), HL_OK);
	CU_ASSERT(holds(&out, FINAL));
	hl_buf_clear(&out);
	return c;
}

static void the_client_of_rfc_7677_speaks_to_the_letter(void)
{
	struct hl_scram_client c = proved();

	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_text(VERDICT)), HL_OK);
}

static void the_server_of_rfc_7677_speaks_to_the_letter(void)
{
	struct hl_scram_first first;
	struct hl_bytes nonce;
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);

	CU_ASSERT_EQUAL(hl_scram_first_parse(hl_text(FIRST), &first), HL_OK);
	CU_ASSERT_STRING_EQUAL(first.user, USER);
	CU_ASSERT_STRING_EQUAL(first.authzid, "");
	CU_ASSERT(hl_bytes_eq(first.gs2, hl_text("n,,")));
	CU_ASSERT(hl_bytes_eq(first.bare, hl_text(BARE)));
	CU_ASSERT(hl_bytes_eq(first.nonce, hl_text(CLIENT_NONCE)));
	CU_ASSERT_EQUAL(
		hl_scram_server_first(&first, hl_text(NONCE_TAIL), salt, 4096, &out), HL_OK);
	CU_ASSERT(holds(&out, CHALLENGE));
	CU_ASSERT_EQUAL(hl_scram_server_nonce(hl_buf_view(&out), &nonce), HL_OK);
	CU_ASSERT(hl_bytes_eq(nonce, hl_text(CLIENT_NONCE NONCE_TAIL)));
	hl_buf_reset(&out);
	CU_ASSERT_EQUAL(hl_scram_verify(hl_text(FIRST), hl_text(CHALLENGE), hl_text(FINAL),
				keys()->stored, keys()->server, &out),
		HL_OK);
	CU_ASSERT(holds(&out, VERDICT));
	hl_buf_clear(&out);
}

/* -- cuts and flips -------------------------------------------------------------------------- */

static void the_server_refuses_every_cut(void)
{
	static const char *const whole[] = { FIRST, CHALLENGE, FINAL };

	for (size_t m = 0; m < HL_COUNT(whole); m++)
		for (size_t cut = 0; cut < strlen(whole[m]); cut++) {
			struct hl_bytes sent[] = { hl_text(FIRST), hl_text(CHALLENGE),
				hl_text(FINAL) };

			sent[m].n = cut;
			CU_ASSERT_NOT_EQUAL(verified(sent[0], sent[1], sent[2]), HL_OK);
		}
}

static void the_client_refuses_every_cut(void)
{
	struct hl_scram_client done = proved();
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);

	for (size_t cut = 0; cut < strlen(CHALLENGE); cut++) {
		struct hl_scram_client c = begun();

		CU_ASSERT_NOT_EQUAL(answered(&c, hl_bytes(CHALLENGE, cut), &out), HL_OK);
		CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_text(VERDICT)), HL_E_PROXY_AUTH);
	}
	for (size_t cut = 0; cut < strlen(VERDICT); cut++) {
		struct hl_bytes copy = exact(hl_bytes(VERDICT, cut));

		CU_ASSERT_EQUAL(hl_scram_client_check(&done, copy), HL_E_PROXY_AUTH);
		drop(copy);
	}
	hl_buf_clear(&out);
}

static void the_server_refuses_every_other_byte(void)
{
	static const char *const whole[] = { FIRST, CHALLENGE, FINAL };
	char changed[HL_SCRAM_MAX];

	for (size_t m = 0; m < HL_COUNT(whole); m++)
		for (size_t i = 0; i < strlen(whole[m]); i++)
			for (unsigned with = 1; with < 256; with++) {
				struct hl_bytes sent[] = { hl_text(FIRST), hl_text(CHALLENGE),
					hl_text(FINAL) };

				memcpy(changed, sent[m].p, sent[m].n);
				changed[i] = (char)((unsigned char)changed[i] ^ with);
				sent[m].p = (const uint8_t *)changed;
				CU_ASSERT_NOT_EQUAL(verified(sent[0], sent[1], sent[2]), HL_OK);
			}
}

/* The tail of the nonce is the server's to choose, so a client answers there; but for another
 * AuthMessage, which the real server's signature then does not fit. */
static void the_client_trusts_nobody_after_a_changed_byte(void)
{
	char changed[] = CHALLENGE;
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);

	for (size_t i = 0; i < strlen(CHALLENGE); i++)
		for (unsigned with = 1; with < 256; with++) {
			struct hl_scram_client c = begun();

			changed[i] = (char)((unsigned char)changed[i] ^ with);
			if (answered(&c, hl_text(changed), &out) == HL_OK)
				CU_ASSERT(i >= strlen("r=" CLIENT_NONCE) && i < strlen(NONCE));
			CU_ASSERT_EQUAL(
				hl_scram_client_check(&c, hl_text(VERDICT)), HL_E_PROXY_AUTH);
			changed[i] = CHALLENGE[i];
			hl_buf_reset(&out);
		}
	hl_buf_clear(&out);
}

static void every_other_server_signature_is_refused(void)
{
	struct hl_scram_client c = proved();
	char changed[] = VERDICT;

	for (size_t i = 0; i < strlen(VERDICT); i++)
		for (unsigned with = 1; with < 256; with++) {
			changed[i] = (char)((unsigned char)changed[i] ^ with);
			CU_ASSERT_EQUAL(
				hl_scram_client_check(&c, hl_bytes(changed, strlen(VERDICT))),
				HL_E_PROXY_AUTH);
			changed[i] = VERDICT[i];
		}
	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_text("e=invalid-proof")), HL_E_PROXY_AUTH);
	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_text(VERDICT ",m=x")), HL_E_PROXY_AUTH);
	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_text(VERDICT ",")), HL_E_PROXY_AUTH);
	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_text(VERDICT ",x=later")), HL_OK);
}

/* -- what belongs together ------------------------------------------------------------------- */

static void the_client_insists_on_its_nonce_salt_and_count(void)
{
	CU_ASSERT_EQUAL(answered_text(CHALLENGE ",x=later"), HL_OK);
	CU_ASSERT_EQUAL(answered_text(NONCE "," SALT ",i=4095"), HL_E_PROXY_AUTH);
	CU_ASSERT_EQUAL(answered_text(NONCE "," SALT ",i=1"), HL_E_PROXY_AUTH);
	CU_ASSERT_EQUAL(answered_text(NONCE "," SALT ",i=4294967295"), HL_E_PROXY_AUTH);
	CU_ASSERT_EQUAL(answered_text(NONCE ",s=W22ZaJ0SNY7soEsUEjb6gA==,i=4096"), HL_E_PROXY_AUTH);
	CU_ASSERT_EQUAL(answered_text(NONCE ",s=W22ZaJ0SNY7soEsUEjb6,i=4096"), HL_E_PROXY_AUTH);
	CU_ASSERT_EQUAL(answered_text("r=" CLIENT_NONCE "," SALT ",i=4096"), HL_E_SCRAM);
	CU_ASSERT_EQUAL(
		answered_text("r=x" CLIENT_NONCE NONCE_TAIL "," SALT ",i=4096"), HL_E_SCRAM);
}

static void the_server_insists_on_its_nonce_and_the_header(void)
{
	static const struct {
		const char *final;
		hl_err err;
	} row[] = {
		{ FINAL, HL_OK },
		{ "c=eSws," NONCE "," PROOF, HL_E_SCRAM },
		{ "c=biwsYT1i," NONCE "," PROOF, HL_E_SCRAM },
		{ "c=biwt," NONCE "," PROOF, HL_E_SCRAM },
		{ "c=biws,r=" CLIENT_NONCE "," PROOF, HL_E_SCRAM },
		{ "c=biws," NONCE "x," PROOF, HL_E_SCRAM },
		{ "c=biws," NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVU=",
			HL_E_SERVICE_AUTH },
		/* well-formed, but the proof does not cover the extension */
		{ "c=biws," NONCE ",x=later," PROOF, HL_E_SERVICE_AUTH },
	};

	for (size_t i = 0; i < HL_COUNT(row); i++)
		CU_ASSERT_EQUAL(verified_text(FIRST, CHALLENGE, row[i].final), row[i].err);
}

static void messages_of_two_exchanges_do_not_verify(void)
{
	CU_ASSERT_EQUAL(verified_text("n,,n=user,r=other", CHALLENGE, FINAL), HL_E_SCRAM);
	CU_ASSERT_EQUAL(verified_text("y,," BARE, CHALLENGE, FINAL), HL_E_SCRAM);
	CU_ASSERT_EQUAL(verified_text("n,a=part," BARE, CHALLENGE, FINAL), HL_E_SCRAM);
	CU_ASSERT_EQUAL(
		verified_text(FIRST, "r=" CLIENT_NONCE "," SALT ",i=4096", FINAL), HL_E_SCRAM);
	CU_ASSERT_EQUAL(verified_text(FIRST, CHALLENGE ",x=1", FINAL), HL_E_SERVICE_AUTH);
	CU_ASSERT_EQUAL(
		verified_text("n,,n=resu,r=" CLIENT_NONCE, CHALLENGE, FINAL), HL_E_SERVICE_AUTH);
}

/* -- whole exchanges ------------------------------------------------------------------------- */

struct exchange {
	const char *user, *authzid;
	const struct hl_scram_keys *client, *server;
	hl_err verify, check;
};

static void exchange(const struct exchange *e)
{
	struct hl_buf first = hl_buf(HL_SCRAM_MAX), challenge = hl_buf(HL_SCRAM_MAX);
	struct hl_buf final = hl_buf(HL_SCRAM_MAX), verdict = hl_buf(HL_SCRAM_MAX);
	struct hl_scram_client c;
	struct hl_scram_first got;

	CU_ASSERT_EQUAL(hl_scram_client_first(
				&c, hl_text(e->user), hl_text(e->authzid), hl_text("abc"), &first),
		HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_scram_first_parse(hl_buf_view(&first), &got), HL_OK);
	CU_ASSERT_STRING_EQUAL(got.user, e->user);
	CU_ASSERT_STRING_EQUAL(got.authzid, e->authzid);
	CU_ASSERT_EQUAL(hl_scram_server_first(&got, hl_text("def"), salt, 4096, &challenge), HL_OK);
	CU_ASSERT_EQUAL(
		hl_scram_client_final(&c, hl_buf_view(&challenge), salt, 4096, e->client, &final),
		HL_OK);
	CU_ASSERT_EQUAL(
		hl_scram_verify(hl_buf_view(&first), hl_buf_view(&challenge), hl_buf_view(&final),
			e->server->stored, e->server->server, &verdict),
		e->verify);
	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_buf_view(&verdict)), e->check);
	hl_buf_clear(&first);
	hl_buf_clear(&challenge);
	hl_buf_clear(&final);
	hl_buf_clear(&verdict);
}

static void any_printable_name_survives(void)
{
	static const char *const name[] = { "a", ",", "=", "=2C", "=3D,=,", "smith, j = 1",
		"~ !\"#" };

	for (size_t i = 0; i < HL_COUNT(name); i++) {
		exchange(&(struct exchange){ name[i], "", keys(), keys(), HL_OK, HL_OK });
		exchange(&(struct exchange){ name[i], name[i], keys(), keys(), HL_OK, HL_OK });
	}
}

static void a_name_of_64_commas_fits_twice(void)
{
	char name[65];

	memset(name, ',', 64);
	name[64] = 0;
	exchange(&(struct exchange){ name, name, keys(), keys(), HL_OK, HL_OK });
}

static void a_wrong_password_is_refused_on_both_sides(void)
{
	struct hl_scram_keys wrong, liar = *keys();

	CU_ASSERT_EQUAL(hl_scram_derive(hl_text("pencim"), salt, 4096, &wrong), HL_OK);
	exchange(
		&(struct exchange){ "u", "p", &wrong, keys(), HL_E_SERVICE_AUTH, HL_E_PROXY_AUTH });
	/* A server that takes any proof still cannot sign. */
	memcpy(liar.server, wrong.server, sizeof liar.server);
	exchange(&(struct exchange){ "u", "p", keys(), &liar, HL_OK, HL_E_PROXY_AUTH });
	hl_scram_keys_clear(&wrong);
	CU_ASSERT(hl_bytes_eq(hl_bytes(wrong.client, 1), hl_bytes("", 1)));
}

static void extensions_under_the_proof_are_accepted(void)
{
	static const char first[] = "n,,n=user,r=abc,x=1",
			  challenge[] = "r=abcdef," SALT ",i=4096,y=2";
	struct hl_scram_client c = { .bare = "n=user,r=abc,x=1", .gs2 = "n,,", .nonce = "abc" };
	struct hl_buf final = hl_buf(HL_SCRAM_MAX), verdict = hl_buf(HL_SCRAM_MAX);

	CU_ASSERT_EQUAL(
		hl_scram_client_final(&c, hl_text(challenge), salt, 4096, keys(), &final), HL_OK);
	CU_ASSERT_EQUAL(hl_scram_verify(hl_text(first), hl_text(challenge), hl_buf_view(&final),
				keys()->stored, keys()->server, &verdict),
		HL_OK);
	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_buf_view(&verdict)), HL_OK);
	hl_buf_clear(&final);
	hl_buf_clear(&verdict);
}

/* -- arguments ------------------------------------------------------------------------------- */

static void the_salt_depends_on_realm_and_user(void)
{
	/* printf 'hsmlet scram salt\0alice' | openssl dgst -sha256 -hmac hsmlet */
	static const uint8_t alice[HL_SCRAM_SALT] = { 0x93, 0x14, 0x01, 0xac, 0xfd, 0x0c, 0xa6,
		0x0a, 0xec, 0x3a, 0x6d, 0xd3, 0xca, 0x87, 0x2d, 0x06 };
	uint8_t a[HL_SCRAM_SALT], b[HL_SCRAM_SALT];

	CU_ASSERT_EQUAL(hl_scram_salt(hl_text("hsmlet"), hl_text("alice"), a), HL_OK);
	CU_ASSERT(memcmp(a, alice, sizeof a) == 0);
	CU_ASSERT_EQUAL(hl_scram_salt(hl_text("hsmlet"), hl_text("alicf"), b), HL_OK);
	CU_ASSERT(memcmp(a, b, sizeof a) != 0);
	CU_ASSERT_EQUAL(hl_scram_salt(hl_text("hsmleu"), hl_text("alice"), b), HL_OK);
	CU_ASSERT(memcmp(a, b, sizeof a) != 0);
	CU_ASSERT_EQUAL(hl_scram_salt(hl_text(""), hl_text("alice"), b), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_salt(hl_text("hsmlet"), hl_text(""), b), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_salt(hl_text("hsmlet"), hl_text("\xc3\xbc"), b), HL_E_ARG);
}

static void a_password_is_printable_ascii(void)
{
	struct hl_scram_keys k;

	CU_ASSERT_EQUAL(hl_scram_derive(hl_text(""), salt, 1, &k), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_derive(hl_text("a\tb"), salt, 1, &k), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_derive(hl_text("\xc3\xbc"), salt, 1, &k), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_derive(hl_text("a b"), hl_text(""), 1, &k), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_derive(hl_text("a b"), salt, 0, &k), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_derive(hl_text("a b"), salt, 1u << 31, &k), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_derive(hl_text("a b"), salt, 1, &k), HL_OK);
}

static hl_err said(const char *user, const char *authzid, const char *nonce)
{
	struct hl_scram_client c;
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);
	hl_err err =
		hl_scram_client_first(&c, hl_text(user), hl_text(authzid), hl_text(nonce), &out);

	CU_ASSERT_EQUAL(out.n > 0, err == HL_OK);
	hl_buf_clear(&out);
	return err;
}

static void unusable_names_are_refused(void)
{
	char longest[HL_SCRAM_MAX];

	CU_ASSERT_EQUAL(said("", "p", "abc"), HL_E_ARG);
	CU_ASSERT_EQUAL(said("\xc3\xbc", "p", "abc"), HL_E_ARG);
	CU_ASSERT_EQUAL(said("u", "\n", "abc"), HL_E_ARG);
	CU_ASSERT_EQUAL(said("u", "p", ""), HL_E_ARG);
	CU_ASSERT_EQUAL(said("u", "p", "a,b"), HL_E_ARG);
	CU_ASSERT_EQUAL(said("u", "p", "a b"), HL_E_ARG);
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	CU_ASSERT_EQUAL(said(longest, "p", "abc"), HL_E_ARG);
	CU_ASSERT_EQUAL(said("u", longest, "abc"), HL_E_ARG);
	CU_ASSERT_EQUAL(said("u", "p", longest), HL_E_ARG);
	CU_ASSERT_EQUAL(said("u", "p", longest + sizeof longest - HL_SCRAM_NONCE_MAX), HL_OK);
}

/* With the longest header and nonce that client-first lets through, client-final still fits. */
static void whatever_begins_can_be_finished(void)
{
	char name[HL_SCRAM_MAX], nonce[HL_SCRAM_NONCE_MAX];
	size_t finished = 0;

	memset(nonce, 'r', sizeof nonce - 1);
	nonce[sizeof nonce - 1] = 0;
	for (size_t n = 1; n < sizeof name; n++) {
		struct hl_scram_client c;
		struct hl_scram_first first;
		struct hl_buf a = hl_buf(HL_SCRAM_MAX), b = hl_buf(HL_SCRAM_MAX);
		struct hl_buf z = hl_buf(HL_SCRAM_MAX);

		memset(name, 'n', n);
		if (hl_scram_client_first(
			    &c, hl_text("u"), hl_bytes(name, n), hl_text(nonce), &a) == HL_OK) {
			CU_ASSERT_EQUAL(hl_scram_first_parse(hl_buf_view(&a), &first), HL_OK);
			CU_ASSERT_EQUAL(
				hl_scram_server_first(&first, hl_text("t"), salt, 4096, &b), HL_OK);
			CU_ASSERT_EQUAL(answered(&c, hl_buf_view(&b), &z), HL_OK);
			CU_ASSERT(z.n <= HL_SCRAM_MAX);
			finished = n;
		}
		hl_buf_clear(&a);
		hl_buf_clear(&b);
		hl_buf_clear(&z);
	}
	CU_ASSERT(finished >= 64 && finished < HL_SCRAM_MAX / 2);
}

static void unusable_challenges_are_not_written(void)
{
	struct hl_scram_first first;
	struct hl_buf out = hl_buf(HL_SCRAM_MAX), small = hl_buf(10);
	uint8_t bytes[65] = { 0 };
	char nonce[HL_SCRAM_NONCE_MAX];

	memset(nonce, 'r', sizeof nonce - 1);
	nonce[sizeof nonce - 1] = 0;
	CU_ASSERT_EQUAL(hl_scram_first_parse(hl_text(FIRST), &first), HL_OK);
	CU_ASSERT_EQUAL(hl_scram_server_first(&first, hl_text(""), salt, 4096, &out), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_server_first(&first, hl_text("a,b"), salt, 4096, &out), HL_E_ARG);
	CU_ASSERT_EQUAL(
		hl_scram_server_first(&first, hl_text("a"), hl_bytes("", 0), 1, &out), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_server_first(&first, hl_text("a"), hl_bytes(bytes, 65), 1, &out),
		HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_server_first(&first, hl_text("a"), salt, 0, &out), HL_E_ARG);
	CU_ASSERT_EQUAL(hl_scram_server_first(&first, hl_text(nonce), salt, 1, &out), HL_E_SCRAM);
	CU_ASSERT_EQUAL(out.n, 0);
	CU_ASSERT_EQUAL(hl_scram_server_first(&first, hl_text("a"), salt, 1, &small), HL_E_FULL);
	CU_ASSERT_EQUAL(small.n, 0);
	CU_ASSERT_EQUAL(
		hl_scram_server_first(&first, hl_text("a"), hl_bytes(bytes, 64), UINT32_MAX, &out),
		HL_OK);
	hl_buf_clear(&out);
	hl_buf_clear(&small);
}

/* A structure of zeros holds a signature of zeros: nobody may pass by saying so. */
static void no_signature_is_right_before_the_proof(void)
{
	struct hl_scram_client c = begun();
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);
	static const char zeros[] = "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_text(zeros)), HL_E_PROXY_AUTH);
	c = proved();
	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_text(VERDICT)), HL_OK);
	CU_ASSERT_EQUAL(answered(&c, hl_text(NONCE), &out), HL_E_SCRAM);
	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_text(VERDICT)), HL_E_PROXY_AUTH);
	c = (struct hl_scram_client){ 0 };
	CU_ASSERT_EQUAL(answered(&c, hl_text(CHALLENGE), &out), HL_E_SCRAM);
	CU_ASSERT_EQUAL(hl_scram_client_check(&c, hl_text(zeros)), HL_E_PROXY_AUTH);
	hl_buf_clear(&out);
}

static CU_TestInfo tests[] = {
	{ "the client of RFC 7677 speaks to the letter",
		the_client_of_rfc_7677_speaks_to_the_letter },
	{ "the server of RFC 7677 speaks to the letter",
		the_server_of_rfc_7677_speaks_to_the_letter },
	{ "the server refuses every cut", the_server_refuses_every_cut },
	{ "the client refuses every cut", the_client_refuses_every_cut },
	{ "the server refuses every other byte", the_server_refuses_every_other_byte },
	{ "the client trusts nobody after a changed byte",
		the_client_trusts_nobody_after_a_changed_byte },
	{ "every other server signature is refused", every_other_server_signature_is_refused },
	{ "the client insists on its nonce, salt and count",
		the_client_insists_on_its_nonce_salt_and_count },
	{ "the server insists on its nonce and the header",
		the_server_insists_on_its_nonce_and_the_header },
	{ "messages of two exchanges do not verify", messages_of_two_exchanges_do_not_verify },
	{ "any printable name survives", any_printable_name_survives },
	{ "a name of 64 commas fits twice", a_name_of_64_commas_fits_twice },
	{ "a wrong password is refused on both sides", a_wrong_password_is_refused_on_both_sides },
	{ "extensions under the proof are accepted", extensions_under_the_proof_are_accepted },
	{ "the salt depends on realm and user", the_salt_depends_on_realm_and_user },
	{ "a password is printable ASCII", a_password_is_printable_ascii },
	{ "unusable names are refused", unusable_names_are_refused },
	{ "whatever begins can be finished", whatever_begins_can_be_finished },
	{ "unusable challenges are not written", unusable_challenges_are_not_written },
	{ "no signature is right before the proof", no_signature_is_right_before_the_proof },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("scram", tests)
