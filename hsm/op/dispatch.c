/* dispatch.c - the table of operations: which message is handled where, and who may send it. */
#include "hsm/rooms.h"

/* On a setup channel only fetching the secret is allowed (and asking whether the link is alive). */
static const struct {
	const struct hl_msg *msg;
	hsm_handler *handle;
	bool on_setup;
} operations[] = {
	{ &hl_msg_ping, hsm_op_ping, true },
	{ &hl_msg_secret_fetch, hsm_op_secret_fetch, true },
	{ &hl_msg_login, hsm_op_login, false },
	{ &hl_msg_login_ticket, hsm_op_login_ticket, false },
	{ &hl_msg_logout, hsm_op_logout, false },
	{ &hl_msg_pin_set, hsm_op_pin_set, false },
	{ &hl_msg_pin_init, hsm_op_pin_init, false },
	{ &hl_msg_token_init, hsm_op_token_init, false },
	{ &hl_msg_info, hsm_op_info, false },
	{ &hl_msg_log_fetch, hsm_op_log_fetch, false },
	{ &hl_msg_random, hsm_op_random, false },
	{ &hl_msg_mechanisms, hsm_op_mechanisms, false },
	{ &hl_msg_generate, hsm_op_generate, false },
	{ &hl_msg_find, hsm_op_find, false },
	{ &hl_msg_attributes_get, hsm_op_attributes_get, false },
	{ &hl_msg_attributes_set, hsm_op_attributes_set, false },
	{ &hl_msg_destroy, hsm_op_destroy, false },
	{ &hl_msg_object_load, hsm_op_object_load, false },
	{ &hl_msg_sign, hsm_op_sign, false },
	{ &hl_msg_verify, hsm_op_verify, false },
	{ &hl_msg_encrypt, hsm_op_encrypt, false },
	{ &hl_msg_decrypt, hsm_op_decrypt, false },
	{ &hl_msg_create, hsm_op_create, false },
	{ &hl_msg_copy, hsm_op_copy, false },
	{ &hl_msg_wrap, hsm_op_wrap, false },
	{ &hl_msg_unwrap, hsm_op_unwrap, false },
	{ &hl_msg_derive, hsm_op_derive, false },
	{ &hl_msg_stream_begin, hsm_op_stream_begin, false },
	{ &hl_msg_stream_update, hsm_op_stream_update, false },
	{ &hl_msg_stream_final, hsm_op_stream_final, false },
};

#define BODY_WORDS 64 /* of 8 bytes: room for any request's struct */

static bool is_behind(struct hsm *h, const struct hl_ping *seen)
{
	struct hsm_mark at;

	hsm_epoch_mark(h, &at);
	return seen->seen_term > at.term || (seen->seen_term == at.term && seen->seen_generation > at.generation);
}

/* A client that has seen more of the cluster than we hold asks another member. What we hold is what the store says, as
 * far as it is guarded; it is asked only where the page does not say enough. */
static hl_err check_seen(struct hsm *h, const void *body)
{
	struct hl_ping seen; /* every request begins with HL_SEEN */

	memcpy(&seen, body, sizeof seen);
	if (!is_behind(h, &seen))
		return HL_OK;
	HL_TRY(hsm_epoch_settle(h));
	return is_behind(h, &seen) ? HL_E_BEHIND : HL_OK;
}

static hl_err handle(struct hsm_conn *c, const struct hl_frame *f, const char **detail)
{
	uint64_t body[BODY_WORDS];
	size_t i = 0;

	while (i < HL_COUNT(operations) && operations[i].msg->type != f->type)
		i++;
	if (i == HL_COUNT(operations))
		return HL_E_TYPE;
	if (operations[i].msg->size > sizeof body)
		return HL_E_BUG;
	HL_TRY(hl_msg_get(operations[i].msg, f, body));
	if (!operations[i].on_setup && hl_channel_kind(c->channel) == HL_CHANNEL_SETUP)
		return HL_E_SETUP_ONLY;
	HL_TRY(check_seen(c->hsm, body));
	return operations[i].handle(c, f, body, detail);
}

void hsm_dispatch(struct hsm_conn *c, const struct hl_frame *f)
{
	const char *detail = NULL;
	hl_err err = hl_fault_err(c->hsm->env, HL_AT_HSM_REQUEST, c->port);

	if (err == HL_E_CLOSED) {
		hsm_conn_close(c, err, false);
		return;
	}
	if (err == HL_OK)
		err = hsm_login_check(c);
	hsm_login_renew(c);
	if (c->closing)
		return;
	if (err == HL_OK)
		err = handle(c, f, &detail);
	if (err != HL_OK && err != HL_E_DEFER) {
		hsm_log_error(c, f->type, err, detail);
		hsm_refuse(c, f->id, err, detail, 0);
	}
}
