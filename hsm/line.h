/* line.h - lines of a partition's log, in the grammar of the modelled product:
 *
 *	2026 Feb  3 10:11:12 UTC hsm1 notice PKCS Process: Login request: User: PARTALPHA Client: ...
 *
 * What others chose (names, labels) is escaped, so that it can neither end a line, nor look like another part of one,
 * nor speak to a terminal: what is no printable ASCII becomes \x0a, and so does what would end the word. */
#pragma once

#include "lib/base/bytes.h"

enum hsm_severity { HSM_NOTICE, HSM_INFO, HSM_ERR };
enum hsm_facility { HSM_BY_PKCS11, HSM_CRYPTO };

/** The head of a line, up to "Process: ". A time that is no date (before 1970) is told as its first second. */
void hsm_line_head(struct hl_buf *out, int64_t wall_ms, const char *device, enum hsm_severity severity,
	enum hsm_facility facility);
/** A name: a word of letters, digits and . _ @ : / + = # ~ [ ] -, all else escaped; "-" where it is empty. */
void hsm_line_name(struct hl_buf *out, struct hl_bytes name);
/** A text between quotes, in which quotes and backslashes are escaped too. */
void hsm_line_quoted(struct hl_buf *out, struct hl_bytes text);
