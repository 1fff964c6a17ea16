/* wire.h - frames of a table's messages, as tests of the codec need them. */
#pragma once

#include "lib/wire/messages.h"
#include "tests/support/sample.h"

#define WIRE_ID 0x01020304u

/** The frame of `body`; the caller clears it. It may have failed: see its err. */
struct hl_buf wire_encode(const struct hl_msg *m, const void *body);
/** Decode `bytes`, which must be one whole frame of m. `body` has room for it. */
HL_CHECKED hl_err wire_decode(const struct hl_msg *m, struct hl_bytes bytes, void *body);
/** Whether the frame at the front of `bytes` is refused as a message of m, or else says exactly
 * what encoding it again says: no two spellings of one content. Fields to be skipped count for
 * nothing. `*err` is how it was refused. */
bool wire_exact(const struct hl_msg *m, struct hl_bytes bytes, hl_err *err);
