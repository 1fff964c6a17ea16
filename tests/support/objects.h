/* objects.h - templates, keys and objects for tests. */
#pragma once

#include "hsm/key.h"

/* A template under construction; the list that template_list() yields lives as long as it does. */
struct template {
	struct hl_attribute item[64];
	uint8_t small[64][8];
	size_t n;
	struct hl_buf wire;
	struct hl_object_row row;
};

void template_bytes(struct template *t, uint32_t type, const void *p, size_t n);
void template_bool(struct template *t, uint32_t type, bool v);
void template_number(struct template *t, uint32_t type, uint64_t v);
/** Any form and value, right or wrong. */
void template_raw(struct template *t, uint32_t type, enum hl_form form, const void *p, size_t n);
/** The template as it arrives from the wire. */
const struct hl_list *template_list(struct template *t);
/** Forget it; usable with HL_AUTO. */
void template_clear(struct template *t);

extern const struct hl_bytes p256, p384, p521; /* CKA_EC_PARAMS */

/* What holds by default, and what holds with legacy_wrap. */
extern const struct hsm_rules strict, legacy;

/** A pair or a key of the mechanism, from templates that are then cleared. */
hl_err make(uint32_t mechanism, struct template *private_, struct template *public_,
	struct hsm_object *key, struct hsm_object *public_key, const char **why);
/** A pair on this curve, of this length, that signs and verifies; aborts where that fails. */
void make_ec_pair(struct hl_bytes params, struct hsm_object *key, struct hsm_object *public_key);
void make_rsa_pair(uint64_t bits, struct hsm_object *key, struct hsm_object *public_key);

/* A parsed pair, and the objects that it came from. */
struct pair {
	struct hsm_object object, public_object;
	struct hsm_key *key, *public_key;
};

/** Parse both objects; aborts where that fails. */
void pair_parse(struct pair *p);
void pair_clear(struct pair *p);
/** Made and parsed; aborts where that fails. */
void pair_make_ec(struct pair *p, struct hl_bytes params);
void pair_make_rsa(struct pair *p, uint64_t bits);
/** What the object has there; nothing where it has no such attribute. */
struct hl_bytes object_value(const struct hsm_object *o, uint32_t type);

void hsm_key_freep(struct hsm_key **k);

#define AUTO_OBJECT HL_AUTO(hsm_object_clear) struct hsm_object
#define AUTO_BUF HL_AUTO(hl_buf_clear) struct hl_buf
#define AUTO_KEY HL_AUTO(hsm_key_freep) struct hsm_key
#define AUTO_PAIR HL_AUTO(pair_clear) struct pair

extern const struct hl_bytes message; /* 32 bytes to be signed */

/** hsm_key_sign() into an emptied buffer, and hsm_key_verify(), with mechanisms that take no parameter. */
hl_err sign(struct hsm_key *k, uint32_t mechanism, struct hl_bytes data, struct hl_buf *out);
hl_err verify(struct hsm_key *k, uint32_t mechanism, struct hl_bytes data, struct hl_bytes signature);
