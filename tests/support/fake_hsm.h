/* fake_hsm.h - a host that plays an HSM: it knows the ticket key and the partition's user secret, and
 * everything of the protocol, but not the cluster's identity key. In a thread of its own. */
#pragma once

#include "lib/base/core.h"
#include "lib/wire/messages.h"

struct fake_hsm_conf {
	uint8_t ticket_key[32];
	uint8_t secret[HL_SECRET_BYTES];
	uint32_t generation;
};

struct fake_hsm;
/** Listen on a free port of 127.0.0.1; NULL: it did not come about. */
struct fake_hsm *fake_hsm_start(const struct fake_hsm_conf *conf, struct hl_addr *at);
/** The public half of the identity that it signs with instead. */
void fake_hsm_identity(const struct fake_hsm *f, uint8_t out[32]);

/* What happened, in the connections that are over. */
struct fake_hsm_seen {
	unsigned connections, channels; /* channels: both Finished have verified, and it has signed */
	unsigned frames, logins;        /* that a client sent inside a channel */
	char pin[65];                   /* the last one */
};
/** End the thread; then what it saw. */
void fake_hsm_stop(struct fake_hsm *f, struct fake_hsm_seen *seen);
