#include "client/os_remote.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "client/os_blocking.h"
#include "client/os_fd.h"
#include "lib/os/env.h"

struct client_remote {
	struct client_account account;
	struct client_conf_link link;
	struct hl_os_env env;
	bool has_env;
	struct client_fd trace; /* what env writes traces to */
	struct client *core;    /* the shell's: client_blocking_with() */
	struct client_blocking *shell;
	struct client_remote *left; /* the next of those that a child has left alone */
};

static hl_err open_env(struct client_remote *r, char detail[512])
{
	const struct hl_os_env_config env = {
		.role = "client",
		.who = "client",
		.clock_page = r->account.conf.own.clock_page,
		.trace = r->account.conf.own.trace,
	};
	hl_err err = hl_os_env_open(&r->env, &env);

	if (err != HL_OK) {
		hl_os_env_culprit(&env, err, detail, 512);
		return err;
	}
	r->has_env = true;
	r->trace = client_fd_of(r->env.trace.fd);
	return HL_OK;
}

/* Everything but the network: files, env, core, shell. */
static hl_err prepare(struct client_remote *r, const struct client_remote_options *o, char detail[512])
{
	struct client_account *a = &r->account;

	hl_secret_heap();
	HL_TRY(client_account_find(a, o->conf, o->secrets, o->partition, detail));
	if (o->host)
		HL_TRY(client_account_only(a, o->host, detail));
	HL_TRY(o->password ? hl_secret_set(&a->password, *o->password) : client_account_password(a, detail));
	if (!o->knock)
		HL_TRY(o->setup ? client_account_setup(a, *o->setup, detail) : client_account_secret(a, detail));
	HL_TRY(open_env(r, detail));
	client_account_link(a, &r->link);
	r->link.open_ms = o->open_ms;
	r->link.knock = o->knock;
	HL_TRY(client_new(&r->env.env, &r->link, &r->core));
	return client_blocking_new(&r->env.env, r->core, &a->conf.own.resolver, &r->shell);
}

hl_err client_remote_new(const struct client_remote_options *o, struct client_remote **out, char detail[512])
{
	struct client_remote *r = calloc(1, sizeof *r);
	hl_err err;

	detail[0] = 0;
	if (!r)
		return HL_E_NOMEM;
	r->trace = CLIENT_FD_NONE;
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

	client_blocking_with(r->shell, begin, NULL);
	o.err = client_blocking_run(r->shell, opened_or_failed, r->core);
	if (o.err == HL_OK)
		client_blocking_with(r->shell, look_how_it_ended, &o);
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

	client_blocking_with(r->shell, look, &s);
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
		err = client_secret_put(&r->env.env, r->account.secrets_path, &s, detail);
	hl_secret_clear(&s.secret);
	return err;
}

/* -- one request ------------------------------------------------------------------------------------------ */

int64_t client_remote_deadline(const struct client_remote *r, unsigned limit_ms)
{
	return hl_mono_us(&r->env.env) + (int64_t)limit_ms * 1000;
}

hl_err client_remote_ask(struct client_remote *r, const struct hl_msg *msg, const void *body,
	const struct hl_msg *expect, void *reply, struct client_call *call, int64_t deadline_us)
{
	hl_err err;

	*call = (struct client_call){ .msg = msg, .body = body, .expect = expect, .deadline_us = deadline_us };
	err = client_blocking_call(r->shell, call);
	if (err == HL_OK)
		err = call->err;
	return err == HL_OK ? hl_msg_get(expect, &call->reply, reply) : err;
}

static void look_for_login(struct client *core, void *at)
{
	*(bool *)at = client_logged_in(core);
}

bool client_remote_logged_in(struct client_remote *r)
{
	bool in = false;

	client_blocking_with(r->shell, look_for_login, &in);
	return in;
}

static void forget(struct client *core, void *at)
{
	client_forget_object(core, *(const uint64_t *)at);
}

void client_remote_forget(struct client_remote *r, uint64_t handle)
{
	client_blocking_with(r->shell, forget, &handle);
}

/* -- the end ------------------------------------------------------------------------------------------------ */

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
void client_remote_close(struct client_remote *r)
{
	client_blocking_with(r->shell, end, NULL);
	if (client_blocking_run(r->shell, always, NULL) != HL_OK)
		return; /* out of memory: calls end at their own deadlines */
}

void client_remote_free(struct client_remote *r)
{
	if (!r)
		return;
	if (r->shell)
		client_remote_close(r);
	client_blocking_free(r->shell);
	client_free(r->core);
	if (r->has_env)
		hl_os_env_close(&r->env);
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
	if (r->shell)
		client_blocking_abandon(r->shell);
	if (r->core)
		client_abandon(r->core);
	client_fd_close(&r->trace);
	wipe(&r->account.password);
	wipe(&r->account.user.secret);
	wipe(&r->account.setup_key);
}
