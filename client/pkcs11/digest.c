/* digest.c - digests are made here: the data needs no HSM, and the way there would be long. */
#include "client/pkcs11/module.h"

/* Which one stands in the key's place: it has no key. */
static const struct p11_digest *digest_of(const struct p11_operation *op)
{
	return p11_digest(op->remote);
}

CK_RV p11_DigestInit(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op = &s->op[P11_DIGEST];
	CK_RV rv;

	P11_TRY(p11_operation_init(s, P11_DIGEST, pMechanism, CK_INVALID_HANDLE));
	if (!pMechanism)
		return CKR_OK;
	op->remote = pMechanism->mechanism;
	rv = p11_operation_hash(op, digest_of(op), NULL, 0);
	if (rv != CKR_OK)
		p11_operation_end(op);
	return rv;
}

static CK_RV finish(struct p11_operation *op, CK_BYTE *out, CK_ULONG *out_n)
{
	CK_BYTE digest[P11_DIGEST_MAX];
	CK_ULONG n;
	CK_RV rv = p11_operation_digest(op, digest, &n);

	if (rv == CKR_OK) {
		memcpy(out, digest, n);
		*out_n = n;
	}
	p11_operation_end(op);
	return rv;
}

static CK_RV end(struct p11_operation *op, CK_RV rv)
{
	p11_operation_end(op);
	return rv;
}

CK_RV p11_Digest(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pDigest,
	CK_ULONG_PTR pulDigestLen)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	CK_RV rv;

	P11_TRY(p11_operation_of(s, P11_DIGEST, &op));
	if (!p11_bytes_ok(pData, ulDataLen) || !pulDigestLen)
		return end(op, CKR_ARGUMENTS_BAD);
	if (op->updated)
		return end(op, CKR_OPERATION_ACTIVE);
	if (p11_asks_length(digest_of(op)->n, pDigest, pulDigestLen, &rv))
		return rv;
	rv = p11_operation_hash(op, digest_of(op), pData, ulDataLen);
	return rv == CKR_OK ? finish(op, pDigest, pulDigestLen) : end(op, rv);
}

CK_RV p11_DigestUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	CK_RV rv;

	P11_TRY(p11_operation_of(s, P11_DIGEST, &op));
	if (!p11_bytes_ok(pPart, ulPartLen))
		return end(op, CKR_ARGUMENTS_BAD);
	op->updated = true;
	rv = p11_operation_hash(op, digest_of(op), pPart, ulPartLen);
	return rv == CKR_OK ? CKR_OK : end(op, rv);
}

/* A key's value is in the HSM, and the digest is not. */
CK_RV p11_DigestKey(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hKey)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	uint64_t remote;

	P11_TRY(p11_operation_of(s, P11_DIGEST, &op));
	if (p11_object_of(s->slot, hKey, &remote) != CKR_OK)
		return end(op, CKR_KEY_HANDLE_INVALID);
	return end(op, CKR_KEY_INDIGESTIBLE);
}

CK_RV p11_DigestFinal(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pDigest, CK_ULONG_PTR pulDigestLen)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	CK_RV rv;

	P11_TRY(p11_operation_of(s, P11_DIGEST, &op));
	if (!pulDigestLen)
		return end(op, CKR_ARGUMENTS_BAD);
	if (p11_asks_length(digest_of(op)->n, pDigest, pulDigestLen, &rv))
		return rv;
	return finish(op, pDigest, pulDigestLen);
}

/* -- states of operations: what hashes has none that could be taken out of the library ------------------------------------ */

CK_RV p11_GetOperationState(
	CK_SESSION_HANDLE hSession, CK_BYTE_PTR pOperationState, CK_ULONG_PTR pulOperationStateLen)
{
	P11_SESSION(s, hSession);
	(void)pOperationState;

	if (!pulOperationStateLen)
		return CKR_ARGUMENTS_BAD;
	for (int kind = P11_DIGEST; kind < P11_KINDS; kind++)
		if (p11_operation_is_active(s, (enum p11_kind)kind))
			return CKR_STATE_UNSAVEABLE;
	return CKR_OPERATION_NOT_INITIALIZED;
}

CK_RV p11_SetOperationState(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pOperationState, CK_ULONG ulOperationStateLen,
	CK_OBJECT_HANDLE hEncryptionKey, CK_OBJECT_HANDLE hAuthenticationKey)
{
	P11_SESSION(s, hSession);
	(void)hEncryptionKey, (void)hAuthenticationKey;
	return p11_bytes_ok(pOperationState, ulOperationStateLen) && pOperationState ? CKR_SAVED_STATE_INVALID
										     : CKR_ARGUMENTS_BAD;
}

/* -- two operations in one call: the data would have to come here in the clear and leave encrypted, in parts --------------- */

static CK_RV both(CK_SESSION_HANDLE hSession)
{
	P11_SESSION(s, hSession);
	return CKR_FUNCTION_NOT_SUPPORTED;
}

#define BOTH(name) \
	CK_RV p11_##name(CK_SESSION_HANDLE hSession, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, CK_ULONG_PTR out_n) \
	{ \
		(void)in, (void)n, (void)out, (void)out_n; \
		return both(hSession); \
	}
BOTH(DigestEncryptUpdate)
BOTH(DecryptDigestUpdate)
BOTH(SignEncryptUpdate)
BOTH(DecryptVerifyUpdate)
