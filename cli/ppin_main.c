/* ppin_main.c - ppin: its options, which of them is done, how an error is told. */
#include "cli/ppin.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "client/secrets.h"

static const struct ppin_options defaults = { .slot_id = -1 };
/* clang-format off */
#define AT(member) offsetof(struct ppin_options, member)
static const struct cli_option rows[] = {
	{ "help",          'h', NULL,   CLI_FLAG,   AT(help), 0, 0, NULL, "this text" },
	{ "version",       'v', NULL,   CLI_FLAG,   AT(version), 0, 0, NULL, "the version" },
	{ "list",          'l', NULL,   CLI_FLAG,   AT(list), 0, 0, NULL, "all slots and service users: is their secret stored?" },
	{ "add",           'a', NULL,   CLI_FLAG,   AT(add), 0, 0, NULL, "add the permanent secret of -e USER: -a -e USER [SETUP [PIN]]" },
	{ "update",        'u', NULL,   CLI_FLAG,   AT(update), 0, 0, NULL, "update it; where the HSM refuses SETUP, it is removed: -u -e USER [SETUP [PIN]]" },
	{ "remove",        'r', NULL,   CLI_FLAG,   AT(remove), 0, 0, NULL, "remove it: -r -e USER" },
	{ "proxy",         'p', NULL,   CLI_FLAG,   AT(proxy), 0, 0, NULL, "check and add the password of a service user: -p -e SVC [PASSWORD]" },
	{ "proxyremove",   'x', NULL,   CLI_FLAG,   AT(proxy_remove), 0, 0, NULL, "remove it: -x -e SVC" },
	{ "test",          't', NULL,   CLI_FLAG,   AT(test), 0, 0, NULL, "log in to every HSM and slot, or those of --user, --hsm, --slot, --slotid" },
	{ "fetchlog",      0,   NULL,   CLI_FLAG,   AT(fetch_log), 0, 0, NULL, "the log of a partition: --fetchlog --user USER [--hsm HSM]" },
	{ "fortinet",      0,   NULL,   CLI_FLAG,   AT(fortinet), 0, 0, NULL, "print the secrets as base64: --fortinet --user USER [SETUP [PIN]]" },
	{ "user",          'e', "USER", CLI_TEXT,   AT(user), 0, 0, NULL, "partition, or service user" },
	{ "hsm",           0,   "HSM",  CLI_TEXT,   AT(hsm), 0, 0, NULL, "hsm0, hsm1, ... or the host as primus.cfg has it" },
	{ "slot",          0,   "SLOT", CLI_TEXT,   AT(slot), 0, 0, NULL, "slot0, slot1, ... of primus.cfg" },
	{ "slotid",        0,   "ID",   CLI_NUMBER, AT(slot_id), 0, INT32_MAX, NULL, "id of a slot" },
	{ "reverse",       0,   NULL,   CLI_FLAG,   AT(reverse), 0, 0, NULL, "with --fetchlog: the latest first" },
	{ "since",         0,   "DAY",  CLI_TEXT,   AT(since), 0, 0, NULL, "with --fetchlog: from this day on, as 2026-01-31" },
	{ "out",           0,   "FILE", CLI_TEXT,   AT(out), 0, 0, NULL, "with --fetchlog: into this file, in the place of one that is there" },
	{ "proxyuser",     0,   "SVC",  CLI_TEXT,   AT(proxy_user), 0, 0, NULL, "with --fortinet: the service user" },
	{ "proxypwd",      0,   "PW",   CLI_TEXT,   AT(proxy_password), 0, 0, NULL, "with --fortinet: his password, to be checked and added first" },
	{ "proxypassword", 0,   "PW",   CLI_TEXT,   AT(proxy_password), 0, 0, NULL, "the same" },
	{ "config",        'c', "FILE", CLI_TEXT,   AT(conf), 0, 0, NULL, "another primus.cfg" },
	{ "secrets",       's', "FILE", CLI_TEXT,   AT(secrets), 0, 0, NULL, "another .secrets.cfg" },
};
static const struct cli_options options = CLI_OPTIONS_ALONE(rows, defaults);

/* One of them is asked for. */
static const struct action {
	const char *flag;
	size_t at;
	ppin_run *run;
	int most; /* operands */
	bool user; /* -e is needed */
} actions[] = {
	{ "-l",         AT(list),         ppin_list,         0, false },
	{ "-a",         AT(add),          ppin_add,          2, true },
	{ "-u",         AT(update),       ppin_update,       2, true },
	{ "-r",         AT(remove),       ppin_remove,       0, true },
	{ "-p",         AT(proxy),        ppin_proxy,        1, true },
	{ "-x",         AT(proxy_remove), ppin_proxy_remove, 0, true },
	{ "-t",         AT(test),         ppin_test,         0, false },
	{ "--fetchlog", AT(fetch_log),    ppin_fetch_log,    0, true },
	{ "--fortinet", AT(fortinet),     ppin_fortinet,     2, true },
};
/* clang-format on */

/* -- the words of the command line --------------------------------------------------------------------------- */

/* Copies; the words themselves, which other processes can read, are wiped. All of them, and before any is understood:
 * which of them carry secrets is known too late, and after a mistake not at all. */
struct words {
	struct hl_secret text;
	char **argv;
};

static void words_clear(struct words *w)
{
	hl_secret_clear(&w->text);
	free(w->argv);
}

static hl_err words_take(struct words *w, int argc, char **argv)
{
	static char name[] = "ppin";
	size_t n = 1, at = 0;
	bool room;

	for (int i = 1; i < argc; i++)
		n += strlen(argv[i]) + 1;
	w->argv = calloc((size_t)argc + 2, sizeof *w->argv);
	room = w->argv && hl_secret_make(&w->text, n) == HL_OK;
	for (int i = 1; i < argc; i++) {
		size_t length = strlen(argv[i]) + 1;

		if (room)
			w->argv[i] = memcpy((char *)w->text.p + at, argv[i], length);
		at += length;
		OPENSSL_cleanse(argv[i], length);
	}
	if (!room)
		return HL_E_NOMEM;
	w->argv[0] = name;
	return HL_OK;
}

/* -- what it says of itself -------------------------------------------------------------------------------- */

static void put_help(FILE *out)
{
	fprintf(out, "ppin -p -e SVC; ppin -a -e USER; ppin -t\n\nThe secrets of primus.cfg's slots, for the simulator hsmlet.\n\n");
	for (size_t i = 0; i < HL_COUNT(rows); i++) {
		char left[64];

		snprintf(left, sizeof left, "%c%c%s --%s%s%s", rows[i].letter ? '-' : ' ', rows[i].letter ? rows[i].letter : ' ',
			rows[i].letter ? "," : " ", rows[i].name, rows[i].arg ? "=" : "", rows[i].arg ? rows[i].arg : "");
		fprintf(out, "  %-26s %s\n", left, rows[i].text);
	}
}

/* -- what is to be done ------------------------------------------------------------------------------------ */

static const char usage[] = "see `ppin -h`";

static hl_err find_action(struct ppin *p, const struct action **out)
{
	const struct action *found = NULL;

	for (size_t i = 0; i < HL_COUNT(actions); i++) {
		if (!*(const bool *)((const char *)&p->o + actions[i].at))
			continue;
		if (found)
			return cli_usage(&p->c, "%s and %s exclude one another", found->flag, actions[i].flag);
		found = &actions[i];
	}
	if (!found)
		return cli_usage(&p->c, "what is to be done? One of -l, -a, -u, -r, -p, -x, -t, --fetchlog, --fortinet");
	if (!p->o.fetch_log && (p->o.since || p->o.reverse || p->o.out))
		return cli_usage(&p->c, "--since, --reverse and --out belong to --fetchlog, not to %s", found->flag);
	if (found->user && !p->o.user)
		return cli_usage(&p->c, "%s needs -e USER", found->flag);
	if (p->c.operands > found->most)
		return cli_usage(&p->c, "%s takes %d words besides, not %d", found->flag, found->most, p->c.operands);
	*out = found;
	return HL_OK;
}

static hl_err find_files(struct ppin *p)
{
	const char *conf = p->o.conf, *secrets = p->o.secrets;
	hl_err err;

	if ((conf && strlen(conf) >= sizeof p->k.conf) || (secrets && strlen(secrets) >= sizeof p->k.secrets))
		return cli_usage(&p->c, "the name of a file is too long");
	if (conf) {
		snprintf(p->k.conf, sizeof p->k.conf, "%s", conf);
		cli_client_secrets(&p->k);
	} else {
		HL_TRY(cli_client_documented(&p->c, &p->k));
	}
	if (secrets)
		snprintf(p->k.secrets, sizeof p->k.secrets, "%s", secrets);
	err = cli_secrets_conf(&p->c, &p->k, &p->conf);
	if (err != HL_E_CONFIG_NONE || !conf)
		return err;
	(void)cli_cause(&p->c, err, "there is no file %s", conf);
	return cli_next(&p->c, err, "check the path behind -c");
}

static hl_err run(struct ppin *p, int argc, char **argv)
{
	const struct action *action = NULL;

	HL_TRY(cli_options_parse(&p->c, &options, &p->o, false, argc, argv));
	if (p->o.help) {
		put_help(p->c.out);
		return HL_OK;
	}
	if (p->o.version) {
		fprintf(p->c.out, "Primus HSM PKCS#11 %s\n", hsmlet_version());
		return HL_OK;
	}
	HL_TRY(find_action(p, &action));
	HL_TRY(find_files(p));
	return action->run(p);
}

/* -- how it ends ---------------------------------------------------------------------------------------------- */

static void tell_error(struct ppin *p, hl_err err)
{
	int step = p->c.trouble.step;
	uint32_t number = p->number;

	if (number == 0)
		p11_ckr(err, step < 0 ? HL_STEP_DNS : (enum hl_step)step, &number);
	fprintf(stderr, "Error 0x%08X: %s\n", number, p11_number_text(number));
	if (err == HL_E_ARG && !p->number)
		(void)cli_next(&p->c, err, usage);
	cli_tell(&p->c, err);
}

int main(int argc, char **argv)
{
	HL_AUTO(words_clear) struct words words = { 0 };
	struct ppin p = { .c = { .command = "ppin", .global.quiet = true, .out = stdout }, .o = defaults };
	hl_err err;

	hl_secret_heap();
	err = words_take(&words, argc, argv);
	cli_keep_places();
	signal(SIGPIPE, SIG_IGN);
	printf("********************\nPrimus Permanent PIN\n********************\n");
	if (err == HL_OK)
		err = run(&p, argc, words.argv);
	client_conf_clear(&p.conf);
	/* What was lost while the words were written is known to the stream only, and no longer with its errno. */
	errno = 0;
	if ((fflush(stdout) != 0 || ferror(stdout)) && err == HL_OK)
		err = cli_fail_errno(&p.c, HL_E_IO, "stdout");
	if (err != HL_OK)
		tell_error(&p, err);
	return hl_err_row(err)->exit_code;
}
