/* speaker.h - what a client says in the gateway, made by hand: for peers of a test that stop, say it twice, or
 * say something else. Pure: it moves no byte. */
#pragma once

#include "lib/auth/channel.h"
#include "lib/auth/scram.h"
#include "lib/base/env.h"
#include "lib/wire/messages.h"

struct speaker {
	const char *user, *partition, *realm, *dialled; /* the owner's */
	struct hl_bytes password;
	/* its own */
	uint8_t id[HL_CONNECTION_ID];
	struct hl_scram_client scram;
	struct hl_buf hello, request, answer; /* exact frames */
};

/** Make `s->hello`, the frame of step 1, with a connection id and a nonce that no other has. What its fields do not
 * allow is not made: see s->hello.err. */
void speaker_hello(struct speaker *s);
/** Change the range of versions in it: any two numbers, also those that no encoder lets through. */
void speaker_versions(struct speaker *s, uint16_t lowest, uint16_t highest);
/** Keep the frame of step 2 and make `s->answer`, that of step 3. */
HL_CHECKED hl_err speaker_answer(struct speaker *s, const struct hl_frame *request);
/** The client's end of the channel that belongs to what was said. */
HL_CHECKED hl_err speaker_channel(const struct speaker *s, struct hl_channel_ctx *ctx,
	enum hl_channel_kind kind, uint32_t generation, struct hl_bytes secret, struct hl_channel **out);
void speaker_clear(struct speaker *s);
