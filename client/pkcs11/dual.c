/* dual.c - two operations at once: data is hashed, signed or verified as it is in the clear, and encrypted or decrypted.
 *
 * What does not fit the caller's room is told and changes nothing: the part counts when it is given. Where the parts of
 * the one operation come out later than they go in, the end of them comes with C_DecryptFinal, and is the application's to
 * hash (PKCS #11 v3.0, 5.13.2). */
#include "client/pkcs11/module.h"

static CK_RV end(struct p11_operation *hashes, struct p11_operation *crypts, CK_RV rv)
{
	p11_operation_end(hashes);
	p11_operation_end(crypts);
	return rv;
}

static CK_RV hash(struct p11_session *s, enum p11_kind kind, struct p11_operation *op, struct hl_bytes clear)
{
	return kind == P11_DIGEST ? p11_digest_add(op, clear) : p11_sign_add(s, kind, op, clear);
}

/* In and out may be one place, so what is encrypted is hashed before anything is written. */
static CK_RV both(CK_SESSION_HANDLE hSession, enum p11_kind hashing, enum p11_kind crypting, struct hl_bytes in,
	CK_BYTE *out, CK_ULONG *out_n)
{
	P11_SESSION(s, hSession);
	struct p11_operation *hashes, *crypts;
	bool ready = false;
	CK_RV rv;

	P11_TRY(p11_operation_of(s, hashing, &hashes));
	P11_TRY(p11_operation_of(s, crypting, &crypts));
	if (!p11_bytes_ok(in.p, in.n) || !out_n)
		return end(hashes, crypts, CKR_ARGUMENTS_BAD);
	if (hashes->has_result)
		return end(hashes, crypts, CKR_OPERATION_ACTIVE);
	rv = p11_part_make(s, crypting, crypts, in, out, out_n, &ready);
	if (rv == CKR_OK && ready)
		rv = hash(s, hashing, hashes, crypting == P11_ENCRYPT ? in : hl_buf_view(&crypts->part));
	if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL)
		return end(hashes, crypts, rv);
	if (ready)
		p11_part_give(crypts, out, out_n);
	return rv;
}

#define BOTH(name, hashing, crypting) \
	CK_RV p11_##name(CK_SESSION_HANDLE hSession, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR out_n) \
	{ \
		return both(hSession, hashing, crypting, hl_bytes(in, n), out, out_n); \
	}
BOTH(DigestEncryptUpdate, P11_DIGEST, P11_ENCRYPT)
BOTH(DecryptDigestUpdate, P11_DIGEST, P11_DECRYPT)
BOTH(SignEncryptUpdate, P11_SIGN, P11_ENCRYPT)
BOTH(DecryptVerifyUpdate, P11_VERIFY, P11_DECRYPT)
