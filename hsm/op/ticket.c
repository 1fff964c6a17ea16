/* ticket.c - a login that outlives its link: sealed for the client, which shows it on the next one. */
#include "hsm/rooms.h"

struct hsm_login hsm_login_of(const struct hsm_partition *p, enum hsm_role role)
{
	const struct hl_partition_row *row = &p->row;
	struct hsm_login l = {
		.role = role,
		.pin_generation = hsm_pin_of(p, role).generation,
		.secret_generation = row->secret_generation,
		.lab = hsm_partition_is_lab(p),
		.blob_epoch = row->blob_epoch,
		.epoch = UINT64_MAX, /* none yet */
	};

	if (row->serial.n < sizeof l.serial)
		memcpy(l.serial, row->serial.p, row->serial.n);
	return l;
}

static void log_in(struct hsm_conn *c, const struct hsm_login *login)
{
	c->login = *login;
	c->logged_in = login->role == HSM_ROLE_USER;
	c->officer = login->role == HSM_ROLE_OFFICER;
}

void hsm_login_end(struct hsm_conn *c)
{
	c->logged_in = c->officer = false;
	c->logins_ended++;
	memset(c->single, 0, sizeof c->single);
	hsm_streams_end(c, 0); /* the next login may be somebody else's */
}

bool hsm_login_is(const struct hsm_conn *c)
{
	return c->logged_in || c->officer;
}

void hsm_login_judge(struct hsm_conn *c, const struct hsm_partition *p)
{
	if (hsm_login_is(c) && c->login.lab && c->login.blob_epoch != p->row.blob_epoch)
		hsm_login_end(c);
}

/* The page is looked at before the partition is: what is read there is of that epoch, or a later one. */
hl_err hsm_login_check(struct hsm_conn *c)
{
	struct hsm_partition p;
	struct hsm_mark now;

	if (!hsm_login_is(c) || !c->login.lab)
		return HL_OK;
	hsm_epoch_mark(c->hsm, &now);
	if (now.epoch == c->login.epoch)
		return HL_OK;
	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	hsm_login_judge(c, &p);
	hsm_partition_clear(&p);
	c->login.epoch = now.epoch;
	return HL_OK;
}

/* -- given ------------------------------------------------------------------------------------------- */

static hl_err make(struct hsm_conn *c, int64_t until_ms, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf plain = hl_buf(HL_LOGIN_TICKET);
	const struct hl_login_state state = {
		.serial = hl_text(c->login.serial),
		.pin_generation = c->login.pin_generation,
		.secret_generation = c->login.secret_generation,
		.expires_ms = (uint64_t)until_ms,
		.role = (uint8_t)c->login.role,
	};

	hl_body_put(&plain, &hl_msg_login_state, &state);
	HL_TRY(plain.err);
	return hsm_seal_kept(c->hsm->conf.seal, HSM_KEPT_LOGIN, c->partition_id, hl_buf_view(&plain), out);
}

/* Without a ticket, where none can be made: the login then ends with this link. */
static void give(struct hsm_conn *c, uint32_t id)
{
	HL_AUTO(hl_buf_clear) struct hl_buf ticket = hl_buf(HL_LOGIN_TICKET);
	int64_t until_ms = hl_wall_ms(c->hsm->env) + HSM_LOGIN_LIFE_MS;
	struct hl_logged_in answer = { 0 };

	if (make(c, until_ms, &ticket) == HL_OK) {
		answer.ticket = hl_buf_view(&ticket);
		c->login.until_ms = until_ms;
	}
	hsm_reply(c, &hl_msg_logged_in, id, &answer);
}

void hsm_login_answer(struct hsm_conn *c, uint32_t id, const struct hsm_login *login)
{
	log_in(c, login);
	give(c, id);
}

void hsm_login_single(struct hsm_conn *c, uint32_t id, uint64_t key)
{
	struct hl_logged_in answer = { 0 };

	hsm_key_allow(c, key);
	hsm_reply(c, &hl_msg_logged_in, id, &answer);
}

static bool is_past_half(const struct hsm_conn *c)
{
	return c->login.until_ms - hl_wall_ms(c->hsm->env) < HSM_LOGIN_LIFE_MS / 2;
}

/* The new one is of the same login, and as void as the old one where PIN or secret were changed since: the link
 * outlives that, and nothing that comes after it does. */
void hsm_login_renew(struct hsm_conn *c)
{
	if (hsm_login_is(c) && is_past_half(c))
		give(c, 0);
}

/* -- shown ------------------------------------------------------------------------------------------- */

static bool is_of(const struct hl_login_state *state, const struct hsm_partition *p)
{
	struct hsm_pin pin = hsm_pin_of(p, state->role);

	return pin.hash.n > 0 && hl_bytes_eq(state->serial, p->row.serial) &&
		state->pin_generation == pin.generation && state->secret_generation == p->row.secret_generation;
}

/* The PIN was checked when the ticket was made, so a lock that was reached since does not matter: else anybody who may
 * connect could end everybody's login. */
static hl_err check(struct hsm_conn *c, struct hl_bytes ticket, const struct hsm_partition *p, const char **detail)
{
	HL_AUTO(hl_secret_clear) struct hl_secret plain = { 0 };
	struct hl_login_state state;
	struct hsm_login login;
	hl_err err = hsm_unseal_kept(c->hsm->conf.seal, HSM_KEPT_LOGIN, c->partition_id, ticket, &plain);

	if (err == HL_OK)
		err = hl_body_get(&hl_msg_login_state, hl_secret_view(&plain), &state);
	if (err == HL_E_NOMEM || err == HL_E_CRYPTO)
		return err;
	*detail = err != HL_OK	   ? "no login ticket of this partition"
		: !is_of(&state, p) ? "the PIN or the secret was changed after the login"
		: (uint64_t)hl_wall_ms(c->hsm->env) >= state.expires_ms ? "the login ticket has expired" : NULL;
	if (*detail)
		return HL_E_LOGIN;
	login = hsm_login_of(p, state.role);
	login.until_ms = (int64_t)state.expires_ms;
	log_in(c, &login);
	return HL_OK;
}

hl_err hsm_op_login_ticket(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_login_ticket *request = body;
	struct hl_logged_in same = { 0 };
	struct hsm_partition p;
	hl_err err;

	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	err = check(c, request->ticket, &p, detail);
	hsm_partition_clear(&p);
	if (err != HL_OK)
		return err;
	hsm_log_did(c, "Logged in with login ticket");
	if (is_past_half(c))
		give(c, f->id);
	else
		hsm_reply(c, &hl_msg_logged_in, f->id, &same);
	return HL_OK;
}
