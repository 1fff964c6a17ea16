/* p11_work.c - what a module is measured with: one row each. Keys are session objects, but for the rows that say
 * otherwise; an operation is its Init and its one call. */
#include <string.h>

#include "lib/base/err.h"
#include "tests/bench/p11_player.h"

#define SMALL 1024
#define LARGE 4096

_Thread_local const char *refusing = "";

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_BYTE label[] = "hsmlet-bench";
static CK_BYTE text[LARGE] = "what is signed, hashed and encrypted";

/* -- keys ------------------------------------------------------------------------------------------------------ */

static CK_RV make_pair(const struct token *t, CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, CK_ATTRIBUTE size, bool stays,
	CK_OBJECT_HANDLE pair[2])
{
	CK_BBOOL *token = stays ? &yes : &no;
	CK_ATTRIBUTE theirs[] = { { CKA_TOKEN, token, 1 }, { CKA_PRIVATE, &no, 1 }, { CKA_VERIFY, &yes, 1 },
		{ CKA_LABEL, label, sizeof label - 1 }, size };
	CK_ATTRIBUTE ours[] = { { CKA_TOKEN, token, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 },
		{ CKA_SIGN, &yes, 1 }, { CKA_LABEL, label, sizeof label - 1 } };
	CK_MECHANISM m = { type, NULL, 0 };

	ASK(t, GenerateKeyPair, s, &m, theirs, HL_COUNT(theirs), ours, HL_COUNT(ours), &pair[0], &pair[1]);
	return CKR_OK;
}

static CK_RV make_p256(const struct token *t, CK_SESSION_HANDLE s, bool stays, CK_OBJECT_HANDLE pair[2])
{
	static CK_BYTE curve[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_ATTRIBUTE size = { CKA_EC_PARAMS, curve, sizeof curve };

	return make_pair(t, s, CKM_EC_KEY_PAIR_GEN, size, stays, pair);
}

static CK_RV keep(struct token *t, CK_RV rv, const CK_OBJECT_HANDLE pair[2])
{
	if (rv != CKR_OK)
		return rv;
	t->public_key = pair[0];
	t->key = pair[1];
	return CKR_OK;
}

static CK_RV prepare_p256(struct token *t)
{
	CK_OBJECT_HANDLE pair[2];

	return keep(t, make_p256(t, t->session, false, pair), pair);
}

static CK_RV prepare_on_token(struct token *t)
{
	CK_OBJECT_HANDLE pair[2];

	return keep(t, make_p256(t, t->session, true, pair), pair);
}

static CK_RV prepare_rsa(struct token *t)
{
	CK_ULONG bits = 2048;
	CK_OBJECT_HANDLE pair[2];
	CK_ATTRIBUTE size = { CKA_MODULUS_BITS, &bits, sizeof bits };

	return keep(t, make_pair(t, t->session, CKM_RSA_PKCS_KEY_PAIR_GEN, size, false, pair), pair);
}

static CK_RV prepare_secret(struct token *t, CK_MECHANISM_TYPE type, CK_ATTRIBUTE_TYPE use)
{
	CK_ULONG n = 32;
	CK_ATTRIBUTE a[] = { { CKA_TOKEN, &no, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 },
		{ CKA_VALUE_LEN, &n, sizeof n }, { use, &yes, 1 } };
	CK_MECHANISM m = { type, NULL, 0 };

	ASK(t, GenerateKey, t->session, &m, a, HL_COUNT(a), &t->key);
	return CKR_OK;
}

static CK_RV prepare_aes(struct token *t)
{
	return prepare_secret(t, CKM_AES_KEY_GEN, CKA_ENCRYPT);
}

static CK_RV prepare_hmac(struct token *t)
{
	return prepare_secret(t, CKM_GENERIC_SECRET_KEY_GEN, CKA_SIGN);
}

static CK_RV destroy(const struct token *t, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object)
{
	if (object != CK_INVALID_HANDLE)
		ASK(t, DestroyObject, s, object);
	return CKR_OK;
}

CK_RV work_forget(struct token *t)
{
	CK_RV rv = destroy(t, t->session, t->key), also = destroy(t, t->session, t->public_key);

	t->key = t->public_key = CK_INVALID_HANDLE;
	return rv != CKR_OK ? rv : also;
}

/* -- work -------------------------------------------------------------------------------------------------------- */

static CK_RV open_session(struct seat *s)
{
	CK_SESSION_HANDLE another;

	ASK(s->token, OpenSession, s->token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &another);
	ASK(s->token, CloseSession, another);
	return CKR_OK;
}

static CK_RV login(struct seat *s)
{
	CK_BYTE *pin = (CK_BYTE *)s->token->pin;

	ASK(s->token, Logout, s->session);
	ASK(s->token, Login, s->session, CKU_USER, pin, s->token->pin_n);
	return CKR_OK;
}

static CK_RV sign(struct seat *s, CK_MECHANISM_TYPE type, CK_ULONG n)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_ULONG out_n = sizeof s->out;

	ASK(s->token, SignInit, s->session, &m, s->token->key);
	ASK(s->token, Sign, s->session, text, n, s->out, &out_n);
	return CKR_OK;
}

static CK_RV sign_p256(struct seat *s)
{
	return sign(s, CKM_ECDSA, 32);
}

static CK_RV sign_rsa(struct seat *s)
{
	return sign(s, CKM_RSA_PKCS, 51); /* as long as a DigestInfo with SHA-256 */
}

static CK_RV hmac(struct seat *s)
{
	return sign(s, CKM_SHA256_HMAC, SMALL);
}

/* No vector is used twice with a key: that would be no GCM any more. */
static CK_RV encrypt(struct seat *s, CK_ULONG n)
{
	CK_BYTE iv[12];
	CK_GCM_PARAMS gcm = { .pIv = iv, .ulIvLen = sizeof iv, .ulIvBits = 8 * sizeof iv, .ulTagBits = 128 };
	CK_MECHANISM m = { CKM_AES_GCM, &gcm, sizeof gcm };
	CK_ULONG out_n = sizeof s->out;

	memcpy(iv, &s->count, 8);
	memcpy(iv + 8, &s->number, 4);
	ASK(s->token, EncryptInit, s->session, &m, s->token->key);
	ASK(s->token, Encrypt, s->session, text, n, s->out, &out_n);
	return CKR_OK;
}

static CK_RV encrypt_small(struct seat *s)
{
	return encrypt(s, SMALL);
}

static CK_RV encrypt_large(struct seat *s)
{
	return encrypt(s, LARGE);
}

static CK_RV generate(struct seat *s, bool stays)
{
	CK_OBJECT_HANDLE pair[2];
	CK_RV rv = make_p256(s->token, s->session, stays, pair);

	for (int i = 0; rv == CKR_OK && i < 2; i++)
		rv = destroy(s->token, s->session, pair[i]);
	return rv;
}

static CK_RV generate_for_session(struct seat *s)
{
	return generate(s, false);
}

static CK_RV generate_on_token(struct seat *s)
{
	return generate(s, true);
}

static CK_RV find(struct seat *s)
{
	CK_ATTRIBUTE wanted = { CKA_LABEL, label, sizeof label - 1 };
	CK_OBJECT_HANDLE found[4];
	CK_ULONG n = 0;

	ASK(s->token, FindObjectsInit, s->session, &wanted, 1);
	ASK(s->token, FindObjects, s->session, found, HL_COUNT(found), &n);
	ASK(s->token, FindObjectsFinal, s->session);
	refusing = "C_FindObjects";
	return n == 2 ? CKR_OK : CKR_GENERAL_ERROR; /* the pair, no more and no less */
}

static CK_RV draw(struct seat *s)
{
	ASK(s->token, GenerateRandom, s->session, s->out, 32);
	return CKR_OK;
}

/* clang-format off */
static const struct work works[] = {
	{ "open",           NULL,             open_session,         false },
	{ "login",          NULL,             login,                true },
	{ "sign-p256",      prepare_p256,     sign_p256,            false },
	{ "sign-rsa2048",   prepare_rsa,      sign_rsa,             false },
	{ "gcm-1k",         prepare_aes,      encrypt_small,        false },
	{ "gcm-4k",         prepare_aes,      encrypt_large,        false },
	{ "hmac-1k",        prepare_hmac,     hmac,                 false },
	{ "generate-p256",  NULL,             generate_for_session, false },
	{ "generate-token", NULL,             generate_on_token,    false },
	{ "find",           prepare_on_token, find,                 false },
	{ "random-32",      NULL,             draw,                 false },
};
/* clang-format on */

const struct work *work_named(const char *name)
{
	for (size_t i = 0; i < HL_COUNT(works); i++)
		if (strcmp(works[i].name, name) == 0)
			return &works[i];
	return NULL;
}
