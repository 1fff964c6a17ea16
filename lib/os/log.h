/* log.h - log lines: one event each, key=value, to stderr, in one write.
 *
 *	time=2024-05-01T12:00:00.123Z level=info who=proxy1 event=listening addr=127.0.0.1:2310
 *
 * No PIN, key, password or plaintext at any level. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "lib/base/err.h"

enum hl_log_level { HL_LOG_ERROR, HL_LOG_WARN, HL_LOG_INFO, HL_LOG_DEBUG };

/** Who speaks (copied, at most 64 bytes), how much, and where to (-1: nowhere). Before the first
 * call: "hsmlet", HL_LOG_INFO, stderr. */
void hl_log_who(const char *who);
void hl_log_limit(enum hl_log_level most);
void hl_log_fd(int fd);
/** The level called `name`: error, warn, info, debug. HL_E_ARG. */
HL_CHECKED hl_err hl_log_parse(const char *name, enum hl_log_level *out);
/** And back. */
const char *hl_log_level_text(enum hl_log_level level);

/**
 * Say that `event` happened. `format` is "key=%s other=%u": what a %s brings is quoted and escaped
 * where it holds more than [A-Za-z0-9._:/@+,-], so that a line is always one line and a value never
 * looks like a key. Conversions: s (with precision), d, i, u, x, X, c, p; modifiers h, l, ll, z, j.
 * A line over 2 KiB is cut and says so. Safe from any thread.
 */
void hl_log(enum hl_log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** The line without its end, as hl_log() writes it: for other sinks and tests. Returns its length,
 * less than `size`. */
size_t hl_log_format(char *out, size_t size, enum hl_log_level level, const char *event,
	const char *format, va_list args) __attribute__((format(printf, 5, 0)));
