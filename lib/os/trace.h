/* trace.h - the trace file of a process: one JSON line a step or life event.
 *
 * Many processes may append to one file: each line is one write(2) on an O_APPEND descriptor.
 *
 *	{"mono_us":1,"wall_ms":2,"who":"proxy1","role":"proxy","conn":"00..","n":1,
 *	 "step":"hello.proxy","way":"got","err":"HL-0205","msg":"hello.proxy","fields":{...},...}
 *
 * A life event has "what" instead of "n" and "step"; conn, err, msg with fields, and note stand
 * there only where there is one. Fields marked secret are never written. */
#pragma once

#include "lib/base/env.h"

#define HL_TRACE_WHO 65

struct hl_trace_log {
	int fd; /* -1: no trace is kept */
	char who[HL_TRACE_WHO], role[HL_TRACE_WHO];
	unsigned worker; /* which worker of the member this is; 0: none, and not in the line */
};

/** Append to `path` (made with 0600; NULL or "": keep no trace). `who` and `role` are copied.
 * HL_E_CREATE. */
HL_CHECKED hl_err hl_trace_log_open(
	struct hl_trace_log *log, const char *path, const char *role, const char *who);
void hl_trace_log_close(struct hl_trace_log *log);

/** Append the line to the file. A line that cannot be written is lost: a trace never stops work. */
void hl_trace_log_write(
	const struct hl_trace_log *log, int64_t mono_us, int64_t wall_ms, const struct hl_trace *t);

/** Append the line, its newline included, to `out`. */
void hl_trace_log_format(struct hl_buf *out, const struct hl_trace_log *log, int64_t mono_us,
	int64_t wall_ms, const struct hl_trace *t);
