#include "client/pkcs11/module.h"

#include <stdlib.h>

/* An object that the application has a handle of. */
struct object {
	CK_OBJECT_HANDLE handle;
	uint64_t remote; /* the HSM's handle */
	CK_SESSION_HANDLE session; /* of a session object: whose */
	bool is_private;
	bool known; /* `facts` hold */
	struct p11_facts facts;
	struct hl_buf allowed; /* then: its CKA_ALLOWED_MECHANISMS, as on the wire; empty: all */
};

/* -- handles -------------------------------------------------------------------------------------------------------------- */

static void drop(struct p11_slot *slot, struct object *o)
{
	hl_map_take(&slot->objects, o->handle);
	hl_map_take(&slot->handles, o->remote);
	hl_buf_clear(&o->allowed);
	free(o);
}

static struct object *find(struct p11_slot *slot, CK_OBJECT_HANDLE handle)
{
	return hl_map_get(&slot->objects, handle);
}

CK_OBJECT_HANDLE p11_object_add(struct p11_slot *slot, uint64_t remote, bool is_private)
{
	struct object *o = hl_map_get(&slot->handles, remote);

	if (o)
		return o->handle;
	o = calloc(1, sizeof *o);
	if (!o)
		return CK_INVALID_HANDLE;
	*o = (struct object){ .handle = p11_new_handle(), .remote = remote, .is_private = is_private,
		.allowed = hl_buf(P11_ARRAY_BYTES) };
	if (hl_map_put(&slot->objects, o->handle, o) == HL_OK && hl_map_put(&slot->handles, remote, o) == HL_OK)
		return o->handle;
	drop(slot, o);
	return CK_INVALID_HANDLE;
}

CK_RV p11_object_new(struct p11_session *s, uint64_t remote, bool is_private, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_HANDLE handle;

	p11_lock();
	handle = p11_object_add(s->slot, remote, is_private);
	p11_object_own(s->slot, handle, s->handle);
	p11_unlock();
	if (handle != CK_INVALID_HANDLE)
		*out = handle;
	return handle != CK_INVALID_HANDLE ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV p11_object_of(struct p11_slot *slot, CK_OBJECT_HANDLE handle, uint64_t *remote)
{
	struct object *o;
	CK_RV rv;

	p11_lock();
	o = find(slot, handle);
	rv = o ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
	if (o)
		*remote = o->remote;
	p11_unlock();
	return rv;
}

void p11_object_forget(struct p11_slot *slot, CK_OBJECT_HANDLE handle)
{
	struct object *o;

	p11_lock();
	o = find(slot, handle);
	if (o)
		drop(slot, o);
	p11_unlock();
}

/* The map must not change under a walk, so each walk drops one. */
void p11_objects_clear(struct p11_slot *slot, bool all)
{
	struct object *o;

	do {
		size_t at = 0;

		while ((o = hl_map_next(&slot->objects, &at)) != NULL && !all && !o->is_private)
			;
		if (o)
			drop(slot, o);
	} while (o);
}

/* -- session objects: seen by all sessions, ended with their own ------------------------------------------------------------ */

void p11_object_own(struct p11_slot *slot, CK_OBJECT_HANDLE handle, CK_SESSION_HANDLE session)
{
	struct object *o = find(slot, handle);

	if (o)
		o->session = session;
}

void p11_objects_of_session(struct p11_slot *slot, CK_SESSION_HANDLE session, struct hl_buf *ended)
{
	struct object *o;

	do {
		size_t at = 0;

		while ((o = hl_map_next(&slot->objects, &at)) != NULL &&
			!(p11_is_session_object(o->remote) && o->session == session))
			;
		if (o) {
			hl_buf_put(ended, hl_bytes(&o->remote, sizeof o->remote));
			drop(slot, o);
		}
	} while (o);
}

CK_OBJECT_HANDLE p11_object_next(struct p11_slot *slot, CK_OBJECT_HANDLE after, uint64_t *remote)
{
	CK_OBJECT_HANDLE next = CK_INVALID_HANDLE;
	struct object *o;
	size_t at = 0;

	p11_lock();
	while ((o = hl_map_next(&slot->objects, &at)) != NULL)
		if (p11_is_session_object(o->remote) && o->handle > after && (!next || o->handle < next)) {
			next = o->handle;
			*remote = o->remote;
		}
	p11_unlock();
	return next;
}

/* What describes the provider is its own to tell. */
static CK_RV ask_attributes(struct p11_slot *slot, const struct hl_attributes_get *request,
	struct hl_attributes *answer, struct client_call *call)
{
	if (p11_is_profile(request->handle))
		return p11_profile_attributes(request, answer, call);
	return p11_ask(slot, &hl_msg_attributes_get, request, &hl_msg_attributes, answer, call);
}

/* What is sensitive or not of this object has the form `unavailable`, and so matches nothing. */
static bool is_same(const struct hl_attribute *a, const struct hl_attribute *wanted)
{
	return a->type == wanted->type && a->form == wanted->form && hl_bytes_eq(a->value, wanted->value);
}

CK_RV p11_object_matches(struct p11_slot *slot, uint64_t remote, const struct p11_template *t, bool *out)
{
	struct hl_attribute_type types[P11_TEMPLATE_MAX] = { { CKA_CLASS } };
	struct hl_attributes_get request = { .handle = remote, .types = { .items = types, .count = t->n ? t->n : 1 } };
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_attributes answer;
	struct hl_attribute a;
	struct hl_bytes at;

	for (size_t i = 0; i < t->n; i++)
		types[i].type = t->item[i].type;
	P11_TRY(ask_attributes(slot, &request, &answer, &call));
	at = answer.attributes.raw;
	*out = true;
	for (size_t i = 0; i < t->n && *out; i++)
		*out = hl_list_next(&hl_msg_attribute, &at, &a) && is_same(&a, &t->item[i]);
	return CKR_OK;
}

/* -- facts: what an Init looks at --------------------------------------------------------------------------------------------- */

/* DER of the curve's identifier, and its bits. */
#define DER(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })
#define BRAINPOOL(n) DER(6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, n)
/* clang-format off */
static const struct { CK_ULONG bits; uint8_t params[14]; size_t n; } curves[] = {
	{ 256, DER(6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7) },
	{ 384, DER(6, 5, 0x2b, 0x81, 4, 0, 34) },
	{ 521, DER(6, 5, 0x2b, 0x81, 4, 0, 35) },
	{ 224, DER(6, 5, 0x2b, 0x81, 4, 0, 33) },
	{ 224, DER(6, 5, 0x2b, 0x81, 4, 0, 32) },
	{ 256, DER(6, 5, 0x2b, 0x81, 4, 0, 10) },
	{ 224, BRAINPOOL(5) }, { 256, BRAINPOOL(7) }, { 320, BRAINPOOL(9) }, { 384, BRAINPOOL(11) }, { 512, BRAINPOOL(13) },
	{ 256, DER(6, 3, 0x2b, 0x65, 0x70) },
	{ 256, DER(0x13, 12, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9') },
	{ 448, DER(6, 3, 0x2b, 0x65, 0x71) },
};
/* clang-format on */

static CK_ULONG curve_bits(struct hl_bytes params)
{
	for (size_t i = 0; i < HL_COUNT(curves); i++)
		if (hl_bytes_eq(params, hl_bytes(curves[i].params, curves[i].n)))
			return curves[i].bits;
	return 0;
}

static CK_ULONG modulus_bits(struct hl_bytes n)
{
	CK_ULONG bits;

	while (n.n > 0 && n.p[0] == 0)
		n = hl_bytes(n.p + 1, n.n - 1);
	bits = n.n * 8;
	for (unsigned first = n.n > 0 ? n.p[0] : 0x80; !(first & 0x80); first <<= 1)
		bits--;
	return bits;
}

static CK_ULONG number_of(const struct hl_attribute *a)
{
	struct hl_rd r = hl_rd(a->value);

	return (CK_ULONG)hl_rd_u64(&r);
}

static bool is_true(const struct hl_attribute *a)
{
	return a->value.n == 1 && a->value.p[0] == 1;
}

static const struct {
	uint32_t attribute;
	CK_FLAGS may;
} uses[] = {
	{ CKA_ENCRYPT, CKF_ENCRYPT }, { CKA_DECRYPT, CKF_DECRYPT }, { CKA_SIGN, CKF_SIGN }, { CKA_VERIFY, CKF_VERIFY },
	{ CKA_WRAP, CKF_WRAP }, { CKA_UNWRAP, CKF_UNWRAP }, { CKA_DERIVE, CKF_DERIVE },
};

static void learn(const struct hl_attribute *a, struct p11_facts *f)
{
	if (a->form == HL_FORM_UNAVAILABLE)
		return;
	for (size_t i = 0; i < HL_COUNT(uses); i++)
		if (uses[i].attribute == a->type && is_true(a))
			f->may |= uses[i].may;
	switch (a->type) {
	case CKA_CLASS:
		f->class = number_of(a);
		break;
	case CKA_KEY_TYPE:
		f->key_type = number_of(a);
		break;
	case CKA_PRIVATE:
		f->is_private = is_true(a);
		break;
	case CKA_ALWAYS_AUTHENTICATE:
		f->always_authenticate = is_true(a);
		break;
	case CKA_MODULUS:
	case CKA_PRIME:
		f->size = modulus_bits(a->value);
		break;
	case CKA_SUBPRIME:
		f->order = modulus_bits(a->value);
		break;
	case CKA_EC_PARAMS:
		f->size = curve_bits(a->value);
		break;
	case CKA_VALUE_LEN:
		f->size = number_of(a);
		break;
	default:
		break;
	}
}

static CK_RV ask_facts(struct p11_slot *slot, uint64_t remote, struct p11_facts *out, struct hl_buf *allowed)
{
	static struct hl_attribute_type types[] = {
		{ CKA_CLASS }, { CKA_KEY_TYPE }, { CKA_PRIVATE }, { CKA_ENCRYPT }, { CKA_DECRYPT }, { CKA_SIGN }, { CKA_VERIFY },
		{ CKA_WRAP }, { CKA_UNWRAP }, { CKA_DERIVE }, { CKA_MODULUS }, { CKA_EC_PARAMS }, { CKA_VALUE_LEN },
		{ CKA_ALWAYS_AUTHENTICATE }, { CKA_PRIME }, { CKA_SUBPRIME }, { CKA_ALLOWED_MECHANISMS },
	};
	struct hl_attributes_get request = {
		.handle = remote,
		.types = { .items = types, .count = HL_COUNT(types) },
	};
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_attributes answer;
	struct hl_attribute a;

	P11_TRY(ask_attributes(slot, &request, &answer, &call));
	*out = (struct p11_facts){ .class = CK_UNAVAILABLE_INFORMATION, .key_type = CK_UNAVAILABLE_INFORMATION };
	for (struct hl_bytes at = answer.attributes.raw; hl_list_next(&hl_msg_attribute, &at, &a);) {
		learn(&a, out);
		if (a.type == CKA_ALLOWED_MECHANISMS)
			hl_buf_put(allowed, a.value);
	}
	return CKR_OK;
}

static void keep_facts(
	struct p11_slot *slot, CK_OBJECT_HANDLE handle, const struct p11_facts *f, const struct hl_buf *allowed)
{
	struct object *o;

	p11_lock();
	o = find(slot, handle);
	if (o) {
		o->facts = *f;
		hl_buf_reset(&o->allowed);
		hl_buf_put(&o->allowed, hl_buf_view(allowed));
		o->known = true;
		o->is_private = f->is_private;
	}
	p11_unlock();
}

/* PKCS #11 v3.0, 4.8: an empty list, or none, allows all. What was forgotten meanwhile the HSM judges. */
bool p11_object_allows(struct p11_slot *slot, CK_OBJECT_HANDLE handle, CK_MECHANISM_TYPE type)
{
	struct object *o;
	struct hl_rd r;
	bool allows;

	p11_lock();
	o = find(slot, handle);
	r = hl_rd(o && o->known ? hl_buf_view(&o->allowed) : hl_bytes(NULL, 0));
	allows = r.left == 0;
	while (r.left > 0 && r.err == HL_OK && !allows)
		allows = hl_rd_u64(&r) == type;
	p11_unlock();
	return allows;
}

CK_RV p11_object_value(struct p11_slot *slot, uint64_t remote, struct hl_buf *out)
{
	static struct hl_attribute_type types[] = { { CKA_VALUE } };
	struct hl_attributes_get request = { .handle = remote, .types = { .items = types, .count = 1 } };
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_attributes answer;
	struct hl_attribute a;
	struct hl_bytes at;

	P11_TRY(ask_attributes(slot, &request, &answer, &call));
	at = answer.attributes.raw;
	if (!hl_list_next(&hl_msg_attribute, &at, &a) || a.form != HL_FORM_BYTES)
		return CKR_KEY_INDIGESTIBLE;
	hl_buf_put(out, a.value);
	return out->err == HL_OK ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV p11_object_facts(struct p11_slot *slot, CK_OBJECT_HANDLE handle, uint64_t *remote, struct p11_facts *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf allowed = hl_buf(P11_ARRAY_BYTES);
	struct object *o;
	bool known;
	CK_RV rv;

	P11_TRY(p11_object_of(slot, handle, remote));
	p11_lock();
	o = find(slot, handle);
	known = o && o->known;
	if (known)
		*out = o->facts;
	p11_unlock();
	if (known)
		return CKR_OK;
	rv = ask_facts(slot, *remote, out, &allowed);
	if (rv == CKR_OK && allowed.err != HL_OK)
		return CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		keep_facts(slot, handle, out, &allowed);
	else if (rv == CKR_OBJECT_HANDLE_INVALID)
		p11_object_forget(slot, handle);
	return rv;
}

static void forget_facts(struct p11_slot *slot, CK_OBJECT_HANDLE handle)
{
	struct object *o;

	p11_lock();
	o = find(slot, handle);
	if (o)
		o->known = false;
	p11_unlock();
}

/* -- attributes ------------------------------------------------------------------------------------------------------------------- */

/* A number that is no attribute's stands for those that the message cannot carry. */
static uint32_t wire_type(CK_ATTRIBUTE_TYPE type)
{
	return type <= UINT32_MAX ? (uint32_t)type : UINT32_MAX;
}

static bool is_of_attribute(CK_RV rv)
{
	return rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL;
}

/* In their order; each is dealt with, and the first that is not as it should be says what is returned. */
static CK_RV give_all(const struct hl_list *list, const struct p11_facts *facts, CK_ATTRIBUTE *to, CK_ULONG n)
{
	struct hl_bytes at = list->raw;
	struct hl_attribute a;
	CK_RV rv = CKR_OK, one;

	for (CK_ULONG i = 0; i < n; i++) {
		if (!hl_list_next(&hl_msg_attribute, &at, &a) || a.type != wire_type(to[i].type))
			return CKR_DEVICE_ERROR;
		one = p11_attribute_give(&a, facts, &to[i]);
		rv = rv == CKR_OK ? one : rv;
	}
	return rv;
}

static CK_RV get_some(
	struct p11_slot *slot, uint64_t remote, const struct p11_facts *facts, CK_ATTRIBUTE *to, CK_ULONG n)
{
	struct hl_attribute_type types[P11_TEMPLATE_MAX];
	struct hl_attributes_get request = { .handle = remote, .types = { .items = types, .count = n } };
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_attributes answer;

	for (CK_ULONG i = 0; i < n; i++)
		types[i].type = wire_type(to[i].type);
	P11_TRY(ask_attributes(slot, &request, &answer, &call));
	return give_all(&answer.attributes, facts, to, n);
}

#define ATTRIBUTES_MAX 4096 /* more than all that there are, many times over */

static CK_RV get_all(
	struct p11_slot *slot, uint64_t remote, const struct p11_facts *facts, CK_ATTRIBUTE *to, CK_ULONG n)
{
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0, some; i < n; i += some) {
		CK_RV one;

		some = n - i < P11_TEMPLATE_MAX ? n - i : P11_TEMPLATE_MAX;
		one = get_some(slot, remote, facts, to + i, some);
		if (one != CKR_OK && !is_of_attribute(one))
			return one;
		rv = rv == CKR_OK ? one : rv;
	}
	return rv;
}

CK_RV p11_GetAttributeValue(
	CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulCount)
{
	P11_SESSION(s, hSession);
	struct p11_facts facts;
	uint64_t remote;
	CK_RV rv;

	P11_TRY(p11_object_of(s->slot, hObject, &remote));
	if (!pTemplate || ulCount == 0 || ulCount > ATTRIBUTES_MAX)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_object_facts(s->slot, hObject, &remote, &facts));
	rv = get_all(s->slot, remote, &facts, pTemplate, ulCount);
	if (rv == CKR_OBJECT_HANDLE_INVALID)
		p11_object_forget(s->slot, hObject);
	return rv;
}

/* Any session may change what is not the token's. */
static CK_RV may_change(struct p11_session *s, uint64_t remote)
{
	if (p11_is_profile(remote))
		return CKR_ACTION_PROHIBITED;
	return p11_session_writes(s) || p11_is_session_object(remote) ? CKR_OK : CKR_SESSION_READ_ONLY;
}

/* Attributes of an object that exists change by one request: all of them, or none. */
CK_RV p11_SetAttributeValue(
	CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulCount)
{
	P11_SESSION(s, hSession);
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_attributes_set request;
	struct p11_template t;
	struct hl_done reply;
	uint64_t remote;
	CK_RV rv;

	P11_TRY(p11_object_of(s->slot, hObject, &remote));
	if (!pTemplate || ulCount == 0)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_template(pTemplate, ulCount, true, &t));
	P11_TRY(may_change(s, remote));
	request = (struct hl_attributes_set){ .handle = remote, .attributes = { .items = t.item, .count = t.n } };
	rv = p11_ask(s->slot, &hl_msg_attributes_set, &request, &hl_msg_done, &reply, &call);
	forget_facts(s->slot, hObject);
	if (rv == CKR_OBJECT_HANDLE_INVALID)
		p11_object_forget(s->slot, hObject);
	return rv == CKR_TEMPLATE_INCONSISTENT ? p11_attribute_refused(call.failure.detail, true, &t, NULL) : rv;
}

/* -- whole objects ------------------------------------------------------------------------------------------------------------------ */

CK_RV p11_DestroyObject(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject)
{
	P11_SESSION(s, hSession);
	struct hl_destroy request = { 0 };
	CK_RV rv;

	P11_TRY(p11_object_of(s->slot, hObject, &request.handle));
	P11_TRY(may_change(s, request.handle));
	rv = p11_ask_done(s->slot, &hl_msg_destroy, &request);
	if (rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID)
		p11_object_forget(s->slot, hObject);
	return rv == CKR_TEMPLATE_INCONSISTENT ? CKR_ACTION_PROHIBITED : rv; /* CKA_DESTROYABLE is false */
}

/* The HSM does not tell how much room a key takes, but whether it is still there. */
CK_RV p11_GetObjectSize(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ULONG_PTR pulSize)
{
	P11_SESSION(s, hSession);
	struct p11_facts facts;
	uint64_t remote;

	P11_TRY(p11_object_of(s->slot, hObject, &remote));
	if (!pulSize)
		return CKR_ARGUMENTS_BAD;
	forget_facts(s->slot, hObject);
	P11_TRY(p11_object_facts(s->slot, hObject, &remote, &facts));
	*pulSize = CK_UNAVAILABLE_INFORMATION;
	return CKR_OK;
}

/* As the HSM has it: keys that are no public ones, and data, are private unless they say otherwise. */
static bool private_by_default(const struct p11_template *t)
{
	switch (p11_template_number(t, CKA_CLASS, CK_UNAVAILABLE_INFORMATION)) {
	case CKO_PUBLIC_KEY:
	case CKO_CERTIFICATE:
	case CKO_DOMAIN_PARAMETERS:
		return false;
	default:
		return true;
	}
}

CK_RV p11_CreateObject(
	CK_SESSION_HANDLE hSession, CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulCount, CK_OBJECT_HANDLE_PTR phObject)
{
	P11_SESSION(s, hSession);
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_create request;
	struct hl_created made;
	struct p11_template t;

	if (!pTemplate || ulCount == 0 || !phObject)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_template(pTemplate, ulCount, true, &t));
	P11_TRY(p11_template_session(s, &t, private_by_default(&t)));
	request = (struct hl_create){ .template = { .items = t.item, .count = t.n } };
	P11_TRY(p11_ask(s->slot, &hl_msg_create, &request, &hl_msg_created, &made, &call));
	return p11_object_new(
		s, made.handle, p11_template_bool(&t, CKA_PRIVATE, private_by_default(&t)), phObject);
}

/* A copy is on the token where its original is, unless the template says otherwise. */
CK_RV p11_CopyObject(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE_PTR pTemplate,
	CK_ULONG ulCount, CK_OBJECT_HANDLE_PTR phNewObject)
{
	P11_SESSION(s, hSession);
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_copy request = { 0 };
	struct p11_facts facts;
	struct hl_created made;
	struct p11_template t;
	bool is_private;
	CK_RV rv;

	if ((!pTemplate && ulCount > 0) || !phNewObject)
		return CKR_ARGUMENTS_BAD;
	P11_TRY(p11_template(pTemplate, ulCount, true, &t));
	P11_TRY(p11_object_facts(s->slot, hObject, &request.handle, &facts));
	if (p11_is_profile(request.handle))
		return CKR_ACTION_PROHIBITED; /* its CKA_COPYABLE is false */
	is_private = p11_template_bool(&t, CKA_PRIVATE, facts.is_private);
	if (p11_template_bool(&t, CKA_TOKEN, !p11_is_session_object(request.handle)) && !p11_session_writes(s))
		return CKR_SESSION_READ_ONLY;
	if (is_private && !p11_session_logged_in(s))
		return CKR_USER_NOT_LOGGED_IN;
	request.template = (struct hl_list){ .items = t.item, .count = t.n };
	rv = p11_ask(s->slot, &hl_msg_copy, &request, &hl_msg_created, &made, &call);
	if (rv == CKR_OBJECT_HANDLE_INVALID)
		p11_object_forget(s->slot, hObject);
	return rv == CKR_OK ? p11_object_new(s, made.handle, is_private, phNewObject) : rv;
}
