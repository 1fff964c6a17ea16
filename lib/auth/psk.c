#include "lib/auth/psk.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#define FIELDS 6
#define INFO_MAX (sizeof HL_PSK_LABEL + 3 * HL_PSK_FIELD_MAX + 1 + 4 + 2 * FIELDS)

static void put_field(struct hl_buf *info, struct hl_bytes field)
{
	if (field.n > HL_PSK_FIELD_MAX) {
		info->err = HL_E_ARG;
		return;
	}
	/* The length keeps "ab" + "c" and "a" + "bc" apart. */
	hl_buf_u16(info, (uint16_t)field.n);
	hl_buf_put(info, field);
}

static hl_err make_info(const struct hl_psk_use *use, struct hl_buf *info)
{
	put_field(info, hl_text(HL_PSK_LABEL));
	put_field(info, hl_text(use->initiator));
	put_field(info, hl_text(use->responder));
	put_field(info, hl_text(use->name));
	hl_buf_u16(info, 1);
	hl_buf_u8(info, use->kind);
	hl_buf_u16(info, 4);
	hl_buf_u32(info, use->generation);
	return info->err;
}

static hl_err hkdf(
	struct hl_bytes secret, struct hl_bytes salt, struct hl_bytes info, uint8_t out[HL_PSK])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	char digest[] = "SHA384";
	OSSL_PARAM with[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret.p, secret.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.p, salt.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info.p, info.n),
		OSSL_PARAM_construct_end(),
	};
	int ok = ctx && EVP_KDF_derive(ctx, out, HL_PSK, with) == 1;

	EVP_KDF_CTX_free(ctx); /* wipes its copy of the secret */
	EVP_KDF_free(kdf);
	return ok ? HL_OK : HL_E_CRYPTO;
}

hl_err hl_psk_derive(struct hl_bytes secret, const struct hl_psk_use *use, uint8_t out[HL_PSK])
{
	HL_AUTO(hl_buf_clear) struct hl_buf info = hl_buf(INFO_MAX);

	if (secret.n < HL_PSK_SECRET_MIN || use->binding.n == 0)
		return HL_E_ARG;
	HL_TRY(make_info(use, &info));
	return hkdf(secret, use->binding, hl_buf_view(&info), out);
}
