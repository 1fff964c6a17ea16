/* core.h - the directory: it knows the tenants, checks the proofs, grants, and provisions.
 *
 * Proxies and HSMs dial it and keep their links up; the front command talks to it on a local
 * socket. It keeps verifiers, never a password. */
#pragma once

#include "directory/store.h"
#include "lib/auth/link.h"
#include "lib/base/env.h"

enum dir_listener { DIR_LISTEN_LINKS, DIR_LISTEN_ADMIN };

/* A member that may dial this directory, and the secret of that ordered pair. */
struct dir_peer {
	enum hl_role role;
	char name[HL_NAME_TEXT + 1];
	struct hl_secret secret;
};

/* Credential files on their way out: the shell writes them (lane STORE), both or none; the core forgets them. */
struct dir_delivery {
	struct hl_job job; /* first; set by prepare */
	void *mailbox;
	bool withdraw; /* remove what was delivered */
	struct {
		char name[256];       /* file name */
		struct hl_buf text;
		char path[1024];      /* out: where it was written */
	} file[2];
	hl_err result;
};

struct dir_mailbox {
	void (*prepare)(void *at, struct dir_delivery *d);
	void *at;
};

struct dir_conf {
	const char *name;
	const char *realm;
	const char *cluster; /* where new partitions go */
	const struct dir_peer *peer;
	size_t peers;
	struct dir_store store;
	struct dir_mailbox mailbox;
	uint32_t grant_valid_ms;  /* life of a ticket: 30,000 */
};

struct dir;
HL_CHECKED hl_err dir_new(const struct hl_env *env, const struct dir_conf *conf, struct dir **out);
void dir_event(struct dir *d, const struct hl_event *e);
bool dir_wish(struct dir *d, struct hl_wish *out);
void dir_free(struct dir *d);
extern const struct hl_core_ops dir_core;

/** Members of a role whose link stands. */
size_t dir_members_up(const struct dir *d, enum hl_role role);
