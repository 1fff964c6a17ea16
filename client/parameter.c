#include "client/parameter.h"

#include "lib/wire/messages.h"
#include "lib/wire/numbers.h"

static void put_pss(const void *parameter, struct hl_buf *out)
{
	const hsmlet_pss *from = parameter;
	struct hl_pss_parameter p = { .hash = from->hash, .mgf = from->mgf, .salt = from->salt };

	hl_body_put(out, &hl_msg_pss_parameter, &p);
}

static void put_gcm(const void *parameter, struct hl_buf *out)
{
	const hsmlet_gcm *from = parameter;
	struct hl_gcm_parameter p = {
		.iv = hl_bytes(from->iv, from->iv_n),
		.aad = hl_bytes(from->aad, from->aad_n),
		.tag_bits = from->tag_bits,
	};

	hl_body_put(out, &hl_msg_gcm_parameter, &p);
}

/* clang-format off */
static const struct {
	uint32_t mechanism;
	size_t size; /* of its struct */
	void (*put)(const void *parameter, struct hl_buf *out);
} takes[] = {
	{ HL_CKM_RSA_PKCS_PSS,        sizeof(hsmlet_pss), put_pss },
	{ HL_CKM_SHA1_RSA_PKCS_PSS,   sizeof(hsmlet_pss), put_pss },
	{ HL_CKM_SHA224_RSA_PKCS_PSS, sizeof(hsmlet_pss), put_pss },
	{ HL_CKM_SHA256_RSA_PKCS_PSS, sizeof(hsmlet_pss), put_pss },
	{ HL_CKM_SHA384_RSA_PKCS_PSS, sizeof(hsmlet_pss), put_pss },
	{ HL_CKM_SHA512_RSA_PKCS_PSS, sizeof(hsmlet_pss), put_pss },
	{ HL_CKM_SHA3_224_RSA_PKCS_PSS, sizeof(hsmlet_pss), put_pss },
	{ HL_CKM_SHA3_256_RSA_PKCS_PSS, sizeof(hsmlet_pss), put_pss },
	{ HL_CKM_SHA3_384_RSA_PKCS_PSS, sizeof(hsmlet_pss), put_pss },
	{ HL_CKM_SHA3_512_RSA_PKCS_PSS, sizeof(hsmlet_pss), put_pss },
	{ HL_CKM_AES_GCM,             sizeof(hsmlet_gcm), put_gcm },
};
/* clang-format on */

hl_err client_parameter(const hsmlet_mechanism *m, struct hl_buf *out)
{
	size_t i = 0;

	while (i < HL_COUNT(takes) && takes[i].mechanism != m->number)
		i++;
	if (i == HL_COUNT(takes))
		return m->parameter_n == 0 ? HL_OK : HL_E_PARAMETER;
	if (!m->parameter || m->parameter_n != takes[i].size)
		return HL_E_PARAMETER;
	takes[i].put(m->parameter, out);
	return out->err == HL_E_RANGE ? HL_E_PARAMETER : out->err;
}
