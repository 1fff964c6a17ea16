/* fuzz_credential.c - any text is refused or read, and what was read can be written and read
 * again. */
#include "lib/auth/credential.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max);

#define SETUP "aB3dE-fG4hJ-kL5mN-pQ6rS-tU7vW"

/* clang-format off */
static const char *const seeds[] = {
	"Service User Name: svcalpha              # Reverse proxy Service-User name\n"
	"Service User Password: pass#word # Reverse proxy Service-User password\n"
	"HSM User Name: PARTALPHA # Reference to HSM user/partition name\n",

	"HSM User Name: PARTALPHA\nHSM User Setup Password: " SETUP "\nPKCS#11 password : correct-horse\n",

	"HSM User Name: PARTALPHA\r\nHSM User Setup Password: " SETUP "\r\n",

	"\xef\xbb\xbf" "Native APIs:\n\tHSM User Name : PARTALPHA\nHSM User Setup Password:" SETUP "\n"
	"Service (Proxy) User Name: svcalpha\nService (Proxy) User Password: x\nPKCS#11 password : 1234 #\n"
	"\nREST API:\nJWT-TOKEN: eyJhbGciOiJub25lIn0.e30.\n",
};
/* clang-format on */

static void check(bool holds)
{
	if (!holds)
		abort();
}

static bool same(const struct hl_credential *a, const struct hl_credential *b)
{
	return a->kind == b->kind && strcmp(a->service_user, b->service_user) == 0 &&
	       strcmp(a->partition, b->partition) == 0 &&
	       hl_bytes_eq(hl_secret_view(&a->service_password),
		       hl_secret_view(&b->service_password)) &&
	       hl_bytes_eq(
		       hl_secret_view(&a->setup_password), hl_secret_view(&b->setup_password)) &&
	       hl_bytes_eq(hl_secret_view(&a->pin), hl_secret_view(&b->pin));
}

static void there_and_back(const struct hl_credential *c)
{
	HL_AUTO(hl_buf_clear) struct hl_buf text = hl_buf(4096);
	struct hl_credential again[2] = { 0 };
	size_t n = 0;
	unsigned line;
	const char *why;

	check(hl_credential_write(c, &text) == HL_OK);
	check(hl_credential_read(hl_buf_view(&text), again, &n, &line, &why) == HL_OK);
	check(n == 1 && same(c, &again[0]));
	hl_credential_clear(&again[0]);
	hl_credential_clear(&again[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hl_credential c[2] = { 0 };
	size_t n = 0;
	unsigned line = 0;
	const char *why = NULL;
	hl_err err = hl_credential_read(hl_bytes(data, size), c, &n, &line, &why);

	check(err == HL_OK || (err == HL_E_CRED_FILE && why));
	check(err == HL_OK ? n == 1 || n == 2 : n == 0);
	for (size_t i = 0; i < n; i++)
		there_and_back(&c[i]);
	hl_credential_clear(&c[0]);
	hl_credential_clear(&c[1]);
	return 0;
}

size_t hl_fuzz_seed(unsigned i, uint8_t *out, size_t max)
{
	size_t n = i < HL_COUNT(seeds) ? strlen(seeds[i]) : 0;

	if (n > max)
		return 0;
	if (n > 0)
		memcpy(out, seeds[i], n);
	return n;
}
