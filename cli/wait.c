/* wait.c - `hsmlet wait`: until the world is ready. */
#include <poll.h>

#include "cli/process.h"
#include "cli/raise.h"
#include "cli/say.h"
#include "lib/os/clock.h"

#define LOOK_EVERY_MS 10

struct wait_options {
	int64_t timeout;
};

static const struct wait_options defaults = { .timeout = 30 };
static const struct cli_option rows[] = {
	{ "timeout", 0, "SECONDS", CLI_NUMBER, offsetof(struct wait_options, timeout), 0, 86400, NULL,
		"give up then (30)" },
};
const struct cli_options cli_wait_options = CLI_OPTIONS(rows, defaults);

/* The `up` that we wait for may not have come to make the world. */
static hl_err await_world(struct cli *c, int64_t until_us, struct cli_world *w)
{
	hl_err err = cli_world_find(c, w);

	while (err == HL_E_WORLD && !cli_signal && hl_clock_mono_us() < until_us) {
		poll(NULL, 0, LOOK_EVERY_MS);
		err = cli_world_find(c, w);
	}
	return err;
}

/* All members are up before the first tenant has its credentials: who makes the world holds its lock for both.
 * The world is read again, for it may have moved to another block meanwhile. */
static hl_err await_change(struct cli *c, struct cli_world *w)
{
	HL_AUTO(client_lock_release) struct client_lock lock = CLIENT_LOCK_NONE;

	HL_TRY(cli_world_lock(c, w, &lock));
	return cli_world_find(c, w);
}

hl_err cli_wait(struct cli *c)
{
	const struct wait_options *o = c->options;
	int64_t until_us = hl_clock_mono_us() + o->timeout * 1000000, left_us;
	struct cli_world w;
	char line[1024];

	HL_TRY(await_world(c, until_us, &w));
	left_us = until_us - hl_clock_mono_us();
	HL_TRY(cli_world_await(c, &w, NULL, left_us > 0 ? left_us / 1000 : 0));
	HL_TRY(await_change(c, &w));
	cli_ready_line(&w, line);
	cli_note(c, "%s", line);
	if (c->global.json)
		return cli_print_json(c, "hsmlet-wait/1", json_pack("{s:s, s:b}", "dir", w.dir, "ready", 1));
	return HL_OK;
}
