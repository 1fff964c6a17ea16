/* find.c - a search: all handles are fetched at its begin, so that it stays what it was while objects come and go. */
#include "client/pkcs11/module.h"

#define PAGE 1024

/* Take a page's handles over. */
static CK_RV keep(struct p11_session *s, const struct hl_found *found)
{
	struct hl_buf *out = &s->op[P11_FIND].gathered;
	struct hl_handle one;
	CK_OBJECT_HANDLE handle;

	for (struct hl_bytes at = found->handles.raw; hl_list_next(&hl_msg_handle, &at, &one);) {
		p11_lock();
		handle = p11_object_add(s->slot, one.handle, one.private);
		p11_unlock();
		if (handle == CK_INVALID_HANDLE)
			return CKR_HOST_MEMORY;
		hl_buf_put(out, hl_bytes(&handle, sizeof handle));
	}
	return out->err == HL_OK ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV fetch(struct p11_session *s, const struct p11_template *t)
{
	struct hl_find request = { .limit = PAGE, .template = { .items = t->item, .count = t->n } };
	struct hl_found found;

	do {
		HL_AUTO(p11_frame_clear) struct client_call call = { 0 };

		P11_TRY(p11_ask(s->slot, &hl_msg_find, &request, &hl_msg_found, &found, &call));
		P11_TRY(keep(s, &found));
		if (found.more && found.last <= request.after)
			return CKR_DEVICE_ERROR; /* it would never end */
		request.after = found.last;
	} while (found.more);
	return CKR_OK;
}

/* The HSM finds what it stores; session objects are the application's own to remember. */
static CK_RV add_session_objects(struct p11_session *s, const struct p11_template *t)
{
	struct hl_buf *out = &s->op[P11_FIND].gathered;
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
	uint64_t remote = 0;

	if (p11_template_bool(t, CKA_TOKEN, false))
		return CKR_OK;
	while ((handle = p11_object_next(s->slot, handle, &remote)) != CK_INVALID_HANDLE) {
		bool matches = false;
		CK_RV rv = p11_object_matches(s->slot, remote, t, &matches);

		if (rv == CKR_OBJECT_HANDLE_INVALID)
			p11_object_forget(s->slot, handle); /* it has ended meanwhile */
		else if (rv != CKR_OK)
			return rv;
		if (matches)
			hl_buf_put(out, hl_bytes(&handle, sizeof handle));
	}
	return out->err == HL_OK ? CKR_OK : CKR_HOST_MEMORY;
}

/* Last: most who look for everything look for something else. */
static CK_RV add_profiles(struct p11_session *s, const struct p11_template *t)
{
	struct hl_buf *out = &s->op[P11_FIND].gathered;

	for (uint64_t remote = 0; (remote = p11_profile_next(remote)) != 0;) {
		CK_OBJECT_HANDLE handle;
		bool matches = false;

		P11_TRY(p11_object_matches(s->slot, remote, t, &matches));
		if (!matches)
			continue;
		p11_lock();
		handle = p11_object_add(s->slot, remote, false);
		p11_unlock();
		if (handle == CK_INVALID_HANDLE)
			return CKR_HOST_MEMORY;
		hl_buf_put(out, hl_bytes(&handle, sizeof handle));
	}
	return out->err == HL_OK ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV p11_FindObjectsInit(CK_SESSION_HANDLE hSession, CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulCount)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op = &s->op[P11_FIND];
	struct p11_template t;
	CK_RV rv;

	if (op->active)
		return CKR_OPERATION_ACTIVE;
	P11_TRY(p11_template(pTemplate, ulCount, false, &t));
	p11_operation_start(s, op);
	rv = fetch(s, &t);
	if (rv == CKR_OK)
		rv = add_session_objects(s, &t);
	if (rv == CKR_OK)
		rv = add_profiles(s, &t);
	op->active = rv == CKR_OK;
	if (rv != CKR_OK)
		p11_operation_end(op);
	return rv;
}

CK_RV p11_FindObjects(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE_PTR phObject, CK_ULONG ulMaxObjectCount,
	CK_ULONG_PTR pulObjectCount)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;
	CK_ULONG n;

	P11_TRY(p11_operation_of(s, P11_FIND, &op));
	if ((!phObject && ulMaxObjectCount > 0) || !pulObjectCount)
		return CKR_ARGUMENTS_BAD;
	n = op->gathered.n / sizeof *phObject;
	n = n < ulMaxObjectCount ? n : ulMaxObjectCount;
	if (n > 0)
		memcpy(phObject, hl_buf_view(&op->gathered).p, n * sizeof *phObject);
	hl_buf_eat(&op->gathered, n * sizeof *phObject);
	*pulObjectCount = n;
	return CKR_OK;
}

CK_RV p11_FindObjectsFinal(CK_SESSION_HANDLE hSession)
{
	P11_SESSION(s, hSession);
	struct p11_operation *op;

	P11_TRY(p11_operation_of(s, P11_FIND, &op));
	p11_operation_end(op);
	return CKR_OK;
}
