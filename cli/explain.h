/* explain.h - what `explain` knows beside the table of errors. Pure. */
#pragma once

#include <stddef.h>

struct cli_exit {
	int code;
	const char *text;
};

/** What the exit codes of the front command mean. */
const struct cli_exit *cli_exits(size_t *n);
