/* secret_remove.c - `secret remove`. */
#include "cli/secrets.h"

hl_err cli_secret_remove(struct cli *c)
{
	struct cli_client k;

	HL_TRY(cli_client_find(c, &k));
	HL_TRY(cli_secret_forget(c, &k, c->operand[0]));
	cli_note(c, "removed; `hsmlet secret add` fetches it again while the setup password is valid");
	if (c->global.json)
		return cli_print_json(c, "hsmlet-secret/1",
			json_pack("{s:s, s:b}", "partition", c->operand[0], "removed", 1));
	return HL_OK;
}
