/* secrets.h - .secrets.cfg: user secrets by partition, service passwords by service user.
 *
 * The vendor's shape (`primus.users.userN`), and a sibling list `proxies.proxyN`. Values are blinded
 * (AES-256-GCM under a key that hsmlet knows, with a random nonce): they cannot be read over a
 * shoulder or found by a search, but whoever has the file has the secrets. Files are written whole:
 * temporary file, fsync, rename, fsync of the folder, under a lock, mode 0600. */
#pragma once

#include "lib/base/env.h"
#include "lib/base/secret.h"
#include "lib/wire/messages.h"

struct client_secret {
	char partition[HL_NAME_TEXT + 1];
	uint32_t generation;
	struct hl_secret secret;  /* HL_SECRET_BYTES */
	uint8_t identity[32];     /* the cluster's Ed25519 key, pinned when the secret was fetched */
};

/** HL_E_SECRETS_NONE: no entry (or no file); HL_E_SECRETS: malformed, `error` = "path:line: what"; HL_E_MODE. */
HL_CHECKED hl_err client_secret_get(
	const char *path, const char *partition, struct client_secret *out, char error[512]);
HL_CHECKED hl_err client_secret_put(
	const struct hl_env *env, const char *path, const struct client_secret *s, char error[512]);
HL_CHECKED hl_err client_secret_remove(
	const struct hl_env *env, const char *path, const char *partition, char error[512]);

/** The same for service passwords: HL_E_PASSWORD_NONE where there is no entry. */
HL_CHECKED hl_err client_password_get(
	const char *path, const char *service_user, struct hl_secret *out, char error[512]);
HL_CHECKED hl_err client_password_put(const struct hl_env *env, const char *path, const char *service_user,
	struct hl_bytes password, char error[512]);
HL_CHECKED hl_err client_password_remove(
	const struct hl_env *env, const char *path, const char *service_user, char error[512]);
