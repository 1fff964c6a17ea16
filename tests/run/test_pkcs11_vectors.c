/* Vectors of RFCs, of NIST and of our own, through C_* functions over the network: eight families, valid and invalid, each
 * with its return value. What lines of tests/vectors/cases-*.txt say is told in tests/support/p11_case.h; those of other
 * files are put into such lines. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/support/p11_case.h"
#include "tests/support/test.h"
#include "tests/support/vectors.h"

static struct live *w;
static struct live_account acme;
static struct p11_client client;

/* -- the table -------------------------------------------------------------------------------------------------------------- */

enum family { RSA, ECDSA, EDDSA, ECDH, AES, HMAC, KDF, WRAP, FAMILIES };

/* clang-format off */
/* How many there are of each, so that none gets lost unseen. */
static const struct {
	const char *name;
	unsigned good, bad;
} families[FAMILIES] = {
	[RSA]   = { "RSA",   138, 123 },
	[ECDSA] = { "ECDSA", 156, 128 },
	[EDDSA] = { "EdDSA", 121, 68 },
	[ECDH]  = { "ECDH",  108, 65 },
	[AES]   = { "AES",   160, 137 },
	[HMAC]  = { "HMAC",  134, 81 },
	[KDF]   = { "KDF",   110, 45 },
	[WRAP]  = { "wrap",  120, 80 },
};
#define LEAST 40 /* of each family */

/* K-05: no key is wrapped by a weaker one, and 256 bits are as strong as it gets. */
static bool is_strong(const struct vectors *v)
{
	return strlen(v->column[1]) >= strlen(v->column[2]) || strlen(v->column[1]) == 64;
}

static bool is_weak(const struct vectors *v)
{
	return !is_strong(v);
}

#define MESSAGE "61206d657373616765206f662033322062797465732c206e6f74206861736865"
#define IV_96 "????????????????????????"
#define OURS(f, name) .family = f, .file = name
#define FROM(f, name, n, column, like, ...) OURS(f, name), .columns = n, .at = column, .glob = like, .say = { __VA_ARGS__ }

/* What a line of a file says, in our words: $0 is its first column, $h0 the hex of that text. A line is of a row where the
 * column `at` looks like `glob`. `head` is for the first line, of one column. */
static const struct source {
	enum family family;
	const char *file;
	size_t columns, at;
	const char *glob;
	const char *say[3];
	const char *head;
	bool (*fits)(const struct vectors *v);
} sources[] = {
	{ FROM(RSA, "rsa-sign.txt", 3, 0, "X_509",
		"key k RSA.public n=$1 e=010001", "verify RSA_X_509 k - " MESSAGE " $2 OK") },
	{ FROM(RSA, "rsa-sign.txt", 3, 0, "[!X]*",
		"key k RSA.public n=$1 e=010001", "verify $0_RSA_PKCS k - " MESSAGE " $2 OK") },
	{ FROM(RSA, "rsa-pss.txt", 6, 0, "*",
		"key k RSA.public n=$3 e=010001", "verify $0_RSA_PKCS_PSS k pss:$0:$1:$2 $4 $5 OK") },
	{ FROM(RSA, "rsa-decrypt.txt", 6, 0, "RSA_PKCS", "decrypt RSA_PKCS k - $4 $5 OK"), .head = "key k RSA pkcs8=$0" },
	{ FROM(RSA, "rsa-decrypt.txt", 6, 0, "RSA_PKCS_OAEP",
		"decrypt RSA_PKCS_OAEP k oaep:$1:$2:$3 $4 $5 OK"), .head = "key k RSA pkcs8=$0" },
	{ OURS(RSA, "cases-rsa.txt") },

	{ FROM(ECDSA, "ecdsa.txt", 6, 0, "*", "key k EC.public params=$0 point=$3", "verify ECDSA_$1 k - $4 $5 OK") },
	{ FROM(ECDSA, "rfc6979.txt", 7, 0, "P-256",
		"key k EC.public params=06082a8648ce3d030107 point=04$3$4", "verify ECDSA_$1 k - $h2 $5$6 OK") },
	{ FROM(ECDSA, "rfc6979.txt", 7, 0, "P-384",
		"key k EC.public params=06052b81040022 point=04$3$4", "verify ECDSA_$1 k - $h2 $5$6 OK") },
	{ FROM(ECDSA, "rfc6979.txt", 7, 0, "P-521",
		"key k EC.public params=06052b81040023 point=04$3$4", "verify ECDSA_$1 k - $h2 $5$6 OK") },
	{ OURS(ECDSA, "cases-ecdsa.txt") },

	{ FROM(EDDSA, "rfc8032.txt", 4, 0, "*", "key k EDWARDS params=06032b6570 value=$0", "sign EDDSA k - $2 $3 OK") },
	{ FROM(EDDSA, "rfc8032.txt", 4, 0, "*",
		"key k EDWARDS.public params=06032b6570 point=$1", "verify EDDSA k - $2 $3 OK") },
	{ FROM(EDDSA, "ed448.txt", 5, 0, "*", "key k EDWARDS params=$0 value=$1", "sign EDDSA k - $3 $4 OK") },
	{ FROM(EDDSA, "ed448.txt", 5, 0, "*", "key k EDWARDS.public params=$0 point=$2", "verify EDDSA k - $3 $4 OK") },
	{ OURS(EDDSA, "cases-eddsa.txt") },

	{ FROM(ECDH, "agreements.txt", 7, 0, "*",
		"key k $0 params=$1 value=$2", "derive ECDH1_DERIVE k ecdh:$4:$5:$3 - $6 OK") },
	{ OURS(ECDH, "cases-ecdh.txt") },

	{ FROM(AES, "ciphers.txt", 5, 0, "AES_ECB", "key k AES value=$1", "cipher $0 k - $3 $4 OK") },
	{ FROM(AES, "ciphers.txt", 5, 0, "AES_CBC*", "key k AES value=$1", "cipher $0 k iv:$2 $3 $4 OK") },
	{ FROM(AES, "ciphers.txt", 5, 0, "AES_CTR", "key k AES value=$1", "cipher $0 k ctr:128:$2 $3 $4 OK") },
	{ FROM(AES, "gcm-spec.txt", 6, 1, IV_96 "*", "key k AES value=$0", "cipher AES_GCM k gcm:$1:$2:128 $3 $4$5 OK") },
	{ FROM(AES, "gcm-spec.txt", 6, 1, "????????????????",
		"key k AES value=$0", "encrypt AES_GCM k gcm:$1:$2:128 $3 - MECHANISM_PARAM_INVALID") },
	{ FROM(AES, "macs.txt", 5, 0, "AES_*MAC", "key k AES value=$1", "mac $0 k iv:$2 $3 $4 OK") },
	{ OURS(AES, "cases-aes.txt") },

	{ FROM(HMAC, "macs.txt", 5, 0, "*_HMAC", "key k GENERIC value=$1", "mac $0 k - $3 $4 OK") },
	{ OURS(HMAC, "cases-hmac.txt") },

	{ FROM(KDF, "kdfs.txt", 8, 0, "COUNTER",
		"key k $1 value=$2", "derive SP800_108_COUNTER_KDF k kdf:$1:$3:i$4:b$5:b00:b$6:l32 - $7 OK") },
	{ FROM(KDF, "kdfs.txt", 8, 0, "[!C]*",
		"key k $1 value=$2", "derive SP800_108_$0_KDF k kdf:$1:$3:i:c$4:b$5:b00:b$6:l32 - $7 OK") },
	{ FROM(KDF, "pbkdf2.txt", 5, 0, "*", "generate PKCS5_PBKD2 - pbkdf2:$0:$2:$3:$1 - $4 OK") },
	{ OURS(KDF, "cases-kdf.txt") },

	{ FROM(WRAP, "wraps.txt", 4, 0, "*", "key k AES value=$1", "unwrap $0 k - $3 $2 OK") },
	{ FROM(WRAP, "wraps.txt", 4, 0, "*", "key k AES value=$1", "wrap $0 k - $2 $3 OK"), .fits = is_strong },
	{ FROM(WRAP, "wraps.txt", 4, 0, "*", "key k AES value=$1", "wrap $0 k - $2 - MECHANISM_INVALID"), .fits = is_weak },
	{ OURS(WRAP, "cases-wrap.txt") },
};
/* clang-format on */

/* -- lines ------------------------------------------------------------------------------------------------------------------ */

struct line {
	char text[16384];
	size_t n;
};

static void put(struct line *out, const char *text)
{
	size_t n = strlen(text);

	if (out->n + n + 1 > sizeof out->text)
		abort();
	memcpy(out->text + out->n, text, n + 1);
	out->n += n;
}

static void put_hex(struct line *out, const char *text)
{
	char hex[256];

	hl_hex(hl_bytes(text, strlen(text)), hex);
	put(out, hex);
}

static void fill_in(struct line *out, const char *say, const struct vectors *v)
{
	out->n = 0;
	for (; *say; say++) {
		bool hex = say[0] == '$' && say[1] == 'h';

		if (*say != '$') {
			put(out, (char[]){ *say, 0 });
			continue;
		}
		say += hex ? 2 : 1;
		(hex ? put_hex : put)(out, v->column[*say - '0']);
	}
}

struct count {
	unsigned good, bad;
};

static void do_line(struct p11_cases *c, char *text, const struct vectors *v, struct count *n)
{
	char where[128];
	enum p11_case_is is;

	snprintf(where, sizeof where, "%s:%zu", v->name, v->at);
	is = p11_case(c, text, where);
	n->good += is == P11_CASE_GOOD;
	n->bad += is == P11_CASE_BAD;
}

/* Lines that are not ours yet. */
static void put_into_words(const struct source *s, struct p11_cases *c, struct vectors *v, struct count *n)
{
	struct line line;

	if (s->head && vectors_next(v, 1)) {
		fill_in(&line, s->head, v);
		do_line(c, line.text, v, n);
	}
	while (vectors_next(v, s->columns)) {
		if (fnmatch(s->glob, v->column[s->at], 0) != 0 || (s->fits && !s->fits(v)))
			continue;
		for (size_t i = 0; i < HL_COUNT(s->say) && s->say[i]; i++) {
			fill_in(&line, s->say[i], v);
			do_line(c, line.text, v, n);
		}
	}
}

static void read_source(const struct source *s, CK_SESSION_HANDLE session, struct count *n)
{
	struct p11_cases *c = p11_cases_new(session);
	struct vectors v;

	vectors_open(&v, s->file);
	if (s->columns > 0)
		put_into_words(s, c, &v, n);
	while (s->columns == 0 && vectors_next(&v, 0))
		do_line(c, v.line, &v, n);
	vectors_close(&v);
	p11_cases_free(c);
}

/* -- the tests --------------------------------------------------------------------------------------------------------------- */

static void try_family(enum family family)
{
	CK_SESSION_HANDLE session = p11_begin_logged_in(&acme);
	struct count n = { 0, 0 };

	for (size_t i = 0; i < HL_COUNT(sources); i++)
		if (sources[i].family == family)
			read_source(&sources[i], session, &n);
	printf("%s: %u valid, %u invalid\n", families[family].name, n.good, n.bad);
	CU_ASSERT_EQUAL(n.good, families[family].good);
	CU_ASSERT_EQUAL(n.bad, families[family].bad);
	CU_ASSERT(n.good + n.bad >= LEAST && n.good > 0 && n.bad > 0);
	p11_over();
}

#define FAMILY(name, family) \
	static void name(void) \
	{ \
		try_family(family); \
	}
FAMILY(rsa_signs_and_decrypts, RSA)
FAMILY(ecdsa_verifies, ECDSA)
FAMILY(edwards_curves_sign, EDDSA)
FAMILY(curves_agree, ECDH)
FAMILY(aes_in_each_mode, AES)
FAMILY(hmac_with_each_digest, HMAC)
FAMILY(keys_from_keys_and_passwords, KDF)
FAMILY(keys_wrapped_by_aes, WRAP)

/* clang-format off */
#define TEST(name) { #name, name }
static CU_TestInfo tests[] = {
	TEST(rsa_signs_and_decrypts),
	TEST(ecdsa_verifies),
	TEST(edwards_curves_sign),
	TEST(curves_agree),
	TEST(aes_in_each_mode),
	TEST(hmac_with_each_digest),
	TEST(keys_from_keys_and_passwords),
	TEST(keys_wrapped_by_aes),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

static bool prepare(void)
{
	static const struct live_options one = { .proxies = 1, .hsms = 1 };
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE", .pin = "correct-horse",
	};

	w = live_start(&one);
	return w && live_provision(w, &tenant, &acme) == HL_OK && p11_client(w, "acme", &acme, &client) && p11_load(w);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("pkcs11 vectors", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
