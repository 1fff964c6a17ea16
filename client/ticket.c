/* ticket.c - the login, taken from link to link. The PIN is not kept: what the HSM gave for it is shown on each new link
 * before anything else. */
#include "client/link_impl.h"

#include <openssl/crypto.h>

bool client_logged_in(const struct client *c)
{
	return c->ticket_n > 0;
}

static void keep(struct client *c, struct hl_bytes ticket)
{
	if (ticket.n == 0 || ticket.n > c->ticket.n)
		return;
	memcpy(c->ticket.p, ticket.p, ticket.n);
	c->ticket_n = ticket.n;
}

void client_ticket_forget(struct client *c)
{
	OPENSSL_cleanse(c->ticket.p, c->ticket.n);
	c->ticket_n = 0;
}

size_t client_login_get(const struct client *c, uint8_t out[HL_LOGIN_TICKET])
{
	memcpy(out, c->ticket.p, c->ticket_n);
	return c->ticket_n;
}

void client_login_set(struct client *c, struct hl_bytes ticket)
{
	bool same = ticket.n == c->ticket_n && CRYPTO_memcmp(ticket.p, c->ticket.p, c->ticket_n) == 0;

	if (same)
		return;
	client_ticket_forget(c);
	client_kept_clear(c, false);
	keep(c, ticket);
	if (client_is_open(c))
		client_broken(c, HL_E_CLOSED);
}

void client_abandon(struct client *c)
{
	OPENSSL_cleanse(c->ticket.p, c->ticket.n);
}

void client_ticket_take(struct client *c, const struct hl_frame *f)
{
	struct hl_logged_in in;

	if (hl_msg_get(&hl_msg_logged_in, f, &in) == HL_OK)
		keep(c, in.ticket);
}

/* What comes after a logout was submitted is of the login that it ends. */
void client_ticket_renew(struct client *c, const struct hl_frame *f)
{
	if (f->type == HL_T_logged_in && client_logged_in(c))
		client_ticket_take(c, f);
}

hl_err client_ticket_show(struct client *c)
{
	const struct hl_login_ticket show = {
		.seen_term = c->term,
		.seen_generation = c->generation,
		.ticket = hl_bytes(c->ticket.p, c->ticket_n),
	};

	client_enter(c, AWAIT_LOGIN);
	HL_TRY(hl_channel_send(c->channel, &c->io, &hl_msg_login_ticket, client_next_id(c), &show));
	hl_wish_send(&c->wishes, c->port);
	return HL_OK;
}

/* A refusal that may pass is none of the ticket's: another member may take it. */
static hl_err refused(struct client *c, const struct hl_frame *f)
{
	hl_err err = client_take_refusal(c, &c->failure, f);

	if (c->failure.retryable)
		return err;
	hl_trace_life(c->env, "login.ended", err, NULL);
	client_ticket_forget(c);
	return HL_OK;
}

/* Without the login the link serves all the same. What needs one is told so by the HSM. */
hl_err client_ticket_read(struct client *c, const struct hl_frame *f)
{
	struct hl_logged_in in;
	struct hl_done mark;

	if (f->type == HL_T_op_refused) {
		HL_TRY(refused(c, f));
	} else {
		HL_TRY(hl_msg_get(&hl_msg_logged_in, f, &in));
		memcpy(&mark, &in, sizeof mark);
		client_learn_mark(c, &mark);
		client_ticket_renew(c, f);
	}
	client_opened(c);
	return HL_OK;
}
