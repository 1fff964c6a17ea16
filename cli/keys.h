/* keys.h - what the verbs of keys share: connecting, finding objects, names of their numbers, making a key. */
#pragma once

#include "cli/client.h"
#include "lib/wire/numbers.h"

/** Connect to `partition` (NULL: that of the first slot), with the PIN that was given, if any. */
HL_CHECKED hl_err cli_key_connect(struct cli *c, const char *partition, const struct cli_pin *from, bool *pin_given,
	hsmlet **out);

struct cli_key {
	uint64_t handle, public_handle; /* the second is 0 for secret keys */
};

/** Make a key or a pair, sensitive and not extractable; `type` as in `key create --type`. */
HL_CHECKED hl_err cli_key_make(struct cli *c, hsmlet *h, const char *type, const char *label,
	struct hl_bytes id, struct cli_key *out);
/** The name, as in `key create --type`, of the curve with this CKA_EC_PARAMS; NULL: none of those. */
const char *cli_curve_name(struct hl_bytes params);

/* -- objects ----------------------------------------------------------------------------------------- */

/** Call `each` for all objects that match, page by page. */
HL_CHECKED hl_err cli_objects_each(struct cli *c, hsmlet *h, const hsmlet_attribute *match, size_t n,
	hl_err (*each)(struct cli *c, hsmlet *h, uint64_t object, void *at), void *at);

#define CLI_OBJECTS_MAX 256
struct cli_objects {
	uint64_t object[CLI_OBJECTS_MAX];
	size_t n;
};

/** All objects that match, at the end of `out`. HL_E_FULL. */
HL_CHECKED hl_err cli_objects_match(
	struct cli *c, hsmlet *h, const hsmlet_attribute *match, size_t n, struct cli_objects *out);
/** All objects with this label (both halves of a pair have it); where none has, the one with this handle, which
 * need not be there. HL_E_KEY: `operand` is neither. */
HL_CHECKED hl_err cli_objects_find(struct cli *c, hsmlet *h, const char *operand, struct cli_objects *out);

/** What a call about this object failed with; an error that says no more is about the handle. */
hl_err cli_object_trouble(struct cli *c, uint64_t object, const hsmlet_error *e);

/** "0x0123456789abcdef". */
void cli_handle_text(uint64_t handle, char out[24]);

/** Bytes that are mostly text, such as a label: what is not printable is written as in C. */
void cli_put_text(struct hl_buf *out, hsmlet_attribute v);

#define CLI_NUMBER_NAME 32
/** "private", "ec", "ec_key_pair_gen"; the number itself where it has no name. */
void cli_class_name(uint64_t number, char out[CLI_NUMBER_NAME]);
void cli_key_type_name(uint64_t number, char out[CLI_NUMBER_NAME]);
void cli_mechanism_name(uint64_t number, char out[CLI_NUMBER_NAME]);

/** UINT64_MAX where it is no number. */
uint64_t cli_attribute_number(hsmlet_attribute a);
