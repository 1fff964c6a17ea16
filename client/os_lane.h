/* os_lane.h - one link to a partition with all that drives it: environment, core, shell. A partition that is asked by many
 * threads has several of them (os_remote.h). */
#pragma once

#include <stdatomic.h>

#include "client/account.h"
#include "client/os_blocking.h"
#include "client/os_fd.h"
#include "lib/os/env.h"

struct client_lane {
	struct hl_os_env env;
	bool has_env;
	struct client_fd trace; /* what env writes traces to */
	struct client *core;    /* the shell's: client_blocking_with() */
	struct client_blocking *shell;
	atomic_uint calls;      /* under way, */
	_Atomic uint32_t long_us; /* and the long work among them */
	_Atomic int64_t rests_until_us; /* it has failed and is left alone until then */
	uint64_t login;         /* which of the logins it has taken over; under the shell's lock */
};

/** As `link` says, over `account`, both of which outlive it. Nothing is connected yet. Errors as of hl_os_env_open(),
 * client_new() and client_blocking_new(), with `detail` where files are to blame. */
HL_CHECKED hl_err client_lane_new(const struct client_account *account, const struct client_conf_link *link,
	struct client_lane **out, char detail[512]);
/** End the connection in order, and free; nobody uses it any more. NULL is allowed. */
void client_lane_free(struct client_lane *l);
/** The same without freeing: calls under way end, the login is forgotten, later calls connect anew. */
void client_lane_close(struct client_lane *l);
/** In a child after fork(): client_remote_abandon(). */
void client_lane_abandon(struct client_lane *l);

/** When it is opened next it leads to another HSM than these lanes do now, where there is one. Some may be NULL. */
void client_lane_keep_apart(struct client_lane *l, struct client_lane *const beside[], size_t n);

/** A call whose long work takes `long_us` is for this lane now: what was there before it. */
struct client_load client_lane_enter(struct client_lane *l, uint32_t long_us);
void client_lane_leave(struct client_lane *l, uint32_t long_us);
struct client_load client_lane_load(struct client_lane *l, int64_t now_us);

/** Submit and wait: HL_E_NOMEM, or how the call ended. */
HL_CHECKED hl_err client_lane_call(struct client_lane *l, struct client_call *call);

/** Have `to` hold the login that `from` holds, if that is still the login of this number by the time. False: it did before. */
bool client_lane_take_login(struct client_lane *to, struct client_lane *from, _Atomic uint64_t *logins);
/** It failed, or was told that it is not logged in or sees no such key: the next client_lane_take_login() is no empty one. */
void client_lane_doubt_login(struct client_lane *l);
/** Whether it keeps this session object, and whether that was changed: HSMs of other lanes may have an older form of it. */
bool client_lane_keeps(struct client_lane *l, uint64_t handle);
bool client_lane_changed(struct client_lane *l, uint64_t handle);
/** Have `to` keep this session object too. False: it does not, since `from` does not. */
bool client_lane_take_object(struct client_lane *to, struct client_lane *from, uint64_t handle);
/** client_forget_object(). */
void client_lane_forget(struct client_lane *l, uint64_t handle);
