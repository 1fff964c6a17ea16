/* token.c - requests to the HSM behind a slot: their limits, what is logged of them, the end of a login. */
#include "client/pkcs11/module.h"

#include <ctype.h>
#include <stdio.h>

#include "client/os_remote.h"
#include "lib/os/clock.h"

/* -- the network ------------------------------------------------------------------------------------------------ */

static hl_err network_open(
	const char *conf, const char *secrets, const char *partition, void **out, char detail[512])
{
	struct client_remote *r = NULL;
	hl_err err = client_remote_new(
		&(struct client_remote_options){ .conf = conf, .secrets = secrets, .partition = partition }, &r, detail);

	*out = r;
	return err;
}

static hl_err network_ask(void *wire, const struct hl_msg *msg, const void *body, const struct hl_msg *expect,
	void *reply, struct client_call *call, unsigned limit_ms)
{
	return client_remote_ask(
		wire, msg, body, expect, reply, call, client_remote_deadline(wire, limit_ms));
}

static void network_connection(void *wire, uint8_t id[HL_CONNECTION_ID])
{
	struct client_sight s = client_remote_sight(wire);

	memset(id, 0, HL_CONNECTION_ID);
	if (s.open)
		memcpy(id, s.connection, HL_CONNECTION_ID);
}

static bool network_logged_in(void *wire)
{
	return client_remote_logged_in(wire);
}

static void network_forget(void *wire, uint64_t remote)
{
	client_remote_forget(wire, remote);
}

static void network_close(void *wire)
{
	client_remote_close(wire);
}

static void network_free(void *wire)
{
	client_remote_free(wire);
}

static void network_abandon(void *wire)
{
	client_remote_abandon(wire);
}

const struct p11_wire p11_network = {
	network_open, network_ask, network_connection, network_logged_in, network_forget, network_close, network_free,
	network_abandon,
};

/* -- the log ------------------------------------------------------------------------------------------------------ */

/* "attributes.get" is HSM_Attributes_get there; all that comes before the channel is HSM_Hello. */
static void function_name(const struct hl_msg *msg, enum hl_step step, char out[40])
{
	snprintf(out, 40, "HSM_%s", step == HL_STEP_OPEN ? msg->name : "Hello");
	out[4] = (char)toupper((unsigned char)out[4]);
	for (char *c = out; *c; c++)
		if (*c == '.')
			*c = '_';
}

static CK_RV log_failure(const struct p11_slot *slot, const struct hl_msg *msg, hl_err err,
	const struct client_failure *f)
{
	enum hl_step step = slot->wire ? f->step : HL_STEP_DNS;
	char function[40], connection[CLIENT_CONNECTION_TEXT];
	uint32_t number;
	CK_RV rv = p11_ckr(err, step, &number);

	function_name(msg, step, function);
	client_failure_connection(f, connection);
	p11_log(P11_LOG_ERROR, function, "rv: 0x%x - HL-%04d %s%s%s%s%s", number, -(int)err, hl_err_text(err),
		f->detail[0] ? ": " : "", f->detail, connection[0] ? "; connection " : "", connection);
	if (step != HL_STEP_OPEN)
		p11_log(P11_LOG_WARNING, "connectHSM", "Failed to login on HSM %s (slot: %lu) at %s - %s; %s",
			f->where[0] ? f->where : slot->partition, slot->id, hl_step_row(step)->name,
			hl_err_row(err)->cause, hl_err_row(err)->next);
	return rv;
}

static void log_message(const char *way, const struct hl_msg *msg, const void *body)
{
	HL_AUTO(hl_buf_clear) struct hl_buf json = hl_buf(512);
	struct hl_bytes text;

	if (!p11_log_masks(P11_MASK_MESSAGES))
		return;
	hl_msg_json(&json, msg, body);
	text = hl_buf_view(&json);
	p11_log(P11_LOG_INFO, "HSM_message", "%s %s %.*s", way, msg->name, json.err == HL_OK ? (int)text.n : 0,
		text.p ? (const char *)text.p : "");
}

/* A connection that was not there before: by its id it is found in the traces of all who took part. */
static void log_connection(struct p11_slot *slot)
{
	char hex[2 * HL_CONNECTION_ID + 1];
	uint8_t id[HL_CONNECTION_ID];
	bool is_new;

	if (!p11_log_wants(P11_LOG_INFO))
		return;
	p11.wire->connection(slot->wire, id);
	p11_lock();
	is_new = memcmp(slot->seen, id, sizeof id) != 0;
	memcpy(slot->seen, id, sizeof id);
	p11_unlock();
	hl_hex(hl_bytes(id, sizeof id), hex);
	if (is_new)
		p11_log(P11_LOG_INFO, "connectHSM", "Connected to HSM (slot: %lu), connection %s", slot->id, hex);
}

/* -- requests ------------------------------------------------------------------------------------------------------- */

void p11_frame_clear(struct client_call *call)
{
	hl_buf_clear(&call->frame);
}

/* A login goes on over new links, until the HSM does not take it any more: it was of another PIN, or of yesterday. */
static bool login_has_ended(struct p11_slot *slot)
{
	bool ended;

	p11_lock();
	ended = slot->logged_in && !p11.wire->logged_in(slot->wire);
	if (ended)
		p11_logged_out(slot);
	p11_unlock();
	return ended;
}

/* Without the login the HSM shows less: what it did not find may be there. */
static bool needs_login(const struct hl_msg *msg, hl_err err)
{
	return err == HL_E_KEY || err == HL_E_LOGIN || (err == HL_OK && msg == &hl_msg_find);
}

CK_RV p11_ask_within(struct p11_slot *slot, const struct hl_msg *msg, const void *body,
	const struct hl_msg *expect, void *reply, struct client_call *call, unsigned limit_ms)
{
	hl_err err = slot->broken;

	*call = (struct client_call){ 0 };
	if (p11_is_ending())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (slot->wire) {
		log_message("sent", msg, body);
		err = p11.wire->ask(slot->wire, msg, body, expect, reply, call, limit_ms);
		if (login_has_ended(slot) && needs_login(msg, err)) {
			p11_log(P11_LOG_ERROR, "HSM_Login", "rv: 0x8000000c - the login has ended: PIN or secret were changed, or it is too old");
			return CKR_USER_NOT_LOGGED_IN;
		}
	}
	if (err == HL_OK) {
		log_connection(slot);
		log_message("got", expect, reply);
		if (p11_log_masks(P11_MASK_DATA))
			p11_log(P11_LOG_INFO, "HSM_receive", "%zu bytes", call->frame.n);
		return CKR_OK;
	}
	if (p11_is_ending())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	return log_failure(slot, msg, err, &call->failure);
}

/* When the call that this thread is in began to ask, in ms; 0: it has not asked yet. Not _Thread_local: a library that is
 * loaded and unloaded at will had better not have a segment of it. */
static pthread_key_t begun;
static pthread_once_t begun_once = PTHREAD_ONCE_INIT;
static bool begun_there;

static void make_begun(void)
{
	begun_there = pthread_key_create(&begun, NULL) == 0;
}

/* At dlclose(): a process has 1,024 keys at most. */
__attribute__((destructor)) static void delete_begun(void)
{
	if (begun_there)
		pthread_key_delete(begun);
}

static void set_begun(uintptr_t ms)
{
	if (begun_there)
		pthread_setspecific(begun, (void *)ms); /* without memory for it each request has the whole bound */
}

void p11_call_begins(void)
{
	pthread_once(&begun_once, make_begun);
	if (begun_there && pthread_getspecific(begun))
		set_begun(0);
}

static unsigned asked_for_ms(void)
{
	uintptr_t now = (uintptr_t)(hl_clock_mono_us() / 1000) | 1, since = 0;

	if (begun_there)
		since = (uintptr_t)pthread_getspecific(begun);
	if (since)
		return (unsigned)(now - since);
	set_begun(now);
	return 0;
}

CK_RV p11_ask(struct p11_slot *slot, const struct hl_msg *msg, const void *body, const struct hl_msg *expect,
	void *reply, struct client_call *call)
{
	unsigned limit_ms = msg == &hl_msg_generate ? CLIENT_GENERATE_MS : CLIENT_CALL_MS, asked_ms = asked_for_ms();

	return p11_ask_within(slot, msg, body, expect, reply, call, asked_ms < limit_ms ? limit_ms - asked_ms : 1);
}

CK_RV p11_ask_done(struct p11_slot *slot, const struct hl_msg *msg, const void *body)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_done reply;

	return p11_ask(slot, msg, body, &hl_msg_done, &reply, &call);
}
