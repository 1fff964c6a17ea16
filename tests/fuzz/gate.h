/* gate.h - a proxy between three strangers: what a client, the directory and the HSMs say to it is
 * up to the fuzz target. Time and draws are fixed, the link to the directory is a real one.
 *
 * It is made once and serves one client at a time; each must be gone before the next one comes. */
#pragma once

#include "proxy/gateway.h"
#include "tests/fuzz/fuzz.h"

#define GATE_CLIENT 1u /* the port of the client */

struct gate {
	struct proxy *proxy;
	int64_t now_us, wait_us;
	uint64_t draws;
	bool open; /* the client's port */
	bool relayed;
	struct hl_buf heard; /* all that the client was sent */
	/* the directory's end */
	struct hl_channel_ctx *ctx;
	struct hl_channel *channel;
	struct hl_port link;
	bool asked;          /* a query is waiting for its answer */
	struct hl_buf query; /* its frame */
	/* HSMs: how dialling one ends, what they say to their tickets (one frame each; the rest at
	 * once where it is none), what the last one was shown */
	hl_err hsm_err;
	struct hl_bytes hsm_says;
	uint32_t hsm_port; /* 0: none is open */
	unsigned dialled;
	struct hl_buf shown;
};

/** A client comes. */
struct gate *gate_begin(void);
/** It says `bytes`, `piece` at a time (0: all at once), as far as there is room for them. */
void gate_say(struct gate *g, struct hl_bytes bytes, size_t piece);
/** The directory answers the query. */
void gate_answer(struct gate *g, const struct hl_msg *m, const void *body);
/** The same with any frame, as if it had come out of the channel. */
void gate_answer_frame(struct gate *g, const struct hl_frame *f);
/** Time passes until the client is gone; then nothing may be left of it. */
void gate_end(struct gate *g);

/** The next of the frames that the client was sent; false after the last. They must be whole. */
bool gate_heard(struct gate *g, struct hl_frame *f);

/** Steps 1 and 3 of a client that keeps to the rules. */
void gate_hello(struct hl_buf *out);
void gate_proof(struct hl_buf *out);
