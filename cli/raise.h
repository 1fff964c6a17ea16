/* raise.h - from a folder and a few wishes to a world that is ready. */
#pragma once

#include "cli/life.h"

/* What was asked for; what is not given (0, NULL) takes its default in a new world, and is as it is in
 * one that exists. */
struct cli_wish {
	bool dev, dumpable;
	const char *profile, *package, *tenant, *service_user, *partition;
	int64_t proxies, hsms, workers;
	struct cli_texts allow;
};

/* The words of --profile, closed by NULL. */
extern const char *const cli_profiles[];

/* The fixed credentials of --dev. */
#define CLI_DEV_SERVICE_PASSWORD "acme-service-password-0001"
#define CLI_DEV_SETUP_PASSWORD "ACME0-SETUP-PASSW-ORD00-00001"
#define CLI_DEV_PIN "12345678"

/* A lab world's first token, and its second partition, whose token is not initialised. */
#define CLI_LAB_LABEL "test"
#define CLI_SPARE_USER "spareservice"
#define CLI_SPARE_PARTITION "SPARE"
#define CLI_SPARE_SERVICE_PASSWORD "spare-service-password-0002"
#define CLI_SPARE_SETUP_PASSWORD "SPARE-SETUP-PASSW-ORD00-00002"

/** HL_E_ARG where a name or a range of the wish is none: to be asked before anything of a world is made. */
HL_CHECKED hl_err cli_wish_check(struct cli *c, const struct cli_wish *wish);

/**
 * Make the world at `dir` where there is none, start what does not run, wait until all are up, provision the
 * first tenant, and with dev import its credentials. *already: it was ready before. On failure everything that
 * was started is ended. HL_E_EXISTS: there is a world, and it differs from the wish.
 */
HL_CHECKED hl_err cli_raise(struct cli *c, const char *dir, const struct cli_wish *wish, int die_fd,
	struct cli_world *w, bool *already);

/** Provision what is not there yet, and with dev import its credentials. Errors as of a command. */
HL_CHECKED hl_err cli_tenant_settle(struct cli *c, struct cli_world *w);

/** The line that says so: "ready: ...", without "hsmlet: ". */
void cli_ready_line(const struct cli_world *w, char out[1024]);
