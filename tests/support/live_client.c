/* live_client.c - the files of a client of a live world. */
#include <stdio.h>

#include "client/conf.h"
#include "client/secrets.h"
#include "lib/os/env.h"
#include "lib/os/files.h"
#include "tests/support/live_impl.h"

static hl_err write_conf(const struct live *w, const struct live_account *account,
	const struct live_route *route, const struct live_client *c, char error[512])
{
	struct client_host host = { .port = route->port ? route->port : LIVE_PORT, .slots = 1 };
	struct client_conf own;
	hl_err err;

	HL_TRY(client_conf_defaults(&own));
	own.own.resolver = live_address(w, 1, 5300);
	snprintf(own.own.realm, sizeof own.own.realm, "hsmlet");
	snprintf(own.own.clock_page, sizeof own.own.clock_page, "%.1000s/clock", w->folder);
	snprintf(own.own.trace, sizeof own.own.trace, "%.1020s", c->trace);
	snprintf(host.host, sizeof host.host, "%s", route->host ? route->host : LIVE_POOL);
	snprintf(host.slot[0].partition, sizeof host.slot[0].partition, "%s", account->partition);
	snprintf(host.slot[0].service_user, sizeof host.slot[0].service_user, "%s", account->user);
	snprintf(host.slot[0].client_id, sizeof host.slot[0].client_id, "%s",
		route->client_id ? route->client_id : "live");
	err = client_conf_save(c->conf, &host, &own, error);
	client_conf_clear(&own);
	return err;
}

static hl_err with_env(struct hl_os_env *env)
{
	return hl_os_env_open(env, &(struct hl_os_env_config){ .role = "test", .who = "test" });
}

static hl_err write_password(
	const struct live_account *account, const struct live_client *c, char error[512])
{
	struct hl_os_env env;
	hl_err err;

	HL_TRY(with_env(&env));
	err = client_password_put(
		&env.env, c->secrets, account->user, hl_text(account->password), error);
	hl_os_env_close(&env);
	return err;
}

bool live_client(struct live *w, const char *name, const struct live_account *account,
	const struct live_route *route, struct live_client *out)
{
	static const struct live_route direct;
	char folder[PATH_MAX], under[160], error[512] = "";
	hl_err err;

	snprintf(under, sizeof under, "client/%.64s", name);
	live_path(w, under, folder);
	snprintf(under, sizeof under, "client/%.64s/primus.cfg", name);
	live_path(w, under, out->conf);
	snprintf(under, sizeof under, "client/%.64s/.secrets.cfg", name);
	live_path(w, under, out->secrets);
	snprintf(under, sizeof under, "trace/client-%.64s.jsonl", name);
	live_path(w, under, out->trace);
	err = hl_folder_make(folder, 0700);
	if (err == HL_OK)
		err = write_conf(w, account, route ? route : &direct, out, error);
	if (err == HL_OK)
		err = write_password(account, out, error);
	return err == HL_OK || live_fail("client %s: %s %s", name, hl_err_text(err), error);
}

hsmlet_options live_options_of(const struct live_client *c)
{
	return (hsmlet_options){
		.size = sizeof(hsmlet_options),
		.conf = c->conf,
		.secrets = c->secrets,
	};
}

bool live_exchange(const struct live_client *c, const struct live_account *account)
{
	hsmlet_options o = live_options_of(c);
	hsmlet_error e;

	if (hsmlet_exchange(&o, account->setup, strlen(account->setup), &e) == 0)
		return true;
	return live_fail("%s: HL-%04d %s at %s (%s)", c->conf, e.id, e.what, e.step_name, e.detail);
}

bool live_client_ready(struct live *w, const char *name, const struct live_account *account,
	struct live_client *out)
{
	return live_client(w, name, account, NULL, out) && live_exchange(out, account);
}

static hl_err make_secret(struct hl_env *env, struct client_secret *s)
{
	s->generation = 1;
	hl_random(env, s->identity, sizeof s->identity);
	HL_TRY(hl_secret_make(&s->secret, HL_SECRET_BYTES));
	hl_random(env, s->secret.p, s->secret.n);
	return HL_OK;
}

bool live_client_secret(struct live_client *c, const struct live_client *like,
	const char *partition, bool broken)
{
	struct client_secret s = { 0 };
	struct hl_os_env env;
	char error[512] = "";
	hl_err err = with_env(&env);

	if (err != HL_OK)
		return live_fail("env: %s", hl_err_text(err));
	err = like ? client_secret_get(like->secrets, partition, &s, error) : make_secret(&env.env, &s);
	snprintf(s.partition, sizeof s.partition, "%s", partition);
	if (err == HL_OK && broken)
		s.secret.p[0] ^= 1;
	if (err == HL_OK)
		err = client_secret_put(&env.env, c->secrets, &s, error);
	hl_secret_clear(&s.secret);
	hl_os_env_close(&env);
	return err == HL_OK || live_fail("secret of %s: %s %s", partition, hl_err_text(err), error);
}
