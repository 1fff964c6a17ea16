/* proxy_password.c - `proxy-password add / list / test / remove`: what service users prove to the gateway. */
#include <stdlib.h>
#include <string.h>

#include "cli/secrets.h"
#include "client/secrets.h"

struct add_options {
	const char *file;
	int64_t fd;
	bool no_check;
};

static const struct add_options defaults = { .fd = -1 };
/* clang-format off */
#define AT(member) offsetof(struct add_options, member)
static const struct cli_option rows[] = {
	{ "proxy-password-file", 0, "FILE", CLI_TEXT,   AT(file), 0, 0, NULL, "file with the password (or HSMLET_PROXY_PASSWORD in the environment)" },
	{ "proxy-password-fd",   0, "N",    CLI_NUMBER, AT(fd), 0, 1 << 20, NULL, "descriptor to read it from" },
	{ "no-check",            0, NULL,   CLI_FLAG,   AT(no_check), 0, 0, NULL, "store it without asking the gateway first" },
};
/* clang-format on */
const struct cli_options cli_proxy_password_add_options = CLI_OPTIONS(rows, defaults);

/* -- add ------------------------------------------------------------------------------------------------ */

/* First found of: descriptor, file, environment, terminal. */
static hl_err find_password(struct cli *c, const char *service_user, struct hl_secret *out)
{
	static const char what[] = "the service password";
	const struct add_options *o = c->options;
	const char *from_environment = getenv("HSMLET_PROXY_PASSWORD");
	char prompt[128];

	if (o->fd >= 0)
		return cli_secret_of_fd(c, o->fd, what, out);
	if (o->file)
		return cli_secret_of_file(c, o->file, what, out);
	if (from_environment && *from_environment)
		return hl_secret_set(out, hl_text(from_environment)) == HL_OK ? HL_OK : cli_fail(c, HL_E_NOMEM, what);
	snprintf(prompt, sizeof prompt, "Password of service user %s: ", service_user);
	return cli_secret_of_terminal(c, prompt, what, out);
}

hl_err cli_proxy_password_add(struct cli *c)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	HL_AUTO(hl_secret_clear) struct hl_secret password = { 0 };
	const struct add_options *o = c->options;
	const struct client_slot *slot;
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(cli_secrets_conf(c, &k, &conf));
	HL_TRY(cli_secrets_slot(c, &conf, NULL, c->operands > 0 ? c->operand[0] : NULL, &slot));
	HL_TRY(find_password(c, slot->service_user, &password));
	if (!o->no_check)
		HL_TRY(cli_password_check(c, &k, slot, &password));
	HL_TRY(cli_password_store(c, &k, slot->service_user, &password));
	cli_note(c, "%s: password of %s", k.secrets, slot->service_user);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-proxy-password/1",
			json_pack("{s:s, s:s}", "service_user", slot->service_user, "secrets", k.secrets));
	return HL_OK;
}

/* -- list and test: each service user once ---------------------------------------------------------------- */

static bool is_first(const struct client_conf *conf, const struct client_slot *slot)
{
	for (size_t i = 0; i < conf->hosts; i++)
		for (size_t n = 0; n < conf->host[i].slots; n++)
			if (strcmp(conf->host[i].slot[n].service_user, slot->service_user) == 0)
				return &conf->host[i].slot[n] == slot;
	return false;
}

struct visit {
	const struct client_conf *conf;
	json_t *all;
	const char *only;
	unsigned number;
	struct cli_failures failures;
};

static hl_err list_one(struct cli *c, const struct cli_client *k, const struct client_slot *slot, unsigned number, void *at)
{
	struct visit *v = at;
	char word[CLI_ERR_TEXT];
	bool there = false;
	hl_err err;

	(void)number;
	if (!is_first(v->conf, slot))
		return HL_OK;
	if (!c->global.json)
		return cli_password_line(c, k, slot, ++v->number, &v->failures);
	err = cli_password_is_there(c, k, slot, &there);
	cli_failures_add(c, &v->failures, err);
	cli_secret_word(err, there, word);
	json_array_append_new(v->all, json_pack("{s:s, s:s}", "service_user", slot->service_user, "service_password", word));
	return HL_OK;
}

/* One that fails does not keep the others from being tested. */
static hl_err test_one(struct cli *c, const struct cli_client *k, const struct client_slot *slot, unsigned number, void *at)
{
	struct visit *v = at;
	char result[CLI_ERR_TEXT] = "OK";
	hl_err err;

	(void)number;
	if (!is_first(v->conf, slot) || (v->only && strcmp(v->only, slot->service_user) != 0))
		return HL_OK;
	err = cli_password_check(c, k, slot, NULL);
	cli_failures_add(c, &v->failures, err);
	if (err != HL_OK)
		cli_err_text(err, result);
	json_array_append_new(v->all, json_pack("{s:s, s:s}", "service_user", slot->service_user, "result", result));
	if (!c->global.json)
		fprintf(c->out, "%s: %s%s%s\n", slot->service_user, result, err != HL_OK ? " " : "",
			err != HL_OK ? hl_err_text(err) : "");
	return HL_OK;
}

static hl_err visit(struct cli *c, cli_slot_each *each, const char *schema)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	struct visit v = { .conf = &conf, .all = all, .only = c->operands > 0 ? c->operand[0] : NULL };
	const struct client_slot *slot;
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(cli_secrets_conf(c, &k, &conf));
	HL_TRY(cli_secrets_slot(c, &conf, NULL, v.only, &slot));
	HL_TRY(cli_secrets_each(c, &k, &conf, each, &v));
	return cli_end_json(c, cli_failures_end(c, &v.failures), schema, json_pack("{s:O}", "service_users", all));
}

hl_err cli_proxy_password_list(struct cli *c)
{
	return visit(c, list_one, "hsmlet-proxy-passwords/1");
}

hl_err cli_proxy_password_test(struct cli *c)
{
	return visit(c, test_one, "hsmlet-proxy-password-test/1");
}

/* -- remove -------------------------------------------------------------------------------------------------- */

hl_err cli_proxy_password_remove(struct cli *c)
{
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(cli_password_forget(c, &k, c->operand[0]));
	cli_note(c, "removed; `hsmlet proxy-password add` stores it again");
	if (c->global.json)
		return cli_print_json(c, "hsmlet-proxy-password/1",
			json_pack("{s:s, s:b}", "service_user", c->operand[0], "removed", 1));
	return HL_OK;
}
