/* login.c - requests that rest on a PIN, or set one: login, and in the lab profile pin.set, pin.init, token.init. */
#include "hsm/proof.h"

/* -- login --------------------------------------------------------------------------------------------------- */

static hl_err read_login(struct hsm_proof *r, const struct hl_frame *f)
{
	struct hl_login request;

	HL_TRY(hl_msg_get(&hl_msg_login, f, &request));
	r->role = request.role;
	r->key = request.key;
	r->token_bytes = request.token;
	r->pin = request.pin;
	r->proves = true;
	return HL_OK;
}

/* PKCS #11 v3.0, 5.6.8: the PIN for one use of a key comes on top of the user's own login. */
static hl_err may_log_in(struct hsm_proof *r, const struct hsm_partition *p)
{
	const struct hsm_conn *c = r->turn.task.conn;

	(void)p;
	return r->key == 0 || (c->logged_in && r->role == HSM_ROLE_USER) ? HL_OK : HL_E_LOGIN;
}

static void let_in(struct hsm_proof *r, struct hsm_conn *c)
{
	if (r->key == 0)
		hsm_login_answer(c, r->turn.task.id, &r->login);
	else if (c->logged_in)
		hsm_login_single(c, r->turn.task.id, r->key);
	else
		hsm_task_refuse(&r->turn.task, HL_E_LOGIN, NULL, 0); /* out again meanwhile */
}

hl_err hsm_op_login(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_proof_kind kind = { &hl_msg_logged_in, read_login, may_log_in, NULL, let_in,
		"Logged in with", true };

	(void)body, (void)detail;
	return hsm_proof_run(c, f, &kind);
}

/* -- pin.set: the old PIN, then a new one ---------------------------------------------------------------------- */

static hl_err read_pin_set(struct hsm_proof *r, const struct hl_frame *f)
{
	struct hl_pin_set request;

	HL_TRY(hl_msg_get(&hl_msg_pin_set, f, &request));
	r->role = request.role;
	r->token_bytes = request.token;
	r->pin = request.pin;
	r->fresh = request.fresh;
	r->proves = r->sets = true;
	return HL_OK;
}

static hl_err set_pin(struct hsm_proof *r, struct hsm_partition *p)
{
	hsm_pin_replace(p, r->role, &r->hashed);
	return HL_OK;
}

/* Whoever was logged in with the old PIN here is so with the new one; tickets of all others are void. One that is sent
 * again says nothing of the PIN that is valid now: somebody may have set another since. */
static void tell_pin_set(struct hsm_proof *r, struct hsm_conn *c)
{
	struct hl_logged_in same = { 0 };

	if (!r->again && hsm_login_is(c) && c->login.role == r->role)
		let_in(r, c);
	else
		hsm_reply(c, &hl_msg_logged_in, r->turn.task.id, &same);
}

hl_err hsm_op_pin_set(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_proof_kind kind = { &hl_msg_logged_in, read_pin_set, NULL, set_pin, tell_pin_set,
		"Changed", true };

	(void)body, (void)detail;
	return hsm_proof_run(c, f, &kind);
}

/* -- pin.init: the user's PIN, by the security officer ------------------------------------------------------------- */

static hl_err read_pin_init(struct hsm_proof *r, const struct hl_frame *f)
{
	struct hl_pin_init request;

	HL_TRY(hl_msg_get(&hl_msg_pin_init, f, &request));
	r->role = HSM_ROLE_USER;
	r->token_bytes = request.token;
	r->fresh = request.fresh;
	r->sets = true;
	return HL_OK;
}

static hl_err is_officer(struct hsm_proof *r, const struct hsm_partition *p)
{
	struct hsm_conn *c = r->turn.task.conn;

	hsm_login_judge(c, p);
	return c->officer ? HL_OK : HL_E_LOGIN;
}

static void tell_done(struct hsm_proof *r, struct hsm_conn *c)
{
	struct hl_done done;

	hsm_reply(c, &hl_msg_done, r->turn.task.id, &done);
}

hl_err hsm_op_pin_init(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_proof_kind kind = { &hl_msg_done, read_pin_init, is_officer, set_pin, tell_done,
		"Set", true };

	(void)body, (void)detail;
	return hsm_proof_run(c, f, &kind);
}

/* -- token.init ------------------------------------------------------------------------------------------------------ */

static hl_err read_token_init(struct hsm_proof *r, const struct hl_frame *f)
{
	struct hl_token_init request;

	HL_TRY(hl_msg_get(&hl_msg_token_init, f, &request));
	r->role = HSM_ROLE_OFFICER;
	r->token_bytes = request.token;
	r->pin = r->fresh = request.pin;
	r->label = request.label;
	return HL_OK;
}

/* PKCS #11 v3.0, 5.5.7: "If the token has not been initialized (i.e. new from the factory), then the pPin parameter
 * becomes the initial value of the SO PIN." */
static hl_err who_initialises(struct hsm_proof *r, const struct hsm_partition *p)
{
	r->sets = p->row.blank;
	r->proves = !r->sets;
	return HL_OK;
}

static hl_err init_token(struct hsm_proof *r, struct hsm_partition *p)
{
	if (r->sets)
		hsm_pin_replace(p, HSM_ROLE_OFFICER, &r->hashed);
	return hsm_token_wipe(&r->turn.task.change, p, r->label);
}

hl_err hsm_op_token_init(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	static const struct hsm_proof_kind kind = { &hl_msg_done, read_token_init, who_initialises, init_token, tell_done,
		"Initialised token, all objects destroyed", false };

	(void)body, (void)detail;
	return hsm_proof_run(c, f, &kind);
}
