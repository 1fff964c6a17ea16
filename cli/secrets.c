#include "cli/secrets.h"

#include <string.h>

#include "client/secrets.h"
#include "lib/os/env.h"

hl_err cli_secrets_conf(struct cli *c, const struct cli_client *k, struct client_conf *out)
{
	char error[512] = "";
	hl_err err = client_conf_load(k->conf, out, error);

	return err == HL_OK ? HL_OK : cli_fail(c, err, "%s", error);
}

hl_err cli_secrets_slot(struct cli *c, const struct client_conf *conf, const char *partition, const char *service_user,
	const struct client_slot **out)
{
	for (size_t i = 0; i < conf->hosts; i++) {
		for (size_t n = 0; n < conf->host[i].slots; n++) {
			const struct client_slot *s = &conf->host[i].slot[n];

			if (partition && strcmp(s->partition, partition) != 0)
				continue;
			if (service_user && strcmp(s->service_user, service_user) != 0)
				continue;
			*out = s;
			return HL_OK;
		}
	}
	if (partition)
		return cli_fail(c, HL_E_PARTITION, "%s has no slot of %s", conf->path, partition);
	if (service_user)
		return cli_next(c, cli_fail(c, HL_E_NOT_FOUND, "%s has no slot of service user %s", conf->path, service_user),
			"see `hsmlet proxy-password list`");
	return cli_fail(c, HL_E_CONFIG, "%s has no slot", conf->path);
}

/* -- what is stored --------------------------------------------------------------------------------------- */

hl_err cli_secret_is_there(struct cli *c, const struct cli_client *k, const char *partition, bool *there)
{
	struct client_secret secret = { 0 };
	char error[512] = "";
	hl_err err = client_secret_get(k->secrets, partition, &secret, error);

	hl_secret_clear(&secret.secret);
	*there = err == HL_OK;
	return err == HL_OK || err == HL_E_SECRETS_NONE ? HL_OK : cli_fail(c, err, "%s", error);
}

hl_err cli_password_is_there(struct cli *c, const struct cli_client *k, const struct client_slot *slot, bool *there)
{
	HL_AUTO(hl_secret_clear) struct hl_secret password = { 0 };
	char error[512] = "";
	hl_err err = client_password_get(k->secrets, slot->service_user, &password, error);

	*there = err == HL_OK || slot->service_password[0];
	return err == HL_OK || err == HL_E_PASSWORD_NONE ? HL_OK : cli_fail(c, err, "%s", error);
}

void cli_secret_word(hl_err err, bool there, char out[CLI_ERR_TEXT])
{
	if (err != HL_OK)
		cli_err_text(err, out);
	else
		snprintf(out, CLI_ERR_TEXT, "%s", there ? "Configured" : "MISSING");
}

void cli_failures_add(struct cli *c, struct cli_failures *f, hl_err err)
{
	if (err == HL_OK || f->n++ > 0)
		return;
	f->first = c->trouble;
	f->first.err = err; /* it counts, also where nothing was noted for it */
}

hl_err cli_failures_end(struct cli *c, const struct cli_failures *f)
{
	if (f->n == 0)
		return HL_OK;
	c->trouble = f->first;
	return f->first.err;
}

hl_err cli_secrets_each(
	struct cli *c, const struct cli_client *k, const struct client_conf *conf, cli_slot_each *each, void *at)
{
	unsigned number = 0;

	for (size_t i = 0; i < conf->hosts; i++)
		for (size_t n = 0; n < conf->host[i].slots; n++)
			HL_TRY(each(c, k, &conf->host[i].slot[n], ++number, at));
	return HL_OK;
}

hl_err cli_secret_line(struct cli *c, const struct cli_client *k, const struct client_slot *slot, unsigned number, void *at)
{
	bool there = false;
	hl_err err = cli_secret_is_there(c, k, slot->partition, &there);
	char word[CLI_ERR_TEXT];

	cli_failures_add(c, at, err);
	cli_secret_word(err, there, word);
	fprintf(c->out, "[%02u] slot-id %u:    user '%s'  permanent secret: %s\n", number, slot->id, slot->partition, word);
	return HL_OK;
}

hl_err cli_password_line(struct cli *c, const struct cli_client *k, const struct client_slot *slot, unsigned number, void *at)
{
	bool there = false;
	hl_err err = cli_password_is_there(c, k, slot, &there);
	char word[CLI_ERR_TEXT];

	cli_failures_add(c, at, err);
	cli_secret_word(err, there, word);
	fprintf(c->out, "[%02u] service/proxy user '%s'  permanent secret: %s\n", number, slot->service_user, word);
	return HL_OK;
}

hl_err cli_secret_forget(struct cli *c, const struct cli_client *k, const char *partition)
{
	char error[512] = "";
	hl_err err = client_secret_remove(k->secrets, partition, error);

	return err == HL_OK ? HL_OK : cli_fail(c, err, "%s", *error ? error : partition);
}

hl_err cli_password_forget(struct cli *c, const struct cli_client *k, const char *service_user)
{
	char error[512] = "";
	hl_err err = client_password_remove(k->secrets, service_user, error);

	return err == HL_OK ? HL_OK : cli_fail(c, err, "%s", *error ? error : service_user);
}

hl_err cli_password_store(
	struct cli *c, const struct cli_client *k, const char *service_user, const struct hl_secret *password)
{
	struct hl_os_env env;
	char error[512] = "";
	hl_err err = hl_os_env_open(&env, &(struct hl_os_env_config){ .role = "client", .who = "hsmlet" });

	if (err != HL_OK)
		return cli_fail(c, err, "the environment");
	err = client_password_put(&env.env, k->secrets, service_user, hl_secret_view(password), error);
	hl_os_env_close(&env);
	return err == HL_OK ? HL_OK : cli_fail(c, err, "%s", error);
}

hl_err cli_password_check(struct cli *c, const struct cli_client *k, const struct client_slot *slot,
	const struct hl_secret *password)
{
	hsmlet_options options = cli_client_options(k, slot->partition);
	hsmlet_error e;
	int rc;

	cli_progress(c, "asking the gateway for %s", slot->service_user);
	rc = hsmlet_check_password(&options, password ? (const char *)password->p : NULL, password ? password->n : 0, &e);
	return rc == 0 ? HL_OK : cli_client_open_trouble(c, k, &e);
}

/* -- tests -------------------------------------------------------------------------------------------------- */

static bool is_meant(const struct cli_slot_filter *f, const struct client_host *host, const struct client_slot *slot)
{
	return (!f->partition || strcmp(f->partition, slot->partition) == 0) &&
	       (!f->host || client_host_is(host, f->host)) && (!f->slot || strcmp(f->slot, slot->name) == 0) &&
	       (f->slot_id < 0 || f->slot_id == slot->id);
}

hl_err cli_slots_none(struct cli *c, const struct client_conf *conf, const struct cli_slot_filter *filter)
{
	const char *of = filter->partition ? " of " : " that is meant";
	const char *partition = filter->partition ? filter->partition : "";
	bool known = !filter->host;
	hl_err err;

	for (size_t i = 0; i < conf->hosts && !known; i++)
		known = client_host_is(&conf->host[i], filter->host);
	err = cli_fail(c, HL_E_PARTITION, "%s has no slot%s%s%s%s", conf->path, of, partition, filter->host ? " at " : "",
		filter->host ? filter->host : "");
	if (known)
		return err;
	return cli_cause(c, err, "it has no host %s: give hsm0, hsm1, ... or the host as it is written there", filter->host);
}

static hl_err ask(struct cli *c, const struct cli_client *k, struct cli_slot_result *r)
{
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	hsmlet_options options = cli_client_options(k, r->slot->partition);
	hsmlet_info info;
	hsmlet_error e;

	options.host = r->host->name;
	if (hsmlet_open(&options, &h, &e) != 0)
		return cli_client_open_trouble(c, k, &e);
	if (hsmlet_get_info(h, &info, &e) != 0)
		return cli_client_trouble(c, &e);
	snprintf(r->firmware, sizeof r->firmware, "%s", info.version);
	return HL_OK;
}

static void test_slot(struct cli *c, const struct cli_client *k, struct cli_slot_result *r, struct cli_slots_tested *out)
{
	r->step = -1;
	r->err = ask(c, k, r);
	out->slots++;
	if (r->err == HL_OK)
		return;
	r->step = c->trouble.step;
	cli_failures_add(c, &out->failures, r->err);
}

static void test_host(struct cli *c, const struct cli_client *k, const struct client_host *host,
	const struct cli_slot_filter *filter, cli_slot_tested *tested, void *at, struct cli_slots_tested *out)
{
	unsigned before = out->slots;

	for (size_t i = 0; i < host->slots; i++) {
		struct cli_slot_result r = { .host = host, .slot = &host->slot[i] };

		if (!is_meant(filter, host, r.slot))
			continue;
		test_slot(c, k, &r, out);
		tested(at, &r);
	}
	out->hosts += out->slots > before;
}

hl_err cli_secrets_test(struct cli *c, const struct cli_client *k, const struct client_conf *conf,
	const struct cli_slot_filter *filter, cli_slot_tested *tested, void *at, struct cli_slots_tested *out)
{
	*out = (struct cli_slots_tested){ 0 };
	for (size_t i = 0; i < conf->hosts; i++)
		test_host(c, k, &conf->host[i], filter, tested, at, out);
	if (out->slots > 0)
		return HL_OK;
	return cli_slots_none(c, conf, filter);
}
