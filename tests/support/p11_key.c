#include "tests/support/p11_key.h"

#include <CUnit/CUnit.h>
#include <openssl/x509.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

CK_RV p11_make_secret(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE make, CK_ULONG n, bool encrypts, struct p11_secret *out)
{
	CK_MECHANISM m = { make, NULL, 0 };
	CK_ATTRIBUTE value = { CKA_VALUE, out->value, sizeof out->value };
	CK_ATTRIBUTE t[] = {
		{ CKA_TOKEN, &yes, 1 },
		{ CKA_SENSITIVE, &no, 1 },
		{ CKA_EXTRACTABLE, &yes, 1 },
		{ encrypts ? CKA_ENCRYPT : CKA_SIGN, &yes, 1 },
		{ encrypts ? CKA_DECRYPT : CKA_VERIFY, &yes, 1 },
		{ CKA_VALUE_LEN, &n, sizeof n },
	};
	CK_RV rv = p11_f->C_GenerateKey(s, &m, t, n > 0 ? 6 : 5, &out->key);

	if (rv == CKR_OK)
		rv = p11_f->C_GetAttributeValue(s, out->key, &value, 1);
	out->n = value.ulValueLen;
	return rv;
}

static CK_RV make_pair(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE make, const CK_ATTRIBUTE *more, CK_ULONG n,
	CK_ATTRIBUTE_TYPE public_use, CK_ATTRIBUTE_TYPE use, struct p11_pair *out)
{
	CK_MECHANISM m = { make, NULL, 0 };
	CK_ATTRIBUTE public_key[8] = { { CKA_TOKEN, &yes, 1 }, { public_use, &yes, 1 } };
	CK_ATTRIBUTE key[] = { { CKA_TOKEN, &yes, 1 }, { use, &yes, 1 } };

	for (CK_ULONG i = 0; i < n; i++)
		public_key[2 + i] = more[i];
	return p11_f->C_GenerateKeyPair(s, &m, public_key, 2 + n, key, 2, &out->public_key, &out->key);
}

CK_RV p11_make_pair(
	CK_SESSION_HANDLE s, CK_MECHANISM_TYPE make, const CK_ATTRIBUTE *more, CK_ULONG n, struct p11_pair *out)
{
	return make_pair(s, make, more, n, CKA_VERIFY, CKA_SIGN, out);
}

CK_RV p11_make_crypting_pair(
	CK_SESSION_HANDLE s, CK_MECHANISM_TYPE make, const CK_ATTRIBUTE *more, CK_ULONG n, struct p11_pair *out)
{
	return make_pair(s, make, more, n, CKA_ENCRYPT, CKA_DECRYPT, out);
}

EVP_PKEY *p11_public_key(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE public_key)
{
	CK_BYTE der[2048];
	CK_ATTRIBUTE info = { CKA_PUBLIC_KEY_INFO, der, sizeof der };
	const unsigned char *p = der;

	CU_ASSERT_EQUAL(p11_f->C_GetAttributeValue(s, public_key, &info, 1), CKR_OK);
	return d2i_PUBKEY(NULL, &p, (long)info.ulValueLen);
}

/* -- in one part or two ------------------------------------------------------------------------------------------------ */

#define TRY(call) \
	do { \
		CK_RV rv_ = p11_f->call; \
		if (rv_ != CKR_OK) \
			return rv_; \
	} while (0)

static CK_BYTE *at(const CK_BYTE *p)
{
	return (CK_BYTE *)(uintptr_t)p;
}

CK_RV p11_sign_data(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, const CK_BYTE *data, CK_ULONG n,
	CK_ULONG cut, CK_BYTE *out, CK_ULONG *out_n)
{
	TRY(C_SignInit(s, m, key));
	if (cut == 0)
		return p11_f->C_Sign(s, at(data), n, out, out_n);
	TRY(C_SignUpdate(s, at(data), cut));
	TRY(C_SignUpdate(s, at(data) + cut, n - cut));
	return p11_f->C_SignFinal(s, out, out_n);
}

CK_RV p11_verify_data(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, const CK_BYTE *data, CK_ULONG n,
	CK_ULONG cut, const CK_BYTE *signature, CK_ULONG signature_n)
{
	TRY(C_VerifyInit(s, m, key));
	if (cut == 0)
		return p11_f->C_Verify(s, at(data), n, at(signature), signature_n);
	TRY(C_VerifyUpdate(s, at(data), cut));
	TRY(C_VerifyUpdate(s, at(data) + cut, n - cut));
	return p11_f->C_VerifyFinal(s, at(signature), signature_n);
}

#define CRYPT(name, Name) \
	CK_RV p11_##name##_data(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, const CK_BYTE *data, \
		CK_ULONG n, CK_ULONG cut, CK_BYTE *out, CK_ULONG *out_n) \
	{ \
		CK_ULONG room = *out_n, got = 0, some = room; \
		TRY(C_##Name##Init(s, m, key)); \
		if (cut == 0) \
			return p11_f->C_##Name(s, at(data), n, out, out_n); \
		TRY(C_##Name##Update(s, at(data), cut, out, &some)); \
		got = some; \
		some = room - got; \
		TRY(C_##Name##Update(s, at(data) + cut, n - cut, out + got, &some)); \
		got += some; \
		some = room - got; \
		TRY(C_##Name##Final(s, out + got, &some)); \
		*out_n = got + some; \
		return CKR_OK; \
	}
CRYPT(encrypt, Encrypt)
CRYPT(decrypt, Decrypt)
