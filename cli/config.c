/* config.c - the daemons' configuration files, and the link secrets they name. */
#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cli/say.h"
#include "cli/world.h"
#include "lib/os/clock.h"
#include "lib/os/files.h"

#define GRANT_VALID_MS 30000
#define CONNECTIONS_MAX 4096
#define CONFIG_MAX (64u << 10)

/* -- texts: names and paths have been checked to hold no quotes and no backslashes --------------- */

static void put(struct hl_buf *out, const char *key, const char *value)
{
	hl_buf_printf(out, "%s = \"%s\";\n", key, value);
}

static void put_path(struct hl_buf *out, const struct cli_world *w, const char *key, const char *rest)
{
	hl_buf_printf(out, "%s = \"%s/%s\";\n", key, w->dir, rest);
}

static void put_common(struct hl_buf *out, const struct cli_world *w, const struct cli_member *m)
{
	put(out, "name", m->name);
	hl_buf_printf(out, "trace = \"%s/trace/%s.jsonl\";\n", w->dir, m->name);
	put_path(out, w, "clock_page", "clock");
	hl_buf_printf(out, "lock = \"%s/run/%s.lock\";\n", w->dir, m->name);
}

static void put_directory(struct hl_buf *out, const struct cli_world *w, const struct cli_member *m)
{
	const char *between = "";

	put(out, "realm", w->realm);
	put(out, "cluster", w->cluster);
	put(out, "pool", w->pool);
	put(out, "links", m->address);
	hl_buf_printf(out, "dns = \"%s.1:5300\";\n", w->block);
	hl_buf_printf(out, "admin = \"%s/run/%s.sock\";\n", w->dir, m->name);
	put_path(out, w, "store", "directory/directory.db");
	put_path(out, w, "credentials", "credentials");
	hl_buf_printf(out, "grant_valid_ms = %d;\npeers = (", GRANT_VALID_MS);
	for (size_t i = 0; i < w->members; i++) {
		const struct cli_member *p = &w->member[i];

		if (p->role == CLI_DIRECTORY)
			continue;
		hl_buf_printf(out,
			"%s\n\t{ role = \"%s\"; name = \"%s\"; secret = \"%s/etc/links/%s-%s.key\"; "
			"address = \"%s\"; }",
			between, cli_role_name(p->role), p->name, w->dir, p->name, m->name, p->address);
		between = ",";
	}
	hl_buf_text(out, "\n);\n");
}

static void put_link(struct hl_buf *out, const struct cli_world *w, const struct cli_member *m)
{
	const struct cli_member *d = cli_world_directory(w);

	put(out, "directory", d->name);
	put(out, "directory_at", d->address);
	hl_buf_printf(out, "secret = \"%s/etc/links/%s-%s.key\";\n", w->dir, m->name, d->name);
}

static void put_proxy(struct hl_buf *out, const struct cli_world *w, const struct cli_member *m)
{
	int host = (int)strcspn(m->address, ":");

	/* One port for each API of the service; all speak the same protocol here. */
	hl_buf_printf(out, "listen = ( \"%.*s:2300\", \"%s\", \"%.*s:2320\" );\n", host, m->address,
		m->address, host, m->address);
	put(out, "address", m->address);
	put_link(out, w, m);
	hl_buf_printf(out, "clients_max = %d;\nworkers = %d;\n", CONNECTIONS_MAX, (int)w->workers);
}

static void put_hsm(struct hl_buf *out, const struct cli_world *w, const struct cli_member *m)
{
	put(out, "cluster", w->cluster);
	put(out, "listen", m->address);
	put_link(out, w, m);
	hl_buf_printf(out, "store = \"%s/hsm/%s.db\";\n", w->dir, w->cluster);
	put_path(out, w, "device_key", "hsm/device.key");
	put_path(out, w, "guard", "hsm/generation");
	put_path(out, w, "page", "hsm/page");
	put_path(out, w, "master_lock", "hsm/master");
	put(out, "master", cli_world_is_lab(w) ? "any" : "required");
	hl_buf_printf(out, "admin = \"%s/run/%s.sock\";\n", w->dir, m->name);
	hl_buf_printf(out, "connections_max = %d;\nworkers = %d;\n", CONNECTIONS_MAX, (int)w->workers);
}

void cli_world_config(const struct cli_world *w, const struct cli_member *m, struct hl_buf *out)
{
	static void (*const writers[])(
		struct hl_buf *out, const struct cli_world *w, const struct cli_member *m) = {
		[CLI_DIRECTORY] = put_directory,
		[CLI_HSM] = put_hsm,
		[CLI_PROXY] = put_proxy,
	};

	hl_buf_printf(out, "# %s, written by `hsmlet up`\n", m->name);
	put_common(out, w, m);
	writers[m->role](out, w, m);
}

/* -- files -------------------------------------------------------------------------------------- */

static hl_err write_config(struct cli *c, const struct cli_world *w, const struct cli_member *m)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(CONFIG_MAX);
	char path[CLI_PATH];
	hl_err err;

	cli_world_config(w, m, &text);
	if (text.err != HL_OK)
		return cli_fail(c, text.err, "the configuration of %s", m->name);
	cli_world_path(w, path, "etc/%s.cfg", m->name);
	errno = 0;
	err = hl_file_write(path, 0600, hl_buf_view(&text));
	return err == HL_OK ? HL_OK : cli_fail_errno(c, err, path);
}

/* A secret for each ordered pair, made once: whoever has it can be that member. */
static hl_err write_secret(struct cli *c, const struct cli_world *w, const struct cli_member *m)
{
	uint8_t secret[32];
	char path[CLI_PATH];
	hl_err err = HL_E_CRYPTO;

	cli_world_path(w, path, "etc/links/%s-%s.key", m->name, cli_world_directory(w)->name);
	if (access(path, F_OK) == 0)
		return HL_OK;
	errno = 0;
	if (getrandom(secret, sizeof secret, 0) == (ssize_t)sizeof secret)
		err = hl_file_write(path, 0600, hl_bytes(secret, sizeof secret));
	OPENSSL_cleanse(secret, sizeof secret);
	return err == HL_OK ? HL_OK : cli_fail_errno(c, err, path);
}

static hl_err make_folders(struct cli *c, const struct cli_world *w)
{
	static const char *const folders[] = { "etc/links", "run", "log", "trace", "directory", "hsm",
		"credentials", "client" };
	char path[CLI_PATH];

	for (size_t i = 0; i < HL_COUNT(folders); i++) {
		cli_world_path(w, path, "%s", folders[i]);
		errno = 0;
		if (hl_folder_make(path, 0700) != HL_OK)
			return cli_fail_errno(c, HL_E_CREATE, path);
	}
	return HL_OK;
}

hl_err cli_world_write_files(struct cli *c, const struct cli_world *w)
{
	char path[CLI_PATH];
	hl_err err;

	HL_TRY(make_folders(c, w));
	for (size_t i = 0; i < w->members; i++) {
		HL_TRY(write_config(c, w, &w->member[i]));
		if (w->member[i].role != CLI_DIRECTORY)
			HL_TRY(write_secret(c, w, &w->member[i]));
	}
	cli_world_path(w, path, "clock");
	errno = 0;
	err = hl_clock_create(path);
	return err == HL_OK || err == HL_E_EXISTS ? HL_OK : cli_fail_errno(c, err, path);
}
