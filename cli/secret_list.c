/* secret_list.c - `secret list`: for each slot whether its secrets are stored. */
#include "cli/secrets.h"

static hl_err add_json(
	struct cli *c, const struct cli_client *k, const struct client_slot *slot, unsigned number, void *at)
{
	bool secret, password;

	(void)number;
	HL_TRY(cli_secret_is_there(c, k, slot->partition, &secret));
	HL_TRY(cli_password_is_there(c, k, slot, &password));
	json_array_append_new(at,
		json_pack("{s:i, s:s, s:s, s:s, s:s}", "slot", (int)slot->id, "partition", slot->partition, "secret",
			cli_secret_word(secret), "service_user", slot->service_user, "service_password",
			cli_secret_word(password)));
	return HL_OK;
}

hl_err cli_secret_list(struct cli *c)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(cli_secrets_conf(c, &k, &conf));
	if (c->global.json) {
		HL_TRY(cli_secrets_each(c, &k, &conf, add_json, all));
		return cli_print_json(c, "hsmlet-secrets/1", json_pack("{s:O}", "slots", all));
	}
	HL_TRY(cli_secrets_each(c, &k, &conf, cli_secret_line, NULL));
	return cli_secrets_each(c, &k, &conf, cli_password_line, NULL);
}
