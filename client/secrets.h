/* secrets.h - .secrets.cfg: user secrets by partition, service passwords by service user.
 *
 *	version = "1.0";
 *	primus: {
 *		users: {
 *			user0: { name = "..."; generation = 1; identity = "<hex>"; secret = "<hex>"; };
 *		};
 *		proxies: {
 *			proxy0: { name = "..."; password = "<hex>"; };
 *		};
 *	};
 *
 * The vendor's shape (`primus.users.userN`), and a sibling list `proxies.proxyN`. `secret` and
 * `password` are blinded (blind.h): they cannot be read over a shoulder or found by a search,
 * but whoever has the file has the secrets. Comments and keys that are not ours are kept. Files
 * are written whole, by temporary file, fsync, rename, fsync of the folder, with mode 0600,
 * under a lock that lets no two processes lose each other's entries. A malformed file is never
 * written over. */
#pragma once

#include "lib/base/env.h"
#include "lib/base/secret.h"
#include "lib/wire/messages.h"

struct client_secret {
	char partition[HL_NAME_TEXT + 1];
	uint32_t generation;     /* 1 or more */
	struct hl_secret secret; /* HL_SECRET_BYTES */
	uint8_t identity[32];    /* the cluster's Ed25519 key, pinned when the secret was fetched */
};

/* Of all functions here: HL_E_SECRETS: the file is malformed or an entry was altered; HL_E_MODE:
 * others may read it, or the group may write it; HL_E_IO, HL_E_NOMEM. `error` = "path:line:
 * what" or "path: what". */

/** The secret of `partition`; on HL_OK out->secret is the caller's. HL_E_SECRETS_NONE: there is
 * no such entry, or no file. */
HL_CHECKED hl_err client_secret_get(
	const char *path, const char *partition, struct client_secret *out, char error[512]);
/** Keep `s`, instead of an older entry of this partition. HL_E_ARG: the name is empty or not
 * printable ASCII, or the secret has another length; HL_E_TIMEOUT: the lock is held too long;
 * HL_E_CREATE. */
HL_CHECKED hl_err client_secret_put(
	const struct hl_env *env, const char *path, const struct client_secret *s, char error[512]);
/** Forget it. HL_E_SECRETS_NONE, HL_E_TIMEOUT, HL_E_CREATE. */
HL_CHECKED hl_err client_secret_remove(const char *path, const char *partition, char error[512]);

/** The same for service passwords (1 to HL_NAME_TEXT bytes): HL_E_PASSWORD_NONE where there is no
 * entry. */
HL_CHECKED hl_err client_password_get(
	const char *path, const char *service_user, struct hl_secret *out, char error[512]);
HL_CHECKED hl_err client_password_put(const struct hl_env *env, const char *path,
	const char *service_user, struct hl_bytes password, char error[512]);
HL_CHECKED hl_err client_password_remove(
	const char *path, const char *service_user, char error[512]);

/** Call `seen` for each name in the file, in its order: partitions, service users. No file is an
 * empty list. */
typedef void client_name_seen(void *at, const char *name);
HL_CHECKED hl_err client_secret_list(
	const char *path, client_name_seen *seen, void *at, char error[512]);
HL_CHECKED hl_err client_password_list(
	const char *path, client_name_seen *seen, void *at, char error[512]);
