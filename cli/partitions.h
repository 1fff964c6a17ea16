/* partitions.h - what the directory knows of partitions. */
#pragma once

#include "cli/say.h"
#include "cli/world.h"

#define CLI_PARTITION_TABLE { .head = { "PARTITION", "TENANT", "SERVICE USER", "PACKAGE", "CLUSTER" } }

/** All partitions, as rows of the table and as a new JSON array. */
HL_CHECKED hl_err cli_partitions(
	struct cli *c, const struct cli_world *w, struct cli_table *t, json_t **out);
