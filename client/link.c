/* link.c - one link: which address, how it opens and ends, what happens to it. */
#include "client/link_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#define IN_MAX (HL_FRAME_MAX + (64u << 10))
#define OUT_MAX (4u << 20)

/* -- life ------------------------------------------------------------------------------------------ */

static bool is_missing(const char *s, size_t max)
{
	return !s || !*s || strlen(s) > max;
}

static hl_err set_route(struct client *c)
{
	struct client_target one = { .host = c->conf.host, .port = c->conf.port };

	return c->conf.host_count ? client_route_init(&c->route, c->env, c->conf.hosts, c->conf.host_count)
				  : client_route_init(&c->route, c->env, &one, 1);
}

hl_err client_new(const struct hl_env *env, const struct client_conf_link *conf, struct client **out)
{
	struct client *c;
	hl_err err;

	if (is_missing(conf->partition, HL_NAME_TEXT) ||
		is_missing(conf->service_user, HL_NAME_TEXT) || is_missing(conf->realm, HL_NAME_TEXT) ||
		conf->service_password.n == 0 ||
		(!conf->knock && (conf->secret.n == 0 || (conf->kind == HL_CHANNEL_USER && !conf->identity))))
		return HL_E_ARG;
	c = calloc(1, sizeof *c);
	if (!c)
		return HL_E_NOMEM;
	c->env = env;
	c->conf = *conf;
	err = set_route(c);
	c->port = HL_PORT_DIALLED;
	c->io.in = hl_buf(IN_MAX);
	c->io.out = hl_buf(OUT_MAX);
	c->hello = c->request = c->answer = hl_buf(HL_FRAME_GATEWAY + 4);
	if (err == HL_OK)
		err = hl_secret_make(&c->ticket, HL_LOGIN_TICKET);
	if (err == HL_OK)
		err = hl_channel_ctx_new(&c->ctx);
	if (err != HL_OK) {
		hl_secret_clear(&c->ticket);
		free(c);
		return err;
	}
	*out = c;
	return HL_OK;
}

static void forget_connection(struct client *c)
{
	hl_channel_free(c->channel);
	c->channel = NULL;
	client_alive_forget(c);
	hl_buf_clear(&c->io.in);
	hl_buf_clear(&c->io.out);
	hl_buf_clear(&c->hello);
	hl_buf_clear(&c->request);
	hl_buf_clear(&c->answer);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	forget_connection(c);
	hl_secret_clear(&c->keys);
	hl_secret_clear(&c->ticket);
	client_kept_clear(c, true);
	hl_wishes_clear(&c->wishes);
	hl_channel_ctx_free(c->ctx);
	OPENSSL_cleanse(&c->scram, sizeof c->scram);
	free(c);
}

/* -- ends ------------------------------------------------------------------------------------------ */

static void shut(struct client *c)
{
	if (c->closing || !c->connected)
		return;
	c->closing = true;
	c->step_us = 0;
	hl_wish_close(&c->wishes, c->port, false);
}

/* The opening has failed for good. */
static void give_up_at(struct client *c, hl_err err, enum hl_step step)
{
	c->failure.err = err;
	c->failure.step = step;
	hl_trace_step(c->env, c->failure.step, HL_DID, c->id, NULL, NULL, err);
	shut(c);
	c->state = IDLE;
	c->step_us = c->open_us = 0;
	client_drop_calls(c, err);
	if (!c->calls) {
		c->reopenings = 0;
		return;
	}
	c->reopening = err;
	c->reopen_us = hl_mono_us(c->env) + client_pause_us(c, c->reopenings++);
}

static void give_up(struct client *c, hl_err err)
{
	give_up_at(c, err, client_story[c->state].step);
}

void client_let_in(struct client *c)
{
	c->let_in = true;
	c->failure.err = HL_OK; /* of an attempt before */
	shut(c);
	c->state = IDLE;
	c->step_us = c->open_us = 0;
}

/* A proxy that was reached and said why tells more than one that said nothing, and that one more than one that
 * was not reached. */
static void note(struct client *c, hl_err err)
{
	bool reached = c->state != DIALLING && err != HL_E_REFUSED;

	if (!reached || (err == HL_E_TIMEOUT && c->told != HL_OK && c->told != HL_E_TIMEOUT))
		return;
	c->told = err;
	c->told_again = c->failure.retryable;
	c->told_step = client_story[c->state].step;
}

/* Every address has been tried, as often as it is done. */
static void give_up_all(struct client *c)
{
	c->failure.retryable = c->told != HL_OK && c->told_again;
	if (c->failure.attempts == 0) {
		snprintf(c->failure.detail, sizeof c->failure.detail, "%.128s", c->route.at->host);
		give_up_at(c, c->name_err, HL_STEP_DNS);
	} else if (c->told != HL_OK) {
		give_up_at(c, c->told, c->told_step);
	} else {
		give_up_at(c, HL_E_PROXIES, HL_STEP_HELLO);
	}
}

/* This attempt has failed; another address may serve, once this connection has ended. What is final here
 * is final everywhere. */
static void attempt_failed(struct client *c, hl_err err, bool elsewhere)
{
	if (!elsewhere) {
		give_up(c, err);
		return;
	}
	note(c, err);
	hl_trace_step(c->env, client_story[c->state].step, HL_DID, c->id, NULL, NULL, err);
	c->failure.err = err;
	c->failure.step = client_story[c->state].step;
	c->again = true;
	c->state = DIALLING;
	c->step_us = 0;
	shut(c);
}

/* -- step 0: draw an address ------------------------------------------------------------------------- */

/* Late events of an old port are not ours. */
static void next_port(struct client *c)
{
	c->port = HL_PORT_DIALLED | ((c->port + 1) & ~HL_PORT_DIALLED);
}

static void dial(struct client *c, const struct hl_addr *to)
{
	int64_t now = hl_mono_us(c->env);

	hl_random(c->env, c->id, sizeof c->id);
	memcpy(c->failure.connection, c->id, sizeof c->id);
	hl_addr_text(to, c->failure.where);
	hl_trace(c->env,
		&(struct hl_trace){
			.step = HL_STEP_DNS, .way = HL_DID, .conn = c->id, .note = c->failure.where });
	c->failure.attempts++;
	c->failure.retryable = false;
	c->failure.detail[0] = 0;
	c->hsm[0] = 0;
	next_port(c);
	c->connected = true;
	client_enter(c, DIALLING);
	hl_wish_dial(&c->wishes, c->port, to, now + CLIENT_DIAL_MS * 1000);
}

static void pause_for(struct client *c, int64_t delay_us)
{
	int64_t now = hl_mono_us(c->env), asked_us = (int64_t)c->failure.retry_after_ms * 1000;

	delay_us = delay_us > asked_us ? delay_us : asked_us;
	if (now + delay_us >= c->open_us) {
		give_up_all(c); /* it would end in the pause */
		return;
	}
	client_enter(c, PAUSED);
	c->step_us = now + delay_us;
}

/* The next attempt: another address of this name, another name, another round. */
static void go_on(struct client *c)
{
	const struct hl_addr *to = client_route_address(&c->route);
	const struct client_target *name = to ? NULL : client_route_host(&c->route);
	int64_t delay_us;

	if (to) {
		dial(c, to);
	} else if (name) {
		client_enter(c, RESOLVING);
		hl_wish_resolve(&c->wishes, ++c->lookup, name->host, hl_mono_us(c->env) + CLIENT_DNS_MS * 1000);
	} else if (c->failure.attempts > 0 && client_route_round(&c->route, &delay_us)) {
		pause_for(c, delay_us);
	} else {
		give_up_all(c);
	}
}

static void resolved(struct client *c, const struct hl_event *e)
{
	if (c->state != RESOLVING || e->port != c->lookup)
		return;
	if (e->err == HL_OK && e->count > 0)
		client_route_take(&c->route, e->list, e->count);
	else
		c->name_err = e->err != HL_OK ? e->err : HL_E_NAME;
	go_on(c);
}

void client_open(struct client *c)
{
	if (c->state != IDLE)
		return;
	c->failure = (struct client_failure){ 0 };
	c->let_in = false;
	c->epoch_retries = 0;
	c->lookup++;
	c->reopen_us = 0;
	c->open_us = hl_mono_us(c->env) + (int64_t)(c->conf.open_ms ? c->conf.open_ms : CLIENT_OPEN_MS) * 1000;
	if (c->closing) { /* the old connection first */
		c->again = true;
		c->state = RESOLVING;
		return;
	}
	c->told = c->name_err = HL_OK;
	client_route_begin(&c->route);
	go_on(c);
}

/* -- step 1 ------------------------------------------------------------------------------------------ */

/* The connection is gone, or did not come about: begin the next one where that is wanted. */
static void gone(struct client *c)
{
	forget_connection(c);
	c->connected = c->closing = false;
	if (!c->again)
		return;
	c->again = false;
	if (c->state == DIALLING) {
		go_on(c);
	} else if (c->state == RESOLVING) {
		c->state = IDLE;
		client_open(c);
	}
}

static void not_opened(struct client *c, hl_err err)
{
	bool expected = c->closing;

	c->connected = false;
	if (!expected)
		attempt_failed(c, err, true);
	gone(c);
}

static void opened(struct client *c, hl_err err)
{
	if (err != HL_OK) {
		not_opened(c, err);
		return;
	}
	if (c->closing)
		return; /* its ENDED is on the way */
	client_enter(c, AWAIT_REQUEST);
	err = client_say_hello(c);
	if (err != HL_OK)
		give_up(c, err);
	else
		hl_wish_send(&c->wishes, c->port);
}

/* -- bytes ------------------------------------------------------------------------------------------------ */

/* A refusal in the clear, steps 1 to 6: unauthenticated, so it never changes a stored credential. Whether it may pass
 * is said in it, also for an error that a later version has and this one does not. */
static void refused(struct client *c, const struct hl_frame *f)
{
	struct hl_refused no;
	hl_err err = hl_msg_get(&hl_msg_refused, f, &no);

	if (err != HL_OK) {
		attempt_failed(c, err, true);
		return;
	}
	err = hl_err_of_wire(no.code);
	if (err == HL_E_BUG)
		snprintf(c->failure.detail, sizeof c->failure.detail, "refused as HL-%04u", no.code);
	c->failure.retry_after_ms = no.retry_after_ms;
	c->failure.retryable = no.retryable || hl_err_row(err)->again == HL_AGAIN;
	if (err == HL_E_EPOCH && c->epoch_retries++ < CLIENT_EPOCH_RETRIES)
		client_route_again(&c->route); /* the proxy knows the new epoch now */
	attempt_failed(c, err, c->failure.retryable && err != HL_E_LOCKED);
}

/* Which failures of an attempt may go away at another proxy or HSM. */
static bool is_elsewhere(hl_err err)
{
	return err == HL_E_CLOSED || err == HL_E_TIMEOUT || err == HL_E_BUSY || err == HL_E_BEHIND ||
		hl_err_row(err)->exit_code == 76;
}

static void gateway_bytes(struct client *c)
{
	struct hl_frame f;
	hl_err err = hl_frame_peek(hl_buf_view(&c->io.in), HL_FRAME_GATEWAY, &f);

	if (err == HL_E_SHORT)
		return;
	if (err == HL_OK && f.id != 0) /* in the gateway there is one conversation, and nothing to tell apart */
		err = HL_E_TYPE;
	if (err == HL_OK && f.type == HL_T_refused) {
		refused(c, &f);
		return;
	}
	if (err == HL_OK)
		err = client_story[c->state].read(c, &f);
	if (err != HL_OK)
		attempt_failed(c, err, is_elsewhere(err));
	else
		hl_buf_eat(&c->io.in, f.whole.n);
}

static hl_err channel_frames(struct client *c)
{
	struct hl_frame f;
	hl_err err = HL_OK;

	if (c->state == SHAKING && hl_channel_ready(c->channel))
		client_enter(c, AWAIT_PROOF);
	while (!c->closing && c->state >= AWAIT_PROOF && (err = hl_channel_next(c->channel, &f)) == HL_OK) {
		err = c->state == OPEN ? client_read_reply(c, &f) : client_story[c->state].read(c, &f);
		if (err != HL_OK)
			return err;
	}
	return err == HL_E_SHORT ? HL_OK : err;
}

void client_broken(struct client *c, hl_err err)
{
	c->failure.err = err; /* where it was dialled still holds */
	c->failure.step = HL_STEP_OPEN;
	hl_trace_step(c->env, HL_STEP_OPEN, HL_DID, c->id, NULL, NULL, err);
	shut(c);
	c->state = IDLE;
	client_lose_calls(c);
	if (c->calls)
		client_open(c);
}

static void channel_bytes(struct client *c)
{
	bool shaking = c->state == SHAKING;
	hl_err err = hl_channel_pump(c->channel, &c->io);

	if (c->io.out.n > 0)
		hl_wish_send(&c->wishes, c->port);
	/* Who cannot finish the handshake with us does not know the secret, or we do not. */
	if (err == HL_E_CHANNEL && shaking)
		err = HL_E_HSM_AUTH;
	if (err == HL_OK || err == HL_E_FULL) /* what waits for room goes on at ROOM */
		err = channel_frames(c);
	if (err == HL_OK && c->state == OPEN && hl_channel_ended(c->channel))
		err = HL_E_CLOSED;
	if (err == HL_OK && client_is_open(c))
		client_flush_calls(c); /* there may be room now for those that found none */
	if (err == HL_OK)
		return;
	if (c->state == OPEN)
		client_broken(c, err);
	else
		attempt_failed(c, err, is_elsewhere(err) || err == HL_E_USED);
}

static void on_bytes(struct client *c)
{
	enum client_state before;

	do {
		before = c->state;
		if (c->channel)
			channel_bytes(c);
		else if (client_story[c->state].read)
			gateway_bytes(c);
	} while (c->state != before && c->state != OPEN && !c->closing && c->state >= AWAIT_REQUEST);
}

static void ended(struct client *c, hl_err err)
{
	bool expected = c->closing;

	if (err == HL_OK)
		err = HL_E_CLOSED;
	c->connected = false;
	if (!expected && c->state == OPEN)
		client_broken(c, err);
	else if (!expected)
		attempt_failed(c, err, true);
	gone(c);
}

/* What should have gone on does not, or nobody answers: the link is as good as lost. */
static void silent(struct client *c)
{
	if (c->state == OPEN)
		client_broken(c, HL_E_CLOSED);
	else
		attempt_failed(c, HL_E_TIMEOUT, true);
}

/* -- time ---------------------------------------------------------------------------------------------------- */

/* What earlier attempts were told says more than that there is no time for another. */
static void out_of_time(struct client *c)
{
	if (c->told != HL_OK && c->told != HL_E_TIMEOUT)
		give_up_all(c);
	else
		give_up(c, HL_E_TIMEOUT);
}

static void time_passed(struct client *c)
{
	int64_t now = hl_mono_us(c->env);

	client_time_calls(c, now);
	client_alive_check(c, now);
	if (client_is_open(c))
		client_flush_calls(c);
	if (c->reopen_us && now >= c->reopen_us) {
		c->reopen_us = 0;
		if (c->calls)
			client_open(c);
		else
			c->reopenings = 0;
	} else if (c->open_us && now >= c->open_us && c->state != OPEN)
		out_of_time(c);
	else if (c->step_us && now >= c->step_us && c->state == PAUSED)
		go_on(c);
	else if (c->step_us && now >= c->step_us && !c->closing)
		attempt_failed(c, HL_E_TIMEOUT, true);
	else if (client_alive_is_late(c, now))
		silent(c);
}

/* A wish was lost: the shell may know of no connection where we wait for one, or of one that we have left. Whatever it
 * has is closed, and what it says of it is not ours any more. */
static void start_over(struct client *c)
{
	bool open = c->state == OPEN;

	hl_wish_close(&c->wishes, c->port, false);
	next_port(c);
	forget_connection(c);
	c->connected = c->closing = c->again = false;
	if (open)
		client_broken(c, HL_E_NOMEM);
	else if (c->state != IDLE)
		give_up(c, HL_E_NOMEM);
}

static int64_t deadline(const struct client *c)
{
	int64_t at = hl_sooner(hl_sooner(hl_sooner(c->step_us, c->open_us), c->reopen_us), client_alive_deadline(c));

	return hl_sooner(at, client_calls_deadline(c));
}

bool client_wish(struct client *c, struct hl_wish *out)
{
	if (c->wishes.n == 0 && hl_wishes_lost(&c->wishes))
		start_over(c);
	return hl_wishes_take(&c->wishes, deadline(c), out);
}

void client_event(struct client *c, const struct hl_event *e)
{
	switch (e->kind) {
	case HL_EV_RESOLVED:
		resolved(c, e);
		break;
	case HL_EV_TIME:
		time_passed(c);
		break;
	case HL_EV_OPENED:
		if (e->port == c->port)
			opened(c, e->err);
		break;
	case HL_EV_BYTES:
	case HL_EV_ROOM:
		if (e->port == c->port && !c->closing)
			on_bytes(c);
		if (e->port == c->port && e->kind == HL_EV_BYTES)
			client_alive_heard(c);
		client_learn_pace(c);
		break;
	case HL_EV_ENDED:
		if (e->port == c->port)
			ended(c, e->err);
		break;
	default:
		break;
	}
}

/* -- what the owner may ask ------------------------------------------------------------------------------------ */

bool client_is_open(const struct client *c)
{
	return c->state == OPEN && !c->closing;
}

bool client_was_let_in(const struct client *c)
{
	return c->let_in;
}

const struct client_failure *client_failed(const struct client *c)
{
	return c->state == IDLE && c->failure.err != HL_OK ? &c->failure : NULL;
}

void client_failure_connection(const struct client_failure *f, char out[CLIENT_CONNECTION_TEXT])
{
	static const uint8_t none[HL_CONNECTION_ID];

	out[0] = 0;
	if (memcmp(f->connection, none, sizeof none) != 0)
		hl_hex(hl_bytes(f->connection, sizeof f->connection), out);
}

void client_close(struct client *c)
{
	bool connected = c->connected && !c->closing;

	client_ticket_forget(c);
	client_kept_clear(c, true);
	if (connected && c->channel) {
		hl_channel_end(c->channel, &c->io);
		hl_wish_send(&c->wishes, c->port);
	}
	if (connected)
		hl_wish_close(&c->wishes, c->port, true);
	c->closing = c->connected;
	c->again = false;
	c->state = IDLE; /* names that are still being looked up lead nowhere */
	c->step_us = c->open_us = c->reopen_us = 0;
	c->reopenings = 0;
	c->failure = (struct client_failure){ 0 };
	memcpy(c->failure.connection, c->id, sizeof c->id); /* that they were sent on */
	client_fail_calls(c, HL_E_CLOSED);
}

const uint8_t *client_identity(const struct client *c)
{
	return c->identity;
}

const uint8_t *client_connection(const struct client *c)
{
	return c->id;
}

const char *client_hsm(const struct client *c)
{
	return c->hsm;
}

void client_keep_apart(struct client *c, const char hsm[][HL_NAME_TEXT + 1], size_t n)
{
	memset(c->beside, 0, sizeof c->beside);
	for (size_t i = 0; i < n && i < CLIENT_BESIDE_MAX; i++)
		memcpy(c->beside[i], hsm[i], sizeof c->beside[i]);
}

static void core_event(void *core, const struct hl_event *e)
{
	client_event(core, e);
}

static bool core_wish(void *core, struct hl_wish *out)
{
	return client_wish(core, out);
}

static struct hl_port *core_port(void *core, uint32_t port)
{
	struct client *c = core;

	return port == c->port ? &c->io : NULL;
}

const struct hl_core_ops client_core = { core_event, core_wish, core_port };
