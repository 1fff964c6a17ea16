/* route.h - whom to dial next: hosts by priority, the addresses of each, three rounds of all. Pure.
 *
 *	round 1..3:  each priority from the best, each of its hosts, beginning where the turn is
 *	             > the addresses of its name in any order, none twice in a round
 *
 * The first opening draws who begins; every later one begins with the next (round robin). */
#pragma once

#include "lib/base/env.h"

#define CLIENT_HOSTS_MAX 16 /* as many as a primus.cfg may have */
#define CLIENT_ADDRESSES 64 /* of a round, looked at */
#define CLIENT_ROUNDS 3
#define CLIENT_BACK_OFF_MS 100 /* before round n + 1: a time drawn from 0 to 100 ms x 2^(n-1) */

/* A name under which the partition is reached. */
struct client_target {
	const char *host; /* not copied */
	uint16_t port;
	unsigned priority; /* smaller is preferred */
};

struct client_route {
	const struct hl_env *env;
	struct client_target host[CLIENT_HOSTS_MAX]; /* by priority, then as given */
	size_t hosts;
	uint32_t turn;
	bool drawn;
	/* this opening, this round, this host */
	unsigned round;
	size_t next_host;
	const struct client_target *at;
	struct hl_addr tried[CLIENT_ADDRESSES];
	size_t tries;
	struct hl_addr address[CLIENT_ADDRESSES];
	size_t addresses, next_address;
};

/** HL_E_ARG: none, too many, or one without a name or with one that is too long. */
HL_CHECKED hl_err client_route_init(struct client_route *r, const struct hl_env *env,
	const struct client_target *host, size_t n);
/** A new opening begins, at its first round. */
void client_route_begin(struct client_route *r);
/** The next name to look up in this round; NULL: the round is over. */
const struct client_target *client_route_host(struct client_route *r);
/** What that name has: each address gets the host's port; those tried in this round are left out. */
void client_route_take(struct client_route *r, const struct hl_addr *list, size_t n);
/** The next address to dial; NULL: this host has no more. */
const struct hl_addr *client_route_address(struct client_route *r);
/** The address that was told last is told again. */
void client_route_again(struct client_route *r);
/** Begin the next round after *delay_us; false: that was the last one. */
bool client_route_round(struct client_route *r, int64_t *delay_us);
