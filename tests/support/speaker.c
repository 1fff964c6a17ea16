#include "tests/support/speaker.h"

#include <stdio.h>

#include <openssl/rand.h>

#include "lib/auth/ticket.h"

#define ROOM (HL_FRAME_GATEWAY + 4)

void speaker_hello(struct speaker *s)
{
	struct hl_buf first = hl_buf(HL_SCRAM_MAX);
	char nonce[2 * HL_CONNECTION_ID + 1];
	struct hl_hello_proxy hello = {
		.version_min = HL_VERSION_MIN,
		.version_max = HL_VERSION_MAX,
		.connection = hl_bytes(s->id, sizeof s->id),
		.client_id = hl_text("speaker"),
		.partition = hl_text(s->partition),
		.pool = hl_text("pool"),
		.dialled = hl_text(s->dialled),
	};
	hl_err err = RAND_bytes(s->id, sizeof s->id) == 1 ? HL_OK : HL_E_CRYPTO;

	hl_hex(hl_bytes(s->id, sizeof s->id), nonce);
	speaker_clear(s);
	s->hello = s->request = s->answer = hl_buf(ROOM);
	if (err == HL_OK)
		err = hl_scram_client_first(
			&s->scram, hl_text(s->user), hl_text(s->partition), hl_text(nonce), &first);
	hello.scram = hl_buf_view(&first);
	hl_msg_put(&s->hello, &hl_msg_hello_proxy, 0, &hello);
	if (err != HL_OK)
		s->hello.err = err;
	hl_buf_clear(&first);
}

/* The first two fields of the frame have had their places since the first version. */
void speaker_versions(struct speaker *s, uint16_t lowest, uint16_t highest)
{
	uint8_t *first = s->hello.base + s->hello.off + HL_FRAME_HEAD + HL_FIELD_HEAD;
	uint8_t *second = first + 2 + HL_FIELD_HEAD;

	first[0] = (uint8_t)(lowest >> 8);
	first[1] = (uint8_t)lowest;
	second[0] = (uint8_t)(highest >> 8);
	second[1] = (uint8_t)highest;
}

static hl_err final(struct speaker *s, const struct hl_auth_request *request, struct hl_buf *out)
{
	HL_AUTO(hl_scram_keys_clear) struct hl_scram_keys keys = { .client = { 0 } };
	uint8_t salt[HL_SCRAM_SALT];

	HL_TRY(hl_scram_salt(hl_text(s->realm), hl_text(s->user), salt));
	HL_TRY(hl_scram_derive(s->password, hl_bytes(salt, sizeof salt), HL_SCRAM_ITERATIONS, &keys));
	return hl_scram_client_final(
		&s->scram, request->scram, hl_bytes(salt, sizeof salt), HL_SCRAM_ITERATIONS, &keys, out);
}

hl_err speaker_answer(struct speaker *s, const struct hl_frame *f)
{
	HL_AUTO(hl_buf_clear) struct hl_buf proof = hl_buf(HL_SCRAM_MAX);
	struct hl_auth_request request;
	struct hl_auth_answer answer;

	HL_TRY(hl_msg_get(&hl_msg_auth_request, f, &request));
	HL_TRY(final(s, &request, &proof));
	hl_buf_put(&s->request, f->whole);
	answer.scram = hl_buf_view(&proof);
	hl_msg_put(&s->answer, &hl_msg_auth_answer, 0, &answer);
	return s->answer.err;
}

hl_err speaker_channel(const struct speaker *s, struct hl_channel_ctx *ctx, enum hl_channel_kind kind,
	uint32_t generation, struct hl_bytes secret, struct hl_channel **out)
{
	uint8_t binding[HL_BINDING];
	struct hl_channel_bond bond = {
		.binding = hl_bytes(binding, sizeof binding),
		.initiator = "client",
		.responder = "hsm",
		.name = s->partition,
		.alpn = HL_ALPN_OP,
	};

	HL_TRY(hl_binding(hl_buf_view(&s->hello), hl_buf_view(&s->request), hl_buf_view(&s->answer), binding));
	return hl_channel_dial(ctx, &bond, kind, generation, secret, out);
}

void speaker_clear(struct speaker *s)
{
	hl_buf_clear(&s->hello);
	hl_buf_clear(&s->request);
	hl_buf_clear(&s->answer);
}
