#include "hsm/pin.h"

#include <openssl/evp.h>

hl_err hsm_pin_hash(
	struct hl_bytes pin, struct hl_bytes salt, uint32_t iterations, uint8_t out[HSM_PIN_HASH])
{
	if (pin.n == 0 || pin.n > 256 || iterations == 0 || iterations > INT32_MAX)
		return HL_E_ARG;
	if (PKCS5_PBKDF2_HMAC((const char *)pin.p, (int)pin.n, salt.p, (int)salt.n, (int)iterations,
		    EVP_sha256(), HSM_PIN_HASH, out) != 1)
		return HL_E_CRYPTO;
	return HL_OK;
}
