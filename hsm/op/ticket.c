/* ticket.c - a login that outlives its link: sealed for the client, which shows it on the next one. */
#include "hsm/rooms.h"

struct hsm_login hsm_login_of(const struct hl_partition_row *row)
{
	struct hsm_login l = {
		.pin_generation = row->pin_generation,
		.secret_generation = row->secret_generation,
	};

	if (row->serial.n < sizeof l.serial)
		memcpy(l.serial, row->serial.p, row->serial.n);
	return l;
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
	c->logged_in = true;
	c->login = *login;
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
	if (c->logged_in && is_past_half(c))
		give(c, 0);
}

/* -- shown ------------------------------------------------------------------------------------------- */

static bool is_of(const struct hl_login_state *state, const struct hl_partition_row *row)
{
	return row->pin_set && hl_bytes_eq(state->serial, row->serial) &&
		state->pin_generation == row->pin_generation && state->secret_generation == row->secret_generation;
}

/* The PIN was checked when the ticket was made, so a lock that was reached since does not matter: else anybody who may
 * connect could end everybody's login. */
static hl_err check(struct hsm_conn *c, struct hl_bytes ticket, const struct hl_partition_row *row, const char **detail)
{
	HL_AUTO(hl_secret_clear) struct hl_secret plain = { 0 };
	struct hl_login_state state;
	hl_err err = hsm_unseal_kept(c->hsm->conf.seal, HSM_KEPT_LOGIN, c->partition_id, ticket, &plain);

	if (err == HL_OK)
		err = hl_body_get(&hl_msg_login_state, hl_secret_view(&plain), &state);
	if (err == HL_E_NOMEM || err == HL_E_CRYPTO)
		return err;
	*detail = err != HL_OK	   ? "no login ticket of this partition"
		: !is_of(&state, row) ? "the PIN or the secret was changed after the login"
		: (uint64_t)hl_wall_ms(c->hsm->env) >= state.expires_ms ? "the login ticket has expired" : NULL;
	if (*detail)
		return HL_E_LOGIN;
	c->logged_in = true;
	c->login = hsm_login_of(row);
	c->login.until_ms = (int64_t)state.expires_ms;
	return HL_OK;
}

hl_err hsm_op_login_ticket(struct hsm_conn *c, const struct hl_frame *f, const void *body, const char **detail)
{
	const struct hl_login_ticket *request = body;
	struct hl_logged_in same = { 0 };
	struct hsm_partition p;
	hl_err err;

	HL_TRY(hsm_partition_load(c->hsm, hl_text(c->partition), &p));
	err = check(c, request->ticket, &p.row, detail);
	hsm_partition_clear(&p);
	if (err != HL_OK)
		return err;
	if (is_past_half(c))
		give(c, f->id);
	else
		hsm_reply(c, &hl_msg_logged_in, f->id, &same);
	return HL_OK;
}
