/* ppin.c - what each option of ppin does. */
#include "cli/ppin.h"

#include <string.h>

hl_err ppin_numbered(struct ppin *p, hl_err err, uint32_t number)
{
	p->number = number;
	return err;
}

/* -- secrets ------------------------------------------------------------------------------------------------ */

hl_err ppin_secret(struct ppin *p, int n, enum ppin_secret which, const char *user, struct hl_secret *out)
{
	static const struct {
		const char *what, *after; /* as the vendor's tool asks */
	} prompt[] = {
		[PPIN_SETUP] = { "setup password", ": " },
		[PPIN_PIN] = { "PKCS11 password", ": " },
		[PPIN_PROXY] = { "proxy password", " : " },
	};
	char line[HL_NAME_TEXT + 64];
	hl_err err;

	if (n >= p->c.operands) {
		snprintf(line, sizeof line, "Provide %s for '%s'%s", prompt[which].what, user, prompt[which].after);
		return cli_secret_of_stdin(&p->c, line, prompt[which].what, out);
	}
	err = hl_secret_set(out, hl_text(p->c.operand[n]));
	return err == HL_OK ? HL_OK : cli_fail(&p->c, err, "%s", prompt[which].what);
}

static hl_err not_empty(struct ppin *p, const struct hl_secret *s, const char *what)
{
	return s->n > 0 ? HL_OK : cli_fail(&p->c, HL_E_ARG, "%s is empty", what);
}

/* -- whose ---------------------------------------------------------------------------------------------------- */

static hl_err need_slot(struct ppin *p, const struct client_slot **out)
{
	hl_err err = cli_secrets_slot(&p->c, &p->conf, p->o.user, NULL, out);

	return err == HL_OK ? HL_OK : ppin_numbered(p, err, P11_USER_UNKNOWN);
}

static hl_err need_service(struct ppin *p, const char *user, const struct client_slot **out)
{
	hl_err err = cli_secrets_slot(&p->c, &p->conf, NULL, user, out);

	return err == HL_OK ? HL_OK : ppin_numbered(p, err, P11_USER_UNKNOWN);
}

/* What kept the file from being written has a number of its own, and so has one that is not good. */
static hl_err of_file(struct ppin *p, hl_err err, uint32_t otherwise)
{
	bool unwritable = err == HL_E_CREATE || err == HL_E_IO || err == HL_E_TIMEOUT;

	if (err == HL_OK || err == HL_E_SECRETS || err == HL_E_MODE)
		return err;
	return ppin_numbered(p, err, unwritable ? P11_SECRETS_UNWRITABLE : otherwise);
}

/* -- -l ----------------------------------------------------------------------------------------------------------- */

hl_err ppin_list(struct ppin *p)
{
	struct cli_failures failures = { 0 };

	HL_TRY(cli_secrets_each(&p->c, &p->k, &p->conf, cli_secret_line, &failures));
	HL_TRY(cli_secrets_each(&p->c, &p->k, &p->conf, cli_password_line, &failures));
	return cli_failures_end(&p->c, &failures);
}

/* -- -a, -u, -r ---------------------------------------------------------------------------------------------------- */

hl_err ppin_exchange(struct ppin *p, const char *partition, const struct hl_secret *setup, uint32_t failed)
{
	hl_err err = not_empty(p, setup, "setup password");
	uint32_t number;

	if (err == HL_OK)
		err = cli_client_exchange(&p->c, &p->k, partition, hl_secret_view(setup));
	if (err == HL_OK)
		return HL_OK;
	if (p->c.trouble.stored) { /* the numbers of setup passwords would blame a good one */
		fprintf(p->c.out, "Permanent secret stored for user '%s', but not confirmed by a login\n", partition);
		return cli_next(&p->c, err, "try the login again: `ppin -t --user %s`; nothing has to be fetched again", partition);
	}
	number = p11_setup_number(err);
	if (err == HL_E_ARG || number < 0x80000000)
		return of_file(p, err, failed);
	return ppin_numbered(p, err, number);
}

hl_err ppin_try_pin(struct ppin *p, const char *partition, const struct hl_secret *pin)
{
	HL_AUTO(cli_client_closep) hsmlet *h = NULL;
	hl_err err = pin->n > 0 ? cli_client_open(&p->c, &p->k, partition, pin, &h) : HL_OK;

	if (err == HL_E_PIN)
		(void)cli_cause(&p->c, err, "the PKCS11 password of '%s' was mistyped; its permanent secret is stored, and good", partition);
	if (err == HL_E_PIN)
		(void)cli_next(&p->c, err, "nothing has to be fetched again; `ppin -t --user %s` needs no PKCS11 password", partition);
	return err;
}

struct answers {
	struct hl_secret setup, pin;
};

static void answers_clear(struct answers *a)
{
	hl_secret_clear(&a->setup);
	hl_secret_clear(&a->pin);
}

static hl_err ask(struct ppin *p, const char *partition, struct answers *out)
{
	HL_TRY(ppin_secret(p, 0, PPIN_SETUP, partition, &out->setup));
	if (out->setup.n == 0)
		return HL_OK; /* the exchange refuses that: no use to ask for the other */
	return ppin_secret(p, 1, PPIN_PIN, partition, &out->pin);
}

hl_err ppin_add(struct ppin *p)
{
	HL_AUTO(answers_clear) struct answers a = { 0 };
	const struct client_slot *slot;
	bool there;

	HL_TRY(need_slot(p, &slot));
	HL_TRY(cli_secret_is_there(&p->c, &p->k, slot->partition, &there));
	if (there)
		return ppin_numbered(p,
			cli_next(&p->c, cli_fail(&p->c, HL_E_EXISTS, "the permanent secret of %s", slot->partition),
				"fetch it again: `ppin -u -e %s`, or remove it first: `ppin -r -e %s`", slot->partition,
				slot->partition),
			P11_CONFIGURED_ALREADY);
	HL_TRY(ask(p, slot->partition, &a));
	HL_TRY(ppin_exchange(p, slot->partition, &a.setup, P11_NOT_ADDED));
	fprintf(p->c.out, "Permanent secret added for user '%s'\n", slot->partition);
	return ppin_try_pin(p, slot->partition, &a.pin);
}

/* The HSM itself has said no to the setup password. A refusal of the gateway, before there was a channel, says nothing
 * of it, nor does a way that broke. */
static bool is_refused(const struct ppin *p, hl_err err)
{
	return (err == HL_E_HSM_AUTH || err == HL_E_SETUP_EXPIRED) && p->c.trouble.step >= (int)HL_STEP_TLS;
}

/* "A failed update removes the entry", so that the next try has to add it. An update that was not tried has not failed. */
static hl_err not_updated(struct ppin *p, const char *partition, hl_err err)
{
	struct cli_trouble before = p->c.trouble;

	if (!is_refused(p, err))
		fprintf(p->c.out, "Permanent secret kept for user '%s': the HSM has refused nothing\n", partition);
	else if (cli_secret_forget(&p->c, &p->k, partition) == HL_OK)
		fprintf(p->c.out, "Permanent secret removed for user '%s': add it again with -a\n", partition);
	else
		fprintf(p->c.out, "Permanent secret of user '%s' cannot be removed from %s\n", partition, p->k.secrets);
	p->c.trouble = before;
	return err;
}

hl_err ppin_update(struct ppin *p)
{
	HL_AUTO(answers_clear) struct answers a = { 0 };
	const struct client_slot *slot;
	bool there;
	hl_err err;

	HL_TRY(need_slot(p, &slot));
	HL_TRY(cli_secret_is_there(&p->c, &p->k, slot->partition, &there));
	if (!there)
		return ppin_numbered(p,
			cli_next(&p->c, cli_fail(&p->c, HL_E_SECRETS_NONE, "of %s", slot->partition),
				"add it: `ppin -a -e %s`", slot->partition),
			P11_NOT_UPDATED);
	err = ask(p, slot->partition, &a);
	if (err == HL_OK)
		err = ppin_exchange(p, slot->partition, &a.setup, P11_NOT_UPDATED);
	if (err != HL_OK)
		return p->c.trouble.stored ? err : not_updated(p, slot->partition, err);
	fprintf(p->c.out, "Permanent secret updated for user '%s'\n", slot->partition);
	return ppin_try_pin(p, slot->partition, &a.pin);
}

hl_err ppin_remove(struct ppin *p)
{
	HL_TRY(of_file(p, cli_secret_forget(&p->c, &p->k, p->o.user), P11_NOT_REMOVED));
	fprintf(p->c.out, "Permanent secret removed for user '%s'\n", p->o.user);
	return HL_OK;
}

/* -- -p, -x ------------------------------------------------------------------------------------------------------------ */

hl_err ppin_take_password(struct ppin *p, const struct client_slot *slot, const struct hl_secret *password)
{
	HL_TRY(not_empty(p, password, "proxy password"));
	HL_TRY(cli_password_check(&p->c, &p->k, slot, password));
	return of_file(p, cli_password_store(&p->c, &p->k, slot->service_user, password), P11_NOT_ADDED);
}

hl_err ppin_proxy(struct ppin *p)
{
	HL_AUTO(hl_secret_clear) struct hl_secret password = { 0 };
	const struct client_slot *slot;

	HL_TRY(need_service(p, p->o.user, &slot));
	HL_TRY(ppin_secret(p, 0, PPIN_PROXY, slot->service_user, &password));
	HL_TRY(ppin_take_password(p, slot, &password));
	fprintf(p->c.out, "Proxy password added for user '%s'\n", slot->service_user);
	return HL_OK;
}

hl_err ppin_proxy_remove(struct ppin *p)
{
	HL_TRY(of_file(p, cli_password_forget(&p->c, &p->k, p->o.user), P11_NOT_REMOVED));
	fprintf(p->c.out, "Proxy password removed for user '%s'\n", p->o.user);
	return HL_OK;
}

/* -- -t --------------------------------------------------------------------------------------------------------------------- */

struct told {
	struct ppin *p;
	const struct client_host *host; /* whose heading was printed last */
};

static void tell(void *at, const struct cli_slot_result *r)
{
	struct told *t = at;
	FILE *out = t->p->c.out;
	enum hl_step step = r->step < 0 ? HL_STEP_DNS : (enum hl_step)r->step;

	if (t->host != r->host)
		fprintf(out, "%s%s: Connect to '%s' on port %u%s%s\n", t->host ? "\n" : "", r->host->name, r->host->host,
			r->host->port, r->firmware[0] ? ", firmware: " : "", r->firmware);
	t->host = r->host;
	fprintf(out, "    %s (id=%u), user=%s: %s\n", r->slot->name, r->slot->id, r->slot->partition,
		r->err == HL_OK ? "OK" : p11_ckr_name(p11_ckr(r->err, step, NULL)));
}

hl_err ppin_test(struct ppin *p)
{
	const struct cli_slot_filter filter = { p->o.user, p->o.hsm, p->o.slot, p->o.slot_id };
	struct told told = { .p = p };
	struct cli_slots_tested tested;
	hl_err err;

	fprintf(p->c.out, "Load config file: '%s'\n\n", p->k.conf);
	err = cli_secrets_test(&p->c, &p->k, &p->conf, &filter, tell, &told, &tested);
	if (err != HL_OK)
		return ppin_numbered(p, err, P11_USER_UNKNOWN);
	fprintf(p->c.out, "\nNumber of tested HSMs: %u (number of partitions: %u)\nNumber of failures: %u\n", tested.hosts,
		tested.slots, tested.failures.n);
	return cli_failures_end(&p->c, &tested.failures);
}
