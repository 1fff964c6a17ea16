/* p11-kit as a judge of the PKCS#11 provider: its header was written by others from the same standard, and its library
 * loads, wraps and initialises modules as many applications do. */
#include <stddef.h>
#include <stdio.h>

#include "tests/interop/p11kit_numbers.h"
#include "tests/support/live_impl.h"
#include "tests/support/p11.h"
#include "tests/support/test.h"

static const struct p11kit_number ours[] = P11KIT_TABLE;

static struct live *w;
static struct live_account acme;

static void numbers_and_structures_are_the_same_in_both_headers(void)
{
	size_t n = 0;

	for (; ours[n].name; n++) {
		CU_ASSERT_STRING_EQUAL(ours[n].name, p11kit_theirs[n].name);
		CU_ASSERT_EQUAL(ours[n].value, p11kit_theirs[n].value);
		if (ours[n].value != p11kit_theirs[n].value)
			fprintf(stderr, "%s: 0x%lx, not 0x%lx\n", ours[n].name, ours[n].value, p11kit_theirs[n].value);
	}
	CU_ASSERT(n > 300);
	CU_ASSERT_PTR_NULL(p11kit_theirs[n].name);
}

static void p11_kit_finds_the_token_and_what_is_in_it(void)
{
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key;
	char path[PATH_MAX];
	const char *failed;

	CU_ASSERT(p11_load(w));
	s = p11_begin_logged_in(&acme);
	CU_ASSERT_EQUAL(p11_make_aes(s, "for p11-kit", &key), CKR_OK);
	p11_over();
	p11_unload();
	snprintf(path, sizeof path, "%s/.libs/libhsmlet-pkcs11.so", w->bin);
	failed = p11kit_tour(path, acme.partition, acme.pin, "for p11-kit");
	CU_ASSERT_PTR_NULL(failed);
	if (failed)
		fprintf(stderr, "%s\n", failed);
}

static CU_TestInfo tests[] = {
	{ "numbers and structures are the same in both headers", numbers_and_structures_are_the_same_in_both_headers },
	{ "p11-kit finds the token and what is in it", p11_kit_finds_the_token_and_what_is_in_it },
	CU_TEST_INFO_NULL,
};

static bool prepare(void)
{
	static const struct live_options one = { .proxies = 1, .hsms = 1 };
	static const struct live_tenant tenant = {
		.tenant = "acme", .user = "acmeservice", .partition = "ACMEPARTONE", .pin = "12345678",
	};
	struct p11_client client;

	w = live_start(&one);
	return w && live_provision(w, &tenant, &acme) == HL_OK && p11_client(w, "acme", &acme, &client);
}

int main(void)
{
	int rc = prepare() ? hl_test_main("p11-kit", tests) : 1;

	if (rc != 0)
		live_dump(w);
	return live_stop(w) ? rc : 1;
}
