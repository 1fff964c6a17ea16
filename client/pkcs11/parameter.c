/* parameter.c - from the structures of PKCS #11 to the fields of the wire, by way of those of hsmlet.h. */
#include "client/parameter.h"

#include "client/pkcs11/module.h"

#define IV_MIN 12 /* what the HSM takes (doc/protocol.md): told at the Init, where it belongs */
#define IV_MAX 128
#define TAG_BITS_MIN 96
#define TAG_BITS_MAX 128
#define AAD_MAX 65536

static CK_RV put(CK_MECHANISM_TYPE type, const void *parameter, size_t n, struct hl_buf *out)
{
	hsmlet_mechanism m = { .number = (uint32_t)type, .parameter = parameter, .parameter_n = n };

	switch (client_parameter(&m, out)) {
	case HL_OK:
		return CKR_OK;
	case HL_E_NOMEM:
		return CKR_HOST_MEMORY;
	default:
		return CKR_MECHANISM_PARAM_INVALID;
	}
}

static bool is_mgf(CK_RSA_PKCS_MGF_TYPE mgf)
{
	size_t n;
	const struct p11_digest *d = p11_digests(&n);

	for (size_t i = 0; i < n; i++)
		if (mgf != 0 && d[i].mgf == mgf)
			return true;
	return false;
}

/* A mechanism that hashes says with what, and the parameter must say the same. */
CK_RV p11_parameter_pss(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_RSA_PKCS_PSS_PARAMS *p = from->pParameter;
	hsmlet_pss pss;

	if (!p || from->ulParameterLen != sizeof *p)
		return CKR_MECHANISM_PARAM_INVALID;
	if (!p11_digest(p->hashAlg) || !is_mgf(p->mgf) || p->sLen > UINT32_MAX || (m->hash && m->hash != p->hashAlg))
		return CKR_MECHANISM_PARAM_INVALID;
	pss = (hsmlet_pss){ .hash = (uint32_t)p->hashAlg, .mgf = (uint32_t)p->mgf, .salt = (uint32_t)p->sLen };
	return put(from->mechanism, &pss, sizeof pss, &op->parameter);
}

CK_RV p11_put_gcm(struct hl_bytes iv, struct hl_bytes aad, CK_ULONG tag_bits, struct hl_buf *out)
{
	hsmlet_gcm gcm = { .iv = iv.p, .iv_n = iv.n, .aad = aad.p, .aad_n = aad.n, .tag_bits = (unsigned)tag_bits };

	if (!p11_bytes_ok(iv.p, iv.n) || !p11_bytes_ok(aad.p, aad.n) || iv.n < IV_MIN || iv.n > IV_MAX ||
		aad.n > AAD_MAX || tag_bits < TAG_BITS_MIN || tag_bits > TAG_BITS_MAX || tag_bits % 8 != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	return put(CKM_AES_GCM, &gcm, sizeof gcm, out);
}

/* ulIvBits says again what ulIvLen says, and many leave it 0: it is not looked at. */
CK_RV p11_parameter_gcm(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_GCM_PARAMS *p = from->pParameter;

	(void)m;
	if (!p || from->ulParameterLen != sizeof *p)
		return CKR_MECHANISM_PARAM_INVALID;
	P11_TRY(p11_put_gcm(
		hl_bytes(p->pIv, p->ulIvLen), hl_bytes(p->pAAD, p->ulAADLen), p->ulTagBits, &op->parameter));
	op->tag_n = p->ulTagBits / 8;
	return CKR_OK;
}
