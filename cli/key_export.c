/* key_export.c - `key export-public`: the public half of a pair, as others read it. */
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cli/keys.h"
#include "cli/say.h"

struct export_options {
	const char *out, *format, *partition;
	struct cli_pin pin;
};

static const struct export_options defaults = { .format = "pem", .pin.pin_fd = -1 };
static const char *const formats[] = { "pem", "der", NULL };
/* clang-format off */
#define AT(member) offsetof(struct export_options, member)
static const struct cli_option rows[] = {
	{ "out",       'o', "FILE", CLI_TEXT, AT(out), 0, 0, NULL, "write it there (standard output)" },
	{ "format",    0,   "WORD", CLI_WORD, AT(format), 0, 0, formats, "how (pem)" },
	{ "partition", 0,   "NAME", CLI_TEXT, AT(partition), 0, 0, NULL, "where (that of the first slot)" },
	CLI_PIN_ROWS(struct export_options),
};
/* clang-format on */
const struct cli_options cli_key_export_public_options = CLI_OPTIONS(rows, defaults);

/* -- which object -------------------------------------------------------------------------------------- */

enum { CLASS, ID, INFO, WANTED };
static const uint32_t wanted[WANTED] = { HL_CKA_CLASS, HL_CKA_ID, HL_CKA_PUBLIC_KEY_INFO };

/* An object, with what tells of its public key. */
struct half {
	uint64_t handle;
	hsmlet_attributes *attributes;
};

static void half_clear(struct half *k)
{
	hsmlet_attributes_free(k->attributes);
	k->attributes = NULL;
}

static hsmlet_attribute of(const struct half *k, size_t which)
{
	return hsmlet_attributes_at(k->attributes, which);
}

static struct hl_bytes bytes_of(const struct half *k, size_t which)
{
	hsmlet_attribute a = of(k, which);

	return a.form == HSMLET_BYTES ? hl_bytes(a.value, a.n) : hl_bytes(NULL, 0);
}

static hl_err look(struct cli *c, hsmlet *h, uint64_t handle, struct half *out)
{
	hsmlet_error e;

	half_clear(out);
	out->handle = handle;
	if (hsmlet_get_attributes(h, handle, wanted, WANTED, &out->attributes, &e) != 0)
		return cli_object_trouble(c, handle, &e);
	return HL_OK;
}

static uint64_t class_of(const struct half *k)
{
	return cli_attribute_number(of(k, CLASS));
}

/* The public one of the objects that were named; where none is, a private one; else what there is. */
static hl_err choose(struct cli *c, hsmlet *h, const struct cli_objects *found, struct half *out)
{
	HL_AUTO(half_clear) struct half k = { 0 };
	uint64_t best = found->object[0];
	unsigned publics = 0;
	bool private = false;

	for (size_t i = 0; i < found->n; i++) {
		HL_TRY(look(c, h, found->object[i], &k));
		if (class_of(&k) == HL_CKO_PUBLIC_KEY && publics++ == 0)
			best = k.handle;
		if (class_of(&k) == HL_CKO_PRIVATE_KEY && publics == 0 && !private) {
			best = k.handle;
			private = true;
		}
	}
	if (publics > 1)
		return cli_next(c, cli_usage(c, "%u public keys are called %s", publics, c->operand[0]),
			"name one by its handle: `hsmlet key list`");
	return look(c, h, best, out);
}

/* -- the other half ------------------------------------------------------------------------------------ */

/* Ids are the user's to give, so that of another pair may be the same: the key itself must be, too. */
static hl_err find_public_half(struct cli *c, hsmlet *h, const struct half *private, uint64_t *out)
{
	static const uint8_t public[8] = { [7] = HL_CKO_PUBLIC_KEY };
	struct hl_bytes id = bytes_of(private, ID);
	const hsmlet_attribute match[] = {
		{ HL_CKA_CLASS, HSMLET_NUMBER, public, sizeof public },
		{ HL_CKA_ID, HSMLET_BYTES, id.p, id.n },
	};
	HL_AUTO(half_clear) struct half k = { 0 };
	struct cli_objects found = { .n = 0 };

	*out = 0;
	if (id.n == 0)
		return HL_OK;
	HL_TRY(cli_objects_match(c, h, match, HL_COUNT(match), &found));
	for (size_t i = 0; i < found.n && *out == 0; i++) {
		HL_TRY(look(c, h, found.object[i], &k));
		if (hl_bytes_eq(bytes_of(&k, INFO), bytes_of(private, INFO)))
			*out = k.handle;
	}
	return HL_OK;
}

static hl_err tell_half(struct cli *c, hsmlet *h, const struct half *private)
{
	char handle[24], other[24];
	uint64_t half;

	HL_TRY(find_public_half(c, h, private, &half));
	cli_handle_text(private->handle, handle);
	cli_handle_text(half, other);
	if (half)
		cli_note(c, "%s is a private key: exporting its public half %s", handle, other);
	else
		cli_note(c, "%s is a private key, and no public one has its id: exporting what it says of its public half",
			handle);
	return HL_OK;
}

/* -- writing ------------------------------------------------------------------------------------------- */

static hl_err to_pem(struct cli *c, struct hl_bytes info, struct hl_buf *out)
{
	const unsigned char *p = info.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)info.n);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n = 0;

	if (key && bio && PEM_write_bio_PUBKEY(bio, key) == 1)
		n = BIO_get_mem_data(bio, &text);
	if (n > 0)
		hl_buf_put(out, hl_bytes(text, (size_t)n));
	BIO_free(bio);
	EVP_PKEY_free(key);
	return n > 0 && out->err == HL_OK ? HL_OK : cli_fail(c, HL_E_CRYPTO, "OpenSSL does not take the public key");
}

static const char *file_of(const struct export_options *o)
{
	return o->out && strcmp(o->out, "-") != 0 ? o->out : NULL;
}

static hl_err print(struct cli *c, const struct half *k, const struct hl_buf *pem)
{
	const struct export_options *o = c->options;
	struct hl_bytes text = hl_buf_view(pem), content = strcmp(o->format, "der") == 0 ? bytes_of(k, INFO) : text;
	const char *file = file_of(o);
	char handle[24];

	if (file)
		HL_TRY(cli_write_file(c, file, 0644, content));
	cli_handle_text(k->handle, handle);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-public-key/1",
			json_pack("{s:s, s:s%, s:s?}", "handle", handle, "pem", text.p, text.n, "file", file));
	if (!file && fwrite(content.p, 1, content.n, c->out) != content.n)
		return cli_fail(c, HL_E_NOMEM, "the public key");
	return HL_OK;
}

static hl_err export(struct cli *c, hsmlet *h, struct half *k)
{
	HL_AUTO(hl_buf_clear) struct hl_buf pem = hl_buf(64u << 10);
	struct cli_objects found = { .n = 0 };

	HL_TRY(cli_objects_find(c, h, c->operand[0], &found));
	HL_TRY(choose(c, h, &found, k));
	if (class_of(k) == HL_CKO_PRIVATE_KEY)
		HL_TRY(tell_half(c, h, k));
	if (bytes_of(k, INFO).n == 0)
		return cli_cause(c, cli_fail(c, HL_E_KEY_USE, "%s has no public half", c->operand[0]),
			"it is no key pair");
	HL_TRY(to_pem(c, bytes_of(k, INFO), &pem));
	return print(c, k, &pem);
}

hl_err cli_key_export_public(struct cli *c)
{
	const struct export_options *o = c->options;
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	HL_AUTO(half_clear) struct half k = { 0 };
	bool pin_given;

	if (!file_of(o) && !c->global.json && strcmp(o->format, "der") == 0 && isatty(STDOUT_FILENO))
		return cli_usage(c, "DER is not for a terminal: -o FILE");
	HL_TRY(cli_key_connect(c, o->partition, &o->pin, &pin_given, &h));
	return export(c, h, &k);
}
