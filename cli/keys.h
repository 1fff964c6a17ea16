/* keys.h - making a key, for `key create` and `try`. */
#pragma once

#include "cli/client.h"
#include "lib/wire/numbers.h"

struct cli_key {
	uint64_t handle, public_handle; /* the second is 0 for secret keys */
};

/** Make a key or a pair, sensitive and not extractable; `type` as in `key create --type`. */
HL_CHECKED hl_err cli_key_make(struct cli *c, hsmlet *h, const char *type, const char *label,
	struct hl_bytes id, struct cli_key *out);
