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
	char name[16]; /* slot0 */
	char partition[HL_NAME_TEXT + 1]; /* user_name */
	char client_id[HL_NAME_TEXT + 1];
	char service_user[HL_NAME_TEXT + 1]; /* proxy_user */
	char service_password[HL_NAME_TEXT + 1]; /* proxy_password, seldom: "" where it is not in the file */
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
	unsigned wait_delay_ms; /* 250 */
	unsigned wait_max_tries; /* 5 */
	bool connect_on_init;   /* true */
	struct {
		char file[CLIENT_PATH];
		bool write_log_file, write_syslog;
		bool linenumber, timestamp, function, inout, pid, filename;
		unsigned mask, level;
	} log;
	struct { /* hsmlet's own */
		struct hl_addr resolver;  /* family 0: the system's */
		char realm[HL_NAME_TEXT + 1]; /* "hsmlet" */
		char clock_page[CLIENT_PATH]; /* "": real time */
		char trace[CLIENT_PATH];      /* file for trace lines; "": none */
	} own;
};

/** Search order: HSMLET_CONF, SECUROSYS_PKCS11_CONF, /etc/primus/primus.cfg, the install folder's. `env` looks up
 * a variable (getenv, or a test's). HL_E_CONFIG_NONE. `exists` says whether a file is there. */
HL_CHECKED hl_err client_conf_find(const char *(*lookup)(const char *name), char path[CLIENT_PATH]);
/** The same for .secrets.cfg: HSMLET_SECRETS, SECUROSYS_SECRETS_CONF, ... */
HL_CHECKED hl_err client_secrets_find(const char *(*lookup)(const char *name), char path[CLIENT_PATH]);

/** Read and check the whole file. HL_E_CONFIG with `error` = "path:line: what". */
HL_CHECKED hl_err client_conf_load(const char *path, struct client_conf *out, char error[512]);

/** Write a primus.cfg for one host and one slot (what `hsmlet cred import` makes); 0600, atomically. An existing
 * file that names the same host gets the slot added or replaced; other content is kept. */
HL_CHECKED hl_err client_conf_save(const char *path, const struct client_host *host,
	const struct client_conf *own, char error[512]);
