/* pkcs8.h - the numbers inside a private key, as views into its PKCS #8 encoding. */
#pragma once

#include "lib/base/bytes.h"

/**
 * The part of `der` (RFC 5958, unencrypted) that attribute `type` speaks of: of an RSA key
 * CKA_PRIVATE_EXPONENT to CKA_COEFFICIENT (RFC 8017, A.1.2), of an EC key CKA_VALUE (RFC 5915,
 * section 3), of a key on an Edwards or Montgomery curve CKA_VALUE (RFC 8410, 7), of a DSA or DH key
 * CKA_VALUE, the exponent. HL_E_NOT_FOUND where such a key
 * has no such part; HL_E_SHORT or HL_E_RANGE where the encoding is broken.
 */
HL_CHECKED hl_err hsm_pkcs8_part(
	struct hl_bytes der, uint32_t key_type, uint32_t type, struct hl_bytes *out);
