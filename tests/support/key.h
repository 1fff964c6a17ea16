/* key.h - keys made through the public API, and their signatures judged without the service: by OpenSSL,
 * from the public key's CKA_PUBLIC_KEY_INFO. */
#pragma once

#include <stdbool.h>

#include <openssl/evp.h>

#include "client/hsmlet.h"

struct key_pair {
	uint64_t key, public_key;
};

/** As hsmlet_generate(); both keys get the label. */
int key_make_p256(hsmlet *h, const char *label, struct key_pair *out, hsmlet_error *e);
int key_make_rsa(hsmlet *h, unsigned bits, const char *label, struct key_pair *out, hsmlet_error *e);
/** The public key, to be freed with EVP_PKEY_free(). */
int key_load(hsmlet *h, uint64_t public_key, EVP_PKEY **out, hsmlet_error *e);
/** Whether the signature over the SHA-256 of the data is right: r and s of ECDSA as PKCS #11 has them, or
 * PKCS #1 v1.5. */
bool key_verifies(hsmlet *h, uint64_t public_key, const void *data, size_t n, const void *signature,
	size_t signature_n);
/** The same by a key that was loaded before. */
bool key_judges(EVP_PKEY *key, const void *data, size_t n, const void *signature, size_t signature_n);
