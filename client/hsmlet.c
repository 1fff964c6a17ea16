/* hsmlet.c - the public API over the blocking shell: handles, requests, the user. */
#include "client/hsmlet_impl.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "client/account.h"
#include "client/os_blocking.h"
#include "client/os_fd.h"
#include "lib/os/clock.h"
#include "lib/os/env.h"

struct hsmlet {
	pid_t pid; /* of the process that opened it */
	struct client_account account;
	struct client_conf_link link;
	struct hl_os_env env;
	bool has_env;
	struct client_fd trace;        /* what env writes traces to */
	struct client *core;           /* the shell's, once there is one: client_blocking_with() */
	struct client_blocking *shell; /* any number of threads */
	unsigned limit_ms;
	hsmlet *left; /* the next of those that a child has left alone */
};

/* -- errors -------------------------------------------------------------------------------------------------- */

int client_api_fail(hsmlet_error *e, hl_err err, const struct client_failure *f, const char *detail)
{
	const struct hl_err_row *row = hl_err_row(err);
	const struct hl_step_row *step = hl_step_row(f ? f->step : HL_STEP_OPEN);

	if (!e)
		return -(int)err;
	*e = (hsmlet_error){ .id = -(int)err, .exit_code = row->exit_code };
	e->step = f ? (int)f->step : -1;
	e->retryable = row->again == HL_AGAIN || (f && f->retryable);
	e->attempts = f ? f->attempts : 0;
	e->retry_after_ms = f ? f->retry_after_ms : 0;
	snprintf(e->step_name, sizeof e->step_name, "%s", f ? step->name : "");
	snprintf(e->what, sizeof e->what, "%s", row->text);
	snprintf(e->cause, sizeof e->cause, "%s", row->cause);
	snprintf(e->next, sizeof e->next, "%s", row->next);
	snprintf(e->where, sizeof e->where, "%s", f ? f->where : "");
	snprintf(e->detail, sizeof e->detail, "%s", detail && *detail ? detail : f ? f->detail : "");
	return e->id;
}

/* Of the core, copied while no other thread changes it. */
struct sight {
	char connection[2 * HL_CONNECTION_ID + 1], hsm[65];
	uint8_t identity[32];
};

static void look(struct client *core, void *at)
{
	struct sight *s = at;

	hl_hex(hl_bytes(client_connection(core), HL_CONNECTION_ID), s->connection);
	snprintf(s->hsm, sizeof s->hsm, "%s", client_hsm(core));
	memcpy(s->identity, client_identity(core), sizeof s->identity);
}

static struct sight see(hsmlet *h)
{
	struct sight s = { 0 };

	if (h->shell)
		client_blocking_with(h->shell, look, &s);
	return s;
}

static void name_connection(hsmlet *h, hsmlet_error *e)
{
	struct sight s = see(h);

	if (e)
		memcpy(e->connection, s.connection, sizeof e->connection);
}

/* -- one request ----------------------------------------------------------------------------------------------- */

int client_api_ask_until(hsmlet *h, const struct hl_msg *msg, const void *body, const struct hl_msg *expect,
	void *reply, struct client_call *call, int64_t deadline_us, hsmlet_error *e)
{
	hl_err err;

	*call = (struct client_call){ .msg = msg, .body = body, .expect = expect, .deadline_us = deadline_us };
	if (h->pid != getpid())
		return client_api_fail(e, HL_E_FORKED, NULL, NULL);
	err = client_blocking_call(h->shell, call);
	if (err == HL_OK)
		err = call->err;
	if (err == HL_OK)
		err = hl_msg_get(expect, &call->reply, reply);
	if (err != HL_OK) {
		client_api_fail(e, err, &call->failure, NULL);
		name_connection(h, e);
	}
	return -(int)err;
}

int64_t client_api_deadline(hsmlet *h, unsigned limit_ms)
{
	return hl_mono_us(&h->env.env) + (int64_t)(h->limit_ms ? h->limit_ms : limit_ms) * 1000;
}

int client_api_ask(hsmlet *h, const struct hl_msg *msg, const void *body, const struct hl_msg *expect,
	void *reply, struct client_call *call, unsigned limit_ms, hsmlet_error *e)
{
	return client_api_ask_until(h, msg, body, expect, reply, call, client_api_deadline(h, limit_ms), e);
}

int client_api_done(hsmlet *h, const struct hl_msg *msg, const void *body, hsmlet_error *e)
{
	struct client_call call;
	struct hl_done reply;
	int rc = client_api_ask(h, msg, body, &hl_msg_done, &reply, &call, LIMIT_MS, e);

	hl_buf_clear(&call.frame);
	return rc;
}

/* -- opening and closing ------------------------------------------------------------------------------------------ */

static bool opened_or_failed(void *at)
{
	const struct client *c = at;

	return client_is_open(c) || client_failed(c);
}

/* Everything but the network: files, env, core, shell. `setup`: the password of an exchange, or NULL. */
static hl_err prepare(hsmlet *h, const hsmlet_options *o, const struct hl_bytes *setup, char detail[512])
{
	struct client_account *a = &h->account;
	struct hl_os_env_config env = { .role = "client", .who = "client" };
	hl_err err;

	hl_secret_heap();
	HL_TRY(client_account_find(a, o->conf, o->secrets, o->partition, detail));
	HL_TRY(client_account_password(a, detail));
	HL_TRY(setup ? client_account_setup(a, *setup) : client_account_secret(a, detail));
	env.clock_page = a->conf.own.clock_page;
	env.trace = a->conf.own.trace;
	err = hl_os_env_open(&h->env, &env);
	if (err != HL_OK) {
		hl_os_env_culprit(&env, err, detail, 512);
		return err;
	}
	h->has_env = true;
	h->trace = client_fd_of(h->env.trace.fd);
	client_account_link(a, &h->link);
	h->link.open_ms = h->limit_ms;
	HL_TRY(client_new(&h->env.env, &h->link, &h->core));
	return client_blocking_new(&h->env.env, h->core, &a->conf.own.resolver, &h->shell);
}

static int connect_now(hsmlet *h, hsmlet_error *e)
{
	const struct client_failure *f;
	hl_err err;

	client_open(h->core);
	err = client_blocking_run(h->shell, opened_or_failed, h->core);
	if (err != HL_OK)
		return client_api_fail(e, err, NULL, NULL);
	f = client_failed(h->core);
	if (!f)
		return 0;
	client_api_fail(e, f->err, f, NULL);
	name_connection(h, e);
	return -(int)f->err;
}

static int open_with(
	const hsmlet_options *o, const struct hl_bytes *setup, hsmlet **out, hsmlet_error *e)
{
	char detail[512] = "";
	hsmlet *h = calloc(1, sizeof *h);
	hl_err err;
	int rc;

	if (!h)
		return client_api_fail(e, HL_E_NOMEM, NULL, NULL);
	h->pid = getpid();
	h->trace = CLIENT_FD_NONE;
	h->limit_ms = o->limit_ms;
	err = o->size == sizeof *o ? prepare(h, o, setup, detail) : HL_E_ARG;
	rc = err == HL_OK ? connect_now(h, e) : client_api_fail(e, err, NULL, detail);
	if (rc != 0)
		hsmlet_close(h);
	else
		*out = h;
	return rc;
}

API int hsmlet_open(const hsmlet_options *options, hsmlet **out, hsmlet_error *e)
{
	return open_with(options, NULL, out, e);
}

static bool always(void *at)
{
	(void)at;
	return true;
}

static void close_here(hsmlet *h)
{
	if (h->shell) {
		client_close(h->core);
		if (client_blocking_run(h->shell, always, NULL) == HL_OK)
			client_blocking_free(h->shell);
	}
	client_free(h->core);
	if (h->has_env)
		hl_os_env_close(&h->env);
	client_account_clear(&h->account);
	free(h);
}

static void wipe(struct hl_secret *s)
{
	if (s->n > 0)
		OPENSSL_cleanse(s->p, s->n);
}

/* In a child after fork(). Threads of the parent that the child does not have may hold any lock and may have
 * left anything half done, so nothing is locked and nothing freed: what came from the files is wiped where it
 * stands, and the rest stays, where leak checkers find it. The parent's connection stays whole. */
static void leave_to_parent(hsmlet *h)
{
	static _Atomic(hsmlet *) all;

	h->left = atomic_exchange(&all, h);
	if (h->shell)
		client_blocking_abandon(h->shell);
	if (h->core)
		client_abandon(h->core);
	client_fd_close(&h->trace);
	wipe(&h->account.password);
	wipe(&h->account.user.secret);
	wipe(&h->account.setup_key);
}

API void hsmlet_close(hsmlet *h)
{
	if (!h)
		return;
	if (h->pid != getpid())
		leave_to_parent(h);
	else
		close_here(h);
}

/* -- the exchange ---------------------------------------------------------------------------------------------- */

static int store_secret(hsmlet *h, const struct hl_secret_fetched *fetched, hsmlet_error *e)
{
	struct client_secret s = { .generation = fetched->secret_generation };
	char detail[512] = "";
	hl_err err = hl_secret_set(&s.secret, fetched->secret);

	memcpy(s.partition, h->account.slot->partition, sizeof s.partition);
	memcpy(s.identity, see(h).identity, sizeof s.identity);
	if (err == HL_OK)
		err = client_secret_put(&h->env.env, h->account.secrets_path, &s, detail);
	hl_secret_clear(&s.secret);
	return err == HL_OK ? 0 : client_api_fail(e, err, NULL, detail);
}

/* What is left for the next part of a call that has several; 0 where the caller named no limit. */
static unsigned ms_left(const hsmlet_options *o, int64_t begun_us)
{
	int64_t passed_ms = (hl_clock_mono_us() - begun_us) / 1000;

	if (o->limit_ms == 0)
		return 0;
	return passed_ms < o->limit_ms ? o->limit_ms - (unsigned)passed_ms : 1;
}

API int hsmlet_exchange(
	const hsmlet_options *options, const char *setup_password, size_t n, hsmlet_error *e)
{
	struct hl_bytes setup = hl_bytes(setup_password, n);
	struct hl_secret_fetch fetch = { 0 };
	struct hl_secret_fetched fetched;
	struct client_call call;
	hsmlet_options rest;
	hsmlet *h;
	int64_t begun_us = hl_clock_mono_us();
	int rc = open_with(options, &setup, &h, e);

	if (rc != 0)
		return rc;
	rest = *options;
	h->limit_ms = ms_left(options, begun_us);
	rc = client_api_ask(h, &hl_msg_secret_fetch, &fetch, &hl_msg_secret_fetched, &fetched, &call, LIMIT_MS, e);
	if (rc == 0)
		rc = store_secret(h, &fetched, e);
	hl_buf_clear(&call.frame);
	hsmlet_close(h);
	if (rc != 0)
		return rc;
	/* A login with the secret confirms that it is stored and works. */
	rest.limit_ms = ms_left(options, begun_us);
	rc = hsmlet_open(&rest, &h, e);
	if (rc == 0)
		hsmlet_close(h);
	return rc;
}

/* -- user, information, random ---------------------------------------------------------------------------------- */

API int hsmlet_login(hsmlet *h, const char *pin, size_t n, hsmlet_error *e)
{
	struct hl_login request = { .pin = hl_bytes(pin, n) };
	struct hl_logged_in reply;
	struct client_call call;
	int rc = client_api_ask(h, &hl_msg_login, &request, &hl_msg_logged_in, &reply, &call, LIMIT_MS, e);

	hl_buf_clear(&call.frame);
	return rc;
}

API int hsmlet_logout(hsmlet *h, hsmlet_error *e)
{
	return client_api_done(h, &hl_msg_logout, &(struct hl_logout){ 0 }, e);
}

static void copy_text(struct hl_bytes from, char *to, size_t size)
{
	if (hl_bytes_str(from, to, size) != HL_OK)
		to[0] = 0; /* the message's bounds are narrower than these arrays */
}

API int hsmlet_get_info(hsmlet *h, hsmlet_info *out, hsmlet_error *e)
{
	struct hl_info request = { 0 };
	struct hl_info_answer a;
	struct client_call call;
	struct sight s;
	int rc = client_api_ask(h, &hl_msg_info, &request, &hl_msg_info_answer, &a, &call, LIMIT_MS, e);

	if (rc == 0) {
		*out = (hsmlet_info){ .objects = a.objects, .objects_max = a.objects_max };
		out->pin_set = a.pin_set;
		out->logged_in = a.logged_in;
		copy_text(a.device, out->device, sizeof out->device);
		copy_text(a.version, out->version, sizeof out->version);
		copy_text(a.partition, out->partition, sizeof out->partition);
		copy_text(a.serial, out->serial, sizeof out->serial);
		s = see(h);
		memcpy(out->hsm, s.hsm, sizeof out->hsm);
		memcpy(out->connection, s.connection, sizeof out->connection);
	}
	hl_buf_clear(&call.frame);
	return rc;
}

API int hsmlet_random(hsmlet *h, void *out, size_t n, hsmlet_error *e)
{
	const size_t most = 65536;
	const int64_t until = client_api_deadline(h, LIMIT_MS);
	uint8_t *to = out;
	int rc = 0;

	while (rc == 0 && n > 0) {
		struct hl_random request = { .length = (uint32_t)(n < most ? n : most) };
		struct hl_random_answer a;
		struct client_call call;

		rc = client_api_ask_until(h, &hl_msg_random, &request, &hl_msg_random_answer, &a, &call, until, e);
		if (rc == 0 && a.bytes.n != request.length)
			rc = client_api_fail(e, HL_E_RANGE, NULL, NULL);
		if (rc == 0)
			memcpy(to, a.bytes.p, a.bytes.n);
		hl_buf_clear(&call.frame);
		to += request.length;
		n -= request.length;
	}
	return rc;
}

API const char *hsmlet_version(void)
{
	return VERSION;
}
