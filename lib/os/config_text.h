/* config_text.h - what must not reach libconfig's scanner and parser. For config.c alone. */
#pragma once

#include "lib/os/config.h"

/**
 * HL_E_CONFIG with the line, where libconfig 1.5 would misbehave instead of refusing: it ends
 * the process over an @include that cannot be read; it takes a NUL, a string or a comment that
 * is not closed for the end of a good file; it loses the memory of a string where none belongs,
 * with the password that may be in it; and it recurses as deep as the text nests.
 */
HL_CHECKED hl_err hl_config_check_text(
	const char *file, struct hl_bytes text, struct hl_config_error *error);
