/* os_remote.h - a partition, ready to be asked: its files, clock and trace, the core and the blocking shell in
 * one piece. What libhsmlet.so and the PKCS#11 provider have in common.
 *
 * Used by any number of threads. A few share one link, home; behind long work, or in a crowd, there are more of them for
 * what only uses a key (pace.h):
 *
 *	login, logout, creations, changes, streams, all else ----------------> home
 *	sign, verify, encrypt, decrypt --- nothing long, no crowd there -----> home
 *	                               \-- else ---> another link ---> done, or once more at home
 *
 * So whatever is told comes from home, or would have been the same there. It does not survive fork(): the child calls
 * client_remote_abandon(). */
#pragma once

#include "client/account.h"
#include "client/entry.h"

struct client_remote;

struct client_remote_options {
	const char *conf, *secrets, *partition; /* as of client_account_find() */
	const struct hl_bytes *setup;           /* the password of an exchange; NULL: the stored secret */
	unsigned open_ms;                       /* 0: CLIENT_OPEN_MS */
	const char *host;                       /* as of client_account_only(); NULL: all that have the partition */
	const struct hl_bytes *password;        /* service password; NULL: the stored one */
	bool knock;                             /* nothing but the gateway: no secret is looked for */
};

/** Read the files and make all but the connection. Errors as of client_account_*(), with `detail` filled; HL_E_NOMEM,
 * HL_E_IO. */
HL_CHECKED hl_err client_remote_new(
	const struct client_remote_options *o, struct client_remote **out, char detail[512]);

/** All eight steps, or those of a knock, now; where they fail `failure` says more. */
HL_CHECKED hl_err client_remote_open(struct client_remote *r, struct client_failure *failure);

/** When something is over that begins now and may take so long: for client_remote_ask(). */
int64_t client_remote_deadline(const struct client_remote *r, unsigned limit_ms);

/** Send, wait, decode. `call->frame` holds what `reply` points into and is the caller's to clear, whatever the
 * end; `call->failure` says more of an error. The link is opened where it is not open. HL_E_NOMEM, or how the call
 * ended. */
HL_CHECKED hl_err client_remote_ask(struct client_remote *r, const struct hl_msg *msg, const void *body,
	const struct hl_msg *expect, void *reply, struct client_call *call, int64_t deadline_us);

/* Where the requests go: of the link that is open, or was open or tried last. */
struct client_sight {
	bool open;
	uint8_t connection[HL_CONNECTION_ID], identity[CLIENT_IDENTITY];
	char hsm[HL_NAME_TEXT + 1];
};
struct client_sight client_remote_sight(struct client_remote *r);

/** Store the secret that a setup channel fetched, with the identity that it proved. As client_secret_put(). */
HL_CHECKED hl_err client_remote_keep(
	struct client_remote *r, const struct hl_secret_fetched *fetched, char detail[512]);

/** Whether somebody is logged in, on whatever link: client_logged_in(). */
bool client_remote_logged_in(struct client_remote *r);

/** What it has learned of how long work takes. */
struct client_pace *client_remote_pace(struct client_remote *r);
#define CLIENT_REMOTE_LINKS 4
/** What its links have to do now, home first; zeros for those that are not made yet. */
void client_remote_load(const struct client_remote *r, struct client_load load[CLIENT_REMOTE_LINKS]);

/** client_forget_object(). */
void client_remote_forget(struct client_remote *r, uint64_t handle);

/** End the connection in order; calls under way end with HL_E_CLOSED, or HL_E_UNKNOWN. Later ones open it anew. */
void client_remote_close(struct client_remote *r);

/** Close and free; no other thread uses it any more. NULL is allowed. */
void client_remote_free(struct client_remote *r);

/** In a child after fork(). Threads of the parent that the child does not have may hold any lock and may have left
 * anything half done, so nothing is locked and nothing freed: descriptors are given back, secrets wiped where they
 * stand, and the rest stays, where leak checkers find it. The parent's connection stays whole. NULL is allowed. */
void client_remote_abandon(struct client_remote *r);
