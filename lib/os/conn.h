/* conn.h - inside the shell: one connection, and who may call whom.
 *
 *	shell.c    wishes of the core, its events         accept.c   listening sockets
 *	conn.c     dial, read, write, end                 relay.c    two connections joined
 *
 *	DIALLING --> OPEN --> DRAINING --+--> LINGERING (no port any more)
 *	               \--> RELAY -------+
 *
 * A connection is freed the moment its port ends; whoever told the core something looks it up again
 * by its number. */
#pragma once

#include <ev.h>

#include "lib/base/env.h"
#include "lib/base/map.h"
#include "lib/os/jobs.h"
#include "lib/os/shell.h"

#define HL_DRAIN_US 5000000
#define HL_LINGER_US 2000000
#define HL_LINGERING_MAX 256
#define HL_SCRATCH (64u << 10)

enum hl_conn_state { CONN_DIALLING, CONN_OPEN, CONN_DRAINING, CONN_RELAY, CONN_LINGERING };

struct hl_conn {
	struct hl_shell *shell;
	uint32_t port;
	int fd;
	enum hl_conn_state state;
	bool fin;    /* the peer has ended its side */
	bool broken; /* a write failed: what is left is read, nothing is written */
	bool stuck;  /* the socket was full */
	bool paused; /* port.in is full: in the shell's list */
	ev_io rd, wr;
	ev_timer limit;
	int64_t limit_us;
	struct hl_conn *prev, *next; /* paused, or lingering */
	/* RELAY */
	struct hl_conn *other;
	struct hl_buf pend; /* to be written to this one before anything else */
	size_t owed;        /* how much of it the core wrote: not the other's */
	uint64_t moved;     /* from this one to the other */
	bool done;          /* nothing more will be read from this one */
	bool shut;          /* nothing more will be written to this one */
};

struct hl_conn_list {
	struct hl_conn *first;
	size_t n;
};

struct hl_shell {
	struct ev_loop *loop;
	struct hl_env *env;
	const struct hl_core_ops *ops;
	void *core;
	struct hl_map conns; /* by port */
	uint32_t last_port;
	struct hl_conn_list paused, lingering;
	bool pumping;
	ev_timer wait;
	int64_t wait_us; /* 0: none */
	struct hl_listener *listeners;
	hl_resolve_fn *resolve;
	void *resolve_at;
	struct hl_jobs *jobs;
	struct hl_jobs_owner owner;
	uint8_t scratch[HL_SCRATCH];
};

/* shell.c */
void hl_shell_tell(struct hl_shell *s, const struct hl_event *e);
/** (Re)start `timer` so that it fires about `at_us`, maybe a little before. */
void hl_shell_arm(struct hl_shell *s, ev_timer *timer, int64_t at_us);

/* conn.c */
/** A connection of `fd`, which is its own from now on, under `port`, not watched yet; NULL: no
 * memory, and `fd` is closed. */
struct hl_conn *hl_conn_new(struct hl_shell *s, uint32_t port, int fd, enum hl_conn_state state);
void hl_conn_free(struct hl_conn *c);
void hl_conn_dial(struct hl_shell *s, const struct hl_wish *w);
/** Write what is in port.out, as far as the socket takes it, and tell ROOM where it is due. */
void hl_conn_write(struct hl_conn *c);
void hl_conn_close(struct hl_conn *c, bool drain);
/** Go on reading, or not, by the room in port.in. */
void hl_conn_balance(struct hl_conn *c);
/** It is not the room in port.in any more that decides about reading. */
void hl_conn_unpause(struct hl_conn *c);
/** Take the port away from the core; the socket may linger. The caller tells ENDED. */
void hl_conn_retire(struct hl_conn *c);
void hl_conn_limit(struct hl_conn *c, int64_t at_us);
void hl_conn_watch(struct hl_conn *c, ev_io *w, bool on);
/** send() until something but an interruption is to say: bytes, 0 (full), -1 (broken). */
ssize_t hl_conn_send(struct hl_conn *c, const void *p, size_t n);

/* accept.c */
void hl_listeners_stop(struct hl_shell *s);

/* relay.c */
void hl_relay_start(struct hl_conn *a, struct hl_conn *b);
void hl_relay_readable(struct hl_conn *c);
void hl_relay_writable(struct hl_conn *c);
void hl_relay_close(struct hl_conn *c, bool drain);
void hl_relay_expired(struct hl_conn *c);
