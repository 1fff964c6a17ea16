/* down.c - `hsmlet down`: every daemon of the world ends, in order; its data stays. */
#include <unistd.h>

#include "cli/life.h"
#include "cli/say.h"

hl_err cli_down(struct cli *c)
{
	HL_AUTO(client_lock_release) struct client_lock lock = CLIENT_LOCK_NONE;
	struct cli_world w;
	unsigned ran;

	HL_TRY(cli_world_find(c, &w));
	HL_TRY(cli_world_lock(c, &w, &lock));
	HL_TRY(cli_world_stop(c, &w, &ran));
	if (ran == 0)
		cli_note(c, "the world at %s was not running", w.dir);
	else
		cli_note(c, "stopped %u of %zu members; the data stays in %s", ran, w.members, w.dir);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-down/1",
			json_pack("{s:s, s:i}", "dir", w.dir, "stopped", (int)ran));
	return HL_OK;
}
