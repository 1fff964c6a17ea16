/* p11_key.h - keys of the HSM that OpenSSL can use too, so that it can judge what the HSM does with them. */
#pragma once

#include <openssl/evp.h>

#include "tests/support/p11.h"

/* A secret key that is not sensitive, and its value. */
struct p11_secret {
	CK_OBJECT_HANDLE key;
	CK_BYTE value[64];
	CK_ULONG n;
};
/** Made with this mechanism; `n` 0: it has a length of its own. It encrypts and decrypts, or signs and verifies. */
CK_RV p11_make_secret(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE make, CK_ULONG n, bool encrypts, struct p11_secret *out);

/** A pair on the token that signs and verifies, with `more` attributes of the public key. */
CK_RV p11_make_pair(
	CK_SESSION_HANDLE s, CK_MECHANISM_TYPE make, const CK_ATTRIBUTE *more, CK_ULONG n, struct p11_pair *out);
/** The same that encrypts and decrypts. */
CK_RV p11_make_crypting_pair(
	CK_SESSION_HANDLE s, CK_MECHANISM_TYPE make, const CK_ATTRIBUTE *more, CK_ULONG n, struct p11_pair *out);
/** The public key for OpenSSL, to be freed; NULL: the test has failed. */
EVP_PKEY *p11_public_key(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE public_key);

/** Sign in one part, or (`cut` above 0) in two; CKR_OK and the length, or what the first call that failed returned. */
CK_RV p11_sign_data(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, const CK_BYTE *data, CK_ULONG n,
	CK_ULONG cut, CK_BYTE *out, CK_ULONG *out_n);
CK_RV p11_verify_data(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, const CK_BYTE *data, CK_ULONG n,
	CK_ULONG cut, const CK_BYTE *signature, CK_ULONG signature_n);
CK_RV p11_encrypt_data(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, const CK_BYTE *data, CK_ULONG n,
	CK_ULONG cut, CK_BYTE *out, CK_ULONG *out_n);
CK_RV p11_decrypt_data(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, const CK_BYTE *data, CK_ULONG n,
	CK_ULONG cut, CK_BYTE *out, CK_ULONG *out_n);
