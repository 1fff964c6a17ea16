/* digest.c - digests are made here: the data needs no HSM, and the way there would be long. */
#include "client/pkcs11/module.h"

/* Its number stands in the key's place: it has no key. */
static const struct p11_digest *digest_of(const struct p11_operation *op)
{
	return p11_operation_digest_of(op);
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

CK_RV p11_digest_add(struct p11_operation *op, struct hl_bytes part)
{
	op->updated = true;
	return p11_operation_hash(op, digest_of(op), part.p, part.n);
}

CK_RV p11_DigestUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	CK_RV rv;

	P11_TRY(p11_operation_of(s, P11_DIGEST, &op));
	if (!p11_bytes_ok(pPart, ulPartLen))
		return end(op, CKR_ARGUMENTS_BAD);
	rv = p11_digest_add(op, hl_bytes(pPart, ulPartLen));
	return rv == CKR_OK ? CKR_OK : end(op, rv);
}

/* The digest is made here, so it can have the value of a key that may be read anyway. Of any other it would tell what
 * nobody is to know: whoever can guess a part of it can prove his guess. */
static CK_RV add_key(struct p11_session *s, struct p11_operation *op, CK_OBJECT_HANDLE key)
{
	HL_AUTO(hl_buf_clear) struct hl_buf value = hl_buf(HL_BUF_MAX);
	struct p11_facts facts;
	uint64_t remote;
	CK_RV rv = p11_object_facts(s->slot, key, &remote, &facts);

	if (rv != CKR_OK)
		return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_KEY_HANDLE_INVALID : rv;
	if (facts.class != CKO_SECRET_KEY)
		return CKR_KEY_INDIGESTIBLE;
	P11_TRY(p11_object_value(s->slot, remote, &value));
	return p11_digest_add(op, hl_buf_view(&value));
}

CK_RV p11_DigestKey(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hKey)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	CK_RV rv;

	P11_TRY(p11_operation_of(s, P11_DIGEST, &op));
	rv = add_key(s, op, hKey);
	return rv == CKR_OK ? CKR_OK : end(op, rv);
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
