/* wrap.c - keys that leave and come back encrypted with another key. */
#include "hsm/rooms.h"

static hl_err wrap(struct hsm_conn *c, const struct hl_wrap *request, struct hl_buf *out, const char **detail)
{
	HL_AUTO(hsm_object_clear) struct hsm_object target = { 0 };
	struct hsm_key *key = NULL;
	struct hsm_cached *cached;
	struct hsm_rules rules;
	hl_err err;

	HL_TRY(hsm_rules_load(c, &rules));
	err = hsm_key_of(c, request->key, &cached);
	if (err == HL_E_KEY)
		*detail = HSM_WRAPPING_KEY;
	HL_TRY(err);
	/* A share: the look for the target may find that the epoch has risen, and drop what is cached. */
	HL_TRY(hsm_key_share(cached->key, &key));
	c->uses++;
	err = hsm_object_load(c, request->target, &target);
	if (err == HL_OK)
		err = hsm_key_wrap(key, request->mechanism, request->parameter, &target, &rules, out, detail);
	hsm_key_free(key);
	return err;
}

hl_err hsm_op_wrap(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	HL_AUTO(hl_buf_clear) struct hl_buf out = hl_buf(HL_WRAPPED_MAX);
	struct hl_wrapped answer = { 0 };
	hl_err err = wrap(c, body, &out, detail);

	if (err == HL_E_FULL)
		return HL_E_DATA_LENGTH; /* a key longer than any that would be wrapped */
	HL_TRY(err);
	answer.wrapped = hl_buf_view(&out);
	hsm_reply(c, &hl_msg_wrapped, f->id, &answer);
	return HL_OK;
}

static bool is_private(const struct hsm_birth *b)
{
	return hsm_birth_private(&b->request.unwrap.template, true);
}

static hl_err prepare(struct hsm_birth *b)
{
	return hsm_birth_key(b, b->request.unwrap.key, b->request.unwrap.mechanism);
}

static hl_err make(struct hsm_birth *b, const char **why)
{
	const struct hl_unwrap *r = &b->request.unwrap;

	b->objects = 1;
	return hsm_key_unwrap(b->key, r->mechanism, r->parameter, r->wrapped, &r->template, &b->effect.rules,
		&b->object[0], why);
}

hl_err hsm_op_unwrap(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_birth_kind kind = {
		.request = &hl_msg_unwrap, .reply = &hl_msg_created, .private = is_private, .prepare = prepare, .make = make,
		.deed = "Unwrapped", .tell = hsm_birth_created
	};

	(void)detail;
	return hsm_birth_run(c, f, ((const struct hl_unwrap *)body)->token, &kind);
}
