/* stream.c - data in parts that the HSM takes as they come. What is under way there belongs to the link: where that
 * breaks, the operation is lost, and says so. */
#include "client/pkcs11/module.h"

/* -- left behind: ended before the next one begins ------------------------------------------------------------------------ */

void p11_stream_leave(struct p11_operation *op)
{
	uint64_t id = op->stream.id;

	for (size_t i = 0; id && i < P11_LEFT_MAX; i++) {
		uint64_t empty = 0;

		if (atomic_compare_exchange_strong(&op->stream.slot->left[i], &empty, id))
			break;
	}
	op->stream = (struct p11_stream){ 0 };
}

/* What comes of it does not matter: it may have ended with its link. */
static void end_left(struct p11_slot *slot)
{
	for (size_t i = 0; i < P11_LEFT_MAX; i++) {
		HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
		struct hl_stream_final request = { .stream = atomic_exchange(&slot->left[i], 0) };
		struct hl_stream_data answer;

		if (request.stream)
			(void)p11_ask(slot, &hl_msg_stream_final, &request, &hl_msg_stream_data, &answer, &call);
	}
}

/* -- one that is under way -------------------------------------------------------------------------------------------------- */

static CK_RV begin(
	struct p11_slot *slot, struct p11_operation *op, enum p11_stream_way way, struct hl_bytes parameter)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_stream_begin request = {
		.way = (uint8_t)way,
		.key = op->remote,
		.mechanism = (uint32_t)op->mechanism->type,
		.parameter = parameter,
	};
	struct hl_stream_begun begun;

	end_left(slot);
	P11_TRY(p11_key_rv(
		slot, op, p11_ask(slot, &hl_msg_stream_begin, &request, &hl_msg_stream_begun, &begun, &call)));
	op->stream = (struct p11_stream){ .id = begun.stream, .slot = slot };
	return CKR_OK;
}

/* The answer to a piece, or to the end. A refusal has ended it over there too. Each has a bound of its own: a call may
 * have any number of pieces. */
static CK_RV ask(struct p11_slot *slot, struct p11_operation *op, const struct hl_msg *msg, const void *request,
	struct hl_buf *out, bool *more)
{
	HL_AUTO(p11_frame_clear) struct client_call call = { 0 };
	struct hl_stream_data answer;
	CK_RV rv = p11_key_rv(slot, op,
		p11_ask_within(slot, msg, request, &hl_msg_stream_data, &answer, &call, CLIENT_CALL_MS));

	if (rv != CKR_OK) {
		op->stream = (struct p11_stream){ 0 };
		return rv;
	}
	op->stream.held -= answer.data.n < op->stream.held ? answer.data.n : op->stream.held;
	hl_buf_put(out, answer.data);
	*more = answer.more;
	return out->err == HL_OK ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV p11_stream_add(struct p11_slot *slot, struct p11_operation *op, enum p11_stream_way way, struct hl_bytes part,
	struct hl_buf *out)
{
	struct hl_stream_update request;
	bool more;

	if (!op->stream.id)
		P11_TRY(begin(slot, op, way, hl_buf_view(&op->parameter)));
	for (size_t at = 0, n; at < part.n; at += n) {
		n = part.n - at < HL_DATA_MAX ? part.n - at : HL_DATA_MAX;
		request = (struct hl_stream_update){ .stream = op->stream.id, .data = hl_bytes(part.p + at, n) };
		op->stream.held += n;
		P11_TRY(ask(slot, op, &hl_msg_stream_update, &request, out, &more));
	}
	return CKR_OK;
}

CK_RV p11_stream_end(struct p11_slot *slot, struct p11_operation *op, struct hl_bytes signature, struct hl_buf *out)
{
	struct hl_stream_final request = { .stream = op->stream.id, .signature = signature };
	bool more = true;
	CK_RV rv = CKR_OK;

	while (rv == CKR_OK && more) /* it comes in pieces too */
		rv = ask(slot, op, &hl_msg_stream_final, &request, out, &more);
	op->stream = (struct p11_stream){ 0 };
	return rv;
}

/* -- all at once ----------------------------------------------------------------------------------------------------------------- */

/* An operation of its own: that of the session has its result, or none. */
CK_RV p11_stream_whole(struct p11_slot *slot, const struct p11_operation *op, enum p11_stream_way way,
	struct hl_bytes parameter, struct hl_bytes data, struct hl_buf *out)
{
	struct p11_operation one = { .mechanism = op->mechanism, .key = op->key, .remote = op->remote };
	CK_RV rv = begin(slot, &one, way, parameter);

	if (rv == CKR_OK)
		rv = p11_stream_add(slot, &one, way, data, out);
	return rv == CKR_OK ? p11_stream_end(slot, &one, hl_bytes(NULL, 0), out) : rv;
}
