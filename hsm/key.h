/* key.h - making and using keys with OpenSSL: one row per mechanism.
 *
 * Pure: no store, no network, no clock. What takes over 2 ms says so (hsm_mechanism_slow), and the
 * caller runs it as a job; every function here may run on any thread. */
#pragma once

#include "hsm/object.h"

enum {
	HSM_GENERATES = 1,
	HSM_SIGNS = 2,
	HSM_VERIFIES = 4,
	HSM_PAIR = 8,
	HSM_ENCRYPTS = 16,
	HSM_DECRYPTS = 32,
};

struct hsm_mechanism {
	uint32_t number; /* CKM_ */
	const char *name;
	uint32_t key_type; /* CKK_ */
	uint32_t min, max; /* key sizes: bits for RSA and EC, bytes for AES */
	unsigned flags;
	const char *digest; /* NULL: the data is a digest, or (RSA_PKCS) a DigestInfo */
	const struct hl_msg *parameter; /* whose fields it takes as parameter; NULL: none */
};

const struct hsm_mechanism *hsm_mechanism(uint32_t number); /* NULL: not offered */
const struct hsm_mechanism *hsm_mechanisms(size_t *n);

/**
 * Make a key or a pair. `template` is of the secret or private key, `public_template` of the public
 * one (both decoded lists; the second NULL or empty for a secret key). CKA_TOKEN false is refused;
 * absent it means true. On HL_OK `key` and, for pairs, `public_key` are complete objects but for
 * the handle. HL_E_MECHANISM, HL_E_ATTRIBUTE (`*why` names the attribute, a static text),
 * HL_E_CRYPTO, HL_E_NOMEM.
 */
HL_CHECKED hl_err hsm_key_generate(uint32_t mechanism, const struct hl_list *template,
	const struct hl_list *public_template, struct hsm_object *key,
	struct hsm_object *public_key, const char **why);

/* A parsed key, ready for use: EVP_PKEY and the contexts that can be kept. One thread at a time. */
struct hsm_key;
/** Parse the value of `o`, which may be cleared afterwards. HL_E_CRYPTO where it is no key of its
 * type; HL_E_NOMEM. Parsing a private key takes about 0.4 ms. */
HL_CHECKED hl_err hsm_key_parse(const struct hsm_object *o, struct hsm_key **out);
/** The same key for another thread: it shares the numbers, not the contexts. HL_E_NOMEM. */
HL_CHECKED hl_err hsm_key_share(const struct hsm_key *k, struct hsm_key **out);
void hsm_key_free(struct hsm_key *k);

/** Whether generating with this mechanism (k NULL), or using `k` with it, may take over 2 ms. */
bool hsm_mechanism_slow(uint32_t mechanism, const struct hsm_key *k);

/**
 * Sign in one part; appends the signature (ECDSA: r||s, each as long as the order; EdDSA: the 64 bytes
 * of RFC 8032, over the data itself). `parameter`: the fields of the message that the mechanism takes, empty where it takes none.
 * HL_E_MECHANISM where it does not fit the key; HL_E_PARAMETER; HL_E_KEY_USE where CKA_SIGN was not
 * set when the key was parsed, or it is no private key; HL_E_DATA_LENGTH: no data for RSA_PKCS and
 * ECDSA, over k-11 bytes for RSA_PKCS, not as long as the digest for RSA_PKCS_PSS; HL_E_CRYPTO also
 * for an RSA signature that did not verify; HL_E_FULL, HL_E_NOMEM. `signature` grows on HL_OK only.
 */
HL_CHECKED hl_err hsm_key_sign(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *signature);
/** HL_OK, HL_E_SIGNATURE, or as hsm_key_sign (CKA_VERIFY). */
HL_CHECKED hl_err hsm_key_verify(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_bytes signature);

#define HSM_IV_MIN 12
#define HSM_IV_MAX 128
#define HSM_TAG_BITS_MIN 96 /* K-11: a shorter tag is found by trying */

/**
 * Encrypt in one part; appends what is encrypted and its tag. HL_E_MECHANISM, HL_E_KEY_USE
 * (CKA_ENCRYPT); HL_E_PARAMETER: an IV of HSM_IV_MIN to HSM_IV_MAX bytes is wanted, and a tag of
 * HSM_TAG_BITS_MIN to 128 bits in whole bytes; HL_E_DATA_LENGTH: over HL_DATA_MAX; HL_E_CRYPTO,
 * HL_E_FULL, HL_E_NOMEM. `out` grows on HL_OK only. The IV may be used once with a key: that is for
 * the caller to see to.
 */
HL_CHECKED hl_err hsm_key_encrypt(struct hsm_key *k, uint32_t mechanism,
	const struct hl_gcm_parameter *parameter, struct hl_bytes data, struct hl_buf *out);
/** The way back; HL_E_DECRYPT where the tag does not fit, whatever the reason, or there is none. Nothing
 * of the data is seen before the tag was checked. */
HL_CHECKED hl_err hsm_key_decrypt(struct hsm_key *k, uint32_t mechanism,
	const struct hl_gcm_parameter *parameter, struct hl_bytes data, struct hl_buf *out);
