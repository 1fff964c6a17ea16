#include "cli/key_file.h"

#include <stdarg.h>
#include <string.h>

#include "cli/keys.h"
#include "lib/base/der.h"

/* -- forms ----------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct cli_key_form_row forms[] = {
	[CLI_KEY_PRIVATE] =       { "PRIVATE KEY", "a private key", NULL },
	[CLI_KEY_ENCRYPTED] =     { "ENCRYPTED PRIVATE KEY", "an encrypted private key", NULL },
	[CLI_KEY_PUBLIC] =        { "PUBLIC KEY", "a public key", NULL },
	[CLI_KEY_CERTIFICATE] =   { "CERTIFICATE", "a certificate", NULL },
	[CLI_KEY_TRUSTED] =       { "TRUSTED CERTIFICATE", "a certificate with OpenSSL's own remarks", "openssl x509 -in FILE -out NEW" },
	[CLI_KEY_RSA_PRIVATE] =   { "RSA PRIVATE KEY", "an RSA private key of PKCS #1, not of PKCS #8", "openssl pkey -in FILE -out NEW" },
	[CLI_KEY_RSA_PUBLIC] =    { "RSA PUBLIC KEY", "an RSA public key of PKCS #1, not a SubjectPublicKeyInfo", "openssl rsa -RSAPublicKey_in -in FILE -pubout -out NEW" },
	[CLI_KEY_EC_PRIVATE] =    { "EC PRIVATE KEY", "an EC private key of SEC 1, not of PKCS #8", "openssl pkey -in FILE -out NEW" },
	[CLI_KEY_EC_PARAMETERS] = { "EC PARAMETERS", "parameters of a curve, and no key", NULL },
	[CLI_KEY_DSA_PRIVATE] =   { "DSA PRIVATE KEY", "a DSA private key", NULL },
	[CLI_KEY_OPENSSH] =       { "OPENSSH PRIVATE KEY", "a private key of OpenSSH's own form", "ssh-keygen -p -m PKCS8 -f FILE" },
	[CLI_KEY_REQUEST] =       { "CERTIFICATE REQUEST", "a request for a certificate", "openssl req -in FILE -pubkey -noout -out NEW" },
	[CLI_KEY_CRL] =           { "X509 CRL", "a list of revoked certificates", NULL },
	[CLI_KEY_PKCS12] =        { NULL, "a store of PKCS #12", "openssl pkcs12 -in FILE -nocerts -out NEW" },
	[CLI_KEY_PKCS7] =         { "PKCS7", "a message of PKCS #7", "openssl pkcs7 -in FILE -print_certs -out NEW" },
	[CLI_KEY_UNKNOWN] =       { NULL, "nothing that is known here", NULL },
};

/* The tags of the first elements inside the outermost; 0: any, or none. The first row that fits holds. */
static const struct {
	uint8_t tag[3];
	enum cli_key_form form;
} shapes[] = {
	{ { HL_DER_INTEGER, HL_DER_SEQUENCE, HL_DER_OCTETS }, CLI_KEY_PRIVATE },
	{ { HL_DER_INTEGER, HL_DER_SEQUENCE, HL_DER_SEQUENCE }, CLI_KEY_PKCS12 },
	{ { HL_DER_INTEGER, HL_DER_OCTETS, 0 }, CLI_KEY_EC_PRIVATE },
	{ { HL_DER_INTEGER, HL_DER_INTEGER, HL_DER_INTEGER }, CLI_KEY_RSA_PRIVATE },
	{ { HL_DER_INTEGER, HL_DER_INTEGER, 0 }, CLI_KEY_RSA_PUBLIC },
	{ { HL_DER_SEQUENCE, HL_DER_OCTETS, 0 }, CLI_KEY_ENCRYPTED },
	{ { HL_DER_SEQUENCE, HL_DER_BITS, 0 }, CLI_KEY_PUBLIC },
	{ { HL_DER_SEQUENCE, HL_DER_SEQUENCE, HL_DER_BITS }, CLI_KEY_CERTIFICATE },
	{ { HL_DER_OID, HL_DER_FIELD, 0 }, CLI_KEY_PKCS7 },
};
/* clang-format on */

const struct cli_key_form_row *cli_key_form_row(enum cli_key_form form)
{
	return &forms[form];
}

enum cli_key_form cli_key_form_named(const char *label)
{
	for (unsigned i = 0; i < HL_COUNT(forms); i++)
		if (forms[i].label && strcmp(forms[i].label, label) == 0)
			return (enum cli_key_form)i;
	return CLI_KEY_UNKNOWN;
}

static bool fits(const uint8_t shape[3], const uint8_t tag[3])
{
	for (size_t i = 0; i < 3; i++)
		if (shape[i] && shape[i] != tag[i])
			return false;
	return true;
}

enum cli_key_form cli_key_form_of(struct hl_bytes der)
{
	struct hl_rd all = hl_rd(der), in = hl_der_inside(&all, HL_DER_SEQUENCE);
	uint8_t tag[3];

	for (size_t i = 0; i < HL_COUNT(tag); i++) {
		tag[i] = hl_der_next(&in);
		if (tag[i])
			hl_der_take(&in, tag[i]);
	}
	for (size_t i = 0; i < HL_COUNT(shapes); i++)
		if (in.err == HL_OK && fits(shapes[i].tag, tag))
			return shapes[i].form;
	return CLI_KEY_UNKNOWN;
}

/* -- parts ------------------------------------------------------------------------------------------------- */

static hl_err __attribute__((format(printf, 2, 3))) no(char why[CLI_KEY_WHY], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, CLI_KEY_WHY, format, args);
	va_end(args);
	return HL_E_KEY_FILE;
}

static void put(struct cli_key_parts *k, uint32_t type, struct hl_bytes value)
{
	k->part[k->parts++] = (hsmlet_attribute){ type, HSMLET_BYTES, value.p, value.n };
}

/* All was read that there is. */
static bool is_whole(const struct hl_rd *r)
{
	return r->err == HL_OK && r->left == 0;
}

/* RSAPrivateKey (RFC 8017, A.1.2): with two primes there is nothing behind these. */
static bool rsa_private(struct hl_rd *key, struct cli_key_parts *out)
{
	static const uint32_t types[CLI_KEY_PARTS] = { HL_CKA_MODULUS, HL_CKA_PUBLIC_EXPONENT, HL_CKA_PRIVATE_EXPONENT,
		HL_CKA_PRIME_1, HL_CKA_PRIME_2, HL_CKA_EXPONENT_1, HL_CKA_EXPONENT_2, HL_CKA_COEFFICIENT };
	struct hl_rd in = hl_der_inside(key, HL_DER_SEQUENCE);

	hl_der_take(&in, HL_DER_INTEGER); /* version */
	for (size_t i = 0; i < HL_COUNT(types); i++)
		put(out, types[i], hl_der_unsigned(hl_der_take(&in, HL_DER_INTEGER)));
	return is_whole(&in) && is_whole(key);
}

static bool rsa_public(struct hl_rd *key, struct cli_key_parts *out)
{
	struct hl_rd in = hl_der_inside(key, HL_DER_SEQUENCE);

	put(out, HL_CKA_MODULUS, hl_der_unsigned(hl_der_take(&in, HL_DER_INTEGER)));
	put(out, HL_CKA_PUBLIC_EXPONENT, hl_der_unsigned(hl_der_take(&in, HL_DER_INTEGER)));
	return is_whole(&in) && is_whole(key);
}

/* ECPrivateKey (RFC 5915, 3): version, privateKey, then curve and public key, which are known from elsewhere. */
static bool ec_private(struct hl_rd *key, struct cli_key_parts *out)
{
	struct hl_rd in = hl_der_inside(key, HL_DER_SEQUENCE);

	hl_der_take(&in, HL_DER_INTEGER);
	put(out, HL_CKA_VALUE, hl_der_take(&in, HL_DER_OCTETS));
	while (hl_der_next(&in) >= HL_DER_FIELD)
		hl_der_take(&in, hl_der_next(&in));
	return is_whole(&in) && is_whole(key);
}

/* CurvePrivateKey (RFC 8410, 7). */
static bool octets_private(struct hl_rd *key, struct cli_key_parts *out)
{
	put(out, HL_CKA_VALUE, hl_der_take(key, HL_DER_OCTETS));
	return is_whole(key);
}

/* CKA_EC_POINT is the DER of the point as an OCTET STRING. */
static bool point_public(struct hl_rd *key, struct cli_key_parts *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf point = hl_buf(CLI_KEY_POINT);

	hl_der_put(&point, HL_DER_OCTETS, hl_rd_bytes(key, key->left));
	if (point.err != HL_OK || key->err != HL_OK)
		return false;
	memcpy(out->point, hl_buf_view(&point).p, point.n);
	put(out, HL_CKA_EC_POINT, hl_bytes(out->point, point.n));
	return true;
}

/* clang-format off */
#define OID(...) { 0x06, sizeof((uint8_t[]){ __VA_ARGS__ }), __VA_ARGS__ }, 2 + sizeof((uint8_t[]){ __VA_ARGS__ })
static const struct algorithm {
	uint8_t oid[12];
	size_t n;
	uint32_t type;
	bool (*private)(struct hl_rd *key, struct cli_key_parts *out);
	bool (*public)(struct hl_rd *key, struct cli_key_parts *out);
} algorithms[] = {
	{ OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1), HL_CKK_RSA, rsa_private, rsa_public },  /* RFC 8017, A.1 */
	{ OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1), HL_CKK_EC, ec_private, point_public },         /* RFC 5480, 2.1.1 */
	{ OID(0x2b, 101, 112), HL_CKK_EC_EDWARDS, octets_private, point_public },                 /* RFC 8410, 3 */
	{ OID(0x2b, 101, 113), HL_CKK_EC_EDWARDS, octets_private, point_public },
	{ OID(0x2b, 101, 110), HL_CKK_EC_MONTGOMERY, octets_private, point_public },
	{ OID(0x2b, 101, 111), HL_CKK_EC_MONTGOMERY, octets_private, point_public },
};
/* clang-format on */

static const struct algorithm *algorithm_of(struct hl_bytes oid)
{
	for (size_t i = 0; i < HL_COUNT(algorithms); i++)
		if (hl_bytes_eq(oid, hl_bytes(algorithms[i].oid, algorithms[i].n)))
			return &algorithms[i];
	return NULL;
}

static hl_err read_algorithm(struct hl_rd *in, struct cli_key_parts *out, const struct algorithm **a, char why[CLI_KEY_WHY])
{
	struct hl_bytes oid = hl_der_whole(in, HL_DER_OID), params;
	char name[CLI_OID_NAME];

	if (in->err != HL_OK)
		return no(why, "it names no algorithm");
	*a = algorithm_of(oid);
	cli_oid_name(oid, name);
	if (!*a)
		return no(why, "it is a key of %s, not of RSA, EC, Ed25519, Ed448, X25519 or X448", name);
	out->type = (*a)->type;
	if (out->type == HL_CKK_RSA)
		return HL_OK;
	params = out->type == HL_CKK_EC ? hl_der_whole(in, HL_DER_OID) : oid;
	if (in->err != HL_OK)
		return no(why, "it does not name its curve but spells it out");
	put(out, HL_CKA_EC_PARAMS, params);
	return HL_OK;
}

static size_t bits_of(struct hl_bytes number)
{
	size_t bits = 8 * number.n;

	for (unsigned top = number.n > 0 ? number.p[0] : 0x80; !(top & 0x80) && bits > 0; top = top << 1 | 1)
		bits--;
	return bits;
}

/* The modulus or the curve is the first part. */
static void name_kind(struct cli_key_parts *k)
{
	struct hl_bytes first = hl_bytes(k->part[0].value, k->part[0].n);
	const char *curve = k->type == HL_CKK_RSA ? NULL : cli_curve_name(first);

	if (k->type == HL_CKK_RSA)
		snprintf(k->kind, sizeof k->kind, "rsa-%zu", bits_of(first));
	else
		snprintf(k->kind, sizeof k->kind, "%s", curve ? curve : "ec");
}

static hl_err parse_private(struct hl_rd *in, struct cli_key_parts *out, char why[CLI_KEY_WHY])
{
	const struct algorithm *a;
	struct hl_rd algorithm, key;

	out->class = HL_CKO_PRIVATE_KEY;
	hl_der_take(in, HL_DER_INTEGER); /* version */
	algorithm = hl_der_inside(in, HL_DER_SEQUENCE);
	key = hl_der_inside(in, HL_DER_OCTETS);
	while (hl_der_next(in) & 0x80) /* attributes, and in RFC 5958 the public key */
		hl_der_take(in, hl_der_next(in));
	HL_TRY(read_algorithm(&algorithm, out, &a, why));
	if (!a->private(&key, out) || !is_whole(in))
		return no(why, "it was altered: its parts are not those of a private key");
	return HL_OK;
}

static hl_err parse_public(struct hl_rd *in, struct cli_key_parts *out, char why[CLI_KEY_WHY])
{
	const struct algorithm *a;
	struct hl_rd algorithm, key;

	out->class = HL_CKO_PUBLIC_KEY;
	algorithm = hl_der_inside(in, HL_DER_SEQUENCE);
	key = hl_der_inside(in, HL_DER_BITS);
	HL_TRY(read_algorithm(&algorithm, out, &a, why));
	if (hl_rd_u8(&key) != 0 || !a->public(&key, out) || !is_whole(in)) /* no bits are left over in the last byte */
		return no(why, "it was altered: its parts are not those of a public key");
	return HL_OK;
}

/* What finds a certificate again stands beside it, each in DER (PKCS #11 v3.0, 4.6.3). */
static hl_err parse_certificate(struct hl_rd *in, struct hl_bytes all, struct cli_key_parts *out, char why[CLI_KEY_WHY])
{
	struct hl_rd body = hl_der_inside(in, HL_DER_SEQUENCE);
	struct hl_bytes serial, issuer, subject;

	if (hl_der_next(&body) == HL_DER_FIELD)
		hl_der_take(&body, HL_DER_FIELD); /* version */
	serial = hl_der_whole(&body, HL_DER_INTEGER);
	hl_der_take(&body, HL_DER_SEQUENCE); /* signature */
	issuer = hl_der_whole(&body, HL_DER_SEQUENCE);
	hl_der_take(&body, HL_DER_SEQUENCE); /* validity */
	subject = hl_der_whole(&body, HL_DER_SEQUENCE);
	hl_der_take(&body, HL_DER_SEQUENCE); /* subjectPublicKeyInfo */
	hl_der_take(in, HL_DER_SEQUENCE);
	hl_der_take(in, HL_DER_BITS);
	if (body.err != HL_OK || !is_whole(in))
		return no(why, "it is signed as a certificate is, and none");
	out->class = HL_CKO_CERTIFICATE;
	out->type = HL_CKC_X_509;
	snprintf(out->kind, sizeof out->kind, "x509");
	put(out, HL_CKA_SUBJECT, subject);
	put(out, HL_CKA_ISSUER, issuer);
	put(out, HL_CKA_SERIAL_NUMBER, serial);
	put(out, HL_CKA_VALUE, all);
	return HL_OK;
}

/* In every form that is known a version or an object identifier comes first, inside one SEQUENCE or several. A text that
 * begins with '0', which is the tag of a SEQUENCE, has none of them. */
static bool begins_as_known(struct hl_bytes der)
{
	size_t at = 0;

	while (at + 1 < der.n && der.p[at] == HL_DER_SEQUENCE)
		at += 2 + (der.p[at + 1] > 0x80 ? der.p[at + 1] & 0x7fu : 0);
	return at < der.n && (der.p[at] == HL_DER_INTEGER || der.p[at] == HL_DER_OID || der.p[at] == HL_DER_FIELD);
}

/* All of it is one element, and all of that is there. */
static hl_err check_length(struct hl_bytes der, char why[CLI_KEY_WHY])
{
	struct hl_rd r = hl_rd(der);

	hl_der_take(&r, HL_DER_SEQUENCE);
	if (r.err == HL_E_SHORT && begins_as_known(der))
		return no(why, "it was cut, at %zu bytes", der.n);
	if (r.err != HL_OK)
		return no(why, "it is neither PEM nor DER; a raw key needs --type");
	return r.left == 0 ? HL_OK : no(why, "%zu bytes follow its end", r.left);
}

hl_err cli_key_parse(struct hl_bytes der, struct cli_key_parts *out, char why[CLI_KEY_WHY])
{
	enum cli_key_form form = cli_key_form_of(der);
	struct hl_rd all = hl_rd(der), in;
	hl_err err;

	*out = (struct cli_key_parts){ 0 };
	HL_TRY(check_length(der, why));
	in = hl_der_inside(&all, HL_DER_SEQUENCE);
	switch (form) {
	case CLI_KEY_PRIVATE:
		err = parse_private(&in, out, why);
		break;
	case CLI_KEY_PUBLIC:
		err = parse_public(&in, out, why);
		break;
	case CLI_KEY_CERTIFICATE:
		return parse_certificate(&in, der, out, why);
	default:
		return no(why, "it is %s", forms[form].what);
	}
	if (err == HL_OK)
		name_kind(out);
	return err;
}
