/* stream.c - uses whose data comes in pieces. */
#include <stdlib.h>

#include <openssl/err.h>

#include "hsm/engine/engine.h"

void hsm_stream_free(struct hsm_stream *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->hash);
	hsm_key_free(s->key); /* with the contexts that `cipher` and `mac` point to */
	hl_buf_clear(&s->parameter);
	hl_buf_clear(&s->kept);
	OPENSSL_cleanse(s, sizeof *s);
	free(s);
}

static void stream_freep(struct hsm_stream **s)
{
	hsm_stream_free(*s);
}

/* Data that is digested anyway needs nothing but the digest to be kept. */
static hl_err begin(struct hsm_stream *s)
{
	const struct hsm_scheme *scheme = s->use.m->scheme;

	if (!(s->use.m->flags & HSM_IN_PIECES))
		return HL_E_MECHANISM;
	if (scheme->begin)
		return scheme->begin(s);
	s->hash = EVP_MD_CTX_new();
	if (!s->hash)
		return HL_E_NOMEM;
	return EVP_DigestInit_ex2(s->hash, hsm_digest[s->use.digest].md, NULL) == 1 ? HL_OK : HL_E_CRYPTO;
}

hl_err hsm_stream_new(struct hsm_key *k, enum hsm_way way, uint32_t mechanism,
	struct hl_bytes parameter, struct hsm_stream **out)
{
	HL_AUTO(stream_freep) struct hsm_stream *s = calloc(1, sizeof *s);

	if (!s)
		return HL_E_NOMEM;
	if (way > HSM_DECRYPT)
		return HL_E_MECHANISM;
	HL_TRY(hsm_key_share(k, &s->key));
	s->parameter = hl_buf(HL_PARAMETER_MAX);
	hl_buf_put(&s->parameter, parameter);
	if (s->parameter.err != HL_OK)
		return s->parameter.err == HL_E_FULL ? HL_E_PARAMETER : s->parameter.err;
	HL_TRY(hsm_use_begin(&s->use, s->key, way, mechanism, hl_buf_view(&s->parameter)));
	HL_TRY(begin(s));
	*out = hl_take(s);
	return HL_OK;
}

hl_err hsm_stream_update(struct hsm_stream *s, struct hl_bytes data, struct hl_buf *out)
{
	hl_err err;

	if (s->over)
		return HL_E_BUG;
	ERR_clear_error();
	s->total += data.n;
	if (s->hash)
		err = EVP_DigestUpdate(s->hash, data.p, data.n) == 1 ? HL_OK : HL_E_CRYPTO;
	else
		err = s->use.m->scheme->update(s, data, out);
	s->over = err != HL_OK;
	return err;
}

/* -- the end --------------------------------------------------------------------------------------- */

static hl_err final_hashed(struct hsm_stream *s, struct hl_bytes signature, struct hl_buf *out)
{
	const struct hsm_scheme *scheme = s->use.m->scheme;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n;

	if (EVP_DigestFinal_ex(s->hash, digest, &n) != 1)
		return HL_E_CRYPTO;
	if (s->use.way == HSM_SIGN)
		return scheme->sign(&s->use, hl_bytes(digest, n), out);
	return scheme->verify(&s->use, hl_bytes(digest, n), signature);
}

static hl_err compare(struct hsm_stream *s, struct hl_bytes signature)
{
	HL_AUTO(hl_buf_clear) struct hl_buf mac = hl_buf(EVP_MAX_MD_SIZE);

	HL_TRY(s->use.m->scheme->final(s, &mac));
	if (signature.n != mac.n)
		return HL_E_SIGNATURE_LENGTH;
	return hl_bytes_eq_secret(hl_buf_view(&mac), signature) ? HL_OK : HL_E_SIGNATURE;
}

hl_err hsm_stream_final(struct hsm_stream *s, struct hl_bytes signature, struct hl_buf *out)
{
	if (s->over)
		return HL_E_BUG;
	s->over = true;
	ERR_clear_error();
	if (s->hash)
		return final_hashed(s, signature, out);
	if (s->use.way == HSM_VERIFY)
		return compare(s, signature);
	return s->use.m->scheme->final(s, out);
}
