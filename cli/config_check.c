/* config_check.c - `config check`: whether the files are good, each problem with its place and what to do. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/process.h"
#include "cli/say.h"
#include "client/conf.h"
#include "client/edit.h"
#include "client/secrets.h"
#include "lib/os/clock.h"
#include "lib/os/files.h"

#define FILE_MAX (1u << 20)

struct check {
	struct cli *c;
	json_t *good;
	unsigned problems;
	struct cli_trouble first;
};

static void good(struct check *k, const char *path)
{
	json_array_append_new(k->good, json_string(path));
	if (!k->c->global.json)
		fprintf(k->c->out, "OK   %s\n", path);
}

static void bad(struct check *k, hl_err err, const char *next, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void bad(struct check *k, hl_err err, const char *next, const char *format, ...)
{
	struct cli *c = k->c;
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!next)
		next = hl_err_row(err)->next;
	if (!c->global.json)
		fprintf(c->out, "BAD  %s\n     next  %s\n", text, next);
	/* Whatever kept it from being read, the configuration is not good. */
	if (hl_err_row(err)->exit_code != hl_err_row(HL_E_CONFIG)->exit_code)
		err = HL_E_CONFIG;
	cli_fail(c, err, "%s", text);
	cli_next(c, err, "%s", next);
	if (k->problems++ == 0)
		k->first = c->trouble;
}

/* -- the client's files --------------------------------------------------------------------------------- */

static void fault(void *at, const char *text)
{
	bad(at, HL_E_CONFIG, NULL, "%s", text);
}

static bool conf_is_good(struct check *k, const char *path, struct client_conf *conf)
{
	unsigned before = k->problems;
	char error[512] = "";
	hl_err err = client_conf_load(path, conf, error);

	if (err == HL_OK)
		good(k, path);
	else if (client_conf_faults(path, fault, k) != HL_E_CONFIG && k->problems == before)
		bad(k, err, NULL, "%s", error);
	return err == HL_OK;
}

static void ignore_name(void *at, const char *name)
{
	(void)at, (void)name;
}

static bool secrets_are_good(struct check *k, const char *path)
{
	char error[512] = "";
	hl_err err;

	if (access(path, F_OK) != 0) {
		bad(k, HL_E_PASSWORD_NONE, "import the credential files: `hsmlet cred import FILES`",
			"%s: there is no such file", path);
		return false;
	}
	err = client_secret_list(path, ignore_name, NULL, error);
	if (err == HL_OK)
		err = client_password_list(path, ignore_name, NULL, error);
	if (err == HL_OK)
		good(k, path);
	else
		bad(k, err, NULL, "%s", error);
	return err == HL_OK;
}

static int line_of(const char *path, const char *setting)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);

	return hl_file_read(path, FILE_MAX, &text) == HL_OK ? client_edit_line(hl_buf_view(&text), setting) : 0;
}

/* What is named must be there: what is missing fails at the first connection otherwise. */
static void check_own(struct check *k, const struct client_conf *conf)
{
	HL_AUTO(hl_clock_close) struct hl_clock clock = { 0 };
	const char *trace = conf->own.trace, *slash = strrchr(trace, '/');
	char folder[CLIENT_PATH];

	if (hl_clock_open(&clock, conf->own.clock_page) != HL_OK)
		bad(k, HL_E_CONFIG, "name the clock of a world, or take the key out",
			"%s:%d: \"clock_page\" %s is no clock page", conf->path,
			line_of(conf->path, "primus.hsmlet.clock_page"), conf->own.clock_page);
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - trace + 1) : 1, slash ? trace : ".");
	if (*trace && access(folder, W_OK) != 0)
		bad(k, HL_E_CONFIG, "name a file in a folder that you may write to, or take the key out",
			"%s:%d: \"trace\": %s is missing or not writable", conf->path,
			line_of(conf->path, "primus.hsmlet.trace"), folder);
}

static void check_slot(struct check *k, const struct client_host *host, const struct client_slot *slot,
	const char *conf, const char *secrets)
{
	HL_AUTO(hl_secret_clear) struct hl_secret password = { 0 };
	struct client_secret secret = { 0 };
	char error[512], where[96];
	int line;

	snprintf(where, sizeof where, "primus.hsms.%s.slots.%s.user_name", host->name, slot->name);
	line = line_of(conf, where);
	if (client_secret_get(secrets, slot->partition, &secret, error) != HL_OK)
		bad(k, HL_E_SECRETS_NONE, NULL, "%s:%d: no secret of partition %s is stored in %s", conf, line,
			slot->partition, secrets);
	hl_secret_clear(&secret.secret);
	if (!*slot->service_password &&
		client_password_get(secrets, slot->service_user, &password, error) != HL_OK)
		bad(k, HL_E_PASSWORD_NONE, NULL, "%s:%d: no password of service user %s is stored in %s", conf, line,
			slot->service_user, secrets);
}

static void check_client(struct check *k, const struct cli_client *files)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	bool readable = conf_is_good(k, files->conf, &conf);

	if (readable)
		check_own(k, &conf);
	if (!secrets_are_good(k, files->secrets))
		return;
	for (size_t i = 0; readable && i < conf.hosts; i++)
		for (size_t n = 0; n < conf.host[i].slots; n++)
			check_slot(k, &conf.host[i], &conf.host[i].slot[n], files->conf, files->secrets);
}

/* -- a daemon's file ------------------------------------------------------------------------------------ */

/* The daemon itself knows its keys. */
static hl_err check_daemon(struct check *k, const char *program, const char *path)
{
	const char *const argument[] = { "--config", path, "--check", NULL };
	char said[CLI_ASK_TEXT], *rest = NULL;
	int status;

	HL_TRY(cli_program_ask(k->c, program, argument, said, &status));
	if (status == 0)
		good(k, path);
	else if (!*said)
		bad(k, HL_E_CONFIG, NULL, "%s", path);
	else
		for (char *line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
			bad(k, HL_E_CONFIG, NULL, "%s", line);
	return HL_OK;
}

static hl_err check_world(struct check *k, const struct cli_world *w)
{
	char path[CLI_PATH];

	for (size_t i = 0; i < w->members; i++) {
		cli_world_path(w, path, "etc/%s.cfg", w->member[i].name);
		HL_TRY(check_daemon(k, w->member[i].program, path));
	}
	return HL_OK;
}

/* -- a file that was named ------------------------------------------------------------------------------- */

/* Whose it is, by a key that no other has. */
static hl_err check_file(struct check *k, const char *path)
{
	static const struct { const char *key, *program; } daemons[] = {
		{ "peers", "hsmlet-directory" },
		{ "device_key", "hsmlet-hsm" },
		{ "directory_at", "hsmlet-proxy" },
	};
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);
	hl_err err = hl_file_read(path, FILE_MAX, &text);
	struct hl_bytes view = hl_buf_view(&text);

	if (err != HL_OK)
		return cli_fail_file(k->c, err == HL_E_TOO_LONG ? HL_E_CONFIG : err, path);
	for (size_t i = 0; i < HL_COUNT(daemons); i++)
		if (client_edit_line(view, daemons[i].key))
			return check_daemon(k, daemons[i].program, path);
	if (client_edit_line(view, "primus.users") || client_edit_line(view, "primus.proxies")) {
		secrets_are_good(k, path);
		return HL_OK;
	}
	if (conf_is_good(k, path, &conf))
		check_own(k, &conf);
	return HL_OK;
}

/* -- all of it ------------------------------------------------------------------------------------------- */

static hl_err check_all(struct check *k)
{
	struct cli_client files;
	struct cli_world w;

	if (k->c->operands > 0)
		return check_file(k, k->c->operand[0]);
	HL_TRY(cli_client_find(k->c, &files));
	check_client(k, &files);
	return cli_client_world(k->c, &files, &w) ? check_world(k, &w) : HL_OK;
}

static hl_err conclude(struct check *k)
{
	struct cli *c = k->c;

	if (k->problems == 0 && c->global.json)
		return cli_print_json(c, "hsmlet-config-check/1", json_pack("{s:O}", "good", k->good));
	c->trouble = k->first;
	if (k->problems > 1)
		snprintf(c->trouble.detail, sizeof c->trouble.detail, "%u problems, the first: %.700s", k->problems,
			k->first.detail);
	return k->first.err; /* HL_OK where there was none */
}

hl_err cli_config_check(struct cli *c)
{
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	struct check k = { .c = c, .good = all };

	HL_TRY(check_all(&k));
	return conclude(&k);
}
