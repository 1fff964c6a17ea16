#include "hsm/engine/finish.h"

#include "hsm/engine/engine.h"
#include "hsm/ossl.h"

#define CHECK_VALUE 3

void hsm_set_parity(uint64_t key_type, struct hl_secret *value)
{
	if (key_type != HL_CKK_DES2 && key_type != HL_CKK_DES3)
		return;
	for (size_t i = 0; i < value->n; i++) {
		unsigned ones = 0;

		for (unsigned bit = 1; bit < 8; bit++)
			ones += value->p[i] >> bit & 1;
		value->p[i] = (uint8_t)((value->p[i] & 0xfe) | (ones % 2 == 0));
	}
}

hl_err hsm_finish_check_value(struct hsm_object *o, struct hl_bytes value, const char **why)
{
	const struct hl_attribute *given = hsm_attribute(o, HL_CKA_CHECK_VALUE);

	if (!given)
		return hsm_attribute_set(o, HL_CKA_CHECK_VALUE, HL_FORM_BYTES, value);
	/* PKCS #11 v3.0, 4.10.2: an empty one says that none is wanted. */
	if (given->value.n == 0 || hl_bytes_eq(given->value, value))
		return HL_OK;
	*why = "CKA_CHECK_VALUE";
	return HL_E_ATTRIBUTE_VALUE;
}

/* The first bytes of a block of zeros, encrypted in ECB mode. */
static hl_err check_value(struct hsm_object *o, uint32_t type, const char **why)
{
	uint8_t key[32], block[HSM_BLOCK_MAX] = { 0 };
	size_t key_n = o->value.n;
	HL_AUTO(hsm_cipher_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok;
	int n;

	if (!ctx || key_n > sizeof key)
		return HL_E_CRYPTO;
	memcpy(key, o->value.p, key_n);
	if (type == HL_CKK_DES2) {
		memcpy(key + 16, key, 8);
		key_n = 24;
	}
	ok = EVP_EncryptInit_ex2(ctx, hsm_cipher(type, key_n, HSM_ECB), key, NULL, NULL) == 1 &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	     EVP_EncryptUpdate(ctx, block, &n, block, EVP_CIPHER_CTX_get_block_size(ctx)) == 1;
	OPENSSL_cleanse(key, sizeof key);
	return ok ? hsm_finish_check_value(o, hl_bytes(block, CHECK_VALUE), why) : HL_E_CRYPTO;
}

hl_err hsm_finish_secret(struct hsm_object *o, const char **why)
{
	uint32_t type = (uint32_t)hsm_attribute_number(o, HL_CKA_KEY_TYPE);

	if (!hsm_engine_start())
		return HL_E_CRYPTO;
	HL_TRY(hsm_attribute_set_number(o, HL_CKA_VALUE_LEN, o->value.n));
	if (hsm_kind_of(o) & (HSM_AES | HSM_CAMELLIA | HSM_DES))
		return check_value(o, type, why);
	return HL_OK;
}
