/* knock.h - a stranger in the simulated world, at the level of bytes: it dials somebody, says what the test gives
 * it, keeps what it hears; or it listens, and says nothing. One connection at a time. */
#pragma once

#include "scenarios/world.h"
#include "tests/support/speaker.h"

struct knock {
	struct world *w;
	struct sim_node *node;
	struct hl_wishes wishes;
	struct hl_port io;
	uint32_t port;
	size_t looked;       /* at so many bytes, which are a part of a record */
	bool open, over;     /* of the connection that was dialled last */
	int64_t opened_us, over_us;
	unsigned accepted;   /* connections to it */
};

/** A stranger without a connection; its node has this name. */
void knock_init(struct knock *k, struct world *w, const char *name);
void knock_clear(struct knock *k);

/** Dial, after ending what there was; on return it is open. False: nobody is there. */
bool knock_dial(struct knock *k, const struct hl_addr *to);
void knock_say(struct knock *k, struct hl_bytes bytes);
/** Wait for the next whole frame, which is eaten by knock_eat(). False: the peer has ended, or says nothing for 60 s. */
bool knock_hear(struct knock *k, struct hl_frame *f);
void knock_eat(struct knock *k, const struct hl_frame *f);
/** Wait until the peer ends, 60 s at most; how long after the opening that was, in microseconds, or -1. */
int64_t knock_ended_after(struct knock *k);
/** Hang up, and let everybody notice. */
void knock_hang_up(struct knock *k);

/** Where the members of the world are. */
struct hl_addr knock_at(uint8_t last, uint16_t port);
#define KNOCK_PROXY knock_at(11, 2310)
#define KNOCK_HSM knock_at(31, 2400)
#define KNOCK_DIRECTORY knock_at(21, 2500)

/** What the tenant that was provisioned last would say at proxy1. */
struct speaker knock_speaker(const struct world *w);
/** Steps 1 to 6 with it at proxy1. False: it was refused, or the connection ended; see io.in. */
bool knock_through_gateway(struct knock *k, struct speaker *s);

/* -- inside a channel -------------------------------------------------------------------------------- */

/** Shake hands. False: the peer has ended. */
bool knock_shake(struct knock *k, struct hl_channel *c);
void knock_say_inside(struct knock *k, struct hl_channel *c, const struct hl_msg *m, uint32_t id, const void *body);
/** The next frame, which is valid until the next of these calls. False: the peer has ended, or says nothing for 60 s. */
bool knock_hear_inside(struct knock *k, struct hl_channel *c, struct hl_frame *f);
/** Dial the directory as this member, with this secret. NULL: the handshake did not come about. */
struct hl_channel *knock_link(struct knock *k, struct hl_channel_ctx *ctx, enum hl_role role, const char *name,
	const uint8_t key[32]);
