/* live.h - a whole world of real processes for a test: its folder, its addresses, its daemons.
 *
 *	struct live *w = live_start(&(struct live_options){ .proxies = 2, .hsms = 2 });
 *
 * The folder is private, the addresses are a block 127.a.b.0/24 that no other world has. The daemons
 * are those of the build folder (HL_BIN, or where this test was built). They end with this process,
 * however it ends. Nothing here sleeps: every wait is for a descriptor or for a state, 10 s at most,
 * 60 s where HL_SLOW is set. What fails says why on stderr. Used by one thread. */
#pragma once

#include <limits.h>

#include "client/hsmlet.h"
#include "lib/auth/credential.h"
#include "lib/base/core.h"

#define LIVE_POOL "pool.hsmlet.test"
#define LIVE_PORT 2310 /* where proxies take clients */
#define LIVE_HSM_PORT 2400
#define LIVE_PROXY 11 /* last number of the address of proxy1; proxy2 follows */
#define LIVE_HSM 31
#define LIVE_EACH 8 /* proxies, HSMs, at most */

struct live_options {
	unsigned proxies, hsms;             /* 0: one */
	const char *hsm_address[LIVE_EACH]; /* where proxies are told to find hsm1, ...; NULL: where it listens */
	unsigned grant_valid_ms;            /* 0: 30,000 */
	bool dumpable;                      /* the daemons' memory may be looked at */
	bool proxies_drop;                  /* proxies become LIVE_NOBODY, where the test is root */
	unsigned workers;                   /* of each proxy and each HSM; 0: one */
	bool master_any;                    /* new keys need no master */
	unsigned clients;                   /* at once, at each worker of each proxy; 0: as many as there are by default */
};
#define LIVE_NOBODY "nobody"

struct live;
/** All members are up. NULL: it did not come about, and nothing is left of it. */
struct live *live_start(const struct live_options *options);
/** End all members, remove the folder, free. False: one of those that still ran did not end in order
 * (a leak under a sanitizer shows so). NULL is allowed. */
bool live_stop(struct live *w);
/** The logs of all members, to stderr. */
void live_dump(const struct live *w);

/** Path of something in the world's folder: "trace/proxy1.jsonl". */
void live_path(const struct live *w, const char *name, char out[PATH_MAX]);
/** An address of the world's block. */
struct hl_addr live_address(const struct live *w, unsigned last, uint16_t port);
/** Whether this build's daemons are always dumpable: its leak checker would not work otherwise. */
bool live_always_dumpable(void);
/** How long a wait may take here, ms. */
int live_limit_ms(void);

/** SIGKILL; on return the member is gone, and the directory knows. */
bool live_kill(struct live *w, const char *name);
/** Start a member that was killed; on return it is up. */
bool live_restart(struct live *w, const char *name);
/** The two without waiting for what the directory says: on return the process is gone; it listens. False also where a
 * member has ended by itself before. */
bool live_strike(struct live *w, const char *name);
bool live_raise(struct live *w, const char *name);
/** Wait until all that run are up. */
bool live_await_up(struct live *w);
/** Let time pass until then (monotonic); false: meanwhile a member has ended by itself. */
bool live_watch(struct live *w, int64_t until_us);
/** Start a member that was killed and is to refuse to start: its exit code. 0: it came up, -1: it did neither. */
int live_try(struct live *w, const char *name);
/** SIGSTOP; on return it stands still. */
bool live_pause(struct live *w, const char *name);
bool live_resume(struct live *w, const char *name);
/** The process of a member; 0: it does not run. */
int live_pid(const struct live *w, const char *name);

/* -- tenants (live_admin.c) ------------------------------------------------------------------------ */

struct live_tenant {
	const char *tenant, *user, *partition;
	const char *allowed;                                      /* one range; NULL: from everywhere */
	const char *service_password, *setup_password, *pin;      /* NULL: random */
	const char *label; /* of the lab profile, with this label; NULL: faithful */
	bool blank;        /* lab: without a PIN, and so not initialised */
};

/* What stands in the two credential files. */
struct live_account {
	char user[HL_NAME_TEXT + 1], partition[HL_NAME_TEXT + 1];
	char password[HL_SERVICE_PASSWORD_TEXT + 1];
	char setup[HL_SETUP_PASSWORD_TEXT + 1];
	char pin[HL_PIN_TEXT + 1];
};

/** Have the directory make them (package SBX, with the PKCS#11 API), and read the files. */
hl_err live_provision(struct live *w, const struct live_tenant *tenant, struct live_account *out);

enum live_state { LIVE_DOWN, LIVE_UP, LIVE_UNKNOWN };
/** What the directory's status says of a member. */
enum live_state live_state(struct live *w, const char *name);

/* -- clients (live_client.c) ----------------------------------------------------------------------- */

/* A client's two files, and its trace. */
struct live_client {
	char conf[PATH_MAX], secrets[PATH_MAX], trace[PATH_MAX];
};

struct live_route {
	const char *host;      /* NULL: the pool name */
	uint16_t port;         /* 0: LIVE_PORT */
	const char *client_id; /* NULL: "live" */
};

/** Write primus.cfg and .secrets.cfg, which has the service password alone, into client/NAME. `route`
 * may be NULL. */
bool live_client(struct live *w, const char *name, const struct live_account *account,
	const struct live_route *route, struct live_client *out);
/** Exchange the setup password for the user secret. */
bool live_exchange(const struct live_client *c, const struct live_account *account);
/** live_client() and live_exchange(). */
bool live_client_ready(struct live *w, const char *name, const struct live_account *account,
	struct live_client *out);
/** For the functions of hsmlet.h; it points into `c`. */
hsmlet_options live_options_of(const struct live_client *c);
/** Put a user secret into the file: of `like`'s file (NULL: random bytes), with one bit changed where
 * `broken`; for `partition`. */
bool live_client_secret(struct live_client *c, const struct live_client *like,
	const char *partition, bool broken);
