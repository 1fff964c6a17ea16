/* canary.h - a secret of the test, and the search for it wherever it must not be: as it is, backwards,
 * in hex of both cases, in base64 and base64url at each of the three alignments. */
#pragma once

#include "lib/base/bytes.h"

enum canary_form {
	CANARY_RAW, CANARY_REVERSED, CANARY_HEX, CANARY_HEX_UPPER,
	CANARY_BASE64, CANARY_BASE64_1, CANARY_BASE64_2,
	CANARY_URL, CANARY_URL_1, CANARY_URL_2,
	CANARY_FORMS
};

#define CANARY_MAX 64

struct canary {
	char name[32]; /* whose, for messages */
	struct {
		uint8_t p[2 * CANARY_MAX];
		size_t n;
	} form[CANARY_FORMS];
};

/** All forms of `secret`: 8 to CANARY_MAX bytes. */
void canary_make(struct canary *c, const char *name, struct hl_bytes secret);
struct hl_bytes canary_form(const struct canary *c, enum canary_form form);
/** Whether `place` holds it in some form; each finding is told on stderr where `where` is not NULL. */
bool canary_in(const struct canary *c, struct hl_bytes place, const char *where);
/** The same for a file; one that cannot be read counts as a finding. */
bool canary_in_file(const struct canary *c, const char *path, bool tell);
