/* p11_case_impl.h - between the parts of p11_case: words of a line, parameters, keys. */
#pragma once

#include "lib/base/bytes.h"
#include "tests/support/p11_case.h"

#define KEYS 32
#define WAYS 11

/* A key that a line told, and its objects: one for each way that it was used. */
struct named {
	char name[32], *words;
	CK_OBJECT_HANDLE handle[WAYS];
};

struct p11_cases {
	CK_SESSION_HANDLE s;
	struct named key[KEYS];
	size_t keys;
	const char *where;
	CK_BYTE arena[1 << 16]; /* bytes of the line under way */
	size_t used;
};

_Noreturn void p11_case_give_up(const struct p11_cases *c, const char *why, const char *word);
/** The next word of the line; aborts where there is none. */
char *p11_case_word(struct p11_cases *c, char **rest);
/** Bytes of hex, any `-` in which stands for nothing, good until the next line; aborts where it is none. */
struct hl_bytes p11_case_bytes(struct p11_cases *c, const char *hex);
/** The same as Cryptoki wants them. */
CK_BYTE *p11_case_writable(struct hl_bytes b);

/* -- p11_case_parameter.c --------------------------------------------------------------------------------------------- */

#define FIELDS 12

/* A mechanism, and what its parameter points to. */
struct p11_given {
	CK_MECHANISM m;
	char *field[FIELDS]; /* behind the parameter's word */
	size_t fields;
	union {
		CK_AES_CTR_PARAMS ctr;
		CK_GCM_PARAMS gcm;
		CK_RSA_PKCS_PSS_PARAMS pss;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
		CK_EDDSA_PARAMS eddsa;
		CK_ECDH1_DERIVE_PARAMS ecdh;
		CK_KEY_DERIVATION_STRING_DATA data;
		CK_AES_CBC_ENCRYPT_DATA_PARAMS cbc_data;
		CK_SP800_108_KDF_PARAMS kdf;
		CK_SP800_108_FEEDBACK_KDF_PARAMS feedback;
		CK_PKCS5_PBKD2_PARAMS2 pbkdf2;
	} p;
	CK_PRF_DATA_PARAM part[FIELDS];
	union {
		CK_SP800_108_COUNTER_FORMAT counter;
		CK_SP800_108_DKM_LENGTH_FORMAT length;
	} format[FIELDS];
};

/** The mechanism of this name, SHA3-256 being written SHA3_256; or of a number, as 0x1; aborts where there is none. */
CK_MECHANISM_TYPE p11_case_mechanism(const struct p11_cases *c, const char *name);
/** Set parameter and length of g->m. */
void p11_case_parameter(struct p11_cases *c, char *text, struct p11_given *g);

/* -- p11_case_key.c ----------------------------------------------------------------------------------------------------- */

struct p11_template {
	CK_ATTRIBUTE item[16];
	CK_ULONG n;
};

void p11_case_add(struct p11_template *t, CK_ATTRIBUTE_TYPE type, struct hl_bytes value);
/** Add an attribute that is true. */
void p11_case_allow(struct p11_template *t, CK_ATTRIBUTE_TYPE type);
/** Make an object of this session of what the key's line says, which may do these two things (0: nothing). */
CK_RV p11_case_make_key(
	struct p11_cases *c, const struct named *k, const CK_ATTRIBUTE_TYPE use[2], CK_OBJECT_HANDLE *out);
