/* generate.c - new keys, pairs and domain parameters. */
#include "hsm/attribute.h"
#include "hsm/rooms.h"

static bool wants_stored(const struct hl_list *template)
{
	struct hl_attribute token;

	return !hsm_template_find(template, HL_CKA_TOKEN, &token) || token.value.n != 1 || token.value.p[0];
}

static bool makes_domain(uint32_t mechanism)
{
	const struct hsm_mechanism *m = hsm_mechanism(mechanism);

	return !(m->flags & HSM_PAIR) && hsm_mechanism_in_bits(m);
}

/* Domain parameters alone are not so by default, and take long: nobody makes them in vain. */
static bool is_private(const struct hsm_birth *b)
{
	const struct hl_generate *r = &b->request.generate;

	return hsm_birth_private(&r->template, !makes_domain(r->mechanism)) ||
		hsm_birth_private(&r->public_template, false);
}

/* What may take seconds is not begun in vain. */
static hl_err prepare(struct hsm_birth *b)
{
	const struct hl_generate *r = &b->request.generate;
	bool pair = hsm_mechanism(r->mechanism)->flags & HSM_PAIR;

	if (wants_stored(&r->template) || (pair && wants_stored(&r->public_template)))
		HL_TRY(hsm_master_check(b->effect.task.hsm));
	b->slow = hsm_mechanism_slow(r->mechanism, NULL);
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
		.kept = hsm_birth_kept(b),
	};
}

hl_err hsm_op_generate(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_birth_kind kind = {
		.request = &hl_msg_generate, .reply = &hl_msg_generated, .private = is_private, .prepare = prepare, .make = make,
		.deed = "Generated", .tell = tell
	};
	const struct hl_generate *request = body;
	const struct hsm_mechanism *mechanism = hsm_mechanism(request->mechanism);

	(void)detail;
	if (!mechanism || !(mechanism->flags & HSM_GENERATES))
		return HL_E_MECHANISM;
	return hsm_birth_run(c, f, request->token, &kind);
}
