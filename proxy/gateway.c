/* gateway.c - one client's way through the proxy, told in the order it happens.
 * `story` is the table of contents; each step stands below it in that order. */
#include "proxy/gateway.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "lib/auth/scram.h"

/* A step returns HL_OK when its work is done, an hl_err (< 0) to end the conversation, or WAIT:
 * it is called again after the next event. */
enum { WAIT = 1 };
typedef int step_fn(struct proxy_conn *c);
static step_fn read_hello, ask_service_auth, read_answer, ask_directory, await_grant, open_hsm,
	answer_client, relay;

/* clang-format off */
static const struct { enum hl_step step; step_fn *run; int limit_ms; } story[] = {
	{ HL_STEP_HELLO,   read_hello,       PROXY_CLIENT_MS }, /* 1 */
	{ HL_STEP_REQUEST, ask_service_auth, PROXY_CLIENT_MS }, /* 2 */
	{ HL_STEP_ANSWER,  read_answer,      PROXY_CLIENT_MS }, /* 3 */
	{ HL_STEP_QUERY,   ask_directory,    PROXY_QUERY_MS },  /* 4 */
	{ HL_STEP_GRANT,   await_grant,      PROXY_GRANT_MS },  /* 5 */
	{ HL_STEP_RESULT,  open_hsm,         PROXY_HSM_MS },    /* a ticket is shown to an HSM */
	{ HL_STEP_RESULT,  answer_client,    PROXY_CLIENT_MS }, /* 6 */
	{ HL_STEP_TLS,     relay,            0 },               /* 7, 8 and all that follows: the shell moves the bytes */
};
/* clang-format on */

#define GATEWAY_IN_MAX (HL_FRAME_GATEWAY + 4)
#define RELAY_OUT_MAX (256u << 10)

static uint64_t entity(const struct proxy_conn *c)
{
	return c->side[PROXY_CLIENT].port;
}

static void trace(struct proxy_conn *c, enum hl_step step, enum hl_way way,
	const struct hl_msg *m, const void *body, hl_err err)
{
	hl_trace_step(c->proxy->env, step, way, c->known ? c->id : NULL, m, body, err);
}

/* The proxy's own deadline is a lower bound of all. */
static void limit(struct proxy_conn *c, int64_t at_us)
{
	struct proxy *p = c->proxy;

	c->deadline_us = at_us;
	p->deadline_us = hl_sooner(p->deadline_us, at_us);
}

/* The frame at the front of a side's input; WAIT until it is whole. */
static int peek(struct proxy_conn *c, enum proxy_side side, struct hl_frame *f)
{
	hl_err err = hl_frame_peek(hl_buf_view(&c->side[side].io.in), HL_FRAME_GATEWAY, f);

	if (err == HL_E_SHORT)
		return WAIT;
	return err == HL_OK && f->id != 0 ? HL_E_TYPE : err; /* one conversation: nothing to tell apart */
}

static void keep(struct hl_buf *copy, struct proxy_conn *c, const struct hl_frame *f)
{
	hl_buf_reset(copy);
	hl_buf_put(copy, f->whole);
	hl_buf_eat(&c->side[PROXY_CLIENT].io.in, f->whole.n);
}

/* The first two fields of hello.proxy are frozen, so that any version can read what any other
 * speaks: u16 tag 1, u32 length 2, u16 lowest, u16 tag 2, u32 length 2, u16 highest. */
static hl_err common_version(const struct hl_frame *f)
{
	struct hl_rd r = hl_rd(f->body);
	uint16_t tag1 = hl_rd_u16(&r);
	uint32_t n1 = hl_rd_u32(&r);
	uint16_t lowest = hl_rd_u16(&r);
	uint16_t tag2 = hl_rd_u16(&r);
	uint32_t n2 = hl_rd_u32(&r);
	uint16_t highest = hl_rd_u16(&r);

	if (f->type != HL_T_hello_proxy)
		return HL_E_TYPE;
	if (r.err != HL_OK || tag1 != 1 || n1 != 2 || tag2 != 2 || n2 != 2)
		return HL_E_FIELD;
	return lowest > HL_VERSION_MAX || highest < HL_VERSION_MIN ? HL_E_VERSION : HL_OK;
}

static int read_hello(struct proxy_conn *c)
{
	struct hl_hello_proxy hello;
	struct hl_scram_first first;
	struct hl_frame f;
	int rc = peek(c, PROXY_CLIENT, &f);

	if (rc != HL_OK)
		return rc;
	HL_TRY(common_version(&f));
	HL_TRY(hl_msg_get(&hl_msg_hello_proxy, &f, &hello));
	memcpy(c->id, hello.connection.p, sizeof c->id);
	c->known = true;
	HL_TRY(hl_fault_err(c->proxy->env, HL_AT_PROXY_HELLO, entity(c)));
	HL_TRY(hl_scram_first_parse(hello.scram, &first));
	trace(c, HL_STEP_HELLO, HL_GOT, &hl_msg_hello_proxy, &hello, HL_OK);
	keep(&c->hello, c, &f);
	return c->hello.err;
}

/* The nonce begins with the epoch that the directory hands out, so a proof made for an earlier
 * life of the directory is recognised, and ends in our own randomness. */
static void make_nonce(struct proxy_conn *c, char out[64])
{
	uint8_t fresh[18];
	int n = EVP_EncodeBlock((uint8_t *)out, c->proxy->epoch, HL_NONCE_EPOCH);

	hl_random(c->proxy->env, fresh, sizeof fresh);
	EVP_EncodeBlock((uint8_t *)out + n, fresh, sizeof fresh);
}

static int ask_service_auth(struct proxy_conn *c)
{
	struct proxy *p = c->proxy;
	struct hl_auth_request request = { .version = HL_VERSION_MAX };
	struct hl_buf scram = hl_buf(HL_SCRAM_MAX);
	struct hl_hello_proxy hello;
	struct hl_scram_first first;
	struct hl_frame f;
	uint8_t salt[HL_SCRAM_SALT];
	char nonce[64];
	hl_err err;

	if (!p->informed)
		return HL_E_DIRECTORY;
	HL_TRY(hl_frame_peek(hl_buf_view(&c->hello), HL_FRAME_GATEWAY, &f));
	HL_TRY(hl_msg_get(&hl_msg_hello_proxy, &f, &hello));
	HL_TRY(hl_scram_first_parse(hello.scram, &first));
	HL_TRY(hl_scram_salt(hl_text(p->realm), hl_text(first.user), salt));
	make_nonce(c, nonce);
	err = hl_scram_server_first(
		&first, hl_text(nonce), hl_bytes(salt, sizeof salt), p->iterations, &scram);
	if (err == HL_OK) {
		request.scram = hl_buf_view(&scram);
		hl_buf_reset(&c->request);
		hl_msg_put(&c->request, &hl_msg_auth_request, 0, &request);
		hl_buf_put(&c->side[PROXY_CLIENT].io.out, hl_buf_view(&c->request));
		hl_wish_send(&p->wishes, c->side[PROXY_CLIENT].port);
		trace(c, HL_STEP_REQUEST, HL_SENT, &hl_msg_auth_request, &request, HL_OK);
		err = c->request.err;
	}
	hl_buf_clear(&scram);
	return err;
}

static int read_answer(struct proxy_conn *c)
{
	struct hl_auth_answer answer;
	struct hl_frame f;
	int rc = peek(c, PROXY_CLIENT, &f);

	if (rc != HL_OK)
		return rc;
	HL_TRY(hl_msg_get(&hl_msg_auth_answer, &f, &answer));
	HL_TRY(hl_fault_err(c->proxy->env, HL_AT_PROXY_ANSWER, entity(c)));
	trace(c, HL_STEP_ANSWER, HL_GOT, &hl_msg_auth_answer, &answer, HL_OK);
	keep(&c->answer, c, &f);
	return c->answer.err;
}

static int ask_directory(struct proxy_conn *c)
{
	struct proxy *p = c->proxy;
	char peer[HL_ADDR_TEXT];
	struct hl_dir_query query = {
		.hello = hl_buf_view(&c->hello),
		.request = hl_buf_view(&c->request),
		.answer = hl_buf_view(&c->answer),
		.proxy = hl_text(p->conf.name),
	};

	hl_addr_text(&c->peer, peer);
	query.peer = hl_text(peer);
	do
		p->next_query++;
	while (p->next_query == 0 || hl_map_get(&p->queries, p->next_query));
	HL_TRY(hl_link_send(&p->directory, &hl_msg_dir_query, p->next_query, &query));
	HL_TRY(hl_map_put(&p->queries, p->next_query, c));
	c->query = p->next_query;
	trace(c, HL_STEP_QUERY, HL_SENT, &hl_msg_dir_query, &query, HL_OK);
	return HL_OK;
}

static int await_grant(struct proxy_conn *c)
{
	if (!c->answered)
		return WAIT;
	HL_TRY(c->refusal);
	return hl_fault_err(c->proxy->env, HL_AT_PROXY_GRANT, entity(c));
}

/* -- an HSM is reached before the client is told so ------------------------------------------- */

static hl_err dial_next(struct proxy_conn *c)
{
	struct proxy *p = c->proxy;
	struct proxy_ticket *t = &c->ticket[c->next_ticket];
	uint32_t port = HL_PORT_DIALLED | p->next_port++;

	if (p->next_port >= HL_PORT_DIALLED)
		p->next_port = 2;
	HL_TRY(hl_map_put(&p->ports, port, c));
	if (c->next_ticket == 0)
		c->hsms_us = c->deadline_us;
	limit(c, c->hsms_us);
	c->side[PROXY_HSM].port = port;
	c->side[PROXY_HSM].dialling = true;
	hl_wish_dial(&p->wishes, port, &t->address, hl_mono_us(p->env) + PROXY_HSM_DIAL_MS * 1000);
	return HL_OK;
}

/* An HSM that stands still has its connections accepted by its kernel. While there is another, it does not get
 * the time of all. */
static void show_ticket(struct proxy_conn *c)
{
	struct hl_hsm_open open = { .ticket = hl_buf_view(&c->ticket[c->next_ticket].ticket) };
	int64_t share_us = hl_mono_us(c->proxy->env) + PROXY_HSM_ANSWER_MS * 1000;

	if (c->next_ticket + 1 < c->tickets && share_us < c->hsms_us)
		limit(c, share_us);
	hl_msg_put(&c->side[PROXY_HSM].io.out, &hl_msg_hsm_open, 0, &open);
	hl_wish_send(&c->proxy->wishes, c->side[PROXY_HSM].port);
}

/* This HSM will not do. No byte of the client has gone to it, so the next one may be tried. */
static void next_hsm(struct proxy_conn *c, hl_err why)
{
	c->hsm_err = why;
	c->again = false;
	c->retry_after_ms = 0;
	c->next_ticket++;
	if (c->side[PROXY_HSM].open && !c->side[PROXY_HSM].closing) {
		c->side[PROXY_HSM].closing = true;
		hl_wish_close(&c->proxy->wishes, c->side[PROXY_HSM].port, false);
	}
}

static int read_opened(struct proxy_conn *c)
{
	struct hl_refused refused;
	struct hl_frame f;
	int rc = peek(c, PROXY_HSM, &f);

	if (rc == WAIT)
		return WAIT;
	if (rc == HL_OK && f.type == HL_T_hsm_opened) {
		struct hl_hsm_opened opened;

		HL_TRY(hl_msg_get(&hl_msg_hsm_opened, &f, &opened));
		hl_buf_eat(&c->side[PROXY_HSM].io.in, f.whole.n);
		return HL_OK;
	}
	if (rc != HL_OK || hl_msg_get(&hl_msg_refused, &f, &refused) != HL_OK) {
		next_hsm(c, HL_E_TYPE);
		return WAIT;
	}
	next_hsm(c, hl_err_of_wire(refused.code));
	c->again = refused.retryable;
	c->retry_after_ms = refused.retry_after_ms;
	return WAIT;
}

static int open_hsm(struct proxy_conn *c)
{
	if (c->side[PROXY_HSM].dialling || c->side[PROXY_HSM].closing)
		return WAIT;
	if (c->side[PROXY_HSM].open)
		return read_opened(c);
	if (c->next_ticket >= c->tickets) {
		/* A member that was reached and said no tells more than one that was not. */
		bool unreached = c->hsm_err == HL_OK || c->hsm_err == HL_E_REFUSED ||
			c->hsm_err == HL_E_TIMEOUT || c->hsm_err == HL_E_CLOSED;

		return unreached ? HL_E_HSMS : c->hsm_err;
	}
	HL_TRY(dial_next(c));
	return WAIT;
}

static int answer_client(struct proxy_conn *c)
{
	struct hl_auth_result result = {
		.scram = hl_buf_view(&c->server_final),
		.hsm = hl_text(c->ticket[c->next_ticket].hsm),
	};

	hl_msg_put(&c->side[PROXY_CLIENT].io.out, &hl_msg_auth_result, 0, &result);
	hl_wish_send(&c->proxy->wishes, c->side[PROXY_CLIENT].port);
	trace(c, HL_STEP_RESULT, HL_SENT, &hl_msg_auth_result, &result, HL_OK);
	return c->side[PROXY_CLIENT].io.out.err;
}

/* What the conversation was about has done its work; a tunnel may live for days. */
static void forget(struct proxy_conn *c)
{
	hl_buf_clear(&c->hello);
	hl_buf_clear(&c->request);
	hl_buf_clear(&c->answer);
	hl_buf_clear(&c->server_final);
	for (; c->tickets > 0; c->tickets--)
		hl_buf_clear(&c->ticket[c->tickets - 1].ticket);
}

static int relay(struct proxy_conn *c)
{
	HL_TRY(hl_fault_err(c->proxy->env, HL_AT_PROXY_RELAY, entity(c)));
	forget(c);
	hl_wish_relay(&c->proxy->wishes, c->side[PROXY_CLIENT].port, c->side[PROXY_HSM].port);
	trace(c, HL_STEP_TLS, HL_DID, NULL, NULL, HL_OK);
	return HL_OK;
}

/* -- the walk ---------------------------------------------------------------------------------- */

static bool in_relay(const struct proxy_conn *c)
{
	return c->step >= HL_COUNT(story);
}

static void set_deadline(struct proxy_conn *c)
{
	int limit_ms = in_relay(c) ? 0 : story[c->step].limit_ms;

	limit(c, limit_ms ? hl_mono_us(c->proxy->env) + limit_ms * 1000 : 0);
}

/* End the conversation in one place: tell the client why where it still listens to frames. */
static void end(struct proxy_conn *c, hl_err err)
{
	enum hl_step step = in_relay(c) ? HL_STEP_OPEN : story[c->step].step;
	bool tell = err != HL_E_CLOSED && !in_relay(c);

	if (c->ending)
		return;
	c->ending = true;
	trace(c, step, HL_DID, NULL, NULL, err);
	if (c->query)
		hl_map_take(&c->proxy->queries, c->query);
	c->query = 0;
	if (tell && c->side[PROXY_CLIENT].open) {
		struct hl_refused refused = {
			.code = (uint16_t)-err,
			.step = (uint8_t)step,
			.retryable = c->again || hl_err_row(err)->again == HL_AGAIN,
			.retry_after_ms = c->retry_after_ms,
		};

		hl_msg_put(&c->side[PROXY_CLIENT].io.out, &hl_msg_refused, 0, &refused);
	}
	for (unsigned s = 0; s < PROXY_SIDES; s++)
		if (c->side[s].open || c->side[s].dialling)
			hl_wish_close(&c->proxy->wishes, c->side[s].port, s == PROXY_CLIENT && tell);
	c->deadline_us = 0; /* a refusal that the client does not read has the shell's time to drain, then both sides have ended */
}

/* The only place where a conversation moves on, waits or ends. */
static void run(struct proxy_conn *c)
{
	int rc = HL_OK;

	while (!c->ending && !in_relay(c) && (rc = story[c->step].run(c)) == HL_OK) {
		c->step++;
		set_deadline(c);
	}
	if (rc < 0)
		end(c, (hl_err)rc);
}

static void free_if_over(struct proxy_conn *c)
{
	for (unsigned s = 0; s < PROXY_SIDES; s++)
		if (c->side[s].open || c->side[s].dialling)
			return;
	if (c->ending)
		proxy_conn_free(c);
}

hl_err proxy_conn_start(struct proxy *p, uint32_t port, const struct hl_addr *peer)
{
	struct proxy_conn *c = calloc(1, sizeof *c);
	hl_err err = c ? hl_map_put(&p->ports, port, c) : HL_E_NOMEM;

	if (err != HL_OK) {
		free(c);
		return err;
	}
	c->proxy = p;
	c->peer = *peer;
	c->side[PROXY_CLIENT].port = port;
	c->side[PROXY_CLIENT].open = true;
	c->side[PROXY_CLIENT].io.in = hl_buf(GATEWAY_IN_MAX);
	c->side[PROXY_CLIENT].io.out = hl_buf(RELAY_OUT_MAX);
	c->side[PROXY_HSM].io.in = hl_buf(GATEWAY_IN_MAX);
	c->side[PROXY_HSM].io.out = hl_buf(RELAY_OUT_MAX);
	c->hello = c->request = c->answer = hl_buf(HL_FRAME_GATEWAY + 4);
	c->server_final = hl_buf(HL_SCRAM_MAX);
	p->clients++;
	set_deadline(c);
	if (p->clients > p->conf.clients_max)
		end(c, HL_E_BUSY);
	return HL_OK;
}

void proxy_conn_free(struct proxy_conn *c)
{
	struct proxy *p = c->proxy;

	if (c->query)
		hl_map_take(&p->queries, c->query);
	for (unsigned s = 0; s < PROXY_SIDES; s++) {
		if (c->side[s].port)
			hl_map_take(&p->ports, c->side[s].port);
		hl_buf_clear(&c->side[s].io.in);
		hl_buf_clear(&c->side[s].io.out);
	}
	forget(c);
	p->clients--;
	free(c);
}

/* -- events ------------------------------------------------------------------------------------ */

static void hsm_opened(struct proxy_conn *c, hl_err err)
{
	c->side[PROXY_HSM].dialling = false;
	if (err != HL_OK) {
		hl_map_take(&c->proxy->ports, c->side[PROXY_HSM].port);
		c->side[PROXY_HSM].port = 0;
		next_hsm(c, err);
		return;
	}
	c->side[PROXY_HSM].open = true;
	if (c->ending)
		hl_wish_close(&c->proxy->wishes, c->side[PROXY_HSM].port, false);
	else
		show_ticket(c);
}

static void hsm_ended(struct proxy_conn *c)
{
	bool expected = c->side[PROXY_HSM].closing;

	hl_map_take(&c->proxy->ports, c->side[PROXY_HSM].port);
	hl_buf_clear(&c->side[PROXY_HSM].io.in);
	hl_buf_clear(&c->side[PROXY_HSM].io.out);
	c->side[PROXY_HSM].port = 0;
	c->side[PROXY_HSM].closing = false;
	if (c->ending || expected)
		return;
	if (story[c->step].run == open_hsm)
		next_hsm(c, HL_E_CLOSED);
	else
		end(c, HL_E_HSMS);
}

static void side_ended(struct proxy_conn *c, enum proxy_side side, hl_err err)
{
	c->side[side].open = c->side[side].dialling = false;
	if (in_relay(c)) {
		/* A relay ends by itself: the shell has moved what was left and ends both sides. */
		if (!c->side[PROXY_CLIENT].open && !c->side[PROXY_HSM].open && !c->ending) {
			c->ending = true;
			trace(c, HL_STEP_OPEN, HL_DID, NULL, NULL, HL_OK);
		}
	} else if (side == PROXY_HSM) {
		hsm_ended(c);
	} else {
		end(c, err == HL_OK ? HL_E_CLOSED : err);
	}
}

void proxy_conn_event(struct proxy_conn *c, const struct hl_event *e)
{
	enum proxy_side side = e->port == c->side[PROXY_HSM].port ? PROXY_HSM : PROXY_CLIENT;

	switch (e->kind) {
	case HL_EV_OPENED:
		hsm_opened(c, e->err);
		break;
	case HL_EV_ENDED:
		side_ended(c, side, e->err);
		break;
	default:
		break;
	}
	run(c);
	free_if_over(c);
}

static hl_err keep_tickets(struct proxy_conn *c, const struct hl_dir_grant *grant)
{
	struct hl_bytes at = grant->tickets.raw;
	struct hl_grant_ticket t;
	char text[HL_ADDR_TEXT];

	while (c->tickets < PROXY_TICKETS && hl_list_next(&hl_msg_grant_ticket, &at, &t)) {
		struct proxy_ticket *to = &c->ticket[c->tickets];

		HL_TRY(hl_bytes_str(t.hsm, to->hsm, sizeof to->hsm));
		HL_TRY(hl_bytes_str(t.address, text, sizeof text));
		HL_TRY(hl_addr_parse(text, &to->address));
		to->ticket = hl_buf(1024);
		hl_buf_put(&to->ticket, t.ticket);
		c->tickets++;
		if (to->ticket.err != HL_OK)
			return to->ticket.err;
	}
	return HL_OK;
}

static void granted(struct proxy_conn *c, const struct hl_frame *f)
{
	struct hl_dir_grant grant;

	c->refusal = hl_msg_get(&hl_msg_dir_grant, f, &grant);
	if (c->refusal != HL_OK)
		return;
	trace(c, HL_STEP_GRANT, HL_GOT, &hl_msg_dir_grant, &grant, HL_OK);
	hl_buf_put(&c->server_final, grant.scram);
	c->refusal = c->server_final.err == HL_OK ? keep_tickets(c, &grant) : c->server_final.err;
}

static void refused(struct proxy_conn *c, const struct hl_frame *f)
{
	struct hl_dir_refused no;

	c->refusal = hl_msg_get(&hl_msg_dir_refused, f, &no);
	if (c->refusal != HL_OK)
		return;
	c->refusal = hl_err_of_wire(no.code);
	c->retry_after_ms = no.retry_after_ms;
	if (no.epoch.n == HL_NONCE_EPOCH) /* a directory that was restarted says which epoch is in force */
		memcpy(c->proxy->epoch, no.epoch.p, HL_NONCE_EPOCH);
	trace(c, HL_STEP_GRANT, HL_GOT, &hl_msg_dir_refused, &no, c->refusal);
}

void proxy_conn_answered(struct proxy_conn *c, const struct hl_frame *f)
{
	c->query = 0; /* the caller took it out of the map */
	c->answered = true;
	if (f->type == HL_T_dir_grant)
		granted(c, f);
	else
		refused(c, f);
	run(c);
	free_if_over(c);
}

void proxy_conn_abandoned(struct proxy_conn *c)
{
	c->query = 0;
	end(c, HL_E_DIRECTORY);
	free_if_over(c);
}

/* Whose fault it is that a step took too long depends on whom the proxy was waiting for. */
void proxy_conn_time(struct proxy_conn *c, int64_t now_us)
{
	bool at_hsm = story[c->step].run == open_hsm;

	if (!hl_passed(c->deadline_us, now_us))
		return;
	if (at_hsm && now_us < c->hsms_us) { /* only this one's share is over */
		limit(c, c->hsms_us);
		next_hsm(c, HL_E_TIMEOUT);
		return;
	}
	if (story[c->step].step == HL_STEP_GRANT)
		end(c, HL_E_DIRECTORY);
	else
		end(c, at_hsm ? HL_E_HSMS : HL_E_TIMEOUT);
	free_if_over(c);
}
