/* A proxy that mixes up its clients' streams (P-13 of the threat list: a session spliced onto another
 * client's grant). The proxy is an honest one; the relay behind it crosses what it passes on, as a
 * hostile proxy would after step 6. */
#include <stdio.h>

#include <ev.h>

#include "client/account.h"
#include "client/os_ev.h"
#include "lib/os/env.h"
#include "lib/wire/numbers.h"
#include "tests/support/lines.h"
#include "tests/support/tapped.h"
#include "tests/support/test.h"

static struct tapped t;
static struct live_account acme, zeta;
static struct live_client acme_client, zeta_client;

/* -- two clients on one loop ------------------------------------------------------------------------------ */

struct party {
	struct client_account account;
	struct client_conf_link link;
	struct hl_os_env env;
	struct client_ev *ev;
	struct client_ev_call call;
	unsigned *under_way;
	struct ev_loop *loop;
};

struct parties {
	struct ev_loop *loop;
	struct party party[2];
	unsigned under_way;
};

static void party_open(struct parties *p, struct party *who, const struct live_client *files)
{
	struct hl_os_env_config env = { .role = "client", .who = "client", .trace = files->trace };
	struct client_account *a = &who->account;
	char detail[512];

	who->under_way = &p->under_way;
	who->loop = p->loop;
	CU_ASSERT_EQUAL_FATAL(client_account_find(a, files->conf, files->secrets, NULL, detail), HL_OK);
	CU_ASSERT_EQUAL_FATAL(client_account_password(a, detail), HL_OK);
	CU_ASSERT_EQUAL_FATAL(client_account_secret(a, detail), HL_OK);
	CU_ASSERT_EQUAL_FATAL(hl_os_env_open(&who->env, &env), HL_OK);
	client_account_link(a, &who->link);
	CU_ASSERT_EQUAL_FATAL(client_ev_new(p->loop, &who->env.env, &who->link, &a->conf.own.resolver, &who->ev),
		HL_OK);
}

static void parties_open(struct parties *p, const struct live_client *a, const struct live_client *b)
{
	*p = (struct parties){ .loop = ev_loop_new(0) };
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->loop);
	party_open(p, &p->party[0], a);
	party_open(p, &p->party[1], b);
}

static void parties_close(struct parties *p)
{
	for (size_t i = 0; i < HL_COUNT(p->party); i++) {
		client_ev_free(p->party[i].ev);
		hl_buf_clear(&p->party[i].call.call.frame);
		hl_os_env_close(&p->party[i].env);
		client_account_clear(&p->party[i].account);
	}
	ev_loop_destroy(p->loop);
}

static void on_done(struct client_ev_call *call)
{
	struct party *who = call->at;

	if (--*who->under_way == 0)
		ev_break(who->loop, EVBREAK_ALL);
}

static void submit(struct party *who, const struct hl_msg *m, const void *body, const struct hl_msg *expect)
{
	hl_buf_clear(&who->call.call.frame);
	who->call = (struct client_ev_call){ .on_done = on_done, .at = who };
	who->call.call.msg = m;
	who->call.call.body = body;
	who->call.call.expect = expect;
	who->call.call.deadline_us = hl_mono_us(&who->env.env) + live_limit_ms() * 1000;
	++*who->under_way;
	client_ev_submit(who->ev, &who->call);
}

/* Both ask the same at once, and both are answered or refused. */
static void both(struct parties *p, const struct hl_msg *m, const void *body, const struct hl_msg *expect)
{
	for (size_t i = 0; i < HL_COUNT(p->party); i++)
		submit(&p->party[i], m, body, expect);
	ev_run(p->loop, 0);
	CU_ASSERT_EQUAL(p->under_way, 0);
}

static hl_err outcome(const struct parties *p, size_t i)
{
	CU_ASSERT(p->party[i].call.call.done);
	return p->party[i].call.call.err;
}

#define ID_TEXT (2 * HL_CONNECTION_ID + 1)

static void connection_of(const struct parties *p, size_t i, char id[ID_TEXT])
{
	hl_hex(hl_bytes(client_connection(client_ev_core(p->party[i].ev)), HL_CONNECTION_ID), id);
}

static int at_hsm(const struct parties *p, size_t i, const char *step, const char *way, const char *err)
{
	char id[ID_TEXT];
	struct line like = { .conn = id, .step = step, .way = way, .err = err };

	connection_of(p, i, id);
	return lines_of(t.w, "hsm", &like);
}

static const struct hl_random some = { .length = 16 };

/* -- crossed before the channels ---------------------------------------------------------------------------- */

static void crossed_from_the_start(const struct live_client *a, const struct live_client *b)
{
	unsigned before = relay_crossed(t.inner);
	struct parties p;

	relay_cross_answered(t.inner, true);
	parties_open(&p, a, b);
	both(&p, &hl_msg_random, &some, &hl_msg_random_answer);
	relay_cross_answered(t.inner, false);
	CU_ASSERT_EQUAL(relay_crossed(t.inner), before + 1);
	for (size_t i = 0; i < HL_COUNT(p.party); i++) {
		const struct client_failure *f = &p.party[i].call.call.failure;

		CU_ASSERT_EQUAL(outcome(&p, i), HL_E_HSM_AUTH);
		CU_ASSERT_EQUAL(f->step, HL_STEP_PROVED);
		CU_ASSERT_EQUAL(f->attempts, 1);
		CU_ASSERT(!client_is_open(client_ev_core(p.party[i].ev)));
		/* The gateway let both in; the HSM completed with neither. */
		CU_ASSERT_EQUAL(at_hsm(&p, i, "hsm.result", "did", "HL-0208"), 1);
		CU_ASSERT_EQUAL(at_hsm(&p, i, "hello.hsm", "got", ""), 0);
		CU_ASSERT_EQUAL(at_hsm(&p, i, "hsm.result", "sent", ""), 0);
	}
	parties_close(&p);
}

/* The hardest case: both know the very secret that the other end looks for. */
static void two_connections_of_one_client_cannot_be_crossed(void)
{
	crossed_from_the_start(&acme_client, &acme_client);
}

static void two_tenants_cannot_be_crossed(void)
{
	crossed_from_the_start(&acme_client, &zeta_client);
}

static void what_is_not_crossed_goes_through(void)
{
	struct parties p;

	parties_open(&p, &acme_client, &zeta_client);
	both(&p, &hl_msg_random, &some, &hl_msg_random_answer);
	for (size_t i = 0; i < HL_COUNT(p.party); i++) {
		CU_ASSERT_EQUAL(outcome(&p, i), HL_OK);
		CU_ASSERT_EQUAL(at_hsm(&p, i, "hello.hsm", "got", ""), 1);
		CU_ASSERT_EQUAL(at_hsm(&p, i, "hsm.result", "sent", ""), 1);
	}
	parties_close(&p);
}

/* -- crossed on open channels --------------------------------------------------------------------------------- */

static unsigned objects(void)
{
	hsmlet_options o = live_options_of(&acme_client);
	hsmlet_info info = { 0 };
	hsmlet_error e;
	hsmlet *h = NULL;

	CU_ASSERT_EQUAL(hsmlet_open(&o, &h, &e), 0);
	if (h)
		CU_ASSERT_EQUAL(hsmlet_get_info(h, &info, &e), 0);
	hsmlet_close(h);
	return info.objects;
}

/* Both are logged in and ask for a key. What was crossed makes none; what each of them sends again makes its own. */
static void open_channels_cannot_be_crossed_either(void)
{
	static const uint8_t length[8] = { [7] = 32 };
	struct hl_attribute template = { HL_CKA_VALUE_LEN, HL_FORM_NUMBER, { length, 8 } };
	struct hl_login login = { .pin = hl_text(acme.pin) };
	struct hl_generate make = {
		.mechanism = HL_CKM_AES_KEY_GEN,
		.template = { .items = &template, .count = 1 },
	};
	char crossed[2][ID_TEXT];
	unsigned before = objects();
	struct parties p;

	parties_open(&p, &acme_client, &acme_client);
	both(&p, &hl_msg_login, &login, &hl_msg_logged_in);
	CU_ASSERT_EQUAL(outcome(&p, 0), HL_OK);
	CU_ASSERT_EQUAL(outcome(&p, 1), HL_OK);
	connection_of(&p, 0, crossed[0]);
	connection_of(&p, 1, crossed[1]);
	CU_ASSERT(relay_cross_now(t.inner));
	both(&p, &hl_msg_generate, &make, &hl_msg_generated);
	for (size_t i = 0; i < HL_COUNT(p.party); i++) {
		struct line broke = { .conn = crossed[i], .step = "operation", .way = "did", .err = "HL-0208" };

		CU_ASSERT_EQUAL(lines_of(t.w, "hsm", &broke), 1);
		/* Sent again, over a link of its own to which its login is taken along. */
		CU_ASSERT_EQUAL(outcome(&p, i), HL_OK);
	}
	parties_close(&p);
	CU_ASSERT_EQUAL(objects(), before + 2);
}

/* The same request, uncrossed: the story above fails for no other reason. */
static void the_same_request_works_on_its_own_channel(void)
{
	static const uint8_t length[8] = { [7] = 32 };
	struct hl_attribute template = { HL_CKA_VALUE_LEN, HL_FORM_NUMBER, { length, 8 } };
	struct hl_login login = { .pin = hl_text(acme.pin) };
	unsigned before = objects();
	struct parties p;

	parties_open(&p, &acme_client, &acme_client);
	both(&p, &hl_msg_login, &login, &hl_msg_logged_in);
	for (size_t i = 0; i < HL_COUNT(p.party); i++) {
		struct hl_generate make = {
			.mechanism = HL_CKM_AES_KEY_GEN,
			.template = { .items = &template, .count = 1 },
		};

		submit(&p.party[i], &hl_msg_generate, &make, &hl_msg_generated);
		ev_run(p.loop, 0);
		CU_ASSERT_EQUAL(outcome(&p, i), HL_OK);
	}
	parties_close(&p);
	CU_ASSERT_EQUAL(objects(), before + 2);
}

static CU_TestInfo tests[] = {
	{ "two connections of one client cannot be crossed", two_connections_of_one_client_cannot_be_crossed },
	{ "two tenants cannot be crossed", two_tenants_cannot_be_crossed },
	{ "what is not crossed goes through", what_is_not_crossed_goes_through },
	{ "open channels cannot be crossed either", open_channels_cannot_be_crossed_either },
	{ "the same request works on its own channel", the_same_request_works_on_its_own_channel },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_tenant first = { .tenant = "acme", .user = "acmeservice", .partition = "ACME" };
	static const struct live_tenant second = { .tenant = "zeta", .user = "zetaservice", .partition = "ZETA" };

	return tapped_start(&t, 2) && live_provision(t.w, &first, &acme) == HL_OK &&
		live_provision(t.w, &second, &zeta) == HL_OK &&
		tapped_client_ready(&t, "acme", &acme, &acme_client) &&
		tapped_client_ready(&t, "zeta", &zeta, &zeta_client);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("crossed", tests) : 1;

	if (rc != 0)
		live_dump(t.w);
	return tapped_stop(&t) ? rc : 1;
}
