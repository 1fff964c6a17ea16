/* objects.c - finding objects of a partition, and the names of their numbers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/keys.h"
#include "cli/say.h"

hl_err cli_key_connect(
	struct cli *c, const char *partition, const struct cli_pin *from, bool *pin_given, hsmlet **out)
{
	HL_AUTO(hl_secret_clear) struct hl_secret pin = { 0 };
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(cli_pin(c, from, &pin));
	*pin_given = pin.n > 0;
	return cli_client_open(c, &k, partition, &pin, out);
}

/* -- names -------------------------------------------------------------------------------------------- */

/* clang-format off */
struct name { uint64_t number; const char *name; };
static const struct name classes[] = {
	{ HL_CKO_DATA, "data" }, { HL_CKO_CERTIFICATE, "certificate" }, { HL_CKO_PUBLIC_KEY, "public" },
	{ HL_CKO_PRIVATE_KEY, "private" }, { HL_CKO_SECRET_KEY, "secret" },
};
static const struct name key_types[] = {
	{ HL_CKK_RSA, "rsa" }, { HL_CKK_EC, "ec" }, { HL_CKK_EC_EDWARDS, "edwards" },
	{ HL_CKK_EC_MONTGOMERY, "montgomery" }, { HL_CKK_DSA, "dsa" }, { HL_CKK_DH, "dh" }, { HL_CKK_X9_42_DH, "x9.42-dh" },
	{ HL_CKK_GENERIC_SECRET, "generic" }, { HL_CKK_AES, "aes" }, { HL_CKK_CAMELLIA, "camellia" },
	{ HL_CKK_DES2, "des2" }, { HL_CKK_DES3, "des3" }, { HL_CKK_CHACHA20, "chacha20" }, { HL_CKK_POLY1305, "poly1305" },
	{ HL_CKK_MD5_HMAC, "hmac-md5" }, { HL_CKK_RIPEMD160_HMAC, "hmac-ripemd160" }, { HL_CKK_SHA_1_HMAC, "hmac-sha1" },
	{ HL_CKK_SHA224_HMAC, "hmac-sha224" }, { HL_CKK_SHA256_HMAC, "hmac-sha256" }, { HL_CKK_SHA384_HMAC, "hmac-sha384" },
	{ HL_CKK_SHA512_HMAC, "hmac-sha512" }, { HL_CKK_SHA3_224_HMAC, "hmac-sha3-224" },
	{ HL_CKK_SHA3_256_HMAC, "hmac-sha3-256" }, { HL_CKK_SHA3_384_HMAC, "hmac-sha3-384" },
	{ HL_CKK_SHA3_512_HMAC, "hmac-sha3-512" },
};
static const struct name mechanisms[] = {
	{ HL_CKM_RSA_PKCS_KEY_PAIR_GEN, "rsa_pkcs_key_pair_gen" }, { HL_CKM_EC_KEY_PAIR_GEN, "ec_key_pair_gen" },
	{ HL_CKM_EC_EDWARDS_KEY_PAIR_GEN, "ec_edwards_key_pair_gen" }, { HL_CKM_AES_KEY_GEN, "aes_key_gen" },
};
/* clang-format on */

static void name_number(const struct name *names, size_t n, uint64_t number, char out[CLI_NUMBER_NAME])
{
	snprintf(out, CLI_NUMBER_NAME, "0x%llx", (unsigned long long)number);
	for (size_t i = 0; i < n; i++)
		if (names[i].number == number)
			snprintf(out, CLI_NUMBER_NAME, "%s", names[i].name);
}

void cli_class_name(uint64_t number, char out[CLI_NUMBER_NAME])
{
	name_number(classes, HL_COUNT(classes), number, out);
}

void cli_key_type_name(uint64_t number, char out[CLI_NUMBER_NAME])
{
	name_number(key_types, HL_COUNT(key_types), number, out);
}

void cli_mechanism_name(uint64_t number, char out[CLI_NUMBER_NAME])
{
	name_number(mechanisms, HL_COUNT(mechanisms), number, out);
}

void cli_handle_text(uint64_t handle, char out[24])
{
	snprintf(out, 24, "0x%016llx", (unsigned long long)handle);
}

void cli_put_text(struct hl_buf *out, hsmlet_attribute v)
{
	const char *p = v.value;

	for (size_t n = 0; v.form == HSMLET_BYTES && n < v.n;) {
		char text[64], shown[4 * sizeof text + 5];
		size_t part = v.n - n < sizeof text - 1 ? v.n - n : sizeof text - 1;

		/* Not in the middle of a character of UTF-8, unless that is what the bytes end with. */
		while (part > 8 && n + part < v.n && ((unsigned char)p[n + part] & 0xc0) == 0x80)
			part--;
		memcpy(text, p + n, part);
		text[part] = 0;
		cli_printable(text, shown, sizeof shown);
		hl_buf_text(out, shown);
		part = strlen(text);
		n += part;
		if (n < v.n && !p[n]) {
			hl_buf_text(out, "\\x00");
			n++;
		}
	}
}

/* One type of PKCS #11 has Ed25519 and Ed448, and one X25519 and X448. */
void cli_key_type_of(hsmlet_attribute type, hsmlet_attribute params, char out[CLI_NUMBER_NAME])
{
	const char *curve = params.form == HSMLET_BYTES ? cli_curve_name(hl_bytes(params.value, params.n)) : NULL;
	uint64_t number = cli_attribute_number(type);

	if (curve && number != HL_CKK_EC)
		snprintf(out, CLI_NUMBER_NAME, "%s", curve);
	else
		cli_key_type_name(number, out);
}

uint64_t cli_attribute_number(hsmlet_attribute a)
{
	uint64_t v = 0;

	if (a.form != HSMLET_NUMBER || a.n != 8)
		return UINT64_MAX;
	for (int i = 0; i < 8; i++)
		v = v << 8 | ((const uint8_t *)a.value)[i];
	return v;
}

hl_err cli_object_trouble(struct cli *c, uint64_t object, const hsmlet_error *e)
{
	hsmlet_error named = *e;

	if (!*named.detail)
		cli_handle_text(object, named.detail);
	return cli_client_trouble(c, &named);
}

/* -- finding -------------------------------------------------------------------------------------------- */

hl_err cli_objects_each(struct cli *c, hsmlet *h, const hsmlet_attribute *match, size_t n,
	hl_err (*each)(struct cli *c, hsmlet *h, uint64_t object, void *at), void *at)
{
	uint64_t page[256], after = 0;
	size_t count;
	hsmlet_error e;

	do {
		if (hsmlet_find(h, match, n, after, page, HL_COUNT(page), &count, &e) != 0)
			return cli_client_trouble(c, &e);
		for (size_t i = 0; i < count; i++)
			HL_TRY(each(c, h, page[i], at));
		if (count > 0)
			after = page[count - 1];
	} while (count == HL_COUNT(page));
	return HL_OK;
}

static hl_err keep(struct cli *c, hsmlet *h, uint64_t object, void *at)
{
	struct cli_objects *o = at;

	(void)h;
	if (o->n == CLI_OBJECTS_MAX)
		return cli_fail(c, HL_E_FULL, "more than %d objects are meant", CLI_OBJECTS_MAX);
	o->object[o->n++] = object;
	return HL_OK;
}

hl_err cli_objects_match(
	struct cli *c, hsmlet *h, const hsmlet_attribute *match, size_t n, struct cli_objects *out)
{
	return cli_objects_each(c, h, match, n, keep, out);
}

static bool is_handle(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return errno == 0 && end != text && !*end && *text != '-' && *out > 0;
}

hl_err cli_objects_find(struct cli *c, hsmlet *h, const char *operand, struct cli_objects *out)
{
	hsmlet_attribute label = { HL_CKA_LABEL, HSMLET_BYTES, operand, strlen(operand) };

	HL_TRY(cli_objects_match(c, h, &label, 1, out));
	if (out->n == 0 && is_handle(operand, &out->object[0]))
		out->n = 1;
	return out->n > 0 ? HL_OK : cli_fail(c, HL_E_KEY, "%s", operand);
}
