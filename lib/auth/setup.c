#include "lib/auth/setup.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

void hl_random_text(const struct hl_env *env, const char *alphabet, size_t n, char *out)
{
	size_t symbols = strlen(alphabet);
	unsigned limit = (unsigned)(256 - 256 % symbols); /* draws from here on would bias the first symbols */

	for (size_t i = 0; i < n;) {
		uint8_t draw;

		hl_random(env, &draw, 1);
		if (draw < limit)
			out[i++] = alphabet[draw % symbols];
	}
	out[n] = 0;
}

void hl_setup_make(const struct hl_env *env, char out[HL_SETUP_TEXT + 1])
{
	for (size_t group = 0; group < 5; group++) {
		hl_random_text(env, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 5, out + group * 6);
		out[group * 6 + 5] = group < 4 ? '-' : 0;
	}
}

hl_err hl_setup_check(struct hl_bytes text)
{
	if (text.n != HL_SETUP_TEXT)
		return HL_E_ARG;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		bool symbol = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (i % 6 == 5 ? c != '-' : !symbol)
			return HL_E_ARG;
	}
	return HL_OK;
}

static void kdf_ctx_freep(EVP_KDF_CTX **ctx)
{
	EVP_KDF_CTX_free(*ctx);
}

hl_err hl_setup_key(struct hl_bytes password, struct hl_bytes partition, uint8_t out[HL_SETUP_KEY])
{
	static const char label[] = HL_SETUP_LABEL;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	HL_AUTO(kdf_ctx_freep) EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[5], *p = params;

	EVP_KDF_free(kdf);
	HL_TRY(hl_setup_check(password));
	if (!ctx || partition.n == 0)
		return HL_E_CRYPTO;
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)"SHA256", 0);
	*p++ = OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)password.p, password.n);
	*p++ = OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)partition.p, partition.n);
	*p++ = OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)label, sizeof label - 1);
	*p = OSSL_PARAM_construct_end();
	return EVP_KDF_derive(ctx, out, HL_SETUP_KEY, params) == 1 ? HL_OK : HL_E_CRYPTO;
}
