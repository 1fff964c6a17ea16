#include "client/pkcs11/module.h"

/* -- what an Init may begin -------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	CK_FLAGS flag; /* of mechanisms */
	CK_FLAGS may;  /* of keys */
	bool message;  /* its parameter comes with each message */
} kinds[P11_KINDS] = {
	[P11_DIGEST]          = { CKF_DIGEST,          0,           false },
	[P11_SIGN]            = { CKF_SIGN,            CKF_SIGN,    false },
	[P11_VERIFY]          = { CKF_VERIFY,          CKF_VERIFY,  false },
	[P11_ENCRYPT]         = { CKF_ENCRYPT,         CKF_ENCRYPT, false },
	[P11_DECRYPT]         = { CKF_DECRYPT,         CKF_DECRYPT, false },
	[P11_MESSAGE_SIGN]    = { CKF_MESSAGE_SIGN,    CKF_SIGN,    false },
	[P11_MESSAGE_VERIFY]  = { CKF_MESSAGE_VERIFY,  CKF_VERIFY,  false },
	[P11_MESSAGE_ENCRYPT] = { CKF_MESSAGE_ENCRYPT, CKF_ENCRYPT, true },
	[P11_MESSAGE_DECRYPT] = { CKF_MESSAGE_DECRYPT, CKF_DECRYPT, true },
};
/* clang-format on */

void p11_operation_start(struct p11_session *s, struct p11_operation *op)
{
	*op = (struct p11_operation){
		.parameter = hl_buf(HL_PARAMETER_MAX),
		.gathered = hl_buf(HL_DATA_MAX + HL_TAG_MAX),
		.aad = hl_buf(HL_PARAMETER_MAX),
	};
	p11_lock();
	op->logouts = s->slot->logouts;
	p11_unlock();
}

static CK_RV take_parameter(enum p11_kind kind, const CK_MECHANISM *from, struct p11_operation *op)
{
	if (op->mechanism && op->mechanism->parameter && !kinds[kind].message)
		return op->mechanism->parameter(op->mechanism, from, op);
	return from->ulParameterLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* What one half of a pair does, the other does not; a secret key does both. */
static bool is_half(const struct p11_facts *f, CK_FLAGS may)
{
	bool public_half = (may & (CKF_VERIFY | CKF_ENCRYPT)) != 0;

	return f->class == CKO_SECRET_KEY || f->class == (public_half ? CKO_PUBLIC_KEY : CKO_PRIVATE_KEY);
}

static bool is_of_type(const struct p11_mechanism *m, CK_KEY_TYPE type)
{
	return type == m->key_type || type == m->also_type;
}

/* The HSM says 0 to 0 where any size will do. */
static bool is_of_size(const CK_MECHANISM_INFO *info, CK_ULONG size)
{
	return size == 0 || info->ulMaxKeySize == 0 || (size >= info->ulMinKeySize && size <= info->ulMaxKeySize);
}

static CK_RV take_key(struct p11_session *s, enum p11_kind kind, const CK_MECHANISM_INFO *info,
	CK_OBJECT_HANDLE key, struct p11_operation *op)
{
	CK_RV rv = p11_object_facts(s->slot, key, &op->remote, &op->facts);
	const struct p11_facts *f = &op->facts;

	if (rv != CKR_OK)
		return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_KEY_HANDLE_INVALID : rv;
	if (!is_of_type(op->mechanism, f->key_type) || !is_half(f, kinds[kind].may))
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!(f->may & kinds[kind].may))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (!p11_object_allows(s->slot, key, op->mechanism->type))
		return CKR_MECHANISM_INVALID;
	if (!is_of_size(info, f->size))
		return CKR_KEY_SIZE_RANGE;
	op->key = key;
	return CKR_OK;
}

static CK_RV begin(struct p11_session *s, enum p11_kind kind, const CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE key, struct p11_operation *op)
{
	CK_MECHANISM_INFO info;

	P11_TRY(p11_slot_mechanism(s->slot, mechanism->mechanism, kinds[kind].flag, &info));
	op->mechanism = p11_mechanism(mechanism->mechanism);
	if (mechanism->ulParameterLen > 0 && !mechanism->pParameter)
		return CKR_MECHANISM_PARAM_INVALID;
	P11_TRY(take_parameter(kind, mechanism, op));
	return op->mechanism ? take_key(s, kind, &info, key, op) : CKR_OK;
}

CK_RV p11_operation_resume(struct p11_session *s, enum p11_kind kind, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key,
	struct p11_operation *op)
{
	CK_MECHANISM_INFO info;

	P11_TRY(p11_slot_mechanism(s->slot, type, kinds[kind].flag, &info));
	op->mechanism = p11_mechanism(type);
	return take_key(s, kind, &info, key, op);
}

CK_RV p11_operation_init(
	struct p11_session *s, enum p11_kind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct p11_operation *op = &s->op[kind];
	bool active = p11_operation_is_active(s, kind);
	CK_RV rv;

	if (!mechanism) { /* 3.0: that ends one that is active */
		p11_operation_end(op);
		return active ? CKR_OK : CKR_ARGUMENTS_BAD;
	}
	if (active)
		return CKR_OPERATION_ACTIVE;
	p11_operation_start(s, op);
	rv = begin(s, kind, mechanism, key, op);
	op->active = rv == CKR_OK;
	if (rv != CKR_OK)
		p11_operation_end(op);
	return rv;
}

/* -- while it is active -------------------------------------------------------------------------------------------------- */

/* Private objects are gone with the login, and what is under way with them. */
bool p11_operation_is_active(struct p11_session *s, enum p11_kind kind)
{
	struct p11_operation *op = &s->op[kind];
	unsigned logouts;

	if (!op->active)
		return false;
	p11_lock();
	logouts = s->slot->logouts;
	p11_unlock();
	if (op->facts.is_private && op->logouts != logouts)
		p11_operation_end(op);
	return op->active;
}

CK_RV p11_operation_of(struct p11_session *s, enum p11_kind kind, struct p11_operation **out)
{
	struct p11_operation *op = &s->op[kind];

	if (!p11_operation_is_active(s, kind))
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->facts.always_authenticate && !op->authenticated) {
		p11_operation_end(op);
		return CKR_USER_NOT_LOGGED_IN;
	}
	*out = op;
	return CKR_OK;
}

void p11_operation_rewind(struct p11_operation *op)
{
	p11_hash_free(op->hash);
	op->hash = NULL;
	op->updated = op->in_message = false;
	p11_stream_leave(op);
	hl_buf_clear(&op->part);
	hl_buf_clear(&op->gathered);
	hl_buf_clear(&op->aad);
}

void p11_operation_end(struct p11_operation *op)
{
	p11_operation_rewind(op);
	hl_buf_clear(&op->parameter);
	hl_buf_clear(&op->result);
	*op = (struct p11_operation){ 0 };
}

const struct p11_digest *p11_operation_digest_of(const struct p11_operation *op)
{
	return p11_digest(op->mechanism ? op->mechanism->hash : op->remote);
}

CK_RV p11_operation_hash(struct p11_operation *op, const struct p11_digest *d, const CK_BYTE *part, CK_ULONG n)
{
	if (!op->hash)
		P11_TRY(p11_hash_new(d, &op->hash));
	return p11_hash_add(op->hash, part, n);
}

CK_RV p11_operation_add(struct p11_operation *op, const CK_BYTE *part, CK_ULONG n)
{
	op->updated = true;
	if (op->mechanism->way == P11_HASHED)
		return p11_operation_hash(op, p11_operation_digest_of(op), part, n);
	hl_buf_put(&op->gathered, hl_bytes(part, n));
	if (op->gathered.err == HL_OK)
		return CKR_OK;
	return op->gathered.err == HL_E_NOMEM ? CKR_HOST_MEMORY : CKR_DATA_LEN_RANGE;
}

CK_RV p11_operation_digest(struct p11_operation *op, CK_BYTE out[P11_DIGEST_MAX], CK_ULONG *n)
{
	return op->hash ? p11_hash_end(op->hash, out, n) : CKR_FUNCTION_FAILED;
}

/* -- results ---------------------------------------------------------------------------------------------------------------- */

bool p11_asks_length(CK_ULONG n, const CK_BYTE *out, CK_ULONG *out_n, CK_RV *rv)
{
	CK_ULONG room = *out_n;

	if (out && room >= n)
		return false;
	*out_n = n;
	*rv = out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	return true;
}

CK_RV p11_operation_finish(
	struct p11_operation *op, CK_RV rv, struct hl_buf *result, CK_BYTE *out, CK_ULONG *out_n)
{
	struct hl_bytes got = hl_buf_view(result);

	if (rv == CKR_OK && p11_asks_length(got.n, out, out_n, &rv)) {
		if (result != &op->result) {
			hl_buf_clear(&op->result);
			op->result = *result;
			*result = hl_buf(0);
		}
		op->has_result = true;
		return rv;
	}
	if (rv == CKR_OK) {
		if (got.n > 0)
			memcpy(out, got.p, got.n);
		*out_n = got.n;
	}
	p11_operation_end(op);
	return rv;
}

CK_RV p11_key_rv(struct p11_slot *slot, const struct p11_operation *op, CK_RV rv)
{
	if (rv != CKR_OBJECT_HANDLE_INVALID)
		return rv;
	p11_object_forget(slot, op->key);
	return CKR_KEY_HANDLE_INVALID;
}
