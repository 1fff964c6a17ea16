/* finish.h - what all ways to a secret key end with. */
#pragma once

#include "hsm/object.h"

/** Odd parity for a key of DES (NIST SP 800-67, 3.1); others stay. */
void hsm_set_parity(uint64_t key_type, struct hl_secret *value);

/**
 * The value stands in `o`: set CKA_VALUE_LEN and, for block ciphers, CKA_CHECK_VALUE. HL_E_ATTRIBUTE_VALUE
 * with `*why`: the template gave another check value; HL_E_CRYPTO, HL_E_NOMEM.
 */
HL_CHECKED hl_err hsm_finish_secret(struct hsm_object *o, const char **why);
/** Compare or set CKA_CHECK_VALUE, whose right value this is. As above. */
HL_CHECKED hl_err hsm_finish_check_value(struct hsm_object *o, struct hl_bytes value, const char **why);
