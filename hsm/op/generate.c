/* generate.c - new keys, pairs and domain parameters. */
#include "hsm/rooms.h"

static hl_err prepare(struct hsm_birth *b)
{
	b->slow = hsm_mechanism_slow(b->request.generate.mechanism, NULL);
	return HL_OK;
}

static hl_err make(struct hsm_birth *b, const char **why)
{
	const struct hl_generate *r = &b->request.generate;

	b->objects = hsm_mechanism(r->mechanism)->flags & HSM_PAIR ? 2 : 1;
	return hsm_key_generate(r->mechanism, r->parameter, &r->template, &r->public_template, &b->effect.rules,
		&b->object[0], &b->object[1], why);
}

static void tell(struct hsm_birth *b)
{
	b->effect.body.generated = (struct hl_generated){
		.handle = b->object[0].handle,
		.public_handle = b->object[1].handle,
	};
}

hl_err hsm_op_generate(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_birth_kind kind = {
		.request = &hl_msg_generate, .reply = &hl_msg_generated, .prepare = prepare, .make = make, .tell = tell
	};
	const struct hl_generate *request = body;
	const struct hsm_mechanism *mechanism = hsm_mechanism(request->mechanism);

	(void)detail;
	if (!mechanism || !(mechanism->flags & HSM_GENERATES))
		return HL_E_MECHANISM;
	return hsm_birth_run(c, f, request->token, &kind);
}
