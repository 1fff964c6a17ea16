/* draw.h - the eight steps of a connection, drawn as a sequence with times. Pure: lines in, text out. */
#pragma once

#include "cli/lines.h"

struct cli_style {
	bool utf8, colour;
};

/** Append the drawing to `out`. */
void cli_draw(const struct cli_connection *k, struct cli_style style, struct hl_buf *out);
/** The same as a new JSON object: connection, who, steps. */
json_t *cli_draw_json(const struct cli_connection *k);
