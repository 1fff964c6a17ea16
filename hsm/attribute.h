/* attribute.h - the attributes of PKCS #11 v3.0 section 4: who has them, who may give them. */
#pragma once

#include "hsm/object.h"

/* What an object can be; the rows speak of sets of them. */
enum hsm_kind {
	HSM_RSA_PUBLIC = 1,
	HSM_RSA_PRIVATE = 2,
	HSM_EC_PUBLIC = 4,
	HSM_EC_PRIVATE = 8,
	HSM_AES = 16,
};

enum {
	HSM_FIXED = 1,      /* a template may only repeat what holds anyway */
	HSM_USAGE = 2,      /* says what the key is for */
	HSM_SETTABLE = 4,   /* may be changed later, where CKA_MODIFIABLE */
	HSM_RISES = 8,      /* may become true later, never false again */
	HSM_FALLS = 16,     /* may become false later, never true again */
	HSM_SENSITIVE = 32, /* part of the key value: not kept among the attributes */
};

struct hsm_attribute_row {
	uint32_t type; /* CKA_ */
	enum hl_form form;
	const char *name;
	unsigned has;    /* kinds that have it */
	unsigned given;  /* kinds whose template may hold it */
	unsigned needed; /* kinds whose template must hold it */
	unsigned yes;    /* booleans: kinds where it is true unless the template says otherwise */
	unsigned rules;
};

/** The row of `type`, or NULL for an attribute that we do not know. */
const struct hsm_attribute_row *hsm_attribute_row(uint32_t type);
/** All rows, in ascending order of type. */
const struct hsm_attribute_row *hsm_attribute_rows(size_t *n);

/** Whether form and length of the value are the row's: one byte 0 or 1, eight bytes, or any. */
bool hsm_attribute_fits(const struct hsm_attribute_row *row, const struct hl_attribute *a);

/** The kind of an object of this class and key type; 0 for one that has no rules here. */
unsigned hsm_kind(uint64_t class, uint64_t key_type);

/**
 * Take a template (a decoded list) over into `o`, which holds its class and key type already, and
 * add what the template leaves out: CKA_TOKEN true, the defaults of the rows. Usage attributes are
 * false unless given, but where the template gives none at all those of the row's `yes` are true.
 * HL_E_ATTRIBUTE with `*why` (a static text), HL_E_NOMEM; `o` is then half filled.
 */
HL_CHECKED hl_err hsm_template_apply(
	const struct hl_list *template, struct hsm_object *o, const char **why);
