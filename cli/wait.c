/* wait.c - `hsmlet wait`: until the world is ready. */
#include "cli/raise.h"
#include "cli/say.h"

struct wait_options {
	int64_t timeout;
};

static const struct wait_options defaults = { .timeout = 30 };
static const struct cli_option rows[] = {
	{ "timeout", 0, "SECONDS", CLI_NUMBER, offsetof(struct wait_options, timeout), 0, 86400, NULL,
		"give up then (30)" },
};
const struct cli_options cli_wait_options = CLI_OPTIONS(rows, defaults);

hl_err cli_wait(struct cli *c)
{
	const struct wait_options *o = c->options;
	struct cli_world w;
	char line[1024];

	HL_TRY(cli_world_find(c, &w));
	HL_TRY(cli_world_await(c, &w, NULL, o->timeout * 1000));
	cli_ready_line(&w, line);
	cli_note(c, "%s", line);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-wait/1", json_pack("{s:s, s:b}", "dir", w.dir, "ready", 1));
	return HL_OK;
}
