#include "client/os_lane.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#define NO_LOGIN UINT64_MAX

/* -- life --------------------------------------------------------------------------------------------------------- */

static hl_err open_env(struct client_lane *l, const struct client_account *account, char detail[512])
{
	const struct hl_os_env_config env = {
		.role = "client",
		.who = "client",
		.clock_page = account->conf.own.clock_page,
		.trace = account->conf.own.trace,
	};
	hl_err err = hl_os_env_open(&l->env, &env);

	if (err != HL_OK) {
		hl_os_env_culprit(&env, err, detail, 512);
		return err;
	}
	l->has_env = true;
	l->trace = client_fd_of(l->env.trace.fd);
	return HL_OK;
}

static hl_err prepare(struct client_lane *l, const struct client_account *account, const struct client_conf_link *link,
	char detail[512])
{
	HL_TRY(open_env(l, account, detail));
	HL_TRY(client_new(&l->env.env, link, &l->core));
	return client_blocking_new(&l->env.env, l->core, &account->conf.own.resolver, &l->shell);
}

hl_err client_lane_new(const struct client_account *account, const struct client_conf_link *link, struct client_lane **out,
	char detail[512])
{
	struct client_lane *l = calloc(1, sizeof *l);
	hl_err err;

	if (!l)
		return HL_E_NOMEM;
	l->trace = CLIENT_FD_NONE;
	l->login = NO_LOGIN;
	err = prepare(l, account, link, detail);
	if (err == HL_OK)
		*out = l;
	else
		client_lane_free(l);
	return err;
}

void client_lane_free(struct client_lane *l)
{
	if (!l)
		return;
	if (l->shell)
		client_lane_close(l);
	client_blocking_free(l->shell);
	client_free(l->core);
	if (l->has_env)
		hl_os_env_close(&l->env);
	free(l);
}

static bool always(void *at)
{
	(void)at;
	return true;
}

static void end(struct client *core, void *at)
{
	(void)at;
	client_close(core);
}

/* Who leads hears of it by the bell that client_blocking_run() rings. */
void client_lane_close(struct client_lane *l)
{
	client_blocking_with(l->shell, end, NULL);
	if (client_blocking_run(l->shell, always, NULL) != HL_OK)
		return; /* out of memory: calls end at their own deadlines */
}

void client_lane_abandon(struct client_lane *l)
{
	if (l->shell)
		client_blocking_abandon(l->shell);
	if (l->core)
		client_abandon(l->core);
	client_fd_close(&l->trace);
}

struct apart {
	char hsm[CLIENT_BESIDE_MAX][HL_NAME_TEXT + 1];
	size_t n;
};

static void name_hsm(struct client *core, void *at)
{
	struct apart *a = at;

	snprintf(a->hsm[a->n++], sizeof a->hsm[0], "%s", client_is_open(core) ? client_hsm(core) : "");
}

static void keep_apart(struct client *core, void *at)
{
	const struct apart *a = at;

	client_keep_apart(core, a->hsm, a->n);
}

void client_lane_keep_apart(struct client_lane *l, struct client_lane *const beside[], size_t n)
{
	struct apart a = { 0 };

	for (size_t i = 0; i < n && a.n < CLIENT_BESIDE_MAX; i++)
		if (beside[i] && beside[i] != l)
			client_blocking_with(beside[i]->shell, name_hsm, &a);
	client_blocking_with(l->shell, keep_apart, &a);
}

/* -- calls ---------------------------------------------------------------------------------------------------------- */

struct client_load client_lane_enter(struct client_lane *l, uint32_t long_us)
{
	return (struct client_load){
		.calls = atomic_fetch_add(&l->calls, 1),
		.long_us = atomic_fetch_add(&l->long_us, long_us),
	};
}

void client_lane_leave(struct client_lane *l, uint32_t long_us)
{
	atomic_fetch_sub(&l->calls, 1);
	atomic_fetch_sub(&l->long_us, long_us);
}

struct client_load client_lane_load(struct client_lane *l, int64_t now_us)
{
	return (struct client_load){
		.calls = atomic_load(&l->calls),
		.long_us = atomic_load(&l->long_us),
		.rests = now_us < atomic_load(&l->rests_until_us),
	};
}

hl_err client_lane_call(struct client_lane *l, struct client_call *call)
{
	hl_err err = client_blocking_call(l->shell, call);

	return err == HL_OK ? call->err : err;
}

/* -- what one lane has and another needs too --------------------------------------------------------------------------- */

struct login {
	_Atomic uint64_t *logins;
	uint64_t number;
	uint8_t ticket[HL_LOGIN_TICKET];
	size_t n;
};

static void read_login(struct client *core, void *at)
{
	struct login *in = at;

	in->number = atomic_load(in->logins);
	in->n = client_login_get(core, in->ticket);
}

struct taking {
	struct client_lane *to;
	struct login *in;
};

/* A logout that came meanwhile has another number, and closes this lane after it has counted: what was put in before that
 * is wiped, and nothing is put in later. */
static void put_login(struct client *core, void *at)
{
	const struct taking *t = at;

	if (atomic_load(t->in->logins) != t->in->number)
		return;
	client_login_set(core, hl_bytes(t->in->ticket, t->in->n));
	t->to->login = t->in->number;
}

static void look_at_login(struct client *core, void *at)
{
	struct taking *t = at;

	(void)core;
	t->in->number = t->to->login;
}

bool client_lane_take_login(struct client_lane *to, struct client_lane *from, _Atomic uint64_t *logins)
{
	struct login in = { .logins = logins };
	struct taking t = { to, &in };

	client_blocking_with(to->shell, look_at_login, &t);
	if (in.number == atomic_load(logins))
		return false;
	client_blocking_with(from->shell, read_login, &in);
	client_blocking_with(to->shell, put_login, &t);
	OPENSSL_cleanse(&in, sizeof in);
	return true;
}

static void doubt_login(struct client *core, void *at)
{
	(void)core;
	((struct client_lane *)at)->login = NO_LOGIN;
}

void client_lane_doubt_login(struct client_lane *l)
{
	client_blocking_with(l->shell, doubt_login, l);
}

struct object {
	uint64_t handle;
	struct hl_buf kept;
	bool there;
};

static void look_for_object(struct client *core, void *at)
{
	struct object *o = at;

	o->there = client_keeps(core, o->handle);
}

bool client_lane_keeps(struct client_lane *l, uint64_t handle)
{
	struct object o = { .handle = handle };

	client_blocking_with(l->shell, look_for_object, &o);
	return o.there;
}

static void look_for_change(struct client *core, void *at)
{
	struct object *o = at;

	o->there = client_object_changed(core, o->handle);
}

bool client_lane_changed(struct client_lane *l, uint64_t handle)
{
	struct object o = { .handle = handle };

	client_blocking_with(l->shell, look_for_change, &o);
	return o.there;
}

static void read_object(struct client *core, void *at)
{
	struct object *o = at;

	client_object_get(core, o->handle, &o->kept);
}

static void put_object(struct client *core, void *at)
{
	struct object *o = at;

	client_object_set(core, o->handle, hl_buf_view(&o->kept));
	o->there = client_keeps(core, o->handle);
}

static void forget(struct client *core, void *at)
{
	client_forget_object(core, *(const uint64_t *)at);
}

void client_lane_forget(struct client_lane *l, uint64_t handle)
{
	client_blocking_with(l->shell, forget, &handle);
}

/* Another thread may have destroyed it after it was read, and that ended before it was put: nobody would come for it. */
static bool forget_what_is_gone(struct client_lane *to, struct client_lane *from, uint64_t handle)
{
	if (client_lane_keeps(from, handle))
		return false;
	client_lane_forget(to, handle);
	return true;
}

bool client_lane_take_object(struct client_lane *to, struct client_lane *from, uint64_t handle)
{
	struct object o = { .handle = handle, .kept = hl_buf(HL_FRAME_MAX) };

	client_blocking_with(to->shell, look_for_object, &o);
	if (!o.there)
		client_blocking_with(from->shell, read_object, &o);
	if (o.kept.n > 0 && o.kept.err == HL_OK) {
		client_blocking_with(to->shell, put_object, &o);
		o.there &= !forget_what_is_gone(to, from, handle);
	}
	hl_buf_clear(&o.kept);
	return o.there;
}
