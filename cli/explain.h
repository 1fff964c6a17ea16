/* explain.h - what `explain` knows beside the table of errors. Pure. */
#pragma once

#include <stddef.h>

#include "lib/base/err.h"

struct cli_exit {
	int code;
	const char *text;
};

/** What the exit codes of the front command mean. */
const struct cli_exit *cli_exits(size_t *n);

/** At which steps of a connection (bit 1 << enum hl_step) messages and traces may tell of `err`; 0: never on one. */
unsigned cli_err_steps(hl_err err);
