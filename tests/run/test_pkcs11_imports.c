/* What `key import` has brought agrees with the outside, over PKCS#11: keys on X25519 and X448, which sign nothing. */
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "tests/support/command.h"
#include "tests/support/folder.h"
#include "tests/support/p11_world.h"

static struct hl_test_folder folder;
static char pin_file[PATH_MAX];

static bool write_pin(void)
{
	hl_test_folder_file(&folder, "pin", pin_file);
	return hl_test_file_write(pin_file, acme.pin, strlen(acme.pin), 0600);
}

static void import(EVP_PKEY *key, const char *label)
{
	BIO *pem = BIO_new(BIO_s_mem());
	struct command_end end;
	char path[PATH_MAX];
	char *text;
	long n;

	CU_ASSERT_EQUAL(PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(pem, &text);
	hl_test_folder_file(&folder, label, path);
	CU_ASSERT(hl_test_file_write(path, text, (size_t)n, 0600));
	BIO_free(pem);
	CU_ASSERT(command_run(w, &client.files,
		(const char *const[]){ "key", "import", path, "--label", label, "--pin-file", pin_file, NULL }, &end));
	CU_ASSERT_EQUAL(end.exit_code, 0);
}

static CK_OBJECT_HANDLE private_half(CK_SESSION_HANDLE s, const char *label)
{
	CK_OBJECT_HANDLE found[4];
	CK_ULONG n = p11_find(s, label, found, 4), class;
	CK_ATTRIBUTE a = { CKA_CLASS, &class, sizeof class };

	CU_ASSERT_EQUAL(n, 2);
	for (CK_ULONG i = 0; i < n && i < 4; i++)
		if (p11_f->C_GetAttributeValue(s, found[i], &a, 1) == CKR_OK && class == CKO_PRIVATE_KEY)
			return found[i];
	return 0;
}

static CK_ULONG agree(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE *peer, CK_ULONG peer_n, CK_BYTE out[64])
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof class }, { CKA_KEY_TYPE, &type, sizeof type }, { CKA_TOKEN, &no, sizeof no },
		{ CKA_SENSITIVE, &no, sizeof no }, { CKA_EXTRACTABLE, &yes, sizeof yes },
	};
	CK_ECDH1_DERIVE_PARAMS params = { .kdf = CKD_NULL, .pPublicData = peer, .ulPublicDataLen = peer_n };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &params, sizeof params };
	CK_ATTRIBUTE value = { CKA_VALUE, out, 64 };
	CK_OBJECT_HANDLE made = 0;

	IS(OK, C_DeriveKey(s, &m, key, t, HL_COUNT(t), &made));
	IS(OK, C_GetAttributeValue(s, made, &value, 1));
	return value.ulValueLen;
}

static size_t agree_outside(EVP_PKEY *key, EVP_PKEY *peer, unsigned char out[64])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t n = 64;

	CU_ASSERT(EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		EVP_PKEY_derive(ctx, out, &n) == 1);
	EVP_PKEY_CTX_free(ctx);
	return n;
}

static void check_agreement(const char *algorithm)
{
	EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, algorithm), *peer = EVP_PKEY_Q_keygen(NULL, NULL, algorithm);
	unsigned char point[64], here[64] = { 0 }, outside[64] = { 1 };
	size_t point_n = sizeof point, n;
	CK_SESSION_HANDLE s;

	CU_ASSERT_EQUAL(EVP_PKEY_get_raw_public_key(peer, point, &point_n), 1);
	import(own, algorithm);
	s = p11_begin_logged_in(&acme);
	n = agree(s, private_half(s, algorithm), point, point_n, here);
	CU_ASSERT_EQUAL(agree_outside(own, peer, outside), n);
	CU_ASSERT_EQUAL(memcmp(here, outside, sizeof here < n ? sizeof here : n), 0);
	p11_over();
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
}

static void an_x25519_key_that_was_imported_agrees_with_the_outside(void)
{
	check_agreement("X25519");
}

static void an_x448_key_that_was_imported_agrees_with_the_outside(void)
{
	check_agreement("X448");
}

static CU_TestInfo tests[] = {
	{ "an X25519 key that was imported agrees with the outside", an_x25519_key_that_was_imported_agrees_with_the_outside },
	{ "an X448 key that was imported agrees with the outside", an_x448_key_that_was_imported_agrees_with_the_outside },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	int rc = 1;

	if (hl_test_folder_make(&folder))
		rc = p11_world_main("pkcs11 imports", tests, write_pin);
	hl_test_folder_remove(&folder);
	return rc;
}
