/* hsmlet_crypto.c - the public API's use of keys, in one part. */
#include "client/hsmlet_impl.h"
#include "client/parameter.h"
#include "lib/wire/numbers.h"

struct operation {
	const struct hl_msg *msg, *expect;
	const void *body;
	struct hl_bytes *parameter; /* in the body */
};

/* client_api_ask() with the mechanism's parameter in the request. */
static int ask_with(hsmlet *h, const hsmlet_mechanism *mechanism, const struct operation *o, void *reply,
	struct client_call *call, hsmlet_error *e)
{
	HL_AUTO(hl_buf_clear) struct hl_buf parameter = hl_buf(HL_PARAMETER_MAX);
	hl_err err = client_parameter(mechanism, &parameter);

	*call = (struct client_call){ 0 };
	if (err != HL_OK)
		return client_api_fail(e, err, NULL, NULL);
	*o->parameter = hl_buf_view(&parameter);
	return client_api_ask(h, o->msg, o->body, o->expect, reply, call, LIMIT_MS, e);
}

/* What was asked for, into the caller's room; `room` is its name. */
static int give(struct hl_bytes data, void *out, size_t *out_n, const char *room, hsmlet_error *e)
{
	if (data.n > *out_n)
		return client_api_fail(e, HL_E_FULL, NULL, room);
	if (data.n > 0)
		memcpy(out, data.p, data.n);
	*out_n = data.n;
	return 0;
}

API int hsmlet_sign(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, const void *data, size_t n,
	void *signature, size_t *signature_n, hsmlet_error *e)
{
	struct hl_sign request = { .key = key, .mechanism = mechanism->number, .data = hl_bytes(data, n) };
	const struct operation o = { &hl_msg_sign, &hl_msg_signed, &request, &request.parameter };
	struct hl_signed made;
	struct client_call call;
	int rc = ask_with(h, mechanism, &o, &made, &call, e);

	if (rc == 0)
		rc = give(made.signature, signature, signature_n, "signature", e);
	hl_buf_clear(&call.frame);
	return rc;
}

API int hsmlet_verify(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, const void *data, size_t n,
	const void *signature, size_t signature_n, hsmlet_error *e)
{
	struct hl_verify request = {
		.key = key,
		.mechanism = mechanism->number,
		.data = hl_bytes(data, n),
		.signature = hl_bytes(signature, signature_n),
	};
	const struct operation o = { &hl_msg_verify, &hl_msg_done, &request, &request.parameter };
	struct hl_done right;
	struct client_call call;
	int rc = ask_with(h, mechanism, &o, &right, &call, e);

	hl_buf_clear(&call.frame);
	return rc;
}

static bool wants_iv(const hsmlet_mechanism *m)
{
	const hsmlet_gcm *p = m->parameter;

	return m->number == HL_CKM_AES_GCM && p && m->parameter_n == sizeof *p && p->iv_n == 0;
}

API int hsmlet_encrypt(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, const void *data, size_t n,
	void *out, size_t *out_n, unsigned char made_iv[HSMLET_MADE_IV], hsmlet_error *e)
{
	struct hl_encrypt request = { .key = key, .mechanism = mechanism->number, .data = hl_bytes(data, n) };
	const struct operation o = { &hl_msg_encrypt, &hl_msg_encrypted, &request, &request.parameter };
	struct hl_encrypted answer;
	struct client_call call;
	int rc;

	if (wants_iv(mechanism) && !made_iv)
		return client_api_fail(e, HL_E_ARG, NULL, "made_iv"); /* without it nobody could decrypt again */
	rc = ask_with(h, mechanism, &o, &answer, &call, e);
	if (rc == 0 && answer.iv.n != (wants_iv(mechanism) ? HSMLET_MADE_IV : 0))
		rc = client_api_fail(e, HL_E_RANGE, NULL, "iv");
	if (rc == 0)
		rc = give(answer.data, out, out_n, "out", e);
	if (rc == 0 && answer.iv.n > 0)
		memcpy(made_iv, answer.iv.p, answer.iv.n);
	hl_buf_clear(&call.frame);
	return rc;
}

API int hsmlet_decrypt(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, const void *data, size_t n,
	void *out, size_t *out_n, hsmlet_error *e)
{
	struct hl_decrypt request = { .key = key, .mechanism = mechanism->number, .data = hl_bytes(data, n) };
	const struct operation o = { &hl_msg_decrypt, &hl_msg_decrypted, &request, &request.parameter };
	struct hl_decrypted answer;
	struct client_call call;
	int rc = ask_with(h, mechanism, &o, &answer, &call, e);

	if (rc == 0)
		rc = give(answer.data, out, out_n, "out", e);
	hl_buf_clear(&call.frame);
	return rc;
}

API int hsmlet_wrap(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, uint64_t target, void *wrapped,
	size_t *wrapped_n, hsmlet_error *e)
{
	struct hl_wrap request = { .key = key, .mechanism = mechanism->number, .target = target };
	const struct operation o = { &hl_msg_wrap, &hl_msg_wrapped, &request, &request.parameter };
	struct hl_wrapped answer;
	struct client_call call;
	int rc = ask_with(h, mechanism, &o, &answer, &call, e);

	if (rc == 0)
		rc = give(answer.wrapped, wrapped, wrapped_n, "wrapped", e);
	hl_buf_clear(&call.frame);
	return rc;
}

API int hsmlet_unwrap(hsmlet *h, uint64_t key, const hsmlet_mechanism *mechanism, const void *wrapped, size_t wrapped_n,
	const hsmlet_attribute *template_, size_t n, uint64_t *object, hsmlet_error *e)
{
	struct hl_attribute items[CLIENT_API_ATTRIBUTES];
	struct hl_unwrap request = { .key = key, .mechanism = mechanism->number, .wrapped = hl_bytes(wrapped, wrapped_n) };
	const struct operation o = { &hl_msg_unwrap, &hl_msg_created, &request, &request.parameter };
	struct hl_created made;
	struct client_call call;
	int rc;

	if (client_api_list(template_, n, items, &request.template) != HL_OK)
		return client_api_fail(e, HL_E_ARG, NULL, "template");
	rc = ask_with(h, mechanism, &o, &made, &call, e);
	hl_buf_clear(&call.frame);
	if (rc == 0)
		*object = made.handle;
	return rc;
}
