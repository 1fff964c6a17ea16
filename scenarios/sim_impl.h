/* sim_impl.h - what the files of the simulator share.
 *
 *	sim.c  the queue, the nodes and their envs    sim_net.c  the network between them */
#pragma once

#include "scenarios/rand.h"
#include "scenarios/sim.h"

#define LATENCY_US 50
#define NODES 32
#define LISTENS 64
#define NAMES 8
#define NAME_ADDRESSES 64

/* One end of a connection. */
struct end {
	struct sim_node *node;
	uint32_t port;
	bool open;       /* the core knows it and has not heard ENDED */
	bool draining;   /* closed by its core, bytes still leave */
	struct end *relay; /* bytes that arrive here go on from there */
	struct hl_buf held; /* came, but the core's port had no room: what a socket would hold back */
};

struct conn {
	struct end end[2]; /* dialling, answering */
	struct sim_harm harm[2]; /* by way */
	bool stalls;             /* where harm says cut */
	int64_t sent[2];
	bool cut;
	struct conn *next;
};

enum what { W_ACCEPT, W_OPENED, W_BYTES, W_ROOM, W_ENDED, W_RESOLVED, W_JOB, W_TIME };

struct happening {
	int64_t at_us;
	uint64_t serial; /* first come, first served at the same time */
	enum what what;
	struct sim_node *node;
	uint32_t port;
	hl_err err;
	unsigned listener;
	struct conn *conn;
	unsigned side; /* whose end it concerns */
	struct hl_buf bytes;
	struct hl_job *job;
	size_t name; /* RESOLVED: which row of names; NAMES: none */
};

struct armed {
	struct hl_fault fault;
	unsigned skip, count, visits, fired;
};

struct sim_node {
	struct sim *sim;
	char name[64];
	const struct hl_core_ops *ops;
	void *core;
	struct hl_env env;
	struct hl_addr address;
	struct sim_stream stream;
	int64_t wait_us; /* the deadline it told */
	uint32_t next_port;
	bool pumping, swap_relays;
	struct end *odd_relay[2]; /* a pair that waits for another to be joined with crosswise */
	struct armed armed[HL_POINT_COUNT];
};

struct sim {
	uint64_t seed;
	int64_t now_us, wall_offset_ms, tick_us;
	uint64_t serial;
	struct happening **heap;
	size_t heap_n, heap_cap;
	struct sim_node *node[NODES];
	size_t nodes;
	struct {
		struct hl_addr address;
		struct sim_node *node;
		unsigned listener;
	} listen[LISTENS];
	size_t listens;
	struct {
		char name[HL_NAME_MAX + 1];
		struct hl_addr list[NAME_ADDRESSES];
		size_t n;
	} name[NAMES];
	size_t names;
	struct conn *conns;
	struct sim_harm harm;
	bool harmed, harm_stalls;
	sim_tap *tap;
	void *tap_at;
	struct hl_buf trace;
};

/* sim.c */
/** Let `h`, which is copied, happen after this time. */
void sim_put(struct sim *s, const struct happening *h, int64_t after_us);
/** An event for its core, then the core's wishes. */
void sim_tell(struct sim_node *n, const struct hl_event *e);

/* sim_net.c */
/** The open connection that a node knows under this port, and which side of it the node is; NULL: there is none. */
struct conn *sim_find(struct sim_node *n, uint32_t port, unsigned *side);
/** Wishes. */
void sim_dial(struct sim_node *n, const struct hl_wish *w);
void sim_flush(struct sim_node *n, uint32_t port);
void sim_close(struct sim_node *n, const struct hl_wish *w);
void sim_relay(struct sim_node *n, const struct hl_wish *w);
/** Happenings. */
void sim_bytes_came(struct sim *s, struct happening *h);
void sim_conn_ended(struct sim *s, struct happening *h);
/** All connections of a node end at their other sides. */
void sim_conns_kill(struct sim_node *n);
void sim_conns_free(struct sim *s);
