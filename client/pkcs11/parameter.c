/* parameter.c - from the structures of PKCS #11 to the fields of the wire.
 *
 * What the HSM would not take either (doc/protocol.md) is told at the Init, where it belongs. Bounds that stand in the
 * tables of the messages are left to them. */
#include "client/pkcs11/module.h"

#define IV_MIN 12
#define IV_MAX 128
#define GMAC_IV 12
#define AEAD_NONCE 12
#define TAG_BITS_MIN 96
#define TAG_BITS_MAX 128
#define AAD_MAX 65536

static CK_RV put(const struct hl_msg *msg, const void *fields, struct hl_buf *out)
{
	hl_body_put(out, msg, fields);
	if (out->err == HL_OK)
		return CKR_OK;
	return out->err == HL_E_NOMEM ? CKR_HOST_MEMORY : CKR_MECHANISM_PARAM_INVALID;
}

static bool has_size(const CK_MECHANISM *m, size_t n)
{
	return m->pParameter && m->ulParameterLen == n;
}

/* -- RSA, EdDSA -------------------------------------------------------------------------------------------------------- */

static bool is_mgf(CK_RSA_PKCS_MGF_TYPE mgf)
{
	size_t n;
	const struct p11_digest *d = p11_digests(&n);

	for (size_t i = 0; i < n; i++)
		if (mgf != 0 && d[i].mgf == mgf)
			return true;
	return false;
}

/* MGF1 knows the digests that have a number for it. */
static bool is_mgf_hash(CK_MECHANISM_TYPE hash)
{
	const struct p11_digest *d = p11_digest(hash);

	return d && d->mgf != 0;
}

/* A mechanism that hashes says with what, and the parameter must say the same. */
CK_RV p11_parameter_pss(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_RSA_PKCS_PSS_PARAMS *p = from->pParameter;
	struct hl_pss_parameter pss;

	if (!has_size(from, sizeof *p) || !is_mgf_hash(p->hashAlg) || !is_mgf(p->mgf) || p->sLen > UINT32_MAX ||
		(m->hash && m->hash != p->hashAlg))
		return CKR_MECHANISM_PARAM_INVALID;
	pss = (struct hl_pss_parameter){
		.hash = (uint32_t)p->hashAlg,
		.mgf = (uint32_t)p->mgf,
		.salt = (uint32_t)p->sLen,
	};
	return put(&hl_msg_pss_parameter, &pss, &op->parameter);
}

/* PKCS #11 v3.0, 2.1.8: the source is data that is given; without data many leave it 0. */
CK_RV p11_parameter_oaep(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_RSA_PKCS_OAEP_PARAMS *p = from->pParameter;
	struct hl_oaep_parameter oaep;

	(void)m;
	if (!has_size(from, sizeof *p) || !is_mgf_hash(p->hashAlg) || !is_mgf(p->mgf) ||
		!p11_bytes_ok(p->pSourceData, p->ulSourceDataLen) ||
		(p->source != CKZ_DATA_SPECIFIED && (p->source != 0 || p->ulSourceDataLen > 0)))
		return CKR_MECHANISM_PARAM_INVALID;
	oaep = (struct hl_oaep_parameter){
		.hash = (uint32_t)p->hashAlg,
		.mgf = (uint32_t)p->mgf,
		.label = hl_bytes(p->pSourceData, p->ulSourceDataLen),
	};
	return put(&hl_msg_oaep_parameter, &oaep, &op->parameter);
}

/* PKCS #11 v3.0, 2.3.14: it may be left out. The HSM has neither the prehashed variants nor contexts. */
CK_RV p11_parameter_eddsa(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_EDDSA_PARAMS *p = from->pParameter;

	(void)m, (void)op;
	if (from->ulParameterLen == 0)
		return CKR_OK;
	return has_size(from, sizeof *p) && !p->phFlag && p->ulContextDataLen == 0 ? CKR_OK
										   : CKR_MECHANISM_PARAM_INVALID;
}

/* -- ciphers -------------------------------------------------------------------------------------------------------------- */

CK_RV p11_parameter_iv(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	struct hl_iv_parameter iv = { .iv = hl_bytes(from->pParameter, from->ulParameterLen) };

	return has_size(from, m->block) ? put(&hl_msg_iv_parameter, &iv, &op->parameter) : CKR_MECHANISM_PARAM_INVALID;
}

CK_RV p11_parameter_ctr(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_AES_CTR_PARAMS *p = from->pParameter;
	struct hl_ctr_parameter ctr;

	if (!has_size(from, sizeof *p) || p->ulCounterBits == 0 || p->ulCounterBits > 8 * m->block)
		return CKR_MECHANISM_PARAM_INVALID;
	ctr = (struct hl_ctr_parameter){ .bits = (uint32_t)p->ulCounterBits, .block = hl_bytes(p->cb, sizeof p->cb) };
	return put(&hl_msg_ctr_parameter, &ctr, &op->parameter);
}

/* RFC 8439, 2.3: the counter is little-endian, and has what the nonce leaves of 16 bytes. */
CK_RV p11_parameter_chacha(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_CHACHA20_PARAMS *p = from->pParameter;
	struct hl_chacha_parameter chacha = { 0 };

	(void)m;
	if (!has_size(from, sizeof *p) || !p->pBlockCounter || !p->pNonce ||
		(p->blockCounterBits != 32 && p->blockCounterBits != 64) || p->ulNonceBits != 128 - p->blockCounterBits)
		return CKR_MECHANISM_PARAM_INVALID;
	for (CK_ULONG i = 0; i < p->blockCounterBits / 8; i++)
		chacha.counter |= (uint64_t)p->pBlockCounter[i] << 8 * i;
	chacha.nonce = hl_bytes(p->pNonce, p->ulNonceBits / 8);
	return put(&hl_msg_chacha_parameter, &chacha, &op->parameter);
}

/* -- authenticated encryption ------------------------------------------------------------------------------------------------ */

CK_RV p11_put_gcm(struct hl_bytes iv, struct hl_bytes aad, CK_ULONG tag_bits, struct hl_buf *out)
{
	struct hl_gcm_parameter gcm = { .iv = iv, .aad = aad, .tag_bits = (uint32_t)tag_bits };

	if (!p11_bytes_ok(iv.p, iv.n) || !p11_bytes_ok(aad.p, aad.n) || iv.n < IV_MIN || iv.n > IV_MAX ||
		aad.n > AAD_MAX || tag_bits < TAG_BITS_MIN || tag_bits > TAG_BITS_MAX || tag_bits % 8 != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	return put(&hl_msg_gcm_parameter, &gcm, out);
}

/* ulIvBits says again what ulIvLen says, and many leave it 0: it is not looked at. */
CK_RV p11_parameter_gcm(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_GCM_PARAMS *p = from->pParameter;

	(void)m;
	if (!has_size(from, sizeof *p))
		return CKR_MECHANISM_PARAM_INVALID;
	P11_TRY(p11_put_gcm(
		hl_bytes(p->pIv, p->ulIvLen), hl_bytes(p->pAAD, p->ulAADLen), p->ulTagBits, &op->parameter));
	op->tag_n = p->ulTagBits / 8;
	return CKR_OK;
}

/* PKCS #11 v3.0, 2.10.9: "its single mechanism parameter is a 12 byte initialization vector". */
CK_RV p11_parameter_gmac(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	if (!has_size(from, GMAC_IV))
		return CKR_MECHANISM_PARAM_INVALID;
	return p11_put_gcm(hl_bytes(from->pParameter, GMAC_IV), hl_bytes(NULL, 0), 8 * m->block, &op->parameter);
}

CK_RV p11_put_aead(struct hl_bytes nonce, struct hl_bytes aad, struct hl_buf *out)
{
	struct hl_aead_parameter aead = { .nonce = nonce, .aad = aad };

	if (!nonce.p || nonce.n != AEAD_NONCE || !p11_bytes_ok(aad.p, aad.n))
		return CKR_MECHANISM_PARAM_INVALID;
	return put(&hl_msg_aead_parameter, &aead, out);
}

CK_RV p11_parameter_aead(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_SALSA20_CHACHA20_POLY1305_PARAMS *p = from->pParameter;

	(void)m;
	if (!has_size(from, sizeof *p))
		return CKR_MECHANISM_PARAM_INVALID;
	op->tag_n = HL_TAG_MAX;
	return p11_put_aead(hl_bytes(p->pNonce, p->ulNonceLen), hl_bytes(p->pAAD, p->ulAADLen), &op->parameter);
}
