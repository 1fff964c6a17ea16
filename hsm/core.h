/* core.h - one HSM of a cluster: partitions, their users and keys, behind tickets and channels.
 *
 * All members of a cluster share one store and one page of memory, so that keys, PIN counters and
 * used grants exist once. */
#pragma once

#include "hsm/seal.h"
#include "hsm/shared.h"
#include "hsm/store.h"
#include "lib/auth/link.h"
#include "lib/base/env.h"

enum hsm_listener { HSM_LISTEN_PROXIES, HSM_LISTEN_ADMIN };

#define HSM_PORT_DIRECTORY (HL_PORT_DIALLED | 1u)

/* Who is master of the cluster: the member that holds a lock for its life. */
struct hsm_master_ops {
	/* HL_OK: nobody was, and now this member is; HL_E_BUSY: another one is. Or why that cannot be told. */
	hl_err (*take)(const void *at);
	/* HL_OK: some member is at this moment; HL_E_MASTER: none. Or why that cannot be told. */
	hl_err (*lives)(const void *at);
};

struct hsm_master {
	const struct hsm_master_ops *ops; /* NULL: this cluster knows no master */
	const void *at;
};

/** The lock on the file `path`, which must outlive it. `take` gives HL_E_MODE where the file's folder is not ours
 * alone, or what hl_lock_take() says; children do not inherit the lock. */
struct hsm_master hsm_master_file(const char *path);

struct hsm_conf {
	const char *name;    /* of this member; must outlive the core, like all below */
	const char *cluster;
	const char *version; /* of the software, as told to clients */
	const char *directory;
	struct hl_addr directory_at;
	struct hl_bytes link_secret; /* of the ordered pair HSM > directory */
	struct hl_addr address;      /* where proxies dial this HSM */
	struct hsm_store store;
	struct hsm_shared shared;
	struct hsm_seal *seal;
	struct hsm_master master;
	bool master_required; /* no new objects while there is none */
	bool follows;         /* a worker: to become master is its parent's, which outlives it */
	unsigned connections_max;
	unsigned tokens_max; /* effect tokens kept for each partition; 0: HSM_TOKENS_MAX */
};

struct hsm;
/** Load the cluster's identity, or make it where the store is new; become master where nobody is, which raises the
 * term (one commit each, made here and now). What conf->master.ops->take gives; HL_E_STORE_SEAL where the device key does not fit the store, HL_E_STORE, HL_E_NOMEM, HL_E_CRYPTO. */
HL_CHECKED hl_err hsm_new(const struct hl_env *env, const struct hsm_conf *conf, struct hsm **out);
void hsm_event(struct hsm *h, const struct hl_event *e);
bool hsm_wish(struct hsm *h, struct hl_wish *out);
/** The end is near: write the lines of logs that wait, and those of channels that are open. Its job should end before the
 * core does. */
void hsm_stop(struct hsm *h);
/** No job of this core may be under way any more. */
void hsm_free(struct hsm *h);
extern const struct hl_core_ops hsm_core;

/** The public half of the cluster's identity. */
void hsm_identity(const struct hsm *h, uint8_t out[32]);
/** Whether its link to the directory stands, so that grants can reach it. */
bool hsm_ready(const struct hsm *h);
/** Channels that are open. */
size_t hsm_channels(const struct hsm *h);
