/* derivation.c - mechanisms that make keys from keys, or wrap nothing but keys, and their parameters. */
#include "client/pkcs11/module.h"

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

/* -- agreements ------------------------------------------------------------------------------------------------------------ */

static CK_RV put_agree(CK_ULONG kdf, struct hl_bytes shared, struct hl_bytes public, struct hl_buf *out)
{
	struct hl_agree_parameter agree = { .kdf = (uint32_t)kdf, .shared = shared, .public = public };

	if (kdf > UINT8_MAX || !p11_bytes_ok(shared.p, shared.n) || !p11_bytes_ok(public.p, public.n))
		return CKR_MECHANISM_PARAM_INVALID;
	return put(&hl_msg_agree_parameter, &agree, out);
}

static CK_RV take_ecdh(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_ECDH1_DERIVE_PARAMS *p = from->pParameter;

	(void)m;
	if (!has_size(from, sizeof *p))
		return CKR_MECHANISM_PARAM_INVALID;
	return put_agree(p->kdf, hl_bytes(p->pSharedData, p->ulSharedDataLen),
		hl_bytes(p->pPublicData, p->ulPublicDataLen), &op->parameter);
}

/* PKCS #11 v3.0, 2.4.8: the parameter is the other side's public value itself. */
static CK_RV take_dh(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	(void)m;
	return put_agree(HL_CKD_NULL, hl_bytes(NULL, 0), hl_bytes(from->pParameter, from->ulParameterLen),
		&op->parameter);
}

static CK_RV take_dhx(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_X9_42_DH1_DERIVE_PARAMS *p = from->pParameter;

	(void)m;
	if (!has_size(from, sizeof *p))
		return CKR_MECHANISM_PARAM_INVALID;
	return put_agree(p->kdf, hl_bytes(p->pOtherInfo, p->ulOtherInfoLen),
		hl_bytes(p->pPublicData, p->ulPublicDataLen), &op->parameter);
}

/* -- by encryption ----------------------------------------------------------------------------------------------------------- */

static CK_RV put_data(struct hl_bytes iv, const CK_BYTE *data, CK_ULONG n, struct hl_buf *out)
{
	struct hl_data_parameter p = { .iv = iv, .data = hl_bytes(data, n) };

	return p11_bytes_ok(data, n) ? put(&hl_msg_data_parameter, &p, out) : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV take_ecb_data(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_KEY_DERIVATION_STRING_DATA *p = from->pParameter;

	(void)m;
	return has_size(from, sizeof *p) ? put_data(hl_bytes(NULL, 0), p->pData, p->ulLen, &op->parameter)
					 : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV take_aes_cbc_data(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_AES_CBC_ENCRYPT_DATA_PARAMS *p = from->pParameter;

	(void)m;
	return has_size(from, sizeof *p) ? put_data(hl_bytes(p->iv, sizeof p->iv), p->pData, p->length, &op->parameter)
					 : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV take_des_cbc_data(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_DES_CBC_ENCRYPT_DATA_PARAMS *p = from->pParameter;

	(void)m;
	return has_size(from, sizeof *p) ? put_data(hl_bytes(p->iv, sizeof p->iv), p->pData, p->length, &op->parameter)
					 : CKR_MECHANISM_PARAM_INVALID;
}

/* -- of a password ------------------------------------------------------------------------------------------------------------- */

/* The structure of version 2.40 has a pointer to the password's length where the later one has the length; both are of
 * one size. No address is as low as any length that is taken here, and no length so high. */
#define PASSWORD_MAX 65535

static bool read_length(CK_ULONG number, CK_ULONG *out)
{
	*out = number;
	return number <= PASSWORD_MAX || p11_peek((const void *)number, out, sizeof *out);
}

static CK_RV take_pbkdf2(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	const CK_PKCS5_PBKD2_PARAMS2 *p = from->pParameter;
	struct hl_pbkdf2_parameter fields;
	CK_ULONG password_n;

	(void)m;
	if (!has_size(from, sizeof *p) || p->saltSource != HL_CKZ_DATA_SPECIFIED || p->ulPrfDataLen > 0 ||
		p->prf > UINT8_MAX || p->iterations > UINT32_MAX ||
		!p11_bytes_ok(p->pSaltSourceData, p->ulSaltSourceDataLen) ||
		!read_length(p->ulPasswordLen, &password_n) || !p11_bytes_ok(p->pPassword, password_n))
		return CKR_MECHANISM_PARAM_INVALID;
	fields = (struct hl_pbkdf2_parameter){
		.prf = (uint32_t)p->prf,
		.iterations = (uint32_t)p->iterations,
		.salt = hl_bytes(p->pSaltSourceData, p->ulSaltSourceDataLen),
		.password = hl_bytes(p->pPassword, password_n),
	};
	return put(&hl_msg_pbkdf2_parameter, &fields, &op->parameter);
}

/* -- NIST SP 800-108 ------------------------------------------------------------------------------------------------------------ */

#define PARTS_MAX 32

/* What both structures of PKCS #11 say. */
struct kdf {
	CK_ULONG prf;
	const CK_PRF_DATA_PARAM *part;
	CK_ULONG parts;
	struct hl_bytes iv;
	const CK_DERIVED_KEY *more;
	CK_ULONG more_n;
};

static bool read_kdf(const CK_MECHANISM *from, struct kdf *out)
{
	const CK_SP800_108_KDF_PARAMS *p = from->pParameter;
	const CK_SP800_108_FEEDBACK_KDF_PARAMS *f = from->pParameter;

	if (from->mechanism == CKM_SP800_108_FEEDBACK_KDF) {
		if (!has_size(from, sizeof *f))
			return false;
		*out = (struct kdf){ f->prfType, f->pDataParams, f->ulNumberOfDataParams, hl_bytes(f->pIV, f->ulIVLen),
			f->pAdditionalDerivedKeys, f->ulAdditionalDerivedKeys };
	} else {
		if (!has_size(from, sizeof *p))
			return false;
		*out = (struct kdf){ p->prfType, p->pDataParams, p->ulNumberOfDataParams, hl_bytes(NULL, 0),
			p->pAdditionalDerivedKeys, p->ulAdditionalDerivedKeys };
	}
	return out->prf <= UINT32_MAX && out->parts <= PARTS_MAX && (out->part || out->parts == 0) &&
		p11_bytes_ok(out->iv.p, out->iv.n) && out->more_n <= P11_FURTHER_MAX && (out->more || out->more_n == 0);
}

size_t p11_further_keys(const CK_MECHANISM *from, const CK_DERIVED_KEY **out)
{
	const struct p11_mechanism *m = p11_mechanism(from->mechanism);
	struct kdf k;

	if (!m || m->parameter != p11_parameter_kdf || !read_kdf(from, &k))
		return 0;
	*out = k.more;
	return k.more_n;
}

static bool take_part(const CK_PRF_DATA_PARAM *from, struct hl_kdf_part *out)
{
	const CK_SP800_108_COUNTER_FORMAT *counter = from->pValue;
	const CK_SP800_108_DKM_LENGTH_FORMAT *length = from->pValue;

	if (from->type > UINT8_MAX || !p11_bytes_ok(from->pValue, from->ulValueLen))
		return false;
	*out = (struct hl_kdf_part){ .type = (uint32_t)from->type };
	if (from->type == HL_CK_SP800_108_BYTE_ARRAY) {
		out->value = hl_bytes(from->pValue, from->ulValueLen);
		return true;
	}
	if (from->type == HL_CK_SP800_108_DKM_LENGTH) {
		if (from->ulValueLen != sizeof *length || length->ulWidthInBits > 64 || length->dkmLengthMethod > 2)
			return false;
		out->bits = (uint32_t)length->ulWidthInBits;
		out->little = length->bLittleEndian == CK_TRUE;
		out->method = (uint32_t)length->dkmLengthMethod;
		return true;
	}
	if (from->ulValueLen == 0) /* the iterated value of the feedback and pipeline modes has no format */
		return true;
	if (from->ulValueLen != sizeof *counter || counter->ulWidthInBits > 64)
		return false;
	out->bits = (uint32_t)counter->ulWidthInBits;
	out->little = counter->bLittleEndian == CK_TRUE;
	return true;
}

/* A template of a further key, as the key it describes is: on the token only where it says so. */
static CK_RV take_further(const struct kdf *k, struct hl_kdf_key *keys, struct p11_template *t)
{
	for (CK_ULONG i = 0; i < k->more_n; i++) {
		if (!k->more[i].phKey)
			return CKR_MECHANISM_PARAM_INVALID;
		P11_TRY(p11_template(k->more[i].pTemplate, k->more[i].ulAttributeCount, true, &t[i]));
		P11_TRY(p11_template_default(&t[i], CKA_TOKEN, false));
		keys[i].template = (struct hl_list){ .items = t[i].item, .count = t[i].n };
	}
	return CKR_OK;
}

CK_RV p11_parameter_kdf(const struct p11_mechanism *m, const CK_MECHANISM *from, struct p11_operation *op)
{
	struct p11_template templates[P11_FURTHER_MAX];
	struct hl_kdf_part parts[PARTS_MAX];
	struct hl_kdf_key keys[P11_FURTHER_MAX];
	struct kdf k;
	struct hl_kdf_parameter fields;

	(void)m;
	if (!read_kdf(from, &k))
		return CKR_MECHANISM_PARAM_INVALID;
	for (CK_ULONG i = 0; i < k.parts; i++)
		if (!take_part(&k.part[i], &parts[i]))
			return CKR_MECHANISM_PARAM_INVALID;
	P11_TRY(take_further(&k, keys, templates));
	fields = (struct hl_kdf_parameter){
		.prf = (uint32_t)k.prf,
		.iv = k.iv,
		.parts = { .items = parts, .count = k.parts },
		.more = { .items = keys, .count = k.more_n },
	};
	return put(&hl_msg_kdf_parameter, &fields, &op->parameter);
}

/* -- the table --------------------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define ROW(name, key, take) { CKM_##name, .key_type = CKK_##key, .also_type = CK_UNAVAILABLE_INFORMATION, .parameter = take }
static const struct p11_mechanism rows[] = {
	ROW(AES_KEY_WRAP,                    AES,            NULL),
	ROW(AES_KEY_WRAP_PAD,                AES,            NULL),
	ROW(ECDH1_DERIVE,                    EC,             take_ecdh),
	ROW(DH_PKCS_DERIVE,                  DH,             take_dh),
	ROW(X9_42_DH_DERIVE,                 X9_42_DH,       take_dhx),
	ROW(AES_ECB_ENCRYPT_DATA,            AES,            take_ecb_data),
	ROW(AES_CBC_ENCRYPT_DATA,            AES,            take_aes_cbc_data),
	ROW(DES3_ECB_ENCRYPT_DATA,           DES3,           take_ecb_data),
	ROW(DES3_CBC_ENCRYPT_DATA,           DES3,           take_des_cbc_data),
	ROW(SHA1_KEY_DERIVATION,             GENERIC_SECRET, NULL),
	ROW(SHA224_KEY_DERIVATION,           GENERIC_SECRET, NULL),
	ROW(SHA256_KEY_DERIVATION,           GENERIC_SECRET, NULL),
	ROW(SHA384_KEY_DERIVATION,           GENERIC_SECRET, NULL),
	ROW(SHA512_KEY_DERIVATION,           GENERIC_SECRET, NULL),
	ROW(SP800_108_COUNTER_KDF,           GENERIC_SECRET, p11_parameter_kdf),
	ROW(SP800_108_FEEDBACK_KDF,          GENERIC_SECRET, p11_parameter_kdf),
	ROW(SP800_108_DOUBLE_PIPELINE_KDF,   GENERIC_SECRET, p11_parameter_kdf),
	ROW(PKCS5_PBKD2,                     GENERIC_SECRET, take_pbkdf2),
};
/* clang-format on */

const struct p11_mechanism *p11_mechanism_of_keys(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < HL_COUNT(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}
