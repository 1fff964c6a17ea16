/* fidelity.c - `fidelity`: the published list of mechanisms, and which of it the HSM has. */
#include <string.h>

#include "cli/client.h"
#include "cli/say.h"
#include "lib/wire/numbers.h"

struct fidelity_options {
	const char *partition;
};

static const struct fidelity_options defaults;
/* clang-format off */
static const struct cli_option rows[] = {
	{ "partition", 0, "NAME", CLI_TEXT, offsetof(struct fidelity_options, partition), 0, 0, NULL, "whose HSM is asked (that of the first slot)" },
};
/* clang-format on */
const struct cli_options cli_fidelity_options = CLI_OPTIONS(rows, defaults);

/* -- the published list: names without CKM_ -------------------------------------------------------------- */

#define NO_NUMBER UINT32_MAX
#define M(name) { HL_CKM_##name, #name, NULL }
/* clang-format off */
static const struct published {
	uint32_t number;
	const char *name, *why; /* why there is none such, where that is known without asking */
} published[] = {
	M(RSA_PKCS_KEY_PAIR_GEN), M(RSA_PKCS), M(RSA_X_509), M(RSA_PKCS_OAEP), M(RSA_PKCS_PSS),
	M(MD5_RSA_PKCS), M(RIPEMD160_RSA_PKCS), M(SHA1_RSA_PKCS), M(SHA224_RSA_PKCS), M(SHA256_RSA_PKCS),
	M(SHA384_RSA_PKCS), M(SHA512_RSA_PKCS),
	M(SHA3_224_RSA_PKCS), M(SHA3_256_RSA_PKCS), M(SHA3_384_RSA_PKCS), M(SHA3_512_RSA_PKCS),
	M(SHA1_RSA_PKCS_PSS), M(SHA224_RSA_PKCS_PSS), M(SHA256_RSA_PKCS_PSS), M(SHA384_RSA_PKCS_PSS),
	M(SHA512_RSA_PKCS_PSS),
	M(SHA3_224_RSA_PKCS_PSS), M(SHA3_256_RSA_PKCS_PSS), M(SHA3_384_RSA_PKCS_PSS), M(SHA3_512_RSA_PKCS_PSS),
	M(DSA_PARAMETER_GEN), M(DSA_KEY_PAIR_GEN), M(DSA_SHA1), M(DSA_SHA224), M(DSA_SHA256), M(DSA_SHA384),
	M(DSA_SHA512),
	M(DSA_SHA3_224), M(DSA_SHA3_256), M(DSA_SHA3_384), M(DSA_SHA3_512),
	M(DH_PKCS_PARAMETER_GEN), M(DH_PKCS_KEY_PAIR_GEN), M(DH_PKCS_DERIVE), M(X9_42_DH_PARAMETER_GEN),
	M(X9_42_DH_KEY_PAIR_GEN), M(X9_42_DH_DERIVE),
	M(EC_KEY_PAIR_GEN), M(ECDSA), M(ECDSA_SHA1), M(ECDSA_SHA224), M(ECDSA_SHA256), M(ECDSA_SHA384),
	M(ECDSA_SHA512),
	M(ECDSA_SHA3_224), M(ECDSA_SHA3_256), M(ECDSA_SHA3_384), M(ECDSA_SHA3_512), M(ECDH1_DERIVE),
	M(EC_EDWARDS_KEY_PAIR_GEN), M(EDDSA),
	M(AES_KEY_GEN), M(AES_ECB), M(AES_CBC), M(AES_CBC_PAD), M(AES_CTR), M(AES_GCM), M(AES_MAC),
	M(AES_CMAC), M(AES_GMAC), M(AES_KEY_WRAP), M(AES_KEY_WRAP_PAD),
	M(AES_ECB_ENCRYPT_DATA), M(AES_CBC_ENCRYPT_DATA),
	M(CAMELLIA_KEY_GEN), M(CAMELLIA_ECB), M(CAMELLIA_CBC), M(CAMELLIA_CBC_PAD), M(CAMELLIA_MAC),
	M(DES2_KEY_GEN), M(DES3_KEY_GEN), M(DES3_ECB), M(DES3_CBC), M(DES3_CBC_PAD), M(DES3_CMAC),
	M(DES3_ECB_ENCRYPT_DATA), M(DES3_CBC_ENCRYPT_DATA),
	M(CHACHA20_KEY_GEN), M(CHACHA20), M(CHACHA20_POLY1305), M(POLY1305_KEY_GEN), M(POLY1305),
	M(MD5), M(RIPEMD160), M(SHA_1), M(SHA224), M(SHA256), M(SHA384), M(SHA512), M(SHA3_224), M(SHA3_256),
	M(SHA3_384), M(SHA3_512),
	M(MD5_HMAC), M(RIPEMD160_HMAC), M(SHA_1_HMAC), M(SHA224_HMAC), M(SHA256_HMAC), M(SHA384_HMAC),
	M(SHA512_HMAC),
	M(SHA3_224_HMAC), M(SHA3_256_HMAC), M(SHA3_384_HMAC), M(SHA3_512_HMAC),
	M(GENERIC_SECRET_KEY_GEN), M(SHA1_KEY_DERIVATION), M(SHA224_KEY_DERIVATION), M(SHA256_KEY_DERIVATION),
	M(SHA384_KEY_DERIVATION), M(SHA512_KEY_DERIVATION),
	M(SP800_108_COUNTER_KDF), M(SP800_108_FEEDBACK_KDF), M(SP800_108_DOUBLE_PIPELINE_KDF), M(PKCS5_PBKD2),
	{ NO_NUMBER, "KEY_SPLIT", "no: the vendor's own, its number is not published" },
};

static const struct { uint32_t flag; const char *name; } flags[] = {
	{ HL_CKF_GENERATE, "generate" }, { HL_CKF_GENERATE_KEY_PAIR, "generate-pair" }, { HL_CKF_ENCRYPT, "encrypt" },
	{ HL_CKF_DECRYPT, "decrypt" }, { HL_CKF_SIGN, "sign" }, { HL_CKF_VERIFY, "verify" }, { HL_CKF_WRAP, "wrap" },
	{ HL_CKF_UNWRAP, "unwrap" }, { HL_CKF_DERIVE, "derive" }, { HL_CKF_DIGEST, "digest" },
};
/* clang-format on */

#define MECHANISMS_MAX 512 /* as many as the message holds */

struct offered {
	hsmlet_mechanism_info all[MECHANISMS_MAX];
	size_t n;
};

static const hsmlet_mechanism_info *find(const struct offered *o, uint32_t number)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->all[i].number == number)
			return &o->all[i];
	return NULL;
}

static const char *verdict(const struct published *p, const hsmlet_mechanism_info *m)
{
	if (m)
		return "yes";
	return p->why ? p->why : "no: this HSM does not offer it";
}

/* -- output ------------------------------------------------------------------------------------------------ */

static json_t *flags_json(uint32_t all)
{
	json_t *a = json_array();

	for (size_t i = 0; i < HL_COUNT(flags); i++)
		if (all & flags[i].flag)
			json_array_append_new(a, json_string(flags[i].name));
	return a;
}

static json_t *to_json(const struct published *p, const hsmlet_mechanism_info *m)
{
	if (!m)
		return json_pack("{s:s, s:b, s:s}", "name", p->name, "offered", 0, "verdict", verdict(p, m));
	return json_pack("{s:s, s:b, s:s, s:I, s:I, s:I, s:o}", "name", p->name, "offered", 1, "verdict",
		verdict(p, m), "number", (json_int_t)m->number, "min", (json_int_t)m->min, "max", (json_int_t)m->max,
		"flags", flags_json(m->flags));
}

static hl_err print_json(struct cli *c, const struct offered *o)
{
	json_t *all = json_array();

	for (size_t i = 0; i < HL_COUNT(published); i++)
		json_array_append_new(all, to_json(&published[i], find(o, published[i].number)));
	return cli_print_json(c, "hsmlet-fidelity/1", json_pack("{s:o}", "mechanisms", all));
}

static void flags_text(uint32_t all, char out[128])
{
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < HL_COUNT(flags); i++)
		if (all & flags[i].flag)
			n += (size_t)snprintf(out + n, 128 - n, "%s%s", n > 0 ? " " : "", flags[i].name);
}

static hl_err print_table(struct cli *c, const struct offered *o)
{
	HL_AUTO(cli_table_clear) struct cli_table t = { .head = { "MECHANISM", "HERE", "KEYS", "DOES" } };
	size_t here = 0;

	for (size_t i = 0; i < HL_COUNT(published); i++) {
		const hsmlet_mechanism_info *m = find(o, published[i].number);
		char sizes[32] = "", does[128] = "";

		here += m != NULL;
		if (m && m->max > 0)
			snprintf(sizes, sizeof sizes, "%u..%u", m->min, m->max);
		if (m)
			flags_text(m->flags, does);
		HL_TRY(CLI_ROW(&t, published[i].name, verdict(&published[i], m), sizes, does));
	}
	cli_table_print(&t, c->out);
	cli_note(c, "%zu of the %zu mechanisms that are published", here, HL_COUNT(published));
	return HL_OK;
}

hl_err cli_fidelity(struct cli *c)
{
	const struct fidelity_options *o = c->options;
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	struct offered offered;
	struct cli_client k;
	hsmlet_error e;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(cli_client_open(c, &k, o->partition, NULL, &h));
	if (hsmlet_get_mechanisms(h, offered.all, MECHANISMS_MAX, &offered.n, &e) != 0)
		return cli_client_trouble(c, &e);
	return c->global.json ? print_json(c, &offered) : print_table(c, &offered);
}
