/* attribute.h - the attributes of PKCS #11 v3.0 section 4: who has them, who may give them. */
#pragma once

#include "hsm/object.h"

/* What an object can be; the rows speak of sets of them. */
enum hsm_kind {
	HSM_RSA_PUBLIC = 1 << 0,
	HSM_RSA_PRIVATE = 1 << 1,
	HSM_EC_PUBLIC = 1 << 2,
	HSM_EC_PRIVATE = 1 << 3,
	HSM_ED_PUBLIC = 1 << 4, /* Edwards curves */
	HSM_ED_PRIVATE = 1 << 5,
	HSM_X_PUBLIC = 1 << 6, /* Montgomery curves */
	HSM_X_PRIVATE = 1 << 7,
	HSM_DSA_PUBLIC = 1 << 8,
	HSM_DSA_PRIVATE = 1 << 9,
	HSM_DH_PUBLIC = 1 << 10, /* PKCS #3 */
	HSM_DH_PRIVATE = 1 << 11,
	HSM_DHX_PUBLIC = 1 << 12, /* X9.42 */
	HSM_DHX_PRIVATE = 1 << 13,
	HSM_GENERIC = 1 << 14, /* generic secrets, and those of one HMAC */
	HSM_AES = 1 << 15,
	HSM_CAMELLIA = 1 << 16,
	HSM_DES = 1 << 17, /* of two keys and of three */
	HSM_CHACHA20 = 1 << 18,
	HSM_POLY = 1 << 19,
	HSM_CERTIFICATE = 1 << 20,
	HSM_DATA = 1 << 21,
	HSM_DSA_DOMAIN = 1 << 22,
	HSM_DH_DOMAIN = 1 << 23,
	HSM_DHX_DOMAIN = 1 << 24,
};

enum {
	HSM_FIXED = 1 << 0,      /* a template may only repeat what holds anyway */
	HSM_USAGE = 1 << 1,      /* says what the key is for */
	HSM_SETTABLE = 1 << 2,   /* may be changed later, where CKA_MODIFIABLE */
	HSM_RISES = 1 << 3,      /* may become true later, never false again */
	HSM_FALLS = 1 << 4,      /* may become false later, never true again */
	HSM_SENSITIVE = 1 << 5,  /* part of the key value: not kept among the attributes, but for public keys */
	HSM_OWN = 1 << 6,        /* the HSM's own to set */
	HSM_COPY_RISES = 1 << 7, /* a copy may have it true where the original has it false */
	HSM_COPY_FALLS = 1 << 8, /* and the other way */
	HSM_OFFICER = 1 << 9,    /* true by the security officer only */
	HSM_DATE = 1 << 10,      /* CK_DATE: eight digits, or empty */
	HSM_NUMBERS = 1 << 11,   /* numbers of eight bytes each */
	HSM_TEMPLATE = 1 << 12,  /* fields of object.row: attributes, none of which is a template itself */
	HSM_LAX = 1 << 13,       /* true by default under legacy_wrap only */
};

struct hsm_attribute_row {
	uint32_t type; /* CKA_ */
	enum hl_form form;
	const char *name;
	unsigned has;     /* kinds that have it */
	unsigned given;   /* kinds whose template may hold it, where they are generated, derived or unwrapped */
	unsigned created; /* kinds whose template may hold it, where they are made from their parts */
	unsigned needed;  /* kinds whose template must hold it to be generated */
	unsigned whole;   /* kinds whose template must hold it to be created */
	unsigned yes;     /* booleans: kinds where it is true unless the template says otherwise */
	unsigned rules;
};

/** The row of `type`, or NULL for an attribute that we do not know. */
const struct hsm_attribute_row *hsm_attribute_row(uint32_t type);
/** All rows, in ascending order of type. */
const struct hsm_attribute_row *hsm_attribute_rows(size_t *n);

/** Whether form, length and shape of the value are the row's. */
bool hsm_attribute_fits(const struct hsm_attribute_row *row, const struct hl_attribute *a);
/** Whether it is part of the value of an object of this kind, and so kept sealed. */
bool hsm_attribute_sealed(const struct hsm_attribute_row *row, unsigned kind);

/* A class and type of objects. */
struct hsm_kind_row {
	uint64_t class, key_type;
	unsigned kind;
	const char *name;	 /* in tables */
	size_t least, most, step; /* bytes that a secret key has; most 0: no secret key */
};

/** The row of an object of this class and key type (0 for one without); NULL: it has no rules here. */
const struct hsm_kind_row *hsm_kind_row(uint64_t class, uint64_t key_type);
const struct hsm_kind_row *hsm_kind_rows(size_t *n);
/** The kind of an object; 0 for one that has no rules here. */
unsigned hsm_kind_of(const struct hsm_object *o);
/** Whether a secret key of this kind may have n bytes. */
bool hsm_kind_takes(const struct hsm_kind_row *kind, size_t n);

struct hsm_rules;

/* How an object comes about. */
enum hsm_origin { HSM_GENERATED, HSM_CREATED, HSM_UNWRAPPED, HSM_DERIVED };

/**
 * Take a template (a decoded list) over into `o`, which holds its class and key type already, and
 * add what the template leaves out: CKA_TOKEN true, the defaults of the rows. Usage attributes are
 * false unless given, but where the template gives none at all those of the row's `yes` are true
 * (wrapping and unwrapping, which shut out decrypting and encrypting, only where nothing shuts out anything).
 * Then K-01 and K-02 must hold. The codes of templates (hsm/key.h) with `*why`, HL_E_NOMEM; `o` is
 * then half filled.
 */
HL_CHECKED hl_err hsm_template_apply(const struct hl_list *template, enum hsm_origin origin,
	const struct hsm_rules *rules, struct hsm_object *o, const char **why);

/** The attribute of this type in a decoded list; false: there is none. */
bool hsm_template_find(const struct hl_list *template, uint32_t type, struct hl_attribute *out);
/** A number in it, `otherwise` where there is none. HL_E_ATTRIBUTE_VALUE with `*why`. */
HL_CHECKED hl_err hsm_template_number(const struct hl_list *template, uint32_t type,
	uint64_t otherwise, uint64_t *out, const char **why);

/* A template made of two; `row.attributes` is the decoded list. */
struct hsm_merged {
	struct hl_buf memory;
	struct hl_object_row row;
};
void hsm_merged_clear(struct hsm_merged *m);
/** `template` with what `fixed` (the value of a template attribute of the key in use, or empty) adds to it.
 * HL_E_TEMPLATE_INCONSISTENT where both give an attribute differently. */
HL_CHECKED hl_err hsm_template_merge(const struct hl_list *template, struct hl_bytes fixed,
	struct hsm_merged *out, const char **why);

/** The attributes that tell of an object's past. `mechanism`: of a generated one. `base`: of a derived one. */
HL_CHECKED hl_err hsm_object_born(struct hsm_object *o, enum hsm_origin origin, uint64_t mechanism,
	const struct hsm_object *base);

/** K-01 and K-02 for a pair: what one half wraps or encrypts the other may not decrypt or unwrap. */
HL_CHECKED hl_err hsm_pair_judge(const struct hsm_object *key, const struct hsm_object *public_key,
	const struct hsm_rules *rules, const char **why);
