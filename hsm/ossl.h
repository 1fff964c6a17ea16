/* ossl.h - scope-exit forms of OpenSSL's destructors, for HL_AUTO. */
#pragma once

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define HSM_FREEP(name, type, destroy) \
	static inline void hsm_##name##_freep(type **p) \
	{ \
		destroy(*p); \
	}

HSM_FREEP(bn, BIGNUM, BN_clear_free)
HSM_FREEP(cipher, EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
HSM_FREEP(ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
HSM_FREEP(mac, EVP_MAC_CTX, EVP_MAC_CTX_free)
HSM_FREEP(ecdsa, ECDSA_SIG, ECDSA_SIG_free)
HSM_FREEP(pkcs8, PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)
HSM_FREEP(pkey, EVP_PKEY, EVP_PKEY_free)


/* Bytes that OpenSSL allocated for us. */
static inline void hsm_bytes_freep(unsigned char **p)
{
	OPENSSL_free(*p);
}
