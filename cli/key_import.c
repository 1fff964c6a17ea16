/* key_import.c - `key import`: what a file holds becomes an object of the HSM, a private key a pair. */
#include <string.h>

#include "cli/key_file.h"
#include "cli/keys.h"
#include "cli/say.h"

struct import_options {
	const char *type, *partition;
	struct cli_key_wish wish;
	struct cli_passphrase passphrase;
	struct cli_pin pin;
};

static const struct import_options defaults = { .pin.pin_fd = -1, .passphrase.fd = -1 };

/* clang-format off */
/* Keys that are bytes and nothing else. */
#define ANY "1 to 8192 bytes"
static const struct raw {
	const char *name;
	uint32_t type;
	const char *takes; /* so says the HSM, which checks it */
} raws[] = {
	{ "aes",            HL_CKK_AES,            "16, 24 or 32 bytes" },
	{ "camellia",       HL_CKK_CAMELLIA,       "16, 24 or 32 bytes" },
	{ "des2",           HL_CKK_DES2,           "16 bytes" },
	{ "des3",           HL_CKK_DES3,           "24 bytes" },
	{ "chacha20",       HL_CKK_CHACHA20,       "32 bytes" },
	{ "poly1305",       HL_CKK_POLY1305,       "32 bytes" },
	{ "generic",        HL_CKK_GENERIC_SECRET, ANY },
	{ "hmac-md5",       HL_CKK_MD5_HMAC,       ANY },
	{ "hmac-ripemd160", HL_CKK_RIPEMD160_HMAC, ANY },
	{ "hmac-sha1",      HL_CKK_SHA_1_HMAC,     ANY },
	{ "hmac-sha224",    HL_CKK_SHA224_HMAC,    ANY },
	{ "hmac-sha256",    HL_CKK_SHA256_HMAC,    ANY },
	{ "hmac-sha384",    HL_CKK_SHA384_HMAC,    ANY },
	{ "hmac-sha512",    HL_CKK_SHA512_HMAC,    ANY },
	{ "hmac-sha3-224",  HL_CKK_SHA3_224_HMAC,  ANY },
	{ "hmac-sha3-256",  HL_CKK_SHA3_256_HMAC,  ANY },
	{ "hmac-sha3-384",  HL_CKK_SHA3_384_HMAC,  ANY },
	{ "hmac-sha3-512",  HL_CKK_SHA3_512_HMAC,  ANY },
};
static const char *const raw_names[] = { "aes", "camellia", "des2", "des3", "chacha20", "poly1305", "generic", "hmac-md5",
	"hmac-ripemd160", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha3-224",
	"hmac-sha3-256", "hmac-sha3-384", "hmac-sha3-512", NULL };

#define AT(member) offsetof(struct import_options, member)
static const struct cli_option rows[] = {
	{ "type",            0, "TYPE", CLI_WORD,   AT(type), 0, 0, raw_names, "the file is the bytes of such a key; without it, PEM or DER that says what it is" },
	CLI_KEY_WISH_ROWS(struct import_options),
	{ "passphrase-file", 0, "FILE", CLI_TEXT,   AT(passphrase.file), 0, 0, NULL, "file with the passphrase of an encrypted key (else the terminal is asked)" },
	{ "passphrase-fd",   0, "N",    CLI_NUMBER, AT(passphrase.fd), 0, 1 << 20, NULL, "descriptor to read it from" },
	{ "partition",       0, "NAME", CLI_TEXT,   AT(partition), 0, 0, NULL, "where (that of the first slot)" },
	CLI_PIN_ROWS(struct import_options),
};
/* clang-format on */
const struct cli_options cli_key_import_options = CLI_OPTIONS(rows, defaults);

/* What is imported: where it came from, what it is, how it is to be marked. */
struct import {
	const char *path;
	const struct raw *raw; /* NULL: of PEM or DER */
	struct cli_key_marks marks;
	struct hl_secret bytes; /* behind the parts */
	bool open_file; /* others can read the secret */
	struct cli_key_parts parts;
};

static void import_clear(struct import *m)
{
	hl_secret_clear(&m->bytes);
}

/* -- from the file --------------------------------------------------------------------------------------- */

static const struct raw *raw_of(const char *name)
{
	for (size_t i = 0; name && i < HL_COUNT(raws); i++)
		if (strcmp(raws[i].name, name) == 0)
			return &raws[i];
	return NULL;
}

static hl_err read_raw(struct cli *c, struct import *m)
{
	struct cli_key_parts *p = &m->parts;

	HL_TRY(cli_key_read_raw(c, m->path, &m->bytes, &m->open_file));
	*p = (struct cli_key_parts){ .class = HL_CKO_SECRET_KEY, .type = m->raw->type, .parts = 1 };
	p->part[0] = (hsmlet_attribute){ HL_CKA_VALUE, HSMLET_BYTES, m->bytes.p, m->bytes.n };
	if (strchr(m->raw->takes, ',')) /* of several sizes, the size is part of the name */
		snprintf(p->kind, sizeof p->kind, "%s-%zu", m->raw->name, 8 * m->bytes.n);
	else
		snprintf(p->kind, sizeof p->kind, "%s", m->raw->name);
	return HL_OK;
}

static bool is_hidden(const struct import *m)
{
	return m->parts.class == HL_CKO_PRIVATE_KEY || m->parts.class == HL_CKO_SECRET_KEY;
}

static hl_err read_file(struct cli *c, struct import *m)
{
	const struct import_options *o = c->options;
	char why[CLI_KEY_WHY] = "";

	if (m->raw)
		return read_raw(c, m);
	HL_TRY(cli_key_read(c, m->path, &o->passphrase, &m->bytes, &m->open_file));
	if (cli_key_parse(hl_secret_view(&m->bytes), &m->parts, why) != HL_OK)
		return cli_key_refuse(c, m->path, why);
	if (!is_hidden(m) && (o->wish.extractable || o->wish.no_sensitive))
		return cli_usage(c, "%s: it has no secret for --extractable or --no-sensitive to speak of", m->path);
	return HL_OK;
}

/* -- into the HSM ------------------------------------------------------------------------------------------ */

/* The HSM judges the parts; it does not know the file. */
static hl_err refused(struct cli *c, const struct import *m, const struct cli_key_parts *p, hsmlet_error *e)
{
	char detail[sizeof e->detail], said[sizeof e->detail];
	hl_err err;

	memcpy(said, e->detail, sizeof said);
	snprintf(detail, sizeof detail, "%.300s (%s)%s%.150s", m->path, p->kind, *said ? ": " : "", said);
	memcpy(e->detail, detail, sizeof detail);
	err = cli_client_trouble(c, e);
	if (err == HL_E_CURVE) {
		char name[CLI_OID_NAME];

		cli_oid_name(hl_bytes(p->part[0].value, p->part[0].n), name);
		return cli_cause(c, err, "it is a key on the curve %s, which the HSM does not have", name);
	}
	if (err == HL_E_ATTRIBUTE_VALUE && m->raw)
		return cli_cause(c, err, "a key of type %s has %s, and the file %zu: the key's own, neither hex nor with a newline",
			m->raw->name, m->raw->takes, m->bytes.n);
	if (err != HL_E_ATTRIBUTE_VALUE && err != HL_E_TEMPLATE_INCONSISTENT)
		return err;
	(void)cli_cause(c, err, "its parts do not belong together%s",
		p->class != HL_CKO_CERTIFICATE && p->type == HL_CKK_RSA ? ", or it is weak: RSA keys have 2048 to 8192 bits" : "");
	return cli_next(c, err, "give another key; hsmlet(1) lists what is taken");
}

static hl_err create(struct cli *c, hsmlet *h, const struct import *m, const struct cli_key_parts *p, uint64_t *handle)
{
	hsmlet_attribute a[3 + CLI_KEY_MARKED + CLI_KEY_PARTS];
	uint8_t class[8], type[8];
	size_t n = cli_key_marked(&m->marks, p->class, a);
	hsmlet_error e;

	a[n++] = cli_key_number(HL_CKA_CLASS, p->class, class);
	a[n++] = cli_key_number(p->class == HL_CKO_CERTIFICATE ? HL_CKA_CERTIFICATE_TYPE : HL_CKA_KEY_TYPE, p->type, type);
	for (size_t i = 0; i < p->parts; i++)
		a[n++] = p->part[i];
	return hsmlet_create(h, a, n, handle, &e) == 0 ? HL_OK : refused(c, m, p, &e);
}

/* As the HSM, which has completed the private key, tells it. */
static hl_err create_public_half(struct cli *c, hsmlet *h, const struct import *m, struct cli_key *key)
{
	static const uint32_t wanted[] = { HL_CKA_PUBLIC_KEY_INFO };
	hsmlet_attributes *got = NULL;
	struct cli_key_parts half;
	char why[CLI_KEY_WHY] = "";
	hsmlet_attribute info;
	hsmlet_error e;
	hl_err err;

	if (hsmlet_get_attributes(h, key->handle, wanted, HL_COUNT(wanted), &got, &e) != 0)
		return cli_object_trouble(c, key->handle, &e);
	info = hsmlet_attributes_at(got, 0);
	err = info.form == HSMLET_BYTES ? cli_key_parse(hl_bytes(info.value, info.n), &half, why) : HL_E_KEY_FILE;
	if (err == HL_OK)
		err = create(c, h, m, &half, &key->public_handle);
	else
		err = cli_fail(c, HL_E_BUG, "the public half of %s: %s", m->path, why);
	hsmlet_attributes_free(got);
	return err;
}

/* By its handle: other keys may have the same label, and `key delete LABEL` would take them along. */
static hl_err half_is_left(struct cli *c, hl_err err, uint64_t handle)
{
	char text[24];

	cli_handle_text(handle, text);
	return cli_next(c, err, "the private half is in the HSM, without the public one: `hsmlet key delete %s`", text);
}

/* Both halves, or none. */
static hl_err create_all(struct cli *c, hsmlet *h, const struct import *m, struct cli_key *out)
{
	struct cli_trouble before;
	bool gone;
	hl_err err;

	HL_TRY(create(c, h, m, &m->parts, &out->handle));
	if (m->parts.class != HL_CKO_PRIVATE_KEY)
		return HL_OK;
	err = create_public_half(c, h, m, out);
	if (err == HL_OK)
		return HL_OK;
	before = c->trouble;
	gone = hsmlet_destroy(h, out->handle, NULL) == 0;
	c->trouble = before;
	return gone ? err : half_is_left(c, err, out->handle);
}

hl_err cli_key_import(struct cli *c)
{
	const struct import_options *o = c->options;
	HL_AUTO(import_clear) struct import m = { .path = c->operand[0], .raw = raw_of(o->type) };
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	struct cli_key key = { 0 };
	bool pin_given;

	HL_TRY(cli_key_marks(c, &o->wish, &m.marks));
	if (o->passphrase.fd >= 0 && o->passphrase.file)
		return cli_usage(c, "--passphrase-fd and --passphrase-file (or HSMLET_PASSPHRASE_FILE) exclude one another");
	HL_TRY(read_file(c, &m));
	HL_TRY(cli_key_connect(c, o->partition, &o->pin, &pin_given, &h));
	HL_TRY(create_all(c, h, &m, &key));
	if (m.open_file)
		cli_note(c, "others can read %s: chmod 600 it, or remove it now",
			strcmp(m.path, "-") == 0 ? "standard input's file" : m.path);
	return cli_key_print(c, &key, m.parts.class, m.parts.kind, m.marks.label);
}
