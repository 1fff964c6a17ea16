/* link.h - the dialling end of a service link: proxy to directory, HSM to directory.
 *
 *	link.hello in the clear (who I am, whom I mean)  >  channel of kind LINK  >  heartbeats
 *
 * It keeps itself up: redials with back-off and jitter, sends a heartbeat every HL_LINK_BEAT_MS and
 * gives the link up when one stays unanswered. Pure, like the cores: its owner passes events on
 * and fetches frames. */
#pragma once

#include "lib/auth/channel.h"
#include "lib/base/env.h"
#include "lib/wire/messages.h"

#define HL_LINK_BEAT_MS 2000
#define HL_LINK_ANSWER_MS 5000
#define HL_LINK_DIAL_MS 1000
#define HL_LINK_SHAKE_MS 2000
#define HL_LINK_REST_FIRST_MS 50  /* most that is waited before the first redial; then doubled */
#define HL_LINK_REST_MOST_MS 2000 /* up to this */

#define HL_LINK_TICKET_LABEL "hsmlet ticket key"

enum hl_role { HL_ROLE_PROXY = 1, HL_ROLE_HSM = 2, HL_ROLE_REST = 3, HL_ROLE_DIRECTORY = 4 };
/** "proxy", "hsm", "rest", "directory". */
const char *hl_role_text(unsigned role);

struct hl_link_conf {
	enum hl_role role;
	const char *self, *peer; /* names; must outlive the link */
	struct hl_addr address;  /* of the peer */
	struct hl_bytes secret;  /* of the ordered pair; must outlive the link */
	uint32_t port;           /* the number that this link dials under */
};

enum hl_link_state { HL_LINK_DOWN, HL_LINK_DIALLING, HL_LINK_SHAKING, HL_LINK_UP };

struct hl_link {
	struct hl_link_conf conf;
	const struct hl_env *env;
	struct hl_channel_ctx *ctx;
	struct hl_wishes *wishes; /* the owner's */
	struct hl_port io;
	struct hl_channel *channel;
	enum hl_link_state state;
	bool closing;         /* CLOSE was wished for, ENDED is still to come */
	unsigned failures;    /* in a row, for the back-off */
	int64_t deadline_us;  /* of the state; redial time when DOWN */
	int64_t beat_us;      /* when the next heartbeat is due */
	int64_t answer_us;    /* when the one under way must be answered; 0: none is */
};

/** The salt that ties the channel to this very hello, and the name that both ends put into the PSK. */
HL_CHECKED hl_err hl_link_bond(struct hl_bytes hello_frame, const struct hl_link_hello *hello,
	uint8_t binding[HL_BINDING], char name[2 * HL_NAME_TEXT + 2]);
/** The key of tickets between a directory and one HSM: HMAC-SHA-256(key = secret of their link,
 * HL_LINK_TICKET_LABEL). HL_E_CRYPTO. */
HL_CHECKED hl_err hl_link_ticket_key(struct hl_bytes secret, uint8_t out[32]);

void hl_link_init(struct hl_link *l, const struct hl_env *env, struct hl_channel_ctx *ctx,
	struct hl_wishes *wishes, const struct hl_link_conf *conf);
/** Dial now. */
void hl_link_start(struct hl_link *l);
/** Events of the link's own port, and TIME. */
void hl_link_event(struct hl_link *l, const struct hl_event *e);
/** The next frame from the peer; HL_E_SHORT when there is none. Any other failure ends the link. */
HL_CHECKED hl_err hl_link_next(struct hl_link *l, struct hl_frame *f);
/** HL_E_DIRECTORY where the link is not up. */
HL_CHECKED hl_err hl_link_send(
	struct hl_link *l, const struct hl_msg *m, uint32_t id, const void *body);
/** Whether a heartbeat should be sent now; the owner then sends it (it knows what to say). */
bool hl_link_beat_due(struct hl_link *l);
/** The owner saw the answer to a heartbeat. */
void hl_link_beat_answered(struct hl_link *l);
/** The next time at which TIME must reach the link. */
int64_t hl_link_deadline(const struct hl_link *l);
void hl_link_clear(struct hl_link *l);
