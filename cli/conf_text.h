/* conf_text.h - the client's configuration for people: which files, which values, where each came from. */
#pragma once

#include "cli/client.h"
#include "client/conf.h"

/* One place where a file was looked for. */
struct cli_place {
	const char *by;        /* "HSMLET_CONF", "the world", "the system" */
	char path[CLI_PATH];   /* "": the variable is not set */
	const char *state;     /* "used", "there", "not there", "not set" */
};
#define CLI_PLACES 6

/** Where primus.cfg (`secrets` false) or .secrets.cfg is looked for, in order; `used` is what cli_client_find() took,
 * or "". Returns how many. */
size_t cli_client_places(struct cli *c, bool secrets, const char *used, struct cli_place out[CLI_PLACES]);

/* One setting. */
struct cli_setting {
	char name[96], value[CLI_PATH];
	int line;           /* of primus.cfg; 0: not in it */
	const char *source; /* "file", "default", "built in" */
};
/** Call `each` for every setting of `conf`, which was read from `text`. Secrets are named and not given. */
void cli_settings_each(const struct client_conf *conf, struct hl_bytes text,
	void (*each)(void *at, const struct cli_setting *s), void *at);
