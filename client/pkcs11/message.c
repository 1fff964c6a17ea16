/* message.c - messages of version 3.0: one Init, then any number of messages, each with a parameter of its own.
 *
 * A failure ends the message, not the operation: that is for C_Message*Final. The HSM works in one part, so the parts of
 * a message are gathered (or hashed) here and its last call has the outcome. */
#include "client/pkcs11/module.h"

/* -- the operation ------------------------------------------------------------------------------------------------------ */

static CK_RV init(CK_SESSION_HANDLE hSession, enum p11_kind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	P11_SESSION(s, hSession);
	return p11_operation_init(s, kind, mechanism, key);
}

static CK_RV final(CK_SESSION_HANDLE hSession, enum p11_kind kind)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;

	P11_TRY(p11_operation_of(s, kind, &op));
	p11_operation_end(op);
	return CKR_OK;
}

#define INIT_AND_FINAL(Name, KIND) \
	CK_RV p11_Message##Name##Init(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey) \
	{ \
		return init(hSession, P11_MESSAGE_##KIND, pMechanism, hKey); \
	} \
	CK_RV p11_Message##Name##Final(CK_SESSION_HANDLE hSession) \
	{ \
		return final(hSession, P11_MESSAGE_##KIND); \
	}
INIT_AND_FINAL(Encrypt, ENCRYPT)
INIT_AND_FINAL(Decrypt, DECRYPT)
INIT_AND_FINAL(Sign, SIGN)
INIT_AND_FINAL(Verify, VERIFY)

/* The message under way is over, however it ended. */
static CK_RV over(struct p11_operation *op, CK_RV rv)
{
	p11_operation_rewind(op);
	op->authenticated = false; /* a PIN for each use, where the key wants that */
	return rv;
}

/* A new message, while none is under way. */
static CK_RV operation_between(struct p11_session *s, enum p11_kind kind, struct p11_operation **op)
{
	P11_TRY(p11_operation_of(s, kind, op));
	return (*op)->in_message ? CKR_OPERATION_ACTIVE : CKR_OK;
}

static CK_RV operation_within(struct p11_session *s, enum p11_kind kind, struct p11_operation **op)
{
	P11_TRY(p11_operation_of(s, kind, op));
	return (*op)->in_message ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
}

/* -- encryption: its parameter comes with each message --------------------------------------------------------------------- */

/* Authenticated encryption has IV and tag in structures of its own; others have the parameter that C_EncryptInit takes. */
struct message {
	CK_BYTE *iv, *tag;
	CK_ULONG iv_n, tag_n;
	CK_GENERATOR_FUNCTION generator;
	CK_ULONG fixed_bits;
	CK_MECHANISM whole;
};

static CK_RV read_gcm(const CK_MECHANISM *from, struct message *out)
{
	const CK_GCM_MESSAGE_PARAMS *p = from->pParameter;

	if (!p || from->ulParameterLen != sizeof *p || !p->pIv || !p->pTag || p->ulTagBits % 8 != 0 ||
		p->ulTagBits > 8 * HL_TAG_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	*out = (struct message){ p->pIv, p->pTag, p->ulIvLen, p->ulTagBits / 8, p->ivGenerator, p->ulIvFixedBits, *from };
	return CKR_OK;
}

static CK_RV put_gcm(const struct p11_mechanism *m, const struct message *p, struct hl_bytes aad, struct hl_buf *out)
{
	(void)m;
	return p11_put_gcm(hl_bytes(p->iv, p->iv_n), aad, 8 * p->tag_n, out);
}

static CK_RV read_aead(const CK_MECHANISM *from, struct message *out)
{
	const CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS *p = from->pParameter;

	if (!p || from->ulParameterLen != sizeof *p || !p->pNonce || !p->pTag)
		return CKR_MECHANISM_PARAM_INVALID;
	*out = (struct message){ p->pNonce, p->pTag, p->ulNonceLen, HL_TAG_MAX, CKG_NO_GENERATE, 0, *from };
	return CKR_OK;
}

static CK_RV put_aead(const struct p11_mechanism *m, const struct message *p, struct hl_bytes aad, struct hl_buf *out)
{
	(void)m;
	return p11_put_aead(hl_bytes(p->iv, p->iv_n), aad, out);
}

static CK_RV read_whole(const CK_MECHANISM *from, struct message *out)
{
	*out = (struct message){ .generator = CKG_NO_GENERATE, .whole = *from };
	return from->ulParameterLen == 0 || from->pParameter ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV put_whole(const struct p11_mechanism *m, const struct message *p, struct hl_bytes aad, struct hl_buf *out)
{
	struct p11_operation op = { .parameter = hl_buf(HL_PARAMETER_MAX) };
	CK_RV rv;

	if (aad.n > 0) /* there is nothing that would authenticate it */
		return CKR_ARGUMENTS_BAD;
	if (!m->parameter)
		return p->whole.ulParameterLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
	rv = m->parameter(m, &p->whole, &op);
	hl_buf_put(out, hl_buf_view(&op.parameter));
	hl_buf_clear(&op.parameter);
	return rv == CKR_OK && out->err != HL_OK ? CKR_HOST_MEMORY : rv;
}

static const struct form {
	CK_MECHANISM_TYPE type;
	CK_RV (*read)(const CK_MECHANISM *from, struct message *out);
	CK_RV (*put)(const struct p11_mechanism *m, const struct message *p, struct hl_bytes aad, struct hl_buf *out);
} gcm = { CKM_AES_GCM, read_gcm, put_gcm }, aead = { CKM_CHACHA20_POLY1305, read_aead, put_aead },
  whole = { 0, read_whole, put_whole };

static const struct form *form_of(const struct p11_operation *op)
{
	if (op->mechanism->type == gcm.type)
		return &gcm;
	return op->mechanism->type == aead.type ? &aead : &whole;
}

static CK_RV read_parameter(const struct p11_operation *op, void *parameter, CK_ULONG n, struct message *out)
{
	CK_MECHANISM from = { op->mechanism->type, parameter, n };

	return form_of(op)->read(&from, out);
}

#define IV_MADE 12 /* SP 800-38D, 8.2.2: a random IV has at least 96 bits */

/* Where the caller leaves the IV to us it is the HSM's random bytes. A counter would have to outlive this process. */
static CK_RV make_iv(struct p11_slot *slot, enum p11_kind kind, const struct message *p)
{
	if (kind != P11_MESSAGE_ENCRYPT || p->generator == CKG_NO_GENERATE)
		return CKR_OK;
	if ((p->generator != CKG_GENERATE && p->generator != CKG_GENERATE_RANDOM) || p->iv_n != IV_MADE ||
		p->fixed_bits != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	return p11_random(slot, p->iv, p->iv_n);
}

/* How much room the outcome of `n` bytes needs: no more is asked for when it is there. */
static CK_RV room_of(const struct p11_operation *op, enum p11_kind kind, CK_ULONG n, CK_ULONG *out)
{
	bool encrypts = kind == P11_MESSAGE_ENCRYPT;
	struct p11_length length;
	CK_RV rv = op->mechanism->crypted_n(op, encrypts, n, &length);

	*out = length.n;
	return rv == CKR_DATA_LEN_RANGE && !encrypts ? CKR_ENCRYPTED_DATA_LEN_RANGE : rv;
}

/* What is encrypted goes to `out`, which has the room; its tag into the parameter. */
static CK_RV seal(struct p11_session *s, const struct p11_operation *op, const struct message *p,
	struct hl_bytes parameter, struct hl_bytes data, struct hl_buf *out)
{
	P11_TRY(p11_encrypt(s->slot, op, parameter, data, out));
	if (out->n < p->tag_n)
		return CKR_DEVICE_ERROR;
	out->n -= p->tag_n;
	if (p->tag_n > 0)
		memcpy(p->tag, hl_buf_view(out).p + out->n, p->tag_n);
	return CKR_OK;
}

static CK_RV open(struct p11_session *s, const struct p11_operation *op, const struct message *p,
	struct hl_bytes parameter, struct hl_bytes data, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf with_tag = hl_buf(data.n + HL_TAG_MAX);
	CK_RV rv;

	hl_buf_put(&with_tag, data);
	hl_buf_put(&with_tag, hl_bytes(p->tag, p->tag_n));
	if (with_tag.err != HL_OK)
		return CKR_HOST_MEMORY;
	rv = p11_decrypt(s->slot, op, parameter, hl_buf_view(&with_tag), out);
	return rv == CKR_ENCRYPTED_DATA_INVALID && p->tag_n > 0 ? CKR_AEAD_DECRYPT_FAILED : rv;
}

static CK_RV pass(struct p11_session *s, struct p11_operation *op, enum p11_kind kind, const struct message *p,
	struct hl_bytes aad, struct hl_bytes data, CK_BYTE *out, CK_ULONG *out_n)
{
	HL_AUTO(hl_buf_clear) struct hl_buf parameter = hl_buf(HL_PARAMETER_MAX);
	HL_AUTO(hl_buf_clear) struct hl_buf result = hl_buf(HL_BUF_MAX + HL_TAG_MAX);
	CK_ULONG room;

	P11_TRY(room_of(op, kind, data.n, &room));
	P11_TRY(form_of(op)->put(op->mechanism, p, aad, &parameter));
	P11_TRY((kind == P11_MESSAGE_ENCRYPT ? seal : open)(s, op, p, hl_buf_view(&parameter), data, &result));
	if (result.n > room)
		return CKR_DEVICE_ERROR;
	if (result.n > 0)
		memcpy(out, hl_buf_view(&result).p, result.n);
	*out_n = result.n;
	return CKR_OK;
}

static CK_RV whole_message(CK_SESSION_HANDLE hSession, enum p11_kind kind, void *parameter, CK_ULONG parameter_n,
	struct hl_bytes aad, struct hl_bytes data, CK_BYTE *out, CK_ULONG *out_n)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	struct message p;
	CK_ULONG room;
	CK_RV rv;

	P11_TRY(operation_between(s, kind, &op));
	if (!p11_bytes_ok(aad.p, aad.n) || !p11_bytes_ok(data.p, data.n) || !out_n)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(read_parameter(op, parameter, parameter_n, &p));
	P11_TRY(room_of(op, kind, data.n, &room));
	if (!(room == 0 && out) && p11_asks_length(room, out, out_n, &rv))
		return rv;
	P11_TRY(make_iv(s->slot, kind, &p));
	return pass(s, op, kind, &p, aad, data, out, out_n);
}

#define MESSAGE_MAX (4u << 20) /* in parts: as much as the HSM keeps back until it has seen a tag */

static CK_RV begin_message(CK_SESSION_HANDLE hSession, enum p11_kind kind, void *parameter, CK_ULONG parameter_n,
	struct hl_bytes aad)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	struct message p;

	P11_TRY(operation_between(s, kind, &op));
	if (!p11_bytes_ok(aad.p, aad.n))
		return CKR_ARGUMENTS_BAD;
	P11_TRY(read_parameter(op, parameter, parameter_n, &p));
	P11_TRY(make_iv(s->slot, kind, &p));
	op->gathered = hl_buf(MESSAGE_MAX);
	op->aad = hl_buf(HL_PARAMETER_MAX);
	hl_buf_put(&op->aad, aad);
	if (op->aad.err != HL_OK)
		return over(op, op->aad.err == HL_E_NOMEM ? CKR_HOST_MEMORY : CKR_MECHANISM_PARAM_INVALID);
	op->in_message = true;
	return CKR_OK;
}

/* The last part is taken in when there is room for the outcome: whoever asks for its length may ask again. */
static CK_RV next_part(CK_SESSION_HANDLE hSession, enum p11_kind kind, void *parameter, CK_ULONG parameter_n,
	struct hl_bytes part, CK_BYTE *out, CK_ULONG *out_n, CK_FLAGS flags)
{
	P11_SESSION(s, hSession);
	bool last = (flags & CKF_END_OF_MESSAGE) != 0;
	struct p11_operation *op;
	struct message p;
	CK_ULONG room = 0;
	CK_RV rv;

	P11_TRY(operation_within(s, kind, &op));
	if (!p11_bytes_ok(part.p, part.n) || !out_n)
		return over(op, CKR_ARGUMENTS_BAD);
	rv = read_parameter(op, parameter, parameter_n, &p);
	if (rv == CKR_OK && last)
		rv = room_of(op, kind, op->gathered.n + part.n, &room);
	if (rv != CKR_OK)
		return over(op, rv);
	if (last && !(room == 0 && out) && p11_asks_length(room, out, out_n, &rv))
		return rv;
	rv = p11_operation_add(op, part.p, part.n);
	if (rv != CKR_OK)
		return over(op, rv);
	if (last)
		return over(op, pass(s, op, kind, &p, hl_buf_view(&op->aad), hl_buf_view(&op->gathered), out, out_n));
	*out_n = 0;
	return CKR_OK;
}

CK_RV p11_EncryptMessage(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
	CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen, CK_BYTE_PTR pPlaintext, CK_ULONG ulPlaintextLen,
	CK_BYTE_PTR pCiphertext, CK_ULONG_PTR pulCiphertextLen)
{
	return whole_message(hSession, P11_MESSAGE_ENCRYPT, pParameter, ulParameterLen,
		hl_bytes(pAssociatedData, ulAssociatedDataLen), hl_bytes(pPlaintext, ulPlaintextLen), pCiphertext,
		pulCiphertextLen);
}

CK_RV p11_EncryptMessageBegin(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
	CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen)
{
	return begin_message(hSession, P11_MESSAGE_ENCRYPT, pParameter, ulParameterLen,
		hl_bytes(pAssociatedData, ulAssociatedDataLen));
}

CK_RV p11_EncryptMessageNext(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
	CK_BYTE_PTR pPlaintextPart, CK_ULONG ulPlaintextPartLen, CK_BYTE_PTR pCiphertextPart,
	CK_ULONG_PTR pulCiphertextPartLen, CK_FLAGS flags)
{
	return next_part(hSession, P11_MESSAGE_ENCRYPT, pParameter, ulParameterLen,
		hl_bytes(pPlaintextPart, ulPlaintextPartLen), pCiphertextPart, pulCiphertextPartLen, flags);
}

CK_RV p11_DecryptMessage(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
	CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen, CK_BYTE_PTR pCiphertext, CK_ULONG ulCiphertextLen,
	CK_BYTE_PTR pPlaintext, CK_ULONG_PTR pulPlaintextLen)
{
	return whole_message(hSession, P11_MESSAGE_DECRYPT, pParameter, ulParameterLen,
		hl_bytes(pAssociatedData, ulAssociatedDataLen), hl_bytes(pCiphertext, ulCiphertextLen), pPlaintext,
		pulPlaintextLen);
}

CK_RV p11_DecryptMessageBegin(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
	CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen)
{
	return begin_message(hSession, P11_MESSAGE_DECRYPT, pParameter, ulParameterLen,
		hl_bytes(pAssociatedData, ulAssociatedDataLen));
}

CK_RV p11_DecryptMessageNext(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
	CK_BYTE_PTR pCiphertextPart, CK_ULONG ulCiphertextPartLen, CK_BYTE_PTR pPlaintextPart,
	CK_ULONG_PTR pulPlaintextPartLen, CK_FLAGS flags)
{
	return next_part(hSession, P11_MESSAGE_DECRYPT, pParameter, ulParameterLen,
		hl_bytes(pCiphertextPart, ulCiphertextPartLen), pPlaintextPart, pulPlaintextPartLen, flags);
}

/* -- signatures: the parameter is that of the Init, messages have none of their own ---------------------------------------- */

static CK_RV begin_signature(CK_SESSION_HANDLE hSession, enum p11_kind kind, CK_ULONG parameter_n)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;

	P11_TRY(operation_between(s, kind, &op));
	if (parameter_n > 0)
		return CKR_MECHANISM_PARAM_INVALID;
	op->gathered = hl_buf(HL_DATA_MAX);
	op->in_message = true;
	return CKR_OK;
}

static CK_RV sign(struct p11_session *s, struct p11_operation *op, const struct hl_bytes *data, CK_BYTE *out,
	CK_ULONG *out_n)
{
	HL_AUTO(hl_buf_clear) struct hl_buf signature = hl_buf(HL_DATA_MAX);
	CK_RV rv = p11_sign(s->slot, op, data, &signature);

	if (rv == CKR_OK && !p11_asks_length(signature.n, out, out_n, &rv)) {
		memcpy(out, hl_buf_view(&signature).p, signature.n);
		*out_n = signature.n;
	}
	return over(op, rv);
}

CK_RV p11_SignMessage(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pData,
	CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG_PTR pulSignatureLen)
{
	P11_SESSION(s, hSession);
	struct hl_bytes data = hl_bytes(pData, ulDataLen);
	struct p11_operation *op;
	CK_RV rv;

	(void)pParameter;
	P11_TRY(operation_between(s, P11_MESSAGE_SIGN, &op));
	if (!p11_bytes_ok(pData, ulDataLen) || !pulSignatureLen)
		return CKR_ARGUMENTS_BAD;
	if (ulParameterLen > 0)
		return CKR_MECHANISM_PARAM_INVALID;
	if (p11_asks_length(p11_signature_n(op), pSignature, pulSignatureLen, &rv))
		return rv;
	return sign(s, op, &data, pSignature, pulSignatureLen);
}

CK_RV p11_SignMessageBegin(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen)
{
	(void)pParameter;
	return begin_signature(hSession, P11_MESSAGE_SIGN, ulParameterLen);
}

/* Without a place for the length it is not the last part. */
CK_RV p11_SignMessageNext(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
	CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG_PTR pulSignatureLen)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	CK_RV rv;

	(void)pParameter;
	P11_TRY(operation_within(s, P11_MESSAGE_SIGN, &op));
	if (!p11_bytes_ok(pData, ulDataLen))
		return over(op, CKR_ARGUMENTS_BAD);
	if (ulParameterLen > 0)
		return over(op, CKR_MECHANISM_PARAM_INVALID);
	if (pulSignatureLen && p11_asks_length(p11_signature_n(op), pSignature, pulSignatureLen, &rv))
		return rv;
	rv = p11_operation_add(op, pData, ulDataLen);
	if (rv != CKR_OK)
		return over(op, rv);
	return pulSignatureLen ? sign(s, op, NULL, pSignature, pulSignatureLen) : CKR_OK;
}

CK_RV p11_VerifyMessage(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
	CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen)
{
	P11_SESSION(s, hSession);
	struct hl_bytes data = hl_bytes(pData, ulDataLen);
	struct p11_operation *op;

	(void)pParameter;
	P11_TRY(operation_between(s, P11_MESSAGE_VERIFY, &op));
	if (!p11_bytes_ok(pData, ulDataLen) || !p11_bytes_ok(pSignature, ulSignatureLen))
		return CKR_ARGUMENTS_BAD;
	if (ulParameterLen > 0)
		return CKR_MECHANISM_PARAM_INVALID;
	return over(op, p11_verify(s->slot, op, &data, hl_bytes(pSignature, ulSignatureLen)));
}

CK_RV p11_VerifyMessageBegin(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen)
{
	(void)pParameter;
	return begin_signature(hSession, P11_MESSAGE_VERIFY, ulParameterLen);
}

/* Without a signature it is not the last part. */
CK_RV p11_VerifyMessageNext(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
	CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	CK_RV rv;

	(void)pParameter;
	P11_TRY(operation_within(s, P11_MESSAGE_VERIFY, &op));
	if (!p11_bytes_ok(pData, ulDataLen) || !p11_bytes_ok(pSignature, ulSignatureLen))
		return over(op, CKR_ARGUMENTS_BAD);
	if (ulParameterLen > 0)
		return over(op, CKR_MECHANISM_PARAM_INVALID);
	rv = p11_operation_add(op, pData, ulDataLen);
	if (rv != CKR_OK)
		return over(op, rv);
	return pSignature ? over(op, p11_verify(s->slot, op, NULL, hl_bytes(pSignature, ulSignatureLen))) : CKR_OK;
}
