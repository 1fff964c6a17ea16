/* sign.c - signing and verifying. In one part the HSM gets the data; in several it gets their digest, made here, with the
 * mechanism that the application named: the rules of the key are about that one. */
#include "client/pkcs11/module.h"

#include <openssl/crypto.h>

CK_ULONG p11_signature_n(const struct p11_operation *op)
{
	return op->mechanism->signature_n(op);
}

/* -- what is signed ------------------------------------------------------------------------------------------------------ */

/* The data, or the digest of it under the mechanism that the application named. */
struct input {
	struct hl_bytes data;
	bool hashed;
	CK_BYTE digest[P11_DIGEST_MAX];
};

static bool hashes(const struct p11_operation *op)
{
	return op->mechanism->way == P11_HASHED;
}

static CK_RV hashed_input(struct p11_operation *op, const struct hl_bytes *data, struct input *in)
{
	struct hl_bytes rest = data ? *data : hl_bytes(NULL, 0); /* there may have been no part */
	CK_ULONG n;

	P11_TRY(p11_operation_hash(op, p11_operation_digest_of(op), rest.p, rest.n));
	P11_TRY(p11_operation_digest(op, in->digest, &n));
	in->data = hl_bytes(in->digest, n);
	in->hashed = true;
	return CKR_OK;
}

static bool is_long(const struct hl_bytes *data)
{
	return data && data->n > HL_DATA_MAX;
}

/* What is too long for one message is hashed here too. */
static CK_RV input_of(struct p11_operation *op, const struct hl_bytes *data, struct input *in)
{
	in->hashed = false;
	if (hashes(op) && (!data || is_long(data)))
		return hashed_input(op, data, in);
	in->data = data ? *data : hl_buf_view(&op->gathered);
	return CKR_OK;
}

/* Or, where nothing is hashed, it goes to the HSM in pieces. */
static CK_RV begin_long(struct p11_slot *slot, struct p11_operation *op, enum p11_stream_way way, struct hl_bytes data)
{
	HL_AUTO(hl_buf_clear) struct hl_buf none = hl_buf(HL_TAG_MAX);
	CK_RV rv = p11_stream_add(slot, op, way, data, &none);

	return rv == CKR_MECHANISM_INVALID ? CKR_DATA_LEN_RANGE : rv;
}

CK_RV p11_sign(struct p11_slot *slot, struct p11_operation *op, const struct hl_bytes *data, struct hl_buf *signature)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_sign request = {
		.key = op->remote,
		.mechanism = (uint32_t)op->mechanism->type,
		.parameter = hl_buf_view(&op->parameter),
	};
	struct hl_signed made;
	struct input in;

	if (is_long(data) && !hashes(op))
		P11_TRY(begin_long(slot, op, P11_STREAM_SIGN, *data));
	if (op->stream.id)
		return p11_stream_end(slot, op, hl_bytes(NULL, 0), signature);
	P11_TRY(input_of(op, data, &in));
	request.data = in.data;
	request.hashed = in.hashed;
	P11_TRY(p11_key_rv(slot, op, p11_ask(slot, &hl_msg_sign, &request, &hl_msg_signed, &made, &call)));
	hl_buf_put(signature, made.signature);
	return signature->err == HL_OK ? CKR_OK : CKR_HOST_MEMORY;
}

#define PADDED_MAX 264 /* an order of 1,056 bits: more than any curve or DSA group here has */

/* Halves of r || s that are shorter than the curve's are padded: PKCS #11 v3.0, 2.3.1, has verifiers accept them. */
static CK_RV pad_signature(const struct p11_operation *op, struct hl_bytes *signature, uint8_t padded[PADDED_MAX])
{
	CK_ULONG want = p11_signature_n(op), half = signature->n / 2;
	bool halves = op->mechanism->key_type == CKK_DSA ? op->facts.order > 0
							 : op->mechanism->key_type == CKK_EC && op->facts.size > 0;

	if (signature->n == want)
		return CKR_OK;
	if (!halves || want > PADDED_MAX || signature->n > want || signature->n % 2 != 0 || half == 0)
		return CKR_SIGNATURE_LEN_RANGE;
	memset(padded, 0, want);
	memcpy(padded + want / 2 - half, signature->p, half);
	memcpy(padded + want - half, signature->p + half, half);
	*signature = hl_bytes(padded, want);
	return CKR_OK;
}

CK_RV p11_verify(struct p11_slot *slot, struct p11_operation *op, const struct hl_bytes *data, struct hl_bytes signature)
{
	struct hl_verify request = {
		.key = op->remote,
		.mechanism = (uint32_t)op->mechanism->type,
		.parameter = hl_buf_view(&op->parameter),
	};
	uint8_t padded[PADDED_MAX];
	struct input in;

	HL_AUTO(hl_buf_clear) struct hl_buf none = hl_buf(HL_TAG_MAX);

	P11_TRY(pad_signature(op, &signature, padded));
	if (is_long(data) && !hashes(op))
		P11_TRY(begin_long(slot, op, P11_STREAM_VERIFY, *data));
	if (op->stream.id)
		return p11_stream_end(slot, op, signature, &none);
	P11_TRY(input_of(op, data, &in));
	request.data = in.data;
	request.hashed = in.hashed;
	request.signature = signature;
	return p11_key_rv(slot, op, p11_ask_done(slot, &hl_msg_verify, &request));
}

/* -- sign -------------------------------------------------------------------------------------------------------------------- */

static CK_RV end(struct p11_operation *op, CK_RV rv)
{
	p11_operation_end(op);
	return rv;
}

CK_RV p11_SignInit(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
	P11_SESSION(s, hSession);
	return p11_operation_init(s, P11_SIGN, pMechanism, hKey);
}

static CK_RV sign(struct p11_session *s, struct p11_operation *op, const struct hl_bytes *data, CK_BYTE *out,
	CK_ULONG *out_n)
{
	HL_AUTO(hl_buf_clear) struct hl_buf signature = hl_buf(HL_DATA_MAX);
	CK_RV rv;

	if (!out_n)
		return end(op, CKR_ARGUMENTS_BAD);
	if (op->has_result)
		return p11_operation_finish(op, CKR_OK, &op->result, out, out_n);
	if (p11_asks_length(p11_signature_n(op), out, out_n, &rv))
		return rv;
	rv = p11_sign(s->slot, op, data, &signature);
	return p11_operation_finish(op, rv, &signature, out, out_n);
}

CK_RV p11_Sign(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature,
	CK_ULONG_PTR pulSignatureLen)
{
	P11_SESSION(s, hSession);
	struct hl_bytes data = hl_bytes(pData, ulDataLen);
	struct p11_operation *op;

	P11_TRY(p11_operation_of(s, P11_SIGN, &op));
	if (!p11_bytes_ok(pData, ulDataLen))
		return end(op, CKR_ARGUMENTS_BAD);
	if (op->updated)
		return end(op, CKR_OPERATION_ACTIVE);
	return sign(s, op, &data, pSignature, pulSignatureLen);
}

/* What is not hashed here is gathered as long as it fits one message; then the HSM takes it as it comes, if it can. */
CK_RV p11_sign_add(struct p11_session *s, enum p11_kind kind, struct p11_operation *op, struct hl_bytes part)
{
	enum p11_stream_way way = kind == P11_SIGN ? P11_STREAM_SIGN : P11_STREAM_VERIFY;
	HL_AUTO(hl_buf_clear) struct hl_buf none = hl_buf(HL_TAG_MAX);
	CK_RV rv = CKR_OK;

	if (hashes(op) || (!op->stream.id && op->gathered.n + part.n <= HL_DATA_MAX))
		return p11_operation_add(op, part.p, part.n);
	if (!op->stream.id)
		rv = p11_stream_add(s->slot, op, way, hl_buf_view(&op->gathered), &none);
	if (rv == CKR_OK)
		rv = p11_stream_add(s->slot, op, way, part, &none);
	hl_buf_clear(&op->gathered);
	op->updated = true;
	return rv == CKR_MECHANISM_INVALID ? CKR_DATA_LEN_RANGE : rv;
}

static CK_RV update(struct p11_session *s, enum p11_kind kind, const CK_BYTE *part, CK_ULONG n)
{
	struct p11_operation *op;
	CK_RV rv;

	P11_TRY(p11_operation_of(s, kind, &op));
	if (!p11_bytes_ok(part, n))
		return end(op, CKR_ARGUMENTS_BAD);
	rv = p11_sign_add(s, kind, op, hl_bytes(part, n));
	return rv == CKR_OK ? CKR_OK : end(op, rv);
}

CK_RV p11_SignUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen)
{
	P11_SESSION(s, hSession);
	return update(s, P11_SIGN, pPart, ulPartLen);
}

CK_RV p11_SignFinal(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pSignature, CK_ULONG_PTR pulSignatureLen)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;

	P11_TRY(p11_operation_of(s, P11_SIGN, &op));
	return sign(s, op, NULL, pSignature, pulSignatureLen);
}

/* -- verify ------------------------------------------------------------------------------------------------------------------- */

CK_RV p11_VerifyInit(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
	P11_SESSION(s, hSession);
	return p11_operation_init(s, P11_VERIFY, pMechanism, hKey);
}

CK_RV p11_Verify(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature,
	CK_ULONG ulSignatureLen)
{
	P11_SESSION(s, hSession);
	struct hl_bytes data = hl_bytes(pData, ulDataLen);
	struct p11_operation *op;

	P11_TRY(p11_operation_of(s, P11_VERIFY, &op));
	if (!p11_bytes_ok(pData, ulDataLen) || !p11_bytes_ok(pSignature, ulSignatureLen))
		return end(op, CKR_ARGUMENTS_BAD);
	if (op->updated)
		return end(op, CKR_OPERATION_ACTIVE);
	return end(op, p11_verify(s->slot, op, &data, hl_bytes(pSignature, ulSignatureLen)));
}

CK_RV p11_VerifyUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen)
{
	P11_SESSION(s, hSession);
	return update(s, P11_VERIFY, pPart, ulPartLen);
}

CK_RV p11_VerifyFinal(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;

	P11_TRY(p11_operation_of(s, P11_VERIFY, &op));
	if (!p11_bytes_ok(pSignature, ulSignatureLen))
		return end(op, CKR_ARGUMENTS_BAD);
	return end(op, p11_verify(s->slot, op, NULL, hl_bytes(pSignature, ulSignatureLen)));
}

/* -- with recovery of the data: no mechanism of the HSM has it ----------------------------------------------------------------- */

static CK_RV no_recovery(CK_SESSION_HANDLE hSession)
{
	P11_SESSION(s, hSession);
	return CKR_FUNCTION_NOT_SUPPORTED;
}

CK_RV p11_SignRecoverInit(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
	(void)pMechanism, (void)hKey;
	return no_recovery(hSession);
}

CK_RV p11_VerifyRecoverInit(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
	(void)pMechanism, (void)hKey;
	return no_recovery(hSession);
}

CK_RV p11_SignRecover(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature,
	CK_ULONG_PTR pulSignatureLen)
{
	(void)pData, (void)ulDataLen, (void)pSignature, (void)pulSignatureLen;
	return no_recovery(hSession);
}

CK_RV p11_VerifyRecover(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen,
	CK_BYTE_PTR pData, CK_ULONG_PTR pulDataLen)
{
	(void)pSignature, (void)ulSignatureLen, (void)pData, (void)pulDataLen;
	return no_recovery(hSession);
}
