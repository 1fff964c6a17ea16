/* os_remote.h - a partition, ready to be asked: its files, clock and trace, the core and the blocking shell in
 * one piece. What libhsmlet.so and the PKCS#11 provider have in common.
 *
 * Used by any number of threads. It does not survive fork(): the child calls client_remote_abandon(). */
#pragma once

#include "client/account.h"

struct client_remote;

/** Read the files and make all but the connection. `conf`, `secrets`, `partition` as of client_account_find();
 * `open_ms` 0: CLIENT_OPEN_MS. Errors as of client_account_*(), with `detail` filled; HL_E_NOMEM, HL_E_IO. */
HL_CHECKED hl_err client_remote_new(const char *conf, const char *secrets, const char *partition,
	unsigned open_ms, struct client_remote **out, char detail[512]);

/** Send, wait, decode. `call->frame` holds what `reply` points into and is the caller's to clear, whatever the
 * end; `call->failure` says more of an error. The link is opened where it is not open. HL_E_NOMEM, or how the call
 * ended. */
HL_CHECKED hl_err client_remote_ask(struct client_remote *r, const struct hl_msg *msg, const void *body,
	const struct hl_msg *expect, void *reply, struct client_call *call, unsigned limit_ms);

/** The connection id of the link that is open; all zero where none is. */
void client_remote_connection(struct client_remote *r, uint8_t id[HL_CONNECTION_ID]);

/** Whether somebody is logged in, on whatever link: client_logged_in(). */
bool client_remote_logged_in(struct client_remote *r);

/** client_forget_object(). */
void client_remote_forget(struct client_remote *r, uint64_t handle);

/** End the connection in order; calls under way end with HL_E_CLOSED, or HL_E_UNKNOWN. Later ones open it anew. */
void client_remote_close(struct client_remote *r);

/** Close and free; no other thread uses it any more. NULL is allowed. */
void client_remote_free(struct client_remote *r);

/** In a child after fork(): give descriptors back and wipe secrets, without a lock and without a byte on the
 * connection. The memory stays, where leak checkers find it. NULL is allowed. */
void client_remote_abandon(struct client_remote *r);
