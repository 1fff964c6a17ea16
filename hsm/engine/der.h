/* der.h - the little DER (X.690) that keys need: writing it, and reading an OCTET STRING. */
#pragma once

#include "lib/base/bytes.h"

enum { HSM_DER_INTEGER = 0x02, HSM_DER_BITS = 0x03, HSM_DER_OCTETS = 0x04, HSM_DER_SEQUENCE = 0x30 };

/** Append an element; contents of up to 65,535 bytes (else `out` fails with HL_E_RANGE). */
void hsm_der_put(struct hl_buf *out, uint8_t tag, struct hl_bytes content);
/** Append a number without sign as an INTEGER. */
void hsm_der_number(struct hl_buf *out, struct hl_bytes number);
/** The content of `der` where that is one OCTET STRING and nothing else. */
bool hsm_der_octets(struct hl_bytes der, struct hl_bytes *content);
/** The content of the next element, which must have this tag; the cursor's error tells otherwise. Its
 * length takes at most two bytes. */
struct hl_bytes hsm_der_take(struct hl_rd *r, uint8_t tag);
