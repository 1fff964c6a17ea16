/* The four messages of SCRAM from outside, a line each: client-first, server-first, client-final,
 * server-final. Whatever stands there, no proof and no signature is right but those of the sample,
 * the example of RFC 7677 section 3. */
#include "lib/auth/scram.h"

#include "tests/fuzz/fuzz.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define BOTH NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define FIRST "n,,n=user,r=" NONCE
#define CHALLENGE "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define FINAL "c=biws,r=" BOTH ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define VERDICT "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static const uint8_t salt_bytes[] = { 0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0,
	0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81 };
static const struct hl_bytes salt = { salt_bytes, sizeof salt_bytes };

static const char *const sample[] = {
	FIRST "\n" CHALLENGE "\n" FINAL "\n" VERDICT,
	"y,a=part=2C=3D,n=us=2Cer,r=abc,x=1\n" CHALLENGE ",y=2\nc=biws,r=" BOTH
	",z=3,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=\n" VERDICT ",w=4",
	"n,a=part,n=user,r=" NONCE "\n" CHALLENGE "\ne=invalid-proof\ne=other-error",
};

static const struct hl_scram_keys *keys(void)
{
	static struct hl_scram_keys made;
	static bool done;

	if (!done)
		HL_FUZZ_MUST(hl_scram_derive(hl_text("pencil"), salt, 4096, &made) == HL_OK);
	done = true;
	return &made;
}

static struct hl_bytes line(struct hl_bytes *rest)
{
	const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct hl_bytes l = hl_bytes(rest->p, end ? (size_t)(end - rest->p) : rest->n);
	size_t used = l.n + (end ? 1 : 0);

	if (used > 0)
		*rest = hl_bytes(rest->p + used, rest->n - used);
	return l;
}

static bool is(struct hl_bytes b, const char *text)
{
	return hl_bytes_eq(b, hl_text(text));
}

/* Names that were understood are said in one way only, and understood again. */
static void say_again(const struct hl_scram_first *first)
{
	struct hl_scram_client c;
	struct hl_scram_first again;
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);
	hl_err err = hl_scram_client_first(
		&c, hl_text(first->user), hl_text(first->authzid), hl_text("abc"), &out);

	HL_FUZZ_MUST(err == HL_OK || err == HL_E_ARG); /* too long with the rest of ours */
	if (err == HL_OK) {
		HL_FUZZ_MUST(hl_scram_first_parse(hl_buf_view(&out), &again) == HL_OK);
		HL_FUZZ_MUST(strcmp(again.user, first->user) == 0);
		HL_FUZZ_MUST(strcmp(again.authzid, first->authzid) == 0);
	}
	hl_buf_clear(&out);
}

/* The challenge that answers it keeps to the grammar. */
static void challenge_it(const struct hl_scram_first *first)
{
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);
	struct hl_bytes nonce = { 0 };
	hl_err err = hl_scram_server_first(first, hl_text("tail"), salt, 4096, &out);

	HL_FUZZ_MUST(err == HL_OK || err == HL_E_SCRAM);
	if (err == HL_OK) {
		HL_FUZZ_MUST(hl_scram_server_nonce(hl_buf_view(&out), &nonce) == HL_OK);
		HL_FUZZ_MUST(nonce.n == first->nonce.n + strlen("tail"));
	}
	hl_buf_clear(&out);
}

static void serve(struct hl_bytes first, struct hl_bytes challenge, struct hl_bytes final)
{
	struct hl_scram_first parsed;
	struct hl_buf out = hl_buf(HL_SCRAM_MAX);
	bool right = is(first, FIRST) && is(challenge, CHALLENGE) && is(final, FINAL);
	hl_err err;

	if (hl_scram_first_parse(first, &parsed) == HL_OK) {
		HL_FUZZ_MUST(parsed.user[0] != 0);
		HL_FUZZ_MUST(parsed.gs2.n + parsed.bare.n == first.n);
		say_again(&parsed);
		challenge_it(&parsed);
	}
	err = hl_scram_verify(first, challenge, final, keys()->stored, keys()->server, &out);
	HL_FUZZ_MUST((err == HL_OK) == right);
	HL_FUZZ_MUST((out.n > 0) == right);
	hl_buf_clear(&out);
}

static void ask(struct hl_bytes challenge, struct hl_bytes verdict)
{
	struct hl_scram_client c;
	struct hl_buf out = hl_buf(2 * HL_SCRAM_MAX);
	hl_err err;

	HL_FUZZ_MUST(hl_scram_client_first(
			     &c, hl_text("user"), hl_text(""), hl_text(NONCE), &out) == HL_OK);
	hl_buf_reset(&out);
	err = hl_scram_client_final(&c, challenge, salt, 4096, keys(), &out);
	HL_FUZZ_MUST(err == HL_OK || err == HL_E_SCRAM || err == HL_E_PROXY_AUTH);
	HL_FUZZ_MUST((out.n > 0) == (err == HL_OK) && out.n <= HL_SCRAM_MAX);
	/* Extensions of server-final are outside the signature. */
	if (hl_scram_client_check(&c, verdict) == HL_OK)
		HL_FUZZ_MUST(is(challenge, CHALLENGE) && verdict.n >= strlen(VERDICT) &&
			     memcmp(verdict.p, VERDICT, strlen(VERDICT)) == 0);
	hl_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct hl_bytes rest = hl_bytes(data, n);
	struct hl_bytes first = line(&rest), challenge = line(&rest), final = line(&rest);

	serve(first, challenge, final);
	ask(challenge, rest);
	return 0;
}

size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	struct hl_buf b = hl_buf(max);

	if (i >= HL_COUNT(sample))
		return 0;
	hl_buf_text(&b, sample[i]);
	return hl_fuzz_give(&b, out, max);
}
