/* members.h - the members of a world as they are now: process by lock, link by the directory's word. */
#pragma once

#include "cli/process.h"

struct cli_seen {
	const struct cli_member *member;
	pid_t pid;       /* 0: it does not run */
	bool paused;     /* stopped by a signal */
	bool told, up;   /* told: the directory could be asked */
};

/** All members; `seen` has room for CLI_MEMBERS_MAX. *asked: HL_OK, or why the directory could not be asked. */
void cli_members_look(struct cli *c, const struct cli_world *w, struct cli_seen *seen, hl_err *asked);
/** "up", "down" (running, but its link is not there, or the directory is gone), "paused", "stopped". */
const char *cli_seen_state(const struct cli_seen *s);
/** Print those of `role` (-1: all), as a table or into a new JSON array. */
HL_CHECKED hl_err cli_members_table(
	struct cli *c, const struct cli_seen *seen, size_t n, int role);
json_t *cli_members_json(const struct cli_seen *seen, size_t n, int role);
