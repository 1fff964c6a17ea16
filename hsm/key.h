/* key.h - making and using keys with OpenSSL: one row per mechanism.
 *
 * Pure: no store, no network, no clock. What takes over 2 ms says so (hsm_mechanism_slow), and the
 * caller runs it as a job; every function here may run on any thread. The families of mechanisms
 * stand in hsm/engine/, one a file. */
#pragma once

#include "hsm/object.h"

enum {
	HSM_GENERATES = 1,
	HSM_SIGNS = 2,
	HSM_VERIFIES = 4,
	HSM_PAIR = 8,
	HSM_ENCRYPTS = 16,
	HSM_DECRYPTS = 32,
	HSM_WRAPS = 64,
	HSM_UNWRAPS = 128,
	HSM_DERIVES = 256,
	HSM_DIGESTS = 512,
	HSM_IN_PIECES = 1024, /* hsm_stream_new() takes it */
	/* what CK_MECHANISM_INFO says of curves */
	HSM_EC_FLAGS = 2048,
	/* K-06: such blobs can be altered or guessed at; only with hsm_rules.legacy_wrap */
	HSM_LEGACY_WRAP = 4096,
	HSM_LEGACY_UNWRAP = 8192,
};

#define HSM_NO_TYPE UINT32_MAX          /* takes no key, or one type only */
#define HSM_ANY_SECRET (UINT32_MAX - 1) /* any secret key will do */

struct hsm_scheme;

struct hsm_mechanism {
	uint32_t number; /* CKM_ */
	const char *name;
	uint32_t key_type, also_type; /* CKK_ of the keys that it makes or takes */
	uint32_t min, max; /* sizes: bits of RSA, DSA, DH and curves, else bytes; max 0: any */
	unsigned flags;
	const char *digest; /* NULL: none, or the parameter names it */
	const struct hl_msg *parameter; /* whose fields it takes as parameter; NULL: none */
	const struct hsm_scheme *scheme; /* how it is done (hsm/engine/engine.h) */
};

const struct hsm_mechanism *hsm_mechanism(uint32_t number); /* NULL: not offered */
const struct hsm_mechanism *hsm_mechanisms(size_t *n);
/** Whether sizes of this mechanism count bits; else they count bytes. */
bool hsm_mechanism_in_bits(const struct hsm_mechanism *m);

/* What holds in the partition that a request is for. */
struct hsm_rules {
	/* Switches off K-01, K-02, K-05, K-06 and the rule that keys from outside come sensitive:
	 * for applications that were written for tokens without them. */
	bool legacy_wrap;
	bool session_objects; /* CKA_TOKEN may be false */
	bool trusts;	      /* the security officer asks: CKA_TRUSTED may be set */
};

/* In what follows a `template` is a decoded list, `parameter` the fields of the message that the
 * mechanism takes (empty where it takes none), `rules` never NULL, and `*why` a static text that
 * names the attribute or the reason, or "". The codes of templates: HL_E_ATTRIBUTE_TYPE,
 * HL_E_ATTRIBUTE_VALUE, HL_E_ATTRIBUTE_READ_ONLY, HL_E_TEMPLATE_INCOMPLETE,
 * HL_E_TEMPLATE_INCONSISTENT, each with `*why`. All may fail with HL_E_NOMEM and HL_E_CRYPTO. */

/**
 * Make a key, a pair or domain parameters. `template` is of the secret or private key or of the
 * parameters, `public_template` of the public key (NULL or empty where there is none). On HL_OK `key`
 * and, for pairs, `public_key` are complete objects but for the handle. HL_E_MECHANISM;
 * HL_E_PARAMETER; the codes of templates; HL_E_CURVE; HL_E_DOMAIN.
 */
HL_CHECKED hl_err hsm_key_generate(uint32_t mechanism, struct hl_bytes parameter,
	const struct hl_list *template, const struct hl_list *public_template,
	const struct hsm_rules *rules, struct hsm_object *key, struct hsm_object *public_key,
	const char **why);

/**
 * Make an object from its parts: a key (RSA, DSA, DH, curves, secret), an X.509 certificate, domain
 * parameters or data. The parts must belong together. The codes of templates; HL_E_CURVE.
 */
HL_CHECKED hl_err hsm_object_create(const struct hl_list *template, const struct hsm_rules *rules,
	struct hsm_object *out, const char **why);

/**
 * A copy of `from`, changed by the template, which may only tighten; of a data object it may change
 * CKA_VALUE. HL_E_PROHIBITED (CKA_COPYABLE); the codes of templates.
 */
HL_CHECKED hl_err hsm_object_copy(const struct hsm_object *from, const struct hl_list *template,
	const struct hsm_rules *rules, struct hsm_object *out, const char **why);

/* A parsed key, ready for use: EVP_PKEY and the contexts that can be kept. One thread at a time. */
struct hsm_key;
/** Parse the value of `o`, which may be cleared afterwards. HL_E_CRYPTO where it is no key of its
 * type; HL_E_NOMEM. Parsing a private key takes about 0.4 ms. */
HL_CHECKED hl_err hsm_key_parse(const struct hsm_object *o, struct hsm_key **out);
/** The same key for another thread: it shares the numbers, not the contexts. HL_E_NOMEM. */
HL_CHECKED hl_err hsm_key_share(const struct hsm_key *k, struct hsm_key **out);
void hsm_key_free(struct hsm_key *k);
/** Whether each use wants a login of its own (CKA_ALWAYS_AUTHENTICATE). */
bool hsm_key_always_authenticates(const struct hsm_key *k);

/** Whether generating with this mechanism (k NULL), or using `k` with it, may take over 2 ms. */
bool hsm_mechanism_slow(uint32_t mechanism, const struct hsm_key *k);

/* All uses of a key are checked in this order: HL_E_MECHANISM (not offered for this use),
 * HL_E_PARAMETER, HL_E_KEY_TYPE, HL_E_KEY_USE (the attribute was not set when the key was parsed,
 * or this half of a pair does not do it), HL_E_MECHANISM (not in CKA_ALLOWED_MECHANISMS),
 * HL_E_KEY_SIZE; then the data. A buffer grows on HL_OK only; else also HL_E_FULL. */

/**
 * Sign in one part; appends the signature (ECDSA and DSA: r||s, each as long as the order; EdDSA: as in
 * RFC 8032, over the data itself; a MAC). HL_E_DATA_LENGTH: no data for RSA_PKCS and ECDSA, over k-11
 * bytes for RSA_PKCS, not as long as the digest for RSA_PKCS_PSS, not below the modulus for
 * RSA_X_509; HL_E_CRYPTO also for an RSA signature that did not verify.
 */
HL_CHECKED hl_err hsm_key_sign(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *signature);
/** HL_OK, HL_E_SIGNATURE, HL_E_SIGNATURE_LENGTH, or as hsm_key_sign (CKA_VERIFY). A shorter r||s of
 * two equal halves is taken. */
HL_CHECKED hl_err hsm_key_verify(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_bytes signature);

/**
 * The same two where the caller has hashed the data with the digest of this mechanism, which is the one that the rules of
 * the key are about. HL_E_MECHANISM also for one that hashes nothing; HL_E_DATA_LENGTH: no such digest is so long.
 */
HL_CHECKED hl_err hsm_key_sign_digest(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes digest, struct hl_buf *signature);
HL_CHECKED hl_err hsm_key_verify_digest(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes digest, struct hl_bytes signature);

#define HSM_IV_MIN 12
#define HSM_IV_MAX 128
#define HSM_TAG_BITS_MIN 96 /* K-11: a shorter tag is found by trying */

/**
 * Encrypt in one part; appends what is encrypted and, where there is one, its tag. HL_E_DATA_LENGTH:
 * over HL_DATA_MAX, not whole blocks, over what RSA or a counter takes. An IV may be used once with a
 * key: that is for the caller to see to.
 */
HL_CHECKED hl_err hsm_key_encrypt(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *out);
/**
 * The way back. HL_E_ENCRYPTED_LENGTH where no encryption gives this length; HL_E_DECRYPT where tag or
 * padding does not fit, whatever the reason. Nothing of the data is seen before the tag was checked.
 * CKM_RSA_PKCS (K-08) never tells of its padding: where that is wrong it gives other data, always
 * the same for the same input, and takes the same time.
 */
HL_CHECKED hl_err hsm_key_decrypt(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *out);

/**
 * Wrap the key `target` with `k`: appends its value (a secret key) or its PKCS #8 (a private one),
 * encrypted. HL_E_UNEXTRACTABLE; HL_E_NOT_WRAPPABLE: it wants a trusted key, does not match
 * CKA_WRAP_TEMPLATE, or may itself wrap (then only a trusted key may wrap it); HL_E_MECHANISM: K-05, K-06;
 * HL_E_KEY_TYPE: no key that can be wrapped; HL_E_DATA_LENGTH: too long for the mechanism.
 */
HL_CHECKED hl_err hsm_key_wrap(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	const struct hsm_object *target, const struct hsm_rules *rules, struct hl_buf *out,
	const char **why);
/**
 * The way back, into a new object with these attributes, and those of CKA_UNWRAP_TEMPLATE.
 * HL_E_WRAPPED_LENGTH, HL_E_WRAPPED; HL_E_MECHANISM (K-06); the codes of templates. CKM_RSA_PKCS tells nothing
 * of its padding here either: where that or the length is wrong, a secret key gets another value, of a length
 * that its template or type allows.
 */
HL_CHECKED hl_err hsm_key_unwrap(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes wrapped, const struct hl_list *template, const struct hsm_rules *rules,
	struct hsm_object *out, const char **why);

#define HSM_DERIVED_MAX 17 /* keys that one derivation can make: one, and those of kdf.parameter */

/**
 * Derive keys from `k` into out[0 .. *n), HSM_DERIVED_MAX of them at most; the first has `template`.
 * Where the template gives no length, it is that of the key type, or all that the mechanism yields.
 * HL_E_PARAMETER also for a peer's public value that is none; HL_E_KEY_SIZE: more is wanted than the
 * mechanism yields; the codes of templates.
 */
HL_CHECKED hl_err hsm_key_derive(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	const struct hl_list *template, const struct hsm_rules *rules,
	struct hsm_object out[HSM_DERIVED_MAX], size_t *n, const char **why);

/** Digest in one part; appends. HL_E_MECHANISM. */
HL_CHECKED hl_err hsm_digest_data(uint32_t mechanism, struct hl_bytes data, struct hl_buf *out);

/* -- in pieces ----------------------------------------------------------------------------------- */

enum hsm_way { HSM_SIGN, HSM_VERIFY, HSM_ENCRYPT, HSM_DECRYPT, HSM_WRAP, HSM_UNWRAP, HSM_DERIVE, HSM_WAYS };

#define HSM_STREAM_MAX (4u << 20) /* bytes that one may keep back */

/* One use under way, whose data comes in pieces. It holds what it needs of the key, and belongs to no
 * session. One thread at a time. */
struct hsm_stream;
/** Begin: HSM_SIGN, HSM_VERIFY, HSM_ENCRYPT or HSM_DECRYPT. Codes as above; HL_E_MECHANISM also for one
 * that takes its data in one part only. */
HL_CHECKED hl_err hsm_stream_new(struct hsm_key *k, enum hsm_way way, uint32_t mechanism,
	struct hl_bytes parameter, struct hsm_stream **out);
/** The next piece. What can be told of it already is appended to `out` (HSM_SIGN, HSM_VERIFY: nothing; out
 * may be NULL). Decryption with a tag keeps all back, HSM_STREAM_MAX bytes at most: HL_E_ENCRYPTED_LENGTH.
 * After any failure the stream is of no more use. */
HL_CHECKED hl_err hsm_stream_update(struct hsm_stream *s, struct hl_bytes data, struct hl_buf *out);
/** The end: appends the signature or the rest of the data; `signature` is what HSM_VERIFY compares with. */
HL_CHECKED hl_err hsm_stream_final(struct hsm_stream *s, struct hl_bytes signature, struct hl_buf *out);
void hsm_stream_free(struct hsm_stream *s); /* NULL is allowed */
