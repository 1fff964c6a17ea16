/* build.h - between the parts of a key, as attributes name them, and the key. */
#pragma once

#include <openssl/evp.h>

#include "hsm/object.h"

/**
 * The key of a pair of which `template` has all parts (CKA_MODULUS, CKA_VALUE and so on; kinds and presence
 * were checked). HL_E_CURVE; HL_E_ATTRIBUTE_VALUE, HL_E_TEMPLATE_INCONSISTENT: the parts make no key; all with
 * `*why`.
 */
HL_CHECKED hl_err hsm_build(const struct hl_list *template, uint64_t class, uint32_t key_type,
	EVP_PKEY **out, const char **why);

/** A public key of `own`'s group, of the form that PKCS #11 gives to a derivation; NULL: there is none such. */
EVP_PKEY *hsm_build_peer(EVP_PKEY *own, uint32_t key_type, struct hl_bytes public);

/** Domain parameters alone, as a key for generating; `subprime` may be empty for DH. NULL on failure. */
EVP_PKEY *hsm_build_domain(
	uint32_t key_type, struct hl_bytes prime, struct hl_bytes subprime, struct hl_bytes base);

/** What can be read off the key: all attributes of its parts that are no secret, and the value of the object. */
HL_CHECKED hl_err hsm_describe(EVP_PKEY *pkey, struct hsm_object *o);
/** The same for objects of one key, both halves: its public part, which OpenSSL is slow to encode, is encoded once. */
HL_CHECKED hl_err hsm_describe_all(EVP_PKEY *pkey, struct hsm_object *const o[], size_t n);
/** One number of a key as an attribute. */
HL_CHECKED hl_err hsm_describe_number(
	const EVP_PKEY *pkey, const char *name, struct hsm_object *o, uint32_t type);

/** K-12: a modulus or exponent that no good generator makes: too short, even, of the ROCA kind
 * (CVE-2017-15361). `least` bits are wanted. */
bool hsm_rsa_is_weak(const EVP_PKEY *pkey, int least);
