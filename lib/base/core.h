/* core.h - what a protocol core and the shell around it say to each other.
 *
 * A core owns memory and nothing else. It takes events and gives wishes; bytes pass through its
 * ports, which the shell fills and empties. Four functions of one shape make a core:
 *
 *	x_new(env, config, &core)  x_event(core, event)  x_wish(core, &wish)  x_free(core)
 *
 *	          +------- events -------> +------+
 *	 sockets  |                        |      |   BYTES: the shell put bytes into port.in
 *	  clock  shell <---- wishes ------ | core |   SEND:  the core put bytes into port.out
 *	  jobs    |                        |      |
 *	          +-- port.in / port.out --+------+
 *
 * The life of a port: the shell announces one that it accepted (ACCEPTED), or the core wishes for
 * one (DIAL) and hears OPENED. A port that opened ends exactly once with ENDED, also after the
 * core's own CLOSE; the core frees it then and not before. OPENED with an error ends it at once. */
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/deadline.h"

/* Numbers from the core's own dialling have this bit, those of accepted ports do not. */
#define HL_PORT_DIALLED 0x80000000u

enum hl_family { HL_INET = 4, HL_INET6 = 6, HL_UNIX = 1 };

struct hl_addr {
	uint8_t family; /* enum hl_family; 0: none */
	uint8_t ip[16];
	uint16_t port;
};

#define HL_ADDR_TEXT 64
/** "127.1.2.11:2310", "[::1]:2310", "unix" or "none"; `out` has HL_ADDR_TEXT bytes. */
void hl_addr_text(const struct hl_addr *a, char *out);
/** The address written as above. HL_E_RANGE. */
HL_CHECKED hl_err hl_addr_parse(const char *text, struct hl_addr *out);
/** Same host, whatever the ports; ::ffff:1.2.3.4 equals 1.2.3.4. */
bool hl_addr_same_host(const struct hl_addr *a, const struct hl_addr *b);

struct hl_job;

enum hl_event_kind {
	HL_EV_ACCEPTED, /* port, listener, peer */
	HL_EV_OPENED,   /* port, err: the end of a DIAL */
	HL_EV_BYTES,    /* port: in has grown */
	HL_EV_ROOM,     /* port: out is empty again after it was stuck, or after SEND found it half full */
	HL_EV_ENDED,    /* port, err (HL_OK: an orderly end), moved: bytes of a relay */
	HL_EV_RESOLVED, /* port (the number given in RESOLVE), err, list, count */
	HL_EV_JOB,      /* job */
	HL_EV_TIME,     /* the deadline of WAIT has passed */
};

struct hl_event {
	enum hl_event_kind kind;
	uint32_t port;
	hl_err err;
	unsigned listener;   /* which of the shell's listening sockets, by configuration order */
	struct hl_addr peer; /* ACCEPTED */
	const struct hl_addr *list;
	size_t count;
	struct hl_job *job;
	uint64_t moved;
};

enum hl_wish_kind {
	HL_WISH_DIAL,    /* port, addr, at_us: give up then */
	HL_WISH_SEND,    /* port: there is something in out */
	HL_WISH_CLOSE,   /* port, drain: write out what is left first */
	HL_WISH_RESOLVE, /* port (any number of the core's, returned in RESOLVED), name, at_us */
	HL_WISH_RELAY,   /* port, other: move bytes between the two until both have ended */
	HL_WISH_WAIT,    /* at_us: send TIME then; 0: no deadline. The last one told holds. */
};

#define HL_NAME_MAX 255
struct hl_wish {
	enum hl_wish_kind kind;
	uint32_t port, other;
	struct hl_addr addr;
	bool drain;
	int64_t at_us; /* monotonic */
	char name[HL_NAME_MAX + 1];
};

/* Bounded on both sides; `in.max` and `out.max` are the core's choice. */
struct hl_port {
	struct hl_buf in, out;
};

/* Any core, as a shell sees it. port() answers NULL for a number that is not open. */
struct hl_core_ops {
	void (*event)(void *core, const struct hl_event *e);
	bool (*wish)(void *core, struct hl_wish *out); /* false: nothing left to wish for */
	struct hl_port *(*port)(void *core, uint32_t port);
};

/* The wishes of a core, waiting to be fetched. */
struct hl_wishes {
	struct hl_wish *ring;
	size_t first, n, cap;
	int64_t told_us; /* the deadline that the shell knows */
	hl_err err;
};

/** Where there is no memory for one more, the wish is lost: see hl_wishes_lost(). */
void hl_wishes_put(struct hl_wishes *w, const struct hl_wish *wish);
/** Whether one was lost since this was asked last. Core and shell then disagree about what is open, and nothing that is
 * waited for need ever come: a daemon halts, a client begins with a new connection. */
HL_CHECKED bool hl_wishes_lost(struct hl_wishes *w);
/** The next wish; after the last one a WAIT, if `deadline_us` is not what was told before. */
bool hl_wishes_take(struct hl_wishes *w, int64_t deadline_us, struct hl_wish *out);
void hl_wishes_clear(struct hl_wishes *w);

void hl_wish_send(struct hl_wishes *w, uint32_t port);
void hl_wish_close(struct hl_wishes *w, uint32_t port, bool drain);
void hl_wish_dial(struct hl_wishes *w, uint32_t port, const struct hl_addr *addr, int64_t at_us);
void hl_wish_relay(struct hl_wishes *w, uint32_t port, uint32_t other);
void hl_wish_resolve(struct hl_wishes *w, uint32_t port, const char *name, int64_t at_us);
