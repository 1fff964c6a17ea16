#include "client/os_remote.h"

#include <stdatomic.h>
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

static hl_err prepare(struct client_remote *r, const char *conf, const char *secrets, const char *partition,
	unsigned open_ms, char detail[512])
{
	struct client_account *a = &r->account;
	struct hl_os_env_config env = { .role = "client", .who = "client" };

	hl_secret_heap();
	HL_TRY(client_account_find(a, conf, secrets, partition, detail));
	HL_TRY(client_account_password(a, detail));
	HL_TRY(client_account_secret(a, detail));
	env.clock_page = a->conf.own.clock_page;
	env.trace = a->conf.own.trace;
	HL_TRY(hl_os_env_open(&r->env, &env));
	r->has_env = true;
	r->trace = client_fd_of(r->env.trace.fd);
	client_account_link(a, &r->link);
	r->link.open_ms = open_ms;
	HL_TRY(client_new(&r->env.env, &r->link, &r->core));
	return client_blocking_new(&r->env.env, r->core, &a->conf.own.resolver, &r->shell);
}

hl_err client_remote_new(const char *conf, const char *secrets, const char *partition, unsigned open_ms,
	struct client_remote **out, char detail[512])
{
	struct client_remote *r = calloc(1, sizeof *r);
	hl_err err;

	detail[0] = 0;
	if (!r)
		return HL_E_NOMEM;
	r->trace = CLIENT_FD_NONE;
	err = prepare(r, conf, secrets, partition, open_ms, detail);
	if (err == HL_OK)
		*out = r;
	else
		client_remote_free(r);
	return err;
}

/* -- one request ------------------------------------------------------------------------------------------ */

hl_err client_remote_ask(struct client_remote *r, const struct hl_msg *msg, const void *body,
	const struct hl_msg *expect, void *reply, struct client_call *call, unsigned limit_ms)
{
	hl_err err;

	*call = (struct client_call){ .msg = msg, .body = body, .expect = expect };
	call->deadline_us = hl_mono_us(&r->env.env) + (int64_t)limit_ms * 1000;
	err = client_blocking_call(r->shell, call);
	if (err == HL_OK)
		err = call->err;
	return err == HL_OK ? hl_msg_get(expect, &call->reply, reply) : err;
}

static void copy_connection(struct client *core, void *at)
{
	if (client_is_open(core))
		memcpy(at, client_connection(core), HL_CONNECTION_ID);
	else
		memset(at, 0, HL_CONNECTION_ID);
}

void client_remote_connection(struct client_remote *r, uint8_t id[HL_CONNECTION_ID])
{
	client_blocking_with(r->shell, copy_connection, id);
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
}
