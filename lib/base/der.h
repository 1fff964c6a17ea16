/* der.h - the little DER (X.690) that keys need: writing it, and reading it element by element. */
#pragma once

#include "lib/base/bytes.h"

enum {
	HL_DER_INTEGER = 0x02,
	HL_DER_BITS = 0x03,
	HL_DER_OCTETS = 0x04,
	HL_DER_NULL = 0x05,
	HL_DER_OID = 0x06,
	HL_DER_SEQUENCE = 0x30,
	HL_DER_FIELD = 0xa0, /* + n: [n], constructed */
};

/** Append an element; contents of up to 65,535 bytes (else `out` fails with HL_E_RANGE). */
void hl_der_put(struct hl_buf *out, uint8_t tag, struct hl_bytes content);
/** Append a number without sign as an INTEGER. */
void hl_der_number(struct hl_buf *out, struct hl_bytes number);
/** The content of `der` where that is one OCTET STRING and nothing else. */
bool hl_der_octets(struct hl_bytes der, struct hl_bytes *content);
/** The content of the next element, which must have this tag; the cursor's error tells otherwise. Its
 * length takes at most two bytes. */
struct hl_bytes hl_der_take(struct hl_rd *r, uint8_t tag);
/** The same, with its tag and length. */
struct hl_bytes hl_der_whole(struct hl_rd *r, uint8_t tag);
/** A cursor over its content; an error of `r`, or of the element, is its error, too. */
struct hl_rd hl_der_inside(struct hl_rd *r, uint8_t tag);
/** The tag of the next element; 0 where there is none. */
uint8_t hl_der_next(const struct hl_rd *r);
/** The content of an INTEGER without the zero that DER puts before a number whose top bit is set. */
struct hl_bytes hl_der_unsigned(struct hl_bytes integer);
