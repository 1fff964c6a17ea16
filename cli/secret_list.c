/* secret_list.c - `secret list`: for each slot whether its secrets are stored. */
#include "cli/secrets.h"

struct listing {
	json_t *all;
	struct cli_failures failures;
};

static hl_err add_json(
	struct cli *c, const struct cli_client *k, const struct client_slot *slot, unsigned number, void *at)
{
	struct listing *l = at;
	bool secret = false, password = false;
	char secret_word[CLI_ERR_TEXT], password_word[CLI_ERR_TEXT];
	hl_err err = cli_secret_is_there(c, k, slot->partition, &secret);

	(void)number;
	cli_failures_add(c, &l->failures, err);
	cli_secret_word(err, secret, secret_word);
	err = cli_password_is_there(c, k, slot, &password);
	cli_failures_add(c, &l->failures, err);
	cli_secret_word(err, password, password_word);
	json_array_append_new(l->all,
		json_pack("{s:i, s:s, s:s, s:s, s:s}", "slot", (int)slot->id, "partition", slot->partition, "secret",
			secret_word, "service_user", slot->service_user, "service_password", password_word));
	return HL_OK;
}

hl_err cli_secret_list(struct cli *c)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	struct listing l = { .all = all };
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(cli_secrets_conf(c, &k, &conf));
	if (c->global.json) {
		HL_TRY(cli_secrets_each(c, &k, &conf, add_json, &l));
	} else {
		HL_TRY(cli_secrets_each(c, &k, &conf, cli_secret_line, &l.failures));
		HL_TRY(cli_secrets_each(c, &k, &conf, cli_password_line, &l.failures));
	}
	return cli_end_json(c, cli_failures_end(c, &l.failures), "hsmlet-secrets/1", json_pack("{s:O}", "slots", all));
}
