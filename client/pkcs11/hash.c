/* hash.c - digests that are made here, in parts, and can be saved between two of them.
 *
 * OpenSSL's EVP does not hand out the state of a digest. Its older functions for each digest do: the state is their
 * structure, numbers without pointers. SHA-3 has none such, so it goes through EVP and cannot be saved. */
#undef OPENSSL_NO_DEPRECATED /* those older functions */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "client/pkcs11/module.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/ripemd.h>
#include <openssl/sha.h>

union state {
	MD5_CTX md5;
	RIPEMD160_CTX ripemd160;
	SHA_CTX sha1;
	SHA256_CTX sha256;
	SHA512_CTX sha512;
};

/* A digest whose state can be had. What is read back must not lead its functions past their buffer, so the number of
 * bytes that wait there is looked at, and it follows from the length so far. */
struct old {
	CK_MECHANISM_TYPE type;
	size_t size; /* of its structure */
	unsigned block;
	bool (*init)(union state *s);
	bool (*update)(union state *s, const CK_BYTE *data, size_t n);
	bool (*final)(union state *s, CK_BYTE *out);
	bool (*holds)(const union state *s);
};

#define OLD(name, member, Name) \
	static bool init_##name(union state *s) \
	{ \
		return Name##_Init(&s->member) == 1; \
	} \
	static bool update_##name(union state *s, const CK_BYTE *data, size_t n) \
	{ \
		return Name##_Update(&s->member, data, n) == 1; \
	} \
	static bool final_##name(union state *s, CK_BYTE *out) \
	{ \
		return Name##_Final(out, &s->member) == 1; \
	}
#define HOLDS(name, member, block, more) \
	static bool holds_##name(const union state *s) \
	{ \
		return s->member.num < (block) && s->member.Nl % 8 == 0 && s->member.Nl / 8 % (block) == s->member.num && (more); \
	}
OLD(md5, md5, MD5)
OLD(ripemd160, ripemd160, RIPEMD160)
OLD(sha1, sha1, SHA1)
OLD(sha224, sha256, SHA224)
OLD(sha256, sha256, SHA256)
OLD(sha384, sha512, SHA384)
OLD(sha512, sha512, SHA512)
HOLDS(md5, md5, 64, true)
HOLDS(ripemd160, ripemd160, 64, true)
HOLDS(sha1, sha1, 64, true)
HOLDS(sha224, sha256, 64, s->sha256.md_len == 28)
HOLDS(sha256, sha256, 64, s->sha256.md_len == 32)
HOLDS(sha384, sha512, 128, s->sha512.md_len == 48)
HOLDS(sha512, sha512, 128, s->sha512.md_len == 64)

#define ROW(type, name, member, block) \
	{ CKM_##type, sizeof(((union state *)0)->member), block, init_##name, update_##name, final_##name, holds_##name }
static const struct old olds[] = {
	ROW(MD5, md5, md5, 64),
	ROW(RIPEMD160, ripemd160, ripemd160, 64),
	ROW(SHA_1, sha1, sha1, 64),
	ROW(SHA224, sha224, sha256, 64),
	ROW(SHA256, sha256, sha256, 64),
	ROW(SHA384, sha384, sha512, 128),
	ROW(SHA512, sha512, sha512, 128),
};

struct p11_hash {
	const struct p11_digest *digest;
	const struct old *old; /* NULL: `md` */
	union state state;
	EVP_MD_CTX *md;
};

void p11_hash_free(struct p11_hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->md);
	OPENSSL_cleanse(h, sizeof *h);
	free(h);
}

static bool begin(struct p11_hash *h)
{
	EVP_MD *md;
	bool good;

	if (h->old)
		return h->old->init(&h->state);
	h->md = EVP_MD_CTX_new();
	md = EVP_MD_fetch(NULL, h->digest->name, NULL);
	good = h->md && md && EVP_DigestInit_ex2(h->md, md, NULL) == 1;
	EVP_MD_free(md);
	return good;
}

CK_RV p11_hash_new(const struct p11_digest *d, struct p11_hash **out)
{
	struct p11_hash *h = calloc(1, sizeof *h);

	if (!h)
		return CKR_HOST_MEMORY;
	h->digest = d;
	for (size_t i = 0; i < HL_COUNT(olds); i++)
		if (olds[i].type == d->type)
			h->old = &olds[i];
	if (!begin(h)) {
		p11_hash_free(h);
		return CKR_FUNCTION_FAILED;
	}
	*out = h;
	return CKR_OK;
}

CK_RV p11_hash_add(struct p11_hash *h, const CK_BYTE *part, CK_ULONG n)
{
	bool good = n == 0 || (h->old ? h->old->update(&h->state, part, n) : EVP_DigestUpdate(h->md, part, n) == 1);

	return good ? CKR_OK : CKR_FUNCTION_FAILED;
}

CK_RV p11_hash_end(struct p11_hash *h, CK_BYTE out[P11_DIGEST_MAX], CK_ULONG *n)
{
	bool good = h->old ? h->old->final(&h->state, out) : EVP_DigestFinal_ex(h->md, out, NULL) == 1;

	*n = h->digest->n;
	return good ? CKR_OK : CKR_FUNCTION_FAILED;
}

/* -- saved --------------------------------------------------------------------------------------------------------------- */

bool p11_hash_save(const struct p11_hash *h, struct hl_buf *out)
{
	if (!h->old)
		return false;
	hl_buf_put(out, hl_bytes(&h->state, h->old->size));
	return true;
}

CK_RV p11_hash_load(const struct p11_digest *d, struct hl_rd *from, struct p11_hash **out)
{
	struct p11_hash *h;
	struct hl_bytes state;

	P11_TRY(p11_hash_new(d, &h));
	state = hl_rd_bytes(from, h->old ? h->old->size : 0);
	if (h->old && state.n == h->old->size)
		memcpy(&h->state, state.p, state.n);
	if (!h->old || from->err != HL_OK || !h->old->holds(&h->state)) {
		p11_hash_free(h);
		return CKR_SAVED_STATE_INVALID;
	}
	*out = h;
	return CKR_OK;
}
