/* curve.h - the curves that there are. */
#pragma once

#include "lib/base/bytes.h"

struct hsm_curve {
	uint32_t key_type; /* CKK_ */
	const char *group; /* OpenSSL's name: of a group, or of a type of key */
	const char *name;  /* as a PrintableString may give it */
	uint8_t oid[11];   /* DER */
	size_t oid_n;
};

/**
 * The curve that CKA_EC_PARAMS names: by the DER of its object identifier (RFC 5480, 2.1.1.1; RFC 8410, 3) or
 * of its name as a PrintableString (PKCS #11 v3.0, 2.3.3 and 2.3.10). NULL: not offered.
 */
const struct hsm_curve *hsm_curve_of(uint32_t key_type, struct hl_bytes params);
/** The curve with this name in OpenSSL, or NULL. */
const struct hsm_curve *hsm_curve_named(uint32_t key_type, const char *group);
const struct hsm_curve *hsm_curves(size_t *n);
