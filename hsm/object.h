/* object.h - an object of a partition: its attributes and, for keys, its value; the rules of both.
 *
 * Pure: no store, no network. The attributes of PKCS #11 v3.0 section 4, in ascending order of type. */
#pragma once

#include "lib/base/secret.h"
#include "lib/wire/messages.h"
#include "lib/wire/numbers.h"

struct hsm_object {
	uint64_t handle;
	uint64_t version;      /* of its row; of a session object: so often it was changed */
	struct hl_buf memory;  /* what the attributes' views point into */
	struct hl_attribute *attribute;
	size_t attributes;
	struct hl_secret value; /* private key: PKCS #8 DER; secret key, data: its bytes; public key: SPKI DER */
};

void hsm_object_clear(struct hsm_object *o);

/** The attribute of this type, or NULL. */
const struct hl_attribute *hsm_attribute(const struct hsm_object *o, uint32_t type);
/** Shorthands; absent gives false or 0. */
bool hsm_attribute_bool(const struct hsm_object *o, uint32_t type);
uint64_t hsm_attribute_number(const struct hsm_object *o, uint32_t type);
/** Set (or add) one; the value is copied and may be a view into `o`. Views taken before end here.
 * HL_E_NOMEM; `o` is then unchanged. */
HL_CHECKED hl_err hsm_attribute_set(
	struct hsm_object *o, uint32_t type, enum hl_form form, struct hl_bytes value);
HL_CHECKED hl_err hsm_attribute_set_bool(struct hsm_object *o, uint32_t type, bool v);
HL_CHECKED hl_err hsm_attribute_set_number(struct hsm_object *o, uint32_t type, uint64_t v);

/** Append the open part of the object's row (object.row), and back. Decoding makes a fresh object in
 * `out` (cleared or zeroed before) without handle, version and value, which are the caller's to add;
 * what hsm_object_encode() did not write is an error: one of hl_body_get(), or HL_E_ORDER,
 * HL_E_FIELD, HL_E_RANGE. */
HL_CHECKED hl_err hsm_object_encode(const struct hsm_object *o, struct hl_buf *out);
HL_CHECKED hl_err hsm_object_decode(struct hl_bytes open, struct hsm_object *out);

/** The same object once more, in `out` (cleared or zeroed before). HL_E_NOMEM. */
HL_CHECKED hl_err hsm_object_duplicate(const struct hsm_object *from, struct hsm_object *out);

/** Whether every attribute of `template` (a decoded list) stands so in `o`. Sensitive values never
 * match, and a data object's value is sealed, too. */
bool hsm_object_matches(const struct hsm_object *o, const struct hl_list *template);

/** The attribute as a user may see it: one that is sensitive, unknown or not of this object has the
 * form HL_FORM_UNAVAILABLE. Parts of the key value are shown only where CKA_SENSITIVE is false and
 * CKA_EXTRACTABLE true. `out->value` is a view into `o`. */
void hsm_attribute_shown(const struct hsm_object *o, uint32_t type, struct hl_attribute *out);

struct hsm_rules;

/** May a user change this attribute of this object to this value? HL_OK, HL_E_ATTRIBUTE_TYPE,
 * HL_E_ATTRIBUTE_VALUE, HL_E_ATTRIBUTE_READ_ONLY, HL_E_PROHIBITED (CKA_MODIFIABLE), all with `*why` a static
 * text. Names and dates may change, CKA_SENSITIVE and CKA_WRAP_WITH_TRUSTED only rise, CKA_EXTRACTABLE and
 * CKA_COPYABLE only fall; CKA_TRUSTED is for the security officer; uses only under legacy_wrap. */
HL_CHECKED hl_err hsm_attribute_may_set(const struct hsm_object *o, const struct hl_attribute *a,
	const struct hsm_rules *rules, const char **why);

/** Give the object its handle, and CKA_UNIQUE_ID, which is the handle in hex. HL_E_NOMEM. */
HL_CHECKED hl_err hsm_object_set_handle(struct hsm_object *o, uint64_t handle);
