/* variables.h - what `env` prints and `run` sets. */
#pragma once

#include "cli/world.h"

#define CLI_VARIABLES 8

struct cli_variable {
	const char *name;
	char value[CLI_PATH]; /* "" : it is to be unset */
};

/** The variables of the world; `pin_file` (NULL: none) where it is not a --dev one. Returns how many. */
size_t cli_variables(
	const struct cli_world *w, const char *pin_file, struct cli_variable out[CLI_VARIABLES]);
