/* create.c - objects from their parts, and from other objects. */
#include "hsm/attribute.h"
#include "hsm/rooms.h"

static hl_err make(struct hsm_birth *b, const char **why)
{
	b->objects = 1;
	return hsm_object_create(&b->request.create.template, &b->effect.rules, &b->object[0], why);
}

/* As the table of attributes has it. */
static bool is_private(const struct hsm_birth *b)
{
	const struct hl_list *template = &b->request.create.template;
	uint64_t class = 0, none = HL_CK_UNAVAILABLE;
	const char *why;

	if (hsm_template_number(template, HL_CKA_CLASS, none, &class, &why) != HL_OK)
		return false; /* it makes nothing */
	return hsm_birth_private(
		template, class == HL_CKO_PRIVATE_KEY || class == HL_CKO_SECRET_KEY || class == HL_CKO_DATA);
}

hl_err hsm_op_create(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_birth_kind kind = {
		.request = &hl_msg_create, .reply = &hl_msg_created, .private = is_private, .make = make,
		.deed = "Created", .tell = hsm_birth_created
	};

	(void)detail;
	return hsm_birth_run(c, f, ((const struct hl_create *)body)->token, &kind);
}

/* The copy is committed only while its original stands as it was looked at: what was forbidden meanwhile would be
 * allowed in the copy for ever. */
static hl_err make_copy(struct hsm_birth *b, const char **why)
{
	HL_AUTO(hsm_object_clear) struct hsm_object from = { 0 };
	struct hsm_task *t = &b->effect.task;
	struct hsm_row row = { .table = HSM_OBJECT, .partition = t->conn->partition_id };

	b->objects = 1;
	HL_TRY(hsm_object_load(t->conn, b->request.copy.handle, &from));
	b->effect.private |= hsm_attribute_bool(&from, HL_CKA_PRIVATE);
	HL_TRY(hsm_object_copy(&from, &b->request.copy.template, &b->effect.rules, &b->object[0], why));
	if (from.handle & HL_SESSION_OBJECT)
		return HL_OK; /* no other client can change that */
	row.id = from.handle;
	row.version = from.version;
	return hsm_change_expect(&t->change, &row);
}

hl_err hsm_op_copy(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_birth_kind kind = {
		.request = &hl_msg_copy, .reply = &hl_msg_created, .make = make_copy, .deed = "Copied", .tell = hsm_birth_created, .late = true
	};

	(void)detail;
	return hsm_birth_run(c, f, ((const struct hl_copy *)body)->token, &kind);
}
