/* import.c - credential files become a slot of primus.cfg and entries of .secrets.cfg. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/say.h"
#include "client/conf.h"
#include "client/secrets.h"
#include "lib/auth/credential.h"
#include "lib/os/env.h"
#include "lib/os/files.h"

#define FILE_MAX (64u << 10)
#define PORT 2310 /* of the PKCS#11 API */

/* What the files hold together. */
struct import {
	struct hl_credential service, hsm;
};

static void import_clear(struct import *m)
{
	hl_credential_clear(&m->service);
	hl_credential_clear(&m->hsm);
}

/* -- reading -------------------------------------------------------------------------------------- */

static hl_err keep(struct cli *c, struct import *m, struct hl_credential *from, const char *path)
{
	struct hl_credential *to = from->kind == HL_CREDENTIAL_SERVICE ? &m->service : &m->hsm;

	if (to->kind)
		return cli_fail(c, HL_E_CRED_FILE, "%s: a second file of the same kind", path);
	*to = *from;
	*from = (struct hl_credential){ 0 };
	return HL_OK;
}

static hl_err read_file(struct cli *c, struct import *m, const char *path)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);
	HL_AUTO(hl_credential_clear) struct hl_credential first = { 0 };
	HL_AUTO(hl_credential_clear) struct hl_credential second = { 0 };
	struct hl_credential both[2] = { { 0 }, { 0 } };
	unsigned line = 0;
	const char *why = "";
	size_t n = 0;
	hl_err err;

	errno = 0;
	err = hl_file_read(path, FILE_MAX, &text);
	if (err != HL_OK)
		return cli_fail_file(c, err == HL_E_TOO_LONG ? HL_E_CRED_FILE : err, path);
	err = hl_credential_read(hl_buf_view(&text), both, &n, &line, &why);
	first = both[0];
	second = both[1];
	if (err == HL_E_CRED_FILE)
		return cli_fail_line(c, err, path, line, why);
	if (err != HL_OK)
		return cli_fail(c, err, "%s", path);
	if (hl_file_private(path, HL_SECRET_OF_CLIENT) == HL_E_MODE)
		cli_note(c, "others can read %s: chmod 600 it, or remove it after the import", path);
	HL_TRY(keep(c, m, &first, path));
	return n == 2 ? keep(c, m, &second, path) : HL_OK;
}

/* -- primus.cfg ----------------------------------------------------------------------------------- */

static hl_err own_settings(struct cli *c, const struct cli_world *w, struct client_conf *conf)
{
	char resolver[HL_ADDR_TEXT];

	snprintf(resolver, sizeof resolver, "%s.1:5300", w->block);
	if (client_conf_defaults(conf) != HL_OK)
		return cli_fail(c, HL_E_NOMEM, "primus.cfg");
	if (hl_addr_parse(resolver, &conf->own.resolver) != HL_OK)
		return cli_fail(c, HL_E_CONFIG, "the world's block %s", w->block);
	conf->log.write_log_file = conf->log.write_syslog = false;
	snprintf(conf->own.realm, sizeof conf->own.realm, "%s", w->realm);
	cli_world_path(w, conf->own.clock_page, "clock");
	cli_world_path(w, conf->own.trace, "trace/client.jsonl");
	return HL_OK;
}

static const struct client_slot *find_slot(const struct client_conf *conf, const char *partition)
{
	for (size_t i = 0; i < conf->hosts; i++)
		for (size_t k = 0; k < conf->host[i].slots; k++)
			if (strcmp(conf->host[i].slot[k].partition, partition) == 0)
				return &conf->host[i].slot[k];
	return NULL;
}

static bool id_is_used(const struct client_conf *conf, unsigned id)
{
	for (size_t i = 0; i < conf->hosts; i++)
		for (size_t k = 0; k < conf->host[i].slots; k++)
			if (conf->host[i].slot[k].id == id)
				return true;
	return false;
}

static hl_err load_conf(struct cli *c, const char *path, struct client_conf *conf)
{
	char error[512] = "";
	hl_err err = client_conf_load(path, conf, error);

	return err == HL_OK ? HL_OK : cli_fail(c, err, "%s", error);
}

static hl_err write_slot(struct cli *c, const struct cli_world *w, const struct cli_client *k,
	const struct hl_credential *service)
{
	HL_AUTO(client_conf_clear) struct client_conf now = { 0 };
	HL_AUTO(client_conf_clear) struct client_conf own = { 0 };
	struct client_host host = { .port = PORT, .slots = 1 };
	struct client_slot *slot = &host.slot[0];
	const struct client_slot *old;
	char error[512] = "";
	hl_err err;

	if (access(k->conf, F_OK) == 0)
		HL_TRY(load_conf(c, k->conf, &now));
	HL_TRY(own_settings(c, w, &own));
	old = find_slot(&now, service->partition);
	if (old)
		*slot = *old;
	else
		while (id_is_used(&now, slot->id))
			slot->id++;
	snprintf(host.host, sizeof host.host, "%s", w->pool);
	snprintf(slot->partition, sizeof slot->partition, "%s", service->partition);
	snprintf(slot->service_user, sizeof slot->service_user, "%s", service->service_user);
	if (!*slot->client_id)
		snprintf(slot->client_id, sizeof slot->client_id, "hsmlet");
	err = client_conf_save(k->conf, &host, &own, error);
	return err == HL_OK ? HL_OK : cli_fail(c, err, "%s", error);
}

hl_err cli_client_move(struct cli *c, const struct cli_world *w)
{
	HL_AUTO(client_conf_clear) struct client_conf now = { 0 };
	HL_AUTO(client_conf_clear) struct client_conf own = { 0 };
	struct cli_client k;
	char error[512] = "";
	hl_err err;

	cli_client_of_world(w, &k);
	if (access(k.conf, F_OK) != 0)
		return HL_OK;
	HL_TRY(load_conf(c, k.conf, &now));
	HL_TRY(own_settings(c, w, &own));
	if (now.hosts == 0 || memcmp(&now.own, &own.own, sizeof now.own) == 0)
		return HL_OK;
	err = client_conf_save(k.conf, &now.host[0], &own, error);
	return err == HL_OK ? HL_OK : cli_fail(c, err, "%s", error);
}

/* -- .secrets.cfg ---------------------------------------------------------------------------------- */

static hl_err store_password(struct cli *c, const struct cli_client *k, const struct hl_credential *service)
{
	struct hl_os_env env;
	char error[512] = "";
	hl_err err = hl_os_env_open(&env, &(struct hl_os_env_config){ .role = "client", .who = "hsmlet" });

	if (err != HL_OK)
		return cli_fail(c, err, "the environment");
	err = client_password_put(&env.env, k->secrets, service->service_user,
		hl_secret_view(&service->service_password), error);
	hl_os_env_close(&env);
	return err == HL_OK ? HL_OK : cli_fail(c, err, "%s", error);
}

/* The technical user's file may come alone, later than the other. */
static hl_err check_slot(struct cli *c, const struct cli_client *k, const struct import *m)
{
	HL_AUTO(client_conf_clear) struct client_conf now = { 0 };

	if (access(k->conf, F_OK) != 0)
		return cli_next(c, cli_fail(c, HL_E_CONFIG_NONE, "%s", k->conf),
			"import the service user's file first, or both together");
	HL_TRY(load_conf(c, k->conf, &now));
	if (find_slot(&now, m->hsm.partition))
		return HL_OK;
	return cli_next(c,
		cli_fail(c, HL_E_CRED_FILE, "no service user is known for partition %s", m->hsm.partition),
		"import the service user's file of that partition as well");
}

hl_err cli_client_import(
	struct cli *c, const struct cli_world *w, const char *const *file, size_t n, bool exchange)
{
	HL_AUTO(import_clear) struct import m = { 0 };
	struct cli_client k;

	for (size_t i = 0; i < n; i++)
		HL_TRY(read_file(c, &m, file[i]));
	cli_client_of_world(w, &k);
	if (m.service.kind) {
		HL_TRY(write_slot(c, w, &k, &m.service));
		HL_TRY(store_password(c, &k, &m.service));
		cli_note(c, "%s: slot of %s, service user %s", k.conf, m.service.partition,
			m.service.service_user);
	}
	if (!m.hsm.kind)
		return HL_OK;
	HL_TRY(check_slot(c, &k, &m));
	if (!exchange) {
		cli_note(c, "the setup password was not exchanged: `hsmlet secret add` does that");
		return HL_OK;
	}
	HL_TRY(cli_client_exchange(
		c, &k, m.hsm.partition, hl_secret_view(&m.hsm.setup_password)));
	cli_note(c, "%s: secret of %s", k.secrets, m.hsm.partition);
	return HL_OK;
}
