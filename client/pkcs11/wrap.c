/* wrap.c - keys that leave and come back encrypted, and keys from keys. The HSM judges key and mechanism. */
#include "client/pkcs11/module.h"

/* A key that the HSM does not know (any more) has no handle here either. */
static CK_RV missing(struct p11_slot *slot, CK_OBJECT_HANDLE key, CK_RV rv)
{
	p11_object_forget(slot, key);
	return rv;
}

/* -- wrap ------------------------------------------------------------------------------------------------------------------- */

struct wrapping {
	CK_OBJECT_HANDLE key, target;
	struct hl_wrap request;
};

static CK_RV find_both(struct p11_slot *slot, struct wrapping *w)
{
	if (p11_object_of(slot, w->key, &w->request.key) != CKR_OK)
		return CKR_WRAPPING_KEY_HANDLE_INVALID;
	return p11_object_of(slot, w->target, &w->request.target) == CKR_OK ? CKR_OK : CKR_KEY_HANDLE_INVALID;
}

static CK_RV wrap_refused(struct p11_slot *slot, const struct wrapping *w, CK_RV rv, const char *detail)
{
	switch (rv) {
	case CKR_OBJECT_HANDLE_INVALID:
		return strcmp(detail, "wrapping key") == 0 ? missing(slot, w->key, CKR_WRAPPING_KEY_HANDLE_INVALID)
							   : missing(slot, w->target, CKR_KEY_HANDLE_INVALID);
	case CKR_KEY_TYPE_INCONSISTENT: /* of the other one, where its class is named */
		return strcmp(detail, "CKA_CLASS") == 0 ? CKR_KEY_NOT_WRAPPABLE : CKR_WRAPPING_KEY_TYPE_INCONSISTENT;
	case CKR_KEY_SIZE_RANGE:
		return CKR_WRAPPING_KEY_SIZE_RANGE;
	case CKR_DATA_LEN_RANGE:
		return CKR_KEY_SIZE_RANGE;
	default:
		return rv;
	}
}

/* Wrapping changes nothing in the HSM, so who asks for the length only has it done and thrown away. */
CK_RV p11_WrapKey(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hWrappingKey,
	CK_OBJECT_HANDLE hKey, CK_BYTE_PTR pWrappedKey, CK_ULONG_PTR pulWrappedKeyLen)
{
	P11_SESSION(s, hSession);
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	P11_PARAMETER(op);
	struct wrapping w = { .key = hWrappingKey, .target = hKey };
	struct hl_wrapped made;
	CK_RV rv;

	if (!pMechanism || !pulWrappedKeyLen)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_take_mechanism(s, pMechanism, CKF_WRAP, &op));
	P11_TRY(find_both(s->slot, &w));
	w.request.mechanism = (uint32_t)pMechanism->mechanism;
	w.request.parameter = hl_buf_view(&op.parameter);
	rv = p11_ask(s->slot, &hl_msg_wrap, &w.request, &hl_msg_wrapped, &made, &call);
	if (rv != CKR_OK)
		return wrap_refused(s->slot, &w, rv, call.failure.detail);
	if (p11_asks_length(made.wrapped.n, pWrappedKey, pulWrappedKeyLen, &rv))
		return rv;
	memcpy(pWrappedKey, made.wrapped.p, made.wrapped.n);
	*pulWrappedKeyLen = made.wrapped.n;
	return CKR_OK;
}

/* -- unwrap ----------------------------------------------------------------------------------------------------------------- */

static CK_RV unwrap_refused(struct p11_slot *slot, CK_OBJECT_HANDLE key, CK_RV rv)
{
	switch (rv) {
	case CKR_OBJECT_HANDLE_INVALID:
		return missing(slot, key, CKR_UNWRAPPING_KEY_HANDLE_INVALID);
	case CKR_KEY_TYPE_INCONSISTENT:
		return CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT;
	case CKR_KEY_SIZE_RANGE:
		return CKR_UNWRAPPING_KEY_SIZE_RANGE;
	case CKR_ENCRYPTED_DATA_INVALID:
		return CKR_WRAPPED_KEY_INVALID;
	case CKR_ENCRYPTED_DATA_LEN_RANGE:
		return CKR_WRAPPED_KEY_LEN_RANGE;
	default:
		return rv;
	}
}

CK_RV p11_UnwrapKey(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hUnwrappingKey,
	CK_BYTE_PTR pWrappedKey, CK_ULONG ulWrappedKeyLen, CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulAttributeCount,
	CK_OBJECT_HANDLE_PTR phKey)
{
	P11_SESSION(s, hSession);
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	P11_PARAMETER(op);
	struct hl_unwrap request = { .wrapped = hl_bytes(pWrappedKey, ulWrappedKeyLen) };
	struct hl_created made;
	struct p11_template t;
	CK_RV rv;

	if (!pMechanism || !phKey || !p11_bytes_ok(pWrappedKey, ulWrappedKeyLen))
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_take_mechanism(s, pMechanism, CKF_UNWRAP, &op));
	P11_TRY(p11_template(pTemplate, ulAttributeCount, true, &t));
	if (p11_object_of(s->slot, hUnwrappingKey, &request.key) != CKR_OK)
		return CKR_UNWRAPPING_KEY_HANDLE_INVALID;
	P11_TRY(p11_template_session(s, &t, true));
	if (ulWrappedKeyLen > HL_WRAPPED_MAX)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	request.mechanism = (uint32_t)pMechanism->mechanism;
	request.parameter = hl_buf_view(&op.parameter);
	request.template = (struct hl_list){ .items = t.item, .count = t.n };
	rv = p11_ask(s->slot, &hl_msg_unwrap, &request, &hl_msg_created, &made, &call);
	if (rv != CKR_OK)
		return unwrap_refused(s->slot, hUnwrappingKey, rv);
	return p11_object_new(s, made.handle, p11_template_bool(&t, CKA_PRIVATE, true), phKey);
}

/* -- derive ------------------------------------------------------------------------------------------------------------------ */

/* Further keys go where the parameter says, in its order. */
static CK_RV give_further(
	struct p11_session *s, const CK_MECHANISM *mechanism, const struct hl_list *made)
{
	const CK_DERIVED_KEY *more = NULL;
	size_t n = p11_further_keys(mechanism, &more);
	struct hl_bytes at = made->raw;
	struct hl_handle one;

	for (size_t i = 0; i < n && hl_list_next(&hl_msg_handle, &at, &one); i++)
		P11_TRY(p11_object_new(s, one.handle, one.private, more[i].phKey));
	return made->count == n ? CKR_OK : CKR_DEVICE_ERROR;
}

CK_RV p11_DeriveKey(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hBaseKey,
	CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulAttributeCount, CK_OBJECT_HANDLE_PTR phKey)
{
	P11_SESSION(s, hSession);
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	P11_PARAMETER(op);
	struct hl_derive request = { 0 };
	struct hl_derived made;
	struct p11_template t;
	CK_RV rv;

	if (!pMechanism || !phKey)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_take_mechanism(s, pMechanism, CKF_DERIVE, &op));
	P11_TRY(p11_template(pTemplate, ulAttributeCount, true, &t));
	if (p11_object_of(s->slot, hBaseKey, &request.key) != CKR_OK)
		return CKR_KEY_HANDLE_INVALID;
	P11_TRY(p11_template_session(s, &t, true));
	request.mechanism = (uint32_t)pMechanism->mechanism;
	request.parameter = hl_buf_view(&op.parameter);
	request.template = (struct hl_list){ .items = t.item, .count = t.n };
	rv = p11_ask(s->slot, &hl_msg_derive, &request, &hl_msg_derived, &made, &call);
	if (rv == CKR_OBJECT_HANDLE_INVALID)
		return missing(s->slot, hBaseKey, CKR_KEY_HANDLE_INVALID);
	if (rv != CKR_OK)
		return rv;
	P11_TRY(p11_object_new(s, made.handle, p11_template_bool(&t, CKA_PRIVATE, true), phKey));
	return give_further(s, pMechanism, &made.more);
}
