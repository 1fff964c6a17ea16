/* PKCS#11 URIs by the rules of RFC 7512. */
#include "client/uri.h"

#include <string.h>

#include "tests/support/test.h"

static const char *uri_of(const struct client_uri *u)
{
	static char text[1024];
	struct hl_buf out = hl_buf(sizeof text);

	client_uri_put(&out, u);
	CU_ASSERT_EQUAL(out.err, HL_OK);
	CU_ASSERT_EQUAL(hl_bytes_str(hl_buf_view(&out), text, sizeof text), HL_OK);
	hl_buf_clear(&out);
	return text;
}

static void a_token_is_named_by_its_attributes(void)
{
	CU_ASSERT_STRING_EQUAL(uri_of(&(struct client_uri){ "ACMEPARTONE", "hsmlet (simulator)", "0a1b2c3d4e5f6071", "hsmlet", 7 }),
		"pkcs11:token=ACMEPARTONE;manufacturer=hsmlet%20(simulator);serial=0a1b2c3d4e5f6071;model=hsmlet;slot-id=7");
	CU_ASSERT_STRING_EQUAL(uri_of(&(struct client_uri){ .token = "A", .serial = "", .slot_id = -1 }), "pkcs11:token=A");
	CU_ASSERT_STRING_EQUAL(uri_of(&(struct client_uri){ .slot_id = 0 }), "pkcs11:slot-id=0");
	CU_ASSERT_STRING_EQUAL(uri_of(&(struct client_uri){ .slot_id = -1 }), "pkcs11:");
}

/* RFC 7512, 2.4: values that are padded in Cryptoki stand without their padding. */
static void fields_are_cut_and_stripped_as_the_token_does_it(void)
{
	CU_ASSERT_STRING_EQUAL(
		uri_of(&(struct client_uri){ .token = "0123456789012345678901234567890123456789", .slot_id = -1 }),
		"pkcs11:token=01234567890123456789012345678901");
	CU_ASSERT_STRING_EQUAL(uri_of(&(struct client_uri){ .token = "a  ", .model = "  ", .slot_id = -1 }), "pkcs11:token=a");
}

/* Section 2.3: what may stand for itself in the path, and nothing else does. */
static void every_byte_stands_for_itself_or_as_two_digits(void)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:[]@!$'()*+,=&";
	unsigned itself = 0;

	for (unsigned byte = 0; byte < 256; byte++) {
		struct hl_buf out = hl_buf(16);
		uint8_t b = (uint8_t)byte;
		char want[4];

		client_uri_encode(&out, hl_bytes(&b, 1));
		snprintf(want, sizeof want, byte && strchr(plain, (int)byte) ? "%c" : "%%%02X", byte);
		itself += out.n == 1;
		CU_ASSERT(hl_bytes_eq(hl_buf_view(&out), hl_text(want)));
		hl_buf_clear(&out);
	}
	CU_ASSERT_EQUAL(itself, strlen(plain));
}

static void what_separates_in_a_uri_is_encoded(void)
{
	CU_ASSERT_STRING_EQUAL(uri_of(&(struct client_uri){ .token = "a;b?c/d%e#f|g\\h\"i", .slot_id = -1 }),
		"pkcs11:token=a%3Bb%3Fc%2Fd%25e%23f%7Cg%5Ch%22i");
	CU_ASSERT_STRING_EQUAL(uri_of(&(struct client_uri){ .token = "Schl\xc3\xbcssel", .slot_id = -1 }),
		"pkcs11:token=Schl%C3%BCssel"); /* 2.4: bytes of UTF-8 */
}

static CU_TestInfo tests[] = {
	{ "a token is named by its attributes", a_token_is_named_by_its_attributes },
	{ "fields are cut and stripped as the token does it", fields_are_cut_and_stripped_as_the_token_does_it },
	{ "every byte stands for itself or as two digits", every_byte_stands_for_itself_or_as_two_digits },
	{ "what separates in a URI is encoded", what_separates_in_a_uri_is_encoded },
	CU_TEST_INFO_NULL,
};

HL_TEST_MAIN("uri", tests)
