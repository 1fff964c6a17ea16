/* lines.h - trace files: lines of JSON, merged, sorted, taken together as connections. */
#pragma once

#include <jansson.h>

#include "lib/base/bytes.h"
#include "lib/base/step.h"

struct cli_line {
	json_t *json; /* owns the texts */
	int64_t mono_us, wall_ms;
	int step; /* -1: a life event */
	hl_err err;
	const char *who, *role, *conn, *note; /* conn and note may be NULL */
};

struct cli_lines {
	struct cli_line *line;
	size_t n, room;
	size_t broken; /* lines that could not be read, and were passed over */
};

/** Add the lines of a file's text; a broken one is counted. HL_E_NOMEM. */
HL_CHECKED hl_err cli_lines_add(struct cli_lines *l, struct hl_bytes text);
/** Add all files *.jsonl of a folder. HL_E_NOT_FOUND: there is no such folder; HL_E_IO, HL_E_NOMEM. */
HL_CHECKED hl_err cli_lines_read(struct cli_lines *l, const char *folder);
/** Bring them into the order of connections, in each of time. */
void cli_lines_sort(struct cli_lines *l);
void cli_lines_clear(struct cli_lines *l);

/* One connection, as far as its lines tell. */
enum cli_column { CLI_COL_CLIENT, CLI_COL_DNS, CLI_COL_PROXY, CLI_COL_DIRECTORY, CLI_COL_HSM, CLI_COLS };
#define CLI_STEPS ((size_t)HL_STEP_OPEN) /* 0 to 8 */

struct cli_connection {
	const char *id;
	bool nameless; /* it ended before it had an id */
	const struct cli_line *line; /* its lines, sorted */
	size_t lines;
	int64_t start_us, wall_ms, end_us; /* of the first and the last of steps 0 to 8 */
	struct {
		bool seen;
		int64_t at_us;
		hl_err err;
		const char *note;
	} step[CLI_STEPS];
	int reached;   /* last step seen; -1: none */
	int failed;    /* step that failed, 9 for an operation; -1: none */
	hl_err err;    /* how */
	const char *who[CLI_COLS];
	const char *partition; /* NULL: not told */
};

/** The next connection from line *at on of sorted lines; *at is moved on. False after the last. Lines of an id
 * that is all zeros (the attempt ended before it had one) are a connection each. */
bool cli_lines_next(const struct cli_lines *l, size_t *at, struct cli_connection *out);
/** The one whose id begins with `prefix` (one without an id is not meant); NULL or "": the one that began last. HL_E_NOT_FOUND, HL_E_ARG: there
 * are several. */
HL_CHECKED hl_err cli_lines_find(
	const struct cli_lines *l, const char *prefix, struct cli_connection *out);
