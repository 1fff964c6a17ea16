/* story.h - what tests of the simulated world do over and over: log in, make a key, sign. */
#pragma once

#include "lib/wire/numbers.h"
#include "scenarios/world.h"

hl_err story_log_in(struct world_client *c, struct hl_bytes pin);
hl_err story_log_out(struct world_client *c);
/* The request for an EC P-256 pair that may sign and verify; it points into itself. */
struct story_key {
	struct hl_attribute mine[2], theirs[3];
	struct hl_generate request;
};
void story_key_init(struct story_key *k, const char *label);
/** Submit a call (new, or once more with the token it has) and wait for its end; the answer is decoded into `reply`. */
hl_err story_send(struct world_client *c, struct client_call *call, void *reply);
/** An EC P-256 pair that may sign and verify, with this label. */
hl_err story_make_key(struct world_client *c, const char *label, struct hl_generated *made);
/** Sign a text with CKM_ECDSA_SHA256, then have the HSM verify it. */
hl_err story_sign_and_verify(struct world_client *c, const struct hl_generated *key);
hl_err story_destroy(struct world_client *c, uint64_t handle);
/** How many objects with this label the client sees (NULL: with any). */
hl_err story_count(struct world_client *c, const char *label, size_t *n);
/** A call without anything to give and to get. */
hl_err story_ping(struct world_client *c);
/** Begin to open and let `us` of virtual time pass. */
void story_pass(struct world *w, int64_t us);
/** Close in order and let everybody notice. */
void story_close(struct world_client *c);
