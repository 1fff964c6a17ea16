/* env.c - `hsmlet env`: what an application needs to find the world, for eval. */
#include <stdlib.h>

#include "cli/client.h"
#include "cli/process.h"
#include "cli/raise.h"
#include "cli/say.h"
#include "cli/variables.h"

struct env_options {
	const char *pin_file;
};

static const struct env_options defaults;
static const struct cli_option rows[] = {
	{ "pin-file", 0, "FILE", CLI_TEXT, offsetof(struct env_options, pin_file), 0, 0, NULL,
		"name this file with the PKCS#11 PIN to the application" },
};
const struct cli_options cli_env_options = CLI_OPTIONS(rows, defaults);

static void set(struct cli_variable *v, const char *name, const char *value)
{
	v->name = name;
	snprintf(v->value, sizeof v->value, "%s", value ? value : "");
}

size_t cli_variables(
	const struct cli_world *w, const char *pin_file, struct cli_variable out[CLI_VARIABLES])
{
	struct cli_client k;
	char module[CLI_PATH];
	size_t n = 0;

	cli_client_of_world(w, &k);
	set(&out[n++], "HSMLET_DIR", w->dir);
	set(&out[n++], "HSMLET_CONF", k.conf);
	set(&out[n++], "HSMLET_SECRETS", k.secrets);
	set(&out[n++], "SECUROSYS_PKCS11_CONF", k.conf);
	set(&out[n++], "SECUROSYS_SECRETS_CONF", k.secrets);
	if (cli_module_path(module))
		set(&out[n++], "HSMLET_P11_MODULE", module);
	/* The PIN of another world must not be tried on this one. */
	set(&out[n++], "HSMLET_PIN", w->dev ? CLI_DEV_PIN : NULL);
	set(&out[n++], "HSMLET_PIN_FILE", w->dev ? NULL : pin_file);
	return n;
}

static void print_variable(FILE *out, const struct cli_variable *v)
{
	char quoted[CLI_SHELL_TEXT];

	cli_shell_quote(v->value, quoted, sizeof quoted);
	if (*v->value)
		fprintf(out, "export %s=%s\n", v->name, quoted);
	else
		fprintf(out, "unset %s\n", v->name);
}

static hl_err find_pin_file(struct cli *c, const char *given, char out[CLI_PATH])
{
	char *real = given ? realpath(given, NULL) : NULL;

	out[0] = 0;
	if (!given)
		return HL_OK;
	if (!real)
		return cli_fail_file(c, HL_E_NOT_FOUND, given);
	snprintf(out, CLI_PATH, "%s", real);
	free(real);
	return HL_OK;
}

hl_err cli_env(struct cli *c)
{
	const struct env_options *o = c->options;
	struct cli_variable v[CLI_VARIABLES];
	char pin_file[CLI_PATH];
	struct cli_world w;
	json_t *all;
	size_t n;

	HL_TRY(cli_world_find(c, &w));
	HL_TRY(find_pin_file(c, o->pin_file, pin_file));
	n = cli_variables(&w, pin_file, v);
	if (!c->global.json) {
		for (size_t i = 0; i < n; i++)
			print_variable(c->out, &v[i]);
		return HL_OK;
	}
	all = json_object();
	for (size_t i = 0; i < n; i++)
		json_object_set_new(all, v[i].name, *v[i].value ? json_string(v[i].value) : json_null());
	return cli_print_json(c, "hsmlet-env/1", json_pack("{s:o}", "variables", all));
}
