/* keys.h - what the verbs of keys share: connecting, finding objects, names of their numbers, making a key. */
#pragma once

#include "cli/client.h"
#include "lib/wire/numbers.h"

/** Connect to `partition` (NULL: that of the first slot), with the PIN that was given, if any. */
HL_CHECKED hl_err cli_key_connect(struct cli *c, const char *partition, const struct cli_pin *from, bool *pin_given,
	hsmlet **out);

struct cli_key {
	uint64_t handle, public_handle; /* the second is 0 for what is no pair */
};

/* How whoever makes a key wants it, of the options. */
struct cli_key_wish {
	const char *label, *id; /* id: hex digits */
	bool extractable, no_sensitive;
};
/* clang-format off */
#define CLI_KEY_WISH_ROWS(S) \
	{ "label", 0, "TEXT", CLI_TEXT, offsetof(S, wish.label), 0, 0, NULL, "its label" }, \
	{ "id", 0, "HEX", CLI_TEXT, offsetof(S, wish.id), 0, 0, NULL, "its CKA_ID" }, \
	{ "extractable", 0, NULL, CLI_FLAG, offsetof(S, wish.extractable), 0, 0, NULL, "it may leave the HSM, wrapped by another key" }, \
	{ "no-sensitive", 0, NULL, CLI_FLAG, offsetof(S, wish.no_sensitive), 0, 0, NULL, "with --extractable: its value may be read" }
/* clang-format on */

#define CLI_KEY_ID 64
/* The same, read. */
struct cli_key_marks {
	const char *label;
	uint8_t id[CLI_KEY_ID];
	size_t id_n;
	bool extractable, sensitive;
};
/** HL_E_ARG: no label, or an id that is none. */
HL_CHECKED hl_err cli_key_marks(struct cli *c, const struct cli_key_wish *w, struct cli_key_marks *out);
#define CLI_KEY_MARKED 5
/** Their attributes of an object of this class (views into `m`); how many there are. */
size_t cli_key_marked(const struct cli_key_marks *m, uint32_t class, hsmlet_attribute out[CLI_KEY_MARKED]);
/** An attribute that is a number; `at` is its memory. */
hsmlet_attribute cli_key_number(uint32_t type, uint64_t v, uint8_t at[8]);

/** Make a key or a pair; `type` as in `key create --type`. */
HL_CHECKED hl_err cli_key_make(
	struct cli *c, hsmlet *h, const char *type, const struct cli_key_marks *m, struct cli_key *out);
/** Tell what was made, an object of this class, or a pair. */
HL_CHECKED hl_err cli_key_print(
	struct cli *c, const struct cli_key *key, uint32_t class, const char *type, const char *label);

/* -- curves ------------------------------------------------------------------------------------------- */

/** The name ("ec-p256", "x448") of the curve with this CKA_EC_PARAMS; NULL: it has none here. */
const char *cli_curve_name(struct hl_bytes params);
/** And the other way; empty where it is no curve's name. */
struct hl_bytes cli_curve_params(const char *name);
#define CLI_OID_NAME 64
/** What OpenSSL calls the object identifier, given in DER; its numbers where it does not know it. */
void cli_oid_name(struct hl_bytes oid, char out[CLI_OID_NAME]);

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
/** The type's name, of CKA_KEY_TYPE and CKA_EC_PARAMS (which need not be there): "ed25519", where the type alone is "edwards". */
void cli_key_type_of(hsmlet_attribute type, hsmlet_attribute params, char out[CLI_NUMBER_NAME]);

/** UINT64_MAX where it is no number. */
uint64_t cli_attribute_number(hsmlet_attribute a);
