/* hsmlet.h - the client library of hsmlet, a cloud HSM simulator.
 *
 * One handle stands for one partition, reached through all eight steps of the connection. Calls block
 * until they are done or their time limit has passed. A handle may be used by many threads; it does
 * not survive fork(): in the child every call but hsmlet_close() fails.
 *
 *	hsmlet *h; hsmlet_error e;
 *	if (hsmlet_open(&(hsmlet_options){ sizeof(hsmlet_options) }, &h, &e) == 0 &&
 *	    hsmlet_login(h, "12345678", 8, &e) == 0 && ...
 *
 * Every function returns 0, or the number of an error: HL-0503 is 503. `e` may be NULL. */
#ifndef HSMLET_H
#define HSMLET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hsmlet hsmlet;

/* What failed, where, the most likely cause, and what to do next. */
typedef struct hsmlet_error {
	int id;                  /* 503 for HL-0503 */
	int exit_code;           /* of the hsmlet command */
	int step;                /* 0 to 8 of the connection; 9: an operation on the open channel */
	int retryable;           /* 1: the same may be tried again */
	unsigned attempts;       /* connections that were tried */
	unsigned retry_after_ms; /* not before this time has passed */
	char step_name[24];      /* "auth.result" */
	char what[128], cause[160], next[160];
	char where[64];          /* address dialled, or "" */
	char connection[33];     /* connection id, hex, or "": look for it in traces */
	char detail[512];        /* file and line, attribute, ... or "" */
	int stored;              /* 1: hsmlet_exchange() has stored the new secret, and what failed is the login with it */
} hsmlet_error;

typedef struct hsmlet_options {
	size_t size;           /* sizeof(hsmlet_options) */
	const char *conf;      /* primus.cfg; NULL: searched as documented */
	const char *secrets;   /* .secrets.cfg; NULL: searched as documented */
	const char *partition; /* NULL: the first slot of the configuration */
	unsigned limit_ms;     /* of each call; 0: 15,000 (key generation 45,000) */
	const char *host;      /* only this host of primus.cfg, "hsm0" or its host name; NULL: all that have the partition */
} hsmlet_options;

/** Read configuration and secrets, and connect: all eight steps. `*out` is closed with hsmlet_close(). */
int hsmlet_open(const hsmlet_options *options, hsmlet **out, hsmlet_error *e);
void hsmlet_close(hsmlet *h);

/** Exchange the setup password of options->partition for its user secret, store that in the secrets file,
 * and confirm it by connecting with it. Where only that failed, e->stored is 1: the new secret stays in the file. */
int hsmlet_exchange(
	const hsmlet_options *options, const char *setup_password, size_t n, hsmlet_error *e);

/** Whether the gateway takes this service password (NULL: the stored one) for the slot of options->partition: steps 0 to 6,
 * and no further. Nothing is stored, and no user secret is needed. */
int hsmlet_check_password(const hsmlet_options *options, const char *password, size_t n, hsmlet_error *e);

/** Log in with the PKCS#11 PIN: private objects become visible. */
int hsmlet_login(hsmlet *h, const char *pin, size_t n, hsmlet_error *e);
int hsmlet_logout(hsmlet *h, hsmlet_error *e);

typedef struct hsmlet_info {
	char device[65], version[65], partition[65], serial[17];
	unsigned objects, objects_max;
	int pin_set, logged_in;
	char hsm[65];         /* member that serves this handle */
	char connection[33];  /* connection id, hex: look for it in traces */
	char label[33];       /* of the token: the partition's name, but where it has one of its own (the lab profile) */
} hsmlet_info;
int hsmlet_get_info(hsmlet *h, hsmlet_info *out, hsmlet_error *e);

/* A mechanism that the HSM has, by PKCS #11's numbers; sizes of keys in bits (RSA, DSA, DH, curves) or bytes. */
typedef struct hsmlet_mechanism_info {
	uint32_t number; /* CKM_ */
	uint32_t min, max; /* 0 and 0: no key, or one of any size */
	uint32_t flags;  /* CKF_ */
} hsmlet_mechanism_info;
/** What the HSM can do: the first `max` of them into `out`; *count is how many there are. */
int hsmlet_get_mechanisms(hsmlet *h, hsmlet_mechanism_info *out, size_t max, size_t *count, hsmlet_error *e);

/* Lines of the partition's log, as many as came at once. */
typedef struct hsmlet_log hsmlet_log;
typedef struct hsmlet_log_line {
	uint64_t number; /* in the log: 1, 2, 3, ... */
	int64_t time_ms; /* when it happened, since 1970 */
	int error;       /* 503 for HL-0503: it tells of an error; 0: of none */
	const char *text; /* `n` printable ASCII characters, no NUL; lives as long as the lines do */
	size_t n;
} hsmlet_log_line;
/** What happened in the partition at `since_ms` or later, the oldest first, or with `reverse` the latest: the lines behind
 * `*from`, which is 0 for the first call, then where the next one goes on, and 0 again where there are no more; there may be
 * none among those of one call. Freed with hsmlet_log_free(). */
int hsmlet_get_log(hsmlet *h, int64_t since_ms, int reverse, uint64_t *from, hsmlet_log **out, hsmlet_error *e);
size_t hsmlet_log_count(const hsmlet_log *l);
/** The i-th; beyond the last one `text` is NULL. */
hsmlet_log_line hsmlet_log_at(const hsmlet_log *l, size_t i);
void hsmlet_log_free(hsmlet_log *l);

int hsmlet_random(hsmlet *h, void *out, size_t n, hsmlet_error *e);

/* An attribute of PKCS #11. Booleans are one byte 0 or 1, numbers eight bytes big-endian; the helpers below
 * make them. A value of NULL with n = SIZE_MAX: unavailable (sensitive, or the object has none). */
enum { HSMLET_BYTES, HSMLET_BOOL, HSMLET_NUMBER, HSMLET_UNAVAILABLE };
typedef struct hsmlet_attribute {
	uint32_t type; /* CKA_ number */
	int form;      /* HSMLET_BYTES, ... */
	const void *value;
	size_t n;
} hsmlet_attribute;

/** Make a key (`public_template` NULL, `public_key` NULL) or a key pair. */
int hsmlet_generate(hsmlet *h, uint32_t mechanism, const hsmlet_attribute *template_, size_t n,
	const hsmlet_attribute *public_template, size_t public_n, uint64_t *key, uint64_t *public_key,
	hsmlet_error *e);

/** Handles above `after` of objects that have all these attributes, ascending; *count is at most `max`, and less only
 * where there are no more. */
int hsmlet_find(hsmlet *h, const hsmlet_attribute *template_, size_t n, uint64_t after,
	uint64_t *handles, size_t max, size_t *count, hsmlet_error *e);

typedef struct hsmlet_attributes hsmlet_attributes;
/** The attributes of these types, in this order (n = 0: all). Freed with hsmlet_attributes_free(). */
int hsmlet_get_attributes(hsmlet *h, uint64_t object, const uint32_t *types, size_t n,
	hsmlet_attributes **out, hsmlet_error *e);
size_t hsmlet_attributes_count(const hsmlet_attributes *a);
/** The i-th; its value lives as long as `a`. */
hsmlet_attribute hsmlet_attributes_at(const hsmlet_attributes *a, size_t i);
void hsmlet_attributes_free(hsmlet_attributes *a);

int hsmlet_set_attributes(
	hsmlet *h, uint64_t object, const hsmlet_attribute *attributes, size_t n, hsmlet_error *e);
int hsmlet_destroy(hsmlet *h, uint64_t object, hsmlet_error *e);

/** Make an object from its parts, its value included: import a key, keep a certificate or data. */
int hsmlet_create(hsmlet *h, const hsmlet_attribute *template_, size_t n, uint64_t *object, hsmlet_error *e);
/** Copy one; `template_` is what is other than there. */
int hsmlet_copy(hsmlet *h, uint64_t from, const hsmlet_attribute *template_, size_t n, uint64_t *object, hsmlet_error *e);

/* A mechanism and its parameter: a hsmlet_pss for CKM_RSA_PKCS_PSS and CKM_SHA*_RSA_PKCS_PSS, a hsmlet_gcm for
 * CKM_AES_GCM, with parameter_n its size; NULL and 0 for all others. */
typedef struct hsmlet_mechanism {
	uint32_t number; /* CKM_ number */
	const void *parameter;
	size_t parameter_n;
} hsmlet_mechanism;

typedef struct hsmlet_pss {
	uint32_t hash; /* CKM_SHA256, ...: the mechanism's own, where it has one */
	uint32_t mgf;  /* CKG_MGF1_SHA256, ... */
	uint32_t salt; /* its length, bytes */
} hsmlet_pss;

typedef struct hsmlet_gcm {
	const void *iv; /* 12 to 128 bytes, never twice with one key; to encrypt it may be empty: see there */
	size_t iv_n;
	const void *aad; /* authenticated, not encrypted; up to 65,536 bytes */
	size_t aad_n;
	unsigned tag_bits; /* 96, 104, 112, 120 or 128 */
} hsmlet_gcm;

/** Sign in one part; *signature_n is the room before and the length after the call. */
int hsmlet_sign(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, const void *data, size_t n,
	void *signature, size_t *signature_n, hsmlet_error *e);
/** 0 where the signature is right; 511 (HL-0511) where it is not, 542 where it has the wrong length. */
int hsmlet_verify(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, const void *data, size_t n,
	const void *signature, size_t signature_n, hsmlet_error *e);

#define HSMLET_MADE_IV 12
/** Encrypt up to 524,288 bytes in one part; the tag follows what is encrypted, and *out_n is the room before and
 * the length after the call. Where the parameter's IV is empty the HSM makes a random one, which `made_iv` gets
 * (else it is left alone and may be NULL). */
int hsmlet_encrypt(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, const void *data, size_t n,
	void *out, size_t *out_n, unsigned char made_iv[HSMLET_MADE_IV], hsmlet_error *e);
/** The way back; 519 (HL-0519) where the data, its tag, the additional data, IV or key is not the right one. */
int hsmlet_decrypt(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, const void *data, size_t n,
	void *out, size_t *out_n, hsmlet_error *e);

/** Encrypt the key `target` with a key that may wrap; *wrapped_n is the room before and the length after the call. */
int hsmlet_wrap(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, uint64_t target, void *wrapped,
	size_t *wrapped_n, hsmlet_error *e);
/** Make a key, with this template, of one that was wrapped. 540 (HL-0540) or 541 where it is not what was wrapped. */
int hsmlet_unwrap(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, const void *wrapped, size_t wrapped_n,
	const hsmlet_attribute *template_, size_t n, uint64_t *object, hsmlet_error *e);

/** "0.1.0": of the library that is loaded. */
const char *hsmlet_version(void);

#ifdef __cplusplus
}
#endif
#endif
