/* account.h - what it takes to open a link to one partition, gathered from the two files. */
#pragma once

#include "client/conf.h"
#include "client/link.h"
#include "client/secrets.h"

struct client_account {
	char conf_path[CLIENT_PATH], secrets_path[CLIENT_PATH];
	struct client_conf conf;
	const struct client_host *host; /* into conf: the first of those that are preferred */
	const struct client_slot *slot;
	struct client_target target[CLIENT_HOSTS]; /* all hosts that have the partition, as in the file */
	size_t targets;
	struct hl_secret password;      /* of the service user */
	struct client_secret user;      /* empty for an exchange */
	struct hl_secret setup_key;     /* of an exchange */
};

/** Find and read primus.cfg and pick the slot of `partition` (NULL: the first), at the preferred host, and all
 * other hosts that have it. One partition has one set of credentials, so they must agree in the service user.
 * HL_E_CONFIG_NONE, HL_E_CONFIG, HL_E_PARTITION, with `detail` filled. */
HL_CHECKED hl_err client_account_find(struct client_account *a, const char *conf, const char *secrets,
	const char *partition, char detail[512]);
/** Only this one of its hosts, named as in the file ("hsm0") or by its host name. HL_E_CONFIG: none such has the
 * partition; with `detail` filled. */
HL_CHECKED hl_err client_account_only(struct client_account *a, const char *host, char detail[512]);
/** The service password, from either file. HL_E_PASSWORD_NONE, HL_E_SECRETS, HL_E_MODE. */
HL_CHECKED hl_err client_account_password(struct client_account *a, char detail[512]);
/** The user secret. HL_E_SECRETS_NONE, HL_E_SECRETS, HL_E_MODE. */
HL_CHECKED hl_err client_account_secret(struct client_account *a, char detail[512]);
/** The channel's key from a setup password instead. HL_E_ARG where it has not the right shape. */
HL_CHECKED hl_err client_account_setup(
	struct client_account *a, struct hl_bytes setup_password, char detail[512]);
/** The link's configuration; views into `a`. */
void client_account_link(const struct client_account *a, struct client_conf_link *out);
void client_account_clear(struct client_account *a);
