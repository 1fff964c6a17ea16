/* doctor.c - `doctor`: what could keep a connection from coming about, looked at in the order in which it would. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#include "cli/process.h"
#include "cli/say.h"

struct doctor_options {
	const char *partition;
	struct cli_pin pin;
};

static const struct doctor_options defaults = { .pin.pin_fd = -1 };
/* clang-format off */
static const struct cli_option rows[] = {
	{ "partition", 0, "NAME", CLI_TEXT, offsetof(struct doctor_options, partition), 0, 0, NULL, "which one to connect to (that of the first slot)" },
	CLI_PIN_ROWS(struct doctor_options),
};
const struct cli_options cli_doctor_options = CLI_OPTIONS(rows, defaults);

static const struct { const char *name; cli_check *check; } checks[] = {
	{ "libraries",     cli_check_libraries },
	{ "programs",      cli_check_programs },
	{ "descriptors",   cli_check_descriptors },
	{ "locked memory", cli_check_memory },
	{ "world",         cli_check_world },
	{ "modes",         cli_check_modes },
	{ "disk space",    cli_check_space },
	{ "locks",         cli_check_locks },
	{ "clock",         cli_check_clock },
	{ "members",       cli_check_members },
	{ "versions",      cli_check_versions },
	{ "configuration", cli_check_configuration },
	{ "secrets",       cli_check_secrets },
	{ "resolver",      cli_check_resolver },
	{ "pool",          cli_check_pool },
	{ "gateway",       cli_check_gateway },
	{ "channel",       cli_check_channel },
	{ "partition",     cli_check_partition },
	{ "PIN",           cli_check_pin },
};
static const char *const words[] = { [CLI_OK] = "ok", [CLI_WARN] = "warn", [CLI_BAD] = "fail", [CLI_SKIP] = "skip" };
/* clang-format on */

/* -- findings ------------------------------------------------------------------------------------------- */

void cli_found(struct cli_finding *f, enum cli_verdict verdict, const char *format, ...)
{
	va_list args;

	f->verdict = verdict;
	va_start(args, format);
	vsnprintf(f->text, sizeof f->text, format, args);
	va_end(args);
}

void cli_found_next(struct cli_finding *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->next, sizeof f->next, format, args);
	va_end(args);
}

/* -- this machine --------------------------------------------------------------------------------------- */

/* What was built against one version must not meet an older one, or another major, at run time. */
void cli_check_libraries(struct cli_doctor *d, struct cli_finding *f)
{
	(void)d;
	cli_found(f, CLI_OK, "OpenSSL %s (built with %s), jansson %s (%s)", OpenSSL_version(OPENSSL_VERSION_STRING),
		OPENSSL_FULL_VERSION_STR, jansson_version_str(), JANSSON_VERSION);
	if (OPENSSL_version_major() != OPENSSL_VERSION_MAJOR || OpenSSL_version_num() < OPENSSL_VERSION_NUMBER ||
		jansson_version_cmp(JANSSON_MAJOR_VERSION, JANSSON_MINOR_VERSION, 0) < 0) {
		f->verdict = CLI_BAD;
		cli_found_next(f, "build hsmlet anew with the libraries of this machine");
	}
}

void cli_check_programs(struct cli_doctor *d, struct cli_finding *f)
{
	static const char *const programs[] = { "hsmlet-directory", "hsmlet-hsm", "hsmlet-proxy" };
	const char *const argument[] = { "--version", NULL };
	char said[CLI_ASK_TEXT], want[64];
	int status;

	for (size_t i = 0; i < HL_COUNT(programs); i++) {
		cli_found_next(f, "build it (./run build) or install hsmlet again");
		if (cli_program_ask(d->c, programs[i], argument, said, &status) != HL_OK || status != 0) {
			cli_found(f, CLI_BAD, "%s is missing or does not start", programs[i]);
			return;
		}
		said[strcspn(said, "\n")] = 0;
		snprintf(want, sizeof want, "%s %s", programs[i], hsmlet_version());
		if (strcmp(said, want) != 0) {
			cli_found(f, CLI_BAD, "%s beside hsmlet %s", said, hsmlet_version());
			return;
		}
	}
	cli_found(f, CLI_OK, "all of version %s", hsmlet_version());
}

#define DESCRIPTORS_LEAST 64   /* a daemon has about twenty before its first client */
#define DESCRIPTORS_USUAL 1024

void cli_check_descriptors(struct cli_doctor *d, struct cli_finding *f)
{
	struct rlimit limit;

	(void)d;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		cli_found(f, CLI_BAD, "the limit cannot be read");
		return;
	}
	if (limit.rlim_cur == RLIM_INFINITY)
		cli_found(f, CLI_OK, "no limit");
	else
		cli_found(f, limit.rlim_cur < DESCRIPTORS_LEAST ? CLI_BAD : limit.rlim_cur < DESCRIPTORS_USUAL ? CLI_WARN : CLI_OK,
			"%llu for each process", (unsigned long long)limit.rlim_cur);
	cli_found_next(f, "`ulimit -n 4096` before `hsmlet up`: each client takes two of a proxy");
}

void cli_check_memory(struct cli_doctor *d, struct cli_finding *f)
{
	struct rlimit limit = { 0, 0 };

	(void)d;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (hl_secret_heap()) {
		cli_found(f, CLI_OK, "secrets are kept out of swap and dumps");
		return;
	}
	cli_found(f, CLI_WARN, "secrets cannot be locked into memory: the limit is %llu KiB",
		(unsigned long long)limit.rlim_cur / 1024);
	cli_found_next(f, "raise it: `ulimit -l`, or memlock in limits.conf(5)");
}

/* -- the report ----------------------------------------------------------------------------------------- */

struct report {
	struct cli *c;
	json_t *all;
	unsigned count[CLI_SKIP + 1];
};

/* A line at a time: the later checks may take seconds. */
static void print_line(struct cli *c, const char *name, const struct cli_finding *f)
{
	char text[1024], next[CLI_ADVICE_TEXT];

	cli_printable(f->text, text, sizeof text);
	cli_advice(c, f->next, next);
	fprintf(c->out, "%-5s %-14s %s\n", words[f->verdict], name, text);
	if ((f->verdict == CLI_WARN || f->verdict == CLI_BAD) && *f->next)
		fprintf(c->out, "%-20s next: %s\n", "", f->next);
	cli_print_now(c);
}

static void report_one(struct report *r, const char *name, const struct cli_finding *f)
{
	bool good = f->verdict == CLI_OK || f->verdict == CLI_SKIP;
	char text[1024], next[CLI_ADVICE_TEXT];

	cli_printable(f->text, text, sizeof text);
	cli_advice(r->c, f->next, next);
	r->count[f->verdict]++;
	if (!r->c->global.json)
		print_line(r->c, name, f);
	json_array_append_new(r->all,
		json_pack("{s:s, s:s, s:s, s:s?}", "check", name, "result", words[f->verdict], "text", text, "next",
			good || !*next ? NULL : next));
}

static void examine(struct cli_doctor *d, struct report *r)
{
	bool quiet = d->c->global.quiet;

	d->c->global.quiet = true; /* what is to be said is said in the lines */
	for (size_t i = 0; i < HL_COUNT(checks); i++) {
		struct cli_finding f = { .verdict = CLI_OK };

		checks[i].check(d, &f);
		report_one(r, checks[i].name, &f);
	}
	d->c->global.quiet = quiet;
}

static hl_err conclude(struct cli *c, struct report *r)
{
	c->trouble = (struct cli_trouble){ .err = HL_OK };
	c->exit_code = r->count[CLI_BAD] > 0; /* "no" is an answer: the report is the data */
	if (c->global.json)
		return cli_print_json(c, "hsmlet-doctor/1",
			json_pack("{s:b, s:i, s:i, s:O}", "healthy", r->count[CLI_BAD] == 0, "failed",
				(int)r->count[CLI_BAD], "warned", (int)r->count[CLI_WARN], "checks", r->all));
	cli_note(c, "%u ok, %u warn, %u fail, %u skipped", r->count[CLI_OK], r->count[CLI_WARN], r->count[CLI_BAD],
		r->count[CLI_SKIP]);
	return HL_OK;
}

hl_err cli_doctor(struct cli *c)
{
	const struct doctor_options *o = c->options;
	HL_AUTO(hl_secret_clear) struct hl_secret pin = { 0 };
	HL_AUTO(cli_json_drop) json_t *all = json_array();
	struct report r = { .c = c, .all = all };
	struct cli_doctor *d = calloc(1, sizeof *d);
	hl_err err = d ? cli_pin(c, &o->pin, &pin) : HL_E_NOMEM;

	if (err == HL_OK) {
		*d = (struct cli_doctor){ .c = c, .partition = o->partition, .pin = &pin };
		examine(d, &r);
		err = conclude(c, &r);
		hsmlet_close(d->h);
		client_conf_clear(&d->conf);
	}
	free(d);
	return err;
}
