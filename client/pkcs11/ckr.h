/* ckr.h - our errors as PKCS#11 and its users know them: return values, and the numbers of the vendor's log and of ppin.
 *
 * Numbers: 0x0nnnnnnn are return values of the standard, 0x8nnnnnnn the vendor's own. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "client/pkcs11/cryptoki.h"
#include "lib/base/err.h"
#include "lib/base/step.h"

struct p11_ckr_row {
	hl_err err;
	CK_RV rv;        /* where the connection did not come about, and of all that has nothing to do with one */
	CK_RV open;      /* where it broke later; 0: the same */
	uint32_t number; /* in the log; 0: the return value itself */
};
/** All of them, one for each error. */
const struct p11_ckr_row *p11_ckr_rows(size_t *n);

/** The return value for an error, and the number that stands in the log (NULL: not wanted). `step`: where of the connection
 * it failed. */
CK_RV p11_ckr(hl_err err, enum hl_step step, uint32_t *number);
/** "CKR_OK" and so on; "CKR_?" for one that has no name. */
const char *p11_ckr_name(CK_RV rv);

/** The number of an error of an exchange, whose secret is a setup password. */
uint32_t p11_setup_number(hl_err err);

/* Those that ppin tells, beside the ones that come with an error. */
enum p11_number {
	P11_CONFIGURED_ALREADY = 0x80005002,
	P11_SECRETS_NONE = 0x80005004,
	P11_SECRETS_UNWRITABLE = 0x80005007,
	P11_NOT_ADDED = 0x80005008,
	P11_NOT_UPDATED = 0x80005010,
	P11_NOT_REMOVED = 0x80005011,
	P11_USER_UNKNOWN = 0x80005012,
};
/** What a number means, in a few words; of those below 0x80000000 the name of the return value. "unknown" for others. */
const char *p11_number_text(uint32_t number);
