/* use.c - the uses of a key in one part: what is checked, and in which order, before a scheme runs. */
#include <openssl/err.h>

#include "hsm/engine/engine.h"

/* clang-format off */
static const unsigned flag_of[HSM_WAYS] = {
	[HSM_SIGN] = HSM_SIGNS,       [HSM_VERIFY] = HSM_VERIFIES,
	[HSM_ENCRYPT] = HSM_ENCRYPTS, [HSM_DECRYPT] = HSM_DECRYPTS,
	[HSM_WRAP] = HSM_WRAPS,       [HSM_UNWRAP] = HSM_UNWRAPS,
	[HSM_DERIVE] = HSM_DERIVES,
};
/* Which half of a pair does it. */
static const bool is_private_way[HSM_WAYS] = {
	[HSM_SIGN] = true, [HSM_DECRYPT] = true, [HSM_UNWRAP] = true, [HSM_DERIVE] = true,
};
/* clang-format on */

static bool is_secret(const struct hsm_key *k)
{
	return !k->pkey;
}

static bool fits_type(const struct hsm_mechanism *m, const struct hsm_key *k)
{
	if (m->key_type == k->type || m->also_type == k->type)
		return true;
	return m->also_type == HSM_ANY_SECRET && is_secret(k);
}

/* PKCS #11 v3.0, 4.8: CKA_ALLOWED_MECHANISMS, each as eight bytes. */
static bool is_allowed(const struct hsm_key *k, uint32_t mechanism)
{
	const struct hl_attribute *a = hsm_attribute(&k->about, HL_CKA_ALLOWED_MECHANISMS);
	struct hl_rd r = hl_rd(a ? a->value : hl_bytes(NULL, 0));

	if (!a || a->value.n == 0)
		return true;
	while (r.left > 0 && r.err == HL_OK)
		if (hl_rd_u64(&r) == mechanism)
			return true;
	return false;
}

static bool fits_size(const struct hsm_mechanism *m, const struct hsm_key *k)
{
	size_t size = is_secret(k) ? k->value_n : k->bits;

	return m->max == 0 || (size >= m->min && size <= m->max);
}

hl_err hsm_use_parameter(struct hsm_use *u, struct hl_bytes parameter)
{
	u->digest = hsm_digest_named(u->m->digest);
	if (!u->m->parameter)
		return parameter.n == 0 ? HL_OK : HL_E_PARAMETER;
	if (hl_body_get(u->m->parameter, parameter, &u->p) != HL_OK)
		return HL_E_PARAMETER;
	return u->m->scheme->check ? u->m->scheme->check(u) : HL_OK;
}

hl_err hsm_use_begin(struct hsm_use *u, struct hsm_key *k, enum hsm_way way, uint32_t mechanism,
	struct hl_bytes parameter)
{
	*u = (struct hsm_use){ .k = k, .m = hsm_mechanism(mechanism), .way = way };
	if (!u->m || !(u->m->flags & flag_of[way]))
		return HL_E_MECHANISM;
	HL_TRY(hsm_use_parameter(u, parameter));
	if (!fits_type(u->m, k))
		return HL_E_KEY_TYPE;
	/* A public key cannot sign even if its row said so. */
	if (!k->may[way] || (!is_secret(k) && k->private != is_private_way[way]))
		return HL_E_KEY_USE;
	if (!is_allowed(k, mechanism))
		return HL_E_MECHANISM;
	if (!fits_size(u->m, k))
		return HL_E_KEY_SIZE;
	ERR_clear_error();
	return u->m->scheme->fits ? u->m->scheme->fits(u) : HL_OK;
}

hl_err hsm_room(struct hl_buf *out, size_t n, uint8_t **room)
{
	*room = hl_buf_room(out, n > 0 ? n : 1);
	return *room ? HL_OK : out->err;
}

/* -- in one part --------------------------------------------------------------------------------- */

static bool hashes(const struct hsm_use *u)
{
	return u->m->scheme->hashes && u->m->digest;
}

static hl_err input(struct hsm_use *u, struct hl_bytes data, uint8_t hash[EVP_MAX_MD_SIZE], struct hl_bytes *out)
{
	size_t n;

	*out = data;
	if (!hashes(u))
		return HL_OK;
	HL_TRY(hsm_hash(u->k->hash, u->digest, data, hash, &n));
	*out = hl_bytes(hash, n);
	return HL_OK;
}

hl_err hsm_key_sign(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *signature)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	struct hl_bytes in;
	struct hsm_use u;

	HL_TRY(hsm_use_begin(&u, k, HSM_SIGN, mechanism, parameter));
	HL_TRY(input(&u, data, hash, &in));
	return u.m->scheme->sign(&u, in, signature);
}

hl_err hsm_key_verify(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_bytes signature)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	struct hl_bytes in;
	struct hsm_use u;

	HL_TRY(hsm_use_begin(&u, k, HSM_VERIFY, mechanism, parameter));
	HL_TRY(input(&u, data, hash, &in));
	return u.m->scheme->verify(&u, in, signature);
}

static hl_err check_hashed(const struct hsm_use *u, struct hl_bytes digest)
{
	if (!hashes(u))
		return HL_E_MECHANISM;
	return digest.n == (size_t)EVP_MD_get_size(hsm_digest[u->digest].md) ? HL_OK : HL_E_DATA_LENGTH;
}

hl_err hsm_key_sign_digest(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes digest, struct hl_buf *signature)
{
	struct hsm_use u;

	HL_TRY(hsm_use_begin(&u, k, HSM_SIGN, mechanism, parameter));
	HL_TRY(check_hashed(&u, digest));
	return u.m->scheme->sign(&u, digest, signature);
}

hl_err hsm_key_verify_digest(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes digest, struct hl_bytes signature)
{
	struct hsm_use u;

	HL_TRY(hsm_use_begin(&u, k, HSM_VERIFY, mechanism, parameter));
	HL_TRY(check_hashed(&u, digest));
	return u.m->scheme->verify(&u, digest, signature);
}

hl_err hsm_key_encrypt(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *out)
{
	struct hsm_use u;

	HL_TRY(hsm_use_begin(&u, k, HSM_ENCRYPT, mechanism, parameter));
	if (data.n > HL_DATA_MAX)
		return HL_E_DATA_LENGTH;
	return u.m->scheme->encrypt(&u, data, out);
}

hl_err hsm_key_decrypt(struct hsm_key *k, uint32_t mechanism, struct hl_bytes parameter,
	struct hl_bytes data, struct hl_buf *out)
{
	struct hsm_use u;

	HL_TRY(hsm_use_begin(&u, k, HSM_DECRYPT, mechanism, parameter));
	if (data.n > HL_DATA_MAX + HL_TAG_MAX)
		return HL_E_ENCRYPTED_LENGTH;
	return u.m->scheme->decrypt(&u, data, out);
}

/* -- how long it takes ---------------------------------------------------------------------------- */

static bool is_long(uint32_t type)
{
	return type == HL_CKK_RSA || type == HL_CKK_DSA || type == HL_CKK_DH || type == HL_CKK_X9_42_DH;
}

static bool is_curve(uint32_t type)
{
	return type == HL_CKK_EC || type == HL_CKK_EC_EDWARDS || type == HL_CKK_EC_MONTGOMERY;
}

bool hsm_mechanism_in_bits(const struct hsm_mechanism *m)
{
	return is_long(m->key_type) || is_curve(m->key_type);
}

/* RSA and DH are slow where an exponent is long, and any search for primes is; so is PBKDF2, which is
 * meant to be. Curves never are. */
bool hsm_mechanism_slow(uint32_t mechanism, const struct hsm_key *k)
{
	const struct hsm_mechanism *m = hsm_mechanism(mechanism);

	if (!m)
		return false;
	if (m->flags & HSM_GENERATES && !k)
		return is_long(m->key_type) || mechanism == HL_CKM_PKCS5_PBKD2;
	if (!k || !k->pkey || !k->private || !is_long(k->type))
		return false;
	return k->bits > 2048 || (k->bits == 2048 && m->flags & HSM_DERIVES);
}
