/* toy.h - a core for the shell of lib/os/shell.c that does one of three things with its connections, and counts what it is
 * told. It checks nothing: the test looks into it. */
#pragma once

#include "lib/base/core.h"

#define TOY_PORTS 8
#define DIALLED(i) (HL_PORT_DIALLED | (i))

struct toy_port {
	struct hl_port port;
	uint32_t number;
	bool open;
	unsigned opened, ended, rooms;
	hl_err err;
	uint64_t moved;
};

enum play { ECHO, HOLD, RELAY };

struct toy {
	struct hl_wishes wishes;
	int64_t deadline_us;
	enum play play;
	size_t in_max, out_max;
	struct hl_addr target;
	struct toy_port port[TOY_PORTS]; /* in the order of their birth */
	unsigned ports, listener, resolved, jobs, times;
	size_t addresses;
	hl_err resolve_err;
	bool deaf; /* wants no connection */
};

extern const struct hl_core_ops toy_ops;
/** Wish to dial; the port is the toy's next. */
void toy_dial(struct toy *t, uint32_t number, const struct hl_addr *to, int64_t at_us);
