/* secrets.h - what `secret`, `proxy-password` and ppin have in common: the secrets of the slots of a primus.cfg, looked
 * at, tested and stored; never shown. */
#pragma once

#include "cli/client.h"
#include "cli/say.h"
#include "client/conf.h"

/** Read primus.cfg; the trouble names file and line. */
HL_CHECKED hl_err cli_secrets_conf(struct cli *c, const struct cli_client *k, struct client_conf *out);

/** The first slot of this partition, or of this service user (the other is NULL; both: the first of all). HL_E_PARTITION
 * where there is none, HL_E_CONFIG where there is no slot at all. */
HL_CHECKED hl_err cli_secrets_slot(struct cli *c, const struct client_conf *conf, const char *partition,
	const char *service_user, const struct client_slot **out);

/** Whether the partition's secret is stored, or the service user's password (in either file). What is wrong with the files
 * is told. */
HL_CHECKED hl_err cli_secret_is_there(struct cli *c, const struct cli_client *k, const char *partition, bool *there);
HL_CHECKED hl_err cli_password_is_there(
	struct cli *c, const struct cli_client *k, const struct client_slot *slot, bool *there);
/** "Configured" or "MISSING"; where that could not be learned, for `err`, "HL-0105" or so. */
void cli_secret_word(hl_err err, bool there, char out[CLI_ERR_TEXT]);

/* Of several things that are looked at one after another, those that failed: none keeps the others from being told. */
struct cli_failures {
	unsigned n;
	struct cli_trouble first;
};
/** Count it, unless it is HL_OK; its trouble is the one that was noted last. */
void cli_failures_add(struct cli *c, struct cli_failures *f, hl_err err);
/** After the last: the first that failed, with its trouble, or HL_OK. */
HL_CHECKED hl_err cli_failures_end(struct cli *c, const struct cli_failures *f);

/** Call `each` for every slot of the file, with its number from 1. */
typedef hl_err cli_slot_each(struct cli *c, const struct cli_client *k, const struct client_slot *slot, unsigned number,
	void *at);
HL_CHECKED hl_err cli_secrets_each(
	struct cli *c, const struct cli_client *k, const struct client_conf *conf, cli_slot_each *each, void *at);
/** Two of them: a line about the partition's secret, and one about the service user's password, in the words of ppin.
 * `at` is a struct cli_failures: one that cannot be read has its code in the line. */
cli_slot_each cli_secret_line, cli_password_line;

/** Ask the gateway whether it takes the password of this slot's service user; NULL: the stored one. */
HL_CHECKED hl_err cli_password_check(struct cli *c, const struct cli_client *k, const struct client_slot *slot,
	const struct hl_secret *password);
HL_CHECKED hl_err cli_password_store(
	struct cli *c, const struct cli_client *k, const char *service_user, const struct hl_secret *password);
/** Forget it; HL_E_SECRETS_NONE, HL_E_PASSWORD_NONE. */
HL_CHECKED hl_err cli_secret_forget(struct cli *c, const struct cli_client *k, const char *partition);
HL_CHECKED hl_err cli_password_forget(struct cli *c, const struct cli_client *k, const char *service_user);

/* Which of the slots are meant; NULL, and -1, for all. */
struct cli_slot_filter {
	const char *partition, *host, *slot; /* host: "hsm0" or its host name; slot: "slot0" */
	int64_t slot_id;
};
/** No slot of the file is meant: HL_E_PARTITION, which names the host where that is what the file does not have. */
hl_err cli_slots_none(struct cli *c, const struct client_conf *conf, const struct cli_slot_filter *filter);
/* How a test of one of them ended. */
struct cli_slot_result {
	const struct client_host *host;
	const struct client_slot *slot;
	hl_err err;
	int step;          /* of the connection; -1: none */
	char firmware[65]; /* of the HSM; "" where it was not reached */
};
typedef void cli_slot_tested(void *at, const struct cli_slot_result *r);
struct cli_slots_tested {
	unsigned hosts, slots;
	struct cli_failures failures;
};
/** Connect to each of them, each host by itself, with the stored secret. HL_OK also where some failed; HL_E_PARTITION where
 * none is meant. */
HL_CHECKED hl_err cli_secrets_test(struct cli *c, const struct cli_client *k, const struct client_conf *conf,
	const struct cli_slot_filter *filter, cli_slot_tested *tested, void *at, struct cli_slots_tested *out);
