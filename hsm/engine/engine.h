/* engine.h - what the families of mechanisms share: a parsed key, one use of it, how it is done. */
#pragma once

#include <openssl/evp.h>

#include "hsm/attribute.h"
#include "hsm/key.h"

/* -- digests and ciphers: an explicit fetch walks the providers under locks, so each is fetched once
 * in a process (hsm_engine_start) --------------------------------------------------------------- */

struct hsm_digest {
	const char *name;
	uint32_t hash, hmac; /* CKM_ */
	uint32_t mgf;	     /* CKG_ of MGF1 with it, 0: none */
	uint32_t kdf;	     /* CKD_ of the X9.63 function with it, 0: none */
	uint32_t prf;	     /* CKP_ of PBKDF2 with its HMAC, 0: none */
	EVP_MD *md;
};
#define HSM_DIGEST_ROWS 12 /* the first of them is none */
extern struct hsm_digest hsm_digest[HSM_DIGEST_ROWS];

enum hsm_mode { HSM_NO_MODE, HSM_ECB, HSM_CBC, HSM_CTR, HSM_GCM, HSM_KW, HSM_KWP, HSM_CHACHA, HSM_CHACHA_POLY };

/** The cipher for a key of this type and length in this mode; NULL: none. */
const EVP_CIPHER *hsm_cipher(uint32_t key_type, size_t key_n, enum hsm_mode mode);
/** Its name, for EVP_MAC. */
const char *hsm_cipher_name(uint32_t key_type, size_t key_n, enum hsm_mode mode);

/** Fetch all that is fetched once; false where OpenSSL has not got it. */
bool hsm_engine_start(void);

/* -- keys ---------------------------------------------------------------------------------------- */

/* A parameter of PSS, checked: places in hsm_digest, and bytes. */
struct hsm_pss {
	size_t hash, mgf;
	uint32_t salt;
};

#define HSM_SIGN_WAYS 2

struct hsm_key {
	uint32_t type; /* CKK_ */
	bool may[HSM_WAYS];
	bool private;
	unsigned bits;  /* of the modulus, of p, of the curve, of an Edwards point */
	size_t width;   /* of the modulus, or of each half of a signature, in bytes */
	EVP_PKEY *pkey; /* NULL: a secret key, with `value` instead */
	EVP_MD_CTX *hash;
	/* Contexts, made at first use, then used again and again; those of PSS with one parameter each. */
	EVP_PKEY_CTX *ready[HSM_DIGEST_ROWS][HSM_SIGN_WAYS];
	struct {
		EVP_PKEY_CTX *ctx;
		struct hsm_pss with;
	} pss[HSM_SIGN_WAYS];
	struct {
		enum hsm_mode mode;
		EVP_CIPHER_CTX *ctx;
	} cipher[HSM_WAYS];
	struct {
		const struct hsm_mechanism *m;
		EVP_MAC_CTX *ctx;
	} mac;
	struct hl_secret value;	    /* of a secret key; of DES2 as three keys */
	size_t value_n;		    /* as the user counts it */
	struct hl_secret rejection; /* RSA: what false plaintexts are made of, made at first use */
	struct hsm_object about;    /* its attributes, without value */
};


static inline void hsm_parsed_freep(struct hsm_key **k)
{
	hsm_key_free(*k);
}

/** The EVP_PKEY of a PKCS #8 or SubjectPublicKeyInfo of exactly these bytes; NULL. */
EVP_PKEY *hsm_pkey_parse(struct hl_bytes der, bool private);
/** Whether it is of the CKK_ type. */
bool hsm_pkey_is(const EVP_PKEY *pkey, uint32_t type);
/** Bytes of the subprime of DSA. */
size_t hsm_pkey_subprime_width(const EVP_PKEY *pkey);

/* -- one use of a key ---------------------------------------------------------------------------- */

struct hsm_use {
	struct hsm_key *k;
	const struct hsm_mechanism *m;
	enum hsm_way way;
	size_t digest; /* in hsm_digest; 0: none */
	struct hsm_pss pss;
	struct {
		size_t least, most, step; /* step: a power of two, of which least is a multiple */
	} wanted; /* unwrapping a secret key: how many bytes it may have; most 0: nobody knows */
	union { /* the parameter; which one: m->parameter */
		struct hl_pss_parameter pss;
		struct hl_gcm_parameter gcm;
		struct hl_iv_parameter iv;
		struct hl_ctr_parameter ctr;
		struct hl_chacha_parameter chacha;
		struct hl_aead_parameter aead;
		struct hl_oaep_parameter oaep;
		struct hl_eddsa_parameter eddsa;
		struct hl_agree_parameter agree;
		struct hl_data_parameter data;
		struct hl_kdf_parameter kdf;
		struct hl_pbkdf2_parameter pbkdf2;
	} p;
};

/* A key that is being made: hsm/engine/generate.c begins and ends it, the scheme makes the value. */
struct hsm_making {
	const struct hsm_use *u; /* without key */
	struct hsm_object *key, *public_key; /* public_key NULL: no pair */
	const char **why;
};

struct hsm_stream;

/* How the mechanisms of a row are done. What is NULL they do not do. */
struct hsm_scheme {
	enum hsm_mode mode;
	bool hashes; /* data is digested before sign and verify see it */
	/* The parameter, as far as it can be judged without a key; then with it. */
	hl_err (*check)(struct hsm_use *u);
	hl_err (*fits)(struct hsm_use *u);
	hl_err (*sign)(struct hsm_use *u, struct hl_bytes input, struct hl_buf *signature);
	hl_err (*verify)(struct hsm_use *u, struct hl_bytes input, struct hl_bytes signature);
	/* Also for wrapping and unwrapping. */
	hl_err (*encrypt)(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out);
	hl_err (*decrypt)(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out);
	/* `n` bytes, or with 0 all there are, into `out` (empty before). HL_E_KEY_SIZE. */
	hl_err (*derive)(struct hsm_use *u, size_t n, struct hl_secret *out);
	hl_err (*make)(struct hsm_making *g);
	/* In pieces; NULL with `hashes`: by the digest. */
	hl_err (*begin)(struct hsm_stream *s);
	hl_err (*update)(struct hsm_stream *s, struct hl_bytes data, struct hl_buf *out);
	hl_err (*final)(struct hsm_stream *s, struct hl_buf *out);
};

/* A stream, as the schemes see it. */
#define HSM_BLOCK_MAX 16
struct hsm_stream {
	struct hsm_use use;
	struct hsm_key *key;	   /* a share; use.k */
	struct hl_buf parameter;   /* what use.p has views into */
	EVP_MD_CTX *hash;
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
	uint8_t held[HSM_BLOCK_MAX]; /* the last block, until it is known to be no padding */
	size_t held_n;
	uint64_t total; /* bytes that came */
	struct hl_buf kept; /* data that may not be seen yet */
	bool over;
};

/** Read parameter and key, in the order that key.h tells. */
HL_CHECKED hl_err hsm_use_begin(struct hsm_use *u, struct hsm_key *k, enum hsm_way way,
	uint32_t mechanism, struct hl_bytes parameter);
/** The parameter alone, without key: for generating. */
HL_CHECKED hl_err hsm_use_parameter(struct hsm_use *u, struct hl_bytes parameter);

/** Place in hsm_digest of the digest with this CKM_ number; 0: none. */
size_t hsm_digest_of(uint32_t hash);
size_t hsm_digest_named(const char *name);
/** Digest `data` with row `digest`; `out` has room for EVP_MAX_MD_SIZE. */
HL_CHECKED hl_err hsm_hash(EVP_MD_CTX *ctx, size_t digest, struct hl_bytes data, uint8_t *out, size_t *n);

/** The context for mode and way, with the key in it, to be given its IV. NULL on failure. */
EVP_CIPHER_CTX *hsm_cipher_context(struct hsm_key *k, enum hsm_mode mode, enum hsm_way way);

/** Room in `out` for n bytes (some even for nothing), or its error. */
HL_CHECKED hl_err hsm_room(struct hl_buf *out, size_t n, uint8_t **room);

/** A MAC with its key in it; NULL on failure. */
EVP_MAC_CTX *hsm_hmac_context(size_t digest, struct hl_bytes key);
EVP_MAC_CTX *hsm_cmac_context(const struct hsm_key *k);

#define HSM_RSA_WIDTH_MAX 1024 /* bytes of a modulus of 8192 bits */
/** The bare private operation on `data`; HL_E_ENCRYPTED_LENGTH, HL_E_DECRYPT (not below the modulus). */
HL_CHECKED hl_err hsm_rsa_decrypt_raw(
	struct hsm_use *u, struct hl_bytes data, uint8_t number[HSM_RSA_WIDTH_MAX]);
HL_CHECKED hl_err hsm_rsa_encrypt_pkcs(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out);
HL_CHECKED hl_err hsm_rsa_decrypt_pkcs(struct hsm_use *u, struct hl_bytes data, struct hl_buf *out);

/** Whether these bytes are a point of edwards25519 or edwards448, as RFC 8032, 5.1.3 and 5.2.3 decode it. */
bool hsm_edwards_is_point(struct hl_bytes encoded);

/* -- the schemes --------------------------------------------------------------------------------- */

extern const struct hsm_scheme hsm_rsa_pkcs, hsm_rsa_raw, hsm_rsa_pss, hsm_rsa_oaep, hsm_rsa_pair;
extern const struct hsm_scheme hsm_ecdsa, hsm_dsa, hsm_eddsa, hsm_ec_pair, hsm_dsa_pair, hsm_dh_pair, hsm_dhx_pair;
extern const struct hsm_scheme hsm_dsa_domain, hsm_dh_domain, hsm_dhx_domain;
extern const struct hsm_scheme hsm_ecb, hsm_cbc, hsm_cbc_pad, hsm_ctr, hsm_chacha, hsm_gcm, hsm_chacha_poly;
extern const struct hsm_scheme hsm_key_wrap_plain, hsm_key_wrap_pad;
extern const struct hsm_scheme hsm_hmac, hsm_cmac, hsm_cbc_mac, hsm_gmac, hsm_poly1305;
extern const struct hsm_scheme hsm_ecdh, hsm_dh, hsm_dhx, hsm_ecb_data, hsm_cbc_data, hsm_sha_derive;
extern const struct hsm_scheme hsm_kdf_counter, hsm_kdf_feedback, hsm_kdf_pipeline;
extern const struct hsm_scheme hsm_secret, hsm_pbkdf2, hsm_digest_only;
