/* Parameters of mechanisms, from words. */
#include "tests/support/p11_case_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "hsm/key.h"
#include "lib/base/err.h"

CK_MECHANISM_TYPE p11_case_mechanism(const struct p11_cases *c, const char *name)
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
	p11_case_give_up(c, "no mechanism", name);
}

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
		p11_case_give_up(c, "no digest", name);
	return strtoul(name, NULL, 10);
}

static CK_ULONG number(const struct p11_given *g, size_t i)
{
	return strtoul(g->field[i], NULL, 10);
}

static void take_iv(struct p11_cases *c, struct p11_given *g)
{
	struct hl_bytes iv = p11_case_bytes(c, g->field[0]);

	g->m.pParameter = p11_case_writable(iv);
	g->m.ulParameterLen = iv.n;
}

#define TAKEN(member) (g->m.pParameter = &g->p, g->m.ulParameterLen = sizeof g->p.member)

static void take_ctr(struct p11_cases *c, struct p11_given *g)
{
	struct hl_bytes block = p11_case_bytes(c, g->field[1]);

	g->p.ctr.ulCounterBits = number(g, 0);
	memcpy(g->p.ctr.cb, block.p, block.n < 16 ? block.n : 16);
	TAKEN(ctr);
}

static void take_gcm(struct p11_cases *c, struct p11_given *g)
{
	struct hl_bytes iv = p11_case_bytes(c, g->field[0]), aad = p11_case_bytes(c, g->field[1]);

	g->p.gcm = (CK_GCM_PARAMS){ p11_case_writable(iv), iv.n, 8 * iv.n, p11_case_writable(aad), aad.n, number(g, 2) };
	TAKEN(gcm);
}

static void take_pss(struct p11_cases *c, struct p11_given *g)
{
	g->p.pss = (CK_RSA_PKCS_PSS_PARAMS){ hash(c, g->field[0], false), hash(c, g->field[1], true), number(g, 2) };
	TAKEN(pss);
}

static void take_oaep(struct p11_cases *c, struct p11_given *g)
{
	struct hl_bytes label = p11_case_bytes(c, g->field[2]);

	g->p.oaep = (CK_RSA_PKCS_OAEP_PARAMS){ hash(c, g->field[0], false), hash(c, g->field[1], true), CKZ_DATA_SPECIFIED,
		p11_case_writable(label), label.n };
	TAKEN(oaep);
}

static void take_eddsa(struct p11_cases *c, struct p11_given *g)
{
	struct hl_bytes context = p11_case_bytes(c, g->field[1]);

	g->p.eddsa = (CK_EDDSA_PARAMS){ number(g, 0) != 0, context.n, p11_case_writable(context) };
	TAKEN(eddsa);
}

static void take_ecdh(struct p11_cases *c, struct p11_given *g)
{
	struct hl_bytes shared = p11_case_bytes(c, g->field[1]), public_key = p11_case_bytes(c, g->field[2]);

	g->p.ecdh = (CK_ECDH1_DERIVE_PARAMS){ number(g, 0), shared.n, p11_case_writable(shared), public_key.n, p11_case_writable(public_key) };
	TAKEN(ecdh);
}

static void take_data(struct p11_cases *c, struct p11_given *g)
{
	struct hl_bytes data = p11_case_bytes(c, g->field[0]);

	g->p.data = (CK_KEY_DERIVATION_STRING_DATA){ p11_case_writable(data), data.n };
	TAKEN(data);
}

static void take_cbc_data(struct p11_cases *c, struct p11_given *g)
{
	struct hl_bytes iv = p11_case_bytes(c, g->field[0]), data = p11_case_bytes(c, g->field[1]);

	memcpy(g->p.cbc_data.iv, iv.p, iv.n < 16 ? iv.n : 16);
	g->p.cbc_data.pData = p11_case_writable(data);
	g->p.cbc_data.length = data.n;
	TAKEN(cbc_data);
}

static void take_pbkdf2(struct p11_cases *c, struct p11_given *g)
{
	struct hl_bytes salt = p11_case_bytes(c, g->field[1]), password = p11_case_bytes(c, g->field[3]);

	g->p.pbkdf2 = (CK_PKCS5_PBKD2_PARAMS2){ CKZ_SALT_SPECIFIED, p11_case_writable(salt), salt.n, number(g, 2), number(g, 0), NULL, 0,
		p11_case_writable(password), password.n };
	TAKEN(pbkdf2);
}

/* i: what is iterated; i8: a counter of that many bits; c8: an optional counter; l32: the length of the key, s32: of all
 * segments; b and hex: those bytes. A letter in upper case is a little-endian number. `c0` is left out. */
static bool take_part(struct p11_cases *c, struct p11_given *g, const char *text, size_t i)
{
	static const char letters[] = "iclsb";
	static const CK_PRF_DATA_TYPE type[] = { CK_SP800_108_ITERATION_VARIABLE, CK_SP800_108_OPTIONAL_COUNTER,
		CK_SP800_108_DKM_LENGTH, CK_SP800_108_DKM_LENGTH, CK_SP800_108_BYTE_ARRAY };
	const char *which = strchr(letters, *text | 0x20);
	CK_BBOOL little = !(*text & 0x20);
	CK_ULONG bits = strtoul(text + 1, NULL, 10);
	struct hl_bytes b;

	if (!*text || !which)
		p11_case_give_up(c, "no part", text);
	g->part[i] = (CK_PRF_DATA_PARAM){ type[which - letters], &g->format[i], sizeof g->format[i].counter };
	if (*which == 'b') {
		b = p11_case_bytes(c, text + 1);
		g->part[i].pValue = p11_case_writable(b);
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

static void take_kdf(struct p11_cases *c, struct p11_given *g)
{
	CK_MECHANISM_TYPE prf = p11_case_mechanism(c, g->field[0]);
	struct hl_bytes iv = p11_case_bytes(c, g->field[1]);
	CK_ULONG n = 0;

	for (size_t i = 2; i < g->fields; i++)
		if (take_part(c, g, g->field[i], n))
			n++;
	if (g->m.mechanism == CKM_SP800_108_FEEDBACK_KDF) {
		g->p.feedback = (CK_SP800_108_FEEDBACK_KDF_PARAMS){ prf, n, g->part, iv.n, p11_case_writable(iv), 0, NULL };
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
	void (*take)(struct p11_cases *c, struct p11_given *g);
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

void p11_case_parameter(struct p11_cases *c, char *text, struct p11_given *g)
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
	p11_case_give_up(c, "no parameter", name);
}
