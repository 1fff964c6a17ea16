#include "hsm/attribute.h"

#define RSA (HSM_RSA_PUBLIC | HSM_RSA_PRIVATE)
#define CURVES_PUBLIC (HSM_EC_PUBLIC | HSM_ED_PUBLIC | HSM_X_PUBLIC)
#define CURVES (CURVES_PUBLIC | HSM_EC_PRIVATE | HSM_ED_PRIVATE | HSM_X_PRIVATE)
/* With subprime, and with at least a prime. */
#define ORDERED_PUBLIC (HSM_DSA_PUBLIC | HSM_DHX_PUBLIC)
#define ORDERED (ORDERED_PUBLIC | HSM_DSA_PRIVATE | HSM_DHX_PRIVATE | HSM_DSA_DOMAIN | HSM_DHX_DOMAIN)
#define PRIMED_PUBLIC (ORDERED_PUBLIC | HSM_DH_PUBLIC)
#define PRIMED (ORDERED | HSM_DH_PUBLIC | HSM_DH_PRIVATE | HSM_DH_DOMAIN)
#define DOMAIN (HSM_DSA_DOMAIN | HSM_DH_DOMAIN | HSM_DHX_DOMAIN)

#define SIGNERS (HSM_RSA_PRIVATE | HSM_EC_PRIVATE | HSM_ED_PRIVATE | HSM_DSA_PRIVATE)
#define VERIFIERS (HSM_RSA_PUBLIC | HSM_EC_PUBLIC | HSM_ED_PUBLIC | HSM_DSA_PUBLIC)
#define PUBLIC (VERIFIERS | HSM_X_PUBLIC | HSM_DH_PUBLIC | HSM_DHX_PUBLIC)
#define PRIVATE (SIGNERS | HSM_X_PRIVATE | HSM_DH_PRIVATE | HSM_DHX_PRIVATE)
#define PAIRS (PUBLIC | PRIVATE)
#define BLOCKS (HSM_AES | HSM_CAMELLIA | HSM_DES)
#define CIPHERS (BLOCKS | HSM_CHACHA20)
#define MACS (HSM_GENERIC | HSM_POLY)
#define SECRET (CIPHERS | MACS)
#define HIDDEN (PRIVATE | SECRET)
#define KEYS (PUBLIC | HIDDEN)
#define CERT HSM_CERTIFICATE
#define ALL (KEYS | CERT | HSM_DATA | DOMAIN)
#define VALUED ((PRIVATE & ~HSM_RSA_PRIVATE) | SECRET | PRIMED_PUBLIC | CERT | HSM_DATA)
#define WRAPPERS (HSM_RSA_PUBLIC | BLOCKS)
#define DERIVERS (HSM_EC_PRIVATE | HSM_X_PRIVATE | HSM_DH_PRIVATE | HSM_DHX_PRIVATE)
#define TRUST (WRAPPERS | CERT)
#define CHECKED (BLOCKS | CERT)

#define BYTES HL_FORM_BYTES
#define BOOL HL_FORM_BOOL
#define NUMBER HL_FORM_NUMBER

/* clang-format off */
/* Ascending by type: hsm_attribute_row() halves its way through.
 * As in the standard, CKA_EC_POINT and CKA_MODULUS_BITS stand on the public key alone. */
#define ROW(type, form, ...) { HL_CKA_##type, form, "CKA_" #type, __VA_ARGS__ }
static const struct hsm_attribute_row rows[] = {
	/*  form, who has it, may be given, may be given at creation, must be given, must be given at creation, true by default, rules */
	ROW(CLASS                     , NUMBER, ALL                    , ALL                    , ALL            , 0             , 0                 , 0                                               , HSM_FIXED),
	ROW(TOKEN                     , BOOL  , ALL                    , ALL                    , ALL            , 0             , 0                 , ALL                                             , HSM_COPY_RISES | HSM_COPY_FALLS),
	ROW(PRIVATE                   , BOOL  , ALL                    , ALL                    , ALL            , 0             , 0                 , HIDDEN | HSM_DATA                               , HSM_COPY_RISES),
	ROW(LABEL                     , BYTES , ALL                    , ALL                    , ALL            , 0             , 0                 , 0                                               , HSM_SETTABLE),
	ROW(UNIQUE_ID                 , BYTES , ALL                    , 0                      , 0              , 0             , 0                 , 0                                               , HSM_OWN),
	ROW(APPLICATION               , BYTES , HSM_DATA               , 0                      , HSM_DATA       , 0             , 0                 , 0                                               , HSM_SETTABLE),
	ROW(VALUE                     , BYTES , VALUED                 , 0                      , VALUED         , 0             , VALUED & ~HSM_DATA, 0                                               , HSM_SENSITIVE),
	ROW(OBJECT_ID                 , BYTES , HSM_DATA               , 0                      , HSM_DATA       , 0             , 0                 , 0                                               , HSM_SETTABLE),
	ROW(CERTIFICATE_TYPE          , NUMBER, CERT                   , 0                      , CERT           , 0             , CERT              , 0                                               , 0),
	ROW(ISSUER                    , BYTES , CERT                   , 0                      , CERT           , 0             , 0                 , 0                                               , HSM_SETTABLE),
	ROW(SERIAL_NUMBER             , BYTES , CERT                   , 0                      , CERT           , 0             , 0                 , 0                                               , HSM_SETTABLE),
	ROW(TRUSTED                   , BOOL  , TRUST                  , TRUST                  , TRUST          , 0             , 0                 , 0                                               , HSM_OFFICER),
	ROW(CERTIFICATE_CATEGORY      , NUMBER, CERT                   , 0                      , CERT           , 0             , 0                 , 0                                               , 0),
	ROW(JAVA_MIDP_SECURITY_DOMAIN , NUMBER, CERT                   , 0                      , CERT           , 0             , 0                 , 0                                               , 0),
	ROW(URL                       , BYTES , CERT                   , 0                      , CERT           , 0             , 0                 , 0                                               , 0),
	ROW(HASH_OF_SUBJECT_PUBLIC_KEY, BYTES , CERT                   , 0                      , CERT           , 0             , 0                 , 0                                               , 0),
	ROW(HASH_OF_ISSUER_PUBLIC_KEY , BYTES , CERT                   , 0                      , CERT           , 0             , 0                 , 0                                               , 0),
	ROW(NAME_HASH_ALGORITHM       , NUMBER, CERT                   , 0                      , CERT           , 0             , 0                 , 0                                               , 0),
	ROW(CHECK_VALUE               , BYTES , CHECKED                , CHECKED                , CHECKED        , 0             , 0                 , 0                                               , 0),
	ROW(KEY_TYPE                  , NUMBER, KEYS | DOMAIN          , KEYS | DOMAIN          , KEYS | DOMAIN  , 0             , 0                 , 0                                               , HSM_FIXED),
	ROW(SUBJECT                   , BYTES , PAIRS | CERT           , PAIRS                  , PAIRS | CERT   , 0             , CERT              , 0                                               , HSM_SETTABLE),
	ROW(ID                        , BYTES , KEYS | CERT            , KEYS                   , KEYS | CERT    , 0             , 0                 , 0                                               , HSM_SETTABLE),
	ROW(SENSITIVE                 , BOOL  , HIDDEN                 , HIDDEN                 , HIDDEN         , 0             , 0                 , HIDDEN                                          , HSM_RISES),
	ROW(ENCRYPT                   , BOOL  , PUBLIC | SECRET        , PUBLIC | SECRET        , PUBLIC | SECRET, 0             , 0                 , HSM_RSA_PUBLIC | CIPHERS                        , HSM_USAGE),
	ROW(DECRYPT                   , BOOL  , HIDDEN                 , HIDDEN                 , HIDDEN         , 0             , 0                 , HSM_RSA_PRIVATE | CIPHERS                       , HSM_USAGE),
	ROW(WRAP                      , BOOL  , PUBLIC | SECRET        , PUBLIC | SECRET        , PUBLIC | SECRET, 0             , 0                 , WRAPPERS                                        , HSM_USAGE | HSM_LAX),
	ROW(UNWRAP                    , BOOL  , HIDDEN                 , HIDDEN                 , HIDDEN         , 0             , 0                 , HSM_RSA_PRIVATE | BLOCKS                        , HSM_USAGE | HSM_LAX),
	ROW(SIGN                      , BOOL  , HIDDEN                 , HIDDEN                 , HIDDEN         , 0             , 0                 , SIGNERS | MACS                                  , HSM_USAGE),
	ROW(SIGN_RECOVER              , BOOL  , PRIVATE                , PRIVATE                , PRIVATE        , 0             , 0                 , 0                                               , HSM_USAGE),
	ROW(VERIFY                    , BOOL  , PUBLIC | SECRET        , PUBLIC | SECRET        , PUBLIC | SECRET, 0             , 0                 , VERIFIERS | MACS                                , HSM_USAGE),
	ROW(VERIFY_RECOVER            , BOOL  , PUBLIC                 , PUBLIC                 , PUBLIC         , 0             , 0                 , 0                                               , HSM_USAGE),
	ROW(DERIVE                    , BOOL  , KEYS                   , KEYS                   , KEYS           , 0             , 0                 , DERIVERS                                        , HSM_USAGE),
	ROW(START_DATE                , BYTES , KEYS | CERT            , KEYS                   , KEYS | CERT    , 0             , 0                 , 0                                               , HSM_SETTABLE | HSM_DATE),
	ROW(END_DATE                  , BYTES , KEYS | CERT            , KEYS                   , KEYS | CERT    , 0             , 0                 , 0                                               , HSM_SETTABLE | HSM_DATE),
	ROW(MODULUS                   , BYTES , RSA                    , 0                      , RSA            , 0             , RSA               , 0                                               , 0),
	ROW(MODULUS_BITS              , NUMBER, HSM_RSA_PUBLIC         , HSM_RSA_PUBLIC         , 0              , HSM_RSA_PUBLIC, 0                 , 0                                               , 0),
	ROW(PUBLIC_EXPONENT           , BYTES , RSA                    , HSM_RSA_PUBLIC         , RSA            , 0             , RSA               , 0                                               , 0),
	ROW(PRIVATE_EXPONENT          , BYTES , HSM_RSA_PRIVATE        , 0                      , HSM_RSA_PRIVATE, 0             , HSM_RSA_PRIVATE   , 0                                               , HSM_SENSITIVE),
	ROW(PRIME_1                   , BYTES , HSM_RSA_PRIVATE        , 0                      , HSM_RSA_PRIVATE, 0             , HSM_RSA_PRIVATE   , 0                                               , HSM_SENSITIVE),
	ROW(PRIME_2                   , BYTES , HSM_RSA_PRIVATE        , 0                      , HSM_RSA_PRIVATE, 0             , HSM_RSA_PRIVATE   , 0                                               , HSM_SENSITIVE),
	ROW(EXPONENT_1                , BYTES , HSM_RSA_PRIVATE        , 0                      , HSM_RSA_PRIVATE, 0             , 0                 , 0                                               , HSM_SENSITIVE),
	ROW(EXPONENT_2                , BYTES , HSM_RSA_PRIVATE        , 0                      , HSM_RSA_PRIVATE, 0             , 0                 , 0                                               , HSM_SENSITIVE),
	ROW(COEFFICIENT               , BYTES , HSM_RSA_PRIVATE        , 0                      , HSM_RSA_PRIVATE, 0             , 0                 , 0                                               , HSM_SENSITIVE),
	ROW(PUBLIC_KEY_INFO           , BYTES , PAIRS | CERT           , 0                      , 0              , 0             , 0                 , 0                                               , HSM_OWN),
	ROW(PRIME                     , BYTES , PRIMED                 , PRIMED_PUBLIC          , PRIMED         , PRIMED_PUBLIC , PRIMED            , 0                                               , 0),
	ROW(SUBPRIME                  , BYTES , ORDERED                , ORDERED_PUBLIC         , ORDERED        , ORDERED_PUBLIC, ORDERED           , 0                                               , 0),
	ROW(BASE                      , BYTES , PRIMED                 , PRIMED_PUBLIC          , PRIMED         , PRIMED_PUBLIC , PRIMED            , 0                                               , 0),
	ROW(PRIME_BITS                , NUMBER, DOMAIN                 , DOMAIN                 , 0              , DOMAIN        , 0                 , 0                                               , 0),
	ROW(SUBPRIME_BITS             , NUMBER, DOMAIN & ~HSM_DH_DOMAIN, DOMAIN & ~HSM_DH_DOMAIN, 0              , 0             , 0                 , 0                                               , 0),
	ROW(VALUE_BITS                , NUMBER, HSM_DH_PRIVATE         , HSM_DH_PRIVATE         , 0              , 0             , 0                 , 0                                               , 0),
	ROW(VALUE_LEN                 , NUMBER, SECRET                 , SECRET                 , 0              , 0             , 0                 , 0                                               , 0),
	ROW(EXTRACTABLE               , BOOL  , HIDDEN                 , HIDDEN                 , HIDDEN         , 0             , 0                 , SECRET                                          , HSM_FALLS | HSM_LAX),
	ROW(LOCAL                     , BOOL  , KEYS | DOMAIN          , 0                      , 0              , 0             , 0                 , 0                                               , HSM_OWN),
	ROW(NEVER_EXTRACTABLE         , BOOL  , HIDDEN                 , 0                      , 0              , 0             , 0                 , 0                                               , HSM_OWN),
	ROW(ALWAYS_SENSITIVE          , BOOL  , HIDDEN                 , 0                      , 0              , 0             , 0                 , 0                                               , HSM_OWN),
	ROW(KEY_GEN_MECHANISM         , NUMBER, KEYS                   , 0                      , 0              , 0             , 0                 , 0                                               , HSM_OWN),
	ROW(MODIFIABLE                , BOOL  , ALL                    , ALL                    , ALL            , 0             , 0                 , ALL                                             , HSM_COPY_FALLS),
	ROW(COPYABLE                  , BOOL  , ALL                    , ALL                    , ALL            , 0             , 0                 , ALL                                             , HSM_FALLS),
	ROW(DESTROYABLE               , BOOL  , ALL                    , ALL                    , ALL            , 0             , 0                 , ALL                                             , HSM_COPY_FALLS),
	ROW(EC_PARAMS                 , BYTES , CURVES                 , CURVES_PUBLIC          , CURVES         , CURVES_PUBLIC , CURVES            , 0                                               , 0),
	ROW(EC_POINT                  , BYTES , CURVES_PUBLIC          , 0                      , CURVES_PUBLIC  , 0             , CURVES_PUBLIC     , 0                                               , 0),
	ROW(ALWAYS_AUTHENTICATE       , BOOL  , PRIVATE                , PRIVATE                , PRIVATE        , 0             , 0                 , 0                                               , HSM_COPY_RISES),
	ROW(WRAP_WITH_TRUSTED         , BOOL  , HIDDEN                 , HIDDEN                 , HIDDEN         , 0             , 0                 , 0                                               , HSM_RISES),
	ROW(WRAP_TEMPLATE             , BYTES , WRAPPERS               , WRAPPERS               , WRAPPERS       , 0             , 0                 , 0                                               , HSM_TEMPLATE),
	ROW(UNWRAP_TEMPLATE           , BYTES , HIDDEN                 , HIDDEN                 , HIDDEN         , 0             , 0                 , 0                                               , HSM_TEMPLATE),
	ROW(DERIVE_TEMPLATE           , BYTES , HIDDEN                 , HIDDEN                 , HIDDEN         , 0             , 0                 , 0                                               , HSM_TEMPLATE),
	ROW(ALLOWED_MECHANISMS        , BYTES , KEYS                   , KEYS                   , KEYS           , 0             , 0                 , 0                                               , HSM_NUMBERS),
};

#define SECRET_KEY(type, kind, name, ...) { HL_CKO_SECRET_KEY, HL_CKK_##type, kind, name, __VA_ARGS__ }
#define PAIR(type, public, private, name) \
	{ HL_CKO_PUBLIC_KEY, HL_CKK_##type, public, name " public", 0, 0, 0 }, \
	{ HL_CKO_PRIVATE_KEY, HL_CKK_##type, private, name " private", 0, 0, 0 }
#define HMAC(hash) SECRET_KEY(hash##_HMAC, HSM_GENERIC, "secret", 1, 8192, 1)
static const struct hsm_kind_row kinds[] = {
	PAIR(RSA,           HSM_RSA_PUBLIC, HSM_RSA_PRIVATE, "RSA"),
	PAIR(EC,            HSM_EC_PUBLIC,  HSM_EC_PRIVATE,  "EC"),
	PAIR(EC_EDWARDS,    HSM_ED_PUBLIC,  HSM_ED_PRIVATE,  "Edwards"),
	PAIR(EC_MONTGOMERY, HSM_X_PUBLIC,   HSM_X_PRIVATE,   "Montgomery"),
	PAIR(DSA,           HSM_DSA_PUBLIC, HSM_DSA_PRIVATE, "DSA"),
	PAIR(DH,            HSM_DH_PUBLIC,  HSM_DH_PRIVATE,  "DH"),
	PAIR(X9_42_DH,      HSM_DHX_PUBLIC, HSM_DHX_PRIVATE, "X9.42"),
	SECRET_KEY(GENERIC_SECRET, HSM_GENERIC,  "secret",     1, 8192, 1),
	SECRET_KEY(AES,            HSM_AES,      "AES",       16,   32, 8),
	SECRET_KEY(CAMELLIA,       HSM_CAMELLIA, "Camellia",  16,   32, 8),
	SECRET_KEY(DES2,           HSM_DES,      "DES",       16,   16, 8),
	SECRET_KEY(DES3,           HSM_DES,      "DES",       24,   24, 8),
	SECRET_KEY(CHACHA20,       HSM_CHACHA20, "ChaCha20",  32,   32, 8),
	SECRET_KEY(POLY1305,       HSM_POLY,     "Poly1305",  32,   32, 8),
	HMAC(MD5), HMAC(RIPEMD160), HMAC(SHA_1), HMAC(SHA224), HMAC(SHA256), HMAC(SHA384), HMAC(SHA512),
	HMAC(SHA3_224), HMAC(SHA3_256), HMAC(SHA3_384), HMAC(SHA3_512),
	{ HL_CKO_CERTIFICATE,       0,                HSM_CERTIFICATE, "certificate",  0, 0, 0 },
	{ HL_CKO_DATA,              0,                HSM_DATA,        "data",         0, 0, 0 },
	{ HL_CKO_DOMAIN_PARAMETERS, HL_CKK_DSA,       HSM_DSA_DOMAIN,  "DSA domain",   0, 0, 0 },
	{ HL_CKO_DOMAIN_PARAMETERS, HL_CKK_DH,        HSM_DH_DOMAIN,   "DH domain",    0, 0, 0 },
	{ HL_CKO_DOMAIN_PARAMETERS, HL_CKK_X9_42_DH,  HSM_DHX_DOMAIN,  "X9.42 domain", 0, 0, 0 },
};
/* clang-format on */

const struct hsm_attribute_row *hsm_attribute_rows(size_t *n)
{
	*n = HL_COUNT(rows);
	return rows;
}

const struct hsm_attribute_row *hsm_attribute_row(uint32_t type)
{
	size_t low = 0, high = HL_COUNT(rows);

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (rows[mid].type == type)
			return &rows[mid];
		if (rows[mid].type < type)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* -- values ---------------------------------------------------------------------------------- */

static bool is_date(struct hl_bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] < '0' || b.p[i] > '9')
			return false;
	return b.n == 0 || b.n == 8;
}

/* K-21: no template stands inside a template. */
static bool is_template(struct hl_bytes b)
{
	struct hl_object_row row;
	struct hl_attribute a;

	if (b.n == 0)
		return true;
	if (hl_body_get(&hl_msg_object_row, b, &row) != HL_OK)
		return false;
	while (hl_list_next(&hl_msg_attribute, &row.attributes.raw, &a)) {
		const struct hsm_attribute_row *inner = hsm_attribute_row(a.type);

		if (!inner || (inner->rules & HSM_TEMPLATE) || !hsm_attribute_fits(inner, &a))
			return false;
	}
	return true;
}

static bool is_shaped(const struct hsm_attribute_row *row, struct hl_bytes value)
{
	if (row->rules & HSM_DATE)
		return is_date(value);
	if (row->rules & HSM_TEMPLATE)
		return is_template(value);
	return !(row->rules & HSM_NUMBERS) || value.n % 8 == 0;
}

bool hsm_attribute_fits(const struct hsm_attribute_row *row, const struct hl_attribute *a)
{
	if (a->form != row->form)
		return false;
	switch (row->form) {
	case HL_FORM_BYTES:
		return is_shaped(row, a->value);
	case HL_FORM_BOOL:
		return a->value.n == 1 && a->value.p[0] <= 1;
	case HL_FORM_NUMBER:
		return a->value.n == 8;
	default:
		return false;
	}
}

/* The value of a public key and of a certificate is for all to see. */
bool hsm_attribute_sealed(const struct hsm_attribute_row *row, unsigned kind)
{
	return (row->rules & HSM_SENSITIVE) && !(kind & (PUBLIC | CERT));
}

/* -- kinds ----------------------------------------------------------------------------------- */

const struct hsm_kind_row *hsm_kind_rows(size_t *n)
{
	*n = HL_COUNT(kinds);
	return kinds;
}

const struct hsm_kind_row *hsm_kind_row(uint64_t class, uint64_t key_type)
{
	for (size_t i = 0; i < HL_COUNT(kinds); i++)
		if (kinds[i].class == class && kinds[i].key_type == key_type)
			return &kinds[i];
	return NULL;
}

unsigned hsm_kind_of(const struct hsm_object *o)
{
	const struct hsm_kind_row *row;

	if (!hsm_attribute(o, HL_CKA_CLASS))
		return 0;
	row = hsm_kind_row(hsm_attribute_number(o, HL_CKA_CLASS), hsm_attribute_number(o, HL_CKA_KEY_TYPE));
	return row ? row->kind : 0;
}

bool hsm_kind_takes(const struct hsm_kind_row *kind, size_t n)
{
	return kind->most > 0 && n >= kind->least && n <= kind->most && n % kind->step == 0;
}
