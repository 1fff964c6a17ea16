#include "hsm/seal.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>

#define FORMAT 1
#define KEY_ID 1 /* the device key's number; its successor would count on */
#define NONCE 12
#define TAG 16
#define HEAD (2 + NONCE)
#define KEY 32
#define MAC_ROW 1
#define MAC_MARK 2
#define BOUND (3 + 3 * 8 + SHA256_DIGEST_LENGTH)

_Static_assert(HSM_MAC == HL_MAC, "one length of all MACs");
_Static_assert(HSM_SEAL_MORE == HEAD + TAG, "seal.h says how much longer");

struct hsm_seal {
	const struct hl_env *env;
	EVP_CIPHER *cipher;
	EVP_MAC *mac;
	struct hl_secret key[HSM_SEALED_TABLES], kept_key[HSM_KEPTS], request_key, store_key, link_key;
};

/* A key of its own for each table: what one table's rows reveal says nothing about another's. */
static const char *const purpose[HSM_SEALED_TABLES] = {
	[HSM_CLUSTER] = HSM_SEAL_CLUSTER_LABEL,
	[HSM_PARTITION] = HSM_SEAL_PARTITION_LABEL,
	[HSM_OBJECT] = HSM_SEAL_OBJECT_LABEL,
	[HSM_TOKEN] = HSM_SEAL_TOKEN_LABEL,
};
static const char *const kept_label[HSM_KEPTS] = {
	[HSM_KEPT_LOGIN] = HSM_TICKET_LABEL,
	[HSM_KEPT_OBJECT] = HSM_BLOB_LABEL,
};

static void closep(struct hsm_seal **s)
{
	hsm_seal_free(*s);
}

static void ctx_freep(EVP_CIPHER_CTX **c)
{
	EVP_CIPHER_CTX_free(*c);
}

static void mac_ctx_freep(EVP_MAC_CTX **c)
{
	EVP_MAC_CTX_free(*c);
}

static void kdf_freep(EVP_KDF **k)
{
	EVP_KDF_free(*k);
}

static void kdf_ctx_freep(EVP_KDF_CTX **k)
{
	EVP_KDF_CTX_free(*k);
}

/* HKDF of RFC 5869 with SHA-256. Without a salt, as the device key is uniform already; what clients keep has one to be
 * told apart. */
static hl_err derive(struct hl_bytes key, struct hl_bytes salt, const char *info, struct hl_secret *out)
{
	HL_AUTO(kdf_freep) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	HL_AUTO(kdf_ctx_freep) EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key.p, key.n),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, strlen(info)),
		salt.n == 0 ? OSSL_PARAM_construct_end()
			    : OSSL_PARAM_construct_octet_string(
				      OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.p, salt.n),
		OSSL_PARAM_construct_end(),
	};

	HL_TRY(hl_secret_make(out, KEY));
	return ctx && EVP_KDF_derive(ctx, out->p, out->n, params) == 1 ? HL_OK : HL_E_CRYPTO;
}

hl_err hsm_seal_new(const struct hl_env *env, struct hl_bytes device_key, struct hsm_seal **out)
{
	const struct hl_bytes none = { 0 };
	HL_AUTO(closep) struct hsm_seal *s = NULL;

	if (device_key.n != HSM_DEVICE_KEY)
		return HL_E_STORE_KEY;
	s = calloc(1, sizeof *s);
	if (!s)
		return HL_E_NOMEM;
	s->env = env;
	s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	s->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (!s->cipher || !s->mac)
		return HL_E_CRYPTO;
	for (size_t i = 0; i < HSM_SEALED_TABLES; i++)
		HL_TRY(derive(device_key, none, purpose[i], &s->key[i]));
	for (size_t i = 0; i < HSM_KEPTS; i++)
		HL_TRY(derive(device_key, none, kept_label[i], &s->kept_key[i]));
	HL_TRY(derive(device_key, none, HSM_REQUEST_MAC_LABEL, &s->request_key));
	HL_TRY(derive(device_key, none, HSM_STORE_MAC_LABEL, &s->store_key));
	HL_TRY(derive(device_key, none, HSM_LOG_LINK_LABEL, &s->link_key));

	*out = hl_take(s);
	return HL_OK;
}

void hsm_seal_free(struct hsm_seal *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < HSM_SEALED_TABLES; i++)
		hl_secret_clear(&s->key[i]);
	for (size_t i = 0; i < HSM_KEPTS; i++)
		hl_secret_clear(&s->kept_key[i]);
	hl_secret_clear(&s->request_key);
	hl_secret_clear(&s->store_key);
	hl_secret_clear(&s->link_key);
	EVP_CIPHER_free(s->cipher);
	EVP_MAC_free(s->mac);
	free(s);
}

static uint8_t *put_u64(uint8_t *p, uint64_t v)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(v >> shift);
	return p;
}

/* What the row is, in a fixed length, so that no two rows give the same bytes. */
static bool bind_row(const struct hsm_row *row, const uint8_t head[2], uint8_t out[BOUND])
{
	uint8_t *p = out;

	*p++ = head[0];
	*p++ = head[1];
	*p++ = (uint8_t)row->table;
	p = put_u64(p, row->partition);
	p = put_u64(p, row->id);
	p = put_u64(p, row->version);
	return SHA256(row->open.n ? row->open.p : (const uint8_t *)"", row->open.n, p) != NULL;
}

/* A cipher context, keyed and fed with what is bound. */
static EVP_CIPHER_CTX *start(const struct hsm_seal *s, const struct hl_secret *key, const uint8_t nonce[NONCE],
	struct hl_bytes bound, int encrypt)
{
	HL_AUTO(ctx_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (!ctx)
		return NULL;
	/* 12 bytes of nonce and 16 of tag are this cipher's defaults (NIST SP 800-38D, 8.2.1). */
	if (EVP_CipherInit_ex2(ctx, s->cipher, key->p, nonce, encrypt, NULL) != 1)
		return NULL;
	if (EVP_CipherUpdate(ctx, NULL, &n, bound.p, (int)bound.n) != 1)
		return NULL;
	return hl_take(ctx);
}

/* `n` bytes from `in` to `out`: the ciphertext of this mode is as long as what it hides. */
static bool stream(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t n, uint8_t *out)
{
	int got = 0;

	return n == 0 || (EVP_CipherUpdate(ctx, out, &got, in, (int)n) == 1 && (size_t)got == n);
}

static bool finish(EVP_CIPHER_CTX *ctx)
{
	uint8_t nothing[EVP_MAX_BLOCK_LENGTH];
	int got = 0;

	return EVP_CipherFinal_ex(ctx, nothing, &got) == 1 && got == 0;
}

/* Ciphertext and tag to `out`. */
static bool close_with(EVP_CIPHER_CTX *ctx, struct hl_bytes secret, uint8_t *out)
{
	return ctx && stream(ctx, secret.p, secret.n, out) && finish(ctx) &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + secret.n) == 1;
}

/* `out->n` bytes of ciphertext and the tag from `p`. */
static bool open_with(EVP_CIPHER_CTX *ctx, const uint8_t *p, struct hl_secret *out)
{
	uint8_t tag[TAG]; /* the call that sets it takes no const */

	memcpy(tag, p + out->n, sizeof tag);
	return ctx && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
		stream(ctx, p, out->n, out->p) && finish(ctx);
}

/* -- rows ---------------------------------------------------------------------------------------- */

static hl_err seal_to(
	const struct hsm_seal *s, const struct hsm_row *row, struct hl_bytes secret, uint8_t *out)
{
	HL_AUTO(ctx_freep) EVP_CIPHER_CTX *ctx = NULL;
	uint8_t bound[BOUND];

	out[0] = FORMAT;
	out[1] = KEY_ID;
	/* Random and never kept: at most 2^32 seals under one key (NIST SP 800-38D, 8.3). */
	hl_random(s->env, out + 2, NONCE);
	if (bind_row(row, out, bound))
		ctx = start(s, &s->key[row->table], out + 2, hl_bytes(bound, sizeof bound), 1);
	return close_with(ctx, secret, out + HEAD) ? HL_OK : HL_E_CRYPTO;
}

hl_err hsm_seal(const struct hsm_seal *s, const struct hsm_row *row, struct hl_bytes secret,
	struct hl_buf *out)
{
	uint8_t *room;

	if ((unsigned)row->table >= HSM_SEALED_TABLES || secret.n > HSM_PART_MAX - HSM_SEAL_MORE)
		return HL_E_ARG;
	room = hl_buf_room(out, secret.n + HSM_SEAL_MORE);
	if (!room)
		return out->err;
	HL_TRY(seal_to(s, row, secret, room));
	hl_buf_grow(out, secret.n + HSM_SEAL_MORE);
	return HL_OK;
}

static bool unseal_to(const struct hsm_seal *s, const struct hsm_row *row, struct hl_secret *out)
{
	HL_AUTO(ctx_freep) EVP_CIPHER_CTX *ctx = NULL;
	const uint8_t *p = row->sealed.p;
	uint8_t bound[BOUND];

	if (bind_row(row, p, bound))
		ctx = start(s, &s->key[row->table], p + 2, hl_bytes(bound, sizeof bound), 0);
	return open_with(ctx, p + HEAD, out);
}

/* Put `fresh` in the place of what `out` held. */
static void replace(struct hl_secret *out, struct hl_secret *fresh)
{
	hl_secret_clear(out);
	*out = *fresh;
	*fresh = (struct hl_secret){ 0 };
}

static bool has_head(struct hl_bytes sealed, size_t more, size_t most)
{
	return sealed.n >= more && sealed.n <= most && sealed.p[0] == FORMAT && sealed.p[1] == KEY_ID;
}

hl_err hsm_unseal(const struct hsm_seal *s, const struct hsm_row *row, struct hl_secret *out)
{
	HL_AUTO(hl_secret_clear) struct hl_secret fresh = { 0 };

	if ((unsigned)row->table >= HSM_SEALED_TABLES || !has_head(row->sealed, HSM_SEAL_MORE, HSM_PART_MAX))
		return HL_E_STORE_SEAL;
	HL_TRY(hl_secret_make(&fresh, row->sealed.n - HSM_SEAL_MORE));
	if (!unseal_to(s, row, &fresh))
		return HL_E_STORE_SEAL;

	replace(out, &fresh);
	return HL_OK;
}

/* -- what clients keep --------------------------------------------------------------------------- */

/* The key of one piece. It seals nothing else, so the nonce may be zero. */
static hl_err start_kept(const struct hsm_seal *s, enum hsm_kept kind, uint64_t partition, const uint8_t *head,
	int encrypt, EVP_CIPHER_CTX **out)
{
	static const uint8_t nonce[NONCE];
	HL_AUTO(hl_secret_clear) struct hl_secret key = { 0 };
	uint8_t bound[3 + 8] = { head[0], head[1], (uint8_t)kind };

	put_u64(bound + 3, partition);
	HL_TRY(derive(hl_secret_view(&s->kept_key[kind]), hl_bytes(head + 2, HSM_KEPT_SALT), kept_label[kind], &key));
	*out = start(s, &key, nonce, hl_bytes(bound, sizeof bound), encrypt);
	return *out ? HL_OK : HL_E_CRYPTO;
}

hl_err hsm_seal_kept(const struct hsm_seal *s, enum hsm_kept kind, uint64_t partition, struct hl_bytes secret,
	struct hl_buf *out)
{
	HL_AUTO(ctx_freep) EVP_CIPHER_CTX *ctx = NULL;
	uint8_t *room;

	if ((unsigned)kind >= HSM_KEPTS || secret.n > HSM_KEPT_MAX)
		return HL_E_ARG;
	room = hl_buf_room(out, secret.n + HSM_KEPT_MORE);
	if (!room)
		return out->err;
	room[0] = FORMAT;
	room[1] = KEY_ID;
	hl_random(s->env, room + 2, HSM_KEPT_SALT);
	HL_TRY(start_kept(s, kind, partition, room, 1, &ctx));
	if (!close_with(ctx, secret, room + 2 + HSM_KEPT_SALT))
		return HL_E_CRYPTO;
	hl_buf_grow(out, secret.n + HSM_KEPT_MORE);
	return HL_OK;
}

hl_err hsm_unseal_kept(const struct hsm_seal *s, enum hsm_kept kind, uint64_t partition, struct hl_bytes sealed,
	struct hl_secret *out)
{
	HL_AUTO(hl_secret_clear) struct hl_secret fresh = { 0 };
	HL_AUTO(ctx_freep) EVP_CIPHER_CTX *ctx = NULL;

	if ((unsigned)kind >= HSM_KEPTS || !has_head(sealed, HSM_KEPT_MORE, HSM_KEPT_MAX + HSM_KEPT_MORE))
		return HL_E_STORE_SEAL;
	HL_TRY(hl_secret_make(&fresh, sealed.n - HSM_KEPT_MORE));
	HL_TRY(start_kept(s, kind, partition, sealed.p, 0, &ctx));
	if (!open_with(ctx, sealed.p + 2 + HSM_KEPT_SALT, &fresh))
		return HL_E_STORE_SEAL;

	replace(out, &fresh);
	return HL_OK;
}

/* -- MACs ---------------------------------------------------------------------------------------- */

/* HMAC-SHA-256 over `head` and `rest`. */
static hl_err mac_of(const struct hsm_seal *s, const struct hl_secret *key, struct hl_bytes head,
	struct hl_bytes rest, uint8_t out[HL_MAC])
{
	HL_AUTO(mac_ctx_freep) EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(s->mac);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	size_t n = 0;

	if (!ctx || EVP_MAC_init(ctx, key->p, key->n, params) != 1 ||
		EVP_MAC_update(ctx, head.p, head.n) != 1 ||
		EVP_MAC_update(ctx, rest.n ? rest.p : head.p, rest.n) != 1 ||
		EVP_MAC_final(ctx, out, &n, HL_MAC) != 1 || n != HL_MAC)
		return HL_E_CRYPTO;
	return HL_OK;
}

hl_err hsm_request_mac(
	const struct hsm_seal *s, uint16_t type, struct hl_bytes fields, uint8_t out[HL_MAC])
{
	const uint8_t head[] = { (uint8_t)(type >> 8), (uint8_t)type };

	return mac_of(s, &s->request_key, hl_bytes(head, sizeof head), fields, out);
}

/* -- for the store ------------------------------------------------------------------------------- */

static hl_err mac_row_with(
	const struct hsm_seal *s, const struct hl_secret *key, const struct hsm_row *row, uint8_t out[HSM_MAC])
{
	static const uint8_t head[2] = { MAC_ROW, FORMAT };
	const struct hl_bytes sealed = row->sealed;
	uint8_t bound[BOUND], digest[SHA256_DIGEST_LENGTH];

	if (!bind_row(row, head, bound) ||
		!SHA256(sealed.n ? sealed.p : (const uint8_t *)"", sealed.n, digest))
		return HL_E_CRYPTO;
	return mac_of(s, key, hl_bytes(bound, sizeof bound), hl_bytes(digest, sizeof digest), out);
}

static hl_err mac_row(const void *at, const struct hsm_row *row, uint8_t out[HSM_MAC])
{
	const struct hsm_seal *s = at;

	return mac_row_with(s, &s->store_key, row, out);
}

static hl_err mac_link(const void *at, const struct hsm_row *row, uint8_t out[HSM_MAC])
{
	const struct hsm_seal *s = at;

	return mac_row_with(s, &s->link_key, row, out);
}

static hl_err mac_pair(const void *at, enum hsm_pair_place what, struct hl_bytes bytes, uint8_t out[HSM_MAC])
{
	const struct hsm_seal *s = at;
	const uint8_t head[] = { MAC_MARK, (uint8_t)what };

	return mac_of(s, &s->store_key, hl_bytes(head, sizeof head), bytes, out);
}

static bool opens(const void *at, const struct hsm_row *row)
{
	HL_AUTO(hl_secret_clear) struct hl_secret secret = { 0 };

	return hsm_unseal(at, row, &secret) != HL_E_STORE_SEAL;
}

struct hsm_macs hsm_seal_macs(const struct hsm_seal *s)
{
	return (struct hsm_macs){ mac_row, mac_pair, mac_link, opens, s };
}

/* -- names --------------------------------------------------------------------------------------- */

uint64_t hsm_partition_id(struct hl_bytes name)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct hl_rd r = hl_rd(hl_bytes(digest, sizeof digest));
	uint64_t id;

	if (!SHA256(name.n ? name.p : (const uint8_t *)"", name.n, digest))
		return 0;
	id = hl_rd_u64(&r) & INT64_MAX;
	return id ? id : 1;
}
