/* conf.h - primus.cfg: hosts, slots, waiting, log, and the extra keys of hsmlet.
 *
 * The vendor's dialect of libconfig. The extra keys stand in a group `hsmlet` inside `primus`. */
#pragma once

#include "lib/base/core.h"
#include "lib/wire/messages.h"

#define CLIENT_HOSTS 16
#define CLIENT_SLOTS 16
#define CLIENT_PATH 1024

struct client_slot {
	char name[16];                    /* slot0 */
	char partition[HL_NAME_TEXT + 1]; /* user_name */
	char client_id[HL_NAME_TEXT + 1];
	char service_user[HL_NAME_TEXT + 1];     /* proxy_user */
	char service_password[HL_NAME_TEXT + 1]; /* proxy_password, seldom: "" if not in the file */
	unsigned id;
};

struct client_host {
	char name[16]; /* hsm0 */
	char host[HL_NAME_MAX + 1];
	uint16_t port;
	unsigned priority; /* 0..127, smaller is preferred */
	struct client_slot slot[CLIENT_SLOTS];
	size_t slots;
};

struct client_conf {
	char path[CLIENT_PATH]; /* where it was read from */
	struct client_host host[CLIENT_HOSTS];
	size_t hosts;
	unsigned wait_delay_ms;  /* 250 */
	unsigned wait_max_tries; /* 5 */
	bool connect_on_init;    /* true */
	struct {
		char file[CLIENT_PATH];
		bool write_log_file, write_syslog;
		bool linenumber, timestamp, function, inout, pid, filename;
		unsigned mask, level;
	} log;
	struct {                              /* hsmlet's own */
		struct hl_addr resolver;      /* family 0: the system's */
		char realm[HL_NAME_TEXT + 1]; /* "hsmlet" */
		char clock_page[CLIENT_PATH]; /* "": real time */
		char trace[CLIENT_PATH];      /* file for trace lines; "": none */
	} own;
};

/**
 * Where primus.cfg is: HSMLET_CONF, SECUROSYS_PKCS11_CONF, /etc/primus/primus.cfg, then the
 * install folder's. A file that a variable names is taken as it is, so that reading it tells
 * what is wrong with it; of the others the first that exists. `lookup` gives the value of a
 * variable, or NULL. HL_E_CONFIG_NONE; HL_E_ARG: the name is too long.
 */
HL_CHECKED hl_err client_conf_find(const char *(*lookup)(const char *name), char path[CLIENT_PATH]);
/** The same for .secrets.cfg: HSMLET_SECRETS, SECUROSYS_SECRETS_CONF, /etc/primus/.secrets.cfg,
 * the install folder's. HL_E_SECRETS_NONE, HL_E_ARG. */
HL_CHECKED hl_err client_secrets_find(
	const char *(*lookup)(const char *name), char path[CLIENT_PATH]);

/* One place of those searches: what a variable names, or a path. */
struct client_search {
	const char *variable, *path; /* one of them is NULL */
};
/** Where the two functions above look, in their order. */
const struct client_search *client_conf_search(size_t *n);
const struct client_search *client_secrets_search(size_t *n);

/** Read and check the whole file into `out`, which is the caller's to clear. HL_E_CONFIG_NONE:
 * there is no such file; HL_E_CONFIG; HL_E_IO; HL_E_NOMEM; with `error` = "path:line: what" or
 * "path: what". */
HL_CHECKED hl_err client_conf_load(const char *path, struct client_conf *out, char error[512]);

/** The same from bytes in memory; `path` stands for the file in messages. */
HL_CHECKED hl_err client_conf_parse(
	const char *path, struct hl_bytes text, struct client_conf *out, char error[512]);

/** Call `each` with every fault of the file. HL_OK: there is none. Errors as of client_conf_load(); one that keeps the file
 * from being read at all is told as the only fault. */
typedef void client_conf_fault(void *at, const char *text);
HL_CHECKED hl_err client_conf_faults(const char *path, client_conf_fault *each, void *at);

/** All defaults, and no hosts. HL_E_NOMEM. */
HL_CHECKED hl_err client_conf_defaults(struct client_conf *out);

/** Whether this is the host that a user names: "hsm0", or as its `host` is written. */
bool client_host_is(const struct client_host *h, const char *name);

/** Wipe it; usable with HL_AUTO. */
void client_conf_clear(struct client_conf *c);

/**
 * Bring a host and its slots into the primus.cfg at `path` (what `hsmlet cred import` does);
 * 0600, atomically. Where the file exists, the host is found by its name and port, a slot by its
 * partition; both are changed in place or added, and all the rest, comments included, is kept. A
 * new file also gets the settings of `own`; of an existing one only the group `hsmlet` is set to
 * own->own. `own` may be NULL. Names of groups (host->name, slot->name) are chosen here.
 * HL_E_CONFIG: the file is malformed, or would be (a slot's id belongs to another partition),
 * and stays as it is; HL_E_ARG: a value cannot be written; HL_E_TIMEOUT, HL_E_CREATE, HL_E_IO,
 * HL_E_NOMEM.
 */
HL_CHECKED hl_err client_conf_save(const char *path, const struct client_host *host,
	const struct client_conf *own, char error[512]);

/** The same upon a text in memory; an empty one is a new file. `path` stands for it in messages. */
HL_CHECKED hl_err client_conf_edit(const char *path, struct hl_buf *text,
	const struct client_host *host, const struct client_conf *own, char error[512]);
