/* key.c - new keys. */
#include "client/pkcs11/module.h"

/* -- what a template may ask for in this session ---------------------------------------------------------------------------- */

/* PKCS #11 v3.0, 4.4: without CKA_TOKEN it is a session object that is meant, which the HSM is then told in words. */
CK_RV p11_template_session(struct p11_session *s, struct p11_template *t, bool private_by_default)
{
	P11_TRY(p11_template_default(t, CKA_TOKEN, false));
	if (p11_template_bool(t, CKA_TOKEN, false) && !p11_session_writes(s))
		return CKR_SESSION_READ_ONLY;
	if (p11_template_bool(t, CKA_PRIVATE, private_by_default) && !p11_session_logged_in(s))
		return CKR_USER_NOT_LOGGED_IN;
	return CKR_OK;
}

void p11_parameter_clear(struct p11_operation *op)
{
	hl_buf_clear(&op->parameter);
}

CK_RV p11_take_mechanism(
	struct p11_session *s, const CK_MECHANISM *mechanism, CK_FLAGS flag, struct p11_operation *op)
{
	const struct p11_mechanism *m = p11_mechanism(mechanism->mechanism);
	CK_MECHANISM_INFO info;

	P11_TRY(p11_slot_mechanism(s->slot, mechanism->mechanism, flag, &info));
	if (mechanism->ulParameterLen > 0 && !mechanism->pParameter)
		return CKR_MECHANISM_PARAM_INVALID;
	if (m && m->parameter)
		return m->parameter(m, mechanism, op);
	return mechanism->ulParameterLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* -- making ------------------------------------------------------------------------------------------------------------------- */

struct made {
	CK_OBJECT_HANDLE key, public_key;
};

static CK_RV generate(struct p11_session *s, CK_MECHANISM_TYPE mechanism, const struct p11_operation *op,
	const struct p11_template *t, const struct p11_template *public_t, struct made *out)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_generate request = {
		.mechanism = (uint32_t)mechanism,
		.parameter = hl_buf_view(&op->parameter),
		.template = { .items = t->item, .count = t->n },
	};
	struct hl_generated made;
	CK_RV rv;

	if (public_t)
		request.public_template = (struct hl_list){ .items = public_t->item, .count = public_t->n };
	rv = p11_ask(s->slot, &hl_msg_generate, &request, &hl_msg_generated, &made, &call);
	if (rv == CKR_TEMPLATE_INCONSISTENT)
		return p11_attribute_refused(call.failure.detail, false, t, public_t);
	if (rv != CKR_OK)
		return rv;
	p11_lock();
	out->key = p11_object_add(s->slot, made.handle, p11_template_bool(t, CKA_PRIVATE, true));
	if (public_t)
		out->public_key = p11_object_add(
			s->slot, made.public_handle, p11_template_bool(public_t, CKA_PRIVATE, false));
	p11_object_own(s->slot, out->key, s->handle);
	p11_object_own(s->slot, out->public_key, s->handle);
	p11_unlock();
	return out->key && (out->public_key || !public_t) ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV p11_GenerateKey(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism, CK_ATTRIBUTE_PTR pTemplate,
	CK_ULONG ulCount, CK_OBJECT_HANDLE_PTR phKey)
{
	P11_SESSION(s, hSession);
	struct made made = { 0 };
	P11_PARAMETER(op);
	struct p11_template t;

	if (!pMechanism || !phKey)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_take_mechanism(s, pMechanism, CKF_GENERATE, &op));
	P11_TRY(p11_template(pTemplate, ulCount, true, &t));
	P11_TRY(p11_template_session(s, &t, true));
	P11_TRY(generate(s, pMechanism->mechanism, &op, &t, NULL, &made));
	*phKey = made.key;
	return CKR_OK;
}

CK_RV p11_GenerateKeyPair(CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism,
	CK_ATTRIBUTE_PTR pPublicKeyTemplate, CK_ULONG ulPublicKeyAttributeCount, CK_ATTRIBUTE_PTR pPrivateKeyTemplate,
	CK_ULONG ulPrivateKeyAttributeCount, CK_OBJECT_HANDLE_PTR phPublicKey, CK_OBJECT_HANDLE_PTR phPrivateKey)
{
	P11_SESSION(s, hSession);
	struct made made = { 0 };
	P11_PARAMETER(op);
	struct p11_template t, public_t;

	if (!pMechanism || !phPublicKey || !phPrivateKey)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_take_mechanism(s, pMechanism, CKF_GENERATE_KEY_PAIR, &op));
	P11_TRY(p11_template(pPublicKeyTemplate, ulPublicKeyAttributeCount, true, &public_t));
	P11_TRY(p11_template(pPrivateKeyTemplate, ulPrivateKeyAttributeCount, true, &t));
	P11_TRY(p11_template_session(s, &public_t, false));
	P11_TRY(p11_template_session(s, &t, true));
	P11_TRY(generate(s, pMechanism->mechanism, &op, &t, &public_t, &made));
	*phPublicKey = made.public_key;
	*phPrivateKey = made.key;
	return CKR_OK;
}
