/* up.c - `hsmlet up`: a world, made or started again. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/raise.h"
#include "cli/say.h"

struct up_options {
	struct cli_wish wish;
	int64_t ready_fd;
	const char *ready_file;
	bool foreground;
};

static const struct up_options defaults = { .ready_fd = -1 };
static const char *const packages[] = { "SBX", "ECO", "ECO-CC", "PLATINUM", NULL };

/* clang-format off */
#define AT(member) offsetof(struct up_options, member)
static const struct cli_option rows[] = {
	{ "dev",          0, NULL,    CLI_FLAG,   AT(wish.dev), 0, 0, NULL, "fixed, known credentials, imported and ready for use" },
	{ "profile",      0, "WORD",  CLI_WORD,   AT(wish.profile), 0, 0, cli_profiles, "how strict the service is; kept with the world" },
	{ "proxies",      0, "N",     CLI_NUMBER, AT(wish.proxies), 1, CLI_PROXIES_MAX, NULL, "members of the pool, 1 to " CLI_STR(CLI_PROXIES_MAX) " (3)" },
	{ "hsms",         0, "N",     CLI_NUMBER, AT(wish.hsms), 1, CLI_HSMS_MAX, NULL, "members of the cluster, 1 to " CLI_STR(CLI_HSMS_MAX) " (2)" },
	{ "workers",      0, "N",     CLI_NUMBER, AT(wish.workers), 1, CLI_WORKERS_MAX, NULL, "processes of each proxy and each HSM, 1 to " CLI_STR(CLI_WORKERS_MAX) " (1)" },
	{ "package",      0, "WORD",  CLI_WORD,   AT(wish.package), 0, 0, packages, "service package of the first tenant" },
	{ "tenant",       0, "NAME",  CLI_TEXT,   AT(wish.tenant), 0, 0, NULL, "its name (acme)" },
	{ "service-user", 0, "NAME",  CLI_TEXT,   AT(wish.service_user), 0, 0, NULL, "its service user (acmeservice)" },
	{ "partition",    0, "NAME",  CLI_TEXT,   AT(wish.partition), 0, 0, NULL, "its partition (ACMEPARTONE)" },
	{ "allow",        0, "RANGE", CLI_TEXTS,  AT(wish.allow), 0, 0, NULL, "address, or address/prefix, that the service user may come from; may be repeated (all)" },
	{ "ready-fd",     0, "N",     CLI_NUMBER, AT(ready_fd), 0, 1 << 20, NULL, "write the ready line to this descriptor too" },
	{ "ready-file",   0, "FILE",  CLI_TEXT,   AT(ready_file), 0, 0, NULL, "and to this file" },
	{ "foreground",   0, NULL,    CLI_FLAG,   AT(foreground), 0, 0, NULL, "stay, and stop the world at SIGINT or SIGTERM" },
	{ "dumpable",     0, NULL,    CLI_FLAG,   AT(wish.dumpable), 0, 0, NULL, "let this user look into the daemons' memory (tests only)" },
};
/* clang-format on */

const struct cli_options cli_up_options = CLI_OPTIONS(rows, defaults);

/* -- ready ---------------------------------------------------------------------------------------- */

/* Looked at before anything starts: an `up` that fails should not leave a world that runs. The file itself is
 * made when all is ready, since others wait for it to appear. */
static hl_err check_ready(struct cli *c, const struct up_options *o)
{
	const char *slash = o->ready_file ? strrchr(o->ready_file, '/') : NULL;
	char folder[CLI_PATH];

	if (o->ready_fd >= 0 && fcntl((int)o->ready_fd, F_GETFD) < 0)
		return cli_usage(c, "--ready-fd: %lld is no open descriptor", (long long)o->ready_fd);
	if (!o->ready_file)
		return HL_OK;
	if (strlen(o->ready_file) >= sizeof folder)
		return cli_usage(c, "--ready-file: a path has at most %zu bytes", sizeof folder - 1);
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - o->ready_file + 1) : 1,
		slash ? o->ready_file : ".");
	return access(folder, W_OK) == 0 ? HL_OK : cli_fail_errno(c, HL_E_CREATE, o->ready_file);
}

static hl_err tell_ready(struct cli *c, const struct up_options *o, const struct cli_world *w)
{
	char line[1024], whole[1040];

	cli_ready_line(w, line);
	snprintf(whole, sizeof whole, "hsmlet: %s\n", line);
	if (o->ready_file)
		HL_TRY(cli_write_file(c, o->ready_file, 0600, hl_text(whole)));
	if (o->ready_fd >= 0) {
		if (write((int)o->ready_fd, whole, strlen(whole)) < 0)
			return cli_fail_errno(c, HL_E_IO, "--ready-fd");
		close((int)o->ready_fd);
	}
	fputs(whole, stderr); /* --quiet included: whoever waits for it waits here */
	return HL_OK;
}

/* To be typed as it stands: a path may have spaces. */
static void tell_import(const struct cli *c, const char *world, const char *service_file, const char *hsm_file)
{
	char service[CLI_SHELL_TEXT], hsm[CLI_SHELL_TEXT];

	cli_shell_word(service_file, service, sizeof service);
	cli_shell_word(hsm_file, hsm, sizeof hsm);
	cli_note(c, "next: hsmlet%s cred import %s %s", world, service, hsm);
}

static void tell_what_next(const struct cli *c, const struct cli_world *w)
{
	const struct cli_globals *g = &c->global;
	char name[CLI_SHELL_TEXT] = "", world[CLI_SHELL_TEXT + 8] = "";

	if (g->dir || g->instance) {
		cli_shell_word(g->dir ? g->dir : g->instance, name, sizeof name);
		snprintf(world, sizeof world, " %s %s", g->dir ? "--dir" : "-i", name);
	}
	if (cli_client_has_secret(w, w->partition)) {
		cli_note(c, "next: eval \"$(hsmlet%s env)\", then hsmlet try", world);
		return;
	}
	tell_import(c, world, w->service_file, w->hsm_file);
	if (*w->spare_hsm_file)
		tell_import(c, world, w->spare_service_file, w->spare_hsm_file);
}

static hl_err print(struct cli *c, const struct cli_world *w, bool already)
{
	char resolver[HL_ADDR_TEXT];

	if (!c->global.json)
		return HL_OK;
	snprintf(resolver, sizeof resolver, "%s.1:5300", w->block);
	return cli_print_json(c, "hsmlet-up/1",
		json_pack("{s:s, s:s, s:b, s:b, s:b, s:s, s:s, s:s, s:s, s:[s,s]}", "name", w->name, "dir",
			w->dir, "simulator", 1, "ready", 1, "already", already, "pool", w->pool, "resolver",
			resolver, "partition", w->partition, "service_user", w->service_user, "credentials",
			w->service_file, w->hsm_file));
}

/* -- foreground ------------------------------------------------------------------------------------ */

static void await_signal(void)
{
	sigset_t stop, before;

	/* Blocked while it is looked at, so that none comes in between and is waited for in vain. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, &before);
	while (!cli_signal)
		sigsuspend(&before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static hl_err stay(struct cli *c, const struct cli_world *w)
{
	HL_AUTO(client_lock_release) struct client_lock lock = CLIENT_LOCK_NONE;

	cli_print_now(c);
	await_signal();
	cli_note(c, "stopping");
	HL_TRY(cli_world_lock(c, w, &lock));
	return cli_world_stop(c, w, NULL);
}

static hl_err raise_and_stay(
	struct cli *c, const struct up_options *o, const char *dir, int die_fd, struct cli_world *w)
{
	bool already;

	HL_TRY(cli_raise(c, dir, &o->wish, die_fd, w, &already));
	if (already)
		cli_note(c, "it is running already");
	HL_TRY(tell_ready(c, o, w));
	tell_what_next(c, w);
	HL_TRY(print(c, w, already));
	return o->foreground ? stay(c, w) : HL_OK;
}

hl_err cli_up(struct cli *c)
{
	const struct up_options *o = c->options;
	char dir[CLI_DIR_TEXT];
	struct cli_world w;
	int life[2] = { -1, -1 };
	hl_err err;

	HL_TRY(cli_world_locate(c, dir));
	HL_TRY(cli_wish_check(c, &o->wish));
	HL_TRY(check_ready(c, o));
	cli_note(c, "a simulator of a cloud HSM service: its keys are not protected by hardware");
	cli_signals_catch();
	/* In the foreground the daemons hold the other end of this pipe: they end with us, however we end. */
	if (o->foreground && pipe2(life, O_CLOEXEC) != 0)
		return cli_fail_errno(c, HL_E_IO, "pipe");
	err = raise_and_stay(c, o, dir, life[0], &w);
	if (o->foreground) {
		close(life[0]);
		close(life[1]);
	} else {
		cli_signals_obey();
	}
	return err;
}
