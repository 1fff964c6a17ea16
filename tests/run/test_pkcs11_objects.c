/* Objects that come from outside, from one another or wrapped, and data in parts, through the provider as applications
 * use it. */
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tests/support/p11_world.h"

static CK_SESSION_HANDLE s;

static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY, certificate = CKO_CERTIFICATE, data_object = CKO_DATA;
static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_BYTE key_bytes[] = "sixteen byte key";
#define KEY_N 16

static CK_BBOOL flag(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	return flag_of(s, o, type);
}

/* An AES key of these bytes that may do two things. */
static CK_OBJECT_HANDLE import(CK_ATTRIBUTE_TYPE use, CK_ATTRIBUTE_TYPE also, CK_BBOOL open)
{
	CK_BBOOL closed = !open;
	CK_ATTRIBUTE t[] = {
		ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_TOKEN, yes),
		{ CKA_VALUE, key_bytes, KEY_N }, ATTRIBUTE(CKA_SENSITIVE, closed), ATTRIBUTE(CKA_EXTRACTABLE, open),
		{ use, &yes, 1 }, { also, &yes, 1 },
	};
	CK_OBJECT_HANDLE o = 0;

	IS(OK, C_CreateObject(s, t, also ? 8 : 7, &o));
	return o;
}

static CK_BYTE iv[12] = "twelve bytes";
static CK_GCM_PARAMS gcm = { .pIv = iv, .ulIvLen = sizeof iv, .ulTagBits = 128 };
static CK_MECHANISM aes_gcm = { CKM_AES_GCM, &gcm, sizeof gcm };
static CK_MECHANISM key_wrap = { CKM_AES_KEY_WRAP, NULL, 0 };

static CK_RV encrypt(CK_OBJECT_HANDLE key, void *data, CK_ULONG n, CK_BYTE *out, CK_ULONG *out_n)
{
	CK_RV rv = p11_f->C_EncryptInit(s, &aes_gcm, key);

	return rv == CKR_OK ? p11_f->C_Encrypt(s, data, n, out, out_n) : rv;
}

/* What OpenSSL makes of the same key, IV and data: 16 bytes of tag behind it. */
static void expected(const CK_BYTE *key, const void *data, int n, CK_BYTE *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int done = 0;

	CU_ASSERT(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv) == 1 &&
		EVP_EncryptUpdate(ctx, out, &done, data, n) == 1 && EVP_EncryptFinal_ex(ctx, out + done, &done) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, out + n) == 1);
	EVP_CIPHER_CTX_free(ctx);
}

/* -- objects from their parts -------------------------------------------------------------------------------------------- */

static void a_key_from_outside_is_used_as_it_is_elsewhere(void)
{
	CK_BYTE out[64], right[64];
	CK_ULONG n = sizeof out;
	CK_OBJECT_HANDLE o = import(CKA_ENCRYPT, CKA_DECRYPT, CK_FALSE);

	expected(key_bytes, "data", 4, right);
	CU_ASSERT_EQUAL(encrypt(o, "data", 4, out, &n), CKR_OK);
	CU_ASSERT_EQUAL(n, 20);
	CU_ASSERT_EQUAL(memcmp(out, right, 20), 0);
	CU_ASSERT_EQUAL(flag(o, CKA_LOCAL), CK_FALSE);
	CU_ASSERT_EQUAL(flag(o, CKA_ALWAYS_SENSITIVE), CK_FALSE);
	CU_ASSERT_EQUAL(flag(o, CKA_NEVER_EXTRACTABLE), CK_FALSE);
	IS(OK, C_DestroyObject(s, o));
}

static void a_template_that_will_not_do_is_told_by_its_code(void)
{
	CK_BYTE bytes[5] = "short";
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_KEY_TYPE, aes),
		{ CKA_VALUE, key_bytes, KEY_N }, ATTRIBUTE(CKA_ENCRYPT, yes), { 0 } };
	CK_OBJECT_HANDLE o = NO_HANDLE;
	CK_SESSION_HANDLE reads;

	IS(TEMPLATE_INCOMPLETE, C_CreateObject(s, t, 2, &o));
	IS(TEMPLATE_INCOMPLETE, C_CreateObject(s, t, 3, &o));
	t[5] = (CK_ATTRIBUTE)ATTRIBUTE(CKA_LOCAL, yes);
	IS(ATTRIBUTE_READ_ONLY, C_CreateObject(s, t, 6, &o));
	t[5] = (CK_ATTRIBUTE)ATTRIBUTE(CKA_MODULUS, bytes);
	IS(TEMPLATE_INCONSISTENT, C_CreateObject(s, t, 6, &o));
	t[5] = (CK_ATTRIBUTE){ 0x7fff1234, bytes, sizeof bytes };
	IS(ATTRIBUTE_TYPE_INVALID, C_CreateObject(s, t, 6, &o));
	t[3].ulValueLen = 5;
	IS(ATTRIBUTE_VALUE_INVALID, C_CreateObject(s, t, 5, &o));
	t[3].ulValueLen = KEY_N;
	t[1].pValue = &no; /* a session object */
	IS(OK, C_CreateObject(s, t, 5, &o));
	IS(OK, C_DestroyObject(s, o));
	o = NO_HANDLE;
	IS(ARGUMENTS_BAD, C_CreateObject(s, NULL, 3, &o));
	IS(ARGUMENTS_BAD, C_CreateObject(s, t, 5, NULL));
	t[1].pValue = &yes;
	IS(OK, C_OpenSession(P11_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &reads));
	IS(SESSION_READ_ONLY, C_CreateObject(reads, t, 5, &o));
	IS(OK, C_CloseSession(reads));
	CU_ASSERT_EQUAL(o, NO_HANDLE);
}

static int make_certificate(unsigned char **der)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	int n = 0;

	X509_NAME_add_entry_by_txt(
		X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"a name", -1, -1, 0);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	if (X509_set_pubkey(x, key) == 1 && X509_sign(x, key, EVP_sha256()) > 0)
		n = i2d_X509(x, der);
	X509_free(x);
	EVP_PKEY_free(key);
	return n;
}

static void certificates_and_data_are_kept_found_and_read(void)
{
	CK_CERTIFICATE_TYPE x509 = CKC_X_509;
	unsigned char *der = NULL;
	CK_ULONG n = (CK_ULONG)make_certificate(&der);
	CK_BYTE subject[] = { 0x30, 0x11, 0x31, 0x0f, 0x30, 0x0d, 6, 3, 0x55, 4, 3, 12, 6, 'a', ' ', 'n', 'a', 'm', 'e' };
	CK_BYTE read[2048];
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, certificate), ATTRIBUTE(CKA_TOKEN, yes),
		ATTRIBUTE(CKA_CERTIFICATE_TYPE, x509), { CKA_VALUE, der, n }, { CKA_SUBJECT, subject, sizeof subject },
		{ CKA_LABEL, "a certificate", 13 } };
	CK_ATTRIBUTE d[] = { ATTRIBUTE(CKA_CLASS, data_object), ATTRIBUTE(CKA_TOKEN, yes), { CKA_LABEL, "some data", 9 },
		{ CKA_VALUE, "what is kept", 12 } };
	CK_ATTRIBUTE value = { CKA_VALUE, read, sizeof read };
	CK_OBJECT_HANDLE made, found = 0, text;

	CU_ASSERT_FATAL(n > 0);
	IS(OK, C_CreateObject(s, t, 6, &made));
	IS(OK, C_CreateObject(s, d, 4, &text));
	CU_ASSERT_EQUAL(p11_find(s, "a certificate", &found, 1), 1);
	CU_ASSERT_EQUAL(found, made);
	IS(OK, C_GetAttributeValue(s, made, &value, 1));
	CU_ASSERT_EQUAL(value.ulValueLen, n);
	CU_ASSERT_EQUAL(memcmp(read, der, n), 0);
	CU_ASSERT_EQUAL(flag(made, CKA_PRIVATE), CK_FALSE);
	CU_ASSERT_EQUAL(p11_find(s, "some data", &found, 1), 1);
	value.ulValueLen = sizeof read;
	IS(OK, C_GetAttributeValue(s, text, &value, 1));
	CU_ASSERT_EQUAL(value.ulValueLen, 12);
	CU_ASSERT_EQUAL(memcmp(read, "what is kept", 12), 0);
	IS(OK, C_DestroyObject(s, made));
	IS(OK, C_DestroyObject(s, text));
	OPENSSL_free(der);
}

static void a_copy_may_only_tighten(void)
{
	CK_OBJECT_HANDLE open = import(CKA_ENCRYPT, CKA_DECRYPT, CK_TRUE), copy = 0, other = 0;
	CK_ATTRIBUTE closed = ATTRIBUTE(CKA_EXTRACTABLE, no), opened = ATTRIBUTE(CKA_EXTRACTABLE, yes),
		     final = ATTRIBUTE(CKA_COPYABLE, no), local = ATTRIBUTE(CKA_LOCAL, yes);
	CK_BYTE ours[32], theirs[32];
	CK_ATTRIBUTE id[] = { { CKA_UNIQUE_ID, ours, sizeof ours }, { CKA_UNIQUE_ID, theirs, sizeof theirs } };

	IS(OK, C_CopyObject(s, open, &closed, 1, &copy));
	CU_ASSERT_EQUAL(flag(copy, CKA_EXTRACTABLE), CK_FALSE);
	IS(OK, C_GetAttributeValue(s, open, &id[0], 1));
	IS(OK, C_GetAttributeValue(s, copy, &id[1], 1));
	CU_ASSERT_NOT_EQUAL(memcmp(ours, theirs, id[0].ulValueLen), 0);
	IS(ATTRIBUTE_READ_ONLY, C_CopyObject(s, copy, &opened, 1, &other));
	IS(ATTRIBUTE_READ_ONLY, C_CopyObject(s, copy, &local, 1, &other));
	IS(OK, C_DestroyObject(s, copy));
	IS(OK, C_CopyObject(s, open, &final, 1, &copy));
	IS(ACTION_PROHIBITED, C_CopyObject(s, copy, NULL, 0, &other));
	IS(OBJECT_HANDLE_INVALID, C_CopyObject(s, NO_HANDLE, NULL, 0, &other));
	IS(ARGUMENTS_BAD, C_CopyObject(s, open, NULL, 1, &other));
	IS(OK, C_DestroyObject(s, open));
	CU_ASSERT_EQUAL(flag(copy, CKA_ENCRYPT), CK_TRUE); /* it lives on */
	IS(OK, C_DestroyObject(s, copy));
}

/* -- wrapped ------------------------------------------------------------------------------------------------------------- */

static void a_wrapped_key_comes_back_as_the_same_key(void)
{
	CK_OBJECT_HANDLE wraps = import(CKA_WRAP, 0, CK_FALSE), unwraps = import(CKA_UNWRAP, 0, CK_FALSE),
			 target = import(CKA_ENCRYPT, CKA_DECRYPT, CK_TRUE), back = 0;
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_TOKEN, yes),
		ATTRIBUTE(CKA_ENCRYPT, yes) };
	CK_BYTE blob[64], first[64], second[64];
	CK_ULONG n = 0, m = sizeof first, k = sizeof second;

	IS(OK, C_WrapKey(s, &key_wrap, wraps, target, NULL, &n));
	CU_ASSERT_EQUAL(n, 24);
	n--;
	IS(BUFFER_TOO_SMALL, C_WrapKey(s, &key_wrap, wraps, target, blob, &n));
	CU_ASSERT_EQUAL(n, 24);
	n = sizeof blob;
	IS(OK, C_WrapKey(s, &key_wrap, wraps, target, blob, &n));
	IS(OK, C_UnwrapKey(s, &key_wrap, unwraps, blob, n, t, 4, &back));
	CU_ASSERT_EQUAL(encrypt(target, "data", 4, first, &m), CKR_OK);
	CU_ASSERT_EQUAL(encrypt(back, "data", 4, second, &k), CKR_OK);
	CU_ASSERT(m == k && memcmp(first, second, m) == 0);
	CU_ASSERT_EQUAL(flag(back, CKA_LOCAL), CK_FALSE);
	CU_ASSERT_EQUAL(flag(back, CKA_ALWAYS_SENSITIVE), CK_FALSE);
	IS(WRAPPED_KEY_LEN_RANGE, C_UnwrapKey(s, &key_wrap, unwraps, blob, n - 1, t, 4, &back));
	IS(WRAPPED_KEY_LEN_RANGE, C_UnwrapKey(s, &key_wrap, unwraps, NULL, 0, t, 4, &back));
	blob[3] ^= 1;
	IS(WRAPPED_KEY_INVALID, C_UnwrapKey(s, &key_wrap, unwraps, blob, n, t, 4, &back));
	for (CK_OBJECT_HANDLE *o = (CK_OBJECT_HANDLE[]){ wraps, unwraps, target, back, 0 }; *o; o++)
		IS(OK, C_DestroyObject(s, *o));
}

static void wrapping_names_which_key_will_not_do(void)
{
	CK_OBJECT_HANDLE wraps = import(CKA_WRAP, 0, CK_FALSE), closed = import(CKA_ENCRYPT, CKA_DECRYPT, CK_FALSE),
			 open = import(CKA_ENCRYPT, 0, CK_TRUE), o;
	CK_MECHANISM with_parameter = { CKM_AES_KEY_WRAP, iv, 5 }, gone = { 0x7fff1234, NULL, 0 };
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_TOKEN, yes) };
	struct p11_pair pair;
	CK_BYTE blob[64] = { 1 };
	CK_ULONG n = sizeof blob;

	CU_ASSERT_EQUAL(p11_make_p256(s, "no wrapper", &pair), CKR_OK);
	IS(KEY_UNEXTRACTABLE, C_WrapKey(s, &key_wrap, wraps, closed, blob, &n));
	IS(KEY_FUNCTION_NOT_PERMITTED, C_WrapKey(s, &key_wrap, closed, open, blob, &n));
	IS(WRAPPING_KEY_HANDLE_INVALID, C_WrapKey(s, &key_wrap, NO_HANDLE, open, blob, &n));
	IS(KEY_HANDLE_INVALID, C_WrapKey(s, &key_wrap, wraps, NO_HANDLE, blob, &n));
	IS(WRAPPING_KEY_TYPE_INCONSISTENT, C_WrapKey(s, &key_wrap, pair.key, open, blob, &n));
	IS(KEY_NOT_WRAPPABLE, C_WrapKey(s, &key_wrap, wraps, pair.public_key, blob, &n));
	IS(MECHANISM_INVALID, C_WrapKey(s, &gone, wraps, open, blob, &n));
	IS(MECHANISM_PARAM_INVALID, C_WrapKey(s, &with_parameter, wraps, open, blob, &n));
	IS(ARGUMENTS_BAD, C_WrapKey(s, NULL, wraps, open, blob, &n));
	IS(ARGUMENTS_BAD, C_WrapKey(s, &key_wrap, wraps, open, blob, NULL));
	IS(UNWRAPPING_KEY_HANDLE_INVALID, C_UnwrapKey(s, &key_wrap, NO_HANDLE, blob, 24, t, 3, &o));
	IS(UNWRAPPING_KEY_TYPE_INCONSISTENT, C_UnwrapKey(s, &key_wrap, pair.key, blob, 24, t, 3, &o));
	IS(KEY_FUNCTION_NOT_PERMITTED, C_UnwrapKey(s, &key_wrap, wraps, blob, 24, t, 3, &o));
	IS(ARGUMENTS_BAD, C_UnwrapKey(s, &key_wrap, wraps, NULL, 24, t, 3, &o));
	IS(ARGUMENTS_BAD, C_UnwrapKey(s, &key_wrap, wraps, blob, 24, t, 3, NULL));
	for (CK_OBJECT_HANDLE *each = (CK_OBJECT_HANDLE[]){ wraps, closed, open, pair.key, pair.public_key, 0 }; *each; each++)
		IS(OK, C_DestroyObject(s, *each));
}

/* CKA_UNWRAP_TEMPLATE says what every key has that comes back, and CKA_ALLOWED_MECHANISMS how a key may be used. */
static void arrays_are_carried_and_hold(void)
{
	CK_MECHANISM_TYPE allowed[] = { CKM_AES_KEY_WRAP, CKM_AES_CBC_PAD }, told[4];
	CK_ATTRIBUTE inside[] = { ATTRIBUTE(CKA_DECRYPT, no), { CKA_LABEL, "came back", 9 } };
	CK_ATTRIBUTE t[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_TOKEN, yes),
		{ CKA_VALUE, key_bytes, KEY_N }, ATTRIBUTE(CKA_UNWRAP, yes), ATTRIBUTE(CKA_UNWRAP_TEMPLATE, inside),
		ATTRIBUTE(CKA_ALLOWED_MECHANISMS, allowed) };
	CK_ATTRIBUTE n[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_TOKEN, yes),
		ATTRIBUTE(CKA_ENCRYPT, yes), ATTRIBUTE(CKA_DECRYPT, yes) };
	CK_BYTE flag_read, label_read[32];
	CK_ATTRIBUTE inner[] = { { 0, &flag_read, 1 }, { 0, label_read, sizeof label_read } };
	CK_ATTRIBUTE read[] = { ATTRIBUTE(CKA_ALLOWED_MECHANISMS, told), { CKA_UNWRAP_TEMPLATE, NULL, 0 } };
	CK_OBJECT_HANDLE wraps = import(CKA_WRAP, 0, CK_FALSE), target = import(CKA_ENCRYPT, 0, CK_TRUE), unwraps, back, found;
	CK_MECHANISM other = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	CK_BYTE blob[24];
	CK_ULONG blob_n = sizeof blob;

	IS(OK, C_CreateObject(s, t, 7, &unwraps));
	IS(OK, C_GetAttributeValue(s, unwraps, read, 2));
	CU_ASSERT(read[0].ulValueLen == sizeof allowed && memcmp(told, allowed, sizeof allowed) == 0);
	CU_ASSERT_EQUAL(read[1].ulValueLen, sizeof inner);
	read[1].pValue = inner;
	IS(OK, C_GetAttributeValue(s, unwraps, &read[1], 1));
	for (int i = 0; i < 2; i++)
		if (inner[i].type == CKA_LABEL)
			CU_ASSERT(inner[i].ulValueLen == 9 && memcmp(inner[i].pValue, "came back", 9) == 0);
	IS(OK, C_WrapKey(s, &key_wrap, wraps, target, blob, &blob_n));
	IS(TEMPLATE_INCONSISTENT, C_UnwrapKey(s, &key_wrap, unwraps, blob, blob_n, n, 5, &back));
	IS(OK, C_UnwrapKey(s, &key_wrap, unwraps, blob, blob_n, n, 4, &back));
	CU_ASSERT_EQUAL(p11_find(s, "came back", &found, 1), 1);
	CU_ASSERT_EQUAL(found, back);
	IS(MECHANISM_INVALID, C_UnwrapKey(s, &other, unwraps, blob, blob_n, n, 4, &back));
	t[5].ulValueLen--;
	IS(ATTRIBUTE_VALUE_INVALID, C_CreateObject(s, t, 7, &unwraps));
	t[5].ulValueLen++;
	t[6].ulValueLen--;
	IS(ATTRIBUTE_VALUE_INVALID, C_CreateObject(s, t, 7, &unwraps));
	t[6].ulValueLen++;
	inside[0] = t[5]; /* in itself */
	IS(ATTRIBUTE_VALUE_INVALID, C_CreateObject(s, t, 7, &unwraps));
}

/* -- derived --------------------------------------------------------------------------------------------------------------- */

static CK_BYTE p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };

static struct p11_pair agreeing_pair(void)
{
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE theirs[] = { ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_EC_PARAMS, p256) };
	CK_ATTRIBUTE mine[] = { ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_DERIVE, yes) };
	struct p11_pair p = { 0 };

	IS(OK, C_GenerateKeyPair(s, &m, theirs, 2, mine, 2, &p.public_key, &p.key));
	return p;
}

static CK_ULONG wanted_n = 16;
static CK_ATTRIBUTE wanted[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, aes),
	ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_ENCRYPT, yes), ATTRIBUTE(CKA_VALUE_LEN, wanted_n) };

static bool encrypt_alike(CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b)
{
	CK_BYTE first[32], second[32];
	CK_ULONG n = sizeof first, m = sizeof second;

	CU_ASSERT_EQUAL(encrypt(a, "data", 4, first, &n), CKR_OK);
	CU_ASSERT_EQUAL(encrypt(b, "data", 4, second, &m), CKR_OK);
	return n == m && memcmp(first, second, n) == 0;
}

/* The point as it is read, which is DER, and bare. */
static void both_sides_of_an_agreement_have_one_key(void)
{
	struct p11_pair pair[2] = { agreeing_pair(), agreeing_pair() };
	CK_OBJECT_HANDLE key[2] = { 0 }, none = NO_HANDLE;
	CK_BYTE point[80];
	CK_ECDH1_DERIVE_PARAMS p = { .kdf = CKD_NULL };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &p, sizeof p };

	for (int i = 0; i < 2; i++) {
		CK_ATTRIBUTE a = { CKA_EC_POINT, point, sizeof point };

		IS(OK, C_GetAttributeValue(s, pair[1 - i].public_key, &a, 1));
		p.pPublicData = point + (i == 0 ? 0 : 2);
		p.ulPublicDataLen = a.ulValueLen - (i == 0 ? 0 : 2);
		IS(OK, C_DeriveKey(s, &m, pair[i].key, wanted, 5, &key[i]));
	}
	CU_ASSERT(encrypt_alike(key[0], key[1]));
	p.pPublicData[5] ^= 1;
	IS(MECHANISM_PARAM_INVALID, C_DeriveKey(s, &m, pair[0].key, wanted, 5, &none));
	m.ulParameterLen--;
	IS(MECHANISM_PARAM_INVALID, C_DeriveKey(s, &m, pair[0].key, wanted, 5, &none));
	m.ulParameterLen++;
	p.pPublicData[5] ^= 1;
	IS(KEY_HANDLE_INVALID, C_DeriveKey(s, &m, NO_HANDLE, wanted, 5, &none));
	IS(KEY_FUNCTION_NOT_PERMITTED, C_DeriveKey(s, &m, pair[0].public_key, wanted, 5, &none));
	IS(KEY_TYPE_INCONSISTENT, C_DeriveKey(s, &m, key[0], wanted, 5, &none));
	IS(ARGUMENTS_BAD, C_DeriveKey(s, &m, pair[0].key, wanted, 5, NULL));
	CU_ASSERT_EQUAL(none, NO_HANDLE);
}

static void one_derivation_gives_several_keys(void)
{
	CK_ATTRIBUTE base[] = { ATTRIBUTE(CKA_CLASS, secret_key), ATTRIBUTE(CKA_KEY_TYPE, generic),
		ATTRIBUTE(CKA_TOKEN, yes), { CKA_VALUE, key_bytes, KEY_N }, ATTRIBUTE(CKA_DERIVE, yes) };
	CK_SP800_108_COUNTER_FORMAT counter = { CK_FALSE, 32 };
	CK_PRF_DATA_PARAM parts[] = { { CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof counter },
		{ CK_SP800_108_BYTE_ARRAY, iv, sizeof iv } };
	CK_OBJECT_HANDLE from, first[3] = { 0 }, again[3] = { 0 };
	CK_DERIVED_KEY more[] = { { wanted, 5, &first[1] }, { wanted, 5, &first[2] } };
	CK_SP800_108_KDF_PARAMS p = { CKM_SHA256_HMAC, 2, parts, 2, more };
	CK_MECHANISM m = { CKM_SP800_108_COUNTER_KDF, &p, sizeof p };

	IS(OK, C_CreateObject(s, base, 5, &from));
	IS(OK, C_DeriveKey(s, &m, from, wanted, 5, &first[0]));
	more[0].phKey = &again[1];
	more[1].phKey = &again[2];
	IS(OK, C_DeriveKey(s, &m, from, wanted, 5, &again[0]));
	for (int i = 0; i < 3; i++) {
		CU_ASSERT(encrypt_alike(first[i], again[i]));
		CU_ASSERT_FALSE(encrypt_alike(first[i], again[(i + 1) % 3]));
	}
	more[1].phKey = NULL;
	IS(MECHANISM_PARAM_INVALID, C_DeriveKey(s, &m, from, wanted, 5, &first[0]));
}

static void a_key_of_a_password_is_the_same_each_time(void)
{
	CK_PKCS5_PBKD2_PARAMS2 p = { .saltSource = CKZ_SALT_SPECIFIED, .pSaltSourceData = iv,
		.ulSaltSourceDataLen = sizeof iv, .iterations = 1000, .prf = CKP_PKCS5_PBKD2_HMAC_SHA256,
		.pPassword = key_bytes, .ulPasswordLen = KEY_N };
	CK_MECHANISM m = { CKM_PKCS5_PBKD2, &p, sizeof p };
	CK_OBJECT_HANDLE key[2] = { 0 };

	IS(OK, C_GenerateKey(s, &m, wanted, 5, &key[0]));
	IS(OK, C_GenerateKey(s, &m, wanted, 5, &key[1]));
	CU_ASSERT(encrypt_alike(key[0], key[1]));
	m.ulParameterLen = 0;
	IS(MECHANISM_PARAM_INVALID, C_GenerateKey(s, &m, wanted, 5, &key[0]));
}

/* -- in parts ------------------------------------------------------------------------------------------------------------ */

#define LONG_N 3000
static CK_BYTE text[LONG_N];

static void what_is_encrypted_comes_back_part_by_part(void)
{
	CK_OBJECT_HANDLE key = import(CKA_ENCRYPT, CKA_DECRYPT, CK_FALSE);
	CK_BYTE whole[LONG_N + 16], parts[LONG_N + 16], clear[LONG_N];
	CK_ULONG n, at = 0;

	expected(key_bytes, text, LONG_N, whole);
	IS(OK, C_EncryptInit(s, &aes_gcm, key));
	for (CK_ULONG i = 0; i < LONG_N; i += 1000) {
		n = 0;
		IS(OK, C_EncryptUpdate(s, text + i, 1000, NULL, &n)); /* takes nothing in */
		CU_ASSERT(n >= 1000);
		n = 10;
		IS(BUFFER_TOO_SMALL, C_EncryptUpdate(s, text + i, 1000, parts + at, &n));
		CU_ASSERT_EQUAL(n, 1000);
		IS(OK, C_EncryptUpdate(s, text + i, 1000, parts + at, &n)); /* not once more: the same */
		at += n;
	}
	n = 0;
	IS(OK, C_EncryptFinal(s, NULL, &n));
	CU_ASSERT(n >= 16);
	n = 3;
	IS(BUFFER_TOO_SMALL, C_EncryptFinal(s, parts + at, &n));
	CU_ASSERT_EQUAL(n, 16);
	IS(OK, C_EncryptFinal(s, parts + at, &n));
	CU_ASSERT_EQUAL(at + n, LONG_N + 16);
	CU_ASSERT_EQUAL(memcmp(parts, whole, sizeof whole), 0);
	IS(OPERATION_NOT_INITIALIZED, C_EncryptFinal(s, parts, &n));
	IS(OK, C_DecryptInit(s, &aes_gcm, key));
	n = sizeof clear;
	IS(OK, C_DecryptUpdate(s, parts, LONG_N, clear, &n));
	CU_ASSERT_EQUAL(n, 0); /* nothing of it before the tag was checked */
	n = sizeof clear;
	IS(OK, C_DecryptUpdate(s, parts + LONG_N, 16, clear, &n));
	n = sizeof clear;
	IS(OK, C_DecryptFinal(s, clear, &n));
	CU_ASSERT_EQUAL(n, LONG_N);
	CU_ASSERT_EQUAL(memcmp(clear, text, LONG_N), 0);
	IS(OK, C_DestroyObject(s, key));
}

static void more_than_one_message_holds_is_encrypted_in_parts(void)
{
	const CK_ULONG most = 3u << 20, half = most / 2;
	CK_OBJECT_HANDLE key = import(CKA_ENCRYPT, CKA_DECRYPT, CK_FALSE);
	CK_BYTE *in = calloc(1, most), *out = malloc(most + 16), *right = malloc(most + 16);
	CK_ULONG n = most, m = most, end = 16;

	CU_ASSERT_FATAL(in && out && right);
	expected(key_bytes, in, (int)most, right);
	IS(OK, C_EncryptInit(s, &aes_gcm, key));
	IS(OK, C_EncryptUpdate(s, in, half, out, &n));
	IS(OK, C_EncryptUpdate(s, in + half, half, out + n, &m));
	IS(OK, C_EncryptFinal(s, out + n + m, &end));
	CU_ASSERT_EQUAL(n + m + end, most + 16);
	CU_ASSERT_EQUAL(memcmp(out, right, most + 16), 0);
	free(in);
	free(out);
	free(right);
	IS(OK, C_DestroyObject(s, key));
}

/* Each leaves something behind in the HSM, which has room for 64 of them. */
static void operations_that_are_given_up_leave_nothing_behind(void)
{
	CK_OBJECT_HANDLE key = import(CKA_ENCRYPT, CKA_DECRYPT, CK_FALSE);
	CK_BYTE out[64];
	CK_ULONG n;

	for (int i = 0; i < 100; i++) {
		IS(OK, C_EncryptInit(s, &aes_gcm, key));
		n = sizeof out;
		IS(OK, C_EncryptUpdate(s, text, 10, out, &n));
		IS(OK, C_EncryptInit(s, NULL, 0)); /* given up */
	}
	IS(OK, C_EncryptInit(s, &aes_gcm, key));
	n = sizeof out;
	IS(OK, C_EncryptUpdate(s, text, 10, out, &n));
	IS(OPERATION_ACTIVE, C_Encrypt(s, text, 10, out, &n)); /* and that ends it */
	IS(OPERATION_NOT_INITIALIZED, C_EncryptUpdate(s, text, 10, out, &n));
	IS(OK, C_DestroyObject(s, key));
}

/* What the HSM held of it is gone with the link. All else goes on over the next one, after a login. */
static void an_operation_in_parts_ends_with_its_link(void)
{
	CK_OBJECT_HANDLE key = import(CKA_ENCRYPT, CKA_DECRYPT, CK_FALSE);
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;

	IS(OK, C_EncryptInit(s, &aes_gcm, key));
	IS(OK, C_EncryptUpdate(s, text, 10, out, &n));
	CU_ASSERT(live_kill(w, "proxy1"));
	CU_ASSERT(live_restart(w, "proxy1") && live_await_up(w));
	n = sizeof out;
	IS(DEVICE_ERROR, C_EncryptUpdate(s, text, 10, out, &n));
	IS(OPERATION_NOT_INITIALIZED, C_EncryptUpdate(s, text, 10, out, &n));
}

/* clang-format off */
static CU_TestInfo tests[] = {
	TEST(a_key_from_outside_is_used_as_it_is_elsewhere),
	TEST(a_template_that_will_not_do_is_told_by_its_code),
	TEST(certificates_and_data_are_kept_found_and_read),
	TEST(a_copy_may_only_tighten),
	TEST(a_wrapped_key_comes_back_as_the_same_key),
	TEST(wrapping_names_which_key_will_not_do),
	TEST(arrays_are_carried_and_hold),
	TEST(both_sides_of_an_agreement_have_one_key),
	TEST(one_derivation_gives_several_keys),
	TEST(a_key_of_a_password_is_the_same_each_time),
	TEST(what_is_encrypted_comes_back_part_by_part),
	TEST(more_than_one_message_holds_is_encrypted_in_parts),
	TEST(operations_that_are_given_up_leave_nothing_behind),
	TEST(an_operation_in_parts_ends_with_its_link),
	CU_TEST_INFO_NULL,
};
/* clang-format on */

/* One session for all of them, logged in. */
static bool log_in(void)
{
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (CK_BYTE)(i * 7);
	s = p11_world_session();
	return s != 0;
}

int main(void)
{
	return p11_world_main("pkcs11 objects", tests, log_in);
}
