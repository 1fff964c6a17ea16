/* command.h - the front command, run as the owner of a client's two files runs it. */
#pragma once

#include "tests/support/live.h"

#define COMMAND_TEXT 4096

struct command_end {
	int exit_code;          /* -1: it did not end in time, or not by itself */
	char err[COMMAND_TEXT]; /* what it said on stderr */
};

/** `hsmlet WORDS`, which end with NULL, with the client's files in its environment and nothing else of
 * a world. False: it could not be run. */
bool command_run(const struct live *w, const struct live_client *c, const char *const words[],
	struct command_end *out);
/** What stands in the line of stderr that begins with `head`, behind it; false: there is none. */
bool command_says(const struct command_end *e, const char *head, char out[COMMAND_TEXT]);
