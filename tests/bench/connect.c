/* connect.c - how long all eight steps take: for a new handle, which reads its files and derives the
 * SCRAM keys, and again for a link that has kept them. */
#include <stdlib.h>

#include "client/account.h"
#include "client/os_blocking.h"
#include "lib/os/env.h"
#include "tests/bench/bench.h"

/* -- a new handle ------------------------------------------------------------------------------------ */

static int first(struct bench *b, int64_t *us)
{
	hsmlet_options o = { .size = sizeof o, .conf = b->o.conf, .secrets = b->o.secrets };
	hsmlet_error e;
	hsmlet *h;

	for (unsigned i = 0; i < b->o.opens; i++) {
		int64_t begun = bench_us();

		if (hsmlet_open(&o, &h, &e) != 0)
			return bench_failed("open", &e);
		us[i] = bench_us() - begun;
		hsmlet_close(h);
	}
	bench_put_times(b, FIRST_P50, FIRST_P99, us, b->o.opens, 1000);
	return 0;
}

/* -- a link that opens again ------------------------------------------------------------------------- */

struct link {
	struct client_account account;
	struct client_conf_link conf;
	struct hl_os_env env;
	struct client *core;
	struct client_blocking *shell;
};

static hl_err make_link(struct bench *b, struct link *l)
{
	struct hl_os_env_config env = { .role = "client", .who = "bench" };
	struct client_account *a = &l->account;
	char detail[512];

	HL_TRY(client_account_find(a, b->o.conf, b->o.secrets, NULL, detail));
	HL_TRY(client_account_password(a, detail));
	HL_TRY(client_account_secret(a, detail));
	env.clock_page = a->conf.own.clock_page;
	env.trace = a->conf.own.trace;
	HL_TRY(hl_os_env_open(&l->env, &env));
	client_account_link(a, &l->conf);
	HL_TRY(client_new(&l->env.env, &l->conf, &l->core));
	return client_blocking_new(&l->env.env, l->core, &a->conf.own.resolver, &l->shell);
}

static void clear_link(struct link *l)
{
	client_blocking_free(l->shell);
	client_free(l->core);
	hl_os_env_close(&l->env);
	client_account_clear(&l->account);
}

static bool opened_or_failed(void *at)
{
	return client_is_open(at) || client_failed(at);
}

static bool always(void *at)
{
	(void)at;
	return true;
}

static hl_err open_once(struct link *l)
{
	client_open(l->core);
	HL_TRY(client_blocking_run(l->shell, opened_or_failed, l->core));
	return client_is_open(l->core) ? HL_OK : client_failed(l->core)->err;
}

static hl_err again(struct bench *b, struct link *l, int64_t *us)
{
	HL_TRY(open_once(l));
	for (unsigned i = 0; i < b->o.opens; i++) {
		int64_t begun;

		client_close(l->core);
		HL_TRY(client_blocking_run(l->shell, always, NULL));
		begun = bench_us();
		HL_TRY(open_once(l));
		us[i] = bench_us() - begun;
	}
	client_close(l->core);
	bench_put_times(b, AGAIN_P50, AGAIN_P99, us, b->o.opens, 1000);
	return HL_OK;
}

static int reconnect(struct bench *b, int64_t *us)
{
	struct link l = { .env.trace.fd = -1 };
	hl_err err = make_link(b, &l);

	if (err == HL_OK)
		err = again(b, &l, us);
	clear_link(&l);
	if (err == HL_OK)
		return 0;
	return bench_failed("reconnect", 
		&(hsmlet_error){ .id = -(int)err, .exit_code = hl_err_row(err)->exit_code });
}

/* -- the PIN ----------------------------------------------------------------------------------------- */

static int logins(struct bench *b, int64_t *us)
{
	hsmlet_error e;
	hsmlet *h;
	int rc = bench_open(b, &h);

	for (unsigned i = 0; rc == 0 && i < b->o.logins; i++) {
		int64_t begun;

		if (hsmlet_logout(h, &e) != 0) {
			rc = bench_failed("logout", &e);
			break;
		}
		begun = bench_us();
		if (hsmlet_login(h, b->pin, b->pin_n, &e) != 0)
			rc = bench_failed("login", &e);
		us[i] = bench_us() - begun;
	}
	hsmlet_close(h);
	if (rc == 0)
		bench_put_times(b, LOGIN_P50, FIGURES, us, b->o.logins, 1000);
	return rc;
}

int bench_connect(struct bench *b)
{
	unsigned most = b->o.opens > b->o.logins ? b->o.opens : b->o.logins;
	int64_t *us = calloc(most, sizeof *us);
	int rc = us ? first(b, us) : hl_err_row(HL_E_NOMEM)->exit_code;

	if (rc == 0)
		rc = reconnect(b, us);
	if (rc == 0)
		rc = logins(b, us);
	free(us);
	return rc;
}
