#include "lib/auth/scram_text.h"

#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define PROOF_TEXT 44 /* base64 of a hash */
/* A gs2 header this long still leaves room for the nonce and the proof in client-final. */
#define GS2_MAX ((HL_SCRAM_MAX - 8 - HL_SCRAM_NONCE_MAX - PROOF_TEXT) / 4 * 3)

/* -- hashes ---------------------------------------------------------------------------------- */

struct hash {
	uint8_t b[HL_SCRAM_HASH];
};

static void wipe_hash(struct hash *h)
{
	OPENSSL_cleanse(h, sizeof *h);
}

static void wipe_answer(struct hl_scram_answer *a)
{
	OPENSSL_cleanse(a, sizeof *a);
}

void hl_scram_keys_clear(struct hl_scram_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof *keys);
}

static struct hl_bytes hash_view(const uint8_t h[HL_SCRAM_HASH])
{
	return hl_bytes(h, HL_SCRAM_HASH);
}

static hl_err hmac(struct hl_bytes key, struct hl_bytes text, uint8_t out[HL_SCRAM_HASH])
{
	unsigned n = 0;

	if (!HMAC(EVP_sha256(), key.p, (int)key.n, text.p, text.n, out, &n) || n != HL_SCRAM_HASH)
		return HL_E_CRYPTO;
	return HL_OK;
}

static hl_err digest(const uint8_t key[HL_SCRAM_HASH], uint8_t out[HL_SCRAM_HASH])
{
	if (EVP_Digest(key, HL_SCRAM_HASH, out, NULL, EVP_sha256(), NULL) != 1)
		return HL_E_CRYPTO;
	return HL_OK;
}

/* Proof and ClientKey are each other XOR the signature. */
static void xor_hash(uint8_t a[HL_SCRAM_HASH], const uint8_t b[HL_SCRAM_HASH])
{
	for (size_t i = 0; i < HL_SCRAM_HASH; i++)
		a[i] ^= b[i];
}

hl_err hl_scram_salt(struct hl_bytes realm, struct hl_bytes user, uint8_t out[HL_SCRAM_SALT])
{
	static const char label[] = HL_SCRAM_SALT_LABEL; /* its NUL parts it from the name */
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(sizeof label + HL_SCRAM_MAX);
	uint8_t mac[HL_SCRAM_HASH];

	if (!hl_scram_is_plain(realm) || !hl_scram_is_plain(user))
		return HL_E_ARG;
	if (realm.n > HL_SCRAM_MAX || user.n > HL_SCRAM_MAX)
		return HL_E_ARG;
	hl_buf_put(&text, hl_bytes(label, sizeof label));
	hl_buf_put(&text, user);
	HL_TRY(text.err);
	HL_TRY(hmac(realm, hl_buf_view(&text), mac));
	memcpy(out, mac, HL_SCRAM_SALT);
	return HL_OK;
}

hl_err hl_scram_derive(struct hl_bytes password, struct hl_bytes salt, uint32_t iterations,
	struct hl_scram_keys *out)
{
	HL_AUTO(wipe_hash) struct hash salted = { 0 };
	HL_AUTO(hl_scram_keys_clear) struct hl_scram_keys keys = { 0 };

	if (!hl_scram_is_plain(password) || password.n > HL_SCRAM_MAX)
		return HL_E_ARG;
	if (salt.n == 0 || salt.n > INT_MAX || iterations == 0 || iterations > INT_MAX)
		return HL_E_ARG;
	if (PKCS5_PBKDF2_HMAC((const char *)password.p, (int)password.n, salt.p, (int)salt.n,
		    (int)iterations, EVP_sha256(), HL_SCRAM_HASH, salted.b) != 1)
		return HL_E_CRYPTO;
	HL_TRY(hmac(hash_view(salted.b), hl_text("Client Key"), keys.client));
	HL_TRY(hmac(hash_view(salted.b), hl_text("Server Key"), keys.server));
	HL_TRY(digest(keys.client, keys.stored));
	*out = keys;
	return HL_OK;
}

/* -- what both sides do ---------------------------------------------------------------------- */

/* A message goes out whole or not at all. */
static hl_err append(struct hl_buf *out, const struct hl_buf *message)
{
	HL_TRY(message->err);
	hl_buf_put(out, hl_buf_view(message));
	return out->err;
}

static bool starts_with(struct hl_bytes whole, struct hl_bytes start)
{
	return whole.n > start.n && hl_bytes_eq(hl_bytes(whole.p, start.n), start);
}

/* "AuthMessage := client-first-message-bare + "," + server-first-message + "," +
 * client-final-message-without-proof" */
static hl_err auth_message(struct hl_bytes bare, struct hl_bytes server_first,
	struct hl_bytes unproved, struct hl_buf *out)
{
	hl_buf_put(out, bare);
	hl_buf_u8(out, ',');
	hl_buf_put(out, server_first);
	hl_buf_u8(out, ',');
	hl_buf_put(out, unproved);
	return out->err;
}

#define AUTH_MESSAGE_MAX (3 * HL_SCRAM_MAX + 2)

/* -- client ---------------------------------------------------------------------------------- */

static bool client_args_ok(struct hl_bytes user, struct hl_bytes authzid, struct hl_bytes nonce)
{
	return hl_scram_is_plain(user) && (authzid.n == 0 || hl_scram_is_plain(authzid)) &&
	       hl_scram_is_nonce(nonce) && nonce.n < HL_SCRAM_NONCE_MAX;
}

/* The buffers are as large as the messages may be, so what does not fit is the caller's mistake. */
static hl_err as_argument(hl_err err)
{
	return err == HL_E_FULL || err == HL_E_RANGE ? HL_E_ARG : err;
}

static hl_err put_gs2(struct hl_scram_client *c, struct hl_bytes authzid)
{
	HL_AUTO(hl_buf_clear) struct hl_buf gs2 = hl_buf(GS2_MAX);

	hl_buf_text(&gs2, authzid.n > 0 ? "n,a=" : "n,");
	hl_scram_put_name(&gs2, authzid);
	hl_buf_u8(&gs2, ',');
	HL_TRY(gs2.err);
	return hl_bytes_str(hl_buf_view(&gs2), c->gs2, sizeof c->gs2);
}

static hl_err put_bare(struct hl_scram_client *c, struct hl_bytes user, struct hl_bytes nonce)
{
	HL_AUTO(hl_buf_clear) struct hl_buf bare = hl_buf(HL_SCRAM_MAX - strlen(c->gs2));

	hl_buf_text(&bare, "n=");
	hl_scram_put_name(&bare, user);
	hl_buf_text(&bare, ",r=");
	hl_buf_put(&bare, nonce);
	HL_TRY(bare.err);
	return hl_bytes_str(hl_buf_view(&bare), c->bare, sizeof c->bare);
}

hl_err hl_scram_client_first(struct hl_scram_client *c, struct hl_bytes user,
	struct hl_bytes authzid, struct hl_bytes nonce, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf first = hl_buf(HL_SCRAM_MAX);
	struct hl_scram_client fresh = { 0 };

	if (!client_args_ok(user, authzid, nonce))
		return HL_E_ARG;
	HL_TRY(as_argument(put_gs2(&fresh, authzid)));
	HL_TRY(as_argument(put_bare(&fresh, user, nonce)));
	HL_TRY(hl_bytes_str(nonce, fresh.nonce, sizeof fresh.nonce));
	hl_buf_text(&first, fresh.gs2);
	hl_buf_text(&first, fresh.bare);
	HL_TRY(append(out, &first));
	*c = fresh;
	return HL_OK;
}

static hl_err check_challenge(const struct hl_scram_client *c,
	const struct hl_scram_challenge *challenge, struct hl_bytes salt, uint32_t iterations)
{
	/* "The client MUST verify that the initial part of the nonce used in subsequent messages is
	 * the same as the nonce it initially specified." */
	if (c->nonce[0] == 0 || !starts_with(challenge->nonce, hl_text(c->nonce)))
		return HL_E_SCRAM;
	if (!hl_bytes_eq(hl_bytes(challenge->salt, challenge->salt_n), salt))
		return HL_E_PROXY_AUTH;
	return challenge->iterations == iterations ? HL_OK : HL_E_PROXY_AUTH;
}

/* client-final up to the proof. */
static hl_err put_unproved(
	const struct hl_scram_client *c, struct hl_bytes nonce, struct hl_buf *out)
{
	hl_buf_text(out, "c=");
	hl_scram_put_base64(out, hl_text(c->gs2));
	hl_buf_text(out, ",r=");
	hl_buf_put(out, nonce);
	return out->err;
}

/* "ClientProof := ClientKey XOR HMAC(StoredKey, AuthMessage)" */
static hl_err put_proof(
	const struct hl_scram_keys *keys, struct hl_bytes message, struct hl_buf *final)
{
	HL_AUTO(wipe_hash) struct hash proof = { 0 };

	HL_TRY(hmac(hash_view(keys->stored), message, proof.b));
	xor_hash(proof.b, keys->client);
	hl_buf_text(final, ",p=");
	hl_scram_put_base64(final, hash_view(proof.b));
	return final->err;
}

hl_err hl_scram_client_final(struct hl_scram_client *c, struct hl_bytes server_first,
	struct hl_bytes salt, uint32_t iterations, const struct hl_scram_keys *keys,
	struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf final = hl_buf(HL_SCRAM_MAX + 1);
	HL_AUTO(hl_buf_clear) struct hl_buf message = hl_buf(AUTH_MESSAGE_MAX);
	struct hl_scram_challenge challenge;

	c->proved = false;
	HL_TRY(hl_scram_challenge_parse(server_first, &challenge));
	HL_TRY(check_challenge(c, &challenge, salt, iterations));
	HL_TRY(put_unproved(c, challenge.nonce, &final));
	HL_TRY(auth_message(hl_text(c->bare), server_first, hl_buf_view(&final), &message));
	HL_TRY(put_proof(keys, hl_buf_view(&message), &final));
	HL_TRY(hmac(hash_view(keys->server), hl_buf_view(&message), c->server_signature));
	HL_TRY(append(out, &final));
	c->proved = true;
	return HL_OK;
}

hl_err hl_scram_client_check(const struct hl_scram_client *c, struct hl_bytes server_final)
{
	HL_AUTO(wipe_hash) struct hash got = { 0 };

	if (!c->proved || hl_scram_verdict_parse(server_final, got.b) != HL_OK)
		return HL_E_PROXY_AUTH;
	if (!hl_bytes_eq_secret(hash_view(got.b), hash_view(c->server_signature)))
		return HL_E_PROXY_AUTH;
	return HL_OK;
}

/* -- server ---------------------------------------------------------------------------------- */

hl_err hl_scram_server_first(const struct hl_scram_first *first, struct hl_bytes nonce_tail,
	struct hl_bytes salt, uint32_t iterations, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf message = hl_buf(HL_SCRAM_MAX);

	if (!hl_scram_is_nonce(nonce_tail) || nonce_tail.n >= HL_SCRAM_NONCE_MAX)
		return HL_E_ARG;
	if (salt.n == 0 || salt.n > HL_SCRAM_SALT_MAX || iterations == 0)
		return HL_E_ARG;
	if (first->nonce.n > HL_SCRAM_NONCE_MAX - nonce_tail.n)
		return HL_E_SCRAM;
	hl_buf_text(&message, "r=");
	hl_buf_put(&message, first->nonce);
	hl_buf_put(&message, nonce_tail);
	hl_buf_text(&message, ",s=");
	hl_scram_put_base64(&message, salt);
	hl_buf_printf(&message, ",i=%lu", (unsigned long)iterations);
	return append(out, &message);
}

hl_err hl_scram_server_nonce(struct hl_bytes server_first, struct hl_bytes *nonce)
{
	struct hl_scram_challenge challenge;

	HL_TRY(hl_scram_challenge_parse(server_first, &challenge));
	*nonce = challenge.nonce;
	return HL_OK;
}

/* Whether the three messages are of one exchange. */
static hl_err check_together(const struct hl_scram_first *first,
	const struct hl_scram_challenge *challenge, const struct hl_scram_answer *answer)
{
	HL_AUTO(hl_buf_clear) struct hl_buf header = hl_buf((HL_SCRAM_MAX + 2) / 3 * 4 + 1);

	if (!starts_with(challenge->nonce, first->nonce))
		return HL_E_SCRAM;
	/* "The server MUST verify that the nonce sent by the client in the second message is the
	 * same as the one sent by the server in its first message." */
	if (!hl_bytes_eq(answer->nonce, challenge->nonce))
		return HL_E_SCRAM;
	/* c= repeats the gs2 header, so that nobody exchanged it, and the name in a=, on the way. */
	hl_scram_put_base64(&header, first->gs2);
	HL_TRY(header.err);
	return hl_bytes_eq(answer->header, hl_buf_view(&header)) ? HL_OK : HL_E_SCRAM;
}

/* The proof with the signature taken off is ClientKey, whose hash is StoredKey. */
static hl_err check_proof(const struct hl_scram_answer *answer, const uint8_t stored[HL_SCRAM_HASH],
	struct hl_bytes message)
{
	HL_AUTO(wipe_hash) struct hash key = { 0 };
	HL_AUTO(wipe_hash) struct hash hashed = { 0 };

	HL_TRY(hmac(hash_view(stored), message, key.b));
	xor_hash(key.b, answer->proof);
	HL_TRY(digest(key.b, hashed.b));
	if (!hl_bytes_eq_secret(hash_view(hashed.b), hash_view(stored)))
		return HL_E_SERVICE_AUTH;
	return HL_OK;
}

static hl_err put_verdict(
	const uint8_t server[HL_SCRAM_HASH], struct hl_bytes message, struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf final = hl_buf(HL_SCRAM_MAX);
	HL_AUTO(wipe_hash) struct hash signature = { 0 };

	HL_TRY(hmac(hash_view(server), message, signature.b));
	hl_buf_text(&final, "v=");
	hl_scram_put_base64(&final, hash_view(signature.b));
	return append(out, &final);
}

hl_err hl_scram_verify(struct hl_bytes client_first, struct hl_bytes server_first,
	struct hl_bytes client_final, const uint8_t stored[HL_SCRAM_HASH],
	const uint8_t server[HL_SCRAM_HASH], struct hl_buf *out)
{
	HL_AUTO(hl_buf_clear) struct hl_buf message = hl_buf(AUTH_MESSAGE_MAX);
	HL_AUTO(wipe_answer) struct hl_scram_answer answer = { 0 };
	struct hl_scram_challenge challenge;
	struct hl_scram_first first;

	HL_TRY(hl_scram_first_parse(client_first, &first));
	HL_TRY(hl_scram_challenge_parse(server_first, &challenge));
	HL_TRY(hl_scram_answer_parse(client_final, &answer));
	HL_TRY(check_together(&first, &challenge, &answer));
	HL_TRY(auth_message(first.bare, server_first, answer.unproved, &message));
	HL_TRY(check_proof(&answer, stored, hl_buf_view(&message)));
	return put_verdict(server, hl_buf_view(&message), out);
}
