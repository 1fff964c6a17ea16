#include "client/blind.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define BLIND_VERSION 1
#define NONCE 12
#define TAG 16
#define AROUND (1 + NONCE + TAG)

struct box {
	uint8_t *version, *nonce, *text, *tag; /* into one block, in this order */
};

static struct box box(uint8_t *block, size_t n)
{
	return (struct box){ block, block + 1, block + 1 + NONCE, block + n - TAG };
}

static void cipher_free(EVP_CIPHER_CTX **c)
{
	EVP_CIPHER_CTX_free(*c);
}

/* A context with key, nonce and everything that is authenticated but not hidden. */
static hl_err begin(EVP_CIPHER_CTX *c, const struct box *b, struct hl_bytes entry, int encrypt)
{
	static const char label[] = CLIENT_BLIND_LABEL;
	uint8_t key[32];
	int n, ok;

	ERR_clear_error();
	if (!c || entry.n > INT32_MAX)
		return HL_E_NOMEM;
	ok = EVP_Digest(label, sizeof label - 1, key, NULL, EVP_sha256(), NULL) == 1 &&
	     EVP_CipherInit_ex2(c, EVP_aes_256_gcm(), key, b->nonce, encrypt, NULL) == 1 &&
	     EVP_CipherUpdate(c, NULL, &n, b->version, 1) == 1 &&
	     (entry.n == 0 || EVP_CipherUpdate(c, NULL, &n, entry.p, (int)entry.n) == 1);
	OPENSSL_cleanse(key, sizeof key);
	return ok ? HL_OK : HL_E_CRYPTO;
}

static hl_err seal(const struct box *b, struct hl_bytes entry, struct hl_bytes clear)
{
	HL_AUTO(cipher_free) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	HL_TRY(begin(c, b, entry, 1));
	if (EVP_CipherUpdate(c, b->text, &n, clear.p, (int)clear.n) != 1 ||
		EVP_CipherFinal_ex(c, b->tag, &n) != 1 ||
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, b->tag) != 1)
		return HL_E_CRYPTO;
	return HL_OK;
}

static hl_err unseal(const struct box *b, struct hl_bytes entry, struct hl_secret *out)
{
	HL_AUTO(cipher_free) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	HL_TRY(begin(c, b, entry, 0));
	if (EVP_CipherUpdate(c, out->p, &n, b->text, (int)out->n) != 1 ||
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, b->tag) != 1 ||
		EVP_CipherFinal_ex(c, out->p + n, &n) != 1)
		return HL_E_SECRETS;
	return HL_OK;
}

hl_err client_blind(
	const struct hl_env *env, struct hl_bytes entry, struct hl_bytes clear, struct hl_buf *out)
{
	uint8_t block[AROUND + CLIENT_BLIND_MAX];
	size_t n = AROUND + clear.n;
	struct box b;
	uint8_t *room;

	if (clear.n == 0 || clear.n > CLIENT_BLIND_MAX)
		return HL_E_RANGE;
	b = box(block, n);
	*b.version = BLIND_VERSION;
	hl_random(env, b.nonce, NONCE);
	HL_TRY(seal(&b, entry, clear));
	room = hl_buf_room(out, 2 * n + 1);
	if (!room)
		return out->err;
	hl_hex(hl_bytes(block, n), (char *)room);
	hl_buf_grow(out, 2 * n);
	return HL_OK;
}

hl_err client_unblind(struct hl_bytes entry, struct hl_bytes hex, struct hl_secret *out)
{
	HL_AUTO(hl_secret_clear) struct hl_secret clear = { 0 };
	uint8_t block[AROUND + CLIENT_BLIND_MAX];
	struct box b;
	size_t n;

	if (hl_unhex((const char *)hex.p, hex.n, block, sizeof block, &n) != HL_OK || n <= AROUND)
		return HL_E_SECRETS;
	b = box(block, n);
	if (*b.version != BLIND_VERSION)
		return HL_E_SECRETS;
	HL_TRY(hl_secret_make(&clear, n - AROUND));
	HL_TRY(unseal(&b, entry, &clear));
	*out = clear;
	clear = (struct hl_secret){ 0 };
	return HL_OK;
}
