#include "tests/support/p11_case_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>
#include <openssl/hmac.h>

#include "lib/base/err.h"
#include "tests/support/p11_key.h"

static CK_BBOOL no = CK_FALSE;

_Noreturn void p11_case_give_up(const struct p11_cases *c, const char *why, const char *word)
{
	fprintf(stderr, "%s: %s: %s\n", c->where, why, word ? word : "the line ends");
	abort();
}

/* -- words ------------------------------------------------------------------------------------------------------------ */

char *p11_case_word(struct p11_cases *c, char **rest)
{
	char *w = strtok_r(*rest, " \n", rest);

	if (!w)
		p11_case_give_up(c, "a word is missing", NULL);
	return w;
}

struct hl_bytes p11_case_bytes(struct p11_cases *c, const char *hex)
{
	CK_BYTE *at = c->arena + c->used;
	char digits[16384];
	size_t n = 0, got = 0;

	for (; *hex; hex++)
		if (*hex != '-' && n < sizeof digits)
			digits[n++] = *hex;
	if (n == 0)
		return hl_bytes(NULL, 0);
	if (hl_unhex(digits, n, at, sizeof c->arena - c->used, &got) != HL_OK)
		p11_case_give_up(c, "no hex, or too long", hex - n);
	c->used += got;
	return hl_bytes(at, got);
}

CK_BYTE *p11_case_writable(struct hl_bytes b)
{
	return (CK_BYTE *)(uintptr_t)b.p;
}

static CK_RV code(const struct p11_cases *c, const char *name)
{
#define ROW(name, value) { #name, value },
	static const struct {
		const char *name;
		CK_RV rv;
	} rows[] = { CK_RETURN_VALUES(ROW) };
#undef ROW

	for (size_t i = 0; i < HL_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].rv;
	p11_case_give_up(c, "no code", name);
}

/* -- the keys of the lines before ---------------------------------------------------------------------------------------- */

static struct named *named(struct p11_cases *c, const char *name)
{
	for (size_t i = 0; i < c->keys; i++)
		if (strcmp(c->key[i].name, name) == 0)
			return &c->key[i];
	return NULL;
}

static void forget(struct p11_cases *c, struct named *k)
{
	for (size_t i = 0; i < WAYS; i++)
		if (k->handle[i])
			CU_ASSERT_EQUAL(p11_f->C_DestroyObject(c->s, k->handle[i]), CKR_OK);
	memset(k->handle, 0, sizeof k->handle);
	free(k->words);
	k->words = NULL;
}

/* `key NAME`, and the rest. */
static void remember(struct p11_cases *c, char *rest)
{
	char *name = p11_case_word(c, &rest);
	struct named *k = named(c, name);

	if (k)
		forget(c, k);
	else if (c->keys < KEYS)
		k = &c->key[c->keys++];
	else
		p11_case_give_up(c, "too many keys", name);
	snprintf(k->name, sizeof k->name, "%s", name);
	k->words = strdup(rest);
	if (!k->words)
		abort();
}

/* -- the ways -------------------------------------------------------------------------------------------------------------- */

/* A case under way. */
struct use {
	struct p11_cases *c;
	struct p11_given *g;
	CK_OBJECT_HANDLE key;
	struct hl_bytes in, out;
	CK_ULONG length; /* wanted, 0: none */
};

#define MOST 4096

static bool is(const struct use *u, const CK_BYTE *got, CK_ULONG n)
{
	return u->out.n == 0 ? n == 0 : hl_bytes_eq(hl_bytes(got, n), u->out);
}

static CK_RV do_sign(struct use *u)
{
	CK_BYTE out[MOST];
	CK_ULONG n = sizeof out;
	CK_RV rv = p11_sign_data(u->c->s, &u->g->m, u->key, u->in.p, u->in.n, 0, out, &n);

	if (rv == CKR_OK)
		CU_ASSERT(is(u, out, n));
	return rv;
}

static CK_RV do_verify(struct use *u)
{
	return p11_verify_data(u->c->s, &u->g->m, u->key, u->in.p, u->in.n, 0, u->out.p, u->out.n);
}

static CK_RV do_mac(struct use *u)
{
	CK_RV rv = do_sign(u);

	return rv == CKR_OK ? do_verify(u) : rv;
}

static CK_RV do_encrypt(struct use *u)
{
	CK_BYTE out[MOST];
	CK_ULONG n = sizeof out;
	CK_RV rv = p11_encrypt_data(u->c->s, &u->g->m, u->key, u->in.p, u->in.n, 0, out, &n);

	if (rv == CKR_OK)
		CU_ASSERT(is(u, out, n));
	return rv;
}

static CK_RV do_decrypt(struct use *u)
{
	CK_BYTE out[MOST];
	CK_ULONG n = sizeof out;
	CK_RV rv = p11_decrypt_data(u->c->s, &u->g->m, u->key, u->in.p, u->in.n, 0, out, &n);

	if (rv == CKR_OK)
		CU_ASSERT(is(u, out, n));
	return rv;
}

static CK_RV do_cipher(struct use *u)
{
	CK_RV rv = do_encrypt(u);
	struct use back = *u;

	back.in = u->out;
	back.out = u->in;
	return rv == CKR_OK ? do_decrypt(&back) : rv;
}

static CK_RV create(struct use *u, struct p11_template *t, CK_OBJECT_HANDLE *out)
{
	return p11_f->C_CreateObject(u->c->s, t->item, t->n, out);
}

static CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;

/* A generic secret of this session that may sign, so that its value can be judged. */
static struct p11_template new_secret(void)
{
	struct p11_template t = { .n = 0 };

	p11_case_add(&t, CKA_CLASS, hl_bytes(&secret, sizeof secret));
	p11_case_add(&t, CKA_KEY_TYPE, hl_bytes(&generic, sizeof generic));
	p11_case_add(&t, CKA_TOKEN, hl_bytes(&no, 1));
	p11_case_allow(&t, CKA_SIGN);
	return t;
}

/* What a key with this value signs is what OpenSSL signs with it. */
static bool has_value(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, const CK_BYTE *value, CK_ULONG n)
{
	static const CK_BYTE text[] = "what the right key alone signs like this";
	CK_MECHANISM m = { CKM_SHA256_HMAC, NULL, 0 };
	CK_BYTE got[32], wanted[32];
	CK_ULONG got_n = sizeof got;

	return HMAC(EVP_sha256(), value, (int)n, text, sizeof text, wanted, NULL) &&
	       p11_sign_data(s, &m, key, text, sizeof text, 0, got, &got_n) == CKR_OK && got_n == 32 &&
	       memcmp(got, wanted, 32) == 0;
}

/* What came out as a key is this one, and goes away. */
static CK_RV judge(struct use *u, CK_RV rv, CK_OBJECT_HANDLE made)
{
	if (rv != CKR_OK)
		return rv;
	CU_ASSERT(u->out.n > 0 && has_value(u->c->s, made, u->out.p, u->out.n));
	return p11_f->C_DestroyObject(u->c->s, made);
}

static CK_RV do_wrap(struct use *u)
{
	struct p11_template t = new_secret();
	CK_BYTE out[MOST];
	CK_ULONG n = sizeof out;
	CK_OBJECT_HANDLE target = 0;
	CK_RV rv;

	p11_case_add(&t, CKA_VALUE, u->in);
	p11_case_allow(&t, CKA_EXTRACTABLE);
	CU_ASSERT_EQUAL(create(u, &t, &target), CKR_OK);
	rv = p11_f->C_WrapKey(u->c->s, &u->g->m, u->key, target, out, &n);
	if (rv == CKR_OK)
		CU_ASSERT(is(u, out, n));
	CU_ASSERT_EQUAL(p11_f->C_DestroyObject(u->c->s, target), CKR_OK);
	return rv;
}

static CK_RV do_unwrap(struct use *u)
{
	struct p11_template t = new_secret();
	CK_OBJECT_HANDLE made = 0;
	CK_RV rv = p11_f->C_UnwrapKey(u->c->s, &u->g->m, u->key, p11_case_writable(u->in), u->in.n, t.item, t.n, &made);

	return judge(u, rv, made);
}

static CK_RV do_derive(struct use *u)
{
	struct p11_template t = new_secret();
	CK_OBJECT_HANDLE made = 0;
	CK_RV rv;

	if (u->length > 0)
		p11_case_add(&t, CKA_VALUE_LEN, hl_bytes(&u->length, sizeof u->length));
	rv = p11_f->C_DeriveKey(u->c->s, &u->g->m, u->key, t.item, t.n, &made);
	return judge(u, rv, made);
}

static CK_RV do_generate(struct use *u)
{
	struct p11_template t = new_secret();
	CK_OBJECT_HANDLE made = 0;
	CK_RV rv;

	p11_case_add(&t, CKA_VALUE_LEN, hl_bytes(&u->length, sizeof u->length));
	rv = p11_f->C_GenerateKey(u->c->s, &u->g->m, t.item, t.n, &made);
	return judge(u, rv, made);
}

/* clang-format off */
static const struct way {
	const char *name;
	CK_ATTRIBUTE_TYPE use[2]; /* of the key; 0: none */
	CK_RV (*run)(struct use *u); /* NULL: import */
} ways[] = {
	{ "sign",     { CKA_SIGN },                 do_sign },
	{ "verify",   { CKA_VERIFY },               do_verify },
	{ "mac",      { CKA_SIGN, CKA_VERIFY },     do_mac },
	{ "encrypt",  { CKA_ENCRYPT },              do_encrypt },
	{ "decrypt",  { CKA_DECRYPT },              do_decrypt },
	{ "cipher",   { CKA_ENCRYPT, CKA_DECRYPT }, do_cipher },
	{ "wrap",     { CKA_WRAP },                 do_wrap },
	{ "unwrap",   { CKA_UNWRAP },               do_unwrap },
	{ "derive",   { CKA_DERIVE },               do_derive },
	{ "generate", { 0 },                        do_generate },
	{ "import",   { 0 },                        NULL },
};
/* clang-format on */
_Static_assert(HL_COUNT(ways) == WAYS, "a key has a handle for each way");

static CK_OBJECT_HANDLE key_for(struct p11_cases *c, const char *name, const struct way *w)
{
	struct named *k = named(c, name);
	CK_OBJECT_HANDLE *h = k ? &k->handle[w - ways] : NULL;

	if (strcmp(name, "-") == 0)
		return 0;
	if (!k)
		p11_case_give_up(c, "no such key", name);
	if (!*h)
		CU_ASSERT_EQUAL(p11_case_make_key(c, k, w->use, h), CKR_OK);
	return *h;
}

static CK_RV import(struct p11_cases *c, const char *name, const struct way *w)
{
	struct named *k = named(c, name);
	CK_OBJECT_HANDLE made = 0;
	CK_RV rv;

	if (!k)
		p11_case_give_up(c, "no such key", name);
	rv = p11_case_make_key(c, k, w->use, &made);
	return rv == CKR_OK ? p11_f->C_DestroyObject(c->s, made) : rv;
}

/* -- a line ------------------------------------------------------------------------------------------------------------------ */

static void take_in_and_out(struct use *u, const struct way *w, const char *in, const char *out)
{
	bool makes = w->run == do_derive || w->run == do_generate;

	u->out = p11_case_bytes(u->c, out);
	u->length = makes ? u->out.n : 0;
	if (!makes)
		u->in = p11_case_bytes(u->c, in);
	else if (*in != '-')
		u->length = strtoul(in, NULL, 10);
}

static CK_RV run(struct p11_cases *c, const struct way *w, char **rest)
{
	struct p11_given g = { .fields = 0 };
	struct use u = { .c = c, .g = &g };
	char *mechanism_name = p11_case_word(c, rest), *key = p11_case_word(c, rest), *parameter = p11_case_word(c, rest), *in = p11_case_word(c, rest);

	take_in_and_out(&u, w, in, p11_case_word(c, rest));
	if (!w->run)
		return import(c, key, w);
	g.m.mechanism = p11_case_mechanism(c, mechanism_name);
	p11_case_parameter(c, parameter, &g);
	u.key = key_for(c, key, w);
	return w->run(&u);
}

enum p11_case_is p11_case(struct p11_cases *c, char *line, const char *where)
{
	unsigned failed = CU_get_number_of_failures();
	char *rest = line, *first, *expected;
	const struct way *w = ways;
	CK_RV rv;

	c->where = where;
	c->used = 0;
	first = p11_case_word(c, &rest);
	if (strcmp(first, "key") == 0) {
		remember(c, rest);
		return P11_CASE_KEY;
	}
	while (w < ways + WAYS && strcmp(w->name, first) != 0)
		w++;
	if (w == ways + WAYS)
		p11_case_give_up(c, "no way", first);
	rv = run(c, w, &rest);
	expected = p11_case_word(c, &rest);
	CU_ASSERT_EQUAL(rv, code(c, expected));
	if (CU_get_number_of_failures() > failed)
		fprintf(stderr, "%s: %s: %#lx, not %s: %s", where, first, rv, expected, rest ? rest : "\n");
	return strcmp(expected, "OK") == 0 ? P11_CASE_GOOD : P11_CASE_BAD;
}

struct p11_cases *p11_cases_new(CK_SESSION_HANDLE s)
{
	struct p11_cases *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	c->s = s;
	return c;
}

void p11_cases_free(struct p11_cases *c)
{
	for (size_t i = 0; i < c->keys; i++)
		forget(c, &c->key[i]);
	free(c);
}
