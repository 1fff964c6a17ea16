#include "tests/support/key.h"

#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/x509.h>

#include "lib/base/bytes.h"
#include "lib/wire/numbers.h"

static const uint8_t yes = 1;

static int make(hsmlet *h, uint32_t mechanism, const char *label, const hsmlet_attribute *special,
	struct key_pair *out, hsmlet_error *e)
{
	hsmlet_attribute name = { HL_CKA_LABEL, HSMLET_BYTES, label, strlen(label) };
	hsmlet_attribute mine[] = { name, { HL_CKA_SIGN, HSMLET_BOOL, &yes, 1 } };
	hsmlet_attribute theirs[] = { name, { HL_CKA_VERIFY, HSMLET_BOOL, &yes, 1 }, *special };

	return hsmlet_generate(h, mechanism, mine, HL_COUNT(mine), theirs, HL_COUNT(theirs), &out->key,
		&out->public_key, e);
}

int key_make_p256(hsmlet *h, const char *label, struct key_pair *out, hsmlet_error *e)
{
	/* The DER of 1.2.840.10045.3.1.7. */
	static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	hsmlet_attribute curve = { HL_CKA_EC_PARAMS, HSMLET_BYTES, p256, sizeof p256 };

	return make(h, HL_CKM_EC_KEY_PAIR_GEN, label, &curve, out, e);
}

int key_make_rsa(hsmlet *h, unsigned bits, const char *label, struct key_pair *out, hsmlet_error *e)
{
	uint8_t number[8] = { [6] = (uint8_t)(bits >> 8), [7] = (uint8_t)bits };
	hsmlet_attribute size = { HL_CKA_MODULUS_BITS, HSMLET_NUMBER, number, sizeof number };

	return make(h, HL_CKM_RSA_PKCS_KEY_PAIR_GEN, label, &size, out, e);
}

int key_load(hsmlet *h, uint64_t public_key, EVP_PKEY **out, hsmlet_error *e)
{
	static const uint32_t type = HL_CKA_PUBLIC_KEY_INFO;
	hsmlet_attributes *a;
	hsmlet_attribute info;
	int rc = hsmlet_get_attributes(h, public_key, &type, 1, &a, e);

	if (rc != 0)
		return rc;
	info = hsmlet_attributes_at(a, 0);
	*out = NULL;
	if (info.form == HSMLET_BYTES) {
		const uint8_t *p = info.value;

		*out = d2i_PUBKEY(NULL, &p, (long)info.n);
	}
	hsmlet_attributes_free(a);
	return *out ? 0 : -(int)HL_E_CRYPTO;
}

/* r and s, each as long as the curve's order, become the SEQUENCE that OpenSSL reads. */
static int to_der(const uint8_t *signature, size_t n, uint8_t **der)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, (int)(n / 2), NULL);
	BIGNUM *q = BN_bin2bn(signature + n / 2, (int)(n / 2), NULL);
	int size = -1;

	if (s && r && q && ECDSA_SIG_set0(s, r, q) == 1)
		size = i2d_ECDSA_SIG(s, der); /* r and q are its own now */
	ECDSA_SIG_free(s);
	return size;
}

static bool verify(EVP_PKEY *key, const void *data, size_t n, const uint8_t *signature, size_t signature_n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		EVP_DigestVerify(ctx, signature, signature_n, data, n) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

bool key_judges(EVP_PKEY *key, const void *data, size_t n, const void *signature, size_t signature_n)
{
	uint8_t *der = NULL;
	bool good;
	int size;

	if (!EVP_PKEY_is_a(key, "EC"))
		return verify(key, data, n, signature, signature_n);
	size = to_der(signature, signature_n, &der);
	good = size > 0 && verify(key, data, n, der, (size_t)size);
	OPENSSL_free(der);
	return good;
}

bool key_verifies(hsmlet *h, uint64_t public_key, const void *data, size_t n, const void *signature,
	size_t signature_n)
{
	EVP_PKEY *key = NULL;
	hsmlet_error e;
	bool good = key_load(h, public_key, &key, &e) == 0 && key_judges(key, data, n, signature, signature_n);

	EVP_PKEY_free(key);
	return good;
}
