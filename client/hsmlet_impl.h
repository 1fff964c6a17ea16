/* hsmlet_impl.h - what the files of the public API share.
 *
 *	hsmlet.c  handles, requests, the user    hsmlet_objects.c  objects    hsmlet_crypto.c  what keys do
 *	hsmlet_log.c  the partition's log */
#pragma once

#include "client/hsmlet.h"
#include "client/link.h"

#define API __attribute__((visibility("default")))
#define LIMIT_MS CLIENT_CALL_MS
#define LIMIT_GENERATE_MS CLIENT_GENERATE_MS

/** Fill `e` (may be NULL) in; `f` is NULL where nothing was sent, `detail` may be NULL. The number of the error. */
int client_api_fail(hsmlet_error *e, hl_err err, const struct client_failure *f, const char *detail);
/** What is behind the handle. */
struct client_remote *client_api_remote(hsmlet *h);
/** When a call that begins now must be over, with all its requests, where the caller named no limit of its own. */
int64_t client_api_deadline(hsmlet *h, unsigned limit_ms);
/** Send, wait, decode into `reply`. `call->frame` holds what it points into: the caller clears it, however this ends. 0, or
 * the number of an error, which `e` then tells. */
int client_api_ask_until(hsmlet *h, const struct hl_msg *msg, const void *body, const struct hl_msg *expect,
	void *reply, struct client_call *call, int64_t deadline_us, hsmlet_error *e);
/** The same with a limit of its own. */
int client_api_ask(hsmlet *h, const struct hl_msg *msg, const void *body, const struct hl_msg *expect, void *reply,
	struct client_call *call, unsigned limit_ms, hsmlet_error *e);
#define CLIENT_API_ATTRIBUTES 64
/** A caller's template as the list of a message; `items` has room for CLIENT_API_ATTRIBUTES of them. HL_E_ARG. */
HL_CHECKED hl_err client_api_list(
	const hsmlet_attribute *from, size_t n, struct hl_attribute *items, struct hl_list *out);
/** A request that is answered by `done`. */
int client_api_done(hsmlet *h, const struct hl_msg *msg, const void *body, hsmlet_error *e);
