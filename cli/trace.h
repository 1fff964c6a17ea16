/* trace.h - drawing a connection of a folder of traces, for `trace show` and `try`. */
#pragma once

#include "cli/lines.h"
#include "cli/say.h"

/** All lines of the folder, sorted; says how many were broken. HL_E_NOT_FOUND, HL_E_IO. */
HL_CHECKED hl_err cli_trace_load(struct cli *c, const char *folder, struct cli_lines *out);
/** Draw it on c->out, in the characters and colours of the terminal. HL_E_NOMEM. */
HL_CHECKED hl_err cli_trace_draw(struct cli *c, const struct cli_connection *k);
