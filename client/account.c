#include "client/account.h"

#include <stdio.h>

#include "client/os_files.h"
#include "lib/auth/setup.h"

static const struct client_slot *slot_of(const struct client_host *h, const char *partition)
{
	for (size_t i = 0; i < h->slots; i++)
		if (strcmp(h->slot[i].partition, partition) == 0)
			return &h->slot[i];
	return NULL;
}

/* "Equal names anywhere in the file are one redundant partition with one set of credentials." */
static hl_err gather(struct client_account *a, char detail[512])
{
	for (size_t i = 0; i < a->conf.hosts; i++) {
		const struct client_host *h = &a->conf.host[i];
		const struct client_slot *s = slot_of(h, a->slot->partition);

		if (!s)
			continue;
		if (strcmp(s->service_user, a->slot->service_user) != 0) {
			snprintf(detail, 512, "%.300s: %s.%s has another \"proxy_user\" for %.64s than %s.%s", a->conf_path,
				h->name, s->name, s->partition, a->host->name, a->slot->name);
			return HL_E_CONFIG;
		}
		a->target[a->targets++] = (struct client_target){ h->host, h->port, h->priority };
	}
	return HL_OK;
}

/* The best host that has the partition; the first slot of all where none is named. */
static hl_err pick(struct client_account *a, const char *partition, char detail[512])
{
	for (size_t i = 0; i < a->conf.hosts; i++) {
		const struct client_host *h = &a->conf.host[i];

		for (size_t k = 0; k < h->slots; k++) {
			if (partition && strcmp(h->slot[k].partition, partition) != 0)
				continue;
			if (a->host && a->host->priority <= h->priority)
				continue;
			a->host = h;
			a->slot = &h->slot[k];
			if (!partition)
				partition = a->slot->partition;
		}
	}
	if (a->slot)
		return gather(a, detail);
	snprintf(detail, 512, "%.400s: no slot%s%.64s", a->conf_path, partition ? " for " : "",
		partition ? partition : "");
	return partition ? HL_E_PARTITION : HL_E_CONFIG;
}

hl_err client_account_find(struct client_account *a, const char *conf, const char *secrets,
	const char *partition, char detail[512])
{
	detail[0] = 0;
	if (conf)
		snprintf(a->conf_path, sizeof a->conf_path, "%s", conf);
	else
		HL_TRY(client_conf_find(client_environment, a->conf_path));
	/* Without a file yet, the place where one would be made: beside primus.cfg. */
	if (secrets)
		snprintf(a->secrets_path, sizeof a->secrets_path, "%s", secrets);
	else if (client_secrets_find(client_environment, a->secrets_path) != HL_OK)
		return HL_E_SECRETS_NONE;
	HL_TRY(client_conf_load(a->conf_path, &a->conf, detail));
	return pick(a, partition, detail);
}

hl_err client_account_only(struct client_account *a, const char *host, char detail[512])
{
	for (size_t i = 0; i < a->conf.hosts; i++) {
		const struct client_host *h = &a->conf.host[i];
		const struct client_slot *s = client_host_is(h, host) ? slot_of(h, a->slot->partition) : NULL;

		if (!s)
			continue;
		a->host = h;
		a->slot = s;
		a->target[0] = (struct client_target){ h->host, h->port, h->priority };
		a->targets = 1;
		return HL_OK;
	}
	snprintf(detail, 512, "%.300s: no host %.100s has a slot of %.64s", a->conf_path, host, a->slot->partition);
	return HL_E_CONFIG;
}

hl_err client_account_password(struct client_account *a, char detail[512])
{
	if (a->slot->service_password[0])
		return hl_secret_set(&a->password, hl_text(a->slot->service_password));
	return client_password_get(a->secrets_path, a->slot->service_user, &a->password, detail);
}

hl_err client_account_secret(struct client_account *a, char detail[512])
{
	return client_secret_get(a->secrets_path, a->slot->partition, &a->user, detail);
}

hl_err client_account_setup(struct client_account *a, struct hl_bytes setup_password, char detail[512])
{
	hl_err err = hl_setup_check(setup_password);

	if (err != HL_OK) {
		snprintf(detail, 512, "a setup password is five groups of five letters or digits, joined by '-'");
		return err;
	}
	HL_TRY(hl_secret_make(&a->setup_key, HL_SETUP_KEY));
	return hl_setup_key(setup_password, hl_text(a->slot->partition), a->setup_key.p);
}

void client_account_link(const struct client_account *a, struct client_conf_link *out)
{
	bool setup = a->setup_key.n > 0;

	*out = (struct client_conf_link){
		.host = a->host->host,
		.port = a->host->port,
		.hosts = a->target,
		.host_count = a->targets,
		.patience_ms = a->conf.wait_delay_ms * a->conf.wait_max_tries,
		.partition = a->slot->partition,
		.client_id = a->slot->client_id,
		.service_user = a->slot->service_user,
		.realm = a->conf.own.realm,
		.service_password = hl_secret_view(&a->password),
		.kind = setup ? HL_CHANNEL_SETUP : HL_CHANNEL_USER,
		.generation = setup ? 0 : a->user.generation,
		.secret = hl_secret_view(setup ? &a->setup_key : &a->user.secret),
		.identity = setup ? NULL : a->user.identity,
	};
}

void client_account_clear(struct client_account *a)
{
	hl_secret_clear(&a->password);
	hl_secret_clear(&a->user.secret);
	hl_secret_clear(&a->setup_key);
	client_conf_clear(&a->conf);
}
