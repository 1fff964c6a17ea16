/* kdf.c - keys from keys: NIST SP 800-108, by digest, by encryption; and from passwords (RFC 8018). */
#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

/* -- by digest, by encryption ----------------------------------------------------------------------- */

static hl_err derive_sha(struct hsm_use *u, size_t n, struct hl_secret *out)
{
	size_t width = (size_t)EVP_MD_get_size(hsm_digest[u->digest].md), got;
	uint8_t digest[EVP_MAX_MD_SIZE];
	hl_err err;

	if (n > width)
		return HL_E_KEY_SIZE;
	err = hsm_hash(u->k->hash, u->digest, hl_secret_view(&u->k->value), digest, &got);
	if (err == HL_OK)
		err = hl_secret_set(out, hl_bytes(digest, n ? n : width));
	OPENSSL_cleanse(digest, sizeof digest);
	return err;
}

static size_t block_of(const struct hsm_use *u)
{
	return u->m->key_type == HL_CKK_DES3 ? 8 : 16;
}

static hl_err check_data(struct hsm_use *u)
{
	const struct hl_data_parameter *p = &u->p.data;
	size_t iv = u->m->scheme->mode == HSM_CBC ? block_of(u) : 0;

	return p->iv.n == iv && p->data.n > 0 && p->data.n % block_of(u) == 0 ? HL_OK : HL_E_PARAMETER;
}

/* PKCS #11 v3.0, 2.15.1: the leading bytes of what was encrypted are the key. */
static hl_err derive_data(struct hsm_use *u, size_t n, struct hl_secret *out)
{
	const struct hl_data_parameter *p = &u->p.data;
	EVP_CIPHER_CTX *ctx = hsm_cipher_context(u->k, u->m->scheme->mode, HSM_ENCRYPT);
	HL_AUTO(hl_secret_clear) struct hl_secret all = { 0 };
	int got = 0;

	if (n > p->data.n)
		return HL_E_KEY_SIZE;
	HL_TRY(hl_secret_make(&all, p->data.n));
	if (!ctx || EVP_CipherInit_ex2(ctx, NULL, NULL, p->iv.p, 1, NULL) != 1 ||
		EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 ||
		EVP_CipherUpdate(ctx, all.p, &got, p->data.p, (int)p->data.n) != 1 || (size_t)got != all.n)
		return HL_E_CRYPTO;
	return hl_secret_set(out, hl_bytes(all.p, n ? n : all.n));
}

const struct hsm_scheme hsm_sha_derive = { .derive = derive_sha };
const struct hsm_scheme hsm_ecb_data = { .mode = HSM_ECB, .check = check_data, .derive = derive_data };
const struct hsm_scheme hsm_cbc_data = { .mode = HSM_CBC, .check = check_data, .derive = derive_data };

/* -- SP 800-108 ---------------------------------------------------------------------------------------
 *
 * Each round hashes the parts of the parameter in their order. What "is iterated" is the counter in the
 * counter mode, else K(i-1) or A(i); a counter besides is optional there. */

#define SEGMENT_MAX EVP_MAX_MD_SIZE

struct rounds {
	struct hsm_use *u;
	EVP_MAC_CTX *prf;
	size_t width;		     /* of a segment */
	size_t bits;		     /* what the length field says */
	uint8_t fed[512];	     /* what the next round is fed with */
	size_t fed_n;
};

static size_t prf_digest(uint32_t prf)
{
	for (size_t i = 1; i < HSM_DIGEST_ROWS; i++)
		if (hsm_digest[i].hmac == prf)
			return i;
	return 0;
}

static bool is_cmac(const struct hsm_use *u)
{
	return u->p.kdf.prf == HL_CKM_AES_CMAC || u->p.kdf.prf == HL_CKM_DES3_CMAC;
}

static bool is_number(const struct hl_kdf_part *part)
{
	return part->bits >= 8 && part->bits <= 64 && part->bits % 8 == 0;
}

/* Which fields a part of each type has. */
static bool is_part(const struct hsm_use *u, const struct hl_kdf_part *part)
{
	bool counter = u->m->scheme == &hsm_kdf_counter;

	switch (part->type) {
	case HL_CK_SP800_108_ITERATION_VARIABLE:
		return part->method == 0 && part->value.n == 0 &&
		       (counter ? is_number(part) && part->bits <= 32 : part->bits == 0);
	case HL_CK_SP800_108_OPTIONAL_COUNTER:
		return !counter && is_number(part) && part->bits <= 32 && part->method == 0 && part->value.n == 0;
	case HL_CK_SP800_108_DKM_LENGTH:
		return is_number(part) && part->method != 0 && part->value.n == 0;
	default:
		return part->bits == 0 && part->method == 0 && part->value.n > 0;
	}
}

/* PKCS #11 v3.0, 2.42: what is iterated must be there, once, as may be a counter and a length. */
static hl_err check_kdf(struct hsm_use *u)
{
	struct hl_bytes at = u->p.kdf.parts.raw;
	struct hl_kdf_part part;
	unsigned seen[5] = { 0 };

	if (!prf_digest(u->p.kdf.prf) && !is_cmac(u))
		return HL_E_PARAMETER;
	if (u->m->scheme != &hsm_kdf_feedback && u->p.kdf.iv.n > 0)
		return HL_E_PARAMETER;
	while (hl_list_next(&hl_msg_kdf_part, &at, &part)) {
		if (!is_part(u, &part))
			return HL_E_PARAMETER;
		seen[part.type]++;
	}
	return seen[1] == 1 && seen[2] <= 1 && seen[3] <= 1 ? HL_OK : HL_E_PARAMETER;
}

static hl_err fits_kdf(struct hsm_use *u)
{
	uint32_t type = u->k->type;

	if (u->p.kdf.prf == HL_CKM_AES_CMAC)
		return type == HL_CKK_AES ? HL_OK : HL_E_KEY_TYPE;
	if (u->p.kdf.prf == HL_CKM_DES3_CMAC)
		return type == HL_CKK_DES3 || type == HL_CKK_DES2 ? HL_OK : HL_E_KEY_TYPE;
	return HL_OK;
}

static bool feed(struct rounds *r, struct hl_bytes b)
{
	return b.n == 0 || EVP_MAC_update(r->prf, b.p, b.n) == 1;
}

static bool feed_number(struct rounds *r, const struct hl_kdf_part *part, uint64_t v)
{
	size_t n = part->bits / 8;
	uint8_t bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[part->little ? i : n - 1 - i] = (uint8_t)(v >> 8 * i);
	return feed(r, hl_bytes(bytes, n));
}

static bool feed_part(struct rounds *r, const struct hl_kdf_part *part, uint32_t i)
{
	switch (part->type) {
	case HL_CK_SP800_108_ITERATION_VARIABLE:
		if (part->bits > 0)
			return feed_number(r, part, i);
		return feed(r, hl_bytes(r->fed, r->fed_n));
	case HL_CK_SP800_108_OPTIONAL_COUNTER:
		return feed_number(r, part, i);
	case HL_CK_SP800_108_DKM_LENGTH:
		return feed_number(r, part, r->bits);
	default:
		return feed(r, part->value);
	}
}

static bool finish(struct rounds *r, uint8_t out[SEGMENT_MAX])
{
	size_t n;

	return EVP_MAC_final(r->prf, out, &n, SEGMENT_MAX) == 1 && n == r->width;
}

/* A(0) of the double pipeline: all parts but what is iterated and the counter. */
static bool pipeline_start(struct rounds *r)
{
	struct hl_bytes at = r->u->p.kdf.parts.raw;
	struct hl_kdf_part part;
	uint8_t a[SEGMENT_MAX];

	if (EVP_MAC_init(r->prf, NULL, 0, NULL) != 1)
		return false;
	while (hl_list_next(&hl_msg_kdf_part, &at, &part))
		if (part.type >= HL_CK_SP800_108_DKM_LENGTH && !feed_part(r, &part, 0))
			return false;
	if (!finish(r, a)) /* A(1) = PRF(A(0)): what was fed is A(0) itself */
		return false;
	memcpy(r->fed, a, r->width);
	r->fed_n = r->width;
	return true;
}

/* A(i+1) = PRF(A(i)) */
static bool pipeline_next(struct rounds *r)
{
	return EVP_MAC_init(r->prf, NULL, 0, NULL) == 1 && feed(r, hl_bytes(r->fed, r->fed_n)) && finish(r, r->fed);
}

static bool segment(struct rounds *r, uint32_t i, uint8_t out[SEGMENT_MAX])
{
	struct hl_bytes at = r->u->p.kdf.parts.raw;
	struct hl_kdf_part part;

	if (EVP_MAC_init(r->prf, NULL, 0, NULL) != 1)
		return false;
	while (hl_list_next(&hl_msg_kdf_part, &at, &part))
		if (!feed_part(r, &part, i))
			return false;
	return finish(r, out);
}

static bool begin(struct rounds *r)
{
	struct hl_bytes iv = r->u->p.kdf.iv;

	if (r->u->m->scheme == &hsm_kdf_pipeline)
		return pipeline_start(r);
	r->fed_n = iv.n;
	if (iv.n > 0)
		memcpy(r->fed, iv.p, iv.n);
	return true;
}

static bool next(struct rounds *r, const uint8_t *segment_)
{
	if (r->u->m->scheme == &hsm_kdf_pipeline)
		return pipeline_next(r);
	memcpy(r->fed, segment_, r->width);
	r->fed_n = r->width;
	return true;
}

static bool fill(struct rounds *r, uint8_t *out, size_t n)
{
	uint8_t one[SEGMENT_MAX];
	bool ok = begin(r);

	for (uint32_t i = 1; ok && n > 0; i++) {
		size_t some = n < r->width ? n : r->width;

		ok = segment(r, i, one) && next(r, one);
		if (ok)
			memcpy(out, one, some);
		out += some;
		n -= some;
	}
	OPENSSL_cleanse(one, sizeof one);
	return ok;
}

/* The counter must hold the number of the last round; the length is of the keys, or of whole segments. */
static hl_err check_rounds(struct rounds *r, size_t n)
{
	size_t count = (n + r->width - 1) / r->width;
	struct hl_bytes at = r->u->p.kdf.parts.raw;
	struct hl_kdf_part part;

	r->bits = 8 * n;
	while (hl_list_next(&hl_msg_kdf_part, &at, &part)) {
		if (part.type == HL_CK_SP800_108_DKM_LENGTH) {
			if (part.method == HL_CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS)
				r->bits = 8 * count * r->width;
			if (part.bits < 64 && (uint64_t)r->bits >> part.bits)
				return HL_E_KEY_SIZE;
		} else if (part.bits > 0 && (uint64_t)count >> part.bits) {
			return HL_E_KEY_SIZE;
		}
	}
	return HL_OK;
}

static hl_err derive_kdf(struct hsm_use *u, size_t n, struct hl_secret *out)
{
	size_t digest = prf_digest(u->p.kdf.prf);
	HL_AUTO(hsm_mac_freep) EVP_MAC_CTX *prf = NULL;
	struct rounds r = { .u = u };
	hl_err err = HL_OK;

	prf = r.prf = digest ? hsm_hmac_context(digest, hl_secret_view(&u->k->value)) : hsm_cmac_context(u->k);
	if (!prf)
		return HL_E_CRYPTO;
	r.width = EVP_MAC_CTX_get_mac_size(prf);
	if (n == 0)
		n = r.width;
	HL_TRY(check_rounds(&r, n));
	HL_TRY(hl_secret_make(out, n));
	if (!fill(&r, out->p, n)) {
		hl_secret_clear(out);
		err = HL_E_CRYPTO;
	}
	OPENSSL_cleanse(r.fed, sizeof r.fed);
	return err;
}

#define KDF { .check = check_kdf, .fits = fits_kdf, .derive = derive_kdf }
const struct hsm_scheme hsm_kdf_counter = KDF;
const struct hsm_scheme hsm_kdf_feedback = KDF;
const struct hsm_scheme hsm_kdf_pipeline = KDF;

/* -- PBKDF2 (RFC 8018, 5.2) --------------------------------------------------------------------------- */

static size_t pbkdf2_digest(uint32_t prf)
{
	for (size_t i = 1; i < HSM_DIGEST_ROWS; i++)
		if (hsm_digest[i].prf == prf)
			return i;
	return 0;
}

static hl_err check_pbkdf2(struct hsm_use *u)
{
	return pbkdf2_digest(u->p.pbkdf2.prf) ? HL_OK : HL_E_PARAMETER;
}

static hl_err make_pbkdf2(struct hsm_making *g)
{
	const struct hl_pbkdf2_parameter *p = &g->u->p.pbkdf2;
	struct hl_secret *value = &g->key->value;
	const char *password = p->password.n > 0 ? (const char *)p->password.p : "";

	HL_TRY(hl_secret_make(value, (size_t)hsm_attribute_number(g->key, HL_CKA_VALUE_LEN)));
	if (PKCS5_PBKDF2_HMAC(password, (int)p->password.n, p->salt.p, (int)p->salt.n, (int)p->iterations,
		    hsm_digest[pbkdf2_digest(p->prf)].md, (int)value->n, value->p) != 1)
		return HL_E_CRYPTO;
	return HL_OK;
}

const struct hsm_scheme hsm_pbkdf2 = { .check = check_pbkdf2, .make = make_pbkdf2 };
