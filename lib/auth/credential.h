/* credential.h - the two credential files of a subscription, written and read.
 *
 *	<company>_<svc>_service_<user>_<date>.txt      <company>_<svc>_hsm_<user>_<date>.txt
 *	Service User Name: ...                         HSM User Name: ...
 *	Service User Password: ...                     HSM User Setup Password: ...
 *	HSM User Name: ...                             PKCS#11 password : ...   (if that API is ordered)
 *
 * Labels to the letter; `# comment` may follow a value. Pure: texts in, texts out. */
#pragma once

#include "lib/base/secret.h"
#include "lib/wire/messages.h"

enum hl_credential_kind { HL_CREDENTIAL_SERVICE = 1, HL_CREDENTIAL_HSM = 2 };

struct hl_credential {
	enum hl_credential_kind kind;
	char service_user[HL_NAME_TEXT + 1];
	char partition[HL_NAME_TEXT + 1];
	struct hl_secret service_password; /* SERVICE */
	struct hl_secret setup_password;   /* HSM */
	struct hl_secret pin;              /* HSM; empty where the API was not ordered */
};

void hl_credential_clear(struct hl_credential *c);

/** Append the file's text to `out`. HL_E_ARG where a part is missing. */
HL_CHECKED hl_err hl_credential_write(const struct hl_credential *c, struct hl_buf *out);

/** Read either file, or a combined one (then `out[0]` and `out[1]` are both set and *n is 2). Takes what
 * the writer writes and what real files have: CRLF, tabs, spaces around names and the colon, comments,
 * blank lines, a BOM, `Service (Proxy) User Name`. HL_E_CRED_FILE with `*line` the line at fault (0: a label is
 * missing) and `*why` a static text. The caller clears out[0] and out[1] (zeroed before). */
HL_CHECKED hl_err hl_credential_read(
	struct hl_bytes text, struct hl_credential out[2], size_t *n, unsigned *line, const char **why);

/** The file's name: "acme_SBX_service_acmeservice_20260131.txt". HL_E_RANGE where it does not fit. Characters
 * that a file name should not have become '-'. */
HL_CHECKED hl_err hl_credential_name(const char *company, const char *svc, enum hl_credential_kind kind,
	const char *user, int64_t wall_ms, char *out, size_t size);
