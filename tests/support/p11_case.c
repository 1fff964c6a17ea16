#include "tests/support/p11_case.h"

#include <stdio.h>
#include <stdlib.h>

#include <CUnit/CUnit.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>

#include "hsm/key.h"
#include "lib/base/err.h"
#include "tests/support/p11_key.h"

#define KEYS 32
#define WAYS 11
#define PARTS 8

struct named {
	char name[32], *words;
	CK_OBJECT_HANDLE handle[WAYS];
};

struct p11_cases {
	CK_SESSION_HANDLE s;
	struct named key[KEYS];
	size_t keys;
	const char *where;
	CK_BYTE arena[1 << 16]; /* bytes of the line under way */
	size_t used;
};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static _Noreturn void give_up(const struct p11_cases *c, const char *why, const char *word)
{
	fprintf(stderr, "%s: %s: %s\n", c->where, why, word ? word : "the line ends");
	abort();
}

/* -- words ------------------------------------------------------------------------------------------------------------ */

static char *word(struct p11_cases *c, char **rest)
{
	char *w = strtok_r(*rest, " \n", rest);

	if (!w)
		give_up(c, "a word is missing", NULL);
	return w;
}

/* Any `-` in it stands for nothing. */
static struct hl_bytes bytes(struct p11_cases *c, const char *hex)
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
		give_up(c, "no hex, or too long", hex - n);
	c->used += got;
	return hl_bytes(at, got);
}

static CK_BYTE *writable(struct hl_bytes b)
{
	return (CK_BYTE *)(uintptr_t)b.p;
}

/* SHA3-256 as digests are called is SHA3_256 in names of mechanisms. */
static CK_MECHANISM_TYPE mechanism(const struct p11_cases *c, char *name)
{
	char full[64] = "CKM_";
	size_t n;
	const struct hsm_mechanism *m = hsm_mechanisms(&n);

	snprintf(full + 4, sizeof full - 4, "%s", name);
	for (char *p = full; *p; p++)
		*p = *p == '-' ? '_' : *p;
	for (; n > 0; n--, m++)
		if (strcmp(m->name, full) == 0)
			return m->number;
	if (strncmp(name, "0x", 2) == 0)
		return strtoul(name, NULL, 16);
	give_up(c, "no mechanism", name);
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
	give_up(c, "no code", name);
}

/* -- parameters --------------------------------------------------------------------------------------------------------- */

#define FIELDS 12

struct given {
	CK_MECHANISM m;
	char *field[FIELDS]; /* behind the parameter's word */
	size_t fields;
	union {
		CK_AES_CTR_PARAMS ctr;
		CK_GCM_PARAMS gcm;
		CK_RSA_PKCS_PSS_PARAMS pss;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
		CK_EDDSA_PARAMS eddsa;
		CK_ECDH1_DERIVE_PARAMS ecdh;
		CK_KEY_DERIVATION_STRING_DATA data;
		CK_AES_CBC_ENCRYPT_DATA_PARAMS cbc_data;
		CK_SP800_108_KDF_PARAMS kdf;
		CK_SP800_108_FEEDBACK_KDF_PARAMS feedback;
		CK_PKCS5_PBKD2_PARAMS2 pbkdf2;
	} p;
	CK_PRF_DATA_PARAM part[FIELDS];
	union {
		CK_SP800_108_COUNTER_FORMAT counter;
		CK_SP800_108_DKM_LENGTH_FORMAT length;
	} format[FIELDS];
};

/* Digests by name, with the number of their MGF1; or the numbers themselves. */
static CK_ULONG hash(const struct p11_cases *c, const char *name, bool mgf)
{
	static const struct {
		const char *name;
		CK_MECHANISM_TYPE hash;
		CK_RSA_PKCS_MGF_TYPE mgf;
	} rows[] = { { "SHA1", CKM_SHA_1, 1 }, { "SHA224", CKM_SHA224, 5 }, { "SHA256", CKM_SHA256, 2 },
		{ "SHA384", CKM_SHA384, 3 }, { "SHA512", CKM_SHA512, 4 }, { "SHA3-256", CKM_SHA3_256, 7 },
		{ "MD5", CKM_MD5, 0 } };

	for (size_t i = 0; i < HL_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return mgf ? rows[i].mgf : rows[i].hash;
	if (*name < '0' || *name > '9')
		give_up(c, "no digest", name);
	return strtoul(name, NULL, 10);
}

static CK_ULONG number(const struct given *g, size_t i)
{
	return strtoul(g->field[i], NULL, 10);
}

static void take_iv(struct p11_cases *c, struct given *g)
{
	struct hl_bytes iv = bytes(c, g->field[0]);

	g->m.pParameter = writable(iv);
	g->m.ulParameterLen = iv.n;
}

#define TAKEN(member) (g->m.pParameter = &g->p, g->m.ulParameterLen = sizeof g->p.member)

static void take_ctr(struct p11_cases *c, struct given *g)
{
	struct hl_bytes block = bytes(c, g->field[1]);

	g->p.ctr.ulCounterBits = number(g, 0);
	memcpy(g->p.ctr.cb, block.p, block.n < 16 ? block.n : 16);
	TAKEN(ctr);
}

static void take_gcm(struct p11_cases *c, struct given *g)
{
	struct hl_bytes iv = bytes(c, g->field[0]), aad = bytes(c, g->field[1]);

	g->p.gcm = (CK_GCM_PARAMS){ writable(iv), iv.n, 8 * iv.n, writable(aad), aad.n, number(g, 2) };
	TAKEN(gcm);
}

static void take_pss(struct p11_cases *c, struct given *g)
{
	g->p.pss = (CK_RSA_PKCS_PSS_PARAMS){ hash(c, g->field[0], false), hash(c, g->field[1], true), number(g, 2) };
	TAKEN(pss);
}

static void take_oaep(struct p11_cases *c, struct given *g)
{
	struct hl_bytes label = bytes(c, g->field[2]);

	g->p.oaep = (CK_RSA_PKCS_OAEP_PARAMS){ hash(c, g->field[0], false), hash(c, g->field[1], true), CKZ_DATA_SPECIFIED,
		writable(label), label.n };
	TAKEN(oaep);
}

static void take_eddsa(struct p11_cases *c, struct given *g)
{
	struct hl_bytes context = bytes(c, g->field[1]);

	g->p.eddsa = (CK_EDDSA_PARAMS){ number(g, 0) != 0, context.n, writable(context) };
	TAKEN(eddsa);
}

static void take_ecdh(struct p11_cases *c, struct given *g)
{
	struct hl_bytes shared = bytes(c, g->field[1]), public_key = bytes(c, g->field[2]);

	g->p.ecdh = (CK_ECDH1_DERIVE_PARAMS){ number(g, 0), shared.n, writable(shared), public_key.n, writable(public_key) };
	TAKEN(ecdh);
}

static void take_data(struct p11_cases *c, struct given *g)
{
	struct hl_bytes data = bytes(c, g->field[0]);

	g->p.data = (CK_KEY_DERIVATION_STRING_DATA){ writable(data), data.n };
	TAKEN(data);
}

static void take_cbc_data(struct p11_cases *c, struct given *g)
{
	struct hl_bytes iv = bytes(c, g->field[0]), data = bytes(c, g->field[1]);

	memcpy(g->p.cbc_data.iv, iv.p, iv.n < 16 ? iv.n : 16);
	g->p.cbc_data.pData = writable(data);
	g->p.cbc_data.length = data.n;
	TAKEN(cbc_data);
}

static void take_pbkdf2(struct p11_cases *c, struct given *g)
{
	struct hl_bytes salt = bytes(c, g->field[1]), password = bytes(c, g->field[3]);

	g->p.pbkdf2 = (CK_PKCS5_PBKD2_PARAMS2){ CKZ_SALT_SPECIFIED, writable(salt), salt.n, number(g, 2), number(g, 0), NULL, 0,
		writable(password), password.n };
	TAKEN(pbkdf2);
}

/* i: what is iterated; i8: a counter of that many bits; c8: an optional counter; l32: the length of the key, s32: of all
 * segments; b and hex: those bytes. A letter in upper case is a little-endian number. `c0` is left out. */
static bool take_part(struct p11_cases *c, struct given *g, const char *text, size_t i)
{
	static const char letters[] = "iclsb";
	static const CK_PRF_DATA_TYPE type[] = { CK_SP800_108_ITERATION_VARIABLE, CK_SP800_108_OPTIONAL_COUNTER,
		CK_SP800_108_DKM_LENGTH, CK_SP800_108_DKM_LENGTH, CK_SP800_108_BYTE_ARRAY };
	const char *which = strchr(letters, *text | 0x20);
	CK_BBOOL little = !(*text & 0x20);
	CK_ULONG bits = strtoul(text + 1, NULL, 10);
	struct hl_bytes b;

	if (!*text || !which)
		give_up(c, "no part", text);
	g->part[i] = (CK_PRF_DATA_PARAM){ type[which - letters], &g->format[i], sizeof g->format[i].counter };
	if (*which == 'b') {
		b = bytes(c, text + 1);
		g->part[i].pValue = writable(b);
		g->part[i].ulValueLen = b.n;
	} else if (*which == 'l' || *which == 's') {
		g->format[i].length = (CK_SP800_108_DKM_LENGTH_FORMAT){ *which == 'l' ? 1 : 2, little, bits };
		g->part[i].ulValueLen = sizeof g->format[i].length;
	} else if (!text[1]) {
		g->part[i].pValue = NULL;
		g->part[i].ulValueLen = 0;
	} else {
		g->format[i].counter = (CK_SP800_108_COUNTER_FORMAT){ little, bits };
	}
	return *which == 'b' ? b.n > 0 : *which != 'c' || bits > 0;
}

static void take_kdf(struct p11_cases *c, struct given *g)
{
	CK_MECHANISM_TYPE prf = mechanism(c, g->field[0]);
	struct hl_bytes iv = bytes(c, g->field[1]);
	CK_ULONG n = 0;

	for (size_t i = 2; i < g->fields; i++)
		if (take_part(c, g, g->field[i], n))
			n++;
	if (g->m.mechanism == CKM_SP800_108_FEEDBACK_KDF) {
		g->p.feedback = (CK_SP800_108_FEEDBACK_KDF_PARAMS){ prf, n, g->part, iv.n, writable(iv), 0, NULL };
		TAKEN(feedback);
	} else {
		g->p.kdf = (CK_SP800_108_KDF_PARAMS){ prf, n, g->part, 0, NULL };
		TAKEN(kdf);
	}
}

/* clang-format off */
static const struct {
	const char *name;
	size_t fields; /* at least */
	void (*take)(struct p11_cases *c, struct given *g);
} parameters[] = {
	{ "iv",      1, take_iv },       /* any bytes */
	{ "ctr",     2, take_ctr },      /* bits of the counter, block */
	{ "gcm",     3, take_gcm },      /* iv, additional data, bits of the tag */
	{ "pss",     3, take_pss },      /* digest, digest of MGF1, length of the salt */
	{ "oaep",    3, take_oaep },     /* digest, digest of MGF1, label */
	{ "eddsa",   2, take_eddsa },    /* 1: prehashed; context */
	{ "ecdh",    3, take_ecdh },     /* number of the CKD_, shared data, public value */
	{ "data",    1, take_data },     /* what is encrypted */
	{ "cbcdata", 2, take_cbc_data }, /* iv, what is encrypted */
	{ "pbkdf2",  4, take_pbkdf2 },   /* number of the CKP_, salt, iterations, password */
	{ "kdf",     2, take_kdf },      /* mechanism of the PRF, iv, parts: see take_part() */
};
/* clang-format on */

static void take_parameter(struct p11_cases *c, char *text, struct given *g)
{
	char *rest = text, *name = strsep(&rest, ":");

	if (strcmp(name, "-") == 0)
		return;
	while (rest && g->fields < FIELDS)
		g->field[g->fields++] = strsep(&rest, ":");
	for (size_t i = 0; i < HL_COUNT(parameters); i++)
		if (strcmp(parameters[i].name, name) == 0 && g->fields >= parameters[i].fields) {
			parameters[i].take(c, g);
			return;
		}
	give_up(c, "no parameter", name);
}

/* -- keys ------------------------------------------------------------------------------------------------------------------ */

/* clang-format off */
static const struct kind {
	const char *name;
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE type;
} kinds[] = {
	{ "AES",               CKO_SECRET_KEY,  CKK_AES },
	{ "GENERIC",           CKO_SECRET_KEY,  CKK_GENERIC_SECRET },
	{ "SHA256_HMAC",       CKO_SECRET_KEY,  CKK_SHA256_HMAC },
	{ "DES3",              CKO_SECRET_KEY,  CKK_DES3 },
	{ "RSA",               CKO_PRIVATE_KEY, CKK_RSA },
	{ "RSA.public",        CKO_PUBLIC_KEY,  CKK_RSA },
	{ "EC",                CKO_PRIVATE_KEY, CKK_EC },
	{ "EC.public",         CKO_PUBLIC_KEY,  CKK_EC },
	{ "EDWARDS",           CKO_PRIVATE_KEY, CKK_EC_EDWARDS },
	{ "EDWARDS.public",    CKO_PUBLIC_KEY,  CKK_EC_EDWARDS },
	{ "MONTGOMERY",        CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY },
	{ "MONTGOMERY.public", CKO_PUBLIC_KEY,  CKK_EC_MONTGOMERY },
};

static const struct {
	const char *name;
	CK_ATTRIBUTE_TYPE type;
} parts[] = {
	{ "value",  CKA_VALUE },            { "params", CKA_EC_PARAMS },        { "der", CKA_EC_POINT },
	{ "point",  CKA_EC_POINT }, /* put into an OCTET STRING */
	{ "n",      CKA_MODULUS },          { "e",      CKA_PUBLIC_EXPONENT },  { "d",   CKA_PRIVATE_EXPONENT },
	{ "p",      CKA_PRIME_1 },          { "q",      CKA_PRIME_2 },
};
/* clang-format on */

struct template {
	CK_ATTRIBUTE item[16];
	CK_ULONG n;
};

static void add(struct template *t, CK_ATTRIBUTE_TYPE type, struct hl_bytes value)
{
	t->item[t->n++] = (CK_ATTRIBUTE){ type, writable(value), value.n };
}

static void allow(struct template *t, CK_ATTRIBUTE_TYPE type)
{
	add(t, type, hl_bytes(&yes, 1));
}

static struct hl_bytes in_octets(struct p11_cases *c, struct hl_bytes point)
{
	CK_BYTE *at = c->arena + c->used, *p = at;

	*p++ = 4;
	if (point.n >= 128)
		*p++ = 0x81;
	*p++ = (CK_BYTE)point.n;
	if (point.n > 0)
		memcpy(p, point.p, point.n);
	c->used += (size_t)(p - at) + point.n;
	return hl_bytes(at, (size_t)(p - at) + point.n);
}

static void add_numbers(struct p11_cases *c, struct template *t, struct hl_bytes pkcs8)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const char *name;
	} number[] = { { CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N }, { CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E },
		{ CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D }, { CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1 },
		{ CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2 } };
	const unsigned char *p = pkcs8.p;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)pkcs8.n);

	for (size_t i = 0; i < HL_COUNT(number); i++) {
		CK_BYTE *at = c->arena + c->used;
		BIGNUM *v = NULL;

		if (!key || EVP_PKEY_get_bn_param(key, number[i].name, &v) != 1)
			give_up(c, "no key", number[i].name);
		add(t, number[i].type, hl_bytes(at, (size_t)BN_bn2bin(v, at)));
		c->used += (size_t)BN_num_bytes(v);
		BN_free(v);
	}
	EVP_PKEY_free(key);
}

static void add_part(struct p11_cases *c, struct template *t, char *text)
{
	char *value = text, *name = strsep(&value, "=");
	struct hl_bytes b = bytes(c, value ? value : "");

	if (strcmp(name, "pkcs8") == 0) {
		add_numbers(c, t, b);
		return;
	}
	for (size_t i = 0; i < HL_COUNT(parts); i++)
		if (strcmp(parts[i].name, name) == 0) {
			add(t, parts[i].type, strcmp(name, "point") == 0 ? in_octets(c, b) : b);
			return;
		}
	give_up(c, "no part of a key", name);
}

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
	char *name = word(c, &rest);
	struct named *k = named(c, name);

	if (k)
		forget(c, k);
	else if (c->keys < KEYS)
		k = &c->key[c->keys++];
	else
		give_up(c, "too many keys", name);
	snprintf(k->name, sizeof k->name, "%s", name);
	k->words = strdup(rest);
	if (!k->words)
		abort();
}

/* -- the ways -------------------------------------------------------------------------------------------------------------- */

/* A case under way. */
struct use {
	struct p11_cases *c;
	struct given *g;
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

static CK_RV create(struct use *u, struct template *t, CK_OBJECT_HANDLE *out)
{
	return p11_f->C_CreateObject(u->c->s, t->item, t->n, out);
}

static CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;

/* A generic secret of this session that may sign, so that its value can be judged. */
static struct template new_secret(void)
{
	struct template t = { .n = 0 };

	add(&t, CKA_CLASS, hl_bytes(&secret, sizeof secret));
	add(&t, CKA_KEY_TYPE, hl_bytes(&generic, sizeof generic));
	add(&t, CKA_TOKEN, hl_bytes(&no, 1));
	allow(&t, CKA_SIGN);
	return t;
}

bool p11_case_value_is(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, const CK_BYTE *value, CK_ULONG n)
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
	if (u->out.n > 0)
		CU_ASSERT(p11_case_value_is(u->c->s, made, u->out.p, u->out.n));
	return p11_f->C_DestroyObject(u->c->s, made);
}

static CK_RV do_wrap(struct use *u)
{
	struct template t = new_secret();
	CK_BYTE out[MOST];
	CK_ULONG n = sizeof out;
	CK_OBJECT_HANDLE target = 0;
	CK_RV rv;

	add(&t, CKA_VALUE, u->in);
	allow(&t, CKA_EXTRACTABLE);
	CU_ASSERT_EQUAL(create(u, &t, &target), CKR_OK);
	rv = p11_f->C_WrapKey(u->c->s, &u->g->m, u->key, target, out, &n);
	if (rv == CKR_OK)
		CU_ASSERT(is(u, out, n));
	CU_ASSERT_EQUAL(p11_f->C_DestroyObject(u->c->s, target), CKR_OK);
	return rv;
}

static CK_RV do_unwrap(struct use *u)
{
	struct template t = new_secret();
	CK_OBJECT_HANDLE made = 0;
	CK_RV rv = p11_f->C_UnwrapKey(u->c->s, &u->g->m, u->key, writable(u->in), u->in.n, t.item, t.n, &made);

	return judge(u, rv, made);
}

static CK_RV do_derive(struct use *u)
{
	struct template t = new_secret();
	CK_OBJECT_HANDLE made = 0;
	CK_RV rv;

	if (u->length > 0)
		add(&t, CKA_VALUE_LEN, hl_bytes(&u->length, sizeof u->length));
	rv = p11_f->C_DeriveKey(u->c->s, &u->g->m, u->key, t.item, t.n, &made);
	return judge(u, rv, made);
}

static CK_RV do_generate(struct use *u)
{
	struct template t = new_secret();
	CK_OBJECT_HANDLE made = 0;
	CK_RV rv;

	add(&t, CKA_VALUE_LEN, hl_bytes(&u->length, sizeof u->length));
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

static CK_RV make_key(struct p11_cases *c, const struct named *k, const struct way *w, CK_OBJECT_HANDLE *out)
{
	char words[16384], *rest = words, *part, *kind_name;
	const struct kind *kind = kinds;
	struct template t = { .n = 0 };

	snprintf(words, sizeof words, "%s", k->words);
	kind_name = word(c, &rest);
	while (kind < kinds + HL_COUNT(kinds) && strcmp(kind->name, kind_name) != 0)
		kind++;
	if (kind == kinds + HL_COUNT(kinds))
		give_up(c, "no kind of key", kind_name);
	add(&t, CKA_CLASS, hl_bytes(&kind->class, sizeof kind->class));
	add(&t, CKA_KEY_TYPE, hl_bytes(&kind->type, sizeof kind->type));
	add(&t, CKA_TOKEN, hl_bytes(&no, 1));
	for (size_t i = 0; i < 2 && w->use[i]; i++)
		allow(&t, w->use[i]);
	while ((part = strtok_r(rest, " \n", &rest)))
		add_part(c, &t, part);
	return p11_f->C_CreateObject(c->s, t.item, t.n, out);
}

static CK_OBJECT_HANDLE key_for(struct p11_cases *c, const char *name, const struct way *w)
{
	struct named *k = named(c, name);
	CK_OBJECT_HANDLE *h = k ? &k->handle[w - ways] : NULL;

	if (strcmp(name, "-") == 0)
		return 0;
	if (!k)
		give_up(c, "no such key", name);
	if (!*h)
		CU_ASSERT_EQUAL(make_key(c, k, w, h), CKR_OK);
	return *h;
}

static CK_RV import(struct p11_cases *c, const char *name, const struct way *w)
{
	struct named *k = named(c, name);
	CK_OBJECT_HANDLE made = 0;
	CK_RV rv;

	if (!k)
		give_up(c, "no such key", name);
	rv = make_key(c, k, w, &made);
	return rv == CKR_OK ? p11_f->C_DestroyObject(c->s, made) : rv;
}

/* -- a line ------------------------------------------------------------------------------------------------------------------ */

static void take_in_and_out(struct use *u, const struct way *w, const char *in, const char *out)
{
	bool makes = w->run == do_derive || w->run == do_generate;

	u->out = bytes(u->c, out);
	u->length = makes ? u->out.n : 0;
	if (!makes)
		u->in = bytes(u->c, in);
	else if (*in != '-')
		u->length = strtoul(in, NULL, 10);
}

static CK_RV run(struct p11_cases *c, const struct way *w, char **rest)
{
	struct given g = { .fields = 0 };
	struct use u = { .c = c, .g = &g };
	char *mechanism_name = word(c, rest), *key = word(c, rest), *parameter = word(c, rest), *in = word(c, rest);

	take_in_and_out(&u, w, in, word(c, rest));
	if (!w->run)
		return import(c, key, w);
	g.m.mechanism = mechanism(c, mechanism_name);
	take_parameter(c, parameter, &g);
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
	first = word(c, &rest);
	if (strcmp(first, "key") == 0) {
		remember(c, rest);
		return P11_CASE_KEY;
	}
	while (w < ways + WAYS && strcmp(w->name, first) != 0)
		w++;
	if (w == ways + WAYS)
		give_up(c, "no way", first);
	rv = run(c, w, &rest);
	expected = word(c, &rest);
	CU_ASSERT_EQUAL(rv, code(c, expected));
	if (CU_get_number_of_failures() > failed)
		fprintf(stderr, "%s: %s: %#lx, not %s: %s\n", where, first, rv, expected, rest ? rest : "");
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
