/* cipher.c - encryption and decryption. Parts go to the HSM as they come (stream.c); what a mechanism takes in one part
 * only is gathered here, and Final has the whole outcome. */
#include "client/pkcs11/module.h"

/* What no one message holds: in pieces, where the mechanism takes such. */
static CK_RV whole(struct p11_slot *slot, const struct p11_operation *op, enum p11_stream_way way,
	struct hl_bytes parameter, struct hl_bytes data, struct hl_buf *out, CK_RV too_long)
{
	CK_RV rv = p11_stream_whole(slot, op, way, parameter, data, out);

	return rv == CKR_MECHANISM_INVALID || rv == CKR_DATA_LEN_RANGE ? too_long : rv;
}

CK_RV p11_encrypt(struct p11_slot *slot, const struct p11_operation *op, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *out)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_encrypt request = {
		.key = op->remote,
		.mechanism = (uint32_t)op->mechanism->type,
		.data = data,
		.parameter = parameter,
	};
	struct hl_encrypted answer;

	if (data.n > HL_DATA_MAX)
		return whole(slot, op, P11_STREAM_ENCRYPT, parameter, data, out, CKR_DATA_LEN_RANGE);
	P11_TRY(p11_key_rv(slot, op, p11_ask(slot, &hl_msg_encrypt, &request, &hl_msg_encrypted, &answer, &call)));
	hl_buf_put(out, answer.data);
	return out->err == HL_OK ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV p11_decrypt(struct p11_slot *slot, const struct p11_operation *op, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *out)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_decrypt request = {
		.key = op->remote,
		.mechanism = (uint32_t)op->mechanism->type,
		.data = data,
		.parameter = parameter,
	};
	struct hl_decrypted answer;
	CK_RV rv;

	if (data.n > HL_DATA_MAX + HL_TAG_MAX)
		return whole(slot, op, P11_STREAM_DECRYPT, parameter, data, out, CKR_ENCRYPTED_DATA_LEN_RANGE);
	rv = p11_key_rv(slot, op, p11_ask(slot, &hl_msg_decrypt, &request, &hl_msg_decrypted, &answer, &call));
	if (rv != CKR_OK)
		return rv == CKR_DATA_LEN_RANGE ? CKR_ENCRYPTED_DATA_LEN_RANGE : rv;
	hl_buf_put(out, answer.data);
	return out->err == HL_OK ? CKR_OK : CKR_HOST_MEMORY;
}

/* -- both ways --------------------------------------------------------------------------------------------------------------- */

static const struct way {
	enum p11_kind kind;
	enum p11_stream_way stream;
	CK_RV (*run)(struct p11_slot *slot, const struct p11_operation *op, struct hl_bytes parameter,
		struct hl_bytes data, struct hl_buf *out);
	CK_RV too_long;
} encrypts = { P11_ENCRYPT, P11_STREAM_ENCRYPT, p11_encrypt, CKR_DATA_LEN_RANGE },
  decrypts = { P11_DECRYPT, P11_STREAM_DECRYPT, p11_decrypt, CKR_ENCRYPTED_DATA_LEN_RANGE };

static CK_RV end(struct p11_operation *op, CK_RV rv)
{
	p11_operation_end(op);
	return rv;
}

/* Where its length is not known before, it is made, and kept if it does not fit. */
static bool asks_length(const struct p11_length *l, const CK_BYTE *out, CK_ULONG *out_n, CK_RV *rv)
{
	return (l->exact || !out) && p11_asks_length(l->n, out, out_n, rv);
}

/* What comes of data may be longer by a tag or a block, or a whole number of RSA. */
#define RESULT_MORE 2048

static CK_RV run(const struct way *w, struct p11_session *s, struct p11_operation *op, struct hl_bytes data,
	CK_BYTE *out, CK_ULONG *out_n)
{
	HL_AUTO(hl_buf_clear) struct hl_buf result = hl_buf(data.n + RESULT_MORE);
	struct p11_length length;
	CK_RV rv;

	if (op->has_result)
		return p11_operation_finish(op, CKR_OK, &op->result, out, out_n);
	rv = op->mechanism->crypted_n(op, w == &encrypts, data.n, &length);
	if (rv != CKR_OK)
		return end(op, w->too_long);
	if (asks_length(&length, out, out_n, &rv))
		return rv;
	rv = w->run(s->slot, op, hl_buf_view(&op->parameter), data, &result);
	return p11_operation_finish(op, rv, &result, out, out_n);
}

static CK_RV in_one(const struct way *w, CK_SESSION_HANDLE hSession, const CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
	CK_ULONG *out_n)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;

	P11_TRY(p11_operation_of(s, w->kind, &op));
	if (!p11_bytes_ok(in, n) || !out_n)
		return end(op, CKR_ARGUMENTS_BAD);
	if (op->updated)
		return end(op, CKR_OPERATION_ACTIVE);
	return run(w, s, op, hl_bytes(in, n), out, out_n);
}

/* -- in parts ----------------------------------------------------------------------------------------------------------------- */

/* The first part tells whether the HSM takes them as they come. */
static CK_RV add(const struct way *w, struct p11_session *s, struct p11_operation *op, struct hl_bytes in)
{
	CK_RV rv = CKR_OK;

	if (!op->gathers) {
		op->part = hl_buf(in.n + op->stream.held + HL_DATA_MAX);
		rv = p11_stream_add(s->slot, op, w->stream, in, &op->part);
		op->gathers = rv == CKR_MECHANISM_INVALID && !op->updated;
	}
	op->updated = true;
	if (op->gathers)
		rv = p11_operation_add(op, in.p, in.n);
	return rv == CKR_DATA_LEN_RANGE ? w->too_long : rv;
}

/* No more comes out than went in. */
static CK_ULONG most(const struct p11_operation *op, CK_ULONG n)
{
	return op->gathers ? 0 : op->stream.held + n;
}

CK_RV p11_part_make(struct p11_session *s, enum p11_kind kind, struct p11_operation *op, struct hl_bytes in, CK_BYTE *out,
	CK_ULONG *out_n, bool *ready)
{
	const struct way *w = kind == P11_ENCRYPT ? &encrypts : &decrypts;
	CK_RV rv = CKR_OK;

	if (op->has_result) /* the end has come, and waits for room */
		return CKR_OPERATION_ACTIVE;
	if (!op->part_waits && !out) {
		*out_n = most(op, in.n);
		return CKR_OK;
	}
	if (!op->part_waits)
		P11_TRY(add(w, s, op, in));
	op->part_waits = p11_asks_length(op->part.n, out, out_n, &rv);
	*ready = !op->part_waits;
	return rv;
}

void p11_part_give(struct p11_operation *op, CK_BYTE *out, CK_ULONG *out_n)
{
	*out_n = op->part.n;
	if (op->part.n > 0)
		memcpy(out, hl_buf_view(&op->part).p, op->part.n);
	hl_buf_clear(&op->part);
}

/* What came of a part and did not fit is told again, to the same call made again; it is not made twice. */
static CK_RV part(const struct way *w, CK_SESSION_HANDLE hSession, const CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
	CK_ULONG *out_n)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	bool ready = false;
	CK_RV rv;

	P11_TRY(p11_operation_of(s, w->kind, &op));
	if (!p11_bytes_ok(in, n) || !out_n)
		return end(op, CKR_ARGUMENTS_BAD);
	rv = p11_part_make(s, w->kind, op, hl_bytes(in, n), out, out_n, &ready);
	if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL)
		return end(op, rv);
	if (ready)
		p11_part_give(op, out, out_n);
	return rv;
}

#define BLOCK_MAX 16

/* What may still come: all that is held, and of encryption a tag, or what fills the last block. */
static CK_ULONG rest(const struct way *w, const struct p11_operation *op)
{
	if (w == &decrypts)
		return op->stream.held;
	return op->tag_n ? op->stream.held + op->tag_n : op->stream.held + BLOCK_MAX - op->stream.held % BLOCK_MAX;
}

static CK_RV final(const struct way *w, CK_SESSION_HANDLE hSession, CK_BYTE *out, CK_ULONG *out_n)
{
	P11_SESSION(s, hSession);
	HL_AUTO(hl_buf_clear) struct hl_buf result = hl_buf(HL_BUF_MAX);
	struct p11_operation *op;
	CK_RV rv;

	P11_TRY(p11_operation_of(s, w->kind, &op));
	if (!out_n)
		return end(op, CKR_ARGUMENTS_BAD);
	if (op->part_waits)
		return end(op, CKR_OPERATION_ACTIVE);
	if (!op->stream.id)
		return run(w, s, op, hl_buf_view(&op->gathered), out, out_n);
	if (!out) {
		*out_n = rest(w, op);
		return CKR_OK;
	}
	rv = p11_stream_end(s->slot, op, hl_bytes(NULL, 0), &result);
	return p11_operation_finish(op, rv, &result, out, out_n);
}

CK_RV p11_EncryptInit(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
	P11_SESSION(s, hSession);
	return p11_operation_init(s, P11_ENCRYPT, pMechanism, hKey);
}

CK_RV p11_Encrypt(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pEncryptedData,
	CK_ULONG_PTR pulEncryptedDataLen)
{
	return in_one(&encrypts, hSession, pData, ulDataLen, pEncryptedData, pulEncryptedDataLen);
}

CK_RV p11_EncryptUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen,
	CK_BYTE_PTR pEncryptedPart, CK_ULONG_PTR pulEncryptedPartLen)
{
	return part(&encrypts, hSession, pPart, ulPartLen, pEncryptedPart, pulEncryptedPartLen);
}

CK_RV p11_EncryptFinal(
	CK_SESSION_HANDLE hSession, CK_BYTE_PTR pLastEncryptedPart, CK_ULONG_PTR pulLastEncryptedPartLen)
{
	return final(&encrypts, hSession, pLastEncryptedPart, pulLastEncryptedPartLen);
}

CK_RV p11_DecryptInit(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
	P11_SESSION(s, hSession);
	return p11_operation_init(s, P11_DECRYPT, pMechanism, hKey);
}

CK_RV p11_Decrypt(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pEncryptedData, CK_ULONG ulEncryptedDataLen,
	CK_BYTE_PTR pData, CK_ULONG_PTR pulDataLen)
{
	return in_one(&decrypts, hSession, pEncryptedData, ulEncryptedDataLen, pData, pulDataLen);
}

CK_RV p11_DecryptUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pEncryptedPart, CK_ULONG ulEncryptedPartLen,
	CK_BYTE_PTR pPart, CK_ULONG_PTR pulPartLen)
{
	return part(&decrypts, hSession, pEncryptedPart, ulEncryptedPartLen, pPart, pulPartLen);
}

CK_RV p11_DecryptFinal(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pLastPart, CK_ULONG_PTR pulLastPartLen)
{
	return final(&decrypts, hSession, pLastPart, pulLastPartLen);
}
