/* parameter.h - what a mechanism takes besides data: from the application's structs to fields of the wire. */
#pragma once

#include "client/hsmlet.h"
#include "lib/base/bytes.h"

/** Append the fields of `m`'s parameter; nothing where it has none. HL_E_PARAMETER where it is not what the
 * mechanism takes; what its values may be is for the HSM to say. HL_E_FULL, HL_E_NOMEM. */
HL_CHECKED hl_err client_parameter(const hsmlet_mechanism *m, struct hl_buf *out);
