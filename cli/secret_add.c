/* secret_add.c - `secret add / update`: the setup password becomes the partition's secret. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/secrets.h"
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

static hl_err of_environment(struct cli *c, const char *value, struct hl_secret *out)
{
	return hl_secret_set(out, hl_text(value)) == HL_OK ? HL_OK : cli_fail(c, HL_E_NOMEM, "the setup password");
}

/* First found of: file with the credentials, descriptor, file, environment, terminal. */
static hl_err find_password(struct cli *c, struct hl_secret *out, char partition[HL_NAME_TEXT + 1])
{
	const struct add_options *o = c->options;
	const char *from_environment = getenv("HSMLET_SETUP_PASSWORD");
	char prompt[128];

	if (c->operands > 0)
		return of_credential(c, c->operand[0], out, partition);
	if (o->fd >= 0)
		return cli_secret_of_fd(c, o->fd, "the setup password", out);
	if (o->file)
		return cli_secret_of_file(c, o->file, "the setup password", out);
	if (from_environment && *from_environment)
		return of_environment(c, from_environment, out);
	snprintf(prompt, sizeof prompt, "Setup password of %s: ", partition);
	return cli_secret_of_terminal(c, prompt, "the setup password", out);
}

static hl_err find_partition(struct cli *c, const struct cli_client *k, char out[HL_NAME_TEXT + 1])
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	const struct add_options *o = c->options;
	const struct client_slot *slot;

	if (o->partition && strlen(o->partition) > HL_NAME_TEXT)
		return cli_usage(c, "a partition's name has at most %d characters", HL_NAME_TEXT);
	HL_TRY(cli_secrets_conf(c, k, &conf));
	HL_TRY(cli_secrets_slot(c, &conf, o->partition, NULL, &slot));
	memcpy(out, slot->partition, HL_NAME_TEXT + 1);
	return HL_OK;
}

static hl_err check_there(struct cli *c, const struct cli_client *k, const char *partition)
{
	bool there;

	HL_TRY(cli_secret_is_there(c, k, partition, &there));
	if (there)
		return HL_OK;
	return cli_next(c, cli_fail(c, HL_E_SECRETS_NONE, "of %s", partition), "store the first one: `hsmlet secret add`");
}

/* What is stored stays as it is until the new one has come. */
static hl_err exchange(struct cli *c, bool update)
{
	HL_AUTO(hl_secret_clear) struct hl_secret password = { 0 };
	char partition[HL_NAME_TEXT + 1] = "";
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(find_partition(c, &k, partition));
	HL_TRY(find_password(c, &password, partition));
	if (update)
		HL_TRY(check_there(c, &k, partition));
	HL_TRY(cli_client_exchange(c, &k, partition, hl_secret_view(&password)));
	cli_note(c, "%s: secret of %s", k.secrets, partition);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-secret/1",
			json_pack("{s:s, s:s}", "partition", partition, "secrets", k.secrets));
	return HL_OK;
}

hl_err cli_secret_add(struct cli *c)
{
	return exchange(c, false);
}

hl_err cli_secret_update(struct cli *c)
{
	return exchange(c, true);
}
