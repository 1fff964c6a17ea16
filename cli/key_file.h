/* key_file.h - files with keys and certificates: from their bytes to the attributes of an object.
 *
 *	key_file.c  what DER holds: pure, views in, views out
 *	key_read.c  the file, the PEM around the DER, the passphrase of an encrypted key */
#pragma once

#include "cli/client.h"

/* What such a file can hold. */
enum cli_key_form {
	CLI_KEY_PRIVATE,     /* PrivateKeyInfo (RFC 5208), OneAsymmetricKey (RFC 5958) */
	CLI_KEY_ENCRYPTED,   /* EncryptedPrivateKeyInfo (RFC 5958, 3) */
	CLI_KEY_PUBLIC,      /* SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) */
	CLI_KEY_CERTIFICATE, /* RFC 5280, 4.1 */
	/* from here on: known, and not imported */
	CLI_KEY_TRUSTED,
	CLI_KEY_RSA_PRIVATE,
	CLI_KEY_RSA_PUBLIC,
	CLI_KEY_EC_PRIVATE,
	CLI_KEY_EC_PARAMETERS,
	CLI_KEY_DSA_PRIVATE,
	CLI_KEY_OPENSSH,
	CLI_KEY_REQUEST,
	CLI_KEY_CRL,
	CLI_KEY_PKCS12,
	CLI_KEY_PKCS7,
	CLI_KEY_UNKNOWN,
};

struct cli_key_form_row {
	const char *label; /* in PEM (RFC 7468); NULL: it has none */
	const char *what;  /* "an encrypted private key" */
	const char *next;  /* what makes an importable file of it; NULL: nothing needs to, or nothing can */
};
const struct cli_key_form_row *cli_key_form_row(enum cli_key_form form);
/** The form with this label, CLI_KEY_UNKNOWN where none has. */
enum cli_key_form cli_key_form_named(const char *label);
/** By its outermost elements, also where it was cut later or has bytes behind it. */
enum cli_key_form cli_key_form_of(struct hl_bytes der);

#define CLI_KEY_PARTS 8
#define CLI_KEY_POINT 160
#define CLI_KEY_KIND 32
struct cli_key_parts {
	uint32_t class, type;     /* HL_CKO_, HL_CKK_; the type of a certificate is its HL_CKC_ */
	char kind[CLI_KEY_KIND];  /* "rsa-2048", "ec-p256", "x448", "x509" */
	hsmlet_attribute part[CLI_KEY_PARTS]; /* views into the DER, but for the point */
	size_t parts;
	uint8_t point[CLI_KEY_POINT]; /* what CKA_EC_POINT views: so this is not to be copied */
};

#define CLI_KEY_WHY 192
/** The parts of a private or public key or of a certificate, all of `der` (up to 65,535 bytes). HL_E_KEY_FILE with `why` it is
 * none: "it was cut, at 100 bytes". Whether the parts make a good key, the HSM says. */
HL_CHECKED hl_err cli_key_parse(struct hl_bytes der, struct cli_key_parts *out, char why[CLI_KEY_WHY]);

#define CLI_KEY_FILE_MAX 65536
/* Where the passphrase of an encrypted key comes from; none of both: the terminal is asked. */
struct cli_passphrase {
	const char *file;
	int64_t fd; /* -1: none */
};
/** The bytes of `path` ("-": standard input), CLI_KEY_FILE_MAX at most and one at least; `open_file`: whether others can read
 * that file, and a secret with it. HL_E_KEY_FILE, HL_E_IO; HL_E_ARG:
 * standard input is a terminal. */
HL_CHECKED hl_err cli_key_read_raw(struct cli *c, const char *path, struct hl_secret *out, bool *open_file);
/** The DER that the file has, or its one piece of PEM; of an encrypted key what was encrypted. The same errors, and those of
 * asking for the passphrase. */
HL_CHECKED hl_err cli_key_read(
	struct cli *c, const char *path, const struct cli_passphrase *from, struct hl_secret *out, bool *open_file);
/** Refuse the file: HL_E_KEY_FILE. */
hl_err cli_key_refuse(struct cli *c, const char *path, const char *why);
