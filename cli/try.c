/* try.c - `hsmlet try`: all eight steps, a key, a signature, and an outside judge of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/draw.h"
#include "cli/judge.h"
#include "cli/keys.h"
#include "cli/say.h"
#include "cli/trace.h"
#include "client/conf.h"
#include "lib/os/clock.h"
#include "lib/os/files.h"

struct try_options {
	bool keep_key, no_openssl;
	const char *workdir, *partition;
	struct cli_pin pin;
};

static const struct try_options defaults = { .pin.pin_fd = -1 };
/* clang-format off */
#define AT(member) offsetof(struct try_options, member)
static const struct cli_option rows[] = {
	{ "keep-key",   0, NULL,   CLI_FLAG, AT(keep_key), 0, 0, NULL, "leave the key in the HSM" },
	{ "no-openssl", 0, NULL,   CLI_FLAG, AT(no_openssl), 0, 0, NULL, "verify with the OpenSSL library instead of the openssl command" },
	{ "workdir",    0, "DIR",  CLI_TEXT, AT(workdir), 0, 0, NULL, "keep data, signature and public key in this folder" },
	{ "partition",  0, "NAME", CLI_TEXT, AT(partition), 0, 0, NULL, "where (that of the first slot)" },
	CLI_PIN_ROWS(struct try_options),
};
/* clang-format on */
const struct cli_options cli_try_options = CLI_OPTIONS(rows, defaults);

#define LABEL_TEXT 32
#define DATA_BYTES 64

struct attempt {
	hsmlet *h;
	hsmlet_info info;
	struct cli_key key;
	char label[LABEL_TEXT];
	char folder[CLI_PATH]; /* for the judge's files */
	bool folder_is_ours;
	uint8_t data[DATA_BYTES], signature[256];
	size_t signature_n;
	struct cli_lines lines;
	struct cli_connection connection;
	bool traced;
};

/* -- the steps --------------------------------------------------------------------------------------- */

/* The connection with this id; without one, the last that began since `since_us`. */
static bool find_connection(struct attempt *a, const char *id, int64_t since_us)
{
	bool named = strspn(id, "0") != strlen(id);

	if (cli_lines_find(&a->lines, named ? id : NULL, &a->connection) != HL_OK)
		return false;
	return named || a->connection.start_us >= since_us;
}

/* All traces of the world lie beside that of the client. */
static void load_trace(struct cli *c, const struct cli_client *k, struct attempt *a, const char *id,
	int64_t since_us)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	char error[512], *slash;

	if (client_conf_load(k->conf, &conf, error) != HL_OK || !conf.own.trace[0])
		return;
	slash = strrchr(conf.own.trace, '/');
	if (slash)
		*slash = 0;
	if (cli_trace_load(c, slash ? conf.own.trace : ".", &a->lines) == HL_OK)
		a->traced = find_connection(a, id, since_us);
}

static hl_err draw(struct cli *c, const struct cli_client *k, struct attempt *a, const char *id, int64_t since_us)
{
	load_trace(c, k, a, id, since_us);
	if (!a->traced)
		cli_note(c, "no trace of this connection: primus.cfg names no trace file, or it is empty");
	return a->traced && !c->global.json ? cli_trace_draw(c, &a->connection) : HL_OK;
}

/* On failure too: the drawing shows how far it came. */
static hl_err connect_and_draw(struct cli *c, const struct cli_client *k, const struct try_options *o,
	const struct hl_secret *pin, struct attempt *a)
{
	hsmlet_options options = cli_client_options(k, o->partition);
	int64_t since_us = hl_clock_mono_us();
	struct cli_trouble trouble;
	hsmlet_error e;

	if (hsmlet_open(&options, &a->h, &e) != 0) {
		hl_err err = cli_client_open_trouble(c, k, &e), drawn;

		trouble = c->trouble;
		drawn = e.step >= 0 && err != HL_E_WORLD ? draw(c, k, a, e.connection, since_us) : HL_OK;
		c->trouble = trouble;
		return drawn == HL_OK ? err : drawn;
	}
	if (hsmlet_get_info(a->h, &a->info, &e) != 0)
		return cli_client_trouble(c, &e);
	HL_TRY(draw(c, k, a, a->info.connection, since_us));
	if (pin->n == 0)
		return cli_fail(c, HL_E_LOGIN, "making a key");
	if (hsmlet_login(a->h, (const char *)pin->p, pin->n, &e) != 0)
		return cli_client_trouble(c, &e);
	return HL_OK;
}

/* -- the signature ------------------------------------------------------------------------------------ */

static hl_err make_key(struct cli *c, struct attempt *a)
{
	struct cli_key_marks marks = { .label = a->label, .id_n = 8, .sensitive = true };
	char hex[17];

	if (getrandom(marks.id, marks.id_n, 0) != (ssize_t)marks.id_n ||
		getrandom(a->data, sizeof a->data, 0) != (ssize_t)sizeof a->data)
		return cli_fail_errno(c, HL_E_IO, "getrandom");
	hl_hex(hl_bytes(marks.id, marks.id_n), hex);
	snprintf(a->label, sizeof a->label, "hsmlet-try-%s", hex);
	return cli_key_make(c, a->h, "ec-p256", &marks, &a->key);
}

static hl_err sign(struct cli *c, struct attempt *a)
{
	static const hsmlet_mechanism ecdsa = { .number = HL_CKM_ECDSA_SHA256 };
	hsmlet_error e;

	a->signature_n = sizeof a->signature;
	if (hsmlet_sign(a->h, a->key.handle, &ecdsa, a->data, sizeof a->data, a->signature,
		    &a->signature_n, &e) != 0)
		return cli_client_trouble(c, &e);
	return HL_OK;
}

static hl_err judge_with(struct cli *c, struct attempt *a, const struct try_options *o, struct hl_bytes public_key)
{
	HL_AUTO(hl_buf_clear) struct hl_buf der = hl_buf(1024);
	struct hl_bytes data = hl_bytes(a->data, sizeof a->data);

	if (cli_judge_der(hl_bytes(a->signature, a->signature_n), &der) != HL_OK)
		return cli_fail(c, HL_E_SIGNATURE, "it is no pair of r and s");
	if (*a->folder)
		HL_TRY(cli_judge_files(c, a->folder, public_key, data, hl_buf_view(&der)));
	if (o->no_openssl)
		return cli_judge_by_library(c, public_key, data, hl_buf_view(&der));
	return cli_judge_by_command(c, a->folder);
}

static hl_err judge(struct cli *c, struct attempt *a, const struct try_options *o)
{
	static const uint32_t wanted = HL_CKA_PUBLIC_KEY_INFO;
	hsmlet_attributes *found = NULL;
	hsmlet_attribute info;
	hsmlet_error e;
	hl_err err;

	if (hsmlet_get_attributes(a->h, a->key.public_handle, &wanted, 1, &found, &e) != 0)
		return cli_client_trouble(c, &e);
	info = hsmlet_attributes_at(found, 0);
	err = info.form == HSMLET_BYTES ? judge_with(c, a, o, hl_bytes(info.value, info.n)) :
					  cli_fail(c, HL_E_ATTRIBUTE, "CKA_PUBLIC_KEY_INFO");
	hsmlet_attributes_free(found);
	return err;
}

static hl_err destroy(struct cli *c, struct attempt *a)
{
	const uint64_t handles[] = { a->key.handle, a->key.public_handle };
	hsmlet_error e;

	for (size_t i = 0; i < HL_COUNT(handles); i++)
		if (handles[i] && hsmlet_destroy(a->h, handles[i], &e) != 0)
			return cli_client_trouble(c, &e);
	return HL_OK;
}

/* Whatever the outcome, the key is thrown away; what failed first is what is told. */
static hl_err sign_and_judge(struct cli *c, struct attempt *a, const struct try_options *o)
{
	struct cli_trouble trouble;
	hl_err err, gone;

	HL_TRY(make_key(c, a));
	err = sign(c, a);
	if (err == HL_OK)
		err = judge(c, a, o);
	if (o->keep_key)
		return err;
	trouble = c->trouble;
	gone = destroy(c, a);
	if (err == HL_OK)
		return gone;
	c->trouble = trouble;
	return err;
}

/* -- the folder ---------------------------------------------------------------------------------------- */

static hl_err make_folder(struct cli *c, const struct try_options *o, struct attempt *a)
{
	const char *tmp = getenv("TMPDIR");

	errno = 0;
	if (o->workdir) {
		snprintf(a->folder, sizeof a->folder, "%s", o->workdir);
		return hl_folder_make(a->folder, 0700) == HL_OK ? HL_OK :
								  cli_fail_errno(c, HL_E_CREATE, a->folder);
	}
	snprintf(a->folder, sizeof a->folder, "%s/hsmlet-try-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	a->folder_is_ours = mkdtemp(a->folder) != NULL;
	return a->folder_is_ours ? HL_OK : cli_fail_errno(c, HL_E_CREATE, a->folder);
}

static void remove_folder(const struct attempt *a)
{
	static const char *const files[] = { "public.pem", "data.bin", "signature.der" };
	char path[CLI_PATH + 32];

	if (!a->folder_is_ours)
		return;
	for (size_t i = 0; i < HL_COUNT(files); i++) {
		snprintf(path, sizeof path, "%s/%s", a->folder, files[i]);
		unlink(path);
	}
	rmdir(a->folder);
}

/* -- all of it ------------------------------------------------------------------------------------------- */

static hl_err print(struct cli *c, const struct try_options *o, const struct attempt *a)
{
	const char *judge_name = o->no_openssl ? "OpenSSL library" : "openssl command";
	char handle[24];

	snprintf(handle, sizeof handle, "0x%016llx", (unsigned long long)a->key.handle);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-try/1",
			json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:b, s:s, s:b}", "connection",
				a->info.connection, "partition", a->info.partition, "hsm", a->info.hsm,
				"trace", a->traced ? cli_draw_json(&a->connection) : json_null(), "key",
				a->label, "handle", handle, "key_kept", o->keep_key, "judge", judge_name,
				"verified", 1));
	fprintf(c->out, "\npartition %s at %s: key %s (EC P-256) made, %zu bytes signed with ECDSA-SHA256\n",
		a->info.partition, a->info.hsm, a->label, sizeof a->data);
	fprintf(c->out, "signature verified outside the service by the %s\n", judge_name);
	fprintf(c->out, "key %s\n", o->keep_key ? "kept" : "destroyed");
	if (o->workdir)
		fprintf(c->out, "files public.pem, data.bin, signature.der in %s\n", a->folder);
	return HL_OK;
}

static hl_err attempt(struct cli *c, const struct try_options *o, struct attempt *a)
{
	HL_AUTO(hl_secret_clear) struct hl_secret pin = { 0 };
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(cli_pin(c, &o->pin, &pin));
	HL_TRY(connect_and_draw(c, &k, o, &pin, a));
	if (!o->no_openssl || o->workdir)
		HL_TRY(make_folder(c, o, a));
	HL_TRY(sign_and_judge(c, a, o));
	return print(c, o, a);
}

hl_err cli_try(struct cli *c)
{
	struct attempt a = { .h = NULL };
	hl_err err = attempt(c, c->options, &a);

	remove_folder(&a);
	hsmlet_close(a.h);
	cli_lines_clear(&a.lines);
	return err;
}
