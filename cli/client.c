#include "cli/client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/life.h"
#include "cli/say.h"
#include "client/conf.h"
#include "client/secrets.h"

/* -- files ---------------------------------------------------------------------------------------- */

void cli_client_of_world(const struct cli_world *w, struct cli_client *out)
{
	cli_world_path(w, out->conf, "client/primus.cfg");
	cli_world_path(w, out->secrets, "client/.secrets.cfg");
}

static const char *look_up(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

void cli_client_secrets(struct cli_client *out)
{
	const char *slash = strrchr(out->conf, '/');

	if (client_secrets_find(look_up, out->secrets) != HL_OK)
		snprintf(out->secrets, sizeof out->secrets, "%.*s.secrets.cfg", slash ? (int)(slash - out->conf + 1) : 0,
			out->conf);
}

hl_err cli_client_documented(struct cli *c, struct cli_client *out)
{
	if (client_conf_find(look_up, out->conf) != HL_OK)
		return cli_fail(c, HL_E_CONFIG_NONE, "primus.cfg");
	cli_client_secrets(out);
	return HL_OK;
}

/* HSMLET_SECRETS alone names another file for the world's own primus.cfg. */
static hl_err secrets_of_environment(struct cli *c, struct cli_client *out)
{
	const char *secrets = c->global.world_typed ? NULL : look_up("HSMLET_SECRETS");

	if (secrets && strlen(secrets) >= sizeof out->secrets)
		return cli_usage(c, "the environment's HSMLET_SECRETS is too long");
	if (secrets)
		snprintf(out->secrets, sizeof out->secrets, "%s", secrets);
	return HL_OK;
}

hl_err cli_client_find(struct cli *c, struct cli_client *out)
{
	struct cli_world w = { 0 };

	if (!c->global.world_typed && look_up("HSMLET_CONF"))
		return cli_client_documented(c, out);
	HL_TRY(cli_world_locate(c, w.dir));
	cli_client_of_world(&w, out);
	if (access(out->conf, F_OK) == 0)
		return secrets_of_environment(c, out);
	if (!c->global.world_typed && cli_client_documented(c, out) == HL_OK)
		return HL_OK;
	HL_TRY(cli_world_load(c, w.dir, &w));
	return cli_cause(c, cli_fail(c, HL_E_CONFIG_NONE, "the world at %s has no primus.cfg", w.dir),
		"no credential file was imported into it");
}

hsmlet_options cli_client_options(const struct cli_client *k, const char *partition)
{
	return (hsmlet_options){
		.size = sizeof(hsmlet_options),
		.conf = k->conf,
		.secrets = k->secrets,
		.partition = partition,
	};
}

/* -- connections ---------------------------------------------------------------------------------- */

hl_err cli_client_trouble(struct cli *c, const hsmlet_error *e)
{
	char where[128] = "";
	hl_err err;

	if (*e->where)
		snprintf(where, sizeof where, "%sat %s, connection %s%s", *e->detail ? " (" : "", e->where,
			*e->connection ? e->connection : "none", *e->detail ? ")" : "");
	err = cli_fail(c, hl_err_of_wire((uint32_t)e->id), "%s%s", e->detail, where);
	c->trouble.step = e->step;
	c->trouble.retry_after_ms = e->retry_after_ms;
	return err;
}

bool cli_client_world(struct cli *c, const struct cli_client *k, struct cli_world *out)
{
	static const char inside[] = "/client/primus.cfg";
	size_t n = strlen(k->conf), rest = sizeof inside - 1;
	struct cli_trouble before = c->trouble;
	char dir[CLI_DIR_TEXT];
	hl_err err;

	if (n <= rest || n - rest >= sizeof dir || strcmp(k->conf + n - rest, inside) != 0)
		return false;
	memcpy(dir, k->conf, n - rest);
	dir[n - rest] = 0;
	err = cli_world_load(c, dir, out);
	c->trouble = before;
	return err == HL_OK;
}

hl_err cli_client_open_trouble(struct cli *c, const struct cli_client *k, const hsmlet_error *e)
{
	const int unreached = hl_err_row(HL_E_NAME)->exit_code;
	hl_err err = cli_client_trouble(c, e);
	struct cli_world w;

	if (hl_err_row(err)->exit_code != unreached || !cli_client_world(c, k, &w) || cli_world_running(&w) > 0)
		return err;
	return cli_fail(c, HL_E_WORLD, "nothing runs of %s", w.dir);
}

hl_err cli_client_open(struct cli *c, const struct cli_client *k, const char *partition,
	const struct hl_secret *pin, hsmlet **out)
{
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	hsmlet_options options = cli_client_options(k, partition);
	hsmlet_error e;

	if (hsmlet_open(&options, &h, &e) != 0)
		return cli_client_open_trouble(c, k, &e);
	if (pin && pin->n > 0 && hsmlet_login(h, (const char *)pin->p, pin->n, &e) != 0)
		return cli_client_trouble(c, &e);
	*out = hl_take(h);
	return HL_OK;
}

hl_err cli_client_exchange(struct cli *c, const struct cli_client *k, const char *partition,
	struct hl_bytes setup_password)
{
	hsmlet_options options = cli_client_options(k, partition);
	hsmlet_error e;
	hl_err err;

	cli_progress(c, "exchanging the setup password of %s", partition ? partition : "the first slot");
	if (hsmlet_exchange(&options, (const char *)setup_password.p, setup_password.n, &e) == 0)
		return HL_OK;
	err = cli_client_open_trouble(c, k, &e);
	c->trouble.stored = e.stored;
	if (!e.stored)
		return err;
	(void)cli_cause(c, err, "the setup password was good and the new secret is stored; it is the login with it that failed");
	return cli_next(c, err, "try the login again: `hsmlet secret test`; nothing has to be fetched again");
}

bool cli_client_has_secret(const struct cli_world *w, const char *partition)
{
	struct client_secret secret = { 0 };
	struct cli_client k;
	char error[512];
	bool has;

	cli_client_of_world(w, &k);
	has = client_secret_get(k.secrets, partition, &secret, error) == HL_OK;
	hl_secret_clear(&secret.secret);
	return has;
}
