/* profile.c - the objects of class CKO_PROFILE, by which an application learns what it may rely on (PKCS #11 v3.0, 4.13).
 * They are about this library, so it answers for them itself; no token has them. */
#include "client/pkcs11/module.h"

#define PROFILES 2 /* CKP_BASELINE_PROVIDER and CKP_EXTENDED_PROVIDER, whose numbers, below HL_HANDLE_MIN, are their handles */
#define NAME_N 16

bool p11_is_profile(uint64_t remote)
{
	return remote >= CKP_BASELINE_PROVIDER && remote < CKP_BASELINE_PROVIDER + PROFILES;
}

uint64_t p11_profile_next(uint64_t after)
{
	return after < PROFILES ? after + 1 : 0;
}

/* -- attributes ------------------------------------------------------------------------------------------------------------ */

static const struct {
	uint32_t type;
	bool value;
} booleans[] = {
	{ CKA_TOKEN, true }, { CKA_PRIVATE, false }, { CKA_MODIFIABLE, false }, { CKA_COPYABLE, false },
	{ CKA_DESTROYABLE, false },
};

/* Behind the values of one object. */
struct memory {
	uint8_t number[2][8];
	char name[NAME_N + 1];
};

static void put_number(struct hl_attribute *a, uint8_t at[8], uint64_t value)
{
	for (size_t i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> 8 * (7 - i));
	a->form = HL_FORM_NUMBER;
	a->value = hl_bytes(at, 8);
}

/* The name is one that no object of an HSM has: theirs are their handles, which are random. */
static void put_name(struct hl_attribute *a, char name[NAME_N + 1], uint64_t profile)
{
	uint8_t be[8] = { [7] = (uint8_t)profile };

	hl_hex(hl_bytes(be, sizeof be), name);
	a->form = HL_FORM_BYTES;
	a->value = hl_text(name);
}

static struct hl_attribute attribute(uint64_t profile, uint32_t type, struct memory *m)
{
	static const uint8_t flags[] = { 0, 1 };
	struct hl_attribute a = { .type = type, .form = HL_FORM_UNAVAILABLE };

	for (size_t i = 0; i < HL_COUNT(booleans); i++)
		if (booleans[i].type == type) {
			a.form = HL_FORM_BOOL;
			a.value = hl_bytes(&flags[booleans[i].value], 1);
		}
	if (type == CKA_CLASS)
		put_number(&a, m->number[0], CKO_PROFILE);
	if (type == CKA_PROFILE_ID)
		put_number(&a, m->number[1], profile);
	if (type == CKA_UNIQUE_ID)
		put_name(&a, m->name, profile);
	if (type == CKA_LABEL)
		a.form = HL_FORM_BYTES; /* it has an empty one */
	return a;
}

CK_RV p11_profile_attributes(
	const struct hl_attributes_get *request, struct hl_attributes *answer, struct client_call *call)
{
	const struct hl_attribute_type *types = request->types.items;
	struct hl_attribute all[P11_TEMPLATE_MAX];
	struct hl_attributes reply = { .attributes.items = all };
	struct memory m;

	for (size_t i = 0; i < request->types.count && i < P11_TEMPLATE_MAX; i++)
		all[reply.attributes.count++] = attribute(request->handle, types[i].type, &m);
	call->frame = hl_buf(HL_FRAME_MAX);
	hl_body_put(&call->frame, &hl_msg_attributes, &reply);
	if (call->frame.err != HL_OK)
		return CKR_HOST_MEMORY;
	return hl_body_get(&hl_msg_attributes, hl_buf_view(&call->frame), answer) == HL_OK ? CKR_OK : CKR_GENERAL_ERROR;
}
