/* cred.c - `cred import`. */
#include "cli/client.h"
#include "cli/say.h"

struct import_options {
	bool no_exchange;
};

static const struct import_options defaults;
static const struct cli_option rows[] = {
	{ "no-exchange", 0, NULL, CLI_FLAG, offsetof(struct import_options, no_exchange), 0, 0, NULL,
		"leave the setup password for `hsmlet secret add`" },
};
const struct cli_options cli_cred_import_options = CLI_OPTIONS(rows, defaults);

hl_err cli_cred_import(struct cli *c)
{
	const struct import_options *o = c->options;
	const char *file[2] = { NULL, NULL };
	struct cli_world w;
	struct cli_client k;

	HL_TRY(cli_world_find(c, &w));
	for (int i = 0; i < c->operands; i++)
		file[i] = c->operand[i];
	HL_TRY(cli_client_import(c, &w, file, (size_t)c->operands, !o->no_exchange));
	cli_client_of_world(&w, &k);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-cred/1",
			json_pack("{s:s, s:s}", "conf", k.conf, "secrets", k.secrets));
	return HL_OK;
}
