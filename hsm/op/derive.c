/* derive.c - keys from a key. */
#include "hsm/rooms.h"

static bool is_private(const struct hsm_birth *b)
{
	return hsm_birth_private(&b->request.derive.template, true);
}

static hl_err prepare(struct hsm_birth *b)
{
	return hsm_birth_key(b, b->request.derive.key, b->request.derive.mechanism);
}

static hl_err make(struct hsm_birth *b, const char **why)
{
	const struct hl_derive *r = &b->request.derive;

	return hsm_key_derive(b->key, r->mechanism, r->parameter, &r->template, &b->effect.rules, b->object,
		&b->objects, why);
}

static void tell(struct hsm_birth *b)
{
	b->effect.body.derived = (struct hl_derived){
		.handle = b->object[0].handle,
		.more = { .items = b->more, .count = b->objects - 1 },
		.kept = hsm_birth_kept(b),
	};
	for (size_t i = 1; i < b->objects; i++)
		b->more[i - 1] = (struct hl_handle){
			.handle = b->object[i].handle,
			.private = hsm_attribute_bool(&b->object[i], HL_CKA_PRIVATE),
		};
}

hl_err hsm_op_derive(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_birth_kind kind = {
		.request = &hl_msg_derive, .reply = &hl_msg_derived, .private = is_private, .prepare = prepare, .make = make,
		.deed = "Derived", .tell = tell
	};

	(void)detail;
	return hsm_birth_run(c, f, ((const struct hl_derive *)body)->token, &kind);
}
