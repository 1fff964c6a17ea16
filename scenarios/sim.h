/* sim.h - the simulator: any number of cores in one process, virtual time, a network in memory.
 *
 * One thread, one queue of events in the order of virtual time. Randomness, OpenSSL's included, is
 * PRF(seed, node, draw): the same seed gives the same bytes on every link and the same trace. */
#pragma once

#include "lib/base/env.h"

struct sim;
struct sim_node;

/** A world at time 0 with nothing in it. Only one simulator may be alive in a process: OpenSSL's
 * generator is replaced while it is. HL_E_NOMEM. */
HL_CHECKED hl_err sim_new(uint64_t seed, struct sim **out);
void sim_free(struct sim *s);

/** A node of this name (copied). Make its core with sim_env(node), then hand it over with sim_core().
 * NULL: out of memory. */
struct sim_node *sim_node(struct sim *s, const char *name);
const struct hl_env *sim_env(struct sim_node *n);
void sim_core(struct sim_node *n, const struct hl_core_ops *ops, void *core);
/** Connections to `address` reach this node as ACCEPTED with `listener`. */
HL_CHECKED hl_err sim_listen(struct sim_node *n, const struct hl_addr *address, unsigned listener);
/** Where its own connections come from, as the other side sees it. */
void sim_address(struct sim_node *n, const struct hl_addr *address);
/** The core is gone (a kill): its connections end at the other side. */
void sim_kill(struct sim_node *n);
/** Whether it has a core. */
bool sim_alive(const struct sim_node *n);

/** The node whose draws OpenSSL uses, while code outside of events runs (making a core). */
void sim_enter(struct sim_node *n);

/** What a name resolves to, for every node. `list` is copied. */
HL_CHECKED hl_err sim_name(struct sim *s, const char *name, const struct hl_addr *list, size_t n);

/** Hand out the wishes of a core that was called from outside. */
void sim_pump(struct sim_node *n);
/** Let the next event happen; false where nothing is left to happen. */
bool sim_step(struct sim *s);
/** Let time pass until `done(at)` is true or `limit_us` of virtual time have passed; done's last answer. */
bool sim_run(struct sim *s, bool (*done)(void *at), void *at, int64_t limit_us);

int64_t sim_now_us(const struct sim *s);
/** From now on each look at the clock takes `us`, as if the node had worked meanwhile (0: events take no time). */
void sim_tick(struct sim *s, int64_t us);
/** Move every node's wall clock; deadlines do not notice. */
void sim_wall_advance(struct sim *s, int64_t ms);

/** Blocks of memory that the simulator itself holds for what is under way and what was traced: whoever counts
 * those of the cores leaves these out. */
size_t sim_blocks(const struct sim *s);

/* -- the network's faults ------------------------------------------------------------------------------ */
/* Bytes that travel from the dialling end to the answering one, or back. */
enum sim_way { SIM_FORTH, SIM_BACK };

/* What happens to one direction of the connections between two nodes, counted from a connection's
 * first byte. `flip_at`, `cut_after`: -1 for never. */
struct sim_harm {
	const char *from, *to; /* names of the dialling and the answering node */
	enum sim_way way;
	int64_t cut_after; /* after so many bytes the connection ends, at both sides */
	int64_t flip_at;   /* the lowest bit of this byte is turned over */
	size_t slice;      /* bytes arrive in pieces of this size; 0: as they were sent */
};
/** Set it for connections from now on; NULL takes it away. */
void sim_harm(struct sim *s, const struct sim_harm *harm);

/** The same, but after `cut_after` bytes the connection stands, and what is sent behind them is swallowed, also
 * that it was closed. */
void sim_harm_stall(struct sim *s, const struct sim_harm *harm);
/** The connections that these two have now stand from now on, and what is sent on them is swallowed. */
void sim_stall(struct sim *s, const char *from, const char *to);

/** Join the relays of a node crosswise from the second pair on: what a proxy that mixes up streams does. */
void sim_swap_relays(struct sim_node *n);

/** See every chunk of bytes that a node sends or gets. */
typedef void sim_tap(void *at, const char *from, const char *to, struct hl_bytes bytes);
void sim_tap_set(struct sim *s, sim_tap *tap, void *at);

/** Let a named fault point of a node fire from its `skip`-th visit on, `count` times. */
void sim_fault(struct sim_node *n, enum hl_point p, const struct hl_fault *f, unsigned skip, unsigned count);
unsigned sim_fired(const struct sim_node *n, enum hl_point p);

/* -- the trace ------------------------------------------------------------------------------------------- */
/** All lines so far: "time node what ...", one a line. */
struct hl_bytes sim_trace(const struct sim *s);
/** Whether some line holds `text`. */
bool sim_traced(const struct sim *s, const char *text);
