/* secret.c - `secret add / list / test / remove`: the partitions' secrets, never shown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/say.h"
#include "client/conf.h"
#include "client/secrets.h"
#include "lib/auth/credential.h"
#include "lib/os/files.h"

struct add_options {
	const char *partition, *file;
	int64_t fd;
};

static const struct add_options defaults = { .fd = -1 };
/* clang-format off */
#define AT(member) offsetof(struct add_options, member)
static const struct cli_option rows[] = {
	{ "partition",           0, "NAME", CLI_TEXT,   AT(partition), 0, 0, NULL, "whose (that of the first slot)" },
	{ "setup-password-file", 0, "FILE", CLI_TEXT,   AT(file), 0, 0, NULL, "file with the setup password (or HSMLET_SETUP_PASSWORD in the environment)" },
	{ "setup-password-fd",   0, "N",    CLI_NUMBER, AT(fd), 0, 1 << 20, NULL, "descriptor to read it from" },
};
/* clang-format on */
const struct cli_options cli_secret_add_options = CLI_OPTIONS(rows, defaults);

static hl_err load(struct cli *c, const char *path, struct client_conf *conf)
{
	char error[512] = "";
	hl_err err = client_conf_load(path, conf, error);

	return err == HL_OK ? HL_OK : cli_fail(c, err, "%s", error);
}

/* -- add ------------------------------------------------------------------------------------------- */

#define FILE_MAX (64u << 10)

static hl_err of_credential(
	struct cli *c, const char *path, struct hl_secret *out, char partition[HL_NAME_TEXT + 1])
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);
	struct hl_credential both[2] = { { 0 }, { 0 } };
	unsigned line = 0;
	const char *why = "";
	size_t n = 0;
	hl_err err;

	errno = 0;
	err = hl_file_read(path, FILE_MAX, &text);
	if (err != HL_OK)
		return cli_fail_file(c, err == HL_E_TOO_LONG ? HL_E_CRED_FILE : err, path);
	if (hl_credential_read(hl_buf_view(&text), both, &n, &line, &why) != HL_OK)
		return cli_fail_line(c, HL_E_CRED_FILE, path, line, why);
	err = cli_fail(c, HL_E_CRED_FILE, "%s holds no setup password", path);
	for (size_t i = 0; i < n && err == HL_E_CRED_FILE; i++) {
		if (both[i].kind != HL_CREDENTIAL_HSM)
			continue;
		err = hl_secret_set(out, hl_secret_view(&both[i].setup_password));
		memcpy(partition, both[i].partition, sizeof both[i].partition);
	}
	hl_credential_clear(&both[0]);
	hl_credential_clear(&both[1]);
	return err;
}

static hl_err first_partition(struct cli *c, const struct cli_client *k, char out[HL_NAME_TEXT + 1])
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };

	HL_TRY(load(c, k->conf, &conf));
	for (size_t i = 0; i < conf.hosts; i++) {
		if (conf.host[i].slots == 0)
			continue;
		memcpy(out, conf.host[i].slot[0].partition, HL_NAME_TEXT + 1);
		return HL_OK;
	}
	return cli_fail(c, HL_E_CONFIG, "%s has no slot", k->conf);
}

/* First found of: file with the credentials, descriptor, file, environment, terminal. */
static hl_err find_password(struct cli *c, const struct add_options *o, struct hl_secret *out,
	char partition[HL_NAME_TEXT + 1])
{
	const char *from_environment = getenv("HSMLET_SETUP_PASSWORD");
	char prompt[128];

	if (c->operands > 0)
		return of_credential(c, c->operand[0], out, partition);
	if (o->fd >= 0)
		return cli_secret_of_fd(c, o->fd, "the setup password", out);
	if (o->file)
		return cli_secret_of_file(c, o->file, "the setup password", out);
	if (from_environment && *from_environment)
		return hl_secret_set(out, hl_text(from_environment)) == HL_OK ?
			       HL_OK :
			       cli_fail(c, HL_E_NOMEM, "the setup password");
	snprintf(prompt, sizeof prompt, "Setup password of %s", partition);
	return cli_secret_of_terminal(c, prompt, out);
}

hl_err cli_secret_add(struct cli *c)
{
	const struct add_options *o = c->options;
	HL_AUTO(hl_secret_clear) struct hl_secret password = { 0 };
	char partition[HL_NAME_TEXT + 1] = "";
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	if (o->partition && strlen(o->partition) > HL_NAME_TEXT)
		return cli_usage(c, "a partition's name has at most %d characters", HL_NAME_TEXT);
	if (o->partition)
		snprintf(partition, sizeof partition, "%s", o->partition);
	else
		HL_TRY(first_partition(c, &k, partition));
	HL_TRY(find_password(c, o, &password, partition));
	HL_TRY(cli_client_exchange(c, &k, partition, hl_secret_view(&password)));
	cli_note(c, "%s: secret of %s", k.secrets, partition);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-secret/1",
			json_pack("{s:s, s:s}", "partition", partition, "secrets", k.secrets));
	return HL_OK;
}

/* -- list ------------------------------------------------------------------------------------------ */

/* HL_OK: it is there; what else is wrong with the file is told. */
static hl_err look(struct cli *c, const struct cli_client *k, const char *partition, bool *there)
{
	struct client_secret secret = { 0 };
	char error[512] = "";
	hl_err err = client_secret_get(k->secrets, partition, &secret, error);

	hl_secret_clear(&secret.secret);
	*there = err == HL_OK;
	return err == HL_OK || err == HL_E_SECRETS_NONE ? HL_OK : cli_fail(c, err, "%s", error);
}

static hl_err look_password(struct cli *c, const struct cli_client *k, const struct client_slot *slot, bool *there)
{
	HL_AUTO(hl_secret_clear) struct hl_secret password = { 0 };
	char error[512] = "";
	hl_err err = client_password_get(k->secrets, slot->service_user, &password, error);

	*there = err == HL_OK || slot->service_password[0];
	return err == HL_OK || err == HL_E_PASSWORD_NONE ? HL_OK : cli_fail(c, err, "%s", error);
}

static const char *word(bool there)
{
	return there ? "Configured" : "MISSING";
}

static hl_err list_slot(struct cli *c, const struct cli_client *k, const struct client_slot *slot,
	unsigned number, json_t *all)
{
	bool secret, password;

	HL_TRY(look(c, k, slot->partition, &secret));
	HL_TRY(look_password(c, k, slot, &password));
	json_array_append_new(all,
		json_pack("{s:i, s:s, s:s, s:s, s:s}", "slot", (int)slot->id, "partition", slot->partition,
			"secret", word(secret), "service_user", slot->service_user, "service_password",
			word(password)));
	if (!c->global.json) {
		fprintf(c->out, "[%02u] slot-id %u:    user '%s'  permanent secret: %s\n", number, slot->id,
			slot->partition, word(secret));
		fprintf(c->out, "[%02u] service/proxy user '%s'  permanent secret: %s\n", number,
			slot->service_user, word(password));
	}
	return HL_OK;
}

hl_err cli_secret_list(struct cli *c)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	struct cli_client k;
	unsigned number = 0;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(load(c, k.conf, &conf));
	for (size_t i = 0; i < conf.hosts; i++)
		for (size_t s = 0; s < conf.host[i].slots; s++)
			HL_TRY(list_slot(c, &k, &conf.host[i].slot[s], ++number, all));
	if (c->global.json)
		return cli_print_json(c, "hsmlet-secrets/1", json_pack("{s:O}", "slots", all));
	return HL_OK;
}

/* -- test ------------------------------------------------------------------------------------------ */

struct outcome {
	unsigned tested, failed;
	struct cli_trouble first;
};

static void test_slot(struct cli *c, const struct cli_client *k, const struct client_slot *slot,
	struct outcome *o, json_t *all)
{
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	hl_err err = cli_client_open(c, k, slot->partition, NULL, &h);
	char result[32] = "OK";

	o->tested++;
	if (err != HL_OK) {
		snprintf(result, sizeof result, "HL-%04d", -(int)err);
		if (o->failed++ == 0)
			o->first = c->trouble;
	}
	json_array_append_new(all,
		json_pack("{s:i, s:s, s:s}", "slot", (int)slot->id, "partition", slot->partition, "result",
			result));
	if (!c->global.json)
		fprintf(c->out, "    %s (id=%u), user=%s: %s%s%s\n", slot->name, slot->id, slot->partition,
			result, err != HL_OK ? " " : "", err != HL_OK ? hl_err_text(err) : "");
}

static void test_host(struct cli *c, const struct cli_client *k, const struct client_host *host,
	struct outcome *o, json_t *all)
{
	if (!c->global.json)
		fprintf(c->out, "%s: '%s' on port %u\n", host->name, host->host, host->port);
	for (size_t i = 0; i < host->slots; i++)
		if (c->operands == 0 || strcmp(c->operand[0], host->slot[i].partition) == 0)
			test_slot(c, k, &host->slot[i], o, all);
}

hl_err cli_secret_test(struct cli *c)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	struct outcome o = { 0 };
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(load(c, k.conf, &conf));
	for (size_t i = 0; i < conf.hosts; i++)
		test_host(c, &k, &conf.host[i], &o, all);
	if (o.tested == 0)
		return cli_fail(c, HL_E_PARTITION, "%s has no slot%s%s", k.conf,
			c->operands ? " for " : "", c->operands ? c->operand[0] : "");
	if (!c->global.json)
		fprintf(c->out, "\nNumber of tested partitions: %u\nNumber of failures: %u\n", o.tested,
			o.failed);
	c->trouble = o.first;
	if (o.failed > 0)
		return o.first.err;
	return c->global.json ? cli_print_json(c, "hsmlet-secret-test/1", json_pack("{s:O}", "slots", all)) :
				HL_OK;
}

/* -- remove ---------------------------------------------------------------------------------------- */

hl_err cli_secret_remove(struct cli *c)
{
	struct cli_client k;
	char error[512] = "";
	hl_err err;

	HL_TRY(cli_client_find(c, &k));
	err = client_secret_remove(k.secrets, c->operand[0], error);
	if (err != HL_OK)
		return cli_fail(c, err, "%s", *error ? error : c->operand[0]);
	cli_note(c, "removed; `hsmlet secret add` fetches it again while the setup password is valid");
	if (c->global.json)
		return cli_print_json(c, "hsmlet-secret/1",
			json_pack("{s:s, s:b}", "partition", c->operand[0], "removed", 1));
	return HL_OK;
}
