/* hsmlet.c - the public API over the blocking shell: handles, requests, the user. */
#include "client/hsmlet_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/os_remote.h"
#include "lib/os/clock.h"

struct hsmlet {
	pid_t pid; /* of the process that opened it */
	struct client_remote *remote;
	unsigned limit_ms;
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
	if (f)
		client_failure_connection(f, e->connection);
	return e->id;
}

struct client_remote *client_api_remote(hsmlet *h)
{
	return h->remote;
}

/* -- one request ----------------------------------------------------------------------------------------------- */

int client_api_ask_until(hsmlet *h, const struct hl_msg *msg, const void *body, const struct hl_msg *expect,
	void *reply, struct client_call *call, int64_t deadline_us, hsmlet_error *e)
{
	hl_err err;

	*call = (struct client_call){ 0 };
	if (h->pid != getpid())
		return client_api_fail(e, HL_E_FORKED, NULL, NULL);
	err = client_remote_ask(h->remote, msg, body, expect, reply, call, deadline_us);
	return err == HL_OK ? 0 : client_api_fail(e, err, &call->failure, NULL);
}

int64_t client_api_deadline(hsmlet *h, unsigned limit_ms)
{
	return client_remote_deadline(h->remote, h->limit_ms ? h->limit_ms : limit_ms);
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

static int connect_now(hsmlet *h, hsmlet_error *e)
{
	struct client_failure f;
	hl_err err = client_remote_open(h->remote, &f);

	return err == HL_OK ? 0 : client_api_fail(e, err, &f, NULL);
}

/* What a caller's options are for the remote; `setup`: the password of an exchange, or NULL. */
static struct client_remote_options remote_of(const hsmlet_options *o, const struct hl_bytes *setup)
{
	return (struct client_remote_options){
		.conf = o->conf,
		.secrets = o->secrets,
		.partition = o->partition,
		.setup = setup,
		.open_ms = o->limit_ms,
		.host = o->host,
	};
}

static int open_remote(const struct client_remote_options *remote, hsmlet **out, hsmlet_error *e)
{
	char detail[512] = "";
	hsmlet *h = calloc(1, sizeof *h);
	hl_err err;
	int rc;

	if (!h)
		return client_api_fail(e, HL_E_NOMEM, NULL, NULL);
	h->pid = getpid();
	h->limit_ms = remote->open_ms;
	err = client_remote_new(remote, &h->remote, detail);
	rc = err == HL_OK ? connect_now(h, e) : client_api_fail(e, err, NULL, detail);
	if (rc != 0)
		hsmlet_close(h);
	else
		*out = h;
	return rc;
}

static int open_with(const hsmlet_options *o, const struct hl_bytes *setup, hsmlet **out, hsmlet_error *e)
{
	struct client_remote_options remote;

	if (o->size != sizeof *o)
		return client_api_fail(e, HL_E_ARG, NULL, NULL);
	remote = remote_of(o, setup);
	return open_remote(&remote, out, e);
}

API int hsmlet_open(const hsmlet_options *options, hsmlet **out, hsmlet_error *e)
{
	return open_with(options, NULL, out, e);
}

API int hsmlet_check_password(const hsmlet_options *options, const char *password, size_t n, hsmlet_error *e)
{
	const struct hl_bytes given = hl_bytes(password, n);
	struct client_remote_options remote;
	hsmlet *h = NULL;
	int rc;

	if (options->size != sizeof *options || (password && n == 0))
		return client_api_fail(e, HL_E_ARG, NULL, NULL);
	remote = remote_of(options, NULL);
	remote.password = password ? &given : NULL;
	remote.knock = true;
	rc = open_remote(&remote, &h, e);
	if (rc == 0)
		hsmlet_close(h);
	return rc;
}

API void hsmlet_close(hsmlet *h)
{
	if (!h)
		return;
	if (h->pid != getpid())
		client_remote_abandon(h->remote);
	else
		client_remote_free(h->remote);
	free(h);
}

/* -- the exchange ---------------------------------------------------------------------------------------------- */

static int store_secret(hsmlet *h, const struct hl_secret_fetched *fetched, hsmlet_error *e)
{
	char detail[512] = "";
	hl_err err = client_remote_keep(h->remote, fetched, detail);

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
	else if (e)
		e->stored = 1;
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
	struct client_sight s;
	struct hl_bytes label;
	int rc = client_api_ask(h, &hl_msg_info, &request, &hl_msg_info_answer, &a, &call, LIMIT_MS, e);

	if (rc == 0) {
		*out = (hsmlet_info){ .objects = a.objects, .objects_max = a.objects_max };
		out->pin_set = a.pin_set;
		out->logged_in = a.logged_in;
		copy_text(a.device, out->device, sizeof out->device);
		copy_text(a.version, out->version, sizeof out->version);
		copy_text(a.partition, out->partition, sizeof out->partition);
		copy_text(a.serial, out->serial, sizeof out->serial);
		label = a.lab ? a.label : a.partition;
		copy_text(hl_bytes(label.p, label.n < sizeof out->label ? label.n : sizeof out->label - 1), out->label, sizeof out->label);
		s = client_remote_sight(h->remote);
		memcpy(out->hsm, s.hsm, sizeof out->hsm);
		hl_hex(hl_bytes(s.connection, sizeof s.connection), out->connection);
	}
	hl_buf_clear(&call.frame);
	return rc;
}

API int hsmlet_get_mechanisms(hsmlet *h, hsmlet_mechanism_info *out, size_t max, size_t *count, hsmlet_error *e)
{
	struct hl_mechanisms request = { 0 };
	struct hl_mechanisms_answer a;
	struct client_call call;
	struct hl_mechanism m;
	size_t n = 0;
	int rc = client_api_ask(h, &hl_msg_mechanisms, &request, &hl_msg_mechanisms_answer, &a, &call, LIMIT_MS, e);

	if (rc == 0) {
		for (struct hl_bytes at = a.mechanisms.raw; hl_list_next(&hl_msg_mechanism, &at, &m); n++)
			if (n < max)
				out[n] = (hsmlet_mechanism_info){ m.number, m.min, m.max, m.flags };
		*count = n;
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
