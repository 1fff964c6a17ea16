#include "client/os_remote.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "client/os_lane.h"

/* The first lane, home, is for everything. What may go anywhere takes another one where pace.h says so. */
#define LANES CLIENT_REMOTE_LINKS
#define REST_US 1000000

struct client_remote {
	struct client_account account;
	struct client_conf_link link;
	_Atomic(struct client_lane *) lane[LANES]; /* those after home when they are needed */
	pthread_mutex_t making;
	struct client_pace pace;
	_Atomic uint64_t logins;    /* and logouts, so far: lanes have the login of a number, or not yet */
	struct client_remote *left; /* the next of those that a child has left alone */
};

static struct client_lane *home(const struct client_remote *r)
{
	return atomic_load(&r->lane[0]);
}

/* Everything but the network: files, environment, core, shell. */
static hl_err prepare(struct client_remote *r, const struct client_remote_options *o, char detail[512])
{
	struct client_account *a = &r->account;
	struct client_lane *first = NULL;

	hl_secret_heap();
	HL_TRY(client_account_find(a, o->conf, o->secrets, o->partition, detail));
	if (o->host)
		HL_TRY(client_account_only(a, o->host, detail));
	HL_TRY(o->password ? hl_secret_set(&a->password, *o->password) : client_account_password(a, detail));
	if (!o->knock)
		HL_TRY(o->setup ? client_account_setup(a, *o->setup, detail) : client_account_secret(a, detail));
	client_account_link(a, &r->link);
	r->link.open_ms = o->open_ms;
	r->link.knock = o->knock;
	r->link.pace = &r->pace;
	HL_TRY(client_lane_new(a, &r->link, &first, detail));
	atomic_store(&r->lane[0], first);
	return HL_OK;
}

hl_err client_remote_new(const struct client_remote_options *o, struct client_remote **out, char detail[512])
{
	struct client_remote *r = calloc(1, sizeof *r);
	hl_err err;

	detail[0] = 0;
	if (!r)
		return HL_E_NOMEM;
	pthread_mutex_init(&r->making, NULL);
	err = prepare(r, o, detail);
	if (err == HL_OK)
		*out = r;
	else
		client_remote_free(r);
	return err;
}

/* -- the link --------------------------------------------------------------------------------------------- */

static bool opened_or_failed(void *at)
{
	const struct client *c = at;

	return client_is_open(c) || client_was_let_in(c) || client_failed(c);
}

struct opening {
	hl_err err;
	struct client_failure failure;
};

static void begin(struct client *core, void *at)
{
	(void)at;
	client_open(core);
}

static void look_how_it_ended(struct client *core, void *at)
{
	struct opening *o = at;
	const struct client_failure *f = client_failed(core);

	o->err = f ? f->err : HL_OK;
	if (f)
		o->failure = *f;
}

hl_err client_remote_open(struct client_remote *r, struct client_failure *failure)
{
	struct opening o = { 0 };

	client_blocking_with(home(r)->shell, begin, NULL);
	o.err = client_blocking_run(home(r)->shell, opened_or_failed, home(r)->core);
	if (o.err == HL_OK)
		client_blocking_with(home(r)->shell, look_how_it_ended, &o);
	*failure = o.failure;
	return o.err;
}

static void look(struct client *core, void *at)
{
	struct client_sight *s = at;

	s->open = client_is_open(core);
	memcpy(s->connection, client_connection(core), sizeof s->connection);
	memcpy(s->identity, client_identity(core), sizeof s->identity);
	snprintf(s->hsm, sizeof s->hsm, "%s", client_hsm(core));
}

struct client_sight client_remote_sight(struct client_remote *r)
{
	struct client_sight s = { 0 };

	client_blocking_with(home(r)->shell, look, &s);
	return s;
}

hl_err client_remote_keep(struct client_remote *r, const struct hl_secret_fetched *fetched, char detail[512])
{
	struct client_sight sight = client_remote_sight(r);
	struct client_secret s = { .generation = fetched->secret_generation };
	hl_err err = hl_secret_set(&s.secret, fetched->secret);

	memcpy(s.partition, r->account.slot->partition, sizeof s.partition);
	memcpy(s.identity, sight.identity, sizeof s.identity);
	if (err == HL_OK)
		err = client_secret_put(&home(r)->env.env, r->account.secrets_path, &s, detail);
	hl_secret_clear(&s.secret);
	return err;
}

/* -- one request ------------------------------------------------------------------------------------------ */

int64_t client_remote_deadline(const struct client_remote *r, unsigned limit_ms)
{
	return hl_mono_us(&home(r)->env.env) + (int64_t)limit_ms * 1000;
}

/* Other numbers of 64 bits are those of streams and cursors. */
static bool is_handle(const struct hl_field *f)
{
	return f->kind == HL_U64 && (strcmp(f->name, "handle") == 0 || strcmp(f->name, "key") == 0 || strcmp(f->name, "target") == 0);
}

/* The next session object that a request names, from field `*i` on; 0: none. */
static uint64_t next_object(const struct hl_msg *msg, const void *body, size_t *i)
{
	const uint8_t *at = body;

	while (*i < msg->fields) {
		const struct hl_field *f = &msg->field[(*i)++];
		uint64_t value = 0;

		if (is_handle(f))
			memcpy(&value, at + f->offset, sizeof value);
		if (value & HL_SESSION_OBJECT)
			return value;
	}
	return 0;
}

static uint64_t session_object(const struct hl_msg *msg, const void *body)
{
	size_t i = 0;

	return next_object(msg, body, &i);
}

/* One that was destroyed is not asked for: HSMs that were not told of that remember it. */
static bool names_what_is_gone(struct client_remote *r, const struct hl_msg *msg, const void *body)
{
	uint64_t object;
	size_t i = 0;

	while ((object = next_object(msg, body, &i)) != 0)
		if (!client_lane_keeps(home(r), object))
			return true;
	return false;
}

/* What changes nothing and belongs to no link. */
static bool may_go_anywhere(const struct hl_msg *msg)
{
	return msg == &hl_msg_sign || msg == &hl_msg_verify || msg == &hl_msg_encrypt || msg == &hl_msg_decrypt;
}

static struct client_lane *make_lane(struct client_remote *r, size_t i)
{
	struct client_lane *made = NULL;
	char detail[512];

	pthread_mutex_lock(&r->making);
	if (!atomic_load(&r->lane[i]) && client_lane_new(&r->account, &r->link, &made, detail) == HL_OK)
		atomic_store(&r->lane[i], made);
	pthread_mutex_unlock(&r->making);
	return atomic_load(&r->lane[i]);
}

void client_remote_load(const struct client_remote *r, struct client_load load[CLIENT_REMOTE_LINKS])
{
	int64_t now = hl_mono_us(&home(r)->env.env);

	for (size_t i = 0; i < LANES; i++) {
		struct client_lane *l = atomic_load(&r->lane[i]);

		load[i] = l ? client_lane_load(l, now) : (struct client_load){ 0 };
	}
}

/* NULL: home it is. */
static struct client_lane *other_lane(struct client_remote *r, struct client_load at_home)
{
	struct client_load load[LANES];
	struct client_lane *l;
	size_t best;

	client_remote_load(r, load);
	load[0] = at_home; /* without the call that is asked for */
	best = client_pace_choose(load, LANES);
	if (best == 0)
		return NULL;
	l = atomic_load(&r->lane[best]);
	return l ? l : make_lane(r, best);
}

/* The HSM has answered; the lane works. */
static bool is_answer(hl_err err, const struct client_call *call)
{
	return err == HL_OK || (call->failure.step == HL_STEP_OPEN && hl_err_row(err)->again != HL_AGAIN &&
				       err != HL_E_CLOSED && err != HL_E_TIMEOUT);
}

/* After a login, a logout or a failure it may be about to open. */
static void keep_apart(struct client_remote *r, struct client_lane *l)
{
	struct client_lane *beside[LANES];

	for (size_t i = 0; i < LANES; i++)
		beside[i] = atomic_load(&r->lane[i]);
	client_lane_keep_apart(l, beside, LANES);
}

/* False: home is to be asked. A lane that cannot be opened must not take the time that home has left. An HSM may remember
 * the older form of a session object that was changed over another link. */
static bool ask_other(struct client_remote *r, struct client_lane *l, struct client_call *call, hl_err *err)
{
	int64_t deadline_us = call->deadline_us;
	uint64_t object = session_object(call->msg, call->body);

	if (client_lane_take_login(l, home(r), &r->logins))
		keep_apart(r, l);
	if (object && (client_lane_changed(home(r), object) || !client_lane_take_object(l, home(r), object)))
		return false;
	call->deadline_us = client_pace_until_us(hl_mono_us(&l->env.env), deadline_us);
	*err = client_lane_call(l, call);
	call->deadline_us = deadline_us;
	if (!is_answer(*err, call))
		atomic_store(&l->rests_until_us, hl_mono_us(&l->env.env) + REST_US);
	else if (*err != HL_E_LOGIN && *err != HL_E_KEY)
		return true; /* home would say the same */
	client_lane_doubt_login(l);
	hl_buf_clear(&call->frame);
	return false;
}

static hl_err call_somewhere(struct client_remote *r, struct client_call *call)
{
	bool anywhere = may_go_anywhere(call->msg);
	struct client_kind kind = anywhere ? client_kind_of(call->msg, call->body) : (struct client_kind){ 0 };
	uint32_t long_us = anywhere ? client_pace_long_us(&r->pace, kind) : 0;
	struct client_load at_home = client_lane_enter(home(r), long_us);
	struct client_lane *l = anywhere ? other_lane(r, at_home) : NULL;
	bool answered = false;
	hl_err err = HL_OK;

	call->kind = kind;
	if (l) {
		client_lane_leave(home(r), long_us);
		client_lane_enter(l, long_us);
		answered = ask_other(r, l, call, &err);
		client_lane_leave(l, long_us);
		client_lane_enter(home(r), long_us);
	}
	if (!answered)
		err = client_lane_call(home(r), call);
	client_lane_leave(home(r), long_us);
	return err;
}

/* What other lanes have of a login ends with it, and before anything else is put into them. */
static void end_logins(struct client_remote *r)
{
	atomic_fetch_add(&r->logins, 1);
	for (size_t i = 1; i < LANES; i++)
		if (atomic_load(&r->lane[i]))
			client_lane_close(atomic_load(&r->lane[i]));
}

static void forget_elsewhere(struct client_remote *r, uint64_t handle)
{
	for (size_t i = 1; i < LANES; i++)
		if ((handle & HL_SESSION_OBJECT) && atomic_load(&r->lane[i]))
			client_lane_forget(atomic_load(&r->lane[i]), handle);
}

hl_err client_remote_ask(struct client_remote *r, const struct hl_msg *msg, const void *body,
	const struct hl_msg *expect, void *reply, struct client_call *call, int64_t deadline_us)
{
	hl_err err;

	*call = (struct client_call){ .msg = msg, .body = body, .expect = expect, .deadline_us = deadline_us };
	if (names_what_is_gone(r, msg, body)) {
		call->failure.step = HL_STEP_OPEN;
		return HL_E_KEY;
	}
	err = call_somewhere(r, call);
	if (msg == &hl_msg_logout)
		end_logins(r);
	else if (expect == &hl_msg_logged_in && err == HL_OK) /* a new PIN's ticket, too */
		atomic_fetch_add(&r->logins, 1);
	else if (msg == &hl_msg_destroy && err == HL_OK)
		forget_elsewhere(r, ((const struct hl_destroy *)body)->handle);
	return err == HL_OK ? hl_msg_get(expect, &call->reply, reply) : err;
}

static void look_for_login(struct client *core, void *at)
{
	*(bool *)at = client_logged_in(core);
}

bool client_remote_logged_in(struct client_remote *r)
{
	bool in = false;

	client_blocking_with(home(r)->shell, look_for_login, &in);
	return in;
}

struct client_pace *client_remote_pace(struct client_remote *r)
{
	return &r->pace;
}

void client_remote_forget(struct client_remote *r, uint64_t handle)
{
	client_lane_forget(home(r), handle);
	forget_elsewhere(r, handle);
}

/* -- the end ------------------------------------------------------------------------------------------------ */

void client_remote_close(struct client_remote *r)
{
	client_lane_close(home(r));
	end_logins(r);
}

void client_remote_free(struct client_remote *r)
{
	if (!r)
		return;
	for (size_t i = LANES; i > 0; i--)
		client_lane_free(atomic_load(&r->lane[i - 1]));
	pthread_mutex_destroy(&r->making);
	client_account_clear(&r->account);
	free(r);
}

static void wipe(struct hl_secret *s)
{
	if (s->n > 0)
		OPENSSL_cleanse(s->p, s->n);
}

void client_remote_abandon(struct client_remote *r)
{
	static _Atomic(struct client_remote *) all;

	if (!r)
		return;
	r->left = atomic_exchange(&all, r);
	for (size_t i = 0; i < LANES; i++)
		if (atomic_load(&r->lane[i]))
			client_lane_abandon(atomic_load(&r->lane[i]));
	wipe(&r->account.password);
	wipe(&r->account.user.secret);
	wipe(&r->account.setup_key);
}
