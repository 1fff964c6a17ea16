#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "cli/key_file.h"
#include "cli/say.h"
#include "lib/os/files.h"

hl_err cli_key_refuse(struct cli *c, const char *path, const char *why)
{
	return cli_fail(c, HL_E_KEY_FILE, "%s: %s", path, why);
}

static hl_err refuse_form(struct cli *c, const char *path, enum cli_key_form form)
{
	const struct cli_key_form_row *row = cli_key_form_row(form);

	cli_fail(c, HL_E_KEY_FILE, "%s: it is %s", path, row->what);
	return row->next ? cli_next(c, HL_E_KEY_FILE, "make of it what can be imported: %s", row->next) : HL_E_KEY_FILE;
}

static bool is_foreign(enum cli_key_form form)
{
	return form > CLI_KEY_CERTIFICATE && form != CLI_KEY_UNKNOWN;
}

/* -- the file --------------------------------------------------------------------------------------------- */

static hl_err read_bytes(struct cli *c, const char *path, struct hl_buf *out, bool *open_file)
{
	bool from_stdin = strcmp(path, "-") == 0;
	int fd = STDIN_FILENO;
	hl_err err;

	if (from_stdin && isatty(STDIN_FILENO))
		return cli_usage(c, "standard input is a terminal, and no place to type a key");
	errno = 0;
	if (!from_stdin)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_fail_file(c, errno == ENOENT ? HL_E_NOT_FOUND : HL_E_IO, path);
	err = hl_fd_read(fd, CLI_KEY_FILE_MAX, out);
	*open_file = cli_is_open_to(fd, 044);
	if (!from_stdin)
		close(fd);
	if (err == HL_E_TOO_LONG)
		return cli_cause(c, cli_fail(c, HL_E_KEY_FILE, "%s: it has more than %d bytes", path, CLI_KEY_FILE_MAX),
			"no key and no certificate is that long: another file was named");
	if (err != HL_OK)
		return cli_fail_file(c, err, path);
	if (out->n > 0)
		return HL_OK;
	return cli_cause(c, cli_key_refuse(c, from_stdin ? "standard input" : path, "it is empty"),
		"whatever was to write it has failed, or another file was named");
}

hl_err cli_key_read_raw(struct cli *c, const char *path, struct hl_secret *out, bool *open_file)
{
	HL_AUTO(hl_buf_clear) struct hl_buf bytes = hl_buf(CLI_KEY_FILE_MAX);

	HL_TRY(read_bytes(c, path, &bytes, open_file));
	if (memmem(hl_buf_view(&bytes).p, bytes.n, "-----BEGIN ", 11))
		return cli_next(c, cli_key_refuse(c, path, "it is PEM, and no raw key"), "leave --type out: PEM says what it holds");
	return hl_secret_set(out, hl_buf_view(&bytes)) == HL_OK ? HL_OK : cli_fail(c, HL_E_NOMEM, "the key");
}

/* -- PEM (RFC 7468) ----------------------------------------------------------------------------------------- */

struct piece {
	char *label, *header;
	unsigned char *data;
	long n;
};

static void piece_clear(struct piece *p)
{
	OPENSSL_secure_free(p->label);
	OPENSSL_secure_free(p->header);
	OPENSSL_secure_clear_free(p->data, p->n > 0 ? (size_t)p->n : 0);
	*p = (struct piece){ 0 };
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

/* HL_E_NOT_FOUND: there is no other. */
static hl_err next_piece(BIO *bio, struct piece *out)
{
	unsigned long why;

	ERR_clear_error();
	if (PEM_read_bio_ex(bio, &out->label, &out->header, &out->data, &out->n, PEM_FLAG_SECURE) == 1)
		return HL_OK;
	why = ERR_peek_last_error();
	ERR_clear_error();
	return ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE ? HL_E_NOT_FOUND : HL_E_KEY_FILE;
}

/* What the label says is judged, before what is behind it. */
static hl_err judge_piece(struct cli *c, const char *path, const struct piece *p)
{
	enum cli_key_form form = cli_key_form_named(p->label), found = cli_key_form_of(hl_bytes(p->data, (size_t)p->n));

	if (is_foreign(form))
		return refuse_form(c, path, form);
	if (form == CLI_KEY_UNKNOWN)
		return cli_fail(c, HL_E_KEY_FILE, "%s: its PEM holds a %s", path, p->label);
	if (p->header[0])
		return cli_key_refuse(c, path, "its PEM has headers, as RFC 7468 has none");
	if (form != found)
		return cli_fail(c, HL_E_KEY_FILE, "%s: its PEM says %s, and holds %s", path, p->label, cli_key_form_row(found)->what);
	return HL_OK;
}

/* Of several: one that a command makes importable is what is meant (`openssl ecparam -genkey` puts the curve before it). */
static hl_err refuse_two(struct cli *c, const char *path, const char *first, const char *second)
{
	const enum cli_key_form form[] = { cli_key_form_named(first), cli_key_form_named(second) };

	for (size_t i = 0; i < HL_COUNT(form); i++)
		if (is_foreign(form[i]) && cli_key_form_row(form[i])->next)
			return refuse_form(c, path, form[i]);
	return cli_next(c, cli_fail(c, HL_E_KEY_FILE, "%s: it holds more than one thing: %s, %s", path, first, second),
		"put each into a file of its own, and import the one that is meant");
}

static hl_err read_pem(struct cli *c, const char *path, struct hl_bytes text, struct hl_secret *out)
{
	HL_AUTO(bio_freep) BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
	HL_AUTO(piece_clear) struct piece first = { 0 };
	HL_AUTO(piece_clear) struct piece second = { 0 };
	hl_err err;

	if (!bio)
		return cli_fail(c, HL_E_NOMEM, "the PEM");
	if (next_piece(bio, &first) != HL_OK)
		return cli_key_refuse(c, path, "its PEM is cut or altered");
	err = next_piece(bio, &second);
	if (err == HL_OK)
		return refuse_two(c, path, first.label, second.label);
	if (err != HL_E_NOT_FOUND)
		return cli_key_refuse(c, path, "its PEM is cut or altered, after the first piece");
	HL_TRY(judge_piece(c, path, &first));
	return hl_secret_set(out, hl_bytes(first.data, (size_t)first.n)) == HL_OK ? HL_OK : cli_fail(c, HL_E_NOMEM, "the key");
}

/* -- what is encrypted ---------------------------------------------------------------------------------------- */

static hl_err find_passphrase(struct cli *c, const char *path, const struct cli_passphrase *from, struct hl_secret *out)
{
	static const char what[] = "the passphrase";
	char prompt[CLI_PATH + 32];
	hl_err err;

	if (from->fd >= 0)
		return cli_secret_of_fd(c, from->fd, what, out);
	if (from->file)
		return cli_secret_of_file(c, from->file, what, out);
	snprintf(prompt, sizeof prompt, "Passphrase of %s: ", path);
	err = cli_secret_of_terminal(c, prompt, what, out);
	return err == HL_E_ARG ? cli_next(c, err, "type it at a terminal, or give --passphrase-file or --passphrase-fd") : err;
}

/* What comes out is checked for its form, too: one wrong passphrase in some hundred leaves a padding that is right. */
static hl_err open_with(const X509_SIG *sealed, const struct hl_secret *passphrase, struct hl_secret *out)
{
	const X509_ALGOR *algorithm;
	const ASN1_OCTET_STRING *bytes;
	unsigned char *clear = NULL;
	int n = 0;
	hl_err err = HL_E_KEY_FILE;

	X509_SIG_get0(sealed, &algorithm, &bytes);
	if (!PKCS12_pbe_crypt(algorithm, (const char *)passphrase->p, (int)passphrase->n, ASN1_STRING_get0_data(bytes),
		    ASN1_STRING_length(bytes), &clear, &n, 0))
		return err;
	if (cli_key_form_of(hl_bytes(clear, (size_t)n)) == CLI_KEY_PRIVATE)
		err = hl_secret_set(out, hl_bytes(clear, (size_t)n));
	OPENSSL_clear_free(clear, (size_t)n);
	return err;
}

static hl_err decrypt(struct cli *c, const char *path, const struct cli_passphrase *from, struct hl_secret *der)
{
	HL_AUTO(hl_secret_clear) struct hl_secret passphrase = { 0 };
	HL_AUTO(hl_secret_clear) struct hl_secret clear = { 0 };
	const unsigned char *p = der->p;
	X509_SIG *sealed = d2i_X509_SIG(NULL, &p, (long)der->n);
	hl_err err = HL_OK;

	if (!sealed || p != der->p + der->n)
		err = cli_key_refuse(c, path, "it was cut or altered: an encrypted private key that is not whole");
	if (err == HL_OK)
		err = find_passphrase(c, path, from, &passphrase);
	if (err == HL_OK && open_with(sealed, &passphrase, &clear) != HL_OK)
		err = cli_next(c,
			cli_cause(c, cli_key_refuse(c, path, "its private key does not decrypt"),
				"the passphrase is wrong, or it is encrypted with a cipher that OpenSSL does not have"),
			"type it again; or convert it: openssl pkcs8 -topk8 -in FILE -out NEW");
	X509_SIG_free(sealed);
	ERR_clear_error();
	if (err == HL_OK)
		err = hl_secret_set(der, hl_secret_view(&clear));
	return err;
}

/* -- either -------------------------------------------------------------------------------------------------- */

/* DER first: a certificate may well have the words of PEM in it. */
static hl_err read_either(struct cli *c, const char *path, struct hl_secret *out, bool *open_file)
{
	HL_AUTO(hl_buf_clear) struct hl_buf bytes = hl_buf(CLI_KEY_FILE_MAX);
	enum cli_key_form form;

	HL_TRY(read_bytes(c, path, &bytes, open_file));
	form = cli_key_form_of(hl_buf_view(&bytes));
	if (form == CLI_KEY_UNKNOWN && memmem(hl_buf_view(&bytes).p, bytes.n, "-----BEGIN ", 11))
		return read_pem(c, path, hl_buf_view(&bytes), out);
	if (is_foreign(form))
		return refuse_form(c, path, form);
	return hl_secret_set(out, hl_buf_view(&bytes)) == HL_OK ? HL_OK : cli_fail(c, HL_E_NOMEM, "the key");
}

hl_err cli_key_read(struct cli *c, const char *path, const struct cli_passphrase *from, struct hl_secret *out,
	bool *open_file)
{
	enum cli_key_form form;

	HL_TRY(read_either(c, path, out, open_file));
	form = cli_key_form_of(hl_secret_view(out));
	*open_file = *open_file && form == CLI_KEY_PRIVATE;
	return form == CLI_KEY_ENCRYPTED ? decrypt(c, path, from, out) : HL_OK;
}
