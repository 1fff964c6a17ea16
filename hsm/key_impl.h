/* key_impl.h - a parsed key, as the files that use one see it. */
#pragma once

#include <openssl/evp.h>

#include "hsm/key.h"

enum hsm_way { HSM_SIGN, HSM_VERIFY, HSM_ENCRYPT, HSM_DECRYPT, HSM_WAYS };
#define HSM_SIGN_WAYS 2

/* An explicit fetch walks the providers under locks, so each digest is fetched once a process. */
struct hsm_digest {
	const char *name;
	uint32_t hash, mgf; /* CKM_ of the digest, CKG_ of MGF1 with it */
	EVP_MD *md;
};
#define HSM_DIGESTS 6 /* the first of them is none */
extern struct hsm_digest hsm_digest[HSM_DIGESTS];

/* The same for the ciphers, by the length of their keys. */
struct hsm_gcm {
	size_t key_n;
	const char *name;
	EVP_CIPHER *cipher;
};
#define HSM_GCMS 3
extern struct hsm_gcm hsm_gcm[HSM_GCMS];

/* A parameter of PSS, checked: places in hsm_digest, and bytes. */
struct hsm_pss {
	size_t hash, mgf;
	uint32_t salt;
};

struct hsm_key {
	uint32_t type; /* CKK_ */
	bool may[HSM_WAYS];
	bool private;
	unsigned bits;  /* of the modulus, of the curve's order, of an Edwards point */
	size_t width;   /* the same in bytes */
	EVP_PKEY *pkey; /* NULL: a secret key, with `value` instead */
	EVP_MD_CTX *hash;
	/* Contexts, made at first use, then used again and again; those of PSS with one parameter each. */
	EVP_PKEY_CTX *ready[HSM_DIGESTS][HSM_SIGN_WAYS];
	struct {
		EVP_PKEY_CTX *ctx;
		struct hsm_pss with;
	} pss[HSM_SIGN_WAYS];
	struct hl_secret value; /* of a secret key */
	EVP_CIPHER_CTX *gcm[HSM_WAYS];
};
