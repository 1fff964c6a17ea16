/* credential.h - the two credential files of a subscription, written and read.
 *
 *	<company>_<svc>_service_<user>_<date>.txt      <company>_<svc>_hsm_<user>_<date>.txt
 *	Service User Name: ...                         HSM User Name: ...
 *	Service User Password: ...                     HSM User Setup Password: ...
 *	HSM User Name: ...                             PKCS#11 password : ...  (if ordered)
 *
 * Labels to the letter; `# comment` may follow a value. Pure: texts in, texts out. */
#pragma once

#include "lib/base/secret.h"
#include "lib/wire/messages.h"

enum hl_credential_kind { HL_CREDENTIAL_SERVICE = 1, HL_CREDENTIAL_HSM = 2 };

#define HL_SERVICE_PASSWORD_TEXT 128
#define HL_SETUP_PASSWORD_TEXT 29 /* five groups of five of A-Z a-z 0-9, joined by '-' */
#define HL_PIN_TEXT 32

struct hl_credential {
	enum hl_credential_kind kind;
	char service_user[HL_NAME_TEXT + 1]; /* SERVICE; empty else */
	char partition[HL_NAME_TEXT + 1];
	struct hl_secret service_password; /* SERVICE */
	struct hl_secret setup_password;   /* HSM */
	struct hl_secret pin;              /* HSM; empty where the API was not ordered */
};

/** Wipe and zero; the passwords are freed. */
void hl_credential_clear(struct hl_credential *c);

/** Append the file's text to `out`. HL_E_ARG where a part is missing, or has a form that would
 * not be read again: names and passwords are printable ASCII, do not begin or end with a space
 * and hold no '#' in front or after a space. HL_E_NOMEM, HL_E_FULL. What stood in `out` before
 * still does then, and no more. */
HL_CHECKED hl_err hl_credential_write(const struct hl_credential *c, struct hl_buf *out);

/** Read either file, or a combined one (then `out[0]` is SERVICE, `out[1]` is HSM and *n is 2).
 * Takes what the writer writes and what real files have: CRLF, tabs, spaces around names and the
 * colon, comments, blank lines, headings and lines with labels of others (JWT), a BOM, `Service
 * (Proxy) User Name`.
 *
 * HL_E_CRED_FILE with `*line` the line at fault (0: a label is missing) and `*why` a static text,
 * where a label is missing, stands twice or is nearly right, a value is empty, too long, not
 * printable or begins with '#', a setup password has not its five groups, or the last line is one
 * of ours and has no end (newline, blank or comment): a file that was cut there would look the
 * same. HL_E_NOMEM. The caller clears out[0] and out[1] (zeroed before), which are set on HL_OK
 * only. */
HL_CHECKED hl_err hl_credential_read(struct hl_bytes text, struct hl_credential out[2], size_t *n,
	unsigned *line, const char **why);

/** The file's name: "acme_SBX_service_acmeservice_20260131.txt", the date in UTC. HL_E_RANGE
 * where it does not fit or the year has not four digits, HL_E_ARG for an empty part. Characters
 * that a file name should not have (all but A-Z a-z 0-9 . _ -, and a '.' in front) become '-'. */
HL_CHECKED hl_err hl_credential_name(const char *company, const char *svc,
	enum hl_credential_kind kind, const char *user, int64_t wall_ms, char *out, size_t size);
