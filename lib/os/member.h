/* member.h - what every member of the service has in its configuration and its life: a trace, a
 * clock page, a lock, a key that it shares with another. */
#pragma once

#include "lib/base/secret.h"
#include "lib/os/config.h"
#include "lib/os/daemon.h"
#include "lib/os/env.h"
#include "lib/os/jobs.h"
#include "lib/os/shell.h"

#define HL_LINK_KEY 32

struct hl_member_conf {
	const char *name, *trace, *clock_page, *lock, *user;
};

/* The rows of these keys for a schema whose struct has a `struct hl_member_conf member`. */
#define HL_MEMBER_PATH(S, key, t) \
	{ .name = #key, .kind = HL_CONFIG_PATH, .offset = offsetof(S, member.key), .least = 1, .most = 4095, .text = t }
#define HL_MEMBER_ROWS(S) \
	{ .name = "name", .kind = HL_CONFIG_TEXT, .required = true, .offset = offsetof(S, member.name), \
		.least = 1, .most = 64, .text = "name of this member" }, \
	{ .name = "user", .kind = HL_CONFIG_TEXT, .offset = offsetof(S, member.user), .least = 1, \
		.most = 32, .text = "user to become where started as root" }, \
	HL_MEMBER_PATH(S, trace, "file of trace lines; none: no trace"), \
	HL_MEMBER_PATH(S, clock_page, "the world's clock; none: real time"), \
	HL_MEMBER_PATH(S, lock, "lock file, held for life")

struct hl_member {
	struct hl_daemon daemon;
	struct hl_config config;
	struct hl_os_env env;
	struct hl_jobs *jobs;
	struct hl_shell *shell;
};

/** Options, protection, configuration (into `conf`, by `schema`), env and jobs. On failure it logs why; the
 * result is for hl_member_end(). `conf_member` points into `conf`. With --check the process ends here, with a line on
 * stdout: "FILE: good" (0), or a line "FILE:LINE: what" for each fault (78). */
HL_CHECKED hl_err hl_member_begin(struct hl_member *m, const struct hl_daemon_spec *spec, int argc,
	char **argv, const struct hl_config_schema *schema, void *conf,
	const struct hl_member_conf *conf_member);

/** Read a key of `n` bytes from a file that is ours alone. Logs what is wrong with it. */
HL_CHECKED hl_err hl_member_key(const char *path, size_t n, struct hl_secret *out);

/** Log that what `value` (a path, an address) stands for failed with `err`, where it did, with the system's reason;
 * gives `err`. */
hl_err hl_member_named(const char *value, hl_err err);

/** Parse an address of the configuration; logs the key's name where it is none. */
HL_CHECKED hl_err hl_member_address(const char *key, const char *text, struct hl_addr *out);

/** A shell around the core, with jobs. */
HL_CHECKED hl_err hl_member_shell(struct hl_member *m, const struct hl_core_ops *ops, void *core);

/** Let the shell listen at `n` addresses, given as the texts of the configuration's key `listen`: the first is the
 * shell's listener 0. A worker listens on the sockets that its parent made for it. `*port`: of the first one. */
HL_CHECKED hl_err hl_member_listen(struct hl_member *m, const char *const *text, size_t n, unsigned *port);

/** Lock (the parent does that for a worker), drop rights, say that it is ready, run until told to stop. The jobs under way then have 1 s; where one takes
 * longer, the process ends here, with exit code 0. */
HL_CHECKED hl_err hl_member_run(
	struct hl_member *m, const struct hl_member_conf *conf, unsigned port);

/** Free everything but the core (free that before, after hl_member_quiet()); the exit code. */
int hl_member_end(struct hl_member *m, hl_err err);
/** Stop shell and jobs: nothing touches the core any more. */
void hl_member_quiet(struct hl_member *m);
