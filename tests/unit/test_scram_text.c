#include "lib/auth/scram_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/test.h"

#define NONCE "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "s=W22ZaJ0SNY7soEsUEjb6gQ=="
#define CHALLENGE NONCE "," SALT ",i=4096"
#define PROOF "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define VERDICT "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

struct sample {
	const char *text;
	hl_err err;
};

union parsed {
	struct hl_scram_first first;
	struct hl_scram_challenge challenge;
	struct hl_scram_answer answer;
	uint8_t verdict[HL_SCRAM_HASH];
};

typedef hl_err parse_fn(struct hl_bytes text, union parsed *out);

static hl_err parse_first(struct hl_bytes text, union parsed *out)
{
	return hl_scram_first_parse(text, &out->first);
}

static hl_err parse_challenge(struct hl_bytes text, union parsed *out)
{
	return hl_scram_challenge_parse(text, &out->challenge);
}

static hl_err parse_answer(struct hl_bytes text, union parsed *out)
{
	return hl_scram_answer_parse(text, &out->answer);
}

static hl_err parse_verdict(struct hl_bytes text, union parsed *out)
{
	return hl_scram_verdict_parse(text, out->verdict);
}

/* In memory of the exact size, so that a sanitizer or Valgrind sees a byte read past the end. */
static hl_err parsed(parse_fn *parse, const void *text, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	union parsed out;
	hl_err err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	if (n > 0)
		memcpy(copy, text, n);
	err = parse(hl_bytes(copy, n), &out);
	free(copy);
	return err;
}

static void expect(parse_fn *parse, const struct sample *sample, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		hl_err err = parsed(parse, sample[i].text, strlen(sample[i].text));

		if (err != sample[i].err)
			fprintf(stderr, "%d for: %s\n", (int)err, sample[i].text);
		CU_ASSERT_EQUAL(err, sample[i].err);
	}
}

static void the_grammar_of_client_first_is_kept(void)
{
	static const struct sample sample[] = {
		{ "n,,n=user,r=abc", HL_OK },
		{ "y,,n=user,r=abc", HL_OK },
		{ "n,a=part,n=user,r=abc", HL_OK },
		{ "n,,n=a b,r=abc", HL_OK },
		{ "n,,n=user,r=a=b", HL_OK },
		{ "n,,n=user,r=abc,x=1,Y=a=b", HL_OK },
		{ "n,,n=user,r=abc,x=gr\xc3\xbc\xc3\x9f", HL_OK },
		{ "p=tls-unique,,n=user,r=abc", HL_E_SCRAM },
		{ "N,,n=user,r=abc", HL_E_SCRAM },
		{ ",,n=user,r=abc", HL_E_SCRAM },
		{ "n,n=user,r=abc", HL_E_SCRAM },
		{ "n,a=,n=user,r=abc", HL_E_SCRAM },
		{ "n,b=x,n=user,r=abc", HL_E_SCRAM },
		{ "n,,m=x,n=user,r=abc", HL_E_SCRAM },
		{ "n,,n=user,m=x,r=abc", HL_E_SCRAM },
		{ "n,,n=user,r=abc,m=x", HL_E_SCRAM },
		{ "n,,n=,r=abc", HL_E_SCRAM },
		{ "n,,n=us=er,r=abc", HL_E_SCRAM },
		{ "n,,n=us=2cer,r=abc", HL_E_SCRAM },
		{ "n,,n=us=2,r=abc", HL_E_SCRAM },
		{ "n,,n=us=", HL_E_SCRAM },
		{ "n,,n=us\ter,r=abc", HL_E_SCRAM },
		{ "n,,n=us\x7f,r=abc", HL_E_SCRAM },
		{ "n,,n=\xc3\xbc,r=abc", HL_E_SCRAM },
		{ "n,,n=user,r=", HL_E_SCRAM },
		{ "n,,n=user,r=a c", HL_E_SCRAM },
		{ "n,,n=user,r=\xc3\xbc", HL_E_SCRAM },
		{ "n,,r=abc,n=user", HL_E_SCRAM },
		{ "n,,n=user", HL_E_SCRAM },
		{ "n,,n=user,r=abc,", HL_E_SCRAM },
		{ "n,,n=user,r=abc,x", HL_E_SCRAM },
		{ "n,,n=user,r=abc,x=", HL_E_SCRAM },
		{ "n,,n=user,r=abc,1=x", HL_E_SCRAM },
		{ "n,,n=user,r=abc,,x=1", HL_E_SCRAM },
		{ "n,,n=user,r=abc,n=other", HL_E_SCRAM },
		{ "n,,n=user,r=abc,r=def", HL_E_SCRAM },
	};

	expect(parse_first, sample, HL_COUNT(sample));
	CU_ASSERT_EQUAL(parsed(parse_first, "n,,n=a\0b,r=c", 12), HL_E_SCRAM);
	CU_ASSERT_EQUAL(parsed(parse_first, "n,,n=a,r=c,x=\0", 14), HL_E_SCRAM);
}

static void the_grammar_of_server_first_is_kept(void)
{
	static const struct sample sample[] = {
		{ CHALLENGE, HL_OK },
		{ CHALLENGE ",x=later", HL_OK },
		{ NONCE "," SALT ",i=1", HL_OK },
		{ NONCE "," SALT ",i=4294967295", HL_OK },
		{ NONCE ",s=W22ZaJ0SNY7soEsUEjb6,i=4096", HL_OK },
		{ CHALLENGE ",m=x", HL_E_SCRAM },
		{ "m=x," CHALLENGE, HL_E_SCRAM },
		{ CHALLENGE ",", HL_E_SCRAM },
		{ CHALLENGE ",i=1", HL_E_SCRAM },
		{ SALT "," NONCE ",i=4096", HL_E_SCRAM },
		{ NONCE "," SALT ",i=", HL_E_SCRAM },
		{ NONCE "," SALT ",i=0", HL_E_SCRAM },
		{ NONCE "," SALT ",i=04096", HL_E_SCRAM },
		{ NONCE "," SALT ",i=+4096", HL_E_SCRAM },
		{ NONCE "," SALT ",i= 4096", HL_E_SCRAM },
		{ NONCE "," SALT ",i=4096x", HL_E_SCRAM },
		{ NONCE "," SALT ",i=4294967296", HL_E_SCRAM },
		{ NONCE "," SALT ",i=18446744073709555712", HL_E_SCRAM },
		{ NONCE ",s=,i=4096", HL_E_SCRAM },
		{ NONCE ",s====,i=4096", HL_E_SCRAM },
		{ NONCE ",s=====,i=4096", HL_E_SCRAM },
		{ NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ,i=4096", HL_E_SCRAM },
		{ NONCE ",s=W22ZaJ0SNY7soEsUEjb6gR==,i=4096", HL_E_SCRAM },
		{ NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ== ,i=4096", HL_E_SCRAM },
		{ NONCE ",s= W22ZaJ0SNY7soEsUEjb6gQ=,i=4096", HL_E_SCRAM },
		{ NONCE ",s=W22ZaJ0SNY==oEsUEjb6gQ==,i=4096", HL_E_SCRAM },
		{ "e=unknown-user", HL_E_SCRAM },
	};

	expect(parse_challenge, sample, HL_COUNT(sample));
}

static void the_grammar_of_client_final_is_kept(void)
{
	static const struct sample sample[] = {
		{ "c=biws," NONCE "," PROOF, HL_OK },
		{ "c=biws," NONCE ",x=later," PROOF, HL_OK },
		{ "m=x,c=biws," NONCE "," PROOF, HL_E_SCRAM },
		{ "c=biws," NONCE ",m=x," PROOF, HL_E_SCRAM },
		{ "c=biws," NONCE "," PROOF ",x=later", HL_E_SCRAM },
		{ "c=biws," NONCE "," PROOF "," PROOF, HL_E_SCRAM },
		{ "c=biws," NONCE, HL_E_SCRAM },
		{ "c=biws," PROOF, HL_E_SCRAM },
		{ "c=," NONCE "," PROOF, HL_E_SCRAM },
		{ NONCE ",c=biws," PROOF, HL_E_SCRAM },
		{ "c=biws," NONCE ",p=", HL_E_SCRAM },
		{ "c=biws," NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7And===", HL_E_SCRAM },
		{ "c=biws," NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVR=", HL_E_SCRAM },
		{ "c=biws," NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVRU", HL_E_SCRAM },
		{ "c=biws," NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7An", HL_E_SCRAM },
	};

	expect(parse_answer, sample, HL_COUNT(sample));
}

static void the_grammar_of_server_final_is_kept(void)
{
	static const struct sample sample[] = {
		{ VERDICT, HL_OK },
		{ VERDICT ",x=later", HL_OK },
		{ VERDICT ",m=x", HL_E_SCRAM },
		{ VERDICT ",v=x", HL_E_SCRAM },
		{ VERDICT ",", HL_E_SCRAM },
		{ "x=1," VERDICT, HL_E_SCRAM },
		{ "v=", HL_E_SCRAM },
		{ "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl9", HL_E_SCRAM },
		{ "e=invalid-proof", HL_E_SCRAM },
	};

	expect(parse_verdict, sample, HL_COUNT(sample));
}

static void no_message_is_longer_than_512_bytes(void)
{
	static const struct {
		parse_fn *parse;
		const char *start, *end;
	} row[] = {
		{ parse_first, "n,,n=user,r=abc,x=", "" },
		{ parse_challenge, CHALLENGE ",x=", "" },
		{ parse_answer, "c=biws," NONCE ",x=", "," PROOF },
		{ parse_verdict, VERDICT ",x=", "" },
	};
	char text[HL_SCRAM_MAX + 1];

	for (size_t i = 0; i < HL_COUNT(row); i++)
		for (size_t n = HL_SCRAM_MAX; n <= sizeof text; n++) {
			memset(text, 'x', sizeof text);
			memcpy(text, row[i].start, strlen(row[i].start));
			memcpy(text + n - strlen(row[i].end), row[i].end, strlen(row[i].end));
			CU_ASSERT_EQUAL(parsed(row[i].parse, text, n),
				n == HL_SCRAM_MAX ? HL_OK : HL_E_SCRAM);
		}
}

static void no_nonce_is_longer_than_128_bytes(void)
{
	char text[HL_SCRAM_MAX] = "n,,n=u,r=";
	size_t head = strlen(text);

	memset(text + head, 'r', HL_SCRAM_NONCE_MAX + 1);
	CU_ASSERT_EQUAL(parsed(parse_first, text, head + HL_SCRAM_NONCE_MAX), HL_OK);
	CU_ASSERT_EQUAL(parsed(parse_first, text, head + HL_SCRAM_NONCE_MAX + 1), HL_E_SCRAM);
}

static void no_salt_is_longer_than_64_bytes(void)
{
	uint8_t salt[HL_SCRAM_SALT_MAX + 3] = { 0 };

	for (size_t n = 1; n <= sizeof salt; n++) {
		struct hl_buf b = hl_buf(HL_SCRAM_MAX);
		struct hl_scram_challenge got;
		hl_err err;

		hl_buf_text(&b, NONCE ",s=");
		hl_scram_put_base64(&b, hl_bytes(salt, n));
		hl_buf_text(&b, ",i=1");
		err = hl_scram_challenge_parse(hl_buf_view(&b), &got);
		CU_ASSERT_EQUAL(err, n <= HL_SCRAM_SALT_MAX ? HL_OK : HL_E_SCRAM);
		CU_ASSERT(err != HL_OK || got.salt_n == n);
		hl_buf_clear(&b);
	}
}

/* A nonce or a count cut short is still one, an extension taken off leaves a whole message; every
 * other cut is malformed. What the first two mean is the affair of scram.c. */
static void cuts_are_read_to_their_end_and_no_further(void)
{
	static const struct {
		parse_fn *parse;
		const char *text, *whole_from;
	} row[] = {
		{ parse_first, "n,a=pa=2Crt,n=us=3Der,r=abc", "n,a=pa=2Crt,n=us=3Der,r=a" },
		{ parse_challenge, CHALLENGE, NONCE "," SALT ",i=4" },
		{ parse_answer, "c=biws," NONCE ",x=1," PROOF, "c=biws," NONCE ",x=1," PROOF },
		{ parse_verdict, VERDICT, VERDICT },
	};

	for (size_t i = 0; i < HL_COUNT(row); i++)
		for (size_t cut = 0; cut <= strlen(row[i].text); cut++)
			CU_ASSERT_EQUAL(parsed(row[i].parse, row[i].text, cut),
				cut >= strlen(row[i].whole_from) ? HL_OK : HL_E_SCRAM);
}

static CU_TestInfo tests[] = {
	{ "the grammar of client-first is kept", the_grammar_of_client_first_is_kept },
	{ "the grammar of server-first is kept", the_grammar_of_server_first_is_kept },
	{ "the grammar of client-final is kept", the_grammar_of_client_final_is_kept },
	{ "the grammar of server-final is kept", the_grammar_of_server_final_is_kept },
	{ "no message is longer than 512 bytes", no_message_is_longer_than_512_bytes },
	{ "no nonce is longer than 128 bytes", no_nonce_is_longer_than_128_bytes },
	{ "no salt is longer than 64 bytes", no_salt_is_longer_than_64_bytes },
	{ "cuts are read to their end and no further", cuts_are_read_to_their_end_and_no_further },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("scram_text", tests)
