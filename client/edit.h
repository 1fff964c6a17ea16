/* edit.h - change one setting of a configuration text and keep every other byte. Pure.
 *
 * libconfig writes a file anew, without its comments and in its own layout; this finds a setting
 * by its path ("primus.hsms.hsm0") and replaces that piece of text alone. It knows the outline
 * of the grammar (names, values, brackets, strings, comments, @include lines), not its details:
 * the caller parses the text before and after. */
#pragma once

#include "lib/base/bytes.h"

struct client_place {
	size_t name;       /* the first byte of the name */
	size_t value, end; /* the value is text[value .. end) */
	size_t after;      /* behind the semicolon or comma, if there is one */
};

/** Where the setting at `path` stands; false where there is none, or the text cannot be followed. */
bool client_edit_find(struct hl_bytes text, const char *path, struct client_place *out);

/** The line of the setting at `path`, from 1; 0 where there is none. */
int client_edit_line(struct hl_bytes text, const char *path);

/**
 * Give the setting at `path` this value, written as in the file ("{\n\tport = 1;\n}"): in place
 * where it exists, else as the last of its group. Missing groups are made. Lines of `value` get
 * the indentation of the place. `text` carries HL_E_NOMEM, HL_E_FULL, or HL_E_CONFIG: the text
 * cannot be followed, or something on the way is no group.
 */
void client_edit_set(struct hl_buf *text, const char *path, const char *value);

/** Take the setting out, with its line if it stands alone there. HL_E_NOT_FOUND, HL_E_NOMEM. */
HL_CHECKED hl_err client_edit_remove(struct hl_buf *text, const char *path);

/** Append `s` as a string in quotes. HL_E_ARG for control characters; HL_E_NOMEM, HL_E_FULL. */
HL_CHECKED hl_err client_edit_quote(struct hl_buf *out, const char *s);
