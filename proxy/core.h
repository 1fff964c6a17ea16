/* core.h - the gateway: one member of the pool. It authenticates service users by asking the
 * directory, then moves bytes that it cannot read. It holds no secret of any user. */
#pragma once

#include "lib/auth/link.h"
#include "lib/base/env.h"

#define PROXY_PORT_DIRECTORY (HL_PORT_DIALLED | 1u)

struct proxy_conf {
	const char *name;             /* of this member; must outlive the core, like all below */
	const char *directory;        /* name of the directory */
	struct hl_addr directory_at;
	struct hl_bytes link_secret;  /* of the ordered pair proxy > directory */
	struct hl_addr address;       /* where clients dial this proxy */
	unsigned clients_max;         /* at once; the next one is told `busy` */
};

struct proxy;
/** HL_E_NOMEM, HL_E_CRYPTO. `env` must outlive the core. */
HL_CHECKED hl_err proxy_new(
	const struct hl_env *env, const struct proxy_conf *conf, struct proxy **out);
void proxy_event(struct proxy *p, const struct hl_event *e);
bool proxy_wish(struct proxy *p, struct hl_wish *out);
void proxy_free(struct proxy *p);
/** The three above, as a shell wants them. */
extern const struct hl_core_ops proxy_core;

/** Clients between their hello and their end. */
size_t proxy_clients(const struct proxy *p);
/** Whether its link to the directory stands, so that it can serve. */
bool proxy_ready(const struct proxy *p);
