/* config_show.c - `config show`: the client's configuration as it is understood, and where each value came from. */
#include <stdlib.h>
#include <string.h>

#include "cli/conf_text.h"
#include "cli/say.h"
#include "client/secrets.h"
#include "lib/os/files.h"

#define FILE_MAX (1u << 20)

struct show {
	struct cli *c;
	const struct cli_client *k;
	struct cli_table table;
	json_t *all;
	hl_err err;
};

/* -- files ------------------------------------------------------------------------------------------------ */

static json_t *places_json(const struct cli_place *p, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(all,
			json_pack("{s:s, s:s?, s:s}", "by", p[i].by, "path", *p[i].path ? p[i].path : NULL, "state",
				p[i].state));
	return all;
}

/* As text too where it then fails: that nothing was found is best told with where it was looked for. */
static hl_err show_places(struct cli *c, const char *what, bool secrets, const char *used, json_t **out)
{
	HL_AUTO(cli_table_clear) struct cli_table t = { .head = { what, "STATE", "PATH" } };
	struct cli_place place[CLI_PLACES];
	size_t n = cli_client_places(c, secrets, used, place);

	for (size_t i = 0; i < n; i++)
		HL_TRY(CLI_ROW(&t, place[i].by, place[i].state, *place[i].path ? place[i].path : "-"));
	*out = places_json(place, n);
	if (c->global.json)
		return HL_OK;
	cli_table_print(&t, c->out);
	fputc('\n', c->out);
	return HL_OK;
}

/* -- settings --------------------------------------------------------------------------------------------- */

static void add(struct show *s, const char *name, const char *value, const char *source, const char *file, int line)
{
	const char *slash = file ? strrchr(file, '/') : NULL, *short_name = slash ? slash + 1 : file;
	char from[CLI_PATH + 16];

	if (line)
		snprintf(from, sizeof from, "%s:%d", short_name, line);
	else
		snprintf(from, sizeof from, "%s", file ? short_name : source);
	json_array_append_new(s->all,
		json_pack("{s:s, s:s, s:s, s:s?, s:o}", "name", name, "value", value, "source", source, "file", file,
			"line", line ? json_integer(line) : json_null()));
	if (s->err == HL_OK)
		s->err = CLI_ROW(&s->table, name, *value ? value : "-", from);
}

static void on_setting(void *at, const struct cli_setting *setting)
{
	struct show *s = at;

	add(s, setting->name, setting->value, setting->source, setting->line ? s->k->conf : NULL, setting->line);
}

static void show_slot(struct show *s, const struct client_slot *slot)
{
	HL_AUTO(hl_secret_clear) struct hl_secret password = { 0 };
	struct client_secret secret = { 0 };
	char name[HL_NAME_TEXT + 32], value[64], error[512];
	hl_err err = client_secret_get(s->k->secrets, slot->partition, &secret, error);

	hl_secret_clear(&secret.secret);
	snprintf(name, sizeof name, "secret of %s", slot->partition);
	snprintf(value, sizeof value, err == HL_OK ? "stored, generation %u" : "missing", secret.generation);
	add(s, name, value, "secrets file", s->k->secrets, 0);
	err = client_password_get(s->k->secrets, slot->service_user, &password, error);
	snprintf(name, sizeof name, "password of %s", slot->service_user);
	add(s, name, err == HL_OK ? "stored" : "missing", "secrets file", s->k->secrets, 0);
}

static void show_environment(struct show *s)
{
	static const char *const variables[] = { "HSMLET_PIN", "HSMLET_PIN_FILE" };

	for (size_t i = 0; i < HL_COUNT(variables); i++) {
		const char *value = getenv(variables[i]);

		if (value && *value)
			add(s, i == 0 ? "PIN" : "file with the PIN", i == 0 ? "(set, not shown)" : value, "environment",
				variables[i], 0);
	}
}

static hl_err collect(struct show *s)
{
	HL_AUTO(client_conf_clear) struct client_conf conf = { 0 };
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(FILE_MAX);
	char error[512] = "";
	hl_err err = client_conf_load(s->k->conf, &conf, error);

	if (err != HL_OK)
		return cli_fail(s->c, err, "%s", error);
	err = hl_file_read(s->k->conf, FILE_MAX, &text);
	if (err != HL_OK)
		return cli_fail_file(s->c, err, s->k->conf);
	cli_settings_each(&conf, hl_buf_view(&text), on_setting, s);
	for (size_t i = 0; i < conf.hosts; i++)
		for (size_t n = 0; n < conf.host[i].slots; n++)
			show_slot(s, &conf.host[i].slot[n]);
	show_environment(s);
	return s->err;
}

/* -- all of it --------------------------------------------------------------------------------------------- */

static hl_err show_all(struct show *s, json_t *conf, json_t *secrets)
{
	HL_TRY(collect(s));
	if (s->c->global.json)
		return cli_print_json(s->c, "hsmlet-config/1",
			json_pack("{s:s, s:s, s:O, s:O, s:O}", "conf", s->k->conf, "secrets", s->k->secrets, "conf_search",
				conf, "secrets_search", secrets, "settings", s->all));
	cli_table_print(&s->table, s->c->out);
	return HL_OK;
}

hl_err cli_config_show(struct cli *c)
{
	struct cli_client k = { .conf = "" };
	struct show s = { .c = c, .k = &k, .table.head = { "SETTING", "VALUE", "FROM" }, .all = json_array() };
	json_t *conf = NULL, *secrets = NULL;
	hl_err err = cli_client_find(c, &k);
	struct cli_trouble trouble = c->trouble;
	hl_err told = show_places(c, "PRIMUS.CFG", false, err == HL_OK ? k.conf : "", &conf);

	if (told == HL_OK)
		told = show_places(c, ".SECRETS.CFG", true, err == HL_OK ? k.secrets : "", &secrets);
	if (err != HL_OK)
		c->trouble = trouble;
	else
		err = told == HL_OK ? show_all(&s, conf, secrets) : told;
	cli_table_clear(&s.table);
	json_decref(s.all);
	json_decref(conf);
	json_decref(secrets);
	return err;
}
